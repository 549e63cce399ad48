//! What is muted when, and by what.

use proptest::prelude::*;

use super::super::suppression::{
    Target, covering, depths, in_force, next_change, suppressed, triggered,
};
use super::*;
use crate::domain::matcher::{Labels, Matchers};
use crate::domain::time::Intervals;

static NONE: std::sync::LazyLock<Labels> = std::sync::LazyLock::new(Labels::new);

fn service(id: &ServiceId) -> Target<'_> {
    Target { service: Some(id), labels: &NONE }
}

fn alert(labels: &Labels) -> Target<'_> {
    Target { service: None, labels }
}

fn muted(book: &Book, target: Target, now: &str) -> Vec<String> {
    let around =
        book.calendar.occurrences(between("2026-11-01 00:00", "2026-12-01 00:00"), at(now));
    suppressed(&around, target).iter().map(shown).collect()
}

#[test]
fn only_approved_windows_mute_and_only_from_then_on() {
    let mut book = Book::new(vec![window("w", Kind::Update, "2026-11-24 22:00", 2)]);
    let (key, checkout) = (key("w", "2026-11-24 22:00"), ServiceId::new("checkout"));
    assert_eq!(muted(&book, service(&checkout), "2026-11-24 22:30"), [""; 0]);
    book.act("ana", &key, Action::Approve, "2026-11-24 22:30").unwrap();
    let expect = ["24 22:30 - 25 00:00"];
    assert_eq!(muted(&book, service(&checkout), "2026-11-24 22:30"), expect);
    assert_eq!(muted(&book, service(&ServiceId::new("search")), "2026-11-24 22:30"), [""; 0]);
}

#[test]
fn it_mutes_from_the_actual_beginning_to_the_end_and_an_overrun_mutes_nothing() {
    let mut book = Book::new(vec![standard(window("w", Kind::Update, "2026-11-24 22:00", 2))]);
    let (key, checkout) = (key("w", "2026-11-24 22:00"), ServiceId::new("checkout"));
    book.act("luis", &key, Action::Start, "2026-11-24 21:40").unwrap();
    let overrun = "2026-11-25 00:30";
    assert_eq!(muted(&book, service(&checkout), overrun), ["24 21:40 - 25 00:00"]);
    assert!(book.see(&key, overrun).overrun);
    // Extended late, the time since its end is granted as well.
    book.act("luis", &key, Action::Extend { by: TimeDelta::hours(1) }, overrun).unwrap();
    assert_eq!(muted(&book, service(&checkout), overrun), ["24 21:40 - 25 01:00"]);
    book.act("luis", &key, finish(ClosureCode::Successful, ""), "2026-11-25 00:40").unwrap();
    assert_eq!(muted(&book, service(&checkout), "2026-11-25 02:00"), ["24 21:40 - 25 00:40"]);
}

#[test]
fn drills_freezes_and_what_does_not_mute_page_for_real() {
    let mut quiet = standard(window("quiet", Kind::Update, "2026-11-24 22:00", 2));
    quiet.mutes = false;
    let drill = window("drill", Kind::Drill, "2026-11-24 22:00", 2);
    let freeze = window("freeze", Kind::Freeze, "2026-11-24 22:00", 2);
    let book = Book::new(vec![quiet, drill, freeze]);
    assert_eq!(muted(&book, service(&ServiceId::new("checkout")), "2026-11-24 22:30"), [""; 0]);
    let drill = book.see(&key("drill", "2026-11-24 22:00"), "2026-11-24 22:30");
    assert_eq!(drill.status, Status::InProgress);
    assert!(drill.effect().is_some(), "flagged, and outside the SLA");
}

