//! The event log and its projections, on SQLite or PostgreSQL, with one SQL text for both.
//!
//! One log, one position: [`Store::append`] moves the head only if it is where the caller believes
//! it to be, and stores the events and the incidents that they make in the same transaction. Start-up
//! reads the incidents, never the log; that replaying the log gives the same is what [`Store::verify`]
//! checks.

mod append;
mod codec;
mod error;
mod file;
pub mod lease;
mod migrate;
mod read;
pub mod records;
mod rollups;
mod transfer;
mod watched;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, ConnectOptions, Executor};

pub use append::Append;
pub use codec::to_millis;
pub use error::StoreError;
pub use file::Watch;
pub use read::{Head, Loaded, Place};
pub use records::Record;
pub use transfer::Transferred;

use crate::domain::text;
use error::explain;
use migrate::{MIGRATIONS, Migration};

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In memory, gone with the program.
    Memory,
    File(PathBuf),
    /// A `postgres://` URL.
    Postgres(String),
}

/// How a store may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    ReadWrite,
    Memory,
    ReadOnly { why: String },
}

/// An open store; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    location: Location,
    mode: Mode,
    read_only: bool,
    notices: Arc<[String]>,
    /// The file that was opened, if it is one.
    file: Option<file::Identity>,
}

/// What came of an attempt to open.
enum Connected {
    Open(Store),
    /// It was damaged and is out of the way now.
    SetAside(String),
}

impl Store {
    /// Opens it, makes it where there is none, brings its schema up to date. A damaged SQLite file is
    /// moved aside, never deleted, and a new one begun; [`Self::notices`] says so.
    ///
    /// # Errors
    /// It cannot be reached or written, it is damaged and in use, or a newer console wrote it.
    pub async fn open(location: &Location, read_only: bool) -> Result<Self, StoreError> {
        Self::open_with(location, read_only, MIGRATIONS).await
    }

    /// A store in memory.
    pub async fn memory() -> Result<Self, StoreError> {
        Self::open(&Location::Memory, false).await
    }

    async fn open_with(
        location: &Location,
        read_only: bool,
        migrations: &[Migration],
    ) -> Result<Self, StoreError> {
        let notice = match Self::connect(location, read_only, migrations).await? {
            Connected::Open(store) => return Ok(store),
            Connected::SetAside(notice) => notice,
        };
        match Self::connect(location, read_only, migrations).await? {
            Connected::Open(store) => Ok(Self { notices: Arc::from([notice]), ..store }),
            Connected::SetAside(notice) => Err(StoreError::Refused(notice)),
        }
    }

    async fn connect(
        location: &Location,
        read_only: bool,
        migrations: &[Migration],
    ) -> Result<Connected, StoreError> {
        // Before it is opened: the files beside it get its mode.
        let tightened = match location {
            Location::File(path) if !read_only => file::tighten(path),
            _ => Vec::new(),
        };
        let (pool, failure) = pool(location, read_only).await?;
        let opened = async {
            if let Some(e) = failure.get() {
                return Err(explain(location, "be opened", e));
            }
            let _ = failure.set(sqlx::Error::PoolClosed);
            let (mode, upgraded) = migrate::prepare(&pool, location, read_only, migrations).await?;
            let notices = [tightened, upgraded].concat();
            let mut store = Self {
                pool: pool.clone(),
                location: location.clone(),
                mode,
                read_only,
                notices: notices.into(),
                file: match location {
                    Location::File(path) => file::Identity::of(path),
                    Location::Memory | Location::Postgres(_) => None,
                },
            };
            if let Some(why) = store.newer_events().await? {
                store.mode = Mode::ReadOnly { why };
            }
            Ok(Connected::Open(store))
        };
        let result = match (opened.await, location) {
            (Ok(opened), _) => return Ok(opened),
            // Before the connections close: SQLite would tidy up what is to be kept.
            (Err(StoreError::Damaged { reason, .. }), Location::File(path)) if !read_only => {
                file::set_aside(path, &reason).map(Connected::SetAside)
            }
            (Err(e), _) => Err(e),
        };
        pool.close().await;
        result
    }

