//! The Calendar tab: what is planned, what it touches, and what it collides with.
//!
//! ```text
//! ╭ November 2026 ─────────────────────────╮╭ Agenda ───────────────────────────╮
//! │ Mon 23     │ Tue 24     │ Wed 25      … ││ Wed 25 Nov                        │
//! │ 22 Kernel  │ freeze ╳╳╳╳╳╳╳╳╳╳╳╳╳╳╳╳  … ││ 22:00–24:00 ● Kernel   approved   │
//! ╰────────────────────────────────────────╯╰───────────────────────────────────╯
//! ```
//!
//! The cursor stands on a day and, on it, on an entry. It is bound to the entry, not to its line:
//! what is planned meanwhile does not move it.

mod actions;
mod agenda;
mod board;
mod detail;
mod month;
mod page;
mod plan;
mod read;
mod timeline;

use chrono::{Datelike, Days, Months, NaiveDate, TimeDelta};
use ratatui::layout::Rect;

use self::board::{Board, Entry, Id, Row, rows};
use super::{Ctx, Place, Screen, Step, Tone};
use crate::domain::calendar::{Key, Kind, Occurrence, Status, Window};
use crate::domain::command::{Command, Outcome};
use crate::domain::time::{Instant, Interval, zone};
use crate::ui::cmd::Cmd;
use crate::ui::keymap::{Action, Context, Situation};
use crate::ui::theme::Role;
use crate::ui::widgets::Paint;

/// The tab.
#[derive(Debug, Default)]
pub struct Calendar {
    view: View,
    period: Period,
    /// The day of the cursor; `None`: today, and it goes along.
    day: Option<NaiveDate>,
    /// The entry of the cursor; `None`: the first of its day.
    chosen: Option<Id>,
    /// What was planned just now: the cursor goes to it when it is there.
    sought: Option<Box<Window>>,
    /// The one that is shown full-screen.
    page: Option<Page>,
    board: Board,
    /// The lines of the list, and those of the timeline where that is looked at.
    rows: Vec<Row>,
    lines: Vec<timeline::Line>,
    /// The board, the day and the view of which they were made.
    listed: Option<(u64, NaiveDate, View)>,
    /// How many are under way and how many of them overrun, and until when that is true.
    under_way: UnderWay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum View {
    /// A grid of days, and what is on them.
    #[default]
    Month,
    /// Bars over time by service.
    Timeline,
    /// Only the list, with everything in it.
    Agenda,
}

/// How much time is across the timeline, and in the agenda.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Period {
    #[default]
    Week,
    TwoWeeks,
    Month,
}

/// One taking place of a window, full-screen.
#[derive(Debug)]
struct Page {
    key: Key,
    /// The line of its checklist.
    item: usize,
}

/// For the tab's badge.
#[derive(Debug, Default)]
struct UnderWay {
    generation: Option<u64>,
    until: Option<Instant>,
    count: usize,
    overrun: usize,
}

impl View {
    fn next(self) -> Self {
        match self {
            Self::Month => Self::Timeline,
            Self::Timeline => Self::Agenda,
            Self::Agenda => Self::Month,
        }
    }

    fn previous(self) -> Self {
        self.next().next()
    }
}

impl Period {
    fn shorter(self) -> Self {
        if self == Self::Month { Self::TwoWeeks } else { Self::Week }
    }

    fn longer(self) -> Self {
        if self == Self::Week { Self::TwoWeeks } else { Self::Month }
    }
}

impl UnderWay {
    fn refresh(&mut self, ctx: &Ctx<'_>) {
        let calendar = &ctx.world.calendar;
        let is_same = self.generation == Some(calendar.generation);
        if is_same && self.until.is_some_and(|until| ctx.now < until) {
            return;
        }
        // What overruns reaches to the present, and not beyond it.
        let minute = TimeDelta::minutes(1);
        let around = Interval::new(ctx.now - minute, ctx.now + TimeDelta::hours(1));
        let all = calendar.occurrences(around, ctx.now);
        let is_on =
            |o: &&Occurrence| o.status == Status::InProgress && o.window.kind != Kind::Freeze;
        let edges = all.iter().flat_map(|o| [o.planned.from, o.end()]);
        *self = Self {
            generation: Some(calendar.generation),
            until: Some(edges.filter(|at| *at > ctx.now).fold(around.to, Instant::min)),
            count: all.iter().filter(is_on).count(),
            overrun: all.iter().filter(|o| o.overrun).count(),
        };
    }
}

fn is_under_way(entry: &Entry) -> bool {
    entry.occurrence().is_some_and(|one| one.status == Status::InProgress)
}

impl Calendar {
    fn today(ctx: &Ctx<'_>) -> NaiveDate {
        zone::local(ctx.now, ctx.world.site.zone).date()
    }

