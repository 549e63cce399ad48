//! The metrics of the service: what the incidents and changes of a period say about it.
//!
//! | measure | what it is | of which incidents |
//! | --- | --- | --- |
//! | detection (MTTD) | detected − started | opened in the period |
//! | acknowledgement (MTTA) | first acknowledged − opened | opened in the period, acknowledged after that and before its end |
//! | restoration (MTTR, restore) | resolved − started | resolved in the period and not open again |
//! | between failures (MTBF) | (period − unplanned downtime) / failures | outages |
//! | availability | (period − unplanned downtime) / period, where at least 1 % of it is known | outages |
//! | coverage | the part of the period of which something is known | — |
//!
//! All times are elapsed time, whatever a calendar says; working time is the business of contracts. An
//! *outage* is an incident of a service at least as urgent as [`Rules::outage`]; it is *down* from its
//! start until it is resolved. What several incidents say at once counts once, and each stretch of it
//! that begins in the period is a *failure*. Planned downtime is taken out. A group of services is down
//! while any of them is. An error budget that burns follows from an outage and is none. What lies before
//! anything was recorded, and what nobody watched, is in no figure: not in a length of time, and not as
//! 100 %; what was reported to be down is.
//!
//! Cancelled and merged incidents count nowhere, drills and those that a correction excluded only as
//! opened, resolved and open; [`Metrics::left_out`] names them, and what is in no mean because a correction
//! put one instant before the other: somebody who knew before the alert took no time to acknowledge it. No figure is made of nothing: without a record it is `None`.

mod figure;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
pub use figure::{Figure, Value};
pub use tally::{Measure, Measures, Tally};

use crate::domain::calendar::{ClosureCode, Key, Occurrence};
use crate::domain::health::ServiceId;
use crate::domain::incident::{Incident, IncidentId, IncidentState, Priority};
use crate::domain::time::{Instant, Interval, Intervals};

/// What is counted as what.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The least urgent priority that is an outage; `None`: P2.
    pub outage: Option<Priority>,
    /// The team of each service.
    pub teams: BTreeMap<ServiceId, Arc<str>>,
    /// When each service was to be down; see [`planned`].
    pub planned: BTreeMap<ServiceId, Intervals>,
    /// Only these services; empty: all, and what belongs to none.
    pub services: Vec<ServiceId>,
    /// Nothing is known of what was before; `None`: all is.
    pub known_from: Option<Instant>,
    /// When nobody watched: it was down as far as that was reported, and else nothing is known.
    pub unwatched: Intervals,
}

/// The measures of a period, whole and by what people ask for. Fed with one incident after another, so
/// that a year of them needs not be in memory.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// The part of the period that is over.
    pub period: Interval,
    /// The part of that of which something is known: only of it there are figures of time.
    pub known: Interval,
    rules: Rules,
    whole: Tally,
    by_service: BTreeMap<Option<ServiceId>, Tally>,
    by_team: BTreeMap<Option<Arc<str>>, Tally>,
    by_priority: BTreeMap<Priority, Tally>,
    by_cause: BTreeMap<String, Tally>,
    left_out: Vec<LeftOut>,
}

/// An incident of the period that does not count, or not everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    pub id: IncidentId,
    pub title: String,
    pub why: Why,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    Cancelled,
    Merged(IncidentId),
    Excluded,
    /// It was made on purpose.
    Drill,
    /// It has no time to acknowledge, by what is recorded of it.
    AcknowledgedBefore,
    /// It has no time to detect.
    BeganAfter,
}

/// One group of incidents with its measures.
#[derive(Debug, Clone)]
pub struct Group<K> {
    pub of: K,
    pub measures: Measures,
}

impl Rules {
    pub fn is_outage(&self, incident: &Incident) -> bool {
        incident.service.is_some()
            && incident.priority <= self.outage()
            && !incident.is_of_budgets()
    }

    /// How long the service was down because of it, planned or not, until now at most; `None`: it was not.
    pub fn outage_of(&self, incident: &Incident, now: Instant) -> Option<Interval> {
        let is_one = self.is_outage(incident)
            && counts(incident)
            && incident.state() != IncidentState::Cancelled;
        let to = restored(incident).unwrap_or(now).min(now);
        is_one.then(|| Interval::new(incident.started_at, to))
    }

