//! How a figure came about, over everything else: the clocks of an incident, the budget of an objective.

use ratatui::layout::Rect;

use super::{Ctx, centred, incidents, sla};
use crate::domain::incident::IncidentId;
use crate::domain::slo::SloId;
use crate::ui::theme::Role;
use crate::ui::widgets::{Paint, Piece, Scroll, fit};

/// What is explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    Clocks(IncidentId),
    Objective(SloId),
}

/// Cells of the frame, and beside the text.
const FRAME: u16 = 4;

/// The cells of a line of text on a screen of that width.
pub fn width(screen: u16) -> u16 {
    screen.saturating_sub(4).clamp(40, 100) - FRAME
}

/// An explanation that can be scrolled.
#[derive(Debug)]
pub struct Explained {
    of: Of,
    pub at: Scroll,
}

impl Explained {
    pub fn new(of: Of) -> Self {
        Self { of, at: Scroll::default() }
    }

    fn lines(&self, ctx: &Ctx<'_>) -> Vec<Vec<Piece>> {
        match &self.of {
            Of::Clocks(id) => incidents::clocks::explained(ctx, *id),
            Of::Objective(id) => sla::explained(ctx, id),
        }
    }

    fn title(&self) -> String {
        match &self.of {
            Of::Clocks(id) => format!("Clocks of {id}"),
            Of::Objective(id) => format!("Objective {id}"),
        }
    }

    fn area(screen: Rect, lines: usize) -> Rect {
        let height = u16::try_from(lines + 2).unwrap_or(u16::MAX).max(8);
        let height = height.min(screen.height.saturating_sub(2));
        centred(screen, width(screen.width) + FRAME, height)
    }

    /// How many lines there are, and how many are in view.
    pub fn extent(&self, ctx: &Ctx<'_>, screen: Rect) -> (usize, usize) {
        let lines = self.lines(ctx).len();
        (lines, usize::from(Self::area(screen, lines).height.saturating_sub(2)))
    }

    pub fn view(&self, ctx: &Ctx<'_>, screen: Rect, paint: &mut Paint<'_>) {
        let lines = self.lines(ctx);
        let area = Self::area(screen, lines.len());
        paint.fill(area, Role::Overlay);
        let inner = paint.panel(area, &[(&self.title(), paint.of(Role::Title))], true);
        let room = inner.width.saturating_sub(2);
        for (line, y) in lines.iter().skip(self.at.0).zip(inner.top()..inner.bottom()) {
            paint.pieces(inner.x + 1, y, room, line);
        }
        let (above, height) = (self.at.0, usize::from(inner.height));
        if lines.len() > height {
            let last = (above + height).min(lines.len());
            let note = format!("{}-{last}/{}", above + 1, lines.len());
            let note = fit(&note, room, paint.theme.symbols.ellipsis).into_owned();
            paint.note(area, &note, paint.of(Role::Muted));
        }
    }
}
