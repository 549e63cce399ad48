//! What a store promises, whatever database it is on. Each promise takes a place that has nothing in
//! it yet; `store.rs` runs them on SQLite, the servers' tests on PostgreSQL.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::sync::Arc;

use atalaya::domain::calendar::lifecycle::{apply, judge};
use atalaya::domain::calendar::{
    Action, By, Calendar, CalendarEvent, ChangeType, Command as Plan, FreezeException, Key, Kind,
    Length, Subject, Window, WindowId,
};
use atalaya::domain::health::ServiceId;
use atalaya::domain::incident::event::Opening;
use atalaya::domain::incident::lifecycle::fold;
use atalaya::domain::incident::views::shared::Event as ViewEvent;
use atalaya::domain::incident::views::{SharedViews, View};
use atalaya::domain::incident::{
    Actor, Event, EventBody, Findings, Incident, IncidentId, IncidentState, Priority,
};
use atalaya::domain::log::{Entry, Recorded};
use atalaya::domain::matcher::{Labels, Matchers};
use atalaya::domain::observation::AlertStatus;
use atalaya::domain::paging::{ChannelId, Event as PageEvent, PageId, Paged, Pages};
use atalaya::domain::report::document::{Document, FORMAT, Kind as ReportKind};
use atalaya::domain::report::event::{HandoverId, Party, ReportId, ShiftKey, Turn};
use atalaya::domain::report::{Coverage, Event as ReportEvent, Reports, Scope};
use atalaya::domain::roster::book::{self as ask, Wanted, What};
use atalaya::domain::roster::{Book, Change, Override, OverrideId, Roster, Schedule};
use atalaya::domain::slo::{BUCKETS_A_DAY, Bucket, Series, WATCHED, index};
use atalaya::domain::time::{Instant, Interval, Recurrence, WeekHours};
use atalaya::domain::upstream::{Call, Event as OrderEvent, OrderId, Ordered, Orders};
use atalaya::store::{Append, Location, Place, Store, StoreError, records};
use chrono::{DateTime, TimeDelta};

/// Second `n` of the story.
pub fn at(n: i64) -> Instant {
    DateTime::from_timestamp(1_770_000_000 + n, 0).unwrap()
}

/// Somebody who appends, with what they believe the log to be.
pub struct Writer {
    pub store: Store,
    pub position: u64,
    pub incidents: BTreeMap<IncidentId, Arc<Incident>>,
}

impl Writer {
    pub async fn open(location: &Location) -> Self {
        Self::on(Store::open(location, false).await.unwrap()).await
    }

    pub async fn on(store: Store) -> Self {
        let mut writer = Self { store, position: 0, incidents: BTreeMap::new() };
        writer.catch_up().await;
        writer
    }

    pub async fn catch_up(&mut self) {
        loop {
            let events = self.store.events_after(self.position).await.unwrap();
            let Some(last) = events.last() else { return };
            self.position = last.position();
            for event in events.iter().filter_map(Entry::incident) {
                let before = self.incidents.get(&event.incident);
                if let Some(after) = fold(before.map(|i| &**i), event) {
                    self.incidents.insert(after.id, Arc::new(after));
                }
            }
        }
    }

    /// Appends to the log as it is believed to be.
    pub async fn append(&mut self, bodies: Vec<(u64, EventBody)>) -> Result<Append, StoreError> {
        let mut position = self.position;
        let mut touched = self.incidents.clone();
        let mut events = Vec::new();
        for (id, body) in bodies {
            position += 1;
            let event = Event {
                position,
                at: at(position as i64),
                actor: Actor::person("ana"),
                incident: IncidentId(id),
                body,
            };
            let before = touched.get(&event.incident);
            if let Some(after) = fold(before.map(|i| &**i), &event) {
                touched.insert(after.id, Arc::new(after));
            }
            events.push(Entry::Incident(event));
        }
        let first = self.position;
        let incidents: Vec<_> = touched.values().filter(|i| i.version > first).cloned().collect();
        let result = self.store.append(&events, &incidents, &[]).await;
        if let Ok(Append::Stored) = result {
            self.position = position;
            self.incidents = touched;
        }
        result
    }

    pub async fn stored(&mut self, bodies: Vec<(u64, EventBody)>) {
        assert_eq!(self.append(bodies).await, Ok(Append::Stored));
    }
}

pub fn opened(key: &str) -> EventBody {
    EventBody::Opened(Box::new(Opening {
        key: key.to_owned(),
        title: "disk \"full\"\n\u{1f525}".to_owned(),
        service: Some(ServiceId("db-main".into())),
        source: "prom".into(),
        category: String::new(),
        impact: 1,
        urgency: 2,
        priority: Priority(2),
        labels: [("zone".to_owned(), "eu".to_owned())].into(),
        annotations: Labels::new(),
        started_at: at(0) - TimeDelta::nanoseconds(1),
        earlier: None,
        recurrence: 1,
    }))
}

pub fn acknowledged() -> EventBody {
    EventBody::Acknowledged { until: Some(at(9_000)), handover: Some(HandoverId(3)) }
}

pub fn resolved() -> EventBody {
    let findings = Findings { code: "fixed".to_owned(), cause: "a full disk".to_owned() };
    EventBody::Resolved { automatic: false, reason: "fixed".to_owned(), findings }
}

pub fn closed() -> EventBody {
    let (reason, findings) = (String::new(), Findings::default());
    EventBody::Closed { automatic: true, reason, findings, category: None }
}