    /// The least urgent priority that is an outage.
    pub fn outage(&self) -> Priority {
        self.outage.unwrap_or(Priority(2))
    }

    /// The part of a period before which nothing is known.
    pub fn known_of(&self, period: Interval) -> Interval {
        let from = self.known_from.map_or(period.from, |at| at.clamp(period.from, period.to));
        Interval::new(from, period.to)
    }

    fn is_asked(&self, service: Option<&ServiceId>) -> bool {
        self.services.is_empty() || service.is_some_and(|s| self.services.contains(s))
    }
}

impl Metrics {
    /// Of a period; of one that is not over, of what has passed of it.
    pub fn new(period: Interval, rules: Rules, now: Instant) -> Self {
        let period = Interval::new(period.from, period.to.min(now).max(period.from));
        Self {
            period,
            known: rules.known_of(period),
            rules,
            whole: Tally::default(),
            by_service: BTreeMap::new(),
            by_team: BTreeMap::new(),
            by_priority: BTreeMap::new(),
            by_cause: BTreeMap::new(),
            left_out: Vec::new(),
        }
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Counts an incident in, if the period has to do with it.
    pub fn add(&mut self, incident: &Incident) {
        if !self.rules.is_asked(incident.service.as_ref()) {
            return;
        }
        let odd = self.odd(incident);
        for why in why_not(incident).filter(|_| self.touches(incident)).into_iter().chain(odd) {
            let cancelled = incident.standing.cancelled.as_ref();
            let reason = cancelled.map(|c| c.reason.clone()).unwrap_or_default();
            self.left_out.push(LeftOut {
                id: incident.id,
                title: incident.title.clone(),
                why,
                reason,
            });
        }
        if incident.state() == IncidentState::Cancelled {
            return;
        }
        let service = incident.service.clone();
        let team = service.as_ref().and_then(|s| self.rules.teams.get(s)).cloned();
        let down = self.down(incident);
        let code = &incident.standing.findings.code;
        let tallies = [
            &mut self.whole,
            self.by_service.entry(service).or_default(),
            self.by_team.entry(team).or_default(),
            self.by_priority.entry(incident.priority).or_default(),
            self.by_cause.entry(code.clone()).or_default(),
        ];
        for tally in tallies {
            tally.add(incident, self.period, &down);
        }
    }

    /// What is recorded of it the wrong way round, so that a mean of times is without it.
    fn odd(&self, incident: &Incident) -> Vec<Why> {
        let is_counted = counts(incident)
            && incident.state() != IncidentState::Cancelled
            && self.period.contains(incident.opened_at);
        let acknowledged = incident.standing.first_acknowledged_at;
        let before = acknowledged.is_some_and(|at| at < incident.opened_at);
        let after = incident.started_at > incident.opened_at;
        let all = [(before, Why::AcknowledgedBefore), (after, Why::BeganAfter)];
        all.into_iter().filter(|(is_odd, _)| *is_odd && is_counted).map(|(_, why)| why).collect()
    }

    /// Whether it was opened in the period or ended in it.
    fn touches(&self, incident: &Incident) -> bool {
        let cancelled = incident.standing.cancelled.as_ref().map(|c| c.at);
        let ends = [Some(incident.opened_at), cancelled, restored(incident)];
        ends.into_iter().flatten().any(|at| self.period.contains(at))
    }

    /// When its service was down because of it, without being planned to; from before the period on where
    /// it began before. Empty where that has nothing to do with the period.
    fn down(&self, incident: &Incident) -> Intervals {
        let Some(down) = self.rules.outage_of(incident, self.period.to) else {
            return Intervals::empty();
        };
        let down = Intervals::from(down);
        let down = match incident.service.as_ref().and_then(|s| self.rules.planned.get(s)) {
            Some(planned) => down.difference(planned),
            None => down,
        };
        let down = down.difference(&incident.planned(self.period.to));
        if down.within(self.period).is_empty() { Intervals::empty() } else { down }
    }

    /// Of all that counts.
    pub fn whole(&self) -> Measures {
        self.measures(&self.whole)
    }

    fn measures(&self, tally: &Tally) -> Measures {
        tally.measures(self.period, self.known, &self.rules.unwatched)
    }

    /// By service; `None`: of no service. A group that only has downtime from before is there as well.
    pub fn by_service(&self) -> Vec<Group<Option<ServiceId>>> {
        self.groups(&self.by_service)
    }

    pub fn by_team(&self) -> Vec<Group<Option<Arc<str>>>> {
        self.groups(&self.by_team)
    }

    pub fn by_priority(&self) -> Vec<Group<Priority>> {
        self.groups(&self.by_priority)
    }

    /// By the closure code; empty: not known yet.
    pub fn by_cause(&self) -> Vec<Group<String>> {
        self.groups(&self.by_cause)
    }

    /// How long of the period nobody watched.
    pub fn unwatched(&self) -> TimeDelta {
        self.rules.unwatched.within(self.known).length()
    }

    /// What does not count, or not everywhere.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    fn groups<K: Clone>(&self, tallies: &BTreeMap<K, Tally>) -> Vec<Group<K>> {
        let of =
            |(of, tally): (&K, &Tally)| Group { of: of.clone(), measures: self.measures(tally) };
        tallies.iter().filter(|(_, tally)| !tally.is_empty()).map(of).collect()
    }
}

