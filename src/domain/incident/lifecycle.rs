//! The only place where an incident changes its state: which actions exist, when they are allowed,
//! what they mean, and what an event makes of an incident.

use super::event::{Actor, ActorKind, Event, EventBody};
use super::model::{
    Acknowledgement, AlertFact, Change, Ending, Incident, IncidentId, IncidentState, Maintained,
    Standing,
};
use super::policy::Policy;
use crate::domain::command::Verdict;
use crate::domain::health::ServiceId;
use crate::domain::paging::{Phase, Progress, escalate};
use crate::domain::time::{Instant, TimeStyle};

/// An incident as it was seen by who acts on it. `seen` 0: not seen (the command line), judge it as
/// it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub id: IncidentId,
    pub seen: u64,
}

/// A report by hand.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    pub service: Option<ServiceId>,
    pub title: String,
    pub text: String,
    /// 1–3; `None`: by the service's tier.
    pub impact: Option<u8>,
    /// 1–3; `None`: 2.
    pub urgency: Option<u8>,
}

/// What can be done to one incident.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Acknowledge,
    Unacknowledge,
    /// `None` takes it from whoever had it.
    Assign {
        to: Option<String>,
    },
    Note {
        text: String,
    },
    /// `force`: although its alerts still fire.
    Resolve {
        reason: String,
        force: bool,
    },
    Close {
        reason: String,
    },
    Cancel {
        reason: String,
    },
    Reopen {
        reason: String,
    },
}

impl Action {
    /// What is done, as a verb.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Unacknowledge => "unacknowledge",
            Self::Assign { .. } => "assign",
            Self::Note { .. } => "note",
            Self::Resolve { .. } => "resolve",
            Self::Close { .. } => "close",
            Self::Cancel { .. } => "cancel",
            Self::Reopen { .. } => "reopen",
        }
    }
}

/// Judges one action on one incident as it is now: the events that it means, or why not.
///
/// `seen` is the version that was on the actor's screen (0: none). A guard that fails because of a
/// change that came after it is a conflict with whoever made the change; otherwise it is a refusal.
pub fn judge(
    incident: &Incident,
    seen: u64,
    action: &Action,
    actor: &Actor,
    policy: &Policy,
    now: Instant,
) -> Result<Vec<EventBody>, Verdict> {
    let id = incident.id;
    let state = incident.state();
    let refuse = |why: String| -> Result<Vec<EventBody>, Verdict> {
        match &incident.last_change {
            Some(change) if seen != 0 && change.position > seen => {
                let at = clock(change.at, now, policy);
                let was = format!("{id} was {} by {} at {at}", change.what, change.by);
                // The refusal may begin with the same words, or say the same in others.
                let rest = why.strip_prefix(&was).map(str::to_owned).or_else(|| {
                    let same = format!("{id} is {} by {}", change.what, change.by);
                    why.strip_prefix(&same).map(str::to_owned)
                });
                let rest = rest.unwrap_or_else(|| format!("; {why}"));
                Err(Verdict::Conflict { why: format!("{was} while you looked{rest}") })
            }
            _ => Err(Verdict::Refused { why }),
        }
    };
    let mut events = match action {
        Action::Acknowledge => match (state, &incident.standing.acknowledged) {
            (IncidentState::New | IncidentState::OnHold, _) => {
                let until = policy.ack_expiry(incident.priority).map(|d| now + d);
                vec![EventBody::Acknowledged { until }]
            }
            (IncidentState::Acknowledged, Some(ack)) if ack.by == actor.name => {
                return Err(Verdict::Already { why: format!("{id} is already yours") });
            }
            // Whom it was handed to may take it over.
            (IncidentState::Acknowledged, _) if incident.standing.is_assigned_to(&actor.name) => {
                let until = policy.ack_expiry(incident.priority).map(|d| now + d);
                vec![EventBody::Acknowledged { until }]
            }
            (IncidentState::Acknowledged, ack) => {
                let by = ack.as_ref().map_or("somebody", |a| a.by.as_str());
                return refuse(format!("{id} is acknowledged by {by}; assign it to take it over"));
            }
            _ => return refuse(format!("{}; reopen it first", ended(incident, now, policy))),
        },
        Action::Unacknowledge => match state {
            IncidentState::Acknowledged => vec![EventBody::AcknowledgementTakenBack],
            IncidentState::New => {
                return Err(Verdict::Already { why: format!("{id} is not acknowledged") });
            }
            _ => return refuse(format!("{id} is {}, not acknowledged", state.short())),
        },
        Action::Assign { to } => {
            if *to == incident.standing.assignee {
                let who = to.as_deref().unwrap_or("nobody");
                return Err(Verdict::Already { why: format!("{id} is already assigned to {who}") });
            }
            if matches!(state, IncidentState::Closed | IncidentState::Cancelled) {
                return refuse(format!(
                    "{}; a note is all that it takes",
                    ended(incident, now, policy)
                ));
            }
            vec![EventBody::Assigned { to: to.clone() }]
        }
        Action::Note { text } => {
            if text.trim().is_empty() {
                return Err(Verdict::Refused { why: "the note is empty; write a word".to_owned() });
            }
            vec![EventBody::Noted { text: text.clone() }]
        }
        Action::Resolve { reason, force } => {
            if !state.is_open() {
                return refuse(ended(incident, now, policy));
            }
            let firing = incident.firing();
            if firing > 0 && !force {
                return Err(Verdict::Confirm {
                    why: format!("{firing} of its alerts still fire; resolve {id} all the same?"),
                });
            }
            vec![EventBody::Resolved { automatic: false, reason: reason.clone() }]
        }
        Action::Close { reason } => match state {
            IncidentState::Resolved if incident.firing() > 0 => {
                let firing = incident.firing();
                return refuse(format!("{firing} alerts of {id} still fire; reopen it"));
            }
            IncidentState::Resolved => {
                vec![EventBody::Closed { automatic: false, reason: reason.clone() }]
            }
            IncidentState::Closed => {
                return Err(Verdict::Already { why: ended(incident, now, policy) });
            }
            IncidentState::Cancelled => return refuse(ended(incident, now, policy)),
            _ => return refuse(format!("{id} is {}; resolve it first", state.short())),
        },
        Action::Cancel { reason } => {
            if matches!(state, IncidentState::Closed | IncidentState::Cancelled) {
                return refuse(ended(incident, now, policy));
            }
            if reason.trim().is_empty() {
                let why = format!("say why {id} is cancelled: a false alarm, a duplicate of …");
                return Err(Verdict::Refused { why });
            }
            vec![EventBody::Cancelled { reason: reason.clone() }]
        }
        Action::Reopen { reason } => match state {
            IncidentState::Resolved | IncidentState::Cancelled => {
                vec![EventBody::Reopened { automatic: false, reason: reason.clone() }]
            }
            IncidentState::Closed => {
                return refuse(format!("{}; report a new one", ended(incident, now, policy)));
            }
            _ => return Err(Verdict::Already { why: format!("{id} is open") }),
        },
    };
    if let Some(until) = extended(incident, action, actor, policy, now) {
        events.push(EventBody::AcknowledgementExtended { until });
    }
    Ok(events)
}

