//! Any JSON document: numbers, status words and alerts, each found by a JSONPath (RFC 9535).

pub mod orders;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::DateTime;
use futures::future::BoxFuture;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue, SERVER};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::http_client::{Answer, Clients, Http, Request};
use super::json_path::Path;
use super::settings::{AlertPaths, Ask, HttpDocument, Method as How, SourceSettings, StatePath};
use super::{Source, SourceError, hygiene};
use crate::domain::health::State;
use crate::domain::observation::{
    Alert, AlertSet, AlertStatus, Fact, Observation, Reading, SourceName, StateReading,
};
use crate::domain::text::{self, clean};
use crate::domain::time::Instant;

/// More alerts of one document are not read.
const MAX_ALERTS: usize = 10_000;
/// More alerts that make no sense are only counted.
const MAX_COMPLAINTS: usize = 5;
/// How many keys a warning names.
const MAX_KEYS: usize = 20;

/// A document of more values is not read: each takes a hundred times the room that it took as text.
const MAX_VALUES: usize = 500_000;

/// A document that is fetched for each poll.
pub struct DocumentSource {
    http: Http,
    reader: Arc<Reader>,
    /// One document is read at a time, also where that takes longer than a poll may.
    turn: Arc<Semaphore>,
}

/// What is read of the document.
struct Reader {
    name: SourceName,
    settings: HttpDocument,
    numbers: Vec<Number>,
}

/// A number that a service takes from the document.
struct Number {
    ask: Ask,
    path: Result<Path, String>,
}

impl DocumentSource {
    pub fn new(source: &SourceSettings, settings: &HttpDocument, clients: &Clients) -> Self {
        let numbers = source.asks.iter().map(|ask| Number {
            path: Path::parse(ask.query.trim()).map_err(|e| e.to_string()),
            ask: ask.clone(),
        });
        let reader = Reader {
            name: Arc::clone(&source.name),
            settings: settings.clone(),
            numbers: numbers.collect(),
        };
        let http = Http::new(source, clients);
        Self { http, reader: Arc::new(reader), turn: Arc::new(Semaphore::new(1)) }
    }

    async fn look(&self, now: Instant) -> Result<Observation, SourceError> {
        let turn = Arc::clone(&self.turn).try_acquire_owned().map_err(|_| {
            SourceError::BadAnswer(
                "the document before is still being read: ask for less, or use paths without \"..\""
                    .to_owned(),
            )
        })?;
        let answer = self.http.send(&self.request()?).await?;
        let reader = Arc::clone(&self.reader);
        // Not on the runtime's threads: a document can be made to take long, and the poll still
        // ends in time.
        let reading = tokio::task::spawn_blocking(move || {
            let outcome = reader.read(&answer, now);
            drop(turn);
            outcome
        });
        reading.await.unwrap_or_else(|e| {
            Err(SourceError::BadAnswer(format!("the document could not be read: {e}")))
        })
    }

    fn request(&self) -> Result<Request, SourceError> {
        let settings = &self.reader.settings;
        let mut request = Request::get(settings.url.clone());
        if settings.method == How::Post {
            request.method = Method::POST;
            let json = HeaderValue::from_static("application/json");
            request.headers.insert(CONTENT_TYPE, json);
        }
        request.body = settings.body.as_ref().map(|b| b.clone().into_bytes());
        let mut headers = settings.headers.iter();
        headers.try_fold(request, |request, (name, value)| request.header(name, value))
    }
}

