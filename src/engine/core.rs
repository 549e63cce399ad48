//! The engine's core: what may happen, what it means, and what must follow.
//!
//! Pure: no clock, no I/O, no `await`. `runtime` commits what [`decide`] returns, then folds it with
//! [`evolve`]. A confirmed action is therefore always a stored one. What sources show (values, who
//! is firing) is [`State::sense`]d before the observation is decided on; it is never stored.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use imbl::OrdMap;

use super::draft::Draft;
use super::sight::{self, Sight};
use super::snapshot::Plan;
use crate::domain::health::ServiceId;
use crate::domain::incident::event::Opening;
use crate::domain::incident::lifecycle::{self, Action, Command, Outcome, Report, Target, Verdict};
use crate::domain::incident::{
    Actor, Event, EventBody, Incident, IncidentId, IncidentState, Priority,
};
use crate::domain::matcher::{Labels, Matchers};
use crate::domain::observation::{Alert, AlertStatus, Fact, Observation, SourceName, SourceStatus};
use crate::domain::text;
use crate::domain::time::Instant;

/// Something that reaches the core.
#[derive(Debug, Clone)]
pub enum Input {
    /// A source answered.
    Observed(Observation),
    /// A person asked for something.
    Asked { actor: Actor, command: Command },
    /// A second passed.
    Tick,
}

/// What the core made of an input.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// What is to be stored, in order; the store gives the positions.
    pub events: Vec<NewEvent>,
    /// One for each target of a command.
    pub answers: Vec<Outcome>,
}

/// An event before it has its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    pub at: Instant,
    pub actor: Actor,
    pub incident: IncidentId,
    pub body: EventBody,
}

/// What the world has to be told because of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Tell whoever sits at this console.
    Notify(Notice),
}

/// News for the person at this console.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    pub what: News,
    pub incident: Arc<Incident>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Opened,
    Reopened,
    Resolved,
    AcknowledgementExpired,
}

/// Everything the core knows.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) plan: Arc<Plan>,
    pub(super) sight: Sight,
    pub(super) incidents: OrdMap<IncidentId, Arc<Incident>>,
    /// Neither closed nor cancelled.
    pub(super) live: BTreeSet<IncidentId>,
    /// The newest incident of each dedup key.
    by_key: HashMap<String, IncidentId>,
    /// Which incident holds an alert to be firing.
    by_alert: HashMap<SourceName, HashMap<String, IncidentId>>,
    /// Folded incidents by their cause.
    pub(super) children: HashMap<IncidentId, BTreeSet<IncidentId>>,
    next_id: u64,
    position: u64,
    pub(super) changes: Changes,
    pub(super) started_at: Instant,
    /// Whether everything in the store is loaded.
    pub complete: bool,
}

/// What changed since the last snapshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changes {
    pub incidents: bool,
    pub health: bool,
    pub sources: bool,
}

/// How many days back incidents of one key are counted as recurrences.
const RECURRENCE_DAYS: i64 = 7;

/// The source of the incidents that the console itself raises because it is blind.
const OWN_SOURCE: &str = "atalaya";

impl State {
    /// The state of a store: the incidents that are open or recent, the id that the next one gets,
    /// the position of the last event.
    pub fn new(
        plan: Arc<Plan>,
        incidents: Vec<Incident>,
        next_id: u64,
        position: u64,
        now: Instant,
    ) -> Self {
        let mut state = Self {
            plan,
            sight: Sight::default(),
            incidents: OrdMap::new(),
            live: BTreeSet::new(),
            by_key: HashMap::new(),
            by_alert: HashMap::new(),
            children: HashMap::new(),
            next_id: next_id.max(1),
            position,
            changes: Changes { incidents: true, health: true, sources: true },
            started_at: now,
            complete: false,
        };
        state.sight.replan(&state.plan, now);
        for incident in incidents {
            state.put(Arc::new(incident));
        }
        state
    }

    /// Takes in what a source reported; call it before deciding on the same observation.
    pub fn sense(&mut self, observation: &Observation, now: Instant) {
        let watched = self.by_alert.get(&observation.source);
        let watched: Vec<String> = watched.into_iter().flat_map(|w| w.keys().cloned()).collect();
        self.sight.absorb(observation, &self.plan, watched.into_iter(), now);
        self.changes.health = true;
    }

