//! What an event makes of the calendar. Replaying them all gives the same calendar.

use std::sync::Arc;

use super::super::event::{CalendarEvent, Event, name};
use super::super::model::{Key, Window, WindowId};
use super::super::record::{Check, ClosureCode, Finish, Record, Stamp};
use super::super::state::{Calendar, Change, Source, Subject, Version, push, restore};
use crate::domain::incident::ActorKind;
use crate::domain::time::{Instant, Interval};

/// Folds one stored event.
pub fn apply(calendar: &mut Calendar, event: &Event) {
    match &event.body {
        CalendarEvent::WindowAdded { window } => {
            define(calendar, window, event.at);
            undoable_window(calendar, event, &window.id, "planned");
        }
        CalendarEvent::WindowChanged { window } => {
            define(calendar, window, event.at);
            undoable_window(calendar, event, &window.id, "changed");
        }
        CalendarEvent::WindowWithdrawn { window, .. } => {
            if let Some(last) = calendar.windows.get_mut(window).and_then(|v| v.last_mut()) {
                last.starts.to = event.at;
            }
            undoable_window(calendar, event, window, "withdrawn");
        }
        CalendarEvent::WindowDeclared { window, code, reason } => {
            declare(calendar, event, window, *code, reason);
            undoable_window(calendar, event, &window.id, "declared");
        }
        CalendarEvent::WindowRestored { window, .. } => {
            if let Some(versions) = calendar.windows.get_mut(window) {
                restore(versions);
            }
            // An undo is final: there is no redo, and nothing before it can be undone.
            calendar.changes.remove(&Subject::Window(window.clone()));
        }
        CalendarEvent::FreezeExceptionAdded { freeze, exception } => {
            let granted = calendar.exceptions.entry(freeze.clone()).or_default();
            granted.push(exception.clone());
            let (freeze, exception) = (freeze.clone(), exception.clone());
            let subject = Subject::Window(freeze.clone());
            let back = CalendarEvent::FreezeExceptionWithdrawn { freeze, exception };
            undoable(calendar, event, subject, "opened for an exception", back);
        }
        CalendarEvent::FreezeExceptionWithdrawn { freeze, exception } => {
            if let Some(granted) = calendar.exceptions.get_mut(freeze) {
                granted.retain(|e| e != exception);
            }
            calendar.changes.remove(&Subject::Window(freeze.clone()));
        }
        CalendarEvent::OccurrenceApproved { key, terms } => {
            record(calendar, event, key, "approved", |r| {
                r.approved = Some(stamp(event, ""));
                r.terms.clone_from(terms);
            });
        }
        CalendarEvent::OccurrenceStarted { key } => {
            record(calendar, event, key, "started", |r| r.started = Some(stamp(event, "")));
        }
        CalendarEvent::OccurrenceExtended { key, seconds } => {
            record(calendar, event, key, "extended", |r| {
                r.extended = r.extended.saturating_add(*seconds);
            });
        }
        CalendarEvent::OccurrenceFinished { key, ended, code, note } => {
            let by = name(&event.actor);
            let finish = Finish { by, at: *ended, code: *code, note: note.clone() };
            record(calendar, event, key, "finished", |r| r.finished = Some(finish));
        }
        CalendarEvent::OccurrenceCancelled { key, reason } => {
            let cancelled = stamp(event, reason);
            record(calendar, event, key, "cancelled", |r| r.cancelled = Some(cancelled));
        }
        CalendarEvent::OccurrenceMoved { key, to } => {
            record(calendar, event, key, "moved", |r| {
                r.moved = Some(*to);
                // What was approved is another time.
                r.approved = None;
            });
        }
        CalendarEvent::OccurrenceChecked { key, item, result, note } => {
            let (by, at) = (name(&event.actor), event.at);
            let check = Check { item: *item, result: *result, note: note.clone(), by, at };
            record(calendar, event, key, "checked", |r| {
                r.checks.retain(|other| other.item != *item);
                r.checks.push(check);
                r.checks.sort_by_key(|check| check.item);
            });
        }
        CalendarEvent::Forced { .. } => {}
        CalendarEvent::OccurrenceAsked { key, prompt, due } => {
            let mut asked = present(calendar, key);
            asked.asked.insert(*prompt, *due);
            calendar.records.set(key, Some(asked));
        }
        CalendarEvent::OccurrenceUndone { key, record, .. } => {
            calendar.records.set(key, record.as_deref().cloned());
            calendar.changes.remove(&Subject::Occurrence(key.clone()));
        }
    }
}

