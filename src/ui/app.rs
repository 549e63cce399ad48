//! The console as a value: [`Model`], the messages that reach it, and the pure [`update`].
//!
//! No I/O, no clock, no `await`: `now` comes with the message, effects leave as [`super::Cmd`]s. Focus and
//! the meaning of keys come from the model alone, never from what was drawn.

mod answers;
mod input;
mod pickers;
mod update;

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{SubsecRound, TimeDelta, Timelike};
use ratatui::layout::{Rect, Size};

use super::cmd::{Attained, DraftAsk, Drafted, RangeAnswer, RangeAsk, Troubled};
use super::drafts::Drafts;
use super::frame::{self, messages::Message, toast::Toast};
use super::keymap::{Context, Keymap, Situation};
use super::overlay::Overlay;
use super::screens::calendar::Calendar;
use super::screens::health::Health;
use super::screens::incidents::Queue;
use super::screens::oncall::OnCall;
use super::screens::reports::Reports;
use super::screens::silences::Inventory;
use super::screens::sla::Sla;
use super::screens::{Ctx, Place, Screen, Tone};
use super::terminal::{Depth, InputEvent, Key};
use super::theme::Theme;
use crate::domain::command::Outcome;
use crate::domain::health::ServiceId;
use crate::domain::incident::views::OwnViews;
use crate::domain::incident::{Event, IncidentId};
use crate::domain::report::{Document, Locale};
use crate::domain::roster::PersonId;
use crate::domain::sla::attainment::Attainment;
use crate::domain::time::{Instant, Interval, TimeStyle};
use crate::engine::{Command, Snapshot};

pub use update::update;

/// How many messages are kept.
const MAX_MESSAGES: usize = 500;

/// How this console shows things, and for whom.
#[derive(Debug, Clone)]
pub struct Prefs {
    pub theme: Theme,
    /// How many colours the terminal has.
    pub depth: Depth,
    /// Nobody chose a theme: the terminal's own light or dark decides.
    pub follows: bool,
    /// The themes that can be chosen.
    pub themes: Vec<String>,
    /// The operator, as acknowledgements will name them.
    pub operator: String,
    /// Which of the people of the plan that is.
    pub person: Option<PersonId>,
    pub settings: Settings,
}

/// What the config says about the screen, and can say again while it is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `None`: by what the terminal can do.
    pub theme: Option<String>,
    pub keymap: Keymap,
    pub times: TimeStyle,
    pub mouse: bool,
    /// Nothing moves by itself more than once a minute.
    pub reduce_motion: bool,
    /// Those in the line of tabs, in their order.
    pub tabs: Vec<Tab>,
    /// The language of reports, where nobody chooses another.
    pub locale: Locale,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: None,
            keymap: Keymap::default(),
            times: TimeStyle::default(),
            mouse: false,
            reduce_motion: false,
            tabs: Tab::ALL.to_vec(),
            locale: Locale::default(),
        }
    }
}

/// Everything that the console is.
pub struct Model {
    pub world: Arc<Snapshot>,
    pub now: Instant,
    /// Seconds of `now` in a second of the person's: 1, but in the demo.
    pub speed: f64,
    pub size: Size,
    pub prefs: Prefs,
    pub tab: Tab,
    pub health: Health,
    pub queue: Queue,
    pub oncall: OnCall,
    pub calendar: Calendar,
    pub sla: Sla,
    pub reports: Reports,
    /// The last one is on top and takes the keys.
    pub overlays: Vec<Overlay>,
    /// Keys of a sequence that is not complete.
    pub pressed: Vec<Key>,
    pub toast: Option<Toast>,
    pub messages: VecDeque<Message>,
    /// What is wrong with a config that was not put in force, in a word, and where.
    pub broken: Option<String>,
    /// What was typed and could not be stored.
    drafts: Drafts,
    /// Own actions that can still be undone, the newest last.
    done: Vec<Done>,
    /// Commands without an answer yet: since when, and what they do.
    waiting: Vec<(Instant, String)>,
    /// Whether the terminal has the focus; one that does not tell counts as looked at.
    focused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Health,
    Incidents,
    OnCall,
    Calendar,
    Sla,
    Reports,
}

impl Tab {
    pub const ALL: [Self; 6] =
        [Self::Health, Self::Incidents, Self::OnCall, Self::Calendar, Self::Sla, Self::Reports];