    /// Takes in how the sources are.
    pub fn sources(&mut self, sources: Vec<SourceStatus>) {
        if self.sight.sources != sources {
            self.sight.sources = sources;
            self.changes.sources = true;
            self.changes.health = true;
        }
    }

    /// Takes over a changed plan.
    pub fn replan(&mut self, plan: Arc<Plan>, now: Instant) {
        self.sight.replan(&plan, now);
        self.plan = plan;
        self.changes = Changes { incidents: true, health: true, sources: true };
    }

    /// Adds an incident that was loaded later than the others.
    pub fn insert(&mut self, incident: Incident) {
        if !self.incidents.contains_key(&incident.id) {
            self.put(Arc::new(incident));
        }
    }

    pub fn incident(&self, id: IncidentId) -> Option<&Arc<Incident>> {
        self.incidents.get(&id)
    }

    /// The position of the last event that was folded in.
    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub(super) fn next_id(&self) -> u64 {
        self.next_id
    }

    /// The newest incident of that dedup key.
    pub(super) fn by_key(&self, key: &str) -> Option<IncidentId> {
        self.by_key.get(key).copied()
    }

    fn put(&mut self, incident: Arc<Incident>) {
        let id = incident.id;
        self.changes.incidents = true;
        self.changes.health = true;
        if matches!(incident.state(), IncidentState::Closed | IncidentState::Cancelled) {
            self.live.remove(&id);
        } else {
            self.live.insert(id);
        }
        let newest = self.by_key.entry(incident.key.clone()).or_insert(id);
        let other = *newest;
        if other < id || incident.is_open() {
            *newest = id;
        }
        for (fingerprint, alert) in &incident.alerts {
            let held = self.by_alert.entry(incident.source.clone()).or_default();
            if alert.cleared_at.is_none() {
                held.insert(fingerprint.clone(), id);
            } else if held.get(fingerprint) == Some(&id) {
                held.remove(fingerprint);
            }
        }
        self.next_id = self.next_id.max(id.0 + 1);
        let parent = incident.parent;
        let before = self.incidents.insert(id, incident).and_then(|i| i.parent);
        if before != parent {
            if let Some(siblings) = before.and_then(|b| self.children.get_mut(&b)) {
                siblings.remove(&id);
            }
            if let Some(parent) = parent {
                self.children.entry(parent).or_default().insert(id);
            }
        }
    }
}

/// Judges a command or an observation against the state as it is now: the events to append, and an
/// answer for each thing that was asked.
pub fn decide(state: &State, input: &Input, now: Instant) -> Decision {
    let mut draft = Draft::new(state, now);
    match input {
        Input::Observed(observation) => observed(&mut draft, observation),
        Input::Asked { actor, command } => match command {
            Command::Report(report) => self::report(&mut draft, actor, report),
            Command::Act { targets, action } => {
                for target in targets {
                    act(&mut draft, actor, *target, action);
                }
            }
            Command::Undo { targets } => {
                for id in targets {
                    undo(&mut draft, actor, *id);
                }
            }
        },
        Input::Tick => tick(&mut draft),
    }
    super::causes::fold(&mut draft);
    draft.decision()
}

/// Folds one stored event. Replaying the log from nothing gives the same state.
pub fn evolve(state: &mut State, event: &Event) {
    let known = state.incidents.get(&event.incident).map(AsRef::as_ref);
    if let Some(incident) = lifecycle::fold(known, event) {
        state.put(Arc::new(incident));
    }
    state.position = state.position.max(event.position);
}

/// What the person at this console has to be told because of an event that was just stored. Folded
/// incidents are part of their cause, silenced ones are known, flapping ones were told once.
pub fn react(state: &State, event: &Event, _now: Instant) -> Vec<Effect> {
    let Some(incident) = state.incidents.get(&event.incident) else { return Vec::new() };
    let what = match &event.body {
        // An incident is complete with its first alert; one by hand with its report.
        EventBody::Opened(_) => News::Opened,
        EventBody::Reopened { automatic: true, .. } => News::Reopened,
        EventBody::Resolved { automatic: true, .. } => News::Resolved,
        EventBody::AcknowledgementExpired => News::AcknowledgementExpired,
        _ => return Vec::new(),
    };
    let quiet = incident.parent.is_some()
        || incident.is_silenced()
        || (incident.flapping_since.is_some() && what != News::Opened);
    if quiet {
        Vec::new()
    } else {
        vec![Effect::Notify(Notice { what, incident: incident.clone() })]
    }
}

