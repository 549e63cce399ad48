//! What is asked of the systems that alerts came from: silences, downtimes, acknowledgements.
//!
//! An *order* is done once: it is a fact of the log before anything is sent ([`Event::Ordered`]),
//! claimed, tried and ended like a page, see [`super::outbox`]. What it makes upstream carries its
//! [`Order::key`], so that a try after one that nobody knows the end of finds what is there instead
//! of making it twice.
//!
//! An *acknowledgement* is a wish that lasts ([`acks`]): each pass holds what should be there against
//! what is, as maintenance is mirrored.
//!
//! [`actions`] are orders that follow from what is done to an incident, by a [`template`].
//!
//! [`cover`] says what matchers would silence, and proposes some.

pub mod acks;
pub mod actions;
pub mod cover;
mod judge;
mod model;
mod orders;
pub mod silence;
pub mod template;
#[cfg(test)]
mod tests;

pub use super::outbox::{Standing, Try};
pub use judge::{Command, Desk, Ended, Request, judge, overdue};
pub use model::{
    Call, Event, Order, OrderId, Ordered, Upstream, UpstreamKind, Upstreams, named, object,
};
pub use orders::{Due, Orders};
pub use silence::{Silence, SilenceState, Silences};
