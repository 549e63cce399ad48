//! From the answers of a server to buckets: which queries are asked in which steps, and what their
//! values mean.
//!
//! A value at an instant is of the step that ends there. What no bucket can be made of stays unknown,
//! and a [`Why`] says what it was.
//!
//! `rate()` and `increase()` extrapolate to the ends of a window, and what is counted between the last
//! sample of one window and the first of the next is in neither. So they are asked for as differences
//! of the counters on the grid instead ([`expand`]), whose sum over any time is what was really counted;
//! only where a counter was reset since the last sample before the step, or began, the function itself
//! is asked.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::TimeDelta;

use super::objective::{Events, Judge, Sli, Target, Uptime};
use super::series::{BUCKET, Bucket, MICRO};
use super::status::{Unusable, Why};
use crate::domain::health::Direction;
use crate::domain::text::parse_duration;
use crate::domain::time::Instant;

/// How queries become questions, counted up with each change that gives other values: what was measured
/// in another way is not added to.
pub(super) const EXPANSION: u32 = 2;
/// How many seconds an up-or-down query is looked at apart, where it has no window of its own.
const LOOK: i64 = 60;
/// How far back, in seconds, a server looks for the sample that is the value at an instant.
const LOOKBACK: i64 = 300;
/// Functions whose values are per second, of PromQL and of MetricsQL.
const PER_SECOND: [&str; 8] = [
    "rate",
    "irate",
    "deriv",
    "rate_prometheus",
    "rate_over_sum",
    "rollup_rate",
    "deriv_fast",
    "ideriv",
];
/// What stands in a query for the length of a step.
const PLACEHOLDER: &str = "window";
/// By how much good may be more than total before it is no rounding: in thousandths.
const SLACK_MILLI: u64 = 1;

/// One query of an objective, ready to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its key in the configuration.
    pub key: &'static str,
    pub query: String,
    /// In seconds; values are wanted at its multiples.
    pub step: i64,
    /// The values are per second.
    per_second: bool,
}

/// Values by the second since 1970 at which their step ends.
pub type Values = BTreeMap<i64, f64>;

/// What came of the answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    pub buckets: Vec<(i64, Bucket)>,
    pub why: Vec<Why>,
    /// The query for what was good or bad gave something.
    pub gave: bool,
}

/// The queries of an objective; none where the console sees it by itself.
pub fn questions(sli: &Sli) -> Vec<Question> {
    let step = step(sli);
    let question = |(key, query): (&'static str, &str)| Question {
        key,
        query: expand(query, step),
        step,
        per_second: is_per_second(query),
    };
    sli.queries().into_iter().map(question).collect()
}

/// How many buckets are asked for together at least: the first of them is a multiple of it.
pub fn grain(sli: &Sli) -> i64 {
    (step(sli) / BUCKET).max(1)
}

fn step(sli: &Sli) -> i64 {
    match sli {
        Sli::Slices { length, .. } => length.num_seconds().max(1),
        Sli::Uptime(Uptime::Query { query, .. }) if !has_window(query) => LOOK,
        Sli::Events { .. } | Sli::Uptime(_) => BUCKET,
    }
}

/// The values that are numbers of the calendar, by second.
pub fn values(points: &[(Instant, f64)]) -> Values {
    points.iter().map(|(at, value)| (at.timestamp(), *value)).collect()
}

/// The buckets from `from` on and before `to`. `answers` are those to [`questions`], in their order.
/// `had_good`: good events were seen before, so that none now means none, and not a wrong query.
pub fn take(sli: &Sli, answers: &[Values], (from, to): (i64, i64), had_good: bool) -> Taken {
    let asked = questions(sli);
    let mut notes = Notes::default();
    if let [part, total] = asked.as_slice()
        && part.per_second != total.per_second
    {
        notes.add(usize::from(total.per_second), Unusable::PerSecondAlone);
        return Taken { why: notes.why(&asked), ..Taken::default() };
    }
    let mut reader = Reader { asked: &asked, answers, had_good, notes: &mut notes };
    let mut buckets = Vec::new();
    let mut index = from;
    let grain = grain(sli);
    while index < to {
        let start = index * BUCKET;
        match sli {
            Sli::Events { events, .. } => {
                buckets.extend(reader.events(events, start + BUCKET).map(|b| (index, b)));
            }
            Sli::Slices { judge, length, .. } => {
                let length = length.num_seconds().max(1);
                if let Some(bucket) = reader.slices(judge, start, length) {
                    buckets.extend((index..(index + grain).min(to)).map(|i| (i, bucket)));
                }
            }
            Sli::Uptime(Uptime::Query { .. }) => {
                buckets.extend(reader.uptime(start).map(|b| (index, b)));
            }
            Sli::Uptime(_) => {}
        }
        index += grain;
    }
    let gave = answers.first().is_some_and(|values| !values.is_empty());
    Taken { buckets, why: notes.why(&asked), gave }
}

