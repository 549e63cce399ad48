//! Consoles that are killed, disks that fill up, and files that two processes want.
//!
//! The console under test is a child process: this test binary again, told by an environment variable
//! which part to play.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use atalaya::domain::command::Command as Ask;
use atalaya::domain::command::{Outcome, Verdict};
use atalaya::domain::incident::lifecycle::{Action, Report, Target};
use atalaya::domain::incident::{Actor, IncidentId, IncidentState};
use atalaya::domain::matcher::Labels;
use atalaya::domain::observation::{Alert, AlertSet, AlertStatus, Fact, Observation};
use atalaya::engine::runtime::{self, Clock, HandClock, Handle};
use atalaya::engine::{Plan, Snapshot, StoreState};
use atalaya::store::{Location, Store, StoreError};
use tokio::sync::mpsc;

use super::contract::at;

const PLACE: &str = "ATALAYA_TEST_STORE";
const COMMANDS: u64 = 1_000;

fn ana() -> Actor {
    Actor::person("ana")
}

fn report(title: &str) -> Ask {
    Ask::Report(Report { title: title.to_owned(), ..Report::default() })
}

fn acknowledge(ids: &[IncidentId]) -> Ask {
    let targets = ids.iter().map(|id| Target { id: *id, seen: 0 }).collect();
    Ask::Act { targets, action: Action::Acknowledge { lasting: None } }
}

/// One alert fires, says a source that knows.
fn alert() -> Observation {
    let alert = Alert {
        fingerprint: "f1".to_owned(),
        labels: [("alertname".to_owned(), "DiskFull".to_owned())].into(),
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
        source: "prom".into(),
        at: at(0),
        server: String::new(),
        facts: vec![Fact::Alerts(set)],
        warnings: Vec::new(),
    }
}

async fn console(location: &Location, clock: Arc<dyn Clock>) -> Result<Handle, StoreError> {
    let store = Store::open(location, false).await?;
    let (effects, _) = mpsc::channel(1);
    runtime::start_with(Plan::empty(), store, effects, clock).await
}

/// Lets seconds pass until the console shows it.
async fn until(console: &Handle, clock: &HandClock, shows: impl Fn(&Snapshot) -> bool) {
    let mut snapshots = console.watch();
    for _ in 0..200 {
        clock.second();
        let shown = snapshots.wait_for(|s| shows(s));
        if tokio::time::timeout(Duration::from_millis(50), shown).await.is_ok() {
            return;
        }
    }
    panic!("never shown");
}

/// A child that plays `part` on the store at `place`, with its input and the lines it says.
struct Part {
    child: Child,
    input: Option<ChildStdin>,
    said: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Part {
    fn play(part: &str, place: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", part, "--ignored", "--nocapture", "--quiet"])
            .env(PLACE, place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, input, said }
    }

    /// The next line that is meant for the test, without its mark.
    fn hear(&mut self) -> Option<String> {
        self.said.find_map(|line| line.unwrap().strip_prefix("> ").map(str::to_owned))
    }

    /// `kill -9`; then whatever it had still said.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.hear()).collect()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says a line at once, beside whatever the test harness prints.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n> {line}").unwrap();
    out.flush().unwrap();
}

/// Where a child is to play; `None` where this is no child.
fn place() -> Option<Location> {
    Some(Location::File(PathBuf::from(std::env::var_os(PLACE)?)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part, played by a child of `what_was_confirmed_survives_kill_9`"]
async fn acknowledge_a_thousand() {
    let Some(place) = place() else { return };
    let console = console(&place, Arc::new(runtime::SystemClock)).await.unwrap();
    let known = console.snapshot().incidents.by_id.len() as u64;
    for n in known..known + COMMANDS / 2 {
        let answers = console.ask(ana(), report(&format!("incident {n}"))).await;
        let id = answers[0].id.unwrap();
        assert!(answers[0].verdict.is_done());
        say(&format!("reported {id}"));
        let answers = console.ask(ana(), acknowledge(&[id])).await;
        assert!(answers[0].verdict.is_done());
        say(&format!("acknowledged {id}"));
    }
    say("finished");
}

#[tokio::test]
async fn what_was_confirmed_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atalaya.db");
    let mut dice = fastrand::Rng::with_seed(20_261_124);
    let mut confirmed = Vec::new();
    let mut cut_short = 0;
    for _ in 0..4 {
        let mut part = Part::play("kill::acknowledge_a_thousand", &path);
        // Somewhere in the thousand, and somewhere between two commands or inside one.
        for _ in 0..dice.u64(1..COMMANDS - 100) {
            confirmed.push(part.hear().expect("it ended before it was killed"));
        }
        std::thread::sleep(Duration::from_micros(dice.u64(0..3_000)));
        let rest = part.kill();
        cut_short += usize::from(!rest.iter().any(|line| line == "finished"));
        confirmed.extend(rest);

        let store = Store::open(&Location::File(path.clone()), false).await.unwrap();
        assert!(store.notices().is_empty(), "{:?}", store.notices());
        assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());
        for line in &confirmed {
            let Some((what, id)) = line.split_once(' ') else { continue };
            let incident = store.incident(id.parse().unwrap()).await.unwrap();
            let incident = incident.unwrap_or_else(|| panic!("{line} was confirmed and is gone"));
            if what == "acknowledged" {
                assert_eq!(incident.state(), IncidentState::Acknowledged, "{line}");
            }
        }
        store.close().await;
    }
    assert!(cut_short > 0, "it always finished before it could be killed");
}

/// A small disk of its own.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where this user may not mount.
    fn mount(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(dir.path())
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|s| s.success()) {
            return Some(Self(dir));
        }
        let why = "SKIPPED: this user may not mount a small disk to fill up; run as root";
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{why}");
        println!("{why}");
        None
    }

