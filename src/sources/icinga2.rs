//! Icinga 2 by its API: what is a problem, and what somebody acknowledged or put into a downtime.
//!
//! A host or service in a hard state other than OK is an alert. Its labels are `alertname`, `host`,
//! `service`, `severity`, `hostgroups` and `servicegroups` (comma-separated), and those custom
//! variables of host and service that the config names; by them `match` of a service finds it, and by
//! the same a window mutes it.

pub mod acknowledgements;
pub mod downtimes;
pub mod orders;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use self::acknowledgements::There;
use self::downtimes::Object;
use super::http_client::{Answer, Clients, Http, Request, below};
use super::mirror::within;
use super::settings::{Icinga2 as Settings, SourceSettings};
use super::{Source, SourceError, hygiene};
use crate::domain::matcher::Labels;
use crate::domain::observation::{Alert, AlertSet, AlertStatus, Fact, Observation, SourceName};
use crate::domain::text;
use crate::domain::time::{Instant, Interval, before};

/// What is asked of problems, beside what makes their labels.
const VERDICT: [&str; 5] =
    ["state", "last_state_change", "last_check_result", "acknowledgement", "downtime_depth"];
/// How far two clocks may be apart.
const SKEW: TimeDelta = TimeDelta::seconds(10);

/// One Icinga.
pub struct Icinga2Source {
    name: SourceName,
    settings: Settings,
    timeout: Duration,
    api: Api,
    /// What it calls itself; asked for again after it was away.
    server: Option<String>,
}

/// How an Icinga is asked.
pub(super) struct Api {
    pub url: Url,
    pub http: Http,
    /// The custom variables that are read.
    vars: Vec<String>,
}

impl Icinga2Source {
    pub fn new(source: &SourceSettings, settings: &Settings, clients: &Clients) -> Self {
        Self {
            name: source.name.clone(),
            settings: settings.clone(),
            timeout: source.timeout,
            api: Api::new(source, settings, clients),
            server: None,
        }
    }

    async fn observe(&mut self, now: Instant) -> Result<Observation, SourceError> {
        // Before: one that is removed in between must not look like somebody else's.
        let own = self.own_downtimes(now).await;
        let before = self.own_acknowledgements().await;
        let problems = self.api.rows(&VERDICT, true).await?;
        let is_acknowledged = |row: &Row| row.attrs.acknowledgement > 0.0;
        let there = if problems.iter().any(is_acknowledged) {
            // Without the right to read comments it is only known that they are there.
            acknowledgements::all(&self.api).await.unwrap_or_default()
        } else {
            BTreeMap::new()
        };
        let ours = |there: &There| there.is_ours(self.settings.acknowledge.as_ref());
        let is_ours =
            |object: &Object| before.contains(object) || there.get(object).is_some_and(ours);
        let alerts = alerts(problems, &own, Known { is_ours: &is_ours, there: &there });
        if self.server.is_none() {
            let version = within(self.timeout / 4, self.api.version()).await;
            self.server = Some(format!("Icinga {}", version.unwrap_or_default()));
        }
        let server = self.server.as_deref().unwrap_or_default().trim_end().to_owned();
        let set = AlertSet { complete: true, authoritative: true, alerts, ..AlertSet::default() };
        let facts = vec![Fact::Alerts(set)];
        Ok(Observation { source: self.name.clone(), at: now, server, facts, warnings: Vec::new() })
    }

    /// The objects that are acknowledged only because somebody has them here.
    async fn own_acknowledgements(&self) -> BTreeSet<Object> {
        let owner = self.settings.acknowledge.as_ref();
        if owner.is_none() {
            return BTreeSet::new();
        }
        // Who cannot read them makes none either.
        let all = acknowledgements::all(&self.api).await.unwrap_or_default();
        all.into_iter()
            .filter(|(_, there)| there.is_ours(owner))
            .map(|(object, _)| object)
            .collect()
    }

    /// How many downtimes each object is in only because maintenance was made known there.
    async fn own_downtimes(&self, now: Instant) -> HashMap<Object, u32> {
        let mut count = HashMap::new();
        let Some(owner) = &self.settings.mirror else { return count };
        // Who cannot read them makes none either.
        let own = downtimes::owned(&self.api, owner).await.unwrap_or_default();
        // By the server's clock it may last a moment longer.
        let lasts = |at: Interval| at.from <= now && at.to > before(now, SKEW);
        for downtime in own.into_iter().filter(|d| lasts(d.at)) {
            *count.entry(downtime.target).or_default() += 1;
        }
        count
    }
}

impl Source for Icinga2Source {
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

impl Api {
    pub fn new(source: &SourceSettings, settings: &Settings, clients: &Clients) -> Self {
        let (url, vars) = (settings.url.clone(), settings.vars.clone());
        Self { url, http: Http::new(source, clients), vars }
    }

