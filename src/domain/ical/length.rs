//! RFC 5545's `DURATION`: `P1D`, `PT8H30M`, `P2W`.

use std::fmt;

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::CENTURY;
use crate::domain::time::recurrence::Start;
use crate::domain::time::{Interval, zone};

/// How long an event is: days of the calendar, that end at their local time of day even when clocks
/// change, and then elapsed seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Length {
    pub days: u32,
    pub seconds: u32,
}

impl Length {
    pub fn days(days: u32) -> Self {
        Self { days, seconds: 0 }
    }

    pub fn seconds(seconds: u32) -> Self {
        Self { days: 0, seconds }
    }

    /// `None` for anything else, for negative lengths and those of more than a hundred years.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('+').unwrap_or(text).to_ascii_uppercase();
        let (date, time) = match text.strip_prefix('P')?.split_once('T') {
            None => (text.strip_prefix('P')?, ""),
            Some((_, "")) => return None,
            Some(parts) => parts,
        };
        let days = sum(date, &[('W', 7), ('D', 1)])?;
        let seconds = sum(time, &[('H', 3_600), ('M', 60), ('S', 1)])?;
        let length = Self { days: days.try_into().ok()?, seconds: seconds.try_into().ok()? };
        let is_some = !(date.is_empty() && time.is_empty());
        (is_some && length.longest() <= CENTURY + SLACK).then_some(length)
    }

    /// The time that something takes which begins then.
    pub fn from(self, start: Start, zone: Tz) -> Interval {
        let begin = match self.days {
            0 => start.at,
            days => {
                let end = start.local.checked_add_signed(TimeDelta::days(i64::from(days)));
                end.map_or(start.at, |end| zone::instant(end, zone))
            }
        };
        let seconds = TimeDelta::seconds(i64::from(self.seconds));
        let end = begin.checked_add_signed(seconds).unwrap_or(begin);
        Interval::new(start.at, end.max(start.at))
    }

    /// As long as it can be, wherever clocks change.
    pub(super) fn longest(self) -> TimeDelta {
        let slack = if self.days > 0 { SLACK } else { TimeDelta::zero() };
        let days = TimeDelta::days(i64::from(self.days));
        days + TimeDelta::seconds(i64::from(self.seconds)) + slack
    }
}

/// No clock was ever changed by more than a day.
const SLACK: TimeDelta = TimeDelta::days(1);

/// `1H30M` in the unit of which a letter is so many; each letter at most once and in order.
fn sum(text: &str, letters: &[(char, u64)]) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0_u64;
    for (letter, unit) in letters {
        if let Some((number, after)) = rest.split_once(*letter) {
            let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            let number: u64 = number.parse().ok().filter(|_| is_number)?;
            sum = sum.checked_add(number.checked_mul(*unit)?)?;
            rest = after;
        }
    }
    rest.is_empty().then_some(sum)
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("P")?;
        if self.days > 0 {
            write!(f, "{}D", self.days)?;
        }
        if self.seconds > 0 || self.days == 0 {
            f.write_str("T")?;
            let (hours, minutes, seconds) =
                (self.seconds / 3_600, self.seconds / 60 % 60, self.seconds % 60);
            let parts = [(hours, 'H'), (minutes, 'M'), (seconds, 'S')];
            for (number, letter) in parts.into_iter().filter(|(number, _)| *number > 0) {
                write!(f, "{number}{letter}")?;
            }
            if self.seconds == 0 {
                f.write_str("0S")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("P1D", Some("P1D"))]
    #[case("P2W", Some("P14D"))]
    #[case("+pt8h30m", Some("PT8H30M"))]
    #[case("P1DT0H0M5S", Some("P1DT5S"))]
    #[case("PT0S", Some("PT0S"))]
    #[case("PT90M", Some("PT1H30M"))]
    #[case("-PT15M", None)]
    #[case("P", None)]
    #[case("PT", None)]
    #[case("P1H", None)]
    #[case("PT1M1H", None)]
    #[case("P+1D", None)]
    #[case("P99999999999999999999W", None)]
    #[case("P40000D", None)]
    fn lengths_are_read_and_written(#[case] text: &str, #[case] expect: Option<&str>) {
        assert_eq!(Length::parse(text).map(|l| l.to_string()).as_deref(), expect);
    }
}
