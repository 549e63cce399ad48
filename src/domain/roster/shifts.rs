//! The shifts of an interval: the turns of each layer, and over them what wins.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::model::{Duty, Layer, Origin, Override, Rotation, Schedule, Shift, Turn, Turns};
use crate::domain::observation::SourceName;
use crate::domain::time::{Instant, Interval, Intervals, zone};

/// The most shifts that one layer is asked for in one go; beyond it an interval is cut short. It is
/// more than an hourly rotation has in ten years.
const MOST: usize = 100_000;

/// What calendars state, by source.
pub type Imported = BTreeMap<SourceName, Arc<[Duty]>>;

/// Who is on call in an interval, in order. At every instant it is one person at most: later layers
/// win over earlier ones, overrides over layers, the last made override over the others. What
/// follows each other for the same person from the same origin is one shift.
pub fn final_shifts(
    schedule: &Schedule,
    overrides: &[Override],
    imported: &Imported,
    within: Interval,
) -> Vec<Shift> {
    let mut taken = Intervals::empty();
    let mut shifts = Vec::new();
    let mut made: Vec<&Override> = overrides.iter().filter(|o| o.schedule == schedule.id).collect();
    made.sort_unstable_by_key(|o| std::cmp::Reverse(o.id));
    for one in made {
        let Some(at) = one.at().overlap(within) else { continue };
        let free = Intervals::from(at).difference(&taken);
        if let Some(person) = &one.person {
            let origin = Origin::Override(one.id);
            shifts.extend(free.iter().map(|at| Shift { person: person.clone(), at, origin }));
        }
        taken = taken.union(&free);
    }
    for (index, layer) in schedule.layers.iter().enumerate().rev() {
        let turns = layer_shifts(schedule.zone, layer, index, imported, within);
        let claimed: Intervals = turns.iter().map(|turn| turn.at).collect();
        shifts.extend(inside(&turns, &claimed.difference(&taken)));
        taken = taken.union(&claimed);
    }
    shifts.sort_unstable_by_key(|s| s.at);
    join(shifts)
}

/// The turns of one layer in an interval, in order, within its hours.
pub fn layer_shifts(
    zone: Tz,
    layer: &Layer,
    index: usize,
    imported: &Imported,
    within: Interval,
) -> Vec<Shift> {
    let origin = Origin::Layer(index);
    let turns = match &layer.turns {
        Turns::Rotation(rotation) => turns(rotation, zone, within),
        Turns::Calendar(source) => stated(imported.get(source), within),
    };
    let turns = turns.into_iter().map(|Duty { person, at }| Shift { person, at, origin }).collect();
    join(match &layer.hours {
        None => turns,
        Some(hours) => inside(&turns, &hours.within(within, zone)),
    })
}

/// The parts of shifts, which are in order and do not overlap, that lie in a set; in O(n + m).
fn inside(shifts: &[Shift], set: &Intervals) -> Vec<Shift> {
    let mut pieces = set.iter().peekable();
    let mut out = Vec::with_capacity(shifts.len());
    for shift in shifts {
        while pieces.next_if(|piece| piece.to <= shift.at.from).is_some() {}
        let ahead = pieces.clone().take_while(|piece| piece.from < shift.at.to);
        let parts = ahead.filter_map(|piece| piece.overlap(shift.at));
        out.extend(parts.map(|at| Shift { at, ..shift.clone() }));
    }
    out
}

/// The person on call at an instant.
pub fn on_call_at(
    schedule: &Schedule,
    overrides: &[Override],
    imported: &Imported,
    at: Instant,
) -> Option<Shift> {
    let moment = Interval::new(at, at + TimeDelta::milliseconds(1));
    final_shifts(schedule, overrides, imported, moment).pop()
}

