//! The questions that `init` asks of Prometheus and Alertmanager.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::draft::RuleGroups;
use crate::domain::matcher::Labels;
use crate::domain::text::clean;
use crate::sources::SourceError;
use crate::sources::http_client::{Answer, Clients, Http, Request, address, below};
use crate::sources::settings::{Auth, Host, HttpSettings, Kind, SourceSettings, discreet};

/// How long one answer may take.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Largest answer accepted, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// The same of a calendar, as of its source.
pub const MAX_CALENDAR: usize = 8 * 1024 * 1024;

/// One server.
pub struct Server {
    http: Http,
    base: Url,
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: Option<T>,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
struct Vector {
    result: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    metric: Labels,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alertmanagers {
    #[serde(default)]
    active_alertmanagers: Vec<Active>,
}

#[derive(Deserialize)]
struct Active {
    url: String,
}

/// An alert of Alertmanager, as far as `init` looks at it.
#[derive(Deserialize)]
pub struct Alert {
    pub labels: Labels,
}

/// A client that asks each thing once and keeps nothing.
pub fn http(auth: Auth, max_body: usize) -> Http {
    let settings = SourceSettings {
        name: Arc::from("init"),
        interval: PATIENCE,
        timeout: PATIENCE,
        max_body,
        http: HttpSettings { auth, ..HttpSettings::default() },
        // Of no consequence: only a source asks what kind it is.
        kind: Kind::Host(Host { top_processes: 0, services: false }),
        asks: Vec::new(),
    };
    Http::new(&settings, &Clients::default())
}

/// What a calendar at an address says.
pub async fn calendar(url: &Url) -> Result<String, SourceError> {
    let http = http(Auth::None, MAX_CALENDAR);
    let asked = tokio::time::timeout(PATIENCE, http.get(url.clone())).await;
    let answer = asked.unwrap_or(Err(SourceError::TimedOut(PATIENCE)));
    // The address of a private calendar is its secret.
    let answer =
        answer.map_err(|e| e.reworded(|said| said.replace(&address(url), &discreet(url))))?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

impl Server {
    pub fn new(base: Url) -> Self {
        Self { http: http(Auth::None, MAX_BODY), base }
    }

    /// The alert rules.
    pub async fn rules(&self) -> Result<RuleGroups, String> {
        let mut url = below(&self.base, "api/v1/rules");
        url.set_query(Some("type=alert"));
        self.prometheus(Request::get(url)).await
    }

    /// The label sets that an instant query gives.
    pub async fn series(&self, query: &str) -> Result<Vec<Labels>, String> {
        let url = below(&self.base, "api/v1/query");
        let vector: Vector = self.prometheus(Request::post_form(url, &[("query", query)])).await?;
        Ok(vector.result.into_iter().map(|s| s.metric).collect())
    }

    /// The addresses to which Prometheus sends its alerts.
    pub async fn alertmanagers(&self) -> Result<Vec<String>, String> {
        let url = below(&self.base, "api/v1/alertmanagers");
        let found: Alertmanagers = self.prometheus(Request::get(url)).await?;
        let bases = found.active_alertmanagers.into_iter().map(|a| {
            let end = a.url.find("/api/").unwrap_or(a.url.len());
            clean(a.url.get(..end).unwrap_or_default(), 200)
        });
        Ok(bases.collect())
    }

    /// The alerts of an Alertmanager.
    pub async fn alerts(&self) -> Result<Vec<Alert>, String> {
        let answer = self.send(&Request::get(below(&self.base, "api/v2/alerts"))).await?;
        answer.checked().and_then(|a| a.json()).map_err(|e| e.to_string())
    }

    /// Data, or Prometheus' own words about what is wrong with the question.
    async fn prometheus<T: DeserializeOwned>(&self, request: Request) -> Result<T, String> {
        let answer = self.send(&request).await?;
        match answer.json::<Envelope<T>>() {
            Ok(Envelope { data: Some(data), .. }) => Ok(data),
            Ok(envelope) if !envelope.error.is_empty() => Err(clean(&envelope.error, 300)),
            Ok(_) => Err(format!("{} answered without data", address(&answer.url))),
            Err(not_json) => Err(answer.checked().err().unwrap_or(not_json).to_string()),
        }
    }

    async fn send(&self, request: &Request) -> Result<Answer, String> {
        match tokio::time::timeout(PATIENCE, self.http.send(request)).await {
            Ok(answer) => answer.map_err(|e| e.to_string()),
            Err(_) => Err(format!("{} does not answer within 20 s", address(&request.url))),
        }
    }
}
