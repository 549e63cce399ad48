//! The words of the calendar: what a window is before anybody does anything about it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::stored;
use crate::domain::health::ServiceId;
use crate::domain::matcher::{Labels, Matchers};
use crate::domain::roster::PersonId;
use crate::domain::text;
use crate::domain::time::recurrence::Start;
use crate::domain::time::{Instant, Interval, Recurrence, before, zone};

/// `id` in `[[windows]]`, source and `UID` of an imported one, or `WIN-<n>` of one that was added here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WindowId(pub Arc<str>);

/// One taking place of a window. Its local start by the rule names it for good (RFC 5545's
/// `RECURRENCE-ID`), whenever it is moved to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    pub window: WindowId,
    /// In the window's zone.
    pub original: NaiveDateTime,
}

/// Something planned: once, or again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    pub id: WindowId,
    pub kind: Kind,
    pub summary: Arc<str>,
    #[serde(default)]
    pub scope: Scope,
    #[serde(with = "stored::recurrence")]
    pub recurrence: Recurrence,
    pub length: Length,
    /// `Some`: *flexible*. It begins when its target first goes down between start and end, and
    /// lasts this long from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flexible: Option<Length>,
    /// Single occurrences that are otherwise than the rule says, by their original local start.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub amended: BTreeMap<NaiveDateTime, Amendment>,
    /// The number of the change, as the customer or the change board calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Arc<str>>,
    #[serde(default)]
    pub change_type: ChangeType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<PersonId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checklist: Vec<Item>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_out: Option<BackOut>,
    /// Whether its alerts page nobody; see [`Window::is_muting`].
    #[serde(default)]
    pub mutes: bool,
    /// Whether the time in effect is planned downtime, which a contract excuses or removes.
    #[serde(default)]
    pub sla_relevant: bool,
    /// The role that may approve it, or grant exceptions where it is a freeze; `None`: anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<Arc<str>>,
    /// Of a freeze: who may work all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<FreezeException>,
    /// Of an inspection: its rule and its grace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection: Option<Inspection>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Maintenance,
    Update,
    Upgrade,
    Backup,
    RestoreTest,
    Inspection,
    Drill,
    Training,
    Freeze,
}

/// ITIL's three. A standard change is approved beforehand, once for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeType {
    Standard,
    #[default]
    Normal,
    Emergency,
}

/// What a window touches: any of the services, or any alert that one of the matchers fits. Only
/// what is named: an alert of a service's child is the child's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scope {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matchers: Vec<Matchers>,
}

/// A length as RFC 5545 means it: days are *nominal* and end at the same local time, seconds have
/// *elapsed*. Two hours of patching are two hours through a change of clocks, and a freeze of three
/// days ends at midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Length {
    #[serde(default, skip_serializing_if = "is_zero")]
    pub days: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seconds: u32,
}

/// How one occurrence differs from the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amendment {
    Moved(Moved),
    Cancelled,
}

/// Where an occurrence went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// In the window's zone.
    pub start: NaiveDateTime,
    /// `None`: as long as the window is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<Length>,
}

/// One line of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub text: Arc<str>,
    /// Of the value that is to be noted, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Arc<str>>,
}

/// How to go back, and until when that can be decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackOut {
    pub plan: Arc<str>,
    /// The latest decision, in seconds after the planned start.
    pub decide_after: u32,
}

/// A change that may be made in spite of a freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreezeException {
    pub window: WindowId,
    pub approver: Arc<str>,
    pub reason: Arc<str>,
    /// The work has to be over by then.
    pub expires: Instant,
}

/// How an inspection recurs, and how late it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    pub basis: Basis,
    /// After its planned time it is late for so many seconds, then missed.
    #[serde(default)]
    pub grace: u32,
}

/// From what the next inspection is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// By the window's recurrence, whenever the last one was done.
    Scheduled,
    /// So long after the last one was completed; the recurrence gives the first only.
    Completed { months: u32, days: u32 },
}

impl Key {
    pub fn new(window: &WindowId, original: NaiveDateTime) -> Self {
        Self { window: window.clone(), original }
    }
}

impl WindowId {
    pub fn new(id: &str) -> Self {
        Self(Arc::from(id))
    }

    /// One that a calendar of others states: `rota#4711@example.org`. Neither a name of a source nor
    /// an id of the plan has such a sign in it.
    pub fn imported(source: &str, uid: &str) -> Self {
        Self(Arc::from(format!("{source}{IMPORTED}{uid}")))
    }

