//! Local times as instants, where clocks change.
//!
//! A local time may not exist (clocks go forward: a *gap*) or exist twice (they go back: a *fold*).
//! What a person typed and what recurs moves by the length of the gap, as RFC 5545 says of `DTSTART`
//! ("02:05" becomes 03:05); a hand-off moves to the end of the gap, so that nobody starts late. In a
//! fold the first of the two is meant.

use chrono::{LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::Instant;

/// The instant of a local time that was typed or that recurs.
pub fn instant(local: NaiveDateTime, zone: Tz) -> Instant {
    // In a gap the offset from before it applies: that moves the time by the gap's length.
    resolve(local, zone).unwrap_or_else(|before| local_with(local, before))
}

/// The instant of a hand-off at a local time: in a gap, the first instant after it.
pub fn hand_off(local: NaiveDateTime, zone: Tz) -> Instant {
    resolve(local, zone).unwrap_or_else(|before| {
        // The gap is at most a day: the instant at which the offset changes lies within it.
        let late = local_with(local, before);
        let (mut low, mut high) = (late - DAY, late);
        while high - low > TimeDelta::seconds(1) {
            let middle = low + (high - low) / 2;
            if offset(middle, zone) == before { low = middle } else { high = middle }
        }
        Instant::from_timestamp(high.timestamp(), 0).unwrap_or(high)
    })
}

/// The instant at which a local day begins: where midnight is in a gap, the gap's end.
pub fn midnight(day: NaiveDate, zone: Tz) -> Instant {
    hand_off(day.and_time(NaiveTime::MIN), zone)
}

/// The local time of an instant.
pub fn local(at: Instant, zone: Tz) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

const DAY: TimeDelta = TimeDelta::days(1);

/// The first instant of that local time, or the offset that applied before the gap it is in.
fn resolve(local: NaiveDateTime, zone: Tz) -> Result<Instant, TimeDelta> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Ok(at.to_utc()),
        LocalResult::None => {
            let day_before = local.checked_sub_signed(DAY).unwrap_or(local).and_utc();
            Err(offset(day_before, zone))
        }
    }
}

fn offset(at: Instant, zone: Tz) -> TimeDelta {
    let seconds = zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    TimeDelta::seconds(i64::from(seconds))
}

fn local_with(local: NaiveDateTime, offset: TimeDelta) -> Instant {
    local.checked_sub_signed(offset).unwrap_or(local).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America, Australia, Europe, Pacific, TZ_VARIANTS};
    use proptest::prelude::*;

    fn time(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn a_typed_time_in_a_gap_moves_by_its_length() {
        let moved = instant(time("2022-03-27T02:05:12"), Europe::Berlin);
        assert_eq!(local(moved, Europe::Berlin), time("2022-03-27T03:05:12"));
        let half_an_hour = instant(time("2026-10-04T02:10:00"), Australia::Lord_Howe);
        assert_eq!(local(half_an_hour, Australia::Lord_Howe), time("2026-10-04T02:40:00"));
    }

    #[test]
    fn a_hand_off_in_a_gap_moves_to_its_end() {
        let moved = hand_off(time("2020-03-08T02:30:00"), America::Chicago);
        assert_eq!(moved, at("2020-03-08T08:00:00Z"));
        let next = hand_off(time("2020-03-09T02:30:00"), America::Chicago);
        assert_eq!(local(next, America::Chicago), time("2020-03-09T02:30:00"));
    }

    #[test]
    fn a_time_that_exists_twice_is_the_first() {
        assert_eq!(
            instant(time("2026-10-25T02:30:00"), Europe::Berlin),
            at("2026-10-25T00:30:00Z")
        );
    }

    #[test]
    fn a_day_that_has_no_midnight_begins_when_its_gap_ends() {
        let begins = midnight("2024-04-26".parse().unwrap(), chrono_tz::Africa::Cairo);
        assert_eq!(local(begins, chrono_tz::Africa::Cairo), time("2024-04-26T01:00:00"));
    }

    #[test]
    fn a_day_that_was_skipped_begins_where_the_next_one_does() {
        // Samoa went over the date line: 2011-12-30 never was.
        let skipped = midnight("2011-12-30".parse().unwrap(), Pacific::Apia);
        assert_eq!(skipped, midnight("2011-12-31".parse().unwrap(), Pacific::Apia));
    }

    proptest! {
        #[test]
        fn what_exists_comes_back_and_what_does_not_moves_forward(
            zone in 0..TZ_VARIANTS.len(),
            minutes in 0_i64..68 * 366 * 1_440,
        ) {
            let zone = TZ_VARIANTS[zone];
            let asked = time("1970-01-01T00:00:00") + TimeDelta::minutes(minutes);
            let (typed, handed) = (instant(asked, zone), hand_off(asked, zone));
            prop_assert!(local(typed, zone) >= asked);
            prop_assert!(handed <= typed);
            prop_assert!(local(handed, zone) >= asked);
            if local(typed, zone) == asked {
                prop_assert_eq!(typed, handed);
            } else {
                // The end of the gap: one second before, the local time was before it.
                prop_assert!(local(handed - TimeDelta::seconds(1), zone) < asked);
            }
        }

        #[test]
        fn hand_offs_never_go_back(
            zone in 0..TZ_VARIANTS.len(),
            day in 0_i64..68 * 366,
            step in 1_i64..1_440,
        ) {
            let zone = TZ_VARIANTS[zone];
            let start = time("1970-01-01T00:00:00") + TimeDelta::days(day);
            let mut last = hand_off(start, zone);
            for n in 1..=1_440 / step {
                let next = hand_off(start + TimeDelta::minutes(n * step), zone);
                prop_assert!(next >= last);
                last = next;
            }
        }
    }
}
