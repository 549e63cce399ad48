//! What happens to handovers and reports: the facts that are stored.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::document::Document;
use crate::domain::health::ServiceId;
use crate::domain::incident::IncidentId;
use crate::domain::roster::{PersonId, Roster, ScheduleId};
use crate::domain::time::Instant;

macro_rules! number {
    ($name:ident, $prefix:literal, $what:literal) => {
        #[derive(
            Debug,
            Clone,
            Copy,
            PartialEq,
            Eq,
            PartialOrd,
            Ord,
            Hash,
            Default,
            Serialize,
            Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "-{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let upper = text.trim().to_ascii_uppercase();
                let digits = upper.strip_prefix(concat!($prefix, "-")).unwrap_or(&upper);
                match digits.parse() {
                    Ok(n) if n > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(n)),
                    _ => Err(format!(
                        concat!("{:?} is no ", $what, "; write it as ", $prefix, "-3"),
                        text
                    )),
                }
            }
        }
    };
}

number!(HandoverId, "HO", "handover");
number!(ReportId, "SR", "report");

/// Which turn of which schedule: by when it began. Stored as `schedule@instant`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShiftKey {
    pub schedule: ScheduleId,
    pub from: Instant,
}

impl fmt::Display for ShiftKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.schedule, super::show::rfc3339(self.from))
    }
}

/// One side of a handover: whom the roster names, or who acted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Party {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
}

impl Party {
    /// Whether that is what this one is called, as an owner of incidents.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.person.as_deref() == Some(name)
    }

    /// As the roster calls them, where it knows them.
    pub fn shown<'a>(&'a self, roster: &'a Roster) -> &'a str {
        self.person.as_ref().map_or(&self.name, |person| roster.name(person))
    }

    /// Whether both are the same, as far as is known.
    pub fn is(&self, other: &Self) -> bool {
        match (&self.person, &other.person) {
            (Some(one), Some(another)) => one == another,
            _ => self.is_called(&other.name) || other.is_called(&self.name),
        }
    }
}

/// The turn that is handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub key: ShiftKey,
    pub to: Instant,
    pub outgoing: Party,
    /// `None`: nobody comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incoming: Option<Party>,
}

/// A turn that is handed over so soon after it began may be the wrong one.
const EARLY: TimeDelta = TimeDelta::minutes(30);

impl Turn {
    /// Whether it has only just begun, and most of it is to come.
    pub fn is_early(&self, now: Instant) -> bool {
        let (ran, lasts) = (now - self.key.from, self.to - now);
        (TimeDelta::zero()..EARLY).contains(&ran) && lasts > ran
    }
}

/// What a report is about: a period, and whose services.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Coverage {
    pub from: Instant,
    pub to: Instant,
    #[serde(default, skip_serializing_if = "Scope::is_all")]
    pub scope: Scope,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    #[default]
    All,
    Contract(String),
    Team(String),
    Service(ServiceId),
}

impl Scope {
    pub fn is_all(&self) -> bool {
        *self == Self::All
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all services"),
            Self::Contract(name) => write!(f, "contract {name}"),
            Self::Team(name) => write!(f, "team {name}"),
            Self::Service(id) => write!(f, "service {id}"),
        }
    }
}

/// What happened. Stored as JSON `{kind, …}`; a kind is never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The notes of a turn are this now.
    HandoverNoted { shift: ShiftKey, notes: String },
    /// What is to be done next about an incident; empty: nothing is written any more.
    NextStepSet { incident: IncidentId, text: String },
    /// The outgoing side signed. What was submitted before under the same number is void.
    HandoverSubmitted { id: HandoverId, turn: Box<Turn>, by: Party, document: Box<Document> },
    /// The incoming side signed; that is the end of it.
    HandoverAccepted {
        id: HandoverId,
        by: Party,
        document: Box<Document>,
        /// What went over to them.
        incidents: Vec<IncidentId>,
        /// What spoke against it, and was read.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        despite: Vec<String>,
    },
    /// Frozen. The next revision of a number says what differs from the one before.
    ReportIssued {
        id: ReportId,
        /// From 1.
        revision: u32,
        coverage: Box<Coverage>,
        /// The `[[reports]]` that asked for it; empty: a person.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        plan: String,
        document: Box<Document>,
    },
    /// It arrived where `[[reports]]` sends it.
    ReportSent { id: ReportId, revision: u32, to: String },
}

impl Event {
    /// As it is stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::HandoverNoted { .. } => "handover_noted",
            Self::NextStepSet { .. } => "next_step_set",
            Self::HandoverSubmitted { .. } => "handover_submitted",
            Self::HandoverAccepted { .. } => "handover_accepted",
            Self::ReportIssued { .. } => "report_issued",
            Self::ReportSent { .. } => "report_sent",
        }
    }

    /// The document that it freezes, with its name among the records.
    pub fn document(&self) -> Option<(String, &Document)> {
        match self {
            Self::HandoverSubmitted { id, document, .. }
            | Self::HandoverAccepted { id, document, .. } => Some((id.to_string(), document)),
            Self::ReportIssued { id, revision, document, .. } => {
                Some((document_name(*id, *revision), document))
            }
            _ => None,
        }
    }

    /// What happened, for a person.
    pub fn words(&self) -> String {
        match self {
            Self::HandoverNoted { shift, .. } => format!("notes of {shift} written"),
            Self::NextStepSet { incident, text } if text.is_empty() => {
                format!("next step of {incident} taken out")
            }
            Self::NextStepSet { incident, text } => format!("next step of {incident}: {text}"),
            Self::HandoverSubmitted { id, turn, .. } => {
                format!("{id} of {} handed over by {}", turn.key.schedule, turn.outgoing.name)
            }
            Self::HandoverAccepted { id, by, incidents, .. } => {
                format!("{id} accepted by {}, {} transferred", by.name, incidents.len())
            }
            Self::ReportIssued { id, revision, coverage, .. } => {
                format!("{id} issued, revision {revision}, {}", coverage.scope)
            }
            Self::ReportSent { id, revision, to } => {
                format!("{id} revision {revision} sent to {to}")
            }
        }
    }
}

/// The name of one revision's document: `SR-2.1`.
pub fn document_name(id: ReportId, revision: u32) -> String {
    format!("{id}.{revision}")
}
