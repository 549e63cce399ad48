//! One taking place of a window, full-screen: what is known of it, its checklist, and the incidents
//! meanwhile.

use ratatui::layout::Rect;

use super::board::{Board, Entry};
use super::detail::view_entry;
use super::{Calendar, Page, actions};
use crate::domain::calendar::{Check, CheckResult, Item, Occurrence, Status};
use crate::domain::incident::Incident;
use crate::domain::time::{near, zone};
use crate::ui::keymap::Action;
use crate::ui::screens::{Ctx, Step};
use crate::ui::theme::Role;
use crate::ui::widgets::{Column, Paint, Table, split, width};

const ITEMS: [Column; 4] = [
    Column::new("", 2, 0),
    Column::fill("CHECKLIST", 20),
    Column::new("RESULT", 12, 0),
    Column::new("BY", 22, 2),
];

/// One occurrence full-screen.
pub(super) fn view_page(
    ctx: &Ctx<'_>,
    page: &Page,
    board: &Board,
    area: Rect,
    paint: &mut Paint<'_>,
) {
    let Some(one) = ctx.world.calendar.occurrence(&page.key, ctx.now) else {
        let inner = paint.panel(area, &[(&page.key.window.0, paint.of(Role::Title))], true);
        let room = inner.width.saturating_sub(2);
        paint.put(inner.x + 1, inner.y, room, "it takes place no more; Esc leaves", Role::Muted);
        return;
    };
    let items = one.window.checklist.len();
    let lines = u16::try_from(items).unwrap_or(u16::MAX).saturating_add(3);
    let (facts, list, incidents) = if area.width >= 120 {
        let left = Rect { width: area.width / 2, ..area };
        let right = Rect { x: area.x + left.width, width: area.width - left.width, ..area };
        let (list, below) = if items == 0 {
            (Rect::default(), right)
        } else {
            split(right, lines.max(right.height / 2).min(right.height))
        };
        (left, list, below)
    } else {
        let (facts, list) = split(area, area.height - lines.min(area.height / 2));
        (facts, list, Rect::default())
    };
    let entry = Entry::of(one.clone(), board.against(&page.key).len(), ctx.now);
    let day = zone::local(one.planned.from, ctx.world.site.zone).date();
    view_entry(ctx, board, (day, Some(&entry)), facts, paint);
    if items > 0 {
        view_checklist(ctx, &one, page.item, list, paint);
    }
    if incidents.height >= 3 {
        view_incidents(ctx, &one, incidents, paint);
    }
}

/// What went wrong in its services while it was in effect.
fn view_incidents(ctx: &Ctx<'_>, one: &Occurrence, area: Rect, paint: &mut Paint<'_>) {
    let during = during(ctx, one);
    let title = format!("Incidents meanwhile  {}", during.len());
    let inner = paint.panel(area, &[(&title, paint.of(Role::Title))], false);
    let (x, room) = (inner.x + 1, inner.width.saturating_sub(2));
    if during.is_empty() {
        let said = if one.effect().is_some() { "none" } else { "it has not been in effect" };
        paint.put(x, inner.y, room, said, Role::Muted);
    }
    let site = ctx.world.site.zone;
    for (incident, y) in during.iter().zip(inner.y..inner.bottom()) {
        let priority = format!("{} ", incident.priority);
        let id = format!("{}  {}  ", incident.id, near(incident.opened_at, ctx.now, site));
        let state = format!("{}  ", incident.state().word());
        let pieces = [
            (&*priority, paint.theme.urgency(incident.priority)),
            (&*id, paint.of(Role::Muted)),
            (&*state, paint.of(Role::Text)),
            (&*incident.title, paint.of(Role::Text)),
        ];
        paint.spans(x, y, room, &pieces);
    }
}

/// The incidents that it marks, and those of its services that began while it was in effect.
fn during<'a>(ctx: &Ctx<'a>, one: &Occurrence) -> Vec<&'a Incident> {
    let Some(effect) = one.effect() else { return Vec::new() };
    let is_in = |incident: &&Incident| {
        let marked = incident.maintenance.as_ref().is_some_and(|m| m.window == one.key.window);
        let service = incident.service.as_ref();
        let ours = one.window.scope.covers(service, &incident.labels);
        marked && effect.contains(ctx.now) || ours && effect.contains(incident.opened_at)
    };
    let all = ctx.world.incidents.by_id.values().map(AsRef::as_ref);
    let mut all: Vec<&Incident> = all.filter(is_in).collect();
    all.sort_by_key(|incident| (incident.priority, incident.opened_at));
    all
}

