//! Pages as sentences, and the laws that hold for every order of events.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use chrono_tz::Europe;
use proptest::prelude::*;

use super::message::Message;
use super::reach::{Desk, Whom, reach};
use super::*;
use crate::domain::command::Verdict;
use crate::domain::incident::event::Opening;
use crate::domain::incident::{
    Actor, Event as IncidentEvent, EventBody, Incident, IncidentId, Priority, lifecycle,
};
use crate::domain::log::Recorded;
use crate::domain::matcher::Labels;
use crate::domain::outbox::TRIES;
use crate::domain::roster::escalation::{Escalation, Level, Target};
use crate::domain::roster::shifts::Imported;
use crate::domain::roster::{Person, PersonId, Roster, Schedule};
use crate::domain::time::hours::Range;
use crate::domain::time::{Instant, Interval, WeekHours};

/// 24 November 2025, 14:00 UTC, 15:00 in Madrid; plus so many seconds.
fn at(seconds: i64) -> Instant {
    DateTime::from_timestamp(1_763_992_800 + seconds, 0).unwrap()
}

fn person(id: &str, name: &str, channels: &[&str]) -> Person {
    Person {
        name: name.into(),
        email: Some(format!("{id}@acme.example").into()),
        zone: Europe::Madrid,
        wishes: Wishes {
            channels: channels.iter().map(|c| ChannelId::from(*c)).collect(),
            ..Wishes::default()
        },
        ..Person::new(id)
    }
}

/// Ana by two channels, Luis by one with quiet hours now, Mia by none; a schedule without layers.
fn roster() -> Roster {
    let mut quiet = WeekHours::default();
    quiet.add(chrono::Weekday::Mon, Range::parse("14:00-18:00").unwrap());
    let mut luis = person("luis", "Luis Peña", &["hook"]);
    luis.wishes.quiet = quiet;
    luis.wishes.min_priority = Priority(2);
    let people = [person("ana", "Ana Ruiz", &["mail", "hook"]), luis, person("mia", "Mia", &[])];
    let empty = Schedule {
        id: "nights".into(),
        name: "Nights".into(),
        team: None,
        zone: Europe::Madrid,
        layers: Vec::new(),
        coverage: WeekHours::always(),
        rest: TimeDelta::zero(),
    };
    let target = |t: &str| Target::parse(t).unwrap();
    let level = |targets: &[&str]| Level {
        notify: targets.iter().map(|t| target(t)).collect(),
        timeout: TimeDelta::minutes(5),
    };
    let levels =
        vec![level(&["person:ana", "person:luis", "schedule:nights"]), level(&["person:mia"])];
    Roster {
        people: people.map(|p| (p.id.clone(), Arc::new(p))).into(),
        schedules: vec![Arc::new(empty)],
        policies: vec![Arc::new(Escalation::new("core", levels))],
        otherwise: None,
    }
}

fn channels() -> Vec<Channel> {
    let channel = |id: &str, kind| Channel { id: id.into(), kind, timeout: TimeDelta::seconds(10) };
    vec![channel("mail", ChannelKind::Mail), channel("hook", ChannelKind::Webhook)]
}

fn incident(priority: u8) -> Incident {
    let opening = Opening {
        key: "k".to_owned(),
        title: "disk full".to_owned(),
        service: Some(crate::domain::health::ServiceId::new("checkout")),
        source: "operator".into(),
        category: String::new(),
        impact: 1,
        urgency: 1,
        priority: Priority(priority),
        labels: Labels::new(),
        annotations: Labels::new(),
        started_at: at(0),
        earlier: None,
        recurrence: 1,
    };
    let event = IncidentEvent {
        position: 1,
        at: at(0),
        actor: Actor::system(),
        incident: IncidentId(2041),
        body: EventBody::Opened(Box::new(opening)),
    };
    lifecycle::fold(None, &event).unwrap()
}

/// A log of pages in memory.
struct Office {
    roster: Roster,
    channels: Vec<Channel>,
    pages: Pages,
    log: Vec<Recorded<Event>>,
    now: Instant,
}

