//! The `prometheus` source against Debian's Prometheus and node-exporter.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use atalaya::domain::matcher::Matchers;
use atalaya::domain::observation::{AlertSet, Fact, Observation, Series};
use atalaya::domain::time::Stretch;
use atalaya::sources::settings::{Kind, Prometheus, SourceSettings};
use atalaya::sources::supervisor::Supervisor;
use chrono::{TimeDelta, Utc};

use crate::support::{self, installed, prometheus, settings, source, until};

const RULES: &str = r#"
groups:
- name: test
  rules:
  - {alert: Watchdog, expr: vector(1), labels: {severity: none}}
  - alert: SelfUp
    expr: up{job="self"} == 1
    labels: {severity: "warn\u001b[31ming"}
    annotations: {summary: "title \u001b]0;owned\u0007 and \u202Ebidi"}
  - {alert: Waiting, expr: vector(1), for: 1h}
"#;

fn kind(url: &str) -> Prometheus {
    Prometheus {
        url: url.parse().unwrap(),
        alerts: false,
        heartbeats: Vec::new(),
        backfill: Duration::ZERO,
    }
}

fn asking(url: &str, queries: &[&str]) -> SourceSettings {
    settings(Kind::Prometheus(kind(url)), queries)
}

fn value(observation: &Observation, query: &str) -> Option<f64> {
    observation.facts.iter().find_map(|fact| match fact {
        Fact::Signals(readings) => readings.iter().find(|r| &*r.signal == query).map(|r| r.value),
        _ => None,
    })
}

fn raised(observation: &Observation) -> Option<&AlertSet> {
    observation.facts.iter().find_map(|fact| match fact {
        Fact::Alerts(set) => Some(set),
        _ => None,
    })
}

#[tokio::test]
async fn instant_values_come_with_a_warning_for_each_query_that_gives_none() {
    if !installed(&["prometheus", "prometheus-node-exporter"]) {
        return;
    }
    let node = support::start("prometheus-node-exporter", "", "/metrics", |port, _| {
        vec![format!("--web.listen-address=127.0.0.1:{port}"), "--log.level=error".to_owned()]
    });
    let server = prometheus("groups: []", &[], &[node.port]);
    let queries = [
        "up{job=\"self\"}",
        "node_load1",
        "scalar(vector(42.5))",
        "1/0",
        "0/0",
        "1e-7",
        "vector(1) == 2",
        "sum(",
        "up{job=\"self\"} + on (no_such_label) group_left () up",
        "up",
        "\"words\"",
        "up[1m]",
    ];
    let mut source = source(&asking(&server.url, &queries), false);
    let seen = until("a scrape of both targets", async || {
        let seen = source.poll(Utc::now()).await.unwrap();
        let scraped =
            value(&seen, "node_load1").is_some() && value(&seen, "up{job=\"self\"}").is_some();
        scraped.then_some(seen)
    })
    .await;

    assert!(seen.server.starts_with("Prometheus "), "{}", seen.server);
    assert_eq!(value(&seen, "up{job=\"self\"}"), Some(1.0));
    assert!(value(&seen, "node_load1").unwrap() >= 0.0);
    assert_eq!(value(&seen, "scalar(vector(42.5))"), Some(42.5));
    assert_eq!(value(&seen, "1/0"), Some(f64::INFINITY));
    assert!(value(&seen, "0/0").unwrap().is_nan());
    assert_eq!(value(&seen, "1e-7"), Some(1e-7));
    let Some(Fact::Signals(readings)) = seen.facts.first() else { panic!("{seen:?}") };
    assert!(readings.iter().all(|r| (Utc::now() - r.at).num_seconds().abs() < 30));

    for (query, why) in [
        ("vector(1) == 2", "finds nothing"),
        ("sum(", "unclosed left parenthesis"),
        ("up{job=\"self\"} + on (no_such_label)", "many-to-many"),
        ("up of", "gives 2 series"),
        ("\"words\"", "gives a string"),
        ("up[1m]", "gives a matrix"),
    ] {
        let said = seen.warnings.iter().any(|w| w.starts_with(query) && w.contains(why));
        assert!(said, "{query}: {:#?}", seen.warnings);
    }
    assert_eq!(seen.warnings.len(), 6, "{:#?}", seen.warnings);
}