impl Reader {
    fn read(&self, answer: &Answer, now: Instant) -> Result<Observation, SourceError> {
        let mut found = Found { now, warnings: Vec::new() };
        if too_many_values(&answer.body) {
            return Err(SourceError::BadAnswer(format!(
                "the document has more than {MAX_VALUES} values: ask for less"
            )));
        }
        let document = found.parse(answer);
        // Health endpoints say "down" with status 503 and a document that says what is down.
        let document = if answer.status.is_success() || self.tells(document.as_ref().ok()) {
            document.map_err(|e| answer.not_json(&e))?
        } else {
            return Err(answer.unexpected());
        };
        let mut facts = vec![
            Fact::Signals(self.numbers.iter().filter_map(|n| found.number(&document, n)).collect()),
            Fact::States(self.settings.states.iter().map(|s| found.state(&document, s)).collect()),
        ];
        if let Some(paths) = &self.settings.alerts {
            facts.push(Fact::Alerts(found.alerts(&document, paths)));
        }
        for fact in &mut facts {
            if let Fact::States(states) = fact {
                for state in states {
                    state.message = answer.hidden.hide(&state.message);
                }
            }
        }
        let warnings = found.warnings.iter().map(|w| answer.hidden.hide(w)).collect();
        let server = answer.headers.get(SERVER).and_then(|v| v.to_str().ok()).unwrap_or_default();
        Ok(Observation {
            source: Arc::clone(&self.name),
            at: now,
            server: clean(server, 80),
            facts,
            warnings,
        })
    }

    /// Whether a document has one of the status words.
    fn tells(&self, document: Option<&Value>) -> bool {
        let states = &self.settings.states;
        document.is_some_and(|d| states.iter().any(|s| s.path.first(d).is_some()))
    }
}

impl Source for DocumentSource {
    fn poll(&mut self, now: Instant) -> BoxFuture<'_, Result<Observation, SourceError>> {
        Box::pin(self.look(now))
    }
}

/// What is gathered while a document is read.
struct Found {
    now: Instant,
    warnings: Vec<String>,
}

impl Found {
    /// Bytes that are no UTF-8 become `�`, with a warning: the rest may still be of use.
    fn parse(&mut self, answer: &Answer) -> Result<Value, serde_json::Error> {
        if std::str::from_utf8(&answer.body).is_ok() {
            return serde_json::from_slice(&answer.body);
        }
        let warning = "the document is not UTF-8; what could not be read shows as \u{fffd}";
        self.warnings.push(warning.to_owned());
        serde_json::from_str(&String::from_utf8_lossy(&answer.body))
    }

    fn number(&mut self, document: &Value, number: &Number) -> Option<Reading> {
        let Number { ask, path } = number;
        let value = match path {
            Ok(path) => one(document, path).and_then(as_number),
            Err(e) => Err(format!("{:?} is no JSONPath: {e}", clean(&ask.query, 120))),
        };
        match value {
            Ok(value) => Some(Reading {
                service: ask.service.clone(),
                signal: Arc::clone(&ask.signal),
                value,
                at: self.now,
            }),
            Err(why) => {
                self.warnings.push(format!("{}, {}: {why}", ask.service, ask.signal));
                None
            }
        }
    }

    /// The worst of the words at the path.
    fn state(&mut self, document: &Value, at: &StatePath) -> StateReading {
        let worst = at.path.find(document).and_then(|nodes| {
            let judged = nodes.into_iter().map(|node| judge(node, at));
            let worst = judged.reduce(|a, b| if b.0 > a.0 { b } else { a });
            worst.ok_or_else(|| nothing(document, &at.path))
        });
        let (state, mut message) = worst.unwrap_or_else(|why| {
            self.warnings.push(format!("{}, {}: {why}", at.service, at.signal));
            (State::Unknown, why)
        });
        if state != State::Ok {
            let said = at.message.as_ref().and_then(|path| path.first(document));
            let said = said.map(as_line).filter(|s| !s.is_empty());
            message = said.unwrap_or(message);
        }
        let (service, signal) = (at.service.clone(), Arc::clone(&at.signal));
        StateReading { service, signal, state, message, at: self.now }
    }

