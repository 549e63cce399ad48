//! One probe: name, connection, handshake, question, answer, with a stopwatch between them.
//!
//! HTTP/1.1 is spoken by hand: a client that keeps connections and hides its phases could not tell
//! where the time goes.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant as Stopwatch};

use regex::Regex;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::certificate::{Certificate, Recorder};
use crate::domain::text::clean;
use crate::sources::tls;

/// Longest head of an answer, in bytes, and most headers.
const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;
/// Most of a body that is searched, in bytes.
const MAX_BODY: usize = 1 << 20;
const MAX_REDIRECTS: usize = 5;

/// What is probed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    Http(Url),
    Tcp { host: String, port: u16 },
}

/// What counts as well.
pub struct Expect {
    /// Accepted status codes; empty: 200–399.
    pub status: Vec<u16>,
    pub body: Option<Regex>,
    pub redirects: bool,
    /// Ask although the certificate is not to be trusted.
    pub insecure: bool,
}

/// What was measured, up to where it failed. Phases are of the last hop, in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Finding {
    pub dns: Option<f64>,
    pub connect: Option<f64>,
    pub tls: Option<f64>,
    pub first_byte: Option<f64>,
    /// All hops together, until the last one began to answer.
    pub latency: Option<f64>,
    pub status: Option<u16>,
    /// The first certificate of the way that is not to be trusted, else the last one.
    pub certificate: Option<Certificate>,
    /// Why it is not well; a certificate that is not to be trusted is no failure of its own.
    pub failure: Option<String>,
    /// It took all the time that there was.
    pub hung: bool,
    /// What was going on last.
    doing: &'static str,
}

impl Finding {
    /// Whether it answered as expected; `None`: it was not asked, because of its certificate.
    pub fn up(&self) -> Option<bool> {
        match (&self.failure, self.latency) {
            (Some(_), _) => Some(false),
            (None, Some(_)) => Some(true),
            (None, None) => None,
        }
    }
}

/// Probes once, within `timeout`.
pub async fn probe(
    target: &Target,
    expect: &Expect,
    recorder: &Recorder,
    timeout: Duration,
) -> Finding {
    let mut finding = Finding::default();
    let walk = async {
        match target {
            Target::Http(url) => http(url.clone(), expect, recorder, timeout, &mut finding).await,
            Target::Tcp { host, port } => {
                let before = Stopwatch::now();
                let answer = connect(host, *port, timeout, &mut finding).await;
                finding.latency = answer.is_ok().then(|| seconds(before));
                answer.map(drop)
            }
        }
    };
    match tokio::time::timeout(timeout, walk).await {
        Ok(Ok(())) => {}
        Ok(Err(why)) => finding.failure = Some(clean(&why, 300)),
        Err(_) => {
            let doing = finding.doing;
            finding.hung = true;
            finding.failure =
                Some(format!("no answer within {} s while {doing}", seconds_of(timeout)));
        }
    }
    if finding.failure.is_some() {
        finding.latency = None;
    }
    finding
}

async fn http(
    mut url: Url,
    expect: &Expect,
    recorder: &Recorder,
    timeout: Duration,
    finding: &mut Finding,
) -> Result<(), String> {
    let begin = Stopwatch::now();
    for _ in 0..=MAX_REDIRECTS {
        let Some(answer) = hop(&url, expect, recorder, timeout, finding).await? else {
            return Ok(());
        };
        let latency = seconds(begin);
        finding.status = Some(answer.status);
        let moved = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        let Some(location) = answer.location.as_ref().filter(|_| moved && expect.redirects) else {
            judge(&answer, expect)?;
            finding.latency = Some(latency);
            return Ok(());
        };
        url = follow(&url, location)?;
    }
    Err(format!("it redirects more than {MAX_REDIRECTS} times"))
}

fn judge(answer: &Answer, expect: &Expect) -> Result<(), String> {
    let status = answer.status;
    let fine = match expect.status.as_slice() {
        [] => (200..400).contains(&status),
        accepted => accepted.contains(&status),
    };
    if !fine {
        return Err(format!("it answers with status {status} {}", answer.reason).trim().to_owned());
    }
    match &expect.body {
        Some(body) if !body.is_match(&String::from_utf8_lossy(&answer.body)) => {
            let read = answer.body.len();
            Err(format!("the body ({read} bytes read) does not match {:?}", body.as_str()))
        }
        _ => Ok(()),
    }
}