fn view_checklist(ctx: &Ctx<'_>, one: &Occurrence, item: usize, area: Rect, paint: &mut Paint<'_>) {
    let checks = one.record().map_or(0, |r| r.checks.len());
    let title = format!("Checklist  {checks}/{}", one.window.checklist.len());
    let inner = paint.panel(area, &[(&title, paint.of(Role::Title))], true);
    let visible = Table::room(inner.height, 1);
    let first = (item + 1).saturating_sub(visible);
    let last = (first + visible).min(one.window.checklist.len());
    let table = Table { columns: &ITEMS, cursor: item, focused: true, sort: None, lines: 1 };
    table.paint(paint, inner, first..last, |index, line| {
        let Some(item) = one.window.checklist.get(index) else { return };
        let check = u16::try_from(index).ok().and_then(|n| one.record()?.check(n));
        let symbols = ctx.theme().symbols;
        let (sign, result, role) = match check.map(|c| c.result) {
            Some(CheckResult::Pass) => (symbols.check, "pass".to_owned(), Role::Ok),
            Some(CheckResult::Fail) => (symbols.critical, "fail".to_owned(), Role::Critical),
            Some(CheckResult::Value { value }) => {
                let unit = item.unit.as_deref().unwrap_or_default();
                (symbols.check, format!("{value} {unit}").trim_end().to_owned(), Role::Ok)
            }
            None => (" ", String::new(), Role::Muted),
        };
        let cells = [
            (sign.to_owned(), role),
            (said(item, check), Role::Text),
            (result, role),
            (check.map(|c| by(ctx, c)).unwrap_or_default(), Role::Muted),
        ];
        for (column, (text, role)) in cells.iter().enumerate() {
            let style = line.paint.of(*role);
            line.cell(column, text, style);
        }
    });
    // What the column cuts off of the chosen one stands below, where there is room.
    let chosen = one.window.checklist.get(item).map(|chosen| {
        let check = u16::try_from(item).ok().and_then(|n| one.record()?.check(n));
        said(chosen, check)
    });
    let below = Rect { y: inner.bottom().saturating_sub(2), height: 2, ..inner };
    if let Some(text) = chosen.filter(|text| width(text) > inner.width / 2)
        && below.y > inner.y + u16::try_from(last - first).unwrap_or(u16::MAX)
    {
        let below = Rect { x: below.x + 1, width: below.width.saturating_sub(2), ..below };
        paint.wrapped(below, &text, paint.of(Role::Muted));
    }
    let note = match one.status {
        Status::InProgress => "space passes, Enter more, N incident of what failed",
        Status::Planned | Status::Approved => "to be ticked off once it is started",
        _ => "",
    };
    if !note.is_empty() {
        paint.note(area, note, paint.of(Role::Muted));
    }
}

/// The item, and what was noted about it.
fn said(item: &Item, check: Option<&Check>) -> String {
    match check {
        Some(check) if !check.note.is_empty() => format!("{}: {}", item.text, check.note),
        _ => item.text.to_string(),
    }
}

fn by(ctx: &Ctx<'_>, check: &Check) -> String {
    format!(
        "{} {}",
        ctx.world.plan.roster.name(&check.by),
        near(check.at, ctx.now, ctx.world.site.zone)
    )
}

impl Calendar {
    pub(super) fn act_on_page(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        let one = self.occurrence(ctx);
        let items = one.as_ref().map_or(0, |one| one.window.checklist.len());
        let Some(page) = &mut self.page else { return Vec::new() };
        let last = items.saturating_sub(1);
        match action {
            Action::Down => page.item = page.item.saturating_add(1).min(last),
            Action::Up => page.item = page.item.saturating_sub(1),
            Action::Top => page.item = 0,
            Action::Bottom => page.item = last,
            Action::Back => {
                self.page = None;
                self.refresh(ctx);
            }
            Action::Copy => return self.copy(ctx),
            Action::Mark | Action::Open | Action::Report => {
                let (Some(one), item) = (one, page.item) else { return Vec::new() };
                let Ok(item) = u16::try_from(item) else { return Vec::new() };
                return match action {
                    Action::Mark => actions::pass(&one, item),
                    Action::Open => actions::check_form(&one, item),
                    _ => actions::incident_of(ctx, &one, item),
                };
            }
            action => return self.ask(action, ctx),
        }
        Vec::new()
    }
}
