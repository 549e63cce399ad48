//! PagerDuty by its REST API: the incidents that are open there.
//!
//! An incident that is triggered or acknowledged is an alert. Its labels are `alertname` (its service's
//! name), `service`, `service_id`, `team`, `escalation_policy`, `urgency`, `priority` and `severity`
//! (critical for high urgency, else warning). What somebody else acknowledged there is muted, as an
//! acknowledgement of an Icinga is. Where the config says so, its maintenance windows and who is on call
//! by one of its schedules are read, too.

mod calendars;
pub mod orders;

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant as Clock};

use chrono::DateTime;
use futures::future::BoxFuture;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use url::Url;

use calendars::Calendars;

use super::http_client::{Clients, Http, Request, below};
use super::mirror::within;
use super::settings::{PagerDuty as Settings, SourceSettings};
use super::{Source, SourceError, hygiene};
use crate::domain::observation::{Alert, AlertSet, AlertStatus, Fact, Observation, SourceName};
use crate::domain::text;
use crate::domain::time::Instant;

/// What a page of a list has at most.
const PAGE: usize = 100;
/// PagerDuty lists no more than so many, on so many pages.
const MOST: usize = 10_000;
const MOST_PAGES: usize = MOST / PAGE;
/// So many records that make no sense are told one by one.
const TOLD: usize = 5;
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
    timeout: Duration,
}

impl PagerDutySource {
    pub fn new(source: &SourceSettings, settings: &Settings, clients: &Clients) -> Self {
        let api = Api::new(source, settings, clients);
        let (name, settings) = (source.name.clone(), settings.clone());
        Self { name, api, settings, own: None, calendars: Calendars::default() }
    }

    /// Each part is asked for beside the others and fails by itself. Without the incidents the source
    /// fails; what else was read is told nevertheless.
    async fn observe(&mut self, now: Instant) -> Result<Observation, SourceError> {
        let Self { name, api, settings, own, calendars } = self;
        let (api, patience) = (&*api, api.patience());
        let services = settings.services.iter().map(|id| ("service_ids[]", id.as_str()));
        let teams = settings.teams.iter().map(|id| ("team_ids[]", id.as_str()));
        let of: Vec<_> = services.chain(teams).collect();
        let Calendars { shifts, windows } = calendars;
        let (incidents, shifts, windows) = tokio::join!(
            within(patience, incidents(api, settings, own, &of)),
            within(patience, async {
                let Some(schedule) = &settings.schedule else { return Ok(None) };
                shifts.read(api, schedule, &settings.meaning, now).await.map(Some)
            }),
            within(patience, windows.read(api, name, &of, &settings.meaning, now)),
        );
        let (mut facts, mut warnings, mut failed) = (Vec::new(), Vec::new(), None);
        let mut take = |(fact, said): (Fact, Vec<String>)| {
            facts.push(fact);
            warnings.extend(said);
        };
        match incidents {
            Ok(read) => take(read),
            Err(e) => failed = Some(e),
        }
        let calendars = [
            (shifts, "who is on call could not be read"),
            (windows, "its maintenance windows could not be read"),
        ];
        let mut unread = Vec::new();
        for (read, otherwise) in calendars {
            match read {
                Ok(read) => read.into_iter().for_each(&mut take),
                // What was read last stays as it was.
                Err(e) => unread.push(format!("{otherwise}: {e}")),
            }
        }
        warnings.extend(unread);
        let server = "PagerDuty".to_owned();
        let observation = Observation { source: name.clone(), at: now, server, facts, warnings };
        match failed {
            None => Ok(observation),
            Some(why) if observation.facts.is_empty() => Err(why),
            Some(why) => Err(SourceError::Partly(Box::new((why, observation)))),
        }
    }
}

/// What is open there, and what must be said of it.
async fn incidents(
    api: &Api,
    settings: &Settings,
    own: &mut Option<String>,
    of: &[(&str, &str)],
) -> Result<(Fact, Vec<String>), SourceError> {
    if let (None, Some(from)) = (&own, &settings.from) {
        *own = api.user(from).await?;
    }
    let own = own.as_deref();
    let open = [("statuses[]", "triggered"), ("statuses[]", "acknowledged")];
    let query = [&open[..], &[("sort_by", "created_at:asc")], of].concat();
    let listed = api.list::<Incident>("incidents", "incident", &query).await?;
    let is_whole = listed.is_whole();
    let mut warnings = listed.unreadable;
    if listed.is_cut {
        let shown = listed.items.len();
        warnings.push(format!("more than {shown} incidents are listed; name services or teams"));
    }
    if let (Some(from), None) = (&settings.from, own) {
        warnings.push(format!("no user has the address {from}: what is written is refused"));
    }
    // The absence of an incident from a list that is not whole says nothing.
    let (complete, authoritative) = (is_whole, is_whole);
    let alerts = listed.items.into_iter().map(|i| alert(i, own)).collect();
    let set = AlertSet { complete, alerts, authoritative, ..AlertSet::default() };
    Ok((Fact::Alerts(set), warnings))
}

