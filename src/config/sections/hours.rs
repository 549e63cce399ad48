//! `[[calendars]]`: when working time passes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate, TimeDelta};
use chrono_tz::Tz;

use crate::config::names::Names;
use crate::config::problem::{Place, Report};
use crate::config::reader::{Section, Text};
use crate::config::tree::Value;
use crate::domain::ical;
use crate::domain::sla::hours::{ALWAYS, BusinessCalendar, Edition, Holidays};
use crate::domain::text::clean;
use crate::domain::time::{Instant, Interval, Moment, WeekHours, zone};

/// The calendar that needs no definition.
pub const ROUND_THE_CLOCK: &str = "24x7";

/// No file of holidays is longer.
const MOST_BYTES: u64 = 4 * 1024 * 1024;
/// No calendar has more holidays.
const MOST_HOLIDAYS: usize = 20_000;

/// The calendars by id, with their names for whoever refers to them.
pub struct Calendars<'a> {
    pub by_id: BTreeMap<Arc<str>, Arc<BusinessCalendar>>,
    /// The one that is always open, in the site's zone.
    pub always: Arc<BusinessCalendar>,
    names: Names<'a>,
}

impl Calendars<'_> {
    /// The calendar that a text names; where there is none, that is reported.
    pub fn refer(
        &self,
        s: &Section<'_>,
        text: Text<'_>,
        key: &str,
    ) -> Option<Arc<BusinessCalendar>> {
        let found = self.by_id.get(text.value).cloned();
        if found.is_none() {
            self.names.refer(s.report(), text, &s.key(key));
        }
        found
    }
}

/// All of them, and `24x7`. The same id may stand several times, each time for another time.
pub fn calendars<'a>(
    report: &Report,
    sections: Vec<Section<'a>>,
    site: Tz,
    now: Instant,
) -> Calendars<'a> {
    let mut names = Names::new("calendar", "calendars");
    let mut editions: BTreeMap<&str, Vec<(Edition, Place)>> = BTreeMap::new();
    for s in sections {
        let id = s.id("id = \"office\"");
        if let Some(id) = id.filter(|id| id.value == ROUND_THE_CLOCK) {
            let message = "\"24x7\" is the calendar that never closes, and needs no definition";
            s.report().error(id.at, message, "choose another id, or take it out");
        }
        let edition = edition(&s, site, now);
        if let Some(id) = id.filter(|id| !editions.contains_key(id.value)) {
            names.give(s.report(), id);
            editions.insert(id.value, Vec::new());
        }
        if let (Some(id), Some(edition)) = (id, edition) {
            editions.entry(id.value).or_default().push((edition, id.at));
        }
        s.finish();
    }
    for (id, editions) in &mut editions {
        join(editions);
        let valid = editions.iter_mut().map(|(edition, at)| (&mut edition.valid, *at)).collect();
        in_turn(report, &format!("calendar \"{id}\""), valid);
    }
    let made = editions.into_iter().map(|(id, editions)| {
        let editions = editions.into_iter().map(|(edition, _)| edition).collect();
        (Arc::from(id), Arc::new(BusinessCalendar::new(id, editions)))
    });
    let mut by_id: BTreeMap<Arc<str>, _> = made.collect();
    let always = Arc::new(BusinessCalendar::always(site));
    by_id.insert(ROUND_THE_CLOCK.into(), Arc::clone(&always));
    Calendars { by_id, always, names }
}

