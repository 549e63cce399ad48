//! A console in a pseudo-terminal, watched by a terminal emulator.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::Termios;
use tempfile::TempDir;

/// Longer than anything may take on a busy machine; nothing waits that long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Console {
    pub master: Box<dyn MasterPty + Send>,
    pub writer: Box<dyn Write + Send>,
    pub child: Box<dyn Child + Send + Sync>,
    seen: Arc<Mutex<Seen>>,
    /// How many bytes have come, before anybody made sense of them.
    received: Arc<AtomicUsize>,
    /// The terminal's line discipline before anything ran.
    found: Termios,
    tty: std::fs::File,
    /// Its own home, where it was not given one.
    _home: Option<TempDir>,
}

/// What came out of the terminal.
pub struct Seen {
    pub bytes: Vec<u8>,
    pub parser: vt100::Parser,
}

/// How to start: the command, and what is special about its environment.
pub struct Start<'a> {
    pub shell: Option<&'a str>,
    pub env: &'a [(&'a str, &'a str)],
    /// Answers as a terminal does when it is asked for its attributes, that much later.
    pub answers: Option<(Duration, &'static [u8])>,
    pub read: bool,
    /// The home folder; without, a new one that goes with the console.
    pub home: Option<&'a Path>,
    /// Columns and rows.
    pub size: (u16, u16),
}

impl Default for Start<'_> {
    fn default() -> Self {
        Self { shell: None, env: &[], answers: None, read: true, home: None, size: (80, 24) }
    }
}

pub const BINARY: &str = env!("CARGO_BIN_EXE_atalaya");

fn nonzero(n: u16) -> NonZeroU16 {
    n.try_into().unwrap()
}

pub fn size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

impl Console {
    /// The console alone, at 80×24.
    pub fn start() -> Self {
        Self::with(&Start::default())
    }

