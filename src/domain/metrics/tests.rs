//! What incidents say about a period.

use std::collections::BTreeMap;

use chrono::{TimeDelta, TimeZone, Utc};
use proptest::prelude::*;

use super::*;
use crate::domain::incident::event::Opening;
use crate::domain::incident::lifecycle::fold;
use crate::domain::incident::{Actor, AlertFact, Ending, Event, EventBody, Feedback};
use crate::domain::matcher::Labels;
use crate::domain::observation::AlertStatus;

fn start() -> Instant {
    Utc.with_ymd_and_hms(2026, 11, 1, 0, 0, 0).unwrap()
}

fn hour(n: i64) -> Instant {
    start() + TimeDelta::hours(n)
}

fn november() -> Interval {
    Interval::new(start(), hour(720))
}

/// A P1 of `checkout` that begins at that hour, is detected 2 min later and acknowledged 3 min after that.
fn opened(id: u64, at: i64) -> Incident {
    let opened_at = hour(at) + TimeDelta::minutes(2);
    let opening = Opening {
        key: format!("key-{id}"),
        title: format!("trouble {id}"),
        service: Some(ServiceId::new("checkout")),
        source: "prom".into(),
        category: String::new(),
        impact: 1,
        urgency: 1,
        priority: Priority(1),
        labels: Labels::new(),
        annotations: Labels::new(),
        started_at: hour(at),
        earlier: None,
        recurrence: 1,
    };
    let event = Event {
        position: 1,
        at: opened_at,
        actor: Actor::source("prom"),
        incident: IncidentId(id),
        body: EventBody::Opened(Box::new(opening)),
    };
    let mut incident = fold(None, &event).unwrap();
    incident.standing.first_acknowledged_at = Some(opened_at + TimeDelta::minutes(3));
    incident
}

fn ending(at: Instant, reason: &str) -> Ending {
    Ending { by: "ana".into(), at, automatic: false, reason: reason.into() }
}

/// The same, restored so many hours after it began.
fn lasting(mut incident: Incident, hours: i64) -> Incident {
    incident.standing.state = IncidentState::Resolved;
    incident.standing.resolved = Some(ending(incident.started_at + TimeDelta::hours(hours), ""));
    incident
}

fn cancelled(mut incident: Incident, merged_into: Option<u64>) -> Incident {
    incident.standing.state = IncidentState::Cancelled;
    incident.standing.cancelled = Some(ending(incident.opened_at, "false alarm"));
    incident.standing.merged_into = merged_into.map(IncidentId);
    incident
}

fn on(mut incident: Incident, service: &str) -> Incident {
    incident.service = Some(ServiceId::new(service));
    incident
}

fn measured(incidents: &[Incident]) -> Metrics {
    ruled(incidents, Rules::default())
}

fn ruled(incidents: &[Incident], rules: Rules) -> Metrics {
    let mut metrics = Metrics::new(november(), rules, hour(10_000));
    for incident in incidents {
        metrics.add(incident);
    }
    metrics
}

fn hours(value: Option<Value>) -> Option<f64> {
    Some(value?.time()?.num_milliseconds() as f64 / 3_600_000.0)
}

fn availability(measures: &Measures) -> Option<u64> {
    measures.value(Measure::Availability)?.ppm()
}

#[test]
fn three_outages_of_one_two_and_three_hours_in_720_are_the_known_figures() {
    let outages =
        [lasting(opened(1, 10), 1), lasting(opened(2, 100), 2), lasting(opened(3, 300), 3)];
    let whole = measured(&outages).whole();
    assert_eq!(hours(whole.value(Measure::BetweenFailures)), Some(238.0));
    assert_eq!(hours(whole.value(Measure::Restore)), Some(2.0));
    assert_eq!(availability(&whole), Some(991_666));
    assert_eq!(hours(whole.value(Measure::Detect)), Some(2.0 / 60.0));
    assert_eq!(hours(whole.value(Measure::Acknowledge)), Some(3.0 / 60.0));
    let restore = whole.get(Measure::Restore);
    assert_eq!(
        (restore.n, restore.incidents),
        (3, vec![IncidentId(1), IncidentId(2), IncidentId(3)])
    );
}

