//! Alertmanager's v2 API; several addresses are the members of one cluster.
//!
//! Members share silences but not alerts, and each Prometheus sends to all of them: every alert is
//! seen several times and merged by its fingerprint. One member down is a warning, all down is
//! blindness.
//!
//! `endsAt` of a firing alert is a lease that its Prometheus renews, not an end: it is not read. A
//! Prometheus that died renews nothing, and its alerts lapse; the heartbeats say so, see
//! [`Heartbeat::renewed_at`].

pub mod silences;

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use serde::Deserialize;
use tokio::time::Instant as Clock;
use url::Url;

use super::http_client::{Answer, Clients, Http, Request, address, below};
use super::settings::{Alertmanager as Settings, SourceSettings};
use super::{Source, SourceError, hygiene};
use crate::domain::calendar::mirror::Owner;
use crate::domain::matcher::{Matcher, Matchers};
use crate::domain::observation::{
    Alert, AlertSet, AlertStatus, Fact, Heartbeat, Observation, SourceName,
};
use crate::domain::time::Instant;

/// One cluster.
pub struct Alertmanager {
    name: SourceName,
    settings: Settings,
    timeout: Duration,
    http: Http,
    /// What it calls itself; asked for again after it was away.
    server: Option<String>,
}

impl Alertmanager {
    pub fn new(source: &SourceSettings, settings: &Settings, clients: &Clients) -> Self {
        Self {
            name: source.name.clone(),
            settings: settings.clone(),
            timeout: source.timeout,
            http: Http::new(source, clients),
            server: None,
        }
    }

    async fn observe(&mut self, now: Instant) -> Result<Observation, SourceError> {
        // A tenth is kept for handing over what came in time: a member that hangs is only a warning.
        let deadline = Clock::now() + self.timeout.mul_f64(0.9);
        let members = self.settings.urls.iter().map(|url| self.member(url, deadline));
        let mut merged = HashMap::new();
        let mut pulses: Vec<Option<Instant>> = vec![None; self.settings.heartbeats.len()];
        let mut failures = Vec::new();
        let mut silences: Option<BTreeMap<String, silences::Seen>> = None;
        let mut unseen = None;
        let mut alive = None;
        for (url, answer) in self.settings.urls.iter().zip(join_all(members).await) {
            match answer {
                Ok(told) => {
                    alive.get_or_insert_with(|| url.clone());
                    told.alerts.into_iter().for_each(|alert| merge(&mut merged, alert));
                    match told.silences {
                        Ok(told) => {
                            let known = silences.get_or_insert_default();
                            for one in told {
                                one.merge_into(known);
                            }
                        }
                        Err(error) => unseen = unseen.or(Some((url, error))),
                    }
                    for (pulse, renewed) in pulses.iter_mut().zip(told.pulses) {
                        *pulse = (*pulse).max(renewed);
                    }
                }
                Err(error) => failures.push((url, error)),
            }
        }
        let Some(alive) = alive else { return Err(blind(failures)) };
        if self.server.is_none() {
            let version = self.version(&alive, deadline).await;
            self.server = Some(format!("Alertmanager {}", version.unwrap_or_default()));
        }
        let server = self.server.as_deref().unwrap_or_default().trim_end().to_owned();
        let mut warnings: Vec<String> = failures
            .iter()
            .map(|(url, error)| format!("member {} is not seen: {error}", address(url)))
            .collect();
        let listed = silences.map(|known| silences::listed(known, merged.values()));
        let mut facts = vec![Fact::Alerts(self.alert_set(merged, &pulses))];
        match (listed, unseen) {
            (Some(listed), _) => facts.push(Fact::Silences(listed)),
            (None, Some((url, Some(error)))) => {
                warnings.push(format!("the silences of {} are not seen: {error}", address(url)));
            }
            (None, _) => {}
        }
        Ok(Observation { source: self.name.clone(), at: now, server, facts, warnings })
    }

