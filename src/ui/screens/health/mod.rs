//! The services and how well they are.
//!
//! ```text
//! ╭ Services 41 · 1 critical · 2 warning ────────╮╭ checkout ─ ✖ critical 5m ───╮
//! │ rows: table, tree or tiles (`v`),            ││ likely cause, chart of the  │
//! │ grouped (`z`), sorted (`s`), filtered (`/`),  ││ chosen signal, all signals, │
//! │ columns by dimension (`d`)                   ││ incidents, facts            │
//! ╰──────────────────────────────────────── 1-8 ─╯╰─────────────────────────────╯
//! ```
//! `Enter` opens one service full-screen ([`full`]).

mod detail;
mod full;
mod list;
mod ranges;
mod rows;
pub(super) mod signals;
mod tiles;

use std::sync::Arc;

use chrono::TimeDelta;
use ratatui::layout::{Position, Rect, Size};

use super::{Ctx, Place, Screen, Step, Tone};
use crate::domain::health::rollup::ServiceHealth;
use crate::domain::health::signal::Track;
use crate::domain::health::{Dimension, ServiceId, SignalName, State};
use crate::domain::text;
use crate::domain::time::Instant;
use crate::ui::cmd::{Cmd, RangeAnswer, RangeAsk};
use crate::ui::keymap::{Action, Context, Situation};
use crate::ui::overlay::Overlay;
use crate::ui::terminal::Key as Pressed;
use crate::ui::theme::Role;
use crate::ui::widgets::scroll;
use crate::ui::widgets::{Cursor, Field, Item, Paint, Picker, Table, Typed};

use full::Full;
use ranges::Ranges;
use rows::{Key, Row, Shape};

/// How the services are laid out; `v` cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    #[default]
    Table,
    Tree,
    Tiles,
}

/// How far back charts look; `[` and `]` change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range(usize);

const RANGES: [i64; 9] = [15, 30, 60, 180, 360, 720, 1_440, 10_080, 43_200];

/// What the charts show, and where their cursor stands; one for the detail and the full screen.
#[derive(Debug, Clone)]
pub struct Charts {
    pub range: Range,
    pub cursor: Option<Instant>,
    /// The chosen signal; `None`: the worst.
    pub signal: Option<SignalName>,
    ranges: Ranges,
}

/// The health tab.
#[derive(Debug, Default)]
pub struct Health {
    view: View,
    shape: Shape,
    /// `None`: the overview.
    columns: Option<Dimension>,
    /// While a filter is typed: the field, and the filter from before.
    editing: Option<(Field, String)>,
    rows: Vec<Row>,
    /// Of what the rows were made.
    made_of: Option<(u64, usize)>,
    cursor: Cursor<Key>,
    /// The first line of the tiles in view.
    scrolled: u16,
    charts: Charts,
    full: Option<Full>,
    /// The services that led to it, the last one on top.
    trail: Vec<ServiceId>,
}

impl Default for Charts {
    fn default() -> Self {
        Self { range: Range(2), cursor: None, signal: None, ranges: Ranges::default() }
    }
}

impl Range {
    pub fn span(self) -> TimeDelta {
        TimeDelta::minutes(RANGES.get(self.0).copied().unwrap_or(60))
    }

    pub fn word(self) -> String {
        text::duration(self.span())
    }
}

impl Charts {
    /// Changes what the charts show; whether the action was meant for them.
    fn act(&mut self, action: Action, now: Instant) -> bool {
        let span = self.range.span();
        let step = span / 60;
        match action {
            Action::Shorter => self.range.0 = self.range.0.saturating_sub(1),
            Action::Longer => self.range.0 = (self.range.0 + 1).min(RANGES.len() - 1),
            Action::Left => {
                let at = self.cursor.unwrap_or(now) - step;
                self.cursor = Some(at.max(now - span));
            }
            Action::Right => {
                let at = self.cursor.map(|at| at + step);
                self.cursor = at.filter(|at| *at < now);
            }
            _ => return false,
        }
        true
    }

    /// The other signal of a service: the next one of its list.
    fn turn(&mut self, service: &ServiceHealth, forward: bool) {
        let len = service.signals.len();
        if len == 0 {
            return;
        }
        let now = signals::chosen(service, self.signal.as_ref());
        let at =
            service.signals.iter().position(|t| now.is_some_and(|n| n.spec.name == t.spec.name));
        let at = at.unwrap_or(0);
        let next = if forward { (at + 1) % len } else { (at + len - 1) % len };
        self.signal = service.signals.get(next).map(|t| t.spec.name.clone());
    }
}

