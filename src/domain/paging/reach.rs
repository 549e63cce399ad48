//! Who a page reaches at an instant, by which channels, and who it does not, and why.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;

use super::model::{Channel, ChannelId, ChannelKind};
use crate::domain::incident::Priority;
use crate::domain::roster::escalation::{Level, Target, reached};
use crate::domain::roster::shifts::Imported;
use crate::domain::roster::{Override, Person, PersonId, Roster, ScheduleId, Turns};
use crate::domain::time::{Instant, Interval, before, near};

/// Quiet hours hold back nothing this urgent.
const ALWAYS: Priority = Priority(1);
/// How far the end of quiet hours is looked for.
const AHEAD: TimeDelta = TimeDelta::days(8);

/// Who is to be paged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    Person(PersonId),
    /// Whoever is on call on it.
    Schedule(ScheduleId),
    /// All targets of a level of a policy; levels count from 1.
    Level(Arc<str>, usize),
}

/// What a page is decided on.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    pub roster: &'a Roster,
    pub overrides: &'a [Override],
    pub imported: &'a Imported,
    /// Those that are configured.
    pub channels: &'a [Channel],
}

/// Who is reached and who is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// As `core 1` or `person:ana`.
    pub target: String,
    pub routes: Vec<Route>,
    /// Each with the reason, in words.
    pub missed: Vec<String>,
}

/// One person and how they are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub person: PersonId,
    /// At least one.
    pub channels: Vec<ChannelId>,
}

impl Reach {
    /// Why nobody is reached.
    pub fn nobody(&self) -> String {
        match self.missed.as_slice() {
            [] => format!("{} reaches nobody", self.target),
            missed => format!("nobody can be paged: {}", missed.join("; ")),
        }
    }
}

/// Resolves it as it is now. What is about no incident has no priority and counts as a P1: somebody
/// has decided it by name.
///
/// # Errors
/// There is no such person, schedule, policy or level; says what there is.
pub fn reach(
    desk: Desk<'_>,
    whom: &Whom,
    priority: Option<Priority>,
    now: Instant,
) -> Result<Reach, String> {
    let (target, level) = level(desk.roster, whom)?;
    let found = reached(&level, desk.roster, desk.overrides, desk.imported, now);
    let mut reach = Reach { target, ..Reach::default() };
    for (id, _) in found.people {
        let name = desk.roster.name(&id).to_owned();
        let routed = match desk.roster.person(&id) {
            Some(person) => route(desk.channels, person, priority, now),
            None => Err("not among [[people]]".to_owned()),
        };
        match routed {
            Ok(channels) => reach.routes.push(Route { person: id, channels }),
            Err(why) => reach.missed.push(format!("{name}: {why}")),
        }
    }
    reach.missed.extend(found.empty.iter().map(|id| format!("{id}: nobody on call")));
    Ok(reach)
}

/// Why nobody can ever be reached whom a level may mean, at any hour and whatever the priority: each of
/// them with what is missing. `None`: somebody can, or a calendar says who they are.
pub fn unreachable(roster: &Roster, channels: &[Channel], level: &Level) -> Option<Vec<String>> {
    let mut people: BTreeSet<&PersonId> = BTreeSet::new();
    for target in &level.notify {
        let layers = match target {
            Target::Person(id) => {
                people.insert(id);
                continue;
            }
            Target::Schedule(id) => roster.schedule(id).map(|s| s.layers.as_slice()),
        };
        for layer in layers.into_iter().flatten() {
            match &layer.turns {
                Turns::Rotation(rotation) => people.extend(&rotation.people),
                Turns::Calendar(_) => return None,
            }
        }
    }
    let lacks = |id: &&PersonId| {
        let person = roster.person(id).ok_or_else(|| "not among [[people]]".to_owned());
        let usable = person.and_then(|person| usable(channels, person));
        usable.err().map(|why| format!("{}: {why}", roster.name(id)))
    };
    people.iter().map(lacks).collect()
}

fn level(roster: &Roster, whom: &Whom) -> Result<(String, Level), String> {
    let one = |target| Level { notify: vec![target], timeout: TimeDelta::zero() };
    match whom {
        Whom::Person(id) => match roster.person(id) {
            Some(person) => Ok((format!("person:{id}"), one(Target::Person(person.id.clone())))),
            None => Err(format!("there is no person {id:?}; [[people]] has {}", list(roster))),
        },
        Whom::Schedule(id) => match roster.schedule(id) {
            Some(schedule) => {
                Ok((format!("schedule:{id}"), one(Target::Schedule(schedule.id.clone()))))
            }
            None => Err(format!("there is no schedule {id:?}")),
        },
        Whom::Level(id, number) => {
            let Some(policy) = roster.policies.iter().find(|p| p.id == *id) else {
                let known: Vec<&str> = roster.policies.iter().map(|p| &*p.id).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(format!("there is no policy {id:?}; [[escalation]] has {known}"));
            };
            let level = number.checked_sub(1).and_then(|index| policy.levels.get(index));
            let Some(level) = level else {
                return Err(format!(
                    "{id} has no level {number}, only 1 to {}",
                    policy.levels.len()
                ));
            };
            Ok((format!("{id} {number}"), level.clone()))
        }
    }
}

fn list(roster: &Roster) -> String {
    let known: Vec<&str> = roster.people.keys().map(|id| &**id).take(12).collect();
    if known.is_empty() { "nobody".to_owned() } else { known.join(", ") }
}

/// By which channels somebody is reached, or why not at all.
fn route(
    channels: &[Channel],
    person: &Person,
    priority: Option<Priority>,
    now: Instant,
) -> Result<Vec<ChannelId>, String> {
    let wishes = &person.wishes;
    let usable = usable(channels, person)?;
    let priority = priority.unwrap_or(ALWAYS);
    if priority > ALWAYS {
        if priority > wishes.min_priority {
            return Err(format!("wants nothing less urgent than {}", wishes.min_priority));
        }
        let ahead = Interval::new(before(now, TimeDelta::days(2)), before(now, -AHEAD));
        if let Some(quiet) = wishes.quiet.within(ahead, person.zone).around(now) {
            let until = near(quiet.to, now, person.zone);
            return Err(format!("quiet hours until {until} there; a P1 would get through"));
        }
    }
    Ok(usable)
}

/// The channels that can reach somebody at all.
fn usable(channels: &[Channel], person: &Person) -> Result<Vec<ChannelId>, String> {
    if person.wishes.channels.is_empty() {
        return Err("no channels: page = [\"…\"] in [[people]] names them".to_owned());
    }
    let mut kept = Vec::new();
    let mut lost = Vec::new();
    for id in &person.wishes.channels {
        match channels.iter().find(|c| c.id == *id) {
            None => lost.push(format!("this console has no channel {id}")),
            Some(c) if c.kind == ChannelKind::Mail && person.email.is_none() => {
                lost.push(format!("no e-mail address for {id}"));
            }
            Some(_) => kept.push(id.clone()),
        }
    }
    if kept.is_empty() { Err(lost.join(", ")) } else { Ok(kept) }
}
