//! Upstreams that are slow, hang, lie, flood, redirect and flap: the poll ends in time, the error says
//! what to do, secrets stay at home, and nobody else is held up.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use atalaya::domain::health::ServiceId;
use atalaya::domain::observation::{Fact, Observation, SourceState, SourceStatus};
use atalaya::sources::http_client::{Clients, Http, Request};
use atalaya::sources::settings::{
    Alertmanager, Ask, Auth, HttpSettings, Kind, Prometheus, Secret, SourceSettings,
};
use atalaya::sources::supervisor::{Report, Supervisor, poll_once};
use atalaya::sources::{SourceError, registry};
use chrono::Utc;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What an upstream does with one request.
enum Reply {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends these bytes and then nothing more, for ever.
    ThenHangs(Vec<u8>),
    /// Sends a head and then blanks without end.
    Flood,
}

/// An upstream that misbehaves; it keeps the requests that it got, heads and bodies.
struct Upstream {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Upstream {
    async fn start(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (seen, reply) = (requests.clone(), Arc::new(reply));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, seen.clone(), reply.clone()));
            }
        });
        Self { port, requests, task }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    seen: Arc<Mutex<Vec<String>>>,
    reply: Arc<impl Fn(&str) -> Reply>,
) {
    let mut bytes = Vec::new();
    let request = loop {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
            _ => return,
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|l| l.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |l| l.parse().unwrap()) {
            break text;
        }
    };
    seen.lock().unwrap().push(request.clone());
    match reply(&request) {
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
        }
        Reply::ThenHangs(bytes) => {
            let _ = stream.write_all(&bytes).await;
            std::future::pending::<()>().await;
        }
        Reply::Flood => {
            let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
            let mut more = stream.write_all(head).await;
            while more.is_ok() {
                more = stream.write_all(&[b' '; 4096]).await;
            }
        }
    }
}

fn http(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(
        format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
        )
        .into_bytes(),
    )
}

fn json(body: &str) -> Reply {
    http("200 OK", "content-type: application/json\r\n", body)
}

fn redirect(to: &str) -> Reply {
    http("302 Found", &format!("location: {to}\r\n"), "")
}

const ONE: &str =
    r#"{"status":"success","data":{"resultType":"scalar","result":[1800000000,"1"]}}"#;

fn settings(name: &str, kind: Kind, queries: &[&str]) -> SourceSettings {
    SourceSettings {
        name: name.into(),
        interval: Duration::from_millis(200),
        timeout: Duration::from_secs(2),
        max_body: 64 * 1024,
        http: HttpSettings::default(),
        kind,
        asks: queries
            .iter()
            .map(|q| Ask {
                service: ServiceId::new("s"),
                signal: (*q).into(),
                query: (*q).to_owned(),
            })
            .collect(),
    }
}

fn prometheus(url: &str, queries: &[&str]) -> SourceSettings {
    let kind = Kind::Prometheus(Prometheus {
        url: url.parse().unwrap(),
        alerts: false,
        heartbeats: Vec::new(),
        backfill: Duration::ZERO,
    });
    settings("prom", kind, queries)
}

fn alertmanager(urls: &[String]) -> SourceSettings {
    let kind = Kind::Alertmanager(Alertmanager {
        urls: urls.iter().map(|u| u.parse().unwrap()).collect(),
        filter: Vec::new(),
        heartbeats: Vec::new(),
        origins: Vec::new(),
        mirror: None,
        acknowledge: None,
    });
    settings("am", kind, &[])
}

fn with_token(mut settings: SourceSettings) -> SourceSettings {
    settings.http.auth = Auth::Bearer(Secret::Inline("hunter2".to_owned().into()));
    settings
}

async fn poll(settings: &SourceSettings) -> Result<Observation, SourceError> {
    registry(settings, false, &Clients::default()).poll(Utc::now()).await
}

/// What the person reads when this source is polled.
async fn failure(settings: SourceSettings) -> String {
    let (status, observation) = poll_once(vec![settings]).await.remove(0);
    assert!(observation.is_none());
    match status.state {
        SourceState::Failing { error, .. } => error,
        other => panic!("{other:?}"),
    }
}