    /// Moves a SQLite file aside that turned out to be damaged after it was opened, and begins anew.
    pub async fn start_over(self, reason: &str) -> Result<Self, StoreError> {
        let aside = match &self.location {
            Location::File(path) if !self.read_only => file::set_aside(path, reason),
            _ => Err(StoreError::Damaged {
                store: self.to_string(),
                reason: reason.to_owned(),
                remedy: "restore a backup".to_owned(),
            }),
        };
        self.pool.close().await;
        let notice = aside?;
        let store = Self::open(&self.location, self.read_only).await?;
        Ok(Self { notices: Arc::from([notice]), ..store })
    }

    /// How it may be used.
    pub fn mode(&self) -> &Mode {
        &self.mode
    }

    /// What happened at opening that the person should know: moved aside, upgraded.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Tells when another process may have changed it.
    pub fn watch(&self) -> Watch {
        Watch::new(&self.location, self.file.clone())
    }

    /// Moves what the write-ahead log holds into the file. Commits do not do it themselves, so that
    /// none of them has to wait for it.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        if matches!(self.location, Location::File(_)) {
            // The first copies while others write; the second finds little left to hold them up for.
            for sql in ["PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(TRUNCATE)"] {
                self.pool.execute(sql).await.map_err(|e| self.explain("be checkpointed", &e))?;
            }
        }
        Ok(())
    }

    /// Closes it: gives unused pages back and leaves a single file behind, if this was the last to
    /// have it open. Waits for no lock: what another process holds up is left for another time.
    pub async fn close(self) {
        if self.in_place(file::Identity::is_in_place).is_err() {
            // SQLite would tidy up by path, and so delete the write-ahead log of the file that took
            // the place. The connections end with the program.
            std::mem::forget(self);
            return;
        }
        if matches!(self.location, Location::File(_))
            && self.mode == Mode::ReadWrite
            && let Some(mut connection) = self.pool.try_acquire()
        {
            let sql = "PRAGMA busy_timeout = 0; PRAGMA incremental_vacuum(256)";
            if let Err(e) = connection.execute(sqlx::raw_sql(sql)).await {
                tracing::debug!("no pages given back: {e}");
            }
            let _ = connection.close().await;
        }
        // Connections are given back beside us. One that is closed at the same time as another is
        // not the last, and neither is the other: the write-ahead log would stay.
        let begun = Instant::now();
        while self.pool.num_idle() < self.pool.size() as usize && begun.elapsed() < COMING_BACK {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.pool.close().await;
    }

    fn explain(&self, doing: &'static str, e: &sqlx::Error) -> StoreError {
        explain(&self.location, doing, e)
    }

    /// Nothing must be confirmed, nor shown as the newest, once the file is no longer where a new
    /// start would look for it.
    fn in_place(&self, there: fn(&file::Identity) -> bool) -> Result<(), StoreError> {
        match &self.file {
            Some(file) if !there(file) => Err(StoreError::Failed {
                store: self.to_string(),
                doing: "be used",
                reason: "its file was deleted, moved or replaced while it was open".to_owned(),
                remedy: "put the file back with its -wal, or restart to use what is there now"
                    .to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn writable(&self) -> Result<(), StoreError> {
        match &self.mode {
            Mode::ReadOnly { why } => {
                Err(StoreError::ReadOnly { store: self.to_string(), why: why.clone() })
            }
            Mode::ReadWrite | Mode::Memory => Ok(()),
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location.fmt(f)
    }
}

impl Location {
    fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// SQLite takes the write lock at once, so that nothing read inside can be out of date.
    fn begin_write(&self) -> &'static str {
        if self.is_postgres() { "BEGIN" } else { "BEGIN IMMEDIATE" }
    }

    /// Everything read inside is of one moment.
    fn begin_read(&self) -> &'static str {
        if self.is_postgres() { "BEGIN ISOLATION LEVEL REPEATABLE READ" } else { "BEGIN" }
    }
}

impl FromStr for Location {
    type Err = StoreError;

    /// `sqlite:///path`, `sqlite:path`, `sqlite::memory:`, `postgres://…` or a plain path.
    fn from_str(text: &str) -> Result<Self, StoreError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let path = text.strip_prefix("sqlite:").unwrap_or(text);
        let path = path.strip_prefix("//").unwrap_or(path);
        if path == ":memory:" {
            Ok(Self::Memory)
        } else if path.is_empty() || path.contains("://") {
            Err(StoreError::Unusable {
                store: text.to_owned(),
                reason: "this is no place for a store".to_owned(),
                remedy: "write it as sqlite:///path or postgres://user@host/db".to_owned(),
            })
        } else {
            Ok(Self::File(PathBuf::from(path)))
        }
    }
}

impl fmt::Display for Location {
    /// Without credentials, and harmless to print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("in memory"),
            Self::File(path) => f.write_str(&text::clean(&path.display().to_string(), 1_000)),
            Self::Postgres(url) => {
                let shown = url::Url::parse(url).map(|mut u| {
                    let _ = u.set_password(None);
                    u.set_query(None);
                    u.to_string()
                });
                f.write_str(shown.as_deref().unwrap_or("postgres"))
            }
        }
    }
}

