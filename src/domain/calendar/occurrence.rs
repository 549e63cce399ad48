//! What takes place: windows expanded over an interval, with the records of people laid over.

use std::cmp::Ordering;
use std::sync::Arc;

use chrono::{Months, NaiveDateTime, TimeDelta};

use super::model::{Amendment, Basis, Key, Kind, Length, Window, later};
use super::record::{ClosureCode, History, Record, Records};
use super::state::{Version, reach};
use crate::domain::roster::PersonId;
use crate::domain::time::recurrence::Start;
use crate::domain::time::{Instant, Interval, Recurrence, before, zone};

/// The most occurrences of one window that an interval is asked for; more than an hourly one has in
/// two months.
const MOST: usize = 1_500;

/// One taking place of a window, as it stands at the instant it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    pub key: Key,
    pub window: Arc<Window>,
    /// With what it was moved to and extended by.
    pub planned: Interval,
    pub status: Status,
    /// Somebody began it, its time is over, and nobody has finished it.
    pub overrun: bool,
    record: Option<Arc<Record>>,
    /// Not in effect before.
    since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Waits for approval.
    Planned,
    Approved,
    InProgress,
    Completed,
    Cancelled,
}

impl Status {
    /// As in `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Approved => "approved",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What touches an interval, planned or actual, in order of its planned time. Moved ones stand where
/// they were moved to; cancelled ones are among them and say so; one that overruns reaches to `now`.
pub fn occurrences<'a>(
    versions: impl IntoIterator<Item = &'a Version>,
    records: &Records,
    within: Interval,
    now: Instant,
) -> Vec<Occurrence> {
    let mut out = Vec::new();
    if within.is_empty() {
        return out;
    }
    for version in versions {
        let history = records.of(&version.window.id);
        expand(version, history, within, now, &mut out);
    }
    out.sort_unstable_by(by_time);
    out
}

fn by_time(a: &Occurrence, b: &Occurrence) -> Ordering {
    a.planned.cmp(&b.planned).then_with(|| a.key.cmp(&b.key))
}

fn expand(
    version: &Version,
    history: Option<&History>,
    within: Interval,
    now: Instant,
    out: &mut Vec<Occurrence>,
) {
    let window = &version.window;
    let near = Interval::new(before(within.from, reach(window)), within.to);
    let Some(near) = near.overlap(version.starts) else {
        return elsewhere(version, history, within, now, None, out);
    };
    for start in starts(window, history, near) {
        let record = history.and_then(|h| h.get(start.local));
        out.extend(build(version, start, record, now).touching(within, now));
    }
    elsewhere(version, history, within, now, Some(near), out);
}

/// Those that the rule has outside `near` and that were moved, put off or late.
fn elsewhere(
    version: &Version,
    history: Option<&History>,
    within: Interval,
    now: Instant,
    near: Option<Interval>,
    out: &mut Vec<Occurrence>,
) {
    let amended = version.window.amended.keys().copied();
    let displaced = history.into_iter().flat_map(History::displaced);
    let mut originals: Vec<_> = amended.chain(displaced).collect();
    originals.sort_unstable();
    originals.dedup();
    for original in originals {
        let at = zone::instant(original, version.window.zone());
        if near.is_none_or(|near| !near.contains(at)) {
            let found = find_in(version, history, original, now);
            out.extend(found.and_then(|o| o.touching(within, now)));
        }
    }
}

/// One occurrence of a version, by its original local start.
pub(super) fn find(
    version: &Version,
    records: &Records,
    original: NaiveDateTime,
    now: Instant,
) -> Option<Occurrence> {
    find_in(version, records.of(&version.window.id), original, now)
}

fn find_in(
    version: &Version,
    history: Option<&History>,
    original: NaiveDateTime,
    now: Instant,
) -> Option<Occurrence> {
    let at = zone::instant(original, version.window.zone());
    if !version.starts.contains(at) {
        return None;
    }
    let moment = Interval::new(at, later(at, TimeDelta::seconds(1)));
    let start =
        starts(&version.window, history, moment).into_iter().find(|s| s.local == original)?;
    Some(build(version, start, history.and_then(|h| h.get(original)), now))
}

/// The original starts in an interval: by the rule, or for an inspection that counts from its last
/// completion those on record and the one that is next.
fn starts(window: &Window, history: Option<&History>, within: Interval) -> Vec<Start> {
    let Some(next) = next_by_completion(window, history) else {
        return window.recurrence.between(within, MOST);
    };
    let recorded = history.into_iter().flat_map(History::iter).map(|(original, _)| original);
    let locals = recorded.filter(|original| *original != next).chain([next]);
    let starts = locals.map(|local| Start { at: zone::instant(local, window.zone()), local });
    starts.filter(|s| within.contains(s.at)).collect()
}

