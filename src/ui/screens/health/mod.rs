//! The services and how well they are.

use ratatui::layout::Rect;

use super::{Ctx, Screen, Step};
use crate::ui::keymap::{Action, Context, Situation};
use crate::ui::theme::Role;
use crate::ui::widgets::Paint;

/// The health tab.
#[derive(Debug, Default)]
pub struct Health {}

impl Screen for Health {
    fn contexts(&self) -> &'static [Context] {
        &[Context::Health, Context::List, Context::Console, Context::Always]
    }

    fn situation(&self, _: &Ctx<'_>) -> Situation {
        Situation { root: true, ..Situation::default() }
    }

    fn act(&mut self, _: Action, _: &Ctx<'_>) -> Vec<Step> {
        Vec::new()
    }

    fn arrived(&mut self, _: &Ctx<'_>) {}

    fn view(&self, _: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        paint.panel(area, &[("Services", paint.of(Role::Title))], true);
    }
}
