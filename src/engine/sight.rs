//! What the sources show right now: values, alerts, heartbeats, freshness. Not stored; it grows back
//! with the first polls after a start.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::TimeDelta;

use crate::domain::health::signal::Track;
use crate::domain::health::{Catalogue, Service, ServiceId, Signal, State, Thresholds, claimant};
use crate::domain::matcher::Labels;
use crate::domain::observation::{
    Alert, AlertSet, AlertStatus, Fact, Heartbeat, Observation, SourceName, SourceState,
    SourceStatus, StateReading,
};
use crate::domain::roster::shifts::Imported;
use crate::domain::time::Instant;
use crate::domain::upstream::Silences;

use super::listing::Listing;
use super::snapshot::Plan;

/// How long a value counts as fresh where the plan does not say.
const STALE_AFTER: TimeDelta = TimeDelta::seconds(45);

/// How long a heartbeat that fell silent must be back before it vouches for alerts that vanished
/// meanwhile: a restarted Prometheus needs up to its `for-grace-period` (10 min) to fire again what
/// it had been firing.
const SETTLED_AFTER: TimeDelta = TimeDelta::minutes(10);

/// The live view.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// The services of the plan and those that sources declared, in that order.
    pub catalogue: Arc<Catalogue>,
    /// By service: its signals in their order, then what sources judged beside them.
    pub tracks: BTreeMap<ServiceId, Vec<Arc<Track>>>,
    pub alerts: HashMap<SourceName, AlertSight>,
    pub heartbeats: BTreeMap<(SourceName, String), Pulse>,
    pub sources: Vec<SourceStatus>,
    /// Who is on call by calendars that sources read, as of the last answer of each.
    pub imported: Arc<Imported>,
    /// What is silenced, as of the last answer of each source.
    pub silences: Arc<Silences>,
    declared: BTreeMap<SourceName, Vec<Arc<Service>>>,
}

/// The alerts of one source as of its last answer.
#[derive(Debug, Clone, Default)]
pub struct AlertSight {
    pub at: Instant,
    pub present: HashMap<String, Arc<Alert>>,
    /// Alerts of known incidents that the last answer no longer had.
    pub gone: HashMap<String, Gone>,
    pub heartbeats: Vec<Heartbeat>,
    pub origins: Vec<SourceName>,
    pub authoritative: bool,
    evaluating_since: Option<Instant>,
    listing: Listing,
}

impl AlertSight {
    /// Whether the last answer knows this alert, be it only as pending.
    pub fn has(&self, fingerprint: &str, labels: &Labels) -> bool {
        self.present.contains_key(fingerprint) || (self.authoritative && self.listing.has(labels))
    }

    /// What an authoritative source says of an alert that its last answer may have: whether it is
    /// clear. A server that was restarted lists an alert again only when its rule was evaluated, so
    /// not listing one proves nothing before that: it must have listed it since its start, or have
    /// been running for long.
    fn says_clear(&self, labels: &Labels, now: Instant) -> bool {
        let evaluated =
            |since: Instant| self.listing.had_since(labels, since) || now - since >= SETTLED_AFTER;
        !self.listing.has(labels) && self.evaluating_since.is_none_or(evaluated)
    }
}

/// An alert that is no longer there.
#[derive(Debug, Clone)]
pub struct Gone {
    pub since: Instant,
    /// When each heartbeat had last been renewed when the alert was first missed.
    marks: Vec<Option<Instant>>,
}

/// One alert that must always fire.
#[derive(Debug, Clone)]
pub struct Pulse {
    /// When it was last seen firing; at first, when it was first expected.
    pub last: Instant,
    pub firing: bool,
    /// Since when it has been seen firing without a break.
    pub since: Instant,
}

