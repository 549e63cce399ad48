//! The made-up company: its services, what they measure, who depends on whom.
//! Read from `assets/demo.toml`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use serde::Deserialize;

use super::chance::{drift, mark, roll, smooth};
use super::faults::{Severity, Trouble};
use crate::domain::health::{Dimension, Direction, Service, ServiceId, Signal, Thresholds};
use crate::domain::observation::SourceName;
use crate::domain::text;
use crate::domain::time::Instant;

const SCRIPT: &str = include_str!("../../../assets/demo.toml");

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    profiles: BTreeMap<String, Profile>,
    services: Vec<ServiceEntry>,
    pub scenes: Vec<Scene>,
    #[serde(default)]
    pub reports: Vec<ByHand>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    performance: Measure,
    stability: Measure,
    security: Measure,
    availability: Measure,
}

/// What one signal usually is, and the alert that watches it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    name: String,
    unit: String,
    base: f64,
    wave: f64,
    noise: f64,
    warn: f64,
    crit: f64,
    #[serde(default)]
    below: bool,
    /// It suffers when something below breaks.
    #[serde(default)]
    echo: bool,
    pub alert: String,
    summary: String,
    description: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceEntry {
    id: String,
    name: String,
    parent: Option<String>,
    profile: String,
    tier: u8,
    team: String,
    quorum: Option<u32>,
    #[serde(default)]
    depends_on: Vec<String>,
}

/// Something that goes wrong at a known time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// Without one, nobody claims the alert.
    pub service: Option<String>,
    pub signal: Option<Dimension>,
    pub severity: Severity,
    pub from: Offset,
    pub to: Offset,
    #[serde(default)]
    pub cascade: bool,
    /// How long it fires, and how long not, in turn.
    pub flap: Option<(Offset, Offset)>,
    /// The comment of the silence that mutes it.
    pub silenced: Option<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub summary: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub acts: Vec<Act>,
}

/// An incident that a person reported.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByHand {
    pub at: Offset,
    pub by: String,
    pub service: String,
    pub title: String,
    pub text: String,
    #[serde(default)]
    pub acts: Vec<Act>,
}

/// What a person did about it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    pub at: Offset,
    pub by: String,
    #[serde(rename = "do")]
    pub verb: Verb,
    #[serde(default)]
    pub text: String,
    /// How it ended; for whom it waits.
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    pub category: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Ack,
    Hold,
    Classify,
    Note,
    Assign,
    Resolve,
    Close,
    Cancel,
}

/// Seconds since the start of the demo, negative before: `-1h20m`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "String")]
pub struct Offset(pub f64);

impl TryFrom<String> for Offset {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (sign, length) = text.strip_prefix('-').map_or((1.0, text.as_str()), |l| (-1.0, l));
        let length = text::parse_duration(length);
        let length = length.ok_or_else(|| format!("{text:?} is no length of time"))?;
        Ok(Self(sign * length.num_seconds() as f64))
    }
}

/// The company.
pub struct World {
    pub seed: u64,
    pub services: Vec<Service>,
    /// By service, in the order of [`Dimension::ALL`].
    measures: Vec<[Measure; 4]>,
    /// By service: those that depend on it.
    pub dependents: Vec<Vec<usize>>,
    pub script: Script,
}

impl World {
    /// Reads the script. An error is a mistake in it.
    pub fn new(source: &SourceName, seed: u64) -> Result<Self, String> {
        let mut script: Script = toml::from_str(SCRIPT).map_err(|e| e.to_string())?;
        let entries = std::mem::take(&mut script.services);
        let mut services = Vec::with_capacity(entries.len());
        let mut measures = Vec::with_capacity(entries.len());
        for entry in &entries {
            let profile = script.profiles.get(&entry.profile);
            let p = profile.ok_or_else(|| format!("no profile {:?}", entry.profile))?;
            let own =
                [&p.performance, &p.stability, &p.security, &p.availability].map(Clone::clone);
            services.push(service(source, entry, &own));
            measures.push(own);
        }
        let index = |id: &str| services.iter().position(|s| s.id.as_str() == id);
        let mut dependents = vec![Vec::new(); services.len()];
        let known = |entry: &ServiceEntry, id: &str| {
            index(id).ok_or_else(|| format!("{}: no service {id:?}", entry.id))
        };
        for (i, entry) in entries.iter().enumerate() {
            if let Some(parent) = &entry.parent {
                known(entry, parent)?;
            }
            for id in &entry.depends_on {
                let on = known(entry, id)?;
                if let Some(dependents) = dependents.get_mut(on) {
                    dependents.push(i);
                }
            }
        }
        Ok(Self { seed, services, measures, dependents, script })
    }

    /// The place of that service.
    pub fn index(&self, id: &str) -> Option<usize> {
        self.services.iter().position(|s| s.id.as_str() == id)
    }

    /// The service and the signal that have that query.
    pub fn find(&self, query: &str) -> Option<(usize, usize)> {
        let mut services = self.services.iter().enumerate();
        services.find_map(|(s, service)| {
            Some((s, service.signals.iter().position(|signal| signal.query == query)?))
        })
    }

    pub fn measure(&self, service: usize, signal: usize) -> Option<&Measure> {
        self.measures.get(service)?.get(signal)
    }

