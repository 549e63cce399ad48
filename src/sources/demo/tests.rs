//! The made-up world, seen by the real core.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use rstest::rstest;

use super::world::Verb;
use super::*;
use crate::domain::health::signal::classify;
use crate::domain::health::{Dimension, State};
use crate::domain::incident::{Event, Incident, IncidentState};
use crate::domain::matcher::Matchers;
use crate::domain::outbox::Standing;
use crate::domain::upstream::{Call, Ended, Order, OrderId, Ordered};
use crate::engine::core::{self, Decision, Input};
use crate::engine::rehearsal::rehearse;
use crate::engine::snapshot::Plan;
use crate::sources::settings::{HttpSettings, Kind};

fn noon() -> Instant {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn name() -> SourceName {
    Arc::from("demo")
}

fn demo(seed: u64) -> DemoSource {
    let demo = settings::Demo { seed, speed: 1.0, start: noon(), made: Made::default() };
    let settings = SourceSettings {
        name: name(),
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(2),
        max_body: 0,
        http: HttpSettings::default(),
        kind: Kind::Demo(demo.clone()),
        asks: Vec::new(),
    };
    DemoSource::new(&settings, &demo)
}

fn look(source: &mut DemoSource, seconds: i64) -> Observation {
    source.observe(noon() + TimeDelta::seconds(seconds)).unwrap()
}

fn alerts(seen: &Observation) -> &[Alert] {
    let found = seen.facts.iter().find_map(|f| match f {
        Fact::Alerts(set) => Some(set.alerts.as_slice()),
        _ => None,
    });
    found.unwrap()
}

fn readings(seen: &Observation) -> &[Reading] {
    let found = seen.facts.iter().find_map(|f| match f {
        Fact::Signals(readings) => Some(readings.as_slice()),
        _ => None,
    });
    found.unwrap()
}

fn series(seen: &Observation) -> Option<&[Series]> {
    seen.facts.iter().find_map(|f| match f {
        Fact::Backfill(series) => Some(series.as_slice()),
        _ => None,
    })
}

/// A core that has lived through the past of that seed, and what it wrote.
fn lived(seed: u64) -> (core::State, Vec<Event>) {
    let inputs = past(&name(), seed, noon()).unwrap().into_iter().map(|p| {
        let input = match p.step {
            Step::Observed(observation) => Input::Observed(observation),
            Step::Asked { actor, command } => Input::Asked { actor, command },
        };
        (p.at, input)
    });
    let plan = Arc::new(Plan::empty());
    let written = rehearse(Arc::clone(&plan), inputs, noon());
    let mut state = core::State::new(plan, Vec::new(), 1, 0, noon());
    let mut events = Vec::new();
    for new in written {
        let (position, at) = (state.position() + 1, new.at);
        let entry = new.placed(position, at);
        core::evolve(&mut state, &entry);
        events.extend(entry.incident().cloned());
    }
    (state, events)
}

fn incidents(state: &core::State) -> Vec<Arc<Incident>> {
    let ids = (1..).map_while(|n| state.incident(crate::domain::incident::IncidentId(n)).cloned());
    ids.collect()
}

#[test]
fn the_script_makes_sense() {
    let stage = Stage::new(&name(), 1).unwrap();
    let services = &stage.world.services;
    assert!((40..=60).contains(&services.len()), "{}", services.len());
    let ids: BTreeSet<&str> = services.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids.len(), services.len());
    for service in services {
        assert_eq!(service.signals.len(), 4);
        let dimensions: Vec<Dimension> = service.signals.iter().map(|s| s.dimension).collect();
        assert_eq!(dimensions, Dimension::ALL);
        let named = service.depends_on.iter().chain(&service.parent);
        for id in named {
            assert!(ids.contains(id.as_str()), "{} names {id}", service.id);
        }
    }
}

#[rstest]
#[case(1)]
#[case(7)]
#[case(2_026)]
fn the_same_seed_at_the_same_instants_shows_the_same_world(#[case] seed: u64) {
    let (mut a, mut b) = (demo(seed), demo(seed));
    for seconds in [0, 2, 60, 300] {
        let (a, b) = (look(&mut a, seconds), look(&mut b, seconds));
        assert_eq!(readings(&a), readings(&b));
        assert_eq!(alerts(&a), alerts(&b));
        assert_eq!(series(&a), series(&b));
        assert_eq!(series(&a).is_some(), seconds == 0, "history comes once");
    }
    let (mut a, mut c) = (demo(seed), demo(seed + 1));
    assert_ne!(readings(&look(&mut a, 0)), readings(&look(&mut c, 0)));
}

