//! The words of orders.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::template::Values;
use crate::domain::incident::IncidentId;
use crate::domain::matcher::{Labels, Matchers};
use crate::domain::observation::SourceName;
use crate::domain::outbox::{Standing, Try};
use crate::domain::text;
use crate::domain::time::Instant;

/// A system that takes orders, as far as it has to be known for deciding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    pub kind: UpstreamKind,
    /// How long one try may take.
    pub timeout: TimeDelta,
    /// The actions of which it is told, each with the names of what it is told.
    pub actions: BTreeMap<String, BTreeSet<String>>,
}

/// The sources that take orders.
pub type Upstreams = BTreeMap<SourceName, Upstream>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamKind {
    /// Silences.
    Alertmanager,
    /// Downtimes and comments.
    Icinga2,
    /// It is told of actions.
    Told,
}

/// The number of an order in its store, from 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct OrderId(pub u64);

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "ORD-{}", self.0)
    }
}

impl FromStr for OrderId {
    type Err = String;

    /// `ORD-7` or `7`.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("ORD-").unwrap_or(text);
        match digits.parse() {
            Ok(n) if n > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(n)),
            _ => Err(format!("{text:?} is not an order; write it as ORD-7")),
        }
    }
}

/// What is to be done there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    /// Make a silence, from now on.
    Silence { matchers: Matchers, until: Instant, comment: String },
    /// Another end for a silence.
    Extend { silence: String, until: Instant },
    /// End a silence now.
    Expire { silence: String },
    /// Put objects (`host`, `host!service`) into a downtime, from now on.
    Downtime { objects: Vec<String>, until: Instant, comment: String },
    /// Take away the downtimes that an order made.
    EndDowntime { key: String },
    /// Comment on objects.
    Comment { objects: Vec<String>, comment: String },
    /// Tell of an action, by the template that the config has for it.
    Tell { action: String, values: Values },
}

impl Call {
    /// Which kind of upstream takes it.
    pub fn kind(&self) -> UpstreamKind {
        match self {
            Self::Silence { .. } | Self::Extend { .. } | Self::Expire { .. } => {
                UpstreamKind::Alertmanager
            }
            Self::Downtime { .. } | Self::EndDowntime { .. } | Self::Comment { .. } => {
                UpstreamKind::Icinga2
            }
            Self::Tell { .. } => UpstreamKind::Told,
        }
    }

    /// From then on nobody needs it any more.
    pub fn until(&self) -> Option<Instant> {
        match self {
            Self::Silence { until, .. }
            | Self::Extend { until, .. }
            | Self::Downtime { until, .. } => Some(*until),
            Self::Expire { .. }
            | Self::EndDowntime { .. }
            | Self::Comment { .. }
            | Self::Tell { .. } => None,
        }
    }

    /// What it is, for a person.
    pub fn words(&self) -> String {
        let end = |until: &Instant| until.format("%Y-%m-%d %H:%M UTC");
        match self {
            Self::Silence { matchers, until, .. } => {
                format!("silence {matchers} until {}", end(until))
            }
            Self::Extend { silence, until } => {
                format!("extend silence {silence} until {}", end(until))
            }
            Self::Expire { silence } => format!("expire silence {silence}"),
            Self::Downtime { objects, until, .. } => {
                format!("downtime of {} until {}", named(objects), end(until))
            }
            Self::EndDowntime { .. } => "end its downtimes".to_owned(),
            Self::Comment { objects, comment } => {
                format!("comment on {}: {comment}", named(objects))
            }
            Self::Tell { action, values } => match values.get("alert") {
                Some(alert) => format!("tell of {action} for {alert}"),
                None => format!("tell of {action}"),
            },
        }
    }
}

/// The first few by name, the rest by number.
pub fn named(objects: &[String]) -> String {
    match objects {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        [one, rest @ ..] => format!("{one} and {} more", rest.len()),
    }
}

/// The Icinga object that an alert is about: `host` or `host!service`.
pub fn object(labels: &Labels) -> Option<String> {
    let host = labels.get("host")?;
    Some(match labels.get("service") {
        Some(service) => format!("{host}!{service}"),
        None => host.clone(),
    })
}