pub fn noted(text: &str) -> EventBody {
    EventBody::Noted { text: text.to_owned() }
}

/// One of the many things that can happen, by number.
pub fn something(n: u8) -> EventBody {
    let fingerprint = format!("f{}", n / 16 % 3);
    match n % 14 {
        0 => acknowledged(),
        1 => resolved(),
        2 => closed(),
        3 => EventBody::Reopened { automatic: n > 99, reason: String::new() },
        4 => EventBody::Assigned { to: (n > 99).then(|| "luis".to_owned()), handover: None },
        5 => noted("looking"),
        6 => EventBody::AlertFired {
            fingerprint,
            alert: Box::new(atalaya::domain::incident::AlertFact {
                labels: Labels::new(),
                annotations: Labels::new(),
                since: at(1) + TimeDelta::microseconds(1),
                status: AlertStatus::Active,
                cleared_at: None,
                generator_url: None,
            }),
        },
        7 => EventBody::AlertCleared { fingerprint },
        8 => EventBody::AlertChanged {
            fingerprint,
            status: AlertStatus::Silenced { by: vec!["s1".to_owned()] },
        },
        9 => EventBody::Unverified,
        10 => EventBody::FlappingStarted,
        11 => EventBody::Cancelled { reason: "false alarm".to_owned() },
        12 => EventBody::AcknowledgementExpired,
        _ => EventBody::Reclassified {
            impact: 3,
            urgency: 3,
            priority: Priority(n % 5 + 1),
            category: n.is_multiple_of(2).then(|| "disk".to_owned()),
        },
    }
}

/// All promises by name, for whoever runs them in turn.
pub const PROMISES: [&str; 18] = [
    "first_start",
    "restart",
    "race",
    "one_open_per_key",
    "random_history",
    "transfer",
    "audit",
    "newer_events",
    "bulk",
    "urgent",
    "roster",
    "calendar",
    "pages",
    "views",
    "reports",
    "orders",
    "rollups",
    "uptime",
];

pub async fn keep(promise: &str, location: &Location) {
    match promise {
        "first_start" => first_start(location).await,
        "restart" => restart(location).await,
        "race" => race(location).await,
        "one_open_per_key" => one_open_per_key(location).await,
        "random_history" => random_history(location).await,
        "transfer" => transfer(location).await,
        "views" => views(location).await,
        "reports" => reports(location).await,
        "audit" => audit(location).await,
        "newer_events" => newer_events(location).await,
        "bulk" => bulk(location).await,
        "urgent" => urgent(location).await,
        "roster" => roster(location).await,
        "calendar" => calendar(location).await,
        "pages" => pages(location).await,
        "orders" => orders(location).await,
        "rollups" => rollups(location).await,
        "uptime" => uptime(location).await,
        other => panic!("no promise is called {other}"),
    }
}

/// Several consoles that start at once on an empty place all find it set up.
async fn first_start(location: &Location) {
    let openers: Vec<_> = (0..6)
        .map(|_| {
            let location = location.clone();
            tokio::spawn(async move { Store::open(&location, false).await })
        })
        .collect();
    for opener in openers {
        let store = opener.await.unwrap().unwrap();
        assert_eq!(store.load().await.unwrap().next_id, 1);
        store.close().await;
    }
}

/// What was stored is there after a restart: open ones at once, ended ones while they are recent.
async fn restart(location: &Location) {
    let mut w = Writer::open(location).await;
    w.stored(vec![(1, opened("a")), (2, opened("b")), (3, opened("c"))]).await;
    w.stored(vec![(2, acknowledged()), (3, resolved()), (3, closed())]).await;
    let before = w.incidents.clone();
    w.store.close().await;

    let store = Store::open(location, false).await.unwrap();
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.head.position, 6);
    assert_eq!(loaded.head.at, at(6));
    assert_eq!(loaded.next_id, 4);
    assert_eq!(ids(&loaded.incidents), [1, 2]);
    assert_eq!(loaded.incidents[1], *before[&IncidentId(2)]);
    assert_eq!(ids(&store.recent(at(6), None).await.unwrap()), [3]);
    assert_eq!(store.recent(at(7), None).await.unwrap(), []);
    assert_eq!(store.recent(at(0), Some(IncidentId(3))).await.unwrap(), []);
    assert_eq!(store.incident(IncidentId(3)).await.unwrap().unwrap(), *before[&IncidentId(3)]);
    assert_eq!(store.incident(IncidentId(4)).await.unwrap(), None);
    let then = store.incident_at(IncidentId(3), 5).await.unwrap().unwrap();
    assert_eq!(then.state(), IncidentState::Resolved);
    let kinds: Vec<_> =
        store.timeline(IncidentId(3)).await.unwrap().iter().map(|e| e.body.kind()).collect();
    assert_eq!(kinds, ["opened", "resolved", "closed"]);
    assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());
    store.close().await;
}

