//! The incident queue.
//!
//! ```text
//! ╭ Queue  state:new,ack,hold  sort priority, age ───────────────────────── 3 new ↑ ─╮
//! │ the list: windowed, cursor bound to the incident                                 │  60 %
//! ╰──────────────────────────────────────────────────────────────────────── 1–9/214 ─╯
//! ╭ INC-2041  checkout: p99 … ───────────╮╭ Timeline ────────────────────────────────╮
//! │ facts                                ││ events, newest at the end                │  40 %, hidden
//! ╰──────────────────────────────────────╯╰──────────────────────────────────────────╯  below 30 rows
//! ```
//!
//! `Enter` shows one incident full-screen ([`full`]). What keys ask for is in [`actions`], what the
//! list shows and where its cursor is in [`list`].

mod actions;
pub mod clocks;
mod facts;
mod filter;
#[cfg(test)]
mod fixture;
pub mod forms;
mod full;
pub mod index;
pub mod list;
mod similar;
mod table;
pub mod timeline;
mod trends;
mod view;
mod views;

use std::collections::HashMap;
use std::sync::Arc;

use ratatui::layout::{Position, Rect};

use self::actions::Aim;
use self::facts::Eye;
use self::filter::{Edited, Filter};
use self::full::{Full, Page, Shown};
use self::index::Column;
use self::list::{List, Move};
use super::explained::Of;
use super::reports::next_step;
use super::{Ctx, Place, Screen, Step, Tone};
use crate::domain::command::{Command, Outcome, Verdict};
use crate::domain::health::ServiceId;
use crate::domain::incident::lifecycle::Action as Deed;
use crate::domain::incident::query::{QueryContext, Vocabulary};
use crate::domain::incident::views::{Columns, OPEN, View};
use crate::domain::incident::{Event, Incident, IncidentId};
use crate::domain::sla::contract::ServiceLevels;
use crate::domain::time::Instant;
use crate::engine::Snapshot;
use crate::ui::cmd::Cmd;
use crate::ui::keymap::{Action, Context, Situation};
use crate::ui::overlay::Overlay;
use crate::ui::terminal::Key;
use crate::ui::theme::Role;
use crate::ui::widgets::scroll::rows;
use crate::ui::widgets::{Item, Paint, Picker, Scroll, Table};

/// Below so many lines there is no room for the panels under the list.
const TALL: u16 = 26;
/// From this width on detail and timeline stand side by side.
const SIDE_BY_SIDE: u16 = 100;

/// The queue of incidents.
#[derive(Debug)]
pub struct Queue {
    list: List,
    filter: Filter,
    columns: Columns,
    /// The views that the person keeps.
    own: Vec<View>,
    /// The name of the view that was chosen last.
    chosen: Option<String>,
    /// How the list was laid out before a view brought its own layout.
    before: Option<views::Layout>,
    full: Option<Full>,
    /// The ones from which the full-screen one was reached.
    trail: Vec<Full>,
    timeline: Timeline,
    teams: HashMap<ServiceId, String>,
    vocabulary: Vocabulary,
    /// The contracts by which the clocks of the list were worked out.
    levels: Option<Arc<ServiceLevels>>,
    /// What teams and vocabulary were made from: health, incidents.
    learned: Option<(u64, u64)>,
    /// Where to go as soon as the incident is there.
    wanted: Option<IncidentId>,
    focus: Pane,
    scrolled: Scrolled,
}

/// Which part moves with the arrows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Pane {
    #[default]
    List,
    Detail,
    Timeline,
}

/// How far the panels are scrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Scrolled {
    /// Lines from the top.
    detail: usize,
    /// Lines back from the newest entry.
    back: usize,
}

/// The history of the incident that is looked at.
#[derive(Debug, Default)]
struct Timeline {
    /// Whose it is, and in which version it was asked for.
    of: Option<(IncidentId, u64)>,
    entries: Option<Result<Vec<timeline::Entry>, String>>,
    /// With the pages about it, and the number of these.
    all: Vec<timeline::Entry>,
    paged: Option<(u64, u64)>,
}

