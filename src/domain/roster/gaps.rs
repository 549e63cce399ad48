//! Where nobody is on call, and where somebody is so twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::model::{
    Layer, Override, PersonId, Roster, Rotation, Schedule, ScheduleId, Shift, Turns,
};
use super::now::held;
use super::shifts::{Imported, layer_shifts};
use crate::domain::time::{Instant, Interval, Intervals, zone};

/// A time that the schedule should cover and nobody is on call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    pub at: Interval,
    pub why: Why,
}

impl Gap {
    /// Before the schedule was in use, which by now it is.
    pub fn is_before_use(&self, now: Instant) -> bool {
        self.why == Why::NotBegun && self.at.to <= now
    }
}

/// Why nobody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Every layer begins later.
    NotBegun,
    /// Every layer has ended.
    Ended,
    /// Layers are in force, but these hours are none of theirs.
    OutsideHours,
    /// The calendar that a layer is read from states nobody.
    NotStated,
    /// The calendar that a layer is read from was never read.
    NotRead,
}

impl Why {
    pub fn text(self) -> &'static str {
        match self {
            Self::NotBegun => "no layer has begun",
            Self::Ended => "every layer has ended",
            Self::OutsideHours => "outside the hours of every layer",
            Self::NotStated => "the imported calendar states nobody",
            Self::NotRead => "the imported calendar has not been read",
        }
    }
}

/// The gaps of a schedule in an interval, given its final shifts there. What an override leaves
/// empty on purpose, and what is outside the hours to be covered, is none.
pub fn gaps(
    schedule: &Schedule,
    shifts: &[Shift],
    overrides: &[Override],
    imported: &Imported,
    within: Interval,
) -> Vec<Gap> {
    let covered: Intervals = shifts.iter().map(|s| s.at).collect();
    let nobody = overrides.iter().filter(|o| o.schedule == schedule.id && o.person.is_none());
    let intended: Intervals = nobody.map(Override::at).collect();
    let demanded = schedule.coverage.within(within, schedule.zone);
    let missing = demanded.difference(&covered).difference(&intended);
    let begun = in_force(schedule, within);
    let mut out = Vec::new();
    for gap in missing.iter() {
        // A gap that goes over the beginning or the end of the layers has a reason for each part.
        let inside = begun.within(gap);
        let why = |at: Interval| {
            if inside.contains(at.from) {
                inside_reason(&schedule.layers, imported)
            } else if begun.first().is_some_and(|first| at.from < first.from) {
                Why::NotBegun
            } else {
                Why::Ended
            }
        };
        let mut parts: Vec<Interval> = inside.iter().chain(inside.missing(gap).iter()).collect();
        parts.sort_unstable();
        out.extend(parts.into_iter().map(|at| Gap { at, why: why(at) }));
    }
    out
}

fn inside_reason(layers: &[Layer], imported: &Imported) -> Why {
    let source = |layer: &Layer| match &layer.turns {
        Turns::Calendar(source) => Some(imported.contains_key(source)),
        Turns::Rotation(_) => None,
    };
    let was_read: Vec<bool> = layers.iter().filter_map(source).collect();
    match was_read.as_slice() {
        [] => Why::OutsideHours,
        read if read.contains(&false) => Why::NotRead,
        read if read.len() == layers.len() => Why::NotStated,
        _ => Why::OutsideHours,
    }
}

/// When any layer is between its beginning and its end.
fn in_force(schedule: &Schedule, within: Interval) -> Intervals {
    let span = |layer: &Layer| match &layer.turns {
        Turns::Rotation(Rotation { start, until, .. }) => Interval::new(
            zone::hand_off(*start, schedule.zone),
            until.map_or(within.to, |until| zone::hand_off(until, schedule.zone)),
        ),
        Turns::Calendar(_) => within,
    };
    schedule.layers.iter().map(span).collect::<Intervals>().within(within)
}

/// Where two people hold the same hours because two rotations of one schedule claim them: what the
/// later layer takes from the earlier.
pub fn covered_twice(
    schedule: &Schedule,
    imported: &Imported,
    within: Interval,
) -> Vec<(Interval, usize)> {
    let layers = schedule.layers.iter().enumerate();
    let claims = layers.flat_map(|(index, layer)| {
        let turns = layer_shifts(schedule.zone, layer, index, imported, within);
        let claimed: Intervals = turns.iter().map(|s| s.at).collect();
        claimed.iter().collect::<Vec<_>>()
    });
    let mut deep = crate::domain::time::intervals::depths(claims);
    deep.retain(|(_, depth)| *depth > 1);
    deep
}

/// Somebody who is on call in two schedules at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubleBooking {
    pub person: PersonId,
    pub at: Interval,
    pub schedules: [ScheduleId; 2],
}

/// Who is on call in two of these schedules at once, in order of time.
pub fn double_bookings(finals: &[(ScheduleId, Vec<Shift>)]) -> Vec<DoubleBooking> {
    let mut held: BTreeMap<&PersonId, Vec<(Interval, &ScheduleId)>> = BTreeMap::new();
    for (schedule, shifts) in finals {
        for shift in shifts {
            held.entry(&shift.person).or_default().push((shift.at, schedule));
        }
    }
    let mut out = Vec::new();
    for (person, mut duties) in held {
        duties.sort_unstable();
        // In order of beginning: only those that have not ended yet can overlap the next.
        let mut open: Vec<(Interval, &ScheduleId)> = Vec::new();
        for (at, schedule) in duties {
            open.retain(|(o, _)| o.to > at.from);
            out.extend(open.iter().filter(|(_, other)| *other != schedule).filter_map(
                |(o, other)| {
                    Some(DoubleBooking {
                        person: person.clone(),
                        at: o.overlap(at)?,
                        schedules: [(*other).clone(), schedule.clone()],
                    })
                },
            ));
            open.push((at, schedule));
        }
    }
    out.sort_by_key(|b| b.at);
    out
}

/// Somebody on call while they are away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwayOnCall {
    pub person: PersonId,
    pub schedule: ScheduleId,
    pub at: Interval,
    /// Why they are away.
    pub reason: Arc<str>,
}

/// Who is on call in an absence of theirs, in order of time: a rota that was made before the
/// holidays were known.
pub fn away_on_call(roster: &Roster, finals: &[(ScheduleId, Vec<Shift>)]) -> Vec<AwayOnCall> {
    let mut out = Vec::new();
    for (schedule, shifts) in finals {
        for held in held(shifts) {
            let absences = roster.person(&held.person).into_iter().flat_map(|p| &p.absences);
            out.extend(absences.filter_map(|absence| {
                let at = absence.at.overlap(held.at)?;
                let (person, schedule) = (held.person.clone(), schedule.clone());
                Some(AwayOnCall { person, schedule, at, reason: absence.reason.clone() })
            }));
        }
    }
    out.sort_by_key(|a| a.at);
    out
}
