use proptest::prelude::*;

use super::*;
use crate::domain::sla::{Observed, availability};
use crate::domain::time::Intervals;

fn bucket() -> impl Strategy<Value = Bucket> {
    (0_u64..5_000_000_000, 0_u64..5_000_000_000, 0_u16..=300).prop_map(|(good, bad, seen)| {
        if seen == 0 { Bucket::default() } else { Bucket { good, total: good + bad, seen } }
    })
}

fn series() -> impl Strategy<Value = Series> {
    proptest::collection::vec(bucket(), 1..700).prop_map(|buckets| {
        let mut series = Series::default();
        for (offset, bucket) in buckets.into_iter().enumerate() {
            series.set(NOW - 700 + offset as i64, bucket);
        }
        series
    })
}

fn pieces() -> impl Strategy<Value = Excluded> {
    let piece = (0_i64..210_000, 1_i64..40_000).prop_map(|(to, long)| (to + long, to));
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| excluded(&pieces))
}

fn modes() -> impl Strategy<Value = (Exclusion, NoData)> {
    (any::<bool>(), any::<bool>()).prop_map(|(excuse, bad)| {
        let exclusion = if excuse { Exclusion::Excuse } else { Exclusion::Remove };
        (exclusion, if bad { NoData::Bad } else { NoData::Remove })
    })
}

proptest! {
    #[test]
    fn what_is_consumed_adds_up_over_parts_of_a_window(
        series in series(),
        excluded in pieces(),
        modes in modes(),
        cut in 0_i64..700,
    ) {
        let tally = |from, to| series.tally((NOW - from, NOW - to), &excluded, Unit::Seconds, modes);
        let (all, first, second) = (tally(700, 0), tally(700, cut), tally(cut, 0));
        prop_assert_eq!(all.bad(), first.bad() + second.bad());
        prop_assert_eq!(all.total, first.total + second.total);
        prop_assert_eq!(all.seen, first.seen + second.seen);
    }

    #[test]
    fn good_is_a_part_of_total_and_every_second_is_counted_once(
        series in series(),
        excluded in pieces(),
        modes in modes(),
        from in 0_i64..900,
    ) {
        for unit in [Unit::Events, Unit::Seconds] {
            let t = series.tally((NOW - from, NOW), &excluded, unit, modes);
            prop_assert!(t.good <= t.total);
            prop_assert!(t.seen >= t.excluded && t.missing >= 0);
            prop_assert!(t.seen + t.missing <= t.elapsed);
        }
    }

    #[test]
    fn a_day_as_text_is_the_day(series in series()) {
        let mut read = Series::default();
        for (number, day) in series.days() {
            prop_assert!(pack::read(&pack::write(day), number, &mut read).is_some());
        }
        let is_same = series.days().all(|(number, day)| match read.day(number) {
            Some(same) => same == day,
            None => day.iter().next().is_none(),
        });
        prop_assert!(is_same);
    }

    #[test]
    fn no_text_from_a_store_is_too_strange_to_be_refused(text in "[-0-9x/@.,]{0,60}") {
        let _ = pack::read(&text, 20_000, &mut Series::default());
    }

    #[test]
    fn the_order_in_which_buckets_are_taken_over_does_not_matter(
        a in series(),
        b in series(),
    ) {
        // Where both know as much of a bucket they have read the same of it.
        let mut b = b;
        for offset in 0..=700 {
            if let (Some(x), Some(y)) = (a.get(NOW - offset), b.get(NOW - offset))
                && x.seen == y.seen
            {
                b.set(NOW - offset, x);
            }
        }
        let (mut one, mut other) = (a.clone(), b.clone());
        one.merge(&b);
        other.merge(&a);
        prop_assert!(one == other);
        prop_assert!(!one.clone().merge(&a) && !one.merge(&b));
    }

    #[test]
    fn buckets_of_incidents_say_what_availability_says(
        down in proptest::collection::vec((0_i64..86_400, 1_i64..9_000), 0..8),
        planned in proptest::collection::vec((0_i64..250, 1_i64..40), 0..4),
        excuse in any::<bool>(),
    ) {
        let from = begin(NOW - 288);
        let after = |seconds| from + TimeDelta::seconds(seconds);
        let set: Intervals = down
            .iter()
            .map(|(at, long)| Interval::new(after(*at), after((at + long).min(86_400))))
            .collect();
        // On the grid: within a bucket it is not known when it was down.
        let windows: Vec<(Interval, String)> = planned
            .iter()
            .map(|(at, long)| (Interval::new(after(at * 300), after((at + long).min(288) * 300)), String::new()))
            .collect();
        let mut series = Series::default();
        for (index, bucket) in record::of_downtime(&set, (NOW - 288, NOW), |_| BUCKET) {
            series.set(index, bucket);
        }
        let mode = if excuse { Exclusion::Excuse } else { Exclusion::Remove };
        let excluded = Excluded::new(windows.clone());
        let t = series.tally((NOW - 288, NOW), &excluded, Unit::Seconds, (mode, NoData::Remove));
        let observed = Observed {
            down: set,
            excluded: windows.into_iter().map(|(at, _)| at).collect(),
            unknown: Intervals::empty(),
        };
        let expect = availability(Interval::new(from, begin(NOW)), &observed, mode, NoData::Remove);
        let seconds = |micro: u128| (micro / u128::from(MICRO)) as i64;
        prop_assert_eq!(seconds(t.good), expect.up.num_seconds());
        prop_assert_eq!(seconds(t.bad()), expect.down.num_seconds());
        prop_assert_eq!(t.excluded, expect.excluded.num_seconds());
    }
}