    /// The signals of a service that suffer when something below it breaks.
    pub fn echoing(&self, service: usize) -> Vec<usize> {
        let own = self.measures.get(service).into_iter().flatten().enumerate();
        own.filter(|(_, m)| m.echo).map(|(i, _)| i).collect()
    }

    /// The value of a signal at `at`, disturbed by `trouble` to a degree of 0 to 1.
    pub fn value(
        &self,
        service: usize,
        signal: usize,
        at: Instant,
        trouble: Option<(Severity, f64)>,
    ) -> f64 {
        let Some(m) = self.measure(service, signal) else { return f64::NAN };
        let purpose = (service * 4 + signal) as u64;
        let seconds = at.timestamp_millis() as f64 / 1_000.0;
        let tremble = 0.7 * drift(self.seed, purpose, seconds, 150.0)
            + 0.3 * drift(self.seed, purpose + 1_000, seconds, 12.0);
        // What is meant to stay at 100 is not larger here and smaller there.
        let size = if m.below { 1.0 } else { 0.8 + 0.35 * roll(self.seed, &[purpose]) };
        let usual = m.base * (size * (1.0 + m.wave * day(seconds)) + m.noise * tremble);
        let value = match trouble {
            Some((severity, degree)) => {
                let goal = self.goal(service, signal, severity);
                let tremble = (m.crit - m.warn) * 0.05 * tremble;
                usual + (goal + tremble - usual) * degree
            }
            None => usual,
        };
        m.possible(value)
    }

    /// Where a trouble drives a signal.
    fn goal(&self, service: usize, signal: usize, severity: Severity) -> f64 {
        let Some(m) = self.measure(service, signal) else { return f64::NAN };
        let how_far = roll(self.seed, &[(service * 4 + signal) as u64, 77]);
        let (from, share) = match severity {
            Severity::Warning => (m.warn, 0.2 + 0.5 * how_far),
            Severity::Critical => (m.crit, 0.15 + 0.4 * how_far),
        };
        m.possible(from + (m.crit - m.warn) * share)
    }

    /// The summary and the description of the alert that watches a signal.
    pub fn say(&self, trouble: &Trouble, instance: &str, site: &str) -> Option<(String, String)> {
        let service = self.services.get(trouble.service?)?;
        let m = self.measure(trouble.service?, trouble.signal)?;
        let value = self.goal(trouble.service?, trouble.signal, trouble.severity);
        let fill = |template: &str| {
            template
                .replace("{name}", &service.name)
                .replace("{id}", service.id.as_str())
                .replace("{value}", &text::value(value, &m.unit))
                .replace("{warn}", &text::value(m.warn, &m.unit))
                .replace("{instance}", instance)
                .replace("{site}", site)
        };
        Some((fill(&m.summary), fill(&m.description)))
    }
}

impl Measure {
    fn possible(&self, value: f64) -> f64 {
        match self.unit.as_str() {
            "%" => value.clamp(0.0, 100.0),
            "ratio" => value.clamp(0.0, 1.0),
            "" | "days" => value.max(0.0).round(),
            _ => value.max(0.0),
        }
    }
}

/// How busy the day is: −0.6 at night to 0.6 in the afternoon, with a second, smaller peak.
fn day(seconds: f64) -> f64 {
    let hour = (seconds / 3_600.0).rem_euclid(24.0);
    let bump = |middle: f64, width: f64| {
        let apart = (hour - middle + 36.0).rem_euclid(24.0) - 12.0;
        smooth(1.0 - apart.abs() / width)
    };
    -0.6 + 1.2 * bump(14.5, 8.5) + 0.5 * bump(1.0, 5.0)
}

fn service(source: &SourceName, entry: &ServiceEntry, measures: &[Measure; 4]) -> Service {
    let id = entry.id.as_str();
    let signal = |(m, dimension): (&Measure, Dimension)| Signal {
        name: Arc::from(m.name.as_str()),
        dimension,
        source: Arc::clone(source),
        query: format!("{id}:{}", m.name.replace(' ', "_")),
        unit: m.unit.clone(),
        thresholds: Thresholds {
            warn: Some(m.warn),
            crit: Some(m.crit),
            direction: if m.below { Direction::Below } else { Direction::Above },
            hold: TimeDelta::zero(),
            hysteresis: 0.02,
        },
        raises: false,
    };
    let links = ["dashboard", "logs"].map(|kind| {
        let place = if kind == "logs" { "logs" } else { "grafana" };
        (kind.to_owned(), format!("https://{place}.harbour.example/d/{id}"))
    });
    Service {
        name: entry.name.clone(),
        tier: entry.tier,
        team: Some(entry.team.clone()),
        escalation: None,
        parent: entry.parent.as_deref().map(ServiceId::new),
        depends_on: entry.depends_on.iter().map(|d| ServiceId::new(d)).collect(),
        runbooks: vec![format!("https://wiki.harbour.example/runbooks/{id}")],
        links: links.into_iter().collect(),
        signals: measures.iter().zip(Dimension::ALL).map(signal).collect(),
        quorum: entry.quorum,
        ..Service::new(id)
    }
}

/// The identity of an alert, as an Alertmanager writes it.
pub fn fingerprint(alert: &str, of: &str) -> String {
    format!("{:016x}", mark(&format!("{alert}\n{of}")))
}
