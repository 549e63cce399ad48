//! An incident as data: the fold of its events.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::{Actor, ActorKind};
use crate::domain::calendar::WindowId;
use crate::domain::health::ServiceId;
use crate::domain::matcher::Labels;
use crate::domain::observation::{AlertStatus, SourceName};
use crate::domain::paging::Progress;
use crate::domain::sla::contract::Kind;
use crate::domain::time::{Instant, Interval, Intervals};

/// `INC-<n>`, gapless per store, from 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(into = "String", try_from = "String")]
pub struct IncidentId(pub u64);

/// 1 (most urgent) to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Priority(pub u8);

/// Where an incident stands in *report → classify → process → feedback → close*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    New,
    Acknowledged,
    OnHold,
    Resolved,
    Closed,
    Cancelled,
}

/// How many updates an incident remembers.
pub const UPDATES_KEPT: usize = 200;

/// One incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub id: IncidentId,
    /// Dedup key: at most one open incident has it.
    pub key: String,
    /// The position in the log of the last event that touched it.
    pub version: u64,
    pub title: String,
    /// `None`: Unassigned, no service claims its alerts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceId>,
    /// The source that detected it, or `operator`.
    pub source: SourceName,
    pub reported_by: Actor,
    pub category: String,
    /// 1 (high) to 3.
    pub impact: u8,
    /// 1 (high) to 3.
    pub urgency: u8,
    pub priority: Priority,
    /// What the alerts of the group have in common.
    pub labels: Labels,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
    /// By fingerprint.
    pub alerts: BTreeMap<String, AlertFact>,
    pub opened_at: Instant,
    /// When the trouble itself began, as far as the source knows.
    pub started_at: Instant,
    /// What people did about it.
    pub standing: Standing,
    /// The incident that is its cause; it folds under that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<IncidentId>,
    /// The one before with the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<IncidentId>,
    /// Which one it is of its key within 7 days, from 1.
    pub recurrence: u32,
    /// All alerts are proven clear since then; resolves after `resolve_after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear_since: Option<Instant>,
    /// Its alerts are gone, but nothing proves that they cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unverified_since: Option<Instant>,
    /// The window that mutes it: nobody is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintained>,
    /// When windows muted it whose time is planned downtime, before the one that does now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maintained: Vec<Planned>,
    /// The drill in which it happened: it is practised with, and outside of service levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<WindowId>,
    /// Those that were merged into it, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absorbed: Vec<Union>,
    /// Left out of service levels, by a correction.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub excluded: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flapping_since: Option<Instant>,
    /// When a person last said how it stands, or changed that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Instant>,
    /// Each time of that, in order, the last [`UPDATES_KEPT`]. Empty where it was stored before these were
    /// kept: some alone would look like a gap.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub updates: Vec<Instant>,
    /// How far its clocks had come when that was told last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warned: Vec<Warned>,
    /// How far the paging for it has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Progress>,
    /// When it reopened, the last few times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reopened_at: Vec<Instant>,
    /// The last change of its standing: for undo, and for telling who was faster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change: Option<Change>,
}

/// Since when and by which window something is muted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintained {
    pub window: WindowId,
    /// What is done in it.
    pub title: String,
    pub since: Instant,
    /// Its time is planned downtime, which a contract may leave out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sla_relevant: bool,
}

/// When something was muted by a window whose time is planned downtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    pub title: String,
    pub from: Instant,
    pub to: Instant,
}

/// That a clock had come so far, or that somebody was called for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warned {
    pub contract: Arc<str>,
    pub clock: Kind,
    /// `75%`, `-15m`.
    pub mark: String,
    /// When the clock began, which of an update's is each time another one.
    pub start: Instant,
}

/// What an incident brings into another one that it is merged into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absorbed {
    pub id: IncidentId,
    pub started_at: Instant,
    pub class: Class,
}

/// One that was merged into another, and what that made of it: of both since when, and how urgent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Union {
    pub id: IncidentId,
    pub start: Joined<Instant>,
    pub class: Joined<Class>,
}

/// A value of the survivor around one merge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined<T> {
    /// The survivor's before.
    pub before: T,
    /// What the other one brought.
    pub brought: T,
    /// The survivor's after.
    pub after: T,
}

/// How an incident is classified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// 1 (high) to 3.
    pub impact: u8,
    /// 1 (high) to 3.
    pub urgency: u8,
    pub priority: Priority,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub category: String,
}

/// One alert that belongs to an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertFact {
    pub labels: Labels,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
    pub since: Instant,
    pub status: AlertStatus,
    /// When it was proven clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_url: Option<String>,
}

