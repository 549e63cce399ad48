//! What people change of the roster.

use super::*;
use crate::domain::roster::book::{Command as Ask, Wanted, What};
use crate::domain::roster::{Duty, OverrideId, Person, Roster, Schedule};
use crate::domain::time::{Interval, WeekHours};
use crate::engine::publish::Publisher;
use crate::engine::snapshot::StoreState;

fn world() -> World {
    let person = |id: &str| Person::new(id);
    let core = Schedule {
        id: "core".into(),
        name: "Core".into(),
        team: None,
        zone: chrono_tz::UTC,
        layers: Vec::new(),
        coverage: WeekHours::always(),
        rest: TimeDelta::zero(),
    };
    let roster = Roster {
        people: ["ana", "luis"].map(|id| (id.into(), Arc::new(person(id)))).into(),
        schedules: vec![Arc::new(core)],
        policies: Vec::new(),
        otherwise: None,
    };
    World::new(Plan { roster: Arc::new(roster), ..plan("db") })
}

fn wanted(schedule: &str, person: &str, from: i64, to: i64) -> Wanted {
    let at = Interval::new(at(from), at(to));
    Wanted { schedule: schedule.into(), person: Some(person.into()), at, reason: String::new() }
}

fn set(wanted: Wanted) -> Command {
    Command::Roster(Ask::Set { wanted: vec![wanted], what: What::Override })
}

fn said(answers: &[Outcome]) -> String {
    let [answer] = answers else { panic!("{answers:?}") };
    format!("{}: {}", answer.verdict.word(), answer.verdict)
}

#[test]
fn an_override_is_made_dropped_and_each_taken_back() {
    let mut world = world();
    let there = |world: &World| -> Vec<u64> {
        world.state.book().overrides().iter().map(|o| o.id.0).collect()
    };
    let answer = world.ask("ana", set(wanted("core", "luis", 3_600, 7_200)), 1);
    assert_eq!(said(&answer), "done: luis on Core 24 Nov 15:00 – 16:00");
    assert_eq!(there(&world), [1]);
    let dropped = Command::Roster(Ask::Drop { ids: vec![OverrideId(1)] });
    let answer = world.ask("ana", dropped.clone(), 2);
    assert_eq!(said(&answer), "done: OVR-1 dropped: core 24 Nov 15:00 – 16:00");
    assert_eq!(there(&world), [0; 0]);
    let answer = world.ask("ana", dropped, 3);
    assert_eq!(said(&answer), "refused: there is no OVR-1; it may have been dropped already");
    let undo = || Command::Roster(Ask::Undo);
    assert_eq!(said(&world.ask("ana", undo(), 4)), "done: undone: OVR-1 back");
    assert_eq!(there(&world), [1]);
    assert_eq!(said(&world.ask("ana", undo(), 5)), "done: undone: OVR-1 gone");
    assert_eq!(there(&world), [0; 0]);
    let nothing = "refused: no own change of the roster in the last 30 s";
    assert_eq!(said(&world.ask("ana", undo(), 6)), nothing);
    world.ask("ana", set(wanted("core", "luis", 3_600, 7_200)), 10);
    assert_eq!(there(&world), [2], "a number is given once");
    assert_eq!(said(&world.ask("luis", undo(), 11)), nothing, "it is not his");
    assert_eq!(said(&world.ask("ana", undo(), 41)), nothing, "too late");
}

#[test]
fn a_change_that_makes_no_sense_is_refused_with_the_way_out() {
    let mut world = world();
    let mut ask = |wanted| said(&world.ask("ana", set(wanted), 100));
    assert_eq!(
        ask(wanted("dba", "ana", 200, 300)),
        "refused: there is no schedule \"dba\"; there are core"
    );
    assert_eq!(
        ask(wanted("core", "zoe", 200, 300)),
        "refused: nobody of the team has the id \"zoe\"; see [[people]]"
    );
    assert_eq!(ask(wanted("core", "ana", 300, 200)), "refused: it ends before it begins");
    assert_eq!(
        ask(wanted("core", "ana", 50, 100)),
        "refused: that time is over; give an end that is still to come"
    );
    assert_eq!(
        ask(wanted("core", "ana", 200, 200 + 367 * 86_400)),
        "refused: an override lasts at most 366 days"
    );
}

#[test]
fn what_a_calendar_states_is_published_when_it_changes_and_never_stored() {
    let mut world = world();
    let mut publisher = Publisher::default();
    let duties = |person: &str| -> Arc<[Duty]> {
        [Duty { person: person.into(), at: Interval::new(at(0), at(3_600)) }].into()
    };
    let mut states = |world: &mut World, person: &str, second| {
        world.observed("rota", vec![Fact::Shifts(duties(person))], second);
        let published = publisher.publish(&mut world.state, &StoreState::Ready, at(second));
        let world = published.expect("an answer is published");
        (world.imported.generation, world.imported.get("rota").cloned())
    };
    let first = states(&mut world, "ana", 1);
    assert_eq!(first.1, Some(duties("ana")));
    assert_eq!(states(&mut world, "ana", 2), first);
    assert_eq!(states(&mut world, "luis", 3), (first.0 + 1, Some(duties("luis"))));
    assert_eq!(world.state.position(), 0);
}