impl Default for Queue {
    fn default() -> Self {
        let filter = Filter::new(OPEN);
        Self {
            list: List::new(filter.parsed().query.clone()),
            filter,
            columns: Columns::default(),
            own: Vec::new(),
            chosen: None,
            before: None,
            full: None,
            trail: Vec::new(),
            timeline: Timeline::default(),
            teams: HashMap::new(),
            vocabulary: Vocabulary::default(),
            levels: None,
            learned: None,
            wanted: None,
            focus: Pane::default(),
            scrolled: Scrolled::default(),
        }
    }
}

/// Where the parts of the screen are.
struct Layout {
    queue: Rect,
    /// Inside the queue's panel: the filter bar, then the table.
    bar: Rect,
    table: Rect,
    detail: Option<Rect>,
    timeline: Option<Rect>,
}

impl Queue {
    fn layout(&self, area: Rect) -> Layout {
        let alone = area.height < TALL || self.list.lines().is_empty();
        let below = if alone { 0 } else { (area.height * 2 / 5).max(11) };
        let queue = Rect { height: area.height - below, ..area };
        let inner = if queue.width < 3 || queue.height < 3 {
            queue
        } else {
            Rect::new(queue.x + 1, queue.y + 1, queue.width - 2, queue.height - 2)
        };
        let bar_height = self.filter.height().min(inner.height);
        let bar = Rect { ..inner };
        let table = Rect { y: inner.y + bar_height, height: inner.height - bar_height, ..inner };
        let panels = Rect { y: queue.bottom(), height: below, ..area };
        let (detail, timeline) = if below == 0 {
            (None, None)
        } else if area.width < SIDE_BY_SIDE {
            (Some(panels), None)
        } else {
            let left = area.width * 9 / 20;
            let right = Rect { x: panels.x + left, width: panels.width - left, ..panels };
            (Some(Rect { width: left, ..panels }), Some(right))
        };
        Layout { queue, bar, table, detail, timeline }
    }

    fn room(&self, ctx: &Ctx<'_>) -> usize {
        table::room(self.layout(Rect::from(((0, 0).into(), ctx.body))).table)
    }

