//! What a plan is held against: what is on the calendar around it, whom and what the service plan
//! knows, and what is wrong now. A screen and the command line ask it the same questions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::snapshot::Plan;
use crate::domain::calendar::Length;
use crate::domain::calendar::conflicts::{Conflict, Proposal, Replaces, Trouble, World, conflicts};
use crate::domain::calendar::relations::Relations;
use crate::domain::calendar::{Calendar, Exceptions, Key, Occurrence, Window};
use crate::domain::calendar::{collisions, slots};
use crate::domain::health::{Service, ServiceId};
use crate::domain::incident::Incident;
use crate::domain::roster::shifts::{Imported, final_shifts};
use crate::domain::roster::{Override, PersonId};
use crate::domain::time::{Instant, Interval, Intervals, before};

/// How many occurrences of a window that recurs are looked at before it is planned.
const LOOKED_AT: usize = 10;

/// The calendar over a stretch of time, with all that speaks against a plan in it.
#[derive(Debug)]
pub struct Outlook {
    pub occurrences: Vec<Occurrence>,
    within: Interval,
    plan: Arc<Plan>,
    relations: Relations,
    exceptions: Exceptions,
    /// The shifts of each person, those that meet or overlap as one.
    on_call: Vec<Interval>,
    troubles: BTreeMap<ServiceId, Vec<Trouble>>,
    now: Instant,
}

/// What is known beside the plan and the calendar.
#[derive(Debug)]
pub struct Known<'a> {
    /// Those of the plan and those that sources declare, for who depends on whom.
    pub services: Vec<&'a Arc<Service>>,
    /// The open ones of priority 1 and 2 are reasons to wait.
    pub incidents: Vec<&'a Incident>,
    pub overrides: &'a [Override],
    pub imported: &'a Imported,
}

impl Outlook {
    pub fn new(
        plan: Arc<Plan>,
        calendar: &Calendar,
        known: &Known<'_>,
        within: Interval,
        now: Instant,
    ) -> Self {
        let mut troubles: BTreeMap<ServiceId, Vec<Trouble>> = BTreeMap::new();
        for incident in &known.incidents {
            let urgent = incident.is_open() && incident.priority.0 <= 2;
            if let Some(service) = incident.service.as_ref().filter(|_| urgent) {
                let trouble = Trouble::Incident { id: incident.id, priority: incident.priority };
                troubles.entry(service.clone()).or_default().push(trouble);
            }
        }
        Self {
            occurrences: calendar.occurrences(within, now),
            within,
            relations: Relations::new(known.services.iter().copied()),
            exceptions: calendar.exceptions().clone(),
            on_call: on_call(&plan, known, within),
            troubles,
            plan,
            now,
        }
    }

    pub fn world(&self) -> World<'_> {
        World {
            occurrences: &self.occurrences,
            relations: &self.relations,
            allowed: &self.plan.allowed,
            exceptions: &self.exceptions,
            roster: &self.plan.roster,
            on_call: &self.on_call,
            on_call_needed: self.plan.on_call_needed,
            troubles: &self.troubles,
            now: self.now,
        }
    }

    /// What speaks against a window that is about to be planned, or changed: against the first of its
    /// occurrences in here.
    pub fn against(&self, window: &Window, replaces: Replaces<'_>) -> Vec<Conflict> {
        let from = before(self.within.from, window.length.at_most());
        let starts = window.recurrence.between(Interval::new(from, self.within.to), LOOKED_AT);
        let at = starts.iter().map(|s| Interval::new(s.at, window.length.after(*s, window.zone())));
        let to_come = at.filter(|at| at.to > self.now);
        to_come
            .flat_map(|at| conflicts(&Proposal { window, at, replaces }, &self.world()))
            .collect()
    }

    /// What speaks against an occurrence as it stands.
    pub fn against_one(&self, one: &Occurrence) -> Vec<Conflict> {
        conflicts(&Proposal::of(one), &self.world())
    }

    /// Everything in here that collides.
    pub fn collisions(&self) -> Vec<(Key, Conflict)> {
        collisions::collisions(&self.world())
    }

    /// The first time at which something of that length would collide with nothing that blocks.
    pub fn next_free_slot(
        &self,
        window: &Window,
        length: Length,
        after: Instant,
    ) -> Option<Interval> {
        let at = Interval::new(after, after);
        let proposal = Proposal { window, at, replaces: Replaces::Nothing };
        slots::next_free_slot(&proposal, length, after, &self.world())
    }
}

/// When who is on call, on whatever schedule; nothing where nobody asks.
fn on_call(plan: &Plan, known: &Known<'_>, within: Interval) -> Vec<Interval> {
    if plan.on_call_needed == 0 {
        return Vec::new();
    }
    let mut people: BTreeMap<PersonId, Vec<Interval>> = BTreeMap::new();
    for schedule in &plan.roster.schedules {
        for shift in final_shifts(schedule, known.overrides, known.imported, within) {
            people.entry(shift.person).or_default().push(shift.at);
        }
    }
    let whole = people.into_values().map(|all| all.into_iter().collect::<Intervals>());
    whole.flat_map(|all| all.iter().collect::<Vec<_>>()).collect()
}
