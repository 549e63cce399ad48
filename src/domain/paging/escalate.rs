//! When somebody is paged for an incident without anybody asking for it: level after level of a
//! policy, until somebody acknowledges.
//!
//! What happened is an event of the incident, and [`Progress`] its fold; [`due`] says when it goes on
//! and [`step`] how. Nothing here knows who is on call: each page resolves that anew.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::health::Service;
use crate::domain::incident::{Incident, IncidentId, IncidentState};
use crate::domain::roster::escalation::Escalation;
use crate::domain::roster::{PersonId, Roster};
use crate::domain::text::duration;
use crate::domain::time::Instant;

/// Asked for by hand: the next level, or the one that is named, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub incident: IncidentId,
    /// From 1.
    pub level: Option<usize>,
    /// Who was named when it was confirmed; somebody else is not paged instead.
    pub confirmed: Option<Vec<PersonId>>,
}

/// How far the paging for an incident has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub policy: Arc<str>,
    /// The level that was paged last, from 1.
    pub level: usize,
    /// How often it went through all levels, this time included.
    pub round: u32,
    pub at: Instant,
    /// Who was paged then; it may be nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<PersonId>,
    pub phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Phase {
    /// It goes on then, unless somebody acknowledges.
    Waiting { until: Instant },
    /// Somebody has it, or it is muted. Without that it begins again at level 1.
    Stopped,
    /// All levels were paged as often as the policy says, and nobody acknowledged.
    Exhausted,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Page { level: usize, round: u32 },
    Exhaust,
}

/// The policy that governs a service: its own, else that of its team, else the one that `[incidents]`
/// names.
pub fn policy<'a>(roster: &'a Roster, service: Option<&Service>) -> Option<&'a Arc<Escalation>> {
    let by_id = |id: &str| roster.policies.iter().find(|p| *p.id == *id);
    let own = service.and_then(|s| s.escalation.as_deref()).and_then(by_id);
    let team = service.and_then(|s| s.team.as_ref());
    let by_team = || roster.policies.iter().find(|p| team.is_some_and(|t| p.teams.contains(t)));
    own.or_else(by_team).or_else(|| roster.otherwise.as_deref().and_then(by_id))
}

/// Whether an incident would page by itself, were it not for what it folds under: somebody has to
/// come, and nobody has said that they do.
pub fn is_urgent(incident: &Incident, policy: &Escalation) -> bool {
    incident.priority <= policy.min_priority && !is_quiet(incident)
}

/// Whether it pages nobody: somebody has it, or it is muted.
pub fn is_quiet(incident: &Incident) -> bool {
    is_over(incident) || incident.is_silenced()
}

/// Whether paging begins anew once it is urgent again.
fn is_over(incident: &Incident) -> bool {
    incident.state() != IncidentState::New
        || incident.maintenance.is_some()
        || incident.is_snoozed()
}

/// Whether what folds under an incident is told with it. Of a cause that is muted, or that pages
/// nobody whatever happens, nobody hears; what it affects speaks for itself then.
pub fn speaks_for_others(cause: &Incident, policy: Option<&Escalation>) -> bool {
    let pages = policy.is_some_and(|p| cause.priority <= p.min_priority);
    cause.is_open() && pages && cause.maintenance.is_none() && !cause.is_silenced()
}

/// When paging for an incident goes on, or begins: then at an instant that is long past. `spoken_for`:
/// it is told with its cause.
pub fn due(incident: &Incident, policy: &Escalation, spoken_for: bool) -> Option<Instant> {
    // What is clear only waits to resolve by itself.
    if spoken_for || incident.clear_since.is_some() || !is_urgent(incident, policy) {
        return None;
    }
    match under(incident, policy).map(|p| &p.phase) {
        Some(Phase::Waiting { until }) => Some(*until),
        Some(Phase::Exhausted) => None,
        // What comes and goes has had its one page.
        _ if incident.flapping_since.is_some() && incident.escalation.is_some() => None,
        Some(Phase::Stopped) | None => Some(incident.opened_at),
    }
}

/// How far that policy has come with an incident; nothing, if it was another one.
pub fn under<'a>(incident: &'a Incident, policy: &Escalation) -> Option<&'a Progress> {
    incident.escalation.as_ref().filter(|p| p.policy == policy.id)
}

/// What comes next when it is due.
pub fn step(incident: &Incident, policy: &Escalation) -> Step {
    match under(incident, policy) {
        Some(Progress { level, round, phase: Phase::Waiting { .. }, .. }) => {
            after(*level, *round, policy)
        }
        Some(Progress { phase: Phase::Exhausted, .. }) => Step::Exhaust,
        Some(Progress { phase: Phase::Stopped, .. }) | None => Step::Page { level: 1, round: 1 },
    }
}

fn after(level: usize, round: u32, policy: &Escalation) -> Step {
    if level < policy.levels.len() {
        Step::Page { level: level + 1, round }
    } else if round <= policy.repeat && !policy.levels.is_empty() {
        Step::Page { level: 1, round: round + 1 }
    } else {
        Step::Exhaust
    }
}

/// Level and round that somebody asks for by hand. After the last level it is the first again; a
/// level that was paged already belongs to the next round.
pub fn by_hand(incident: &Incident, policy: &Escalation, named: Option<usize>) -> (usize, u32) {
    let known = under(incident, policy).map(|p| (p.level, p.round));
    let (level, round) = known.unwrap_or((0, 1));
    let next = if level < policy.levels.len() { level + 1 } else { 1 };
    let wanted = named.unwrap_or(next);
    if wanted > level { (wanted, round) } else { (wanted, round.saturating_add(1)) }
}

/// Why somebody is paged: `core level 2, nobody acknowledged for 10m`.
pub fn reason(incident: &Incident, policy: &Escalation, to: (usize, u32), now: Instant) -> String {
    let (level, round) = to;
    let again = if round > 1 { format!(", round {round}") } else { String::new() };
    let waited = match under(incident, policy) {
        Some(Progress { at, phase: Phase::Waiting { .. }, .. }) if *at < now => {
            format!("; nobody acknowledged for {}", duration(now - *at))
        }
        _ => String::new(),
    };
    format!("{} level {level}{again}{waited}", policy.id)
}

/// Why nobody is paged by itself, with the way out.
pub fn ungoverned(incident: &Incident) -> String {
    let remedy = "in [[services]] or escalation = \"…\" in [incidents] names one; p pages anybody";
    match &incident.service {
        Some(service) => format!("no policy governs {service}: escalation = \"…\" {remedy}"),
        None => format!("no policy governs what is unassigned: escalation = \"…\" {remedy}"),
    }
}

/// What an event means for paging; `was_silenced`: it was so before. Whatever made it so: as soon as
/// somebody has it, or a window mutes it, nobody else is called. A silence upstream only holds it up,
/// since one may come and go with each look at it: what had become due meanwhile begins again.
pub fn settle(incident: &mut Incident, was_silenced: bool, now: Instant) {
    let is_over = is_over(incident);
    let is_heard_again = was_silenced && !incident.is_silenced();
    let Some(progress) = &mut incident.escalation else { return };
    let has_passed = matches!(progress.phase, Phase::Waiting { until } if until <= now);
    if is_over || is_heard_again && has_passed {
        progress.stop();
    }
}

impl Progress {
    /// Somebody has it, or it is muted.
    pub fn stop(&mut self) {
        self.phase = Phase::Stopped;
    }

    /// Nobody has it, and somebody was paged or will be.
    pub fn is_under_way(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. })
    }
}
