//! The thread that reads: one poll over the terminal and the signals, no time-out while nothing is
//! half read, no spinning when the terminal is gone.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use tokio::sync::mpsc;

use super::key::{InputEvent, Key, KeyCode, Leave, Mods};
use super::parser::{Parsed, Parser, Report, Waiting};
use super::session::{LATEST_ANSWER, Session, locked};

/// How many events may wait for the app; then the keys wait in the kernel.
const QUEUE: usize = 1_024;
/// How long a lone ESC waits at least while the terminal's answers are on their way.
const EXPECTED: Duration = Duration::from_millis(100);
/// How long half a sequence may be silent, when no answer is expected.
const HALF: Duration = Duration::from_millis(500);
/// How long the app has to restore the terminal once it was told to leave.
const UNANSWERED: Duration = Duration::from_millis(500);
/// How long it then has to end: nobody watches a dead terminal, but a person who said Ctrl-C
/// would rather have the store closed properly.
const HUNG_UP: Duration = Duration::from_millis(900);
const ANSWERED: Duration = Duration::from_secs(5);

/// The reading thread, seen from the thread that draws.
pub(super) struct Input {
    gate: Arc<Gate>,
    waker: UnixStream,
}

/// Whether the terminal may be read: not while an editor has it.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum GateState {
    #[default]
    Open,
    Closing,
    Closed,
    /// Nobody reads any more.
    Stopped,
}

struct Reader {
    session: Arc<Session>,
    gate: Arc<Gate>,
    signals: SignalDelivery<UnixStream, SignalOnly>,
    events: mpsc::Sender<InputEvent>,
    outbox: VecDeque<InputEvent>,
    parser: Parser,
    /// When the last byte came.
    last: Instant,
    escape_wait: Duration,
    /// The terminal is gone: never polled again.
    dead: bool,
}

impl Input {
    /// Starts the thread. `escape_wait`: how long a lone ESC waits for the rest of a sequence.
    pub fn start(
        session: Arc<Session>,
        escape_wait: Duration,
    ) -> io::Result<(Self, mpsc::Receiver<InputEvent>)> {
        let (events, receiver) = mpsc::channel(QUEUE);
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        let waker = write.try_clone()?;
        let mut watched = vec![SIGWINCH, SIGTERM, SIGINT, SIGQUIT, SIGTSTP, SIGCONT];
        // `nohup` and the like have their reasons; the terminal's end is noticed all the same.
        if !ignored(SIGHUP) {
            watched.push(SIGHUP);
        }
        let signals = SignalDelivery::with_pipe(read, write, SignalOnly, &watched)?;
        let gate = Arc::new(Gate::default());
        let reader = Reader {
            session,
            gate: Arc::clone(&gate),
            signals,
            events,
            outbox: VecDeque::new(),
            parser: Parser::default(),
            last: Instant::now(),
            escape_wait,
            dead: false,
        };
        std::thread::Builder::new()
            .name("terminal input".to_owned())
            .spawn(move || reader.run())?;
        Ok((Self { gate, waker }, receiver))
    }

    /// Returns once nobody reads the terminal any more.
    pub fn pause(&self) {
        self.turn(GateState::Closing);
        let mut state = locked(&self.gate.state);
        while *state == GateState::Closing {
            let wait = self.gate.changed.wait_timeout(state, Duration::from_millis(200));
            let (back, late) = wait.unwrap_or_else(std::sync::PoisonError::into_inner);
            state = back;
            if late.timed_out() {
                break;
            }
        }
    }

    /// Lets it read again.
    pub fn resume(&self) {
        self.turn(GateState::Open);
    }

    fn turn(&self, to: GateState) {
        let mut state = locked(&self.gate.state);
        if *state != GateState::Stopped {
            *state = to;
        }
        drop(state);
        // A full pipe wakes just as well.
        let _ = rustix::io::write(&self.waker, b"!");
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        // The thread stays for the signals: the program may still be ended, but is not read to.
        self.turn(GateState::Stopped);
    }
}

