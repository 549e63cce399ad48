//! Carrying pages out, beside the engine: what is due is claimed, tried, and what came of it is
//! stored. Neither the screen nor the engine waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use chrono::Utc;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::channels::Courier;
use crate::domain::command::{Outcome, Verdict};
use crate::domain::incident::{Actor, ActorKind};
use crate::domain::paging::message::Message;
use crate::domain::paging::{ChannelId, Command, Due, Ended, PageId, Pages};
use crate::domain::time::Timescale;
use crate::engine::{Handle, Plan, Snapshot, StoreState};

/// How many tries are under way at a time.
const AT_ONCE: usize = 8;
/// What could not be claimed is left alone for so long.
const REST: Duration = Duration::from_secs(2);
/// How often, and how many times, is tried to store what came of a try. After that the claim ends,
/// and it is tried again as possibly sent twice.
const STORE_AGAIN: Duration = Duration::from_secs(2);
const STORE_TIMES: usize = 30;

/// Where pages are kept, and where is asked for what becomes of them.
pub trait Office: Clone + Send + Sync + 'static {
    fn ask(&self, command: Command) -> impl Future<Output = Option<Outcome>> + Send;
    fn pages(&self) -> impl Future<Output = Arc<Pages>> + Send;
    fn plan(&self) -> Arc<Plan>;
}

/// Claims a try, makes it, and stores what came of it. `false`: it is not ours to make.
pub async fn attempt(office: &impl Office, courier: &Courier, due: &Due) -> bool {
    let (page, channel) = (due.page, due.channel.clone());
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
    let message = Message::of(known, person.map(AsRef::as_ref), &plan.site.name, this);
    let ended = courier.carry(&message).await;
    if let Ended::Failed { why, .. } = &ended {
        tracing::warn!("{page} by {channel}, try {attempt}: {why}");
    }
    let end = Command::End { page, channel, attempt, ended };
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

/// Carries out what becomes due, until the engine is gone. A console that only reads does nothing.
pub async fn run(handle: Handle, actor: Actor, courier: watch::Receiver<Courier>, time: Timescale) {
    if handle.snapshot().site.read_only {
        return;
    }
    let desk = Desk { actor: in_the_name_of(&actor), handle: handle.clone() };
    let mut world = handle.watch();
    let mut tries: JoinSet<((PageId, ChannelId), bool)> = JoinSet::new();
    let mut under_way: BTreeSet<(PageId, ChannelId)> = BTreeSet::new();
    let mut resting: BTreeMap<(PageId, ChannelId), Moment> = BTreeMap::new();
    loop {
        let snapshot = world.borrow_and_update().clone();
        let now = time.at(Utc::now());
        resting.retain(|_, until| *until > Moment::now());
        let mut next = None;
        for due in tries_of(&snapshot) {
            let this = (due.page, due.channel.clone());
            if under_way.contains(&this) {
                continue;
            }
            if due.at > now {
                let wait = (due.at - now).to_std().unwrap_or_default();
                next = Some(sooner(next, time.ours(wait)));
                continue;
            }
            if under_way.len() >= AT_ONCE || resting.contains_key(&this) {
                next = Some(sooner(next, REST));
                continue;
            }
            under_way.insert(this.clone());
            let (desk, courier) = (desk.clone(), courier.borrow().clone());
            tries.spawn(async move { (this, attempt(&desk, &courier, &due).await) });
        }
        let plan = Arc::clone(&snapshot.plan);
        let seen = (snapshot.pages.generation, plan, is_well(&snapshot));
        drop(snapshot);
        tokio::select! {
            is_open = changed(&mut world, &seen) => if !is_open { return },
            Some(Ok((this, was_ours))) = tries.join_next(), if !tries.is_empty() => {
                under_way.remove(&this);
                if !was_ours {
                    resting.insert(this, Moment::now() + REST);
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
    let has = |channel: &ChannelId| snapshot.plan.channels.iter().any(|c| c.id == *channel);
    snapshot.pages.due().into_iter().filter(|due| has(&due.channel)).collect()
}

fn sooner(known: Option<Duration>, wait: Duration) -> Duration {
    known.map_or(wait, |known| known.min(wait))
}

/// Completes when the pages or the plan are others, or the store is well again; `false`: the engine
/// is gone.
async fn changed(
    world: &mut watch::Receiver<Arc<Snapshot>>,
    (pages, plan, was_well): &(u64, Arc<Plan>, bool),
) -> bool {
    let differs = |s: &Arc<Snapshot>| {
        s.pages.generation != *pages || !Arc::ptr_eq(&s.plan, plan) || is_well(s) != *was_well
    };
    world.wait_for(differs).await.is_ok()
}

fn is_well(snapshot: &Snapshot) -> bool {
    matches!(snapshot.store, StoreState::Ready | StoreState::Memory)
}
