//! The shifts of a Grafana OnCall schedule as layers.
//!
//! What is relied on, from OnCall's own source (`custom_on_call_shift.py`) and its API reference:
//! * Each shift is RFC 5545: it begins at the local time `start` of its `time_zone` (else that of the
//!   schedule), lasts `duration` seconds and recurs by `frequency`, `interval` and `by_day`.
//! * `rolling_users` are groups that take turns, from `start_rotation_from_user_index` on: a group has
//!   the events of one recurrence of the rule, the next group those of the next. With `daily` and
//!   `by_day` the turn passes on after every `interval` of the selected days.
//! * Turns are counted from `start`; nothing takes place before `rotation_start`; `until` is in UTC.
//!   (Where that is more than a week after `start`, some versions move the day of a weekly rotation to
//!   the first of the week. That is not imitated: the comparison with the final shifts tells.)
//! * Of events that overlap the one with the higher `level` wins; with the same level all are on call.
//!   A layer has one person at a time, so of these the later listed wins here, and that is said.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDateTime, TimeDelta, Timelike};
use chrono_tz::Tz;
use serde::Deserialize;

use super::grafana::overlap;
use super::layers::{Turning, turn};
use super::week::Week;
use super::{Crew, DraftLayer, DraftSchedule, MAX_LAYERS, MAX_TURNS, Wanted, name, or_default};
use crate::domain::roster::{PersonId, Turn};
use crate::domain::text::clean;
use crate::domain::time::{Instant, Interval, zone};

/// How far ahead shifts of one level are looked at for being on at once.
const AHEAD: TimeDelta = TimeDelta::days(28);
/// So many of those who are on call together are named.
const MAX_NAMED: usize = 5;
/// The days of the week as iCalendar calls them, from Monday.
const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const A_DAY: i64 = 86_400;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Shift {
    #[serde(deserialize_with = "or_default")]
    pub id: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    time_zone: String,
    #[serde(deserialize_with = "or_default")]
    level: i64,
    start: Option<NaiveDateTime>,
    rotation_start: Option<NaiveDateTime>,
    until: Option<NaiveDateTime>,
    #[serde(deserialize_with = "or_default")]
    duration: i64,
    #[serde(deserialize_with = "or_default")]
    frequency: String,
    interval: Option<u32>,
    #[serde(deserialize_with = "or_default")]
    week_start: String,
    #[serde(deserialize_with = "or_default")]
    by_day: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    by_month: Vec<i64>,
    #[serde(deserialize_with = "or_default")]
    by_monthday: Vec<i64>,
    #[serde(deserialize_with = "or_default")]
    users: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    rolling_users: Vec<Vec<String>>,
    #[serde(deserialize_with = "or_default")]
    start_rotation_from_user_index: usize,
}

/// The zone of all shifts, or that of the schedule where they differ: a schedule has one here.
pub fn common_zone(shifts: &[&Shift], own: Tz) -> Tz {
    let mut zones = shifts.iter().map(|s| s.zone(own));
    let first = zones.next().unwrap_or(own);
    if zones.all(|z| z == first) { first } else { own }
}

/// Adds the layers and the overrides that shifts become, lower levels first.
pub fn add(
    crew: &mut Crew<'_>,
    made: &mut DraftSchedule,
    shifts: &[&Shift],
    own: Tz,
    now: Instant,
) {
    let mut sorted: Vec<&Shift> = shifts.to_vec();
    sorted.sort_by_key(|s| s.level);
    let mut levels = Vec::new();
    for shift in sorted {
        let before = made.layers.len();
        if before >= MAX_LAYERS {
            made.notes.push(format!("shift {} is left out: one of too many", shift.called()));
            continue;
        }
        match layers(crew, made, shift, own, now) {
            Ok(list) => list.into_iter().for_each(|layer| made.push(layer)),
            Err(why) => made.notes.push(format!("shift {} is left out: {why}", shift.called())),
        }
        levels.extend((before..made.layers.len()).map(|_| (shift.level, &shift.id)));
    }
    made.cut_overrides();
    // Calendars stand below, so that indexes are counted from the end.
    let offset = made.layers.len() - levels.len();
    let within = Interval::new(now, now + AHEAD);
    for (b, (level, id)) in levels.iter().enumerate() {
        let below = levels.iter().take(b).enumerate();
        let mut same = below.filter(|(_, other)| other.0 == *level && other.1 != *id);
        let both = same.find_map(|(a, _)| {
            let at = overlap(made, offset + a, offset + b, within)?;
            Some((a, zone::local(at.from, made.zone).format("%a %d %b %H:%M").to_string()))
        });
        if let Some((a, when)) = both {
            let other = made.layers.get(offset + a).map_or(String::new(), |l| l.name.clone());
            if let Some(layer) = made.layers.get_mut(offset + b) {
                layer.notes.push(format!(
                    "on the same level as {other}, both on call there at once, first on {when}; \
                     here this layer alone"
                ));
            }
        }
    }
}

