//! What sources and time do to incidents: alerts fire and clear, acknowledgements expire, heartbeats
//! fall silent.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::draft::Draft;
use super::{objectives, sight};
use crate::domain::health::ServiceId;
use crate::domain::incident::event::Opening;
use crate::domain::incident::lifecycle;
use crate::domain::incident::policy::{Classification, Policy};
use crate::domain::incident::{
    Actor, EventBody, Findings, Incident, IncidentId, IncidentState, Priority,
};
use crate::domain::matcher::Labels;
use crate::domain::observation::{Alert, AlertStatus, Fact, Observation, SourceName};
use crate::domain::text;
use crate::domain::time::Instant;

/// How many days back incidents of one key are counted as recurrences.
const RECURRENCE_DAYS: i64 = 7;

/// The source of the incidents that the console itself raises because it is blind.
const OWN_SOURCE: &str = "atalaya";
/// How the fingerprints of heartbeats that are silent begin.
const HEARTBEAT: &str = "heartbeat/";

/// A source answered.
pub(super) fn observed(draft: &mut Draft<'_>, observation: &Observation) {
    let source = &observation.source;
    for fact in &observation.facts {
        match fact {
            Fact::Alerts(set) => {
                for alert in set.raising() {
                    firing(draft, source, alert);
                }
            }
            Fact::Signals(readings) => {
                for r in readings {
                    judged(draft, source, &r.service, &r.signal);
                }
            }
            Fact::States(states) => {
                for s in states {
                    judged(draft, source, &s.service, &s.signal);
                }
            }
            Fact::Services(_)
            | Fact::Backfill(_)
            | Fact::Evidence(_)
            | Fact::Shifts(_)
            | Fact::Windows(_)
            | Fact::Silences(_) => {}
        }
    }
    clearing(draft, source);
}

/// A signal of which there is a new value or verdict: its alert fires, or is clear.
fn judged(draft: &mut Draft<'_>, source: &SourceName, service: &ServiceId, signal: &str) {
    let Some(track) = draft.state.sight.track(service, signal).cloned() else { return };
    if let Some(alert) = sight::alert_of_track(service, &track) {
        firing(draft, source, &alert);
        let flapping = draft
            .held(source, &alert.fingerprint)
            .filter(|i| track.flapping && i.flapping_since.is_none() && i.is_open())
            .map(|i| i.id);
        if let Some(id) = flapping {
            draft.push(&Actor::source(source), id, EventBody::FlappingStarted);
        }
    } else if track.state != crate::domain::health::State::Unknown {
        let fingerprint = sight::track_fingerprint(service, signal);
        if let Some(id) = draft.held(source, &fingerprint).map(|i| i.id) {
            draft.push(&Actor::source(source), id, EventBody::AlertCleared { fingerprint });
        }
    }
}

