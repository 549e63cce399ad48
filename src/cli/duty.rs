//! Who pages, seen and told beside the engine: the lease is taken where it is free, given up where an
//! agent is there, and each change is the engine's to know.

use std::time::Duration;

use tokio::task::spawn_blocking;

use super::Context;
use super::stored;
use crate::config::Config;
use crate::domain::paging::Pager;
use crate::engine::Handle;
use crate::store::lease::{Candidate, Lease};

/// How often is looked by who has it, and by who does not.
const HELD: Duration = Duration::from_secs(1);
const AWAITED: Duration = Duration::from_millis(500);

/// The lease of this process on the store of a config.
pub fn lease(context: &Context, config: &Config, is_agent: bool) -> Lease {
    let word = if is_agent { "agent" } else { "console" };
    let name = format!("{word} {} on {}", std::process::id(), context.around.host);
    Lease::new(&stored::location(&config.store), Candidate { name, is_agent })
}

/// Until the engine is gone. Without a policy that governs anything there is nothing to agree on.
pub async fn run(handle: Handle, mut lease: Lease) {
    let mut world = handle.watch();
    loop {
        let snapshot = world.borrow_and_update().clone();
        let pages = snapshot.plan.pages();
        let wanted = pages && !snapshot.site.read_only;
        let looked = spawn_blocking(move || {
            let pager = lease.look(wanted);
            (lease, pager)
        });
        let Ok((back, pager)) = looked.await else { return };
        lease = back;
        if snapshot.pager != pager {
            handle.report_pager(pager.clone()).await;
        }
        drop(snapshot);
        let wait = match pager {
            Pager::Here { .. } => HELD,
            _ => AWAITED,
        };
        tokio::select! {
            // Another plan may have begun, or ceased, to page anybody.
            changed = world.wait_for(|s| s.plan.pages() != pages) => if changed.is_err() { return },
            () = tokio::time::sleep(wait), if pages => {}
        }
    }
}
