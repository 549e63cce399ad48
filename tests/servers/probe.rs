//! The `probe` source against listeners of every kind: plain, TLS, silent, lying, gone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use atalaya::domain::health::{ServiceId, State};
use atalaya::domain::observation::{Fact, Observation};
use atalaya::sources::Source;
use atalaya::sources::probe::ProbeSource;
use atalaya::sources::settings::{self, Ask, HttpSettings, Kind, SourceSettings};
use rstest::rstest;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A listener on a free port that ends with the value.
struct Server {
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// Reads a request and gives the answer of its path; no answer: never says a word.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, pages: &BTreeMap<String, String>) {
    let mut read = Vec::new();
    while !read.windows(4).any(|w| w == b"\r\n\r\n") {
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let text = String::from_utf8_lossy(&read).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default();
    match pages.get(path) {
        Some(answer) => {
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        None => std::future::pending().await,
    }
}

async fn server(certificate: Option<&str>, pages: &[(&str, &str)]) -> Server {
    let tls = certificate.map(|name| {
        let chain = vec![CertificateDer::from_pem_file(fixture(&format!("{name}.pem"))).unwrap()];
        let key = PrivateKeyDer::from_pem_file(fixture(&format!("{name}.key"))).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    });
    let pages: BTreeMap<String, String> =
        pages.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, pages) = (tls.clone(), pages.clone());
            tokio::spawn(async move {
                match tls {
                    None => serve(stream, &pages).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, &pages).await;
                        }
                    }
                }
            });
        }
    });
    Server { port, task }
}

#[derive(Clone)]
struct Setup {
    probe: settings::Probe,
    http: HttpSettings,
    timeout: Duration,
}

fn setup() -> Setup {
    Setup {
        probe: settings::Probe {
            status: vec![],
            body: None,
            certificate_days: (14, 5),
            follow_redirects: false,
        },
        http: HttpSettings { ca_file: Some(fixture("ca.pem")), ..HttpSettings::default() },
        timeout: Duration::from_secs(5),
    }
}

async fn look(setup: Setup, queries: &[String]) -> Observation {
    let settings = source(&setup, queries);
    let now = "2026-11-24T14:00:00Z".parse().unwrap();
    ProbeSource::new(&settings, &setup.probe).poll(now).await.unwrap()
}

fn source(setup: &Setup, queries: &[String]) -> SourceSettings {
    let asks = queries.iter().enumerate().map(|(i, query)| Ask {
        service: ServiceId::new("shop"),
        signal: Arc::from(format!("q{i}")),
        query: query.clone(),
    });
    SourceSettings {
        name: Arc::from("probe"),
        interval: Duration::from_secs(30),
        timeout: setup.timeout,
        max_body: 1 << 20,
        http: setup.http.clone(),
        kind: Kind::Probe(setup.probe.clone()),
        asks: asks.collect(),
    }
}

/// State and message of a row.
fn row(seen: &Observation, name: &str) -> Option<(State, String)> {
    let rows = seen.facts.iter().filter_map(|f| match f {
        Fact::States(rows) => Some(rows),
        _ => None,
    });
    let row = rows.flatten().find(|r| &*r.signal == name)?;
    Some((row.state, row.message.clone()))
}

/// The value of the `n`-th query.
fn value(seen: &Observation, n: usize) -> Option<f64> {
    let readings = seen.facts.iter().filter_map(|f| match f {
        Fact::Signals(readings) => Some(readings),
        _ => None,
    });
    let name = format!("q{n}");
    readings.flatten().find(|r| *r.signal == *name).map(|r| r.value)
}

const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nhealthy";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhea\r\n4\r\nlthy\r\n0\r\n\r\n";

