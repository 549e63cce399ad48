//! From text to a [`Query`]: first tokens with their places, then terms with their meaning.

use std::ops::Range;

use super::pattern::{Pattern, lower};
use super::print::length;
use super::{AgeRange, Clock, Flag, Query, StateSet, Term, Test};
use crate::domain::incident::{HoldReason, IncidentId, IncidentState};
use crate::domain::text::parse_duration;

/// What was understood, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// All terms that make sense.
    pub query: Query,
    pub errors: Vec<QueryError>,
}

/// A term that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {hint}")]
pub struct QueryError {
    /// The bytes of the text that are wrong.
    pub span: Range<usize>,
    pub reason: String,
    /// What to write instead.
    pub hint: String,
}

/// The terms by name, with what each selects.
pub(super) const TERMS: [(&str, &str); 16] = [
    ("state", "new, ack, hold, resolved, closed, cancelled, any"),
    ("p", "priority: 1, 1..2, <3"),
    ("service", "whose service it is; pay* for all that begin so"),
    ("team", "the service's team"),
    ("assignee", "who has it; me, none"),
    ("age", "how long ago it opened: >10m, 1h..2h"),
    ("acked", "how long ago it was acknowledged: >4h"),
    ("held", "how long it has been on hold: >1d"),
    ("sla", "time left of the clock that is due first: <15m"),
    ("waits", "for whom it is on hold: customer, supplier"),
    ("is", "open, mine, silenced, flapping and more"),
    ("label.", "a label of its alerts: label.zone=eu"),
    ("source", "which source detected it"),
    ("category", "what it is about; none"),
    ("code", "how it ended, as closing recorded it; none"),
    ("id", "12, INC-12, 12..20"),
];

/// The comparisons, longer signs before their beginnings.
const OPS: [(&str, Op); 10] = [
    ("=~", Op::Regex),
    ("!~", Op::Regex),
    ("!=", Op::IsNot),
    ("==", Op::Is),
    ("<=", Op::AtMost),
    (">=", Op::AtLeast),
    ("<", Op::Below),
    (">", Op::Above),
    ("=", Op::Is),
    (":", Op::Is),
];

/// One piece between spaces.
pub(super) struct Token {
    pub span: Range<usize>,
    pub negated: bool,
    /// Name and comparison, where there is one.
    pub head: Option<Head>,
    /// Separated by commas; empty ones included, so that each place can be completed.
    pub values: Vec<Value>,
}

pub(super) struct Head {
    pub name: Range<usize>,
    pub op: Op,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Is,
    IsNot,
    Below,
    AtMost,
    Above,
    AtLeast,
    Regex,
}

pub(super) struct Value {
    pub span: Range<usize>,
    pub text: String,
    pub quoted: bool,
}

/// Reads a query; never fails, but may have complaints.
pub fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for token in tokens(text) {
        let test = match &token.head {
            None => free_text(&token),
            Some(head) => named(text, &token, head, &mut parsed.errors),
        };
        let flipped = token.head.as_ref().is_some_and(|h| h.op == Op::IsNot);
        if let Some(test) = test {
            parsed.query.terms.push(Term { negated: token.negated != flipped, test });
        }
    }
    parsed.query.terms.sort_by_key(|term| term.test.cost());
    parsed
}

fn free_text(token: &Token) -> Option<Test> {
    let needles: Vec<_> =
        token.values.iter().filter(|v| !v.text.is_empty()).map(|v| lower(&v.text)).collect();
    (!needles.is_empty()).then_some(Test::Text(needles))
}

