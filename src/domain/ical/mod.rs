//! iCalendar (RFC 5545): what calendars of others say, and a calendar that others can read.
//!
//! [`read`] takes what can be used of a text and reports the rest; [`Calendar::occurrences`] says
//! what takes place in an interval, with changed, moved and cancelled occurrences in their place;
//! [`Calendar::write`] is the way back.

mod components;
mod length;
mod lines;
mod read;
#[cfg(test)]
mod tests;
pub mod upload;
mod windows;
mod write;
mod zones;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

use crate::domain::time::recurrence::STEPS;
use crate::domain::time::{Instant, Interval, Recurrence, zone};
pub use length::Length;
pub use read::read;

/// The events of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// `X-WR-CALNAME`; may be empty.
    pub name: String,
    /// `X-WR-TIMEZONE`: where days, and times that say no zone, are.
    pub zone: Tz,
    /// In the order of the text.
    pub events: Vec<Event>,
    /// What could not be read, and what is not as it was meant.
    pub problems: Vec<Problem>,
}

/// A `VEVENT`: an event, a series of them, or what became of one of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Empty where the calendar has none.
    pub uid: String,
    /// One line, as all texts but the description.
    pub summary: String,
    pub description: String,
    pub location: String,
    pub status: Option<Status>,
    pub categories: Vec<String>,
    pub organizer: Option<Party>,
    pub attendees: Vec<Party>,
    /// `SEQUENCE`: of two versions the higher is in force.
    pub sequence: u32,
    /// `TRANSP:TRANSPARENT`: whoever has it in their calendar is free all the same.
    pub is_transparent: bool,
    /// What only this program reads: names without [`OURS`] before them, in order. An event that has
    /// some is written in its zone.
    pub extra: Vec<(String, String)>,
    pub when: Recurrence,
    /// The days themselves are meant, not times: `VALUE=DATE`. Starts are midnights then.
    pub all_day: bool,
    pub length: Length,
    /// `RECURRENCE-ID`: instead of which occurrence of the series with this UID it takes place, by
    /// the local time in `when.zone` at which that would have begun.
    pub replaces: Option<NaiveDateTime>,
}

/// How the properties begin that only this program reads.
pub const OURS: &str = "X-ATALAYA-";

/// `STATUS` of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Tentative,
    Confirmed,
    Cancelled,
}

/// Somebody: an organizer or an attendee.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Party {
    /// `CN`; may be empty.
    pub name: String,
    /// The e-mail address, or a URI of another scheme than `mailto`.
    pub address: String,
}

/// What is wrong with a part of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// `VEVENT "Night shift"`.
    pub what: String,
    pub why: String,
    /// Whether that part was left out; otherwise it is used as it is.
    pub is_skipped: bool,
}

impl Problem {
    fn skipped(line: usize, what: &str, why: impl Into<String>) -> Self {
        Self { line, what: what.to_owned(), why: why.into(), is_skipped: true }
    }

    fn used(line: usize, what: &str, why: impl Into<String>) -> Self {
        Self { is_skipped: false, ..Self::skipped(line, what, why) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let skipped = if self.is_skipped { " is left out" } else { "" };
        write!(f, "line {}: {}{skipped}: {}", self.line, self.what, self.why)
    }
}

/// An event, or one of a series, at its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence<'a> {
    pub at: Interval,
    pub event: &'a Event,
}

/// What takes place in an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrences<'a> {
    /// In the order in which they begin.
    pub list: Vec<Occurrence<'a>>,
    /// Whether that is all: neither cut at the most asked for, nor for want of steps.
    pub is_complete: bool,
}

/// How many steps all series of a calendar take together at most: about 0.2 s.
const ALL_STEPS: u32 = 1_000_000;

impl Calendar {
    /// A calendar without events.
    pub fn new(name: &str, zone: Tz) -> Self {
        Self { name: name.to_owned(), zone, events: Vec::new(), problems: Vec::new() }
    }

    /// What takes place in an interval, wholly or in part, at most so many. An occurrence that
    /// another event replaces, and what is cancelled, does not.
    pub fn occurrences(&self, within: Interval, most: usize) -> Occurrences<'_> {
        let mut replaced: BTreeMap<&str, BTreeSet<Instant>> = BTreeMap::new();
        for event in self.events.iter().filter(|e| !e.uid.is_empty()) {
            if let Some(local) = event.replaces {
                let at = zone::instant(local, event.when.zone);
                replaced.entry(&event.uid).or_default().insert(at);
            }
        }
        let none = BTreeSet::new();
        let mut list = Vec::new();
        let (mut is_complete, mut steps) = (true, ALL_STEPS);
        for event in self.events.iter().filter(|e| e.status != Some(Status::Cancelled)) {
            let replaced = match event.replaces {
                None => replaced.get(event.uid.as_str()).unwrap_or(&none),
                Some(_) => &none,
            };
            // From so early on that what began then may still last.
            let from = crate::domain::time::before(within.from, event.length.longest());
            let span = Interval::new(from, within.to);
            let earlier = if event.length.days > 0 { EARLIER } else { 1 };
            let asked = most.saturating_add(replaced.len()).saturating_add(earlier);
            let found = event.when.search(span, asked, steps.min(STEPS));
            is_complete &= found.is_complete;
            steps -= found.steps.min(steps);
            let starts = found.starts.iter().filter(|start| !replaced.contains(&start.at));
            let at = starts.map(|start| event.length.from(*start, event.when.zone));
            let at = at.filter(|at| at.overlap(within).is_some() || within.contains(at.from));
            list.extend(at.map(|at| Occurrence { at, event }));
            if list.len() / 2 > most {
                is_complete = false;
                list.sort_by_key(|o| o.at);
                list.truncate(most);
            }
        }
        list.sort_by_key(|o| o.at);
        is_complete &= list.len() <= most;
        list.truncate(most);
        Occurrences { list, is_complete }
    }
}

/// How many starts of a series may lie in the day by which lengths are taken longer than they are.
const EARLIER: usize = 1_440;

impl Event {
    /// The values of a property of ours.
    pub fn extras<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.extra.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// An event that takes place as `when` says, for so long.
    pub fn new(uid: &str, summary: &str, when: Recurrence, length: Length) -> Self {
        Self {
            uid: uid.to_owned(),
            summary: summary.to_owned(),
            description: String::new(),
            location: String::new(),
            status: None,
            categories: Vec::new(),
            organizer: None,
            attendees: Vec::new(),
            sequence: 0,
            is_transparent: false,
            extra: Vec::new(),
            when,
            all_day: false,
            length,
            replaces: None,
        }
    }
}

/// A length of at most a hundred years.
const CENTURY: TimeDelta = TimeDelta::days(36_525);
