//! The On-call tab: who has it, who is next, where is the gap; and the team behind it.
//!
//! ```text
//! ╭ Now ───────────────────────────────────────────────────────────────────╮
//! │ core 1     Ana Ruiz      14:03 Madrid    until 18:00 (3h 57m)   Luis Peña │
//! ╰────────────────────────────────────────────────────────────────────────╯
//! ╭ Core · week of 23 Nov ── Mon 23 ── Tue 24 ── …                           │
//! │ final     ███ Ana ███▒▒▒ Luis ▒▒▒░ gap 2h ░                              │
//! ╰────────────────────────────────────────────────────────────────────────╯
//! ```
//!
//! The cursor stands on a schedule and, in it, on a stretch of time: keys act on that stretch.

mod actions;
mod board;
mod gaps;
mod team;
mod view;

use chrono::{Datelike, Days, Months, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use ratatui::layout::Rect;

use self::board::{Board, Row};
use super::{Ctx, Place, Screen, Step, Tone, paging};
use crate::domain::paging::reach::Whom;
use crate::domain::roster::escalation::Target;
use crate::domain::roster::gaps::{Gap, gaps};
use crate::domain::roster::now::{Held, held};
use crate::domain::roster::shifts::final_shifts;
use crate::domain::roster::{PersonId, Schedule};
use crate::domain::time::{Instant, Interval, before, zone};
use crate::ui::cmd::Cmd;
use crate::ui::keymap::{Action, Context, Situation};
use crate::ui::theme::Role;
use crate::ui::widgets::Paint;
use crate::ui::widgets::gantt::monday;

/// How far from the cursor the stretch before and the one after are looked for.
const REACH: TimeDelta = TimeDelta::days(62);

/// The tab.
#[derive(Debug, Default)]
pub struct OnCall {
    view: View,
    period: Period,
    /// The line of the upper list.
    row: usize,
    /// The person of the team view.
    person: usize,
    /// The line of the list of gaps.
    gap: usize,
    /// Where the cursor stands in time; `None`: now, and it goes along.
    at: Option<Instant>,
    pub board: Board,
}

/// What is shown below who is on call now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// One schedule: final shifts, overrides, layers.
    #[default]
    Schedule,
    /// Everybody over all schedules.
    People,
    /// What is missing or twice, and how the load is spread.
    Gaps,
    /// Skills, certificates, responsibilities.
    Team,
}

impl View {
    fn next(self) -> Self {
        match self {
            Self::Schedule => Self::People,
            Self::People => Self::Gaps,
            Self::Gaps => Self::Team,
            Self::Team => Self::Schedule,
        }
    }

    fn previous(self) -> Self {
        self.next().next().next()
    }
}

/// How much time is across.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Period {
    #[default]
    Week,
    TwoWeeks,
    Month,
}

impl Period {
    fn shorter(self) -> Self {
        if self == Self::Month { Self::TwoWeeks } else { Self::Week }
    }

    fn longer(self) -> Self {
        if self == Self::Week { Self::TwoWeeks } else { Self::Month }
    }

    /// The one that an instant is in: from a Monday, or from the first of a month.
    fn around(self, at: Instant, zone: Tz) -> Interval {
        let first = match self {
            Self::Week | Self::TwoWeeks => monday(at, zone),
            Self::Month => {
                let day = zone::local(at, zone).date();
                day.with_day(1).unwrap_or(day)
            }
        };
        let end: Option<NaiveDate> = match self {
            Self::Week => first.checked_add_days(Days::new(7)),
            Self::TwoWeeks => first.checked_add_days(Days::new(14)),
            Self::Month => first.checked_add_months(Months::new(1)),
        };
        let end = end.unwrap_or(first);
        Interval::new(zone::midnight(first, zone), zone::midnight(end, zone))
    }
}

/// A stretch of a schedule: somebody's, or nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stretch {
    Held(Held),
    Gap(Gap),
    /// Nobody, and nobody is wanted.
    Free(Interval),
}

impl Stretch {
    fn at(&self) -> Interval {
        match self {
            Self::Held(held) => held.at,
            Self::Gap(gap) => gap.at,
            Self::Free(at) => *at,
        }
    }

    fn person(&self) -> Option<&PersonId> {
        match self {
            Self::Held(held) => Some(&held.person),
            Self::Gap(_) | Self::Free(_) => None,
        }
    }
}

impl OnCall {
    fn row(&self) -> Option<&Row> {
        self.board.rows.get(self.row)
    }

    /// The schedule of the line of the cursor.
    fn schedule<'a>(&self, ctx: &'a Ctx<'_>) -> Option<&'a Schedule> {
        let id = self.row().and_then(Row::schedule)?;
        ctx.world.plan.roster.schedule(id).map(AsRef::as_ref)
    }

    /// Where the cursor stands in time.
    fn at(&self, ctx: &Ctx<'_>) -> Instant {
        self.at.unwrap_or(ctx.now)
    }

