//! Which process pages, of all that are on a store: one at a time.
//!
//! Locks on files beside the store, which die with their process however that ends. An agent goes
//! before consoles: it holds a lock of its own that says that it is there, and whoever else pages
//! makes way. Nothing is written to the store for it.
//!
//! | file | is locked by |
//! | --- | --- |
//! | `….pager` | whoever pages |
//! | `….pager-agent` | the agent, as long as it runs |
//! | `….pager-next` | consoles that would page at once if they could |

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Location;
use super::file::with_suffix;
use crate::domain::paging::Pager;
use crate::domain::text;

/// How much of what stands in a lock's file is read.
const MAX_NAME: u64 = 300;

/// How often a lock is tried again that somebody may only look at.
const ASKED_AGAIN: usize = 3;
const MOMENT: Duration = Duration::from_millis(2);

/// What a process is, to whoever asks who pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// `agent 4711 on ops1`.
    pub name: String,
    pub is_agent: bool,
}

/// One process's part in it.
#[derive(Debug)]
pub struct Lease {
    /// `None`: nobody else can reach the store.
    files: Option<Files>,
    candidate: Candidate,
    agent: Option<File>,
    pager: Option<File>,
    next: Option<File>,
    /// Files cannot be locked there; told once.
    unlockable: bool,
}

#[derive(Debug)]
struct Files {
    store: PathBuf,
    pager: PathBuf,
    agent: PathBuf,
    next: PathBuf,
}

/// What came of an attempt to lock.
enum Locked {
    Ours(File),
    Taken,
    Impossible(io::Error),
}

impl Lease {
    /// Holds nothing yet; see [`Self::look`].
    pub fn new(location: &Location, candidate: Candidate) -> Self {
        let files = match location {
            Location::File(path) => Some(Files {
                store: path.clone(),
                pager: with_suffix(path, ".pager"),
                agent: with_suffix(path, ".pager-agent"),
                next: with_suffix(path, ".pager-next"),
            }),
            Location::Memory | Location::Postgres(_) => None,
        };
        Self { files, candidate, agent: None, pager: None, next: None, unlockable: false }
    }

    /// Takes it where it is `wanted` and free, gives it up where it is not wanted or somebody goes
    /// before; says who has it.
    pub fn look(&mut self, wanted: bool) -> Pager {
        let Some(Files { store, pager, agent, next }) = &self.files else {
            return if wanted { Pager::Here { alone: true } } else { Pager::Nobody };
        };
        if !wanted {
            (self.agent, self.pager, self.next) = (None, None, None);
            return holder(pager).or_else(|| holder(agent)).map_or(Pager::Nobody, Pager::Other);
        }
        if self.candidate.is_agent {
            if self.agent.is_none() {
                match lock(agent, store, &self.candidate.name) {
                    Locked::Ours(file) => self.agent = Some(file),
                    Locked::Taken => {
                        // Another agent; this one waits for its end.
                        return Pager::Other(holder(agent).unwrap_or_default());
                    }
                    Locked::Impossible(e) => return self.without(&e),
                }
            }
        } else if let Some(name) = holder(agent) {
            (self.pager, self.next) = (None, None);
            return Pager::Other(name);
        }
        if self.pager.is_none() {
            match lock(pager, store, &self.candidate.name) {
                Locked::Ours(file) => {
                    self.pager = Some(file);
                    self.next = None;
                }
                Locked::Taken => {
                    if self.next.is_none() && !self.candidate.is_agent {
                        self.next = share(next, store);
                    }
                    return holder(pager).map_or(Pager::Nobody, Pager::Other);
                }
                Locked::Impossible(e) => return self.without(&e),
            }
        }
        Pager::Here { alone: !is_locked(next) }
    }

    /// Where files cannot be locked, everybody pages: each page is stored once all the same, by the
    /// order of the log.
    fn without(&mut self, e: &io::Error) -> Pager {
        if !self.unlockable {
            self.unlockable = true;
            tracing::warn!("who pages cannot be agreed on beside the store: {e}");
        }
        Pager::Here { alone: false }
    }
}

