//! The engine's core: what may happen, what it means, and what must follow.
//!
//! Pure: no clock, no I/O, no `await`. `runtime` commits what [`decide`] returns, then folds it with
//! [`evolve`]. A confirmed action is therefore always a stored one. What sources show (values, who
//! is firing) is [`State::sense`]d before the observation is decided on; it is never stored.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use imbl::OrdMap;

use super::agenda::Agenda;
use super::deadlines::{self, Deadlines};
use super::draft::Draft;
use super::escalation;
use super::maintenance::{self, Maintenance};
use super::objectives::Objectives;
use super::sight::Sight;
use super::snapshot::Plan;
use super::{causes, commands, detection};
use crate::domain::calendar::prompts::Prompt;
use crate::domain::calendar::{self, Calendar, CalendarEvent, Key, Windows};
use crate::domain::command::{Command, Outcome};
use crate::domain::incident::lifecycle;
use crate::domain::incident::views::SharedViews;
use crate::domain::incident::{
    Actor, Event, EventBody, Incident, IncidentId, IncidentState, Priority,
};
use crate::domain::log::{self, Entry, NewEntry};
use crate::domain::observation::{Fact, Observation, SourceName, SourceStatus};
use crate::domain::paging::{self, Pager, Pages};
use crate::domain::report::Reports;
use crate::domain::roster::Book;
use crate::domain::sla::contract::Kind;
use crate::domain::time::Instant;
use crate::domain::upstream::{self, Orders};

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
    pub events: Vec<NewEntry>,
    /// One for each target of a command.
    pub answers: Vec<Outcome>,
}

/// What the world has to be told because of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Tell whoever sits at this console.
    Notify(Notice),
    /// Ask whoever sits at this console about a window that is theirs.
    Ask(Question),
    /// Tell them what became of a page.
    Paged(PageNews),
    /// Tell them what became of an order.
    Ordered(OrderNews),
}

/// What became of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageNews {
    pub text: String,
    /// It has arrived.
    pub is_good: bool,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNews {
    pub text: String,
    /// It is done.
    pub is_good: bool,
}

/// What the owner of a window has to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub key: Key,
    pub prompt: Prompt,
    pub text: String,
}

/// News for the person at this console.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    pub what: News,
    pub incident: Arc<Incident>,
    /// Of a clock that presses or has run out, which.
    pub clock: Option<Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Opened,
    Reopened,
    Resolved,
    /// Soon, unless its owner acts.
    AcknowledgementExpiring,
    AcknowledgementExpired,
    /// Nobody snoozes it any more, or holds it: it wants to be worked on again.
    Back,
    /// Its window is over, and it is still there: told of only now.
    MaintenanceOver,
    /// Everybody whom the policy names was paged, and nobody acknowledged.
    EscalationExhausted,
    /// Three quarters of what was promised have passed.
    Pressing,
    /// What was promised was not kept.
    Breached,
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
    pub(super) by_alert: HashMap<SourceName, HashMap<String, IncidentId>>,
    /// Folded incidents by their cause.
    pub(super) children: HashMap<IncidentId, BTreeSet<IncidentId>>,
    /// What people changed of the roster.
    pub(super) book: Arc<Book>,
    /// What is planned, by the plan and by people.
    pub(super) calendar: Arc<Calendar>,
    /// Who was paged, and whether it arrived.
    pub(super) pages: Arc<Pages>,
    /// What was ordered of other systems, and whether it was done.
    pub(super) orders: Arc<Orders>,
    pub(super) views: Arc<SharedViews>,
    /// Handovers and reports.
    pub(super) reports: Arc<Reports>,
    /// How the objectives stand; kept by [`Self::weigh`].
    pub(super) objectives: Objectives,
    /// What is in maintenance; kept by [`Self::attend`].
    pub(super) maintenance: Maintenance,
    /// Other windows mute than when the incidents were marked.
    pub(super) unmarked: bool,
    /// When time will next do something to an incident.
    pub(super) due: BTreeSet<(Instant, IncidentId)>,
    /// When paging for an incident goes on.
    pub(super) escalations: Agenda,
    /// When the clocks of service levels are next to be told of.
    pub(super) deadlines: Deadlines,
    /// Who pages by the policies.
    pub(super) pager: Pager,
    next_id: u64,
    position: u64,
    pub(super) changes: Changes,
    /// Services came, went or need others than when the incidents were folded.
    pub(super) unsettled: bool,
    pub(super) started_at: Instant,
    /// The open incidents from this priority on are not all loaded yet.
    pub unread: Option<Priority>,
    /// Whether those of the last seven days are loaded, beside the open ones.
    pub complete: bool,
}

