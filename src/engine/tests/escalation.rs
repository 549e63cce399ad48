//! Paging by the policies: who is paged when, and what stops it.

use proptest::prelude::*;

use super::*;
use crate::domain::calendar::Windows;
use crate::domain::incident::{EventBody, Priority};
use crate::domain::observation::AlertStatus;
use crate::domain::paging::escalate::Request;
use crate::domain::paging::{Channel, ChannelKind, Pager, Phase, Progress, Wishes};
use crate::domain::roster::escalation::{Escalation, Level, Target as Who};
use crate::domain::roster::{Person, PersonId, Roster};
use crate::domain::time::hours::Range;

fn person(id: &str) -> Person {
    let wishes = Wishes { channels: vec!["hook".into()], ..Wishes::default() };
    Person { wishes, ..Person::new(id) }
}

fn level(people: &[&str], minutes: i64) -> Level {
    let notify = people.iter().map(|id| Who::Person(PersonId::from(*id))).collect();
    Level { notify, timeout: TimeDelta::minutes(minutes) }
}

/// Ana for five minutes, then Luis for ten; all of it twice.
fn core() -> Escalation {
    let levels = vec![level(&["ana"], 5), level(&["luis"], 10)];
    Escalation { repeat: 1, ..Escalation::new("core", levels) }
}

pub(super) fn paging(services: &str, policies: Vec<Escalation>, people: Vec<Person>) -> Plan {
    let otherwise = policies.first().map(|p| p.id.clone());
    let roster = Roster {
        people: people.into_iter().map(|p| (p.id.clone(), Arc::new(p))).collect(),
        schedules: Vec::new(),
        policies: policies.into_iter().map(Arc::new).collect(),
        otherwise,
    };
    let timeout = TimeDelta::seconds(10);
    let hook = Channel { id: "hook".into(), kind: ChannelKind::Webhook, timeout };
    Plan { roster: Arc::new(roster), channels: vec![hook], ..plan(services) }
}

pub(super) fn team() -> Vec<Person> {
    ["ana", "luis", "eva"].map(person).into()
}

/// The console that pages, of Ana and Luis.
fn world() -> World {
    on_duty(paging("db web<db", vec![core()], team()))
}

pub(super) fn on_duty(plan: Plan) -> World {
    let mut world = World::new(plan);
    world.state.set_pager(Pager::Here { alone: true });
    world
}

/// `ana INC-1 core 1` for each page, in order.
pub(super) fn pages(world: &World) -> Vec<String> {
    let line = |page: &Arc<crate::domain::paging::Page>| {
        let what = &page.what;
        let about = what.incident.map(|id| id.to_string()).unwrap_or_default();
        format!("{} {about} {}", what.person, what.target)
    };
    world.state.pages().iter().map(line).collect()
}

fn down(service: &str) -> Alert {
    alert(&format!("alertname=Down service={service} severity=critical"))
}

fn report(world: &mut World, impact: u8, seconds: i64) -> IncidentId {
    let (impact, urgency) = (Some(impact), Some(1));
    let report = Report { title: "disk full".to_owned(), impact, urgency, ..Report::default() };
    world.ask("eva", Command::Report(report), seconds)[0].id.unwrap()
}

fn escalate(world: &mut World, id: u64, level: Option<usize>, seconds: i64) -> String {
    let request = Request { incident: IncidentId(id), level, confirmed: None };
    let answers = world.ask("eva", Command::Escalate(request), seconds);
    format!("{}: {}", answers[0].verdict.word(), answers[0].verdict)
}

fn last(world: &World) -> &EventBody {
    &world.log.last().unwrap().body
}

#[test]
fn a_new_incident_pages_the_first_level_at_once_and_in_the_same_decision() {
    let mut world = world();
    world.prometheus(&[down("db")], 1);
    assert_eq!(pages(&world), ["ana INC-1 core 1"]);
    let page = world.state.pages().iter().next().unwrap().clone();
    assert_eq!((page.what.text.as_str(), page.by.as_str()), ("core level 1", "atalaya"));
    let progress = world.incident(1).escalation.clone().unwrap();
    assert_eq!((progress.level, progress.round), (1, 1));
    assert_eq!(progress.phase, Phase::Waiting { until: at(301) });
}