/// Of two who decide on the same state one wins; nobody's events are lost or doubled.
async fn race(location: &Location) {
    let mut a = Writer::open(location).await;
    let mut b = Writer::open(location).await;
    a.stored(vec![(1, opened("a"))]).await;
    assert_eq!(b.append(vec![(1, opened("b"))]).await, Ok(Append::Behind));
    b.catch_up().await;
    b.stored(vec![(2, opened("b"))]).await;

    let many = (0..4).map(|who| {
        let location = location.clone();
        tokio::spawn(async move {
            let mut w = Writer::open(&location).await;
            for n in 0..25 {
                while w.append(vec![(1, noted(&format!("{who} {n}")))]).await == Ok(Append::Behind)
                {
                    w.catch_up().await;
                }
            }
            w.store.close().await;
        })
    });
    for one in many.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    a.catch_up().await;
    assert_eq!(a.position, 102);
    let timeline = a.store.timeline(IncidentId(1)).await.unwrap();
    let mut notes: Vec<_> = timeline
        .iter()
        .filter_map(|e| match &e.body {
            EventBody::Noted { text } => Some(text.clone()),
            _ => None,
        })
        .collect();
    notes.sort();
    notes.dedup();
    assert_eq!(notes.len(), 100);
    assert_eq!(a.store.verify().await.unwrap(), Vec::<String>::new());
    a.store.close().await;
    b.store.close().await;
}

/// At most one open incident has a key, however long the key; ended ones do not count.
async fn one_open_per_key(location: &Location) {
    let key = "k".repeat(9_000);
    let mut w = Writer::open(location).await;
    w.stored(vec![(1, opened(&key))]).await;
    let refused = w.append(vec![(2, opened(&key))]).await;
    assert!(matches!(refused, Err(StoreError::Failed { .. })), "{refused:?}");
    w.stored(vec![(1, resolved()), (2, opened(&key))]).await;
    // The later one ends and the earlier one reopens, in one append.
    let again = EventBody::Reopened { automatic: true, reason: String::new() };
    w.stored(vec![(2, resolved()), (1, again)]).await;
    let open = w.store.load().await.unwrap().incidents;
    assert_eq!(ids(&open), [1]);
    w.store.close().await;
}

/// Whatever happens in whatever order, replaying the log gives the stored incidents.
async fn random_history(location: &Location) {
    let mut w = Writer::open(location).await;
    let mut dice = fastrand::Rng::with_seed(7);
    let mut next = 1;
    for _ in 0..60 {
        let mut batch = Vec::new();
        for _ in 0..dice.usize(1..40) {
            if next == 1 || dice.u8(..) < 32 {
                batch.push((next, opened(&format!("key {next}"))));
                next += 1;
            } else {
                batch.push((dice.u64(1..next), something(dice.u8(..))));
            }
        }
        w.stored(batch).await;
    }
    assert_eq!(w.store.verify().await.unwrap(), Vec::<String>::new());
    w.store.close().await;
}

/// Overrides are there after a restart as their events say, also in a copy; the number of one that
/// was dropped is not given again.
async fn roster(location: &Location) {
    let mut w = Writer::open(location).await;
    w.stored(vec![(1, opened("a"))]).await;
    let one = |id, person: Option<&str>| Override {
        id: OverrideId(id),
        schedule: "core".into(),
        person: person.map(Into::into),
        from: at(100),
        to: at(200),
        reason: "dentist".to_owned(),
    };
    let set = vec![one(1, Some("ana")), one(2, None)];
    let changes = [
        Change::OverridesSet {
            what: What::Swap,
            overrides: set,
            despite: vec!["no rest".to_owned()],
        },
        Change::OverridesDropped { ids: vec![OverrideId(2)], despite: Vec::new() },
    ];
    let mut book = Book::default();
    for (position, body) in (2..).zip(changes) {
        let change = Recorded { position, at: at(9), actor: Actor::person("ana"), body };
        book.apply(&change);
        let records = records::of_roster(&book, &[&change]);
        let stored = w.store.append(&[Entry::Roster(change)], &[], &records).await;
        assert_eq!(stored, Ok(Append::Stored));
    }
    assert_eq!(w.store.timeline(IncidentId(1)).await.unwrap().len(), 1);
    w.store.close().await;

    let store = Store::open(location, false).await.unwrap();
    let known = Roster {
        schedules: vec![Arc::new(Schedule {
            id: "core".into(),
            name: "Core".into(),
            team: None,
            zone: chrono_tz::UTC,
            layers: Vec::new(),
            coverage: WeekHours::always(),
            rest: TimeDelta::zero(),
        })],
        ..Roster::default()
    };
    let expect = |loaded: &Book| {
        assert_eq!(loaded.overrides(), [one(1, Some("ana"))]);
        let at = Interval::new(at(300), at(400));
        let wanted = Wanted { schedule: "core".into(), person: None, at, reason: String::new() };
        let next = ask::Command::Set { wanted: vec![wanted], what: What::Override };
        let asked = (self::at(10), TimeDelta::seconds(30));
        let (change, _) = loaded.judge(&known, &Actor::person("ana"), &next, asked).unwrap();
        assert_eq!(change.touches(), [OverrideId(3)]);
    };
    expect(&store.load().await.unwrap().book);
    assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());

    let mut export = Vec::new();
    store.export(&mut export).await.unwrap();
    let copy = Store::memory().await.unwrap();
    copy.import(&mut BufReader::new(&export[..])).await.unwrap();
    expect(&copy.load().await.unwrap().book);
    assert_eq!(copy.verify().await.unwrap(), Vec::<String>::new());
    store.close().await;
}