/// What changed since the last snapshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changes {
    pub incidents: bool,
    pub health: bool,
    pub sources: bool,
    pub roster: bool,
    pub calendar: bool,
    pub pages: bool,
    pub orders: bool,
    pub silences: bool,
    pub views: bool,
    pub reports: bool,
    pub imported: bool,
    pub objectives: bool,
}

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
            book: Arc::default(),
            calendar: Arc::default(),
            pages: Arc::default(),
            orders: Arc::default(),
            views: Arc::default(),
            reports: Arc::default(),
            objectives: Objectives::default(),
            maintenance: Maintenance::default(),
            unmarked: false,
            due: BTreeSet::new(),
            escalations: Agenda::default(),
            deadlines: Deadlines::default(),
            pager: Pager::default(),
            next_id: next_id.max(1),
            position,
            changes: Changes::ALL,
            unsettled: false,
            started_at: now,
            unread: None,
            complete: false,
        };
        state.sight.replan(&state.plan, now);
        state.objectives.replan(&state.plan.objectives);
        state.schedule(now);
        for incident in incidents {
            state.put(Arc::new(incident));
        }
        state
    }

    /// With the overrides that the store has.
    pub fn with_book(self, book: Book) -> Self {
        Self { book: Arc::new(book), ..self }
    }

    /// With the windows that the store has, and what became of all.
    pub fn with_calendar(mut self, calendar: Calendar, now: Instant) -> Self {
        self.calendar = Arc::new(calendar);
        self.schedule(now);
        self
    }

    /// With the pages that the store has.
    pub fn with_pages(self, pages: Pages) -> Self {
        Self { pages: Arc::new(pages), ..self }
    }

    /// With the orders that the store has.
    pub fn with_orders(self, orders: Orders) -> Self {
        Self { orders: Arc::new(orders), ..self }
    }

    pub fn orders(&self) -> &Arc<Orders> {
        &self.orders
    }

    /// With the views that the store has.
    pub fn with_views(self, views: SharedViews) -> Self {
        Self { views: Arc::new(views), ..self }
    }

    /// With the handovers and reports that the store has.
    pub fn with_reports(self, reports: Reports) -> Self {
        Self { reports: Arc::new(reports), ..self }
    }

    pub fn reports(&self) -> &Arc<Reports> {
        &self.reports
    }

    pub fn views(&self) -> &Arc<SharedViews> {
        &self.views
    }

    pub fn pages(&self) -> &Arc<Pages> {
        &self.pages
    }

    pub fn calendar(&self) -> &Arc<Calendar> {
        &self.calendar
    }

    /// Takes the windows of the plan over, and of the calendars that it names.
    fn schedule(&mut self, now: Instant) {
        let (calendar, plan) = (Arc::make_mut(&mut self.calendar), &self.plan);
        calendar.set_plan(&plan.windows, now);
        calendar.keep_imported(|source| plan.calendars.contains_key(source), now);
        for (source, windows) in &plan.calendars {
            if let Some(windows) = windows {
                calendar.set_imported(source, windows, now);
            }
        }
        self.changes.calendar = true;
        self.maintenance.forget();
    }

    /// Takes over what a calendar of others states.
    fn import(&mut self, source: &SourceName, windows: &Windows, now: Instant) {
        let is_known = self.calendar.imported(source).is_some_and(|known| known == windows);
        // Of a source that was taken out, an answer may still be on its way.
        if is_known || !self.plan.calendars.contains_key(source) {
            return;
        }
        Arc::make_mut(&mut self.calendar).set_imported(source, windows, now);
        self.changes.calendar = true;
        self.maintenance.forget();
    }

    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// Takes in what a source reported; call it before deciding on the same observation.
    pub fn sense(&mut self, observation: &Observation, now: Instant) {
        let watched = self.by_alert.get(&observation.source);
        let watched: Vec<String> = watched.into_iter().flat_map(|w| w.keys().cloned()).collect();
        let (catalogue, imported) = (self.sight.catalogue.clone(), self.sight.imported.clone());
        let silences = self.sight.silences.clone();
        self.sight.absorb(observation, &self.plan, watched.into_iter(), now);
        if !Arc::ptr_eq(&catalogue, &self.sight.catalogue) {
            self.unsettled = true;
            self.plan_escalations();
        }
        self.changes.imported |= !Arc::ptr_eq(&imported, &self.sight.imported);
        self.changes.silences |= !Arc::ptr_eq(&silences, &self.sight.silences);
        for fact in &observation.facts {
            if let Fact::Windows(windows) = fact {
                self.import(&observation.source, windows, now);
            }
        }
        self.changes.health = true;
    }

    /// What was decided last is folded in: it needs not be thought of again what folds under what, and
    /// what is in maintenance.
    pub fn settle(&mut self) {
        self.unsettled = false;
        self.unmarked = false;
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
        self.objectives.replan(&plan.objectives);
        self.plan = plan;
        self.schedule(now);
        self.due = self
            .live
            .iter()
            .filter_map(|id| self.incidents.get(id))
            .filter_map(|i| Some((detection::due(i, &self.plan.policy)?, i.id)))
            .collect();
        self.plan_escalations();
        self.forget_deadlines();
        self.changes = Changes::ALL;
        self.unsettled = true;
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

    /// Adds an incident with all that is known of it.
    fn put(&mut self, incident: Arc<Incident>) {
        let id = incident.id;
        for (fingerprint, alert) in &incident.alerts {
            if alert.cleared_at.is_none() {
                self.hold(&incident.source, fingerprint, id);
            }
        }
        self.incidents.insert(id, incident.clone());
        self.index(&incident, None);
    }

    /// Keeps the indices in step with one incident that was `before` and is now like this.
    fn index(&mut self, incident: &Incident, before: Option<&Before>) {
        let id = incident.id;
        self.changes.incidents = true;
        self.changes.health = true;
        self.next_id = self.next_id.max(id.0 + 1);
        if matches!(incident.state(), IncidentState::Closed | IncidentState::Cancelled) {
            self.live.remove(&id);
        } else {
            self.live.insert(id);
        }
        if before.is_none_or(|b| b.open != incident.is_open()) {
            match self.by_key.get_mut(&incident.key) {
                Some(newest) if *newest > id && !incident.is_open() => {}
                Some(newest) => *newest = id,
                None => {
                    self.by_key.insert(incident.key.clone(), id);
                }
            }
        }
        let parent = before.and_then(|b| b.parent);
        if parent != incident.parent {
            if let Some(siblings) = parent.and_then(|p| self.children.get_mut(&p)) {
                siblings.remove(&id);
            }
            if let Some(parent) = incident.parent {
                self.children.entry(parent).or_default().insert(id);
            }
        }
        let due = detection::due(incident, &self.plan.policy);
        let was = before.and_then(|b| b.due);
        if due != was {
            if let Some(was) = was {
                self.due.remove(&(was, id));
            }
            if let Some(due) = due {
                self.due.insert((due, id));
            }
        }
        self.deadlines.forget(id);
        let speaks = before.map(|b| b.speaks);
        let differs = speaks.is_none_or(|speaks| speaks != self.speaks_for_others(incident));
        self.plan_escalation(incident, differs);
    }

    fn hold(&mut self, source: &SourceName, fingerprint: &str, id: IncidentId) {
        let held = self.by_alert.entry(source.clone()).or_default();
        held.insert(fingerprint.to_owned(), id);
    }

    /// Which incident holds this alert to be firing.
    pub(super) fn holder(&self, source: &SourceName, fingerprint: &str) -> Option<IncidentId> {
        self.by_alert.get(source)?.get(fingerprint).copied()
    }
}

