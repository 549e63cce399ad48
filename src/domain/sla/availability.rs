//! How much of a time something was available, where part of it does not count and part of it is
//! not known.
//!
//! Availability is up / (up + down), of time. Planned work can be treated in two ways that give different
//! figures from the same facts, so every figure says which: of 1000 s with a failure of 300 s, two thirds
//! of it within 400 s of maintenance, *excuse* gives 90 % and *remove* 83.33 %.

use chrono::TimeDelta;

use super::Ratio;
use crate::domain::time::{Interval, Intervals};

/// What becomes of time that a contract excludes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Exclusion {
    /// It leaves both numerator and denominator, as Zabbix does.
    #[default]
    Remove,
    /// It counts as good, as Icinga does.
    Excuse,
}

/// What becomes of time of which nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NoData {
    /// It leaves both numerator and denominator; coverage tells how much that was.
    #[default]
    Remove,
    /// It counts as bad.
    Bad,
}

/// What happened. The sets may overlap: what is known to be down is not unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    pub down: Intervals,
    pub excluded: Intervals,
    pub unknown: Intervals,
}

/// How an interval was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Availability {
    /// What counts as good; with [`Exclusion::Excuse`] also what is excluded.
    pub up: TimeDelta,
    /// What was down, outside of what is excluded.
    pub down: TimeDelta,
    /// What counts as bad though nothing is known of it: only with [`NoData::Bad`].
    pub presumed: TimeDelta,
    /// What is excluded of what is known, whichever way it counts.
    pub excluded: TimeDelta,
    /// Of which nothing is known, whichever way it counts.
    pub unknown: TimeDelta,
    pub mode: Exclusion,
}

impl Exclusion {
    /// By its word in config, commands and reports.
    pub const WORDS: [(&str, Self); 2] = [("remove", Self::Remove), ("excuse", Self::Excuse)];

    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, mode)| *mode == self).map_or("remove", |(word, _)| word)
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(word, _)| *word == text).map(|(_, mode)| *mode)
    }
}

impl NoData {
    /// By its word in config and reports.
    pub const WORDS: [(&str, Self); 2] = [("remove", Self::Remove), ("bad", Self::Bad)];

    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, mode)| *mode == self).map_or("remove", |(word, _)| word)
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(word, _)| *word == text).map(|(_, mode)| *mode)
    }
}

impl Availability {
    /// `None` where no time counts.
    pub fn ratio(&self) -> Option<Ratio> {
        let bad = (self.down + self.presumed).num_milliseconds();
        let up = self.up.num_milliseconds();
        Ratio::new(up, up.checked_add(bad)?)
    }
}

/// How an interval was spent. What is unknown stays so inside of what is excluded; what is known to
/// be down, or up where nothing else is said, is excluded there.
pub fn availability(
    within: Interval,
    observed: &Observed,
    mode: Exclusion,
    no_data: NoData,
) -> Availability {
    let down = observed.down.within(within);
    let unknown = observed.unknown.within(within).difference(&down);
    let known = unknown.missing(within);
    let excluded = observed.excluded.intersection(&known);
    let bad = down.difference(&excluded);
    let good = known.difference(&down).difference(&excluded);
    let mut up = good.length();
    if mode == Exclusion::Excuse {
        up += excluded.length();
    }
    let presumed = match no_data {
        NoData::Bad => unknown.difference(&observed.excluded).length(),
        NoData::Remove => TimeDelta::zero(),
    };
    let (down, excluded, unknown) = (bad.length(), excluded.length(), unknown.length());
    Availability { up, down, presumed, excluded, unknown, mode }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Instant;
    use proptest::prelude::*;

    fn at(second: i64) -> Instant {
        Instant::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn set(pieces: &[(i64, i64)]) -> Intervals {
        pieces.iter().map(|(from, to)| Interval::new(at(*from), at(*to))).collect()
    }

    fn figure(observed: &Observed, mode: Exclusion) -> String {
        let found = availability(Interval::new(at(1000), at(2000)), observed, mode, NoData::Remove);
        found.ratio().map_or_else(|| "—".to_owned(), |r| r.percent(4))
    }

    #[test]
    fn to_excuse_and_to_remove_give_two_figures_of_the_same_facts() {
        let observed = Observed {
            down: set(&[(1200, 1500)]),
            excluded: set(&[(1100, 1300), (1400, 1600)]),
            unknown: Intervals::empty(),
        };
        assert_eq!(figure(&observed, Exclusion::Excuse), "90.0000");
        assert_eq!(figure(&observed, Exclusion::Remove), "83.3333");
    }

    #[test]
    fn what_is_unknown_counts_in_no_way_unless_it_is_said_to_be_bad() {
        let observed = Observed {
            down: set(&[(1500, 1700)]),
            unknown: set(&[(900, 1500)]),
            ..Observed::default()
        };
        assert_eq!(figure(&observed, Exclusion::Excuse), "60.0000");
        let within = Interval::new(at(1000), at(2000));
        let strict = availability(within, &observed, Exclusion::Remove, NoData::Bad);
        assert_eq!(strict.ratio().unwrap().percent(4), "30.0000");
        let blind = Observed { unknown: set(&[(0, 9000)]), ..Observed::default() };
        assert_eq!(figure(&blind, Exclusion::Remove), "—");
    }

    fn intervals() -> impl Strategy<Value = Intervals> {
        let piece = (0_i64..3000, 1_i64..600).prop_map(|(from, length)| (from, from + length));
        proptest::collection::vec(piece, 0..6).prop_map(|pieces| set(&pieces))
    }

    proptest! {
        #[test]
        fn every_second_is_counted_once(down in intervals(), excluded in intervals(), unknown in intervals()) {
            let observed = Observed { down, excluded, unknown };
            let within = Interval::new(at(1000), at(2000));
            let removed = availability(within, &observed, Exclusion::Remove, NoData::Remove);
            let all = removed.up + removed.down + removed.excluded + removed.unknown;
            prop_assert_eq!(all, within.length());
            let excused = availability(within, &observed, Exclusion::Excuse, NoData::Remove);
            prop_assert_eq!(excused.up, removed.up + removed.excluded);
            prop_assert_eq!(excused.down, removed.down);
        }
    }
}
