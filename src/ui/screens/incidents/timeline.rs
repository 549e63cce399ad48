//! The history of an incident as people read it: one entry for each thing that happened, a flood of
//! alerts condensed into one.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;

use crate::domain::health::State;
use crate::domain::incident::event::Opening;
use crate::domain::incident::lifecycle::Correction;
use crate::domain::incident::process::{self, Process};
use crate::domain::incident::{
    ActorKind, AlertFact, Event, EventBody, Findings, Incident, IncidentState,
};
use crate::domain::matcher::Labels;
use crate::domain::observation::AlertStatus;
use crate::domain::paging::{Page, Standing};
use crate::domain::roster::Roster;
use crate::domain::text::duration;
use crate::domain::time::{Instant, TimeStyle, show};
use crate::domain::upstream::Order;

/// Alerts that fire or clear within so long of each other are one entry.
const TOGETHER: TimeDelta = TimeDelta::seconds(60);

/// One entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub at: Instant,
    /// What happened, in one word.
    pub word: &'static str,
    pub tone: Tone,
    /// Who did it: a person, a source, or nobody (the console itself).
    pub who: String,
    /// The rest, possibly of several lines.
    pub text: String,
}

/// How an entry is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As the state that it brought.
    State(State),
    /// What a person wrote.
    Human,
    /// Everything else.
    Plain,
}

/// The entries of `events` (oldest first), oldest first.
pub fn entries(events: &[Event], incident: Option<&Incident>, zone: Tz) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    if let Some(incident) = incident {
        names.extend(incident.alerts.iter().map(|(f, alert)| (f.as_str(), alert_name(alert))));
    }
    let mut run: Vec<&str> = Vec::new();
    for event in events {
        if let EventBody::AlertFired { fingerprint, alert } = &event.body {
            names.entry(fingerprint).or_insert_with(|| alert_name(alert));
        }
        let entry = tell(event, &names, zone);
        let alike = entries.last().filter(|last| {
            last.word == entry.word && last.who == entry.who && event.at - last.at <= TOGETHER
        });
        match (fingerprint(&event.body), alike.is_some()) {
            (Some(fingerprint), true) if !run.is_empty() => {
                run.push(fingerprint);
                let first = run.first().and_then(|f| names.get(f)).map_or("", String::as_str);
                if let Some(last) = entries.last_mut() {
                    last.text = format!("{} alerts, first {first}", run.len());
                }
                continue;
            }
            (found, _) => run = found.into_iter().collect(),
        }
        // The alert that opened it has been told of already.
        let told = entries.last().is_some_and(|last| {
            last.word == "opened" && last.at == entry.at && last.text.starts_with(&entry.text)
        });
        if told && !run.is_empty() {
            continue;
        }
        entries.push(entry);
    }
    entries
}

/// What became of pages, oldest first.
pub fn paged<'a>(pages: impl Iterator<Item = &'a Arc<Page>>, roster: &Roster) -> Vec<Entry> {
    let mut entries = Vec::new();
    for page in pages {
        let name = roster.name(&page.what.person);
        let wanted =
            if page.what.text.is_empty() { String::new() } else { format!(": {}", page.what.text) };
        let text =
            format!("{name} ({}) by {}{wanted}", page.what.target, page.what.channels.join(", "));
        let entry = |at, word, tone, text| Entry { at, word, tone, who: String::new(), text };
        entries.push(Entry { who: page.by.clone(), ..entry(page.at, "paged", Tone::Human, text) });
        for delivery in &page.deliveries {
            let to = format!("{name} by {}", delivery.channel);
            let failed = delivery.failed.iter().map(|t| {
                let text = format!("{to}, try {}: {}", t.attempt, t.why);
                entry(t.at, "page failed", Tone::State(State::Warning), text)
            });
            entries.extend(failed);
            match &delivery.standing {
                Standing::Delivered { at, said } => {
                    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
                    let (word, tone) = ("page arrived", Tone::State(State::Ok));
                    entries.push(entry(*at, word, tone, format!("{to}{said}")));
                }
                Standing::GivenUp { at, why } => {
                    let (word, tone) = ("page given up", Tone::State(State::Critical));
                    entries.push(entry(*at, word, tone, format!("{to}: {why}")));
                }
                Standing::Waiting { .. } | Standing::Trying { .. } => {}
            }
        }
    }
    entries.sort_by_key(|e| e.at);
    entries
}