fn edition(s: &Section<'_>, site: Tz, now: Instant) -> Option<Edition> {
    let zone = s.zone("timezone").unwrap_or(site);
    if !s.has("hours") {
        s.missing("hours", "hours = { mon = [\"09:00-17:00\"], tue = … }, or hours = \"24x7\"");
    }
    let hours = s.hours("hours");
    if let Some(at) = hours.as_ref().filter(|h| h.is_empty()).and(s.key_place("hours")) {
        let message = "this calendar never opens: no target by it could ever be met";
        s.report().error(at, message, "give it hours, as in { mon = [\"09:00-17:00\"] }");
    }
    let mut holidays = Holidays::default();
    days(s, &mut holidays);
    if s.has("holidays_ics") {
        imported(s, &mut holidays, (zone, now));
    }
    let valid = valid(s, zone);
    let edition = Edition { zone, hours: hours?, holidays, valid: valid? };
    // For as long as anybody plans ahead.
    let from = now.max(edition.valid.from);
    let ahead = Interval::new(from, from.checked_add_signed(TimeDelta::days(731))?);
    let ahead = ahead.overlap(edition.valid);
    let opens = ahead.is_none_or(|ahead| {
        let alone = BusinessCalendar::new("", vec![edition.clone()]);
        alone.passed(ahead) > TimeDelta::zero()
    });
    if !opens && edition.hours != WeekHours::default() {
        let message = "this calendar does not open once in the two years to come";
        s.report().error(s.at, message, "leave out some of its holidays");
    }
    Some(edition)
}

/// From `valid_from` until the end of `valid_to`; `None` where that is nothing, which is reported.
pub fn valid(s: &Section<'_>, zone: Tz) -> Option<Interval> {
    let (from, to) = (s.moment("valid_from"), s.moment("valid_to"));
    let begins = from.map_or(ALWAYS.from, |(moment, _)| moment.begins(zone));
    let ends = to.map_or(ALWAYS.to, |(moment, _)| moment.ends(zone));
    let valid = Interval::new(begins, ends);
    if let Some((_, at)) = to.filter(|_| valid.is_empty()) {
        let message = "this is over before it begins to be valid";
        s.report().error(at, message, "set valid_to after valid_from");
        return None;
    }
    Some(valid)
}

/// An edition that ends with a local day before the one that begins with the next day in another zone: its
/// last day is cut off, or goes on, until the other one takes over, so that neither time is counted twice nor
/// lost between them.
fn join(editions: &mut [(Edition, Place)]) {
    let begins: Vec<(Instant, Tz)> = editions
        .iter()
        .map(|(e, _)| (e.valid.from, e.zone))
        .filter(|(from, _)| *from != ALWAYS.from)
        .collect();
    for (edition, _) in editions.iter_mut().filter(|(e, _)| e.valid.to != ALWAYS.to) {
        let midnight = |at: Instant, in_zone: Tz| {
            let local = zone::local(at, in_zone);
            (zone::midnight(local.date(), in_zone) == at).then(|| local.date())
        };
        let Some(day) = midnight(edition.valid.to, edition.zone) else { continue };
        let next = begins.iter().find(|(from, in_zone)| {
            *in_zone != edition.zone && midnight(*from, *in_zone) == Some(day)
        });
        if let Some((from, _)) = next.filter(|(from, _)| *from > edition.valid.from) {
            edition.valid.to = *from;
        }
    }
}

/// Of what is written several times under one name: one without `valid_to` ends where the next one begins.
/// Those that are valid at the same time even so are reported.
pub fn in_turn(report: &Report, what: &str, mut all: Vec<(&mut Interval, Place)>) {
    let mut begins: Vec<Instant> = all.iter().map(|(valid, _)| valid.from).collect();
    begins.sort_unstable();
    for (valid, _) in &mut all {
        if valid.to == ALWAYS.to {
            let next = begins.iter().find(|from| **from > valid.from);
            valid.to = next.copied().unwrap_or(ALWAYS.to);
        }
    }
    for (n, (valid, at)) in all.iter().enumerate() {
        let twin = all.iter().take(n).find(|(other, _)| other.overlap(**valid).is_some());
        if let Some((_, first)) = twin {
            let message = format!("{what} is defined twice for the same time");
            let remedy =
                "rename one of them, or set valid_from of the newer one to when it takes over";
            report.clash(*at, *first, message, remedy);
        }
    }
}

