//! Objectives against servers with 30 days of a history whose outages are known: what comes out is
//! what happened, to a thousandth of a percentage point.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use atalaya::cli::measure::Feeder;
use atalaya::config::{Surroundings, of_text};
use atalaya::domain::health::ServiceId;
use atalaya::domain::sla::{Exclusion, NoData};
use atalaya::domain::slo::{
    BUCKET, Events, Excluded, Judge, Objective, Sli, Status, Target, Unit, Uptime, Why, Window,
    default_rules, status,
};
use atalaya::domain::time::Instant;
use atalaya::sources::history::Histories;
use atalaya::sources::settings::{Kind, Prometheus, SourceSettings};
use atalaya::store::Store;
use chrono::{DateTime, TimeDelta, Utc};

use crate::support::{self, installed, settings};

const DAY: i64 = 86_400;
/// Requests in a second, of each of three instances.
const RATE: i64 = 10;
/// How many seconds lie between two scrapes, and how far they are off the grid.
const SCRAPE: i64 = 60;
const OFF: i64 = 17;

/// What happened in 30 days and 1 hour before an instant on the grid.
struct History {
    first: i64,
    last: i64,
}

impl History {
    fn until(now: i64) -> Self {
        let last = now / BUCKET * BUCKET;
        Self { first: last - 30 * DAY - 3_600, last }
    }

    /// When every request failed: seconds before the end, and how long. None begins on the grid.
    fn outages(&self) -> Vec<(i64, i64)> {
        let ago = |before: i64, long: i64| (self.last - before, long);
        vec![
            ago(29 * DAY + 1_234, 613),
            ago(21 * DAY + 40_071, 47),
            ago(12 * DAY + 77_777, 1_801),
            ago(5 * DAY + 333, 91),
            ago(2 * DAY + 4_242, 299),
        ]
    }

    /// When nothing was scraped.
    fn blind(&self) -> (i64, i64) {
        (self.last - 8 * DAY, self.last - 8 * DAY + 7_200)
    }

    /// When the second instance was restarted: its counters begin anew.
    fn restart(&self) -> i64 {
        self.last - 17 * DAY + 95
    }

    /// When the third instance was restarted: every 20 minutes of two days, around a mark of five
    /// minutes, so that the sample before and the one after lie on both sides of it.
    fn is_restarting(&self, second: i64) -> bool {
        let day = self.last - 10 * DAY..self.last - 8 * DAY - 3_600;
        let round = (second - self.last).rem_euclid(1_200);
        let phase = [1_195, 3, 11][((second - self.last).div_euclid(1_200)).rem_euclid(3) as usize];
        day.contains(&second) && round == phase
    }

    fn is_down(&self, second: i64) -> bool {
        self.outages().iter().any(|(from, long)| (*from..from + long).contains(&second))
    }

    /// Seconds of an outage within the last 30 days.
    fn down(&self) -> i64 {
        (self.last - 30 * DAY..self.last).filter(|s| self.is_down(*s)).count() as i64
    }

    /// Counters of three instances by result, and a probe, as scrapes saw them; after each minute.
    fn scrapes(&self, mut sample: impl FnMut(&str, &str, i64, i64)) {
        let mut counters: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        let (blind_from, blind_to) = self.blind();
        for second in self.first..self.last {
            let code = if self.is_down(second) { "500" } else { "200" };
            for instance in ["a", "b", "c"] {
                let restarts = match instance {
                    "b" => second == self.restart(),
                    "c" => self.is_restarting(second),
                    _ => false,
                };
                if restarts {
                    counters.extend(["200", "500"].map(|code| ((instance, code), 0)));
                }
                *counters.entry((instance, code)).or_default() += RATE;
            }
            let is_scraped = second % SCRAPE == OFF && !(blind_from..blind_to).contains(&second);
            if is_scraped {
                for instance in ["a", "b", "c"] {
                    for code in ["200", "500"] {
                        let value = counters.get(&(instance, code)).copied().unwrap_or(0);
                        sample(instance, code, second, value);
                    }
                }
                sample("probe", "", second, i64::from(code == "200"));
            }
        }
    }

