//! What happened to the calendar, in words.

use super::event::CalendarEvent;
use super::model::{Key, WindowId};
use super::record::{CheckResult, ClosureCode};
use super::state::Calendar;
use crate::domain::text;

/// What happened, where nothing is known but the event: the audit trail.
pub(super) fn told(event: &CalendarEvent) -> String {
    say(event, &|window| window.to_string())
}

impl Calendar {
    /// What an event does, for whoever asked for it: `Patch kernels (CHG-7) of 24 Nov 22:00 approved`.
    pub fn said(&self, event: &CalendarEvent) -> String {
        say(event, &|id| self.window(id).map_or_else(|| id.to_string(), |v| v.window.title()))
    }
}

fn say(event: &CalendarEvent, title: &dyn Fn(&WindowId) -> String) -> String {
    let of =
        |key: &Key| format!("{} of {}", title(&key.window), key.original.format("%d %b %H:%M"));
    let because =
        |reason: &str| if reason.is_empty() { String::new() } else { format!(": {reason}") };
    match event {
        CalendarEvent::WindowAdded { window } => {
            format!("{} planned: {} {}", window.id, window.kind.word(), window.title())
        }
        CalendarEvent::WindowChanged { window } => {
            format!("{} changed: {} {}", window.id, window.kind.word(), window.title())
        }
        CalendarEvent::WindowWithdrawn { window, reason } => {
            format!("{} withdrawn{}", title(window), because(reason))
        }
        CalendarEvent::WindowDeclared { window, code, reason } => {
            let (title, code) = (window.title(), spoken(*code));
            format!("{} declared: {title}, {code}{}", window.id, because(reason))
        }
        CalendarEvent::WindowRestored { window, what } => {
            format!("{} no longer {what}", title(window))
        }
        CalendarEvent::FreezeExceptionAdded { freeze, exception } => {
            let (window, freeze) = (title(&exception.window), title(freeze));
            format!("{window} excepted from {freeze}{}", because(&exception.reason))
        }
        CalendarEvent::FreezeExceptionWithdrawn { freeze, exception } => {
            format!("{} no longer excepted from {}", title(&exception.window), title(freeze))
        }
        CalendarEvent::OccurrenceApproved { key, .. } => format!("{} approved", of(key)),
        CalendarEvent::OccurrenceStarted { key } => format!("{} started", of(key)),
        CalendarEvent::OccurrenceExtended { key, seconds } => {
            let by = text::duration(chrono::TimeDelta::seconds(i64::from(*seconds)));
            format!("{} extended by {by}", of(key))
        }
        CalendarEvent::OccurrenceFinished { key, code, note, .. } => {
            format!("{} finished, {}{}", of(key), spoken(*code), because(note))
        }
        CalendarEvent::OccurrenceCancelled { key, reason } => {
            format!("{} cancelled{}", of(key), because(reason))
        }
        CalendarEvent::OccurrenceMoved { key, to } => {
            let long = to.length.map_or_else(String::new, |l| format!(" for {l}"));
            format!("{} moved to {}{long}", of(key), to.start.format("%d %b %H:%M"))
        }
        CalendarEvent::OccurrenceChecked { key, item, result, note } => {
            let result = match result {
                CheckResult::Pass => "passed".to_owned(),
                CheckResult::Fail => "failed".to_owned(),
                CheckResult::Value { value } => format!("noted {value}"),
            };
            format!("{}: item {} {result}{}", of(key), u32::from(*item) + 1, because(note))
        }
        CalendarEvent::Forced { window, reasons } => {
            format!("{} in spite of: {}", title(window), reasons.join("; "))
        }
        CalendarEvent::OccurrenceAsked { prompt, key, .. } => prompt.text(&of(key)),
        CalendarEvent::OccurrenceUndone { key, what, .. } => {
            format!("{} no longer {what}", of(key))
        }
    }
}

/// `backed out`
fn spoken(code: ClosureCode) -> String {
    code.word().replace('_', " ")
}
