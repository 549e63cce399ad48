//! Looks whether something answers: HTTP(S) with its phases and its certificate, or a TCP port.
//!
//! What is probed stands in the asks; see [`settings::Probe`] for how. Each address is probed once a
//! poll, however many signals come of it. For each service it also judges, in rows of its own,
//! whether the address is up, and whether its certificate is good.
//!
//! A poll answers with what it has before the source's `timeout`: an address that hangs is down, and
//! no more than that.

mod certificate;
mod exchange;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use regex::RegexBuilder;
use tokio::time::Instant as Clock;
use url::Url;

use self::certificate::Recorder;
use self::exchange::{Expect, Finding, Target, probe};
use super::settings::{self, Ask, HttpSettings, SourceSettings};
use super::{Source, SourceError};
use crate::domain::health::{ServiceId, SignalName, State};
use crate::domain::observation::{Fact, Observation, Reading, SourceName, StateReading};
use crate::domain::text::clean;
use crate::domain::time::Instant;

/// This many addresses are probed at the same time.
const AT_ONCE: usize = 16;
/// Largest compiled size of the regular expression for bodies, in bytes.
const REGEX_SIZE: usize = 256 * 1024;

/// The source that probes.
pub struct ProbeSource {
    name: SourceName,
    settings: settings::Probe,
    http: HttpSettings,
    timeout: Duration,
    questions: Vec<Question>,
    /// Every address once; those that took all the time last time come last, so that the others
    /// never wait for them.
    order: Vec<Target>,
    /// Asks that make no sense, said with every answer.
    warnings: Vec<String>,
    shared: Option<Arc<(Expect, Recorder)>>,
}

/// What was found at each address; `None`: there was no time left to probe it.
type Findings = BTreeMap<Target, Option<Finding>>;

/// One ask, understood.
#[derive(Debug, Clone, PartialEq)]
struct Question {
    service: ServiceId,
    signal: SignalName,
    target: Target,
    what: What,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Latency,
    Dns,
    Connect,
    Tls,
    FirstByte,
    Status,
    Certificate,
    Up,
}

const WORDS: [(&str, What); 8] = [
    ("latency", What::Latency),
    ("dns", What::Dns),
    ("connect", What::Connect),
    ("tls", What::Tls),
    ("first_byte", What::FirstByte),
    ("status", What::Status),
    ("certificate", What::Certificate),
    ("up", What::Up),
];

impl ProbeSource {
    pub fn new(source: &SourceSettings, settings: &settings::Probe) -> Self {
        let mut questions = Vec::new();
        let mut warnings = Vec::new();
        if !matches!(source.http.auth, settings::Auth::None) {
            warnings.push("a probe sends no credentials; auth is not used".to_owned());
        }
        for ask in &source.asks {
            match question(ask) {
                Ok(question) => questions.push(question),
                Err(why) => warnings.push(format!("{}, {}: {why}", ask.service, ask.signal)),
            }
        }
        let targets: BTreeSet<Target> = questions.iter().map(|q| q.target.clone()).collect();
        Self {
            name: Arc::clone(&source.name),
            settings: settings.clone(),
            http: source.http.clone(),
            timeout: source.timeout,
            order: targets.into_iter().collect(),
            questions,
            warnings,
            shared: None,
        }
    }

    async fn look(&mut self, now: Instant) -> Result<Observation, SourceError> {
        let shared = match &self.shared {
            Some(shared) => Arc::clone(shared),
            None => self.prepare().await?,
        };
        self.shared = Some(Arc::clone(&shared));
        // A tenth is kept for handing over what came in time.
        let deadline = Clock::now() + self.timeout.mul_f64(0.9);
        let too_short = self.timeout / 10;
        let probes = self.order.iter().cloned().map(|target| {
            let shared = Arc::clone(&shared);
            async move {
                let left = deadline.saturating_duration_since(Clock::now());
                let finding = if left < too_short {
                    None
                } else {
                    Some(probe(&target, &shared.0, &shared.1, left).await)
                };
                (target, finding)
            }
        });
        let findings: Findings =
            futures::stream::iter(probes).buffer_unordered(AT_ONCE).collect().await;
        self.order.sort_by_key(|target| turn(findings.get(target).and_then(Option::as_ref)));
        let mut warnings = self.warnings.clone();
        let missed = findings.values().filter(|f| f.is_none()).count();
        if missed > 0 {
            warnings.push(format!(
                "{missed} of {} addresses were not probed: others hung until the time was over; \
                 raise timeout, or spread them over two sources",
                findings.len()
            ));
        }
        let facts = vec![
            Fact::Signals(self.readings(&findings, now)),
            Fact::States(self.states(&findings, now)),
        ];
        let source = Arc::clone(&self.name);
        Ok(Observation { source, at: now, server: String::new(), facts, warnings })
    }

