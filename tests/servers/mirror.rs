//! Maintenance made known to a real Alertmanager: by a console with its calendar, and pass by pass.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use assert_cmd::Command;
use atalaya::domain::calendar::lifecycle::{apply, judge};
use atalaya::domain::calendar::mirror::{Owner, due};
use atalaya::domain::calendar::{
    Action, By, Calendar, ChangeType, ClosureCode, Command as Change, Event, Key, Kind as What,
    Length, Window, WindowId,
};
use atalaya::domain::health::{Service, ServiceId};
use atalaya::domain::incident::Actor;
use atalaya::domain::matcher::Matchers;
use atalaya::domain::roster::Roster;
use atalaya::domain::time::{Instant, Recurrence};
use atalaya::sources::http_client::Clients;
use atalaya::sources::mirror::{About, Mirror, Pass, World};
use atalaya::sources::settings::{Alertmanager, Kind, SourceSettings};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::harness::{Console, Start};
use crate::support::{Server, alertmanager, free_port, installed, run, settings, until};

/// The site of these tests.
pub const SITE: &str = "acme noc";

/// A standard change on `checkout` that began ten minutes ago and takes two hours.
pub struct Work {
    pub calendar: Calendar,
    key: Key,
    position: u64,
}

impl Work {
    pub fn began() -> Self {
        let start = whole_minute() - TimeDelta::minutes(10);
        let once = Recurrence::once(start, Tz::UTC);
        let mut window = Window::new("WIN-3", What::Update, once, Length::hours(2));
        window.summary = "Patch kernels".into();
        window.change = Some("CHG-7".into());
        window.change_type = ChangeType::Standard;
        window.scope.services = vec![ServiceId::new("checkout")];
        let mut calendar = Calendar::default();
        calendar.set_plan(&[Arc::new(window)], Utc::now() - TimeDelta::days(1));
        let key = Key::new(&WindowId::new("WIN-3"), start);
        Self { calendar, key, position: 0 }
    }

    pub fn act(&mut self, action: Action) {
        let (actor, roster, now) = (Actor::person("ana"), Roster::default(), Utc::now());
        let undo_window = TimeDelta::seconds(30);
        let by = By { actor: &actor, person: None, roster: &roster, undo_window };
        let command = Change::Act { key: self.key.clone(), action };
        for body in judge(&self.calendar, &command, &by, now).unwrap_or_else(|e| panic!("{e}")) {
            self.position += 1;
            let event = Event { position: self.position, at: now, actor: actor.clone(), body };
            apply(&mut self.calendar, &event);
        }
    }

    pub fn extend(&mut self) {
        self.act(Action::Extend { by: TimeDelta::minutes(30) });
    }

    pub fn finish(&mut self) {
        self.act(Action::Finish { code: ClosureCode::Successful, note: String::new() });
    }

    /// When it ends as planned.
    pub fn end(&self) -> Instant {
        self.calendar.occurrence(&self.key, Utc::now()).unwrap().planned.to
    }
}

fn whole_minute() -> NaiveDateTime {
    let now = Utc::now().naive_utc();
    now.with_second(0).and_then(|t| t.with_nanosecond(0)).unwrap()
}

/// One pass over what is due now.
pub async fn pass(mirror: &Mirror, calendar: &Calendar, services: &[Arc<Service>]) -> Pass {
    let now = Utc::now();
    mirror.pass(World { due: &due(calendar, now), services, acknowledged: &[], now }).await
}

