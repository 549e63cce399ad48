//! What the console knows about the world: plain data and plain functions.
//!
//! Nothing in here knows that a terminal, a network, a disk or a clock exists; every function that
//! depends on the time takes `now`. All instants are UTC, all intervals half-open.

pub mod calendar;
pub mod command;
pub mod health;
pub mod ical;
pub mod incident;
mod labels;
pub mod log;
pub mod matcher;
pub mod metrics;
pub mod observation;
pub mod outbox;
pub mod paging;
pub mod report;
pub mod roster;
pub mod sla;
pub mod slo;
pub mod text;
pub mod time;
pub mod upstream;
