//! What was seen, in buckets of five minutes, and their sums.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::excluded::Excluded;
use super::objective::Unit;
use crate::domain::sla::{Exclusion, NoData};
use crate::domain::time::Instant;

/// The length of a bucket, in seconds.
pub const BUCKET: i64 = 300;
pub const BUCKETS_A_DAY: i64 = 86_400 / BUCKET;
/// How many parts one event or one second has in which amounts are counted.
pub const MICRO: u64 = 1_000_000;

/// Five minutes, on the grid of UTC. Amounts are millionths of an event or of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bucket {
    /// At most `total`.
    pub good: u64,
    pub total: u64,
    /// Of how many seconds of it something is known; 0: of none.
    pub seen: u16,
}

/// The buckets of one day of UTC, and their sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    buckets: Vec<Bucket>,
    sum: Sum,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sum {
    good: u128,
    total: u128,
    seen: i64,
}

/// All that is known; a copy of it shares its days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    days: BTreeMap<i64, Arc<Day>>,
}

/// How a stretch of time was spent, with what is excluded counted as it is to be. Amounts are
/// millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub good: u128,
    pub total: u128,
    /// Seconds, all of them.
    pub elapsed: i64,
    /// Seconds of which something is known.
    pub seen: i64,
    /// Seconds that are excluded of those of which something is known, whichever way they count.
    pub excluded: i64,
    /// Seconds of which nothing is known and that are not excluded.
    pub missing: i64,
}

/// The bucket that an instant lies in.
pub fn index(at: Instant) -> i64 {
    at.timestamp().div_euclid(BUCKET)
}

/// When a bucket begins.
pub fn begin(index: i64) -> Instant {
    Instant::from_timestamp(index.saturating_mul(BUCKET), 0).unwrap_or_default()
}

impl Bucket {
    /// Seconds up and down; what is more than a bucket has is left out.
    pub fn of_time(up: u16, down: u16) -> Self {
        let down = down.min(BUCKET as u16);
        let up = up.min(BUCKET as u16 - down);
        let (good, seen) = (u64::from(up) * MICRO, up + down);
        Self { good, total: u64::from(seen) * MICRO, seen }
    }

    pub fn bad(self) -> u64 {
        self.total.saturating_sub(self.good)
    }

    fn sound(self) -> Self {
        let seen = self.seen.min(BUCKET as u16);
        if seen == 0 {
            Self::default()
        } else {
            Self { good: self.good.min(self.total), seen, ..self }
        }
    }
}

impl Default for Day {
    fn default() -> Self {
        Self { buckets: vec![Bucket::default(); BUCKETS_A_DAY as usize], sum: Sum::default() }
    }
}

impl Day {
    /// Those that are known, with their places in the day.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Bucket)> + '_ {
        self.buckets.iter().copied().enumerate().filter(|(_, b)| b.seen > 0)
    }

    /// `None`: nothing is known of it.
    pub fn get(&self, place: usize) -> Option<Bucket> {
        self.buckets.get(place).copied().filter(|b| b.seen > 0)
    }

    /// Puts a bucket in its place; `false` where that changes nothing.
    fn set(&mut self, place: usize, bucket: Bucket) -> bool {
        let Some(known) = self.buckets.get_mut(place).filter(|known| **known != bucket) else {
            return false;
        };
        self.sum.take(*known);
        self.sum.add(bucket);
        *known = bucket;
        true
    }
}

impl Sum {
    fn add(&mut self, bucket: Bucket) {
        self.good += u128::from(bucket.good);
        self.total += u128::from(bucket.total);
        self.seen += i64::from(bucket.seen);
    }

    fn take(&mut self, bucket: Bucket) {
        self.good -= u128::from(bucket.good);
        self.total -= u128::from(bucket.total);
        self.seen -= i64::from(bucket.seen);
    }

    fn with(self, other: Self) -> Self {
        Self {
            good: self.good + other.good,
            total: self.total + other.total,
            seen: self.seen + other.seen,
        }
    }
}

impl Series {
    /// Takes a bucket over: it replaces what was known, unless more was seen then. So it does not
    /// matter how often, by whom and in which order the same is taken over. `false`: nothing changed.
    pub fn set(&mut self, index: i64, bucket: Bucket) -> bool {
        let bucket = bucket.sound();
        let known = self.get(index).map_or(0, |b| b.seen);
        if bucket.seen < known || bucket.seen == 0 {
            return false;
        }
        let day = self.days.entry(index.div_euclid(BUCKETS_A_DAY)).or_default();
        Arc::make_mut(day).set(place(index), bucket)
    }

    /// `None`: nothing is known of it.
    pub fn get(&self, index: i64) -> Option<Bucket> {
        self.days.get(&index.div_euclid(BUCKETS_A_DAY))?.get(place(index))
    }

    /// The days of which something is known, by their number since 1970.
    pub fn days(&self) -> impl DoubleEndedIterator<Item = (i64, &Arc<Day>)> {
        self.days.iter().map(|(day, buckets)| (*day, buckets))
    }

    /// One day of it alone.
    pub fn only(&self, number: i64) -> Self {
        let day = self.days.get(&number).map(|day| (number, Arc::clone(day)));
        Self { days: day.into_iter().collect() }
    }