    /// `shell`: a script for `bash -c` in which `$ATALAYA` is the binary; an empty one is an
    /// interactive shell, none is the binary alone.
    pub fn with(start: &Start<'_>) -> Self {
        let own = start.home.is_none().then(|| tempfile::tempdir().unwrap());
        let home = start.home.or(own.as_ref().map(TempDir::path)).unwrap();
        // The welcome was read, as on any but the very first start.
        let state = home.join(".local/state/atalaya");
        std::fs::create_dir_all(&state).unwrap();
        std::fs::write(state.join("welcomed"), "").unwrap();
        let pair = native_pty_system().openpty(size(start.size.0, start.size.1)).unwrap();
        let mut command = match start.shell {
            Some(script) => {
                let mut command = CommandBuilder::new("bash");
                command.args(["--norc", "--noprofile"]);
                if script.is_empty() {
                    // Without a line editor, which sets modes of its own.
                    command.args(["--noediting", "-i"]);
                } else {
                    command.args(["-c", script]);
                }
                command
            }
            None => CommandBuilder::new(BINARY),
        };
        command.env_clear();
        command.cwd(home);
        for (name, value) in environment(home).iter().chain(start.env.iter()) {
            command.env(name, value);
        }
        command.env("HOME", home);
        let tty = pair.master.tty_name().unwrap();
        let tty = std::fs::OpenOptions::new().read(true).write(true).open(tty).unwrap();
        let found = rustix::termios::tcgetattr(&tty).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let seen = Arc::new(Mutex::new(Seen {
            bytes: Vec::new(),
            parser: vt100::Parser::new(nonzero(start.size.1), nonzero(start.size.0), 0),
        }));
        let writer = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let received = Arc::new(AtomicUsize::new(0));
        if start.read {
            let came = Arc::clone(&received);
            let reader = pair.master.try_clone_reader().unwrap();
            let (seen, writer, answers) = (Arc::clone(&seen), Arc::clone(&writer), start.answers);
            std::thread::spawn(move || watch(reader, &came, &seen, &writer, answers));
        }
        let writer = Box::new(Shared(writer));
        Self { master: pair.master, writer, child, seen, received, found, tty, _home: own }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.writer.write_all(bytes.as_ref()).unwrap();
        self.writer.flush().unwrap();
    }

    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.seen().parser.screen_mut().set_size(nonzero(rows), nonzero(cols));
        self.master.resize(size(cols, rows)).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.process_id().unwrap() as i32).unwrap()
    }

    /// The shell's only child.
    pub fn job(&self) -> Pid {
        let shell = self.pid().as_raw_nonzero();
        let path = format!("/proc/{shell}/task/{shell}/children");
        let children = std::fs::read_to_string(path).unwrap();
        Pid::from_raw(children.trim().parse().unwrap()).unwrap()
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    pub fn received(&self) -> usize {
        self.received.load(Ordering::Relaxed)
    }

    pub fn text(&self) -> String {
        self.seen().parser.screen().contents()
    }

    /// Waits until the screen shows that.
    pub fn wait_for(&self, text: &str) {
        wait(|| self.text().contains(text), || format!("{text:?} on\n{}", self.text()));
    }

    /// Waits until the console has drawn itself on its own screen.
    pub fn wait_until_open(&self) {
        let open = || self.modes()[&1049] && self.text().contains("atalaya");
        wait(open, || format!("the console on\n{}", self.text()));
    }

    /// Waits until the terminal is the shell's again.
    pub fn wait_until_closed(&self) {
        let closed = || count(&self.seen().bytes, b"\x1b[?1049l") > 0 && self.is_cooked();
        wait(closed, || format!("the shell on\n{}", self.text()));
    }

    /// Waits until nothing has been written for a while.
    pub fn wait_until_quiet(&self) {
        let mut last = (usize::MAX, Instant::now());
        wait(
            || {
                let now = self.seen().bytes.len();
                if now != last.0 {
                    last = (now, Instant::now());
                }
                last.1.elapsed() > Duration::from_millis(300)
            },
            || "silence".to_owned(),
        );
    }

    /// Waits for the end; the exit code, and how long it took.
    pub fn wait_for_end(&mut self) -> (u32, Duration) {
        let begun = Instant::now();
        let mut status = None;
        wait(
            || {
                status = self.child.try_wait().unwrap();
                status.is_some()
            },
            || "the end".to_owned(),
        );
        (status.unwrap().exit_code(), begun.elapsed())
    }

    /// The private modes that were ever touched, and whether they are set.
    pub fn modes(&self) -> BTreeMap<u16, bool> {
        let mut modes = BTreeMap::from([(25, true), (1049, false), (2004, false), (1004, false)]);
        let seen = self.seen();
        let text = String::from_utf8_lossy(&seen.bytes);
        for part in text.split("\x1b[?").skip(1) {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            let (number, rest) = part.split_at(end);
            match (number.parse(), rest.chars().next()) {
                (Ok(mode), Some('h')) => _ = modes.insert(mode, true),
                (Ok(mode), Some('l')) => _ = modes.insert(mode, false),
                _ => {}
            }
        }
        modes
    }

    /// Every mode and the line discipline are as they were found.
    pub fn assert_restored(&self) {
        let restored = || {
            self.modes().iter().all(|(mode, set)| *set == (*mode == 25))
                && !self.seen().parser.screen().alternate_screen()
                && self.is_cooked()
        };
        wait(restored, || format!("modes: {:?}, cooked: {}", self.modes(), self.is_cooked()));
        let seen = self.seen();
        let screen = seen.parser.screen();
        assert_eq!(screen.fgcolor(), vt100::Color::Default);
        assert!(!screen.bold() && !screen.inverse());
        let pushed = count(&seen.bytes, b"\x1b[22;0t");
        assert_eq!(pushed, count(&seen.bytes, b"\x1b[23;0t"), "titles saved and put back");
    }

    /// Whether the line discipline is as it was found: keys are echoed, lines edited.
    pub fn is_cooked(&self) -> bool {
        let now = rustix::termios::tcgetattr(&self.tty).unwrap();
        let facts = |t: &Termios| (t.input_modes, t.output_modes, t.local_modes, t.control_modes);
        facts(&now) == facts(&self.found)
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Shared(Arc<Mutex<Box<dyn Write + Send>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.lock().unwrap().flush()
    }
}

fn environment(home: &Path) -> Vec<(&'static str, &'static str)> {
    assert!(home.is_dir());
    vec![
        ("TERM", "xterm-256color"),
        ("LANG", "C.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("ATALAYA", BINARY),
        ("PS1", "shell> "),
        ("HISTFILE", ""),
    ]
}

fn watch(
    mut reader: Box<dyn Read + Send>,
    came: &AtomicUsize,
    seen: &Mutex<Seen>,
    writer: &Mutex<Box<dyn Write + Send>>,
    answers: Option<(Duration, &[u8])>,
) {
    let mut buffer = [0; 8_192];
    let mut asked = 0;
    while let Ok(n @ 1..) = reader.read(&mut buffer) {
        came.fetch_add(n, Ordering::Relaxed);
        let questions = {
            let mut seen = seen.lock().unwrap();
            seen.bytes.extend_from_slice(&buffer[..n]);
            seen.parser.process(&buffer[..n]);
            count(&seen.bytes, b"\x1b[c")
        };
        if let Some((delay, answer)) = answers.filter(|_| questions > asked) {
            asked = questions;
            std::thread::sleep(delay);
            let _ = writer.lock().unwrap().write_all(answer);
        }
    }
}

pub fn count(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).filter(|window| *window == part).count()
}

/// Waits for a condition.
pub fn wait(mut condition: impl FnMut() -> bool, what: impl FnOnce() -> String) {
    let until = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < until, "waited in vain for {}", what());
        std::thread::sleep(Duration::from_millis(5));
    }
}
