//! While the store cannot be written: what would be stored is decided all the same, on a copy beside
//! it, so that whoever has to come is called. Nothing of it is kept. When the store is well again the
//! same is decided once more, and told once more: twice rather than never.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::domain::log::NewEntry;
use crate::domain::paging::Pages;
use crate::domain::time::Instant;
use crate::engine::core::{self, Input, State};
use crate::engine::escalation;

/// A store that is only busy for a while has this time.
const PATIENCE: TimeDelta = TimeDelta::seconds(20);

pub(super) struct Beyond(State);

impl Beyond {
    /// Whether it has lasted for long enough that people have to be called without it.
    pub fn is_time(since: Instant, now: Instant) -> bool {
        now - since >= PATIENCE
    }

    /// From what was stored last; the first that is paged for is the outage itself.
    pub fn of(state: &State, why: &str, now: Instant) -> Self {
        let mut beyond = Self(state.clone());
        // What was received from here must never be taken for a page that is stored later.
        beyond.0.number_pages_aside(now);
        let outage = escalation::outage(&beyond.0, why, now);
        beyond.fold(outage);
        beyond
    }

    /// What would have been stored of it.
    pub fn feed(&mut self, input: &Input, now: Instant) {
        if let Input::Observed(observation) = input {
            self.0.sense(observation, now);
        }
        self.0.attend(now);
        let decision = core::decide(&self.0, input, now);
        self.fold(decision.events);
        self.0.settle();
    }

    fn fold(&mut self, events: Vec<NewEntry>) {
        for event in events {
            let (position, at) = (self.0.position() + 1, event.at);
            core::evolve(&mut self.0, &event.placed(position, at));
        }
    }

    pub fn pages(&self) -> &Arc<Pages> {
        self.0.pages()
    }
}
