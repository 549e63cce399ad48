//! The engine's core: what may happen, what it means, and what must follow.
//!
//! Pure: no clock, no I/O, no `await`. `runtime` commits what `decide` returns, then folds it with
//! `evolve`. A confirmed action is therefore always a stored one.

use std::sync::Arc;

use crate::domain::incident::lifecycle::{Command, Outcome};
use crate::domain::incident::{Actor, Event, EventBody, Incident, IncidentId};
use crate::domain::observation::Observation;
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
#[derive(Debug, Clone, Default)]
pub struct State {
    pub event: Option<Event>,
}