    fn day(&self, ctx: &Ctx<'_>) -> NaiveDate {
        self.day.unwrap_or_else(|| Self::today(ctx))
    }

    /// The days that are looked at: whole weeks around the month, or the period.
    fn days(&self, ctx: &Ctx<'_>) -> (NaiveDate, NaiveDate) {
        let day = self.day(ctx);
        let week =
            |day: NaiveDate| day - TimeDelta::days(i64::from(day.weekday().num_days_from_monday()));
        let add = |day: NaiveDate, n| day.checked_add_days(Days::new(n)).unwrap_or(day);
        let first = day.with_day(1).unwrap_or(day);
        match (self.view, self.period) {
            (View::Month, _) => (week(first), add(week(first), 42)),
            (_, Period::Week) => (week(day), add(week(day), 7)),
            (_, Period::TwoWeeks) => (week(day), add(week(day), 14)),
            (_, Period::Month) => {
                (first, first.checked_add_months(Months::new(1)).unwrap_or(first))
            }
        }
    }

    fn span(&self, ctx: &Ctx<'_>) -> Interval {
        let (from, to) = self.days(ctx);
        let site = ctx.world.site.zone;
        Interval::new(zone::midnight(from, site), zone::midnight(to, site))
    }

    /// The line of the cursor; that of its day where nothing is on it.
    fn index(&self, ctx: &Ctx<'_>) -> usize {
        let day = self.day(ctx);
        let heading = self.rows.iter().position(|row| *row == Row::Day(day)).unwrap_or(0);
        let entries = |row: &Row| match row {
            Row::Entry(index, on) if *on == day => self.board.entries.get(*index),
            _ => None,
        };
        let of_day = self.rows.iter().enumerate().skip(heading + 1);
        let of_day = of_day.map_while(|(line, row)| Some((line, entries(row)?)));
        // What went away leaves the cursor on its day: a key never reaches another one.
        let found = if let Some(id) = &self.chosen {
            of_day.clone().find(|(_, e)| e.id == *id)
        } else {
            // What is over is not what somebody looks for first.
            let next = of_day.clone().find(|(_, e)| e.at.to > ctx.now || is_under_way(e));
            next.or_else(|| of_day.clone().next())
        };
        found.map_or(heading, |(line, _)| line)
    }

    /// What the cursor stands on.
    fn entry(&self, ctx: &Ctx<'_>) -> Option<&Entry> {
        match self.rows.get(self.index(ctx))? {
            Row::Entry(index, _) => self.board.entries.get(*index),
            Row::Day(_) => None,
        }
    }

    /// The occurrence that keys act on: the one on the page, else the one under the cursor.
    pub fn key(&self, ctx: &Ctx<'_>) -> Option<Key> {
        match &self.page {
            Some(page) => Some(page.key.clone()),
            None => self.entry(ctx)?.occurrence().map(|one| one.key.clone()),
        }
    }

    /// That occurrence as it is now.
    fn occurrence(&self, ctx: &Ctx<'_>) -> Option<Occurrence> {
        ctx.world.calendar.occurrence(&self.key(ctx)?, ctx.now)
    }

    /// Puts the cursor on the line that is `by` lines further, over headings.
    fn step(&mut self, ctx: &Ctx<'_>, by: isize) {
        let at = self.index(ctx);
        let lines = self.rows.iter().enumerate();
        let mut entries = lines.filter_map(|(line, row)| match row {
            Row::Entry(index, day) => Some((line, *index, *day)),
            Row::Day(_) => None,
        });
        let steps = by.unsigned_abs();
        let found = if by > 0 {
            let mut rest = entries.filter(|(line, ..)| *line > at);
            rest.by_ref().take(steps).last()
        } else {
            let before: Vec<_> = entries.by_ref().take_while(|(line, ..)| *line < at).collect();
            before.get(before.len().saturating_sub(steps)).copied()
        };
        if let Some((_, index, day)) = found {
            self.chosen = self.board.entries.get(index).map(|e| e.id.clone());
            self.day = Some(day);
        }
        self.relist(ctx);
    }

    /// To another day, and to the first entry on it.
    fn show_day(&mut self, ctx: &Ctx<'_>, day: Option<NaiveDate>) {
        if let Some(day) = day.filter(|day| (1970..=2200).contains(&day.year())) {
            self.day = Some(day);
            self.chosen = None;
            self.refresh(ctx);
        }
    }