    /// As the config and the action that opens it call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Incidents => "incidents",
            Self::OnCall => "oncall",
            Self::Calendar => "calendar",
            Self::Sla => "sla",
            Self::Reports => "reports",
        }
    }

    /// As it stands in the line of tabs, with the key that opens it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Health => "1 Health",
            Self::Incidents => "2 Incidents",
            Self::OnCall => "3 On-call",
            Self::Calendar => "4 Calendar",
            Self::Sla => "5 SLA",
            Self::Reports => "7 Reports",
        }
    }

    /// What going there means.
    pub fn place(self) -> Place {
        match self {
            Self::Health => Place::Health,
            Self::Incidents => Place::Incidents,
            Self::OnCall => Place::OnCall,
            Self::Calendar => Place::Calendar,
            Self::Sla => Place::Sla,
            Self::Reports => Place::Reports,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Done {
    /// What takes it back.
    undo: Command,
    at: Instant,
    /// Why it cannot be taken back.
    stays: Option<&'static str>,
}

/// What reaches the console.
#[derive(Debug)]
pub enum Msg {
    Input(InputEvent),
    World(Arc<Snapshot>),
    /// Time passed, nothing else.
    Tick,
    Answered {
        command: Command,
        outcomes: Vec<Outcome>,
    },
    Timeline {
        id: IncidentId,
        events: Result<Vec<Event>, String>,
    },
    Loaded {
        id: IncidentId,
        result: Result<(), String>,
    },
    /// A frozen document by its name; none of that name.
    Document {
        name: String,
        found: Result<Option<Document>, String>,
    },
    /// A report was made, and is not issued.
    Drafted(DraftAsk, Drafted),
    /// What a source told of the past of a signal.
    Range(RangeAsk, RangeAnswer),
    /// What was kept of a period was counted.
    Attained(Interval, Attained),
    /// The trouble of a service since an instant was read.
    Troubles(ServiceId, Instant, Troubled),
    /// Sources, or what is asked of them, are others now.
    Replanned,
    Themed(Result<Theme, String>),
    /// The views that the person keeps were read.
    Views(OwnViews),
    /// What the editor made of a text; none where it was left as it was.
    Edited(Result<Option<String>, String>),
    /// The config was read again: what changed, or what is wrong with it in a word, and in a line.
    Config(Result<String, (String, String)>),
    /// The config was read again, and says this now.
    Settings(Box<Settings>),
    /// From the edge: a config that was reloaded, a bus that is missing, a text that was copied.
    Say(Tone, String),
    /// What happened to incidents, in one line.
    News(String),
    Go(Place),
    /// To be told by the terminal: a title and a text.
    Notify(String, String),
    /// Something was told that the bell should ring for.
    Bell,
}

impl Model {
    pub fn new(world: Arc<Snapshot>, prefs: Prefs, size: Size, now: Instant) -> Self {
        let mut model = Self {
            world,
            now,
            speed: 1.0,
            size,
            tab: prefs.settings.tabs.first().copied().unwrap_or(Tab::Health),
            prefs,
            health: Health::default(),
            queue: Queue::default(),
            oncall: OnCall::default(),
            calendar: Calendar::default(),
            sla: Sla::default(),
            reports: Reports::default(),
            overlays: Vec::new(),
            pressed: Vec::new(),
            toast: None,
            messages: VecDeque::new(),
            broken: None,
            drafts: Drafts::default(),
            done: Vec::new(),
            waiting: Vec::new(),
            focused: true,
        };
        model.arrived();
        model
    }

    /// What screens look at.
    pub fn ctx(&self) -> Ctx<'_> {
        ctx_of(&self.world, self.now, &self.prefs, self.size)
    }

    pub fn screen(&self) -> &dyn Screen {
        self.screen_of(self.tab)
    }

    pub fn screen_of(&self, tab: Tab) -> &dyn Screen {
        match tab {
            Tab::Health => &self.health,
            Tab::Incidents => &self.queue,
            Tab::OnCall => &self.oncall,
            Tab::Calendar => &self.calendar,
            Tab::Sla => &self.sla,
            Tab::Reports => &self.reports,
        }
    }

    /// Runs a screen with what it looks at; the borrow of the parts is the reason for its shape.
    fn with<T>(&mut self, tab: Tab, run: impl FnOnce(&mut dyn Screen, &Ctx<'_>) -> T) -> T {
        let ctx = ctx_of(&self.world, self.now, &self.prefs, self.size);
        match tab {
            Tab::Health => run(&mut self.health, &ctx),
            Tab::Incidents => run(&mut self.queue, &ctx),
            Tab::OnCall => run(&mut self.oncall, &ctx),
            Tab::Calendar => run(&mut self.calendar, &ctx),
            Tab::Sla => run(&mut self.sla, &ctx),
            Tab::Reports => run(&mut self.reports, &ctx),
        }
    }

    fn attained(&mut self, period: Interval, result: Result<Attainment, String>) {
        let ctx = ctx_of(&self.world, self.now, &self.prefs, self.size);
        self.sla.attained(period, result, &ctx);
    }

    fn troubled(&mut self, service: &ServiceId, since: Instant, result: Troubled) {
        let ctx = ctx_of(&self.world, self.now, &self.prefs, self.size);
        self.sla.troubled(service, since, result, &ctx);
    }

    fn arrived(&mut self) {
        for tab in Tab::ALL {
            self.with(tab, |screen, ctx| screen.arrived(ctx));
        }
    }

    /// Which keys work now.
    pub fn contexts(&self) -> &'static [Context] {
        self.overlays.last().map_or_else(|| self.screen().contexts(), Overlay::contexts)
    }

    /// Whether keys are text now.
    pub fn typing(&self) -> bool {
        self.overlays.last().map_or_else(|| self.screen().typing(), Overlay::typing)
    }

    /// The facts on which actions depend now.
    pub fn situation(&self) -> Situation {
        let over = !self.overlays.is_empty();
        let base = match self.overlays.last() {
            None => self.screen().situation(&self.ctx()),
            Some(Overlay::Messages(_)) => {
                Situation { row: !self.messages.is_empty(), ..Situation::default() }
            }
            Some(Overlay::Silences(_)) => {
                let row = Inventory::has_row(&self.world);
                Situation { row, silence: row, ..Situation::default() }
            }
            Some(_) => Situation::default(),
        };
        Situation {
            read_only: self.world.site.read_only,
            undoable: self.undoable().is_some_and(|d| d.stays.is_none()),
            root: base.root && !over,
            leavable: base.leavable || over,
            ..base
        }
    }

    fn undoable(&self) -> Option<&Done> {
        self.done.last().filter(|d| self.now - d.at <= self.undo_window())
    }

    /// Since when the oldest command waits for its answer.
    pub fn waiting_since(&self) -> Option<Instant> {
        self.waiting.first().map(|(since, _)| *since)
    }

    /// What the oldest command does that waits for its answer.
    pub fn waiting_for(&self) -> &str {
        self.waiting.first().map_or("", |(_, what)| what)
    }

    /// How long the last own action can still be undone.
    pub fn undo_left(&self) -> Option<TimeDelta> {
        self.undoable()
            .filter(|d| d.stays.is_none())
            .map(|d| self.undo_window() - (self.now - d.at))
    }

    /// How long an own action can be undone.
    fn undo_window(&self) -> TimeDelta {
        self.world.plan.policy.undo_window
    }

    /// Incidents that the person sees now; none while the terminal is not looked at.
    pub fn in_view(&self) -> Vec<IncidentId> {
        if !self.focused {
            return Vec::new();
        }
        self.screen().in_view(&self.ctx())
    }

    /// When the picture changes by itself: at the next full second at the latest, since the clock in
    /// the header shows seconds; at the next full minute where motion is reduced.
    pub fn next_change(&self) -> Instant {
        let second = self.now.trunc_subsecs(0) + TimeDelta::seconds(1);
        let clock = if self.prefs.settings.reduce_motion {
            second + TimeDelta::seconds(59 - i64::from(self.now.second() % 60))
        } else {
            second
        };
        let screen = self.screen().next_change(&self.ctx());
        let toast = self.toast.as_ref().map(|t| t.until);
        let waiting = self.waiting_since().map(|at| at + frame::toast::PATIENCE);
        let soon = [screen, toast, waiting].into_iter().flatten().filter(|at| *at > self.now);
        soon.fold(clock, Instant::min)
    }
}

fn ctx_of<'a>(world: &'a Snapshot, now: Instant, prefs: &'a Prefs, size: Size) -> Ctx<'a> {
    let body = frame::areas(Rect::from(((0, 0).into(), size)), world).body;
    Ctx { world, now, prefs, body: body.as_size() }
}
