//! What became of the pages: the fold of their events, and what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use imbl::OrdMap;

use super::model::{ChannelId, Delivery, Event, Page, PageId};
use crate::domain::incident::IncidentId;
use crate::domain::log::Recorded;
use crate::domain::outbox::{Standing, Try};
use crate::domain::roster::PersonId;
use crate::domain::time::{Instant, Interval};

/// How long what became of a page is kept beside the log, which has it for good.
const KEPT: TimeDelta = TimeDelta::days(90);

/// The pages of the last three months, and whatever is not settled.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pages {
    /// Shared between what was and what is: a copy costs nothing.
    by_id: OrdMap<PageId, Arc<Page>>,
    /// Those on which something is still to be done.
    open: BTreeSet<PageId>,
    /// The highest number that was ever given.
    last: u64,
}

/// A try that may begin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    pub at: Instant,
    pub page: PageId,
    pub channel: ChannelId,
}

impl Pages {
    /// From what is stored; `last` is the highest number among it, of what is gone too.
    pub fn restored(pages: impl IntoIterator<Item = Page>, last: u64) -> Self {
        let by_id: OrdMap<_, Arc<Page>> =
            pages.into_iter().map(|p| (p.what.id, Arc::new(p))).collect();
        let open = by_id.values().filter(|p| !p.is_settled()).map(|p| p.what.id).collect();
        let highest = by_id.values().next_back().map_or(0, |p: &Arc<Page>| p.what.id.0);
        Self { by_id, open, last: last.max(highest) }
    }

    pub fn get(&self, id: PageId) -> Option<&Arc<Page>> {
        self.by_id.get(&id)
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Page>> {
        self.by_id.values()
    }

    /// Those about an incident, oldest first.
    pub fn about(&self, incident: IncidentId) -> impl Iterator<Item = &Arc<Page>> {
        self.iter().filter(move |p| p.what.incident == Some(incident))
    }

    /// The number that the next one gets.
    pub fn next(&self) -> PageId {
        PageId(self.last + 1)
    }

    /// The next one gets a higher number than `last`.
    pub fn go_on_after(&mut self, last: u64) {
        self.last = self.last.max(last);
    }

    /// Those on which something is still to be done.
    pub fn open(&self) -> impl Iterator<Item = &Arc<Page>> {
        self.open.iter().filter_map(|id| self.by_id.get(id))
    }

    /// What is still to be tried, the most urgent first; what is not due yet too.
    pub fn due(&self) -> Vec<Due> {
        let tries = self.open().flat_map(|page| {
            let due = |d: &Delivery| {
                let (at, channel) = (d.standing.due()?, d.channel.clone());
                Some(Due { at, page: page.what.id, channel })
            };
            page.deliveries.iter().filter_map(due).collect::<Vec<_>>()
        });
        let mut tries: Vec<Due> = tries.collect();
        tries.sort();
        tries
    }

    /// How many pages each person got in an interval. Tests do not count, nor what never arrived.
    pub fn received(&self, within: Interval) -> BTreeMap<PersonId, usize> {
        self.about_what(within).into_iter().map(|(who, about)| (who, about.len())).collect()
    }

    /// The same, with the incident of each page; `None`: it was about none.
    pub fn about_what(&self, within: Interval) -> BTreeMap<PersonId, Vec<Option<IncidentId>>> {
        let mut found: BTreeMap<PersonId, Vec<_>> = BTreeMap::new();
        let recent = self.iter().rev().take_while(|p| p.at >= within.from);
        let recent = recent.filter(|p| p.at < within.to);
        for page in recent.filter(|p| !p.what.test && p.has_arrived()) {
            found.entry(page.what.person.clone()).or_default().push(page.what.incident);
        }
        found
    }

    /// Folds one stored event; returns the pages that it touches, those that are no longer kept too.
    pub fn apply(&mut self, event: &Recorded<Event>) -> Vec<PageId> {
        let id = event.body.page();
        let mut touched = Vec::new();
        if let Event::Paged(what) = &event.body {
            touched = self.forget(event.at - KEPT);
            let waiting = |channel: &ChannelId| Delivery {
                channel: channel.clone(),
                attempts: 0,
                unsure: false,
                standing: Standing::Waiting { at: event.at },
                failed: Vec::new(),
            };
            let deliveries = what.channels.iter().map(waiting).collect();
            let (what, by) = (what.clone(), event.actor.name.clone());
            let session = event.actor.session.clone();
            let page = Page { what, at: event.at, by, session, deliveries };
            self.by_id.insert(id, Arc::new(page));
            self.last = self.last.max(id.0);
        } else if let Some(page) = self.by_id.get_mut(&id) {
            step(Arc::make_mut(page), event);
        } else {
            return touched;
        }
        if self.by_id.get(&id).is_some_and(|p| p.is_settled()) {
            self.open.remove(&id);
        } else {
            self.open.insert(id);
        }
        touched.push(id);
        touched
    }

    /// Lets go of what is settled and older; one that is not settled keeps all after it.
    fn forget(&mut self, before: Instant) -> Vec<PageId> {
        let old = self.by_id.values().take_while(|p| p.at < before && p.is_settled());
        let old: Vec<PageId> = old.map(|p| p.what.id).collect();
        for id in &old {
            self.by_id.remove(id);
        }
        old
    }
}

/// One event of a page's deliveries.
fn step(page: &mut Page, event: &Recorded<Event>) {
    let at = event.at;
    let on = |page: &mut Page, channel: &ChannelId, change: &dyn Fn(&mut Delivery)| {
        page.deliveries.iter_mut().filter(|d| d.channel == *channel).for_each(change);
    };
    match &event.body {
        Event::Paged(_) => {}
        Event::PageTryBegan { channel, attempt, until, .. } => on(page, channel, &|d| {
            // Who had it before never said what came of it.
            d.unsure |= matches!(d.standing, Standing::Trying { .. });
            d.attempts = d.attempts.max(*attempt);
            d.standing = Standing::Trying { until: *until };
        }),
        Event::PageDelivered { channel, said, .. } => on(page, channel, &|d| {
            d.standing = Standing::Delivered { at, said: said.clone() };
        }),
        Event::PageFailed { channel, attempt, why, next, unsure, .. } => on(page, channel, &|d| {
            d.unsure |= unsure;
            d.failed.push(Try { attempt: *attempt, at, why: why.clone() });
            d.standing = Standing::Waiting { at: *next };
        }),
        Event::PageGivenUp { channel, why, .. } => on(page, channel, &|d| {
            d.standing = Standing::GivenUp { at, why: why.clone() };
        }),
    }
}