    /// The incident that keys are about: the one that is full-screen, otherwise the one under the
    /// cursor. Always as it is in the world that the person sees.
    fn subject<'a>(&self, world: &'a Snapshot) -> Option<&'a Incident> {
        let id = self.full.as_ref().map(|full| full.id).or_else(|| self.list.cursor())?;
        world.incidents.get(id).map(|incident| &**incident)
    }

    fn aim(&self, ctx: &Ctx<'_>) -> Aim {
        if self.full.is_some() || self.list.marks().is_empty() {
            return self
                .subject(ctx.world)
                .map_or(Aim { targets: Vec::new(), out_of_view: 0 }, Aim::at);
        }
        let window = self.list.window(self.room(ctx));
        Aim {
            targets: self.list.targets(&ctx.world.incidents),
            out_of_view: self.list.marked_out_of(window),
        }
    }

    /// Does something to the list, with what it needs to know.
    fn with<T>(&mut self, ctx: &Ctx<'_>, act: impl FnOnce(&mut List, &QueryContext<'_>) -> T) -> T {
        let teams = std::mem::take(&mut self.teams);
        let levels = &ctx.world.plan.service_levels;
        let me = &ctx.prefs.operator;
        let context = QueryContext { now: ctx.now, me, teams: &teams, levels };
        let done = act(&mut self.list, &context);
        self.teams = teams;
        done
    }

    fn refilter(&mut self, ctx: &Ctx<'_>) {
        let query = self.filter.parsed().query.clone();
        self.with(ctx, |list, context| list.set_query(query, context));
    }

    fn learn(&mut self, ctx: &Ctx<'_>) {
        let levels = &ctx.world.plan.service_levels;
        if !self.levels.as_ref().is_some_and(|known| Arc::ptr_eq(known, levels)) {
            self.levels = Some(Arc::clone(levels));
            self.list.forget();
        }
        let seen = (ctx.world.health.generation, ctx.world.incidents.generation);
        if self.learned.is_some_and(|learned| learned.0 == seen.0) {
            return;
        }
        self.learned = Some(seen);
        let services = ctx.world.health.services.iter().map(|health| &health.service);
        let teams: HashMap<ServiceId, String> = services
            .filter_map(|service| Some((service.id.clone(), service.team.clone()?)))
            .collect();
        if teams != self.teams {
            self.teams = teams;
            self.list.forget();
        }
    }

    /// The names that exist now, for completion and pickers.
    fn recall(&mut self, ctx: &Ctx<'_>) {
        let mut vocabulary = Vocabulary::default();
        for health in &ctx.world.health.services {
            vocabulary.services.insert(health.service.id.to_string());
            vocabulary.teams.extend(health.service.team.clone());
        }
        vocabulary.sources.extend(ctx.world.sources.iter().map(|source| source.name.to_string()));
        vocabulary.categories.extend(ctx.world.plan.policy.categories.iter().cloned());
        vocabulary.codes.extend(ctx.world.plan.policy.codes.iter().cloned());
        vocabulary.people.insert(ctx.prefs.operator.clone());
        // The newest ones are enough to learn from, and there may be very many.
        for incident in ctx.world.incidents.by_id.values().rev().take(2_000) {
            vocabulary.learn(incident);
        }
        self.vocabulary = vocabulary;
    }

    /// Ends what can be ended one step at a time: the full screen, marks, another filter.
    fn back(&mut self, ctx: &Ctx<'_>) {
        if self.full.take().is_some() {
            self.full = self.trail.pop();
        } else if self.focus != Pane::List {
            self.focus = Pane::List;
        } else if !self.list.marks().is_empty() {
            self.list.clear_marks();
        } else if self.filter.text() != OPEN {
            self.apply(&View { query: OPEN.to_owned(), ..View::default() }, ctx);
        }
    }

    /// Scrolls the detail or the timeline.
    fn scroll_pane(&mut self, by: isize, ctx: &Ctx<'_>) {
        let layout = self.layout(Rect::from(((0, 0).into(), ctx.body)));
        let Some(incident) = self.subject(ctx.world) else { return };
        let inner =
            |area: Rect| (area.width.saturating_sub(4), usize::from(area.height.saturating_sub(2)));
        let add = |at: usize, by: isize, lines: usize, height: usize| {
            at.saturating_add_signed(by).min(lines.saturating_sub(height))
        };
        match (self.focus, layout.detail, layout.timeline) {
            (Pane::Detail, Some(area), _) => {
                let (width, height) = inner(area);
                let lines = facts::height(&facts::of(incident, &eye(ctx)), width);
                self.scrolled.detail = add(self.scrolled.detail, by, lines, height);
            }
            (Pane::Timeline, _, Some(area)) => {
                let (width, height) = inner(area);
                let lines = self.history(incident.id).lines(&eye(ctx), width).len();
                self.scrolled.back = add(self.scrolled.back, -by, lines, height);
            }
            _ => {}
        }
    }

    fn pick_sort(&self) -> Vec<Step> {
        let items = Column::ALL.iter().map(|column| {
            let sort = self.list.sort().by(*column);
            let descending = sort.0.first().is_some_and(|key| key.descending);
            let (up, down) = column.ends();
            Item {
                label: column.word().to_owned(),
                detail: if descending { down } else { up }.to_owned(),
                then: vec![Step::Go(Place::Sorted(*column))],
            }
        });
        show(Picker::new("Sort by", items.collect()))
    }

    /// The actions on the incident, or on the marked ones.
    fn write(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        let aim = self.aim(ctx);
        if aim.targets.is_empty() {
            return vec![Step::Say(Tone::Info, "no incident is under the cursor".to_owned())];
        }
        let me = ctx.prefs.operator.as_str();
        match action {
            Action::Acknowledge => {
                actions::act(&aim, Deed::Acknowledge { lasting: None }, "acknowledge", ctx)
            }
            Action::AcknowledgeFor => forms::acknowledge(&aim, ctx),
            Action::Unacknowledge => actions::act(&aim, Deed::Unacknowledge, "unacknowledge", ctx),
            Action::Resolve => actions::resolve(&aim, ctx),
            Action::Assign => {
                self.recall(ctx);
                actions::assign(&aim, me, &self.vocabulary.people, ctx)
            }
            Action::Page => actions::page(&aim, ctx),
            Action::Escalate => actions::escalate(&aim, ctx),
            Action::Silence => actions::silence(&aim, ctx),
            Action::Note => actions::note(aim, ctx.world),
            Action::EditNote => actions::edit_note(aim, ctx.world),
            Action::NextStep => {
                let one = aim.targets.first().and_then(|t| ctx.world.incidents.get(t.id));
                one.map(|incident| next_step(incident, ctx)).unwrap_or_default()
            }
            Action::Hold => forms::hold(aim, ctx),
            Action::Snooze => forms::snooze(&aim, ctx),
            Action::Classify => forms::classify(aim, ctx),
            Action::Close => forms::close(aim, ctx),
            Action::Rate => forms::rate(aim, ctx),
            Action::Merge => forms::merge(&aim, ctx),
            Action::Correct => forms::correct(aim, ctx),
            Action::Split => forms::split(&aim, ctx),
            Action::Reopen => actions::with_reason(
                aim,
                "reopen",
                "why it is back; may stay empty",
                false,
                ctx,
                |reason| Deed::Reopen { reason },
            ),
            Action::Cancel => actions::with_reason(
                aim,
                "cancel",
                "a false alarm, a duplicate of another one",
                true,
                ctx,
                |reason| Deed::Cancel { reason },
            ),
            _ => Vec::new(),
        }
    }

    fn act_in_full(&mut self, action: Action, ctx: &Ctx<'_>) {
        let eye = eye(ctx);
        let Some(incident) = self.subject(ctx.world) else { return };
        let Some(full) = &self.full else { return };
        let area = Rect::from(((0, 0).into(), ctx.body));
        let mut full = full.clone();
        let history = self.history(incident.id);
        let (lines, height) = full::extent(&full, incident, &history, &eye, area);
        match action {
            Action::Left | Action::PreviousPane => full.turn(false, ctx.body.width),
            Action::Right | Action::NextPane => full.turn(true, ctx.body.width),
            Action::Open if full.page == Page::Related => {
                let Some(other) = full::related_at(&full, incident, &eye) else { return };
                if ctx.world.incidents.get(other).is_some() {
                    self.trail.extend(self.full.replace(Full::of(other)));
                }
                return;
            }
            Action::Open => full.page = Page::Related,
            _ if full.page == Page::Related => {
                let mut at = Scroll(full.at);
                at.act(action, lines, 1);
                full.at = at.0;
            }
            _ if full.is_history(ctx.body.width) => {
                let most = lines.saturating_sub(height);
                let mut from_top = Scroll(most.saturating_sub(full.back));
                from_top.act(action, lines, height);
                full.back = most.saturating_sub(from_top.0);
            }
            _ => {
                full.scroll.act(action, lines, height);
            }
        }
        self.full = Some(full);
    }

    /// The history of an incident, as far as it is there.
    fn history(&self, id: IncidentId) -> Shown<'_> {
        match &self.timeline.entries {
            Some(Ok(_)) if self.timeline.is_of(id) => Shown::Entries(&self.timeline.all),
            Some(Err(why)) if self.timeline.is_of(id) => Shown::Failed(why),
            _ => Shown::Loading,
        }
    }
}

