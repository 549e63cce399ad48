//! Compare-and-append: the only way in which the store changes.

use std::fmt::Write;
use std::sync::Arc;

use sqlx::{AnyConnection, AssertSqlSafe, Executor};

use super::codec::{EventRow, encode, int, millis, open_key};
use super::error::{full, has_no_room, sqlite_code};
use super::file::Identity;
use super::{Location, Record, Store, StoreError};
use crate::domain::incident::Incident;
use crate::domain::log::{EVENT_VERSION, Entry};

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Append {
    /// Committed: it survives a crash from here on.
    Stored,
    /// Somebody else appended first; nothing was stored. Read the delta and decide again.
    Behind,
}

/// Rows of one `INSERT`. More would be slower: SQLite looks each placeholder up by walking a list.
const CHUNK: usize = 16;
/// Appends of more rows than this give the page cache back afterwards.
const LARGE: usize = 4_096;

const EVENTS: Insert = Insert {
    columns: 6,
    before: "INSERT INTO events (position, at, incident, writer, actor, body) VALUES ",
    after: "",
};

const RECORDS: Insert = Insert {
    columns: 4,
    before: "INSERT INTO records (kind, id, version, doc) VALUES ",
    after: " ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, doc = excluded.doc",
};

const INCIDENTS: Insert = Insert {
    columns: 9,
    before: "INSERT INTO incidents (id, version, state, priority, service, open_key, opened_at, \
             updated_at, doc) VALUES ",
    after: " ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state, \
            priority = excluded.priority, service = excluded.service, \
            open_key = excluded.open_key, opened_at = excluded.opened_at, \
            updated_at = excluded.updated_at, doc = excluded.doc",
};

impl Store {
    /// Appends `events`, whose positions follow each other, if the log ends right before the first
    /// one; `incidents` and `records` are what they make of whatever they touch. One transaction.
    ///
    /// # Errors
    /// Nothing was stored: the disk is full, the database is away, another process blocks it.
    pub async fn append(
        &self,
        events: &[Entry],
        incidents: &[Arc<Incident>],
        records: &[Record],
    ) -> Result<Append, StoreError> {
        let Some(first) = events.first() else { return Ok(Append::Stored) };
        self.writable()?;
        let senseless = |e: serde_json::Error| StoreError::Failed {
            store: self.to_string(),
            doing: "write an event",
            reason: e.to_string(),
            remedy: "report this as a defect".to_owned(),
        };
        let rows = events.iter().map(encode).collect::<Result<Vec<_>, _>>().map_err(senseless)?;
        let docs = incidents
            .iter()
            .map(|i| {
                let at =
                    i.version.checked_sub(first.position()).and_then(|n| events.get(n as usize));
                let at = at.or(events.last()).map_or(i.opened_at, Entry::at);
                Ok(Projection { open_key: open_key(i), at: millis(at), doc: document(i)?, of: i })
            })
            .collect::<Result<Vec<_>, serde_json::Error>>()
            .map_err(senseless)?;

        let fail = |e| self.explain("be written", &e);
        let mut connection = self.pool.acquire().await.map_err(fail)?;
        self.begin_whole(&mut connection).await?;
        let appended = async {
            if !self.advance(&mut connection, &rows).await? {
                return Ok(Append::Behind);
            }
            write_events(&mut connection, &rows).await?;
            write_incidents(&mut connection, &docs).await?;
            write_records(&mut connection, records).await?;
            Ok(Append::Stored)
        };
        let appended = appended.await;
        let ended = end(&mut connection, appended.is_ok()).await;
        if rows.len() > LARGE && matches!(self.location, Location::File(_)) {
            let _ = connection.execute("PRAGMA shrink_memory").await;
        }
        drop(connection);
        match (appended, ended) {
            // Looked at again: it may have gone between the first look and the commit.
            (Ok(append), Ok(())) => self.in_place(Identity::is_whole).map(|()| append),
            // The answer to a commit can be lost although the commit was not.
            (Ok(_), Err(_)) if self.has(&rows).await => Ok(Append::Stored),
            (Err(e), _) | (_, Err(e)) => Err(fail(e)),
        }
    }

    /// Moves the head on, if it is where it is believed to be.
    async fn advance(
        &self,
        connection: &mut AnyConnection,
        rows: &[EventRow],
    ) -> Result<bool, sqlx::Error> {
        let seen = rows.first().map_or(0, |r| r.0 - 1);
        let moved: Option<i64> = sqlx::query_scalar(
            "UPDATE log SET head = head + $1, at = $2, format = CASE WHEN format > $3 THEN format \
             ELSE $3 END, writer = CASE WHEN format > $3 THEN writer ELSE $4 END \
             WHERE id = 1 AND head = $5 RETURNING head",
        )
        .bind(rows.len() as i64)
        .bind(rows.last().map_or(0, |r| r.1))
        .bind(i64::from(EVENT_VERSION))
        .bind(env!("CARGO_PKG_VERSION"))
        .bind(seen)
        .fetch_optional(&mut *connection)
        .await?;
        Ok(moved.is_some())
    }

    /// Whether the first of these events is in the log, word for word.
    async fn has(&self, rows: &[EventRow]) -> bool {
        let Some(first) = rows.first() else { return false };
        let stored: Result<Option<(i64, String, String)>, _> =
            sqlx::query_as("SELECT incident, actor, body FROM events WHERE position = $1")
                .bind(first.0)
                .fetch_optional(&self.pool)
                .await;
        matches!(stored, Ok(Some((incident, actor, body)))
            if (incident, &actor, &body) == (first.2, &first.4, &first.5))
    }

