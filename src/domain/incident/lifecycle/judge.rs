//! When an action is allowed, and the events that it means.

use chrono::TimeDelta;

use super::apply::RESTORED;
use super::{Action, Correction};
use crate::domain::command::Verdict;
use crate::domain::incident::event::{Actor, EventBody};
use crate::domain::incident::model::{Findings, Incident, IncidentState};
use crate::domain::incident::policy::Policy;
use crate::domain::text;
use crate::domain::time::{self, Instant, TimeStyle};

/// Longer than this nothing is snoozed: what may stay out of sight for a week is on hold or over.
const LONGEST_SNOOZE: TimeDelta = TimeDelta::days(7);
/// Longer than this nothing goes on by itself.
const LONGEST_HOLD: TimeDelta = TimeDelta::days(366);
/// Trouble that began longer before it was opened is a date that was typed wrong.
const LONG_BEFORE: TimeDelta = TimeDelta::days(366);

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
        Action::Acknowledge { lasting } => match (state, &incident.standing.acknowledged) {
            (IncidentState::OnHold, _)
                if incident.owner().is_some_and(|owner| owner != actor.name) =>
            {
                let owner = incident.owner().unwrap_or_default();
                return refuse(format!(
                    "{id} is on hold, and {owner} has it; assign it to take it over"
                ));
            }
            (IncidentState::New | IncidentState::OnHold, _) => {
                vec![acknowledged(lasts(incident, *lasting, policy, now))]
            }
            (IncidentState::Acknowledged, Some(ack))
                if ack.by == actor.name && lasting.is_some() =>
            {
                vec![acknowledged(lasts(incident, *lasting, policy, now))]
            }
            (IncidentState::Acknowledged, Some(ack)) if ack.by == actor.name => {
                let until = lasts(incident, None, policy, now).filter(|_| ack.until.is_some());
                if let Some(until) = until.filter(|until| ack.until.is_none_or(|u| u < *until)) {
                    return Ok(vec![EventBody::AcknowledgementExtended { until }]);
                }
                return Err(Verdict::Already { why: format!("{id} is already yours") });
            }
            // Whom it was handed to may take it over.
            (IncidentState::Acknowledged, _) if incident.standing.is_assigned_to(&actor.name) => {
                vec![acknowledged(lasts(incident, *lasting, policy, now))]
            }
            (IncidentState::Acknowledged, ack) => {
                let by = ack.as_ref().map_or("somebody", |a| a.by.as_str());
                return refuse(format!("{id} is acknowledged by {by}; assign it to take it over"));
            }
            _ => return refuse(over(incident, now, policy)),
        },
        Action::Unacknowledge => match state {
            IncidentState::Acknowledged => vec![EventBody::AcknowledgementTakenBack],
            IncidentState::New => {
                return Err(Verdict::Already { why: format!("{id} is not acknowledged") });
            }
            _ => return refuse(format!("{id} is {}, not acknowledged", state.short())),
        },
        Action::Assign { to: Some(to) } if to.is_empty() => {
            return Err(Verdict::Refused { why: format!("say to whom {id} is assigned") });
        }
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
            vec![EventBody::Assigned { to: to.clone(), handover: None }]
        }
        Action::Note { text } => {
            if text.trim().is_empty() {
                return Err(Verdict::Refused { why: "the note is empty; write a word".to_owned() });
            }
            vec![EventBody::Noted { text: text.clone() }]
        }
        Action::Hold { reason, note, until } => match state {
            IncidentState::OnHold => {
                let hold = incident.standing.hold();
                let whom = hold.map_or("others", |h| h.reason.says());
                if hold.is_some_and(|h| h.reason == *reason && h.until == *until) {
                    let why = format!("{id} already waits for {whom}");
                    return Err(Verdict::Already { why });
                }
                return refuse(format!("{id} waits for {whom} already; resume it first"));
            }
            state if !state.is_open() => {
                return refuse(over(incident, now, policy));
            }
            _ => {
                ahead(*until, now, LONGEST_HOLD, "a hold")
                    .map_err(|why| Verdict::Refused { why })?;
                vec![EventBody::Held { reason: *reason, note: note.clone(), until: *until }]
            }
        },
        Action::Resume => match state {
            IncidentState::OnHold => vec![EventBody::Resumed { automatic: false }],
            state if state.is_open() => {
                return Err(Verdict::Already { why: format!("{id} is not on hold") });
            }
            _ => return refuse(ended(incident, now, policy)),
        },
        Action::Snooze { until } => {
            if !state.is_open() {
                return refuse(format!(
                    "{}; there is nothing to snooze",
                    ended(incident, now, policy)
                ));
            }
            ahead(Some(*until), now, LONGEST_SNOOZE, "a snooze")
                .map_err(|why| Verdict::Refused { why })?;
            if incident.standing.snoozed.as_ref().is_some_and(|s| s.until == *until) {
                let until = clock(*until, now, policy);
                return Err(Verdict::Already { why: format!("{id} is snoozed until {until}") });
            }
            vec![EventBody::Snoozed { until: *until }]
        }
        Action::Wake => match incident.standing.snoozed {
            Some(_) => vec![EventBody::Woken { automatic: false }],
            None => return Err(Verdict::Already { why: format!("{id} is not snoozed") }),
        },
        Action::Classify { impact, urgency, category } => {
            if matches!(state, IncidentState::Closed | IncidentState::Cancelled) {
                let why = ended(incident, now, policy);
                return refuse(format!("{why}; a correction says what was wrong"));
            }
            let category = category.as_ref().filter(|c| !c.is_empty() && **c != incident.category);
            let (old, new) =
                ((incident.impact, incident.urgency), class(incident, *impact, *urgency));
            if let Some(category) = category {
                policy.known_category(category).map_err(|why| Verdict::Refused { why })?;
            }
            if old == new && category.is_none() && incident.standing.classified.is_some() {
                return Err(Verdict::Already { why: format!("{id} is classified so already") });
            }
            vec![reclassified(new, category.cloned(), policy)]
        }
        Action::Resolve { reason, findings, force } => {
            if !state.is_open() {
                return refuse(ended(incident, now, policy));
            }
            let firing = incident.firing();
            if firing > 0 && !force {
                return Err(Verdict::Confirm {
                    why: format!("{firing} of its alerts still fire; resolve {id} all the same?"),
                });
            }
            policy.known_code(&findings.code).map_err(|why| Verdict::Refused { why })?;
            let (reason, findings) = (reason.clone(), findings.clone());
            vec![EventBody::Resolved { automatic: false, reason, findings }]
        }
        Action::Close { reason, findings, category } => match state {
            IncidentState::Resolved if incident.firing() > 0 => {
                let firing = incident.firing();
                return refuse(format!("{firing} alerts of {id} still fire; reopen it"));
            }
            IncidentState::Resolved => {
                close(incident, findings, category, policy)
                    .map_err(|why| Verdict::Refused { why })?;
                let category = Some(category.clone()).filter(|c| !c.is_empty());
                let (reason, findings) = (reason.clone(), findings.clone());
                vec![EventBody::Closed { automatic: false, reason, findings, category }]
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
        Action::Rate { score, text, from } => {
            if !matches!(state, IncidentState::Resolved | IncidentState::Closed) {
                return refuse(if state.is_open() {
                    format!("{id} is {}; it is rated once it is resolved", state.short())
                } else {
                    ended(incident, now, policy)
                });
            }
            if !(1..=5).contains(score) {
                let why = format!("a score is 1 (bad) to 5 (good), not {score}");
                return Err(Verdict::Refused { why });
            }
            vec![EventBody::Rated { score: *score, text: text.clone(), from: from.clone() }]
        }
        Action::Merge { into } => {
            if *into == id {
                let why = format!("{id} cannot be merged into itself; name another one");
                return Err(Verdict::Refused { why });
            }
            if incident.standing.merged_into == Some(*into) {
                return Err(Verdict::Already { why: format!("{id} is part of {into} already") });
            }
            if matches!(state, IncidentState::Closed | IncidentState::Cancelled) {
                return refuse(ended(incident, now, policy));
            }
            vec![EventBody::Merged { into: *into }]
        }
        Action::Split { reason } => match incident.standing.merged_into {
            Some(from) => {
                let goes_on = Box::new(incident.standing.interrupted.at(now));
                vec![EventBody::SplitOff { from, reason: reason.clone(), goes_on }]
            }
            None => return refuse(format!("{id} is not merged into another one")),
        },
        Action::Correct { correction, reason, agreed_with } => {
            if !matches!(state, IncidentState::Closed | IncidentState::Cancelled) {
                let why = format!(
                    "{id} is {}; change it as it is, corrections come after the end",
                    state.short()
                );
                return refuse(why);
            }
            correct(incident, correction, reason, agreed_with, policy, now)
                .map_err(|why| Verdict::Refused { why })?
        }
        Action::Reopen { .. } if incident.standing.merged_into.is_some() => {
            return refuse(format!("{}; split it off instead", ended(incident, now, policy)));
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

fn acknowledged(until: Option<Instant>) -> EventBody {
    EventBody::Acknowledged { until, handover: None }
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
    if change.what == RESTORED && change.by == actor.name {
        return refused(format!(
            "your last action on {id} is taken back already; what was before it stays"
        ));
    }
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
        class: change.class.clone(),
    })
}

/// Until when an acknowledgement given now lasts.
fn lasts(
    incident: &Incident,
    asked: Option<TimeDelta>,
    policy: &Policy,
    now: Instant,
) -> Option<Instant> {
    let length = asked.or_else(|| policy.ack_expiry(incident.priority))?;
    now.checked_add_signed(length)
}

/// Whether an end that was asked for is ahead, and not too far.
fn ahead(until: Option<Instant>, now: Instant, most: TimeDelta, what: &str) -> Result<(), String> {
    match until {
        Some(until) if until <= now => {
            Err(format!("{what} ends after it begins; name a later time"))
        }
        Some(until) if until - now > most => {
            Err(format!("{what} lasts {} at most", text::duration(most)))
        }
        _ => Ok(()),
    }
}

/// Impact and urgency with what is said anew.
fn class(incident: &Incident, impact: Option<u8>, urgency: Option<u8>) -> (u8, u8) {
    let impact = impact.unwrap_or(incident.impact).clamp(1, 3);
    (impact, urgency.unwrap_or(incident.urgency).clamp(1, 3))
}

fn reclassified(
    (impact, urgency): (u8, u8),
    category: Option<String>,
    policy: &Policy,
) -> EventBody {
    let priority = policy.priority(impact, urgency);
    EventBody::Reclassified { impact, urgency, priority, category }
}

/// What closing by hand demands: a category, a code and a cause, said now or before.
fn close(
    incident: &Incident,
    said: &Findings,
    category: &str,
    policy: &Policy,
) -> Result<(), String> {
    policy.known_code(&said.code)?;
    policy.known_category(category)?;
    let known = incident.standing.findings.with(said);
    let missing: Vec<&str> = [
        ("a category", category.is_empty() && incident.category.is_empty()),
        ("a code", known.code.is_empty()),
        ("a cause", known.cause.is_empty()),
    ]
    .into_iter()
    .filter(|(_, is_missing)| *is_missing)
    .map(|(name, _)| name)
    .collect();
    match missing.as_slice() {
        [] => Ok(()),
        missing => {
            let codes = policy.codes.join(", ");
            let id = incident.id;
            Err(format!("{id} lacks {} to be closed (codes: {codes})", missing.join(" and ")))
        }
    }
}

fn correct(
    incident: &Incident,
    correction: &Correction,
    reason: &str,
    agreed_with: &str,
    policy: &Policy,
    now: Instant,
) -> Result<Vec<EventBody>, String> {
    let id = incident.id;
    if reason.trim().is_empty() {
        return Err(format!("say why {id} is corrected"));
    }
    if agreed_with.trim().is_empty() {
        return Err(format!("say with whom the correction of {id} was agreed"));
    }
    if *correction == Correction::default() {
        return Err(
            "a correction changes something: a time, the class, a hold, the exclusion".to_owned()
        );
    }
    if let Some(category) = &correction.category {
        policy.known_category(category)?;
    }
    policy.known_code(&correction.findings.code)?;
    let standing = &incident.standing;
    let resolved = correction.resolved_at.or(standing.resolved.as_ref().map(|r| r.at));
    let started = correction.started_at.unwrap_or(incident.started_at);
    if correction.resolved_at.is_some() && standing.resolved.is_none() {
        return Err(format!("{id} was never resolved; there is no time of restoration"));
    }
    let end = resolved.unwrap_or(now);
    let shown = |at| time::show(at, now, policy.zone, TimeStyle::Local);
    if end > now {
        return Err(format!("{id} cannot have been restored at {}: that is to come", shown(end)));
    }
    if started > end {
        let (started, end) = (shown(started), shown(end));
        return Err(format!("{id} cannot have begun at {started}: it was over at {end}"));
    }
    if started < time::before(incident.opened_at, LONG_BEFORE) {
        return Err(format!(
            "{id} was opened more than a year after {started}: give its date again"
        ));
    }
    if let Some(at) = correction.acknowledged_at.filter(|at| *at < started || *at > end) {
        let (at, started, end) = (shown(at), shown(started), shown(end));
        return Err(format!(
            "{id} cannot have been acknowledged at {at}: it has to lie between when it began, {started}, \
             and when it was over, {end}"
        ));
    }
    if let Some(hold) = &correction.hold {
        if hold.from >= hold.to || hold.from < started || hold.to > end {
            return Err("a hold lies between the beginning and the restoration".to_owned());
        }
        let overlaps =
            |h: &crate::domain::incident::Hold| h.from < hold.to && hold.from < h.to.unwrap_or(end);
        if standing.holds.iter().any(overlaps) {
            return Err("it was on hold for a part of that time already".to_owned());
        }
    }
    let (impact, urgency) = class(incident, correction.impact, correction.urgency);
    let reclassified = correction.impact.is_some() || correction.urgency.is_some();
    let priority = reclassified.then(|| policy.priority(impact, urgency));
    let correction = Box::new(Correction { priority, ..correction.clone() });
    let (reason, agreed_with) = (reason.to_owned(), agreed_with.to_owned());
    Ok(vec![EventBody::Corrected { correction, reason, agreed_with }])
}

/// What became of an incident that is no longer open: "INC-7 was resolved by luis at 13:58".
fn ended(incident: &Incident, now: Instant, policy: &Policy) -> String {
    let standing = &incident.standing;
    if let (Some(into), Some(by)) = (standing.merged_into, &standing.cancelled) {
        let at = clock(by.at, now, policy);
        return format!("{} was merged into {into} by {} at {at}", incident.id, by.by);
    }
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

/// The same with the way out.
fn over(incident: &Incident, now: Instant, policy: &Policy) -> String {
    let ended = ended(incident, now, policy);
    match incident.standing.merged_into {
        Some(into) => format!("{ended}; work on {into}, or split it off"),
        None => format!("{ended}; reopen it first"),
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
    // Other actions give it another time, or end it.
    let extends = matches!(
        action,
        Action::Note { .. }
            | Action::Assign { .. }
            | Action::Classify { .. }
            | Action::Snooze { .. }
            | Action::Wake
    );
    let owns = ack.by == actor.name || incident.standing.is_assigned_to(&actor.name);
    let own = owns && incident.state() == IncidentState::Acknowledged;
    let until = now + policy.ack_expiry(incident.priority)?;
    (extends && own && ack.until.is_some_and(|u| u < until)).then_some(until)
}