impl Office {
    fn new() -> Self {
        let (roster, channels) = (roster(), channels());
        Self { roster, channels, pages: Pages::default(), log: Vec::new(), now: at(0) }
    }

    fn ask_about(
        &mut self,
        about: Option<&Incident>,
        command: &Command,
    ) -> Result<String, Verdict> {
        let imported = Imported::new();
        let (roster, channels) = (&self.roster, &self.channels);
        let desk = Desk { roster, overrides: &[], imported: &imported, channels };
        let (events, said) = judge(&self.pages, desk, about, command, self.now)?;
        for event in events {
            self.store(event);
        }
        Ok(said)
    }

    fn ask(&mut self, command: &Command) -> Result<String, Verdict> {
        self.ask_about(None, command)
    }

    fn store(&mut self, body: Event) {
        let (position, at) = (self.log.len() as u64 + 1, self.now);
        let event = Recorded { position, at, actor: Actor::person("eva"), body };
        self.pages.apply(&event);
        self.log.push(event);
    }

    fn page(&mut self, whom: Whom) -> Result<String, Verdict> {
        let text = "please call the bridge".to_owned();
        self.ask(&Command::Page(Request { whom, about: None, text, confirmed: None }))
    }

    fn begin(&mut self, page: u64, channel: &str) -> Result<String, Verdict> {
        self.ask(&Command::Begin { page: PageId(page), channel: channel.into() })
    }

    fn end(
        &mut self,
        page: u64,
        channel: &str,
        attempt: u32,
        ended: Ended,
    ) -> Result<String, Verdict> {
        self.ask(&Command::End { page: PageId(page), channel: channel.into(), attempt, ended })
    }

    fn tick(&mut self) {
        for event in overdue(&self.pages, self.now) {
            self.store(event);
        }
    }

    fn received(&self, since: i64) -> BTreeMap<PersonId, usize> {
        self.pages.received(Interval::new(at(since), at(1_000_000)))
    }

    fn standing(&self, page: u64, channel: &str) -> &Standing {
        &self.pages.get(PageId(page)).unwrap().delivery(channel).unwrap().standing
    }
}

fn ana() -> Whom {
    Whom::Person("ana".into())
}

fn failed(why: &str) -> Ended {
    Ended::Failed { why: why.to_owned(), unsure: false, wait: None }
}

fn delivered() -> Ended {
    Ended::Delivered { said: String::new() }
}

fn reached_by(whom: &Whom, priority: Option<u8>) -> (Vec<(String, String)>, Vec<String>) {
    let (roster, channels, imported) = (roster(), channels(), Imported::new());
    let desk = Desk { roster: &roster, overrides: &[], imported: &imported, channels: &channels };
    let reach = reach(desk, whom, priority.map(Priority), at(0)).unwrap();
    let routes = reach.routes.iter().map(|r| (r.person.to_string(), r.channels.join(" ")));
    (routes.collect(), reach.missed)
}

#[test]
fn a_level_reaches_all_its_targets_and_says_whom_it_does_not_and_why() {
    let (routes, missed) = reached_by(&Whom::Level("core".into(), 1), Some(2));
    assert_eq!(routes, [("ana".to_owned(), "mail hook".to_owned())]);
    assert_eq!(
        missed,
        [
            "Luis Peña: quiet hours until 18:00 there; a P1 would get through",
            "nights: nobody on call"
        ]
    );
}

#[test]
fn quiet_hours_never_hold_back_a_p1_nor_what_somebody_decided_by_name() {
    for priority in [Some(1), None] {
        let (routes, _) = reached_by(&Whom::Person("luis".into()), priority);
        assert_eq!(routes, [("luis".to_owned(), "hook".to_owned())], "{priority:?}");
    }
    let (routes, missed) = reached_by(&Whom::Person("luis".into()), Some(3));
    assert!(routes.is_empty());
    assert_eq!(missed, ["Luis Peña: wants nothing less urgent than P2"]);
}

