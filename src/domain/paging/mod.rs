//! Paging: somebody is told to come, on the ways that they asked for, until it has arrived.
//!
//! A page is a fact of the log before anything is sent ([`Event::Paged`]), and so is each try:
//! claimed before it begins, ended with what came of it. What is still to be done follows from the
//! facts alone ([`Pages::due`]), so a crash, a second console and a server that was away are one
//! case: the next look. Whoever claims a try first has it, by the order of the log; a claim that
//! ends without an outcome may be taken again, and what goes out then says "possibly twice".
//!
//! [`reach`] says who is reached and how, [`judge`] what may be asked, [`Pages`] what became of it,
//! [`message`] what it says. [`escalate`] says when somebody is paged although nobody asked.

pub mod escalate;
mod judge;
pub mod message;
mod model;
mod pages;
pub mod reach;
#[cfg(test)]
mod tests;

pub use super::outbox::{Standing, Try};
pub use escalate::{Phase, Progress};
pub use judge::{Command, Ended, Request, judge, overdue};
pub(crate) use judge::{add_affected, pages_about, said, surprise};
pub use model::{
    Channel, ChannelId, ChannelKind, Delivery, Event, Page, PageId, Paged, Pager, Wishes,
};
pub use pages::{Due, Pages};
