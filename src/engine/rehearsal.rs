//! A past made from inputs: what a console that had been open would have written. The demo begins
//! with one.

use std::sync::Arc;

use chrono::TimeDelta;

use super::core::{self, Input, State};
use super::snapshot::Plan;
use crate::domain::log::NewEntry;
use crate::domain::time::Instant;

/// How often time itself acts between two inputs: resolutions, expiries.
const STEP: TimeDelta = TimeDelta::seconds(15);

/// The events that these inputs cause in an empty store, in order; time passes from the first to
/// `until`. The inputs must be sorted by time.
pub fn rehearse(
    plan: Arc<Plan>,
    inputs: impl IntoIterator<Item = (Instant, Input)>,
    until: Instant,
) -> Vec<NewEntry> {
    let mut inputs = inputs.into_iter().peekable();
    let Some(first) = inputs.peek().map(|i| i.0) else { return Vec::new() };
    let mut state = State::new(plan, Vec::new(), 1, 0, first);
    let mut written = Vec::new();
    let mut tick = first + STEP;
    let mut feed = |input: &Input, at: Instant| {
        if let Input::Observed(observation) = input {
            state.sense(observation, at);
        }
        state.attend(at);
        for new in core::decide(&state, input, at).events {
            written.push(new.clone());
            let position = written.len() as u64;
            let at = new.at;
            core::evolve(&mut state, &new.placed(position, at));
        }
    };
    for (at, input) in inputs {
        while tick < at {
            feed(&Input::Tick, tick);
            tick += STEP;
        }
        feed(&input, at);
    }
    while tick < until {
        feed(&Input::Tick, tick);
        tick += STEP;
    }
    written
}
