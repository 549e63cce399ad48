//! What is typed into the form as a window, or everything that is wrong with it.

use std::sync::Arc;

use chrono::{DurationRound, NaiveDateTime, NaiveTime, TimeDelta};

use super::plan::{Desk, FREE};
use crate::domain::calendar::slots::HORIZON;
use crate::domain::calendar::{BackOut, Basis, ChangeType, Inspection, Item, Kind, Length, Window};
use crate::domain::health::ServiceId;
use crate::domain::matcher::Matchers;
use crate::domain::roster::{PersonId, Roster};
use crate::domain::text::suggest;
use crate::domain::text::{self, clean};
use crate::domain::time::{Instant, Moment, Recurrence, Rule, zone};

/// A free time begins on a multiple of this.
const GRID: TimeDelta = TimeDelta::minutes(5);

/// The fields, by their place in the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Kind,
    What,
    Services,
    Labels,
    Start,
    Length,
    Repeat,
    Owner,
    Type,
    Number,
    Approver,
    Mutes,
    BackOut,
    Decide,
    Checklist,
    Flexible,
}

/// What is wrong with a field, and why.
pub(super) type Wrong = (At, String);

impl At {
    /// As it is called in a sentence.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::What => "what",
            Self::Services => "services",
            Self::Labels => "labels",
            Self::Start => "start",
            Self::Length => "length",
            Self::Repeat => "repeat",
            Self::Owner => "owner",
            Self::Type => "change",
            Self::Number => "number",
            Self::Approver => "approved by",
            Self::Mutes => "mutes",
            Self::BackOut => "back-out",
            Self::Decide => "decide after",
            Self::Checklist => "checklist",
            Self::Flexible => "flexible",
        }
    }
}

/// The window that the texts describe; or everything that is wrong with them.
pub(super) fn read(desk: &Desk, texts: &[String]) -> Result<Window, Vec<Wrong>> {
    let text = |at: At| texts.get(at as usize).map_or("", String::as_str);
    let mut wrong: Vec<Wrong> = Vec::new();
    let word = |t: &str| t.trim().to_lowercase().replace([' ', '-'], "_");
    let kind = Kind::ALL.into_iter().find(|k| k.word() == word(text(At::Kind)));
    if kind.is_none() {
        let known = Kind::ALL.map(Kind::word).join(", ").replace('_', " ");
        wrong.push((At::Kind, format!("one of {known}")));
    }
    let kind = kind.unwrap_or(Kind::Maintenance);
    let types = [ChangeType::Normal, ChangeType::Standard, ChangeType::Emergency];
    let change_type = types.into_iter().find(|t| t.word() == word(text(At::Type)));
    if change_type.is_none() {
        wrong.push((At::Type, "one of normal, standard, emergency".to_owned()));
    }
    let same = |at: At| {
        desk.present.is_some() && desk.initial.get(at as usize).is_some_and(|i| i == text(at))
    };
    let present = desk.present.as_ref();
    let length = present.filter(|_| same(At::Length)).map(|w| w.length);
    let length = length.or_else(|| Length::parse(text(At::Length)).filter(|l| !l.is_zero()));
    if length.is_none() {
        wrong.push((At::Length, "a length is 90m, 2h or 3d".to_owned()));
    }
    let length = length.unwrap_or(Length::hours(1));
    let (rule, after) = match rule(text(At::Repeat)) {
        Ok(rule) => rule,
        Err(why) => {
            wrong.push((At::Repeat, why));
            (None, None)
        }
    };
    let mut window = desk.present.clone().unwrap_or_else(|| {
        let start = Recurrence::once(zone::local(desk.now, desk.zone), desk.zone);
        Window::new("", kind, start, length)
    });
    (window.kind, window.length) = (kind, length);
    window.change_type = change_type.unwrap_or_default();
    window.summary = clean(text(At::What), 200).into();
    window.change = some(text(At::Number), 60);
    window.approver = some(text(At::Approver), 60);
    match word(text(At::Mutes)).as_str() {
        "by_kind" => window.mutes = kind.is_change(),
        "yes" => window.mutes = true,
        "no" => window.mutes = false,
        _ => wrong.push((At::Mutes, "yes, no or by kind".to_owned())),
    }
    if desk.present.is_none() {
        window.sla_relevant = kind.is_change();
    }
    // What nobody touched stays as it is, however little of it a field can say.
    if !same(At::Services) {
        services(desk, text(At::Services), &mut window, &mut wrong);
    }
    if !same(At::Labels) {
        labels(text(At::Labels), &mut window, &mut wrong);
    }
    match owner(&desk.roster, text(At::Owner)) {
        _ if same(At::Owner) => {}
        Ok(owner) => window.owner = owner,
        Err(why) => wrong.push((At::Owner, why)),
    }
    match flexible(text(At::Flexible)) {
        Ok(flexible) => window.flexible = flexible,
        Err(why) => wrong.push((At::Flexible, why)),
    }
    match back_out(text(At::BackOut), text(At::Decide), length) {
        _ if same(At::BackOut) && same(At::Decide) => {}
        Ok(back_out) => window.back_out = back_out,
        Err(error) => wrong.push(error),
    }
    if !same(At::Checklist) {
        window.checklist = items(text(At::Checklist));
    }
    let grace = window.inspection.map_or(0, |i| i.grace);
    let basis = after.map_or(Basis::Scheduled, |days| Basis::Completed { months: 0, days });
    let basis = window.inspection.filter(|_| same(At::Repeat)).map_or(basis, |i| i.basis);
    window.inspection = (kind == Kind::Inspection).then_some(Inspection { basis, grace });
    if after.is_some() && kind != Kind::Inspection {
        let why = "only an inspection is counted from its last completion; give a rule".to_owned();
        wrong.push((At::Repeat, why));
    }
    if !same(At::Repeat) {
        window.recurrence.rule = rule;
    }
    match start(desk, text(At::Start), &window) {
        _ if same(At::Start) => {}
        Ok(start) => window.recurrence.start = start,
        Err(why) => wrong.push((At::Start, why)),
    }
    if wrong.is_empty() { Ok(window) } else { Err(wrong) }
}

