//! Report, classify, process, feedback, close: what each step asks for, and what it leaves behind.

use super::*;
use crate::domain::incident::EventBody;
use crate::domain::incident::lifecycle::{Correction, Waited};
use crate::domain::incident::policy::Rule;
use crate::domain::incident::process::{self, Step};
use crate::domain::roster::{Person, Roster};

fn firing(service: &str, severity: &str) -> Alert {
    alert(&format!("alertname=Down service={service} severity={severity}"))
}

fn one() -> World {
    let mut world = World::new(plan("db"));
    world.prometheus(&[firing("db", "critical")], 1);
    world
}

fn hold(until: Option<i64>) -> Action {
    Action::Hold { reason: HoldReason::Supplier, note: "ticket 8812".into(), until: until.map(at) }
}

fn snooze(until: i64) -> Action {
    Action::Snooze { until: at(until) }
}

fn classify(impact: u8, urgency: u8) -> Action {
    Action::Classify { impact: Some(impact), urgency: Some(urgency), category: None }
}

fn merge(into: u64) -> Action {
    Action::Merge { into: IncidentId(into) }
}

#[test]
fn what_is_on_hold_goes_back_to_whoever_had_it_with_the_time_it_was_given() {
    let mut world = one();
    world.act("ana", 1, Action::Acknowledge { lasting: Some(minutes(10)) }, 10);
    assert_eq!(world.act("ana", 1, hold(None), 60), "done: INC-1 waits for a supplier");
    // On hold, no acknowledgement expires.
    world.tick(5_000);
    assert_eq!(world.state_of(1), IncidentState::OnHold);
    assert_eq!(
        world.act("luis", 1, hold(Some(9_000)), 5_001),
        "refused: INC-1 waits for a supplier already; resume it first"
    );
    assert_eq!(world.act("ana", 1, Action::Resume, 6_000), "done: INC-1 no longer on hold");
    let standing = &world.incident(1).standing;
    assert_eq!(standing.state, IncidentState::Acknowledged);
    assert_eq!(standing.acknowledged.as_ref().unwrap().until, Some(at(6_000) + minutes(10)));
    let [held] = standing.holds.as_slice() else { panic!("one hold: {standing:?}") };
    assert_eq!((held.from, held.to), (at(60), Some(at(6_000))));
    assert_eq!(held.note, "ticket 8812");
}

#[test]
fn a_hold_with_an_end_goes_on_by_itself_and_says_so() {
    let mut world = one();
    world.act("ana", 1, hold(Some(600)), 60);
    world.tick(599);
    assert_eq!(world.state_of(1), IncidentState::OnHold);
    world.news.clear();
    world.tick(600);
    assert_eq!(world.state_of(1), IncidentState::New);
    assert_eq!(world.news, [(News::Back, IncidentId(1))]);
}

#[test]
fn whatever_ends_a_hold_ends_its_time_too() {
    let mut world = one();
    world.act("ana", 1, hold(None), 60);
    world.act("ana", 1, Action::resolve(true), 90);
    assert_eq!(world.incident(1).standing.holds[0].to, Some(at(90)));
    assert_eq!(
        world.act("ana", 1, hold(None), 100),
        "refused: INC-1 was resolved by ana at 14:01:30; reopen it first"
    );
}

#[test]
fn a_hold_cannot_end_before_it_begins() {
    let mut world = one();
    assert_eq!(
        world.act("ana", 1, hold(Some(10)), 60),
        "refused: a hold ends after it begins; name a later time"
    );
}

#[test]
fn what_is_snoozed_is_no_news_until_the_snooze_is_over() {
    let mut world = one();
    assert_eq!(world.act("ana", 1, snooze(900), 60), "done: INC-1 snoozed until 14:15:00");
    assert_eq!(world.state_of(1), IncidentState::New, "the clocks run on");
    world.news.clear();
    world.tick(899);
    assert!(world.news.is_empty());
    world.tick(900);
    assert_eq!(world.news, [(News::Back, IncidentId(1))]);
    assert!(!world.incident(1).is_snoozed());
    assert_eq!(world.act("ana", 1, Action::Wake, 901), "done: INC-1 is not snoozed");
}