impl Pane {
    fn next(self, panes: (bool, bool)) -> Self {
        match (self, panes) {
            (Self::List, (true, _)) => Self::Detail,
            (Self::List | Self::Detail, (_, true)) => Self::Timeline,
            _ => Self::List,
        }
    }
}

impl Timeline {
    fn is_of(&self, id: IncidentId) -> bool {
        self.of.is_some_and(|(of, _)| of == id)
    }

    /// Puts the pages among the events, once for each change of them.
    fn merge(&mut self, world: &Snapshot) {
        let (Some((id, _)), Some(Ok(events))) = (self.of, &self.entries) else { return };
        let generation = Some((world.pages.generation, world.orders.generation));
        if self.paged != generation {
            self.paged = generation;
            let pages = timeline::paged(world.pages.about(id), &world.plan.roster);
            let orders = timeline::ordered(world.orders.about(id));
            self.all = [events.as_slice(), &pages, &orders].concat();
            self.all.sort_by_key(|e| e.at);
        }
    }
}

fn eye<'a>(ctx: &Ctx<'a>) -> Eye<'a> {
    Eye { world: ctx.world, now: ctx.now, style: ctx.prefs.settings.times, theme: &ctx.prefs.theme }
}

fn show(picker: Picker) -> Vec<Step> {
    vec![Step::Show(Box::new(Overlay::Picker(picker)))]
}

