//! PagerDuty's users, schedules and escalation policies (REST API v2) as a rota.
//!
//! What is relied on, and where it is from:
//! * `schedule_layers` are listed with the highest layer first, and the highest wins: so do
//!   PagerDuty's own Terraform provider and Grafana's migration tool read them, and so does its
//!   manual of schedules ("Layer 2 will be the one on-call"). A fix of that order has been
//!   announced, so the order is taken that gives the shifts which the answer itself renders.
//! * `rotation_virtual_start` is when the first user's first turn begins, also where the layer
//!   `start`s later. A layer can only be ended, never removed: those with a past `end` are history.
//! * Turns of whole days and restrictions are local times of the schedule's zone: hand-offs stay
//!   where they are on the wall when clocks change.
//! * `start_day_of_week` is 1 (Monday) to 7. A restriction cuts turns, as the hours of a layer do.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveTime, TimeDelta, Timelike};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::Value;

use super::layers::{Turning, clocks_change, turn};
use super::week::{DAY, WEEK, Week};
use super::{
    Crew, DraftLayer, DraftSchedule, MAX_LAYERS, MAX_LEVELS, MAX_NOTE, MAX_TURNS, Person, Policy,
    Rota, Wanted, email, free, name, or_default, proof, readable, zones,
};
use crate::domain::roster::escalation::{Escalation, Level, Target};
use crate::domain::roster::{ScheduleId, Turn};
use crate::domain::text::{clean, duration};
use crate::domain::time::{Instant, Interval, zone};

/// What the server answered.
#[derive(Debug, Default)]
pub struct Documents {
    pub users: Vec<Value>,
    /// Each as `GET /schedules/{id}` gives it for `rendered`, with its overrides.
    pub schedules: Vec<(Value, Vec<Value>)>,
    pub policies: Vec<Value>,
    /// For when shifts were rendered and overrides asked.
    pub rendered: Option<Interval>,
}

