//! PagerDuty by its REST API: the incidents that are open there.
//!
//! An incident that is triggered or acknowledged is an alert. Its labels are `alertname` (its service's
//! name), `service`, `service_id`, `team`, `escalation_policy`, `urgency`, `priority` and `severity`
//! (critical for high urgency, else warning). What somebody else acknowledged there is muted, as an
//! acknowledgement of an Icinga is. Where the config says so, its maintenance windows and who is on call
//! by one of its schedules are read, too.

mod calendars;
pub mod orders;

use std::collections::BTreeMap;

use chrono::DateTime;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use calendars::Calendars;

use super::http_client::{Clients, Http, Request, below};
use super::settings::{PagerDuty as Settings, SourceSettings};
use super::{Source, SourceError, hygiene};
use crate::domain::observation::{Alert, AlertSet, AlertStatus, Fact, Observation, SourceName};
use crate::domain::text;
use crate::domain::time::Instant;

/// What a page of a list has at most.
const PAGE: usize = 100;
/// PagerDuty lists no more than so many.
const MOST: usize = 10_000;
const ACCEPT: &str = "application/vnd.pagerduty+json;version=2";

/// One account.
pub struct PagerDutySource {
    name: SourceName,
    api: Api,
    settings: Settings,
    /// The id of the user in whose name we act; asked for once.
    own: Option<String>,
    calendars: Calendars,
}

/// How an account is asked.
pub(super) struct Api {
    url: Url,
    http: Http,
}

impl PagerDutySource {
    pub fn new(source: &SourceSettings, settings: &Settings, clients: &Clients) -> Self {
        let api = Api::new(source, settings, clients);
        let (name, settings) = (source.name.clone(), settings.clone());
        Self { name, api, settings, own: None, calendars: Calendars::default() }
    }

    async fn observe(&mut self, now: Instant) -> Result<Observation, SourceError> {
        if let (None, Some(from)) = (&self.own, &self.settings.from) {
            self.own = self.api.user(from).await?;
        }
        let mut query = vec![("statuses[]", "triggered"), ("statuses[]", "acknowledged")];
        query.push(("sort_by", "created_at:asc"));
        let services = self.settings.services.iter().map(|id| ("service_ids[]", id.as_str()));
        let teams = self.settings.teams.iter().map(|id| ("team_ids[]", id.as_str()));
        let of: Vec<_> = services.chain(teams).collect();
        query.extend(&of);
        let (open, complete) = self.api.list("incidents", "incidents", &query).await?;
        let own = self.own.as_deref();
        let alerts: Vec<Alert> = open.into_iter().filter_map(|i| alert(i, own)).collect();
        let mut warnings = Vec::new();
        if !complete {
            warnings.push(format!("more than {MOST} incidents are open; name services or teams"));
        }
        if let (Some(from), None) = (&self.settings.from, own) {
            warnings.push(format!("no user has the address {from}: what is written is refused"));
        }
        let set = AlertSet { complete, authoritative: true, alerts, ..AlertSet::default() };
        let (source, server) = (self.name.clone(), "PagerDuty".to_owned());
        let mut facts = vec![Fact::Alerts(set)];
        let (settings, calendars) = (&self.settings, &mut self.calendars);
        if let Some(schedule) = &settings.schedule {
            match calendars.on_call(&self.api, schedule, &settings.meaning, now).await {
                Ok((fact, said)) => {
                    facts.push(fact);
                    warnings.extend(said);
                }
                // What is open there is worth more; who was on call stays as it was.
                Err(e) => warnings.push(format!("who is on call could not be read: {e}")),
            }
        }
        match calendars.windows(&self.api, &self.name, &of, &settings.meaning, now).await {
            Ok((fact, said)) => {
                facts.extend(fact);
                warnings.extend(said);
            }
            Err(e) => warnings.push(format!("its maintenance windows could not be read: {e}")),
        }
        Ok(Observation { source, at: now, server, facts, warnings })
    }
}

impl Source for PagerDutySource {
    fn poll(&mut self, now: Instant) -> BoxFuture<'_, Result<Observation, SourceError>> {
        Box::pin(self.observe(now))
    }
}

impl Api {
    pub fn new(source: &SourceSettings, settings: &Settings, clients: &Clients) -> Self {
        Self { url: settings.url.clone(), http: Http::new(source, clients) }
    }