/// An alert that fires now.
pub(super) fn firing(draft: &mut Draft<'_>, source: &SourceName, alert: &Alert) {
    let actor = Actor::source(source);
    let fingerprint = &alert.fingerprint;
    let inhibited = sight::is_inhibited(&alert.status);
    if let Some(incident) = draft.held(source, fingerprint) {
        let id = incident.id;
        let known = incident.alerts.get(fingerprint).map(|a| a.status.clone());
        let unverified = incident.unverified_since.is_some();
        let was_inhibited = known.as_ref().is_some_and(sight::is_inhibited);
        if was_inhibited && !inhibited && incident.key != key_of(draft, source, alert).0 {
            // It was counted on its inhibitor; now it stands for itself.
            let cleared = EventBody::AlertCleared { fingerprint: fingerprint.clone() };
            draft.push(&actor, id, cleared);
        } else {
            if known.as_ref() != Some(&alert.status) {
                let status = alert.status.clone();
                let fingerprint = fingerprint.clone();
                draft.push(&actor, id, EventBody::AlertChanged { fingerprint, status });
            }
            if unverified {
                draft.push(&actor, id, EventBody::Verified);
            }
            return;
        }
    }
    let fired = EventBody::AlertFired {
        fingerprint: fingerprint.clone(),
        alert: Box::new(lifecycle::alert_fact(alert)),
    };
    if let AlertStatus::Inhibited { by } = &alert.status {
        let inhibitor = by.iter().find_map(|f| draft.held(source, f)).map(|i| i.id);
        if let Some(id) = inhibitor {
            draft.push(&actor, id, fired);
        }
        return;
    }
    let (key, service, class) = key_of(draft, source, alert);
    let last = draft.newest(&key).cloned();
    // What was merged lives on in another one.
    let heir = last.as_ref().and_then(|last| heir(draft, last));
    match last {
        Some(last) if last.is_open() => {
            draft.push(&actor, last.id, fired);
            joined(draft, &actor, last.id, &class);
        }
        Some(last) if heir.as_ref().is_some_and(Incident::is_open) => {
            draft.push(&actor, last.id, fired);
        }
        Some(last)
            if heir.as_ref().is_some_and(|h| reopens(h, &draft.state.plan.policy, draft.now)) =>
        {
            if let Some(heir) = heir {
                let reason = format!("an alert of {} fires again", last.id);
                draft.push(&actor, heir.id, EventBody::Reopened { automatic: true, reason });
                draft.push(&actor, last.id, fired);
                flaps(draft, heir.id);
            }
        }
        Some(last) if reopens(&last, &draft.state.plan.policy, draft.now) => {
            let reason = "its alert fires again".to_owned();
            draft.push(&actor, last.id, EventBody::Reopened { automatic: true, reason });
            draft.push(&actor, last.id, fired);
            flaps(draft, last.id);
        }
        last => {
            let since = draft.now - chrono::TimeDelta::days(RECURRENCE_DAYS);
            let recurrence = match &last {
                Some(last) if last.opened_at >= since => last.recurrence.saturating_add(1),
                _ => 1,
            };
            // Labels and annotations come with the alert itself, in the next event: 50,000 of them
            // are not written twice. Only what the rule adds stands here.
            let runbook = class.runbook.filter(|_| !alert.annotations.contains_key("runbook"));
            let annotations = runbook.map(|r| ("runbook".to_owned(), r)).into_iter().collect();
            let opening = Opening {
                key,
                title: title(alert),
                service,
                source: source.clone(),
                category: class.category,
                impact: class.impact,
                urgency: class.urgency,
                priority: class.priority,
                labels: Labels::new(),
                annotations,
                started_at: alert.starts_at,
                earlier: last.map(|l| l.id),
                recurrence,
            };
            let id = draft.open(&actor, opening);
            draft.push(&actor, id, fired);
        }
    }
}

/// The one that stands for an incident that was merged; of a chain the last.
fn heir(draft: &Draft<'_>, merged: &Incident) -> Option<Incident> {
    let mut next = merged.standing.merged_into?;
    // Nothing is merged into what is over, so a chain ends; a damaged store is no reason to hang.
    for _ in 0..64 {
        let incident = draft.incident(next)?;
        match incident.standing.merged_into {
            Some(further) => next = further,
            None => return Some(incident.clone()),
        }
    }
    None
}

/// An alert that is worse than what its group was classified by makes the group as urgent, unless a
/// person has said how urgent it is.
fn joined(draft: &mut Draft<'_>, actor: &Actor, id: IncidentId, class: &Classification) {
    let is_worse = draft
        .incident(id)
        .is_some_and(|i| i.standing.classified.is_none() && class.priority < i.priority);
    if is_worse {
        let (impact, urgency, priority) = (class.impact, class.urgency, class.priority);
        let body = EventBody::Reclassified { impact, urgency, priority, category: None };
        draft.push(actor, id, body);
    }
}

