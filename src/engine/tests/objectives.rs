//! Budgets that go too fast become incidents, through the door of alerts, and end when that is proven.

use std::sync::Arc;

use super::*;
use crate::domain::incident::EventBody;
use crate::domain::sla::{Exclusion, NoData};
use crate::domain::slo::{
    Bucket, Objective, Series, Sli, Standing, Target, Uptime, Window, default_rules, index,
};
use crate::engine::Measured;

/// A shop that is to be up 99.9 % of 30 days.
fn plan() -> Arc<Plan> {
    let mut plan = Plan::empty();
    plan.services = vec![Arc::new(Service { tier: 1, ..Service::new("shop") })];
    plan.objectives = vec![Arc::new(Objective {
        id: Arc::from("shop-up"),
        name: "Shop is up".to_owned(),
        service: ServiceId::new("shop"),
        target: Target::parse("99.9%").unwrap(),
        window: Window::Rolling(TimeDelta::days(30)),
        sli: Sli::Uptime(Uptime::Service),
        exclusion: Exclusion::Remove,
        no_data: NoData::Remove,
        rules: default_rules(),
    })];
    Arc::new(plan)
}

/// The last 30 days before an instant: down so many seconds of each of the last buckets.
fn series(now: Instant, last: &[u16]) -> Series {
    let mut series = Series::default();
    let to = index(now);
    for i in to - 30 * 288..to {
        series.set(i, Bucket::of_time(300, 0));
    }
    for (n, down) in last.iter().rev().enumerate() {
        series.set(to - 1 - n as i64, Bucket::of_time(300 - down, *down));
    }
    series
}

fn measured(plan: &Plan, series: Series) -> Measured {
    let objective = &plan.objectives[0];
    Measured {
        objective: objective.id.clone(),
        digest: objective.sli.digest(&objective.service),
        series,
        notes: Vec::new(),
    }
}

/// A minute in which this is measured; what it brought about is folded in.
fn minute(state: &mut State, series: Series, now: Instant) -> Vec<EventBody> {
    state.measure(measured(&state.plan().clone(), series));
    state.weigh(now);
    let decision = core::decide(state, &Input::Tick, now);
    let mut bodies = Vec::new();
    for event in decision.events {
        let entry = event.placed(state.position() + 1, now);
        if let Some(event) = entry.incident() {
            bodies.push(event.body.clone());
        }
        core::evolve(state, &entry);
    }
    bodies
}

#[test]
fn a_budget_that_burns_pages_once_and_ends_when_the_short_window_is_quiet() {
    let now: Instant = "2026-11-28T12:00:20Z".parse().unwrap();
    let plan = plan();
    let mut state = State::new(plan, Vec::new(), 1, 0, now);
    state.complete = true;

    let opened = minute(&mut state, series(now, &[15; 12]), now);
    let [EventBody::Opened(opening), EventBody::AlertFired { fingerprint, .. }] = &opened[..]
    else {
        panic!("{opened:?}");
    };
    assert_eq!(fingerprint, "slo:shop-up");
    assert_eq!(opening.priority.0, 1);
    assert!(opening.title.contains("50.0 times as fast as it lasts (1h)"), "{}", opening.title);

    // Still so: nothing is said twice. Then the source is down: nothing is proven.
    let later = now + TimeDelta::minutes(5);
    assert_eq!(minute(&mut state, series(later, &[15; 13]), later), []);
    let blind = later + TimeDelta::minutes(40);
    assert_eq!(minute(&mut state, series(later, &[15; 13]), blind), []);

    // Quiet for longer than each short window, although the long ones are still above.
    let quiet = blind + TimeDelta::minutes(5);
    let mut down = vec![15; 13];
    down.extend([0; 80]);
    let cleared = minute(&mut state, series(quiet, &down), quiet);
    let [EventBody::AlertCleared { fingerprint }] = &cleared[..] else { panic!("{cleared:?}") };
    assert_eq!(fingerprint, "slo:shop-up");
}

#[test]
fn a_slow_burn_is_for_a_ticket_and_becomes_urgent_when_it_is_fast() {
    let now: Instant = "2026-11-28T12:00:20Z".parse().unwrap();
    let mut state = State::new(plan(), Vec::new(), 1, 0, now);
    state.complete = true;
    // Four times as fast as it lasts, for a day: 1.2 s of each five minutes.
    let slow: Vec<u16> = (0..288).map(|n| if n % 5 == 0 { 2 } else { 1 }).collect();
    let opened = minute(&mut state, series(now, &slow), now);
    let [EventBody::Opened(opening), ..] = &opened[..] else { panic!("{opened:?}") };
    assert_eq!(opening.priority.0, 3);

    let later = now + TimeDelta::minutes(5);
    let mut fast = slow;
    fast.extend([60; 12]);
    let worse = minute(&mut state, series(later, &fast), later);
    let [EventBody::Reclassified { priority, .. }] = &worse[..] else { panic!("{worse:?}") };
    assert_eq!(priority.0, 1);
}

#[test]
fn what_was_measured_otherwise_is_not_taken_and_what_stands_is_published() {
    let now: Instant = "2026-11-28T12:00:20Z".parse().unwrap();
    let plan = plan();
    let mut state = State::new(plan.clone(), Vec::new(), 1, 0, now);
    let mut other = measured(&plan, series(now, &[300; 12]));
    other.digest += 1;
    state.measure(other);
    state.weigh(now);
    let standing = |state: &State| state.shown_objectives()[0].status.standing();
    assert_eq!(standing(&state), Standing::Unknown);

    // The first that is known stands at once; within a minute of that nothing is worked out again.
    state.measure(measured(&plan, series(now, &[])));
    state.weigh(now + TimeDelta::seconds(1));
    assert_eq!(standing(&state), Standing::Healthy);
    state.measure(measured(&plan, series(now, &[300; 12])));
    state.weigh(now + TimeDelta::seconds(60));
    assert_eq!(standing(&state), Standing::Healthy);
    state.weigh(now + TimeDelta::seconds(61));
    assert_eq!(standing(&state), Standing::Spent);
    let shown = &state.shown_objectives()[0];
    assert_eq!(shown.burn_down.as_ref().unwrap().points.len(), 241);

    // An objective that is taken out is gone, and holds no incident.
    let later = now + TimeDelta::minutes(5);
    minute(&mut state, series(later, &[15; 12]), later);
    state.replan(Arc::new(Plan::empty()), later);
    let cleared = core::decide(&state, &Input::Tick, later).events.len();
    assert!(state.shown_objectives().is_empty());
    assert_eq!(cleared, 1);
}
