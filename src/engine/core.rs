//! The engine's core: what may happen, what it means, and what must follow.
//!
//! Pure: no clock, no I/O, no `await`. `runtime` commits what `decide` returns, then folds it with
//! `evolve`. A confirmed action is therefore always a stored one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::snapshot::{Plan, Snapshot, StoreState};
use crate::domain::incident::lifecycle::{self, Action, Command, Outcome, Verdict};
use crate::domain::incident::{Actor, Event, EventBody, Incident, IncidentId};
use crate::domain::observation::{Observation, SourceStatus};
use crate::domain::time::Instant;

/// Something that reaches the core.
#[derive(Debug, Clone)]
pub enum Input {
    /// A source answered.
    Observed(Observation),
    /// A person asked for something.
    Asked { actor: Actor, command: Command },
    /// A second passed.
    Tick,
}

/// What the core made of an input.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// What is to be stored, in order; the store gives the positions.
    pub events: Vec<NewEvent>,
    /// One for each target of a command.
    pub answers: Vec<Outcome>,
}

/// An event before it has its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    pub at: Instant,
    pub actor: Actor,
    pub incident: IncidentId,
    pub body: EventBody,
}

/// What the world has to be told because of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Tell whoever sits at this console.
    Notify(Notice),
}

/// News for the person at this console.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    pub what: News,
    pub incident: Arc<Incident>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Opened,
    Reopened,
    Resolved,
    AcknowledgementExpired,
}

/// Everything the core knows.
#[derive(Debug, Clone)]
pub struct State {
    plan: Arc<Plan>,
    incidents: BTreeMap<IncidentId, Arc<Incident>>,
    next_id: u64,
    changed: bool,
    generation: u64,
    shown: StoreState,
    started_at: Instant,
}

impl State {
    pub fn new(
        plan: Arc<Plan>,
        incidents: Vec<Incident>,
        next_id: u64,
        _position: u64,
        now: Instant,
    ) -> Self {
        let incidents = incidents.into_iter().map(|i| (i.id, Arc::new(i))).collect();
        Self {
            plan,
            incidents,
            next_id,
            changed: true,
            generation: 0,
            shown: StoreState::Ready,
            started_at: now,
        }
    }

    pub fn sense(&mut self, _observation: &Observation, _now: Instant) {}

    pub fn sources(&mut self, _sources: Vec<SourceStatus>) {}

    pub fn replan(&mut self, plan: Arc<Plan>, _now: Instant) {
        self.plan = plan;
        self.changed = true;
    }

    pub fn incident(&self, id: IncidentId) -> Option<Arc<Incident>> {
        self.incidents.get(&id).cloned()
    }

    pub fn insert(&mut self, incident: Incident) {
        self.incidents.insert(incident.id, Arc::new(incident));
        self.changed = true;
    }

    pub fn snapshot(&mut self, now: Instant, store: StoreState) -> Option<Arc<Snapshot>> {
        if !self.changed && self.shown == store {
            return None;
        }
        self.changed = false;
        self.shown = store.clone();
        self.generation += 1;
        let mut incidents = super::snapshot::Incidents::default();
        for (id, i) in &self.incidents {
            incidents.by_id.insert(*id, Arc::clone(i));
        }
        Some(Arc::new(Snapshot {
            at: now,
            started_at: self.started_at,
            site: Arc::new(self.plan.site.clone()),
            health: super::Part::default(),
            incidents: super::Part { generation: self.generation, value: Arc::new(incidents) },
            sources: super::Part::default(),
            store,
            blind: Arc::default(),
        }))
    }
}

pub fn decide(state: &State, input: &Input, now: Instant) -> Decision {
    let mut decision = Decision::default();
    let opening = |key: String, title: &str, source: &str| {
        EventBody::Opened(Box::new(crate::domain::incident::event::Opening {
            key,
            title: title.to_owned(),
            service: None,
            source: source.into(),
            category: String::new(),
            impact: 2,
            urgency: 2,
            priority: crate::domain::incident::Priority(3),
            labels: crate::domain::matcher::Labels::new(),
            annotations: crate::domain::matcher::Labels::new(),
            started_at: now,
            earlier: None,
            recurrence: 1,
        }))
    };
    match input {
        Input::Asked { actor, command: Command::Report(report) } => {
            let id = IncidentId(state.next_id);
            let body = opening(format!("operator/{id}"), &report.title, "operator");
            decision.events.push(NewEvent { at: now, actor: actor.clone(), incident: id, body });
            let said = format!("{id} reported");
            let verdict = Verdict::Done { said, also: Vec::new() };
            decision.answers.push(Outcome { id: Some(id), verdict });
        }
        Input::Asked { actor, command: Command::Act { targets, action } } => {
            for target in targets {
                let id = target.id;
                let Some(incident) = state.incident(id) else {
                    let verdict = Verdict::Refused { why: format!("{id} does not exist") };
                    decision.answers.push(Outcome { id: Some(id), verdict });
                    continue;
                };
                let body = match action {
                    Action::Acknowledge if incident.standing.acknowledged.is_some() => {
                        let verdict = Verdict::Conflict { why: format!("{id} is taken") };
                        decision.answers.push(Outcome { id: Some(id), verdict });
                        continue;
                    }
                    Action::Acknowledge => EventBody::Acknowledged { until: None },
                    Action::Note { text } => EventBody::Noted { text: text.clone() },
                    Action::Resolve { reason, .. } => {
                        EventBody::Resolved { automatic: false, reason: reason.clone() }
                    }
                    Action::Close { reason } => {
                        EventBody::Closed { automatic: false, reason: reason.clone() }
                    }
                    _ => continue,
                };
                decision.events.push(NewEvent {
                    at: now,
                    actor: actor.clone(),
                    incident: id,
                    body,
                });
                let verdict = Verdict::Done { said: format!("{id} done"), also: Vec::new() };
                decision.answers.push(Outcome { id: Some(id), verdict });
            }
        }
        Input::Observed(observation) => {
            let mut next = state.next_id;
            for fact in &observation.facts {
                let crate::domain::observation::Fact::Alerts(set) = fact else { continue };
                for alert in &set.alerts {
                    let key = format!("{}/{}", observation.source, alert.fingerprint);
                    if state.incidents.values().any(|i| i.key == key && i.is_open()) {
                        continue;
                    }
                    let body = opening(key, "alert", &observation.source);
                    decision.events.push(NewEvent {
                        at: now,
                        actor: Actor::source(&observation.source),
                        incident: IncidentId(next),
                        body,
                    });
                    next += 1;
                }
            }
        }
        _ => {}
    }
    decision
}

pub fn evolve(state: &mut State, event: &Event) {
    let before = state.incidents.get(&event.incident).cloned();
    if let Some(next) = lifecycle::fold(before.as_deref(), event) {
        state.next_id = state.next_id.max(next.id.0 + 1);
        state.incidents.insert(next.id, Arc::new(next));
        state.changed = true;
    }
}

pub fn react(state: &State, event: &Event, _now: Instant) -> Vec<Effect> {
    match (&event.body, state.incident(event.incident)) {
        (EventBody::Opened(_), Some(incident)) => {
            vec![Effect::Notify(Notice { what: News::Opened, incident })]
        }
        _ => Vec::new(),
    }
}