impl Sight {
    /// Takes over a plan: its services, their signals with the history that is already known.
    pub fn replan(&mut self, plan: &Plan, now: Instant) {
        let services = plan.services.iter().chain(self.declared.values().flatten());
        self.catalogue = Arc::new(Catalogue::new(services.cloned()));
        let mut known = std::mem::take(&mut self.tracks);
        for service in self.catalogue.iter() {
            let mut old = known.remove(&service.id).unwrap_or_default();
            let mut tracks = Vec::with_capacity(service.signals.len());
            for spec in &service.signals {
                let at = old.iter().position(|t| t.spec.name == spec.name);
                let mut track = at.map_or_else(
                    || Arc::new(Track::new(spec.clone(), now)),
                    |i| old.swap_remove(i),
                );
                if track.spec != *spec {
                    Arc::make_mut(&mut track).spec = spec.clone();
                }
                tracks.push(track);
            }
            tracks.extend(old.into_iter().filter(|t| is_judged(t)));
            self.tracks.insert(service.id.clone(), tracks);
        }
        let expected = &plan.heartbeats;
        self.heartbeats.retain(|key, _| expected.contains(key));
        for key in expected {
            self.heartbeats.entry(key.clone()).or_insert(Pulse {
                last: now,
                firing: false,
                since: now,
            });
        }
    }

    /// Takes an answer. `watched`: the fingerprints of this source's alerts that known incidents
    /// still hold to be firing, so that their absence is noticed even after a restart.
    pub fn absorb(
        &mut self,
        observation: &Observation,
        plan: &Plan,
        watched: impl Iterator<Item = String>,
        now: Instant,
    ) {
        let source = &observation.source;
        let mut watched = Some(watched);
        for fact in &observation.facts {
            match fact {
                Fact::Services(services) => self.declare(source, services, plan, now),
                Fact::Signals(readings) => {
                    for r in readings {
                        if let Some(track) = self.track_mut(&r.service, &r.signal) {
                            track.push(r.at.min(now), r.value, now, plan.history);
                        }
                    }
                }
                Fact::Backfill(series) => {
                    for s in series {
                        if let Some(track) = self.track_mut(&s.service, &s.signal) {
                            track.backfill(&s.points, now, plan.history);
                        }
                    }
                }
                Fact::States(states) => {
                    for s in states {
                        self.judged(source, s, now);
                    }
                }
                Fact::Alerts(set) | Fact::Evidence(set) => {
                    let watched = watched.take().into_iter().flatten();
                    self.alerts(source, set, watched, now);
                }
                Fact::Shifts(duties) => {
                    if self.imported.get(source).is_none_or(|known| known != duties) {
                        Arc::make_mut(&mut self.imported).insert(source.clone(), duties.clone());
                    }
                }
                Fact::Silences(listed) => {
                    if self.silences.get(source).is_none_or(|known| known != listed) {
                        Arc::make_mut(&mut self.silences).insert(source.clone(), listed.clone());
                    }
                }
                // They are part of the calendar.
                Fact::Windows(_) => {}
            }
        }
    }

    /// How long a value of that source counts as fresh.
    pub fn stale_after(plan: &Plan, source: &str) -> TimeDelta {
        plan.stale_after.get(source).copied().unwrap_or(STALE_AFTER)
    }

    /// Whether it is proven that an alert which is gone has really cleared: its source judges by
    /// itself; or a heartbeat of its origin was renewed after it had gone; or every origin has
    /// answered since and says so. An origin that answers and does not say so is believed before a
    /// heartbeat.
    pub fn is_proven_clear(
        &self,
        source: &SourceName,
        fingerprint: &str,
        labels: &Labels,
        now: Instant,
    ) -> bool {
        let Some(sight) = self.alerts.get(source) else { return false };
        let Some(gone) = sight.gone.get(fingerprint) else { return false };
        if sight.authoritative {
            return sight.says_clear(labels, now);
        }
        let origins = self.origins(sight, gone);
        if origins.iter().flatten().any(|origin| !origin.says_clear(labels, now)) {
            return false;
        }
        if !origins.is_empty() && origins.iter().all(Option::is_some) {
            return true;
        }
        let vouches = |h: &Heartbeat| h.scope.iter().all(|(k, v)| labels.get(k) == Some(v));
        let any_scoped = sight.heartbeats.iter().any(|h| !h.scope.is_empty() && vouches(h));
        let mut pulses = sight
            .heartbeats
            .iter()
            .zip(&gone.marks)
            .filter(|(h, _)| if any_scoped { !h.scope.is_empty() && vouches(h) } else { true })
            .peekable();
        let steady = |h: &Heartbeat| {
            let pulse = self.heartbeats.get(&(source.clone(), h.matchers.clone()));
            pulse.is_some_and(|p| p.since <= gone.since || now - p.since >= SETTLED_AFTER)
        };
        pulses.peek().is_some()
            && pulses.all(|(h, mark)| h.firing && h.renewed_at > *mark && steady(h))
    }

