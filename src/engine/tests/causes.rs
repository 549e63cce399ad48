//! One cause, one page.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn broken(service: &str, severity: &str) -> Alert {
    alert(&format!("alertname=Broken service={service} severity={severity}"))
}

#[test]
fn what_depends_on_the_broken_one_folds_under_it_and_is_told_once() {
    let mut world = World::new(plan("db web<db shop<web mail"));
    world.prometheus(
        &[
            broken("db", "critical"),
            broken("web", "critical"),
            broken("shop", "warning"),
            broken("mail", "warning"),
        ],
        1,
    );
    assert_eq!(world.incident(2).parent, Some(IncidentId(1)));
    assert_eq!(world.incident(3).parent, Some(IncidentId(1)), "the deepest, not the nearest");
    assert_eq!(world.incident(4).parent, None);
    let told: Vec<_> = world.news.iter().map(|n| n.1.0).collect();
    assert_eq!(told, [1, 4]);
    assert_eq!(world.snapshot(2).incidents.open(), 2);
}

#[test]
fn a_cause_that_shows_later_takes_what_is_open_already() {
    let mut world = World::new(plan("db web<db"));
    world.prometheus(&[broken("web", "critical")], 1);
    world.prometheus(&[broken("web", "critical"), broken("db", "critical")], 20);
    assert_eq!(world.incident(1).parent, Some(IncidentId(2)));
}

#[test]
fn folding_never_hides_how_urgent_it_is() {
    let mut services = plan("db web<db");
    let web = Service { tier: 1, depends_on: vec![ServiceId::new("db")], ..Service::new("web") };
    services.services[1] = Arc::new(web);
    let mut world = World::new(services);
    world.prometheus(&[broken("db", "warning"), broken("web", "critical")], 1);
    assert_eq!(world.incident(2).priority.0, 1);
    assert_eq!(world.incident(1).priority.0, 1);
}

#[test]
fn acknowledging_the_cause_takes_what_it_affects_along_and_undo_gives_it_back() {
    let mut world = World::new(plan("db web<db shop<db"));
    world.prometheus(
        &[broken("db", "critical"), broken("web", "critical"), broken("shop", "critical")],
        1,
    );
    let answer = world.act("ana", 1, ack(), 5);
    assert_eq!(answer, "done: INC-1 acknowledged, with 2 that it affects");
    assert_eq!(world.state_of(3), IncidentState::Acknowledged);
    world.undo("ana", 1, 6);
    assert_eq!([1, 2, 3].map(|n| world.state_of(n)), [IncidentState::New; 3]);
}

#[test]
fn when_the_cause_is_over_what_still_burns_stands_for_itself() {
    let mut world = World::new(plan("db web<db"));
    world.prometheus(&[broken("db", "critical"), broken("web", "critical")], 1);
    world.prometheus(&[broken("web", "critical")], 10);
    world.tick(131);
    assert_eq!(world.state_of(1), IncidentState::Resolved);
    assert_eq!(world.incident(2).parent, None);
}

#[test]
fn services_that_depend_on_each_other_do_not_go_round_in_circles() {
    let mut world = World::new(plan("a<b b<a"));
    world.prometheus(&[broken("a", "critical"), broken("b", "critical")], 1);
    assert_eq!([1, 2].map(|n| world.incident(n).parent), [None, Some(IncidentId(1))]);
}

#[test]
fn a_ring_of_services_has_one_cause_and_all_others_fold_under_it() {
    let mut world = World::new(plan("a<b b<c c<d d<a e<a"));
    let ring = ["c", "a", "e", "b", "d"].map(|service| broken(service, "critical"));
    world.prometheus(&ring, 1);
    let parents = [1, 2, 3, 4, 5].map(|n| world.incident(n).parent.map(|p| p.0));
    assert_eq!(parents, [None, Some(1), Some(1), Some(1), Some(1)]);
    let snapshot = world.snapshot(2);
    assert_eq!(snapshot.incidents.open(), 1);
    let causes: Vec<_> = snapshot.health.services.iter().filter(|s| s.likely_cause).collect();
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0].service.id, ServiceId::new("c"), "as the queue says");
}

