//! Reads a calendar, event by event.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDateTime};
use chrono_tz::Tz;

use super::components::{Component, split};
use super::lines::{Line, Property, unescape, unescape_list};
use super::zones::{Zones, by_name};
use super::{CENTURY, Calendar, Event, Length, OURS, Party, Problem, Status};
use crate::domain::text::{self, MAX_LINE, MAX_TEXT};
use crate::domain::time::{Instant, Recurrence, Rule, Stamp};

/// The most bytes of a text that are read.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most problems that are told one by one.
const MAX_PROBLEMS: usize = 100;
/// The most attendees, categories, properties of ours, and dates of `RDATE` or `EXDATE` of one event.
const MAX_PARTIES: usize = 1_000;
const MAX_DATES: usize = 20_000;

/// Problems, of which so many are told.
#[derive(Default)]
pub(super) struct Problems {
    told: Vec<Problem>,
    more: usize,
}

impl Problems {
    pub fn add(&mut self, problem: Problem) {
        if self.told.len() < MAX_PROBLEMS {
            self.told.push(problem);
        } else {
            self.more += 1;
        }
    }

    /// In the order of the text.
    fn finish(mut self) -> Vec<Problem> {
        self.told.sort_by_key(|p| p.line);
        if self.more > 0 {
            let why = format!("it has {} more problems", self.more);
            self.told.push(Problem::used(1, "the file", why));
        }
        self.told
    }
}

/// Reads an iCalendar text. What cannot be read is left out and reported; the rest is used. Days,
/// and times that say no zone, are in the zone that the calendar names, or else in `floating`.
pub fn read(text: &str, floating: Tz) -> Calendar {
    let mut problems = Problems::default();
    let end = text.floor_char_boundary(MAX_BYTES);
    if end < text.len() {
        let why = format!("it is longer than {} MiB; the rest is not read", MAX_BYTES >> 20);
        problems.add(Problem::skipped(1, "the file", why));
    }
    let components = split(text.get(..end).unwrap_or_default(), &mut problems);
    let mut calendar = Calendar::new("", floating);
    for property in components.calendar.iter().filter_map(Line::property) {
        match property.name.as_str() {
            "X-WR-TIMEZONE" => calendar.zone = by_name(property.value).unwrap_or(calendar.zone),
            _ => calendar.name = text::clean(&unescape(property.value), MAX_LINE),
        }
    }
    let zones = Zones::new(calendar.zone, &components.zones, last_year(&components.events));
    for component in &components.events {
        let mut reader = Reader { component, zones: &zones, notes: Vec::new() };
        let event = reader.event();
        for (line, why) in std::mem::take(&mut reader.notes) {
            problems.add(Problem::used(line, &reader.what(), why));
        }
        match event {
            Ok(event) => calendar.events.push(event),
            Err((line, why)) => problems.add(Problem::skipped(line, &reader.what(), why)),
        }
    }
    calendar.events = latest(calendar.events);
    calendar.problems = problems.finish();
    calendar
}

/// The last year in which an event begins, as far as zones have a past and a future.
fn last_year(events: &[Component]) -> i32 {
    let starts = events.iter().flat_map(|event| event.lines.iter());
    let starts = starts.filter(|line| line.name().as_deref() == Some("DTSTART"));
    let years = starts.filter_map(|line| {
        Some(Stamp::parse(line.property()?.value.trim())?.local(Tz::UTC).year())
    });
    years.filter(|year| (1970..2100).contains(year)).max().unwrap_or(2000)
}

/// Of several versions of one occurrence, the one with the highest `SEQUENCE`, or else the last.
fn latest(events: Vec<Event>) -> Vec<Event> {
    let mut newest: BTreeMap<(String, NaiveDateTime), (u32, usize)> = BTreeMap::new();
    let key = |event: &Event| {
        let instance = event.replaces.filter(|_| !event.uid.is_empty())?;
        Some((event.uid.clone(), Stamp::Local(instance).instant(event.when.zone).naive_utc()))
    };
    for (index, event) in events.iter().enumerate() {
        if let Some(key) = key(event) {
            let version = (event.sequence, index);
            newest.entry(key).and_modify(|v| *v = version.max(*v)).or_insert(version);
        }
    }
    let is_newest = |(index, event): &(usize, Event)| {
        key(event).and_then(|key| newest.get(&key)).is_none_or(|(_, newest)| newest == index)
    };
    events.into_iter().enumerate().filter(is_newest).map(|(_, event)| event).collect()
}

/// Where and why.
type Reason = (usize, String);

/// Reads one `VEVENT`.
struct Reader<'a> {
    component: &'a Component<'a>,
    zones: &'a Zones,
    /// What is not as it was meant, though the event is used.
    notes: Vec<Reason>,
}

