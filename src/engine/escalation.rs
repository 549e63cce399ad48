//! Paging by the policies: what is due is decided here, in the same decision as what made it so where
//! this process pages, else at the next second of whichever does.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;

use super::agenda::Agenda;
use super::core::State;
use super::draft::Draft;
use crate::domain::command::{Outcome, Verdict};
use crate::domain::incident::{Actor, EventBody, Incident, IncidentId, IncidentState};
use crate::domain::log::{Fact, NewEntry};
use crate::domain::paging::escalate::{self, Request, Step};
use crate::domain::paging::reach::{Desk, Reach, Whom, reach};
use crate::domain::paging::{self, Paged, Pager};
use crate::domain::roster::Override;
use crate::domain::roster::escalation::Escalation;
use crate::domain::time::Instant;

/// How many incidents are paged for in one decision: a flood goes out in pieces, a second apart.
const TOGETHER: usize = 100;

/// How long after a start nobody is paged while a calendar that may mute what is there is not read.
const CALENDARS: TimeDelta = TimeDelta::seconds(20);

impl State {
    /// The policy that governs an incident.
    pub(super) fn policy_of(&self, incident: &Incident) -> Option<&Arc<Escalation>> {
        let roster = &self.plan.roster;
        if roster.policies.is_empty() {
            return None;
        }
        let service = incident.service.as_ref().and_then(|id| self.sight.catalogue.of(id));
        escalate::policy(roster, service.map(AsRef::as_ref))
    }

    /// Whether what folds under that incident is told with it.
    pub(super) fn speaks_for_others(&self, cause: &Incident) -> bool {
        escalate::speaks_for_others(cause, self.policy_of(cause).map(AsRef::as_ref))
    }

    /// Keeps the instants in step with an incident, and with what folds under it where that matters.
    pub(super) fn plan_escalation(&mut self, incident: &Incident, with_children: bool) {
        if self.plan.roster.policies.is_empty() {
            return;
        }
        let due = self.escalation_due(incident);
        self.escalations.set(incident.id, due);
        if !with_children {
            return;
        }
        for child in self.children.get(&incident.id).cloned().into_iter().flatten() {
            let due = self.incidents.get(&child).and_then(|child| self.escalation_due(child));
            self.escalations.set(child, due);
        }
    }

    fn escalation_due(&self, incident: &Incident) -> Option<Instant> {
        let cause = incident.parent.map(|id| self.incidents.get(&id));
        // A cause that is not loaded yet is none of which nobody hears.
        let spoken_for = cause.is_some_and(|c| c.is_none_or(|c| self.speaks_for_others(c)));
        escalate::due(incident, self.policy_of(incident)?, spoken_for)
    }

    /// Other policies, or other services, than those by which it was worked out.
    pub(super) fn plan_escalations(&mut self) {
        self.escalations = Agenda::default();
        if self.plan.roster.policies.is_empty() {
            return;
        }
        for id in self.live.clone() {
            if let Some(incident) = self.incidents.get(&id).cloned() {
                self.plan_escalation(&incident, false);
            }
        }
    }

    /// Who pages by the policies; until this is said, nobody does.
    pub fn set_pager(&mut self, pager: Pager) {
        if self.pager != pager {
            self.pager = pager;
            self.changes.pages = true;
        }
    }

    /// Pages get numbers from now on that no stored one will have: seconds since 1970.
    pub fn number_pages_aside(&mut self, now: Instant) {
        Arc::make_mut(&mut self.pages).go_on_after(now.timestamp().unsigned_abs());
    }

    pub fn pager(&self) -> &Pager {
        &self.pager
    }
}

