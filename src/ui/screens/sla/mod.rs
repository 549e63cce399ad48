//! The SLA tab: error budgets and how they burn down, what was promised by contract and kept, what is
//! due next.
//!
//! ```text
//! ╭ Objectives ────────────────────────────────────╮╭ checkout availability · 99.95 % over 30d ────╮
//! │ ✖ checkout   99.95 %  99.913  ░░░ −74 %  8.1   ││ 100 ┤⠒⠢⢄⡀          even spend ┄              │
//! │ ▲ search     99.9 %   99.921  ▓░░  21 %  2.2   ││   0 ┤    ⠉⠑⠒⠤⣀                               │
//! ├ Kept in November ──────────────────────────────┤│ −74 ┤          ⠉⠉⠒⠢⢄⣀                        │
//! │ P1 respond  15m   11/12   91.6 %   1 running   ││ burn 5m 8.1  1h 8.1  6h 6.3  1d 2.2           │
//! ├ Due next ──────────────────────────────────────┤│ excluded 3 windows, 5h 10m (remove)           │
//! │ INC-2040 P1 respond  in 3m    checkout …       ││ coverage 99.8 %                               │
//! ╰────────────────────────────────────────────────╯╰───────────────────────────────────────────────╯
//! ```
//!
//! `Tab` goes from pane to pane; what is narrow shows one at a time. Any figure opens the records that it
//! counts.

mod explained;
mod objectives;
mod past;
mod records;
mod tickets;
mod work;

use ratatui::layout::Rect;

pub use self::explained::explained;
use self::past::Past;
pub use self::tickets::Month;
use self::tickets::Tickets;
use self::work::Work;
use super::explained::Of;
use super::{Ctx, Place, Screen, Step};
use crate::domain::health::ServiceId;
use crate::domain::incident::IncidentId;
use crate::domain::sla::attainment::Attainment;
use crate::domain::slo::SloId;
use crate::domain::time::{Instant, Interval};
use crate::ui::cmd::{Cmd, Troubled};
use crate::ui::keymap::{Action, Context, Situation};
use crate::ui::theme::Role;
use crate::ui::widgets::paint::wrap;
use crate::ui::widgets::{Cursor, Paint, split};

/// From this width on the panes stand side by side.
const WIDE: u16 = 120;
/// From this height on two of them stand below each other where it is narrow.
const TWO_PANES: u16 = 18;
/// How many steps of the cursor cross the chart.
const STEPS: i32 = 60;

/// The tab.
#[derive(Debug, Default)]
pub struct Sla {
    pane: Pane,
    objective: Cursor<SloId>,
    tickets: Tickets,
    past: Past,
    work: Work,
    /// Where the cursor stands in the chart.
    at: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Pane {
    #[default]
    Objectives,
    /// The burn-down of the objective under the cursor.
    Chart,
    /// What was kept of a month.
    Kept,
    DueNext,
    Breaches,
}

impl Pane {
    const ALL: [Self; 5] =
        [Self::Objectives, Self::Chart, Self::Kept, Self::DueNext, Self::Breaches];

    /// The one so many further in the circle.
    fn further(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|pane| *pane == self).unwrap_or(0);
        Self::ALL.get((at + by) % Self::ALL.len()).copied().unwrap_or_default()
    }
}

/// The areas of the panes, in their order; an empty one is out of sight.
#[derive(Debug, Clone, Copy, Default)]
struct Layout {
    objectives: Rect,
    chart: Rect,
    kept: Rect,
    due: Rect,
    breaches: Rect,
}

impl Layout {
    fn of(sla: &Sla, ctx: &Ctx<'_>, area: Rect) -> Self {
        let rows = |count: usize| u16::try_from(count).unwrap_or(u16::MAX).saturating_add(3);
        if area.width < WIDE {
            return Self::narrow(sla, ctx, area, rows);
        }
        let left = Rect { width: (area.width / 2).max(66), ..area };
        let right = Rect { x: area.x + left.width, width: area.width - left.width, ..area };
        let objectives = rows(ctx.world.objectives.len()).clamp(6, (area.height / 2).max(6));
        let (objectives, rest) = split(left, objectives);
        let kept = sla.tickets.lines(ctx) + sla.tickets.achieved(ctx).len();
        let kept = rows(kept).clamp(4, (rest.height / 2).max(4));
        let (kept, due) = split(rest, kept);
        let breaches = rows(sla.tickets.breaches(ctx)).clamp(4, (right.height / 4).max(4));
        let (chart, breaches) = split(right, right.height.saturating_sub(breaches));
        Self { objectives, chart, kept, due, breaches }
    }

