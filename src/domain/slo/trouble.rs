//! The trouble of services as their incidents have it, kept for those whose objectives are looked at.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::objective::{Sli, Uptime};
use crate::domain::health::ServiceId;
use crate::domain::incident::{Incident, IncidentId, IncidentState, Priority};
use crate::domain::time::{Instant, Interval};

/// What of an incident the objectives of its service have to do with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub id: IncidentId,
    pub title: String,
    /// When it began.
    pub from: Instant,
    /// When it was over; `None`: it lasts.
    pub to: Option<Instant>,
    pub priority: Priority,
    /// Its service counts as down: it was neither a drill nor left out by a correction, and it is not
    /// itself about a budget.
    pub counts: bool,
}

/// Those of the services that are followed: all that the store has and that is loaded.
#[derive(Debug, Clone, Default)]
pub struct Troubles {
    of: BTreeMap<ServiceId, BTreeMap<IncidentId, Trouble>>,
    /// The loaded incidents that were taken over.
    loaded: OrdMap<IncidentId, Arc<Incident>>,
}

impl Trouble {
    /// `None`: it is of another service, was cancelled, or is another one's by now.
    pub fn of(incident: &Incident, service: &ServiceId) -> Option<Self> {
        let standing = &incident.standing;
        if incident.service.as_ref() != Some(service)
            || incident.state() == IncidentState::Cancelled
            || standing.merged_into.is_some()
        {
            return None;
        }
        let over = standing.resolved.as_ref().or(standing.closed.as_ref());
        Some(Self {
            id: incident.id,
            title: incident.title.clone(),
            from: incident.started_at,
            to: over.map(|ending| ending.at),
            priority: incident.priority,
            counts: !incident.excluded && incident.drill.is_none() && !incident.is_of_budgets(),
        })
    }

    /// Until when it lasted, as of `now`.
    pub fn at(&self, now: Instant) -> Interval {
        Interval::new(self.from, self.to.unwrap_or(now))
    }

    /// Whether an objective that is measured so has to do with it: one that is measured by incidents
    /// with those that count only.
    pub fn concerns(&self, sli: &Sli) -> bool {
        match sli {
            Sli::Uptime(Uptime::Incidents { least }) => self.counts && self.priority <= *least,
            _ => true,
        }
    }
}

impl Troubles {
    /// Takes over what changed of the loaded incidents; what is loaded no more stays as it was.
    pub fn refresh(&mut self, loaded: &OrdMap<IncidentId, Arc<Incident>>) {
        if self.loaded.ptr_eq(loaded) {
            return;
        }
        let Self { of, loaded: before } = self;
        for item in before.diff(loaded) {
            let (DiffItem::Add(_, incident) | DiffItem::Update { new: (_, incident), .. }) = item
            else {
                continue;
            };
            for (service, known) in &mut *of {
                put(known, incident, service);
            }
        }
        *before = loaded.clone();
    }

    /// From now on those of this service as well; at first what is loaded.
    pub fn follow(&mut self, service: &ServiceId) {
        if !self.of.contains_key(service) {
            let mut known = BTreeMap::new();
            for incident in self.loaded.values() {
                put(&mut known, incident, service);
            }
            self.of.insert(service.clone(), known);
        }
    }

    /// What the store has of a service; what is loaded is newer.
    pub fn take(&mut self, service: &ServiceId, stored: Vec<Trouble>) {
        let known = self.of.entry(service.clone()).or_default();
        for one in stored {
            if !self.loaded.contains_key(&one.id) {
                known.insert(one.id, one);
            }
        }
    }

    /// Those that touch a stretch of time, the oldest incident first.
    pub fn within(
        &self,
        service: &ServiceId,
        span: Interval,
        now: Instant,
    ) -> impl DoubleEndedIterator<Item = &Trouble> {
        let known = self.of.get(service).into_iter().flat_map(BTreeMap::values);
        known.filter(move |one| one.at(now).overlap(span).is_some_and(|o| !o.is_empty()))
    }
}

fn put(known: &mut BTreeMap<IncidentId, Trouble>, incident: &Incident, service: &ServiceId) {
    match Trouble::of(incident, service) {
        Some(trouble) => known.insert(incident.id, trouble),
        None => known.remove(&incident.id),
    };
}
