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

/// The longest period of one report, in days.
pub const LONGEST: i64 = 366;

/// `2026-11`, by its first day.
///
/// # Errors
/// It is no month; says how one is written.
pub fn month(text: &str) -> Result<NaiveDate, String> {
    let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok();
    first.filter(|day| is_sane(*day)).ok_or_else(|| "write it as 2026-11".to_owned())
}

/// `2026-W48`, by its Monday.
///
/// # Errors
/// It is no week; says how one is written.
pub fn week(text: &str) -> Result<NaiveDate, String> {
    let parts = text.split_once('-').and_then(|(year, week)| {
        let (year, week) = (year.parse().ok()?, week.trim_start_matches(['W', 'w']).parse().ok()?);
        NaiveDate::from_isoywd_opt(year, week, chrono::Weekday::Mon)
    });
    parts.filter(|day| is_sane(*day)).ok_or_else(|| "write it as 2026-W48".to_owned())
}

fn is_sane(day: NaiveDate) -> bool {
    (1970..=9_999).contains(&day.year())
}

/// The period of some local days, the last one not included, if a report can be made of it.
///
/// # Errors
/// It has none, is too long or has not begun.
pub fn between(from: NaiveDate, to: NaiveDate, site: Tz, now: Instant) -> Result<Interval, String> {
    let midnight = |day: NaiveDate| zone::hand_off(day.and_time(NaiveTime::MIN), site);
    let period = Interval::new(midnight(from), midnight(to));
    if period.is_empty() {
        return Err("the last day is before the first".to_owned());
    }
    if period.from >= now {
        return Err("that period has not begun".to_owned());
    }
    if period.length().num_days() > LONGEST {
        return Err(format!("that is more than {LONGEST} days; ask for less at once"));
    }
    Ok(period)
}

/// A period as people write it: `2026-10`, `2026-W44`, or its first and last day `2026-10-01..2026-10-15`.
///
/// # Errors
/// It is none, or no report can be made of it.
pub fn period_of(text: &str, site: Tz, now: Instant) -> Result<Interval, String> {
    let how = || {
        "write a month as 2026-10, a week as 2026-W44, or days as 2026-10-01..2026-10-15".to_owned()
    };
    if let Some((first, last)) = text.split_once("..") {
        let day = |text: &str| text.trim().parse::<NaiveDate>().ok().filter(|day| is_sane(*day));
        let (first, last) = day(first).zip(day(last)).ok_or_else(how)?;
        return between(first, last + Days::new(1), site, now);
    }
    if text.contains(['W', 'w']) {
        let monday = week(text).map_err(|_| how())?;
        return between(monday, monday + Days::new(7), site, now);
    }
    let first = month(text).map_err(|_| how())?;
    between(first, first + Months::new(1), site, now)
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
    fn a_period_is_read_as_people_write_it() {
        let now = at("2026-11-25T10:00:00Z");
        let read = |text| period_of(text, MADRID, now).map(|period| days(&[period]).concat());
        assert_eq!(read("2026-10").unwrap(), "2026-10-01 2026-11-01");
        assert_eq!(read("2026-W44").unwrap(), "2026-10-26 2026-11-02");
        assert_eq!(read("2026-10-01 .. 2026-10-15").unwrap(), "2026-10-01 2026-10-16");
        assert_eq!(read("2026-11").unwrap(), "2026-11-01 2026-12-01", "one that has begun");
        for (text, why) in [
            ("2026-12", "has not begun"),
            ("2026-10-15..2026-10-01", "before the first"),
            ("2024-01-01..2026-01-01", "more than 366 days"),
            ("2026-44", "write a month as"),
            ("october", "write a month as"),
            ("..", "write a month as"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn a_period_ends_at_the_local_midnight() {
        let before = at("2026-11-30T22:59:59Z");
        let after = at("2026-11-30T23:00:00Z");
        assert_eq!(days(&Every::Month.due(None, MADRID, before)), ["2026-10-01 2026-11-01"]);
        assert_eq!(days(&Every::Month.due(None, MADRID, after)), ["2026-11-01 2026-12-01"]);
    }
}