fn named(text: &str, token: &Token, head: &Head, errors: &mut Vec<QueryError>) -> Option<Test> {
    let written = text.get(head.name.clone()).unwrap_or_default();
    let mut wrong = |span: Range<usize>, reason: String, hint: String| {
        errors.push(QueryError { span, reason, hint });
        None
    };
    let name = written.to_ascii_lowercase();
    let label = name.strip_prefix("label.").and_then(|_| written.get("label.".len()..));
    let known = match name.as_str() {
        "priority" => "p",
        "label" | "label." => {
            let hint = "write label.NAME=value, such as label.zone=eu".to_owned();
            return wrong(head.name.clone(), "which label?".to_owned(), hint);
        }
        _ if label.is_some() => "label.",
        other => {
            let Some((term, _)) = TERMS.iter().find(|(term, _)| *term == other) else {
                let reason = format!("there is no term {written:?}");
                return wrong(token.span.clone(), reason, unknown_term(text, token, &name));
            };
            term
        }
    };
    if head.op == Op::Regex {
        let hint = "use * and ?, such as service:pay*".to_owned();
        return wrong(token.span.clone(), "regular expressions are not known".to_owned(), hint);
    }
    let clock = Clock::parse(known);
    let is_time = clock.is_some() || known == "sla";
    let ordered = matches!(head.op, Op::Below | Op::AtMost | Op::Above | Op::AtLeast);
    if ordered && !matches!(known, "p" | "id") && !is_time {
        let hint = format!("write {written}:value");
        return wrong(token.span.clone(), format!("{written} has no order"), hint);
    }
    let values: Vec<&Value> =
        token.values.iter().filter(|v| v.quoted || !v.text.is_empty()).collect();
    if values.is_empty() {
        let help = TERMS.iter().find(|(term, _)| *term == known).map_or("", |(_, help)| help);
        return wrong(token.span.clone(), format!("{written} needs a value"), help.to_owned());
    }
    let single = ordered || is_time;
    if let (true, Some(second)) = (single, values.get(1)) {
        let hint = "give one value, or write the term twice".to_owned();
        return wrong(second.span.clone(), format!("{written} takes one value here"), hint);
    }
    if let Some(clock) = clock {
        let range = range(clock.word(), values.first()?, head.op, errors);
        return range.map(|range| Test::Since(clock, range));
    }
    let patterns = || values.iter().map(|v| Pattern::read(&v.text, v.quoted)).collect();
    match known {
        "state" => state(&values, errors),
        "p" => priority(&values, head.op, errors),
        "is" => flags(&values, errors),
        "waits" => waits(&values, errors),
        "sla" => range("sla", values.first()?, head.op, errors).map(Test::Sla),
        "id" => ids(&values, head.op, errors),
        "service" => Some(Test::Service(patterns())),
        "team" => Some(Test::Team(patterns())),
        "assignee" => Some(Test::Assignee(patterns())),
        "source" => Some(Test::Source(patterns())),
        "category" => Some(Test::Category(patterns())),
        "code" => Some(Test::Code(patterns())),
        _ => Some(Test::Label { name: label.unwrap_or_default().to_owned(), values: patterns() }),
    }
}

fn unknown_term(text: &str, token: &Token, name: &str) -> String {
    let whole = text.get(token.span.clone()).unwrap_or_default();
    let names = TERMS.iter().map(|(term, _)| *term);
    match nearest(name, names) {
        Some(term) => {
            format!("did you mean {term}{}", if term.ends_with('.') { "NAME=?" } else { ":?" })
        }
        None => format!("to search for the text, put it in quotes: \"{whole}\""),
    }
}

/// The known word that is most like `word`, if any is like it at all.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    known
        .map(|k| (strsim::osa_distance(word, k), k))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

fn state(values: &[&Value], errors: &mut Vec<QueryError>) -> Option<Test> {
    let mut set = StateSet::default();
    for value in values {
        let word = value.text.to_ascii_lowercase();
        let one = |s: &&IncidentState| s.word() == word || s.short() == word;
        let found = match word.as_str() {
            "any" | "all" => Some(StateSet::ALL),
            "open" => Some(StateSet::OPEN),
            "canceled" => Some(StateSet::of(IncidentState::Cancelled)),
            _ => IncidentState::ALL.iter().find(one).map(|s| StateSet::of(*s)),
        };
        if let Some(states) = found {
            set = set.with(states);
        } else {
            let known = IncidentState::ALL.into_iter().map(IncidentState::short);
            errors.push(unknown_value("state", value, known.chain(["any", "open"])));
        }
    }
    (set != StateSet::default()).then_some(Test::State(set))
}

