//! A made-up world: some forty services that live and fail, from a seed.
//!
//! Everything is a function of the seed and of the made-up time: the same seed at the same instants
//! gives the same observations. There is no clock in here but the `now` of each poll, and the
//! start of the world.

mod budgets;
mod chance;
mod faults;
mod made;
mod past;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use futures::future::BoxFuture;

use self::faults::{Severity, Trouble};
use self::world::World;
use super::history::{History, Points};
use super::settings::{self, SourceSettings};
use super::{Source, SourceError};
use crate::domain::matcher::Labels;
use crate::domain::observation::{
    Alert, AlertSet, AlertStatus, Fact, Observation, Reading, Series, SourceName,
};
use crate::domain::time::{Instant, Stretch};
use crate::domain::upstream::silence::Listed;
use crate::domain::upstream::{Silence, SilenceState};

pub use budgets::objectives;
pub use made::Made;
pub use past::{Past, Step, past};

/// How far back the history goes, and in which steps, in seconds.
const HISTORY: i64 = 6 * 3_600;
const STEP: i64 = 60;

/// The source of a made-up world.
pub struct DemoSource {
    name: SourceName,
    speed: f64,
    stage: Result<Arc<Stage>, String>,
    clock: Clock,
    /// What people have silenced.
    made: Made,
    /// It was asked before.
    begun: bool,
    /// How many signals were asked for that it does not have.
    asked: usize,
}

impl DemoSource {
    pub fn new(source: &SourceSettings, demo: &settings::Demo) -> Self {
        Self {
            name: Arc::clone(&source.name),
            speed: demo.speed,
            stage: Stage::new(&source.name, demo.seed).map(Arc::new),
            clock: Clock { start: demo.start },
            made: demo.made.clone(),
            begun: false,
            asked: source.asks.len(),
        }
    }

    fn observe(&mut self, now: Instant) -> Result<Observation, SourceError> {
        let stage = self
            .stage
            .as_ref()
            .map_err(|e| SourceError::Misconfigured(format!("the demo's script is broken: {e}")))?;
        let clock = self.clock;
        let t = clock.seconds(now);
        let troubles = stage.troubles(t);
        let mut facts = vec![Fact::Services(stage.world.services.clone())];
        if !std::mem::replace(&mut self.begun, true) {
            facts.push(Fact::Backfill(stage.history(&clock, t)));
        }
        facts.push(Fact::Signals(stage.readings(now, t, &troubles)));
        let mut alerts = stage.alerts(&clock, t, &troubles);
        let script = |alerts: &AlertSet| silences(alerts, &clock, now);
        let silences = self.made.silenced(&mut alerts, script, now);
        facts.push(Fact::Silences(Listed { silences: silences.into(), left_out: 0 }));
        facts.push(Fact::Alerts(alerts));
        let seed = stage.world.seed;
        let server = match self.speed {
            1.0 => format!("Harbour, a made-up shop (seed {seed})"),
            speed => format!("Harbour, a made-up shop (seed {seed}, time runs {speed} times)"),
        };
        let unanswered = format!(
            "{} signals of the configuration ask the demo, which shows only its own services; \
             take them from a real source",
            self.asked
        );
        let warnings = if self.asked > 0 { vec![unanswered] } else { Vec::new() };
        Ok(Observation { source: Arc::clone(&self.name), at: now, server, facts, warnings })
    }
}

impl Source for DemoSource {
    fn poll(&mut self, now: Instant) -> BoxFuture<'_, Result<Observation, SourceError>> {
        Box::pin(async move { self.observe(now) })
    }

    fn history(&self) -> Option<Arc<dyn History>> {
        let stage = Arc::clone(self.stage.as_ref().ok()?);
        Some(Arc::new(Before { stage, clock: self.clock }))
    }
}

