//! Contracts: what was promised to whom, for which services, and by which rules it is measured.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use chrono::TimeDelta;

use super::clock::Target;
use super::hours::BusinessCalendar;
use super::{Exclusion, NoData, Ratio};
use crate::domain::health::ServiceId;
use crate::domain::incident::{HoldReason, Incident, Priority};
use crate::domain::roster::escalation::Target as Whom;
use crate::domain::text::duration;
use crate::domain::time::{Instant, Interval};

/// All that was agreed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceLevels {
    pub calendars: BTreeMap<Arc<str>, Arc<BusinessCalendar>>,
    /// In the order of the files.
    pub contracts: Vec<Arc<Contract>>,
    /// The one for services that no contract names.
    pub otherwise: Option<Arc<Contract>>,
}

/// What was agreed with one customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Contract {
    pub id: Arc<str>,
    pub name: String,
    pub customer: String,
    /// Of the default contract: none, it has all that no other one names.
    pub services: BTreeSet<ServiceId>,
    pub calendar: Arc<BusinessCalendar>,
    pub targets: BTreeMap<Priority, Targets>,
    pub clock_start: ClockStart,
    pub maintenance: Planned,
    /// What becomes of planned downtime in availability.
    pub exclusion: Exclusion,
    pub no_data: NoData,
    pub rounding: Rounding,
    pub credits: Option<Credits>,
    /// Who is called before and after a clock runs out.
    pub escalations: Vec<Escalation>,
    /// It governs what begins in it.
    pub valid: Interval,
}

/// What is promised for one priority.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    pub respond: Option<Target>,
    pub resolve: Option<Target>,
    /// How often somebody has to say how it stands.
    pub update_every: Option<Target>,
    pub calendar: Arc<BusinessCalendar>,
    /// Waiting for which of these stops the clocks of resolution and update.
    pub pause_on: Vec<HoldReason>,
}

/// From when the clocks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockStart {
    /// When the incident was opened here.
    #[default]
    Opened,
    /// When the trouble began, as far as the source knows.
    Started,
}

/// What the clocks do in planned downtime: in a window that is `sla_relevant` and mutes the incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Planned {
    #[default]
    Pause,
    Count,
}

/// How an achieved figure is written, and compared, in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounding {
    /// Of a percentage, 0 to 4.
    pub decimals: u32,
    pub mode: RoundingMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RoundingMode {
    /// Compared as it is; rounded half up only to be written.
    #[default]
    None,
    /// Compared as it is written, rounded half up.
    HalfUp,
    /// Compared as it is written, rounded down.
    Down,
}

/// What is given back for a missed figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credits {
    /// Below which figure how much, both in parts per million; from the highest to the lowest.
    pub tiers: Vec<Tier>,
    /// No more than that, in ppm of the fee.
    pub cap: u32,
    /// Less than that is not given at all.
    pub minimum: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// In ppm: the figure itself is not below it.
    pub below: u32,
    /// In ppm of the fee.
    pub credit: u32,
}

/// Where a figure lies among the tiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// The tier that it has fallen into; `None`: it is below none.
    pub tier: Option<Tier>,
    /// What it is not below, in ppm; `None`: it is below all.
    pub least: Option<u32>,
}

/// Somebody is called when a clock has come so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// Of which clocks; empty: of all.
    pub clocks: Vec<Kind>,
    pub at: Mark,
    /// Nothing less urgent than this.
    pub min_priority: Priority,
    pub call: Call,
}

/// Who is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// That level of the policy that governs the incident, from 1.
    Level(usize),
    Notify(Vec<Whom>),
}

/// Which clock.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Respond,
    Resolve,
    Update,
}

/// How far a clock has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// So many percent of the target have passed.
    Percent(u32),
    /// So much of the clock's time after the deadline; negative: before it.
    Offset(TimeDelta),
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Respond, Self::Resolve, Self::Update];

    pub fn word(self) -> &'static str {
        match self {
            Self::Respond => "respond",
            Self::Resolve => "resolve",
            Self::Update => "update",
        }
    }
}

impl Mark {
    /// `75%`, `-15m`, `+30m`; percentages from 1 to 1,000.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(percent) = text.strip_suffix('%') {
            let percent = percent.trim_end().parse().ok()?;
            return (1..=1_000).contains(&percent).then_some(Self::Percent(percent));
        }
        let length = |text| crate::domain::text::parse_duration(text);
        match text.strip_prefix('-') {
            Some(before) => Some(Self::Offset(-length(before)?)),
            None => Some(Self::Offset(length(text.strip_prefix('+')?)?)),
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Offset(offset) if *offset < TimeDelta::zero() => {
                write!(f, "-{}", duration(-*offset))
            }
            Self::Offset(offset) => write!(f, "+{}", duration(*offset)),
        }
    }
}

