//! The task that feeds the core: one at a time, persist, then confirm, then publish.
//!
//! [`start`] makes the task and gives back the [`Handle`] to it; [`once`] does one command the same
//! way without staying. `task` holds what both share.

mod beyond;
mod clock;
pub mod park;
mod task;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, oneshot, watch};

pub use clock::{Clock, HandClock, ScaledClock, SystemClock};

use super::core::{Effect, Input};
use super::objectives::Measured;
use super::rehearsal::rehearse;
use super::snapshot::{Plan, Snapshot};
use crate::store::{Store, StoreError};
use task::Engine;

use crate::domain::command::{Command, Outcome, Verdict};
use crate::domain::incident::{Actor, Event, IncidentId};
use crate::domain::observation::{Fact, Observation, SourceStatus};
use crate::domain::paging::{Pager, Pages};
use crate::domain::report::Document;
use crate::domain::roster::shifts::Imported;
use crate::domain::time::Instant;
use crate::domain::upstream::Orders;

/// What reaches the engine's task.
#[derive(Debug)]
pub enum Message {
    Observed(Observation),
    Sources(Vec<SourceStatus>),
    /// What was measured of an objective.
    Measured(Box<Measured>),
    /// Who pages by the policies.
    Pager(Pager),
    Asked {
        actor: Actor,
        command: Command,
        reply: oneshot::Sender<Vec<Outcome>>,
    },
    Plan(Box<Plan>),
    /// The events of one incident, oldest first.
    Timeline {
        id: IncidentId,
        reply: oneshot::Sender<Result<Vec<Event>, String>>,
    },
    /// A document that was frozen, by its name.
    Document {
        name: String,
        reply: oneshot::Sender<Result<Option<Document>, String>>,
    },
    /// Load an incident that is not in the snapshot (an old closed one).
    Load {
        id: IncidentId,
        reply: oneshot::Sender<Result<(), String>>,
    },
    /// Finish what was received, close the store, end.
    Stop {
        reply: oneshot::Sender<()>,
    },
}

/// How many messages may wait before senders have to.
const QUEUE: usize = 256;

/// Starts the engine on an open store: the most urgent of its open incidents are in the first snapshot,
/// the others and the recent ones follow before anything else is decided. It ends when the last handle is gone, or by
/// [`Handle::stop`].
///
/// # Errors
/// The store cannot be read.
pub async fn start(
    plan: Plan,
    store: Store,
    effects: mpsc::Sender<Effect>,
) -> Result<Handle, StoreError> {
    start_with(plan, store, effects, Arc::new(SystemClock)).await
}

/// As [`start`], with the time from elsewhere.
pub async fn start_with(
    plan: Plan,
    store: Store,
    effects: mpsc::Sender<Effect>,
    clock: Arc<dyn Clock>,
) -> Result<Handle, StoreError> {
    let mut engine = Engine::begin(plan, store, Some(effects), clock).await?;
    let (snapshots, published) = watch::channel(engine.first_snapshot());
    let (messages, received) = mpsc::channel(QUEUE);
    let handle = Handle::new(messages, published);
    let abandoned = Arc::clone(&handle.abandoned);
    let network = tokio::runtime::Handle::current();
    let work = move || {
        // The store's time-outs and what is read beside the engine run there.
        let _inside = network.enter();
        park::block_on(|timer| async move {
            tokio::select! {
                biased;
                () = abandoned.notified() => {}
                () = engine.run(received, snapshots, timer) => {}
            }
        });
    };
    std::thread::Builder::new().name("engine".to_owned()).spawn(work).map_err(|e| {
        StoreError::Refused(format!("the engine cannot be started: no thread: {e}"))
    })?;
    Ok(handle)
}

/// Does one command on an open store and leaves: decided on the newest state, committed, answered.
///
/// # Errors
/// The store cannot be read or written; nothing was stored.
pub async fn once(
    plan: Plan,
    store: &Store,
    actor: Actor,
    command: Command,
) -> Result<Vec<Outcome>, StoreError> {
    let once = async {
        let mut engine = Engine::load(plan, store.clone()).await?;
        engine.command(actor, command).await
    };
    // An engine is large, and whoever asks once holds all of it.
    Box::pin(once).await
}

/// Several commands on an open store, one after the other, without staying: nothing is polled and no
/// time passes by itself.
#[derive(Clone)]
pub struct Desk(Arc<tokio::sync::Mutex<Engine>>);

impl Desk {
    /// # Errors
    /// The store cannot be read.
    pub async fn open(plan: Plan, store: &Store) -> Result<Self, StoreError> {
        let load = Engine::load(plan, store.clone());
        let engine = Box::pin(load).await?;
        Ok(Self(Arc::new(tokio::sync::Mutex::new(engine))))
    }

    /// Who is on call by the calendars of these sources.
    pub async fn know(&self, imported: Imported) {
        let mut engine = self.0.lock().await;
        for (source, duties) in imported {
            engine.sense(&Observation {
                source,
                at: SystemClock.now(),
                server: String::new(),
                facts: vec![Fact::Shifts(duties)],
                warnings: Vec::new(),
            });
        }
    }

    /// Decided on the newest state, committed, answered.
    ///
    /// # Errors
    /// The store cannot be read or written; nothing was stored.
    pub async fn ask(&self, actor: Actor, command: Command) -> Result<Vec<Outcome>, StoreError> {
        self.0.lock().await.command(actor, command).await
    }

