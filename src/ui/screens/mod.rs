//! One folder per tab: state, update, view. A screen knows the world only by the [`Ctx`] it is given,
//! and asks for things by [`Step`]s.

pub mod calendar;
pub mod explained;
pub mod health;
pub mod incidents;
pub mod oncall;
pub mod paging;
pub mod reports;
pub mod silences;
pub mod sla;

use std::sync::Arc;

use ratatui::layout::{Position, Rect, Size};

use crate::domain::calendar::Key as WindowKey;
use crate::domain::command::Outcome;
use crate::domain::health::ServiceId;
use crate::domain::incident::views::{Column, View};
use crate::domain::incident::{Event, IncidentId};
use crate::domain::report::Document;
use crate::domain::roster::ScheduleId;
use crate::domain::slo::SloId;
use crate::domain::time::{self, Instant, Interval, TimeStyle};
use crate::engine::{Command, Snapshot};
use crate::ui::app::Prefs;
use crate::ui::cmd::{Cmd, DraftAsk, Drafted};
use crate::ui::keymap::{Action, Context, Situation};
use crate::ui::overlay::Overlay;
use crate::ui::terminal::Key;
use crate::ui::theme::{Role, Theme};
use crate::ui::widgets::Paint;

/// What a screen looks at; the same for its update and its view.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    pub world: &'a Snapshot,
    pub now: Instant,
    pub prefs: &'a Prefs,
    /// The cells that the screen has.
    pub body: Size,
}

/// What a screen wants to happen, in order.
#[derive(Debug)]
pub enum Step {
    /// An effect outside.
    Do(Cmd),
    /// As if the key of this action had been pressed.
    Act(Action),
    /// A question, a form, a list over everything else.
    Show(Box<Overlay>),
    /// To another screen, or to a place in it.
    Go(Place),
    /// A line for the person, also kept in the messages.
    Say(Tone, String),
}

/// Somewhere to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Health,
    Incidents,
    Service(ServiceId),
    Incident(IncidentId),
    OnCall,
    /// A schedule, with the cursor on an instant.
    OnCallAt(ScheduleId, Instant),
    Calendar,
    Reports,
    /// The turn to hand over, opened.
    Handover,
    /// The form that asks which report to make.
    MakeReport,
    /// One taking place of a window.
    Window(WindowKey),
    Sla,
    /// One objective.
    Objective(SloId),
    /// One objective, with the cursor of its chart on an instant.
    ObjectiveAt(SloId, Instant),
    /// What was measured of an objective in a stretch of time.
    Measured(SloId, Interval),
    /// What was kept by that contract (`None`: by all) in that month (`None`: the present one).
    Kept {
        contract: Option<Arc<str>>,
        month: Option<sla::Month>,
    },
    /// The queue, showing what this query finds.
    Query(String),
    /// The queue, sorted by this column; by the same one again, the other way round.
    Sorted(incidents::index::Column),
    /// The queue, showing this view.
    View(Box<View>),
    /// The queue, with this column if it was without it, without it if it was with it.
    Column(Column),
}

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Info,
    Bad,
    /// Something happened out there.
    News,
}

/// One tab.
pub trait Screen {
    /// Which keys work here, the most particular context first; ends with `Console` and `Always`.
    fn contexts(&self) -> &'static [Context];

    /// The facts on which actions depend. The console adds `read_only` and `undoable`.
    fn situation(&self, ctx: &Ctx<'_>) -> Situation;

    /// The person pressed something while the tab is in front, be it for what lies over it.
    fn touched(&mut self, _ctx: &Ctx<'_>) {}

    /// A click on a cell of its area, counted from the upper left corner of that.
    fn clicked(&mut self, _at: Position, _ctx: &Ctx<'_>) -> Vec<Step> {
        Vec::new()
    }

    /// Does an action of the table; one that it does not know changes nothing.
    fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step>;

    /// Whether keys are text for a field of it, and no actions.
    fn typing(&self) -> bool {
        false
    }

    /// A key while [`Screen::typing`].
    fn typed(&mut self, _key: Key, _ctx: &Ctx<'_>) -> Vec<Step> {
        Vec::new()
    }

    /// Pasted text while [`Screen::typing`].
    fn pasted(&mut self, _text: &str, _ctx: &Ctx<'_>) -> Vec<Step> {
        Vec::new()
    }

    /// The world, the size or the preferences are others now: recompute the rows, find the cursor.
    fn arrived(&mut self, ctx: &Ctx<'_>);

    /// The tab comes to the front, or leaves it.
    fn entered(&mut self, _ctx: &Ctx<'_>) -> Vec<Step> {
        Vec::new()
    }

    fn left(&mut self, _ctx: &Ctx<'_>) {}

    /// Goes to a place of this tab.
    fn go(&mut self, _place: &Place, _ctx: &Ctx<'_>) -> Vec<Step> {
        Vec::new()
    }

    /// The engine answered. The console says the outcome; a screen may do more.
    fn answered(&mut self, _: &Command, _: &[Outcome], _: &Ctx<'_>) -> Vec<Step> {
        Vec::new()
    }

    /// The events of an incident, asked for by [`Cmd::Timeline`].
    fn timeline(&mut self, _: IncidentId, _: &Result<Vec<Event>, String>, _: &Ctx<'_>) {}

    /// A frozen document, asked for by [`Cmd::Document`]; none of that name.
    fn document(&mut self, _: &str, _: Result<Option<Document>, String>, _: &Ctx<'_>) {}

    /// A report, asked for by [`Cmd::Draft`].
    fn drafted(&mut self, _: DraftAsk, _: Drafted, _: &Ctx<'_>) -> Vec<Step> {
        Vec::new()
    }

    /// Why an action has nothing to act on now, and what to do instead, where the screen knows.
    fn why_not(&self, _action: Action, _ctx: &Ctx<'_>) -> Option<String> {
        None
    }

    /// What it needs of the world to show what it shows; asked for after every message while the tab
    /// is in front.
    fn wants(&mut self, _ctx: &Ctx<'_>) -> Option<Cmd> {
        None
    }

    /// The counts on the tab: text and role, none for nothing.
    fn badge(&self, _ctx: &Ctx<'_>) -> Vec<(String, Role)> {
        Vec::new()
    }

    /// Incidents that the person can see now: no notification is needed for them.
    fn in_view(&self, _ctx: &Ctx<'_>) -> Vec<IncidentId> {
        Vec::new()
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>);

    /// When it looks different by itself, if before the next full second.
    fn next_change(&self, _ctx: &Ctx<'_>) -> Option<Instant> {
        None
    }
}

impl Ctx<'_> {
    pub fn theme(&self) -> &Theme {
        &self.prefs.theme
    }

    /// An instant as the person chose to read instants.
    pub fn time(&self, at: Instant) -> String {
        time::show(at, self.now, self.world.site.zone, self.prefs.settings.times)
    }

    /// How long ago, always as a length of time; never negative.
    pub fn age(&self, at: Instant) -> String {
        time::show(at.min(self.now), self.now, self.world.site.zone, TimeStyle::Relative)
    }
}

/// Says how a figure came about.
pub fn explain(of: explained::Of) -> Vec<Step> {
    vec![Step::Show(Box::new(Overlay::Explained(explained::Explained::new(of))))]
}

/// An area of that size in the middle of another, as far as it fits.
pub fn centred(within: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(within.width), height.min(within.height));
    let x = within.x + (within.width - width) / 2;
    let y = within.y + (within.height - height) / 3;
    Rect { x, y, width, height }
}