/// What is to be told while the query for bad events never gave anything: there may have been none, and
/// it may be wrong. `None`: it is asked for none.
pub fn none_yet(sli: &Sli) -> Option<Why> {
    let (Sli::Events { events, .. } | Sli::Slices { judge: Judge::Events { events, .. }, .. }) =
        sli
    else {
        return None;
    };
    let query = matches!(events, Events::Bad { .. }).then(|| "bad".to_owned())?;
    Some(Why::Unusable { query, what: Unusable::NoneYet, times: 1 })
}

/// Whether a query has a place for the length of a step.
pub fn has_window(query: &str) -> bool {
    placeholders(&uncommented(query)).next().is_some()
}

/// A query with the step in the place of `{{window}}`, and with counters' differences in the place of
/// `rate(…[{{window}}])` and `increase(…[{{window}}])`, without comments.
///
/// A difference holds only if the counter was not reset since the sample that is its value at the begin
/// of the step. That sample lies before the step, so resets are counted from before it on, less those
/// that were over by then.
pub fn expand(query: &str, step: i64) -> String {
    let query = uncommented(query);
    let mut out = String::with_capacity(query.len() * 2);
    let mut rest = query.as_str();
    let long = step.saturating_add(LOOKBACK);
    while let Some(call) = next_call(rest) {
        let Call { start, end, name, selector } = call;
        out.push_str(&fill(rest.get(..start).unwrap_or_default(), step));
        let exact = format!(
            "((({selector} - {selector} offset {step}s >= 0) and (resets({selector}[{long}s]) == \
             resets({selector}[{LOOKBACK}s] offset {step}s))) or increase({selector}[{step}s]))"
        );
        if name == "rate" {
            let _ = write!(out, "({exact} / {step})");
        } else {
            out.push_str(&exact);
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    out.push_str(&fill(rest, step));
    out
}

/// Writes the step in the place of each placeholder.
fn fill(text: &str, step: i64) -> String {
    let mut out = String::with_capacity(text.len());
    let mut last = 0;
    for (from, to) in placeholders(text) {
        out.push_str(text.get(last..from).unwrap_or_default());
        let _ = write!(out, "{step}s");
        last = to;
    }
    out.push_str(text.get(last..).unwrap_or_default());
    out
}

/// Where `{{window}}` stands, spaces allowed.
fn placeholders(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    text.match_indices("{{").filter_map(|(from, _)| {
        let inner = text.get(from + 2..)?;
        let length = inner.find("}}")?;
        (inner.get(..length)?.trim() == PLACEHOLDER).then_some((from, from + 2 + length + 2))
    })
}

/// A call of `rate` or `increase` on a plain selector over the window.
struct Call<'a> {
    start: usize,
    end: usize,
    name: &'static str,
    selector: &'a str,
}

fn next_call(text: &str) -> Option<Call<'_>> {
    let mut at = 0;
    while let Some(c) = text.get(at..)?.chars().next() {
        if matches!(c, '"' | '\'' | '`') {
            at += quoted(text.get(at..)?)?;
            continue;
        }
        if !is_word(c) {
            at += c.len_utf8();
            continue;
        }
        let word = word(text.get(at..)?);
        let after = at + word.len();
        let name = ["rate", "increase"].into_iter().find(|name| *name == word);
        let found = name.and_then(|name| {
            let inside = text.get(after..)?.trim_start();
            let open = text.len() - inside.len();
            let (selector, length) = windowed(inside.strip_prefix('(')?)?;
            Some(Call { start: at, end: open + 1 + length, name, selector })
        });
        if found.is_some() {
            return found;
        }
        at = after;
    }
    None
}

/// Reads `selector[{{window}}])`: the selector, and how long it is with all that belongs to it.
fn windowed(text: &str) -> Option<(&str, usize)> {
    let bracket = {
        let mut at = 0;
        loop {
            let c = text.get(at..)?.chars().next()?;
            match c {
                '[' => break at,
                // No plain selector.
                '(' | ')' => return None,
                '"' | '\'' | '`' => at += quoted(text.get(at..)?)?,
                c => at += c.len_utf8(),
            }
        }
    };
    let selector = text.get(..bracket)?.trim();
    let starts_well = selector.starts_with('{') || selector.starts_with(is_word);
    let has_modifier = !selector.ends_with('}') && selector.contains(char::is_whitespace);
    let inside = text.get(bracket + 1..)?;
    let (from, to) = placeholders(inside).next()?;
    let tail = inside.get(to..)?.trim_start().strip_prefix(']')?.trim_start().strip_prefix(')')?;
    let is_plain = inside.get(..from)?.trim().is_empty() && starts_well && !has_modifier;
    is_plain.then_some((selector, text.len() - tail.len()))
}

