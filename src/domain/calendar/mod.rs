//! The maintenance calendar: what is planned, what it touches, and what it collides with.
//!
//! A window is a definition ([`model`]) of the plan, of people, or of a calendar of others
//! ([`stated`], and back: [`exchange`]); what takes place is never stored but expanded from it
//! ([`occurrence`]), with the records of what people did about single occurrences laid over. From
//! that follow which alerts are muted ([`suppression`]), what the owner is asked and when
//! ([`prompts`]), what a plan collides with ([`conflicts`], [`collisions`]) and where it would not
//! ([`slots`]), how inspections stand ([`inspections`]), and what other monitoring is told
//! ([`mirror`]). Only [`lifecycle`] changes anything.
//!
//! ```text
//! Command ── lifecycle::judge ──► CalendarEvent ── lifecycle::apply ──► Calendar
//!                                                        versions, records │ occurrences
//!                                  suppression, prompts, conflicts, … ◄────┘
//! ```

pub mod collisions;
pub mod conflicts;
pub mod event;
pub mod exchange;
mod imported;
pub mod inspections;
pub mod lifecycle;
pub mod mirror;
pub mod model;
pub mod occurrence;
pub mod prompts;
pub mod record;
pub mod relations;
pub mod slots;
mod state;
pub mod stated;
mod stored;
pub mod suppression;
#[cfg(test)]
mod tests;
mod words;

pub use event::{CalendarEvent, Event, Part};
pub use lifecycle::{Action, By, Command};
pub use model::*;
pub use occurrence::{Occurrence, Status, occurrences};
pub use record::{Check, CheckResult, ClosureCode, Finish, Record, Records, Stamp};
pub use state::{Calendar, Change, Exceptions, Source, Subject, Version, Windows};
pub use stored::Document;
