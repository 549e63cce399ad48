//! The views that all consoles of a store have: which changes exist, when they are allowed, what they
//! mean.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::View;
use crate::domain::log::Recorded;
use crate::domain::time::Instant;

/// The most that a store keeps.
const MOST: usize = 200;

/// What a person asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Save it for all. `over`: the view of that name that was there is meant to go, as it was at
    /// that position; 0 where none was seen.
    Save {
        view: View,
        over: u64,
    },
    Delete {
        name: String,
    },
}

/// What happened. Stored as JSON `{kind, …}`; a kind is never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    ViewSaved { view: View },
    ViewDeleted { name: String },
}

/// A view, and who saved it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    pub view: View,
    pub by: String,
    pub at: Instant,
    /// The position of the event that saved it.
    pub version: u64,
}

/// All of them, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SharedViews(BTreeMap<String, Shared>);

/// What a command means as things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    Do {
        event: Event,
        said: String,
    },
    Already(String),
    Refused(String),
    /// Somebody was faster.
    Conflict(String),
}

impl Event {
    /// As it is stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ViewSaved { .. } => "view_saved",
            Self::ViewDeleted { .. } => "view_deleted",
        }
    }

    /// Of which view.
    pub fn name(&self) -> &str {
        match self {
            Self::ViewSaved { view } => &view.name,
            Self::ViewDeleted { name } => name,
        }
    }

    /// What happened, for a person.
    pub fn words(&self) -> String {
        match self {
            Self::ViewSaved { view } => format!("view {:?} saved: {}", view.name, view.query),
            Self::ViewDeleted { name } => format!("view {name:?} deleted"),
        }
    }
}

impl SharedViews {
    /// As they are kept.
    pub fn restored(views: impl IntoIterator<Item = Shared>) -> Self {
        Self(views.into_iter().map(|shared| (shared.view.name.clone(), shared)).collect())
    }

    pub fn get(&self, name: &str) -> Option<&Shared> {
        self.0.get(name)
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Shared> {
        self.0.values()
    }

    /// What a command means.
    pub fn judge(&self, command: &Command) -> Judged {
        match command {
            Command::Save { view, over } => self.judge_saving(view, *over),
            Command::Delete { name } if self.0.contains_key(name) => Judged::Do {
                event: Event::ViewDeleted { name: name.clone() },
                said: format!("view {name:?} deleted for everybody"),
            },
            Command::Delete { name } => {
                Judged::Refused(format!("there is no shared view {name:?}; v lists them"))
            }
        }
    }

    fn judge_saving(&self, view: &View, over: u64) -> Judged {
        if let Some(why) = view.wrong() {
            return Judged::Refused(why);
        }
        let name = &view.name;
        match self.0.get(name) {
            Some(known) if known.view == *view => {
                return Judged::Already(format!("view {name:?} is so already"));
            }
            Some(known) if known.version != over => {
                let why = format!(
                    "{} saved a view {name:?} meanwhile; save again to write over it",
                    known.by
                );
                return Judged::Conflict(why);
            }
            None if self.0.len() >= MOST => {
                let why = format!("{MOST} views are shared already; delete one first");
                return Judged::Refused(why);
            }
            _ => {}
        }
        Judged::Do {
            event: Event::ViewSaved { view: view.clone() },
            said: format!("view {name:?} saved for everybody"),
        }
    }

    /// Folds one event.
    pub fn apply(&mut self, event: &Recorded<Event>) {
        match &event.body {
            Event::ViewSaved { view } => {
                let shared = Shared {
                    view: view.clone(),
                    by: event.actor.name.clone(),
                    at: event.at,
                    version: event.position,
                };
                self.0.insert(view.name.clone(), shared);
            }
            Event::ViewDeleted { name } => {
                self.0.remove(name);
            }
        }
    }
}