    /// The orders as they are now, those of others too.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn orders(&self) -> Result<Arc<Orders>, StoreError> {
        self.0.lock().await.newest().await.map(|state| Arc::clone(state.orders()))
    }

    /// The pages as they are now, those of others too.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn pages(&self) -> Result<Arc<Pages>, StoreError> {
        self.0.lock().await.newest().await.map(|state| Arc::clone(state.pages()))
    }
}

/// Gives an empty store a past: what a console that had been open would have written of these inputs
/// until now. The demo begins with one.
///
/// # Errors
/// The store cannot be read or written.
pub async fn remember(
    plan: Plan,
    store: &Store,
    inputs: impl IntoIterator<Item = (Instant, Input)>,
) -> Result<(), StoreError> {
    let mut engine = Engine::load(plan.clone(), store.clone()).await?;
    let past = rehearse(Arc::new(plan), inputs, SystemClock.now());
    engine.store(past).await
}

/// The way to the engine; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    messages: mpsc::Sender<Message>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    open: Open,
    /// Nobody waits for the engine any more; it drops what it was doing.
    abandoned: Arc<Notify>,
}

impl Handle {
    /// Joins a channel to the engine's task with the snapshots that it publishes.
    pub fn new(messages: mpsc::Sender<Message>, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        Self { messages, snapshots, open: Open::default(), abandoned: Arc::default() }
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// A receiver that is notified of each new snapshot.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Asks for something; the answer comes after it is stored. It is on its way when this returns,
    /// unless many others wait: what was asked before leaving is done before leaving.
    pub fn ask(
        &self,
        actor: Actor,
        command: Command,
    ) -> impl Future<Output = Vec<Outcome>> + Send + use<> {
        let open = self.open.enter(command.clone());
        let (reply, answer) = oneshot::channel();
        let sent = self.messages.try_send(Message::Asked { actor, command, reply });
        let messages = self.messages.clone();
        async move {
            let _open = open;
            let is_sent = match sent {
                Ok(()) => true,
                Err(TrySendError::Full(message)) => messages.send(message).await.is_ok(),
                Err(TrySendError::Closed(_)) => false,
            };
            let answer = if is_sent { answer.await.ok() } else { None };
            answer.unwrap_or_else(|| {
                let why = "the engine has stopped; nothing was stored".to_owned();
                vec![Outcome { id: None, verdict: Verdict::Refused { why } }]
            })
        }
    }

    /// Hands over what a source reported.
    pub async fn observe(&self, observation: Observation) {
        let _ = self.messages.send(Message::Observed(observation)).await;
    }

    /// Hands over how the sources are.
    pub async fn report_sources(&self, sources: Vec<SourceStatus>) {
        let _ = self.messages.send(Message::Sources(sources)).await;
    }

    /// Hands over what was measured of an objective.
    pub async fn measure(&self, measured: Measured) {
        let _ = self.messages.send(Message::Measured(Box::new(measured))).await;
    }

    /// Hands over who pages by the policies: if it is this process, the engine begins at once.
    pub async fn report_pager(&self, pager: Pager) {
        let _ = self.messages.send(Message::Pager(pager)).await;
    }

    /// A new plan, after a live reload.
    pub async fn replan(&self, plan: Plan) {
        let _ = self.messages.send(Message::Plan(Box::new(plan))).await;
    }

    /// The events of one incident, oldest first.
    pub async fn timeline(&self, id: IncidentId) -> Result<Vec<Event>, String> {
        let (reply, answer) = oneshot::channel();
        let gone = || "the engine has stopped".to_owned();
        self.messages.send(Message::Timeline { id, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// A document that was frozen, by its name; none of that name.
    pub async fn document(&self, name: String) -> Result<Option<Document>, String> {
        let (reply, answer) = oneshot::channel();
        let gone = || "the engine has stopped".to_owned();
        self.messages.send(Message::Document { name, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Makes an incident part of the snapshots, however old it is.
    pub async fn load(&self, id: IncidentId) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let gone = || "the engine has stopped".to_owned();
        self.messages.send(Message::Load { id, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Lets the engine finish what it was sent and close the store. Later questions are refused.
    pub async fn stop(&self) {
        let (reply, done) = oneshot::channel();
        if self.messages.send(Message::Stop { reply }).await.is_ok() {
            let _ = done.await;
        }
    }

    /// As [`Self::stop`], but waits for no longer than `patience`; returns what was asked and not
    /// answered by then, in the order in which it was asked. The engine drops that.
    pub async fn stop_within(&self, patience: Duration) -> Vec<Command> {
        if tokio::time::timeout(patience, self.stop()).await.is_ok() {
            return Vec::new();
        }
        self.abandoned.notify_one();
        self.open.commands()
    }
}

/// What was asked and is not answered yet.
#[derive(Debug, Clone, Default)]
struct Open(Arc<Mutex<BTreeMap<u64, Command>>>);

impl Open {
    /// Holds the command until what it returns is dropped.
    fn enter(&self, command: Command) -> Entered {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = open.last_key_value().map_or(0, |(last, _)| last + 1);
        open.insert(number, command);
        Entered { open: self.clone(), number }
    }

    fn commands(&self) -> Vec<Command> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

struct Entered {
    open: Open,
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.open.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}
