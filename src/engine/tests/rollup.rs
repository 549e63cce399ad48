//! From signals and incidents to the state of services.

use super::*;
use crate::domain::health::{Dimension, Signal, State as Health, Thresholds};
use crate::domain::observation::{Reading, StateReading};

fn signal(name: &str, crit: f64) -> Signal {
    Signal {
        name: Arc::from(name),
        dimension: Dimension::Performance,
        source: Arc::from("prom"),
        query: "q".to_owned(),
        unit: "%".to_owned(),
        thresholds: Thresholds {
            warn: Some(crit - 10.0),
            crit: Some(crit),
            ..Thresholds::default()
        },
        raises: true,
    }
}

fn with_signals(services: &str) -> Plan {
    let mut plan = plan(services);
    for service in &mut plan.services {
        Arc::make_mut(service).signals = vec![signal("load", 90.0)];
    }
    plan
}

fn reading(service: &str, value: f64, seconds: i64) -> Vec<Fact> {
    vec![Fact::Signals(vec![Reading {
        service: ServiceId::new(service),
        signal: Arc::from("load"),
        value,
        at: at(seconds),
    }])]
}

fn state(world: &mut World, service: &str, seconds: i64) -> Health {
    world.snapshot(seconds).health.get(&ServiceId::new(service)).unwrap().state
}

#[test]
fn a_value_beyond_its_threshold_raises_an_incident_and_clears_it_again() {
    let mut world = World::new(with_signals("db"));
    assert_eq!(state(&mut world, "db", 0), Health::Unknown);
    world.observed("prom", reading("db", 95.0, 1), 1);
    assert_eq!(state(&mut world, "db", 1), Health::Critical);
    assert_eq!(world.incident(1).title, "load 95 %, above 90 %");
    world.observed("prom", reading("db", 50.0, 16), 16);
    world.tick(136);
    assert_eq!(world.state_of(1), IncidentState::Resolved);
    assert_eq!(state(&mut world, "db", 17), Health::Ok);
}

#[test]
fn an_ok_that_is_old_is_unknown_and_trouble_stays_trouble() {
    let mut world = World::new(with_signals("db web"));
    world.observed("prom", reading("db", 10.0, 1), 1);
    world.observed("prom", reading("web", 99.0, 1), 1);
    assert_eq!(state(&mut world, "db", 40), Health::Ok);
    assert_eq!(state(&mut world, "db", 60), Health::Unknown);
    assert_eq!(state(&mut world, "web", 60), Health::Critical);
    assert!(world.snapshot(60).health.get(&ServiceId::new("web")).unwrap().stale);
}

#[test]
fn the_deepest_red_dependency_is_the_likely_cause() {
    let mut world = World::new(with_signals("db web<db shop<web"));
    for service in ["db", "web", "shop"] {
        world.observed("prom", reading(service, 99.0, 1), 1);
    }
    let snapshot = world.snapshot(2);
    let get = |id: &str| snapshot.health.get(&ServiceId::new(id)).unwrap();
    assert!(get("db").likely_cause);
    assert_eq!(get("shop").impacted_by, Some(ServiceId::new("db")));
    assert!(!get("web").likely_cause);
}

#[test]
fn a_parent_is_as_bad_as_its_worst_child_unless_a_quorum_is_well() {
    let mut plan = with_signals("pool a b c");
    Arc::make_mut(&mut plan.services[0]).signals.clear();
    for i in 1..4 {
        Arc::make_mut(&mut plan.services[i]).parent = Some(ServiceId::new("pool"));
    }
    let mut world = World::new(plan.clone());
    Arc::make_mut(&mut plan.services[0]).quorum = Some(2);
    let mut with_quorum = World::new(plan);
    for world in [&mut world, &mut with_quorum] {
        world.observed("prom", reading("a", 99.0, 1), 1);
        world.observed("prom", reading("b", 1.0, 1), 1);
        world.observed("prom", reading("c", 1.0, 1), 1);
    }
    assert_eq!(state(&mut world, "pool", 2), Health::Critical);
    assert_eq!(state(&mut with_quorum, "pool", 2), Health::Warning);
    assert_eq!(world.snapshot(90).health.services[0].since, at(1), "since its child is");
    with_quorum.observed("prom", reading("b", 99.0, 3), 3);
    assert_eq!(state(&mut with_quorum, "pool", 4), Health::Critical);
}

#[test]
fn a_service_that_lives_by_alerts_is_not_green_while_they_cannot_be_seen() {
    let mut world = World::new(plan("db"));
    assert_eq!(state(&mut world, "db", 0), Health::Unknown);
    world.prometheus(&[], 1);
    world.state.sources(vec![status("prom", SourceState::Fresh)]);
    assert_eq!(state(&mut world, "db", 1), Health::Ok);
    let failing = SourceState::Failing { since: at(2), error: String::new(), next_try: at(9) };
    world.state.sources(vec![status("prom", failing)]);
    assert_eq!(state(&mut world, "db", 3), Health::Unknown);
}

#[test]
fn what_a_source_judged_by_itself_counts_and_raises() {
    let mut world = World::new(plan("shop"));
    let down = |state, seconds: i64| {
        vec![Fact::States(vec![StateReading {
            service: ServiceId::new("shop"),
            signal: Arc::from("up"),
            state,
            message: "connection refused".to_owned(),
            at: at(seconds),
        }])]
    };
    world.observed("probe", down(Health::Critical, 1), 1);
    assert_eq!(state(&mut world, "shop", 1), Health::Critical);
    assert_eq!(world.incident(1).title, "up: connection refused");
    world.observed("probe", down(Health::Ok, 20), 20);
    world.tick(140);
    assert_eq!(world.state_of(1), IncidentState::Resolved);
}