// --- what sources show -----------------------------------------------------------------------

fn observed(draft: &mut Draft<'_>, observation: &Observation) {
    let source = &observation.source;
    for fact in &observation.facts {
        match fact {
            Fact::Alerts(set) => {
                // A heartbeat is not an incident; its absence is.
                let pulses: Vec<Matchers> = set
                    .heartbeats
                    .iter()
                    .filter_map(|h| Matchers::parse(&h.matchers).ok())
                    .collect();
                for alert in &set.alerts {
                    if !pulses.iter().any(|p| p.matches(&alert.labels)) {
                        firing(draft, source, alert);
                    }
                }
            }
            Fact::Signals(readings) => {
                for r in readings {
                    judged(draft, source, &r.service, &r.signal);
                }
            }
            Fact::States(states) => {
                for s in states {
                    judged(draft, source, &s.service, &s.signal);
                }
            }
            Fact::Services(_) | Fact::Backfill(_) => {}
        }
    }
    clearing(draft, source);
}

/// A signal of which there is a new value or verdict: its alert fires, or is clear.
fn judged(draft: &mut Draft<'_>, source: &SourceName, service: &ServiceId, signal: &str) {
    let Some(track) = draft.state.sight.track(service, signal).cloned() else { return };
    if let Some(alert) = sight::alert_of_track(service, &track) {
        firing(draft, source, &alert);
        let flapping = draft
            .held(source, &alert.fingerprint)
            .filter(|i| track.flapping && i.flapping_since.is_none() && i.is_open())
            .map(|i| i.id);
        if let Some(id) = flapping {
            draft.push(&Actor::source(source), id, EventBody::FlappingStarted);
        }
    } else if track.state != crate::domain::health::State::Unknown {
        let fingerprint = sight::track_fingerprint(service, signal);
        if let Some(id) = draft.held(source, &fingerprint).map(|i| i.id) {
            draft.push(&Actor::source(source), id, EventBody::AlertCleared { fingerprint });
        }
    }
}

/// An alert that fires now.
fn firing(draft: &mut Draft<'_>, source: &SourceName, alert: &Alert) {
    let actor = Actor::source(source);
    let fingerprint = &alert.fingerprint;
    let inhibited = sight::is_inhibited(&alert.status);
    if let Some(incident) = draft.held(source, fingerprint) {
        let id = incident.id;
        let known = incident.alerts.get(fingerprint).map(|a| a.status.clone());
        let unverified = incident.unverified_since.is_some();
        let was_inhibited = known.as_ref().is_some_and(sight::is_inhibited);
        if was_inhibited && !inhibited && incident.key != key_of(draft, source, alert).0 {
            // It was counted on its inhibitor; now it stands for itself.
            let cleared = EventBody::AlertCleared { fingerprint: fingerprint.clone() };
            draft.push(&actor, id, cleared);
        } else {
            if known.as_ref() != Some(&alert.status) {
                let status = alert.status.clone();
                let fingerprint = fingerprint.clone();
                draft.push(&actor, id, EventBody::AlertChanged { fingerprint, status });
            }
            if unverified {
                draft.push(&actor, id, EventBody::Verified);
            }
            return;
        }
    }
    let fired = EventBody::AlertFired {
        fingerprint: fingerprint.clone(),
        alert: Box::new(lifecycle::alert_fact(alert)),
    };
    if let AlertStatus::Inhibited { by } = &alert.status {
        let inhibitor = by.iter().find_map(|f| draft.held(source, f)).map(|i| i.id);
        if let Some(id) = inhibitor {
            draft.push(&actor, id, fired);
        }
        return;
    }
    let (key, service, class) = key_of(draft, source, alert);
    let last = draft.newest(&key).cloned();
    match last {
        Some(last) if last.is_open() => draft.push(&actor, last.id, fired),
        Some(last) if reopens(&last, &draft.state.plan.policy, draft.now) => {
            let reason = "its alert fires again".to_owned();
            draft.push(&actor, last.id, EventBody::Reopened { automatic: true, reason });
            draft.push(&actor, last.id, fired);
            flaps(draft, last.id);
        }
        last => {
            let since = draft.now - chrono::TimeDelta::days(RECURRENCE_DAYS);
            let recurrence = match &last {
                Some(last) if last.opened_at >= since => last.recurrence.saturating_add(1),
                _ => 1,
            };
            let mut annotations = alert.annotations.clone();
            if let Some(runbook) = class.runbook {
                annotations.entry("runbook".to_owned()).or_insert(runbook);
            }
            let opening = Opening {
                key,
                title: title(alert),
                service,
                source: source.clone(),
                category: class.category,
                impact: class.impact,
                urgency: class.urgency,
                priority: class.priority,
                labels: alert.labels.clone(),
                annotations,
                started_at: alert.starts_at,
                earlier: last.map(|l| l.id),
                recurrence,
            };
            let id = draft.open(&actor, opening);
            draft.push(&actor, id, fired);
        }
    }
}