/// A reference to something, or the thing itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reference {
    #[serde(deserialize_with = "or_default")]
    id: String,
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    summary: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    #[serde(deserialize_with = "or_default")]
    id: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    email: String,
    #[serde(deserialize_with = "or_default")]
    time_zone: String,
    #[serde(deserialize_with = "or_default")]
    teams: Vec<Reference>,
    #[serde(deserialize_with = "or_default")]
    contact_methods: Vec<Contact>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Contact {
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    address: String,
    #[serde(deserialize_with = "or_default")]
    country_code: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Schedule {
    #[serde(deserialize_with = "or_default")]
    id: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    time_zone: String,
    #[serde(deserialize_with = "or_default")]
    teams: Vec<Reference>,
    #[serde(rename = "schedule_layers", deserialize_with = "or_default")]
    layers: Vec<Layer>,
    #[serde(rename = "final_schedule", deserialize_with = "or_default")]
    result: Option<Rendered>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Layer {
    #[serde(deserialize_with = "or_default")]
    name: String,
    start: Option<DateTime<chrono::FixedOffset>>,
    end: Option<DateTime<chrono::FixedOffset>>,
    rotation_virtual_start: Option<DateTime<chrono::FixedOffset>>,
    #[serde(deserialize_with = "or_default")]
    rotation_turn_length_seconds: i64,
    #[serde(deserialize_with = "or_default")]
    users: Vec<Member>,
    #[serde(deserialize_with = "or_default")]
    restrictions: Vec<Restriction>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Member {
    #[serde(deserialize_with = "or_default")]
    user: Reference,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Restriction {
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    start_time_of_day: String,
    #[serde(deserialize_with = "or_default")]
    start_day_of_week: u32,
    #[serde(deserialize_with = "or_default")]
    duration_seconds: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rendered {
    #[serde(deserialize_with = "or_default")]
    rendered_schedule_entries: Vec<Entry>,
}

/// A shift, or an override.
#[derive(Debug, Deserialize)]
struct Entry {
    start: DateTime<chrono::FixedOffset>,
    end: DateTime<chrono::FixedOffset>,
    #[serde(default, deserialize_with = "or_default")]
    user: Reference,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EscalationPolicy {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    num_loops: u32,
    #[serde(deserialize_with = "or_default")]
    escalation_rules: Vec<Rule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rule {
    #[serde(deserialize_with = "or_default")]
    escalation_delay_in_minutes: u32,
    #[serde(deserialize_with = "or_default")]
    targets: Vec<Reference>,
    #[serde(deserialize_with = "or_default")]
    escalation_rule_assignment_strategy: Value,
}

/// Adds all of it to a rota.
pub fn add(rota: &mut Rota, documents: Documents, now: Instant) {
    rota.from.insert("PagerDuty");
    let mut notes = Vec::new();
    let users: Vec<User> = readable(documents.users, "user", &mut notes);
    let users = users.into_iter().map(|u| (u.id.clone(), person(&u))).collect();
    let mut crew = Crew::new(rota, users);
    let mut ids = BTreeMap::new();
    for (document, overrides) in documents.schedules {
        let read = readable::<Schedule>(vec![document], "schedule", &mut notes).pop();
        let Some(read) = read else { continue };
        let overrides = readable(overrides, "override", &mut notes);
        if let Some(made) = schedule(&mut crew, &read, &overrides, documents.rendered, now) {
            ids.insert(read.id, ScheduleId::from(made.id.as_str()));
            crew.rota.schedules.push(made);
        }
    }
    for read in readable::<EscalationPolicy>(documents.policies, "escalation policy", &mut notes) {
        policy(&mut crew, &read, &ids);
    }
    crew.finish();
    rota.notes.extend(notes);
}

fn person(user: &User) -> Person {
    let mut notes = Vec::new();
    let zone = zones::zone(&user.time_zone);
    if zone.is_none() && !user.time_zone.is_empty() {
        notes.push(format!("unknown time zone \"{}\"", clean(&user.time_zone, 60)));
    }
    let address = email(&user.email);
    if address.is_none() && !user.email.is_empty() {
        notes.push("an e-mail address that is none".to_owned());
    }
    // A person has one team here. Whoever is in several has none, rather than any.
    let team = match user.teams.as_slice() {
        [one] => Some(clean(&one.summary, 60)).filter(|t| !t.is_empty()),
        _ => None,
    };
    let called = |kind: &str| user.contact_methods.iter().find(|c| c.kind.starts_with(kind));
    let phone = called("phone_contact_method").or_else(|| called("sms_contact_method"));
    let phone = phone.and_then(|c| {
        let digits: String =
            c.address.chars().filter(|c| c.is_ascii_digit() || *c == ' ').take(20).collect();
        let digits = digits.trim();
        let country =
            if c.country_code > 0 { format!("+{} ", c.country_code) } else { String::new() };
        (!digits.is_empty()).then(|| format!("{country}{digits}"))
    });
    Person { name: name(&user.name), email: address, phone, zone, team, notes, ..Person::default() }
}

fn schedule(
    crew: &mut Crew<'_>,
    read: &Schedule,
    overrides: &[Entry],
    rendered: Option<Interval>,
    now: Instant,
) -> Option<DraftSchedule> {
    let called = name(&read.name);
    let Some(zone) = zones::zone(&read.time_zone) else {
        let why = format!("left out: unknown time zone \"{}\"", clean(&read.time_zone, 60));
        crew.rota.note(&format!("schedule {called}"), why);
        return None;
    };
    let id = free(&mut crew.rota.ids.schedules, &[&called, &read.id]);
    let mut made = DraftSchedule::new(id, called, zone);
    if let [team] = read.teams.as_slice() {
        made.team = Some(clean(&team.summary, 60)).filter(|t| !t.is_empty());
    }
    made.overrides = overrides.iter().filter_map(|e| wanted(crew, e)).collect();
    made.overrides.retain(|o| o.at.to > now);
    made.cut_overrides();
    let mut layers = Vec::new();
    let is_over = |layer: &&Layer| layer.end.is_some_and(|end| end <= now);
    let list: Vec<&Layer> = read.layers.iter().filter(|layer| !is_over(layer)).collect();
    if list.len() > MAX_LAYERS {
        made.notes.push(format!("of its {} layers, the first {MAX_LAYERS}", list.len()));
    }
    for layer in list.into_iter().take(MAX_LAYERS) {
        match self::layers(crew, layer, zone, now) {
            Ok(made) => layers.push(made),
            Err(why) => made.notes.push(format!("layer {} is left out: {why}", name(&layer.name))),
        }
    }
    let theirs: Option<(Vec<Wanted>, Interval)> = rendered.and_then(|within| {
        let entries = &read.result.as_ref()?.rendered_schedule_entries;
        Some((entries.iter().filter_map(|e| wanted(crew, e)).collect(), within))
    });
    let ordered = |made: &mut DraftSchedule, highest_first: bool| {
        made.layers.clear();
        let mut list: Vec<_> = layers.iter().collect();
        if highest_first {
            list.reverse();
        }
        list.into_iter().flatten().for_each(|layer| made.push(layer.clone()));
    };
    ordered(&mut made, true);
    if let Some((theirs, within)) = theirs {
        if !proof::difference(&made, &theirs, within).is_empty() && layers.len() > 1 {
            ordered(&mut made, false);
            if !proof::difference(&made, &theirs, within).is_empty() {
                ordered(&mut made, true);
            }
        }
        proof::note(&mut made, &theirs, within, "PagerDuty");
    }
    if made.layers.is_empty() {
        made.notes.push("it has no layer that is in force or to come".to_owned());
    }
    made.advise("PagerDuty");
    Some(made)
}

fn wanted(crew: &mut Crew<'_>, entry: &Entry) -> Option<Wanted> {
    let at = Interval::new(entry.start.to_utc(), entry.end.to_utc());
    let person = crew.id(&entry.user.id, &entry.user.summary);
    (!at.is_empty()).then_some(Wanted { person, at })
}

/// What becomes of one layer; or why nothing does.
fn layers(
    crew: &mut Crew<'_>,
    layer: &Layer,
    zone: Tz,
    now: Instant,
) -> Result<Vec<DraftLayer>, String> {
    let seconds = layer.rotation_turn_length_seconds;
    let turn = turn(seconds).ok_or_else(|| {
        let length = duration(TimeDelta::try_seconds(seconds).unwrap_or_default());
        format!("its turns last {length}; here they last whole hours, from 1h to 366d")
    })?;
    let start = layer.start.or(layer.rotation_virtual_start).ok_or("it has no start")?;
    let counted = layer.rotation_virtual_start.unwrap_or(start);
    if layer.users.is_empty() {
        return Err("it has no users".to_owned());
    }
    if layer.users.len() > MAX_TURNS {
        return Err(format!("it has more than {MAX_TURNS} turns"));
    }
    let mut notes = Vec::new();
    let hours = hours(&layer.restrictions, &mut notes)?;
    let local = |at: DateTime<chrono::FixedOffset>| zone::local(at.to_utc(), zone);
    if matches!(turn, Turn::Hours(_)) && clocks_change(zone, now) {
        notes.push(format!(
            "its turns are hours that pass: after a change of clocks hand-offs are at another time \
             of day; compare them then ({} a turn)",
            duration(turn.length())
        ));
    }
    let people = layer.users.iter().map(|m| crew.id(&m.user.id, &m.user.summary)).collect();
    let turning = Turning {
        name: clean(&layer.name, 60),
        people,
        counted_from: local(counted),
        turn,
        begins: local(start),
        ends: layer.end.map(local),
        hours,
    };
    let mut made = turning.layers(zone, now);
    if let Some(last) = made.last_mut() {
        last.notes = notes;
    }
    Ok(made)
}

/// The hours of a layer: the union of its restrictions; `None`: it has none.
fn hours(restrictions: &[Restriction], notes: &mut Vec<String>) -> Result<Option<Week>, String> {
    let mut week = Week::default();
    for r in restrictions {
        let at = NaiveTime::parse_from_str(r.start_time_of_day.trim_end_matches('Z'), "%H:%M:%S")
            .map_err(|_| {
            format!("a restriction begins at \"{}\"", clean(&r.start_time_of_day, MAX_NOTE))
        })?;
        if at.second() != 0 || r.duration_seconds % 60 != 0 {
            notes.push("its hours are cut to whole minutes".to_owned());
        }
        let minute = at.num_seconds_from_midnight() / 60;
        let length = r.duration_seconds / 60;
        match (r.kind.as_str(), r.start_day_of_week) {
            ("daily_restriction", _) => {
                (0..7).for_each(|day| week.add(day, minute, length.min(DAY)));
            }
            ("weekly_restriction", day @ 1..=7) => week.add(day - 1, minute, length.min(WEEK)),
            (kind, day) => {
                let kind = clean(kind, 60);
                return Err(format!("a restriction is of type \"{kind}\" on day {day}"));
            }
        }
    }
    Ok((!restrictions.is_empty()).then_some(week))
}

fn policy(crew: &mut Crew<'_>, read: &EscalationPolicy, schedules: &BTreeMap<String, ScheduleId>) {
    let called = name(&read.name);
    let (mut levels, mut notes): (Vec<Level>, _) = (Vec::new(), Vec::new());
    if read.escalation_rules.len() > MAX_LEVELS {
        notes.push(format!("all but the first {MAX_LEVELS} of its rules"));
    }
    for (n, rule) in read.escalation_rules.iter().take(MAX_LEVELS).enumerate() {
        let n = n + 1;
        let mut notify = Vec::new();
        for target in rule.targets.iter().take(MAX_LEVELS) {
            let kind = target.kind.trim_end_matches("_reference");
            let found = match kind {
                "user" => Some(Target::Person(crew.id(&target.id, &target.summary))),
                "schedule" => schedules.get(&target.id).cloned().map(Target::Schedule),
                _ => None,
            };
            match found {
                Some(found) if !notify.contains(&found) => notify.push(found),
                Some(_) => {}
                None => notes.push(format!(
                    "rule {n} notifies the {} \"{}\"",
                    clean(kind, 40).replace('_', " "),
                    name(&target.summary)
                )),
            }
        }
        let strategy = rule.escalation_rule_assignment_strategy.get("type").and_then(Value::as_str);
        if strategy == Some("round_robin") && notify.len() > 1 {
            notes.push(format!("rule {n} notifies one after the other in turn; here all at once"));
        }
        let wait = TimeDelta::minutes(i64::from(rule.escalation_delay_in_minutes));
        push(&mut levels, notify, wait, &mut notes, n);
    }
    finish(crew.rota, called, levels, read.num_loops, notes);
}

/// Adds a level. Where it would notify nobody, its time is waited by the one before, so that the next
/// comes when it came.
pub(super) fn push(
    levels: &mut Vec<Level>,
    notify: Vec<Target>,
    timeout: TimeDelta,
    notes: &mut Vec<String>,
    n: usize,
) {
    let most = TimeDelta::days(1);
    match levels.last_mut() {
        _ if !notify.is_empty() => {
            let fits = timeout.clamp(TimeDelta::minutes(1), most);
            if fits != timeout {
                let (was, is) = (duration(timeout), duration(fits));
                notes.push(format!("level {n} waits {was}; here {is}"));
            }
            levels.push(Level { notify, timeout: fits });
        }
        Some(last) => last.timeout = (last.timeout + timeout).min(most),
        None if timeout > TimeDelta::zero() => {
            notes.push(format!("waits {} before anybody is told", duration(timeout)));
        }
        None => {}
    }
}

/// Keeps a policy, if it notifies anybody.
pub(super) fn finish(
    rota: &mut Rota,
    called: String,
    levels: Vec<Level>,
    repeat: u32,
    mut notes: Vec<String>,
) {
    if levels.is_empty() {
        let mut why = vec!["left out: it notifies nobody that can be carried over".to_owned()];
        why.append(&mut notes);
        rota.note(&format!("escalation {called}"), why.join("; "));
        return;
    }
    let repeat_most = 20;
    if repeat > repeat_most {
        notes.push(format!("repeats {repeat} times; here {repeat_most}"));
    }
    let id = free(&mut rota.ids.policies, &[&called]);
    let escalation = Escalation { repeat: repeat.min(repeat_most), ..Escalation::new(&id, levels) };
    rota.policies.push(Policy { name: called, escalation, notes });
}