/// Windows and what became of their occurrences are there after a restart as their events say, also
/// in a copy; the number of a window that was taken back is not given again.
async fn calendar(location: &Location) {
    let mut w = Writer::open(location).await;
    w.stored(vec![(1, opened("a"))]).await;
    let actor = Actor { session: "ana's".to_owned(), ..Actor::person("ana") };
    let window = |summary: &str| {
        let recurrence = Recurrence::once(at(50_000).naive_utc(), chrono_tz::UTC);
        let mut window = Window::new("", Kind::Maintenance, recurrence, Length::hours(2));
        window.summary = summary.into();
        window.scope.services = vec![ServiceId::new("db")];
        Box::new(window)
    };
    let key = Key::new(&WindowId::new("WIN-1"), at(50_000).naive_utc());
    let standard = Window {
        id: WindowId::new("WIN-1"),
        change_type: ChangeType::Standard,
        ..*window("Patch")
    };
    let plans = [
        Plan::Add { window: window("Patch") },
        Plan::Act { key: key.clone(), action: Action::Approve },
        Plan::Change { window: Box::new(standard) },
        Plan::Act { key: key.clone(), action: Action::Extend { by: TimeDelta::minutes(20) } },
        Plan::Add { window: window("Again") },
        Plan::Undo { of: Subject::Window(WindowId::new("WIN-2")) },
        Plan::Act { key: key.clone(), action: Action::Cancel { reason: "rain".to_owned() } },
        Plan::Undo { of: Subject::Occurrence(key.clone()) },
    ];
    let roster = Roster::default();
    let (mut calendar, mut position) = (Calendar::default(), 1);
    let mut store = async |calendar: &mut Calendar, body, at| {
        position += 1;
        let event = Recorded { position, at, actor: actor.clone(), body };
        apply(calendar, &event);
        let records = records::of_calendar(calendar, &[&event]);
        let stored = w.store.append(&[Entry::Calendar(event)], &[], &records).await;
        assert_eq!(stored, Ok(Append::Stored));
    };
    for (plan, now) in plans.into_iter().zip([10, 11, 12, 50_100, 50_101, 50_102, 50_103, 50_104]) {
        let undo_window = TimeDelta::seconds(30);
        let by = By { actor: &actor, person: Some("ana"), roster: &roster, undo_window };
        for body in judge(&calendar, &plan, &by, at(now)).unwrap() {
            store(&mut calendar, body, at(now)).await;
        }
    }
    let exception = FreezeException {
        window: WindowId::new("WIN-1"),
        approver: "ana".into(),
        reason: "it cannot wait".into(),
        expires: at(90_000),
    };
    let freeze = WindowId::new("frozen");
    let body = CalendarEvent::FreezeExceptionAdded { freeze: freeze.clone(), exception };
    store(&mut calendar, body, at(50_105)).await;
    w.store.close().await;

    let store = Store::open(location, false).await.unwrap();
    let all = Interval::new(at(0), at(100_000));
    let expect = |loaded: &Calendar| {
        let now = at(50_200);
        assert_eq!(loaded.occurrences(all, now), calendar.occurrences(all, now));
        let one = loaded.occurrence(&key, now).unwrap();
        assert_eq!((one.status.word(), one.planned.to), ("in_progress", at(58_400)));
        assert_eq!(loaded.exceptions(), calendar.exceptions());
        assert_eq!(loaded.exceptions().len(), 1);
        let by =
            By { actor: &actor, person: None, roster: &roster, undo_window: TimeDelta::zero() };
        let next = Plan::Add { window: window("Third") };
        let events = judge(loaded, &next, &by, at(20)).unwrap();
        assert_eq!(events[0].window(), &WindowId::new("WIN-3"));
    };
    expect(&store.load().await.unwrap().calendar);
    assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());

    let mut export = Vec::new();
    store.export(&mut export).await.unwrap();
    let copy = Store::memory().await.unwrap();
    copy.import(&mut BufReader::new(&export[..])).await.unwrap();
    expect(&copy.load().await.unwrap().calendar);
    assert_eq!(copy.verify().await.unwrap(), Vec::<String>::new());
    store.close().await;
}

/// An export, imported elsewhere and exported again, is the same bytes; ids and places stay.
async fn transfer(location: &Location) {
    let mut w = Writer::on(Store::memory().await.unwrap()).await;
    w.stored((1..=1_200).map(|n| (n, opened(&format!("k{n}")))).collect()).await;
    w.stored((1..=1_100).map(|n| (n, something(n as u8))).collect()).await;
    let mut first = Vec::new();
    let counted = w.store.export(&mut first).await.unwrap();
    assert_eq!((counted.events, counted.incidents), (2_300, 1_200));

    let store = Store::open(location, false).await.unwrap();
    let mut broken = first.clone();
    broken.truncate(first.len() / 2);
    let refused = store.import(&mut BufReader::new(&broken[..])).await.unwrap_err();
    assert!(refused.to_string().starts_with("line "), "{refused}");
    assert_eq!(store.head().await.unwrap().position, 0, "all or nothing");

    assert_eq!(store.import(&mut BufReader::new(&first[..])).await.unwrap(), counted);
    let mut second = Vec::new();
    store.export(&mut second).await.unwrap();
    assert!(first == second, "the second export differs from the first");
    assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());
    assert_eq!(store.load().await.unwrap().next_id, 1_201);

    let refused = store.import(&mut BufReader::new(&first[..])).await.unwrap_err();
    assert!(refused.to_string().contains("1200 incidents already"), "{refused}");
    store.close().await;
}