/// Whether this trouble is still the same incident.
fn reopens(
    last: &Incident,
    policy: &crate::domain::incident::policy::Policy,
    now: Instant,
) -> bool {
    last.state() == IncidentState::Resolved
        && last.standing.resolved.as_ref().is_some_and(|r| now - r.at <= policy.reopen_window)
}

/// Three reopenings within the hour are flapping.
fn flaps(draft: &mut Draft<'_>, id: IncidentId) {
    let policy = &draft.state.plan.policy;
    let since = draft.now - policy.flap_window;
    let flaps = draft.incident(id).is_some_and(|i| {
        let recent = i.reopened_at.iter().filter(|at| **at >= since).count();
        i.flapping_since.is_none() && recent >= policy.flap_reopenings
    });
    if flaps {
        draft.push(&Actor::system(), id, EventBody::FlappingStarted);
    }
}

type Keyed = (String, Option<ServiceId>, crate::domain::incident::policy::Classification);

/// The dedup key of an alert, its service and its classification.
fn key_of(draft: &Draft<'_>, source: &SourceName, alert: &Alert) -> Keyed {
    let service = draft.state.sight.service_of(alert);
    let class = draft.state.plan.policy.classify(&alert.labels, service.map(|s| s.tier));
    let group = class.group_by.as_ref().map(|names| {
        let pairs = names.iter().map(|name| {
            let value = alert.labels.get(name).map_or("", String::as_str);
            format!("{name}={value}")
        });
        pairs.collect::<Vec<_>>().join(",")
    });
    let key = match group {
        Some(group) => format!("{source}/{{{group}}}"),
        None => format!("{source}/{}", alert.fingerprint),
    };
    (key, service.map(|s| s.id.clone()), class)
}

/// What an alert is called: its summary, else its name, else its description.
fn title(alert: &Alert) -> String {
    let annotation = |name: &str| alert.annotations.get(name).filter(|t| !t.is_empty());
    let found = annotation("summary")
        .or_else(|| alert.labels.get("alertname"))
        .or_else(|| annotation("title"))
        .or_else(|| annotation("description"));
    text::clean(found.map_or(alert.fingerprint.as_str(), String::as_str), 300)
}