/// How long a quoted text is, with its quotes.
fn quoted(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    let (_, quote) = chars.next()?;
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Some(at + 1);
        }
        if c == '\\' && quote != '`' {
            chars.next();
        }
    }
    None
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn word(text: &str) -> &str {
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// A query without its comments; where one was, its line still ends.
pub fn uncommented(query: &str) -> String {
    pieces(query).map(|(piece, _)| piece).collect()
}

/// What a query is made of, without its comments; `true`: a quoted text, with its quotes.
pub fn pieces(query: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = query;
    std::iter::from_fn(move || {
        if rest.starts_with('#') {
            rest = rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or_default();
        }
        let is_text = rest.starts_with(['"', '\'', '`']);
        let end = if is_text { quoted(rest) } else { rest.find(['"', '\'', '`', '#']) };
        let (piece, tail) = rest.split_at(end.unwrap_or(rest.len()));
        rest = tail;
        (!piece.is_empty()).then_some((piece, is_text))
    })
}

/// Whether the values of a query are per second: it takes a rate and nothing else over the window.
pub fn is_per_second(query: &str) -> bool {
    let query = uncommented(query);
    let calls = calls(&query);
    calls.iter().any(|call| PER_SECOND.contains(call)) && !calls.contains(&"increase")
}

/// Whether it is beyond doubt that the values of a query are per second, or that they are not: it takes a
/// rate or an increase, and neither multiplies nor divides.
pub fn is_plainly_one_kind(query: &str) -> bool {
    let query = uncommented(query);
    let scales = pieces(&query).any(|(piece, is_text)| !is_text && piece.contains(['*', '/']));
    let calls = calls(&query);
    !scales && calls.iter().any(|call| PER_SECOND.contains(call) || *call == "increase")
}

/// A recorded series in a query that looks back over longer than a bucket, as its name says, and how far:
/// `http_requests:increase30d`. What failed would count in it for so long.
pub fn looks_back(query: &str) -> Option<(&str, TimeDelta)> {
    let query = pieces(query).filter(|(_, is_text)| !is_text);
    let mut names = query.flat_map(|(piece, _)| piece.split(|c| !is_word(c)));
    names.find_map(|name| {
        let record = name.rsplit_once(':')?.1;
        let over = record.get(record.find(|c: char| c.is_ascii_digit())?..)?;
        let over = parse_duration(over)?;
        (over > TimeDelta::seconds(BUCKET)).then_some((name, over))
    })
}

/// The functions that a query without comments calls.
fn calls(query: &str) -> Vec<&str> {
    let mut calls = Vec::new();
    let mut rest = query;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' | '\'' | '`' => quoted(rest).unwrap_or(rest.len()),
            c if is_word(c) => word(rest).len(),
            c => c.len_utf8(),
        };
        let (token, tail) = rest.split_at(length);
        if is_word(c) && tail.trim_start().starts_with('(') {
            calls.push(token);
        }
        rest = tail;
    }
    calls
}

/// Reads the values of one step.
struct Reader<'a> {
    asked: &'a [Question],
    answers: &'a [Values],
    had_good: bool,
    notes: &'a mut Notes,
}

/// What was unusable: by the place of the query, how often.
#[derive(Default)]
struct Notes(BTreeMap<(usize, Unusable), u32>);

impl Notes {
    fn add(&mut self, query: usize, what: Unusable) {
        let times = self.0.entry((query, what)).or_default();
        *times = times.saturating_add(1);
    }

    fn why(self, asked: &[Question]) -> Vec<Why> {
        let key = |query: usize| asked.get(query).map_or("query", |q| q.key).to_owned();
        let why = |((query, what), times)| Why::Unusable { query: key(query), what, times };
        self.0.into_iter().map(why).collect()
    }
}

/// How much was good, of how much: millionths.
struct Amounts {
    good: u64,
    total: u64,
}

