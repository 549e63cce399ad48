//! What the app holds in its hand: draws, copies, notifies, lends the terminal to an editor, and
//! puts everything back when it is dropped.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Weak};
use std::thread::ThreadId;
use std::time::Duration;

use ratatui::layout::Size;
use ratatui::{Frame, Terminal as Ratatui};
use rustix::process::{Pid, Signal, getpid, getsid, kill_current_process_group, kill_process};
use tokio::sync::mpsc;

use super::capabilities::{Capabilities, Glyphs};
use super::colour::Depth;
use super::headless::{Headless, Shared};
use super::input::Input;
use super::key::InputEvent;
use super::links::Links;
use super::session::{Session, locked};
use super::surface::{Output, Surface, Wide};
use super::{clipboard, sequence};
use crate::domain::text::{MAX_TEXT, clean, clean_text};

/// What the user decided about the terminal; `None` is found out.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub colour: Option<Depth>,
    pub glyphs: Option<Glyphs>,
    /// How long a lone ESC waits for the rest of a sequence: 25 ms, over SSH 100 ms.
    pub escape_wait: Option<Duration>,
}

/// The way to a [`Tui`].
#[derive(Debug)]
pub struct Terminal;

/// A terminal that is ours until this is dropped.
///
/// Drawing may wait for a terminal that does not read, so it belongs into the main thread (the
/// future of `block_on`), where no task of the engine can be stuck behind it.
pub struct Tui {
    terminal: Ratatui<Surface>,
    wide: Wide,
    kind: Kind,
    glyphs: Glyphs,
    drawn: u64,
}

enum Kind {
    Tty { session: Arc<Session>, input: Input },
    Headless(Arc<Shared>),
}

impl Terminal {
    /// Takes the terminal over: raw mode, alternate screen, the reading thread, the panic hook.
    ///
    /// The events end with [`InputEvent::Leave`] where the program has to end; a channel that closes
    /// means the same. The calling thread is the one whose panic restores the terminal.
    ///
    /// # Errors
    /// Standard output is no terminal, or it cannot be opened or set.
    pub fn take_over(options: Options) -> io::Result<(Tui, mpsc::Receiver<InputEvent>)> {
        let env = |name: &str| std::env::var(name).ok();
        let caps = Capabilities::detect(env);
        let wait = if caps.ssh { 100 } else { 25 };
        let wait = options.escape_wait.unwrap_or(Duration::from_millis(wait));
        let depth = options.colour.unwrap_or_else(|| Depth::detect(env));
        let glyphs = options.glyphs.unwrap_or_else(|| Glyphs::detect(env));
        let session = Arc::new(Session::open(caps)?);
        restore_on_panic(Arc::downgrade(&session), std::thread::current().id());
        let (input, events) = Input::start(Arc::clone(&session), wait)?;
        if let Err(error) = session.take(true) {
            session.restore();
            return Err(error);
        }
        let mut surface = Surface::new(Output::Tty(Arc::clone(&session)), depth);
        surface.forget();
        let terminal = Ratatui::new(surface)?;
        Ok((
            Tui {
                terminal,
                wide: Wide::default(),
                kind: Kind::Tty { session, input },
                glyphs,
                drawn: 0,
            },
            events,
        ))
    }

    /// A terminal of that size without a terminal, for tests that drive the real app.
    ///
    /// # Errors
    /// None in practice; drawing has an error type.
    pub fn headless(
        width: u16,
        height: u16,
        options: Options,
    ) -> io::Result<(Tui, mpsc::Receiver<InputEvent>, Headless)> {
        let shared = Arc::new(Shared::new(Size { width, height }));
        let (input, events) = mpsc::channel(1_024);
        let depth = options.colour.unwrap_or(Depth::All);
        let terminal = Ratatui::new(Surface::new(Output::Headless(Arc::clone(&shared)), depth))?;
        let kind = Kind::Headless(Arc::clone(&shared));
        let glyphs = options.glyphs.unwrap_or_default();
        Ok((
            Tui { terminal, wide: Wide::default(), kind, glyphs, drawn: 0 },
            events,
            Headless::new(shared, input),
        ))
    }
}

