//! The clocks of an incident: which contracts promise what for it, and how each of them stands.
//!
//! Resolution and update rest while it is resolved and where the contract says so; they do not wait for
//! the acknowledgement. Response waits for nothing but the acknowledgement: no hold stops it, only that
//! there is nothing to respond to while it is resolved. Its priority is the one that it has now: a new
//! one keeps start and pauses.

use std::sync::Arc;

use chrono::TimeDelta;

use super::clock::{Clock, Course, Pause, Rest};
use super::contract::{Contract, Kind, Planned, ServiceLevels, Targets};
use crate::domain::incident::{Hold, HoldReason, Incident, IncidentState, UPDATES_KEPT};
use crate::domain::time::{Instant, Interval};

/// What a contract promises for an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Promise {
    pub contract: Arc<Contract>,
    pub kind: Kind,
    pub course: Course,
}

/// How a promise stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stand {
    Met,
    /// It was too late.
    Missed,
    /// It is late, and still to come.
    Breached,
    Paused(Rest),
    /// So many percent have passed.
    Running(i64),
    /// The calendar never opens for so long.
    Never,
}

/// How much of a target has passed when a clock is shown as pressing.
pub const PRESSING: i64 = 75;

/// All promises for an incident, in the order of the contracts. What is cancelled, merged or left out
/// of service levels has none.
pub fn promises(incident: &Incident, levels: &ServiceLevels) -> Vec<Promise> {
    let is_outside = incident.excluded
        || incident.drill.is_some()
        || incident.state() == IncidentState::Cancelled;
    if is_outside || levels.is_empty() {
        return Vec::new();
    }
    let mut list = Vec::new();
    for contract in levels.governing(incident) {
        let Some(targets) = contract.targets.get(&incident.priority) else { continue };
        for kind in Kind::ALL {
            if let Some(course) = course(incident, contract, targets, kind) {
                list.push(Promise { contract: contract.clone(), kind, course });
            }
        }
    }
    list
}

fn course(
    incident: &Incident,
    contract: &Contract,
    targets: &Targets,
    kind: Kind,
) -> Option<Course> {
    let standing = &incident.standing;
    let over = standing.resolved.as_ref().or(standing.closed.as_ref()).map(|ending| ending.at);
    let over = over.filter(|_| !incident.is_open());
    let start = contract.clock_start.of(incident);
    let (target, start, stop) = match kind {
        Kind::Respond => {
            let acknowledged = standing.first_acknowledged_at;
            let stop = acknowledged.map_or(over, |at| Some(over.map_or(at, |over| at.min(over))));
            (targets.respond?, start, stop)
        }
        Kind::Resolve => (targets.resolve?, start, over),
        Kind::Update => {
            let said = incident.updated_at.unwrap_or(start);
            (targets.update_every?, said.max(start), over)
        }
    };
    let reasons = if kind == Kind::Respond { &[][..] } else { &targets.pause_on };
    let pauses = pauses(incident, contract, reasons);
    Some(Course { start, target, calendar: targets.calendar.clone(), pauses, stop })
}

/// When a clock of an incident rests, in the order in which that begins.
fn pauses(incident: &Incident, contract: &Contract, reasons: &[HoldReason]) -> Vec<Pause> {
    let standing = &incident.standing;
    let held = |hold: &&Hold| reasons.contains(&hold.reason);
    let holds = standing.holds.iter().filter(held).map(|hold| {
        let why = Rest::Hold(hold.reason);
        Pause { from: hold.from, to: hold.to, why }
    });
    let over = standing.rests.iter().map(|rest| {
        let why = if rest.cancelled { Rest::Cancelled } else { Rest::Resolved };
        Pause { from: rest.from, to: Some(rest.to), why }
    });
    let mut list: Vec<Pause> = holds.chain(over).collect();
    if contract.maintenance == Planned::Pause {
        let past = incident.maintained.iter().map(|m| (m, Some(m.to)));
        list.extend(past.map(|(m, to)| Pause {
            from: m.from,
            to,
            why: Rest::Maintenance(m.title.clone()),
        }));
        if let Some(now) = incident.maintenance.as_ref().filter(|m| m.sla_relevant) {
            let why = Rest::Maintenance(now.title.clone());
            list.push(Pause { from: now.since, to: None, why });
        }
    }
    list.sort_by_key(|pause| pause.from);
    list
}

/// What planned downtime does to the clocks of an incident, where a contract lets it pause them and that is
/// not plain from their ledgers.
pub fn in_maintenance(promises: &[Promise], incident: &Incident) -> Option<&'static str> {
    if !promises.iter().any(|p| p.contract.maintenance == Planned::Pause) {
        return None;
    }
    if incident.is_reported_by_hand() {
        return Some("planned downtime does not pause it: a person reported it");
    }
    let was_in_one = incident.maintenance.is_some() || !incident.maintained.is_empty();
    was_in_one
        .then_some("planned downtime pauses it as it was in force then, not as declared later")
}

impl Promise {
    pub fn clock(&self, now: Instant) -> Clock {
        self.course.clock(now)
    }

    /// What it waits for has happened.
    pub fn is_over(&self) -> bool {
        self.course.stop.is_some()
    }

    /// Whether its course is one at all: after the end, and by the word that ended it, no update is due.
    pub fn is_owed(&self) -> bool {
        let Course { start, stop, .. } = self.course;
        self.kind != Kind::Update || stop.is_none_or(|stop| start < stop)
    }

