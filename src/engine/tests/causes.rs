//! One cause, one page.

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
    let answer = world.act("ana", 1, Action::Acknowledge, 5);
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
    let parents = [1, 2].map(|n| world.incident(n).parent);
    assert!(parents.contains(&None), "at least one of a ring stays on top: {parents:?}");
}
