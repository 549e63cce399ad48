//! What an event makes of an incident.

use super::Correction;
use crate::domain::incident::event::{ActorKind, Event, EventBody};
use crate::domain::incident::model::{
    Absorbed, Acknowledgement, AlertFact, Change, Class, Ending, Feedback, Hold, Incident,
    IncidentId, IncidentState, Interrupted, Joined, Maintained, Planned, Signature, Snooze,
    Standing, UPDATES_KEPT, Union, Warned, WasOver,
};
use crate::domain::paging::{Phase, Progress, escalate};
use crate::domain::report::HandoverId;
use crate::domain::time::Instant;

/// Folds one event into the incident that it is about. `None` for an incident that is not known and
/// not opened by this event.
pub fn fold(incident: Option<&Incident>, event: &Event) -> Option<Incident> {
    let mut incident = match (incident, &event.body) {
        (_, EventBody::Opened(opening)) => open(event, opening),
        (Some(incident), _) => incident.clone(),
        (None, _) => return None,
    };
    apply(&mut incident, event);
    Some(incident)
}

fn open(event: &Event, opening: &crate::domain::incident::event::Opening) -> Incident {
    Incident {
        id: event.incident,
        key: opening.key.clone(),
        version: event.position,
        title: opening.title.clone(),
        service: opening.service.clone(),
        source: opening.source.clone(),
        reported_by: event.actor.clone(),
        category: opening.category.clone(),
        impact: opening.impact,
        urgency: opening.urgency,
        priority: opening.priority,
        labels: opening.labels.clone(),
        annotations: opening.annotations.clone(),
        alerts: std::collections::BTreeMap::new(),
        opened_at: event.at,
        started_at: opening.started_at.min(event.at),
        standing: Standing::default(),
        parent: None,
        earlier: opening.earlier,
        recurrence: opening.recurrence.max(1),
        clear_since: None,
        unverified_since: None,
        maintenance: None,
        maintained: Vec::new(),
        drill: None,
        updated_at: None,
        updates: Vec::new(),
        warned: Vec::new(),
        absorbed: Vec::new(),
        excluded: false,
        flapping_since: None,
        escalation: None,
        reopened_at: Vec::new(),
        last_change: None,
    }
}

/// What an undo does.
pub(super) const RESTORED: &str = "restored";

/// How many reopenings are remembered for the flapping measure.
const REOPENINGS_KEPT: usize = 8;

/// Folds one event, other than its opening, into an incident in place.
pub fn apply(incident: &mut Incident, event: &Event) {
    let was_silenced = incident.escalation.is_some() && incident.is_silenced();
    change_by(incident, event);
    escalate::settle(incident, was_silenced, event.at);
}

