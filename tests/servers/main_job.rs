//! What the console is for, with nothing made up between the service and the screen: the real
//! binary in a terminal, a Prometheus that scrapes a service, two clustered Alertmanagers.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use chrono::{DateTime, Utc};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::harness::{Console, Start};
use crate::support::{Server, alertmanager, free_port, installed, prometheus, run, until};

/// Longer than monitoring takes to notice anything here, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

const RULES: &str = r"
groups:
- name: test
  rules:
  - {alert: Watchdog, expr: vector(1)}
  - alert: CheckoutDown
    expr: service_up == 0
    labels: {severity: critical, service: checkout}
    annotations: {summary: checkout refuses orders}
";

/// A service with metrics, and who watches it.
struct World {
    well: Arc<AtomicBool>,
    _service: MockServer,
    prometheus: Server,
    members: [Server; 2],
}

impl World {
    async fn start() -> Option<Self> {
        if !installed(&["prometheus", "prometheus-alertmanager", "amtool"]) {
            return None;
        }
        let (service, well) = (MockServer::start().await, Arc::new(AtomicBool::new(true)));
        let is_well = Arc::clone(&well);
        let metrics = move |_: &wiremock::Request| {
            let up = u8::from(is_well.load(Ordering::Relaxed));
            ResponseTemplate::new(200).set_body_raw(format!("service_up {up}\n"), "text/plain")
        };
        let mock = Mock::given(matchers::path("/metrics")).respond_with(metrics);
        mock.mount(&service).await;
        let gossip = free_port();
        let members = [alertmanager(gossip, None), alertmanager(free_port(), Some(gossip))];
        let told = [members[0].port, members[1].port];
        let prometheus = prometheus(RULES, &told, &[service.address().port()]);
        // A Prometheus takes some seconds to find whom to scrape and whom to tell.
        until("the heartbeat", async || {
            let query = ["alert", "query", "--output=simple", "alertname=Watchdog"];
            let told = members.iter().all(|member| {
                let found =
                    run("amtool", &[&["--alertmanager.url", &member.url], &query[..]].concat());
                found.contains("Watchdog")
            });
            told.then_some(())
        })
        .await;
        Some(Self { well, _service: service, prometheus, members })
    }

    fn set_well(&self, well: bool) {
        self.well.store(well, Ordering::Relaxed);
    }

    /// A home whose config watches this world.
    fn home(&self) -> TempDir {
        let [one, two] = &self.members;
        home(&format!(
            r#"
            [incidents]
            resolve_after = "2s"
            heartbeat_grace = "10s"
            [[sources]]
            name = "prom"
            kind = "prometheus"
            url = "{}"
            interval = "1s"
            timeout = "3s"
            [[sources]]
            name = "am"
            kind = "alertmanager"
            urls = ["{}", "{}"]
            interval = "1s"
            timeout = "3s"
            heartbeat = ['alertname="Watchdog"']
            origins = ["prom"]
            [[services]]
            id = "checkout"
            tier = 1
            match = ['service="checkout"']
            [[services.signals]]
            name = "up"
            source = "prom"
            query = "service_up"
            crit = 0.5
            direction = "below"
            "#,
            self.prometheus.url, one.url, two.url
        ))
    }
}

/// A home with this config, in which ana works.
fn home(config: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/atalaya");
    fs::create_dir_all(&folder).unwrap();
    let common = "[operator]\nname = \"ana\"\n[notify]\ndesktop = false\nterminal = false\n";
    fs::write(folder.join("config.toml"), format!("{common}{config}")).unwrap();
    home
}

/// The console on its queue.
fn open(home: &Path) -> Console {
    let mut console = Console::with(&Start { home: Some(home), ..Start::default() });
    console.resize(120, 35);
    console.wait_until_open();
    console.send("2");
    console
}

