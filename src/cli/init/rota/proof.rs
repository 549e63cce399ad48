//! Whether a schedule that was made here gives the shifts that its server works out itself.

use std::collections::BTreeMap;

use super::{DraftSchedule, Wanted};
use crate::domain::roster::shifts::{Imported, final_shifts};
use crate::domain::roster::{Override, OverrideId, PersonId, ScheduleId};
use crate::domain::text::duration;
use crate::domain::time::{Interval, Intervals, zone};

/// When somebody else, somebody more or somebody less is on call than the server says, `theirs`.
pub fn difference(schedule: &DraftSchedule, theirs: &[Wanted], within: Interval) -> Intervals {
    let made = schedule.overrides.iter().zip(1..).map(|(wanted, id)| Override {
        id: OverrideId(id),
        schedule: ScheduleId::from(schedule.id.as_str()),
        person: Some(wanted.person.clone()),
        from: wanted.at.from,
        to: wanted.at.to,
        reason: String::new(),
    });
    let made: Vec<Override> = made.collect();
    let shifts = final_shifts(&schedule.schedule(), &made, &Imported::new(), within);
    let mut ours: BTreeMap<PersonId, Vec<Interval>> = BTreeMap::new();
    for shift in shifts {
        ours.entry(shift.person).or_default().push(shift.at);
    }
    let mut others: BTreeMap<PersonId, Vec<Interval>> = BTreeMap::new();
    for entry in theirs {
        others.entry(entry.person.clone()).or_default().extend(entry.at.overlap(within));
    }
    let mut differ = Intervals::empty();
    for person in ours.keys().chain(others.keys()) {
        let of = |map: &BTreeMap<PersonId, Vec<Interval>>| -> Intervals {
            map.get(person).into_iter().flatten().copied().collect()
        };
        let (a, b) = (of(&ours), of(&others));
        differ = differ.union(&a.difference(&b)).union(&b.difference(&a));
    }
    differ
}

/// Notes on a schedule how it compares with what its server says.
pub fn note(schedule: &mut DraftSchedule, theirs: &[Wanted], within: Interval, server: &str) {
    let differ = difference(schedule, theirs, within);
    let local = |at| zone::local(at, schedule.zone).format("%a %d %b %Y %H:%M").to_string();
    let span = format!("{} to {}", local(within.from), local(within.to));
    match differ.first() {
        None => {
            let who = if theirs.is_empty() { ": nobody is on call" } else { "" };
            schedule.proven = Some(format!("The same shifts as {server} says, {span}{who}."));
        }
        Some(first) => schedule.notes.push(format!(
            "not the same as {server} says for {} of {span}, first on {} until {}",
            duration(differ.length()),
            local(first.from),
            local(first.to)
        )),
    }
}