#[test]
fn whoever_cannot_be_paged_is_refused_with_the_reason() {
    let mut office = Office::new();
    let refused = |outcome: Result<String, Verdict>| outcome.unwrap_err().to_string();
    assert_eq!(
        refused(office.page(Whom::Level("core".into(), 2))),
        "nobody can be paged: Mia: no channels: page = [\"…\"] in [[people]] names them"
    );
    assert_eq!(
        refused(office.page(Whom::Person("zoe".into()))),
        "there is no person \"zoe\"; [[people]] has ana, luis, mia"
    );
    assert_eq!(
        refused(office.page(Whom::Level("core".into(), 3))),
        "core has no level 3, only 1 to 2"
    );
    assert_eq!(
        refused(office.page(Whom::Level("dba".into(), 1))),
        "there is no policy \"dba\"; [[escalation]] has core"
    );
    let request = Request { whom: ana(), about: None, text: " \n".to_owned(), confirmed: None };
    assert_eq!(
        refused(office.ask(&Command::Page(request))),
        "a page needs a text: what is wanted, in a line"
    );
    let about = Some(IncidentId(9));
    let request = Request { whom: ana(), about, text: String::new(), confirmed: None };
    assert_eq!(refused(office.ask(&Command::Page(request))), "there is no INC-9");
    assert!(office.log.is_empty());
}

#[test]
fn somebody_who_was_not_named_is_not_paged_instead() {
    let mut office = Office::new();
    let luis: Option<Vec<PersonId>> = Some(vec!["luis".into()]);
    let text = "come".to_owned();
    let request = Request { whom: ana(), about: None, text, confirmed: luis };
    let outcome = office.ask(&Command::Page(request)).unwrap_err();
    assert_eq!(outcome.word(), "conflict");
    assert_eq!(
        outcome.to_string(),
        "person:ana reaches Ana Ruiz by now, which was not asked for; ask again"
    );
}

#[test]
fn a_page_about_an_incident_says_which_and_how_to_open_it() {
    let mut office = Office::new();
    let mut incident = incident(2);
    incident.annotations.insert("description".to_owned(), "No space left on db01.".to_owned());
    let about = Some(incident.id);
    let request = Request { whom: ana(), about, text: "look at it".to_owned(), confirmed: None };
    let said = office.ask_about(Some(&incident), &Command::Page(request)).unwrap();
    assert_eq!(said, "PAGE-1: Ana Ruiz is paged by mail, hook");
    office.begin(1, "mail").unwrap();
    let page = office.pages.get(PageId(1)).unwrap();
    let ana = office.roster.person("ana").map(AsRef::as_ref);
    let message =
        Message::of(page, ana, ("acme", "atalaya --config /etc/noc.toml"), ("mail", 1, false));
    assert_eq!(message.headline(), "[acme] P2 INC-2041 checkout: disk full");
    assert_eq!(
        message.body(),
        "look at it\n\nNo space left on db01.\n\n\
         Paged by eva at 2025-11-24 14:00 UTC as person:ana (PAGE-1).\n\
         Open it with: atalaya --config /etc/noc.toml INC-2041"
    );
    assert_eq!(message.key, "atalaya-page-1-1763992800000-mail");
    let again = Message::of(page, ana, ("acme", "atalaya"), ("mail", 2, true));
    assert!(again.headline().ends_with("(possibly sent twice)"));
    assert_eq!(again.key, message.key);
}

#[test]
fn of_two_consoles_one_sends() {
    let mut office = Office::new();
    office.page(ana()).unwrap();
    office.begin(1, "mail").unwrap();
    let other = office.begin(1, "mail").unwrap_err();
    assert_eq!(other.to_string(), "PAGE-1 by mail is not due");
    office.begin(1, "hook").expect("each channel by itself");
    office.end(1, "mail", 1, delivered()).unwrap();
    assert_eq!(office.begin(1, "mail").unwrap_err().to_string(), "PAGE-1 by mail is not due");
}

