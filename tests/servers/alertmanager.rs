//! The `alertmanager` source against a cluster of two of Debian's, fed by a Prometheus.

use atalaya::domain::matcher::Matchers;
use atalaya::domain::observation::{Alert, AlertSet, AlertStatus, Fact, Observation};
use atalaya::sources::Source;
use atalaya::sources::settings::{Alertmanager, Kind};
use chrono::Utc;

use crate::support::{
    Server, alertmanager, free_port, installed, prometheus, run, settings, source, until,
};

const RULES: &str = r#"
groups:
- name: test
  rules:
  - {alert: Watchdog, expr: vector(1)}
  - {alert: Cause, expr: vector(1), annotations: {summary: "bad \u001b[2Jnews"}}
  - {alert: Effect, expr: vector(1)}
  - {alert: Disk, expr: vector(1), labels: {severity: warning}}
"#;

/// Two members, and a Prometheus that tells both.
struct World {
    one: Server,
    two: Server,
    prometheus: Server,
}

fn world() -> Option<World> {
    if !installed(&["prometheus", "prometheus-alertmanager", "amtool"]) {
        return None;
    }
    let gossip = free_port();
    let one = alertmanager(gossip, None);
    let two = alertmanager(free_port(), Some(gossip));
    let prometheus = prometheus(RULES, &[one.port, two.port], &[]);
    Some(World { one, two, prometheus })
}

fn cluster(world: &World, filter: &[&str]) -> Box<dyn Source> {
    let kind = Kind::Alertmanager(Alertmanager {
        urls: vec![world.one.url.parse().unwrap(), world.two.url.parse().unwrap()],
        filter: filter.iter().map(|f| (*f).to_owned()).collect(),
        heartbeats: vec![Matchers::parse("alertname=\"Watchdog\",dc=\"one\"").unwrap()],
        origins: vec!["prom".into()],
        mirror: None,
        acknowledge: None,
    });
    source(&settings(kind, &[]), false)
}

fn alerts(observation: &Observation) -> &AlertSet {
    match &observation.facts[..] {
        [Fact::Alerts(set), Fact::Silences(_)] => set,
        other => panic!("{other:?}"),
    }
}

fn named<'a>(set: &'a AlertSet, name: &str) -> Option<&'a Alert> {
    set.alerts.iter().find(|a| a.labels.get("alertname").is_some_and(|n| n == name))
}

#[tokio::test]
async fn a_cluster_is_one_source_that_knows_what_is_silenced_and_inhibited() {
    let Some(world) = world() else { return };
    let mut source = cluster(&world, &[]);
    let seen = until("four alerts, one inhibited", async || {
        let seen = source.poll(Utc::now()).await.unwrap();
        let set = alerts(&seen);
        let inhibited = named(set, "Effect")?.status != AlertStatus::Active;
        (set.alerts.len() == 4 && inhibited).then_some(seen)
    })
    .await;
    assert!(seen.server.starts_with("Alertmanager 0."), "{}", seen.server);
    assert!(seen.warnings.is_empty(), "{:?}", seen.warnings);
    let set = alerts(&seen);
    assert!(set.complete && !set.authoritative);
    assert_eq!(set.origins, ["prom".into()]);
    let cause = named(set, "Cause").unwrap();
    assert_eq!(cause.annotations.get("summary").unwrap(), "bad news");
    assert_eq!(cause.labels.get("dc").unwrap(), "one");
    let by = vec![cause.fingerprint.clone()];
    assert_eq!(named(set, "Effect").unwrap().status, AlertStatus::Inhibited { by });

    let silence = ["silence", "add", "-a", "me", "-c", "why", "-d", "1h", "alertname=Disk"];
    let id = run("amtool", &[&["--alertmanager.url", &world.one.url], &silence[..]].concat());
    let by = vec![id.trim().to_owned()];
    until("the silence in both members", async || {
        let seen = source.poll(Utc::now()).await.unwrap();
        let status = named(alerts(&seen), "Disk").unwrap().status.clone();
        (status == AlertStatus::Silenced { by: by.clone() }).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_heartbeat_is_renewed_by_a_living_prometheus_and_stops_with_it() {
    let Some(mut world) = world() else { return };
    // The filter leaves the heartbeat out; it is looked for all the same.
    let mut source = cluster(&world, &["severity=\"warning\""]);
    let first = until("the heartbeat", async || {
        let seen = source.poll(Utc::now()).await.unwrap();
        let set = alerts(&seen);
        (set.alerts.len() == 1).then_some(set.heartbeats[0].renewed_at?)
    })
    .await;
    until("a renewal", async || {
        let seen = source.poll(Utc::now()).await.unwrap();
        let pulse = &alerts(&seen).heartbeats[0];
        assert_eq!(pulse.scope.get("dc").unwrap(), "one");
        assert!(!pulse.scope.contains_key("alertname"));
        (pulse.firing && pulse.renewed_at > Some(first)).then_some(())
    })
    .await;

    world.prometheus.kill();
    let killed = Utc::now();
    until("the alerts to lapse", async || {
        let seen = source.poll(Utc::now()).await.unwrap();
        let set = alerts(&seen);
        let pulse = &set.heartbeats[0];
        // Never does a dead Prometheus look as if it had renewed anything.
        assert!(pulse.renewed_at.is_none_or(|at| at <= killed), "{pulse:?}");
        assert_eq!(pulse.firing, pulse.renewed_at.is_some());
        (set.alerts.is_empty() && !pulse.firing).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_member_down_is_a_warning_and_all_down_is_a_failure() {
    let Some(mut world) = world() else { return };
    run("amtool", &["--alertmanager.url", &world.one.url, "alert", "add", "OnlyOne", "a=b"]);
    let mut source = cluster(&world, &[]);
    until("five alerts of both members", async || {
        let seen = source.poll(Utc::now()).await.unwrap();
        (alerts(&seen).alerts.len() == 5).then_some(())
    })
    .await;
    world.two.kill();
    let seen = source.poll(Utc::now()).await.unwrap();
    assert!(alerts(&seen).complete);
    assert_eq!(alerts(&seen).alerts.len(), 5);
    let [warning] = &seen.warnings[..] else { panic!("{:?}", seen.warnings) };
    assert!(warning.contains(&world.two.url) && warning.contains("refuses"), "{warning}");

    world.one.kill();
    let error = source.poll(Utc::now()).await.unwrap_err().to_string();
    for port in [world.one.port, world.two.port] {
        assert!(error.contains(&port.to_string()), "{error}");
    }
}
