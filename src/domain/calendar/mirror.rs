//! Windows as other monitoring has them: what is muted here is muted there, by a silence or a
//! downtime.
//!
//! Nothing of what was made there is kept here. Its comment begins with a [`Tag`] that says whose it
//! is and of what; so whoever comes next, after a crash or beside another console, holds what is
//! wanted against what is there ([`plan`]) and changes the difference. Without a tag of ours, it is
//! not ours.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use chrono::TimeDelta;

use super::model::Key;
use super::occurrence::Occurrence;
use super::state::Calendar;
use super::suppression::mutes;
use crate::domain::text;
use crate::domain::time::{Instant, Interval, before};

/// Who makes silences and downtimes, as their author is called.
pub const AUTHOR: &str = "atalaya";
/// A window is made known so long before it begins, so that a server that does not answer just then
/// mutes in time all the same.
pub const AHEAD: TimeDelta = TimeDelta::minutes(15);
/// What ended so long ago may still be asked for.
const BACK: TimeDelta = TimeDelta::minutes(1);
/// Two instants that are closer are the same: servers round.
const SLACK: TimeDelta = TimeDelta::seconds(1);
/// How far a server's clock may be ahead when it says that something began just now.
const SKEW: TimeDelta = TimeDelta::seconds(10);
/// The longest title that is repeated in a comment, in characters.
const MAX_TITLE: usize = 200;

/// A site and its store, as tags name them: `atalaya acme-noc@4b1f9c02`. Consoles with the same ones
/// look after each other's; two stores know nothing of each other's windows, so neither may take away
/// what the other made, although both are called by one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner(Arc<str>);

/// Which occurrence something is there for: `atalaya acme-noc@4b1f9c02 WIN-3 20261128T220000`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

/// What is to be there: one thing that one occurrence mutes.
#[derive(Debug, Clone, PartialEq)]
pub struct Mirrored<T> {
    pub tag: Tag,
    /// What the window is called.
    pub title: Arc<str>,
    /// The matchers of a silence, the object of a downtime.
    pub target: T,
    pub at: Interval,
}

/// What is there under a tag of ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream<T> {
    /// By which the server knows it.
    pub id: String,
    pub tag: Tag,
    pub target: T,
    pub at: Interval,
}

/// What is to be done about the difference.
#[derive(Debug, Clone, PartialEq)]
pub enum Change<T> {
    Create(Mirrored<T>),
    /// Its time is another. What has begun in both has the beginning that it has there.
    Adjust {
        id: String,
        to: Mirrored<T>,
    },
    Remove(Upstream<T>),
}

impl Owner {
    /// `store`: what tells this store from all others, in any form.
    pub fn new(site: &str, store: &str) -> Self {
        // 32-bit FNV-1a: every version of every console has to come to the same.
        let add = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        let store = store.bytes().fold(0x811c_9dc5, add);
        Self(Arc::from(format!("{AUTHOR} {}@{store:08x}", word(site))))
    }

    /// The same consoles, as they make acknowledgements known: what one of the two kinds made is
    /// nothing to the other.
    #[must_use]
    pub fn of_acknowledgements(&self) -> Self {
        let rest = self.0.strip_prefix(AUTHOR).unwrap_or(&self.0);
        Self(Arc::from(format!("{AUTHOR}-ack{rest}")))
    }

    /// The tag of something that has a name.
    pub fn tag_of(&self, name: &impl fmt::Display) -> Tag {
        Tag(Arc::from(format!("{self} {}", word(&name.to_string()))))
    }

    /// The tag with which a comment begins, if it is one of this owner's for something with a name.
    pub fn name_in(&self, comment: &str) -> Option<Tag> {
        let own = comment.strip_prefix(&*self.0)?.strip_prefix(' ')?;
        let (name, _) = own.split_once(':').unwrap_or((own, ""));
        let is_name = !name.is_empty() && name.bytes().all(|b| is_plain(b) || b == b'%');
        is_name.then(|| Tag(Arc::from(format!("{self} {name}"))))
    }

    /// The tag of one occurrence.
    pub fn tag(&self, key: &Key) -> Tag {
        let original = key.original.format("%Y%m%dT%H%M%S");
        Tag(Arc::from(format!("{self} {} {original}", word(&key.window.0))))
    }

