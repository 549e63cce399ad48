//! Values as people of a language write them.

use chrono::{Datelike, TimeDelta};
use chrono_tz::Tz;

use super::document::{Datum, Text};
use super::words::{Locale, Word};
use crate::domain::text;
use crate::domain::time::{Instant, zone};

/// How a document is written.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub locale: Locale,
    pub zone: Tz,
}

const MONTHS: [[&str; 12]; 2] = [
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"],
];

impl Style {
    pub fn word(self, word: Word) -> &'static str {
        word.text(self.locale)
    }

    pub fn text(self, text: &Text) -> String {
        match text {
            Text::Word(word) => self.word(*word).to_owned(),
            Text::Plain(text) => text.clone(),
            Text::Said(word, with) => self.said(*word, with),
        }
    }

    /// A text with its places filled in.
    pub fn said(self, word: Word, with: &[Datum]) -> String {
        let mut out = String::new();
        let mut parts = self.word(word).split('{');
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (place, rest) = part.split_once('}').unwrap_or((part, ""));
            let value = place.parse().ok().and_then(|at: usize| with.get(at));
            out.push_str(&value.map_or_else(String::new, |v| self.datum(v)));
            out.push_str(rest);
        }
        out
    }

    /// A value; what there is none of is a dash.
    pub fn datum(self, datum: &Datum) -> String {
        match datum {
            Datum::None => "—".to_owned(),
            Datum::Count(n) => self.count(*n),
            Datum::Length(ms) => text::two_units(TimeDelta::milliseconds(*ms)),
            Datum::Share { part, whole, decimals } => {
                format!("{}\u{a0}%", self.decimal(&percent(*part, *whole, *decimals)))
            }
            Datum::Score { sum, n } => self.decimal(&quotient(u128::from(*sum), u128::from(*n), 2)),
            Datum::Percent(number) => format!("{}\u{a0}%", self.decimal(number)),
            Datum::Decimal(number) => self.decimal(number),
            Datum::At(at) => self.at(*at),
            Datum::Day(at) => self.day(*at),
            Datum::Text(text) => self.text(text),
        }
    }

    /// `1,234`; in Spanish `1234` and `12 345`, with a space that does not break.
    pub fn count(self, n: u64) -> String {
        let digits = n.to_string();
        let (separator, least) = match self.locale {
            Locale::English => (',', 4),
            Locale::Spanish => ('\u{a0}', 5),
        };
        if digits.len() < least {
            return digits;
        }
        let mut out = String::new();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push(separator);
            }
            out.push(digit);
        }
        out
    }

    /// `23 Nov 2026 14:03`, in the zone of the document.
    pub fn at(self, at: Instant) -> String {
        format!("{} {}", self.day(at), zone::local(at, self.zone).format("%H:%M"))
    }

    /// `23 Nov 2026`
    pub fn day(self, at: Instant) -> String {
        let day = zone::local(at, self.zone).date();
        let months = match self.locale {
            Locale::English => MONTHS[0],
            Locale::Spanish => MONTHS[1],
        };
        let month = months.get(day.month0() as usize).copied().unwrap_or_default();
        format!("{} {month} {}", day.day(), day.year())
    }

    fn decimal(self, number: &str) -> String {
        match self.locale {
            Locale::English => number.to_owned(),
            Locale::Spanish => number.replace('.', ","),
        }
    }
}

/// `2026-11-23T14:03:00Z`, for programs.
pub fn rfc3339(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// A percentage with so many decimals and a point, cut off: only all of it is `100`. Empty of nothing.
pub fn percent(part: u64, whole: u64, decimals: u8) -> String {
    let scale = 10_u128.pow(u32::from(decimals.min(9)));
    let (part, whole) = (u128::from(part.min(whole)), u128::from(whole));
    if whole == 0 {
        return String::new();
    }
    fixed(part * 100 * scale / whole, decimals)
}

/// `sum / n` with so many decimals, cut off.
pub fn quotient(sum: u128, n: u128, decimals: u8) -> String {
    let scale = 10_u128.pow(u32::from(decimals.min(9)));
    (sum * scale).checked_div(n).map_or_else(String::new, |steps| fixed(steps, decimals))
}

fn fixed(steps: u128, decimals: u8) -> String {
    let scale = 10_u128.pow(u32::from(decimals.min(9)));
    let (whole, rest) = (steps / scale, steps % scale);
    if decimals == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:0width$}", width = usize::from(decimals))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: Style = Style { locale: Locale::English, zone: Tz::Europe__Madrid };
    const SPANISH: Style = Style { locale: Locale::Spanish, zone: Tz::Europe__Madrid };

    #[test]
    fn numbers_and_dates_are_written_as_the_language_has_it() {
        let share = Datum::Share { part: 714, whole: 720, decimals: 4 };
        assert_eq!(ENGLISH.datum(&share), "99.1666\u{a0}%");
        assert_eq!(SPANISH.datum(&share), "99,1666\u{a0}%");
        assert_eq!(ENGLISH.count(1_234_567), "1,234,567");
        assert_eq!(SPANISH.count(1_234), "1234");
        assert_eq!(SPANISH.count(12_345), "12\u{a0}345");
        let at = "2026-01-31T23:30:00Z".parse().unwrap();
        assert_eq!(ENGLISH.at(at), "1 Feb 2026 00:30");
        assert_eq!(SPANISH.at(at), "1 feb 2026 00:30");
        assert_eq!(SPANISH.datum(&Datum::Score { sum: 13, n: 3 }), "4,33");
        assert_eq!(ENGLISH.datum(&Datum::Length(5_400_000)), "1h 30m");
        assert_eq!(ENGLISH.datum(&Datum::Length(1_305_000)), "21m 45s");
    }

    #[test]
    fn what_is_written_is_never_better_than_what_is() {
        assert_eq!(percent(9_999_999, 10_000_000, 1), "99.9");
        assert_eq!(percent(9_946_497, 10_000_000, 4), "99.4649");
        assert_eq!(percent(3, 3, 4), "100.0000");
        assert_eq!(percent(0, 3, 4), "0.0000");
        assert_eq!(percent(2, 3, 0), "66");
    }

    #[test]
    fn places_are_filled_and_a_missing_value_leaves_no_brace() {
        let with = [Datum::plain("a{1}"), Datum::plain("b")];
        assert_eq!(ENGLISH.said(Word::Until, &with), "a{1} – b");
        assert_eq!(ENGLISH.said(Word::Until, &[]), " – ");
    }
}
