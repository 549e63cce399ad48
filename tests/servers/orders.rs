//! Orders and acknowledgements against the real servers: one try at a time, and by consoles and
//! commands.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use assert_cmd::Command;
use atalaya::domain::calendar::mirror::Owner;
use atalaya::domain::incident::event::Opening;
use atalaya::domain::incident::{
    Actor, AlertFact, Event, EventBody, Incident, IncidentId, Priority, lifecycle,
};
use atalaya::domain::matcher::{Labels, Matchers};
use atalaya::domain::observation::{AlertStatus, Fact, Observation};
use atalaya::domain::outbox::Standing;
use atalaya::domain::time::Instant;
use atalaya::domain::upstream::acks::acknowledged;
use atalaya::domain::upstream::silence::Listed;
use atalaya::domain::upstream::{Call, Ended, Order, OrderId, Ordered, SilenceState};
use atalaya::sources::http_client::Clients;
use atalaya::sources::mirror::{About, Mirror, Pass, World};
use atalaya::sources::orders::Clerk;
use atalaya::sources::settings::{Alertmanager, Kind, SourceSettings};
use chrono::{DateTime, TimeDelta, Utc};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Console, Start};
use crate::support::{Server, alertmanager, free_port, installed, run, settings, source, until};

fn cluster(members: &[&Server]) -> SourceSettings {
    let kind = Kind::Alertmanager(Alertmanager {
        urls: members.iter().map(|m| m.url.parse().unwrap()).collect(),
        filter: Vec::new(),
        heartbeats: Vec::new(),
        origins: Vec::new(),
        mirror: None,
        acknowledge: Some(Owner::new("acme noc", "").of_acknowledgements()),
    });
    SourceSettings { timeout: Duration::from_secs(5), ..settings(kind, &[]) }
}

/// An order of ana's as it is when its try has begun.
pub fn order(n: u64, attempts: u32, call: Call) -> Order {
    let what = Ordered {
        id: OrderId(n),
        source: "upstream".into(),
        incident: Some(IncidentId(7)),
        author: "ana".to_owned(),
        call,
    };
    let at = DateTime::from_timestamp(Utc::now().timestamp() / 3_600 * 3_600, 0).unwrap();
    let (by, session) = ("ana".to_owned(), String::new());
    let standing = Standing::Trying { until: at };
    Order { what, at, by, session, attempts, standing, made: None, failed: Vec::new() }
}

fn silence(matchers: &str, until: Instant) -> Call {
    let matchers = Matchers::parse(matchers).unwrap();
    Call::Silence { matchers, until, comment: "INC-7: disk full".to_owned() }
}

fn made(ended: &Ended) -> String {
    match ended {
        Ended::Done { made: Some(id), .. } => id.clone(),
        other => panic!("{other:?}"),
    }
}

/// What amtool shows that is not over.
fn shown(server: &Server) -> Vec<Value> {
    let query = ["silence", "query", "-o", "json"];
    let said = run("amtool", &[&["--alertmanager.url", &server.url], &query[..]].concat());
    serde_json::from_str(&said).unwrap()
}

fn text<'a>(silence: &'a Value, key: &str) -> &'a str {
    silence[key].as_str().unwrap()
}

fn end_of(silence: &Value) -> Instant {
    text(silence, "endsAt").parse().unwrap()
}

fn listed(seen: &Observation) -> Listed {
    let listed = seen.facts.iter().find_map(|f| match f {
        Fact::Silences(listed) => Some(listed.clone()),
        _ => None,
    });
    listed.unwrap_or_else(|| panic!("{seen:?}"))
}

fn alert(server: &Server, labels: &[&str]) {
    let add = ["--alertmanager.url", &server.url, "alert", "add"];
    run("amtool", &[&add[..], labels].concat());
}

