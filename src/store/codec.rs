//! Rows to facts and back.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::domain::incident::{EventBody, Incident, IncidentId};
use crate::domain::log::{EVENT_VERSION, Entry, Fact, NewEntry};
use crate::domain::time::Instant;

/// `position, at, incident, writer, actor, body`; `incident` is 0 where it is about none.
pub(super) type EventRow = (i64, i64, i64, String, String, String);

/// What every stored event begins with.
#[derive(Deserialize)]
struct Head {
    kind: String,
    v: u32,
    /// What it is about, if not an incident.
    #[serde(default)]
    about: Option<String>,
}

#[derive(Serialize)]
struct Body<'a, B> {
    v: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<&'static str>,
    #[serde(flatten)]
    fact: &'a B,
}

const ROSTER: &str = "roster";
const CALENDAR: &str = "calendar";
const PAGING: &str = "paging";
const UPSTREAM: &str = "upstream";
const VIEW: &str = "view";
const REPORT: &str = "report";

/// An event as its row.
pub(super) fn encode(entry: &Entry) -> Result<EventRow, serde_json::Error> {
    let (incident, body) = match entry {
        Entry::Incident(e) => (e.incident.0, body(None, &e.body)?),
        Entry::Roster(e) => (0, body(Some(ROSTER), &e.body)?),
        Entry::Calendar(e) => (0, body(Some(CALENDAR), &e.body)?),
        Entry::Paging(e) => (0, body(Some(PAGING), &e.body)?),
        Entry::Upstream(e) => (0, body(Some(UPSTREAM), &e.body)?),
        Entry::View(e) => (0, body(Some(VIEW), &e.body)?),
        Entry::Report(e) => (0, body(Some(REPORT), &e.body)?),
    };
    Ok((
        int(entry.position()),
        millis(entry.at()),
        int(incident),
        env!("CARGO_PKG_VERSION").to_owned(),
        serde_json::to_string(entry.actor())?,
        body,
    ))
}

fn body(about: Option<&'static str>, fact: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Body { v: EVENT_VERSION, about, fact })
}

/// A row as its event. An event that a newer console wrote is refused by name.
pub(super) fn decode(store: &Store, row: &EventRow) -> Result<Entry, StoreError> {
    let (position, at, incident, writer, actor, body) = row;
    let failed = |e: serde_json::Error| match serde_json::from_str::<Head>(body) {
        // A kind that is unknown here although the format is: the same as a newer format.
        Ok(head) if e.to_string().contains("unknown variant") => {
            newer(store, writer, format!("event {position} is of the unknown kind {:?}", head.kind))
        }
        _ => StoreError::Failed {
            store: store.to_string(),
            doing: "read an event",
            reason: format!("event {position} makes no sense ({e})"),
            remedy: "export what can be read and restore a backup".to_owned(),
        },
    };
    let head: Head = serde_json::from_str(body).map_err(failed)?;
    if head.v > EVENT_VERSION {
        let reason = format!("event {position} is of format {}", head.v);
        return Err(newer(store, writer, reason));
    }
    let fact = match head.about.as_deref() {
        None => {
            let body: EventBody = serde_json::from_str(body).map_err(failed)?;
            Fact::Incident(IncidentId(natural(*incident)), body)
        }
        Some(ROSTER) => Fact::Roster(serde_json::from_str(body).map_err(failed)?),
        Some(CALENDAR) => Fact::Calendar(serde_json::from_str(body).map_err(failed)?),
        Some(PAGING) => Fact::Paging(serde_json::from_str(body).map_err(failed)?),
        Some(UPSTREAM) => Fact::Upstream(serde_json::from_str(body).map_err(failed)?),
        Some(VIEW) => Fact::View(serde_json::from_str(body).map_err(failed)?),
        Some(REPORT) => Fact::Report(serde_json::from_str(body).map_err(failed)?),
        Some(other) => {
            let reason = format!("event {position} is about {other:?}, which is unknown here");
            return Err(newer(store, writer, reason));
        }
    };
    let actor = serde_json::from_str(actor).map_err(failed)?;
    let at = instant(*at);
    Ok(NewEntry { at, actor, fact }.placed(natural(*position), at))
}

pub(super) fn newer(store: &Store, writer: &str, reason: String) -> StoreError {
    StoreError::Newer { store: store.to_string(), writer: writer.to_owned(), reason }
}

/// The key of an open incident as it stands in the unique index; `None` once it is not open.
/// PostgreSQL bounds what an index may hold, so a long key ends in a hash of the whole.
pub(super) fn open_key(incident: &Incident) -> Option<String> {
    const LONGEST: usize = 1_000;
    let key = &incident.key;
    if !incident.is_open() {
        return None;
    }
    if key.len() <= LONGEST && !key.contains('\0') {
        return Some(key.clone());
    }
    // FNV-1a, 128 bits.
    let hash = key.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |h, b| {
        (h ^ u128::from(b)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    let start: String = key.chars().filter(|c| *c != '\0').take(LONGEST / 8).collect();
    Some(format!("{start}#{hash:032x}"))
}

/// The same instant without what the store does not keep.
pub fn to_millis(at: Instant) -> Instant {
    instant(millis(at))
}

pub(super) fn millis(at: Instant) -> i64 {
    at.timestamp_millis()
}

pub(super) fn instant(millis: i64) -> Instant {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

pub(super) fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn natural(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
