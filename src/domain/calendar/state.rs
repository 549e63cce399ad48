//! The calendar as data: the fold of its events over what the plan says.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use chrono::NaiveDateTime;

use super::conflicts::{Conflict, Reason};
use super::event::CalendarEvent;
use super::model::{FreezeException, Key, Window, WindowId, later};
use super::occurrence::{self, Occurrence};
use super::record::{Record, Records};
use crate::domain::health::ServiceId;
use crate::domain::matcher::Labels;
use crate::domain::observation::SourceName;
use crate::domain::time::{Instant, Interval, before, zone};

/// A window as it was, or is, in force. A change does not rewrite what took place before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    pub window: Arc<Window>,
    pub source: Source,
    /// The occurrences whose original start is in here are its own.
    pub starts: Interval,
    /// What was approved before is another plan than this; nothing is in effect before.
    pub since: Instant,
}

/// Where a window was defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The service plan: it is changed there.
    Plan,
    /// A calendar that a source reads: it is changed there.
    Imported,
    /// A person, here.
    Store,
}

/// What a change was made to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Window(WindowId),
    Occurrence(Key),
}

/// The last change that somebody made to something, and what takes it back.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The event's position in the log.
    pub position: u64,
    pub at: Instant,
    pub by: Arc<str>,
    /// The console session that acted; undo belongs to it. Empty: nobody's.
    pub session: String,
    /// Completes "was … by ana".
    pub what: String,
    pub compensation: CalendarEvent,
}

/// Everything that is planned, and what became of it.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    /// The versions of each window, the newest last.
    pub(super) windows: BTreeMap<WindowId, Vec<Version>>,
    pub(super) records: Records,
    /// Those granted here, by freeze; further ones are in the freezes' definitions.
    pub(super) exceptions: Exceptions,
    pub(super) changes: BTreeMap<Subject, Change>,
    /// The number of the last window that was added here.
    pub(super) numbered: u64,
    /// What each calendar of others stated last.
    pub(super) imported: BTreeMap<SourceName, Windows>,
}

/// What a calendar of others states. The same `Arc` as before: nothing changed.
pub type Windows = Arc<[Arc<Window>]>;

/// Freeze → what may be done in it all the same.
pub type Exceptions = BTreeMap<WindowId, Vec<FreezeException>>;

impl Version {
    /// A window that the plan has always had.
    pub fn planned(window: Arc<Window>) -> Self {
        let starts = Interval::new(Instant::MIN_UTC, Instant::MAX_UTC);
        Self { window, source: Source::Plan, starts, since: Instant::MIN_UTC }
    }

    /// It has not been withdrawn or replaced.
    pub fn is_current(&self) -> bool {
        self.starts.to == Instant::MAX_UTC
    }
}

impl Calendar {
    /// Takes over the windows of the plan as they are from `at` on. What is new or different in them
    /// begins then, what is missing ends; without a plan before, they have always been so.
    pub fn set_plan(&mut self, plan: &[Arc<Window>], at: Instant) {
        let is_first = !self.windows.values().flatten().any(|v| v.source == Source::Plan);
        for versions in self.windows.values_mut() {
            let gone = |v: &Version| !plan.iter().any(|w| w.id == v.window.id);
            if let Some(last) = versions.last_mut()
                && last.source == Source::Plan
                && last.is_current()
                && gone(last)
            {
                last.starts.to = at;
            }
        }
        for window in plan {
            let versions = self.windows.entry(window.id.clone()).or_default();
            match versions.last() {
                Some(last) if last.is_current() && *last.window == **window => {}
                None if is_first => versions.push(Version::planned(window.clone())),
                _ => push(versions, window.clone(), Source::Plan, at),
            }
        }
    }