fn flags(values: &[&Value], errors: &mut Vec<QueryError>) -> Option<Test> {
    let mut flags: Vec<Flag> = Vec::new();
    for value in values {
        let word = value.text.to_ascii_lowercase();
        match Flag::ALL.into_iter().find(|flag| flag.word() == word) {
            Some(flag) if !flags.contains(&flag) => flags.push(flag),
            Some(_) => {}
            None => errors.push(unknown_value("is", value, Flag::ALL.into_iter().map(Flag::word))),
        }
    }
    (!flags.is_empty()).then_some(Test::Is(flags))
}

fn waits(values: &[&Value], errors: &mut Vec<QueryError>) -> Option<Test> {
    let mut reasons = Vec::new();
    for value in values {
        match HoldReason::parse(&value.text) {
            Some(reason) if !reasons.contains(&reason) => reasons.push(reason),
            Some(_) => {}
            None => {
                let known = HoldReason::WORDS.iter().map(|(word, _)| *word);
                errors.push(unknown_value("waits", value, known));
            }
        }
    }
    (!reasons.is_empty()).then_some(Test::Waits(reasons))
}

fn unknown_value<'a>(
    term: &str,
    value: &Value,
    known: impl Iterator<Item = &'a str> + Clone,
) -> QueryError {
    let hint = match nearest(&value.text.to_ascii_lowercase(), known.clone()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
    };
    let reason = format!("{term} knows no {:?}", value.text);
    QueryError { span: value.span.clone(), reason, hint }
}

fn priority(values: &[&Value], op: Op, errors: &mut Vec<QueryError>) -> Option<Test> {
    let read = |text: &str| {
        let digits = text.strip_prefix(['p', 'P']).unwrap_or(text);
        digits.parse::<u8>().ok().filter(|n| (1..=5).contains(n)).map(u64::from)
    };
    let mut set = 0_u8;
    for value in values {
        match bounds(&value.text, op, (1, 5), read) {
            Some((from, to)) => (from..=to).for_each(|n| set |= 1 << n),
            None => errors.push(QueryError {
                span: value.span.clone(),
                reason: format!("{:?} is not a priority", value.text),
                hint: "priorities run from 1 to 5: p:1, p:1..2, p<3".to_owned(),
            }),
        }
    }
    (set != 0).then_some(Test::Priority(set))
}

fn ids(values: &[&Value], op: Op, errors: &mut Vec<QueryError>) -> Option<Test> {
    let read = |text: &str| text.parse::<IncidentId>().ok().map(|id| id.0);
    let mut ranges = Vec::new();
    for value in values {
        match bounds(&value.text, op, (1, u64::MAX), read) {
            Some(range) => ranges.push(range),
            None => errors.push(QueryError {
                span: value.span.clone(),
                reason: format!("{:?} is not an incident", value.text),
                hint: "write id:12, id:INC-12 or id:12..20".to_owned(),
            }),
        }
    }
    (!ranges.is_empty()).then_some(Test::Id(ranges))
}

/// The inclusive range that a value means: `3`, `1..2`, `..2`, `3..`, or `3` after a comparison.
fn bounds(
    text: &str,
    op: Op,
    (least, most): (u64, u64),
    read: impl Fn(&str) -> Option<u64>,
) -> Option<(u64, u64)> {
    let or = |text: &str, other| if text.is_empty() { Some(other) } else { read(text) };
    let (from, to) = match (op, text.split_once("..")) {
        (Op::Is | Op::IsNot, Some((from, to))) if text != ".." => (or(from, least)?, or(to, most)?),
        (Op::Is | Op::IsNot, _) => (read(text)?, read(text)?),
        (Op::Below, _) => (least, read(text)?.checked_sub(1)?),
        (Op::AtMost, _) => (least, read(text)?),
        (Op::Above, _) => (read(text)?.checked_add(1)?, most),
        (Op::AtLeast, _) => (read(text)?, most),
        (Op::Regex, _) => return None,
    };
    (from <= to).then_some((from, to))
}

