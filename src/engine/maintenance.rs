//! What is in maintenance now: which incidents are marked, what begins because its target went down,
//! and what somebody has to be asked.
//!
//! Worked out when the calendar changes and when time brings something about, not each second.

use chrono::TimeDelta;

use super::core::State;
use super::draft::Draft;
use super::snapshot::READ_WITHIN;
use crate::domain::calendar::lifecycle::judge;
use crate::domain::calendar::prompts::{Due, due};
use crate::domain::calendar::suppression::{in_force, mutes};
use crate::domain::calendar::{Action, By, Calendar, Command, Key, Kind, Occurrence, Status};
use crate::domain::health::ServiceId;
use crate::domain::incident::{Actor, EventBody, Incident, IncidentId};
use crate::domain::log::Fact;
use crate::domain::time::{Instant, Interval, before};

/// How far ahead is looked for what comes next; after that it is looked again.
const AHEAD: TimeDelta = TimeDelta::hours(6);
/// How far back what is late is looked for.
const BACK: TimeDelta = TimeDelta::minutes(1);

#[derive(Debug, Clone, Default)]
pub(super) struct Maintenance {
    /// The windows that mute now.
    in_force: Vec<Occurrence>,
    /// Flexible ones that begin when their target goes down.
    waiting: Vec<Occurrence>,
    /// Drills that take place now.
    drills: Vec<Occurrence>,
    /// What has to be asked, in order of time.
    questions: Vec<Due>,
    /// A calendar that may state more was not read yet.
    awaits: bool,
    /// When it will be otherwise; `None`: it is to be worked out.
    until: Option<Instant>,
}

impl Maintenance {
    fn of(calendar: &Calendar, now: Instant) -> Self {
        let within = Interval::new(before(now, BACK), before(now, -AHEAD));
        let around = calendar.occurrences(within, now);
        let waits = |one: &&Occurrence| {
            let flexible = one.window.flexible.is_some();
            flexible && one.status == Status::Approved && one.planned.contains(now)
        };
        let practises = |one: &&Occurrence| {
            let is_drill = one.window.kind == Kind::Drill;
            is_drill && one.effect().is_some_and(|at| at.contains(now))
        };
        let questions = due(&around, now);
        let edges = around.iter().flat_map(|one| [Some(one.planned), one.effect()]).flatten();
        let edges = edges.flat_map(|at| [at.from, at.to]);
        let next = edges.chain(questions.iter().map(|q| q.at)).filter(|at| *at > now).min();
        Self {
            in_force: in_force(&around, now).into_iter().cloned().collect(),
            waiting: around.iter().filter(waits).cloned().collect(),
            drills: around.iter().filter(practises).cloned().collect(),
            until: Some(next.unwrap_or(within.to).min(within.to)),
            questions,
            awaits: false,
        }
    }

    /// A calendar that may state more was not read yet.
    pub fn awaits(&self) -> bool {
        self.awaits
    }

    /// It has to be worked out again.
    pub fn forget(&mut self) {
        self.until = None;
    }

    /// The windows that mute now, or will with the next incident, and when.
    fn keys(&self) -> impl Iterator<Item = (&Key, Option<Interval>)> {
        self.in_force.iter().chain(&self.waiting).map(|one| (&one.key, mutes(one)))
    }

    /// The window that mutes a service as a whole.
    pub fn of_service(&self, service: &ServiceId) -> Option<&Occurrence> {
        let ours = self.in_force.iter().filter(|o| o.window.scope.services.contains(service));
        ours.max_by_key(|o| mutes(o).map(|at| at.to))
    }

    /// The window that mutes an incident; of several the one that ends last.
    fn of_incident(&self, incident: &Incident) -> Option<&Occurrence> {
        let ours = self.in_force.iter().filter(|one| is_in(one, incident));
        ours.max_by_key(|o| mutes(o).map(|at| at.to))
    }
}

/// Whether a window's scope has an incident: its service, its labels, or those of one of its alerts.
fn is_in(one: &Occurrence, incident: &Incident) -> bool {
    let service = incident.service.as_ref();
    let alerts = incident.alerts.values().filter(|a| a.cleared_at.is_none()).map(|a| &a.labels);
    let mut labels = alerts.chain([&incident.labels]);
    labels.any(|labels| one.window.scope.covers(service, labels))
}

impl State {
    /// Works out what is in maintenance, if time or people have changed that. Call it before anything
    /// is decided or published.
    pub fn attend(&mut self, now: Instant) {
        self.plan_deadlines(now);
        if self.maintenance.until.is_some_and(|until| now < until) {
            return;
        }
        let mut next = Maintenance::of(&self.calendar, now);
        next.awaits = self.plan.awaits(&self.calendar, self.started_at, now);
        if next.awaits {
            let end = before(self.started_at, -READ_WITHIN);
            next.until = next.until.map(|until| until.min(end));
        }
        // What was kept for a calendar that does not come is looked at.
        self.unmarked |= self.maintenance.awaits && !next.awaits;
        let differs = !next.keys().eq(self.maintenance.keys());
        // After a start and a change, windows may have been in force that nobody looked at.
        self.unmarked |= differs || self.maintenance.until.is_none();
        self.changes.health |= differs;
        self.maintenance = next;
    }
}

