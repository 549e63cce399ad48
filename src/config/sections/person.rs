//! `[[people]]`: who is in the team, what they can do, when they are away.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::channel::Known as Channels;
use crate::config::names::Names;
use crate::config::reader::Section;
use crate::config::tree::Value;
use crate::domain::incident::Priority;
use crate::domain::paging::{ChannelId, Wishes};
use crate::domain::roster::{Absence, Credential, Involvement, Person, PersonId};
use crate::domain::text::clean;
use crate::domain::time::{Instant, Interval, zone};

/// All of them; who has no zone of their own lives in that of the site.
pub fn people<'a>(
    sections: Vec<Section<'a>>,
    channels: &Channels<'_>,
    (site, now): (Tz, Instant),
) -> (BTreeMap<PersonId, Arc<Person>>, Names<'a>) {
    let (mut people, mut names) = (BTreeMap::new(), Names::new("person", "people"));
    for s in sections {
        let id = s.id("id = \"ana\"");
        if let Some(id) = id {
            names.give(s.report(), id);
        }
        let person = person(&s, id.map_or("", |id| id.value), channels, (site, now));
        s.finish();
        people.insert(person.id.clone(), Arc::new(person));
    }
    (people, names)
}

fn person(
    s: &Section<'_>,
    id: &str,
    channels: &Channels<'_>,
    (site, now): (Tz, Instant),
) -> Person {
    let own = s.zone("timezone").unwrap_or(site);
    let line = |key| s.filled(key).map(|t| Arc::from(clean(t.value, 80)));
    let today = zone::local(now, own).date();
    Person {
        id: id.into(),
        name: line("name").unwrap_or_else(|| id.into()),
        email: email(s),
        phone: line("phone"),
        chat: line("chat"),
        zone: own,
        team: line("team"),
        roles: roles(s),
        responsibilities: responsibilities(s),
        skills: skills(s),
        certificates: credentials(s, id, "certificates", today),
        trainings: credentials(s, id, "trainings", today),
        absences: absences(s, own),
        wishes: wishes(s, id, channels),
    }
}

/// How they want to be paged.
fn wishes(s: &Section<'_>, id: &str, channels: &Channels<'_>) -> Wishes {
    let mut wishes = Wishes::default();
    for text in s.texts("page").unwrap_or_default() {
        if !channels.names.refer(s.report(), text, &s.key("page")) {
            continue;
        }
        if channels.mails.contains(&text.value) && !s.has("email") {
            let message = format!("{id} is paged by mail and has no address");
            s.report().error(text.at, message, "add email = \"…\", or take this channel out");
        }
        let channel: ChannelId = text.value.into();
        if !wishes.channels.contains(&channel) {
            wishes.channels.push(channel);
        }
    }
    if let Some(quiet) = s.hours_or_daily("quiet_hours") {
        wishes.quiet = quiet;
    }
    if let Some(p) = s.integer("min_priority", 1..=5) {
        wishes.min_priority = Priority(p as u8);
    }
    if wishes.channels.is_empty() {
        for key in ["quiet_hours", "min_priority"] {
            if let Some(at) = s.key_place(key) {
                let message = format!("{} has no effect without page", s.key(key));
                s.report().warn(at, message, "name the channels: page = [\"mail\"]");
            }
        }
    }
    wishes
}

fn email(s: &Section<'_>) -> Option<Arc<str>> {
    let text = s.filled("email")?;
    let parts = text.value.split_once('@').filter(|(a, b)| !a.is_empty() && !b.is_empty());
    if parts.is_none() || text.value.contains(char::is_whitespace) {
        let message = format!("\"{}\" is not an e-mail address", text.value);
        s.report().error(text.at, message, "write it as \"ana@acme.example\"");
    }
    Some(clean(text.value, 254).into())
}

fn roles(s: &Section<'_>) -> Vec<Arc<str>> {
    let roles = s.texts("roles").unwrap_or_default();
    roles.into_iter().map(|t| clean(t.value, 60).into()).collect()
}

/// `{ triage = "R", communication = "A" }`.
fn responsibilities(s: &Section<'_>) -> BTreeMap<Arc<str>, Involvement> {
    let mut out = BTreeMap::new();
    for (step, text) in s.pairs("responsibilities") {
        let found = Involvement::LETTERS.iter().find(|(letter, _)| *letter == text.value);
        let Some((_, involvement)) = found else {
            let message = format!("{}.responsibilities.{step} cannot be {:?}", s.name, text.value);
            let remedy = "it takes R (responsible), A (accountable), C (consulted) or I (informed)";
            s.report().error(text.at, message, remedy);
            continue;
        };
        out.insert(clean(step, 60).into(), *involvement);
    }
    out
}

/// `{ linux = 3, postgres = 5 }`.
fn skills(s: &Section<'_>) -> BTreeMap<Arc<str>, u8> {
    let Some(node) = s.node("skills") else { return BTreeMap::new() };
    let Value::Table(table) = &node.value else {
        let remedy = "write levels from 1 to 5, as in skills = { linux = 3 }";
        s.report().error(node.at.0, format!("{}.skills is {}", s.name, node.value.what()), remedy);
        return BTreeMap::new();
    };
    let level = |key: &str, node| s.integer_of(&format!("skills.{key}"), node, 1..=5);
    let skills = table.0.iter().filter_map(|e| Some((e, level(&e.key, &e.node)?)));
    skills.map(|(e, level)| (clean(&e.key, 60).into(), level as u8)).collect()
}

/// Certificates and trainings. Those to be renewed are warned about.
fn credentials(s: &Section<'_>, id: &str, key: &'static str, today: NaiveDate) -> Vec<Credential> {
    let mut out = Vec::new();
    for c in s.sections(key) {
        let name = c.required_text("name", "name = \"RHCE\"");
        let expires = c.day("expires");
        if let Some(name) = name {
            let credential = Credential { name: clean(name.value, 80).into(), expires };
            let left = credential.days_left(today).filter(|days| *days <= Credential::RENEWAL);
            if let (Some(left), Some(day)) = (left, expires) {
                let when = match left {
                    ..0 => format!("expired on {day}"),
                    0 => "expires today".to_owned(),
                    1 => format!("expires on {day}, tomorrow"),
                    _ => format!("expires on {day}, in {left} days"),
                };
                let remedy = "renew it and write the new date, or take it out";
                let message = format!("\"{}\" of {id} {when}", credential.name);
                c.report().foretell(name.at, message, remedy);
            }
            out.push(credential);
        }
        c.finish();
    }
    out
}

/// `[{ from = "2026-12-24", to = "2027-01-06", reason = "holidays" }]`, in the person's zone.
fn absences(s: &Section<'_>, own: Tz) -> Vec<Absence> {
    let mut out = Vec::new();
    for a in s.sections("absences") {
        for key in ["from", "to"] {
            if !a.has(key) {
                a.missing(key, &format!("{key} = \"2026-12-24\""));
            }
        }
        let (from, to) = (a.moment("from"), a.moment("to"));
        let reason = a.filled("reason").map_or_else(String::new, |t| clean(t.value, 80)).into();
        if let (Some((from, _)), Some((to, at))) = (from, to) {
            let span = Interval::new(from.begins(own), to.ends(own));
            if span.is_empty() {
                let remedy = "swap from and to; a date as \"to\" is the whole of that day";
                a.report().error(at, "this absence ends before it begins", remedy);
            }
            out.push(Absence { at: span, reason });
        }
        a.finish();
    }
    out
}
