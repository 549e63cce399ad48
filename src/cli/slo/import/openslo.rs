//! OpenSLO v1: an `SLO` with its indicator, inline or as an `SLI` of the same file.

use chrono::TimeDelta;
use serde_json::Value;

use super::write::quoted;
use super::{Draft, Drafts, find, list, query, slug, target, text};
use crate::domain::slo::Target;
use crate::domain::text::parse_duration;

pub fn document(document: &Value, kind: &str, all: &[Value], found: &mut Drafts) {
    if text(document, &["apiVersion"]) != Some("openslo/v1") {
        let version = text(document, &["apiVersion"]).unwrap_or_default();
        found.notes.push(format!("{version} is not read here, openslo/v1 is"));
        return;
    }
    match kind {
        "SLO" => slo(document, all, found),
        // It is read with the SLO that refers to it.
        "SLI" => {}
        kind => found.notes.push(format!("a {kind} of OpenSLO is left out")),
    }
}

fn slo(document: &Value, all: &[Value], found: &mut Drafts) {
    let name = text(document, &["metadata", "name"]).unwrap_or("objective");
    let shown = text(document, &["metadata", "displayName"]).unwrap_or(name);
    let objectives = list(document, &["spec", "objectives"]);
    if objectives.is_empty() {
        found.notes.push(format!("{name} has no objectives"));
    }
    for (n, objective) in objectives.iter().enumerate() {
        let mut notes = Vec::new();
        let several = (objectives.len() > 1).then(|| (n + 1).to_string());
        let part = text(objective, &["displayName"]).map(str::to_owned).or(several);
        let part = part.filter(|_| objectives.len() > 1);
        let parts: Vec<&str> = std::iter::once(name).chain(part.as_deref()).collect();
        let goal = goal(objective, &mut notes);
        let window = window(document, &mut notes);
        let indicator = indicator(document, objective, all);
        let (method, mut keys) = if let Some(spec) = indicator {
            measured(document, objective, spec, all, &mut notes)
        } else {
            notes.push("its indicator is not in this file: write good and total".to_owned());
            ("events", Vec::new())
        };
        if find(document, &["spec", "alertPolicies"]).is_some() {
            notes.push("alert policies are left out: the usual burn-rate rules apply".to_owned());
        }
        keys.dedup_by_key(|(key, _)| *key);
        let service = text(document, &["spec", "service"]).unwrap_or("service");
        found.drafts.push(Draft {
            id: slug(&parts, "objective", &mut notes),
            name: part.map_or_else(|| shown.to_owned(), |part| format!("{shown}: {part}")),
            service: slug(&[service], "service", &mut notes),
            target: goal,
            window,
            method,
            keys,
            notes,
            is_off: false,
        });
    }
}

fn goal(objective: &Value, notes: &mut Vec<String>) -> Option<Target> {
    let found = match (objective.get("target"), objective.get("targetPercent")) {
        (Some(part), _) => target(part, 1.0, notes),
        (None, Some(percent)) => target(percent, 100.0, notes),
        (None, None) => None,
    };
    if found.is_none() {
        notes.push("it has no target between 0 and 1".to_owned());
    }
    found
}

/// Rolling by its length, of the calendar by its unit.
fn window(document: &Value, notes: &mut Vec<String>) -> String {
    let first = list(document, &["spec", "timeWindow"]).first();
    let Some(window) = first else {
        notes.push("it has no time window: 30 days are taken".to_owned());
        return quoted("30d");
    };
    let length = text(window, &["duration"]).unwrap_or("30d");
    if find(window, &["isRolling"]).and_then(Value::as_bool) != Some(false) {
        // M is a month here, and no minutes.
        let months = length.strip_suffix('M').and_then(|n| n.parse::<u32>().ok());
        let days = months.and_then(|n| n.checked_mul(30));
        return match (days, parse_duration(length)) {
            (Some(days), _) => {
                notes.push(format!("{length} that roll are {days} days here"));
                quoted(&format!("{days}d"))
            }
            (None, Some(_)) => quoted(length),
            (None, None) => {
                notes.push(format!("its window {length} is no length that is known here"));
                quoted("30d")
            }
        };
    }
    let period = match length {
        "1w" | "7d" => "week",
        "1M" => "month",
        "1Q" | "3M" => "quarter",
        "1Y" | "1y" | "12M" => "year",
        other => {
            notes.push(format!("a calendar of {other} is not known here: a month is taken"));
            "month"
        }
    };
    match text(window, &["calendar", "timeZone"]) {
        Some(zone) => format!("{{ calendar = {}, timezone = {} }}", quoted(period), quoted(zone)),
        None => format!("{{ calendar = {} }}", quoted(period)),
    }
}

/// What is measured: of the objective, of the SLO, or of the SLI that it refers to.
fn indicator<'a>(document: &'a Value, objective: &'a Value, all: &'a [Value]) -> Option<&'a Value> {
    let inline = |v: &'a Value, path: &[&str]| find(v, path);
    let referred =
        text(objective, &["indicatorRef"]).or_else(|| text(document, &["spec", "indicatorRef"]));
    inline(objective, &["indicator", "spec"])
        .or_else(|| inline(document, &["spec", "indicator", "spec"]))
        .or_else(|| {
            let sli = all.iter().find(|d| {
                text(d, &["kind"]) == Some("SLI") && text(d, &["metadata", "name"]) == referred
            });
            referred.and(sli).and_then(|sli| sli.get("spec"))
        })
}

