//! The hold on the terminal: modes and termios set once, put back once, whoever does it.
//!
//! Shared by the thread that draws, the thread that reads, the watchdog and the panic hook. All
//! output goes through a file description of our own, opened non-blocking: the shell's is never
//! changed, and a terminal that does not read can be given up.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{self, OptionalActions, QueueSelector, Termios};

use super::capabilities::Capabilities;
use super::key::Leave;

/// How long a terminal that does not read is offered the farewell.
const FAREWELL: Duration = Duration::from_millis(100);
/// How long restoring waits for answers that are still on their way, so that they do not end up in
/// the shell's command line.
const ANSWERS: Duration = Duration::from_millis(60);
/// Answers that come later than that are not waited for.
pub(super) const LATEST_ANSWER: Duration = Duration::from_secs(3);

pub(super) struct Session {
    tty: OwnedFd,
    /// The line discipline as it was found.
    found: Termios,
    caps: Mutex<Capabilities>,
    /// Columns in the upper half.
    size: AtomicU32,
    /// Our modes are set.
    taken: AtomicBool,
    mouse: AtomicBool,
    /// A frame is being written; what restores must first end a sequence that was cut.
    writing: AtomicBool,
    /// When the terminal was asked, while it has not answered.
    asked: Mutex<Option<Instant>>,
    leaving: Mutex<Option<Leave>>,
}

impl Session {
    /// Opens the terminal that standard output (or else standard input) is connected to.
    pub fn open(caps: Capabilities) -> io::Result<Self> {
        let tty = open_tty()?;
        let found = termios::tcgetattr(&tty)?;
        let session = Self {
            tty,
            found,
            caps: Mutex::new(caps),
            size: AtomicU32::new(0),
            taken: AtomicBool::new(false),
            mouse: AtomicBool::new(false),
            writing: AtomicBool::new(false),
            asked: Mutex::new(None),
            leaving: Mutex::new(None),
        };
        session.measure();
        Ok(session)
    }

    pub fn tty(&self) -> &OwnedFd {
        &self.tty
    }