/// The audit trail is the log between two instants, half-open, in order.
async fn audit(location: &Location) {
    let mut w = Writer::open(location).await;
    w.stored(vec![(1, opened("a"))]).await;
    for _ in 0..3 {
        w.stored((0..700).map(|_| (1, noted("again"))).collect()).await;
    }
    let mut seen = Vec::new();
    w.store.audit(Some(at(5)), Some(at(1_905)), |e| seen.push(e.position())).await.unwrap();
    assert_eq!(seen, (5..1_905).collect::<Vec<_>>());
    let mut all = 0;
    w.store.audit(None, None, |_| all += 1).await.unwrap();
    assert_eq!(all, 2_101);
    w.store.close().await;
}

/// What a newer console wrote is never overwritten by an older one, which says whose it is.
async fn newer_events(location: &Location) {
    let mut w = Writer::open(location).await;
    w.stored(vec![(1, opened("a")), (1, noted("x"))]).await;
    let edit = |sql: &'static str| {
        let pool = raw(location);
        async move {
            sqlx::query(sql).execute(&pool.await).await.unwrap();
        }
    };
    edit("UPDATE events SET writer = '9.1.0', body = '{\"kind\":\"teleported\",\"v\":1}' WHERE position = 2")
        .await;
    let unknown = w.store.timeline(IncidentId(1)).await.unwrap_err();
    assert!(unknown.to_string().contains("atalaya 9.1.0"), "{unknown}");
    assert!(unknown.to_string().contains("\"teleported\""), "{unknown}");

    edit("UPDATE log SET format = 7, writer = '9.2.0'").await;
    let store = Store::open(location, false).await.unwrap();
    assert_eq!(ids(&store.load().await.unwrap().incidents), [1], "still shown");
    let mut late = Writer { store, position: 2, incidents: w.incidents.clone() };
    let refused = late.append(vec![(1, noted("y"))]).await.unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }));
    assert!(refused.to_string().contains("atalaya 9.2.0"), "{refused}");
    late.store.close().await;

    edit("UPDATE atalaya_schema SET version = 99, min_reader = 98, writer = '10.0.0'").await;
    let refused = Store::open(location, false).await.unwrap_err();
    assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
    assert!(refused.to_string().contains("atalaya 10.0.0"), "{refused}");
    w.store.close().await;
}

/// Many at once arrive whole, in every size of portion.
async fn bulk(location: &Location) {
    let mut w = Writer::open(location).await;
    w.stored((1..=1_000).map(|n| (n, opened(&format!("k{n}")))).collect()).await;
    w.stored((1..=1_000).map(|n| (n, acknowledged())).collect()).await;
    w.stored((1..=33).map(|n| (n, resolved())).collect()).await;
    assert_eq!(w.store.verify().await.unwrap(), Vec::<String>::new());
    let open = w.store.load().await.unwrap().incidents;
    assert_eq!(open.len(), 967);
    assert!(open.iter().all(|i| i.state() == IncidentState::Acknowledged));
    w.store.close().await;
}

/// The most urgent open incidents are read first, and the others from where that ended.
async fn urgent(location: &Location) {
    let mut w = Writer::open(location).await;
    let priority = |n| EventBody::Reclassified {
        impact: 3,
        urgency: 3,
        priority: Priority(n),
        category: None,
    };
    w.stored((1..=1_205).map(|n| (n, opened(&format!("k{n}")))).collect()).await;
    w.stored(vec![(1_100, priority(1)), (7, priority(5)), (9, closed())]).await;
    let first = w.store.load_urgent(100).await.unwrap();
    let mut read: Vec<_> = first.incidents.iter().map(Place::of).collect();
    assert_eq!((read.len(), read[0].id.0, first.next_id), (100, 1_100, 1_206));
    let mut last = first.last;
    while let Some(place) = last {
        let page = w.store.open_after(place).await.unwrap();
        read.extend(page.iter().map(Place::of));
        last = page.last().map(Place::of);
    }
    assert!(read.is_sorted_by_key(|p| (p.priority, p.id)));
    assert_eq!((read.len(), read[1_203].id.0), (1_204, 7));
    let all = w.store.load().await.unwrap();
    assert_eq!((all.incidents.len(), all.last), (1_204, None));
    assert_eq!(w.store.load_urgent(1_300).await.unwrap().last, None, "there are no more");
    w.store.close().await;
}

fn ids(incidents: &[Incident]) -> Vec<u64> {
    incidents.iter().map(|i| i.id.0).collect()
}

/// The database itself, behind the store's back.
pub async fn raw(location: &Location) -> sqlx::AnyPool {
    sqlx::any::install_default_drivers();
    let url = match location {
        Location::File(path) => format!("sqlite://{}", path.display()),
        Location::Postgres(url) => url.clone(),
        Location::Memory => panic!("nobody else can reach a store in memory"),
    };
    sqlx::AnyPool::connect(&url).await.unwrap()
}

