//! `atalaya incident show ID`: everything that is known of one, with its timeline.

use std::fmt::Write as _;

use chrono::Utc;
use serde::Serialize;
use serde_json::Value;

use super::incidents::{Fields, utc};
use super::output::{self, Exit, print};
use super::{Context, Failure, stored};
use crate::config::Config;
use crate::domain::incident::process;
use crate::domain::incident::{Ending, Event, Incident, IncidentId, Maintained};
use crate::domain::paging::{Phase, Progress};
use crate::domain::sla::incident::{Stand, promises};
use crate::domain::text::{MAX_LINE, clean};
use crate::ui::screens::incidents::timeline;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    incident: Fields,
    labels: Value,
    annotations: Value,
    reported_by: Value,
    /// The steps of the process that it has begun.
    process: Vec<StepFields>,
    timeline: Vec<EntryFields<'a>>,
}

/// One step of the process as scripts read it.
#[derive(Serialize)]
struct StepFields {
    /// `report classify process feedback close`.
    step: &'static str,
    from: String,
    /// `null`: it is in this step.
    to: Option<String>,
    by: Option<String>,
    /// Which role answers for it.
    role: Option<String>,
}

fn steps(incident: &Incident, config: &Config) -> Vec<StepFields> {
    let roles = &config.plan.policy.process;
    let fields = |s: process::Passed| StepFields {
        step: s.step.word(),
        from: utc(s.from),
        to: s.to.map(utc),
        by: s.by,
        role: roles.role(s.step).map(str::to_owned),
    };
    process::steps(incident).into_iter().map(fields).collect()
}

/// One event as scripts read it.
#[derive(Serialize)]
pub struct EntryFields<'a> {
    pub at: String,
    pub kind: &'static str,
    pub actor: &'a str,
    pub text: String,
    /// The event as it is stored.
    pub data: Value,
}

impl<'a> EntryFields<'a> {
    pub fn of(event: &'a Event, text: String) -> Self {
        let data = json(&event.body);
        let (kind, actor) = (event.body.kind(), event.actor.name.as_str());
        Self { at: utc(event.at), kind, actor, text, data }
    }
}

pub async fn run(context: &Context, config: &Config, id: IncidentId) -> Result<Exit, Failure> {
    let store = stored::open_to_query(context, config).await?;
    let read = async {
        Ok((
            store.incident(id).await?,
            store.timeline(id).await?,
            store.pages().await?,
            store.orders().await?,
        ))
    };
    let read: Result<_, Failure> = read.await;
    store.close().await;
    let (Some(incident), events, pages, orders) = read? else {
        return Err(Failure::Refused(format!(
            "there is no {id}; `atalaya incidents state:any` lists all"
        )));
    };
    let mut paged = timeline::paged(pages.about(id), &config.plan.roster);
    paged.extend(timeline::ordered(orders.about(id)));
    if context.output.json {
        output::document(&Document {
            incident: Fields::of(&incident, &config.plan.service_levels, Utc::now()),
            labels: json(&incident.labels),
            annotations: json(&incident.annotations),
            reported_by: json(&incident.reported_by),
            process: steps(&incident, config),
            timeline: told(&events, &paged, &incident, config),
        });
    } else {
        print(&text(&incident, &events, paged, config));
    }
    Ok(Exit::Fine)
}

/// The events, and what became of pages about it, in their order.
fn told<'a>(
    events: &'a [Event],
    paged: &'a [timeline::Entry],
    incident: &Incident,
    config: &Config,
) -> Vec<EntryFields<'a>> {
    let events = events.iter().map(|e| (e.at, EntryFields::of(e, words(e, incident, config))));
    let paged = paged.iter().map(|e| {
        let (kind, actor, text) = (e.word, e.who.as_str(), e.text.clone());
        let kind = match kind {
            "page failed" => "page_failed",
            "page arrived" => "page_delivered",
            "page given up" => "page_given_up",
            kind => kind,
        };
        (e.at, EntryFields { at: utc(e.at), kind, actor, text, data: Value::Null })
    });
    let mut told: Vec<_> = events.chain(paged).collect();
    told.sort_by_key(|(at, _)| *at);
    told.into_iter().map(|(_, fields)| fields).collect()
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn words(event: &Event, incident: &Incident, config: &Config) -> String {
    let one = std::slice::from_ref(event);
    let entries = timeline::entries(one, Some(incident), config.plan.site.zone);
    entries.into_iter().map(|e| e.text).collect()
}

