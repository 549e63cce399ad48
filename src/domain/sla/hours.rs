//! Business calendars: when working time passes, and what follows from it.
//!
//! [`passed`](BusinessCalendar::passed) and [`after`](BusinessCalendar::after) are inverse to each other.
//! Openings are worked out year by year (UTC) when they are first asked for, and kept with their running
//! sum: whatever is asked afterwards costs a search in the years that it touches. The years 1970 to 2100
//! are reckoned with; a calendar is closed before and after, so that no search goes on for ever.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};
use chrono_tz::Tz;

use crate::domain::text::duration;
use crate::domain::time::{Instant, Interval, Intervals, Moment, WeekHours, zone};

/// A calendar with the hours that it has had and has.
#[derive(Debug, Clone)]
pub struct BusinessCalendar {
    pub id: Arc<str>,
    editions: Vec<Edition>,
    years: Arc<[OnceLock<Year>]>,
}

/// What a calendar says for as long as it is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition {
    pub zone: Tz,
    pub hours: WeekHours,
    pub holidays: Holidays,
    /// Outside of it this edition is closed.
    pub valid: Interval,
}

/// When it is closed although its hours say otherwise; names may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holidays {
    /// Whole local days, midnight to midnight.
    pub days: BTreeMap<NaiveDate, Arc<str>>,
    pub times: Vec<(Interval, Arc<str>)>,
}

/// Why a calendar is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    Hours,
    /// Its name may be empty.
    Holiday(Arc<str>),
    /// No edition is valid then.
    Invalid,
}

/// A calendar does not open for as long as is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Never {
    pub calendar: Arc<str>,
    pub from: Instant,
    /// How long it opens from then on.
    pub open: TimeDelta,
    /// `8h`, `5 working days`.
    pub wanted: String,
}

/// The openings of a year in order, each with how long was open in the year before it.
#[derive(Debug, Default)]
struct Year {
    open: Vec<(Interval, TimeDelta)>,
    total: TimeDelta,
}

const FIRST: i32 = 1970;
const YEARS: usize = 131;