    fn turn(&mut self, ctx: &Ctx<'_>, forward: bool) {
        let day = self.day(ctx);
        let days = |n| if forward { day.checked_add_days(n) } else { day.checked_sub_days(n) };
        let month = Months::new(1);
        let to = match (self.view, self.period) {
            (View::Month, _) | (_, Period::Month) if forward => day.checked_add_months(month),
            (View::Month, _) | (_, Period::Month) => day.checked_sub_months(month),
            (_, Period::Week) => days(Days::new(7)),
            (_, Period::TwoWeeks) => days(Days::new(14)),
        };
        self.show_day(ctx, to);
    }

    fn sideways(&mut self, ctx: &Ctx<'_>, forward: bool) {
        if self.view == View::Timeline {
            return self.along(ctx, forward);
        }
        let (day, one) = (self.day(ctx), Days::new(1));
        self.show_day(
            ctx,
            if forward { day.checked_add_days(one) } else { day.checked_sub_days(one) },
        );
    }

    fn look(&mut self, ctx: &Ctx<'_>, view: View) {
        self.view = view;
        self.refresh(ctx);
    }

    /// Makes what is shown true again; cheap where nothing changed.
    fn refresh(&mut self, ctx: &Ctx<'_>) {
        self.under_way.refresh(ctx);
        self.board.refresh(ctx.world, self.span(ctx), ctx.now);
        self.relist(ctx);
    }

    fn relist(&mut self, ctx: &Ctx<'_>) {
        let of = (self.board.number, self.day(ctx), self.view);
        if self.listed == Some(of) {
            return;
        }
        let (span, site) = (self.span(ctx), ctx.world.site.zone);
        let sought = self.sought.as_ref().and_then(|window| {
            let is_it = |o: &Occurrence| {
                o.window.summary == window.summary && o.window.recurrence == window.recurrence
            };
            let ours = |e: &&Entry| e.occurrence().is_some_and(is_it) && e.is_on(of.1, site);
            self.board.entries.iter().find(ours).map(|e| e.id.clone())
        });
        if sought.is_some() {
            (self.chosen, self.sought) = (sought, None);
        }
        // What was moved takes the cursor along, as far as it is in sight.
        let again = self.listed.is_some_and(|(number, day, view)| {
            number != self.board.number && day == of.1 && view == of.2
        });
        let chosen = self.chosen.as_ref().filter(|_| again);
        let entry = chosen.and_then(|id| self.board.entries.iter().find(|e| e.id == *id));
        if let Some(entry) = entry.filter(|e| !e.is_on(of.1, site)) {
            self.day = Some(zone::local(entry.at.from.max(span.from), site).date());
        }
        let of = (of.0, self.day(ctx), of.2);
        self.rows = rows(&self.board.entries, span, self.day(ctx), site);
        let timeline = self.view == View::Timeline;
        self.lines = if timeline { self.services(ctx) } else { Vec::new() };
        self.listed = Some(of);
    }

    /// Shows what the cursor stands on by itself.
    fn open(&mut self, ctx: &Ctx<'_>) -> Vec<Step> {
        let Some(entry) = self.entry(ctx) else {
            // Nothing but the day: who takes over on it.
            let first = self.board.hand_overs(self.day(ctx)).first();
            let place = first.map(|h| Place::OnCallAt(h.schedule.clone(), h.at));
            return place.map(Step::Go).into_iter().collect();
        };
        match &entry.id {
            Id::Occurrence(key) => {
                self.page = Some(Page { key: key.clone(), item: 0 });
                Vec::new()
            }
            Id::Expiry(..) => {
                let said = "the person's page is on the On-call tab: 3, then S";
                vec![Step::Say(Tone::Info, said.to_owned())]
            }
        }
    }

    fn copy(&self, ctx: &Ctx<'_>) -> Vec<Step> {
        let text = match (self.occurrence(ctx), self.entry(ctx)) {
            (Some(one), _) => detail::copied(ctx, &one),
            (None, Some(entry)) => entry.title(&ctx.world.plan.roster),
            (None, None) => return vec![Step::Say(Tone::Info, "nothing to copy here".to_owned())],
        };
        vec![Step::Do(Cmd::Copy(text))]
    }
}

