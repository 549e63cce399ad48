//! The HTTP client of all sources that speak HTTP: credentials, TLS, redirects, size limits, and
//! errors that a person can act upon.
//!
//! * Credentials (and headers that the user configured) go to the configured origin only; a
//!   redirect to another scheme, host or port carries none, and no body.
//! * No error repeats a secret of its source, even where the server does.
//! * A body is cut off while it streams in, after decompression, at the source's `max_body`.
//! * A time limit is the caller's: dropping the future ends the request.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use reqwest::header::{
    ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Client, Method, NoProxy, Proxy, StatusCode};
use serde::Deserialize;
use tokio::sync::OnceCell;
use url::Url;

use super::secret::{Credential, Credentials, Hidden};
use super::settings::{HttpSettings, SourceSettings};
use super::{SourceError, hygiene, tls};
use crate::domain::text;

/// How often one request is redirected at most.
const MAX_REDIRECTS: usize = 5;
/// Nobody is left alone for longer than this, whatever its `Retry-After` says.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);
/// How much of a server's own words is repeated in an error, in characters.
const MAX_SAID: usize = 200;
/// Addresses that never go through a proxy, beside those in `NO_PROXY`.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// What all sources share: one client, made when first needed. Cheap to clone; lives as long as the
/// runtime in which it is used.
#[derive(Debug, Clone, Default)]
pub struct Clients(Arc<OnceCell<Client>>);

/// How one source speaks HTTP.
#[derive(Debug)]
pub struct Http {
    settings: HttpSettings,
    credentials: Credentials,
    max_body: usize,
    shared: Clients,
    /// Where TLS settings differ from the default.
    own: OnceCell<Client>,
    /// For redirects to other origins: as `own`, without the client certificate.
    anonymous: OnceCell<Client>,
}

/// What is asked. Every request of a source may be sent twice: a question, or a change that is found
/// again by what it made.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    /// Sent to the configured origin only.
    pub headers: HeaderMap,
    pub body: Option<Vec<u8>>,
    /// It changes something there.
    pub writes: bool,
    /// It is not sent again by itself, although nobody knows whether it has arrived: whoever asks
    /// looks first.
    pub once: bool,
}

/// What came back, of any status but those that concern the credentials or ask for patience.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Where it came from, after redirects.
    pub url: Url,
    /// The secrets that were sent.
    pub hidden: Hidden,
}

impl Request {
    /// A GET that prefers JSON.
    pub fn get(url: Url) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
        Self { method: Method::GET, url, headers, body: None, writes: false, once: false }
    }

    /// A POST of form fields that prefers JSON.
    pub fn post_form(url: Url, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish()
            .into_bytes();
        let mut request = Self { method: Method::POST, body: Some(body), ..Self::get(url) };
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(CONTENT_TYPE, form);
        request
    }

    /// A question that is asked in JSON.
    pub fn ask_json(url: Url, body: &serde_json::Value) -> Self {
        let mut request = Self {
            method: Method::POST,
            body: Some(body.to_string().into_bytes()),
            ..Self::get(url)
        };
        let json = HeaderValue::from_static("application/json");
        // Some servers take nothing beside it.
        request.headers.insert(ACCEPT, json.clone());
        request.headers.insert(CONTENT_TYPE, json);
        request
    }

    /// A change by a document.
    pub fn post_json(url: Url, body: &serde_json::Value) -> Self {
        Self { writes: true, ..Self::ask_json(url, body) }
    }

    /// The same, sent by itself once at most.
    #[must_use]
    pub fn once(self) -> Self {
        Self { once: true, ..self }
    }

    pub fn delete(url: Url) -> Self {
        Self { method: Method::DELETE, writes: true, ..Self::get(url) }
    }

    /// With one more header.
    ///
    /// # Errors
    /// [`SourceError::Misconfigured`] if HTTP does not allow such a header; its value is not shown.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, SourceError> {
        let wrong = || SourceError::Misconfigured(format!("{name:?} cannot be sent as a header"));
        let key = HeaderName::try_from(name).map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        self.headers.insert(key, value);
        Ok(self)
    }
}

impl Http {
    pub fn new(source: &SourceSettings, shared: &Clients) -> Self {
        Self::with(&source.http, source.max_body, shared)
    }

