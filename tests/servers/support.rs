//! Starts the servers that the tests need: real ones, on free loopback ports, with their files in a
//! temporary folder; killed when they are dropped.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use atalaya::domain::health::ServiceId;
use atalaya::sources::http_client::Clients;
use atalaya::sources::settings::{Ask, HttpSettings, Kind, SourceSettings};
use atalaya::sources::{Source, registry};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

/// Debian's Icinga, without the script before it.
const ICINGA: &str = "/usr/lib/x86_64-linux-gnu/icinga2/sbin/icinga2";
/// How long a server may take to do what a test waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs; its `url` has no slash at the end.
pub struct Server {
    pub url: String,
    pub port: u16,
    child: Child,
    /// How it was started, and how it says that it is ready.
    program: String,
    arguments: Vec<String>,
    ready: String,
    /// Its files.
    dir: TempDir,
}

impl Server {
    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Ends it as a power cut would, and starts it again on its files.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.program, &self.arguments, self.dir.path());
        let begun = Instant::now();
        while get(self.port, &self.ready) != Some(200) {
            assert!(begun.elapsed() < PATIENCE, "{} does not come back", self.program);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn spawn(program: &str, arguments: &[String], dir: &Path) -> Child {
    let log = File::options().create(true).append(true).open(dir.join("log")).unwrap();
    Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether these programs are installed. If not, says that the test is skipped, or fails under
/// `CI=true`.
pub fn installed(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing = programs
        .iter()
        .find(|program| !std::env::split_paths(&path).any(|dir| dir.join(program).is_file()));
    if let Some(program) = missing {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{program} is not installed");
        println!("SKIPPED: {program} is not installed");
    }
    missing.is_none()
}

/// A port that nobody uses right now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a server and waits until `ready` answers 200. `arguments` are made for its port and its
/// folder; another port is tried when it ends at once, since the first may have been taken.
pub fn start(
    program: &str,
    prefix: &str,
    ready: &str,
    arguments: impl Fn(u16, &Path) -> Vec<String>,
) -> Server {
    for _ in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let arguments = arguments(port, dir.path());
        let mut child = spawn(program, &arguments, dir.path());
        let begun = Instant::now();
        loop {
            if get(port, ready) == Some(200) {
                let url = format!("http://127.0.0.1:{port}{prefix}");
                let (program, ready) = (program.to_owned(), ready.to_owned());
                return Server { url, port, child, program, arguments, ready, dir };
            }
            if child.try_wait().unwrap().is_some() {
                break;
            }
            if begun.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                let log = fs::read_to_string(dir.path().join("log")).unwrap_or_default();
                panic!("{program} is not ready after {PATIENCE:?}:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    panic!("{program} does not start");
}

/// The status of a GET; `None` if there is no answer.
fn get(port: u16, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()
}

/// A Prometheus that scrapes itself (and `targets`) and evaluates `rules` every second, and tells
/// the Alertmanagers on these ports again every second. It lives under the path `/prom`.
pub fn prometheus(rules: &str, alertmanagers: &[u16], targets: &[u16]) -> Server {
    prometheus_with(rules, alertmanagers, targets, |_| {})
}

/// The same, with data that `prepare` puts into its folder `data` first.
pub fn prometheus_with(
    rules: &str,
    alertmanagers: &[u16],
    targets: &[u16],
    prepare: impl Fn(&Path),
) -> Server {
    let addresses = |ports: &[u16]| {
        ports.iter().map(|p| format!("'127.0.0.1:{p}'")).collect::<Vec<_>>().join(", ")
    };
    start("prometheus", "/prom", "/prom/-/ready", |port, dir| {
        prepare(dir);
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s, external_labels: {{dc: one}}}}\n\
             rule_files: [rules.yml]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: [{}]}}]}}]}}\n\
             scrape_configs:\n\
             - {{job_name: self, metrics_path: /prom/metrics, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n\
             - {{job_name: others, static_configs: [{{targets: [{}]}}]}}\n",
            addresses(alertmanagers),
            addresses(targets),
        );
        fs::write(dir.join("prometheus.yml"), config).unwrap();
        fs::write(dir.join("rules.yml"), rules).unwrap();
        vec![
            "--config.file=prometheus.yml".to_owned(),
            "--storage.tsdb.path=data".to_owned(),
            "--storage.tsdb.retention.time=60d".to_owned(),
            format!("--web.listen-address=127.0.0.1:{port}"),
            format!("--web.external-url=http://127.0.0.1:{port}/prom"),
            "--rules.alert.resend-delay=1s".to_owned(),
            "--log.level=warn".to_owned(),
        ]
    })
}

