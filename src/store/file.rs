//! The SQLite file as a file: made private, addressed by URL, moved aside when damaged, and watched
//! for other processes' changes.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{FlockOperation, fcntl_lock};

use super::{Location, StoreError};
use crate::domain::text;

/// How much of a file is looked at to tell whether it is a text.
const LOOKED_AT: u64 = 4096;

/// Makes the folder (0700) and an empty file (0600) where there is none yet. SQLite gives `-wal` and
/// `-shm` the mode of the file. Returns whether there is nothing in it.
pub(super) fn create(path: &Path) -> Result<bool, StoreError> {
    let unusable = |e: io::Error| StoreError::Unusable {
        store: path.display().to_string(),
        reason: e.to_string(),
        remedy: "choose another place with --store or [store] url".to_owned(),
    };
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
    }
    match create_private(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(unusable(e)),
        _ => Ok(fs::metadata(path).map_err(unusable)?.len() == 0),
    }
}

/// A new empty file that only its owner may read.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Makes what others may read or change private where it is ours, and says so; says it where it is
/// not ours. A folder only if it bears our name: any other may be everybody's for a reason. What is
/// open to a group alone was opened to it by somebody.
pub(super) fn tighten(path: &Path) -> Vec<String> {
    let folder = path.parent().filter(|f| f.file_name().is_some_and(|name| name == "atalaya"));
    let files = ["", "-wal", "-shm"].map(|suffix| (with_suffix(path, suffix), 0o600));
    let all = files.into_iter().chain(folder.map(|f| (f.to_owned(), 0o700)));
    all.filter_map(|(path, mode)| {
        let open = fs::metadata(&path).ok()?.permissions().mode() & 0o007;
        if open == 0 {
            return None;
        }
        let shown = text::clean(&path.display().to_string(), 1_000);
        Some(match fs::set_permissions(&path, Permissions::from_mode(mode)) {
            Ok(()) => format!("{shown} was open to other users; its mode is {mode:04o} now"),
            Err(e) => format!(
                "{shown} is open to other users and cannot be made private ({e}); have its owner \
                 set its mode to {mode:04o}"
            ),
        })
    })
    .collect()
}

/// As [`url`], to read only. Where SQLite could not even make its files for that beside it, the file
/// is taken as one that does not change, unless there is a write-ahead log.
pub(super) fn url_to_read(path: &Path) -> Result<String, StoreError> {
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let url = url(path)?;
    let is_closed = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_err();
    // One that is there belongs to a console that runs, or holds what was not moved into the file.
    let is_whole = !with_suffix(path, "-wal").exists();
    Ok(match (is_closed, is_whole) {
        (false, _) => url,
        (true, true) => url.replace("?mode=rw", "?mode=ro&immutable=1"),
        (true, false) => url.replace("?mode=rw", "?mode=ro"),
    })
}

/// The URL under which sqlx opens that file; it must exist.
pub(super) fn url(path: &Path) -> Result<String, StoreError> {
    let unusable = |reason: String| StoreError::Unusable {
        store: path.display().to_string(),
        reason,
        remedy: "choose another place with --store or [store] url".to_owned(),
    };
    let absolute = std::path::absolute(path).map_err(|e| unusable(e.to_string()))?;
    let Some(text) = absolute.to_str() else {
        return Err(unusable("its path is not UTF-8".to_owned()));
    };
    let mut url = String::from("sqlite://");
    for byte in text.bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                url.push(char::from(byte));
            }
            other => {
                let _ = write!(url, "%{other:02X}");
            }
        }
    }
    url.push_str("?mode=rw");
    Ok(url)
}

