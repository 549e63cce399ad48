//! What matchers would silence, and which ones to propose.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::incident::{AlertFact, Incident, IncidentId};
use crate::domain::matcher::{Labels, Matcher, Matchers, Op};
use crate::domain::observation::SourceName;

use super::model::object;

/// Labels that tell apart copies of one thing, or whoever evaluated it: the next alert of the same
/// trouble has others.
const NOISE: [&str; 10] = [
    "replica",
    "prometheus",
    "prometheus_replica",
    "__replica__",
    "pod_template_hash",
    "controller_revision_hash",
    "uid",
    "container_id",
    "alertgroup",
    "pod_ip",
];
/// What a pod is named after, and what outlives it.
const PODS: [&str; 2] = ["pod", "pod_name"];
const OUTLIVE: [&str; 8] = [
    "deployment",
    "statefulset",
    "daemonset",
    "job_name",
    "container",
    "service",
    "app",
    "instance",
];
/// Most different values of one label in a proposal, and most characters of them.
const MAX_VALUES: usize = 40;
const MAX_PATTERN: usize = 2_000;

/// What some matchers cover now, of the alerts of one source that incidents hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cover {
    pub alerts: usize,
    /// The labels of the first few.
    pub first: Vec<Labels>,
    /// How many of the alerts each incident has.
    pub incidents: BTreeMap<IncidentId, usize>,
}

/// What matchers cover; `most`: so many alerts are shown.
pub fn cover<'a>(
    source: &SourceName,
    matchers: &Matchers,
    incidents: impl Iterator<Item = &'a Incident>,
    most: usize,
) -> Cover {
    covered(source, |labels| matchers.matches(labels), incidents, most)
}

/// The same of Icinga's objects (`host`, `host!service`).
pub fn cover_objects<'a>(
    source: &SourceName,
    objects: &[String],
    incidents: impl Iterator<Item = &'a Incident>,
    most: usize,
) -> Cover {
    let is_one = |labels: &Labels| object(labels).is_some_and(|o| objects.contains(&o));
    covered(source, is_one, incidents, most)
}

fn covered<'a>(
    source: &SourceName,
    is_one: impl Fn(&Labels) -> bool,
    incidents: impl Iterator<Item = &'a Incident>,
    most: usize,
) -> Cover {
    let mut cover = Cover::default();
    for incident in incidents.filter(|i| i.source == *source) {
        for alert in firing(incident).filter(|a| is_one(&a.labels)) {
            cover.alerts += 1;
            *cover.incidents.entry(incident.id).or_default() += 1;
            if cover.first.len() < most {
                cover.first.push(alert.labels.clone());
            }
        }
    }
    cover
}

/// The alerts of an incident that fire.
fn firing(incident: &Incident) -> impl Iterator<Item = &AlertFact> {
    incident.alerts.values().filter(|a| a.cleared_at.is_none())
}

/// Icinga's objects that its alerts are about, those that fire.
pub fn objects(incident: &Incident) -> Vec<String> {
    let objects: BTreeSet<String> = firing(incident).filter_map(|a| object(&a.labels)).collect();
    objects.into_iter().collect()
}

/// What all alerts of an incident have in common, without what the next one would not have. Of those
/// that fire; once none does, of all.
pub fn propose(incident: &Incident) -> Matchers {
    let mut alerts: Vec<&Labels> = firing(incident).map(|a| &a.labels).collect();
    if alerts.is_empty() {
        alerts = incident.alerts.values().map(|a| &a.labels).collect();
    }
    let Some((first, rest)) = alerts.split_first() else { return Matchers::default() };
    let outlives = OUTLIVE.iter().any(|name| first.contains_key(*name));
    let noise = |name: &str| NOISE.contains(&name) || (PODS.contains(&name) && outlives);
    let shared = |name: &String, value: &String| {
        can_be_said(name, value) && rest.iter().all(|l| l.get(name) == Some(value))
    };
    let common = first.iter().filter(|(name, value)| !noise(name) && shared(name, value));
    let common: Vec<Matcher> =
        common.filter_map(|(name, value)| Matcher::new(name, Op::Equal, value).ok()).collect();
    if common.is_empty() {
        spanning(&alerts).unwrap_or_default()
    } else {
        common.into_iter().collect()
    }
}

/// Matchers that fit all of these alerts, and as little else as one silence can: for every label that
/// all of them have, its values. `None`: they have nothing in common that can be said.
pub fn spanning(alerts: &[&Labels]) -> Option<Matchers> {
    let (first, rest) = alerts.split_first()?;
    let mut all = Vec::new();
    for (name, value) in first.iter().filter(|(name, value)| can_be_said(name, value)) {
        let mut values = vec![value.as_str()];
        let known = rest.iter().map(|l| l.get(name).filter(|v| can_be_said(name, v)));
        let Some(others) = known.collect::<Option<Vec<_>>>() else { continue };
        values.extend(others.into_iter().map(String::as_str));
        values.sort_unstable();
        values.dedup();
        let matcher = match values.as_slice() {
            [one] => Matcher::new(name, Op::Equal, one),
            many => {
                let pattern = many.iter().map(|v| regex::escape(v)).collect::<Vec<_>>().join("|");
                if many.len() > MAX_VALUES || pattern.len() > MAX_PATTERN {
                    Matcher::new(name, Op::Matches, ".+")
                } else {
                    Matcher::new(name, Op::Matches, &pattern)
                }
            }
        };
        all.extend(matcher);
    }
    let matchers: Matchers = all.into_iter().collect();
    (!matchers.matches(&Labels::new())).then_some(matchers)
}

/// Whether a label can be matched by its value: one that was cut is another upstream, and a name must
/// be one that every server knows.
fn can_be_said(name: &str, value: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !value.is_empty()
        && !value.ends_with('…')
        && name.chars().all(is_name)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}
