//! What an event makes of an incident.

use crate::domain::incident::event::{ActorKind, Event, EventBody};
use crate::domain::incident::model::{
    Acknowledgement, AlertFact, Change, Ending, Incident, IncidentState, Maintained, Standing,
};
use crate::domain::time::Instant;

/// Folds one event into the incident that it is about. `None` for an incident that is not known and
/// not opened by this event.
pub fn fold(incident: Option<&Incident>, event: &Event) -> Option<Incident> {
    let mut incident = match (incident, &event.body) {
        (_, EventBody::Opened(opening)) => open(event, opening),
        (Some(incident), _) => incident.clone(),
        (None, _) => return None,
    };
    apply(&mut incident, event);
    Some(incident)
}

fn open(event: &Event, opening: &crate::domain::incident::event::Opening) -> Incident {
    Incident {
        id: event.incident,
        key: opening.key.clone(),
        version: event.position,
        title: opening.title.clone(),
        service: opening.service.clone(),
        source: opening.source.clone(),
        reported_by: event.actor.clone(),
        category: opening.category.clone(),
        impact: opening.impact,
        urgency: opening.urgency,
        priority: opening.priority,
        labels: opening.labels.clone(),
        annotations: opening.annotations.clone(),
        alerts: std::collections::BTreeMap::new(),
        opened_at: event.at,
        started_at: opening.started_at.min(event.at),
        standing: Standing::default(),
        parent: None,
        earlier: opening.earlier,
        recurrence: opening.recurrence.max(1),
        clear_since: None,
        unverified_since: None,
        maintenance: None,
        flapping_since: None,
        reopened_at: Vec::new(),
        last_change: None,
    }
}

/// How many reopenings are remembered for the flapping measure.
const REOPENINGS_KEPT: usize = 8;

