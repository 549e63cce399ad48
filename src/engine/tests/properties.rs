//! What holds after any sequence of events.

use super::*;
use crate::domain::log::Entry;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Alerts(Vec<bool>),
    Silent,
    Act(u64, usize, usize),
    Undo(u64, usize),
    Report,
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::collection::vec(any::<bool>(), 4).prop_map(Step::Alerts),
        1 => Just(Step::Silent),
        8 => (1..8_u64, 0..ACTIONS, 0..2_usize).prop_map(|(i, a, w)| Step::Act(i, a, w)),
        3 => (1..8_u64, 0..2_usize).prop_map(|(i, w)| Step::Undo(i, w)),
        1 => Just(Step::Report),
        4 => prop_oneof![1..40_i64, 100..2_000_i64].prop_map(Step::Wait),
    ]
}

const WHO: [&str; 2] = ["ana", "luis"];

const ACTIONS: usize = 18;

fn action(n: usize, now: i64) -> Action {
    match n {
        0 => ack(),
        1 => Action::Unacknowledge,
        2 => Action::Assign { to: Some("sam".into()) },
        3 => Action::Note { text: "note".into() },
        4 => Action::resolve(true),
        5 => close(),
        6 => Action::Cancel { reason: "false alarm".into() },
        7 => Action::Reopen { reason: String::new() },
        8 => Action::Hold { reason: HoldReason::Supplier, note: String::new(), until: None },
        9 => {
            let until = Some(at(now + 300));
            Action::Hold { reason: HoldReason::Customer, note: "ticket 7".into(), until }
        }
        10 => Action::Resume,
        11 => Action::Snooze { until: at(now + 200) },
        12 => Action::Wake,
        13 => Action::Classify { impact: Some(1), urgency: Some(3), category: None },
        14 => Action::Rate { score: 4, text: String::new(), from: "the shop".into() },
        15 => Action::Merge { into: IncidentId(2) },
        16 => Action::Split { reason: String::new() },
        _ => Action::Acknowledge { lasting: Some(minutes(1)) },
    }
}

fn act(id: u64, action: Action) -> Command {
    Command::Act { targets: vec![Target { id: IncidentId(id), seen: 0 }], action }
}

fn play(steps: &[Step], mut check: impl FnMut(&World)) -> World {
    let services = ["db", "web", "shop", "mail"];
    let mut world = World::new(plan("db web<db shop<web mail"));
    let mut now = 1;
    for step in steps {
        match step {
            Step::Alerts(firing) => {
                let alerts: Vec<Alert> = services
                    .iter()
                    .zip(firing)
                    .filter(|(_, f)| **f)
                    .map(|(s, _)| alert(&format!("alertname=Down service={s} severity=critical")))
                    .collect();
                world.prometheus(&alerts, now);
            }
            Step::Silent => world.tick(now),
            Step::Act(id, n, who) => {
                world.ask(WHO[*who], act(*id, action(*n, now)), now);
            }
            Step::Undo(id, who) => {
                world.ask(WHO[*who], Command::Undo { targets: vec![IncidentId(*id)] }, now);
            }
            Step::Report => {
                world.report("ana", "by hand", now);
            }
            Step::Wait(seconds) => {
                now += seconds;
                world.tick(now);
            }
        }
        now += 1;
        check(&world);
    }
    world
}

/// What must never be otherwise.
fn is_legal(world: &World) {
    let mut open_keys = std::collections::HashSet::new();
    for incident in world.state.incidents.values() {
        let s = &incident.standing;
        let id = incident.id;
        if incident.is_open() {
            assert!(open_keys.insert(&incident.key), "two open incidents of {}", incident.key);
        }
        assert_eq!(
            s.state == IncidentState::Acknowledged,
            s.acknowledged.is_some() && incident.is_open() && s.state != IncidentState::OnHold,
            "{id}: {s:?}"
        );
        assert_eq!(s.state == IncidentState::OnHold, s.hold().is_some(), "{id}: {s:?}");
        let waits = s.holds.iter().filter(|h| h.to.is_none()).count();
        assert_eq!(waits, usize::from(s.state == IncidentState::OnHold), "{id}: {s:?}");
        assert!(s.snoozed.is_none() || incident.is_open(), "{id}: {s:?}");
        if let Some(into) = s.merged_into {
            let survivor = world.state.incident(into).unwrap();
            assert_eq!(s.state, IncidentState::Cancelled, "{id}");
            assert!(survivor.absorbed.iter().any(|a| a.id == id), "{into} knows {id}");
            assert!(survivor.started_at <= incident.started_at, "{into} began with {id}");
        }
        for absorbed in &incident.absorbed {
            let merged = world.state.incident(absorbed.id).unwrap();
            assert_eq!(merged.standing.merged_into, Some(id), "{} is part of {id}", absorbed.id);
        }
        assert_eq!(s.state == IncidentState::Closed, s.closed.is_some(), "{id}");
        assert_eq!(s.state == IncidentState::Cancelled, s.cancelled.is_some(), "{id}");
        if s.state == IncidentState::Resolved {
            assert!(s.resolved.is_some(), "{id}");
        }
        if let Some(parent) = incident.parent {
            let cause = world.state.incident(parent).unwrap();
            if incident.is_open() {
                assert!(cause.is_open(), "{id} folds under {parent}, which is over");
            }
        }
    }
    let ids: Vec<u64> = world.state.incidents.keys().map(|i| i.0).collect();
    assert!(ids.iter().copied().eq(1..=ids.len() as u64), "ids have no gap: {ids:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_reaches_an_illegal_state(steps in proptest::collection::vec(step(), 1..60)) {
        play(&steps, is_legal);
    }

    #[test]
    fn replaying_the_log_gives_the_same_incidents(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let world = play(&steps, |_| {});
        let mut again = State::new(world.state.plan().clone(), Vec::new(), 1, 0, at(0));
        for event in &world.log {
            let text = serde_json::to_string(event).unwrap();
            let event: Event = serde_json::from_str(&text).unwrap();
            core::evolve(&mut again, &Entry::Incident(event));
        }
        prop_assert_eq!(&again.incidents, &world.state.incidents);
        prop_assert_eq!(again.position(), world.log.len() as u64);
    }

    #[test]
    fn undo_restores_exactly(
        steps in proptest::collection::vec(step(), 1..40), id in 1..5_u64, n in 0..ACTIONS,
    ) {
        let mut world = play(&steps, |_| {});
        prop_assume!(world.state.incident(IncidentId(id)).is_some());
        let before = world.incident(id).standing.clone();
        let now = 200_000;
        let all = world.state.incidents.clone();
        let answer = world.ask("ana", act(id, action(n, now)), now);
        prop_assume!(answer[0].verdict.is_done());
        world.undo("ana", id, now + 1);
        prop_assert_eq!(&world.incident(id).standing, &before);
        for (id, before) in &all {
            let after = world.state.incident(*id).unwrap();
            prop_assert_eq!(after.class(), before.class(), "{}", id);
            prop_assert_eq!(after.started_at, before.started_at, "{}", id);
            let ids = |i: &Incident| i.absorbed.iter().map(|a| a.id).collect::<std::collections::BTreeSet<_>>();
            prop_assert_eq!(ids(after), ids(before), "{}", id);
        }
    }
}
