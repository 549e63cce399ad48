//! RFC 5545's recurrence rule: the text of an `RRULE`, read and written.

use std::fmt;

use chrono::Weekday;

use crate::domain::text;
use crate::domain::time::stamp::Stamp;

/// When something takes place again. It is made by [`Rule::parse`] only, so that every rule is one
/// that RFC 5545 allows. The lists are in order and without repetition; an empty one limits
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub(super) freq: Freq,
    /// From 1.
    pub(super) interval: u16,
    pub(super) end: End,
    /// 1 to 12.
    pub(super) by_month: Vec<i16>,
    /// 1 to 53, or -53 to -1 from the end of the year, as all below.
    pub(super) by_week_no: Vec<i16>,
    /// 1 to 366.
    pub(super) by_year_day: Vec<i16>,
    /// 1 to 31.
    pub(super) by_month_day: Vec<i16>,
    pub(super) by_day: Vec<WeekdayNum>,
    /// 0 to 23.
    pub(super) by_hour: Vec<i16>,
    /// 0 to 59.
    pub(super) by_minute: Vec<i16>,
    /// 1 to 366.
    pub(super) by_set_pos: Vec<i16>,
    pub(super) week_start: Weekday,
}

/// The period of which every one, or every n-th, has occurrences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freq {
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Never,
    /// So many in all, from 1.
    Count(u32),
    /// At this time or on this day for the last time.
    Until(Stamp),
}

/// A weekday, or the n-th of its kind in a month or year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WeekdayNum {
    /// 1 to 53, or -53 to -1 from the end; 0: every one.
    pub nth: i16,
    pub day: Weekday,
}

/// Why a text is no rule, and what would be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part}: {why}; {remedy}")]
pub struct RuleError {
    /// The part of the text, cleaned.
    pub part: String,
    pub why: String,
    pub remedy: String,
}

/// Longest text of a rule, in bytes. One that lists everything has less than 5,000.
const MAX_RULE: usize = 8_192;

const FREQS: [(&str, Freq); 5] = [
    ("HOURLY", Freq::Hourly),
    ("DAILY", Freq::Daily),
    ("WEEKLY", Freq::Weekly),
    ("MONTHLY", Freq::Monthly),
    ("YEARLY", Freq::Yearly),
];

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Mon),
    ("TU", Weekday::Tue),
    ("WE", Weekday::Wed),
    ("TH", Weekday::Thu),
    ("FR", Weekday::Fri),
    ("SA", Weekday::Sat),
    ("SU", Weekday::Sun),
];

fn error(part: &str, why: impl Into<String>, remedy: impl Into<String>) -> RuleError {
    RuleError { part: text::clean(part, 60), why: why.into(), remedy: remedy.into() }
}

impl Rule {
    /// Reads `FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU`, with or without `RRULE:` before it.
    ///
    /// # Errors
    /// Names the part that is wrong, or that this program does not do: `FREQ=SECONDLY`,
    /// `FREQ=MINUTELY`, `BYSECOND`, and what RFC 5545 forbids.
    pub fn parse(given: &str) -> Result<Self, RuleError> {
        let trimmed = given.trim();
        let text = match trimmed.split_at_checked(6) {
            Some((head, tail)) if head.eq_ignore_ascii_case("RRULE:") => tail,
            _ => trimmed,
        };
        if text.len() > MAX_RULE {
            let why = format!("it is longer than {MAX_RULE} bytes");
            return Err(error("the rule", why, "list fewer times"));
        }
        let mut parts = Parts::default();
        // A last `;` is common.
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            parts.add(part)?;
        }
        parts.rule()
    }
}

/// The parts of a rule while it is read.
#[derive(Default)]
struct Parts {
    freq: Option<Freq>,
    interval: Option<u16>,
    count: Option<u32>,
    until: Option<Stamp>,
    week_start: Option<Weekday>,
    by_month: Vec<i16>,
    by_week_no: Vec<i16>,
    by_year_day: Vec<i16>,
    by_month_day: Vec<i16>,
    by_day: Vec<WeekdayNum>,
    by_hour: Vec<i16>,
    by_minute: Vec<i16>,
    by_set_pos: Vec<i16>,
}

