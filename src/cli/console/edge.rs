//! The tasks beside the screen: sources report to the engine, changed files become a new plan,
//! maintenance is made known.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::Over;
use super::mirror::{Mirrors, Told};
use crate::cli::{measure, watching};
use crate::config::diff::{Changes, diff};
use crate::config::watch::Watch;
use crate::config::{Config, NotifySettings, Problems, ReportPlan, Surroundings};
use crate::domain::observation::{SourceName, SourceStatus};
use crate::domain::time::Timescale;
use crate::engine::Handle;
use crate::notify::channels::Courier;
use crate::sources::history::Histories;
use crate::sources::mirror::About;
use crate::sources::orders::Clerk;
use crate::sources::supervisor::{Report, Supervisor};
use crate::store::Store;
use crate::ui::Msg;
use crate::ui::screens::Tone;

/// Reports that may wait for the engine.
const REPORTS: usize = 64;

pub struct Edge {
    pub handle: Handle,
    /// Where objectives keep what they measured.
    pub store: Store,
    /// What the person should know.
    pub news: mpsc::Sender<Msg>,
    /// Who carries orders out.
    pub clerk: watch::Sender<Arc<Clerk>>,
    /// By which channels people are paged.
    pub courier: watch::Sender<Courier>,
    /// The reports that are issued by themselves.
    pub reports: watch::Sender<Arc<[ReportPlan]>>,
    /// How the person is told of incidents.
    pub notify: watch::Sender<NotifySettings>,
    /// What the command line said about the screen.
    pub over: Over,
    /// The time in which sources are polled.
    pub time: Timescale,
}

/// What runs.
pub struct Started {
    /// Polls every source at once.
    pub refresh: mpsc::Sender<()>,
    pub histories: Histories,
    /// Aborted: all of it ends.
    pub running: JoinHandle<()>,
}

impl Edge {
    /// Starts polling, and watching the files where `around` is given.
    pub fn start(self, config: Config, around: Option<Surroundings>) -> Started {
        let (refresh, refreshed) = mpsc::channel(1);
        let (reports, reported) = mpsc::channel(REPORTS);
        let supervisor = Supervisor::new(reports).in_time(self.time);
        let histories = supervisor.histories();
        let running = tokio::spawn(self.run(config, around, refreshed, (supervisor, reported)));
        Started { refresh, histories, running }
    }

    async fn run(
        self,
        config: Config,
        around: Option<Surroundings>,
        mut refreshed: mpsc::Receiver<()>,
        (mut supervisor, mut reported): (Supervisor, mpsc::Receiver<Report>),
    ) {
        // The supervisor reports while it is being set, so somebody must already listen.
        let (told, mut heard) = mpsc::channel(REPORTS);
        let mut board = Board::new(self.handle.clone(), self.news.clone());
        let listening = Task::spawn(async move {
            loop {
                tokio::select! {
                    report = reported.recv() => match report {
                        Some(Report::Observed(observation)) => board.handle.observe(observation).await,
                        Some(Report::Sources(sources)) => board.sources(sources).await,
                        None => break,
                    },
                    Some(told) = heard.recv() => board.mirror(told).await,
                }
            }
        });
        let mut mirrors = Mirrors::new(self.handle.clone(), self.time, told);
        supervisor.set(config.sources.clone()).await;
        // Not before: what is asked about the past has to be known.
        let (handle, store) = (self.handle.clone(), self.store.clone());
        let measuring = measure::run(handle, store, supervisor.histories(), self.time);
        let measuring = Task::spawn(measuring);
        let watching = Task::spawn(watching::run(self.store.clone(), self.time));
        mirrors.set(&config.sources).await;
        let mut changes = watch_files(&config, around);
        let mut current = config;
        loop {
            tokio::select! {
                Some(()) = refreshed.recv() => supervisor.poll_now(),
                Some(change) = changes.recv() => {
                    let read = match change {
                        Ok(new) => {
                            let said = self.adopt(&current, &new, &mut supervisor).await;
                            mirrors.set(&new.sources).await;
                            current = *new;
                            Ok(said)
                        }
                        Err(problems) => Err((problems.brief(), problems.headline())),
                    };
                    let _ = self.news.send(Msg::Config(read)).await;
                }
                else => break,
            }
        }
        drop((listening, measuring, watching));
    }