    /// As OpenMetrics: by metric, then by series, then by time.
    fn open_metrics(&self) -> String {
        let mut series: BTreeMap<String, String> = BTreeMap::new();
        self.scrapes(|instance, code, at, value| {
            let name = match instance {
                "probe" => "probe_success".to_owned(),
                _ => format!("requests_total{{instance=\"{instance}\",code=\"{code}\"}}"),
            };
            writeln!(series.entry(name.clone()).or_default(), "{name} {value} {at}").unwrap();
        });
        let (probe, counters): (Vec<_>, Vec<_>) =
            series.into_iter().partition(|(name, _)| name.starts_with("probe"));
        let mut text = "# TYPE probe_success gauge\n".to_owned();
        text.extend(probe.iter().map(|(_, lines)| lines.as_str()));
        text.push_str("# TYPE requests counter\n");
        text.extend(counters.iter().map(|(_, lines)| lines.as_str()));
        text + "# EOF\n"
    }
}

fn objective(id: &str, sli: Sli) -> Arc<Objective> {
    Arc::new(Objective {
        id: Arc::from(id),
        name: id.to_owned(),
        service: ServiceId::new("shop"),
        target: Target::parse("99.9%").unwrap(),
        window: Window::Rolling(TimeDelta::days(30)),
        sli,
        exclusion: Exclusion::Remove,
        no_data: NoData::Remove,
        rules: default_rules(),
    })
}

fn objectives() -> Vec<Arc<Objective>> {
    let source: Arc<str> = Arc::from("upstream");
    let good = || "sum(rate(requests_total{code!=\"500\"}[{{window}}]))".to_owned();
    let bad = || "sum(rate(requests_total{code=\"500\"}[{{window}}]))".to_owned();
    let total = || "sum(rate(requests_total[{{window}}]))".to_owned();
    let events = |events| Sli::Events { source: source.clone(), events };
    let ratio = format!("{} / {}", bad(), total());
    let recorded = "sum(increase(requests_total{code=\"500\"}[5m])) / \
                    sum(increase(requests_total[5m]))";
    let slices = Sli::Slices {
        source: source.clone(),
        length: TimeDelta::minutes(5),
        judge: Judge::Events {
            events: Events::Bad { bad: bad(), total: total() },
            at_least: Target::parse("99%").unwrap(),
        },
    };
    let probe = |query: &str| {
        Sli::Uptime(Uptime::Query { source: source.clone(), query: query.to_owned() })
    };
    vec![
        objective("good", events(Events::Good { good: good(), total: total() })),
        objective("bad", events(Events::Bad { bad: bad(), total: total() })),
        objective("ratio", events(Events::ErrorRatio(ratio))),
        objective("recorded", events(Events::ErrorRatio(recorded.to_owned()))),
        objective("slices", slices),
        objective("probe", probe("avg_over_time(probe_success[{{window}}])")),
        objective("several", events(Events::ErrorRatio("requests_total".to_owned()))),
        objective("wrong", events(Events::ErrorRatio("sum(".to_owned()))),
        objective("zero", events(Events::ErrorRatio("vector(0) / vector(0)".to_owned()))),
    ]
}

