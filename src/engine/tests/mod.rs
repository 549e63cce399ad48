//! The core as sentences: given a world, when something happens, then these events and answers.

mod calendar;
mod causes;
mod clearing;
mod deadlines;
mod escalation;
mod objectives;
mod people;
mod process;
mod properties;
mod reports;
mod rollup;
mod roster;
mod upstream;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::core::{self, Decision, Input, News, State};
use super::publish::Publisher;
use super::snapshot::{Plan, Snapshot, StoreState};
use crate::domain::command::{Command, Outcome};
use crate::domain::health::{Service, ServiceId};
use crate::domain::incident::lifecycle::{Action, Report, Target};
use crate::domain::incident::{
    Actor, Event, Findings, HoldReason, Incident, IncidentId, IncidentState, Priority,
};
use crate::domain::observation::{
    Alert, AlertSet, AlertStatus, Fact, Heartbeat, Observation, SourceState, SourceStatus,
};

type Instant = DateTime<Utc>;

/// 14:00 plus `seconds`.
pub fn at(seconds: i64) -> Instant {
    DateTime::from_timestamp(1_763_992_800 + seconds, 0).unwrap()
}

/// A core with a log in memory.
pub struct World {
    pub state: State,
    pub log: Vec<Event>,
    pub news: Vec<(News, IncidentId)>,
    pub questions: Vec<String>,
    publisher: Publisher,
}

impl World {
    pub fn new(plan: Plan) -> Self {
        let state = State::new(Arc::new(plan), Vec::new(), 1, 0, at(0));
        let publisher = Publisher::default();
        Self { state, log: Vec::new(), news: Vec::new(), questions: Vec::new(), publisher }
    }

    pub fn feed(&mut self, input: &Input, now: Instant) -> Vec<Outcome> {
        if let Input::Observed(observation) = input {
            self.state.sense(observation, now);
        }
        self.state.attend(now);
        let Decision { events, answers } = core::decide(&self.state, input, now);
        let mut written = Vec::new();
        for new in events {
            let (position, at) = (self.state.position() + 1, new.at);
            let entry = new.placed(position, at);
            core::evolve(&mut self.state, &entry);
            self.log.extend(entry.incident().cloned());
            written.push(entry);
        }
        self.state.settle();
        for entry in &written {
            for effect in core::react(&self.state, entry, now) {
                match effect {
                    core::Effect::Notify(n) => self.news.push((n.what, n.incident.id)),
                    core::Effect::Ask(question) => self.questions.push(question.text),
                    core::Effect::Paged(news) => self.questions.push(news.text),
                    core::Effect::Ordered(news) => self.questions.push(news.text),
                }
            }
        }
        answers
    }

    /// Another plan, as a reload brings it.
    pub fn replan(&mut self, plan: Plan, seconds: i64) {
        self.state.replan(Arc::new(plan), at(seconds));
    }

    pub fn tick(&mut self, seconds: i64) {
        self.feed(&Input::Tick, at(seconds));
    }

    pub fn ask(&mut self, who: &str, command: Command, seconds: i64) -> Vec<Outcome> {
        let actor = Actor { session: who.to_owned(), ..Actor::person(who) };
        self.feed(&Input::Asked { actor, command }, at(seconds))
    }

    pub fn act(&mut self, who: &str, id: u64, action: Action, seconds: i64) -> String {
        let seen = self.incident(id).version;
        self.act_having_seen(who, id, seen, action, seconds)
    }

    pub fn act_having_seen(
        &mut self,
        who: &str,
        id: u64,
        seen: u64,
        action: Action,
        seconds: i64,
    ) -> String {
        let targets = vec![Target { id: IncidentId(id), seen }];
        let answers = self.ask(who, Command::Act { targets, action }, seconds);
        let verdict = &answers[0].verdict;
        format!("{}: {verdict}", verdict.word())
    }

    pub fn undo(&mut self, who: &str, id: u64, seconds: i64) -> String {
        let answers = self.ask(who, Command::Undo { targets: vec![IncidentId(id)] }, seconds);
        answers[0].verdict.to_string()
    }

