//! `atalaya check`: everything that is wrong with the config, then every source reached and timed.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use serde::Serialize;

use super::output::{self, Exit, complain, print};
use super::{Context, Failure, args, sources};
use crate::config::{self, Config, Problem, Problems};
use crate::domain::observation::{Alert, Fact, SourceStatus};
use crate::domain::paging::{escalate, reach};
use crate::domain::slo::intake::questions;
use crate::domain::text::{MAX_LINE, clean, count};
use crate::domain::time::{Instant, before};
use crate::engine::Plan;
use crate::sources::history::Histories;
use crate::sources::measure::{self, Refusal};

#[derive(Serialize)]
struct Document<'a> {
    files: Vec<String>,
    problems: &'a [Problem],
    services: usize,
    signals: usize,
    /// `null` with `--offline`, and where the config cannot be used.
    sources: Option<Vec<sources::Fields>>,
    /// Alerts firing now that no service claims, heartbeats left out; `null` as `sources`.
    unassigned_alerts: Option<usize>,
    /// Services for which nobody is paged by itself; `null` where there is no policy.
    unpaged_services: Option<Vec<String>>,
    /// Levels of policies of which nobody has a channel that can reach them: `core 2`.
    unreachable_levels: Vec<String>,
    /// What the queries of objectives give now; `null` as `sources`.
    objectives: Option<Vec<Answered>>,
}

/// What a query of an objective gives.
#[derive(Serialize)]
struct Answered {
    id: String,
    /// `good bad total error_ratio query`.
    query: &'static str,
    /// The newest value; `null`: none in the last half an hour.
    value: Option<f64>,
    error: Option<String>,
}

/// What the sources answered.
struct Reached {
    statuses: Vec<SourceStatus>,
    unassigned: BTreeMap<String, usize>,
}

pub async fn run(context: &Context, args: &args::Check) -> Result<Exit, Failure> {
    let (config, problems) = match config::load(&context.around, Utc::now()) {
        Ok(config) => {
            let warnings = config.warnings.clone();
            (Some(config), warnings)
        }
        Err(problems) => (None, problems),
    };
    let files: Vec<String> =
        config.iter().flat_map(|c| &c.files).map(|f| f.display().to_string()).collect();
    let services = config.as_ref().map_or(0, |c| c.plan.services.len());
    let signals = config.iter().flat_map(|c| &c.plan.services).map(|s| s.signals.len()).sum();
    let unpaged = config.as_ref().and_then(unpaged);
    let unreachable = config.as_ref().map(unreachable).unwrap_or_default();
    if !context.output.json {
        if !problems.0.is_empty() {
            complain(&problems.to_string());
        }
        print(&summary(&files, &problems, services, signals));
        print(&unpaged.as_deref().map(told_unpaged).unwrap_or_default());
        for (level, why) in &unreachable {
            print(&format!("paging   -    {level} reaches nobody: {why}\n"));
        }
    }
    let reached = match &config {
        Some(config) if !args.offline => Some(poll(config).await),
        _ => None,
    };
    let objectives = match &config {
        Some(config) if !args.offline => Some(ask(config).await),
        _ => None,
    };
    let is_mute = objectives.iter().flatten().any(|a| a.error.is_some() || a.value.is_none());
    if context.output.json {
        output::document(&Document {
            files,
            problems: &problems.0,
            services,
            signals,
            sources: reached.as_ref().map(|r| r.statuses.iter().map(sources::Fields::of).collect()),
            unassigned_alerts: reached.as_ref().map(|r| r.unassigned.values().sum()),
            unpaged_services: unpaged,
            objectives,
            unreachable_levels: unreachable.into_iter().map(|(level, _)| level).collect(),
        });
    } else if let Some(reached) = &reached {
        let statuses: Vec<&SourceStatus> = reached.statuses.iter().collect();
        print(&format!("\n{}", sources::table(&statuses, context.output)));
        print(&unassigned(&reached.unassigned));
        print(&objectives.as_deref().map(told_objectives).unwrap_or_default());
    }
    Ok(match (config, reached) {
        (None, _) => Exit::Usage,
        (_, Some(r)) if r.statuses.iter().any(sources::failed) => Exit::Unreachable,
        (_, Some(r)) if r.statuses.iter().any(|s| !s.warnings.is_empty()) => Exit::Problems,
        _ if is_mute => Exit::Problems,
        _ => Exit::Fine,
    })
}

/// How far back a query of an objective may find its newest value.
const LATELY: TimeDelta = TimeDelta::minutes(30);

