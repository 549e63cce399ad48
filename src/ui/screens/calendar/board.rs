//! What the Calendar shows, as data: windows, hand-overs and what expires, in one order of time.
//!
//! Made anew when the plan, the calendar or the clock say so, not for every picture.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{Days, NaiveDate, TimeDelta};
use chrono_tz::Tz;

use crate::domain::calendar::conflicts::Conflict;
use crate::domain::calendar::inspections::{Standing, standing};
use crate::domain::calendar::{ClosureCode, Key, Kind, Occurrence, Status};
use crate::domain::roster::now::{Held, held};
use crate::domain::roster::shifts::final_shifts;
use crate::domain::roster::{PersonId, Roster, ScheduleId};
use crate::domain::time::{Instant, Interval, zone};
use crate::engine::outlook::{Known, Outlook};
use crate::engine::{Plan, Snapshot};
use crate::ui::theme::{Role, Symbols};

/// It is made anew at least this often.
const AGAIN: TimeDelta = TimeDelta::seconds(60);

/// Everything in a stretch of time.
#[derive(Debug, Default)]
pub struct Board {
    /// In order of time.
    pub entries: Vec<Entry>,
    /// What is drawn in a day of the month, by its place among the entries.
    by_day: BTreeMap<NaiveDate, Vec<usize>>,
    hand_overs: BTreeMap<NaiveDate, Vec<HandOver>>,
    collisions: HashMap<Key, Vec<Conflict>>,
    /// How often it was made.
    pub number: u64,
    made_from: Option<Made>,
    until: Option<Instant>,
}

/// Of what a board was made.
#[derive(Debug)]
struct Made {
    span: Interval,
    plan: Arc<Plan>,
    /// The numbers of the calendar, the overrides, what calendars state, and the open P1 and P2.
    numbers: [u64; 5],
}

/// One thing on the calendar.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub id: Id,
    /// As planned, or as it was.
    pub at: Interval,
    pub what: What,
    /// With how much it collides.
    pub conflicts: usize,
}

/// What an entry is called, however often the board is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Id {
    Occurrence(Key),
    Expiry(PersonId, Arc<str>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Occurrence(Box<Occurrence>),
    /// The last good day of a certificate or a training.
    Expiry {
        day: NaiveDate,
    },
}

/// Who is on call until then and from then on; `None`: nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    pub at: Instant,
    pub schedule: ScheduleId,
    pub from: Option<PersonId>,
    pub to: Option<PersonId>,
}

/// How an entry stands: a sign, a word, a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub sign: &'static str,
    pub word: &'static str,
    pub role: Role,
}

impl Board {
    /// Makes it anew if it is not true any more.
    pub fn refresh(&mut self, world: &Snapshot, span: Interval, now: Instant) {
        let [p1, p2, ..] = world.incidents.open_by_priority.map(|n| n as u64);
        let (calendar, book) = (world.calendar.generation, world.book.generation);
        let numbers = [calendar, book, world.imported.generation, p1, p2];
        let same = self.made_from.as_ref().is_some_and(|made| {
            made.span == span && Arc::ptr_eq(&made.plan, &world.plan) && made.numbers == numbers
        });
        if same && self.until.is_some_and(|until| now < until) {
            return;
        }
        *self = Self { number: self.number + 1, ..Self::make(world, span, now) };
        self.made_from = Some(Made { span, plan: Arc::clone(&world.plan), numbers });
    }

