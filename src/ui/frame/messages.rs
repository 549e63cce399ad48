//! Everything that this console has said, the newest first.

use std::collections::VecDeque;

use ratatui::layout::Rect;

use crate::domain::time::Instant;
use crate::ui::screens::{Ctx, Tone, centred};
use crate::ui::theme::Role;
use crate::ui::widgets::{Paint, Scroll};

/// One line that was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub at: Instant,
    pub tone: Tone,
    pub text: String,
}

fn area(screen: Rect, len: usize) -> Rect {
    let height = u16::try_from(len + 2).unwrap_or(u16::MAX).max(8);
    let height = height.min(screen.height.saturating_sub(4));
    centred(screen, screen.width.saturating_sub(8).clamp(40, 110), height)
}

/// How many lines are in view.
pub fn room(screen: Rect, len: usize) -> usize {
    usize::from(area(screen, len).height.saturating_sub(2))
}

pub fn view(
    messages: &VecDeque<Message>,
    ctx: &Ctx<'_>,
    at: Scroll,
    screen: Rect,
    paint: &mut Paint<'_>,
) {
    let area = area(screen, messages.len());
    paint.fill(area, Role::Overlay);
    let inner = paint.panel(area, &[("Messages", paint.of(Role::Title))], true);
    if messages.is_empty() {
        paint.put(inner.x + 1, inner.y, inner.width, "nothing was said yet", Role::Muted);
    }
    for (message, y) in messages.iter().rev().skip(at.0).zip(inner.y..inner.bottom()) {
        let role = match message.tone {
            Tone::Good => Role::Ok,
            Tone::Info => Role::Text,
            Tone::Bad => Role::Critical,
            Tone::News => Role::Warning,
        };
        let symbols = paint.theme.symbols;
        let glyph = match message.tone {
            Tone::Good => symbols.check,
            Tone::Info => symbols.dot,
            Tone::Bad => symbols.critical,
            Tone::News => symbols.warning,
        };
        let local = message.at.with_timezone(&ctx.world.site.zone).format("%H:%M:%S").to_string();
        let used = paint.put(inner.x + 1, y, inner.width - 1, &local, Role::Muted) + 3;
        let used = used + paint.put(inner.x + used, y, 1, glyph, role) + 1;
        paint.put(inner.x + used, y, inner.width.saturating_sub(used + 1), &message.text, role);
    }
    let note = format!("{} messages", messages.len());
    paint.note(area, &note, paint.of(Role::Muted));
}