impl Tui {
    /// Draws a frame; only what differs from the last one is sent, in one write.
    ///
    /// # Errors
    /// The terminal cannot be written to, for another reason than being gone: that is told by
    /// [`InputEvent::Leave`] alone.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame)) -> io::Result<()> {
        self.draw_linked(|frame, _| render(frame))
    }

    /// As [`Tui::draw`], with links where the terminal has them.
    ///
    /// # Errors
    /// As [`Tui::draw`].
    pub fn draw_linked(&mut self, render: impl FnOnce(&mut Frame, &mut Links)) -> io::Result<()> {
        #[cfg(debug_assertions)]
        self.provoke();
        self.drawn += 1;
        let table = self.terminal.backend().links();
        let able = match &self.kind {
            Kind::Tty { session, .. } => session.caps().links,
            Kind::Headless(_) => true,
        };
        let wide = &mut self.wide;
        let done = self.terminal.draw(|frame| {
            let mut links = Links::default();
            render(frame, &mut links);
            if able {
                let mut table = locked(&table);
                for (area, url) in links.0 {
                    table.mark(frame.buffer_mut(), area, &url);
                }
            }
            wide.refresh(frame.buffer_mut());
        })?;
        if let Kind::Headless(shared) = &self.kind {
            shared.drew(done.buffer);
        }
        Ok(())
    }

    /// Draws everything afresh the next time, whatever the terminal shows now.
    pub fn redraw(&mut self) -> io::Result<()> {
        self.terminal.backend_mut().forget();
        self.terminal.clear()
    }

    /// The size in cells.
    pub fn size(&self) -> Size {
        match &self.kind {
            Kind::Tty { session, .. } => session.size(),
            Kind::Headless(shared) => shared.size(),
        }
    }

    pub fn depth(&self) -> Depth {
        self.terminal.backend().depth()
    }

    /// Draws with that many colours from now on.
    pub fn set_depth(&mut self, depth: Depth) -> io::Result<()> {
        self.terminal.backend_mut().set_depth(depth);
        self.redraw()
    }

    pub fn glyphs(&self) -> Glyphs {
        self.glyphs
    }

    /// What is known of the terminal by now.
    pub fn capabilities(&self) -> Capabilities {
        match &self.kind {
            Kind::Tty { session, .. } => session.caps().clone(),
            Kind::Headless(_) => Capabilities::detect(|_| None),
        }
    }

    /// Reports clicks, the wheel and drags, or leaves the mouse to the terminal (so at the start).
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        match &self.kind {
            Kind::Tty { session, .. } => session.set_mouse(on),
            Kind::Headless(_) => Ok(()),
        }
    }

    /// Sets the window's title, where there is one; the old one comes back at the end.
    pub fn set_title(&mut self, text: &str) -> io::Result<()> {
        match &self.kind {
            Kind::Tty { session, .. } if session.caps().title => {
                session.write(sequence::title(text).as_bytes())
            }
            Kind::Tty { .. } => Ok(()),
            Kind::Headless(shared) => {
                shared.set_title(&clean(text, 200));
                Ok(())
            }
        }
    }

    /// Copies to the clipboard of the person's own machine, also over SSH.
    ///
    /// # Errors
    /// The text is longer than [`sequence::MAX_COPY`] bytes, or the terminal is gone.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let caps = self.capabilities();
        let Some(sequence) = sequence::copy(text, &caps) else {
            let most = sequence::MAX_COPY;
            let why = format!("{} bytes are too many to copy; at most {most}", text.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        };
        match &self.kind {
            Kind::Tty { session, .. } => {
                clipboard::offer(text);
                session.write(sequence.as_bytes())
            }
            Kind::Headless(shared) => {
                shared.copy(text);
                Ok(())
            }
        }
    }

    /// Calls the person by means of the terminal: a notification where it has them, else the bell.
    pub fn notify(&mut self, title: &str, body: &str) -> io::Result<()> {
        let sequence = sequence::notify(title, body, &self.capabilities());
        match &self.kind {
            Kind::Tty { session, .. } => session.write(sequence.as_bytes()),
            Kind::Headless(shared) => {
                shared.notify(&clean(title, 300), &clean(body, 300));
                Ok(())
            }
        }
    }

    /// Rings the bell.
    pub fn bell(&mut self) -> io::Result<()> {
        match &self.kind {
            Kind::Tty { session, .. } => session.write(b"\x07"),
            Kind::Headless(_) => Ok(()),
        }
    }

    /// Stops the program until `fg`: restores the terminal, stops the process group as Ctrl-Z does,
    /// takes the terminal again. Draw afterwards. Nothing happens where nobody could continue us.
    pub fn suspend(&mut self) -> io::Result<()> {
        let Kind::Tty { session, input } = &self.kind else { return Ok(()) };
        // The first process of a session has no shell behind it that knows `fg`.
        if getsid(None).is_ok_and(|leader| leader == getpid()) {
            return Ok(());
        }
        session.restore_after(|| input.pause());
        loop {
            // The whole group, as the kernel does: a script that started us stops with us.
            let _ = kill_current_process_group(Signal::STOP);
            // Continued. In the background (`bg`, or `kill %1`) the terminal stays the shell's;
            // a signal that ends us is given the time to arrive.
            if !session.in_foreground() {
                std::thread::sleep(Duration::from_millis(50));
            }
            if session.in_foreground() || session.leaving().is_some() {
                break;
            }
        }
        self.take_again()
    }

    /// Takes the terminal back after a stop from outside, or whenever it may have been changed.
    pub fn take_again(&mut self) -> io::Result<()> {
        if let Kind::Tty { session, input } = &self.kind {
            // Whoever is about to end in the background does not touch the terminal.
            if session.leaving().is_some() || !session.in_foreground() {
                return Ok(());
            }
            session.measure();
            session.take(false)?;
            input.resume();
        }
        self.redraw()
    }

    /// Lends the terminal to `command` and waits for it. If the program has to leave meanwhile, the
    /// command gets SIGHUP, upon which editors save what they have.
    pub fn lend(&mut self, command: &mut Command) -> io::Result<ExitStatus> {
        let Kind::Tty { session, input } = &self.kind else {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "there is no terminal to lend"));
        };
        session.restore_after(|| input.pause());
        let status = wait_for(command, session);
        self.take_again()?;
        status
    }

    /// Lets the person change `text` in `$VISUAL`, `$EDITOR` or `vi`. `None`: left without saving
    /// a change, or with an error of the editor's.
    ///
    /// # Errors
    /// The draft cannot be written, or the editor not be started.
    pub fn with_editor(&mut self, text: &str) -> io::Result<Option<String>> {
        let set = |name: &str| std::env::var(name).ok().filter(|v| !v.trim().is_empty());
        let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
        let folder = set("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, Into::into);
        let draft = folder.join(format!("atalaya-{:016x}.md", fastrand::u64(..)));
        let mut options = std::fs::OpenOptions::new();
        options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?
            .write_all(text.as_bytes())?;
        // Through the shell, because the variable may carry arguments; the path is an argument.
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(&draft);
        let status = self.lend(&mut command);
        let written = std::fs::read(&draft);
        let _ = std::fs::remove_file(&draft);
        let status = status?;
        if status.code() == Some(127) {
            let why =
                format!("the editor {editor:?} cannot be started; set $EDITOR to one that can");
            return Err(io::Error::new(io::ErrorKind::NotFound, why));
        }
        let written = clean_text(&String::from_utf8_lossy(&written?), MAX_TEXT);
        Ok((status.success() && written.trim() != text.trim()).then_some(written))
    }

    /// On the second frame, does what a test asks for: panics, here or in another thread, or hangs.
    #[cfg(debug_assertions)]
    #[allow(clippy::panic)]
    fn provoke(&mut self) {
        if self.drawn != 1 {
            return;
        }
        match std::env::var("ATALAYA_TEST_FAULT").as_deref() {
            Ok("panic") => panic!("provoked while drawing"),
            Ok("background panic") => {
                let _ = std::thread::spawn(|| panic!("provoked in the background")).join();
            }
            Ok("hang") => loop {
                std::thread::park();
            },
            _ => {}
        }
    }
}

impl Drop for Tui {
    fn drop(&mut self) {
        // Whatever is typed from now on is for whoever has the terminal next.
        if let Kind::Tty { session, input } = &self.kind {
            session.restore_after(|| input.pause());
        }
    }
}

/// Waits without blocking, so that the end of the program is not missed.
fn wait_for(command: &mut Command, session: &Session) -> io::Result<ExitStatus> {
    let mut child = command.spawn()?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if session.leaving().is_some() {
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::HUP);
            }
            std::thread::sleep(Duration::from_millis(200));
            return child.try_wait().map(|status| status.unwrap_or(ExitStatus::from_raw(1)));
        }
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// A panic in the thread that draws restores the terminal before it is reported. One in any other
/// thread is logged: the program goes on, and so does its screen.
fn restore_on_panic(session: Weak<Session>, drawing: ThreadId) {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let on_screen = session.upgrade().filter(|session| session.is_taken());
        match on_screen {
            Some(session) if std::thread::current().id() == drawing => {
                session.restore();
                report(info);
            }
            Some(_) => tracing::error!("{info}"),
            None => report(info),
        }
    }));
}
