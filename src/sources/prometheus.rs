//! Prometheus, and what speaks like it (VictoriaMetrics, Thanos, Mimir): values by PromQL, history by
//! range queries, alerts.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use futures::StreamExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::http_client::{Answer, Clients, Http, Request, address, below};
use super::settings::{Ask, Prometheus as Settings, SourceSettings};
use super::{Source, SourceError, hygiene};
use crate::domain::matcher::{Labels, Matchers, Op};
use crate::domain::observation::{
    Alert, AlertSet, AlertStatus, Fact, Heartbeat, Observation, Reading, Series, SourceName,
};
use crate::domain::text;
use crate::domain::time::Instant;

/// How many queries of one poll are under way at once.
const CONCURRENT_QUERIES: usize = 4;
/// How many points a series may have; Prometheus refuses more than 11,000, the history keeps fewer.
const RANGE_POINTS: i64 = 1_440;

/// One server.
pub struct Prometheus {
    name: SourceName,
    settings: Settings,
    asks: Vec<Ask>,
    http: Http,
    server: Option<String>,
    backfilled: bool,
}

impl Prometheus {
    pub fn new(source: &SourceSettings, settings: Settings, clients: &Clients) -> Self {
        Self {
            name: source.name.clone(),
            settings,
            asks: source.asks.clone(),
            http: Http::new(source, clients),
            server: None,
            backfilled: false,
        }
    }

    async fn observe(&mut self, now: Instant) -> Result<Observation, SourceError> {
        let server = self.server().await?;
        let mut warnings = Vec::new();
        let mut facts = Vec::new();
        if !self.backfilled && !self.settings.backfill.is_zero() && !self.asks.is_empty() {
            facts.push(Fact::Backfill(self.history(now, &mut warnings).await));
            self.backfilled = true;
        }
        if !self.asks.is_empty() {
            facts.push(Fact::Signals(self.values(&mut warnings).await?));
        }
        if self.settings.alerts {
            facts.push(Fact::Alerts(self.alerts(now).await?));
        }
        Ok(Observation { source: self.name.clone(), at: now, server, facts, warnings })
    }

    /// What the server calls itself; asked for once, and again after it was away.
    async fn server(&mut self) -> Result<String, SourceError> {
        if let Some(server) = &self.server {
            return Ok(server.clone());
        }
        let answer = self
            .http
            .send(&Request::get(below(&self.settings.url, "api/v1/status/buildinfo")))
            .await?;
        // Some who speak the language do not have this page; that they answered is enough.
        let version = answer
            .json::<Envelope<BuildInfo>>()
            .ok()
            .and_then(|e| e.data)
            .map(|b| text::clean(&b.version, 40))
            .filter(|v| !v.is_empty());
        let server =
            version.map_or_else(|| "Prometheus API".to_owned(), |v| format!("Prometheus {v}"));
        self.server = Some(server.clone());
        Ok(server)
    }

    /// One instant query for each signal. A query that fails is a warning; only when none can be
    /// asked has the poll failed.
    async fn values(&self, warnings: &mut Vec<String>) -> Result<Vec<Reading>, SourceError> {
        let url = below(&self.settings.url, "api/v1/query");
        let mut queries = Vec::with_capacity(self.asks.len());
        for ask in &self.asks {
            let url = url.clone();
            queries.push(async move {
                let form = [("query", ask.query.as_str())];
                let answer = self.http.send(&Request::post_form(url, &form)).await;
                (ask, answer.and_then(|a| sampled(&a)))
            });
        }
        let answers: Vec<_> =
            futures::stream::iter(queries).buffer_unordered(CONCURRENT_QUERIES).collect().await;
        let mut readings = Vec::new();
        let mut unreachable = None;
        for (ask, answer) in answers {
            let of = format!("{} of {}", ask.signal, ask.service);
            match answer {
                Ok(sampled) => {
                    warnings.extend(sampled.warnings.iter().map(|w| format!("{of}: {w}")));
                    if sampled.series > 1 {
                        warnings.push(format!(
                            "{of}: the query gives {} series, the first is shown; aggregate it, \
                             as in sum(…) or max(…)",
                            sampled.series
                        ));
                    }
                    match sampled.sample {
                        Some((at, value)) => readings.push(Reading {
                            service: ask.service.clone(),
                            signal: ask.signal.clone(),
                            value,
                            at,
                        }),
                        None => warnings.push(format!("{of}: the query gives nothing")),
                    }
                }
                Err(SourceError::BadAnswer(why)) => warnings.push(format!("{of}: {why}")),
                Err(error) => unreachable = Some(error),
            }
        }
        match unreachable {
            Some(error) => Err(error),
            None => Ok(readings),
        }
    }

