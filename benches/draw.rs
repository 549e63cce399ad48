//! How long one frame of each screen takes at 160×45: a world of 40 services, and one of 1,000.
//! The cost must depend on what is visible, not on what exists.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

#[path = "../tests/screens/support.rs"]
mod support;

use support::{Bench, DEFAULT, crowd, staffed};

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

criterion_group!(benches, screens);
criterion_main!(benches);
