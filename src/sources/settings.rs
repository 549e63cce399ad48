//! How a source is set up: the checked form of one `[[sources]]` table, with what the services ask
//! of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use secrecy::SecretString;
use url::Url;

use super::demo::Made;
use super::http_client::address;
use super::json_path::Path;
use super::pagerduty::orders::TOLD;

use crate::domain::calendar::mirror::Owner;
use crate::domain::calendar::stated::Terms;
use crate::domain::health::{ServiceId, SignalName, State};
use crate::domain::matcher::Matchers;
use crate::domain::roster::PersonId;
use crate::domain::roster::stated::Callings;
use crate::domain::text;
use crate::domain::time::Instant;
use crate::domain::upstream::template::Template;

/// One source.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    pub name: Arc<str>,
    /// ±10 % jitter is added.
    pub interval: Duration,
    pub timeout: Duration,
    /// Largest body accepted, in bytes.
    pub max_body: usize,
    pub http: HttpSettings,
    pub kind: Kind,
    /// The signals that services take from it.
    pub asks: Vec<Ask>,
}

/// One signal that a service takes from the source.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    pub service: ServiceId,
    pub signal: SignalName,
    /// PromQL, a JSONPath, a host metric, or a probe's address.
    pub query: String,
}

/// Credentials and TLS of sources that speak HTTP.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {
    pub auth: Auth,
    /// PEM file with certificate and key of this client.
    pub client_cert: Option<PathBuf>,
    /// PEM file with further certificate authorities.
    pub ca_file: Option<PathBuf>,
    pub insecure_skip_verify: bool,
}

/// How the client says who it is.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    #[default]
    None,
    Basic {
        user: String,
        password: Secret,
    },
    Bearer(Secret),
    /// `Authorization: Token token=…`, as PagerDuty wants it.
    Token(Secret),
    Header {
        name: String,
        value: Secret,
    },
}

/// Where a secret comes from. It is read when it is used, and again after a 401.
#[derive(Debug, Clone)]
pub enum Secret {
    Inline(SecretString),
    File(PathBuf),
    Env(String),
    /// argv; its first line of stdout is the secret. No shell.
    Command(Vec<String>),
}

/// What kind of upstream it is, and the settings that only this kind has.
#[derive(Debug, Clone)]
pub enum Kind {
    Host(Host),
    Prometheus(Prometheus),
    Alertmanager(Alertmanager),
    Icinga2(Icinga2),
    PagerDuty(PagerDuty),
    Http(Box<HttpDocument>),
    Probe(Probe),
    Command(Command),
    Ical(Ical),
    Demo(Demo),
}

