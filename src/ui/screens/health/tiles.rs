//! Services as tiles: as large as they can be while all of them are in view.

use chrono::TimeDelta;
use ratatui::layout::Rect;

use super::rows::Row;
use super::signals;
use crate::domain::health::State;
use crate::domain::health::rollup::ServiceHealth;
use crate::ui::keymap::Action;
use crate::ui::screens::Ctx;
use crate::ui::theme::Role;
use crate::ui::widgets::Paint;

/// Sizes with the gaps around them, the largest first: cells across, lines.
const SIZES: [(u16, u16); 5] = [(27, 4), (21, 3), (17, 1), (11, 1), (2, 1)];

/// Where each tile stands: lines and cells from the upper left corner of the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    size: (u16, u16),
    /// In the order of the rows.
    places: Vec<Place>,
    height: u16,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    row: usize,
    x: u16,
    y: u16,
    heading: bool,
}

impl Grid {
    /// The largest tiles of which all fit into the area; the smallest if none do.
    pub fn new(rows: &[Row], width: u16, height: u16) -> Self {
        let grids = || SIZES.iter().map(|size| Self::of(rows, *size, width));
        let fitting = grids().find(|grid| grid.height <= height);
        fitting.unwrap_or_else(|| Self::of(rows, (2, 1), width))
    }

    fn of(rows: &[Row], size: (u16, u16), width: u16) -> Self {
        let across = (width / size.0).max(1);
        // What is left over makes every tile a little wider.
        let size = if size.0 > 2 { (width / across, size.1) } else { size };
        let mut places = Vec::with_capacity(rows.len());
        let (mut column, mut y) = (0, 0_u16);
        for (row, kind) in rows.iter().enumerate() {
            let heading = matches!(kind, Row::Heading { .. });
            if kind.is_repeated() {
                continue;
            }
            if column > 0 && (heading || column == across) {
                (column, y) = (0, y.saturating_add(size.1));
            }
            places.push(Place { row, x: column * size.0, y, heading });
            if heading {
                y = y.saturating_add(1);
            } else {
                column += 1;
            }
        }
        // The gap below the last line of tiles is not needed.
        let gap = u16::from(size.1 > 1);
        let height = if column > 0 { y.saturating_add(size.1 - gap) } else { y };
        Self { size, places, height }
    }

    fn place(&self, row: usize) -> Option<&Place> {
        let at = self.places.binary_search_by_key(&row, |p| p.row).ok()?;
        self.places.get(at)
    }

    /// The row of the tile that covers a cell of the whole.
    pub fn at(&self, x: u16, y: u16) -> Option<usize> {
        let covers = |at: u16, size: u16, cell: u16| (at..at.saturating_add(size)).contains(&cell);
        let hit =
            |p: &&Place| !p.heading && covers(p.x, self.size.0, x) && covers(p.y, self.size.1, y);
        self.places.iter().find(hit).map(|p| p.row)
    }

    /// The row that an action leads to from `row`; `None` if it is no move.
    pub fn step(&self, row: usize, action: Action, height: u16) -> Option<usize> {
        let tiles: Vec<&Place> = self.places.iter().filter(|p| !p.heading).collect();
        let here = tiles.iter().position(|p| p.row == row).unwrap_or(0);
        let (x, y) = self.place(row).map_or((0, 0), |p| (i32::from(p.x), i32::from(p.y)));
        let by = |lines: i32| {
            let side = tiles.iter().filter(|p| (i32::from(p.y) - y) * lines > 0);
            let nearest = side
                .min_by_key(|p| ((i32::from(p.y) - y - lines).abs(), (i32::from(p.x) - x).abs()));
            nearest.map_or(row, |p| p.row)
        };
        let line = i32::from(self.size.1);
        let page = i32::from(height).max(line);
        let tile = |i: usize| tiles.get(i).map_or(row, |p| p.row);
        let last = tiles.len().saturating_sub(1);
        Some(match action {
            Action::Left => tile(here.saturating_sub(1)),
            Action::Right => tile((here + 1).min(last)),
            Action::Down => by(line),
            Action::Up => by(-line),
            Action::PageDown => by(page),
            Action::PageUp => by(-page),
            Action::HalfDown => by(page / 2),
            Action::HalfUp => by(-page / 2),
            Action::Top => tile(0),
            Action::Bottom => tile(last),
            _ => return None,
        })
    }