    /// For what is no source.
    pub fn with(settings: &HttpSettings, max_body: usize, shared: &Clients) -> Self {
        Self {
            settings: settings.clone(),
            credentials: Credentials::new(settings.auth.clone()),
            max_body,
            shared: shared.clone(),
            own: OnceCell::new(),
            anonymous: OnceCell::new(),
        }
    }

    /// Sends a request, follows redirects and reads the answer.
    ///
    /// # Errors
    /// Everything that is no answer; refused credentials (401, 403), after reading the secret once
    /// more; 429, and 503 with `Retry-After`, as [`SourceError::Busy`]. Other statuses are the
    /// caller's, see [`Answer::checked`].
    pub async fn send(&self, request: &Request) -> Result<Answer, SourceError> {
        let credential = self.credentials.current().await?;
        let mut hidden = Hidden::default();
        hidden.address(&request.url);
        let configured = request.headers.values().filter(|v| v.is_sensitive());
        for value in configured.chain(credential.iter().map(|c| &c.value)) {
            hidden.header(value);
        }
        let outcome = self.exchange(request, credential, &mut hidden).await;
        outcome.map_err(|e| e.reworded(|said| hidden.hide(said)))
    }

    async fn exchange(
        &self,
        request: &Request,
        credential: Option<Credential>,
        hidden: &mut Hidden,
    ) -> Result<Answer, SourceError> {
        let mut answer = self.attempt(request, credential.as_ref()).await?;
        if let (StatusCode::UNAUTHORIZED, Some(refused)) = (answer.status, credential)
            && let Some(renewed) = self.credentials.renewed(&refused).await?
        {
            hidden.header(&renewed.value);
            answer = self.attempt(request, Some(&renewed)).await?;
        }
        answer.hidden = hidden.clone();
        self.judge(answer, request)
    }

    /// A GET that must succeed.
    pub async fn get(&self, url: Url) -> Result<Answer, SourceError> {
        self.send(&Request::get(url)).await?.checked()
    }

    async fn attempt(
        &self,
        request: &Request,
        credential: Option<&Credential>,
    ) -> Result<Answer, SourceError> {
        let (mut url, mut method) = (request.url.clone(), request.method.clone());
        let mut body = request.body.as_ref();
        let mut home = true;
        for _ in 0..=MAX_REDIRECTS {
            let mut headers = HeaderMap::new();
            if home {
                headers.clone_from(&request.headers);
                if let Some(credential) = credential {
                    headers.insert(credential.name.clone(), credential.value.clone());
                }
            } else if let Some(accept) = request.headers.get(ACCEPT) {
                headers.insert(ACCEPT, accept.clone());
            }
            let response = self.one_hop(home, &method, &url, headers, (body, request.once)).await?;
            let Some(next) = redirect(&response, &url)? else {
                return self.read(response, url).await;
            };
            if response.status() == StatusCode::SEE_OTHER {
                method = Method::GET;
                body = None;
            }
            // Once away, always away: who redirects back here could aim our credentials.
            home = home && next.origin() == request.url.origin();
            if !home && body.is_some() {
                return Err(SourceError::BadAnswer(format!(
                    "{} redirects to {}, which is another server: nothing is posted there; if it \
                     is the right one, use its address as url",
                    address(&url),
                    address(&next)
                )));
            }
            url = next;
            if home {
                carry_user(&request.url, &mut url);
            }
        }
        Err(SourceError::BadAnswer(format!(
            "{} redirects more than {MAX_REDIRECTS} times: check the url and the proxy before it",
            address(&request.url)
        )))
    }

    /// One exchange. A kept connection that the server closed just then is no failure: the request
    /// is sent once more.
    async fn one_hop(
        &self,
        home: bool,
        method: &Method,
        url: &Url,
        headers: HeaderMap,
        (body, once): (Option<&Vec<u8>>, bool),
    ) -> Result<reqwest::Response, SourceError> {
        let client = self.client(home).await?;
        let send = || {
            let request = client.request(method.clone(), url.clone()).headers(headers.clone());
            match body {
                Some(body) => request.body(body.clone()).send(),
                None => request.send(),
            }
        };
        let outcome = match send().await {
            Err(e) if !once && e.is_request() && !e.is_connect() && !e.is_timeout() => send().await,
            outcome => outcome,
        };
        outcome.map_err(|e| unreachable(&e, url))
    }

