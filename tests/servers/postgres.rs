//! The store on a PostgreSQL server of its own: the same promises as on SQLite.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use atalaya::store::{Location, Store};
use sqlx::{AnyConnection, Connection, Executor};
use tempfile::TempDir;

#[path = "../faults/contract.rs"]
mod contract;

/// A server on a socket in a folder of its own; gone with the value.
struct Postgres {
    child: Child,
    dir: TempDir,
}

impl Postgres {
    /// `None` where it is not installed.
    fn start() -> Option<Self> {
        let Some(bin) = installed() else {
            let why = "SKIPPED: no /usr/lib/postgresql/*/bin/postgres; install postgresql";
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{why}");
            println!("{why}");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        if rustix::process::geteuid().is_root() {
            let [uid, gid] = ["-u", "-g"].map(id);
            chown(dir.path(), Some(uid), Some(gid)).unwrap();
        }
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let made = as_postgres(&bin.join("initdb"))
            .arg("-D")
            .arg(&data)
            .args(["-U", "ana", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
            .current_dir("/")
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
        let child = as_postgres(&bin.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(dir.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=40"])
            .current_dir("/")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, dir })
    }

    fn url(&self, database: &str) -> String {
        let socket = self.dir.path().to_str().unwrap().replace('/', "%2F");
        format!("postgres://ana@localhost/{database}?host={socket}")
    }

    async fn ready(&self) -> AnyConnection {
        let since = Instant::now();
        loop {
            match AnyConnection::connect(&self.url("postgres")).await {
                Ok(connection) => return connection,
                Err(e) => assert!(since.elapsed() < Duration::from_mins(1), "not ready: {e}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        // Immediate shutdown: its own children end with it.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_keeps_every_promise_that_sqlite_keeps() {
    let Some(server) = Postgres::start() else { return };
    sqlx::any::install_default_drivers();
    let mut admin = server.ready().await;
    for promise in contract::PROMISES {
        println!("{promise}");
        admin.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {promise}"))).await.unwrap();
        contract::keep(promise, &Location::Postgres(server.url(promise))).await;
    }

    let location = Location::Postgres(server.url("restart"));
    println!("a reader cannot write");
    let reader = Store::open(&location, true).await.unwrap();
    assert!(reader.probe().await.is_err());
    reader.close().await;
    admin.close().await.unwrap();
}

fn installed() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    versions.filter_map(|v| Some(v.ok()?.path().join("bin"))).find(|b| b.join("postgres").exists())
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn id(of: &str) -> u32 {
    let said = Command::new("id").args([of, "postgres"]).output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().parse().unwrap()
}
