//! A rota as TOML, with what could not be carried over as a comment where it would stand.

use std::fmt::Write as _;

use super::{DraftLayer, DraftSchedule, Person, Policy, Rota};
use crate::cli::init::write::{line, text};
use crate::domain::roster::escalation::Target;
use crate::domain::roster::{Turn, Turns};
use crate::domain::text::clean;
use crate::sources::settings::CalendarAt;

/// Longest comment, in characters.
const MAX_COMMENT: usize = 400;

/// All tables of it.
pub fn tables(rota: &Rota) -> String {
    let mut out = String::new();
    for calendar in &rota.calendars {
        line(&mut out, &format!("[[sources]]\nname = {}\nkind = \"ical\"", text(&calendar.name)));
        match &calendar.at {
            CalendarAt::Web(url) => pair(&mut out, "url", url.as_str()),
            CalendarAt::Collection(url) => {
                pair(&mut out, "url", url.as_str());
                line(&mut out, "collection = true");
            }
            CalendarAt::File(path) => pair(&mut out, "file", &path.display().to_string()),
        }
        if let Some(zone) = calendar.zone {
            pair(&mut out, "timezone", zone.name());
        }
        out.push('\n');
    }
    for p in &rota.people {
        person(&mut out, p);
    }
    for s in &rota.schedules {
        schedule(&mut out, s);
    }
    for p in &rota.policies {
        policy(&mut out, p);
    }
    if !rota.notes.is_empty() {
        line(&mut out, "# Not carried over of the rota:");
        for note in &rota.notes {
            comment(&mut out, &format!("  {}: {}", note.what, note.why));
        }
        out.push('\n');
    }
    out
}

fn person(out: &mut String, p: &Person) {
    p.notes.iter().for_each(|note| comment(out, note));
    line(out, &format!("[[people]]\nid = {}", text(&p.id)));
    let zone = p.zone.map(|z| z.name().to_owned());
    let fields = [
        ("name", Some(&p.name)),
        ("email", p.email.as_ref()),
        ("phone", p.phone.as_ref()),
        ("timezone", zone.as_ref()),
        ("team", p.team.as_ref()),
    ];
    for (key, value) in fields {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            pair(out, key, value);
        }
    }
    out.push('\n');
}

fn schedule(out: &mut String, s: &DraftSchedule) {
    if let Some(proven) = &s.proven {
        comment(out, proven);
    }
    s.notes.iter().for_each(|note| comment(out, note));
    line(out, &format!("[[schedules]]\nid = {}", text(&s.id)));
    if !s.name.is_empty() && s.name != s.id {
        pair(out, "name", &s.name);
    }
    if let Some(team) = &s.team {
        pair(out, "team", team);
    }
    pair(out, "timezone", s.zone.name());
    if let Some(coverage) = s.coverage() {
        line(out, "# The hours of its layers: elsewhere nobody is on call, on purpose.");
        line(out, &format!("coverage = {}", coverage.toml()));
    }
    s.layers.iter().for_each(|l| layer(out, l));
    if !s.overrides.is_empty() {
        comment(out, &s.about_overrides());
        for command in s.commands() {
            line(out, &format!("#   {command}"));
        }
    }
    out.push('\n');
}

fn layer(out: &mut String, l: &DraftLayer) {
    l.notes.iter().for_each(|note| comment(out, note));
    line(out, &format!("[[schedules.layers]]\nname = {}", text(&l.name)));
    match &l.turns {
        Turns::Calendar(source) => pair(out, "source", source),
        Turns::Rotation(r) => {
            let people: Vec<String> = r.people.iter().map(|p| text(p)).collect();
            line(out, &format!("people = [{}]", people.join(", ")));
            pair(out, "start", &local(r.start));
            if let Some(until) = r.until {
                pair(out, "end", &local(until));
            }
            pair(out, "shift", &length(r.turn));
        }
    }
    if let Some(hours) = &l.hours {
        line(out, &format!("hours = {}", hours.toml()));
    }
}

fn policy(out: &mut String, p: &Policy) {
    comment(out, &p.name);
    p.notes.iter().for_each(|note| comment(out, &format!("Not carried over: {note}")));
    line(out, &format!("[[escalation]]\nid = {}\nlevels = [", text(&p.escalation.id)));
    for level in &p.escalation.levels {
        let notify: Vec<String> = level
            .notify
            .iter()
            .map(|target| match target {
                Target::Schedule(id) => text(&format!("schedule:{id}")),
                Target::Person(id) => text(&format!("person:{id}")),
            })
            .collect();
        let minutes = level.timeout.num_seconds();
        let timeout =
            if minutes % 60 == 0 { format!("{}m", minutes / 60) } else { format!("{minutes}s") };
        line(out, &format!("  {{ notify = [{}], timeout = \"{timeout}\" }},", notify.join(", ")));
    }
    line(out, "]");
    if p.escalation.repeat > 0 {
        line(out, &format!("repeat = {}", p.escalation.repeat));
    }
    out.push('\n');
}

/// What somebody else wrote may not end the comment: it is one line.
fn comment(out: &mut String, said: &str) {
    let indent = said.len() - said.trim_start().len();
    let _ = writeln!(out, "# {}{}", " ".repeat(indent.min(4)), clean(said, MAX_COMMENT));
}

fn pair(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key} = {}", text(value));
}

fn local(at: chrono::NaiveDateTime) -> String {
    use chrono::Timelike as _;
    let form = if at.second() == 0 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
    at.format(form).to_string()
}

fn length(turn: Turn) -> String {
    match turn {
        Turn::Days(n) if n % 7 == 0 => format!("{}w", n / 7),
        Turn::Days(n) => format!("{n}d"),
        Turn::Hours(n) => format!("{n}h"),
    }
}
