//! Clocks of service levels: those of 10,000 open incidents, as each second shows them; working one out
//! from what happened; which is due next, and what a change of that costs; a year of openings.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;

use atalaya::config::{Surroundings, of_text};
use atalaya::domain::health::ServiceId;
use atalaya::domain::incident::event::Opening;
use atalaya::domain::incident::lifecycle::fold;
use atalaya::domain::incident::{
    Actor, Event, EventBody, HoldReason, Incident, IncidentId, Priority,
};
use atalaya::domain::matcher::Labels;
use atalaya::domain::sla::contract::ServiceLevels;
use atalaya::domain::sla::due::DueNext;
use atalaya::domain::sla::hours::BusinessCalendar;
use atalaya::domain::sla::incident::{Summary, promises};
use atalaya::domain::time::Instant;
use chrono::TimeDelta;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use imbl::OrdMap;

const MANY: u64 = 10_000;

const CONFIG: &str = r#"
[[calendars]]
id = "office"
timezone = "Europe/Madrid"
hours = { mon = ["09:00-13:00", "14:00-18:00"], tue = ["09:00-13:00", "14:00-18:00"], wed = ["09:00-13:00", "14:00-18:00"], thu = ["09:00-13:00", "14:00-18:00"], fri = ["09:00-13:00", "14:00-18:00"] }
holidays = ["2026-12-25", "2026-12-26", "2027-01-01"]
[sla]
calendar = "office"
update_every = "4h"
targets = [
  { priority = 1, respond = "15m", resolve = "4h", calendar = "24x7" },
  { priority = 2, respond = "1h", resolve = "8h" },
  { priority = 3, respond = "4h", resolve = "24h" },
  { priority = 4, respond = "8h", resolve = "5wd" },
]
"#;

fn now() -> Instant {
    "2026-11-23T13:03:27Z".parse().unwrap()
}

fn levels() -> Arc<ServiceLevels> {
    let config = of_text("clocks.toml", CONFIG.to_owned(), &Surroundings::of_process(), now());
    config.unwrap().plan.service_levels
}

/// One of four priorities, up to two weeks old; every third was on hold once, every seventh still is.
fn incident(id: u64) -> Incident {
    let opened = now() - TimeDelta::minutes((id * 7 % 20_160) as i64);
    let opening = Opening {
        key: format!("key-{id}"),
        title: format!("disk of host-{id:05} fills up"),
        service: Some(ServiceId::new("checkout")),
        source: "prom-dc1".into(),
        category: String::new(),
        impact: 2,
        urgency: 2,
        priority: Priority((id % 4 + 1) as u8),
        labels: Labels::new(),
        annotations: Labels::new(),
        started_at: opened,
        earlier: None,
        recurrence: 1,
    };
    let hold = |minutes: i64| {
        let body =
            EventBody::Held { reason: HoldReason::Customer, note: String::new(), until: None };
        (opened + TimeDelta::minutes(minutes), body)
    };
    let mut events = vec![(opened, EventBody::Opened(Box::new(opening)))];
    if id.is_multiple_of(3) {
        events.push(hold(20));
        events.push((opened + TimeDelta::minutes(80), EventBody::Resumed { automatic: false }));
    }
    if id.is_multiple_of(7) {
        events.push(hold(100));
    }
    let mut made: Option<Incident> = None;
    for (position, (at, body)) in (1..).zip(events) {
        let actor = Actor::person("ana");
        let event = Event { position, at, actor, incident: IncidentId(id), body };
        made = fold(made.as_ref(), &event);
    }
    made.unwrap()
}

fn clocks(c: &mut Criterion) {
    let levels = levels();
    let incidents: Vec<Incident> = (1..=MANY).map(incident).collect();
    let mut group = c.benchmark_group("clocks of 10,000 open incidents");
    group.sample_size(20);
    let known: Vec<Summary> = incidents.iter().map(|i| Summary::of(i, &levels, now())).collect();
    let later = now() + TimeDelta::seconds(1);
    group.bench_function("what is left, and what is breached, a second later", |b| {
        b.iter(|| {
            let pressing = known.iter().filter(|summary| {
                summary.is_breached(later)
                    || summary.left(later).is_some_and(|left| left < TimeDelta::minutes(15))
            });
            black_box(pressing.count())
        });
    });
    group.bench_function("all three clocks of each, anew from what happened", |b| {
        b.iter(|| {
            for incident in &incidents {
                for promise in promises(incident, &levels) {
                    black_box(promise.clock(later));
                }
            }
        });
    });
    group.bench_function("the summary of each, anew from what happened", |b| {
        b.iter(|| {
            for incident in &incidents {
                black_box(Summary::of(incident, &levels, later));
            }
        });
    });
    let open: OrdMap<IncidentId, Arc<Incident>> =
        incidents.iter().map(|i| (i.id, Arc::new(i.clone()))).collect();
    group.bench_function("what is due next, in order, anew", |b| {
        b.iter(|| {
            let mut due = DueNext::default();
            due.refresh(&open, &levels, None, later);
            black_box(due.list().len())
        });
    });
    let mut due = DueNext::default();
    due.refresh(&open, &levels, None, later);
    let mut world = open.clone();
    let mut turn = 0;
    group.bench_function("what is due next, in order, one of them changed", |b| {
        b.iter(|| {
            turn += 1;
            let id = IncidentId(turn * 37 % MANY + 1);
            let mut incident = Incident::clone(world.get(&id).unwrap());
            incident.priority = Priority((turn % 4 + 1) as u8);
            incident.version += 1;
            world.insert(id, Arc::new(incident));
            due.refresh(&world, &levels, None, later);
            black_box(due.list().len())
        });
    });
    group.finish();
    let editions = levels.calendars.get("office").unwrap().editions().to_vec();
    c.bench_function("the openings of a year, worked out", |b| {
        b.iter_batched(
            || BusinessCalendar::new("office", editions.clone()),
            |calendar| black_box(calendar.after(now(), TimeDelta::hours(8))),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, clocks);
criterion_main!(benches);
