//! A rota that is kept elsewhere becomes people, schedules and escalation policies of the config.
//!
//! [`pagerduty`], [`grafana`] and [`calendar`] turn what they are given into a [`Rota`]; plain
//! functions. What cannot be carried over stays with the thing that it concerns: [`toml`] writes it
//! there as a comment, and the summary repeats it. [`proof`] holds what was made against the shifts
//! that the server itself works out. [`fetch`] asks the servers.

pub mod calendar;
pub mod fetch;
pub mod grafana;
mod layers;
pub mod pagerduty;
mod proof;
mod shifts;
#[cfg(test)]
mod tests;
pub mod toml;
mod week;
mod zones;

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer};

use self::week::Week;
use super::draft::LeftOut;
use crate::domain::roster::escalation::Escalation;
use crate::domain::roster::{Layer, PersonId, Schedule, ScheduleId, Turns};
use crate::domain::text::{self, clean};
use crate::domain::time::{Instant, Interval, WeekHours};
use crate::sources::settings::CalendarAt;

/// Longest name, as the config keeps it.
const MAX_NAME: usize = 80;
/// Longest part of an id that is made from a name.
const MAX_ID: usize = 60;
/// What is more than this is no rota that people keep: layers of a schedule, turns of a layer, levels
/// of a policy, overrides to come.
const MAX_LAYERS: usize = 50;
const MAX_TURNS: usize = 1_000;
const MAX_LEVELS: usize = 50;
const MAX_OVERRIDES: usize = 500;
/// How much of what a server says is repeated in a note.
const MAX_NOTE: usize = 300;

/// What was found elsewhere, in the words of the config.
#[derive(Debug, Default)]
pub struct Rota {
    /// Where it is from, for the comment above it.
    from: BTreeSet<&'static str>,
    pub calendars: Vec<Calendar>,
    pub people: Vec<Person>,
    pub schedules: Vec<DraftSchedule>,
    pub policies: Vec<Policy>,
    /// What concerns none of these.
    pub notes: Vec<LeftOut>,
    ids: Ids,
}

/// A source of kind `ical`.
#[derive(Debug)]
pub struct Calendar {
    pub name: String,
    pub at: CalendarAt,
    pub zone: Option<Tz>,
}

/// Somebody of the team.
#[derive(Debug, Clone, Default)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub zone: Option<Tz>,
    pub team: Option<String>,
    pub notes: Vec<String>,
}

/// A schedule in the making.
#[derive(Debug)]
pub struct DraftSchedule {
    pub id: String,
    pub name: String,
    pub team: Option<String>,
    pub zone: Tz,
    pub layers: Vec<DraftLayer>,
    pub notes: Vec<String>,
    /// What people changed there and is still to come. Such changes are in the store, not in the
    /// config.
    pub overrides: Vec<Wanted>,
    /// That it was held against the server's own shifts and is the same, for a comment.
    pub proven: Option<String>,
}

#[derive(Debug, Clone)]
pub struct DraftLayer {
    pub name: String,
    pub turns: Turns,
    /// `None`: always.
    pub hours: Option<Week>,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub person: PersonId,
    pub at: Interval,
}

/// An escalation policy; the config knows it by its id only.
#[derive(Debug)]
pub struct Policy {
    pub name: String,
    pub escalation: Escalation,
    pub notes: Vec<String>,
}

/// The ids that are taken, each kind by itself.
#[derive(Debug, Default)]
pub struct Ids {
    people: BTreeSet<String>,
    schedules: BTreeSet<String>,
    policies: BTreeSet<String>,
    sources: BTreeSet<String>,
}

impl Rota {
    /// An empty one that keeps clear of the names of sources that are written beside it.
    pub fn beside(sources: &[&str]) -> Self {
        let mut rota = Self::default();
        rota.ids.sources.extend(sources.iter().map(|s| (*s).to_owned()));
        rota
    }

    /// `PagerDuty and a calendar`; `None`: nothing was added.
    pub fn from(&self) -> Option<String> {
        let from: Vec<&str> = self.from.iter().copied().collect();
        (!from.is_empty()).then(|| from.join(" and "))
    }

    /// Somebody who is known by this address already.
    fn by_email(&self, email: &str) -> Option<&Person> {
        let same = |p: &&Person| p.email.as_deref().is_some_and(|e| e.eq_ignore_ascii_case(email));
        self.people.iter().find(same)
    }