    fn make(world: &Snapshot, span: Interval, now: Instant) -> Self {
        let outlook = outlook(world, span, now);
        let mut collisions: HashMap<Key, Vec<Conflict>> = HashMap::new();
        for (key, conflict) in outlook.collisions() {
            collisions.entry(key).or_default().push(conflict);
        }
        let mut entries: Vec<Entry> = outlook
            .occurrences
            .into_iter()
            .map(|one| {
                // That a freeze is in the way of something is the other's trouble.
                let is_freeze = one.window.kind == Kind::Freeze;
                let found = collisions.get(&one.key).filter(|_| !is_freeze);
                let conflicts = found.map_or(0, Vec::len);
                Entry::of(one, conflicts, now)
            })
            .collect();
        expiries(&world.plan.roster, span, world.site.zone, &mut entries);
        entries.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.id.cmp(&b.id)));
        let site = world.site.zone;
        let edges = entries.iter().flat_map(|e| [e.at.from, e.at.to]);
        let until = edges.filter(|at| *at > now).fold(now + AGAIN, Instant::min);
        let by_day = by_day(&entries, span, site);
        let hand_overs = hand_overs(world, span);
        let (number, made_from, until) = (0, None, Some(until));
        Self { entries, by_day, hand_overs, collisions, number, made_from, until }
    }

    /// Who takes over from whom on a day.
    pub fn hand_overs(&self, day: NaiveDate) -> &[HandOver] {
        self.hand_overs.get(&day).map_or(&[], Vec::as_slice)
    }

    /// What is drawn in a day.
    pub fn on(&self, day: NaiveDate) -> impl Iterator<Item = &Entry> {
        let on = self.by_day.get(&day).map_or(&[][..], Vec::as_slice);
        on.iter().filter_map(|index| self.entries.get(*index))
    }

    /// What one occurrence collides with, in order of time.
    pub fn against(&self, key: &Key) -> &[Conflict] {
        self.collisions.get(key).map_or(&[], Vec::as_slice)
    }

    /// Everything that collides, in order of the entries; of two that collide with each other only
    /// the later one.
    pub fn collisions(&self) -> impl Iterator<Item = (&Entry, &Conflict)> {
        let colliding = self.entries.iter().filter(|entry| entry.conflicts > 0);
        colliding.flat_map(|e| {
            let against = e.occurrence().map_or(&[][..], |one| self.against(&one.key));
            let is_later = move |c: &&Conflict| {
                let with = c.reason.with().map(|w| (w.planned.from, &w.key));
                let own = e.occurrence().map(|one| (one.planned.from, &one.key));
                with.is_none() || with < own
            };
            against.iter().filter(is_later).map(move |conflict| (e, conflict))
        })
    }
}

/// The calendar over a stretch of time, with all that speaks against a plan in it.
pub fn outlook(world: &Snapshot, span: Interval, now: Instant) -> Outlook {
    let known = Known {
        services: world.health.services.iter().map(|s| &s.service).collect(),
        incidents: world.incidents.by_id.values().map(AsRef::as_ref).collect(),
        overrides: &world.book.overrides(),
        imported: &world.imported,
    };
    Outlook::new(Arc::clone(&world.plan), &world.calendar, &known, span, now)
}

/// When somebody takes over from somebody else, day by day.
fn hand_overs(world: &Snapshot, span: Interval) -> BTreeMap<NaiveDate, Vec<HandOver>> {
    let overrides = world.book.overrides();
    let mut days: BTreeMap<NaiveDate, Vec<HandOver>> = BTreeMap::new();
    for schedule in &world.plan.roster.schedules {
        let shifts = final_shifts(schedule, &overrides, &world.imported, span);
        let mut turn = |at, from: Option<&PersonId>, to: Option<&PersonId>| {
            let day = zone::local(at, world.site.zone).date();
            let (schedule, from, to) = (schedule.id.clone(), from.cloned(), to.cloned());
            days.entry(day).or_default().push(HandOver { at, schedule, from, to });
        };
        let held = held(&shifts);
        let mut before: Option<&Held> = None;
        for next in &held {
            let from = before.filter(|b| b.at.to == next.at.from);
            if let (Some(before), None) = (before, from) {
                turn(before.at.to, Some(&before.person), None);
            }
            if next.at.from > span.from {
                turn(next.at.from, from.map(|b| &b.person), Some(&next.person));
            }
            before = Some(next);
        }
        if let Some(last) = before.filter(|last| last.at.to < span.to) {
            turn(last.at.to, Some(&last.person), None);
        }
    }
    for all in days.values_mut() {
        all.sort_by_key(|h| h.at);
    }
    days
}