    /// The first line in view, changed as little as the tile of `row` needs.
    pub fn reveal(&self, row: usize, scrolled: u16, height: u16) -> u16 {
        let y = self.place(row).map_or(0, |p| p.y);
        let least = (y + self.size.1).saturating_sub(height).min(y);
        scrolled.clamp(least, y).min(self.height.saturating_sub(height))
    }

    pub fn view(
        &self,
        ctx: &Ctx<'_>,
        rows: &[Row],
        cursor: usize,
        scrolled: u16,
        area: Rect,
        paint: &mut Paint<'_>,
    ) {
        let lines = if self.size.1 > 1 { self.size.1 - 1 } else { 1 };
        for place in &self.places {
            let Some(y) = place.y.checked_sub(scrolled).filter(|y| *y < area.height) else {
                continue;
            };
            let (x, y) = (area.x + place.x, area.y + y);
            match rows.get(place.row) {
                Some(Row::Heading { text, .. }) => {
                    paint.put(x + 1, y, area.width, text, Role::Heading);
                }
                Some(Row::Service { index, .. }) => {
                    let Some(service) = ctx.world.health.services.get(*index) else { continue };
                    let gap = u16::from(self.size.0 > 2);
                    let tile = Rect::new(x + gap, y, self.size.0 - gap, lines);
                    let tile = tile.intersection(area);
                    let filled = self.tile(ctx, service, tile, paint);
                    if place.row == cursor {
                        self.select(tile, filled, area, paint);
                    }
                }
                None => {}
            }
        }
    }

    /// Draws one tile; returns whether it is an alarm, which fills it with colour.
    fn tile(
        &self,
        ctx: &Ctx<'_>,
        health: &ServiceHealth,
        area: Rect,
        paint: &mut Paint<'_>,
    ) -> bool {
        if area.is_empty() {
            return false;
        }
        let theme = paint.theme;
        let state = theme.state(health.state);
        let glyph = theme.glyph(health.state);
        // Alarms are filled, so that they are seen from across the room.
        let filled = match health.state {
            State::Critical => Some(Role::P1),
            State::Warning => Some(Role::P2),
            _ => None,
        };
        paint.fill(area, filled.unwrap_or(Role::Overlay));
        let over = filled.map(|role| theme.of(role));
        let name =
            over.unwrap_or(if health.stale { theme.of(Role::Stale) } else { theme.of(Role::Text) });
        let room = area.width.saturating_sub(3);
        if self.size.0 <= 2 {
            paint.text(area.x, area.y, 1, glyph, over.unwrap_or(state));
        } else {
            paint.text(area.x + 1, area.y, 1, glyph, over.unwrap_or(state));
            paint.text(area.x + 3, area.y, room.saturating_sub(1), &health.service.name, name);
        }
        let worst = signals::worst(health.signals.iter());
        let by_itself = worst.is_some_and(|t| t.state == health.state);
        let lines = area.height > 1;
        if lines && health.state.is_red() && !by_itself {
            let reason = crate::domain::text::clean(&health.reason, 100);
            let style = over.unwrap_or(theme.of(Role::Muted));
            paint.text(area.x + 3, area.y + 1, area.width.saturating_sub(4), &reason, style);
        } else if let Some(track) = worst.filter(|_| lines) {
            let value = signals::value(ctx, track);
            let style = over.unwrap_or_else(|| signals::style(ctx, track));
            let right = area.right().saturating_sub(1);
            let used = paint.right(area.x + 3, area.y + 1, right - area.x - 3, &value, style);
            let room = (right - area.x - 3).saturating_sub(used + 1);
            let muted = over.unwrap_or(theme.of(Role::Muted));
            paint.text(area.x + 3, area.y + 1, room, &track.spec.name, muted);
            if area.height > 2 {
                let at = (area.x + 3, area.y + 2, area.width.saturating_sub(4));
                signals::spark(ctx, track, at, TimeDelta::hours(1), paint);
                if let Some(style) = over {
                    paint.buf.set_style(Rect { y: area.y + 2, height: 1, ..area }, style);
                }
            }
        }
        filled.is_some()
    }