    /// The past of each signal, at a step that keeps to the points that are kept.
    async fn history(&self, now: Instant, warnings: &mut Vec<String>) -> Vec<Series> {
        let span = TimeDelta::from_std(self.settings.backfill).unwrap_or(TimeDelta::hours(6));
        let step = (span.num_seconds() / RANGE_POINTS).max(15).to_string();
        let (start, end) = ((now - span).timestamp().to_string(), now.timestamp().to_string());
        let url = below(&self.settings.url, "api/v1/query_range");
        let mut queries = Vec::with_capacity(self.asks.len());
        for ask in &self.asks {
            let (url, step, start, end) = (url.clone(), &step, &start, &end);
            queries.push(async move {
                let query = ask.query.as_str();
                let form = [("query", query), ("start", start), ("end", end), ("step", step)];
                let answer = self.http.send(&Request::post_form(url, &form)).await;
                (ask, answer.and_then(|a| past(&a)))
            });
        }
        let answers: Vec<_> =
            futures::stream::iter(queries).buffer_unordered(CONCURRENT_QUERIES).collect().await;
        let mut series = Vec::new();
        for (ask, answer) in answers {
            match answer {
                Ok(points) if points.is_empty() => {}
                Ok(points) => series.push(Series {
                    service: ask.service.clone(),
                    signal: ask.signal.clone(),
                    points,
                }),
                Err(why) => warnings.push(format!("no history of {}: {why}", ask.signal)),
            }
        }
        series
    }

    async fn alerts(&self, now: Instant) -> Result<AlertSet, SourceError> {
        let answer =
            self.http.send(&Request::get(below(&self.settings.url, "api/v1/alerts"))).await?;
        let data: AlertData = payload(&answer)?.data;
        let firing = data.alerts.into_iter().filter(|a| a.state == "firing");
        let alerts: Vec<Alert> = firing.map(|a| a.clean(now, &self.settings.url)).collect();
        let heartbeats = self
            .settings
            .heartbeats
            .iter()
            .map(|m| pulse(m, alerts.iter().any(|a| m.matches(&a.labels)).then_some(now)))
            .collect();
        let origins = Vec::new();
        Ok(AlertSet { complete: true, alerts, heartbeats, origins, authoritative: true })
    }
}

impl Source for Prometheus {
    fn poll(&mut self, now: Instant) -> BoxFuture<'_, Result<Observation, SourceError>> {
        Box::pin(async move {
            let outcome = self.observe(now).await;
            if outcome.is_err() {
                self.server = None;
            }
            outcome
        })
    }
}

/// A heartbeat by its matchers, and when it was last renewed.
pub(super) fn pulse(matchers: &Matchers, renewed_at: Option<Instant>) -> Heartbeat {
    let scope = matchers
        .iter()
        .filter(|m| m.op == Op::Equal && m.name != "alertname")
        .map(|m| (m.name.clone(), m.value.clone()))
        .collect();
    Heartbeat { matchers: matchers.to_string(), firing: renewed_at.is_some(), scope, renewed_at }
}

// --- the answers ---------------------------------------------------------------------------------

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<T> {
    #[serde(default)]
    status: String,
    data: Option<T>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct BuildInfo {
    #[serde(default)]
    version: String,
}

struct Payload<T> {
    data: T,
    warnings: Vec<String>,
}

/// The data of an answer, or the server's own words. Data can come together with an error.
fn payload<'a, T: Deserialize<'a>>(answer: &'a Answer) -> Result<Payload<T>, SourceError> {
    let envelope: Envelope<T> = match serde_json::from_slice(&answer.body) {
        Ok(envelope) => envelope,
        Err(error) if answer.status.is_success() => return Err(answer.not_json(&error)),
        Err(_) => return Err(unexpected(answer)),
    };
    let mut warnings: Vec<String> = Vec::new();
    if !envelope.error.is_empty() {
        let why = text::clean(&envelope.error, 300);
        let kind = text::clean(&envelope.error_type, 40);
        if envelope.data.is_none() || envelope.status != "success" {
            let remedy = if kind == "bad_data" { "; correct the query" } else { "" };
            let at = address(&answer.url);
            return Err(SourceError::BadAnswer(format!("{at} said {kind}: {why}{remedy}")));
        }
        warnings.push(why);
    }
    warnings.extend(envelope.warnings.iter().take(8).map(|w| text::clean(w, 300)));
    match envelope.data {
        Some(data) => Ok(Payload { data, warnings }),
        None => Err(unexpected(answer)),
    }
}

/// What to say of an answer that is not Prometheus's.
fn unexpected(answer: &Answer) -> SourceError {
    answer.clone().checked().err().unwrap_or_else(|| {
        let at = address(&answer.url);
        SourceError::BadAnswer(format!("{at} does not answer like a Prometheus; check the url"))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryData<'a> {
    result_type: String,
    #[serde(borrow)]
    result: &'a RawValue,
}

#[derive(Deserialize)]
struct VectorItem<'a> {
    #[serde(borrow, default)]
    metric: BTreeMap<std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>>,
    #[serde(default)]
    value: Option<Point>,
}

#[derive(Deserialize)]
struct MatrixItem {
    #[serde(default)]
    values: Vec<Point>,
}

/// `[seconds, "value"]`.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: f64,
    value: f64,
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pair;
        impl<'de> serde::de::Visitor<'de> for Pair {
            type Value = Point;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a pair of seconds and a number as text")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<Point, A::Error> {
                let missing = || serde::de::Error::custom("a sample without its value");
                let at: f64 = seq.next_element()?.ok_or_else(missing)?;
                let value: Number = seq.next_element()?.ok_or_else(missing)?;
                Ok(Point { at, value: value.0 })
            }
        }
        deserializer.deserialize_seq(Pair)
    }
}

