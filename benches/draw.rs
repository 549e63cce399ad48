//! How long one frame of each screen takes at 160×45: a world of 40 services, and one of 1,000.
//! The cost must depend on what is visible, not on what exists.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use atalaya::domain::calendar::{Calendar, ChangeType, Kind, Length, Window};
use atalaya::domain::health::ServiceId;
use atalaya::domain::time::{Recurrence, Rule};
use atalaya::engine::Snapshot;
use chrono::TimeDelta;
use chrono_tz::Tz;
use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

#[path = "../tests/screens/support.rs"]
mod support;

use support::{Bench, DEFAULT, crowd, now, part, staffed};

fn screens(c: &mut Criterion) {
    let mut group = c.benchmark_group("160x45");
    for count in [40, 1_000] {
        let screens = [
            ("table", ""),
            ("tree", "v"),
            ("tiles", "v v"),
            ("service", "Enter"),
            ("queue", "2"),
            ("incident", "2 Enter"),
            ("help", "?"),
            ("palette", ":"),
            ("sources", "i"),
            ("on call", "3"),
            ("everybody on call, a month", "3 v ] ]"),
            ("team", "3 S"),
        ];
        for (name, keys) in screens {
            let mut bench = Bench::new(staffed(crowd(count)), 160, 45, DEFAULT);
            bench.press(keys);
            let area = Rect::new(0, 0, 160, 45);
            let mut buf = Buffer::empty(area);
            group.bench_function(format!("{name}, {count} services"), |b| {
                b.iter(|| atalaya::ui::frame::draw(&bench.model, area, &mut buf));
            });
        }
        let mut bench = Bench::new(staffed(crowd(count)), 160, 45, DEFAULT);
        group.bench_function(format!("a key and its frame, {count} services"), |b| {
            b.iter(|| bench.press("j").draw());
        });
    }
    group.finish();
}

/// A calendar of 2,000 weekly windows on 1,000 services: what the person waits for while looking at
/// it and while planning.
fn planned() -> Snapshot {
    let window = |n: i64| {
        let first = now() - TimeDelta::days(70 + n % 7) + TimeDelta::minutes(n * 37 % 1_440);
        let mut recurrence = Recurrence::once(first.naive_utc(), Tz::Europe__Madrid);
        recurrence.rule = Some(Rule::parse("FREQ=WEEKLY").unwrap());
        let id = format!("window-{n:04}");
        let mut window = Window::new(&id, Kind::Update, recurrence, Length::minutes(45));
        let service = ServiceId::new(&format!("service-{:04}", n * 31 % 1_000));
        window.scope.services = vec![service];
        window.change_type = ChangeType::Standard;
        Arc::new(window)
    };
    let windows: Vec<_> = (0..2_000).map(window).collect();
    let mut calendar = Calendar::default();
    calendar.set_plan(&windows, now() - TimeDelta::days(90));
    let mut world = staffed(crowd(1_000));
    world.calendar = part(calendar);
    world
}

fn calendar(c: &mut Criterion) {
    let mut group = c.benchmark_group("calendar of 2,000 windows, 160x45");
    group.sample_size(20);
    for (name, keys) in [("month", "4"), ("timeline", "4 v ] ]"), ("agenda", "4 v v ] ]")] {
        let mut bench = Bench::new(planned(), 160, 45, DEFAULT);
        bench.press(keys);
        let area = Rect::new(0, 0, 160, 45);
        let mut buf = Buffer::empty(area);
        group.bench_function(format!("{name}, a frame"), |b| {
            b.iter(|| atalaya::ui::frame::draw(&bench.model, area, &mut buf));
        });
        group.bench_function(format!("{name}, a key and its frame"), |b| {
            b.iter(|| bench.press("j").draw());
        });
    }
    let mut bench = Bench::new(planned(), 160, 45, DEFAULT);
    bench.press("4");
    group.bench_function("another month and its frame", |b| {
        b.iter(|| bench.press("PageDown").draw());
    });
    let mut bench = Bench::new(planned(), 160, 45, DEFAULT);
    bench.press("4");
    group.bench_function("the form opens", |b| {
        b.iter(|| bench.press("N Esc").draw());
    });
    bench.press("N Tab").type_text("Patch").press("Tab").type_text("service-0031");
    bench.press("Tab Tab").type_text("2026-11-25 22:00").press("Tab Tab");
    bench.type_text("FREQ=DAILY").press("BackTab BackTab BackTab BackTab BackTab");
    group.bench_function("a letter in the form and its frame", |b| {
        b.iter(|| bench.press("x Backspace").draw());
    });
    group.finish();
}

criterion_group!(benches, screens, calendar);
criterion_main!(benches);