/// Where the list and the detail stand.
#[derive(Debug, Clone, Copy)]
struct Layout {
    list: Rect,
    detail: Option<Rect>,
}

fn layout(area: Rect, view: View) -> Layout {
    if view == View::Tiles {
        // They are for walls: as many as large as can be.
        return Layout { list: area, detail: None };
    }
    if area.width >= 112 && area.height >= 12 {
        let right = (area.width * 3 / 8).clamp(48, 110);
        let list = Rect { width: area.width - right, ..area };
        let detail = Rect { x: area.x + list.width, width: right, ..area };
        return Layout { list, detail: Some(detail) };
    }
    if area.height >= 34 {
        let below = (area.height * 2 / 5).min(18);
        let list = Rect { height: area.height - below, ..area };
        let detail = Rect { y: area.y + list.height, height: below, ..area };
        return Layout { list, detail: Some(detail) };
    }
    Layout { list: area, detail: None }
}

fn whole(body: Size) -> Rect {
    Rect::new(0, 0, body.width, body.height)
}

/// What is inside the frame of the list.
fn inside(list: Rect) -> Rect {
    Rect {
        x: list.x + 1,
        y: list.y + 1,
        width: list.width.saturating_sub(2),
        height: list.height.saturating_sub(2),
    }
}

impl Health {
    /// The service under the cursor.
    fn selected<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a ServiceHealth> {
        let id = match &self.full {
            Some(full) => Some(&full.service),
            None => self.cursor.at.as_ref().and_then(Key::id),
        };
        id.and_then(|id| ctx.world.health.value.get(id)).map(AsRef::as_ref)
    }

    /// The lines that the list has room for.
    fn room(&self, body: Size) -> usize {
        let list = inside(layout(whole(body), self.view).list);
        let field = u16::from(self.editing.is_some());
        Table::room(list.height.saturating_sub(field), 1)
    }

    /// The row on a cell of the screen.
    fn row_at(&self, at: Position, ctx: &Ctx<'_>) -> Option<usize> {
        let area = inside(layout(whole(ctx.body), self.view).list);
        if self.view == View::Tiles {
            let grid = tiles::Grid::new(&self.rows, area.width, area.height);
            return area
                .contains(at)
                .then(|| grid.at(at.x - area.x, (at.y - area.y).saturating_add(self.scrolled)))
                .flatten();
        }
        let window = self.cursor.window(self.rows.len(), self.room(ctx.body));
        Table::at(area, window, 1, at)
    }

    /// Makes the rows again if that is needed, and finds the cursor.
    fn settle(&mut self, ctx: &Ctx<'_>, changed: bool) {
        let health = &ctx.world.health;
        let made_of = Some((health.generation, health.services.len()));
        if changed || self.made_of != made_of {
            self.shape.tree = self.view == View::Tree;
            self.rows = rows::rows(health, &self.shape);
            self.made_of = made_of;
        }
        let room = self.room(ctx.body);
        let view = self.view;
        let rows = &self.rows;
        // A cursor that nobody moved yet is of use on a service, not on a heading.
        let is_service = |i: usize| rows.get(i).is_some_and(|row| row.index().is_some());
        let any = self.cursor.is_aimed() || !(0..rows.len()).any(is_service);
        let key = |i| standing(rows, view, i).filter(|_| any || is_service(i));
        self.cursor.settle(rows.len(), room, key);
        if view == View::Tiles {
            let area = inside(layout(whole(ctx.body), view).list);
            let grid = tiles::Grid::new(rows, area.width, area.height);
            self.scrolled = grid.reveal(self.cursor.index(), self.scrolled, area.height);
        }
    }

    fn step(&mut self, action: Action, ctx: &Ctx<'_>) -> bool {
        let room = self.room(ctx.body);
        let (view, len) = (self.view, self.rows.len());
        if view == View::Tiles {
            let area = inside(layout(whole(ctx.body), view).list);
            let grid = tiles::Grid::new(&self.rows, area.width, area.height);
            let Some(index) = grid.step(self.cursor.index(), action, area.height) else {
                return false;
            };
            if let Some(row) = self.rows.get(index) {
                self.cursor = Cursor::on(row.key().clone());
            }
            return true;
        }
        let rows = &self.rows;
        let key = |i| standing(rows, view, i);
        match (action, scroll::rows(action, room)) {
            (_, Some(delta)) => self.cursor.step(delta, len, room, key),
            (Action::Top, _) => self.cursor.jump(false, len, room, key),
            (Action::Bottom, _) => self.cursor.jump(true, len, room, key),
            _ => return false,
        }
        true
    }

