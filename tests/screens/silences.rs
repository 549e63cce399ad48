//! Silencing by key: what it covers is shown while it is typed, what is silenced stands in one list.

use std::collections::BTreeMap;
use std::sync::Arc;

use atalaya::domain::command::{Command, Outcome, Verdict};
use atalaya::domain::incident::{Actor, AlertFact, IncidentId};
use atalaya::domain::log::Recorded;
use atalaya::domain::matcher::Labels;
use atalaya::domain::observation::AlertStatus;
use atalaya::domain::upstream::silence::Listed;
use atalaya::domain::upstream::{
    Call, Command as Ask, Event, OrderId, Ordered, Orders, Request, Silence, SilenceState,
    Upstream, UpstreamKind,
};
use atalaya::engine::Snapshot;
use atalaya::ui::{Cmd, Msg};
use chrono::TimeDelta;
use insta::assert_snapshot;

use crate::support::{Bench, DEFAULT, now, part, world};

fn labels(text: &str) -> Labels {
    let pairs = text.split(' ').filter_map(|pair| pair.split_once('='));
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// Incidents of an Alertmanager, two of which have alerts alike.
fn silenced() -> Snapshot {
    let mut world = world();
    let plan = Arc::make_mut(&mut world.plan);
    let upstream =
        |kind| Upstream { kind, timeout: TimeDelta::seconds(10), actions: BTreeMap::new() };
    plan.upstreams = [
        ("am".into(), upstream(UpstreamKind::Alertmanager)),
        ("icinga".into(), upstream(UpstreamKind::Icinga2)),
    ]
    .into();
    let mut incidents = (*world.incidents.value).clone();
    let alerts = [
        (
            2041,
            "am",
            &[
                "alertname=HighLatency service=checkout severity=page instance=web-1 replica=a",
                "alertname=HighLatency service=checkout severity=page instance=web-2 replica=a",
            ][..],
        ),
        (2040, "am", &["alertname=HighLatency service=db-main severity=page instance=db-1"]),
        (2036, "icinga", &["alertname=queue host=mail01 service=queue severity=critical"]),
    ];
    for (id, source, alerts) in alerts {
        let incident = Arc::make_mut(incidents.by_id.get_mut(&IncidentId(id)).unwrap());
        incident.source = source.into();
        incident.alerts.clear();
        for text in alerts {
            let alert = AlertFact {
                labels: labels(text),
                annotations: Labels::new(),
                since: now() - TimeDelta::minutes(5),
                status: AlertStatus::Active,
                cleared_at: None,
                generator_url: None,
            };
            incident.alerts.insert((*text).to_owned(), alert);
        }
    }
    world.incidents = part(incidents);
    let silence = |id: &str, state, matchers: &str, by: &str, minutes, matches| Silence {
        id: id.to_owned(),
        state,
        matchers: matchers.to_owned(),
        created_by: by.to_owned(),
        comment: format!("why {by} did it, which is told in a few words"),
        starts_at: now() - TimeDelta::hours(1),
        ends_at: now() + TimeDelta::minutes(minutes),
        matches,
    };
    let (active, pending) = (SilenceState::Active, SilenceState::Pending);
    let list = [
        silence("5a1c-1", active, r#"service="search",env!="test""#, "luis", 9, Some(0)),
        silence("5a1c-2", active, r#"alertname=~"Slow.*",cluster="eu""#, "ana", 95, Some(12)),
        silence("5a1c-3", pending, r#"job="batch""#, "mia", 600, None),
    ];
    let listed = Listed { silences: Arc::from(list), left_out: 0 };
    world.silences = part([("am".into(), listed)].into());
    world
}

fn asked(bench: &mut Bench) -> Vec<Request> {
    let order = |cmd| match cmd {
        Cmd::Ask(Command::Upstream(Ask::Order(request))) => Some(request),
        _ => None,
    };
    std::mem::take(&mut bench.cmds).into_iter().filter_map(order).collect()
}

fn bench(keys: &str, (width, height): (u16, u16)) -> Bench {
    let mut bench = Bench::new(silenced(), width, height, DEFAULT);
    bench.press(keys);
    bench
}

#[test]
fn the_form_proposes_what_the_alerts_have_in_common_and_shows_what_that_covers() {
    let mut bench = bench("2 g g m", (160, 45));
    assert_snapshot!("silences-form", bench.text());
    bench.resize(80, 24);
    assert_snapshot!("silences-form-80x24", bench.text());
    bench.press("Enter Enter Enter");
    let asked = asked(&mut bench);
    let [Request { source, about: Some(IncidentId(2041)), call }] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    let Call::Silence { matchers, until, comment } = call else { panic!("{call:?}") };
    assert_eq!(&**source, "am");
    let expect = r#"alertname="HighLatency",service="checkout",severity="page""#;
    assert_eq!(matchers.to_string(), expect);
    assert_eq!(*until, now() + TimeDelta::hours(2));
    assert_eq!(comment, "INC-2041: p99 latency above 1 s");
}

#[test]
fn what_hits_another_incident_too_is_named_and_asked_for_before_it_is_sent() {
    let mut bench = bench("2 g g m", (160, 45));
    bench.type_text(r#"alertname="HighLatency""#);
    assert_snapshot!("silences-form-wide", bench.text());
    bench.press("Enter Enter Enter");
    assert_eq!(asked(&mut bench), []);
    let text = bench.text();
    assert!(text.contains("Silence more than INC-2041?"), "{text}");
    assert!(text.contains("also INC-2040 connections at 91 % (1 alert)"), "{text}");
    bench.press("y");
    assert_eq!(asked(&mut bench).len(), 1);
}

#[test]
fn what_cannot_be_a_silence_is_said_at_its_field() {
    let mut bench = bench("2 g g m", (120, 35));
    for (typed, expect) in [
        (r#"severity!="page""#, "it also fits alerts without labels"),
        (r#"service=~"(""#, "the regular expression"),
    ] {
        bench.press("Esc m");
        bench.type_text(typed);
        let text = bench.text();
        assert!(text.contains(expect), "{text}");
        bench.press("Enter Enter Enter");
        assert_eq!(asked(&mut bench), []);
    }
}

#[test]
fn an_incident_of_an_icinga_gets_a_downtime_of_its_objects() {
    assert_snapshot!("downtime-form-narrow", bench("2 G m", (80, 24)).text());
    assert_snapshot!("downtime-form-wide", bench("2 G m", (160, 45)).text());
    let mut bench = bench("2 G m", (120, 35));
    let text = bench.text();
    assert!(text.contains("Downtime for INC-2036 on icinga"), "{text}");
    bench.press("Enter Enter Enter");
    let asked = asked(&mut bench);
    let [Request { call: Call::Downtime { objects, .. }, .. }] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!(objects, &["mail01!queue"]);
}

#[test]
fn an_incident_of_a_source_that_takes_no_silences_says_what_mutes_it() {
    let mut world = silenced();
    Arc::make_mut(&mut world.plan).upstreams.clear();
    let mut bench = Bench::new(world, 120, 35, DEFAULT);
    bench.press("2 g g m");
    let text = bench.text();
    assert!(text.contains("comes from am, which takes no silences"), "{text}");
}

#[test]
fn what_is_silenced_stands_in_one_list_and_is_extended_and_expired_there() {
    let mut list = bench("2 :", (160, 45));
    list.type_text("silences");
    list.press("Enter");
    assert_snapshot!("silences-list", list.text());
    list.resize(80, 24);
    assert_snapshot!("silences-list-80x24", list.text());
    list.press("j +");
    assert!(list.text().contains("Extend a silence"), "{}", list.text());
    list.press("Enter");
    let call =
        Call::Extend { silence: "5a1c-2".to_owned(), until: now() + TimeDelta::minutes(155) };
    let asked_for = asked(&mut list);
    assert_eq!(asked_for.iter().map(|r| &r.call).collect::<Vec<_>>(), [&call]);
    list.press("k D");
    let text = list.text();
    assert!(text.contains("It mutes nothing on am for 9m more, by luis."), "{text}");
    list.press("y");
    let call = Call::Expire { silence: "5a1c-1".to_owned() };
    let asked_for = asked(&mut list);
    assert_eq!(asked_for.iter().map(|r| &r.call).collect::<Vec<_>>(), [&call]);
    list.press("y");
    assert!(list.cmds.iter().any(|c| matches!(c, Cmd::Copy(t) if t.starts_with("5a1c-1 service"))));
    // In the picker of views, too.
    let mut picked = bench("2 v", (120, 35));
    picked.press("Up Enter");
    let text = picked.text();
    assert!(text.contains("5a1c-1"), "{text}");
}

#[test]
fn without_any_the_list_says_why() {
    let mut world = silenced();
    world.silences = part([("am".into(), Listed::default())].into());
    let mut bench = Bench::new(world, 120, 35, DEFAULT);
    bench.press(":");
    bench.type_text("silences");
    bench.press("Enter");
    assert!(bench.text().contains("nothing is silenced"), "{}", bench.text());
    bench.press("D");
    assert_eq!(asked(&mut bench), []);
}

#[test]
fn what_became_of_an_order_stands_with_its_incident() {
    let mut world = silenced();
    let call = Call::Expire { silence: "5a1c-1".to_owned() };
    let what = Ordered {
        id: OrderId(1),
        source: "am".into(),
        incident: Some(IncidentId(2041)),
        author: "ana".to_owned(),
        call,
    };
    let (order, attempt) = (OrderId(1), 1);
    let why = "no member of the cluster answers".to_owned();
    let next = now() + TimeDelta::seconds(10);
    let mut orders = Orders::default();
    let events = [
        Event::Ordered(what),
        Event::OrderTryBegan { order, attempt, until: next },
        Event::OrderFailed { order, attempt, why, next },
    ];
    for (position, body) in (1..).zip(events) {
        let (at, actor) = (now() - TimeDelta::seconds(5), Actor::person("ana"));
        orders.apply(&Recorded { position, at, actor, body });
    }
    world.orders = part(orders);
    let mut bench = Bench::new(world, 160, 45, DEFAULT);
    bench.press("2 g g");
    let text = bench.text();
    assert!(text.contains("silence expired on am: failed, is tried again"), "{text}");
}

#[test]
fn a_silence_can_be_taken_back_as_long_as_the_toast_says_so() {
    let mut bench = bench("2 g g m Enter Enter Enter", (120, 35));
    let [request] = asked(&mut bench).try_into().unwrap();
    let command = Command::Upstream(Ask::Order(request));
    let said = "ORD-1 to am about INC-2041: silence".to_owned();
    let outcomes = vec![Outcome { id: None, verdict: Verdict::Done { said, also: Vec::new() } }];
    bench.tell(Msg::Answered { command, outcomes });
    bench.press("u");
    let undo = Command::Upstream(Ask::UndoLast);
    assert!(bench.cmds.iter().any(|c| matches!(c, Cmd::Ask(command) if *command == undo)));
}