    /// One document.
    async fn get<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, SourceError> {
        let mut url = below(&self.url, path);
        url.query_pairs_mut().extend_pairs(query);
        let request = Request::get(url).header("accept", ACCEPT)?;
        let answer = self.http.send(&request).await?.checked()?;
        tokio::task::spawn_blocking(move || answer.json())
            .await
            .map_err(|e| SourceError::BadAnswer(format!("the answer could not be read: {e}")))?
    }

    /// All that a query finds, page by page, and whether that is all.
    async fn list<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &str,
        key: &'static str,
        query: &[(&str, &str)],
    ) -> Result<(Vec<T>, bool), SourceError> {
        let mut all: Vec<T> = Vec::new();
        let limit = PAGE.to_string();
        loop {
            let offset = all.len().to_string();
            let page = [query, &[("limit", &limit), ("offset", &offset)]].concat();
            let mut answer: Map<String, Value> = self.get(path, &page).await?;
            let items = answer.remove(key).ok_or_else(|| {
                SourceError::BadAnswer(format!("the answer has no \"{key}\": is this PagerDuty?"))
            })?;
            let items: Vec<T> = serde_json::from_value(items)
                .map_err(|e| SourceError::BadAnswer(format!("its {key} make no sense: {e}")))?;
            let is_empty = items.is_empty();
            all.extend(items);
            if answer.get("more") != Some(&Value::Bool(true)) {
                return Ok((all, true));
            }
            // A server that promises more and gives none would be asked for ever.
            if is_empty || all.len() >= MOST {
                return Ok((all, false));
            }
        }
    }

    /// The id of the user with that address.
    pub async fn user(&self, email: &str) -> Result<Option<String>, SourceError> {
        #[derive(Deserialize)]
        struct Listed {
            users: Vec<User>,
        }
        #[derive(Deserialize)]
        struct User {
            id: String,
            #[serde(default)]
            email: String,
        }
        let listed: Listed = self.get("users", &[("query", email), ("limit", "100")]).await?;
        let ours = listed.users.into_iter().find(|u| u.email.eq_ignore_ascii_case(email));
        Ok(ours.map(|u| text::clean(&u.id, 40)))
    }
}

#[derive(Deserialize)]
struct Incident {
    id: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default, rename = "incident_number")]
    number: Option<u64>,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    urgency: Option<String>,
    #[serde(default)]
    service: Option<Reference>,
    #[serde(default)]
    escalation_policy: Option<Reference>,
    #[serde(default)]
    priority: Option<Reference>,
    #[serde(default)]
    teams: Option<Vec<Reference>>,
    #[serde(default)]
    acknowledgements: Option<Vec<Acknowledgement>>,
    #[serde(default)]
    assignments: Option<Vec<Assignment>>,
}

#[derive(Deserialize, Default)]
struct Reference {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    summary: Option<String>,
}

#[derive(Deserialize)]
struct Acknowledgement {
    #[serde(default)]
    acknowledger: Option<Reference>,
}

#[derive(Deserialize)]
struct Assignment {
    #[serde(default)]
    assignee: Option<Reference>,
}

