//! Making maintenance and acknowledgements known to the sources that are to know: a task for each looks
//! after what is due, at once when that changes and every half minute as long as anything is there or
//! should be. Neither the engine nor the screen waits for it.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::{mpsc, watch};

use super::edge::Task;
use crate::domain::calendar::Occurrence;
use crate::domain::calendar::mirror::due;
use crate::domain::observation::SourceName;
use crate::domain::time::{Instant, Timescale};
use crate::domain::upstream::acks::{Acknowledged, acknowledged};
use crate::engine::{Handle, Plan, Snapshot, StoreState};
use crate::sources::http_client::Clients;
use crate::sources::mirror::{About, Mirror, World};
use crate::sources::settings::SourceSettings;

/// How often is looked again, and what failed is tried again.
const EVERY: Duration = Duration::from_secs(30);

/// Changes of incidents that come together are looked at once.
const TOGETHER: Duration = Duration::from_millis(250);

/// How it goes with one source.
pub enum Told {
    /// Of what it could not be told, and why; nothing: all is well.
    Pass(SourceName, About, Vec<String>),
    /// It is told of none.
    Off(SourceName, About),
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
        let both = [About::Maintenance, About::Acknowledgements];
        for (source, about) in sources.iter().flat_map(|s| both.map(|about| (s, about))) {
            let Some(mirror) = Mirror::of(source, about, &self.clients) else {
                let _ = self.told.send(Told::Off(source.name.clone(), about)).await;
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
        let wanted = Wanted::of(&mirror, &snapshot, now);
        let mut wait = EVERY;
        // A store that may be old says nothing about what others made.
        let is_known = matches!(snapshot.store, StoreState::Ready | StoreState::Memory);
        // Nor does a calendar of which a part is not read yet.
        let awaits = || snapshot.plan.awaits(&snapshot.calendar, snapshot.started_at, now);
        let is_known = is_known && !(mirror.about == About::Maintenance && awaits());
        if is_known && (busy || !wanted.is_empty()) {
            let (due, acknowledged) = (&wanted.due, &wanted.acknowledged);
            let services = &snapshot.plan.services;
            let pass = mirror.pass(World { due, services, acknowledged, now }).await;
            busy = pass.busy;
            wait = pass.wait.unwrap_or_default().max(EVERY);
            let pass = Told::Pass(mirror.source.clone(), mirror.about, pass.troubles);
            if told.send(pass).await.is_err() {
                return;
            }
        }
        let mut seen = Seen::of(&snapshot);
        // Nothing old is held while nothing happens.
        drop(snapshot);
        let again = tokio::time::sleep(wait);
        tokio::pin!(again);
        loop {
            tokio::select! {
                is_open = changed(&mut world, &mirror, &seen) => if !is_open { return },
                () = &mut again => break,
            }
            let snapshot = world.borrow_and_update().clone();
            // Of many changes of incidents few concern it.
            let now = time.at(Utc::now());
            if mirror.about == About::Maintenance || Wanted::of(&mirror, &snapshot, now) != wanted {
                break;
            }
            seen = Seen::of(&snapshot);
            drop(snapshot);
            tokio::time::sleep(TOGETHER).await;
        }
    }
}

/// What is to be made known.
#[derive(Default, PartialEq)]
struct Wanted {
    due: Vec<Occurrence>,
    acknowledged: Vec<Acknowledged>,
}

impl Wanted {
    fn of(mirror: &Mirror, snapshot: &Snapshot, now: Instant) -> Self {
        match mirror.about {
            About::Maintenance => Self { due: due(&snapshot.calendar, now), ..Self::default() },
            About::Acknowledgements => {
                let incidents = snapshot.incidents.by_id.values().map(AsRef::as_ref);
                Self { acknowledged: acknowledged(&mirror.source, incidents), ..Self::default() }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.due.is_empty() && self.acknowledged.is_empty()
    }
}

/// What was looked at.
struct Seen {
    calendar: u64,
    plan: Arc<Plan>,
    incidents: u64,
}

impl Seen {
    fn of(snapshot: &Snapshot) -> Self {
        Self {
            calendar: snapshot.calendar.generation,
            plan: Arc::clone(&snapshot.plan),
            incidents: snapshot.incidents.generation,
        }
    }
}

/// Completes when what it is about may be another; `false`: the engine is gone.
async fn changed(world: &mut watch::Receiver<Arc<Snapshot>>, mirror: &Mirror, seen: &Seen) -> bool {
    let differs = |s: &Arc<Snapshot>| match mirror.about {
        About::Maintenance => {
            s.calendar.generation != seen.calendar || !Arc::ptr_eq(&s.plan, &seen.plan)
        }
        About::Acknowledgements => s.incidents.generation != seen.incidents,
    };
    world.wait_for(differs).await.is_ok()
}