#[test]
fn who_acknowledges_what_is_snoozed_has_it_in_sight_again() {
    let mut world = one();
    world.act("ana", 1, snooze(900), 60);
    world.act("luis", 1, ack(), 70);
    assert!(!world.incident(1).is_snoozed());
    world.news.clear();
    world.tick(901);
    assert!(world.news.is_empty());
}

#[test]
fn nothing_is_snoozed_for_longer_than_a_week() {
    let mut world = one();
    let answer = world.act("ana", 1, snooze(8 * 86_400), 60);
    assert_eq!(answer, "refused: a snooze lasts 7d at most");
}

#[test]
fn a_class_given_by_a_person_makes_the_priority_by_the_matrix_and_is_undone_exactly() {
    let mut world = one();
    let before = world.incident(1).clone();
    assert_eq!(before.priority, Priority(3), "tier 3, critical");
    assert_eq!(world.act("ana", 1, classify(1, 1), 60), "done: INC-1 classified, P3 → P1");
    assert_eq!(world.incident(1).priority, Priority(1));
    assert_eq!(world.incident(1).standing.classified.as_ref().unwrap().by, "ana");
    assert_eq!(world.act("ana", 1, classify(1, 1), 61), "done: INC-1 is classified so already");
    assert_eq!(world.undo("ana", 1, 62), "INC-1 P3 again");
    assert_eq!(world.incident(1).class(), before.class());
    assert_eq!(world.incident(1).standing, before.standing);
}

#[test]
fn a_worse_alert_makes_its_group_as_urgent_but_not_over_a_persons_word() {
    let mut plan = plan("db");
    let rule = Rule { group_by: Some(vec!["service".into()]), ..Rule::default() };
    plan.policy.rules.push(rule);
    let mut world = World::new(plan.clone());
    world.prometheus(&[firing("db", "info")], 1);
    assert_eq!(world.incident(1).priority, Priority(5));
    world.prometheus(&[firing("db", "info"), firing("db", "critical")], 2);
    assert_eq!(world.count(), 1);
    assert_eq!(world.incident(1).priority, Priority(3));

    let mut world = World::new(plan);
    world.prometheus(&[firing("db", "info")], 1);
    world.act("ana", 1, classify(3, 2), 2);
    world.prometheus(&[firing("db", "info"), firing("db", "critical")], 3);
    assert_eq!(world.incident(1).priority, Priority(4));
}

#[test]
fn resolving_waits_for_no_form_and_closing_demands_the_rest() {
    let mut world = one();
    world.prometheus(&[], 2);
    assert_eq!(world.act("ana", 1, resolve(), 60), "done: INC-1 resolved");
    let closing = |code: &str, cause: &str, category: &str| Action::Close {
        reason: String::new(),
        findings: Findings { code: code.into(), cause: cause.into() },
        category: category.into(),
    };
    let answer = world.act("ana", 1, closing("", "", ""), 70);
    assert!(
        answer.starts_with("refused: INC-1 lacks a category and a code and a cause to be closed"),
        "{answer}"
    );
    let answer = world.act("ana", 1, closing("fixt", "disk", "storage"), 70);
    assert!(answer.contains("there is no code \"fixt\"") && answer.contains("fixed"), "{answer}");
    assert_eq!(world.act("ana", 1, closing("fixed", "disk", "storage"), 71), "done: INC-1 closed");
    let incident = world.incident(1);
    assert_eq!(incident.category, "storage");
    assert_eq!(incident.standing.findings.cause, "disk");
    assert_eq!(world.undo("ana", 1, 72), "INC-1 no longer closed");
    assert_eq!(world.incident(1).category, "");
    assert!(world.incident(1).standing.findings.is_empty());
}