#[test]
fn the_cause_of_a_ring_stays_the_same_until_it_is_over() {
    let mut world = World::new(plan("a<b b<a,c c<a"));
    let causes =
        |world: &World| world.state.incidents.values().map(|i| i.parent).collect::<Vec<_>>();
    world.prometheus(&[broken("b", "critical")], 1);
    world.prometheus(&["a", "b"].map(|s| broken(s, "critical")), 2);
    assert_eq!(causes(&world), [None, Some(IncidentId(1))]);
    world.prometheus(&["a", "b", "c"].map(|s| broken(s, "critical")), 3);
    world.act("ana", 1, ack(), 4);
    assert_eq!(causes(&world), [None, Some(IncidentId(1)), Some(IncidentId(1))]);
    world.act("ana", 1, resolve(), 5);
    world.act("ana", 1, Action::Cancel { reason: "false alarm".to_owned() }, 6);
    assert_eq!(causes(&world)[1..], [None, Some(IncidentId(2))], "{:?}", world.kinds());
}

#[test]
fn what_needs_itself_stands_for_itself() {
    let mut world = World::new(plan("a<a"));
    world.prometheus(&[broken("a", "critical")], 1);
    assert_eq!(world.incident(1).parent, None);
}

#[test]
fn a_longer_way_leads_deeper_than_a_shorter_one() {
    let mut world = World::new(plan("web<db db shop<web,db"));
    world.prometheus(&["web", "db", "shop"].map(|s| broken(s, "critical")), 1);
    assert_eq!(world.incident(1).parent, Some(IncidentId(2)));
    assert_eq!(world.incident(3).parent, Some(IncidentId(2)), "not the web's, which folds itself");
}

#[test]
fn services_that_become_known_later_fold_what_is_open_already() {
    let declare = |world: &mut World, services: &str, second: i64| {
        let known = plan(services).services.iter().map(|s| Service::clone(s)).collect();
        world.observed("plug-in", vec![Fact::Services(known)], second);
    };
    let mut world = World::new(Plan::empty());
    declare(&mut world, "db web", 1);
    world.prometheus(&["db", "web"].map(|s| broken(s, "critical")), 1);
    assert_eq!(world.incident(2).parent, None);
    declare(&mut world, "db web<db", 2);
    assert_eq!(world.incident(2).parent, Some(IncidentId(1)));
    world.replan(plan("db<web web"), 3);
    world.tick(4);
    assert_eq!([1, 2].map(|n| world.incident(n).parent), [Some(IncidentId(2)), None]);
}

/// `services` services; who needs whom is the argument's.
fn woven(services: usize, needs: impl Fn(usize) -> Vec<usize>) -> Plan {
    let mut plan = Plan::empty();
    let id = |n: usize| format!("s{n}");
    for n in 0..services {
        let depends_on = needs(n).into_iter().map(|n| ServiceId::new(&id(n))).collect();
        plan.services.push(Arc::new(Service { depends_on, ..Service::new(&id(n)) }));
    }
    plan
}

#[rstest]
#[case::dense(|n: usize| (1..=64).map(|k| (n * 7 + k * 31) % 2_000).collect(), 1)]
#[case::dense_without_circles(|n: usize| (n + 1..2_000).take(64).collect(), 1)]
#[case::a_chain(|n: usize| (n + 1..2_000).take(1).collect(), 1)]
#[case::a_ring(|n: usize| vec![(n + 1) % 2_000], 1)]
#[case::many_rings(|n: usize| vec![n ^ 1], 500)]
fn thousands_of_services_that_need_each_other_exhaust_neither_stack_nor_time(
    #[case] needs: impl Fn(usize) -> Vec<usize>,
    #[case] causes: usize,
) {
    let mut world = World::new(woven(2_000, needs));
    let half = |n: &usize| n % 4 < 2;
    let alerts: Vec<Alert> =
        (0..2_000).filter(half).map(|n| broken(&format!("s{n}"), "critical")).collect();
    world.prometheus(&alerts, 1);
    for second in 2..5 {
        world.prometheus(&alerts, second);
        assert_eq!(world.snapshot(second).incidents.open(), causes);
    }
    let parents: BTreeSet<_> = world.state.incidents.values().filter_map(|i| i.parent).collect();
    assert_eq!(parents.len(), causes);
    let health = &world.snapshot(5).health;
    assert_eq!(health.services.iter().filter(|s| s.likely_cause).count(), causes);
}