#[tokio::test]
async fn a_good_server_is_up_and_every_phase_is_measured() {
    let server = server(Some("good"), &[("/health?deep=1", FINE)]).await;
    let url = format!("https://localhost:{}/health?deep=1", server.port);
    let words = ["latency", "dns", "connect", "tls", "first_byte", "status", "certificate", "up"];
    let queries: Vec<String> = words.iter().map(|w| format!("{url} {w}")).collect();
    let seen = look(setup(), &queries).await;
    assert!(seen.warnings.is_empty(), "{:?}", seen.warnings);
    assert_eq!(row(&seen, "up"), Some((State::Ok, String::new())));
    let (state, message) = row(&seen, "certificate").unwrap();
    assert_eq!(state, State::Ok);
    assert!(message.starts_with("localhost, until 2099-01-01"), "{message}");
    let v: Vec<f64> = (0..words.len()).map(|n| value(&seen, n).expect(words[n])).collect();
    for (phase, v) in words.iter().zip(&v).take(5) {
        assert!((0.0..5.0).contains(v), "{phase} {v}");
    }
    assert!(v[3] > 0.0 && v[0] >= v[2] + v[3], "the whole is at least its parts: {v:?}");
    assert_eq!((v[5], v[7]), (200.0, 1.0));
    assert!((26_000.0..27_000.0).contains(&v[6]), "{} days", v[6]);
}

#[rstest]
#[case("expired", true, State::Critical, "expired 2153d")]
#[case("other", true, State::Critical, "another name")]
#[case("good", false, State::Critical, "unknown authority")]
#[tokio::test]
async fn a_certificate_that_is_not_to_be_trusted_is_told_and_nothing_is_asked(
    #[case] certificate: &str,
    #[case] known_authority: bool,
    #[case] expect: State,
    #[case] says: &str,
) {
    let server = server(Some(certificate), &[("/", FINE)]).await;
    let url = format!("https://localhost:{}/", server.port);
    let mut setup = setup();
    if !known_authority {
        setup.http.ca_file = None;
    }
    let queries = [format!("{url} certificate"), format!("{url} status"), format!("{url} up")];
    let seen = look(setup.clone(), &queries).await;
    let (state, message) = row(&seen, "certificate").unwrap();
    assert_eq!(state, expect);
    assert!(message.contains(says), "{message}");
    assert_eq!(row(&seen, "up").unwrap().0, State::Unknown);
    assert!(value(&seen, 0).is_some(), "its days are known all the same");
    assert_eq!((value(&seen, 1), value(&seen, 2)), (None, Some(0.0)));
    // Who does not want to verify is answered, and reminded.
    setup.http.insecure_skip_verify = true;
    let seen = look(setup, &queries).await;
    assert_eq!(row(&seen, "up").unwrap().0, State::Ok);
    assert_ne!(row(&seen, "certificate").unwrap().0, State::Ok);
    assert_eq!(value(&seen, 1), Some(200.0));
}

#[rstest]
#[case(FINE, None, None)]
#[case(FINE, Some("^healthy$"), None)]
#[case(CHUNKED, Some("^healthy$"), None)]
#[case("HTTP/1.0 200 OK\r\n\r\nhealthy", Some("^healthy$"), None)]
#[case(FINE, Some("degraded"), Some("does not match"))]
#[case("HTTP/1.1 503 Service Unavailable\r\n\r\n", None, Some("status 503 Service Unavailable"))]
#[case("SSH-2.0-OpenSSH_9.2\r\n\r\n", None, Some("not HTTP"))]
#[case("", None, Some("without an answer"))]
#[case("HTTP/1.1 200", None, Some("in the middle of its answer"))]
#[tokio::test]
async fn an_answer_is_judged_by_status_and_body(
    #[case] answer: &str,
    #[case] body: Option<&str>,
    #[case] failure: Option<&str>,
) {
    let server = server(None, &[("/", answer)]).await;
    let mut setup = setup();
    setup.probe.body = body.map(str::to_owned);
    let seen = look(setup, &[format!("http://127.0.0.1:{}/", server.port)]).await;
    let (state, message) = row(&seen, "up").unwrap();
    match failure {
        None => assert_eq!((state, message.as_str()), (State::Ok, "")),
        Some(why) => {
            assert_eq!(state, State::Critical);
            assert!(message.contains(why), "{message}");
            assert_eq!(value(&seen, 0), None, "what failed has no latency");
        }
    }
}