/// Whether the window that an incident is marked with may only not have been read yet: after a start
/// it is not held to be over before the calendar that states it has answered.
fn is_awaited(state: &State, incident: &Incident) -> bool {
    let source = incident.maintenance.as_ref().and_then(|m| m.window.calendar());
    let is_unread = |source| {
        state.plan.calendars.contains_key(source) && state.calendar.imported(source).is_none()
    };
    state.maintenance.awaits && source.is_some_and(is_unread)
}

/// Marks what sources detect in maintenance and takes the mark from what no longer is. What is marked
/// is told nobody; what is still open when its window ends is.
pub(super) fn mark(draft: &mut Draft<'_>) {
    let state = draft.state;
    let windows = &state.maintenance;
    if !windows.drills.is_empty() {
        drill(draft);
    }
    let nothing = windows.in_force.is_empty() && windows.waiting.is_empty();
    if nothing && !state.unmarked {
        // Only what comes back may still have the mark of a window that is over.
        let stale = |i: &Incident| i.is_open() && i.maintenance.is_some() && !is_awaited(state, i);
        let ids: Vec<_> = draft.changed().filter(|(_, i)| stale(i)).map(|(id, _)| *id).collect();
        for id in ids {
            ended(draft, id);
        }
        return;
    }
    let mut ids: Vec<IncidentId> = draft.changed().map(|(id, _)| *id).collect();
    if state.unmarked {
        ids.extend(&state.live);
    }
    ids.sort_unstable();
    ids.dedup();
    let mut begun: Vec<Key> = Vec::new();
    for id in ids {
        let Some(incident) = draft.incident(id).filter(|i| i.is_open()) else { continue };
        let marked = incident.maintenance.is_some();
        let is_expected = !incident.is_reported_by_hand();
        let window = windows.of_incident(incident).or_else(|| {
            windows.waiting.iter().find(|one| incident.firing() > 0 && is_in(one, incident))
        });
        let window = window.filter(|_| is_expected);
        match window {
            Some(one) if !marked => {
                if one.status == Status::Approved && !begun.contains(&one.key) {
                    begun.push(one.key.clone());
                    // Its target is down.
                    act(draft, &one.key, Action::Trigger);
                }
                let (window, title) = (one.key.window.clone(), one.window.title());
                let sla_relevant = one.window.sla_relevant;
                let body = EventBody::MaintenanceBegan { window, title, sla_relevant };
                draft.push(&Actor::system(), id, body);
            }
            None if marked && !is_awaited(state, incident) => ended(draft, id),
            _ => {}
        }
    }
}

/// Marks what begins in a drill that is about it: it is told and paged like anything else, and left out
/// of service levels.
fn drill(draft: &mut Draft<'_>) {
    let state = draft.state;
    let is_new = |id: &IncidentId, i: &Incident| state.incident(*id).is_none() && i.drill.is_none();
    let new = draft.changed().filter(|(id, i)| is_new(id, i));
    let drills = &state.maintenance.drills;
    let in_drill = new.filter_map(|(id, i)| Some((*id, drills.iter().find(|one| is_in(one, i))?)));
    for (id, one) in in_drill.collect::<Vec<_>>() {
        let (window, title) = (one.key.window.clone(), one.window.title());
        draft.push(&Actor::system(), id, EventBody::Drilled { window, title });
    }
}

fn ended(draft: &mut Draft<'_>, id: IncidentId) {
    draft.push(&Actor::system(), id, EventBody::MaintenanceEnded);
}

/// Asks what has become due.
pub(super) fn ask(draft: &mut Draft<'_>) {
    let (state, now) = (draft.state, draft.now);
    for question in state.maintenance.questions.iter().take_while(|q| q.at <= now) {
        let (prompt, due) = (question.prompt, question.at);
        act(draft, &question.key, Action::Ask { prompt, due });
    }
}

/// The console itself acts on an occurrence.
fn act(draft: &mut Draft<'_>, key: &Key, action: Action) {
    let actor = Actor::system();
    let State { plan, calendar, .. } = draft.state;
    let (roster, undo_window) = (&*plan.roster, plan.policy.undo_window);
    let by = By { actor: &actor, person: None, roster, undo_window };
    let command = Command::Act { key: key.clone(), action };
    // What is refused is so already: somebody finished or moved it.
    for event in judge(calendar, &command, &by, draft.now).unwrap_or_default() {
        draft.push_other(&actor, Fact::Calendar(event));
    }
}
