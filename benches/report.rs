//! The service report of a month with 100,000 incidents, from a file: the goal is less than 2 s. And of a
//! month with 500 of them in a store of 100,000.
//!
//! `cargo bench --bench report`

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use atalaya::domain::calendar::Calendar;
use atalaya::domain::health::{Service, ServiceId};
use atalaya::domain::incident::event::Opening;
use atalaya::domain::incident::lifecycle::fold;
use atalaya::domain::incident::{
    Actor, AlertFact, Event, EventBody, Findings, Incident, IncidentId, Priority,
};
use atalaya::domain::log::Entry;
use atalaya::domain::matcher::Labels;
use atalaya::domain::observation::AlertStatus;
use atalaya::domain::paging::Pages;
use atalaya::domain::report::{Coverage, Format, Locale, Scope, render};
use atalaya::domain::roster::shifts::Imported;
use atalaya::domain::time::Instant;
use atalaya::engine::Plan;
use atalaya::engine::reporting::{Known, service};
use atalaya::store::{Append, Location, Store};
use chrono::{DateTime, TimeDelta};
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

const INCIDENTS: u64 = 100_000;

/// 1 November 2026.
fn start() -> Instant {
    DateTime::from_timestamp(1_793_491_200, 0).unwrap()
}

fn labels(n: u64) -> Labels {
    let labels: BTreeMap<String, String> = [
        ("alertname", "HighLatency".to_owned()),
        ("service", format!("service-{}", n % 40)),
        ("instance", format!("10.0.{}.{}:9100", n / 250, n % 250)),
        ("severity", "warning".to_owned()),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into();
    labels.into()
}

/// One that was opened, acknowledged and resolved: four events.
fn life(id: u64, spread: TimeDelta) -> (Vec<Entry>, Arc<Incident>) {
    let share =
        f64::from(u32::try_from(id).unwrap()) / f64::from(u32::try_from(INCIDENTS).unwrap());
    let at = start() + TimeDelta::milliseconds((spread.num_milliseconds() as f64 * share) as i64);
    let opening = Opening {
        key: format!("am/{:016x}", id.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        title: format!("p99 latency of service-{} above 1 s for 5 minutes", id % 40),
        service: Some(ServiceId(format!("service-{}", id % 40).into())),
        source: "am".into(),
        category: String::new(),
        impact: 2,
        urgency: 2,
        priority: Priority(u8::try_from(id % 5).unwrap() + 1),
        labels: labels(id),
        annotations: Labels::new(),
        started_at: at - TimeDelta::minutes(1),
        earlier: None,
        recurrence: 1,
    };
    let alert = Box::new(AlertFact {
        labels: labels(id),
        annotations: Labels::new(),
        since: at,
        status: AlertStatus::Active,
        cleared_at: None,
        generator_url: None,
    });
    let findings = Findings { code: "fixed".to_owned(), cause: "a full pool".to_owned() };
    let bodies = [
        EventBody::Opened(Box::new(opening)),
        EventBody::AlertFired { fingerprint: format!("{id:016x}"), alert },
        EventBody::Acknowledged { until: None, handover: None },
        EventBody::Resolved { automatic: false, reason: String::new(), findings },
    ];
    let mut known = None;
    let mut entries = Vec::new();
    for (n, body) in (1..).zip(bodies) {
        let event = Event {
            position: (id - 1) * 4 + n,
            at,
            actor: Actor::person("ana"),
            incident: IncidentId(id),
            body,
        };
        known = fold(known.as_ref(), &event);
        entries.push(Entry::Incident(event));
    }
    (entries, Arc::new(known.unwrap()))
}

/// A store whose incidents are spread over so much time.
async fn filled(location: &Location, spread: TimeDelta) -> Store {
    let store = Store::open(location, false).await.unwrap();
    let ids: Vec<u64> = (1..=INCIDENTS).collect();
    for chunk in ids.chunks(2_000) {
        let (mut events, mut incidents) = (Vec::new(), Vec::new());
        for id in chunk {
            let (entries, incident) = life(*id, spread);
            events.extend(entries);
            incidents.push(incident);
        }
        assert_eq!(store.append(&events, &incidents, &[]).await, Ok(Append::Stored));
    }
    store
}

fn month(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut plan = Plan::empty();
    plan.services = (0..40).map(|n| Arc::new(Service::new(&format!("service-{n}")))).collect();
    let coverage = Coverage { from: start(), to: start() + TimeDelta::days(30), scope: Scope::All };
    let now = start() + TimeDelta::days(30 * 250);
    let (calendar, imported, pages) = (Calendar::default(), Imported::new(), Pages::default());
    let known = Known {
        plan: &plan,
        calendar: &calendar,
        overrides: &[],
        imported: &imported,
        pages: &pages,
    };
    let mut group = c.benchmark_group("report");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    for (name, days) in [("a month of 100,000", 30), ("a month of 500 among 100,000", 6_000)] {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("report.db"));
        let store = runtime.block_on(filled(&location, TimeDelta::days(days)));
        group.bench_function(name, |b| {
            b.iter(|| {
                let document = service(&store, known, &coverage, now);
                let document = runtime.block_on(document).unwrap();
                black_box(render(&document, Format::Html, Locale::English).len())
            });
        });
        runtime.block_on(store.close());
    }
    group.finish();
}

criterion_group!(benches, month);
criterion_main!(benches);
