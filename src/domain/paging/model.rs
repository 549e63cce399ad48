//! The words of paging.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::incident::{IncidentId, Priority};
use crate::domain::outbox::{Standing, Try};
use crate::domain::roster::PersonId;
use crate::domain::time::{Instant, WeekHours};

/// Who pages by the policies, among all processes on a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Pager {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    Nobody,
    /// This process. `alone`: nobody is there who would take over at once.
    Here {
        alone: bool,
    },
    /// Another one, by its name: `agent 4711 on ops1`.
    Other(String),
}

/// `id` in `[[notify.channels]]`.
pub type ChannelId = Arc<str>;

/// A way to reach people, as far as it has to be known for deciding. Addresses and credentials are
/// the business of whoever sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub id: ChannelId,
    pub kind: ChannelKind,
    /// How long one try may take.
    pub timeout: TimeDelta,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    Webhook,
    Mail,
    Command,
}

impl ChannelKind {
    /// By its word in the config.
    pub const WORDS: [(&str, Self); 3] =
        [("webhook", Self::Webhook), ("mail", Self::Mail), ("command", Self::Command)];
}

/// How somebody wants to be paged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// All of them are used, in this order.
    pub channels: Vec<ChannelId>,
    /// Nothing but a P1 then; in the person's own zone.
    pub quiet: WeekHours,
    /// Nothing less urgent than this.
    pub min_priority: Priority,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { channels: Vec::new(), quiet: WeekHours::default(), min_priority: Priority(5) }
    }
}

/// The number of a page in its store, from 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct PageId(pub u64);

impl fmt::Display for PageId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "PAGE-{}", self.0)
    }
}

impl FromStr for PageId {
    type Err = String;

    /// `PAGE-7` or `7`.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix("PAGE-").unwrap_or(text);
        match digits.parse() {
            Ok(n) if n > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(n)),
            _ => Err(format!("{text:?} is not a page; write it as PAGE-7")),
        }
    }
}

/// What happened. Stored as JSON `{kind, …}`; a kind is never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    Paged(Paged),
    /// A console has claimed the next try; until then nobody else begins one.
    PageTryBegan {
        page: PageId,
        channel: ChannelId,
        /// From 1.
        attempt: u32,
        until: Instant,
    },
    PageDelivered {
        page: PageId,
        channel: ChannelId,
        attempt: u32,
        /// What the other side said, if that says something.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        said: String,
    },
    PageFailed {
        page: PageId,
        channel: ChannelId,
        attempt: u32,
        why: String,
        /// When it is tried again.
        next: Instant,
        /// It may have arrived all the same.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unsure: bool,
    },
    PageGivenUp {
        page: PageId,
        channel: ChannelId,
        why: String,
    },
}

/// One person is paged. Complete: what is sent needs no incident to be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paged {
    pub id: PageId,
    pub person: PersonId,
    /// As what they were reached: `core 1`, `person:ana`.
    pub target: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// What it is about, in one line.
    pub subject: String,
    /// What whoever paged wrote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What else there is to know of the incident: how much it affects, what was reported.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub details: String,
    pub channels: Vec<ChannelId>,
    /// Only to see whether it arrives.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
}

/// A page and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    #[serde(flatten)]
    pub what: Paged,
    pub at: Instant,
    /// Who paged.
    pub by: String,
    /// From which console session.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub session: String,
    /// In the order of the channels.
    pub deliveries: Vec<Delivery>,
}

/// A page on one channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    pub channel: ChannelId,
    /// How many tries have begun.
    pub attempts: u32,
    /// One of them may have arrived although nobody knows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsure: bool,
    pub standing: Standing,
    /// What failed, oldest first; bounded, since tries are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Try>,
}

impl Page {
    pub fn is_settled(&self) -> bool {
        self.deliveries.iter().all(|d| d.standing.is_settled())
    }

    /// It has arrived in at least one way.
    pub fn has_arrived(&self) -> bool {
        self.deliveries.iter().any(|d| matches!(d.standing, Standing::Delivered { .. }))
    }

    pub fn delivery(&self, channel: &str) -> Option<&Delivery> {
        self.deliveries.iter().find(|d| *d.channel == *channel)
    }

    /// The same for every try, and in no other store: `atalaya-page-7-1795801234567-mail`.
    pub fn key(&self, channel: &str) -> String {
        let (id, at) = (self.what.id.0, self.at.timestamp_millis());
        format!("atalaya-page-{id}-{at}-{channel}")
    }
}

impl Event {
    /// As it is stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Paged(_) => "paged",
            Self::PageTryBegan { .. } => "page_try_began",
            Self::PageDelivered { .. } => "page_delivered",
            Self::PageFailed { .. } => "page_failed",
            Self::PageGivenUp { .. } => "page_given_up",
        }
    }

    pub fn page(&self) -> PageId {
        match self {
            Self::Paged(paged) => paged.id,
            Self::PageTryBegan { page, .. }
            | Self::PageDelivered { page, .. }
            | Self::PageFailed { page, .. }
            | Self::PageGivenUp { page, .. } => *page,
        }
    }

    /// What happened, for a person.
    pub fn words(&self) -> String {
        let page = self.page();
        match self {
            Self::Paged(paged) => {
                let about = paged.incident.map(|i| format!(" about {i}")).unwrap_or_default();
                let text = if paged.text.is_empty() { &paged.subject } else { &paged.text };
                let (person, by) = (&paged.person, paged.channels.join(", "));
                format!("{page} to {person} ({}){about} by {by}: {text}", paged.target)
            }
            Self::PageTryBegan { channel, attempt, .. } => {
                format!("{page} by {channel}: try {attempt}")
            }
            Self::PageDelivered { channel, said, .. } if said.is_empty() => {
                format!("{page} delivered by {channel}")
            }
            Self::PageDelivered { channel, said, .. } => {
                format!("{page} delivered by {channel}: {said}")
            }
            Self::PageFailed { channel, attempt, why, .. } => {
                format!("{page} by {channel}: try {attempt} failed: {why}")
            }
            Self::PageGivenUp { channel, why, .. } => {
                format!("{page} by {channel} given up: {why}")
            }
        }
    }
}
