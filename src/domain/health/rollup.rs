//! From signals and incidents to the state of services, and from dependencies to the likely cause.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::TimeDelta;

use super::catalogue::Catalogue;
use super::dependencies::Broken;
use super::model::{Service, ServiceId, State};
use super::signal::Track;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::text::{MAX_LINE, clean};
use crate::domain::time::Instant;

/// One service as the screens show it.
#[derive(Debug, Clone)]
pub struct ServiceHealth {
    pub service: Arc<Service>,
    pub state: State,
    pub since: Instant,
    pub signals: Vec<Arc<Track>>,
    /// Open incidents of it, most urgent first.
    pub incidents: Vec<IncidentId>,
    /// Why it is in this state, in a few words: the worst signal, incident or child.
    pub reason: String,
    /// The deepest red service that it depends on; in a ring, the one with the oldest incident.
    pub impacted_by: Option<ServiceId>,
    /// It is red, nothing below it is, and others suffer from it.
    pub likely_cause: bool,
    /// The newest value of any of its signals.
    pub observed_at: Option<Instant>,
    /// Some of its sources cannot be reached, or its values are old.
    pub stale: bool,
}

/// All services, in the order of the plan.
#[derive(Debug, Clone, Default)]
pub struct Health {
    pub services: Vec<Arc<ServiceHealth>>,
    pub index: BTreeMap<ServiceId, usize>,
    /// Kept for the next roll-up, which mostly finds the same services red.
    pub causes: Arc<Causes>,
}

/// The likely causes, and of what they were found.
#[derive(Debug, Default)]
pub struct Causes {
    catalogue: Arc<Catalogue>,
    red: Vec<Option<Broken<()>>>,
    /// By place: the place of the cause.
    of: Vec<Option<usize>>,
    /// By place: whether it is the cause of another.
    suspects: Vec<bool>,
}

impl Health {
    pub fn get(&self, id: &ServiceId) -> Option<&Arc<ServiceHealth>> {
        self.index.get(id).and_then(|i| self.services.get(*i))
    }

    /// How many services are in `state`.
    pub fn count(&self, state: State) -> usize {
        self.services.iter().filter(|s| s.state == state).count()
    }
}

/// What a roll-up is made from.
pub struct Facts<'a> {
    pub catalogue: &'a Arc<Catalogue>,
    pub tracks: &'a BTreeMap<ServiceId, Vec<Arc<Track>>>,
    /// Open incidents by service, most urgent first.
    pub incidents: &'a HashMap<ServiceId, Vec<Arc<Incident>>>,
    /// How long a value of that source counts as fresh.
    pub stale_after: &'a dyn Fn(&str) -> TimeDelta,
    /// Whether alerts can be seen at all: `None` where no source has any, `Some(false)` while one of
    /// them cannot be reached or its heartbeat is silent.
    pub alerts_seen: Option<bool>,
    /// The window that a service is in, by its title.
    pub maintained: &'a dyn Fn(&ServiceId) -> Option<String>,
}

/// The state of every service.
///
/// Own state: the worst of the fresh signals and of the open incidents; *unknown* where a signal is
/// stale or nothing fresh is known at all, or where the service lives by alerts and alerts cannot
/// be seen. In a window it is in *maintenance*, whatever else it would be; its children are not. A
/// parent is at least as bad as its worst child; with a `quorum`, at most *warning* while
/// that many children are well, else *critical*.
pub fn roll_up(facts: &Facts<'_>, before: &Health, now: Instant) -> Health {
    let own: Vec<Own> = facts.catalogue.iter().map(|s| own_state(s, facts, now)).collect();
    let states = Family::new(facts, &own).states();
    let red = own.iter().zip(&states).map(|(own, verdict)| own.broken(verdict.state)).collect();
    let causes = Causes::of(facts.catalogue, red, &before.causes);
    let services = facts
        .catalogue
        .iter()
        .zip(own)
        .zip(states)
        .enumerate()
        .map(|(i, ((service, own), Verdict { state, reason, since }))| {
            let known = before.get(&service.id).filter(|b| b.state == state);
            let since = known.map_or(now, |b| b.since).min(since.unwrap_or(now));
            let cause = causes.of.get(i).copied().flatten();
            let impacted_by = cause.and_then(|c| facts.catalogue.get(c)).map(|s| s.id.clone());
            Arc::new(ServiceHealth {
                service: service.clone(),
                state,
                since,
                signals: facts.tracks.get(&service.id).cloned().unwrap_or_default(),
                incidents: own.incidents,
                reason,
                impacted_by,
                likely_cause: causes.suspects.get(i).copied().unwrap_or(false),
                observed_at: own.observed_at,
                stale: own.stale,
            })
        })
        .collect();
    Health { services, index: facts.catalogue.places().clone(), causes }
}