#[test]
fn nothing_makes_no_figure_but_counts_and_a_period_without_outage() {
    let whole = measured(&[]).whole();
    for measure in Measure::ALL {
        let (value, n) = (whole.value(measure), whole.get(measure).n);
        match measure {
            Measure::Opened | Measure::Resolved | Measure::Open => {
                assert_eq!(value, Some(Value::Count(0)));
            }
            Measure::Downtime => assert_eq!(hours(value), Some(0.0)),
            Measure::Availability | Measure::Coverage => {
                assert_eq!(value.and_then(Value::ppm), Some(1_000_000));
            }
            _ => assert_eq!((value, n), (None, 0), "{measure:?}"),
        }
    }
}

#[test]
fn two_incidents_of_one_outage_are_one_failure_and_its_time_counts_once() {
    let both = [lasting(opened(1, 10), 2), lasting(opened(2, 11), 2)];
    let whole = measured(&both).whole();
    assert_eq!(hours(whole.value(Measure::Downtime)), Some(3.0));
    assert_eq!(hours(whole.value(Measure::BetweenFailures)), Some(717.0));
    assert_eq!(whole.get(Measure::BetweenFailures).n, 1);
    assert_eq!(whole.get(Measure::Downtime).n, 2);
}

#[test]
fn what_was_down_when_the_period_began_costs_time_and_is_no_failure_of_it() {
    let whole = measured(&[lasting(opened(1, -2), 3)]).whole();
    assert_eq!(hours(whole.value(Measure::Downtime)), Some(1.0));
    assert_eq!(whole.value(Measure::BetweenFailures), None);
    assert_eq!(whole.value(Measure::Detect), None, "it was opened before");
    assert_eq!(hours(whole.value(Measure::Restore)), Some(3.0), "it was restored in the period");
}

#[test]
fn an_outage_that_goes_on_is_down_to_the_end_and_open() {
    let whole = measured(&[opened(1, 710)]).whole();
    assert_eq!(hours(whole.value(Measure::Downtime)), Some(10.0));
    assert_eq!(whole.value(Measure::Open), Some(Value::Count(1)));
    assert_eq!(whole.value(Measure::Restore), None);
}

#[test]
fn a_period_that_is_not_over_is_measured_as_far_as_it_is() {
    let mut metrics = Metrics::new(november(), Rules::default(), hour(100));
    metrics.add(&lasting(opened(1, 10), 1));
    assert_eq!(availability(&metrics.whole()), Some(990_000));
}

#[test]
fn what_was_cancelled_or_merged_counts_nowhere_and_is_named() {
    let all = [
        cancelled(opened(1, 10), None),
        cancelled(opened(2, 11), Some(3)),
        lasting(opened(3, 9), 1),
    ];
    let metrics = measured(&all);
    assert_eq!(metrics.whole().value(Measure::Opened), Some(Value::Count(1)));
    assert_eq!(hours(metrics.whole().value(Measure::Downtime)), Some(1.0));
    let why: Vec<_> = metrics.left_out().iter().map(|l| (l.id.0, l.why)).collect();
    assert_eq!(why, [(1, Why::Cancelled), (2, Why::Merged(IncidentId(3)))]);
}

#[test]
fn what_a_correction_excluded_is_counted_but_makes_no_times() {
    let excluded = Incident { excluded: true, ..lasting(opened(1, 10), 5) };
    let metrics = measured(&[excluded]);
    let whole = metrics.whole();
    assert_eq!(whole.value(Measure::Opened), Some(Value::Count(1)));
    assert_eq!(whole.value(Measure::Restore), None);
    assert_eq!(availability(&whole), Some(1_000_000));
    assert_eq!(metrics.left_out()[0].why, Why::Excluded);
}

#[test]
fn what_was_acknowledged_before_it_was_opened_is_in_no_mean_and_is_named() {
    let mut odd = lasting(opened(1, 10), 5);
    odd.standing.first_acknowledged_at = Some(hour(10));
    let mut late = lasting(opened(2, 20), 5);
    late.started_at = late.opened_at + TimeDelta::minutes(1);
    let metrics = measured(&[odd, late, lasting(opened(3, 30), 5)]);
    let whole = metrics.whole();
    let (ack, detect) = (whole.get(Measure::Acknowledge), whole.get(Measure::Detect));
    assert_eq!((hours(ack.value), ack.n), (Some(3.0 / 60.0), 2), "not a mean with a zero in it");
    assert_eq!((hours(detect.value), detect.n), (Some(2.0 / 60.0), 2));
    let why: Vec<_> = metrics.left_out().iter().map(|l| (l.id.0, l.why)).collect();
    assert_eq!(why, [(1, Why::AcknowledgedBefore), (2, Why::BeganAfter)]);
}