/// Alerts of this source that are gone: proven clear ones clear; what cannot be proven for longer
/// than a resolution takes is marked.
fn clearing(draft: &mut Draft<'_>, source: &SourceName) {
    let actor = Actor::source(source);
    let state = draft.state;
    let Some(held) = state.by_alert.get(source) else { return };
    let seen = state.sight.alerts.get(source);
    let mut cleared: Vec<(IncidentId, String)> = Vec::new();
    let mut doubtful: BTreeSet<IncidentId> = BTreeSet::new();
    for (fingerprint, id) in held {
        let Some(incident) = state.incidents.get(id) else { continue };
        if let Some(rest) = fingerprint.strip_prefix("signal/") {
            // The signal itself is gone: a disk that was taken out, a check that was deleted.
            let known = rest
                .rsplit_once('/')
                .is_some_and(|(s, name)| state.sight.track(&ServiceId::new(s), name).is_some());
            if !known {
                cleared.push((*id, fingerprint.clone()));
            }
            continue;
        }
        if seen.is_none_or(|s| s.present.contains_key(fingerprint)) {
            continue;
        }
        let labels = incident.alerts.get(fingerprint).map(|a| &a.labels);
        let none = Labels::new();
        let labels = labels.unwrap_or(&none);
        if state.sight.is_proven_clear(source, fingerprint, labels, draft.now) {
            cleared.push((*id, fingerprint.clone()));
        } else if state
            .sight
            .gone_since(source, fingerprint)
            .is_some_and(|since| draft.now - since >= state.plan.policy.resolve_after)
            && incident.is_open()
            && incident.unverified_since.is_none()
        {
            doubtful.insert(*id);
        }
    }
    cleared.sort();
    for (id, fingerprint) in cleared {
        let still = draft
            .incident(id)
            .is_some_and(|i| i.alerts.get(&fingerprint).is_some_and(|a| a.cleared_at.is_none()));
        if !still {
            continue;
        }
        draft.push(&actor, id, EventBody::AlertCleared { fingerprint });
        if draft.incident(id).is_some_and(|i| i.unverified_since.is_some()) {
            draft.push(&actor, id, EventBody::Verified);
        }
    }
    for id in doubtful {
        // One alert that still fires is enough to know that the trouble is real.
        let fires = state.incidents.get(&id).is_some_and(|i| {
            i.alerts.iter().any(|(f, a)| {
                a.cleared_at.is_none() && seen.is_some_and(|s| s.present.contains_key(f))
            })
        });
        if !fires && draft.incident(id).is_some_and(|i| i.firing() > 0) {
            draft.push(&Actor::system(), id, EventBody::Unverified);
        }
    }
}

// --- what time does --------------------------------------------------------------------------

fn tick(draft: &mut Draft<'_>) {
    let now = draft.now;
    let system = Actor::system();
    let state = draft.state;
    let policy = &state.plan.policy;
    for id in &state.live {
        let Some(incident) = state.incidents.get(id) else { continue };
        let standing = &incident.standing;
        let expired =
            standing.acknowledged.as_ref().and_then(|a| a.until).is_some_and(|u| u <= now);
        if standing.state == IncidentState::Acknowledged && expired {
            draft.push(&system, *id, EventBody::AcknowledgementExpired);
        }
        if standing.state.is_open() {
            let flapping = incident.flapping_since.is_some();
            let wait = if flapping { policy.flap_peace } else { policy.resolve_after };
            if incident.clear_since.is_some_and(|since| now - since >= wait) {
                if flapping {
                    draft.push(&system, *id, EventBody::FlappingEnded);
                }
                let reason = "all alerts cleared".to_owned();
                draft.push(&system, *id, EventBody::Resolved { automatic: true, reason });
            }
        } else if standing.state == IncidentState::Resolved
            && incident.firing() == 0
            && standing.resolved.as_ref().is_some_and(|r| now - r.at >= policy.close_after)
        {
            let reason = "nobody objected".to_owned();
            draft.push(&system, *id, EventBody::Closed { automatic: true, reason });
        }
    }
    pulses(draft);
}

/// An alert that must always fire and does not: monitoring is blind, and that is a P1.
fn pulses(draft: &mut Draft<'_>) {
    let now = draft.now;
    let state = draft.state;
    let grace = state.plan.policy.heartbeat_grace;
    let source: SourceName = Arc::from(OWN_SOURCE);
    let mut silent: BTreeSet<String> = BTreeSet::new();
    for (of, matchers, since) in state.sight.silent(grace, now) {
        let fingerprint = format!("heartbeat/{of}/{matchers}");
        silent.insert(fingerprint.clone());
        let labels: Labels = [("severity", "critical"), ("source", of), ("heartbeat", matchers)]
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        let summary = format!(
            "monitoring is blind: {matchers} of {of} has not fired for {}",
            text::duration(grace)
        );
        let alert = Alert {
            fingerprint,
            labels,
            annotations: [("summary".to_owned(), summary)].into_iter().collect(),
            starts_at: since,
            status: AlertStatus::Active,
            generator_url: None,
            service: None,
        };
        let held = draft.held(&source, &alert.fingerprint).is_some();
        if !held {
            firing(draft, &source, &alert);
            let opened = draft.held(&source, &alert.fingerprint).map(|i| (i.id, i.priority));
            if let Some((id, _)) = opened.filter(|(_, p)| p.0 > 1) {
                let body = EventBody::Reclassified { impact: 1, urgency: 1, priority: Priority(1) };
                draft.push(&Actor::system(), id, body);
            }
        }
    }
    let held = state.by_alert.get(&source);
    let back: Vec<(IncidentId, String)> = held
        .into_iter()
        .flatten()
        .filter(|(f, _)| !silent.contains(*f))
        .map(|(f, id)| (*id, f.clone()))
        .collect();
    for (id, fingerprint) in back {
        draft.push(&Actor::system(), id, EventBody::AlertCleared { fingerprint });
    }
}

