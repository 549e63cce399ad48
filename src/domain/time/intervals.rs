//! Sets of instants, as half-open intervals, and their algebra. Rosters, gaps, business clocks,
//! suppression and availability are written in it.

use chrono::TimeDelta;

use super::Instant;

/// The instants from `from` on and before `to`. Never empty inside [`Intervals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    pub from: Instant,
    pub to: Instant,
}

impl Interval {
    pub fn new(from: Instant, to: Instant) -> Self {
        Self { from, to }
    }

    pub fn is_empty(self) -> bool {
        self.to <= self.from
    }

    /// Zero where it ends before it begins.
    pub fn length(self) -> TimeDelta {
        (self.to - self.from).max(TimeDelta::zero())
    }

    pub fn contains(self, at: Instant) -> bool {
        self.from <= at && at < self.to
    }

    /// What both have; `None` if that is nothing.
    pub fn overlap(self, other: Self) -> Option<Self> {
        let both = Self { from: self.from.max(other.from), to: self.to.min(other.to) };
        (!both.is_empty()).then_some(both)
    }
}

/// A set of instants: intervals in order, none empty, none touching the next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Intervals(Vec<Interval>);

impl Intervals {
    pub fn empty() -> Self {
        Self::default()
    }

    /// In order.
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = Interval> + DoubleEndedIterator + Clone + '_ {
        self.0.iter().copied()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn first(&self) -> Option<Interval> {
        self.0.first().copied()
    }

    pub fn last(&self) -> Option<Interval> {
        self.0.last().copied()
    }

    /// How long all of it is.
    pub fn length(&self) -> TimeDelta {
        self.iter().fold(TimeDelta::zero(), |sum, i| sum + i.length())
    }

    /// In O(log n).
    pub fn contains(&self, at: Instant) -> bool {
        self.around(at).is_some()
    }

    /// The interval that `at` lies in.
    pub fn around(&self, at: Instant) -> Option<Interval> {
        let next = self.0.partition_point(|i| i.to <= at);
        self.0.get(next).copied().filter(|i| i.contains(at))
    }

    /// The instants in either.
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).collect()
    }

    /// The instants in both, in O(n + m).
    pub fn intersection(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        let (mut ours, mut theirs) = (self.iter().peekable(), other.iter().peekable());
        while let (Some(&a), Some(&b)) = (ours.peek(), theirs.peek()) {
            both.extend(a.overlap(b));
            // What ends first meets nothing more.
            if a.to <= b.to {
                ours.next();
            } else {
                theirs.next();
            }
        }
        Self(both)
    }

    /// The instants in this set and not in the other, in O(n + m).
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        let mut holes = other.iter().peekable();
        for mut piece in self.iter() {
            while holes.next_if(|hole| hole.to <= piece.from).is_some() {}
            while let Some(&hole) = holes.peek()
                && hole.from < piece.to
            {
                let before = Interval { from: piece.from, to: hole.from };
                if !before.is_empty() {
                    rest.push(before);
                }
                piece.from = hole.to.min(piece.to);
                if hole.to > piece.to {
                    break;
                }
                holes.next();
            }
            if !piece.is_empty() {
                rest.push(piece);
            }
        }
        Self(rest)
    }

    /// The part of it inside an interval.
    pub fn within(&self, limits: Interval) -> Self {
        self.intersection(&limits.into())
    }

    /// What an interval has beyond it: the gaps.
    pub fn missing(&self, within: Interval) -> Self {
        Self::from(within).difference(self)
    }
}

impl From<Interval> for Intervals {
    fn from(one: Interval) -> Self {
        Self(if one.is_empty() { Vec::new() } else { vec![one] })
    }
}

/// In any order, overlapping, touching or empty.
impl FromIterator<Interval> for Intervals {
    fn from_iter<T: IntoIterator<Item = Interval>>(pieces: T) -> Self {
        let mut pieces: Vec<_> = pieces.into_iter().filter(|i| !i.is_empty()).collect();
        pieces.sort_unstable();
        pieces.dedup_by(|next, kept| {
            let joined = next.from <= kept.to;
            if joined {
                kept.to = kept.to.max(next.to);
            }
            joined
        });
        Self(pieces)
    }
}

