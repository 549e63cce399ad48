//! Alertmanager's v2 API; several addresses are the members of one cluster.
//!
//! Members share silences but not alerts, and each Prometheus sends to all of them: every alert is
//! seen several times and merged by its fingerprint. One member down is a warning, all down is
//! blindness.

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};

use futures::future::{BoxFuture, join_all};
use serde::Deserialize;
use url::Url;

use super::http_client::{Clients, Http, address, below};
use super::settings::{Alertmanager as Settings, SourceSettings};
use super::{Source, SourceError, hygiene, prometheus};
use crate::domain::observation::{Alert, AlertSet, AlertStatus, Fact, Observation, SourceName};
use crate::domain::text;
use crate::domain::time::Instant;

/// One cluster.
pub struct Alertmanager {
    name: SourceName,
    settings: Settings,
    http: Http,
    server: Option<String>,
}

impl Alertmanager {
    pub fn new(source: &SourceSettings, settings: Settings, clients: &Clients) -> Self {
        Self { name: source.name.clone(), settings, http: Http::new(source, clients), server: None }
    }

    async fn observe(&mut self, now: Instant) -> Result<Observation, SourceError> {
        let answers = join_all(self.settings.urls.iter().map(|url| self.member(url))).await;
        let mut warnings = Vec::new();
        let mut merged: HashMap<String, Seen> = HashMap::new();
        let mut failure = None;
        let mut alive = None;
        for (url, answer) in self.settings.urls.iter().zip(answers) {
            match answer {
                Ok(alerts) => {
                    alive.get_or_insert(url);
                    for alert in alerts {
                        merge(&mut merged, alert);
                    }
                }
                Err(error) => {
                    warnings.push(format!("member {} does not answer: {error}", address(url)));
                    failure = Some(error);
                }
            }
        }
        let Some(alive) = alive.cloned() else {
            let none = || SourceError::Misconfigured("no address is configured".to_owned());
            return Err(failure.unwrap_or_else(none));
        };
        let server = self.server(&alive).await;
        let heartbeats = self
            .settings
            .heartbeats
            .iter()
            .map(|m| {
                let renewed = merged.values().filter(|s| m.matches(&s.alert.labels));
                prometheus::pulse(m, renewed.map(|s| s.updated_at).max())
            })
            .collect();
        let set = AlertSet {
            complete: true,
            alerts: merged.into_values().map(|s| s.alert).collect(),
            heartbeats,
            origins: self.settings.origins.clone(),
            authoritative: false,
        };
        let facts = vec![Fact::Alerts(set)];
        Ok(Observation { source: self.name.clone(), at: now, server, facts, warnings })
    }

    async fn member(&self, url: &Url) -> Result<Vec<Seen>, SourceError> {
        let mut url = below(url, "api/v2/alerts");
        for filter in &self.settings.filter {
            url.query_pairs_mut().append_pair("filter", filter);
        }
        let answer = self.http.get(url).await?;
        let raw: Vec<RawAlert> = answer.json()?;
        Ok(raw.into_iter().map(RawAlert::clean).collect())
    }

    async fn server(&mut self, member: &Url) -> String {
        if let Some(server) = &self.server {
            return server.clone();
        }
        let status = self.http.get(below(member, "api/v2/status")).await.ok();
        let version = status
            .and_then(|a| a.json::<Status>().ok())
            .map(|s| text::clean(&s.version_info.version, 40));
        let version = version.filter(|v| !v.is_empty()).unwrap_or_default();
        let server = format!("Alertmanager {version}").trim_end().to_owned();
        self.server = Some(server.clone());
        server
    }
}

impl Source for Alertmanager {
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

/// One alert as one member tells it.
#[derive(Debug, Clone)]
struct Seen {
    alert: Alert,
    updated_at: Instant,
}

/// Two members' views of one alert: it began at the earlier of both, and is active if either says
/// so, since a member that has not heard of a silence yet is only slow.
fn merge(merged: &mut HashMap<String, Seen>, seen: Seen) {
    match merged.entry(seen.alert.fingerprint.clone()) {
        Entry::Vacant(place) => {
            place.insert(seen);
        }
        Entry::Occupied(mut place) => {
            let known = place.get_mut();
            known.alert.starts_at = known.alert.starts_at.min(seen.alert.starts_at);
            if seen.alert.status == AlertStatus::Active {
                known.alert.status = AlertStatus::Active;
            }
            if seen.updated_at > known.updated_at {
                known.updated_at = seen.updated_at;
                known.alert.annotations = seen.alert.annotations;
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAlert {
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    fingerprint: String,
    starts_at: Instant,
    updated_at: Instant,
    #[serde(rename = "generatorURL", default)]
    generator_url: String,
    #[serde(default)]
    status: RawStatus,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawStatus {
    #[serde(default)]
    silenced_by: Vec<String>,
    #[serde(default)]
    inhibited_by: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    version_info: VersionInfo,
}

#[derive(Deserialize)]
struct VersionInfo {
    #[serde(default)]
    version: String,
}

impl RawAlert {
    fn clean(self) -> Seen {
        let labels = hygiene::labels(self.labels);
        let ids = |ids: Vec<String>| {
            ids.iter().take(16).map(|id| text::clean(id, 100)).collect::<Vec<_>>()
        };
        let status = if !self.status.silenced_by.is_empty() {
            AlertStatus::Silenced { by: ids(self.status.silenced_by) }
        } else if !self.status.inhibited_by.is_empty() {
            AlertStatus::Inhibited { by: ids(self.status.inhibited_by) }
        } else {
            AlertStatus::Active
        };
        let plain = !self.fingerprint.is_empty()
            && self.fingerprint.len() <= 64
            && self.fingerprint.bytes().all(|b| b.is_ascii_alphanumeric());
        let fingerprint = if plain { self.fingerprint } else { hygiene::fingerprint(&labels) };
        Seen {
            alert: Alert {
                fingerprint,
                labels,
                annotations: hygiene::annotations(self.annotations),
                starts_at: self.starts_at,
                status,
                generator_url: hygiene::link(&self.generator_url),
                service: None,
            },
            updated_at: self.updated_at,
        }
    }
}