    pub fn report(&mut self, who: &str, title: &str, seconds: i64) -> IncidentId {
        let report = Report { title: title.to_owned(), ..Report::default() };
        self.ask(who, Command::Report(report), seconds)[0].id.unwrap()
    }

    /// A complete answer of an authoritative source (a Prometheus).
    pub fn prometheus(&mut self, alerts: &[Alert], seconds: i64) {
        let set = AlertSet { complete: true, authoritative: true, ..alert_set(alerts) };
        self.observed("prom", vec![Fact::Alerts(set)], seconds);
    }

    pub fn observed(&mut self, source: &str, facts: Vec<Fact>, seconds: i64) {
        let observation = Observation {
            source: Arc::from(source),
            at: at(seconds),
            server: String::new(),
            facts,
            warnings: Vec::new(),
        };
        self.feed(&Input::Observed(observation), at(seconds));
    }

    pub fn incident(&self, id: u64) -> &Incident {
        self.state.incident(IncidentId(id)).unwrap_or_else(|| panic!("no INC-{id}"))
    }

    pub fn state_of(&self, id: u64) -> IncidentState {
        self.incident(id).state()
    }

    pub fn count(&self) -> usize {
        self.state.incidents.len()
    }

    pub fn kinds(&self) -> Vec<&'static str> {
        self.log.iter().map(|e| e.body.kind()).collect()
    }

    pub fn snapshot(&mut self, seconds: i64) -> Arc<Snapshot> {
        self.state.changes.health = true;
        self.publisher.publish(&mut self.state, &StoreState::Ready, at(seconds)).unwrap()
    }
}

pub fn alert_set(alerts: &[Alert]) -> AlertSet {
    AlertSet { complete: true, alerts: alerts.to_vec(), ..AlertSet::default() }
}

/// An alert with `labels` such as `alertname=Down service=db`; its fingerprint is that text.
pub fn alert(labels: &str) -> Alert {
    Alert {
        fingerprint: labels.to_owned(),
        labels: labels
            .split_whitespace()
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect(),
        annotations: [("summary".to_owned(), format!("summary of {labels}"))].into_iter().collect(),
        starts_at: at(0),
        status: AlertStatus::Active,
        generator_url: None,
        service: None,
    }
}

pub fn heartbeat(firing: bool, renewed: i64) -> Heartbeat {
    Heartbeat {
        matchers: "alertname=\"Watchdog\"".to_owned(),
        firing,
        scope: crate::domain::matcher::Labels::new(),
        renewed_at: firing.then(|| at(renewed)),
    }
}

pub fn status(name: &str, state: SourceState) -> SourceStatus {
    SourceStatus {
        name: Arc::from(name),
        kind: "prometheus".to_owned(),
        address: String::new(),
        state,
        interval_s: 15,
        last_ok: None,
        latency_ms: None,
        items: 0,
        server: String::new(),
        warnings: Vec::new(),
        insecure: false,
    }
}

/// A plan with services `name` or `name<dep,dep`.
pub fn plan(services: &str) -> Plan {
    let mut plan = Plan::empty();
    for word in services.split_whitespace() {
        let (id, deps) = word.split_once('<').unwrap_or((word, ""));
        let depends_on = deps.split(',').filter(|d| !d.is_empty()).map(ServiceId::new).collect();
        plan.services.push(Arc::new(Service { depends_on, ..Service::new(id) }));
    }
    plan
}

pub fn minutes(n: i64) -> TimeDelta {
    TimeDelta::minutes(n)
}

pub fn resolve() -> Action {
    Action::resolve(false)
}

pub fn close() -> Action {
    Action::Close {
        reason: String::new(),
        findings: Findings { code: "fixed".to_owned(), cause: "a full disk".to_owned() },
        category: "capacity".to_owned(),
    }
}

pub fn ack() -> Action {
    Action::Acknowledge { lasting: None }
}