impl Parts {
    fn add(&mut self, part: &str) -> Result<(), RuleError> {
        let Some((name, value)) = part.split_once('=') else {
            return Err(error(part, "it has no value", "write NAME=VALUE, as in FREQ=WEEKLY"));
        };
        let is_new = match name.to_ascii_uppercase().as_str() {
            "FREQ" => self.freq.replace(freq(part, value)?).is_none(),
            "INTERVAL" => self.interval.replace(number(part, value)?).is_none(),
            "COUNT" => self.count.replace(number(part, value)?).is_none(),
            "UNTIL" => self.until.replace(until(part, value)?).is_none(),
            "WKST" => self.week_start.replace(weekday(part, value)?).is_none(),
            "BYMONTH" => set(&mut self.by_month, numbers(part, value, 1..=12, false)?),
            "BYWEEKNO" => set(&mut self.by_week_no, numbers(part, value, 1..=53, true)?),
            "BYYEARDAY" => set(&mut self.by_year_day, numbers(part, value, 1..=366, true)?),
            "BYMONTHDAY" => set(&mut self.by_month_day, numbers(part, value, 1..=31, true)?),
            "BYDAY" => set(&mut self.by_day, weekday_nums(part, value)?),
            "BYHOUR" => set(&mut self.by_hour, numbers(part, value, 0..=23, false)?),
            "BYMINUTE" => set(&mut self.by_minute, numbers(part, value, 0..=59, false)?),
            "BYSETPOS" => set(&mut self.by_set_pos, numbers(part, value, 1..=366, true)?),
            "BYSECOND" => {
                let why = "every occurrence has the second of the first one";
                return Err(error(part, why, "leave it out"));
            }
            "RSCALE" | "SKIP" => {
                return Err(error(part, "only the Gregorian calendar is known", "leave it out"));
            }
            _ => {
                let remedy = "use FREQ, INTERVAL, COUNT, UNTIL, WKST, BYMONTH, BYWEEKNO, \
                     BYYEARDAY, BYMONTHDAY, BYDAY, BYHOUR, BYMINUTE or BYSETPOS";
                return Err(error(part, "RFC 5545 has no such part", remedy));
            }
        };
        if is_new { Ok(()) } else { Err(error(part, "it is there twice", "leave one out")) }
    }

    fn rule(self) -> Result<Rule, RuleError> {
        let Some(freq) = self.freq else {
            let remedy = "begin with FREQ=DAILY, WEEKLY, MONTHLY, YEARLY or HOURLY";
            return Err(error("FREQ", "it is missing", remedy));
        };
        let end = match (self.count, self.until) {
            (None, None) => End::Never,
            (Some(count), None) => End::Count(count),
            (None, Some(until)) => End::Until(until),
            (Some(_), Some(_)) => {
                return Err(error("COUNT", "UNTIL says the end, too", "leave one of them out"));
            }
        };
        let rule = Rule {
            freq,
            interval: self.interval.unwrap_or(1),
            end,
            by_month: self.by_month,
            by_week_no: self.by_week_no,
            by_year_day: self.by_year_day,
            by_month_day: self.by_month_day,
            by_day: self.by_day,
            by_hour: self.by_hour,
            by_minute: self.by_minute,
            by_set_pos: self.by_set_pos,
            week_start: self.week_start.unwrap_or(Weekday::Mon),
        };
        rule.check()?;
        Ok(rule)
    }
}

/// Whether it was empty.
fn set<T>(list: &mut Vec<T>, values: Vec<T>) -> bool {
    let was_empty = list.is_empty();
    *list = values;
    was_empty
}

impl Rule {
    /// What RFC 5545 forbids to combine.
    fn check(&self) -> Result<(), RuleError> {
        let freq = self.freq;
        let is_numbered = self.by_day.iter().any(|d| d.nth != 0);
        let forbidden = [
            (
                !self.by_week_no.is_empty() && freq != Freq::Yearly,
                "BYWEEKNO",
                "weeks are numbered in a year",
                "use FREQ=YEARLY",
            ),
            (
                !self.by_year_day.is_empty() && !matches!(freq, Freq::Yearly | Freq::Hourly),
                "BYYEARDAY",
                "days are numbered in a year",
                "use FREQ=YEARLY",
            ),
            (
                !self.by_month_day.is_empty() && freq == Freq::Weekly,
                "BYMONTHDAY",
                "a week has no days of the month",
                "use FREQ=MONTHLY, or FREQ=DAILY with BYDAY",
            ),
            (
                is_numbered && !matches!(freq, Freq::Monthly | Freq::Yearly),
                "BYDAY",
                "weekdays are numbered in a month or a year",
                "use FREQ=MONTHLY or YEARLY, or weekdays without number",
            ),
            (
                is_numbered && !self.by_week_no.is_empty(),
                "BYDAY",
                "BYWEEKNO says which week, and a week has each weekday once",
                "leave out the numbers or BYWEEKNO",
            ),
            (
                !self.by_set_pos.is_empty() && !self.has_other_by_part(),
                "BYSETPOS",
                "it chooses among what another BY part names, and there is none",
                "add one, as BYDAY=MO,TU,WE,TH,FR",
            ),
        ];
        match forbidden.into_iter().find(|(is_so, ..)| *is_so) {
            None => Ok(()),
            Some((_, part, why, remedy)) => Err(error(part, why, remedy)),
        }
    }

    fn has_other_by_part(&self) -> bool {
        !self.by_day.is_empty() || self.lists().iter().any(|(_, list)| !list.is_empty())
    }