/// Whether the last change of this incident can be taken back by this actor: the event, or why not.
pub fn judge_undo(
    incident: &Incident,
    actor: &Actor,
    policy: &Policy,
    now: Instant,
) -> Result<EventBody, Verdict> {
    let id = incident.id;
    let refused = |why: String| Err(Verdict::Refused { why });
    let Some(change) = &incident.last_change else {
        return refused(format!("nothing was done to {id} that could be undone"));
    };
    if change.session.is_empty() || change.session != actor.session {
        return refused(format!(
            "the last change of {id} is not yours: it was {} by {}",
            change.what, change.by
        ));
    }
    if now - change.at > policy.undo_window {
        let window = crate::domain::text::duration(policy.undo_window);
        return refused(format!("too late: {id} was {} more than {window} ago", change.what));
    }
    Ok(EventBody::Undone {
        position: change.position,
        what: change.what.clone(),
        standing: Box::new(change.before.clone()),
    })
}

/// What became of an incident that is no longer open: "INC-7 was resolved by luis at 13:58".
fn ended(incident: &Incident, now: Instant, policy: &Policy) -> String {
    let standing = &incident.standing;
    let (word, ending) = match standing.state {
        IncidentState::Closed => ("closed", &standing.closed),
        IncidentState::Cancelled => ("cancelled", &standing.cancelled),
        IncidentState::Resolved => ("resolved", &standing.resolved),
        other => return format!("{} is {}", incident.id, other.short()),
    };
    match ending {
        Some(e) => {
            let at = clock(e.at, now, policy);
            format!("{} was {word} by {} at {at}", incident.id, e.by)
        }
        None => format!("{} is {word}", incident.id),
    }
}

/// A time as people of the site read it: "13:58", with the day if it is not today's.
fn clock(at: Instant, now: Instant, policy: &Policy) -> String {
    crate::domain::time::show(at, now, policy.zone, TimeStyle::Local)
}

