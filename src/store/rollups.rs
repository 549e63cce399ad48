//! Roll-ups of what objectives measured, beside the log.
//!
//! A bucket replaces the one that was there, unless that had seen more: several consoles may write the
//! same, in any order, and nothing counts twice. A row is written as it was read, or read again.

use sqlx::AnyConnection;

use super::append::end;
use super::{Store, StoreError};
use crate::domain::slo::{Series, pack};

/// The rows of one transaction: others are not held up for longer.
const BATCH: usize = 64;
/// How often a row is read again because somebody else wrote it meanwhile.
const ATTEMPTS: usize = 8;

const OF: &str = "SELECT day, doc FROM rollups WHERE objective = $1 AND day >= $2 ORDER BY day";
const ONE: &str = "SELECT version, doc FROM rollups WHERE objective = $1 AND day = $2";
const PUT: &str = "INSERT INTO rollups (objective, day, version, doc) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (objective, day) DO UPDATE SET version = excluded.version, doc = excluded.doc \
    WHERE rollups.version = excluded.version - 1";
const PRUNE: &str = "DELETE FROM rollups WHERE day < $1";

impl Store {
    /// What is kept of an objective from a day on (its number since 1970). A row that makes no sense is
    /// left out: what it had is unknown.
    pub async fn rollups(&self, objective: &str, since: i64) -> Result<Series, StoreError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(OF)
            .bind(objective)
            .bind(since)
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.explain("be read", &e))?;
        let mut series = Series::default();
        for (day, doc) in rows {
            if pack::read(&doc, day, &mut series).is_none() {
                tracing::warn!("the roll-up of {objective} for day {day} makes no sense: left out");
            }
        }
        Ok(series)
    }

    /// Adds buckets to what is kept of objectives.
    ///
    /// # Errors
    /// The store cannot be written. Some of them may be there then; to add them again does no harm.
    pub async fn roll_up(&self, added: &[(String, Series)]) -> Result<(), StoreError> {
        self.writable()?;
        let rows: Vec<_> = added
            .iter()
            .flat_map(|(objective, series)| {
                series.days().map(move |(day, _)| (objective, day, series))
            })
            .collect();
        for batch in rows.chunks(BATCH) {
            let fail = |e| self.explain("be written", &e);
            let mut connection = self.pool.acquire().await.map_err(fail)?;
            self.begin_whole(&mut connection).await?;
            let written = async {
                for (objective, day, series) in batch {
                    put(&mut connection, objective, *day, series).await?;
                }
                Ok(())
            };
            let written = written.await;
            let ended = end(&mut connection, written.is_ok()).await;
            written.and(ended).map_err(fail)?;
        }
        Ok(())
    }

    /// Drops what is older than a day.
    pub async fn prune_rollups(&self, before: i64) -> Result<(), StoreError> {
        self.writable()?;
        let fail = |e| self.explain("be written", &e);
        let mut connection = self.pool.acquire().await.map_err(fail)?;
        self.begin_whole(&mut connection).await?;
        let dropped = sqlx::query(PRUNE).bind(before).execute(&mut *connection).await.map(|_| ());
        let ended = end(&mut connection, dropped.is_ok()).await;
        dropped.and(ended).map_err(fail)
    }
}

async fn put(
    connection: &mut AnyConnection,
    objective: &str,
    day: i64,
    added: &Series,
) -> Result<(), sqlx::Error> {
    for _ in 0..ATTEMPTS {
        let row: Option<(i64, String)> =
            sqlx::query_as(ONE).bind(objective).bind(day).fetch_optional(&mut *connection).await?;
        let (version, doc) = row.unwrap_or_default();
        let mut merged = Series::default();
        // What makes no sense is replaced.
        let _ = pack::read(&doc, day, &mut merged);
        if !merged.merge(&added.only(day)) {
            return Ok(());
        }
        let Some(doc) = merged.day(day).map(|d| pack::write(d)) else { return Ok(()) };
        let done = sqlx::query(PUT)
            .bind(objective)
            .bind(day)
            .bind(version + 1)
            .bind(doc)
            .execute(&mut *connection)
            .await?;
        if done.rows_affected() > 0 {
            return Ok(());
        }
    }
    // Whoever was faster measured the same; what is missing comes again with the next buckets.
    Ok(())
}
