//! What a source reports: one [`Observation`] per poll, its text already cleaned, its sizes bounded.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::calendar::Windows;
use super::health::{Service, ServiceId, SignalName, State};
use super::matcher::{Labels, Matchers};
use super::roster::Duty;
use super::time::Instant;
use super::upstream::silence::Listed;

/// The configured name of a source.
pub type SourceName = Arc<str>;

/// The outcome of one successful poll.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    pub source: SourceName,
    /// When the data was obtained, by this machine's clock.
    pub at: Instant,
    /// What the server calls itself, e.g. `Prometheus 2.42.0`; empty if unknown.
    pub server: String,
    /// What was found.
    pub facts: Vec<Fact>,
    /// What the person should know although the poll succeeded: a member that is down, a query that
    /// failed, a path that found nothing. Each names the thing, the reason and the remedy.
    pub warnings: Vec<String>,
}

/// One kind of finding.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// Services that the source itself declares, its full set: those of it that are missing are
    /// gone. (This host's disks; the demo's services.)
    Services(Vec<Service>),
    /// Current values.
    Signals(Vec<Reading>),
    /// Past values, oldest first, to fill the history that is not known yet.
    Backfill(Vec<Series>),
    /// States that the source judged by itself: a probe, a plug-in, a document with a status word.
    States(Vec<StateReading>),
    /// Alerts.
    Alerts(AlertSet),
    /// Alerts of an origin whose Alertmanager is a source, too: they prove or disprove that one of
    /// the Alertmanager's has cleared, and raise nothing themselves.
    Evidence(AlertSet),
    /// Who is on call, as a calendar states it: all that it states of a year back and ahead, in order
    /// of time. The same `Arc` as before: nothing changed.
    Shifts(Arc<[Duty]>),
    /// What is planned, as a calendar states it: all windows of a year back and ahead. The same `Arc`
    /// as before: nothing changed.
    Windows(Windows),
    /// What is silenced there, all of it that is not over.
    Silences(Listed),
}

/// One value of one signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub service: ServiceId,
    pub signal: SignalName,
    pub value: f64,
    /// When the value was true, by the upstream's clock where it says so.
    pub at: Instant,
}

/// Past values of one signal, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub service: ServiceId,
    pub signal: SignalName,
    pub points: Vec<(Instant, f64)>,
}

/// A state that the source judged by itself. `signal` names what was judged; it is shown as a row
/// of its own beside the service's signals.
#[derive(Debug, Clone, PartialEq)]
pub struct StateReading {
    pub service: ServiceId,
    pub signal: SignalName,
    pub state: State,
    /// Why, in one line; may be empty.
    pub message: String,
    pub at: Instant,
}

/// The alerts of one source.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AlertSet {
    /// Whether this is all that the source knows, so that absence means something. A partial
    /// answer (one of two Alertmanagers) is still complete for an HA cluster.
    pub complete: bool,
    pub alerts: Vec<Alert>,
    /// Whether each always-firing alert that the source was told to expect is there, in the order
    /// of its `heartbeat` settings.
    pub heartbeats: Vec<Heartbeat>,
    /// The names of the sources (Prometheus servers) in which these alerts originate, from
    /// `origins`. Empty where the source evaluates its alerts itself, or where none was named.
    pub origins: Vec<SourceName>,
    /// Whether the source evaluates the alerts itself (Prometheus, a plug-in), so that its own
    /// complete answer proves a clearing, or only passes on what others sent (Alertmanager).
    pub authoritative: bool,
    /// Alerts whose condition holds although they do not fire yet: they raise nothing, and they are
    /// not clear.
    pub pending: Vec<Alert>,
    /// Since when an authoritative source has been evaluating its rules, where it forgets at its
    /// start what it had been firing (Prometheus). `None`: each answer is complete by itself.
    pub evaluating_since: Option<Instant>,
}

impl AlertSet {
    /// The alerts that may open incidents: all but the heartbeats, whose absence is the incident.
    pub fn raising(&self) -> impl Iterator<Item = &Alert> {
        let pulses: Vec<Matchers> =
            self.heartbeats.iter().filter_map(|h| Matchers::parse(&h.matchers).ok()).collect();
        self.alerts.iter().filter(move |a| !pulses.iter().any(|p| p.matches(&a.labels)))
    }
}

/// The state of one alert that must always be firing.
#[derive(Debug, Clone, PartialEq)]
pub struct Heartbeat {
    /// The matchers by which it is recognised, as configured.
    pub matchers: String,
    /// Whether a matching alert is firing now.
    pub firing: bool,
    /// The label pairs, other than `alertname`, by which it is recognised: which alerts it vouches
    /// for. Empty: all of the source.
    pub scope: Labels,
    /// When its origin last renewed it, by the upstream's clock. An alert that lapsed is only proven
    /// cleared by a renewal that came after it had gone.
    pub renewed_at: Option<Instant>,
}

/// One alert as the upstream tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The upstream's stable identity of this label set.
    pub fingerprint: String,
    pub labels: Labels,
    pub annotations: Labels,
    pub starts_at: Instant,
    pub status: AlertStatus,
    /// Where it came from; `http` and `https` only.
    pub generator_url: Option<String>,
    /// The service that the source itself attributes it to (a plug-in, the demo). `None`: matched
    /// by labels.
    pub service: Option<ServiceId>,
}

/// Whether an alert is to be acted upon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AlertStatus {
    Active,
    /// Muted by somebody: the ids of the silences.
    Silenced {
        by: Vec<String>,
    },
    /// Caused by another alert: the fingerprints of the inhibiting ones.
    Inhibited {
        by: Vec<String>,
    },
}

/// How far a source can be trusted right now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SourceState {
    /// Never answered yet.
    #[default]
    Never,
    /// Its last poll succeeded and is not older than three intervals.
    Fresh,
    /// No failure, but the last success is older than three intervals.
    Late,
    /// The last poll failed.
    Failing { since: Instant, error: String, next_try: Instant },
}

/// What is known of one source; the supervisor fills it, screens and `atalaya sources` show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceStatus {
    pub name: SourceName,
    /// `prometheus`, `alertmanager`, …
    pub kind: String,
    /// Where it is, without credentials.
    pub address: String,
    pub state: SourceState,
    pub interval_s: u64,
    /// Last successful poll.
    pub last_ok: Option<Instant>,
    /// How long the last poll took, in milliseconds.
    pub latency_ms: Option<u64>,
    /// How many values, states, alerts, shifts and windows the last successful poll brought.
    pub items: usize,
    pub server: String,
    pub warnings: Vec<String>,
    /// `insecure_skip_verify` is on.
    pub insecure: bool,
}