    /// Whether an origin lists an alert that was passed on no more: it is real.
    pub fn origin_has(&self, source: &str, fingerprint: &str, labels: &Labels) -> bool {
        let Some(sight) = self.alerts.get(source) else { return false };
        let Some(gone) = sight.gone.get(fingerprint) else { return false };
        self.origins(sight, gone).iter().flatten().any(|origin| origin.listing.has(labels))
    }

    /// Those in which its alerts originate; `None` for one that has not answered since this one was
    /// gone.
    fn origins(&self, sight: &AlertSight, gone: &Gone) -> Vec<Option<&AlertSight>> {
        let answered = |origin: &SourceName| {
            let status = self.sources.iter().find(|s| s.name == *origin)?;
            let own = self.alerts.get(origin)?;
            let is_fresh = status.state == SourceState::Fresh;
            (is_fresh && own.authoritative && own.at > gone.since).then_some(own)
        };
        sight.origins.iter().map(answered).collect()
    }

    /// Since when an alert is gone.
    pub fn gone_since(&self, source: &str, fingerprint: &str) -> Option<Instant> {
        self.alerts.get(source)?.gone.get(fingerprint).map(|g| g.since)
    }

    /// The heartbeats that have been silent for longer than `grace`: source, matchers, since when.
    pub fn silent(
        &self,
        grace: TimeDelta,
        now: Instant,
    ) -> impl Iterator<Item = (&SourceName, &String, Instant)> {
        self.heartbeats
            .iter()
            .filter(move |(_, p)| now - p.last > grace)
            .map(|((source, matchers), p)| (source, matchers, p.last))
    }

    /// The signal of that name.
    pub fn track(&self, service: &ServiceId, signal: &str) -> Option<&Arc<Track>> {
        self.tracks.get(service)?.iter().find(|t| &*t.spec.name == signal)
    }

    /// The service that an alert belongs to: the one that its source names, else the first that
    /// claims its labels, else the one whose id the `service` label has.
    pub fn service_of(&self, alert: &Alert) -> Option<&Arc<Service>> {
        if let Some(named) = alert.service.as_ref().and_then(|id| self.catalogue.of(id)) {
            return Some(named);
        }
        claimant(&self.catalogue, &alert.labels)
    }

    fn track_mut(&mut self, service: &ServiceId, signal: &str) -> Option<&mut Track> {
        let tracks = self.tracks.get_mut(service)?;
        tracks.iter_mut().find(|t| &*t.spec.name == signal).map(Arc::make_mut)
    }

    fn declare(&mut self, source: &SourceName, services: &[Service], plan: &Plan, now: Instant) {
        let before = self.declared.get(source);
        let same = before.is_some_and(|b| {
            b.len() == services.len() && b.iter().zip(services).all(|(a, b)| **a == *b)
        });
        if same {
            return;
        }
        let services = services.iter().cloned().map(Arc::new).collect();
        self.declared.insert(source.clone(), services);
        self.replan(plan, now);
    }

