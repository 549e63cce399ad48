//! The query language of the filter bar, of saved views and of the command line.
//!
//! Terms are ANDed, `-` negates, commas are OR, quotes keep spaces:
//! `state:new,ack p:1..2 service:pay* assignee:me age>10m label.zone=eu is:flapping "disk full"`.
//!
//! A [`Query`] is canonical: its terms stand in the order of what they cost to test, and printing
//! one and reading it again gives the same query. What cannot be read is reported with its place and
//! a hint, and the rest still filters.

mod complete;
mod parse;
mod pattern;
mod print;

use std::collections::HashMap;
use std::io::Write as _;

use chrono::TimeDelta;

pub use complete::{Candidate, Completion, Vocabulary, complete};
pub use parse::{Parsed, QueryError, parse};
pub use pattern::Pattern;

use super::model::{HoldReason, Incident, IncidentState};
use crate::domain::health::ServiceId;
use crate::domain::matcher::Labels;
use crate::domain::paging::Progress;
use crate::domain::sla::contract::ServiceLevels;
use crate::domain::sla::incident::Summary;
use crate::domain::time::Instant;

/// What to show. The default shows everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    terms: Vec<Term>,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    negated: bool,
    test: Test,
}

/// What a condition looks at. The order is the order of cost, the cheapest first.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    State(StateSet),
    /// Bit `n`: priority `n`, 1 to 5.
    Priority(u8),
    Is(Vec<Flag>),
    /// Inclusive ranges.
    Id(Vec<(u64, u64)>),
    Since(Clock, AgeRange),
    /// How much time is left of the clock that is due first.
    Sla(AgeRange),
    Waits(Vec<HoldReason>),
    Assignee(Vec<Pattern>),
    Service(Vec<Pattern>),
    Team(Vec<Pattern>),
    Source(Vec<Pattern>),
    Category(Vec<Pattern>),
    Code(Vec<Pattern>),
    Label {
        name: String,
        values: Vec<Pattern>,
    },
    /// Lower case; any of them occurs somewhere.
    Text(Vec<String>),
}

/// A set of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct StateSet(u8);

/// Since when the time of a term runs. What has no such instant is never within a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// It opened.
    Age,
    /// The acknowledgement in force.
    Acked,
    /// It is on hold.
    Held,
}

/// How old, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AgeRange {
    Above(i64),
    AtLeast(i64),
    Below(i64),
    AtMost(i64),
    /// Both inclusive.
    Between(i64, i64),
}

/// The words of `is:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flag {
    Open,
    Mine,
    Silenced,
    Maintenance,
    Flapping,
    Unverified,
    Unassigned,
    Folded,
    Recurring,
    Reopened,
    Firing,
    Reported,
    Snoozed,
    Merged,
    Paging,
    Breached,
}

/// What a query needs to know beside the incident.
#[derive(Debug, Clone, Copy)]
pub struct QueryContext<'a> {
    pub now: Instant,
    /// The name under which this operator acts.
    pub me: &'a str,
    /// The team of each service that has one.
    pub teams: &'a HashMap<ServiceId, String>,
    /// What was promised.
    pub levels: &'a ServiceLevels,
}

/// Anything that stands for an incident and may know some answers faster.
pub trait Subject {
    fn incident(&self) -> &Incident;

    fn state(&self) -> IncidentState {
        self.incident().state()
    }

    /// 1 to 5.
    fn priority(&self) -> u8 {
        self.incident().priority.0
    }

    fn opened_at(&self) -> Instant {
        self.incident().opened_at
    }

    /// When the acknowledgement in force was given.
    fn acked_at(&self) -> Option<Instant> {
        self.incident().acked_at()
    }

    fn service(&self) -> Option<&ServiceId> {
        self.incident().service.as_ref()
    }

    /// What its alerts have in common.
    fn labels(&self) -> &Labels {
        &self.incident().labels
    }

    /// Whether several alerts belong to it, each with labels of its own.
    fn is_group(&self) -> bool {
        self.incident().alerts.len() > 1
    }

    /// Who has it.
    fn owner(&self) -> Option<&str> {
        self.incident().owner()
    }

    /// Whether `flag` holds; `me` is who asks.
    fn has(&self, flag: Flag, me: &str) -> bool {
        flag.holds(self.incident(), me)
    }

    /// How much time is left of the clock that is due first; negative when it is late, `None` where
    /// none is left.
    fn left(&self, context: &QueryContext<'_>) -> Option<TimeDelta> {
        Summary::of(self.incident(), context.levels, context.now).left(context.now)
    }

    /// Whether a clock of it has run out.
    fn is_breached(&self, context: &QueryContext<'_>) -> bool {
        Summary::of(self.incident(), context.levels, context.now).is_breached(context.now)
    }

    /// Whether the lower-case `needle` occurs in what a person would search: title, id, service,
    /// source, owner, label values.
    fn says(&self, needle: &str) -> bool {
        let mut found = false;
        searchable(self.incident(), |text| found = found || pattern::contains(text, needle));
        found
    }
}