/// What the indices knew of an incident before an event.
struct Before {
    open: bool,
    parent: Option<IncidentId>,
    due: Option<Instant>,
    speaks: bool,
}

/// Judges a command or an observation against the state as it is now: the events to append, and an
/// answer for each thing that was asked.
pub fn decide(state: &State, input: &Input, now: Instant) -> Decision {
    let mut draft = Draft::new(state, now);
    match input {
        Input::Observed(observation) => detection::observed(&mut draft, observation),
        Input::Asked { actor, command } => match command {
            Command::Report(report) => commands::report(&mut draft, actor, report),
            Command::Act { targets, action } => {
                for target in targets {
                    commands::act(&mut draft, actor, *target, action);
                }
            }
            Command::Undo { targets } => {
                for id in targets {
                    commands::undo(&mut draft, actor, *id);
                }
            }
            Command::Roster(command) => commands::roster(&mut draft, actor, command),
            Command::Calendar(command) => commands::calendar(&mut draft, actor, command),
            Command::Paging(command) => commands::paging(&mut draft, actor, command),
            Command::View(command) => commands::view(&mut draft, actor, command),
            Command::Reports(command) => commands::reports(&mut draft, actor, command),
            Command::Escalate(request) => escalation::by_hand(&mut draft, actor, request),
            Command::Upstream(command) => commands::upstream(&mut draft, actor, command),
        },
        Input::Tick => {
            detection::tick(&mut draft);
            maintenance::ask(&mut draft);
            for event in paging::overdue(&state.pages, now) {
                draft.push_other(&Actor::system(), log::Fact::Paging(event));
            }
            for event in upstream::overdue(&state.orders, now) {
                draft.push_other(&Actor::system(), log::Fact::Upstream(event));
            }
        }
    }
    maintenance::mark(&mut draft);
    causes::fold(&mut draft);
    let time_passed = matches!(input, Input::Tick);
    escalation::advance(&mut draft, time_passed);
    if time_passed {
        deadlines::advance(&mut draft);
    }
    draft.decision()
}