/// An alert that is held already has become worse.
pub(super) fn worsens(draft: &mut Draft<'_>, source: &SourceName, id: IncidentId, alert: &Alert) {
    let (_, _, class) = key_of(draft, source, alert);
    joined(draft, &Actor::source(source), id, &class);
}

/// Whether this trouble is still the same incident.
fn reopens(last: &Incident, policy: &Policy, now: Instant) -> bool {
    last.state() == IncidentState::Resolved
        && last.standing.resolved.as_ref().is_some_and(|r| now - r.at <= policy.reopen_window)
}

/// Three reopenings within the hour are flapping.
fn flaps(draft: &mut Draft<'_>, id: IncidentId) {
    let policy = &draft.state.plan.policy;
    let since = draft.now - policy.flap_window;
    let flaps = draft.incident(id).is_some_and(|i| {
        let recent = i.reopened_at.iter().filter(|at| **at >= since).count();
        i.flapping_since.is_none() && recent >= policy.flap_reopenings
    });
    if flaps {
        draft.push(&Actor::system(), id, EventBody::FlappingStarted);
    }
}

type Keyed = (String, Option<ServiceId>, Classification);

/// The dedup key of an alert, its service and its classification.
fn key_of(draft: &Draft<'_>, source: &SourceName, alert: &Alert) -> Keyed {
    let service = draft.state.sight.service_of(alert);
    let class = draft.state.plan.policy.classify(&alert.labels, service.map(|s| s.tier));
    let group = class.group_by.as_ref().map(|names| {
        let pairs = names.iter().map(|name| {
            let value = alert.labels.get(name).map_or("", String::as_str);
            format!("{name}={value}")
        });
        pairs.collect::<Vec<_>>().join(",")
    });
    let key = match group {
        Some(group) => format!("{source}/{{{group}}}"),
        None => format!("{source}/{}", alert.fingerprint),
    };
    (key, service.map(|s| s.id.clone()), class)
}

/// What an alert is called: its summary, else its name, else its description; of each only what can
/// be seen.
fn title(alert: &Alert) -> String {
    let annotation = |name: &str| alert.annotations.get(name);
    let found = [
        annotation("summary"),
        alert.labels.get("alertname"),
        annotation("title"),
        annotation("description"),
    ];
    let cleaned = found.into_iter().flatten().map(|text| text::clean(text, 300));
    cleaned.into_iter().find(|text| !text::is_blank(text)).unwrap_or_else(|| "(no name)".to_owned())
}

