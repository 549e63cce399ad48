//! Bars over time: a lane for each service that something is planned for, freezes above them, who
//! is on call below.

use std::collections::BTreeMap;

use ratatui::layout::Rect;

use super::Calendar;
use super::board::{Entry, What};
use crate::domain::calendar::{Kind, Status};
use crate::domain::roster::now::held;
use crate::domain::roster::shifts::final_shifts;
use crate::domain::time::{Instant, Interval, zone};
use crate::ui::screens::Ctx;
use crate::ui::theme::Role;
use crate::ui::widgets::gantt::{Bar, Gantt, Lane, Look};
use crate::ui::widgets::{Paint, split};

/// Lines below the bars, with their frame.
const BELOW: u16 = 11;

/// One lane, with the entries in it in order of time.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Line {
    label: String,
    entries: Vec<usize>,
}

impl Calendar {
    pub(super) fn view_timeline(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let below = if area.height >= 10 + BELOW { BELOW } else { 0 };
        let (bars, rest) = split(area, area.height - below);
        let when = self.when(ctx);
        let zone = format!("  {}", ctx.world.site.zone.name());
        let title = [(&*when, paint.of(Role::Title)), (&*zone, paint.of(Role::Muted))];
        let inner = paint.panel(bars, &title, true);
        let lines = &self.lines;
        let chosen = self.line_of_cursor(ctx);
        let room = usize::from(inner.height.saturating_sub(1));
        let first = chosen.unwrap_or(0).saturating_sub(room.saturating_sub(2));
        let mut lanes: Vec<Lane> =
            lines.iter().skip(first).take(room).map(|line| self.lane(ctx, line)).collect();
        let count = lines.len();
        if lanes.is_empty() {
            let note = "nothing is planned for a service in this time";
            paint.put(inner.x + 1, inner.y + 2, inner.width.saturating_sub(2), note, Role::Muted);
        }
        if first == 0 {
            lanes.extend(on_call(ctx, self.span(ctx)));
        }
        let labels = if bars.width >= 120 { 18 } else { 12 };
        let (span, zone) = (self.span(ctx), ctx.world.site.zone);
        let gantt = Gantt { span, zone, lanes, labels, beside: true };
        gantt.paint(paint, inner, ctx.now);
        if count > room {
            let note = format!("{}–{}/{count}", first + 1, (first + room).min(count));
            paint.note(bars, &note, paint.of(Role::Muted));
        }
        self.view_below(ctx, rest, paint);
    }

    /// The lanes: what holds for everything, then the services in their order, then expiries. What
    /// overlaps in a lane gets another one below it.
    pub(super) fn services(&self, ctx: &Ctx<'_>) -> Vec<Line> {
        let mut order: BTreeMap<(usize, String), Vec<usize>> = BTreeMap::new();
        let services = &ctx.world.plan.services;
        for (index, entry) in self.board.entries.iter().enumerate() {
            for key in lanes_of(entry, |id| services.iter().position(|s| s.id == *id)) {
                order.entry(key).or_default().push(index);
            }
        }
        let mut out = Vec::new();
        for ((_, label), entries) in order {
            let mut packed: Vec<(Line, Instant)> = Vec::new();
            for index in entries {
                let Some(entry) = self.board.entries.get(index) else { continue };
                let free = packed.iter_mut().find(|(_, to)| *to <= entry.at.from);
                if let Some((line, to)) = free {
                    line.entries.push(index);
                    *to = entry.at.to;
                } else {
                    let label = if packed.is_empty() { label.clone() } else { String::new() };
                    packed.push((Line { label, entries: vec![index] }, entry.at.to));
                }
            }
            out.extend(packed.into_iter().map(|(line, _)| line));
        }
        out
    }

    fn lane(&self, ctx: &Ctx<'_>, line: &Line) -> Lane {
        let chosen = self.entry(ctx).map(|e| e.id.clone());
        let roster = &ctx.world.plan.roster;
        let bar = |entry: &Entry| {
            let clash = if entry.conflicts > 0 { "! " } else { "" };
            Bar {
                at: entry.at,
                text: format!("{clash}{}", entry.title(roster)),
                look: look(entry, ctx),
                chosen: chosen.as_ref() == Some(&entry.id),
            }
        };
        let entries = line.entries.iter().filter_map(|index| self.board.entries.get(*index));
        Lane { label: line.label.clone(), bars: entries.map(bar).collect(), leads: true }
    }