    async fn prepare(&self) -> Result<Arc<(Expect, Recorder)>, SourceError> {
        let build = |text: &String| {
            RegexBuilder::new(text).size_limit(REGEX_SIZE).build().map_err(|e| {
                SourceError::Misconfigured(format!("body: {text:?} is not usable: {e}"))
            })
        };
        let expect = Expect {
            status: self.settings.status.clone(),
            body: self.settings.body.as_ref().map(build).transpose()?,
            redirects: self.settings.follow_redirects,
            insecure: self.http.insecure_skip_verify,
        };
        let http = self.http.clone();
        let recorder = tokio::task::spawn_blocking(move || Recorder::new(&http))
            .await
            .map_err(|e| SourceError::Misconfigured(e.to_string()))??;
        Ok(Arc::new((expect, recorder)))
    }

    fn readings(&self, findings: &Findings, now: Instant) -> Vec<Reading> {
        let reading = |q: &Question| {
            let finding = findings.get(&q.target)?.as_ref()?;
            Some(Reading {
                service: q.service.clone(),
                signal: Arc::clone(&q.signal),
                value: value(finding, q.what, now)?,
                at: now,
            })
        };
        self.questions.iter().filter_map(reading).collect()
    }

    /// One row for each service and address that says whether it is up, one for its certificate.
    fn states(&self, findings: &Findings, now: Instant) -> Vec<StateReading> {
        let mut targets: BTreeMap<&ServiceId, BTreeSet<&Target>> = BTreeMap::new();
        for q in &self.questions {
            targets.entry(&q.service).or_default().insert(&q.target);
        }
        let mut states = Vec::new();
        for (service, targets) in targets {
            let suffixes = suffixes(&targets);
            for (target, suffix) in targets.into_iter().zip(suffixes) {
                let Some(finding) = findings.get(target) else { continue };
                let mut row = |name: &str, (state, message): (State, String)| {
                    let signal = self.free_name(service, &format!("{name}{suffix}"));
                    let service = service.clone();
                    states.push(StateReading { service, signal, state, message, at: now });
                };
                row("up", up(finding.as_ref()));
                if let Some(certificate) = finding.as_ref().and_then(|f| f.certificate.as_ref()) {
                    let lenient = self.http.insecure_skip_verify;
                    let days = self.settings.certificate_days;
                    row("certificate", certificate.judge(now, days, lenient));
                }
            }
        }
        states
    }

    /// A name that no signal of the service has: a signal with thresholds and a judged row of one
    /// name would contradict each other.
    fn free_name(&self, service: &ServiceId, name: &str) -> SignalName {
        let taken =
            |name: &str| self.questions.iter().any(|q| q.service == *service && &*q.signal == name);
        let name = if taken(name) { format!("{name}, judged") } else { name.to_owned() };
        Arc::from(name)
    }
}

impl Source for ProbeSource {
    fn poll(&mut self, now: Instant) -> BoxFuture<'_, Result<Observation, SourceError>> {
        Box::pin(self.look(now))
    }
}

/// When an address has its turn in the next poll: what was not probed comes before what hung.
fn turn(finding: Option<&Finding>) -> u8 {
    match finding {
        Some(finding) if !finding.hung => 0,
        None => 1,
        Some(_) => 2,
    }
}

fn up(finding: Option<&Finding>) -> (State, String) {
    let Some(finding) = finding else {
        let why = "not probed: other addresses hung until the time of this poll was over";
        return (State::Unknown, why.to_owned());
    };
    match (finding.up(), &finding.failure) {
        (Some(true), _) => (State::Ok, String::new()),
        (None, _) => (State::Unknown, "not asked: its certificate is not to be trusted".to_owned()),
        (_, why) => (State::Critical, why.clone().unwrap_or_default()),
    }
}

fn value(finding: &Finding, what: What, now: Instant) -> Option<f64> {
    match what {
        What::Latency => finding.latency,
        What::Dns => finding.dns,
        What::Connect => finding.connect,
        What::Tls => finding.tls,
        What::FirstByte => finding.first_byte,
        What::Status => finding.status.map(f64::from),
        What::Certificate => finding.certificate.as_ref().map(|c| c.days_left(now)),
        What::Up => Some(if finding.up() == Some(true) { 1.0 } else { 0.0 }),
    }
}

/// Understands `https://host/path status`.
fn question(ask: &Ask) -> Result<Question, String> {
    let mut words = ask.query.split_whitespace();
    let address = words.next().unwrap_or_default();
    let what = match words.next() {
        None => What::Latency,
        Some(word) => WORDS.iter().find(|w| w.0 == word).map(|w| w.1).ok_or_else(|| {
            let known = WORDS.map(|w| w.0).join(", ");
            format!("{:?} is nothing that a probe measures; it measures {known}", clean(word, 40))
        })?,
    };
    if let Some(more) = words.next() {
        return Err(format!("{:?} is one word too many", clean(more, 40)));
    }
    let target = target(address)?;
    let (service, signal) = (ask.service.clone(), Arc::clone(&ask.signal));
    let plain = !matches!(&target, Target::Http(url) if url.scheme() == "https");
    let tcp = matches!(target, Target::Tcp { .. });
    match what {
        What::Tls | What::Certificate if plain => {
            Err("only https:// has a certificate and a handshake".to_owned())
        }
        What::Status | What::FirstByte if tcp => Err("only http(s):// answers".to_owned()),
        _ => Ok(Question { service, signal, target, what }),
    }
}

