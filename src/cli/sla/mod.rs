//! `atalaya sla …`: what clocks say, and why.

mod availability;
mod clock;
mod explain;

use std::fmt::Write as _;

use chrono_tz::Tz;
use serde::Serialize;

use super::args::Sla;
use super::incidents::utc;
use super::output::Exit;
use super::{Context, Failure};
use crate::domain::sla::clock::{Clock, Course, Line};
use crate::domain::text::{clean, duration};
use crate::domain::time::{Instant, zone};

pub async fn run(context: &Context, args: Sla) -> Result<Exit, Failure> {
    let config = context.config()?;
    match args {
        Sla::Clock(args) => clock::run(context, &config, &args),
        Sla::Explain(args) => explain::run(context, &config, args.id).await,
        Sla::Availability(args) => availability::run(context, &config, &args),
    }
}

/// A clock as scripts read it; documented, never renamed.
#[derive(Serialize)]
pub struct ClockFields {
    /// `null`: its calendar does not open for so long.
    deadline: Option<String>,
    elapsed_s: i64,
    /// Negative by how much it is late.
    left_s: Option<i64>,
    paused_s: i64,
    breached: bool,
    running: bool,
    ledger: Vec<LineFields>,
}

#[derive(Serialize)]
struct LineFields {
    from: String,
    to: String,
    counted: bool,
    why: String,
}

impl ClockFields {
    pub fn of(course: &Course, now: Instant) -> Self {
        let clock = course.clock(now);
        let line = |line: Line| LineFields {
            from: utc(line.at.from),
            to: utc(line.at.to),
            counted: line.counted,
            why: line.why.to_string(),
        };
        Self {
            deadline: clock.deadline.ok().map(utc),
            elapsed_s: clock.elapsed.num_seconds(),
            left_s: clock.left.map(|left| left.num_seconds()),
            paused_s: clock.paused.num_seconds(),
            breached: clock.breached,
            running: clock.running,
            ledger: course.ledger(now).into_iter().map(line).collect(),
        }
    }
}

/// A clock with its ledger, in the calendar's local time.
fn text(course: &Course, now: Instant, zone: Tz) -> String {
    let clock: Clock = course.clock(now);
    let local = |at: Instant| at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M:%S %Z");
    let mut out = String::new();
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(out, "  {name:<9} {value}");
    };
    fact("target", format!("{} by calendar {}", course.target, course.calendar.id));
    match &clock.deadline {
        Ok(deadline) => fact("deadline", local(*deadline).to_string()),
        Err(never) => fact("deadline", format!("none: {never}")),
    }
    let percent = clock.percent().map(|p| format!(" ({p} %)")).unwrap_or_default();
    fact("elapsed", format!("{}{percent}", duration(clock.elapsed)));
    if let Some(left) = clock.left {
        let late = clock.breached.then(|| {
            if left.is_zero() {
                "nothing: it is past the deadline, with no open time since".to_owned()
            } else {
                format!("{} late", duration(-left))
            }
        });
        fact("left", late.unwrap_or_else(|| duration(left)));
    }
    fact("paused", duration(clock.paused));
    let stopped = course.stop.filter(|stop| *stop <= now);
    let state = match (stopped, clock.breached) {
        (Some(at), _) if at < course.start => "met before it began".to_owned(),
        (Some(at), false) => format!("met at {}", local(at)),
        (Some(at), true) => format!("missed, it stopped at {}", local(at)),
        (None, true) => "breached".to_owned(),
        (None, false) if clock.running => "running".to_owned(),
        (None, false) => "resting".to_owned(),
    };
    fact("state", state);
    let ledger = course.ledger(now);
    let many = ledger
        .iter()
        .any(|line| zone::local(line.at.from, zone).date() != zone::local(now, zone).date());
    let form = if many { "%a %Y-%m-%d %H:%M:%S" } else { "%H:%M:%S" };
    for line in ledger {
        let local = |at| zone::local(at, zone).format(form).to_string();
        let sign = if line.counted { '+' } else { ' ' };
        let (from, to) = (local(line.at.from), local(line.at.to));
        let length = duration(line.at.length());
        let why = clean(&line.why.to_string(), 200);
        let _ = writeln!(out, "  {sign} {from}  {to}  {length:>7}  {why}");
    }
    out
}