/// What the lines of an event say before it is put together.
#[derive(Default)]
struct Draft {
    start: Option<(Stamp, Tz)>,
    end: Option<(Stamp, Tz, usize)>,
    length: Option<Length>,
    rule: Option<Rule>,
    /// Each with its zone, which may be another than that of the start.
    also: Vec<(Stamp, Tz)>,
    except: Vec<(Stamp, Tz)>,
    instance: Option<(Stamp, Tz)>,
}

impl Reader<'_> {
    /// `VEVENT "Night shift"`.
    fn what(&self) -> String {
        let value = |name: &str| {
            let named = |line: &&Line| line.name().as_deref() == Some(name);
            let value = self.component.lines.iter().find(named)?.property()?.value.to_owned();
            Some(text::clean(&unescape(&value), 60))
        };
        match value("SUMMARY").or_else(|| value("UID")) {
            Some(name) => format!("VEVENT \"{name}\""),
            None => "VEVENT".to_owned(),
        }
    }

    fn event(&mut self) -> Result<Event, Reason> {
        let component = self.component;
        if component.is_cut {
            return Err((component.line, "it has too many lines".to_owned()));
        }
        let once = Recurrence::once(NaiveDateTime::default(), Tz::UTC);
        let mut event = Event::new("", "", once, Length::default());
        let mut draft = Draft::default();
        for line in &component.lines {
            let Some(property) = line.property() else {
                let shown = text::clean(&line.text, 40);
                return Err((line.number, format!("\"{shown}\" is no NAME:VALUE")));
            };
            let is_text = matches!(property.name.as_str(), "SUMMARY" | "DESCRIPTION" | "LOCATION");
            if line.is_cut && !is_text {
                return Err((line.number, format!("{} is too long", property.name)));
            }
            let result = self.property(&property, line.number, &mut event, &mut draft);
            result.map_err(|why| (line.number, format!("{}: {why}", property.name)))?;
        }
        self.finish(event, draft)
    }

    fn property(
        &mut self,
        property: &Property,
        line: usize,
        event: &mut Event,
        draft: &mut Draft,
    ) -> Result<(), String> {
        let value = property.value.trim();
        let one_line = || text::clean(&unescape(value), MAX_LINE);
        match property.name.as_str() {
            "UID" => event.uid = one_line(),
            "SUMMARY" => event.summary = one_line(),
            "LOCATION" => event.location = one_line(),
            "DESCRIPTION" => {
                let description = text::clean_text(&unescape(value), MAX_TEXT);
                description.trim().clone_into(&mut event.description);
            }
            "STATUS" => event.status = status(value),
            "SEQUENCE" => event.sequence = value.parse().unwrap_or(0),
            "CATEGORIES" => {
                let room = MAX_PARTIES - event.categories.len();
                let names =
                    unescape_list(value).into_iter().map(|name| text::clean(&name, MAX_LINE));
                event.categories.extend(names.filter(|name| !name.is_empty()).take(room));
            }
            "ORGANIZER" => event.organizer = Some(party(property)),
            "ATTENDEE" if event.attendees.len() < MAX_PARTIES => {
                event.attendees.push(party(property));
            }
            "TRANSP" => event.is_transparent = value.eq_ignore_ascii_case("TRANSPARENT"),
            "DTSTART" => draft.start = Some(self.stamp(property, value)?),
            "DTEND" => {
                let (stamp, zone) = self.stamp(property, value)?;
                draft.end = Some((stamp, zone, line));
            }
            "DURATION" => {
                let unread = || "it is no length from 0 to 100 years, such as PT8H".to_owned();
                draft.length = Some(Length::parse(value).ok_or_else(unread)?);
            }
            "RRULE" if draft.rule.is_some() => return Err("there are two of them".to_owned()),
            "RRULE" => draft.rule = Some(Rule::parse(value).map_err(|e| e.to_string())?),
            "EXRULE" => return Err("RFC 5545 has it no more; use EXDATE".to_owned()),
            "RDATE" => {
                if property.is("VALUE", "PERIOD") {
                    self.notes
                        .push((line, "RDATE: of its periods only the starts are used".into()));
                }
                self.stamps(property, &mut draft.also)?;
            }
            "EXDATE" => self.stamps(property, &mut draft.except)?,
            "RECURRENCE-ID" => {
                if property.param("RANGE").is_some() {
                    let why = "RECURRENCE-ID: RANGE is not done; it changes one occurrence alone";
                    self.notes.push((line, why.to_owned()));
                }
                draft.instance = Some(self.stamp(property, value)?);
            }
            name => {
                let name = name.strip_prefix(OURS).filter(|_| event.extra.len() < MAX_PARTIES);
                event.extra.extend(name.map(|name| (name.to_owned(), one_line())));
            }
        }
        Ok(())
    }

    /// A day or time with its zone. Days are floating.
    fn stamp(&self, property: &Property, value: &str) -> Result<(Stamp, Tz), String> {
        let unread = || {
            let shown = text::clean(value, 40);
            format!("\"{shown}\" is no day or time such as 20261124 or 20261124T090000")
        };
        let stamp = Stamp::parse(value).ok_or_else(unread)?;
        let zone = match (stamp, property.param("TZID")) {
            (Stamp::Utc(_), _) => Tz::UTC,
            (Stamp::Local(_), Some(id)) => self.zones.find(id)?,
            (Stamp::Local(_), None) | (Stamp::Date(_), _) => self.zones.floating,
        };
        if property.is("VALUE", "DATE") && !matches!(stamp, Stamp::Date(_)) {
            return Err(unread());
        }
        Ok((stamp, zone))
    }

    /// A list of days, times, or periods of which the beginning counts.
    fn stamps(&self, property: &Property, list: &mut Vec<(Stamp, Tz)>) -> Result<(), String> {
        for value in property.value.split(',').map(str::trim).filter(|value| !value.is_empty()) {
            if list.len() == MAX_DATES {
                return Err(format!("there are more than {MAX_DATES}"));
            }
            let begin = value.split_once('/').map_or(value, |(begin, _)| begin);
            list.push(self.stamp(property, begin)?);
        }
        Ok(())
    }

    fn finish(&mut self, mut event: Event, draft: Draft) -> Result<Event, Reason> {
        let line = self.component.line;
        let is_cancelled = event.status == Some(Status::Cancelled);
        // What is cancelled needs no time of its own.
        let start = draft.start.or(draft.instance.filter(|_| is_cancelled));
        let Some((start, zone)) = start else {
            return Err((line, "it has no DTSTART".to_owned()));
        };
        let local = |(stamp, of): &(Stamp, Tz)| match stamp {
            Stamp::Date(_) => stamp.local(zone),
            _ if *of == zone => stamp.local(zone),
            _ => Stamp::Utc(stamp.instant(*of).naive_utc()).local(zone),
        };
        event.all_day = matches!(start, Stamp::Date(_));
        event.replaces = draft.instance.as_ref().map(local);
        event.length = match (draft.end, draft.length) {
            (Some((end, of, line)), _) => {
                length((start, zone), (end, of)).map_err(|why| (line, format!("DTEND: {why}")))?
            }
            (None, Some(length)) => length,
            (None, None) if event.all_day => Length::days(1),
            (None, None) => Length::default(),
        };
        if event.replaces.is_some() && draft.rule.is_some() {
            self.notes.push((line, "RRULE: one occurrence has none; it is not used".to_owned()));
        }
        event.when = Recurrence {
            start: start.local(zone),
            zone,
            rule: draft.rule.filter(|_| draft.instance.is_none()),
            also: draft.also.iter().map(local).collect(),
            except: draft.except.iter().map(local).collect(),
        };
        Ok(event)
    }
}