/// Waits until all of this is on the screen at once, and gives the time that it took.
fn shows(console: &Console, parts: &[&str]) -> Duration {
    let begun = Instant::now();
    loop {
        let text = console.text();
        if parts.iter().all(|part| text.contains(part)) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {parts:?} on\n{text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The line of the screen on which this stands.
fn line(console: &Console, part: &str) -> String {
    let text = console.text();
    let line = text.lines().find(|line| line.contains(part));
    line.unwrap_or_else(|| panic!("no {part:?} on\n{text}")).to_owned()
}

/// The colour in which this is written.
fn colour(console: &Console, part: &str) -> vt100::Color {
    let seen = console.seen();
    let screen = seen.parser.screen();
    let (rows, columns) = screen.size();
    let mut lines = screen.rows(0, columns.into()).zip(0..rows.into());
    let found = lines.find_map(|(line, row)| {
        let at = line.find(part)?;
        let column = line[..at].chars().count() as u16;
        Some(screen.cell(row, column)?.fgcolor())
    });
    found.unwrap_or_else(|| panic!("no {part:?} on\n{}", screen.contents()))
}

/// A command beside the console: its exit code, and what it said in both ways.
fn atalaya(home: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atalaya"));
    let output = command.env_clear().env("HOME", home).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// The stored incidents that a query finds.
fn stored(home: &Path, query: &str) -> Vec<Value> {
    let (code, said) = atalaya(home, &["incidents", "--json", query]);
    assert_eq!(code, 0, "{said}");
    let document: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    document["incidents"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_seen_acknowledged_for_good_and_resolves_once_it_is_proven_over() {
    let Some(world) = World::start().await else { return };
    let home = world.home();
    let home = home.path();
    let mut console = open(home);
    shows(&console, &["sources 2/2", "P1 0"]);

    world.set_well(false);
    shows(&console, &["INC-1", "P1 1", "new", "checkout refuses orders"]);

    console.send("a");
    shows(&console, &["INC-1 acknowledged"]);
    let row = line(&console, "P1  INC-1");
    assert!(row.contains(" ack ") && row.contains(" ana "), "{row}");
    console.signal(Signal::KILL);
    console.wait_for_end();

    let [incident] = &stored(home, "state:ack")[..] else { panic!("not one is acknowledged") };
    assert_eq!(incident["id"], "INC-1");
    assert_eq!(incident["assignee"], "ana");
    assert_eq!((&incident["service"], &incident["priority"]), (&"checkout".into(), &1.into()));
    assert_eq!((&incident["source"], &incident["firing"]), (&"am".into(), &1.into()));

    let console = open(home);
    shows(&console, &["sources 2/2", "P1  INC-1", " ack "]);
    let row = line(&console, "P1  INC-1");
    assert!(row.contains(" ack ") && row.contains(" ana "), "{row}");

    world.set_well(true);
    shows(&console, &["P1 0"]);
    let all = stored(home, "state:resolved");
    let [incident] = &all[..] else { panic!("{all:?}") };
    assert_eq!((&incident["id"], &incident["firing"]), (&"INC-1".into(), &0.into()));
    assert_eq!(incident["unverified_since"], Value::Null);
    let (_, said) = atalaya(home, &["audit", "--json"]);
    let audit: Value = serde_json::from_str(&said).unwrap();
    let steps: Vec<_> = audit["events"].as_array().unwrap().iter().collect();
    let steps: Vec<(&str, &str)> = steps
        .iter()
        .map(|e| (e["kind"].as_str().unwrap(), e["actor"]["name"].as_str().unwrap()))
        .collect();
    let expect = [
        ("opened", "am"),
        ("alert_fired", "am"),
        ("acknowledged", "ana"),
        ("alert_cleared", "am"),
        ("resolved", "atalaya"),
    ];
    assert_eq!(steps, expect);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_prometheus_behind_a_living_alertmanager_resolves_nothing_and_is_blindness() {
    let Some(mut world) = World::start().await else { return };
    world.set_well(false);
    let home = world.home();
    let home = home.path();
    let console = open(home);
    shows(&console, &["sources 2/2", "P1 1", "P1  INC-1"]);

    let text = console.text();
    assert!(!text.contains("BLIND") && !text.contains("INC-2"), "{text}");
    let green = colour(&console, "2/2");
    let killed = Utc::now();
    world.prometheus.kill();
    // The Alertmanagers answer, with nothing in the answer.
    shows(&console, &["sources 1/2", "✖ prom", "◌ unverified"]);
    assert_ne!(colour(&console, "1/2"), green);
    shows(&console, &["BLIND am", "P1 2", "INC-2", "monitoring is blind"]);
    let row = line(&console, "P1  INC-1");
    assert!(row.contains(" new ") && row.contains("unverified"), "{row}");

    let open = stored(home, "state:new");
    let [first, second] = &open[..] else { panic!("{open:?}") };
    assert_eq!((&first["id"], &first["firing"]), (&"INC-1".into(), &1.into()));
    assert!(first["unverified_since"].is_string(), "{first}");
    assert_eq!((&second["id"], &second["source"]), (&"INC-2".into(), &"atalaya".into()));
    // Blind since it was last seen alive: the heartbeat outlives its Prometheus by its lease.
    let began: DateTime<Utc> = second["started_at"].as_str().unwrap().parse().unwrap();
    let outlived = (began - killed).num_seconds();
    assert!((-2..=10).contains(&outlived), "{outlived} s");
}

#[test]
fn two_people_at_one_store_see_each_other_and_only_one_gets_it() {
    let home = home("");
    let home = home.path();
    let bobs = home.join("bob.toml");
    fs::write(&bobs, "[operator]\nname = \"bob\"\n").unwrap();
    let bob = |arguments: &[&str]| {
        atalaya(home, &[&["--config", bobs.to_str().unwrap()], arguments].concat())
    };
    let (code, said) = bob(&["incident", "report", "--title", "the lift is stuck"]);
    assert_eq!((code, said.as_str()), (0, "INC-1\n"));
    let mut console = open(home);
    shows(&console, &["INC-1", " new ", "the lift is stuck"]);

    let (code, said) = bob(&["incident", "ack", "INC-1"]);
    assert_eq!(code, 0, "{said}");
    let took = shows(&console, &[" ack ", " bob "]);
    assert!(took < Duration::from_secs(5), "{took:?}");

    console.send("a");
    shows(&console, &["INC-1 is acknowledged by bob; assign it to take it over"]);
    let (code, said) = bob(&["incident", "ack", "INC-1"]);
    assert_eq!((code, said.as_str()), (0, "INC-1  done  INC-1 is already yours\n"));
    let (code, said) = atalaya(home, &["incident", "ack", "INC-1"]);
    assert_eq!(code, 1, "{said}");
    assert_eq!(said, "INC-1  refused  INC-1 is acknowledged by bob; assign it to take it over\n");

    // The console cannot follow; what its person sees is old when the key arrives.
    console.signal(Signal::STOP);
    let (code, said) = bob(&["incident", "resolve", "INC-1"]);
    assert_eq!(code, 0, "{said}");
    console.send("a");
    console.signal(Signal::CONT);
    shows(&console, &["INC-1 was resolved by bob at"]);
    let all = stored(home, "state:resolved");
    assert_eq!(all.len(), 1, "{all:?}");
}

#[test]
fn a_source_that_is_down_is_never_green() {
    let port = free_port();
    let home = home(&format!(
        r#"
        [[sources]]
        name = "prom"
        kind = "prometheus"
        url = "http://127.0.0.1:{port}"
        interval = "1s"
        timeout = "3s"
        [[services]]
        id = "checkout"
        [[services.signals]]
        name = "up"
        source = "prom"
        query = "service_up"
        crit = 0.5
        direction = "below"
        "#
    ));
    let home = home.path();
    let console = open(home);
    shows(&console, &["sources 0/1", "✖ prom never"]);
    let (code, said) = atalaya(home, &["health"]);
    assert!(code == 3 && said.contains("unknown"), "{said}");
    let (code, said) = atalaya(home, &["sources"]);
    assert!(code == 3 && said.contains("failing"), "{said}");
}
