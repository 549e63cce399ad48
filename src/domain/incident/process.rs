//! The plan's process, *report → classify → process → feedback → close*: which step an incident is in,
//! how long each took, and who answers for it.

use super::event::ActorKind;
use super::model::{Incident, IncidentState};
use crate::domain::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Report,
    Classify,
    Process,
    Feedback,
    Close,
}

/// `[process]`: the role of `[[people]]` that answers for each step, and who may correct.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Process {
    /// In the order of [`Step::ALL`].
    pub roles: [Option<String>; 5],
    /// Without it, anybody may correct what is closed.
    pub correct: Option<String>,
}

/// One step of one incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    pub step: Step,
    pub from: Instant,
    /// `None`: it is in this step.
    pub to: Option<Instant>,
    /// Who ended it, where that was somebody.
    pub by: Option<String>,
}

impl Step {
    pub const ALL: [Self; 5] =
        [Self::Report, Self::Classify, Self::Process, Self::Feedback, Self::Close];

    pub fn word(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Classify => "classify",
            Self::Process => "process",
            Self::Feedback => "feedback",
            Self::Close => "close",
        }
    }
}

impl Process {
    /// The role that answers for a step.
    pub fn role(&self, step: Step) -> Option<&str> {
        let place = Step::ALL.iter().position(|s| *s == step)?;
        self.roles.get(place)?.as_deref()
    }
}

/// The steps that an incident has begun, in their order; the last one may still go on.
///
/// Reporting lasts from the start of the trouble until it is known here. What sources detect is
/// classified by rules at once; a report by hand waits until somebody does it, or the end of the work.
/// Feedback lasts from the resolution until somebody rated it; without, it takes no time of its own.
pub fn steps(incident: &Incident) -> Vec<Passed> {
    let standing = &incident.standing;
    let by_rules = incident.reported_by.kind != ActorKind::Person;
    let resolved = standing.resolved.as_ref();
    let closed = standing.closed.as_ref().or(standing.cancelled.as_ref());
    let over = resolved.or(closed);
    let mut ends: Vec<(Step, Option<Instant>, Option<&str>)> = Vec::new();
    ends.push((Step::Report, Some(incident.opened_at), Some(&incident.reported_by.name)));
    let classified = match &standing.classified {
        _ if by_rules => (Some(incident.opened_at), Some(&*incident.source)),
        Some(s) => (Some(s.at.min(over.map_or(s.at, |o| o.at))), Some(&*s.by)),
        None => (over.map(|o| o.at), None),
    };
    ends.push((Step::Classify, classified.0, classified.1));
    ends.push((Step::Process, over.map(|o| o.at), over.map(|o| &*o.by)));
    if standing.state == IncidentState::Resolved || (resolved.is_some() && closed.is_some()) {
        let rated = standing.feedback.as_ref();
        let at = rated.map(|f| f.at).or(closed.and(resolved).map(|r| r.at));
        ends.push((Step::Feedback, at, rated.map(|f| &*f.by)));
        ends.push((Step::Close, closed.map(|c| c.at), closed.map(|c| &*c.by)));
    }
    let mut from = incident.started_at;
    let mut passed = Vec::new();
    for (step, to, by) in ends {
        let to = to.map(|to| to.max(from));
        passed.push(Passed { step, from, to, by: by.map(str::to_owned) });
        match to {
            Some(to) => from = to,
            None => break,
        }
    }
    passed
}