/// Pages survive a restart and a transfer, with each try; those that are settled and old are let go.
async fn orders(location: &Location) {
    let store = Store::open(location, false).await.unwrap();
    let mut orders = Orders::default();
    let ordered = |id, call| {
        let source = "am".into();
        let (incident, author) = (Some(IncidentId(7)), "eva".to_owned());
        OrderEvent::Ordered(Ordered { id: OrderId(id), source, incident, author, call })
    };
    let silence = || Call::Silence {
        matchers: Matchers::parse("a=\"b\"").unwrap(),
        until: at(7_200),
        comment: "INC-7: \"disk\" full".to_owned(),
    };
    let (order, attempt) = (OrderId(1), 1);
    let said = String::new();
    let made = Some("5a1c".to_owned());
    let extend = Call::Extend { silence: "5a1c".to_owned(), until: at(9_000) };
    let history = [
        (10, ordered(1, silence())),
        (10, OrderEvent::OrderTryBegan { order, attempt, until: at(25) }),
        (11, OrderEvent::OrderDone { order, attempt, said, made }),
        (20, ordered(2, extend)),
        (91 * 86_400, ordered(3, silence())),
    ];
    for (position, (second, body)) in (1..).zip(history) {
        let actor = Actor { session: "s1".to_owned(), ..Actor::person("eva") };
        let event = Entry::Upstream(Recorded { position, at: at(second), actor, body });
        let mut made =
            records::Made::on(&Book::default(), &Calendar::default(), &Pages::default(), &orders);
        made.fold(&event);
        let stored = store.append(&[event], &[], &made.records()).await;
        assert_eq!(stored, Ok(Append::Stored));
        orders = made.orders;
    }
    assert_eq!(store.orders().await.unwrap(), orders);
    let expect = |loaded: &Orders| {
        assert_eq!(loaded, &orders);
        assert!(loaded.get(OrderId(1)).is_none(), "settled for more than three months");
        let due: Vec<_> = loaded.due().into_iter().map(|d| d.order.0).collect();
        assert_eq!((due, loaded.next()), (vec![2, 3], OrderId(4)));
    };
    expect(&store.load().await.unwrap().orders);
    assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());
    let mut export = Vec::new();
    store.export(&mut export).await.unwrap();
    let copy = Store::memory().await.unwrap();
    copy.import(&mut BufReader::new(&export[..])).await.unwrap();
    expect(&copy.load().await.unwrap().orders);
    assert_eq!(copy.verify().await.unwrap(), Vec::<String>::new());
    store.close().await;
}

async fn pages(location: &Location) {
    let store = Store::open(location, false).await.unwrap();
    let mut pages = Pages::default();
    let paged = |id, channels: &[&str]| {
        PageEvent::Paged(Paged {
            id: PageId(id),
            person: "ana".into(),
            target: "core 1".to_owned(),
            incident: Some(IncidentId(7)),
            priority: Some(Priority(1)),
            subject: "P1 INC-7 db: down".to_owned(),
            text: "come".to_owned(),
            details: String::new(),
            channels: channels.iter().map(|c| ChannelId::from(*c)).collect(),
            test: false,
        })
    };
    let (page, channel): (_, ChannelId) = (PageId(1), "mail".into());
    let begin = |attempt, until| PageEvent::PageTryBegan {
        page,
        channel: channel.clone(),
        attempt,
        until: at(until),
    };
    let (why, next) = ("refused \"by\" the server".to_owned(), at(20));
    let failed = PageEvent::PageFailed {
        page,
        channel: channel.clone(),
        attempt: 1,
        why,
        next,
        unsure: true,
    };
    let said = String::new();
    let delivered = PageEvent::PageDelivered { page, channel: channel.clone(), attempt: 2, said };
    let history = [
        (10, paged(1, &["mail"])),
        (10, begin(1, 25)),
        (11, failed),
        (20, begin(2, 35)),
        (21, delivered),
        (30, paged(2, &["mail", "sms"])),
        (91 * 86_400, paged(3, &["sms"])),
    ];
    for (position, (second, body)) in (1..).zip(history) {
        let actor = Actor { session: "s1".to_owned(), ..Actor::person("eva") };
        let event = Entry::Paging(Recorded { position, at: at(second), actor, body });
        let mut made =
            records::Made::on(&Book::default(), &Calendar::default(), &pages, &Orders::default());
        made.fold(&event);
        let stored = store.append(&[event], &[], &made.records()).await;
        assert_eq!(stored, Ok(Append::Stored));
        pages = made.pages;
    }
    assert_eq!(store.pages().await.unwrap(), pages);
    store.close().await;

    let store = Store::open(location, false).await.unwrap();
    let expect = |loaded: &Pages| {
        assert_eq!(loaded, &pages);
        assert!(loaded.get(PageId(1)).is_none(), "settled for more than three months");
        let due: Vec<_> = loaded.due().into_iter().map(|d| (d.page.0, d.channel)).collect();
        assert_eq!(due, [(2, "mail".into()), (2, "sms".into()), (3, "sms".into())]);
        assert_eq!(loaded.next(), PageId(4));
    };
    expect(&store.load().await.unwrap().pages);
    assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());

    let mut export = Vec::new();
    store.export(&mut export).await.unwrap();
    let copy = Store::memory().await.unwrap();
    copy.import(&mut BufReader::new(&export[..])).await.unwrap();
    expect(&copy.load().await.unwrap().pages);
    assert_eq!(copy.verify().await.unwrap(), Vec::<String>::new());
    store.close().await;
}

