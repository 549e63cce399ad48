//! From what Prometheus and Alertmanager know to a service plan: services from labels, signals and
//! thresholds from alert rules, heartbeats from the alert that always fires. Plain functions; what
//! cannot be carried over is listed with the reason.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::promql::{self, Comparison, Op};
use crate::domain::health::{Dimension, Direction};
use crate::domain::matcher::Labels;
use crate::domain::text::clean;

/// More services than this make no plan that a person keeps.
const MAX_SERVICES: usize = 300;
/// Between down (0) and up (1).
const UP: f64 = 0.5;
/// A scrape that failed once is no outage.
const UP_HOLD_S: u64 = 60;

/// `GET /api/v1/rules`.
#[derive(Debug, Clone, Deserialize, Default)]
pub struct RuleGroups {
    #[serde(default)]
    pub groups: Vec<RuleGroup>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct RuleGroup {
    #[serde(default)]
    pub rules: Vec<AlertRule>,
}

/// A rule; recording rules have another `type`.
#[derive(Debug, Clone, Deserialize)]
pub struct AlertRule {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub query: String,
    /// Seconds.
    #[serde(default)]
    pub duration: f64,
    #[serde(default)]
    pub labels: Labels,
    #[serde(default)]
    pub state: String,
    #[serde(default, rename = "type")]
    pub kind: String,
}

/// What becomes of the rules before the server is asked which series they look at.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Rules with a threshold.
    pub candidates: Vec<Candidate>,
    /// Matchers of alerts that always fire.
    pub heartbeats: Vec<String>,
    /// Services that rules name by a label of their own.
    pub named: BTreeSet<String>,
    pub left_out: Vec<LeftOut>,
}

/// A rule that compares something with a number.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub rule: String,
    pub comparison: Comparison,
    pub critical: bool,
    pub hold_s: u64,
    /// The service that the rule itself names.
    pub service: Option<String>,
}

/// What could not be carried over, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    pub what: String,
    pub why: String,
}

/// A service in the making.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftService {
    pub id: String,
    pub name: String,
    pub tier: Option<u8>,
    pub team: Option<String>,
    /// The label by which alerts and series are its own, and the value of it.
    pub label: &'static str,
    pub value: String,
    pub signals: Vec<DraftSignal>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DraftSignal {
    pub name: String,
    pub dimension: Dimension,
    pub query: String,
    pub unit: &'static str,
    pub warn: Option<f64>,
    pub crit: Option<f64>,
    pub direction: Direction,
    pub hold_s: u64,
}

/// Sorts alert rules into thresholds, heartbeats and the rest.
pub fn sort(groups: &RuleGroups) -> Sorted {
    let mut sorted = Sorted::default();
    let alerting = |r: &&AlertRule| r.kind.is_empty() || r.kind == "alerting";
    for rule in groups.groups.iter().flat_map(|g| &g.rules).filter(alerting) {
        let name = clean(&rule.name, 80);
        let service = rule.labels.get("service").or_else(|| rule.labels.get("job"));
        let service = service.filter(|s| !s.contains("{{")).map(|s| clean(s, 80));
        sorted.named.extend(service.clone());
        if always_fires(rule) {
            sorted.heartbeats.push(format!("alertname=\"{}\"", quoted(&name)));
            continue;
        }
        let severity = rule.labels.get("severity").map(|s| s.to_ascii_lowercase());
        let critical = matches!(
            severity.as_deref(),
            Some("critical" | "page" | "emergency" | "high" | "error" | "fatal")
        );
        let comparison = promql::comparison(&rule.query).and_then(usable);
        match comparison {
            Ok(comparison) => sorted.candidates.push(Candidate {
                rule: name,
                comparison,
                critical,
                hold_s: rule.duration.clamp(0.0, 604_800.0) as u64,
                service,
            }),
            Err(why) => {
                let why = format!("no threshold: {why} ({})", clean(&rule.query, 100));
                sorted.left_out.push(LeftOut { what: format!("alert {name}"), why });
            }
        }
    }
    sorted.heartbeats.sort();
    sorted.heartbeats.dedup();
    sorted
}