/// Each query of each objective, asked once.
async fn ask(config: &Config) -> Vec<Answered> {
    let histories = Histories::of(&config.sources);
    let now = Utc::now();
    let mut answers = Vec::new();
    for objective in &config.plan.objectives {
        let Some(source) = objective.sli.source() else { continue };
        for question in questions(&objective.sli) {
            let grid = |at: Instant| {
                let at = at.timestamp().div_euclid(question.step) * question.step;
                Instant::from_timestamp(at, 0).unwrap_or_default()
            };
            let stretch = (grid(before(now, LATELY)), grid(now), question.step);
            let asked = measure::ask(&histories, source, &[&question.query], stretch).await;
            let (value, error) = match asked.into_iter().next() {
                Some(Ok(values)) => (values.last_key_value().map(|(_, value)| *value), None),
                Some(Err(Refusal::Query(why) | Refusal::Slow(why) | Refusal::Source(why))) => {
                    (None, Some(why))
                }
                None => (None, None),
            };
            let id = objective.id.to_string();
            answers.push(Answered { id, query: question.key, value, error });
        }
    }
    answers
}

fn told_objectives(answers: &[Answered]) -> String {
    let line = |answer: &Answered| {
        let Answered { id, query, value, error } = answer;
        let said = match (value, error) {
            (_, Some(error)) => clean(error, MAX_LINE),
            (Some(value), None) if value.is_finite() => format!("gives {value}"),
            (Some(value), None) => format!("gives {value}, which counts as unknown"),
            (None, None) => "finds nothing; check the names of its metrics and labels".to_owned(),
        };
        format!("{id}: {query} {said}\n")
    };
    let lines: String = answers.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

/// The services that no policy governs, once there are policies.
fn unpaged(config: &Config) -> Option<Vec<String>> {
    let roster = &config.plan.roster;
    if roster.policies.is_empty() {
        return None;
    }
    let services = config.plan.services.iter();
    let left = services.filter(|s| escalate::policy(roster, Some(s)).is_none());
    Some(left.map(|s| s.id.to_string()).collect())
}

/// The levels that cannot reach anybody, each with why.
fn unreachable(config: &Config) -> Vec<(String, String)> {
    let Plan { roster, channels, .. } = &config.plan;
    let mut found = Vec::new();
    for policy in &roster.policies {
        for (level, number) in policy.levels.iter().zip(1..) {
            let Some(why) = reach::unreachable(roster, channels, level) else { continue };
            let why = if why.is_empty() { "nobody is in it".to_owned() } else { why.join("; ") };
            found.push((format!("{} {number}", policy.id), why));
        }
    }
    found
}

fn told_unpaged(services: &[String]) -> String {
    if services.is_empty() {
        return String::new();
    }
    let shown = services.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if services.len() > 8 { ", …" } else { "" };
    format!(
        "paging   -    nobody is paged by itself for {}: {shown}{more}; escalation = \"…\" in \
         [[services]] or in [incidents] names a policy\n",
        count(services.len(), "service")
    )
}

async fn poll(config: &Config) -> Reached {
    let (mut statuses, mut unassigned) = (Vec::new(), BTreeMap::new());
    for (status, observation) in sources::poll(config).await {
        statuses.push(status);
        let facts = observation.into_iter().flat_map(|o| o.facts);
        for fact in facts {
            let Fact::Alerts(set) = fact else { continue };
            for alert in set.raising().filter(|a| !is_claimed(a, config)) {
                let name = alert.labels.get("alertname").cloned().unwrap_or_default();
                *unassigned.entry(name).or_default() += 1;
            }
        }
    }
    Reached { statuses, unassigned }
}

fn is_claimed(alert: &Alert, config: &Config) -> bool {
    let matches = |m: &crate::domain::matcher::Matchers| m.matches(&alert.labels);
    alert.service.is_some() || config.plan.services.iter().any(|s| s.matchers.iter().any(matches))
}

fn unassigned(alerts: &BTreeMap<String, usize>) -> String {
    if alerts.is_empty() {
        return String::new();
    }
    let total: usize = alerts.values().sum();
    let names: Vec<String> =
        alerts.iter().take(8).map(|(name, n)| format!("{name} ({n})")).collect();
    let more = if alerts.len() > 8 { ", …" } else { "" };
    let names = names.join(", ");
    format!(
        "\n{total} alerts firing now match no service and will be Unassigned: {names}{more}\n\
         add match = ['…'] to the service that they belong to\n"
    )
}

fn summary(files: &[String], problems: &Problems, services: usize, signals: usize) -> String {
    let errors = problems.errors();
    if errors > 0 {
        let s = if errors == 1 { "" } else { "s" };
        return format!("{errors} error{s}; this config cannot be used\n");
    }
    let from = match files {
        [] => "no config file: this host is watched".to_owned(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} included", rest.len()),
    };
    format!("config   ok   {from}: {}, {}\n", count(services, "service"), count(signals, "signal"))
}
