//! The overrides that people made: which changes exist, when they are allowed, what they mean. The
//! only place where an override comes to be or goes.

use std::collections::{BTreeMap, VecDeque};

use chrono::{Datelike, TimeDelta};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::model::{Override, OverrideId, PersonId, Roster, ScheduleId};
use crate::domain::incident::Actor;
use crate::domain::log::Recorded;
use crate::domain::text;
use crate::domain::time::{Instant, Interval, zone};

/// The longest override.
const LONGEST: TimeDelta = TimeDelta::days(366);
/// The most overrides that one command makes.
const MOST: usize = 50;
/// How many changes are remembered for undoing.
const REMEMBERED: usize = 64;

/// What a person asks of the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Put these over the schedules, all or none.
    Set { wanted: Vec<Wanted>, what: What },
    /// Take these away again.
    Drop { ids: Vec<OverrideId> },
    /// Do it although something speaks against it; what that is stays on record.
    Despite { command: Box<Self>, reasons: Vec<String> },
    /// Do it unless somebody put an override on the same time after that one: what the person had
    /// seen when they began to type.
    Seen { command: Box<Self>, last: u64 },
    /// Take back the last own change.
    Undo,
}

/// An override before it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub schedule: ScheduleId,
    /// `None`: nobody, on purpose.
    pub person: Option<PersonId>,
    pub at: Interval,
    pub reason: String,
}

/// What the overrides of one change are together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Somebody instead of somebody.
    Override,
    /// Somebody took the shift of somebody who is busy.
    Take,
    /// Two people exchanged their shifts.
    Swap,
}

/// What happened. Stored as JSON `{kind, …}`; a kind is never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    OverridesSet {
        what: What,
        overrides: Vec<Override>,
        /// What spoke against it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        despite: Vec<String>,
    },
    OverridesDropped {
        ids: Vec<OverrideId>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        despite: Vec<String>,
    },
    /// The change at that position was taken back: these are gone, and those are there again.
    RosterUndone { position: u64, gone: Vec<OverrideId>, back: Vec<Override> },
}

impl Change {
    /// As it is stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::OverridesSet { .. } => "overrides_set",
            Self::OverridesDropped { .. } => "overrides_dropped",
            Self::RosterUndone { .. } => "roster_undone",
        }
    }

    /// What happened, for a person, with times in a zone.
    pub fn words(&self, zone: Tz) -> String {
        let one = |o: &Override| {
            let who = o.person.as_deref().unwrap_or("nobody");
            let why = if o.reason.is_empty() { String::new() } else { format!(": {}", o.reason) };
            format!("{} {} {who} {}{why}", o.id, o.schedule, shown(o.at(), zone))
        };
        let all = |list: &[Override]| list.iter().map(one).collect::<Vec<_>>().join("; ");
        let ids = |ids: &[OverrideId]| {
            ids.iter().map(OverrideId::to_string).collect::<Vec<_>>().join(", ")
        };
        let forced = |reasons: &[String]| match reasons {
            [] => String::new(),
            reasons => format!("; in spite of: {}", reasons.join("; ")),
        };
        match self {
            Self::OverridesSet { what, overrides, despite } => {
                let verb = match what {
                    What::Override => "",
                    What::Take => "took ",
                    What::Swap => "swapped ",
                };
                format!("{verb}{}{}", all(overrides), forced(despite))
            }
            Self::OverridesDropped { ids: dropped, despite } => {
                format!("dropped {}{}", ids(dropped), forced(despite))
            }
            Self::RosterUndone { gone, back, .. } if back.is_empty() => {
                format!("undone: {} gone", ids(gone))
            }
            Self::RosterUndone { back, .. } => format!("undone: back is {}", all(back)),
        }
    }

    /// The overrides that it makes or takes away.
    pub fn touches(&self) -> Vec<OverrideId> {
        match self {
            Self::OverridesSet { overrides, .. } => overrides.iter().map(|o| o.id).collect(),
            Self::OverridesDropped { ids, .. } => ids.clone(),
            Self::RosterUndone { gone, back, .. } => {
                gone.iter().copied().chain(back.iter().map(|o| o.id)).collect()
            }
        }
    }
}

/// The overrides in force, whenever they are for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Book {
    by_id: BTreeMap<OverrideId, Override>,
    /// The highest number that was ever given.
    last: u64,
    /// The newest changes with what they took away, oldest first.
    made: VecDeque<Made>,
}

