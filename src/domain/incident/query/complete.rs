//! What could stand at the cursor: terms, then their values.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Flag;
use super::parse::{TERMS, Token, tokens};
use super::pattern::{lower, quoted};
use crate::domain::incident::{HoldReason, Incident, IncidentState};

/// How many candidates are offered at most.
const MAX_CANDIDATES: usize = 50;

/// The names that exist: what values are completed from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabulary {
    pub services: BTreeSet<String>,
    pub teams: BTreeSet<String>,
    pub people: BTreeSet<String>,
    pub sources: BTreeSet<String>,
    pub categories: BTreeSet<String>,
    /// How incidents ended.
    pub codes: BTreeSet<String>,
    /// Name → values.
    pub labels: BTreeMap<String, BTreeSet<String>>,
}

/// What could be written instead of the text in `span`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    pub span: Range<usize>,
    pub candidates: Vec<Candidate>,
}

/// One way to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What replaces the span; a term ends with its `:`, so that its values come next.
    pub text: String,
    /// What it selects; may be empty.
    pub help: String,
}

impl Vocabulary {
    /// Takes in the names that occur in an incident.
    pub fn learn(&mut self, incident: &Incident) {
        if let Some(service) = &incident.service {
            insert(&mut self.services, service.as_str());
        }
        if let Some(owner) = incident.owner() {
            insert(&mut self.people, owner);
        }
        insert(&mut self.sources, &incident.source);
        for (set, word) in [
            (&mut self.categories, &incident.category),
            (&mut self.codes, &incident.standing.findings.code),
        ] {
            if !word.is_empty() {
                insert(set, word);
            }
        }
        for (name, value) in &incident.labels {
            if !self.labels.contains_key(name) {
                self.labels.insert(name.clone(), BTreeSet::new());
            }
            if let Some(values) = self.labels.get_mut(name) {
                insert(values, value);
            }
        }
    }
}

fn insert(set: &mut BTreeSet<String>, name: &str) {
    if !set.contains(name) {
        set.insert(name.to_owned());
    }
}

/// What could stand at byte `cursor` of `text`, the most likely first.
pub fn complete(text: &str, cursor: usize, vocabulary: &Vocabulary) -> Completion {
    let before = text.get(..cursor).unwrap_or(text);
    let token = tokens(before).into_iter().last().filter(|t| t.span.end == before.len());
    let Some(token) = token else {
        return Completion { span: cursor..cursor, candidates: terms("") };
    };
    let Some(value) = token.values.last() else { return Completion::default() };
    let span = value.span.start..before.len();
    let candidates = match &token.head {
        None if token.values.len() > 1 || value.quoted => Vec::new(),
        None => terms(&value.text),
        Some(head) => {
            let name = before.get(head.name.clone()).unwrap_or_default();
            values(&name.to_ascii_lowercase(), name, &token, vocabulary)
        }
    };
    Completion { span, candidates }
}

fn terms(prefix: &str) -> Vec<Candidate> {
    let prefix = prefix.to_ascii_lowercase();
    let begins =
        |term: &str| term.starts_with(&prefix) || prefix.starts_with("label.") && term == "label.";
    TERMS
        .iter()
        .filter(|(term, _)| begins(term))
        .map(|(term, help)| Candidate {
            text: if term.ends_with('.') { (*term).to_owned() } else { format!("{term}:") },
            help: (*help).to_owned(),
        })
        .collect()
}

fn values(name: &str, written: &str, token: &Token, vocabulary: &Vocabulary) -> Vec<Candidate> {
    let Some(last) = token.values.last() else { return Vec::new() };
    let taken = |word: &str| token.values.iter().rev().skip(1).any(|v| v.text == word);
    let plain = |words: &[(&str, &str)]| -> Vec<Candidate> {
        let pair = |(text, help): &(&str, &str)| Candidate {
            text: (*text).to_owned(),
            help: (*help).to_owned(),
        };
        words.iter().map(pair).collect()
    };
    let named = |first: &[(&str, &str)], names: &BTreeSet<String>| {
        let names = names.iter().map(|n| Candidate { text: quoted(n), help: String::new() });
        plain(first).into_iter().chain(names).collect::<Vec<_>>()
    };
    let all = match name {
        "state" => {
            let states = IncidentState::ALL.map(|s| (s.short(), ""));
            plain(&states).into_iter().chain(plain(&[("any", "every state")])).collect()
        }
        "is" => plain(&Flag::ALL.map(|flag| (flag.word(), flag.help()))),
        "p" | "priority" => {
            plain(&[("1", ""), ("2", ""), ("3", ""), ("4", ""), ("5", ""), ("1..2", "")])
        }
        "age" | "acked" | "held" => plain(&[("10m", ""), ("1h", ""), ("1d", ""), ("10m..1h", "")]),
        "sla" => plain(&[("15m", ""), ("1h", ""), ("1d", ""), ("0m..1h", "")]),
        "waits" => plain(&HoldReason::WORDS.map(|(word, reason)| (word, reason.says()))),
        "category" => named(&[("none", "without a category")], &vocabulary.categories),
        "code" => named(&[("none", "without a code")], &vocabulary.codes),
        "assignee" => named(&[("me", "yours"), ("none", "nobody's")], &vocabulary.people),
        "service" => named(&[("none", "unassigned")], &vocabulary.services),
        "team" => named(&[("none", "without a team")], &vocabulary.teams),
        "source" => named(&[], &vocabulary.sources),
        _ => match written.get("label.".len()..).filter(|_| name.starts_with("label.")) {
            Some(label) => vocabulary.labels.get(label).map_or_else(Vec::new, |v| named(&[], v)),
            None => Vec::new(),
        },
    };
    let typed = lower(&last.text);
    let begins = |c: &Candidate| {
        let bare = lower(c.text.trim_matches('"'));
        bare.starts_with(&typed) && bare != typed && !taken(&c.text)
    };
    all.into_iter().filter(begins).take(MAX_CANDIDATES).collect()
}