    /// Folds or unfolds what is under the cursor; whether there was something to do.
    fn fold(&mut self, close: bool, ctx: &Ctx<'_>) -> bool {
        let Some(key) = self.cursor.at.clone().filter(|_| self.view == View::Tree) else {
            return false;
        };
        let here = self.cursor.index();
        let depth = |row: &Row| match row {
            Row::Heading { .. } => 0,
            Row::Service { branches, .. } => branches.len() + 1,
        };
        let own = self.rows.get(here).map_or(0, depth);
        let has_below = self.rows.get(here + 1).is_some_and(|r| depth(r) > own);
        if close && !has_below && own > 0 {
            // Nothing to fold: up to what it hangs under.
            let above = self.rows.get(..here).unwrap_or_default();
            if let Some(row) = above.iter().rev().find(|r| depth(r) < own) {
                self.cursor = Cursor::on(row.key().clone());
            }
        } else if close {
            self.shape.folded.insert(key);
        } else {
            self.shape.folded.remove(&key);
        }
        self.settle(ctx, true);
        true
    }

    fn cycle(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        let said = match action {
            Action::View => {
                self.view = match self.view {
                    View::Table => View::Tree,
                    View::Tree => View::Tiles,
                    View::Tiles => View::Table,
                };
                None
            }
            Action::Arrange => {
                self.shape.group = self.shape.group.next();
                Some(format!("grouped by {}", self.shape.group.word()))
            }
            Action::Sort => {
                self.shape.sort = self.shape.sort.next();
                Some(format!("sorted by {}", self.shape.sort.word()))
            }
            _ => {
                let next = match self.columns {
                    None => Some(Dimension::Performance),
                    Some(d) => {
                        let at = Dimension::ALL.iter().position(|x| *x == d).unwrap_or(0);
                        Dimension::ALL.get(at + 1).copied()
                    }
                };
                self.columns = next;
                Some(format!("columns: {}", next.map_or("overview", Dimension::word)))
            }
        };
        self.settle(ctx, true);
        said.map(|text| Step::Say(Tone::Info, text)).into_iter().collect()
    }

    fn act_in_list(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        let before = self.cursor.at.clone();
        if self.step(action, ctx) {
            if self.cursor.at != before {
                self.charts.cursor = None;
                self.charts.signal = None;
            }
            self.settle(ctx, false);
            return Vec::new();
        }
        match action {
            Action::Left | Action::Right if self.fold(action == Action::Left, ctx) => {}
            Action::View | Action::Arrange | Action::Sort | Action::Columns => {
                return self.cycle(action, ctx);
            }
            Action::Filter => {
                let before = self.shape.filter.clone();
                self.editing = Some((Field::with(&before), before));
                self.settle(ctx, false);
            }
            Action::Open => match (self.selected(ctx), &self.cursor.at) {
                (Some(service), _) => self.full = Some(Full::new(&service.service.id)),
                (None, Some(key)) => {
                    let folded = self.shape.folded.contains(key);
                    self.fold(!folded, ctx);
                }
                _ => {}
            },
            Action::NextPane | Action::PreviousPane => {
                if let Some(service) = self.selected(ctx) {
                    self.charts.turn(service, action == Action::NextPane);
                }
            }
            Action::Back if self.charts.cursor.take().is_some() => {}
            Action::Back if !self.shape.filter.is_empty() => {
                self.shape.filter.clear();
                self.settle(ctx, true);
            }
            action if layout(whole(ctx.body), self.view).detail.is_some() => {
                self.charts.act(action, ctx.now);
            }
            _ => {}
        }
        Vec::new()
    }

    fn act_in_full(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        if action == Action::Back {
            if self.charts.cursor.take().is_none() {
                // Back along the way that led here.
                self.full = self.trail.pop().map(|id| Full::new(&id));
            }
            return Vec::new();
        }
        let Some(full) = &mut self.full else { return Vec::new() };
        if full.shows_charts(ctx) && self.charts.act(action, ctx.now) {
            return Vec::new();
        }
        full.act(action, ctx)
    }

    /// The report of an incident on the service under the cursor.
    fn report(&self, ctx: &Ctx<'_>) -> Vec<Step> {
        let id = self.selected(ctx).map(|s| s.service.id.to_string()).unwrap_or_default();
        super::incidents::forms::report(ctx, &id)
    }