/// A server that knows the number of the minute, for six hours until ten minutes ago.
fn server_with_a_past(now: i64) -> support::Server {
    let first = now - 6 * 3_600;
    let mut text = "# TYPE past gauge\n".to_owned();
    for minute in 0..350 {
        writeln!(text, "past {minute} {}", first + minute * 60).unwrap();
    }
    text.push_str("# EOF\n");
    support::prometheus_with("groups: []", &[], &[], |dir| {
        let (from, to) = (dir.join("past.txt"), dir.join("data"));
        fs::write(&from, &text).unwrap();
        let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
        support::run("promtool", &["tsdb", "create-blocks-from", "openmetrics", "-q", from, to]);
    })
}

#[tokio::test]
async fn a_chart_gets_its_range_without_a_poll_and_a_wrong_query_its_reason() {
    if !installed(&["prometheus", "promtool"]) {
        return;
    }
    let now = Utc::now();
    let server = server_with_a_past(now.timestamp());
    let (reports, _told) = tokio::sync::mpsc::channel(64);
    let mut supervisor = Supervisor::new(reports);
    let histories = supervisor.histories();
    let step = TimeDelta::minutes(144);
    let month = Stretch { from: now - step * 300, to: now, step };
    let ask = async |query| histories.past("upstream", query, month).await;
    assert_eq!(ask("past").await, Ok(None), "nothing is known of it yet");

    supervisor.set(vec![asking(&server.url, &[])]).await;
    let points = ask("past").await.unwrap().unwrap();
    assert!((2..=3).contains(&points.len()), "{points:?}");
    let (last, first) = (now.timestamp(), now.timestamp() - 6 * 3_600);
    for (at, value) in points {
        assert_eq!((last - at.timestamp()) % step.num_seconds(), 0, "{at}");
        assert_eq!(value, ((at.timestamp() - first) / 60).min(349) as f64, "{at}");
    }
    let refused = ask("sum(").await.unwrap_err();
    assert!(refused.to_string().contains("unclosed left parenthesis"), "{refused}");
    supervisor.set(Vec::new()).await;
    assert_eq!(ask("past").await, Ok(None), "it is gone");
}

#[tokio::test]
async fn the_first_poll_fills_the_history_from_range_queries() {
    if !installed(&["prometheus", "promtool"]) {
        return;
    }
    let now = Utc::now().timestamp();
    let first = now - 6 * 3_600;
    let server = server_with_a_past(now);
    let mut settings = asking(&server.url, &["past", "max_over_time(past[6h])", "sum("]);
    settings.interval = Duration::from_mins(1);
    if let Kind::Prometheus(prometheus) = &mut settings.kind {
        prometheus.backfill = Duration::from_hours(6);
    }
    let mut source = source(&settings, false);
    let seen = source.poll(Utc::now()).await.unwrap();

    let history: Vec<&Series> = seen
        .facts
        .iter()
        .filter_map(|f| if let Fact::Backfill(series) = f { Some(series) } else { None })
        .flatten()
        .collect();
    assert_eq!(history.len(), 2, "{:#?}", seen.warnings);
    let past = history.iter().find(|s| &*s.signal == "past").unwrap();
    assert!((345..=360).contains(&past.points.len()), "{}", past.points.len());
    for (at, value) in &past.points {
        // Each point is the newest sample before it; the last one stays for five minutes.
        let minute = ((at.timestamp() - first) / 60).min(349);
        assert_eq!(*value, minute as f64, "{at}");
    }
    assert_eq!(value(&seen, "max_over_time(past[6h])"), Some(349.0));

    let again = source.poll(Utc::now()).await.unwrap();
    assert!(!again.facts.iter().any(|f| matches!(f, Fact::Backfill(_))));
}