    /// The lists of numbers but `BYSETPOS`, in the order in which RFC 5545 applies them.
    fn lists(&self) -> [(&'static str, &[i16]); 6] {
        [
            ("BYMONTH", &self.by_month),
            ("BYWEEKNO", &self.by_week_no),
            ("BYYEARDAY", &self.by_year_day),
            ("BYMONTHDAY", &self.by_month_day),
            ("BYHOUR", &self.by_hour),
            ("BYMINUTE", &self.by_minute),
        ]
    }
}

fn freq(part: &str, value: &str) -> Result<Freq, RuleError> {
    let known = FREQS.iter().find(|(name, _)| value.eq_ignore_ascii_case(name));
    known.map(|(_, freq)| *freq).ok_or_else(|| {
        let is_fast = ["SECONDLY", "MINUTELY"].iter().any(|f| value.eq_ignore_ascii_case(f));
        let why = if is_fast { "it is too often for a calendar" } else { "no such frequency" };
        error(part, why, "use HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY")
    })
}

/// A number from 1.
fn number<T: TryFrom<u32>>(part: &str, value: &str) -> Result<T, RuleError> {
    let is_number = value.bytes().all(|b| b.is_ascii_digit());
    let number = value.parse::<u32>().ok().filter(|n| is_number && *n > 0);
    number.and_then(|n| T::try_from(n).ok()).ok_or_else(|| {
        let most = (1_u64 << (8 * size_of::<T>())) - 1;
        error(part, "it is no such number", format!("use 1 to {most}"))
    })
}

fn until(part: &str, value: &str) -> Result<Stamp, RuleError> {
    Stamp::parse(value).ok_or_else(|| {
        error(part, "it is no day or time", "use 20261224, 20261224T090000 or 20261224T080000Z")
    })
}

/// Numbers of a range; with `from_end` also their negatives. In order, each once.
fn numbers(
    part: &str,
    value: &str,
    range: std::ops::RangeInclusive<i16>,
    from_end: bool,
) -> Result<Vec<i16>, RuleError> {
    let read = |text: &str| {
        let number = signed(text)?;
        let size = if from_end { number.checked_abs()? } else { number };
        range.contains(&size).then_some(number)
    };
    let mut list = Vec::new();
    for text in value.split(',').map(str::trim) {
        let number = read(text).ok_or_else(|| {
            let (low, high) = (range.start(), range.end());
            let back =
                if from_end { format!(", or -{high} to -1 from the end") } else { String::new() };
            let why = format!("\"{}\" is none of its numbers", text::clean(text, 20));
            error(part, why, format!("use {low} to {high}{back}"))
        })?;
        list.push(number);
    }
    list.sort_unstable();
    list.dedup();
    Ok(list)
}

/// `5`, `+5`, `-5`; `None` for anything else.
fn signed(text: &str) -> Option<i16> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

fn weekday(part: &str, text: &str) -> Result<Weekday, RuleError> {
    let known = WEEKDAYS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    known.map(|(_, day)| *day).ok_or_else(|| {
        let why = format!("\"{}\" is no weekday", text::clean(text, 20));
        error(part, why, "use MO, TU, WE, TH, FR, SA or SU")
    })
}

fn weekday_nums(part: &str, value: &str) -> Result<Vec<WeekdayNum>, RuleError> {
    let mut list = Vec::new();
    for text in value.split(',').map(str::trim) {
        let letters = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, name) = text.split_at_checked(letters).unwrap_or((text, ""));
        let day = weekday(part, name)?;
        let nth = match number {
            "" => 0,
            _ => signed(number).filter(|n| matches!(n, -53..=-1 | 1..=53)).ok_or_else(|| {
                let why = format!("\"{}\" has no such number", text::clean(text, 20));
                error(part, why, "use 1 to 53, or -53 to -1 from the end, as in 1FR or -1SU")
            })?,
        };
        list.push(WeekdayNum { nth, day });
    }
    list.sort_unstable_by_key(|d| (d.nth, d.day.num_days_from_monday()));
    list.dedup();
    Ok(list)
}

/// The text of RFC 5545; [`Rule::parse`] makes the same rule of it.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "FREQ={}", self.freq)?;
        match self.end {
            End::Never => {}
            End::Count(count) => write!(f, ";COUNT={count}")?,
            End::Until(until) => write!(f, ";UNTIL={until}")?,
        }
        if self.interval != 1 {
            write!(f, ";INTERVAL={}", self.interval)?;
        }
        for (name, list) in self.lists() {
            write_list(f, name, list)?;
        }
        write_list(f, "BYDAY", &self.by_day)?;
        write_list(f, "BYSETPOS", &self.by_set_pos)?;
        if self.week_start != Weekday::Mon {
            write!(f, ";WKST={}", two_letters(self.week_start))?;
        }
        Ok(())
    }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter, name: &str, list: &[T]) -> fmt::Result {
    for (index, value) in list.iter().enumerate() {
        if index == 0 {
            write!(f, ";{name}=")?;
        } else {
            f.write_str(",")?;
        }
        write!(f, "{value}")?;
    }
    Ok(())
}

impl fmt::Display for Freq {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = FREQS.iter().find(|(_, freq)| freq == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl fmt::Display for WeekdayNum {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.nth != 0 {
            write!(f, "{}", self.nth)?;
        }
        f.write_str(two_letters(self.day))
    }
}

fn two_letters(day: Weekday) -> &'static str {
    WEEKDAYS.iter().find(|(_, d)| *d == day).map_or("", |(name, _)| name)
}
