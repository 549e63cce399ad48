//! The incident queue.

use ratatui::layout::Rect;

use super::{Ctx, Screen, Step};
use crate::ui::keymap::{Action, Context, Situation};
use crate::ui::theme::Role;
use crate::ui::widgets::Paint;

/// The queue of incidents.
#[derive(Debug, Default)]
pub struct Queue {}

impl Screen for Queue {
    fn contexts(&self) -> &'static [Context] {
        &[Context::Incidents, Context::List, Context::Console, Context::Always]
    }

    fn situation(&self, _: &Ctx<'_>) -> Situation {
        Situation { root: true, ..Situation::default() }
    }

    fn act(&mut self, _: Action, _: &Ctx<'_>) -> Vec<Step> {
        Vec::new()
    }

    fn arrived(&mut self, _: &Ctx<'_>) {}

    fn badge(&self, ctx: &Ctx<'_>) -> Vec<(String, Role)> {
        let open = ctx.world.incidents.open();
        if open == 0 { Vec::new() } else { vec![(open.to_string(), Role::Strong)] }
    }

    fn view(&self, _: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        paint.panel(area, &[("Queue", paint.of(Role::Title))], true);
    }
}