/// Folds one stored event. Replaying the log from nothing gives the same state.
pub fn evolve(state: &mut State, entry: &Entry) {
    state.position = state.position.max(entry.position());
    match entry {
        Entry::Incident(event) => evolve_incident(state, event),
        Entry::Roster(change) => {
            Arc::make_mut(&mut state.book).apply(change);
            state.changes.roster = true;
        }
        Entry::Calendar(change) => {
            calendar::lifecycle::apply(Arc::make_mut(&mut state.calendar), change);
            state.changes.calendar = true;
            state.maintenance.forget();
        }
        Entry::Paging(event) => {
            Arc::make_mut(&mut state.pages).apply(event);
            state.changes.pages = true;
        }
        Entry::Upstream(event) => {
            Arc::make_mut(&mut state.orders).apply(event);
            state.changes.orders = true;
        }
        Entry::View(event) => {
            Arc::make_mut(&mut state.views).apply(event);
            state.changes.views = true;
        }
        Entry::Report(event) => {
            Arc::make_mut(&mut state.reports).apply(event);
            state.changes.reports = true;
        }
    }
}

fn evolve_incident(state: &mut State, event: &Event) {
    let id = event.incident;
    let policies = !state.plan.roster.policies.is_empty();
    let known = state.incidents.get(&id).filter(|_| policies);
    let speaks = known.is_some_and(|known| state.speaks_for_others(known));
    let Some(known) = state.incidents.get_mut(&id) else {
        if let Some(opened) = lifecycle::fold(None, event) {
            state.put(Arc::new(opened));
        }
        return;
    };
    let before = Before {
        open: known.is_open(),
        parent: known.parent,
        due: detection::due(known, &state.plan.policy),
        speaks,
    };
    lifecycle::apply(Arc::make_mut(known), event);
    let incident = known.clone();
    match &event.body {
        EventBody::AlertFired { fingerprint, .. } => state.hold(&incident.source, fingerprint, id),
        EventBody::AlertCleared { fingerprint } => {
            if let Some(held) = state.by_alert.get_mut(&incident.source)
                && held.get(fingerprint) == Some(&id)
            {
                held.remove(fingerprint);
            }
        }
        _ => {}
    }
    state.index(&incident, Some(&before));
}

