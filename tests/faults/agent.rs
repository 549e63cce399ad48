//! The agent in an unkind world: killed between what it stores and what it sends, two at once, a store
//! that goes away under it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use atalaya::config::{self, Surroundings};
use atalaya::domain::command::Command as Asked;
use atalaya::domain::incident::{Actor, IncidentId};
use atalaya::domain::matcher::Labels;
use atalaya::domain::observation::{Alert, AlertSet, AlertStatus, Fact, Observation};
use atalaya::domain::paging::Pager;
use atalaya::domain::report;
use atalaya::domain::time::Timescale;
use atalaya::engine::runtime::{self, Clock, HandClock};
use atalaya::engine::{Plan, Snapshot, StoreState};
use atalaya::notify::channels::Courier;
use atalaya::notify::{pager, spool};
use atalaya::store::{Location, Store};
use chrono::{DateTime, TimeDelta, Utc};
use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

const PATIENCE: Duration = Duration::from_secs(30);

/// One place with a config, a store and what was sent.
struct Place(TempDir);

impl Place {
    /// Ana is paged by a program of that script, for whatever is urgent enough.
    fn new(script: &str, more: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.configure(script, more);
        place
    }

    fn configure(&self, script: &str, more: &str) {
        let script = script.replace("$DIR", self.0.path().to_str().unwrap());
        let config = format!(
            "[incidents]\nescalation = \"core\"\n\
             [[sources]]\nname = \"host\"\nkind = \"host\"\nservices = false\n\
             [[notify.channels]]\nid = \"sms\"\nkind = \"command\"\ntimeout = \"1s\"\n\
             argv = [\"/bin/sh\", \"-c\", \"{script}\"]\n\
             [[people]]\nid = \"ana\"\npage = [\"sms\"]\n\
             [[escalation]]\nid = \"core\"\nlevels = [{{ notify = [\"person:ana\"] }}]\n{more}\n"
        );
        fs::write(self.path("c.toml"), config).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_atalaya"));
        command.arg("--config").arg(self.path("c.toml")).arg("--store").arg(self.path("a.db"));
        command.env("HOME", self.0.path()).env_remove("JOURNAL_STREAM");
        command
    }

    fn agent(&self, name: &str) -> Agent {
        let said = self.path(name);
        let mut command = self.command();
        command.arg("agent").stdout(Stdio::null()).stderr(File::create(&said).unwrap());
        Agent { child: command.spawn().unwrap(), said }
    }

    fn report(&self, title: &str) {
        let report = ["incident", "report", "--impact", "1", "--urgency", "1", "--title", title];
        assert!(self.command().args(report).stdout(Stdio::null()).status().unwrap().success());
    }

    fn sent(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("sent")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    async fn is_sound(&self) {
        let store = Store::open(&Location::File(self.path("a.db")), true).await.unwrap();
        assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());
    }
}

struct Agent {
    child: Child,
    said: PathBuf,
}