/// When an inspection that counts from its last completion has to be done next; `None` for what
/// recurs by its rule.
pub(super) fn next_by_completion(
    window: &Window,
    history: Option<&History>,
) -> Option<NaiveDateTime> {
    let Basis::Completed { months, days } = window.inspection?.basis else { return None };
    let Some((original, record)) = history.and_then(|h| h.iter().next_back()) else {
        return Some(window.recurrence.start);
    };
    let done = match (&record.finished, &record.cancelled) {
        (Some(finish), _) => zone::local(finish.at, window.zone()),
        (None, Some(_)) => original,
        (None, None) => return Some(original),
    };
    // At its time of day, whenever on its day the last one was done; after it in any case.
    let day = done.date().and_time(window.recurrence.start.time());
    let next = day.checked_add_months(Months::new(months)).unwrap_or(day);
    let next = next.checked_add_signed(TimeDelta::days(i64::from(days))).unwrap_or(next);
    let after = original.checked_add_signed(TimeDelta::days(1)).unwrap_or(original);
    Some(next.max(after))
}

fn build(
    version: &Version,
    start: Start,
    record: Option<&Arc<Record>>,
    now: Instant,
) -> Occurrence {
    let window = &version.window;
    let amendment = window.amended.get(&start.local);
    let moved = record.and_then(|r| r.moved).or(match amendment {
        Some(Amendment::Moved(moved)) => Some(*moved),
        _ => None,
    });
    let mut planned = match moved {
        Some(moved) => window.planned(moved.start, moved.length.unwrap_or(window.length)),
        None => Interval::new(start.at, window.length.after(start, window.zone())),
    };
    if let Some(record) = record {
        planned.to = later(planned.to, TimeDelta::seconds(i64::from(record.extended)));
    }
    let mut one = Occurrence {
        key: Key { window: window.id.clone(), original: start.local },
        window: window.clone(),
        planned,
        status: Status::Planned,
        overrun: false,
        record: record.cloned(),
        since: version.since,
    };
    let is_off = matches!(amendment, Some(Amendment::Cancelled)) && moved.is_none();
    one.status = if is_off { Status::Cancelled } else { one.status_at(now) };
    one.overrun = one.is_by_hand() && one.status == Status::InProgress && now >= one.end();
    one
}

