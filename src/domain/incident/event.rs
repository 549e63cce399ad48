//! What happened to incidents: the facts that are stored, and of which everything else is a fold.
//!
//! Stored as JSON `{kind, v, …}`. A kind is never changed, only added or given a new `v` with an
//! upcaster on reading.

use serde::{Deserialize, Serialize};

use super::lifecycle::Correction;
use super::model::{
    Absorbed, AlertFact, Class, Findings, HoldReason, IncidentId, Interrupted, Priority, Standing,
};
use crate::domain::calendar::WindowId;
use crate::domain::health::ServiceId;
use crate::domain::matcher::Labels;
use crate::domain::observation::{AlertStatus, SourceName};
use crate::domain::report::HandoverId;
use crate::domain::roster::PersonId;
use crate::domain::sla::contract::Kind;
use crate::domain::time::Instant;

/// One stored fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the log, from 1, gapless: the order of things.
    pub position: u64,
    /// Never before the event that precedes it.
    pub at: Instant,
    pub actor: Actor,
    pub incident: IncidentId,
    pub body: EventBody,
}

/// Who did it, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub kind: ActorKind,
    /// The operator's or the source's name; `atalaya` for the console itself.
    pub name: String,
    /// Operating-system user.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The console's host.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Where an SSH session came from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ssh_from: String,
    /// The console session; undo belongs to it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub session: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    Person,
    Source,
    System,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventBody {
    /// Detected by a source or reported by a person.
    Opened(Box<Opening>),
    /// An alert joined, or one that had cleared fires again.
    AlertFired {
        fingerprint: String,
        alert: Box<AlertFact>,
    },
    /// An alert was proven clear.
    AlertCleared {
        fingerprint: String,
    },
    /// An alert was silenced, inhibited, or is active again.
    AlertChanged {
        fingerprint: String,
        status: AlertStatus,
    },
    Acknowledged {
        until: Option<Instant>,
        /// By accepting which handover; it goes on from whoever had it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handover: Option<HandoverId>,
    },
    AcknowledgementExtended {
        until: Instant,
    },
    /// Its owner was told that it expires soon.
    AcknowledgementExpiring {
        until: Instant,
    },
    AcknowledgementTakenBack,
    AcknowledgementExpired,
    Assigned {
        to: Option<String>,
        /// As in [`Self::Acknowledged`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        handover: Option<HandoverId>,
    },
    Noted {
        text: String,
    },
    Resolved {
        automatic: bool,
        reason: String,
        #[serde(default, skip_serializing_if = "Findings::is_empty")]
        findings: Findings,
    },
    Reopened {
        automatic: bool,
        reason: String,
    },
    Closed {
        automatic: bool,
        reason: String,
        #[serde(default, skip_serializing_if = "Findings::is_empty")]
        findings: Findings,
        /// What it was about; `None`: as it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<String>,
    },
    Cancelled {
        reason: String,
    },
    /// It waits for others.
    Held {
        reason: HoldReason,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Instant>,
    },
    /// It no longer waits.
    Resumed {
        automatic: bool,
    },
    Snoozed {
        until: Instant,
    },
    Woken {
        automatic: bool,
    },
    /// What those say for whom it was done.
    Rated {
        /// 1 (bad) to 5 (good).
        score: u8,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        from: String,
    },
    /// Another one covers the same trouble.
    Merged {
        into: IncidentId,
    },
    /// That one was merged into it.
    Absorbed(Box<Absorbed>),
    /// It stands for itself again.
    SplitOff {
        from: IncidentId,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
        /// What goes on from before the merge.
        #[serde(default, skip_serializing_if = "Interrupted::is_empty")]
        goes_on: Box<Interrupted>,
    },
    /// That one no longer belongs to it.
    Released {
        id: IncidentId,
    },
    /// What was recorded wrong is put right after the end.
    Corrected {
        correction: Box<Correction>,
        reason: String,
        /// With whom that was agreed.
        agreed_with: String,
    },
    /// Its service depends on one that is red: it is shown under that one's incident.
    Folded {
        under: IncidentId,
    },
    Unfolded,
    /// Its alerts are gone, but nothing proves that they cleared.
    Unverified,
    Verified,
    /// A window began that mutes it.
    MaintenanceBegan {
        window: WindowId,
        /// What is done in it.
        title: String,
        /// Its time is planned downtime, which a contract may leave out.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        sla_relevant: bool,
    },
    /// No window mutes it any more.
    MaintenanceEnded,
    /// It happens in a drill.
    Drilled {
        window: WindowId,
        /// What is practised in it.
        title: String,
    },
    FlappingStarted,
    FlappingEnded,
    /// A clock of a contract has come so far; where an escalation says so, somebody was called.
    ServiceLevelWarned {
        contract: std::sync::Arc<str>,
        clock: Kind,
        /// When the clock began.
        start: Instant,
        /// `75%`, `-15m`.
        mark: String,
        deadline: Instant,
        /// Of an escalation: `level 2`, `schedule:core`.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        call: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<PersonId>,
        /// Who was not reached, each with the reason.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missed: Vec<String>,
    },
    /// A level of a policy was paged, or would have been: it may reach nobody.
    Escalated {
        policy: std::sync::Arc<str>,
        /// From 1.
        level: usize,
        /// From 1.
        round: u32,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<PersonId>,
        /// Who was not reached, each with the reason.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missed: Vec<String>,
        /// When it goes on, unless somebody acknowledges; `None`: it does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Instant>,
    },
    /// All levels were paged as often as the policy says.
    EscalationExhausted {
        policy: std::sync::Arc<str>,
    },
    Reclassified {
        impact: u8,
        urgency: u8,
        priority: Priority,
        /// `None`: as it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<String>,
    },
    /// An own action taken back.
    Undone {
        position: u64,
        what: String,
        standing: Box<Standing>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<Box<Class>>,
    },
}

