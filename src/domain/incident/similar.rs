//! Which incidents of the past are like one: what was done about them may help again.
//!
//! The ones before of the same key come first, then those of the same service that say the same, then
//! those that are about the same. Only the newest of the past are looked at, so that it costs the same
//! however many there are.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::{Incident, IncidentId};
use crate::domain::text::duration;

/// How many are told.
pub const MOST: usize = 5;
/// How many of the past are looked at.
pub const LOOKED_AT: usize = 1_000;
/// Labels that say where or how bad, not what.
const COMMON: [&str; 9] =
    ["service", "severity", "team", "cluster", "env", "environment", "namespace", "job", "zone"];

/// In what an incident is like another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    SameKey,
    SameService,
    SameCategory,
}

/// An incident of the past that is like the one that is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similar<'a> {
    pub incident: &'a Incident,
    pub likeness: Likeness,
    /// How many words and labels they share.
    pub shared: usize,
}

impl Likeness {
    pub fn words(self) -> &'static str {
        match self {
            Self::SameKey => "the same",
            Self::SameService => "same service",
            Self::SameCategory => "same category",
        }
    }
}

/// Those of the past that are most like `of`, the best first. `past` goes back from the newest one;
/// `known` finds one by its id.
pub fn similar<'a>(
    of: &Incident,
    past: impl Iterator<Item = &'a Incident>,
    known: impl Fn(IncidentId) -> Option<&'a Incident>,
) -> Vec<Similar<'a>> {
    let mut found: Vec<Similar<'a>> = Vec::new();
    let mut earlier = of.earlier.filter(|id| *id < of.id);
    while let Some(incident) = earlier.and_then(&known).filter(|_| found.len() < MOST) {
        if is_over(incident) {
            found.push(Similar { incident, likeness: Likeness::SameKey, shared: 0 });
        }
        // Always further back, so that it ends.
        earlier = incident.earlier.filter(|id| *id < incident.id);
    }
    let words = words(&of.title);
    let past = past.take(LOOKED_AT).filter(|i| i.id != of.id && is_over(i));
    let mut others: Vec<Similar<'a>> = past.filter_map(|i| like(of, &words, i)).collect();
    others.retain(|other| found.iter().all(|known| known.incident.id != other.incident.id));
    found.extend(others);
    found.sort_by_key(|s| {
        (s.likeness, std::cmp::Reverse(s.shared), std::cmp::Reverse(s.incident.opened_at))
    });
    found.truncate(MOST);
    found
}

fn like<'a>(of: &Incident, own: &BTreeSet<String>, other: &'a Incident) -> Option<Similar<'a>> {
    let similar = |likeness, shared| Some(Similar { incident: other, likeness, shared });
    if of.key == other.key {
        return similar(Likeness::SameKey, 0);
    }
    let same_service = of.service.is_some() && of.service == other.service;
    let same_category = !of.category.is_empty() && of.category == other.category;
    if !same_service && !same_category {
        return None;
    }
    let says = words(&other.title).intersection(own).count();
    let telling = |name: &str| !COMMON.contains(&name);
    let labels = of
        .labels
        .iter()
        .filter(|(name, value)| telling(name) && other.labels.get(name.as_str()) == Some(*value));
    let shared = says + labels.count();
    if same_service && shared > 0 {
        return similar(Likeness::SameService, shared);
    }
    if same_category { similar(Likeness::SameCategory, shared) } else { None }
}

/// Whether it can tell how it ended. One that was merged into another did not end by itself.
fn is_over(incident: &Incident) -> bool {
    !incident.is_open() && incident.standing.merged_into.is_none()
}

/// The words of a title that tell something: no numbers, and nothing short.
fn words(title: &str) -> BTreeSet<String> {
    title
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() > 3 && word.chars().any(char::is_alphabetic))
        .map(str::to_lowercase)
        .collect()
}

/// How long it took and how it ended, in a line: `took 12m  permanent: the disk was replaced`.
pub fn ending(incident: &Incident) -> String {
    let standing = &incident.standing;
    let resolved = standing.resolved.as_ref();
    let Some(end) = resolved.or(standing.closed.as_ref()).or(standing.cancelled.as_ref()) else {
        return String::new();
    };
    let took = duration((end.at - incident.opened_at).max(TimeDelta::zero()));
    let findings = &standing.findings;
    let cancelled = standing.cancelled.as_ref().map(|_| "cancelled").unwrap_or_default();
    let code = if findings.code.is_empty() { cancelled } else { &findings.code };
    let cause = if findings.cause.is_empty() { &end.reason } else { &findings.cause };
    let how = [code, cause].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    match how.as_slice() {
        [] => format!("took {took}"),
        how => format!("took {took}  {}", how.join(": ")),
    }
}

#[cfg(test)]
mod tests;
