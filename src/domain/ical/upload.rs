//! What a collection on a server is to have of ours: what is wanted is held against what stands there,
//! and the difference is what is to be done.
//!
//! Nothing of what was written is remembered here. Each object carries a [`Mark`] that says whose it is
//! and of what export; without a mark of ours it is not ours, and stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Calendar, Event, read};
use crate::domain::text::{self, clean};
use crate::domain::time::{Instant, Interval};

/// The name of the property that has the mark.
const FROM: &str = "FROM";

/// Of whose export an object is, and of which: `atalaya acme@4b1f9c02 windows service=db`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    owner: String,
    what: String,
}

/// An object as it stands in the collection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    /// Its address, as the server writes it.
    pub href: String,
    /// Its version.
    pub tag: Option<String>,
    pub text: String,
}

/// What is to be done to one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Create { uid: String, text: String },
    Replace { uid: String, stored: Stored, text: String },
    Remove { uid: String, stored: Stored },
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    pub changes: Vec<Change>,
    /// How many are as they should be.
    pub same: usize,
    /// The `UID`s of objects that are in the way and not ours.
    pub foreign: Vec<String>,
}

impl Mark {
    /// `owner`: what tells this site and store from all others; `what`: which export, with all that
    /// was left out of it.
    pub fn new(owner: &impl fmt::Display, what: &str) -> Self {
        Self { owner: owner.to_string(), what: clean(what, 200) }
    }

    fn is_ours(&self, mark: &str) -> bool {
        mark.strip_prefix(&self.owner).is_some_and(|rest| rest.starts_with(' '))
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.owner, self.what)
    }
}

/// What is to be done so that a collection has the events of a calendar, an object for each `UID`. What
/// the same export wrote before and is wanted no more goes; where it is of a stretch of time, only what
/// takes place in that. `stamp`: when it is written.
pub fn plan(
    wanted: &Calendar,
    mark: &Mark,
    within: Option<Interval>,
    stored: &[Stored],
    stamp: Instant,
) -> Plan {
    let mut by_uid: BTreeMap<String, (&Stored, Calendar)> = BTreeMap::new();
    for object in stored {
        let calendar = read(&object.text, wanted.zone);
        if let Some(uid) = calendar.events.first().map(|event| event.uid.clone()) {
            by_uid.entry(uid).or_insert((object, calendar));
        }
    }
    let marked = |calendar: &Calendar| {
        calendar.events.iter().find_map(|e| e.extras(FROM).next().map(str::to_owned))
    };
    let mut plan = Plan::default();
    let objects = objects(wanted, mark);
    for (uid, object) in &objects {
        let text = object.write(stamp);
        let Some((stored, there)) = by_uid.get(*uid) else {
            plan.changes.push(Change::Create { uid: (*uid).to_owned(), text });
            continue;
        };
        if !marked(there).is_some_and(|there| mark.is_ours(&there)) {
            plan.foreign.push((*uid).to_owned());
        } else if in_order(read(&text, wanted.zone)) == in_order(there.clone()) {
            plan.same += 1;
        } else {
            let (uid, stored) = ((*uid).to_owned(), (*stored).clone());
            plan.changes.push(Change::Replace { uid, stored, text });
        }
    }
    let wanted: BTreeSet<&str> = objects.iter().map(|(uid, _)| *uid).collect();
    for (uid, (stored, there)) in &by_uid {
        let is_in = |within| !there.occurrences(within, 1).list.is_empty();
        let is_surplus = !wanted.contains(uid.as_str())
            && marked(there).is_some_and(|there| there == mark.to_string())
            && within.is_none_or(is_in);
        if is_surplus {
            let (uid, stored) = (uid.clone(), (*stored).clone());
            plan.changes.push(Change::Remove { uid, stored });
        }
    }
    plan
}

/// A calendar for each `UID`, in order, with the mark.
fn objects<'a>(wanted: &'a Calendar, mark: &Mark) -> Vec<(&'a str, Calendar)> {
    let mut out: Vec<(&str, Calendar)> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &wanted.events {
        let index = *known.entry(&event.uid).or_insert(out.len());
        if index == out.len() {
            out.push((&event.uid, Calendar::new("", wanted.zone)));
        }
        if let Some((_, object)) = out.get_mut(index) {
            let mut event = event.clone();
            if object.events.is_empty() {
                event.extra.push((FROM.to_owned(), mark.to_string()));
            }
            object.events.push(event);
        }
    }
    out
}

/// The series first, then those that stand instead of single ones: servers order them as they like.
fn in_order(mut calendar: Calendar) -> Vec<Event> {
    calendar.events.sort_by_key(|event| event.replaces);
    for event in &mut calendar.events {
        event.extra.sort();
        event.categories.sort();
    }
    calendar.events
}

