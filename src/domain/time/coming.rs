//! A time to come, as a person writes it in a hurry.

use chrono::{Days, NaiveTime};
use chrono_tz::Tz;

use super::{Instant, Moment, zone};
use crate::domain::text::parse_duration;

/// `90m`, `+90m` or `in 90m` from now, `14:00` the next time it is that in `zone`, `2026-11-30 09:00` there, a day from its
/// midnight, or RFC 3339. `None`: it is none of these, or over.
pub fn coming(text: &str, now: Instant, zone: Tz) -> Option<Instant> {
    let text = text.trim();
    let length = text.strip_prefix("in ").or_else(|| text.strip_prefix('+')).unwrap_or(text);
    let at = if let Some(length) = parse_duration(length) {
        now.checked_add_signed(length)?
    } else if let Ok(time) = NaiveTime::parse_from_str(text, "%H:%M") {
        let today = zone::local(now, zone).date();
        let on = |day: chrono::NaiveDate| Moment::Local(day.and_time(time)).begins(zone);
        match on(today) {
            at if at > now => at,
            _ => on(today.checked_add_days(Days::new(1))?),
        }
    } else {
        Moment::parse(text)?.begins(zone)
    };
    (at > now).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Europe::Madrid;
    use rstest::rstest;

    #[rstest]
    #[case("90m", Some("2026-11-27T14:30:00Z"))]
    #[case("+2h", Some("2026-11-27T15:00:00Z"))]
    #[case("in 30m", Some("2026-11-27T13:30:00Z"))]
    #[case("14:30", Some("2026-11-27T13:30:00Z"))]
    #[case("13:59", Some("2026-11-28T12:59:00Z"))]
    #[case("2026-11-30 09:00", Some("2026-11-30T08:00:00Z"))]
    #[case("2026-11-28", Some("2026-11-27T23:00:00Z"))]
    #[case("2026-11-27T13:00:01Z", Some("2026-11-27T13:00:01Z"))]
    #[case("2026-11-27T13:00:00Z", None)]
    #[case("2026-11-26", None)]
    #[case("0m", None)]
    #[case("soon", None)]
    #[case("", None)]
    fn a_time_to_come_is_read_in_the_zone(#[case] text: &str, #[case] expect: Option<&str>) {
        let now = "2026-11-27T13:00:00Z".parse().unwrap();
        assert_eq!(coming(text, now, Madrid), expect.map(|e| e.parse().unwrap()));
    }
}
