//! What the On-call screen shows, as data: made anew when the plan, the overrides or the hour of a
//! hand-off say so, not for every picture.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

use crate::domain::roster::concerns::is_night;
use crate::domain::roster::escalation::Target;
use crate::domain::roster::gaps::{
    AwayOnCall, DoubleBooking, Gap, away_on_call, double_bookings, gaps,
};
use crate::domain::roster::load::{Load, fairness, load};
use crate::domain::roster::now::{Held, Standing, held, standing};
use crate::domain::roster::shifts::{Imported, final_shifts, layer_shifts};
use crate::domain::roster::{
    Layer, Override, Person, PersonId, Roster, Schedule, ScheduleId, Shift,
};
use crate::domain::text;
use crate::domain::time::{Instant, Interval};
use crate::engine::Snapshot;
use crate::ui::widgets::gantt::{Bar, Lane, Look};

/// How far ahead gaps and double bookings are looked for, and how far back load is counted.
pub const AHEAD: TimeDelta = TimeDelta::days(30);
pub const BACK: TimeDelta = TimeDelta::days(30);
/// It is made anew at least this often.
const AGAIN: TimeDelta = TimeDelta::seconds(60);

/// The whole of it.
#[derive(Debug, Default)]
pub struct Board {
    pub rows: Vec<Row>,
    /// By schedule, in the order of the plan.
    pub standings: BTreeMap<ScheduleId, Standing>,
    pub troubles: Vec<Trouble>,
    /// Of the last 30 days, over all schedules.
    pub loads: Vec<(PersonId, Load)>,
    /// How evenly the hours of those 30 days are spread, 0 to 1.
    pub fairness: Option<f64>,
    /// The plan, and the numbers of the overrides and of what calendars state.
    made_from: Option<(Arc<Roster>, [u64; 2])>,
    until: Option<Instant>,
}

/// A line of the upper list: who a level of a policy reaches, or a schedule that is in none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `core 1`: the policy and the number of the level.
    pub level: Option<(Arc<str>, usize)>,
    pub target: Target,
}

/// Something that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    Gap(ScheduleId, Gap),
    Twice(DoubleBooking),
    Away(AwayOnCall),
}

impl Trouble {
    pub fn at(&self) -> Interval {
        match self {
            Self::Gap(_, gap) => gap.at,
            Self::Twice(booking) => booking.at,
            Self::Away(away) => away.at,
        }
    }
}

impl Row {
    pub fn schedule(&self) -> Option<&ScheduleId> {
        match &self.target {
            Target::Schedule(id) => Some(id),
            Target::Person(_) => None,
        }
    }
}

impl Board {
    /// Makes it anew if it is not true any more; returns whether it did.
    pub fn refresh(&mut self, world: &Snapshot, now: Instant) -> bool {
        let roster = &world.plan.roster;
        let numbers = [world.book.generation, world.imported.generation];
        let same = self
            .made_from
            .as_ref()
            .is_some_and(|(made, of)| Arc::ptr_eq(made, roster) && *of == numbers);
        if same && self.until.is_some_and(|until| now < until) {
            return false;
        }
        let made = Self::make(roster, &world.book.overrides(), &world.imported, now);
        *self = Self { made_from: Some((Arc::clone(roster), numbers)), ..made };
        true
    }

    fn make(roster: &Roster, overrides: &[Override], imported: &Imported, now: Instant) -> Self {
        let mut standings = BTreeMap::new();
        let (mut behind, mut ahead) = (Vec::new(), Vec::new());
        let mut troubles = Vec::new();
        for schedule in &roster.schedules {
            let stands = standing(schedule, overrides, imported, now);
            standings.insert(schedule.id.clone(), stands);
            behind.extend(final_shifts(
                schedule,
                overrides,
                imported,
                Interval::new(now - BACK, now),
            ));
            let span = Interval::new(now, now + AHEAD);
            let shifts = final_shifts(schedule, overrides, imported, span);
            let gaps = gaps(schedule, &shifts, overrides, imported, span);
            troubles.extend(gaps.into_iter().map(|g| Trouble::Gap(schedule.id.clone(), g)));
            ahead.push((schedule.id.clone(), shifts));
        }
        troubles.extend(double_bookings(&ahead).into_iter().map(Trouble::Twice));
        troubles.extend(away_on_call(roster, &ahead).into_iter().map(Trouble::Away));
        troubles.sort_by_key(Trouble::at);
        let mut loads: Vec<_> = load(roster, &behind).into_iter().collect();
        loads.sort_by_key(|(_, load)| std::cmp::Reverse(load.on_call));
        let fairness = fairness(loads.iter().map(|(_, load)| load.on_call.num_minutes() as f64));
        let turns = standings.values().flat_map(|s: &Standing| {
            let on = s.on.iter().map(|h| h.at.to);
            let next = s.next.iter().map(|h| h.at.from);
            on.chain(next).chain(s.gap.iter().flat_map(|g| [g.at.from, g.at.to]))
        });
        let until = turns.filter(|at| *at > now).fold(now + AGAIN, Instant::min);
        Self {
            rows: rows(roster),
            standings,
            troubles,
            loads,
            fairness,
            made_from: None,
            until: Some(until),
        }
    }
}

