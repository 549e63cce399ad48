//! The task that feeds the core: one at a time, persist, then confirm, then publish.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::snapshot::{Plan, Snapshot};
use crate::domain::incident::lifecycle::{Command, Outcome, Verdict};
use crate::domain::incident::{Actor, Event, IncidentId};
use crate::domain::observation::{Observation, SourceStatus};

/// What reaches the engine's task.
#[derive(Debug)]
pub enum Message {
    Observed(Observation),
    Sources(Vec<SourceStatus>),
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
    /// Load an incident that is not in the snapshot (an old closed one).
    Load {
        id: IncidentId,
        reply: oneshot::Sender<Result<(), String>>,
    },
}

/// The way to the engine; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    messages: mpsc::Sender<Message>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl Handle {
    /// Joins a channel to the engine's task with the snapshots that it publishes.
    pub fn new(messages: mpsc::Sender<Message>, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        Self { messages, snapshots }
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// A receiver that is notified of each new snapshot.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Asks for something; the answer comes after it is stored.
    pub async fn ask(&self, actor: Actor, command: Command) -> Vec<Outcome> {
        let (reply, answer) = oneshot::channel();
        let sent = self.messages.send(Message::Asked { actor, command, reply }).await;
        let stopped = || {
            let why = "the engine has stopped; nothing was stored".to_owned();
            vec![Outcome { id: None, verdict: Verdict::Refused { why } }]
        };
        if sent.is_err() { stopped() } else { answer.await.unwrap_or_else(|_| stopped()) }
    }

    /// Hands over what a source reported.
    pub async fn observe(&self, observation: Observation) {
        let _ = self.messages.send(Message::Observed(observation)).await;
    }

    /// Hands over how the sources are.
    pub async fn report_sources(&self, sources: Vec<SourceStatus>) {
        let _ = self.messages.send(Message::Sources(sources)).await;
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

    /// Makes an incident part of the snapshots, however old it is.
    pub async fn load(&self, id: IncidentId) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let gone = || "the engine has stopped".to_owned();
        self.messages.send(Message::Load { id, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}