#[rstest]
#[case("/once", true, State::Ok, "")]
#[case("/once", false, State::Ok, "")]
#[case("/for-ever", true, State::Critical, "redirects more than 5 times")]
#[case("/away", true, State::Critical, "no web address")]
#[tokio::test]
async fn redirects_are_followed_if_asked_and_not_for_ever(
    #[case] path: &str,
    #[case] follow: bool,
    #[case] expect: State,
    #[case] says: &str,
) {
    let to = |place: &str| format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\n\r\n");
    let (once, ever, away) = (to("/"), to("/for-ever"), to("file:///etc/passwd"));
    let pages = [("/once", &*once), ("/for-ever", &ever), ("/away", &away), ("/", FINE)];
    let server = server(None, &pages).await;
    let mut setup = setup();
    setup.probe.follow_redirects = follow;
    let url = format!("http://127.0.0.1:{}{path} status", server.port);
    let seen = look(setup, &[url]).await;
    let (state, message) = row(&seen, "up").unwrap();
    assert_eq!(state, expect);
    assert!(message.contains(says), "{message}");
    let status = if follow && path == "/once" { 200.0 } else { 302.0 };
    assert_eq!(value(&seen, 0), Some(status));
}

#[tokio::test]
async fn silence_ends_with_the_time_out_and_says_what_was_going_on() {
    let server = server(None, &[]).await;
    let mut setup = setup();
    setup.timeout = Duration::from_millis(100);
    let urls = ["http", "https"].map(|scheme| format!("{scheme}://127.0.0.1:{}/", server.port));
    let seen = look(setup, &urls).await;
    for (url, doing) in urls.iter().zip(["waiting for the answer", "shaking hands (TLS)"]) {
        let (state, why) = row(&seen, &format!("up {url}")).unwrap();
        assert_eq!(state, State::Critical);
        assert_eq!(why, format!("no answer within 0.1 s while {doing}"));
    }
}

#[tokio::test]
async fn addresses_that_hang_are_down_and_the_others_count() {
    let server = server(None, &[("/well", FINE)]).await;
    // Each of them fills a place, and the one that is well comes after all of them.
    let hanging = (0..17).map(|n| format!("http://127.0.0.1:{}/hangs/{n:02}", server.port));
    let well = format!("http://127.0.0.1:{}/well", server.port);
    let queries: Vec<String> = hanging.chain([well.clone()]).collect();
    let mut setup = setup();
    setup.timeout = Duration::from_millis(500);
    let settings = source(&setup, &queries);
    let mut probe = ProbeSource::new(&settings, &setup.probe);
    let now = "2026-11-24T14:00:00Z".parse().unwrap();
    for poll in 0..3 {
        let answer = tokio::time::timeout(setup.timeout, probe.poll(now)).await;
        let seen = answer.expect("the supervisor waits no longer").unwrap();
        let up = |address: &str| row(&seen, &format!("up {address}")).unwrap().0;
        let count = |state| queries[..17].iter().filter(|q| up(q) == state).count();
        let (down, missed) = (count(State::Critical), count(State::Unknown));
        assert_eq!(down + missed, 17);
        assert!(down >= 15, "{down}");
        assert!(seen.warnings[0].contains("of 18 addresses were not probed"), "{seen:?}");
        // Only the first poll cannot know who hangs.
        assert_eq!(up(&well) == State::Ok, poll > 0);
    }
}

#[tokio::test]
async fn a_port_is_up_if_it_takes_a_connection() {
    let open = server(None, &[]).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let queries = [open.port, closed].map(|port| format!("tcp://127.0.0.1:{port}"));
    let seen = look(setup(), &queries).await;
    assert!(value(&seen, 0).is_some());
    assert_eq!(value(&seen, 1), None);
    assert_eq!(row(&seen, &format!("up tcp://127.0.0.1:{}", open.port)).unwrap().0, State::Ok);
    let (state, why) = row(&seen, &format!("up tcp://127.0.0.1:{closed}")).unwrap();
    assert_eq!(state, State::Critical);
    assert!(why.contains("does not take connections: Connection refused"), "{why}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_apart() {
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = plain.local_addr().unwrap().port();
    let answering = tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let seen = look(setup(), &[format!("https://127.0.0.1:{port}/")]).await;
    answering.abort();
    let (state, why) = row(&seen, "up").unwrap();
    assert_eq!(state, State::Critical);
    assert!(why.contains("does not speak TLS on this port"), "{why}");
}
