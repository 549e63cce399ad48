//! Joins the model to a terminal, a clock and the engine.
//!
//! Input comes first under a biased `select`, so that a flood of data never delays a key; nothing
//! that is awaited here waits for anything but news. What takes time is waited for beside it and comes
//! back as a message. A frame is drawn at once when something happens after a while of quiet;
//! then frames coalesce, at most 30 a second for input and 4 for data.

use std::io;
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant as Moment};

use futures::StreamExt;
use futures::future::{self, BoxFuture};
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::app::{self, Model, Msg};
use super::cmd::{Attained, Cmd, DraftAsk, Drafted, RangeAnswer, RangeAsk, Troubled};
use super::frame;
use super::screens::Tone;
use super::terminal::{InputEvent, Tui};
use super::theme::Theme;
use crate::domain::health::ServiceId;
use crate::domain::incident::views::{OwnChange, OwnViews};
use crate::domain::incident::{Actor, IncidentId};
use crate::domain::time::{Instant, Interval};
use crate::engine::Handle;
use crate::engine::runtime::park::{self, Timer};

/// Least time between two frames after input.
const INPUT_PACE: Duration = Duration::from_millis(33);
/// Least time between two frames after data.
const DATA_PACE: Duration = Duration::from_millis(250);

/// A theme by its name, or why not.
pub type ReadTheme = Box<dyn Fn(&str) -> Result<Theme, String> + Send>;
/// Asks a source for the past of a signal.
pub type AskPast = Box<dyn Fn(RangeAsk) -> BoxFuture<'static, RangeAnswer> + Send>;
/// Counts what was kept of a period.
pub type AskAttainment = Box<dyn Fn(Interval) -> BoxFuture<'static, Attained> + Send>;
/// Reads the trouble of a service since an instant.
pub type AskTroubles = Box<dyn Fn(ServiceId, Instant) -> BoxFuture<'static, Troubled> + Send>;
/// Makes a report.
pub type MakeReport = Box<dyn Fn(DraftAsk) -> BoxFuture<'static, Drafted> + Send>;
/// Writes a text to a file; says where it went.
pub type SaveText =
    Box<dyn Fn(String, String) -> BoxFuture<'static, Result<String, String>> + Send>;
/// Changes the views that the person keeps.
pub type ChangeViews = Box<dyn Fn(&OwnChange) -> Result<OwnViews, String> + Send>;
/// Takes the incidents that are in view.
pub type TellView = Box<dyn Fn(&[IncidentId]) + Send>;

/// What the console needs from outside.
pub struct Outside {
    pub handle: Handle,
    /// What time it is.
    pub clock: Box<dyn Fn() -> Instant + Send>,
    /// Who acts at this console.
    pub actor: Actor,
    /// Polls every source now.
    pub refresh: Box<dyn Fn() + Send>,
    pub past: AskPast,
    pub attain: AskAttainment,
    pub troubles: AskTroubles,
    pub draft: MakeReport,
    pub save: SaveText,
    /// Reads a theme for this terminal.
    pub theme: ReadTheme,
    /// Changes the views that the person keeps, and says what they are then.
    pub views: ChangeViews,
    /// Remembers that the welcome was read.
    pub welcomed: Box<dyn Fn() + Send>,
    /// News from the edge: a reloaded config, a missing bus, a click on a notification.
    pub news: mpsc::Receiver<Msg>,
    /// Told which incidents are in view whenever that changes: they need no notification.
    pub in_view: TellView,
    /// Told before the process is stopped: nobody waits for who sleeps.
    pub rests: Box<dyn Fn() + Send>,
    /// What was asked and has not come back yet.
    pub pending: Pending,
}