    fn fill(&self) {
        let mut ballast = fs::File::create(self.0.path().join("ballast")).unwrap();
        while ballast.write_all(&[0; 4_096]).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.0.path().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_with_a_banner_loses_nothing_and_recovers() {
    let Some(disk) = SmallDisk::mount("2m") else { return };
    let location = Location::File(disk.0.path().join("atalaya.db"));
    let clock = HandClock::at(at(0));
    let console = console(&location, clock.clone()).await.unwrap();
    let mut confirmed = Vec::new();
    for n in 0..20 {
        confirmed.extend(done(&console.ask(ana(), report(&format!("before {n}"))).await));
    }
    assert_eq!(confirmed.len(), 20);

    disk.fill();
    console.observe(alert()).await;
    let mut refusal = None;
    for n in 0..100 {
        let answers = console.ask(ana(), report(&format!("while {n}"))).await;
        match done(&answers) {
            Some(id) => confirmed.push(id),
            None => refusal = Some(answers[0].verdict.to_string()),
        }
    }
    let refusal = refusal.expect("a full disk confirms nothing");
    assert!(refusal.contains("the disk is full"), "{refusal}");
    let snapshot = console.snapshot();
    assert!(
        matches!(&snapshot.store, StoreState::Failing { why, .. } if why.contains("disk is full")),
        "{:?}",
        snapshot.store
    );
    assert_eq!(snapshot.incidents.by_id.len(), confirmed.len(), "nothing unconfirmed is shown");
    // The little that a probe writes finds room where nothing else does.
    for _ in 0..3 {
        clock.second();
        // A tick waits for one message at most.
        for _ in 0..2 {
            console.load(IncidentId(1)).await.unwrap();
        }
        let store = &console.snapshot().store;
        assert!(matches!(store, StoreState::Failing { .. }), "{store:?}");
    }

    disk.free();
    until(&console, &clock, |s| s.store == StoreState::Ready).await;
    confirmed.extend(done(&console.ask(ana(), report("after")).await));
    // What was seen while nothing could be stored is decided again from the next poll.
    console.observe(alert()).await;
    let opened = |s: &Snapshot| s.incidents.by_id.len() > confirmed.len();
    until(&console, &clock, opened).await;
    confirmed.push(IncidentId(confirmed.len() as u64 + 1));
    console.stop().await;

    let store = Store::open(&location, false).await.unwrap();
    assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());
    let open: Vec<_> = store.load().await.unwrap().incidents.iter().map(|i| i.id).collect();
    assert_eq!(open, confirmed);
    store.close().await;
}

fn done(answers: &[Outcome]) -> Option<IncidentId> {
    answers[0].verdict.is_done().then_some(answers[0].id).flatten()
}

#[tokio::test]
#[ignore = "a part, played by a child of `a_damaged_file_that_is_in_use_stays_where_it_is`"]
async fn keep_it_open() {
    let Some(place) = place() else { return };
    let store = Store::open(&place, false).await.unwrap();
    // So that the file itself is read, and not what the write-ahead log says of it.
    store.checkpoint().await.unwrap();
    say("open");
    // Until the test closes our input.
    std::io::stdin().lines().count();
    drop(store);
}

#[tokio::test]
async fn a_damaged_file_that_is_in_use_stays_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("atalaya.db");
    let mut part = Part::play("kill::keep_it_open", &path);
    assert_eq!(part.hear().as_deref(), Some("open"));
    fs::File::options().write(true).open(&path).unwrap().write_all(&[0xa5; 100]).unwrap();
    let location = Location::File(path.clone());
    let refused = Store::open(&location, false).await.unwrap_err();
    assert!(refused.to_string().contains("another process has it open"), "{refused}");
    assert!(path.exists());