/// The connections. SQLite has one writer and, where it is needed, one reader beside it; an
/// in-memory database lives as long as its only connection.
///
/// The pool retries a connection whose setup fails until it times out, and says only that; so the
/// first failure is left in the cell instead, for the opener to look at. Once the cell is filled,
/// later failures are the pool's.
async fn pool(
    location: &Location,
    read_only: bool,
) -> Result<(AnyPool, Arc<OnceLock<sqlx::Error>>), StoreError> {
    sqlx::any::install_default_drivers();
    let mut first = "";
    let (url, connections, setup) = match location {
        Location::Memory => ("sqlite::memory:".to_owned(), 1, "PRAGMA synchronous = OFF"),
        Location::File(path) if read_only => {
            if !path.exists() {
                return Err(StoreError::Unusable {
                    store: location.to_string(),
                    reason: "there is none yet".to_owned(),
                    remedy: "start once without --read-only".to_owned(),
                });
            }
            (file::url_to_read(path)?, 2, "PRAGMA query_only = 1")
        }
        Location::File(path) => {
            first = if file::create(path)? { SQLITE_NEW } else { first };
            (file::url(path)?, 2, SQLITE_SETUP)
        }
        Location::Postgres(url) if read_only => (
            url.clone(),
            2,
            "SET default_transaction_read_only = on; SET statement_timeout = '10s'",
        ),
        Location::Postgres(url) => {
            (url.clone(), 4, "SET statement_timeout = '10s'; SET lock_timeout = '5s'")
        }
    };
    let options: AnyConnectOptions =
        url.parse().map_err(|e| explain(location, "be addressed", &e))?;
    let failure = Arc::new(OnceLock::new());
    let kept = Arc::clone(&failure);
    let pool = AnyPoolOptions::new()
        .max_connections(connections)
        .min_connections(0)
        // A connection is kept for good: nothing wakes up to look after the pool.
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(6))
        .test_before_acquire(location.is_postgres())
        .after_connect(move |conn, _| {
            let kept = Arc::clone(&kept);
            Box::pin(async move {
                let begun = Instant::now();
                for sql in [first, setup] {
                    while let Err(e) = conn.execute(sqlx::raw_sql(sql)).await {
                        // Of several that open a new file at once one sets the journal mode, and
                        // SQLite lets the others not even wait for it.
                        if !error::is_busy(&e) || begun.elapsed() > SETTING_UP {
                            return kept.set(e);
                        }
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
                Ok(())
            })
        })
        .connect_with(options.disable_statement_logging())
        .await
        .map_err(|e| explain(location, "be opened", &e))?;
    Ok((pool, failure))
}

/// How long closing waits for connections that are still in use.
const COMING_BACK: Duration = Duration::from_millis(200);
/// How long others may take to set up a new file.
const SETTING_UP: Duration = Duration::from_secs(5);

/// Checkpoints are made by [`Store::checkpoint`], in quiet moments. Nothing in here writes to a file
/// that is set up, so that opening does not wait for the disk.
const SQLITE_SETUP: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 16777216; \
    PRAGMA cache_size = -16000";

/// `auto_vacuum` counts only before the first table and before the journal mode is set.
const SQLITE_NEW: &str = "PRAGMA auto_vacuum = INCREMENTAL";
