use chrono::{DateTime, TimeDelta};

use super::*;
use crate::domain::incident::lifecycle::{Action, Report, Target};
use crate::domain::incident::{Findings, IncidentState};
use crate::domain::matcher::Labels;
use crate::domain::observation::{Alert, AlertSet, AlertStatus, Fact};
use crate::domain::time::Instant;
use crate::engine::StoreState;
use crate::store::Location;

fn at(n: i64) -> Instant {
    DateTime::from_timestamp(1_770_000_000 + n, 0).unwrap()
}

fn ana() -> Actor {
    Actor::person("ana")
}

fn report() -> Command {
    Command::Report(Report { title: "disk".to_owned(), ..Report::default() })
}

fn act(id: IncidentId, action: Action) -> Command {
    Command::Act { targets: vec![Target { id, seen: 0 }], action }
}

fn note(id: IncidentId) -> Command {
    act(id, Action::Note { text: "later".to_owned() })
}

fn alert(n: usize) -> Observation {
    let alert = Alert {
        fingerprint: format!("f{n}"),
        labels: Labels::from([("alertname".to_owned(), format!("Alert{n}"))]),
        annotations: Labels::new(),
        starts_at: at(0),
        status: AlertStatus::Active,
        generator_url: None,
        service: None,
    };
    let set = AlertSet {
        complete: true,
        alerts: vec![alert],
        authoritative: true,
        ..AlertSet::default()
    };
    Observation {
        source: format!("prom{n}").into(),
        at: at(0),
        server: String::new(),
        facts: vec![Fact::Alerts(set)],
        warnings: Vec::new(),
    }
}

async fn console(store: Store, clock: Arc<HandClock>) -> (Handle, mpsc::Receiver<Effect>) {
    let (effects, told) = mpsc::channel(100);
    (start_with(Plan::empty(), store, effects, clock).await.unwrap(), told)
}

/// Two stores on one file.
async fn shared() -> (tempfile::TempDir, Store, Store) {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::File(dir.path().join("a.db"));
    let one = Store::open(&location, false).await.unwrap();
    let other = Store::open(&location, false).await.unwrap();
    (dir, one, other)
}

#[tokio::test]
async fn a_person_goes_before_what_sources_reported() {
    let (console, _) = console(Store::memory().await.unwrap(), HandClock::at(at(0))).await;
    for n in 0..50 {
        console.observe(alert(n)).await;
    }
    let answers = console.ask(ana(), report()).await;
    assert_eq!(answers[0].id, Some(IncidentId(1)), "{answers:?}");
    let mut snapshots = console.watch();
    snapshots.wait_for(|s| s.incidents.by_id.len() == 51).await.unwrap();
}

