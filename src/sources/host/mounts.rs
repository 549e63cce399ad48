//! The disks of this machine: which mounts are real, and how full they are.
//!
//! A mount whose server is gone blocks every question about it, for ever. Each mount is therefore
//! asked on a thread of its own that nobody waits for longer than a moment; while one hangs, it is
//! not asked again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::domain::time::Instant;

/// At most this many disks are watched.
const MAX_DISKS: usize = 64;
/// Smaller file systems are devices of somebody's machinery, not disks, in bytes.
const MIN_SIZE: u64 = 1 << 20;

/// One line of the mount table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub point: PathBuf,
    /// `ext4`, `nfs4`, …
    pub kind: String,
    /// `major:minor`, or whatever else is equal for two mounts of one file system.
    device: String,
    /// What part of the file system is mounted; `/` unless it is a bind mount.
    root: String,
    pub read_only: bool,
}

/// How full a file system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// In bytes. As in `df`: used and free do not add up to the size where root has a reserve.
    pub size: u64,
    pub used: u64,
    pub free: u64,
    /// How many inodes there are, and how many are free for everybody; 0 and 0 where the file
    /// system has no such limit.
    pub inodes: (u64, u64),
}

/// What was found of one mount.
#[derive(Debug, Clone)]
pub struct Disk {
    pub mount: Mount,
    pub answer: Answer,
}

#[derive(Debug, Clone)]
pub enum Answer {
    Usage(Usage),
    /// It refuses to say.
    Failed(String),
    /// It has been asked then, and has not answered yet.
    Hanging(Instant),
}

impl Mount {
    /// Whether it is served over a network or by another program, and may therefore hang.
    pub fn is_remote(&self) -> bool {
        is_remote(&self.kind)
    }
}

impl Usage {
    /// In percent, as `df` says it: of what users can have.
    pub fn used_percent(&self) -> f64 {
        percent(self.used, self.used.saturating_add(self.free))
    }

    /// In percent; `None` where there is no limit.
    pub fn inodes_percent(&self) -> Option<f64> {
        let (all, free) = self.inodes;
        (all > 0).then(|| percent(all.saturating_sub(free), all))
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}

/// The mounts of this machine and the questions that are still open.
pub struct Disks {
    table: PathBuf,
    patience: Duration,
    asked: BTreeMap<PathBuf, Asked>,
}

struct Asked {
    since: Instant,
    answer: oneshot::Receiver<io::Result<Usage>>,
}

impl Disks {
    /// `table` is a file like `/proc/self/mountinfo`; `patience` is how long one look may take.
    pub fn new(table: PathBuf, patience: Duration) -> Self {
        Self { table, patience, asked: BTreeMap::new() }
    }

