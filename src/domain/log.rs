//! The log: whatever happened, in one order. Everything that is kept is a fold of it.

use serde::{Deserialize, Serialize};

use super::calendar::CalendarEvent;
use super::incident::views::shared;
use super::incident::{Actor, Event, EventBody, IncidentId};
use super::paging;
use super::report;
use super::roster::Change;
use super::time::Instant;
use super::upstream;

/// The version of the event format that this console writes and the newest it can read. 2 added the
/// roster, the calendar and pages; 3 the whole process of incidents, escalation, orders to others and views;
/// 4 handovers and reports; 5 by which handover an incident went over, the language of a report and the records
/// behind its tables.
pub const EVENT_VERSION: u32 = 5;

/// One stored fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    Incident(Event),
    Roster(Recorded<Change>),
    Calendar(Recorded<CalendarEvent>),
    Paging(Recorded<paging::Event>),
    Upstream(Recorded<upstream::Event>),
    View(Recorded<shared::Event>),
    Report(Recorded<report::Event>),
}

/// A fact that is about no incident, with its place, its time and whose it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded<B> {
    /// As [`Event::position`].
    pub position: u64,
    /// As [`Event::at`].
    pub at: Instant,
    pub actor: Actor,
    pub body: B,
}

/// A fact before it has its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    pub at: Instant,
    pub actor: Actor,
    pub fact: Fact,
}

/// What happened, to what.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    Incident(IncidentId, EventBody),
    Roster(Change),
    Calendar(CalendarEvent),
    Paging(paging::Event),
    Upstream(upstream::Event),
    View(shared::Event),
    Report(report::Event),
}

impl NewEntry {
    /// With its place in the log, and the time that it is stored under.
    pub fn placed(self, position: u64, at: Instant) -> Entry {
        let actor = self.actor;
        match self.fact {
            Fact::Incident(incident, body) => {
                Entry::Incident(Event { position, at, actor, incident, body })
            }
            Fact::Roster(body) => Entry::Roster(Recorded { position, at, actor, body }),
            Fact::Calendar(body) => Entry::Calendar(Recorded { position, at, actor, body }),
            Fact::Paging(body) => Entry::Paging(Recorded { position, at, actor, body }),
            Fact::Upstream(body) => Entry::Upstream(Recorded { position, at, actor, body }),
            Fact::View(body) => Entry::View(Recorded { position, at, actor, body }),
            Fact::Report(body) => Entry::Report(Recorded { position, at, actor, body }),
        }
    }
}

impl Entry {
    pub fn position(&self) -> u64 {
        match self {
            Self::Incident(e) => e.position,
            Self::Roster(e) => e.position,
            Self::Calendar(e) => e.position,
            Self::Paging(e) => e.position,
            Self::Upstream(e) => e.position,
            Self::View(e) => e.position,
            Self::Report(e) => e.position,
        }
    }

    pub fn at(&self) -> Instant {
        match self {
            Self::Incident(e) => e.at,
            Self::Roster(e) => e.at,
            Self::Calendar(e) => e.at,
            Self::Paging(e) => e.at,
            Self::Upstream(e) => e.at,
            Self::View(e) => e.at,
            Self::Report(e) => e.at,
        }
    }

    pub fn actor(&self) -> &Actor {
        match self {
            Self::Incident(e) => &e.actor,
            Self::Roster(e) => &e.actor,
            Self::Calendar(e) => &e.actor,
            Self::Paging(e) => &e.actor,
            Self::Upstream(e) => &e.actor,
            Self::View(e) => &e.actor,
            Self::Report(e) => &e.actor,
        }
    }

    /// The word for what happened, as it is stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Incident(e) => e.body.kind(),
            Self::Roster(e) => e.body.kind(),
            Self::Calendar(e) => e.body.kind(),
            Self::Paging(e) => e.body.kind(),
            Self::Upstream(e) => e.body.kind(),
            Self::View(e) => e.body.kind(),
            Self::Report(e) => e.body.kind(),
        }
    }

    /// Of an incident.
    pub fn incident(&self) -> Option<&Event> {
        match self {
            Self::Incident(e) => Some(e),
            _ => None,
        }
    }

    /// A change of the roster.
    pub fn roster(&self) -> Option<&Recorded<Change>> {
        match self {
            Self::Roster(change) => Some(change),
            _ => None,
        }
    }

    /// A change of the calendar.
    pub fn calendar(&self) -> Option<&Recorded<CalendarEvent>> {
        match self {
            Self::Calendar(change) => Some(change),
            _ => None,
        }
    }

    /// Of a page.
    pub fn paging(&self) -> Option<&Recorded<paging::Event>> {
        match self {
            Self::Paging(event) => Some(event),
            _ => None,
        }
    }

    /// Of an order.
    pub fn upstream(&self) -> Option<&Recorded<upstream::Event>> {
        match self {
            Self::Upstream(event) => Some(event),
            _ => None,
        }
    }
}
