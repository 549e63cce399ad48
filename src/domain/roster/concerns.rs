//! What speaks against a change of the roster, before it is made.

use chrono::{TimeDelta, Timelike};
use chrono_tz::Tz;

use super::book::shown;
use super::gaps::gaps;
use super::model::{Override, OverrideId, PersonId, Roster, ScheduleId, Shift};
use super::shifts::{Imported, final_shifts};
use crate::domain::text::duration;
use crate::domain::time::{Instant, Interval, Intervals, zone};

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

impl Concern {
    /// One word, for scripts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown",
            Self::Booked { .. } => "booked",
            Self::Rest { .. } => "rest",
            Self::Absent { .. } => "absent",
            Self::Uncovered { .. } => "uncovered",
            Self::Empty => "empty",
        }
    }

    /// For a person, with times in a zone.
    pub fn words(&self, roster: &Roster, zone: Tz) -> String {
        let on =
            |id: &ScheduleId| roster.schedule(id).map_or_else(|| id.clone(), |s| s.name.clone());
        match self {
            Self::Unknown { person } => format!("nobody of the team has the id {person:?}"),
            Self::Booked { person, schedule, at } => format!(
                "{} would be on call on {}, too, {}",
                roster.name(person),
                on(schedule),
                shown(*at, zone)
            ),
            Self::Rest { person, schedule, left, rule } => format!(
                "{} would have {} of rest between two shifts; {} asks for {}",
                roster.name(person),
                duration(*left),
                on(schedule),
                duration(*rule)
            ),
            Self::Absent { person, at, reason } => {
                let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                format!("{} is away {}{reason}", roster.name(person), shown(*at, zone))
            }
            Self::Uncovered { schedule, at } => {
                format!("nobody would be on call on {} {}", on(schedule), shown(*at, zone))
            }
            Self::Empty => "it ends before it begins".to_owned(),
        }
    }
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

/// What speaks against taking these overrides away, for what is left of them at `now`: who comes back
/// may be booked, away or without rest, and perhaps nobody comes back.
pub fn concerns_of_drop(
    roster: &Roster,
    overrides: &[Override],
    imported: &Imported,
    dropped: &[OverrideId],
    now: Instant,
) -> Vec<Concern> {
    let (gone, left): (Vec<Override>, Vec<Override>) =
        overrides.iter().cloned().partition(|o| dropped.contains(&o.id));
    let (mut back, mut out) = (Vec::new(), Vec::new());
    for one in gone {
        let at = Interval::new(one.from.max(now), one.to);
        let Some(schedule) = roster.schedule(&one.schedule).filter(|_| !at.is_empty()) else {
            continue;
        };
        let before = final_shifts(schedule, overrides, imported, at);
        let after = final_shifts(schedule, &left, imported, at);
        for shift in &after {
            let theirs: Intervals =
                before.iter().filter(|s| s.person == shift.person).map(|s| s.at).collect();
            let new = Intervals::from(shift.at).difference(&theirs);
            back.extend(new.iter().map(|at| Override {
                person: Some(shift.person.clone()),
                from: at.from,
                to: at.to,
                ..one.clone()
            }));
        }
        let open = |shifts: &[Shift], overrides: &[Override]| -> Intervals {
            gaps(schedule, shifts, overrides, imported, at).into_iter().map(|g| g.at).collect()
        };
        let uncovered = open(&after, &left).difference(&open(&before, overrides));
        let schedule = &schedule.id;
        out.extend(
            uncovered.iter().map(|at| Concern::Uncovered { schedule: schedule.clone(), at }),
        );
    }
    // Over what is left they change nothing: they say who it is.
    let mut of_people = concerns(roster, &left, imported, &back);
    // A rota may have short rests of its own: whoever comes back has what they would have had.
    let by_rota = concerns(roster, &[], imported, &back);
    of_people.retain(|c| !(matches!(c, Concern::Rest { .. }) && by_rota.contains(c)));
    of_people.append(&mut out);
    of_people.dedup();
    of_people
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

fn before(at: Instant) -> Instant {
    crate::domain::time::before(at, AROUND)
}

fn later(at: Instant) -> Instant {
    crate::domain::time::before(at, -AROUND)
}

/// Whether it is night (22:00–07:00) for somebody.
pub fn is_night(at: Instant, zone: Tz) -> bool {
    let hour = zone::local(at, zone).hour();
    !(7..22).contains(&hour)
}
