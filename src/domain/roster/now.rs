//! Who has it, who is next, where is the next gap: one schedule at one instant.

use chrono::TimeDelta;

use super::gaps::{Gap, gaps};
use super::model::{Origin, Override, PersonId, Schedule, Shift};
use super::shifts::{Imported, final_shifts};
use crate::domain::time::{Instant, Interval};

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

/// How a schedule stands at `now`.
pub fn standing(
    schedule: &Schedule,
    overrides: &[Override],
    imported: &Imported,
    now: Instant,
) -> Standing {
    let span = Interval::new(now - BACK, now + AHEAD);
    let shifts = final_shifts(schedule, overrides, imported, span);
    let ahead = Interval::new(now, span.to);
    let gap = gaps(schedule, &shifts, overrides, ahead).into_iter().next();
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
