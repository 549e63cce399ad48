//! `atalaya init` against a real Prometheus and Alertmanager: what they know becomes a config that
//! `atalaya check` accepts against the same servers.

use std::process::Output;

use assert_cmd::Command;
use atalaya::config::{Surroundings, load};
use atalaya::domain::health::Direction;
use atalaya::sources::settings::Kind;
use tempfile::TempDir;

use crate::support::{alertmanager, free_port, installed, prometheus, until};

const RULES: &str = r"
groups:
- name: test
  rules:
  - {alert: Watchdog, expr: vector(1)}
  - {alert: JobDown, expr: up == 0, for: 1m, labels: {severity: critical}}
  - {alert: ManyHeads, expr: prometheus_tsdb_head_series > 1000, labels: {severity: warning}}
  - {alert: TooManyHeads, expr: prometheus_tsdb_head_series > 2 * 1e6, labels: {severity: critical}}
  - {alert: TwoThings, expr: up == 1 and prometheus_tsdb_head_series > 5}
  - {alert: NobodysData, expr: no_such_metric > 1}
";

fn atalaya(home: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atalaya"));
    command.env_clear().env("HOME", home.path()).args(arguments);
    command.output().unwrap()
}

#[tokio::test]
async fn init_writes_what_the_servers_know_and_check_accepts_it() {
    if !installed(&["prometheus", "prometheus-alertmanager"]) {
        return;
    }
    let am = alertmanager(free_port(), None);
    let prom = prometheus(RULES, &[am.port], &[]);
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.toml");
    let target = file.to_str().unwrap();
    let line = [
        "init",
        "--prometheus",
        &prom.url,
        "--alertmanager",
        &am.url,
        "--output",
        target,
        "--force",
    ];
    let said = until("a first scrape", async || {
        let output = atalaya(&home, &line);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        said.contains("1 service, 2 signals").then_some(said)
    })
    .await;
    assert!(said.contains("alert TwoThings: no threshold: it joins several conditions"), "{said}");
    assert!(said.contains("alert NobodysData: no threshold: it gives no series now"), "{said}");

    let around = Surroundings { config: Some(file.clone()), ..Surroundings::of_process() };
    let config = load(&around, chrono::Utc::now()).unwrap();
    let [service] = config.plan.services.as_slice() else { panic!("{:?}", config.plan.services) };
    assert_eq!(service.id.as_str(), "self");
    let [up, heads] = service.signals.as_slice() else { panic!("{:?}", service.signals) };
    assert_eq!((up.thresholds.crit, up.thresholds.direction), (Some(0.5), Direction::Below));
    assert_eq!(up.thresholds.hold.num_seconds(), 60);
    assert_eq!(heads.query, "prometheus_tsdb_head_series{job=\"self\"}");
    assert_eq!((heads.thresholds.warn, heads.thresholds.crit), (Some(1000.0), Some(2e6)));
    let heartbeats = config.sources.iter().map(|s| match &s.kind {
        Kind::Alertmanager(a) => a.heartbeats.len(),
        Kind::Prometheus(p) => usize::from(p.alerts),
        other => panic!("{other:?}"),
    });
    assert_eq!(heartbeats.sum::<usize>(), 1, "the Alertmanager's alone");

    assert!(!said.contains("no service claims them"), "the heartbeat needs no service: {said}");

    let check = until("check is content", async || {
        let check = atalaya(&home, &["--config", target, "check"]);
        check.status.success().then(|| String::from_utf8(check.stdout).unwrap())
    })
    .await;
    assert!(!check.contains("Unassigned"), "the heartbeat opens no incident: {check}");
    let health = atalaya(&home, &["--config", target, "health", "--json"]);
    assert_eq!(health.status.code(), Some(0), "{health:?}");
}

#[tokio::test]
async fn a_service_that_no_rule_watches_is_critical_when_its_target_is_down() {
    if !installed(&["prometheus", "prometheus-alertmanager"]) {
        return;
    }
    let mut target = alertmanager(free_port(), None);
    let prom = prometheus("groups: []", &[], &[target.port]);
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.toml");
    let path = file.to_str().unwrap();
    until("both jobs are scraped", async || {
        let line = ["init", "--prometheus", &prom.url, "--output", path, "--force"];
        let said = String::from_utf8(atalaya(&home, &line).stdout).unwrap();
        said.contains("2 services, 2 signals").then_some(())
    })
    .await;
    let health = || atalaya(&home, &["--config", path, "health"]);
    until("all is well", async || (health().status.code() == Some(0)).then_some(())).await;
    target.kill();
    let said = until("the job is down", async || {
        let health = health();
        (health.status.code() == Some(2)).then(|| String::from_utf8(health.stdout).unwrap())
    })
    .await;
    assert!(said.lines().any(|l| l.contains("others") && l.contains("up")), "{said}");
}

#[tokio::test]
async fn a_prometheus_alone_points_at_its_alertmanager() {
    if !installed(&["prometheus", "prometheus-alertmanager"]) {
        return;
    }
    let am = alertmanager(free_port(), None);
    let prom = prometheus(RULES, &[am.port], &[]);
    let home = TempDir::new().unwrap();
    let said = until("the Alertmanager is found", async || {
        let output = atalaya(&home, &["init", "--prometheus", &prom.url, "--stdout"]);
        let said = String::from_utf8(output.stderr).unwrap();
        said.contains("--alertmanager").then_some(said)
    })
    .await;
    assert!(said.contains(&format!("--alertmanager {}", am.url)), "{said}");
}

#[test]
fn a_server_that_is_not_there_is_exit_3_and_nothing_is_written() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("config.toml");
    let address = format!("127.0.0.1:{}", free_port());
    let url = format!("http://{address}");
    let output =
        atalaya(&home, &["init", "--prometheus", &url, "--output", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains(&address));
    assert!(!file.exists());
}
