//! The only place where an incident changes its state: which actions exist ([`Action`]), when they are
//! allowed and what they mean ([`judge`]), and what an event makes of an incident ([`apply`]).

mod apply;
mod judge;

pub use apply::{alert_fact, apply, fold};
pub use judge::{judge, judge_undo};

use super::model::IncidentId;
use crate::domain::health::ServiceId;

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

impl Action {
    /// What is done, as a verb.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Unacknowledge => "unacknowledge",
            Self::Assign { .. } => "assign",
            Self::Note { .. } => "note",
            Self::Resolve { .. } => "resolve",
            Self::Close { .. } => "close",
            Self::Cancel { .. } => "cancel",
            Self::Reopen { .. } => "reopen",
        }
    }
}