/// The part of an incident that people change, so that undo is to put the one from before back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub state: IncidentState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// The first acknowledgement ever; the response clock stops there for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_acknowledged_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Ending>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Ending>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Ending>,
    /// While it waited for others; the last one lasts while it is on hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    /// When it was over before it was reopened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rests: Vec<WasOver>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed: Option<Snooze>,
    /// Who classified it last; `None`: rules, or the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classified: Option<Signature>,
    #[serde(default, skip_serializing_if = "Findings::is_empty")]
    pub findings: Findings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// The one that covers the same trouble, once it was merged into that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<IncidentId>,
    /// While it is merged: what goes on with a split.
    #[serde(default, skip_serializing_if = "Interrupted::is_empty")]
    pub interrupted: Interrupted,
}

/// What a merge interrupted, and a split goes on with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Interrupted {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Hold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed: Option<Snooze>,
}

/// Who, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    pub by: String,
    pub at: Instant,
}

/// Nobody here can go on with it for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub reason: HoldReason,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    pub by: String,
    pub from: Instant,
    /// When it goes on by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// When it went on; `None`: it still waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Instant>,
}

/// It was held to be over, and was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WasOver {
    pub from: Instant,
    pub to: Instant,
    /// Cancelled; otherwise resolved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
}

/// For whom or what it waits: contracts say which of these stop the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    Customer,
    Supplier,
    ChangeWindow,
    Other,
}

/// Out of sight, and nobody is paged; the clocks run on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snooze {
    pub by: String,
    pub at: Instant,
    pub until: Instant,
}

/// What was found out, as closing wants to know it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Findings {
    /// How it ended: one of the plan's codes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// What was the matter, in a line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause: String,
}

/// What those say for whom it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// 1 (bad) to 5 (good).
    pub score: u8,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Who says so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Who took it down.
    pub by: String,
    pub at: Instant,
}

impl Incident {
    /// Whether all that it is about are error budgets: they follow from what is wrong with a service, and
    /// are not it.
    pub fn is_of_budgets(&self) -> bool {
        let mut alerts = self.alerts.keys().peekable();
        alerts.peek().is_some() && alerts.all(|f| f.starts_with(crate::domain::slo::ALERT))
    }

    /// When windows muted it whose time is planned downtime, also such as name labels and no service.
    pub fn planned(&self, now: Instant) -> Intervals {
        let past = self.maintained.iter().map(|m| Interval::new(m.from, m.to));
        let present = self.maintenance.iter().filter(|m| m.sla_relevant);
        past.chain(present.map(|m| Interval::new(m.since, now.max(m.since)))).collect()
    }
}

impl Findings {
    pub fn is_empty(&self) -> bool {
        self.code.is_empty() && self.cause.is_empty()
    }

    /// With what is said anew; what is empty stays as it was.
    pub fn with(&self, said: &Self) -> Self {
        let newer = |new: &String, old: &String| if new.is_empty() { old } else { new }.clone();
        Self { code: newer(&said.code, &self.code), cause: newer(&said.cause, &self.cause) }
    }
}

impl HoldReason {
    /// By its word in commands and contracts.
    pub const WORDS: [(&str, Self); 4] = [
        ("customer", Self::Customer),
        ("supplier", Self::Supplier),
        ("change_window", Self::ChangeWindow),
        ("other", Self::Other),
    ];

    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, reason)| *reason == self).map_or("other", |(word, _)| word)
    }

    /// As people say it.
    pub fn says(self) -> &'static str {
        match self {
            Self::Customer => "the customer",
            Self::Supplier => "a supplier",
            Self::ChangeWindow => "a change window",
            Self::Other => "something else",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        Self::WORDS.iter().find(|(word, _)| *word == text).map(|(_, reason)| *reason)
    }
}

/// Somebody has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub by: String,
    pub at: Instant,
    /// Back to New then, unless its owner acts before.
    pub until: Option<Instant>,
    /// When its owner is told that it expires soon; `None` once that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warns_at: Option<Instant>,
}

impl Standing {
    /// What it waits for, while it is on hold.
    pub fn hold(&self) -> Option<&Hold> {
        self.holds.last().filter(|h| h.to.is_none() && self.state == IncidentState::OnHold)
    }

    /// Whether that person is to work on it.
    pub fn is_assigned_to(&self, name: &str) -> bool {
        self.assignee.as_deref() == Some(name)
    }

    /// Whether an acknowledgement of it is that person's business: theirs, or of what is theirs.
    pub fn is_held_by(&self, name: &str) -> bool {
        self.acknowledged.as_ref().is_some_and(|ack| ack.by == name) || self.is_assigned_to(name)
    }
}

