//! Export and import as JSON lines: one header, then every event, every incident and what objectives
//! measured, each word for word as it is stored, so that exporting what was imported gives the same bytes.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use chrono::Datelike;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sqlx::AnyConnection;

use super::append::{Projection, document, end, write_events, write_incidents, write_records};
use super::codec::{EventRow, decode, instant, millis, open_key};
use super::read::PAGE;
use super::records::Made;
use super::{Store, StoreError};
use crate::domain::incident::lifecycle::fold;
use crate::domain::incident::{Event, EventBody, Incident, IncidentId};
use crate::domain::log::{EVENT_VERSION, Entry};
use crate::domain::slo::{Series, pack};
use crate::domain::text;
use crate::domain::time::Instant;

/// The version of the export's own format. 2 added what objectives measured.
const FORMAT: u32 = 2;
const ROLLUP: &str = "INSERT INTO rollups (objective, day, version, doc) VALUES ($1, $2, 1, $3)";
/// The largest position or id: every reader of JSON knows whole numbers up to here.
const MAX_NUMBER: i64 = 1 << 53;
/// The longest name under which an objective is kept, and the last day, as a number since 1970.
const MAX_OBJECTIVE: usize = 400;
const LAST_DAY: i64 = 100_000;
/// Longest line that an import accepts, in bytes.
const MAX_LINE: u64 = 64 << 20;

/// How much was written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transferred {
    pub events: u64,
    pub incidents: u64,
    /// Days of objectives.
    pub days: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Atalaya(Header),
    #[serde(borrow)]
    Event(EventLine<'a>),
    #[serde(borrow)]
    Incident(IncidentLine<'a>),
    Rollup(RollupLine),
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    /// Where the log ends, and when its last event happened, in milliseconds since 1970.
    head: i64,
    at: i64,
    /// The newest event format in it.
    format: i64,
}

#[derive(Serialize, Deserialize)]
struct EventLine<'a> {
    position: i64,
    at: i64,
    incident: i64,
    writer: String,
    #[serde(borrow)]
    actor: &'a RawValue,
    #[serde(borrow)]
    body: &'a RawValue,
}

#[derive(Serialize, Deserialize)]
struct IncidentLine<'a> {
    updated_at: i64,
    /// For other readers: an import makes it again.
    #[serde(borrow)]
    doc: &'a RawValue,
}

/// A day of what an objective measured.
#[derive(Serialize, Deserialize)]
struct RollupLine {
    objective: String,
    day: i64,
    doc: String,
}

impl RollupLine {
    fn is_sound(&self) -> bool {
        self.objective.len() <= MAX_OBJECTIVE
            && text::clean(&self.objective, MAX_OBJECTIVE) == self.objective
            && (0..=LAST_DAY).contains(&self.day)
            && pack::read(&self.doc, self.day, &mut Series::default()).is_some()
    }
}

