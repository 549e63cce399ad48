//! Polls every source in a task of its own: schedule with jitter, time-outs, back-off, a cap on what
//! runs at once, and how each source is. One sick source never slows another.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use secrecy::ExposeSecret;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant as Monotonic;

use super::http_client::Clients;
use super::settings::{Auth, Kind, Secret, SourceSettings};
use super::{Source, SourceError, registry};
use crate::domain::observation::{Fact, Observation, SourceName, SourceState, SourceStatus};
use crate::domain::text;

/// How many sources are polled at the same time.
const CONCURRENT_POLLS: usize = 8;
/// The first wait after a failure; it doubles up to the last.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_LAST: Duration = Duration::from_mins(1);
/// A poll may make several requests, each with the source's time-out; this many time-outs end it.
const REQUESTS_IN_TURN: u32 = 4;
/// Values are late when the last success is older than this many intervals.
const LATE_AFTER: u32 = 3;

/// What the supervisor tells.
#[derive(Debug)]
pub enum Report {
    /// A source answered.
    Observed(Observation),
    /// How all sources are, after one of them changed.
    Sources(Vec<SourceStatus>),
}

/// Runs the sources.
pub struct Supervisor {
    tasks: BTreeMap<SourceName, Task>,
    board: Arc<Board>,
    slots: Arc<Semaphore>,
    clients: Clients,
}

struct Task {
    identity: u64,
    run: JoinHandle<()>,
    wake: Arc<Notify>,
}

/// How each source is, in the order of the config.
struct Board {
    rows: Mutex<Vec<SourceStatus>>,
    reports: mpsc::Sender<Report>,
}

impl Supervisor {
    /// Polls nothing yet; see [`Supervisor::set`].
    pub fn new(reports: mpsc::Sender<Report>) -> Self {
        let board = Arc::new(Board { rows: Mutex::new(Vec::new()), reports });
        let slots = Arc::new(Semaphore::new(CONCURRENT_POLLS));
        Self { tasks: BTreeMap::new(), board, slots, clients: Clients::default() }
    }

    /// From now on these sources, and no others. One whose settings did not change runs on.
    pub async fn set(&mut self, sources: Vec<SourceSettings>) {
        let identities: BTreeMap<SourceName, u64> =
            sources.iter().map(|s| (s.name.clone(), identity(s))).collect();
        self.tasks.retain(|name, task| {
            let stays = identities.get(name) == Some(&task.identity);
            if !stays {
                task.run.abort();
            }
            stays
        });
        {
            let mut rows = self.board.rows.lock().unwrap_or_else(PoisonError::into_inner);
            let mut known: BTreeMap<_, _> =
                rows.drain(..).map(|row| (row.name.clone(), row)).collect();
            rows.extend(sources.iter().map(|s| {
                let stays = self.tasks.contains_key(&s.name);
                known.remove(&s.name).filter(|_| stays).unwrap_or_else(|| unknown(s))
            }));
        }
        self.board.publish().await;
        for settings in sources {
            let name = settings.name.clone();
            if self.tasks.contains_key(&name) {
                continue;
            }
            let wake = Arc::new(Notify::new());
            let identity = identities.get(&name).copied().unwrap_or_default();
            let source = registry(&settings, &self.clients);
            let work =
                watch(source, settings, self.board.clone(), self.slots.clone(), wake.clone());
            self.tasks.insert(name, Task { identity, run: tokio::spawn(work), wake });
        }
    }

