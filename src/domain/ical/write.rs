//! Writes a calendar as other programs read it.
//!
//! What takes place once is written in UTC, which needs no zone. What recurs, or replaces one of a
//! series or says what only we read, is written in its zone, and the zone's changes of clocks with it as a `VTIMEZONE`.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{Datelike, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::{OffsetComponents, OffsetName, Tz};

use super::lines::{escape, parameter, push};
use super::{Calendar, Event, OURS, Party, Status};
use crate::domain::time::recurrence::Start;
use crate::domain::time::{Instant, Stamp, zone};

const PRODUCT: &str = "-//atalaya//atalaya//EN";
/// For how many years zones of series without an end are written.
const YEARS: i32 = 20;
/// The years for which zones are known well.
const FIRST_YEAR: i32 = 1_900;
const LAST_YEAR: i32 = 2_099;

impl Calendar {
    /// The calendar as text, made at `stamp`. Days are written without zone and are those of the
    /// calendar's zone when they are read again.
    pub fn write(&self, stamp: Instant) -> String {
        let mut out = String::new();
        let mut line = |text: &str| push(&mut out, text);
        line("BEGIN:VCALENDAR");
        line("VERSION:2.0");
        line(&format!("PRODID:{PRODUCT}"));
        if !self.name.is_empty() {
            line(&format!("X-WR-CALNAME:{}", escape(&self.name)));
        }
        line(&format!("X-WR-TIMEZONE:{}", self.zone.name()));
        for (zone, (from, to)) in self.zones(stamp) {
            timezone(zone, from, to, &mut line);
        }
        let stamp = Stamp::Utc(stamp.naive_utc());
        for event in &self.events {
            line("BEGIN:VEVENT");
            line(&format!("UID:{}", escape(&event.uid)));
            line(&format!("DTSTAMP:{stamp}"));
            times(event, &mut line);
            texts(event, &mut line);
            line("END:VEVENT");
        }
        line("END:VCALENDAR");
        out
    }

    /// The zones that are written, and from which year to which.
    fn zones(&self, stamp: Instant) -> BTreeMap<&'static str, (i32, i32)> {
        let mut zones = BTreeMap::new();
        for event in self.events.iter().filter(|e| is_zoned(e)) {
            let when = &event.when;
            let dates = std::iter::once(&when.start).chain(&when.also).chain(&event.replaces);
            let years = dates.map(Datelike::year);
            let first = years.clone().min().unwrap_or(FIRST_YEAR);
            let last = years.max().unwrap_or(LAST_YEAR);
            let recurs = if when.rule.is_some() { stamp.year().max(last) + YEARS } else { last };
            let (from, to) = zones.entry(when.zone.name()).or_insert((first, recurs));
            *from = first.min(*from);
            *to = recurs.max(*to);
        }
        zones
    }
}

/// Whether it is written in its zone.
fn is_zoned(event: &Event) -> bool {
    !event.all_day && event.when.zone != Tz::UTC && (is_series(event) || !event.extra.is_empty())
}

fn is_series(event: &Event) -> bool {
    event.when.rule.is_some() || !event.when.also.is_empty() || event.replaces.is_some()
}

fn times(event: &Event, line: &mut impl FnMut(&str)) {
    let when = &event.when;
    // A property with the zone or type of these times, and a time of them.
    let (parameter, stamp): (_, Box<dyn Fn(chrono::NaiveDateTime) -> Stamp>) = if event.all_day {
        (";VALUE=DATE".to_owned(), Box::new(|local| Stamp::Date(local.date())))
    } else if is_zoned(event) {
        (format!(";TZID={}", when.zone.name()), Box::new(Stamp::Local))
    } else {
        let utc = |local| Stamp::Utc(zone::instant(local, when.zone).naive_utc());
        (String::new(), Box::new(utc))
    };
    if let Some(instance) = event.replaces {
        line(&format!("RECURRENCE-ID{parameter}:{}", stamp(instance)));
    }
    line(&format!("DTSTART{parameter}:{}", stamp(when.start)));
    let length = event.length;
    let is_utc = when.zone == Tz::UTC;
    let start = Start { at: zone::instant(when.start, when.zone), local: when.start };
    let end = length.from(start, when.zone).to;
    if event.all_day && length.seconds == 0 {
        let end = when.start.checked_add_signed(TimeDelta::days(i64::from(length.days)));
        line(&format!("DTEND{parameter}:{}", stamp(end.unwrap_or(when.start))));
    } else if event.all_day || is_zoned(event) || (is_utc && length.days > 0) {
        line(&format!("DURATION:{length}"));
    } else if end > start.at {
        line(&format!("DTEND:{}", Stamp::Utc(end.naive_utc())));
    }
    if let Some(rule) = &when.rule {
        line(&format!("RRULE:{rule}"));
    }
    for (name, list) in [("RDATE", &when.also), ("EXDATE", &when.except)] {
        if !list.is_empty() {
            let list: Vec<String> = list.iter().map(|local| stamp(*local).to_string()).collect();
            line(&format!("{name}{parameter}:{}", list.join(",")));
        }
    }
}