    /// Asks every disk. Takes at most `patience`, however many of them hang.
    pub async fn look(&mut self, now: Instant) -> io::Result<Vec<Disk>> {
        let mounts = real(mounts(&self.table)?);
        self.asked.retain(|point, _| mounts.iter().any(|m| m.point == *point));
        for mount in &mounts {
            self.asked
                .entry(mount.point.clone())
                .or_insert_with(|| Asked { since: now, answer: ask(mount.point.clone()) });
        }
        let deadline = tokio::time::Instant::now() + self.patience;
        let mut disks = Vec::with_capacity(mounts.len());
        for mount in mounts {
            let Some(asked) = self.asked.get_mut(&mount.point) else { continue };
            let answer = match tokio::time::timeout_at(deadline, &mut asked.answer).await {
                Err(_) => Answer::Hanging(asked.since),
                Ok(answer) => {
                    self.asked.remove(&mount.point);
                    match answer {
                        Ok(Ok(usage)) if usage.size < MIN_SIZE => continue,
                        Ok(Ok(usage)) => Answer::Usage(usage),
                        Ok(Err(e)) => Answer::Failed(e.to_string()),
                        Err(_) => Answer::Failed("no thread could be started to ask it".to_owned()),
                    }
                }
            };
            disks.push(Disk { mount, answer });
        }
        Ok(disks)
    }
}

/// Asks on a thread that the runtime does not wait for when the program ends, unlike its own
/// blocking threads.
fn ask(point: PathBuf) -> oneshot::Receiver<io::Result<Usage>> {
    let (reply, answer) = oneshot::channel();
    // A failure drops `reply`, which the receiver notices.
    let _ = std::thread::Builder::new().name("statvfs".to_owned()).stack_size(64 * 1024).spawn(
        move || {
            let _ = reply.send(usage(&point));
        },
    );
    answer
}

fn usage(point: &Path) -> io::Result<Usage> {
    let s = rustix::fs::statvfs(point)?;
    let unit = if s.f_frsize > 0 { s.f_frsize } else { s.f_bsize };
    Ok(Usage {
        size: s.f_blocks.saturating_mul(unit),
        used: s.f_blocks.saturating_sub(s.f_bfree).saturating_mul(unit),
        free: s.f_bavail.saturating_mul(unit),
        inodes: (s.f_files, s.f_favail),
    })
}

#[cfg(target_os = "linux")]
fn mounts(table: &Path) -> io::Result<Vec<Mount>> {
    let text = std::fs::read(table)?;
    Ok(parse(&String::from_utf8_lossy(&text)))
}

#[cfg(not(target_os = "linux"))]
fn mounts(_table: &Path) -> io::Result<Vec<Mount>> {
    use sysinfo::{DiskRefreshKind, Disks};
    let disks = Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing())
        .map_err(|e| io::Error::other(e.to_string()))?;
    let mount = |d: &sysinfo::Disk| Mount {
        point: d.mount_point().to_owned(),
        kind: d.file_system().to_string_lossy().to_lowercase(),
        device: d.name().to_string_lossy().into_owned(),
        root: "/".to_owned(),
        read_only: d.is_read_only(),
    };
    Ok(disks.list().iter().map(mount).collect())
}

/// Reads `/proc/self/mountinfo`; see proc(5). Lines that make no sense are skipped.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn parse(table: &str) -> Vec<Mount> {
    table.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Mount> {
    let (place, file_system) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(2);
    let device = place.next()?.to_owned();
    let root = unescape(place.next()?);
    let point = PathBuf::from(unescape(place.next()?));
    let options = place.next()?;
    let kind = file_system.split(' ').next()?.to_owned();
    let read_only = options.split(',').any(|o| o == "ro");
    Some(Mount { point, kind, device, root, read_only })
}

