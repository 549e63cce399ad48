//! What becomes of rotas of other systems.

mod calendar;
mod grafana;
mod pagerduty;

use chrono::NaiveDateTime;
use serde_json::Value;

use super::Rota;
use crate::cli::init::write::{self, Upstreams};
use crate::config::{self, Config, Surroundings};
use crate::domain::roster::shifts::{Imported, final_shifts};
use crate::domain::roster::{Override, OverrideId};
use crate::domain::time::{Instant, Interval, zone};

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn local(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
}

/// The file that is written.
fn file(rota: &Rota) -> String {
    write::file(&Upstreams::default(), &[], rota, &[])
}

/// The file as the config reads it; with any error or warning it panics.
fn loaded(rota: &Rota, now: Instant) -> Config {
    let text = file(rota);
    let config = config::of_text("config.toml", text.clone(), &Surroundings::of_process(), now);
    let config = config.unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert!(config.warnings.0.is_empty(), "{}\n{text}", config.warnings);
    config
}

/// Who is on call as the written config computes it with the overrides, in the schedule's zone:
/// `person from until`, what follows each other for one person joined.
fn shifts(rota: &Rota, now: Instant, schedule: &str, within: Interval) -> Vec<String> {
    let config = loaded(rota, now);
    let found = config.plan.roster.schedule(schedule).unwrap();
    let draft = rota.schedules.iter().find(|s| s.id == schedule).unwrap();
    let made = draft.overrides.iter().zip(1..).map(|(o, id)| Override {
        id: OverrideId(id),
        schedule: schedule.into(),
        person: Some(o.person.clone()),
        from: o.at.from,
        to: o.at.to,
        reason: String::new(),
    });
    let made: Vec<Override> = made.collect();
    let mut joined: Vec<(String, Interval)> = Vec::new();
    for shift in final_shifts(found, &made, &Imported::new(), within) {
        match joined.last_mut() {
            Some((who, at)) if **who == *shift.person && at.to == shift.at.from => {
                at.to = shift.at.to;
            }
            _ => joined.push((shift.person.to_string(), shift.at)),
        }
    }
    let text = |t| zone::local(t, found.zone).format("%m-%d %H:%M").to_string();
    joined.iter().map(|(who, at)| format!("{who} {} {}", text(at.from), text(at.to))).collect()
}

/// All that is said of what could not be carried over.
fn said(rota: &Rota) -> String {
    let all = rota.left_out();
    let lines: Vec<String> = all.iter().map(|l| format!("{}: {}", l.what, l.why)).collect();
    lines.join("\n")
}

fn list(document: &Value, key: &str) -> Vec<Value> {
    document[key].as_array().unwrap().clone()
}