fn texts(event: &Event, line: &mut impl FnMut(&str)) {
    let texts = [
        ("SUMMARY", &event.summary),
        ("DESCRIPTION", &event.description),
        ("LOCATION", &event.location),
    ];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        line(&format!("{name}:{}", escape(text)));
    }
    match event.status {
        None => {}
        Some(Status::Tentative) => line("STATUS:TENTATIVE"),
        Some(Status::Confirmed) => line("STATUS:CONFIRMED"),
        Some(Status::Cancelled) => line("STATUS:CANCELLED"),
    }
    if event.sequence > 0 {
        line(&format!("SEQUENCE:{}", event.sequence));
    }
    if !event.categories.is_empty() {
        let names: Vec<String> = event.categories.iter().map(|name| escape(name)).collect();
        line(&format!("CATEGORIES:{}", names.join(",")));
    }
    if event.is_transparent {
        line("TRANSP:TRANSPARENT");
    }
    if let Some(organizer) = &event.organizer {
        line(&format!("ORGANIZER{}", party(organizer)));
    }
    for attendee in &event.attendees {
        line(&format!("ATTENDEE{}", party(attendee)));
    }
    for (name, value) in &event.extra {
        line(&format!("{OURS}{name}:{}", escape(value)));
    }
}

/// `;CN="Ana Díaz":mailto:ana@example.org`.
fn party(party: &Party) -> String {
    let name = match party.name.as_str() {
        "" => String::new(),
        name => format!(";CN={}", parameter(name)),
    };
    let address = party.address.replace(char::is_control, "");
    let scheme = if address.contains(':') { "" } else { "mailto:" };
    format!("{name}:{scheme}{address}")
}

/// What clocks show in a zone: seconds east of UTC, its abbreviation, whether it is summer time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Clock {
    offset: i32,
    name: String,
    is_summer: bool,
}

fn clock(at: Instant, zone: Tz) -> Clock {
    let offset = zone.offset_from_utc_datetime(&at.naive_utc());
    Clock {
        offset: offset.fix().local_minus_utc(),
        name: offset.abbreviation().unwrap_or_default().to_owned(),
        is_summer: !offset.dst_offset().is_zero(),
    }
}

/// A `VTIMEZONE` with the changes of clocks of some years: an observance for each kind of change.
fn timezone(name: &str, from: i32, to: i32, line: &mut impl FnMut(&str)) {
    let Ok(zone) = name.parse::<Tz>() else { return };
    let new_year = |year: i32| {
        let day = NaiveDate::from_ymd_opt(year.clamp(FIRST_YEAR, LAST_YEAR), 1, 1);
        day.unwrap_or_default().and_time(NaiveTime::MIN).and_utc()
    };
    // Local times of the first day begin up to a day earlier.
    let (from, to) = (new_year(from) - TimeDelta::days(1), new_year(to + 1));
    let first = clock(from, zone);
    let mut kinds: BTreeMap<(Clock, Clock), Vec<Instant>> = BTreeMap::new();
    kinds.insert((first.clone(), first), vec![from]);
    for (at, before, after) in changes(zone, from, to) {
        kinds.entry((before, after)).or_default().push(at);
    }
    line("BEGIN:VTIMEZONE");
    line(&format!("TZID:{name}"));
    for ((before, after), instants) in kinds {
        let shift = TimeDelta::seconds(i64::from(before.offset));
        let mut locals = instants.iter().map(|at| Stamp::Local(at.naive_utc() + shift));
        let Some(onset) = locals.next() else { continue };
        let kind = if after.is_summer { "DAYLIGHT" } else { "STANDARD" };
        line(&format!("BEGIN:{kind}"));
        line(&format!("DTSTART:{onset}"));
        let others: Vec<String> = locals.map(|local| local.to_string()).collect();
        if !others.is_empty() {
            line(&format!("RDATE:{}", others.join(",")));
        }
        line(&format!("TZOFFSETFROM:{}", offset(before.offset)));
        line(&format!("TZOFFSETTO:{}", offset(after.offset)));
        if !after.name.is_empty() {
            line(&format!("TZNAME:{}", escape(&after.name)));
        }
        line(&format!("END:{kind}"));
    }
    line("END:VTIMEZONE");
}

/// Every change of clocks in a zone between two instants, to the second.
fn changes(zone: Tz, from: Instant, to: Instant) -> Vec<(Instant, Clock, Clock)> {
    let mut changes = Vec::new();
    let (mut low, mut before) = (from, clock(from, zone));
    while low < to {
        // No zone changes its clocks twice in a day.
        let high = low + TimeDelta::days(1);
        let after = clock(high, zone);
        if after != before {
            let (mut same, mut changed) = (low, high);
            while changed - same > TimeDelta::seconds(1) {
                let middle = same + TimeDelta::seconds((changed - same).num_seconds() / 2);
                if clock(middle, zone) == before { same = middle } else { changed = middle }
            }
            changes.push((changed, std::mem::replace(&mut before, after.clone()), after));
        }
        low = high;
    }
    changes
}

/// `+0100`, `-0453`; with seconds where there are some.
fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let size = seconds.unsigned_abs();
    let mut out = format!("{sign}{:02}{:02}", size / 3_600, size / 60 % 60);
    if !size.is_multiple_of(60) {
        let _ = write!(out, "{:02}", size % 60);
    }
    out
}
