//! Telling PagerDuty what was done here: acknowledge, resolve, snooze, reassign, note. Each may be told
//! twice and means the same then; a note is looked for before it is written again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::http_client::{Answer, Clients, Request, below};
use super::super::mirror::within;
use super::super::orders::{Done, Refused};
use super::super::settings::{PagerDuty as Settings, SourceSettings};
use super::{ACCEPT, Api};
use crate::domain::text;
use crate::domain::upstream::template::Values;
use crate::domain::upstream::{Call, Order};

/// What PagerDuty can be told, by the names of the actions, and what of the incident each takes.
pub const TOLD: [(&str, &[&str]); 5] = [
    ("acknowledge", &["alert"]),
    ("resolve", &["alert", "comment"]),
    ("snooze", &["alert", "until"]),
    ("assign", &["alert", "to", "email"]),
    ("note", &["alert", "comment", "by"]),
];
/// The longest that PagerDuty snoozes, in seconds.
const LONGEST: i64 = 604_800;

/// What is told to one account.
pub struct Orders {
    settings: Settings,
    timeout: Duration,
    api: Api,
}

impl Orders {
    pub fn new(source: &SourceSettings, settings: &Settings, clients: &Clients) -> Self {
        let api = Api::new(source, settings, clients);
        Self { settings: settings.clone(), timeout: source.timeout, api }
    }

    pub(in super::super) async fn carry_out(&self, order: &Order) -> Result<Done, Refused> {
        let Call::Tell { action, values } = &order.what.call else {
            return Err(Refused::ForGood("it takes no such order".to_owned()));
        };
        let id = values.get("alert").map_or("", String::as_str);
        // It becomes a part of the address.
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(Refused::ForGood(format!("{id:?} is no incident of PagerDuty")));
        }
        match action.as_str() {
            "acknowledge" => self.put(id, json!({ "status": "acknowledged" })).await,
            "resolve" => {
                let mut change = json!({ "status": "resolved" });
                if let (Some(said), Some(change)) = (said(values), change.as_object_mut()) {
                    change.insert("resolution".to_owned(), said.into());
                }
                self.put(id, change).await
            }
            "snooze" => self.snooze(id, values).await,
            "assign" => self.assign(id, values).await,
            "note" => self.note(id, values, order).await,
            other => Err(Refused::ForGood(format!("it cannot be told of {other}"))),
        }
    }

    async fn put(&self, id: &str, change: Value) -> Result<Done, Refused> {
        let wanted = change.get("status").and_then(Value::as_str).map(str::to_owned);
        let mut incident = json!({ "type": "incident_reference" });
        if let (Some(incident), Value::Object(change)) = (incident.as_object_mut(), change) {
            incident.extend(change);
        }
        let body = json!({ "incident": incident });
        let answer = self.send(Method::PUT, &format!("incidents/{id}"), Some(&body)).await?;
        if answer.status.is_success() {
            return Ok(Done::default());
        }
        // What is resolved cannot be changed: that is so already, or too late.
        let status = self.status(id).await?;
        match (wanted.as_deref(), status.as_str()) {
            (Some("resolved" | "acknowledged"), "resolved") => {
                Ok(Done { said: "it was resolved there already".to_owned(), made: None })
            }
            _ => Err(refusal(&answer)),
        }
    }

    async fn snooze(&self, id: &str, values: &Values) -> Result<Done, Refused> {
        let until = values.get("until").and_then(|u| DateTime::parse_from_rfc3339(u).ok());
        let left = until.map_or(0, |until| (until.to_utc() - Utc::now()).num_seconds());
        if left <= 0 {
            return Ok(Done { said: "the snooze was over already".to_owned(), made: None });
        }
        let body = json!({ "duration": left.min(LONGEST) });
        let answer =
            self.send(Method::POST, &format!("incidents/{id}/snooze"), Some(&body)).await?;
        if answer.status.is_success() { Ok(Done::default()) } else { Err(refusal(&answer)) }
    }

    async fn assign(&self, id: &str, values: &Values) -> Result<Done, Refused> {
        let of = |name: &str| values.get(name).map(String::as_str).filter(|v| !v.is_empty());
        let Some(to) = of("to") else {
            let why = "PagerDuty has no incident without an assignee; it stays with whoever has it";
            return Err(Refused::ForGood(why.to_owned()));
        };
        let Some(email) = of("email") else {
            return Err(Refused::ForGood(format!("{to} has no mail address in [[people]]")));
        };
        let Some(user) = within(self.timeout, self.api.user(email)).await? else {
            return Err(Refused::ForGood(format!(
                "PagerDuty has no user with the address {email}"
            )));
        };
        let assignee = json!({ "id": user, "type": "user_reference" });
        self.put(id, json!({ "assignments": [{ "assignee": assignee }] })).await
    }

    async fn note(&self, id: &str, values: &Values, order: &Order) -> Result<Done, Refused> {
        let path = format!("incidents/{id}/notes");
        let content =
            order.tagged(&format!("{}: {}", order.what.author, said(values).unwrap_or("")));
        if order.attempts > 1 && self.notes(&path).await?.iter().any(|n| order.is_of(n)) {
            return Ok(Done { said: "an earlier try had arrived".to_owned(), made: None });
        }
        let body = json!({ "note": { "content": content } });
        let answer = self.send(Method::POST, &path, Some(&body)).await?;
        if answer.status.is_success() { Ok(Done::default()) } else { Err(refusal(&answer)) }
    }

    async fn notes(&self, path: &str) -> Result<Vec<String>, Refused> {
        #[derive(Deserialize)]
        struct Listed {
            #[serde(default)]
            notes: Vec<Note>,
        }
        #[derive(Deserialize)]
        struct Note {
            #[serde(default)]
            content: String,
        }
        let answer = self.send(Method::GET, path, None).await?.checked()?;
        let listed: Listed = answer.json()?;
        Ok(listed.notes.into_iter().map(|n| n.content).collect())
    }

    async fn status(&self, id: &str) -> Result<String, Refused> {
        let answer = self.send(Method::GET, &format!("incidents/{id}"), None).await?;
        let told: Value = answer.json()?;
        let status = told.pointer("/incident/status").and_then(Value::as_str);
        Ok(text::clean(status.unwrap_or_default(), 40))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Refused> {
        let url = below(&self.api.url, path);
        let request = match body {
            Some(body) => Request { method, ..Request::post_json(url, body) },
            None => Request::get(url),
        };
        let from = self.settings.from.as_deref().unwrap_or_default();
        let request = request.header("accept", ACCEPT)?.header("from", from)?;
        Ok(within(self.timeout, self.api.http.send(&request)).await?)
    }
}

/// What a person wrote, if that says something.
fn said(values: &Values) -> Option<&str> {
    values.get("comment").map(String::as_str).filter(|text| !text.is_empty())
}

/// A request that is wrong does not get better; a server in trouble may.
fn refusal(answer: &Answer) -> Refused {
    let error = answer.unexpected();
    if answer.status.is_client_error() && answer.status.as_u16() != 408 {
        Refused::ForGood(error.to_string())
    } else {
        Refused::ForNow(error)
    }
}
