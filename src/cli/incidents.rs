//! `atalaya incidents [QUERY]`: the queue, by the same query language as the screen.

use std::collections::HashMap;

use chrono::{TimeDelta, Utc};
use serde::Serialize;

use super::output::{self, Cell, Exit, Output, Table, print};
use super::sla::ClockFields;
use super::{Context, Failure, args, stored, views};
use crate::config::Config;
use crate::domain::health::{ServiceId, State};
use crate::domain::incident::query::{self, Query, QueryContext};
use crate::domain::incident::views::Sort;
use crate::domain::incident::{Feedback, Hold, Incident, IncidentId, IncidentState};
use crate::domain::paging::{Phase, Progress};
use crate::domain::sla::contract::{Kind, ServiceLevels};
use crate::domain::sla::incident::{Summary, first, promises};
use crate::domain::text::{clean, duration};
use crate::domain::time::Instant;
use crate::store::Store;

#[derive(Serialize)]
struct Document {
    incidents: Vec<Fields>,
}

/// An incident as scripts read it; documented, never renamed.
#[derive(Serialize)]
pub struct Fields {
    id: String,
    state: IncidentState,
    priority: u8,
    impact: u8,
    urgency: u8,
    service: Option<String>,
    title: String,
    assignee: Option<String>,
    opened_at: String,
    acknowledged_at: Option<String>,
    resolved_at: Option<String>,
    source: String,
    /// How many alerts it has, and how many of them fire.
    alerts: usize,
    firing: usize,
    category: String,
    started_at: String,
    closed_at: Option<String>,
    parent: Option<String>,
    earlier: Option<String>,
    recurrence: u32,
    unverified_since: Option<String>,
    flapping_since: Option<String>,
    /// How far the paging for it has come.
    escalation: Option<EscalationFields>,
    /// The window that mutes it.
    maintenance: Option<String>,
    /// Which one covers the same trouble, and what was merged into this one.
    merged_into: Option<String>,
    merged: Vec<String>,
    /// For whom it waits, while it is on hold, and every time that it waited.
    waits_for: Option<&'static str>,
    holds: Vec<HoldFields>,
    /// How it ended and what was the matter.
    code: String,
    cause: String,
    feedback: Option<FeedbackFields>,
    /// Left out of service levels by a correction.
    excluded: bool,
    /// The drill that it belongs to: it is outside of service levels.
    drill: Option<String>,
    snoozed_until: Option<String>,
    /// Its clocks; of several contracts the one that is due first.
    respond: Option<ClockFields>,
    resolve: Option<ClockFields>,
    update: Option<ClockFields>,
}

#[derive(Serialize)]
struct EscalationFields {
    policy: String,
    level: usize,
    round: u32,
    people: Vec<String>,
    at: String,
    /// When it goes on, unless somebody acknowledges.
    next: Option<String>,
    exhausted: bool,
}

impl EscalationFields {
    fn of(progress: &Progress) -> Self {
        let next = match progress.phase {
            Phase::Waiting { until } => Some(utc(until)),
            Phase::Stopped | Phase::Exhausted => None,
        };
        Self {
            policy: progress.policy.to_string(),
            level: progress.level,
            round: progress.round,
            people: progress.people.iter().map(ToString::to_string).collect(),
            at: utc(progress.at),
            next,
            exhausted: progress.phase == Phase::Exhausted,
        }
    }
}

#[derive(Serialize)]
struct HoldFields {
    waits_for: &'static str,
    note: String,
    from: String,
    /// `null`: it still waits.
    to: Option<String>,
}

#[derive(Serialize)]
struct FeedbackFields {
    /// 1 (bad) to 5 (good).
    score: u8,
    text: String,
    from: String,
    at: String,
}

impl HoldFields {
    fn of(hold: &Hold) -> Self {
        Self {
            waits_for: hold.reason.word(),
            note: hold.note.clone(),
            from: utc(hold.from),
            to: hold.to.map(utc),
        }
    }
}

