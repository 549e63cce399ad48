//! A rule in plain English.

use chrono::{NaiveTime, Weekday};

use super::rule::{End, Freq, Rule, WeekdayNum};
use crate::domain::time::Stamp;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const ORDINALS: [&str; 10] =
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
const WORKING_DAYS: [Weekday; 5] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

impl Rule {
    /// "every second week on Tuesday and Sunday, 4 times"; "on the first Friday of every month
    /// until 24 Dec 2026". What the rule leaves to its start is not said.
    pub fn words(&self) -> String {
        let mut words = match (self.freq, self.days()) {
            (Freq::Monthly, Some(days)) => format!("on {days} of {}", self.every()),
            (Freq::Yearly, Some(days)) => format!("on {days} of {}", self.part_of_year()),
            (_, Some(days)) => format!("{} on {days}", self.every()),
            (_, None) => self.every(),
        };
        if let Some(months) = self.months().filter(|_| self.freq != Freq::Yearly) {
            words = format!("{words} in {months}");
        }
        if let Some(times) = self.times() {
            words = format!("{words} {times}");
        }
        if !self.by_set_pos.is_empty() && !self.picks_weekdays() {
            words = format!("{words}, only the {} of these", self.places());
        }
        if self.week_matters() {
            words = format!("{words} (weeks begin on {})", weekday(self.week_start));
        }
        match self.end {
            End::Never => words,
            End::Count(1) => format!("{words}, once"),
            End::Count(count) => format!("{words}, {count} times"),
            End::Until(until) => format!("{words} until {}", day_or_time(until)),
        }
    }

    /// "every month", "every second month".
    fn every(&self) -> String {
        let unit = match self.freq {
            Freq::Hourly => "hour",
            Freq::Daily => "day",
            Freq::Weekly => "week",
            Freq::Monthly => "month",
            Freq::Yearly => "year",
        };
        let every = match self.interval {
            1 => format!("every {unit}"),
            n => format!("every {} {unit}", ordinal(n)),
        };
        // What an hourly rule says of hours comes with the times.
        let has_days = !self.by_day.is_empty() || !self.by_month_day.is_empty();
        match (self.freq, self.weeks(), self.months()) {
            (Freq::Yearly, Some(weeks), _) if !has_days => format!("{every} in {weeks}"),
            (Freq::Yearly, None, Some(months)) if !has_days => format!("{every} in {months}"),
            _ => every,
        }
    }

    /// "week 20 of every year", "March of every year".
    fn part_of_year(&self) -> String {
        let every = self.every();
        match (self.weeks(), self.months()) {
            (Some(weeks), Some(months)) => format!("{weeks} of {every} in {months}"),
            (Some(part), None) | (None, Some(part)) => format!("{part} of {every}"),
            (None, None) if self.by_month_day.is_empty() => every,
            (None, None) => format!("every month of {every}"),
        }
    }

    fn months(&self) -> Option<String> {
        let name = |n: &i16| MONTHS.get(usize::try_from(n - 1).ok()?).copied();
        let months = self.by_month.iter().filter_map(name).map(str::to_owned);
        (!self.by_month.is_empty()).then(|| list(months))
    }

    fn weeks(&self) -> Option<String> {
        let name = |n: &i16| match n {
            ..0 => format!("the {} week", place(*n)),
            n => format!("week {n}"),
        };
        (!self.by_week_no.is_empty()).then(|| list(self.by_week_no.iter().map(name)))
    }

    /// Which days: "the 15th and 30th", "the first Friday", "the 13th that is a Friday".
    fn days(&self) -> Option<String> {
        let weekdays = (!self.by_day.is_empty()).then(|| self.weekdays());
        if self.picks_weekdays() {
            return Some(format!("the {} {}", self.places(), self.weekdays()));
        }
        let numbers = |days: &[i16]| format!("the {}", list(days.iter().map(|n| day_number(*n))));
        let of_month = (!self.by_month_day.is_empty()).then(|| {
            let noun = if self.by_month_day.iter().any(|n| *n < 0) { " day" } else { "" };
            format!("{}{noun}", numbers(&self.by_month_day))
        });
        let of_year =
            (!self.by_year_day.is_empty()).then(|| format!("{} day", numbers(&self.by_year_day)));
        // All of them have to agree.
        let days = [of_year, of_month, weekdays].into_iter().flatten();
        days.reduce(|days, more| format!("{days} that is {more}"))
    }

