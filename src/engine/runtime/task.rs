//! The engine itself: a state, a store, and the order in which they change.
//!
//! The invariant: `state` is what the first `head.position` events of the log make. It moves on only
//! by events that are stored, our own after their commit, others' after they were read.

use std::collections::{HashMap, VecDeque, hash_map};
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use chrono::TimeDelta;
use futures::FutureExt;
use tokio::sync::{mpsc, watch};

use super::beyond::Beyond;
use super::park::Timer;
use super::{Clock, Message, SystemClock};
use crate::domain::command::{Command, Outcome, Verdict};
use crate::domain::incident::lifecycle;
use crate::domain::incident::{Actor, EventBody, Incident, IncidentId};
use crate::domain::log::{Entry, NewEntry};
use crate::domain::observation::Observation;
use crate::domain::paging::Pager;
use crate::domain::time::Instant;
use crate::domain::{paging, upstream};
use crate::engine::core::{self, Decision, Effect, Input, State};
use crate::engine::publish::Publisher;
use crate::engine::snapshot::{Part, Plan, Snapshot, StoreState};
use crate::store::records::Made;
use crate::store::{self, Append, Head, Mode, Place, Record, Store, StoreError, Watch};

/// How long a decision is taken again because somebody else appended first: where one command is all
/// there is to do, and in a console, which has more to do.
const PATIENCE: Duration = Duration::from_secs(15);
const BRIEF: Duration = Duration::from_millis(500);
/// How often at least, however long one attempt takes.
const ATTEMPTS: usize = 4;
/// The longest wait before it is; random, so that those who lost do not meet again.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// How far back ended incidents are held.
const RECENT: TimeDelta = TimeDelta::days(7);
/// How many of the open incidents a console reads before it shows itself: some screens of the most urgent.
pub(super) const FIRST: u16 = 200;
/// Data alone is published at most this often; what a person asked for, at once.
const PUBLISH_EVERY: Duration = Duration::from_millis(250);
/// The write-ahead log is moved into the file when it has grown to this many bytes.
const CHECKPOINT_AT: u64 = 4 << 20;

pub(super) struct Engine {
    plan: Arc<Plan>,
    state: State,
    publisher: Publisher,
    store: Store,
    clock: Arc<dyn Clock>,
    effects: Option<mpsc::Sender<Effect>>,
    head: Head,
    watch: Watch,
    started_at: Instant,
    /// Since when and why the store cannot be written.
    failing: Option<(Instant, String)>,
    /// What goes on without it, while it cannot be written.
    beyond: Option<Box<Beyond>>,
    /// Why nothing may be written: opened so, or a newer console has written.
    read_only: Option<String>,
    /// The open incidents after this place are still to be read.
    unread: Option<Place>,
    /// How long others may be faster.
    patience: Duration,
    /// The open and the recent incidents are loaded; nothing is decided from observations before.
    complete: bool,
}

impl Engine {
    /// Reads the open incidents, without anybody to be told of what is done. A store that proves to be
    /// damaged is moved aside.
    pub async fn load(plan: Plan, store: Store) -> Result<Self, StoreError> {
        let mut engine = Self::begin(plan, store, None, Arc::new(SystemClock)).await?;
        engine.load_open().await?;
        engine.patience = PATIENCE;
        Ok(engine)
    }

    /// As [`Self::load`], but of the open incidents only the most urgent ones: [`Self::run`] reads the
    /// others before it does anything else.
    pub async fn begin(
        plan: Plan,
        store: Store,
        effects: Option<mpsc::Sender<Effect>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let (store, loaded) = match store.load_urgent(FIRST).await {
            Ok(loaded) => (store, loaded),
            Err(StoreError::Damaged { reason, .. }) => {
                let store = store.start_over(&reason).await?;
                let loaded = store.load_urgent(FIRST).await?;
                (store, loaded)
            }
            Err(e) => return Err(e),
        };
        for notice in store.notices() {
            tracing::warn!("{notice}");
        }
        let now = clock.now();
        let plan = Arc::new(plan);
        let head = loaded.head;
        let mut state =
            State::new(Arc::clone(&plan), loaded.incidents, loaded.next_id, head.position, now)
                .with_book(loaded.book)
                .with_pages(loaded.pages)
                .with_orders(loaded.orders)
                .with_views(loaded.views)
                .with_reports(loaded.reports)
                .with_calendar(loaded.calendar, now);
        state.unread = loaded.last.map(|place| place.priority);
        let read_only = match store.mode() {
            Mode::ReadOnly { why } => Some(why.clone()),
            Mode::ReadWrite | Mode::Memory => None,
        };
        let watch = store.watch();
        Ok(Self {
            plan,
            state,
            publisher: Publisher::new(store.notices().into()),
            store,
            clock,
            effects,
            head,
            watch,
            started_at: now,
            failing: None,
            beyond: None,
            read_only,
            unread: loaded.last,
            patience: BRIEF,
            complete: false,
        })
    }

