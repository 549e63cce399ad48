//! Grafana OnCall's users, schedules, shifts and escalation chains (HTTP API v1) as a rota.
//!
//! What is relied on is in [`super::shifts`]. A schedule that OnCall itself reads from an iCalendar
//! becomes a source of that calendar. Escalation steps are joined into levels: whoever is notified
//! before a `wait` is one level, and the wait is its timeout.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::Value;

use super::pagerduty::{finish, push};
use super::shifts::{self, Shift};
use super::{
    Calendar, Crew, DraftLayer, DraftSchedule, MAX_LEVELS, Person, Rota, Wanted, email, free, name,
    or_default, proof, readable, zones,
};
use crate::config;
use crate::domain::roster::escalation::Target;
use crate::domain::roster::{ScheduleId, Turns};
use crate::domain::text::clean;
use crate::domain::time::{Instant, Interval, Intervals};
use crate::sources::settings::CalendarAt;

/// How often a chain begins again that says so.
const REPEATS: u32 = 5;
/// How long it waits where a step says no length.
const WAIT: TimeDelta = TimeDelta::minutes(5);

/// What the server answered.
#[derive(Debug, Default)]
pub struct Documents {
    pub users: Vec<Value>,
    /// Each with its final shifts for `rendered`, where the server has them.
    pub schedules: Vec<(Value, Option<Vec<Value>>)>,
    pub shifts: Vec<Value>,
    pub chains: Vec<Value>,
    pub policies: Vec<Value>,
    pub rendered: Option<Interval>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    #[serde(deserialize_with = "or_default")]
    id: String,
    #[serde(deserialize_with = "or_default")]
    username: String,
    #[serde(deserialize_with = "or_default")]
    email: String,
    #[serde(deserialize_with = "or_default")]
    timezone: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Schedule {
    #[serde(deserialize_with = "or_default")]
    id: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    time_zone: String,
    #[serde(deserialize_with = "or_default")]
    ical_url_primary: String,
    #[serde(deserialize_with = "or_default")]
    ical_url_overrides: String,
    #[serde(deserialize_with = "or_default")]
    shifts: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct FinalShift {
    user_pk: String,
    #[serde(default, deserialize_with = "or_default")]
    user_username: String,
    shift_start: DateTime<chrono::FixedOffset>,
    shift_end: DateTime<chrono::FixedOffset>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Chain {
    #[serde(deserialize_with = "or_default")]
    id: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Step {
    #[serde(deserialize_with = "or_default")]
    escalation_chain_id: String,
    #[serde(deserialize_with = "or_default")]
    position: i64,
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: String,
    /// Seconds.
    duration: Option<f64>,
    #[serde(deserialize_with = "or_default")]
    persons_to_notify: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    persons_to_notify_next_each_time: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    notify_on_call_from_schedule: String,
}

/// Adds all of it to a rota.
pub fn add(rota: &mut Rota, documents: Documents, now: Instant) {
    rota.from.insert("Grafana OnCall");
    let mut notes = Vec::new();
    let users: Vec<User> = readable(documents.users, "user", &mut notes);
    let users = users.into_iter().map(|u| (u.id.clone(), person(&u))).collect();
    let list: Vec<Shift> = readable(documents.shifts, "shift", &mut notes);
    let by_id: BTreeMap<&str, &Shift> = list.iter().map(|s| (s.id.as_str(), s)).collect();
    let mut crew = Crew::new(rota, users);
    let mut ids = BTreeMap::new();
    for (document, finals) in documents.schedules {
        let read = readable::<Schedule>(vec![document], "schedule", &mut notes).pop();
        let Some(read) = read else { continue };
        let finals = finals.map(|list| readable::<FinalShift>(list, "final shift", &mut notes));
        let mut made = schedule(&mut crew, &read, &by_id, now);
        if let Some(((made, finals), within)) = made.as_mut().zip(finals).zip(documents.rendered) {
            prove(&mut crew, made, &finals, within);
        }
        if let Some(mut made) = made {
            made.advise("Grafana OnCall");
            ids.insert(read.id, ScheduleId::from(made.id.as_str()));
            crew.rota.schedules.push(made);
        }
    }
    let mut steps: Vec<Step> = readable(documents.policies, "escalation step", &mut notes);
    steps.sort_by_key(|s| s.position);
    for chain in readable::<Chain>(documents.chains, "escalation chain", &mut notes) {
        let own: Vec<&Step> = steps.iter().filter(|s| s.escalation_chain_id == chain.id).collect();
        policy(&mut crew, &chain, &own, &ids);
    }
    crew.finish();
    rota.notes.extend(notes);
}

fn person(user: &User) -> Person {
    let zone = zones::zone(&user.timezone);
    Person { name: name(&user.username), email: email(&user.email), zone, ..Person::default() }
}

fn schedule(
    crew: &mut Crew<'_>,
    read: &Schedule,
    by_id: &BTreeMap<&str, &Shift>,
    now: Instant,
) -> Option<DraftSchedule> {
    let called = name(&read.name);
    let named = Some(read.time_zone.as_str()).filter(|z| !z.is_empty()).unwrap_or("UTC");
    let Ok(own) = named.parse::<Tz>() else {
        let why = format!("left out: unknown time zone \"{}\"", clean(named, 60));
        crew.rota.note(&format!("schedule {called}"), why);
        return None;
    };
    let found: Vec<&Shift> =
        read.shifts.iter().filter_map(|id| by_id.get(id.as_str()).copied()).collect();
    let zone = shifts::common_zone(&found, own);
    let id = free(&mut crew.rota.ids.schedules, &[&called, &read.id]);
    let mut made = DraftSchedule::new(id, called, zone);
    if found.len() < read.shifts.len() {
        let n = read.shifts.len() - found.len();
        made.notes.push(format!("{n} of its shifts are not listed by the server"));
    }
    if !read.ical_url_primary.is_empty() {
        calendar(crew.rota, &mut made, &read.ical_url_primary, "calendar", own);
    }
    shifts::add(crew, &mut made, &found, own, now);
    if !read.ical_url_overrides.is_empty() {
        calendar(crew.rota, &mut made, &read.ical_url_overrides, "overrides", own);
    }
    if made.layers.is_empty() {
        made.notes.push(format!("nothing of it is still to come (type {})", clean(&read.kind, 40)));
    }
    Some(made)
}

/// A layer from a calendar, and the source that reads it.
fn calendar(rota: &mut Rota, made: &mut DraftSchedule, address: &str, what: &str, zone: Tz) {
    let url = match config::address(address, &["http", "https"]) {
        Ok(url) => url,
        Err((why, _)) => {
            made.notes.push(format!("its {what} cannot be read: {}", clean(&why, 200)));
            return;
        }
    };
    let source = free(&mut rota.ids.sources, &[&format!("{} {what}", made.id)]);
    let turns = Turns::Calendar(source.as_str().into());
    rota.calendars.push(Calendar { name: source, at: CalendarAt::Web(url), zone: Some(zone) });
    made.push(DraftLayer { name: what.to_owned(), turns, hours: None, notes: Vec::new() });
}

/// Holds a schedule against the final shifts of the server, where it can be computed here.
fn prove(crew: &mut Crew<'_>, made: &mut DraftSchedule, list: &[FinalShift], within: Interval) {
    if made.layers.iter().any(|l| matches!(l.turns, Turns::Calendar(_))) {
        return;
    }
    let theirs: Vec<Wanted> = list
        .iter()
        .map(|s| Wanted {
            person: crew.id(&s.user_pk, &s.user_username),
            at: Interval::new(s.shift_start.to_utc(), s.shift_end.to_utc()),
        })
        .filter(|w| !w.at.is_empty())
        .collect();
    proof::note(made, &theirs, within, "Grafana OnCall");
}

fn policy(
    crew: &mut Crew<'_>,
    chain: &Chain,
    steps: &[&Step],
    schedules: &BTreeMap<String, ScheduleId>,
) {
    let (mut levels, mut notes, mut repeat) = (Vec::new(), Vec::new(), 0);
    let mut told: Vec<Target> = Vec::new();
    if steps.len() > MAX_LEVELS {
        notes.push(format!("all but the first {MAX_LEVELS} of its steps"));
    }
    for (n, step) in steps.iter().take(MAX_LEVELS).enumerate() {
        let n = n + 1;
        let mut found = Vec::new();
        match step.kind.as_str() {
            "wait" => {
                let seconds = step.duration.filter(|d| d.is_finite()).map(|d| d as i64);
                let wait = seconds.and_then(TimeDelta::try_seconds).unwrap_or(WAIT);
                push(&mut levels, std::mem::take(&mut told), wait, &mut notes, n);
            }
            "notify_persons" => {
                let people = step.persons_to_notify.iter();
                found.extend(people.map(|id| Target::Person(crew.id(id, id))));
            }
            "notify_person_next_each_time" => {
                let people = step.persons_to_notify_next_each_time.iter();
                found.extend(people.map(|id| Target::Person(crew.id(id, id))));
                notes
                    .push(format!("step {n} notifies the next person each time; here all of them"));
            }
            "notify_on_call_from_schedule" => {
                let id = schedules.get(&step.notify_on_call_from_schedule);
                found.extend(id.cloned().map(Target::Schedule));
                if id.is_none() {
                    notes.push(format!("step {n} notifies a schedule that is left out"));
                }
            }
            "repeat_escalation" => repeat = REPEATS,
            other => notes.push(format!("step {n} is \"{}\"", clean(other, 60))),
        }
        for target in found {
            if !told.contains(&target) {
                told.push(target);
            }
        }
    }
    if !told.is_empty() {
        push(&mut levels, told, WAIT, &mut notes, steps.len());
    }
    finish(crew.rota, name(&chain.name), levels, repeat, notes);
}

/// Whether two layers are both on at some time of the days to come.
pub(super) fn overlap(
    made: &DraftSchedule,
    a: usize,
    b: usize,
    within: Interval,
) -> Option<Interval> {
    use crate::domain::roster::shifts::{Imported, layer_shifts};
    let schedule = made.schedule();
    let of = |index: usize| -> Intervals {
        let none = Imported::new();
        let layer = schedule.layers.get(index);
        let shifts = layer.map(|l| layer_shifts(schedule.zone, l, index, &none, within));
        shifts.into_iter().flatten().map(|s| s.at).collect()
    };
    of(a).intersection(&of(b)).first()
}