impl Reader {
    fn run(mut self) {
        loop {
            self.deliver();
            let gate = self.pass_gate();
            let reading = gate == GateState::Open && self.outbox.is_empty();
            let tty_flags = if reading { PollFlags::IN } else { PollFlags::empty() };
            let session = Arc::clone(&self.session);
            let pipe = PollFd::new(self.signals.get_read(), PollFlags::IN);
            let tty = PollFd::from_borrowed_fd(session.tty().as_fd(), tty_flags);
            let mut fds = [pipe, tty];
            let watched = if self.dead { 1 } else { 2 };
            let timeout = self.timeout().map(timespec);
            let Some(fds) = fds.get_mut(..watched) else { return };
            match poll(fds, timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return self.hang_up(),
            }
            let mut ready = fds.iter().map(PollFd::revents);
            let (pipe, tty) = (ready.next(), ready.next().unwrap_or(PollFlags::empty()));
            if pipe.is_some_and(|flags| !flags.is_empty()) {
                let caught: Vec<i32> = self.signals.pending().collect();
                // The terminal may have been lent while we slept.
                let gate = self.pass_gate();
                for signal in caught {
                    self.signal(signal, gate);
                }
            }
            if tty.contains(PollFlags::IN) {
                self.read();
            } else if tty.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
                self.hang_up();
            }
            if self.timeout().is_some_and(|left| left.is_zero()) {
                let parsed = self.parser.give_up();
                self.take(parsed);
            }
        }
    }

    /// Hands over what the app has room for.
    fn deliver(&mut self) {
        while let Some(event) = self.outbox.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
                self.outbox.push_front(event);
                break;
            }
        }
    }

    fn pass_gate(&self) -> GateState {
        let mut state = locked(&self.gate.state);
        if *state == GateState::Closing {
            *state = GateState::Closed;
            self.gate.changed.notify_all();
        }
        *state
    }

    /// How long to poll; for ever while nothing is half read.
    fn timeout(&self) -> Option<Duration> {
        let patience = match self.parser.waiting() {
            _ if !self.outbox.is_empty() => return Some(Duration::from_millis(10)),
            Waiting::Nothing => return None,
            // An ESC is then more likely the beginning of an answer than a key.
            Waiting::Escape if self.session.expects_answers() => self.escape_wait.max(EXPECTED),
            Waiting::Escape => self.escape_wait,
            Waiting::Rest if self.session.expects_answers() => LATEST_ANSWER,
            Waiting::Rest => HALF,
        };
        Some(patience.saturating_sub(self.last.elapsed()))
    }

    fn read(&mut self) {
        let mut buffer = [0; 4_096];
        match rustix::io::read(self.session.tty(), &mut buffer) {
            Ok(0) => self.hang_up(),
            Ok(n) => {
                self.last = Instant::now();
                let parsed = self.parser.feed(buffer.get(..n).unwrap_or_default());
                self.take(parsed);
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => self.hang_up(),
        }
    }

    fn take(&mut self, parsed: Vec<Parsed>) {
        for one in parsed {
            match one {
                Parsed::Key(Key { code: KeyCode::Char('c'), mods: Mods::CTRL }) => {
                    self.leave(Leave::Interrupt);
                }
                Parsed::Key(Key { code: KeyCode::Char('z'), mods: Mods::CTRL }) => {
                    self.outbox.push_back(InputEvent::Suspend);
                }
                Parsed::Key(key) => self.outbox.push_back(InputEvent::Key(key)),
                Parsed::Paste(text) => self.outbox.push_back(InputEvent::Paste(text)),
                Parsed::Mouse(mouse) => self.outbox.push_back(InputEvent::Mouse(mouse)),
                Parsed::Focus(focus) => self.outbox.push_back(InputEvent::Focus(focus)),
                Parsed::Report(report) => self.learn(&report),
            }
        }
    }

    fn learn(&mut self, report: &Report) {
        if *report == Report::Attributes {
            self.session.answered();
        }
        if self.session.caps().learn(report)
            && let Report::Background(background) = report
        {
            self.outbox.push_back(InputEvent::Background(*background));
        }
    }

    fn signal(&mut self, signal: i32, gate: GateState) {
        let lent = matches!(gate, GateState::Closing | GateState::Closed);
        match signal {
            SIGWINCH if self.session.measure() => {
                let event = InputEvent::Resize(self.session.size());
                // In a storm only the last one counts.
                match self.outbox.back_mut() {
                    Some(last @ InputEvent::Resize(_)) => *last = event,
                    _ => self.outbox.push_back(event),
                }
            }
            SIGTERM => self.leave(Leave::Terminate),
            SIGHUP => self.leave(Leave::HangUp),
            // While an editor has the terminal, its keys are not meant for us, ...
            SIGINT if !lent => self.leave(Leave::Interrupt),
            SIGQUIT if !lent => self.leave(Leave::Quit),
            SIGTSTP if !lent => self.outbox.push_back(InputEvent::Suspend),
            // ... but we have to stop with it, or the shell would wait for us.
            SIGTSTP => {
                let _ = kill_process(getpid(), Signal::STOP);
            }
            SIGCONT if !lent => self.outbox.push_back(InputEvent::Continued),
            _ => {}
        }
    }

    fn hang_up(&mut self) {
        self.dead = true;
        self.leave(Leave::HangUp);
    }

    /// Asks the app to leave, once, and makes sure that it does.
    fn leave(&mut self, why: Leave) {
        if !self.session.leave(why) {
            return;
        }
        self.outbox.push_back(InputEvent::Leave(why));
        let session = Arc::clone(&self.session);
        let watchdog = std::thread::Builder::new().name("terminal watchdog".to_owned());
        let watch = move || {
            std::thread::sleep(UNANSWERED);
            if !session.is_taken() {
                let total = if why == Leave::HangUp { HUNG_UP } else { ANSWERED };
                std::thread::sleep(total.saturating_sub(UNANSWERED));
            }
            session.restore();
            signal_hook::low_level::exit(i32::from(why.code()));
        };
        if watchdog.spawn(watch).is_err() {
            self.session.restore();
            signal_hook::low_level::exit(i32::from(why.code()));
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    // Rounded up by a millisecond, so that what is due is due when the poll returns.
    let duration = duration + Duration::from_millis(1);
    Timespec { tv_sec: duration.as_secs() as i64, tv_nsec: i64::from(duration.subsec_nanos()) }
}

/// Whether the program was started with that signal ignored. Only Linux tells without `unsafe`.
fn ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}
