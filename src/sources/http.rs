//! HTTP as the sources speak it: bounded bodies, credentials that never leave their origin, errors
//! that say what to do.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, Method, Response, StatusCode};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use url::Url;

use super::settings::{Auth, HttpSettings, SourceSettings};
use super::{SourceError, secret, tls};
use crate::domain::text;

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 5;
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client with one source's credentials. Clients with the default TLS settings share their
/// connections.
pub struct HttpClient {
    settings: HttpSettings,
    max_body: usize,
    timeout: Duration,
    client: Mutex<Option<Client>>,
    /// The credentials as they were last read; read anew after a refusal.
    credentials: Mutex<Option<(HeaderName, HeaderValue)>>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Option<Vec<u8>>,
}

/// What came back, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub url: Url,
    pub content_type: String,
    pub body: Vec<u8>,
}

/// The client that all sources with default TLS settings share; made at the first request, so that
/// nothing of it delays the first frame.
static SHARED: Mutex<Option<Client>> = Mutex::new(None);

impl HttpClient {
    /// A client for one source; nothing is opened or read yet. Each request has the source's
    /// `timeout`, its body included.
    pub fn new(source: &SourceSettings) -> Self {
        let SourceSettings { http: settings, max_body, timeout, .. } = source.clone();
        Self {
            settings,
            max_body,
            timeout,
            client: Mutex::new(None),
            credentials: Mutex::new(None),
        }
    }

    /// Fetches `url`.
    pub async fn get(&self, url: Url) -> Result<Answer, SourceError> {
        self.send(Request { method: Method::GET, url, headers: HeaderMap::new(), body: None }).await
    }

