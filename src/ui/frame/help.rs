//! Every key that works here: the table of actions, by group, in as many columns as fit.

use ratatui::layout::Rect;

use crate::ui::keymap::{Context, Group, TABLE, show};
use crate::ui::screens::{Ctx, centred};
use crate::ui::theme::Role;
use crate::ui::widgets::{Paint, Scroll, width};

/// A line of the help: keys and what they do, or the title of a group.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    Title(&'static str),
    Entry { keys: String, help: &'static str, writes: bool },
    Gap,
}

/// The lines for these contexts.
pub fn lines(ctx: &Ctx<'_>, contexts: &[Context]) -> Vec<Line> {
    let ascii = ctx.theme().is_ascii();
    let mut out = Vec::new();
    for group in Group::ALL {
        let entries: Vec<_> = TABLE
            .iter()
            .filter(|e| {
                e.group_in(contexts) == group && e.within.iter().any(|c| contexts.contains(c))
            })
            .filter(|e| !ctx.prefs.settings.keymap.keys(e.action).is_empty())
            .collect();
        if entries.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(Line::Gap);
        }
        out.push(Line::Title(group.title()));
        for entry in entries {
            let keys: Vec<_> = ctx
                .prefs
                .settings
                .keymap
                .keys(entry.action)
                .iter()
                .map(|keys| match keys.as_slice() {
                    [one] => crate::ui::keymap::short(*one, ascii),
                    many => show(many),
                })
                .collect();
            out.push(Line::Entry {
                keys: keys.join(" "),
                help: entry.help_in(contexts),
                writes: entry.writes,
            });
        }
    }
    out
}

/// From this width on, two columns.
const TWO: u16 = 150;

/// The lines in one column or two: what is done beside how to move.
fn columns(lines: &[Line], screen: Rect) -> (&[Line], &[Line]) {
    let split = lines.iter().position(|l| *l == Line::Title(Group::Move.title()));
    match split {
        Some(at) if screen.width >= TWO => lines.split_at(at),
        _ => (lines, &[]),
    }
}

/// The lines of the longest column.
pub fn height(lines: &[Line], screen: Rect) -> usize {
    let (left, right) = columns(lines, screen);
    left.len().max(right.len())
}

fn area(screen: Rect, lines: usize) -> Rect {
    let width = if screen.width >= TWO { 148 } else { screen.width.min(84) };
    let height = u16::try_from(lines + 2).unwrap_or(u16::MAX);
    centred(screen, width, height.min(screen.height.saturating_sub(2)))
}

/// How many lines are in view.
pub fn room(screen: Rect, lines: usize) -> usize {
    usize::from(area(screen, lines).height.saturating_sub(2))
}

pub fn view(ctx: &Ctx<'_>, contexts: &[Context], at: Scroll, screen: Rect, paint: &mut Paint<'_>) {
    let lines = lines(ctx, contexts);
    let len = height(&lines, screen);
    let area = area(screen, len);
    paint.fill(area, Role::Overlay);
    let inner = paint.panel(area, &[("Keys", paint.of(Role::Title))], true);
    let (left, right) = columns(&lines, screen);
    let half = if right.is_empty() { inner.width } else { inner.width / 2 };
    column(ctx, left, at, Rect { width: half, ..inner }, paint);
    column(ctx, right, at, Rect { x: inner.x + half, width: inner.width - half, ..inner }, paint);
    let room = usize::from(inner.height);
    if len > room {
        let note = format!("{}-{}/{len}", at.0 + 1, (at.0 + room).min(len));
        paint.note(area, &note, paint.of(Role::Muted));
    }
}

fn column(ctx: &Ctx<'_>, lines: &[Line], at: Scroll, area: Rect, paint: &mut Paint<'_>) {
    let keys = lines.iter().map(|l| match l {
        Line::Entry { keys, .. } => width(keys),
        _ => 0,
    });
    let keys = keys.max().unwrap_or(0).min(area.width / 3);
    for (line, y) in lines.iter().skip(at.0).zip(area.y..area.bottom()) {
        match line {
            Line::Gap => {}
            Line::Title(title) => {
                paint.put(area.x + 1, y, area.width, title, Role::Heading);
            }
            Line::Entry { keys: text, help, writes } => {
                paint.put(area.x + 3, y, keys, text, Role::Key);
                let x = area.x + keys + 6;
                let role =
                    if *writes && ctx.world.site.read_only { Role::Muted } else { Role::Text };
                paint.put(x, y, area.right().saturating_sub(x + 1), help, role);
            }
        }
    }
}
