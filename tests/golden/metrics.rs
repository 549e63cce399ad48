//! Figures of outages: every case of `metrics.toml` gives what stands there.

use std::fs;
use std::path::Path;

use atalaya::domain::health::ServiceId;
use atalaya::domain::incident::event::Opening;
use atalaya::domain::incident::lifecycle::fold;
use atalaya::domain::incident::{
    Actor, Event, EventBody, Findings, Incident, IncidentId, Priority,
};
use atalaya::domain::matcher::Labels;
use atalaya::domain::metrics::{Measure, Metrics, Rules, Value};
use atalaya::domain::time::{Instant, Interval};
use chrono::TimeDelta;
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    source: String,
    period: i64,
    outages: Vec<[i64; 2]>,
    expect: Expect,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    mtbf: Option<f64>,
    mttr: Option<f64>,
    downtime: f64,
    availability: String,
}

fn hour(n: i64) -> Instant {
    Instant::UNIX_EPOCH + TimeDelta::hours(500_000 + n)
}

/// A P1 of `checkout` that lasted from one hour to another, as the log has it.
fn outage(id: u64, from: i64, to: i64) -> Incident {
    let opening = Opening {
        key: format!("outage-{id}"),
        title: "down".to_owned(),
        service: Some(ServiceId::new("checkout")),
        source: "prom".into(),
        category: String::new(),
        impact: 1,
        urgency: 1,
        priority: Priority(1),
        labels: Labels::new(),
        annotations: Labels::new(),
        started_at: hour(from),
        earlier: None,
        recurrence: 1,
    };
    let resolved = EventBody::Resolved {
        automatic: true,
        reason: String::new(),
        findings: Findings::default(),
    };
    let event = |position, at, body| {
        let (actor, incident) = (Actor::source("prom"), IncidentId(id));
        Event { position, at: hour(at), actor, incident, body }
    };
    let opened = event(1, from, EventBody::Opened(Box::new(opening)));
    let opened = fold(None, &opened).unwrap();
    fold(Some(&opened), &event(2, to, resolved)).unwrap()
}

#[test]
fn outages_give_the_figures_that_are_known() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/metrics.toml");
    let cases: Cases = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert!(cases.case.len() >= 6);
    for case in cases.case {
        let period = Interval::new(hour(0), hour(case.period));
        let mut metrics = Metrics::new(period, Rules::default(), hour(100_000));
        for (id, [from, to]) in (1..).zip(&case.outages) {
            metrics.add(&outage(id, *from, *to));
        }
        let whole = metrics.whole();
        let hours = |measure| {
            let time = whole.value(measure)?.time()?;
            Some(time.num_milliseconds() as f64 / 3_600_000.0)
        };
        let Some(Value::Share { part, whole: of }) = whole.value(Measure::Availability) else {
            panic!("{}", case.source);
        };
        let got = Expect {
            mtbf: hours(Measure::BetweenFailures),
            mttr: hours(Measure::Restore).filter(|_| case.expect.mttr.is_some()),
            downtime: hours(Measure::Downtime).unwrap(),
            // As it was published: rounded to four digits. What we print is cut.
            availability: format!("{:.4}", part as f64 * 100.0 / of as f64),
        };
        assert_eq!(got, case.expect, "{}", case.source);
    }
}
