//! Planned downtime, as far as buckets know it.

use super::series::{BUCKET, begin, index};
use crate::domain::calendar::{Calendar, Occurrence};
use crate::domain::health::ServiceId;
use crate::domain::matcher::Labels;
use crate::domain::time::{Instant, Interval, Intervals};

/// What is excluded, with what it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excluded {
    /// Each with what was done in it, in order of their beginnings; they may overlap.
    pub windows: Vec<(Interval, String)>,
    /// How many seconds of each bucket, in order; none is 0.
    seconds: Vec<(i64, u16)>,
}

impl Excluded {
    pub fn nothing() -> Self {
        Self::default()
    }

    /// These pieces, of which each second counts once.
    pub fn new(mut windows: Vec<(Interval, String)>) -> Self {
        windows.retain(|(at, _)| !at.is_empty());
        windows.sort();
        let all: Intervals = windows.iter().map(|(at, _)| *at).collect();
        let mut seconds: Vec<(i64, u16)> = Vec::new();
        for piece in all.iter() {
            let (from, to) = (piece.from.timestamp(), piece.to.timestamp());
            for number in index(piece.from)..=index(piece.to) {
                let start = begin(number).timestamp();
                let part = (to.min(start + BUCKET) - from.max(start)).clamp(0, BUCKET) as u16;
                match seconds.last_mut() {
                    _ if part == 0 => {}
                    Some((last, known)) if *last == number => *known += part,
                    _ => seconds.push((number, part)),
                }
            }
        }
        Self { windows, seconds }
    }

    /// What the plan calls planned downtime of a service, as far as it was in effect: approved, and no
    /// longer than planned or granted.
    pub fn of(service: &ServiceId, occurrences: &[Occurrence]) -> Self {
        let none = Labels::new();
        let ours = occurrences
            .iter()
            .filter(|one| one.window.sla_relevant && one.window.scope.covers(Some(service), &none));
        Self::new(ours.filter_map(|one| Some((one.effect()?, one.window.title()))).collect())
    }

    /// As [`Self::of`], of a whole calendar within an interval.
    pub fn planned(
        service: &ServiceId,
        calendar: &Calendar,
        within: Interval,
        now: Instant,
    ) -> Self {
        let touching = calendar.touching((Some(service), &Labels::new()), within, now);
        Self::of(service, &touching)
    }

    /// The buckets from `from` on and before `to` of which some seconds are excluded, and how many.
    pub fn within(&self, from: i64, to: i64) -> impl Iterator<Item = (i64, u16)> + '_ {
        let first = self.seconds.partition_point(|(index, _)| *index < from);
        let rest = self.seconds.get(first..).unwrap_or_default();
        rest.iter().copied().take_while(move |(index, _)| *index < to)
    }

    /// Those windows that touch an interval, cut to it.
    pub fn listed(&self, within: Interval) -> Vec<(Interval, String)> {
        let cut = |(at, what): &(Interval, String)| Some((at.overlap(within)?, what.clone()));
        self.windows.iter().filter_map(cut).collect()
    }
}
