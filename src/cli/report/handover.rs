//! `atalaya report handover`: the document of a turn, its notes and next steps, and both signatures.

use std::io::Read as _;
use std::sync::Arc;

use super::{View, ask, write};
use crate::cli::args::{HandoverCommand, ReportHandover, ReportWhich};
use crate::cli::output::Exit;
use crate::cli::{Context, Failure, stored};
use crate::config::Config;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::report::handover::{self, World};
use crate::domain::report::{self, Document, HandoverId, Turn};
use crate::domain::roster::Schedule;
use crate::domain::slo::Status;
use crate::domain::text::suggest;
use crate::domain::time::{Instant, Interval};
use crate::engine::reporting;
use crate::store::Store;

pub async fn run(
    context: &Context,
    config: &Config,
    args: ReportHandover,
) -> Result<Exit, Failure> {
    let store = match &args.command {
        None => stored::open_to_query(context, config).await?,
        Some(_) => stored::open(config).await?,
    };
    let done = async {
        match args.command {
            None => {
                let desk = Desk::open(config, &store, &args.which).await?;
                write(context, config, &desk.standing(&store).await?, &args.written)
            }
            Some(command) => act(context, config, &store, command).await,
        }
    };
    let done = done.await;
    store.close().await;
    done
}

async fn act(
    context: &Context,
    config: &Config,
    store: &Store,
    command: HandoverCommand,
) -> Result<Exit, Failure> {
    match command {
        HandoverCommand::Note { text, which, append } => {
            let desk = Desk::open(config, store, &which).await?;
            let shift = desk.turn.key;
            let there = desk.view.reports.notes(&shift);
            let seen = there.map_or(0, |n| n.version);
            let text = if text == "-" { standard_input()? } else { text };
            let notes = match there.filter(|n| append && !n.text.is_empty()) {
                Some(there) => format!("{}\n{text}", there.text),
                None => text,
            };
            let command = report::Command::Note { shift, notes, seen };
            ask(context, config, store, command, |_| None).await
        }
        HandoverCommand::NextStep { incident, text } => {
            if store.incident(incident).await?.is_none() {
                return Err(Failure::Refused(format!("there is no {incident}")));
            }
            let command = report::Command::NextStep { incident, text };
            ask(context, config, store, command, |_| Some(incident.to_string())).await
        }
        HandoverCommand::Submit { which, force } => {
            let desk = Desk::open(config, store, &which).await?;
            let document = Box::new(desk.document());
            let shift = desk.turn.key.clone();
            let turn = Box::new(desk.turn);
            let command = report::Command::Submit { turn, document, force };
            let id = |reports: &report::Reports| reports.of_shift(&shift).map(|h| h.id.to_string());
            ask(context, config, store, command, id).await
        }
        HandoverCommand::Accept { id, force } => {
            let (seen, takes, document) = to_accept(config, store, id).await?;
            let document = Box::new(document);
            let command = report::Command::Accept { id, seen, takes, document, force };
            ask(context, config, store, command, |_| Some(id.to_string())).await
        }
    }
}

/// The document of a handover as it was signed with what changed since, the version that was read and what goes over.
async fn to_accept(
    config: &Config,
    store: &Store,
    id: HandoverId,
) -> Result<(u64, Vec<IncidentId>, Document), Failure> {
    let view = View::open(config, store).await?;
    let Some(known) = view.reports.handover(id).cloned() else {
        return Err(Failure::Refused(format!(
            "there is no handover {id}; `atalaya report list` lists them"
        )));
    };
    let schedule = schedule(config, Some(&known.turn.key.schedule))?;
    let incidents = incidents(store, known.turn.key.from, view.now).await?;
    let budgets = reporting::objectives(store, view.known(), &[], view.now, view.now).await?;
    let desk = Desk { view, schedule, turn: known.turn.clone(), incidents, budgets };
    let refs: Vec<&Incident> = desk.incidents.iter().filter(|i| i.is_open()).collect();
    Ok((known.version, known.holds(&refs), desk.standing(store).await?))
}

