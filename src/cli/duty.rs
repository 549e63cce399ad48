//! Who pages, seen and told beside the engine: the lease is taken where it is free, given up where an
//! agent is there, and each change is the engine's to know.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as Moment};

use tokio::task::spawn_blocking;

use super::Context;
use super::stored;
use crate::config::Config;
use crate::domain::paging::Pager;
use crate::engine::{Handle, StoreState};
use crate::store::lease::{Candidate, Lease};

/// How often is looked: a console makes way within one of these, and is replaced within another.
const EVERY: Duration = Duration::from_secs(1);
/// Who is about to be stopped does not take it again so soon.
const REST: Duration = Duration::from_secs(3);

/// This process's part in it; cheap to clone.
#[derive(Clone)]
pub struct Duty(Arc<Mutex<Part>>);

struct Part {
    lease: Lease,
    rests_until: Option<Moment>,
}

impl Duty {
    /// On the store of a config.
    pub fn new(context: &Context, config: &Config, is_agent: bool) -> Self {
        let word = if is_agent { "agent" } else { "console" };
        let name = format!("{word} {} on {}", std::process::id(), context.around.host);
        let lease = Lease::new(&stored::location(&config.store), Candidate { name, is_agent });
        Self(Arc::new(Mutex::new(Part { lease, rests_until: None })))
    }

    /// Gives it up: a process that is stopped holds its locks and pages nobody.
    pub fn rest(&self) {
        let mut part = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        part.rests_until = Some(Moment::now() + REST);
        part.lease.look(false);
    }

    fn look(&self, wanted: bool) -> Pager {
        let mut part = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rests = part.rests_until.is_some_and(|until| Moment::now() < until);
        part.lease.look(wanted && !rests)
    }

    /// Until the engine is gone. Without a policy that governs anything and without contracts
    /// there is nothing to agree on.
    pub async fn run(self, handle: Handle) {
        let mut world = handle.watch();
        loop {
            let snapshot = world.borrow_and_update().clone();
            let watched = snapshot.plan.is_watched();
            let writes = !matches!(snapshot.store, StoreState::ReadOnly { .. });
            let wanted = watched && writes && !snapshot.site.read_only;
            let looks = self.clone();
            let Ok(pager) = spawn_blocking(move || looks.look(wanted)).await else { return };
            if snapshot.pager != pager {
                handle.report_pager(pager).await;
            }
            drop(snapshot);
            tokio::select! {
                // Another plan may have begun, or ceased, to promise anything or to page anybody.
                changed = world.wait_for(|s| s.plan.is_watched() != watched) => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = tokio::time::sleep(EVERY), if watched => {}
            }
        }
    }
}
