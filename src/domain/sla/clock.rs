//! A clock against a target: when it runs out, how far it is, and a ledger of every interval that was
//! counted or skipped.
//!
//! elapsed = |open hours ∩ [start, now) − pauses|; the deadline is the first instant at which elapsed is the
//! target; it is breached strictly after it. A target in working days is the same local time so many
//! working days later, moved on by the calendar's time in pauses, and by the option to that day's close.

use std::fmt;
use std::sync::Arc;

use chrono::TimeDelta;

use super::hours::{BusinessCalendar, Closed, Never};
use crate::domain::incident::HoldReason;
use crate::domain::text::{duration, parse_duration};
use crate::domain::time::{Instant, Interval, Intervals};

/// How long something may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// Of the calendar's time.
    Time(TimeDelta),
    /// Working days; `to_close`: until the last of them is over.
    Days { count: u32, to_close: bool },
}

/// More working days than any target needs: about ten years.
pub const MOST_DAYS: u32 = 2_600;

impl Target {
    /// `30m`, `4h`, `5wd`; more than nothing.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(count) = text.trim().strip_suffix("wd") {
            let count = count.trim_end();
            let is_number = !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
            let count = count.parse().ok().filter(|n| is_number && (1..=MOST_DAYS).contains(n))?;
            return Some(Self::Days { count, to_close: false });
        }
        let length = parse_duration(text)?;
        (length > TimeDelta::zero()).then_some(Self::Time(length))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Time(length) => f.write_str(&duration(*length)),
            Self::Days { count, to_close: false } => write!(f, "{count}wd"),
            Self::Days { count, to_close: true } => write!(f, "{count}wd, end of day"),
        }
    }
}

/// Time that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    pub from: Instant,
    /// `None`: it still lasts.
    pub to: Option<Instant>,
    pub why: Rest,
}

/// Why a clock rests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    Hold(HoldReason),
    Resolved,
    Cancelled,
    /// A window that is no downtime by the contract; its title.
    Maintenance(String),
    /// Somebody says so.
    Given,
}

/// All that a clock depends on, but the time.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    pub start: Instant,
    pub target: Target,
    pub calendar: Arc<BusinessCalendar>,
    /// In the order in which they begin; they may overlap.
    pub pauses: Vec<Pause>,
    /// When what it waits for happened.
    pub stop: Option<Instant>,
}

/// A clock at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// While it rests, as if that ended now.
    pub deadline: Result<Instant, Never>,
    pub elapsed: TimeDelta,
    /// Of the calendar's time; negative by how much it is late.
    pub left: Option<TimeDelta>,
    /// The calendar's time that did not count.
    pub paused: TimeDelta,
    pub breached: bool,
    /// It counts at this moment.
    pub running: bool,
}

/// An interval of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub at: Interval,
    pub counted: bool,
    pub why: Why,
}

/// Why an interval was counted, or was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// `true`: the calendar never closes.
    Open(bool),
    Late,
    Closed(Closed),
    Paused(Rest),
    BeforeStart,
}

impl Pause {
    fn at(&self, now: Instant) -> Interval {
        Interval::new(self.from, self.to.unwrap_or(now).max(self.from))
    }
}

impl Course {
    /// When it stopped, or now.
    fn end(&self, now: Instant) -> Instant {
        self.stop.map_or(now, |stop| stop.min(now))
    }

    /// When it rests. What has no end yet lasts until now, or until it stopped.
    fn rests(&self, now: Instant) -> Intervals {
        let end = self.end(now);
        let since = |at: Interval| Interval::new(at.from.max(self.start), at.to);
        self.pauses.iter().map(|pause| since(pause.at(end))).collect()
    }

    /// When it rests at this moment; a stopped one does not.
    pub fn rest(&self, now: Instant) -> Option<&Pause> {
        if self.stop.is_some_and(|stop| stop <= now) {
            return None;
        }
        self.pauses.iter().find(|p| p.from <= now && p.to.is_none_or(|to| now < to))
    }

    /// The first instant at which the target is reached.
    ///
    /// # Errors
    /// The calendar does not open for so long.
    pub fn deadline(&self, now: Instant) -> Result<Instant, Never> {
        match self.target {
            Target::Time(length) if self.pauses.is_empty() => {
                self.calendar.after(self.start, length)
            }
            Target::Time(length) => self.reached(length, &self.rests(now)),
            Target::Days { count, to_close } => {
                let days = i32::try_from(count).unwrap_or(i32::MAX);
                let mut at = self.calendar.working_days(self.start, days)?;
                for rest in self.rests(now).iter() {
                    if rest.from >= at {
                        break;
                    }
                    at = self.calendar.after(at, self.calendar.passed(rest))?;
                }
                Ok(if to_close { self.calendar.close_of(at).unwrap_or(at) } else { at })
            }
        }
    }