    drop(part.input.take());
    part.child.wait().unwrap();
    let store = Store::open(&location, false).await.unwrap();
    assert_eq!(store.notices().len(), 1);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_line_beside_the_console_is_seen_by_its_next_ticks_and_told_of_conflicts() {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::File(dir.path().join("atalaya.db"));
    let clock = HandClock::at(at(0));
    let console = console(&location, clock.clone()).await.unwrap();
    let id = done(&console.ask(ana(), report("disk")).await).unwrap();

    let shell = Store::open(&location, false).await.unwrap();
    let luis = Actor::person("luis");
    let answers = runtime::once(Plan::empty(), &shell, luis, acknowledge(&[id])).await.unwrap();
    assert!(answers[0].verdict.is_done(), "{answers:?}");
    shell.close().await;

    until(&console, &clock, |s| {
        s.incidents.get(id).is_some_and(|i| i.state() == IncidentState::Acknowledged)
    })
    .await;
    console.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_consoles_that_acknowledge_at_once_one_wins_and_the_other_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::File(dir.path().join("atalaya.db"));
    let a = console(&location, HandClock::at(at(0))).await.unwrap();
    let b = console(&location, HandClock::at(at(0))).await.unwrap();
    for n in 0..20 {
        let id = done(&a.ask(ana(), report(&format!("{n}"))).await).unwrap();
        let luis = Actor::person("luis");
        let (x, y) =
            tokio::join!(a.ask(ana(), acknowledge(&[id])), b.ask(luis, acknowledge(&[id])));
        let won = [&x, &y].iter().filter(|o| matches!(o[0].verdict, Verdict::Done { .. })).count();
        assert_eq!(won, 1, "{x:?} {y:?}");
    }
    a.stop().await;
    b.stop().await;
}

/// A store that another process writes to and does not let go of.
async fn locked() -> (tempfile::TempDir, Store, sqlx::AnyPool) {
    let dir = tempfile::tempdir().unwrap();
    let location = Location::File(dir.path().join("a.db"));
    let store = Store::open(&location, false).await.unwrap();
    let mut one = super::contract::Writer::on(store.clone()).await;
    one.stored(vec![(1, super::contract::opened("a"))]).await;
    let other = super::contract::raw(&location).await;
    (dir, store, other)
}

#[tokio::test]
async fn closing_waits_for_no_lock() {
    let (_dir, store, other) = locked().await;
    let mut holds = other.acquire().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *holds).await.unwrap();
    let closing = tokio::time::timeout(Duration::from_secs(2), store.close());
    closing.await.expect("it waited for the other's lock");
}

#[tokio::test]
async fn leaving_while_the_store_is_locked_says_what_was_not_stored() {
    let (_dir, store, other) = locked().await;
    let (effects, _told) = mpsc::channel(9);
    let handle = runtime::start(Plan::empty(), store, effects).await.unwrap();
    let mut holds = other.acquire().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *holds).await.unwrap();
    let asking = handle.clone();
    let asked = acknowledge(&[IncidentId(1)]);
    let ask = asked.clone();
    tokio::spawn(asking.ask(ana(), ask));
    let left = tokio::time::timeout(Duration::from_secs(2), async {
        handle.stop_within(Duration::from_millis(200)).await
    });
    assert_eq!(left.await.expect("it waited for the store"), [asked]);
}

#[tokio::test]
async fn what_was_asked_right_before_leaving_is_still_stored() {
    let (_dir, store, _other) = locked().await;
    let (effects, _told) = mpsc::channel(9);
    let handle = runtime::start(Plan::empty(), store, effects).await.unwrap();
    let asking = handle.clone();
    let answer = tokio::spawn(asking.ask(ana(), acknowledge(&[IncidentId(1)])));
    assert_eq!(handle.stop_within(Duration::from_secs(5)).await, []);
    assert!(answer.await.unwrap()[0].verdict.is_done());
}