    async fn client(&self, home: bool) -> Result<Client, SourceError> {
        let mut settings = self.settings.clone();
        if !home {
            settings.client_cert = None;
        }
        let plain = settings.client_cert.is_none()
            && settings.ca_file.is_none()
            && !settings.insecure_skip_verify;
        let cell = match (plain, home) {
            (true, _) => &*self.shared.0,
            (false, true) => &self.own,
            (false, false) => &self.anonymous,
        };
        let build = || async {
            tokio::task::spawn_blocking(move || build(&settings))
                .await
                .map_err(|e| SourceError::Misconfigured(format!("no HTTP client: {e}")))?
        };
        cell.get_or_try_init(build).await.cloned()
    }

    async fn read(&self, mut response: reqwest::Response, url: Url) -> Result<Answer, SourceError> {
        let too_large = || {
            SourceError::BadAnswer(format!(
                "{} answered with more than {}: ask for less, or raise max_body",
                address(&url),
                text::value(self.max_body as f64, "B")
            ))
        };
        let announced = response.content_length().unwrap_or(0);
        if announced > self.max_body as u64 {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(announced as usize);
        loop {
            match response.chunk().await {
                Ok(None) => break,
                Ok(Some(chunk)) if body.len() + chunk.len() > self.max_body => {
                    return Err(too_large());
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Err(e) => {
                    return Err(SourceError::BadAnswer(format!(
                        "the answer of {} broke off after {}: {}; look at the server and at \
                         proxies on the way",
                        address(&url),
                        text::value(body.len() as f64, "B"),
                        innermost(&e)
                    )));
                }
            }
        }
        hygiene::mend_surrogates(&mut body);
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answer { status, headers, body, url, hidden: Hidden::default() })
    }

    fn judge(&self, answer: Answer, request: &Request) -> Result<Answer, SourceError> {
        let at = address(&answer.url);
        match answer.status {
            StatusCode::UNAUTHORIZED if answer.url.origin() != request.url.origin() => {
                Err(SourceError::Denied(format!(
                    "{at}, to which {} redirects, wants credentials (401); they are not sent to \
                     another server: use its address as url",
                    address(&request.url)
                )))
            }
            StatusCode::UNAUTHORIZED if self.credentials.exist() => Err(SourceError::Denied(
                format!("{at} refused the credentials (401): check auth of this source"),
            )),
            StatusCode::UNAUTHORIZED => Err(SourceError::Denied(format!(
                "{at} wants credentials (401): set auth for this source"
            ))),
            StatusCode::FORBIDDEN => Err(SourceError::Denied(format!(
                "{at} does not allow this (403{}): give these credentials the right to {}, or use \
                 others",
                answer.said(),
                if request.writes { "write" } else { "read" }
            ))),
            StatusCode::TOO_MANY_REQUESTS => Err(answer.busy()),
            StatusCode::SERVICE_UNAVAILABLE if answer.headers.contains_key(RETRY_AFTER) => {
                Err(answer.busy())
            }
            _ => Ok(answer),
        }
    }
}

impl Answer {
    /// The answer if its status is a success.
    ///
    /// # Errors
    /// As [`Answer::unexpected`].
    pub fn checked(self) -> Result<Self, SourceError> {
        if self.status.is_success() { Ok(self) } else { Err(self.unexpected()) }
    }

    /// Why this status is no answer, with the server's own words and what helps.
    pub fn unexpected(&self) -> SourceError {
        let (code, said, at) = (self.status.as_u16(), self.said(), address(&self.url));
        SourceError::BadAnswer(match code {
            503 => return self.busy(),
            404 => format!("{at} does not exist (404{said}): check the url, its path prefix too"),
            500..=599 => format!("{at} failed ({code}{said}): look at the server's log"),
            _ => format!("{at} answered with status {code}{said}: check the url and the query"),
        })
    }

    /// The body as JSON. serde_json refuses more than 128 levels, so that no depth can exhaust the
    /// stack.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, SourceError> {
        serde_json::from_slice(&self.body).map_err(|e| self.not_json(&e))
    }

    /// Why this is not the JSON that was expected.
    pub fn not_json(&self, error: &serde_json::Error) -> SourceError {
        let at = address(&self.url);
        SourceError::BadAnswer(if self.body.is_empty() {
            format!("{at} answered with nothing ({}): check the url", self.status.as_u16())
        } else if self.is_html() {
            format!(
                "{at} answered with a web page instead of JSON: is it a login page or a proxy's? \
                 Check the url, its path prefix too"
            )
        } else if error.to_string().starts_with("recursion limit") {
            format!("{at} answered with JSON of more than 128 levels: this is not what was asked")
        } else {
            format!(
                "{at} answered with JSON that is not understood ({}): is the url right for this \
                 kind of source?",
                self.words(&error.to_string(), MAX_SAID)
            )
        })
    }

