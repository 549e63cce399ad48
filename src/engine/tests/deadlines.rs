//! Clocks of service levels: what is told of them, once, and by whom; who is called.

use super::escalation::{on_duty, pages, paging, team};
use super::*;
use crate::domain::incident::EventBody;
use crate::domain::paging::Pager;
use crate::domain::roster::PersonId;
use crate::domain::roster::escalation::{Escalation as Policy, Level, Target as Who};
use crate::domain::sla::clock::Target as Length;
use crate::domain::sla::contract::{
    Call, ClockStart, Contract, Escalation, Kind, Mark, Planned, Rounding, ServiceLevels, Targets,
};
use crate::domain::sla::hours::{ALWAYS, BusinessCalendar};
use crate::domain::sla::{Exclusion, NoData};

/// Every P1 and P3 is resolved in 100 minutes, round the clock; nothing else is promised.
fn levels(escalations: Vec<Escalation>) -> Arc<ServiceLevels> {
    let calendar = Arc::new(BusinessCalendar::always(chrono_tz::Tz::UTC));
    let targets = Targets {
        respond: None,
        resolve: Some(Length::Time(minutes(100))),
        update_every: None,
        calendar: Arc::clone(&calendar),
        pause_on: vec![HoldReason::Customer],
    };
    let otherwise = Contract {
        id: "default".into(),
        name: "default".to_owned(),
        customer: String::new(),
        services: [].into(),
        calendar,
        targets: [(Priority(1), targets.clone()), (Priority(3), targets)].into(),
        clock_start: ClockStart::Opened,
        maintenance: Planned::Pause,
        exclusion: Exclusion::Remove,
        no_data: NoData::Remove,
        rounding: Rounding::default(),
        credits: None,
        escalations,
        valid: ALWAYS,
    };
    Arc::new(ServiceLevels { otherwise: Some(Arc::new(otherwise)), ..ServiceLevels::default() })
}

fn call(at: &str, call: Call) -> Escalation {
    let (at, clocks) = (Mark::parse(at).unwrap(), vec![Kind::Resolve]);
    Escalation { clocks, at, min_priority: Priority(5), call }
}

fn person(id: &str) -> Call {
    Call::Notify(vec![Who::Person(PersonId::from(id))])
}

/// Somebody is paged only for its clocks: the policy calls nobody for what is less urgent than P1.
fn world(escalations: Vec<Escalation>) -> World {
    let levels_of =
        |who: &str| Level { notify: vec![Who::Person(PersonId::from(who))], timeout: minutes(60) };
    let policy = Policy {
        min_priority: Priority(1),
        ..Policy::new("core", vec![levels_of("ana"), levels_of("luis")])
    };
    let plan = paging("db web<db", vec![policy], team());
    on_duty(Plan { service_levels: levels(escalations), ..plan })
}

/// INC-1, a P3, opened at second 0.
fn reported(world: &mut World) {
    let (impact, urgency) = (Some(2), Some(2));
    let report = Report { title: "disk full".to_owned(), impact, urgency, ..Report::default() };
    world.ask("eva", Command::Report(report), 0);
    assert_eq!(world.incident(1).priority, Priority(3));
}

/// `75% at 4500`, for each time that something was told.
fn told(world: &World) -> Vec<String> {
    let line = |event: &Event| match &event.body {
        EventBody::ServiceLevelWarned { mark, call, people, missed, .. } => {
            let second = (event.at - at(0)).num_seconds();
            let parts = [call.clone(), people.join(","), missed.join(",")];
            let parts: Vec<_> = parts.into_iter().filter(|p| !p.is_empty()).collect();
            Some(format!("{mark} at {second} {}", parts.join(" ")).trim_end().to_owned())
        }
        _ => None,
    };
    world.log.iter().filter_map(line).collect()
}

fn pass(world: &mut World, seconds: std::ops::Range<i64>) {
    for second in seconds {
        world.tick(second);
    }
}