/// An Alertmanager that gossips on a port of its own, with `peer` if there is one. Its `Maintenance`
/// alert inhibits `Inhibited` ones.
pub fn alertmanager(gossip: u16, peer: Option<u16>) -> Server {
    start("prometheus-alertmanager", "", "/-/ready", |port, dir| {
        let config = "route: {receiver: nobody, group_wait: 1s}\n\
                      receivers: [{name: nobody}]\n\
                      inhibit_rules:\n\
                      - {source_matchers: ['alertname=\"Cause\"'], target_matchers: ['alertname=\"Effect\"']}\n";
        fs::write(dir.join("alertmanager.yml"), config).unwrap();
        let mut arguments = vec![
            "--config.file=alertmanager.yml".to_owned(),
            "--storage.path=data".to_owned(),
            format!("--web.listen-address=127.0.0.1:{port}"),
            format!("--cluster.listen-address=127.0.0.1:{gossip}"),
            "--cluster.gossip-interval=50ms".to_owned(),
            "--cluster.pushpull-interval=1s".to_owned(),
            "--cluster.settle-timeout=1s".to_owned(),
            "--log.level=warn".to_owned(),
        ];
        arguments.extend(peer.map(|peer| format!("--cluster.peer=127.0.0.1:{peer}")));
        arguments
    })
}

/// An Icinga with these objects, behind TLS with a certificate of its own. `lab` may do everything,
/// `reader` may only look; both have the password `secret`.
pub struct Icinga {
    pub url: String,
    child: Child,
    dir: TempDir,
}

impl Icinga {
    pub fn start(objects: &str) -> Self {
        for _ in 0..3 {
            let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
            let mut icinga = Self {
                url: format!("https://127.0.0.1:{port}"),
                child: spawn_icinga(dir.path(), port, objects),
                dir,
            };
            let begun = Instant::now();
            while begun.elapsed() < PATIENCE && icinga.child.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return icinga;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let log = fs::read_to_string(icinga.dir.path().join("log")).unwrap_or_default();
            println!("icinga2 does not start:\n{log}");
        }
        panic!("icinga2 does not start");
    }
}

impl Drop for Icinga {
    /// Its processes are a group.
    fn drop(&mut self) {
        let group = Pid::from_raw(self.child.id() as i32).unwrap();
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

fn spawn_icinga(dir: &Path, port: u16, objects: &str) -> Child {
    let folders = ["data/certs", "data/api", "log.d", "cache", "spool", "run"];
    for folder in folders {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let certs = dir.join("data/certs");
    let file = |name: &str| certs.join(name).to_str().unwrap().to_owned();
    let (key, certificate) = (file("test.key"), file("test.crt"));
    let subject = ["-subj", "/CN=test", "-keyout", &key, "-out", &certificate];
    let options = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
    run("openssl", &[&options[..], &subject].concat());
    fs::copy(&certificate, file("ca.crt")).unwrap();
    let config = format!(
        r#"include <itl>
        const NodeName = "test"
        const ZoneName = "test"
        object Endpoint NodeName {{ }}
        object Zone ZoneName {{ endpoints = [ NodeName ] }}
        object CheckerComponent "checker" {{ }}
        object IcingaApplication "app" {{ }}
        object ApiListener "api" {{ bind_host = "127.0.0.1"; bind_port = {port} }}
        object ApiUser "lab" {{ password = "secret"; permissions = [ "*" ] }}
        object ApiUser "reader" {{ password = "secret"; permissions = [ "objects/query/*", "status/query" ] }}
        {objects}"#
    );
    fs::write(dir.join("icinga2.conf"), config).unwrap();
    let user = run("id", &["-un"]);
    let group = run("id", &["-gn"]);
    let program = if Path::new(ICINGA).is_file() { ICINGA } else { "icinga2" };
    let mut command = Command::new(program);
    command.args(["daemon", "-c", "icinga2.conf"]);
    for (name, value) in [
        ("DataDir", "data"),
        ("LogDir", "log.d"),
        ("CacheDir", "cache"),
        ("SpoolDir", "spool"),
        ("InitRunDir", "run"),
        ("PidPath", "run/icinga2.pid"),
        ("StatePath", "data/icinga2.state"),
        ("ObjectsPath", "cache/icinga2.debug"),
        ("VarsPath", "cache/icinga2.vars"),
    ] {
        let place = dir.join(value);
        command.arg("-D").arg(format!("Configuration.{name}={}", place.display()));
    }
    command.arg("-D").arg(format!("Configuration.RunAsUser={}", user.trim()));
    command.arg("-D").arg(format!("Configuration.RunAsGroup={}", group.trim()));
    let log = File::options().create(true).append(true).open(dir.join("log")).unwrap();
    command
        .env("ICINGA2_USER", user.trim())
        .env("ICINGA2_GROUP", group.trim())
        .current_dir(dir)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Runs a tool to its end and gives what it prints.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until `look` finds something.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The settings of a source of that kind, with signals named after their queries.
pub fn settings(kind: Kind, queries: &[&str]) -> SourceSettings {
    SourceSettings {
        name: "upstream".into(),
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(10),
        max_body: 64 * 1024 * 1024,
        http: HttpSettings::default(),
        kind,
        asks: queries
            .iter()
            .map(|query| Ask {
                service: ServiceId::new("s"),
                signal: (*query).into(),
                query: (*query).to_owned(),
            })
            .collect(),
    }
}

/// The source with these settings.
pub fn source(settings: &SourceSettings, is_origin: bool) -> Box<dyn Source> {
    registry(settings, is_origin, &Clients::default())
}