impl ClockStart {
    /// By its word in the file; what a source detected began when the source says so.
    pub const WORDS: [(&str, Self); 4] = [
        ("opened", Self::Opened),
        ("reported", Self::Opened),
        ("started", Self::Started),
        ("detected", Self::Started),
    ];

    pub fn of(self, incident: &Incident) -> Instant {
        match self {
            Self::Opened => incident.opened_at,
            Self::Started => incident.started_at.min(incident.opened_at),
        }
    }
}

impl Planned {
    pub const WORDS: [(&str, Self); 2] = [("pause", Self::Pause), ("count", Self::Count)];
}

impl RoundingMode {
    pub const WORDS: [(&str, Self); 3] =
        [("none", Self::None), ("half_up", Self::HalfUp), ("down", Self::Down)];
}

/// How many decimals of a percent a part per million has.
const BOUND_DECIMALS: u32 = 4;

impl Default for Rounding {
    fn default() -> Self {
        Self { decimals: 2, mode: RoundingMode::None }
    }
}

impl Rounding {
    /// A figure as it is compared.
    pub fn of(self, achieved: Ratio) -> Ratio {
        match self.mode {
            RoundingMode::None => achieved,
            RoundingMode::HalfUp => achieved.rounded(self.decimals),
            RoundingMode::Down => achieved.cut(self.decimals),
        }
    }

    /// A figure as it is written, in percent: rounded only where the contract rounds before it compares. What is
    /// compared as it is gets all the decimals of a bound, and so lies on its own side of each.
    pub fn written(self, achieved: Ratio) -> String {
        match self.mode {
            RoundingMode::None => achieved.percent_down(self.decimals.max(BOUND_DECIMALS)),
            RoundingMode::Down => achieved.percent_down(self.decimals),
            RoundingMode::HalfUp => achieved.percent(self.decimals),
        }
    }
}

impl Credits {
    /// Where an achieved figure lies: below the lowest tier that it is below, and not below the next one.
    pub fn band(&self, achieved: Ratio) -> Band {
        let is_below = |tier: &&Tier| achieved.cmp_ppm(tier.below).is_lt();
        let tier = self.tiers.iter().filter(is_below).min_by_key(|tier| tier.below).copied();
        let kept = self.tiers.iter().filter(|tier| !is_below(tier)).map(|tier| tier.below);
        Band { tier, least: kept.max() }
    }

    /// The credit for an achieved figure, in ppm of the fee: that of the tier that it has fallen into.
    pub fn of(&self, achieved: Ratio) -> u32 {
        self.band(achieved).tier.map_or(0, |tier| self.bounded(tier.credit))
    }

    /// What remains of a credit: no more than the cap, and nothing below the minimum.
    pub fn bounded(&self, credit: u32) -> u32 {
        if credit < self.minimum { 0 } else { credit.min(self.cap) }
    }
}

impl Contract {
    /// The calendars that it counts by.
    pub fn calendars(&self) -> impl Iterator<Item = &Arc<BusinessCalendar>> {
        std::iter::once(&self.calendar).chain(self.targets.values().map(|t| &t.calendar))
    }
}

impl ServiceLevels {
    /// Nothing was agreed.
    pub fn is_empty(&self) -> bool {
        self.contracts.is_empty() && self.otherwise.is_none()
    }

    /// The contracts that govern an incident: those that name its service and were valid when its clock
    /// began; where there is none, the default one.
    pub fn governing(&self, incident: &Incident) -> Vec<&Arc<Contract>> {
        let is_valid = |c: &Arc<Contract>| c.valid.contains(c.clock_start.of(incident));
        let names = |c: &&Arc<Contract>| {
            incident.service.as_ref().is_some_and(|service| c.services.contains(service))
        };
        let mut found: Vec<_> =
            self.contracts.iter().filter(names).filter(|c| is_valid(c)).collect();
        if found.is_empty() {
            found.extend(self.otherwise.iter().filter(|c| is_valid(c)));
        }
        found
    }

    /// A contract by its id; of one that was written again, as it was written last.
    pub fn contract(&self, id: &str) -> Option<&Arc<Contract>> {
        let same = self.contracts.iter().chain(&self.otherwise).filter(|c| &*c.id == id);
        same.max_by_key(|c| c.valid.from)
    }
}