/// Every level of every policy; then the schedules that no policy knows.
fn rows(roster: &Roster) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut known = BTreeSet::new();
    for policy in &roster.policies {
        for (number, level) in (1..).zip(&policy.levels) {
            for target in &level.notify {
                if let Target::Schedule(id) = target {
                    known.insert(id.clone());
                }
                let level = Some((policy.id.clone(), number));
                rows.push(Row { level, target: target.clone() });
            }
        }
    }
    let others = roster.schedules.iter().filter(|s| !known.contains(&s.id));
    rows.extend(others.map(|s| Row { level: None, target: Target::Schedule(s.id.clone()) }));
    rows
}

/// The lanes of one schedule: final, overrides, and the layers from the last to the first.
pub fn lanes(
    roster: &Roster,
    schedule: &Schedule,
    overrides: &[Override],
    imported: &Imported,
    span: Interval,
    (chosen, now): (Option<Instant>, Instant),
) -> Vec<Lane> {
    let shifts = final_shifts(schedule, overrides, imported, span);
    let gaps = gaps(schedule, &shifts, overrides, imported, span);
    // Before a schedule began it covered nothing; that it is still to begin is one.
    let gaps: Vec<Gap> = gaps.into_iter().filter(|g| !g.is_before_use(now)).collect();
    let mut bars = stretches(roster, &held(&shifts), chosen);
    bars.extend(gaps.iter().map(|gap| Bar {
        at: gap.at,
        text: format!("gap {}", text::duration(gap.at.length())),
        look: Look::Missing,
        chosen: chosen.is_some_and(|at| gap.at.contains(at)),
    }));
    bars.sort_by_key(|b| b.at);
    let mut lanes = vec![Lane { label: "final".to_owned(), bars, leads: true }];
    let own: Vec<&Override> = overrides
        .iter()
        .filter(|o| o.schedule == schedule.id && o.at().overlap(span).is_some())
        .collect();
    if !own.is_empty() {
        let bar = |o: &&Override| Bar {
            at: o.at(),
            text: o.person.as_ref().map_or("nobody", |p| roster.name(p)).to_owned(),
            look: if o.person.is_some() { Look::Held } else { Look::Away },
            chosen: false,
        };
        let bars = own.iter().map(bar).collect();
        lanes.push(Lane { label: "overrides".to_owned(), bars, leads: false });
    }
    let layer = |(index, layer): (usize, &Layer)| {
        let turns = layer_shifts(schedule.zone, layer, index, imported, span);
        let bars = stretches(roster, &held(&turns), None);
        Lane { label: layer.name.to_string(), bars, leads: false }
    };
    lanes.extend(schedule.layers.iter().enumerate().rev().map(layer));
    lanes
}

/// The lanes of people: what each has on call, over all schedules, and when they are away.
pub fn people_lanes(
    roster: &Roster,
    overrides: &[Override],
    imported: &Imported,
    span: Interval,
) -> Vec<Lane> {
    let mut duties: BTreeMap<&PersonId, Vec<Bar>> = BTreeMap::new();
    let finals: Vec<(&Arc<Schedule>, Vec<Shift>)> =
        roster.schedules.iter().map(|s| (s, final_shifts(s, overrides, imported, span))).collect();
    for (schedule, shifts) in &finals {
        for held in held(shifts) {
            let Some((id, _)) = roster.people.get_key_value(&held.person) else { continue };
            let (at, text) = (held.at, schedule.name.to_string());
            duties.entry(id).or_default().push(Bar { at, text, look: Look::Held, chosen: false });
        }
    }
    let lane = |person: &Arc<Person>| {
        let away = person.absences.iter().filter(|a| a.at.overlap(span).is_some());
        let mut bars: Vec<Bar> = away
            .map(|a| Bar { at: a.at, text: a.reason.to_string(), look: Look::Away, chosen: false })
            .collect();
        // Over the absence: who is on call although away stands out.
        bars.extend(duties.remove(&person.id).unwrap_or_default());
        Lane { label: person.name.to_string(), bars, leads: true }
    };
    roster.people.values().map(lane).collect()
}

/// Bars of people.
fn stretches(roster: &Roster, held: &[Held], chosen: Option<Instant>) -> Vec<Bar> {
    let bar = |h: &Held| Bar {
        at: h.at,
        text: roster.name(&h.person).to_owned(),
        look: Look::Held,
        chosen: chosen.is_some_and(|at| h.at.contains(at)),
    };
    held.iter().map(bar).collect()
}

/// `14:03 Madrid`, with a word where it is night there.
pub fn local_time(person: &Person, now: Instant) -> String {
    let city = person.zone.name().rsplit('/').next().unwrap_or_default().replace('_', " ");
    let time = now.with_timezone(&person.zone).format("%H:%M");
    let night = if is_night(now, person.zone) { " night" } else { "" };
    format!("{time} {city}{night}")
}