#[test]
fn unacknowledged_it_goes_through_all_levels_as_often_as_the_policy_says_and_then_says_so() {
    let mut world = world();
    report(&mut world, 1, 1);
    for second in 2..3_000 {
        world.tick(second);
    }
    let (first, second) = ("ana INC-1 core 1", "luis INC-1 core 2");
    assert_eq!(pages(&world), [first, second, first, second]);
    let told: Vec<i64> = world.state.pages().iter().map(|p| (p.at - at(0)).num_seconds()).collect();
    assert_eq!(told, [1, 301, 901, 1_201]);
    let texts: Vec<_> = world.state.pages().iter().map(|p| p.what.text.clone()).collect();
    assert_eq!(texts[1], "core level 2; nobody acknowledged for 5m");
    assert_eq!(texts[2], "core level 1, round 2; nobody acknowledged for 10m");
    assert_eq!(*last(&world), EventBody::EscalationExhausted { policy: "core".into() });
    assert_eq!(world.log.last().unwrap().at, at(1_801));
    assert_eq!(world.incident(1).escalation.as_ref().unwrap().phase, Phase::Exhausted);
    assert!(world.news.contains(&(News::EscalationExhausted, IncidentId(1))));
}

#[test]
fn acknowledging_stops_it_and_an_acknowledgement_taken_back_begins_it_again() {
    let mut world = world();
    report(&mut world, 1, 1);
    world.act("ana", 1, ack(), 200);
    world.tick(400);
    assert_eq!(pages(&world).len(), 1);
    world.act("ana", 1, Action::Unacknowledge, 500);
    assert_eq!(pages(&world), ["ana INC-1 core 1"; 2]);
    world.undo("ana", 1, 510);
    world.tick(1_000);
    assert_eq!(pages(&world).len(), 2, "the acknowledgement is back");
}

#[test]
fn an_acknowledgement_that_expires_begins_it_again_at_the_first_level() {
    let mut world = world();
    report(&mut world, 1, 1);
    world.tick(301);
    world.act("luis", 1, ack(), 400);
    for minute in 8..40 {
        world.tick(minute * 60);
    }
    assert_eq!(pages(&world)[..2], ["ana INC-1 core 1", "luis INC-1 core 2"]);
    assert_eq!(pages(&world)[2], "ana INC-1 core 1");
    let again = world.state.pages().iter().nth(2).unwrap().at;
    assert_eq!(again, at(2_220), "the first tick after half an hour");
}

#[test]
fn who_only_has_it_assigned_has_not_said_that_they_come() {
    let mut world = world();
    report(&mut world, 1, 1);
    world.act("eva", 1, Action::Assign { to: Some("luis".to_owned()) }, 60);
    world.tick(301);
    assert_eq!(pages(&world).len(), 2);
}

#[test]
fn what_is_resolved_or_cancelled_pages_nobody_any_more() {
    for action in [Action::resolve(true), Action::Cancel { reason: "false alarm".to_owned() }] {
        let mut world = world();
        report(&mut world, 1, 1);
        world.act("eva", 1, action, 60);
        world.tick(400);
        assert_eq!(pages(&world).len(), 1);
    }
}

#[test]
fn what_is_on_hold_pages_nobody_until_it_goes_on() {
    let mut world = world();
    report(&mut world, 1, 1);
    world.act("eva", 1, hold(Some(at(600))), 60);
    world.tick(400);
    assert_eq!(pages(&world).len(), 1);
    world.tick(601);
    assert_eq!(world.state_of(1), IncidentState::New);
    assert_eq!(pages(&world), ["ana INC-1 core 1"; 2]);
}

#[test]
fn what_is_snoozed_pages_nobody_until_it_is_back_in_sight() {
    let mut world = world();
    report(&mut world, 1, 1);
    world.act("eva", 1, Action::Snooze { until: at(600) }, 60);
    world.tick(400);
    assert_eq!(pages(&world).len(), 1);
    world.tick(601);
    assert_eq!(pages(&world), ["ana INC-1 core 1"; 2]);
}