#[tokio::test]
async fn the_answer_comes_after_the_snapshot_that_shows_it() {
    let (console, mut told) = console(Store::memory().await.unwrap(), HandClock::at(at(0))).await;
    assert_eq!(console.snapshot().store, StoreState::Memory);
    let id = console.ask(ana(), report()).await[0].id.unwrap();
    assert!(console.snapshot().incidents.get(id).is_some());
    let Effect::Notify(notice) = told.try_recv().unwrap() else { panic!() };
    assert_eq!(notice.incident.id, id);
    assert_eq!(console.timeline(id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_is_published_while_nothing_changes() {
    let clock = HandClock::at(at(0));
    let (console, _) = console(Store::memory().await.unwrap(), Arc::clone(&clock)).await;
    let id = console.ask(ana(), report()).await[0].id.unwrap();
    let mut snapshots = console.watch();
    snapshots.mark_unchanged();
    for _ in 0..10 {
        clock.second();
        // The tick waits for at most this.
        console.timeline(id).await.unwrap();
    }
    assert!(!snapshots.has_changed().unwrap());
}

/// More open incidents than a console reads before it shows itself.
async fn crowd(store: &Store) -> Vec<IncidentId> {
    let plan = Plan::empty();
    let open = |n| Command::Report(Report { title: format!("disk {n}"), ..Report::default() });
    let desk = Desk::open(plan, store).await.unwrap();
    let mut ids = Vec::new();
    for n in 0..u64::from(task::FIRST) + 5 {
        ids.extend(desk.ask(ana(), open(n)).await.unwrap()[0].id);
    }
    ids
}

fn classify(id: IncidentId, urgency: u8) -> Command {
    act(id, Action::Classify { impact: Some(urgency), urgency: Some(urgency), category: None })
}

#[tokio::test]
async fn the_most_urgent_are_there_at_once_and_all_others_soon_after() {
    let (_dir, mine, other) = shared().await;
    let ids = crowd(&other).await;
    let last = *ids.last().unwrap();
    once(Plan::empty(), &other, ana(), classify(last, 1)).await.unwrap();
    let mut engine =
        Engine::begin(Plan::empty(), mine.clone(), None, HandClock::at(at(0))).await.unwrap();
    let first = engine.first_snapshot();
    assert_eq!(first.incidents.open(), usize::from(task::FIRST));
    assert_eq!(first.incidents.unread, Some(first.incidents.get(ids[0]).unwrap().priority));
    assert!(first.incidents.get(last).is_some(), "the newest is the most urgent");
    let (console, _) = console(mine, HandClock::at(at(0))).await;
    let mut snapshots = console.watch();
    let whole = snapshots.wait_for(|s| s.incidents.complete).await.unwrap();
    assert_eq!((whole.incidents.open(), whole.incidents.unread), (ids.len(), None));
}

#[tokio::test]
async fn what_others_change_while_the_rest_is_read_is_not_missed() {
    let (_dir, mine, other) = shared().await;
    let ids = crowd(&other).await;
    let mut engine = Engine::begin(Plan::empty(), mine, None, HandClock::at(at(0))).await.unwrap();
    // One that is still to be read becomes more urgent than where reading goes on, one ends, one comes.
    let [.., one, two, three] = ids[..] else { panic!() };
    for command in [
        classify(one, 1),
        act(two, Action::Cancel { reason: "a test".to_owned() }),
        note(three),
        report(),
    ] {
        let answers = once(Plan::empty(), &other, ana(), command).await.unwrap();
        assert!(answers[0].verdict.is_done(), "{answers:?}");
    }
    engine.load_open().await.unwrap();
    engine.newest().await.unwrap();
    let read = engine.first_snapshot();
    let anew = Engine::load(Plan::empty(), other).await.unwrap().first_snapshot();
    assert_eq!(read.incidents.open(), ids.len());
    assert_eq!(read.incidents.open_by_priority, anew.incidents.open_by_priority);
    for (id, incident) in &anew.incidents.by_id {
        assert_eq!(read.incidents.get(*id), Some(incident));
    }
}

#[tokio::test]
async fn what_another_console_opened_is_shown_and_told_here_too() {
    let (_dir, mine, other) = shared().await;
    let clock = HandClock::at(at(0));
    let (console, mut told) = console(mine, Arc::clone(&clock)).await;
    let id = once(Plan::empty(), &other, ana(), report()).await.unwrap()[0].id.unwrap();
    clock.second();
    let mut snapshots = console.watch();
    snapshots.wait_for(|s| s.incidents.get(id).is_some()).await.unwrap();
    let Effect::Notify(notice) = told.try_recv().unwrap() else { panic!() };
    assert_eq!(notice.incident.id, id);
}

#[tokio::test]
async fn a_command_is_decided_on_what_another_console_has_just_stored() {
    let (_dir, mine, other) = shared().await;
    let (console, _) = console(mine, HandClock::at(at(0))).await;
    let id = once(Plan::empty(), &other, ana(), report()).await.unwrap()[0].id.unwrap();
    // No tick has passed.
    let answers = console.ask(ana(), act(id, Action::Acknowledge { lasting: None })).await;
    assert!(answers[0].verdict.is_done(), "{answers:?}");
}

#[tokio::test]
async fn an_old_incident_is_loaded_when_it_is_asked_for_or_touched_by_others() {
    let (dir, mine, other) = shared().await;
    let clock = HandClock::at(at(0));
    let (first, _) = console(mine.clone(), Arc::clone(&clock)).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = first.ask(ana(), report()).await[0].id.unwrap();
        first
            .ask(
                ana(),
                act(
                    id,
                    Action::Resolve {
                        reason: "x".to_owned(),
                        findings: Findings::default(),
                        force: true,
                    },
                ),
            )
            .await;
        first
            .ask(
                ana(),
                act(
                    id,
                    Action::Close {
                        reason: String::new(),
                        findings: Findings { code: "fixed".to_owned(), cause: "x".to_owned() },
                        category: "software".to_owned(),
                    },
                ),
            )
            .await;
        ids.push(id);
    }
    assert_eq!(mine.load().await.unwrap().incidents, []);

    let clock = HandClock::at(at(0) + TimeDelta::days(30));
    let (late, _) = console(other.clone(), Arc::clone(&clock)).await;
    assert_eq!(late.load(IncidentId(9)).await.unwrap_err(), "INC-9 does not exist");
    assert!(late.snapshot().incidents.by_id.is_empty());
    late.load(ids[0]).await.unwrap();
    let shown = |id: IncidentId| late.snapshot().incidents.get(id).map(|i| i.state());
    assert_eq!(shown(ids[0]), Some(IncidentState::Closed));
    assert!(late.ask(ana(), note(ids[1])).await[0].verdict.is_done());
    assert_eq!(shown(ids[1]), Some(IncidentState::Closed));
    assert_eq!(shown(ids[2]), None);

    let location = Location::File(dir.path().join("a.db"));
    let shell = Store::open(&location, false).await.unwrap();
    assert!(once(Plan::empty(), &shell, ana(), note(ids[2])).await.unwrap()[0].verdict.is_done());
    clock.second();
    late.watch().wait_for(|s| s.incidents.get(ids[2]).is_some()).await.unwrap();
    let stored = shell.incident(ids[2]).await.unwrap().unwrap();
    assert_eq!(**late.snapshot().incidents.get(ids[2]).unwrap(), stored);
    assert_eq!(shell.verify().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_read_only_console_shows_and_refuses() {
    let (dir, mine, _other) = shared().await;
    once(Plan::empty(), &mine, ana(), report()).await.unwrap();
    let guest = Store::open(&Location::File(dir.path().join("a.db")), true).await.unwrap();
    let (console, _) = console(guest, HandClock::at(at(0))).await;
    assert!(matches!(console.snapshot().store, StoreState::ReadOnly { .. }));
    assert_eq!(console.snapshot().incidents.by_id.len(), 1);
    console.observe(alert(1)).await;
    let answers = console.ask(ana(), report()).await;
    assert_eq!(answers.len(), 1);
    assert!(answers[0].verdict.to_string().contains("--read-only"), "{answers:?}");
    assert_eq!(mine.head().await.unwrap().position, 1);
}

#[tokio::test]
async fn stopping_answers_everything_that_was_sent_before_and_refuses_the_rest() {
    let (console, _) = console(Store::memory().await.unwrap(), HandClock::at(at(0))).await;
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let console = console.clone();
            tokio::spawn(async move { console.ask(ana(), report()).await })
        })
        .collect();
    tokio::task::yield_now().await;
    console.stop().await;
    for one in asked {
        assert!(one.await.unwrap()[0].verdict.is_done());
    }
    let late = console.ask(ana(), report()).await;
    assert!(late[0].verdict.to_string().contains("has stopped"), "{late:?}");
    console.stop().await;
}