impl FeedbackFields {
    fn of(feedback: &Feedback) -> Self {
        let (text, from) = (feedback.text.clone(), feedback.from.clone());
        Self { score: feedback.score, text, from, at: utc(feedback.at) }
    }
}

/// RFC 3339, UTC, milliseconds.
pub fn utc(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

impl Fields {
    pub fn of(i: &Incident, levels: &ServiceLevels, now: Instant) -> Self {
        let s = &i.standing;
        let promises = promises(i, levels);
        let clock = |kind| first(&promises, kind, now).map(|p| ClockFields::of(&p.course, now));
        Self {
            id: i.id.to_string(),
            state: i.state(),
            priority: i.priority.0,
            impact: i.impact,
            urgency: i.urgency,
            service: i.service.as_ref().map(ToString::to_string),
            title: i.title.clone(),
            assignee: i.owner().map(str::to_owned),
            opened_at: utc(i.opened_at),
            acknowledged_at: s.first_acknowledged_at.map(utc),
            resolved_at: s.resolved.as_ref().map(|e| utc(e.at)),
            source: i.source.to_string(),
            alerts: i.alerts.len(),
            firing: i.firing(),
            category: i.category.clone(),
            started_at: utc(i.started_at),
            closed_at: s.closed.as_ref().map(|e| utc(e.at)),
            parent: i.parent.map(|p| p.to_string()),
            earlier: i.earlier.map(|e| e.to_string()),
            recurrence: i.recurrence,
            unverified_since: i.unverified_since.map(utc),
            flapping_since: i.flapping_since.map(utc),
            escalation: i.escalation.as_ref().map(EscalationFields::of),
            maintenance: i.maintenance.as_ref().map(|m| m.window.to_string()),
            merged_into: s.merged_into.map(|id| id.to_string()),
            merged: i.absorbed.iter().map(|a| a.id.to_string()).collect(),
            waits_for: s.hold().map(|h| h.reason.word()),
            holds: s.holds.iter().map(HoldFields::of).collect(),
            code: s.findings.code.clone(),
            cause: s.findings.cause.clone(),
            feedback: s.feedback.as_ref().map(FeedbackFields::of),
            excluded: i.excluded,
            drill: i.drill.as_ref().map(ToString::to_string),
            snoozed_until: s.snoozed.as_ref().map(|z| utc(z.until)),
            respond: clock(Kind::Respond),
            resolve: clock(Kind::Resolve),
            update: clock(Kind::Update),
        }
    }
}

pub async fn run(context: &Context, args: &args::Incidents) -> Result<Exit, Failure> {
    let config = context.config()?;
    let mut query = parse(&args.query.join(" "))?;
    let store = stored::open_to_query(context, &config).await?;
    let now = Utc::now();
    let (mut whole, mut sort) = (false, None);
    if args.views || args.view.is_some() {
        let views = store.views().await.map(|shared| views::all(&context.around, &shared));
        let Some(name) = &args.view else {
            store.close().await;
            views::list(&views?, context.output);
            return Ok(Exit::Fine);
        };
        let view = views::named(&views?, name)?;
        query = query.and(parse(&view.query)?);
        (whole, sort) = (true, view.sort);
    }
    let found = find(&store, query, whole, &config, now).await;
    let found = found.map(|found| sorted(found, sort, &config, now));
    store.close().await;
    let found = found?;
    if context.output.json {
        let levels = &config.plan.service_levels;
        let incidents = found.iter().map(|i| Fields::of(i, levels, now)).collect();
        output::document(&Document { incidents });
    } else if found.is_empty() {
        print("no incidents\n");
    } else {
        print(&table(&found, now, context.output));
    }
    Ok(Exit::Fine)
}

/// The query; a term that makes no sense is an error here, since a script would act on what the
/// rest finds.
fn parse(text: &str) -> Result<Query, Failure> {
    let parsed = query::parse(text);
    if parsed.errors.is_empty() {
        return Ok(parsed.query);
    }
    let mut lines = vec![clean(text, 1_000)];
    for e in &parsed.errors {
        let cells =
            |range| unicode_width::UnicodeWidthStr::width(text.get(range).unwrap_or_default());
        let (before, width) = (cells(0..e.span.start), cells(e.span.clone()).max(1));
        lines.push(format!("{}{}  {e}", " ".repeat(before), "^".repeat(width)));
    }
    Err(Failure::Usage(lines.join("\n")))
}

/// What the query finds. Without a state term only the open ones, which is a short read, unless the
/// whole store is meant.
async fn find(
    store: &Store,
    query: Query,
    whole: bool,
    config: &Config,
    now: Instant,
) -> Result<Vec<Incident>, Failure> {
    let teams = teams(config);
    let levels = &config.plan.service_levels;
    let context = QueryContext { now, me: &config.operator, teams: &teams, levels };
    let mut found = Vec::new();
    if whole || query.has_state_term() {
        let mut after = None;
        loop {
            let page = store.incidents(after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            found.extend(page.into_iter().filter(|i| query.matches(i, &context)));
        }
    } else {
        let query = query.and_open();
        let open = store.load().await?.incidents;
        found.extend(open.into_iter().filter(|i| query.matches(i, &context)));
    }
    Ok(found)
}

fn teams(config: &Config) -> HashMap<ServiceId, String> {
    config.plan.services.iter().filter_map(|s| Some((s.id.clone(), s.team.clone()?))).collect()
}

/// In the order of a view; without, most urgent first, then oldest.
fn sorted(
    mut found: Vec<Incident>,
    sort: Option<Sort>,
    config: &Config,
    now: Instant,
) -> Vec<Incident> {
    let teams = teams(config);
    let team = |i: &Incident| i.service.as_ref().and_then(|s| teams.get(s).cloned());
    let levels = &config.plan.service_levels;
    let due: HashMap<IncidentId, Instant> =
        found.iter().filter_map(|i| Some((i.id, Summary::of(i, levels, now).due_at()?))).collect();
    let due = |i: &Incident| due.get(&i.id).copied();
    match sort {
        Some(sort) => found.sort_by(|a, b| sort.compare(a, b, &team, &due)),
        None => found.sort_by_key(|i| (i.priority, i.opened_at, i.id)),
    }
    found
}

fn table(incidents: &[Incident], now: Instant, output: Output) -> String {
    let mut table = Table::new(&["PRI", "ID", "AGE", "STATE", "SERVICE", "WHO", "WHAT"]);
    for i in incidents {
        let service = i.service.as_ref().map_or("unassigned", ServiceId::as_str);
        let alerts = if i.alerts.len() > 1 {
            format!(" ({} alerts)", i.alerts.len())
        } else {
            String::new()
        };
        table.row([
            priority(i),
            Cell::text(i.id.to_string()),
            Cell::number(duration((now - i.opened_at).max(TimeDelta::zero()))),
            Cell::text(state(i)),
            Cell::text(service),
            Cell::text(i.owner().unwrap_or("-")),
            Cell::text(format!("{}{alerts}", i.title)),
        ]);
    }
    table.render(output)
}

fn priority(i: &Incident) -> Cell {
    let text = i.priority.to_string();
    match i.priority.0 {
        1 if i.is_open() => Cell::coloured(State::Critical, text),
        2 if i.is_open() => Cell::coloured(State::Warning, text),
        _ => Cell::text(text),
    }
}

/// The state with what qualifies it.
fn state(i: &Incident) -> String {
    let mut text = i.state().short().to_owned();
    if i.unverified_since.is_some() {
        text.push_str(", unverified");
    }
    if i.maintenance.is_some() {
        text.push_str(", maintenance");
    }
    if i.flapping_since.is_some() {
        text.push_str(", flapping");
    }
    if i.is_snoozed() {
        text.push_str(", snoozed");
    }
    if i.is_silenced() {
        text.push_str(", silenced");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_term_is_underlined_with_a_hint() {
        let Err(Failure::Usage(text)) = parse("p:1 stat:new") else { panic!("accepted") };
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "p:1 stat:new");
        assert!(lines[1].starts_with("    ^^^^"), "{text}");
    }
}