/// Pages for what is due, where this process is the one that does: for what this decision changed,
/// and where time has passed, for the rest.
pub(super) fn advance(draft: &mut Draft<'_>, time_passed: bool) {
    let state = draft.state;
    if !matches!(state.pager, Pager::Here { .. }) || state.plan.roster.policies.is_empty() {
        return;
    }
    if state.maintenance.awaits() && draft.now - state.started_at < CALENDARS {
        return;
    }
    let mut ids: BTreeSet<IncidentId> = draft.changed().map(|(id, _)| *id).collect();
    if time_passed {
        ids.extend(state.escalations.until(draft.now).take(TOGETHER));
    }
    let mut due: Vec<_> = ids
        .into_iter()
        .filter(|id| is_due(draft, *id))
        .filter_map(|id| Some((draft.incident(id)?.priority, id)))
        .collect();
    due.sort_unstable();
    if due.is_empty() {
        return;
    }
    let overrides = state.book.overrides();
    for (_, id) in due.into_iter().take(TOGETHER) {
        go_on(draft, id, &overrides);
    }
}

fn is_due(draft: &Draft<'_>, id: IncidentId) -> bool {
    let Some(incident) = draft.incident(id).filter(|i| i.is_open()) else { return false };
    let Some(policy) = draft.state.policy_of(incident) else { return false };
    let cause = incident.parent.map(|cause| draft.incident(cause));
    let spoken_for = cause.is_some_and(|c| c.is_none_or(|c| draft.state.speaks_for_others(c)));
    escalate::due(incident, policy, spoken_for).is_some_and(|at| at <= draft.now)
}

/// The next level that reaches somebody. Those that reach nobody are passed over at once, but not the
/// last: by its time somebody may be on call.
fn go_on(draft: &mut Draft<'_>, id: IncidentId, overrides: &[Override]) {
    let (state, now) = (draft.state, draft.now);
    loop {
        let Some(incident) = draft.incident(id) else { return };
        let Some(policy) = state.policy_of(incident) else { return };
        let Step::Page { level, round } = escalate::step(incident, policy) else {
            let policy = policy.id.clone();
            draft.push(&Actor::system(), id, EventBody::EscalationExhausted { policy });
            return;
        };
        let text = escalate::reason(incident, policy, (level, round), now);
        let whom = Whom::Level(policy.id.clone(), level);
        let reached = reach(desk(state, overrides), &whom, Some(incident.priority), now);
        let reach = reached.unwrap_or_else(|why| Reach { missed: vec![why], ..Reach::default() });
        let passes = reach.routes.is_empty() && level < policy.levels.len();
        let wait = if passes { TimeDelta::zero() } else { timeout(policy, level) };
        let mut pages = paging::pages_about(draft.next_page(), &reach, incident, &text);
        paging::add_affected(&mut pages, &affected(draft, id));
        let next = Some(now + wait);
        store(draft, &Actor::system(), id, (policy, level, round), (&pages, reach, next));
        if !passes {
            return;
        }
    }
}

/// Whose service each of the incidents is that fold under one.
fn affected(draft: &Draft<'_>, id: IncidentId) -> Vec<String> {
    let known = draft.children(id).into_iter().filter_map(|child| draft.incident(child));
    known.map(|i| i.service.as_ref().map_or("unassigned", |s| s.as_str()).to_owned()).collect()
}

fn timeout(policy: &Escalation, level: usize) -> TimeDelta {
    let level = level.checked_sub(1).and_then(|index| policy.levels.get(index));
    level.map_or(TimeDelta::minutes(10), |l| l.timeout)
}

pub(super) fn desk<'a>(state: &'a State, overrides: &'a [Override]) -> Desk<'a> {
    Desk {
        roster: &state.plan.roster,
        overrides,
        imported: &state.sight.imported,
        channels: &state.plan.channels,
    }
}

fn store(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: IncidentId,
    (policy, level, round): (&Escalation, usize, u32),
    (pages, reach, next): (&[Paged], Reach, Option<Instant>),
) {
    let people = pages.iter().map(|p| p.person.clone()).collect();
    let (policy, missed) = (policy.id.clone(), reach.missed);
    let body = EventBody::Escalated { policy, level, round, people, missed, next };
    draft.push(actor, id, body);
    for page in pages {
        draft.push_other(actor, Fact::Paging(paging::Event::Paged(page.clone())));
    }
}

