//! The local times that a rule stands for.
//!
//! `FREQ` and `INTERVAL` pick *units* (hours, days, weeks, months, years), which are numbered so
//! that the n-th is found without walking to it. A day of a unit belongs to the rule if every part
//! that speaks of days agrees; on each such day it takes place at every time of `BYHOUR` and
//! `BYMINUTE`. What no part says, `DTSTART` does.

use std::ops::RangeInclusive;

use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use super::rule::{End, Freq, Rule, WeekdayNum};

/// The last year that RFC 5545 can write.
const LAST_YEAR: i32 = 9_999;

/// A rule, completed by its `DTSTART`.
pub(super) struct Expansion {
    rule: Rule,
    start: NaiveDateTime,
    /// Of a day, or of an hour where the rule is hourly; in order, never empty.
    times: Vec<TimeDelta>,
}

/// What a walk came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walk {
    /// How many occurrences, and months or smaller units without one, were looked at.
    pub steps: u32,
    /// Whether that was enough.
    pub is_complete: bool,
}

impl Expansion {
    pub fn new(rule: &Rule, start: NaiveDateTime) -> Self {
        let mut rule = rule.clone();
        complete(&mut rule, start.date());
        let or = |list: &[i16], number: u32| match list {
            [] => vec![i64::from(number)],
            list => list.iter().copied().map(i64::from).collect(),
        };
        let hours =
            if rule.freq == Freq::Hourly { vec![0] } else { or(&rule.by_hour, start.hour()) };
        let minutes = or(&rule.by_minute, start.minute());
        let second = i64::from(start.second());
        let seconds = hours
            .iter()
            .flat_map(|hour| minutes.iter().map(move |minute| (hour * 60 + minute) * 60 + second));
        let times = seconds.map(TimeDelta::seconds).collect();
        Self { rule, start, times }
    }

    /// Gives `take` the occurrences after `DTSTART`, from `from` on and before `to`, in order. It
    /// answers before which time it wants more. At most `budget` steps are made.
    pub fn walk(
        &self,
        from: NaiveDateTime,
        mut to: NaiveDateTime,
        budget: u32,
        mut take: impl FnMut(NaiveDateTime) -> NaiveDateTime,
    ) -> Walk {
        let interval = i64::from(self.rule.interval);
        let first = self.unit(self.start);
        // The first to look at, counted in intervals.
        let jump = (self.unit(from) - first).max(0) / interval;
        let cost = if self.rule.freq == Freq::Yearly { 12 } else { 1 };
        let (mut steps, mut index) = (0_u32, 0);
        // DTSTART is the first of them.
        let mut left = match self.rule.end {
            End::Count(count) => Some(u64::from(count) - 1),
            End::Never | End::Until(_) => {
                index = jump;
                None
            }
        };
        let mut days = Vec::new();
        loop {
            let unit = first + index * interval;
            let span = self.begin(unit).zip(self.begin(unit + 1));
            let Some((begin, end)) = span.filter(|(begin, _)| *begin < to && left != Some(0))
            else {
                return Walk { steps, is_complete: true };
            };
            // Where nothing is counted only the days asked for matter.
            let is_counted = left.is_some() || !self.rule.by_set_pos.is_empty();
            let since = if is_counted { begin } else { begin.max(from) };
            self.days(since.date(), begin, end, &mut days);
            let set = Set { days: &days, times: &self.times, picks: self.picks(days.len()) };
            let after = self.start + TimeDelta::seconds(1);
            let passed = if index == 0 { set.count_before(after) } else { 0 };
            let skipped = if end <= from { set.len() } else { set.count_before(from).max(passed) };
            let wanted = set.len() - skipped;
            let taken = match &mut left {
                None => wanted,
                Some(left) => {
                    *left = left.saturating_sub((skipped - passed) as u64);
                    let taken = (wanted as u64).min(*left);
                    *left -= taken;
                    taken as usize
                }
            };
            steps += cost - cost.min(taken as u32);
            if steps > budget {
                return Walk { steps: budget, is_complete: false };
            }
            for local in (skipped..skipped + taken).filter_map(|position| set.get(position)) {
                if local >= to {
                    return Walk { steps, is_complete: true };
                }
                steps += 1;
                if steps > budget {
                    return Walk { steps: budget, is_complete: false };
                }
                to = to.min(take(local));
            }
            index = match self.rule.freq {
                Freq::Hourly if !self.has_day(begin.date()) => self.next_day(begin, first),
                _ => index + 1,
            };
            // Where every unit has as many, those between need no look.
            if let (1, Some(left), Some(each)) = (index, &mut left, self.each())
                && jump > index
            {
                let passed = u64::try_from(jump - index).unwrap_or(0);
                *left = left.saturating_sub(passed.saturating_mul(each));
                index = jump;
            }
        }
    }