    /// The stretch under the cursor.
    fn stretch(&self, ctx: &Ctx<'_>) -> Option<Stretch> {
        let at = self.at(ctx);
        stretches(ctx, self.schedule(ctx)?, at).into_iter().find(|s| s.at().contains(at))
    }

    /// To the stretch before or after.
    fn step(&mut self, ctx: &Ctx<'_>, forward: bool) {
        let Some(schedule) = self.schedule(ctx) else {
            let week = TimeDelta::days(if forward { 7 } else { -7 });
            self.at = Some(self.at(ctx) + week);
            return;
        };
        let at = self.at(ctx);
        let all = stretches(ctx, schedule, at);
        let Some(index) = all.iter().position(|s| s.at().contains(at)) else { return };
        let next = if forward { index.checked_add(1) } else { index.checked_sub(1) };
        if let Some(next) = next.and_then(|i| all.get(i)) {
            self.at = Some(next.at().from);
        }
    }

    /// Whether time is across.
    fn in_time(&self) -> bool {
        matches!(self.view, View::Schedule | View::People)
    }

    /// To the period before or after.
    fn turn(&mut self, ctx: &Ctx<'_>, forward: bool) {
        let zone = self.schedule(ctx).map_or(ctx.world.site.zone, |s| s.zone);
        let at = self.at(ctx);
        let span = self.period.around(at, zone);
        let beside = if forward { span.to } else { before(span.from, TimeDelta::hours(1)) };
        let to = self.period.around(beside, zone).from;
        if (1970..=2200).contains(&zone::local(to, zone).year()) {
            self.at = Some(to);
        }
    }

    fn count(&self, ctx: &Ctx<'_>) -> usize {
        match self.view {
            View::Team => ctx.world.plan.roster.people.len(),
            View::Gaps => self.board.troubles.len(),
            View::Schedule | View::People => self.board.rows.len(),
        }
    }

    fn cursor(&mut self) -> &mut usize {
        match self.view {
            View::Team => &mut self.person,
            View::Gaps => &mut self.gap,
            View::Schedule | View::People => &mut self.row,
        }
    }

    fn move_to(&mut self, ctx: &Ctx<'_>, to: impl Fn(usize) -> usize) {
        let last = self.count(ctx).saturating_sub(1);
        let cursor = self.cursor();
        *cursor = to(*cursor).min(last);
    }

    /// Makes what is shown true again; cheap where nothing changed.
    pub fn refresh(&mut self, ctx: &Ctx<'_>) {
        self.board.refresh(ctx.world, ctx.now);
        self.row = self.row.min(self.board.rows.len().saturating_sub(1));
        self.person = self.person.min(ctx.world.plan.roster.people.len().saturating_sub(1));
        self.gap = self.gap.min(self.board.troubles.len().saturating_sub(1));
    }
}

/// The stretches around an instant, in order, without a hole between them.
fn stretches(ctx: &Ctx<'_>, schedule: &Schedule, around: Instant) -> Vec<Stretch> {
    let span = Interval::new(around - REACH, around + REACH);
    let overrides = ctx.world.book.overrides();
    let imported = &ctx.world.imported;
    let shifts = final_shifts(schedule, &overrides, imported, span);
    let gaps = gaps(schedule, &shifts, &overrides, imported, span);
    let gaps = gaps.into_iter().filter(|g| !g.is_before_use(ctx.now));
    let held = held(&shifts).into_iter().map(Stretch::Held);
    let mut all: Vec<Stretch> = held.chain(gaps.map(Stretch::Gap)).collect();
    all.sort_by_key(Stretch::at);
    let mut out = Vec::with_capacity(all.len());
    let mut from = span.from;
    for one in all {
        let hole = Interval::new(from, one.at().from);
        if !hole.is_empty() {
            out.push(Stretch::Free(hole));
        }
        from = one.at().to;
        out.push(one);
    }
    let rest = Interval::new(from, span.to);
    if !rest.is_empty() {
        out.push(Stretch::Free(rest));
    }
    out
}

