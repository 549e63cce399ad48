//! What an account has planned: who is on call by one of its schedules, and its maintenance windows. Both
//! are read as a calendar's events, so that they mean what those of any other calendar would.
//!
//! On-calls are asked for every five minutes, for 28 days back and 60 ahead: a search of more than three
//! months is refused. Windows that are not over are asked for with each poll; those that are, when it
//! begins, every twelve hours, and when one is gone before its time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeDelta};
use chrono_tz::Tz;
use serde::Deserialize;

use super::{Api, Reference};
use crate::domain::calendar::stated as windows;
use crate::domain::ical::{Calendar, Event, Length, Party};
use crate::domain::observation::{Fact, SourceName};
use crate::domain::roster::stated as shifts;
use crate::domain::text;
use crate::domain::time::{Instant, Interval, Recurrence, before};
use crate::sources::SourceError;
use crate::sources::settings::Meaning;

const BACK: TimeDelta = TimeDelta::days(28);
const AHEAD: TimeDelta = TimeDelta::days(60);
/// How often who is on call is asked for.
const ON_CALL_EVERY: TimeDelta = TimeDelta::minutes(5);
/// How often the windows that are over are asked for.
const OVER_EVERY: TimeDelta = TimeDelta::hours(12);
/// Windows that ended longer ago are not kept.
const KEPT: TimeDelta = TimeDelta::days(400);

/// What was read last.
#[derive(Default)]
pub struct Calendars {
    pub shifts: Shifts,
    pub windows: Windows,
}

#[derive(Default)]
pub struct Shifts(Option<Read>);

#[derive(Default)]
pub struct Windows {
    /// The windows that are over, by their ids.
    over: BTreeMap<String, Window>,
    /// Those that are not.
    open: BTreeMap<String, Window>,
    over_at: Option<Instant>,
}

struct Read {
    at: Instant,
    fact: Fact,
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct OnCall {
    #[serde(default)]
    user: Option<User>,
    start: Option<String>,
    end: Option<String>,
}

#[derive(Deserialize, Clone)]
struct User {
    id: Option<String>,
    summary: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize, Clone)]
struct Window {
    #[serde(deserialize_with = "super::id")]
    id: String,
    summary: Option<String>,
    description: Option<String>,
    start_time: Option<String>,
    end_time: Option<String>,
    services: Option<Vec<Option<Reference>>>,
    #[serde(default)]
    created_by: Option<User>,
}

impl Shifts {
    /// Who is on call by that schedule, and what must be said of it.
    pub async fn read(
        &mut self,
        api: &Api,
        schedule: &str,
        meaning: &Meaning,
        now: Instant,
    ) -> Result<(Fact, Vec<String>), SourceError> {
        let fresh = self.0.as_ref().filter(|r| (r.at..r.at + ON_CALL_EVERY).contains(&now));
        if let Some(read) = fresh {
            return Ok((read.fact.clone(), read.warnings.clone()));
        }
        let within = Interval::new(before(now, BACK), before(now, -AHEAD));
        let (since, until) = (written(within.from), written(within.to));
        let query = [
            ("schedule_ids[]", schedule),
            ("include[]", "users"),
            ("since", &since),
            ("until", &until),
        ];
        let listed = api.list::<OnCall>("oncalls", "an entry of who is on call", &query).await?;
        let mut calendar = Calendar::new("", Tz::UTC);
        calendar.events = on_call_events(listed.items, within);
        let stated = shifts::stated(&calendar, &meaning.callings, within);
        let mut warnings = stated.warnings;
        if calendar.events.is_empty() {
            warnings.push(format!(
                "schedule {schedule} has nobody on call: check its id at the end of its address there"
            ));
        }
        warnings.extend(listed.unreadable);
        if listed.is_cut {
            warnings.push(format!("schedule {schedule} has more turns than can be read"));
        }
        let duties = Arc::from(stated.duties);
        // The same as before is told as the same.
        let fact = match self.0.take().map(|read| read.fact) {
            Some(Fact::Shifts(last)) if last == duties => Fact::Shifts(last),
            _ => Fact::Shifts(duties),
        };
        self.0 = Some(Read { at: now, fact: fact.clone(), warnings: warnings.clone() });
        Ok((fact, warnings))
    }
}

