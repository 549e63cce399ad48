//! A month of 2,000 series that began in 2005; and a calendar of them, read from its text.
//!
//! `cargo bench --bench calendar`
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use atalaya::domain::ical::{Calendar, Event, Length, read};
use atalaya::domain::time::{Interval, Recurrence, Rule};
use chrono_tz::{America, Asia, Australia, Europe, Tz};
use criterion::{Criterion, criterion_group, criterion_main};

const MANY: usize = 2_000;

const RULES: [&str; 10] = [
    "FREQ=DAILY",
    "FREQ=DAILY;COUNT=10000",
    "FREQ=WEEKLY",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
    "FREQ=WEEKLY;UNTIL=20301224T000000Z",
    "FREQ=MONTHLY;BYDAY=1FR;COUNT=500",
    "FREQ=MONTHLY;BYMONTHDAY=15,-1",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
];
const ZONES: [Tz; 4] = [Europe::Berlin, America::New_York, Asia::Tokyo, Australia::Sydney];

fn all() -> Vec<Recurrence> {
    let start = "2005-03-01T09:00:00".parse().unwrap();
    let rules = RULES.iter().cycle().zip(ZONES.iter().cycle()).take(MANY);
    rules
        .map(|(rule, zone)| {
            let rule = Some(Rule::parse(rule).unwrap());
            Recurrence { rule, ..Recurrence::once(start, *zone) }
        })
        .collect()
}

fn month() -> Interval {
    let at = |text: &str| text.parse().unwrap();
    Interval::new(at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"))
}

fn expand(c: &mut Criterion) {
    let all = all();
    c.bench_function("a month of 2,000 series", |b| {
        b.iter(|| all.iter().map(|s| s.between(black_box(month()), 1_000).len()).sum::<usize>());
    });
}

fn calendar(c: &mut Criterion) {
    let mut calendar = Calendar::new("On call", Europe::Berlin);
    let events = all().into_iter().enumerate();
    calendar.events =
        events.map(|(n, s)| Event::new(&n.to_string(), "Night", s, Length::days(1))).collect();
    let text = calendar.write(month().from);
    c.bench_function("a calendar of 2,000 series is read", |b| {
        b.iter(|| read(black_box(&text), Europe::Berlin));
    });
    c.bench_function("its month is found", |b| {
        b.iter(|| calendar.occurrences(black_box(month()), 100_000).list.len());
    });
}

criterion_group!(benches, expand, calendar);
criterion_main!(benches);
