//! The only place where an incident changes its state: which actions exist, when they are allowed,
//! what they mean, and what an event makes of an incident.

use std::fmt;

use super::event::{Event, EventBody};
use super::model::{Incident, IncidentId};
use super::policy::Policy;
use crate::domain::health::ServiceId;
use crate::domain::time::Instant;

/// What a person asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Report an incident by hand.
    Report(Report),
    /// The same action on each of these; `seen` is the version that was on the person's screen.
    Act { targets: Vec<Target>, action: Action },
    /// Take back the last own action on these.
    Undo { targets: Vec<IncidentId> },
}

/// An incident as it was seen by who acts on it. `seen` 0: not seen (the command line), judge it as
/// it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub id: IncidentId,
    pub seen: u64,
}

/// A report by hand.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    pub service: Option<ServiceId>,
    pub title: String,
    pub text: String,
    /// 1–3; `None`: by the service's tier.
    pub impact: Option<u8>,
    /// 1–3; `None`: 2.
    pub urgency: Option<u8>,
}

/// What can be done to one incident.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Acknowledge,
    Unacknowledge,
    /// `None` takes it from whoever had it.
    Assign {
        to: Option<String>,
    },
    Note {
        text: String,
    },
    /// `force`: although its alerts still fire.
    Resolve {
        reason: String,
        force: bool,
    },
    Close {
        reason: String,
    },
    Cancel {
        reason: String,
    },
    Reopen {
        reason: String,
    },
}

/// The answer to one target of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `None` only for a report that was refused.
    pub id: Option<IncidentId>,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Stored. `also`: incidents that went along, such as the folded ones.
    Done { said: String, also: Vec<IncidentId> },
    /// Nothing to do: it is so already.
    Already { why: String },
    /// Not allowed in the state that was seen; says the way out.
    Refused { why: String },
    /// Allowed in the state that was seen, but somebody was faster; says who and when.
    Conflict { why: String },
    /// Allowed, but asks first: say it again with `force`.
    Confirm { why: String },
}

impl Verdict {
    /// `done refused conflict`, as in `--json`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done { .. } | Self::Already { .. } => "done",
            Self::Refused { .. } | Self::Confirm { .. } => "refused",
            Self::Conflict { .. } => "conflict",
        }
    }

    /// Whether something was stored.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done { said, .. } => f.write_str(said),
            Self::Already { why }
            | Self::Refused { why }
            | Self::Conflict { why }
            | Self::Confirm { why } => f.write_str(why),
        }
    }
}

/// Judges one action on one incident: the events that it means, or why not.
pub fn judge(
    _incident: &Incident,
    _target: Target,
    _action: &Action,
    _policy: &Policy,
    _now: Instant,
) -> Result<Vec<EventBody>, Verdict> {
    Err(Verdict::Refused { why: "not built yet".to_owned() })
}

/// Folds one event into the incident that it is about; `None` where it opens it.
pub fn fold(incident: Option<&Incident>, event: &Event) -> Option<Incident> {
    if let EventBody::Opened(o) = &event.body {
        return Some(Incident {
            id: event.incident,
            key: o.key.clone(),
            version: event.position,
            title: o.title.clone(),
            service: o.service.clone(),
            source: o.source.clone(),
            reported_by: event.actor.clone(),
            category: o.category.clone(),
            impact: o.impact,
            urgency: o.urgency,
            priority: o.priority,
            labels: o.labels.clone(),
            annotations: o.annotations.clone(),
            alerts: std::collections::BTreeMap::new(),
            opened_at: event.at,
            started_at: o.started_at,
            standing: super::model::Standing::default(),
            parent: None,
            earlier: o.earlier,
            recurrence: o.recurrence,
            clear_since: None,
            unverified_since: None,
            flapping_since: None,
            reopened_at: Vec::new(),
            last_action: None,
        });
    }
    let mut next = incident?.clone();
    next.version = event.position;
    let ending = |automatic: bool, reason: &str| super::model::Ending {
        by: event.actor.name.clone(),
        at: event.at,
        automatic,
        reason: reason.to_owned(),
    };
    match &event.body {
        EventBody::AlertFired { fingerprint, alert } => {
            next.alerts.insert(fingerprint.clone(), (**alert).clone());
        }
        EventBody::AlertCleared { fingerprint } => {
            if let Some(a) = next.alerts.get_mut(fingerprint) {
                a.cleared_at = Some(event.at);
            }
        }
        EventBody::Acknowledged { until } => {
            next.standing.state = super::model::IncidentState::Acknowledged;
            next.standing.acknowledged = Some(super::model::Acknowledgement {
                by: event.actor.name.clone(),
                at: event.at,
                until: *until,
            });
        }
        EventBody::Assigned { to } => next.standing.assignee.clone_from(to),
        EventBody::Resolved { automatic, reason } => {
            next.standing.state = super::model::IncidentState::Resolved;
            next.standing.resolved = Some(ending(*automatic, reason));
        }
        EventBody::Reopened { .. } => next.standing.state = super::model::IncidentState::New,
        EventBody::Closed { automatic, reason } => {
            next.standing.state = super::model::IncidentState::Closed;
            next.standing.closed = Some(ending(*automatic, reason));
        }
        _ => {}
    }
    Some(next)
}
