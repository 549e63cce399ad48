//! Laws of calendars and clocks, contracts and the clocks of incidents.

mod contracts;
mod incidents;
mod laws;

use std::sync::Arc;

use chrono::{NaiveDate, Weekday};
use chrono_tz::Tz;

use super::hours::{ALWAYS, BusinessCalendar, Edition, Holidays};
use crate::domain::time::hours::Range;
use crate::domain::time::{Instant, WeekHours};

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

/// Monday to Friday, 09:00 to 17:00.
fn office(zone: Tz) -> Edition {
    let days = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
    let mut hours = WeekHours::default();
    for day in days {
        hours.add(day, Range::parse("09:00-17:00").unwrap());
    }
    Edition::new(zone, hours)
}

fn calendar(edition: Edition) -> Arc<BusinessCalendar> {
    Arc::new(BusinessCalendar::new("office", vec![edition]))
}

fn holidays(days: impl IntoIterator<Item = NaiveDate>, name: &str) -> Holidays {
    let days = days.into_iter().map(|day| (day, name.into())).collect();
    Holidays { days, times: Vec::new() }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn a_calendar_without_hours_never_opens_and_says_so() {
    let never = calendar(Edition::new(Tz::UTC, WeekHours::default()));
    let why = never.after(at("2026-11-23T09:00:00Z"), chrono::TimeDelta::hours(1)).unwrap_err();
    let expect = "calendar office has no open hours after 2026-11-23: 1h never pass";
    assert_eq!(why.to_string(), expect);
    assert!(never.working_days(at("2026-11-23T09:00:00Z"), 1).is_err());
    assert!(never.back(at("2026-11-23T09:00:00Z"), chrono::TimeDelta::hours(1)).is_err());
}

#[test]
fn fifty_years_of_holidays_are_passed_over_and_more_are_told_of() {
    let of_years = |years: usize| day("2026-01-01").iter_days().take(365 * years);
    let busy = Edition { holidays: holidays(of_years(50), "closed"), ..office(Tz::UTC) };
    let start = at("2026-11-23T09:00:00Z");
    let opens = calendar(busy).after(start, chrono::TimeDelta::hours(1)).unwrap();
    assert!(opens > at("2075-12-01T00:00:00Z") && opens < at("2076-01-01T00:00:00Z"), "{opens}");
    let shut = Edition { holidays: holidays(of_years(80), "closed"), ..office(Tz::UTC) };
    assert!(calendar(shut).after(start, chrono::TimeDelta::hours(1)).is_err());
}

#[test]
fn what_ends_before_the_target_says_how_much_there_was() {
    let until = at("2026-11-25T00:00:00Z");
    let valid = crate::domain::time::Interval::new(ALWAYS.from, until);
    let ends = calendar(Edition { valid, ..office(Tz::UTC) });
    let why = ends.after(at("2026-11-23T09:00:00Z"), chrono::TimeDelta::hours(40)).unwrap_err();
    let expect = "calendar office is open for only 16h of 1d 16h after 2026-11-23";
    assert_eq!(why.to_string(), expect);
}

#[test]
fn the_end_of_a_night_that_began_on_a_holiday_makes_no_working_day_of_it() {
    let mut hours = WeekHours::default();
    for day in [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri] {
        hours.add(day, Range::parse("22:00-06:00").unwrap());
    }
    let christmas = holidays([day("2026-12-25")], "Christmas");
    let night = Edition { holidays: christmas, ..Edition::new(Tz::UTC, hours) };
    let due = calendar(night).working_days(at("2026-12-24T23:00:00Z"), 1).unwrap();
    assert_eq!(due, at("2026-12-28T23:00:00Z"), "the next night that begins on a working day");
}

#[test]
fn a_local_time_is_read_in_the_zone_that_the_calendar_had_then() {
    use crate::domain::time::Moment;
    let moved = at("2026-05-31T22:00:00Z");
    let valid = |from, to| crate::domain::time::Interval::new(from, to);
    let madrid = Edition { valid: valid(ALWAYS.from, moved), ..office(Tz::Europe__Madrid) };
    let tokyo = Edition { valid: valid(moved, ALWAYS.to), ..office(Tz::Asia__Tokyo) };
    let calendar = calendar_of(vec![tokyo, madrid]);
    let read = |text| calendar.instant(Moment::parse(text).unwrap());
    assert_eq!(read("2026-03-02 09:00"), at("2026-03-02T08:00:00Z"));
    assert_eq!(read("2026-06-02 09:00"), at("2026-06-02T00:00:00Z"));
    assert_eq!(read("2026-03-02T09:00:00Z"), at("2026-03-02T09:00:00Z"));
}

fn calendar_of(editions: Vec<Edition>) -> BusinessCalendar {
    BusinessCalendar::new("office", editions)
}