/// Effects that are under way. Each comes back as a message like any other, so that what the model
/// wants then is carried out, too.
#[derive(Default)]
pub struct Pending(FuturesUnordered<BoxFuture<'static, Msg>>);

impl Pending {
    /// A message for the model, when it is there.
    fn wait(&self, msg: impl Future<Output = Msg> + Send + 'static) {
        self.0.push(Box::pin(msg));
    }

    /// A message that is there already.
    fn post(&self, msg: Msg) {
        self.wait(future::ready(msg));
    }

    fn tell(&self, tone: Tone, text: String) {
        self.post(Msg::Say(tone, text));
    }

    /// Waits for all of it; nobody is interested in what comes of it.
    pub async fn finish(&mut self) {
        while self.0.next().await.is_some() {}
    }
}

/// Runs the console on this thread until it is left; returns the exit code. The terminal stays the
/// caller's. Its waiting holds up nobody, and a second that passes wakes no other thread.
///
/// # Errors
/// The terminal cannot be written to.
pub fn run(
    tui: &mut Tui,
    input: &mut mpsc::Receiver<InputEvent>,
    model: &mut Model,
    outside: &mut Outside,
) -> io::Result<u8> {
    park::block_on(|timer| until_left(tui, input, model, outside, timer))
}

async fn until_left(
    tui: &mut Tui,
    input: &mut mpsc::Receiver<InputEvent>,
    model: &mut Model,
    outside: &mut Outside,
    timer: Timer,
) -> io::Result<u8> {
    let mut snapshots = outside.handle.watch();
    let mut engine_lives = true;
    let mut news_lives = true;
    let mut pace = Pace::default();
    let mut seen = Vec::new();
    draw(tui, model)?;
    pace.drew();
    loop {
        let wake = pace.due.unwrap_or_else(|| Moment::now() + until(model, (outside.clock)()));
        let (msg, least) = tokio::select! {
            biased;
            event = input.recv() => match event {
                Some(event) => (Msg::Input(event), INPUT_PACE),
                None => return Ok(129),
            },
            Some(msg) = outside.pending.0.next() => (msg, INPUT_PACE),
            () = timer.clone().until(wake) => {
                if pace.due.is_some() {
                    draw(tui, model)?;
                    pace.drew();
                    continue;
                }
                (Msg::Tick, Duration::ZERO)
            }
            msg = outside.news.recv(), if news_lives => {
                let Some(msg) = msg else {
                    news_lives = false;
                    continue;
                };
                (msg, DATA_PACE)
            }
            changed = snapshots.changed(), if engine_lives => {
                engine_lives = changed.is_ok();
                let msg = if engine_lives {
                    Msg::World(snapshots.borrow_and_update().clone())
                } else {
                    Msg::Say(Tone::Bad, "the engine has stopped; restart atalaya".to_owned())
                };
                (msg, DATA_PACE)
            }
        };
        for cmd in app::update(model, msg, (outside.clock)()) {
            if let Some(code) = carry_out(cmd, tui, outside)? {
                return Ok(code);
            }
        }
        let in_view = model.in_view();
        if in_view != seen {
            (outside.in_view)(&in_view);
            seen = in_view;
        }
        pace.request(least);
        if pace.is_due() {
            draw(tui, model)?;
            pace.drew();
        }
    }
}

/// When the next frame may be drawn.
#[derive(Debug, Default)]
struct Pace {
    last: Option<Moment>,
    due: Option<Moment>,
}

impl Pace {
    /// Something changed: draw at once, or `least` after the last frame.
    fn request(&mut self, least: Duration) {
        let at = self.last.map_or_else(Moment::now, |last| last + least);
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Moment::now())
    }

    fn drew(&mut self) {
        self.last = Some(Moment::now());
        self.due = None;
    }
}

/// How long the picture stays true.
fn until(model: &Model, now: Instant) -> Duration {
    let left = model.next_change() - now;
    // A millisecond later than that instant, so that the next one is the one after it.
    left.to_std().unwrap_or(Duration::ZERO) + Duration::from_millis(1)
}

fn draw(tui: &mut Tui, model: &Model) -> io::Result<()> {
    tui.draw_linked(|frame, links| {
        for (area, url) in frame::view(model, frame) {
            links.add(area, &url);
        }
    })
}