impl Screen for OnCall {
    fn contexts(&self) -> &'static [Context] {
        &[Context::OnCall, Context::List, Context::Console, Context::Always]
    }

    fn situation(&self, ctx: &Ctx<'_>) -> Situation {
        let on_schedule = self.view == View::Schedule && self.schedule(ctx).is_some();
        let away = self.at.is_some() || self.view != View::Schedule;
        Situation {
            row: self.count(ctx) > 0,
            shift: on_schedule,
            chart: matches!(self.view, View::Schedule | View::People),
            root: !away,
            leavable: away,
            ..Situation::default()
        }
    }

    fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        match action {
            Action::Down => self.move_to(ctx, |at| at.saturating_add(1)),
            Action::Up => self.move_to(ctx, |at| at.saturating_sub(1)),
            Action::PageDown if self.in_time() => self.turn(ctx, true),
            Action::PageUp if self.in_time() => self.turn(ctx, false),
            Action::PageDown | Action::HalfDown => self.move_to(ctx, |at| at.saturating_add(10)),
            Action::PageUp | Action::HalfUp => self.move_to(ctx, |at| at.saturating_sub(10)),
            Action::Top => self.move_to(ctx, |_| 0),
            Action::Bottom => self.move_to(ctx, |_| usize::MAX),
            Action::Left if self.view != View::Gaps => self.step(ctx, false),
            Action::Right if self.view != View::Gaps => self.step(ctx, true),
            Action::Shorter => self.period = self.period.shorter(),
            Action::Longer => self.period = self.period.longer(),
            // First out of the view, then back to the present.
            Action::Back if self.view != View::Schedule => self.view = View::Schedule,
            Action::Present | Action::Back => self.at = None,
            Action::View | Action::NextPane => self.view = self.view.next(),
            Action::PreviousPane => self.view = self.view.previous(),
            Action::Open if self.view == View::Gaps => return self.open_gap(),
            Action::Open => self.open(ctx),
            Action::Skills => {
                self.view = if self.view == View::Team { View::Schedule } else { View::Team };
            }
            Action::Override => return actions::override_form(self, ctx),
            Action::Take => return actions::take(self, ctx),
            Action::Swap => return actions::swap(self, ctx),
            Action::Cancel => return actions::drop_override(self, ctx),
            Action::Page => return self.page(ctx),
            Action::Copy => return self.copy(ctx),
            _ => {}
        }
        Vec::new()
    }

    fn arrived(&mut self, ctx: &Ctx<'_>) {
        self.refresh(ctx);
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
        if let Place::OnCallAt(schedule, at) = place {
            self.view = View::Schedule;
            self.refresh(ctx);
            if let Some(row) = self.board.rows.iter().position(|r| r.schedule() == Some(schedule)) {
                self.row = row;
            }
            self.at = Some(*at);
        }
        Vec::new()
    }

    /// The number of gaps that begin within a day.
    fn badge(&self, ctx: &Ctx<'_>) -> Vec<(String, Role)> {
        let soon = ctx.now + TimeDelta::hours(24);
        let gaps = self.board.standings.values().filter_map(|s| s.gap.as_ref());
        let count = gaps.filter(|g| g.at.from < soon).count();
        if count == 0 { Vec::new() } else { vec![(format!("!{count}"), Role::Warning)] }
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        match self.view {
            View::Team => self.view_team(ctx, area, paint),
            View::Gaps => self.view_gaps(ctx, area, paint),
            View::Schedule | View::People => self.view_roster(ctx, area, paint),
        }
    }
}

impl OnCall {
    /// Shows the person under the cursor in the team, or leaves that again.
    fn open(&mut self, ctx: &Ctx<'_>) {
        let person = self.person_here(ctx);
        let people = &ctx.world.plan.roster.people;
        let index = person.and_then(|id| people.keys().position(|known| *known == id));
        match index {
            Some(index) if self.view != View::Team => {
                self.person = index;
                self.view = View::Team;
            }
            _ => {}
        }
    }

    /// Who is under the cursor.
    fn person_here(&self, ctx: &Ctx<'_>) -> Option<PersonId> {
        match self.view {
            View::Team => ctx.world.plan.roster.people.keys().nth(self.person).cloned(),
            View::Gaps => None,
            View::Schedule | View::People => match self.row().map(|r| &r.target) {
                Some(Target::Person(id)) => Some(id.clone()),
                _ => self.stretch(ctx).and_then(|s| s.person().cloned()),
            },
        }
    }

    /// Pages whom the cursor is on: in the team a person, else the whole of a level.
    fn page(&self, ctx: &Ctx<'_>) -> Vec<Step> {
        let whom = match self.view {
            View::Team | View::Gaps => self.person_here(ctx).map(Whom::Person),
            View::Schedule | View::People => {
                self.row().map(|row| paging::of_row(row.level.as_ref(), &row.target))
            }
        };
        match whom {
            Some(whom) => paging::write(whom, ctx),
            None => vec![Step::Say(Tone::Info, "nobody to page here".to_owned())],
        }
    }

    /// Who it is and how to reach them.
    fn copy(&self, ctx: &Ctx<'_>) -> Vec<Step> {
        let roster = &ctx.world.plan.roster;
        let Some(person) = self.person_here(ctx).and_then(|id| roster.person(&id)) else {
            return vec![Step::Say(Tone::Info, "nobody to copy here".to_owned())];
        };
        let ways = [&person.phone, &person.email, &person.chat];
        let ways = ways.into_iter().flatten().map(ToString::to_string);
        let parts: Vec<String> = std::iter::once(person.name.to_string()).chain(ways).collect();
        vec![Step::Do(Cmd::Copy(parts.join("  ")))]
    }
}
