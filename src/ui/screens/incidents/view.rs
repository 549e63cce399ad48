//! The picture of the queue: list, detail, timeline, and what stands there when there is nothing.

use std::fmt::Write as _;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::facts::{self, Eye};
use super::full;
use super::list::Group;
use super::{Pane, Queue, eye, table};
use crate::domain::incident::Incident;
use crate::domain::incident::views::OPEN;
use crate::domain::observation::SourceState;
use crate::domain::text::duration;
use crate::ui::screens::Ctx;
use crate::ui::theme::Role;
use crate::ui::widgets::{Paint, fit, width};

pub fn paint(queue: &Queue, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
    let eye = eye(ctx);
    if let Some(full) = &queue.full {
        let Some(incident) = ctx.world.incidents.get(full.id) else {
            let title = format!("{}", full.id);
            let inner = paint.panel(area, &[(&title, paint.of(Role::Title))], true);
            let text = "It is no longer loaded; Esc goes back to the queue.";
            paint.put(inner.x + 1, inner.y, inner.width.saturating_sub(2), text, Role::Muted);
            return;
        };
        full::paint(full, incident, &queue.history(incident.id), &eye, paint, area);
        return;
    }
    let layout = queue.layout(area);
    paint_list(queue, ctx, &eye, &layout, paint);
    let Some(detail) = layout.detail else { return };
    let Some(incident) = queue.subject(ctx.world) else { return };
    paint_detail(queue, incident, &eye, detail, paint);
    if let Some(area) = layout.timeline {
        let focused = queue.focus == Pane::Timeline;
        paint.panel(area, &[("Timeline", paint.of(Role::Title))], focused);
        queue.history(incident.id).paint(&eye, paint, inside(area), queue.scrolled.back);
    }
}

/// Inside a panel, with a cell of air on both sides.
fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    }
}

fn paint_list(
    queue: &Queue,
    ctx: &Ctx<'_>,
    eye: &Eye<'_>,
    layout: &super::Layout,
    paint: &mut Paint<'_>,
) {
    let theme = eye.theme;
    let list = &queue.list;
    let muted = theme.of(Role::Muted);
    let status = status(queue, eye);
    let status_width: u16 = status.iter().map(|(text, _)| width(text)).sum();
    let room = layout.queue.width.saturating_sub(status_width + 12);
    let bad = queue.filter.is_wrong();
    let view = queue.view_name(ctx.world);
    let query = if queue.filter.text().is_empty() { "everything" } else { queue.filter.text() };
    let role = match view {
        _ if bad => Role::Critical,
        Some("open") => Role::Muted,
        _ => Role::Accent,
    };
    let mut title =
        vec![("Queue".to_owned(), theme.of(Role::Title)), (format!("  {query}"), theme.of(role))];
    let mut order = format!("  sort {}", list.sort());
    if list.group() != Group::None {
        let _ = write!(order, "  by {}", list.group().word());
    }
    if let Some(view) = view.filter(|view| *view != "open" && *view != query) {
        let symbols = theme.symbols;
        let _ = write!(order, "  {}{view}{}", symbols.quote_left, symbols.quote_right);
    }
    title.push((order, muted));
    let title = cut(title, room, theme.symbols.ellipsis);
    let borrowed: Vec<(&str, Style)> = title.iter().map(|(t, s)| (t.as_str(), *s)).collect();
    paint.panel(layout.queue, &borrowed, queue.focus == Pane::List);
    let borrowed: Vec<(&str, Style)> = status.iter().map(|(t, s)| (t.as_str(), *s)).collect();
    paint.top_note(layout.queue, &borrowed);

    let (shown, loaded) = list.counts();
    let window = list.window(table::room(layout.table));
    if shown == 0 {
        paint_nothing(queue, ctx, layout.table, paint);
    } else {
        let focused = queue.focus == Pane::List;
        table::paint(list, &queue.teams, eye, &queue.columns, paint, layout.table, focused);
        let seen = list.ids(window.clone()).count();
        let before = list.incidents_before(window.start);
        let hidden = list.hidden();
        let mut note = format!("{}–{} of {}", before + 1, before + seen, shown + hidden);
        if hidden > 0 {
            let _ = write!(note, ", {hidden} folded");
        }
        if loaded > shown + hidden {
            let _ = write!(note, ", {loaded} in all");
        }
        paint.note(layout.queue, &note, muted);
    }
    queue.filter.paint(paint, layout.bar);
}

/// What is going on in the list, at the right of its upper border.
fn status(queue: &Queue, eye: &Eye<'_>) -> Vec<(String, Style)> {
    let theme = eye.theme;
    let list = &queue.list;
    let mut parts = Vec::new();
    let marked = list.marks().len();
    if marked > 0 {
        parts.push((format!("{} {marked} marked", theme.symbols.mark), theme.of(Role::Mark)));
    }
    let waiting = list.waiting();
    if waiting.count > 0 {
        let text = format!("{} new {}", waiting.count, theme.symbols.arrow_up);
        parts.push((text, theme.of(Role::Accent)));
        if let Some(worst) = waiting.worst {
            parts.push((worst.to_string(), theme.priority(worst)));
        }
    }
    let asleep = list.asleep();
    if asleep > 0 {
        parts.push((format!("{asleep} snoozed"), theme.of(Role::Muted)));
    }
    if list.is_following() {
        parts.push(("following".to_owned(), theme.of(Role::Muted)));
    }
    let gaps = parts.len().saturating_sub(1);
    for n in (1..=gaps).rev() {
        parts.insert(n, ("  ".to_owned(), Style::new()));
    }
    parts
}

