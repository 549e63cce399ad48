//! `atalaya slo …`: objectives, their budgets and how fast they go.

mod burn;
mod import;
mod list;

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::args::{Objectives as Asked, Slo as Args, SloCommand};
use super::incidents::utc;
use super::measure::Feeder;
use super::output::{Exit, complain};
use super::{Context, Failure, calendar, stored};
use crate::config::Config;
use crate::domain::health::State;
use crate::domain::slo::{Burn, Excluded, Objective, Reading, Standing, Status, percent, status};
use crate::domain::text::suggest;
use crate::domain::time::{Instant, Interval, before};
use crate::sources::history::Histories;
use crate::store::Mode;

/// How long sources are asked about what the store does not have.
const PATIENCE: Duration = Duration::from_mins(1);

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let Args { asked, command } = args;
    if command.is_some() && (!asked.ids.is_empty() || asked.service.is_some() || asked.offline) {
        let why = "--id, --service and --offline before the command belong to `atalaya slo` alone; \
                   put them behind the command, or leave it out";
        return Err(Failure::Usage(why.to_owned()));
    }
    match command {
        None => list::run(context, &asked).await,
        Some(SloCommand::Burn(asked)) => burn::run(context, &asked).await,
        Some(SloCommand::Import(args)) => import::run(context, &args),
    }
}

/// How objectives stand, and where they are shown.
struct Standings {
    all: Vec<Status>,
    zone: Tz,
    now: Instant,
}

impl Standings {
    /// From what is stored and, unless they are not to be asked, what sources know beyond it.
    async fn of(context: &Context, asked: &Asked) -> Result<Self, Failure> {
        let config = context.config()?;
        let objectives = chosen(&config, asked)?;
        let now = Utc::now();
        let store = stored::open_to_query(context, &config).await?;
        let loaded = store.load().await?;
        let histories =
            if asked.offline { Histories::default() } else { Histories::of(&config.sources) };
        let mut feeder = Feeder::new(store.clone(), histories);
        feeder.set(&objectives, now).await;
        feeder.count(now).await;
        if !asked.offline {
            feeder.ask(now, PATIENCE).await;
            keep(&config, &mut feeder, now).await;
        }
        let calendar = calendar::whole(&config, loaded.calendar, asked.offline, now).await;
        store.close().await;
        let measured = feeder.changed();
        let stands = |objective: &Arc<Objective>| {
            let measured = measured.iter().find(|m| m.objective == objective.id)?;
            let from = objective.window.around(now).from.min(before(now, TimeDelta::days(3)));
            let within = Interval::new(from, now);
            let excluded = Excluded::planned(&objective.service, &calendar, within, now);
            Some(status(objective, &measured.series, &excluded, &measured.notes, now))
        };
        let all = objectives.iter().filter_map(stands).collect();
        Ok(Self { all, zone: config.plan.site.zone, now })
    }

    /// Why each of them says what it says, to standard error.
    fn explain(&self) {
        for status in &self.all {
            for why in &status.why {
                complain(&format!("{}: {why}", status.objective.id));
            }
        }
    }
}

/// Stores what was measured, as a console does, so that it is not asked for again. Where there is no store
/// yet none is made; that nothing is kept is said.
async fn keep(config: &Config, feeder: &mut Feeder, now: Instant) {
    if !feeder.is_unsaved() {
        return;
    }
    let why = match stored::open_if_there(config).await {
        Ok(Some(store)) => {
            let why = match store.mode() {
                Mode::ReadOnly { why } => Some(why.clone()),
                Mode::ReadWrite | Mode::Memory => None,
            };
            feeder.save_to(store.clone(), now).await;
            store.close().await;
            let failed = || "it could not be written".to_owned();
            why.or_else(|| feeder.is_unsaved().then(failed))
        }
        Ok(None) => Some("there is no store; the console makes one".to_owned()),
        Err(failure) => Some(failure.to_string()),
    };
    if let Some(why) = why {
        complain(&format!("what was measured is not kept: {why}"));
    }
}

fn chosen(config: &Config, asked: &Asked) -> Result<Vec<Arc<Objective>>, Failure> {
    let all = &config.plan.objectives;
    if all.is_empty() {
        let why = "the config has no [[slos]]; `atalaya slo import` makes some of definitions that \
                   are there already";
        return Err(Failure::Refused(why.to_owned()));
    }
    let known: Vec<&str> = all.iter().map(|o| &*o.id).collect();
    for id in &asked.ids {
        if !known.contains(&id.as_str()) {
            let remedy = suggest(id, &known, "defined objectives");
            return Err(Failure::Usage(format!("unknown objective {id:?}; {remedy}")));
        }
    }
    if let Some(service) = &asked.service {
        let services: Vec<&str> = all.iter().map(|o| o.service.as_str()).collect();
        if !services.contains(&service.as_str()) {
            let remedy = suggest(service, &services, "services with objectives");
            return Err(Failure::Usage(format!("no objective of {service:?}; {remedy}")));
        }
    }
    let is_asked = |o: &&Arc<Objective>| {
        (asked.ids.is_empty() || asked.ids.iter().any(|id| *id == *o.id))
            && asked.service.as_ref().is_none_or(|s| s == o.service.as_str())
    };
    Ok(all.iter().filter(is_asked).cloned().collect())
}

