//! What surrounds every screen.
//!
//! ```text
//!  ▲ atalaya  site    P1 1  P2 2  P3 4    …            sources 5/6 ◌ dc2 42s    14:03:27 CET
//!  1 Health ✖1   2 Incidents 7
//!  …body…
//!  a acknowledge  A assign  R resolve  n note  / filter  : command  ? help
//! ```

mod footer;
mod header;
pub mod help;
pub mod messages;
pub mod sources;
pub mod toast;
pub mod welcome;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};

pub use header::tab_at;

use super::app::Model;
use super::theme::Role;
use super::widgets::Paint;
use crate::engine::{Snapshot, StoreState};

/// The least that the console can be worked in.
pub const LEAST: Size = Size { width: 44, height: 10 };

/// Where the parts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Areas {
    pub header: Rect,
    pub tabs: Rect,
    /// Empty unless the store is in trouble, or says why it is read-only.
    pub banner: Rect,
    pub body: Rect,
    pub footer: Rect,
}

/// Divides the screen.
pub fn areas(screen: Rect, world: &Snapshot) -> Areas {
    let trouble = match world.store {
        StoreState::Failing { .. } => true,
        // A console that was started so has a badge, and no more to say.
        StoreState::ReadOnly { .. } => !world.site.read_only,
        StoreState::Ready | StoreState::Memory => false,
    };
    let banner = u16::from(trouble || !world.notices.is_empty());
    let line =
        |y: u16, height: u16| Rect { y: screen.y + y, height, ..screen }.intersection(screen);
    let above = 2 + banner;
    Areas {
        header: line(0, 1),
        tabs: line(1, 1),
        banner: line(2, banner),
        body: line(above, screen.height.saturating_sub(above + 1)),
        footer: line(screen.height.saturating_sub(1), 1),
    }
}

pub fn too_small(size: Size) -> bool {
    size.width < LEAST.width || size.height < LEAST.height
}

/// What a drawn screen has beside its cells.
#[derive(Debug, Default)]
pub struct Drawn {
    /// Where the terminal's cursor is to stand; `None` hides it.
    pub cursor: Option<Position>,
    /// Cells that lead somewhere.
    pub links: Vec<(Rect, String)>,
}

/// Draws everything; returns the cells that lead somewhere.
pub fn view(model: &Model, frame: &mut Frame<'_>) -> Vec<(Rect, String)> {
    let area = frame.area();
    let drawn = draw(model, area, frame.buffer_mut());
    if let Some(at) = drawn.cursor {
        frame.set_cursor_position(at);
    }
    drawn.links
}

/// As [`view`], into a buffer.
pub fn draw(model: &Model, screen: Rect, buf: &mut Buffer) -> Drawn {
    let mut paint = Paint::new(buf, &model.prefs.theme);
    paint.fill(screen, Role::Base);
    if too_small(screen.as_size()) {
        small(screen, &mut paint);
        return Drawn::default();
    }
    let areas = areas(screen, &model.world);
    let ctx = model.ctx();
    header::view(model, &ctx, areas.header, &mut paint);
    header::tabs(model, &ctx, areas.tabs, &mut paint);
    header::banner(&ctx, areas.banner, &mut paint);
    model.screen().view(&ctx, areas.body, &mut paint);
    if let Some((top, below)) = model.overlays.split_last() {
        for overlay in below {
            overlay.view(model, &ctx, areas.body, &mut paint);
        }
        paint.cursor = None;
        paint.links.clear();
        top.view(model, &ctx, areas.body, &mut paint);
    }
    footer::view(model, &ctx, areas.footer, &mut paint);
    Drawn { cursor: paint.cursor, links: paint.links }
}

/// What a terminal that is too small says.
fn small(screen: Rect, paint: &mut Paint<'_>) {
    let has = format!("{}x{} is too small", screen.width, screen.height);
    let needs = format!("needs {}x{}", LEAST.width, LEAST.height);
    let lines = [has.as_str(), needs.as_str(), "q quits"];
    let top = screen.y + screen.height.saturating_sub(3) / 2;
    for (line, y) in lines.iter().zip(top..screen.bottom()) {
        let w = super::widgets::width(line).min(screen.width);
        paint.put(screen.x + (screen.width - w) / 2, y, w, line, Role::Text);
    }
}
