//! Rows to facts and back.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::domain::incident::event::EVENT_VERSION;
use crate::domain::incident::{Event, EventBody, Incident, IncidentId};
use crate::domain::time::Instant;

/// `position, at, incident, writer, actor, body`
pub(super) type EventRow = (i64, i64, i64, String, String, String);

/// What every stored event begins with.
#[derive(Deserialize)]
struct Head {
    kind: String,
    v: u32,
}

#[derive(Serialize)]
struct Body<'a> {
    v: u32,
    #[serde(flatten)]
    body: &'a EventBody,
}

/// An event as its row.
pub(super) fn encode(event: &Event) -> Result<EventRow, serde_json::Error> {
    let body = Body { v: EVENT_VERSION, body: &event.body };
    Ok((
        int(event.position),
        millis(event.at),
        int(event.incident.0),
        env!("CARGO_PKG_VERSION").to_owned(),
        serde_json::to_string(&event.actor)?,
        serde_json::to_string(&body)?,
    ))
}

/// A row as its event. An event that a newer console wrote is refused by name.
pub(super) fn decode(store: &Store, row: &EventRow) -> Result<Event, StoreError> {
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
    Ok(Event {
        position: natural(*position),
        at: instant(*at),
        actor: serde_json::from_str(actor).map_err(failed)?,
        incident: IncidentId(natural(*incident)),
        body: serde_json::from_str(body).map_err(failed)?,
    })
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