    /// All objects of a type that a filter leaves, with these attributes.
    pub async fn objects<T: DeserializeOwned + Send + 'static>(
        &self,
        types: &str,
        query: &Value,
    ) -> Result<Vec<T>, SourceError> {
        let url = below(&self.url, &format!("v1/objects/{types}"));
        // A filter in the body can be as long as it has to be.
        let request = Request::ask_json(url, query).header("x-http-method-override", "GET")?;
        let answer = self.http.send(&request).await?.checked()?;
        // Many objects take a while to read: not on the runtime's threads.
        tokio::task::spawn_blocking(move || Ok(answer.json::<Results<T>>()?.results))
            .await
            .map_err(|e| SourceError::BadAnswer(format!("the answer could not be read: {e}")))?
    }

    /// Hosts and services with what makes their labels and these attributes: all, or those in a hard
    /// state that is not OK.
    async fn rows(&self, attrs: &[&str], problems: bool) -> Result<Vec<Row>, SourceError> {
        let vars = !self.vars.is_empty();
        let mut attrs = [&["name", "groups"], attrs].concat();
        attrs.extend(vars.then_some("vars"));
        let query = |one: &str, attrs: &[&str], joins: &[&str]| {
            let mut query = json!({ "attrs": attrs, "joins": joins });
            if let Some(query) = query.as_object_mut().filter(|_| problems) {
                let filter = format!("{one}.state != 0 && {one}.state_type == 1");
                query.insert("filter".to_owned(), filter.into());
            }
            query
        };
        let mut rows: Vec<Row> = self.objects("hosts", &query("host", &attrs, &[])).await?;
        attrs.push("host_name");
        let joins = if vars { &["host.groups", "host.vars"][..] } else { &["host.groups"] };
        let services = query("service", &attrs, joins);
        rows.extend(self.objects::<Row>("services", &services).await?);
        for row in &mut rows {
            row.attrs.vars.retain(|name, _| self.vars.contains(name));
            row.joins.host.vars.retain(|name, _| self.vars.contains(name));
        }
        Ok(rows)
    }

    async fn version(&self) -> Result<String, SourceError> {
        let request = Request::get(below(&self.url, "v1/status/IcingaApplication"));
        let answer = self.http.send(&request).await?.checked()?;
        let told: Value = answer.json()?;
        let version = told.pointer("/results/0/status/icingaapplication/app/version");
        let version = version.and_then(Value::as_str).unwrap_or_default();
        Ok(text::clean(version.trim_start_matches('r'), 40))
    }
}

/// What is known of acknowledgements.
#[derive(Clone, Copy)]
struct Known<'a> {
    /// Made there because somebody has it here.
    is_ours: &'a dyn Fn(&Object) -> bool,
    there: &'a BTreeMap<Object, There>,
}

/// Problems as alerts. What stands on a host that is down is its effect.
fn alerts(problems: Vec<Row>, own: &HashMap<Object, u32>, acknowledged: Known<'_>) -> Vec<Alert> {
    // What was never checked has a state, but no verdict.
    let checked: Vec<Row> =
        problems.into_iter().filter(|row| row.attrs.last_check_result.output.is_some()).collect();
    let down: BTreeSet<String> = checked
        .iter()
        .filter(|row| row.attrs.host_name.is_none())
        .map(|row| row.object().host)
        .collect();
    let alert = |row: Row| {
        let object = row.object();
        let severity = severity(&object, row.attrs.state);
        let mut labels = row.labels();
        labels.insert("severity".to_owned(), severity.to_owned());
        // It has been so since its first check.
        let checked = row.attrs.last_check_result.execution_end;
        let changed = row.attrs.last_state_change;
        let since = if changed > 0.0 { changed } else { checked };
        let output = row.attrs.last_check_result.output.unwrap_or_default();
        let line = output.lines().next().unwrap_or_default();
        let summary = BTreeMap::from([
            ("summary".to_owned(), format!("{object}: {line}")),
            ("output".to_owned(), output.clone()),
        ]);
        let ours = own.get(&object).copied().unwrap_or_default();
        let mut by = Vec::new();
        // What is acknowledged because somebody has it here counts as active.
        if row.attrs.acknowledgement > 0.0 && !(acknowledged.is_ours)(&object) {
            let whose = acknowledged.there.get(&object);
            by.push(whose.map_or_else(|| "acknowledgement".to_owned(), There::words));
        }
        if row.attrs.downtime_depth > f64::from(ours) {
            by.push("downtime".to_owned());
        }
        let status = if !by.is_empty() {
            AlertStatus::Silenced { by }
        } else if object.service.is_some() && down.contains(&object.host) {
            let host = Object { host: object.host.clone(), service: None };
            AlertStatus::Inhibited { by: vec![fingerprint(&host, "critical")] }
        } else {
            AlertStatus::Active
        };
        Alert {
            fingerprint: fingerprint(&object, severity),
            labels: hygiene::labels(&labels),
            annotations: hygiene::annotations(&summary),
            starts_at: instant(since),
            status,
            generator_url: None,
            service: None,
        }
    };
    checked.into_iter().map(alert).collect()
}

