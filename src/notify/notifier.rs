//! The task that tells people, beside everything else: handing a notification over never waits.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Notification;
use super::desktop::Desktop;
use crate::domain::incident::IncidentId;

/// How many notifications may wait; more are dropped, and logged.
const QUEUE: usize = 64;
/// How long the terminal stands in for a desktop that failed, before it is tried again.
const RETRY: Duration = Duration::from_mins(1);

/// How the person at this console is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    Off,
    Desktop,
    Terminal,
}

/// What the app hears back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// *Acknowledge* was clicked.
    Acknowledge(IncidentId),
    /// To be said by the terminal, which is the app's: [`crate::ui::terminal::Tui::notify`].
    Terminal(Notification),
    /// The desktop cannot be reached; said once, with what happens instead.
    Trouble(String),
}

/// The way to the task; cheap to clone.
#[derive(Debug, Clone)]
pub struct Notifier {
    queue: mpsc::Sender<Notification>,
}

impl Channel {
    /// The desktop where there is one at this end, else the terminal.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).is_some_and(|v| !v.is_empty());
        let remote = set("SSH_CONNECTION") || set("SSH_TTY");
        let runtime = env("XDG_RUNTIME_DIR").filter(|v| !v.is_empty());
        let socket = runtime.is_some_and(|dir| std::path::Path::new(&dir).join("bus").exists());
        let bus = set("DBUS_SESSION_BUS_ADDRESS") || socket || cfg!(target_os = "macos");
        if bus && !remote { Self::Desktop } else { Self::Terminal }
    }
}

impl Notifier {
    /// Starts the task on the current runtime; what it has to say goes to `told`.
    pub fn start(channel: Channel, told: mpsc::Sender<Told>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(run(channel, waiting, told));
        Self { queue }
    }

    /// Hands a notification over. Never waits.
    pub fn notify(&self, notification: Notification) {
        if let Err(error) = self.queue.try_send(notification) {
            tracing::warn!("a notification was dropped: {error}");
        }
    }
}

async fn run(
    channel: Channel,
    mut waiting: mpsc::Receiver<Notification>,
    told: mpsc::Sender<Told>,
) {
    let mut desktop = Desktop::default();
    let mut said = false;
    let mut failed: Option<Instant> = None;
    while let Some(notification) = waiting.recv().await {
        let resting = failed.is_some_and(|at| at.elapsed() < RETRY);
        let answer = match channel {
            Channel::Off => continue,
            Channel::Desktop if !resting => match desktop.show(&notification, &told).await {
                Ok(()) => {
                    failed = None;
                    continue;
                }
                Err(why) => {
                    failed = Some(Instant::now());
                    tracing::warn!("desktop notification failed: {why}");
                    if !said {
                        said = true;
                        let why = format!(
                            "no desktop notifications: {why}; the terminal tells instead \
                             (choose with notify.desktop)"
                        );
                        let _ = told.send(Told::Trouble(why)).await;
                    }
                    Told::Terminal(notification)
                }
            },
            Channel::Desktop | Channel::Terminal => Told::Terminal(notification),
        };
        if told.send(answer).await.is_err() {
            return;
        }
    }
}
