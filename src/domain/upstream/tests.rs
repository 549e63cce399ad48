//! Orders, covers and acknowledgements as sentences.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use rstest::rstest;

use super::acks::{self, acknowledged};
use super::actions;
use super::cover::{cover, propose, spanning};
use super::*;
use crate::domain::calendar::mirror::Owner;
use crate::domain::command::Verdict;
use crate::domain::incident::event::Opening;
use crate::domain::incident::{
    Actor, AlertFact, Event as IncidentEvent, EventBody, Incident, IncidentId, Priority, lifecycle,
};
use crate::domain::log::Recorded;
use crate::domain::matcher::{Labels, Matchers};
use crate::domain::observation::AlertStatus;
use crate::domain::outbox::TRIES;
use crate::domain::time::Instant;

fn at(seconds: i64) -> Instant {
    DateTime::from_timestamp(1_770_000_000 + seconds, 0).unwrap()
}

fn labels(text: &str) -> Labels {
    let pairs = text.split(' ').filter_map(|pair| pair.split_once('='));
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

fn matchers(text: &str) -> Matchers {
    Matchers::parse(text).unwrap()
}

/// An incident of `am` with these alerts firing.
fn incident(n: u64, alerts: &[&str]) -> Incident {
    let opening = Opening {
        key: format!("k{n}"),
        title: format!("trouble {n}"),
        service: None,
        source: "am".into(),
        category: String::new(),
        impact: 1,
        urgency: 1,
        priority: Priority(1),
        labels: Labels::new(),
        annotations: Labels::new(),
        started_at: at(0),
        earlier: None,
        recurrence: 1,
    };
    let event = |position, body| IncidentEvent {
        position,
        at: at(0),
        actor: Actor::person("ana"),
        incident: IncidentId(n),
        body,
    };
    let opened = event(1, EventBody::Opened(Box::new(opening)));
    let mut incident = lifecycle::fold(None, &opened).unwrap();
    for (position, text) in (2..).zip(alerts) {
        let body = EventBody::AlertFired {
            fingerprint: format!("f{n}-{position}"),
            alert: Box::new(AlertFact {
                labels: labels(text),
                annotations: Labels::new(),
                since: at(0),
                status: AlertStatus::Active,
                cleared_at: None,
                generator_url: None,
            }),
        };
        lifecycle::apply(&mut incident, &event(position, body));
    }
    incident
}

fn taken(mut incident: Incident, until: Option<i64>) -> Incident {
    let body = EventBody::Acknowledged { until: until.map(at), handover: None };
    let (position, actor) = (100, Actor::person("ana"));
    let event = IncidentEvent { position, at: at(0), actor, incident: incident.id, body };
    lifecycle::apply(&mut incident, &event);
    incident
}

/// A log of orders in memory.
struct Office {
    orders: Orders,
    upstreams: Upstreams,
    log: Vec<Recorded<Event>>,
}

impl Office {
    fn new() -> Self {
        let upstream =
            |kind| Upstream { kind, timeout: TimeDelta::seconds(10), actions: BTreeMap::new() };
        let upstreams = [
            ("am".into(), upstream(UpstreamKind::Alertmanager)),
            ("icinga".into(), upstream(UpstreamKind::Icinga2)),
        ];
        Self { orders: Orders::default(), upstreams: upstreams.into(), log: Vec::new() }
    }

    fn ask(&mut self, command: &Command, now: Instant) -> Result<String, Verdict> {
        let actor = Actor { session: "s1".to_owned(), ..Actor::person("ana") };
        let desk = Desk { orders: &self.orders, upstreams: &self.upstreams, about: None };
        let (events, said) = judge(desk, &actor, command, now)?;
        for body in events {
            self.store(body, &actor, now);
        }
        Ok(said)
    }

    fn store(&mut self, body: Event, actor: &Actor, at: Instant) {
        let position = self.log.len() as u64 + 1;
        let event = Recorded { position, at, actor: actor.clone(), body };
        self.orders.apply(&event);
        self.log.push(event);
    }

    fn tick(&mut self, now: Instant) {
        for body in overdue(&self.orders, now) {
            self.store(body, &Actor::system(), now);
        }
    }

    fn order(&mut self, source: &str, call: Call) -> Result<String, Verdict> {
        let request = Request { source: source.into(), about: None, call };
        self.ask(&Command::Order(request), at(0))
    }

    fn begin(&mut self, n: u64, now: i64) -> Result<String, Verdict> {
        self.ask(&Command::Begin { order: OrderId(n) }, at(now))
    }

    fn end(&mut self, n: u64, attempt: u32, ended: Ended, now: i64) -> Result<String, Verdict> {
        self.ask(&Command::End { order: OrderId(n), attempt, ended }, at(now))
    }

    fn standing(&self, n: u64) -> &Standing {
        &self.orders.get(OrderId(n)).unwrap().standing
    }
}

fn silence() -> Call {
    let matchers = matchers(r#"service="checkout""#);
    Call::Silence { matchers, until: at(7_200), comment: "INC-1: trouble".to_owned() }
}

fn failed(is_final: bool) -> Ended {
    Ended::Failed { why: "no answer".to_owned(), wait: None, is_final }
}

fn done() -> Ended {
    Ended::Done { said: "silence s-1".to_owned(), made: Some("s-1".to_owned()) }
}

#[test]
fn an_order_is_claimed_by_one_tried_again_after_a_failure_and_done_once() {
    let mut office = Office::new();
    office.order("am", silence()).unwrap();
    office.begin(1, 0).unwrap();
    assert!(matches!(office.begin(1, 1), Err(Verdict::Already { .. })), "somebody has it");
    office.end(1, 1, failed(false), 2).unwrap();
    assert_eq!(office.standing(1), &Standing::Waiting { at: at(12) });
    office.begin(1, 12).unwrap();
    office.end(1, 2, done(), 13).unwrap();
    let order = office.orders.get(OrderId(1)).unwrap();
    assert_eq!((order.made.as_deref(), order.failed.len()), (Some("s-1"), 1));
    assert!(office.orders.due().is_empty());
    assert!(matches!(office.end(1, 1, done(), 14), Err(Verdict::Already { .. })));
}

#[test]
fn a_claim_without_an_end_is_due_again_and_what_comes_late_of_it_is_true_if_it_was_done() {
    let mut office = Office::new();
    office.order("am", silence()).unwrap();
    office.begin(1, 0).unwrap();
    assert!(office.begin(1, 14).is_err());
    office.begin(1, 15).unwrap();
    assert!(office.end(1, 1, failed(false), 16).is_err(), "somebody else's by now");
    office.end(1, 1, done(), 17).unwrap();
    assert!(office.standing(1).is_settled());
}

#[test]
fn what_cannot_get_better_is_given_up_at_once_and_the_rest_after_the_last_try() {
    let mut office = Office::new();
    office.order("am", silence()).unwrap();
    office.begin(1, 0).unwrap();
    office.end(1, 1, failed(true), 1).unwrap();
    assert_eq!(office.standing(1), &Standing::GivenUp { at: at(1), why: "no answer".to_owned() });
    office.order("am", silence()).unwrap();
    let mut now = 0;
    for attempt in 1..=TRIES {
        office.begin(2, now).unwrap();
        office.end(2, attempt, failed(false), now).unwrap();
        now += 600;
    }
    let Standing::GivenUp { why, .. } = office.standing(2) else { panic!() };
    assert_eq!(why, "7 tries: no answer");
}

#[test]
fn an_order_whose_time_is_over_is_not_sent_any_more() {
    let mut office = Office::new();
    office.order("am", silence()).unwrap();
    office.tick(at(7_199));
    assert!(!office.standing(1).is_settled());
    office.tick(at(7_200));
    let Standing::GivenUp { why, .. } = office.standing(1) else { panic!() };
    assert_eq!(why, "its time was over before it could be done");
}

#[rstest]
#[case("am", silence_of(r#"a!="b""#), "it would also fit alerts without labels")]
#[case("am", Call::Silence { matchers: matchers("a=b"), until: at(0), comment: "x".to_owned() }, "its end is over already")]
#[case("am", Call::Silence { matchers: matchers("a=b"), until: at(60), comment: " \u{1b}[0m".to_owned() }, "a comment is needed")]
#[case("am", Call::Expire { silence: "../status".to_owned() }, "\"../status\" is not the id of a silence")]
#[case("am", Call::Comment { objects: vec!["db".to_owned()], comment: "x".to_owned() }, "am takes silences, not downtimes nor comments")]
#[case("icinga", silence(), "icinga takes downtimes and comments, not silences")]
#[case("icinga", Call::Comment { objects: Vec::new(), comment: "x".to_owned() }, "it is about no host or service")]
#[case("a", silence(), "\"a\" is no source that takes orders; sources that do: am, icinga")]
fn what_makes_no_sense_is_refused_with_the_way_out(
    #[case] source: &str,
    #[case] call: Call,
    #[case] expect: &str,
) {
    let why = Office::new().order(source, call).unwrap_err().to_string();
    assert!(why.starts_with(expect), "{why}");
}

fn silence_of(text: &str) -> Call {
    Call::Silence { matchers: matchers(text), until: at(60), comment: "x".to_owned() }
}

#[test]
fn undo_takes_back_what_was_made_or_what_was_not_sent_yet() {
    let mut office = Office::new();
    office.order("am", silence()).unwrap();
    office.ask(&Command::UndoLast, at(1)).unwrap();
    assert!(office.standing(1).is_settled(), "it never goes out");
    assert!(office.ask(&Command::UndoLast, at(2)).is_err(), "not twice");
    office.order("am", silence()).unwrap();
    office.begin(2, 3).unwrap();
    assert!(office.ask(&Command::UndoLast, at(4)).is_err(), "nobody knows yet what it made");
    office.end(2, 1, done(), 5).unwrap();
    office.ask(&Command::UndoLast, at(6)).unwrap();
    let expire = Call::Expire { silence: "s-1".to_owned() };
    assert_eq!(office.orders.get(OrderId(3)).unwrap().what.call, expire);
}

#[test]
fn the_key_in_a_comment_says_which_order_made_it() {
    let mut office = Office::new();
    office.order("am", silence()).unwrap();
    office.order("am", silence()).unwrap();
    let [one, two] = [1, 2].map(|n| office.orders.get(OrderId(n)).unwrap());
    let comment = one.tagged("INC-1: trouble\u{1b}[31m [x]");
    assert_eq!(comment, "INC-1: trouble [x] [atalaya-order-1-1770000000000]");
    assert!(one.is_of(&comment) && !two.is_of(&comment));
}

#[test]
fn a_stored_order_reads_back_whole() {
    let mut office = Office::new();
    office.order("am", silence()).unwrap();
    office.order("am", Call::Extend { silence: "s-9".to_owned(), until: at(60) }).unwrap();
    let objects = vec!["db!disk".to_owned()];
    office.order("icinga", Call::Comment { objects, comment: "x".to_owned() }).unwrap();
    office.begin(1, 0).unwrap();
    office.end(1, 1, done(), 1).unwrap();
    for order in office.orders.iter() {
        let text = serde_json::to_string(&**order).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), **order, "{text}");
    }
    for event in &office.log {
        let text = serde_json::to_string(&event.body).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event.body, "{text}");
    }
}

