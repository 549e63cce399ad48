//! What a chart of a budget shows: how much was left when, how much would be left if it were spent
//! evenly, and where it goes at the present pace.

use std::sync::Arc;

use chrono::TimeDelta;

use super::excluded::Excluded;
use super::series::{BUCKET, BUCKETS_A_DAY, MICRO, Series, Tally, begin, index};
use super::status::Status;
use crate::domain::time::{Instant, Interval};

/// The remaining budget over a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BurnDown {
    pub window: Interval,
    /// From the beginning of the window to `as_of`, oldest first; the last one is what is left now.
    pub points: Vec<Point>,
    /// The line of even spending: all at the beginning, nothing at the end.
    pub even: [Point; 2],
    /// From now to where the budget is spent or the window ends, at the present pace.
    pub projection: Option<[Point; 2]>,
}

/// How much of the budget is left at an instant, in parts per million; negative: more was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub at: Instant,
    pub left_ppm: i64,
}

/// What screens show of an objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub status: super::Status,
    pub burn_down: Option<BurnDown>,
    /// What it was worked out from.
    pub series: Series,
    pub excluded: Arc<Excluded>,
}

/// What was measured in a stretch of time, and how it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    pub at: Interval,
    pub tally: Tally,
}

impl Shown {
    /// What a figure over a stretch of time was worked out from, oldest first: each bucket of it, or
    /// where it is longer than a burn rate reaches each day of UTC.
    pub fn measured(&self, over: Interval) -> Vec<Measured> {
        let (from, to) = (index(over.from), index(over.to));
        let most = super::BURN_OVER.iter().map(|(_, length)| *length).max().unwrap_or_default();
        let step = if over.length() > most { BUCKETS_A_DAY } else { 1 };
        let mut found = Vec::new();
        let mut at = from;
        while at < to {
            let end = ((at.div_euclid(step) + 1) * step).min(to);
            let within = Interval::new(begin(at), begin(end));
            found.push(Measured { at: within, tally: self.tally(within) });
            at = end;
        }
        found
    }

    /// How a stretch of time was spent, in whole buckets.
    pub fn tally(&self, over: Interval) -> Tally {
        let objective = &self.status.objective;
        let counts = (objective.exclusion, objective.no_data);
        let span = (index(over.from), index(over.to));
        self.series.tally(span, &self.excluded, objective.sli.unit(), counts)
    }
}

/// The chart of a status in at most so many points (at least 2). `None`: there is no budget.
pub fn burn_down(
    status: &Status,
    series: &Series,
    excluded: &Excluded,
    most: usize,
) -> Option<BurnDown> {
    let objective = &status.objective;
    let (unit, counts) = (objective.sli.unit(), (objective.exclusion, objective.no_data));
    let left = |consumed: u128| super::Budget { consumed, ..status.budget }.left_ppm();
    let (from, until) = (index(status.window.from), index(status.as_of));
    let steps = i64::try_from(most.max(2) - 1).unwrap_or(1).min(until - from).max(1);
    let mut points = vec![Point { at: begin(from), left_ppm: left(0)? }];
    let (mut consumed, mut last) = (0, from);
    for step in 1..=steps {
        let to = from + (until - from) * step / steps;
        if to == last {
            continue;
        }
        consumed += series.tally((last, to), excluded, unit, counts).bad();
        // The parts are cut off at their edges; the whole is what everything else says.
        let now = if to == until { status.budget.consumed } else { consumed };
        points.push(Point { at: begin(to), left_ppm: left(now)? });
        last = to;
    }
    let whole = MICRO as i64;
    let Interval { from, to } = status.window;
    Some(BurnDown {
        window: status.window,
        points,
        even: [Point { at: from, left_ppm: whole }, Point { at: to, left_ppm: 0 }],
        projection: projection(status),
    })
}

fn projection(status: &Status) -> Option<[Point; 2]> {
    let left_ppm = status.budget.left_ppm().filter(|left| *left > 0)?;
    let now = Point { at: status.as_of, left_ppm };
    let pace = status.projection?;
    let to = match (status.exhausted_at, pace.end_left_ppm) {
        (Some(at), _) => Point { at, left_ppm: 0 },
        (None, Some(left_ppm)) => Point { at: status.window.to, left_ppm },
        // As far ahead as a tenth of the window: a rolling one forgets meanwhile.
        (None, None) => {
            let ahead = TimeDelta::seconds((status.window.length().num_seconds() / 10).max(BUCKET));
            let spent = i128::from(pace.milli) * i128::from(MICRO) / 10_000;
            Point { at: now.at + ahead, left_ppm: left_ppm - i64::try_from(spent).unwrap_or(0) }
        }
    };
    Some([now, to])
}