    pub fn day(&self, number: i64) -> Option<&Arc<Day>> {
        self.days.get(&number)
    }

    /// Takes all of another one over, bucket by bucket as [`Self::set`] does; `false`: nothing changed.
    pub fn merge(&mut self, other: &Self) -> bool {
        let mut changed = false;
        for (number, day) in &other.days {
            match self.days.get(number) {
                None => {
                    self.days.insert(*number, Arc::clone(day));
                    changed = true;
                }
                Some(known) if Arc::ptr_eq(known, day) => {}
                Some(_) => {
                    for (place, bucket) in day.iter() {
                        changed |= self.set(number * BUCKETS_A_DAY + place as i64, bucket);
                    }
                }
            }
        }
        changed
    }

    /// The last bucket of which something is known.
    pub fn last(&self) -> Option<i64> {
        let (number, day) = self.days.last_key_value()?;
        let place = day.buckets.iter().rposition(|b| b.seen > 0)?;
        Some(number * BUCKETS_A_DAY + place as i64)
    }

    /// The first bucket of which something is known.
    pub fn first(&self) -> Option<i64> {
        let (number, day) = self.days.first_key_value()?;
        let place = day.buckets.iter().position(|b| b.seen > 0)?;
        Some(number * BUCKETS_A_DAY + place as i64)
    }

    /// Drops whole days before that one.
    pub fn forget_before(&mut self, day: i64) {
        self.days = self.days.split_off(&day);
    }

    /// Whether anything good was ever seen.
    pub fn has_good(&self) -> bool {
        self.days.values().any(|day| day.sum.good > 0)
    }

    /// Whether anything bad was ever seen.
    pub fn has_bad(&self) -> bool {
        self.days.values().any(|day| day.sum.good < day.sum.total)
    }

    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// How the buckets from `from` on and before `to` were spent. A bucket that is excluded in part
    /// counts in part, its good and its bad alike, since it is not known when in it they were.
    ///
    /// What is unknown and counts as bad is time; where events are counted, it is as many as in the
    /// same time of what is known.
    pub fn tally(
        &self,
        (from, to): (i64, i64),
        excluded: &Excluded,
        unit: Unit,
        (exclusion, no_data): (Exclusion, NoData),
    ) -> Tally {
        let sum = self.sum(from, to);
        let elapsed = (to - from).max(0) * BUCKET;
        let mut tally = Tally {
            good: sum.good,
            total: sum.total,
            elapsed,
            seen: sum.seen,
            excluded: 0,
            missing: elapsed - sum.seen,
        };
        for (index, seconds) in excluded.within(from, to) {
            let bucket = self.get(index).unwrap_or_default();
            let (seen, seconds) = (i64::from(bucket.seen), i64::from(seconds));
            let part = |amount: u64| u128::from(amount) * seconds as u128 / BUCKET as u128;
            let (lost, bad) = (part(bucket.total), part(bucket.bad()));
            tally.excluded += seen * seconds / BUCKET;
            tally.missing -= (BUCKET - seen) * seconds / BUCKET;
            match exclusion {
                Exclusion::Excuse => tally.good += bad,
                Exclusion::Remove => {
                    tally.total -= lost;
                    tally.good -= lost - bad;
                }
            }
        }
        if no_data == NoData::Bad {
            let missing = tally.missing as u128;
            tally.total += match unit {
                Unit::Seconds => missing * u128::from(MICRO),
                Unit::Events if sum.seen == 0 => 0,
                Unit::Events => sum.total * missing / sum.seen as u128,
            };
        }
        tally
    }

    /// Whole days by their sums.
    fn sum(&self, from: i64, to: i64) -> Sum {
        if to <= from {
            return Sum::default();
        }
        let (first, last) = (from.div_euclid(BUCKETS_A_DAY), (to - 1).div_euclid(BUCKETS_A_DAY));
        self.days.range(first..=last).fold(Sum::default(), |all, (number, day)| {
            let start = number * BUCKETS_A_DAY;
            let (from, to) = ((from - start).max(0), (to - start).min(BUCKETS_A_DAY));
            if (from, to) == (0, BUCKETS_A_DAY) {
                return all.with(day.sum);
            }
            let some = day.buckets.get(from as usize..to as usize).unwrap_or_default();
            all.with(some.iter().fold(Sum::default(), |mut sum, bucket| {
                sum.add(*bucket);
                sum
            }))
        })
    }
}

impl Tally {
    pub fn bad(&self) -> u128 {
        self.total - self.good
    }

    /// Which part is good in parts per million, cut off downwards; `None` where nothing counts.
    pub fn good_ppm(&self) -> Option<u32> {
        (self.total > 0).then(|| (self.good * u128::from(MICRO) / self.total) as u32)
    }

    /// Of which part of the time something is known, in parts per million, cut off downwards.
    pub fn coverage_ppm(&self) -> u32 {
        if self.elapsed <= 0 { 0 } else { (self.seen * MICRO as i64 / self.elapsed) as u32 }
    }
}

fn place(index: i64) -> usize {
    index.rem_euclid(BUCKETS_A_DAY) as usize
}