impl Subject for Incident {
    fn incident(&self) -> &Incident {
        self
    }
}

/// Calls `take` with each text of an incident that free text looks into.
pub fn searchable(incident: &Incident, mut take: impl FnMut(&str)) {
    take(&incident.title);
    let mut id = [0_u8; 24];
    let mut rest = id.as_mut_slice();
    let _ = write!(rest, "{}", incident.id);
    let unused = rest.len();
    take(id.get(..id.len() - unused).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or(""));
    if let Some(service) = &incident.service {
        take(service.as_str());
    }
    take(&incident.source);
    if let Some(owner) = incident.owner() {
        take(owner);
    }
    if !incident.category.is_empty() {
        take(&incident.category);
    }
    incident.labels.values().for_each(|value| take(value));
}

impl Query {
    /// Whether this incident is among what was asked for.
    pub fn matches<S: Subject + ?Sized>(&self, subject: &S, context: &QueryContext<'_>) -> bool {
        self.terms.iter().all(|term| term.test.holds(subject, context) != term.negated)
    }

    /// Whether it shows everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether it says itself which states it wants (`state:…`, `is:open`). The command line adds
    /// the open ones where it does not.
    pub fn has_state_term(&self) -> bool {
        self.terms.iter().any(|term| match &term.test {
            Test::State(_) => true,
            Test::Is(flags) => flags.contains(&Flag::Open),
            _ => false,
        })
    }

    /// Whether it leaves those out for which `flag` holds (`-is:…`).
    pub fn shuts_out(&self, flag: Flag) -> bool {
        self.terms.iter().any(|term| {
            term.negated && matches!(&term.test, Test::Is(flags) if flags.contains(&flag))
        })
    }

    /// What both find.
    pub fn and(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self.terms.sort_by_key(|term| term.test.cost());
        self
    }

    /// Only the open ones of what this one shows.
    pub fn and_open(mut self) -> Self {
        self.terms.insert(0, Term { negated: false, test: Test::State(StateSet::OPEN) });
        self
    }

    /// Whether an incident may begin or cease to match merely because time passes.
    pub fn depends_on_time(&self) -> bool {
        self.terms.iter().any(|term| match &term.test {
            Test::Since(..) | Test::Sla(_) => true,
            Test::Is(flags) => flags.contains(&Flag::Breached),
            _ => false,
        })
    }
}

impl Test {
    fn holds<S: Subject + ?Sized>(&self, subject: &S, context: &QueryContext<'_>) -> bool {
        let any = |patterns: &[Pattern], value: Option<&str>| {
            patterns.iter().any(|p| p.matches(value, context.me))
        };
        match self {
            Self::State(states) => states.contains(subject.state()),
            Self::Priority(set) => set & (1 << subject.priority().min(7)) != 0,
            Self::Is(flags) => flags.iter().any(|flag| match flag {
                Flag::Breached => subject.is_breached(context),
                flag => subject.has(*flag, context.me),
            }),
            Self::Sla(range) => subject.left(context).is_some_and(|left| range.contains(left)),
            Self::Id(ranges) => {
                let id = subject.incident().id.0;
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&id))
            }
            Self::Since(clock, range) => clock
                .began(subject)
                .is_some_and(|at| range.contains(context.now.signed_duration_since(at))),
            Self::Waits(reasons) => {
                let hold = subject.incident().standing.hold();
                hold.is_some_and(|hold| reasons.contains(&hold.reason))
            }
            Self::Assignee(patterns) => any(patterns, subject.owner()),
            Self::Service(patterns) => any(patterns, subject.service().map(ServiceId::as_str)),
            Self::Team(patterns) => {
                let team = subject.service().and_then(|s| context.teams.get(s));
                any(patterns, team.map(String::as_str))
            }
            Self::Source(patterns) => any(patterns, Some(&subject.incident().source)),
            Self::Category(patterns) => any(patterns, Some(&subject.incident().category)),
            Self::Code(patterns) => any(patterns, Some(&subject.incident().standing.findings.code)),
            Self::Label { name, values } => {
                let common = subject.labels().get(name).map(String::as_str);
                if common.is_some() || !subject.is_group() {
                    // What all alerts have in common no alert has otherwise.
                    return any(values, common);
                }
                let alerts = subject.incident().alerts.values();
                let mut found = alerts.filter_map(|a| a.labels.get(name)).peekable();
                if found.peek().is_none() {
                    any(values, None)
                } else {
                    found.any(|value| any(values, Some(value)))
                }
            }
            Self::Text(needles) => needles.iter().any(|needle| subject.says(needle)),
        }
    }

    /// Where it stands in a canonical query.
    fn cost(&self) -> u8 {
        match self {
            Self::State(_) => 0,
            Self::Priority(_) => 1,
            Self::Is(_) => 2,
            Self::Id(_) => 3,
            Self::Since(Clock::Age, _) => 4,
            Self::Since(Clock::Acked, _) => 5,
            Self::Since(Clock::Held, _) => 6,
            Self::Sla(_) => 7,
            Self::Waits(_) => 8,
            Self::Assignee(_) => 9,
            Self::Service(_) => 10,
            Self::Team(_) => 11,
            Self::Source(_) => 12,
            Self::Category(_) => 13,
            Self::Code(_) => 14,
            Self::Label { .. } => 15,
            Self::Text(_) => 16,
        }
    }
}