#[test]
fn history_is_six_hours_long_and_shows_what_happened() {
    let seen = look(&mut demo(7), 0);
    let history = series(&seen).unwrap();
    assert_eq!(history.len(), readings(&seen).len());
    for s in history {
        assert_eq!(s.points.len(), 360);
        assert!(s.points.windows(2).all(|w| w[0].0 < w[1].0));
        assert_eq!(s.points[0].0, noon() - TimeDelta::hours(6));
    }
    let find = |service: &str, signal: &str| {
        let found = history.iter().find(|s| s.service.as_str() == service && &*s.signal == signal);
        found.unwrap().points.iter().map(|p| p.1).collect::<Vec<f64>>()
    };
    let loss = find("core-network", "packet loss");
    // The fault of 3 h 40 min ago is there, and the calm before and after it.
    assert!(loss[145] > 5.0 && loss[100] < 1.0 && loss[300] < 1.0, "{loss:?}");
}

#[tokio::test]
async fn its_past_goes_on_where_its_history_begins() {
    let mut source = demo(7);
    let past = source.history().unwrap();
    let seen = look(&mut source, 0);
    let signal = "core-network:packet_loss";
    let step = TimeDelta::minutes(1);
    let stretch = Stretch { from: noon() - TimeDelta::hours(7), to: noon(), step };
    assert!(past.past("no such query", stretch).await.is_err());
    let points = past.past(signal, stretch).await.unwrap();
    assert_eq!(points.len(), 7 * 60 + 1);
    let mut history = series(&seen).unwrap().iter();
    let is_it = |s: &&Series| s.service.as_str() == "core-network" && &*s.signal == "packet loss";
    assert_eq!(points[60..420], history.find(is_it).unwrap().points[..]);
}

#[rstest]
#[case(1)]
#[case(7)]
fn what_is_not_disturbed_is_well_all_day_long(#[case] seed: u64) {
    let world = World::new(&name(), seed).unwrap();
    for (s, service) in world.services.iter().enumerate() {
        for (i, signal) in service.signals.iter().enumerate() {
            for minute in 0..24 * 60 {
                let at = noon() + TimeDelta::minutes(minute);
                let value = world.value(s, i, at, None);
                let state = classify(&signal.thresholds, value, State::Ok);
                assert_eq!(state, State::Ok, "{} {} is {value} at {at}", service.id, signal.name);
            }
        }
    }
}

#[rstest]
#[case(Severity::Warning, State::Warning)]
#[case(Severity::Critical, State::Critical)]
fn a_trouble_drives_its_signal_into_the_state_of_its_alert(
    #[case] severity: Severity,
    #[case] expect: State,
) {
    let world = World::new(&name(), 7).unwrap();
    for (s, service) in world.services.iter().enumerate() {
        for (i, signal) in service.signals.iter().enumerate() {
            let value = world.value(s, i, noon(), Some((severity, 1.0)));
            let state = classify(&signal.thresholds, value, State::Ok);
            assert_eq!(state, expect, "{} {} is {value}", service.id, signal.name);
        }
    }
}

#[rstest]
#[case(1)]
#[case(7)]
#[case(42)]
fn the_past_leaves_incidents_in_every_state(#[case] seed: u64) {
    let (state, written) = lived(seed);
    let all = incidents(&state);
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for incident in &all {
        *count.entry(incident.state().word()).or_default() += 1;
    }
    for state in IncidentState::ALL.into_iter().filter(|s| *s != IncidentState::OnHold) {
        assert!(count.contains_key(state.word()), "{} is missing: {count:?}", state.word());
    }
    assert!(all.iter().any(|i| i.parent.is_some() && i.is_open()), "nothing is folded");
    assert!(all.iter().any(|i| i.flapping_since.is_some()), "nothing flaps");
    assert!(all.iter().any(|i| i.is_silenced()), "nothing is silenced");
    assert!(all.iter().any(|i| i.service.is_none()), "nothing is unassigned");
    let notes = written.iter().filter(|e| e.body.kind() == "noted").count();
    assert!(notes >= 10, "{notes} notes");
    assert!(written.windows(2).all(|w| w[0].at <= w[1].at));
    assert!(written.iter().all(|e| e.at >= noon() - TimeDelta::hours(6) && e.at <= noon()));
}