fn change_by(incident: &mut Incident, event: &Event) {
    incident.version = event.position;
    let at = event.at;
    let by = &event.actor.name;
    let before = incident.standing.clone();
    let class = incident.class();
    let ending = |automatic: bool, reason: &str| {
        Some(Ending { by: by.clone(), at, automatic, reason: reason.to_owned() })
    };
    let standing = &mut incident.standing;
    let mut what = None;
    match &event.body {
        EventBody::Opened(opening) => {
            // Undo of a report by hand is to cancel it.
            if event.actor.kind == ActorKind::Person {
                if !opening.category.is_empty() {
                    standing.classified = Some(Signature { by: by.clone(), at });
                }
                let cancelled = ending(false, "reported by mistake");
                let state = IncidentState::Cancelled;
                let before = Standing { state, cancelled, ..Standing::default() };
                incident.last_change = Some(change(event, "reported", before));
            }
        }
        EventBody::AlertFired { fingerprint, alert } => {
            if incident.alerts.is_empty() {
                incident.labels = alert.labels.clone();
                if incident.annotations.is_empty() {
                    incident.annotations = alert.annotations.clone();
                } else {
                    for (name, value) in &alert.annotations {
                        incident.annotations.entry(name.clone()).or_insert_with(|| value.clone());
                    }
                }
            } else if incident.labels != alert.labels {
                incident.labels.retain(|k, v| alert.labels.get(k) == Some(v));
            }
            incident.alerts.insert(fingerprint.clone(), (**alert).clone());
            incident.clear_since = None;
        }
        EventBody::AlertCleared { fingerprint } => {
            if let Some(alert) = incident.alerts.get_mut(fingerprint) {
                alert.cleared_at = Some(at);
            }
            if incident.firing() == 0 {
                incident.clear_since = Some(at);
            }
        }
        EventBody::AlertChanged { fingerprint, status } => {
            if let Some(alert) = incident.alerts.get_mut(fingerprint) {
                alert.status = status.clone();
            }
        }
        EventBody::Acknowledged { until, handover } => {
            standing.state = IncidentState::Acknowledged;
            let warns_at = until.map(|until| warns_at(at, until));
            standing.acknowledged =
                Some(Acknowledgement { by: by.clone(), at, until: *until, warns_at });
            standing.first_acknowledged_at.get_or_insert(at);
            standing.assignee = Some(by.clone());
            standing.snoozed = None;
            what = Some(handover.map_or("acknowledged".to_owned(), taken_over));
        }
        EventBody::AcknowledgementExtended { until } => {
            if let Some(ack) = &mut standing.acknowledged {
                (ack.until, ack.warns_at) = (Some(*until), Some(warns_at(at, *until)));
            }
        }
        EventBody::AcknowledgementExpiring { .. } => {
            if let Some(ack) = &mut standing.acknowledged {
                ack.warns_at = None;
            }
        }
        EventBody::AcknowledgementTakenBack => {
            release(standing);
            what = Some("un-acknowledged".to_owned());
        }
        EventBody::AcknowledgementExpired => {
            release(standing);
            what = Some("returned to new".to_owned());
        }
        EventBody::Assigned { to, handover } => {
            standing.assignee.clone_from(to);
            let assigned = || format!("assigned to {}", to.as_deref().unwrap_or("nobody"));
            what = Some(handover.map_or_else(assigned, taken_over));
        }
        EventBody::Noted { .. } => {
            // A word beside one's own action leaves that the last thing to undo.
            let beside = |c: &Change| !c.session.is_empty() && c.session == event.actor.session;
            if !incident.last_change.as_ref().is_some_and(beside) {
                what = Some("given a note".to_owned());
            }
        }
        EventBody::Held { reason, note, until } => {
            let (note, by) = (note.clone(), by.clone());
            let hold = Hold { reason: *reason, note, by, from: at, until: *until, to: None };
            standing.holds.push(hold);
            standing.state = IncidentState::OnHold;
            what = Some("put on hold".to_owned());
        }
        EventBody::Resumed { .. } => {
            resume(standing, at);
            what = Some("resumed".to_owned());
        }
        EventBody::Snoozed { until } => {
            standing.snoozed = Some(Snooze { by: by.clone(), at, until: *until });
            what = Some("snoozed".to_owned());
        }
        EventBody::Woken { .. } => {
            standing.snoozed = None;
            what = Some("woken".to_owned());
        }
        EventBody::Rated { score, text, from } => {
            let (text, from, by) = (text.clone(), from.clone(), by.clone());
            standing.feedback = Some(Feedback { score: *score, text, from, by, at });
            what = Some("rated".to_owned());
        }
        EventBody::Merged { into } => {
            standing.merged_into = Some(*into);
            standing.interrupted =
                Interrupted { held: standing.hold().cloned(), snoozed: standing.snoozed.clone() };
            standing.state = IncidentState::Cancelled;
            standing.cancelled = ending(false, &format!("merged into {into}"));
            what = Some(format!("merged into {into}"));
        }
        EventBody::SplitOff { from, goes_on, .. } => {
            standing.merged_into = None;
            standing.interrupted = Interrupted::default();
            reopen(standing, at);
            if let Some(held) = &goes_on.held {
                standing.holds.push(Hold { from: at, to: None, ..held.clone() });
                standing.state = IncidentState::OnHold;
            }
            standing.snoozed.clone_from(&goes_on.snoozed);
            incident.clear_since = quiet_since(incident, at);
            what = Some(format!("split off from {from}"));
        }
        EventBody::Absorbed(absorbed) => absorb(incident, absorbed),
        EventBody::Released { id } => {
            let_go(incident, *id);
        }
        EventBody::Corrected { correction, .. } => correct(incident, correction, (at, by)),
        EventBody::Resolved { automatic, reason, findings } => {
            standing.state = IncidentState::Resolved;
            standing.findings = standing.findings.with(findings);
            standing.resolved = ending(*automatic, reason);
            what = Some("resolved".to_owned());
        }
        EventBody::Reopened { automatic, .. } => {
            reopen(standing, at);
            // Reopened by hand, it waits for its alerts to fire and clear again, or for a person; by
            // itself for what was merged into it, it waits for that.
            incident.clear_since = None;
            if *automatic {
                incident.clear_since = quiet_since(incident, at);
                incident.reopened_at.push(at);
                let excess = incident.reopened_at.len().saturating_sub(REOPENINGS_KEPT);
                incident.reopened_at.drain(..excess);
            }
            what = Some("reopened".to_owned());
        }
        EventBody::Closed { automatic, reason, findings, category } => {
            standing.state = IncidentState::Closed;
            standing.findings = standing.findings.with(findings);
            standing.closed = ending(*automatic, reason);
            if let Some(category) = category {
                let signature = || Signature { by: by.clone(), at };
                standing.classified.get_or_insert_with(signature);
                incident.category.clone_from(category);
            }
            what = Some("closed".to_owned());
        }
        EventBody::Cancelled { reason } => {
            standing.state = IncidentState::Cancelled;
            standing.cancelled = ending(false, reason);
            what = Some("cancelled".to_owned());
        }
        EventBody::Folded { under } => {
            incident.parent = Some(*under);
            if let Some(progress) = &mut incident.escalation {
                progress.stop();
            }
        }
        EventBody::Unfolded => incident.parent = None,
        EventBody::Unverified => incident.unverified_since = Some(at),
        EventBody::Verified => incident.unverified_since = None,
        EventBody::MaintenanceBegan { window, title, sla_relevant } => {
            let (window, title, sla_relevant) = (window.clone(), title.clone(), *sla_relevant);
            incident.maintenance = Some(Maintained { window, title, since: at, sla_relevant });
        }
        EventBody::MaintenanceEnded => {
            if let Some(ended) = incident.maintenance.take().filter(|m| m.sla_relevant) {
                let Maintained { title, since, .. } = ended;
                incident.maintained.push(Planned { title, from: since, to: at });
            }
        }
        EventBody::Drilled { window, .. } => incident.drill = Some(window.clone()),
        EventBody::ServiceLevelWarned { contract, clock, start, mark, call, .. } => {
            let (contract, clock, start) = (contract.clone(), *clock, *start);
            let mark = if call.is_empty() { mark.clone() } else { format!("{mark} {call}") };
            // Of a clock that began anew, what was told of its time before is over.
            let is_old =
                |w: &Warned| w.contract == contract && w.clock == clock && w.start != start;
            incident.warned.retain(|w| !is_old(w));
            incident.warned.push(Warned { contract, clock, mark, start });
        }
        EventBody::FlappingStarted => incident.flapping_since = Some(at),
        EventBody::FlappingEnded => incident.flapping_since = None,
        EventBody::Escalated { policy, level, round, people, next, .. } => {
            let phase = next.map_or(Phase::Stopped, |until| Phase::Waiting { until });
            let (policy, people) = (policy.clone(), people.clone());
            incident.escalation =
                Some(Progress { policy, level: *level, round: *round, at, people, phase });
        }
        EventBody::EscalationExhausted { .. } => {
            if let Some(progress) = &mut incident.escalation {
                progress.phase = Phase::Exhausted;
            }
        }
        EventBody::Reclassified { impact, urgency, priority, category } => {
            let (impact, urgency, priority) = (*impact, *urgency, *priority);
            let category = category.as_ref().unwrap_or(&incident.category).clone();
            let new = Class { impact, urgency, priority, category };
            incident.set_class(&new);
            if event.actor.kind == ActorKind::Person {
                incident.standing.classified = Some(Signature { by: by.clone(), at });
                what = Some("classified".to_owned());
            }
        }
        EventBody::Undone { standing: restored, class, position, .. } => {
            unsay(incident, *position);
            incident.standing = (**restored).clone();
            if let Some(class) = class {
                incident.set_class(class);
            }
            let undone = change(event, RESTORED, before);
            // An undo is final: there is no redo, and nothing before it can be undone.
            incident.last_change = Some(Change { session: String::new(), ..undone });
            return;
        }
    }
    settle(&mut incident.standing, at);
    let is_said = what.is_some() || matches!(event.body, EventBody::Noted { .. });
    if is_said && event.actor.kind == ActorKind::Person {
        // Without those before, what is known would be a gap.
        if incident.updated_at.is_none() || !incident.updates.is_empty() {
            incident.updates.push(at);
            let old = incident.updates.len().saturating_sub(UPDATES_KEPT);
            incident.updates.drain(..old);
        }
        incident.updated_at = Some(at);
    }
    if let Some(what) = what {
        let mut change = change(event, &what, before);
        if incident.class() != class {
            change.class = Some(Box::new(class));
        }
        incident.last_change = Some(change);
    }
}