#[test]
fn what_was_found_at_the_resolution_is_enough_for_closing() {
    let mut world = one();
    world.prometheus(&[], 2);
    let found = Findings { code: "workaround".into(), cause: "pool exhausted".into() };
    let resolve = Action::Resolve { reason: String::new(), findings: found, force: false };
    world.act("ana", 1, resolve, 60);
    let category = Action::Classify { impact: None, urgency: None, category: Some("db".into()) };
    world.act("ana", 1, category, 61);
    let close = Action::Close {
        reason: String::new(),
        findings: Findings::default(),
        category: String::new(),
    };
    assert_eq!(world.act("ana", 1, close, 62), "done: INC-1 closed");
    assert_eq!(world.incident(1).standing.findings.code, "workaround");
}

#[test]
fn nobody_has_to_close_what_closes_by_itself() {
    let mut world = one();
    world.prometheus(&[], 2);
    world.act("ana", 1, resolve(), 60);
    world.tick(60 + 3 * 86_400);
    assert_eq!(world.state_of(1), IncidentState::Closed);
}

#[test]
fn feedback_comes_after_the_resolution() {
    let mut world = one();
    let rate = |score| Action::Rate { score, text: "quick".into(), from: "the shop".into() };
    assert_eq!(
        world.act("ana", 1, rate(4), 10),
        "refused: INC-1 is new; it is rated once it is resolved"
    );
    world.act("ana", 1, Action::resolve(true), 20);
    assert_eq!(world.act("ana", 1, rate(6), 30), "refused: a score is 1 (bad) to 5 (good), not 6");
    assert_eq!(world.act("ana", 1, rate(4), 30), "done: INC-1 rated");
    let feedback = world.incident(1).standing.feedback.clone().unwrap();
    assert_eq!((feedback.score, &*feedback.from, &*feedback.by), (4, "the shop", "ana"));
}

#[test]
fn what_is_merged_lives_on_in_the_survivor_with_the_earliest_start_and_the_highest_priority() {
    let mut world = World::new(plan("db web"));
    world.prometheus(&[firing("db", "info")], 100);
    world.prometheus(&[firing("db", "info"), firing("web", "critical")], 200);
    assert_eq!(world.act("ana", 2, merge(1), 210), "done: INC-2 merged into INC-1");
    let survivor = world.incident(1);
    assert_eq!(survivor.priority, Priority(3));
    assert_eq!(world.incident(2).standing.merged_into, Some(IncidentId(1)));
    let part = "refused: INC-2 was merged into INC-1; it is a part of it already";
    assert_eq!(world.act("ana", 1, merge(2), 211), part);
    // As long as one of them fires, it is not over.
    world.prometheus(&[firing("web", "critical")], 300);
    world.tick(1_000);
    assert_eq!(world.state_of(1), IncidentState::New);
    let answer = world.act("ana", 1, resolve(), 1_001);
    assert!(answer.contains("1 alerts that were merged into it still fire"), "{answer}");
    // The merged one's alert comes and goes on the survivor's account.
    world.prometheus(&[], 1_010);
    world.prometheus(&[firing("web", "critical")], 1_020);
    assert_eq!(world.count(), 2);
    world.prometheus(&[], 1_030);
    world.tick(1_300);
    assert_eq!(world.state_of(1), IncidentState::Resolved);
    world.prometheus(&[firing("web", "critical")], 1_310);
    assert_eq!(world.count(), 2);
    assert_eq!(world.state_of(1), IncidentState::New, "reopened");
}