    /// The state as it is after loading.
    pub fn first_snapshot(&mut self) -> Arc<Snapshot> {
        let (now, store) = (self.clock.now(), self.store_state());
        let store_notices = Arc::clone(&self.publisher.notices);
        self.publisher.publish(&mut self.state, &store, now).unwrap_or_else(|| {
            Arc::new(Snapshot {
                at: now,
                started_at: self.started_at,
                site: Arc::new(self.plan.site.clone()),
                plan: Arc::clone(&self.plan),
                health: Part::default(),
                incidents: Part::default(),
                sources: Part::default(),
                book: Part::default(),
                calendar: Part::default(),
                pages: Part::default(),
                orders: Part::default(),
                silences: Part::default(),
                views: Part::default(),
                reports: Part::default(),
                objectives: Part::default(),
                imported: Part::default(),
                pager: Pager::default(),
                unstored: None,
                store,
                blind: Arc::default(),
                notices: store_notices,
            })
        })
    }

    /// Handles messages and ticks until it is stopped or the last sender is gone.
    ///
    /// What a person asked for goes before what a source reported, however much of that is queued;
    /// a tick waits for at most one message.
    pub async fn run(
        mut self,
        mut messages: mpsc::Receiver<Message>,
        snapshots: watch::Sender<Arc<Snapshot>>,
        timer: Timer,
    ) {
        self.load_rest().await;
        self.publish(&snapshots);
        let mut queue = VecDeque::new();
        let mut stopping = Vec::new();
        let mut tick = self.clock.tick(&timer);
        let mut published = Moment::now();
        loop {
            if tick.as_mut().now_or_never().is_some() {
                self.tick().await;
                self.publish(&snapshots);
                published = Moment::now();
                tick = self.clock.tick(&timer);
            }
            if queue.is_empty() {
                tokio::select! {
                    biased;
                    message = messages.recv() => match message {
                        Some(message) => queue.push_back(message),
                        None => break,
                    },
                    () = tick.as_mut() => {
                        self.tick().await;
                        self.publish(&snapshots);
                        published = Moment::now();
                        tick = self.clock.tick(&timer);
                        continue;
                    }
                }
            }
            while queue.len() < super::QUEUE
                && let Ok(message) = messages.try_recv()
            {
                queue.push_back(message);
            }
            let first = queue.iter().position(is_urgent).unwrap_or_default();
            match queue.remove(first) {
                Some(Message::Stop { reply }) => stopping.push(reply),
                Some(message) => self.handle(message, &snapshots).await,
                None => {}
            }
            if queue.is_empty() && !stopping.is_empty() {
                break;
            }
            if queue.is_empty() || published.elapsed() >= PUBLISH_EVERY {
                self.publish(&snapshots);
                published = Moment::now();
            }
        }
        self.publish(&snapshots);
        self.store.close().await;
        for reply in stopping {
            let _ = reply.send(());
        }
    }

    /// Whoever asked gets the answer after the snapshot that shows it.
    async fn handle(&mut self, message: Message, snapshots: &watch::Sender<Arc<Snapshot>>) {
        match message {
            Message::Asked { actor, command, reply } => {
                let asked = command.clone();
                let answers = self.command(actor, command).await;
                let answers = answers.unwrap_or_else(|e| refuse(&asked, &e.to_string()));
                self.publish(snapshots);
                let _ = reply.send(answers);
            }
            Message::Observed(observation) => {
                self.state.sense(&observation, self.clock.now());
                self.decide_quietly(&Input::Observed(observation)).await;
            }
            Message::Measured(measured) => {
                self.state.measure(*measured);
                self.state.weigh(self.clock.now());
            }
            Message::Sources(sources) => self.state.sources(sources),
            Message::Pager(pager) => self.state.set_pager(pager),
            Message::Plan(plan) => {
                self.plan = Arc::new(*plan);
                self.state.replan(Arc::clone(&self.plan), self.clock.now());
            }
            Message::Timeline { id, reply } => {
                // Beside the engine: however long it takes, nobody else waits for it.
                let store = self.store.clone();
                tokio::spawn(async move {
                    let _ = reply.send(store.timeline(id).await.map_err(|e| e.to_string()));
                });
            }
            Message::Document { name, reply } => {
                let store = self.store.clone();
                tokio::spawn(async move {
                    let _ = reply.send(store.document(&name).await.map_err(|e| e.to_string()));
                });
            }
            Message::Load { id, reply } => {
                let loaded = match self.fetch(&[id]).await {
                    Ok(()) if self.state.incident(id).is_some() => Ok(()),
                    Ok(()) => Err(format!("{id} does not exist")),
                    Err(e) => Err(e.to_string()),
                };
                self.publish(snapshots);
                let _ = reply.send(loaded);
            }
            Message::Stop { .. } => {}
        }
    }

