//! Which part of what was promised was kept: of the incidents whose clock began in a period, by contract,
//! priority and clock.
//!
//! An incident belongs to the period in which its clock began, so that a figure of the past changes only
//! for what was still running, or by a correction. What is neither kept nor broken yet is in no percentage.
//! An incident has kept its updates where each of them came in time, and counts once; each that did not is a
//! breach of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;

use super::Ratio;
use super::clock::Target;
use super::contract::{Contract, Kind, ServiceLevels};
use super::incident::{Promise, Stand, promises};
use crate::domain::health::ServiceId;
use crate::domain::incident::{Incident, IncidentId, Priority};
use crate::domain::time::{Instant, Interval};

/// A clock that starts with the trouble began before the incident was opened, by this much at most.
pub const DETECTED_WITHIN: TimeDelta = TimeDelta::days(7);

/// What was kept of a period; fed with one incident after another.
#[derive(Debug, Clone, PartialEq)]
pub struct Attainment {
    pub period: Interval,
    /// Until when.
    pub as_of: Instant,
    pub lines: BTreeMap<Line, Count>,
    /// What was broken, in the order in which it was due.
    pub breaches: Vec<Breach>,
    /// What services achieved by the contracts, where that was worked out.
    pub achieved: Vec<super::credits::Line>,
}

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub contract: Arc<str>,
    pub priority: Priority,
    pub kind: Kind,
}

/// The incidents behind a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// As the contract has it now.
    pub target: Target,
    pub met: Vec<IncidentId>,
    /// Too late, or late and still to come.
    pub missed: Vec<IncidentId>,
    /// Not late, and still to come.
    pub running: Vec<IncidentId>,
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    pub incident: IncidentId,
    pub title: String,
    pub service: Option<ServiceId>,
    pub contract: Arc<str>,
    pub priority: Priority,
    pub kind: Kind,
    pub deadline: Instant,
    /// Of the calendar's time; until now, where what was promised is still to come.
    pub late: TimeDelta,
    pub is_over: bool,
    /// What was the matter, where somebody said so.
    pub cause: String,
}

impl Count {
    /// Of those of which it is known; `None`: of none.
    pub fn ratio(&self) -> Option<Ratio> {
        let (met, missed) = (self.met.len() as i64, self.missed.len() as i64);
        Ratio::new(met, met + missed)
    }

    /// All of them, in order.
    pub fn all(&self) -> Vec<IncidentId> {
        let mut all = [&self.met[..], &self.missed, &self.running].concat();
        all.sort_unstable();
        all
    }
}

impl Attainment {
    pub fn new(period: Interval, as_of: Instant) -> Self {
        Self { period, as_of, lines: BTreeMap::new(), breaches: Vec::new(), achieved: Vec::new() }
    }

    /// Counts an incident in, if its clock began in the period.
    pub fn add(&mut self, incident: &Incident, levels: &ServiceLevels) {
        for promise in promises(incident, levels) {
            let began = promise.contract.clock_start.of(incident);
            if self.period.contains(began) {
                self.count(incident, &promise);
            }
        }
    }

    fn count(&mut self, incident: &Incident, promise: &Promise) {
        let contract: &Contract = &promise.contract;
        let (priority, kind) = (incident.priority, promise.kind);
        let line = Line { contract: contract.id.clone(), priority, kind };
        let count = self.lines.entry(line).or_insert_with(|| Count {
            target: promise.course.target,
            met: Vec::new(),
            missed: Vec::new(),
            running: Vec::new(),
        });
        let clocks = promise.courses(incident).into_iter();
        let clocks = clocks.map(|course| (course.stop.is_some(), course.clock(self.as_of)));
        let missed: Vec<_> = clocks.filter(|(_, clock)| clock.breached).collect();
        match (missed.is_empty(), promise.stand(self.as_of).1) {
            (false, _) => count.missed.push(incident.id),
            (true, Stand::Met) => count.met.push(incident.id),
            (true, _) => count.running.push(incident.id),
        }
        for (is_over, clock) in missed {
            let Ok(deadline) = clock.deadline else { continue };
            let breach = Breach {
                incident: incident.id,
                title: incident.title.clone(),
                service: incident.service.clone(),
                contract: contract.id.clone(),
                priority,
                kind,
                deadline,
                late: -clock.left.unwrap_or_default(),
                is_over,
                cause: incident.standing.findings.cause.clone(),
            };
            let at = self.breaches.partition_point(|b| {
                (b.deadline, b.incident) <= (breach.deadline, breach.incident)
            });
            self.breaches.insert(at, breach);
        }
    }

    /// Only what one contract promises.
    pub fn of<'a>(&'a self, contract: &'a str) -> impl Iterator<Item = (&'a Line, &'a Count)> {
        self.lines.iter().filter(move |(line, _)| &*line.contract == contract)
    }
}
