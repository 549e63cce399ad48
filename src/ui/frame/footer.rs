//! The last line: what was just said, what may follow, or what can be pressed now.

use ratatui::layout::Rect;

use crate::ui::app::Model;
use crate::ui::keymap::{self, Action, Found};
use crate::ui::overlay::Overlay;
use crate::ui::screens::Ctx;
use crate::ui::theme::Role;
use crate::ui::widgets::{Paint, width};

use super::toast;

pub fn view(model: &Model, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
    paint.fill(area, Role::Footer);
    let inner = inside(area);
    if !model.pressed.is_empty() {
        follow(model, ctx, inner, paint);
    } else if let Some(since) = model.waiting_since().filter(|at| ctx.now - *at >= toast::PATIENCE)
    {
        let (what, dot) = (model.waiting_for(), paint.theme.symbols.dot);
        let text = format!("{what} {dot} {}", ctx.age(since));
        paint.put(inner.x, inner.y, inner.width, &text, Role::ToastInfo);
    } else if let Some(toast) = model.toast.as_ref().filter(|t| !model.typing() || !t.own) {
        // A long one takes the last line of the screen above for a while.
        let more = toast.lines(inner.width) - 1;
        let area = Rect { y: area.y - more.min(area.y), height: area.height + more, ..area };
        paint.fill(area, Role::Footer);
        toast.view(ctx, inside(area), paint);
    } else if model.typing() {
        let text = match model.overlays.last() {
            Some(Overlay::Form(_)) => "Tab next field   Enter next, then send   Esc leave",
            Some(_) => "Up Down choose   Enter take   Esc leave",
            None => "Enter keep   Esc leave it as it was   Tab complete",
        };
        paint.put(inner.x, inner.y, inner.width, text, Role::Hint);
    } else {
        hints(model, inner, paint);
    }
}

fn inside(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

/// `g…  g top  h Health  i Incidents`.
fn follow(model: &Model, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
    let ascii = ctx.theme().is_ascii();
    let pressed = keymap::show(&model.pressed);
    let mut x = area.x;
    x += paint.put(x, area.y, area.width, &pressed, Role::Key);
    x += paint.put(x, area.y, area.width, paint.theme.symbols.ellipsis, Role::Hint) + 2;
    let situation = model.situation();
    let found = model.prefs.settings.keymap.find(model.contexts(), &model.pressed, &situation);
    let Found::Prefix(next) = found else { return };
    for (key, action) in next {
        let key = keymap::short(key, ascii);
        x += hint(paint, area, x, &key, action.entry().hint);
    }
}

/// As many of the actions that are valid now as fit whole, the most useful first; `?` is always
/// among them.
fn hints(model: &Model, area: Rect, paint: &mut Paint<'_>) {
    let ascii = paint.theme.is_ascii();
    let shown = |action| model.prefs.settings.keymap.shown(action, ascii).unwrap_or_default();
    let help = shown(Action::Help);
    let contexts = model.contexts();
    let entries = model.prefs.settings.keymap.hints(contexts, &model.situation());
    let has_help = entries.iter().any(|e| e.action == Action::Help);
    let reserve = if has_help { width(&help) + width("help") + 4 } else { 0 };
    let end = area.right().saturating_sub(reserve);
    let mut x = area.x;
    for entry in entries.iter().filter(|e| e.action != Action::Help) {
        let key = shown(entry.action);
        let word = entry.hint_in(&model.situation());
        if x + width(&key) + 1 + width(word) > end {
            continue;
        }
        x += hint(paint, area, x, &key, word);
    }
    if has_help {
        hint(paint, area, x, &help, "help");
    }
}

fn hint(paint: &mut Paint<'_>, area: Rect, x: u16, key: &str, word: &str) -> u16 {
    let room = area.right().saturating_sub(x);
    let base = paint.of(Role::Footer);
    let (key_style, word_style) =
        (base.patch(paint.of(Role::Key)), base.patch(paint.of(Role::Hint)));
    let spans = [(key, key_style), (" ", word_style), (word, word_style)];
    paint.spans(x, area.y, room, &spans) + 3
}
