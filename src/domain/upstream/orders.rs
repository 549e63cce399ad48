//! What became of the orders: the fold of their events, and what is due.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use imbl::OrdMap;

use super::model::{Event, Order, OrderId};
use crate::domain::incident::IncidentId;
use crate::domain::log::Recorded;
use crate::domain::outbox::{Standing, Try};
use crate::domain::time::Instant;

/// How long what became of an order is kept beside the log, which has it for good.
const KEPT: TimeDelta = TimeDelta::days(90);

/// The orders of the last three months, and whatever is not settled.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Orders {
    by_id: OrdMap<OrderId, Arc<Order>>,
    /// Those on which something is still to be done.
    open: BTreeSet<OrderId>,
    /// The highest number that was ever given.
    last: u64,
}

/// A try that may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    pub at: Instant,
    pub order: OrderId,
}

impl Orders {
    /// From what is stored; `last` is the highest number among it, of what is gone too.
    pub fn restored(orders: impl IntoIterator<Item = Order>, last: u64) -> Self {
        let by_id: OrdMap<_, Arc<Order>> =
            orders.into_iter().map(|o| (o.what.id, Arc::new(o))).collect();
        let open = by_id.values().filter(|o| !o.standing.is_settled()).map(|o| o.what.id);
        let open = open.collect();
        let highest = by_id.values().next_back().map_or(0, |o: &Arc<Order>| o.what.id.0);
        Self { by_id, open, last: last.max(highest) }
    }

    pub fn get(&self, id: OrderId) -> Option<&Arc<Order>> {
        self.by_id.get(&id)
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Order>> {
        self.by_id.values()
    }

    /// Those about an incident, oldest first.
    pub fn about(&self, incident: IncidentId) -> impl Iterator<Item = &Arc<Order>> {
        self.iter().filter(move |o| o.what.incident == Some(incident))
    }

    /// The number that the next one gets.
    pub fn next(&self) -> OrderId {
        OrderId(self.last + 1)
    }

    /// Those on which something is still to be done.
    pub fn open(&self) -> impl Iterator<Item = &Arc<Order>> {
        self.open.iter().filter_map(|id| self.by_id.get(id))
    }

    /// What is still to be tried, the most urgent first; what is not due yet too.
    pub fn due(&self) -> Vec<Due> {
        let due = |o: &Arc<Order>| Some(Due { at: o.standing.due()?, order: o.what.id });
        let mut due: Vec<Due> = self.open().filter_map(due).collect();
        due.sort();
        due
    }

    /// Folds one stored event; returns the orders that it touches, those that are no longer kept too.
    pub fn apply(&mut self, event: &Recorded<Event>) -> Vec<OrderId> {
        let id = event.body.order();
        let mut touched = Vec::new();
        if let Event::Ordered(what) = &event.body {
            touched = self.forget(event.at - KEPT);
            let order = Order {
                what: what.clone(),
                at: event.at,
                by: event.actor.name.clone(),
                session: event.actor.session.clone(),
                attempts: 0,
                standing: Standing::Waiting { at: event.at },
                made: None,
                failed: Vec::new(),
            };
            self.by_id.insert(id, Arc::new(order));
            self.last = self.last.max(id.0);
        } else if let Some(order) = self.by_id.get_mut(&id) {
            step(Arc::make_mut(order), event);
        } else {
            return touched;
        }
        if self.by_id.get(&id).is_some_and(|o| o.standing.is_settled()) {
            self.open.remove(&id);
        } else {
            self.open.insert(id);
        }
        touched.push(id);
        touched
    }

    /// Drops what is old and settled.
    fn forget(&mut self, before: Instant) -> Vec<OrderId> {
        let old = self.by_id.values();
        let old = old.take_while(|o| o.at < before && o.standing.is_settled());
        let old: Vec<OrderId> = old.map(|o| o.what.id).collect();
        for id in &old {
            self.by_id.remove(id);
        }
        old
    }
}

/// One event of an order.
fn step(order: &mut Order, event: &Recorded<Event>) {
    let at = event.at;
    match &event.body {
        Event::Ordered(_) => {}
        Event::OrderTryBegan { attempt, until, .. } => {
            order.attempts = order.attempts.max(*attempt);
            order.standing = Standing::Trying { until: *until };
        }
        Event::OrderDone { said, made, .. } => {
            order.made.clone_from(made);
            order.standing = Standing::Delivered { at, said: said.clone() };
        }
        Event::OrderFailed { attempt, why, next, .. } => {
            order.failed.push(Try { attempt: *attempt, at, why: why.clone() });
            order.standing = Standing::Waiting { at: *next };
        }
        Event::OrderGivenUp { why, .. } => {
            order.standing = Standing::GivenUp { at, why: why.clone() };
        }
    }
}