impl Store {
    /// Writes everything, as it is at one moment.
    ///
    /// # Errors
    /// The store cannot be read, or `out` not be written.
    pub async fn export(&self, out: &mut (dyn Write + Send)) -> Result<Transferred, StoreError> {
        let fail = |e| self.explain("be exported", &e);
        let unwritten = |e: io::Error| StoreError::Refused(format!("the export stopped: {e}"));
        let mut tx = self.pool.begin_with(self.location.begin_read()).await.map_err(fail)?;
        let (head, at, format): (i64, i64, i64) =
            sqlx::query_as("SELECT head, at, format FROM log WHERE id = 1")
                .fetch_one(&mut *tx)
                .await
                .map_err(fail)?;
        put(out, &Line::Atalaya(Header { version: FORMAT, head, at, format }))
            .map_err(unwritten)?;
        let mut count = Transferred::default();
        let mut after = 0;
        loop {
            let rows: Vec<EventRow> = sqlx::query_as(
                "SELECT position, at, incident, writer, actor, body FROM events \
                 WHERE position > $1 ORDER BY position LIMIT 1000",
            )
            .bind(after)
            .fetch_all(&mut *tx)
            .await
            .map_err(fail)?;
            for (position, at, incident, writer, actor, body) in &rows {
                let line = Line::Event(EventLine {
                    position: *position,
                    at: *at,
                    incident: *incident,
                    writer: writer.clone(),
                    actor: raw(self, actor)?,
                    body: raw(self, body)?,
                });
                put(out, &line).map_err(unwritten)?;
                after = *position;
                count.events += 1;
            }
            if (rows.len() as i64) < PAGE {
                break;
            }
        }
        let mut after = 0;
        loop {
            let rows: Vec<(i64, i64, String)> = sqlx::query_as(
                "SELECT id, updated_at, doc FROM incidents WHERE id > $1 ORDER BY id LIMIT 1000",
            )
            .bind(after)
            .fetch_all(&mut *tx)
            .await
            .map_err(fail)?;
            for (id, updated_at, doc) in &rows {
                let line = IncidentLine { updated_at: *updated_at, doc: raw(self, doc)? };
                put(out, &Line::Incident(line)).map_err(unwritten)?;
                after = *id;
                count.incidents += 1;
            }
            if (rows.len() as i64) < PAGE {
                break;
            }
        }
        let (mut objective, mut day) = (String::new(), -1);
        loop {
            let rows: Vec<(String, i64, String)> = sqlx::query_as(
                "SELECT objective, day, doc FROM rollups \
                 WHERE objective > $1 OR (objective = $1 AND day > $2) \
                 ORDER BY objective, day LIMIT 1000",
            )
            .bind(&objective)
            .bind(day)
            .fetch_all(&mut *tx)
            .await
            .map_err(fail)?;
            let whole = (rows.len() as i64) < PAGE;
            for (of, number, doc) in rows {
                (objective, day) = (of.clone(), number);
                let line = RollupLine { objective: of, day: number, doc };
                // What makes no sense is left out when it is read, too.
                if line.is_sound() {
                    put(out, &Line::Rollup(line)).map_err(unwritten)?;
                    count.days += 1;
                }
            }
            if whole {
                break;
            }
        }
        out.flush().map_err(unwritten)?;
        Ok(count)
    }

    /// Reads an export into a store that has nothing in it yet; ids and positions stay. The incidents
    /// are made again from the events. All or nothing.
    ///
    /// # Errors
    /// The store has something in it, a line is not what [`Self::export`] writes (with its number),
    /// or a newer console wrote it.
    pub async fn import(
        &self,
        input: &mut (dyn BufRead + Send),
    ) -> Result<Transferred, StoreError> {
        self.writable()?;
        let fail = |e| self.explain("be imported into", &e);
        let mut connection = self.pool.acquire().await.map_err(fail)?;
        self.begin(&mut connection).await.map_err(fail)?;
        let imported = self.import_on(&mut connection, input).await;
        let ended = end(&mut connection, imported.is_ok()).await.map_err(fail);
        imported.and_then(|count| ended.map(|()| count))
    }

