//! What objectives measured, asked of the sources that remember: few questions, each within what a
//! server gives at once.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::SourceError;
use super::history::{Histories, Several};
use crate::domain::slo::intake::{Values, values};
use crate::domain::time::{Instant, Stretch};

/// How many points of one series are asked for at a time: servers refuse more than 11,000.
const POINTS: i64 = 10_000;
/// How many queries are asked as one.
const TOGETHER: usize = 16;
/// A question that a server refuses is asked in halves down to this many steps.
const LEAST: i64 = 12;
/// How often one question may take too long before it is given up.
const TOO_LONG: usize = 2;
/// So many questions in a row that are given up for that mean that the source hangs.
pub const HANGS: usize = 2;
/// The label by which the answers to several queries are told apart.
const LABEL: &str = "atalaya_question";

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// This query has none; others may.
    Query(String),
    /// None came in time: the query may be too much, or the source hangs. Two in a row are the source.
    Slow(String),
    /// The source gave none at all; there is no use in asking it more now.
    Source(String),
}

/// The values of queries of one source at all multiples of `step` (seconds) after `from` and up to
/// `to`, by query in their order.
pub async fn ask(
    histories: &Histories,
    source: &str,
    queries: &[&str],
    (from, to, step): (Instant, Instant, i64),
) -> Vec<Result<Values, Refusal>> {
    let step = step.max(1);
    let mut answers: Vec<Result<Values, Refusal>> = Vec::with_capacity(queries.len());
    let together = if histories.is_promql(source) == Some(true) { TOGETHER } else { 1 };
    // Long stretches are much to work out already.
    let is_short = (to - from).num_seconds() / step <= LEAST;
    let together = if is_short { together } else { 1 };
    let asker = Asker { histories, source, step };
    for queries in queries.chunks(together) {
        let some = match (gone(&answers), queries) {
            (Some(why), _) => queries.iter().map(|_| Err(Refusal::Source(why.clone()))).collect(),
            (None, [one]) => vec![asker.alone(one, from, to).await],
            (None, several) => asker.together(several, from, to).await,
        };
        answers.extend(some);
    }
    answers
}

/// Why there is no use in asking for more.
fn gone(answers: &[Result<Values, Refusal>]) -> Option<String> {
    let refused = answers.iter().find_map(|answer| match answer {
        Err(Refusal::Source(why)) => Some(why.clone()),
        _ => None,
    });
    let slow = |answer: &Result<Values, Refusal>| match answer {
        Err(Refusal::Slow(why)) => Some(why.clone()),
        _ => None,
    };
    let last = || answers.len().checked_sub(HANGS).and_then(|first| answers.get(first..));
    let hangs = || last()?.iter().map(slow).collect::<Option<Vec<_>>>()?.pop();
    refused.or_else(hangs)
}

struct Asker<'a> {
    histories: &'a Histories,
    source: &'a str,
    step: i64,
}

impl Asker<'_> {
    /// One query after the other in portions that the server gives, smaller ones where it refuses.
    async fn alone(&self, query: &str, from: Instant, to: Instant) -> Result<Values, Refusal> {
        let mut found = Values::new();
        let mut portion = POINTS;
        let mut last = from;
        let mut too_long = 0;
        while last < to {
            let end = to.min(last + TimeDelta::seconds(portion * self.step));
            match self.range(query, last, end).await {
                Ok(series) => {
                    found.append(&mut single(series)?);
                    last = end;
                }
                Err(error @ SourceError::TimedOut(_)) if too_long + 1 >= TOO_LONG => {
                    return Err(Refusal::Slow(error.to_string()));
                }
                Err(error @ (SourceError::BadAnswer(_) | SourceError::TimedOut(_)))
                    if portion > LEAST =>
                {
                    too_long += usize::from(matches!(error, SourceError::TimedOut(_)));
                    let steps = (end - last).num_seconds() / self.step;
                    portion = (portion.min(steps) / 4).max(LEAST);
                }
                Err(SourceError::BadAnswer(why)) => return Err(Refusal::Query(why)),
                Err(error @ SourceError::TimedOut(_)) => {
                    return Err(Refusal::Slow(error.to_string()));
                }
                Err(error) => return Err(Refusal::Source(error.to_string())),
            }
        }
        Ok(found)
    }

    /// All of them as one question; alone where that is refused, since one of them may be wrong.
    async fn together(
        &self,
        queries: &[&str],
        from: Instant,
        to: Instant,
    ) -> Vec<Result<Values, Refusal>> {
        let marked = |(n, query): (usize, &&str)| {
            format!("label_replace({query}\n, \"{LABEL}\", \"{n}\", \"\", \"\")")
        };
        let all: Vec<String> = queries.iter().enumerate().map(marked).collect();
        match self.range(&all.join(" or "), from, to).await {
            Ok(series) => {
                let mut apart: BTreeMap<usize, Several> = BTreeMap::new();
                for (labels, points) in series {
                    if let Some(n) = labels.get(LABEL).and_then(|n| n.parse().ok()) {
                        apart.entry(n).or_default().push((labels, points));
                    }
                }
                (0..queries.len()).map(|n| single(apart.remove(&n).unwrap_or_default())).collect()
            }
            Err(SourceError::BadAnswer(_) | SourceError::TimedOut(_)) => {
                let mut answers = Vec::with_capacity(queries.len());
                for query in queries {
                    answers.push(match gone(&answers) {
                        Some(why) => Err(Refusal::Source(why)),
                        None => self.alone(query, from, to).await,
                    });
                }
                answers
            }
            Err(error) => queries.iter().map(|_| Err(Refusal::Source(error.to_string()))).collect(),
        }
    }

    async fn range(&self, query: &str, from: Instant, to: Instant) -> Result<Several, SourceError> {
        let step = TimeDelta::seconds(self.step);
        let stretch = Stretch { from: from + step, to, step };
        let answer = self.histories.several(self.source, query, stretch).await?;
        answer.ok_or_else(|| {
            SourceError::Misconfigured(format!("{} cannot be asked about the past", self.source))
        })
    }
}

/// The values of the only series.
fn single(series: Several) -> Result<Values, Refusal> {
    match series.as_slice() {
        [] => Ok(Values::new()),
        [(_, points)] => Ok(values(points)),
        more => Err(Refusal::Query(format!(
            "the query gives {} series; aggregate them, as in sum(…)",
            more.len()
        ))),
    }
}