/// What is taken back was no update either: the clock of updates goes on as if it had not been.
fn unsay(incident: &mut Incident, position: u64) {
    let undone = incident.last_change.as_ref().filter(|change| change.position == position);
    let Some(at) = undone.map(|change| change.at) else { return };
    let Some(place) = incident.updates.iter().rposition(|said| *said == at) else { return };
    incident.updates.remove(place);
    if incident.updated_at == Some(at) {
        incident.updated_at = incident.updates.last().copied();
    }
}

/// Since then nothing of its own fires, where it has alerts at all.
fn quiet_since(incident: &Incident, at: Instant) -> Option<Instant> {
    (!incident.alerts.is_empty() && incident.firing() == 0).then_some(at)
}

/// What lasts only while something else does.
fn settle(standing: &mut Standing, at: Instant) {
    if standing.state != IncidentState::OnHold
        && let Some(hold) = standing.holds.last_mut()
    {
        hold.to.get_or_insert(at);
    }
    if !standing.state.is_open() {
        standing.snoozed = None;
    }
}

/// Open again, with its owner, whose acknowledgement lives on for as long as it was given.
fn reopen(standing: &mut Standing, at: Instant) {
    let (resolved, cancelled) = (standing.resolved.take(), standing.cancelled.take());
    let is_cancelled = standing.state == IncidentState::Cancelled;
    let ending = resolved.as_ref().or(cancelled.as_ref());
    if let Some(from) = ending.map(|ending| ending.at).filter(|from| *from < at) {
        standing.rests.push(WasOver {
            from,
            to: at,
            cancelled: is_cancelled && resolved.is_none(),
        });
    }
    resume(standing, at);
}

