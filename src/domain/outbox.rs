//! What goes out is stored before it goes: how one thing that is to be carried out elsewhere stands,
//! and when it is tried again.
//!
//! A try is claimed by an event before it begins and ended by another, so that compare-and-append is
//! the compare-and-set of the claim. A claim that ends without an outcome is due again.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::time::Instant;

/// How long is waited after the first failed try, the second, …; after the last it is given up.
const BACKOFF: [TimeDelta; 6] = [
    TimeDelta::seconds(10),
    TimeDelta::seconds(30),
    TimeDelta::seconds(60),
    TimeDelta::seconds(120),
    TimeDelta::seconds(300),
    TimeDelta::seconds(600),
];
/// Most tries.
pub const TRIES: u32 = BACKOFF.len() as u32 + 1;
/// However much patience a server asks for.
const LONGEST_WAIT: TimeDelta = TimeDelta::seconds(600);
/// What has not been carried out by then is of no use any more.
pub const LONGEST: TimeDelta = TimeDelta::hours(24);
/// Who claims a try has its time-out and so much more to say what came of it.
pub const SLACK: TimeDelta = TimeDelta::seconds(5);
/// How much of what went wrong is kept.
pub const MAX_WHY: usize = 300;

/// How it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// The next try is due then.
    Waiting {
        at: Instant,
    },
    /// Somebody tries, and has the right to until then.
    Trying {
        until: Instant,
    },
    Delivered {
        at: Instant,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        said: String,
    },
    GivenUp {
        at: Instant,
        why: String,
    },
}

/// A try that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    pub attempt: u32,
    pub at: Instant,
    pub why: String,
}

impl Standing {
    /// Nothing more happens to it.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Delivered { .. } | Self::GivenUp { .. })
    }

    /// When the next try may begin.
    pub fn due(&self) -> Option<Instant> {
        match self {
            Self::Waiting { at } | Self::Trying { until: at } => Some(*at),
            Self::Delivered { .. } | Self::GivenUp { .. } => None,
        }
    }

    /// As in `--json`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Trying { .. } => "trying",
            Self::Delivered { .. } => "delivered",
            Self::GivenUp { .. } => "given_up",
        }
    }
}

/// When it is tried again after that many tries; `None`: no more.
pub fn next_try(attempt: u32, asked: Option<TimeDelta>, now: Instant) -> Option<Instant> {
    let index = usize::try_from(attempt).ok()?.checked_sub(1)?;
    let wait = BACKOFF.get(index)?;
    Some(now + asked.unwrap_or_default().clamp(*wait, LONGEST_WAIT))
}

/// Why it is given up although no try said so: it took too long, or too many tries had no end.
pub fn overdue(attempts: u32, ordered: Instant, now: Instant) -> Option<String> {
    if now - ordered > LONGEST {
        Some(format!("not delivered within {} h", LONGEST.num_hours()))
    } else if attempts >= TRIES {
        Some(format!("tried {TRIES} times, and nobody knows what came of the last"))
    } else {
        None
    }
}