    /// Decides what a person asked for on the newest state, and answers once it is stored.
    pub async fn command(
        &mut self,
        actor: Actor,
        command: Command,
    ) -> Result<Vec<Outcome>, StoreError> {
        if let Some(why) = &self.read_only {
            let store = self.store.to_string();
            return Err(StoreError::ReadOnly { store, why: why.clone() });
        }
        if self.watch.peek() {
            self.catch_up().await?;
        }
        let ids: Vec<_> = match &command {
            Command::Paging(paging::Command::Page(request)) => request.about.into_iter().collect(),
            Command::Escalate(request) => vec![request.incident],
            Command::Upstream(upstream::Command::Order(request)) => {
                request.about.into_iter().collect()
            }
            Command::Report(_)
            | Command::Roster(_)
            | Command::Calendar(_)
            | Command::Paging(_)
            | Command::Upstream(_)
            | Command::View(_)
            | Command::Reports(_) => Vec::new(),
            Command::Act { targets, action } => {
                let into = match action {
                    lifecycle::Action::Merge { into } => Some(*into),
                    _ => None,
                };
                targets.iter().map(|t| t.id).chain(into).collect()
            }
            Command::Undo { targets } => targets.clone(),
        };
        self.fetch(&ids).await?;
        // What was merged changes what it was merged into, and is a part of what it stands for.
        let family = ids.iter().filter_map(|id| self.state.incident(*id)).flat_map(|i| {
            i.standing.merged_into.into_iter().chain(i.absorbed.iter().map(|a| a.id))
        });
        let family: Vec<IncidentId> = family.collect();
        self.fetch(&family).await?;
        self.decide(&Input::Asked { actor, command }).await
    }

    pub fn sense(&mut self, observation: &Observation) {
        self.state.sense(observation, self.clock.now());
    }

    /// The state with all that others have stored.
    pub async fn newest(&mut self) -> Result<&State, StoreError> {
        if self.watch.peek() {
            self.catch_up().await?;
        }
        Ok(&self.state)
    }

    /// One second passed: what others stored, what time brings about, and whether the store is well.
    async fn tick(&mut self) {
        if !self.complete {
            self.load_rest().await;
        }
        if self.watch.look() {
            match self.catch_up().await {
                Ok(()) if self.read_only.is_some() => self.recovered(),
                Ok(()) | Err(StoreError::Newer { .. }) => {}
                Err(e) => self.failed(&e),
            }
        }
        self.state.weigh(self.clock.now());
        self.decide_quietly(&Input::Tick).await;
        if self.failing.is_some() && self.read_only.is_none() {
            match self.store.probe().await {
                Ok(()) => self.recovered(),
                Err(e) => self.failed(&e),
            }
        }
        if self.watch.wal_size() > CHECKPOINT_AT && self.read_only.is_none() {
            let store = self.store.clone();
            tokio::spawn(async move {
                if let Err(e) = store.checkpoint().await {
                    tracing::debug!("{e}");
                }
            });
        }
    }

    /// Decides where nobody waits for an answer. What could not be stored is decided again at the
    /// next poll or tick, from the same facts.
    async fn decide_quietly(&mut self, input: &Input) {
        if self.read_only.is_some() || !self.complete {
            return;
        }
        if let Err(e) = self.decide(input).await {
            self.failed(&e);
        }
        self.go_beyond(input);
    }

    /// Whoever pages goes on without the store where that is away for longer.
    fn go_beyond(&mut self, input: &Input) {
        let now = self.clock.now();
        let Some((since, why)) = &self.failing else { return };
        if !matches!(self.state.pager(), Pager::Here { .. }) || !Beyond::is_time(*since, now) {
            return;
        }
        let beyond = self.beyond.get_or_insert_with(|| Box::new(Beyond::of(&self.state, why, now)));
        beyond.feed(input, now);
    }

