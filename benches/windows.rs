//! A calendar with 2,000 recurring windows: any month of it (the goal is less than 20 ms), what one
//! proposal collides with while it is typed (16 ms), and everything that collides.
//!
//! `cargo bench --bench windows`
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use atalaya::domain::calendar::collisions::collisions;
use atalaya::domain::calendar::conflicts::{Proposal, Replaces, World, conflicts};
use atalaya::domain::calendar::relations::Relations;
use atalaya::domain::calendar::slots::{next_free_slot, search};
use atalaya::domain::calendar::suppression::{Target, suppressed};
use atalaya::domain::calendar::{ChangeType, Exceptions, Kind, Length, Records, Version, Window};
use atalaya::domain::calendar::{Occurrence, occurrences};
use atalaya::domain::health::{Service, ServiceId};
use atalaya::domain::matcher::Labels;
use atalaya::domain::roster::Roster;
use atalaya::domain::time::{Instant, Interval, Recurrence};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Europe;
use criterion::{Criterion, criterion_group, criterion_main};

const WINDOWS: i64 = 2_000;
const SERVICES: i64 = 400;

fn start() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 9, 1).unwrap().and_hms_opt(0, 0, 0).unwrap()
}

fn day(n: i64) -> Instant {
    start().and_utc() + TimeDelta::days(n)
}

/// November.
fn month() -> Interval {
    Interval::new(day(61), day(91))
}

/// Every fourth is a nightly backup, the others weekly updates; each has a day, an hour and a
/// service.
fn window(n: i64) -> Window {
    let is_daily = n % 4 == 0;
    let first = start() + TimeDelta::days(n % 7) + TimeDelta::minutes(n * 37 % 1_440);
    let mut recurrence = Recurrence::once(first, Europe::Madrid);
    let (step, count) = if is_daily { (1, 120) } else { (7, 18) };
    recurrence.also = (1..count).map(|i| first + TimeDelta::days(i * step)).collect();
    let kind = if is_daily { Kind::Backup } else { Kind::Update };
    let mut window = Window::new(&format!("window-{n:04}"), kind, recurrence, Length::minutes(45));
    window.scope.services = vec![service(n * 31 % SERVICES)];
    window.change_type = ChangeType::Standard;
    window
}

fn service(n: i64) -> ServiceId {
    ServiceId::new(&format!("service-{n:03}"))
}

/// Services in chains of ten.
fn relations() -> Relations {
    let plan: Vec<_> = (0..SERVICES)
        .map(|n| {
            let mut one = Service::new(service(n).as_str());
            one.depends_on = (n % 10 != 0).then(|| service(n - 1)).into_iter().collect();
            Arc::new(one)
        })
        .collect();
    Relations::new(&plan)
}

fn ask<T>(found: &[Occurrence], relations: &Relations, question: impl FnOnce(&World) -> T) -> T {
    question(&World {
        occurrences: found,
        relations,
        allowed: &BTreeMap::new(),
        exceptions: &Exceptions::new(),
        roster: &Roster::default(),
        on_call: &[],
        on_call_needed: 0,
        troubles: &BTreeMap::new(),
        now: day(61),
    })
}

fn calendar(c: &mut Criterion) {
    let versions: Vec<_> = (0..WINDOWS).map(|n| Version::planned(Arc::new(window(n)))).collect();
    let (records, relations) = (Records::default(), relations());
    let find = |within| occurrences(&versions, &records, within, day(61));
    let found = find(month());
    let collide = ask(&found, &relations, collisions).len();
    println!("{} occurrences in the month, {collide} collisions", found.len());
    let mut group = c.benchmark_group("calendar of 2,000 windows");
    group.sample_size(10);

    group.bench_function("a month", |b| b.iter(|| black_box(find(month()))));
    group.bench_function("of which the recurrences", |b| {
        let starts = |version: &Version| version.window.recurrence.between(month(), 1_500).len();
        b.iter(|| black_box(versions.iter().map(starts).sum::<usize>()));
    });
    group.bench_function("what mutes one service in a month", |b| {
        let (service, labels) = (service(31), Labels::new());
        let target = Target { service: Some(&service), labels: &labels };
        b.iter(|| black_box(suppressed(&found, target)));
    });
    // As long as the month: it meets all of it.
    let mut proposal = window(1);
    proposal.length = Length::days(30);
    let at = month();
    let proposal = Proposal { window: &proposal, at, replaces: Replaces::Nothing };
    group.bench_function("conflicts of a proposal as long as the month", |b| {
        b.iter(|| ask(&found, &relations, |world| black_box(conflicts(&proposal, world))));
    });
    group.bench_function("all collisions of the month", |b| {
        b.iter(|| ask(&found, &relations, |world| black_box(collisions(world))));
    });
    let ahead = find(search(day(30)));
    group.bench_function("next free slot in 90 days", |b| {
        b.iter(|| {
            let slot = |world: &World| next_free_slot(&proposal, Length::hours(6), day(30), world);
            black_box(ask(&ahead, &relations, slot))
        });
    });
    group.finish();
}

criterion_group!(benches, calendar);
criterion_main!(benches);
