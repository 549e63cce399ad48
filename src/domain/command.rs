//! What people ask for, and what they are answered.

use std::fmt;

use super::calendar;
use super::incident::IncidentId;
use super::incident::lifecycle::{Action, Report, Target};
use super::incident::views::shared;
use super::paging;
use super::report;
use super::roster::book;
use super::upstream;

/// What a person asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Report an incident by hand.
    Report(Report),
    /// The same action on each of these; `seen` is the version that was on the person's screen.
    Act { targets: Vec<Target>, action: Action },
    /// Take back the last own action on these.
    Undo { targets: Vec<IncidentId> },
    /// Change the roster.
    Roster(book::Command),
    /// Change the calendar.
    Calendar(calendar::Command),
    /// Page somebody, or say what became of it.
    Paging(paging::Command),
    /// Save or delete a view that everybody has.
    View(shared::Command),
    /// Page the next level of the policy that governs an incident, now.
    Escalate(paging::escalate::Request),
    /// Write, sign and issue handovers and reports.
    Reports(report::Command),
    /// Order something of a system that alerts came from, or say what became of it.
    Upstream(upstream::Command),
}

/// The answer to one target of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `None` for what is about no incident, and for a report that was refused.
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
