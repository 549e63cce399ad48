//! The queue with 100,000 incidents: a key typed in the filter, another order, a new snapshot, the
//! cursor; and drawing it with 10,000.
//!
//! `cargo bench --bench queue`
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use atalaya::domain::health::{Service, ServiceId};
use atalaya::domain::incident::event::Opening;
use atalaya::domain::incident::lifecycle::fold;
use atalaya::domain::incident::query::{QueryContext, parse};
use atalaya::domain::incident::{Actor, Event, EventBody, Incident, IncidentId, Priority};
use atalaya::domain::sla::contract::ServiceLevels;
use atalaya::domain::time::Instant;
use atalaya::engine::core::State;
use atalaya::engine::publish::Publisher;
use atalaya::engine::snapshot::Incidents;
use atalaya::engine::{Plan, Snapshot, StoreState};
use atalaya::ui::screens::Place;
use atalaya::ui::screens::incidents::index::{Column, Sort};
use atalaya::ui::screens::incidents::list::{List, Move};
use atalaya::ui::terminal::{Depth, Glyphs, InputEvent, Key};
use atalaya::ui::theme::Theme;
use atalaya::ui::{Model, Msg, Prefs, Settings, frame, update};
use chrono::{DateTime, TimeDelta};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

const MANY: u64 = 100_000;

fn now() -> Instant {
    DateTime::from_timestamp(1_795_439_007, 0).unwrap()
}

/// One of many: 200 services, five priorities, titles and hosts that differ.
fn incident(id: u64) -> Incident {
    let opening = Opening {
        key: format!("key-{id}"),
        title: format!(
            "disk {} of host-{:05} is {} % full",
            id % 7,
            id * 7_919 % MANY,
            80 + id % 20
        ),
        service: Some(ServiceId::new(&format!("service-{:03}", id * 31 % 200))),
        source: Arc::from("prom-dc1"),
        category: String::new(),
        impact: 2,
        urgency: 2,
        priority: Priority((id * 13 % 5) as u8 + 1),
        labels: [
            ("instance".to_owned(), format!("host-{:05}:9100", id * 7_919 % MANY)),
            (
                "zone".to_owned(),
                match id % 3 {
                    0 => "eu",
                    1 => "us",
                    _ => "ap",
                }
                .to_owned(),
            ),
        ]
        .into(),
        annotations: [].into(),
        started_at: now() - TimeDelta::seconds(id as i64),
        earlier: None,
        recurrence: 1,
    };
    let event = Event {
        position: id,
        at: now() - TimeDelta::seconds((id * 104_729 % 900_000) as i64),
        actor: Actor::source("prom-dc1"),
        incident: IncidentId(id),
        body: EventBody::Opened(Box::new(opening)),
    };
    fold(None, &event).unwrap()
}

fn incidents(count: u64) -> Incidents {
    let by_id = (1..=count).map(|id| (IncidentId(id), Arc::new(incident(id)))).collect();
    Incidents { by_id, ..Incidents::default() }
}

fn queue(c: &mut Criterion) {
    queue_of(c, "queue of 100,000", MANY);
    queue_of(c, "queue of 10,000", MANY / 10);
}

fn queue_of(c: &mut Criterion, name: &str, many: u64) {
    let incidents = incidents(many);
    let teams: HashMap<ServiceId, String> = (0..200)
        .map(|n| (ServiceId::new(&format!("service-{n:03}")), format!("team-{}", n % 12)))
        .collect();
    let levels = ServiceLevels::default();
    let context = QueryContext { now: now(), me: "ana", teams: &teams, levels: &levels };
    let mut list = List::default();
    list.sync(1, &incidents, &context);
    let mut group = c.benchmark_group(name);
    group.sample_size(10);

    for (name, before, after) in [
        ("type a letter of free text", "disk host-0", "disk host-00"),
        ("type a letter that finds nearly all", "d", "di"),
        ("type a letter that finds nothing", "zz", "zzz"),
        ("type a term", "state:new p:1..2", "state:new p:1..2 service:service-0*"),
        ("type a label", "state:new", "state:new label.zone=eu"),
    ] {
        let (before, after) = (parse(before).query, parse(after).query);
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                || {
                    let mut list = list.clone();
                    list.set_query(before.clone(), &context);
                    list
                },
                |list| list.set_query(after.clone(), &context),
                BatchSize::PerIteration,
            );
        });
    }
    for column in [Column::Age, Column::Service, Column::What] {
        group.bench_function(format!("sort by {}", column.word()), |b| {
            b.iter_batched_ref(
                || list.clone(),
                |list| list.set_sort(Sort::default().by(column), &incidents, &context),
                BatchSize::PerIteration,
            );
        });
    }
    group.bench_function("take over a snapshot with 100 changes", |b| {
        let mut changed = incidents.clone();
        for id in (1..=many).step_by((many / 100) as usize) {
            let mut other = incident(id);
            other.priority = Priority(1);
            other.version += MANY;
            changed.by_id.insert(IncidentId(id), Arc::new(other));
        }
        b.iter_batched_ref(
            || list.clone(),
            |list| list.sync(2, &changed, &context),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("move the cursor", |b| {
        list.scroll(20);
        b.iter(|| {
            list.go(Move::By(1), &context);
            black_box(list.window(20))
        });
    });
    group.finish();
}

fn world(count: u64) -> Arc<Snapshot> {
    let mut plan = Plan::empty();
    plan.services = (0..200).map(|n| Arc::new(Service::new(&format!("service-{n:03}")))).collect();
    let list = (1..=count).map(incident).collect();
    let mut state = State::new(Arc::new(plan), list, count + 1, count, now());
    Publisher::default().publish(&mut state, &StoreState::Ready, now()).unwrap()
}

fn drawing(c: &mut Criterion) {
    let prefs = Prefs {
        theme: Theme::built_in("atalaya-dark", Depth::All, Glyphs::Unicode),
        operator: "ana".to_owned(),
        person: None,
        themes: Vec::new(),
        depth: Depth::All,
        follows: false,
        settings: Settings::default(),
    };
    let size = Size::new(160, 45);
    let mut model = Model::new(world(10_000), prefs, size, now());
    update(&mut model, Msg::Go(Place::Incidents), now());
    let area = Rect::from(((0, 0).into(), size));
    c.bench_function("draw the queue of 10,000 at 160x45", |b| {
        let mut buf = Buffer::empty(area);
        b.iter(|| {
            frame::draw(&model, area, &mut buf);
            black_box(&buf);
        });
    });
    c.bench_function("a key down with 10,000, drawn", |b| {
        let mut buf = Buffer::empty(area);
        b.iter(|| {
            update(&mut model, Msg::Input(InputEvent::Key(Key::char('j'))), now());
            frame::draw(&model, area, &mut buf);
            black_box(&buf);
        });
    });
}

criterion_group!(benches, queue, drawing);
criterion_main!(benches);
