//! Where something can be put.

use chrono::TimeDelta;

use super::conflicts::{Proposal, World, obstacles};
use super::model::{Length, later};
use crate::domain::time::recurrence::Start;
use crate::domain::time::{Instant, Interval, Intervals, zone};

/// How far ahead a free slot is looked for.
pub const HORIZON: TimeDelta = TimeDelta::days(90);

/// The stretch that a world has to know of for [`next_free_slot`].
pub fn search(after: Instant) -> Interval {
    Interval::new(after, later(after, HORIZON))
}

/// The first time from `after` on in which a window of that length collides with nothing that
/// blocks, within [`HORIZON`]. It begins at `after` or where something that is in the way ends.
pub fn next_free_slot(
    proposal: &Proposal,
    length: Length,
    after: Instant,
    world: &World,
) -> Option<Interval> {
    let within = search(after);
    let blocking = obstacles(proposal, within, world).into_iter().filter(|c| c.reason.blocks());
    let taken: Intervals = blocking.map(|c| c.at).collect();
    let zone = proposal.window.zone();
    let slot = |at: Instant| {
        let start = Start { at, local: zone::local(at, zone) };
        Interval::new(at, length.after(start, zone))
    };
    let free = taken.missing(within);
    free.iter().map(|gap| (gap, slot(gap.from))).find(|(gap, s)| s.to <= gap.to).map(|(_, s)| s)
}