impl Causes {
    /// Those of these red services; the same as before where nothing that matters has changed.
    fn of(
        catalogue: &Arc<Catalogue>,
        red: Vec<Option<Broken<()>>>,
        before: &Arc<Self>,
    ) -> Arc<Self> {
        if Arc::ptr_eq(catalogue, &before.catalogue) && red == before.red {
            return before.clone();
        }
        let of = catalogue.dependencies.causes(&red);
        let mut suspects = vec![false; of.len()];
        for cause in of.iter().flatten() {
            if let Some(suspect) = suspects.get_mut(*cause) {
                *suspect = true;
            }
        }
        Arc::new(Self { catalogue: catalogue.clone(), red, of, suspects })
    }
}

/// A state, why, and since when where that is known.
#[derive(Clone)]
struct Verdict {
    state: State,
    reason: String,
    since: Option<Instant>,
}

/// What a service is by itself, whatever its children are.
struct Own {
    verdict: Option<Verdict>,
    incidents: Vec<IncidentId>,
    observed_at: Option<Instant>,
    stale: bool,
}

impl Own {
    /// What decides whether it is the cause of others, if it is red.
    fn broken(&self, state: State) -> Option<Broken<()>> {
        let oldest = self.incidents.iter().min().copied().unwrap_or(IncidentId(u64::MAX));
        state.is_red().then_some(Broken { order: (), oldest })
    }
}

fn own_state(service: &Service, facts: &Facts<'_>, now: Instant) -> Own {
    let none = Vec::new();
    let tracks = facts.tracks.get(&service.id).unwrap_or(&none);
    let mut worst: Option<Verdict> = None;
    let mut worsen = |state: State, reason: &dyn Fn() -> String, since: Option<Instant>| {
        match &mut worst {
            Some(w) if state < w.state => {}
            // Of equal troubles the one that began first tells since when.
            Some(w) if state == w.state => w.since = [w.since, since].into_iter().flatten().min(),
            _ => worst = Some(Verdict { state, reason: reason(), since }),
        }
    };
    let mut stale = false;
    for track in tracks {
        let limit = (facts.stale_after)(&track.spec.source);
        let name = &track.spec.name;
        if track.is_stale(now, limit) {
            stale = true;
        }
        let state = track.state_at(now, limit);
        let idle = state == State::Unknown && !track.is_stale(now, limit);
        if idle {
            // A fresh answer without a value (no traffic, so no latency) says nothing.
            continue;
        }
        let why = || match state {
            State::Ok => String::new(),
            State::Unknown => format!("{name}: nothing fresh"),
            _ if track.message.is_empty() => {
                let value = track.last().unwrap_or(f64::NAN);
                format!("{name} {}", crate::domain::text::value(value, &track.spec.unit))
            }
            _ => format!("{name}: {}", track.message),
        };
        worsen(state, &why, state.is_red().then_some(track.since));
    }
    let incidents = facts.incidents.get(&service.id).unwrap_or(&none_incidents()).clone();
    // One whose alerts are all proven clear waits for its end; the trouble itself is over.
    for incident in incidents.iter().filter(|i| i.clear_since.is_none()) {
        // A budget that goes too fast says of what was, not that it is down: else it would count itself.
        let is_down = incident.urgency == 1 && !incident.is_of_budgets();
        let state = if is_down { State::Critical } else { State::Warning };
        worsen(state, &|| incident.title.clone(), Some(incident.started_at));
    }
    let by_alerts = !service.matchers.is_empty() || tracks.is_empty();
    match facts.alerts_seen {
        Some(true) if tracks.is_empty() => worsen(State::Ok, &String::new, None),
        Some(false) if by_alerts => {
            stale = true;
            worsen(State::Unknown, &|| "alerts cannot be seen".to_owned(), None);
        }
        _ => {}
    }
    if let Some(window) = (facts.maintained)(&service.id) {
        worst = Some(Verdict { state: State::Maintenance, reason: window, since: None });
    }
    Own {
        verdict: worst,
        incidents: incidents.iter().map(|i| i.id).collect(),
        observed_at: tracks.iter().filter_map(|t| t.observed_at).max(),
        stale,
    }
}

