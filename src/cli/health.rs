//! `atalaya health`: every source asked once, and what that makes of the services, by the same core
//! that the console runs on. Nothing is stored; a threshold's `for` is not waited for.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use serde::Serialize;

use super::incidents::utc;
use super::output::{self, Cell, Exit, Output, Table, complain, print};
use super::{Context, Failure, sources, stored};
use crate::config::Config;
use crate::domain::health::rollup::{Health, ServiceHealth};
use crate::domain::health::{Dimension, Service, State as Condition};
use crate::domain::observation::{Fact, Observation};
use crate::domain::text::value;
use crate::domain::time::Instant;
use crate::engine::core::{self, Input, State};
use crate::engine::publish::Publisher;
use crate::engine::sight::Sight;
use crate::engine::{Plan, StoreState};

#[derive(Serialize)]
struct Document<'a> {
    observed_at: String,
    services: Vec<ServiceFields<'a>>,
}

#[derive(Serialize)]
struct ServiceFields<'a> {
    id: &'a str,
    name: &'a str,
    state: Condition,
    since: String,
    reason: &'a str,
    signals: Vec<SignalFields<'a>>,
}

#[derive(Serialize)]
struct SignalFields<'a> {
    name: &'a str,
    dimension: Dimension,
    /// `null` where nothing is known, and for NaN.
    value: Option<f64>,
    unit: &'a str,
    state: Condition,
    observed_at: Option<String>,
    stale: bool,
}

pub async fn run(context: &Context) -> Result<Exit, Failure> {
    let mut config = context.config()?;
    at_once(&mut config.plan);
    let answers = sources::poll(&config).await;
    let now = Utc::now();
    let store = stored::open_to_read(&config).await?;
    let loaded = store.load().await;
    store.close().await;
    let loaded = loaded?;
    let plan = Arc::new(config.plan.clone());
    let position = loaded.head.position;
    let mut state = State::new(plan, loaded.incidents, loaded.next_id, position, now)
        .with_calendar(loaded.calendar, now);
    state.complete = true;
    let (statuses, observations): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
    let unreachable: Vec<String> = statuses
        .iter()
        .filter(|s| sources::failed(s))
        .map(|s| sources::Fields::of(s).complaint())
        .collect();
    state.sources(statuses);
    for observation in observations.into_iter().flatten() {
        take_in(&mut state, observation, now);
    }
    state.attend(now);
    let snapshot = Publisher::default().publish(&mut state, &StoreState::Memory, now);
    let empty = Health::default();
    let health = snapshot.as_ref().map_or(&empty, |s| &*s.health.value);
    if context.output.json {
        output::document(&document(health, &config, now));
    } else {
        print(&table(health, context.output));
    }
    for line in &unreachable {
        complain(line);
    }
    Ok(Exit::Plugin(worst(health, !unreachable.is_empty())))
}

/// One look is all there is: what is beyond a threshold now, counts now.
fn at_once(plan: &mut Plan) {
    for service in &mut plan.services {
        immediate(Arc::make_mut(service));
    }
}

fn immediate(service: &mut Service) {
    for signal in &mut service.signals {
        signal.thresholds.hold = TimeDelta::zero();
    }
}

/// Takes an observation in, with the incidents that it would open, in memory only.
fn take_in(state: &mut State, mut observation: Observation, now: Instant) {
    for fact in &mut observation.facts {
        if let Fact::Services(services) = fact {
            services.iter_mut().for_each(immediate);
        }
    }
    state.sense(&observation, now);
    state.attend(now);
    let decision = core::decide(state, &Input::Observed(observation), now);
    for new in decision.events {
        let position = state.position() + 1;
        let at = new.at;
        core::evolve(state, &new.placed(position, at));
    }
}

/// The state of everything, as monitoring plug-ins tell it: what is in maintenance counts as well. Where a source cannot be reached or
/// nothing is known, it is never ok.
fn worst(health: &Health, blind: bool) -> Condition {
    let worst = health.services.iter().map(|s| s.state).max().unwrap_or(Condition::Unknown);
    if blind { worst.max(Condition::Unknown) } else { worst }
}

fn document<'a>(health: &'a Health, config: &Config, now: Instant) -> Document<'a> {
    let service = |s: &'a Arc<ServiceHealth>| ServiceFields {
        id: s.service.id.as_str(),
        name: &s.service.name,
        state: s.state,
        since: utc(s.since),
        reason: &s.reason,
        signals: s.signals.iter().map(|t| signal(t, &config.plan, now)).collect(),
    };
    Document { observed_at: utc(now), services: health.services.iter().map(service).collect() }
}

fn signal<'a>(
    track: &'a crate::domain::health::signal::Track,
    plan: &Plan,
    now: Instant,
) -> SignalFields<'a> {
    let stale_after = Sight::stale_after(plan, &track.spec.source);
    SignalFields {
        name: &track.spec.name,
        dimension: track.spec.dimension,
        value: track.last().filter(|v| v.is_finite()),
        unit: &track.spec.unit,
        state: track.state_at(now, stale_after),
        observed_at: track.observed_at.map(utc),
        stale: track.is_stale(now, stale_after),
    }
}

fn table(health: &Health, output: Output) -> String {
    if health.services.is_empty() {
        return "no services; add [[services]], or a source that declares some\n".to_owned();
    }
    let mut table = Table::new(&["SERVICE", "STATE", "WHY", "SIGNALS"]);
    for s in &health.services {
        let signals: Vec<String> = s
            .signals
            .iter()
            .filter_map(|t| Some(format!("{} {}", t.spec.name, value(t.last()?, &t.spec.unit))))
            .take(4)
            .collect();
        table.row([
            Cell::text(s.service.name.clone()),
            Cell::state(s.state),
            Cell::text(s.reason.clone()),
            Cell::text(signals.join(", ")),
        ]);
    }
    table.render(output)
}
