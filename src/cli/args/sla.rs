//! The words of `atalaya sla …`.

use clap::{Args, Subcommand};

use super::{Time, word};
use crate::domain::incident::IncidentId;
use crate::domain::sla::clock::Target;
use crate::domain::sla::{Exclusion, NoData};
use crate::domain::time::Instant;

#[derive(Debug, Subcommand)]
pub enum Sla {
    /// What any clock says: deadline, elapsed, left, and a ledger of what counted and what did not
    Clock(Clock),
    /// The clocks of an incident, each with its ledger
    Explain(Explain),
    /// How much of a time something was available, from given intervals
    Availability(Availability),
}

/// An interval as it is written: with its ends in any form that a single time has.
#[derive(Debug, Clone, Copy)]
pub struct Between<T> {
    pub from: T,
    pub to: T,
}

#[derive(Debug, Args)]
pub struct Clock {
    /// The calendar: one of [[calendars]], or 24x7
    #[arg(long, value_name = "ID")]
    pub calendar: String,
    /// When the clock begins: RFC 3339, or the calendar's local time as in 2026-11-23 14:00
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    pub start: Time,
    /// 30m, 4h or 2d of the calendar's time, or working days: 5wd
    #[arg(long, value_name = "LENGTH", value_parser = target)]
    pub target: Target,
    /// A target in working days lasts until that day's close
    #[arg(long)]
    pub end_of_day: bool,
    /// What does not count: FROM..TO; may be given several times
    #[arg(long, value_name = "FROM..TO", value_parser = between)]
    pub pause: Vec<Between<Time>>,
    /// As of then [default: now; the deadline, where the start is still to come]
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    pub now: Option<Time>,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// The incident, as in INC-12
    #[arg(value_name = "ID")]
    pub id: IncidentId,
}

#[derive(Debug, Args)]
pub struct Availability {
    /// From when: RFC 3339, local time of the site, or plain seconds
    #[arg(long, value_name = "TIME", value_parser = point)]
    pub from: Point,
    /// Until when, that instant not included
    #[arg(long, value_name = "TIME", value_parser = point)]
    pub to: Point,
    /// When it was down; may be given several times, as the next two
    #[arg(long, value_name = "FROM..TO", value_parser = points)]
    pub down: Vec<Between<Point>>,
    /// What does not count: planned work
    #[arg(long, value_name = "FROM..TO", value_parser = points)]
    pub excused: Vec<Between<Point>>,
    /// Of what nothing is known
    #[arg(long, value_name = "FROM..TO", value_parser = points)]
    pub unknown: Vec<Between<Point>>,
    /// What becomes of --excused: excuse (it counts as good) or remove (it does not count)
    #[arg(
        long,
        value_name = "MODE",
        value_parser = word(&Exclusion::WORDS),
        default_value = "remove",
        hide_possible_values = true
    )]
    pub mode: Exclusion,
    /// What becomes of --unknown: remove (it does not count) or bad
    #[arg(
        long,
        value_name = "MODE",
        value_parser = word(&NoData::WORDS),
        default_value = "remove",
        hide_possible_values = true
    )]
    pub no_data: NoData,
}

/// A time, or plain seconds from any beginning.
#[derive(Debug, Clone, Copy)]
pub enum Point {
    Time(Time),
    Seconds(Instant),
}

impl Point {
    pub fn at(self, zone: chrono_tz::Tz) -> Instant {
        match self {
            Self::Time(time) => time.begins(zone),
            Self::Seconds(at) => at,
        }
    }
}

fn target(text: &str) -> Result<Target, String> {
    let form = || "write it as 30m, 4h, 2d, or 5wd for working days".to_owned();
    Target::parse(text).ok_or_else(form)
}

fn point(text: &str) -> Result<Point, String> {
    // Far enough for any clock, and no instant overflows.
    let far = 100_000_000_000;
    let seconds = text.trim().parse::<i64>().ok().filter(|s| (-far..far).contains(s));
    if let Some(at) = seconds.and_then(|s| Instant::from_timestamp(s, 0)) {
        return Ok(Point::Seconds(at));
    }
    let form = "write it as 2026-11-23T14:00:00Z, 2026-11-23 14:00, 2026-11-23 or plain seconds";
    Time::parse(text).map(Point::Time).ok_or_else(|| form.to_owned())
}

fn between(text: &str) -> Result<Between<Time>, String> {
    ends(text, super::time)
}

fn points(text: &str) -> Result<Between<Point>, String> {
    ends(text, point)
}

fn ends<T>(text: &str, one: fn(&str) -> Result<T, String>) -> Result<Between<T>, String> {
    let (from, to) = text.split_once("..").ok_or("write it as FROM..TO, with two dots between")?;
    Ok(Between { from: one(from)?, to: one(to)? })
}