#[test]
fn a_claim_without_an_end_may_be_taken_again_and_what_goes_out_says_possibly_twice() {
    let mut office = Office::new();
    office.page(ana()).unwrap();
    office.begin(1, "mail").unwrap();
    office.now = at(14);
    assert!(office.begin(1, "mail").is_err(), "its time-out and five seconds are its own");
    office.now = at(15);
    office.begin(1, "mail").unwrap();
    let delivery = office.pages.get(PageId(1)).unwrap().delivery("mail").unwrap();
    assert_eq!((delivery.attempts, delivery.unsure), (2, true));
    let late = office.end(1, "mail", 1, failed("slow")).unwrap_err();
    assert_eq!(late.to_string(), "PAGE-1 by mail is somebody else's try by now");
    office.end(1, "mail", 1, delivered()).expect("that it arrived is true, whoever says it");
    assert!(matches!(office.standing(1, "mail"), Standing::Delivered { .. }));
}

#[test]
fn what_fails_is_tried_again_later_and_later_and_then_given_up() {
    let mut office = Office::new();
    office.page(ana()).unwrap();
    let mut waits = Vec::new();
    for attempt in 1..TRIES {
        office.begin(1, "hook").unwrap();
        office.end(1, "hook", attempt, failed("refused")).unwrap();
        let due = office.standing(1, "hook").due().unwrap();
        waits.push((due - office.now).num_seconds());
        office.now = due;
    }
    assert_eq!(waits, [10, 30, 60, 120, 300, 600]);
    office.begin(1, "hook").unwrap();
    office.end(1, "hook", TRIES, failed("refused")).unwrap();
    let Standing::GivenUp { why, .. } = office.standing(1, "hook") else { panic!() };
    assert_eq!(why, "7 tries: refused");
    assert!(!office.pages.get(PageId(1)).unwrap().has_arrived());
}

#[test]
fn a_server_that_asks_for_patience_gets_it_up_to_ten_minutes() {
    for (asked, waits) in [(1, 10), (45, 45), (86_400, 600), (-5, 10)] {
        let mut office = Office::new();
        office.page(ana()).unwrap();
        office.begin(1, "hook").unwrap();
        let wait = Some(TimeDelta::seconds(asked));
        let ended = Ended::Failed { why: "429".to_owned(), unsure: false, wait };
        office.end(1, "hook", 1, ended).unwrap();
        let due = office.standing(1, "hook").due().unwrap();
        assert_eq!((due - office.now).num_seconds(), waits);
    }
}

#[test]
fn a_page_of_yesterday_is_given_up_and_says_so() {
    let mut office = Office::new();
    office.page(ana()).unwrap();
    office.now = at(86_400);
    office.tick();
    assert!(!office.standing(1, "mail").is_settled());
    office.now = at(86_401);
    office.tick();
    let Standing::GivenUp { why, .. } = office.standing(1, "mail") else { panic!() };
    assert_eq!(why, "not delivered within 24 h");
}

#[test]
fn what_is_settled_is_forgotten_after_three_months_and_its_number_is_not_given_again() {
    let mut office = Office::new();
    office.page(ana()).unwrap();
    for channel in ["mail", "hook"] {
        office.begin(1, channel).unwrap();
        office.end(1, channel, 1, delivered()).unwrap();
    }
    assert_eq!(office.received(0).get("ana"), Some(&1));
    office.now = at(91 * 86_400);
    office.page(ana()).unwrap();
    assert!(office.pages.get(PageId(1)).is_none());
    assert!(office.pages.get(PageId(2)).is_some());
}

#[test]
fn tests_and_what_never_arrived_are_no_load() {
    let mut office = Office::new();
    office.ask(&Command::Test { person: "ana".into() }).unwrap();
    office.begin(1, "mail").unwrap();
    office.end(1, "mail", 1, delivered()).unwrap();
    office.page(ana()).unwrap();
    assert!(office.received(0).is_empty());
    office.begin(2, "hook").unwrap();
    office.end(2, "hook", 1, delivered()).unwrap();
    assert_eq!(office.received(0).get("ana"), Some(&1));
    assert!(office.received(1).is_empty(), "before that");
}

