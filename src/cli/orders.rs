//! Carrying orders out, beside the engine: what is due is claimed, tried, and what came of it is
//! stored. The console does it for all, a command for its own.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use chrono::{TimeDelta, Utc};
use futures::future::join_all;
use tokio::sync::watch;

use super::Failure;
use crate::config::Config;
use crate::domain::command::{Command, Outcome};
use crate::domain::incident::Actor;
use crate::domain::time::{Instant, Timescale};
use crate::domain::upstream::{self, Due, Ended, OrderId, Orders};
use crate::engine::{Handle, Snapshot, runtime};
use crate::notify::outbox::{self, Outbox};
use crate::notify::pager::in_the_name_of;
use crate::sources::orders::Clerk;

/// How often is looked whether the next try is due.
const LOOK: Duration = Duration::from_millis(200);
/// Where orders are kept.
pub trait Office: Clone + Send + Sync + 'static {
    fn ask(&self, command: upstream::Command) -> impl Future<Output = Option<Outcome>> + Send;
    fn orders(&self) -> impl Future<Output = Arc<Orders>> + Send;
}

/// Claims a try, makes it, and stores what came of it. `false`: it is not ours to make.
pub async fn attempt(office: &impl Office, clerk: &Clerk, id: OrderId) -> bool {
    let begin = upstream::Command::Begin { order: id };
    if !office.ask(begin).await.is_some_and(|o| o.verdict.is_done()) {
        return false;
    }
    let orders = office.orders().await;
    let Some(order) = orders.get(id) else { return false };
    let attempt = order.attempts;
    let ended = clerk.carry_out(order).await;
    if let Ended::Failed { why, .. } = &ended {
        tracing::warn!("{id}, try {attempt}: {why}");
    }
    let end = upstream::Command::End { order: id, attempt, ended };
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
    async fn ask(&self, command: upstream::Command) -> Option<Outcome> {
        self.handle.ask(self.actor.clone(), Command::Upstream(command)).await.pop()
    }

    async fn orders(&self) -> Arc<Orders> {
        // It shows what was asked last: whoever asks is answered after the snapshot.
        Arc::clone(&self.handle.snapshot().orders.value)
    }
}

/// The store, as whoever carries orders out needs it.
#[derive(Clone)]
struct Counter {
    desk: runtime::Desk,
    actor: Actor,
}

impl Office for Counter {
    async fn ask(&self, command: upstream::Command) -> Option<Outcome> {
        let asked = self.desk.ask(self.actor.clone(), Command::Upstream(command)).await;
        asked.map_err(|e| tracing::warn!("{e}")).ok()?.pop()
    }

    async fn orders(&self) -> Arc<Orders> {
        self.desk.orders().await.unwrap_or_default()
    }
}

/// Carries out these orders as far as it comes in that time, and says how all stand then.
///
/// # Errors
/// The store cannot be read.
pub async fn settle(
    config: &Config,
    actor: &Actor,
    desk: runtime::Desk,
    ids: &[OrderId],
    wait: TimeDelta,
) -> Result<Arc<Orders>, Failure> {
    let office = Counter { desk, actor: in_the_name_of(actor) };
    let clerk = Clerk::new(&config.sources);
    let until = Moment::now() + wait.to_std().unwrap_or_default();
    let last = Utc::now() + wait;
    loop {
        let (orders, now) = (office.orders().await, Utc::now());
        let open: Vec<Due> = orders.due().into_iter().filter(|d| ids.contains(&d.order)).collect();
        // What is due only later, nobody waits for.
        if !open.iter().any(|due| due.at <= last) {
            break;
        }
        let due = open.iter().filter(|due| due.at <= now);
        let tried = join_all(due.map(|due| attempt(&office, &clerk, due.order))).await;
        if !tried.contains(&true) {
            if Moment::now() >= until {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(office.desk.orders().await?)
}

/// Carries out what becomes due, until the engine is gone.
pub async fn run(
    handle: Handle,
    actor: Actor,
    clerk: watch::Receiver<Arc<Clerk>>,
    time: Timescale,
) {
    let desk = Desk { actor: in_the_name_of(&actor), handle: handle.clone() };
    let outbox = Outbox { generation: |s| s.orders.generation, due };
    let attempt = |order| {
        let (desk, clerk) = (desk.clone(), Arc::clone(&clerk.borrow()));
        async move { attempt(&desk, &clerk, order).await }
    };
    outbox::carry_out(&handle, time, outbox, attempt).await;
}

fn due(snapshot: &Snapshot) -> Vec<(Instant, OrderId)> {
    let can = |due: &Due| {
        let order = snapshot.orders.get(due.order);
        order.is_some_and(|o| snapshot.plan.upstreams.contains_key(&o.what.source))
    };
    snapshot.orders.due().into_iter().filter(can).map(|due| (due.at, due.order)).collect()
}