#[tokio::test]
async fn firing_alerts_are_the_servers_own_judgement_and_pending_ones_are_not_firing() {
    if !installed(&["prometheus"]) {
        return;
    }
    let server = prometheus(RULES, &[], &[]);
    let settings = settings(
        Kind::Prometheus(Prometheus {
            alerts: true,
            heartbeats: vec![
                Matchers::parse("alertname=\"Watchdog\",severity=\"none\"").unwrap(),
                Matchers::parse("alertname=\"NoSuchAlert\"").unwrap(),
            ],
            ..kind(&server.url)
        }),
        &[],
    );
    let mut source = source(&settings, false);
    let set = until("two firing alerts", async || {
        let seen = source.poll(Utc::now()).await.unwrap();
        raised(&seen).filter(|set| set.alerts.len() == 2).cloned()
    })
    .await;

    assert!(set.complete && set.authoritative);
    let up = set.alerts.iter().find(|a| a.labels.get("alertname").unwrap() == "SelfUp").unwrap();
    assert_eq!(up.labels.get("severity").unwrap(), "warning");
    assert_eq!(up.annotations.get("summary").unwrap(), "title  and bidi");
    assert!((Utc::now() - up.starts_at).num_seconds() < 60);
    assert_eq!(up.fingerprint.len(), 16);
    assert!(up.generator_url.as_ref().unwrap().ends_with("/prom/alerts"));
    let [watchdog, missing] = &set.heartbeats[..] else { panic!("{:?}", set.heartbeats) };
    assert!(watchdog.firing && watchdog.renewed_at.is_some());
    assert_eq!(watchdog.scope.get("severity").unwrap(), "none");
    assert!(!missing.firing && missing.renewed_at.is_none());
}

#[tokio::test]
async fn the_alerts_of_an_origin_are_evidence() {
    if !installed(&["prometheus"]) {
        return;
    }
    let server = prometheus(RULES, &[], &[]);
    let mut source = source(&asking(&server.url, &[]), true);
    until("evidence", async || {
        let seen = source.poll(Utc::now()).await.unwrap();
        assert_eq!(raised(&seen), None);
        seen.facts.iter().find_map(|f| match f {
            Fact::Evidence(set) => Some(set.alerts.len()).filter(|n| *n == 2),
            _ => None,
        })
    })
    .await;
}

#[tokio::test]
async fn a_wrong_path_and_a_dead_server_say_what_to_do() {
    if !installed(&["prometheus"]) {
        return;
    }
    let mut server = prometheus("groups: []", &[], &[]);
    let wrong = server.url.replace("/prom", "/elsewhere");
    let error = source(&asking(&wrong, &["up"]), false).poll(Utc::now()).await.unwrap_err();
    assert!(error.to_string().contains("/elsewhere/api/v1"), "{error}");
    assert!(error.to_string().contains("check the url"), "{error}");

    let mut source = source(&asking(&server.url, &["up"]), false);
    source.poll(Utc::now()).await.unwrap();
    server.kill();
    let error = source.poll(Utc::now()).await.unwrap_err();
    assert!(error.to_string().contains("refuses connections"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_says_since_when_it_evaluates_and_what_is_pending() {
    const HELD: &str = r"
groups:
- name: test
  rules:
  - {alert: Held, expr: vector(1), for: 3s}
";
    if !installed(&["prometheus"]) {
        return;
    }
    let mut server = prometheus(HELD, &[], &[]);
    let mut source = source(&asking(&server.url, &[]), true);
    let mut set = async || {
        let observation = source.poll(Utc::now()).await.ok()?;
        observation.facts.into_iter().find_map(|fact| match fact {
            Fact::Evidence(set) => Some(set),
            _ => None,
        })
    };
    let fired = until("it fires", async || set().await.filter(|s| !s.alerts.is_empty())).await;
    assert!(fired.pending.is_empty());
    let before = Utc::now();
    assert!(fired.evaluating_since.is_some_and(|since| since <= before));
    server.restart();
    let again =
        until("it is pending", async || set().await.filter(|s| !s.pending.is_empty())).await;
    assert!(again.alerts.is_empty(), "it waits its three seconds again");
    assert_eq!(again.pending[0].labels["alertname"], "Held");
    assert!(again.evaluating_since.is_some_and(|since| since >= before));
}