#[derive(Debug, Clone, PartialEq)]
struct Made {
    position: u64,
    at: Instant,
    session: String,
    set: Vec<OverrideId>,
    dropped: Vec<Override>,
    is_undone: bool,
}

impl Book {
    /// With the overrides that a store has; none below `last` is given a number again.
    pub fn new(overrides: Vec<Override>, last: u64) -> Self {
        let by_id: BTreeMap<_, _> = overrides.into_iter().map(|o| (o.id, o)).collect();
        let last = by_id.last_key_value().map_or(last, |(id, _)| id.0.max(last));
        Self { by_id, last, made: VecDeque::new() }
    }

    pub fn get(&self, id: OverrideId) -> Option<&Override> {
        self.by_id.get(&id)
    }

    /// The number of the newest override that there ever was.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Refused where somebody was faster; says what is there now.
    fn unchanged(&self, roster: &Roster, command: &Command, last: u64) -> Result<(), String> {
        let wanted = match command {
            Command::Set { wanted, .. } => wanted,
            Command::Despite { command, .. } => return self.unchanged(roster, command, last),
            _ => return Ok(()),
        };
        let newer = self.by_id.values().filter(|o| o.id.0 > last);
        let clash = |o: &&Override| {
            wanted.iter().any(|w| w.schedule == o.schedule && w.at.overlap(o.at()).is_some())
        };
        let mut newer = newer.filter(clash);
        let Some(one) = newer.next() else { return Ok(()) };
        let zone = roster.schedule(&one.schedule).map_or(Tz::UTC, |s| s.zone);
        let who = one.person.as_ref().map_or("nobody", |p| roster.name(p));
        let at = shown(one.at(), zone);
        Err(format!("{} put {who} there {at} while you looked; look at it again", one.id))
    }

    /// In the order in which they were made.
    pub fn overrides(&self) -> Vec<Override> {
        self.by_id.values().cloned().collect()
    }

    /// Judges a command: what is to be stored and what to say, or why not and the way out. An own
    /// change can be undone for `undo_window`.
    ///
    /// # Errors
    /// The refusal, for a person.
    pub fn judge(
        &self,
        roster: &Roster,
        actor: &Actor,
        command: &Command,
        (now, undo_window): (Instant, TimeDelta),
    ) -> Result<(Change, String), String> {
        match command {
            Command::Set { wanted, what } => self.set(roster, wanted, *what, now),
            Command::Drop { ids } => self.drop_these(roster, ids),
            Command::Despite { command, reasons } => {
                let (mut change, said) = self.judge(roster, actor, command, (now, undo_window))?;
                if let Change::OverridesSet { despite, .. }
                | Change::OverridesDropped { despite, .. } = &mut change
                {
                    *despite = reasons.iter().take(MOST).map(|r| text::clean(r, 300)).collect();
                }
                Ok((change, said))
            }
            Command::Seen { command, last } => {
                self.unchanged(roster, command, *last)?;
                self.judge(roster, actor, command, (now, undo_window))
            }
            Command::Undo => self.undo(actor, now, undo_window),
        }
    }

    fn set(
        &self,
        roster: &Roster,
        wanted: &[Wanted],
        what: What,
        now: Instant,
    ) -> Result<(Change, String), String> {
        if wanted.is_empty() || wanted.len() > MOST {
            return Err(format!("a change makes 1 to {MOST} overrides"));
        }
        let mut overrides = Vec::new();
        let mut said = Vec::new();
        for (one, id) in wanted.iter().zip(self.last + 1..) {
            let Some(schedule) = roster.schedule(&one.schedule) else {
                let known: Vec<&str> = roster.schedules.iter().map(|s| &*s.id).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(format!("there is no schedule {:?}; there are {known}", one.schedule));
            };
            if let Some(person) = one.person.as_ref().filter(|p| roster.person(p).is_none()) {
                return Err(format!("nobody of the team has the id {person:?}; see [[people]]"));
            }
            if one.at.is_empty() {
                return Err("it ends before it begins".to_owned());
            }
            if one.at.to <= now {
                return Err("that time is over; give an end that is still to come".to_owned());
            }
            if one.at.length() > LONGEST {
                return Err(format!("an override lasts at most {} days", LONGEST.num_days()));
            }
            let id = OverrideId(id);
            let who = one.person.as_ref().map_or("nobody", |p| roster.name(p));
            said.push(format!("{who} on {} {}", schedule.name, shown(one.at, schedule.zone)));
            overrides.push(Override {
                id,
                schedule: one.schedule.clone(),
                person: one.person.clone(),
                from: one.at.from,
                to: one.at.to,
                reason: text::clean(&one.reason, text::MAX_LINE),
            });
        }
        Ok((Change::OverridesSet { what, overrides, despite: Vec::new() }, said.join("; ")))
    }