    /// Marks the tile of the cursor; an alarm keeps its colour where there is room for signs.
    fn select(&self, area: Rect, filled: bool, within: Rect, paint: &mut Paint<'_>) {
        if area.is_empty() {
            return;
        }
        let tiny = self.size.0 <= 2;
        if tiny || !filled {
            paint.over(area, Role::Selection);
        }
        if tiny {
            return;
        }
        let (theme, bar) = (paint.theme, paint.of(Role::Bar));
        for y in area.top()..area.bottom() {
            paint.cell(area.x, y, theme.symbols.bar, bar);
            paint.cell(area.x - 1, y, theme.symbols.edge, bar);
        }
        if self.size.1 > 1 && area.bottom() < within.bottom() {
            for x in area.left()..area.right() {
                paint.cell(x, area.bottom(), theme.symbols.under, bar);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::rows::Key;
    use super::*;
    use proptest::prelude::*;

    fn rows(kinds: &[bool]) -> Vec<Row> {
        let row = |(index, heading): (usize, &bool)| {
            let key = Key::Group(index.to_string());
            if *heading {
                Row::Heading { text: String::new(), key, counts: [0; 5], folded: false }
            } else {
                Row::Service { index, key, branches: Arc::default(), hidden: 0, cause: false }
            }
        };
        kinds.iter().enumerate().map(row).collect()
    }

    #[test]
    fn tiles_are_as_large_as_all_of_them_fit() {
        let few = Grid::new(&rows(&[false; 8]), 100, 20);
        let many = Grid::new(&rows(&[false; 200]), 100, 20);
        assert_eq!(few.size, (33, 4), "three of 27 fit across, and share what is left over");
        assert!(many.size.0 < 27 && many.height <= 20, "{:?}", many.size);
    }

    #[test]
    fn arrows_move_on_the_grid_and_over_headings() {
        // A heading, three tiles of which two fit beside each other, a heading, a tile.
        let grid = Grid::of(&rows(&[true, false, false, false, true, false]), (27, 4), 60);
        assert_eq!(grid.step(1, Action::Right, 40), Some(2));
        assert_eq!(grid.step(1, Action::Down, 40), Some(3));
        assert_eq!(grid.step(3, Action::Down, 40), Some(5));
        assert_eq!(grid.step(5, Action::Up, 40), Some(3));
        assert_eq!(grid.step(5, Action::Right, 40), Some(5));
        assert_eq!(grid.step(5, Action::Top, 40), Some(1));
        assert_eq!(grid.step(5, Action::Help, 40), None);
    }

    proptest! {
        #[test]
        fn the_chosen_tile_is_always_in_view(
            kinds in prop::collection::vec(any::<bool>(), 1..60), pick: prop::sample::Index,
            w in 1_u16..120, h in 4_u16..40, scrolled in 0_u16..50,
        ) {
            let rows = rows(&kinds);
            let grid = Grid::new(&rows, w, h);
            let row = pick.index(rows.len());
            let first = grid.reveal(row, scrolled, h);
            let y = grid.place(row).unwrap().y;
            prop_assert!(y >= first && y < first + h, "{y} {first} {h}");
        }
    }
}
