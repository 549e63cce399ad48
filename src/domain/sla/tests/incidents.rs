//! The clocks of incidents, from what happened to them.

use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use imbl::OrdMap;

use super::{at, calendar, office};
use crate::domain::calendar::WindowId;
use crate::domain::health::ServiceId;
use crate::domain::incident::event::Opening;
use crate::domain::incident::lifecycle::fold;
use crate::domain::incident::{
    Actor, Event, EventBody, Findings, HoldReason, Incident, IncidentId, Priority,
};
use crate::domain::matcher::Labels;
use crate::domain::sla::attainment::Attainment;
use crate::domain::sla::clock::{Rest, Target};
use crate::domain::sla::contract::{
    ClockStart, Contract, Kind, Planned, Rounding, ServiceLevels, Targets,
};
use crate::domain::sla::due::DueNext;
use crate::domain::sla::hours::{ALWAYS, BusinessCalendar};
use crate::domain::sla::incident::{Promise, Stand, Summary, first, promises};
use crate::domain::sla::{Exclusion, NoData};
use crate::domain::time::{Instant, Interval};

/// P1 in 15 min and 2 h with an update every 30 min, P2 in 1 h and 4 h; waits for the customer.
pub fn contract(id: &str, calendar: &Arc<BusinessCalendar>) -> Contract {
    let time = |minutes| Some(Target::Time(TimeDelta::minutes(minutes)));
    let targets = |respond, resolve| Targets {
        respond: time(respond),
        resolve: time(resolve),
        update_every: time(30),
        calendar: Arc::clone(calendar),
        pause_on: vec![HoldReason::Customer],
    };
    Contract {
        id: id.into(),
        name: id.to_owned(),
        customer: "ACME".to_owned(),
        services: [ServiceId::new("checkout")].into(),
        calendar: Arc::clone(calendar),
        targets: [(Priority(1), targets(15, 120)), (Priority(2), targets(60, 240))].into(),
        clock_start: ClockStart::Opened,
        maintenance: Planned::Pause,
        exclusion: Exclusion::Remove,
        no_data: NoData::Remove,
        rounding: Rounding::default(),
        credits: None,
        escalations: Vec::new(),
        valid: ALWAYS,
    }
}

pub fn levels<const N: usize>(contracts: [Contract; N]) -> ServiceLevels {
    let contracts = contracts.into_iter().map(Arc::new).collect();
    ServiceLevels { contracts, ..ServiceLevels::default() }
}

/// A new P2 of checkout, opened then.
pub fn incident(opened: &str) -> Incident {
    after(&[(opened, "prom", opening())])
}

fn opening() -> EventBody {
    EventBody::Opened(Box::new(Opening {
        key: "k".into(),
        title: "Disk full".into(),
        service: Some(ServiceId::new("checkout")),
        source: "prom".into(),
        category: String::new(),
        impact: 1,
        urgency: 2,
        priority: Priority(2),
        labels: Labels::new(),
        annotations: Labels::new(),
        started_at: at("2026-11-23T09:30:00Z"),
        earlier: None,
        recurrence: 1,
    }))
}

/// What events make of it; `prom` is the source, `atalaya` the console itself, others are people.
fn after(events: &[(&str, &str, EventBody)]) -> Incident {
    let mut incident: Option<Incident> = None;
    for (position, (when, by, body)) in (1..).zip(events) {
        let actor = match *by {
            "prom" => Actor::source("prom"),
            "atalaya" => Actor::system(),
            name => Actor::person(name),
        };
        let (at, body) = (at(when), body.clone());
        let event = Event { position, at, actor, incident: IncidentId(7), body };
        incident = fold(incident.as_ref(), &event);
    }
    incident.unwrap()
}

fn opened_then(events: &[(&str, &str, EventBody)]) -> Incident {
    let mut all = vec![("2026-11-23T10:00:00Z", "prom", opening())];
    all.extend_from_slice(events);
    after(&all)
}

fn held(reason: HoldReason) -> EventBody {
    EventBody::Held { reason, note: String::new(), until: None }
}

fn resolved() -> EventBody {
    EventBody::Resolved { automatic: false, reason: String::new(), findings: Findings::default() }
}

fn reopened() -> EventBody {
    EventBody::Reopened { automatic: true, reason: String::new() }
}

fn agreed() -> ServiceLevels {
    levels([contract("gold", &calendar(office(Tz::UTC)))])
}

fn promise(incident: &Incident, kind: Kind) -> Promise {
    let promises = promises(incident, &agreed());
    promises.into_iter().find(|p| p.kind == kind).unwrap()
}

fn deadline(incident: &Incident, kind: Kind, now: &str) -> Instant {
    promise(incident, kind).course.deadline(at(now)).unwrap()
}

fn stand(incident: &Incident, kind: Kind, now: &str) -> Stand {
    promise(incident, kind).stand(at(now)).1
}

