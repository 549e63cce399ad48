//! Clocks of service levels as time goes on: what is told of them, and who is called, by whichever process
//! pages.

use std::collections::BTreeSet;

use super::agenda::Agenda;
use super::core::State;
use super::draft::Draft;
use super::escalation::desk;
use crate::domain::incident::{Actor, EventBody, Incident, IncidentId};
use crate::domain::log::Fact;
use crate::domain::paging::reach::{Reach, Whom, reach};
use crate::domain::paging::{self, Pager, escalate};
use crate::domain::roster::escalation::Target;
use crate::domain::sla::contract::{Call, Mark};
use crate::domain::sla::incident::{Promise, promises};
use crate::domain::sla::marks::{Pending, due, pending};
use crate::domain::time::{Instant, near};

/// How many incidents are looked at in one decision.
const TOGETHER: usize = 100;
/// How many are planned at once: after a start there may be many, and the first frame does not wait.
const PLANNED: usize = 500;

/// When the next mark of each open incident is reached.
#[derive(Debug, Clone, Default)]
pub(super) struct Deadlines {
    agenda: Agenda,
    /// What changed since it was worked out.
    unplanned: BTreeSet<IncidentId>,
}

impl Deadlines {
    /// It is not as it was.
    pub fn forget(&mut self, id: IncidentId) {
        self.unplanned.insert(id);
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.agenda.len()
    }
}

impl State {
    /// Other contracts, or calendars, than those by which it was worked out.
    pub(super) fn forget_deadlines(&mut self) {
        self.deadlines = Deadlines { unplanned: self.live.clone(), ..Deadlines::default() };
    }

    /// Works out when the clocks of what changed are next to be told of.
    pub(super) fn plan_deadlines(&mut self, now: Instant) {
        if self.plan.service_levels.is_empty() {
            self.deadlines.unplanned.clear();
            return;
        }
        for _ in 0..PLANNED {
            let Some(id) = self.deadlines.unplanned.pop_first() else { return };
            let incident = self.incidents.get(&id).filter(|i| i.is_open());
            let next = incident.and_then(|incident| {
                let promises = promises(incident, &self.plan.service_levels);
                let marks = promises.iter().flat_map(|p| pending(p, incident, now));
                marks.map(|p| p.at).min()
            });
            self.deadlines.agenda.set(id, next);
        }
    }
}

/// Tells of what is due, where this process is the one that does.
pub(super) fn advance(draft: &mut Draft<'_>) {
    let state = draft.state;
    if !matches!(state.pager, Pager::Here { .. }) || state.plan.service_levels.is_empty() {
        return;
    }
    let ids: Vec<_> = state.deadlines.agenda.until(draft.now).take(TOGETHER).collect();
    for id in ids {
        // What this decision changed is looked at again when that is known.
        let Some(incident) = draft.incident(id).filter(|i| i.is_open()).cloned() else { continue };
        for promise in promises(&incident, &state.plan.service_levels) {
            for one in due(pending(&promise, &incident, draft.now), draft.now) {
                tell(draft, &incident, &promise, one);
            }
        }
    }
}

fn tell(draft: &mut Draft<'_>, incident: &Incident, promise: &Promise, one: Pending) {
    let (state, now) = (draft.state, draft.now);
    let Ok(deadline) = promise.course.deadline(now) else { return };
    let reach = one.call.as_ref().map(|call| called(state, incident, call, now));
    let (reach, call) = (reach.unwrap_or_default(), one.call.map(|call| call.words()));
    let text = text(state, promise, one.mark, deadline, now);
    let pages = paging::pages_about(draft.next_page(), &reach, incident, &text);
    let body = EventBody::ServiceLevelWarned {
        contract: promise.contract.id.clone(),
        clock: promise.kind,
        start: promise.course.start,
        mark: one.mark.to_string(),
        deadline,
        call: call.unwrap_or_default(),
        people: pages.iter().map(|p| p.person.clone()).collect(),
        missed: reach.missed,
    };
    draft.push(&Actor::system(), incident.id, body);
    for page in pages {
        draft.push_other(&Actor::system(), Fact::Paging(paging::Event::Paged(page)));
    }
}

/// Who is reached; nobody while it is muted, or told with its cause.
fn called(state: &State, incident: &Incident, call: &Call, now: Instant) -> Reach {
    let nobody = |why: &str| Reach { missed: vec![why.to_owned()], ..Reach::default() };
    if incident.maintenance.is_some() {
        return nobody("nobody: it is in maintenance");
    } else if incident.is_snoozed() {
        return nobody("nobody: it is snoozed");
    } else if incident.is_silenced() {
        return nobody("nobody: it is silenced");
    }
    let whom = match call {
        Call::Level(level) => match state.policy_of(incident) {
            Some(policy) => vec![Whom::Level(policy.id.clone(), *level)],
            None => return nobody(&escalate::ungoverned(incident)),
        },
        Call::Notify(targets) => {
            let whom = |target: &Target| match target {
                Target::Schedule(id) => Whom::Schedule(id.clone()),
                Target::Person(id) => Whom::Person(id.clone()),
            };
            targets.iter().map(whom).collect()
        }
    };
    let overrides = state.book.overrides();
    let mut all = Reach { target: call.words(), ..Reach::default() };
    for whom in whom {
        match reach(desk(state, &overrides), &whom, Some(incident.priority), now) {
            Ok(one) => {
                let new = |known: &Reach, person| known.routes.iter().all(|r| r.person != person);
                for route in one.routes {
                    if new(&all, route.person.clone()) {
                        all.routes.push(route);
                    }
                }
                all.missed.extend(one.missed);
            }
            Err(why) => all.missed.push(why),
        }
    }
    all
}

/// `resolve by ACME, gold: 75% have passed, due at 14:00`.
fn text(state: &State, promise: &Promise, mark: Mark, deadline: Instant, now: Instant) -> String {
    let (kind, name) = (promise.kind.word(), &promise.contract.name);
    let when = near(deadline, now, state.plan.site.zone);
    let tense = if deadline < now { "was due" } else { "is due" };
    format!("{kind} by {name} ({mark}): it {tense} at {when}")
}