    pub fn caps(&self) -> MutexGuard<'_, Capabilities> {
        locked(&self.caps)
    }

    /// Raw mode and the screen are ours. `probe`: ask what the terminal can do, once.
    pub fn take(&self, probe: bool) -> io::Result<()> {
        let mut raw = self.found.clone();
        raw.make_raw();
        match termios::tcsetattr(&self.tty, OptionalActions::Now, &raw) {
            Err(error) if is_gone(error) => return Ok(()),
            set => set?,
        }
        let again = self.taken.swap(true, Ordering::SeqCst);
        // The alternate screen keeps the colours of this moment for the end.
        let mut enter = "\x1b[m".to_owned();
        let caps = self.caps().clone();
        // What is saved twice would have to be put back twice.
        if caps.title && !again {
            enter.push_str("\x1b[22;0t");
        }
        // Alternate screen, no cursor, bracketed paste, focus reports; told of a change of theme.
        enter.push_str("\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h");
        if !caps.basic {
            enter.push_str("\x1b[?2031h");
        }
        if self.mouse.load(Ordering::SeqCst) {
            enter.push_str(MOUSE_ON);
        }
        if probe && !caps.probes().is_empty() {
            enter.push_str(caps.probes());
            *locked(&self.asked) = Some(Instant::now());
        }
        self.write(enter.as_bytes())
    }

    /// Puts everything back, once; safe from any thread. In the background the terminal is
    /// somebody else's already and stays untouched.
    pub fn restore(&self) {
        self.restore_after(|| ());
    }

    /// As [`Self::restore`]; `stop_reading` is called once the last answers are in and before
    /// anything is typed for whoever has the terminal next.
    pub fn restore_after(&self, stop_reading: impl FnOnce()) {
        if !self.taken.swap(false, Ordering::SeqCst) || !self.in_foreground() {
            return stop_reading();
        }
        let caps = match self.caps.try_lock() {
            Ok(caps) => caps.clone(),
            Err(_) => Capabilities::detect(|_| None),
        };
        let mut leave = String::new();
        if self.writing.load(Ordering::SeqCst) {
            // CAN ends whatever sequence was cut in the middle.
            leave.push_str("\x18\x1b[?2026l");
        }
        leave.push_str("\x1b[m");
        leave.push_str(MOUSE_OFF);
        if !caps.basic {
            leave.push_str("\x1b[?2031l");
        }
        leave.push_str("\x1b[?1004l\x1b[?2004l");
        if caps.basic {
            // No alternate screen: leave an empty one.
            leave.push_str("\x1b[H\x1b[2J");
        }
        leave.push_str("\x1b[?1049l\x1b[?25h");
        if caps.title {
            leave.push_str("\x1b[23;0t");
        }
        let until = Instant::now() + FAREWELL;
        let _ = self.push(leave.as_bytes(), || Instant::now() < until);
        self.await_answers();
        stop_reading();
        let _ = termios::tcflush(&self.tty, QueueSelector::IFlush);
        let _ = termios::tcsetattr(&self.tty, OptionalActions::Now, &self.found);
    }

    fn await_answers(&self) {
        let due = |asked: Option<Instant>| asked.is_some_and(|at| at.elapsed() < LATEST_ANSWER);
        let until = Instant::now() + ANSWERS;
        while due(*locked(&self.asked)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The last of the answers is in.
    pub fn answered(&self) {
        *locked(&self.asked) = None;
    }

    /// Whether an answer may still come.
    pub fn expects_answers(&self) -> bool {
        locked(&self.asked).is_some_and(|at| at.elapsed() < LATEST_ANSWER)
    }

    pub fn is_taken(&self) -> bool {
        self.taken.load(Ordering::SeqCst)
    }

    /// Writes all of it, and waits for a terminal that does not read, but not longer than until the
    /// program has to leave. What can no longer be written is dropped without an error.
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.writing.store(true, Ordering::SeqCst);
        match self.push(bytes, || self.is_taken() && self.leaving().is_none()) {
            Ok(true) => self.writing.store(false, Ordering::SeqCst),
            Err(error) if !is_gone(error) => return Err(error.into()),
            Ok(false) | Err(_) => {}
        }
        Ok(())
    }

    /// Writes while `patient`, which is asked only when the terminal does not read; whether
    /// everything was written.
    fn push(&self, bytes: &[u8], patient: impl Fn() -> bool) -> Result<bool, Errno> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::write(&self.tty, rest) {
                Ok(n) => rest = rest.get(n..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if patient() => {
                    let mut fds = [PollFd::new(&self.tty, PollFlags::OUT)];
                    let slice = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
                    let _ = poll(&mut fds, Some(&slice));
                }
                Err(Errno::AGAIN) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Asks the kernel for the size; whether it changed.
    pub fn measure(&self) -> bool {
        let told = termios::tcgetwinsize(&self.tty).ok().filter(|w| w.ws_col > 0 && w.ws_row > 0);
        // A line that knows no size (serial consoles) is a VT100's.
        let (width, height) = told.map_or((80, 24), |w| (w.ws_col, w.ws_row));
        let packed = u32::from(width) << 16 | u32::from(height);
        self.size.swap(packed, Ordering::SeqCst) != packed
    }

    pub fn size(&self) -> Size {
        let packed = self.size.load(Ordering::SeqCst);
        Size { width: (packed >> 16) as u16, height: packed as u16 }
    }

    pub fn set_mouse(&self, on: bool) -> io::Result<()> {
        if self.mouse.swap(on, Ordering::SeqCst) == on {
            return Ok(());
        }
        self.write(if on { MOUSE_ON } else { MOUSE_OFF }.as_bytes())
    }

    /// Marks that the program has to end; whether this is the first time.
    pub fn leave(&self, why: Leave) -> bool {
        locked(&self.leaving).replace(why).is_none()
    }

    pub fn leaving(&self) -> Option<Leave> {
        *locked(&self.leaving)
    }

    /// Whether the terminal listens to our process group. A terminal that does not control us
    /// cannot be taken from us.
    pub fn in_foreground(&self) -> bool {
        termios::tcgetpgrp(&self.tty).is_ok_and(|group| group == rustix::process::getpgrp())
            || termios::tcgetpgrp(&self.tty).is_err()
    }
}

/// Buttons and drags in SGR coordinates; never plain motion.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l\x1b[?1000l";

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked cannot have left these half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the kernel says of a terminal that is no longer there. It is not treated as an error: that
/// the terminal is gone is for the reading thread to say, in one place, as [`Leave::HangUp`].
fn is_gone(error: Errno) -> bool {
    matches!(error, Errno::IO | Errno::NXIO | Errno::PIPE)
}

fn open_tty() -> io::Result<OwnedFd> {
    let (stdout, stdin) = (std::io::stdout(), std::io::stdin());
    let fds = [stdout.as_fd(), stdin.as_fd()];
    if !termios::isatty(stdout.as_fd()) {
        let why = "standard output is not a terminal; \
                   run it in one, or use a subcommand such as `atalaya incidents`";
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    let names = fds.into_iter().filter_map(|fd| termios::ttyname(fd, Vec::new()).ok());
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let open = |path: &std::ffi::CStr| rustix::fs::open(path, flags, Mode::empty());
    for name in names {
        if let Ok(tty) = open(&name) {
            return Ok(tty);
        }
    }
    // After `su` the device belongs to somebody else, but it is still the controlling terminal.
    open(c"/dev/tty").map_err(|error| {
        let why = format!("the terminal cannot be opened: {error}; is /dev mounted?");
        io::Error::new(error.kind(), why)
    })
}
