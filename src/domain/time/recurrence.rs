//! What recurs: RFC 5545's `DTSTART`, `RRULE`, `RDATE` and `EXDATE` in a local zone.

use chrono::NaiveDateTime;
use chrono_tz::Tz;

use super::{Instant, Interval, zone};

/// A series of local times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    /// The first of them, whether or not the rule has it.
    pub start: NaiveDateTime,
    pub zone: Tz,
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

impl Recurrence {
    /// It takes place once.
    pub fn once(start: NaiveDateTime, zone: Tz) -> Self {
        Self { start, zone, also: Vec::new(), except: Vec::new() }
    }

    /// Those that begin in an interval, in order, at most so many.
    pub fn between(&self, within: Interval, most: usize) -> Vec<Start> {
        let locals = std::iter::once(&self.start).chain(&self.also);
        let starts = locals.filter(|local| !self.except.contains(local));
        let starts = starts.map(|&local| Start { at: zone::instant(local, self.zone), local });
        let mut starts: Vec<_> = starts.filter(|s| within.contains(s.at)).collect();
        starts.sort_unstable();
        starts.dedup();
        starts.truncate(most);
        starts
    }
}