/// How many of these lie over each other: pieces in order, each with a depth of at least 1. Touching
/// pieces differ in depth.
pub fn depths(pieces: impl IntoIterator<Item = Interval>) -> Vec<(Interval, usize)> {
    let mut edges: Vec<(Instant, bool)> = pieces
        .into_iter()
        .filter(|i| !i.is_empty())
        .flat_map(|i| [(i.from, true), (i.to, false)])
        .collect();
    // At one instant, ends go before beginnings: half-open intervals that touch do not overlap.
    edges.sort_unstable();
    let mut out: Vec<(Interval, usize)> = Vec::new();
    let (mut depth, mut since) = (0_usize, None::<Instant>);
    for (at, begins) in edges {
        if let Some(from) = since.filter(|from| *from < at && depth > 0) {
            match out.last_mut() {
                Some((last, d)) if *d == depth && last.to == from => last.to = at,
                _ => out.push((Interval { from, to: at }, depth)),
            }
        }
        depth = if begins { depth + 1 } else { depth.saturating_sub(1) };
        since = Some(at);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Instant {
        Instant::from_timestamp(second, 0).unwrap()
    }

    fn piece(from: i64, to: i64) -> Interval {
        Interval::new(at(from), at(to))
    }

    fn set(pieces: &[(i64, i64)]) -> Intervals {
        pieces.iter().map(|(from, to)| piece(*from, *to)).collect()
    }

    #[test]
    fn pieces_that_touch_or_overlap_are_one() {
        assert_eq!(set(&[(5, 9), (0, 3), (3, 4), (8, 12), (7, 7)]), set(&[(0, 4), (5, 12)]));
        assert_eq!(set(&[(0, 4), (5, 12)]).length(), TimeDelta::seconds(11));
    }

    #[test]
    fn gaps_are_what_is_missing_inside_an_interval() {
        let covered = set(&[(0, 4), (5, 12), (20, 30)]);
        assert_eq!(covered.missing(piece(2, 25)), set(&[(4, 5), (12, 20)]));
        assert_eq!(covered.missing(piece(0, 4)), Intervals::empty());
    }

    #[test]
    fn depth_is_counted_where_windows_lie_over_each_other() {
        let pieces = [piece(0, 10), piece(5, 15), piece(15, 20), piece(6, 7)];
        let expect = [(0, 5, 1), (5, 6, 2), (6, 7, 3), (7, 10, 2), (10, 20, 1)];
        assert_eq!(depths(pieces), expect.map(|(from, to, n)| (piece(from, to), n)));
    }

    fn any_set() -> impl Strategy<Value = Intervals> {
        prop::collection::vec((0_i64..60, -2_i64..12), 0..12)
            .prop_map(|pieces| pieces.iter().map(|(from, n)| piece(*from, from + n)).collect())
    }

    proptest! {
        /// Each law is checked instant by instant against the meaning of the words.
        #[test]
        fn the_algebra_is_that_of_sets(a in any_set(), b in any_set()) {
            let (union, both, rest) = (a.union(&b), a.intersection(&b), a.difference(&b));
            for second in -5..80 {
                let (in_a, in_b) = (a.contains(at(second)), b.contains(at(second)));
                prop_assert_eq!(union.contains(at(second)), in_a || in_b);
                prop_assert_eq!(both.contains(at(second)), in_a && in_b);
                prop_assert_eq!(rest.contains(at(second)), in_a && !in_b);
            }
            prop_assert_eq!(rest.length() + both.length(), a.length());
            for result in [&union, &both, &rest] {
                let again: Intervals = result.iter().collect();
                prop_assert_eq!(&again, result, "in order, none empty, none touching");
            }
        }

        #[test]
        fn depths_count_the_pieces_at_every_instant(
            pieces in prop::collection::vec((0_i64..60, -2_i64..12), 0..12)
        ) {
            let pieces: Vec<_> = pieces.iter().map(|(from, n)| piece(*from, from + n)).collect();
            let counted = depths(pieces.clone());
            for second in -5..80 {
                let expect = pieces.iter().filter(|i| i.contains(at(second))).count();
                let found = counted.iter().find(|(i, _)| i.contains(at(second)));
                prop_assert_eq!(found.map_or(0, |(_, n)| *n), expect);
            }
        }
    }
}
