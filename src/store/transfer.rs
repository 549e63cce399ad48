//! Export and import as JSON lines: one header, then every event, then every incident, each word for
//! word as it is stored, so that exporting what was imported gives the same bytes.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sqlx::AnyConnection;

use super::append::{Projection, end, write_events, write_incidents};
use super::codec::{EventRow, decode, natural, open_key};
use super::read::PAGE;
use super::{Store, StoreError};
use crate::domain::incident::Incident;
use crate::domain::incident::event::EVENT_VERSION;

/// The version of the export's own format.
const FORMAT: u32 = 1;
/// Longest line that an import accepts, in bytes.
const MAX_LINE: u64 = 64 << 20;

/// How much was written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transferred {
    pub events: u64,
    pub incidents: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Atalaya(Header),
    #[serde(borrow)]
    Event(EventLine<'a>),
    #[serde(borrow)]
    Incident(IncidentLine<'a>),
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
    #[serde(borrow)]
    doc: &'a RawValue,
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
        out.flush().map_err(unwritten)?;
        Ok(count)
    }

    /// Reads an export into a store that has nothing in it yet; ids and positions stay. All or
    /// nothing.
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
        if header.version > FORMAT || header.format > i64::from(EVENT_VERSION) {
            return Err(StoreError::Refused(
                "this export was written by a newer atalaya; upgrade this one".to_owned(),
            ));
        }
        let mut count = Transferred::default();
        let mut events: Vec<EventRow> = Vec::new();
        let mut incidents: Vec<(i64, String, Incident)> = Vec::new();
        let (mut position, mut id) = (0, 0);
        loop {
            let line = lines.next()?;
            let number = count.events + count.incidents + 2;
            match &line {
                Some(Line::Event(e)) => {
                    if e.position <= position || e.position > header.head {
                        return Err(wrong(number, "its position is out of order"));
                    }
                    position = e.position;
                    let row: EventRow = (
                        e.position,
                        e.at,
                        e.incident,
                        e.writer.clone(),
                        e.actor.get().to_owned(),
                        e.body.get().to_owned(),
                    );
                    decode(self, &row).map_err(|e| wrong(number, &e.to_string()))?;
                    events.push(row);
                    count.events += 1;
                }
                Some(Line::Incident(line)) => {
                    let doc = line.doc.get();
                    let incident: Incident = serde_json::from_str(doc)
                        .map_err(|e| wrong(number, &format!("this is no incident: {e}")))?;
                    if incident.id.0 <= id || incident.version > natural(header.head) {
                        return Err(wrong(number, "its id or version is out of order"));
                    }
                    id = incident.id.0;
                    incidents.push((line.updated_at, doc.to_owned(), incident));
                    count.incidents += 1;
                }
                Some(Line::Atalaya(_)) => return Err(wrong(number, "a second header")),
                None => {}
            }
            if line.is_none() || events.len() + incidents.len() >= PAGE as usize {
                write_events(connection, &events).await.map_err(fail)?;
                let projections: Vec<_> = incidents
                    .iter()
                    .map(|(at, doc, of)| Projection {
                        of,
                        open_key: open_key(of),
                        at: *at,
                        doc: doc.clone(),
                    })
                    .collect();
                write_incidents(connection, &projections).await.map_err(fail)?;
                events.clear();
                incidents.clear();
            }
            if line.is_none() {
                break;
            }
        }
        sqlx::query(
            "UPDATE log SET head = $1, at = $2, format = $3, writer = $4 WHERE id = 1 AND head = 0",
        )
        .bind(header.head)
        .bind(header.at)
        .bind(header.format)
        .bind(env!("CARGO_PKG_VERSION"))
        .execute(&mut *connection)
        .await
        .map_err(fail)?;
        Ok(count)
    }
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