/// How all of them stand at the end of the history.
async fn measured(url: &str, now: Instant) -> BTreeMap<String, Status> {
    let kind = Kind::Prometheus(Prometheus {
        url: url.parse().unwrap(),
        alerts: false,
        heartbeats: Vec::new(),
        backfill: Duration::ZERO,
    });
    let mut source: SourceSettings = settings(kind, &[]);
    source.timeout = Duration::from_secs(30);
    let store = Store::memory().await.unwrap();
    let mut feeder = Feeder::new(store.clone(), Histories::of(&[source.clone()]));
    let all = objectives();
    feeder.set(&all, now).await;
    feeder.ask(now, Duration::from_mins(2)).await;
    feeder.save(now).await;
    let measured = feeder.changed();
    let stands = |m: &atalaya::engine::Measured| {
        let objective = all.iter().find(|o| o.id == m.objective).unwrap();
        let status = status(objective, &m.series, &Excluded::nothing(), &m.notes, now);
        (m.objective.to_string(), status)
    };
    let found: BTreeMap<String, Status> = measured.iter().map(stands).collect();

    // Asked again from the store: it is all there, and the same.
    let mut again = Feeder::new(store, Histories::of(&[source]));
    again.set(&all, now).await;
    let stored: BTreeMap<String, Status> = again.changed().iter().map(stands).collect();
    for id in ["good", "bad", "ratio", "slices", "probe"] {
        assert_eq!(stored[id].tally, found[id].tally, "{id}");
    }
    // Half an hour later everything is asked for as one question, and what is known does not change.
    again.ask(now, Duration::from_mins(2)).await;
    again.ask(now + TimeDelta::minutes(30), Duration::from_mins(2)).await;
    let later: BTreeMap<String, Status> = again.changed().iter().map(stands).collect();
    assert_eq!(later["good"].tally, found["good"].tally);
    found
}

/// In thousandths of a percentage point.
fn off(status: &Status, truth: f64) -> f64 {
    let tally = &status.tally;
    (tally.good as f64 / tally.total as f64 - truth).abs() * 1e5
}

/// `knows_nan`: VictoriaMetrics gives no values that are NaN.
fn check(found: &BTreeMap<String, Status>, history: &History, now: Instant, knows_nan: bool) {
    let (blind_from, blind_to) = history.blind();
    let known = 30 * DAY - (blind_to - blind_from);
    let truth = 1.0 - history.down() as f64 / known as f64;
    println!("down {} s of {known} s known: {truth:.8}", history.down());
    for (id, most) in [("good", 1.0), ("bad", 1.0), ("ratio", 1.0), ("probe", 4.0)] {
        let status = &found[id];
        println!("{id:9} off by {:.4} thousandths of a point", off(status, truth));
        assert!(off(status, truth) <= most, "{id}: {:?} {:?}", status.tally, status.why);
        assert_eq!(status.why, [], "{id}");
    }
    println!(
        "{:9} off by {:.4}, which is why counters are taken as differences",
        "recorded",
        off(&found["recorded"], truth)
    );
    assert_eq!(found["good"].budget.unit, Unit::Events);
    // A restart near a mark neither takes events away nor adds some. VictoriaMetrics' increase() has
    // what was counted while nothing was scraped, too: two hours of 30 days.
    let most = if knows_nan { 0.0005 } else { 0.003 };
    let requests = (known * 3 * RATE * 1_000_000) as f64;
    for id in ["good", "bad"] {
        let off = found[id].tally.total as f64 / requests - 1.0;
        println!("{id:9} counts {:.4} % of the requests too many", off * 100.0);
        assert!(off.abs() < most, "{id}: {off}");
    }
    // The two hours in which nothing was scraped, and the bucket around each edge.
    let coverage = found["good"].coverage_ppm();
    let missing = 30 * DAY - i64::from(coverage) * 30 * DAY / 1_000_000;
    assert!((6_600..=7_500).contains(&missing), "{missing} s are not known");
    assert_eq!(found["good"].as_of, now);
    // Slices of which more than 1 % failed: all that an outage touched.
    let bad_slices = found["slices"].tally.bad() / (300 * 1_000_000);
    let touched = (0..30 * DAY / BUCKET)
        .filter(|n| {
            let start = history.last - 30 * DAY + n * BUCKET;
            (start..start + BUCKET).filter(|s| history.is_down(*s)).count() > 3
        })
        .count() as u128;
    assert!(bad_slices.abs_diff(touched) <= 2, "{bad_slices} and not {touched}");
    for (id, why) in [("several", "6 series; aggregate them"), ("wrong", "sum(")] {
        let said = found[id].why.iter().any(|w| matches!(w, Why::Source(_)));
        let text: Vec<String> = found[id].why.iter().map(ToString::to_string).collect();
        assert!(said && (id == "wrong" || text.join(" ").contains(why)), "{id}: {text:?}");
        assert_eq!(found[id].sli_ppm(), None);
    }
    let zero: Vec<String> = found["zero"].why.iter().map(ToString::to_string).collect();
    let said = if knows_nan { "NaN, which counts as unknown" } else { "nothing is known" };
    assert!(zero.iter().any(|w| w.contains(said)), "{zero:?}");
}