    /// Whether `BYSETPOS` chooses among weekdays and nothing else.
    fn picks_weekdays(&self) -> bool {
        let only_weekdays = self.by_month_day.is_empty() && self.by_year_day.is_empty();
        let is_once_a_day = self.by_hour.len() <= 1 && self.by_minute.len() <= 1;
        let is_plain = !self.by_day.is_empty() && self.by_day.iter().all(|d| d.nth == 0);
        let is_long = matches!(self.freq, Freq::Monthly | Freq::Yearly);
        !self.by_set_pos.is_empty() && is_long && is_plain && only_weekdays && is_once_a_day
    }

    fn places(&self) -> String {
        list(self.by_set_pos.iter().map(|n| place(*n)))
    }

    fn weekdays(&self) -> String {
        let days: Vec<Weekday> = self.by_day.iter().map(|d| d.day).collect();
        let is_condition = !self.by_month_day.is_empty() || !self.by_year_day.is_empty();
        let (each, joint) = if self.picks_weekdays() {
            ("", "or")
        } else if is_condition {
            ("a ", "or")
        } else if matches!(self.freq, Freq::Monthly | Freq::Yearly) {
            ("every ", "and")
        } else {
            ("", "and")
        };
        let is_plain = self.by_day.iter().all(|d| d.nth == 0);
        if is_plain && days == WORKING_DAYS {
            return match each {
                "" if joint == "and" => "Monday to Friday".to_owned(),
                _ => format!("{each}day from Monday to Friday"),
            };
        }
        let name = |d: &WeekdayNum| match d.nth {
            0 => format!("{each}{}", weekday(d.day)),
            n => format!("the {} {}", place(n), weekday(d.day)),
        };
        joined(self.by_day.iter().map(name), joint)
    }

    /// "at 09:00 and 17:00".
    fn times(&self) -> Option<String> {
        let two = |n: &i16| format!("{n:02}");
        match (self.by_hour.as_slice(), self.by_minute.as_slice()) {
            ([], []) => None,
            ([], minutes) => {
                Some(format!("at minute {} of the hour", list(minutes.iter().map(i16::to_string))))
            }
            (hours, []) => Some(format!("in the hours {}", list(hours.iter().map(two)))),
            (hours, minutes) if hours.len() * minutes.len() <= 12 => {
                let times = hours.iter().flat_map(|hour| {
                    minutes.iter().map(move |minute| format!("{hour:02}:{minute:02}"))
                });
                Some(format!("at {}", list(times)))
            }
            (hours, minutes) => Some(format!(
                "at minute {} of the hours {}",
                list(minutes.iter().map(i16::to_string)),
                list(hours.iter().map(two))
            )),
        }
    }

    /// Whether the rule means something else where weeks begin on Monday.
    fn week_matters(&self) -> bool {
        let counts_weeks = self.freq == Freq::Weekly && self.interval > 1;
        let picks = self.freq == Freq::Weekly && !self.by_set_pos.is_empty();
        self.week_start != Weekday::Mon && (counts_weeks || picks || !self.by_week_no.is_empty())
    }
}

fn day_or_time(at: Stamp) -> String {
    let (local, zone) = match at {
        Stamp::Date(day) => (day.and_time(NaiveTime::MIN), ""),
        Stamp::Local(local) => (local, ""),
        Stamp::Utc(utc) => (utc, " UTC"),
    };
    match at {
        Stamp::Date(_) => local.format("%-d %b %Y").to_string(),
        _ => format!("{}{zone}", local.format("%-d %b %Y %H:%M")),
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}

/// "first", "11th".
fn ordinal(n: u16) -> String {
    match usize::from(n).checked_sub(1).and_then(|n| ORDINALS.get(n)) {
        Some(word) => (*word).to_owned(),
        None => numeral(n),
    }
}

/// "1st", "22nd", "113th".
fn numeral(n: u16) -> String {
    let ending = match (n % 100, n % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

/// "first", "last", "second to last".
fn place(n: i16) -> String {
    match n {
        -1 => "last".to_owned(),
        ..-1 => format!("{} to last", ordinal(n.unsigned_abs())),
        _ => ordinal(n.unsigned_abs()),
    }
}

/// "15th", "last", "second to last".
fn day_number(n: i16) -> String {
    if n < 0 { place(n) } else { numeral(n.unsigned_abs()) }
}

/// "a", "a and b", "a, b and c".
fn list(items: impl Iterator<Item = String>) -> String {
    joined(items, "and")
}

fn joined(items: impl Iterator<Item = String>, joint: &str) -> String {
    let items: Vec<String> = items.collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {joint} {last}", first.join(", ")),
    }
}
