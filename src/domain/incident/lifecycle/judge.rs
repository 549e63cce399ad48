//! When an action is allowed, and the events that it means.

use super::Action;
use crate::domain::command::Verdict;
use crate::domain::incident::event::{Actor, EventBody};
use crate::domain::incident::model::{Incident, IncidentState};
use crate::domain::incident::policy::Policy;
use crate::domain::time::{Instant, TimeStyle};

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