/// This machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// How many of the busiest processes are shown.
    pub top_processes: usize,
    /// Whether it declares services for what it finds (processor, memory, each disk, …) with the
    /// built-in thresholds, or only answers what services ask.
    pub services: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Prometheus {
    pub url: Url,
    /// Raise incidents from `/api/v1/alerts`.
    pub alerts: bool,
    /// Alerts that must always fire.
    pub heartbeats: Vec<Matchers>,
    /// How much history is fetched on the first poll; zero: none.
    pub backfill: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Alertmanager {
    /// The members of one cluster.
    pub urls: Vec<Url>,
    /// Matchers passed on as `filter`.
    pub filter: Vec<String>,
    /// Alerts that must always fire, one for each Prometheus behind it.
    pub heartbeats: Vec<Matchers>,
    /// The `prometheus` sources behind it: their own `/alerts` prove a clearing.
    pub origins: Vec<Arc<str>>,
    /// Maintenance is made known to it, as a silence of that site.
    pub mirror: Option<Owner>,
    /// While somebody has an incident its alerts are silenced there.
    pub acknowledge: Option<Owner>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Icinga2 {
    /// Of its API: `https://host:5665`.
    pub url: Url,
    /// The custom variables that become labels. Others stay where they are: there are passwords among
    /// them.
    pub vars: Vec<String>,
    /// Maintenance is made known to it, as a downtime of that site.
    pub mirror: Option<Owner>,
    /// While somebody has an incident its problems are acknowledged there.
    pub acknowledge: Option<Owner>,
    /// A note on an incident becomes a comment on its objects.
    pub notes: bool,
}

/// One account of PagerDuty.
#[derive(Debug, Clone, PartialEq)]
pub struct PagerDuty {
    /// Of its REST API.
    pub url: Url,
    /// The address of the user in whose name we act there.
    pub from: Option<String>,
    /// Only incidents of these services and teams, by their ids; empty: all.
    pub services: Vec<String>,
    pub teams: Vec<String>,
    /// Of which actions it is told: names of [`super::pagerduty::orders::TOLD`].
    pub actions: Vec<String>,
    /// The id of the schedule that says who is on call.
    pub schedule: Option<String>,
    pub meaning: Meaning,
}

/// What a calendar of others means.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meaning {
    /// What it calls people, where that is neither their e-mail address, name nor id.
    pub people: BTreeMap<String, PersonId>,
    /// That, and what people are called themselves.
    pub callings: Callings,
    /// It states windows, on these terms.
    pub windows: Option<Box<Terms>>,
}

/// Any JSON document.
#[derive(Debug, Clone)]
pub struct HttpDocument {
    pub url: Url,
    pub method: Method,
    pub body: Option<String>,
    pub headers: BTreeMap<String, String>,
    /// Status words in the document.
    pub states: Vec<StatePath>,
    /// Alerts in the document.
    pub alerts: Option<AlertPaths>,
    /// What is told there of what is done here.
    pub actions: Vec<ActionTemplate>,
}

/// What is sent when an action is done on an incident of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionTemplate {
    /// The action by its name.
    pub on: String,
    pub verb: Verb,
    pub url: Template,
    pub body: Option<Template>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Post,
    Put,
    Patch,
    Delete,
}

impl ActionTemplate {
    /// The action, and what is told of it.
    pub fn asks(&self) -> (String, BTreeSet<String>) {
        let names = self.url.names().chain(self.body.iter().flat_map(Template::names));
        (self.on.clone(), names.map(str::to_owned).collect())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    #[default]
    Get,
    Post,
}

/// A status word at `path` and what it means.
#[derive(Debug, Clone)]
pub struct StatePath {
    pub service: ServiceId,
    pub signal: SignalName,
    pub path: Path,
    /// Word → state, compared without case; a word that is not there is unknown.
    pub map: BTreeMap<String, State>,
    /// Where the reason stands.
    pub message: Option<Path>,
}

/// Where in the document alerts are, each path but the first relative to one alert (`$` is it).
#[derive(Debug, Clone)]
pub struct AlertPaths {
    /// Every node found is one alert.
    pub each: Path,
    pub id: Path,
    pub title: Path,
    pub severity: Option<Path>,
    pub since: Option<Path>,
    pub url: Option<Path>,
    /// Label name → where its value is.
    pub labels: BTreeMap<String, Path>,
    /// Which service it belongs to; otherwise it is matched by labels.
    pub service: Option<Path>,
}

/// Looks whether something answers. What is probed stands in the `query` of its asks:
/// `https://host/path`, `http://…` or `tcp://host:port`, optionally followed by a space and what
/// is measured: `latency` (default, s), `dns`, `connect`, `tls`, `first_byte` (s), `status` (code),
/// `certificate` (days left), `up` (1 or 0). No credentials are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Accepted status codes; empty: 200–399.
    pub status: Vec<u16>,
    /// The body must match this regular expression.
    pub body: Option<String>,
    /// Warning below this many days of certificate life, critical below the second.
    pub certificate_days: (u32, u32),
    pub follow_redirects: bool,
}

/// A program that prints JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub argv: Vec<String>,
    /// The whole environment that it gets, beside `PATH` and `LANG`.
    pub env: BTreeMap<String, String>,
    pub directory: Option<PathBuf>,
}

/// A calendar that states who is on call.
#[derive(Debug, Clone, PartialEq)]
pub struct Ical {
    pub from: CalendarAt,
    /// Where days, and times that say no zone, are if the calendar does not say.
    pub zone: Tz,
    /// Without terms of windows it states who is on call.
    pub meaning: Meaning,
}

/// Where a calendar is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalendarAt {
    /// A feed: the whole of it in one answer.
    Web(Url),
    /// A CalDAV collection.
    Collection(Url),
    File(PathBuf),
}

