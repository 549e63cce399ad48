//! Instants and how they are shown. All arithmetic is in UTC; a zone is applied only on the way out.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

/// An instant.
pub type Instant = DateTime<Utc>;

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