    /// The number of the unit that a time lies in.
    fn unit(&self, at: NaiveDateTime) -> i64 {
        let day = i64::from(at.num_days_from_ce());
        let year = i64::from(at.year());
        match self.rule.freq {
            Freq::Yearly => year,
            Freq::Monthly => year * 12 + i64::from(at.month0()),
            Freq::Weekly => (day - self.first_week()).div_euclid(7),
            Freq::Daily => day,
            Freq::Hourly => day * 24 + i64::from(at.hour()),
        }
    }

    /// When a unit begins. `None` past the calendar.
    fn begin(&self, unit: i64) -> Option<NaiveDateTime> {
        let day = |n: i64| NaiveDate::from_num_days_from_ce_opt(i32::try_from(n).ok()?);
        let month = |year: i64, month: i64| {
            NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, u32::try_from(month).ok()?, 1)
        };
        let date = match self.rule.freq {
            Freq::Yearly => month(unit, 1),
            Freq::Monthly => month(unit.div_euclid(12), unit.rem_euclid(12) + 1),
            Freq::Weekly => day(unit.checked_mul(7)? + self.first_week()),
            Freq::Daily => day(unit),
            Freq::Hourly => day(unit.div_euclid(24)),
        };
        let hour = if self.rule.freq == Freq::Hourly { unit.rem_euclid(24) } else { 0 };
        let date = date.filter(|date| date.year() <= LAST_YEAR)?;
        Some(date.and_time(NaiveTime::MIN) + TimeDelta::hours(hour))
    }

    /// The first day of week 0, counted as days are. Day 1, the 1st of January of year 1, is a
    /// Monday.
    fn first_week(&self) -> i64 {
        1 + i64::from(self.rule.week_start.num_days_from_monday())
    }

    /// The first index of an hour that is on another day than this one.
    fn next_day(&self, hour: NaiveDateTime, first: i64) -> i64 {
        let midnight = self.unit(hour) - i64::from(hour.hour()) + 24;
        let interval = i64::from(self.rule.interval);
        (midnight - first + interval - 1) / interval
    }

    /// How many occurrences every unit after the first has, where that is always the same.
    fn each(&self) -> Option<u64> {
        let rule = &self.rule;
        let is_plain =
            rule.by_year_day.is_empty() && rule.by_week_no.is_empty() && rule.by_set_pos.is_empty();
        let is_any_day = rule.by_day.is_empty() && rule.by_month_day.is_empty();
        let months = rule.by_month.len();
        let days = match rule.freq {
            Freq::Yearly if months > 0 => months * self.each_month()?,
            Freq::Monthly if months == 0 => self.each_month()?,
            Freq::Weekly if months == 0 => rule.by_day.len(),
            Freq::Daily if months == 0 && is_any_day => 1,
            Freq::Hourly if months == 0 && is_any_day && rule.by_hour.is_empty() => 1,
            _ => return None,
        };
        is_plain.then_some((days * self.times.len()) as u64)
    }

    /// On how many days of every month it takes place, where no month is too short and none counts
    /// a day twice.
    fn each_month(&self) -> Option<usize> {
        let (days, weekdays) = (&self.rule.by_month_day, &self.rule.by_day);
        let days_are = |range: RangeInclusive<i16>| days.iter().all(|n| range.contains(n));
        let weekdays_are =
            |range: RangeInclusive<i16>| weekdays.iter().all(|d| range.contains(&d.nth));
        match (days.len(), weekdays.len()) {
            (n, 0) if days_are(1..=28) || days_are(-28..=-1) => Some(n),
            (0, n) if weekdays_are(1..=4) || weekdays_are(-4..=-1) => Some(n),
            _ => None,
        }
    }

    /// The beginnings of the days of a unit, or the one hour that it is, that belong to the rule;
    /// from `since` on.
    fn days(
        &self,
        since: NaiveDate,
        begin: NaiveDateTime,
        end: NaiveDateTime,
        days: &mut Vec<NaiveDateTime>,
    ) {
        days.clear();
        let rule = &self.rule;
        if rule.freq == Freq::Hourly {
            let has_hour = rule.by_hour.is_empty() || rule.by_hour.contains(&(begin.hour() as i16));
            days.extend((has_hour && self.has_day(begin.date())).then_some(begin));
            return;
        }
        let mut next = Some(since);
        while let Some(day) = next.filter(|day| *day < end.date()) {
            if !self.has_month(day) {
                next = day.with_day(1).and_then(|first| first.checked_add_months(Months::new(1)));
                continue;
            }
            if self.has_day(day) {
                days.push(day.and_time(NaiveTime::MIN));
            }
            next = day.succ_opt();
        }
    }

    fn has_month(&self, day: NaiveDate) -> bool {
        let months = &self.rule.by_month;
        months.is_empty() || months.contains(&(day.month() as i16))
    }

    /// Whether every part that speaks of days agrees.
    fn has_day(&self, day: NaiveDate) -> bool {
        if !self.has_month(day) {
            return false;
        }
        let rule = &self.rule;
        let in_month = || Place::new(day.day(), u32::from(day.num_days_in_month()));
        let in_year = || Place::new(day.ordinal(), if day.leap_year() { 366 } else { 365 });
        if !(rule.by_month_day.is_empty() || in_month().is_in(&rule.by_month_day)) {
            return false;
        }
        if !(rule.by_year_day.is_empty() || in_year().is_in(&rule.by_year_day)) {
            return false;
        }
        if !(rule.by_week_no.is_empty()
            || self.week(day).is_some_and(|w| w.is_in(&rule.by_week_no)))
        {
            return false;
        }
        if rule.by_day.is_empty() {
            return true;
        }
        let weekday = day.weekday();
        let is_monthly = rule.freq == Freq::Monthly || !rule.by_month.is_empty();
        let nth = || if is_monthly { in_month() } else { in_year() }.weekdays();
        rule.by_day.iter().any(|d| d.day == weekday && (d.nth == 0 || nth().is(d.nth)))
    }

    /// The week of a day in the year that has at least four days of it.
    fn week(&self, day: NaiveDate) -> Option<Place> {
        let before = day.weekday().days_since(self.rule.week_start);
        let fourth = day.checked_add_signed(TimeDelta::days(3 - i64::from(before)))?;
        let number = fourth.ordinal0() / 7 + 1;
        let left = (if fourth.leap_year() { 366 } else { 365 } - fourth.ordinal()) / 7;
        Some(Place::new(number, number + left))
    }

    /// The positions that `BYSETPOS` chooses, in order. `None`: all of them.
    fn picks(&self, days: usize) -> Option<Vec<usize>> {
        let rule = &self.rule;
        if rule.by_set_pos.is_empty() {
            return None;
        }
        let len = days * self.times.len();
        let from_end = |n: i16| len.checked_sub(usize::from(n.unsigned_abs()));
        let pick = |n: &i16| match usize::try_from(*n) {
            Ok(n) => n.checked_sub(1).filter(|n| *n < len),
            Err(_) => from_end(*n),
        };
        let mut picks: Vec<usize> = rule.by_set_pos.iter().filter_map(pick).collect();
        picks.sort_unstable();
        picks.dedup();
        Some(picks)
    }
}