/// Pieces cut to `max` cells in all.
fn cut(pieces: Vec<(String, Style)>, max: u16, ellipsis: &str) -> Vec<(String, Style)> {
    let mut left = max;
    let mut out = Vec::new();
    for (text, style) in pieces {
        if left == 0 {
            break;
        }
        let text = fit(&text, left, ellipsis).into_owned();
        left = left.saturating_sub(width(&text));
        out.push((text, style));
    }
    out
}

/// An empty list says why it is empty, and never that all is well where nobody can know.
fn paint_nothing(queue: &Queue, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
    let theme = ctx.theme();
    let mut lines: Vec<(String, Style)> = Vec::new();
    let blind: Vec<&str> = ctx
        .world
        .sources
        .iter()
        .filter(|source| !matches!(source.state, SourceState::Fresh))
        .map(|source| &*source.name)
        .collect();
    let waiting = queue.list.waiting().count;
    let (_, loaded) = queue.list.counts();
    if queue.view_name(ctx.world) == Some("open") {
        if blind.is_empty() {
            let text = format!("{} Nothing is open.", theme.symbols.ok);
            lines.push((text, theme.of(Role::Ok)));
        } else {
            let text = format!("{} No incident is known.", theme.symbols.unknown);
            lines.push((text, theme.of(Role::Unknown)));
        }
        let last = ctx.world.incidents.by_id.values().rev();
        let last = last.filter_map(|i| Some((i, i.standing.resolved.as_ref()?.at)));
        if let Some((incident, at)) = last.max_by_key(|(_, at)| *at) {
            let ago = duration(ctx.now.signed_duration_since(at));
            let text = format!(
                "The last one, {} {}, was resolved {ago} ago.",
                incident.id, incident.title
            );
            lines.push((text, theme.of(Role::Muted)));
        }
    } else {
        let text = if queue.filter.text().is_empty() {
            "There is no incident yet.".to_owned()
        } else {
            format!("None of {loaded} incidents matches {}", queue.filter.text())
        };
        lines.push((text, theme.of(Role::Text)));
        if queue.filter.text() != OPEN && !queue.filter.is_editing() {
            let text = "Esc shows the open ones, / changes the filter, v has other views.";
            lines.push((text.to_owned(), theme.of(Role::Muted)));
        }
    }
    if !blind.is_empty() {
        let text = match blind.as_slice() {
            [one] => format!("{one} does not answer: there may be more."),
            many => format!("{} sources do not answer: there may be more.", many.len()),
        };
        lines.push((format!("{} {text}", theme.symbols.unknown), theme.of(Role::Unknown)));
    }
    let asleep = queue.list.asleep();
    if asleep > 0 {
        let text = match asleep {
            1 => "1 is snoozed: v shows it.".to_owned(),
            n => format!("{n} are snoozed: v shows them."),
        };
        lines.push((text, theme.of(Role::Text)));
    }
    if waiting > 0 {
        let text = format!("{waiting} new {} wait above.", theme.symbols.arrow_up);
        lines.push((text, theme.of(Role::Accent)));
    }
    let top = area.y + area.height.saturating_sub(lines.len() as u16) / 3;
    for ((text, style), y) in lines.iter().zip(top..area.bottom()) {
        let w = width(text).min(area.width.saturating_sub(2));
        let x = area.x + (area.width - w) / 2;
        paint.text(x, y, w, text, *style);
    }
}

fn paint_detail(
    queue: &Queue,
    incident: &Incident,
    eye: &Eye<'_>,
    area: Rect,
    paint: &mut Paint<'_>,
) {
    let theme = eye.theme;
    let id = incident.id.to_string();
    let service = incident.service.as_ref().map_or("unassigned", |s| s.as_str());
    let heading = format!("{service}: {}", incident.title);
    let title = [
        (id.as_str(), theme.priority(incident.priority)),
        ("  ", Style::new()),
        (heading.as_str(), theme.of(Role::Title)),
    ];
    paint.panel(area, &title, queue.focus == Pane::Detail);
    let inner = inside(area);
    let facts = facts::of(incident, eye);
    facts::paint(&facts, paint, inner, queue.scrolled.detail);
    let lines = facts::height(&facts, inner.width);
    let hidden = lines.saturating_sub(queue.scrolled.detail + usize::from(inner.height));
    if hidden > 0 {
        let text = format!("{} {hidden} more", theme.symbols.arrow_down);
        paint.note(area, &text, theme.of(Role::Muted));
    }
}
