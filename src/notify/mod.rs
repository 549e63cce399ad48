//! The channels by which a person is told.
//!
//! [`decide`] is pure: which news is worth a [`Notification`]. [`Notifier`] carries them out without
//! ever blocking whoever hands them over: on the desktop by D-Bus, where *acknowledge* can be
//! clicked, or by the terminal, which is the app's own to write to.
//!
//! Others are paged: [`pager`] carries out, by [`channels`], what `domain::paging` has decided. And
//! [`switch`] tells those who listen for silence that there is none.

pub mod channels;
mod decide;
mod desktop;
mod notifier;
pub mod outbox;
pub mod pager;
pub mod spool;
pub mod switch;

pub use decide::{Scope, decide};
pub use notifier::{Channel, Notifier, Told};

use crate::domain::incident::{IncidentId, Priority};

/// What a person is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// One line, such as `P1 checkout`.
    pub title: String,
    pub body: String,
    /// The most urgent of what it is about.
    pub priority: Priority,
    /// `None` where it sums up several.
    pub incident: Option<IncidentId>,
    pub actions: Vec<Action>,
}

/// What can be done from within a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Acknowledge,
}

impl Action {
    /// As it travels over D-Bus.
    fn key(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
        }
    }

    /// As it stands on the button.
    fn label(self) -> &'static str {
        match self {
            Self::Acknowledge => "Acknowledge",
        }
    }
}