/// What RFC 5545 takes from `DTSTART` where no part of the rule names days.
fn complete(rule: &mut Rule, start: NaiveDate) {
    let weekday = WeekdayNum { nth: 0, day: start.weekday() };
    let names_days =
        !(rule.by_year_day.is_empty() && rule.by_month_day.is_empty() && rule.by_day.is_empty());
    if names_days {
        return;
    }
    match rule.freq {
        Freq::Yearly if !rule.by_week_no.is_empty() => rule.by_day = vec![weekday],
        Freq::Yearly => {
            rule.by_month_day = vec![start.day() as i16];
            if rule.by_month.is_empty() {
                rule.by_month = vec![start.month() as i16];
            }
        }
        Freq::Monthly => rule.by_month_day = vec![start.day() as i16],
        Freq::Weekly => rule.by_day = vec![weekday],
        Freq::Daily | Freq::Hourly => {}
    }
}

/// A number from 1, and the same from the end: -1 is the last.
#[derive(Clone, Copy)]
struct Place {
    number: i16,
    from_end: i16,
}

impl Place {
    fn new(number: u32, of: u32) -> Self {
        Self { number: number as i16, from_end: number as i16 - of as i16 - 1 }
    }

    fn is(self, number: i16) -> bool {
        self.number == number || self.from_end == number
    }

    fn is_in(self, list: &[i16]) -> bool {
        list.contains(&self.number) || list.contains(&self.from_end)
    }

    /// Of a day in a month or year: which of its weekdays it is there.
    fn weekdays(self) -> Self {
        Self { number: (self.number - 1) / 7 + 1, from_end: (self.from_end + 1) / 7 - 1 }
    }
}

/// The occurrences of one unit, in order: each day at each time, or what `BYSETPOS` picks of them.
struct Set<'a> {
    days: &'a [NaiveDateTime],
    times: &'a [TimeDelta],
    picks: Option<Vec<usize>>,
}

impl Set<'_> {
    fn len(&self) -> usize {
        self.picks.as_ref().map_or(self.days.len() * self.times.len(), Vec::len)
    }

    fn get(&self, position: usize) -> Option<NaiveDateTime> {
        let position = match &self.picks {
            None => position,
            Some(picks) => *picks.get(position)?,
        };
        let day = self.days.get(position / self.times.len())?;
        let time = self.times.get(position % self.times.len())?;
        day.checked_add_signed(*time)
    }

    /// How many are before a time, in O(log n).
    fn count_before(&self, at: NaiveDateTime) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.get(middle).is_some_and(|local| local < at) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}