    /// A source told of the past of a signal.
    pub fn ranged(&mut self, ask: &RangeAsk, answer: RangeAnswer, now: Instant) {
        self.charts.ranges.answered(ask, answer, now);
    }

    /// Other sources, or other questions: what was told is of no use any more.
    pub fn forget_ranges(&mut self) {
        self.charts.ranges.clear();
    }

    /// The signals whose charts can be seen.
    fn charted<'a>(&self, ctx: &Ctx<'a>) -> Vec<&'a Arc<Track>> {
        let Some(service) = self.selected(ctx) else { return Vec::new() };
        match &self.full {
            Some(full) if full.shows_charts(ctx) => service.signals.iter().collect(),
            None if layout(whole(ctx.body), self.view).detail.is_some() => {
                signals::chosen(service, self.charts.signal.as_ref()).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn copy(&self, ctx: &Ctx<'_>) -> Vec<Step> {
        let Some(service) = self.selected(ctx) else { return Vec::new() };
        let text = match self.full.as_ref().and_then(|full| full.copied(ctx)) {
            Some(text) => text,
            None => summary(ctx, service),
        };
        vec![Step::Do(Cmd::Copy(text))]
    }
}

/// On which rows the cursor can stand, and as what.
fn standing(rows: &[Row], view: View, index: usize) -> Option<Key> {
    match rows.get(index)? {
        Row::Heading { key, .. } if view == View::Tree => Some(key.clone()),
        row if view == View::Tiles && row.is_repeated() => None,
        Row::Service { key, .. } => Some(key.clone()),
        Row::Heading { .. } => None,
    }
}

/// A service in one line, for a chat or a ticket.
fn summary(ctx: &Ctx<'_>, health: &ServiceHealth) -> String {
    let zone = ctx.world.site.zone;
    let since = health.since.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z");
    let values = health
        .signals
        .iter()
        .filter_map(|t| Some(format!("{} {}", t.spec.name, text::value(t.last()?, &t.spec.unit))));
    let values: Vec<_> = values.take(6).collect();
    let why = if health.reason.is_empty() { String::new() } else { format!(": {}", health.reason) };
    let values =
        if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
    format!("{} {} since {since}{why}{values}", health.service.name, health.state.word())
}

/// What can be opened in a browser: links and runbooks that are addresses.
fn links(health: &ServiceHealth) -> Vec<(String, String)> {
    let service = &health.service;
    let runbooks = service.runbooks.iter().map(|url| ("runbook".to_owned(), url.clone()));
    let links = service.links.iter().map(|(name, url)| (name.clone(), url.clone()));
    runbooks.chain(links).filter(|(_, url)| text::is_web(url)).collect()
}

fn open_link(health: &ServiceHealth) -> Vec<Step> {
    let mut links = links(health);
    if links.len() < 2 {
        let url = links.pop().map(|(_, url)| url);
        return url.map(|url| Step::Do(Cmd::OpenLink(url))).into_iter().collect();
    }
    let items = links.into_iter().map(|(label, url)| Item {
        label,
        detail: url.clone(),
        then: vec![Step::Do(Cmd::OpenLink(url))],
    });
    let title = format!("Open a link of {}", health.service.name);
    vec![Step::Show(Box::new(Overlay::Picker(Picker::new(&title, items.collect()))))]
}

impl Screen for Health {
    fn contexts(&self) -> &'static [Context] {
        if self.full.is_some() {
            &[Context::Service, Context::List, Context::Console, Context::Always]
        } else {
            &[Context::Health, Context::List, Context::Console, Context::Always]
        }
    }

    fn situation(&self, ctx: &Ctx<'_>) -> Situation {
        let selected = self.selected(ctx);
        let detail = layout(whole(ctx.body), self.view).detail.is_some();
        let has_signals = selected.is_some_and(|s| !s.signals.is_empty());
        Situation {
            row: self.cursor.at.is_some() || self.full.is_some(),
            link: selected.is_some_and(|s| !links(s).is_empty()),
            chart: has_signals && self.full.as_ref().map_or(detail, |full| full.shows_charts(ctx)),
            behind: self.full.is_some() && full::take_turns(ctx),
            root: self.full.is_none(),
            leavable: self.full.is_some()
                || !self.shape.filter.is_empty()
                || self.charts.cursor.is_some(),
            ..Situation::default()
        }
    }

    fn clicked(&mut self, at: Position, ctx: &Ctx<'_>) -> Vec<Step> {
        let Some(index) = self.row_at(at, ctx).filter(|_| self.full.is_none()) else {
            return Vec::new();
        };
        let Some(key) = standing(&self.rows, self.view, index) else { return Vec::new() };
        if self.cursor.at.as_ref() == Some(&key) {
            return vec![Step::Act(Action::Open)];
        }
        let (rows, view, room) = (&self.rows, self.view, self.room(ctx.body));
        let by = index.cast_signed() - self.cursor.index().cast_signed();
        self.cursor.step(by, rows.len(), room, |i| standing(rows, view, i));
        (self.charts.cursor, self.charts.signal) = (None, None);
        self.settle(ctx, false);
        Vec::new()
    }

    fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        match action {
            Action::Report => self.report(ctx),
            Action::Copy => self.copy(ctx),
            Action::OpenLink => self.selected(ctx).map(open_link).unwrap_or_default(),
            action if self.full.is_some() => self.act_in_full(action, ctx),
            action => self.act_in_list(action, ctx),
        }
    }

    fn typing(&self) -> bool {
        self.editing.is_some()
    }

    fn typed(&mut self, key: Pressed, ctx: &Ctx<'_>) -> Vec<Step> {
        let Some((field, before)) = &mut self.editing else { return Vec::new() };
        match field.key(key) {
            Typed::Changed => field.text().clone_into(&mut self.shape.filter),
            Typed::Accept => self.editing = None,
            Typed::Cancel => {
                self.shape.filter = std::mem::take(before);
                self.editing = None;
            }
            // The list moves under the field.
            Typed::Up => {
                self.step(Action::Up, ctx);
            }
            Typed::Down => {
                self.step(Action::Down, ctx);
            }
            Typed::Same | Typed::Next | Typed::Previous => {}
        }
        self.settle(ctx, true);
        Vec::new()
    }

    fn pasted(&mut self, text: &str, ctx: &Ctx<'_>) -> Vec<Step> {
        if let Some((field, _)) = &mut self.editing {
            field.paste(text);
            field.text().clone_into(&mut self.shape.filter);
        }
        self.settle(ctx, true);
        Vec::new()
    }

    fn arrived(&mut self, ctx: &Ctx<'_>) {
        let gone = self.full.as_ref().is_some_and(|f| ctx.world.health.get(&f.service).is_none());
        if gone {
            self.full = None;
            self.trail.clear();
        }
        self.settle(ctx, false);
    }

    fn go(&mut self, place: &Place, ctx: &Ctx<'_>) -> Vec<Step> {
        match place {
            Place::Service(id) if ctx.world.health.get(id).is_some() => {
                let from = self.full.take().filter(|full| full.service != *id);
                self.trail.extend(from.map(|full| full.service));
                self.full = Some(Full::new(id));
                self.cursor = Cursor::on(Key::service(id));
                self.settle(ctx, false);
                Vec::new()
            }
            Place::Service(id) => {
                let why = format!("{id} is not among the services that are watched");
                vec![Step::Say(Tone::Bad, why)]
            }
            // The tab's own key leads to its root.
            _ => {
                self.full = None;
                self.trail.clear();
                Vec::new()
            }
        }
    }

    fn wants(&mut self, ctx: &Ctx<'_>) -> Option<Cmd> {
        let span = self.charts.range.span();
        let charted = self.charted(ctx);
        let ranges = &mut self.charts.ranges;
        charted.into_iter().find_map(|t| ranges.ask(t, span, ctx.now)).map(Cmd::Range)
    }

    fn badge(&self, ctx: &Ctx<'_>) -> Vec<(String, Role)> {
        let mut out = Vec::new();
        let states = [
            (State::Critical, Role::Critical),
            (State::Warning, Role::Warning),
            (State::Unknown, Role::Unknown),
        ];
        for (state, role) in states {
            let count = ctx.world.health.count(state);
            if count > 0 {
                out.push((format!("{}{count}", ctx.theme().glyph(state)), role));
            }
        }
        out
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        if let Some(full) = &self.full {
            if let Some(service) = ctx.world.health.get(&full.service) {
                full.view(ctx, service, &self.charts, area, paint);
            }
            return;
        }
        let layout = layout(area, self.view);
        self.view_list(ctx, layout.list, paint);
        if let Some(area) = layout.detail {
            match self.selected(ctx) {
                Some(service) => detail::view(ctx, service, &self.charts, area, paint),
                None => {
                    paint.panel(area, &[], false);
                }
            }
        }
    }
}
