//! `[[services]]` and their `[[services.signals]]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;

use super::source::ReadSource;
use crate::config::problem::Place;
use crate::config::reader::{Section, Text, address};
use crate::domain::health::{
    Dimension, Direction, Service, ServiceId, Signal, SignalName, Thresholds,
};
use crate::domain::text::clean;
use crate::domain::text::suggest;
use crate::domain::time::WeekHours;
use crate::sources::settings::{Ask, Kind};

/// What the config's sources are, for signals that name one.
pub struct Upstreams<'s, 'a> {
    pub read: &'s mut Vec<ReadSource<'a>>,
    /// Every source by name and kind, also those that could not be read.
    pub names: &'s [(String, &'static str)],
    /// Alerts come from somewhere, so thresholds on Prometheus only colour.
    pub alerting: bool,
}

/// A service as it was read, with the places of what must be checked against the rest.
pub struct ReadService<'a> {
    pub service: Service,
    pub id: Text<'a>,
    /// When it may be worked on, if not at any time.
    pub allowed: Option<WeekHours>,
    pub depends_on: Vec<Text<'a>>,
    pub parent: Option<Text<'a>>,
    /// The policy by which people are paged for it.
    pub escalation: Option<Text<'a>>,
}

/// All of them.
pub fn services<'a>(
    sections: Vec<Section<'a>>,
    upstreams: &mut Upstreams<'_, 'a>,
) -> Vec<ReadService<'a>> {
    sections
        .into_iter()
        .filter_map(|s| {
            let service = service(&s, upstreams);
            s.finish();
            service
        })
        .collect()
}

fn service<'a>(s: &Section<'a>, upstreams: &mut Upstreams<'_, 'a>) -> Option<ReadService<'a>> {
    let id = s.id("id = \"checkout\"");
    let service_id = ServiceId::new(id.map_or("", |t| t.value));
    let name = s.filled("name").map_or_else(|| service_id.to_string(), |t| clean(t.value, 80));
    let tier = s.integer("tier", 1..=4).map_or(3, |n| n as u8);
    let team = s.filled("team").map(|t| clean(t.value, 60));
    let escalation = s.filled("escalation");
    let parent = s.filled("parent");
    let depends_on = s.texts("depends_on").unwrap_or_default();
    let matchers = s.matchers("match");
    let runbooks = s.texts("runbooks").unwrap_or_default();
    let links = links(s);
    let allowed = s.hours("allowed");
    let quorum = s.integer("quorum", 1..=10_000).map(|n| n as u32);
    let mut signals: Vec<Signal> = Vec::new();
    let mut places: Vec<Place> = Vec::new();
    for section in s.sections("signals") {
        if let Some((signal, at)) = signal(&section, &service_id, upstreams) {
            let twin = signals.iter().position(|known| known.name == signal.name);
            if let Some(first) = twin.and_then(|i| places.get(i)) {
                let message = format!("signal \"{}\" of {service_id} is there twice", signal.name);
                s.report().clash(at, *first, message, "rename one of them");
            }
            signals.push(signal);
            places.push(at);
        }
        section.finish();
    }
    let id = id?;
    let service = Service {
        id: service_id,
        name,
        tier,
        team,
        escalation: escalation.map(|t| t.value.into()),
        parent: parent.map(|t| ServiceId::new(t.value)),
        depends_on: depends_on.iter().map(|t| ServiceId::new(t.value)).collect(),
        matchers,
        runbooks: runbooks.into_iter().map(|t| t.value.to_owned()).collect(),
        links,
        signals,
        quorum,
    };
    Some(ReadService { service, id, allowed, depends_on, parent, escalation })
}

fn links(s: &Section<'_>) -> BTreeMap<String, String> {
    let mut links = BTreeMap::new();
    for (name, text) in s.pairs("links") {
        if s.url_of(text, &["https", "http"]).is_some() {
            links.insert(clean(name, 40), text.value.to_owned());
        }
    }
    links
}