    fn alerts(&mut self, document: &Value, paths: &AlertPaths) -> AlertSet {
        let mut set = AlertSet { complete: true, authoritative: true, ..AlertSet::default() };
        let nodes = paths.each.find(document).and_then(|nodes| {
            // Where the list itself is missing, nothing is known of what has cleared.
            let is_known = !nodes.is_empty() || is_empty_list(document, &paths.each);
            if is_known { Ok(nodes) } else { Err(nothing(document, &paths.each)) }
        });
        let nodes = match nodes {
            Ok(nodes) => nodes,
            Err(why) => {
                self.warnings.push(format!("alerts: {why}"));
                set.complete = false;
                return set;
            }
        };
        let mut seen = BTreeSet::new();
        let mut wrong = 0;
        for (i, node) in nodes.iter().take(MAX_ALERTS).enumerate() {
            let alert = self.alert(node, paths).and_then(|alert| {
                let twice = format!("there is a second one with the id {:?}", alert.fingerprint);
                if seen.insert(alert.fingerprint.clone()) { Ok(alert) } else { Err(twice) }
            });
            match alert {
                Ok(alert) => set.alerts.push(alert),
                Err(why) => {
                    wrong += 1;
                    if wrong <= MAX_COMPLAINTS {
                        self.warnings.push(format!("alert {i} of the document: {why}"));
                    }
                }
            }
        }
        if wrong > MAX_COMPLAINTS {
            self.warnings.push(format!("and {} more such alerts", wrong - MAX_COMPLAINTS));
        }
        if nodes.len() > MAX_ALERTS {
            set.complete = false;
            let more = nodes.len() - MAX_ALERTS;
            self.warnings.push(format!("{more} alerts beyond {MAX_ALERTS} were not read"));
        }
        set
    }

    fn alert(&self, node: &Value, paths: &AlertPaths) -> Result<Alert, String> {
        let optional = |path: &Option<Path>| {
            let found = path.as_ref()?.first(node)?;
            Some(as_line(found)).filter(|text| !text.is_empty())
        };
        let fingerprint = as_line(one(node, &paths.id)?);
        if fingerprint.is_empty() {
            return Err(format!("its id ({}) is empty", paths.id.shown()));
        }
        let title = paths.title.first(node).map(as_line).filter(|t| !t.is_empty());
        let labels = paths
            .labels
            .iter()
            .filter_map(|(name, path)| Some((clean(name, 100), as_line(path.first(node)?))));
        let mut labels: crate::domain::matcher::Labels = labels.take(64).collect();
        labels.entry("alertname".to_owned()).or_insert_with(|| fingerprint.clone());
        if let Some(severity) = optional(&paths.severity) {
            labels.insert("severity".to_owned(), severity.to_lowercase());
        }
        let since = paths.since.as_ref().and_then(|path| path.first(node));
        let since = since.and_then(as_instant).map_or(self.now, |at| at.min(self.now));
        let service = optional(&paths.service).map(|id| hygiene::service_id(&id)).transpose()?;
        let summary = title.unwrap_or_else(|| fingerprint.clone());
        Ok(Alert {
            fingerprint,
            labels,
            annotations: [("summary".to_owned(), summary)].into(),
            starts_at: since,
            status: AlertStatus::Active,
            generator_url: optional(&paths.url).as_deref().and_then(hygiene::link),
            service,
        })
    }
}

fn judge(node: &Value, at: &StatePath) -> (State, String) {
    let word = as_line(node);
    let known = at.map.iter().find(|(known, _)| known.to_lowercase() == word.to_lowercase());
    match known {
        Some((_, State::Ok)) => (State::Ok, String::new()),
        Some((_, state)) => (*state, word),
        None => (State::Unknown, format!("{word:?} is not in the map of this state")),
    }
}

/// The one node at a path.
fn one<'a>(document: &'a Value, path: &Path) -> Result<&'a Value, String> {
    match path.find(document)?.as_slice() {
        [] => Err(nothing(document, path)),
        [node] => Ok(node),
        nodes => Err(format!("{} finds {} values; make it find one", path.shown(), nodes.len())),
    }
}