/// Alerts of this source that are gone: proven clear ones clear; what cannot be proven for longer
/// than a resolution takes is marked.
fn clearing(draft: &mut Draft<'_>, source: &SourceName) {
    let actor = Actor::source(source);
    let state = draft.state;
    let Some(held) = state.by_alert.get(source) else { return };
    let seen = state.sight.alerts.get(source);
    let mut cleared: Vec<(IncidentId, String)> = Vec::new();
    let mut doubtful: BTreeSet<IncidentId> = BTreeSet::new();
    let mut verified: BTreeSet<IncidentId> = BTreeSet::new();
    for (fingerprint, id) in held {
        let Some(incident) = state.incidents.get(id) else { continue };
        if let Some(rest) = fingerprint.strip_prefix("signal/") {
            // The signal itself is gone: a disk that was taken out, a check that was deleted.
            let known = rest
                .rsplit_once('/')
                .is_some_and(|(s, name)| state.sight.track(&ServiceId::new(s), name).is_some());
            if !known {
                cleared.push((*id, fingerprint.clone()));
            }
            continue;
        }
        let labels = incident.alerts.get(fingerprint).map(|a| &a.labels);
        let none = Labels::new();
        let labels = labels.unwrap_or(&none);
        let is_there = seen.is_none_or(|s| s.has(fingerprint, labels))
            || state.sight.origin_has(source, fingerprint, labels);
        if is_there {
            if seen.is_some() && incident.unverified_since.is_some() {
                verified.insert(*id);
            }
            continue;
        }
        if state.sight.is_proven_clear(source, fingerprint, labels, draft.now) {
            cleared.push((*id, fingerprint.clone()));
        } else if state
            .sight
            .gone_since(source, fingerprint)
            .is_some_and(|since| draft.now - since >= state.plan.policy.resolve_after)
            && incident.is_open()
            && incident.unverified_since.is_none()
        {
            doubtful.insert(*id);
        }
    }
    cleared.sort();
    for (id, fingerprint) in cleared {
        let still = draft
            .incident(id)
            .is_some_and(|i| i.alerts.get(&fingerprint).is_some_and(|a| a.cleared_at.is_none()));
        if !still {
            continue;
        }
        draft.push(&actor, id, EventBody::AlertCleared { fingerprint });
        if draft.incident(id).is_some_and(|i| i.unverified_since.is_some()) {
            draft.push(&actor, id, EventBody::Verified);
        }
    }
    for id in verified {
        if draft.incident(id).is_some_and(|i| i.unverified_since.is_some()) {
            draft.push(&actor, id, EventBody::Verified);
        }
    }
    for id in doubtful {
        // One alert that still fires is enough to know that the trouble is real.
        let fires = state.incidents.get(&id).is_some_and(|i| {
            i.alerts
                .iter()
                .any(|(f, a)| a.cleared_at.is_none() && seen.is_some_and(|s| s.has(f, &a.labels)))
        });
        if !fires && draft.incident(id).is_some_and(|i| i.firing() > 0) {
            draft.push(&Actor::system(), id, EventBody::Unverified);
        }
    }
}

/// When time will next do something to this incident; never, where that is beyond all calendars.
pub(super) fn due(incident: &Incident, policy: &Policy) -> Option<Instant> {
    let standing = &incident.standing;
    match standing.state {
        IncidentState::Resolved if incident.firing() == 0 => {
            standing.resolved.as_ref().and_then(|r| r.at.checked_add_signed(policy.close_after))
        }
        state if state.is_open() => {
            let flapping = incident.flapping_since.is_some();
            let wait = if flapping { policy.flap_peace } else { policy.resolve_after };
            let resolves = incident.clear_since.and_then(|since| since.checked_add_signed(wait));
            let ack = standing.acknowledged.as_ref();
            let expires = ack.and_then(|a| a.warns_at.or(a.until));
            let expires = expires.filter(|_| state == IncidentState::Acknowledged);
            let wakes = standing.snoozed.as_ref().map(|s| s.until);
            let resumes = standing.hold().and_then(|h| h.until);
            [resolves, expires, wakes, resumes].into_iter().flatten().min()
        }
        _ => None,
    }
}

/// How many alerts of it and of what was merged into it still fire.
pub(super) fn still_firing(draft: &Draft<'_>, incident: &Incident) -> usize {
    let merged = incident.absorbed.iter().filter_map(|a| draft.incident(a.id));
    incident.firing() + merged.map(|i| still_firing(draft, i)).sum::<usize>()
}

fn resolved_by_itself() -> EventBody {
    let reason = "all alerts cleared".to_owned();
    EventBody::Resolved { automatic: true, reason, findings: Findings::default() }
}

fn closed_by_itself() -> EventBody {
    let (reason, findings) = ("nobody objected".to_owned(), Findings::default());
    EventBody::Closed { automatic: true, reason, findings, category: None }
}