/// Locks a file and writes into it by whom.
fn lock(path: &Path, store: &Path, name: &str) -> Locked {
    let opened = open(path, store);
    let mut file = match opened {
        Ok(file) => file,
        Err(e) => return Locked::Impossible(e),
    };
    // Whoever only asks locks it for a moment as well.
    let mut tried = file.try_lock();
    for _ in 0..ASKED_AGAIN {
        if !matches!(tried, Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::sleep(MOMENT);
        tried = file.try_lock();
    }
    match tried {
        Ok(()) => {
            // Only to be read by people.
            let _ = file.set_len(0).and_then(|()| file.write_all(name.as_bytes()));
            Locked::Ours(file)
        }
        Err(TryLockError::WouldBlock) => Locked::Taken,
        Err(TryLockError::Error(e)) => Locked::Impossible(e),
    }
}

fn share(path: &Path, store: &Path) -> Option<File> {
    let file = open(path, store).ok()?;
    file.try_lock_shared().ok().map(|()| file)
}

/// Open to those to whom the store is open, as SQLite keeps it with its own files.
fn open(path: &Path, store: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if let (Ok(own), Ok(store)) = (file.metadata(), fs::metadata(store)) {
        let mode = store.permissions().mode() & 0o666;
        if own.permissions().mode() & 0o777 != mode {
            // It may be another user's, who has seen to that.
            let _ = file.set_permissions(Permissions::from_mode(mode));
        }
    }
    Ok(file)
}

/// Who has locked a file for itself; nobody, where it is not there. Asked by a shared lock, so that
/// those who ask do not take each other for an answer.
fn holder(path: &Path) -> Option<String> {
    let file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let mut name = String::new();
            let _ = file.take(MAX_NAME).read_to_string(&mut name);
            Some(text::clean(&name, 100))
        }
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

/// Whether anybody has locked a file, be it with others. Only for whoever pages to ask.
fn is_locked(path: &Path) -> bool {
    let file = File::open(path);
    file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            Self(tempfile::TempDir::new().unwrap())
        }

        fn lease(&self, name: &str, is_agent: bool) -> Lease {
            let candidate = Candidate { name: name.to_owned(), is_agent };
            Lease::new(&Location::File(self.0.path().join("a.db")), candidate)
        }
    }

    fn other(name: &str) -> Pager {
        Pager::Other(name.to_owned())
    }

    const ALONE: Pager = Pager::Here { alone: true };

    #[test]
    fn one_of_two_consoles_pages_and_the_other_takes_over() {
        let place = Place::new();
        let (mut one, mut two) = (place.lease("one", false), place.lease("two", false));
        assert_eq!(one.look(true), ALONE);
        assert_eq!(two.look(true), other("one"));
        assert_eq!(one.look(true), Pager::Here { alone: false });
        drop(one);
        assert_eq!(two.look(true), ALONE);
    }

    #[test]
    fn a_console_makes_way_for_an_agent_and_takes_it_back() {
        let place = Place::new();
        let (mut console, mut agent) = (place.lease("console", false), place.lease("agent", true));
        assert_eq!(console.look(true), ALONE);
        assert_eq!(agent.look(true), other("console"));
        assert_eq!(console.look(true), other("agent"), "it is there, and goes before");
        assert_eq!(agent.look(true), ALONE);
        assert_eq!(console.look(true), other("agent"));
        let mut second = place.lease("second", true);
        assert_eq!(second.look(true), other("agent"));
        drop(agent);
        assert_eq!(console.look(true), ALONE);
        assert_eq!(second.look(true), other("console"));
    }

    #[test]
    fn who_only_looks_sees_who_pages_and_takes_nothing() {
        let place = Place::new();
        let mut looks = place.lease("looks", false);
        assert_eq!(looks.look(false), Pager::Nobody);
        assert_eq!(std::fs::read_dir(place.0.path()).unwrap().count(), 0, "it makes no file");
        let mut console = place.lease("console", false);
        assert_eq!(console.look(true), ALONE);
        assert_eq!(looks.look(false), other("console"));
        assert_eq!(console.look(false), Pager::Nobody, "it is not wanted any more");
        assert_eq!(looks.look(false), Pager::Nobody);
    }

    #[test]
    fn its_files_are_open_to_those_to_whom_the_store_is() {
        let place = Place::new();
        let path = |name: &str| place.0.path().join(name);
        fs::write(path("a.db"), "").unwrap();
        for mode in [0o660, 0o600] {
            fs::set_permissions(path("a.db"), Permissions::from_mode(mode)).unwrap();
            assert_eq!(place.lease("one", false).look(true), ALONE);
            let own = fs::metadata(path("a.db.pager")).unwrap().permissions().mode();
            assert_eq!(own & 0o777, mode, "{own:o}");
        }
    }

    #[test]
    fn a_store_in_memory_is_paged_for_by_who_has_it() {
        let candidate = Candidate { name: "one".to_owned(), is_agent: false };
        let mut lease = Lease::new(&Location::Memory, candidate);
        assert_eq!(lease.look(true), ALONE);
        assert_eq!(lease.look(false), Pager::Nobody);
    }
}
