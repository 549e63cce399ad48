//! What durability costs: appends, and opening with a history.
//!
//! `cargo bench --bench store`; the files are in the target folder, on the disk that it is on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use atalaya::domain::health::ServiceId;
use atalaya::domain::incident::event::Opening;
use atalaya::domain::incident::lifecycle::fold;
use atalaya::domain::incident::{
    Actor, AlertFact, Event, EventBody, Findings, Incident, IncidentId, Priority,
};
use atalaya::domain::log::Entry;
use atalaya::domain::matcher::Labels;
use atalaya::domain::observation::AlertStatus;
use atalaya::store::{Append, Location, Store};
use chrono::DateTime;
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

type Batch = (Vec<Entry>, Vec<Arc<Incident>>);

fn labels(n: u64) -> BTreeMap<String, String> {
    [
        ("alertname", "HighLatency".to_owned()),
        ("service", format!("service-{}", n % 40)),
        ("instance", format!("10.0.{}.{}:9100", n / 250, n % 250)),
        ("severity", "warning".to_owned()),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into()
}

fn event(position: u64, id: u64, body: EventBody) -> Event {
    let at = DateTime::from_timestamp_millis(1_770_000_000_000 + position as i64).unwrap();
    Event { position, at, actor: Actor::source("am"), incident: IncidentId(id), body }
}

/// `count` incidents, each opened by one alert: two events each.
fn openings(count: u64) -> Batch {
    let mut batch = Batch::default();
    for id in 1..=count {
        let position = id * 2 - 1;
        let opening = Opening {
            key: format!("am/{:016x}", id.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            title: format!("p99 latency of service-{} above 1 s for 5 minutes", id % 40),
            service: Some(ServiceId(format!("service-{}", id % 40).into())),
            source: "am".into(),
            category: String::new(),
            impact: 2,
            urgency: 2,
            priority: Priority(3),
            labels: labels(id).into(),
            annotations: Labels::new(),
            started_at: event(position, id, EventBody::Unfolded).at,
            earlier: None,
            recurrence: 1,
        };
        let alert = AlertFact {
            labels: labels(id).into(),
            annotations: Labels::new(),
            since: opening.started_at,
            status: AlertStatus::Active,
            cleared_at: None,
            generator_url: None,
        };
        let alert = Box::new(alert);
        let opened = event(position, id, EventBody::Opened(Box::new(opening)));
        let fired = EventBody::AlertFired { fingerprint: format!("{id:016x}"), alert };
        let fired = event(position + 1, id, fired);
        let incident = fold(fold(None, &opened).as_ref(), &fired).unwrap();
        batch.1.push(Arc::new(incident));
        batch.0.extend([opened, fired].map(Entry::Incident));
    }
    batch
}

/// The same event for each of these incidents.
fn each(incidents: &[Arc<Incident>], after: u64, body: &EventBody) -> Batch {
    let mut batch = Batch::default();
    for (n, incident) in incidents.iter().enumerate() {
        let event = event(after + 1 + n as u64, incident.id.0, body.clone());
        batch.1.push(Arc::new(fold(Some(incident), &event).unwrap()));
        batch.0.push(Entry::Incident(event));
    }
    batch
}

fn inside(dir: &tempfile::TempDir) -> Location {
    Location::File(dir.path().join("atalaya.db"))
}

async fn append(store: &Store, (events, incidents): &Batch) -> Duration {
    let begun = Instant::now();
    assert_eq!(store.append(events, incidents, &[]).await.unwrap(), Append::Stored);
    begun.elapsed()
}

fn benches(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = c.benchmark_group("store");
    group.sample_size(10);

    group.bench_function("bulk acknowledge of 1,000, durable", |b| {
        let opened = openings(1_000);
        let ack = EventBody::Acknowledged { until: None, handover: None };
        b.iter_custom(|times| {
            runtime.block_on(async {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
                    let store = Store::open(&inside(&dir), false).await.unwrap();
                    append(&store, &opened).await;
                    spent += append(&store, &each(&opened.1, 2_000, &ack)).await;
                    store.close().await;
                }
                spent
            })
        });
    });

    group.bench_function("50,000 alerts open 50,000 incidents, durable", |b| {
        let opened = openings(50_000);
        b.iter_custom(|times| {
            runtime.block_on(async {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
                    let store = Store::open(&inside(&dir), false).await.unwrap();
                    spent += append(&store, &opened).await;
                    store.close().await;
                }
                spent
            })
        });
    });

    // 10,000 stored, of which 200 are open and the rest long closed.
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let history = inside(&dir);
    runtime.block_on(async {
        let store = Store::open(&history, false).await.unwrap();
        let opened = openings(10_000);
        append(&store, &opened).await;
        let closed = EventBody::Closed {
            automatic: true,
            reason: String::new(),
            findings: Findings::default(),
            category: None,
        };
        append(&store, &each(&opened.1[200..], 20_000, &closed)).await;
        store.close().await;
    });
    group.bench_function("open with 10,000 incidents, 200 of them open", |b| {
        b.iter_custom(|times| {
            runtime.block_on(async {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    let begun = Instant::now();
                    let store = Store::open(&history, false).await.unwrap();
                    assert_eq!(store.load().await.unwrap().incidents.len(), 200);
                    spent += begun.elapsed();
                    store.close().await;
                }
                spent
            })
        });
    });
    // 10,000 open ones: what comes before the first frame is only the most urgent of them.
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let crowd = inside(&dir);
    runtime.block_on(async {
        let store = Store::open(&crowd, false).await.unwrap();
        append(&store, &openings(10_000)).await;
        store.close().await;
    });
    group.bench_function("open with 10,000 open incidents, up to the first frame", |b| {
        b.iter_custom(|times| {
            runtime.block_on(async {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    let begun = Instant::now();
                    let store = Store::open(&crowd, false).await.unwrap();
                    assert_eq!(store.load_urgent(200).await.unwrap().incidents.len(), 200);
                    spent += begun.elapsed();
                    store.close().await;
                }
                spent
            })
        });
    });
    group.finish();
}

criterion_group!(store, benches);
criterion_main!(store);