    /// Posts a form, as Prometheus takes long queries.
    pub async fn post_form(&self, url: Url, form: &[(&str, &str)]) -> Result<Answer, SourceError> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish()
            .into_bytes();
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, kind);
        self.send(Request { method: Method::POST, url, headers, body: Some(body) }).await
    }

    /// Sends a request, follows redirects, and reads the answer whole. Credentials are sent to the
    /// origin of the configured address only; when they are refused they are read again, once, so
    /// that a rotated secret works without a restart.
    pub async fn send(&self, request: Request) -> Result<Answer, SourceError> {
        let known = self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let remembered = known.is_some();
        let credentials = match known {
            Some(known) => Some(known),
            None => self.read_credentials().await?,
        };
        match self.send_with(request.clone(), credentials.as_ref()).await {
            Err(SourceError::Denied(_)) if remembered => {
                let fresh = self.read_credentials().await?;
                self.send_with(request, fresh.as_ref()).await
            }
            outcome => outcome,
        }
    }

    async fn read_credentials(&self) -> Result<Option<(HeaderName, HeaderValue)>, SourceError> {
        let credentials = credentials(&self.settings.auth).await?;
        let mut known = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone_from(&credentials);
        Ok(credentials)
    }

    async fn send_with(
        &self,
        mut request: Request,
        credentials: Option<&(HeaderName, HeaderValue)>,
    ) -> Result<Answer, SourceError> {
        let origin = request.url.origin();
        for _ in 0..=MAX_REDIRECTS {
            let mut headers = request.headers.clone();
            if let Some((name, value)) = credentials.filter(|_| request.url.origin() == origin) {
                headers.insert(name.clone(), value.clone());
            }
            let mut builder = self
                .client()?
                .request(request.method.clone(), request.url.clone())
                .headers(headers);
            if let Some(body) = &request.body {
                builder = builder.body(body.clone());
            }
            let response = builder.send().await.map_err(|e| self.failed(&request.url, &e))?;
            match redirect(&request, &response)? {
                Some(next) => request = next,
                None => return self.read(request.url, response).await,
            }
        }
        Err(SourceError::BadAnswer(format!(
            "{} redirects more than {MAX_REDIRECTS} times; give the final address",
            bare(&request.url)
        )))
    }

    fn client(&self) -> Result<Client, SourceError> {
        let plain = self.settings.client_cert.is_none()
            && self.settings.ca_file.is_none()
            && !self.settings.insecure_skip_verify;
        let place = if plain { &SHARED } else { &self.client };
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*place {
            return Ok(client.clone());
        }
        let client = Client::builder()
            .tls_backend_preconfigured(tls::client_config(&self.settings)?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(Duration::from_secs(90))
            .user_agent(concat!("atalaya/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| SourceError::Misconfigured(format!("no HTTP client: {}", chain(&e))))?;
        *place = Some(client.clone());
        Ok(client)
    }

    async fn read(&self, url: Url, response: Response) -> Result<Answer, SourceError> {
        let status = response.status();
        let header =
            |name| response.headers().get(name).and_then(|v: &HeaderValue| v.to_str().ok());
        let retry_after = header(reqwest::header::RETRY_AFTER)
            .or_else(|| header(HeaderName::from_static("ratelimit-reset")))
            .and_then(|v| v.trim().parse().ok())
            .map(Duration::from_secs);
        let content_type = header(CONTENT_TYPE).unwrap_or_default().to_owned();
        let busy = status == StatusCode::TOO_MANY_REQUESTS
            || (status == StatusCode::SERVICE_UNAVAILABLE && retry_after.is_some());
        if busy {
            let reason = format!("{} asks to be left alone for a while ({status})", bare(&url));
            return Err(SourceError::Busy { reason, retry_after });
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let remedy = match self.settings.auth {
                Auth::None => "it wants credentials: set auth for this source",
                _ => "check the credentials in auth of this source",
            };
            return Err(SourceError::Denied(format!("{} said {status}; {remedy}", bare(&url))));
        }
        let body = self.body(&url, response).await?;
        Ok(Answer { status, url, content_type, body })
    }

    fn failed(&self, url: &Url, error: &reqwest::Error) -> SourceError {
        if error.is_timeout() && !error.is_connect() {
            SourceError::TimedOut(self.timeout)
        } else {
            unreachable_because(url, error)
        }
    }

    async fn body(&self, url: &Url, response: Response) -> Result<Vec<u8>, SourceError> {
        let too_large = || {
            SourceError::BadAnswer(format!(
                "the answer of {} is larger than {} MiB; narrow the query or raise max_body",
                bare(url),
                self.max_body / (1024 * 1024)
            ))
        };
        let announced = response.content_length().and_then(|n| usize::try_from(n).ok());
        if announced.is_some_and(|n| n > self.max_body) {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(announced.unwrap_or(16 * 1024));
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|e| {
                if e.is_timeout() {
                    return SourceError::TimedOut(self.timeout);
                }
                let why = chain(&e);
                SourceError::BadAnswer(format!("the answer of {} broke off: {why}", bare(url)))
            })?;
            // The length of what was unpacked counts, not of what was sent.
            if body.len() + chunk.len() > self.max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl Answer {
    /// The body as `T`; depth is limited to 128 levels.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, SourceError> {
        serde_json::from_slice(&self.body).map_err(|e| self.not_json(&e))
    }

    /// What to say of a body that is not the JSON that was expected.
    pub fn not_json(&self, error: &serde_json::Error) -> SourceError {
        let url = bare(&self.url);
        let looks_like_html = self.body.trim_ascii_start().starts_with(b"<");
        SourceError::BadAnswer(if looks_like_html {
            format!(
                "{url} answered a web page, not JSON; is the path right, is a login in between?"
            )
        } else if self.body.is_empty() {
            format!("{url} answered {} with nothing", self.status)
        } else {
            let start: Vec<u8> = self.body.iter().copied().take(60).collect();
            let start = text::clean(&String::from_utf8_lossy(&start), 60);
            format!(
                "{url} answered {} with what is not the JSON expected ({error}): {start}",
                self.status
            )
        })
    }

    /// What to say of an unexpected status.
    pub fn unexpected(&self) -> SourceError {
        let start: Vec<u8> = self.body.iter().copied().take(200).collect();
        let start = text::clean(&String::from_utf8_lossy(&start), 200);
        let url = bare(&self.url);
        SourceError::BadAnswer(match self.status {
            StatusCode::NOT_FOUND => {
                format!("{url} does not exist (404); check the address and its path prefix")
            }
            status if start.is_empty() => format!("{url} said {status}"),
            status => format!("{url} said {status}: {start}"),
        })
    }
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient").field("max_body", &self.max_body).finish_non_exhaustive()
    }
}

/// `base` with `path` below it, whatever slashes either has: proxies put servers under a prefix.
pub fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let prefix = base.path().trim_end_matches('/');
    url.set_path(&format!("{prefix}/{}", path.trim_start_matches('/')));
    url.set_fragment(None);
    url
}

/// A URL as it may be shown: without credentials, query or fragment.
pub fn bare(url: &Url) -> String {
    let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path().trim_end_matches('/'))
}

