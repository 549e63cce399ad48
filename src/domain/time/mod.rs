//! Instants, sets of them, and how they are shown. All arithmetic is in UTC; a zone is applied where
//! local times come in and where they go out.

mod coming;
pub mod hours;
pub mod intervals;
mod moment;
pub mod recurrence;
pub mod stamp;
pub mod zone;

pub use coming::coming;
pub use hours::WeekHours;
pub use intervals::{Interval, Intervals};
pub use moment::Moment;
pub use recurrence::{Recurrence, Rule};
pub use stamp::Stamp;

use std::time::Duration;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use chrono_tz::Tz;

/// An instant.
pub type Instant = DateTime<Utc>;

/// The instant that lies `length` before `at`; the first or the last of the calendar where there is
/// none, so that no instant from outside can overflow.
pub fn before(at: Instant, length: TimeDelta) -> Instant {
    let end = if length < TimeDelta::zero() { Instant::MAX_UTC } else { Instant::MIN_UTC };
    at.checked_sub_signed(length).unwrap_or(end)
}

/// How a made-up time runs beside this machine's: from one instant on, so many times as fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timescale {
    start: Instant,
    speed: f64,
}

impl Timescale {
    /// No made-up time at all.
    pub const REAL: Self = Self { start: Instant::UNIX_EPOCH, speed: 1.0 };

    /// From `start` on, `speed` seconds pass in a second; at least 0.01 and at most 10,000.
    pub fn new(start: Instant, speed: f64) -> Self {
        let speed = if speed.is_finite() { speed.clamp(0.01, 10_000.0) } else { 1.0 };
        Self { start, speed }
    }

    /// The instant at which both agree.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// What time it is when this machine's clock shows `ours`.
    pub fn at(&self, ours: Instant) -> Instant {
        if self.speed == 1.0 {
            return ours;
        }
        let passed = (ours - self.start).num_milliseconds() as f64 * self.speed;
        let passed = TimeDelta::try_milliseconds(passed as i64).unwrap_or_default();
        self.start.checked_add_signed(passed).unwrap_or(ours)
    }

    /// How long such a stretch of time takes on this machine.
    pub fn ours(&self, stretch: Duration) -> Duration {
        stretch.div_f64(self.speed)
    }

    /// How much time passes in such a stretch of this machine's.
    pub fn made_up(&self, ours: Duration) -> Duration {
        ours.mul_f64(self.speed)
    }
}

impl Default for Timescale {
    fn default() -> Self {
        Self::REAL
    }
}

/// A part of the past in even steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    pub from: Instant,
    pub to: Instant,
    pub step: TimeDelta,
}

/// How the screens write instants; `t` cycles through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeStyle {
    /// `5m` ago.
    #[default]
    Relative,
    /// `14:03:27`, in the site's zone.
    Local,
    /// `13:03:27Z`.
    Utc,
}

impl TimeStyle {
    /// The next style in the cycle relative → local → UTC.
    pub fn next(self) -> Self {
        match self {
            Self::Relative => Self::Local,
            Self::Local => Self::Utc,
            Self::Utc => Self::Relative,
        }
    }
}

/// `at` as a person reads it in `style`: an age, or a time of day, with the date when it is not the
/// day of `now`.
pub fn show(at: Instant, now: Instant, zone: Tz, style: TimeStyle) -> String {
    match style {
        TimeStyle::Relative => super::text::duration(now.signed_duration_since(at)),
        TimeStyle::Local => {
            let (local, today) = (at.with_timezone(&zone), now.with_timezone(&zone).date_naive());
            if local.date_naive() == today {
                local.format("%H:%M:%S").to_string()
            } else {
                local.format("%d %b %H:%M").to_string()
            }
        }
        TimeStyle::Utc => {
            if at.date_naive() == now.date_naive() {
                at.format("%H:%M:%SZ").to_string()
            } else {
                at.format("%d %b %H:%MZ").to_string()
            }
        }
    }
}

/// An instant by the clock, as short as it is clear: `18:00` today, `Sat 18:00` in the next six
/// days, else with its date, and with its year where that is another one.
pub fn near(at: Instant, now: Instant, zone: Tz) -> String {
    let (local, today) = (zone::local(at, zone), zone::local(now, zone));
    let form = match (local.date() - today.date()).num_days() {
        0 => "%H:%M",
        1..=6 => "%a %H:%M",
        _ if local.year() == today.year() => "%-d %b %H:%M",
        _ => "%-d %b %Y %H:%M",
    };
    local.format(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_hour_passes_in_twelve_seconds_at_300_times() {
        let start: Instant = "2026-11-24T12:00:00Z".parse().unwrap();
        let scale = Timescale::new(start, 300.0);
        assert_eq!(scale.at(start), start);
        assert_eq!(scale.at(start + TimeDelta::seconds(12)), start + TimeDelta::hours(1));
        assert_eq!(scale.ours(Duration::from_hours(1)), Duration::from_secs(12));
        assert_eq!(scale.made_up(Duration::from_secs(12)), Duration::from_hours(1));
        assert_eq!(Timescale::REAL.at(start), start);
    }
}
