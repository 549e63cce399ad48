//! `atalaya agent`: the engine of a console without its screen, for a service manager. It polls, raises
//! incidents, mirrors maintenance and pages, and says what happens in lines on standard error.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tracing_subscriber::EnvFilter;

use super::console::Over;
use super::console::edge::{Edge, Task};
use super::duty::Duty;
use super::output::Exit;
use super::reporter::Reporter;
use super::{Context, Failure, log, orders, stored};
use crate::config::Config;
use crate::domain::observation::{SourceName, SourceState};
use crate::domain::paging::Pager;
use crate::domain::text::{MAX_LINE, clean, count};
use crate::domain::time::Timescale;
use crate::engine::core::{News, Notice, OrderNews, PageNews};
use crate::engine::{Effect, Handle, Snapshot, runtime};
use crate::notify::channels::Courier;
use crate::notify::{pager, spool, switch};
use crate::sources::orders::Clerk;
use crate::store::Store;
use crate::ui::Msg;

/// Effects and news that may wait to be said.
const QUEUE: usize = 256;
/// How long the end waits for what is still to be stored.
const PATIENCE: Duration = Duration::from_millis(900);
/// What a service manager sets where it takes the time of each line itself.
const JOURNAL: &str = "JOURNAL_STREAM";

pub fn run(context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    speak();
    let runtime = super::threads()?;
    let outcome = runtime.block_on(work(context, config));
    runtime.shutdown_background();
    outcome
}