#[test]
fn what_is_split_off_stands_for_itself_and_the_survivor_is_what_it_was() {
    let mut world = World::new(plan("db web"));
    world.prometheus(&[firing("db", "info"), firing("web", "critical")], 100);
    let before = world.incident(1).clone();
    world.act("luis", 2, ack(), 105);
    world.act("ana", 2, merge(1), 110);
    let split = Action::Split { reason: "another host".into() };
    assert_eq!(
        world.act("ana", 1, split.clone(), 190),
        "refused: INC-1 is not merged into another one"
    );
    assert_eq!(
        world.act("ana", 2, Action::Reopen { reason: String::new() }, 190),
        "refused: INC-2 was merged into INC-1 by ana at 14:01:50; split it off instead"
    );
    assert_eq!(world.act("ana", 2, split, 200), "done: INC-2 split off");
    assert_eq!(world.state_of(2), IncidentState::Acknowledged, "luis has it as before");
    let after = world.incident(1);
    assert_eq!((after.class(), after.started_at), (before.class(), before.started_at));
    assert!(after.absorbed.is_empty());
}

#[test]
fn merging_wants_another_one_that_is_open() {
    let mut world = World::new(plan("db web"));
    world.prometheus(&[firing("db", "info"), firing("web", "critical")], 100);
    let answers = [
        (merge(1), "refused: INC-1 cannot be merged into itself; name another one"),
        (merge(7), "refused: there is no INC-7"),
    ];
    for (action, expect) in answers {
        assert_eq!(world.act("ana", 1, action, 110), expect);
    }
    world.act("ana", 2, Action::resolve(true), 120);
    assert_eq!(
        world.act("ana", 1, merge(2), 130),
        "refused: INC-2 is resolved; merge into one that is open"
    );
}

#[test]
fn undo_of_a_merge_takes_it_out_of_the_survivor() {
    let mut world = World::new(plan("db web"));
    world.prometheus(&[firing("db", "info"), firing("web", "critical")], 100);
    let before = (world.incident(1).class(), world.incident(2).standing.clone());
    world.act("ana", 2, merge(1), 110);
    assert_eq!(world.undo("ana", 2, 111), "INC-2 no longer merged into INC-1");
    assert_eq!((world.incident(1).class(), world.incident(2).standing.clone()), before);
    assert!(world.incident(1).absorbed.is_empty());
}

fn closed() -> World {
    let mut world = one();
    world.act("ana", 1, ack(), 600);
    world.act("ana", 1, Action::resolve(true), 3_600);
    world.prometheus(&[], 3_700);
    world.act("ana", 1, close(), 4_000);
    world
}

fn correct(correction: Correction) -> Action {
    let (reason, agreed_with) = ("the log says so".to_owned(), "acme".to_owned());
    Action::Correct { correction: Box::new(correction), reason, agreed_with }
}

#[test]
fn a_correction_puts_right_what_was_recorded_wrong_and_keeps_why() {
    let mut world = closed();
    let correction = Correction {
        resolved_at: Some(at(3_000)),
        impact: Some(1),
        hold: Some(Waited { reason: HoldReason::Customer, from: at(1_000), to: at(2_000) }),
        excluded: Some(true),
        ..Correction::default()
    };
    assert_eq!(world.act("ana", 1, correct(correction), 5_000), "done: INC-1 corrected");
    let incident = world.incident(1);
    assert_eq!(incident.standing.resolved.as_ref().unwrap().at, at(3_000));
    assert_eq!(incident.priority, Priority(1));
    assert_eq!(incident.standing.holds.len(), 1);
    assert!(incident.excluded);
    assert_eq!(incident.state(), IncidentState::Closed);
    let last = world.log.last().unwrap();
    assert!(
        matches!(&last.body, EventBody::Corrected { agreed_with, .. } if agreed_with == "acme")
    );
}

