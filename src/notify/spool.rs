//! Pages while the store cannot be written. They are decided beside it and carried out without a
//! claim, so nobody can know whether somebody else does the same: each says that it is possibly sent
//! twice. What has gone out is known to this process only.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use futures::future::join_all;
use tokio::sync::watch;

use super::channels::Courier;
use super::pager::in_the_name_of;
use crate::domain::incident::Actor;
use crate::domain::paging::message::Message;
use crate::domain::paging::{ChannelId, Command, Due, Ended, Pager, Pages};
use crate::domain::time::{Instant, Timescale};
use crate::engine::{Handle, Snapshot};

/// How many are under way at a time.
const AT_ONCE: usize = 8;
/// How often is looked while there is an outage, and how long after a failed try it is tried again.
const EVERY: Duration = Duration::from_secs(1);
const AGAIN: TimeDelta = TimeDelta::seconds(30);
/// Most tries of one page on one channel.
const TRIES: u32 = 20;

/// A page by its key, which is the same for every try and for no other page.
type Key = (String, ChannelId);

struct Sent {
    due: Due,
    attempts: u32,
    /// When it is tried again; `None`: it has arrived.
    again: Option<Instant>,
    said: String,
}

/// Carries out what cannot be stored, until the engine is gone.
pub async fn run(handle: Handle, actor: Actor, courier: watch::Receiver<Courier>, time: Timescale) {
    let mut world = handle.watch();
    let mut sent: BTreeMap<Key, Sent> = BTreeMap::new();
    loop {
        let snapshot = world.borrow_and_update().clone();
        let Some(pages) = snapshot.unstored.clone() else {
            reconcile(&handle, &actor, &snapshot, std::mem::take(&mut sent)).await;
            drop(snapshot);
            if world.wait_for(|s| s.unstored.is_some()).await.is_err() {
                return;
            }
            continue;
        };
        let now = time.at(Utc::now());
        if matches!(snapshot.pager, Pager::Here { .. }) {
            let courier = courier.borrow().clone();
            let due = due(&snapshot, &pages, &sent, now);
            let tries = due.into_iter().map(|(key, due, attempt)| {
                let message = message(&snapshot, &pages, &due, attempt);
                let courier = courier.clone();
                async move {
                    let ended = match &message {
                        Some(message) => courier.carry(message).await,
                        None => return None,
                    };
                    Some((key, due, attempt, ended))
                }
            });
            for (key, due, attempts, ended) in join_all(tries).await.into_iter().flatten() {
                let (again, said) = told(&due, attempts, ended, now);
                sent.insert(key, Sent { due, attempts, again, said });
            }
        }
        drop((snapshot, pages));
        tokio::select! {
            changed = world.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(time.ours(EVERY)) => {}
        }
    }
}

/// What is to be tried now, with the number of the try.
fn due(
    snapshot: &Snapshot,
    pages: &Pages,
    sent: &BTreeMap<Key, Sent>,
    now: Instant,
) -> Vec<(Key, Due, u32)> {
    let has = |channel: &ChannelId| snapshot.plan.channels.iter().any(|c| c.id == *channel);
    let open = pages.due().into_iter().filter(|due| due.at <= now && has(&due.channel));
    let with_key = open.filter_map(|due| {
        let key = (pages.get(due.page)?.key(&due.channel), due.channel.clone());
        let attempt = match sent.get(&key) {
            None => 1,
            Some(Sent { attempts, again: Some(at), .. }) if *at <= now && *attempts < TRIES => {
                attempts + 1
            }
            Some(_) => return None,
        };
        Some((key, due, attempt))
    });
    with_key.take(AT_ONCE).collect()
}

fn message(snapshot: &Snapshot, pages: &Pages, due: &Due, attempt: u32) -> Option<Message> {
    let page = pages.get(due.page)?;
    let person = snapshot.plan.roster.person(&page.what.person);
    let this = (&*due.channel, attempt, true);
    let site = &snapshot.plan.site;
    let site = (site.name.as_str(), site.command.as_str());
    let mut message = Message::of(page, person.map(AsRef::as_ref), site, this);
    // Its number may be another one's when it is stored.
    if let Some(id) = message.incident.filter(|id| snapshot.incidents.get(*id).is_none()) {
        message.incident = None;
        site.1.clone_into(&mut message.open);
        let told = format!("{id} could not be stored: it may have another number later.");
        let details = [message.details.as_str(), &told].join("\n");
        details.trim().clone_into(&mut message.details);
    }
    Some(message)
}

fn told(due: &Due, attempt: u32, ended: Ended, now: Instant) -> (Option<Instant>, String) {
    let (page, channel) = (due.page, &due.channel);
    match ended {
        Ended::Delivered { said } => {
            tracing::warn!("{page} by {channel}, which is not stored: delivered ({said})");
            (None, said)
        }
        Ended::Failed { why, .. } => {
            tracing::warn!("{page} by {channel}, which is not stored, try {attempt}: {why}");
            (Some(now + AGAIN), why)
        }
    }
}

/// The store is well again: of pages that it knew before, it is told which have arrived.
async fn reconcile(handle: &Handle, actor: &Actor, world: &Snapshot, sent: BTreeMap<Key, Sent>) {
    for ((key, channel), Sent { due, attempts, again, said }) in sent {
        let known = world.pages.get(due.page).is_some_and(|page| page.key(&channel) == key);
        if !known || again.is_some() {
            continue;
        }
        let said = format!("while the store could not be written: {said}");
        let ended = Ended::Delivered { said };
        let end = Command::End { page: due.page, channel, attempt: attempts, ended };
        let command = crate::domain::command::Command::Paging(end);
        let _ = handle.ask(in_the_name_of(actor), command).await;
    }
}