    /// Writes without changing anything: whether the store has recovered. What it writes is so little
    /// that a full disk may take it.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.writable()?;
        let fail = |e| self.explain("be written", &e);
        let mut connection = self.pool.acquire().await.map_err(fail)?;
        self.begin_whole(&mut connection).await?;
        let sql = "UPDATE log SET head = head WHERE id = 1";
        let written = connection.execute(sql).await;
        let ended = end(&mut connection, written.is_ok()).await;
        written.and(ended).map_err(fail)?;
        match &self.location {
            Location::File(file) if has_no_room(file) => Err(full(self.to_string(), "be written")),
            _ => Ok(()),
        }
    }

    /// As [`Self::begin`], in a file that a new start will find.
    pub(super) async fn begin_whole(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<(), StoreError> {
        self.in_place(Identity::is_in_place)?;
        self.begin(connection).await.map_err(|e| self.explain("be written", &e))?;
        let whole = self.in_place(Identity::is_whole);
        if whole.is_err() {
            // It held nothing yet.
            let _ = end(connection, false).await;
        }
        whole
    }

    /// Begins a transaction that writes; [`end`] ends it.
    ///
    /// Not by sqlx's own means: when the disk is full SQLite rolls back by itself, and sqlx would
    /// count that transaction as open for ever.
    pub(super) async fn begin(&self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        let begin = self.location.begin_write();
        match connection.execute(begin).await {
            // One is still open, of somebody who was dropped half-way.
            Err(e) if sqlite_code(&e) == Some(1) => {
                connection.execute("ROLLBACK").await?;
                connection.execute(begin).await.map(|_| ())
            }
            other => other.map(|_| ()),
        }
    }
}

/// Commits a transaction in which all went well, rolls any other back.
pub(super) async fn end(connection: &mut AnyConnection, well: bool) -> Result<(), sqlx::Error> {
    let result = if well { connection.execute("COMMIT").await.map(|_| ()) } else { Ok(()) };
    if !well || result.is_err() {
        // There may be nothing left to roll back.
        let _ = connection.execute("ROLLBACK").await;
    }
    result
}

/// An incident on its way into its table.
pub(super) struct Projection<'a> {
    pub of: &'a Incident,
    pub open_key: Option<String>,
    pub at: i64,
    pub doc: String,
}

pub(super) fn document(incident: &Incident) -> Result<String, serde_json::Error> {
    serde_json::to_string(incident)
}

pub(super) async fn write_events(
    connection: &mut AnyConnection,
    rows: &[EventRow],
) -> Result<(), sqlx::Error> {
    for (rows, sql) in EVENTS.chunks(rows) {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (position, at, incident, writer, actor, body) in rows {
            query = query.bind(*position).bind(*at).bind(*incident);
            query = query.bind(writer.as_str()).bind(actor.as_str()).bind(body.as_str());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Those that are no longer open first, so that their keys are free for those that are.
pub(super) async fn write_incidents(
    connection: &mut AnyConnection,
    incidents: &[Projection<'_>],
) -> Result<(), sqlx::Error> {
    let (open, ended): (Vec<_>, Vec<_>) = incidents.iter().partition(|i| i.open_key.is_some());
    for (rows, sql) in INCIDENTS.chunks(&ended).chain(INCIDENTS.chunks(&open)) {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in rows {
            let i = row.of;
            query = query
                .bind(int(i.id.0))
                .bind(int(i.version))
                .bind(i.state().word())
                .bind(i64::from(i.priority.0))
                .bind(i.service.as_ref().map(ToString::to_string))
                .bind(row.open_key.clone())
                .bind(millis(i.opened_at))
                .bind(row.at)
                .bind(row.doc.as_str());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) async fn write_records(
    connection: &mut AnyConnection,
    records: &[Record],
) -> Result<(), sqlx::Error> {
    for (rows, sql) in RECORDS.chunks(records) {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in rows {
            query = query.bind(row.kind.as_str()).bind(row.id.as_str());
            query = query.bind(int(row.version)).bind(row.doc.clone());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// An `INSERT` of many rows.
struct Insert {
    columns: usize,
    before: &'static str,
    after: &'static str,
}

impl Insert {
    /// `rows` in portions, each with its statement. Only two sizes, so that both stay prepared.
    fn chunks<'a, T>(
        &self,
        rows: &'a [T],
    ) -> impl Iterator<Item = (&'a [T], Arc<str>)> + use<'a, T> {
        let (many, one) = (self.sql(CHUNK), self.sql(1));
        let whole = rows.len() - rows.len() % CHUNK;
        let (large, small) = rows.split_at(whole);
        let large = large.chunks(CHUNK).map(move |c| (c, Arc::clone(&many)));
        large.chain(small.chunks(1).map(move |c| (c, Arc::clone(&one))))
    }

    fn sql(&self, rows: usize) -> Arc<str> {
        let mut sql = self.before.to_owned();
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..self.columns {
                let comma = if column == 0 { "" } else { ", " };
                let _ = write!(sql, "{comma}${}", row * self.columns + column + 1);
            }
            sql.push(')');
        }
        sql.push_str(self.after);
        sql.into()
    }
}
