//! The questions that `init` asks of Prometheus and Alertmanager.

use std::time::Duration;

use reqwest::{Client, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::draft::RuleGroups;
use crate::domain::matcher::Labels;
use crate::domain::text::clean;

const PATIENCE: Duration = Duration::from_secs(20);
/// Largest answer accepted, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// One server.
pub struct Server {
    client: Client,
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

impl Server {
    pub fn new(base: Url) -> Result<Self, String> {
        let client = Client::builder()
            .timeout(PATIENCE)
            .redirect(redirect::Policy::limited(3))
            .user_agent(concat!("atalaya/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| format!("no HTTP client: {e}"))?;
        Ok(Self { client, base })
    }

    /// The alert rules.
    pub async fn rules(&self) -> Result<RuleGroups, String> {
        self.prometheus("api/v1/rules", &[("type", "alert")]).await
    }

    /// The label sets that an instant query gives.
    pub async fn series(&self, query: &str) -> Result<Vec<Labels>, String> {
        let vector: Vector = self.prometheus("api/v1/query", &[("query", query)]).await?;
        Ok(vector.result.into_iter().map(|s| s.metric).collect())
    }

    /// The addresses to which Prometheus sends its alerts.
    pub async fn alertmanagers(&self) -> Result<Vec<String>, String> {
        let found: Alertmanagers = self.prometheus("api/v1/alertmanagers", &[]).await?;
        let bases = found.active_alertmanagers.into_iter().map(|a| {
            let end = a.url.find("/api/").unwrap_or(a.url.len());
            clean(a.url.get(..end).unwrap_or_default(), 200)
        });
        Ok(bases.collect())
    }

    /// The alerts of an Alertmanager.
    pub async fn alerts(&self) -> Result<Vec<Alert>, String> {
        self.get("api/v2/alerts", &[]).await
    }

    async fn prometheus<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, String> {
        let envelope: Envelope<T> = self.get(path, query).await?;
        envelope.data.ok_or_else(|| clean(&envelope.error, 300))
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, String> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        let mut answer =
            self.client.get(url).query(query).send().await.map_err(|e| self.unreachable(&e))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|e| self.unreachable(&e))? {
            if body.len() + piece.len() > MAX_BODY {
                return Err(format!("{} sends more than 64 MiB for {path}", self.base));
            }
            body.extend_from_slice(&piece);
        }
        serde_json::from_slice(&body).map_err(|_| {
            let start = clean(&String::from_utf8_lossy(body.get(..200).unwrap_or(&body)), 80);
            format!("{}{path} answers {status}, not what is expected there: {start}", self.base)
        })
    }

    fn unreachable(&self, e: &reqwest::Error) -> String {
        let mut reason = e.to_string();
        let mut source = std::error::Error::source(e);
        while let Some(inner) = source {
            reason = inner.to_string();
            source = inner.source();
        }
        format!("{} cannot be reached: {}", self.base, clean(&reason, 200))
    }
}
