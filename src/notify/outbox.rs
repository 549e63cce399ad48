//! The task beside the engine that carries out what was stored to be sent: what is due is claimed and
//! tried, a few at a time, and neither the screen nor the engine waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use chrono::Utc;
use tokio::task::JoinSet;

use crate::domain::command::{Outcome, Verdict};
use crate::domain::time::{Instant, Timescale};
use crate::engine::{Handle, Snapshot, StoreState};

/// How many tries are under way at a time.
const AT_ONCE: usize = 8;
/// What could not be claimed is left alone for so long.
const REST: Duration = Duration::from_secs(2);
/// How often, and how many times, is tried to store what came of a try. After that the claim ends,
/// and it is tried again.
const STORE_AGAIN: Duration = Duration::from_secs(2);
const STORE_TIMES: usize = 30;

/// Where what is to be sent stands in a snapshot.
pub struct Outbox<K> {
    /// The number of its last change.
    pub generation: fn(&Snapshot) -> u64,
    /// What is still to be tried and can be from here, and when.
    pub due: fn(&Snapshot) -> Vec<(Instant, K)>,
}

/// Carries out what becomes due, until the engine is gone. `attempt` says whether the try was ours to
/// make. A console that only reads does nothing; of a store that cannot be written nothing can be
/// claimed.
pub async fn carry_out<K, F>(
    handle: &Handle,
    time: Timescale,
    outbox: Outbox<K>,
    attempt: impl Fn(K) -> F,
) where
    K: Ord + Clone + Send + 'static,
    F: Future<Output = bool> + Send + 'static,
{
    if handle.snapshot().site.read_only {
        return;
    }
    let mut world = handle.watch();
    let mut tries: JoinSet<(K, bool)> = JoinSet::new();
    let mut under_way: BTreeSet<K> = BTreeSet::new();
    let mut resting: BTreeMap<K, Moment> = BTreeMap::new();
    loop {
        let snapshot = world.borrow_and_update().clone();
        let now = time.at(Utc::now());
        resting.retain(|_, until| *until > Moment::now());
        let mut next: Option<Duration> = None;
        let mut sooner = |wait: Duration| next = Some(next.map_or(wait, |known| known.min(wait)));
        let due = if is_well(&snapshot) { (outbox.due)(&snapshot) } else { Vec::new() };
        for (at, this) in due {
            if under_way.contains(&this) {
                continue;
            }
            if at > now {
                sooner(time.ours((at - now).to_std().unwrap_or_default()));
                continue;
            }
            if under_way.len() >= AT_ONCE || resting.contains_key(&this) {
                sooner(REST);
                continue;
            }
            under_way.insert(this.clone());
            let work = attempt(this.clone());
            tries.spawn(async move { (this, work.await) });
        }
        let (generation, plan) = ((outbox.generation)(&snapshot), Arc::clone(&snapshot.plan));
        let was_well = is_well(&snapshot);
        drop(snapshot);
        let differs = |s: &Arc<Snapshot>| {
            (outbox.generation)(s) != generation
                || !Arc::ptr_eq(&s.plan, &plan)
                || is_well(s) != was_well
        };
        tokio::select! {
            changed = world.wait_for(differs) => if changed.is_err() { return },
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

/// Stores what came of a try, as often as it takes, for a while.
pub async fn store<F: Future<Output = Option<Outcome>>>(ask: impl Fn() -> F) {
    for _ in 0..STORE_TIMES {
        let is_known = ask()
            .await
            .is_some_and(|o| matches!(o.verdict, Verdict::Done { .. } | Verdict::Already { .. }));
        if is_known {
            return;
        }
        tokio::time::sleep(STORE_AGAIN).await;
    }
}

fn is_well(snapshot: &Snapshot) -> bool {
    matches!(snapshot.store, StoreState::Ready | StoreState::Memory)
}