impl Windows {
    /// What is planned, and what must be said of it.
    pub async fn read(
        &mut self,
        api: &Api,
        source: &SourceName,
        of: &[(&str, &str)],
        meaning: &Meaning,
        now: Instant,
    ) -> Result<Option<(Fact, Vec<String>)>, SourceError> {
        let Some(terms) = &meaning.windows else { return Ok(None) };
        let list = async |filter| {
            let query = [of, &[("filter", filter)]].concat();
            api.list::<Window>("maintenance_windows", "maintenance window", &query).await
        };
        let open = list("open").await?;
        let is_whole = open.is_whole();
        let mut warnings = open.unreadable;
        if open.is_cut {
            let shown = open.items.len();
            warnings.push(format!(
                "more than {shown} maintenance windows are listed; name services or teams"
            ));
        }
        let mut open = by_id(open.items);
        let lacking = self.open.iter().filter(|(id, _)| !open.contains_key(*id));
        let lacking = lacking.map(|(id, window)| (id.clone(), window.clone()));
        let ended = |window: &Window| window.at().is_ok_and(|at| at.to <= now);
        let (over, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
            lacking.partition(|(_, window)| ended(window));
        // One that is gone before its time was called off, or ended early: it is over then. What a list
        // that is not whole does not show may still be there.
        let is_due = self.over_at.is_none_or(|at| !(at..at + OVER_EVERY).contains(&now));
        let past =
            if is_due || (is_whole && !gone.is_empty()) { Some(list("past").await?) } else { None };
        // Nothing is changed before all is here: the poll may end at each wait.
        if !is_whole {
            open.extend(gone);
        }
        self.open = open;
        self.over.extend(over);
        if let Some(past) = past {
            if past.is_whole() {
                self.over.clear();
            }
            self.over.extend(by_id(past.items));
            self.over_at = Some(now);
        }
        let since = before(now, KEPT);
        self.over.retain(|_, window| window.at().map_or(true, |at| at.to >= since));
        let mut calendar = Calendar::new("", Tz::UTC);
        let mut senseless = Vec::new();
        let all = self.over.iter().filter(|(id, _)| !self.open.contains_key(*id));
        for (id, window) in all.chain(&self.open) {
            match window.event(id) {
                Ok(event) => calendar.events.push(event),
                Err(why) => senseless.push(format!("maintenance window {id} is left out: {why}")),
            }
        }
        warnings.extend(text::abridged(senseless, super::TOLD, "such windows"));
        let stated = windows::stated(&calendar, source, terms, &meaning.callings, now);
        warnings.extend(stated.warnings);
        Ok(Some((Fact::Windows(stated.windows.into()), warnings)))
    }
}

/// A turn for each of the entries; an entry stands there once for each escalation policy that has the
/// schedule. Who is always on call has neither start nor end.
fn on_call_events(found: Vec<OnCall>, within: Interval) -> Vec<Event> {
    let mut turns = BTreeMap::new();
    for entry in found {
        let Some(user) = entry.user else { continue };
        let from = entry.start.as_deref().map_or(Some(within.from), instant);
        let to = entry.end.as_deref().map_or(Some(within.to), instant);
        let (Some(from), Some(to)) = (from, to) else { continue };
        let id = user.id.clone().unwrap_or_default();
        turns.entry((from, to, id)).or_insert(user);
    }
    let event = |((from, to, id), user): ((Instant, Instant, String), User)| {
        let name = user.summary.unwrap_or_default();
        let uid = format!("{id}/{}", from.timestamp());
        let mut event = once(&uid, &name, Interval::new(from, to))?;
        event.attendees = vec![Party { name, address: user.email.unwrap_or_default() }];
        Some(event)
    };
    turns.into_iter().filter_map(event).collect()
}

impl Window {
    /// When it is, or why that makes no sense.
    fn at(&self) -> Result<Interval, String> {
        let time = |name: &str, stated: &Option<String>| {
            let stated = stated.as_deref().ok_or_else(|| format!("it has no {name}"))?;
            let shown = text::clean(stated, 40);
            instant(stated).ok_or_else(|| format!("its {name} \"{shown}\" is no time"))
        };
        let from = time("start_time", &self.start_time)?;
        let to = time("end_time", &self.end_time)?;
        if to <= from {
            return Err("it ends before it begins".to_owned());
        }
        Ok(Interval::new(from, to))
    }

    /// Its services are its categories, and who made it owns it.
    fn event(&self, id: &str) -> Result<Event, String> {
        let mut event = once(id, &self.title(), self.at()?)
            .ok_or_else(|| "it takes longer than can be told".to_owned())?;
        event.categories = self.services().map(str::to_owned).collect();
        event.organizer = self.created_by.as_ref().map(|user| Party {
            name: user.summary.clone().unwrap_or_default(),
            address: user.email.clone().unwrap_or_default(),
        });
        Ok(event)
    }

    fn services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().flatten().flatten().filter_map(|s| s.summary.as_deref())
    }

    /// What it is called there. A name is no duty there: one without is called by what it is for.
    fn title(&self) -> String {
        let said = [&self.description, &self.summary].into_iter().flatten();
        let mut said = said.map(|text| text::clean(text, text::MAX_LINE));
        said.find(|text| !text::is_blank(text)).unwrap_or_else(|| {
            let named = self.services().map(|name| text::clean(name, 80));
            let named: Vec<String> = named.filter(|name| !text::is_blank(name)).collect();
            match named.as_slice() {
                [] => "maintenance".to_owned(),
                [one] => format!("maintenance of {one}"),
                [one, more @ ..] => format!("maintenance of {one} and {} more", more.len()),
            }
        })
    }
}

fn by_id(windows: Vec<Window>) -> BTreeMap<String, Window> {
    windows.into_iter().map(|window| (window.id.clone(), window)).collect()
}

fn once(uid: &str, summary: &str, at: Interval) -> Option<Event> {
    let seconds = u32::try_from(at.to.signed_duration_since(at.from).num_seconds()).ok()?;
    let when = Recurrence::once(at.from.naive_utc(), Tz::UTC);
    Some(Event::new(uid, &text::clean(summary, text::MAX_LINE), when, Length::seconds(seconds)))
}

fn instant(text: &str) -> Option<Instant> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

fn written(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
