//! The stretch of time that a question is about: `--from` and `--to`.

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::Failure;
use super::args::Time;
use crate::domain::time::{Instant, Interval, before, zone};

/// How far ahead a question looks that does not say: local days.
const AHEAD: TimeDelta = TimeDelta::days(14);
/// The longest stretch that is answered at once.
const FAR: TimeDelta = TimeDelta::days(366);

/// From now, or `from`, for two weeks, or until `to`; local times in a zone.
///
/// # Errors
/// It ends before it begins, or is longer than 366 days.
pub fn of(
    from: Option<Time>,
    to: Option<Time>,
    zone: Tz,
    now: Instant,
) -> Result<Interval, Failure> {
    let from = from.map_or(now, |t| t.at(zone));
    let two_weeks = || zone::hand_off(zone::local(from, zone) + AHEAD, zone);
    let to = to.map_or_else(two_weeks, |t| t.at(zone));
    if from >= to {
        return Err(Failure::Usage("--from is not before --to".to_owned()));
    }
    if to - from > FAR {
        let last = zone::local(before(from, -FAR), zone).format("%Y-%m-%d %H:%M");
        let why = format!(
            "that is more than {} days; give --to \"{last}\" at the latest, and ask for the rest \
             by itself",
            FAR.num_days()
        );
        return Err(Failure::Usage(why));
    }
    Ok(Interval::new(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Europe::Madrid;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn two_weeks_are_local_days_also_when_clocks_change() {
        let now = at("2026-10-20T07:00:00Z");
        let span = |from, to| of(from, to, Madrid, now);
        let two_weeks = span(None, None).unwrap();
        assert_eq!((two_weeks.from, two_weeks.to), (now, at("2026-11-03T08:00:00Z")));
        let day = |text: &str| Some(Time::Local(text.parse().unwrap()));
        let until = span(None, day("2026-10-25T00:00:00")).unwrap();
        assert_eq!((until.from, until.to), (now, at("2026-10-24T22:00:00Z")));
        let from = span(day("2027-03-20T00:00:00"), None).unwrap();
        assert_eq!((from.from, from.to), (at("2027-03-19T23:00:00Z"), at("2027-04-02T22:00:00Z")));
    }

    #[test]
    fn a_span_has_an_order_and_a_limit() {
        let now = at("2026-10-20T07:00:00Z");
        let why = |from, to| {
            let day = |text: &str| Some(Time::Instant(at(text)));
            of(day(from), day(to), Madrid, now).unwrap_err().to_string()
        };
        let backwards = why("2026-10-21T00:00:00Z", "2026-10-21T00:00:00Z");
        assert_eq!(backwards, "--from is not before --to");
        let long = why("2026-10-21T00:00:00Z", "2027-10-22T00:00:01Z");
        let expect = "more than 366 days; give --to \"2027-10-22 02:00\" at the latest";
        assert!(long.contains(expect), "{long}");
    }
}
