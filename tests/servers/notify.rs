//! Desktop notifications on a real `dbus-daemon`, with a notification daemon of our own: shown,
//! clicked, replaced; and a bus that is missing or hangs.
//!
//! The session bus is found by the environment, which a test cannot change for itself, so that the
//! notifying side is this test binary once more, as a child.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use atalaya::domain::incident::{IncidentId, Priority};
use atalaya::notify::{Action, Channel, Notification, Notifier, Told};
use tokio::sync::mpsc;
use zbus::OwnedVariant;
use zbus::object_server::SignalEmitter;

const ROLE: &str = "ATALAYA_NOTIFY_CHILD";
const PATIENCE: Duration = Duration::from_secs(20);

/// Not a test of its own: what the child does. It shows a notification for each incident number
/// that it reads, and prints what it is told.
#[test]
fn child() {
    if std::env::var(ROLE).is_err() {
        return;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let (told, mut hears) = mpsc::channel(16);
        let notifier = Notifier::start(Channel::Desktop, told);
        tokio::task::spawn_blocking(move || {
            for line in std::io::stdin().lines() {
                let begun = Instant::now();
                notifier.notify(notification(line.unwrap().parse().unwrap()));
                assert!(begun.elapsed() < Duration::from_millis(100), "handing over waits");
            }
            // The parent is done.
            std::process::exit(0);
        });
        while let Some(told) = hears.recv().await {
            // The test harness has begun a line.
            println!("\ntold: {told:?}");
        }
    });
}

fn notification(n: u64) -> Notification {
    Notification {
        title: "P1 checkout".to_owned(),
        body: "INC-7: <b>p99</b> & more\u{1b}[31m".to_owned(),
        priority: Priority(1),
        incident: Some(IncidentId(n)),
        actions: vec![Action::Acknowledge],
    }
}

/// The notifying side.
struct Notifying {
    child: Child,
    stdin: ChildStdin,
    told: Receiver<String>,
}

impl Notifying {
    fn start(bus: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "notify::child", "--nocapture", "--test-threads=1"])
            .env(ROLE, "yes")
            .env("DBUS_SESSION_BUS_ADDRESS", bus)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (send, told) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(told) = line.strip_prefix("told: ") {
                    let _ = send.send(told.to_owned());
                }
            }
        });
        Self { child, stdin, told }
    }

    fn notify(&mut self, n: u64) {
        use std::io::Write as _;
        writeln!(self.stdin, "{n}").unwrap();
    }

    fn told(&self) -> String {
        self.told.recv_timeout(PATIENCE).expect("the notifier says nothing")
    }
}

impl Drop for Notifying {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A session bus of its own, if there is a `dbus-daemon`.
struct Bus {
    daemon: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Bus {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("unix:path={}", folder.path().join("bus").display());
        let started = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .arg(format!("--address={address}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut daemon = match started {
            Ok(daemon) => daemon,
            Err(error) => {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "dbus-daemon: {error}");
                println!("SKIPPED: dbus-daemon cannot be started: {error}");
                return None;
            }
        };
        let mut line = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("unix:"), "dbus-daemon says {line:?}");
        Some(Self { daemon, address, _folder: folder })
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// What the notification daemon was asked.
#[derive(Debug, PartialEq)]
enum Asked {
    Notify { id: u32, summary: String, body: String, actions: Vec<String>, urgency: u8 },
    Close { id: u32 },
}

/// A notification daemon after the desktop notification specification, as far as we use it.
struct Daemon {
    last: u32,
    asked: mpsc::UnboundedSender<Asked>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Daemon {
    // The signature is the specification's.
    #[allow(clippy::too_many_arguments)]
    fn notify(
        &mut self,
        app: String,
        replaces: u32,
        icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedVariant>,
        expires: i32,
    ) -> u32 {
        assert_eq!((app.as_str(), replaces, icon.as_str(), expires), ("atalaya", 0, "", -1));
        self.last += 1;
        let urgency = hints.get("urgency").and_then(|v| u8::try_from(v).ok()).unwrap_or(1);
        let _ = self.asked.send(Asked::Notify { id: self.last, summary, body, actions, urgency });
        self.last
    }

    fn close_notification(&self, id: u32) {
        let _ = self.asked.send(Asked::Close { id });
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, key: &str) -> zbus::Result<()>;
}

struct Desk {
    connection: zbus::Connection,
    asked: mpsc::UnboundedReceiver<Asked>,
}

const PATH: &str = "/org/freedesktop/Notifications";

impl Desk {
    async fn start(bus: &str) -> Self {
        let (asked, hears) = mpsc::unbounded_channel();
        let connection = zbus::connection::Builder::address(bus)
            .name("org.freedesktop.Notifications")
            .serve_at(PATH, Daemon { last: 0, asked })
            .build()
            .await
            .unwrap();
        Self { connection, asked: hears }
    }