    fn drop_these(&self, roster: &Roster, ids: &[OverrideId]) -> Result<(Change, String), String> {
        let mut said = Vec::new();
        let mut known: Vec<OverrideId> = Vec::new();
        for id in ids {
            let Some(one) = self.get(*id) else {
                return Err(format!("there is no {id}; it may have been dropped already"));
            };
            if known.contains(id) {
                continue;
            }
            known.push(*id);
            let zone = roster.schedule(&one.schedule).map_or(Tz::UTC, |s| s.zone);
            said.push(format!("{id} dropped: {} {}", one.schedule, shown(one.at(), zone)));
        }
        if known.is_empty() {
            return Err("say which override".to_owned());
        }
        Ok((Change::OverridesDropped { ids: known, despite: Vec::new() }, said.join("; ")))
    }

    fn undo(
        &self,
        actor: &Actor,
        now: Instant,
        window: TimeDelta,
    ) -> Result<(Change, String), String> {
        let Some(made) = self.undoable(actor, now, window) else {
            let seconds = window.num_seconds();
            return Err(format!("no own change of the roster in the last {seconds} s"));
        };
        // Somebody may have dropped one of them since.
        let gone: Vec<_> =
            made.set.iter().copied().filter(|id| self.by_id.contains_key(id)).collect();
        let (position, back) = (made.position, made.dropped.clone());
        let said = match (gone.as_slice(), back.as_slice()) {
            ([], []) => return Err("somebody has dropped it already".to_owned()),
            (gone, back) => {
                let gone = gone.iter().map(|id| format!("{id} gone"));
                let back = back.iter().map(|o| format!("{} back", o.id));
                gone.chain(back).collect::<Vec<_>>().join(", ")
            }
        };
        Ok((Change::RosterUndone { position, gone, back }, format!("undone: {said}")))
    }

    fn undoable(&self, actor: &Actor, now: Instant, window: TimeDelta) -> Option<&Made> {
        let own = |made: &&Made| made.session == actor.session && !made.is_undone;
        let last = self.made.iter().rev().find(own)?;
        (now - last.at <= window).then_some(last)
    }

    /// Folds one stored change.
    pub fn apply(&mut self, change: &Recorded<Change>) {
        let mut made = Made {
            position: change.position,
            at: change.at,
            session: change.actor.session.clone(),
            set: Vec::new(),
            dropped: Vec::new(),
            is_undone: false,
        };
        match &change.body {
            Change::OverridesSet { overrides, .. } => {
                made.set = overrides.iter().map(|o| o.id).collect();
                for one in overrides {
                    self.put(one.clone());
                }
            }
            Change::OverridesDropped { ids, .. } => {
                made.dropped = ids.iter().filter_map(|id| self.by_id.remove(id)).collect();
            }
            Change::RosterUndone { position, gone, back } => {
                for id in gone {
                    self.by_id.remove(id);
                }
                for one in back {
                    self.put(one.clone());
                }
                let undone = self.made.iter_mut().filter(|m| m.position == *position);
                undone.for_each(|m| m.is_undone = true);
                return;
            }
        }
        self.made.push_back(made);
        if self.made.len() > REMEMBERED {
            self.made.pop_front();
        }
    }

    fn put(&mut self, one: Override) {
        self.last = self.last.max(one.id.0);
        self.by_id.insert(one.id, one);
    }
}

/// `24 Nov 18:00 – 25 Nov 09:00`, in a zone; the second date only where it differs.
pub fn shown(at: Interval, zone: Tz) -> String {
    let (from, to) = (zone::local(at.from, zone), zone::local(at.to, zone));
    // A year where it is needed to tell the two apart.
    let (begin, end) = match () {
        () if from.date() == to.date() => ("%d %b %H:%M", "%H:%M"),
        () if from.year() == to.year() => ("%d %b %H:%M", "%d %b %H:%M"),
        () => ("%d %b %Y %H:%M", "%d %b %Y %H:%M"),
    };
    format!("{} – {}", from.format(begin), to.format(end))
}