    fn judged(&mut self, source: &SourceName, reading: &StateReading, now: Instant) {
        let Some(tracks) = self.tracks.get_mut(&reading.service) else { return };
        let at = tracks.iter().position(|t| t.spec.name == reading.signal).unwrap_or_else(|| {
            let spec = Signal {
                name: reading.signal.clone(),
                dimension: crate::domain::health::Dimension::Availability,
                source: source.clone(),
                query: String::new(),
                unit: String::new(),
                thresholds: Thresholds::default(),
                raises: true,
            };
            tracks.push(Arc::new(Track::new(spec, now)));
            tracks.len() - 1
        });
        if let Some(track) = tracks.get_mut(at) {
            Arc::make_mut(track).report(reading.state, &reading.message, now);
        }
    }

    fn alerts(
        &mut self,
        source: &SourceName,
        set: &AlertSet,
        watched: impl Iterator<Item = String>,
        now: Instant,
    ) {
        let sight = self.alerts.entry(source.clone()).or_default();
        sight.at = now;
        sight.origins.clone_from(&set.origins);
        sight.authoritative = set.authoritative;
        sight.evaluating_since = set.evaluating_since.map(|since| since.min(now));
        if set.authoritative && set.complete {
            sight.listing.take(set, now);
        }
        sight.heartbeats.clone_from(&set.heartbeats);
        if set.complete {
            sight.present.clear();
        }
        for alert in &set.alerts {
            sight.gone.remove(&alert.fingerprint);
            sight.present.insert(alert.fingerprint.clone(), Arc::new(alert.clone()));
        }
        if set.complete {
            let marks: Vec<_> = set.heartbeats.iter().map(|h| h.renewed_at).collect();
            let mut still = HashMap::new();
            for fingerprint in watched.filter(|f| !sight.present.contains_key(f)) {
                let gone = sight.gone.remove(&fingerprint);
                let gone = gone.unwrap_or_else(|| Gone { since: now, marks: marks.clone() });
                still.insert(fingerprint, gone);
            }
            sight.gone = still;
        }
        for heartbeat in &set.heartbeats {
            let key = (source.clone(), heartbeat.matchers.clone());
            let pulse = self.heartbeats.entry(key).or_insert(Pulse {
                last: now,
                firing: false,
                since: now,
            });
            if heartbeat.firing {
                pulse.since = if pulse.firing { pulse.since } else { now };
                pulse.last = now;
            }
            pulse.firing = heartbeat.firing;
        }
    }
}

/// A signal that no plan names: it exists because a source judged it.
fn is_judged(track: &Track) -> bool {
    track.spec.query.is_empty() && track.spec.raises
}

/// Whether an alert is active, as opposed to muted by a person or by another alert.
pub fn is_inhibited(status: &AlertStatus) -> bool {
    matches!(status, AlertStatus::Inhibited { .. })
}

/// A signal whose state raises an incident, as an alert; `None` while it is not critical.
pub fn alert_of_track(service: &ServiceId, track: &Track) -> Option<Alert> {
    if !track.spec.raises || track.state != State::Critical {
        return None;
    }
    let name = &track.spec.name;
    let labels: Labels =
        [("service", service.as_str()), ("signal", name), ("severity", "critical")]
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
    let summary = if track.message.is_empty() {
        let unit = &track.spec.unit;
        let value = crate::domain::text::value(track.last().unwrap_or(f64::NAN), unit);
        let limit = track.spec.thresholds.crit.map(|c| crate::domain::text::value(c, unit));
        let side = match track.spec.thresholds.direction {
            crate::domain::health::Direction::Above => "above",
            crate::domain::health::Direction::Below => "below",
        };
        format!("{name} {value}, {side} {}", limit.unwrap_or_default())
    } else {
        format!("{name}: {}", track.message)
    };
    Some(Alert {
        fingerprint: track_fingerprint(service, name),
        labels,
        annotations: [("summary".to_owned(), summary)].into_iter().collect(),
        starts_at: track.since,
        status: AlertStatus::Active,
        generator_url: None,
        service: Some(service.clone()),
    })
}

/// The identity of the alert that a signal raises.
pub fn track_fingerprint(service: &ServiceId, signal: &str) -> String {
    format!("signal/{service}/{signal}")
}