async fn credentials(auth: &Auth) -> Result<Option<(HeaderName, HeaderValue)>, SourceError> {
    let (name, text) = match auth {
        Auth::None => return Ok(None),
        Auth::Basic { user, password } => {
            use base64::Engine as _;
            let password = secret::reveal(password).await?;
            let pair = format!("{user}:{}", password.expose_secret());
            let pair = base64::engine::general_purpose::STANDARD.encode(pair);
            (AUTHORIZATION, format!("Basic {pair}"))
        }
        Auth::Bearer(token) => {
            let token = secret::reveal(token).await?;
            (AUTHORIZATION, format!("Bearer {}", token.expose_secret()))
        }
        Auth::Header { name, value } => {
            let value = secret::reveal(value).await?;
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                SourceError::Misconfigured(format!("{name:?} is not the name of a header"))
            })?;
            (name, value.expose_secret().to_owned())
        }
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        SourceError::Misconfigured("the secret holds characters that no header may".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

/// The request that a redirect asks for.
fn redirect(request: &Request, response: &Response) -> Result<Option<Request>, SourceError> {
    let status = response.status();
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|l| l.to_str().ok());
    let target = location.and_then(|l| request.url.join(l).ok());
    let target = target.filter(|t| matches!(t.scheme(), "http" | "https"));
    let Some(url) = target else {
        let from = bare(&request.url);
        return Err(SourceError::BadAnswer(format!("{from} redirects to nowhere ({status})")));
    };
    let mut next = Request { url, ..request.clone() };
    if matches!(status.as_u16(), 301..=303) && next.method != Method::HEAD {
        next.method = Method::GET;
        next.body = None;
        next.headers.remove(CONTENT_TYPE);
    }
    if next.url.origin() != request.url.origin() {
        // Headers from the config may be credentials, too.
        next.headers.clear();
    }
    Ok(Some(next))
}

fn unreachable_because(url: &Url, error: &reqwest::Error) -> SourceError {
    let why = chain(error);
    let lower = why.to_lowercase();
    let at = bare(url);
    let remedy = if lower.contains("refused") {
        "nothing listens there; is it running, is the port right?"
    } else if lower.contains("dns") || lower.contains("lookup") || lower.contains("resolve") {
        "the name is not known; check its spelling and the resolver"
    } else if lower.contains("certificate") || lower.contains("tls") {
        "TLS failed; give ca_file for a private authority, or check the certificate"
    } else if error.is_timeout() {
        "no connection in time; is a firewall in between?"
    } else {
        "check the address and the network"
    };
    SourceError::Unreachable(format!("cannot reach {at}: {}; {remedy}", text::clean(&why, 300)))
}

/// An error with what caused it, without repeating itself and without the address.
fn chain(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next: Option<&dyn Error> = error.source();
    while let Some(error) = next {
        let part = error.to_string();
        if parts.last().is_none_or(|last| !last.contains(&part)) {
            parts.push(part);
        }
        next = error.source();
    }
    parts.last().cloned().unwrap_or_else(|| {
        if error.is_timeout() { "timed out".to_owned() } else { "no answer".to_owned() }
    })
}