#[test]
fn response_never_waits_and_resolution_waits_for_whom_the_contract_says() {
    let waits = opened_then(&[
        ("2026-11-23T10:10:00Z", "ana", held(HoldReason::Customer)),
        ("2026-11-23T10:40:00Z", "ana", EventBody::Resumed { automatic: false }),
        ("2026-11-23T10:50:00Z", "ana", held(HoldReason::Supplier)),
    ]);
    let now = "2026-11-23T11:30:00Z";
    assert_eq!(deadline(&waits, Kind::Respond, now), at("2026-11-23T11:00:00Z"));
    assert_eq!(deadline(&waits, Kind::Resolve, now), at("2026-11-23T14:30:00Z"));
    assert_eq!(stand(&waits, Kind::Respond, now), Stand::Breached);
}

#[test]
fn while_it_waits_for_the_customer_nothing_is_late() {
    let waits = opened_then(&[("2026-11-23T11:00:00Z", "ana", held(HoldReason::Customer))]);
    let paused = Stand::Paused(Rest::Hold(HoldReason::Customer));
    assert_eq!(stand(&waits, Kind::Resolve, "2026-12-23T11:00:00Z"), paused);
    let now = at("2026-11-23T11:00:00Z");
    let summary = Summary::of(&waits, &agreed(), now);
    let next = summary.next.as_ref().unwrap();
    assert_eq!(next.promise.kind, Kind::Respond, "what runs goes before what rests");
    assert_eq!(summary.left(now), Some(TimeDelta::zero()));
    assert!(!summary.is_breached(now) && summary.is_breached(at("2026-11-23T11:00:01Z")));
}

#[test]
fn resolution_does_not_wait_for_the_acknowledgement_and_response_ends_with_the_first() {
    let acked =
        |by| ("2026-11-23T10:20:00Z", by, EventBody::Acknowledged { until: None, handover: None });
    let back = opened_then(&[
        acked("ana"),
        ("2026-11-23T10:30:00Z", "atalaya", EventBody::AcknowledgementExpired),
    ]);
    assert_eq!(stand(&back, Kind::Respond, "2026-11-23T16:00:00Z"), Stand::Met);
    assert_eq!(deadline(&back, Kind::Resolve, "2026-11-23T16:00:00Z"), at("2026-11-23T14:00:00Z"));
}

#[test]
fn time_in_resolved_is_taken_out_when_it_is_reopened() {
    let again = opened_then(&[
        ("2026-11-23T11:00:00Z", "ana", resolved()),
        ("2026-11-23T12:00:00Z", "prom", reopened()),
    ]);
    let now = "2026-11-23T12:30:00Z";
    assert_eq!(deadline(&again, Kind::Resolve, now), at("2026-11-23T15:00:00Z"));
    let clock = promise(&again, Kind::Resolve).clock(at(now));
    assert_eq!((clock.elapsed, clock.paused), (TimeDelta::minutes(90), TimeDelta::minutes(60)));
    let ledger = promise(&again, Kind::Resolve).course.ledger(at(now));
    let told: Vec<String> = ledger.iter().map(|line| line.why.to_string()).collect();
    assert_eq!(told, ["open hours", "resolved", "open hours"]);
}

#[test]
fn a_clock_stops_when_it_is_resolved_and_stays_so_when_it_is_closed() {
    let closed = EventBody::Closed {
        automatic: true,
        reason: String::new(),
        findings: Findings::default(),
        category: None,
    };
    let over = opened_then(&[
        ("2026-11-23T14:00:00Z", "ana", resolved()),
        ("2026-11-26T14:00:00Z", "atalaya", closed),
    ]);
    assert_eq!(stand(&over, Kind::Resolve, "2026-12-26T14:00:00Z"), Stand::Met);
    let late = opened_then(&[("2026-11-23T14:00:01Z", "ana", resolved())]);
    assert_eq!(stand(&late, Kind::Resolve, "2026-12-26T14:00:00Z"), Stand::Missed);
    let summary = Summary::of(&over, &agreed(), at("2026-12-26T14:00:00Z"));
    assert!(summary.is_promised && summary.next.is_none());
    assert!(summary.is_breached(at("2026-12-26T14:00:00Z")), "nobody responded within an hour");
}

#[test]
fn reclassifying_keeps_start_and_pauses() {
    let urgent =
        EventBody::Reclassified { impact: 1, urgency: 1, priority: Priority(1), category: None };
    let waited = opened_then(&[
        ("2026-11-23T10:10:00Z", "ana", held(HoldReason::Customer)),
        ("2026-11-23T10:40:00Z", "ana", EventBody::Resumed { automatic: false }),
        ("2026-11-23T11:00:00Z", "ana", urgent),
    ]);
    assert_eq!(
        deadline(&waited, Kind::Resolve, "2026-11-23T11:30:00Z"),
        at("2026-11-23T12:30:00Z")
    );
    assert_eq!(stand(&waited, Kind::Respond, "2026-11-23T11:30:00Z"), Stand::Breached);
}

