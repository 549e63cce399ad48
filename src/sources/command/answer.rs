//! What a plug-in prints, read and made harmless. `assets/plugin.schema.json` describes it.
//!
//! One observation that makes no sense is a warning that names its place; the rest counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::health::{
    Dimension, Direction, Service, ServiceId, Signal, SignalName, State, Thresholds,
};
use crate::domain::observation::{
    Alert, AlertSet, AlertStatus, Fact, Observation, Reading, SourceName, StateReading,
};
use crate::domain::text::{MAX_LINE, clean};
use crate::domain::time::Instant;
use crate::sources::SourceError;
use crate::sources::hygiene::{self, service_id};
use crate::sources::settings::Ask;

/// The one version of the protocol.
const VERSION: u64 = 1;
/// More observations than this are not read.
const MAX_OBSERVATIONS: usize = 50_000;
/// More services than this are not taken.
const MAX_SERVICES: usize = 2_000;
/// More warnings than this are only counted.
const MAX_WARNINGS: usize = 20;
/// More labels, links or dependencies of one thing are dropped.
const MAX_ENTRIES: usize = 64;
const MAX_NAME: usize = 120;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    version: u64,
    #[serde(default)]
    server: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default = "yes")]
    alerts_complete: bool,
    #[serde(borrow)]
    observations: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Item {
    Signal(SignalItem),
    State(StateItem),
    Alert(AlertItem),
    Service(ServiceItem),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignalItem {
    service: String,
    signal: String,
    value: Number,
    at: Option<Instant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateItem {
    service: String,
    signal: String,
    state: StateWord,
    #[serde(default)]
    message: String,
    at: Option<Instant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertItem {
    id: String,
    title: String,
    service: Option<String>,
    severity: Option<String>,
    since: Option<Instant>,
    url: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceItem {
    id: String,
    name: Option<String>,
    tier: Option<u8>,
    team: Option<String>,
    parent: Option<String>,
    #[serde(default)]
    depends_on: Vec<String>,
    #[serde(default)]
    runbooks: Vec<String>,
    #[serde(default)]
    links: BTreeMap<String, String>,
    #[serde(default)]
    signals: Vec<SignalSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignalSpec {
    name: String,
    #[serde(default)]
    dimension: Dimension,
    #[serde(default)]
    unit: String,
    warn: Option<f64>,
    crit: Option<f64>,
    #[serde(default)]
    direction: Direction,
    /// Seconds.
    #[serde(default, rename = "for")]
    hold: u32,
    #[serde(default)]
    raises: bool,
}

/// A number, or one as text, so that `"NaN"` and `"+Inf"` can be said.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(f64),
    Text(String),
}

/// Maintenance is the plan's to declare, not a plug-in's.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateWord {
    Ok,
    Warning,
    Critical,
    Unknown,
}

fn yes() -> bool {
    true
}

/// Reads what was printed. A signal of `asks` that is not among it is a warning.
pub fn read(
    source: &SourceName,
    printed: &[u8],
    asks: &[Ask],
    now: Instant,
) -> Result<Observation, SourceError> {
    let text = std::str::from_utf8(printed).map_err(|e| {
        SourceError::BadAnswer(format!("its output is not UTF-8 at byte {}", e.valid_up_to()))
    })?;
    let document: Document = serde_json::from_str(text).map_err(|e| not_a_document(text, &e))?;
    if document.version != VERSION {
        return Err(SourceError::BadAnswer(format!(
            "it speaks version {} of the plug-in protocol; this console speaks version {VERSION}",
            document.version
        )));
    }
    let mut found = Found { now, ..Found::default() };
    for warning in &document.warnings {
        found.warn(clean(warning, MAX_LINE));
    }
    for (i, raw) in document.observations.iter().take(MAX_OBSERVATIONS).enumerate() {
        let taken = serde_json::from_str(raw.get())
            .map_err(|e: serde_json::Error| without_place(&e))
            .and_then(|item| found.take(source, item));
        if let Err(why) = taken {
            found.warn(format!("observations[{i}]: {}", clean(&why, 300)));
        }
    }
    if document.observations.len() > MAX_OBSERVATIONS {
        let dropped = document.observations.len() - MAX_OBSERVATIONS;
        found.warn(format!("{dropped} observations beyond {MAX_OBSERVATIONS} were not read"));
    }
    if found.surplus > 0 {
        let (more, say) = (found.surplus, "declare what people would name when it breaks");
        found.warn(format!("{more} services beyond {MAX_SERVICES} were not taken; {say}"));
    }
    found.expect(asks);
    Ok(found.into_observation(source, clean(&document.server, MAX_NAME), document.alerts_complete))
}

fn not_a_document(text: &str, e: &serde_json::Error) -> SourceError {
    if text.trim().is_empty() {
        return SourceError::BadAnswer(
            "it printed nothing; a plug-in prints {\"version\":1,\"observations\":[]} at least"
                .to_owned(),
        );
    }
    let begin = clean(text.get(..text.floor_char_boundary(200)).unwrap_or_default(), 60);
    SourceError::BadAnswer(format!("its output is not a plug-in answer: {e}; it begins {begin:?}"))
}

/// serde counts lines within one observation, which means nothing to a reader.
fn without_place(e: &serde_json::Error) -> String {
    let text = e.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// What was read so far.
#[derive(Default)]
struct Found {
    now: Instant,
    services: Vec<Service>,
    readings: Vec<Reading>,
    states: Vec<StateReading>,
    alerts: Vec<Alert>,
    warnings: Vec<String>,
    unsaid: usize,
    /// How many services were too many.
    surplus: usize,
    /// Ids of alerts and services that were there already.
    seen: BTreeSet<(&'static str, String)>,
}

impl Found {
    fn warn(&mut self, warning: String) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        } else {
            self.unsaid += 1;
        }
    }

    fn take(&mut self, source: &SourceName, item: Item) -> Result<(), String> {
        match item {
            Item::Signal(s) => self.readings.push(Reading {
                service: service_id(&s.service)?,
                signal: signal_name(&s.signal)?,
                value: number(&s.value)?,
                at: self.past(s.at),
            }),
            Item::State(s) => self.states.push(StateReading {
                service: service_id(&s.service)?,
                signal: signal_name(&s.signal)?,
                state: match s.state {
                    StateWord::Ok => State::Ok,
                    StateWord::Warning => State::Warning,
                    StateWord::Critical => State::Critical,
                    StateWord::Unknown => State::Unknown,
                },
                message: clean(&s.message, MAX_LINE),
                at: self.past(s.at),
            }),
            Item::Alert(a) => {
                let alert = self.alert(a)?;
                self.once("alert", &alert.fingerprint)?;
                self.alerts.push(alert);
            }
            Item::Service(s) => {
                let service = service(source, s)?;
                self.once("service", service.id.as_str())?;
                if self.services.len() < MAX_SERVICES {
                    self.services.push(service);
                } else {
                    self.surplus += 1;
                }
            }
        }
        Ok(())
    }

    fn once(&mut self, what: &'static str, id: &str) -> Result<(), String> {
        let new = self.seen.insert((what, id.to_owned()));
        if new { Ok(()) } else { Err(format!("there is a second {what} with the id {id:?}")) }
    }

    /// A plug-in cannot know the future.
    fn past(&self, at: Option<Instant>) -> Instant {
        at.map_or(self.now, |at| at.min(self.now))
    }

    fn alert(&self, a: AlertItem) -> Result<Alert, String> {
        let fingerprint = clean(&a.id, MAX_NAME);
        let title = clean(&a.title, MAX_LINE);
        if fingerprint.is_empty() || title.is_empty() {
            return Err("an alert needs an id and a title".to_owned());
        }
        let mut labels = hygiene::labels(&a.labels);
        labels.entry("alertname".to_owned()).or_insert_with(|| fingerprint.clone());
        if let Some(severity) = a.severity {
            labels.insert("severity".to_owned(), clean(&severity, MAX_NAME));
        }
        let mut annotations = hygiene::annotations(&a.annotations);
        annotations.insert("summary".to_owned(), title);
        Ok(Alert {
            fingerprint,
            labels,
            annotations,
            starts_at: self.past(a.since),
            status: AlertStatus::Active,
            generator_url: a.url.as_deref().and_then(hygiene::link),
            service: a.service.as_deref().map(service_id).transpose()?,
        })
    }

    /// Misses what services of the configuration expect of the plug-in: signals by the same names.
    fn expect(&mut self, asks: &[Ask]) {
        for ask in asks {
            let (service, signal) = (&ask.service, &ask.signal);
            let printed =
                self.readings.iter().any(|r| r.service == *service && r.signal == *signal)
                    || self.states.iter().any(|s| s.service == *service && s.signal == *signal);
            if !printed {
                let why = not_there(ask, &self.readings);
                self.warn(why);
            }
        }
    }

    fn into_observation(
        mut self,
        source: &SourceName,
        server: String,
        complete: bool,
    ) -> Observation {
        if self.unsaid > 0 {
            self.warnings.push(format!("and {} more warnings", self.unsaid));
        }
        let alerts =
            AlertSet { complete, alerts: self.alerts, authoritative: true, ..AlertSet::default() };
        let facts = vec![
            Fact::Services(self.services),
            Fact::Signals(self.readings),
            Fact::States(self.states),
            Fact::Alerts(alerts),
        ];
        Observation {
            source: Arc::clone(source),
            at: self.now,
            server,
            facts,
            warnings: self.warnings,
        }
    }
}

fn not_there(ask: &Ask, own: &[Reading]) -> String {
    let known: Vec<String> =
        own.iter().take(20).map(|r| format!("{}, {}", r.service, r.signal)).collect();
    let known = if known.is_empty() { "none".to_owned() } else { clean(&known.join("; "), 600) };
    format!(
        "{}, {}: the plug-in printed no such signal; it printed {known}",
        ask.service, ask.signal
    )
}

fn service(source: &SourceName, s: ServiceItem) -> Result<Service, String> {
    let id = service_id(&s.id)?;
    let name = s.name.map(|n| clean(&n, MAX_NAME)).filter(|n| !n.is_empty());
    let ids = |list: Vec<String>| -> Result<Vec<ServiceId>, String> {
        list.iter().take(MAX_ENTRIES).map(|id| service_id(id)).collect()
    };
    let spec = |spec: SignalSpec| -> Result<Signal, String> {
        let name = signal_name(&spec.name)?;
        Ok(Signal {
            query: format!("{id}/{name}"),
            name,
            dimension: spec.dimension,
            source: Arc::clone(source),
            unit: clean(&spec.unit, 20),
            thresholds: Thresholds {
                warn: spec.warn,
                crit: spec.crit,
                direction: spec.direction,
                hold: TimeDelta::seconds(i64::from(spec.hold)),
                hysteresis: 0.0,
            },
            raises: spec.raises,
        })
    };
    let signals =
        s.signals.into_iter().take(MAX_ENTRIES).map(spec).collect::<Result<Vec<_>, _>>()?;
    let runbooks = s.runbooks.iter().take(MAX_ENTRIES).map(|r| clean(r, MAX_LINE));
    let links = s.links.iter().take(MAX_ENTRIES);
    Ok(Service {
        name: name.unwrap_or_else(|| id.to_string()),
        tier: s.tier.unwrap_or(3).clamp(1, 4),
        team: s.team.map(|t| clean(&t, MAX_NAME)).filter(|t| !t.is_empty()),
        parent: s.parent.as_deref().map(service_id).transpose()?,
        depends_on: ids(s.depends_on)?,
        runbooks: runbooks.collect(),
        links: links.filter_map(|(k, v)| Some((clean(k, MAX_NAME), hygiene::link(v)?))).collect(),
        signals,
        ..Service::new(id.as_str())
    })
}

fn signal_name(text: &str) -> Result<SignalName, String> {
    let name = clean(text, MAX_NAME);
    if name.is_empty() { Err("a signal needs a name".to_owned()) } else { Ok(Arc::from(name)) }
}

fn number(n: &Number) -> Result<f64, String> {
    match n {
        Number::Number(v) => Ok(*v),
        Number::Text(text) => {
            text.trim().parse().map_err(|_| format!("{:?} is not a number", clean(text, 40)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::Value;

    const SCHEMA: &str = include_str!("../../../assets/plugin.schema.json");

    fn now() -> Instant {
        "2026-11-24T14:00:00Z".parse().unwrap()
    }

    fn read_text(text: &str, asks: &[Ask]) -> Result<Observation, SourceError> {
        read(&Arc::from("plug-in"), text.as_bytes(), asks, now())
    }

    fn readings(o: &Observation) -> Vec<(String, f64)> {
        let found = o.facts.iter().find_map(|f| match f {
            Fact::Signals(r) => Some(r),
            _ => None,
        });
        found.unwrap().iter().map(|r| (format!("{}/{}", r.service, r.signal), r.value)).collect()
    }

    fn alerts(o: &Observation) -> &AlertSet {
        let found = o.facts.iter().find_map(|f| match f {
            Fact::Alerts(a) => Some(a),
            _ => None,
        });
        found.unwrap()
    }

    #[test]
    fn the_examples_of_the_schema_are_read_without_a_warning() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let examples = schema["examples"].as_array().unwrap();
        assert!(examples.len() >= 2);
        for example in examples {
            let seen = read_text(&example.to_string(), &[]).unwrap();
            let own = example["warnings"].as_array().map_or(0, Vec::len);
            assert_eq!(seen.warnings.len(), own, "{:?}", seen.warnings);
        }
    }

    #[test]
    fn the_schema_names_exactly_the_fields_that_are_read() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let named = |place: &str| -> BTreeSet<String> {
            let properties = schema.pointer(place).unwrap().as_object().unwrap();
            properties.keys().filter(|k| *k != "kind").cloned().collect()
        };
        // serde tells which fields it knows when it meets one that it does not.
        let known = |e: String| -> BTreeSet<String> {
            let list = e.split("expected one of").nth(1).unwrap_or_else(|| panic!("{e}"));
            list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        for kind in ["signal", "state", "alert", "service"] {
            let text = format!(r#"{{"kind":"{kind}","nonsense":1}}"#);
            let e = serde_json::from_str::<Item>(&text).err().unwrap().to_string();
            assert_eq!(known(e), named(&format!("/$defs/{kind}/properties")), "{kind}");
        }
        let e = serde_json::from_str::<Document>(r#"{"nonsense":1}"#).err().unwrap().to_string();
        assert_eq!(known(e), named("/properties"));
        let e = serde_json::from_str::<SignalSpec>(r#"{"nonsense":1}"#).err().unwrap().to_string();
        assert_eq!(known(e), named("/$defs/signal_of_service/properties"));
    }

    #[rstest]
    #[case("", "printed nothing")]
    #[case("Traceback (most recent call last):\n  \u{1b}[31mboom", "it begins \"Traceback")]
    #[case(r#"{"version":2,"observations":[]}"#, "version 2")]
    #[case(r#"{"version":1}"#, "missing field `observations`")]
    #[case(r#"{"version":1,"observations":[],"extra":1}"#, "unknown field `extra`")]
    fn an_answer_that_is_none_says_why(#[case] printed: &str, #[case] expect: &str) {
        let e = read_text(printed, &[]).unwrap_err().to_string();
        assert!(e.contains(expect) && !e.contains('\u{1b}'), "{e}");
    }

    #[test]
    fn one_bad_observation_is_named_and_the_rest_counts() {
        let seen = read_text(
            r#"{"version":1,"observations":[
                {"kind":"signal","service":"a","signal":"x","value":1},
                {"kind":"signal","service":"A B","signal":"x","value":1},
                {"kind":"signal","service":"a","signal":"y"},
                {"kind":"shout"},
                {"kind":"signal","service":"a","signal":"z","value":"1.5e3"},
                {"kind":"signal","service":"a","signal":"w","value":"many"}]}"#,
            &[],
        )
        .unwrap();
        assert_eq!(readings(&seen), [("a/x".to_owned(), 1.0), ("a/z".to_owned(), 1_500.0)]);
        let expect = [
            "observations[1]: \"A B\" is not a service id",
            "observations[2]: missing field `value`",
            "observations[3]: unknown variant `shout`",
            "observations[5]: \"many\" is not a number",
        ];
        for (warning, expect) in seen.warnings.iter().zip(expect) {
            assert!(warning.starts_with(expect), "{warning}");
        }
        assert_eq!(seen.warnings.len(), expect.len());
    }

    #[test]
    fn an_alert_is_made_harmless_and_gets_what_the_domain_expects() {
        let seen = read_text(
            r#"{"version":1,"observations":[{"kind":"alert","id":"disk","title":"\u001b[2Jfull\u202e",
                "severity":"critical","service":"db","since":"2030-01-01T00:00:00Z",
                "url":"javascript:alert(1)","labels":{"zone":"eu"}}]}"#,
            &[],
        )
        .unwrap();
        let set = alerts(&seen);
        assert!(set.complete && set.authoritative);
        let alert = &set.alerts[0];
        assert_eq!(alert.annotations["summary"], "full");
        assert_eq!(alert.labels["alertname"], "disk");
        assert_eq!(alert.labels["severity"], "critical");
        assert_eq!(alert.starts_at, now(), "nothing starts in the future");
        assert_eq!(alert.generator_url, None);
        assert_eq!(alert.service, Some(ServiceId::new("db")));
    }

    #[rstest]
    #[case("age", true)]
    #[case("last run", true)]
    #[case("size", false)]
    fn a_signal_that_a_service_expects_is_missed(#[case] signal: &str, #[case] there: bool) {
        let ask = Ask {
            service: ServiceId::new("backup"),
            signal: Arc::from(signal),
            query: String::new(),
        };
        let seen = read_text(
            r#"{"version":1,"observations":[
                {"kind":"signal","service":"backup","signal":"age","value":60},
                {"kind":"state","service":"backup","signal":"last run","state":"ok"}]}"#,
            &[ask],
        )
        .unwrap();
        assert_eq!(readings(&seen), [("backup/age".to_owned(), 60.0)]);
        assert_eq!(seen.warnings.is_empty(), there);
        assert!(seen.warnings.iter().all(|w| w.contains("it printed backup, age")));
    }

    #[test]
    fn a_flood_of_nonsense_makes_few_warnings() {
        let many = vec!["1"; 3_000].join(",");
        let seen = read_text(&format!(r#"{{"version":1,"observations":[{many}]}}"#), &[]).unwrap();
        assert_eq!(seen.warnings.len(), MAX_WARNINGS + 1);
        assert_eq!(seen.warnings.last().unwrap(), "and 2980 more warnings");
    }

    #[test]
    fn fifty_thousand_alerts_are_read_at_once_and_twins_are_named() {
        let alert = |n: usize| format!(r#"{{"kind":"alert","id":"{n}","title":"down"}}"#);
        let mut many: Vec<String> = (0..MAX_OBSERVATIONS - 1).map(alert).collect();
        many.push(alert(7));
        let text = format!(r#"{{"version":1,"observations":[{}]}}"#, many.join(","));
        let begun = std::time::Instant::now();
        let seen = read_text(&text, &[]).unwrap();
        // Each compared with each, this took longer by far.
        assert!(begun.elapsed() < std::time::Duration::from_secs(10));
        assert_eq!(alerts(&seen).alerts.len(), MAX_OBSERVATIONS - 1);
        assert!(seen.warnings[0].contains("a second alert with the id \"7\""), "{seen:?}");
    }

    #[test]
    fn so_many_services_are_taken_and_no_more() {
        let service = |n: usize| format!(r#"{{"kind":"service","id":"{n}","parent":"{}"}}"#, n + 1);
        let many: Vec<String> = (0..MAX_SERVICES + 5).map(service).collect();
        let text = format!(r#"{{"version":1,"observations":[{}]}}"#, many.join(","));
        let seen = read_text(&text, &[]).unwrap();
        let Fact::Services(services) = &seen.facts[0] else { panic!("{seen:?}") };
        assert_eq!(services.len(), MAX_SERVICES);
        assert!(seen.warnings[0].starts_with("5 services beyond 2000 were not taken"), "{seen:?}");
    }

    proptest! {
        #[test]
        fn whatever_is_printed_nothing_hostile_comes_out(text in "\\PC{0,40}[\u{0}-\u{ff}]{0,40}") {
            let item = serde_json::json!({"kind": "alert", "id": "a", "title": text, "labels": {"l": text}});
            let document = serde_json::json!({"version": 1, "observations": [item]}).to_string();
            let seen = read_text(&document, &[]).unwrap();
            for alert in &alerts(&seen).alerts {
                let all = alert.labels.values().chain(alert.annotations.values());
                for value in all {
                    prop_assert!(!value.chars().any(|c| c.is_control() && c != '\n'));
                }
            }
            let _ = read_text(&text, &[]);
        }
    }
}