/// An alert without a condition: the one that proves that alerting works.
fn always_fires(rule: &AlertRule) -> bool {
    let plain: String = rule.query.chars().filter(|c| !c.is_whitespace()).collect();
    let number = plain.strip_prefix("vector(").and_then(|p| p.strip_suffix(')'));
    number.is_some_and(|n| promql::constant(n).is_some())
        || promql::constant(&plain).is_some()
        || (matches!(rule.name.to_ascii_lowercase().as_str(), "watchdog" | "deadmansswitch")
            && rule.state == "firing")
}

/// `up == 0` is a threshold; equality in general is not.
fn usable(mut c: Comparison) -> Result<Comparison, &'static str> {
    if c.op == Op::Equal {
        let metrics = promql::metrics(&c.what);
        let is_up = |m: &&str| *m == "up" || *m == "probe_success" || m.ends_with("_up");
        if c.limit != 0.0 || metrics.is_empty() || !metrics.iter().all(is_up) {
            return Err("it compares by ==");
        }
        c.op = Op::Below;
        c.limit = UP;
    }
    Ok(c)
}

/// Services from the series of `up` and from what rules name. A service is a value of the label
/// `service`, or of `job` where there is none.
pub fn services(series: &[Labels], named: &BTreeSet<String>) -> (Vec<DraftService>, Vec<LeftOut>) {
    let mut found: BTreeMap<String, DraftService> = BTreeMap::new();
    let only_named = |name: &String| Labels::from([("service".to_owned(), name.clone())]);
    let named: Vec<Labels> = named.iter().map(only_named).collect();
    for labels in series.iter().chain(&named) {
        let Some((label, value)) = owner(labels) else { continue };
        let id = id(value);
        if id.is_empty() {
            continue;
        }
        let service = found.entry(id.clone()).or_insert_with(|| DraftService {
            id,
            name: clean(value, 80),
            tier: None,
            team: None,
            label,
            value: value.to_owned(),
            signals: Vec::new(),
        });
        let tier =
            labels.get("tier").and_then(|t| t.trim_start_matches("tier").trim().parse().ok());
        service.tier = service.tier.or(tier.filter(|t| (1..=4).contains(t)));
        let team = labels.get("team").map(|t| clean(t, 60)).filter(|t| !t.is_empty());
        service.team = service.team.take().or(team);
    }
    let mut services: Vec<DraftService> = found.into_values().collect();
    // The first service that matches an alert takes it, and the label `service` says it explicitly.
    let rank = |s: &DraftService| (s.label != "service", s.tier.unwrap_or(9));
    services.sort_by(|a, b| (rank(a), &a.id).cmp(&(rank(b), &b.id)));
    let mut left_out = Vec::new();
    if services.len() > MAX_SERVICES {
        let what = format!("{} services", services.len() - MAX_SERVICES);
        let why = format!("only the first {MAX_SERVICES} are written");
        left_out.push(LeftOut { what, why });
        services.truncate(MAX_SERVICES);
    }
    (services, left_out)
}

/// Gives every service that has series of `up` a signal of it, first among its signals, unless a rule
/// gave it one already. Without it a service is well for as long as nobody says otherwise, also with
/// all of its targets down.
pub fn availability(services: &mut [DraftService], up: &[Labels]) {
    for service in services {
        let is_up = |s: &DraftSignal| {
            let metrics = promql::metrics(&s.query);
            s.direction == Direction::Below && metrics == ["up"]
        };
        let scraped = up.iter().any(|l| owner(l) == Some((service.label, service.value.as_str())));
        if !scraped || service.signals.iter().any(is_up) {
            continue;
        }
        let taken = |name: &str| service.signals.iter().any(|s| s.name == name);
        let name = if taken("up") { "targets up" } else { "up" };
        let signal = DraftSignal {
            name: name.to_owned(),
            dimension: Dimension::Availability,
            query: format!("min(up{{{}=\"{}\"}})", service.label, quoted(&service.value)),
            unit: "",
            warn: None,
            crit: Some(UP),
            direction: Direction::Below,
            hold_s: UP_HOLD_S,
        };
        service.signals.insert(0, signal);
    }
}