    /// The source whose calendar states it.
    pub fn calendar(&self) -> Option<&str> {
        self.0.split_once(IMPORTED).map(|(source, _)| source)
    }
}

const IMPORTED: char = '#';

impl Item {
    /// Reads `disk free [%]`: the unit of the value that is to be noted stands in brackets.
    pub fn parse(given: &str) -> Self {
        let with_unit = given.trim().strip_suffix(']').and_then(|t| t.rsplit_once('['));
        let with_unit =
            with_unit.filter(|(text, unit)| !text.trim().is_empty() && !unit.trim().is_empty());
        let (text, unit) = with_unit.map_or((given, None), |(text, unit)| (text, Some(unit)));
        let unit = unit.map(|unit| text::clean(unit.trim(), 20).into());
        Self { text: text::clean(text.trim(), 200).into(), unit }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            Some(unit) => write!(f, "{} [{unit}]", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Maintenance,
        Self::Update,
        Self::Upgrade,
        Self::Backup,
        Self::RestoreTest,
        Self::Inspection,
        Self::Drill,
        Self::Training,
        Self::Freeze,
    ];

    /// As in the config and in `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance",
            Self::Update => "update",
            Self::Upgrade => "upgrade",
            Self::Backup => "backup",
            Self::RestoreTest => "restore_test",
            Self::Inspection => "inspection",
            Self::Drill => "drill",
            Self::Training => "training",
            Self::Freeze => "freeze",
        }
    }

    /// It changes what is running: it needs approval, keeps to the allowed hours and is what a freeze
    /// forbids.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Maintenance | Self::Update | Self::Upgrade | Self::RestoreTest)
    }

    /// Something happens to the services it names.
    pub fn touches_services(self) -> bool {
        !matches!(self, Self::Training | Self::Freeze)
    }

    /// Its owner cannot do something else meanwhile.
    pub fn needs_hands(self) -> bool {
        !matches!(self, Self::Backup | Self::Freeze)
    }

    /// It takes place at its time although nobody says that it began. An inspection that nobody
    /// began was missed.
    pub fn runs_by_itself(self) -> bool {
        self != Self::Inspection
    }
}

impl ChangeType {
    pub fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Normal => "normal",
            Self::Emergency => "emergency",
        }
    }
}

impl Scope {
    pub fn is_empty(&self) -> bool {
        self.services.is_empty() && self.matchers.is_empty()
    }

    /// Whether an alert with these labels, of that service, is in it.
    pub fn covers(&self, service: Option<&ServiceId>, labels: &Labels) -> bool {
        service.is_some_and(|s| self.services.contains(s))
            || self.matchers.iter().any(|m| m.matches(labels))
    }
}

/// `db-main, job="batch"`: what it touches, as lists say it.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services = self.services.iter().map(ToString::to_string);
        let all = services.chain(self.matchers.iter().map(ToString::to_string));
        f.write_str(&all.collect::<Vec<_>>().join(", "))
    }
}

impl Length {
    pub const fn hours(hours: u32) -> Self {
        Self { days: 0, seconds: hours * 3_600 }
    }

    pub const fn minutes(minutes: u32) -> Self {
        Self { days: 0, seconds: minutes * 60 }
    }

    pub const fn days(days: u32) -> Self {
        Self { days, seconds: 0 }
    }

    /// Reads `90m`, `2h`, `3d`: what is written in whole days or weeks is nominal, anything else has
    /// elapsed. `None` for anything that is no length of time, and for more than 100 years.
    pub fn parse(text: &str) -> Option<Self> {
        let length = text::parse_duration(text)?;
        let seconds = u32::try_from(length.num_seconds()).ok()?;
        let is_nominal = text.trim_end().ends_with(['d', 'w']);
        Some(if is_nominal { Self::days(seconds / 86_400) } else { Self { days: 0, seconds } })
    }

    /// What it takes where no clocks are changed.
    pub fn nominal(self) -> TimeDelta {
        TimeDelta::days(i64::from(self.days)) + TimeDelta::seconds(i64::from(self.seconds))
    }

    pub fn is_zero(self) -> bool {
        self == Self::default()
    }

    /// Where something of this length ends: days in local time, then seconds.
    pub fn after(self, start: Start, zone: Tz) -> Instant {
        let nominal = TimeDelta::days(i64::from(self.days));
        let day = match start.local.checked_add_signed(nominal) {
            Some(local) if self.days > 0 => zone::instant(local, zone),
            _ => start.at,
        };
        later(day, TimeDelta::seconds(i64::from(self.seconds)))
    }