fn signal(
    s: &Section<'_>,
    service: &ServiceId,
    upstreams: &mut Upstreams<'_, '_>,
) -> Option<(Signal, Place)> {
    let name = s.required_text("name", "name = \"p99 latency\"");
    let source = s.required_text("source", "source = \"prom-dc1\"");
    let dimensions = Dimension::ALL.map(|d| (d.word(), d));
    let dimension = s.word("dimension", &dimensions).unwrap_or_default();
    let unit = s.text("unit").map_or_else(String::new, |t| clean(t.value, 20));
    let thresholds = thresholds(s);
    let raises = s.flag("raises");
    let upstream = source.and_then(|source| {
        let found = upstreams.names.iter().find(|(name, _)| name == source.value);
        if found.is_none() {
            let known: Vec<&str> = upstreams.names.iter().map(|(n, _)| n.as_str()).collect();
            let message = format!("unknown source \"{}\" in services.signals", source.value);
            let meant = || suggest(source.value, &known, "defined sources");
            s.report().error(source.at, message, s.report().remedy(meant));
        }
        found
    });
    // All keys are asked for, so that none of them counts as unknown where the source is.
    let given = [("query", s.text("query")), ("path", s.text("path"))];
    let more =
        [("metric", s.text("metric")), ("url", s.text("url")), ("measure", s.text("measure"))];
    let given: Vec<(&str, Text<'_>)> = given
        .into_iter()
        .chain(more)
        .filter_map(|(key, text)| text.map(|text| (key, text)))
        .collect();
    let (_, kind) = upstream?;
    let query = query(s, kind, &given);
    let (name, source) = (name?, source?);
    if name.value == "_" || name.value.len() > 80 {
        s.report().error(name.at, "this name is not usable", "use 1 to 80 characters");
    }
    let signal_name: SignalName = Arc::from(clean(name.value, 80));
    let query = query?;
    if let Some(read) = upstreams.read.iter_mut().find(|r| *r.settings.name == *source.value) {
        read.settings.asks.push(Ask {
            service: service.clone(),
            signal: signal_name.clone(),
            query: query.clone(),
        });
    }
    let signal = Signal {
        name: signal_name,
        dimension,
        source: Arc::from(source.value),
        query,
        unit,
        thresholds,
        raises: raises.unwrap_or(*kind != "prometheus" || !upstreams.alerting),
    };
    Some((signal, name.at))
}

fn thresholds(s: &Section<'_>) -> Thresholds {
    let words = [("above", Direction::Above), ("below", Direction::Below)];
    let direction = s.word("direction", &words).unwrap_or_default();
    let (warn, crit) = (s.number("warn"), s.number("crit"));
    if let (Some(w), Some(c)) = (warn, crit) {
        let (wrong, other) = match direction {
            Direction::Above => (w > c, "below"),
            Direction::Below => (w < c, "above"),
        };
        if wrong {
            let word = if other == "below" { "above" } else { "below" };
            let message = format!("warn = {w} lies beyond crit = {c} for direction \"{word}\"");
            let remedy = format!("swap them, or set direction = \"{other}\"");
            s.report().error(s.key_place("warn").unwrap_or(s.at), message, remedy);
        }
    }
    let hold = s.duration("for", TimeDelta::zero()..=TimeDelta::days(7)).unwrap_or_default();
    let hysteresis = s.number("hysteresis").unwrap_or(0.0);
    if !(0.0..=0.5).contains(&hysteresis) {
        let at = s.key_place("hysteresis").unwrap_or(s.at);
        let remedy = "it is a fraction of the threshold, 0 to 0.5; 0.05 is usual";
        s.report().error(at, format!("hysteresis = {hysteresis} is out of range"), remedy);
    }
    Thresholds { warn, crit, direction, hold, hysteresis: hysteresis.clamp(0.0, 0.5) }
}

/// What is asked of the source, in the key that belongs to its kind.
fn query(s: &Section<'_>, kind: &str, given: &[(&str, Text<'_>)]) -> Option<String> {
    let (wanted, example) = match kind {
        "prometheus" => ("query", "query = \"sum(rate(http_requests_total[5m]))\""),
        "http" => ("path", "path = \"$.jvm.mem.used\""),
        "host" => ("metric", "metric = \"cpu\""),
        "probe" => ("url", "url = \"https://shop.example/health\""),
        "command" => ("", ""),
        _ => {
            let message = format!("a source of kind \"{kind}\" has no values to ask for");
            s.report().error(s.key_place("source").unwrap_or(s.at), message, "name another source");
            return None;
        }
    };
    for (key, text) in given.iter().filter(|(key, _)| *key != wanted) {
        if kind == "probe" && *key == "measure" {
            continue;
        }
        let remedy = if wanted.is_empty() {
            "remove it: the program names its signals itself".to_owned()
        } else {
            format!("here it is {wanted}, as in {example}")
        };
        s.report().error(text.at, format!("{key} does not belong to a {kind} source"), remedy);
    }
    if wanted.is_empty() {
        return Some(String::new());
    }
    let found = given.iter().find(|(key, _)| *key == wanted).map(|(_, text)| *text);
    let Some(text) = found.filter(|t| !t.value.trim().is_empty()) else {
        s.missing(wanted, example);
        return None;
    };
    match kind {
        "http" => s.json_path_of(text).map(|_| text.value.to_owned()),
        "probe" => probe_query(s, text, given),
        _ => Some(text.value.trim().to_owned()),
    }
}

fn probe_query(s: &Section<'_>, url: Text<'_>, given: &[(&str, Text<'_>)]) -> Option<String> {
    if let Err((message, remedy)) = address(url.value, &["https", "http", "tcp"]) {
        s.report().error(url.at, message, remedy);
        return None;
    }
    if url.value.starts_with("tcp://")
        && address(url.value, &["tcp"]).is_ok_and(|u| u.port().is_none())
    {
        s.report().error(url.at, "this address has no port", "write it as tcp://host:port");
        return None;
    }
    let Some((_, measure)) = given.iter().find(|(key, _)| *key == "measure") else {
        return Some(url.value.to_owned());
    };
    let known = ["latency", "dns", "connect", "tls", "first_byte", "status", "certificate", "up"];
    if !known.contains(&measure.value) {
        let message = format!("a probe cannot measure \"{}\"", measure.value);
        s.report().error(measure.at, message, suggest(measure.value, &known, "it measures"));
        return None;
    }
    Some(format!("{} {}", url.value, measure.value))
}

/// Whether some source brings alerts.
pub fn alerting(sources: &[ReadSource<'_>]) -> bool {
    sources.iter().any(|s| match &s.settings.kind {
        Kind::Alertmanager(_) => true,
        Kind::Prometheus(p) => p.alerts,
        _ => false,
    })
}