/// A made-up world.
#[derive(Debug, Clone, PartialEq)]
pub struct Demo {
    pub seed: u64,
    /// How fast time runs for it, to be shown; who polls it makes it run.
    pub speed: f64,
    /// When its script begins.
    pub start: Instant,
    /// What people have silenced in it.
    pub made: Made,
}

impl PagerDuty {
    /// What it has to be told of each action.
    pub fn asks(&self) -> BTreeMap<String, BTreeSet<String>> {
        let told = TOLD.iter().filter(|(action, _)| self.actions.iter().any(|a| a == action));
        let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        told.map(|(action, names)| ((*action).to_owned(), owned(names))).collect()
    }
}

impl Kind {
    /// Where it is, for people: without credentials, query or fragment.
    pub fn address(&self) -> String {
        let list = |urls: &[Url]| urls.iter().map(address).collect::<Vec<_>>().join(" ");
        match self {
            Self::Host(_) => "this host".to_owned(),
            Self::Prometheus(p) => address(&p.url),
            Self::Alertmanager(a) => list(&a.urls),
            Self::Icinga2(i) => address(&i.url),
            Self::PagerDuty(p) => address(&p.url),
            Self::Http(h) => address(&h.url),
            Self::Probe(_) => "probes".to_owned(),
            Self::Command(c) => c.argv.join(" "),
            Self::Ical(i) => match &i.from {
                CalendarAt::Web(url) | CalendarAt::Collection(url) => discreet(url),
                CalendarAt::File(path) => text::clean(&path.display().to_string(), 200),
            },
            Self::Demo(d) => format!("seed {}, speed {}", d.seed, d.speed),
        }
    }

    /// What it means, if it has a calendar.
    pub fn meaning(&self) -> Option<&Meaning> {
        match self {
            Self::Ical(Ical { meaning, .. }) | Self::PagerDuty(PagerDuty { meaning, .. }) => {
                Some(meaning)
            }
            _ => None,
        }
    }

    pub fn meaning_mut(&mut self) -> Option<&mut Meaning> {
        match self {
            Self::Ical(Ical { meaning, .. }) | Self::PagerDuty(PagerDuty { meaning, .. }) => {
                Some(meaning)
            }
            _ => None,
        }
    }

    /// Whether it says what is planned.
    pub fn states_windows(&self) -> bool {
        self.meaning().is_some_and(|meaning| meaning.windows.is_some())
    }

    /// The word in the config file.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Host(_) => "host",
            Self::Prometheus(_) => "prometheus",
            Self::Alertmanager(_) => "alertmanager",
            Self::Icinga2(_) => "icinga2",
            Self::PagerDuty(_) => "pagerduty",
            Self::Http(_) => "http",
            Self::Probe(_) => "probe",
            Self::Command(_) => "command",
            Self::Ical(_) => "ical",
            Self::Demo(_) => "demo",
        }
    }
}

/// An address as [`address`] shows it, without long segments: who knows the address of a private
/// calendar can read it, and the secret stands in its path.
pub fn discreet(url: &Url) -> String {
    let segment = |s: &str| if s.chars().count() < 16 { s.to_owned() } else { "…".to_owned() };
    let shown = address(url);
    let (scheme, rest) = shown.split_once("://").unwrap_or(("", &shown));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path: Vec<String> = std::iter::once(host.to_owned())
        .chain(path.split('/').filter(|s| !s.is_empty()).map(segment))
        .collect();
    format!("{scheme}://{}", path.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://cal.example/rota.ics?token=x", "https://cal.example/rota.ics")]
    #[case(
        "https://calendar.google.com/calendar/ical/a1b2c3d4e5f6a7b8%40group/private-0123456789/basic.ics",
        "https://calendar.google.com/calendar/ical/…/…/basic.ics"
    )]
    #[case("https://user:word@p01-calendars.example:8443", "https://p01-calendars.example:8443")]
    fn the_secret_of_a_private_calendar_is_not_shown(#[case] url: &str, #[case] expect: &str) {
        assert_eq!(discreet(&url.parse().unwrap()), expect);
    }
}
