//! The counts of one group of incidents, and the measures that they make.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::figure::{Figure, Value};
use super::{counts, restored};
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::sla::LEAST_KNOWN;
use crate::domain::time::{Instant, Interval, Intervals};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Incidents that were opened in the period.
    Opened,
    /// That were resolved in it, and stayed so.
    Resolved,
    /// That were open at its end, as far as is known now.
    Open,
    /// Mean time to detect.
    Detect,
    /// Mean time to acknowledge.
    Acknowledge,
    /// Mean time to restore.
    Restore,
    /// Mean time between failures.
    BetweenFailures,
    Downtime,
    Availability,
    /// Of how much of the period something is known.
    Coverage,
    /// Of those opened, the share whose key had another one in the seven days before.
    Recurrence,
    /// Mean score of those that were rated in the period, of 5.
    Satisfaction,
}

impl Measure {
    pub const ALL: [Self; 12] = [
        Self::Opened,
        Self::Resolved,
        Self::Open,
        Self::Detect,
        Self::Acknowledge,
        Self::Restore,
        Self::BetweenFailures,
        Self::Downtime,
        Self::Availability,
        Self::Coverage,
        Self::Recurrence,
        Self::Satisfaction,
    ];
}

/// All measures of one group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measures(BTreeMap<Measure, Figure>);

impl Measures {
    /// What is not known is a figure without a value.
    pub fn get(&self, measure: Measure) -> Figure {
        self.0.get(&measure).cloned().unwrap_or_default()
    }

    pub fn value(&self, measure: Measure) -> Option<Value> {
        self.0.get(&measure)?.value
    }

    /// In the order of [`Measure::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Measure, &Figure)> {
        self.0.iter().map(|(measure, figure)| (*measure, figure))
    }
}

/// The counts so far.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    opened: Vec<IncidentId>,
    resolved: Vec<IncidentId>,
    open: Vec<IncidentId>,
    detected: Timed,
    acknowledged: Timed,
    restored: Timed,
    recurring: Vec<IncidentId>,
    rated: Vec<IncidentId>,
    score: u64,
    down: Vec<(Interval, IncidentId)>,
    outages: BTreeSet<IncidentId>,
}

/// Lengths of time added up.
#[derive(Debug, Clone, Default)]
struct Timed {
    total: TimeDelta,
    of: Vec<IncidentId>,
}

impl Timed {
    /// What is recorded the wrong way round is no length of time: it is left out, and named as such.
    fn add(&mut self, id: IncidentId, from: Instant, to: Instant) {
        if from <= to {
            self.total += to - from;
            self.of.push(id);
        }
    }

    fn figure(&self) -> Figure {
        Figure::mean(self.total, &self.of)
    }
}

impl Tally {
    /// Counts one in; `down`: when its service was down because of it, as far as the period has
    /// to do with it.
    pub(super) fn add(&mut self, incident: &Incident, period: Interval, down: &Intervals) {
        let (id, counts) = (incident.id, counts(incident));
        if period.contains(incident.opened_at) {
            self.opened.push(id);
            if incident.recurrence > 1 {
                self.recurring.push(id);
            }
            if counts {
                self.detected.add(id, incident.started_at, incident.opened_at);
                let first = incident.standing.first_acknowledged_at;
                if let Some(at) = first.filter(|at| *at < period.to) {
                    self.acknowledged.add(id, incident.opened_at, at);
                }
            }
        }
        let restored = restored(incident);
        if let Some(at) = restored.filter(|at| period.contains(*at)) {
            self.resolved.push(id);
            if counts {
                self.restored.add(id, incident.started_at, at);
            }
        }
        if incident.opened_at < period.to && restored.is_none_or(|at| at >= period.to) {
            self.open.push(id);
        }
        if let Some(said) = incident.standing.feedback.as_ref().filter(|f| period.contains(f.at)) {
            self.rated.push(id);
            self.score += u64::from(said.score);
        }
        if !down.is_empty() {
            self.down.extend(down.iter().map(|at| (at, id)));
            self.outages.insert(id);
        }
    }

    /// Nothing of the period was counted.
    pub(super) fn is_empty(&self) -> bool {
        self.opened.is_empty()
            && self.resolved.is_empty()
            && self.open.is_empty()
            && self.rated.is_empty()
            && self.down.is_empty()
    }

    /// What the counts say; `period`: the part of the `whole` of which something is known, but for what nobody
    /// watched.
    pub(super) fn measures(
        &self,
        whole: Interval,
        period: Interval,
        unwatched: &Intervals,
    ) -> Measures {
        let outages: Vec<IncidentId> = self.outages.iter().copied().collect();
        let down: Intervals = self.down.iter().map(|(at, _)| *at).collect();
        let unknown = unwatched.within(period).difference(&down);
        let (length, lost) = (period.length() - unknown.length(), down.within(period).length());
        // What was down when the period began failed before it.
        let mut first: BTreeMap<Instant, IncidentId> = BTreeMap::new();
        for (at, id) in &self.down {
            first.entry(at.from).and_modify(|known| *known = (*id).min(*known)).or_insert(*id);
        }
        let failed = down.iter().filter(|d| d.from >= period.from);
        let failures: Vec<IncidentId> =
            failed.filter_map(|d| first.get(&d.from).copied()).collect();
        let of_outages = |value| Figure {
            value,
            n: outages.len(),
            incidents: outages.clone(),
            ..Figure::default()
        };
        let known = !period.is_empty();
        let count = |of: &[IncidentId]| match Figure::count(of) {
            none if none.n == 0 && !known => Figure { value: None, ..none },
            some => some,
        };
        let coverage = Value::share(millis(length), millis(whole.length()));
        let is_known = |value: &Value| value.ppm() >= Some(LEAST_KNOWN.into());
        let available = Value::share(millis(length - lost), millis(length));
        let available = available.filter(|_| coverage.as_ref().is_some_and(is_known));
        let recurring = Value::share(self.recurring.len() as u64, self.opened.len() as u64);
        let score = Value::Score { sum: self.score, n: self.rated.len() as u64 };
        Measures(BTreeMap::from([
            (Measure::Opened, count(&self.opened)),
            (Measure::Resolved, count(&self.resolved)),
            (Measure::Open, count(&self.open)),
            (Measure::Detect, self.detected.figure()),
            (Measure::Acknowledge, self.acknowledged.figure()),
            (Measure::Restore, self.restored.figure()),
            (Measure::BetweenFailures, Figure::mean(length - lost, &failures)),
            (Measure::Downtime, of_outages(known.then_some(Value::Time(lost)))),
            (Measure::Availability, of_outages(available)),
            (Measure::Coverage, Figure { value: coverage, ..Figure::default() }),
            (Measure::Recurrence, Figure { value: recurring, ..Figure::count(&self.opened) }),
            (
                Measure::Satisfaction,
                Figure {
                    value: (!self.rated.is_empty()).then_some(score),
                    ..Figure::count(&self.rated)
                },
            ),
        ]))
    }
}

fn millis(length: TimeDelta) -> u64 {
    u64::try_from(length.num_milliseconds()).unwrap_or(0)
}
