//! How long the core takes for 50,000 alerts: all of them new, and all of them known already.

use std::hint::black_box;
use std::sync::Arc;

use atalaya::domain::health::Service;
use atalaya::domain::matcher::{Labels, Matchers};
use atalaya::domain::observation::{Alert, AlertSet, AlertStatus, Fact, Observation};
use atalaya::engine::core::{self, Input, State};
use atalaya::engine::publish::Publisher;
use atalaya::engine::{Plan, StoreState};
use chrono::{DateTime, TimeDelta, Utc};
use criterion::{Criterion, criterion_group, criterion_main};

const ALERTS: usize = 50_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_763_992_800, 0).unwrap_or_default()
}

fn plan() -> Plan {
    let mut plan = Plan::empty();
    for n in 0..40 {
        let mut service = Service::new(&format!("service-{n}"));
        let matcher = Matchers::parse(&format!("service=\"service-{n}\""));
        service.matchers = matcher.into_iter().collect();
        plan.services.push(Arc::new(service));
    }
    plan
}

fn observation() -> Observation {
    let alert = |n: usize| Alert {
        fingerprint: format!("{n:016x}"),
        labels: Labels::from([
            ("alertname".to_owned(), "InstanceDown".to_owned()),
            ("instance".to_owned(), format!("10.0.{}.{}:9100", n / 256, n % 256)),
            ("service".to_owned(), format!("service-{}", n % 50)),
            ("severity".to_owned(), "warning".to_owned()),
        ]),
        annotations: Labels::from([("summary".to_owned(), format!("instance {n} is down"))]),
        starts_at: now(),
        status: AlertStatus::Active,
        generator_url: None,
        service: None,
    };
    let alerts = (0..ALERTS).map(alert).collect();
    let set = AlertSet { complete: true, authoritative: true, alerts, ..AlertSet::default() };
    Observation {
        source: Arc::from("am"),
        at: now(),
        server: String::new(),
        facts: vec![Fact::Alerts(set)],
        warnings: Vec::new(),
    }
}

fn take(state: &mut State, observation: &Observation, input: &Input, at: DateTime<Utc>) {
    state.sense(observation, at);
    let decision = core::decide(state, input, at);
    for (position, new) in (state.position() + 1..).zip(decision.events) {
        let at = new.at;
        core::evolve(state, &new.placed(position, at));
    }
    let published = Publisher::default().publish(state, &StoreState::Ready, at);
    black_box(published);
}

fn ingest(c: &mut Criterion) {
    let observation = observation();
    let input = Input::Observed(observation.clone());
    let empty = State::new(Arc::new(plan()), Vec::new(), 1, 0, now());
    let mut group = c.benchmark_group("ingest");
    group.sample_size(10);
    group.bench_function("50000 new alerts", |b| {
        b.iter_with_setup(
            || empty.clone(),
            |mut state| take(&mut state, &observation, &input, now()),
        );
    });
    let mut full = empty.clone();
    take(&mut full, &observation, &input, now());
    group.bench_function("50000 known alerts", |b| {
        let later = now() + TimeDelta::seconds(15);
        b.iter_with_setup(
            || full.clone(),
            |mut state| take(&mut state, &observation, &input, later),
        );
    });
    group.bench_function("a second with 50000 open", |b| {
        b.iter(|| black_box(core::decide(&full, &Input::Tick, now())));
    });
    group.finish();
}

criterion_group!(benches, ingest);
criterion_main!(benches);