impl Occurrence {
    /// What people did about it, if anything.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_deref()
    }

    /// The instant from which it is approved: its own approval's, or its window's where that needs
    /// none. An approval of another plan than the one in force does not count.
    pub fn approved_since(&self) -> Option<Instant> {
        if !self.window.needs_approval() {
            return Some(self.since);
        }
        let record = self.record()?;
        let stamp = record.approved.as_ref()?;
        if record.terms.as_ref().is_some_and(|terms| *terms != self.terms()) {
            return None;
        }
        (stamp.at >= self.since || self.record()?.declared.is_some()).then_some(stamp.at)
    }

    /// What an approval is of: when it takes place and what it does. Of an imported one it is of this
    /// occurrence alone, since what its calendar says of the others may change any day.
    pub fn terms(&self) -> String {
        let window = &self.window;
        if window.id.calendar().is_none() {
            return window.terms();
        }
        let extended = TimeDelta::seconds(self.record().map_or(0, |r| i64::from(r.extended)));
        let length = self.planned.length() - extended;
        let seconds = u32::try_from(length.num_seconds()).unwrap_or(u32::MAX);
        let start = zone::local(self.planned.from, window.zone());
        let once = Recurrence::once(start, window.zone());
        let one = Window {
            scope: window.scope.clone(),
            flexible: window.flexible,
            change_type: window.change_type,
            mutes: window.mutes,
            sla_relevant: window.sla_relevant,
            ..Window::new("", window.kind, once, Length { days: 0, seconds })
        };
        one.terms()
    }

    /// When the work began and, if it has, when it ended.
    pub fn actual(&self) -> Option<(Instant, Option<Instant>)> {
        let record = self.record()?;
        let finished = record.finished.as_ref().map(|f| f.at);
        let cancelled = record.cancelled.as_ref().map(|c| c.at);
        match &record.started {
            // What began by itself ends by itself, too.
            Some(started) if started.automatic && self.status == Status::Completed => {
                Some((started.at, finished.or(Some(self.end()))))
            }
            Some(started) => Some((started.at, finished.or(cancelled))),
            // What ran by itself and was then closed began as planned.
            None => finished.map(|to| (self.planned.from.min(to), Some(to))),
        }
    }

    /// When it is in effect: approved, and between beginning and end. What it mutes and excuses is
    /// exactly this.
    ///
    /// A fixed one begins as planned or when somebody began it earlier, a flexible one when it was
    /// triggered; both end when they are finished or cancelled, and at the latest at the end that was
    /// planned or granted by an extension: **an overrun mutes nothing**, as nobody approved it, so
    /// that a window that was forgotten cannot hide an outage. Its owner is asked before.
    pub fn effect(&self) -> Option<Interval> {
        let record = self.record();
        if record.is_some_and(|r| r.declared.is_some()) {
            return self.actual_interval();
        }
        let approved = self.approved_since()?;
        if self.status == Status::Cancelled && record.is_none_or(|r| r.cancelled.is_none()) {
            return None;
        }
        let started = record.and_then(|r| r.started.as_ref()).map(|s| s.at);
        let begins_by_itself = self.window.flexible.is_none() && self.window.kind.runs_by_itself();
        let from = match started {
            Some(at) if begins_by_itself => at.min(self.planned.from),
            Some(at) => at,
            None if begins_by_itself => self.planned.from,
            None => return None,
        };
        let ended = record.and_then(|r| r.finished.as_ref()).map(|f| f.at);
        let cancelled = record.and_then(|r| r.cancelled.as_ref()).map(|c| c.at);
        let to = ended.into_iter().chain(cancelled).fold(self.end(), Instant::min);
        let at = Interval::new(from.max(approved), to);
        (!at.is_empty()).then_some(at)
    }

    fn actual_interval(&self) -> Option<Interval> {
        let (from, to) = self.actual()?;
        Some(Interval::new(from, to?))
    }

    /// Until when it may last: as planned or extended, a flexible one from its trigger on.
    pub fn end(&self) -> Instant {
        let record = self.record();
        let trigger = record.and_then(|r| r.started.as_ref()).map(|s| s.at);
        match (self.window.flexible, trigger) {
            (Some(length), Some(at)) => {
                let zone = self.window.zone();
                let end = length.after(Start { at, local: zone::local(at, zone) }, zone);
                let extended = record.map_or(0, |r| r.extended);
                later(end, TimeDelta::seconds(i64::from(extended)))
            }
            _ => self.planned.to,
        }
    }

    /// The latest instant at which backing out can be decided.
    pub fn decision(&self) -> Option<Instant> {
        let after = self.window.back_out.as_ref()?.decide_after;
        Some(later(self.planned.from, TimeDelta::seconds(i64::from(after))))
    }

    /// Who has to be asked about it: its owner, or whoever began it.
    pub fn responsible(&self) -> Option<PersonId> {
        let starter = || self.record()?.started.as_ref().filter(|s| !s.automatic);
        self.window.owner.clone().or_else(|| starter().map(|s| s.by.clone()))
    }

    /// A person said that it began.
    pub fn is_by_hand(&self) -> bool {
        let started = self.record().and_then(|r| r.started.as_ref());
        started.is_some_and(|s| !s.automatic)
    }

    /// How it stands, in the words that screens and lists use.
    pub fn stands(&self, now: Instant) -> &'static str {
        if self.window.kind == Kind::Inspection {
            return super::inspections::standing(self, now).word();
        }
        let closed = self.record().and_then(|r| r.finished.as_ref()).map(|f| f.code);
        let freeze = self.window.kind == Kind::Freeze;
        match self.status {
            _ if self.overrun => "overrun",
            Status::Planned if self.planned.to <= now => "never approved",
            Status::Planned => "to approve",
            Status::Approved if freeze => "freeze",
            Status::InProgress if freeze => "in force",
            Status::Approved if !self.window.needs_approval() => "planned",
            Status::Approved => "approved",
            Status::InProgress => "in progress",
            Status::Completed => match closed {
                None | Some(ClosureCode::Successful) => "completed",
                Some(ClosureCode::WithIssues) => "with issues",
                Some(ClosureCode::BackedOut) => "backed out",
                Some(ClosureCode::Failed) => "failed",
            },
            Status::Cancelled => "cancelled",
        }
    }

    /// It is neither cancelled nor over.
    pub fn is_open(&self) -> bool {
        !matches!(self.status, Status::Completed | Status::Cancelled)
    }

    fn status_at(&self, now: Instant) -> Status {
        if let Some(record) = self.record() {
            if record.cancelled.is_some() {
                return Status::Cancelled;
            }
            if record.finished.is_some() {
                return Status::Completed;
            }
            if let Some(started) = &record.started {
                let over = started.automatic && now >= self.end();
                return if over { Status::Completed } else { Status::InProgress };
            }
        }
        let by_itself = self.window.kind.runs_by_itself();
        let is_fixed = self.window.flexible.is_none();
        match self.approved_since() {
            None => Status::Planned,
            Some(_) if !by_itself || now < self.planned.from => Status::Approved,
            Some(_) if now >= self.planned.to => Status::Completed,
            Some(_) if is_fixed => Status::InProgress,
            Some(_) => Status::Approved,
        }
    }

    /// It, if it touches an interval, as planned or as it was.
    fn touching(self, within: Interval, now: Instant) -> Option<Self> {
        let as_it_was = |(from, to): (Instant, Option<Instant>)| {
            Interval::new(from, to.unwrap_or(now)).overlap(within).is_some()
        };
        let touches =
            self.planned.overlap(within).is_some() || self.actual().is_some_and(as_it_was);
        touches.then_some(self)
    }
}