/// In which days of a month entries are drawn: what begins at 23:00 is that evening's alone, a freeze
/// is there on every day that it touches.
fn by_day(entries: &[Entry], span: Interval, site: Tz) -> BTreeMap<NaiveDate, Vec<usize>> {
    let mut days: BTreeMap<NaiveDate, Vec<usize>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let freeze = entry.occurrence().is_some_and(|o| o.window.kind == Kind::Freeze);
        let first = zone::local(entry.at.from.max(span.from), site).date();
        for day in first.iter_days() {
            let begins = zone::midnight(day, site);
            let left = entry.at.to.min(span.to) - begins;
            let least = if freeze { TimeDelta::zero() } else { TimeDelta::hours(6) };
            if day > first && left <= least {
                break;
            }
            days.entry(day).or_default().push(index);
        }
    }
    days
}

fn expiries(roster: &Roster, span: Interval, site: Tz, entries: &mut Vec<Entry>) {
    let day = |at| zone::local(at, site).date();
    for (day, person, credential) in roster.expiring(day(span.from)..day(span.to)) {
        let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
        entries.push(Entry {
            id: Id::Expiry(person.id.clone(), credential.name.clone()),
            at: Interval::new(zone::midnight(day, site), zone::midnight(next, site)),
            what: What::Expiry { day },
            conflicts: 0,
        });
    }
}

impl Entry {
    /// An occurrence, where it was or will be; what overruns reaches to the present.
    pub fn of(one: Occurrence, conflicts: usize, now: Instant) -> Self {
        let at = match one.actual() {
            Some((from, Some(to))) => Interval::new(from, to),
            Some((from, None)) => Interval::new(from, one.end().max(now)),
            None => one.planned,
        };
        let id = Id::Occurrence(one.key.clone());
        Self { id, at, what: What::Occurrence(Box::new(one)), conflicts }
    }

    /// Whether it touches a day.
    pub fn is_on(&self, day: NaiveDate, site: Tz) -> bool {
        let begins = zone::midnight(day, site);
        let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
        self.at.from < zone::midnight(next, site) && self.at.to > begins
    }

    pub fn occurrence(&self) -> Option<&Occurrence> {
        match &self.what {
            What::Occurrence(one) => Some(one),
            What::Expiry { .. } => None,
        }
    }

    /// What it is, in a few words.
    pub fn title(&self, roster: &Roster) -> String {
        match (&self.what, &self.id) {
            (What::Occurrence(one), _) => one.window.title(),
            (_, Id::Expiry(person, credential)) => {
                format!("{credential} of {}", roster.name(person))
            }
            (What::Expiry { .. }, _) => String::new(),
        }
    }

    /// The services and labels that it touches.
    pub fn touches(&self) -> String {
        let Some(one) = self.occurrence() else { return String::new() };
        let scope = &one.window.scope;
        if scope.is_empty() && one.window.kind == Kind::Freeze {
            return "everything".to_owned();
        }
        scope.to_string()
    }

    pub fn mark(&self, symbols: &'static Symbols, now: Instant) -> Mark {
        let mark = |sign, word, role| Mark { sign, word, role };
        match &self.what {
            What::Expiry { .. } if self.at.to <= now => {
                mark(symbols.critical, "expired", Role::Critical)
            }
            What::Expiry { .. } => mark(symbols.warning, "expires", Role::Warning),
            What::Occurrence(one) => occurrence_mark(one, symbols, now),
        }
    }
}

