//! `[[reports]]`: which report is due when, and for which period.

use std::sync::Arc;

use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime};
use chrono_tz::Tz;

use super::event::Scope;
use super::render::Format;
use super::words::Locale;
use crate::domain::time::{Instant, Interval, zone};

/// How many periods are caught up at most.
const CAUGHT_UP: usize = 12;

/// One `[[reports]]`, as far as it has to be known for deciding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Periodic {
    /// Unique; issued reports carry it.
    pub id: Arc<str>,
    pub every: Every,
    pub scope: Scope,
    pub formats: Vec<Format>,
    pub locale: Locale,
}

/// Local weeks from Monday, or months, of the site's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    Week,
    Month,
}

impl Every {
    /// By its word in the config.
    pub const WORDS: [(&str, Self); 2] = [("week", Self::Week), ("month", Self::Month)];

    /// The first day of the period that a day is in.
    fn first(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Week => day - Days::new(u64::from(day.weekday().num_days_from_monday())),
            Self::Month => day.with_day(1).unwrap_or(day),
        }
    }

    fn previous(self, first: NaiveDate) -> NaiveDate {
        match self {
            Self::Week => first - Days::new(7),
            Self::Month => first - Months::new(1),
        }
    }

    /// The periods that are over and not reported yet, oldest first: those after the one that began at
    /// `newest`, or the last one where none was reported ever. At most a dozen.
    pub fn due(self, newest: Option<Instant>, site: Tz, now: Instant) -> Vec<Interval> {
        let midnight = |day: NaiveDate| zone::hand_off(day.and_time(NaiveTime::MIN), site);
        let mut end = self.first(zone::local(now, site).date());
        let mut due = Vec::new();
        while due.len() < CAUGHT_UP {
            let start = self.previous(end);
            let period = Interval::new(midnight(start), midnight(end));
            if newest.is_some_and(|newest| period.from <= newest) {
                break;
            }
            due.push(period);
            end = start;
            if newest.is_none() {
                break;
            }
        }
        due.reverse();
        due
    }
}

/// What a file of a report is called: `monthly-2026-11-01.html`.
pub fn file_name(plan: &str, period: Interval, site: Tz, format: Format) -> String {
    let first = zone::local(period.from, site).date();
    format!("{plan}-{first}.{}", format.word())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADRID: Tz = Tz::Europe__Madrid;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn days(periods: &[Interval]) -> Vec<String> {
        let day = |at| zone::local(at, MADRID).format("%Y-%m-%d").to_string();
        periods.iter().map(|p| format!("{} {}", day(p.from), day(p.to))).collect()
    }

    #[test]
    fn the_first_time_only_the_last_period_is_due() {
        let now = at("2026-11-25T10:00:00Z");
        assert_eq!(days(&Every::Month.due(None, MADRID, now)), ["2026-10-01 2026-11-01"]);
        assert_eq!(days(&Every::Week.due(None, MADRID, now)), ["2026-11-16 2026-11-23"]);
    }

    #[test]
    fn what_was_missed_is_caught_up_oldest_first_and_nothing_comes_twice() {
        let september = at("2026-08-31T22:00:00Z");
        let now = at("2026-12-01T00:00:00Z");
        let due = Every::Month.due(Some(september), MADRID, now);
        assert_eq!(days(&due), ["2026-10-01 2026-11-01", "2026-11-01 2026-12-01"]);
        let newest = due.last().map(|p| p.from);
        assert!(Every::Month.due(newest, MADRID, now).is_empty());
        let long_ago = Some(at("2020-01-01T00:00:00Z"));
        assert_eq!(Every::Week.due(long_ago, MADRID, now).len(), 12);
    }

    #[test]
    fn a_period_ends_at_the_local_midnight() {
        let before = at("2026-11-30T22:59:59Z");
        let after = at("2026-11-30T23:00:00Z");
        assert_eq!(days(&Every::Month.due(None, MADRID, before)), ["2026-10-01 2026-11-01"]);
        assert_eq!(days(&Every::Month.due(None, MADRID, after)), ["2026-11-01 2026-12-01"]);
    }
}