#[test]
fn what_is_merged_into_another_pages_nobody_any_more() {
    let mut world = world();
    report(&mut world, 1, 1);
    report(&mut world, 1, 2);
    world.act("eva", 2, Action::Merge { into: IncidentId(1) }, 60);
    world.tick(303);
    assert_eq!(pages(&world)[2..], ["luis INC-1 core 2"]);
}

#[test]
fn what_is_not_urgent_enough_pages_nobody_by_itself() {
    let mut world = world();
    let id = report(&mut world, 3, 1);
    assert_eq!(world.incident(id.0).priority, Priority(3));
    assert_eq!(pages(&world).len(), 1);
    let plan = paging("db", vec![Escalation { min_priority: Priority(2), ..core() }], team());
    let mut world = on_duty(plan);
    report(&mut world, 3, 1);
    world.tick(1_000);
    assert!(pages(&world).is_empty());
}

#[test]
fn a_level_that_reaches_nobody_is_recorded_with_why_and_the_next_is_paged_at_once() {
    let mut ana = person("ana");
    ana.wishes.channels.clear();
    let mut world = on_duty(paging("db", vec![core()], vec![ana, person("luis")]));
    report(&mut world, 1, 1);
    assert_eq!(pages(&world), ["luis INC-1 core 2"]);
    let EventBody::Escalated { level: 1, people, missed, next, .. } = &world.log[1].body else {
        panic!("{:?}", world.log)
    };
    assert!(people.is_empty() && missed[0].starts_with("ana: no channels"), "{missed:?}");
    assert_eq!(*next, Some(at(1)));
}

#[test]
fn a_policy_that_reaches_nobody_waits_for_its_last_level_before_the_next_round() {
    let mut ana = person("ana");
    // 14:00 UTC is in the middle of it; a P2 does not get through.
    ana.wishes.quiet.add(chrono::Weekday::Mon, Range::parse("13:00-14:10").unwrap());
    let policy = Escalation { repeat: 1, ..Escalation::new("core", vec![level(&["ana"], 15)]) };
    let mut world = on_duty(paging("db", vec![policy], vec![ana]));
    report(&mut world, 2, 1);
    world.tick(600);
    assert!(pages(&world).is_empty());
    world.tick(901);
    assert_eq!(pages(&world), ["ana INC-1 core 1"]);
}

#[test]
fn the_policy_of_the_service_goes_before_that_of_its_team_and_that_of_the_rest() {
    let named = |id: &str, who: &str| Escalation::new(id, vec![level(&[who], 5)]);
    let teams = Escalation { teams: vec!["dba".to_owned()], ..named("teams", "luis") };
    let policies = vec![named("rest", "ana"), teams, named("own", "eva")];
    let mut plan = paging("", policies, team());
    let service = |id: &str, team: Option<&str>, own: Option<&str>| {
        let (team, escalation) = (team.map(str::to_owned), own.map(Into::into));
        Arc::new(Service { team, escalation, ..Service::new(id) })
    };
    plan.services = vec![
        service("a", None, None),
        service("b", Some("dba"), None),
        service("c", Some("dba"), Some("own")),
    ];
    let mut world = on_duty(plan);
    world.prometheus(&[down("a"), down("b"), down("c")], 1);
    assert_eq!(pages(&world), ["ana INC-1 rest 1", "luis INC-2 teams 1", "eva INC-3 own 1"]);
}

#[test]
fn without_a_policy_or_without_the_lease_nobody_is_paged() {
    let mut world = World::new(paging("db", vec![core()], team()));
    report(&mut world, 1, 1);
    world.tick(2);
    assert!(pages(&world).is_empty(), "another process pages, or none");
    world.state.set_pager(Pager::Here { alone: true });
    world.tick(3);
    assert_eq!(pages(&world), ["ana INC-1 core 1"], "who takes over pages what is due");
    let mut plan = paging("db", vec![core()], team());
    Arc::make_mut(&mut plan.roster).otherwise = None;
    let mut world = on_duty(plan);
    report(&mut world, 1, 1);
    world.tick(2);
    assert!(pages(&world).is_empty());
}