/// When the service worked again, as it is recorded; `None` while the incident is open.
pub fn restored(incident: &Incident) -> Option<Instant> {
    let standing = &incident.standing;
    let ended = matches!(incident.state(), IncidentState::Resolved | IncidentState::Closed);
    let ending = standing.resolved.as_ref().or(standing.closed.as_ref());
    ending.filter(|_| ended).map(|e| e.at)
}

/// Whether its times count.
fn counts(incident: &Incident) -> bool {
    !incident.excluded && incident.drill.is_none()
}

fn why_not(incident: &Incident) -> Option<Why> {
    match (incident.standing.merged_into, incident.state()) {
        (Some(into), IncidentState::Cancelled) => Some(Why::Merged(into)),
        (_, IncidentState::Cancelled) => Some(Why::Cancelled),
        _ if incident.drill.is_some() => Some(Why::Drill),
        _ => incident.excluded.then_some(Why::Excluded),
    }
}

/// When each service was to be down: while a window that counts as planned downtime was in effect.
/// Windows that name their services by labels alone are not found, since what they cover is only known
/// of alerts: they take their time out of the incidents that they muted.
pub fn planned(occurrences: &[Occurrence]) -> BTreeMap<ServiceId, Intervals> {
    let mut planned: BTreeMap<ServiceId, Vec<Interval>> = BTreeMap::new();
    for one in occurrences.iter().filter(|o| o.window.sla_relevant) {
        let Some(at) = one.effect() else { continue };
        for service in &one.window.scope.services {
            planned.entry(service.clone()).or_default().push(at);
        }
    }
    planned.into_iter().map(|(service, at)| (service, at.into_iter().collect())).collect()
}

/// The windows that were planned downtime of a service within a stretch of time.
pub fn planned_by<'a>(
    occurrences: &'a [Occurrence],
    service: &'a ServiceId,
    within: Interval,
) -> impl Iterator<Item = &'a Key> {
    let counts = move |o: &&Occurrence| {
        o.window.sla_relevant
            && o.window.scope.services.contains(service)
            && o.effect().is_some_and(|at| at.overlap(within).is_some())
    };
    occurrences.iter().filter(counts).map(|o| &o.key)
}

/// How the changes ended that ended in a period.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Those that came off as planned, among all that were finished.
    pub success: Figure,
    pub by_code: BTreeMap<ClosureCode, Vec<Key>>,
}

/// The changes that were finished in a period. Only *successful* is a success: one with issues, backed out
/// or failed is none.
pub fn changes<'a>(
    occurrences: impl IntoIterator<Item = &'a Occurrence>,
    within: Interval,
) -> Changes {
    let mut by_code: BTreeMap<ClosureCode, Vec<Key>> = BTreeMap::new();
    for one in occurrences.into_iter().filter(|o| o.window.kind.is_change()) {
        let finished = one.record().and_then(|r| r.finished.as_ref());
        if let Some(finished) = finished.filter(|f| within.contains(f.at)) {
            by_code.entry(finished.code).or_default().push(one.key.clone());
        }
    }
    let windows: Vec<Key> = by_code.values().flatten().cloned().collect();
    let good = by_code.get(&ClosureCode::Successful).map_or(0, Vec::len);
    let success = Figure {
        value: Value::share(good as u64, windows.len() as u64),
        n: windows.len(),
        windows,
        ..Figure::default()
    };
    Changes { success, by_code }
}