fn follow(from: &Url, location: &str) -> Result<Url, String> {
    let to = from.join(location).ok().filter(|u| matches!(u.scheme(), "http" | "https"));
    to.filter(|u| u.host().is_some()).ok_or_else(|| {
        format!("it redirects to {:?}, which is no web address", clean(location, 80))
    })
}

/// One request. `None`: it was not sent, because the certificate is not to be trusted.
async fn hop(
    url: &Url,
    expect: &Expect,
    recorder: &Recorder,
    timeout: Duration,
    finding: &mut Finding,
) -> Result<Option<Answer>, String> {
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Err("there is no host in the address".to_owned());
    };
    let name = match &host {
        Host::Ipv6(ip) => ip.to_string(),
        other => other.to_string(),
    };
    let stream = connect(&name, port, timeout, finding).await?;
    finding.tls = None;
    if url.scheme() != "https" {
        return ask(stream, url, expect.body.is_some(), finding).await.map(Some);
    }
    finding.doing = "shaking hands (TLS)";
    let before = Stopwatch::now();
    let server =
        ServerName::try_from(name).map_err(|_| "the host is no name for TLS".to_owned())?;
    let (config, tape) = recorder.tape();
    let stream = TlsConnector::from(config).connect(server, stream).await;
    let trusted = |c: &Option<Certificate>| c.as_ref().is_none_or(|c| c.problem.is_none());
    if trusted(&finding.certificate) {
        finding.certificate = tape.certificate().or_else(|| finding.certificate.take());
    }
    let stream = stream.map_err(|e| handshake_failed(&e))?;
    finding.tls = Some(seconds(before));
    if !expect.insecure && !trusted(&finding.certificate) {
        return Ok(None);
    }
    ask(stream, url, expect.body.is_some(), finding).await.map(Some)
}

async fn connect(
    host: &str,
    port: u16,
    timeout: Duration,
    finding: &mut Finding,
) -> Result<TcpStream, String> {
    finding.doing = "looking up the name";
    let before = Stopwatch::now();
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|e| format!("the name {host} is not known: {}", short(&e)))?
        .collect();
    finding.dns = Some(seconds(before));
    finding.doing = "connecting";
    let before = Stopwatch::now();
    let mut failure = format!("the name {host} has no address");
    // One dead address of several must not use up the time of the others.
    let patience = timeout / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    for address in addresses {
        match tokio::time::timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                finding.connect = Some(seconds(before));
                return Ok(stream);
            }
            Ok(Err(e)) => failure = format!("{address} does not take connections: {}", short(&e)),
            Err(_) => failure = format!("{address} does not answer"),
        }
    }
    Err(failure)
}

fn handshake_failed(e: &io::Error) -> String {
    match e.get_ref().and_then(|e| e.downcast_ref()) {
        Some(e) => tls::explain(e),
        None => format!("the TLS handshake failed: {}", short(e)),
    }
}

/// The reason without the number of the operating system.
fn short(e: &io::Error) -> String {
    let text = e.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// What came back.
struct Answer {
    status: u16,
    reason: String,
    location: Option<String>,
    body: Vec<u8>,
}

async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    url: &Url,
    want_body: bool,
    finding: &mut Finding,
) -> Result<Answer, String> {
    finding.doing = "waiting for the answer";
    let before = Stopwatch::now();
    let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
    let request = format!(
        "GET {}{query} HTTP/1.1\r\nHost: {host}{port}\r\nUser-Agent: atalaya/{}\r\n\
         Accept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n",
        url.path(),
        env!("CARGO_PKG_VERSION")
    );
    let lost = |e: io::Error| format!("the connection broke: {}", short(&e));
    stream.write_all(request.as_bytes()).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    let mut read = Vec::with_capacity(4 * 1024);
    let (mut answer, framing, head) = loop {
        let begun = !read.is_empty();
        if stream.read_buf(&mut read).await.map_err(lost)? == 0 {
            let what = if begun { "in the middle of its answer" } else { "without an answer" };
            return Err(format!("it closed the connection {what}"));
        }
        if !begun {
            finding.first_byte = Some(seconds(before));
        }
        if let Some(head) = parse(&read)? {
            break head;
        }
        if read.len() > MAX_HEAD {
            return Err(format!("the head of its answer is longer than {MAX_HEAD} bytes"));
        }
    };
    if want_body {
        finding.doing = "reading the answer";
        read.drain(..head);
        let enough = |read: &[u8]| match framing {
            Framing::Length(n) => read.len() >= n,
            Framing::Chunked => read.ends_with(b"0\r\n\r\n"),
            Framing::Close => false,
        };
        while read.len() < MAX_BODY && !enough(&read) {
            // An answer that breaks off is judged by what came.
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                break;
            }
        }
        read.truncate(MAX_BODY);
        answer.body = match framing {
            Framing::Length(n) => {
                read.truncate(n);
                read
            }
            Framing::Chunked => unchunk(&read),
            Framing::Close => read,
        };
    }
    Ok(answer)
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    Close,
}

