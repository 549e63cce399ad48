//! Detection: dedup, grouping, proven clearing, reopening, flapping, heartbeats.

use super::*;
use crate::domain::incident::policy::Rule;
use crate::domain::matcher::Matchers;

fn down() -> Alert {
    alert("alertname=Down service=db severity=critical")
}

/// An Alertmanager that passes on what a Prometheus with a watchdog sends.
fn manager(world: &mut World, alerts: &[Alert], pulse: Heartbeat, seconds: i64) {
    let set = AlertSet { heartbeats: vec![pulse], ..alert_set(alerts) };
    world.observed("am", vec![Fact::Alerts(set)], seconds);
}

#[test]
fn the_same_alert_seen_again_is_the_same_incident() {
    let mut world = World::new(plan("db"));
    for second in 1..5 {
        world.prometheus(&[down()], second);
    }
    assert_eq!(world.kinds(), ["opened", "alert_fired"]);
    assert_eq!(world.news, [(News::Opened, IncidentId(1))]);
    assert_eq!(world.incident(1).service, Some(ServiceId::new("db")));
}

#[test]
fn alerts_with_equal_group_labels_are_one_incident() {
    let mut plan = plan("db");
    plan.policy.rules = vec![Rule {
        matchers: Matchers::parse("alertname=\"Down\"").unwrap(),
        group_by: Some(vec!["alertname".into(), "service".into()]),
        ..Rule::default()
    }];
    let mut world = World::new(plan);
    world.prometheus(
        &[
            alert("alertname=Down service=db instance=1"),
            alert("alertname=Down service=db instance=2"),
            alert("alertname=Down service=web instance=1"),
        ],
        1,
    );
    assert_eq!(world.count(), 2);
    assert_eq!(world.incident(1).firing(), 2);
    assert!(!world.incident(1).labels.contains_key("instance"), "only what they have in common");
}

#[test]
fn an_alert_that_no_service_claims_is_unassigned_and_never_dropped() {
    let mut world = World::new(plan("db"));
    world.prometheus(&[alert("alertname=Odd job=x")], 1);
    assert_eq!(world.incident(1).service, None);
}

#[test]
fn a_cleared_alert_resolves_its_incident_after_a_while() {
    let mut world = World::new(plan("db"));
    world.prometheus(&[down()], 1);
    world.prometheus(&[], 10);
    world.tick(129);
    assert_eq!(world.state_of(1), IncidentState::New);
    world.tick(130);
    assert_eq!(world.state_of(1), IncidentState::Resolved);
    world.tick(130 + 3 * 86_400);
    assert_eq!(world.state_of(1), IncidentState::Closed);
}

#[test]
fn a_dead_prometheus_behind_a_living_alertmanager_resolves_nothing() {
    let mut world = World::new(plan("db"));
    manager(&mut world, &[down()], heartbeat(true, 0), 1);
    // Its alerts lapse one by one: first the incident's, then the watchdog itself.
    manager(&mut world, &[], heartbeat(true, 0), 240);
    manager(&mut world, &[], heartbeat(false, 0), 300);
    for second in (310..4_000).step_by(15) {
        manager(&mut world, &[], heartbeat(false, 0), second);
        world.tick(second);
    }
    assert_eq!(world.state_of(1), IncidentState::New);
    assert_eq!(world.incident(1).unverified_since, Some(at(370)), "two minutes after it was gone");
    let blind = world.incident(2);
    assert_eq!((blind.priority.0, blind.title.contains("monitoring is blind")), (1, true));
}

#[test]
fn a_heartbeat_renewed_after_the_alert_was_gone_proves_that_it_cleared() {
    let mut world = World::new(plan("db"));
    manager(&mut world, &[down()], heartbeat(true, 0), 1);
    manager(&mut world, &[], heartbeat(true, 5), 10);
    assert_eq!(world.incident(1).firing(), 1, "not renewed since");
    manager(&mut world, &[], heartbeat(true, 12), 20);
    assert_eq!(world.incident(1).firing(), 0);
}

#[test]
fn after_a_break_the_heartbeat_must_have_settled_before_it_vouches_again() {
    let mut world = World::new(plan("db"));
    manager(&mut world, &[down()], heartbeat(true, 0), 1);
    manager(&mut world, &[], heartbeat(false, 0), 300);
    manager(&mut world, &[], heartbeat(true, 600), 600);
    manager(&mut world, &[], heartbeat(true, 660), 660);
    assert_eq!(world.incident(1).firing(), 1, "Prometheus may not have fired it again yet");
    manager(&mut world, &[], heartbeat(true, 1_200), 1_200);
    assert_eq!(world.incident(1).firing(), 0);
}