    async fn import_on(
        &self,
        connection: &mut AnyConnection,
        input: &mut (dyn BufRead + Send),
    ) -> Result<Transferred, StoreError> {
        let fail = |e| self.explain("be imported into", &e);
        let (head, incidents): (i64, i64) =
            sqlx::query_as("SELECT head, (SELECT COUNT(*) FROM incidents) FROM log WHERE id = 1")
                .fetch_one(&mut *connection)
                .await
                .map_err(fail)?;
        if head > 0 || incidents > 0 {
            return Err(StoreError::Refused(format!(
                "the store {self} has {incidents} incidents already; import into an empty one, \
                 chosen with --store"
            )));
        }

        let mut lines = Lines { input, buffer: Vec::new(), number: 0 };
        let Some(Line::Atalaya(header)) = lines.next()? else {
            return Err(wrong(1, "an export begins with {\"atalaya\":…}"));
        };
        if !(0..=MAX_NUMBER).contains(&header.head) || header.format < 0 {
            return Err(wrong(1, "its head or format is out of range"));
        }
        if header.version > FORMAT || header.format > i64::from(EVENT_VERSION) {
            return Err(StoreError::Refused(
                "this export was written by a newer atalaya; upgrade this one".to_owned(),
            ));
        }
        let mut replay = Replay::default();
        let mut rows: Vec<EventRow> = Vec::new();
        let (mut counted, mut days) = (0, 0);
        loop {
            let line = lines.next()?;
            let number = replay.position.unsigned_abs() + counted + days + 2;
            match &line {
                Some(Line::Event(e)) => {
                    rows.push(replay.add(self, e).map_err(|why| wrong(number, &why))?);
                }
                // What it says is not taken on trust: its events say the same.
                Some(Line::Incident(_)) => counted += 1,
                Some(Line::Rollup(line)) => {
                    if !line.is_sound() {
                        return Err(wrong(number, "it is no day of an objective"));
                    }
                    sqlx::query(ROLLUP)
                        .bind(&line.objective)
                        .bind(line.day)
                        .bind(&line.doc)
                        .execute(&mut *connection)
                        .await
                        .map_err(fail)?;
                    days += 1;
                }
                Some(Line::Atalaya(_)) => return Err(wrong(number, "a second header")),
                None => {}
            }
            if line.is_none() || rows.len() >= PAGE as usize {
                write_events(connection, &rows).await.map_err(fail)?;
                rows.clear();
            }
            if line.is_none() {
                break;
            }
        }
        if header.head != replay.position {
            return Err(wrong(1, "the events do not end where it says; the export is not whole"));
        }
        if counted > replay.incidents.len() as u64 {
            return Err(StoreError::Refused("there are incidents without events".to_owned()));
        }
        let count = Transferred {
            events: replay.position.unsigned_abs(),
            incidents: replay.incidents.len() as u64,
            days,
        };
        let incidents: Vec<(&Incident, i64)> =
            replay.incidents.values().map(|(incident, at)| (incident, *at)).collect();
        for page in incidents.chunks(PAGE as usize) {
            let projections = page
                .iter()
                .map(|(of, at)| {
                    Ok(Projection { of, open_key: open_key(of), at: *at, doc: document(of)? })
                })
                .collect::<Result<Vec<_>, serde_json::Error>>()
                .map_err(|e| StoreError::Refused(format!("an incident cannot be stored: {e}")))?;
            write_incidents(connection, &projections).await.map_err(fail)?;
        }
        write_records(connection, &replay.made.records()).await.map_err(fail)?;
        sqlx::query(
            "UPDATE log SET head = $1, at = $2, format = $3, writer = $4 WHERE id = 1 AND head = 0",
        )
        .bind(replay.position)
        .bind(replay.at)
        .bind(header.format)
        .bind(env!("CARGO_PKG_VERSION"))
        .execute(&mut *connection)
        .await
        .map_err(fail)?;
        Ok(count)
    }
}

/// What the events of an import make, so far.
#[derive(Default)]
struct Replay {
    /// Of the last event, and when it happened.
    position: i64,
    at: i64,
    /// By id, with the time of the last change.
    incidents: BTreeMap<IncidentId, (Incident, i64)>,
    made: Made,
}

impl Replay {
    /// Checks and folds the next event; gives it back as its row.
    fn add(&mut self, store: &Store, line: &EventLine<'_>) -> Result<EventRow, String> {
        if line.position != self.position + 1 || line.position > MAX_NUMBER {
            return Err("its position is out of order".to_owned());
        }
        if !is_sane(instant(line.at)) || millis(instant(line.at)) != line.at || line.at < self.at {
            return Err("its time is out of order".to_owned());
        }
        if !(0..=MAX_NUMBER).contains(&line.incident) {
            return Err("its incident's number is out of range".to_owned());
        }
        let row: EventRow = (
            line.position,
            line.at,
            line.incident,
            text::clean(&line.writer, 60),
            harmless(line.actor)?,
            harmless(line.body)?,
        );
        match decode(store, &row).map_err(|e| e.to_string())? {
            Entry::Incident(event) => self.add_to_incident(&event, line.at)?,
            _ if line.incident != 0 => {
                return Err(
                    "what is about the roster, the calendar or a page has no incident's number"
                        .to_owned(),
                );
            }
            other => self.made.fold(&other),
        }
        (self.position, self.at) = (line.position, line.at);
        Ok(row)
    }