    /// A list above what belongs to it, or one pane alone.
    fn narrow(sla: &Sla, ctx: &Ctx<'_>, area: Rect, rows: impl Fn(usize) -> u16) -> Self {
        let mut layout = Self::default();
        let (list, below, count) = match sla.pane {
            Pane::Objectives | Pane::Chart => {
                (Pane::Objectives, Pane::Chart, ctx.world.objectives.len())
            }
            Pane::Kept | Pane::DueNext => {
                let kept = sla.tickets.lines(ctx) + sla.tickets.achieved(ctx).len();
                (Pane::Kept, Pane::DueNext, kept)
            }
            Pane::Breaches => (Pane::Breaches, Pane::Breaches, 0),
        };
        if list == below || area.height < TWO_PANES {
            *layout.pane_mut(sla.pane) = area;
            return layout;
        }
        let (above, rest) = split(area, rows(count).clamp(5, area.height / 2));
        *layout.pane_mut(list) = above;
        *layout.pane_mut(below) = rest;
        layout
    }

    fn pane_mut(&mut self, pane: Pane) -> &mut Rect {
        match pane {
            Pane::Objectives => &mut self.objectives,
            Pane::Chart => &mut self.chart,
            Pane::Kept => &mut self.kept,
            Pane::DueNext => &mut self.due,
            Pane::Breaches => &mut self.breaches,
        }
    }

    fn pane(mut self, pane: Pane) -> Rect {
        *self.pane_mut(pane)
    }
}

impl Sla {
    /// What was asked for was counted.
    pub fn attained(
        &mut self,
        period: Interval,
        result: Result<Attainment, String>,
        ctx: &Ctx<'_>,
    ) {
        self.tickets.attained(period, result, ctx);
        self.refresh(ctx);
    }

    /// What was asked for of the incidents of a service is there.
    pub fn troubled(
        &mut self,
        service: &ServiceId,
        since: Instant,
        result: Troubled,
        ctx: &Ctx<'_>,
    ) {
        self.past.answered(service, since, result, ctx.now);
    }

    fn layout(&self, ctx: &Ctx<'_>) -> Layout {
        Layout::of(self, ctx, Rect::new(0, 0, ctx.body.width, ctx.body.height))
    }

    /// How many rows a pane shows.
    fn room(&self, ctx: &Ctx<'_>, pane: Pane) -> usize {
        let room = usize::from(self.layout(ctx).pane(pane).height.saturating_sub(3));
        match pane {
            Pane::Kept => room.saturating_sub(self.tickets.achieved(ctx).len()),
            _ => room,
        }
    }

    fn step(&mut self, ctx: &Ctx<'_>, by: isize) {
        let room = self.room(ctx, self.pane);
        match self.pane {
            Pane::Objectives | Pane::Chart => {
                let ids = objectives::ids(ctx);
                self.objective.step(by, ids.len(), room, |i| ids.get(i).cloned());
                self.at = None;
            }
            Pane::Kept => self.tickets.step_line(ctx, by, room),
            Pane::DueNext => self.tickets.step_due(by, room),
            Pane::Breaches => self.tickets.step_breach(ctx, by, room),
        }
    }

    /// Along the time axis of the chart, or to the month before or after.
    fn turn(&mut self, ctx: &Ctx<'_>, forward: bool) -> Vec<Step> {
        match self.pane {
            Pane::Objectives | Pane::Chart => self.along(ctx, forward),
            Pane::Kept | Pane::DueNext | Pane::Breaches => self.tickets.turn(ctx, forward),
        }
        Vec::new()
    }

