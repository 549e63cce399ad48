//! The engine: what may happen, what it means, what must follow.
//!
//! [`core`] decides, purely; [`runtime`] feeds it, commits what it decided, and carries effects out;
//! everyone else reads [`Snapshot`]s and sends [`Command`]s through a [`Handle`].

mod agenda;
mod causes;
mod commands;
pub mod core;
mod deadlines;
mod detection;
mod draft;
mod escalation;
mod listing;
mod maintenance;
mod objectives;
pub mod outlook;
pub mod publish;
pub mod rehearsal;
pub mod reporting;
pub mod runtime;
pub mod sight;
pub mod snapshot;

pub use self::core::{Decision, Effect, Input, State};
pub use objectives::Measured;
pub use runtime::Handle;
pub use snapshot::{Part, Plan, Site, Snapshot, StoreState};

pub use crate::domain::command::Command;

#[cfg(test)]
mod tests;