/// The lengths of time that a value means.
fn range(name: &str, value: &Value, op: Op, errors: &mut Vec<QueryError>) -> Option<AgeRange> {
    let text = value.text.as_str();
    let read = |text: &str| parse_duration(text).map(|d| d.num_seconds());
    let range = match (op, text.split_once("..")) {
        (Op::Is | Op::IsNot, Some(("", to))) => read(to).map(AgeRange::AtMost),
        (Op::Is | Op::IsNot, Some((from, ""))) => read(from).map(AgeRange::AtLeast),
        (Op::Is | Op::IsNot, Some((from, to))) => read(from)
            .zip(read(to))
            .filter(|(from, to)| from <= to)
            .map(|(from, to)| AgeRange::Between(from, to)),
        (Op::Below, _) => read(text).map(AgeRange::Below),
        (Op::AtMost, _) => read(text).map(AgeRange::AtMost),
        (Op::Above, _) => read(text).map(AgeRange::Above),
        (Op::AtLeast, _) => read(text).map(AgeRange::AtLeast),
        (Op::Is | Op::IsNot | Op::Regex, _) => None,
    };
    if range.is_none() {
        let hint = match read(text) {
            Some(seconds) => format!("write {name}>{0} or {name}<{0}", length(seconds)),
            None => {
                format!("write a length with its unit: {name}>10m, {name}<2h, {name}:1h..2h")
            }
        };
        let what = if name == "age" { "an age" } else { "a time" };
        let reason = format!("{text:?} is not {what} to compare with");
        errors.push(QueryError { span: value.span.clone(), reason, hint });
    }
    range
}

/// Splits the text at spaces outside quotes.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut scanner = Scanner { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        scanner.skip(char::is_whitespace);
        if scanner.peek().is_none() {
            return tokens;
        }
        tokens.push(scanner.token());
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip(&mut self, which: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&which) {
            self.next();
        }
    }

    fn token(&mut self) -> Token {
        let start = self.at;
        let negated = self.rest().starts_with('-');
        if negated {
            self.next();
        }
        let head = self.head();
        let mut values = vec![self.value()];
        while self.peek() == Some(',') {
            self.next();
            values.push(self.value());
        }
        Token { span: start..self.at, negated, head, values }
    }

    /// A name with its comparison; leaves the place alone where there is none.
    fn head(&mut self) -> Option<Head> {
        let start = self.at;
        if self.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
            self.skip(|c| !c.is_whitespace() && !":=<>!~,\"".contains(c));
        }
        let name = start..self.at;
        let found = OPS.iter().find(|(sign, _)| self.rest().starts_with(sign));
        match found {
            Some((sign, op)) if !name.is_empty() => {
                self.at += sign.len();
                Some(Head { name, op: *op })
            }
            _ => {
                self.at = start;
                None
            }
        }
    }

    /// Up to a comma or a space outside quotes. A quote that is never closed lasts to the end: it is
    /// being typed.
    fn value(&mut self) -> Value {
        let start = self.at;
        let mut value = String::new();
        let mut quoted = false;
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace() && *c != ',') {
            self.next();
            if c != '"' {
                value.push(c);
                continue;
            }
            quoted = true;
            while let Some(c) = self.next().filter(|c| *c != '"') {
                let escaped = (c == '\\').then(|| self.peek()).flatten();
                match escaped.filter(|c| matches!(c, '"' | '\\')) {
                    Some(sign) => {
                        self.next();
                        value.push(sign);
                    }
                    None => value.push(if c.is_whitespace() { ' ' } else { c }),
                }
            }
        }
        Value { span: start..self.at, text: value, quoted }
    }
}