impl Screen for Queue {
    fn contexts(&self) -> &'static [Context] {
        if self.full.is_some() {
            &[Context::Incident, Context::List, Context::Console, Context::Always]
        } else {
            &[Context::Incidents, Context::List, Context::Console, Context::Always]
        }
    }

    fn situation(&self, ctx: &Ctx<'_>) -> Situation {
        let aim = self.aim(ctx);
        let aimed = || aim.targets.iter().filter_map(|target| ctx.world.incidents.get(target.id));
        // Of several, one on which most can be done: an open one before an ended one.
        let incident = aimed().find(|i| i.is_open()).or_else(|| aimed().next());
        Situation {
            row: incident.is_some(),
            incident: incident.map(|i| i.state()),
            mine: incident.is_some_and(|i| i.owner() == Some(&ctx.prefs.operator)),
            merged: incident
                .is_some_and(|i| i.standing.merged_into.is_some() || !i.absorbed.is_empty()),
            marked: self.list.marks().len(),
            waiting: self.list.waiting().count,
            link: incident.is_some_and(|i| actions::has_link(i, ctx.world)),
            clocks: incident.is_some() && !ctx.world.plan.service_levels.is_empty(),
            root: self.full.is_none(),
            leavable: self.full.is_some()
                || !self.list.marks().is_empty()
                || self.filter.text() != OPEN,
            ..Situation::default()
        }
    }

    fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        actions::why_not(action, ctx.world.incidents.get(self.aim(ctx).targets.first()?.id)?, ctx)
    }

    fn touched(&mut self, ctx: &Ctx<'_>) {
        self.list.touch(ctx.now);
    }

    fn clicked(&mut self, at: Position, ctx: &Ctx<'_>) -> Vec<Step> {
        if self.full.is_some() {
            return Vec::new();
        }
        let layout = self.layout(Rect::from(((0, 0).into(), ctx.body)));
        let within = |area: Option<Rect>| area.is_some_and(|area| area.contains(at));
        self.focus = match (within(layout.detail), within(layout.timeline)) {
            (true, _) => Pane::Detail,
            (_, true) => Pane::Timeline,
            _ => Pane::List,
        };
        let window = self.list.window(table::room(layout.table));
        let lines = table::lines_each(layout.table.width);
        let Some(line) = Table::at(layout.table, window, lines, at) else { return Vec::new() };
        let there = line == self.list.cursor_line();
        self.with(ctx, |list, context| list.point(line, context));
        there.then_some(Step::Act(Action::Open)).into_iter().collect()
    }

    fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        match action {
            Action::Acknowledge
            | Action::AcknowledgeFor
            | Action::Unacknowledge
            | Action::Assign
            | Action::Resolve
            | Action::Note
            | Action::Page
            | Action::Escalate
            | Action::Silence
            | Action::EditNote
            | Action::NextStep
            | Action::Hold
            | Action::Snooze
            | Action::Classify
            | Action::Rate
            | Action::Merge
            | Action::Split
            | Action::Correct
            | Action::Close
            | Action::Reopen
            | Action::Cancel => return self.write(action, ctx),
            Action::Explain => {
                let Some(id) = self.subject(ctx.world).map(|incident| incident.id) else {
                    return Vec::new();
                };
                return super::explain(Of::Clocks(id));
            }
            Action::Report => {
                self.recall(ctx);
                let service = self.subject(ctx.world).and_then(|i| i.service.as_ref());
                let service = service.map(ToString::to_string).unwrap_or_default();
                return forms::report(ctx, &service);
            }
            Action::Copy | Action::OpenLink => {
                let Some(incident) = self.subject(ctx.world) else { return Vec::new() };
                let links = actions::links(incident, ctx.world);
                return if action == Action::Copy {
                    actions::copy(incident, &links)
                } else {
                    actions::open_link(incident, links)
                };
            }
            Action::Back => self.back(ctx),
            _ if self.full.is_some() => self.act_in_full(action, ctx),
            Action::Open => self.full = self.list.cursor().map(Full::of),
            Action::Filter => {
                self.list.work(ctx.now);
                self.recall(ctx);
                self.filter.edit(&self.vocabulary);
            }
            Action::Sort => return self.pick_sort(),
            Action::View => return self.pick_view(ctx.world),
            Action::SaveView => return self.save_view(ctx.world),
            Action::DeleteView => return self.delete_view(ctx.world),
            Action::Arrange => {
                let group = self.list.group().next();
                let incidents = &ctx.world.incidents;
                self.with(ctx, |list, context| list.set_group(group, incidents, context));
                return vec![Step::Say(Tone::Info, format!("grouped by {}", group.word()))];
            }
            Action::Columns => return self.pick_columns(0),
            Action::Follow => {
                let following = !self.list.is_following();
                self.with(ctx, |list, context| list.set_following(following, context));
                let text = if following {
                    "following: new rows come in at once"
                } else {
                    "new rows wait while you work in the queue"
                };
                return vec![Step::Say(Tone::Info, text.to_owned())];
            }
            Action::Mark => {
                self.list.work(ctx.now);
                self.with(ctx, List::toggle_mark);
            }
            Action::MarkAll => {
                self.list.work(ctx.now);
                self.list.toggle_all();
            }
            Action::Right => {
                self.with(ctx, List::unfold);
            }
            Action::Left => {
                self.with(ctx, List::fold);
            }
            Action::Top => self.with(ctx, |list, context| list.go(Move::First, context)),
            Action::Bottom => self.with(ctx, |list, context| list.go(Move::Last, context)),
            Action::NextPane | Action::PreviousPane => {
                let layout = self.layout(Rect::from(((0, 0).into(), ctx.body)));
                self.focus = self.focus.next((layout.detail.is_some(), layout.timeline.is_some()));
            }
            action => {
                let room = self.room(ctx);
                let Some(by) = rows(action, room) else { return Vec::new() };
                if self.focus == Pane::List {
                    self.list.scroll(room);
                    self.with(ctx, |list, context| list.go(Move::By(by), context));
                } else {
                    self.scroll_pane(by, ctx);
                }
            }
        }
        Vec::new()
    }

    fn typing(&self) -> bool {
        self.filter.is_editing()
    }

    fn typed(&mut self, key: Key, ctx: &Ctx<'_>) -> Vec<Step> {
        if self.filter.key(key, &self.vocabulary) != Edited::Same {
            self.refilter(ctx);
        }
        Vec::new()
    }

    fn pasted(&mut self, text: &str, ctx: &Ctx<'_>) -> Vec<Step> {
        if self.filter.paste(text, &self.vocabulary) == Edited::Changed {
            self.refilter(ctx);
        }
        Vec::new()
    }

    fn arrived(&mut self, ctx: &Ctx<'_>) {
        self.learn(ctx);
        let incidents = &ctx.world.incidents;
        self.with(ctx, |list, context| list.sync(incidents.generation, incidents, context));
        self.timeline.merge(ctx.world);
        let room = self.room(ctx);
        self.list.scroll(room);
        if let Some(id) = self.wanted.filter(|id| incidents.get(*id).is_some()) {
            self.go(&Place::Incident(id), ctx);
        }
    }

    fn entered(&mut self, ctx: &Ctx<'_>) -> Vec<Step> {
        self.arrived(ctx);
        self.with(ctx, List::enter);
        Vec::new()
    }

    fn left(&mut self, _: &Ctx<'_>) {
        self.list.leave();
    }

    fn go(&mut self, place: &Place, ctx: &Ctx<'_>) -> Vec<Step> {
        match place {
            Place::Incident(id) if ctx.world.incidents.get(*id).is_some() => {
                self.wanted = None;
                self.with(ctx, |list, context| list.go_to(*id, context));
                self.full = Some(Full::of(*id));
                self.trail.clear();
            }
            Place::Incident(id) if self.wanted == Some(*id) => {}
            Place::Incident(id) => {
                self.wanted = Some(*id);
                return vec![Step::Do(Cmd::Load(*id))];
            }
            Place::Query(query) => {
                self.apply(&View { query: query.clone(), ..View::default() }, ctx);
            }
            Place::View(view) => self.apply(view, ctx),
            Place::Column(column) => return self.toggle_column(*column),
            Place::Sorted(column) => {
                let sort = self.list.sort().by(*column);
                let incidents = &ctx.world.incidents;
                self.with(ctx, |list, context| list.set_sort(sort, incidents, context));
            }
            Place::Incidents
            | Place::Health
            | Place::Service(_)
            | Place::OnCall
            | Place::OnCallAt(..)
            | Place::Calendar
            | Place::Window(_)
            | Place::Sla
            | Place::Objective(_)
            | Place::ObjectiveAt(..)
            | Place::Measured(..)
            | Place::Kept { .. }
            | Place::Reports
            | Place::Handover
            | Place::MakeReport => {}
        }
        Vec::new()
    }

    fn answered(&mut self, command: &Command, outcomes: &[Outcome], ctx: &Ctx<'_>) -> Vec<Step> {
        let changed = outcomes.iter().filter(|o| o.verdict.is_done()).filter_map(|o| o.id);
        self.with(ctx, |list, context| list.admit(changed.collect(), context));
        // What was done is done with; what was refused stays marked.
        if let Command::Act { .. } = command {
            let done = outcomes
                .iter()
                .filter(|o| matches!(o.verdict, Verdict::Done { .. } | Verdict::Already { .. }));
            for id in done.filter_map(|o| o.id) {
                self.list.unmark(id);
            }
        }
        Vec::new()
    }

    fn timeline(&mut self, id: IncidentId, events: &Result<Vec<Event>, String>, ctx: &Ctx<'_>) {
        if self.timeline.is_of(id) {
            let incident = ctx.world.incidents.get(id).map(|incident| &**incident);
            let entries = |e: &Vec<Event>| timeline::entries(e, incident, ctx.world.site.zone);
            self.timeline.entries = Some(events.as_ref().map(entries).map_err(Clone::clone));
            self.timeline.paged = None;
            self.timeline.merge(ctx.world);
        }
    }

    fn wants(&mut self, ctx: &Ctx<'_>) -> Option<Cmd> {
        let wanted = self.subject(ctx.world).map(|incident| (incident.id, incident.version))?;
        if self.timeline.of == Some(wanted) {
            return None;
        }
        if !self.timeline.is_of(wanted.0) {
            self.timeline.entries = None;
            self.scrolled = Scrolled::default();
        }
        self.timeline.of = Some(wanted);
        Some(Cmd::Timeline(wanted.0))
    }

    fn badge(&self, ctx: &Ctx<'_>) -> Vec<(String, Role)> {
        let open = ctx.world.incidents.open();
        let more = if ctx.world.incidents.unread.is_some() { "+" } else { "" };
        if open == 0 { Vec::new() } else { vec![(format!("{open}{more}"), Role::Strong)] }
    }

    fn in_view(&self, ctx: &Ctx<'_>) -> Vec<IncidentId> {
        match &self.full {
            Some(full) => vec![full.id],
            None => self.list.ids(self.list.window(self.room(ctx))).collect(),
        }
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        view::paint(self, ctx, area, paint);
    }

    fn next_change(&self, ctx: &Ctx<'_>) -> Option<Instant> {
        self.list.next_change(ctx.now)
    }
}