#[test]
fn one_cause_is_one_page() {
    let mut world = world();
    world.prometheus(&[down("db"), down("web")], 1);
    assert_eq!(world.incident(2).parent, Some(IncidentId(1)));
    world.tick(2);
    assert_eq!(pages(&world), ["ana INC-1 core 1"]);
    let page = world.state.pages().iter().next().unwrap().clone();
    assert!(page.what.details.starts_with("+1 affected: web"), "{}", page.what.details);
}

#[test]
fn a_page_says_what_was_reported() {
    let mut world = world();
    let text = "Customers see a blank page.".to_owned();
    let report = Report { title: "db is slow".to_owned(), text, ..Report::default() };
    world.ask("eva", Command::Report(report), 1);
    world.tick(2);
    escalate(&mut world, 1, None, 3);
    let page = world.state.pages().iter().next().unwrap().clone();
    assert_eq!(page.what.details, "Customers see a blank page.");
}

#[test]
fn what_is_paged_while_nothing_can_be_stored_has_a_number_that_no_stored_page_gets() {
    let mut world = world();
    report(&mut world, 1, 1);
    world.tick(2);
    let mut aside = world.state.clone();
    let now = at(3);
    aside.number_pages_aside(now);
    let number = aside.pages().next().0;
    assert_eq!(number, now.timestamp().unsigned_abs() + 1);
    assert_eq!(world.state.pages().next().0, 2, "the stored ones go on as they did");
}

#[test]
fn what_folds_under_a_cause_that_pages_nobody_pages_for_itself() {
    let mut plan = paging("db web<db", vec![core()], team());
    Arc::make_mut(&mut plan.roster).otherwise = None;
    for service in &mut plan.services {
        if service.id.as_str() == "web" {
            Arc::make_mut(service).escalation = Some("core".into());
        }
    }
    let mut world = on_duty(plan);
    world.prometheus(&[down("db"), down("web")], 1);
    world.tick(2);
    assert_eq!(pages(&world), ["ana INC-2 core 1"]);
}

#[test]
fn what_is_silenced_upstream_pages_when_the_silence_ends() {
    let mut world = world();
    let silenced = AlertStatus::Silenced { by: vec!["s".to_owned()] };
    let mut muted = down("db");
    muted.status = silenced;
    world.prometheus(&[down("db")], 1);
    world.prometheus(&[muted], 60);
    world.tick(400);
    assert_eq!(pages(&world).len(), 1, "nobody is paged while it is silenced");
    world.prometheus(&[down("db")], 500);
    assert_eq!(pages(&world), ["ana INC-1 core 1"; 2]);
}

#[test]
fn a_silence_that_comes_and_goes_only_holds_it_up() {
    let mut world = world();
    let mut muted = down("db");
    muted.status = AlertStatus::Inhibited { by: vec!["other".to_owned()] };
    for second in (1..290).step_by(10) {
        world.prometheus(&[down("db")], second);
        world.prometheus(&[muted.clone()], second + 5);
    }
    world.prometheus(&[down("db")], 300);
    assert_eq!(pages(&world).len(), 1, "not once for each time that it is back");
    world.tick(301);
    assert_eq!(pages(&world)[1..], ["luis INC-1 core 2"]);
}

#[test]
fn what_is_in_maintenance_pages_nobody_until_its_window_is_over_and_it_is_still_there() {
    let windows = vec![Arc::new(super::calendar::window("patch", 600))];
    let mut world = on_duty(Plan { windows, ..paging("db", vec![core()], team()) });
    world.tick(601);
    world.prometheus(&[down("db")], 700);
    world.tick(4_000);
    assert!(pages(&world).is_empty(), "{:?}", pages(&world));
    world.tick(4_201);
    assert_eq!(pages(&world), ["ana INC-1 core 1"]);
}