#[rstest]
#[case(&["alertname=Down service=a instance=x replica=1"], r#"alertname="Down",instance="x",service="a""#)]
#[case(&["alertname=Down service=a instance=x", "alertname=Down service=a instance=y"], r#"alertname="Down",service="a""#)]
#[case(&["alertname=Crash pod=web-7f9c app=web"], r#"alertname="Crash",app="web""#)]
#[case(&["alertname=Crash pod=web-7f9c"], r#"alertname="Crash",pod="web-7f9c""#)]
#[case(&["alertname=A x=1", "alertname=B y=2"], r#"alertname=~"A|B""#)]
fn proposed_is_what_the_alerts_have_in_common_without_noise(
    #[case] alerts: &[&str],
    #[case] expect: &str,
) {
    assert_eq!(propose(&incident(1, alerts)).to_string(), expect);
}

#[test]
fn a_cover_counts_the_alerts_that_fire_and_names_the_incidents_that_have_them() {
    let mut other_source = incident(3, &["service=a"]);
    other_source.source = "elsewhere".into();
    let all = [
        incident(1, &["service=a n=1", "service=a n=2", "service=b"]),
        incident(2, &["service=a n=3"]),
        other_source,
    ];
    let cover = cover(&"am".into(), &matchers("service=a"), all.iter(), 2);
    assert_eq!((cover.alerts, cover.first.len()), (3, 2));
    assert_eq!(cover.incidents, [(IncidentId(1), 2), (IncidentId(2), 1)].into());
}