/// A second passed.
pub(super) fn tick(draft: &mut Draft<'_>) {
    let now = draft.now;
    let system = Actor::system();
    let state = draft.state;
    let policy = &state.plan.policy;
    let due = state.due.iter().take_while(|(at, _)| *at <= now);
    for (_, id) in due {
        let Some(incident) = state.incidents.get(id) else { continue };
        let standing = &incident.standing;
        if standing.state == IncidentState::Resolved {
            draft.push(&system, *id, closed_by_itself());
            continue;
        }
        let flapping = incident.flapping_since.is_some();
        let wait = if flapping { policy.flap_peace } else { policy.resolve_after };
        let is_clear =
            incident.clear_since.is_some_and(|since| now.signed_duration_since(since) >= wait);
        if is_clear && still_firing(draft, incident) == 0 {
            if flapping {
                draft.push(&system, *id, EventBody::FlappingEnded);
            }
            draft.push(&system, *id, resolved_by_itself());
            continue;
        }
        if standing.snoozed.as_ref().is_some_and(|s| s.until <= now) {
            draft.push(&system, *id, EventBody::Woken { automatic: true });
        }
        if standing.hold().and_then(|h| h.until).is_some_and(|until| until <= now) {
            draft.push(&system, *id, EventBody::Resumed { automatic: true });
            continue;
        }
        let Some(ack) = standing.acknowledged.as_ref() else { continue };
        let Some(until) = ack.until.filter(|_| standing.state == IncidentState::Acknowledged)
        else {
            continue;
        };
        if until <= now {
            draft.push(&system, *id, EventBody::AcknowledgementExpired);
        } else if ack.warns_at.is_some_and(|at| at <= now) {
            draft.push(&system, *id, EventBody::AcknowledgementExpiring { until });
        }
    }
    let own: SourceName = Arc::from(OWN_SOURCE);
    pulses(draft, &own);
    objectives::tick(draft, &own);
}

/// An alert that must always fire and does not: monitoring is blind, and that is a P1.
fn pulses(draft: &mut Draft<'_>, source: &SourceName) {
    let now = draft.now;
    let state = draft.state;
    let grace = state.plan.policy.heartbeat_grace;
    let mut silent: BTreeSet<String> = BTreeSet::new();
    for (of, matchers, since) in state.sight.silent(grace, now) {
        let fingerprint = format!("{HEARTBEAT}{of}/{matchers}");
        silent.insert(fingerprint.clone());
        let labels: Labels = [("severity", "critical"), ("source", of), ("heartbeat", matchers)]
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        let summary = format!(
            "monitoring is blind: {matchers} of {of} has not fired for {}",
            text::duration(grace)
        );
        let alert = Alert {
            fingerprint,
            labels,
            annotations: [("summary".to_owned(), summary)].into_iter().collect(),
            starts_at: since,
            status: AlertStatus::Active,
            generator_url: None,
            service: None,
        };
        let held = draft.held(source, &alert.fingerprint).is_some();
        if !held {
            firing(draft, source, &alert);
            let opened = draft.held(source, &alert.fingerprint).map(|i| (i.id, i.priority));
            if let Some((id, _)) = opened.filter(|(_, p)| p.0 > 1) {
                let (impact, urgency, priority) = (1, 1, Priority(1));
                let body = EventBody::Reclassified { impact, urgency, priority, category: None };
                draft.push(&Actor::system(), id, body);
            }
        }
    }
    let held = state.by_alert.get(source);
    let back: Vec<(IncidentId, String)> = held
        .into_iter()
        .flatten()
        .filter(|(f, _)| f.starts_with(HEARTBEAT) && !silent.contains(*f))
        .map(|(f, id)| (*id, f.clone()))
        .collect();
    for (id, fingerprint) in back {
        draft.push(&Actor::system(), id, EventBody::AlertCleared { fingerprint });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("disk full", "DiskFull", "disk full")]
    #[case(" \u{3164}", "DiskFull", "DiskFull")]
    #[case("", "\u{2800}", "(no name)")]
    fn an_alert_is_called_by_the_first_that_can_be_seen(
        #[case] summary: &str,
        #[case] name: &str,
        #[case] expect: &str,
    ) {
        let mut alert = crate::engine::tests::alert("");
        alert.annotations = [("summary".to_owned(), summary.to_owned())].into_iter().collect();
        alert.labels = [("alertname".to_owned(), name.to_owned())].into_iter().collect();
        assert_eq!(title(&alert), expect);
    }
}
