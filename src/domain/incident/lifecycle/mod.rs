//! The only place where an incident changes its state: which actions exist ([`Action`]), when they are
//! allowed and what they mean ([`judge`]), and what an event makes of an incident ([`apply`]).

mod apply;
mod judge;

pub use apply::{alert_fact, apply, fold};
pub use judge::{judge, judge_undo};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::model::{Findings, HoldReason, IncidentId, Priority};
use crate::domain::health::ServiceId;
use crate::domain::time::Instant;

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
    /// Empty: not known yet.
    pub category: String,
}

/// What can be done to one incident.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `lasting`: how long, where not as long as the plan says.
    Acknowledge {
        lasting: Option<TimeDelta>,
    },
    Unacknowledge,
    /// `None` takes it from whoever had it.
    Assign {
        to: Option<String>,
    },
    Note {
        text: String,
    },
    /// Nobody here can go on with it; `until`: it goes on by itself then.
    Hold {
        reason: HoldReason,
        note: String,
        until: Option<Instant>,
    },
    Resume,
    /// Out of sight and unpaged until then.
    Snooze {
        until: Instant,
    },
    Wake,
    /// What is `None` stays as it is.
    Classify {
        impact: Option<u8>,
        urgency: Option<u8>,
        category: Option<String>,
    },
    /// Stamps the time; what was found may follow at closing. `force`: although its alerts still fire.
    Resolve {
        reason: String,
        findings: Findings,
        force: bool,
    },
    /// What is empty of the findings and the category is taken from what is on record.
    Close {
        reason: String,
        findings: Findings,
        category: String,
    },
    /// What those say for whom it was done: 1 (bad) to 5 (good).
    Rate {
        score: u8,
        text: String,
        from: String,
    },
    Cancel {
        reason: String,
    },
    Reopen {
        reason: String,
    },
    /// It is the same trouble as that one.
    Merge {
        into: IncidentId,
    },
    /// It is not the same trouble after all.
    Split {
        reason: String,
    },
    /// Puts right what was recorded wrong, after the end.
    Correct {
        correction: Box<Correction>,
        reason: String,
        agreed_with: String,
    },
}

/// What a correction changes; `None` stays as it was recorded.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Correction {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Instant>,
    /// When somebody first had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Instant>,
    /// When the service worked again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Instant>,
    /// 1–3; the priority follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impact: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urgency: Option<u8>,
    /// As the plan's matrix had it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(skip_serializing_if = "Findings::is_empty")]
    pub findings: Findings,
    /// A time of waiting that nobody had recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Waited>,
    /// Left out of service levels, or counted again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded: Option<bool>,
}

/// A time of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waited {
    pub reason: HoldReason,
    pub from: Instant,
    pub to: Instant,
}

impl Action {
    /// What is done, as a verb.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Acknowledge { .. } => "acknowledge",
            Self::Unacknowledge => "unacknowledge",
            Self::Assign { .. } => "assign",
            Self::Note { .. } => "note",
            Self::Hold { .. } => "hold",
            Self::Resume => "resume",
            Self::Snooze { .. } => "snooze",
            Self::Wake => "wake",
            Self::Classify { .. } => "classify",
            Self::Resolve { .. } => "resolve",
            Self::Close { .. } => "close",
            Self::Rate { .. } => "rate",
            Self::Cancel { .. } => "cancel",
            Self::Reopen { .. } => "reopen",
            Self::Merge { .. } => "merge",
            Self::Split { .. } => "split",
            Self::Correct { .. } => "correct",
        }
    }

    /// Resolves at once, with nothing said.
    pub fn resolve(force: bool) -> Self {
        Self::Resolve { reason: String::new(), findings: Findings::default(), force }
    }
}
