//! Silences as sources show them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::domain::observation::SourceName;
use crate::domain::time::Instant;

/// How many silences of one source are kept; the rest is counted.
pub const MOST: usize = 2_000;

/// What is silenced, by source: the end that comes first stands first.
pub type Silences = BTreeMap<SourceName, Listed>;

/// The silences of one source that are not over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    pub silences: Arc<[Silence]>,
    /// How many more there are.
    pub left_out: usize,
}

/// One silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Silence {
    pub id: String,
    pub state: SilenceState,
    /// In Alertmanager's own words.
    pub matchers: String,
    /// Whoever made it said so.
    pub created_by: String,
    pub comment: String,
    pub starts_at: Instant,
    pub ends_at: Instant,
    /// How many alerts it mutes now, or would if it had begun; `None`: too many to be counted.
    pub matches: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SilenceState {
    Active,
    /// Its time has not come yet.
    Pending,
}

impl SilenceState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
        }
    }
}

/// The silence of that id, or the only one whose id begins so, with its source.
///
/// # Errors
/// There is none, or more than one.
pub fn find<'a>(silences: &'a Silences, id: &str) -> Result<(&'a SourceName, &'a Silence), String> {
    let all = || silences.iter().flat_map(|(name, l)| l.silences.iter().map(move |s| (name, s)));
    if let Some(found) = all().find(|(_, s)| s.id == id) {
        return Ok(found);
    }
    let mut like = all().filter(|(_, s)| !id.is_empty() && s.id.starts_with(id));
    match (like.next(), like.next()) {
        (Some(found), None) => Ok(found),
        (Some(_), Some(_)) => Err(format!("more than one silence begins with {id:?}; write more")),
        (None, _) => Err(format!("no silence {id:?} is active or pending")),
    }
}
