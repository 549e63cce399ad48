//! A time as a person writes it.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Timelike};
use chrono_tz::Tz;

use super::{Instant, zone};

/// An instant, or a local time or day that is one only in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Instant(Instant),
    Local(NaiveDateTime),
    Day(NaiveDate),
}

impl Moment {
    /// `2026-11-23T14:00:00Z` (RFC 3339), `2026-11-23 14:00` or `2026-11-23`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // Years have four digits: no instant from outside overflows.
        let (year, _) = text.split_once('-')?;
        if year.len() != 4 || !year.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        // Nor does any second last longer than one.
        let is_plain = |nanosecond: u32| nanosecond < 1_000_000_000;
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return is_plain(at.nanosecond()).then(|| Self::Instant(at.to_utc()));
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some(Self::Day(day));
        }
        let text = text.replacen('T', " ", 1);
        let forms = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"];
        let mut read = forms.iter().filter_map(|f| NaiveDateTime::parse_from_str(&text, f).ok());
        read.next().filter(|local| is_plain(local.nanosecond())).map(Self::Local)
    }

    /// A local time as it is typed into a form: `2026-11-23 14:00`, seconds if need be.
    pub fn local(text: &str) -> Option<NaiveDateTime> {
        match Self::parse(text)? {
            Self::Local(local) => Some(local),
            Self::Instant(_) | Self::Day(_) => None,
        }
    }

    /// As a hand-off in a zone where it names none: a local time that a change of clocks leaves out
    /// is the first instant after it, one that comes twice is the first.
    pub fn at(self, zone: Tz) -> Instant {
        match self {
            Self::Local(local) => zone::hand_off(local, zone),
            other => other.begins(zone),
        }
    }

    /// When it begins, in a zone where it names none: a local time that a change of clocks leaves
    /// out moves by the length of the gap.
    pub fn begins(self, zone: Tz) -> Instant {
        match self {
            Self::Instant(at) => at,
            Self::Local(local) => zone::instant(local, zone),
            Self::Day(day) => zone::midnight(day, zone),
        }
    }

    /// When it is over: a day at its end, a time at once.
    pub fn ends(self, zone: Tz) -> Instant {
        match self {
            Self::Day(day) => zone::midnight(day.succ_opt().unwrap_or(day), zone),
            other => other.begins(zone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Europe::Madrid;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("2026-11-23T14:00:00Z", "2026-11-23T14:00:00Z", "2026-11-23T14:00:00Z")]
    #[case("2026-11-23T14:00:00+02:00", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z")]
    #[case("2026-11-23 14:00", "2026-11-23T13:00:00Z", "2026-11-23T13:00:00Z")]
    #[case("2026-07-23T14:00:30", "2026-07-23T12:00:30Z", "2026-07-23T12:00:30Z")]
    #[case(" 2026-10-25 ", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")]
    fn a_day_lasts_until_its_end_and_a_time_no_while(
        #[case] text: &str,
        #[case] begins: &str,
        #[case] ends: &str,
    ) {
        let moment = Moment::parse(text).unwrap();
        let at = |text: &str| text.parse::<Instant>().unwrap();
        assert_eq!((moment.begins(Madrid), moment.ends(Madrid)), (at(begins), at(ends)));
    }

    #[rstest]
    #[case("2026-02-30")]
    #[case("2026-11-23 25:00")]
    #[case("23.11.2026")]
    #[case("26-11-23")]
    #[case("+12026-11-23")]
    #[case("14:00")]
    #[case("2026-12-01 22:00:60")]
    #[case("2026-12-31T23:59:60Z")]
    fn anything_else_is_none(#[case] text: &str) {
        assert_eq!(Moment::parse(text), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[0-9]{3,5}-[0-9]{1,2}-[0-9]{1,2}[T ]?\\PC{0,16}") {
            let _ = Moment::parse(&text).map(|m| (m.begins(Madrid), m.ends(Madrid)));
        }
    }
}