#[test]
fn the_origins_own_answer_proves_a_clearing_only_while_it_is_fresh() {
    let mut world = World::new(plan("db"));
    let passed_on = |alerts: &[Alert]| {
        vec![Fact::Alerts(AlertSet { origins: vec![Arc::from("prom")], ..alert_set(alerts) })]
    };
    let own = |alerts: &[Alert]| {
        vec![Fact::Alerts(AlertSet { authoritative: true, ..alert_set(alerts) })]
    };
    world.observed("am", passed_on(&[down()]), 1);
    world.observed("am", passed_on(&[]), 10);
    let failing = SourceState::Failing { since: at(9), error: String::new(), next_try: at(20) };
    world.state.sources(vec![status("prom", failing)]);
    world.observed("prom", own(&[]), 12);
    world.observed("am", passed_on(&[]), 15);
    assert_eq!(world.incident(1).firing(), 1);
    world.state.sources(vec![status("prom", SourceState::Fresh)]);
    world.observed("am", passed_on(&[]), 20);
    assert_eq!(world.incident(1).firing(), 0);
}

/// What a Prometheus that was started at `started` lists.
fn own(firing: &[Alert], pending: &[Alert], started: i64) -> AlertSet {
    let evaluating_since = Some(at(started));
    let pending = pending.to_vec();
    AlertSet { authoritative: true, pending, evaluating_since, ..alert_set(firing) }
}

#[test]
fn a_restarted_prometheus_clears_nothing_before_it_has_listed_it_again_or_settled() {
    let mut world = World::new(plan("db"));
    let mut poll = |firing: &[Alert], pending: &[Alert], started, second| {
        world.observed("prom", vec![Fact::Alerts(own(firing, pending, started))], second);
        world.incident(1).firing()
    };
    assert_eq!(poll(&[down()], &[], -3_600, 1), 1);
    assert_eq!(poll(&[], &[], 8, 10), 1, "started again, no rule evaluated yet");
    assert_eq!(poll(&[], &[down()], 8, 20), 1, "its condition holds");
    assert_eq!(poll(&[], &[], 8, 30), 0, "it had it, and has it no more");
    assert_eq!(poll(&[down()], &[], 8, 40), 1);
    assert_eq!(poll(&[], &[], 45, 50), 1, "started again");
    assert_eq!(poll(&[], &[], 45, 644), 1);
    assert_eq!(poll(&[], &[], 45, 645), 0, "ten minutes are enough for any rule");
}

#[test]
fn a_pending_alert_raises_nothing() {
    let mut world = World::new(plan("db"));
    world.observed("prom", vec![Fact::Alerts(own(&[], &[down()], -3_600))], 1);
    assert_eq!(world.count(), 0);
}

#[test]
fn an_origin_that_answers_is_believed_before_a_heartbeat() {
    let mut world = World::new(plan("db"));
    world.state.sources(vec![status("prom", SourceState::Fresh)]);
    let passed_on = |alerts: &[Alert], renewed| {
        let heartbeats = vec![heartbeat(true, renewed)];
        let origins = vec![Arc::from("prom")];
        vec![Fact::Alerts(AlertSet { heartbeats, origins, ..alert_set(alerts) })]
    };
    let external = alert("alertname=Down service=db severity=critical dc=mad");
    world.observed("am", passed_on(&[external], 0), 1);
    // It was restarted: the alert lapses in the Alertmanager, the heartbeat does not.
    world.observed("am", passed_on(&[], 240), 240);
    for second in (250..400).step_by(10) {
        world.observed("prom", vec![Fact::Evidence(own(&[], &[down()], 30))], second);
        world.observed("am", passed_on(&[], second), second);
    }
    assert_eq!(world.incident(1).firing(), 1);
    assert_eq!(world.incident(1).unverified_since, None, "the origin knows it");
    world.observed("prom", vec![Fact::Evidence(own(&[], &[], 30))], 400);
    world.observed("am", passed_on(&[], 400), 400);
    assert_eq!(world.incident(1).firing(), 0);
}

#[test]
fn alerts_of_an_origin_are_evidence_and_raise_nothing() {
    let mut world = World::new(plan("db"));
    let passed_on = |alerts: &[Alert]| {
        vec![Fact::Alerts(AlertSet { origins: vec![Arc::from("prom")], ..alert_set(alerts) })]
    };
    let own = |alerts: &[Alert]| {
        vec![Fact::Evidence(AlertSet { authoritative: true, ..alert_set(alerts) })]
    };
    world.state.sources(vec![status("prom", SourceState::Fresh)]);
    world.observed("prom", own(&[down()]), 1);
    assert!(world.kinds().is_empty());
    world.observed("am", passed_on(&[down()]), 2);
    world.observed("am", passed_on(&[]), 10);
    world.observed("prom", own(&[down()]), 12);
    world.observed("am", passed_on(&[]), 15);
    assert_eq!(world.incident(1).firing(), 1);
    world.observed("prom", own(&[]), 20);
    world.observed("am", passed_on(&[]), 21);
    assert_eq!(world.incident(1).firing(), 0);
}