#[test]
fn planned_downtime_is_taken_out() {
    let planned = Intervals::from(Interval::new(hour(10), hour(12)));
    let planned = BTreeMap::from([(ServiceId::new("checkout"), planned)]);
    let rules = Rules { planned, ..Rules::default() };
    let whole = ruled(&[lasting(opened(1, 10), 3)], rules.clone()).whole();
    assert_eq!(hours(whole.value(Measure::Downtime)), Some(1.0));
    let inside = ruled(&[lasting(opened(1, 10), 2)], rules).whole();
    assert_eq!(availability(&inside), Some(1_000_000));
    assert_eq!(inside.value(Measure::BetweenFailures), None);
}

#[test]
fn what_lies_before_anything_was_recorded_is_in_no_figure() {
    let all = [lasting(opened(1, 715), 1)];
    let known = |from| ruled(&all, Rules { known_from: Some(from), ..Rules::default() }).whole();
    assert_eq!(availability(&known(hour(710))), Some(900_000), "1 h of the last 10");
    assert_eq!(availability(&known(hour(-5))), availability(&measured(&all).whole()));
    let nothing = ruled(&[], Rules { known_from: Some(hour(800)), ..Rules::default() }).whole();
    for measure in Measure::ALL.into_iter().filter(|m| *m != Measure::Coverage) {
        assert_eq!(nothing.value(measure), None, "{measure:?}");
    }
    let of = |n: u64| Some(Value::Share { part: n * 3_600_000, whole: 720 * 3_600_000 });
    assert_eq!(nothing.value(Measure::Coverage), of(0));
    let thin = known(hour(713));
    assert_eq!((availability(&thin), thin.value(Measure::Coverage)), (None, of(7)), "below 1 %");
}

#[test]
fn what_a_figure_counts_are_its_records() {
    // Down when the period began is no failure of it; one that came back is one of the opened.
    let mut again = opened(2, 30);
    again.recurrence = 2;
    let whole = measured(&[lasting(opened(1, -2), 3), again]).whole();
    for (measure, figure) in whole.iter() {
        assert_eq!(figure.n, figure.incidents.len(), "{measure:?}");
    }
}

#[test]
fn what_nobody_watched_is_in_no_figure_unless_it_was_reported_to_be_down() {
    // Ten hours without anybody, two of which it was down, as was told afterwards; 1 h else.
    let all = [lasting(opened(1, 100), 3), lasting(opened(2, 500), 1)];
    let gap = || [Interval::new(hour(101), hour(111))].into_iter().collect();
    let rules = || Rules { known_from: Some(hour(92)), unwatched: gap(), ..Rules::default() };
    let metrics = ruled(&all, rules());
    assert_eq!(metrics.unwatched(), TimeDelta::hours(10));
    let whole = metrics.whole();
    // 628 h are over, 8 of them nobody knows.
    assert_eq!(hours(whole.value(Measure::Downtime)), Some(4.0));
    assert_eq!(availability(&whole), Some(616 * 1_000_000 / 620));
    assert_eq!(hours(whole.value(Measure::BetweenFailures)), Some(308.0));
    let never = Rules { unwatched: [november()].into_iter().collect(), ..Rules::default() };
    assert_eq!(availability(&ruled(&[], never).whole()), None);
}

#[test]
fn what_a_window_muted_by_labels_alone_is_planned_downtime_of_that_incident() {
    use crate::domain::incident::{Maintained, Planned};
    let title = || "patching".to_owned();
    let mut past = lasting(opened(1, 100), 5);
    past.maintained = vec![Planned { title: title(), from: hour(101), to: hour(103) }];
    let mut open = opened(2, 700);
    let mutes = |sla_relevant| Maintained {
        window: crate::domain::calendar::WindowId("WIN-1".into()),
        title: title(),
        since: hour(705),
        sla_relevant,
    };
    open.maintenance = Some(mutes(true));
    let down = |all: &[Incident]| hours(measured(all).whole().value(Measure::Downtime));
    assert_eq!(down(&[past.clone(), open.clone()]), Some(3.0 + 5.0));
    open.maintenance = Some(mutes(false));
    assert_eq!(down(&[past, open]), Some(3.0 + 20.0));
}

