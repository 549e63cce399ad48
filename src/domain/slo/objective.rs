//! What was promised, and how it is measured.

use std::fmt::{self, Write};
use std::sync::Arc;

use chrono::{Datelike, NaiveDate, TimeDelta};
use chrono_tz::Tz;

use super::alert::Rule;
use super::intake;
use crate::domain::health::{Direction, ServiceId, SignalName};
use crate::domain::incident::Priority;
use crate::domain::observation::SourceName;
use crate::domain::sla::ratio::WHOLE_PPM;
use crate::domain::sla::{Exclusion, NoData};
use crate::domain::time::{Instant, Interval, before, zone};

/// An objective's id, as in the configuration.
pub type SloId = Arc<str>;

/// One objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    pub id: SloId,
    pub name: String,
    pub service: ServiceId,
    pub target: Target,
    pub window: Window,
    pub sli: Sli,
    /// What becomes of planned downtime.
    pub exclusion: Exclusion,
    /// What becomes of time of which nothing is known.
    pub no_data: NoData,
    /// When to raise an incident; none: never.
    pub rules: Vec<Rule>,
}

/// The part that must be good, in parts per million: more than 0, and at most all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(u32);

/// Over what time the target is to be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The last so much, at any instant. A multiple of five minutes.
    Rolling(TimeDelta),
    /// From one boundary of the calendar to the next, in local time.
    Calendar { period: Period, zone: Tz },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// From Monday on.
    Week,
    Month,
    Quarter,
    Year,
}

/// What is measured: good of total.
#[derive(Debug, Clone, PartialEq)]
pub enum Sli {
    /// Of requests, or whatever is counted.
    Events { source: SourceName, events: Events },
    /// Of slices of time, each good or bad as a whole. A divisor of five minutes, or a multiple of it
    /// that divides a day.
    Slices { source: SourceName, length: TimeDelta, judge: Judge },
    /// Of time: up or down.
    Uptime(Uptime),
}

/// Which queries give the events. `{{window}}` in them stands for the length of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Events {
    Good {
        good: String,
        total: String,
    },
    Bad {
        bad: String,
        total: String,
    },
    /// The part of bad ones, 0 to 1, as recording rules of Sloth and Pyrra give it: how many events
    /// there were is not known, so it is weighed by time.
    ErrorRatio(String),
}

/// When a slice is good.
#[derive(Debug, Clone, PartialEq)]
pub enum Judge {
    /// At least so much of it, in parts per million. A slice without events is good.
    Events { events: Events, at_least: Target },
    /// A value on this side of a limit, or on it. `Below`: good is what is not above.
    Value { query: String, limit: f64, good: Direction },
}

/// What says whether it is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uptime {
    /// 1 is up, 0 is down; between them, that part of a step.
    Query { source: SourceName, query: String },
    /// A signal of the service: critical is down.
    Signal(SignalName),
    /// The service as a whole: critical is down.
    Service,
    /// It is down while it has an incident of at least this priority, from when the trouble began until
    /// it was over.
    Incidents { least: Priority },
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Events,
    Seconds,
}

impl Target {
    /// All of it: it leaves no budget.
    pub const ALL: Self = Self(WHOLE_PPM);

    /// `None` for nothing and for more than all.
    pub fn new(ppm: u32) -> Option<Self> {
        (1..=WHOLE_PPM).contains(&ppm).then_some(Self(ppm))
    }

    /// `99.95%` (at most four decimals), `99.95 %`, `999500ppm`. `None` for anything else, and where
    /// [`Self::new`] has none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let ppm = match (text.strip_suffix('%'), text.strip_suffix("ppm")) {
            (Some(percent), _) => {
                let (whole, part) = percent.trim_end().split_once('.').unwrap_or((percent, "0"));
                let whole = whole.trim_end();
                let is_digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
                if !is_digits(whole) || !is_digits(part) || part.len() > 4 {
                    return None;
                }
                let part: u32 = format!("{part:0<4}").parse().ok()?;
                whole.parse::<u32>().ok()?.checked_mul(10_000)?.checked_add(part)?
            }
            (_, Some(ppm)) => ppm.trim_end().parse().ok()?,
            (None, None) => return None,
        };
        Self::new(ppm)
    }

    pub fn ppm(self) -> u32 {
        self.0
    }

    /// What may be bad, in parts per million.
    pub fn allowance(self) -> u32 {
        WHOLE_PPM - self.0
    }
}