    /// The server's own words as one harmless line of at most `max` characters, without the secrets
    /// that it was sent.
    pub fn words(&self, said: &str, max: usize) -> String {
        // Hidden before it is cut: half a secret would not be found.
        text::clean(&self.hidden.hide(&text::clean(said, text::MAX_TEXT)), max)
    }

    fn is_html(&self) -> bool {
        let declared = self.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
        declared.is_some_and(|t| t.starts_with("text/html"))
            || self.body.trim_ascii_start().first() == Some(&b'<')
    }

    fn busy(&self) -> SourceError {
        // Some count the seconds in the other one.
        let header = self.headers.get(RETRY_AFTER).or_else(|| self.headers.get("ratelimit-reset"));
        let retry_after = header.and_then(|v| v.to_str().ok());
        SourceError::Busy {
            reason: format!(
                "{} asks for patience ({}{})",
                address(&self.url),
                self.status.as_u16(),
                self.said()
            ),
            retry_after: retry_after.and_then(|v| retry_after_in(v, Utc::now())),
        }
    }

    /// The server's own words about an error, `": …"`, or nothing if it sent a page or a novel.
    fn said(&self) -> String {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Words {
            Bare(String),
            Error { error: String },
            Message { message: String },
        }
        if self.is_html() || self.body.len() > 64 * 1024 {
            return String::new();
        }
        let words = match serde_json::from_slice(&self.body) {
            Ok(Words::Bare(w) | Words::Error { error: w } | Words::Message { message: w }) => w,
            Err(_) => String::from_utf8_lossy(&self.body).into_owned(),
        };
        let words = self.words(words.trim().lines().next().unwrap_or_default(), MAX_SAID);
        if words.is_empty() { words } else { format!(": {words}") }
    }
}

/// Where something is, as it may be shown: no user, no password, no query.
pub fn address(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    text::clean(&format!("{}://{host}{port}{path}", url.scheme()), 200)
}

/// `path` below a base address, keeping its prefix, its user and its query.
pub fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!(
        "{}/{}",
        base.path().trim_end_matches('/'),
        path.trim_start_matches('/')
    ));
    url
}

fn build(settings: &HttpSettings) -> Result<Client, SourceError> {
    let mut tls = tls::client_config(settings)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .user_agent(concat!("atalaya/", env!("CARGO_PKG_VERSION")));
    for proxy in proxies() {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|e| {
        SourceError::Misconfigured(format!("no HTTP client can be made: {}", innermost(&e)))
    })
}

/// The proxies of the environment. As everywhere but in reqwest, loopback never goes through one.
fn proxies() -> Vec<Proxy> {
    let variable = |name: &str| {
        [name.to_lowercase(), name.to_uppercase()]
            .iter()
            .find_map(|n| std::env::var(n).ok())
            .filter(|v| !v.is_empty())
    };
    let exempt = format!("{LOOPBACK},{}", variable("no_proxy").unwrap_or_default());
    let all = variable("all_proxy");
    let http = variable("http_proxy").or_else(|| all.clone()).map(Proxy::http);
    let https = variable("https_proxy").or(all).map(Proxy::https);
    let usable = [http, https].into_iter().flatten().filter_map(Result::ok);
    usable.map(|proxy| proxy.no_proxy(NoProxy::from_string(&exempt))).collect()
}

/// Where a redirect leads; `None` if the answer is none.
fn redirect(response: &reqwest::Response, from: &Url) -> Result<Option<Url>, SourceError> {
    let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let wrong = |why: &str| {
        SourceError::BadAnswer(format!("{} redirects {why}: check the url", address(from)))
    };
    let location = location.to_str().map_err(|_| wrong("to an address that is none"))?;
    let mut next = from.join(location).map_err(|_| wrong("to an address that is none"))?;
    if !matches!(next.scheme(), "http" | "https") {
        return Err(wrong("to something that is not HTTP"));
    }
    if from.scheme() == "https" && next.scheme() == "http" {
        return Err(wrong("from https to http, which is not followed"));
    }
    // A redirect does not choose who we are.
    let _ = next.set_username("");
    let _ = next.set_password(None);
    next.set_fragment(None);
    Ok(Some(next))
}