#[tokio::test]
async fn a_silence_is_made_once_extended_and_expired_in_a_cluster_and_seen_with_what_it_matches() {
    if !installed(&["prometheus-alertmanager", "amtool"]) {
        return;
    }
    let gossip = free_port();
    let mut one = alertmanager(gossip, None);
    let two = alertmanager(free_port(), Some(gossip));
    for n in ["1", "2"] {
        alert(&two, &["Down", "service=checkout", &format!("instance={n}")]);
    }
    let settings = cluster(&[&one, &two]);
    let clerk = Clerk::new(std::slice::from_ref(&settings));
    let end = DateTime::from_timestamp(Utc::now().timestamp() + 7_200, 0).unwrap();
    let call = silence(r#"service="checkout",instance=~"1|2""#, end);
    let id = made(&clerk.carry_out(&order(1, 1, call.clone())).await);
    let there = until("it in the other member", async || shown(&two).pop()).await;
    assert_eq!((text(&there, "id"), text(&there, "createdBy")), (id.as_str(), "ana"));
    assert!(text(&there, "comment").starts_with("INC-7: disk full [atalaya-order-1-"), "{there}");

    // Nobody knows what came of the try before: it finds its own, be it on another member.
    one.kill();
    let again = clerk.carry_out(&order(1, 2, call)).await;
    assert_eq!((made(&again), shown(&two).len()), (id.clone(), 1));
    one.restart();
    until("it in the first again", async || shown(&one).pop()).await;

    let mut source = source(&settings, false);
    let seen = until("two alerts that are silenced", async || {
        let seen = source.poll(Utc::now()).await.ok()?;
        let listed = listed(&seen);
        (listed.silences.first()?.matches == Some(2)).then_some(listed)
    })
    .await;
    let [known] = &seen.silences[..] else { panic!("{seen:?}") };
    assert_eq!((known.state, known.matches, known.ends_at), (SilenceState::Active, Some(2), end));
    assert_eq!(known.matchers, r#"instance=~"1|2",service="checkout""#);

    let later = end + TimeDelta::hours(1);
    let extend = Call::Extend { silence: id.clone(), until: later };
    let id = made(&clerk.carry_out(&order(2, 1, extend)).await);
    until("the new end", async || (end_of(shown(&two).first()?) == later).then_some(())).await;
    let expire = Call::Expire { silence: id.clone() };
    let ended = clerk.carry_out(&order(3, 1, expire.clone())).await;
    assert_eq!(made(&ended), id);
    until("none", async || shown(&two).is_empty().then_some(())).await;
    let again = clerk.carry_out(&order(3, 2, expire)).await;
    assert!(
        matches!(&again, Ended::Done { said, .. } if said == "it was over already"),
        "{again:?}"
    );
    let extend = Call::Extend { silence: id, until: later };
    let ended = clerk.carry_out(&order(4, 1, extend)).await;
    assert!(matches!(&ended, Ended::Failed { is_final: true, .. }), "{ended:?}");
}

/// An incident of `upstream` that ana has, with these alerts.
pub fn taken(alerts: &[&str], until: Option<Instant>) -> Incident {
    let now = Utc::now();
    let opening = Opening {
        key: "k".to_owned(),
        title: "disk full".to_owned(),
        service: None,
        source: "upstream".into(),
        category: String::new(),
        impact: 1,
        urgency: 1,
        priority: Priority(1),
        labels: Labels::new(),
        annotations: Labels::new(),
        started_at: now,
        earlier: None,
        recurrence: 1,
    };
    let actor = Actor::person("ana");
    let event =
        |body| Event { position: 1, at: now, actor: actor.clone(), incident: IncidentId(7), body };
    let opened = event(EventBody::Opened(Box::new(opening)));
    let mut incident = lifecycle::fold(None, &opened).unwrap();
    for text in alerts {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        let alert = AlertFact {
            labels: pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            annotations: Labels::new(),
            since: now,
            status: AlertStatus::Active,
            cleared_at: None,
            generator_url: None,
        };
        let fingerprint = (*text).to_owned();
        let fired = EventBody::AlertFired { fingerprint, alert: Box::new(alert) };
        lifecycle::apply(&mut incident, &event(fired));
    }
    lifecycle::apply(&mut incident, &event(EventBody::Acknowledged { until, handover: None }));
    incident
}

/// One pass while these are acknowledged, at a time from now on.
pub async fn pass(mirror: &Mirror, incidents: &[&Incident], after: TimeDelta) -> Pass {
    let held = acknowledged(&Arc::from("upstream"), incidents.iter().copied());
    let now = Utc::now() + after;
    mirror.pass(World { due: &[], services: &[], acknowledged: &held, now }).await
}

#[tokio::test]
async fn what_somebody_has_is_silenced_for_a_short_while_renewed_and_expired_with_it() {
    if !installed(&["prometheus-alertmanager", "amtool"]) {
        return;
    }
    let server = alertmanager(free_port(), None);
    for service in ["checkout", "search"] {
        alert(&server, &["Down", &format!("service={service}")]);
    }
    let settings = cluster(&[&server]);
    let mirror = Mirror::of(&settings, About::Acknowledgements, &Clients::default()).unwrap();
    let mine = taken(&["alertname=Down,service=checkout"], None);

    let first = pass(&mirror, &[&mine], TimeDelta::zero()).await;
    assert_eq!(first, Pass { busy: true, changed: 1, ..Pass::default() });
    let [short] = &shown(&server)[..] else { panic!() };
    let left = end_of(short) - Utc::now();
    assert!(left > TimeDelta::minutes(9) && left <= TimeDelta::minutes(15), "{left}");
    let comment = text(short, "comment");
    assert!(comment.starts_with("atalaya-ack acme%20noc@811c9dc5 INC-7: acknowledged by ana"));

    // It counts as active here, and what others silenced does not.
    let add = ["--alertmanager.url", &server.url, "silence", "add", "-a", "luis", "-c", "mine"];
    run("amtool", &[&add[..], &["service=search"]].concat());
    let mut source = source(&settings, false);
    let seen = until("both silenced", async || {
        let seen = source.poll(Utc::now()).await.ok()?;
        let all_match = listed(&seen).silences.iter().all(|s| s.matches == Some(1));
        all_match.then_some(seen)
    })
    .await;
    let Some(Fact::Alerts(set)) = seen.facts.first() else { panic!("{seen:?}") };
    let status = |service: &str| {
        let of = |l: &Labels| l.get("service").map(String::as_str) == Some(service);
        set.alerts.iter().find(|a| of(&a.labels)).unwrap().status.clone()
    };
    assert_eq!(status("checkout"), AlertStatus::Active);
    assert!(matches!(status("search"), AlertStatus::Silenced { .. }));

    // Renewed when a step has passed, not each time.
    let later = pass(&mirror, &[&mine], TimeDelta::minutes(6)).await;
    assert_eq!(later, Pass { busy: true, changed: 1, ..Pass::default() });
    let ours = |server: &Server| -> Vec<Value> {
        shown(server).into_iter().filter(|s| s["createdBy"] == "atalaya").collect()
    };
    let [renewed] = &ours(&server)[..] else { panic!() };
    assert!(end_of(renewed) > end_of(short));

    // Taken back, by undo or by itself: a console that knows nothing of before expires it.
    let mirror = Mirror::of(&settings, About::Acknowledgements, &Clients::default()).unwrap();
    let over = pass(&mirror, &[], TimeDelta::zero()).await;
    assert_eq!(over, Pass { busy: true, changed: 1, ..Pass::default() });
    assert_eq!((ours(&server).len(), shown(&server).len()), (0, 1));
    assert_eq!(pass(&mirror, &[], TimeDelta::zero()).await, Pass::default());
}

/// A home of ana with this Alertmanager.
fn home(url: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/atalaya");
    fs::create_dir_all(&folder).unwrap();
    let config = format!(
        r#"
        [site]
        name = "acme noc"
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
        acknowledge = true
        "#
    );
    fs::write(folder.join("config.toml"), config).unwrap();
    home
}

fn atalaya(home: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atalaya"));
    let output = command.env_clear().env("HOME", home).args(arguments).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), said)
}