    /// Decide, store, then let it be so; again on the newest state if somebody else was faster.
    async fn decide(&mut self, input: &Input) -> Result<Vec<Outcome>, StoreError> {
        let (begun, mut longest) = (Moment::now(), Duration::from_millis(4));
        let mut attempts = 0;
        // A slow disk may take all of the patience for one attempt.
        while attempts < ATTEMPTS || begun.elapsed() < self.patience {
            attempts += 1;
            let now = self.clock.now();
            self.state.attend(now);
            let Decision { events, answers } = core::decide(&self.state, input, now);
            if events.is_empty() {
                self.state.settle();
                return Ok(answers);
            }
            let events = self.stamp(events);
            let incidents = self.project(&events);
            match self.store.append(&events, &incidents, &self.records(&events)).await {
                Ok(Append::Stored) => {
                    self.recovered();
                    self.evolve(&events);
                    self.state.settle();
                    return Ok(answers);
                }
                Ok(Append::Behind) => {
                    // Read after the wait, so that little time is left to be overtaken again.
                    tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
                    longest = (longest * 2).min(LONGEST_WAIT);
                    self.catch_up().await?;
                }
                Err(e) => {
                    self.failed(&e);
                    return Err(e);
                }
            }
        }
        Err(StoreError::Failed {
            store: self.store.to_string(),
            doing: "be written",
            reason: format!("others were faster {attempts} times in a row"),
            remedy: "try again".to_owned(),
        })
    }

    /// Stores events that were decided elsewhere, into a log that nobody else writes.
    pub async fn store(&mut self, events: Vec<NewEntry>) -> Result<(), StoreError> {
        let events = self.stamp(events);
        let incidents = self.project(&events);
        self.store.append(&events, &incidents, &self.records(&events)).await?;
        self.evolve(&events);
        Ok(())
    }

    /// Gives the events their places, and times that never go back.
    fn stamp(&self, events: Vec<NewEntry>) -> Vec<Entry> {
        let mut last = self.head;
        let place = |event: NewEntry| {
            last.position += 1;
            last.at = store::to_millis(event.at).max(last.at);
            event.placed(last.position, last.at)
        };
        events.into_iter().map(place).collect()
    }

    /// What the events make of the incidents that they touch.
    fn project(&self, events: &[Entry]) -> Vec<Arc<Incident>> {
        let mut touched: HashMap<IncidentId, Incident> = HashMap::new();
        for event in events.iter().filter_map(Entry::incident) {
            let incident = match touched.entry(event.incident) {
                hash_map::Entry::Occupied(known) => known.into_mut(),
                hash_map::Entry::Vacant(place) => {
                    let known = self.state.incident(event.incident).map(|i| Incident::clone(i));
                    match known.or_else(|| lifecycle::fold(None, event)) {
                        Some(incident) => place.insert(incident),
                        None => continue,
                    }
                }
            };
            lifecycle::apply(incident, event);
        }
        let mut incidents: Vec<_> = touched.into_values().map(Arc::new).collect();
        incidents.sort_unstable_by_key(|i| i.id);
        incidents
    }

    /// What the events make of the roster, the calendar, the pages and the orders.
    fn records(&self, events: &[Entry]) -> Vec<Record> {
        let mut others = events.iter().filter(|e| e.incident().is_none()).peekable();
        if others.peek().is_none() {
            return Vec::new();
        }
        let (state, orders) = (&self.state, self.state.orders());
        let mut made = Made::on(state.book(), state.calendar(), state.pages(), orders);
        made = made.with_views(state.views()).with_reports(state.reports());
        others.for_each(|e| made.fold(e));
        made.records()
    }

    /// Folds stored events, and passes on what the world has to be told.
    fn evolve(&mut self, events: &[Entry]) {
        let now = self.clock.now();
        let mut untold = 0_usize;
        for event in events {
            core::evolve(&mut self.state, event);
            self.head = Head { position: event.position(), at: event.at() };
        }
        // Only now: whether an incident folds under another is known when all is folded in.
        for event in events {
            let Some(effects) = &self.effects else { break };
            for effect in core::react(&self.state, event, now) {
                // Never waits: a channel that hangs must not stop the engine.
                untold += usize::from(effects.try_send(effect).is_err());
            }
        }
        if untold > 0 {
            tracing::warn!("{untold} notifications dropped: the channels cannot keep up");
        }
    }

