//! Published figures about objectives: every case of `slo.toml` comes out as it stands there.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use atalaya::domain::health::ServiceId;
use atalaya::domain::sla::{Exclusion, NoData};
use atalaya::domain::slo::{
    BUCKET, Bucket, Burn, Events, Excluded, MICRO, Objective, Rule, Series, Severity, Sli, Target,
    Unit, Uptime, Window, begin, exhaustion, percent, status,
};
use atalaya::domain::text::parse_duration;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    factor: Vec<Factor>,
    budget: Vec<Budget>,
    exhaustion: Vec<Exhaustion>,
    events: Vec<Counted>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Factor {
    source: String,
    window: String,
    rules: Vec<(String, String)>,
    expect: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    source: String,
    target: String,
    window: String,
    seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exhaustion {
    source: String,
    left: String,
    window: String,
    burn: i64,
    seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counted {
    source: String,
    target: String,
    good: Vec<u64>,
    total: Vec<u64>,
    sli: String,
    left: String,
}

fn cases() -> Cases {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/slo.toml");
    toml::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn objective(target: &str, window: Window, sli: Sli) -> Arc<Objective> {
    Arc::new(Objective {
        id: Arc::from("one"),
        name: "one".to_owned(),
        service: ServiceId::new("shop"),
        target: Target::parse(target).unwrap(),
        window,
        sli,
        exclusion: Exclusion::Remove,
        no_data: NoData::Remove,
        rules: Vec::new(),
    })
}

#[test]
fn rules_fire_at_the_published_factors() {
    for case in cases().factor {
        let factor = |(budget, long): &(String, String)| {
            let rule = Rule {
                budget_ppm: Target::parse(budget).unwrap().ppm(),
                long: parse_duration(long).unwrap(),
                short: parse_duration("5m").unwrap(),
                severity: Severity::Page,
            };
            Burn::text(rule.factor_milli(parse_duration(&case.window).unwrap()), 3)
        };
        let got: Vec<String> = case.rules.iter().map(factor).collect();
        assert_eq!(got, case.expect, "{}", case.source);
    }
}

#[test]
fn a_budget_of_time_is_as_long_as_published() {
    for case in cases().budget {
        let length = parse_duration(&case.window).unwrap();
        let objective =
            objective(&case.target, Window::Rolling(length), Sli::Uptime(Uptime::Service));
        let buckets = length.num_seconds() / BUCKET;
        let mut series = Series::default();
        for index in 0..buckets {
            series.set(index, Bucket::of_time(300, 0));
        }
        let status = status(&objective, &series, &Excluded::nothing(), &[], begin(buckets));
        assert_eq!(status.budget.total, u128::from(case.seconds * MICRO), "{}", case.source);
        assert_eq!(status.budget.unit, Unit::Seconds);
        assert_eq!(status.budget.left_ppm(), Some(1_000_000));
        assert_eq!(status.coverage_ppm(), 1_000_000);
    }
}

#[test]
fn a_budget_lasts_as_long_as_published() {
    for case in cases().exhaustion {
        let left = i64::from(Target::parse(&case.left).unwrap().ppm());
        let window = parse_duration(&case.window).unwrap();
        let after = exhaustion(left, window, case.burn).unwrap();
        assert_eq!(after.num_seconds(), case.seconds, "{}", case.source);
    }
}

#[test]
fn events_are_counted_as_published() {
    for case in cases().events {
        let window = chrono::TimeDelta::seconds(BUCKET * case.good.len() as i64);
        let events = Events::Good { good: String::new(), total: String::new() };
        let sli = Sli::Events { source: Arc::from("prom"), events };
        let objective = objective(&case.target, Window::Rolling(window), sli);
        let mut series = Series::default();
        for (index, (good, total)) in case.good.iter().zip(&case.total).enumerate() {
            let bucket = Bucket { good: good * MICRO, total: total * MICRO, seen: 300 };
            series.set(1_000 + index as i64, bucket);
        }
        let now = begin(1_000 + case.good.len() as i64);
        let status = status(&objective, &series, &Excluded::nothing(), &[], now);
        let shown = |ppm: i64| percent(ppm, 4);
        assert_eq!(shown(status.sli_ppm().unwrap().into()), case.sli, "{}", case.source);
        assert_eq!(shown(status.budget.left_ppm().unwrap()), case.left, "{}", case.source);
    }
}
