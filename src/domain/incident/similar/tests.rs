use chrono::{TimeZone, Utc};
use proptest::prelude::*;

use super::*;
use crate::domain::health::ServiceId;
use crate::domain::incident::event::Opening;
use crate::domain::incident::lifecycle::fold;
use crate::domain::incident::{Actor, Ending, Event, EventBody, IncidentState, Priority};

/// One that was opened so many minutes after the first, and resolved ten minutes later.
fn past(id: u64, key: &str, service: &str, title: &str) -> Incident {
    let start = Utc.with_ymd_and_hms(2026, 11, 23, 8, 0, 0).unwrap();
    let at = start + TimeDelta::minutes(id as i64);
    let opening = Opening {
        key: key.into(),
        title: title.into(),
        service: (!service.is_empty()).then(|| ServiceId::new(service)),
        source: "prom".into(),
        category: String::new(),
        impact: 2,
        urgency: 2,
        priority: Priority(3),
        labels: [].into(),
        annotations: [].into(),
        started_at: at,
        earlier: None,
        recurrence: 1,
    };
    let actor = Actor::source("prom");
    let body = EventBody::Opened(Box::new(opening));
    let event = Event { position: id, at, actor, incident: IncidentId(id), body };
    let mut made = fold(None, &event).unwrap();
    made.standing.state = IncidentState::Closed;
    made.standing.resolved = Some(Ending {
        by: "ana".into(),
        at: at + TimeDelta::minutes(10),
        automatic: false,
        reason: "restarted".into(),
    });
    made
}

fn open(mut incident: Incident) -> Incident {
    incident.standing.state = IncidentState::New;
    incident.standing.resolved = None;
    incident
}

fn found(of: &Incident, past: &[Incident]) -> Vec<(u64, Likeness)> {
    let known = |id| past.iter().find(|i| i.id == id);
    let similar = similar(of, past.iter().rev(), known);
    similar.iter().map(|s| (s.incident.id.0, s.likeness)).collect()
}

use Likeness::{SameCategory, SameKey, SameService};

#[test]
fn the_same_trouble_comes_first_then_the_same_service_then_the_same_category() {
    let mut network = past(3, "n", "wan", "packet loss");
    network.category = "storage".into();
    let all = [
        past(1, "disk", "mail", "disk / is full"),
        past(2, "x", "mail", "disk latency is high, disk full"),
        network,
        past(4, "y", "mail", "queue grows"),
        past(5, "z", "web", "disk is full"),
    ];
    let mut now = open(past(9, "disk", "mail", "disk / is full"));
    now.category = "storage".into();
    now.earlier = Some(IncidentId(1));
    assert_eq!(found(&now, &all), [(1, SameKey), (2, SameService), (3, SameCategory)]);
}

#[test]
fn more_shared_words_and_labels_count_more_then_the_newer_one() {
    let labelled = |mut i: Incident, value: &str| {
        i.labels = [("alertname".to_owned(), value.to_owned())].into();
        i
    };
    let all = [
        labelled(past(1, "a", "mail", "queue grows quickly"), "QueueGrows"),
        past(2, "b", "mail", "queue stopped"),
        past(3, "c", "mail", "queue lost"),
    ];
    let now = labelled(open(past(9, "d", "mail", "queue grows slowly")), "QueueGrows");
    assert_eq!(found(&now, &all), [(1, SameService), (3, SameService), (2, SameService)]);
}

#[test]
fn where_and_how_bad_make_nothing_alike() {
    let labelled = |mut i: Incident| {
        i.labels = [("service", "mail"), ("severity", "critical"), ("cluster", "eu")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        i
    };
    let all = [labelled(past(1, "a", "mail", "certificate ends"))];
    assert_eq!(found(&labelled(open(past(9, "b", "mail", "disk full"))), &all), []);
}

#[test]
fn what_is_open_or_was_merged_tells_nothing() {
    let mut merged = past(2, "k", "mail", "disk full");
    merged.standing.merged_into = Some(IncidentId(1));
    let all = [open(past(1, "k", "mail", "disk full")), merged];
    assert_eq!(found(&open(past(9, "k", "mail", "disk full")), &all), []);
}

#[test]
fn five_are_the_most_and_a_circle_of_earlier_ones_ends() {
    let mut all: Vec<Incident> = (1..=8).map(|n| past(n, "k", "mail", "disk full")).collect();
    for (incident, before) in all.iter_mut().skip(1).zip(1..) {
        incident.earlier = Some(IncidentId(before));
    }
    all[0].earlier = Some(IncidentId(8));
    let mut now = open(past(9, "k", "mail", "disk full"));
    now.earlier = Some(IncidentId(8));
    let ids: Vec<u64> = found(&now, &all).iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [8, 7, 6, 5, 4]);
}

#[test]
fn only_the_newest_of_the_past_are_looked_at() {
    let now = open(past(9, "k", "mail", "disk full"));
    let one = past(1, "k", "mail", "disk full");
    let looked = std::cell::Cell::new(0);
    let many = std::iter::repeat_n(&one, 100_000).inspect(|_| looked.set(looked.get() + 1));
    similar(&now, many, |_| None);
    assert_eq!(looked.get(), LOOKED_AT);
}

#[test]
fn an_ending_says_how_long_it_took_and_how_it_ended() {
    let mut one = past(1, "k", "mail", "disk full");
    assert_eq!(ending(&one), "took 10m  restarted");
    one.standing.findings.code = "permanent".into();
    one.standing.findings.cause = "the disk was replaced".into();
    assert_eq!(ending(&one), "took 10m  permanent: the disk was replaced");
    assert_eq!(ending(&open(one)), "");
}

proptest! {
    #[test]
    fn whatever_is_found_is_over_and_another_one_each_once(
        list in proptest::collection::vec((0_u8..3, 0_u8..3, "[a-c ]{0,8}", any::<bool>()), 0..20),
    ) {
        let all: Vec<Incident> = list
            .iter()
            .zip(1..)
            .map(|((key, service, title, ended), id)| {
                let made = past(id, &format!("k{key}"), &format!("s{service}"), title);
                if *ended { made } else { open(made) }
            })
            .collect();
        for one in &all {
            let ids: Vec<u64> = found(one, &all).iter().map(|(id, _)| *id).collect();
            prop_assert!(ids.len() <= MOST && !ids.contains(&one.id.0));
            prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
            prop_assert!(ids.iter().all(|id| !all[*id as usize - 1].is_open()));
        }
    }
}