impl Agent {
    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    fn until(&self, text: &str) {
        wait(&format!("{text:?} in {}", self.said.display()), || self.said().contains(text));
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn ended(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        (self.child.wait().unwrap(), begun.elapsed())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

const SENDS: &str = "cat >> $DIR/sent";

#[tokio::test]
async fn what_an_agent_stored_and_was_killed_before_it_had_sent_the_next_one_sends() {
    let place = Place::new("touch $DIR/begun; exec sleep 60", "");
    let mut agent = place.agent("first");
    agent.until("pager: this agent");
    place.report("disk full");
    wait("a try", || place.path("begun").exists());
    agent.kill();
    assert_eq!(place.sent().len(), 0);

    place.configure(SENDS, "");
    let agent = place.agent("second");
    wait("the page", || !place.sent().is_empty());
    agent.until("PAGE-1 to ana: delivered by sms");
    let sent = place.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!((&sent[0]["possibly_twice"], &sent[0]["attempt"]), (&true.into(), &2.into()));
    // As this agent was started, so that the command finds the same store.
    let open = sent[0]["open"].as_str().unwrap();
    assert!(open.starts_with("atalaya --config ") && open.ends_with(" INC-1"), "{open}");
    assert_eq!(sent[0]["text"], "core level 1");
    drop(agent);
    place.is_sound().await;
}

#[tokio::test]
async fn of_two_agents_one_pages_and_the_other_takes_over_when_it_is_killed() {
    let place = Place::new(SENDS, "");
    let mut first = place.agent("first");
    first.until("pager: this agent");
    let second = place.agent("second");
    second.until(&format!("pager: agent {} on ", first.pid()));
    place.report("disk full");
    wait("the page", || place.sent().len() == 1);
    first.kill();
    second.until("pager: this agent");
    place.report("disk full again");
    wait("the other page", || place.sent().len() == 2);
    std::thread::sleep(Duration::from_millis(1_500));
    let keys: Vec<Value> = place.sent().into_iter().map(|m| m["incident"].clone()).collect();
    assert_eq!(keys, ["INC-1", "INC-2"], "each once");
    drop(second);
    place.is_sound().await;
}

#[rstest]
#[case(Signal::TERM, "SIGTERM: ending")]
#[case(Signal::INT, "SIGINT: ending")]
fn a_signal_ends_it_within_a_second(#[case] signal: Signal, #[case] said: &str) {
    let place = Place::new("sleep 20", "");
    let mut agent = place.agent("said");
    agent.until("pager: this agent");
    place.report("disk full");
    agent.until("INC-1 P1 unassigned opened: disk full");
    agent.signal(signal);
    let (status, took) = agent.ended();
    assert_eq!(status.code(), Some(0), "{}", agent.said());
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(agent.said().contains(said), "{}", agent.said());
    assert!(!agent.said().contains('\x1b'), "no colours");
}

#[test]
fn a_wrong_config_is_exit_code_2_and_a_store_that_cannot_be_opened_3() {
    let place = Place::new(SENDS, "[agent]\ndead_mans_switch = { every = \"1m\" }");
    let output = place.command().arg("agent").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("\"url\" is missing in agent.dead_mans_switch"), "{said}");
    let place = Place::new(SENDS, "");
    fs::create_dir(place.path("a.db")).unwrap();
    let output = place.command().arg("agent").output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Counts what is asked for under its path, and answers that it is fine.
async fn listener(counted: Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut head = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut head).await {
                    let head = String::from_utf8_lossy(&head[..n]);
                    assert!(head.starts_with("GET /ping/hush "), "{head}");
                    counted.fetch_add(1, Ordering::SeqCst);
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
                    let _ = stream.write_all(answer).await;
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dead_mans_switch_falls_silent_when_the_store_cannot_be_written() {
    let counted = Arc::new(AtomicUsize::new(0));
    let port = listener(Arc::clone(&counted)).await;
    let place = Place::new(SENDS, "");
    fs::write(place.path("url"), format!("http://127.0.0.1:{port}/ping/hush\n")).unwrap();
    let more = format!(
        "[agent]\ndead_mans_switch = {{ url_file = \"{}\", every = \"1s\" }}",
        place.path("url").display()
    );
    place.configure(SENDS, &more);
    let agent = place.agent("said");
    wait("two pings", || counted.load(Ordering::SeqCst) >= 2);
    // As if the disk had been taken away.
    remove(&place.path("a.db"));
    agent.until("dead man's switch: not said to be well");
    let so_far = counted.load(Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(counted.load(Ordering::SeqCst), so_far);
    assert!(!agent.said().contains("hush"), "{}", agent.said());
}

/// An alert that fires, as a source tells of it.
fn observed(now: DateTime<Utc>) -> Observation {
    let alert = Alert {
        fingerprint: "f".to_owned(),
        labels: [("alertname", "Down"), ("severity", "critical")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into_iter()
            .collect(),
        annotations: Labels::default(),
        starts_at: now,
        status: AlertStatus::Active,
        generator_url: None,
        service: None,
    };
    let set = AlertSet { complete: true, alerts: vec![alert], ..AlertSet::default() };
    let facts = vec![Fact::Alerts(set)];
    Observation { source: "prom".into(), at: now, server: String::new(), facts, warnings: vec![] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_store_is_away_people_are_called_all_the_same_and_once_more_afterwards() {
    let place = Place::new(SENDS, "");
    let text = fs::read_to_string(place.path("c.toml")).unwrap();
    let around = Surroundings::of_process();
    let config = config::of_text("c.toml", text, &around, Utc::now()).unwrap();
    let (here, away) = (place.path("a.db"), place.path("away"));
    let store = Store::open(&Location::File(here.clone()), false).await.unwrap();
    let (effects, _told) = mpsc::channel(100);
    // Everything happens in the past, so that what is due is due.
    let start = Utc::now() - TimeDelta::hours(1);
    let clock = HandClock::at(start);
    let time: Arc<dyn Clock> = clock.clone();
    let handle = runtime::start_with(config.plan.clone(), store, effects, time).await.unwrap();
    handle.report_pager(Pager::Here { alone: true }).await;
    let (_keep, courier) = watch::channel(Courier::new(&config.channels));
    let actor = Actor::person("eva");
    let real = Timescale::REAL;
    let _pager = tokio::spawn(pager::run(handle.clone(), actor.clone(), courier.clone(), real));
    let _spool = tokio::spawn(spool::run(handle.clone(), actor, courier, real));

    fs::rename(&here, &away).unwrap();
    let mut world = handle.watch();
    // What is refused is not stored; that it was tried says that the store is away.
    handle.observe(observed(start)).await;
    clock.second();
    let failing = |s: &Arc<Snapshot>| matches!(s.store, StoreState::Failing { .. });
    world.wait_for(failing).await.unwrap();
    for _ in 0..15 {
        clock.second();
    }
    handle.observe(observed(start)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(handle.snapshot().unstored.is_none() && place.sent().is_empty(), "it may only be busy");
    for _ in 0..15 {
        clock.second();
    }
    handle.observe(observed(start)).await;
    wait("both pages", || place.sent().len() == 2);
    let sent = place.sent();
    assert!(sent.iter().all(|m| m["possibly_twice"] == true), "{sent:#?}");
    let is_outage = |m: &&Value| m["subject"].as_str().unwrap().starts_with("the store cannot be");
    assert_eq!(sent.iter().filter(is_outage).count(), 1, "{sent:#?}");
    // What could not be stored has no number yet that anybody may rely on.
    let other = sent.iter().find(|m| !is_outage(m)).unwrap();
    assert!(other["incident"].is_null(), "{other:#?}");
    let details = other["details"].as_str().unwrap();
    assert!(details.contains("INC-1 could not be stored: it may have another number"), "{details}");
    for _ in 0..5 {
        clock.second();
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(place.sent().len(), 2, "each once");

    fs::rename(&away, &here).unwrap();
    clock.second();
    world.wait_for(|s| s.store == StoreState::Ready && s.unstored.is_none()).await.unwrap();
    handle.observe(observed(start)).await;
    wait("the page once more", || place.sent().len() == 3);
    assert_eq!(place.sent()[2]["incident"], "INC-1");
    handle.stop().await;
    place.is_sound().await;
}

fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Something was recorded three weeks ago: of what lies before there are no reports.
async fn is_in_use(place: &Place) {
    let store = Store::open(&Location::File(place.path("a.db")), false).await.unwrap();
    let clock: Arc<dyn Clock> = HandClock::at(Utc::now() - TimeDelta::days(21));
    let (effects, _told) = mpsc::channel(100);
    let plan = Plan::empty();
    let handle = runtime::start_with(plan, store, effects, clock).await.unwrap();
    let step = report::Command::NextStep { incident: IncidentId(1), text: "look".to_owned() };
    let answers = handle.ask(Actor::person("eva"), Asked::Reports(step)).await;
    assert!(answers[0].verdict.is_done(), "{answers:?}");
    handle.stop().await;
}

#[tokio::test]
async fn a_report_that_is_due_is_issued_and_written_once_whoever_pages_and_is_killed() {
    let more = "[[reports]]\nid = \"weekly\"\nkind = \"service\"\nevery = \"week\"\n\
                to = \"out\"\nformats = [\"md\", \"json\"]\nlocale = \"es\"";
    let place = Place::new("cat >> $DIR/sent", more);
    is_in_use(&place).await;
    let folder = place.path("out");
    let list = || -> Value {
        let listed = place.command().args(["report", "list", "--json"]).output().unwrap();
        serde_json::from_slice(&listed.stdout).unwrap()
    };
    let (mut one, mut two) = (place.agent("one"), place.agent("two"));
    wait("two files", || files(&folder).len() == 2);
    wait("that they were written is known", || !list()["reports"][0]["sent"][0].is_null());
    one.kill();
    two.kill();
    let first = files(&folder);
    assert!(first[0].starts_with("weekly-") && first[0].contains(".json"), "{first:?}");
    let text = fs::read_to_string(folder.join(&first[1])).unwrap();
    assert!(text.starts_with("# Informe de servicio SR-1"), "{text}");

    let mut three = place.agent("three");
    wait("another pages", || three.said().contains("pager: this agent"));
    std::thread::sleep(Duration::from_secs(2));
    three.kill();
    let reports = list();
    assert_eq!(reports["reports"].as_array().unwrap().len(), 1, "{reports:#}");
    assert_eq!(reports["reports"][0]["revisions"], 1);
    assert_eq!(reports["reports"][0]["by"], "weekly");
    assert_eq!(files(&folder), first);
    place.is_sound().await;
}
