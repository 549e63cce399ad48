//! From signals and incidents to the state of services, and from dependencies to the likely cause.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;

use super::model::{Service, ServiceId, State};
use super::signal::Track;
use crate::domain::incident::{Incident, IncidentId};
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
    /// The deepest red service that it depends on.
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
    pub services: &'a [Arc<Service>],
    pub tracks: &'a BTreeMap<ServiceId, Vec<Arc<Track>>>,
    /// Open incidents by service, most urgent first.
    pub incidents: &'a HashMap<ServiceId, Vec<Arc<Incident>>>,
    /// How long a value of that source counts as fresh.
    pub stale_after: &'a dyn Fn(&str) -> TimeDelta,
    /// Whether alerts can be seen at all: `None` where no source has any, `Some(false)` while one of
    /// them cannot be reached or its heartbeat is silent.
    pub alerts_seen: Option<bool>,
}

/// The state of every service.
///
/// Own state: the worst of the fresh signals and of the open incidents; *unknown* where a signal is
/// stale or nothing fresh is known at all, or where the service lives by alerts and alerts cannot
/// be seen. A parent is at least as bad as its worst child; with a `quorum`, at most *warning* while
/// that many children are well, else *critical*.
pub fn roll_up(facts: &Facts<'_>, before: &Health, now: Instant) -> Health {
    let own: Vec<Own> = facts.services.iter().map(|s| own_state(s, facts, now)).collect();
    let index: BTreeMap<ServiceId, usize> =
        facts.services.iter().enumerate().map(|(i, s)| (s.id.clone(), i)).collect();
    let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
    for (i, service) in facts.services.iter().enumerate() {
        if let Some(parent) = service.parent.as_ref().and_then(|p| index.get(p)) {
            children.entry(*parent).or_default().push(i);
        }
    }
    let family = Family { facts, own: &own, children: &children };
    let states: Vec<Verdict> =
        (0..own.len()).map(|i| family.state(i, &mut HashSet::new())).collect();
    let red = |i: usize| states.get(i).is_some_and(|s| s.state.is_red());
    let causes: Vec<Option<usize>> = (0..own.len())
        .map(|i| if red(i) { deepest_red(i, facts.services, &index, &red) } else { None })
        .collect();
    let suspects: HashSet<usize> = causes.iter().flatten().copied().collect();
    let services = facts
        .services
        .iter()
        .zip(own)
        .zip(states)
        .enumerate()
        .map(|(i, ((service, own), Verdict { state, reason, since }))| {
            let known = before.get(&service.id).filter(|b| b.state == state);
            let since = known.map_or(now, |b| b.since).min(since.unwrap_or(now));
            let cause = causes.get(i).copied().flatten();
            let impacted_by = cause.and_then(|c| facts.services.get(c)).map(|s| s.id.clone());
            Arc::new(ServiceHealth {
                service: service.clone(),
                state,
                since,
                signals: facts.tracks.get(&service.id).cloned().unwrap_or_default(),
                incidents: own.incidents,
                reason,
                likely_cause: impacted_by.is_none() && suspects.contains(&i),
                impacted_by,
                observed_at: own.observed_at,
                stale: own.stale,
            })
        })
        .collect();
    Health { services, index }
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
        let state = if incident.urgency == 1 { State::Critical } else { State::Warning };
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

/// Parents and children, walked once even where they form a ring.
struct Family<'a> {
    facts: &'a Facts<'a>,
    own: &'a [Own],
    children: &'a HashMap<usize, Vec<usize>>,
}

impl Family<'_> {
    fn state(&self, i: usize, seen: &mut HashSet<usize>) -> Verdict {
        let reason = "nothing is known yet".to_owned();
        let unknown = Verdict { state: State::Unknown, reason, since: None };
        let (Some(own), Some(service)) = (self.own.get(i), self.facts.services.get(i)) else {
            return unknown;
        };
        let mine = own.verdict.clone();
        let below = if seen.insert(i) { self.below(i, service, seen) } else { None };
        mine.into_iter().chain(below).reduce(worse).unwrap_or(unknown)
    }

    fn below(&self, i: usize, service: &Service, seen: &mut HashSet<usize>) -> Option<Verdict> {
        let members = self.children.get(&i)?;
        let states: Vec<Verdict> = members
            .iter()
            .map(|c| {
                let verdict = self.state(*c, seen);
                let name = self.facts.services.get(*c).map_or("", |s| s.name.as_str());
                let reason = match (verdict.state, verdict.reason.is_empty()) {
                    (State::Ok, _) => String::new(),
                    (_, true) => name.to_owned(),
                    (_, false) => format!("{name}: {}", verdict.reason),
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

/// The deepest red service that `from` depends on, directly or not.
fn deepest_red(
    from: usize,
    services: &[Arc<Service>],
    index: &BTreeMap<ServiceId, usize>,
    red: &dyn Fn(usize) -> bool,
) -> Option<usize> {
    let below = |i: usize| -> Vec<usize> {
        let deps = services.get(i).map(|s| s.depends_on.as_slice()).unwrap_or_default();
        deps.iter().filter_map(|d| index.get(d).copied()).collect()
    };
    let mut seen = HashSet::from([from]);
    let mut level = below(from);
    let mut found = None;
    while !level.is_empty() {
        level.retain(|i| seen.insert(*i));
        found = level.iter().copied().filter(|i| red(*i)).min().or(found);
        level = level.iter().flat_map(|i| below(*i)).collect();
    }
    found
}
