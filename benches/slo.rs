//! What refreshing 200 objectives over 30 days costs: seven burn rates, four rules, budget, projection
//! and burn-down each. It is done once a minute at most, and has to take less than 2 % of it, 1.2 s.
//!
//! `cargo bench --bench slo`
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::hint::black_box;
use std::sync::Arc;

use atalaya::domain::calendar::{Kind, Length, Window as Planned};
use atalaya::domain::health::{Service, ServiceId};
use atalaya::domain::sla::{Exclusion, NoData};
use atalaya::domain::slo::{
    BUCKETS_A_DAY, Bucket, Events, MICRO, Objective, Series, Sli, Target, Window, begin,
    default_rules, pack,
};
use atalaya::domain::time::{Recurrence, Rule};
use atalaya::engine::{Measured, Plan, State};
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use criterion::{Criterion, criterion_group, criterion_main};

const OBJECTIVES: i64 = 200;
/// The 28th of November 2026.
const NOW: i64 = 20_785 * BUCKETS_A_DAY;

fn service(n: i64) -> ServiceId {
    ServiceId::new(&format!("service-{n}"))
}

fn objective(n: i64) -> Objective {
    let query = |what: &str| format!("sum(rate({what}{{service=\"{n}\"}}[{{{{window}}}}]))");
    let events = Events::Good { good: query("good"), total: query("all") };
    Objective {
        id: Arc::from(format!("objective-{n}")),
        name: format!("objective {n}"),
        service: service(n / 2),
        target: Target::new(999_000).unwrap(),
        window: Window::Rolling(TimeDelta::days(30)),
        sli: Sli::Events { source: Arc::from("prom"), events },
        exclusion: Exclusion::Remove,
        no_data: NoData::Remove,
        rules: default_rules(),
    }
}

/// Four hours every week.
fn window(n: i64) -> Planned {
    let day = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + TimeDelta::days(n % 7);
    let start = day.and_hms_opt((n % 24) as u32, 10, 0).unwrap();
    let mut recurrence = Recurrence::once(start, Tz::Europe__Madrid);
    recurrence.rule = Some(Rule::parse("FREQ=WEEKLY").unwrap());
    let length = Length { days: 0, seconds: 4 * 3_600 };
    let mut window = Planned::new(&format!("window-{n}"), Kind::Backup, recurrence, length);
    (window.mutes, window.sla_relevant) = (false, true);
    window.scope.services = vec![service(n)];
    window
}

fn bucket(n: i64, index: i64) -> Bucket {
    let total = 9_000 + (index * 7_919 + n * 104_729) % 4_000;
    let bad = if (index + n) % 97 == 0 { total / 50 } else { (index + n) % 3 };
    let micro = |amount: i64| amount.unsigned_abs() * MICRO;
    Bucket { good: micro(total - bad), total: micro(total), seen: 300 }
}

fn series(n: i64, days: i64) -> Series {
    let mut series = Series::default();
    for index in NOW - days * BUCKETS_A_DAY..NOW {
        series.set(index, bucket(n, index));
    }
    series
}

fn refresh(c: &mut Criterion) {
    let mut plan = Plan::empty();
    plan.objectives = (0..OBJECTIVES).map(|n| Arc::new(objective(n))).collect();
    plan.services =
        (0..OBJECTIVES / 2).map(|n| Arc::new(Service::new(service(n).as_str()))).collect();
    plan.windows = (0..OBJECTIVES / 2).map(|n| Arc::new(window(n))).collect();
    let plan = Arc::new(plan);
    let mut all: Vec<Series> = (0..OBJECTIVES).map(|n| series(n, 30)).collect();
    let day = pack::write(all[0].days().next_back().unwrap().1);
    println!("a day of a busy objective is {} bytes as text", day.len());

    let mut state = State::new(Arc::clone(&plan), Vec::new(), 1, 0, begin(NOW));
    let mut to = NOW;
    let mut group = c.benchmark_group("200 objectives over 30 days");
    group.sample_size(10);
    group.bench_function("a bucket more of each, and all worked out", |b| {
        b.iter(|| {
            for (n, series) in all.iter_mut().enumerate() {
                series.set(to, bucket(n as i64, to));
                let objective = &plan.objectives[n];
                state.measure(Measured {
                    objective: objective.id.clone(),
                    digest: objective.sli.digest(&objective.service),
                    series: series.clone(),
                    notes: Vec::new(),
                });
            }
            to += 1;
            state.weigh(begin(to));
            black_box(state.position())
        });
    });
    group.bench_function("of which nothing is due", |b| {
        b.iter(|| {
            state.weigh(begin(to));
            black_box(state.position())
        });
    });
    group.bench_function("a day of each packed and read", |b| {
        let number = NOW / BUCKETS_A_DAY - 1;
        b.iter(|| {
            for series in &all {
                let text = pack::write(series.day(number).unwrap());
                let mut read = Series::default();
                pack::read(&text, number, &mut read).unwrap();
                black_box(read);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, refresh);
criterion_main!(benches);