/// How far the paging has come: `core level 1: Ana Ruiz, at 14:03:02; goes on at 14:13:02`.
fn escalated(progress: &Progress, config: &Config) -> String {
    let Progress { policy, level, round, at, people, phase } = progress;
    let plan = &config.plan;
    let clock =
        |at: &crate::domain::time::Instant| at.with_timezone(&plan.site.zone).format("%H:%M:%S");
    let whom: Vec<&str> = people.iter().map(|id| plan.roster.name(id)).collect();
    let whom = if whom.is_empty() { "nobody".to_owned() } else { whom.join(", ") };
    let again = if *round > 1 { format!(", round {round}") } else { String::new() };
    let then = match phase {
        Phase::Waiting { until } => format!("; goes on at {}", clock(until)),
        Phase::Stopped => String::new(),
        Phase::Exhausted => "; nobody acknowledged, it is exhausted".to_owned(),
    };
    format!("{policy} level {level}{again}: {whom}, at {}{then}", clock(at))
}

fn text(i: &Incident, events: &[Event], paged: Vec<timeline::Entry>, config: &Config) -> String {
    let zone = config.plan.site.zone;
    let local =
        |at: crate::domain::time::Instant| at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z");
    let mut out =
        format!("{}  {}  {}\n{}\n", i.id, i.priority, i.state().word(), clean(&i.title, MAX_LINE));
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "  {name:<12} {value}");
        }
    };
    fact("service", i.service.as_ref().map_or("unassigned".to_owned(), ToString::to_string));
    fact("priority", format!("impact {} × urgency {} → {}", i.impact, i.urgency, i.priority));
    fact("assignee", i.owner().unwrap_or_default().to_owned());
    fact("source", i.source.to_string());
    fact("category", i.category.clone());
    fact("stands", timeline::standing(i, Utc::now(), zone));
    fact("found", timeline::found(i));
    fact("feedback", timeline::feedback(i));
    fact("process", timeline::passed(i, &config.plan.policy.process, Utc::now()));
    fact("merged", timeline::merged(i));
    fact("started", local(i.started_at).to_string());
    fact("opened", local(i.opened_at).to_string());
    let ending = |e: &Option<Ending>| e.as_ref().map(|e| format!("{} by {}", local(e.at), e.by));
    fact("resolved", ending(&i.standing.resolved).unwrap_or_default());
    fact("closed", ending(&i.standing.closed).unwrap_or_default());
    for promise in promises(i, &config.plan.service_levels) {
        let now = Utc::now();
        let (clock, stand) = (promise.clock(now), promise.stand_of(i, now));
        let due = clock.deadline.map_or_else(|never| never.to_string(), |at| local(at).to_string());
        let how = match stand {
            Stand::Met => "met".to_owned(),
            Stand::Missed => "missed".to_owned(),
            Stand::Breached => "overdue".to_owned(),
            Stand::Paused(why) => format!("rests ({why})"),
            Stand::Running(percent) => format!("{percent} % have passed"),
            Stand::Never => "no deadline".to_owned(),
        };
        let (kind, name) = (promise.kind.word(), &promise.contract.name);
        let how = match promise.late(i, now) {
            Some((late, all)) if late > 0 => format!("{how} ({late} of {all} late)"),
            _ => how,
        };
        // What was due after the end is owed no more.
        let due = if promise.is_owed() { format!(": {due}") } else { String::new() };
        fact(kind, format!("{how}, {name}{due}"));
    }
    fact(
        "alerts",
        if i.alerts.is_empty() {
            String::new()
        } else {
            format!("{}, {} firing", i.alerts.len(), i.firing())
        },
    );
    fact("cause", i.parent.map(|p| p.to_string()).unwrap_or_default());
    fact(
        "unverified",
        i.unverified_since.map(|at| format!("since {}", local(at))).unwrap_or_default(),
    );
    let maintained =
        |m: &Maintained| format!("{} ({}), since {}", m.title, m.window, local(m.since));
    fact("maintenance", i.maintenance.as_ref().map(maintained).unwrap_or_default());
    fact("drill", i.drill.as_ref().map(ToString::to_string).unwrap_or_default());
    fact("flapping", i.flapping_since.map(|at| format!("since {}", local(at))).unwrap_or_default());
    fact("paging", i.escalation.as_ref().map(|p| escalated(p, config)).unwrap_or_default());
    fact(
        "earlier",
        i.earlier.map(|e| format!("{e} ({} within 7 days)", i.recurrence)).unwrap_or_default(),
    );
    for (name, value) in &i.labels {
        fact(name, value.clone());
    }
    for (name, value) in &i.annotations {
        fact(name, value.replace('\n', "\n               "));
    }
    out.push_str("timeline\n");
    let mut entries = timeline::entries(events, Some(i), zone);
    entries.extend(paged);
    entries.sort_by_key(|e| e.at);
    for entry in entries {
        let text = entry.text.replace('\n', "\n                                   ");
        let _ = writeln!(out, "  {}  {:<12} {:<12} {text}", local(entry.at), entry.word, entry.who);
    }
    out
}