/// Back to whoever has it, or to New.
fn resume(standing: &mut Standing, at: Instant) {
    standing.state = match &mut standing.acknowledged {
        Some(ack) => {
            ack.until = ack.until.map(|until| at + (until - ack.at));
            ack.warns_at = ack.until.map(|until| warns_at(at, until));
            ack.at = at;
            IncidentState::Acknowledged
        }
        None => IncidentState::New,
    };
}

fn absorb(incident: &mut Incident, absorbed: &Absorbed) {
    let start = Joined::of(incident.started_at, absorbed.started_at, earlier);
    let class = Joined::of(incident.class(), absorbed.class.clone(), more_urgent);
    incident.started_at = start.after;
    incident.set_class(&class.after);
    incident.absorbed.retain(|a| a.id != absorbed.id);
    incident.absorbed.push(Union { id: absorbed.id, start, class });
}

/// Without one of those that were merged into it. What somebody changed after a merge stays changed.
fn let_go(incident: &mut Incident, id: IncidentId) {
    let Some(place) = incident.absorbed.iter().position(|a| a.id == id) else { return };
    let mut starts: Vec<_> = incident.absorbed.iter().map(|a| a.start.clone()).collect();
    let mut classes: Vec<_> = incident.absorbed.iter().map(|a| a.class.clone()).collect();
    incident.started_at = without(&mut starts, place, incident.started_at, earlier);
    let class = without(&mut classes, place, incident.class(), more_urgent);
    incident.set_class(&class);
    incident.absorbed.remove(place);
    for (union, (start, class)) in incident.absorbed.iter_mut().zip(starts.into_iter().zip(classes))
    {
        (union.start, union.class) = (start, class);
    }
}