#[tokio::test]
async fn prometheus_with_a_known_past_gives_the_known_availability() {
    if !installed(&["prometheus", "promtool"]) {
        return;
    }
    // Not the last hours: the server writes its own.
    let history = History::until(Utc::now().timestamp() - 4 * 3_600);
    let text = history.open_metrics();
    let server = support::prometheus_with("groups: []", &[], &[], |dir| {
        let (from, to) = (dir.join("past.txt"), dir.join("data"));
        fs::write(&from, &text).unwrap();
        let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
        support::run("promtool", &["tsdb", "create-blocks-from", "openmetrics", "-q", from, to]);
    });
    let now = DateTime::from_timestamp(history.last, 0).unwrap();
    // What is asked for at the end of a bucket is asked for a little later.
    let found = measured(&server.url, now + TimeDelta::seconds(20)).await;
    check(&found, &history, now, true);
}

#[tokio::test]
async fn victoriametrics_with_a_known_past_gives_the_known_availability() {
    if !installed(&["victoria-metrics"]) {
        return;
    }
    let history = History::until(Utc::now().timestamp() - 4 * 3_600);
    let server = support::start("victoria-metrics", "", "/health", |port, _| {
        vec![
            format!("-httpListenAddr=127.0.0.1:{port}"),
            "-storageDataPath=data".to_owned(),
            "-retentionPeriod=3".to_owned(),
            "-loggerLevel=ERROR".to_owned(),
        ]
    });
    let mut lines = String::new();
    history.scrapes(|instance, code, at, value| {
        let name = match instance {
            "probe" => "probe_success".to_owned(),
            _ => format!("requests_total{{instance=\"{instance}\",code=\"{code}\"}}"),
        };
        writeln!(lines, "{name} {value} {at}000").unwrap();
    });
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let import = format!("{}/api/v1/import/prometheus", server.url);
    client.post(import).body(lines).send().await.unwrap().error_for_status().unwrap();
    let reset = format!("{}/internal/force_flush", server.url);
    client.get(reset).send().await.unwrap().error_for_status().unwrap();
    let now = DateTime::from_timestamp(history.last, 0).unwrap();
    let found = measured(&server.url, now + TimeDelta::seconds(20)).await;
    check(&found, &history, now, false);
}

/// As Sloth and Pyrra generate them, evaluated each minute.
const RECORDED: &str = r#"
groups:
- name: sloth-slo-sli-recordings-shop-requests
  interval: 1m
  rules:
  - record: slo:sli_error:ratio_rate5m
    expr: |
      (sum(rate(requests_total{code="500"}[5m])))
      /
      (sum(rate(requests_total[5m])))
    labels: {sloth_id: shop-requests, sloth_service: shop, sloth_slo: requests, sloth_window: 5m}
- name: shop-requests
  interval: 1m
  rules:
  - record: requests:burnrate5m
    expr: sum(rate(requests_total{code="500"}[5m])) / sum(rate(requests_total[5m]))
    labels: {slo: shop-requests}
"#;