/// Something that happens to services that depend on each other.
#[derive(Debug, Clone)]
enum Step {
    /// Which alerts fire, and in which order they are told: two of each service.
    Alerts(Vec<usize>),
    Act(u64, usize),
    Undo(u64),
    Report(usize),
    /// Services need others from now on.
    Replan(Vec<(usize, usize)>),
    Wait(i64),
}

const SERVICES: usize = 6;

fn edges() -> impl Strategy<Value = Vec<(usize, usize)>> {
    proptest::collection::vec((0..SERVICES, 0..SERVICES), 0..12)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec(0..2 * SERVICES, 0..8).prop_map(Step::Alerts),
        3 => (1..12_u64, 0..5_usize).prop_map(|(id, what)| Step::Act(id, what)),
        1 => (1..12_u64).prop_map(Step::Undo),
        1 => (0..SERVICES).prop_map(Step::Report),
        1 => edges().prop_map(Step::Replan),
        2 => prop_oneof![1..40_i64, 100..2_000_i64].prop_map(Step::Wait),
    ]
}

fn take(world: &mut World, step: &Step, now: i64) {
    let all = |edges: &[(usize, usize)]| {
        woven(SERVICES, |n| edges.iter().filter(|e| e.0 == n).map(|e| e.1).collect())
    };
    match step {
        Step::Alerts(firing) => {
            let severity = |n: usize| ["warning", "critical"][n / SERVICES];
            let alert = |n: &usize| broken(&format!("s{}", n % SERVICES), severity(*n));
            world.prometheus(&firing.iter().map(alert).collect::<Vec<_>>(), now);
        }
        Step::Act(id, what) => {
            let action = match what {
                0 => ack(),
                1 => resolve(),
                2 => close(),
                3 => Action::Cancel { reason: "false alarm".to_owned() },
                _ => Action::Reopen { reason: String::new() },
            };
            let targets = vec![Target { id: IncidentId(*id), seen: 0 }];
            world.ask("ana", Command::Act { targets, action }, now);
        }
        Step::Undo(id) => {
            world.ask("ana", Command::Undo { targets: vec![IncidentId(*id)] }, now);
        }
        Step::Report(service) => {
            let service = Some(ServiceId::new(&format!("s{service}")));
            let report = Report { title: "by hand".to_owned(), service, ..Report::default() };
            world.ask("ana", Command::Report(report), now);
        }
        Step::Replan(edges) => world.replan(all(edges), now),
        Step::Wait(_) => world.tick(now),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_needs_whatever_all_that_is_folded_hangs_directly_under_an_open_cause(
        first in edges(), steps in proptest::collection::vec(step(), 1..30),
    ) {
        let mut world = World::new(Plan::empty());
        take(&mut world, &Step::Replan(first), 0);
        let mut now = 1;
        for step in &steps {
            now += if let Step::Wait(seconds) = step { *seconds } else { 1 };
            take(&mut world, step, now);
            let open = || world.state.incidents.values().filter(|i| i.is_open());
            for incident in open() {
                let Some(parent) = incident.parent else { continue };
                let cause = world.incident(parent.0);
                prop_assert!(cause.is_open(), "{} folds under {parent}, which is over", incident.id);
                prop_assert_eq!(cause.parent, None, "{} nests under {}", incident.id, parent);
                prop_assert!(cause.priority <= incident.priority, "{parent} hides {}", incident.id);
            }
            let tops = open().filter(|i| i.parent.is_none()).count();
            prop_assert_eq!(tops > 0, open().count() > 0, "something stands on top");
            prop_assert_eq!(world.snapshot(now).incidents.open(), tops);
        }
    }
}