    /// Every version of every window.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        self.windows.values().flatten()
    }

    /// The windows as they are now.
    pub fn windows(&self) -> impl Iterator<Item = &Version> {
        self.windows.values().filter_map(|v| v.last()).filter(|v| v.is_current())
    }

    /// A window as it is now; `None` where it was withdrawn.
    pub fn window(&self, id: &WindowId) -> Option<&Version> {
        self.windows.get(id)?.last().filter(|v| v.is_current())
    }

    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The exceptions that were granted here.
    pub fn exceptions(&self) -> &Exceptions {
        &self.exceptions
    }

    /// What changed last, for undo.
    pub fn last_change(&self, of: &Subject) -> Option<&Change> {
        self.changes.get(of)
    }

    /// What people did about occurrences to come that a changed window has no more, or at other
    /// terms.
    pub fn discarded(&self, window: &Window, now: Instant) -> Vec<Conflict> {
        let Some(history) = self.records.of(&window.id) else { return Vec::new() };
        let terms = window.terms();
        let lost = |(original, record): (NaiveDateTime, &Arc<Record>)| {
            let at = zone::instant(original, window.zone());
            let moment = Interval::new(at, later(at, chrono::TimeDelta::seconds(1)));
            let goes_on = !window.recurrence.between(moment, 1).is_empty();
            let approved = record.approved.is_some() && record.terms.as_ref() != Some(&terms);
            let what = match () {
                () if record.finished.is_some() => return None,
                () if record.cancelled.is_some() && !goes_on => "cancelled",
                () if record.moved.is_some() && !goes_on => "moved",
                () if approved => "approved",
                () => return None,
            };
            let at = Interval::new(at, later(at, window.length.at_most()));
            (at.to > now).then_some(Conflict { at, reason: Reason::Discards { what } })
        };
        history.iter().filter_map(lost).collect()
    }

    /// The position in the log of the last change that anybody made, 0: none.
    pub fn position(&self) -> u64 {
        self.changes.values().map(|change| change.position).max().unwrap_or(0)
    }

    /// What a session changed last, and can still take back.
    pub fn last_own(&self, session: &str) -> Option<&Subject> {
        let own = self.changes.iter().filter(|(_, c)| !session.is_empty() && c.session == session);
        own.max_by_key(|(_, change)| change.position).map(|(subject, _)| subject)
    }

    /// What takes place in an interval; see [`occurrence::occurrences`].
    pub fn occurrences(&self, within: Interval, now: Instant) -> Vec<Occurrence> {
        occurrence::occurrences(self.versions(), &self.records, within, now)
    }

    /// What takes place in an interval and touches a service or one of these labels.
    pub fn touching(
        &self,
        (service, labels): (Option<&ServiceId>, &Labels),
        within: Interval,
        now: Instant,
    ) -> Vec<Occurrence> {
        let ours = self.versions().filter(|v| v.window.scope.covers(service, labels));
        occurrence::occurrences(ours, &self.records, within, now)
    }

    /// One occurrence as it is now; `None` where no window has it.
    pub fn occurrence(&self, key: &Key, now: Instant) -> Option<Occurrence> {
        let versions = self.windows.get(&key.window)?;
        versions.iter().find_map(|v| occurrence::find(v, &self.records, key.original, now))
    }
}

/// A further version from an instant on. The first also has the occurrence that is under way.
pub(super) fn push(versions: &mut Vec<Version>, window: Arc<Window>, source: Source, at: Instant) {
    let mut from = before(at, window.length.at_most());
    let mut since = at;
    if let Some(last) = versions.last_mut() {
        from = at;
        if last.is_current() {
            last.starts.to = at;
        }
        if last.window.terms() == window.terms() {
            since = last.since;
        }
    }
    versions.push(Version { window, source, starts: Interval::new(from, Instant::MAX_UTC), since });
}

/// Takes the last change of a window back: a withdrawal, a change, or that it was added.
pub(super) fn restore(versions: &mut Vec<Version>) {
    if versions.last().is_some_and(Version::is_current) {
        versions.pop();
    }
    if let Some(last) = versions.last_mut() {
        last.starts.to = Instant::MAX_UTC;
    }
}

/// How far an occurrence of a window may lie before an interval that it touches.
pub(super) fn reach(window: &Window) -> chrono::TimeDelta {
    window.length.at_most()
}

/// An interval that begins now and is as long as anybody plans ahead.
pub(super) fn ahead(from: Instant) -> Interval {
    Interval::new(from, later(from, chrono::TimeDelta::days(3_660)))
}
