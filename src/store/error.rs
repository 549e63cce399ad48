//! What can go wrong with a store, told as the thing, the reason and the remedy.

use std::path::Path;
use std::{fmt, io};

/// Why the store could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be opened at all: no such place, no right, another program's file.
    #[error("the store {store} cannot be opened: {reason}; {remedy}")]
    Unusable { store: String, reason: String, remedy: String },
    /// A newer atalaya wrote it.
    #[error("the store {store} was written by atalaya {writer}, which is newer than this one ({}): {reason}; upgrade this console", env!("CARGO_PKG_VERSION"))]
    Newer { store: String, writer: String, reason: String },
    /// An older atalaya wrote it, and it may not be brought up to date.
    #[error(
        "the store {store} is of an older atalaya and not brought up to date yet; start once without --read-only"
    )]
    Older { store: String },
    /// The file is not what SQLite wrote.
    #[error("the store {store} is damaged: {reason}; {remedy}")]
    Damaged { store: String, reason: String, remedy: String },
    /// One operation failed; nothing of it was stored.
    #[error("the store {store} could not {doing}: {reason}; {remedy}")]
    Failed { store: String, doing: &'static str, reason: String, remedy: String },
    /// It was opened without the right to write.
    #[error("the store {store} is read-only here: {why}")]
    ReadOnly { store: String, why: String },
    /// What was asked makes no sense: an import into a store that has something, a broken line.
    #[error("{0}")]
    Refused(String),
}

/// Turns what the database said into what a person needs.
pub(super) fn explain(
    store: &dyn fmt::Display,
    doing: &'static str,
    e: &sqlx::Error,
) -> StoreError {
    let store = store.to_string();
    let failed = |store, reason: &str, remedy: &str| StoreError::Failed {
        store,
        doing,
        reason: reason.to_owned(),
        remedy: remedy.to_owned(),
    };
    let no_room = || full(store.clone(), doing);
    let by_disk = matches!(sqlite_code(e), Some(10))
        || matches!(e, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut);
    // SQLite calls it a failure of the disk where it cannot make room beside the file.
    if matches!(e, sqlx::Error::Io(e) if e.kind() == io::ErrorKind::StorageFull)
        || (by_disk && has_no_room(Path::new(&store)))
    {
        return no_room();
    }
    match sqlite_code(e) {
        Some(5 | 6) => failed(
            store,
            "another process has been writing for more than 5 s",
            "try again, or end the process that holds it",
        ),
        Some(8) => failed(store, "it may not be written", "check the owner and mode of the file"),
        Some(10) => failed(
            store,
            &format!("the disk failed ({})", message(e)),
            "check the disk and its quota; nothing confirmed is lost",
        ),
        Some(11 | 26) => StoreError::Damaged {
            store,
            reason: message(e),
            remedy: "move it aside with its -wal and -shm, or restore a backup".to_owned(),
        },
        Some(13) => no_room(),
        Some(14) => StoreError::Unusable {
            store,
            reason: message(e),
            remedy:
                "check that its folder exists and that you may write there, also for reading: or \
                     copy it, with its -wal if there is one, to a folder of your own"
                    .to_owned(),
        },
        _ => match e {
            sqlx::Error::Configuration(_) => StoreError::Unusable {
                store,
                reason: message(e),
                remedy: "write it as sqlite:///path or postgres://user@host/db".to_owned(),
            },
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut if Path::new(&store).exists() => failed(
                store,
                &message(e),
                "check the disk that it is on, and that no other process holds it",
            ),
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut => failed(
                store,
                &message(e),
                "check that the database server is up and can be reached",
            ),
            _ => failed(store, &message(e), "try again; if it stays, report it as a defect"),
        },
    }
}

/// The store cannot do something for want of room.
pub(super) fn full(store: String, doing: &'static str) -> StoreError {
    let (reason, remedy) = (
        "the disk is full",
        "free some space; a console goes on by itself, a command is given again",
    );
    StoreError::Failed { store, doing, reason: reason.to_owned(), remedy: remedy.to_owned() }
}

/// Whether the file system of a file has less room than SQLite needs for its shared memory.
pub(super) fn has_no_room(file: &Path) -> bool {
    const LEAST: u64 = 64 * 1024;
    let folder = file.parent().filter(|_| file.exists());
    let state = folder.and_then(|folder| rustix::fs::statvfs(folder).ok());
    state.is_some_and(|s| s.f_bavail.saturating_mul(s.f_frsize) < LEAST)
}

/// Whether somebody else had the file at that moment.
pub(super) fn is_busy(e: &sqlx::Error) -> bool {
    matches!(sqlite_code(e), Some(5 | 6))
}

/// SQLite's primary result code, if it was SQLite that complained.
pub(super) fn sqlite_code(e: &sqlx::Error) -> Option<u32> {
    let db = e.as_database_error()?;
    // PostgreSQL's codes are five characters; SQLite's are numbers below 10,000.
    let code = db.code()?;
    (code.len() < 5).then(|| code.parse::<u32>().ok().map(|c| c & 0xff)).flatten()
}

fn message(e: &sqlx::Error) -> String {
    let text = match e {
        sqlx::Error::Database(db) => db.message().to_owned(),
        other => other.to_string(),
    };
    crate::domain::text::clean(&text, 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_file_no_database_server_is_blamed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let said = |e: sqlx::Error| explain(&file.path().display(), "be written", &e).to_string();
        let full = said(sqlx::Error::Io(io::ErrorKind::StorageFull.into()));
        assert!(full.contains("the disk is full; free some space"), "{full}");
        for other in [sqlx::Error::PoolTimedOut, sqlx::Error::Io(io::ErrorKind::TimedOut.into())] {
            let said = said(other);
            assert!(!said.contains("database server"), "{said}");
        }
        let server = explain(&"postgres://db/x", "be read", &sqlx::Error::PoolTimedOut);
        assert!(server.to_string().contains("database server"), "{server}");
    }
}
