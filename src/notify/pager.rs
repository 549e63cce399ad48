//! Carrying pages out, beside the engine: what is due is claimed, tried, and what came of it is
//! stored. Neither the screen nor the engine waits for it.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;

use super::channels::Courier;
use super::outbox::{self, Outbox};
use crate::domain::command::Outcome;
use crate::domain::incident::{Actor, ActorKind};
use crate::domain::paging::message::Message;
use crate::domain::paging::{ChannelId, Command, Due, Ended, PageId, Pages};
use crate::domain::time::{Instant, Timescale};
use crate::engine::{Handle, Plan, Snapshot};

/// Where pages are kept, and where is asked for what becomes of them.
pub trait Office: Clone + Send + Sync + 'static {
    fn ask(&self, command: Command) -> impl Future<Output = Option<Outcome>> + Send;
    fn pages(&self) -> impl Future<Output = Arc<Pages>> + Send;
    fn plan(&self) -> Arc<Plan>;
}

/// Claims a try, makes it, and stores what came of it. `false`: it is not ours to make.
pub async fn attempt(
    office: &impl Office,
    courier: &Courier,
    page: PageId,
    channel: ChannelId,
) -> bool {
    let begin = Command::Begin { page, channel: channel.clone() };
    if !office.ask(begin).await.is_some_and(|o| o.verdict.is_done()) {
        return false;
    }
    let pages = office.pages().await;
    let Some((known, delivery)) = pages.get(page).and_then(|p| Some((p, p.delivery(&channel)?)))
    else {
        return false;
    };
    let (plan, attempt) = (office.plan(), delivery.attempts);
    let person = plan.roster.person(&known.what.person);
    let this = (&*channel, attempt, delivery.unsure);
    let message =
        Message::of(known, person.map(AsRef::as_ref), (&plan.site.name, &plan.site.command), this);
    let ended = courier.carry(&message).await;
    if let Ended::Failed { why, .. } = &ended {
        tracing::warn!("{page} by {channel}, try {attempt}: {why}");
    }
    let end = Command::End { page, channel, attempt, ended };
    outbox::store(|| office.ask(end.clone())).await;
    true
}

/// The engine of a console.
#[derive(Debug, Clone)]
struct Desk {
    handle: Handle,
    actor: Actor,
}

impl Office for Desk {
    async fn ask(&self, command: Command) -> Option<Outcome> {
        let command = crate::domain::command::Command::Paging(command);
        self.handle.ask(self.actor.clone(), command).await.pop()
    }

    async fn pages(&self) -> Arc<Pages> {
        // It shows what was asked last: whoever asks is answered after the snapshot.
        Arc::clone(&self.handle.snapshot().pages.value)
    }

    fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.handle.snapshot().plan)
    }
}

/// Whoever carries pages out, as the console itself: its session and its host are in the log.
pub fn in_the_name_of(actor: &Actor) -> Actor {
    Actor { kind: ActorKind::System, name: Actor::system().name, ..actor.clone() }
}

/// Carries out what becomes due, until the engine is gone.
pub async fn run(handle: Handle, actor: Actor, courier: watch::Receiver<Courier>, time: Timescale) {
    let desk = Desk { actor: in_the_name_of(&actor), handle: handle.clone() };
    let outbox = Outbox { generation: |s| s.pages.generation, due };
    let attempt = |(page, channel)| {
        let (desk, courier) = (desk.clone(), courier.borrow().clone());
        async move { attempt(&desk, &courier, page, channel).await }
    };
    outbox::carry_out(&handle, time, outbox, attempt).await;
}

fn due(snapshot: &Snapshot) -> Vec<(Instant, (PageId, ChannelId))> {
    let has = |due: &Due| snapshot.plan.channels.iter().any(|c| c.id == due.channel);
    let due = snapshot.pages.due().into_iter().filter(has);
    due.map(|due| (due.at, (due.page, due.channel))).collect()
}
