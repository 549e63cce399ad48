//! Incidents: what they are, how they live, and how they are found.

pub mod event;
pub mod lifecycle;
mod model;
pub mod policy;
pub mod process;
pub mod query;
pub mod similar;
pub mod views;

pub use event::{Actor, ActorKind, Event, EventBody};
pub use model::*;
