//! Inspections: by when they have to be done, how they stand, and what they found.

use chrono::TimeDelta;

use super::model::{Item, Kind, Window, later};
use super::occurrence::{Occurrence, Status, find, next_by_completion, occurrences};
use super::record::{CheckResult, Records};
use super::state::{Version, ahead};
use crate::domain::incident::lifecycle::Report;
use crate::domain::time::{Instant, zone};

/// How an inspection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Its time has not come.
    Upcoming,
    /// It can be done now, and is in time.
    Due,
    /// Its time is over; within its grace.
    Late,
    /// Its grace is over, and nobody did it.
    Missed,
    /// Done, and everything was in order.
    Passed,
    /// Done, and something was not.
    Failed,
    Cancelled,
}

impl Standing {
    pub fn word(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::Due => "due",
            Self::Late => "late",
            Self::Missed => "missed",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// From when on an inspection is due, late and missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    pub due: Instant,
    pub late: Instant,
    pub missed: Instant,
}

/// Its planned time is when it has to be done; after that it is late for its grace.
pub fn deadlines(one: &Occurrence) -> Deadlines {
    let grace = one.window.inspection.map_or(0, |i| i.grace);
    let late = one.planned.to;
    let missed = later(late, TimeDelta::seconds(i64::from(grace)));
    Deadlines { due: one.planned.from, late, missed }
}

/// How it stands; one that was begun is missed as well if nobody finishes it.
pub fn standing(one: &Occurrence, now: Instant) -> Standing {
    match one.status {
        Status::Cancelled => return Standing::Cancelled,
        Status::Completed => {
            let failed = failures(one).next().is_some()
                || one
                    .record()
                    .and_then(|r| r.finished.as_ref())
                    .is_some_and(|f| f.code != super::ClosureCode::Successful);
            return if failed { Standing::Failed } else { Standing::Passed };
        }
        _ => {}
    }
    let Deadlines { due, late, missed } = deadlines(one);
    match now {
        now if now < due => Standing::Upcoming,
        now if now < late => Standing::Due,
        now if now < missed => Standing::Late,
        _ => Standing::Missed,
    }
}

/// When an inspection has to be done next: the first that is open and whose time is not over at
/// `now`; counted from the last completion, the one that is open, however late it is.
pub fn next_due(version: &Version, records: &Records, now: Instant) -> Option<Instant> {
    let window = &version.window;
    if let Some(next) = next_by_completion(window, records.of(&window.id)) {
        return find(version, records, next, now).map(|one| one.planned.from);
    }
    let to_come = occurrences([version], records, ahead(now), now);
    let next = to_come.iter().find(|one| one.is_open() && one.planned.to > now);
    next.map(|one| one.planned.from)
}

/// The items that failed, with their index.
pub fn failures(one: &Occurrence) -> impl Iterator<Item = (u16, &Item)> {
    let check = |item| one.record().and_then(|r| r.check(item));
    let failed = move |item| check(item).is_some_and(|c| c.result == CheckResult::Fail);
    (0_u16..).zip(&one.window.checklist).filter(move |(index, _)| failed(*index))
}

/// What a failed item is as an incident; `None` for one that did not fail.
pub fn report(one: &Occurrence, item: u16) -> Option<Report> {
    let (_, failed) = failures(one).find(|(index, _)| *index == item)?;
    let check = one.record()?.check(item)?;
    let at = zone::local(check.at, one.window.zone()).format("%Y-%m-%d %H:%M");
    let mut text = format!("Failed at {at} in {}, found by {}.", one.window.title(), check.by);
    if !check.note.is_empty() {
        text = format!("{text}\n{}", check.note);
    }
    Some(Report {
        category: String::new(),
        service: one.window.scope.services.first().cloned(),
        title: format!("{}: {}", noun(&one.window), failed.text),
        text,
        impact: None,
        urgency: None,
    })
}

fn noun(window: &Window) -> &str {
    if window.kind == Kind::Inspection { "Inspection failed" } else { "Check failed" }
}