#[test]
fn a_correction_that_cannot_be_is_refused() {
    let mut world = closed();
    let waited = |from, to| Waited { reason: HoldReason::Other, from: at(from), to: at(to) };
    let no = [
        Correction::default(),
        Correction { resolved_at: Some(at(9_000)), ..Correction::default() },
        Correction { started_at: Some(at(3_601)), ..Correction::default() },
        Correction { acknowledged_at: Some(at(3_601)), ..Correction::default() },
        Correction { hold: Some(waited(2_000, 1_000)), ..Correction::default() },
        Correction { hold: Some(waited(2_000, 4_000)), ..Correction::default() },
    ];
    for correction in no {
        let answer = world.act("ana", 1, correct(correction.clone()), 5_000);
        assert!(answer.starts_with("refused: "), "{correction:?}: {answer}");
    }
    let mut open = one();
    let answer = open.act("ana", 1, correct(Correction::default()), 50);
    assert!(answer.starts_with("refused: INC-1 is new; change it as it is"), "{answer}");
}

#[test]
fn only_the_role_that_the_plan_names_corrects() {
    let mut world = closed();
    let mut plan = plan("db");
    let person = |id: &str, roles: &[&str]| {
        let roles = roles.iter().map(|r| (*r).into()).collect();
        Arc::new(Person { roles, ..Person::new(id) })
    };
    plan.roster = Arc::new(Roster {
        people: [person("ana", &[]), person("eva", &["service manager"])]
            .into_iter()
            .map(|p| (p.id.clone(), p))
            .collect(),
        ..Roster::default()
    });
    plan.policy.process.correct = Some("service manager".into());
    let correction = || correct(Correction { excluded: Some(true), ..Correction::default() });
    plan.person = Some("ana".into());
    world.replan(plan.clone(), 4_500);
    assert_eq!(
        world.act("ana", 1, correction(), 5_000),
        "refused: corrections are for the role \"service manager\", which ana has not"
    );
    plan.person = Some("eva".into());
    world.replan(plan, 5_100);
    assert_eq!(world.act("eva", 1, correction(), 5_200), "done: INC-1 corrected");
}