fn status(value: &str) -> Option<Status> {
    [
        ("TENTATIVE", Status::Tentative),
        ("CONFIRMED", Status::Confirmed),
        ("CANCELLED", Status::Cancelled),
    ]
    .into_iter()
    .find_map(|(name, status)| value.eq_ignore_ascii_case(name).then_some(status))
}

fn party(property: &Property) -> Party {
    let value = property.value.trim();
    let address = match value.split_at_checked(7) {
        Some((scheme, address)) if scheme.eq_ignore_ascii_case("mailto:") => address,
        _ => value,
    };
    let name = property.param("CN").unwrap_or_default();
    Party { name: text::clean(name, MAX_LINE), address: text::clean(address, MAX_LINE) }
}

/// From `DTSTART` to `DTEND`. Between days it is days, between times it is elapsed time.
fn length(start: (Stamp, Tz), end: (Stamp, Tz)) -> Result<Length, String> {
    if let (Stamp::Date(first), Stamp::Date(after)) = (start.0, end.0) {
        let days = (after - first).num_days();
        // That an event of one day ends on that day is a common mistake.
        let days = u32::try_from(days).map_err(|_| "it is before DTSTART".to_owned())?.max(1);
        let is_short = i64::from(days) <= CENTURY.num_days();
        return is_short.then(|| Length::days(days)).ok_or_else(too_long);
    }
    if matches!(start.0, Stamp::Date(_)) != matches!(end.0, Stamp::Date(_)) {
        return Err("of DTSTART and DTEND one is a day and the other a time".to_owned());
    }
    let at = |(stamp, zone): (Stamp, Tz)| -> Instant { stamp.instant(zone) };
    let passed = at(end) - at(start);
    let seconds = passed.num_seconds();
    if seconds < 0 {
        return Err("it is before DTSTART".to_owned());
    }
    let seconds = u32::try_from(seconds).ok().filter(|_| passed <= CENTURY);
    seconds.map(Length::seconds).ok_or_else(too_long)
}

fn too_long() -> String {
    "it is more than a hundred years after DTSTART".to_owned()
}
