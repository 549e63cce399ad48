//! Sloth: `version: prometheus/v1`, and the same as `PrometheusServiceLevel` of Kubernetes.

use serde_json::Value;

use super::write::quoted;
use super::{Draft, Drafts, find, list, query, slug, target, text};

/// As Sloth calls things in files, and in Kubernetes.
struct Words {
    events: [&'static str; 2],
    ratio: &'static str,
    alerts: [&'static str; 2],
}

const FILE: Words = Words {
    events: ["error_query", "total_query"],
    ratio: "error_ratio_query",
    alerts: ["page_alert", "ticket_alert"],
};
const RESOURCE: Words = Words {
    events: ["errorQuery", "totalQuery"],
    ratio: "errorRatioQuery",
    alerts: ["pageAlert", "ticketAlert"],
};

pub fn file(document: &Value, found: &mut Drafts) {
    all(document, &FILE, found);
}

pub fn resource(document: &Value, found: &mut Drafts) {
    if let Some(spec) = document.get("spec") {
        all(spec, &RESOURCE, found);
    }
}

fn all(spec: &Value, words: &Words, found: &mut Drafts) {
    let service = text(spec, &["service"]).unwrap_or("service");
    for slo in list(spec, &["slos"]) {
        found.drafts.push(draft(slo, service, words));
    }
    if find(spec, &["labels"]).is_some() {
        found.notes.push("labels are left out: there are none on objectives here".to_owned());
    }
    if find(spec, &["sloPlugins"]).or_else(|| find(spec, &["slo_plugins"])).is_some() {
        found.notes.push("plugins are left out".to_owned());
    }
}

fn draft(slo: &Value, service: &str, words: &Words) -> Draft {
    let name = text(slo, &["name"]).unwrap_or("objective");
    let mut notes = Vec::new();
    let target = slo.get("objective").and_then(|value| target(value, 100.0, &mut notes));
    if target.is_none() {
        notes.push("it has no objective that is a percentage".to_owned());
    }
    let mut keys = Vec::new();
    let [error, total] = words.events;
    let events = [text(slo, &["sli", "events", error]), text(slo, &["sli", "events", total])];
    match (events, text(slo, &["sli", "raw", words.ratio])) {
        ([Some(error), Some(total)], _) => {
            for (key, text) in [("bad", error), ("total", total)] {
                let (query, note) = query::counting(text);
                keys.push((key, quoted(&query)));
                notes.extend(note.map(|note| format!("{key}: {note}")));
            }
        }
        (_, Some(ratio)) => keys.push(("error_ratio", quoted(&query::plain(ratio)))),
        _ if find(slo, &["sli", "plugin"]).is_some() => {
            notes.push(
                "its sli is made by a plugin, which is not run here: write bad and total"
                    .to_owned(),
            );
        }
        _ => notes.push("it has no sli that is known here".to_owned()),
    }
    alerts(slo, words, &mut keys, &mut notes);
    Draft {
        id: slug(&[service, name], "objective", &mut notes),
        name: text(slo, &["description"]).unwrap_or(name).to_owned(),
        service: slug(&[service], "service", &mut notes),
        target,
        window: quoted("30d"),
        method: "events",
        keys,
        notes,
        is_off: false,
    }
}

/// What pages or asks for a ticket there does the same here, by the same rules.
fn alerts(
    slo: &Value,
    words: &Words,
    keys: &mut Vec<(&'static str, String)>,
    notes: &mut Vec<String>,
) {
    let is_off =
        |alert| find(slo, &["alerting", alert, "disable"]).and_then(Value::as_bool) == Some(true);
    let page = "{ budget = \"2%\", long = \"1h\", short = \"5m\", severity = \"page\" }, \
                { budget = \"5%\", long = \"6h\", short = \"30m\", severity = \"page\" }";
    let ticket = "{ budget = \"10%\", long = \"1d\", short = \"2h\", severity = \"ticket\" }, \
                  { budget = \"10%\", long = \"3d\", short = \"6h\", severity = \"ticket\" }";
    match words.alerts.map(is_off) {
        [false, false] => {}
        [true, true] => keys.push(("alerts", "[]".to_owned())),
        [true, false] => keys.push(("alerts", format!("[{ticket}]"))),
        [false, true] => keys.push(("alerts", format!("[{page}]"))),
    }
    let has = |key: &str| {
        let of = |alert: &str| find(slo, &["alerting", alert, key]).is_some();
        find(slo, &["alerting", key]).is_some() || words.alerts.into_iter().any(of)
    };
    if has("labels") || has("annotations") {
        notes.push("labels and annotations of its alerts are left out".to_owned());
    }
}