#[test]
fn an_alert_is_muted_by_its_labels_whatever_its_service() {
    let mut rack = standard(window("rack", Kind::Maintenance, "2026-11-24 22:00", 2));
    rack.scope.services.clear();
    rack.scope.matchers = vec![Matchers::parse(r#"rack="r7", zone=~"eu.*""#).unwrap()];
    let book = Book::new(vec![rack]);
    let labels = |rack: &str| -> Labels {
        [("rack", rack), ("zone", "eu-1")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    };
    assert_eq!(muted(&book, alert(&labels("r7")), "2026-11-24 12:00"), ["24 22:00 - 25 00:00"]);
    assert_eq!(muted(&book, alert(&labels("r8")), "2026-11-24 12:00"), [""; 0]);
    assert_eq!(muted(&book, alert(&NONE), "2026-11-24 12:00"), [""; 0]);
}

#[test]
fn overlapping_windows_count_by_depth_and_say_which_they_are() {
    let book = Book::new(vec![
        standard(window("a", Kind::Update, "2026-11-24 22:00", 2)),
        standard(window("b", Kind::Backup, "2026-11-24 23:00", 2)),
    ]);
    let checkout = ServiceId::new("checkout");
    let now = at("2026-11-24 23:30");
    let all = book.calendar.occurrences(between("2026-11-24 00:00", "2026-11-26 00:00"), now);
    let counted: Vec<_> =
        depths(&all, service(&checkout)).iter().map(|(i, n)| (shown(*i), *n)).collect();
    let expect =
        [("24 22:00 - 24 23:00", 1), ("24 23:00 - 25 00:00", 2), ("25 00:00 - 25 01:00", 1)];
    assert_eq!(counted, expect.map(|(at, n)| (at.to_owned(), n)));
    let why = |at| {
        let found = covering(&all, service(&checkout), at);
        found.iter().map(|o| o.key.window.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(why(now), ["a", "b"]);
    assert_eq!(why(at("2026-11-25 00:00")), ["b"]);
    assert_eq!(in_force(&all, now).len(), 2);
    assert_eq!(next_change(&all, now), Some(at("2026-11-25 00:00")));
    assert_eq!(next_change(&all, at("2026-11-25 01:00")), None);
}

#[test]
fn a_flexible_one_waits_for_its_target() {
    let mut flexible = standard(window("f", Kind::Maintenance, "2026-11-24 22:00", 4));
    flexible.flexible = Some(Length::minutes(30));
    let mut book = Book::new(vec![flexible]);
    let (key, checkout) = (key("f", "2026-11-24 22:00"), ServiceId::new("checkout"));
    let waits = |book: &Book, now, down: &[Target]| {
        let all =
            book.calendar.occurrences(between("2026-11-24 00:00", "2026-11-26 00:00"), at(now));
        triggered(&all, down, at(now)).len()
    };
    let down = [service(&checkout)];
    assert_eq!(waits(&book, "2026-11-24 21:00", &down), 0, "not yet");
    assert_eq!(waits(&book, "2026-11-24 23:00", &[]), 0, "nothing is down");
    assert_eq!(waits(&book, "2026-11-24 23:00", &down), 1);
    book.console(&key, Action::Trigger, "2026-11-24 23:00").unwrap();
    assert_eq!(waits(&book, "2026-11-24 23:05", &down), 0, "once");
    assert_eq!(muted(&book, service(&checkout), "2026-11-24 23:05"), ["24 23:00 - 24 23:30"]);
}

/// Hours after the first of November.
fn hour(h: i64) -> Instant {
    at("2026-11-01 00:00") + TimeDelta::hours(h)
}

#[derive(Debug, Clone)]
struct Life {
    from: i64,
    length: u32,
    standard: bool,
    service: usize,
    kind: Kind,
    /// Hours after its beginning: approved, started, finished.
    steps: (Option<i64>, Option<i64>, Option<i64>),
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let kind = prop::sample::select(vec![Kind::Update, Kind::Backup, Kind::Drill, Kind::Freeze]);
    let step = |from: i64, to: i64| prop::option::of(from..to);
    let steps = (step(-10, 20), step(-1, 10), step(0, 30));
    let life = (0_i64..100, 1_u32..20, any::<bool>(), 0_usize..3, kind, steps);
    let life = life.prop_map(|(from, length, standard, service, kind, steps)| Life {
        from,
        length,
        standard,
        service,
        kind,
        steps,
    });
    prop::collection::vec(life, 0..15)
}

proptest! {
    /// Instant by instant against the meaning of the words.
    #[test]
    fn suppression_is_the_union_of_the_active_windows(lives in lives()) {
        let services = ["a", "b", "c"].map(ServiceId::new);
        let windows = lives.iter().enumerate().map(|(i, life)| {
            let mut window = window("", life.kind, "2026-11-01 00:00", life.length);
            window.id = WindowId::new(&i.to_string());
            window.recurrence.start += TimeDelta::hours(life.from);
            window.scope.services = vec![services[life.service].clone()];
            if life.standard { window = standard(window); }
            window
        });
        let mut book = Book::new(windows.collect());
        let keys: Vec<_> = book.calendar.windows()
            .map(|v| Key::new(&v.window.id, v.window.recurrence.start)).collect();
        for key in keys {
            let life = &lives[key.window.0.parse::<usize>().unwrap()];
            let (approved, started, finished) = life.steps;
            let steps = [
                (approved, Action::Approve),
                (started, Action::Start),
                (finished, finish(ClosureCode::WithIssues, "so")),
            ];
            let mut steps: Vec<_> = steps.into_iter()
                .filter_map(|(h, action)| Some((hour(life.from + h?), action))).collect();
            steps.sort_by_key(|(at, _)| *at);
            for (at, action) in steps {
                // What is refused has no effect.
                let command = Command::Act { key: key.clone(), action };
                let _ = book.tell_as(Actor::person("ana"), "ana", command, at);
            }
        }
        let around = Interval::new(hour(-20), hour(200));
        let all = book.calendar.occurrences(around, hour(150));
        for id in &services {
            let sum = suppressed(&all, service(id));
            let one_by_one: Intervals = all.iter()
                .filter(|o| o.window.scope.services.contains(id))
                .filter_map(super::super::suppression::mutes).collect();
            prop_assert_eq!(&sum, &one_by_one);
            for h in -20..200 {
                let at = hour(h) + TimeDelta::minutes(30);
                let active = all.iter().filter(|o| {
                    let life = &lives[o.key.window.0.parse::<usize>().unwrap()];
                    let record = o.record().cloned().unwrap_or_default();
                    let approved = life.standard || record.approved.is_some_and(|a| a.at <= at);
                    let begun = o.planned.from <= at || record.started.is_some_and(|s| s.at <= at);
                    let ended = o.planned.to <= at || record.finished.is_some_and(|f| f.at <= at);
                    let mutes = matches!(life.kind, Kind::Update | Kind::Backup);
                    services[life.service] == *id && mutes && approved && begun && !ended
                });
                let active: Vec<_> = active.map(|o| &o.key).collect();
                prop_assert_eq!(sum.contains(at), !active.is_empty(), "{} {}", id, at);
                let why = covering(&all, service(id), at);
                prop_assert_eq!(why.iter().map(|o| &o.key).collect::<Vec<_>>(), active);
            }
        }
    }
}