/// An open incident as an alert; `own`: our user's id there, whose acknowledgements are no news.
fn alert(incident: Incident, own: Option<&str>) -> Option<Alert> {
    let id = text::clean(&incident.id, 80);
    if id.is_empty() {
        return None;
    }
    let mut labels = BTreeMap::new();
    let mut label = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            labels.insert(name.to_owned(), value);
        }
    };
    let is_high = incident.urgency.as_deref() != Some("low");
    label("severity", Some(if is_high { "critical" } else { "warning" }.to_owned()));
    label("urgency", incident.urgency);
    let service = incident.service.unwrap_or_default();
    let named = service.summary.clone().unwrap_or_else(|| "PagerDuty".to_owned());
    label("alertname", Some(named));
    label("service", service.summary);
    label("service_id", service.id);
    label("escalation_policy", incident.escalation_policy.and_then(|p| p.summary));
    label("priority", incident.priority.and_then(|p| p.summary));
    let team = incident.teams.unwrap_or_default().into_iter().next();
    label("team", team.and_then(|t| t.summary));
    let number = incident.number.map(|n| format!("#{n}")).unwrap_or_default();
    let names = |all: Vec<Option<Reference>>| {
        let names = all.into_iter().flatten().filter_map(|r| r.summary);
        names.collect::<Vec<_>>().join(", ")
    };
    let others: Vec<Option<Reference>> = incident
        .acknowledgements
        .unwrap_or_default()
        .into_iter()
        .map(|a| a.acknowledger)
        .filter(|who| own.is_none() || who.as_ref().and_then(|w| w.id.as_deref()) != own)
        .collect();
    let is_handled = !others.is_empty();
    let assigned = incident.assignments.unwrap_or_default();
    let annotations = BTreeMap::from([
        ("summary".to_owned(), incident.title.unwrap_or_default()),
        ("pagerduty".to_owned(), number),
        ("assigned there".to_owned(), names(assigned.into_iter().map(|a| a.assignee).collect())),
        ("acknowledged there".to_owned(), names(others)),
    ]);
    let annotations = annotations.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    let created = incident.created_at.as_deref().map(DateTime::parse_from_rfc3339);
    let status = if is_handled {
        AlertStatus::Silenced { by: vec!["acknowledgement".to_owned()] }
    } else {
        AlertStatus::Active
    };
    Some(Alert {
        fingerprint: id,
        labels: hygiene::labels(&labels),
        annotations: hygiene::annotations(&annotations),
        starts_at: created.and_then(Result::ok).map(|at| at.to_utc()).unwrap_or_default(),
        status,
        generator_url: incident.html_url.filter(|url| text::is_web(url)),
        service: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: &[u8] = include_bytes!("../../tests/fixtures/pagerduty/incidents.json");

    fn read(body: &[u8]) -> Vec<Incident> {
        #[derive(Deserialize)]
        struct Listed {
            incidents: Vec<Incident>,
        }
        serde_json::from_slice::<Listed>(body).unwrap().incidents
    }

    #[test]
    fn open_incidents_are_alerts_and_what_others_acknowledged_is_muted() {
        let alerts: Vec<Alert> = read(OPEN).into_iter().filter_map(|i| alert(i, None)).collect();
        let [fire, mail] = alerts.as_slice() else { panic!("{alerts:#?}") };
        assert_eq!(fire.fingerprint, "PT4KHLK");
        assert_eq!(fire.status, AlertStatus::Active);
        assert_eq!(fire.starts_at.to_rfc3339(), "2026-11-27T18:30:42+00:00");
        assert_eq!(fire.annotations.get("summary").unwrap(), "The server is on fire.");
        let labels: Vec<_> = fire.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let expect = [
            "alertname=Checkout",
            "escalation_policy=Core",
            "priority=P1",
            "service=Checkout",
            "service_id=PIJ90N7",
            "severity=critical",
            "team=Payments",
            "urgency=high",
        ];
        assert_eq!(labels, expect);
        let url = "https://acme.pagerduty.com/incidents/PT4KHLK";
        assert_eq!(fire.generator_url.as_deref(), Some(url));
        let by = vec!["acknowledgement".to_owned()];
        assert_eq!(mail.status, AlertStatus::Silenced { by });
        assert_eq!(mail.annotations.get("acknowledged there").unwrap(), "Ana Ruiz");
        assert_eq!(mail.labels.get("severity").unwrap(), "warning");
    }

    #[test]
    fn what_we_acknowledged_ourselves_is_not_muted_by_it() {
        let of = |own| read(OPEN).into_iter().nth(1).and_then(|i| alert(i, own)).unwrap().status;
        assert_eq!(of(Some("PXPGF42")), AlertStatus::Active);
        assert_ne!(of(Some("PANOTHER")), AlertStatus::Active);
    }

    proptest::proptest! {
        #[test]
        fn no_damage_to_an_answer_makes_the_reader_panic(at in 0_usize..4_000, byte: u8) {
            let mut body = OPEN.to_vec();
            let at = at % body.len();
            body[at] = byte;
            if let Ok(incident) = serde_json::from_slice::<serde_json::Value>(&body) {
                let all = incident["incidents"].as_array().cloned().unwrap_or_default();
                for one in all {
                    if let Ok(incident) = serde_json::from_value::<Incident>(one) {
                        let _ = alert(incident, Some("PXPGF42"));
                    }
                }
            }
        }
    }
}