    /// Polls every source now, whatever its schedule and back-off say.
    pub fn poll_now(&self) {
        for task in self.tasks.values() {
            task.wake.notify_one();
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        for task in self.tasks.values() {
            task.run.abort();
        }
    }
}

/// Asks every source once, at the same time, without a schedule: how each is, and what it said.
pub async fn poll_once(sources: Vec<SourceSettings>) -> Vec<(SourceStatus, Option<Observation>)> {
    let clients = Clients::default();
    let polls = sources.into_iter().map(|settings| async {
        let settings = settings;
        let mut status = unknown(&settings);
        let mut source = registry(&settings, &clients);
        let outcome = poll(&mut *source, &settings, &mut status).await;
        (status, outcome.ok())
    });
    futures::future::join_all(polls).await
}

async fn watch(
    mut source: Box<dyn Source>,
    settings: SourceSettings,
    board: Arc<Board>,
    slots: Arc<Semaphore>,
    wake: Arc<Notify>,
) {
    let mut status = unknown(&settings);
    let mut failures = 0_u32;
    loop {
        let begun = Monotonic::now();
        let outcome = {
            let Ok(_slot) = slots.acquire().await else { return };
            poll(&mut *source, &settings, &mut status).await
        };
        let wait = match &outcome {
            Ok(_) => {
                failures = 0;
                jitter(settings.interval).saturating_sub(begun.elapsed())
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                let asked = match error {
                    SourceError::Busy { retry_after, .. } => retry_after.unwrap_or(BACKOFF_LAST),
                    _ => Duration::ZERO,
                };
                backoff(failures).max(asked.min(Duration::from_hours(1)))
            }
        };
        if let SourceState::Failing { next_try, .. } = &mut status.state {
            *next_try = Utc::now() + TimeDelta::from_std(wait).unwrap_or_default();
        }
        // The state first: a fresh source is what makes its own data believable.
        board.update(&status).await;
        if let Ok(observation) = outcome
            && board.reports.send(Report::Observed(observation)).await.is_err()
        {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(wait.max(Duration::from_millis(100))) => {}
            () = wake.notified() => {}
        }
        if status.state == SourceState::Fresh && is_late(&status, settings.interval) {
            status.state = SourceState::Late;
            board.update(&status).await;
        }
    }
}

/// One poll within its time, and what it means for the state of the source.
async fn poll(
    source: &mut dyn Source,
    settings: &SourceSettings,
    status: &mut SourceStatus,
) -> Result<Observation, SourceError> {
    let now = Utc::now();
    let begun = Monotonic::now();
    let budget = match settings.kind {
        Kind::Prometheus(_) | Kind::Alertmanager(_) => settings.timeout * REQUESTS_IN_TURN,
        _ => settings.timeout,
    };
    let outcome = match tokio::time::timeout(budget, source.poll(now)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(SourceError::TimedOut(budget)),
    };
    status.latency_ms = u64::try_from(begun.elapsed().as_millis()).ok();
    match &outcome {
        Ok(observation) => {
            status.state = SourceState::Fresh;
            status.last_ok = Some(now);
            status.items = observation.facts.iter().map(size).sum();
            status.server.clone_from(&observation.server);
            status.warnings.clone_from(&observation.warnings);
        }
        Err(error) => {
            let since = match &status.state {
                SourceState::Failing { since, .. } => *since,
                _ => now,
            };
            let error = text::clean(&error.to_string(), text::MAX_LINE);
            tracing::warn!(source = %settings.name, %error, "poll failed");
            status.state = SourceState::Failing { since, error, next_try: now };
        }
    }
    outcome
}

fn size(fact: &Fact) -> usize {
    match fact {
        Fact::Services(_) | Fact::Backfill(_) => 0,
        Fact::Signals(readings) => readings.len(),
        Fact::States(states) => states.len(),
        Fact::Alerts(set) => set.alerts.len(),
    }
}

fn is_late(status: &SourceStatus, interval: Duration) -> bool {
    let limit = TimeDelta::from_std(interval * LATE_AFTER).unwrap_or(TimeDelta::MAX);
    status.last_ok.is_none_or(|at| Utc::now() - at > limit)
}

/// ±10 %, so that many consoles do not ask in step.
fn jitter(interval: Duration) -> Duration {
    interval.mul_f64(0.9 + 0.2 * fastrand::f64())
}

/// 1 s, 2 s, 4 s … 60 s, ±10 %.
fn backoff(failures: u32) -> Duration {
    let doubled = BACKOFF_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10));
    jitter(doubled.min(BACKOFF_LAST))
}

fn unknown(settings: &SourceSettings) -> SourceStatus {
    SourceStatus {
        name: settings.name.clone(),
        kind: settings.kind.word().to_owned(),
        address: settings.kind.address(),
        state: SourceState::Never,
        interval_s: settings.interval.as_secs(),
        last_ok: None,
        latency_ms: None,
        items: 0,
        server: String::new(),
        warnings: Vec::new(),
        insecure: settings.http.insecure_skip_verify,
    }
}

/// Changes when anything in the settings does, inline secrets included.
fn identity(settings: &SourceSettings) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{settings:?}").hash(&mut hasher);
    let secret = match &settings.http.auth {
        Auth::Basic { password: secret, .. }
        | Auth::Bearer(secret)
        | Auth::Header { value: secret, .. } => Some(secret),
        Auth::None => None,
    };
    if let Some(Secret::Inline(secret)) = secret {
        secret.expose_secret().hash(&mut hasher);
    }
    hasher.finish()
}

impl Board {
    async fn update(&self, status: &SourceStatus) {
        {
            let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(row) = rows.iter_mut().find(|r| r.name == status.name) {
                row.clone_from(status);
            }
        }
        self.publish().await;
    }

    async fn publish(&self) {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let _ = self.reports.send(Report::Sources(rows)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_after_each_failure_and_end_at_a_minute() {
        for (failures, seconds) in [(1, 1.0), (2, 2.0), (3, 4.0), (7, 60.0), (u32::MAX, 60.0)] {
            let wait = backoff(failures).as_secs_f64();
            assert!((seconds * 0.9..=seconds * 1.1).contains(&wait), "{failures}: {wait}");
        }
    }

    #[test]
    fn the_jitter_is_a_tenth_either_way() {
        for _ in 0..100 {
            let wait = jitter(Duration::from_secs(10));
            assert!((9.0..=11.0).contains(&wait.as_secs_f64()), "{wait:?}");
        }
    }
}