    fn along(&mut self, ctx: &Ctx<'_>, forward: bool) {
        let Some(shown) = objectives::under(&self.objective, ctx) else { return };
        let window = shown.status.window;
        let step = window.length() / STEPS;
        let at = self.at.unwrap_or(shown.status.as_of);
        let to = if forward { at + step } else { at - step };
        self.at = Some(to.clamp(window.from, window.to));
    }

    /// Makes what is shown true again; cheap where nothing changed.
    fn refresh(&mut self, ctx: &Ctx<'_>) {
        let ids = objectives::ids(ctx);
        let room = self.room(ctx, Pane::Objectives);
        self.objective.settle(ids.len(), room, |i| ids.get(i).cloned());
        let rooms = (self.room(ctx, Pane::Kept), self.room(ctx, Pane::DueNext));
        self.tickets.refresh(ctx, rooms, self.room(ctx, Pane::Breaches));
    }

    fn copy(&self, ctx: &Ctx<'_>) -> Vec<Step> {
        let text = match self.pane {
            Pane::Objectives | Pane::Chart => objectives::under(&self.objective, ctx)
                .map(|shown| objectives::in_a_line(&shown.status)),
            Pane::Kept => self.tickets.line_text(ctx),
            Pane::DueNext => self.tickets.due_incident().map(|id| id.to_string()),
            Pane::Breaches => self.tickets.breach_incident(ctx).map(|id| id.to_string()),
        };
        text.map(|text| Step::Do(Cmd::Copy(text))).into_iter().collect()
    }

    fn explain(&self, ctx: &Ctx<'_>) -> Vec<Step> {
        let of = match self.pane {
            Pane::Objectives | Pane::Chart => self.objective.at.clone().map(Of::Objective),
            Pane::Kept => None,
            Pane::DueNext => self.tickets.due_incident().map(Of::Clocks),
            Pane::Breaches => self.tickets.breach_incident(ctx).map(Of::Clocks),
        };
        of.map(super::explain).unwrap_or_default()
    }

    fn open(&self, ctx: &Ctx<'_>) -> Vec<Step> {
        match self.pane {
            Pane::Objectives | Pane::Chart => records::of_objective(self, ctx),
            Pane::Kept => self.tickets.open_line(ctx),
            Pane::DueNext => self.tickets.due_incident().map(go).into_iter().collect(),
            Pane::Breaches => self.tickets.breach_incident(ctx).map(go).into_iter().collect(),
        }
    }
}

fn go(id: IncidentId) -> Step {
    Step::Go(Place::Incident(id))
}

/// A text over as many lines as it needs.
fn lines(paint: &mut Paint<'_>, area: Rect, text: &str, role: Role) {
    let width = area.width.saturating_sub(2);
    for (line, y) in wrap(text, width).iter().zip(area.top()..area.bottom()) {
        paint.put(area.x + 1, y, width, line, role);
    }
}

