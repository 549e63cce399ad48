//! Every key that works here: the table of actions, by group, in as many columns as fit.

use ratatui::layout::Rect;
use ratatui::style::Style;

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
            .filter(|e| e.group == group && e.within.iter().any(|c| contexts.contains(c)))
            .filter(|e| !ctx.prefs.keymap.keys(e.action).is_empty())
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
                .keymap
                .keys(entry.action)
                .iter()
                .map(|keys| match keys.as_slice() {
                    [one] => crate::ui::keymap::short(*one, ascii),
                    many => show(many),
                })
                .collect();
            out.push(Line::Entry { keys: keys.join(" "), help: entry.help, writes: entry.writes });
        }
    }
    out
}

fn area(screen: Rect) -> Rect {
    centred(screen, screen.width.min(84), screen.height.saturating_sub(2))
}

/// How many lines are in view.
pub fn room(screen: Rect) -> usize {
    usize::from(area(screen).height.saturating_sub(2))
}

pub fn view(ctx: &Ctx<'_>, contexts: &[Context], at: Scroll, screen: Rect, paint: &mut Paint<'_>) {
    let area = area(screen);
    paint.fill(area, Role::Overlay);
    let inner = paint.panel(area, &[("Keys", paint.of(Role::Title))], true);
    let lines = lines(ctx, contexts);
    let keys = lines.iter().map(|l| match l {
        Line::Entry { keys, .. } => width(keys),
        _ => 0,
    });
    let keys = keys.max().unwrap_or(0).min(inner.width / 3);
    for (line, y) in lines.iter().skip(at.0).zip(inner.y..inner.bottom()) {
        match line {
            Line::Gap => {}
            Line::Title(title) => {
                paint.put(inner.x + 1, y, inner.width, title, Role::Heading);
            }
            Line::Entry { keys: text, help, writes } => {
                let style: Style = paint.of(Role::Key);
                paint.text(inner.x + 3, y, keys, text, style);
                let x = inner.x + keys + 6;
                let role =
                    if *writes && ctx.world.site.read_only { Role::Muted } else { Role::Text };
                paint.put(x, y, inner.right().saturating_sub(x + 1), help, role);
            }
        }
    }
    let room = usize::from(inner.height);
    if lines.len() > room {
        let last = (at.0 + room).min(lines.len());
        let note = format!("{}-{last}/{}", at.0 + 1, lines.len());
        paint.note(area, &note, paint.of(Role::Muted));
    }
}