/// What is silenced: the alerts of the script that are, a batch that runs tonight, and something that
/// nobody has taken away.
fn silences(alerts: &AlertSet, clock: &Clock, now: Instant) -> Vec<Silence> {
    let silence =
        |id: String, matchers: &str, (by, comment): (&str, &str), (from, to): (f64, f64)| {
            let (starts_at, ends_at) = (clock.at(from), clock.at(to));
            let state = if starts_at > now { SilenceState::Pending } else { SilenceState::Active };
            let (matchers, created_by) = (matchers.to_owned(), by.to_owned());
            let comment = comment.to_owned();
            let matches = Some(0);
            Silence { id, state, matchers, created_by, comment, starts_at, ends_at, matches }
        };
    let hour = 3_600.0;
    let batch = r#"alertname=~"Runs.*",service="dwh""#;
    let old = r#"alertname="TargetDown",instance=~"build-.*""#;
    let id = |name: &str| world::fingerprint("silence", name);
    let mut all = vec![
        silence(
            id("batch"),
            batch,
            ("luis", "the year's books are closed tonight"),
            (3.0 * hour, 9.0 * hour),
        ),
        silence(
            id("build"),
            old,
            ("tom", "old build machines are taken apart"),
            (-70.0 * hour, hour / 4.0),
        ),
    ];
    for alert in &alerts.alerts {
        let AlertStatus::Silenced { by } = &alert.status else { continue };
        let of = |name: &str| alert.labels.get(name).map_or("", String::as_str);
        let matchers = format!("alertname={:?},service={:?}", of("alertname"), of("service"));
        let comment = alert.annotations.get("silence").map_or("", String::as_str);
        let id = by.first().cloned().unwrap_or_default();
        let one = silence(id, &matchers, ("priya", comment), (-4.0 * hour, 5.0 * hour));
        all.push(Silence { matches: Some(1), ..one });
    }
    all
}

/// What was before, however long ago: calm, but for the hours that the script tells of.
struct Before {
    stage: Arc<Stage>,
    clock: Clock,
}

impl History for Before {
    fn past<'a>(
        &'a self,
        query: &'a str,
        stretch: Stretch,
    ) -> BoxFuture<'a, Result<Points, SourceError>> {
        Box::pin(async move {
            let unknown = || SourceError::BadAnswer(format!("nothing here measures {query}"));
            let step = stretch.step.max(TimeDelta::seconds(1));
            let instants = std::iter::successors(Some(stretch.from), |at| Some(*at + step));
            let seed = self.stage.world.seed;
            if budgets::value(seed, query, 0.0).is_some() {
                let point = |at| Some((at, budgets::value(seed, query, self.clock.seconds(at))?));
                return Ok(instants.take_while(|at| *at <= stretch.to).filter_map(point).collect());
            }
            let (service, signal) = self.stage.world.find(query).ok_or_else(unknown)?;
            let point = |at| (at, self.stage.value(service, signal, at, self.clock.seconds(at)));
            Ok(instants.take_while(|at| *at <= stretch.to).map(point).collect())
        })
    }
}

/// The script counts seconds from the start of the world.
#[derive(Debug, Clone, Copy)]
struct Clock {
    start: Instant,
}

impl Clock {
    /// The seconds since the start, negative before.
    fn seconds(&self, at: Instant) -> f64 {
        (at - self.start).num_milliseconds() as f64 / 1_000.0
    }

    /// When that was, or will be.
    fn at(&self, t: f64) -> Instant {
        self.start + milliseconds(t)
    }
}

fn milliseconds(seconds: f64) -> TimeDelta {
    TimeDelta::milliseconds((seconds * 1_000.0) as i64)
}

/// The world and its script.
struct Stage {
    world: World,
    scripted: Vec<Trouble>,
}

impl Stage {
    fn new(source: &SourceName, seed: u64) -> Result<Self, String> {
        let world = World::new(source, seed)?;
        let scripted = faults::scripted(&world)?;
        Ok(Self { world, scripted })
    }

    /// One value `at` that instant, which is `t` in the script.
    fn value(&self, service: usize, signal: usize, at: Instant, t: f64) -> f64 {
        let worst = by_signal(&self.troubles(t), t);
        self.world.value(service, signal, at, worst.get(&(service, signal)).copied())
    }

    fn troubles(&self, t: f64) -> Vec<Trouble> {
        self.scripted.iter().cloned().chain(faults::drawn(&self.world, t)).collect()
    }

    /// Every value `at` that instant, which is `t` in the script.
    fn readings(&self, at: Instant, t: f64, troubles: &[Trouble]) -> Vec<Reading> {
        let worst = by_signal(troubles, t);
        let mut readings = Vec::with_capacity(self.world.services.len() * 4);
        for (s, service) in self.world.services.iter().enumerate() {
            for (i, signal) in service.signals.iter().enumerate() {
                readings.push(Reading {
                    service: service.id.clone(),
                    signal: Arc::clone(&signal.name),
                    value: self.world.value(s, i, at, worst.get(&(s, i)).copied()),
                    at,
                });
            }
        }
        readings
    }

