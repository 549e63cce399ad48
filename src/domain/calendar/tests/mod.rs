//! The calendar as tables and stories, and the laws that hold for all of them.

mod conflicts;
mod imported;
mod inspections;
mod lifecycle;
mod mirror;
mod occurrences;
mod stated;
mod stored;
mod suppression;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::{Europe, Tz};

use super::event::Event;
use super::lifecycle::{Action, By, Command, apply, judge};
use super::*;
use crate::domain::health::ServiceId;
use crate::domain::incident::Actor;
use crate::domain::roster::{Absence, Person, Roster};
use crate::domain::time::{Instant, Interval, Recurrence, zone};

/// A local time in Madrid, where all windows of these tests are: `2026-11-24 22:00`.
fn local(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
}

fn at(text: &str) -> Instant {
    zone::instant(local(text), Europe::Madrid)
}

fn between(from: &str, to: &str) -> Interval {
    Interval::new(at(from), at(to))
}

fn shown(i: Interval) -> String {
    let text = |at| zone::local(at, Europe::Madrid).format("%d %H:%M").to_string();
    format!("{} - {}", text(i.from), text(i.to))
}

/// On each of these days; the rules of RRULE have tests of their own.
fn on(starts: &[&str]) -> Recurrence {
    let mut recurrence = Recurrence::once(local(starts[0]), Europe::Madrid);
    recurrence.also = starts[1..].iter().map(|s| local(s)).collect();
    recurrence
}

/// A normal change on `checkout`, which mutes. One without id is given one when it is planned.
fn window(id: &str, kind: Kind, start: &str, hours: u32) -> Window {
    let recurrence = Recurrence::once(local(start), Europe::Madrid);
    let mut window = Window::new(id, kind, recurrence, Length::hours(hours));
    window.scope.services = vec![ServiceId::new("checkout")];
    if id.is_empty() {
        window.summary = "Patch".into();
    }
    window
}

fn standard(mut window: Window) -> Window {
    window.change_type = ChangeType::Standard;
    window
}

fn key(id: &str, original: &str) -> Key {
    Key::new(&WindowId::new(id), local(original))
}

fn person(id: &str, name: &str, roles: &[&str]) -> Arc<Person> {
    Arc::new(Person {
        name: name.into(),
        roles: roles.iter().map(|r| Arc::from(*r)).collect(),
        absences: vec![Absence {
            at: between("2026-12-24 00:00", "2026-12-27 00:00"),
            reason: "holidays".into(),
        }],
        ..Person::new(id)
    })
}

fn roster() -> Roster {
    let people = [person("ana", "Ana Ruiz", &["change-manager"]), person("luis", "Luis Peña", &[])];
    let people = people.into_iter().map(|p| (p.id.clone(), p)).collect();
    Roster { people, ..Roster::default() }
}

/// A calendar with its log.
struct Book {
    calendar: Calendar,
    log: Vec<Event>,
    roster: Roster,
}

impl Book {
    fn new(plan: Vec<Window>) -> Self {
        let mut calendar = Calendar::default();
        let plan: Vec<_> = plan.into_iter().map(Arc::new).collect();
        calendar.set_plan(&plan, at("2026-01-01 00:00"));
        Self { calendar, log: Vec::new(), roster: roster() }
    }

    /// What that person is told; stored if it is allowed.
    fn tell(&mut self, who: &str, command: Command, now: &str) -> Result<(), String> {
        let mut actor = Actor::person(who);
        actor.session = format!("session of {who}");
        self.tell_as(actor, who, command, at(now))
    }

    fn tell_as(
        &mut self,
        actor: Actor,
        who: &str,
        command: Command,
        now: Instant,
    ) -> Result<(), String> {
        let (person, undo_window) = (Some(who), TimeDelta::seconds(30));
        let by = By { actor: &actor, person, roster: &self.roster, undo_window };
        let bodies = judge(&self.calendar, &command, &by, now).map_err(|r| r.to_string())?;
        for body in bodies {
            let position = self.log.len() as u64 + 1;
            let event = Event { position, at: now, actor: actor.clone(), body };
            apply(&mut self.calendar, &event);
            self.log.push(event);
        }
        Ok(())
    }

    fn act(&mut self, who: &str, key: &Key, action: Action, now: &str) -> Result<(), String> {
        self.tell(who, Command::Act { key: key.clone(), action }, now)
    }

    fn console(&mut self, key: &Key, action: Action, now: &str) -> Result<(), String> {
        self.tell_as(Actor::system(), "", Command::Act { key: key.clone(), action }, at(now))
    }

    fn add(&mut self, window: Window, now: &str) -> Result<(), String> {
        self.tell("luis", Command::Add { window: Box::new(window) }, now)
    }

    fn see(&self, key: &Key, now: &str) -> Occurrence {
        self.calendar.occurrence(key, at(now)).unwrap()
    }

    fn status(&self, key: &Key, now: &str) -> &'static str {
        self.see(key, now).status.word()
    }

    fn list(&self, from: &str, to: &str, now: &str) -> Vec<String> {
        let found = self.calendar.occurrences(between(from, to), at(now));
        found.iter().map(|o| format!("{} {}", shown(o.planned), o.status.word())).collect()
    }

    /// The same calendar from its log alone.
    fn replayed(&self, plan: Vec<Window>) -> Calendar {
        let mut again = Self::new(plan).calendar;
        self.log.iter().for_each(|event| apply(&mut again, event));
        again
    }
}

fn finish(code: ClosureCode, note: &str) -> Action {
    Action::Finish { code, note: note.to_owned() }
}

fn refused<T>(why: &str) -> Result<T, String> {
    Err(why.to_owned())
}
