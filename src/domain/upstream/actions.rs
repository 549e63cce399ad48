//! What is to be told elsewhere when something is done here: one order for the incident, or one for
//! each of its alerts where the template asks for those.

use std::collections::BTreeSet;

use super::model::{Call, OrderId, Ordered, UpstreamKind, Upstreams, object};
use super::template::Values;
use crate::domain::incident::Incident;
use crate::domain::matcher::Labels;
use crate::domain::text;
use crate::domain::time::Instant;

/// What can be told of, by the names of the actions.
pub const TOLD: [&str; 12] = [
    "acknowledge",
    "unacknowledge",
    "assign",
    "note",
    "hold",
    "resume",
    "resolve",
    "close",
    "cancel",
    "reopen",
    "snooze",
    "wake",
];
/// Most orders for one action on one incident.
const MOST: usize = 50;
/// The longest value, in characters.
const MAX_VALUE: usize = 500;

/// A note as a comment on the objects whose problems an incident has.
fn commented(incident: &Incident, comment: &str, by: &str, id: OrderId) -> Vec<Ordered> {
    let firing = incident.alerts.values().filter(|a| a.cleared_at.is_none());
    let objects: BTreeSet<String> = firing.filter_map(|a| object(&a.labels)).take(MOST).collect();
    if objects.is_empty() {
        return Vec::new();
    }
    let comment = format!("{}: {}", incident.id, text::clean(comment, MAX_VALUE));
    let call = Call::Comment { objects: objects.into_iter().collect(), comment };
    let (source, author) = (incident.source.clone(), text::clean(by, 80));
    vec![Ordered { id, source, incident: Some(incident.id), author, call }]
}

/// What was done, as far as it is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Done<'a> {
    pub action: &'a str,
    pub comment: &'a str,
    pub by: &'a str,
    /// To whom it was assigned, and their address.
    pub to: &'a str,
    pub email: &'a str,
    pub until: Option<Instant>,
}

/// The orders that follow from an action that was done on an incident; `next` is the number of the
/// first.
pub fn ordered(
    upstreams: &Upstreams,
    incident: &Incident,
    done: &Done<'_>,
    next: OrderId,
) -> Vec<Ordered> {
    let upstream = upstreams.get(&incident.source);
    let Done { action, comment, by, to, email, until } = *done;
    let Some(names) = upstream.and_then(|u| u.actions.get(action)) else { return Vec::new() };
    if upstream.is_some_and(|u| u.kind == UpstreamKind::Icinga2) {
        return commented(incident, comment, by, next);
    }
    let filled = |alert: Option<(&str, &Labels)>| -> Values {
        let labels = alert.map_or(&incident.labels, |(_, labels)| labels);
        let value = |name: &str| match name {
            "id" => incident.id.to_string(),
            "title" => incident.title.clone(),
            "service" => incident.service.as_ref().map(ToString::to_string).unwrap_or_default(),
            "priority" => incident.priority.to_string(),
            "source" => incident.source.to_string(),
            "by" => by.to_owned(),
            "comment" => comment.to_owned(),
            "to" => to.to_owned(),
            "email" => email.to_owned(),
            "until" => until.map(|at| at.to_rfc3339()).unwrap_or_default(),
            "alert" => alert.map_or_else(String::new, |(id, _)| id.to_owned()),
            other => {
                let label = other.strip_prefix("labels.").unwrap_or_default();
                labels.get(label).cloned().unwrap_or_default()
            }
        };
        names.iter().map(|n| (n.clone(), text::clean(&value(n), MAX_VALUE))).collect()
    };
    // Alerts alike are told of once.
    let all: BTreeSet<Values> = if names.contains("alert") {
        let alerts = incident.alerts.iter().take(MOST);
        alerts.map(|(id, alert)| filled(Some((id, &alert.labels)))).collect()
    } else {
        [filled(None)].into()
    };
    let order = |(n, values): (u64, Values)| Ordered {
        id: OrderId(n),
        source: incident.source.clone(),
        incident: Some(incident.id),
        author: text::clean(by, 80),
        call: Call::Tell { action: action.to_owned(), values },
    };
    (next.0..).zip(all).map(order).collect()
}
