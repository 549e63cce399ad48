//! The `host` source against a disk that really fills up.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use atalaya::domain::health::signal::Track;
use atalaya::domain::health::{Service, State};
use atalaya::domain::observation::{Fact, Observation};
use atalaya::domain::time::Instant;
use atalaya::sources::Source;
use atalaya::sources::host::HostSource;
use atalaya::sources::settings::{self, HttpSettings, Kind, SourceSettings};
use chrono::TimeDelta;

/// A small file system of its own, gone with the value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(bytes: usize) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(folder.path())
            .output()
            .map_err(|e| format!("mount could not be started: {e}"))?;
        let why = String::from_utf8_lossy(&mounted.stderr).trim().to_owned();
        if mounted.status.success() { Ok(Self(folder)) } else { Err(why) }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn host() -> HostSource {
    let host = settings::Host { top_processes: 0, services: true };
    let settings = SourceSettings {
        name: Arc::from("host"),
        interval: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
        max_body: 0,
        http: HttpSettings::default(),
        kind: Kind::Host(host.clone()),
        asks: Vec::new(),
    };
    HostSource::new(&settings, &host)
}

/// The service of the disk at `path`, and the value of its signal `used`.
fn disk<'a>(seen: &'a Observation, path: &Path) -> Option<(&'a Service, f64)> {
    let query = format!("disk:{}", path.display());
    let services = seen.facts.iter().find_map(|f| match f {
        Fact::Services(services) => Some(services),
        _ => None,
    })?;
    let service = services.iter().find(|s| s.signals.iter().any(|x| x.query == query))?;
    let readings = seen.facts.iter().find_map(|f| match f {
        Fact::Signals(readings) => Some(readings),
        _ => None,
    })?;
    let used = readings.iter().find(|r| r.service == service.id && &*r.signal == "used")?;
    Some((service, used.value))
}

#[tokio::test]
async fn a_disk_that_fills_up_turns_critical_and_comes_back_when_it_is_cleared() {
    let small = match SmallDisk::mount(4 << 20) {
        Ok(small) => small,
        Err(why) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => {
            panic!("no disk could be mounted: {why}")
        }
        Err(why) => {
            println!("SKIPPED: no disk could be mounted: {why}");
            return;
        }
    };
    let mut source = host();
    let mut now: Instant = "2026-11-24T14:00:00Z".parse().unwrap();
    let mut track: Option<Track> = None;
    let ballast = small.path().join("ballast");
    for (fill, expect) in [(0, State::Ok), (3_900_000, State::Critical), (0, State::Ok)] {
        std::fs::write(&ballast, vec![b'x'; fill]).unwrap();
        now += TimeDelta::seconds(5);
        let seen = source.poll(now).await.unwrap();
        let (service, used) = disk(&seen, small.path()).expect("the new disk is not declared");
        let signal = service.signals.iter().find(|s| &*s.name == "used").unwrap();
        assert!(signal.raises);
        let track = track.get_or_insert_with(|| Track::new(signal.clone(), now));
        track.push(now, used, now, TimeDelta::hours(1));
        assert_eq!(track.state, expect, "{used} %");
    }
    let path = small.path().to_owned();
    drop(small);
    let seen = source.poll(now).await.unwrap();
    assert!(disk(&seen, &path).is_none(), "the disk is still declared after it was unmounted");
}