    /// The hours before the start, and what passed since.
    fn history(&self, clock: &Clock, until: f64) -> Vec<Series> {
        let services = self.world.services.iter();
        let mut series: Vec<Series> = services
            .flat_map(|service| service.signals.iter().map(|signal| (&service.id, &signal.name)))
            .map(|(service, signal)| Series {
                service: service.clone(),
                signal: Arc::clone(signal),
                points: Vec::with_capacity((HISTORY / STEP) as usize),
            })
            .collect();
        let times = (-HISTORY / STEP..).map(|n| (n * STEP) as f64);
        for t in times.take_while(|t| *t < until.max(0.0)) {
            let at = clock.at(t);
            let readings = self.readings(at, t, &self.troubles(t));
            for (series, reading) in series.iter_mut().zip(readings) {
                series.points.push((at, reading.value));
            }
        }
        series
    }

    fn alerts(&self, clock: &Clock, t: f64, troubles: &[Trouble]) -> AlertSet {
        let mut alerts: Vec<Alert> = Vec::new();
        for trouble in troubles {
            let Some(since) = trouble.firing_since(t) else { continue };
            let Some(alert) = self.alert(trouble, clock.at(since)) else { continue };
            // Two troubles of one signal are one alert: the older one.
            match alerts.iter_mut().find(|a| a.fingerprint == alert.fingerprint) {
                Some(known) => known.starts_at = known.starts_at.min(alert.starts_at),
                None => alerts.push(alert),
            }
        }
        AlertSet { complete: true, alerts, authoritative: true, ..AlertSet::default() }
    }

    /// The alert of a trouble, firing since `starts_at`.
    fn alert(&self, trouble: &Trouble, starts_at: Instant) -> Option<Alert> {
        const SITES: [&str; 3] = ["mad1", "fra2", "sin1"];
        let scene = trouble.scene.and_then(|i| self.world.script.scenes.get(i));
        let Some(index) = trouble.service else {
            let scene = scene?;
            let identity: Vec<&str> = scene.labels.values().map(String::as_str).collect();
            let said = (scene.summary.clone(), scene.description.clone());
            return Some(Alert {
                fingerprint: world::fingerprint("", &identity.join("\n")),
                labels: scene.labels.clone().into(),
                annotations: annotations(said),
                starts_at,
                status: AlertStatus::Active,
                generator_url: scene.labels.get("alertname").map(|name| generator(name)),
                service: None,
            });
        };
        let service = self.world.services.get(index)?;
        let name = &self.world.measure(index, trouble.signal)?.alert;
        let purpose = [index as u64, trouble.signal as u64];
        let site = SITES.get(chance::pick(self.world.seed, &purpose, SITES.len()))?;
        let number = 1 + chance::pick(self.world.seed, &[index as u64, 5], 9);
        let instance = format!("{}-{site}-{number:02}", service.id);
        let mut labels = BTreeMap::from([
            ("alertname", name.as_str()),
            ("service", service.id.as_str()),
            ("severity", trouble.severity.word()),
            ("site", *site),
            ("instance", instance.as_str()),
        ]);
        if let Some(team) = &service.team {
            labels.insert("team", team);
        }
        let labels = labels.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let mut annotations = annotations(self.world.say(trouble, &instance, site)?);
        if let Some(runbook) = service.runbooks.first() {
            annotations.insert("runbook_url".to_owned(), runbook.clone());
        }
        let silence = scene.and_then(|s| s.silenced.as_ref());
        if let Some(comment) = silence {
            annotations.insert("silence".to_owned(), comment.clone());
        }
        let by = silence.map(|_| vec![world::fingerprint("silence", name)]);
        Some(Alert {
            fingerprint: world::fingerprint(name, service.id.as_str()),
            labels,
            annotations,
            starts_at,
            status: by.map_or(AlertStatus::Active, |by| AlertStatus::Silenced { by }),
            generator_url: Some(generator(name)),
            service: Some(service.id.clone()),
        })
    }
}

fn annotations((summary, description): (String, String)) -> Labels {
    Labels::from([("summary".to_owned(), summary), ("description".to_owned(), description)])
}

fn generator(alert: &str) -> String {
    format!("https://prometheus.harbour.example/alerts?search={alert}")
}

/// The worst that disturbs each signal at `t`.
fn by_signal(troubles: &[Trouble], t: f64) -> BTreeMap<(usize, usize), (Severity, f64)> {
    let mut worst: BTreeMap<(usize, usize), (Severity, f64)> = BTreeMap::new();
    for trouble in troubles {
        let (Some(service), degree) = (trouble.service, trouble.degree(t)) else { continue };
        if degree > 0.0 {
            let this = (trouble.severity, degree);
            let known = worst.entry((service, trouble.signal)).or_insert(this);
            if this.1 > known.1 || (this.1 == known.1 && this.0 > known.0) {
                *known = this;
            }
        }
    }
    worst
}

#[cfg(test)]
mod tests;
