//! The first thing that a newcomer reads: what is being watched, and what to do next.

use ratatui::layout::Rect;

use crate::domain::text;
use crate::ui::keymap::Action;
use crate::ui::screens::{Ctx, centred};
use crate::ui::theme::Role;
use crate::ui::widgets::Paint;
use crate::ui::widgets::paint::wrap;

pub fn view(ctx: &Ctx<'_>, screen: Rect, paint: &mut Paint<'_>) {
    let w = screen.width.min(78);
    let world = ctx.world;
    let services = text::count(world.health.services.len(), "service");
    let mut lines: Vec<(Role, String)> = Vec::new();
    let host = world.sources.iter().all(|s| s.kind == "host");
    let watching = if world.site.demo {
        format!(
            "A made-up operations centre with {services}. Nothing here is real, nothing is stored."
        )
    } else if host {
        format!(
            "This host is being watched: {services} from its processor, memory, disks, network \
             and busiest processes. A disk over 90\u{a0}% or memory over 95\u{a0}% raises an incident by itself."
        )
    } else {
        let sources = text::count(world.sources.len(), "source");
        format!("Being watched: {services} from {sources}.")
    };
    for line in wrap(&watching, w.saturating_sub(6)) {
        lines.push((Role::Text, line));
    }
    lines.push((Role::Text, String::new()));
    lines.push((Role::Heading, "Next".to_owned()));
    let key = |action| {
        ctx.prefs.settings.keymap.shown(action, ctx.theme().is_ascii()).unwrap_or_default()
    };
    for (command, what) in [
        ("atalaya init --prometheus URL", "watch what a Prometheus knows"),
        ("atalaya init", "write a commented configuration"),
        ("atalaya --demo", "look at a whole operations centre first"),
    ] {
        lines.push((Role::Accent, format!("{command:32}\t{what}")));
    }
    lines.push((Role::Text, String::new()));
    lines.push((Role::Heading, "Keys".to_owned()));
    for (action, what) in [
        (Action::Help, "every key that works here"),
        (Action::Palette, "find a command by its name"),
        (Action::Acknowledge, "acknowledge an incident; u takes it back"),
        (Action::Sources, "where the data comes from"),
    ] {
        lines.push((Role::Key, format!("{:6}\t{what}", key(action))));
    }
    let h = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
    let area = centred(screen, w, h);
    paint.fill(area, Role::Overlay);
    let inner = paint.panel(area, &[("Welcome to atalaya", paint.of(Role::Title))], true);
    for ((role, line), y) in lines.iter().zip(inner.y + 1..inner.bottom()) {
        // What is typed in its own colour, what it does as text.
        let (first, second) = line.split_once('\t').unwrap_or((line, ""));
        let room = inner.width.saturating_sub(4);
        let used = paint.put(inner.x + 2, y, room, first, *role);
        paint.put(inner.x + 2 + used, y, room.saturating_sub(used), second, Role::Text);
    }
    paint.note(area, "any key goes on", paint.of(Role::Muted));
}
