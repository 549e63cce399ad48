//! The schema's versions: forward only, all or nothing, one process at a time.

use sqlx::{Any, AnyPool, Row, Transaction};

use super::error::explain;
use super::{Location, Mode, StoreError, file};

/// One step of the schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Migration {
    pub version: u32,
    /// The oldest version whose console still understands the result.
    pub min_reader: u32,
    pub sql: &'static str,
}

/// All steps, oldest first.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        min_reader: 1,
        sql: include_str!("../../assets/migrations/0001_log.sql"),
    },
    Migration {
        version: 2,
        min_reader: 1,
        sql: include_str!("../../assets/migrations/0002_records.sql"),
    },
    Migration {
        version: 3,
        min_reader: 1,
        sql: include_str!("../../assets/migrations/0003_rollups.sql"),
    },
    Migration {
        version: 4,
        min_reader: 1,
        sql: include_str!("../../assets/migrations/0004_urgent.sql"),
    },
];

/// What the store says about itself.
struct Found {
    version: u32,
    min_reader: u32,
    writer: String,
}

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS atalaya_schema (\
    id BIGINT PRIMARY KEY, version BIGINT NOT NULL, min_reader BIGINT NOT NULL, writer TEXT NOT NULL)";

/// Brings the schema up to date, or says why it must not be touched. Returns how the store may be
/// used, and what the person should know.
pub(super) async fn prepare(
    pool: &AnyPool,
    location: &Location,
    read_only: bool,
    migrations: &[Migration],
) -> Result<(Mode, Vec<String>), StoreError> {
    let known = migrations.last().map_or(0, |m| m.version);
    let normal = match (read_only, location) {
        (true, _) => Mode::ReadOnly { why: "this console was started with --read-only".to_owned() },
        (false, Location::Memory) => Mode::Memory,
        (false, _) => Mode::ReadWrite,
    };
    let fail = |e| explain(location, "read its schema", &e);
    let unusable = |reason: &str, remedy: &str| StoreError::Unusable {
        store: location.to_string(),
        reason: reason.to_owned(),
        remedy: remedy.to_owned(),
    };
    let found = match tables(pool, location).await.map_err(fail)? {
        Tables::None => None,
        Tables::Ours => found(pool).await.map_err(fail)?,
        Tables::Others => {
            return Err(unusable(
                "it is a database of another program",
                "choose another place with --store or [store] url",
            ));
        }
    };
    match found {
        Some(f) if f.min_reader > known => Err(StoreError::Newer {
            store: location.to_string(),
            writer: f.writer,
            reason: format!(
                "its schema {} needs a console that knows {} or later, this one knows {known}",
                f.version, f.min_reader
            ),
        }),
        Some(f) if f.version > known => {
            let why = format!("atalaya {} has a newer schema; upgrade this console", f.writer);
            Ok((Mode::ReadOnly { why }, Vec::new()))
        }
        Some(f) if f.version == known => Ok((normal, Vec::new())),
        Some(_) if read_only => Err(StoreError::Older { store: location.to_string() }),
        None if read_only => {
            Err(unusable("it has not been set up yet", "start once without --read-only"))
        }
        old => {
            let backup = match (location, old) {
                (Location::File(path), Some(f)) => Some(backup(pool, path, f.version).await?),
                _ => None,
            };
            migrate(pool, location, migrations).await?;
            let notice = backup.map(|to| {
                format!("the store {location} was upgraded; the old one is kept as {to}")
            });
            Ok((normal, notice.into_iter().collect()))
        }
    }
}

enum Tables {
    None,
    Ours,
    Others,
}

/// Whether there is a schema, and whose.
async fn tables(pool: &AnyPool, location: &Location) -> Result<Tables, sqlx::Error> {
    let names = if location.is_postgres() {
        "SELECT CAST(tablename AS TEXT) FROM pg_tables \
         WHERE schemaname = current_schema() AND tablename = 'atalaya_schema'"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    };
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(pool).await?;
    Ok(if names.iter().any(|n| n == "atalaya_schema") {
        Tables::Ours
    } else if names.is_empty() {
        Tables::None
    } else {
        Tables::Others
    })
}

async fn found<'e, E>(executor: E) -> Result<Option<Found>, sqlx::Error>
where
    E: sqlx::Executor<'e, Database = Any>,
{
    let row = sqlx::query("SELECT version, min_reader, writer FROM atalaya_schema WHERE id = 1")
        .fetch_optional(executor)
        .await?;
    let number = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    row.map(|row| {
        Ok(Found {
            version: number(row.try_get(0)?),
            min_reader: number(row.try_get(1)?),
            writer: row.try_get(2)?,
        })
    })
    .transpose()
}