    fn alert_set(&self, merged: HashMap<String, Seen>, pulses: &[Option<Instant>]) -> AlertSet {
        let mut alerts: Vec<Alert> = merged.into_values().map(|seen| seen.alert).collect();
        alerts.sort_unstable_by(|a, b| {
            (a.starts_at, &a.fingerprint).cmp(&(b.starts_at, &b.fingerprint))
        });
        let heartbeats = self.settings.heartbeats.iter().zip(pulses);
        let heartbeats: Vec<Heartbeat> =
            heartbeats.map(|(m, at)| hygiene::heartbeat(m, at.is_some(), *at)).collect();
        let origins = self.settings.origins.clone();
        AlertSet { complete: true, alerts, heartbeats, origins, ..AlertSet::default() }
    }

    /// What one member knows. With a `filter` the heartbeats are asked for by themselves, since the
    /// filter may well leave them out.
    async fn member(&self, url: &Url, deadline: Clock) -> Result<Told, SourceError> {
        let ask = async {
            let alerts = self.alerts(url, self.settings.filter.iter().cloned()).await?;
            let heartbeats = &self.settings.heartbeats;
            let pulses = if self.settings.filter.is_empty() {
                heartbeats.iter().map(|m| newest(m, &alerts)).collect()
            } else {
                let mut pulses = Vec::with_capacity(heartbeats.len());
                for matchers in heartbeats {
                    let found = self.alerts(url, matchers.iter().map(filter)).await?;
                    pulses.push(newest(matchers, &found));
                }
                pulses
            };
            Ok((alerts, pulses))
        };
        let late = |_| SourceError::TimedOut(self.timeout);
        let (mut alerts, pulses) = tokio::time::timeout_at(deadline, ask).await.map_err(late)??;
        // Only now: what silences an alert is among them.
        let ask = tokio::time::timeout_at(deadline, self.silences(url)).await;
        let silences = match ask.unwrap_or_else(|e| Err(Some(late(e)))) {
            Ok((own, silences)) => {
                for seen in &mut alerts {
                    seen.disregard(&own);
                }
                Ok(silences)
            }
            Err(error) => Err(error),
        };
        Ok(Told { alerts, pulses, silences })
    }

    async fn alerts(
        &self,
        url: &Url,
        filters: impl Iterator<Item = String>,
    ) -> Result<Vec<Seen>, SourceError> {
        let mut url = below(url, "api/v2/alerts");
        for filter in filters {
            url.query_pairs_mut().append_pair("filter", &filter);
        }
        let answer = self.http.get(url).await?;
        // A large cluster's answer takes a while to read: not on the runtime's threads.
        tokio::task::spawn_blocking(move || read(&answer))
            .await
            .map_err(|e| SourceError::BadAnswer(format!("the answer could not be read: {e}")))?
    }

    /// What is silenced, and the ids of those silences that were made in the name of this console.
    ///
    /// What is silenced only because maintenance or an acknowledgement was made known there counts as
    /// active: here it is in maintenance or somebody has it, and at the end of that it is news at once,
    /// not after the next poll.
    ///
    /// # Errors
    /// They are not seen; without an error where it has none at all.
    async fn silences(
        &self,
        url: &Url,
    ) -> Result<(BTreeSet<String>, Vec<silences::Seen>), Option<SourceError>> {
        let answer = self.http.send(&Request::get(below(url, "api/v2/silences"))).await?;
        if answer.status.as_u16() == 404 {
            return Err(None);
        }
        let answer = answer.checked()?;
        let settings = &self.settings;
        let owners = [settings.mirror.clone(), settings.acknowledge.clone()].map(Option::into_iter);
        let owners: Vec<Owner> = owners.into_iter().flatten().collect();
        // A server keeps those that are over for days: not on the runtime's threads.
        let read = tokio::task::spawn_blocking(move || {
            silences::read(&answer.body, &owners).map_err(|e| answer.not_json(&e))
        });
        let unread = |e| SourceError::BadAnswer(format!("the answer could not be read: {e}"));
        Ok(read.await.map_err(unread)??)
    }