#[test]
fn a_clock_is_told_of_at_half_at_three_quarters_and_when_it_has_run_out_each_once() {
    let mut world = world(Vec::new());
    reported(&mut world);
    pass(&mut world, 1..7_000);
    assert_eq!(told(&world), ["50% at 3000", "75% at 4500", "100% at 6001"]);
    let news: Vec<News> = world.news.iter().map(|(news, _)| *news).collect();
    assert_eq!(news, [News::Opened, News::Pressing, News::Breached]);
    assert_eq!(world.state.deadlines.len(), 0);
    assert_eq!(pages(&world), [] as [&str; 0]);
}

#[test]
fn of_marks_that_nobody_told_in_time_the_last_is_told() {
    let mut world = world(Vec::new());
    reported(&mut world);
    world.tick(5_000);
    world.tick(5_001);
    assert_eq!(told(&world), ["75% at 5000"]);
}

#[test]
fn a_hold_of_the_customer_puts_the_marks_off() {
    let mut world = world(Vec::new());
    reported(&mut world);
    let hold = Action::Hold { reason: HoldReason::Customer, note: String::new(), until: None };
    world.act("ana", 1, hold, 600);
    world.tick(50_000);
    assert_eq!(told(&world), [] as [&str; 0]);
    world.act("ana", 1, Action::Resume, 50_000);
    world.tick(52_399);
    assert_eq!(told(&world), [] as [&str; 0]);
    world.tick(52_400);
    assert_eq!(told(&world), ["50% at 52400"]);
}

#[test]
fn somebody_is_called_by_percent_and_by_offset_and_by_level() {
    let calls =
        vec![call("-10m", person("eva")), call("80%", Call::Level(2)), call("+10m", person("ana"))];
    let mut world = world(calls);
    reported(&mut world);
    pass(&mut world, 1..7_000);
    let expect = [
        "50% at 3000",
        "75% at 4500",
        "80% at 4800 level 2 luis",
        "-10m at 5400 person:eva eva",
        "100% at 6001",
        "+10m at 6600 person:ana ana",
    ];
    assert_eq!(told(&world), expect);
    assert_eq!(
        pages(&world),
        ["luis INC-1 level 2", "eva INC-1 person:eva", "ana INC-1 person:ana"]
    );
    let texts: Vec<_> = world.state.pages().iter().map(|p| p.what.text.clone()).collect();
    assert_eq!(texts[0], "resolve by default (80%): it is due at 15:40");
    assert_eq!(texts[2], "resolve by default (+10m): it was due at 15:40");
}

#[test]
fn an_acknowledgement_does_not_keep_a_call_back_but_a_snooze_does() {
    let mut world = world(vec![call("50%", person("eva")), call("75%", person("luis"))]);
    reported(&mut world);
    world.act("ana", 1, ack(), 60);
    world.tick(3_000);
    assert_eq!(pages(&world), ["eva INC-1 person:eva"]);
    world.act("ana", 1, Action::Snooze { until: at(9_000) }, 3_100);
    world.tick(4_500);
    assert_eq!(pages(&world).len(), 1);
    assert_eq!(told(&world)[3], "75% at 4500 person:luis nobody: it is snoozed");
}

#[test]
fn whoever_does_not_page_tells_nothing() {
    let mut world = world(vec![call("50%", person("eva"))]);
    world.state.set_pager(Pager::Nobody);
    reported(&mut world);
    pass(&mut world, 1..100);
    world.tick(7_000);
    assert_eq!(told(&world), [] as [&str; 0]);
    // The one that takes over tells what is not told.
    world.state.set_pager(Pager::Here { alone: true });
    world.tick(7_001);
    assert_eq!(told(&world), ["100% at 7001", "50% at 7001 person:eva eva"]);
    world.tick(7_002);
    assert_eq!(told(&world).len(), 2);
}

#[test]
fn other_contracts_are_worked_out_for_what_is_open() {
    let mut world = world(Vec::new());
    reported(&mut world);
    world.tick(1);
    let promised = world.state.plan().clone();
    let nothing = Plan { service_levels: Arc::default(), ..(*promised).clone() };
    world.replan(nothing, 10);
    world.tick(6_500);
    assert_eq!(told(&world), [] as [&str; 0]);
    world.replan((*promised).clone(), 6_600);
    world.tick(6_600);
    assert_eq!(told(&world), ["100% at 6600"]);
}