/// A problem that grows worse is another alert, with another urgency.
fn fingerprint(object: &Object, severity: &str) -> String {
    text::clean(&format!("{object} {severity}"), 600)
}

fn severity(object: &Object, state: f64) -> &'static str {
    match state as i64 {
        _ if object.service.is_none() => "critical",
        1 => "warning",
        2 => "critical",
        _ => "unknown",
    }
}

/// As Icinga takes them.
fn seconds(at: Instant) -> f64 {
    at.timestamp_millis() as f64 / 1e3
}

/// Seconds as Icinga writes them.
fn instant(seconds: f64) -> Instant {
    DateTime::from_timestamp_micros((seconds * 1e6) as i64).unwrap_or_default()
}

/// The answer to a query.
#[derive(Deserialize)]
struct Results<T> {
    results: Vec<T>,
}

/// A host, or a service with what is joined of its host.
#[derive(Deserialize)]
pub(super) struct Row {
    attrs: Attrs,
    #[serde(default)]
    joins: Joins,
}

#[derive(Deserialize)]
struct Attrs {
    name: String,
    #[serde(default)]
    host_name: Option<String>,
    #[serde(default)]
    state: f64,
    #[serde(default)]
    last_state_change: f64,
    #[serde(default, deserialize_with = "or_default")]
    last_check_result: CheckResult,
    #[serde(default)]
    acknowledgement: f64,
    #[serde(default)]
    downtime_depth: f64,
    #[serde(default, deserialize_with = "or_default")]
    groups: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    vars: BTreeMap<String, Value>,
}

#[derive(Deserialize, Default)]
struct CheckResult {
    #[serde(default)]
    output: Option<String>,
    #[serde(default)]
    execution_end: f64,
}

#[derive(Deserialize, Default)]
struct Joins {
    #[serde(default, deserialize_with = "or_default")]
    host: Host,
}

#[derive(Deserialize, Default)]
struct Host {
    #[serde(default, deserialize_with = "or_default")]
    groups: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    vars: BTreeMap<String, Value>,
}

impl Row {
    fn object(&self) -> Object {
        match &self.attrs.host_name {
            Some(host) => Object { host: host.clone(), service: Some(self.attrs.name.clone()) },
            None => Object { host: self.attrs.name.clone(), service: None },
        }
    }

    /// What does not change with its state. What Icinga itself says wins over variables of that name.
    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::new();
        let (attrs, host) = (&self.attrs, &self.joins.host);
        let object = self.object();
        for (name, value) in host.vars.iter().chain(&attrs.vars) {
            let plain = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => continue,
            };
            let fits = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
            labels.insert(name.chars().map(fits).collect(), plain);
        }
        let (hosts, services) = match &object.service {
            Some(_) => (&host.groups, Some(&attrs.groups)),
            None => (&attrs.groups, None),
        };
        labels.insert("hostgroups".to_owned(), hosts.join(","));
        labels.remove("servicegroups");
        if let Some(groups) = services {
            labels.insert("servicegroups".to_owned(), groups.join(","));
        }
        labels.insert("host".to_owned(), object.host);
        labels.remove("service");
        let name = object.service.as_deref().unwrap_or("host");
        labels.insert("alertname".to_owned(), name.to_owned());
        labels.extend(object.service.map(|service| ("service".to_owned(), service)));
        labels
    }

    /// The labels as they are compared with matchers.
    fn clean_labels(&self) -> Labels {
        hygiene::labels(&self.labels())
    }
}