/// What became of orders, oldest first.
pub fn ordered<'a>(orders: impl Iterator<Item = &'a Arc<Order>>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for order in orders {
        let (id, source) = (order.what.id, &order.what.source);
        let entry = |at, word, tone, text| Entry { at, word, tone, who: String::new(), text };
        let text = format!("{} on {source}", order.what.call.words());
        entries
            .push(Entry { who: order.by.clone(), ..entry(order.at, "ordered", Tone::Human, text) });
        let failed = order.failed.iter().map(|t| {
            let text = format!("{id} on {source}, try {}: {}", t.attempt, t.why);
            entry(t.at, "order failed", Tone::State(State::Warning), text)
        });
        entries.extend(failed);
        match &order.standing {
            Standing::Delivered { at, said } => {
                let said = if said.is_empty() { String::new() } else { format!(": {said}") };
                let (word, tone) = ("order done", Tone::State(State::Ok));
                entries.push(entry(*at, word, tone, format!("{id} on {source}{said}")));
            }
            Standing::GivenUp { at, why } => {
                let (word, tone) = ("order given up", Tone::State(State::Critical));
                entries.push(entry(*at, word, tone, format!("{id} on {source}: {why}")));
            }
            Standing::Waiting { .. } | Standing::Trying { .. } => {}
        }
    }
    entries.sort_by_key(|e| e.at);
    entries
}

/// The alert that an event is about, where it is about one.
fn fingerprint(body: &EventBody) -> Option<&str> {
    match body {
        EventBody::AlertFired { fingerprint, .. }
        | EventBody::AlertCleared { fingerprint }
        | EventBody::AlertChanged { fingerprint, .. } => Some(fingerprint),
        _ => None,
    }
}

