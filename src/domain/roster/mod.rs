//! Who is on call: people, schedules of layers, overrides, and what follows from them.
//!
//! A schedule is never stored as shifts. It is layers, over them overrides, and the shifts of any
//! interval are computed ([`shifts`]): who is on now and next
//! ([`now`]), where nobody is ([`gaps`]), who carries
//! how much ([`load`]), what a change would collide with ([`concerns`]). What people change is in the
//! [`book`]; what calendars of others say, in [`stated`].

pub mod book;
pub mod concerns;
pub mod escalation;
pub mod exchange;
pub mod gaps;
pub mod load;
pub mod model;
pub mod now;
pub mod shifts;
pub mod stated;
#[cfg(test)]
mod tests;

pub use book::{Book, Change};
pub use model::{
    Absence, Credential, Duty, Involvement, Layer, Origin, Override, OverrideId, Person, PersonId,
    Roster, Rotation, Schedule, ScheduleId, Shift, Turn, Turns,
};