#[rstest]
#[case(1)]
#[case(7)]
#[case(42)]
#[case(1_000_003)]
fn every_act_of_the_past_is_done_to_the_incident_that_it_is_about(#[case] seed: u64) {
    let (state, written) = lived(seed);
    let script = World::new(&name(), seed).unwrap().script;
    let scenes = script.scenes.iter().flat_map(|s| s.acts.iter().map(|a| (s.service.as_ref(), a)));
    let reports = script.reports.iter().flat_map(|r| r.acts.iter().map(|a| (Some(&r.service), a)));
    for (service, act) in scenes.chain(reports) {
        let kind = match act.verb {
            Verb::Ack => "acknowledged",
            Verb::Note => "noted",
            Verb::Hold => "held",
            Verb::Classify => "reclassified",
            Verb::Assign => "assigned",
            Verb::Resolve => "resolved",
            Verb::Close => "closed",
            Verb::Cancel => "cancelled",
        };
        let at = noon() + milliseconds(act.at.0);
        let of = |id| state.incident(id).and_then(|i| i.service.as_ref().map(ToString::to_string));
        let done = written.iter().any(|e| {
            e.at == at
                && e.actor.name == act.by
                && e.body.kind() == kind
                && of(e.incident).as_ref() == service
        });
        assert!(done, "{act:?} was not done to {service:?}");
    }
}

#[rstest]
#[case(1)]
#[case(7)]
#[case(42)]
fn the_first_answer_of_the_source_fits_the_past(#[case] seed: u64) {
    let (mut state, _) = lived(seed);
    let now = noon() + TimeDelta::seconds(1);
    let seen = demo(seed).observe(now).unwrap();
    state.sense(&seen, now);
    let Decision { events, .. } = core::decide(&state, &Input::Observed(seen), now);
    let kinds: Vec<&str> = events.into_iter().map(|e| e.placed(1, now).kind()).collect();
    assert_eq!(kinds, Vec::<&str>::new());
}

#[test]
fn the_world_goes_on_living() {
    let mut source = demo(7);
    let mut seen = BTreeSet::new();
    let mut most = 0;
    let mut calm = usize::MAX;
    for minute in 0..8 * 60 {
        let observation = look(&mut source, minute * 60);
        let firing = alerts(&observation).iter().map(|a| a.fingerprint.clone());
        seen.extend(firing);
        let count = alerts(&observation).len();
        most = most.max(count);
        if minute > 240 {
            calm = calm.min(count);
        }
    }
    assert!(seen.len() > 40, "{} alerts in eight hours", seen.len());
    assert!(most < 45 && calm < 5, "between {calm} and {most} alerts at a time");
}

#[test]
fn what_somebody_silences_is_listed_mutes_its_alerts_and_can_be_ended() {
    let mut source = demo(7);
    let seen = look(&mut source, 600);
    let alert = alerts(&seen).iter().find(|a| a.status == AlertStatus::Active).unwrap().clone();
    let alertname = alert.labels["alertname"].as_str();
    let matchers = Matchers::parse(&format!("alertname={alertname:?}")).unwrap();
    let mut order = |seconds: i64, call: Call| {
        let at = noon() + TimeDelta::seconds(seconds);
        let id = OrderId(seconds.unsigned_abs());
        let (source_name, author) = (name(), "ana".to_owned());
        let what = Ordered { id, source: source_name, incident: None, author, call };
        let order = Order {
            what,
            at,
            by: "ana".to_owned(),
            session: String::new(),
            attempts: 1,
            standing: Standing::Waiting { at },
            made: None,
            failed: Vec::new(),
        };
        match source.made.carry_out(&order) {
            Ended::Done { made, .. } => (made, look(&mut source, seconds)),
            failed @ Ended::Failed { .. } => panic!("{failed:?}"),
        }
    };
    let listed = |seen: &Observation, id: &str| {
        let all = seen.facts.iter().find_map(|f| match f {
            Fact::Silences(listed) => Some(listed.silences.clone()),
            _ => None,
        });
        all.unwrap().iter().any(|s| s.id == id && s.matches > Some(0))
    };
    let comment = "noise".to_owned();
    let until = noon() + TimeDelta::hours(2);
    let (made, seen) = order(601, Call::Silence { matchers, until, comment });
    let id = made.unwrap();
    assert!(listed(&seen, &id));
    let status = |seen: &Observation| {
        let same = |a: &&Alert| a.fingerprint == alert.fingerprint;
        alerts(seen).iter().find(same).unwrap().status.clone()
    };
    assert_eq!(status(&seen), AlertStatus::Silenced { by: vec![id.clone()] });
    let (_, seen) = order(602, Call::Expire { silence: id.clone() });
    assert!(!listed(&seen, &id));
    assert_eq!(status(&seen), AlertStatus::Active);
}
