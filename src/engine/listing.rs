//! What an origin has listed, found by the labels under which an Alertmanager knows it.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use chrono::TimeDelta;

use crate::domain::matcher::Labels;
use crate::domain::observation::AlertSet;
use crate::domain::time::Instant;

/// How long an alert that is no longer listed is remembered.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);

/// The alerts of one origin, firing or pending, with the time at which each was last listed.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// When the origin last answered.
    at: Instant,
    /// By the labels that hardly any two have in common, so that a look-up compares few.
    buckets: HashMap<u64, Vec<(Labels, Instant)>>,
}

impl Listing {
    /// Takes a complete answer of the origin.
    pub fn take(&mut self, set: &AlertSet, now: Instant) {
        self.at = now;
        for alert in set.alerts.iter().chain(&set.pending) {
            let bucket = self.buckets.entry(bucket(&alert.labels, true)).or_default();
            match bucket.iter_mut().find(|(labels, _)| *labels == alert.labels) {
                Some((_, last)) => *last = now,
                None => bucket.push((alert.labels.clone(), now)),
            }
        }
        let since = now - REMEMBERED;
        self.buckets.retain(|_, bucket| {
            bucket.retain(|(_, last)| *last >= since);
            !bucket.is_empty()
        });
    }

    /// When the alert was last listed that is known elsewhere by `labels`: by its own and, on top of
    /// them, its origin's external ones.
    fn last(&self, labels: &Labels) -> Option<Instant> {
        let is_it = |own: &Labels| own.iter().all(|(name, value)| labels.get(name) == Some(value));
        let with_and_without = [bucket(labels, true), bucket(labels, false)];
        let found = with_and_without.iter().filter_map(|key| self.buckets.get(key)).flatten();
        found.filter(|(own, _)| is_it(own)).map(|(_, last)| *last).max()
    }

    /// Whether the origin's last answer has it.
    pub fn has(&self, labels: &Labels) -> bool {
        self.last(labels) == Some(self.at)
    }

    /// Whether the origin has listed it since then.
    pub fn had_since(&self, labels: &Labels, since: Instant) -> bool {
        self.last(labels).is_some_and(|last| last >= since)
    }
}

fn bucket(labels: &Labels, by_instance: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    labels.get("alertname").hash(&mut hasher);
    labels.get("instance").filter(|_| by_instance).hash(&mut hasher);
    hasher.finish()
}
