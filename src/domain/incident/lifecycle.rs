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
pub fn fold(_incident: Option<&Incident>, _event: &Event) -> Option<Incident> {
    None
}