/// What an incident begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    pub key: String,
    pub title: String,
    pub service: Option<ServiceId>,
    pub source: SourceName,
    #[serde(default)]
    pub category: String,
    pub impact: u8,
    pub urgency: u8,
    pub priority: Priority,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
    pub started_at: Instant,
    #[serde(default)]
    pub earlier: Option<IncidentId>,
    #[serde(default)]
    pub recurrence: u32,
}

impl Actor {
    /// The console itself.
    pub fn system() -> Self {
        Self::of(ActorKind::System, "atalaya")
    }

    /// A source, by its configured name.
    pub fn source(name: &str) -> Self {
        Self::of(ActorKind::Source, name)
    }

    /// A person by name only; the edge adds where from.
    pub fn person(name: &str) -> Self {
        Self::of(ActorKind::Person, name)
    }

    fn of(kind: ActorKind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            user: String::new(),
            host: String::new(),
            ssh_from: String::new(),
            session: String::new(),
        }
    }
}

impl EventBody {
    /// The stored `kind`, also the word on the timeline.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::AlertFired { .. } => "alert_fired",
            Self::AlertCleared { .. } => "alert_cleared",
            Self::AlertChanged { .. } => "alert_changed",
            Self::Acknowledged { .. } => "acknowledged",
            Self::AcknowledgementExtended { .. } => "acknowledgement_extended",
            Self::AcknowledgementExpiring { .. } => "acknowledgement_expiring",
            Self::AcknowledgementTakenBack => "acknowledgement_taken_back",
            Self::AcknowledgementExpired => "acknowledgement_expired",
            Self::Assigned { .. } => "assigned",
            Self::Noted { .. } => "noted",
            Self::Resolved { .. } => "resolved",
            Self::Reopened { .. } => "reopened",
            Self::Closed { .. } => "closed",
            Self::Cancelled { .. } => "cancelled",
            Self::Held { .. } => "held",
            Self::Resumed { .. } => "resumed",
            Self::Snoozed { .. } => "snoozed",
            Self::Woken { .. } => "woken",
            Self::Rated { .. } => "rated",
            Self::Merged { .. } => "merged",
            Self::Absorbed(_) => "absorbed",
            Self::SplitOff { .. } => "split_off",
            Self::Released { .. } => "released",
            Self::Corrected { .. } => "corrected",
            Self::Folded { .. } => "folded",
            Self::Unfolded => "unfolded",
            Self::Unverified => "unverified",
            Self::Verified => "verified",
            Self::MaintenanceBegan { .. } => "maintenance_began",
            Self::MaintenanceEnded => "maintenance_ended",
            Self::Drilled { .. } => "drilled",
            Self::ServiceLevelWarned { .. } => "service_level_warned",
            Self::FlappingStarted => "flapping_started",
            Self::FlappingEnded => "flapping_ended",
            Self::Escalated { .. } => "escalated",
            Self::EscalationExhausted { .. } => "escalation_exhausted",
            Self::Reclassified { .. } => "reclassified",
            Self::Undone { .. } => "undone",
        }
    }
}