/// A window that people made, as it is from an instant on.
fn define(calendar: &mut Calendar, window: &Window, at: Instant) {
    number(calendar, &window.id);
    let versions = calendar.windows.entry(window.id.clone()).or_default();
    push(versions, Arc::new(window.clone()), Source::Store, at);
}

fn number(calendar: &mut Calendar, id: &WindowId) {
    let n = super::super::model::number(&id.0).unwrap_or(0);
    calendar.numbered = calendar.numbered.max(n);
}

/// It took place as it says, as if it had been approved.
fn declare(
    calendar: &mut Calendar,
    event: &Event,
    window: &Window,
    code: ClosureCode,
    reason: &str,
) {
    number(calendar, &window.id);
    let planned = window.planned(window.recurrence.start, window.length);
    let said = stamp(event, reason);
    let by = said.by.clone();
    let record = Record {
        started: Some(Stamp { at: planned.from, ..said.clone() }),
        finished: Some(Finish { by, at: planned.to, code, note: reason.to_owned() }),
        declared: Some(said),
        ..Record::default()
    };
    calendar.records.set(&Key::new(&window.id, window.recurrence.start), Some(record));
    let starts = Interval::new(Instant::MIN_UTC, Instant::MAX_UTC);
    let (window, source) = (Arc::new(window.clone()), Source::Store);
    let version = Version { source, starts, since: Instant::MIN_UTC, window };
    calendar.windows.entry(version.window.id.clone()).or_default().push(version);
}

fn present(calendar: &Calendar, key: &Key) -> Record {
    calendar.records.get(key).map(|r| (**r).clone()).unwrap_or_default()
}

/// Changes what is on record of an occurrence; undo puts the record from before back.
fn record(
    calendar: &mut Calendar,
    event: &Event,
    key: &Key,
    what: &str,
    change: impl FnOnce(&mut Record),
) {
    let before = calendar.records.get(key).map(|r| Box::new((**r).clone()));
    let mut after = present(calendar, key);
    change(&mut after);
    calendar.records.set(key, Some(after));
    let (key, what_was) = (key.clone(), what.to_owned());
    let subject = Subject::Occurrence(key.clone());
    let back = CalendarEvent::OccurrenceUndone { key, what: what_was, record: before };
    undoable(calendar, event, subject, what, back);
}

fn undoable_window(calendar: &mut Calendar, event: &Event, window: &WindowId, what: &str) {
    let back = CalendarEvent::WindowRestored { window: window.clone(), what: what.to_owned() };
    undoable(calendar, event, Subject::Window(window.clone()), what, back);
}

fn undoable(
    calendar: &mut Calendar,
    event: &Event,
    subject: Subject,
    what: &str,
    compensation: CalendarEvent,
) {
    let is_person = event.actor.kind == ActorKind::Person;
    let change = Change {
        position: event.position,
        at: event.at,
        by: name(&event.actor),
        session: if is_person { event.actor.session.clone() } else { String::new() },
        what: what.to_owned(),
        compensation,
    };
    calendar.changes.insert(subject, change);
}

fn stamp(event: &Event, reason: &str) -> Stamp {
    Stamp {
        by: name(&event.actor),
        at: event.at,
        automatic: event.actor.kind != ActorKind::Person,
        reason: reason.to_owned(),
    }
}
