//! RFC 5545's `DATE` and `DATE-TIME`: `20261124`, `20261124T090000`, `20261124T080000Z`.

use std::fmt;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use super::{Instant, zone};

/// A day, or a time that is local or in UTC. Years 0 to 9999, full seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stamp {
    Date(NaiveDate),
    Local(NaiveDateTime),
    Utc(NaiveDateTime),
}

impl Stamp {
    /// `None` for anything that is no day or time of the calendar. A leap second is the second
    /// before it.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((date, time)) = text.split_once(['T', 't']) else {
            return Some(Self::Date(parse_date(text)?));
        };
        let (time, is_utc) = match time.strip_suffix(['Z', 'z']) {
            Some(time) => (time, true),
            None => (time, false),
        };
        let [hour, minute, second] = digits(time, [2, 2, 2])?;
        let time = NaiveTime::from_hms_opt(hour, minute, if second == 60 { 59 } else { second })?;
        let at = parse_date(date)?.and_time(time);
        Some(if is_utc { Self::Utc(at) } else { Self::Local(at) })
    }

    /// As a local time of a zone: a day is its midnight.
    pub fn local(self, zone: Tz) -> NaiveDateTime {
        match self {
            Self::Date(day) => day.and_time(NaiveTime::MIN),
            Self::Local(at) => at,
            Self::Utc(at) => zone::local(at.and_utc(), zone),
        }
    }

    /// The instant, where a day and a local time are those of a zone.
    pub fn instant(self, zone: Tz) -> Instant {
        match self {
            Self::Date(_) | Self::Local(_) => zone::instant(self.local(zone), zone),
            Self::Utc(at) => at.and_utc(),
        }
    }
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    let [year, month, day] = digits(text, [4, 2, 2])?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

/// Numbers of so many digits each, and nothing else.
fn digits(text: &str, widths: [usize; 3]) -> Option<[u32; 3]> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut rest = text;
    let mut numbers = [0; 3];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let (head, tail) = rest.split_at_checked(width)?;
        *number = head.parse().ok()?;
        rest = tail;
    }
    rest.is_empty().then_some(numbers)
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Date(day) => write!(f, "{}", day.format("%Y%m%d")),
            Self::Local(at) => write!(f, "{}", at.format("%Y%m%dT%H%M%S")),
            Self::Utc(at) => write!(f, "{}", at.format("%Y%m%dT%H%M%SZ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("20261124", Some("20261124"))]
    #[case("20261124T090000", Some("20261124T090000"))]
    #[case("20261124t080000z", Some("20261124T080000Z"))]
    #[case("20161231T235960Z", Some("20161231T235959Z"))]
    #[case("20260229", None)]
    #[case("2026-11-24", None)]
    #[case("20261124T0900", None)]
    #[case("20261124T250000", None)]
    #[case("+0261124", None)]
    #[case("202611240", None)]
    #[case("２０261124", None)]
    #[case("", None)]
    fn days_and_times_are_read_and_written(#[case] text: &str, #[case] expect: Option<&str>) {
        assert_eq!(Stamp::parse(text).map(|s| s.to_string()).as_deref(), expect);
    }
}
