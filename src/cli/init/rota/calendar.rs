//! An iCalendar that states who is on call, as a source, a schedule that is read from it, and the
//! people whom its events mean.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::{Calendar, DraftLayer, DraftSchedule, Person, Rota, email, free, name};
use crate::domain::ical::{self, Event};
use crate::domain::roster::Turns;
use crate::domain::time::{Instant, Interval, before};
use crate::sources::settings::CalendarAt;

/// So many days back and ahead events name people.
const REACH: TimeDelta = TimeDelta::days(400);
/// The most events that are looked at, and the most people that they make.
const MOST: usize = 10_000;
const MOST_PEOPLE: usize = 200;

/// Adds a calendar. `zone`: of what names none.
pub fn add(rota: &mut Rota, at: CalendarAt, said: &str, zone: Tz, now: Instant) {
    rota.from.insert("a calendar");
    let read = ical::read(said.trim_start_matches('\u{feff}').trim_start(), zone);
    let called = name(&read.name);
    let file = match &at {
        CalendarAt::File(path) => path.file_stem().map(|s| s.to_string_lossy().into_owned()),
        CalendarAt::Web(_) | CalendarAt::Collection(_) => None,
    };
    let names = [&*called, file.as_deref().unwrap_or(""), "rota"];
    let source = free(&mut rota.ids.sources, &names);
    let id = free(&mut rota.ids.schedules, &names);
    let shown = if called.is_empty() { id.clone() } else { called };
    let mut made = DraftSchedule::new(id, shown, read.zone);
    let turns = Turns::Calendar(source.as_str().into());
    made.push(DraftLayer { name: "calendar".to_owned(), turns, hours: None, notes: Vec::new() });
    rota.calendars.push(Calendar { name: source, at, zone: Some(read.zone) });

    let within = Interval::new(before(now, REACH), before(now, -REACH));
    let occurrences = read.occurrences(within, MOST);
    let events: Vec<&Event> = occurrences.list.iter().map(|o| o.event).collect();
    let people = people(&events);
    if people.is_empty() {
        made.notes.push("its events name nobody: add [[people]]".to_owned());
    }
    if people.len() > MOST_PEOPLE {
        made.notes.push(format!("of the people whom its events name, the first {MOST_PEOPLE}"));
    }
    for (called, address) in people.into_iter().take(MOST_PEOPLE) {
        let same = |p: &Person| p.name.eq_ignore_ascii_case(&called);
        let is_known = address.as_deref().is_some_and(|a| rota.by_email(a).is_some())
            || rota.people.iter().any(same);
        if is_known {
            continue;
        }
        let user = address.as_deref().and_then(|a| a.split(['@', '+']).next()).unwrap_or("");
        let id = free(&mut rota.ids.people, &[user, &called]);
        let notes = match address {
            Some(_) => Vec::new(),
            None => vec!["as an event is called: correct it".to_owned()],
        };
        rota.people.push(Person { id, name: called, email: address, notes, ..Person::default() });
    }
    rota.people.sort_by(|a, b| a.id.cmp(&b.id));
    rota.schedules.push(made);
}

/// Names with addresses of those who are invited; of events without, what they are called.
fn people(events: &[&Event]) -> BTreeSet<(String, Option<String>)> {
    let mut out = BTreeSet::new();
    let mut titles = BTreeSet::new();
    for event in events {
        if event.attendees.is_empty() {
            titles.insert(parts(&event.summary));
        }
        for party in &event.attendees {
            if let Some(address) = email(&party.address) {
                let user = address.split('@').next().unwrap_or_default().to_owned();
                let called = name(&party.name);
                out.insert((if called.is_empty() { user } else { called }, Some(address)));
            }
        }
    }
    // What all of them are called names the rota, not somebody.
    let common: BTreeSet<String> = match titles.iter().next() {
        Some(first) if titles.len() > 1 => {
            let in_all = |part: &&String| titles.iter().all(|title| title.contains(*part));
            first.iter().filter(in_all).cloned().collect()
        }
        _ => BTreeSet::new(),
    };
    for title in &titles {
        let own: Vec<&String> = title.iter().filter(|part| !common.contains(*part)).collect();
        if let [one] = own.as_slice() {
            out.insert(((*one).clone(), None));
        }
    }
    out
}

/// The parts of `Core: Ana Ruiz`, `Ana Ruiz on call`.
fn parts(summary: &str) -> Vec<String> {
    let mut text = name(summary);
    for word in ["on call", "On call", "On Call", "on-call", "On-call", "oncall", "OnCall", " - "] {
        text = text.replace(word, "|");
    }
    let ends = |c: char| ":|/,;()[]{}<>–—→+&".contains(c);
    let parts = text.split(ends).map(|part| part.trim().trim_start_matches('@').to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}