/// The label that says whose series it is.
pub fn owner(labels: &Labels) -> Option<(&'static str, &str)> {
    let of = |label: &'static str| labels.get(label).map(|v| (label, v.as_str()));
    of("service").or_else(|| of("job")).filter(|(_, value)| !value.is_empty())
}

/// A label's value as a service's id: lower case, everything unusual a dash.
fn id(value: &str) -> String {
    let plain: String = value
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_./:".contains(c) { c } else { '-' })
        .take(80)
        .collect();
    plain.trim_matches('-').to_owned()
}

/// Gives every service whose series a rule looks at a signal with the rule's threshold. `series` are
/// the labels of what the left side of the comparison gives now.
pub fn attach(
    services: &mut [DraftService],
    candidate: &Candidate,
    series: &[Labels],
) -> Result<usize, String> {
    let mut owners: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for labels in series {
        if let Some(owner) = owner(labels) {
            *owners.entry(owner).or_default() += 1;
        }
    }
    let fixed = candidate.service.as_ref().filter(|_| owners.is_empty());
    if let Some(name) = fixed {
        let Some(service) = services.iter_mut().find(|s| s.value == *name) else {
            return Err(format!("its service {name} is not among those written"));
        };
        let query = folded(&candidate.comparison, candidate.comparison.what.clone(), series.len());
        service.add(candidate, query);
        return Ok(1);
    }
    if owners.is_empty() {
        return Err(if series.is_empty() {
            "it gives no series now, so its service is unknown".to_owned()
        } else {
            "its series carry neither service nor job".to_owned()
        });
    }
    let mut count = 0;
    for ((label, value), n) in owners {
        let Some(service) = services.iter_mut().find(|s| s.label == label && s.value == value)
        else {
            continue;
        };
        let Some(query) = promql::narrow(&candidate.comparison.what, label, value) else {
            return Err("its expression cannot be narrowed to a service".to_owned());
        };
        service.add(candidate, folded(&candidate.comparison, query, n));
        count += 1;
    }
    if count == 0 { Err("none of its services is written".to_owned()) } else { Ok(count) }
}

/// Several series of one service become one number: the worst.
fn folded(comparison: &Comparison, query: String, series: usize) -> String {
    let worst = if comparison.op == Op::Below { "min" } else { "max" };
    if series > 1 { format!("{worst}({query})") } else { query }
}

impl DraftService {
    fn add(&mut self, candidate: &Candidate, query: String) {
        let limit = Some(candidate.comparison.limit);
        let (warn, crit) = if candidate.critical { (None, limit) } else { (limit, None) };
        let direction = match candidate.comparison.op {
            Op::Below => Direction::Below,
            _ => Direction::Above,
        };
        // The value of a signal named by the trouble that 0 means would read as its opposite.
        let up = candidate.comparison.op == Op::Below && candidate.comparison.limit == UP;
        let mut name = words(&candidate.rule);
        if up {
            name = name.replace("down", "up");
        }
        // A warning and a critical rule on one expression are one signal with two thresholds.
        let twin = self.signals.iter_mut().find(|s| s.query == query && s.direction == direction);
        if let Some(twin) = twin {
            let both = (twin.warn.or(warn), twin.crit.or(crit));
            let ordered = match (both, direction) {
                ((Some(w), Some(c)), Direction::Above) => w <= c,
                ((Some(w), Some(c)), Direction::Below) => w >= c,
                _ => true,
            };
            if ordered {
                (twin.warn, twin.crit) = both;
                twin.hold_s = twin.hold_s.max(candidate.hold_s);
                return;
            }
        }
        let taken = |name: &str| self.signals.iter().any(|s| s.name == name);
        let mut n = 2;
        let first = name.clone();
        while taken(&name) {
            name = format!("{first} {n}");
            n += 1;
        }
        let (unit, dimension) = (unit(&candidate.comparison), dimension(candidate));
        let hold_s = candidate.hold_s;
        self.signals.push(DraftSignal {
            name,
            dimension,
            query,
            unit,
            warn,
            crit,
            direction,
            hold_s,
        });
    }
}