#[test]
fn after_a_start_calendars_that_may_mute_it_are_waited_for_but_not_for_long() {
    let awaiting = || {
        let mut plan = paging("db", vec![core()], team());
        plan.calendars.insert("changes".into(), None);
        on_duty(plan)
    };
    let mut world = awaiting();
    report(&mut world, 1, 1);
    world.tick(19);
    assert!(pages(&world).is_empty());
    world.tick(20);
    assert_eq!(pages(&world), ["ana INC-1 core 1"]);
    let mut world = awaiting();
    report(&mut world, 1, 1);
    world.observed("changes", vec![Fact::Windows(Windows::default())], 5);
    world.tick(6);
    assert_eq!(pages(&world), ["ana INC-1 core 1"]);
}

#[test]
fn a_window_that_begins_stops_it_and_its_end_begins_it_again() {
    let windows = vec![Arc::new(super::calendar::window("patch", 600))];
    let mut world = on_duty(Plan { windows, ..paging("db", vec![core()], team()) });
    world.prometheus(&[down("db")], 500);
    for second in [601, 801, 1_000] {
        world.tick(second);
    }
    assert_eq!(pages(&world), ["ana INC-1 core 1"]);
    world.tick(4_201);
    assert_eq!(pages(&world), ["ana INC-1 core 1"; 2]);
}

#[test]
fn what_is_clear_and_waits_to_resolve_pages_nobody() {
    let mut world = world();
    world.prometheus(&[down("db")], 1);
    world.prometheus(&[], 290);
    world.tick(305);
    assert_eq!(pages(&world).len(), 1);
}

#[test]
fn a_reopening_with_the_acknowledgement_kept_pages_nobody_and_one_without_pages() {
    let mut world = world();
    world.prometheus(&[down("db")], 1);
    world.act("ana", 1, ack(), 10);
    world.prometheus(&[], 60);
    world.tick(200);
    assert_eq!(world.state_of(1), IncidentState::Resolved);
    world.prometheus(&[down("db")], 300);
    assert_eq!(world.state_of(1), IncidentState::Acknowledged);
    assert_eq!(pages(&world).len(), 1);

    let mut world = self::world();
    world.prometheus(&[down("db")], 1);
    world.prometheus(&[], 60);
    world.tick(200);
    world.prometheus(&[down("db")], 300);
    assert_eq!(world.state_of(1), IncidentState::New);
    assert_eq!(pages(&world).len(), 2);
}

#[test]
fn what_flaps_has_had_its_page() {
    let mut world = world();
    for n in 0..8 {
        world.prometheus(&[down("db")], n * 300);
        world.prometheus(&[], n * 300 + 60);
        world.tick(n * 300 + 200);
    }
    assert!(world.incident(1).flapping_since.is_some());
    assert_eq!(pages(&world).len(), 3, "the first, and two reopenings before it flaps");
}

#[test]
fn a_flood_is_paged_in_pieces() {
    let mut world = world();
    let alerts: Vec<Alert> =
        (0..250).map(|n| alert(&format!("alertname=A{n} severity=critical"))).collect();
    let mut plan = paging("", vec![core()], team());
    plan.policy.matrix = [[1; 3]; 3];
    world.replan(plan, 0);
    world.prometheus(&alerts, 1);
    assert_eq!(pages(&world).len(), 100);
    world.tick(2);
    world.tick(3);
    assert_eq!(pages(&world).len(), 250);
    let numbers: Vec<u64> = world.state.pages().iter().map(|p| p.what.id.0).collect();
    assert!(numbers.iter().copied().eq(1..=250), "each page has its number");
}