#[test]
fn an_update_is_due_from_the_last_word_of_a_person_on() {
    let noted = EventBody::Noted { text: "looking".into() };
    let told = opened_then(&[
        ("2026-11-23T10:20:00Z", "ana", noted),
        ("2026-11-23T10:45:00Z", "prom", EventBody::FlappingStarted),
    ]);
    assert_eq!(deadline(&told, Kind::Update, "2026-11-23T10:46:00Z"), at("2026-11-23T10:50:00Z"));
    let assigned = EventBody::Assigned { to: Some("luis".into()), handover: None };
    let told = opened_then(&[("2026-11-23T10:45:00Z", "ana", assigned)]);
    assert_eq!(deadline(&told, Kind::Update, "2026-11-23T10:46:00Z"), at("2026-11-23T11:15:00Z"));
    assert_eq!(
        deadline(&opened_then(&[]), Kind::Update, "2026-11-23T10:46:00Z"),
        at("2026-11-23T10:30:00Z")
    );
}

#[test]
fn planned_downtime_stops_the_clocks_and_other_maintenance_does_not() {
    let began = |sla_relevant| {
        let (window, title) = (WindowId::new("WIN-1"), "patch".into());
        EventBody::MaintenanceBegan { window, title, sla_relevant }
    };
    let during = |sla_relevant| {
        opened_then(&[
            ("2026-11-23T10:00:00Z", "atalaya", began(sla_relevant)),
            ("2026-11-23T11:00:00Z", "atalaya", EventBody::MaintenanceEnded),
        ])
    };
    let now = "2026-11-23T12:00:00Z";
    assert_eq!(deadline(&during(true), Kind::Resolve, now), at("2026-11-23T15:00:00Z"));
    assert_eq!(deadline(&during(true), Kind::Respond, now), at("2026-11-23T12:00:00Z"));
    assert_eq!(deadline(&during(false), Kind::Resolve, now), at("2026-11-23T14:00:00Z"));
}

#[test]
fn what_is_outside_of_service_levels_has_no_clocks() {
    let drilled = EventBody::Drilled { window: WindowId::new("WIN-2"), title: "drill".into() };
    let cancelled = EventBody::Cancelled { reason: "false alarm".into() };
    for outside in [drilled, cancelled, EventBody::Merged { into: IncidentId(3) }] {
        let outside = opened_then(&[("2026-11-23T10:00:00Z", "atalaya", outside)]);
        assert_eq!(promises(&outside, &agreed()), []);
    }
    let mut excluded = opened_then(&[]);
    excluded.excluded = true;
    assert_eq!(promises(&excluded, &agreed()), []);
}

#[test]
fn the_contract_says_from_when_the_clock_runs() {
    let mut started = contract("gold", &calendar(office(Tz::UTC)));
    started.clock_start = ClockStart::Started;
    let promises = promises(&opened_then(&[]), &levels([started]));
    let respond = first(&promises, Kind::Respond, at("2026-11-23T10:00:00Z")).unwrap();
    assert_eq!(respond.course.start, at("2026-11-23T09:30:00Z"));
}