    async fn version(&self, member: &Url, deadline: Clock) -> Option<String> {
        let ask = self.http.get(below(member, "api/v2/status"));
        let answer = tokio::time::timeout_at(deadline, ask).await.ok()?.ok()?;
        Some(answer.json::<Status>().ok()?.version_info.version.0)
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

/// What one member told.
struct Told {
    alerts: Vec<Seen>,
    /// For each heartbeat, when the newest alert that matches it was renewed.
    pulses: Vec<Option<Instant>>,
    silences: Result<Vec<silences::Seen>, Option<SourceError>>,
}

/// One alert as one member tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub alert: Alert,
    /// When its Prometheus last sent it.
    pub updated_at: Instant,
    /// What inhibits it, whether or not it is silenced as well.
    inhibited_by: Vec<String>,
    /// What silences it, by our own hand too.
    silenced_by: Vec<String>,
}

impl Seen {
    /// As if these silences were not there.
    fn disregard(&mut self, silences: &BTreeSet<String>) {
        let AlertStatus::Silenced { by } = &mut self.alert.status else { return };
        let muted = by.is_empty();
        by.retain(|id| !silences.contains(id));
        if by.is_empty() && !muted {
            self.alert.status = match std::mem::take(&mut self.inhibited_by) {
                none if none.is_empty() => AlertStatus::Active,
                by => AlertStatus::Inhibited { by },
            };
        }
    }
}

/// Reads a member's answer to `/api/v2/alerts`; all text in it is harmless afterwards.
fn read(answer: &Answer) -> Result<Vec<Seen>, SourceError> {
    parse(&answer.body).map_err(|e| answer.not_json(&e))
}

/// Reads the body of `/api/v2/alerts`.
pub fn parse(body: &[u8]) -> Result<Vec<Seen>, serde_json::Error> {
    let wire: Vec<WireAlert> = serde_json::from_slice(body)?;
    Ok(wire.into_iter().map(Seen::from).collect())
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
            known.silenced_by.extend(seen.silenced_by);
            if seen.updated_at > known.updated_at {
                known.updated_at = seen.updated_at;
                known.alert.annotations = seen.alert.annotations;
            }
        }
    }
}

/// When the alert that these matchers describe was last renewed; `None` if there is none.
fn newest(matchers: &Matchers, alerts: &[Seen]) -> Option<Instant> {
    alerts.iter().filter(|s| matchers.matches(&s.alert.labels)).map(|s| s.updated_at).max()
}

/// A matcher as a `filter` of the API takes it.
fn filter(matcher: &Matcher) -> String {
    let value = matcher.value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{}{}\"{value}\"", matcher.name, matcher.op)
}