// --- what people ask -------------------------------------------------------------------------

fn report(draft: &mut Draft<'_>, actor: &Actor, report: &Report) {
    let refused =
        |why: &str| Outcome { id: None, verdict: Verdict::Refused { why: why.to_owned() } };
    let title = text::clean(&report.title, 300);
    if title.is_empty() {
        draft.answers.push(refused("a report needs a title: what is wrong, in one line"));
        return;
    }
    let known = |id: &ServiceId| draft.state.sight.catalogue.iter().find(|s| s.id == *id);
    let tier = match report.service.as_ref().map(|id| (id, known(id))) {
        None => None,
        Some((_, Some(service))) => Some(service.tier),
        // Without a catalogue (the command line beside a console) the name is taken as it is.
        Some((_, None)) if draft.state.sight.catalogue.is_empty() => None,
        Some((id, None)) => {
            let why = format!("there is no service {id:?}", id = id.as_str());
            draft.answers.push(refused(&why));
            return;
        }
    };
    let impact = report.impact.unwrap_or_else(|| tier.unwrap_or(3).clamp(1, 3)).clamp(1, 3);
    let urgency = report.urgency.unwrap_or(2).clamp(1, 3);
    let opening = Opening {
        key: format!("operator/{}", draft.next_id()),
        title,
        service: report.service.clone(),
        source: Arc::from("operator"),
        category: String::new(),
        impact,
        urgency,
        priority: draft.state.plan.policy.priority(impact, urgency),
        labels: Labels::new(),
        annotations: Labels::new(),
        started_at: draft.now,
        earlier: None,
        recurrence: 1,
    };
    let id = draft.open(actor, opening);
    let text = text::clean_text(&report.text, text::MAX_TEXT);
    if !text.trim().is_empty() {
        draft.push(actor, id, EventBody::Noted { text });
    }
    let said = format!("{id} reported");
    draft.answers.push(Outcome { id: Some(id), verdict: Verdict::Done { said, also: Vec::new() } });
}

fn act(draft: &mut Draft<'_>, actor: &Actor, target: Target, action: &Action) {
    let id = target.id;
    let verdict = judge(draft, actor, target, &tidy(action));
    draft.answers.push(Outcome { id: Some(id), verdict });
}

/// What a person types is text from outside, too.
fn tidy(action: &Action) -> Action {
    let line = |t: &String| text::clean(t, text::MAX_LINE);
    match action {
        Action::Note { text } => {
            Action::Note { text: text::clean_text(text, text::MAX_TEXT).trim().to_owned() }
        }
        Action::Assign { to } => Action::Assign {
            to: to.as_ref().map(|t| text::clean(t, 100)).filter(|t| !t.is_empty()),
        },
        Action::Resolve { reason, force } => {
            Action::Resolve { reason: line(reason), force: *force }
        }
        Action::Close { reason } => Action::Close { reason: line(reason) },
        Action::Cancel { reason } => Action::Cancel { reason: line(reason) },
        Action::Reopen { reason } => Action::Reopen { reason: line(reason) },
        Action::Acknowledge | Action::Unacknowledge => action.clone(),
    }
}