fn some(text: &str, most: usize) -> Option<Arc<str>> {
    (!text.is_empty()).then(|| clean(text, most).into())
}

/// A rule, or the days after the last completion.
fn rule(text: &str) -> Result<(Option<Rule>, Option<u32>), String> {
    if text.is_empty() {
        return Ok((None, None));
    }
    if let Some(after) = text.strip_prefix("after ") {
        let length = text::parse_duration(after).map(|l| l.num_days()).filter(|days| *days > 0);
        let days = length.and_then(|days| u32::try_from(days).ok());
        return days.map(|d| (None, Some(d))).ok_or_else(|| "write it as after 90d".to_owned());
    }
    let text = text.strip_prefix("RRULE:").unwrap_or(text);
    Rule::parse(text).map(|rule| (Some(rule), None)).map_err(|e| e.to_string())
}

fn services(desk: &Desk, services: &str, window: &mut Window, wrong: &mut Vec<Wrong>) {
    window.scope.services.clear();
    for name in services.split(',').map(str::trim).filter(|s| !s.is_empty()) {
        let id = ServiceId::new(name);
        if desk.services.contains(&id) || desk.services.is_empty() {
            window.scope.services.push(id);
        } else {
            let known: Vec<&str> = desk.services.iter().map(ServiceId::as_str).collect();
            wrong.push((
                At::Services,
                format!("no service is called {name}; {}", suggest(name, &known, "there are")),
            ));
        }
    }
}

fn labels(labels: &str, window: &mut Window, wrong: &mut Vec<Wrong>) {
    window.scope.matchers.clear();
    for group in labels.split(" or ").map(str::trim).filter(|s| !s.is_empty()) {
        match Matchers::parse(group) {
            Ok(matchers) => window.scope.matchers.push(matchers),
            Err(error) => wrong.push((At::Labels, error.reason)),
        }
    }
}

fn owner(roster: &Roster, text: &str) -> Result<Option<PersonId>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let same = |a: &str| a.to_lowercase() == text.to_lowercase();
    let mut named = roster.people.values().filter(|p| same(&p.name));
    if let (Some(one), Some(other)) = (named.next(), named.next()) {
        let (one, other) = (&one.id, &other.id);
        return Err(format!("two people are called {text}: write {one} or {other}"));
    }
    let found = roster.people.values().find(|p| same(&p.id) || same(&p.name));
    found
        .map(|p| Some(p.id.clone()))
        .ok_or_else(|| format!("nobody of the team is called {text:?}"))
}

fn flexible(text: &str) -> Result<Option<Length>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let length = Length::parse(text).filter(|l| !l.is_zero());
    length.map(Some).ok_or_else(|| "a length is 30m or 2h".to_owned())
}

fn back_out(plan: &str, decide: &str, length: Length) -> Result<Option<BackOut>, Wrong> {
    if plan.is_empty() && decide.is_empty() {
        return Ok(None);
    }
    if plan.is_empty() {
        return Err((At::BackOut, "say how to go back, or leave both empty".to_owned()));
    }
    let after = match decide {
        // Half of the time is for going back.
        "" => length.nominal() / 2,
        text => {
            text::parse_duration(text).ok_or((At::Decide, "a length is 80m or 2h".to_owned()))?
        }
    };
    let decide_after = u32::try_from(after.num_seconds()).unwrap_or(u32::MAX);
    Ok(Some(BackOut { plan: clean(plan, 500).into(), decide_after }))
}

fn items(text: &str) -> Vec<Item> {
    text.split(';').map(str::trim).filter(|t| !t.is_empty()).map(Item::parse).collect()
}

/// A local start: as typed, at that time today or tomorrow, or the first that is free.
fn start(desk: &Desk, text: &str, window: &Window) -> Result<NaiveDateTime, String> {
    if text.eq_ignore_ascii_case(FREE) {
        let after = round_up(desk.now);
        let slot = desk.outlook.next_free_slot(window, window.length, after);
        let none = || format!("no free time within {} days", HORIZON.num_days());
        return slot.map(|at| zone::local(at.from, desk.zone)).ok_or_else(none);
    }
    if let Some(local) = Moment::local(text) {
        return Ok(local);
    }
    let time = NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| format!("a time is 2026-11-28 22:00, 22:00 or {FREE}"))?;
    let at = desk.day.and_time(time);
    // What is over on that day is meant for the next.
    let is_past = zone::instant(at, desk.zone) <= desk.now;
    let tomorrow = zone::local(desk.now, desk.zone).date() + TimeDelta::days(1);
    Ok(if is_past { at.max(tomorrow.and_time(time)) } else { at })
}

pub(super) fn round_up(at: Instant) -> Instant {
    let down = at.duration_trunc(GRID).unwrap_or(at);
    if down == at { at } else { down + GRID }
}
