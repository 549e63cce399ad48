//! Times in the file: zones, dates, instants, hours of the week.

use chrono::{NaiveDate, NaiveDateTime, Weekday};
use chrono_tz::Tz;

use super::problem::Place;
use super::reader::{Section, Text};
use super::tree::Value;
use crate::domain::text::suggest;
use crate::domain::time::hours::Range;
use crate::domain::time::{Moment, WeekHours};

/// The keys of a week.
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

impl Section<'_> {
    /// An IANA time zone.
    pub fn zone(&self, key: &'static str) -> Option<Tz> {
        let text = self.filled(key)?;
        let zone = text.value.parse().ok();
        if zone.is_none() {
            let known: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|z| z.name()).collect();
            let meant = suggest(text.value, &known, "");
            let meant = meant.split_once("; ").map_or(String::new(), |(_, m)| format!("; {m}"));
            let message = format!("\"{}\" is not a time zone", text.value);
            let remedy = format!("use an IANA name such as Europe/Madrid or UTC{meant}");
            self.report().error(text.at, message, remedy);
        }
        zone
    }

    /// A day, as in `2027-03-01`.
    pub fn day(&self, key: &'static str) -> Option<NaiveDate> {
        let text = self.written(key)?;
        let Some(Moment::Day(day)) = Moment::parse(text.value) else {
            self.not_a(text, "date", "write year, month and day, as in \"2027-03-01\"");
            return None;
        };
        Some(day)
    }

    /// A local time, as in `2026-01-05 09:00`.
    pub fn local(&self, key: &'static str) -> Option<(NaiveDateTime, Place)> {
        let text = self.written(key)?;
        let Some(Moment::Local(local)) = Moment::parse(text.value) else {
            let remedy = "write date and time without an offset, as in \"2026-01-05 09:00\"";
            self.not_a(text, "local time", remedy);
            return None;
        };
        Some((local, text.at))
    }

    /// An instant, a local time or a day.
    pub fn moment(&self, key: &'static str) -> Option<(Moment, Place)> {
        let text = self.written(key)?;
        let moment = Moment::parse(text.value);
        if moment.is_none() {
            let remedy = "write \"2026-12-24\", \"2026-12-24 14:00\" or \"2026-12-24T14:00:00Z\"";
            self.not_a(text, "date or time", remedy);
        }
        Some((moment?, text.at))
    }

    /// `"24x7"`, or ranges by day: `{ mon = ["09:00-13:00", "14:00-18:00"] }`.
    pub fn hours(&self, key: &'static str) -> Option<WeekHours> {
        let node = self.node(key)?;
        match &node.value {
            Value::Table(_) => {}
            Value::Text(text) if text == "24x7" => return Some(WeekHours::always()),
            other => {
                let message = match other {
                    Value::Text(text) => format!("{} cannot be \"{text}\"", self.key(key)),
                    _ => format!("{} is {}", self.key(key), other.what()),
                };
                let remedy = "it takes \"24x7\" or { mon = [\"09:00-18:00\"], tue = … }";
                self.report().error(node.at.0, message, remedy);
                return None;
            }
        }
        let days = self.section(key)?;
        let (mut hours, mut sound) = (WeekHours::default(), true);
        for (key, day) in DAYS {
            for text in days.texts(key).unwrap_or_default() {
                let Some(range) = Range::parse(text.value) else {
                    let remedy = "write it as \"09:00-18:00\"; \"22:00-06:00\" goes past midnight, \
                                  \"00:00-24:00\" is the whole day";
                    self.not_a(text, "range of hours", remedy);
                    sound = false;
                    continue;
                };
                if let Some(other) = hours.on(day).iter().find(|other| other.overlaps(range)) {
                    let message = format!("{range} overlaps {other} in {}", days.key(key));
                    self.report().warn(text.at, message, "write them as one range");
                }
                hours.add(day, range);
            }
        }
        days.finish();
        sound.then_some(hours)
    }

    /// As [`Self::hours`], or one range for every day: `"22:00-07:00"`.
    pub fn hours_or_daily(&self, key: &'static str) -> Option<WeekHours> {
        let node = self.node(key)?;
        let Value::Text(text) = &node.value else { return self.hours(key) };
        let Some(range) = Range::parse(text) else {
            let remedy = "it takes \"22:00-07:00\", or { sat = [\"00:00-24:00\"], sun = … }";
            let message = format!("{} cannot be \"{text}\"", self.key(key));
            self.report().error(node.at.0, message, remedy);
            return None;
        };
        let mut hours = WeekHours::default();
        for (_, day) in DAYS {
            hours.add(day, range);
        }
        Some(hours)
    }

    fn not_a(&self, text: Text<'_>, what: &str, remedy: &str) {
        self.report().error(text.at, format!("\"{}\" is not a {what}", text.value), remedy);
    }
}