impl Screen for Sla {
    fn contexts(&self) -> &'static [Context] {
        &[Context::Sla, Context::List, Context::Console, Context::Always]
    }

    fn situation(&self, ctx: &Ctx<'_>) -> Situation {
        let away = self.at.is_some() || self.pane != Pane::Objectives || self.tickets.is_away();
        let row = match self.pane {
            Pane::Objectives | Pane::Chart => self.objective.at.is_some(),
            Pane::Kept => self.tickets.lines(ctx) > 0,
            Pane::DueNext => self.tickets.due_incident().is_some(),
            Pane::Breaches => self.tickets.breach_incident(ctx).is_some(),
        };
        Situation {
            row,
            clocks: row && self.pane != Pane::Kept,
            behind: ctx.body.width < WIDE,
            root: !away,
            leavable: away,
            ..Situation::default()
        }
    }

    fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        if !matches!(action, Action::Explain | Action::Open | Action::Copy) {
            return None;
        }
        let key = |action| ctx.prefs.settings.keymap.shown(action, false).unwrap_or_default();
        let next = key(Action::NextPane);
        Some(match self.pane {
            Pane::Kept if action == Action::Explain && self.tickets.lines(ctx) > 0 => format!(
                "{} lists the incidents of this figure; {} explains the clock of one, or one that is due",
                key(Action::Open),
                key(Action::Explain)
            ),
            Pane::Objectives | Pane::Chart => {
                format!("no objective is here; {next} goes to what was kept, is due and was broken")
            }
            Pane::Kept => format!(
                "nothing was promised in this month; `:` {} chooses another, {next} goes on",
                Action::Month.entry().name
            ),
            Pane::DueNext => format!("nothing is due; {next} goes to what was broken"),
            Pane::Breaches => format!(
                "nothing was broken in this month; `:` {} chooses another",
                Action::Month.entry().name
            ),
        })
    }

    fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        let page = isize::try_from(self.room(ctx, self.pane)).unwrap_or(1).max(1);
        match action {
            Action::Down => self.step(ctx, 1),
            Action::Up => self.step(ctx, -1),
            Action::PageDown => self.step(ctx, page),
            Action::PageUp => self.step(ctx, -page),
            Action::HalfDown => self.step(ctx, page / 2),
            Action::HalfUp => self.step(ctx, -(page / 2)),
            Action::Top => self.step(ctx, isize::MIN / 2),
            Action::Bottom => self.step(ctx, isize::MAX / 2),
            Action::Left => return self.turn(ctx, false),
            Action::Right => return self.turn(ctx, true),
            Action::NextPane | Action::View => self.pane = self.pane.further(1),
            Action::PreviousPane => self.pane = self.pane.further(Pane::ALL.len() - 1),
            Action::Open => return self.open(ctx),
            Action::Explain => return self.explain(ctx),
            Action::Contract => return self.tickets.pick_contract(ctx),
            Action::Month => return self.tickets.pick_month(ctx),
            Action::Copy => return self.copy(ctx),
            Action::Present => {
                self.at = None;
                self.tickets.present();
            }
            Action::Back if self.at.is_some() => self.at = None,
            Action::Back if self.tickets.is_away() => self.tickets.present(),
            Action::Back => self.pane = Pane::Objectives,
            _ => {}
        }
        self.refresh(ctx);
        Vec::new()
    }

    /// What is due is worked out of all that is open: only while somebody looks, in `wants`.
    fn arrived(&mut self, _: &Ctx<'_>) {}

    fn entered(&mut self, ctx: &Ctx<'_>) -> Vec<Step> {
        self.refresh(ctx);
        Vec::new()
    }

    fn go(&mut self, place: &Place, ctx: &Ctx<'_>) -> Vec<Step> {
        match place {
            Place::Objective(id) => {
                self.pane = Pane::Objectives;
                self.objective = Cursor::on(id.clone());
            }
            Place::ObjectiveAt(id, at) => {
                self.pane = Pane::Chart;
                self.objective = Cursor::on(id.clone());
                self.at = objectives::under(&self.objective, ctx)
                    .map(|shown| (*at).clamp(shown.status.window.from, shown.status.window.to));
            }
            Place::Measured(id, over) => return records::measured(self, ctx, id, *over),
            Place::Kept { contract, month } => {
                self.tickets.show(contract.clone(), *month);
                self.pane = if self.pane == Pane::Objectives { Pane::Kept } else { self.pane };
            }
            _ => {}
        }
        self.refresh(ctx);
        Vec::new()
    }

    fn wants(&mut self, ctx: &Ctx<'_>) -> Option<Cmd> {
        self.refresh(ctx);
        self.past.refresh(ctx);
        self.tickets.wants(ctx).or_else(|| {
            let shown = objectives::under(&self.objective, ctx)?;
            self.work.refresh(&shown.status, ctx);
            self.past.wants(&shown.status, ctx.now)
        })
    }

    fn badge(&self, ctx: &Ctx<'_>) -> Vec<(String, Role)> {
        objectives::badge(ctx)
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let layout = Layout::of(self, ctx, area);
        self.view_objectives(ctx, layout.objectives, paint);
        self.view_chart(ctx, layout.chart, paint);
        self.tickets.view_kept(ctx, layout.kept, self.pane == Pane::Kept, paint);
        self.tickets.view_due(ctx, layout.due, self.pane == Pane::DueNext, paint);
        self.tickets.view_breaches(ctx, layout.breaches, self.pane == Pane::Breaches, paint);
    }
}