/// What becomes of one shift; or why nothing does.
fn layers(
    crew: &mut Crew<'_>,
    made: &mut DraftSchedule,
    shift: &Shift,
    own: Tz,
    now: Instant,
) -> Result<Vec<DraftLayer>, String> {
    let start = shift.start.ok_or("it has no start")?;
    let from = shift.zone(own);
    let at = zone::hand_off(start, from);
    let length = TimeDelta::try_seconds(shift.duration).filter(|d| *d > TimeDelta::zero());
    let length = length.filter(|d| *d <= TimeDelta::days(366)).ok_or("it lasts no time")?;
    let mut notes = Vec::new();
    if !shift.time_zone.is_empty() && shift.time_zone.parse::<Tz>().is_err() {
        notes.push(format!("unknown time zone \"{}\"", clean(&shift.time_zone, 60)));
    }
    let here = |local: NaiveDateTime| zone::local(zone::hand_off(local, from), made.zone);
    if from != made.zone
        && (super::layers::clocks_change(from, now) || super::layers::clocks_change(made.zone, now))
    {
        notes.push(format!(
            "its times are those of {from} there, and of {} here: they part where only one of the \
             two changes clocks",
            made.zone
        ));
    }
    let ends = shift.until.map(|u| zone::local(u.and_utc(), made.zone));
    if ends.is_some_and(|e| zone::hand_off(e, made.zone) <= now) {
        return Ok(Vec::new());
    }
    if shift.kind == "override" || shift.kind == "single_event" || shift.frequency.is_empty() {
        let at = Interval::new(at, at + length);
        if at.to <= now {
            return Ok(Vec::new());
        }
        let groups = shift.groups(crew, &mut notes)?;
        let person = groups.into_iter().next().ok_or("it has no users")?;
        if shift.kind == "override" {
            made.overrides.push(Wanted { person, at });
            return Ok(Vec::new());
        }
        let local = zone::local(at.from, made.zone);
        let days = u32::try_from(length.num_days() + 2).unwrap_or(366).min(366);
        let single = Turning {
            name: shift.called(),
            people: vec![person],
            counted_from: local,
            turn: Turn::Days(days),
            begins: local,
            ends: Some(zone::local(at.to, made.zone)),
            hours: None,
        };
        return Ok(with_notes(single.layers(made.zone, now), notes));
    }
    if !shift.by_month.is_empty() || !shift.by_monthday.is_empty() {
        return Err("it recurs by month, which layers do not".to_owned());
    }
    let groups = shift.groups(crew, &mut notes)?;
    let local = here(start);
    let begins = here(shift.rotation_start.unwrap_or(start).max(start));
    let turning = |people, counted_from, turn, hours| Turning {
        name: shift.called(),
        people,
        counted_from,
        turn,
        begins: begins.max(counted_from),
        ends,
        hours,
    };
    let made_of = shift.recurring(groups, local)?;
    let has_seconds = local.second() != 0 || shift.duration % 60 != 0;
    if has_seconds && made_of.iter().any(|(.., hours)| hours.is_some()) {
        notes.push("its hours are cut to whole minutes".to_owned());
    }
    let layers = made_of.into_iter().flat_map(|(people, counted, turn, hours)| {
        turning(people, counted, turn, hours).layers(made.zone, now)
    });
    Ok(with_notes(layers.collect(), notes))
}

