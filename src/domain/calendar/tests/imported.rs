//! A calendar of others that changes while it is looked at.

use super::super::state::Windows;
use super::*;
use crate::domain::observation::SourceName;

fn source() -> SourceName {
    "cab".into()
}

fn stated(id: &str, start: &str, hours: u32) -> Window {
    Window { id: WindowId::imported("cab", id), ..window(id, Kind::Maintenance, start, hours) }
}

fn all(windows: Vec<Window>) -> Windows {
    windows.into_iter().map(Arc::new).collect()
}

fn planned(calendar: &Calendar, now: &str) -> Vec<String> {
    let days = between("2026-11-20 00:00", "2026-12-10 00:00");
    calendar.occurrences(days, at(now)).into_iter().map(|one| shown(one.planned)).collect()
}

fn set(calendar: &mut Calendar, windows: Vec<Window>, now: &str) {
    calendar.set_imported(&source(), &all(windows), at(now));
}

#[test]
fn what_is_under_way_is_as_the_calendar_says_now_and_what_is_over_stays() {
    let mut calendar = Calendar::default();
    let daily = |hours| {
        let mut window = stated("1", "2026-11-23 22:00", hours);
        window.recurrence = on(&["2026-11-23 22:00", "2026-11-24 22:00", "2026-11-25 22:00"]);
        window
    };
    set(&mut calendar, vec![daily(1)], "2026-11-24 12:00");
    set(&mut calendar, vec![daily(3)], "2026-11-24 22:30");
    let expect = ["23 22:00 - 23 23:00", "24 22:00 - 25 01:00", "25 22:00 - 26 01:00"];
    assert_eq!(planned(&calendar, "2026-11-24 22:30"), expect);
    set(&mut calendar, Vec::new(), "2026-11-24 23:30");
    assert_eq!(planned(&calendar, "2026-11-24 23:30"), expect[..1]);
    set(&mut calendar, vec![daily(2)], "2026-11-24 23:40");
    let expect = ["23 22:00 - 23 23:00", "24 22:00 - 25 00:00", "25 22:00 - 26 00:00"];
    assert_eq!(planned(&calendar, "2026-11-24 23:40"), expect);
}

#[test]
fn one_that_was_missed_can_be_put_off() {
    let mut calendar = Calendar::default();
    set(&mut calendar, vec![stated("1", "2026-11-24 22:00", 1)], "2026-11-24 12:00");
    let mut later = stated("1", "2026-11-24 22:00", 1);
    let to = Moved { start: local("2026-11-26 22:00"), length: None };
    later.amended = [(local("2026-11-24 22:00"), Amendment::Moved(to))].into();
    set(&mut calendar, vec![later], "2026-11-25 12:00");
    assert_eq!(planned(&calendar, "2026-11-25 12:00"), ["26 22:00 - 26 23:00"]);
}

#[test]
fn neither_the_plan_nor_what_people_add_is_touched() {
    let mut calendar = Calendar::default();
    calendar.set_plan(
        &[Arc::new(window("1", Kind::Update, "2026-11-24 20:00", 1))],
        at("2026-11-20 00:00"),
    );
    set(&mut calendar, vec![stated("1", "2026-11-24 22:00", 1)], "2026-11-24 12:00");
    assert_eq!(planned(&calendar, "2026-11-24 12:00").len(), 2);
    calendar.keep_imported(|_| false, at("2026-11-24 13:00"));
    assert_eq!(planned(&calendar, "2026-11-24 13:00"), ["24 20:00 - 24 21:00"]);
    assert_eq!(calendar.windows().count(), 1);
    assert!(calendar.imported("cab").is_none());
}

#[test]
fn a_calendar_that_is_another_each_time_does_not_fill_the_memory() {
    let mut calendar = Calendar::default();
    for round in 0..6 {
        // They all took place, so that none is forgotten for that reason.
        let windows = (0..1_000).map(|n| stated(&format!("{round}-{n}"), "2026-11-20 22:00", 1));
        set(&mut calendar, windows.collect(), "2026-11-24 12:00");
    }
    assert!(calendar.versions().count() <= 3_000, "{}", calendar.versions().count());
    let future = |n: u32| vec![stated(&n.to_string(), "2026-12-01 22:00", 1)];
    let before = calendar.versions().count();
    for n in 0..10 {
        set(&mut calendar, future(n), "2026-11-24 12:00");
    }
    assert!(calendar.versions().count() <= before + 1);
}

#[test]
fn an_approval_is_of_the_time_and_the_effects_that_it_was_given_for() {
    let mut calendar = Calendar::default();
    let approved = |calendar: &Calendar| {
        let key = Key::new(&WindowId::imported("cab", "1"), local("2026-11-25 22:00"));
        calendar.occurrence(&key, at("2026-11-24 12:00")).unwrap().approved_since().is_some()
    };
    let series = |kind, hours| {
        let mut window = Window { kind, ..stated("1", "2026-11-25 22:00", hours) };
        window.recurrence = on(&["2026-11-25 22:00", "2026-11-28 22:00"]);
        window
    };
    set(&mut calendar, vec![series(Kind::Maintenance, 1)], "2026-11-24 10:00");
    assert!(!approved(&calendar));
    let roster = Roster::default();
    let actor = Actor::person("ana");
    let by = By { actor: &actor, person: None, roster: &roster, undo_window: TimeDelta::zero() };
    let key = Key::new(&WindowId::imported("cab", "1"), local("2026-11-25 22:00"));
    let command = Command::Act { key, action: Action::Approve };
    let body = judge(&calendar, &command, &by, at("2026-11-24 11:00")).unwrap().remove(0);
    apply(&mut calendar, &Event { position: 1, at: at("2026-11-24 11:00"), actor, body });
    assert!(approved(&calendar));
    // Another text and another day of the series are not what was approved.
    let mut renamed = series(Kind::Maintenance, 1);
    renamed.summary = "Patch everything".into();
    renamed.recurrence = on(&["2026-11-25 22:00", "2026-11-29 22:00"]);
    set(&mut calendar, vec![renamed], "2026-11-24 11:30");
    assert!(approved(&calendar));
    for other in [series(Kind::Maintenance, 2), series(Kind::Update, 1)] {
        set(&mut calendar, vec![other], "2026-11-24 11:40");
        assert!(!approved(&calendar));
    }
    set(&mut calendar, vec![series(Kind::Maintenance, 1)], "2026-11-24 11:50");
    assert!(approved(&calendar), "whoever began to look only now sees the same");
}

#[test]
fn what_a_calendar_states_is_changed_there() {
    let mut calendar = Calendar::default();
    set(&mut calendar, vec![stated("1", "2026-11-25 22:00", 1)], "2026-11-24 10:00");
    let roster = Roster::default();
    let actor = Actor::person("ana");
    let by = By { actor: &actor, person: None, roster: &roster, undo_window: TimeDelta::zero() };
    let window = WindowId::imported("cab", "1");
    let command = Command::Withdraw { window, reason: "no".into() };
    let refused = judge(&calendar, &command, &by, at("2026-11-24 11:00")).unwrap_err();
    assert!(refused.why.contains("the calendar of the source cab; change it there"), "{refused}");
}
