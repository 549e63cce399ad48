//! What somebody has to be asked while a window is in effect, and when.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::model::Key;
use super::occurrence::Occurrence;
use crate::domain::roster::PersonId;
use crate::domain::time::{Instant, before};

/// How long before its end the owner of a window is asked whether it will do.
pub const NOTICE: TimeDelta = TimeDelta::minutes(10);

/// A question. Each is asked once for the instant at which it is due: an extension asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// The latest instant at which backing out can be decided: on, or back?
    BackOutDecision,
    /// It ends soon: extend it, or finish?
    EndsSoon,
    /// It should have ended and mutes no more: what is it like?
    Overrun,
}

/// A question that has to be asked at an instant. In the order of the instants.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    pub at: Instant,
    pub key: Key,
    pub prompt: Prompt,
    pub whom: PersonId,
}

impl Prompt {
    pub const ALL: [Self; 3] = [Self::BackOutDecision, Self::EndsSoon, Self::Overrun];

    /// The question, about a window of that title.
    pub fn text(self, title: &str) -> String {
        match self {
            Self::BackOutDecision => {
                format!("{title}: last chance to back out in time; go on, or back out?")
            }
            Self::EndsSoon => format!("{title} ends soon; extend it, or finish?"),
            Self::Overrun => {
                format!("{title} is past its end and mutes no more; extend it, or finish?")
            }
        }
    }
}

/// What has to be asked about these, in order: what is at or before `now` at once, and the first
/// after it is when to wake. Nothing is asked twice, nor when it is too late to matter; nobody is
/// asked about a window without owner that runs by itself.
pub fn due(occurrences: &[Occurrence], now: Instant) -> Vec<Due> {
    let mut out: Vec<_> = occurrences.iter().flat_map(|one| questions(one, now)).collect();
    out.sort_unstable();
    out
}

fn questions(one: &Occurrence, now: Instant) -> Vec<Due> {
    let (Some(effect), Some(whom)) = (one.effect(), one.responsible()) else { return Vec::new() };
    if !one.is_open() {
        return Vec::new();
    }
    let end = one.end();
    let soon = before(end, NOTICE).max(effect.from);
    let in_time = now < end;
    let questions = [
        (Prompt::BackOutDecision, one.decision().filter(|at| in_time && *at < end)),
        (Prompt::EndsSoon, in_time.then_some(soon)),
        (Prompt::Overrun, one.is_by_hand().then_some(end)),
    ];
    let asked = |prompt, at| {
        one.record().is_some_and(|record| record.asked.get(&prompt).is_some_and(|due| *due == at))
    };
    let questions = questions.into_iter().filter_map(|(prompt, at)| Some((prompt, at?)));
    let questions = questions.filter(|(prompt, at)| !asked(*prompt, *at));
    questions
        .map(|(prompt, at)| Due { at, key: one.key.clone(), prompt, whom: whom.clone() })
        .collect()
}
