//! Who has it, who is next, where is the next gap: one schedule at one instant.

use chrono::TimeDelta;

use super::gaps::{Gap, gaps};
use super::model::{Origin, Override, PersonId, Schedule, Shift};
use super::shifts::{Imported, final_shifts};
use crate::domain::time::{Instant, Interval, before};

/// How far back the beginning of a shift is looked for, and how far ahead the next one and the next
/// gap.
const BACK: TimeDelta = TimeDelta::days(31);
const AHEAD: TimeDelta = TimeDelta::days(31);

/// How a schedule stands at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Who is on call, since when and until somebody else begins or nobody is there.
    pub on: Option<Held>,
    /// Who begins next.
    pub next: Option<Held>,
    /// The next stretch, or this one, that should be covered and is not.
    pub gap: Option<Gap>,
}

/// A stretch of one person, over seams between layers and overrides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub person: PersonId,
    pub at: Interval,
    /// Why it is them at its beginning, or now.
    pub origin: Origin,
}

/// The whole of somebody's stretch on call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    pub person: PersonId,
    /// `None`: longer ago than [`FAR`].
    pub from: Option<Instant>,
    /// `None`: further ahead than [`FAR`].
    pub to: Option<Instant>,
}

/// How far the ends of a stretch are looked for.
pub const FAR: TimeDelta = TimeDelta::days(366);

/// The stretch at an instant, however long it is.
pub fn whole(
    schedule: &Schedule,
    overrides: &[Override],
    imported: &Imported,
    at: Instant,
) -> Option<Whole> {
    let mut found = None;
    // Nearly all are short: a year of shifts is worked out for the others only.
    for reach in [TimeDelta::days(10), FAR] {
        let span = Interval::new(before(at, reach), before(at, -reach));
        let shifts = final_shifts(schedule, overrides, imported, span);
        let held = held(&shifts).into_iter().find(|h| h.at.contains(at))?;
        let whole = Whole {
            person: held.person,
            from: (held.at.from > span.from).then_some(held.at.from),
            to: (held.at.to < span.to).then_some(held.at.to),
        };
        if whole.from.is_some() && whole.to.is_some() {
            return Some(whole);
        }
        found = Some(whole);
    }
    found
}

/// How a schedule stands at `now`.
pub fn standing(
    schedule: &Schedule,
    overrides: &[Override],
    imported: &Imported,
    now: Instant,
) -> Standing {
    let span = Interval::new(before(now, BACK), before(now, -AHEAD));
    let shifts = final_shifts(schedule, overrides, imported, span);
    let ahead = Interval::new(now, span.to);
    let gap = gaps(schedule, &shifts, overrides, imported, ahead).into_iter().next();
    let held = held(&shifts);
    let on = held.iter().find(|h| h.at.contains(now)).cloned();
    let origin = shifts.iter().find(|s| s.at.contains(now)).map(|s| s.origin);
    let on = on.map(|on| Held { origin: origin.unwrap_or(on.origin), ..on });
    let next = held.into_iter().find(|h| h.at.from > now);
    Standing { on, next, gap }
}

/// Shifts as people see them: until somebody else begins.
pub fn held(shifts: &[Shift]) -> Vec<Held> {
    let mut out: Vec<Held> = Vec::new();
    for shift in shifts {
        match out.last_mut() {
            Some(last) if last.person == shift.person && last.at.to == shift.at.from => {
                last.at.to = shift.at.to;
            }
            _ => {
                out.push(Held { person: shift.person.clone(), at: shift.at, origin: shift.origin });
            }
        }
    }
    out
}
