//! What people do, and what they are told when they may not.

use super::*;

fn one() -> World {
    let mut world = World::new(plan("db"));
    world.prometheus(&[alert("alertname=Down service=db severity=critical")], 1);
    world
}

#[test]
fn acknowledging_a_new_incident_makes_it_yours_and_starts_the_expiry() {
    let mut world = one();
    world.ask(
        "ana",
        Command::Report(Report {
            title: "x".into(),
            impact: Some(1),
            urgency: Some(1),
            ..Report::default()
        }),
        2,
    );
    assert_eq!(world.act("ana", 2, ack(), 10), "done: INC-2 acknowledged");
    let standing = &world.incident(2).standing;
    assert_eq!(standing.assignee.as_deref(), Some("ana"));
    assert_eq!(standing.acknowledged.as_ref().unwrap().until, Some(at(10) + minutes(30)));
    assert_eq!(world.act("ana", 2, ack(), 11), "done: INC-2 is already yours, now until 14:30:11");
}

#[test]
fn acknowledging_a_resolved_incident_is_refused_with_the_way_out() {
    let mut world = one();
    world.prometheus(&[], 2);
    world.act("luis", 1, resolve(), 60);
    assert_eq!(
        world.act("ana", 1, ack(), 120),
        "refused: INC-1 was resolved by luis at 14:01:00; reopen it first"
    );
}

#[test]
fn acknowledging_what_somebody_acknowledged_meanwhile_says_so_once() {
    let mut world = one();
    let seen = world.incident(1).version;
    world.act("luis", 1, ack(), 60);
    assert_eq!(
        world.act_having_seen("ana", 1, seen, ack(), 61),
        "conflict: INC-1 was acknowledged by luis at 14:01:00 while you looked; assign it to take it over"
    );
}

#[test]
fn acknowledging_what_somebody_resolved_meanwhile_is_a_conflict_with_who_and_when() {
    let mut world = one();
    world.prometheus(&[], 2);
    let seen = world.incident(1).version;
    world.act("luis", 1, resolve(), 60);
    assert_eq!(
        world.act_having_seen("ana", 1, seen, ack(), 61),
        "conflict: INC-1 was resolved by luis at 14:01:00 while you looked; reopen it first"
    );
}

#[test]
fn the_second_of_two_who_acknowledge_is_told_who_was_first() {
    let mut world = one();
    let seen = world.incident(1).version;
    world.act_having_seen("luis", 1, seen, ack(), 5);
    let answer = world.act_having_seen("ana", 1, seen, ack(), 5);
    assert!(answer.starts_with("conflict: INC-1 was acknowledged by luis at 14:00:05"), "{answer}");
    assert_eq!(world.incident(1).standing.assignee.as_deref(), Some("luis"));
}

#[test]
fn resolving_what_still_fires_asks_first_and_then_does_not_reopen_while_it_goes_on_firing() {
    let mut world = one();
    let answer = world.act("ana", 1, resolve(), 5);
    assert!(answer.contains("1 of its alerts still fire"), "{answer}");
    let force =
        Action::Resolve { reason: "known".into(), findings: Findings::default(), force: true };
    assert_eq!(world.act("ana", 1, force, 6), "done: INC-1 resolved");
    world.prometheus(&[alert("alertname=Down service=db severity=critical")], 20);
    assert_eq!(world.state_of(1), IncidentState::Resolved);
    assert_eq!(world.count(), 1);
}

#[test]
fn closing_wants_a_resolution_first() {
    let mut world = one();
    assert_eq!(world.act("ana", 1, close(), 5), "refused: INC-1 is new; resolve it first");
    world.prometheus(&[], 6);
    world.act("ana", 1, resolve(), 7);
    assert_eq!(world.act("ana", 1, close(), 8), "done: INC-1 closed");
    assert_eq!(
        world.act("ana", 1, Action::Reopen { reason: String::new() }, 9),
        "refused: INC-1 was closed by ana at 14:00:08; report a new one"
    );
    assert_eq!(world.act("ana", 1, Action::Note { text: "after".into() }, 9), "done: INC-1 noted");
}

#[test]
fn cancelling_wants_a_reason() {
    let mut world = one();
    let cancel = |reason: &str| Action::Cancel { reason: reason.into() };
    assert!(world.act("ana", 1, cancel(" "), 5).starts_with("refused: say why"));
    assert_eq!(world.act("ana", 1, cancel("false alarm"), 5), "done: INC-1 cancelled");
}