/// A checked copy beside the file, made before the first step that changes it.
async fn backup(
    pool: &AnyPool,
    path: &std::path::Path,
    version: u32,
) -> Result<String, StoreError> {
    let store = path.display();
    let fail = |e| explain(&store, "be backed up", &e);
    let sound: String =
        sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(pool).await.map_err(fail)?;
    if sound != "ok" {
        return Err(StoreError::Damaged {
            store: store.to_string(),
            reason: sound,
            remedy: "restore a backup".to_owned(),
        });
    }
    let stamp = chrono::Utc::now().format("%Y%m%dT%H%M%S%.3f");
    let to = file::with_suffix(path, &format!(".v{version}-{stamp}"));
    file::create_private(&to).map_err(|e| fail(sqlx::Error::Io(e)))?;
    let to = to.display().to_string();
    sqlx::query("VACUUM INTO $1").bind(to.clone()).execute(pool).await.map_err(fail)?;
    Ok(to)
}

/// Runs the steps that are missing, in one transaction that no other process can be in.
async fn migrate(
    pool: &AnyPool,
    location: &Location,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let fail = |e| explain(location, "be set up", &e);
    let mut tx: Transaction<'_, Any> =
        pool.begin_with(location.begin_write()).await.map_err(fail)?;
    if location.is_postgres() {
        // An arbitrary number of our own; released with the transaction.
        sqlx::query("SELECT 1 FROM pg_advisory_xact_lock(7021967021)")
            .fetch_optional(&mut *tx)
            .await
            .map_err(fail)?;
    }
    sqlx::raw_sql(VERSIONS).execute(&mut *tx).await.map_err(fail)?;
    // Whoever held the lock before may have done it all.
    let from = found(&mut *tx).await.map_err(fail)?.map_or(0, |f| f.version);
    for step in migrations.iter().filter(|m| m.version > from) {
        sqlx::raw_sql(step.sql).execute(&mut *tx).await.map_err(fail)?;
        sqlx::query(
            "INSERT INTO atalaya_schema (id, version, min_reader, writer) VALUES (1, $1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET version = excluded.version, \
             min_reader = excluded.min_reader, writer = excluded.writer",
        )
        .bind(i64::from(step.version))
        .bind(i64::from(step.min_reader))
        .bind(env!("CARGO_PKG_VERSION"))
        .execute(&mut *tx)
        .await
        .map_err(fail)?;
    }
    tx.commit().await.map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    const NEXT: [Migration; 5] = [
        MIGRATIONS[0],
        MIGRATIONS[1],
        MIGRATIONS[2],
        MIGRATIONS[3],
        Migration { version: 5, min_reader: 1, sql: "ALTER TABLE events ADD COLUMN x BIGINT" },
    ];
    const BROKEN: [Migration; 6] = [
        MIGRATIONS[0],
        MIGRATIONS[1],
        MIGRATIONS[2],
        MIGRATIONS[3],
        NEXT[4],
        Migration { version: 6, min_reader: 6, sql: "CREATE TABLE y (n BIGINT); NONSENSE" },
    ];

    #[tokio::test]
    async fn an_upgrade_keeps_a_private_copy_of_what_was_before() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let location = Location::File(dir.path().join("a.db"));
        Store::open(&location, false).await.unwrap().close().await;

        let guest = Store::open_with(&location, true, &NEXT).await.unwrap_err();
        assert!(guest.to_string().contains("start once without --read-only"), "{guest}");
        let store = Store::open_with(&location, false, &NEXT).await.unwrap();
        let [notice] = store.notices() else { panic!("{:?}", store.notices()) };
        let (_, backup) = notice.split_once("kept as ").unwrap();
        assert_eq!(std::fs::metadata(backup).unwrap().permissions().mode() & 0o777, 0o600);
        let old = Store::open(&Location::File(backup.into()), false).await.unwrap();
        assert_eq!(*old.mode(), Mode::ReadWrite, "the copy is of the old version");
        store.close().await;

        let old_console = Store::open(&location, false).await.unwrap();
        assert!(
            matches!(old_console.mode(), Mode::ReadOnly { why } if why.contains("newer schema")),
            "{:?}",
            old_console.mode()
        );
        old_console.close().await;
        let again = Store::open_with(&location, false, &NEXT).await.unwrap();
        assert!(again.notices().is_empty(), "nothing left to do");
    }

    #[tokio::test]
    async fn an_upgrade_that_fails_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::File(dir.path().join("a.db"));
        Store::open(&location, false).await.unwrap().close().await;
        let failed = Store::open_with(&location, false, &BROKEN).await.unwrap_err();
        assert!(failed.to_string().contains("could not be set up"), "{failed}");
        let store = Store::open(&location, false).await.unwrap();
        assert_eq!(*store.mode(), Mode::ReadWrite);
        store.load().await.unwrap();
    }
}
