//! Where the data comes from: one file per kind of upstream, and the supervisor that polls them all.
//!
//! A source knows one upstream and nothing else. Schedule, jitter, time-outs, back-off, caps and
//! staleness are the supervisor's, once, for all.

pub mod alertmanager;
pub mod command;
pub mod demo;
pub mod document;
pub mod history;
pub mod host;
pub mod http_client;
pub mod hygiene;
pub mod ical;
pub mod icinga2;

pub mod json_path;
pub mod measure;
pub mod mirror;
pub mod orders;
pub mod pagerduty;
pub mod probe;
pub mod process_group;
pub mod prometheus;
pub mod secret;
pub mod settings;
pub mod supervisor;
pub mod tls;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use self::alertmanager::Alertmanager;
use self::history::History;
use self::http_client::Clients;
use self::prometheus::Prometheus;
use self::settings::{Kind, SourceSettings};
use crate::domain::observation::Observation;
use crate::domain::time::Instant;

/// One upstream.
pub trait Source: Send {
    /// Asks once. Called by the supervisor, never twice at a time; must be cancel-safe: a time-out
    /// drops the future.
    fn poll(&mut self, now: Instant) -> BoxFuture<'_, Result<Observation, SourceError>>;

    /// The way to ask for more of the past than polls bring; `None`: it remembers nothing.
    fn history(&self) -> Option<Arc<dyn History>> {
        None
    }
}

/// The source that these settings describe; nothing is opened or asked yet. `is_origin`: a source
/// of kind `alertmanager` names it as one of its origins.
pub fn registry(settings: &SourceSettings, is_origin: bool, clients: &Clients) -> Box<dyn Source> {
    match &settings.kind {
        Kind::Prometheus(kind) => Box::new(Prometheus::new(settings, kind, is_origin, clients)),
        Kind::Alertmanager(kind) => Box::new(Alertmanager::new(settings, kind, clients)),
        Kind::Icinga2(kind) => Box::new(icinga2::Icinga2Source::new(settings, kind, clients)),
        Kind::PagerDuty(kind) => Box::new(pagerduty::PagerDutySource::new(settings, kind, clients)),
        Kind::Host(kind) => Box::new(host::HostSource::new(settings, kind)),
        Kind::Command(kind) => Box::new(command::CommandSource::new(settings, kind)),
        Kind::Probe(kind) => Box::new(probe::ProbeSource::new(settings, kind)),
        Kind::Demo(kind) => Box::new(demo::DemoSource::new(settings, kind)),
        Kind::Ical(kind) => Box::new(ical::IcalSource::new(settings, kind, clients)),
        Kind::Http(kind) => Box::new(document::DocumentSource::new(settings, kind, clients)),
    }
}

/// Why a poll failed: the thing, the reason, the remedy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SourceError {
    /// No answer: refused, unreachable, name not found, TLS failed.
    #[error("{0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("no answer within {}", humane(*.0))]
    TimedOut(Duration),
    /// The server asked to be left alone for a while (429, `Retry-After`).
    #[error("{reason}")]
    Busy { reason: String, retry_after: Option<Duration> },
    /// The server refused the credentials (401, 403).
    #[error("{0}")]
    Denied(String),
    /// An answer that makes no sense: wrong status, not JSON, too large, too deep.
    #[error("{0}")]
    BadAnswer(String),
    /// The settings cannot work: a secret file that is missing, a program that does not exist.
    #[error("{0}")]
    Misconfigured(String),
    /// What matters most could not be read, and why; the rest was.
    #[error("{}", .0.0)]
    Partly(Box<(SourceError, Observation)>),
}

impl SourceError {
    /// The same with its words changed.
    #[must_use]
    pub fn reworded(self, change: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Unreachable(said) => Self::Unreachable(change(&said)),
            Self::TimedOut(after) => Self::TimedOut(after),
            Self::Busy { reason, retry_after } => {
                Self::Busy { reason: change(&reason), retry_after }
            }
            Self::Denied(said) => Self::Denied(change(&said)),
            Self::BadAnswer(said) => Self::BadAnswer(change(&said)),
            Self::Misconfigured(said) => Self::Misconfigured(change(&said)),
            Self::Partly(partly) => {
                let (why, rest) = *partly;
                Self::Partly(Box::new((why.reworded(change), rest)))
            }
        }
    }
}

fn humane(d: Duration) -> String {
    if d.as_secs() == 0 { format!("{} ms", d.as_millis()) } else { format!("{} s", d.as_secs()) }
}