impl Source for PagerDutySource {
    fn poll(&mut self, now: Instant) -> BoxFuture<'_, Result<Observation, SourceError>> {
        Box::pin(self.observe(now))
    }
}

impl Api {
    pub fn new(source: &SourceSettings, settings: &Settings, clients: &Clients) -> Self {
        let (url, http) = (settings.url.clone(), Http::new(source, clients));
        Self { url, http, timeout: source.timeout }
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

    /// How long one of the parts of a poll may take.
    fn patience(&self) -> Duration {
        self.timeout.mul_f64(0.9)
    }

    /// All that a query finds, page by page, as far as the patience of a poll goes.
    async fn list<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &'static str,
        one: &str,
        query: &[(&str, &str)],
    ) -> Result<Listed<T>, SourceError> {
        let mut listed = Listed { items: Vec::new(), is_cut: false, unreadable: Vec::new() };
        let (mut known, mut offset) = (HashSet::new(), 0);
        let begun = Clock::now();
        let limit = PAGE.to_string();
        for _ in 0..MOST_PAGES {
            let from = offset.to_string();
            let page = [query, &[("limit", &limit), ("offset", &from)]].concat();
            let mut answer: Map<String, Value> = self.get(path, &page).await?;
            let Some(Value::Array(records)) = answer.remove(path) else {
                let why = format!("the answer has no list \"{path}\": is this PagerDuty?");
                return Err(SourceError::BadAnswer(why));
            };
            offset += records.len();
            let before = known.len();
            for record in records {
                if known.insert(identity(&record)) {
                    listed.take(record, one);
                }
            }
            let is_last = answer.get("more") != Some(&Value::Bool(true));
            // A server that promises more and has nothing new would be asked for ever.
            let is_stuck = known.len() == before || begun.elapsed() > self.timeout / 2;
            if is_last || is_stuck || known.len() >= MOST {
                listed.is_cut = !is_last;
                return Ok(listed.told());
            }
        }
        listed.is_cut = true;
        Ok(listed.told())
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

/// What a list was found to hold.
struct Listed<T> {
    items: Vec<T>,
    /// There is more.
    is_cut: bool,
    /// The records that make no sense, each with why; bounded once all are read.
    unreadable: Vec<String>,
}

impl<T: DeserializeOwned> Listed<T> {
    /// Whether something that is not here is not there.
    fn is_whole(&self) -> bool {
        !self.is_cut && self.unreadable.is_empty()
    }

    /// Reads one record; one that makes no sense costs none of the others.
    fn take(&mut self, record: Value, one: &str) {
        match T::deserialize(&record) {
            Ok(item) => self.items.push(item),
            // Why takes a while to find out; no more is told than those.
            Err(_) if self.unreadable.len() > TOLD => self.unreadable.push(String::new()),
            Err(_) => self.unreadable.push(unreadable::<T>(record, one)),
        }
    }

    fn told(mut self) -> Self {
        self.unreadable = text::abridged(self.unreadable, TOLD, "such records");
        self
    }
}

/// By what a record is known again: its id, or all of it.
fn identity(record: &Value) -> String {
    record.get("id").and_then(Value::as_str).map_or_else(|| record.to_string(), str::to_owned)
}

/// What is wrong with a record: the field without which it could be read.
fn unreadable<T: DeserializeOwned>(record: Value, one: &str) -> String {
    let id = text::clean(record.get("id").and_then(Value::as_str).unwrap_or_default(), 40);
    let named = if id.is_empty() { "without an id".to_owned() } else { id };
    let fields = match record {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let is_wrong = |field: &&String| {
        let mut rest = fields.clone();
        rest.remove(*field);
        T::deserialize(Value::Object(rest)).is_ok()
    };
    let why = fields.keys().find(is_wrong).map_or_else(
        || "it is not what PagerDuty describes".to_owned(),
        |field| format!("its \"{}\" makes no sense", text::clean(field, 40)),
    );
    format!("{one} {named} is left out: {why}")
}

/// An id that can be one.
fn id<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let id = text::clean(&String::deserialize(from)?, 64);
    if id.is_empty() { Err(D::Error::custom("an empty id")) } else { Ok(id) }
}

#[derive(Deserialize)]
struct Incident {
    #[serde(deserialize_with = "id")]
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

#[derive(Deserialize, Default, Clone)]
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
fn alert(incident: Incident, own: Option<&str>) -> Alert {
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
    Alert {
        fingerprint: incident.id,
        labels: hygiene::labels(&labels),
        annotations: hygiene::annotations(&annotations),
        starts_at: created.and_then(Result::ok).map(|at| at.to_utc()).unwrap_or_default(),
        status,
        generator_url: incident.html_url.filter(|url| text::is_web(url)),
        service: None,
    }
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
        let alerts: Vec<Alert> = read(OPEN).into_iter().map(|i| alert(i, None)).collect();
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
        let of = |own| read(OPEN).into_iter().nth(1).map(|i| alert(i, own)).unwrap().status;
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