/// `\040` and the like are bytes in octal.
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'\\')
            .then(|| after.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let (byte, used) = code.map_or((*first, 1), |byte| (byte, 4));
        out.push(byte);
        rest = rest.get(used..).unwrap_or_default();
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Keeps what a person would call a disk, each file system once: where its root is mounted rather
/// than a part of it, then the shortest path. Sorted by path.
fn real(mounts: Vec<Mount>) -> Vec<Mount> {
    // A later mount on the same point hides the earlier one.
    let by_point: BTreeMap<PathBuf, Mount> =
        mounts.into_iter().map(|m| (m.point.clone(), m)).collect();
    let mut candidates: Vec<Mount> = by_point.into_values().filter(is_disk).collect();
    candidates.sort_by_key(|m| (m.root != "/", m.point.as_os_str().len(), m.point.clone()));
    let mut seen = BTreeSet::new();
    candidates.retain(|m| seen.insert(m.device.clone()));
    candidates.sort_by(|a, b| a.point.cmp(&b.point));
    candidates.truncate(MAX_DISKS);
    candidates
}

/// Known kinds only: new pseudo file systems appear with every kernel, new real ones rarely.
fn is_disk(mount: &Mount) -> bool {
    const LOCAL: [&str; 18] = [
        "ext2", "ext3", "ext4", "xfs", "btrfs", "bcachefs", "zfs", "f2fs", "jfs", "reiserfs",
        "vfat", "exfat", "ntfs", "ntfs3", "hfsplus", "hfs", "apfs", "ufs",
    ];
    let under = |folder: &str| mount.point.starts_with(folder);
    // Container runtimes bind these single files from the host's disk.
    let injected = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"].iter().any(|f| under(f));
    match mount.kind.as_str() {
        _ if injected => false,
        "tmpfs" => !mount.read_only && !["/dev", "/run", "/sys", "/proc"].into_iter().any(under),
        // The root of a container; elsewhere its disk is counted already.
        "overlay" => mount.point == Path::new("/"),
        kind => LOCAL.contains(&kind) || is_remote(kind),
    }
}

fn is_remote(kind: &str) -> bool {
    const OWN: [&str; 4] = ["fuse.portal", "fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.snapfuse"];
    const REMOTE: [&str; 12] = [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ceph",
        "glusterfs",
        "9p",
        "virtiofs",
        "afs",
        "fuseblk",
        "lustre",
    ];
    REMOTE.contains(&kind) || kind.starts_with("fuse.") && !OWN.contains(&kind)
}

/// The mount of one line, for the tests of the whole source.
#[cfg(test)]
pub fn tests_mount(line: &str) -> Mount {
    parse_line(line).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const TABLE: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
25 24 0:23 / /dev/shm rw,relatime - tmpfs tmpfs rw,size=24684084k
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
31 27 254:0 /srv/data /data rw,relatime shared:1 - ext4 /dev/vda rw
32 27 0:40 / /mnt/my\\040disk rw,relatime shared:2 - nfs4 nas:/export rw,vers=4.2
33 27 7:1 / /snap/core/1 ro,nodev - squashfs /dev/loop1 ro
34 27 0:50 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
35 27 0:51 / /tmp rw - tmpfs tmpfs rw
36 27 8:1 / /home rw - ext4 /dev/sda1 rw
37 27 8:2 / /home ro - xfs /dev/sda2 rw
38 27 254:0 /etc/hosts /etc/hosts rw - ext4 /dev/vda rw
nonsense
";

    fn points(table: &str) -> Vec<String> {
        real(parse(table)).iter().map(|m| m.point.display().to_string()).collect()
    }

    #[test]
    fn only_real_disks_are_kept_and_each_file_system_once() {
        assert_eq!(points(TABLE), ["/", "/home", "/mnt/my disk", "/tmp"]);
    }

    #[test]
    fn the_mount_on_top_hides_the_one_below() {
        let home = real(parse(TABLE)).into_iter().find(|m| m.point == Path::new("/home")).unwrap();
        assert_eq!((home.kind.as_str(), home.read_only), ("xfs", true));
    }

    #[rstest]
    #[case("1 0 0:99 / / rw - overlay overlay rw", &["/"])]
    #[case("1 0 0:30 /@home /home rw - btrfs /dev/sda rw\n2 0 0:30 /@ / rw - btrfs /dev/sda rw",
        &["/"])]
    #[case("1 0 254:0 /x /etc/resolv.conf rw - ext4 /dev/vda rw", &[])]
    fn containers_and_subvolumes_are_understood(#[case] table: &str, #[case] expect: &[&str]) {
        assert_eq!(points(table), expect);
    }

    #[rstest]
    #[case(Usage { size: 100, used: 45, free: 45, inodes: (0, 0) }, 50.0, None)]
    #[case(Usage { size: 0, used: 0, free: 0, inodes: (0, 0) }, 0.0, None)]
    #[case(Usage { size: 10, used: 10, free: 0, inodes: (8, 2) }, 100.0, Some(75.0))]
    fn use_is_counted_as_df_does(
        #[case] usage: Usage,
        #[case] used: f64,
        #[case] inodes: Option<f64>,
    ) {
        assert_eq!((usage.used_percent(), usage.inodes_percent()), (used, inodes));
    }

    #[tokio::test]
    async fn a_disk_that_does_not_answer_is_named_and_not_asked_again() {
        let table = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&table, "1 0 254:0 / / rw - ext4 /dev/vda rw").unwrap();
        let mut disks = Disks::new(table.path().to_owned(), Duration::from_millis(20));
        let (_server_that_never_speaks, answer) = oneshot::channel();
        let since = Instant::UNIX_EPOCH;
        disks.asked.insert(PathBuf::from("/"), Asked { since, answer });
        let later = since + chrono::TimeDelta::seconds(9);
        for _ in 0..2 {
            let found = disks.look(later).await.unwrap();
            assert!(
                matches!(found.as_slice(), [Disk { answer: Answer::Hanging(at), .. }] if *at == since)
            );
        }
    }

    proptest! {
        #[test]
        fn any_table_is_read_without_panic_and_bounded(table in "[ -~\\n\\\\]{0,400}") {
            prop_assert!(real(parse(&table)).len() <= MAX_DISKS);
        }
    }
}
