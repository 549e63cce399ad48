//! What is planned, and what it does to incidents and services.

use super::*;
use crate::domain::calendar::{
    self, Calendar, ChangeType, ClosureCode, Key, Kind, Length, Window, WindowId,
};
use crate::domain::time::Recurrence;

/// A change on `db` that mutes, approved beforehand, for an hour from that second on.
pub(super) fn window(id: &str, start: i64) -> Window {
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

/// An alert of a service in the plan that must be up.
fn down(world: &mut World, services: &[&str], seconds: i64) {
    let alerts: Vec<Alert> = services
        .iter()
        .map(|s| Alert {
            service: Some(ServiceId::new(s)),
            starts_at: at(seconds),
            ..alert(&format!("alertname=Down severity=critical service={s}"))
        })
        .collect();
    world.prometheus(&alerts, seconds);
}

fn marked(world: &World, id: u64) -> Option<&str> {
    world.incident(id).maintenance.as_ref().map(|m| m.title.as_str())
}

fn state(world: &mut World, service: &str, seconds: i64) -> &'static str {
    let snapshot = world.snapshot(seconds);
    snapshot.health.get(&ServiceId::new(service)).unwrap().state.word()
}

#[test]
fn in_a_window_incidents_are_marked_and_nobody_is_told_before_it_is_over() {
    let mut world = World::new(with(vec![window("patch", 600)]));
    world.tick(601);
    down(&mut world, &["db", "web"], 700);
    assert_eq!((marked(&world, 1), marked(&world, 2)), (Some("Patch"), None));
    assert_eq!(world.news, [(News::Opened, IncidentId(2))], "what is not in it is told");
    assert_eq!(
        (state(&mut world, "db", 701), state(&mut world, "web", 701)),
        ("maintenance", "critical")
    );
    world.tick(4_199);
    assert_eq!(world.news.len(), 1);
    world.tick(4_200);
    assert_eq!(marked(&world, 1), None);
    assert_eq!(world.news[1..], [(News::MaintenanceOver, IncidentId(1))]);
    assert_eq!(state(&mut world, "db", 4_201), "critical");
}

#[test]
fn what_was_open_before_is_marked_and_what_reopens_after_is_told() {
    let mut world = World::new(with(vec![window("patch", 600)]));
    down(&mut world, &["db"], 10);
    assert_eq!((marked(&world, 1), world.news.len()), (None, 1));
    world.tick(600);
    assert_eq!(marked(&world, 1), Some("Patch"));
    world.prometheus(&[], 700);
    world.tick(1_400);
    assert_eq!(world.state_of(1), IncidentState::Resolved);
    world.tick(4_201);
    assert_eq!(world.news.len(), 1, "it is over by itself: no news");
    world.act("ana", 1, Action::Reopen { reason: "again".to_owned() }, 4_300);
    assert_eq!(marked(&world, 1), None);
    assert!(world.news.contains(&(News::MaintenanceOver, IncidentId(1))), "{:?}", world.news);
}

#[test]
fn a_dependent_of_what_is_in_maintenance_is_told_of() {
    let windows = vec![Arc::new(window("patch", 600))];
    let mut world = World::new(Plan { windows, ..plan("db web<db") });
    world.tick(601);
    down(&mut world, &["db", "web"], 700);
    assert_eq!(world.incident(2).parent, Some(IncidentId(1)));
    assert_eq!(world.news, [(News::Opened, IncidentId(2))]);
}

#[test]
fn one_that_is_not_approved_mutes_nothing_until_it_is() {
    let normal = Window { change_type: ChangeType::Normal, ..window("patch", 600) };
    let mut world = World::new(with(vec![normal]));
    world.tick(601);
    down(&mut world, &["db"], 700);
    assert_eq!((marked(&world, 1), world.news.len()), (None, 1));
    world.plan("ana", act(&key("patch", 600), calendar::Action::Approve), 710);
    world.tick(711);
    assert_eq!(marked(&world, 1), Some("Patch"));
}

#[test]
fn a_flexible_one_begins_when_its_target_goes_down() {
    let flexible = Window { flexible: Some(Length::minutes(10)), ..window("patch", 600) };
    let mut world = World::new(with(vec![flexible]));
    world.tick(601);
    assert_eq!(state(&mut world, "db", 602), "unknown");
    down(&mut world, &["db"], 700);
    assert_eq!((marked(&world, 1), world.news.len()), (Some("Patch"), 0));
    let key = key("patch", 600);
    assert_eq!(status(world.state.calendar(), &key, 701), "in_progress");
    world.tick(1_300);
    assert_eq!(status(world.state.calendar(), &key, 1_300), "completed");
    assert_eq!(world.news, [(News::MaintenanceOver, IncidentId(1))]);
}

#[test]
fn a_flexible_one_whose_target_is_down_already_begins_with_its_time() {
    let flexible = Window { flexible: Some(Length::minutes(10)), ..window("patch", 600) };
    let mut world = World::new(with(vec![flexible]));
    down(&mut world, &["db"], 10);
    world.tick(599);
    assert_eq!((marked(&world, 1), world.news.len()), (None, 1));
    world.tick(600);
    assert_eq!(marked(&world, 1), Some("Patch"));
    assert_eq!(status(world.state.calendar(), &key("patch", 600), 601), "in_progress");
}