    /// All that could not be carried over, for the summary.
    pub fn left_out(&self) -> Vec<LeftOut> {
        let mut out = Vec::new();
        let mut add = |what: String, whys: &[String]| {
            let all = whys.iter().map(|why| LeftOut { what: what.clone(), why: why.clone() });
            out.extend(all);
        };
        for p in &self.people {
            add(format!("person {}", p.id), &p.notes);
        }
        for s in &self.schedules {
            add(format!("schedule {}", s.name), &s.notes);
            for l in &s.layers {
                add(format!("schedule {}, layer {}", s.name, l.name), &l.notes);
            }
            if !s.overrides.is_empty() {
                add(format!("schedule {}", s.name), &[s.about_overrides()]);
            }
        }
        for p in &self.policies {
            add(format!("escalation {}", p.name), &p.notes);
        }
        out.extend(self.notes.iter().cloned());
        out
    }

    /// The schedules of which it was seen that they give the server's own shifts.
    pub fn proven(&self) -> Vec<String> {
        self.schedules.iter().filter(|s| s.proven.is_some()).map(|s| s.name.clone()).collect()
    }

    /// The commands that make the overrides again.
    pub fn commands(&self) -> Vec<String> {
        self.schedules.iter().flat_map(DraftSchedule::commands).collect()
    }

    fn note(&mut self, what: &str, why: impl Into<String>) {
        self.notes.push(LeftOut { what: what.to_owned(), why: why.into() });
    }
}

impl DraftSchedule {
    fn new(id: String, name: String, zone: Tz) -> Self {
        let (layers, notes, overrides) = (Vec::new(), Vec::new(), Vec::new());
        Self { id, name, team: None, zone, layers, notes, overrides, proven: None }
    }

    /// As the roster computes with it.
    fn schedule(&self) -> Schedule {
        let layer = |l: &DraftLayer| Layer {
            name: l.name.as_str().into(),
            turns: l.turns.clone(),
            hours: l.hours.as_ref().map(Week::hours),
        };
        Schedule {
            id: ScheduleId::from(self.id.as_str()),
            name: self.name.as_str().into(),
            team: None,
            zone: self.zone,
            layers: self.layers.iter().map(layer).collect(),
            coverage: WeekHours::always(),
            rest: TimeDelta::zero(),
        }
    }

    /// When somebody has to be there: the hours of the layers, where none of them always applies.
    /// Elsewhere nobody is on call on purpose, and it is no gap. `None`: round the clock.
    fn coverage(&self) -> Option<Week> {
        let mut all = Week::default();
        for layer in &self.layers {
            all.join(layer.hours.as_ref()?);
        }
        (!self.layers.is_empty() && !all.is_always()).then_some(all)
    }

    fn about_overrides(&self) -> String {
        let number = text::count(self.overrides.len(), "override");
        format!(
            "{number} to come: overrides are kept in the store; the commands that make them follow"
        )
    }

    /// By force: they are in force there already, whatever the rules of this schedule say.
    fn commands(&self) -> Vec<String> {
        let at = |at: Instant| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let command = |o: &Wanted| {
            format!(
                "atalaya oncall override --force --schedule {} --person {} --from {} --to {}",
                self.id,
                o.person,
                at(o.at.from),
                at(o.at.to)
            )
        };
        self.overrides.iter().map(command).collect()
    }

    /// Keeps only so many overrides as somebody makes.
    fn cut_overrides(&mut self) {
        if self.overrides.len() > MAX_OVERRIDES {
            let n = self.overrides.len();
            self.notes.push(format!("of {n} overrides to come, the first {MAX_OVERRIDES}"));
            self.overrides.truncate(MAX_OVERRIDES);
        }
    }

    /// Where not all of it could be taken over: what else can be done.
    fn advise(&mut self, server: &str) {
        if !self.notes.is_empty() {
            self.notes.push(format!(
                "the iCalendar feed that {server} has of it gives its shifts as they are: \
                 --roster-ics"
            ));
        }
    }

    /// Adds a layer under a name that is its own.
    fn push(&mut self, mut layer: DraftLayer) {
        let name = if layer.name.is_empty() { "layer".to_owned() } else { layer.name };
        let taken = |name: &str| self.layers.iter().any(|l| l.name == name);
        let others = (2..).map(|n| format!("{name} ({n})"));
        let own = std::iter::once(name.clone()).chain(others).find(|n| !taken(n));
        layer.name = own.unwrap_or(name);
        self.layers.push(layer);
    }
}

/// An id that nobody has: from the first text that gives one, with a number where it is taken.
fn free(taken: &mut BTreeSet<String>, texts: &[&str]) -> String {
    let first = texts.iter().map(|t| slug(t)).find(|s| !s.is_empty());
    let wanted = first.unwrap_or_else(|| "unnamed".to_owned());
    let others = (2..).map(|n| format!("{wanted}-{n}"));
    let id = std::iter::once(wanted.clone()).chain(others).find(|id| !taken.contains(id));
    let id = id.unwrap_or(wanted);
    taken.insert(id.clone());
    id
}