/// `HighErrorRate` → `high error rate`.
fn words(name: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            out.push(' ');
        }
        out.push(if c == '_' { ' ' } else { c.to_ascii_lowercase() });
        before = c;
    }
    clean(&out, 80)
}

/// What the numbers are, as far as the names of the metrics tell.
fn unit(comparison: &Comparison) -> &'static str {
    let what = comparison.what.as_str();
    let metrics = promql::metrics(what);
    let all = |end: &str| !metrics.is_empty() && metrics.iter().all(|m| m.ends_with(end));
    let seconds = what.contains("time()") || metrics.iter().any(|m| m.contains("_seconds"));
    if what.contains(" / ") && comparison.limit.abs() <= 1.0 {
        "ratio"
    } else if seconds && !what.contains(" / ") {
        "s"
    } else if all("_bytes") && !what.contains('/') {
        "B"
    } else if what.contains("rate(") && all("_total") && !what.contains('/') {
        "/s"
    } else {
        ""
    }
}

fn dimension(candidate: &Candidate) -> Dimension {
    let text = format!("{} {}", candidate.rule, candidate.comparison.what).to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| text.contains(w));
    if has(&["cert", "ssl", "tls", "auth", "security", "vulnerab"]) {
        Dimension::Security
    } else if candidate.comparison.op == Op::Below && candidate.comparison.limit == UP
        || has(&["down", "unavailable", "probe_success"])
    {
        Dimension::Availability
    } else if has(&["error", "restart", "backup", "disk", "fail", "full", "filesystem", "oom"]) {
        Dimension::Stability
    } else {
        Dimension::Performance
    }
}

