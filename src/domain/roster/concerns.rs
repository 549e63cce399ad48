//! What speaks against a change of the roster, before it is made.

use chrono::{TimeDelta, Timelike};

use super::model::{Override, PersonId, Roster, ScheduleId, Shift};
use super::shifts::{Imported, final_shifts};
use crate::domain::time::{Interval, Intervals, zone};

/// A reason to think again. None forbids: the shift lead decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concern {
    /// The plan does not know that person.
    Unknown { person: PersonId },
    /// Already on call elsewhere then.
    Booked { person: PersonId, schedule: ScheduleId, at: Interval },
    /// Less rest between two shifts than the schedule asks for.
    Rest { person: PersonId, schedule: ScheduleId, left: TimeDelta, rule: TimeDelta },
    /// Away then.
    Absent { person: PersonId, at: Interval, reason: String },
    /// The change leaves hours uncovered that have to be covered.
    Uncovered { schedule: ScheduleId, at: Interval },
    /// It ends before it begins, or takes no time.
    Empty,
}

/// How far around a change its rest and bookings are looked at, beside its own length.
const AROUND: TimeDelta = TimeDelta::days(2);

/// What speaks against adding these overrides, in the order in which it should be read.
pub fn concerns(
    roster: &Roster,
    overrides: &[Override],
    imported: &Imported,
    added: &[Override],
) -> Vec<Concern> {
    let mut after = overrides.to_vec();
    after.extend(added.iter().cloned());
    let mut out = Vec::new();
    for one in added {
        if one.at().is_empty() {
            out.push(Concern::Empty);
            continue;
        }
        let around = Interval::new(before(one.from), later(one.to));
        let finals: Vec<(ScheduleId, Vec<Shift>)> = roster
            .schedules
            .iter()
            .map(|s| (s.id.clone(), final_shifts(s, &after, imported, around)))
            .collect();
        match &one.person {
            Some(person) => person_concerns(roster, one, person, &finals, &mut out),
            None => out.extend(uncovered(roster, one)),
        }
    }
    out.dedup();
    out
}

fn person_concerns(
    roster: &Roster,
    one: &Override,
    person: &PersonId,
    finals: &[(ScheduleId, Vec<Shift>)],
    out: &mut Vec<Concern>,
) {
    let Some(known) = roster.person(person) else {
        out.push(Concern::Unknown { person: person.clone() });
        return;
    };
    for absence in &known.absences {
        if let Some(at) = absence.at.overlap(one.at()) {
            let reason = absence.reason.to_string();
            out.push(Concern::Absent { person: person.clone(), at, reason });
        }
    }
    let theirs = |shifts: &[Shift]| -> Intervals {
        shifts.iter().filter(|s| s.person == *person).map(|s| s.at).collect()
    };
    for (schedule, shifts) in finals.iter().filter(|(id, _)| *id != one.schedule) {
        for at in theirs(shifts).within(one.at()).iter() {
            let (person, schedule) = (person.clone(), schedule.clone());
            out.push(Concern::Booked { person, schedule, at });
        }
    }
    let rule = roster.schedule(&one.schedule).map_or(TimeDelta::zero(), |s| s.rest);
    let duties: Intervals =
        finals.iter().flat_map(|(_, shifts)| theirs(shifts).iter().collect::<Vec<_>>()).collect();
    let rests = duties.iter().zip(duties.iter().skip(1));
    for (earlier, later) in rests {
        let left = later.from - earlier.to;
        let touches = earlier.overlap(one.at()).or(later.overlap(one.at())).is_some();
        if touches && left < rule {
            let (person, schedule) = (person.clone(), one.schedule.clone());
            out.push(Concern::Rest { person, schedule, left, rule });
        }
    }
}

fn uncovered(roster: &Roster, one: &Override) -> Vec<Concern> {
    let Some(schedule) = roster.schedule(&one.schedule) else { return Vec::new() };
    let demanded = schedule.coverage.within(one.at(), schedule.zone);
    let schedule = &schedule.id;
    demanded.iter().map(|at| Concern::Uncovered { schedule: schedule.clone(), at }).collect()
}

fn before(at: crate::domain::time::Instant) -> crate::domain::time::Instant {
    crate::domain::time::before(at, AROUND)
}

fn later(at: crate::domain::time::Instant) -> crate::domain::time::Instant {
    crate::domain::time::before(at, -AROUND)
}

/// Whether it is night (22:00–07:00) for somebody.
pub fn is_night(at: crate::domain::time::Instant, zone: chrono_tz::Tz) -> bool {
    let hour = zone::local(at, zone).hour();
    !(7..22).contains(&hour)
}
