//! `[[escalation]]`: who is told next, and after how long.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::config::names::Names;
use crate::config::reader::{Section, Text};
use crate::domain::roster::escalation::{Escalation, Level, Target};
use crate::domain::text::suggest;

/// How long a level waits for an acknowledgement, where it does not say.
const TIMEOUT: TimeDelta = TimeDelta::minutes(10);

/// All policies, in their order, and the schedules that their levels name.
pub fn policies<'a>(
    sections: Vec<Section<'a>>,
    people: &Names<'_>,
    schedules: &Names<'_>,
) -> (Vec<Arc<Escalation>>, Vec<Text<'a>>) {
    let (mut policies, mut named) = (Vec::new(), Vec::new());
    let mut ids = Names::new("escalation", "escalations");
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
        policies.push(Arc::new(Escalation {
            id: id.map_or("", |id| id.value).into(),
            levels: levels.into_iter().map(&mut level).collect(),
            repeat: s.integer("repeat", 0..=20).unwrap_or(0) as u32,
        }));
        s.finish();
    }
    (policies, named)
}

/// `schedule:core` or `person:ana`.
fn target(
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