/// Something that happens to the pages.
#[derive(Debug, Clone)]
enum Step {
    Page,
    Begin(u64, bool),
    Fail(u64, bool, u32, Option<i64>),
    Deliver(u64, bool, u32),
    Wait(i64),
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    let wait = proptest::option::of(-10_i64..100_000);
    prop_oneof![
        1 => Just(Step::Page),
        4 => (1..4_u64, any::<bool>()).prop_map(|(p, c)| Step::Begin(p, c)),
        3 => (1..4_u64, any::<bool>(), 0..9_u32, wait).prop_map(|(p, c, n, w)| Step::Fail(p, c, n, w)),
        1 => (1..4_u64, any::<bool>(), 0..9_u32).prop_map(|(p, c, n)| Step::Deliver(p, c, n)),
        4 => prop_oneof![0..20_i64, 20..1_000_i64, 1_000..200_000_i64].prop_map(Step::Wait),
        1 => Just(Step::Tick),
    ]
}

fn name(mail: bool) -> &'static str {
    if mail { "mail" } else { "hook" }
}

proptest! {
    #[test]
    fn no_order_of_events_loses_a_page_or_tries_it_for_ever(
        steps in prop::collection::vec(step(), 0..60)
    ) {
        let mut office = Office::new();
        let mut begun: HashMap<(u64, bool), Instant> = HashMap::new();
        for step in steps {
            match step {
                Step::Page => drop(office.page(ana())),
                Step::Begin(page, mail) => {
                    if office.begin(page, name(mail)).is_ok() {
                        let until = office.standing(page, name(mail)).due().unwrap();
                        let before = begun.insert((page, mail), until);
                        // Nobody begins while somebody else may still be sending.
                        let is_over = before.is_none_or(|until| until <= office.now);
                        prop_assert!(is_over || has_ended(&office, page, mail));
                    }
                }
                Step::Fail(page, mail, attempt, wait) => {
                    let wait = wait.map(TimeDelta::seconds);
                    let ended = Ended::Failed { why: "no".to_owned(), unsure: true, wait };
                    let _ = office.end(page, name(mail), attempt, ended);
                }
                Step::Deliver(page, mail, attempt) => {
                    let _ = office.end(page, name(mail), attempt, delivered());
                }
                Step::Wait(seconds) => office.now += TimeDelta::seconds(seconds),
                Step::Tick => office.tick(),
            }
            // What is not settled has a next try, and is among what is due.
            let due = office.pages.due();
            for page in office.pages.iter() {
                for delivery in &page.deliveries {
                    let this = due.iter().any(|d| d.page == page.what.id && d.channel == delivery.channel);
                    prop_assert_eq!(this, !delivery.standing.is_settled());
                    prop_assert!(delivery.attempts <= TRIES);
                    prop_assert!(delivery.failed.len() <= TRIES as usize);
                }
            }
        }
        // However it went: left alone it comes to an end, delivered or given up.
        office.now += TimeDelta::hours(25);
        office.tick();
        prop_assert_eq!(office.pages.due(), Vec::new());
        // The same again from the log, and from what is stored beside it.
        let mut again = Pages::default();
        for event in &office.log {
            let text = serde_json::to_string(&event).unwrap();
            again.apply(&serde_json::from_str(&text).unwrap());
        }
        prop_assert_eq!(&again, &office.pages);
        let stored = office.pages.iter().map(|p| {
            serde_json::from_str::<Page>(&serde_json::to_string(&**p).unwrap()).unwrap()
        });
        prop_assert_eq!(Pages::restored(stored.collect::<Vec<_>>(), 0).due(), office.pages.due());
    }
}

/// Whether the claim before the last one of this delivery came to an end.
fn has_ended(office: &Office, page: u64, mail: bool) -> bool {
    let mut own = office.log.iter().rev().filter(|e| {
        e.body.page() == PageId(page)
            && match &e.body {
                Event::PageTryBegan { channel, .. } | Event::PageFailed { channel, .. } => {
                    **channel == *name(mail)
                }
                _ => false,
            }
    });
    own.next();
    matches!(own.next().map(|e| &e.body), Some(Event::PageFailed { .. }))
}
