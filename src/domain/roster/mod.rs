//! Who is on call: people, schedules of layers, overrides, and what follows from them.
//!
//! A schedule is never stored as shifts. It is layers, over them overrides, and the shifts of any
//! interval are computed ([`shifts`]): who is on now and next, where nobody is ([`gaps`]), who carries
//! how much ([`load`]), what a change would collide with ([`concerns`]).

pub mod concerns;
pub mod escalation;
pub mod gaps;
pub mod load;
pub mod model;
pub mod shifts;
#[cfg(test)]
mod tests;

pub use model::{
    Absence, Credential, Duty, Involvement, Layer, Origin, Override, OverrideId, Person, PersonId,
    Roster, Rotation, Schedule, ScheduleId, Shift, Turn, Turns,
};