fn target(address: &str) -> Result<Target, String> {
    let wrong = || {
        format!(
            "{:?} cannot be probed; write https://host/path, http://host/path or tcp://host:port",
            clean(address, 100)
        )
    };
    let mut url = Url::parse(address).map_err(|_| wrong())?;
    match (url.scheme(), url.host(), url.port()) {
        ("http" | "https", Some(_), _) => {
            if !url.username().is_empty() || url.password().is_some() {
                return Err(
                    "a probe sends no credentials; leave them out of the address".to_owned()
                );
            }
            url.set_fragment(None);
            Ok(Target::Http(url))
        }
        ("tcp", Some(host), Some(port)) => {
            let host = match host {
                url::Host::Ipv6(ip) => ip.to_string(),
                other => other.to_string(),
            };
            Ok(Target::Tcp { host, port })
        }
        _ => Err(wrong()),
    }
}

/// What tells the rows of several addresses apart: the address, numbered where two differ in their
/// query only. Nothing where there is one.
fn suffixes(targets: &BTreeSet<&Target>) -> Vec<String> {
    if targets.len() < 2 {
        return vec![String::new(); targets.len()];
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let suffix = |target: &&Target| {
        let place = place(target);
        let n = seen.entry(place.clone()).or_default();
        *n += 1;
        if *n == 1 { format!(" {place}") } else { format!(" {place} ({n})") }
    };
    targets.iter().map(suffix).collect()
}

/// The address as part of a row's name, without what may be secret in its query.
fn place(target: &Target) -> String {
    match target {
        Target::Http(url) => clean(url.as_str().split('?').next().unwrap_or_default(), 100),
        Target::Tcp { host, port } => clean(&format!("tcp://{host}:{port}"), 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn ask(query: &str) -> Ask {
        Ask { service: ServiceId::new("shop"), signal: Arc::from("s"), query: query.to_owned() }
    }

    #[rstest]
    #[case("https://shop.example/health", What::Latency)]
    #[case("https://shop.example/health  certificate", What::Certificate)]
    #[case("http://[::1]:8080/ first_byte", What::FirstByte)]
    #[case("tcp://db.example:5432", What::Latency)]
    #[case("tcp://[::1]:5432 up", What::Up)]
    fn a_query_says_where_and_what(#[case] query: &str, #[case] what: What) {
        assert_eq!(question(&ask(query)).unwrap().what, what);
    }

    #[rstest]
    #[case("", "cannot be probed")]
    #[case("shop.example", "cannot be probed")]
    #[case("ftp://shop.example/", "cannot be probed")]
    #[case("tcp://db.example", "cannot be probed")]
    #[case("https://shop.example/ speed", "it measures latency, dns")]
    #[case("https://shop.example/ up now", "one word too many")]
    #[case("http://shop.example/ certificate", "only https://")]
    #[case("tcp://db.example:5432 status", "only http(s)://")]
    #[case("https://ana:secret@shop.example/", "no credentials")]
    fn a_wrong_query_says_what_is_wrong(#[case] query: &str, #[case] expect: &str) {
        let why = question(&ask(query)).unwrap_err();
        assert!(why.contains(expect), "{why}");
        assert!(!why.contains("secret"), "{why}");
    }

    #[test]
    fn rows_of_several_addresses_are_told_apart_without_their_query() {
        let all = ["https://a.example/", "https://a.example/?token=1", "tcp://a.example:22"];
        let all: Vec<Target> = all.into_iter().map(|a| target(a).unwrap()).collect();
        let suffixes = suffixes(&all.iter().collect());
        let expect = [" https://a.example/", " https://a.example/ (2)", " tcp://a.example:22"];
        assert_eq!(suffixes, expect);
    }

    #[test]
    fn a_row_never_takes_the_name_of_a_signal() {
        let asks = ["up", "certificate"].map(|what| Ask {
            signal: Arc::from(what),
            ..ask(&format!("https://shop.example/ {what}"))
        });
        let settings = settings::Probe {
            status: vec![],
            body: None,
            certificate_days: (14, 5),
            follow_redirects: false,
        };
        let source = SourceSettings {
            name: Arc::from("probe"),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            max_body: 0,
            http: HttpSettings::default(),
            kind: settings::Kind::Probe(settings.clone()),
            asks: asks.to_vec(),
        };
        let probe = ProbeSource::new(&source, &settings);
        assert_eq!(&*probe.free_name(&ServiceId::new("shop"), "up"), "up, judged");
        assert_eq!(&*probe.free_name(&ServiceId::new("other"), "up"), "up");
    }
}