/// A float written as text: `1.5e-07`, `NaN`, `+Inf`.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Number;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number as text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map(Number).map_err(|_| E::custom("not a number"))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[derive(Debug, PartialEq)]
struct Sampled {
    sample: Option<(Instant, f64)>,
    series: usize,
    warnings: Vec<String>,
}

/// The one value of an instant query; of several series the first by its labels.
fn sampled(answer: &Answer) -> Result<Sampled, SourceError> {
    let Payload { data, warnings } = payload::<QueryData<'_>>(answer)?;
    let bad = |e: serde_json::Error| answer.not_json(&e);
    let (point, series) = match data.result_type.as_str() {
        "scalar" => (Some(serde_json::from_str(data.result.get()).map_err(bad)?), 1),
        "vector" => {
            let items: Vec<VectorItem<'_>> =
                serde_json::from_str(data.result.get()).map_err(bad)?;
            let series = items.len();
            let first = items.into_iter().min_by(|a, b| a.metric.cmp(&b.metric));
            (first.and_then(|i| i.value), series)
        }
        other => {
            let kind = text::clean(other, 40);
            let why = format!("the query gives a {kind}, not one number; reduce it to a vector");
            return Err(SourceError::BadAnswer(why));
        }
    };
    let sample = point.and_then(|p| Some((instant(p.at)?, p.value)));
    Ok(Sampled { sample, series, warnings })
}

/// The points of a range query, oldest first; of several series the first.
fn past(answer: &Answer) -> Result<Vec<(Instant, f64)>, SourceError> {
    let data = payload::<QueryData<'_>>(answer)?.data;
    let items: Vec<MatrixItem> =
        serde_json::from_str(data.result.get()).map_err(|e| answer.not_json(&e))?;
    let points = items.into_iter().next().map(|i| i.values).unwrap_or_default();
    Ok(points.into_iter().filter_map(|p| Some((instant(p.at)?, p.value))).collect())
}

/// How many points a range answer holds; for the benchmark, which measures the reading alone.
pub fn count_points(body: &[u8]) -> Option<usize> {
    let envelope: Envelope<QueryData<'_>> = serde_json::from_slice(body).ok()?;
    let items: Vec<MatrixItem> = serde_json::from_str(envelope.data?.result.get()).ok()?;
    Some(items.iter().map(|i| i.values.iter().filter(|p| !p.value.is_nan()).count()).sum())
}

fn instant(seconds: f64) -> Option<Instant> {
    DateTime::from_timestamp_millis((seconds * 1_000.0) as i64)
}

#[derive(Deserialize)]
struct AlertData {
    alerts: Vec<RawAlert>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAlert {
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    state: String,
    active_at: Option<Instant>,
}

impl RawAlert {
    fn clean(self, now: Instant, url: &url::Url) -> Alert {
        let labels: Labels = hygiene::labels(self.labels);
        Alert {
            fingerprint: hygiene::fingerprint(&labels),
            labels,
            annotations: hygiene::annotations(self.annotations),
            starts_at: self.active_at.unwrap_or(now),
            status: AlertStatus::Active,
            generator_url: Some(below(url, "alerts").to_string()),
            service: None,
        }
    }
}
