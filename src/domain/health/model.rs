//! Services and signals as data.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::matcher::{Labels, Matchers};

/// A service's id as in the configuration: lower case, digits, `-`, `_`, `.`, `/`, `:`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceId(pub Arc<str>);

/// The name of a signal, unique within its service.
pub type SignalName = Arc<str>;

/// How well something is. The order is the order of concern: the greatest is shown first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ok,
    Maintenance,
    Unknown,
    Warning,
    Critical,
}

/// The four dimensions by which a service plan monitors.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    #[default]
    Performance,
    Stability,
    Security,
    Availability,
}

/// Something that a customer or a colleague would name when it breaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    pub id: ServiceId,
    pub name: String,
    /// 1 (most important) to 4.
    pub tier: u8,
    pub team: Option<String>,
    /// The policy by which people are paged for it, if it is not that of its team.
    pub escalation: Option<Arc<str>>,
    pub parent: Option<ServiceId>,
    pub depends_on: Vec<ServiceId>,
    /// Which alerts belong to it; any of them is enough.
    pub matchers: Vec<Matchers>,
    pub runbooks: Vec<String>,
    /// Name → URL, `http` and `https` only.
    pub links: BTreeMap<String, String>,
    pub signals: Vec<Signal>,
    /// How many of its children must be healthy for it to be; `None`: all.
    pub quorum: Option<u32>,
}

/// A number over time that tells about a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    pub name: SignalName,
    pub dimension: Dimension,
    /// The source that measures it.
    pub source: Arc<str>,
    /// What to ask that source: PromQL, a JSONPath, a host metric, a probe's URL.
    pub query: String,
    /// `s`, `%`, `ratio`, `B`, `B/s`, `/s`, or any text; see [`crate::domain::text::value`].
    pub unit: String,
    pub thresholds: Thresholds,
    /// Whether crossing a threshold raises an incident by itself (built-in rules do; where an
    /// Alertmanager alerts, thresholds only colour).
    pub raises: bool,
}

/// When a value is too high (or too low), and how long it must be so.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Thresholds {
    pub warn: Option<f64>,
    pub crit: Option<f64>,
    pub direction: Direction,
    /// How long the value must be beyond the threshold before the state changes (`for`).
    pub hold: TimeDelta,
    /// How far back, as a fraction of the threshold, the value must come before the state improves.
    pub hysteresis: f64,
}

/// On which side of a threshold the trouble is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    #[default]
    Above,
    Below,
}

impl ServiceId {
    pub fn new(id: &str) -> Self {
        Self(Arc::from(id))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Service {
    /// A service of which only the id is known.
    pub fn new(id: &str) -> Self {
        Self {
            id: ServiceId::new(id),
            name: id.to_owned(),
            tier: 3,
            team: None,
            escalation: None,
            parent: None,
            depends_on: Vec::new(),
            matchers: Vec::new(),
            runbooks: Vec::new(),
            links: BTreeMap::new(),
            signals: Vec::new(),
            quorum: None,
        }
    }
}

/// The service to which an alert with these labels belongs: the first whose matchers fit, else the
/// one without matchers that the label `service` names.
pub fn claimant<'a>(services: &'a [Arc<Service>], labels: &Labels) -> Option<&'a Arc<Service>> {
    let claims = |s: &&Arc<Service>| s.matchers.iter().any(|m| m.matches(labels));
    services.iter().find(claims).or_else(|| {
        let named = labels.get("service")?;
        services.iter().find(|s| s.matchers.is_empty() && s.id.as_str() == named)
    })
}

impl State {
    /// From the most to the least concerning.
    pub const ALL: [Self; 5] =
        [Self::Critical, Self::Warning, Self::Unknown, Self::Maintenance, Self::Ok];

    /// The word that screens and `--json` use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
            Self::Maintenance => "maintenance",
        }
    }

    /// Whether somebody should look.
    pub fn is_red(self) -> bool {
        matches!(self, Self::Critical | Self::Warning)
    }
}

impl Dimension {
    pub const ALL: [Self; 4] =
        [Self::Performance, Self::Stability, Self::Security, Self::Availability];

    pub fn word(self) -> &'static str {
        match self {
            Self::Performance => "performance",
            Self::Stability => "stability",
            Self::Security => "security",
            Self::Availability => "availability",
        }
    }
}
