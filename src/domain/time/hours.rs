//! Hours of the week in a local zone: when a calendar is open, when a layer of a roster applies.

use std::fmt;

use chrono::{Datelike, NaiveDate, NaiveTime, TimeDelta, Weekday};
use chrono_tz::Tz;

use super::{Instant, Interval, Intervals, zone};

/// Minutes after a local midnight. A range that goes past midnight belongs to the day on which it
/// begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    /// 0 to 1,439.
    from: u16,
    /// 1 to 1,440, or up to `from` on the next day when it is not greater than `from`.
    to: u16,
}

/// The minutes of a day.
const DAY: u16 = 1_440;

impl Range {
    /// The whole day, midnight to midnight.
    pub const DAY: Self = Self { from: 0, to: DAY };

    /// `from` to `to` in minutes after midnight; overnight where `to` is not after `from`. `None`
    /// where they are no times of a day, or the same.
    pub fn new(from: u16, to: u16) -> Option<Self> {
        (from < DAY && to <= DAY && from != to).then_some(Self { from, to })
    }

    /// `09:00-18:00`, `22:00-06:00` (overnight), `00:00-24:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        Self::new(minute(from.trim())?, minute(to.trim())?)
    }

    /// Whether both have a minute where they begin on the same day.
    pub fn overlaps(self, other: Self) -> bool {
        let end = |range: Self| if range.is_overnight() { range.to + DAY } else { range.to };
        self.from < end(other) && other.from < end(self)
    }

    fn is_overnight(self) -> bool {
        self.to <= self.from
    }

    /// When it is on a day. Its ends are local times, so that it is an hour shorter or longer where
    /// clocks change inside it.
    pub fn on(self, day: NaiveDate, zone: Tz) -> Option<Interval> {
        let next = if self.is_overnight() { day.succ_opt()? } else { day };
        Some(Interval::new(instant(day, self.from, zone)?, instant(next, self.to, zone)?))
    }
}

/// The instant of a minute of a day.
fn instant(day: NaiveDate, minute: u16, zone: Tz) -> Option<Instant> {
    let local = day.and_time(NaiveTime::MIN);
    let local = local.checked_add_signed(TimeDelta::minutes(i64::from(minute)))?;
    Some(zone::hand_off(local, zone))
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (from, to) = (self.from, self.to);
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

/// `9:05`, `09:05`, `24:00`.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let is_number = |t: &str| (1..=2).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
    if !is_number(hours) || !is_number(minutes) || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60 && hours * 60 + minutes <= DAY).then_some(hours * 60 + minutes)
}

/// The same hours every week, in local time. Several ranges a day; they may overlap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WeekHours([Vec<Range>; 7]);

impl WeekHours {
    /// Every day, all day.
    pub fn always() -> Self {
        Self(std::array::from_fn(|_| vec![Range::DAY]))
    }

    /// Adds a range to a day.
    pub fn add(&mut self, day: Weekday, range: Range) {
        if let Some(ranges) = self.0.get_mut(day.num_days_from_monday() as usize) {
            ranges.push(range);
        }
    }

    /// The ranges that begin on a day.
    pub fn on(&self, day: Weekday) -> &[Range] {
        self.0.get(day.num_days_from_monday() as usize).map_or(&[], Vec::as_slice)
    }

    /// No hours at all.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }

    /// Every minute of the week is in them.
    pub fn is_always(&self) -> bool {
        self.0.iter().all(|ranges| ranges.contains(&Range::DAY))
    }