/// Takes the merge at `place` out of a history, which goes on as if it had not been: what was changed
/// between two merges, or after the last, counts as it was changed. Returns the value that is left.
fn without<T: Clone + PartialEq>(
    history: &mut Vec<Joined<T>>,
    place: usize,
    now: T,
    unite: fn(&T, &T) -> T,
) -> T {
    let Some(mut left) = history.first().map(|first| first.before.clone()) else { return now };
    let mut was = left.clone();
    for (n, joined) in history.iter_mut().enumerate() {
        if joined.before != was {
            left = joined.before.clone();
        }
        was = joined.after.clone();
        if n != place {
            let after = unite(&left, &joined.brought);
            let before = std::mem::replace(&mut left, after);
            (joined.before, joined.after) = (before, left.clone());
        }
    }
    history.remove(place);
    if now == was { left } else { now }
}

fn earlier(a: &Instant, b: &Instant) -> Instant {
    *a.min(b)
}

/// What it is about stays what it was; how urgent it is, it takes from the more urgent one.
fn more_urgent(own: &Class, other: &Class) -> Class {
    if other.priority >= own.priority {
        return own.clone();
    }
    Class { category: own.category.clone(), ..other.clone() }
}

impl<T: Clone> Joined<T> {
    fn of(before: T, brought: T, unite: fn(&T, &T) -> T) -> Self {
        let after = unite(&before, &brought);
        Self { before, brought, after }
    }
}

fn taken_over(handover: HandoverId) -> String {
    format!("taken over with {handover}")
}

fn correct(incident: &mut Incident, correction: &Correction, (at, by): (Instant, &str)) {
    if let Some(started_at) = correction.started_at {
        incident.started_at = started_at;
    }
    let class = incident.class();
    incident.set_class(&Class {
        impact: correction.impact.unwrap_or(class.impact),
        urgency: correction.urgency.unwrap_or(class.urgency),
        priority: correction.priority.unwrap_or(class.priority),
        category: correction.category.clone().unwrap_or(class.category),
    });
    let standing = &mut incident.standing;
    standing.findings = standing.findings.with(&correction.findings);
    if correction.acknowledged_at.is_some() {
        standing.first_acknowledged_at = correction.acknowledged_at;
    }
    if let (Some(at), Some(resolved)) = (correction.resolved_at, &mut standing.resolved) {
        resolved.at = at;
    }
    if let Some(hold) = correction.hold {
        let (reason, from, to) = (hold.reason, hold.from, Some(hold.to));
        let note = "by a correction".to_owned();
        let by = by.to_owned();
        standing.holds.push(Hold { reason, note, by, from, until: None, to });
        standing.holds.sort_by_key(|h| h.from);
    }
    if correction.impact.is_some() || correction.urgency.is_some() || correction.category.is_some()
    {
        standing.classified.get_or_insert_with(|| Signature { by: by.to_owned(), at });
    }
    if let Some(excluded) = correction.excluded {
        incident.excluded = excluded;
    }
}

/// The owner of an acknowledgement is warned when a fifth of its time is left.
fn warns_at(from: Instant, until: Instant) -> Instant {
    until - (until - from) / 5
}

/// Back to New, and to nobody where its owner only had it by acknowledging.
fn release(standing: &mut Standing) {
    standing.state = IncidentState::New;
    let owner = standing.acknowledged.take().map(|a| a.by);
    if standing.assignee == owner {
        standing.assignee = None;
    }
}

fn change(event: &Event, what: &str, before: Standing) -> Change {
    let person = event.actor.kind == ActorKind::Person;
    Change {
        position: event.position,
        at: event.at,
        by: event.actor.name.clone(),
        session: if person { event.actor.session.clone() } else { String::new() },
        what: what.to_owned(),
        before,
        class: None,
    }
}

/// An alert as it joins an incident.
pub fn alert_fact(alert: &crate::domain::observation::Alert) -> AlertFact {
    AlertFact {
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        since: alert.starts_at,
        status: alert.status.clone(),
        cleared_at: None,
        generator_url: alert.generator_url.clone(),
    }
}