/// What happened. Stored as JSON `{kind, …}`; a kind is never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    Ordered(Ordered),
    /// A console has claimed the next try; until then nobody else begins one.
    OrderTryBegan {
        order: OrderId,
        /// From 1.
        attempt: u32,
        until: Instant,
    },
    OrderDone {
        order: OrderId,
        attempt: u32,
        /// What came of it, where that says something.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        said: String,
        /// The id of the silence that it made or left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        made: Option<String>,
    },
    OrderFailed {
        order: OrderId,
        attempt: u32,
        why: String,
        /// When it is tried again.
        next: Instant,
    },
    OrderGivenUp {
        order: OrderId,
        why: String,
    },
}

/// One call. Complete: to carry it out needs nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ordered {
    pub id: OrderId,
    pub source: SourceName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// Whose it is, as the upstream is told.
    pub author: String,
    #[serde(flatten)]
    pub call: Call,
}

/// An order and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    #[serde(flatten)]
    pub what: Ordered,
    pub at: Instant,
    /// Who ordered.
    pub by: String,
    /// From which console session.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub session: String,
    /// How many tries have begun.
    pub attempts: u32,
    pub standing: Standing,
    /// The id of the silence that it made or left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
    /// What failed, oldest first; bounded, since tries are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Try>,
}

impl Order {
    /// The same for every try, and in no other store: `atalaya-order-7-1795801234567`.
    pub fn key(&self) -> String {
        format!("atalaya-order-{}-{}", self.what.id.0, self.at.timestamp_millis())
    }

    /// The comment as the upstream has it: it ends with the key.
    pub fn tagged(&self, comment: &str) -> String {
        format!("{} [{}]", text::clean(comment, 500), self.key())
    }

    /// Whether a comment says that this order made it.
    pub fn is_of(&self, comment: &str) -> bool {
        comment.trim_end().ends_with(&format!("[{}]", self.key()))
    }

    /// How it stands, in a few words.
    pub fn stands(&self) -> String {
        let last = self.failed.last().map(|t| format!(": {}", t.why)).unwrap_or_default();
        match &self.standing {
            Standing::Waiting { .. } if self.attempts == 0 => "waits".to_owned(),
            Standing::Waiting { .. } if self.attempts == 1 => {
                format!("failed, is tried again{last}")
            }
            Standing::Waiting { .. } => {
                format!("failed {} times, is tried again{last}", self.attempts)
            }
            Standing::Trying { .. } => "under way".to_owned(),
            Standing::Delivered { said, .. } if said.is_empty() => "done".to_owned(),
            Standing::Delivered { said, .. } => format!("done: {said}"),
            Standing::GivenUp { why, .. } => format!("given up: {why}"),
        }
    }
}

impl Event {
    /// As it is stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ordered(_) => "ordered",
            Self::OrderTryBegan { .. } => "order_try_began",
            Self::OrderDone { .. } => "order_done",
            Self::OrderFailed { .. } => "order_failed",
            Self::OrderGivenUp { .. } => "order_given_up",
        }
    }

    pub fn order(&self) -> OrderId {
        match self {
            Self::Ordered(ordered) => ordered.id,
            Self::OrderTryBegan { order, .. }
            | Self::OrderDone { order, .. }
            | Self::OrderFailed { order, .. }
            | Self::OrderGivenUp { order, .. } => *order,
        }
    }

    /// What happened, for a person.
    pub fn words(&self) -> String {
        let order = self.order();
        match self {
            Self::Ordered(ordered) => {
                let about = ordered.incident.map(|i| format!(" about {i}")).unwrap_or_default();
                format!("{order} to {}{about}: {}", ordered.source, ordered.call.words())
            }
            Self::OrderTryBegan { attempt, .. } => format!("{order}: try {attempt}"),
            Self::OrderDone { said, .. } if said.is_empty() => format!("{order} done"),
            Self::OrderDone { said, .. } => format!("{order} done: {said}"),
            Self::OrderFailed { attempt, why, .. } => {
                format!("{order}: try {attempt} failed: {why}")
            }
            Self::OrderGivenUp { why, .. } => format!("{order} given up: {why}"),
        }
    }
}
