//! Polls every source in a task of its own: schedule with jitter, time-outs, back-off, a cap on what
//! runs at once, and how each source is. One sick source never slows another.
//!
//! Between two polls of a source nothing wakes up for it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use futures::{FutureExt, StreamExt};
use secrecy::ExposeSecret;
use tokio::sync::{Mutex, Notify, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant as Monotonic;

use super::history::Histories;
use super::http_client::Clients;
use super::settings::{Auth, Kind, Secret, SourceSettings};
use super::{Source, SourceError, hygiene, registry};
use crate::domain::observation::{Fact, Observation, SourceName, SourceState, SourceStatus};
use crate::domain::text;
use crate::domain::time::{Instant, Timescale};

/// How many sources are polled at the same time: so many of those that answered last time, and so
/// many of the others.
const CONCURRENT_POLLS: usize = 16;
/// The first wait after a failure; it doubles up to the last.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_LAST: Duration = Duration::from_mins(1);
/// What a server that wants to be left alone, and does not say for how long, is granted.
const PATIENCE: Duration = Duration::from_secs(30);
/// A source is late when its last success is older than this many intervals.
const LATE_AFTER: u32 = 3;
/// Two polls of one source begin at least this far apart, however long the first took.
const BREATHER: Duration = Duration::from_millis(100);

/// What the supervisor tells.
#[derive(Debug)]
pub enum Report {
    /// A source answered.
    Observed(Observation),
    /// How all sources are, after one of them changed; in the order of the config.
    Sources(Vec<SourceStatus>),
}

/// Runs the sources.
pub struct Supervisor {
    tasks: BTreeMap<SourceName, Task>,
    board: Arc<Board>,
    slots: Slots,
    clients: Clients,
    time: Timescale,
    histories: Histories,
}

/// The places for polls. Sources that answered last time have their own, so that they never wait
/// for those that hang until their time-out.
#[derive(Clone)]
struct Slots {
    proven: Arc<Semaphore>,
    others: Arc<Semaphore>,
}

impl Slots {
    fn new() -> Self {
        let slots = || Arc::new(Semaphore::new(CONCURRENT_POLLS));
        Self { proven: slots(), others: slots() }
    }

    fn of(&self, state: &SourceState) -> &Semaphore {
        if *state == SourceState::Fresh { &self.proven } else { &self.others }
    }
}

struct Task {
    identity: u64,
    run: JoinHandle<()>,
    wake: Arc<Notify>,
}

/// How each source is. Locked while it is told, so that an older picture never follows a newer one.
struct Board {
    rows: Mutex<Vec<SourceStatus>>,
    reports: mpsc::Sender<Report>,
}

impl Supervisor {
    /// Polls nothing yet; see [`Supervisor::set`]. Ends its tasks when dropped.
    pub fn new(reports: mpsc::Sender<Report>) -> Self {
        let board = Arc::new(Board { rows: Mutex::new(Vec::new()), reports });
        let slots = Slots::new();
        let (clients, time) = (Clients::default(), Timescale::REAL);
        let histories = Histories::default();
        Self { tasks: BTreeMap::new(), board, slots, clients, time, histories }
    }

    /// The way to ask the sources for their past; follows every [`Supervisor::set`].
    pub fn histories(&self) -> Histories {
        self.histories.clone()
    }

    /// The same in a made-up time: instants and intervals are meant in it, time-outs are not.
    #[must_use]
    pub fn in_time(mut self, time: Timescale) -> Self {
        self.time = time;
        self
    }

    /// From now on these sources, and no others. One whose settings did not change runs on; of one
    /// that changed, nothing is told by its old task any more when this returns.
    ///
    /// Not for the task that takes the reports: this waits until there is room for one.
    pub async fn set(&mut self, sources: Vec<SourceSettings>) {
        let origins = origins(&sources);
        let identities: BTreeMap<SourceName, u64> = sources
            .iter()
            .map(|s| (s.name.clone(), identity(s, origins.contains(&s.name))))
            .collect();
        let (stay, go): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.tasks)
            .into_iter()
            .partition(|(name, task)| identities.get(name) == Some(&task.identity));
        self.tasks = stay;
        for (name, task) in &go {
            task.run.abort();
            self.histories.remove(name);
        }
        for task in go.into_values() {
            // An error only says that it was aborted.
            let _ = task.run.await;
        }
        {
            let mut rows = self.board.rows.lock().await;
            let mut known: BTreeMap<_, _> =
                rows.drain(..).map(|row| (row.name.clone(), row)).collect();
            rows.extend(sources.iter().map(|s| {
                let stays = self.tasks.contains_key(&s.name);
                known.remove(&s.name).filter(|_| stays).unwrap_or_else(|| unknown(s))
            }));
            self.board.tell(&rows).await;
        }
        for settings in sources {
            let name = settings.name.clone();
            if self.tasks.contains_key(&name) {
                continue;
            }
            let wake = Arc::new(Notify::new());
            let identity = identities.get(&name).copied().unwrap_or_default();
            let is_origin = origins.contains(&name);
            let status = unknown(&settings);
            let spec = Spec { settings, is_origin, clients: self.clients.clone(), time: self.time };
            let source = spec.source();
            if let Some(history) = source.history() {
                self.histories.insert(name.clone(), history, spec.settings.timeout);
            }
            let watch = Watch {
                status,
                spec,
                failures: 0,
                board: self.board.clone(),
                slots: self.slots.clone(),
                wake: wake.clone(),
            };
            self.tasks.insert(name, Task { identity, run: tokio::spawn(watch.run(source)), wake });
        }
    }

    /// Polls every source now, whatever its schedule and back-off say; only one that asked to be
    /// left alone for a while is.
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

/// Asks every source once, without a schedule: how each is, and what it said. In the order given.
pub async fn poll_once(sources: Vec<SourceSettings>) -> Vec<(SourceStatus, Option<Observation>)> {
    let (origins, clients) = (origins(&sources), Clients::default());
    let polls = sources.into_iter().map(|settings| {
        let is_origin = origins.contains(&settings.name);
        let (clients, time) = (clients.clone(), Timescale::REAL);
        let spec = Spec { settings, is_origin, clients, time };
        async move {
            let (mut source, mut status) = (spec.source(), unknown(&spec.settings));
            let (seen, _) = poll(&mut source, &spec, &mut status).await;
            (status, seen)
        }
    });
    futures::stream::iter(polls).buffered(CONCURRENT_POLLS).collect().await
}

/// What it takes to make a source, and to make it anew.
struct Spec {
    settings: SourceSettings,
    is_origin: bool,
    clients: Clients,
    time: Timescale,
}

impl Spec {
    fn now(&self) -> Instant {
        self.time.at(Utc::now())
    }

    fn source(&self) -> Box<dyn Source> {
        registry(&self.settings, self.is_origin, &self.clients)
    }
}

/// The task of one source.
struct Watch {
    spec: Spec,
    status: SourceStatus,
    /// In a row.
    failures: u32,
    board: Arc<Board>,
    slots: Slots,
    wake: Arc<Notify>,
}

impl Watch {
    async fn run(mut self, mut source: Box<dyn Source>) {
        loop {
            let begun = Monotonic::now();
            let Some((status, (seen, error))) = self.ask(&mut source).await else { return };
            self.status = status;
            let (wait, urgent) = match &error {
                None => {
                    self.failures = 0;
                    let interval = self.spec.time.ours(self.spec.settings.interval);
                    let wait = jitter(interval, fastrand::f64());
                    (wait.saturating_sub(begun.elapsed()), true)
                }
                Some(error) => {
                    self.failures = self.failures.saturating_add(1);
                    let busy = matches!(error, SourceError::Busy { .. });
                    (wait_after(error, self.failures, fastrand::f64()), !busy)
                }
            };
            let wait = wait.max(BREATHER.saturating_sub(begun.elapsed()));
            if let SourceState::Failing { next_try, .. } = &mut self.status.state {
                *next_try = later(self.spec.now(), self.spec.time.made_up(wait));
            }
            // The state first: a fresh source is what makes its own data believable.
            self.board.update(&self.status).await;
            if let Some(observation) = seen
                && self.board.reports.send(Report::Observed(observation)).await.is_err()
            {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.wake.notified(), if urgent => {}
            }
        }
    }

    /// One poll, after waiting for a free slot. A source that was fresh is told to be late when this
    /// takes too long, and when the machine slept. `None`: the supervisor is gone.
    async fn ask(&self, source: &mut Box<dyn Source>) -> Option<(SourceStatus, Polled)> {
        let mut attempt = std::pin::pin!(async {
            let _slot = self.slots.of(&self.status.state).acquire().await.ok()?;
            let mut status = self.status.clone();
            let outcome = poll(source, &self.spec, &mut status).await;
            Some((status, outcome))
        });
        match self.late_in() {
            None => attempt.await,
            Some(late_in) => tokio::select! {
                told = &mut attempt => told,
                () = tokio::time::sleep(late_in) => {
                    let late = SourceStatus { state: SourceState::Late, ..self.status.clone() };
                    self.board.update(&late).await;
                    attempt.await
                }
            },
        }
    }

    /// How long a fresh source stays so without a success.
    fn late_in(&self) -> Option<Duration> {
        let last_ok = self.status.last_ok.filter(|_| self.status.state == SourceState::Fresh)?;
        let limit = later(last_ok, self.spec.settings.interval * LATE_AFTER);
        Some(self.spec.time.ours((limit - self.spec.now()).to_std().unwrap_or_default()))
    }
}

/// What a poll brought, and why it failed. Of one that failed, a part may be there all the same.
type Polled = (Option<Observation>, Option<SourceError>);

/// One poll within its time, and what it means for the state of the source. One that panics is made
/// anew.
async fn poll(source: &mut Box<dyn Source>, spec: &Spec, status: &mut SourceStatus) -> Polled {
    let now = spec.now();
    let begun = Monotonic::now();
    let asked = AssertUnwindSafe(source.poll(now)).catch_unwind();
    let outcome = match tokio::time::timeout(spec.settings.timeout, asked).await {
        Ok(Err(_)) => {
            *source = spec.source();
            Err(SourceError::BadAnswer(format!(
                "an error in this program while it read the answer of {}; please report it",
                status.address
            )))
        }
        Ok(Ok(outcome)) => outcome,
        Err(_) => Err(SourceError::TimedOut(spec.settings.timeout)),
    };
    let (mut seen, error) = match outcome {
        Ok(observation) => (Some(observation), None),
        Err(SourceError::Partly(partly)) => {
            let (why, rest) = *partly;
            (Some(rest), Some(why))
        }
        Err(error) => (None, Some(error)),
    };
    if let Some(observation) = &mut seen {
        hygiene::bound_instants(observation, now);
        told(status, observation);
    }
    status.latency_ms = u64::try_from(begun.elapsed().as_millis()).ok();
    match &error {
        None => succeeded(status, now),
        Some(error) => failed(status, error, now),
    }
    (seen, error)
}

/// What a source said of itself.
fn told(status: &mut SourceStatus, observation: &Observation) {
    status.items = observation.facts.iter().map(size).sum();
    status.server.clone_from(&observation.server);
    status.warnings.clone_from(&observation.warnings);
}

fn succeeded(status: &mut SourceStatus, now: Instant) {
    if let SourceState::Failing { since, .. } = &status.state {
        tracing::info!(source = %status.name, %since, "answers again");
    }
    status.state = SourceState::Fresh;
    status.last_ok = Some(now);
}

/// The first failure of a row is remembered; what was known stays, with its age.
fn failed(status: &mut SourceStatus, error: &SourceError, now: Instant) {
    let since = match &status.state {
        SourceState::Failing { since, .. } => *since,
        _ => now,
    };
    let error = text::clean(&error.to_string(), text::MAX_LINE);
    tracing::warn!(source = %status.name, %error, "no answer");
    status.state = SourceState::Failing { since, error, next_try: now };
}

fn size(fact: &Fact) -> usize {
    match fact {
        Fact::Services(_) | Fact::Backfill(_) | Fact::Silences(_) => 0,
        Fact::Signals(readings) => readings.len(),
        Fact::States(states) => states.len(),
        Fact::Alerts(set) | Fact::Evidence(set) => set.alerts.len(),
        Fact::Shifts(duties) => duties.len(),
        Fact::Windows(windows) => windows.len(),
    }
}

/// ±10 %, so that many consoles do not ask in step. `roll`: 0 to 1.
fn jitter(interval: Duration, roll: f64) -> Duration {
    interval.mul_f64(0.9 + 0.2 * roll)
}

/// How long to wait after so many failures in a row: 1 s, 2 s, 4 s … 60 s, ±10 %, and no less than
/// the server asked for.
fn wait_after(error: &SourceError, failures: u32, roll: f64) -> Duration {
    let doubled = BACKOFF_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10));
    let backoff = jitter(doubled.min(BACKOFF_LAST), roll);
    match error {
        SourceError::Busy { retry_after, .. } => backoff.max(retry_after.unwrap_or(PATIENCE)),
        _ => backoff,
    }
}