/// What the person at this console has to be told because of an event that was just stored. Folded
/// incidents are part of their cause, silenced ones are known, flapping ones were told once, and
/// maintenance is no news.
pub fn react(state: &State, entry: &Entry, now: Instant) -> Vec<Effect> {
    if let Some(change) = entry.calendar() {
        return asked(state, &change.body, now).map(Effect::Ask).into_iter().collect();
    }
    if let Some(event) = entry.paging() {
        return page_news(state, &event.body).map(Effect::Paged).into_iter().collect();
    }
    if let Some(event) = entry.upstream() {
        return order_news(state, &event.body).map(Effect::Ordered).into_iter().collect();
    }
    let Some(event) = entry.incident() else { return Vec::new() };
    let Some(incident) = state.incidents.get(&event.incident) else { return Vec::new() };
    let what = match &event.body {
        // An incident is complete with its first alert; one by hand with its report.
        EventBody::Opened(_) => News::Opened,
        EventBody::Reopened { .. } => News::Reopened,
        EventBody::Resolved { .. } => News::Resolved,
        EventBody::AcknowledgementExpiring { .. } => News::AcknowledgementExpiring,
        EventBody::AcknowledgementExpired => News::AcknowledgementExpired,
        EventBody::Woken { automatic: true } | EventBody::Resumed { automatic: true } => News::Back,
        EventBody::EscalationExhausted { .. } => News::EscalationExhausted,
        EventBody::ServiceLevelWarned { mark, call, .. } if call.is_empty() => {
            match mark.as_str() {
                "75%" => News::Pressing,
                "100%" => News::Breached,
                _ => return Vec::new(),
            }
        }
        // Before it was told nobody, so that is news, however old it is.
        EventBody::MaintenanceEnded if incident.is_open() && incident.clear_since.is_none() => {
            News::MaintenanceOver
        }
        _ => return Vec::new(),
    };
    // Of a cause that is in maintenance nobody was told: what it affects outside speaks for itself.
    let is_told = |id| state.incidents.get(&id).is_none_or(|cause| cause.maintenance.is_none());
    let quiet = incident.parent.is_some_and(is_told)
        || incident.maintenance.is_some()
        || incident.is_silenced()
        || incident.is_snoozed()
        || (incident.flapping_since.is_some() && what != News::Opened);
    if quiet {
        Vec::new()
    } else {
        let clock = match &event.body {
            EventBody::ServiceLevelWarned { clock, .. } => Some(*clock),
            _ => None,
        };
        vec![Effect::Notify(Notice { what, incident: incident.clone(), clock })]
    }
}

/// What became of a page, where that is news: that a try begins, or fails again, is none.
fn page_news(state: &State, event: &paging::Event) -> Option<PageNews> {
    let page = state.pages.get(event.page())?;
    let name = state.plan.roster.name(&page.what.person);
    let to = format!("{} to {name}", page.what.id);
    let (text, is_good) = match event {
        paging::Event::PageDelivered { channel, said, .. } => {
            let said = if said.is_empty() { String::new() } else { format!(" ({said})") };
            (format!("{to}: delivered by {channel}{said}"), true)
        }
        paging::Event::PageFailed { channel, attempt: 1, why, .. } => {
            (format!("{to}: {channel} failed, is tried again: {why}"), false)
        }
        paging::Event::PageGivenUp { channel, why, .. } => {
            (format!("{to}: {channel} given up: {why}"), false)
        }
        _ => return None,
    };
    Some(PageNews { text, is_good })
}

/// What became of an order, where that is news.
fn order_news(state: &State, event: &upstream::Event) -> Option<OrderNews> {
    let order = state.orders.get(event.order())?;
    let what = format!("{} to {}: {}", order.what.id, order.what.source, order.what.call.words());
    let (text, is_good) = match event {
        upstream::Event::OrderDone { said, .. } if said.is_empty() => {
            (format!("{what}: done"), true)
        }
        upstream::Event::OrderDone { said, .. } => (format!("{what}: {said}"), true),
        upstream::Event::OrderFailed { attempt: 1, why, .. } => {
            (format!("{what}: failed, is tried again: {why}"), false)
        }
        upstream::Event::OrderGivenUp { why, .. } => (format!("{what}: given up: {why}"), false),
        _ => return None,
    };
    Some(OrderNews { text, is_good })
}

/// The question that an event puts to the person at this console, if it is theirs to answer.
fn asked(state: &State, event: &CalendarEvent, now: Instant) -> Option<Question> {
    let CalendarEvent::OccurrenceAsked { key, prompt, .. } = event else { return None };
    let one = state.calendar.occurrence(key, now)?;
    let own = state.plan.person.is_some() && one.responsible() == state.plan.person;
    let text = prompt.text(&one.window.title());
    own.then(|| Question { key: key.clone(), prompt: *prompt, text })
}