async fn failure_of(reply: impl Fn() -> Reply + Send + Sync + 'static) -> String {
    let upstream = Upstream::start(move |_| reply()).await;
    failure(prometheus(&upstream.url(), &["one"])).await
}

#[tokio::test]
async fn a_server_that_hangs_costs_its_timeout_and_no_more() {
    let upstream = Upstream::start(|_| Reply::ThenHangs(Vec::new())).await;
    let mut settings = prometheus(&upstream.url(), &["one"]);
    settings.timeout = Duration::from_millis(300);
    let begun = Instant::now();
    let error = failure(settings).await;
    assert_eq!(error, "no answer within 300 ms");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_query_that_hangs_is_a_warning_and_the_others_count() {
    let upstream = Upstream::start(|request| {
        if request.ends_with("query=slow") {
            Reply::ThenHangs(b"HTTP/1.1 200 OK\r\n".to_vec())
        } else {
            json(ONE)
        }
    })
    .await;
    let mut settings = prometheus(&upstream.url(), &["slow", "quick"]);
    settings.timeout = Duration::from_secs(1);
    let seen = poll(&settings).await.unwrap();
    let Some(Fact::Signals(readings)) = seen.facts.first() else { panic!("{seen:?}") };
    assert_eq!(readings.iter().map(|r| &*r.signal).collect::<Vec<_>>(), ["quick"]);
    assert_eq!(seen.warnings, ["slow of s: no answer within 1 s"]);
}

#[tokio::test]
async fn a_sample_before_history_began_is_bounded() {
    let upstream = Upstream::start(|request| {
        if request.contains("query=") {
            let result = r#""resultType":"scalar","result":[-8334601228800,"1"]"#;
            return json(&format!(r#"{{"status":"success","data":{{{result}}}}}"#));
        }
        json("{}")
    })
    .await;
    let settings = prometheus(&upstream.url(), &["one"]);
    let (_, observation) = poll_once(vec![settings]).await.remove(0);
    let facts = observation.expect("an answer").facts;
    let [Fact::Signals(readings), ..] = facts.as_slice() else { panic!("{facts:?}") };
    assert_eq!(readings[0].at, chrono::DateTime::UNIX_EPOCH);
}

#[tokio::test]
async fn a_member_that_hangs_is_a_warning_and_the_other_counts() {
    let sick = Upstream::start(|_| Reply::ThenHangs(Vec::new())).await;
    let well = Upstream::start(|_| json("[]\n")).await;
    let mut settings = alertmanager(&[sick.url(), well.url()]);
    settings.timeout = Duration::from_secs(1);
    let seen = poll(&settings).await.unwrap();
    let [Fact::Alerts(set), Fact::Silences(_)] = &seen.facts[..] else { panic!("{seen:?}") };
    assert!(set.complete && set.alerts.is_empty());
    let [warning] = &seen.warnings[..] else { panic!("{:?}", seen.warnings) };
    assert!(warning.contains(&sick.url()) && warning.contains("no answer"), "{warning}");
}

#[tokio::test]
async fn bytes_that_are_no_answer_are_told_apart() {
    let truncated =
        || Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"status\":".to_vec());
    let page = || http("200 OK", "content-type: text/html\r\n", "<html>Please sign in</html>");
    let garbage = || json("\u{1}\u{2}\u{1b}[31m not json");
    let nothing = || http("200 OK", "", "");
    let deep = || json(&format!("{{\"data\":{}", "[".repeat(30_000)));
    let wrong = || json(r#"{"version":3,"name":"something else"}"#);
    let ssh = || Reply::Bytes(b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec());
    let closed = || Reply::Bytes(Vec::new());
    let gateway = || http("502 Bad Gateway", "", "<html>bad gateway</html>");
    assert!(failure_of(truncated).await.contains("broke off after 10 B"));
    assert!(failure_of(page).await.contains("a web page instead of JSON"));
    assert!(failure_of(garbage).await.contains("JSON that is not understood"));
    assert!(failure_of(nothing).await.contains("answered with nothing"));
    assert!(failure_of(deep).await.contains("JSON"));
    assert!(failure_of(wrong).await.contains("does not answer like a Prometheus"));
    assert!(failure_of(ssh).await.contains("is it HTTP (or HTTPS) at that port?"));
    assert!(failure_of(closed).await.contains("closed the connection without an answer"));
    assert!(failure_of(gateway).await.contains("failed (502)"));
}

#[tokio::test]
async fn a_flood_is_cut_off_at_the_limit() {
    let error = failure_of(|| Reply::Flood).await;
    assert!(error.contains("more than 64 KiB") && error.contains("max_body"), "{error}");
    let announced = failure_of(|| {
        Reply::ThenHangs(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec())
    })
    .await;
    assert!(announced.contains("more than 64 KiB"), "{announced}");
}

#[tokio::test]
async fn a_small_body_that_unpacks_to_a_huge_one_is_cut_off_too() {
    let packed = include_bytes!("../fixtures/http/four_mebibytes_of_blanks.gz");
    let error = failure_of(|| {
        let mut bytes =
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n".to_vec();
        bytes.extend_from_slice(packed);
        Reply::Bytes(bytes)
    })
    .await;
    assert!(error.contains("more than 64 KiB"), "{error}");
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let upstream = Upstream::start(|_| redirect("/again")).await;
    let error = failure(alertmanager(&[upstream.url()])).await;
    assert!(error.contains("redirects more than 5 times"), "{error}");
    assert_eq!(upstream.requests().len(), 6);
}

#[tokio::test]
async fn a_redirect_within_the_server_keeps_the_credentials() {
    let upstream = Upstream::start(|request| {
        if request.starts_with("GET /moved") { json("[]") } else { redirect("/moved/api") }
    })
    .await;
    poll(&with_token(alertmanager(&[upstream.url()]))).await.unwrap();
    let requests = upstream.requests();
    assert!(requests.iter().take(2).all(|r| r.contains("authorization: Bearer hunter2")));
}

#[tokio::test]
async fn a_redirect_to_another_server_carries_no_credentials_there_and_none_back() {
    let home = Upstream::start(|_| http("404 Not Found", "", "")).await;
    let back = home.url();
    let other = Upstream::start(move |request| {
        if request.starts_with("GET /first") {
            redirect(&format!("{back}/secret"))
        } else {
            json("[]")
        }
    })
    .await;
    let away = other.url();
    let start = Upstream::start(move |_| redirect(&format!("{away}/first"))).await;
    let settings = with_token(alertmanager(&[start.url()]));
    let http = Http::new(&settings, &Clients::default());
    let url = format!("{}/x", start.url().replace("http://", "http://user:pass@"));
    let request = Request::get(url.parse().unwrap()).header("x-api-key", "hunter3").unwrap();
    http.send(&request).await.unwrap();
    assert!(start.requests()[0].contains("hunter2") && start.requests()[0].contains("hunter3"));
    for request in other.requests().iter().chain(&home.requests()) {
        let request = request.to_lowercase();
        assert!(!request.contains("hunter") && !request.contains("authorization"), "{request}");
    }
    assert_eq!((other.requests().len(), home.requests().len()), (1, 1));
}

#[tokio::test]
async fn what_is_posted_is_not_carried_to_another_server() {
    let other = Upstream::start(|_| json(ONE)).await;
    let away = other.url();
    let home = Upstream::start(move |_| {
        http("307 Temporary Redirect", &format!("location: {away}/\r\n"), "")
    })
    .await;
    let error = failure(prometheus(&home.url(), &["one"])).await;
    assert!(error.contains("another server") && error.contains(&other.url()), "{error}");
    let posted = other.requests().iter().filter(|r| r.starts_with("POST")).count();
    assert_eq!(posted, 0);
}

#[tokio::test]
async fn a_rotated_secret_is_read_again_and_a_wrong_one_is_tried_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "old").unwrap();
    let upstream = Upstream::start(|request| {
        if request.contains("Bearer new") { json("[]") } else { http("401 Unauthorized", "", "") }
    })
    .await;
    let mut settings = alertmanager(&[upstream.url()]);
    settings.http.auth = Auth::Bearer(Secret::File(file.path().to_owned()));
    let mut source = registry(&settings, false, &Clients::default());
    let error = source.poll(Utc::now()).await.unwrap_err();
    assert!(matches!(&error, SourceError::Denied(why) if why.contains("401")), "{error:?}");
    assert_eq!(upstream.requests().len(), 1);
    std::fs::write(file.path(), "new").unwrap();
    source.poll(Utc::now()).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_the_server_repeats_is_not_shown() {
    // Also where the text is cut in the middle of it.
    let long = "x".repeat(190);
    let bodies = [
        "you sent Bearer hunter2".to_owned(),
        r#"{"error":"you sent hunter2"}"#.to_owned(),
        format!("{long} hunter2"),
    ];
    for status in ["403 Forbidden", "500 Oops", "503 Busy", "429 Slow"] {
        for body in bodies.clone() {
            let upstream = Upstream::start(move |_| http(status, "", &body)).await;
            let error = failure(with_token(alertmanager(&[upstream.url()]))).await;
            assert!(!error.contains("hunt") && error.contains("***"), "{error}");
        }
    }
    for reply in [
        || json(r#""hunter2""#),
        || json(r#"{"status":"error","errorType":"bad_data","error":"hunter2"}"#),
        || redirect("http://h/hunter2/"),
    ] {
        let upstream = Upstream::start(move |_| reply()).await;
        let (status, observation) =
            poll_once(vec![with_token(prometheus(&upstream.url(), &["one"]))]).await.remove(0);
        assert!(!format!("{status:?} {observation:?}").contains("hunt"), "{status:?}");
    }
}

#[tokio::test]
async fn no_secret_shows_in_errors_or_debug_texts() {
    let upstream = Upstream::start(|_| http("403 Forbidden", "", "not for you")).await;
    let url = upstream.url().replace("http://", "http://user:hunter4@") + "/p?token=hunter5";
    let settings = with_token(prometheus(&url, &["one"]));
    let shown = format!("{settings:?} {:?}", Http::new(&settings, &Clients::default()));
    assert!(!shown.contains("hunter2"), "{shown}");
    let error = failure(settings).await;
    assert!(error.contains("403") && !error.contains("hunter"), "{error}");
    drop(upstream);
    let error =
        failure(prometheus("http://user:hunter4@127.0.0.1:1/p?token=hunter5", &["one"])).await;
    assert!(error.contains("refuses connections") && !error.contains("hunter"), "{error}");
}

/// A server with a certificate that no authority signed, for 127.0.0.1; its PEM files are in `dir`.
async fn self_signed(dir: &std::path::Path) -> Option<(u16, JoinHandle<()>)> {
    let made = std::process::Command::new("openssl")
        .args(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=t"
                .split(' '),
        )
        .args(
            "-addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
                .split(' '),
        )
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(dir)
        .output();
    if !made.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "openssl is not installed");
        println!("SKIPPED: openssl is not installed");
        return None;
    }
    let chain = vec![CertificateDer::from_pem_file(dir.join("cert.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(dir.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 4096]).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    Some((port, task))
}

#[tokio::test]
async fn a_certificate_is_believed_only_from_a_known_authority_unless_told_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let Some((port, task)) = self_signed(dir.path()).await else { return };
    let settings = alertmanager(&[format!("https://127.0.0.1:{port}")]);
    let error = failure(settings.clone()).await;
    assert!(error.contains("unknown authority") && error.contains("ca_file"), "{error}");

    let mut trusting = settings.clone();
    trusting.http.ca_file = Some(dir.path().join("cert.pem"));
    poll(&trusting).await.unwrap();
    trusting.kind = alertmanager(&[format!("https://localhost:{port}")]).kind;
    let error = failure(trusting).await;
    assert!(error.contains("for another name"), "{error}");

    let mut blind = settings;
    blind.http.insecure_skip_verify = true;
    poll(&blind).await.unwrap();
    task.abort();
}

#[tokio::test]
async fn https_to_a_server_that_speaks_http_says_so() {
    let upstream = Upstream::start(|_| json(ONE)).await;
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = plain.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        loop {
            let (mut stream, _) = plain.accept().await.unwrap();
            let _ = stream.read(&mut [0; 512]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = failure(prometheus(&format!("https://127.0.0.1:{port}"), &["one"])).await;
    assert!(error.contains("http:// instead of https://"), "{error}");
    task.abort();
    drop(upstream);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_only_after_the_time_it_named() {
    let upstream =
        Upstream::start(|_| http("429 Too Many Requests", "retry-after: 600\r\n", "slow down"))
            .await;
    let error = poll(&alertmanager(&[upstream.url()])).await.unwrap_err();
    let SourceError::Busy { reason, retry_after } = error else { panic!("{error:?}") };
    assert_eq!(retry_after, Some(Duration::from_mins(10)));
    assert!(reason.contains("429: slow down"), "{reason}");

    let mut world = Watched::start(vec![alertmanager(&[upstream.url()])]).await;
    let status = world.until(|s| matches!(s.state, SourceState::Failing { .. })).await;
    let SourceState::Failing { next_try, .. } = status.state else { panic!() };
    assert!((next_try - Utc::now()).num_seconds() > 500, "{next_try}");
}

#[tokio::test]
async fn hostile_words_reach_nobody() {
    let upstream = Upstream::start(|request| {
        if request.contains("/api/v2/alerts") {
            json(
                r#"[{"labels":{"alertname":"\u001b]0;owned\u0007A\u202eB\n"},"annotations":
                {"summary":"\u009b31mred\u001b[0m"},"fingerprint":"f","status":{"state":"active"},
                "startsAt":"2026-11-24T10:00:00Z","updatedAt":"2026-11-24T10:00:00Z"}]"#,
            )
        } else {
            json(r#"{"versionInfo":{"version":"0.25\u001b[2J"}}"#)
        }
    })
    .await;
    let seen = poll(&alertmanager(&[upstream.url()])).await.unwrap();
    assert_eq!(seen.server, "Alertmanager 0.25");
    let [Fact::Alerts(set)] = &seen.facts[..] else { panic!("{seen:?}") };
    assert_eq!(set.alerts[0].labels.get("alertname").unwrap(), "AB");
    assert_eq!(set.alerts[0].annotations.get("summary").unwrap(), "red");

    for body in
        ["\u{1b}]8;;http://evil\u{7}x", r#"{"message":"\u001b[31mno\u202e"}"#, r#""\u009b2J""#]
    {
        let upstream = Upstream::start(move |_| http("500 Oops", "", body)).await;
        let error = failure(alertmanager(&[upstream.url()])).await;
        assert!(error.contains("failed (500"), "{error}");
        assert!(!error.contains(|c: char| c.is_control() || c == '\u{202e}'), "{error:?}");
    }
}

/// A supervisor with what it tells.
struct Watched {
    supervisor: Supervisor,
    reports: mpsc::Receiver<Report>,
}

impl Watched {
    async fn start(sources: Vec<SourceSettings>) -> Self {
        let (sender, reports) = mpsc::channel(1_000);
        let mut supervisor = Supervisor::new(sender);
        supervisor.set(sources).await;
        Self { supervisor, reports }
    }

    async fn next(&mut self) -> Report {
        let next = tokio::time::timeout(Duration::from_secs(20), self.reports.recv());
        next.await.expect("a report in time").expect("a supervisor")
    }

    /// The next status of the first source that is as wanted.
    async fn until(&mut self, wanted: impl Fn(&SourceStatus) -> bool) -> SourceStatus {
        loop {
            if let Report::Sources(rows) = self.next().await
                && let Some(row) = rows.into_iter().next().filter(&wanted)
            {
                return row;
            }
        }
    }

    async fn observed(&mut self, name: &str) {
        loop {
            if let Report::Observed(seen) = self.next().await
                && &*seen.source == name
            {
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_flapping_server_is_failing_and_fresh_in_turn_and_what_was_known_stays() {
    let count = Mutex::new(0);
    let upstream = Upstream::start(move |request| {
        let mut count = count.lock().unwrap();
        *count += i32::from(request.contains("/api/v2/alerts"));
        match *count % 2 {
            1 => json("[]"),
            _ => http("500 Internal Server Error", "", "out of memory"),
        }
    })
    .await;
    let settings = alertmanager(&[upstream.url()]);
    let mut world = Watched::start(vec![settings]).await;
    let fresh = |s: &SourceStatus| s.state == SourceState::Fresh;
    let failing = |s: &SourceStatus| matches!(s.state, SourceState::Failing { .. });
    let first = world.until(fresh).await;
    let failed = world.until(failing).await;
    assert_eq!(failed.last_ok, first.last_ok);
    let SourceState::Failing { error, next_try, .. } = failed.state else { panic!() };
    assert!(error.contains("failed (500: out of memory)"), "{error}");
    assert!((next_try - Utc::now()).num_milliseconds() > 500, "the back-off begins at a second");
    let again = world.until(fresh).await;
    assert!(again.last_ok > first.last_ok);
}

#[tokio::test]
async fn a_sick_source_does_not_hold_up_a_healthy_one() {
    let sick = Upstream::start(|_| Reply::ThenHangs(Vec::new())).await;
    let well = Upstream::start(|_| json("[]")).await;
    let mut hanging = prometheus(&sick.url(), &["one"]);
    hanging.timeout = Duration::from_mins(10);
    let mut world = Watched::start(vec![hanging, alertmanager(&[well.url()])]).await;
    for _ in 0..3 {
        world.observed("am").await;
    }
    let queries = sick.requests().iter().filter(|r| r.starts_with("POST")).count();
    assert_eq!(queries, 1, "polls of one source never overlap");
}

#[tokio::test]
async fn many_hanging_sources_do_not_starve_one_that_answers() {
    let sick = Upstream::start(|_| Reply::ThenHangs(Vec::new())).await;
    let well = Upstream::start(|_| json("[]")).await;
    let healthy = alertmanager(&[well.url()]);
    let mut world = Watched::start(vec![healthy.clone()]).await;
    world.until(|s| s.state == SourceState::Fresh).await;
    let hanging = |n| {
        let mut settings = prometheus(&sick.url(), &["one"]);
        settings.name = format!("hanging {n}").into();
        settings.timeout = Duration::from_mins(10);
        settings
    };
    let all = std::iter::once(healthy).chain((0..40).map(hanging)).collect();
    world.supervisor.set(all).await;
    for _ in 0..5 {
        world.observed("am").await;
    }
}

#[tokio::test]
async fn a_reload_leaves_unchanged_sources_alone_and_replaces_the_others() {
    let one = Upstream::start(|_| json("[]")).await;
    let two = Upstream::start(|_| json("[]")).await;
    let named = |name: &str, upstream: &Upstream| {
        let mut settings = alertmanager(&[upstream.url()]);
        settings.name = name.into();
        settings.interval = Duration::from_hours(1);
        settings
    };
    let before_two = Upstream::start(|_| json("[]")).await;
    let mut world = Watched::start(vec![named("a", &one), named("b", &before_two)]).await;
    world.until(|s| s.state == SourceState::Fresh).await;
    let (a, b) = (named("a", &one), named("b", &two));
    world.supervisor.set(vec![a.clone(), b.clone()]).await;
    let rows = loop {
        if let Report::Sources(rows) = world.next().await
            && rows[1].address == two.url()
        {
            break rows;
        }
    };
    assert_eq!((&rows[0].state, &rows[1].state), (&SourceState::Fresh, &SourceState::Never));
    world.observed("b").await;

    let polls = || one.requests().iter().filter(|r| r.contains("/alerts")).count();
    let before = polls();
    world.supervisor.set(vec![a]).await;
    let rows = loop {
        if let Report::Sources(rows) = world.next().await
            && rows.len() == 1
        {
            break rows;
        }
    };
    assert_eq!(rows[0].state, SourceState::Fresh);
    world.supervisor.poll_now();
    world.observed("a").await;
    assert_eq!(polls(), before + 1, "the one poll that was asked for");
}
