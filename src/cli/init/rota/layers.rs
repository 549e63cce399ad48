//! People who take turns, as other servers describe it, as layers of a schedule.

use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

use super::DraftLayer;
use super::week::Week;
use crate::domain::roster::{PersonId, Rotation, Turn, Turns};
use crate::domain::time::{Instant, zone};

/// A rotation whose turns are counted from an instant that may lie before its beginning.
#[derive(Debug, Clone)]
pub struct Turning {
    pub name: String,
    /// In the order of their turns.
    pub people: Vec<PersonId>,
    /// The beginning of the first person's first turn, in the schedule's zone.
    pub counted_from: NaiveDateTime,
    pub turn: Turn,
    /// Nobody is on call before.
    pub begins: NaiveDateTime,
    pub ends: Option<NaiveDateTime>,
    pub hours: Option<Week>,
}

/// A length as the turn of a rotation, if it is one of whole hours that the config takes.
pub fn turn(seconds: i64) -> Option<Turn> {
    let length = TimeDelta::try_seconds(seconds)?;
    let fits = (TimeDelta::hours(1)..=TimeDelta::days(366)).contains(&length);
    let turn = match seconds {
        s if s % 86_400 == 0 => Turn::Days(u32::try_from(s / 86_400).ok()?),
        s if s % 3_600 == 0 => Turn::Hours(u32::try_from(s / 3_600).ok()?),
        _ => return None,
    };
    fits.then_some(turn)
}

/// Whether clocks change in a zone within the year to come.
pub fn clocks_change(zone: Tz, now: Instant) -> bool {
    let offset = |days| {
        let at = now + TimeDelta::days(days);
        zone::local(at, zone) - at.naive_utc()
    };
    (0..13).any(|month| offset(month * 30) != offset(0))
}

impl Turning {
    /// One layer as a rule. What began already is counted from where its server counts. What is
    /// still to begin must not begin earlier here: where it begins within a turn, the rest of that
    /// turn is a layer of its own.
    pub fn layers(&self, zone: Tz, now: Instant) -> Vec<DraftLayer> {
        if self.people.is_empty() {
            return Vec::new();
        }
        let begins = zone::hand_off(self.begins, zone);
        if begins <= now || self.begins <= self.counted_from {
            return vec![self.layer(
                &self.name,
                0,
                self.counted_from,
                self.ends,
                self.people.len(),
            )];
        }
        let turn = self.turn_at(self.begins, zone);
        if self.hand_off(turn, zone) == self.begins {
            return vec![self.layer(&self.name, turn, self.begins, self.ends, self.people.len())];
        }
        let next = self.hand_off(turn + 1, zone);
        let end = self.ends.map_or(next, |ends| ends.min(next));
        let first = format!("{} (first turn)", self.name);
        let mut layers = vec![self.layer(&first, turn, self.begins, Some(end), 1)];
        if self.ends.is_none_or(|ends| ends > next) {
            layers.push(self.layer(&self.name, turn + 1, next, self.ends, self.people.len()));
        }
        layers
    }

    /// Which turn is on, from 0.
    fn turn_at(&self, local: NaiveDateTime, zone: Tz) -> i64 {
        let passed = match self.turn {
            Turn::Days(_) => local - self.counted_from,
            Turn::Hours(_) => zone::hand_off(local, zone) - zone::hand_off(self.counted_from, zone),
        };
        passed.num_seconds().div_euclid(self.turn.length().num_seconds().max(1))
    }

    /// The beginning of a turn.
    fn hand_off(&self, turn: i64, zone: Tz) -> NaiveDateTime {
        let turn = i32::try_from(turn).unwrap_or(i32::MAX);
        let passed = self.turn.length().checked_mul(turn).unwrap_or(TimeDelta::MAX);
        let local = match self.turn {
            Turn::Days(_) => self.counted_from.checked_add_signed(passed),
            Turn::Hours(_) => zone::hand_off(self.counted_from, zone)
                .checked_add_signed(passed)
                .map(|at| zone::local(at, zone)),
        };
        local.unwrap_or(NaiveDateTime::MAX)
    }

    /// A layer from a turn on, by `people` of them.
    fn layer(
        &self,
        name: &str,
        turn: i64,
        start: NaiveDateTime,
        until: Option<NaiveDateTime>,
        people: usize,
    ) -> DraftLayer {
        let count = self.people.len().max(1);
        let first = usize::try_from(turn.rem_euclid(count as i64)).unwrap_or(0);
        let people = self.people.iter().cycle().skip(first).take(people).cloned().collect();
        let rotation = Rotation { people, start, until, turn: self.turn };
        DraftLayer {
            name: name.to_owned(),
            turns: Turns::Rotation(rotation),
            hours: self.hours.clone().filter(|week| !week.is_always()),
            notes: Vec::new(),
        }
    }
}
