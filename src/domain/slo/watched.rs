//! When somebody watched: what nobody reported while no console and no agent ran is not known to be good.

use chrono::TimeDelta;

use super::record::Recorder;
use super::series::{BUCKET, Bucket, Series, begin, index};
use crate::domain::time::{Instant, Interval, Intervals};

/// Under which name the store keeps when somebody watched. No objective has it: theirs have a `#`.
pub const WATCHED: &str = "watched";

/// When a console or an agent watched, be it which of them.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// For how much of each bucket.
    series: Series,
    /// The first bucket of which that was recorded; `None`: it never was.
    first: Option<i64>,
    /// When the first thing was recorded in the store; `None`: nothing ever was.
    begun: Option<Instant>,
}

/// Records that somebody watches.
#[derive(Debug, Clone, Default)]
pub struct Watching {
    recorder: Recorder,
    unsaved: Series,
}

impl Watching {
    /// Goes on with a bucket that somebody else, or this program before, watched for so long.
    pub fn resuming(number: i64, seen: Option<Bucket>) -> Self {
        Self { recorder: Recorder::resuming(number, seen), unsaved: Series::default() }
    }

    /// Somebody watches now. What is to be kept of it.
    pub fn look(&mut self, now: Instant) -> Option<&Series> {
        for (number, bucket) in self.recorder.look(now, Some(true)) {
            self.unsaved.set(number, bucket);
        }
        (!self.unsaved.is_empty()).then_some(&self.unsaved)
    }

    /// That is kept.
    pub fn kept(&mut self) {
        self.unsaved = Series::default();
    }
}

impl Watched {
    pub fn new(series: Series, begun: Option<Instant>) -> Self {
        Self { first: series.first(), series, begun }
    }

    /// In how many seconds of a bucket somebody watched. Before it was first recorded that counts as
    /// always, from the first event of the store on.
    pub fn seconds(&self, number: i64) -> i64 {
        let seen = self.series.get(number).map_or(0, |bucket| i64::from(bucket.seen));
        let is_before = self.first.is_none_or(|first| number <= first);
        let is_known = self.begun.is_some_and(|begun| number > index(begun));
        if is_before && is_known { BUCKET } else { seen }
    }

    /// When nobody did, since it is recorded. When within a bucket is not known: its end is taken.
    pub fn unwatched(&self, within: Interval) -> Intervals {
        let Some(first) = self.first else { return Intervals::empty() };
        let (from, to) = (index(within.from).max(first + 1), index(within.to));
        let missing = (from..to).filter_map(|number| {
            let seconds = TimeDelta::seconds(self.seconds(number));
            let piece = Interval::new(begin(number) + seconds, begin(number + 1));
            (!piece.is_empty()).then_some(piece)
        });
        missing.collect::<Intervals>().within(within)
    }
}
