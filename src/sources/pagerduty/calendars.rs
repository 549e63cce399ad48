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
    on_call: Option<Read>,
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

#[derive(Deserialize)]
struct User {
    id: Option<String>,
    summary: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct Window {
    id: Option<String>,
    summary: Option<String>,
    description: Option<String>,
    start_time: Option<String>,
    end_time: Option<String>,
    services: Option<Vec<Option<Reference>>>,
    #[serde(default)]
    created_by: Option<User>,
}

impl Calendars {
    /// Who is on call by that schedule, and what must be said of it.
    pub async fn on_call(
        &mut self,
        api: &Api,
        schedule: &str,
        meaning: &Meaning,
        now: Instant,
    ) -> Result<(Fact, Vec<String>), SourceError> {
        let fresh = self.on_call.as_ref().filter(|r| (r.at..r.at + ON_CALL_EVERY).contains(&now));
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
        let (found, is_whole) = api.list::<OnCall>("oncalls", "oncalls", &query).await?;
        let mut calendar = Calendar::new("", Tz::UTC);
        calendar.events = on_call_events(found, within);
        let stated = shifts::stated(&calendar, &meaning.callings, within);
        let mut warnings = stated.warnings;
        if calendar.events.is_empty() {
            warnings.push(format!(
                "schedule {schedule} has nobody on call: check its id at the end of its address there"
            ));
        }
        if !is_whole {
            warnings.push(format!("schedule {schedule} has more turns than can be read"));
        }
        let duties = Arc::from(stated.duties);
        // The same as before is told as the same.
        let fact = match self.on_call.take().map(|read| read.fact) {
            Some(Fact::Shifts(last)) if last == duties => Fact::Shifts(last),
            _ => Fact::Shifts(duties),
        };
        self.on_call = Some(Read { at: now, fact: fact.clone(), warnings: warnings.clone() });
        Ok((fact, warnings))
    }

    /// What is planned, and what must be said of it.
    pub async fn windows(
        &mut self,
        api: &Api,
        source: &SourceName,
        of: &[(&str, &str)],
        meaning: &Meaning,
        now: Instant,
    ) -> Result<(Option<Fact>, Vec<String>), SourceError> {
        let Some(terms) = &meaning.windows else { return Ok((None, Vec::new())) };
        let list = async |filter| {
            let query = [of, &[("filter", filter)]].concat();
            api.list::<Window>("maintenance_windows", "maintenance_windows", &query).await
        };
        let (open, is_whole) = list("open").await?;
        let last = std::mem::replace(&mut self.open, by_id(open));
        let ended = |window: &Window| window.at().is_some_and(|at| at.to <= now);
        let (over, gone): (Vec<_>, Vec<_>) = last
            .into_iter()
            .filter(|(id, _)| !self.open.contains_key(id))
            .partition(|(_, window)| ended(window));
        self.over.extend(over);
        // One that is gone before its time was called off, or ended early: it is over then.
        let is_due = self.over_at.is_none_or(|at| !(at..at + OVER_EVERY).contains(&now));
        if is_due || !gone.is_empty() {
            self.over = by_id(list("past").await?.0);
            self.over_at = Some(now);
        }
        let since = before(now, KEPT);
        self.over.retain(|_, window| window.at().is_some_and(|at| at.to >= since));
        let mut calendar = Calendar::new("", Tz::UTC);
        let all = self.over.iter().filter(|(id, _)| !self.open.contains_key(*id));
        calendar.events = all.chain(&self.open).filter_map(|(id, w)| w.event(id)).collect();
        let stated = windows::stated(&calendar, source, terms, &meaning.callings, now);
        let mut warnings = stated.warnings;
        if !is_whole {
            warnings.push("more windows are planned than can be read".to_owned());
        }
        Ok((Some(Fact::Windows(stated.windows.into())), warnings))
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
    fn at(&self) -> Option<Interval> {
        let from = instant(self.start_time.as_deref()?)?;
        let to = instant(self.end_time.as_deref()?)?;
        (from < to).then(|| Interval::new(from, to))
    }

    /// Its services are its categories, and who made it owns it.
    fn event(&self, id: &str) -> Option<Event> {
        let said = [&self.description, &self.summary].into_iter().flatten();
        let summary = said.map(String::as_str).find(|text| !text.is_empty()).unwrap_or_default();
        let mut event = once(id, summary, self.at()?)?;
        let services = self.services.iter().flatten().flatten();
        event.categories = services.filter_map(|s| s.summary.clone()).collect();
        event.organizer = self.created_by.as_ref().map(|user| Party {
            name: user.summary.clone().unwrap_or_default(),
            address: user.email.clone().unwrap_or_default(),
        });
        Some(event)
    }
}

fn by_id(windows: Vec<Window>) -> BTreeMap<String, Window> {
    let named = |window: Window| {
        let id = text::clean(window.id.as_deref().unwrap_or_default(), 64);
        (!id.is_empty()).then_some((id, window))
    };
    windows.into_iter().filter_map(named).collect()
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