#[test]
fn after_a_restart_nothing_is_resolved_without_proof() {
    let mut world = World::new(plan("db"));
    manager(&mut world, &[down()], heartbeat(true, 0), 1);
    let incidents = vec![world.incident(1).clone()];
    world.state = State::new(Arc::new(plan("db")), incidents, 2, 2, at(1_000));
    world.tick(1_001);
    manager(&mut world, &[], heartbeat(true, 1_000), 1_010);
    assert_eq!(world.incident(1).firing(), 1);
    manager(&mut world, &[], heartbeat(true, 1_015), 1_020);
    assert_eq!(world.incident(1).firing(), 0);
}

#[test]
fn fired_again_within_the_window_it_reopens_with_its_owner_kept() {
    let mut world = World::new(plan("db"));
    world.prometheus(&[down()], 1);
    world.act("ana", 1, ack(), 2);
    world.prometheus(&[], 10);
    world.tick(130);
    assert_eq!(world.state_of(1), IncidentState::Resolved);
    world.prometheus(&[down()], 200);
    assert_eq!(world.state_of(1), IncidentState::Acknowledged);
    assert_eq!(world.incident(1).standing.assignee.as_deref(), Some("ana"));
    assert_eq!(world.count(), 1);
}

#[test]
fn fired_again_later_it_is_a_new_incident_that_links_to_the_last() {
    let mut world = World::new(plan("db"));
    world.prometheus(&[down()], 1);
    world.prometheus(&[], 10);
    world.tick(130);
    world.prometheus(&[down()], 130 + 1_801);
    assert_eq!(world.incident(2).earlier, Some(IncidentId(1)));
    assert_eq!(world.incident(2).recurrence, 2);
}

#[test]
fn the_third_reopening_within_the_hour_is_flapping_and_then_quiet() {
    let mut world = World::new(plan("db"));
    let mut second = 1;
    world.prometheus(&[down()], second);
    for _ in 0..3 {
        world.prometheus(&[], second + 10);
        world.tick(second + 130);
        second += 200;
        world.prometheus(&[down()], second);
    }
    assert!(world.incident(1).flapping_since.is_some());
    let told = world.news.len();
    world.prometheus(&[], second + 10);
    world.tick(second + 130);
    assert!(world.incident(1).is_open(), "it stays open until there was peace");
    world.tick(second + 10 + 1_800);
    assert_eq!(world.state_of(1), IncidentState::Resolved);
    assert!(world.incident(1).flapping_since.is_none());
    assert_eq!(world.news.len(), told + 1, "its end is told once");
}

#[test]
fn a_silenced_alert_keeps_its_incident_and_tells_nobody() {
    let mut world = World::new(plan("db"));
    let silenced = Alert { status: AlertStatus::Silenced { by: vec!["s1".into()] }, ..down() };
    world.prometheus(&[silenced], 1);
    assert!(world.incident(1).is_silenced());
    assert!(world.news.is_empty());
    world.prometheus(&[down()], 2);
    assert!(!world.incident(1).is_silenced());
}

#[test]
fn an_inhibited_alert_is_counted_on_its_inhibitor_and_stands_for_itself_later() {
    let mut world = World::new(plan("db web"));
    let child = alert("alertname=Slow service=web");
    let status = AlertStatus::Inhibited { by: vec![down().fingerprint] };
    let inhibited = Alert { status, ..child.clone() };
    world.prometheus(&[down(), inhibited], 1);
    assert_eq!(world.count(), 1);
    assert_eq!(world.incident(1).alerts.len(), 2);
    world.prometheus(&[child], 60);
    assert_eq!(world.count(), 2);
    assert_eq!(world.incident(1).firing(), 0);
    assert_eq!(world.incident(2).service, Some(ServiceId::new("web")));
}

#[test]
fn a_heartbeat_is_no_incident_and_its_absence_is_a_p1_that_ends_with_it() {
    let mut world = World::new(plan("db"));
    let watchdog = alert("alertname=Watchdog");
    manager(&mut world, &[watchdog], heartbeat(true, 1), 1);
    assert_eq!(world.count(), 0);
    for second in (15..400).step_by(15) {
        manager(&mut world, &[], heartbeat(false, 0), second);
        world.tick(second);
    }
    assert_eq!(world.count(), 1);
    assert_eq!(world.incident(1).priority.0, 1);
    assert_eq!(world.snapshot(400).blind.len(), 1);
    manager(&mut world, &[], heartbeat(true, 410), 410);
    world.tick(411);
    world.tick(411 + 120);
    assert_eq!(world.state_of(1), IncidentState::Resolved);
}

#[test]
fn a_heartbeat_that_cannot_be_asked_for_is_silent_too() {
    let mut world = World::new(Plan {
        heartbeats: vec![(Arc::from("am"), "alertname=\"Watchdog\"".to_owned())],
        ..plan("db")
    });
    world.tick(299);
    assert_eq!(world.count(), 0);
    world.tick(301);
    assert_eq!(world.incident(1).priority.0, 1);
}