    /// Puts in force what can be, and says what cannot.
    async fn adopt(&self, old: &Config, new: &Config, supervisor: &mut Supervisor) -> String {
        let changes = diff(old, new);
        if changes.plan {
            self.handle.replan(new.plan.clone()).await;
        }
        supervisor.set(new.sources.clone()).await;
        if changes.plan || !changes.sources.is_empty() {
            let _ = self.news.send(Msg::Replanned).await;
        }
        if !changes.sources.is_empty() {
            self.clerk.send_replace(Arc::new(Clerk::new(&new.sources)));
        }
        if changes.channels {
            self.courier.send_replace(Courier::new(&new.channels));
        }
        if changes.reports {
            self.reports.send_replace(new.reports.clone().into());
        }
        if changes.notify {
            self.notify.send_replace(new.notify.clone());
        }
        if changes.ui {
            let settings = Box::new(self.over.settings(new));
            let _ = self.news.send(Msg::Settings(settings)).await;
        }
        said(&changes)
    }
}

/// How the sources are, with what they could not be told.
struct Board {
    handle: Handle,
    news: mpsc::Sender<Msg>,
    rows: Vec<SourceStatus>,
    troubles: BTreeMap<(SourceName, About), Vec<String>>,
}

impl Board {
    fn new(handle: Handle, news: mpsc::Sender<Msg>) -> Self {
        Self { handle, news, rows: Vec::new(), troubles: BTreeMap::new() }
    }

    async fn sources(&mut self, rows: Vec<SourceStatus>) {
        self.rows = rows;
        self.troubles.retain(|(source, _), _| self.rows.iter().any(|row| row.name == *source));
        self.tell().await;
    }

    /// Said once when it begins and when it is over; as long as it is so, it stands with the source.
    async fn mirror(&mut self, told: Told) {
        let (source, about, troubles) = match told {
            Told::Pass(source, about, troubles) => (source, about, troubles),
            Told::Off(source, about) => {
                if self.troubles.remove(&(source, about)).is_some() {
                    self.tell().await;
                }
                return;
            }
        };
        let key = (source.clone(), about);
        let before = self.troubles.get(&key).map_or(&[][..], Vec::as_slice);
        if *before == *troubles {
            return;
        }
        let said = match (before.is_empty(), troubles.first()) {
            (true, Some(first)) => Some(Msg::Say(Tone::Bad, format!("{source}: {first}"))),
            (false, None) => {
                let again = match about {
                    About::Maintenance => "maintenance is mirrored again",
                    About::Acknowledgements => "acknowledgements are made known again",
                };
                Some(Msg::Say(Tone::Good, format!("{source}: {again}")))
            }
            _ => None,
        };
        if let Some(msg) = said {
            // The news may wait to be read; where the source stands, it is told in any case.
            let _ = self.news.try_send(msg);
        }
        self.troubles.insert(key, troubles);
        self.tell().await;
    }

    async fn tell(&self) {
        let mut rows = self.rows.clone();
        for row in &mut rows {
            let of = self.troubles.iter().filter(|((source, _), _)| *source == row.name);
            row.warnings.extend(of.flat_map(|(_, troubles)| troubles.iter().cloned()));
        }
        self.handle.report_sources(rows).await;
    }
}

/// A task that ends with whoever holds it.
pub struct Task(JoinHandle<()>);

impl Task {
    /// One that runs already.
    pub fn of(running: JoinHandle<()>) -> Self {
        Self(running)
    }

    pub fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Change = Result<Box<Config>, Problems>;

/// Watches the files in a thread of its own: a slow disk holds up nobody else. It lives as long as the
/// process.
fn watch_files(config: &Config, around: Option<Surroundings>) -> mpsc::Receiver<Change> {
    let (changed, changes) = mpsc::channel(1);
    if let Some(around) = around {
        let mut watch = Watch::new(config, around);
        let work = move || while changed.blocking_send(watch.changed()).is_ok() {};
        if let Err(e) = thread::Builder::new().name("config".to_owned()).spawn(work) {
            tracing::warn!("changes of the config files go unnoticed: no thread: {e}");
        }
    }
    changes
}

/// One line: what changed, and what waits for a restart.
fn said(changes: &Changes) -> String {
    let mut line = "config reloaded".to_owned();
    if !changes.sources.is_empty() {
        line = format!("{line}: {}", changes.sources.join(", "));
    }
    if !changes.restart.is_empty() {
        line = format!("{line}; a restart is needed for {}", changes.restart.join(", "));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_says_what_changed_and_what_waits() {
        assert_eq!(said(&Changes::default()), "config reloaded");
        let changes = Changes {
            sources: vec![Arc::from("prom"), Arc::from("am")],
            ui: true,
            restart: vec!["store.url", "ui.glyphs"],
            ..Changes::default()
        };
        let expect = "config reloaded: prom, am; a restart is needed for store.url, ui.glyphs";
        assert_eq!(said(&changes), expect);
    }
}
