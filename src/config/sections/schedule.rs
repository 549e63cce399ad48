//! `[[schedules]]` with their `[[schedules.layers]]`: who is on call when.

use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;

use crate::config::names::Names;
use crate::config::reader::{Section, Text};
use crate::config::sections::source::OF_SHIFTS;
use crate::domain::observation::SourceName;
use crate::domain::roster::{Layer, Rotation, Schedule, Turn, Turns};
use crate::domain::text::clean;
use crate::domain::text::suggest;
use crate::domain::time::WeekHours;

/// The least time between two shifts of one person, where a schedule does not say.
const REST: TimeDelta = TimeDelta::hours(11);

/// What schedules refer to.
pub struct Known<'s, 'a> {
    pub people: &'s Names<'a>,
    /// Every source by name and kind.
    pub sources: &'s [(String, &'static str)],
    /// The zone of the site.
    pub zone: Tz,
}

/// All of them, in their order.
pub fn schedules<'a>(
    sections: Vec<Section<'a>>,
    known: &Known<'_, '_>,
) -> (Vec<Arc<Schedule>>, Names<'a>) {
    let (mut schedules, mut names) = (Vec::new(), Names::new("schedule", "schedules"));
    for s in sections {
        let id = s.id("id = \"core\"");
        if let Some(id) = id {
            names.give(s.report(), id);
        }
        schedules.push(Arc::new(schedule(&s, id, known)));
        s.finish();
    }
    (schedules, names)
}

fn schedule(s: &Section<'_>, id: Option<Text<'_>>, known: &Known<'_, '_>) -> Schedule {
    let (id, at) = id.map_or(("", s.at), |id| (id.value, id.at));
    let sections = s.sections("layers");
    if sections.is_empty() {
        let message = format!("schedule \"{id}\" has no layers: nobody is ever on call");
        s.report().warn(at, message, "add [[schedules.layers]] with name, people, start, shift");
    }
    let (mut layers, mut names) = (Vec::new(), Names::new("layer", "layers"));
    for l in sections {
        let name = l.required_text("name", "name = \"days\"");
        if let Some(name) = name {
            names.give(l.report(), name);
        }
        layers.extend(layer(&l, name, known));
        l.finish();
    }
    Schedule {
        id: id.into(),
        name: s.filled("name").map_or_else(|| id.into(), |t| clean(t.value, 80).into()),
        team: s.filled("team").map(|t| clean(t.value, 60).into()),
        zone: s.zone("timezone").unwrap_or(known.zone),
        layers,
        coverage: s.hours("coverage").unwrap_or_else(WeekHours::always),
        rest: s.duration("rest", TimeDelta::zero()..=TimeDelta::days(7)).unwrap_or(REST),
    }
}

fn layer(l: &Section<'_>, name: Option<Text<'_>>, known: &Known<'_, '_>) -> Option<Layer> {
    let name = clean(name.map_or("", |n| n.value), 60);
    let hours = l.hours("hours");
    if hours.as_ref().is_some_and(WeekHours::is_empty) {
        let at = l.key_place("hours").unwrap_or(l.at);
        let remedy = "name at least one range, or take hours out: then it always applies";
        let message = format!("layer \"{name}\" has no hours in the week: it never applies");
        l.report().warn(at, message, remedy);
    }
    let (source, rotation) = (l.filled("source"), rotation(l, known.people));
    let turns = match source {
        Some(source) => Turns::Calendar(calendar(l, source, known.sources)?),
        None => Turns::Rotation(rotation?),
    };
    Some(Layer { name: name.into(), turns, hours })
}

/// People who take turns. Without `source`, all but `end` must be there; with it, nothing.
fn rotation(l: &Section<'_>, people: &Names<'_>) -> Option<Rotation> {
    let examples = [
        ("people", "people = [\"ana\", \"luis\"]"),
        ("start", "start = \"2026-01-05 09:00\""),
        ("shift", "shift = \"7d\""),
    ];
    for (key, example) in examples {
        match l.key_place(key) {
            Some(at) if l.has("source") => {
                let message =
                    format!("{key} does not belong to a layer that is read from a source");
                l.report().error(at, message, "keep source, or people, start and shift");
            }
            None if !l.has("source") => l.missing(key, example),
            _ => {}
        }
    }
    let named = l.texts("people");
    if named.as_ref().is_some_and(Vec::is_empty) {
        let at = l.key_place("people").unwrap_or(l.at);
        l.report().error(at, "this layer has nobody", "name them in the order of their turns");
    }
    let named = named.unwrap_or_default();
    for person in &named {
        people.refer(l.report(), *person, &l.key("people"));
    }
    let (start, end, turn) = (l.local("start"), l.local("end"), turn(l));
    if let (Some((start, _)), Some((end, at))) = (start, end)
        && end <= start
    {
        l.report().error(at, "this layer ends before it begins", "swap start and end");
    }
    Some(Rotation {
        people: named.into_iter().map(|t| t.value.into()).collect(),
        start: start?.0,
        until: end.map(|(end, _)| end),
        turn: turn?,
    })
}

/// `12h`, `7d`, `2w`.
fn turn(l: &Section<'_>) -> Option<Turn> {
    let text = l.filled("shift")?;
    let Some(turn) = Turn::parse(text.value) else {
        let message = format!("\"{}\" is not the length of a shift", text.value);
        l.report().error(
            text.at,
            message,
            "write whole hours, days or weeks: \"12h\", \"7d\", \"2w\"",
        );
        return None;
    };
    if !(TimeDelta::hours(1)..=TimeDelta::days(366)).contains(&turn.length()) {
        let message = format!("{} = \"{}\" is out of range", l.key("shift"), text.value);
        l.report().error(text.at, message, "it takes 1h to 366d");
    }
    Some(turn)
}

/// The source that a layer is read from: a calendar, or a schedule of PagerDuty.
fn calendar(
    l: &Section<'_>,
    source: Text<'_>,
    sources: &[(String, &'static str)],
) -> Option<SourceName> {
    let states = |(_, kind): &&(String, &'static str)| OF_SHIFTS.contains(kind);
    let calendars: Vec<&str> = sources.iter().filter(states).map(|(n, _)| n.as_str()).collect();
    if calendars.contains(&source.value) {
        return Some(source.value.into());
    }
    let message = match sources.iter().find(|(name, _)| name == source.value) {
        Some((name, "pagerduty")) => {
            format!("source \"{name}\" does not say by which schedule: give it schedule = \"P…\"")
        }
        Some((name, kind)) => format!("source \"{name}\" is a {kind}, not an ical"),
        None => format!("unknown source \"{}\" in {}", source.value, l.key("source")),
    };
    let remedy = if calendars.is_empty() {
        "no source of kind ical exists; give people, start and shift instead".to_owned()
    } else {
        suggest(source.value, &calendars, "sources that say who is on call")
    };
    l.report().error(source.at, message, remedy);
    None
}