impl Screen for Calendar {
    fn contexts(&self) -> &'static [Context] {
        match self.page {
            Some(_) => &[Context::Window, Context::List, Context::Console, Context::Always],
            None => &[Context::Calendar, Context::List, Context::Console, Context::Always],
        }
    }

    fn situation(&self, ctx: &Ctx<'_>) -> Situation {
        let one = self.occurrence(ctx);
        let away = self.day.is_some_and(|day| day != Self::today(ctx)) || self.view != View::Month;
        let row = match &self.page {
            Some(_) => one.as_ref().is_some_and(|one| !one.window.checklist.is_empty()),
            None => self.entry(ctx).is_some() || !self.board.hand_overs(self.day(ctx)).is_empty(),
        };
        let unclosed = one.as_ref().is_some_and(|one| {
            one.status == Status::Completed
                && one.record().is_none_or(|r| r.finished.is_none())
                && one.window.kind != Kind::Freeze
        });
        Situation {
            row,
            unclosed,
            started: one.as_ref().is_some_and(|o| o.is_by_hand() || o.window.kind == Kind::Freeze),
            occurrence: one.map(|one| one.status),
            chart: self.page.is_none() && self.view != View::Month,
            root: self.page.is_none() && !away,
            leavable: self.page.is_some() || away,
            ..Situation::default()
        }
    }

    fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        // Whoever goes on looks for something else.
        self.sought = None;
        if self.page.is_some() {
            return self.act_on_page(action, ctx);
        }
        match action {
            Action::Down => self.down(ctx, true),
            Action::Up => self.down(ctx, false),
            Action::Left => self.sideways(ctx, false),
            Action::Right => self.sideways(ctx, true),
            Action::PageDown | Action::HalfDown => self.turn(ctx, true),
            Action::PageUp | Action::HalfUp => self.turn(ctx, false),
            Action::Top => self.step(ctx, isize::MIN + 1),
            Action::Bottom => self.step(ctx, isize::MAX),
            Action::Shorter => {
                self.period = self.period.shorter();
                self.refresh(ctx);
            }
            Action::Longer => {
                self.period = self.period.longer();
                self.refresh(ctx);
            }
            Action::View | Action::NextPane => self.look(ctx, self.view.next()),
            Action::PreviousPane => self.look(ctx, self.view.previous()),
            Action::Back if self.view != View::Month => self.look(ctx, View::Month),
            Action::Back | Action::Present => {
                (self.day, self.chosen) = (None, None);
                self.refresh(ctx);
            }
            Action::Open => return self.open(ctx),
            Action::Copy => return self.copy(ctx),
            action => return self.ask(action, ctx),
        }
        Vec::new()
    }

    fn arrived(&mut self, ctx: &Ctx<'_>) {
        // The month is worked out when somebody looks at it.
        self.under_way.refresh(ctx);
    }

    fn entered(&mut self, ctx: &Ctx<'_>) -> Vec<Step> {
        self.refresh(ctx);
        Vec::new()
    }

    fn wants(&mut self, ctx: &Ctx<'_>) -> Option<Cmd> {
        self.refresh(ctx);
        None
    }

    fn go(&mut self, place: &Place, ctx: &Ctx<'_>) -> Vec<Step> {
        match place {
            Place::Window(key) => {
                if let Some(one) = ctx.world.calendar.occurrence(key, ctx.now) {
                    self.aim(ctx, &one);
                    self.page = Some(Page { key: key.clone(), item: 0 });
                }
            }
            Place::Calendar => self.page = None,
            _ => {}
        }
        Vec::new()
    }

    /// What was planned just now is under the cursor.
    fn answered(&mut self, command: &Command, outcomes: &[Outcome], ctx: &Ctx<'_>) -> Vec<Step> {
        let is_done = outcomes.iter().any(|o| o.verdict.is_done());
        if let (Command::Calendar(command), true) = (command, is_done) {
            self.follow(command, ctx);
        }
        Vec::new()
    }

    /// What is under way; with a warning what of it should be over.
    fn badge(&self, ctx: &Ctx<'_>) -> Vec<(String, Role)> {
        let UnderWay { count, overrun, .. } = &self.under_way;
        let on = (*count > 0)
            .then(|| (format!("{}{count}", ctx.theme().symbols.maintenance), Role::Maintenance));
        let over = (*overrun > 0).then(|| (format!("!{overrun}"), Role::Warning));
        on.into_iter().chain(over).collect()
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        match (&self.page, self.view) {
            (Some(page), _) => page::view_page(ctx, page, &self.board, area, paint),
            (None, View::Month) => self.view_month(ctx, area, paint),
            (None, View::Timeline) => self.view_timeline(ctx, area, paint),
            (None, View::Agenda) => self.view_agenda(ctx, area, paint),
        }
    }
}

impl Calendar {
    /// Puts the cursor on an occurrence.
    fn aim(&mut self, ctx: &Ctx<'_>, one: &Occurrence) {
        let at = one.actual().map_or(one.planned.from, |(from, _)| from);
        self.day = Some(zone::local(at, ctx.world.site.zone).date());
        self.chosen = Some(Id::Occurrence(one.key.clone()));
        self.refresh(ctx);
    }

    /// One line further; in the timeline to the lane below or above.
    fn down(&mut self, ctx: &Ctx<'_>, forward: bool) {
        if self.view == View::Timeline {
            return self.across(ctx, forward);
        }
        self.step(ctx, if forward { 1 } else { -1 });
    }
}