fn as_number(node: &Value) -> Result<f64, String> {
    let number = match node {
        Value::Number(n) => n.as_f64(),
        Value::Bool(yes) => Some(if *yes { 1.0 } else { 0.0 }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| format!("{} is not a number", what(node)))
}

/// RFC 3339, or seconds or milliseconds since 1970.
fn as_instant(node: &Value) -> Option<Instant> {
    let at = match node {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(n) => {
            let n = n.as_f64()?;
            // Seconds pass this in the year 5138, milliseconds passed it in 1973.
            let milliseconds = if n.abs() < 1e11 { n * 1_000.0 } else { n };
            DateTime::from_timestamp_millis(milliseconds as i64)
        }
        _ => None,
    };
    at.filter(|at| *at >= Instant::UNIX_EPOCH)
}

/// One harmless line of whatever is there.
fn as_line(node: &Value) -> String {
    match node {
        Value::String(text) => clean(text, text::MAX_LINE),
        Value::Null => String::new(),
        Value::Array(_) | Value::Object(_) => what(node),
        other => other.to_string(),
    }
}

/// What a node is, for people.
fn what(node: &Value) -> String {
    match node {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => node.to_string(),
        Value::String(text) => format!("{:?}", clean(text, 40)),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(fields) => format!("an object of {}", fields.len()),
    }
}

/// Why a path found nothing: how far it leads, and what is there.
fn nothing(document: &Value, path: &Path) -> String {
    let whole = path.shown();
    let Some((beginning, _, node)) = path.reach(document) else {
        return format!("{whole} finds nothing");
    };
    let beginning = clean(beginning, 120);
    let there = match node {
        Value::Object(fields) if !fields.is_empty() => {
            let keys = fields.keys().take(MAX_KEYS).map(|k| clean(k, 40)).collect::<Vec<_>>();
            let more = if fields.len() > MAX_KEYS { ", …" } else { "" };
            format!("has {}{more}", keys.join(", "))
        }
        other => format!("is {}", what(other)),
    };
    format!("{whole} finds nothing; {beginning} {there}")
}

/// Whether a path finds nothing because the list at which it looks is empty or filtered empty.
fn is_empty_list(document: &Value, path: &Path) -> bool {
    path.reach(document).is_some_and(|(_, rest, node)| {
        let rest: String = rest.split_whitespace().collect();
        let selects = rest.starts_with("[?") || rest == "[*]" || rest == ".*";
        selects && (node.is_array() || node.is_object())
    })
}

/// Whether a JSON text has more than [`MAX_VALUES`] values, by what separates them.
fn too_many_values(body: &[u8]) -> bool {
    let (mut values, mut quoted, mut escaped) = (0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b',' | b'[' | b'{' if !quoted => values += 1,
            _ => {}
        }
    }
    values > MAX_VALUES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::health::ServiceId;
    use proptest::prelude::*;
    use rstest::rstest;

    const HEALTH: &str = include_str!("../../tests/fixtures/http/actuator_health.json");
    const DOWN: &str = include_str!("../../tests/fixtures/http/actuator_health_down.json");
    const HOSTILE: &str = include_str!("../../tests/fixtures/http/ansi.json");
    const STATUS_PAGE: &str = include_str!("../../tests/fixtures/http/statuspage_summary.json");

    fn now() -> Instant {
        "2026-11-24T14:00:00Z".parse().unwrap()
    }

    fn found() -> Found {
        Found { now: now(), warnings: Vec::new() }
    }

    fn document(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn path(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    fn number(text: &str, query: &str) -> Result<f64, String> {
        let ask =
            Ask { service: ServiceId::new("app"), signal: Arc::from("n"), query: query.to_owned() };
        let number = Number { path: Path::parse(query).map_err(|e| e.to_string()), ask };
        let mut found = found();
        let reading = found.number(&document(text), &number);
        reading.map(|r| r.value).ok_or_else(|| found.warnings.concat())
    }

    fn state_path(at: &str, message: Option<&str>) -> StatePath {
        let map = [
            ("up", State::Ok),
            ("down", State::Critical),
            ("operational", State::Ok),
            ("degraded_performance", State::Warning),
            ("partial_outage", State::Warning),
            ("major_outage", State::Critical),
            ("under_maintenance", State::Maintenance),
        ];
        StatePath {
            service: ServiceId::new("app"),
            signal: Arc::from("health"),
            path: path(at),
            map: map.map(|(word, state)| (word.to_owned(), state)).into(),
            message: message.map(path),
        }
    }

    fn alert_paths(each: &str) -> AlertPaths {
        AlertPaths {
            each: path(each),
            id: path("$.id"),
            title: path("$.name"),
            severity: Some(path("$.impact")),
            since: Some(path("$.created_at")),
            url: Some(path("$.shortlink")),
            labels: [("status".to_owned(), path("$.status"))].into(),
            service: None,
        }
    }

    #[rstest]
    #[case("$.components.db.details.pool.active", 3.0)]
    #[case("$.components.diskSpace.details.exists", 1.0)]
    #[case("$['components']['diskSpace']['details']['free']", 91_300_069_376.0)]
    fn numbers_are_found(#[case] query: &str, #[case] expect: f64) {
        assert_eq!(number(HEALTH, query), Ok(expect));
    }

    #[rstest]
    #[case(r#"{"v":" 1.5e3 "}"#, Ok(1_500.0))]
    #[case(r#"{"v":"many"}"#, Err("app, n: \"many\" is not a number"))]
    #[case(r#"{"v":null}"#, Err("app, n: null is not a number"))]
    #[case(r#"{"v":[1,2]}"#, Err("app, n: a list of 2 is not a number"))]
    fn text_counts_as_a_number_if_it_is_one(#[case] text: &str, #[case] expect: Result<f64, &str>) {
        assert_eq!(number(text, "$.v"), expect.map_err(str::to_owned));
    }

    #[rstest]
    #[case("$.components.cache.status", &["status finds nothing; $", "has ", "diskSpace", "redis"])]
    #[case("$.status.db", &["db finds nothing; $", "status is \"UP\""])]
    #[case("$.groups[7]", &["[7] finds nothing; $", "groups is a list of 2"])]
    #[case("$.nothing", &["nothing finds nothing; $ has ", "components", "groups"])]
    #[case("$.components[*].status", &["finds 4 values; make it find one"])]
    #[case("components", &["\"components\" is no JSONPath"])]
    fn a_path_that_finds_no_number_says_what_is_there(
        #[case] query: &str,
        #[case] expect: &[&str],
    ) {
        let why = number(HEALTH, query).unwrap_err();
        for part in expect {
            assert!(why.contains(part), "{why}");
        }
    }

    #[rstest]
    #[case(HEALTH, "$.status", State::Ok, "")]
    #[case(DOWN, "$.components.redis.status", State::Critical, "org.springframework.dao")]
    #[case(DOWN, "$.components[*].status", State::Critical, "org.springframework.dao")]
    #[case(STATUS_PAGE, "$.components[1].status", State::Warning, "degraded_performance")]
    #[case(STATUS_PAGE, "$.components[4].status", State::Maintenance, "under_maintenance")]
    #[case(STATUS_PAGE, "$.status.indicator", State::Unknown, "\"major\" is not in the map")]
    #[case(STATUS_PAGE, "$.nowhere", State::Unknown, "finds nothing")]
    fn words_become_states(
        #[case] text: &str,
        #[case] at: &str,
        #[case] state: State,
        #[case] says: &str,
    ) {
        let message = Some("$.components.redis.details.error");
        let mut found = found();
        let reading = found.state(&document(text), &state_path(at, message));
        assert_eq!(reading.state, state);
        assert!(reading.message.contains(says), "{}", reading.message);
        assert_eq!(found.warnings.is_empty(), at != "$.nowhere");
    }

    #[test]
    fn a_hostile_word_is_harmless() {
        let reading = found().state(&document(HOSTILE), &state_path("$.status", Some("$.msg")));
        assert_eq!((reading.state, reading.message.as_str()), (State::Critical, "rtl"));
    }

    #[test]
    fn incidents_of_a_status_page_are_alerts() {
        let mut found = found();
        let set = found.alerts(&document(STATUS_PAGE), &alert_paths("$.incidents[*]"));
        assert!(found.warnings.is_empty(), "{:?}", found.warnings);
        let [alert] = set.alerts.as_slice() else { panic!("{set:?}") };
        assert!(set.complete && set.authoritative);
        assert_eq!(alert.fingerprint, "i1");
        assert_eq!(alert.annotations["summary"], "Elevated error rates");
        assert_eq!(alert.labels["severity"], "major");
        assert_eq!(alert.labels["status"], "investigating");
        assert_eq!(alert.starts_at.to_rfc3339(), "2026-01-05T14:50:00+00:00");
        assert_eq!(alert.generator_url.as_deref(), Some("http://127.0.0.1/i1"));
    }

    #[rstest]
    #[case("$.scheduled_maintenances[*]", true, 0)]
    #[case("$.incidents[?@.status=='resolved']", true, 0)]
    #[case("$..scheduled_maintenances[*]", true, 0)]
    #[case("$.scheduled_maintenances [ * ]", true, 0)]
    #[case("$.incidentes[*]", false, 1)]
    #[case("$..incidentes[*]", false, 1)]
    fn no_alerts_are_good_news_only_where_the_list_is(
        #[case] each: &str,
        #[case] complete: bool,
        #[case] warnings: usize,
    ) {
        let mut found = found();
        let set = found.alerts(&document(STATUS_PAGE), &alert_paths(each));
        assert!(set.alerts.is_empty());
        assert_eq!((set.complete, found.warnings.len()), (complete, warnings));
    }

    #[test]
    fn alerts_that_make_no_sense_are_told_and_counted() {
        let many: Vec<Value> = (0..20).map(|_| serde_json::json!({"name": "x"})).collect();
        let document = serde_json::json!({ "incidents": many });
        let mut found = found();
        let set = found.alerts(&document, &alert_paths("$.incidents[*]"));
        assert!(set.alerts.is_empty());
        assert_eq!(found.warnings.len(), MAX_COMPLAINTS + 1);
        assert!(found.warnings[0].contains("$.id finds nothing"), "{}", found.warnings[0]);
        assert_eq!(found.warnings[MAX_COMPLAINTS], "and 15 more such alerts");
    }

    #[rstest]
    #[case("1767624600", Some("2026-01-05T14:50:00+00:00"))]
    #[case("1767624600000", Some("2026-01-05T14:50:00+00:00"))]
    #[case("\"2026-01-05T09:50:00-05:00\"", Some("2026-01-05T14:50:00+00:00"))]
    #[case("\"yesterday\"", None)]
    #[case("-5", None)]
    #[case("1e300", None)]
    fn an_instant_is_written_in_many_ways(#[case] text: &str, #[case] expect: Option<&str>) {
        let at = as_instant(&document(text)).map(|at| at.to_rfc3339());
        assert_eq!(at.as_deref(), expect);
    }

    #[test]
    fn what_is_in_quotes_is_no_value() {
        let quoted = format!(r#"["{}", "\\", "\""]"#, ",[{".repeat(MAX_VALUES));
        assert!(!too_many_values(quoted.as_bytes()));
        assert!(too_many_values(r#"{"":0},"#.repeat(MAX_VALUES / 2 + 1).as_bytes()));
    }

    proptest! {
        #[test]
        fn whatever_the_document_says_is_bounded_and_harmless(text in "\\PC{0,60}", n: f64) {
            let document = serde_json::json!({"status": text, "v": n, "incidents": [
                {"id": text, "name": text, "created_at": n, "status": text}]});
            let mut found = found();
            let reading = found.state(&document, &state_path("$.status", Some("$.status")));
            let set = found.alerts(&document, &alert_paths("$.incidents[*]"));
            let labels = set.alerts.iter().flat_map(|a| a.labels.values());
            for said in labels.chain([&reading.message]).chain(&found.warnings) {
                prop_assert!(said.chars().count() <= 2_000);
                prop_assert!(!said.chars().any(char::is_control));
            }
        }
    }
}