fn judge(draft: &mut Draft<'_>, actor: &Actor, target: Target, action: &Action) -> Verdict {
    let id = target.id;
    let Some(incident) = draft.incident(id) else {
        return Verdict::Refused { why: format!("there is no {id}") };
    };
    let policy = &draft.state.plan.policy;
    let judged = lifecycle::judge(incident, target.seen, action, actor, policy, draft.now);
    if let (Ok(_), Action::Reopen { .. }) = (&judged, action) {
        if let Some(why) = covered(draft, id) {
            return Verdict::Refused { why };
        }
    }
    let events = match judged {
        Ok(events) => events,
        Err(verdict) => return verdict,
    };
    for body in events {
        draft.push(actor, id, body);
    }
    let mut also = Vec::new();
    if *action == Action::Acknowledge {
        for child in draft.children(id) {
            let new = draft.incident(child).is_some_and(|c| c.state() == IncidentState::New);
            if new {
                let until = draft
                    .incident(child)
                    .and_then(|c| policy.ack_expiry(c.priority))
                    .map(|d| draft.now + d);
                draft.push(actor, child, EventBody::Acknowledged { until });
                also.push(child);
            }
        }
    }
    Verdict::Done { said: said(id, action, also.len()), also }
}

fn said(id: IncidentId, action: &Action, also: usize) -> String {
    let what = match action {
        Action::Acknowledge if also > 0 => {
            return format!("{id} acknowledged, with {also} that it affects");
        }
        Action::Acknowledge => "acknowledged",
        Action::Unacknowledge => "is new again",
        Action::Assign { to: Some(to) } => return format!("{id} assigned to {to}"),
        Action::Assign { to: None } => "assigned to nobody",
        Action::Note { .. } => "noted",
        Action::Resolve { .. } => "resolved",
        Action::Close { .. } => "closed",
        Action::Cancel { .. } => "cancelled",
        Action::Reopen { .. } => "reopened",
    };
    format!("{id} {what}")
}

/// Another open incident with the same key, which forbids this one to be open as well.
fn covered(draft: &Draft<'_>, id: IncidentId) -> Option<String> {
    let key = &draft.incident(id)?.key;
    let other = draft.newest(key).filter(|o| o.id != id && o.is_open())?;
    Some(format!("{} already covers the same trouble; work on that one", other.id))
}

fn undo(draft: &mut Draft<'_>, actor: &Actor, id: IncidentId) {
    let verdict = match draft.incident(id).cloned() {
        None => Verdict::Refused { why: format!("there is no {id}") },
        Some(incident) => undo_one(draft, actor, &incident),
    };
    draft.answers.push(Outcome { id: Some(id), verdict });
}

fn undo_one(draft: &mut Draft<'_>, actor: &Actor, incident: &Incident) -> Verdict {
    let policy = &draft.state.plan.policy;
    let id = incident.id;
    let body = match lifecycle::judge_undo(incident, actor, policy, draft.now) {
        Ok(body) => body,
        Err(verdict) => return verdict,
    };
    let opens = matches!(&body, EventBody::Undone { standing, .. } if standing.state.is_open());
    if opens && !incident.is_open() {
        if let Some(why) = covered(draft, id) {
            return Verdict::Refused { why };
        }
    }
    let EventBody::Undone { what, .. } = &body else {
        return Verdict::Refused { why: format!("nothing to undo on {id}") };
    };
    let what = what.clone();
    draft.push(actor, id, body);
    let mut also = Vec::new();
    let change = incident.last_change.as_ref();
    for child in draft.children(id) {
        // What the acknowledgement of the cause took along goes back with it.
        let together = draft.incident(child).filter(|c| {
            c.last_change.as_ref().is_some_and(|own| {
                change.is_some_and(|of| {
                    own.at == of.at && own.session == of.session && own.what == of.what
                })
            })
        });
        if let Some(body) = together
            .map(|c| lifecycle::judge_undo(c, actor, policy, draft.now))
            .and_then(Result::ok)
        {
            draft.push(actor, child, body);
            also.push(child);
        }
    }
    Verdict::Done { said: format!("{id} no longer {what}"), also }
}

impl State {
    /// Which incident holds this alert to be firing.
    pub(super) fn holder(&self, source: &SourceName, fingerprint: &str) -> Option<IncidentId> {
        self.by_alert.get(source)?.get(fingerprint).copied()
    }
}