impl Reader<'_> {
    fn events(&mut self, events: &Events, at: i64) -> Option<Bucket> {
        let Amounts { good, total } = self.amounts(events, at)?;
        Some(Bucket { good, total, seen: BUCKET as u16 })
    }

    fn amounts(&mut self, events: &Events, at: i64) -> Option<Amounts> {
        match events {
            Events::Good { .. } => {
                let (good, total) = self.pair(at, false)?;
                let good = match good {
                    None if total > 0 && !self.had_good && self.is_never_there() => {
                        self.notes.add(0, Unusable::NeverThere);
                        return None;
                    }
                    good => good.unwrap_or(0),
                };
                Some(Amounts { good, total })
            }
            Events::Bad { .. } => {
                let (bad, total) = self.pair(at, true)?;
                Some(Amounts { good: total - bad.unwrap_or(0), total })
            }
            Events::ErrorRatio(_) => {
                let total = BUCKET as u64 * MICRO;
                let bad = self.part(0, at, true)?;
                Some(Amounts { good: total - times(bad, BUCKET), total })
            }
        }
    }

    /// The first query's amount, if there is one, and that of total, which is not less. More than total
    /// is all of it where it is bad: that what is wrong looks good would be worse.
    fn pair(&mut self, at: i64, is_bad: bool) -> Option<(Option<u64>, u64)> {
        let total = self.amount(1, at)??;
        let Some(part) = self.amount(0, at)? else { return Some((None, total)) };
        if part <= total {
            return Some((Some(part), total));
        }
        let slack = total / 1_000 * SLACK_MILLI + MICRO;
        if part - total <= slack {
            return Some((Some(total), total));
        }
        self.notes.add(0, if is_bad { Unusable::AllBad } else { Unusable::MoreThanTotal });
        is_bad.then_some((Some(total), total))
    }

    /// Seconds in good slices of a bucket, or of all buckets of a slice.
    fn slices(&mut self, judge: &Judge, start: i64, length: i64) -> Option<Bucket> {
        let (mut good, mut seen) = (0_i64, 0_i64);
        let slices = (BUCKET / length).max(1);
        for slice in 1..=slices {
            let at = start + slice * length;
            let is_good = match judge {
                Judge::Events { events, at_least } => {
                    self.amounts(events, at).map(|amounts| reaches(&amounts, *at_least))
                }
                Judge::Value { limit, good, .. } => self.value(0, at).map(|v| match good {
                    Direction::Below => v <= *limit,
                    Direction::Above => v >= *limit,
                }),
            };
            let seconds = length.min(BUCKET);
            if let Some(is_good) = is_good {
                seen += seconds;
                good += if is_good { seconds } else { 0 };
            }
        }
        (seen > 0).then(|| Bucket::of_time(good as u16, (seen - good) as u16))
    }

    fn uptime(&mut self, start: i64) -> Option<Bucket> {
        let step = self.asked.first()?.step;
        let (mut good, mut seen) = (0, 0);
        let mut at = start + step;
        while at <= start + BUCKET {
            if let Some(part) = self.part(0, at, false) {
                good += times(part, step);
                seen += step;
            }
            at += step;
        }
        let total = seen as u64 * MICRO;
        (seen > 0).then_some(Bucket { good, total, seen: seen as u16 })
    }

    /// A number that is one; NaN and infinities are noted.
    fn value(&mut self, query: usize, at: i64) -> Option<f64> {
        let value = *self.answers.get(query)?.get(&at)?;
        if value.is_nan() {
            self.notes.add(query, Unusable::NotANumber);
            return None;
        }
        if value.is_infinite() {
            self.notes.add(query, Unusable::Infinite);
            return None;
        }
        Some(value)
    }

    /// An amount of events in millionths. The outer `None`: there is one, and it cannot be used.
    #[expect(clippy::option_option, reason = "nothing there is not the same as nothing usable")]
    fn amount(&mut self, query: usize, at: i64) -> Option<Option<u64>> {
        if !self.answers.get(query).is_some_and(|values| values.contains_key(&at)) {
            return Some(None);
        }
        let value = self.value(query, at)?;
        if value < 0.0 {
            self.notes.add(query, Unusable::Negative);
            return None;
        }
        let question = self.asked.get(query)?;
        let seconds = if question.per_second { question.step as f64 } else { 1.0 };
        let micro = (value * seconds * MICRO as f64).round();
        // So that a sum of years of them cannot overflow.
        if micro > 1e18 {
            self.notes.add(query, Unusable::TooLarge);
            return None;
        }
        Some(Some(micro as u64))
    }

    /// A part of one in millionths; more than one is all of it where it is bad.
    fn part(&mut self, query: usize, at: i64, is_bad: bool) -> Option<u64> {
        let value = self.value(query, at)?;
        let mega = MICRO as f64;
        if value < 0.0 {
            self.notes.add(query, Unusable::Negative);
            None
        } else if value > 1.0 + 1e-6 {
            self.notes.add(query, if is_bad { Unusable::AllBad } else { Unusable::AboveOne });
            is_bad.then_some(MICRO)
        } else {
            Some((value.min(1.0) * mega).round() as u64)
        }
    }

    /// Whether the first query gave nothing in all of this answer.
    fn is_never_there(&self) -> bool {
        self.answers.first().is_none_or(BTreeMap::is_empty)
    }
}

/// So many millionths of a number of seconds.
fn times(part: u64, seconds: i64) -> u64 {
    part * seconds as u64
}

/// A slice without events is good: nobody was let down.
fn reaches(amounts: &Amounts, at_least: Target) -> bool {
    let (good, total) = (u128::from(amounts.good), u128::from(amounts.total));
    good * u128::from(MICRO) >= total * u128::from(at_least.ppm())
}
