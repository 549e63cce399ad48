//! How long the core takes for 2,000 services of a plug-in that need each other, every other critical:
//! when they are first told, and each time after that.

use std::hint::black_box;
use std::sync::Arc;

use atalaya::domain::health::{Service, ServiceId, State as Health};
use atalaya::domain::observation::{Fact, Observation, StateReading};
use atalaya::engine::core::{self, Input, State};
use atalaya::engine::publish::Publisher;
use atalaya::engine::{Plan, StoreState};
use chrono::{DateTime, TimeDelta, Utc};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const SERVICES: usize = 2_000;
/// As many as a plug-in may declare.
const DENSE: usize = 64;

fn at(seconds: usize) -> DateTime<Utc> {
    let start = DateTime::from_timestamp(1_763_992_800, 0).unwrap_or_default();
    start + TimeDelta::seconds(i64::try_from(seconds).unwrap_or_default())
}

fn id(n: usize) -> ServiceId {
    ServiceId::new(&format!("service-{n}"))
}

/// An answer of the plug-in.
fn answer(needs: impl Fn(usize) -> Vec<usize>, is_ill: impl Fn(usize) -> bool) -> Observation {
    let service = |n| {
        let depends_on = needs(n).into_iter().map(id).collect();
        Service { depends_on, ..Service::new(id(n).as_str()) }
    };
    let state = |n| StateReading {
        service: id(n),
        signal: Arc::from("up"),
        state: if is_ill(n) { Health::Critical } else { Health::Ok },
        message: "connection refused".to_owned(),
        at: at(0),
    };
    let services = (0..SERVICES).map(service).collect();
    let states = (0..SERVICES).map(state).collect();
    Observation {
        source: Arc::from("plug-in"),
        at: at(0),
        server: String::new(),
        facts: vec![Fact::Services(services), Fact::States(states)],
        warnings: Vec::new(),
    }
}

fn take(state: &mut State, publisher: &mut Publisher, answer: &Input, at: DateTime<Utc>) {
    let Input::Observed(observation) = answer else { return };
    state.sense(observation, at);
    let decision = core::decide(state, answer, at);
    for (position, new) in (state.position() + 1..).zip(decision.events) {
        let at = new.at;
        core::evolve(state, &new.placed(position, at));
    }
    black_box(publisher.publish(state, &StoreState::Ready, at));
}

fn dependencies(c: &mut Criterion) {
    let scattered = |most: usize| {
        let mut random = fastrand::Rng::with_seed(1);
        let all: Vec<Vec<usize>> =
            (0..SERVICES).map(|_| (0..most).map(|_| random.usize(..SERVICES)).collect()).collect();
        move |n: usize| all.get(n).cloned().unwrap_or_default()
    };
    measure(c, "dense", scattered(DENSE));
    measure(c, "dense without circles", |n| (n + 1..SERVICES).take(DENSE).collect());
    measure(c, "8 each", scattered(8));
    measure(c, "chain", |n| (n + 1..SERVICES).take(1).collect());
    measure(c, "ring", |n| vec![(n + 1) % SERVICES]);
}

fn measure(c: &mut Criterion, name: &str, needs: impl Fn(usize) -> Vec<usize>) {
    let mut group = c.benchmark_group(name);
    group.sample_size(10);
    let odd = Input::Observed(answer(&needs, |n| n % 2 == 1));
    let but_the_first = Input::Observed(answer(&needs, |n| n % 2 == 1 && n > 1));
    let empty = State::new(Arc::new(Plan::empty()), Vec::new(), 1, 0, at(0));
    group.bench_function("told first", |b| {
        let world = || (empty.clone(), Publisher::default());
        b.iter_batched_ref(world, |(s, p)| take(s, p, &odd, at(0)), BatchSize::LargeInput);
    });
    let mut state = empty.clone();
    let mut publisher = Publisher::default();
    let mut seconds = 0;
    let mut next = || {
        seconds += 1;
        at(seconds)
    };
    take(&mut state, &mut publisher, &odd, next());
    group.bench_function("the same again", |b| {
        b.iter(|| take(&mut state, &mut publisher, &odd, next()));
    });
    group.bench_function("one well and ill again", |b| {
        b.iter(|| {
            take(&mut state, &mut publisher, &but_the_first, next());
            take(&mut state, &mut publisher, &odd, next());
        });
    });
    group.finish();
}

criterion_group!(benches, dependencies);
criterion_main!(benches);
