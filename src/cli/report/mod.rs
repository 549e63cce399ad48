//! `atalaya report …`: shift handovers and service reports.

mod frozen;
mod handover;
mod period;

use std::fs;
use std::sync::Arc;

use chrono::Utc;
use serde::Serialize;

use super::args::{ReportWritten, Reports as Args};
use super::output::{self, Exit, complain, print};
use super::{Context, Failure, calendar, oncall, stored};
use crate::config::Config;
use crate::domain::calendar::Calendar;
use crate::domain::command::{Command, Verdict};
use crate::domain::paging::Pages;
use crate::domain::report::{self, Document, Format, Reports, render};
use crate::domain::roster::Override;
use crate::domain::roster::shifts::Imported;
use crate::domain::time::Instant;
use crate::engine::reporting::Known;
use crate::engine::{Plan, runtime};
use crate::store::Store;

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let config = context.config()?;
    match args {
        Args::Handover(args) => Box::pin(handover::run(context, &config, args)).await,
        Args::Service(args) => Box::pin(period::draft(context, &config, &args)).await,
        Args::Issue(args) => Box::pin(period::issue(context, &config, &args)).await,
        Args::List => frozen::list(context, &config).await,
        Args::Show(args) => frozen::show(context, &config, &args).await,
    }
}

/// What reports are made of, as it is stored and stated now.
struct View {
    plan: Arc<Plan>,
    calendar: Calendar,
    overrides: Vec<Override>,
    imported: Imported,
    pages: Pages,
    reports: Reports,
    now: Instant,
}

impl View {
    async fn open(config: &Config, store: &Store) -> Result<Self, Failure> {
        let (calendars, imported, loaded) =
            tokio::join!(calendar::read(config), oncall::imported(config), store.load());
        let (loaded, now) = (loaded?, Utc::now());
        let mut calendar = loaded.calendar;
        calendar.set_plan(&config.plan.windows, now);
        for (source, windows) in calendars {
            calendar.set_imported(&source, &windows, now);
        }
        Ok(Self {
            plan: Arc::new(config.plan.clone()),
            calendar,
            overrides: loaded.book.overrides(),
            imported,
            pages: loaded.pages,
            reports: loaded.reports,
            now,
        })
    }

    fn known(&self) -> Known<'_> {
        Known {
            plan: &self.plan,
            calendar: &self.calendar,
            overrides: &self.overrides,
            imported: &self.imported,
            pages: &self.pages,
        }
    }
}

/// Writes a document where it was asked for.
fn write(
    context: &Context,
    config: &Config,
    document: &Document,
    written: &ReportWritten,
) -> Result<Exit, Failure> {
    let format = if context.output.json { Format::Json } else { written.format };
    let locale = written.locale.or(document.locale).unwrap_or(config.locale);
    let text = render(document, format, locale);
    match &written.output {
        Some(path) => fs::write(path, text)
            .map_err(|e| Failure::Refused(format!("{} cannot be written: {e}", path.display())))?,
        None => print(&text),
    }
    Ok(Exit::Fine)
}

#[derive(Serialize)]
struct Outcomes {
    outcomes: [Answer; 1],
}

#[derive(Serialize)]
struct Answer {
    /// `HO-3`, `SR-2`; `null` where it has no number.
    id: Option<String>,
    /// `done refused conflict`
    outcome: &'static str,
    why: Option<String>,
    /// What went over by it.
    incidents: Vec<String>,
}

/// Asks the engine, and says what came of it. `id`: what to call it, once it is done.
async fn ask(
    context: &Context,
    config: &Config,
    store: &Store,
    command: report::Command,
    id: impl FnOnce(&Reports) -> Option<String>,
) -> Result<Exit, Failure> {
    let actor = stored::operator(context, config);
    let remedy = match &command {
        report::Command::Issue { .. } => {
            "--again with its number makes its next revision, --force issues another one beside it"
        }
        _ => "--force does it all the same",
    };
    let plan = config.plan.clone();
    let answers = runtime::once(plan, store, actor, Command::Reports(command)).await?;
    let Some(verdict) = answers.into_iter().next().map(|a| a.verdict) else {
        return Err(Failure::Refused("the engine gave no answer".to_owned()));
    };
    let done = matches!(verdict, Verdict::Done { .. } | Verdict::Already { .. });
    let id = if done { id(&store.load().await?.reports) } else { None };
    let incidents = match &verdict {
        Verdict::Done { also, .. } => also.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    let why = match &verdict {
        Verdict::Confirm { why } => format!("{why}; {remedy}"),
        verdict => verdict.to_string(),
    };
    if context.output.json {
        let outcome = verdict.word();
        let why = (!verdict.is_done()).then_some(why);
        output::document(&Outcomes { outcomes: [Answer { id, outcome, why, incidents }] });
    } else if done {
        let over = if incidents.is_empty() {
            String::new()
        } else {
            format!(": {}", incidents.join(", "))
        };
        print(&format!("{why}{over}\n"));
    } else {
        complain(&why);
    }
    Ok(if done { Exit::Fine } else { Exit::Problems })
}
