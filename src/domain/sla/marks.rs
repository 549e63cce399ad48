//! How far a clock has come, where that is to be told: at 50, 75 and 100 % of every clock, and where the
//! contract says that somebody is called. Each is told once; of several of the three that are late, the
//! last one only.

use chrono::TimeDelta;

use super::contract::{Call, Escalation, Mark};
use super::incident::Promise;
use crate::domain::incident::Incident;
use crate::domain::roster::escalation::Target;
use crate::domain::time::Instant;

/// What is told of every clock, in percent.
const WARNED: [u32; 3] = [50, 75, 100];

/// A deadline is missed strictly after it.
const AFTER: TimeDelta = TimeDelta::milliseconds(1);

/// Something that is to be told, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    pub at: Instant,
    pub mark: Mark,
    /// Who is called; `None`: nobody, it is only told.
    pub call: Option<Call>,
}

impl Call {
    /// As it is remembered and told: `level 2`, `schedule:core person:ana`.
    pub fn words(&self) -> String {
        match self {
            Self::Level(level) => format!("level {level}"),
            Self::Notify(targets) => {
                let word = |target: &Target| match target {
                    Target::Schedule(id) => format!("schedule:{id}"),
                    Target::Person(id) => format!("person:{id}"),
                };
                targets.iter().map(word).collect::<Vec<_>>().join(" ")
            }
        }
    }
}

impl Pending {
    /// As [`Warned`](crate::domain::incident::Warned) has it.
    fn key(mark: Mark, call: Option<&Call>) -> String {
        call.map_or_else(|| mark.to_string(), |call| format!("{mark} {}", call.words()))
    }
}

/// What is still to be told of a clock; nothing while it rests, and once it is over.
pub fn pending(promise: &Promise, incident: &Incident, now: Instant) -> Vec<Pending> {
    let course = &promise.course;
    if promise.is_over() || course.rest(now).is_some() {
        return Vec::new();
    }
    let said: Vec<&str> = incident
        .warned
        .iter()
        .filter(|w| {
            w.clock == promise.kind && w.contract == promise.contract.id && w.start == course.start
        })
        .map(|w| w.mark.as_str())
        .collect();
    let highest = WARNED.iter().rposition(|percent| {
        let key = Mark::Percent(*percent).to_string();
        said.contains(&key.as_str())
    });
    let warned = WARNED.iter().skip(highest.map_or(0, |n| n + 1));
    let warned = warned.map(|percent| (Mark::Percent(*percent), None));
    let applies = |e: &&Escalation| {
        let is_meant = e.clocks.is_empty() || e.clocks.contains(&promise.kind);
        is_meant && incident.priority <= e.min_priority
    };
    let calls = promise.contract.escalations.iter().filter(applies);
    let calls = calls.map(|e| (e.at, Some(&e.call)));
    let calls = calls.filter(|(mark, call)| {
        let key = Pending::key(*mark, *call);
        !said.contains(&key.as_str())
    });
    let at = |mark| match mark {
        Mark::Percent(100) => Some(course.deadline(now).ok()? + AFTER),
        Mark::Percent(percent) => course.at_percent(percent, now).ok(),
        Mark::Offset(offset) => course.at_offset(offset, now).ok(),
    };
    let all = warned.chain(calls);
    all.filter_map(|(mark, call)| Some(Pending { at: at(mark)?, mark, call: call.cloned() }))
        .collect()
}

/// What of it is due: every call, and of what is only told the last.
pub fn due(pending: Vec<Pending>, now: Instant) -> Vec<Pending> {
    let mut due: Vec<Pending> = pending.into_iter().filter(|p| p.at <= now).collect();
    let last = due.iter().rposition(|p| p.call.is_none());
    let mut place = 0;
    due.retain(|p| {
        place += 1;
        p.call.is_some() || Some(place - 1) == last
    });
    due
}