    /// Reads and folds what others have stored since.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        if self.store.head().await?.position == self.head.position {
            return Ok(());
        }
        loop {
            let events = match self.store.events_after(self.head.position).await {
                Ok(events) => events,
                Err(e @ StoreError::Newer { .. }) => {
                    self.read_only = Some(e.to_string());
                    return Err(e);
                }
                Err(e) => return Err(e),
            };
            if events.is_empty() {
                return Ok(());
            }
            let known = events.iter().filter_map(Entry::incident);
            let known = known.filter(|e| !matches!(e.body, EventBody::Opened(_)));
            let touched: Vec<_> = known.map(|e| e.incident).collect();
            self.fetch(&touched).await?;
            self.evolve(&events);
        }
    }

    /// Loads those of `ids` that are not loaded, as they are at our position.
    async fn fetch(&mut self, ids: &[IncidentId]) -> Result<(), StoreError> {
        for id in ids {
            if self.state.incident(*id).is_none()
                && let Some(incident) = self.store.incident_at(*id, self.head.position).await?
            {
                self.state.insert(incident);
            }
        }
        Ok(())
    }

    /// Loads what was not needed to begin with.
    async fn load_rest(&mut self) {
        let loaded = async {
            self.load_open().await?;
            self.load_recent().await
        };
        match loaded.await {
            Ok(()) => {
                self.complete = true;
                self.state.complete = true;
            }
            Err(e) => self.failed(&e),
        }
    }

    /// Loads the open incidents that are less urgent.
    pub async fn load_open(&mut self) -> Result<(), StoreError> {
        while let Some(place) = self.unread {
            let page = self.store.open_after(place).await?;
            self.unread = page.last().map(Place::of);
            self.state.unread = self.unread.map(|place| place.priority);
            self.take(page);
        }
        Ok(())
    }

    /// Loads the incidents that are no longer open but may still matter.
    async fn load_recent(&mut self) -> Result<(), StoreError> {
        let since = self.clock.now() - RECENT;
        let mut before = None;
        loop {
            let page = self.store.recent(since, before).await?;
            let Some(last) = page.last() else { return Ok(()) };
            before = Some(last.id);
            self.take(page);
        }
    }

    /// Takes in what was read later than the head. What somebody changed since comes by its events, and
    /// those bring the incident with them.
    fn take(&mut self, page: Vec<Incident>) {
        let position = self.head.position;
        page.into_iter().filter(|i| i.version <= position).for_each(|i| self.state.insert(i));
    }

    fn publish(&mut self, snapshots: &watch::Sender<Arc<Snapshot>>) {
        let store = self.store_state();
        let now = self.clock.now();
        self.publisher.unstored = self.beyond.as_ref().map(|b| Arc::clone(b.pages()));
        if let Some(snapshot) = self.publisher.publish(&mut self.state, &store, now) {
            snapshots.send_replace(snapshot);
        }
    }

    fn store_state(&self) -> StoreState {
        match (&self.failing, &self.read_only, self.store.mode()) {
            (Some((since, why)), ..) => StoreState::Failing { since: *since, why: why.clone() },
            (_, Some(why), _) => StoreState::ReadOnly { why: why.clone() },
            (.., Mode::Memory) => StoreState::Memory,
            _ => StoreState::Ready,
        }
    }

    fn failed(&mut self, e: &StoreError) {
        let why = e.to_string();
        if self.failing.as_ref().is_none_or(|(_, was)| *was != why) {
            tracing::error!("{why}");
        }
        let since = self.failing.take().map_or_else(|| self.clock.now(), |(since, _)| since);
        self.failing = Some((since, why));
    }

    fn recovered(&mut self) {
        self.beyond = None;
        if self.failing.take().is_some() {
            tracing::info!("the store {} can be written again", self.store);
        }
    }
}

/// Whether a person waits for it.
fn is_urgent(message: &Message) -> bool {
    matches!(message, Message::Asked { .. } | Message::Timeline { .. } | Message::Load { .. })
}

/// One refusal for each thing that was asked.
fn refuse(command: &Command, why: &str) -> Vec<Outcome> {
    let refused = |id| Outcome { id, verdict: Verdict::Refused { why: why.to_owned() } };
    match command {
        Command::Escalate(request) => vec![refused(Some(request.incident))],
        Command::Report(_)
        | Command::Roster(_)
        | Command::Calendar(_)
        | Command::Paging(_)
        | Command::Upstream(_)
        | Command::View(_)
        | Command::Reports(_) => vec![refused(None)],
        Command::Act { targets, .. } => targets.iter().map(|t| refused(Some(t.id))).collect(),
        Command::Undo { targets } => targets.iter().map(|id| refused(Some(*id))).collect(),
    }
}