    async fn asked(&mut self) -> Asked {
        tokio::time::timeout(PATIENCE, self.asked.recv()).await.expect("not asked").unwrap()
    }

    /// Shown notifications' ids, for those that are.
    async fn shown(&mut self) -> u32 {
        match self.asked().await {
            Asked::Notify { id, .. } => id,
            other @ Asked::Close { .. } => panic!("{other:?}"),
        }
    }

    async fn click(&self, id: u32, key: &str) {
        let emitter = SignalEmitter::new(&self.connection, PATH).unwrap();
        Daemon::action_invoked(&emitter, id, key).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_click_on_acknowledge_reaches_the_app() {
    let Some(bus) = Bus::start() else { return };
    let mut desk = Desk::start(&bus.address).await;
    let mut notifying = Notifying::start(&bus.address);
    notifying.notify(7);
    let expect = Asked::Notify {
        id: 1,
        summary: "P1 checkout".to_owned(),
        body: "INC-7: &lt;b&gt;p99&lt;/b&gt; &amp; more".to_owned(),
        actions: vec!["acknowledge".to_owned(), "Acknowledge".to_owned()],
        urgency: 2,
    };
    assert_eq!(desk.asked().await, expect);
    // It may not listen yet, and clicks on other notifications are not ours.
    desk.click(99, "acknowledge").await;
    let answer = tokio::task::spawn_blocking(move || notifying.told());
    while !answer.is_finished() {
        desk.click(1, "acknowledge").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(answer.await.unwrap(), "Acknowledge(IncidentId(7))");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_newer_word_on_an_incident_closes_the_older_one() {
    let Some(bus) = Bus::start() else { return };
    let mut desk = Desk::start(&bus.address).await;
    let mut notifying = Notifying::start(&bus.address);
    notifying.notify(7);
    assert_eq!(desk.shown().await, 1);
    notifying.notify(7);
    let asked = [desk.asked().await, desk.asked().await];
    assert!(asked.contains(&Asked::Close { id: 1 }), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_ninth_notification_closes_the_first() {
    let Some(bus) = Bus::start() else { return };
    let mut desk = Desk::start(&bus.address).await;
    let mut notifying = Notifying::start(&bus.address);
    for n in 1..=8 {
        notifying.notify(n);
        assert_eq!(u64::from(desk.shown().await), n);
    }
    notifying.notify(9);
    assert_eq!(desk.shown().await, 9);
    assert_eq!(desk.asked().await, Asked::Close { id: 1 });
}

fn in_terminal(n: u64) -> String {
    format!("{:?}", Told::Terminal(notification(n)))
}

#[test]
fn a_missing_bus_is_said_once_and_the_terminal_tells_instead() {
    let folder = tempfile::tempdir().unwrap();
    let mut notifying = Notifying::start(&address(folder.path()));
    notifying.notify(1);
    let trouble = notifying.told();
    assert!(trouble.starts_with("Trouble(\"no desktop notifications: "), "{trouble}");
    assert_eq!(notifying.told(), in_terminal(1));
    notifying.notify(2);
    assert_eq!(notifying.told(), in_terminal(2));
}

#[test]
fn a_bus_without_a_notification_daemon_is_as_good_as_none() {
    let Some(bus) = Bus::start() else { return };
    let mut notifying = Notifying::start(&bus.address);
    notifying.notify(1);
    assert!(notifying.told().starts_with("Trouble("));
    assert_eq!(notifying.told(), in_terminal(1));
}

#[test]
fn a_bus_that_hangs_is_given_up_after_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    // Accepts connections, by its backlog, and never says a word.
    let _listener = std::os::unix::net::UnixListener::bind(folder.path().join("bus")).unwrap();
    let mut notifying = Notifying::start(&address(folder.path()));
    let begun = Instant::now();
    notifying.notify(1);
    let trouble = notifying.told();
    assert!(trouble.contains("did not answer within 2 s"), "{trouble}");
    assert!(begun.elapsed() >= Duration::from_secs(2));
    // The next one does not wait for it again.
    notifying.notify(2);
    assert_eq!(notifying.told(), in_terminal(1));
    assert_eq!(notifying.told(), in_terminal(2));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

fn address(folder: &Path) -> String {
    format!("unix:path={}", folder.join("bus").display())
}