fn kept_of(incident: &Incident, now: &str) -> Attainment {
    let period = Interval::new(at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
    let mut all = Attainment::new(period, at(now));
    all.add(incident, &agreed());
    all
}

fn updates(all: &Attainment) -> [usize; 3] {
    let count = all.lines.iter().find(|(line, _)| line.kind == Kind::Update).unwrap().1;
    [count.met.len(), count.missed.len(), count.running.len()]
}

#[test]
fn updates_that_were_missed_stay_missed() {
    let note = || EventBody::Noted { text: "still looking".to_owned() };
    // Every half an hour: the second one is 25 minutes late, the third is in time.
    let said = [
        ("2026-11-23T10:20:00Z", "ana", note()),
        ("2026-11-23T11:15:00Z", "ana", note()),
        ("2026-11-23T11:40:00Z", "ana", note()),
    ];
    let late = kept_of(&opened_then(&said), "2026-11-23T11:50:00Z");
    assert_eq!(updates(&late), [0, 1, 0]);
    let of_updates: Vec<_> = late.breaches.iter().filter(|b| b.kind == Kind::Update).collect();
    let [breach] = of_updates[..] else { panic!("{of_updates:?}") };
    assert_eq!(breach.deadline, at("2026-11-23T10:50:00Z"));
    assert_eq!((breach.late, breach.is_over), (TimeDelta::minutes(25), true));
    // The promise says so as well, also once the incident is over and the last one was in time.
    let late_of = |incident: &Incident, now| {
        let promise = promise(incident, Kind::Update);
        (promise.late(incident, at(now)), promise.stand_of(incident, at(now)))
    };
    let end = [said.to_vec(), vec![("2026-11-23T11:50:00Z", "ana", resolved())]].concat();
    let (now, ended) = ("2026-11-23T13:00:00Z", opened_then(&end));
    assert_eq!(late_of(&ended, now), (Some((1, 4)), Stand::Missed));
    assert!(Summary::of(&ended, &agreed(), at(now)).is_breached(at(now)));
    assert_eq!(late_of(&opened_then(&said[..1]), "2026-11-23T10:50:00Z").0, Some((0, 2)));
    // A second one that is due is a breach of its own, and the incident counts once.
    let again = kept_of(&opened_then(&said), "2026-11-23T12:20:00Z");
    assert_eq!(updates(&again), [0, 1, 0]);
    let breaches = again.breaches.iter().filter(|b| b.kind == Kind::Update);
    let breaches: Vec<_> = breaches.map(|b| (b.deadline, b.late, b.is_over)).collect();
    assert_eq!(
        breaches,
        [
            (at("2026-11-23T10:50:00Z"), TimeDelta::minutes(25), true),
            (at("2026-11-23T12:10:00Z"), TimeDelta::minutes(10), false),
        ]
    );

    assert_eq!(updates(&kept_of(&opened_then(&said[..1]), "2026-11-23T10:50:00Z")), [0, 0, 1]);
    // What is said after the end is no update that was promised.
    let over = [
        said[0].clone(),
        ("2026-11-23T10:40:00Z", "ana", resolved()),
        ("2026-11-23T15:00:00Z", "ana", note()),
    ];
    assert_eq!(updates(&kept_of(&opened_then(&over), "2026-11-23T16:00:00Z")), [1, 0, 0]);
    // From before they were kept only the last one is known, and nothing is held against it.
    let mut old = opened_then(&said);
    old.updates.clear();
    assert_eq!(updates(&kept_of(&old, "2026-11-23T11:50:00Z")), [0, 0, 1]);
}

#[test]
fn a_store_from_before_service_levels_loads() {
    let mut stored = serde_json::to_value(opened_then(&[])).unwrap();
    let fields = stored.as_object_mut().unwrap();
    for newer in ["maintained", "drill", "updated_at", "updates", "warned"] {
        fields.remove(newer);
    }
    let loaded: Incident = serde_json::from_value(stored).unwrap();
    assert_eq!(promises(&loaded, &agreed()).len(), 3);
}

#[test]
fn what_is_due_next_follows_each_change_as_if_it_were_worked_out_anew() {
    let now = at("2026-11-23T10:30:00Z");
    let agreed = Arc::new(levels([
        contract("gold", &calendar(office(Tz::UTC))),
        contract("silver", &Arc::new(BusinessCalendar::always(Tz::UTC))),
    ]));
    let one = |id: u64, priority: u8| {
        let (id, priority) = (IncidentId(id), Priority(priority));
        (id, Arc::new(Incident { id, priority, ..opened_then(&[]) }))
    };
    let mut open: OrdMap<IncidentId, Arc<Incident>> =
        (1..=50).map(|id| one(id, (id % 3 + 1) as u8)).collect();
    let mut kept = DueNext::default();
    let silver: Arc<str> = "silver".into();
    let mut check = |open: &OrdMap<_, _>, agreed: &Arc<ServiceLevels>, only: Option<&Arc<str>>| {
        let mut anew = DueNext::default();
        anew.refresh(open, agreed, only, now);
        kept.refresh(open, agreed, only, now);
        assert_eq!(kept.list(), anew.list());
        let ids: Vec<u64> = kept.list().iter().map(|(id, _)| id.0).collect();
        ids
    };
    // Nothing is promised for the third priority; the first one is due first.
    let first = check(&open, &agreed, None);
    assert_eq!((first.len(), first[0]), (33, 3));
    let waits = opened_then(&[
        ("2026-11-23T10:20:00Z", "ana", EventBody::Acknowledged { until: None, handover: None }),
        ("2026-11-23T10:25:00Z", "ana", held(HoldReason::Customer)),
    ]);
    open.insert(IncidentId(3), Arc::new(Incident { id: IncidentId(3), ..waits }));
    assert_eq!(check(&open, &agreed, None).last(), Some(&3), "it rests");
    open.remove(&IncidentId(6));
    open.extend([one(60, 1), one(1, 1)]);
    assert_eq!(check(&open, &agreed, None)[0], 1);
    check(&open, &agreed, Some(&silver));
    let less = Arc::new(levels([contract("gold", &calendar(office(Tz::UTC)))]));
    assert!(check(&open, &less, Some(&silver)).is_empty());
    assert!(!check(&open, &less, None).is_empty());
}