fn with_notes(mut layers: Vec<DraftLayer>, notes: Vec<String>) -> Vec<DraftLayer> {
    if let Some(first) = layers.first_mut() {
        first.notes = notes;
    }
    layers
}

/// People in turn, from when, for how long each, and in which hours.
type Turns = (Vec<PersonId>, NaiveDateTime, Turn, Option<Week>);

impl Shift {
    fn called(&self) -> String {
        let called = clean(&self.name, 60);
        if called.is_empty() { clean(&self.id, 60) } else { called }
    }

    fn zone(&self, own: Tz) -> Tz {
        self.time_zone.parse().unwrap_or(own)
    }

    /// One person for each turn, the first group's first.
    fn groups(
        &self,
        crew: &mut Crew<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<PersonId>, String> {
        let rolls = !self.rolling_users.is_empty();
        let mut groups = if rolls { self.rolling_users.clone() } else { vec![self.users.clone()] };
        if groups.iter().any(Vec::is_empty) {
            return Err("it has turns of nobody".to_owned());
        }
        if groups.len() > MAX_TURNS || groups.iter().any(|group| group.len() > MAX_TURNS) {
            return Err(format!("it has more than {MAX_TURNS} turns or people at once"));
        }
        let first = self.start_rotation_from_user_index.min(groups.len());
        groups.rotate_left(first);
        let mut out = Vec::new();
        for group in &groups {
            let mut people: Vec<PersonId> = group.iter().map(|id| crew.id(id, id)).collect();
            people.dedup();
            let mut people = people.into_iter();
            let first = people.next().ok_or("it has turns of nobody")?;
            let mut others: Vec<String> = people.map(|p| name(&p)).collect();
            if others.len() > MAX_NAMED {
                let more = others.len() - MAX_NAMED;
                others.truncate(MAX_NAMED);
                others.push(format!("{more} more"));
            }
            if !others.is_empty() {
                notes.push(format!("{first} is on call there together with {}", others.join(", ")));
            }
            out.push(first);
        }
        Ok(out)
    }

    /// As rotations in hours of the week, in local time.
    fn recurring(&self, people: Vec<PersonId>, start: NaiveDateTime) -> Result<Vec<Turns>, String> {
        let interval = self.interval.unwrap_or(1).max(1);
        let days = self.days()?;
        let all_days = days.is_empty() || days.len() == 7;
        let unit = match self.frequency.as_str() {
            "hourly" => 3_600,
            "daily" => A_DAY,
            "weekly" => 7 * A_DAY,
            other => return Err(format!("it recurs {}, which layers do not", clean(other, 40))),
        };
        let period = unit * i64::from(interval);
        let whole = turn(period).ok_or("its turns are longer than 366 days")?;
        if self.duration >= period && (days.is_empty() || (all_days && period == A_DAY)) {
            if self.duration > period {
                return Err("its shifts last into each other".to_owned());
            }
            return Ok(vec![(people, start, whole, None)]);
        }
        let minute = start.hour() * 60 + start.minute();
        let length = u32::try_from(self.duration / 60).map_err(|_| "it lasts too long")?;
        let start = start + TimeDelta::days(i64::from(self.until_own_day(start, &days)));
        let today = start.weekday().num_days_from_monday();
        match self.frequency.as_str() {
            "daily" if all_days && interval == 1 => {
                let mut week = Week::default();
                (0..7).for_each(|day| week.add(day, minute, length));
                Ok(vec![(people, start, whole, Some(week))])
            }
            "daily" if !all_days => self.by_days(&people, start, &days, interval as usize),
            "weekly" if interval == 1 => {
                let days = if days.is_empty() { BTreeSet::from([today]) } else { days };
                // The week of a turn begins with the first of its days after the week's start.
                let since = |day: u32| self.since_first_day(day);
                let head = days.iter().copied().min_by_key(|d| since(*d)).unwrap_or(today);
                let last = days.iter().copied().map(since).max().unwrap_or(0);
                if i64::from(last - since(head)) * A_DAY + self.duration > 7 * A_DAY {
                    return Err("its shifts last into the next week's".to_owned());
                }
                let mut week = Week::default();
                for day in &days {
                    week.add(*day, minute, length);
                }
                let back = i64::from(since(today)) - i64::from(since(head));
                Ok(vec![(people, start - TimeDelta::days(back), whole, Some(week))])
            }
            _ => Err(format!(
                "it recurs {} with an interval of {interval} and does not last all of it",
                self.frequency
            )),
        }
    }

    /// A turn passes on after `interval` of the selected days: on each day of the week by itself the
    /// people follow each other from week to week, so each becomes a layer.
    fn by_days(
        &self,
        people: &[PersonId],
        start: NaiveDateTime,
        days: &BTreeSet<u32>,
        interval: usize,
    ) -> Result<Vec<Turns>, String> {
        if self.duration > A_DAY {
            return Err("its shifts last into each other".to_owned());
        }
        let today = start.weekday().num_days_from_monday();
        // In the order in which they come, from the first.
        let mut ordered: Vec<u32> = days.iter().copied().collect();
        ordered.sort_by_key(|day| (day + 7 - today) % 7);
        let turns = people.len() * interval;
        let weeks = turns / gcd(turns, ordered.len());
        if weeks > MAX_TURNS {
            return Err("it takes too many weeks to come round".to_owned());
        }
        let minute = start.hour() * 60 + start.minute();
        let length = u32::try_from(self.duration / 60).map_err(|_| "it lasts too long")?;
        let layer = |(nth, day): (usize, &u32)| {
            let turn_of = |week: usize| (week * ordered.len() + nth) / interval % people.len();
            let whose = (0..weeks).filter_map(|week| people.get(turn_of(week)).cloned()).collect();
            let mut hours = Week::default();
            hours.add(*day, minute, length);
            let first = start + TimeDelta::days(i64::from((day + 7 - today) % 7));
            (whose, first, Turn::Days(7), Some(hours))
        };
        Ok(ordered.iter().enumerate().map(layer).collect())
    }

    fn days(&self) -> Result<BTreeSet<u32>, String> {
        let index = |day: &String| {
            let found = DAYS.iter().position(|d| d == day);
            found.map(|n| n as u32).ok_or_else(|| format!("it recurs on \"{}\"", clean(day, 20)))
        };
        self.by_day.iter().map(index).collect()
    }

    /// How many days of its week are before a day.
    fn since_first_day(&self, day: u32) -> u32 {
        let first = DAYS.iter().position(|d| *d == self.week_start).map_or(6, |n| n as u32);
        (day + 7 - first) % 7
    }

    /// How many days after its start the first turn begins, where that is a day on which it does not
    /// take place: on the first of its days in the order of its week. With a later `rotation_start`
    /// OnCall first looks for the next time at which the rule itself takes place: with `weekly` in the
    /// same week only, and after that start.
    fn until_own_day(&self, start: NaiveDateTime, days: &BTreeSet<u32>) -> u32 {
        let today = start.weekday().num_days_from_monday();
        let is_own = |ahead: u32| days.contains(&((today + ahead) % 7));
        let head = days.iter().copied().min_by_key(|day| self.since_first_day(*day));
        let Some(head) = head.filter(|_| !is_own(0)) else { return 0 };
        let late = self.rotation_start.zip(self.start).map_or(0, |(r, s)| (r - s).num_seconds());
        let next = if late <= 0 {
            None
        } else if self.frequency == "daily" {
            let interval = self.interval.unwrap_or(1).clamp(1, 366);
            (1..=7).map(|n| n * interval).find(|ahead| is_own(*ahead))
        } else {
            let lasts = |ahead: u32| i64::from(ahead) * A_DAY + self.duration > late;
            let left = 7 - self.since_first_day(today);
            (1..left).find(|ahead| is_own(*ahead) && lasts(*ahead))
        };
        next.unwrap_or((head + 7 - today) % 7)
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}
