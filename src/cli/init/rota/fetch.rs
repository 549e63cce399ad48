//! The questions that `init` asks of PagerDuty and Grafana OnCall, page by page.
//!
//! Whom a server asks for patience is patient, for a while. The token is sent to the address that was
//! given and nowhere else: also the next page is asked for there, whatever address the server names.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use chrono::{DurationRound, TimeDelta};
use futures::StreamExt as _;
use reqwest::header::{ACCEPT, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

use super::{grafana, pagerduty};
use crate::cli::init::draft::LeftOut;
use crate::cli::init::fetch::{PATIENCE, http};
use crate::domain::time::{Instant, Interval};
use crate::sources::SourceError;
use crate::sources::http_client::{Answer, Http, Request, address, below};
use crate::sources::secret;
use crate::sources::settings::{Auth, Secret};

/// Largest answer accepted, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// The most of anything that is read.
const MAX_ITEMS: usize = 10_000;
/// The most pages of one list, and what a page has at most.
const MAX_PAGES: usize = 100;
const PAGE: usize = 100;
/// The most schedules, each of which is asked for by itself.
const MAX_SCHEDULES: usize = 300;
/// How often one question is asked again, and how long is waited at most.
const AGAIN: usize = 3;
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// How long is waited where the server does not say.
const WAIT: Duration = Duration::from_secs(5);
/// For how long the server's own shifts are compared, and how far ahead overrides are looked for:
/// PagerDuty answers for three months at most.
const AHEAD: TimeDelta = TimeDelta::weeks(12);
/// Questions about single schedules that are under way at once.
const AT_ONCE: usize = 4;

/// One server and the way to ask it.
pub struct Api {
    http: Http,
    base: Url,
    accept: &'static str,
    /// What to do about a token that is refused.
    remedy: &'static str,
}

/// What was found, and what was not asked for.
pub type Found<T> = (T, Vec<LeftOut>);

impl Api {
    /// PagerDuty's REST API.
    pub async fn pagerduty(base: Url, token: &Path) -> Result<Self, SourceError> {
        let token = secret::read(&Secret::File(token.to_owned())).await?;
        let value = SecretString::from(format!("Token token={}", token.expose_secret()));
        Ok(Self {
            http: http(authorization(value), MAX_BODY),
            base,
            accept: "application/vnd.pagerduty+json;version=2",
            remedy: "the file of --pagerduty-token-file must hold a REST API key, a read-only one is \
                     enough; accounts in the EU also need --pagerduty-url https://api.eu.pagerduty.com",
        })
    }

    /// Grafana OnCall's HTTP API.
    pub async fn grafana(mut base: Url, token: &Path) -> Result<Self, SourceError> {
        let token = secret::read(&Secret::File(token.to_owned())).await?;
        let path = base.path().trim_end_matches('/');
        let path = path.strip_suffix("/api/v1").unwrap_or(path).to_owned();
        base.set_path(&path);
        Ok(Self {
            http: http(authorization(token), MAX_BODY),
            base,
            accept: "application/json",
            remedy: "the file of --grafana-oncall-token-file must hold an API key of OnCall (Settings → \
                     API keys)",
        })
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = below(&self.base, path);
        url.set_query(None);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// One JSON document.
    async fn get(&self, url: Url) -> Result<Value, SourceError> {
        let mut request = Request::get(url);
        request.headers.insert(ACCEPT, HeaderValue::from_static(self.accept));
        let answer = self.patiently(&request).await?.checked()?;
        // What a server says back must not bring the token into the file.
        let text = answer.hidden.hide(&String::from_utf8_lossy(&answer.body));
        serde_json::from_str(&text).map_err(|e| answer.not_json(&e))
    }

    async fn patiently(&self, request: &Request) -> Result<Answer, SourceError> {
        let mut left = AGAIN;
        loop {
            let sent = tokio::time::timeout(PATIENCE, self.http.send(request)).await;
            let outcome = sent.unwrap_or_else(|_| {
                let seconds = PATIENCE.as_secs();
                let why = format!("{} does not answer within {seconds} s", address(&request.url));
                Err(SourceError::Unreachable(why))
            });
            match outcome {
                Err(SourceError::Busy { retry_after, .. })
                    if left > 0 && retry_after.unwrap_or(WAIT) <= LONGEST_WAIT =>
                {
                    left -= 1;
                    tokio::time::sleep(retry_after.unwrap_or(WAIT)).await;
                }
                Err(SourceError::Denied(said)) => {
                    let said = said.replace(": check auth of this source", "");
                    return Err(SourceError::Denied(format!("{said}: {}", self.remedy)));
                }
                Err(SourceError::Busy { reason, retry_after }) => {
                    let again = retry_after.map_or_else(
                        || "run it again later".to_owned(),
                        |after| format!("run it again in {} s", after.as_secs()),
                    );
                    let reason = format!("{reason}: {again}");
                    return Err(SourceError::Busy { reason, retry_after });
                }
                other => return other,
            }
        }
    }

    /// A list of PagerDuty, which is cut into pages by `offset`.
    async fn by_offset(
        &self,
        path: &str,
        query: &[(&str, &str)],
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Vec<Value>, SourceError> {
        let mut out = Vec::new();
        for page in 0..MAX_PAGES {
            let (limit, offset) = (PAGE.to_string(), (page * PAGE).to_string());
            let pages = [("limit", limit.as_str()), ("offset", offset.as_str())];
            let mut answer = self.get(self.url(path, &[query, &pages].concat())).await?;
            let list = answer.get_mut(path).map(Value::take);
            let Some(Value::Array(list)) = list else {
                let at = address(&self.url(path, &[]));
                let why = format!("{at} answered without {path}: is this the address of the API?");
                return Err(SourceError::BadAnswer(why));
            };
            let more = answer.get("more").and_then(Value::as_bool).unwrap_or(false);
            let is_over = list.is_empty() || !more;
            // What a server sends beyond the page that was asked for is not wanted.
            out.extend(list.into_iter().take(PAGE));
            if out.len() >= MAX_ITEMS {
                break;
            }
            if is_over {
                return Ok(out);
            }
        }
        left_out.push(cut(path, out.len()));
        Ok(out)
    }

    /// A list of Grafana OnCall, of which each page names the next.
    async fn by_links(
        &self,
        path: &str,
        query: &[(&str, &str)],
        left_out: &mut Vec<LeftOut>,
    ) -> Result<Vec<Value>, SourceError> {
        let mut url = self.url(path, query);
        let (mut out, mut seen) = (Vec::new(), BTreeSet::new());
        for _ in 0..MAX_PAGES {
            // A server that leads in a circle says nothing new.
            if !seen.insert(url.query().map(str::to_owned)) || out.len() >= MAX_ITEMS {
                break;
            }
            let mut answer = self.get(url.clone()).await?;
            let list = answer.get_mut("results").map(Value::take);
            let Some(Value::Array(list)) = list else {
                let at = address(&url);
                let why = format!("{at} answered without results: is this the address of the API?");
                return Err(SourceError::BadAnswer(why));
            };
            let is_empty = list.is_empty();
            out.extend(list.into_iter().take(MAX_ITEMS));
            let next = answer.get("next").and_then(Value::as_str).and_then(|n| url.join(n).ok());
            // Only its query: behind a proxy the server may not know its own address, and the token
            // goes nowhere else.
            match next {
                Some(next) if !is_empty && next.query() != url.query() => {
                    url.set_query(next.query());
                }
                _ => return Ok(out),
            }
        }
        left_out.push(cut(path, out.len()));
        Ok(out)
    }
}

fn authorization(value: SecretString) -> Auth {
    Auth::Header { name: "Authorization".to_owned(), value: Secret::Inline(value) }
}

fn cut(path: &str, n: usize) -> LeftOut {
    let what = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path).replace('_', " ");
    LeftOut { what, why: format!("only the first {n} are read") }
}

/// For when the server's own shifts are compared: from the next full hour, so that what was changed
/// a moment ago does not count.
fn compared(now: Instant) -> Interval {
    let hour = TimeDelta::hours(1);
    let from = now.duration_trunc(hour).unwrap_or(now) + hour;
    Interval::new(from, from + AHEAD)
}

fn stamp(at: Instant) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The ids in a list, as parts of a path; what is none is left out.
fn ids(list: &[Value], left_out: &mut Vec<LeftOut>) -> Vec<String> {
    let plain = |id: &&str| {
        !id.is_empty()
            && id.len() <= 64
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let ids = list.iter().filter_map(|v| v.get("id").and_then(Value::as_str).filter(plain));
    let ids: Vec<String> = ids.map(str::to_owned).collect();
    if ids.len() > MAX_SCHEDULES {
        left_out.push(cut("schedules", MAX_SCHEDULES));
    }
    ids.into_iter().take(MAX_SCHEDULES).collect()
}

/// Everything of PagerDuty that becomes a rota.
pub async fn pagerduty(
    api: &Api,
    now: Instant,
) -> Result<Found<pagerduty::Documents>, SourceError> {
    let mut left_out = Vec::new();
    let include = [("include[]", "contact_methods"), ("include[]", "teams")];
    let users = api.by_offset("users", &include, &mut left_out).await?;
    let listed = api.by_offset("schedules", &[], &mut left_out).await?;
    let policies = api.by_offset("escalation_policies", &[], &mut left_out).await?;
    let rendered = compared(now);
    let (from, to) = (stamp(rendered.from), stamp(rendered.to));
    let (now_text, until) = (stamp(now), stamp(now + AHEAD));
    let one = async |id: String| {
        let span = [("since", from.as_str()), ("until", to.as_str())];
        let mut answer = api.get(api.url(&format!("schedules/{id}"), &span)).await?;
        let schedule = answer.get_mut("schedule").map(Value::take).unwrap_or_default();
        let span = [("since", now_text.as_str()), ("until", until.as_str())];
        let path = format!("schedules/{id}/overrides");
        let mut answer = api.get(api.url(&path, &span)).await?;
        let overrides = match answer.get_mut("overrides").map(Value::take) {
            Some(Value::Array(list)) => list,
            _ => Vec::new(),
        };
        Ok((schedule, overrides))
    };
    let ids = ids(&listed, &mut left_out);
    let asked: Vec<Result<_, SourceError>> =
        futures::stream::iter(ids).map(one).buffered(AT_ONCE).collect().await;
    let schedules = asked.into_iter().collect::<Result<_, _>>()?;
    let documents = pagerduty::Documents { users, schedules, policies, rendered: Some(rendered) };
    Ok((documents, left_out))
}

/// Everything of Grafana OnCall that becomes a rota.
pub async fn grafana(api: &Api, now: Instant) -> Result<Found<grafana::Documents>, SourceError> {
    let mut left_out = Vec::new();
    let users = api.by_links("api/v1/users/", &[], &mut left_out).await?;
    let listed = api.by_links("api/v1/schedules/", &[], &mut left_out).await?;
    let shifts = api.by_links("api/v1/on_call_shifts/", &[], &mut left_out).await?;
    let chains = api.by_links("api/v1/escalation_chains/", &[], &mut left_out).await?;
    let policies = api.by_links("api/v1/escalation_policies/", &[], &mut left_out).await?;
    // The server is asked by days, and answers for whole ones.
    let day = now.duration_trunc(TimeDelta::days(1)).unwrap_or(now) + TimeDelta::days(1);
    let rendered = Interval::new(day, day + AHEAD);
    let date = |at: Instant| at.format("%Y-%m-%d").to_string();
    let (from, to) = (date(rendered.from), date(rendered.to));
    let mut schedules = Vec::new();
    let ids = ids(&listed, &mut left_out);
    for schedule in listed {
        let id = schedule.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !ids.contains(&id) {
            continue;
        }
        let span = [("start_date", from.as_str()), ("end_date", to.as_str())];
        let path = format!("api/v1/schedules/{id}/final_shifts");
        // Servers before 1.1 do not have them: then nothing is compared.
        let finals = api.by_links(&path, &span, &mut Vec::new()).await.ok();
        schedules.push((schedule, finals));
    }
    let rendered = Some(rendered);
    let documents = grafana::Documents { users, schedules, shifts, chains, policies, rendered };
    Ok((documents, left_out))
}
