//! Who a calendar says is on call: which person of the team each of its events means.

use std::collections::{BTreeMap, HashMap};

use super::model::{Duty, Person, PersonId};
use crate::domain::ical::{Calendar, Event, Party};
use crate::domain::text;
use crate::domain::time::Interval;

/// The most shifts that one calendar states.
const MOST: usize = 50_000;
/// So many of one kind of trouble are told one by one.
const TOLD: usize = 5;
/// So many names that mean nobody are told apart.
const NAMES: usize = 1_000;
/// How much of a summary a warning shows, in characters.
const SHOWN: usize = 60;

/// How calendars may call the people of a team: by e-mail address, name or id, and as the source
/// says. What could be several people is nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Callings(BTreeMap<String, Option<PersonId>>);

impl Callings {
    /// Those of a team; what `named` says goes before what people are called themselves.
    pub fn new<'a>(
        people: impl IntoIterator<Item = &'a Person>,
        named: &BTreeMap<String, PersonId>,
    ) -> Self {
        let mut by_text: BTreeMap<String, Option<PersonId>> = BTreeMap::new();
        for person in people {
            let email = person.email.as_deref();
            for text in [&*person.id, &*person.name].into_iter().chain(email) {
                let meant = by_text.entry(folded(text)).or_insert_with(|| Some(person.id.clone()));
                if meant.as_ref() != Some(&person.id) {
                    *meant = None;
                }
            }
        }
        by_text.extend(named.iter().map(|(text, id)| (folded(text), Some(id.clone()))));
        Self(by_text)
    }

    /// Whom a text means: an e-mail address, a name or an id.
    pub fn person(&self, text: &str) -> Option<&PersonId> {
        self.find(text)
    }

    fn find(&self, text: &str) -> Option<&PersonId> {
        self.0.get(&folded(text))?.as_ref()
    }

    /// Whom an event means: by its attendees, or else by what it is called. Where it invites several,
    /// the one that it is called by.
    fn meant(&self, event: &Event) -> Meant {
        let invited =
            |party: &Party| self.find(&party.address).or_else(|| self.find(&party.name)).cloned();
        let invited = distinct(event.attendees.iter().filter_map(invited));
        if let [one] = invited.as_slice() {
            return Meant::One(one.clone());
        }
        let called = self.find(&event.summary).map_or_else(
            || distinct(parts(&event.summary).iter().filter_map(|part| self.find(part).cloned())),
            |whole| vec![whole.clone()],
        );
        let is_both = |id: &&PersonId| invited.is_empty() || invited.contains(id);
        let both: Vec<&PersonId> = called.iter().filter(is_both).collect();
        match (both.as_slice(), invited.first()) {
            ([one], _) => Meant::One((*one).clone()),
            ([first, ..], _) => Meant::First((*first).clone()),
            ([], Some(first)) => Meant::First(first.clone()),
            ([], None) => Meant::Nobody,
        }
    }
}

#[derive(Clone)]
enum Meant {
    One(PersonId),
    /// The first of several.
    First(PersonId),
    Nobody,
}

/// What a calendar states.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stated {
    /// In order of time.
    pub duties: Vec<Duty>,
    /// What could not be read, and what means nobody, each with its remedy; bounded.
    pub warnings: Vec<String>,
}

/// Who is on call in an interval, as the events of a calendar state it.
pub fn stated(calendar: &Calendar, callings: &Callings, within: Interval) -> Stated {
    let occurrences = calendar.occurrences(within, MOST);
    let mut known: HashMap<*const Event, Meant> = HashMap::new();
    let mut out = Stated::default();
    let (mut nobody, mut several) = (Names::default(), Names::default());
    for occurrence in occurrences.list.iter().filter(|o| !o.at.is_empty()) {
        let event = occurrence.event;
        let meant = known.entry(std::ptr::from_ref(event)).or_insert_with(|| {
            let meant = callings.meant(event);
            match meant {
                Meant::Nobody => nobody.add(event),
                Meant::First(_) => several.add(event),
                Meant::One(_) => {}
            }
            meant
        });
        if let Meant::One(person) | Meant::First(person) = meant {
            out.duties.push(Duty { person: person.clone(), at: occurrence.at });
        }
    }
    let problems = calendar.problems.iter().map(ToString::to_string).collect();
    out.warnings = text::abridged(problems, TOLD, "problems of this calendar");
    out.warnings.extend(nobody.told("such names", |name| {
        format!(
            "\"{name}\" means nobody of the team: take it out of the calendar, or say who it is \
             with people = {{ \"{name}\" = \"…\" }} in this source"
        )
    }));
    out.warnings.extend(several.told("such events", |name| {
        format!("\"{name}\" means several people: the first counts; make an event for each")
    }));
    if !occurrences.is_complete {
        out.warnings.push(format!(
            "it has more than {MOST} events within these two years, or a rule that takes too long: \
             the rest is left out; export less of it"
        ));
    }
    out
}

/// What events are called, each once.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn add(&mut self, event: &Event) {
        let invited = event.attendees.first().map_or("", |party| &party.address);
        let name = [&*event.summary, invited, &*event.uid].into_iter().find(|t| !t.is_empty());
        // A quote would end the one that the warning shows.
        let name = text::clean(name.unwrap_or_default(), SHOWN).replace('"', "'");
        if !self.0.contains(&name) && self.0.len() < NAMES {
            self.0.push(name);
        }
    }

    fn told(self, several: &str, say: impl Fn(&str) -> String) -> Vec<String> {
        text::abridged(self.0.iter().map(|name| say(name)).collect(), TOLD, several)
    }
}

/// In lower case, with single blanks.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The parts of `Core: Ana Ruiz`, `Ana Ruiz on call`, `On-call - Ana Ruiz (core)`, `[L1] @ana`.
fn parts(summary: &str) -> Vec<String> {
    let mut text = folded(summary);
    for word in ["on call", "on-call", "oncall", " - "] {
        text = text.replace(word, "|");
    }
    let ends = |c: char| ":|/,;()[]{}<>–—→+&".contains(c);
    let part = |part: &str| {
        let part = part.trim().trim_start_matches('@');
        let part = [" is", "'s", "’s"].iter().find_map(|s| part.strip_suffix(s)).unwrap_or(part);
        part.trim().to_owned()
    };
    text.split(ends).map(part).filter(|part| !part.is_empty()).collect()
}

fn distinct(ids: impl Iterator<Item = PersonId>) -> Vec<PersonId> {
    let mut out = Vec::new();
    for id in ids {
        if !out.contains(&id) {
            out.push(id);
        }
    }
    out
}