/// The turns of a rotation that lie in an interval, cut to it.
fn turns(rotation: &Rotation, zone: Tz, within: Interval) -> Vec<Duty> {
    let Ok(count) = i64::try_from(rotation.people.len()) else { return Vec::new() };
    let hours = match rotation.turn {
        Turn::Hours(n) => i64::from(n),
        Turn::Days(n) => i64::from(n) * 24,
    };
    if count == 0 || hours == 0 {
        return Vec::new();
    }
    let first = zone::hand_off(rotation.start, zone);
    let end = rotation.until.map_or(within.to, |until| zone::hand_off(until, zone));
    let Some(asked) = within.overlap(Interval::new(first, end)) else { return Vec::new() };
    // Local days are an hour or so longer or shorter than 24 h: begin one turn early.
    let mut turn = ((asked.from - first).num_hours() / hours - 1).max(0);
    let mut out = Vec::new();
    let mut from = hand_off(rotation, zone, first, turn);
    while from < asked.to && out.len() < MOST {
        let to = hand_off(rotation, zone, first, turn + 1);
        let person = usize::try_from(turn % count).ok().and_then(|n| rotation.people.get(n));
        if let (Some(person), Some(at)) = (person, Interval::new(from, to).overlap(asked)) {
            out.push(Duty { person: person.clone(), at });
        }
        turn += 1;
        from = to;
    }
    out
}

/// The beginning of a turn, counted from 0.
fn hand_off(rotation: &Rotation, zone: Tz, first: Instant, turn: i64) -> Instant {
    let end = Instant::MAX_UTC;
    match rotation.turn {
        Turn::Hours(n) => TimeDelta::try_hours(i64::from(n) * turn)
            .and_then(|passed| first.checked_add_signed(passed))
            .unwrap_or(end),
        Turn::Days(n) => TimeDelta::try_days(i64::from(n) * turn)
            .and_then(|passed| rotation.start.checked_add_signed(passed))
            .map_or(end, |local| zone::hand_off(local, zone)),
    }
}

/// What a calendar states in an interval. Where several are stated at once, the last begun wins, and
/// of those that begin together the first stated; in O(n log n).
fn stated(duties: Option<&Arc<[Duty]>>, within: Interval) -> Vec<Duty> {
    let mut asked: Vec<&Duty> = duties
        .into_iter()
        .flat_map(|d| d.iter())
        .filter(|d| d.at.overlap(within).is_some())
        .rev()
        .collect();
    asked.sort_by_key(|d| d.at.from);
    let mut out = Vec::with_capacity(asked.len());
    // Those that have begun, the last begun on top.
    let mut open: Vec<&Duty> = Vec::new();
    let mut at = within.from;
    let until = asked.iter().map(|d| d.at.from).chain([within.to]).skip(1).collect::<Vec<_>>();
    for (duty, until) in asked.into_iter().zip(until) {
        at = at.max(duty.at.from);
        open.push(duty);
        while let Some(top) = open.pop_if(|top| top.at.to <= until) {
            out.extend(held(top, at));
            at = at.max(top.at.to);
        }
        if let Some(top) = open.last() {
            let part = Interval::new(at, until.max(at));
            out.extend((!part.is_empty()).then(|| Duty { person: top.person.clone(), at: part }));
            at = at.max(until);
        }
    }
    out
}

/// What is left of a duty from an instant on.
fn held(duty: &Duty, from: Instant) -> Option<Duty> {
    let at = Interval::new(from.max(duty.at.from), duty.at.to);
    (!at.is_empty()).then(|| Duty { person: duty.person.clone(), at })
}

/// What follows each other for the same person from the same origin becomes one.
fn join(shifts: Vec<Shift>) -> Vec<Shift> {
    let mut out: Vec<Shift> = Vec::with_capacity(shifts.len());
    for shift in shifts {
        match out.last_mut() {
            Some(last)
                if last.at.to == shift.at.from
                    && last.person == shift.person
                    && last.origin == shift.origin =>
            {
                last.at.to = shift.at.to;
            }
            _ => out.push(shift),
        }
    }
    out
}