fn carry_user(from: &Url, to: &mut Url) {
    let _ = to.set_username(from.username());
    let _ = to.set_password(from.password());
}

/// `Retry-After`: seconds, or an HTTP date.
fn retry_after_in(value: &str, now: crate::domain::time::Instant) -> Option<Duration> {
    let wait = if let Ok(seconds) = value.trim().parse() {
        Duration::from_secs(seconds)
    } else {
        let at = chrono::DateTime::parse_from_rfc2822(value.trim()).ok()?;
        at.signed_duration_since(now).to_std().unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Why there was no answer: the thing, the reason, the remedy.
fn unreachable(error: &reqwest::Error, url: &Url) -> SourceError {
    use std::io::ErrorKind as K;
    let host = text::clean(url.host_str().unwrap_or_default(), 200);
    let at = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    if error.is_dns() {
        return SourceError::Unreachable(format!(
            "the name {host} is not found: check its spelling and this machine's DNS"
        ));
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(tls) = rustls_error(inner) {
            return SourceError::Unreachable(format!("{at}: {}", tls::explain(tls)));
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            let why = match io.kind() {
                K::ConnectionRefused => {
                    "refuses connections: is the server running, and is this its port?"
                }
                K::HostUnreachable | K::NetworkUnreachable => {
                    "cannot be reached: is the network (or the VPN) up?"
                }
                K::ConnectionReset | K::BrokenPipe | K::ConnectionAborted | K::UnexpectedEof => {
                    "closed the connection without an answer: is it HTTP (or HTTPS) at that port?"
                }
                K::TimedOut => "does not answer: is the host up, and does a firewall let through?",
                _ => "",
            };
            if !why.is_empty() {
                return SourceError::Unreachable(format!("{at} {why}"));
            }
        }
        cause = inner.source();
    }
    let why = innermost(error);
    SourceError::Unreachable(if why.contains("incomplete message") || why.contains("closed") {
        format!("{at} closed the connection without an answer: is it HTTP (or HTTPS) at that port?")
    } else {
        format!("{at} gave no usable answer: {why}; is it HTTP (or HTTPS) at that port?")
    })
}

/// An I/O error hides what it wraps from `source()`, which may be one again.
fn rustls_error<'a>(mut error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    while let Some(wrapped) = error.downcast_ref::<std::io::Error>().and_then(|e| e.get_ref()) {
        error = wrapped;
    }
    error.downcast_ref()
}

/// The last reason in the chain. The outer texts repeat the address with its query, which may hold
/// a secret.
fn innermost(error: &reqwest::Error) -> String {
    let mut last: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(deeper) = last.and_then(std::error::Error::source) {
        last = Some(deeper);
    }
    text::clean(&last.map_or_else(|| "unknown".to_owned(), ToString::to_string), MAX_SAID)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("120", Some(120))]
    #[case("999999999", Some(3_600))]
    #[case("Tue, 24 Nov 2026 10:00:30 GMT", Some(30))]
    #[case("Tue, 24 Nov 2026 09:00:00 GMT", Some(0))]
    #[case("soon", None)]
    fn retry_after_is_seconds_or_a_date_and_bounded(
        #[case] value: &str,
        #[case] seconds: Option<u64>,
    ) {
        let now = "2026-11-24T10:00:00Z".parse().unwrap();
        assert_eq!(retry_after_in(value, now), seconds.map(Duration::from_secs));
    }

    #[rstest]
    #[case("http://h:9090", "http://h:9090/api/v1/query")]
    #[case("http://h/prefix/", "http://h/prefix/api/v1/query")]
    #[case("http://h/a%20b?tenant=1", "http://h/a%20b/api/v1/query?tenant=1")]
    fn a_path_prefix_is_kept(#[case] base: &str, #[case] expect: &str) {
        let url = below(&base.parse().unwrap(), "/api/v1/query");
        assert_eq!(url.as_str(), expect);
    }

    #[test]
    fn an_address_shows_no_user_no_password_and_no_query() {
        let url = "https://user:hunter2@h:8443/p?token=abc#x".parse().unwrap();
        assert_eq!(address(&url), "https://h:8443/p");
    }
}
