//! Shifts that change hands: what people ask for in words of shifts, as the overrides that do it.

use super::book::Wanted;
use super::model::{Override, OverrideId, PersonId, Roster, Schedule};
use super::now::{FAR, Whole, whole};
use super::shifts::Imported;
use crate::domain::time::{Instant, Interval, zone};

/// Why a shift does not change hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindrance {
    /// It is so already.
    Already(String),
    /// It cannot be; says the way out.
    Refused(String),
}

/// What a shift is taken from.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    pub roster: &'a Roster,
    pub overrides: &'a [Override],
    pub imported: &'a Imported,
}

/// Somebody takes the shift that is on at `at`, from then until its end.
///
/// # Errors
/// Nobody is on call then, they are so already, or it does not end.
pub fn take(
    desk: Desk<'_>,
    schedule: &Schedule,
    person: &PersonId,
    at: Instant,
    reason: &str,
) -> Result<Wanted, Hindrance> {
    let shift = shift_at(desk, schedule, at)?;
    let name = desk.roster.name(person);
    if shift.person == *person {
        let until = shift.to.map(|to| format!(" until {}", time(to, schedule))).unwrap_or_default();
        return Err(Hindrance::Already(format!("{name} has {}{until}", schedule.name)));
    }
    Ok(Wanted {
        schedule: schedule.id.clone(),
        person: Some(person.clone()),
        at: Interval::new(at, end(&shift, desk.roster, schedule)?),
        reason: reason.to_owned(),
    })
}

/// The two who are on call at these instants exchange their shifts: of each what is not over at `now`.
///
/// # Errors
/// Nobody is on call at one of them, both are of one person, or one is over or does not end.
pub fn swap(
    desk: Desk<'_>,
    schedule: &Schedule,
    (a, b): (Instant, Instant),
    now: Instant,
    reason: &str,
) -> Result<Vec<Wanted>, Hindrance> {
    let (first, second) = (shift_at(desk, schedule, a)?, shift_at(desk, schedule, b)?);
    if first.person == second.person {
        let name = desk.roster.name(&first.person);
        return Err(Hindrance::Refused(format!(
            "{name} has both shifts; name instants of two people"
        )));
    }
    let given = |shift: &Whole, to: &PersonId| {
        let end = end(shift, desk.roster, schedule)?;
        let at = Interval::new(shift.from.map_or(now, |from| from.max(now)), end);
        if at.is_empty() {
            let whose = desk.roster.name(&shift.person);
            let until = time(end, schedule);
            return Err(Hindrance::Refused(format!(
                "the shift of {whose} was over at {until}; only what is to come can be swapped"
            )));
        }
        let (schedule, person) = (schedule.id.clone(), Some(to.clone()));
        Ok(Wanted { schedule, person, at, reason: reason.to_owned() })
    };
    Ok(vec![given(&first, &second.person)?, given(&second, &first.person)?])
}

fn shift_at(desk: Desk<'_>, schedule: &Schedule, at: Instant) -> Result<Whole, Hindrance> {
    whole(schedule, desk.overrides, desk.imported, at).ok_or_else(|| {
        Hindrance::Refused(format!(
            "nobody is on call on {} at {}; put somebody there with an override",
            schedule.name,
            time(at, schedule)
        ))
    })
}

fn end(shift: &Whole, roster: &Roster, schedule: &Schedule) -> Result<Instant, Hindrance> {
    shift.to.ok_or_else(|| {
        Hindrance::Refused(format!(
            "the shift of {} on {} does not end within {} days; make an override with an end",
            roster.name(&shift.person),
            schedule.name,
            FAR.num_days()
        ))
    })
}

fn time(at: Instant, schedule: &Schedule) -> String {
    zone::local(at, schedule.zone).format("%d %b %H:%M").to_string()
}

/// These as overrides that win over all others, before they are made.
pub fn as_made(wanted: &[Wanted], overrides: &[Override]) -> Vec<Override> {
    let last = overrides.iter().map(|o| o.id.0).max().unwrap_or_default();
    let numbered = wanted.iter().zip(last + 1..);
    numbered
        .map(|(one, id)| Override {
            id: OverrideId(id),
            schedule: one.schedule.clone(),
            person: one.person.clone(),
            from: one.at.from,
            to: one.at.to,
            reason: one.reason.clone(),
        })
        .collect()
}