/// `holidays`: dates, or `{ date, name }`.
fn days(s: &Section<'_>, holidays: &mut Holidays) {
    let Some(node) = s.node("holidays") else { return };
    let Value::List(list) = &node.value else {
        let remedy = "it takes [\"2026-12-25\", { date = \"2026-12-26\", name = \"Boxing Day\" }]";
        s.report().error(node.at.0, "holidays is no list", remedy);
        return;
    };
    for item in list {
        let (text, name) = match &item.value {
            Value::Text(text) | Value::Date(text) => (Some((text.as_str(), item.at.0)), ""),
            Value::Table(table) => {
                let inner = Section::new(&s.key("holidays"), item.at.0, table, s.report());
                if !inner.has("date") {
                    inner.missing("date", "date = \"2026-12-25\"");
                }
                let date = inner.written("date").map(|t| (t.value, t.at));
                let name = inner.filled("name").map_or("", |t| t.value);
                inner.finish();
                (date, name)
            }
            _ => (Some(("", item.at.0)), ""),
        };
        let Some((text, at)) = text else { continue };
        let Some(Moment::Day(day)) = Moment::parse(text) else {
            let remedy = "write year, month and day, as in \"2026-12-25\"";
            s.report().error(at, format!("\"{text}\" is not a date"), remedy);
            continue;
        };
        holidays.days.insert(day, clean(name, 80).into());
    }
}

/// `holidays_ics`: what a calendar says, ten years back and thirty ahead.
fn imported(s: &Section<'_>, holidays: &mut Holidays, (zone, now): (Tz, Instant)) {
    let Some(path) = s.path("holidays_ics") else { return };
    s.report().read_beside(path.clone());
    let at = s.text("holidays_ics").map_or(s.at, |t| t.at);
    let text = match read(&path) {
        Ok(text) => text,
        Err(why) => {
            let message = format!("{} cannot be read: {why}", path.display());
            let remedy = "name a file that is there, relative to this one, or take the key out";
            s.report().error(at, message, remedy);
            return;
        }
    };
    let calendar = ical::read(&text, zone);
    for problem in calendar.problems.iter().take(5) {
        let message = format!("{}: {problem}", path.display());
        s.report().warn(at, message, "correct it there");
    }
    let year = now.year();
    let begins = |year| NaiveDate::from_ymd_opt(year, 1, 1).map(|day| zone::midnight(day, zone));
    let (Some(from), Some(to)) = (begins(year - 10), begins(year + 30)) else { return };
    let found = calendar.occurrences(Interval::new(from, to), MOST_HOLIDAYS);
    if calendar.events.is_empty() {
        let message = format!("{} has no events that could be holidays", path.display());
        s.report().error(at, message, "export a calendar of holidays into it");
    } else if !found.is_complete {
        let message = format!("{} has more holidays than can be read", path.display());
        let remedy = "leave out what is long past, or end its series";
        s.report().warn(at, message, remedy);
    }
    for one in found.list {
        let name: Arc<str> = one.event.summary.as_str().into();
        if !one.event.all_day {
            holidays.times.push((one.at, name));
            continue;
        }
        // Days are those of this calendar, wherever the other one keeps them.
        let (zone, last) = (one.event.when.zone, one.at.to - TimeDelta::seconds(1));
        let first = zone::local(one.at.from, zone).date();
        let last = zone::local(last, zone).date();
        for day in first.iter_days().take_while(|day| *day <= last).take(366) {
            holidays.days.insert(day, name.clone());
        }
    }
}

fn read(path: &std::path::Path) -> Result<String, String> {
    let meta = std::fs::metadata(path).map_err(|e| e.to_string())?;
    // A pipe would be waited for.
    if !meta.is_file() {
        return Err("it is no file".to_owned());
    }
    let file = File::open(path).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err("it is larger than 4 MiB".to_owned());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