fn colour(standing: Standing) -> State {
    match standing {
        Standing::Healthy => State::Ok,
        Standing::Unknown => State::Unknown,
        Standing::Burning => State::Warning,
        Standing::BurningFast | Standing::Spent => State::Critical,
    }
}

#[derive(Serialize)]
struct Document {
    slos: Vec<Fields>,
}

/// An objective as scripts read it; documented, never renamed. Percentages and rates are texts.
#[derive(Serialize)]
struct Fields {
    id: String,
    name: String,
    service: String,
    target_ppm: u32,
    /// `30d`, or `week month quarter year`.
    window: String,
    /// `events timeslices uptime`.
    method: &'static str,
    sli_ppm: Option<u32>,
    budget_total_s: i64,
    budget_left_pct: Option<String>,
    budget_left_s: Option<i64>,
    /// In whole events or seconds, as `budget_unit` says.
    budget_total: String,
    budget_consumed: String,
    budget_unit: &'static str,
    /// `5m 30m 1h 2h 6h 1d 3d`; `null` where nothing is known of that time.
    burn: serde_json::Map<String, serde_json::Value>,
    exhausted_at: Option<String>,
    /// What is left of it when the period ends; `null` where it rolls.
    end_left_pct: Option<String>,
    coverage_pct: String,
    /// `remove excuse`.
    exclusion: &'static str,
    /// `remove bad`.
    no_data: &'static str,
    excluded: Vec<Window>,
    /// `healthy burning "burning fast" spent unknown`.
    standing: &'static str,
    alerts: Vec<Alert>,
    from: String,
    to: String,
    as_of: String,
    why: Vec<String>,
}

#[derive(Serialize)]
struct Window {
    from: String,
    to: String,
    what: String,
}

#[derive(Serialize)]
struct Alert {
    budget_pct: String,
    long_s: i64,
    short_s: i64,
    severity: &'static str,
    /// The burn rate above which it fires.
    factor: String,
    /// `null`: nothing is known of that time.
    long_above: Option<bool>,
    short_above: Option<bool>,
    fires: bool,
}

impl Fields {
    fn of(status: &Status) -> Self {
        let Status { objective, budget, .. } = status;
        let whole = |micro: u128| (micro / 1_000_000).to_string();
        let burn = status.burn.iter().map(|b| {
            let rate = b.milli.map(|milli| Burn::text(milli, 3));
            (b.name.to_owned(), serde_json::Value::from(rate))
        });
        let excluded = status.excluded.iter().map(|(at, what)| Window {
            from: utc(at.from),
            to: utc(at.to),
            what: what.clone(),
        });
        Self {
            id: objective.id.to_string(),
            name: objective.name.clone(),
            service: objective.service.to_string(),
            target_ppm: objective.target.ppm(),
            window: objective.window.to_string(),
            method: objective.sli.method(),
            sli_ppm: status.sli_ppm(),
            budget_total_s: budget.time.num_seconds(),
            budget_left_pct: budget.left_ppm().map(|left| percent(left, 4)),
            budget_left_s: budget.time_left().map(|left| left.num_seconds()),
            budget_total: whole(budget.total),
            budget_consumed: whole(budget.consumed),
            budget_unit: budget.unit.word(),
            burn: burn.collect(),
            exhausted_at: status.exhausted_at.map(utc),
            end_left_pct: status
                .projection
                .and_then(|p| p.end_left_ppm)
                .map(|left| percent(left, 4)),
            coverage_pct: percent(status.coverage_ppm().into(), 4),
            exclusion: objective.exclusion.word(),
            no_data: objective.no_data.word(),
            excluded: excluded.collect(),
            standing: status.standing().word(),
            alerts: status.readings.iter().map(|r| Alert::of(r, objective)).collect(),
            from: utc(status.window.from),
            to: utc(status.window.to),
            as_of: utc(status.as_of),
            why: status.why.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Alert {
    fn of(reading: &Reading, objective: &Objective) -> Self {
        let rule = &reading.rule;
        Self {
            budget_pct: percent(rule.budget_ppm.into(), 4),
            long_s: rule.long.num_seconds(),
            short_s: rule.short.num_seconds(),
            severity: rule.severity.word(),
            factor: Burn::text(rule.factor_milli(objective.window.length()), 3),
            long_above: reading.long,
            short_above: reading.short,
            fires: reading.fires(),
        }
    }
}