/// How and by whom a state was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    pub by: String,
    pub at: Instant,
    /// By the console itself, not by a person.
    pub automatic: bool,
    pub reason: String,
}

/// The last change that somebody made, and what undo would put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The event's position in the log.
    pub position: u64,
    pub at: Instant,
    /// Who made it.
    pub by: String,
    /// The console session that acted; undo belongs to it. Empty: nobody's, it cannot be undone.
    pub session: String,
    /// `acknowledged`, `assigned to ana`, …: completes "was … by ana".
    pub what: String,
    pub before: Standing,
    /// How it was classified before, where that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Box<Class>>,
}

impl Incident {
    /// Neither resolved nor closed nor cancelled.
    pub fn is_open(&self) -> bool {
        self.standing.state.is_open()
    }

    /// What people report during a window is more than what the window was expected to do: it is neither
    /// muted nor paused by it.
    pub fn is_reported_by_hand(&self) -> bool {
        self.reported_by.kind == ActorKind::Person
    }

    pub fn state(&self) -> IncidentState {
        self.standing.state
    }

    pub fn class(&self) -> Class {
        let (impact, urgency, priority) = (self.impact, self.urgency, self.priority);
        Class { impact, urgency, priority, category: self.category.clone() }
    }

    pub fn set_class(&mut self, class: &Class) {
        (self.impact, self.urgency, self.priority) = (class.impact, class.urgency, class.priority);
        self.category.clone_from(&class.category);
    }

    /// Whether nobody is to be told of it for now, because somebody said so.
    pub fn is_snoozed(&self) -> bool {
        self.standing.snoozed.is_some()
    }

    /// Who has it: the assignee, or whoever acknowledged it.
    pub fn owner(&self) -> Option<&str> {
        let acknowledged = self.standing.acknowledged.as_ref();
        self.standing.assignee.as_deref().or(acknowledged.map(|a| a.by.as_str()))
    }

    /// When the acknowledgement in force was given.
    pub fn acked_at(&self) -> Option<Instant> {
        self.standing.acknowledged.as_ref().filter(|_| self.is_open()).map(|a| a.at)
    }

    /// How many of its alerts fire.
    pub fn firing(&self) -> usize {
        self.alerts.values().filter(|a| a.cleared_at.is_none()).count()
    }

    /// Every alert of it that still fires is muted upstream.
    pub fn is_silenced(&self) -> bool {
        let mut firing = self.alerts.values().filter(|a| a.cleared_at.is_none()).peekable();
        firing.peek().is_some() && firing.all(|a| a.status != AlertStatus::Active)
    }
}

impl IncidentState {
    pub const ALL: [Self; 6] = [
        Self::New,
        Self::Acknowledged,
        Self::OnHold,
        Self::Resolved,
        Self::Closed,
        Self::Cancelled,
    ];

    pub fn is_open(self) -> bool {
        matches!(self, Self::New | Self::Acknowledged | Self::OnHold)
    }

    /// As in `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Acknowledged => "acknowledged",
            Self::OnHold => "on_hold",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }

    /// As on the screens and in queries.
    pub fn short(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Acknowledged => "ack",
            Self::OnHold => "hold",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            state: IncidentState::New,
            assignee: None,
            acknowledged: None,
            first_acknowledged_at: None,
            resolved: None,
            closed: None,
            cancelled: None,
            holds: Vec::new(),
            rests: Vec::new(),
            snoozed: None,
            classified: None,
            findings: Findings::default(),
            feedback: None,
            merged_into: None,
            interrupted: Interrupted::default(),
        }
    }
}

impl Interrupted {
    pub fn is_empty(&self) -> bool {
        self.held.is_none() && self.snoozed.is_none()
    }

    /// What of it would last still.
    pub fn at(&self, now: Instant) -> Self {
        let held = self.held.clone().filter(|h| h.until.is_none_or(|until| until > now));
        Self { held, snoozed: self.snoozed.clone().filter(|s| s.until > now) }
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "INC-{}", self.0)
    }
}

impl FromStr for IncidentId {
    type Err = String;

    /// `INC-12`, `inc-12` or `12`.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = match text.get(..4) {
            Some(prefix) if prefix.eq_ignore_ascii_case("INC-") => text.get(4..).unwrap_or(""),
            _ => text,
        };
        match digits.parse() {
            Ok(n) if n > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(n)),
            _ => Err(format!("{text:?} is not an incident; write it as INC-12")),
        }
    }
}

impl TryFrom<String> for IncidentId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<IncidentId> for String {
    fn from(id: IncidentId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}", self.0)
    }
}
