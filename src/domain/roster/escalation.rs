//! Who is told next: levels of targets, each resolved by the roster when it is reached.

use std::sync::Arc;

use chrono::TimeDelta;

use super::model::{Override, PersonId, Roster, ScheduleId, Shift};
use super::shifts::{Imported, on_call_at};
use crate::domain::incident::Priority;
use crate::domain::time::Instant;

/// `[[escalation]]`: level after level until somebody acknowledges.
#[derive(Debug, Clone, PartialEq)]
pub struct Escalation {
    pub id: Arc<str>,
    pub levels: Vec<Level>,
    /// How often it begins again after the last level.
    pub repeat: u32,
    /// Nothing less urgent pages anybody by itself.
    pub min_priority: Priority,
    /// The teams whose services it governs, where those name no policy of their own.
    pub teams: Vec<String>,
}

/// Those who are told at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    pub notify: Vec<Target>,
    /// How long it waits for an acknowledgement before the next level.
    pub timeout: TimeDelta,
}

/// `schedule:core` or `person:ana`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Schedule(ScheduleId),
    Person(PersonId),
}

/// What pages by itself, where a policy does not say.
pub const MIN_PRIORITY: Priority = Priority(3);

impl Escalation {
    /// With the defaults of what a policy may leave out.
    pub fn new(id: &str, levels: Vec<Level>) -> Self {
        let (id, min_priority) = (id.into(), MIN_PRIORITY);
        Self { id, levels, repeat: 0, min_priority, teams: Vec::new() }
    }
}

impl Target {
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            (_, "") => None,
            ("schedule", id) => Some(Self::Schedule(id.into())),
            ("person", id) => Some(Self::Person(id.into())),
            _ => None,
        }
    }
}

/// Who a level reaches at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reached {
    /// Each once, in the order of the targets; with the shift where it is one.
    pub people: Vec<(PersonId, Option<Shift>)>,
    /// Schedules on which nobody is on call then.
    pub empty: Vec<ScheduleId>,
}

/// Resolves a level anew, as it is at that instant.
pub fn reached(
    level: &Level,
    roster: &Roster,
    overrides: &[Override],
    imported: &Imported,
    at: Instant,
) -> Reached {
    let mut reached = Reached::default();
    for target in &level.notify {
        let (person, shift) = match target {
            Target::Person(person) => (person.clone(), None),
            Target::Schedule(id) => {
                let schedule = roster.schedule(id);
                let shift = schedule.and_then(|s| on_call_at(s, overrides, imported, at));
                let Some(shift) = shift else {
                    reached.empty.push(id.clone());
                    continue;
                };
                (shift.person.clone(), Some(shift))
            }
        };
        if reached.people.iter().all(|(known, _)| *known != person) {
            reached.people.push((person, shift));
        }
    }
    reached
}