/// `99.95 %`, with as many decimals as it has.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = super::percent(i64::from(self.0), 4);
        write!(f, "{} %", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Window {
    /// The window that an instant lies in; a rolling one ends with it.
    pub fn around(self, now: Instant) -> Interval {
        match self {
            Self::Rolling(length) => Interval::new(before(now, length), now),
            Self::Calendar { period, zone } => {
                let today = zone::local(now, zone).date();
                let first = period.first(today);
                let next = period.next(first);
                Interval::new(zone::midnight(first, zone), zone::midnight(next, zone))
            }
        }
    }

    /// The window that is over at an instant, or lasts: as [`Self::around`] but for the boundary of two.
    pub fn ending(self, at: Instant) -> Interval {
        match self {
            Self::Rolling(_) => self.around(at),
            Self::Calendar { .. } => self.around(before(at, TimeDelta::milliseconds(1))),
        }
    }

    /// How long it usually is: of a calendar's, the longest.
    pub fn length(self) -> TimeDelta {
        match self {
            Self::Rolling(length) => length,
            Self::Calendar { period, .. } => TimeDelta::days(match period {
                Period::Week => 7,
                Period::Month => 31,
                Period::Quarter => 92,
                Period::Year => 366,
            }),
        }
    }
}

/// `30d`, `month`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rolling(length) => {
                f.write_str(&crate::domain::text::duration(*length).replace(' ', ""))
            }
            Self::Calendar { period, .. } => f.write_str(period.word()),
        }
    }
}

impl Period {
    /// By its word in config and `--json`.
    pub const WORDS: [(&str, Self); 4] = [
        ("week", Self::Week),
        ("month", Self::Month),
        ("quarter", Self::Quarter),
        ("year", Self::Year),
    ];

    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, period)| *period == self).map_or("month", |(word, _)| word)
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(word, _)| *word == text).map(|(_, period)| *period)
    }

    /// The first day of the period that a day is in.
    fn first(self, day: NaiveDate) -> NaiveDate {
        let first = match self {
            Self::Week => {
                let back = u64::from(day.weekday().num_days_from_monday());
                day.checked_sub_days(chrono::Days::new(back))
            }
            Self::Month => day.with_day(1),
            Self::Quarter => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1),
            Self::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
        };
        first.unwrap_or(day)
    }

    /// The first day of the period after the one that begins on a day.
    fn next(self, first: NaiveDate) -> NaiveDate {
        let months = |n| first.checked_add_months(chrono::Months::new(n));
        let next = match self {
            Self::Week => first.checked_add_days(chrono::Days::new(7)),
            Self::Month => months(1),
            Self::Quarter => months(3),
            Self::Year => months(12),
        };
        next.unwrap_or(first)
    }
}

impl Objective {
    /// Under which name what it measured is kept: of another query it is something else.
    pub fn kept_as(&self) -> String {
        format!("{}#{:016x}", self.id, self.sli.digest(&self.service))
    }
}

impl Sli {
    /// The source that is asked; `None`: the console sees it by itself.
    pub fn source(&self) -> Option<&SourceName> {
        match self {
            Self::Events { source, .. }
            | Self::Slices { source, .. }
            | Self::Uptime(Uptime::Query { source, .. }) => Some(source),
            Self::Uptime(_) => None,
        }
    }

    pub fn unit(&self) -> Unit {
        match self {
            Self::Events { events: Events::Good { .. } | Events::Bad { .. }, .. } => Unit::Events,
            Self::Events { .. } | Self::Slices { .. } | Self::Uptime(_) => Unit::Seconds,
        }
    }

    /// The word of config and `--json` for how it is measured.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Events { .. } => "events",
            Self::Slices { .. } => "timeslices",
            Self::Uptime(_) => "uptime",
        }
    }

    /// The queries, with what each is called in config.
    pub fn queries(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Events { events, .. }
            | Self::Slices { judge: Judge::Events { events, .. }, .. } => events.queries(),
            Self::Slices { judge: Judge::Value { query, .. }, .. }
            | Self::Uptime(Uptime::Query { query, .. }) => vec![("query", query)],
            Self::Uptime(_) => Vec::new(),
        }
    }

    /// A number that tells what is measured, the same in every console and release: what was rolled
    /// up of something else does not count for it.
    pub fn digest(&self, service: &ServiceId) -> u64 {
        let mut text = format!("{} {} {service}", self.method(), self.source().map_or("", |s| s));
        let detail = match self {
            Self::Events { .. } | Self::Uptime(Uptime::Query { .. }) => String::new(),
            Self::Slices { length, judge, .. } => {
                let limit = match judge {
                    Judge::Events { at_least, .. } => at_least.ppm().to_string(),
                    Judge::Value { limit, good, .. } => format!("{good:?} {limit}"),
                };
                format!("{} {limit}", length.num_seconds())
            }
            Self::Uptime(Uptime::Signal(signal)) => format!("signal {signal}"),
            Self::Uptime(Uptime::Service) => "service".to_owned(),
            Self::Uptime(Uptime::Incidents { least }) => format!("incidents {}", least.0),
        };
        text.push_str(&detail);
        for (key, query) in self.queries() {
            text.push('\0');
            text.push_str(key);
            text.push('=');
            text.push_str(query);
        }
        // Counters were once taken in other ways, from the same queries.
        if self.source().is_some() {
            let _ = write!(text, "\0{}", intake::EXPANSION);
        }
        // FNV-1a.
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }
}

impl Events {
    fn queries(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Good { good, total } => vec![("good", good), ("total", total)],
            Self::Bad { bad, total } => vec![("bad", bad), ("total", total)],
            Self::ErrorRatio(ratio) => vec![("error_ratio", ratio)],
        }
    }
}

impl Unit {
    /// `events`, `seconds`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Seconds => "seconds",
        }
    }
}