    /// The first instant at which so much has elapsed.
    fn reached(&self, length: TimeDelta, rests: &Intervals) -> Result<Instant, Never> {
        let (mut from, mut missing) = (self.start, length);
        for rest in rests.iter() {
            let before = self.calendar.passed(Interval::new(from, rest.from));
            if missing <= before {
                break;
            }
            (from, missing) = (rest.to, missing - before);
        }
        self.calendar.after(from, missing)
    }

    /// How much counts between two instants.
    fn counted(&self, within: Interval, rests: &Intervals) -> TimeDelta {
        let rests = rests.within(within);
        let resting = rests.iter().fold(TimeDelta::zero(), |sum, r| sum + self.calendar.passed(r));
        self.calendar.passed(within) - resting
    }

    /// How it stands.
    pub fn clock(&self, now: Instant) -> Clock {
        let end = self.end(now);
        let rests = self.rests(now);
        let so_far = Interval::new(self.start, end);
        let elapsed = self.counted(so_far, &rests);
        let paused = self.calendar.passed(so_far) - elapsed;
        let deadline = self.deadline(now);
        let left = deadline.as_ref().ok().map(|deadline| {
            let (early, late) = (Interval::new(end.max(self.start), *deadline), *deadline..end);
            if late.is_empty() {
                self.counted(early, &rests)
            } else {
                -self.counted(Interval::new((*deadline).max(self.start), end), &rests)
            }
        });
        let breached = deadline.as_ref().is_ok_and(|deadline| end > *deadline);
        let has_stopped = self.stop.is_some_and(|stop| stop <= now);
        let running = !has_stopped
            && self.start <= now
            && self.rest(now).is_none()
            && self.calendar.is_open(now);
        Clock { deadline, elapsed, left, paused, breached, running }
    }

    /// The instant at which so many percent of the target have passed; 100 is the deadline.
    ///
    /// # Errors
    /// The calendar does not open for so long.
    pub fn at_percent(&self, percent: u32, now: Instant) -> Result<Instant, Never> {
        let deadline = self.deadline(now)?;
        let whole = self.counted(Interval::new(self.start, deadline), &self.rests(now));
        match percent {
            100 => Ok(deadline),
            _ => self.reached(whole * percent.cast_signed() / 100, &self.rests(now)),
        }
    }

    /// The instant that lies so much of what counts after the deadline, or before it where that is
    /// negative; not before the start.
    ///
    /// # Errors
    /// The calendar does not open for so long.
    pub fn at_offset(&self, offset: TimeDelta, now: Instant) -> Result<Instant, Never> {
        let deadline = self.deadline(now)?;
        if offset >= TimeDelta::zero() {
            return self.calendar.after(deadline, offset);
        }
        let rests = self.rests(now);
        let whole = self.counted(Interval::new(self.start, deadline), &rests);
        self.reached((whole + offset).max(TimeDelta::zero()), &rests)
    }

    /// Every interval from the start until now, or until it stopped, in order and without a gap.
    pub fn ledger(&self, now: Instant) -> Vec<Line> {
        let end = self.end(now);
        if end < self.start {
            let at = Interval::new(end, self.start);
            return vec![Line { at, counted: false, why: Why::BeforeStart }];
        }
        let within = Interval::new(self.start, end);
        let mut open = self.calendar.open(within);
        let mut lines: Vec<Line> = Vec::new();
        for (at, closed) in self.calendar.closed(within) {
            lines.push(Line { at, counted: false, why: Why::Closed(closed) });
        }
        for pause in &self.pauses {
            let at = Intervals::from(pause.at(end));
            for at in open.intersection(&at).iter() {
                lines.push(Line { at, counted: false, why: Why::Paused(pause.why.clone()) });
            }
            open = open.difference(&at);
        }
        let deadline = self.deadline(now).unwrap_or(end);
        let (early, late) = (Interval::new(self.start, deadline), Interval::new(deadline, end));
        for at in open.within(early).iter() {
            let why = Why::Open(self.calendar.is_always(at.from));
            lines.push(Line { at, counted: true, why });
        }
        for at in open.within(late).iter() {
            lines.push(Line { at, counted: true, why: Why::Late });
        }
        lines.sort_by_key(|line| line.at);
        lines
    }
}

impl Clock {
    /// How much of the target has elapsed, in whole percent, rounded down; more than 100 when late.
    pub fn percent(&self) -> Option<i64> {
        let whole = self.elapsed + self.left?;
        let (elapsed, whole) = (self.elapsed.num_milliseconds(), whole.num_milliseconds());
        // So that 100 % is never said before the deadline.
        elapsed.checked_mul(100)?.checked_div(whole)
    }
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Hold(reason) => write!(f, "on hold for {}", reason.says()),
            Self::Resolved => f.write_str("resolved"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Maintenance(title) => write!(f, "maintenance: {title}"),
            Self::Given => f.write_str("paused"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Open(true) => f.write_str("round the clock"),
            Self::Open(false) => f.write_str("open hours"),
            Self::Late => f.write_str("past the deadline"),
            Self::Closed(closed) => closed.fmt(f),
            Self::Paused(rest) => rest.fmt(f),
            Self::BeforeStart => f.write_str("before the start"),
        }
    }
}