/// The turn that is asked about, and what its document is made of.
struct Desk {
    view: View,
    schedule: Arc<Schedule>,
    turn: Turn,
    incidents: Vec<Incident>,
    budgets: Vec<Status>,
}

impl Desk {
    async fn open(config: &Config, store: &Store, which: &ReportWhich) -> Result<Self, Failure> {
        let view = View::open(config, store).await?;
        let schedule = schedule(config, which.schedule.as_deref())?;
        let at = which.at.map_or(view.now, |t| t.at(schedule.zone));
        let turn = world(&view, &[], &[]).turn(&schedule, at).ok_or_else(|| {
            Failure::Refused(format!(
                "nobody is on call by {} then, and nobody was shortly before; give --at",
                schedule.id
            ))
        })?;
        let incidents = incidents(store, turn.key.from, view.now).await?;
        let budgets = reporting::objectives(store, view.known(), &[], view.now, view.now).await?;
        Ok(Self { view, schedule, turn, incidents, budgets })
    }

    /// What was signed, with what changed until it is accepted; before that what would be.
    async fn standing(&self, store: &Store) -> Result<Document, Failure> {
        let known = self.view.reports.of_shift(&self.turn.key);
        let Some(known) = known.filter(|h| h.submitted.is_some()) else {
            return Ok(self.document());
        };
        let Some(document) = store.document(&known.id.to_string()).await? else {
            return Ok(self.document());
        };
        if known.accepted.is_some() {
            return Ok(document);
        }
        let refs: Vec<&Incident> = self.incidents.iter().collect();
        Ok(handover::signed(&document, known, &refs))
    }

    fn document(&self) -> Document {
        let refs: Vec<&Incident> = self.incidents.iter().collect();
        let budgets: Vec<&Status> = self.budgets.iter().collect();
        world(&self.view, &refs, &budgets).document(&self.schedule, &self.turn)
    }
}

/// Those that are open, or were touched since a turn began.
async fn incidents(store: &Store, since: Instant, now: Instant) -> Result<Vec<Incident>, Failure> {
    let mut found = Vec::new();
    store.over(Interval::new(since, now.max(since)), |incident| found.push(incident)).await?;
    Ok(found)
}

fn world<'a>(
    view: &'a View,
    incidents: &'a [&'a Incident],
    objectives: &'a [&'a Status],
) -> World<'a> {
    World {
        site: &view.plan.site.name,
        roster: &view.plan.roster,
        overrides: &view.overrides,
        imported: &view.imported,
        incidents,
        calendar: &view.calendar,
        pages: &view.pages,
        reports: &view.reports,
        health: None,
        silences: None,
        levels: &view.plan.service_levels,
        objectives,
        sources: &[],
        blind: &[],
        now: view.now,
    }
}

/// The schedule that is meant: the only one, where none is named.
fn schedule(config: &Config, named: Option<&str>) -> Result<Arc<Schedule>, Failure> {
    let schedules = &config.plan.roster.schedules;
    let known: Vec<&str> = schedules.iter().map(|s| &*s.id).collect();
    match (named, schedules.as_slice()) {
        (Some(id), _) => config.plan.roster.schedule(id).cloned().ok_or_else(|| {
            let remedy = suggest(id, &known, "defined schedules");
            Failure::Usage(format!("unknown schedule {id:?}; {remedy}"))
        }),
        (None, [one]) => Ok(Arc::clone(one)),
        (None, []) => Err(Failure::Refused(
            "no schedule is defined: a handover is of a turn on call; add [[schedules]] to the config"
                .to_owned(),
        )),
        (None, _) => {
            Err(Failure::Usage(format!("which schedule? give --schedule: {}", known.join(", "))))
        }
    }
}

fn standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(crate::domain::text::MAX_TEXT as u64)
        .read_to_string(&mut text)
        .map_err(|e| Failure::Usage(format!("standard input cannot be read: {e}")))?;
    Ok(text)
}
