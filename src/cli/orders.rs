//! Carrying orders out, beside the engine: what is due is claimed, tried, and what came of it is
//! stored. The console does it for all, a command for its own.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use chrono::{TimeDelta, Utc};
use futures::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Failure;
use crate::config::Config;
use crate::domain::command::{Command, Outcome, Verdict};
use crate::domain::incident::Actor;
use crate::domain::time::Timescale;
use crate::domain::upstream::{self, Due, Ended, OrderId, Orders};
use crate::engine::{Handle, Plan, Snapshot, StoreState, runtime};
use crate::notify::pager::in_the_name_of;
use crate::sources::orders::Clerk;

/// How often is looked whether the next try is due.
const LOOK: Duration = Duration::from_millis(200);
/// How many tries are under way at a time.
const AT_ONCE: usize = 8;
/// What could not be claimed is left alone for so long.
const REST: Duration = Duration::from_secs(2);
/// How often, and how many times, is tried to store what came of a try. After that the claim ends,
/// and the next try finds what this one made.
const STORE_AGAIN: Duration = Duration::from_secs(2);
const STORE_TIMES: usize = 30;

/// Where orders are kept.
pub trait Office: Clone + Send + Sync + 'static {
    fn ask(&self, command: upstream::Command) -> impl Future<Output = Option<Outcome>> + Send;
    fn orders(&self) -> impl Future<Output = Arc<Orders>> + Send;
}

/// Claims a try, makes it, and stores what came of it. `false`: it is not ours to make.
pub async fn attempt(office: &impl Office, clerk: &Clerk, due: Due) -> bool {
    let id = due.order;
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
    for _ in 0..STORE_TIMES {
        let outcome = office.ask(end.clone()).await;
        let is_known = outcome
            .is_some_and(|o| matches!(o.verdict, Verdict::Done { .. } | Verdict::Already { .. }));
        if is_known {
            break;
        }
        tokio::time::sleep(STORE_AGAIN).await;
    }
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
        let tried = join_all(due.map(|due| attempt(&office, &clerk, *due))).await;
        if !tried.contains(&true) {
            if Moment::now() >= until {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(office.desk.orders().await?)
}

/// Carries out what becomes due, until the engine is gone. A console that only reads does nothing.
pub async fn run(
    handle: Handle,
    actor: Actor,
    clerk: watch::Receiver<Arc<Clerk>>,
    time: Timescale,
) {
    if handle.snapshot().site.read_only {
        return;
    }
    let desk = Desk { actor: in_the_name_of(&actor), handle: handle.clone() };
    let mut world = handle.watch();
    let mut tries: JoinSet<(OrderId, bool)> = JoinSet::new();
    let mut under_way: BTreeSet<OrderId> = BTreeSet::new();
    let mut resting: BTreeMap<OrderId, Moment> = BTreeMap::new();
    loop {
        let snapshot = world.borrow_and_update().clone();
        let now = time.at(Utc::now());
        resting.retain(|_, until| *until > Moment::now());
        let mut next: Option<Duration> = None;
        let mut sooner = |wait: Duration| next = Some(next.map_or(wait, |known| known.min(wait)));
        for due in tries_of(&snapshot) {
            if under_way.contains(&due.order) {
                continue;
            }
            if due.at > now {
                sooner(time.ours((due.at - now).to_std().unwrap_or_default()));
                continue;
            }
            if under_way.len() >= AT_ONCE || resting.contains_key(&due.order) {
                sooner(REST);
                continue;
            }
            under_way.insert(due.order);
            let (desk, clerk) = (desk.clone(), Arc::clone(&clerk.borrow()));
            tries.spawn(async move { (due.order, attempt(&desk, &clerk, due).await) });
        }
        let plan = Arc::clone(&snapshot.plan);
        let seen = (snapshot.orders.generation, plan, is_well(&snapshot));
        drop(snapshot);
        tokio::select! {
            is_open = changed(&mut world, &seen) => if !is_open { return },
            Some(Ok((order, was_ours))) = tries.join_next(), if !tries.is_empty() => {
                under_way.remove(&order);
                if !was_ours {
                    resting.insert(order, Moment::now() + REST);
                }
            }
            () = tokio::time::sleep(next.unwrap_or(Duration::MAX)), if next.is_some() => {}
        }
    }
}

/// What is still to be tried and can be from here. Of a store that cannot be written nothing can be
/// claimed.
fn tries_of(snapshot: &Snapshot) -> Vec<Due> {
    if !is_well(snapshot) {
        return Vec::new();
    }
    let can = |due: &Due| {
        let order = snapshot.orders.get(due.order);
        order.is_some_and(|o| snapshot.plan.upstreams.contains_key(&o.what.source))
    };
    snapshot.orders.due().into_iter().filter(can).collect()
}

/// Completes when the orders or the plan are others, or the store is well again; `false`: the engine
/// is gone.
async fn changed(
    world: &mut watch::Receiver<Arc<Snapshot>>,
    (orders, plan, was_well): &(u64, Arc<Plan>, bool),
) -> bool {
    let differs = |s: &Arc<Snapshot>| {
        s.orders.generation != *orders || !Arc::ptr_eq(&s.plan, plan) || is_well(s) != *was_well
    };
    world.wait_for(differs).await.is_ok()
}

fn is_well(snapshot: &Snapshot) -> bool {
    matches!(snapshot.store, StoreState::Ready | StoreState::Memory)
}
