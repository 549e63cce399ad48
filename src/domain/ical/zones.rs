//! Which IANA zone a calendar means by a `TZID`.
//!
//! By its name if that is one of the IANA or of Windows, by `X-LIC-LOCATION`, or else by what its
//! `VTIMEZONE` says: the first zone whose clocks show the same all year.

use std::collections::BTreeMap;

use chrono::{NaiveDate, Offset, TimeDelta, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::components::Component;
use super::windows;
use crate::domain::text;
use crate::domain::time::{Instant, Interval, Recurrence, Rule, Stamp};

/// The zones of one calendar.
pub(super) struct Zones {
    /// Where times that say no zone are.
    pub floating: Tz,
    /// By `TZID`.
    stated: BTreeMap<String, Option<Tz>>,
}

impl Zones {
    /// `year` is one that the calendar speaks of: the rules of clocks change over the years.
    pub fn new(floating: Tz, components: &[Component], year: i32) -> Self {
        let mut stated = BTreeMap::new();
        for component in components {
            let Some(id) = value(component, "TZID") else { continue };
            let by_name = by_name(&id)
                .or_else(|| value(component, "X-LIC-LOCATION").and_then(|name| by_name(&name)));
            stated.insert(id, by_name.or_else(|| by_offsets(component, year)));
        }
        Self { floating, stated }
    }

    /// # Errors
    /// Says why, and what would help.
    pub fn find(&self, id: &str) -> Result<Tz, String> {
        let stated = self.stated.get(id);
        stated.copied().flatten().or_else(|| by_name(id)).ok_or_else(|| {
            let shown = text::clean(id, 60);
            match stated {
                None => format!("no zone \"{shown}\"; use a name such as Europe/Berlin"),
                Some(_) => format!(
                    "no zone has the clocks of VTIMEZONE \"{shown}\"; \
                     use a name such as Europe/Berlin"
                ),
            }
        })
    }
}

/// A zone by its IANA name, alone or at the end of a path
/// (`/mozilla.org/20050126_1/Europe/Berlin`), or by its Windows name.
pub(super) fn by_name(name: &str) -> Option<Tz> {
    let name = name.trim();
    let parts: Vec<&str> = name.split('/').collect();
    let longest = parts.len().min(3);
    let tails = (1..=longest).rev().filter_map(|n| parts.get(parts.len() - n..));
    let iana = |name: String| TZ_VARIANTS.iter().find(|z| z.name().eq_ignore_ascii_case(&name));
    let mut tails = tails.map(|tail| tail.join("/"));
    tails.find_map(iana).copied().or_else(|| windows::zone(name))
}

fn value(component: &Component, name: &str) -> Option<String> {
    let property = component.lines.iter().find(|l| l.name().as_deref() == Some(name));
    property.and_then(|line| Some(line.property()?.value.trim().to_owned()))
}

/// How many steps the rule of one onset takes at most.
const STEPS: u32 = 1_000;
/// Every how many days clocks are compared.
const SAMPLE: i64 = 5;

/// The first zone whose offset is the same all through a year.
fn by_offsets(component: &Component, year: i32) -> Option<Tz> {
    let begin = NaiveDate::from_ymd_opt(year, 1, 1)?.and_hms_opt(12, 0, 0)?.and_utc();
    let days = (0..366 / SAMPLE).map(|n| begin + TimeDelta::days(n * SAMPLE));
    let mut onsets = Vec::new();
    for part in &component.parts {
        onsets.extend(onset(part, begin)?);
    }
    onsets.sort_unstable();
    let first = onsets.first()?.from;
    let offset = |at: Instant| onsets.iter().rfind(|o| o.at <= at).map_or(first, |o| o.to);
    let samples: Vec<(Instant, i32)> = days.map(|at| (at, offset(at))).collect();
    let agrees = |zone: &&Tz| {
        samples.iter().all(|(at, offset)| {
            zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc() == *offset
        })
    };
    TZ_VARIANTS.iter().find(agrees).copied()
}

/// When clocks change from one offset to another; offsets in seconds east of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Onset {
    at: Instant,
    to: i32,
    from: i32,
}

/// The onsets of a `STANDARD` or `DAYLIGHT` in the year and the one before it, and the first.
fn onset(part: &Component, begin: Instant) -> Option<Vec<Onset>> {
    let from = offset(&value(part, "TZOFFSETFROM")?)?;
    let to = offset(&value(part, "TZOFFSETTO")?)?;
    let start = Stamp::parse(&value(part, "DTSTART")?)?.local(Tz::UTC);
    let rule = match value(part, "RRULE") {
        Some(text) => Some(Rule::parse(&text).ok()?),
        None => None,
    };
    let mut series = Recurrence { rule, ..Recurrence::once(start, Tz::UTC) };
    for line in part.lines.iter().filter(|l| l.name().as_deref() == Some("RDATE")) {
        let stamps = line.property()?.value.split(',').map(|text| Stamp::parse(text.trim()));
        series.also.extend(stamps.flatten().map(|stamp| stamp.local(Tz::UTC)));
    }
    let years = Interval::new(begin - TimeDelta::days(400), begin + TimeDelta::days(366));
    let starts = series.search(years, 1_000, STEPS).starts;
    // The times are local, by the offset from which clocks change.
    let locals = starts.iter().map(|s| s.local).chain([start]);
    let shift = TimeDelta::seconds(i64::from(from));
    let at = locals.filter_map(|local| local.checked_sub_signed(shift));
    Some(at.map(|at| Onset { at: at.and_utc(), to, from }).collect())
}

/// `+0100`, `-053000`: in seconds.
fn offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let is_number = matches!(digits.len(), 4 | 6) && digits.bytes().all(|b| b.is_ascii_digit());
    let number: i32 = digits.parse().ok().filter(|_| is_number)?;
    let number = if digits.len() == 4 { number * 100 } else { number };
    Some(sign * (number / 10_000 * 3_600 + number / 100 % 100 * 60 + number % 100))
}