/// One line for each thing, without colours; the time only where nobody else adds it.
fn speak() {
    let filter = EnvFilter::try_from_env(log::VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .with_env_filter(filter);
    let is_journal = std::env::var_os(JOURNAL).is_some() && !io::stderr().is_terminal();
    // Somebody else may log already; then it is said there.
    let _ = if is_journal { lines.without_time().try_init() } else { lines.try_init() };
}

async fn work(context: &Context, config: Config) -> Result<Exit, Failure> {
    // From the first moment on: who ends it while it opens the store means it.
    let mut ending = Ending::listen()?;
    let opening = tokio::select! {
        opened = open(context, config) => opened?,
        word = ending.comes() => {
            tracing::info!("{word} before it had begun");
            return Ok(Exit::Fine);
        }
    };
    let (handle, _beside) = opening;
    let mut world = handle.watch();
    tokio::select! {
        word = ending.comes() => tracing::info!("{word}: ending"),
        _ = world.wait_for(|_| false) => {
            return Err(Failure::Unreachable("the engine has stopped".to_owned()));
        }
    }
    let unanswered = handle.stop_within(PATIENCE).await;
    if unanswered.is_empty() {
        return Ok(Exit::Fine);
    }
    // What was claimed and not ended is claimed again by the next.
    Err(Failure::Unreachable("the store did not answer; the next start goes on".to_owned()))
}

/// What asks this process to end.
struct Ending {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Ending {
    fn listen() -> Result<Self, Failure> {
        let on = |kind| {
            signal(kind).map_err(|e| Failure::Refused(format!("signals cannot be heard: {e}")))
        };
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
        })
    }

    async fn comes(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Everything that runs; what runs beside the engine ends when it is dropped.
async fn open(context: &Context, config: Config) -> Result<(Handle, Vec<Task>), Failure> {
    let time = Timescale::new(Utc::now(), 1.0);
    let store = stored::open(&config).await?;
    let (effects, told) = mpsc::channel(QUEUE);
    let handle = runtime::start(config.plan.clone(), store.clone(), effects).await?;
    let actor = stored::operator(context, &config);
    tracing::info!("{}", beginning(&config, &store));
    let (courier, couriers) = watch::channel(Courier::new(&config.channels));
    let (notify, _) = watch::channel(config.notify.clone());
    let (news, heard) = mpsc::channel(QUEUE);
    let (reports, plans) = watch::channel(config.reports.clone().into());
    let reporter = Reporter {
        handle: handle.clone(),
        store: store.clone(),
        actor: actor.clone(),
        plans,
        courier: couriers.clone(),
    };
    let mut beside = vec![
        Task::spawn(reporter.run()),
        Task::spawn(say(told, heard)),
        Task::spawn(look(handle.clone())),
        Task::spawn(Duty::new(context, &config, true).run(handle.clone())),
        Task::spawn(spool::run(handle.clone(), actor.clone(), couriers.clone(), time)),
        Task::spawn(pager::run(handle.clone(), actor.clone(), couriers, time)),
    ];
    let measured = store.clone();
    if let Some(switch) = config.switch.clone() {
        let probe = move || {
            let store = store.clone();
            async move { store.probe().await.map_err(|e| e.to_string()) }
        };
        beside.push(Task::spawn(switch::run(switch, handle.clone(), probe)));
    }
    let (clerk, clerks) = watch::channel(Arc::new(Clerk::new(&config.sources)));
    beside.push(Task::spawn(orders::run(handle.clone(), actor, clerks, time)));
    let over = Over::default();
    let edge = Edge {
        handle: handle.clone(),
        store: measured,
        news,
        courier,
        reports,
        clerk,
        notify,
        over,
        time,
    };
    let started = edge.start(config, Some(context.around.clone()));
    beside.push(Task::of(started.running));
    Ok((handle, beside))
}

fn beginning(config: &Config, store: &Store) -> String {
    let (plan, version) = (&config.plan, env!("CARGO_PKG_VERSION"));
    let pages = if plan.pages() {
        count(plan.roster.policies.len(), "escalation")
    } else {
        "no escalation governs anything: nobody is paged by itself".to_owned()
    };
    let sources = count(config.sources.len(), "source");
    format!("atalaya {version}, agent {} on {store}: {sources}, {pages}", std::process::id())
}

/// What the engine wants told, and what its surroundings have to say.
async fn say(mut effects: mpsc::Receiver<Effect>, mut news: mpsc::Receiver<Msg>) {
    loop {
        tokio::select! {
            Some(effect) = effects.recv() => match effect {
                Effect::Notify(notice) => tracing::info!("{}", told(&notice)),
                Effect::Paged(PageNews { text, is_good })
                | Effect::Ordered(OrderNews { text, is_good }) => {
                    if is_good {
                        tracing::info!("{text}");
                    } else {
                        tracing::warn!("{text}");
                    }
                }
                // It is put to its owner, at their console.
                Effect::Ask(_) => {}
            },
            Some(msg) = news.recv() => match msg {
                Msg::Say(_, text) | Msg::News(text) => tracing::info!("{text}"),
                Msg::Config(Ok(said)) => tracing::info!("{said}"),
                Msg::Config(Err((_, why))) => tracing::error!("config not taken over: {why}"),
                _ => {}
            },
            else => return,
        }
    }
}

/// `INC-7 P1 checkout resolved: p99 latency above 1 s`.
fn told(notice: &Notice) -> String {
    let incident = &notice.incident;
    let what = match notice.what {
        News::Opened => "opened",
        News::Reopened => "again",
        News::Resolved => "resolved",
        News::AcknowledgementExpiring => "acknowledgement expires soon",
        News::AcknowledgementExpired => "acknowledgement expired",
        News::Back => "wants attention again",
        News::MaintenanceOver => "open after maintenance",
        News::EscalationExhausted => "nobody acknowledged; escalation is exhausted",
        News::Pressing => "is due soon by its service level",
        News::Breached => "is overdue by its service level",
    };
    let service = incident.service.as_ref().map_or("unassigned", |s| s.as_str());
    let (id, priority, title) = (incident.id, incident.priority, &incident.title);
    clean(&format!("{id} {priority} {service} {what}: {title}"), MAX_LINE)
}

/// Says who pages, and which sources begin and cease to answer, whenever that changes.
async fn look(handle: Handle) {
    let mut world = handle.watch();
    let mut pager = Pager::Unknown;
    let mut silent: BTreeMap<SourceName, bool> = BTreeMap::new();
    loop {
        let snapshot = world.borrow_and_update().clone();
        if snapshot.pager != pager {
            pager = snapshot.pager.clone();
            if let Some(said) = paging(&snapshot) {
                tracing::info!("{said}");
            }
        }
        for source in snapshot.sources.iter() {
            let error = match &source.state {
                SourceState::Failing { error, .. } => Some(error),
                SourceState::Never => continue,
                SourceState::Fresh | SourceState::Late => None,
            };
            let before = silent.insert(source.name.clone(), error.is_some());
            match error {
                Some(error) if before != Some(true) => {
                    tracing::warn!("{} fails: {}", source.name, clean(error, MAX_LINE));
                }
                None if before == Some(true) => tracing::info!("{} answers again", source.name),
                _ => {}
            }
        }
        drop(snapshot);
        if world.changed().await.is_err() {
            return;
        }
    }
}

fn paging(snapshot: &Snapshot) -> Option<String> {
    if !snapshot.plan.pages() {
        return None;
    }
    match &snapshot.pager {
        Pager::Unknown | Pager::Nobody => None,
        Pager::Here { .. } => Some("pager: this agent".to_owned()),
        Pager::Other(name) => Some(format!("pager: {name}; this one waits")),
    }
}