/// A value inside the quotes of a matcher.
pub fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn rule(name: &str, query: &str, severity: &str) -> AlertRule {
        AlertRule {
            name: name.to_owned(),
            query: query.to_owned(),
            duration: 120.0,
            labels: labels(&[("severity", severity)]),
            state: "inactive".to_owned(),
            kind: "alerting".to_owned(),
        }
    }

    fn sorted(rules: Vec<AlertRule>) -> Sorted {
        sort(&RuleGroups { groups: vec![RuleGroup { rules }] })
    }

    fn one_service() -> Vec<DraftService> {
        services(&[labels(&[("service", "Checkout API"), ("tier", "1")])], &BTreeSet::new()).0
    }

    #[test]
    fn the_alert_that_always_fires_is_the_heartbeat() {
        let s = sorted(vec![rule("Watchdog", "vector(1)", "none"), rule("Up", "1", "none")]);
        assert_eq!(s.heartbeats, ["alertname=\"Up\"", "alertname=\"Watchdog\""]);
        assert!(s.candidates.is_empty() && s.left_out.is_empty());
    }

    #[test]
    fn a_service_is_a_value_of_service_or_else_of_job() {
        let series = [
            labels(&[("job", "web"), ("service", "Checkout API"), ("tier", "1"), ("team", "pay")]),
            labels(&[("job", "node")]),
        ];
        let (list, _) = services(&series, &BTreeSet::from(["mail".to_owned()]));
        let ids: Vec<_> = list.iter().map(|s| (s.id.as_str(), s.label, s.tier)).collect();
        let expect = [
            ("checkout-api", "service", Some(1)),
            ("mail", "service", None),
            ("node", "job", None),
        ];
        assert_eq!(ids, expect);
    }

    #[test]
    fn a_service_by_its_own_label_stands_before_those_by_job_whatever_their_tier() {
        let series = [
            labels(&[("job", "api"), ("tier", "1")]),
            labels(&[("job", "api"), ("service", "search"), ("tier", "3")]),
        ];
        let (list, _) = services(&series, &BTreeSet::new());
        let ids: Vec<_> = list.iter().map(|s| (s.id.as_str(), s.label)).collect();
        assert_eq!(ids, [("search", "service"), ("api", "job")]);
    }

    #[test]
    fn a_warning_and_a_critical_rule_on_one_expression_are_one_signal() {
        let s = sorted(vec![
            rule("Slow", "latency_seconds > 0.5", "warning"),
            rule("VerySlow", "latency_seconds > 1", "critical"),
        ]);
        let mut list = one_service();
        for candidate in &s.candidates {
            let series = [labels(&[("service", "Checkout API")])];
            attach(&mut list, candidate, &series).unwrap();
        }
        let [signal] = list[0].signals.as_slice() else { panic!("{list:?}") };
        assert_eq!((signal.warn, signal.crit, signal.unit), (Some(0.5), Some(1.0), "s"));
        assert_eq!(signal.query, "latency_seconds{service=\"Checkout API\"}");
    }

    #[test]
    fn several_series_of_a_service_become_the_worst_one() {
        let s = sorted(vec![rule("Down", "up == 0", "critical")]);
        let mut list = one_service();
        let series = ["a", "b"].map(|i| labels(&[("service", "Checkout API"), ("instance", i)]));
        attach(&mut list, &s.candidates[0], &series).unwrap();
        let signal = &list[0].signals[0];
        assert_eq!(signal.query, "min(up{service=\"Checkout API\"})");
        assert_eq!((signal.crit, signal.direction), (Some(0.5), Direction::Below));
        assert_eq!(signal.dimension, Dimension::Availability);
    }

    #[test]
    fn a_service_that_is_scraped_can_turn_red_without_any_rule() {
        let scraped = [labels(&[("service", "Checkout API"), ("job", "web")])];
        let named = BTreeSet::from(["mail".to_owned()]);
        let (mut list, _) = services(&scraped, &named);
        availability(&mut list, &scraped);
        let [signal] = list[0].signals.as_slice() else { panic!("{list:?}") };
        assert_eq!(signal.query, "min(up{service=\"Checkout API\"})");
        assert_eq!((signal.crit, signal.direction), (Some(0.5), Direction::Below));
        assert_eq!(signal.dimension, Dimension::Availability);
        assert_eq!(list[1].signals, [], "nothing is scraped of a service that is only named");
    }

    #[test]
    fn a_rule_about_up_is_signal_enough() {
        let scraped = [labels(&[("service", "Checkout API")])];
        let mut list = one_service();
        let s = sorted(vec![rule("JobDown", "up == 0", "critical")]);
        attach(&mut list, &s.candidates[0], &scraped).unwrap();
        let before = list.clone();
        availability(&mut list, &scraped);
        assert_eq!(list, before);
    }

    #[test]
    fn what_cannot_be_carried_over_says_why() {
        let s = sorted(vec![
            rule("Both", "a > 1 and b > 2", "warning"),
            rule("Equal", "replicas == 3", "warning"),
            rule("Lonely", "a > 1", "warning"),
        ]);
        let whys: Vec<&str> = s.left_out.iter().map(|l| l.why.as_str()).collect();
        assert!(whys[0].contains("joins several conditions"), "{whys:?}");
        assert!(whys[1].contains("compares by =="), "{whys:?}");
        let why = attach(&mut one_service(), &s.candidates[0], &[]).unwrap_err();
        assert!(why.contains("no series now"), "{why}");
        let why = attach(&mut one_service(), &s.candidates[0], &[labels(&[])]).unwrap_err();
        assert!(why.contains("neither service nor job"), "{why}");
    }
}
