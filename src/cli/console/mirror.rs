//! Making maintenance known to the sources that are to know: a task for each looks after what is due,
//! at once when the calendar changes and every half minute as long as anything is there or should be.
//! Neither the engine nor the screen waits for it.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::{mpsc, watch};

use super::edge::Task;
use crate::domain::calendar::mirror::due;
use crate::domain::observation::SourceName;
use crate::domain::time::Timescale;
use crate::engine::{Handle, Plan, Snapshot, StoreState};
use crate::sources::http_client::Clients;
use crate::sources::mirror::{Mirror, World};
use crate::sources::settings::SourceSettings;

/// How often is looked again, and what failed is tried again.
const EVERY: Duration = Duration::from_secs(30);

/// How it goes with one source.
pub enum Told {
    /// What it could not be told of maintenance, and why; nothing: all is well.
    Pass(SourceName, Vec<String>),
    /// It is told of none.
    Off(SourceName),
}

/// The mirrors that run; they end when this is dropped.
pub struct Mirrors {
    handle: Handle,
    time: Timescale,
    told: mpsc::Sender<Told>,
    clients: Clients,
    running: Vec<Task>,
}

impl Mirrors {
    /// Nothing runs yet; see [`Mirrors::set`].
    pub fn new(handle: Handle, time: Timescale, told: mpsc::Sender<Told>) -> Self {
        Self { handle, time, told, clients: Clients::default(), running: Vec::new() }
    }

    /// From now on those of these sources. What is there is known by its tag, so that any of them
    /// can begin anew at any time. A console that only reads has none.
    pub async fn set(&mut self, sources: &[SourceSettings]) {
        self.running.clear();
        let site = self.handle.snapshot().site.clone();
        if site.read_only || site.demo {
            return;
        }
        for source in sources {
            let Some(mirror) = Mirror::of(source, &self.clients) else {
                let _ = self.told.send(Told::Off(source.name.clone())).await;
                continue;
            };
            let watching = self.handle.watch();
            let run = run(mirror, watching, self.time, self.told.clone());
            self.running.push(Task::spawn(run));
        }
    }
}

async fn run(
    mirror: Mirror,
    mut world: watch::Receiver<Arc<Snapshot>>,
    time: Timescale,
    told: mpsc::Sender<Told>,
) {
    // What the console before left behind is looked at once, whatever is due.
    let mut busy = true;
    loop {
        let snapshot = world.borrow_and_update().clone();
        let now = time.at(Utc::now());
        let due = due(&snapshot.calendar, now);
        let mut wait = EVERY;
        // A calendar that may be old says nothing about what others made.
        let is_known = matches!(snapshot.store, StoreState::Ready | StoreState::Memory);
        // Nor does one of which a part is not read yet.
        let is_known =
            is_known && !snapshot.plan.awaits(&snapshot.calendar, snapshot.started_at, now);
        if is_known && (busy || !due.is_empty()) {
            let services = &snapshot.plan.services;
            let pass = mirror.pass(World { due: &due, services, now }).await;
            busy = pass.busy;
            wait = pass.wait.unwrap_or_default().max(EVERY);
            let pass = Told::Pass(mirror.source.clone(), pass.troubles);
            if told.send(pass).await.is_err() {
                return;
            }
        }
        let seen = (snapshot.calendar.generation, Arc::clone(&snapshot.plan));
        // Nothing old is held while nothing happens.
        drop(snapshot);
        tokio::select! {
            is_open = changed(&mut world, &seen) => if !is_open { return },
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Completes when the calendar or the plan is another; `false`: the engine is gone.
async fn changed(world: &mut watch::Receiver<Arc<Snapshot>>, seen: &(u64, Arc<Plan>)) -> bool {
    let differs =
        |s: &Arc<Snapshot>| s.calendar.generation != seen.0 || !Arc::ptr_eq(&s.plan, &seen.1);
    world.wait_for(differs).await.is_ok()
}