/// Any action of an acknowledgement's owner extends it.
fn extended(
    incident: &Incident,
    action: &Action,
    actor: &Actor,
    policy: &Policy,
    now: Instant,
) -> Option<Instant> {
    let ack = incident.standing.acknowledged.as_ref()?;
    let extends = matches!(action, Action::Note { .. } | Action::Assign { .. });
    let owns = ack.by == actor.name || incident.standing.is_assigned_to(&actor.name);
    let own = owns && incident.state() == IncidentState::Acknowledged;
    let until = now + policy.ack_expiry(incident.priority)?;
    (extends && own && ack.until.is_some_and(|u| u < until)).then_some(until)
}

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

fn open(event: &Event, opening: &super::event::Opening) -> Incident {
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
        flapping_since: None,
        escalation: None,
        reopened_at: Vec::new(),
        last_change: None,
    }
}

/// How many reopenings are remembered for the flapping measure.
const REOPENINGS_KEPT: usize = 8;

/// Folds one event, other than its opening, into an incident in place.
pub fn apply(incident: &mut Incident, event: &Event) {
    change_by(incident, event);
    // Whatever made it so: as soon as somebody has it, nobody else is called.
    if escalate::is_quiet(incident)
        && let Some(progress) = &mut incident.escalation
    {
        progress.stop();
    }
}

fn change_by(incident: &mut Incident, event: &Event) {
    incident.version = event.position;
    let at = event.at;
    let by = &event.actor.name;
    let before = incident.standing.clone();
    let ending = |automatic: bool, reason: &str| {
        Some(Ending { by: by.clone(), at, automatic, reason: reason.to_owned() })
    };
    let standing = &mut incident.standing;
    let mut what = None;
    match &event.body {
        EventBody::Opened(_) => {
            // Undo of a report by hand is to cancel it.
            if event.actor.kind == ActorKind::Person {
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
        EventBody::Acknowledged { until } => {
            standing.state = IncidentState::Acknowledged;
            let warns_at = until.map(|until| warns_at(at, until));
            standing.acknowledged =
                Some(Acknowledgement { by: by.clone(), at, until: *until, warns_at });
            standing.first_acknowledged_at.get_or_insert(at);
            standing.assignee = Some(by.clone());
            what = Some("acknowledged".to_owned());
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
        EventBody::Assigned { to } => {
            standing.assignee.clone_from(to);
            what = Some(format!("assigned to {}", to.as_deref().unwrap_or("nobody")));
        }
        EventBody::Noted { .. } => {
            // A word beside one's own action leaves that the last thing to undo.
            let beside = |c: &Change| !c.session.is_empty() && c.session == event.actor.session;
            if !incident.last_change.as_ref().is_some_and(beside) {
                what = Some("given a note".to_owned());
            }
        }
        EventBody::Resolved { automatic, reason } => {
            standing.state = IncidentState::Resolved;
            standing.resolved = ending(*automatic, reason);
            what = Some("resolved".to_owned());
        }
        EventBody::Reopened { automatic, .. } => {
            standing.resolved = None;
            standing.cancelled = None;
            standing.state = match &mut standing.acknowledged {
                Some(ack) => {
                    // The acknowledgement lives on for as long as it was given.
                    ack.until = ack.until.map(|until| at + (until - ack.at));
                    ack.warns_at = ack.until.map(|until| warns_at(at, until));
                    ack.at = at;
                    IncidentState::Acknowledged
                }
                None => IncidentState::New,
            };
            // Reopened by hand, it waits for its alerts to fire and clear again, or for a person.
            incident.clear_since = None;
            if *automatic {
                incident.reopened_at.push(at);
                let excess = incident.reopened_at.len().saturating_sub(REOPENINGS_KEPT);
                incident.reopened_at.drain(..excess);
            }
            what = Some("reopened".to_owned());
        }
        EventBody::Closed { automatic, reason } => {
            standing.state = IncidentState::Closed;
            standing.closed = ending(*automatic, reason);
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
        EventBody::MaintenanceBegan { window, title } => {
            let (window, title) = (window.clone(), title.clone());
            incident.maintenance = Some(Maintained { window, title, since: at });
        }
        EventBody::MaintenanceEnded => incident.maintenance = None,
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
        EventBody::Reclassified { impact, urgency, priority } => {
            incident.impact = *impact;
            incident.urgency = *urgency;
            incident.priority = *priority;
        }
        EventBody::Undone { standing: restored, .. } => {
            incident.standing = (**restored).clone();
            let undone = change(event, "restored", before);
            // An undo is final: there is no redo, and nothing before it can be undone.
            incident.last_change = Some(Change { session: String::new(), ..undone });
            return;
        }
    }
    if let Some(what) = what {
        incident.last_change = Some(change(event, &what, before));
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