    /// The line in which the cursor's entry is.
    fn line_of_cursor(&self, ctx: &Ctx<'_>) -> Option<usize> {
        let id = &self.entry(ctx)?.id;
        let has = |line: &Line| {
            line.entries.iter().any(|i| self.board.entries.get(*i).is_some_and(|e| e.id == *id))
        };
        self.lines.iter().position(has)
    }

    /// To the entry before or after in the same lane, or in the period before or after.
    pub(super) fn along(&mut self, ctx: &Ctx<'_>, forward: bool) {
        let line = self.line_of_cursor(ctx).and_then(|n| self.lines.get(n));
        let at = line.zip(self.entry(ctx)).and_then(|(line, entry)| {
            let is_it = |i: &usize| self.board.entries.get(*i).is_some_and(|e| e.id == entry.id);
            let at = line.entries.iter().position(is_it)?;
            let next = if forward { at.checked_add(1) } else { at.checked_sub(1) };
            next.and_then(|n| line.entries.get(n)).copied()
        });
        match at {
            Some(index) => self.choose(ctx, index),
            None => self.turn(ctx, forward),
        }
    }

    /// To the nearest entry in the lane below or above.
    pub(super) fn across(&mut self, ctx: &Ctx<'_>, forward: bool) {
        let at = self.line_of_cursor(ctx);
        let next = match at {
            Some(n) if forward => n.saturating_add(1),
            Some(n) => match n.checked_sub(1) {
                Some(n) => n,
                None => return,
            },
            None => 0,
        };
        let Some(line) = self.lines.get(next) else { return };
        let from = self.entry(ctx).map_or(ctx.now, |e| e.at.from);
        let far = |index: &&usize| {
            let at = self.board.entries.get(**index).map_or(from, |e| e.at.from);
            (at - from).num_seconds().abs()
        };
        if let Some(index) = line.entries.iter().min_by_key(far).copied() {
            self.choose(ctx, index);
        }
    }

    fn choose(&mut self, ctx: &Ctx<'_>, index: usize) {
        let Some(entry) = self.board.entries.get(index) else { return };
        let from = entry.at.from.max(self.span(ctx).from);
        (self.day, self.chosen) =
            (Some(zone::local(from, ctx.world.site.zone).date()), Some(entry.id.clone()));
        self.refresh(ctx);
    }
}

/// In which lanes an entry stands, with what they are sorted by.
fn lanes_of(
    entry: &Entry,
    place: impl Fn(&crate::domain::health::ServiceId) -> Option<usize>,
) -> Vec<(usize, String)> {
    match &entry.what {
        What::Expiry { .. } => vec![(usize::MAX, "expires".to_owned())],
        What::Occurrence(one) => {
            let scope = &one.window.scope;
            if scope.is_empty() {
                let freeze = one.window.kind == Kind::Freeze;
                let label = if freeze { "everything" } else { "no service" };
                return vec![(if freeze { 0 } else { usize::MAX - 1 }, label.to_owned())];
            }
            let services = scope.services.iter();
            let services =
                services.map(|s| (place(s).map_or(usize::MAX - 3, |n| n + 1), s.to_string()));
            let matchers = scope.matchers.iter().map(|m| (usize::MAX - 2, m.to_string()));
            services.chain(matchers).collect()
        }
    }
}

fn look(entry: &Entry, ctx: &Ctx<'_>) -> Look {
    let Some(one) = entry.occurrence() else { return Look::Missing };
    match one.status {
        Status::Completed | Status::Cancelled => Look::Past,
        Status::Planned if one.planned.to <= ctx.now => Look::Past,
        _ if one.window.kind == Kind::Freeze => Look::Away,
        Status::Planned => Look::Proposed,
        Status::Approved | Status::InProgress => Look::Held,
    }
}

/// Who is on call, a lane for each schedule.
fn on_call(ctx: &Ctx<'_>, span: Interval) -> Vec<Lane> {
    let (roster, overrides) = (&ctx.world.plan.roster, ctx.world.book.overrides());
    let lane = |schedule: &std::sync::Arc<crate::domain::roster::Schedule>| {
        let shifts = final_shifts(schedule, &overrides, &ctx.world.imported, span);
        let bars = held(&shifts).into_iter().map(|h| Bar {
            at: h.at,
            text: roster.name(&h.person).to_owned(),
            look: Look::Past,
            chosen: false,
        });
        Lane { label: format!("on call {}", schedule.id), bars: bars.collect(), leads: false }
    };
    roster.schedules.iter().map(lane).collect()
}