#[test]
fn an_acknowledgement_is_a_short_silence_that_is_renewed_at_steps_and_ends_with_it() {
    let owner = Owner::new("acme noc", "").of_acknowledgements();
    let mine =
        taken(incident(7, &["alertname=Down instance=a", "alertname=Down instance=b.c"]), None);
    let held = acknowledged(&"am".into(), [&mine, &incident(8, &["alertname=X"])].into_iter());
    let until = |now| acks::silences(&owner, &held, at(now)).0.remove(0).at.to;
    let [one] = &acks::silences(&owner, &held, at(0)).0[..] else { panic!() };
    assert_eq!(one.target.to_string(), r#"alertname="Down",instance=~"a|b\\.c""#);
    let expect = "atalaya-ack acme%20noc@811c9dc5 INC-7: acknowledged by ana: trouble 7";
    assert_eq!(one.comment(), expect);
    assert_eq!(owner.name_in(expect), Some(one.tag.clone()));
    assert_eq!(Owner::new("acme noc", "").tag_in(expect), None, "no window's");
    let ends: BTreeSet<Instant> = (0..3_600).map(until).collect();
    assert!(ends.len() <= 13, "renewed each five minutes: {ends:?}");
    for now in 0..3_600 {
        let left = until(now) - at(now);
        assert!(left > TimeDelta::minutes(10) && left <= TimeDelta::minutes(15), "{left}");
    }
    let short = taken(incident(7, &["alertname=Down"]), Some(60));
    let held = acknowledged(&"am".into(), [&short].into_iter());
    assert_eq!(acks::silences(&owner, &held, at(0)).0[0].at.to, at(60));
    assert!(acks::silences(&owner, &held, at(60)).0.is_empty());
}

#[test]
fn each_object_is_acknowledged_once_and_until_the_acknowledgement_expires() {
    let owner = Owner::new("s", "").of_acknowledgements();
    let one = taken(incident(1, &["host=db service=disk", "host=db"]), Some(600));
    let two = taken(incident(2, &["host=db service=disk", "x=y"]), None);
    let held = acknowledged(&"am".into(), [&one, &two].into_iter());
    let all = acks::objects(&owner, &held, at(0));
    let found: Vec<_> = all.iter().map(|m| (m.target.as_str(), m.at.to)).collect();
    assert_eq!(found, [("db!disk", at(600)), ("db", at(600))]);
    let held = acknowledged(&"am".into(), [&two].into_iter());
    assert_eq!(acks::objects(&owner, &held, at(0))[0].at.to, acks::never());
}

#[test]
fn what_is_done_here_is_told_once_or_for_each_alert_where_that_was_asked_for() {
    let told = |names: &[&str]| {
        let names = names.iter().map(|n| (*n).to_owned()).collect();
        let upstream = Upstream {
            kind: UpstreamKind::Told,
            timeout: TimeDelta::seconds(10),
            actions: [("acknowledge".to_owned(), names)].into(),
        };
        let upstreams = [("am".into(), upstream)].into();
        let incident = incident(7, &["host=a x=1", "host=b x=1"]);
        let done = |action| actions::Done { action, by: "ana", ..actions::Done::default() };
        let ordered = |action| actions::ordered(&upstreams, &incident, &done(action), OrderId(4));
        assert_eq!(ordered("close"), []);
        let orders = ordered("acknowledge");
        let values = |o: Ordered| match o.call {
            Call::Tell { values, .. } => {
                (o.id.0, values.into_values().collect::<Vec<_>>().join(" "))
            }
            other => panic!("{other:?}"),
        };
        orders.into_iter().map(values).collect::<Vec<_>>()
    };
    assert_eq!(told(&["id", "by", "title"]), [(4, "ana INC-7 trouble 7".to_owned())]);
    let each = told(&["alert", "labels.host"]);
    assert_eq!(each, [(4, "f7-2 a".to_owned()), (5, "f7-3 b".to_owned())]);
}

#[test]
fn a_note_becomes_a_comment_on_the_objects_of_an_icinga_that_still_have_problems() {
    let upstream = Upstream {
        kind: UpstreamKind::Icinga2,
        timeout: TimeDelta::seconds(10),
        actions: [("note".to_owned(), [].into())].into(),
    };
    let upstreams = [("am".into(), upstream)].into();
    let mut incident = incident(7, &["host=db service=disk", "host=db service=load", "host=web"]);
    incident.alerts.values_mut().nth(1).unwrap().cleared_at = Some(at(5));
    let note =
        actions::Done { action: "note", comment: "full", by: "ana", ..actions::Done::default() };
    let orders = actions::ordered(&upstreams, &incident, &note, OrderId(4));
    let [order] = orders.as_slice() else { panic!("{orders:?}") };
    let Call::Comment { objects, comment } = &order.call else { panic!("{order:?}") };
    assert_eq!((objects.len(), comment.as_str()), (2, "INC-7: full"));
    assert!(objects.contains(&"web".to_owned()), "{objects:?}");
    let ack = actions::Done { action: "acknowledge", ..note };
    assert_eq!(actions::ordered(&upstreams, &incident, &ack, OrderId(4)), []);
}

proptest! {
    #[test]
    fn what_spans_alerts_fits_each_of_them(
        alerts in prop::collection::vec(
            prop::collection::btree_map("[a-c]", "[x.y|*]{1,3}", 1..4), 1..6)
    ) {
        let alerts: Vec<Labels> = alerts.into_iter().map(Labels::from).collect();
        if let Some(matchers) = spanning(&alerts.iter().collect::<Vec<_>>()) {
            prop_assert!(alerts.iter().all(|l| matchers.matches(l)), "{matchers}");
            let again = Matchers::parse(&matchers.to_string()).unwrap();
            prop_assert_eq!(again, matchers);
        }
    }
}