    /// What it can take at most: a nominal day is longer than 24 h where clocks go back.
    pub fn at_most(self) -> TimeDelta {
        let slack = i64::from(self.days.min(1));
        TimeDelta::days(i64::from(self.days) + slack) + TimeDelta::seconds(i64::from(self.seconds))
    }
}

impl Window {
    /// A normal change of that kind, with nothing but its time.
    pub fn new(id: &str, kind: Kind, recurrence: Recurrence, length: Length) -> Self {
        Self {
            id: WindowId::new(id),
            kind,
            summary: Arc::from(id),
            scope: Scope::default(),
            recurrence,
            length,
            flexible: None,
            amended: BTreeMap::new(),
            change: None,
            change_type: ChangeType::Normal,
            owner: None,
            checklist: Vec::new(),
            back_out: None,
            mutes: true,
            sla_relevant: true,
            approver: None,
            exceptions: Vec::new(),
            inspection: None,
        }
    }

    pub fn zone(&self) -> Tz {
        self.recurrence.zone
    }

    /// A drill pages for real and a freeze is no work, whatever `mutes` says.
    pub fn is_muting(&self) -> bool {
        self.mutes && !matches!(self.kind, Kind::Drill | Kind::Freeze)
    }

    /// Somebody has to approve each occurrence. What neither changes nor mutes anything is approved
    /// by being planned, and so is a standard change.
    pub fn needs_approval(&self) -> bool {
        self.change_type != ChangeType::Standard && (self.kind.is_change() || self.is_muting())
    }

    /// When it is planned where it starts at that local time.
    pub fn planned(&self, start: NaiveDateTime, length: Length) -> Interval {
        let at = zone::instant(start, self.zone());
        Interval::new(at, length.after(Start { at, local: start }, self.zone()))
    }

    /// How it is called in a sentence: `Patch kernels (CHG-7)`.
    pub fn title(&self) -> String {
        match &self.change {
            Some(number) => format!("{} ({number})", self.summary),
            None => self.summary.to_string(),
        }
    }

    /// When it takes place and what it does, in one line: what somebody approves. Two windows of the
    /// same terms are the same plan.
    pub fn terms(&self) -> String {
        let Self { recurrence, length, .. } = self;
        let time = |local: &NaiveDateTime| local.format("%Y%m%dT%H%M%S").to_string();
        let list = |name: &str, all: Vec<String>| {
            (!all.is_empty()).then(|| format!("{name} {}", all.join(",")))
        };
        let services = self.scope.services.iter().map(ToString::to_string).collect();
        let matchers = self.scope.matchers.iter().map(ToString::to_string).collect();
        let amended = self.amended.iter().map(|(original, amendment)| match amendment {
            Amendment::Cancelled => format!("{} off", time(original)),
            Amendment::Moved(to) => {
                let long = to.length.unwrap_or(*length);
                format!("{} to {} for {long}", time(original), time(&to.start))
            }
        });
        let parts = [
            Some(format!("{} {}", self.change_type.word(), self.kind.word())),
            Some(format!("{} {} for {length}", time(&recurrence.start), recurrence.zone.name())),
            recurrence.rule.as_ref().map(ToString::to_string),
            list("also", recurrence.also.iter().map(time).collect()),
            list("except", recurrence.except.iter().map(time).collect()),
            list("amended", amended.collect()),
            self.flexible.map(|long| format!("flexible {long}")),
            list("services", services),
            list("labels", matchers),
            self.mutes.then(|| "mutes".to_owned()),
            self.sla_relevant.then(|| "planned downtime".to_owned()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// As [`Length::parse`] reads it: `1h30m`, `36h`, `3d`.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { days, seconds } = *self;
        let parts =
            [(days, 'd'), (seconds / 3_600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
        for (n, unit) in parts.into_iter().filter(|(n, _)| *n > 0) {
            write!(f, "{n}{unit}")?;
        }
        if self.is_zero() { f.write_str("0s") } else { Ok(()) }
    }
}

impl fmt::Display for WindowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number in the name of a window that was added here.
pub fn number(id: &str) -> Option<u64> {
    id.strip_prefix("WIN-")?.parse().ok()
}

/// The instant that lies `length` after `at`, or the last of the calendar.
pub(super) fn later(at: Instant, length: TimeDelta) -> Instant {
    before(at, -length)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}