/// The first instant of a year that is reckoned with, in UTC.
fn begins(year: i32) -> Instant {
    let day = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// All years that are reckoned with.
fn reckoned() -> Interval {
    Interval::new(begins(FIRST), begins(FIRST + YEARS as i32))
}

/// All of time.
pub const ALWAYS: Interval =
    Interval { from: DateTime::<chrono::Utc>::MIN_UTC, to: DateTime::<chrono::Utc>::MAX_UTC };

impl Holidays {
    /// Those that touch an interval, as a zone's days.
    fn within(&self, within: Interval, zone: Tz) -> Vec<(Interval, Arc<str>)> {
        let local = |at| zone::local(at, zone).date();
        let days = self.days.range(local(within.from)..=local(within.to));
        let whole = |day: &NaiveDate| {
            let next = day.succ_opt().unwrap_or(*day);
            Interval::new(zone::midnight(*day, zone), zone::midnight(next, zone))
        };
        let days = days.map(|(day, name)| (whole(day), name.clone()));
        let times = self.times.iter().cloned();
        days.chain(times).filter(|(at, _)| at.overlap(within).is_some()).collect()
    }
}

impl Edition {
    /// The same hours for all time, without holidays.
    pub fn new(zone: Tz, hours: WeekHours) -> Self {
        Self { zone, hours, holidays: Holidays::default(), valid: ALWAYS }
    }

    fn open(&self, within: Interval) -> Intervals {
        let Some(within) = within.overlap(self.valid) else { return Intervals::empty() };
        let closed = self.holidays.within(within, self.zone);
        let closed: Intervals = closed.into_iter().map(|(at, _)| at).collect();
        self.hours.within(within, self.zone).difference(&closed)
    }
}

impl Year {
    fn new(open: &Intervals) -> Self {
        let mut year = Self::default();
        for at in open.iter() {
            year.open.push((at, year.total));
            year.total += at.length();
        }
        year
    }

    /// How long was open before an instant.
    fn until(&self, at: Instant) -> TimeDelta {
        let next = self.open.partition_point(|(open, _)| open.to <= at);
        match self.open.get(next) {
            Some((open, before)) => *before + (at - open.from).max(TimeDelta::zero()),
            None => self.total,
        }
    }

    /// The first instant before which so much was open: more than nothing, and no more than there is.
    fn reached(&self, length: TimeDelta) -> Option<Instant> {
        let found = self.open.partition_point(|(at, before)| *before + at.length() < length);
        self.open.get(found).map(|(at, before)| at.from + (length - *before))
    }

    /// The last instant before which no more was open: less than there is.
    fn left(&self, length: TimeDelta) -> Option<Instant> {
        let found = self.open.partition_point(|(at, before)| *before + at.length() <= length);
        self.open.get(found).map(|(at, before)| at.from + (length - *before))
    }
}

impl BusinessCalendar {
    /// Of several editions each counts where it is valid.
    pub fn new(id: &str, mut editions: Vec<Edition>) -> Self {
        editions.sort_by_key(|e| e.valid);
        let years = (0..YEARS).map(|_| OnceLock::new()).collect();
        Self { id: id.into(), editions, years }
    }

    /// Open every minute; its days are those of a zone.
    pub fn always(zone: Tz) -> Self {
        Self::new("24x7", vec![Edition::new(zone, WeekHours::always())])
    }

    pub fn editions(&self) -> &[Edition] {
        &self.editions
    }

    /// Its zone at an instant: that of the edition that is valid, else of the nearest before or after.
    pub fn zone(&self, at: Instant) -> Tz {
        self.edition(at).map_or(Tz::UTC, |e| e.zone)
    }

    /// The instant of a local time: by the edition that is valid then, in its own zone.
    pub fn instant(&self, moment: Moment) -> Instant {
        let begun = |e: &&Edition| e.valid.from <= moment.begins(e.zone);
        let edition = self.editions.iter().rev().find(begun).or_else(|| self.editions.first());
        moment.begins(edition.map_or(Tz::UTC, |e| e.zone))
    }

    fn edition(&self, at: Instant) -> Option<&Edition> {
        let begun = self.editions.iter().rev().find(|e| e.valid.from <= at);
        begun.or_else(|| self.editions.first())
    }

    /// Whether it is open every minute at that instant's edition.
    pub fn is_always(&self, at: Instant) -> bool {
        self.edition(at).is_some_and(|e| e.hours.is_always() && e.holidays == Holidays::default())
    }

    fn index(at: Instant) -> usize {
        usize::try_from(at.year() - FIRST).unwrap_or(0)
    }

    fn year(&self, index: usize) -> Option<&Year> {
        let work_out = || {
            let first = FIRST + index as i32;
            let within = Interval::new(begins(first), begins(first + 1));
            let open = self.editions.iter().flat_map(|e| {
                let open = e.open(within);
                open.iter().collect::<Vec<_>>()
            });
            Year::new(&open.collect())
        };
        self.years.get(index).map(|year| year.get_or_init(work_out))
    }

    /// When it is open, inside an interval.
    pub fn open(&self, within: Interval) -> Intervals {
        let Some(within) = within.overlap(reckoned()) else { return Intervals::empty() };
        let years = (Self::index(within.from)..YEARS)
            .take_while(|index| begins(FIRST + *index as i32) < within.to)
            .filter_map(|index| self.year(index));
        let pieces = years.flat_map(|year| {
            let first = year.open.partition_point(|(at, _)| at.to <= within.from);
            year.open.iter().skip(first).map_while(|(at, _)| at.overlap(within))
        });
        pieces.collect()
    }

    pub fn is_open(&self, at: Instant) -> bool {
        if !reckoned().contains(at) {
            return false;
        }
        let year = self.year(Self::index(at));
        year.is_some_and(|year| {
            let next = year.open.partition_point(|(open, _)| open.to <= at);
            year.open.get(next).is_some_and(|(open, _)| open.contains(at))
        })
    }

    /// How much of an interval it is open; nothing where it ends before it begins.
    pub fn passed(&self, within: Interval) -> TimeDelta {
        let Some(within) = within.overlap(reckoned()) else { return TimeDelta::zero() };
        // The end belongs to the year before where it is its very beginning.
        let (first, last) = (Self::index(within.from), Self::index(within.to));
        let mut sum = TimeDelta::zero();
        for index in first..=last.min(YEARS - 1) {
            let Some(year) = self.year(index) else { break };
            let until = if index == last { year.until(within.to) } else { year.total };
            let before = if index == first { year.until(within.from) } else { TimeDelta::zero() };
            sum += until - before;
        }
        sum
    }

    /// The first instant at which so much has passed since `start`; `start` itself where that is
    /// nothing.
    ///
    /// # Errors
    /// It does not open for so long.
    pub fn after(&self, start: Instant, length: TimeDelta) -> Result<Instant, Never> {
        if length <= TimeDelta::zero() {
            return Ok(start);
        }
        let from = start.max(begins(FIRST));
        let first = Self::index(from);
        let mut missing = length;
        for index in first..YEARS {
            let Some(year) = self.year(index) else { break };
            let before = if index == first { year.until(from) } else { TimeDelta::zero() };
            if missing <= year.total - before
                && let Some(at) = year.reached(before + missing)
            {
                return Ok(at);
            }
            missing -= year.total - before;
        }
        Err(self.never(start, length - missing, duration(length)))
    }

    /// The last instant since which so much has passed at `end`; `end` itself where that is nothing.
    ///
    /// # Errors
    /// It was not open for so long.
    pub fn back(&self, end: Instant, length: TimeDelta) -> Result<Instant, Never> {
        if length <= TimeDelta::zero() {
            return Ok(end);
        }
        let to = end.min(reckoned().to);
        let last = Self::index(to).min(YEARS - 1);
        let mut missing = length;
        for index in (0..=last).rev() {
            let Some(year) = self.year(index) else { break };
            let there = if index == last { year.until(to) } else { year.total };
            if missing <= there
                && let Some(at) = year.left(there - missing)
            {
                return Ok(at);
            }
            missing -= there;
        }
        Err(self.never(begins(FIRST), length - missing, duration(length)))
    }

    fn never(&self, from: Instant, open: TimeDelta, wanted: String) -> Never {
        Never { calendar: self.id.clone(), from, open, wanted }
    }

    /// The same local time so many working days later, or earlier where `days` is negative. A working
    /// day is one on which the calendar opens; the day of `start` is not counted.
    ///
    /// # Errors
    /// It has not so many working days.
    pub fn working_days(&self, start: Instant, days: i32) -> Result<Instant, Never> {
        let zone = self.zone(start);
        let local = zone::local(start, zone);
        let mut day = local.date();
        let mut missing = days.unsigned_abs();
        while missing > 0 {
            let next = if days > 0 { day.succ_opt() } else { day.pred_opt() };
            let known = next.filter(|d| (FIRST..FIRST + YEARS as i32).contains(&d.year()));
            let Some(next) = known else {
                let wanted = format!("{} working days", days.unsigned_abs());
                return Err(self.never(start, TimeDelta::zero(), wanted));
            };
            day = next;
            if self.opens_on(day, zone) {
                missing -= 1;
            }
        }
        Ok(if days == 0 { start } else { zone::hand_off(day.and_time(local.time()), zone) })
    }

    /// When the working day of an instant is over: of the day before while hours last that began then,
    /// else of its local day. `None`: that is none on which it opens.
    pub fn close_of(&self, at: Instant) -> Option<Instant> {
        let zone = self.zone(at);
        let today = zone::local(at, zone).date();
        let lasting = today
            .pred_opt()
            .filter(|day| self.hours_of(*day, zone).any(|hours| hours.from < at && at <= hours.to));
        self.close(lasting.unwrap_or(today), zone)
    }

    /// Whether it opens on a local day. The end of a night after a holiday makes that no working day.
    fn opens_on(&self, day: NaiveDate, zone: Tz) -> bool {
        let today = |open: Interval| zone::local(open.from, zone).date() == day;
        self.hours_of(day, zone).any(|hours| self.open(hours).iter().any(today))
    }

    fn close(&self, day: NaiveDate, zone: Tz) -> Option<Instant> {
        let open = self.hours_of(day, zone).filter_map(|hours| self.open(hours).last());
        open.map(|open| open.to).max()
    }

    /// The hours that begin on a local day, whether it is a holiday or not.
    fn hours_of(&self, day: NaiveDate, zone: Tz) -> impl Iterator<Item = Interval> {
        let edition = self.edition(zone::midnight(day, zone)).into_iter();
        edition.flat_map(move |e| {
            e.hours.on(day.weekday()).iter().filter_map(move |range| range.on(day, e.zone))
        })
    }

    /// When and why it is closed, inside an interval, in order.
    pub fn closed(&self, within: Interval) -> Vec<(Interval, Closed)> {
        let closed = self.open(within).missing(within);
        let valid: Intervals = self.editions.iter().map(|e| e.valid).collect();
        let mut pieces = Vec::new();
        let mut rest = closed.intersection(&valid);
        for at in closed.difference(&valid).iter() {
            pieces.push((at, Closed::Invalid));
        }
        for edition in &self.editions {
            let Some(span) = within.overlap(edition.valid) else { continue };
            for (at, name) in edition.holidays.within(span, edition.zone) {
                let at = Intervals::from(at).within(span);
                let here = rest.intersection(&at);
                rest = rest.difference(&at);
                pieces.extend(here.iter().map(|at| (at, Closed::Holiday(name.clone()))));
            }
        }
        pieces.extend(rest.iter().map(|at| (at, Closed::Hours)));
        pieces.sort_by_key(|(at, _)| *at);
        pieces
    }
}

impl PartialEq for BusinessCalendar {
    /// What was worked out of it makes no difference.
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.editions == other.editions
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Hours => f.write_str("closed hours"),
            Self::Holiday(name) if name.is_empty() => f.write_str("holiday"),
            Self::Holiday(name) => write!(f, "holiday: {name}"),
            Self::Invalid => f.write_str("the calendar is not valid then"),
        }
    }
}

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { calendar, from, open, wanted } = self;
        let from = from.format("%Y-%m-%d");
        if *open > TimeDelta::zero() {
            let open = duration(*open);
            write!(f, "calendar {calendar} is open for only {open} of {wanted} after {from}")
        } else {
            write!(f, "calendar {calendar} has no open hours after {from}: {wanted} never pass")
        }
    }
}

impl std::error::Error for Never {}