/// Views that everybody has survive a restart, an export and an import, and are held against the log.
async fn views(location: &Location) {
    let store = Store::open(location, false).await.unwrap();
    let view = |query: &str| View { name: "mail".into(), query: query.into(), ..View::default() };
    let gone = View { name: "gone".into(), ..view("p:1") };
    let history = [
        ViewEvent::ViewSaved { view: view("service:mail") },
        ViewEvent::ViewSaved { view: gone },
        ViewEvent::ViewSaved { view: view("service:mail*") },
        ViewEvent::ViewDeleted { name: "gone".into() },
    ];
    let mut views = SharedViews::default();
    for (position, body) in (1..).zip(history) {
        let event =
            Entry::View(Recorded { position, at: at(10), actor: Actor::person("eva"), body });
        let made = records::Made::on(
            &Book::default(),
            &Calendar::default(),
            &Pages::default(),
            &Orders::default(),
        );
        let mut made = made.with_views(&views);
        made.fold(&event);
        let stored = store.append(&[event], &[], &made.records()).await;
        assert_eq!(stored, Ok(Append::Stored));
        views = made.views;
    }
    assert_eq!(store.views().await.unwrap(), views);
    store.close().await;

    let store = Store::open(location, false).await.unwrap();
    let loaded = store.load().await.unwrap().views;
    let saved = loaded.get("mail").unwrap();
    assert_eq!((saved.view.query.as_str(), saved.by.as_str()), ("service:mail*", "eva"));
    assert!(loaded.get("gone").is_none() && loaded == views);
    assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());

    let mut export = Vec::new();
    store.export(&mut export).await.unwrap();
    let copy = Store::memory().await.unwrap();
    copy.import(&mut BufReader::new(&export[..])).await.unwrap();
    assert_eq!(copy.load().await.unwrap().views, views);
    assert_eq!(copy.verify().await.unwrap(), Vec::<String>::new());
    store.close().await;
}