#[test]
fn a_cancelled_alert_that_goes_on_firing_opens_nothing_new_until_it_fires_again() {
    let mut world = one();
    let firing = alert("alertname=Down service=db severity=critical");
    world.act("ana", 1, Action::Cancel { reason: "noise".into() }, 5);
    world.prometheus(std::slice::from_ref(&firing), 20);
    assert_eq!(world.count(), 1);
    world.prometheus(&[], 40);
    world.prometheus(&[firing], 60);
    assert_eq!(world.count(), 2);
    assert_eq!(world.incident(2).earlier, Some(IncidentId(1)));
}

#[test]
fn undo_puts_back_what_was_before_and_only_for_the_one_who_did_it_and_only_for_a_while() {
    let mut world = one();
    let before = world.incident(1).standing.clone();
    world.act("ana", 1, ack(), 5);
    assert!(world.undo("luis", 1, 6).contains("is not yours"));
    assert_eq!(world.undo("ana", 1, 34), "INC-1 no longer acknowledged");
    assert_eq!(world.incident(1).standing, before);
    world.act("ana", 1, ack(), 40);
    assert!(world.undo("ana", 1, 71).starts_with("too late"));
}

#[test]
fn undo_of_a_report_by_hand_cancels_it() {
    let mut world = one();
    let id = world.report("ana", "printer on fire", 5);
    world.undo("ana", id.0, 6);
    assert_eq!(world.state_of(id.0), IncidentState::Cancelled);
}

#[test]
fn an_undo_is_refused_once_somebody_else_acted() {
    let mut world = one();
    world.act("ana", 1, ack(), 5);
    world.act("luis", 1, Action::Note { text: "looking too".into() }, 6);
    assert!(world.undo("ana", 1, 7).contains("given a note by luis"));
}

#[test]
fn an_acknowledgement_expires_back_to_new_and_the_response_stays_met() {
    let mut plan = plan("db");
    plan.policy.ack_expiry = [Some(minutes(30)); 5];
    let mut world = World::new(plan);
    world.prometheus(&[alert("alertname=Down service=db")], 1);
    world.act("ana", 1, ack(), 10);
    world.tick(10 + 30 * 60 - 1);
    assert_eq!(world.state_of(1), IncidentState::Acknowledged);
    world.tick(10 + 30 * 60);
    assert_eq!(world.state_of(1), IncidentState::New);
    assert_eq!(world.incident(1).standing.first_acknowledged_at, Some(at(10)));
    assert_eq!(world.news.last(), Some(&(News::AcknowledgementExpired, IncidentId(1))));
}

#[test]
fn the_owner_is_warned_once_before_an_acknowledgement_expires() {
    let mut plan = plan("db");
    plan.policy.ack_expiry = [Some(minutes(30)); 5];
    let mut world = World::new(plan);
    world.prometheus(&[alert("alertname=Down service=db")], 1);
    world.act("ana", 1, ack(), 10);
    world.tick(10 + 24 * 60 - 1);
    assert_eq!(world.news.len(), 1);
    for second in 0..5 {
        world.tick(10 + 24 * 60 + second);
    }
    assert_eq!(world.news[1..], [(News::AcknowledgementExpiring, IncidentId(1))]);
    world.act("ana", 1, Action::Note { text: "on it".into() }, 1_500);
    world.tick(1_500 + 24 * 60 - 1);
    assert_eq!(world.news.len(), 2, "what she did gives her the whole time again");
    world.tick(1_500 + 25 * 60);
    assert_eq!(world.news.len(), 3);
}

#[test]
fn whom_it_was_handed_to_can_acknowledge_and_keep_it() {
    let mut plan = plan("db");
    plan.policy.ack_expiry = [Some(minutes(30)); 5];
    let mut world = World::new(plan);
    world.prometheus(&[alert("alertname=Down service=db")], 1);
    world.act("ana", 1, ack(), 10);
    world.act("ana", 1, Action::Assign { to: Some("zoe".into()) }, 20);
    world.act("zoe", 1, Action::Note { text: "mine now".into() }, 600);
    assert_eq!(
        world.incident(1).standing.acknowledged.as_ref().unwrap().until,
        Some(at(600 + 30 * 60))
    );
    assert_eq!(world.act("zoe", 1, ack(), 700), "done: INC-1 acknowledged");
    assert!(world.act("ana", 1, ack(), 800).contains("acknowledged by zoe"));
}

