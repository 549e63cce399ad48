//! Pyrra: `ServiceLevelObjective` of `pyrra.dev/v1alpha1`.

use serde_json::Value;

use super::write::quoted;
use super::{Draft, Drafts, find, query, slug, target, text};
use crate::domain::text::parse_duration;

pub fn resource(document: &Value, kind: &str, found: &mut Drafts) {
    if kind != "ServiceLevelObjective" {
        found.notes.push(format!("a {kind} of Pyrra is no objective: left out"));
        return;
    }
    found.drafts.push(draft(document));
}

fn draft(document: &Value) -> Draft {
    let name = text(document, &["metadata", "name"]).unwrap_or("objective");
    let mut notes = Vec::new();
    let target = find(document, &["spec", "target"]).and_then(|v| target(v, 100.0, &mut notes));
    if target.is_none() {
        notes.push("it has no target that is a percentage".to_owned());
    }
    let window = text(document, &["spec", "window"]).unwrap_or("4w");
    if parse_duration(window).is_none() {
        notes.push(format!("its window {window} is no length that is known here"));
    }
    let (method, keys) = indicator(document, &mut notes);
    let mut keys = keys;
    let label = |key: &str| text(document, &["metadata", "labels", key]);
    let service = label("pyrra.dev/service").or_else(|| label("service"));
    if service.is_none() {
        notes.push("it names no service: set the one that it is about".to_owned());
    }
    let alerting = |key: &str| find(document, &["spec", "alerting", key]).and_then(Value::as_bool);
    if alerting("disabled") == Some(true) || alerting("burnrates") == Some(false) {
        keys.push(("alerts", "[]".to_owned()));
    }
    if alerting("absent") != Some(false) {
        notes.push(
            "it has no alert for what is absent: coverage shows it, and no_data = \"bad\" counts it"
                .to_owned(),
        );
    }
    Draft {
        id: slug(&[name], "objective", &mut notes),
        name: text(document, &["spec", "description"]).unwrap_or(name).to_owned(),
        service: slug(&[service.unwrap_or("service")], "service", &mut notes),
        target,
        window: quoted(window),
        method,
        keys,
        notes,
        is_off: false,
    }
}

type Keys = Vec<(&'static str, String)>;

fn indicator(document: &Value, notes: &mut Vec<String>) -> (&'static str, Keys) {
    let metric = |kind: &str, part: &str| {
        text(document, &["spec", "indicator", kind, part, "metric"]).map(|m| quoted(&query::sum(m)))
    };
    for kind in ["ratio", "latency", "latencyNative", "bool_gauge"] {
        if find(document, &["spec", "indicator", kind, "grouping"]).is_some() {
            notes.push("grouping is left out: here it is one objective over all of it".to_owned());
        }
    }
    if let (Some(errors), Some(total)) = (metric("ratio", "errors"), metric("ratio", "total")) {
        return ("events", vec![("bad", errors), ("total", total)]);
    }
    if let (Some(fast), Some(total)) = (metric("latency", "success"), metric("latency", "total")) {
        return ("events", vec![("good", fast), ("total", total)]);
    }
    if let Some(gauge) = text(document, &["spec", "indicator", "bool_gauge", "metric"]) {
        let query = format!("avg(avg_over_time({gauge}[{{{{window}}}}]))");
        return ("uptime", vec![("query", quoted(&query))]);
    }
    if let Some(native) = text(document, &["spec", "indicator", "latencyNative", "total", "metric"])
    {
        notes.push(format!(
            "latency of the native histogram {native} is not carried over: write good with \
             histogram_fraction() and total with histogram_count()"
        ));
    } else {
        notes.push("it has no indicator that is known here".to_owned());
    }
    ("events", Vec::new())
}
