//! Which services and alerts are in maintenance, and by which windows.
//!
//! A window mutes while it is in effect ([`Occurrence::effect`]): approved, begun, not ended, and not
//! beyond the end that was planned or granted. Overlapping windows count by depth: an alert is muted
//! until the last of them ends.

use super::occurrence::Occurrence;
use crate::domain::health::ServiceId;
use crate::domain::matcher::Labels;
use crate::domain::time::{Instant, Interval, Intervals, intervals};

/// What may be muted: an alert with its labels, or a service.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// `None`: an alert that no service claims.
    pub service: Option<&'a ServiceId>,
    pub labels: &'a Labels,
}

impl Target<'_> {
    fn is_in(&self, one: &Occurrence) -> bool {
        one.window.scope.covers(self.service, self.labels)
    }
}

/// When an occurrence mutes; never for a drill, a freeze, or one that is not approved.
pub fn mutes(one: &Occurrence) -> Option<Interval> {
    if one.window.is_muting() { one.effect() } else { None }
}

/// When a target is in maintenance: the union of what mutes it.
pub fn suppressed(occurrences: &[Occurrence], target: Target) -> Intervals {
    muting(occurrences, target).map(|(_, at)| at).collect()
}

/// How many windows mute a target, where any does; in order.
pub fn depths(occurrences: &[Occurrence], target: Target) -> Vec<(Interval, usize)> {
    intervals::depths(muting(occurrences, target).map(|(_, at)| at))
}

/// The windows that mute a target at an instant: why it is in maintenance.
pub fn covering<'a>(
    occurrences: &'a [Occurrence],
    target: Target,
    at: Instant,
) -> Vec<&'a Occurrence> {
    muting(occurrences, target).filter(|(_, i)| i.contains(at)).map(|(one, _)| one).collect()
}

/// All that mute something at an instant, to be asked about many targets.
pub fn in_force(occurrences: &[Occurrence], at: Instant) -> Vec<&Occurrence> {
    occurrences.iter().filter(|one| mutes(one).is_some_and(|i| i.contains(at))).collect()
}

/// The first instant after `now` at which something begins or ends to be muted.
pub fn next_change(occurrences: &[Occurrence], now: Instant) -> Option<Instant> {
    let edges = occurrences.iter().filter_map(mutes).flat_map(|i| [i.from, i.to]);
    edges.filter(|at| *at > now).min()
}

/// The flexible ones that begin now because one of their targets is down: approved, within their
/// time and not begun.
pub fn triggered<'a>(
    occurrences: &'a [Occurrence],
    down: &[Target],
    now: Instant,
) -> Vec<&'a Occurrence> {
    let waits = |one: &&Occurrence| {
        one.window.flexible.is_some()
            && one.status == super::Status::Approved
            && one.planned.contains(now)
    };
    let waiting = occurrences.iter().filter(waits);
    waiting.filter(|one| down.iter().any(|target| target.is_in(one))).collect()
}

fn muting<'a>(
    occurrences: &'a [Occurrence],
    target: Target,
) -> impl Iterator<Item = (&'a Occurrence, Interval)> {
    let ours = occurrences.iter().filter(move |one| target.is_in(one));
    ours.filter_map(|one| Some((one, mutes(one)?)))
}