fn tell(event: &Event, names: &BTreeMap<&str, String>, zone: Tz) -> Entry {
    let name = |fingerprint: &str| {
        names.get(fingerprint).cloned().unwrap_or_else(|| format!("alert {fingerprint}"))
    };
    let clock = |at: Instant| show(at, event.at, zone, TimeStyle::Local);
    let because = |automatic: bool, reason: &str, otherwise: &str| match (automatic, reason) {
        (true, "") => otherwise.to_owned(),
        (_, reason) => reason.to_owned(),
    };
    let ok = Tone::State(State::Ok);
    let bad = Tone::State(State::Critical);
    let warn = Tone::State(State::Warning);
    let doubt = Tone::State(State::Unknown);
    let (word, tone, text) = match &event.body {
        EventBody::Opened(opening) => opened(event, opening),
        EventBody::AlertFired { fingerprint, .. } => ("firing", bad, name(fingerprint)),
        EventBody::AlertCleared { fingerprint } => ("cleared", ok, name(fingerprint)),
        EventBody::AlertChanged { fingerprint, status } => match status {
            AlertStatus::Active => ("active", bad, name(fingerprint)),
            AlertStatus::Silenced { .. } => ("silenced", Tone::Plain, name(fingerprint)),
            AlertStatus::Inhibited { .. } => ("inhibited", Tone::Plain, name(fingerprint)),
        },
        EventBody::Acknowledged { until, handover: Some(id) } => {
            let until = until.map(|at| format!(", until {}", clock(at))).unwrap_or_default();
            let text = format!("handed over by {id} to {}{until}", event.actor.name);
            ("ack", Tone::Human, text)
        }
        EventBody::Assigned { to: Some(to), handover: Some(id) } => {
            ("assigned", Tone::Human, format!("handed over by {id} to {to}"))
        }
        EventBody::Acknowledged { until, handover: None } => {
            let text = until.map(|at| format!("until {}", clock(at))).unwrap_or_default();
            ("ack", Tone::Human, text)
        }
        EventBody::AcknowledgementExtended { until } => {
            ("extended", Tone::Plain, format!("acknowledged until {}", clock(*until)))
        }
        EventBody::AcknowledgementExpiring { until } => {
            ("expiring", warn, format!("the acknowledgement ends at {}", clock(*until)))
        }
        EventBody::AcknowledgementTakenBack => ("unack", Tone::Human, "new again".to_owned()),
        EventBody::AcknowledgementExpired => {
            ("expired", warn, "nobody extended the acknowledgement; new again".to_owned())
        }
        EventBody::Assigned { to, .. } => {
            let text = to.as_ref().map_or("to nobody".to_owned(), |to| format!("to {to}"));
            ("assigned", Tone::Human, text)
        }
        EventBody::Noted { text } => ("note", Tone::Human, text.clone()),
        EventBody::Resolved { automatic, reason, findings } => {
            let text = because(*automatic, reason, "all alerts proven clear");
            ("resolved", ok, ended(text, findings))
        }
        EventBody::Reopened { automatic, reason } => {
            ("reopened", bad, because(*automatic, reason, "the same trouble came back"))
        }
        EventBody::Closed { automatic, reason, findings, category } => {
            let text = because(*automatic, reason, "nobody objected in time");
            let about = category.as_ref().map(|c| format!("category {c}")).unwrap_or_default();
            ("closed", Tone::Plain, joined(&[about, ended(text, findings)]))
        }
        EventBody::Held { reason, note, until } => {
            let until = until.map(|at| format!("until {}", clock(at))).unwrap_or_default();
            let waits = format!("waits for {}", reason.says());
            ("on hold", Tone::Human, joined(&[waits, note.clone(), until]))
        }
        EventBody::Resumed { automatic } => {
            let text = if *automatic { "the time of waiting is over" } else { "" };
            ("resumed", Tone::Human, text.to_owned())
        }
        EventBody::Snoozed { until } => {
            ("snoozed", Tone::Human, format!("until {}", clock(*until)))
        }
        EventBody::Woken { automatic } => {
            let text = if *automatic { "the snooze is over" } else { "" };
            ("woken", Tone::Human, text.to_owned())
        }
        EventBody::Rated { score, text, from } => {
            let from = if from.is_empty() { String::new() } else { format!("by {from}") };
            ("feedback", Tone::Human, joined(&[format!("{score} of 5"), from, text.clone()]))
        }
        EventBody::Merged { into } => {
            ("merged", Tone::Human, format!("{into} covers the same trouble"))
        }
        EventBody::Absorbed(other) => {
            ("merged in", Tone::Human, format!("{} is the same trouble", other.id))
        }
        EventBody::SplitOff { from, reason, goes_on } => {
            let held =
                goes_on.held.as_ref().map(|h| format!("waits for {} again", h.reason.says()));
            let snoozed = goes_on.snoozed.as_ref();
            let snoozed = snoozed.map(|s| format!("snoozed until {} again", clock(s.until)));
            let parts = [
                format!("no part of {from}"),
                reason.clone(),
                held.unwrap_or_default(),
                snoozed.unwrap_or_default(),
            ];
            ("split off", Tone::Human, joined(&parts))
        }
        EventBody::Released { id } => {
            ("split off", Tone::Human, format!("{id} stands for itself again"))
        }
        EventBody::Corrected { correction, reason, agreed_with } => {
            let what = corrected(correction, &clock);
            let why = format!("{reason} (agreed with {agreed_with})");
            ("corrected", warn, joined(&[what, why]))
        }
        EventBody::Cancelled { reason } => ("cancelled", Tone::Plain, reason.clone()),
        EventBody::Folded { under } => ("folded", Tone::Plain, format!("{under} is the cause")),
        EventBody::Unfolded => ("unfolded", Tone::Plain, "stands on its own again".to_owned()),
        EventBody::Unverified => {
            ("unverified", doubt, "alerts gone, but nothing proves that they cleared".to_owned())
        }
        EventBody::Verified => ("verified", Tone::Plain, "its origin answers again".to_owned()),
        EventBody::MaintenanceBegan { window, title, .. } => {
            ("maintenance", Tone::Plain, format!("{title} ({window}) mutes it: nobody is told"))
        }
        EventBody::MaintenanceEnded => {
            ("maintenance over", Tone::Plain, "no window mutes it any more".to_owned())
        }
        EventBody::Drilled { window, title } => {
            ("drill", Tone::Plain, format!("{title} ({window}): outside of service levels"))
        }
        EventBody::ServiceLevelWarned {
            contract,
            clock: kind,
            mark,
            deadline,
            call,
            people,
            missed,
            ..
        } => {
            let far = match mark.as_str() {
                "100%" => format!("{} was due at {}", kind.word(), clock(*deadline)),
                mark => format!("{} at {mark}, due at {}", kind.word(), clock(*deadline)),
            };
            let whom = (!people.is_empty()).then(|| format!("pages {}", people.join(", ")));
            let whom =
                whom.or_else(|| (!call.is_empty()).then(|| format!("{call} reaches nobody")));
            let missed = missed.iter().map(|why| unreached(why));
            let rest: Vec<String> = std::iter::once(far).chain(whom).chain(missed).collect();
            let tone = if mark == "50%" { Tone::Plain } else { warn };
            ("sla", tone, format!("{contract}: {}", rest.join("; ")))
        }
        EventBody::FlappingStarted => {
            ("flapping", warn, "comes and goes; quiet until it has peace".to_owned())
        }
        EventBody::Escalated { policy, level, round, people, missed, next } => {
            let again = if *round > 1 { format!(", round {round}") } else { String::new() };
            let whom = if people.is_empty() {
                "reaches nobody".to_owned()
            } else {
                format!("pages {}", people.join(", "))
            };
            let then =
                next.filter(|at| *at > event.at).map(|at| format!("goes on at {}", clock(at)));
            let rest = missed.iter().map(|why| unreached(why)).chain(then);
            let rest: Vec<String> = std::iter::once(whom).chain(rest).collect();
            let tone = if people.is_empty() { warn } else { Tone::Plain };
            ("escalated", tone, format!("{policy} level {level}{again} {}", rest.join("; ")))
        }
        EventBody::EscalationExhausted { policy } => {
            ("exhausted", bad, format!("nobody acknowledged; escalation {policy} is exhausted"))
        }
        EventBody::FlappingEnded => ("steady", Tone::Plain, "no longer flapping".to_owned()),
        EventBody::Reclassified { impact, urgency, priority, category } => {
            let about = category.as_ref().map(|c| format!("category {c}")).unwrap_or_default();
            let class = format!("impact {impact} × urgency {urgency} → {priority}");
            ("classified", Tone::Human, joined(&[class, about]))
        }
        EventBody::Undone { what, standing, .. } => {
            ("undone", Tone::Human, format!("no longer {what}; {} again", standing.state.short()))
        }
    };
    let who = match event.actor.kind {
        ActorKind::System => String::new(),
        ActorKind::Person | ActorKind::Source => event.actor.name.clone(),
    };
    Entry { at: event.at, word, tone, who, text }
}