impl StateSet {
    const OPEN: Self = Self(0b111);
    const ALL: Self = Self(0b11_1111);

    fn of(state: IncidentState) -> Self {
        Self(1 << state as u8)
    }

    fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn contains(self, state: IncidentState) -> bool {
        self.0 & Self::of(state).0 != 0
    }
}

impl Clock {
    /// By its word in a query.
    const ALL: [(&'static str, Self); 3] =
        [("age", Self::Age), ("acked", Self::Acked), ("held", Self::Held)];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, clock)| *clock == self).map_or("age", |(word, _)| word)
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, clock)| *clock)
    }

    fn began<S: Subject + ?Sized>(self, subject: &S) -> Option<Instant> {
        match self {
            Self::Age => Some(subject.opened_at()),
            Self::Acked => subject.acked_at(),
            Self::Held => subject.incident().standing.hold().map(|hold| hold.from),
        }
    }
}

impl AgeRange {
    fn contains(self, age: TimeDelta) -> bool {
        let over = |seconds: i64| age > TimeDelta::seconds(seconds);
        let under = |seconds: i64| age < TimeDelta::seconds(seconds);
        match self {
            Self::Above(s) => over(s),
            Self::AtLeast(s) => !under(s),
            Self::Below(s) => under(s),
            Self::AtMost(s) => !over(s),
            Self::Between(from, to) => !under(from) && !over(to),
        }
    }
}

impl Flag {
    pub const ALL: [Self; 16] = [
        Self::Open,
        Self::Mine,
        Self::Silenced,
        Self::Maintenance,
        Self::Flapping,
        Self::Unverified,
        Self::Unassigned,
        Self::Folded,
        Self::Recurring,
        Self::Reopened,
        Self::Firing,
        Self::Reported,
        Self::Snoozed,
        Self::Merged,
        Self::Paging,
        Self::Breached,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Mine => "mine",
            Self::Silenced => "silenced",
            Self::Maintenance => "maintenance",
            Self::Flapping => "flapping",
            Self::Unverified => "unverified",
            Self::Unassigned => "unassigned",
            Self::Folded => "folded",
            Self::Recurring => "recurring",
            Self::Reopened => "reopened",
            Self::Firing => "firing",
            Self::Reported => "reported",
            Self::Snoozed => "snoozed",
            Self::Merged => "merged",
            Self::Paging => "paging",
            Self::Breached => "breached",
        }
    }

    /// What it selects, in a few words.
    pub fn help(self) -> &'static str {
        match self {
            Self::Open => "not resolved, closed or cancelled",
            Self::Mine => "you have it",
            Self::Silenced => "all its alerts are muted upstream",
            Self::Maintenance => "a window mutes it",
            Self::Flapping => "comes and goes",
            Self::Unverified => "alerts gone, clearing not proven",
            Self::Unassigned => "no service claims its alerts",
            Self::Folded => "shown under its cause",
            Self::Recurring => "happened before within 7 days",
            Self::Reopened => "came back after it was resolved",
            Self::Firing => "an alert of it fires now",
            Self::Reported => "reported by a person",
            Self::Snoozed => "out of sight for a while",
            Self::Merged => "part of another one",
            Self::Paging => "people are paged until somebody has it",
            Self::Breached => "a clock of its service level has run out",
        }
    }

    /// Whether it holds for `incident`; `me` is who asks.
    pub fn holds(self, incident: &Incident, me: &str) -> bool {
        match self {
            Self::Open => incident.is_open(),
            Self::Mine => incident.owner() == Some(me),
            Self::Silenced => incident.is_silenced(),
            Self::Maintenance => incident.maintenance.is_some(),
            Self::Flapping => incident.flapping_since.is_some(),
            Self::Unverified => incident.unverified_since.is_some(),
            Self::Unassigned => incident.service.is_none(),
            Self::Folded => incident.parent.is_some(),
            Self::Recurring => incident.recurrence > 1,
            Self::Reopened => !incident.reopened_at.is_empty(),
            Self::Firing => incident.alerts.values().any(|a| a.cleared_at.is_none()),
            Self::Snoozed => incident.is_snoozed(),
            Self::Merged => incident.standing.merged_into.is_some(),
            Self::Paging => incident.escalation.as_ref().is_some_and(Progress::is_under_way),
            // That depends on contracts and on the time: [`Subject::is_breached`] knows.
            Self::Breached => false,
            Self::Reported => incident.reported_by.kind == super::event::ActorKind::Person,
        }
    }
}

#[cfg(test)]
mod tests;