#[test]
fn each_step_says_how_long_it_took_and_who_ended_it() {
    let mut world = World::new(plan("db"));
    world.report("eva", "no mail", 100);
    let steps = |world: &World| {
        let steps = process::steps(world.incident(1));
        let told = steps.into_iter().map(|s| {
            let seconds = s.to.map(|to| (to - s.from).num_seconds());
            (s.step, seconds, s.by.unwrap_or_default())
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(
        steps(&world),
        [(Step::Report, Some(0), "eva".to_owned()), (Step::Classify, None, String::new())]
    );
    world.act("ana", 1, classify(2, 2), 160);
    world.act("ana", 1, resolve(), 760);
    let rate = Action::Rate { score: 5, text: String::new(), from: "eva".into() };
    world.act("luis", 1, rate, 1_000);
    world.act("luis", 1, close(), 1_060);
    assert_eq!(
        steps(&world),
        [
            (Step::Report, Some(0), "eva".to_owned()),
            (Step::Classify, Some(60), "ana".to_owned()),
            (Step::Process, Some(600), "ana".to_owned()),
            (Step::Feedback, Some(240), "luis".to_owned()),
            (Step::Close, Some(60), "luis".to_owned()),
        ]
    );
}

#[test]
fn what_people_say_about_an_incident_in_the_dark_is_told_whoever_was_faster() {
    let mut world = one();
    let seen = world.incident(1).version;
    world.act("luis", 1, hold(None), 60);
    let answer = world.act_having_seen("ana", 1, seen, hold(Some(900)), 61);
    assert_eq!(
        answer,
        "conflict: INC-1 was put on hold by luis at 14:01:00 while you looked; INC-1 waits for a supplier already; resume it first"
    );
}

#[test]
fn what_was_said_after_a_merge_stays_said_when_one_is_split_off() {
    let mut world = World::new(plan("db web mail"));
    let all = [firing("db", "info"), firing("web", "critical"), firing("mail", "warning")];
    world.prometheus(&all, 100);
    world.act("ana", 2, merge(1), 110);
    world.act("ana", 3, merge(1), 111);
    world.act("ana", 1, classify(1, 2), 120);
    let split = |reason: &str| Action::Split { reason: reason.into() };
    world.act("ana", 2, split("other"), 130);
    assert_eq!(world.incident(1).priority, Priority(2), "a person said so");
    world.act("ana", 1, Action::resolve(true), 140);
    world.prometheus(&[], 150);
    world.act("ana", 1, close(), 160);
    let correction =
        Correction { impact: Some(2), started_at: Some(at(40)), ..Correction::default() };
    world.act("ana", 1, correct(correction), 170);
    world.act("ana", 3, split("other"), 180);
    let incident = world.incident(1);
    assert_eq!(
        (incident.started_at, incident.impact, &*incident.category),
        (at(40), 2, "capacity")
    );
}

#[test]
fn a_survivor_that_was_reopened_for_a_merged_one_is_over_with_it_also_when_that_is_split_off() {
    let mut world = World::new(plan("db web"));
    world.prometheus(&[firing("db", "info"), firing("web", "critical")], 100);
    world.act("ana", 2, merge(1), 110);
    world.prometheus(&[], 120);
    world.tick(300);
    assert_eq!(world.state_of(1), IncidentState::Resolved);
    world.prometheus(&[firing("web", "critical")], 310);
    assert_eq!(world.state_of(1), IncidentState::New);
    world.act("ana", 2, Action::Split { reason: String::new() }, 320);
    world.tick(600);
    assert_eq!(world.state_of(1), IncidentState::Resolved, "nothing of it fires");
    assert_eq!(world.state_of(2), IncidentState::New);
    world.prometheus(&[], 610);
    world.tick(900);
    assert_eq!(world.state_of(2), IncidentState::Resolved);
}

#[test]
fn nobody_is_assigned_by_a_name_of_nothing_visible_and_a_merged_one_names_the_way_on() {
    let mut world = World::new(plan("db web"));
    world.prometheus(&[firing("db", "info"), firing("web", "critical")], 100);
    world.act("ana", 2, Action::Assign { to: Some("luis".into()) }, 105);
    let blank = Action::Assign { to: Some("\u{200b}\u{7}".into()) };
    assert_eq!(world.act("ana", 2, blank, 106), "refused: say to whom INC-2 is assigned");
    world.act("ana", 2, merge(1), 110);
    assert_eq!(
        world.act("ana", 2, ack(), 120),
        "refused: INC-2 was merged into INC-1 by ana at 14:01:50; work on INC-1, or split it off"
    );
}

#[test]
fn what_somebody_else_has_on_hold_is_not_taken_by_one_key() {
    let mut world = one();
    world.act("luis", 1, ack(), 10);
    world.act("luis", 1, hold(None), 20);
    assert_eq!(
        world.act("ana", 1, ack(), 30),
        "refused: INC-1 is on hold, and luis has it; assign it to take it over"
    );
    assert_eq!(world.act("luis", 1, ack(), 40), "done: INC-1 acknowledged");
}

#[test]
fn whatever_its_owner_does_gives_an_acknowledgement_its_time_again() {
    let mut world = one();
    world.act("ana", 1, classify(1, 1), 5);
    let until = |world: &World| world.incident(1).standing.acknowledged.as_ref().unwrap().until;
    world.act("ana", 1, ack(), 10);
    let again = [
        (20, Action::Note { text: "looking".into() }),
        (30, classify(1, 2)),
        (40, snooze(900)),
        (50, Action::Wake),
        (60, ack()),
    ];
    for (now, action) in again {
        world.act("ana", 1, action.clone(), now);
        assert_eq!(until(&world), Some(at(now) + minutes(30)), "{action:?}");
    }
}

#[test]
fn a_split_goes_on_with_the_hold_and_the_snooze_from_before_the_merge() {
    let mut world = World::new(plan("db web"));
    world.prometheus(&[firing("db", "critical"), firing("web", "critical")], 1);
    world.act("ana", 1, hold(Some(9_000)), 60);
    world.act("ana", 1, snooze(3_000), 61);
    world.act("ana", 1, merge(2), 100);
    assert!(!world.incident(1).is_snoozed());
    let split = Action::Split { reason: String::new() };
    assert_eq!(world.act("ana", 1, split.clone(), 200), "done: INC-1 split off");
    let standing = world.incident(1).standing.clone();
    assert_eq!(standing.state, IncidentState::OnHold);
    assert_eq!(standing.snoozed.as_ref().map(|s| s.until), Some(at(3_000)));
    let [first, again] = standing.holds.as_slice() else { panic!("two holds: {standing:?}") };
    assert_eq!((first.from, first.to), (at(60), Some(at(100))));
    assert_eq!((again.from, again.to, again.until), (at(200), None, Some(at(9_000))));
    assert_eq!(again.note, "ticket 8812");
    assert!(standing.interrupted.is_empty());
    // What would have ended in between does not begin again.
    world.act("ana", 1, merge(2), 300);
    world.act("ana", 1, split, 9_001);
    assert_eq!(world.state_of(1), IncidentState::New);
    assert!(!world.incident(1).is_snoozed());
}

#[test]
fn an_undo_takes_the_update_back_that_the_action_was() {
    let mut world = one();
    world.act("ana", 1, Action::Note { text: "looking".into() }, 10);
    let before = world.incident(1).clone();
    world.act("ana", 1, ack(), 60);
    assert_eq!(world.incident(1).updated_at, Some(at(60)));
    world.undo("ana", 1, 62);
    assert_eq!(world.incident(1).updated_at, Some(at(10)));
    assert_eq!(world.incident(1).updates, before.updates);
    // A word that was said since stays said.
    world.act("ana", 1, ack(), 70);
    world.act("ana", 1, Action::Note { text: "on it".into() }, 75);
    world.undo("ana", 1, 80);
    assert_eq!(world.incident(1).updates, [at(10), at(75)]);
    assert_eq!(world.incident(1).updated_at, Some(at(75)));
}

#[test]
fn an_undo_says_what_is_true_now_and_that_there_is_only_one() {
    let mut world = one();
    world.act("ana", 1, hold(None), 10);
    world.act("ana", 1, Action::Resume, 20);
    assert_eq!(world.undo("ana", 1, 21), "INC-1 on hold again");
    assert_eq!(
        world.undo("ana", 1, 22),
        "your last action on INC-1 is taken back already; what was before it stays"
    );
    world.act("ana", 1, Action::Resume, 30);
    world.act("ana", 1, hold(None), 40);
    assert_eq!(world.undo("ana", 1, 41), "INC-1 no longer on hold");
}

#[test]
fn who_acknowledges_for_a_while_is_told_until_when() {
    let mut world = one();
    let lasting = Action::Acknowledge { lasting: Some(minutes(30)) };
    assert_eq!(world.act("ana", 1, lasting, 60), "done: INC-1 acknowledged until 14:31:00");
}

#[test]
fn nobody_is_assigned_who_is_not_in_the_plan_if_it_names_people() {
    let mut plan = plan("db");
    let people = ["ana", "luis"].map(|id| (id.into(), std::sync::Arc::new(Person::new(id))));
    plan.roster = std::sync::Arc::new(Roster { people: people.into(), ..Roster::default() });
    let mut world = World::new(plan);
    world.prometheus(&[firing("db", "critical")], 1);
    let to = |name: &str| Action::Assign { to: Some(name.into()) };
    let answer = world.act("ana", 1, to("luiz"), 10);
    assert!(answer.starts_with("refused: there is nobody called \"luiz\""), "{answer}");
    assert!(answer.contains("did you mean \"luis\"?"), "{answer}");
    assert_eq!(world.act("ana", 1, to("luis"), 11), "done: INC-1 assigned to luis");
    // One's own name is no mistake.
    assert_eq!(world.act("root", 1, to("root"), 12), "done: INC-1 assigned to root");
}