const USES_RECORDED: &str = r#"
[[sources]]
name = "upstream"
kind = "prometheus"
url = "{url}"
timeout = "30s"
[[services]]
id = "shop"
[[slos]]
id = "sloth"
service = "shop"
target = "99.9%"
window = "30d"
method = "events"
source = "upstream"
error_ratio = 'slo:sli_error:ratio_rate5m{sloth_id="shop-requests"}'
[[slos]]
id = "pyrra"
service = "shop"
target = "99.9%"
window = "30d"
method = "events"
source = "upstream"
error_ratio = 'requests:burnrate5m{slo="shop-requests"}'
[[slos]]
id = "sloth-averaged"
service = "shop"
target = "99.9%"
window = "30d"
method = "events"
source = "upstream"
error_ratio = 'avg_over_time(slo:sli_error:ratio_rate5m{sloth_id="shop-requests"}[{{window}}])'
[[slos]]
id = "pyrra-averaged"
service = "shop"
target = "99.9%"
window = "30d"
method = "events"
source = "upstream"
error_ratio = 'avg_over_time(requests:burnrate5m{slo="shop-requests"}[{{window}}])'
[[slos]]
id = "too-long"
service = "shop"
target = "99.9%"
window = "30d"
method = "events"
source = "upstream"
error_ratio = 'sum(requests:increase30d{code="500"}) / sum(requests:increase30d)'
"#;

#[tokio::test]
async fn what_sloth_and_pyrra_record_gives_the_known_availability() {
    if !installed(&["prometheus", "promtool"]) {
        return;
    }
    let history = History::until(Utc::now().timestamp() - 4 * 3_600);
    let text = history.open_metrics();
    let raw = |dir: &Path| {
        let (from, to) = (dir.join("past.txt"), dir.join("data"));
        fs::write(&from, &text).unwrap();
        let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
        support::run("promtool", &["tsdb", "create-blocks-from", "openmetrics", "-q", from, to]);
    };
    // A server evaluates the rules over the past, another one has what they recorded.
    let first = support::prometheus_with("groups: []", &[], &[], raw);
    let recorded = tempfile::tempdir().unwrap();
    let (rules, out) = (recorded.path().join("rules.yml"), recorded.path().join("data"));
    fs::write(&rules, RECORDED).unwrap();
    let (start, end) = (history.first.to_string(), history.last.to_string());
    let (rules, out) = (rules.to_str().unwrap(), out.to_str().unwrap());
    support::run(
        "promtool",
        &[
            "tsdb",
            "create-blocks-from",
            "rules",
            "--start",
            &start,
            "--end",
            &end,
            "--url",
            &first.url,
            "--output-dir",
            out,
            rules,
        ],
    );
    drop(first);
    let server = support::prometheus_with(RECORDED, &[], &[], |dir| {
        support::run("cp", &["-r", out, dir.to_str().unwrap()]);
    });
    let text = USES_RECORDED.replace("{url}", &server.url);
    let around = Surroundings::of_process();
    let now = DateTime::from_timestamp(history.last, 0).unwrap();
    let config = of_text("recorded.toml", text, &around, now).unwrap_or_else(|e| panic!("{e}"));
    let said: Vec<_> = config.warnings.0.iter().map(|w| &w.message).collect();
    assert!(said[0].contains("requests:increase30d looks back over 30d"), "{said:?}");
    let all = &config.plan.objectives;
    let store = Store::memory().await.unwrap();
    let mut feeder = Feeder::new(store, Histories::of(&config.sources));
    feeder.set(all, now + TimeDelta::seconds(20)).await;
    feeder.ask(now + TimeDelta::seconds(20), Duration::from_mins(2)).await;
    let found = feeder.changed();
    let (blind_from, blind_to) = history.blind();
    let known = 30 * DAY - (blind_to - blind_from);
    let truth = 1.0 - history.down() as f64 / known as f64;
    // What is recorded at the end of a bucket has not seen what lies between two samples.
    for (objective, most) in all.iter().zip([4.0, 4.0, 2.0, 2.0]) {
        let m = found.iter().find(|m| m.objective == objective.id).unwrap();
        let status = status(objective, &m.series, &Excluded::nothing(), &m.notes, now);
        println!(
            "{:15} off by {:.4} thousandths of a point, coverage {}",
            objective.id,
            off(&status, truth),
            status.coverage_ppm()
        );
        assert!(off(&status, truth) <= most, "{}: {:?}", objective.id, status.tally);
        assert_eq!(status.budget.unit, Unit::Seconds, "how many events there were is not known");
    }
}