/// Lower case letters and digits of ASCII, everything else a dash: what ids are made of.
fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in clean(text, MAX_NAME).to_lowercase().chars() {
        match plain(c) {
            "" if c.is_ascii_alphanumeric() || c == '.' || c == '_' => out.push(c),
            "" if out.is_empty() || out.ends_with('-') => {}
            "" => out.push('-'),
            plain => out.push_str(plain),
        }
        if out.len() >= MAX_ID {
            break;
        }
    }
    out.trim_matches(['-', '.', '_']).to_owned()
}

/// Letters of names without their marks.
fn plain(c: char) -> &'static str {
    match c {
        'á' | 'à' | 'â' | 'ã' | 'å' | 'ą' | 'ă' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'é' | 'è' | 'ê' | 'ë' | 'ę' | 'ě' => "e",
        'ğ' => "g",
        'í' | 'ì' | 'î' | 'ï' | 'ı' => "i",
        'ł' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ó' | 'ò' | 'ô' | 'õ' | 'ő' => "o",
        'ö' | 'ø' | 'œ' => "oe",
        'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ß' => "ss",
        'ť' | 'ț' | 'ţ' => "t",
        'ú' | 'ù' | 'û' | 'ů' | 'ű' => "u",
        'ü' => "ue",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => "",
    }
}

/// A name of one harmless line.
fn name(text: &str) -> String {
    clean(text, MAX_NAME)
}

/// An address that the config takes.
fn email(text: &str) -> Option<String> {
    let text = clean(text, 255);
    let (user, host) = text.split_once('@')?;
    let fine = !user.is_empty() && !host.is_empty() && text.chars().count() <= 254;
    (fine && !text.contains(char::is_whitespace)).then_some(text)
}

/// What a server sends as `null` counts as what is not there.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// Those of a list that can be read; what cannot be is counted and said, with the first reason.
fn readable<T: serde::de::DeserializeOwned>(
    list: Vec<serde_json::Value>,
    what: &str,
    notes: &mut Vec<LeftOut>,
) -> Vec<T> {
    let (mut out, mut wrong) = (Vec::with_capacity(list.len()), Vec::new());
    for item in list {
        match serde_json::from_value(item) {
            Ok(item) => out.push(item),
            Err(e) => wrong.push(clean(&e.to_string(), MAX_NOTE)),
        }
    }
    if let Some(first) = wrong.first() {
        let why = format!("the answer is not understood: {first}");
        notes.push(LeftOut { what: text::count(wrong.len(), what), why });
    }
    out
}

/// Who of those that a server knows by its own ids is in the rota, and by which id.
struct Crew<'a> {
    rota: &'a mut Rota,
    /// Everybody there, by the server's id.
    known: BTreeMap<String, Person>,
    /// Those whom something names.
    named: BTreeMap<String, PersonId>,
}

impl<'a> Crew<'a> {
    /// Gives everybody their id in the order of the server's ids, so that it does not depend on who
    /// is on call.
    fn new(rota: &'a mut Rota, users: BTreeMap<String, Person>) -> Self {
        let mut known = BTreeMap::new();
        for (key, mut person) in users {
            let same = person.email.as_deref().and_then(|e| rota.by_email(e));
            person.id = if let Some(same) = same {
                same.id.clone()
            } else {
                let user = person.email.as_deref().and_then(|e| e.split(['@', '+']).next());
                free(&mut rota.ids.people, &[user.unwrap_or(""), &person.name, &key])
            };
            known.insert(key, person);
        }
        Self { rota, known, named: BTreeMap::new() }
    }

    /// The id of somebody, who is in the rota from then on. Whom the server names and does not list
    /// keeps their turns, so that nobody else's move.
    fn id(&mut self, key: &str, called: &str) -> PersonId {
        if let Some(id) = self.named.get(key) {
            return id.clone();
        }
        let person = self.known.get(key).cloned().unwrap_or_else(|| {
            let called = name(called);
            let notes =
                vec!["is named in a schedule or policy, but is no user (any more)".to_owned()];
            let id = free(&mut self.rota.ids.people, &[&called, key]);
            Person { id, name: called, notes, ..Person::default() }
        });
        let id = PersonId::from(person.id.as_str());
        if self.rota.people.iter().all(|p| p.id != person.id) {
            self.rota.people.push(person);
        }
        self.named.insert(key.to_owned(), id.clone());
        id
    }

    /// Says how many are left out because nothing names them.
    fn finish(self) {
        let others = self.known.keys().filter(|key| !self.named.contains_key(*key)).count();
        self.rota.people.sort_by(|a, b| a.id.cmp(&b.id));
        if others > 0 {
            let who = text::count(others, "other user");
            self.rota.note(&who, "on no schedule and in no policy");
        }
    }
}