fn open(home: &Path) -> Console {
    let mut console = Console::with(&Start { home: Some(home), ..Start::default() });
    console.resize(120, 35);
    console.wait_until_open();
    console
}

fn found(home: &Path, query: &str) -> usize {
    let (_, said) = atalaya(home, &["incidents", "--json", query]);
    let document: Value = serde_json::from_str(&said).unwrap();
    document["incidents"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_is_kept_there_by_whichever_console_runs_and_goes_with_undo() {
    if !installed(&["prometheus-alertmanager", "amtool"]) {
        return;
    }
    let server = alertmanager(free_port(), None);
    let home = home(&server.url);
    let home = home.path();
    let mut console = open(home);
    alert(&server, &["Down", "service=checkout", "severity=critical"]);
    until("the incident", async || (found(home, "state:new") == 1).then_some(())).await;
    assert_eq!(shown(&server), Vec::<Value>::new());

    assert_eq!(atalaya(home, &["incident", "ack", "INC-1"]).0, 0);
    let kept = until("the silence", async || shown(&server).pop()).await;
    assert!(text(&kept, "comment").contains(" INC-1: acknowledged by ana"), "{kept}");
    // A poll or two see it silenced: here it is what somebody has, not what somebody muted.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((found(home, "is:silenced"), found(home, "state:acknowledged")), (0, 1));

    // A console that was killed left it behind; the next one knows it and takes it back.
    console.signal(Signal::KILL);
    console.wait_for_end();
    assert_eq!(atalaya(home, &["incident", "unack", "INC-1"]).0, 0);
    assert_eq!(shown(&server).len(), 1);
    let mut console = open(home);
    until("no silence", async || shown(&server).is_empty().then_some(())).await;

    // By key, and taken back by key.
    console.send("2");
    console.wait_for("Down");
    console.send("a");
    until("the silence again", async || shown(&server).pop()).await;
    console.send("u");
    until("undone", async || shown(&server).is_empty().then_some(())).await;

    // A server that is away is told when it is back.
    let mut server = server;
    server.kill();
    console.send("a");
    // Among the messages: on the screen the next one may follow at once.
    console.send("M");
    console.wait_for("acknowledgements are not made known");
    server.restart();
    until("told after all", async || shown(&server).pop()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silences_are_made_listed_extended_and_expired_by_command_and_by_key() {
    if !installed(&["prometheus-alertmanager", "amtool"]) {
        return;
    }
    let mut server = alertmanager(free_port(), None);
    let home = home(&server.url);
    let home = home.path();
    for n in ["1", "2"] {
        alert(&server, &["Down", "service=checkout", &format!("instance={n}")]);
    }
    let mut console = open(home);
    until("the incident", async || (found(home, "state:new") > 0).then_some(())).await;

    let add = ["silence", "add", "--incident", "INC-1", "--for", "90m"];
    let (code, said) = atalaya(home, &[&add[..], &["--preview"]].concat());
    assert_eq!((code, shown(&server).len()), (0, 0), "{said}");
    assert!(said.contains("INC-1  "), "{said}");
    let (code, said) = atalaya(home, &add);
    assert_eq!(code, 0, "{said}");
    let [made] = &shown(&server)[..] else { panic!() };
    assert!(text(made, "comment").starts_with("INC-1: "), "{made}");
    let id = text(made, "id").to_owned();
    until("the incident to be silenced", async || (found(home, "is:silenced") > 0).then_some(()))
        .await;

    let (code, said) = atalaya(home, &["silences"]);
    assert!(code == 0 && said.contains(&id[..8]) && said.contains("1h 2"), "{said}");
    let (code, said) = atalaya(home, &["silence", "extend", &id[..8], "--for", "1h"]);
    assert_eq!(code, 0, "{said}");
    let left = end_of(&shown(&server)[0]) - Utc::now();
    assert!(left > TimeDelta::minutes(140), "{left}");
    let (code, said) = atalaya(home, &["silence", "expire", &id, "nothing", "--json"]);
    assert_eq!((code, shown(&server).len()), (1, 0), "{said}");
    let document: Value = serde_json::from_str(&said).unwrap();
    let outcome = |n: usize| document["outcomes"][n]["outcome"].as_str().unwrap();
    assert_eq!((outcome(0), outcome(1)), ("done", "refused"), "{said}");

    // By key; what the server cannot take now is stored, and done when it is back.
    server.kill();
    console.send("2gg");
    console.wait_for("Down");
    console.send("m");
    console.wait_for("Silence INC-");
    console.send("\r\r\r");
    console.wait_for("order failed");
    console.signal(Signal::KILL);
    console.wait_for_end();
    server.restart();
    let _console = open(home);
    let made = until("one silence", async || shown(&server).pop()).await;
    assert_eq!((shown(&server).len(), text(&made, "createdBy")), (1, "ana"));
    let (_, said) = atalaya(home, &["incident", "show", "INC-1"]);
    assert!(said.contains("order failed") || said.contains("ordered"), "{said}");
}
