//! A decision in the making: the events so far, and the incidents as they will be after them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::core::{Decision, State};
use crate::domain::command::Outcome;
use crate::domain::incident::event::Opening;
use crate::domain::incident::lifecycle;
use crate::domain::incident::{Actor, Event, EventBody, Incident, IncidentId};
use crate::domain::log::{Fact, NewEntry};
use crate::domain::observation::SourceName;
use crate::domain::paging::{self, PageId};
use crate::domain::time::Instant;
use crate::domain::upstream::Event::Ordered;
use crate::domain::upstream::OrderId;

/// Reads through to the state wherever nothing was decided yet.
pub(super) struct Draft<'a> {
    pub state: &'a State,
    pub now: Instant,
    pub answers: Vec<Outcome>,
    events: Vec<NewEntry>,
    changed: HashMap<IncidentId, Incident>,
    by_key: HashMap<String, IncidentId>,
    by_alert: HashMap<(SourceName, String), Option<IncidentId>>,
    next_id: u64,
    next_page: PageId,
}

impl<'a> Draft<'a> {
    pub fn new(state: &'a State, now: Instant) -> Self {
        Self {
            state,
            now,
            answers: Vec::new(),
            events: Vec::new(),
            changed: HashMap::new(),
            by_key: HashMap::new(),
            by_alert: HashMap::new(),
            next_id: state.next_id(),
            next_page: state.pages().next(),
        }
    }

    /// An incident as it will be.
    pub fn incident(&self, id: IncidentId) -> Option<&Incident> {
        self.changed.get(&id).or_else(|| self.state.incident(id).map(Arc::as_ref))
    }

    /// The newest incident of a key.
    pub fn newest(&self, key: &str) -> Option<&Incident> {
        let id = self.by_key.get(key).copied().or_else(|| self.state.by_key(key))?;
        self.incident(id)
    }

    /// The incident that holds an alert to be firing.
    pub fn held(&self, source: &SourceName, fingerprint: &str) -> Option<&Incident> {
        let ours = if self.by_alert.is_empty() {
            None
        } else {
            self.by_alert.get(&(source.clone(), fingerprint.to_owned()))
        };
        let id = match ours {
            Some(id) => (*id)?,
            None => self.state.holder(source, fingerprint)?,
        };
        self.incident(id)
    }

    /// Incidents that fold under `id`, open ones only.
    pub fn children(&self, id: IncidentId) -> Vec<IncidentId> {
        let known = self.state.children.get(&id).into_iter().flatten();
        let candidates = known.chain(self.changed.keys());
        let mut found: Vec<IncidentId> = candidates
            .copied()
            .filter(|c| self.incident(*c).is_some_and(|c| c.parent == Some(id) && c.is_open()))
            .collect();
        found.sort();
        found.dedup();
        found
    }

    /// The incidents that this decision changes.
    pub fn changed(&self) -> impl Iterator<Item = (&IncidentId, &Incident)> {
        self.changed.iter()
    }

    /// The id that the next incident gets.
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// The number that the next page gets.
    pub fn next_page(&self) -> PageId {
        self.next_page
    }

    /// Opens an incident and returns its id.
    pub fn open(&mut self, actor: &Actor, opening: Opening) -> IncidentId {
        let id = IncidentId(self.next_id);
        self.next_id += 1;
        self.by_key.insert(opening.key.clone(), id);
        self.push(actor, id, EventBody::Opened(Box::new(opening)));
        id
    }

    /// Adds an event.
    pub fn push(&mut self, actor: &Actor, incident: IncidentId, body: EventBody) {
        let event = Event {
            // Positions are the store's; a provisional one keeps the order within this decision.
            position: self.state.position() + self.events.len() as u64 + 1,
            at: self.now,
            actor: actor.clone(),
            incident,
            body,
        };
        let known = match self.changed.entry(incident) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(place) => {
                let known = self.state.incident(incident).map(Arc::as_ref).cloned();
                known.or_else(|| lifecycle::fold(None, &event)).map(|i| place.insert(i))
            }
        };
        if let Some(after) = known {
            lifecycle::apply(after, &event);
            let alert = match &event.body {
                EventBody::AlertFired { fingerprint, .. } => Some((fingerprint, Some(incident))),
                EventBody::AlertCleared { fingerprint } => Some((fingerprint, None)),
                _ => None,
            };
            if let Some((fingerprint, holder)) = alert {
                self.by_alert.insert((after.source.clone(), fingerprint.clone()), holder);
            }
        }
        let Event { at, actor, incident, body, .. } = event;
        self.events.push(NewEntry { at, actor, fact: Fact::Incident(incident, body) });
    }

    /// The number of the next order.
    pub fn next_order(&self) -> OrderId {
        let ordered = |e: &&NewEntry| matches!(&e.fact, Fact::Upstream(Ordered(_)));
        let so_far = self.events.iter().filter(ordered).count() as u64;
        OrderId(self.state.orders().next().0 + so_far)
    }

    /// Adds an event that is about no incident.
    pub fn push_other(&mut self, actor: &Actor, fact: Fact) {
        if let Fact::Paging(paging::Event::Paged(page)) = &fact {
            self.next_page = self.next_page.max(PageId(page.id.0 + 1));
        }
        self.events.push(NewEntry { at: self.now, actor: actor.clone(), fact });
    }

    pub fn decision(self) -> Decision {
        Decision { events: self.events, answers: self.answers }
    }
}