#[test]
fn an_error_budget_that_burns_is_no_outage() {
    let alert = || AlertFact {
        labels: Labels::new(),
        annotations: Labels::new(),
        since: hour(10),
        status: AlertStatus::Active,
        cleared_at: None,
        generator_url: None,
    };
    let mut burning = lasting(opened(1, 10), 5);
    burning.alerts.insert("slo:checkout-up".into(), alert());
    let whole = measured(std::slice::from_ref(&burning)).whole();
    assert_eq!(availability(&whole), Some(1_000_000));
    assert!(whole.get(Measure::Availability).incidents.is_empty());
    let mut both = burning;
    both.alerts.insert("down".into(), alert());
    assert!(availability(&measured(&[both]).whole()) < Some(1_000_000));
}

#[test]
fn less_urgent_trouble_and_trouble_of_no_service_is_no_outage() {
    let mild = Incident { priority: Priority(3), ..lasting(opened(1, 10), 5) };
    let nobodys = Incident { service: None, ..lasting(opened(2, 10), 5) };
    let whole = measured(&[mild, nobodys]).whole();
    assert_eq!(availability(&whole), Some(1_000_000));
    assert_eq!(whole.value(Measure::Resolved), Some(Value::Count(2)));
}

#[test]
fn recurrence_and_satisfaction_say_of_how_many() {
    let mut again = Incident { recurrence: 2, ..opened(1, 10) };
    let by = || "luis".to_owned();
    let (text, from) = (String::new(), String::new());
    again.standing.feedback = Some(Feedback { score: 4, text, from, by: by(), at: hour(20) });
    let whole = measured(&[again, opened(2, 30), opened(3, 40)]).whole();
    assert_eq!(whole.value(Measure::Recurrence), Some(Value::Share { part: 1, whole: 3 }));
    assert_eq!(whole.value(Measure::Satisfaction), Some(Value::Score { sum: 4, n: 1 }));
}

fn any_incident() -> impl Strategy<Value = Incident> {
    (1_u64..500, -100_i64..900, 0_i64..300, 0_usize..4, 1_u8..5, 0_u8..10).prop_map(
        |(id, at, length, service, priority, what)| {
            let incident = Incident { priority: Priority(priority), ..opened(id, at) };
            let incident = match service {
                0 => Incident { service: None, ..incident },
                n => on(incident, ["", "checkout", "search", "mail"][n]),
            };
            match what {
                0 => cancelled(incident, None),
                1 => Incident { excluded: true, ..lasting(incident, length) },
                2 => incident,
                _ => lasting(incident, length),
            }
        },
    )
}

proptest! {
    #[test]
    fn services_and_priorities_partition_what_is_counted(all in prop::collection::vec(any_incident(), 0..40)) {
        let metrics = measured(&all);
        let whole = metrics.whole();
        let services: Vec<Measures> = metrics.by_service().into_iter().map(|g| g.measures).collect();
        let priorities: Vec<Measures> = metrics.by_priority().into_iter().map(|g| g.measures).collect();
        for parts in [services, priorities] {
            for measure in [Measure::Opened, Measure::Resolved, Measure::Open, Measure::Detect,
                Measure::Acknowledge, Measure::Restore] {
                let n: usize = parts.iter().map(|p| p.get(measure).n).sum();
                prop_assert_eq!(n, whole.get(measure).n);
                let total = |m: &Measures| match m.value(measure) {
                    Some(Value::Mean { total, .. }) => total,
                    _ => TimeDelta::zero(),
                };
                prop_assert_eq!(parts.iter().map(total).sum::<TimeDelta>(), total(&whole));
            }
        }
    }

    #[test]
    fn downtime_is_at_most_the_period_and_at_most_the_sum_of_its_services(
        all in prop::collection::vec(any_incident(), 0..40),
    ) {
        let metrics = measured(&all);
        let lost = hours(metrics.whole().value(Measure::Downtime)).unwrap();
        let parts: f64 = metrics.by_service().iter()
            .filter_map(|g| hours(g.measures.value(Measure::Downtime))).sum();
        prop_assert!(lost <= 720.0);
        prop_assert!(lost <= parts + 1e-9);
        prop_assert!(availability(&metrics.whole()).unwrap() <= 1_000_000);
    }

    #[test]
    fn the_order_in_which_incidents_come_changes_no_value(
        all in prop::collection::vec(any_incident(), 0..30),
    ) {
        let there = measured(&all).whole();
        let back: Vec<Incident> = all.into_iter().rev().collect();
        let back = measured(&back).whole();
        for measure in Measure::ALL {
            prop_assert_eq!(there.value(measure), back.value(measure));
        }
    }
}