/// The name of the object with that `UID`: what could be more than a name is encoded.
pub fn name(uid: &str) -> String {
    use fmt::Write as _;
    let mut out = String::new();
    for byte in text::clean(uid, 300).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'@' => {
                out.push(char::from(byte));
            }
            // Never the first: no name goes up.
            b'.' if !out.is_empty() => out.push('.'),
            _ => drop(write!(out, "={byte:02X}")),
        }
    }
    out + ".ics"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ical::Length;
    use crate::domain::time::Recurrence;
    use chrono_tz::Europe::Madrid;

    fn mark(what: &str) -> Mark {
        Mark::new(&"atalaya acme@1", what)
    }

    fn event(uid: &str, day: u32) -> Event {
        let start = format!("2026-11-{day:02}T20:00:00").parse().unwrap();
        Event::new(uid, "Patch", Recurrence::once(start, chrono_tz::UTC), Length::seconds(3_600))
    }

    fn calendar(events: Vec<Event>) -> Calendar {
        Calendar { events, ..Calendar::new("x", Madrid) }
    }

    fn now() -> Instant {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    /// What stands there after this was done, as a server keeps it.
    fn done(plan: &Plan, stored: &[Stored]) -> Vec<Stored> {
        let mut stored = stored.to_vec();
        for change in &plan.changes {
            match change {
                Change::Create { uid, text } => {
                    let (href, text) = (format!("/{}", name(uid)), text.clone());
                    stored.push(Stored { href, tag: None, text });
                }
                Change::Replace { stored: old, text, .. } => {
                    let one = stored.iter_mut().find(|s| s.href == old.href).unwrap();
                    one.text.clone_from(text);
                }
                Change::Remove { stored: old, .. } => stored.retain(|s| s.href != old.href),
            }
        }
        stored
    }

    fn words(plan: &Plan) -> Vec<String> {
        let word = |change: &Change| match change {
            Change::Create { uid, .. } => format!("create {uid}"),
            Change::Replace { uid, .. } => format!("replace {uid}"),
            Change::Remove { uid, .. } => format!("remove {uid}"),
        };
        plan.changes.iter().map(word).collect()
    }

    #[test]
    fn what_is_missing_is_made_what_differs_replaced_and_what_is_surplus_removed() {
        let of = |events, stored: &[Stored], what: &str| {
            plan(&calendar(events), &mark(what), None, stored, now())
        };
        let mut moved = event("a", 24);
        moved.replaces = Some(moved.when.start);
        let first = of(vec![event("a", 24), moved, event("b", 25)], &[], "windows");
        assert_eq!(words(&first), ["create a", "create b"]);
        let there = done(&first, &[]);
        assert_eq!(there.len(), 2, "what belongs to one UID is one object");
        let again = of(vec![event("b", 26), event("c", 27)], &there, "windows");
        assert_eq!(words(&again), ["replace b", "create c", "remove a"]);
        let there = done(&again, &there);
        let last = of(vec![event("b", 26), event("c", 27)], &there, "windows");
        assert_eq!((last.changes.len(), last.same), (0, 2));
        let other = of(vec![event("b", 26)], &there, "windows service=db");
        assert_eq!(words(&other), ["replace b"], "another export removes nothing of this one");
    }

    #[test]
    fn what_is_not_ours_stays_and_is_told() {
        let mut theirs = calendar(vec![event("a", 24), event("b", 24)]);
        theirs.events[1].extra.push((FROM.to_owned(), "atalaya acme@12 windows".to_owned()));
        let stored: Vec<Stored> = theirs
            .events
            .iter()
            .map(|e| Stored { text: calendar(vec![e.clone()]).write(now()), ..Stored::default() })
            .collect();
        let wanted = calendar(vec![event("a", 25), event("b", 25)]);
        let plan = plan(&wanted, &mark("windows"), None, &stored, now());
        assert_eq!((plan.changes.len(), plan.foreign), (0, vec!["a".to_owned(), "b".to_owned()]));
        let nothing = super::plan(&calendar(vec![]), &mark("windows"), None, &stored, now());
        assert_eq!(nothing, Plan::default());
    }

    #[test]
    fn of_a_stretch_of_time_only_what_takes_place_in_it_goes() {
        let two = calendar(vec![event("a", 10), event("b", 24)]);
        let stored = done(&plan(&two, &mark("shifts"), None, &[], now()), &[]);
        let within = Interval::new(now(), now() + chrono::TimeDelta::days(9));
        let plan = plan(&calendar(vec![]), &mark("shifts"), Some(within), &stored, now());
        assert_eq!(words(&plan), ["remove b"]);
    }

    #[test]
    fn names_are_names() {
        assert_eq!(name("patch-db@calendar.atalaya"), "patch-db@calendar.atalaya.ics");
        assert_eq!(name("../a/b:c é"), "=2E.=2Fa=2Fb=3Ac=20=C3=A9.ics");
    }
}