type Keys = Vec<(&'static str, String)>;

fn measured(
    document: &Value,
    objective: &Value,
    spec: &Value,
    all: &[Value],
    notes: &mut Vec<String>,
) -> (&'static str, Keys) {
    let budgeting = text(document, &["spec", "budgetingMethod"]).unwrap_or("Occurrences");
    let method = if budgeting == "Occurrences" { "events" } else { "timeslices" };
    if budgeting == "RatioTimeslices" {
        notes.push("RatioTimeslices averages ratios; here each slice is good or bad".to_owned());
    }
    let mut keys = Keys::new();
    let ratio = |part: &str| find(spec, &["ratioMetric", part, "metricSource"]);
    let threshold = find(spec, &["thresholdMetric", "metricSource"]);
    let mut sources =
        ["good", "bad", "total", "raw"].into_iter().filter_map(ratio).chain(threshold);
    if let Some(kind) = sources.find_map(|source| foreign(source, all)) {
        let note = format!("{kind} is asked, whose queries are no PromQL: write good and total");
        notes.push(note);
        return (method, keys);
    }
    let query =
        |source| text(source, &["spec", "query"]).or_else(|| text(source, &["spec", "promql"]));
    let metric = |part: &str| ratio(part).and_then(query);
    let slice_target = find(objective, &["timeSliceTarget"]);
    if slice_target.is_some() && (threshold.is_some() || method == "events") {
        notes.push("its timeSliceTarget is left out: nothing is counted by slice here".to_owned());
    }
    if let Some(query) = threshold.and_then(query) {
        limit(objective, query, &mut keys, notes);
        let length = slice(objective, &mut keys, notes);
        let fixed = query::fixed(query);
        let span = fixed.as_deref().and_then(|f| parse_duration(f.trim_matches(['[', ']', ' '])));
        if let (Some(fixed), Some(_)) = (fixed, length.filter(|_| span != length)) {
            notes.push(format!(
                "query looks at {fixed}, which is no slice: [{{{{window}}}}] is the slice alone"
            ));
        }
        return ("timeslices", keys);
    }
    if let Some(raw) = metric("raw") {
        let ratio = query::plain(raw);
        let is_success = text(spec, &["ratioMetric", "rawType"]) == Some("success");
        let ratio = if is_success { format!("1 - ({ratio})") } else { ratio };
        keys.push(("error_ratio", quoted(&ratio)));
    } else {
        for part in ["good", "bad", "total"] {
            // Good and bad say the same; one of them is enough.
            if let Some(text) = metric(part).filter(|_| part == "total" || keys.is_empty()) {
                let (query, note) = query::counting(text);
                keys.push((part, quoted(&query)));
                notes.extend(note.map(|note| format!("{part}: {note}")));
            }
        }
        if keys.len() < 2 {
            notes.push("it has no ratioMetric or thresholdMetric with queries".to_owned());
        }
    }
    if method == "timeslices" {
        let at_least = slice_target.and_then(|v| target(v, 1.0, notes));
        match at_least {
            Some(target) => {
                keys.push(("slice_target", quoted(&target.to_string().replace(' ', ""))));
            }
            None => notes.push("it has no timeSliceTarget: set slice_target".to_owned()),
        }
        slice(objective, &mut keys, notes);
    }
    (method, keys)
}

/// What kind of source it is, if it does not speak PromQL.
fn foreign(source: &Value, all: &[Value]) -> Option<String> {
    let referred = text(source, &["metricSourceRef"]).and_then(|name| {
        let is_it = |d: &&Value| {
            text(d, &["kind"]) == Some("DataSource") && text(d, &["metadata", "name"]) == Some(name)
        };
        text(all.iter().find(is_it)?, &["spec", "type"])
    });
    let kind = text(source, &["type"]).or(referred)?;
    let known = ["prometheus", "promql", "thanos", "mimir", "cortex", "victoriametrics"];
    (!known.contains(&kind.to_lowercase().as_str())).then(|| kind.to_owned())
}

/// Good on one side of a value.
fn limit(objective: &Value, query: &str, keys: &mut Keys, notes: &mut Vec<String>) {
    keys.push(("query", quoted(&query::plain(query))));
    let side = match text(objective, &["op"]).unwrap_or_default() {
        "lte" | "lt" => Some("below"),
        "gte" | "gt" => Some("above"),
        _ => None,
    };
    match (side, find(objective, &["value"]).and_then(Value::as_f64)) {
        (Some(side), Some(value)) => keys.push((side, toml::Value::Float(value).to_string())),
        _ => notes.push("it has no op and value: set below or above".to_owned()),
    }
    if matches!(text(objective, &["op"]), Some("lt" | "gt")) {
        notes.push("a value on the limit itself is good here".to_owned());
    }
}

/// The length of a slice, where it is said.
fn slice(objective: &Value, keys: &mut Keys, notes: &mut Vec<String>) -> Option<TimeDelta> {
    let text = match find(objective, &["timeSliceWindow"])? {
        Value::Number(minutes) => format!("{minutes}m"),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let length = parse_duration(&text);
    if length.is_some() {
        keys.push(("slice", quoted(&text)));
    } else {
        notes.push(format!("its slices of {text} are no length that is known here"));
    }
    length
}