#[test]
fn a_note_beside_an_own_action_leaves_that_to_be_undone() {
    let mut world = one();
    world.act("ana", 1, ack(), 5);
    world.act("ana", 1, Action::Note { text: "hello".into() }, 6);
    assert_eq!(world.undo("ana", 1, 7), "INC-1 no longer acknowledged");
    assert_eq!(world.state_of(1), IncidentState::New);
}

#[test]
fn what_others_end_and_reopen_is_news_too() {
    let mut world = one();
    world.act(
        "luis",
        1,
        Action::Resolve { reason: "fixed".into(), findings: Findings::default(), force: true },
        5,
    );
    world.act("luis", 1, Action::Reopen { reason: "not quite".into() }, 6);
    let told: Vec<News> = world.news.iter().map(|(news, _)| *news).collect();
    assert_eq!(told, [News::Opened, News::Resolved, News::Reopened]);
}

#[test]
fn times_are_told_in_the_zone_of_the_site() {
    let mut plan = plan("db");
    plan.policy.zone = chrono_tz::Europe::Madrid;
    let mut world = World::new(plan);
    world.prometheus(&[alert("alertname=Down service=db")], 1);
    world.act("luis", 1, Action::resolve(true), 5);
    let why = world.act("ana", 1, ack(), 6);
    let local = at(5).with_timezone(&chrono_tz::Europe::Madrid).format("%H:%M:%S").to_string();
    assert_eq!(why, format!("refused: INC-1 was resolved by luis at {local}; reopen it first"));
}

#[test]
fn a_note_by_its_owner_extends_the_acknowledgement() {
    let mut plan = plan("db");
    plan.policy.ack_expiry = [Some(minutes(30)); 5];
    let mut world = World::new(plan);
    world.prometheus(&[alert("alertname=Down service=db")], 1);
    world.act("ana", 1, ack(), 10);
    world.act("ana", 1, Action::Note { text: "on it".into() }, 600);
    world.tick(10 + 30 * 60);
    assert_eq!(world.state_of(1), IncidentState::Acknowledged);
}

#[test]
fn taking_an_acknowledgement_back_makes_it_new_and_nobodys() {
    let mut world = one();
    world.act("ana", 1, ack(), 5);
    assert_eq!(world.act("ana", 1, Action::Unacknowledge, 6), "done: INC-1 new again");
    assert_eq!(world.incident(1).standing.assignee, None);
}

#[test]
fn a_bulk_answers_for_each_incident_by_itself() {
    let mut world = one();
    world.report("ana", "two", 2);
    world.prometheus(&[], 3);
    world.act("luis", 1, resolve(), 4);
    let targets = [1, 2, 9].map(|n| Target { id: IncidentId(n), seen: 0 }).to_vec();
    let answers = world.ask("ana", Command::Act { targets, action: ack() }, 5);
    let words: Vec<_> = answers.iter().map(|a| a.verdict.word()).collect();
    assert_eq!(words, ["refused", "done", "refused"]);
    assert_eq!(answers[2].verdict.to_string(), "there is no INC-9");
}

#[test]
fn a_report_needs_a_title_and_a_known_service_and_its_text_is_harmless() {
    let mut world = one();
    let ask = |world: &mut World, report| world.ask("ana", Command::Report(report), 2).remove(0);
    let empty = ask(&mut world, Report::default());
    assert!(empty.verdict.to_string().contains("needs a title"));
    let service = Some(ServiceId::new("nope"));
    let unknown = ask(&mut world, Report { title: "x".into(), service, ..Report::default() });
    assert_eq!(unknown.verdict.to_string(), "there is no service \"nope\"");
    let hostile = Report { title: "a\u{1b}[2Jb\u{202e}c".into(), ..Report::default() };
    let id = ask(&mut world, hostile).id.unwrap();
    assert_eq!(world.incident(id.0).title, "abc");
}

#[test]
fn reopening_is_refused_while_another_incident_covers_the_same_trouble() {
    let mut plan = plan("db");
    plan.policy.reopen_window = TimeDelta::zero();
    let mut world = World::new(plan);
    let firing = alert("alertname=Down service=db");
    world.prometheus(std::slice::from_ref(&firing), 1);
    world.prometheus(&[], 2);
    world.act("ana", 1, resolve(), 3);
    world.prometheus(&[firing], 10);
    assert_eq!(world.count(), 2);
    assert_eq!(
        world.act("ana", 1, Action::Reopen { reason: "wrong".into() }, 11),
        "refused: INC-2 already covers the same trouble; work on that one"
    );
    assert!(world.undo("ana", 1, 12).contains("INC-2 already covers"));
}
