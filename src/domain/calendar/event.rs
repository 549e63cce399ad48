//! What happened to the calendar: the facts that are stored, and of which everything else is a fold.
//!
//! Stored as JSON `{kind, v, …}` in the one log. A kind is never changed, only added or given a new
//! `v` with an upcaster on reading; kinds differ from those of incidents.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::model::{FreezeException, Key, Moved, Window, WindowId};
use super::prompts::Prompt;
use super::record::{CheckResult, ClosureCode, Record};
use super::words;
use crate::domain::incident::Actor;
use crate::domain::log::Recorded;
use crate::domain::time::Instant;

/// One stored fact.
pub type Event = Recorded<CalendarEvent>;

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CalendarEvent {
    WindowAdded {
        window: Box<Window>,
    },
    /// From now on it is otherwise; what took place stays as it was.
    WindowChanged {
        window: Box<Window>,
    },
    /// It takes place no more.
    WindowWithdrawn {
        window: WindowId,
        reason: String,
    },
    /// It took place, and only now the console is told.
    WindowDeclared {
        window: Box<Window>,
        code: ClosureCode,
        reason: String,
    },
    /// The last change of a window taken back: that it was added, changed, declared or withdrawn.
    WindowRestored {
        window: WindowId,
        what: String,
    },
    FreezeExceptionAdded {
        freeze: WindowId,
        exception: FreezeException,
    },
    /// Taken back.
    FreezeExceptionWithdrawn {
        freeze: WindowId,
        exception: FreezeException,
    },
    OccurrenceApproved {
        #[serde(flatten)]
        key: Key,
        /// What was approved, see [`Occurrence::terms`](super::Occurrence::terms); events of before do
        /// not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<String>,
    },
    /// By a person; by the console where it is flexible and its target went down.
    OccurrenceStarted {
        #[serde(flatten)]
        key: Key,
    },
    OccurrenceExtended {
        #[serde(flatten)]
        key: Key,
        /// Later than before.
        seconds: u32,
    },
    OccurrenceFinished {
        #[serde(flatten)]
        key: Key,
        /// When the work was over.
        ended: Instant,
        code: ClosureCode,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
    },
    OccurrenceCancelled {
        #[serde(flatten)]
        key: Key,
        reason: String,
    },
    OccurrenceMoved {
        #[serde(flatten)]
        key: Key,
        to: Moved,
    },
    OccurrenceChecked {
        #[serde(flatten)]
        key: Key,
        /// The index of the item in the checklist.
        item: u16,
        #[serde(flatten)]
        result: CheckResult,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
    },
    /// What was done just before was done although this spoke against it.
    Forced {
        window: WindowId,
        reasons: Vec<String>,
    },
    /// Whoever is responsible was asked.
    OccurrenceAsked {
        #[serde(flatten)]
        key: Key,
        prompt: Prompt,
        /// The instant for which it was due.
        due: Instant,
    },
    /// An own action taken back: the record as it was before.
    OccurrenceUndone {
        #[serde(flatten)]
        key: Key,
        what: String,
        record: Option<Box<Record>>,
    },
}

impl CalendarEvent {
    /// The stored `kind`, also the word on the timeline.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::WindowAdded { .. } => "window_added",
            Self::WindowChanged { .. } => "window_changed",
            Self::WindowWithdrawn { .. } => "window_withdrawn",
            Self::WindowDeclared { .. } => "window_declared",
            Self::WindowRestored { .. } => "window_restored",
            Self::FreezeExceptionAdded { .. } => "freeze_exception_added",
            Self::FreezeExceptionWithdrawn { .. } => "freeze_exception_withdrawn",
            Self::OccurrenceApproved { .. } => "occurrence_approved",
            Self::OccurrenceStarted { .. } => "occurrence_started",
            Self::OccurrenceExtended { .. } => "occurrence_extended",
            Self::OccurrenceFinished { .. } => "occurrence_finished",
            Self::OccurrenceCancelled { .. } => "occurrence_cancelled",
            Self::OccurrenceMoved { .. } => "occurrence_moved",
            Self::OccurrenceChecked { .. } => "occurrence_checked",
            Self::Forced { .. } => "forced",
            Self::OccurrenceAsked { .. } => "occurrence_asked",
            Self::OccurrenceUndone { .. } => "occurrence_undone",
        }
    }

    /// What happened, for a person.
    pub fn words(&self) -> String {
        words::told(self)
    }

    /// What it changes of what is kept; it may be more than one.
    pub fn touches(&self) -> Vec<Part> {
        match self {
            Self::Forced { .. } => Vec::new(),
            Self::WindowAdded { window } | Self::WindowChanged { window } => {
                vec![Part::Window(window.id.clone())]
            }
            Self::WindowDeclared { window, .. } => {
                let key = Key::new(&window.id, window.recurrence.start);
                vec![Part::Window(window.id.clone()), Part::Occurrence(key)]
            }
            Self::WindowWithdrawn { window, .. } | Self::WindowRestored { window, .. } => {
                vec![Part::Window(window.clone())]
            }
            Self::FreezeExceptionAdded { freeze, .. }
            | Self::FreezeExceptionWithdrawn { freeze, .. } => {
                vec![Part::Exceptions(freeze.clone())]
            }
            Self::OccurrenceApproved { key, .. }
            | Self::OccurrenceStarted { key }
            | Self::OccurrenceExtended { key, .. }
            | Self::OccurrenceFinished { key, .. }
            | Self::OccurrenceCancelled { key, .. }
            | Self::OccurrenceMoved { key, .. }
            | Self::OccurrenceChecked { key, .. }
            | Self::OccurrenceAsked { key, .. }
            | Self::OccurrenceUndone { key, .. } => vec![Part::Occurrence(key.clone())],
        }
    }

    /// The window that it is about.
    pub fn window(&self) -> &WindowId {
        match self {
            Self::WindowAdded { window }
            | Self::WindowChanged { window }
            | Self::WindowDeclared { window, .. } => &window.id,
            Self::WindowWithdrawn { window, .. }
            | Self::WindowRestored { window, .. }
            | Self::Forced { window, .. } => window,
            Self::FreezeExceptionAdded { freeze, .. }
            | Self::FreezeExceptionWithdrawn { freeze, .. } => freeze,
            Self::OccurrenceApproved { key, .. }
            | Self::OccurrenceStarted { key }
            | Self::OccurrenceExtended { key, .. }
            | Self::OccurrenceFinished { key, .. }
            | Self::OccurrenceCancelled { key, .. }
            | Self::OccurrenceMoved { key, .. }
            | Self::OccurrenceChecked { key, .. }
            | Self::OccurrenceAsked { key, .. }
            | Self::OccurrenceUndone { key, .. } => &key.window,
        }
    }
}

/// What an event touched, and is kept beside the log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A window that people made, with its versions.
    Window(WindowId),
    /// What people did about one occurrence.
    Occurrence(Key),
    /// The exceptions that were granted from a freeze.
    Exceptions(WindowId),
}

/// An event's actor as a name that is cheap to keep.
pub(super) fn name(actor: &Actor) -> Arc<str> {
    Arc::from(actor.name.as_str())
}