/// Whom a page does not reach, as one says it: `not Mia: no channels`, `nobody is on call on nights`.
fn unreached(why: &str) -> String {
    if why.starts_with("nobody ") { why.to_owned() } else { format!("not {why}") }
}

/// What is not empty, with a sign between.
fn joined(parts: &[String]) -> String {
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
    parts.join(" · ")
}

/// How it ended, with what was found.
fn ended(text: String, findings: &Findings) -> String {
    let cause = match (findings.code.as_str(), findings.cause.as_str()) {
        (code, "") => code.to_owned(),
        ("", cause) => format!("cause: {cause}"),
        (code, cause) => format!("{code}: {cause}"),
    };
    joined(&[cause, text])
}

/// What a correction puts right, in words.
fn corrected(correction: &Correction, clock: &impl Fn(Instant) -> String) -> String {
    let at = |name: &str, at: Option<Instant>| at.map(|at| format!("{name} {}", clock(at)));
    let class = correction.priority.map(|p| format!("{p}"));
    let category = correction.category.as_ref().map(|c| format!("category {c}"));
    let hold = correction.hold.map(|h| {
        let (from, to) = (clock(h.from), clock(h.to));
        format!("waited for {} from {from} to {to}", h.reason.says())
    });
    let excluded = correction.excluded.map(|excluded| {
        if excluded { "left out of service levels" } else { "counts for service levels" }.to_owned()
    });
    let found = Some(ended(String::new(), &correction.findings)).filter(|f| !f.is_empty());
    let parts = [
        at("began", correction.started_at),
        at("acknowledged", correction.acknowledged_at),
        at("restored", correction.resolved_at),
        class,
        category,
        hold,
        excluded,
        found,
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(", ")
}

fn opened(event: &Event, opening: &Opening) -> (&'static str, Tone, String) {
    let what = labelled(&opening.labels).unwrap_or_else(|| opening.title.clone());
    let again = match (opening.recurrence, opening.earlier) {
        (2.., Some(earlier)) => {
            format!(" · {} in 7 days, before {earlier}", nth(opening.recurrence))
        }
        _ => String::new(),
    };
    let word = if event.actor.kind == ActorKind::Person { "reported" } else { "opened" };
    (word, Tone::State(State::Critical), format!("{what}{again}"))
}

/// `1st`, `2nd`, `3rd`, `11th`.
pub fn nth(n: u32) -> String {
    let ending = match (n % 10, n % 100) {
        (1, r) if r != 11 => "st",
        (2, r) if r != 12 => "nd",
        (3, r) if r != 13 => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

/// `HighLatency{instance="a", zone="eu"}`.
pub fn alert_name(alert: &AlertFact) -> String {
    labelled(&alert.labels).unwrap_or_else(|| "alert without labels".to_owned())
}

fn labelled(labels: &Labels) -> Option<String> {
    if labels.is_empty() {
        return None;
    }
    let name = labels.get("alertname").map_or("", String::as_str);
    let rest: Vec<String> = labels
        .iter()
        .filter(|(key, _)| *key != "alertname" && *key != "severity")
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    let rest = if rest.is_empty() { String::new() } else { format!("{{{}}}", rest.join(", ")) };
    Some(format!("{name}{rest}"))
}

/// What an incident stands for right now, as a few facts in words: "acknowledged by ana, until
/// 14:33", "alerts gone, not proven clear for 5m".
pub fn standing(incident: &Incident, now: Instant, zone: Tz) -> String {
    let standing = &incident.standing;
    let clock = |at: Instant| show(at, now, zone, TimeStyle::Local);
    let ending = |word: &str, ending: &Option<crate::domain::incident::Ending>| match ending {
        Some(e) if e.automatic => format!("{word} by itself at {}", clock(e.at)),
        Some(e) => format!("{word} by {} at {}", e.by, clock(e.at)),
        None => word.to_owned(),
    };
    match standing.state {
        IncidentState::New => match &standing.assignee {
            Some(who) => format!("new, assigned to {who}"),
            None => "new, nobody has it".to_owned(),
        },
        IncidentState::Acknowledged => match &standing.acknowledged {
            Some(ack) => {
                let until = ack.until.map(|at| {
                    format!(", back to new in {}", duration((at - now).max(TimeDelta::zero())))
                });
                format!("acknowledged by {}{}", ack.by, until.unwrap_or_default())
            }
            None => "acknowledged".to_owned(),
        },
        IncidentState::OnHold => match standing.hold() {
            Some(hold) => {
                let for_ = duration((now - hold.from).max(TimeDelta::zero()));
                let until = hold.until.map(|at| format!(", until {}", clock(at)));
                let until = until.unwrap_or_default();
                format!("waits for {} since {for_}{until}", hold.reason.says())
            }
            None => "on hold".to_owned(),
        },
        IncidentState::Resolved => ending("resolved", &standing.resolved),
        IncidentState::Closed => ending("closed", &standing.closed),
        IncidentState::Cancelled => ending("cancelled", &standing.cancelled),
    }
}

/// How it ended: `fixed: disk full`.
pub fn found(incident: &Incident) -> String {
    ended(String::new(), &incident.standing.findings)
}

/// `4 of 5 · by the shop · quick`.
pub fn feedback(incident: &Incident) -> String {
    incident.standing.feedback.as_ref().map_or_else(String::new, |f| {
        let from = if f.from.is_empty() { String::new() } else { format!("by {}", f.from) };
        joined(&[format!("{} of 5", f.score), from, f.text.clone()])
    })
}

/// What it is part of, or what is part of it.
pub fn merged(incident: &Incident) -> String {
    if let Some(into) = incident.standing.merged_into {
        return format!("into {into}");
    }
    let ids: Vec<String> = incident.absorbed.iter().map(|a| a.id.to_string()).collect();
    ids.join(", ")
}

/// The steps of the process with their lengths and the roles that answer for them:
/// `report 2m · process 42m (shift lead), goes on`.
pub fn passed(incident: &Incident, roles: &Process, now: Instant) -> String {
    let steps = process::steps(incident).into_iter().map(|s| {
        let length = duration((s.to.unwrap_or(now) - s.from).max(TimeDelta::zero()));
        let role = roles.role(s.step).map(|r| format!(" ({r})")).unwrap_or_default();
        let goes_on = if s.to.is_none() { ", goes on" } else { "" };
        format!("{} {length}{role}{goes_on}", s.step.word())
    });
    steps.collect::<Vec<_>>().join(" · ")
}
