//! What is planned, and what it does to incidents and services.

use super::*;
use crate::domain::calendar::{
    self, Calendar, ChangeType, ClosureCode, Key, Kind, Length, Window, WindowId,
};
use crate::domain::time::Recurrence;

/// A change on `db` that mutes, approved beforehand, for an hour from that second on.
fn window(id: &str, start: i64) -> Window {
    let recurrence = Recurrence::once(at(start).naive_utc(), chrono_tz::UTC);
    let mut window = Window::new(id, Kind::Maintenance, recurrence, Length::hours(1));
    window.summary = "Patch".into();
    window.change_type = ChangeType::Standard;
    window.scope.services = vec![ServiceId::new("db")];
    window
}

fn with(windows: Vec<Window>) -> Plan {
    Plan { windows: windows.into_iter().map(Arc::new).collect(), ..plan("db web") }
}

fn key(id: &str, start: i64) -> Key {
    Key::new(&WindowId::new(id), at(start).naive_utc())
}

impl World {
    fn plan(&mut self, who: &str, command: calendar::Command, seconds: i64) -> String {
        let answers = self.ask(who, Command::Calendar(command), seconds);
        let [answer] = answers.as_slice() else { panic!("{answers:?}") };
        format!("{}: {}", answer.verdict.word(), answer.verdict)
    }
}

fn act(key: &Key, action: calendar::Action) -> calendar::Command {
    calendar::Command::Act { key: key.clone(), action }
}

fn status(calendar: &Calendar, key: &Key, seconds: i64) -> &'static str {
    calendar.occurrence(key, at(seconds)).map_or("none", |o| o.status.word())
}

#[test]
fn a_window_is_planned_approved_finished_and_taken_back() {
    let mut world = World::new(plan("db web"));
    let add = calendar::Command::Add {
        window: Box::new(Window { change_type: ChangeType::Normal, ..window("", 3_600) }),
    };
    assert_eq!(world.plan("ana", add.clone(), 1), "done: WIN-1 planned: maintenance Patch");
    let key = key("WIN-1", 3_600);
    assert_eq!(status(world.state.calendar(), &key, 2), "planned");
    let approve = act(&key, calendar::Action::Approve);
    let answer = world.plan("ana", approve.clone(), 3);
    assert_eq!(answer, "done: Patch of 24 Nov 15:00 approved");
    let answer = world.plan("ana", approve.clone(), 4);
    assert!(answer.starts_with("refused: Patch was approved by ana at "), "{answer}");
    let undone = world.plan("ana", calendar::Command::UndoLast, 5);
    assert_eq!(undone, "done: Patch of 24 Nov 15:00 no longer approved");
    assert_eq!(status(world.state.calendar(), &key, 6), "planned");
    let nothing = world.plan("luis", calendar::Command::UndoLast, 7);
    assert_eq!(nothing, "refused: you have changed nothing of the calendar that could be undone");
    world.plan("ana", approve, 8);
    let snapshot = world.snapshot(3_700);
    assert_eq!(status(&snapshot.calendar, &key, 3_700), "in_progress");
    let done = calendar::Action::Finish { code: ClosureCode::Successful, note: String::new() };
    let answer = world.plan("luis", act(&key, done), 3_800);
    assert_eq!(answer, "done: Patch of 24 Nov 15:00 finished, successful");
    let next = world.snapshot(3_801);
    assert_eq!(status(&next.calendar, &key, 3_801), "completed");
    assert!(next.calendar.generation > snapshot.calendar.generation);
    // What was taken back frees no number.
    world.plan("ana", add.clone(), 10);
    world.plan("ana", calendar::Command::UndoLast, 11);
    assert_eq!(world.plan("ana", add, 12), "done: WIN-3 planned: maintenance Patch");
}

#[test]
fn the_windows_of_the_plan_are_on_the_calendar_and_a_reload_replaces_them() {
    let mut world = World::new(with(vec![window("patch", 3_600)]));
    assert_eq!(status(world.state.calendar(), &key("patch", 3_600), 0), "approved");
    let answer = world.plan(
        "ana",
        calendar::Command::Withdraw { window: WindowId::new("patch"), reason: "x".to_owned() },
        1,
    );
    let expect = "refused: Patch is in the service plan; change [[windows]] there";
    assert!(answer.starts_with(expect), "{answer}");
    world.replan(with(vec![window("backup", 7_200)]), 10);
    assert_eq!(status(world.state.calendar(), &key("patch", 3_600), 11), "none");
    assert_eq!(status(world.state.calendar(), &key("backup", 7_200), 11), "approved");
}