#[test]
fn a_mark_whose_window_ended_while_nobody_looked_is_taken_at_the_next_start() {
    let mut world = World::new(with(vec![window("patch", 600)]));
    world.tick(601);
    down(&mut world, &["db"], 700);
    let incident = world.incident(1).clone();
    assert!(incident.maintenance.is_some());
    let plan = Arc::clone(world.state.plan());
    world.state = State::new(plan, vec![incident], 2, world.state.position(), at(9_000));
    world.tick(9_001);
    assert_eq!(marked(&world, 1), None);
    assert_eq!(world.news, [(News::MaintenanceOver, IncidentId(1))]);
}

#[test]
fn the_owner_is_asked_once_at_this_console_and_nobody_else_is() {
    let owned = Window { owner: Some("ana".into()), ..window("patch", 600) };
    let ask = |person: &str| {
        let plan = Plan { person: Some(person.into()), ..with(vec![owned.clone()]) };
        let mut world = World::new(plan);
        for seconds in [3_500, 3_599, 3_600, 3_601, 3_700] {
            world.tick(seconds);
        }
        world.questions
    };
    assert_eq!(ask("ana"), ["Patch ends soon; extend it, or finish?"]);
    assert_eq!(ask("luis"), [""; 0]);
}

/// A plan with a source whose calendar states windows.
fn with_calendar() -> Plan {
    Plan { calendars: [("cab".into(), None)].into(), ..plan("db web") }
}

/// What that calendar states: a change that was approved beforehand.
fn stated(start: i64) -> Vec<Fact> {
    let window = Window { id: WindowId::imported("cab", "1"), ..window("", start) };
    vec![Fact::Windows([Arc::new(window)].into())]
}

#[test]
fn what_a_calendar_states_mutes_and_stays_while_its_source_fails() {
    let mut world = World::new(with_calendar());
    world.observed("cab", stated(600), 10);
    let generation = world.snapshot(11).calendar.generation;
    world.observed("cab", stated(600), 20);
    assert_eq!(world.snapshot(21).calendar.generation, generation, "the same is no change");
    world.tick(601);
    down(&mut world, &["db"], 700);
    assert_eq!((marked(&world, 1), world.news.len()), (Some("Patch"), 0));
    world.observed("cab", vec![Fact::Windows(Arc::default())], 800);
    assert_eq!(marked(&world, 1), None);
    assert_eq!(world.news, [(News::MaintenanceOver, IncidentId(1))]);
    assert!(world.log.iter().all(|e| e.incident == IncidentId(1)), "nothing of it is stored");
}

#[test]
fn approvals_of_imported_ones_are_kept_by_their_keys() {
    let mut world = World::new(with_calendar());
    let normal = |start| {
        let mut facts = stated(start);
        let Some(Fact::Windows(windows)) = facts.pop() else { panic!() };
        let window = Window { change_type: ChangeType::Normal, ..(*windows[0]).clone() };
        vec![Fact::Windows([Arc::new(window)].into())]
    };
    world.observed("cab", normal(600), 10);
    let key = key("cab#1", 600);
    assert_eq!(status(world.state.calendar(), &key, 20), "planned");
    let answer = world.plan("ana", act(&key, calendar::Action::Approve), 20);
    assert_eq!(answer, "done: Patch of 24 Nov 14:10 approved");
    // Gone for a poll, and there again.
    world.observed("cab", vec![Fact::Windows(Arc::default())], 30);
    assert_eq!(status(world.state.calendar(), &key, 31), "none");
    world.observed("cab", normal(600), 40);
    assert_eq!(status(world.state.calendar(), &key, 41), "approved");
    world.replan(plan("db web"), 50);
    assert_eq!(status(world.state.calendar(), &key, 51), "none", "its source is gone");
    world.observed("cab", normal(600), 60);
    assert_eq!(status(world.state.calendar(), &key, 61), "none", "a late answer");
}

#[test]
fn after_a_start_a_mark_waits_for_its_calendar_but_not_for_long() {
    let marked_world = || {
        let mut world = World::new(with_calendar());
        world.observed("cab", stated(600), 10);
        world.tick(601);
        down(&mut world, &["db"], 700);
        let incident = world.incident(1).clone();
        let plan = Arc::clone(world.state.plan());
        world.state = State::new(plan, vec![incident], 2, world.state.position(), at(1_000));
        world.tick(1_001);
        assert_eq!((marked(&world, 1), world.news.len()), (Some("Patch"), 0));
        world
    };
    let mut answers = marked_world();
    answers.observed("cab", stated(600), 1_010);
    answers.tick(1_400);
    assert_eq!((marked(&answers, 1), answers.news.len()), (Some("Patch"), 0));
    let mut is_over = marked_world();
    is_over.observed("cab", vec![Fact::Windows(Arc::default())], 1_010);
    assert_eq!((marked(&is_over, 1), is_over.news.len()), (None, 1));
    let mut never = marked_world();
    never.tick(1_299);
    assert_eq!(marked(&never, 1), Some("Patch"));
    never.tick(1_300);
    assert_eq!((marked(&never, 1), never.news.len()), (None, 1));
}
