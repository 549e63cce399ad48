//! Ten years of a schedule with 12 layers, 40 people and 500 overrides: any month of its final shifts
//! (goal: below 5 ms), and what speaks against a change (goal: below 16 ms, while somebody types).

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::hint::black_box;
use std::sync::Arc;

use atalaya::domain::roster::concerns::concerns;
use atalaya::domain::roster::gaps::gaps;
use atalaya::domain::roster::load::load;
use atalaya::domain::roster::shifts::{Imported, final_shifts};
use atalaya::domain::roster::{
    Layer, Override, OverrideId, Person, PersonId, Roster, Rotation, Schedule, Turn, Turns,
};
use atalaya::domain::time::hours::Range;
use atalaya::domain::time::{Instant, Interval, WeekHours};
use chrono::{NaiveDate, TimeDelta, Weekday};
use criterion::{Criterion, criterion_group, criterion_main};

fn person(n: usize) -> Person {
    Person { zone: chrono_tz::Europe::Madrid, ..Person::new(&format!("p{n}")) }
}

/// Hourly, daily and weekly turns, with and without hours of their own.
fn layer(n: usize, people: &[PersonId]) -> Layer {
    let turn = [Turn::Hours(8), Turn::Days(1), Turn::Days(7)][n % 3];
    let start = NaiveDate::from_ymd_opt(2020, 1, 6).unwrap().and_hms_opt(9, 0, 0).unwrap();
    let mut people = people.to_vec();
    people.rotate_left(n);
    let hours = (n > 0).then(|| {
        let mut week = WeekHours::default();
        let ranges = ["22:00-06:00", "09:00-13:00", "14:00-18:00"];
        for day in [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri] {
            week.add(day, Range::parse(ranges[n % 3]).unwrap());
        }
        week
    });
    let turns = Turns::Rotation(Rotation { people, start, until: None, turn });
    Layer { name: format!("layer {n}").into(), turns, hours }
}

fn benches(c: &mut Criterion) {
    let people: Vec<Person> = (0..40).map(person).collect();
    let ids: Vec<PersonId> = people.iter().map(|p| p.id.clone()).collect();
    let schedule = Schedule {
        id: "core".into(),
        name: "Core".into(),
        team: None,
        zone: chrono_tz::Europe::Madrid,
        layers: (0..12).map(|n| layer(n, &ids)).collect(),
        coverage: WeekHours::always(),
        rest: TimeDelta::hours(11),
    };
    let start: Instant = "2020-01-06T08:00:00Z".parse().unwrap();
    let overrides: Vec<Override> = (1..=500)
        .map(|n| {
            let from = start + TimeDelta::hours(n * 175);
            let person = Some(ids[n as usize % ids.len()].clone());
            let (id, schedule) = (OverrideId(n as u64), "core".into());
            Override {
                id,
                schedule,
                person,
                from,
                to: from + TimeDelta::hours(9),
                reason: String::new(),
            }
        })
        .collect();
    let month = Interval::new(
        "2026-11-01T00:00:00Z".parse().unwrap(),
        "2026-12-01T00:00:00Z".parse().unwrap(),
    );
    let roster = Roster {
        otherwise: None,
        people: people.into_iter().map(|p| (p.id.clone(), Arc::new(p))).collect(),
        schedules: vec![Arc::new(schedule.clone())],
        policies: Vec::new(),
    };
    let imported = Imported::new();
    let mut group = c.benchmark_group("roster");
    group.bench_function("final shifts of a month", |b| {
        b.iter(|| black_box(final_shifts(&schedule, &overrides, &imported, month)));
    });
    let shifts = final_shifts(&schedule, &overrides, &imported, month);
    group.bench_function("gaps and load of a month", |b| {
        b.iter(|| {
            black_box(gaps(&schedule, &shifts, &overrides, &imported, month));
            black_box(load(&roster, &shifts));
        });
    });
    let (id, schedule) = (OverrideId(501), "core".into());
    let from = month.from + TimeDelta::days(9);
    let to = from + TimeDelta::days(2);
    let one =
        Override { id, schedule, person: Some(ids[3].clone()), from, to, reason: String::new() };
    group.bench_function("what speaks against a change", |b| {
        b.iter(|| black_box(concerns(&roster, &overrides, &imported, std::slice::from_ref(&one))));
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