/// Why no member answered.
fn blind(failures: Vec<(&Url, SourceError)>) -> SourceError {
    let alone = failures.len() == 1;
    let all = failures.iter().map(|(_, e)| e.to_string()).collect::<Vec<_>>().join("; ");
    match failures.into_iter().next() {
        None => SourceError::Misconfigured("no address: set urls for this source".to_owned()),
        Some((_, error)) if alone => error,
        Some((_, SourceError::Busy { retry_after, .. })) => SourceError::Busy {
            reason: format!("no member of the cluster answers: {all}"),
            retry_after,
        },
        Some(_) => SourceError::Unreachable(format!("no member of the cluster answers: {all}")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAlert {
    #[serde(default)]
    labels: hygiene::CleanLabels,
    #[serde(default)]
    annotations: hygiene::CleanTexts,
    #[serde(default)]
    fingerprint: hygiene::CleanLine,
    starts_at: Instant,
    updated_at: Instant,
    #[serde(default, rename = "generatorURL")]
    generator_url: hygiene::CleanLink,
    #[serde(default)]
    status: WireStatus,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct WireStatus {
    #[serde(default)]
    state: WireState,
    #[serde(default)]
    silenced_by: Vec<hygiene::CleanLine>,
    #[serde(default)]
    inhibited_by: Vec<hygiene::CleanLine>,
    /// Time intervals of the route that mute it; newer servers only.
    #[serde(default)]
    muted_by: Vec<hygiene::CleanLine>,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "lowercase")]
enum WireState {
    Suppressed,
    /// `active`, and `unprocessed`: nobody has muted it yet.
    #[default]
    #[serde(other)]
    Active,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    version_info: VersionInfo,
}

#[derive(Deserialize)]
struct VersionInfo {
    #[serde(default)]
    version: hygiene::CleanLine,
}

impl From<WireAlert> for Seen {
    fn from(mut wire: WireAlert) -> Self {
        let inhibited_by = if wire.status.silenced_by.is_empty() {
            Vec::new()
        } else {
            hygiene::ids(std::mem::take(&mut wire.status.inhibited_by))
        };
        let labels = wire.labels.0;
        let fingerprint = match wire.fingerprint.0 {
            empty if empty.is_empty() => hygiene::fingerprint(&labels),
            told => told,
        };
        let alert = Alert {
            fingerprint,
            labels,
            annotations: wire.annotations.0,
            starts_at: wire.starts_at,
            status: wire.status.into(),
            generator_url: wire.generator_url.0,
            service: None,
        };
        let silenced_by = match &alert.status {
            AlertStatus::Silenced { by } => by.clone(),
            AlertStatus::Active | AlertStatus::Inhibited { .. } => Vec::new(),
        };
        Self { alert, updated_at: wire.updated_at, inhibited_by, silenced_by }
    }
}

impl From<WireStatus> for AlertStatus {
    fn from(status: WireStatus) -> Self {
        if status.state != WireState::Suppressed {
            Self::Active
        } else if !status.silenced_by.is_empty() {
            Self::Silenced { by: hygiene::ids(status.silenced_by) }
        } else if !status.inhibited_by.is_empty() {
            Self::Inhibited { by: hygiene::ids(status.inhibited_by) }
        } else {
            Self::Silenced { by: hygiene::ids(status.muted_by) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &[u8] = include_bytes!("../../tests/fixtures/alertmanager/alerts.json");

    fn seen(body: &str) -> Seen {
        parse(format!("[{body}]").as_bytes()).unwrap().remove(0)
    }

    fn alert(status: &str, starts_at: &str, updated_at: &str, summary: &str) -> Seen {
        seen(&format!(
            r#"{{"labels":{{"alertname":"A"}},"annotations":{{"summary":"{summary}"}},
                "fingerprint":"f1","startsAt":"2026-11-24T{starts_at}Z",
                "updatedAt":"2026-11-24T{updated_at}Z","endsAt":"2026-11-24T23:00:00Z",
                "receivers":[{{"name":"x"}}],"status":{status}}}"#
        ))
    }

    const ACTIVE: &str = r#"{"state":"active","silencedBy":[],"inhibitedBy":[]}"#;
    const SILENCED: &str = r#"{"state":"suppressed","silencedBy":["s1"],"inhibitedBy":["f9"]}"#;

    #[test]
    fn a_recorded_answer_is_read_with_what_is_silenced_and_inhibited() {
        let all = parse(RECORDED).unwrap();
        let named = |name: &str| {
            all.iter().map(|s| &s.alert).find(|a| a.labels.get("alertname").unwrap() == name)
        };
        assert_eq!(all.len(), 12);
        let disk = named("DiskFull").unwrap();
        let by = vec!["ed7e371d-87ef-4667-895f-99f55b9e81cf".to_owned()];
        assert_eq!(disk.status, AlertStatus::Silenced { by });
        let instance = named("InstanceDown").unwrap();
        let by = vec!["717c9e97a8babdb5".to_owned()];
        assert_eq!(instance.status, AlertStatus::Inhibited { by });
        let watchdog = named("Watchdog").unwrap();
        assert_eq!(watchdog.status, AlertStatus::Active);
        assert_eq!(watchdog.starts_at.to_rfc3339(), "2026-11-23T07:05:10.194+00:00");
        assert!(watchdog.generator_url.as_ref().unwrap().starts_with("http://"));
    }

    #[test]
    fn two_views_of_one_alert_merge_whichever_comes_first() {
        let one = alert(SILENCED, "10:00:00", "10:05:00", "old");
        let two = alert(ACTIVE, "10:00:07", "10:05:09", "new");
        for pair in [[one.clone(), two.clone()], [two, one]] {
            let mut merged = HashMap::new();
            for seen in pair {
                merge(&mut merged, seen);
            }
            let seen = merged.get("f1").unwrap();
            assert_eq!(seen.alert.status, AlertStatus::Active);
            assert_eq!(seen.alert.starts_at.to_rfc3339(), "2026-11-24T10:00:00+00:00");
            assert_eq!(seen.updated_at.to_rfc3339(), "2026-11-24T10:05:09+00:00");
            assert_eq!(seen.alert.annotations.get("summary").unwrap(), "new");
        }
    }

    #[test]
    fn an_unprocessed_alert_is_active_and_a_muted_one_is_silenced() {
        let unprocessed = r#"{"state":"unprocessed","silencedBy":[],"inhibitedBy":[]}"#;
        let muted =
            r#"{"state":"suppressed","silencedBy":[],"inhibitedBy":[],"mutedBy":["night"]}"#;
        let status = |s| alert(s, "10:00:00", "10:00:00", "").alert.status;
        assert_eq!(status(unprocessed), AlertStatus::Active);
        assert_eq!(status(muted), AlertStatus::Silenced { by: vec!["night".to_owned()] });
    }

    #[test]
    fn own_silences_count_as_none_and_those_of_others_stay() {
        let own = BTreeSet::from(["s1".to_owned()]);
        let status = |silenced: &str, inhibited: &str| {
            let status = format!(
                r#"{{"state":"suppressed","silencedBy":[{silenced}],"inhibitedBy":[{inhibited}]}}"#
            );
            let mut seen = alert(&status, "10:00:00", "10:00:00", "");
            seen.disregard(&own);
            seen.alert.status
        };
        assert_eq!(status(r#""s1""#, ""), AlertStatus::Active);
        let by = vec!["s2".to_owned()];
        assert_eq!(status(r#""s1","s2""#, ""), AlertStatus::Silenced { by });
        let by = vec!["f9".to_owned()];
        assert_eq!(status(r#""s1""#, r#""f9""#), AlertStatus::Inhibited { by });
    }

    #[test]
    fn hostile_text_is_harmless_after_reading() {
        let seen = seen(
            r#"{"labels":{"alertname":"A\u001b[31m\u202e\nB"},"fingerprint":"\u001b]0;x\u0007f",
                "startsAt":"2026-11-24T10:00:00Z","updatedAt":"2026-11-24T10:00:00Z",
                "generatorURL":"javascript:alert(1)"}"#,
        );
        assert_eq!(seen.alert.labels.get("alertname").unwrap(), "A B");
        assert_eq!(seen.alert.fingerprint, "f");
        assert_eq!(seen.alert.generator_url, None);
    }

    #[test]
    fn a_matcher_becomes_a_filter_that_alertmanager_reads_back() {
        let matchers = Matchers::parse(r#"a="x\"y\\z",b!~"p|q""#).unwrap();
        let filters: Vec<String> = matchers.iter().map(filter).collect();
        assert_eq!(filters, [r#"a="x\"y\\z""#, r#"b!~"p|q""#]);
    }

    proptest::proptest! {
        #[test]
        fn no_damage_to_an_answer_makes_the_reader_panic(at in 0_usize..9_150, byte: u8, cut: bool) {
            let mut body = RECORDED.to_vec();
            let at = at % body.len();
            body[at] = byte;
            if cut {
                body.truncate(at);
            }
            let _ = parse(&body);
        }
    }
}