fn occurrence_mark(one: &Occurrence, symbols: &'static Symbols, now: Instant) -> Mark {
    let word = one.stands(now);
    let mark = |sign, role| Mark { sign, word, role };
    if one.window.kind == Kind::Inspection {
        return match standing(one, now) {
            Standing::Upcoming => mark(symbols.ok, Role::Text),
            Standing::Due => mark(symbols.maintenance, Role::Maintenance),
            Standing::Late => mark(symbols.warning, Role::Warning),
            Standing::Missed => mark(symbols.critical, Role::Critical),
            Standing::Passed => mark(symbols.check, Role::Muted),
            Standing::Failed => mark(symbols.critical, Role::Warning),
            Standing::Cancelled => mark(symbols.none, Role::Faint),
        };
    }
    let closed = one.record().and_then(|r| r.finished.as_ref()).map(|f| f.code);
    let freeze = one.window.kind == Kind::Freeze;
    match one.status {
        _ if one.overrun => mark(symbols.warning, Role::Warning),
        Status::Planned if one.planned.to <= now => mark(symbols.none, Role::Faint),
        Status::Planned => mark(symbols.unknown, Role::Warning),
        Status::Approved | Status::InProgress if freeze => {
            mark(symbols.bar_away, Role::Maintenance)
        }
        Status::Approved => mark(symbols.ok, Role::Text),
        Status::InProgress => mark(symbols.maintenance, Role::Maintenance),
        Status::Completed => match closed {
            None | Some(ClosureCode::Successful) => mark(symbols.check, Role::Muted),
            Some(ClosureCode::Failed) => mark(symbols.critical, Role::Muted),
            Some(_) => mark(symbols.warning, Role::Muted),
        },
        Status::Cancelled => mark(symbols.none, Role::Faint),
    }
}

/// A line of a list: a day, or something on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Day(NaiveDate),
    /// The entry of that index, on that day.
    Entry(usize, NaiveDate),
}

/// The days on which something begins, each with that; on the chosen one also what goes on. The
/// chosen day is always there.
pub fn rows(entries: &[Entry], span: Interval, chosen: NaiveDate, site: Tz) -> Vec<Row> {
    let day_of = |at: Instant| zone::local(at, site).date();
    let begins = |entry: &Entry| day_of(entry.at.from.max(span.from));
    let mut rows = Vec::with_capacity(entries.len() + 8);
    let mut all = entries.iter().enumerate().peekable();
    let mut day_rows = |rows: &mut Vec<Row>, day: NaiveDate| {
        rows.push(Row::Day(day));
        if day == chosen {
            let from = zone::midnight(day, site);
            let goes_on = |e: &Entry| begins(e) < day && e.at.to > from;
            let on = entries.iter().enumerate().filter(|(_, e)| goes_on(e));
            rows.extend(on.map(|(index, _)| Row::Entry(index, day)));
        }
        while let Some((index, _)) = all.next_if(|(_, e)| begins(e) <= day) {
            rows.push(Row::Entry(index, day));
        }
        all.peek().map(|(_, e)| begins(e))
    };
    let mut next = entries.first().map(begins);
    while let Some(day) = next.filter(|day| *day < chosen) {
        next = day_rows(&mut rows, day);
    }
    next = day_rows(&mut rows, chosen);
    while let Some(day) = next {
        next = day_rows(&mut rows, day);
    }
    rows
}

/// When something takes place, for a line under its day: `22:00–23:30`, `to 06:00`, `all day`.
pub fn hours(entry: &Entry, day: NaiveDate, site: Tz) -> String {
    let (from, to) = (zone::local(entry.at.from, site), zone::local(entry.at.to, site));
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    let (begins, ends) =
        (day.and_time(chrono::NaiveTime::MIN), next.and_time(chrono::NaiveTime::MIN));
    if from <= begins && to == ends {
        return "all day".to_owned();
    }
    let end = match (to.date() - day).num_days() {
        _ if to == ends => "24:00".to_owned(),
        // What ends in the next morning needs no day.
        0 | 1 => to.format("%H:%M").to_string(),
        2..=6 => to.format("%a %-d").to_string(),
        _ => to.format("%-d %b").to_string(),
    };
    if from < begins { format!("to {end}") } else { format!("{}–{end}", from.format("%H:%M")) }
}