    /// When they are, inside an interval.
    pub fn within(&self, limits: Interval, zone: Tz) -> Intervals {
        if limits.is_empty() || self.is_empty() {
            return Intervals::empty();
        }
        if self.is_always() {
            return limits.into();
        }
        // From the day before: what began then may go past midnight.
        let first = zone::local(limits.from, zone).date() - TimeDelta::days(1);
        let last = zone::local(limits.to, zone).date();
        let days = first.iter_days().take_while(|day| *day <= last);
        let pieces = days.flat_map(|day| {
            self.on(day.weekday()).iter().filter_map(move |range| range.on(day, zone))
        });
        pieces.filter_map(|piece| piece.overlap(limits)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Europe::Berlin;
    use rstest::rstest;

    fn week(hours: &[(Weekday, &str)]) -> WeekHours {
        let mut week = WeekHours::default();
        for (day, range) in hours {
            week.add(*day, Range::parse(range).unwrap());
        }
        week
    }

    fn days(from: &str, to: &str) -> Interval {
        let midnight = |day: &str| zone::midnight(day.parse().unwrap(), Berlin);
        Interval::new(midnight(from), midnight(to))
    }

    fn hours(week: &WeekHours, from: &str, to: &str) -> Vec<String> {
        let shown = |at| zone::local(at, Berlin).format("%a %H:%M").to_string();
        let open = week.within(days(from, to), Berlin);
        open.iter().map(|i| format!("{}-{}", shown(i.from), shown(i.to))).collect()
    }

    #[rstest]
    #[case("09:00-18:00", Some("09:00-18:00"))]
    #[case("9:30 - 24:00", Some("09:30-24:00"))]
    #[case("22:00-06:00", Some("22:00-06:00"))]
    #[case("00:00-24:00", Some("00:00-24:00"))]
    #[case("09:00-09:00", None)]
    #[case("24:00-06:00", None)]
    #[case("09:60-10:00", None)]
    #[case("9-18", None)]
    #[case("+9:00-18:00", None)]
    #[case("09:00", None)]
    fn ranges_are_read_and_written(#[case] text: &str, #[case] expect: Option<&str>) {
        let range = Range::parse(text).map(|r| r.to_string());
        assert_eq!(range.as_deref(), expect);
    }

    #[rstest]
    #[case("09:00-13:00", "13:00-18:00", false)]
    #[case("09:00-13:00", "12:59-18:00", true)]
    #[case("22:00-06:00", "05:00-09:00", false)]
    #[case("22:00-06:00", "23:00-24:00", true)]
    fn ranges_of_one_day_may_overlap(#[case] a: &str, #[case] b: &str, #[case] expect: bool) {
        let (a, b) = (Range::parse(a).unwrap(), Range::parse(b).unwrap());
        assert_eq!((a.overlaps(b), b.overlaps(a)), (expect, expect));
    }

    #[test]
    fn a_split_day_and_a_night_over_the_weekend() {
        let week = week(&[
            (Weekday::Mon, "09:00-13:00"),
            (Weekday::Mon, "14:00-18:00"),
            (Weekday::Sun, "22:00-06:00"),
        ]);
        let expect = ["Mon 00:00-Mon 06:00", "Mon 09:00-Mon 13:00", "Mon 14:00-Mon 18:00"];
        assert_eq!(hours(&week, "2026-11-23", "2026-11-24"), expect);
        assert_eq!(hours(&week, "2026-11-22", "2026-11-23"), ["Sun 22:00-Mon 00:00"]);
    }

    #[test]
    fn a_night_in_which_clocks_go_forward_is_an_hour_shorter() {
        let nights = week(&[(Weekday::Sat, "22:00-06:00")]);
        let length = |from, to| nights.within(days(from, to), Berlin).length();
        assert_eq!(length("2026-03-28", "2026-03-30"), TimeDelta::hours(7));
        assert_eq!(length("2026-10-24", "2026-10-26"), TimeDelta::hours(9));
        assert_eq!(length("2026-11-21", "2026-11-23"), TimeDelta::hours(8));
    }

    #[test]
    fn round_the_clock_has_no_seams() {
        let all = WeekHours::always();
        let year = days("2026-01-01", "2027-01-01");
        assert_eq!(all.within(year, Berlin), Intervals::from(year));
    }
}