/// Renames a damaged file, its `-wal` and its `-shm`, so that a new one can take the place; returns
/// what to tell the person. Only under an exclusive lock on the file, which conflicts with the locks
/// that SQLite holds in every process that has it open.
pub(super) fn set_aside(path: &Path, reason: &str) -> Result<String, StoreError> {
    let store = path.display().to_string();
    let damaged = |remedy: String| StoreError::Damaged {
        store: store.clone(),
        reason: reason.to_owned(),
        remedy,
    };
    let by_hand =
        |e: io::Error| damaged(format!("it could not be moved aside ({e}), do it by hand"));
    let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(by_hand)?;
    if is_text(&mut file).map_err(by_hand)? {
        return Err(damaged(
            "it is a text and never was a store: name another file, or move this one away"
                .to_owned(),
        ));
    }
    fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        damaged("another process has it open: end that one, then start again".to_owned())
    })?;
    // Whoever was faster has moved this file already; then there is nothing left to do.
    let mine = file.metadata().map_err(by_hand)?;
    if fs::metadata(path).map_or(true, |now| now.ino() != mine.ino()) {
        return Ok(format!("{store} was damaged and another process has moved it aside"));
    }
    let stamp = chrono::Utc::now().format("%Y%m%dT%H%M%S%.3f");
    let aside = with_suffix(path, &format!(".damaged-{stamp}"));
    for suffix in ["-wal", "-shm", ""] {
        let from = with_suffix(path, suffix);
        match fs::rename(&from, with_suffix(&aside, suffix)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(by_hand(e)),
            _ => {}
        }
    }
    Ok(format!(
        "{store} was damaged ({reason}) and is kept as {}; a new store was begun",
        aside.display()
    ))
}

/// Whether a file is somebody's text: a config given for a store is not to be moved away.
fn is_text(file: &mut File) -> io::Result<bool> {
    let mut start = Vec::new();
    file.take(LOOKED_AT).read_to_end(&mut start)?;
    let valid = match std::str::from_utf8(&start) {
        Ok(_) => true,
        // Cut within its last letter.
        Err(e) => e.error_len().is_none(),
    };
    Ok(!start.is_empty() && valid && !start.contains(&0))
}

/// `path` with `suffix` appended to its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// A file that is open, by what does not change when it is written to.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// It has a write-ahead log, which a few file systems cannot give it.
    logged: bool,
}

impl Identity {
    /// Of the file that is at `path` now; `None` if there is none.
    pub fn of(path: &Path) -> Option<Self> {
        let m = fs::metadata(path).ok()?;
        let logged = with_suffix(path, "-wal").exists();
        Some(Self { path: path.to_owned(), device: m.dev(), inode: m.ino(), logged })
    }

    /// Whether the path still leads to that file. Where it does not, what is written goes into a
    /// file that nobody will find again.
    pub fn is_in_place(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|m| (m.dev(), m.ino()) == (self.device, self.inode))
    }

    /// As [`Self::is_in_place`], and the write-ahead log is beside it. For a moment in which SQLite
    /// surely has that open.
    pub fn is_whole(&self) -> bool {
        self.is_in_place() && (!self.logged || with_suffix(&self.path, "-wal").exists())
    }
}

/// Tells whether another process may have changed the store, at the cost of two `stat`s.
#[derive(Debug)]
pub struct Watch {
    what: What,
    file: Option<Identity>,
    stamp: Option<Stamp>,
    again: bool,
}

#[derive(Debug)]
enum What {
    /// Nobody else can reach it.
    Nothing,
    /// Its write-ahead log.
    Wal(PathBuf),
    /// Only reading the head tells.
    Head,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: Option<SystemTime>,
}

impl Watch {
    pub(super) fn new(location: &Location, file: Option<Identity>) -> Self {
        let what = match location {
            Location::Memory => What::Nothing,
            Location::File(path) => What::Wal(with_suffix(path, "-wal")),
            Location::Postgres(_) => What::Head,
        };
        Self { what, file, stamp: None, again: false }
    }

    /// For the tick: whether the head should be read. True on a change and once more at the next
    /// tick, because the file changes before the commit in it becomes visible.
    pub fn look(&mut self) -> bool {
        let look = self.peek();
        let stamp = self.stamp_now();
        self.again = stamp != self.stamp;
        self.stamp = stamp;
        look
    }

    /// Between ticks: whether the head should be read now. Leaves what the tick will see as it is.
    /// True as well while the file is not in its place, so that reading it says so.
    pub fn peek(&self) -> bool {
        let lost = || self.file.as_ref().is_some_and(|f| !f.is_in_place());
        match self.what {
            What::Nothing => false,
            What::Wal(_) => self.again || self.stamp_now() != self.stamp || lost(),
            What::Head => true,
        }
    }

    /// Bytes in the write-ahead log at the last look.
    pub fn wal_size(&self) -> u64 {
        self.stamp.map_or(0, |s| s.size)
    }

    fn stamp_now(&self) -> Option<Stamp> {
        let What::Wal(wal) = &self.what else { return None };
        let m = fs::metadata(wal).ok()?;
        Some(Stamp { inode: m.ino(), size: m.len(), modified: m.modified().ok() })
    }
}