/// Folds one event, other than its opening, into an incident in place.
pub fn apply(incident: &mut Incident, event: &Event) {
    incident.version = event.position;
    let at = event.at;
    let by = &event.actor.name;
    let before = incident.standing.clone();
    let ending = |automatic: bool, reason: &str| {
        Some(Ending { by: by.clone(), at, automatic, reason: reason.to_owned() })
    };
    let standing = &mut incident.standing;
    let mut what = None;
    match &event.body {
        EventBody::Opened(_) => {
            // Undo of a report by hand is to cancel it.
            if event.actor.kind == ActorKind::Person {
                let cancelled = ending(false, "reported by mistake");
                let state = IncidentState::Cancelled;
                let before = Standing { state, cancelled, ..Standing::default() };
                incident.last_change = Some(change(event, "reported", before));
            }
        }
        EventBody::AlertFired { fingerprint, alert } => {
            if incident.alerts.is_empty() {
                incident.labels = alert.labels.clone();
                if incident.annotations.is_empty() {
                    incident.annotations = alert.annotations.clone();
                } else {
                    for (name, value) in &alert.annotations {
                        incident.annotations.entry(name.clone()).or_insert_with(|| value.clone());
                    }
                }
            } else if incident.labels != alert.labels {
                incident.labels.retain(|k, v| alert.labels.get(k) == Some(v));
            }
            incident.alerts.insert(fingerprint.clone(), (**alert).clone());
            incident.clear_since = None;
        }
        EventBody::AlertCleared { fingerprint } => {
            if let Some(alert) = incident.alerts.get_mut(fingerprint) {
                alert.cleared_at = Some(at);
            }
            if incident.firing() == 0 {
                incident.clear_since = Some(at);
            }
        }
        EventBody::AlertChanged { fingerprint, status } => {
            if let Some(alert) = incident.alerts.get_mut(fingerprint) {
                alert.status = status.clone();
            }
        }
        EventBody::Acknowledged { until } => {
            standing.state = IncidentState::Acknowledged;
            let warns_at = until.map(|until| warns_at(at, until));
            standing.acknowledged =
                Some(Acknowledgement { by: by.clone(), at, until: *until, warns_at });
            standing.first_acknowledged_at.get_or_insert(at);
            standing.assignee = Some(by.clone());
            what = Some("acknowledged".to_owned());
        }
        EventBody::AcknowledgementExtended { until } => {
            if let Some(ack) = &mut standing.acknowledged {
                (ack.until, ack.warns_at) = (Some(*until), Some(warns_at(at, *until)));
            }
        }
        EventBody::AcknowledgementExpiring { .. } => {
            if let Some(ack) = &mut standing.acknowledged {
                ack.warns_at = None;
            }
        }
        EventBody::AcknowledgementTakenBack => {
            release(standing);
            what = Some("un-acknowledged".to_owned());
        }
        EventBody::AcknowledgementExpired => {
            release(standing);
            what = Some("returned to new".to_owned());
        }
        EventBody::Assigned { to } => {
            standing.assignee.clone_from(to);
            what = Some(format!("assigned to {}", to.as_deref().unwrap_or("nobody")));
        }
        EventBody::Noted { .. } => {
            // A word beside one's own action leaves that the last thing to undo.
            let beside = |c: &Change| !c.session.is_empty() && c.session == event.actor.session;
            if !incident.last_change.as_ref().is_some_and(beside) {
                what = Some("given a note".to_owned());
            }
        }
        EventBody::Resolved { automatic, reason } => {
            standing.state = IncidentState::Resolved;
            standing.resolved = ending(*automatic, reason);
            what = Some("resolved".to_owned());
        }
        EventBody::Reopened { automatic, .. } => {
            standing.resolved = None;
            standing.cancelled = None;
            standing.state = match &mut standing.acknowledged {
                Some(ack) => {
                    // The acknowledgement lives on for as long as it was given.
                    ack.until = ack.until.map(|until| at + (until - ack.at));
                    ack.warns_at = ack.until.map(|until| warns_at(at, until));
                    ack.at = at;
                    IncidentState::Acknowledged
                }
                None => IncidentState::New,
            };
            // Reopened by hand, it waits for its alerts to fire and clear again, or for a person.
            incident.clear_since = None;
            if *automatic {
                incident.reopened_at.push(at);
                let excess = incident.reopened_at.len().saturating_sub(REOPENINGS_KEPT);
                incident.reopened_at.drain(..excess);
            }
            what = Some("reopened".to_owned());
        }
        EventBody::Closed { automatic, reason } => {
            standing.state = IncidentState::Closed;
            standing.closed = ending(*automatic, reason);
            what = Some("closed".to_owned());
        }
        EventBody::Cancelled { reason } => {
            standing.state = IncidentState::Cancelled;
            standing.cancelled = ending(false, reason);
            what = Some("cancelled".to_owned());
        }
        EventBody::Folded { under } => incident.parent = Some(*under),
        EventBody::Unfolded => incident.parent = None,
        EventBody::Unverified => incident.unverified_since = Some(at),
        EventBody::Verified => incident.unverified_since = None,
        EventBody::MaintenanceBegan { window, title } => {
            let (window, title) = (window.clone(), title.clone());
            incident.maintenance = Some(Maintained { window, title, since: at });
        }
        EventBody::MaintenanceEnded => incident.maintenance = None,
        EventBody::FlappingStarted => incident.flapping_since = Some(at),
        EventBody::FlappingEnded => incident.flapping_since = None,
        EventBody::Reclassified { impact, urgency, priority } => {
            incident.impact = *impact;
            incident.urgency = *urgency;
            incident.priority = *priority;
        }
        EventBody::Undone { standing: restored, .. } => {
            incident.standing = (**restored).clone();
            let undone = change(event, "restored", before);
            // An undo is final: there is no redo, and nothing before it can be undone.
            incident.last_change = Some(Change { session: String::new(), ..undone });
            return;
        }
    }
    if let Some(what) = what {
        incident.last_change = Some(change(event, &what, before));
    }
}

/// The owner of an acknowledgement is warned when a fifth of its time is left.
fn warns_at(from: Instant, until: Instant) -> Instant {
    until - (until - from) / 5
}

/// Back to New, and to nobody where its owner only had it by acknowledging.
fn release(standing: &mut Standing) {
    standing.state = IncidentState::New;
    let owner = standing.acknowledged.take().map(|a| a.by);
    if standing.assignee == owner {
        standing.assignee = None;
    }
}

fn change(event: &Event, what: &str, before: Standing) -> Change {
    let person = event.actor.kind == ActorKind::Person;
    Change {
        position: event.position,
        at: event.at,
        by: event.actor.name.clone(),
        session: if person { event.actor.session.clone() } else { String::new() },
        what: what.to_owned(),
        before,
    }
}

/// An alert as it joins an incident.
pub fn alert_fact(alert: &crate::domain::observation::Alert) -> AlertFact {
    AlertFact {
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        since: alert.starts_at,
        status: alert.status.clone(),
        cleared_at: None,
        generator_url: alert.generator_url.clone(),
    }
}
