//! What happened before the console was opened: which alerts fired and cleared when, and what people
//! did about it, as inputs in their order. The console's own rules make incidents of them, so that
//! the demo's past is exactly what a console that had been open would have written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::world::{Act, Verb};
use super::{Clock, HISTORY, Stage};
use crate::domain::command::Command;
use crate::domain::health::ServiceId;
use crate::domain::incident::lifecycle::{Action, Report, Target};
use crate::domain::incident::{Actor, Findings, HoldReason, IncidentId};
use crate::domain::observation::{AlertSet, Fact, Observation, SourceName};
use crate::domain::time::Instant;

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Past {
    pub at: Instant,
    pub step: Step,
}

/// What reaches the engine, in the domain's words.
#[derive(Debug, Clone)]
pub enum Step {
    /// The source answered.
    Observed(Observation),
    /// A person asked for something.
    Asked { actor: Actor, command: Command },
}

/// The six hours before `now`, oldest first. Incidents are numbered from 1, so that the store into
/// which this goes must be empty.
pub fn past(source: &SourceName, seed: u64, now: Instant) -> Result<Vec<Past>, String> {
    let stage = Stage::new(source, seed)?;
    let clock = Clock { start: now };
    let moments = moments(&stage);
    let mut numbers = Numbers::default();
    let mut past = Vec::with_capacity(moments.len());
    for (t, moment) in moments {
        let step = match moment {
            Moment::Alerts => {
                let set = stage.alerts(&clock, t, &stage.scripted);
                numbers.observe(&set, t);
                let facts = vec![Fact::Services(stage.world.services.clone()), Fact::Alerts(set)];
                let (server, warnings) = (String::new(), Vec::new());
                let source = Arc::clone(source);
                let at = clock.at(t);
                Step::Observed(Observation { source, at, server, facts, warnings })
            }
            Moment::Report(i) => {
                let Some(report) = stage.world.script.reports.get(i) else { continue };
                numbers.open(&by_hand(i));
                let command = Command::Report(Report {
                    service: Some(ServiceId::new(&report.service)),
                    title: report.title.clone(),
                    text: report.text.clone(),
                    ..Report::default()
                });
                Step::Asked { actor: person(&report.by), command }
            }
            Moment::Act(key, act) => {
                let Some(id) = numbers.of.get(&key).map(|n| n.0) else { continue };
                let targets = vec![Target { id, seen: 0 }];
                let command = Command::Act { targets, action: action(act) };
                Step::Asked { actor: person(&act.by), command }
            }
        };
        past.push(Past { at: clock.at(t), step });
    }
    Ok(past)
}

enum Moment<'a> {
    /// The set of firing alerts changes.
    Alerts,
    Report(usize),
    /// On the incident of that fingerprint.
    Act(String, &'a Act),
}

fn moments(stage: &Stage) -> Vec<(f64, Moment<'_>)> {
    let mut moments = vec![(-(HISTORY as f64), Moment::Alerts)];
    for trouble in &stage.scripted {
        moments.extend(trouble.edges(0.0).into_iter().map(|t| (t, Moment::Alerts)));
        let scene = trouble.scene.and_then(|i| stage.world.script.scenes.get(i));
        let alert = stage.alert(trouble, Instant::default());
        let (Some(scene), Some(alert)) = (scene, alert) else { continue };
        let acts = scene.acts.iter();
        moments.extend(acts.map(|a| (a.at.0, Moment::Act(alert.fingerprint.clone(), a))));
    }
    for (i, report) in stage.world.script.reports.iter().enumerate() {
        moments.push((report.at.0, Moment::Report(i)));
        moments.extend(report.acts.iter().map(|a| (a.at.0, Moment::Act(by_hand(i), a))));
    }
    // What happens at one time keeps its order: alerts, then people.
    moments.sort_by(|a, b| a.0.total_cmp(&b.0));
    moments.dedup_by(|b, a| a.0 == b.0 && matches!((&a.1, &b.1), (Moment::Alerts, Moment::Alerts)));
    moments
}

fn by_hand(i: usize) -> String {
    format!("by hand {i}")
}

/// Trouble that comes back after this many seconds is a new incident: the default time until an
/// incident resolves by itself, and in which it would reopen.
const ANEW: f64 = (2.0 + 30.0) * 60.0;

/// Incidents are numbered in the order in which they open: the newest of each key, and since when
/// its alert is gone.
#[derive(Default)]
struct Numbers {
    last: u64,
    of: BTreeMap<String, (IncidentId, Option<f64>)>,
}

impl Numbers {
    fn open(&mut self, key: &str) {
        self.last += 1;
        self.of.insert(key.to_owned(), (IncidentId(self.last), None));
    }

    fn observe(&mut self, set: &AlertSet, t: f64) {
        let firing: BTreeSet<&str> = set.alerts.iter().map(|a| a.fingerprint.as_str()).collect();
        for (key, (_, gone)) in &mut self.of {
            if firing.contains(key.as_str()) {
                *gone = gone.filter(|since| t - since > ANEW);
            } else {
                gone.get_or_insert(t);
            }
        }
        for alert in &set.alerts {
            if self.of.get(&alert.fingerprint).is_none_or(|n| n.1.is_some()) {
                self.open(&alert.fingerprint);
            }
        }
    }
}

fn person(name: &str) -> Actor {
    let host = match name {
        "kenji" | "priya" => "ops-sin1",
        "luis" => "ops-bog1",
        _ => "ops-mad1",
    };
    Actor { user: name.to_owned(), host: host.to_owned(), ..Actor::person(name) }
}

fn action(act: &Act) -> Action {
    let text = act.text.clone();
    let category = act.category.clone();
    let found = |cause: &str| Findings { code: act.code.clone(), cause: cause.to_owned() };
    match act.verb {
        Verb::Ack => Action::Acknowledge { lasting: None },
        Verb::Note => Action::Note { text },
        Verb::Assign => Action::Assign { to: Some(text) },
        Verb::Resolve => {
            Action::Resolve { reason: text, findings: Findings::default(), force: false }
        }
        Verb::Hold => {
            let reason = HoldReason::parse(&act.code).unwrap_or(HoldReason::Other);
            Action::Hold { reason, note: text, until: None }
        }
        Verb::Classify => {
            Action::Classify { impact: None, urgency: None, category: Some(category) }
        }
        Verb::Close => Action::Close { reason: String::new(), findings: found(&text), category },
        Verb::Cancel => Action::Cancel { reason: text },
    }
}