#[test]
fn by_hand_it_goes_on_now_also_when_somebody_has_it() {
    let mut world = world();
    report(&mut world, 1, 1);
    world.act("ana", 1, ack(), 10);
    let said = escalate(&mut world, 1, None, 20);
    assert_eq!(said, "done: core level 2: PAGE-2: luis is paged by hook");
    assert_eq!(world.state_of(1), IncidentState::Acknowledged);
    world.tick(1_500);
    assert_eq!(pages(&world).len(), 2, "it was one page and no more");
    let said = escalate(&mut world, 1, Some(3), 1_501);
    assert_eq!(said, "refused: core has no level 3, only 1 to 2");
    let by = world.log.iter().rev().find(|e| e.body.kind() == "escalated").unwrap();
    assert_eq!(by.actor.name, "eva");
    world.act("eva", 1, Action::resolve(true), 1_510);
    let said = escalate(&mut world, 1, None, 1_520);
    assert_eq!(said, "refused: INC-1 is resolved; nobody has to come for it");
}

#[test]
fn by_hand_before_its_time_it_waits_anew_from_there() {
    let mut world = world();
    report(&mut world, 1, 1);
    escalate(&mut world, 1, None, 60);
    world.tick(301);
    assert_eq!(pages(&world).len(), 2, "the level that was skipped is not paged for its time");
    world.tick(660);
    assert_eq!(pages(&world)[2], "ana INC-1 core 1");
}

#[test]
fn by_hand_nobody_else_is_paged_than_who_was_named() {
    let mut world = world();
    report(&mut world, 1, 1);
    let confirmed = Some(vec![PersonId::from("eva")]);
    let request = Request { incident: IncidentId(1), level: None, confirmed };
    let answers = world.ask("eva", Command::Escalate(request), 5);
    assert_eq!(
        answers[0].verdict.to_string(),
        "core 2 reaches luis by now, which was not asked for; ask again"
    );
}

#[test]
fn what_no_policy_governs_says_how_to_change_that() {
    let mut world = World::new(plan("db"));
    world.report("eva", "disk full", 1);
    let said = escalate(&mut world, 1, None, 2);
    assert!(said.starts_with("refused: no policy governs what is unassigned"), "{said}");
}

#[test]
fn a_policy_that_is_taken_out_pages_nobody_and_another_one_begins_anew() {
    let mut world = world();
    report(&mut world, 1, 1);
    world.replan(plan("db"), 10);
    world.tick(400);
    assert_eq!(pages(&world).len(), 1);
    let other = Escalation::new("other", vec![level(&["eva"], 5)]);
    world.replan(paging("db", vec![other], team()), 500);
    world.tick(501);
    assert_eq!(pages(&world)[1..], ["eva INC-1 other 1"]);
}

#[test]
fn open_incidents_of_which_nothing_is_due_are_not_looked_at() {
    let mut world = world();
    report(&mut world, 1, 1);
    world.act("ana", 1, ack(), 2);
    assert_eq!(world.state.escalations.len(), 0);
    report(&mut world, 1, 3);
    assert_eq!(world.state.escalations.len(), 1);
}

#[derive(Debug, Clone)]
enum Turn {
    Alerts([bool; 3]),
    Silence(usize),
    Act(u64, usize),
    Undo(u64),
    ByHand(u64, Option<usize>),
    Lease(bool),
    Wait(i64),
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        3 => any::<[bool; 3]>().prop_map(Turn::Alerts),
        1 => (0..3_usize).prop_map(Turn::Silence),
        4 => (1..6_u64, 0..11_usize).prop_map(|(i, a)| Turn::Act(i, a)),
        2 => (1..6_u64).prop_map(Turn::Undo),
        1 => (1..6_u64, proptest::option::of(1..3_usize)).prop_map(|(i, l)| Turn::ByHand(i, l)),
        1 => any::<bool>().prop_map(Turn::Lease),
        6 => prop_oneof![1..20_i64, 100..1_000_i64].prop_map(Turn::Wait),
    ]
}

fn hold(until: Option<Instant>) -> Action {
    let reason = crate::domain::incident::HoldReason::Customer;
    Action::Hold { reason, note: String::new(), until }
}