/// The head of an answer, how its body ends, and how long the head is; `None` while it is not
/// complete. Interim answers (100 Continue) are skipped.
fn parse(read: &[u8]) -> Result<Option<(Answer, Framing, usize)>, String> {
    let mut from = 0;
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let rest = read.get(from..).unwrap_or_default();
        let parsed = response.parse(rest).map_err(|e| format!("its answer is not HTTP: {e}"))?;
        let httparse::Status::Complete(length) = parsed else { return Ok(None) };
        from += length;
        let status = response.code.unwrap_or_default();
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        let header = |name: &str| {
            let found = response.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(found.value).ok().map(str::trim)
        };
        let chunked =
            header("transfer-encoding").is_some_and(|t| t.eq_ignore_ascii_case("chunked"));
        let length = header("content-length").and_then(|n| n.parse().ok());
        let framing = match (chunked, length) {
            (true, _) => Framing::Chunked,
            (false, Some(n)) => Framing::Length(n),
            (false, None) => Framing::Close,
        };
        let answer = Answer {
            status,
            reason: clean(response.reason.unwrap_or_default(), 60),
            location: header("location").map(str::to_owned),
            body: Vec::new(),
        };
        return Ok(Some((answer, framing, from)));
    }
}

/// The content of a chunked body, as far as it makes sense.
fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    while let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(body) {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let rest = body.get(start..).unwrap_or_default();
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        if chunk.is_empty() {
            break;
        }
        out.extend_from_slice(chunk);
        body = after.strip_prefix(b"\r\n").unwrap_or(after);
    }
    out
}

fn seconds(since: Stopwatch) -> f64 {
    since.elapsed().as_secs_f64()
}

fn seconds_of(timeout: Duration) -> String {
    let seconds = timeout.as_secs_f64();
    if seconds.fract() == 0.0 { format!("{seconds:.0}") } else { format!("{seconds:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case(b"4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n", "Wikipedia")]
    #[case(b"4\r\nWiki\r\n5\r\nped", "Wikiped")]
    #[case(b"zz\r\nWiki", "")]
    fn chunks_are_put_together(#[case] body: &[u8], #[case] expect: &str) {
        assert_eq!(unchunk(body), expect.as_bytes());
    }

    #[rstest]
    #[case(&[], 204, true)]
    #[case(&[], 302, true)]
    #[case(&[], 404, false)]
    #[case(&[401], 401, true)]
    #[case(&[401], 200, false)]
    fn a_status_is_fine_if_it_was_expected(
        #[case] accepted: &[u16],
        #[case] status: u16,
        #[case] fine: bool,
    ) {
        let expect =
            Expect { status: accepted.to_vec(), body: None, redirects: false, insecure: false };
        let answer = Answer { status, reason: String::new(), location: None, body: Vec::new() };
        assert_eq!(judge(&answer, &expect).is_ok(), fine);
    }

    #[test]
    fn interim_answers_are_skipped() {
        let read = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let (answer, framing, head) = parse(read).unwrap().unwrap();
        assert_eq!((answer.status, framing), (200, Framing::Length(2)));
        assert_eq!(&read[head..], b"ok");
    }

    #[rstest]
    #[case("/login", Ok("https://a.example/login"))]
    #[case("https://b.example/", Ok("https://b.example/"))]
    #[case("javascript:alert(1)", Err(()))]
    fn a_redirect_leads_to_a_web_address(#[case] to: &str, #[case] expect: Result<&str, ()>) {
        let from = "https://a.example/".parse().unwrap();
        let found = follow(&from, to).map_err(drop);
        assert_eq!(found.as_ref().map(Url::as_str).ok(), expect.ok());
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(read in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&read);
            prop_assert!(unchunk(&read).len() <= read.len());
            let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
            head.extend(read);
            let _ = parse(&head);
        }
    }
}
