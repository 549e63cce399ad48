//! Everything that this console has said, the newest first.

use std::collections::VecDeque;

use ratatui::layout::Rect;

use crate::domain::text::count;
use crate::domain::time::Instant;
use crate::ui::keymap::Action;
use crate::ui::screens::{Ctx, Tone, centred};
use crate::ui::theme::Role;
use crate::ui::widgets::paint::wrap;
use crate::ui::widgets::scroll::rows;
use crate::ui::widgets::{Paint, Scroll};

/// One line that was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub at: Instant,
    pub tone: Tone,
    pub text: String,
}

/// Where the text of a message begins: behind its time and its glyph.
const INDENT: u16 = 13;

fn area(screen: Rect, lines: usize) -> Rect {
    let height = u16::try_from(lines + 2).unwrap_or(u16::MAX).max(8);
    let height = height.min(screen.height.saturating_sub(4));
    centred(screen, screen.width.saturating_sub(8).clamp(40, 110), height)
}

/// Each message in as many lines as it takes, the newest first.
fn wrapped(messages: &VecDeque<Message>, screen: Rect) -> Vec<Vec<String>> {
    let room = area(screen, 0).width.saturating_sub(INDENT + 4);
    messages.iter().rev().map(|message| wrap(&message.text, room)).collect()
}

/// Moves from message to message; the newest is the first.
pub fn step(at: &mut Scroll, action: Action, messages: &VecDeque<Message>, screen: Rect) {
    let height = usize::from(area(screen, messages.len()).height.saturating_sub(2));
    let last = messages.len().saturating_sub(1);
    at.0 = match action {
        Action::Top => 0,
        Action::Bottom => last,
        action => at.0.saturating_add_signed(rows(action, height).unwrap_or(0)).min(last),
    };
}

/// The one under the cursor.
pub fn chosen(messages: &VecDeque<Message>, at: Scroll) -> Option<&Message> {
    messages.iter().rev().nth(at.0)
}

pub fn view(
    messages: &VecDeque<Message>,
    ctx: &Ctx<'_>,
    at: Scroll,
    screen: Rect,
    paint: &mut Paint<'_>,
) {
    let wrapped = wrapped(messages, screen);
    let area = area(screen, wrapped.iter().map(Vec::len).sum());
    paint.fill(area, Role::Overlay);
    let inner = paint.panel(area, &[("Messages", paint.of(Role::Title))], true);
    if messages.is_empty() {
        paint.put(inner.x + 1, inner.y, inner.width, "nothing was said yet", Role::Muted);
        return;
    }
    // All of the message under the cursor is in view, or at least its beginning.
    let above: usize = wrapped.iter().take(at.0).map(Vec::len).sum();
    let through = above + wrapped.get(at.0).map_or(0, Vec::len);
    let skip = through.saturating_sub(usize::from(inner.height)).min(above);
    let mut line = 0_usize;
    for (index, (message, text)) in messages.iter().rev().zip(&wrapped).enumerate() {
        for (part, text) in text.iter().enumerate() {
            let y = line.checked_sub(skip).and_then(|y| u16::try_from(y).ok());
            line += 1;
            let Some(y) = y.map(|y| inner.y.saturating_add(y)).filter(|y| *y < inner.bottom())
            else {
                continue;
            };
            entry(message, text, part == 0, ctx, Rect { y, height: 1, ..inner }, paint);
            if index == at.0 {
                let row = Rect { y, height: 1, ..inner };
                paint.select(row, Role::Selection);
                let bar = paint.of(Role::Selection).patch(paint.of(Role::Bar));
                paint.cell(row.x, y, paint.theme.symbols.bar, bar);
            }
        }
    }
    let keymap = &ctx.prefs.settings.keymap;
    let copy = keymap.shown(Action::Copy, ctx.theme().is_ascii()).unwrap_or_default();
    let count = count(messages.len(), "message");
    let note = format!("{copy} copies {} {count}", paint.theme.symbols.dot);
    paint.note(area, &note, paint.of(Role::Muted));
}

fn entry(
    message: &Message,
    text: &str,
    first: bool,
    ctx: &Ctx<'_>,
    row: Rect,
    paint: &mut Paint<'_>,
) {
    let role = match message.tone {
        Tone::Good => Role::Ok,
        Tone::Info => Role::Text,
        Tone::Bad => Role::Critical,
        Tone::News => Role::Warning,
    };
    if first {
        let symbols = paint.theme.symbols;
        let glyph = match message.tone {
            Tone::Good => symbols.check,
            Tone::Info => symbols.dot,
            Tone::Bad => symbols.critical,
            Tone::News => symbols.warning,
        };
        let local = message.at.with_timezone(&ctx.world.site.zone).format("%H:%M:%S").to_string();
        paint.put(row.x + 1, row.y, row.width, &local, Role::Muted);
        paint.put(row.x + 11, row.y, 1, glyph, role);
    }
    paint.put(row.x + INDENT, row.y, row.width.saturating_sub(INDENT + 1), text, role);
}