    fn add_to_incident(&mut self, event: &Event, at: i64) -> Result<(), String> {
        if event.incident.0 == 0 {
            return Err("its incident's number is out of range".to_owned());
        }
        let known = self.incidents.get(&event.incident).map(|(incident, _)| incident);
        if known.is_some() == matches!(event.body, EventBody::Opened(_)) {
            return Err(format!("{} is to be opened once, and first", event.incident));
        }
        if let Some(incident) = fold(known, event) {
            let changed = incident.version == event.position;
            let before = self.incidents.get(&event.incident).map(|(_, at)| *at);
            let at = before.filter(|_| !changed).unwrap_or(at);
            self.incidents.insert(event.incident, (incident, at));
        }
        Ok(())
    }
}

/// A document whose instants are of our times and whose texts are harmless: word for word as it is,
/// if it was so already.
fn harmless(raw: &RawValue) -> Result<String, String> {
    let mut value: Value = serde_json::from_str(raw.get()).map_err(|e| e.to_string())?;
    let changed = tame(&mut value, false)?;
    Ok(if changed { value.to_string() } else { raw.get().to_owned() })
}

/// Cleans every text; returns whether that changed one. `free`: what people and servers write, in
/// which nothing is read as an instant.
fn tame(value: &mut Value, free: bool) -> Result<bool, String> {
    /// By these incidents and alerts are told apart; they are never shown.
    const IDENTITIES: [&str; 2] = ["key", "fingerprint"];
    const FREE: [&str; 9] =
        ["labels", "annotations", "title", "text", "reason", "what", "summary", "note", "plan"];
    let mut changed = false;
    match value {
        Value::String(was) => {
            if !free && was.parse::<Instant>().is_ok_and(|at| !is_sane(at)) {
                return Err(format!("the instant {:?} is out of range", text::clean(was, 60)));
            }
            let now = text::clean_text(was, usize::MAX);
            changed = now != *was;
            *was = now;
        }
        Value::Array(list) => {
            for item in list {
                changed |= tame(item, free)?;
            }
        }
        Value::Object(fields) => {
            let hostile: Vec<String> =
                fields.keys().filter(|k| text::clean(k, usize::MAX) != **k).cloned().collect();
            for key in hostile {
                changed = true;
                if let Some(value) = fields.remove(&key) {
                    fields.insert(text::clean(&key, usize::MAX), value);
                }
            }
            for (key, item) in fields.iter_mut() {
                let key = key.as_str();
                if free || !IDENTITIES.contains(&key) {
                    changed |= tame(item, free || FREE.contains(&key))?;
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(changed)
}

/// Whether it is between 1970 and 2200: what reckons with instants can add any duration to those.
fn is_sane(at: Instant) -> bool {
    (1970..2200).contains(&at.year())
}

fn put(out: &mut (dyn Write + Send), line: &Line<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

fn raw<'a>(store: &Store, text: &'a str) -> Result<&'a RawValue, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Failed {
        store: store.to_string(),
        doing: "be exported",
        reason: format!("a document in it is not JSON ({e})"),
        remedy: "restore a backup".to_owned(),
    })
}

/// The lines of an export, one at a time, with their numbers.
struct Lines<'a> {
    input: &'a mut (dyn BufRead + Send),
    buffer: Vec<u8>,
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Line<'_>>, StoreError> {
        self.buffer.clear();
        self.number += 1;
        let number = self.number;
        let read = io::Read::take(&mut *self.input, MAX_LINE)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|e| wrong(number, &e.to_string()))?;
        if read == 0 {
            return Ok(None);
        }
        serde_json::from_slice(&self.buffer)
            .map(Some)
            .map_err(|e| wrong(number, &format!("this is not what export writes: {e}")))
    }
}

fn wrong(number: u64, why: &str) -> StoreError {
    StoreError::Refused(format!("line {number}: {why}"))
}
