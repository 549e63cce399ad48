//! The dead man's switch: somebody elsewhere is told that all is well, and hears nothing when it is
//! not. What they make of the silence is theirs; it needs neither this machine nor its network.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::channels::{Address, ping};
use crate::domain::incident::IncidentId;
use crate::domain::paging::Pager;
use crate::engine::{Handle, Snapshot, StoreState};
use crate::sources::http_client::Clients;
use crate::sources::settings::HttpSettings;

/// How long the engine and the store have to say that they are well.
const PATIENCE: Duration = Duration::from_secs(10);

/// `[agent] dead_mans_switch`.
#[derive(Debug, Clone)]
pub struct DeadMansSwitch {
    pub url: Address,
    pub http: HttpSettings,
    pub every: Duration,
    /// Of one ping.
    pub timeout: Duration,
    /// A number that changes with the settings.
    pub digest: u64,
}

/// Pings while all is well, for ever; `probe` says whether the store can be written. What changes about
/// that is logged once.
pub async fn run<F>(switch: DeadMansSwitch, handle: Handle, probe: impl Fn() -> F + Send)
where
    F: Future<Output = Result<(), String>> + Send,
{
    let clients = Clients::default();
    // Who pages is known a moment after the start.
    let known = |s: &Arc<Snapshot>| !s.plan.pages() || s.pager != Pager::Unknown;
    let _ = handle.watch().wait_for(known).await;
    let mut ticks = interval(switch.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut trouble: Option<String> = None;
    loop {
        ticks.tick().await;
        let outcome = match well(&handle, probe()).await {
            Ok(()) => ping(&switch.url, &switch.http, &clients, switch.timeout).await,
            Err(why) => Err(format!("not said to be well: {why}")),
        };
        match (outcome, trouble.take()) {
            (Ok(()), Some(_)) => tracing::info!("dead man's switch: all is well again"),
            (Ok(()), None) => {}
            (Err(why), known) => {
                if known.as_ref() != Some(&why) {
                    tracing::warn!("dead man's switch: {why}");
                }
                trouble = Some(why);
            }
        }
    }
}

/// Whether somebody would be paged now if they had to be; else why not.
async fn well(
    handle: &Handle,
    probe: impl Future<Output = Result<(), String>>,
) -> Result<(), String> {
    let snapshot = handle.snapshot();
    match &snapshot.store {
        StoreState::Ready | StoreState::Memory => {}
        StoreState::ReadOnly { why } | StoreState::Failing { why, .. } => return Err(why.clone()),
    }
    match &snapshot.pager {
        _ if !snapshot.plan.pages() => {}
        Pager::Here { .. } => {}
        Pager::Other(name) => return Err(format!("{name} pages")),
        Pager::Nobody | Pager::Unknown => return Err("nobody pages".to_owned()),
    }
    let asked = async {
        // It does not exist; that the engine says so is what counts.
        let _ = handle.load(IncidentId(0)).await;
        probe.await
    };
    let answered = tokio::time::timeout(PATIENCE, asked).await;
    answered.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
}
