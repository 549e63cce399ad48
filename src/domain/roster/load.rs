//! How much each person carries, and how evenly.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};

use super::model::{PersonId, Roster, Shift};
use crate::domain::time::hours::Range;
use crate::domain::time::{Interval, Intervals, WeekHours, zone};

/// What one person carried in an interval.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Load {
    pub shifts: usize,
    pub on_call: TimeDelta,
    /// Hours outside Monday to Friday 08:00–18:00 of the person's own zone.
    pub out_of_hours: TimeDelta,
    /// Nights (00:00–06:00 of the person's own zone) with at least an hour on call.
    pub nights: usize,
    /// Weekends (Saturday and Sunday of the person's own zone) with any time on call.
    pub weekends: usize,
}

/// A night counts from this on.
const A_NIGHT: TimeDelta = TimeDelta::hours(1);

/// The load of everybody who had a shift, from final shifts. One who is on call in two schedules at
/// once carries that hour once.
pub fn load<'a>(
    roster: &Roster,
    shifts: impl IntoIterator<Item = &'a Shift>,
) -> BTreeMap<PersonId, Load> {
    let mut held: BTreeMap<PersonId, Vec<Interval>> = BTreeMap::new();
    for shift in shifts {
        held.entry(shift.person.clone()).or_default().push(shift.at);
    }
    let nights = week(0, 360, &DAYS);
    let office = week(480, 1_080, &DAYS[..5]);
    held.into_iter()
        .map(|(person, duties)| {
            let local = roster.person(&person).map_or(chrono_tz::UTC, |p| p.zone);
            let count = duties.len();
            let duties: Intervals = duties.into_iter().collect();
            let Some(span) = span(&duties) else { return (person, Load::default()) };
            let at_night = nights.within(span, local);
            let load = Load {
                shifts: count,
                on_call: duties.length(),
                out_of_hours: duties.difference(&office.within(span, local)).length(),
                nights: at_night.iter().filter(|n| duties.within(*n).length() >= A_NIGHT).count(),
                weekends: weekends(&duties, local).len(),
            };
            (person, load)
        })
        .collect()
}

const DAYS: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

fn week(from: u16, to: u16, days: &[Weekday]) -> WeekHours {
    let mut week = WeekHours::default();
    for (day, range) in days.iter().zip(std::iter::repeat(Range::new(from, to))) {
        if let Some(range) = range {
            week.add(*day, range);
        }
    }
    week
}

fn span(duties: &Intervals) -> Option<Interval> {
    Some(Interval::new(duties.first()?.from, duties.last()?.to))
}

/// The Saturdays of the weekends that are touched.
fn weekends(duties: &Intervals, local: chrono_tz::Tz) -> BTreeSet<NaiveDate> {
    let mut out = BTreeSet::new();
    for duty in duties.iter() {
        let first = zone::local(duty.from, local).date();
        let last = zone::local(duty.to - TimeDelta::milliseconds(1), local).date();
        for day in first.iter_days().take_while(|day| *day <= last) {
            match day.weekday() {
                Weekday::Sat => out.insert(day),
                Weekday::Sun => out.insert(day - TimeDelta::days(1)),
                _ => false,
            };
        }
    }
    out
}

/// How evenly something is spread, from 1/n (one has all) to 1 (all have the same): Jain's index,
/// (Σx)² / (n·Σx²), after Jain, Chiu and Hawe, "A quantitative measure of fairness" (1984). `None`
/// where there is nothing to spread.
pub fn fairness(shares: impl IntoIterator<Item = f64>) -> Option<f64> {
    let shares: Vec<f64> = shares.into_iter().collect();
    let (sum, squares) = shares.iter().fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
    (squares > 0.0).then(|| sum * sum / (shares.len() as f64 * squares))
}
