//! What lies over the screens: questions, forms, lists, help, messages, sources.
//!
//! An overlay that types ([`Overlay::typing`]) gets every key as text; the others get actions.

use ratatui::layout::Rect;

use super::frame;
use super::keymap::{Action, Context};
use super::screens::explained::Explained;
use super::screens::silences::Inventory;
use super::screens::{Ctx, Step, centred};
use super::theme::Role;
use super::widgets::{Form, Paint, Picker, Scroll, paint::wrap};

/// Something that lies over the screens and takes the keys.
#[derive(Debug)]
pub enum Overlay {
    /// Every key that works in these contexts.
    Help(&'static [Context], Scroll),
    /// Everything that was said; the cursor counts from the newest.
    Messages(Scroll),
    Sources(Scroll),
    /// What is silenced upstream.
    Silences(Inventory),
    /// Why the clocks of an incident stand as they do.
    Explained(Explained),
    Welcome,
    Confirm(Confirm),
    Picker(Picker),
    Form(Form),
}

/// A question before something that touches much.
#[derive(Debug)]
pub struct Confirm {
    pub title: String,
    /// What would be touched.
    pub lines: Vec<String>,
    /// What happens on yes.
    pub yes: Vec<Step>,
    /// The word for yes: `resolve`, `quit`.
    pub verb: String,
}

impl Confirm {
    pub fn new(title: &str, lines: Vec<String>, verb: &str, yes: Vec<Step>) -> Self {
        Self { title: title.to_owned(), lines, yes, verb: verb.to_owned() }
    }
}

impl Overlay {
    /// Whether keys are text.
    pub fn typing(&self) -> bool {
        matches!(self, Self::Picker(_) | Self::Form(_))
    }

    /// Which keys work over it.
    pub fn contexts(&self) -> &'static [Context] {
        match self {
            Self::Confirm(_) => &[Context::Confirm, Context::Always],
            Self::Silences(_) => &[Context::Silences, Context::List, Context::Always],
            _ => &[Context::List, Context::Always],
        }
    }

    /// The action that opened it, whose key closes it, too.
    pub fn opened_by(&self) -> Option<Action> {
        match self {
            Self::Help(..) => Some(Action::Help),
            Self::Messages(_) => Some(Action::Messages),
            Self::Sources(_) => Some(Action::Sources),
            Self::Explained(_) => Some(Action::Explain),
            _ => None,
        }
    }

    /// Scrolls, if it can.
    pub fn scroll(&mut self, action: Action, model: &super::app::Model, screen: Rect) {
        let ctx = model.ctx();
        match self {
            Self::Help(contexts, at) => {
                let lines = frame::help::lines(&ctx, contexts);
                let len = frame::help::height(&lines, screen);
                at.act(action, len, frame::help::room(screen, len));
            }
            Self::Messages(at) => frame::messages::step(at, action, &model.messages, screen),
            Self::Sources(at) => {
                let len = frame::sources::lines(&ctx, screen.width).len();
                at.act(action, len, frame::sources::room(screen, len));
            }
            Self::Explained(explained) => {
                let (len, height) = explained.extent(&ctx, screen);
                explained.at.act(action, len, height);
            }
            _ => {}
        }
    }

    pub fn view(
        &self,
        model: &super::app::Model,
        ctx: &Ctx<'_>,
        screen: Rect,
        paint: &mut Paint<'_>,
    ) {
        match self {
            Self::Help(contexts, at) => frame::help::view(ctx, contexts, *at, screen, paint),
            Self::Messages(at) => frame::messages::view(&model.messages, ctx, *at, screen, paint),
            Self::Sources(at) => frame::sources::view(ctx, *at, screen, paint),
            Self::Silences(inventory) => inventory.view(ctx, screen, paint),
            Self::Explained(explained) => explained.view(ctx, screen, paint),
            Self::Welcome => frame::welcome::view(ctx, screen, paint),
            Self::Confirm(confirm) => confirm.view(ctx, screen, paint),
            Self::Picker(picker) => picker.paint(paint, screen),
            Self::Form(form) => form.paint(paint, screen),
        }
    }
}

impl Confirm {
    fn view(&self, ctx: &Ctx<'_>, screen: Rect, paint: &mut Paint<'_>) {
        let w = screen.width.min(72);
        let lines: Vec<String> =
            self.lines.iter().flat_map(|l| wrap(l, w.saturating_sub(4))).collect();
        let h = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
        let area = centred(screen, w, h);
        paint.fill(area, Role::Overlay);
        let inner = paint.panel(area, &[(&self.title, paint.of(Role::Title))], true);
        let (x, room) = (inner.x + 1, inner.width.saturating_sub(2));
        let last = inner.bottom().saturating_sub(1);
        for (line, y) in lines.iter().zip(inner.y..last) {
            paint.put(x, y, room, line, Role::Text);
        }
        let key = |action| {
            ctx.prefs.settings.keymap.shown(action, ctx.theme().is_ascii()).unwrap_or_default()
        };
        let (yes, no) = (key(Action::Yes), key(Action::No));
        let verb = format!(" {}   ", self.verb);
        let (k, h) = (paint.of(Role::Key), paint.of(Role::Hint));
        paint.spans(x, last, room, &[(&yes, k), (&verb, h), (&no, k), (" leave it", h)]);
    }
}
