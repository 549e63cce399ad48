//! Published recurrences: every case of `recurrence.toml` gives the local times that stand there.

use std::fs;
use std::path::Path;

use atalaya::domain::time::{Instant, Interval, Recurrence, Rule, zone};
use chrono::{NaiveDate, NaiveDateTime};
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    source: String,
    start: String,
    #[serde(default = "new_york")]
    zone: String,
    rule: String,
    #[serde(default)]
    except: Vec<String>,
    expect: Vec<String>,
    count: Option<usize>,
}

fn new_york() -> String {
    "America/New_York".to_owned()
}

fn time(text: &str) -> NaiveDateTime {
    let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    formats.iter().find_map(|f| NaiveDateTime::parse_from_str(text, f).ok()).expect(text)
}

#[test]
fn published_recurrences_come_out_as_published() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/recurrence.toml");
    let cases: Cases = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert!(cases.case.len() >= 40);
    for case in cases.case {
        let series = Recurrence {
            start: time(&case.start),
            zone: case.zone.parse().unwrap(),
            rule: Some(Rule::parse(&case.rule).expect(&case.source)),
            also: Vec::new(),
            except: case.except.iter().map(|t| time(t)).collect(),
        };
        let until = series.start.and_utc() + chrono::TimeDelta::days(365 * 60);
        let always = Interval::new(Instant::UNIX_EPOCH, until);
        let starts = series.between(always, 1_000);
        let shown = |at| zone::local(at, series.zone);
        let expect = case.expect.iter().map(|text| match text.parse::<NaiveDate>() {
            Ok(day) => day.and_time(series.start.time()),
            Err(_) => time(text),
        });
        let expect: Vec<NaiveDateTime> = expect.collect();
        let got: Vec<NaiveDateTime> =
            starts.iter().take(expect.len()).map(|s| shown(s.at)).collect();
        assert_eq!(got, expect, "{}", case.source);
        match case.count {
            Some(count) => assert_eq!(starts.len(), count, "{}", case.source),
            None => assert!(starts.len() > expect.len(), "{}", case.source),
        }
    }
}