    /// Of a promise of updates the course of each, the present one last; those after the end are none.
    /// Of any other promise its own.
    pub fn courses(&self, incident: &Incident) -> Vec<Course> {
        let mut all = Vec::new();
        if self.kind == Kind::Update {
            let begins = self.contract.clock_start.of(incident);
            let is_whole = incident.updates.len() < UPDATES_KEPT;
            let mut from = is_whole.then_some(begins);
            for said in incident.updates.iter().filter(|at| **at >= begins) {
                let end = self.course.stop.map_or(*said, |stop| stop.min(*said));
                if let Some(start) = from.filter(|start| *start < end) {
                    all.push(Course { start, stop: Some(end), ..self.course.clone() });
                }
                from = Some(*said);
            }
        }
        if self.is_owed() {
            all.push(self.course.clone());
        }
        all
    }

    /// Of a promise of updates how many came too late, or are, and of how many; `None`: of any other, or of none.
    pub fn late(&self, incident: &Incident, now: Instant) -> Option<(usize, usize)> {
        let all = (self.kind == Kind::Update).then(|| self.courses(incident))?;
        let late = all.iter().filter(|course| course.clock(now).breached).count();
        (!all.is_empty()).then_some((late, all.len()))
    }

    /// How it stands over all of its courses: an update that came too late is missed for good.
    pub fn stand_of(&self, incident: &Incident, now: Instant) -> Stand {
        let late = self.late(incident, now).is_some_and(|(late, _)| late > 0);
        match self.stand(now).1 {
            Stand::Met if late => Stand::Missed,
            stand => stand,
        }
    }

    /// How it stands, with its clock.
    pub fn stand(&self, now: Instant) -> (Clock, Stand) {
        let clock = self.clock(now);
        let stand = match (self.is_over(), clock.breached) {
            _ if clock.deadline.is_err() => Stand::Never,
            (true, false) => Stand::Met,
            (true, true) => Stand::Missed,
            (false, true) => Stand::Breached,
            (false, false) => match self.course.rest(now) {
                Some(pause) => Stand::Paused(pause.why.clone()),
                None => Stand::Running(clock.percent().unwrap_or(0)),
            },
        };
        (clock, stand)
    }
}

/// Of promises of one kind the one that is due first: of several contracts it is the one that is shown.
pub fn first(promises: &[Promise], kind: Kind, now: Instant) -> Option<&Promise> {
    let of_kind = promises.iter().filter(|p| p.kind == kind);
    of_kind.min_by_key(|p| p.course.deadline(now).unwrap_or(Instant::MAX_UTC))
}

/// Of all that are not over the one that is due first; what rests comes after what runs.
pub fn next_due(promises: &[Promise], now: Instant) -> Option<&Promise> {
    let live = promises.iter().filter(|p| !p.is_over());
    live.min_by_key(|p| {
        let due = p.course.deadline(now).unwrap_or(Instant::MAX_UTC);
        (p.course.rest(now).is_some(), due)
    })
}

/// The clock that is due first, worked out once for as long as nothing but time changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    pub promise: Promise,
    /// `None` while it rests: it moves on with time.
    pub deadline: Option<Instant>,
}

/// What the clocks of an incident come to, worked out once for as long as nothing but time changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// Of those that are not over the one that is due first.
    pub next: Option<Due>,
    /// Something is promised for it.
    pub is_promised: bool,
    /// A clock has run out, be it that what it waits for happened since.
    is_late: bool,
    /// When the next one runs out.
    breaks_at: Option<Instant>,
}

impl Summary {
    pub fn of(incident: &Incident, levels: &ServiceLevels, now: Instant) -> Self {
        let promises = promises(incident, levels);
        let mut summary = Self { is_promised: !promises.is_empty(), ..Self::default() };
        for promise in &promises {
            if promise.is_over() || promise.course.rest(now).is_some() {
                summary.is_late |= promise.clock(now).breached;
                let is_missed = promise.stand_of(incident, now) == Stand::Missed;
                summary.is_late |= promise.is_over() && is_missed;
            } else if let Ok(deadline) = promise.course.deadline(now) {
                let first = summary.breaks_at.map_or(deadline, |at| at.min(deadline));
                summary.breaks_at = Some(first);
            }
        }
        summary.next = Due::first(&promises, now);
        summary
    }

    /// Whether a clock of it has run out.
    pub fn is_breached(&self, now: Instant) -> bool {
        self.is_late || self.breaks_at.is_some_and(|at| now > at)
    }

    /// How much time is left of the clock that is due first; negative when it is late.
    pub fn left(&self, now: Instant) -> Option<TimeDelta> {
        self.next.as_ref()?.left(now)
    }

    /// When the clock that is due first runs out; `None` where it rests, or none is left.
    pub fn due_at(&self) -> Option<Instant> {
        self.next.as_ref()?.deadline
    }
}

impl Due {
    /// Of all that are not over the one that is due first; what rests comes after what runs.
    pub fn first(promises: &[Promise], now: Instant) -> Option<Self> {
        let promise = next_due(promises, now)?.clone();
        let rests = promise.course.pauses.iter().any(|pause| pause.to.is_none());
        let deadline = if rests { None } else { promise.course.deadline(now).ok() };
        Some(Self { promise, deadline })
    }

    /// How much of the calendar's time is left; negative when it is late.
    pub fn left(&self, now: Instant) -> Option<TimeDelta> {
        match self.deadline {
            Some(deadline) if now <= deadline => {
                let from = now.max(self.promise.course.start);
                Some(self.promise.course.calendar.passed(Interval::new(from, deadline)))
            }
            Some(deadline) => {
                Some(-self.promise.course.calendar.passed(Interval::new(deadline, now)))
            }
            None => self.promise.clock(now).left,
        }
    }
}