/// What is `null` is as if it were not there.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Why an action was not carried out; `Ok` if it was. Icinga answers with one result an object.
fn done(answer: &Answer) -> Result<(), SourceError> {
    #[derive(Deserialize)]
    struct Outcome {
        code: f64,
        #[serde(default)]
        status: hygiene::CleanLine,
    }
    let told = serde_json::from_slice::<Results<Outcome>>(&answer.body);
    let failed = |o: &Outcome| !(200.0..300.0).contains(&o.code);
    match told {
        Ok(told) if answer.status.is_success() => match told.results.iter().find(|o| failed(o)) {
            None => Ok(()),
            Some(outcome) => {
                Err(SourceError::BadAnswer(answer.words(&outcome.status.0, text::MAX_LINE)))
            }
        },
        Ok(told) => match told.results.into_iter().find(failed) {
            Some(outcome) => {
                Err(SourceError::BadAnswer(answer.words(&outcome.status.0, text::MAX_LINE)))
            }
            None => Err(answer.unexpected()),
        },
        Err(_) => Err(answer.unexpected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICES: &[u8] = include_bytes!("../../tests/fixtures/icinga2/problems.json");

    fn rows(body: &[u8]) -> Vec<Row> {
        serde_json::from_slice::<Results<Row>>(body).unwrap().results
    }

    fn host(name: &str) -> Object {
        Object { host: name.to_owned(), service: None }
    }

    fn service(host: &str, name: &str) -> Object {
        Object { host: host.to_owned(), service: Some(name.to_owned()) }
    }

    fn found<'a>(alerts: &'a [Alert], object: &str) -> &'a Alert {
        let summary =
            |a: &&Alert| a.annotations.get("summary").is_some_and(|s| s.starts_with(object));
        alerts.iter().find(summary).unwrap_or_else(|| panic!("no {object} in {alerts:#?}"))
    }

    #[test]
    fn a_recorded_answer_is_read_with_what_is_handled_and_what_follows_from_a_host() {
        let all = alerts(
            rows(SERVICES),
            &HashMap::new(),
            Known { is_ours: &|_| false, there: &BTreeMap::new() },
        );
        assert_eq!(all.len(), 6, "{all:#?}");
        assert!(all.iter().all(|a| a.starts_at.timestamp() > 1_795_804_000), "{all:#?}");
        let disk = found(&all, "db01!disk /");
        assert_eq!(disk.fingerprint, "db01!disk / critical");
        assert_eq!(disk.status, AlertStatus::Silenced { by: vec!["downtime".to_owned()] });
        assert_eq!(disk.starts_at.to_rfc3339(), "2026-11-27T18:29:56.814337+00:00");
        let labels: Vec<_> = disk.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let expect = [
            "alertname=disk /",
            "host=db01",
            "hostgroups=db",
            "service=disk /",
            "servicegroups=",
            "severity=critical",
            "team=data",
        ];
        assert_eq!(labels, expect);
        let summary = disk.annotations.get("summary").unwrap();
        assert_eq!(summary, "db01!disk /: DISK CRITICAL - free space: / 102 MB (1%)");
        let backup = found(&all, "db01!backup");
        assert_eq!(backup.labels.get("severity").unwrap(), "unknown");
        let by = vec!["acknowledgement".to_owned()];
        assert_eq!(backup.status, AlertStatus::Silenced { by });
        assert_eq!(found(&all, "web02!load").status, AlertStatus::Active);
        let down = found(&all, "db02: ");
        assert_eq!((&*down.fingerprint, &down.status), ("db02 critical", &AlertStatus::Active));
        let by = vec![down.fingerprint.clone()];
        assert_eq!(found(&all, "db02!postgres").status, AlertStatus::Inhibited { by });
    }

    #[test]
    fn a_downtime_of_our_own_counts_as_none_and_further_ones_do() {
        let status = |count: u32| {
            let own = HashMap::from([(service("db01", "disk /"), count), (host("db02"), 1)]);
            found(
                &alerts(
                    rows(SERVICES),
                    &own,
                    Known { is_ours: &|_| false, there: &BTreeMap::new() },
                ),
                "db01!disk /",
            )
            .status
            .clone()
        };
        assert_eq!(status(1), AlertStatus::Active);
        assert_eq!(status(0), AlertStatus::Silenced { by: vec!["downtime".to_owned()] });
    }

    #[test]
    fn what_was_never_checked_is_no_problem() {
        let pending = br#"{"results":[{"name":"passive01","attrs":{"name":"passive01","state":1,
            "state_type":1,"last_state_change":0,"last_check_result":null,"groups":null}}]}"#;
        assert_eq!(
            alerts(
                rows(pending),
                &HashMap::new(),
                Known { is_ours: &|_| false, there: &BTreeMap::new() }
            ),
            []
        );
    }

    proptest::proptest! {
        #[test]
        fn no_damage_to_an_answer_makes_the_reader_panic(at in 0_usize..4_817, byte: u8, cut: bool) {
            let mut body = SERVICES.to_vec();
            let at = at % body.len();
            body[at] = byte;
            if cut {
                body.truncate(at);
            }
            if let Ok(read) = serde_json::from_slice::<Results<Row>>(&body) {
                let _ = alerts(read.results, &HashMap::new(), Known { is_ours: &|_| false, there: &BTreeMap::new() });
            }
        }
    }
}