fn none_incidents() -> Vec<Arc<Incident>> {
    Vec::new()
}

/// Parents and children. They are walked without recursion, since a source may declare a chain of
/// thousands.
struct Family<'a> {
    facts: &'a Facts<'a>,
    own: &'a [Own],
    children: HashMap<usize, Vec<usize>>,
}

impl<'a> Family<'a> {
    fn new(facts: &'a Facts<'a>, own: &'a [Own]) -> Self {
        let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
        for (i, parent) in facts.catalogue.parents.iter().enumerate() {
            if let Some(parent) = parent {
                children.entry(*parent).or_default().push(i);
            }
        }
        Self { facts, own, children }
    }

    /// The states of all, each after those of its children.
    fn states(&self) -> Vec<Verdict> {
        let mut states: Vec<Option<Verdict>> = vec![None; self.own.len()];
        let children = |i| self.children.get(&i).map_or(0, Vec::len);
        let mut waits_for: Vec<usize> = (0..self.own.len()).map(children).collect();
        let mut ready: Vec<usize> = (0..self.own.len()).filter(|i| children(*i) == 0).collect();
        while let Some(i) = ready.pop() {
            self.judge(i, &mut states);
            let Some(parent) = self.parent(i) else { continue };
            if let Some(waits) = waits_for.get_mut(parent) {
                *waits -= 1;
                ready.extend((*waits == 0).then_some(parent));
            }
        }
        // What is left waits for itself. Twice around, so that the first knows of the last.
        for first in 0..self.own.len() {
            if states.get(first).is_some_and(Option::is_none) {
                let next = |i: &usize| self.parent(*i).filter(|parent| *parent != first);
                let ring: Vec<usize> = std::iter::successors(Some(first), next).collect();
                ring.iter().chain(&ring).for_each(|i| self.judge(*i, &mut states));
            }
        }
        states.into_iter().map(|state| state.unwrap_or_else(nothing_known)).collect()
    }

    fn parent(&self, i: usize) -> Option<usize> {
        self.facts.catalogue.parents.get(i).copied().flatten()
    }

    fn judge(&self, i: usize, states: &mut [Option<Verdict>]) {
        let state = self.state(i, states);
        if let Some(place) = states.get_mut(i) {
            *place = Some(state);
        }
    }

    fn state(&self, i: usize, states: &[Option<Verdict>]) -> Verdict {
        let mine = self.own.get(i).and_then(|own| own.verdict.clone());
        mine.into_iter().chain(self.below(i, states)).reduce(worse).unwrap_or_else(nothing_known)
    }