/// What objectives measured is kept by bucket, whoever writes it and how often, and is no part of the log.
async fn rollups(location: &Location) {
    let store = Store::open(location, false).await.unwrap();
    let day = 20_000;
    let first = day * BUCKETS_A_DAY;
    let series = |buckets: &[(i64, Bucket)]| {
        let mut series = Series::default();
        for (index, bucket) in buckets {
            series.set(first + index, *bucket);
        }
        series
    };
    let add = async |store: &Store, buckets: &[(i64, Bucket)]| {
        store.roll_up(&[("a#1".to_owned(), series(buckets))]).await.unwrap();
    };
    let events = Bucket { good: 8_341_000_001, total: 8_342_500_000, seen: 300 };
    let later = 2 * BUCKETS_A_DAY;
    add(&store, &[(0, Bucket::of_time(300, 0)), (1, events), (later, events)]).await;
    // Twice the same, a bucket that had seen more, one that has seen less.
    add(&store, &[(1, events), (2, Bucket::of_time(100, 20))]).await;
    add(&store, &[(2, Bucket::of_time(60, 20)), (3, Bucket::of_time(0, 300))]).await;
    let expect = series(&[
        (0, Bucket::of_time(300, 0)),
        (1, events),
        (2, Bucket::of_time(100, 20)),
        (3, Bucket::of_time(0, 300)),
        (later, events),
    ]);
    assert_eq!(store.rollups("a#1", 0).await.unwrap(), expect);
    assert_eq!(store.rollups("a#1", day + 1).await.unwrap(), series(&[(later, events)]));
    assert!(store.rollups("a#2", 0).await.unwrap().is_empty());

    // Consoles that write at the same time lose nothing of each other.
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let location = location.clone();
            tokio::spawn(async move {
                let store = Store::open(&location, false).await.unwrap();
                for n in 0..20 {
                    let mut series = Series::default();
                    series.set(first + n * 4 + writer, Bucket::of_time(300, 0));
                    store.roll_up(&[("b#1".to_owned(), series)]).await.unwrap();
                }
                store.close().await;
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let all = store.rollups("b#1", 0).await.unwrap();
    assert!((0..80).all(|n| all.get(first + n) == Some(Bucket::of_time(300, 0))));

    let db = raw(location).await;
    sqlx::query("UPDATE rollups SET doc = 'x9,-' WHERE objective = 'a#1' AND day = 20000")
        .execute(&db)
        .await
        .unwrap();
    assert_eq!(store.rollups("a#1", 0).await.unwrap(), series(&[(later, events)]));
    assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());
    let mut export = Vec::new();
    store.export(&mut export).await.unwrap();
    let other = Store::open(&Location::Memory, false).await.unwrap();
    other.import(&mut export.as_slice()).await.unwrap();
    assert_eq!(other.rollups("a#1", 0).await.unwrap(), series(&[(later, events)]));
    assert_eq!(other.rollups("b#1", 0).await.unwrap(), all);
    let mut again = Vec::new();
    other.export(&mut again).await.unwrap();
    assert!(export == again, "exporting what was imported gives the same bytes");
    store.prune_rollups(day + 1).await.unwrap();
    assert!(store.rollups("b#1", 0).await.unwrap().is_empty());
    assert!(!store.rollups("a#1", 0).await.unwrap().is_empty());
    db.close().await;
    store.close().await;
}

/// When a service was up follows from its incidents and from whether somebody watched.
async fn uptime(location: &Location) {
    let mut writer = Writer::open(location).await;
    writer.stored(vec![(1, opened("a"))]).await;
    writer.stored(vec![(1, resolved())]).await;
    let first = index(at(0));
    let service = ServiceId("db-main".into());
    let store = writer.store.clone();
    let measured = async || {
        let span = (first - 2, first + 6);
        let series = store.uptime((&service, Priority(2)), span, at(3_000)).await.unwrap();
        (first - 2..first + 6).map(|n| series.get(n)).collect::<Vec<_>>()
    };
    let (up, down) = (|seconds| Some(Bucket::of_time(seconds, 0)), |n| Some(Bucket::of_time(0, n)));
    let whole = up(300);
    // From the first event on; before it, what was down.
    assert_eq!(measured().await, [None, down(1), down(2), whole, whole, whole, whole, whole]);
    // Two watched, one of them for longer; either is enough.
    for (number, seconds) in [(1, 300), (3, 90), (3, 120), (3, 30), (5, 300)] {
        let mut watched = Series::default();
        watched.set(first + number, Bucket::of_time(seconds, 0));
        store.roll_up(&[(WATCHED.to_owned(), watched)]).await.unwrap();
    }
    let expect = [None, down(1), down(2), whole, None, up(120), None, whole];
    assert_eq!(measured().await, expect);
    let unwatched = store.watched().await.unwrap().unwatched(Interval::new(at(0), at(1_800)));
    assert_eq!(unwatched.length(), TimeDelta::seconds(300 + 180 + 300));
    let none = store.uptime((&service, Priority(1)), (first - 2, first), at(3_000)).await.unwrap();
    assert!(none.is_empty(), "of that priority nothing happened");

    // One that stays open is found however old it is.
    writer.stored(vec![(2, opened("b"))]).await;
    let mut found = Vec::new();
    let later = at(90_000);
    store.of_service(&service, later, |incident| found.push(incident.id)).await.unwrap();
    assert_eq!(found, [IncidentId(2)]);
    let series =
        store.uptime((&service, Priority(2)), (first + 299, first + 300), later).await.unwrap();
    assert_eq!(series.get(first + 299), down(300));
    store.close().await;
}

/// What was signed and issued survives a restart, an export and an import, and is held against the log;
/// documents are read by their names.
async fn reports(location: &Location) {
    let document = |number: &str| {
        Box::new(Document {
            format: FORMAT,
            kind: ReportKind::Handover,
            number: number.to_owned(),
            revision: None,
            locale: None,
            site: "test".to_owned(),
            zone: "UTC".to_owned(),
            from: at(0),
            to: at(100),
            made_at: at(50),
            head: Vec::new(),
            sections: Vec::new(),
        })
    };
    let party = |name: &str| Party { name: name.to_owned(), person: None };
    let key = ShiftKey { schedule: "core".into(), from: at(0) };
    let turn = Turn {
        key: key.clone(),
        to: at(100),
        outgoing: party("ana"),
        incoming: Some(party("luis")),
    };
    let coverage = || Box::new(Coverage { from: at(0), to: at(100), scope: Scope::All });
    let issued = |revision: u32| ReportEvent::ReportIssued {
        id: ReportId(1),
        revision,
        coverage: coverage(),
        plan: "weekly".to_owned(),
        document: document(&format!("SR-1.{revision}")),
    };
    let step =
        |text: &str| ReportEvent::NextStepSet { incident: IncidentId(7), text: text.to_owned() };
    let history = [
        ReportEvent::HandoverNoted { shift: key.clone(), notes: "call them\nagain".to_owned() },
        step("wait"),
        step(""),
        step("look at it"),
        ReportEvent::HandoverSubmitted {
            id: HandoverId(1),
            turn: Box::new(turn),
            by: party("ana"),
            document: document("submitted"),
        },
        ReportEvent::HandoverAccepted {
            id: HandoverId(1),
            by: party("luis"),
            document: document("accepted"),
            incidents: vec![IncidentId(7)],
            despite: Vec::new(),
        },
        issued(1),
        issued(2),
        ReportEvent::ReportSent { id: ReportId(1), revision: 2, to: "/reports".to_owned() },
    ];
    let store = Store::open(location, false).await.unwrap();
    let mut reports = Reports::default();
    for (position, body) in (1..).zip(history) {
        let event =
            Entry::Report(Recorded { position, at: at(10), actor: Actor::person("eva"), body });
        let made = records::Made::on(
            &Book::default(),
            &Calendar::default(),
            &Pages::default(),
            &Orders::default(),
        );
        let mut made = made.with_reports(&reports);
        made.fold(&event);
        let stored = store.append(&[event], &[], &made.records()).await;
        assert_eq!(stored, Ok(Append::Stored));
        reports = made.reports;
    }
    store.close().await;

    let store = Store::open(location, false).await.unwrap();
    assert_eq!(store.load().await.unwrap().reports, reports);
    assert_eq!(reports.step(IncidentId(7)).unwrap().text, "look at it");
    assert_eq!(reports.report(ReportId(1)).unwrap().revisions[1].sent, ["/reports"]);
    for (name, number) in [("HO-1", "accepted"), ("SR-1.1", "SR-1.1"), ("SR-1.2", "SR-1.2")] {
        assert_eq!(store.document(name).await.unwrap().unwrap().number, number);
    }
    assert_eq!(store.document("SR-1.3").await.unwrap(), None);
    assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());

    let mut export = Vec::new();
    store.export(&mut export).await.unwrap();
    let copy = Store::memory().await.unwrap();
    copy.import(&mut BufReader::new(&export[..])).await.unwrap();
    assert_eq!(copy.load().await.unwrap().reports, reports);
    assert_eq!(copy.document("HO-1").await.unwrap().unwrap().number, "accepted");
    assert_eq!(copy.verify().await.unwrap(), Vec::<String>::new());
    store.close().await;
}
