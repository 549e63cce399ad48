//! `[[escalation]]`: who is told next, and after how long.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;

use crate::config::names::Names;
use crate::config::reader::{Section, Text};
use crate::domain::incident::Priority;
use crate::domain::roster::escalation::{Escalation, Level, MIN_PRIORITY, Target};
use crate::domain::text::{clean, suggest};

/// How long a level waits for an acknowledgement, where it does not say.
const TIMEOUT: TimeDelta = TimeDelta::minutes(10);

/// All policies, in their order.
pub struct Policies<'a> {
    pub list: Vec<Arc<Escalation>>,
    pub names: Names<'a>,
    /// The schedules that their levels name.
    pub counted_on: Vec<Text<'a>>,
}

pub fn policies<'a>(
    sections: Vec<Section<'a>>,
    people: &Names<'_>,
    schedules: &Names<'_>,
) -> Policies<'a> {
    let (mut policies, mut named) = (Vec::new(), Vec::new());
    let mut ids = Names::new("escalation", "escalations");
    let mut teams = BTreeMap::new();
    for s in sections {
        let id = s.id("id = \"core\"");
        if let Some(id) = id {
            ids.give(s.report(), id);
        }
        let levels = s.sections("levels");
        if levels.is_empty() {
            let example = "levels = [{ notify = [\"schedule:core\"], timeout = \"10m\" }]";
            s.missing("levels", example);
        }
        let mut level = |l: Section<'a>| {
            let notify = l.texts("notify").unwrap_or_default();
            if notify.is_empty() {
                l.missing("notify", "notify = [\"schedule:core\", \"person:ana\"]");
            }
            let targets = notify.into_iter().filter_map(|text| {
                let target = target(&l, text, people, schedules)?;
                if let Some(("schedule", id)) = text.value.split_once(':') {
                    named.push(Text { value: id, at: text.at });
                }
                Some(target)
            });
            let notify = targets.collect();
            let timeout = l.duration("timeout", TimeDelta::minutes(1)..=TimeDelta::days(1));
            l.finish();
            Level { notify, timeout: timeout.unwrap_or(TIMEOUT) }
        };
        let governed = s.texts("teams").unwrap_or_default();
        for team in &governed {
            let first = *teams.entry(team.value).or_insert(team.at);
            if first != team.at {
                let message = format!("team \"{}\" is governed by two escalations", team.value);
                s.report().clash(team.at, first, message, "leave it out of one of them");
            }
        }
        policies.push(Arc::new(Escalation {
            id: id.map_or("", |id| id.value).into(),
            levels: levels.into_iter().map(&mut level).collect(),
            repeat: s.integer("repeat", 0..=20).unwrap_or(0) as u32,
            min_priority: s
                .integer("min_priority", 1..=5)
                .map_or(MIN_PRIORITY, |p| Priority(p as u8)),
            teams: governed.into_iter().map(|t| clean(t.value, 60)).collect(),
        }));
        s.finish();
    }
    Policies { list: policies, names: ids, counted_on: named }
}

/// `schedule:core` or `person:ana`.
pub fn target(
    l: &Section<'_>,
    text: Text<'_>,
    people: &Names<'_>,
    schedules: &Names<'_>,
) -> Option<Target> {
    let target = Target::parse(text.value);
    let key = l.key("notify");
    match &target {
        Some(Target::Schedule(id)) => {
            schedules.refer(l.report(), Text { value: id, ..text }, &key);
        }
        Some(Target::Person(id)) => {
            people.refer(l.report(), Text { value: id, ..text }, &key);
        }
        None => {
            let message = format!("\"{}\" is nobody who can be told", text.value);
            let remedy = l.report().remedy(|| meant(text.value, people, schedules));
            l.report().error(text.at, message, remedy);
        }
    }
    target
}

/// What a target could have been.
fn meant(text: &str, people: &Names<'_>, schedules: &Names<'_>) -> String {
    let schedules = schedules.list().into_iter().map(|id| format!("schedule:{id}"));
    let people = people.list().into_iter().map(|id| format!("person:{id}"));
    let known: Vec<String> = schedules.chain(people).collect();
    // Most often only the word before the colon is missing.
    if let Some(whole) = known.iter().find(|k| k.split_once(':').is_some_and(|k| k.1 == text)) {
        return format!("write \"{whole}\"");
    }
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    match known.as_slice() {
        [] => "write \"schedule:ID\" or \"person:ID\"".to_owned(),
        known => suggest(text, known, "it takes one of"),
    }
}