    fn below(&self, i: usize, states: &[Option<Verdict>]) -> Option<Verdict> {
        let (service, members) = (self.facts.catalogue.get(i)?, self.children.get(&i)?);
        let states: Vec<Verdict> = members
            .iter()
            .map(|c| {
                let own = || self.own.get(*c).and_then(|own| own.verdict.clone());
                let known = states.get(*c).cloned().flatten();
                let verdict = known.or_else(own).unwrap_or_else(nothing_known);
                let name = self.facts.catalogue.get(*c).map_or("", |s| s.name.as_str());
                let reason = match (verdict.state, verdict.reason.is_empty()) {
                    (State::Ok, _) => String::new(),
                    (_, true) => name.to_owned(),
                    (_, false) => clean(&format!("{name}: {}", verdict.reason), MAX_LINE),
                };
                Verdict { reason, ..verdict }
            })
            .collect();
        let is_well = |s: &&Verdict| matches!(s.state, State::Ok | State::Maintenance);
        let well = states.iter().filter(is_well).count();
        let worst = states.into_iter().reduce(worse)?;
        match service.quorum {
            Some(quorum) if worst.state.is_red() => {
                let of = members.len();
                let reason = format!("{well} of {of} well, {quorum} needed; {}", worst.reason);
                let enough = well >= usize::try_from(quorum).unwrap_or(usize::MAX);
                let state = if enough { State::Warning } else { State::Critical };
                Some(Verdict { state, reason, ..worst })
            }
            _ => Some(worst),
        }
    }
}

fn nothing_known() -> Verdict {
    Verdict { state: State::Unknown, reason: "nothing is known yet".to_owned(), since: None }
}

/// The worse of two; of equally bad ones the first, since the earlier of both.
fn worse(a: Verdict, b: Verdict) -> Verdict {
    match a.state.cmp(&b.state) {
        std::cmp::Ordering::Greater => a,
        std::cmp::Ordering::Less => b,
        std::cmp::Ordering::Equal => {
            Verdict { since: [a.since, b.since].into_iter().flatten().min(), ..a }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::health::{Dimension, Signal, Thresholds};
    use rstest::rstest;

    fn at(seconds: i64) -> Instant {
        chrono::DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    /// The health of services `0` to `n - 1`, of which the last is critical by itself.
    fn health(n: usize, parent: impl Fn(usize) -> Option<usize>) -> Health {
        let services = (0..n).map(|i| {
            let parent = parent(i).map(|p| ServiceId::new(&p.to_string()));
            Arc::new(Service { parent, ..Service::new(&i.to_string()) })
        });
        let mut track = Track::new(
            Signal {
                name: "up".into(),
                dimension: Dimension::Availability,
                source: "plug-in".into(),
                query: String::new(),
                unit: String::new(),
                thresholds: Thresholds::default(),
                raises: false,
            },
            at(0),
        );
        track.report(State::Critical, "down", at(0));
        let last = ServiceId::new(&(n - 1).to_string());
        let facts = Facts {
            catalogue: &Arc::new(Catalogue::new(services)),
            tracks: &[(last, vec![Arc::new(track)])].into(),
            incidents: &HashMap::new(),
            stale_after: &|_| TimeDelta::hours(1),
            alerts_seen: Some(true),
            maintained: &|_| None,
        };
        roll_up(&facts, &Health::default(), at(1))
    }

    #[rstest]
    #[case::upwards(|i: usize| i.checked_sub(1))]
    #[case::round(|i: usize| Some(i.checked_sub(1).unwrap_or(19_999)))]
    fn a_chain_of_thousands_exhausts_neither_stack_nor_time(
        #[case] parent: impl Fn(usize) -> Option<usize>,
    ) {
        let health = health(20_000, parent);
        let first = &health.services[0];
        assert_eq!(first.state, State::Critical);
        assert!(first.reason.starts_with("1: 2: 3: "), "{}", first.reason);
        assert!(first.reason.chars().count() <= MAX_LINE);
    }

    #[test]
    fn a_service_inside_itself_is_judged_by_itself() {
        let health = health(1, Some);
        assert_eq!(
            (health.services[0].state, health.services[0].reason.as_str()),
            (State::Critical, "up: down")
        );
    }
}