fn later(at: Instant, wait: Duration) -> Instant {
    TimeDelta::from_std(wait).ok().and_then(|w| at.checked_add_signed(w)).unwrap_or(at)
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

/// The sources whose own alerts prove what an Alertmanager passes on.
fn origins(sources: &[SourceSettings]) -> BTreeSet<SourceName> {
    let named = sources.iter().filter_map(|s| match &s.kind {
        Kind::Alertmanager(am) => Some(am.origins.iter().cloned()),
        _ => None,
    });
    named.flatten().collect()
}

/// Changes when anything in the settings does, inline secrets included.
fn identity(settings: &SourceSettings, is_origin: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{settings:?}").hash(&mut hasher);
    is_origin.hash(&mut hasher);
    let secret = match &settings.http.auth {
        Auth::Basic { password: secret, .. }
        | Auth::Bearer(secret)
        | Auth::Token(secret)
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
        let mut rows = self.rows.lock().await;
        if let Some(row) = rows.iter_mut().find(|r| r.name == status.name) {
            row.clone_from(status);
        }
        self.tell(&rows).await;
    }

    async fn tell(&self, rows: &[SourceStatus]) {
        let _ = self.reports.send(Report::Sources(rows.to_vec())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn at(seconds: i64) -> Instant {
        chrono::DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn prometheus(name: &str) -> SourceSettings {
        SourceSettings {
            name: Arc::from(name),
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(5),
            max_body: 1024,
            http: super::super::settings::HttpSettings::default(),
            kind: Kind::Prometheus(super::super::settings::Prometheus {
                url: "http://127.0.0.1:9090".parse().unwrap(),
                alerts: false,
                heartbeats: Vec::new(),
                backfill: Duration::ZERO,
            }),
            asks: Vec::new(),
        }
    }

    #[rstest]
    #[case(1, 1.0)]
    #[case(2, 2.0)]
    #[case(3, 4.0)]
    #[case(7, 60.0)]
    #[case(u32::MAX, 60.0)]
    fn waits_double_after_each_failure_and_end_at_a_minute(
        #[case] failures: u32,
        #[case] seconds: f64,
    ) {
        let error = SourceError::BadAnswer(String::new());
        let wait = |roll| wait_after(&error, failures, roll).as_secs_f64();
        assert!((wait(0.0) - seconds * 0.9).abs() < 1e-6, "{}", wait(0.0));
        assert!((wait(1.0) - seconds * 1.1).abs() < 1e-6, "{}", wait(1.0));
    }

    #[test]
    fn a_busy_server_is_left_alone_for_as_long_as_it_asks() {
        let busy = |retry_after| SourceError::Busy { reason: String::new(), retry_after };
        let asked = wait_after(&busy(Some(Duration::from_mins(5))), 1, 0.5);
        assert_eq!(asked, Duration::from_mins(5));
        assert_eq!(wait_after(&busy(None), 1, 0.5), PATIENCE);
        let short = wait_after(&busy(Some(Duration::from_secs(1))), 9, 0.5);
        assert_eq!(short, BACKOFF_LAST);
    }

    #[test]
    fn a_row_of_failures_keeps_its_beginning_and_the_last_good_facts() {
        let mut status = unknown(&prometheus("prom"));
        let good = Observation {
            source: Arc::from("prom"),
            at: at(0),
            server: "Prometheus 2.42".to_owned(),
            facts: Vec::new(),
            warnings: vec!["one".to_owned()],
        };
        told(&mut status, &good);
        succeeded(&mut status, at(0));
        assert_eq!(status.state, SourceState::Fresh);
        failed(&mut status, &SourceError::BadAnswer("\u{1b}[2Jfirst".to_owned()), at(10));
        failed(&mut status, &SourceError::TimedOut(Duration::from_secs(5)), at(20));
        let SourceState::Failing { since, error, .. } = &status.state else { panic!() };
        assert_eq!((*since, error.as_str()), (at(10), "no answer within 5 s"));
        assert_eq!(status.last_ok, Some(at(0)));
        assert_eq!(status.server, "Prometheus 2.42");
        succeeded(&mut status, at(30));
        assert_eq!(status.state, SourceState::Fresh);
    }

    #[test]
    fn an_inline_secret_or_a_new_role_makes_another_source() {
        let with = |secret: &str| {
            let mut settings = prometheus("prom");
            settings.http.auth = Auth::Bearer(Secret::Inline(secret.to_owned().into()));
            settings
        };
        assert_eq!(identity(&with("a"), false), identity(&with("a"), false));
        assert_ne!(identity(&with("a"), false), identity(&with("b"), false));
        assert_ne!(identity(&with("a"), false), identity(&with("a"), true));
    }
}