/// The pages of an outage of the store itself: level 1 of the default policy, as it is now. It is about
/// no incident, since none can be opened.
pub(super) fn outage(state: &State, why: &str, now: Instant) -> Vec<NewEntry> {
    let Some(policy) = &state.plan.roster.otherwise else { return Vec::new() };
    let overrides = state.book.overrides();
    let whom = Whom::Level(policy.clone(), 1);
    let text = "what happens cannot be stored, acknowledgements neither; it is paged all the same";
    let request = paging::Request {
        whom,
        about: None,
        text: format!("the store cannot be written: {why}\n{text}"),
        confirmed: None,
    };
    let command = paging::Command::Page(request);
    let judged = paging::judge(&state.pages, desk(state, &overrides), None, &command, now);
    let events = judged.map(|(events, _)| events).unwrap_or_default();
    let entry = |event| NewEntry { at: now, actor: Actor::system(), fact: Fact::Paging(event) };
    events.into_iter().map(entry).collect()
}

/// The next level, or the one that is named, now: also of what is acknowledged or muted, since
/// somebody has decided it.
pub(super) fn by_hand(draft: &mut Draft<'_>, actor: &Actor, request: &Request) {
    let id = request.incident;
    let verdict = match judge(draft, actor, request) {
        Ok(said) => Verdict::Done { said, also: Vec::new() },
        Err(verdict) => verdict,
    };
    draft.answers.push(Outcome { id: Some(id), verdict });
}

fn judge(draft: &mut Draft<'_>, actor: &Actor, request: &Request) -> Result<String, Verdict> {
    let (state, now, id) = (draft.state, draft.now, request.incident);
    let refused = |why: String| Verdict::Refused { why };
    let Some(incident) = draft.incident(id) else {
        return Err(refused(format!("there is no {id}")));
    };
    if !incident.is_open() {
        let word = incident.state().short();
        return Err(refused(format!("{id} is {word}; nobody has to come for it")));
    }
    let Some(policy) = state.policy_of(incident) else {
        return Err(refused(escalate::ungoverned(incident)));
    };
    let (mut level, mut round) = escalate::by_hand(incident, policy, request.level);
    let overrides = state.book.overrides();
    let desk = desk(state, &overrides);
    let reached = |level: usize| {
        let whom = Whom::Level(policy.id.clone(), level);
        reach(desk, &whom, Some(incident.priority), now).map_err(refused)
    };
    let mut reach = reached(level)?;
    // A level that reaches nobody is passed over, unless it was named.
    for _ in 1..policy.levels.len() {
        if !reach.routes.is_empty() || request.level.is_some() {
            break;
        }
        (level, round) =
            if level < policy.levels.len() { (level + 1, round) } else { (1, round + 1) };
        reach = reached(level)?;
    }
    if let Some(why) = paging::surprise(&reach, request.confirmed.as_deref(), desk) {
        return Err(Verdict::Conflict { why });
    }
    if reach.routes.is_empty() {
        return Err(refused(reach.nobody()));
    }
    let text = format!("{} level {level}, by hand", policy.id);
    let mut pages = paging::pages_about(draft.next_page(), &reach, incident, &text);
    paging::add_affected(&mut pages, &affected(draft, id));
    // Of what somebody has, it is one page and no more.
    let goes_on = incident.state() == IncidentState::New && !escalate::is_quiet(incident);
    let next = goes_on.then(|| now + timeout(policy, level));
    let said = format!("{} level {level}: {}", policy.id, paging::said(&pages, desk, &reach));
    store(draft, actor, id, (policy, level, round), (&pages, reach, next));
    Ok(said)
}