/// Two texts of matchers, by which alerts belong to `checkout`.
fn services() -> Vec<Arc<Service>> {
    let mut checkout = Service::new("checkout");
    let texts = [r#"service="checkout""#, r#"job=~"checkout-.*",env!="test""#];
    checkout.matchers = texts.iter().map(|m| Matchers::parse(m).unwrap()).collect();
    vec![Arc::new(checkout)]
}

fn mirror(members: &[&Server]) -> Mirror {
    let kind = Kind::Alertmanager(Alertmanager {
        urls: members.iter().map(|m| m.url.parse().unwrap()).collect(),
        filter: Vec::new(),
        heartbeats: Vec::new(),
        origins: Vec::new(),
        mirror: Some(Owner::new(SITE, "")),
        acknowledge: None,
    });
    let settings = SourceSettings { timeout: Duration::from_secs(5), ..settings(kind, &[]) };
    Mirror::of(&settings, About::Maintenance, &Clients::default()).unwrap()
}

/// The silences that amtool shows, those that are over left out, by who made them.
fn silences(server: &Server, by: &str) -> Vec<Value> {
    let query = ["silence", "query", "-o", "json"];
    let said = run("amtool", &[&["--alertmanager.url", &server.url], &query[..]].concat());
    let all: Vec<Value> = serde_json::from_str(&said).unwrap();
    all.into_iter().filter(|s| s["createdBy"] == by).collect()
}

fn silence(server: &Server, by: &str, comment: &str, matchers: &[&str]) {
    let add = ["silence", "add", "-a", by, "-c", comment, "-d", "1h"];
    run("amtool", &[&["--alertmanager.url", &server.url], &add[..], matchers].concat());
}

fn end_of(silence: &Value) -> DateTime<Utc> {
    silence["endsAt"].as_str().unwrap().parse().unwrap()
}

fn matches(silence: &Value) -> Vec<String> {
    let one =
        |m: &Value| format!("{} {}", m["name"].as_str().unwrap(), m["value"].as_str().unwrap());
    let mut all: Vec<_> = silence["matchers"].as_array().unwrap().iter().map(one).collect();
    all.sort();
    all
}

#[tokio::test]
async fn passes_make_extend_and_end_silences_in_a_cluster_and_leave_those_of_others() {
    if !installed(&["prometheus-alertmanager", "amtool"]) {
        return;
    }
    let gossip = free_port();
    let mut one = alertmanager(gossip, None);
    let two = alertmanager(free_port(), Some(gossip));
    silence(&one, "ana", "mine", &["service=checkout"]);
    silence(
        &one,
        "atalaya",
        "atalaya acme%20noc@00000000 WIN-3 20261128T220000: theirs",
        &["service=checkout"],
    );
    let (mirror, services, mut work) = (mirror(&[&one, &two]), services(), Work::began());

    let first = pass(&mirror, &work.calendar, &services).await;
    assert_eq!(first, Pass { busy: true, changed: 2, ..Pass::default() });
    let again = pass(&mirror, &work.calendar, &services).await;
    assert_eq!(again, Pass { busy: true, ..Pass::default() });
    let ours = |server: &Server| {
        let tagged =
            |s: &Value| s["comment"].as_str().unwrap().starts_with("atalaya acme%20noc@811c9dc5 ");
        let mut ours = silences(server, "atalaya");
        ours.retain(tagged);
        ours.sort_by_key(matches);
        ours
    };
    let made = until("both in the other member", async || {
        let made = ours(&two);
        (made.len() == 2).then_some(made)
    })
    .await;
    assert_eq!(matches(&made[0]), ["env test", "job checkout-.*"]);
    assert_eq!(made[0]["matchers"].as_array().unwrap().len(), 2);
    assert_eq!(matches(&made[1]), ["service checkout"]);
    assert!(made.iter().all(|s| end_of(s) == work.end() && s["status"]["state"] == "active"));
    let comment = made[0]["comment"].as_str().unwrap();
    assert!(comment.ends_with(": Patch kernels (CHG-7)"), "{comment}");

    // Another console made the same: one goes.
    silence(&one, "atalaya", comment, &["service=checkout"]);
    let pass_with_two = pass(&mirror, &work.calendar, &services).await;
    assert_eq!(pass_with_two, Pass { busy: true, changed: 1, ..Pass::default() });

    work.act(Action::Start);
    work.extend();
    let longer = pass(&mirror, &work.calendar, &services).await;
    assert_eq!(longer, Pass { busy: true, changed: 2, ..Pass::default() });
    let made = ours(&one);
    assert_eq!(made.len(), 2, "{made:?}");
    assert!(made.iter().all(|s| end_of(s) == work.end()), "{made:?}");
    until("the new ends in the other member", async || {
        ours(&two).iter().all(|s| end_of(s) == work.end()).then_some(())
    })
    .await;

    // It is over while one member is down; the console knows nothing of before.
    one.kill();
    work.finish();
    let mirror = self::mirror(&[&one, &two]);
    let over = pass(&mirror, &work.calendar, &services).await;
    assert_eq!(over, Pass { busy: true, changed: 2, ..Pass::default() });
    assert_eq!(ours(&two), Vec::<Value>::new());
    let idle = pass(&mirror, &work.calendar, &services).await;
    assert_eq!(idle, Pass::default());
    assert_eq!((silences(&two, "ana").len(), silences(&two, "atalaya").len()), (1, 1));

    drop(two);
    let blind = pass(&mirror, &work.calendar, &services).await;
    assert!(blind.busy && blind.changed == 0, "{blind:?}");
    let [trouble] = &blind.troubles[..] else { panic!("{blind:?}") };
    let expect = "maintenance is not mirrored: no member of the cluster answers";
    assert!(trouble.starts_with(expect), "{trouble}");
}

/// A home of ana with this Alertmanager and what else the config says.
fn home(url: &str, more: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/atalaya");
    fs::create_dir_all(&folder).unwrap();
    let config = format!(
        r#"
        [site]
        name = "{SITE}"
        timezone = "UTC"
        [operator]
        name = "ana"
        [notify]
        desktop = false
        terminal = false
        [[sources]]
        name = "am"
        kind = "alertmanager"
        url = "{url}"
        interval = "1s"
        timeout = "3s"
        mirror = true
        [[services]]
        id = "checkout"
        match = ['service="checkout"']
        {more}
        "#
    );
    fs::write(folder.join("config.toml"), config).unwrap();
    home
}

fn atalaya(home: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atalaya"));
    let output = command.env_clear().env("HOME", home).args(arguments).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

fn found(home: &Path, query: &str) -> usize {
    let said = atalaya(home, &["incidents", "--json", query]);
    let document: Value = serde_json::from_str(&said).unwrap();
    document["incidents"].as_array().unwrap().len()
}

fn open(home: &Path) -> Console {
    let mut console = Console::with(&Start { home: Some(home), ..Start::default() });
    console.resize(120, 35);
    console.wait_until_open();
    console
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_in_force_is_a_silence_that_follows_it_and_goes_with_it() {
    if !installed(&["prometheus-alertmanager", "amtool"]) {
        return;
    }
    let server = alertmanager(free_port(), None);
    silence(&server, "ana", "mine", &["service=checkout", "alertname=Other"]);
    let home = home(&server.url, "");
    let home = home.path();
    let mut console = open(home);

    let start = whole_minute() + TimeDelta::minutes(5);
    let at = start.format("%Y-%m-%d %H:%M").to_string();
    let what = ["--kind", "update", "--summary", "Patch kernels", "--service", "checkout"];
    let when = ["--start", &at, "--duration", "1h"];
    atalaya(home, &[&["calendar", "add"], &what[..], &when].concat());
    atalaya(home, &["calendar", "approve", "WIN-1"]);
    let pending =
        until("a silence ahead of its time", async || silences(&server, "atalaya").pop()).await;
    assert_eq!(pending["status"]["state"], "pending");
    let begins: DateTime<Utc> = pending["startsAt"].as_str().unwrap().parse().unwrap();
    let hour = TimeDelta::hours(1);
    assert_eq!((begins, end_of(&pending)), (start.and_utc(), start.and_utc() + hour));

    atalaya(home, &["calendar", "start", "WIN-1"]);
    let active = until("the silence in force", async || {
        let all = silences(&server, "atalaya");
        all.into_iter().find(|s| s["status"]["state"] == "active")
    })
    .await;
    assert_eq!(matches(&active), ["service checkout"]);

    // What fires is in maintenance here, and not only muted there.
    run("amtool", &["--alertmanager.url", &server.url, "alert", "add", "Down", "service=checkout"]);
    until("the incident", async || (found(home, "is:maintenance") == 1).then_some(())).await;
    assert_eq!(found(home, "is:silenced"), 0);

    atalaya(home, &["calendar", "extend", "WIN-1", "--by", "30m"]);
    let end = start.and_utc() + hour + TimeDelta::minutes(30);
    let longer = until("the new end", async || {
        silences(&server, "atalaya").into_iter().find(|s| end_of(s) == end)
    })
    .await;
    assert_eq!(longer["id"], active["id"]);

    // A console that was killed left it behind; the next one knows it.
    console.signal(Signal::KILL);
    console.wait_for_end();
    atalaya(home, &["calendar", "finish", "WIN-1", "--code", "successful"]);
    assert_eq!(silences(&server, "atalaya").len(), 1);
    let _console = open(home);
    until("no silence", async || silences(&server, "atalaya").is_empty().then_some(())).await;
    assert_eq!(silences(&server, "ana").len(), 1);
    until("no maintenance", async || (found(home, "is:maintenance") == 0).then_some(())).await;
    assert_eq!((found(home, "state:new"), found(home, "is:silenced")), (1, 0));
}

/// A standard change that began ten minutes ago, as the config has it.
fn in_force() -> String {
    let start = whole_minute() - TimeDelta::minutes(10);
    format!(
        r#"
        [[windows]]
        id = "patch"
        kind = "update"
        summary = "Patch"
        services = ["checkout"]
        start = "{}"
        duration = "1h"
        change = {{ type = "standard" }}
        "#,
        start.format("%Y-%m-%d %H:%M")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_still_fires_at_the_end_is_told_although_it_was_silenced_until_then() {
    if !installed(&["prometheus-alertmanager", "amtool"]) {
        return;
    }
    let server = alertmanager(free_port(), None);
    let home = home(&server.url, &in_force());
    let home = home.path();
    let console = open(home);
    until("the silence", async || silences(&server, "atalaya").pop()).await;
    let labels = ["Down", "service=checkout", "severity=critical"];
    run("amtool", &[&["--alertmanager.url", &server.url, "alert", "add"], &labels[..]].concat());
    until("the incident", async || (found(home, "is:maintenance") == 1).then_some(())).await;
    // A poll or two see it silenced.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!console.text().contains("open after maintenance"), "{}", console.text());
    atalaya(home, &["calendar", "finish", "patch", "--code", "successful"]);
    console.wait_for("open after maintenance");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_only_reads_makes_no_silence() {
    if !installed(&["prometheus-alertmanager", "amtool"]) {
        return;
    }
    let server = alertmanager(free_port(), None);
    let home = home(&server.url, &in_force());
    let home = home.path();
    // The store is there already.
    drop(atalaya(home, &["incident", "report", "--title", "the lift is stuck"]));
    let script = format!("{} --read-only", env!("CARGO_BIN_EXE_atalaya"));
    let reading = Start { home: Some(home), shell: Some(&script), ..Start::default() };
    let mut console = Console::with(&reading);
    console.resize(120, 35);
    console.wait_for("sources 1/1");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(silences(&server, "atalaya"), Vec::<Value>::new());
    console.send("q");
    console.wait_for_end();
    let _console = open(home);
    until("the silence", async || silences(&server, "atalaya").pop()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_is_told_of_with_the_remedy_and_stands_with_its_source() {
    let server = MockServer::start().await;
    let answers = [
        ("GET", "/api/v2/alerts", ResponseTemplate::new(200).set_body_json(json!([]))),
        ("GET", "/api/v2/silences", ResponseTemplate::new(200).set_body_json(json!([]))),
        ("GET", "/api/v2/status", ResponseTemplate::new(404)),
        ("POST", "/api/v2/silences", ResponseTemplate::new(403).set_body_json("read only")),
    ];
    for (method, path, answer) in answers {
        let mock = Mock::given(matchers::method(method)).and(matchers::path(path));
        mock.respond_with(answer).mount(&server).await;
    }
    let home = home(&server.uri(), &in_force());
    let mut console = open(home.path());
    console.wait_for("am: mirror of patch:");
    console.send("i");
    console.wait_for("warning");
    let text = console.text();
    let words: Vec<&str> = text.split_whitespace().filter(|w| *w != "│").collect();
    let said = words.join(" ");
    assert!(said.contains("does not allow this (403: read only)"), "{text}");
    assert!(said.contains("the right to write"), "{text}");
}