fn deed(n: usize, now: i64) -> Action {
    match n {
        0 => ack(),
        1 => Action::Unacknowledge,
        2 => Action::Assign { to: Some("sam".into()) },
        3 => Action::resolve(true),
        4 => hold(None),
        5 => Action::Resume,
        6 => Action::Snooze { until: at(now + 500) },
        7 => Action::Wake,
        8 => Action::Merge { into: IncidentId(1) },
        9 => Action::Split { reason: "not the same".to_owned() },
        _ => Action::Reopen { reason: String::new() },
    }
}

/// No level twice in a round, and nobody for what somebody has, unless somebody asked for it.
fn is_right(world: &World) {
    use std::collections::HashMap;
    let mut known: HashMap<IncidentId, Incident> = HashMap::new();
    let mut paged: HashMap<IncidentId, Vec<(usize, u32)>> = HashMap::new();
    let mut by_hand: HashMap<IncidentId, u32> = HashMap::new();
    for event in &world.log {
        let before = known.get(&event.incident).cloned();
        let by_itself = event.actor.kind == crate::domain::incident::ActorKind::System;
        if let EventBody::Escalated { level, round, .. } = &event.body {
            let before = before.as_ref().unwrap();
            let list = paged.entry(event.incident).or_default();
            let waits = before.escalation.as_ref().is_some_and(Progress::is_under_way);
            if !waits {
                // It was stopped: a new series begins.
                list.clear();
            }
            assert!(!list.contains(&(*level, *round)), "{event:?} after {list:?}");
            list.push((*level, *round));
            if by_itself {
                assert_eq!(before.state(), IncidentState::New, "{event:?}");
                assert!(!before.is_silenced() && before.maintenance.is_none(), "{event:?}");
                assert!(!before.is_snoozed(), "{event:?}");
                let asked = by_hand.get(&event.incident).copied().unwrap_or_default();
                assert!(*round <= 2 + asked, "{event:?}");
            } else {
                *by_hand.entry(event.incident).or_default() += 1;
            }
        }
        let after = crate::domain::incident::lifecycle::fold(before.as_ref(), event).unwrap();
        known.insert(event.incident, after);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_pages_a_level_twice_in_a_round_or_for_what_somebody_has(
        turns in proptest::collection::vec(turn(), 1..60),
    ) {
        let services = ["db", "web", "mail"];
        let mut world = on_duty(paging("db web<db mail", vec![core()], team()));
        let (mut firing, mut silenced, mut now) = ([false; 3], [false; 3], 1);
        for turn in turns {
            match turn {
                Turn::Alerts(next) => firing = next,
                Turn::Silence(n) => silenced[n] = !silenced[n],
                Turn::Act(id, n) => {
                    let targets = vec![Target { id: IncidentId(id), seen: 0 }];
                    world.ask("ana", Command::Act { targets, action: deed(n, now) }, now);
                }
                Turn::Undo(id) => {
                    world.ask("ana", Command::Undo { targets: vec![IncidentId(id)] }, now);
                }
                Turn::ByHand(id, level) => {
                    let request = Request { incident: IncidentId(id), level, confirmed: None };
                    world.ask("eva", Command::Escalate(request), now);
                }
                Turn::Lease(is_ours) => world.state.set_pager(if is_ours {
                    Pager::Here { alone: false }
                } else {
                    Pager::Other("agent".to_owned())
                }),
                Turn::Wait(seconds) => {
                    now += seconds;
                    world.tick(now);
                }
            }
            let alerts: Vec<Alert> = services
                .iter()
                .zip(firing.iter().zip(&silenced))
                .filter(|(_, (firing, _))| **firing)
                .map(|(service, (_, silenced))| {
                    let mut alert = down(service);
                    if *silenced {
                        alert.status = AlertStatus::Silenced { by: vec!["s".to_owned()] };
                    }
                    alert
                })
                .collect();
            world.prometheus(&alerts, now);
            now += 1;
        }
        is_right(&world);
        let mut again = State::new(world.state.plan().clone(), Vec::new(), 1, 0, at(0));
        for event in &world.log {
            core::evolve(&mut again, &crate::domain::log::Entry::Incident(event.clone()));
        }
        prop_assert_eq!(&again.incidents, &world.state.incidents, "the log says all of it");
    }
}
