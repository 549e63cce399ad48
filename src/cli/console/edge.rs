//! The tasks beside the screen: sources report to the engine, changed files become a new plan.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config::diff::{Changes, diff};
use crate::config::watch::Watch;
use crate::config::{Config, Problems, Surroundings};
use crate::engine::Handle;
use crate::sources::supervisor::{Report, Supervisor};
use crate::ui::Msg;
use crate::ui::screens::Tone;

/// Reports that may wait for the engine.
const REPORTS: usize = 64;

pub struct Edge {
    pub handle: Handle,
    /// What the person should know.
    pub news: mpsc::Sender<Msg>,
}

impl Edge {
    /// Starts polling, and watching the files where `around` is given. Sending on the channel polls
    /// every source at once; aborting the task ends all of it.
    pub fn start(
        self,
        config: Config,
        around: Option<Surroundings>,
    ) -> (mpsc::Sender<()>, JoinHandle<()>) {
        let (refresh, refreshed) = mpsc::channel(1);
        (refresh, tokio::spawn(self.run(config, around, refreshed)))
    }

    async fn run(
        self,
        config: Config,
        around: Option<Surroundings>,
        mut refreshed: mpsc::Receiver<()>,
    ) {
        let (reports, mut reported) = mpsc::channel(REPORTS);
        let mut supervisor = Supervisor::new(reports);
        // The supervisor reports while it is being set, so somebody must already listen.
        let handle = self.handle.clone();
        let listening = Task(tokio::spawn(async move {
            while let Some(report) = reported.recv().await {
                match report {
                    Report::Observed(observation) => handle.observe(observation).await,
                    Report::Sources(sources) => handle.report_sources(sources).await,
                }
            }
        }));
        supervisor.set(config.sources.clone()).await;
        let (mut changes, _watching) = watch(&config, around);
        let mut current = config;
        loop {
            tokio::select! {
                Some(()) = refreshed.recv() => supervisor.poll_now(),
                Some(change) = changes.recv() => {
                    let (tone, line) = match change {
                        Ok(new) => {
                            let said = self.adopt(&current, &new, &mut supervisor).await;
                            current = *new;
                            (Tone::Info, said)
                        }
                        Err(problems) => {
                            let first = problems.headline();
                            (Tone::Bad, format!("config not reloaded, the old one stays: {first}"))
                        }
                    };
                    let _ = self.news.send(Msg::Say(tone, line)).await;
                }
                else => break,
            }
        }
        drop(listening);
    }

    /// Puts in force what can be, and says what cannot.
    async fn adopt(&self, old: &Config, new: &Config, supervisor: &mut Supervisor) -> String {
        let changes = diff(old, new);
        if changes.plan {
            self.handle.replan(new.plan.clone()).await;
        }
        supervisor.set(new.sources.clone()).await;
        said(&changes)
    }
}

/// A task that ends with whoever holds it.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Change = Result<Box<Config>, Problems>;

/// Watches the files in a task of its own, so that other news does not keep it from its pace.
fn watch(config: &Config, around: Option<Surroundings>) -> (mpsc::Receiver<Change>, Option<Task>) {
    let (changed, changes) = mpsc::channel(1);
    let watching = around.map(|around| {
        let mut watch = Watch::new(config, around);
        Task(tokio::spawn(
            async move { while changed.send(watch.changed().await).await.is_ok() {} },
        ))
    });
    (changes, watching)
}

/// One line: what changed, and what waits for a restart.
fn said(changes: &Changes) -> String {
    let mut restart = changes.restart.clone();
    if changes.ui {
        restart.push("ui");
    }
    if changes.notify {
        restart.push("notify");
    }
    if changes.operator {
        restart.push("operator.name");
    }
    let mut line = "config reloaded".to_owned();
    if !changes.sources.is_empty() {
        line = format!("{line}: {}", changes.sources.join(", "));
    }
    if !restart.is_empty() {
        restart.dedup();
        line = format!("{line}; a restart is needed for {}", restart.join(", "));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_reload_says_what_changed_and_what_waits() {
        assert_eq!(said(&Changes::default()), "config reloaded");
        let changes = Changes {
            sources: vec![Arc::from("prom"), Arc::from("am")],
            ui: true,
            restart: vec!["store.url"],
            ..Changes::default()
        };
        let expect = "config reloaded: prom, am; a restart is needed for store.url, ui";
        assert_eq!(said(&changes), expect);
    }
}