/// Carries out one effect; a code ends the console.
fn carry_out(cmd: Cmd, tui: &mut Tui, outside: &Outside) -> io::Result<Option<u8>> {
    let handle = outside.handle.clone();
    let pending = &outside.pending;
    match cmd {
        Cmd::Quit(code) => return Ok(Some(code)),
        Cmd::Ask(command) => {
            let asked = handle.ask(outside.actor.clone(), command.clone());
            pending.wait(async move { Msg::Answered { command, outcomes: asked.await } });
        }
        Cmd::Timeline(id) => {
            pending.wait(async move { Msg::Timeline { id, events: handle.timeline(id).await } });
        }
        Cmd::Document(name) => {
            pending.wait(async move {
                let found = handle.document(name.clone()).await;
                Msg::Document { name, found }
            });
        }
        Cmd::Load(id) => {
            pending.wait(async move { Msg::Loaded { id, result: handle.load(id).await } });
        }
        Cmd::Edit(text) => {
            let edited = tui.with_editor(&text).map_err(|e| format!("not edited: {e}"));
            pending.post(Msg::Edited(edited));
        }
        Cmd::Range(ask) => {
            let answer = (outside.past)(ask.clone());
            pending.wait(async move { Msg::Range(ask, answer.await) });
        }
        Cmd::Attain(period) => {
            let counted = (outside.attain)(period);
            pending.wait(async move { Msg::Attained(period, counted.await) });
        }
        Cmd::Troubles(service, since) => {
            let read = (outside.troubles)(service.clone(), since);
            pending.wait(async move { Msg::Troubles(service, since, read.await) });
        }
        Cmd::Draft(ask) => {
            let made = (outside.draft)(ask.clone());
            pending.wait(async move { Msg::Drafted(ask, made.await) });
        }
        Cmd::Save { path, text } => {
            let saved = (outside.save)(path, text);
            pending.wait(async move {
                match saved.await {
                    Ok(place) => Msg::Say(Tone::Good, format!("saved: {place}")),
                    Err(why) => Msg::Say(Tone::Bad, format!("not saved: {why}")),
                }
            });
        }
        Cmd::Copy(text) => copy(tui, pending, &text, "copied", &text),
        Cmd::CopyAs(text, name) => copy(tui, pending, &text, "copied", &name),
        Cmd::Notify(title, body) => tui.notify(&title, &body)?,
        Cmd::Bell => tui.bell()?,
        Cmd::OpenLink(url) if open(&url) => pending.tell(Tone::Good, format!("opened {url}")),
        Cmd::OpenLink(url) => copy(tui, pending, &url, "nothing opens links here; copied", &url),
        Cmd::Refresh => (outside.refresh)(),
        Cmd::Theme(name) => {
            let theme = (outside.theme)(&name);
            pending.post(Msg::Themed(theme));
        }
        Cmd::OwnView(change) => match (outside.views)(&change) {
            Ok(own) => {
                pending.post(Msg::Views(own));
                pending.tell(Tone::Good, change.said());
            }
            Err(why) => pending.tell(Tone::Bad, why),
        },
        Cmd::Mouse(on) => tui.set_mouse(on)?,
        Cmd::Welcomed => (outside.welcomed)(),
        Cmd::Redraw => tui.redraw()?,
        Cmd::TakeAgain => tui.take_again()?,
        Cmd::Suspend => {
            (outside.rests)();
            tui.suspend()?;
        }
    }
    Ok(None)
}

fn copy(tui: &mut Tui, pending: &Pending, text: &str, said: &str, name: &str) {
    match tui.copy(text) {
        Ok(()) => {
            let line = crate::domain::text::clean(name, 80);
            pending.tell(Tone::Good, format!("{said}: {line}"));
        }
        Err(error) => pending.tell(Tone::Bad, format!("not copied: {error}")),
    }
}

/// Hands a link to the desktop's opener; false where there is none (over SSH, on a bare console).
fn open(url: &str) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let desktop = cfg!(target_os = "macos") || set("DISPLAY") || set("WAYLAND_DISPLAY");
    if !is_web || !desktop || set("SSH_CONNECTION") || set("SSH_TTY") {
        return false;
    }
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Process::new(opener);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        Ok(mut child) => {
            // Reaped by a thread of its own: openers may live as long as the browser.
            let _ =
                std::thread::Builder::new().name("opener".to_owned()).spawn(move || child.wait());
            true
        }
        Err(_) => false,
    }
}