    /// The tag with which a comment begins, if it is one of this owner's.
    pub fn tag_in(&self, comment: &str) -> Option<Tag> {
        let own = comment.strip_prefix(&*self.0)?.strip_prefix(' ')?;
        let (words, _) = own.split_once(':').unwrap_or((own, ""));
        let (window, original) = words.split_once(' ')?;
        let is_time = |(at, b): (usize, u8)| if at == 8 { b == b'T' } else { b.is_ascii_digit() };
        let is_tag = !window.is_empty()
            && window.bytes().all(|b| is_plain(b) || b == b'%')
            && original.len() == 15
            && original.bytes().enumerate().all(is_time);
        is_tag.then(|| Tag(Arc::from(format!("{self} {words}"))))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Tag {
    /// The window, or whatever else has a name, as the tag has it.
    pub fn window(&self) -> &str {
        self.0.split(' ').nth(2).unwrap_or_default()
    }
}

impl<T> Mirrored<T> {
    pub fn comment(&self) -> String {
        format!("{}: {}", self.tag, text::clean(&self.title, MAX_TITLE))
    }
}

impl<T> Change<T> {
    pub fn tag(&self) -> &Tag {
        match self {
            Self::Create(to) | Self::Adjust { to, .. } => &to.tag,
            Self::Remove(one) => &one.tag,
        }
    }
}

/// A name as one word without `:`, so that a tag ends where it ends whatever follows.
fn word(name: &str) -> String {
    name.bytes().fold(String::with_capacity(name.len()), |mut word, byte| {
        if is_plain(byte) {
            word.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(word, "%{byte:02X}");
        }
        word
    })
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/')
}

/// What mutes now or will soon, and so has to be known elsewhere.
pub fn due(calendar: &Calendar, now: Instant) -> Vec<Occurrence> {
    let within = Interval::new(before(now, BACK), before(now, -AHEAD));
    let mut due = calendar.occurrences(within, now);
    due.retain(|one| mutes(one).is_some_and(|at| at.to > now && at.from <= within.to));
    due
}

/// One thing to be there for each target of each occurrence.
pub fn desired<T>(
    owner: &Owner,
    due: &[Occurrence],
    mut targets: impl FnMut(&Occurrence) -> Vec<T>,
) -> Vec<Mirrored<T>> {
    let mut all = Vec::new();
    for one in due {
        let Some(at) = mutes(one) else { continue };
        let (tag, title): (Tag, Arc<str>) = (owner.tag(&one.key), one.window.title().into());
        let of = |target| Mirrored { tag: tag.clone(), title: title.clone(), target, at };
        all.extend(targets(one).into_iter().map(of));
    }
    all
}

/// What makes `present` as it is desired: first what mutes, then what no longer does. Of two that are
/// there for the same thing one goes, the same one whoever looks.
pub fn plan<T: Ord + Clone>(
    desired: &[Mirrored<T>],
    present: &[Upstream<T>],
    now: Instant,
) -> Vec<Change<T>> {
    let wanted: BTreeMap<_, _> = desired.iter().map(|w| ((&w.tag, &w.target), w)).collect();
    let mut kept: BTreeMap<_, &Upstream<T>> = BTreeMap::new();
    let mut surplus = Vec::new();
    for one in present.iter().filter(|one| one.at.to > now) {
        let key = (&one.tag, &one.target);
        let Some(want) = wanted.get(&key) else {
            surplus.push(one);
            continue;
        };
        match kept.entry(key) {
            Entry::Vacant(place) => {
                place.insert(one);
            }
            Entry::Occupied(mut place) => {
                let rank = |one: &Upstream<T>| (!fits(want, one, now), one.id.clone());
                let worse = if rank(one) < rank(place.get()) { place.insert(one) } else { one };
                surplus.push(worse);
            }
        }
    }
    let mut changes = Vec::new();
    for (key, want) in &wanted {
        match kept.get(key) {
            None => changes.push(Change::Create((*want).clone())),
            Some(one) if fits(want, one, now) => {}
            Some(one) => {
                let mut to = (*want).clone();
                if want.at.from <= now && one.at.from <= now {
                    to.at.from = one.at.from;
                }
                changes.push(Change::Adjust { id: one.id.clone(), to });
            }
        }
    }
    changes.extend(surplus.into_iter().cloned().map(Change::Remove));
    changes
}

/// Whether what is there has the time that is wanted. When something began that has begun does not
/// matter: servers take a beginning in the past as now.
fn fits<T>(want: &Mirrored<T>, one: &Upstream<T>, now: Instant) -> bool {
    let near = |a: Instant, b: Instant| (a - b).abs() < SLACK;
    let has_begun = want.at.from <= now && one.at.from <= before(now, -SKEW);
    (has_begun || near(want.at.from, one.at.from)) && near(want.at.to, one.at.to)
}
