//! What people did about single occurrences, and where it is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::model::{Key, Moved, WindowId};
use super::prompts::Prompt;
use crate::domain::time::Instant;

/// All that is known of one occurrence beyond its window. Nothing: it is planned.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Record {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Stamp>,
    /// What was approved, see [`Occurrence::terms`](super::Occurrence::terms).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    /// By a person, or by itself where it is flexible and its target went down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Stamp>,
    /// By how many seconds its end was put off.
    #[serde(default)]
    pub extended: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Finish>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Stamp>,
    /// It took place before anybody told the console, and was in effect all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Stamp>,
    /// At most one of each item, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What its owner was asked already, with the instant for which it was due.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub asked: BTreeMap<Prompt, Instant>,
}

/// Who did it and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    pub by: Arc<str>,
    pub at: Instant,
    /// By the console itself, not by a person.
    #[serde(default)]
    pub automatic: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    pub by: Arc<str>,
    /// When the work was over; not later than when it was said.
    pub at: Instant,
    pub code: ClosureCode,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosureCode {
    Successful,
    WithIssues,
    BackedOut,
    Failed,
}

/// What one item of a checklist came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its index in the checklist.
    pub item: u16,
    #[serde(flatten)]
    pub result: CheckResult,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    pub by: Arc<str>,
    pub at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum CheckResult {
    Pass,
    Fail,
    /// In the item's unit; finite.
    Value {
        value: f64,
    },
}

impl ClosureCode {
    pub const ALL: [Self; 4] = [Self::Successful, Self::WithIssues, Self::BackedOut, Self::Failed];

    /// As in `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Successful => "successful",
            Self::WithIssues => "with_issues",
            Self::BackedOut => "backed_out",
            Self::Failed => "failed",
        }
    }
}

impl Record {
    /// What an item came to.
    pub fn check(&self, item: u16) -> Option<&Check> {
        self.checks.iter().find(|check| check.item == item)
    }

    /// It may take place at another time than the rule of its window says.
    fn is_displaced(&self) -> bool {
        self.moved.is_some() || self.extended > 0 || self.started.is_some()
    }
}

/// The records by window and original local start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Records(BTreeMap<WindowId, History>);

/// The records of one window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    by_original: BTreeMap<NaiveDateTime, Arc<Record>>,
    /// Those that an interval has to be asked for although their original start is not near it.
    displaced: BTreeSet<NaiveDateTime>,
}

impl History {
    pub fn get(&self, original: NaiveDateTime) -> Option<&Arc<Record>> {
        self.by_original.get(&original)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (NaiveDateTime, &Arc<Record>)> {
        self.by_original.iter().map(|(original, record)| (*original, record))
    }

    /// In order.
    pub fn displaced(&self) -> impl Iterator<Item = NaiveDateTime> {
        self.displaced.iter().copied()
    }
}

impl Records {
    pub fn of(&self, window: &WindowId) -> Option<&History> {
        self.0.get(window)
    }

    pub fn get(&self, key: &Key) -> Option<&Arc<Record>> {
        self.of(&key.window)?.get(key.original)
    }

    /// `None` forgets it.
    pub fn set(&mut self, key: &Key, record: Option<Record>) {
        let History { by_original, displaced } = self.0.entry(key.window.clone()).or_default();
        displaced.remove(&key.original);
        let Some(record) = record else {
            by_original.remove(&key.original);
            return;
        };
        if record.is_displaced() {
            displaced.insert(key.original);
        }
        by_original.insert(key.original, Arc::new(record));
    }

    pub fn iter(&self) -> impl Iterator<Item = (Key, &Arc<Record>)> {
        self.0.iter().flat_map(|(window, history)| {
            history.iter().map(|(original, record)| (Key::new(window, original), record))
        })
    }
}
