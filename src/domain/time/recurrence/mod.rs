//! What recurs: RFC 5545's `DTSTART`, `RRULE`, `RDATE` and `EXDATE` in a local zone.
//!
//! A rule is local: what takes place at 09:00 does so before and after clocks change. A time that
//! is in a gap moves by its length; of two that become the same instant one is left.

mod expand;
mod rule;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

use super::{Instant, Interval, Stamp, zone};
use expand::{Expansion, Walk};
use rule::End;
pub use rule::{Rule, RuleError};

/// A series of local times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    /// The first of them, whether or not the rule has it.
    pub start: NaiveDateTime,
    pub zone: Tz,
    pub rule: Option<Rule>,
    /// Further times, by `RDATE`.
    pub also: Vec<NaiveDateTime>,
    /// Those that do not take place, by `EXDATE`.
    pub except: Vec<NaiveDateTime>,
}

/// One of the series: its local time, by which exceptions name it, and its instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Start {
    pub at: Instant,
    pub local: NaiveDateTime,
}

/// What a search for starts found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// In order, each instant once.
    pub starts: Vec<Start>,
    /// The search ended at its own end: neither at the most starts asked for nor for want of steps.
    pub is_complete: bool,
    /// How many steps it took.
    pub steps: u32,
}

/// How many steps a search makes, if nothing else is said. A step is an occurrence, or a month or
/// smaller unit without one: it is 54 years of days, or 1,600 of months.
pub const STEPS: u32 = 20_000;

/// By how much the order of local times and that of instants may differ: no clock was ever changed
/// by more than a day.
const SLACK: TimeDelta = TimeDelta::days(2);

/// The years that are looked at, but for the slack on both sides.
const CALENDAR: Option<Interval> = match (
    DateTime::from_timestamp(-62_135_596_800, 0), // 0001-01-01
    DateTime::from_timestamp(253_401_696_000, 0), // 9999-12-25
) {
    (Some(from), Some(to)) => Some(Interval { from, to }),
    _ => None,
};

impl Recurrence {
    /// It takes place once.
    pub fn once(start: NaiveDateTime, zone: Tz) -> Self {
        Self { start, zone, rule: None, also: Vec::new(), except: Vec::new() }
    }

    /// Those that begin in an interval, in order, at most so many. Fewer than there are where the
    /// search takes more than [`STEPS`]; see [`search`](Self::search).
    pub fn between(&self, within: Interval, most: usize) -> Vec<Start> {
        self.search(within, most, STEPS).starts
    }

    /// The next `n` after an instant. Fewer: it ends, or takes no place for so long that
    /// [`STEPS`] did not reach it.
    pub fn next(&self, after: Instant, n: usize) -> Vec<Start> {
        let from = super::before(after, -TimeDelta::nanoseconds(1));
        self.between(Interval::new(from, Instant::MAX_UTC), n)
    }

    /// Those that begin in an interval, with at most so many steps. The time that this takes
    /// depends on the interval, not on how long ago the series began, except where a rule with a
    /// `COUNT` has not as many in every unit, as by `BYMONTHDAY=31`: that is counted from the
    /// start.
    pub fn search(&self, within: Interval, most: usize, steps: u32) -> Found {
        let nothing = Found { starts: Vec::new(), is_complete: true, steps: 0 };
        let Some(within) = CALENDAR.and_then(|years| years.overlap(within)) else { return nothing };
        let from = zone::local(within.from, self.zone) - SLACK;
        let to = zone::local(within.to, self.zone) + SLACK;
        let near = |local: &&NaiveDateTime| (from..to).contains(*local);
        let except: BTreeSet<Instant> =
            self.except.iter().filter(near).map(|&local| zone::instant(local, self.zone)).collect();
        let start = |local: NaiveDateTime| {
            let at = zone::instant(local, self.zone);
            (within.contains(at) && !except.contains(&at)).then_some(Start { at, local })
        };
        let stated = std::iter::once(&self.start).chain(&self.also).filter(near);
        let mut starts: Vec<Start> = stated.filter_map(|&local| start(local)).collect();
        let mut walk = Walk { steps: 0, is_complete: true };
        if let Some(rule) = self.rule.as_ref().filter(|_| (0..=9_999).contains(&self.start.year()))
        {
            let mut by_rule = 0;
            walk =
                Expansion::new(rule, self.start).walk(from, self.last(rule, to), steps, |local| {
                    if let Some(start) = start(local).filter(|s| is_before_end(rule, *s)) {
                        starts.push(start);
                        by_rule += 1;
                    }
                    // What is later by more than the slack is later as an instant, too.
                    if by_rule < most { to } else { local + SLACK }
                });
        }
        starts.sort_unstable();
        starts.dedup_by_key(|start| start.at);
        let is_complete = walk.is_complete && starts.len() < most;
        starts.truncate(most);
        Found { starts, is_complete, steps: walk.steps }
    }

    /// Before which local time a rule has its last occurrence, or `to` where that is earlier.
    fn last(&self, rule: &Rule, to: NaiveDateTime) -> NaiveDateTime {
        match rule.end {
            End::Until(until) => to.min(until.local(self.zone) + SLACK),
            End::Count(_) | End::Never => to,
        }
    }
}

fn is_before_end(rule: &Rule, start: Start) -> bool {
    match rule.end {
        End::Until(Stamp::Date(day)) => start.local.date() <= day,
        End::Until(Stamp::Local(local)) => start.local <= local,
        End::Until(Stamp::Utc(utc)) => start.at <= utc.and_utc(),
        End::Count(_) | End::Never => true,
    }
}
