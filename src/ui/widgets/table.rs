//! A table of which only the visible rows are built, with a cursor bound to what it stands on.

use std::ops::Range;

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::paint::{Paint, width};
use crate::ui::theme::Role;

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub title: &'static str,
    /// Cells; for the column that fills, its least.
    pub width: u16,
    /// Takes what is left over.
    pub fills: bool,
    /// 0 never goes; the highest goes first when it gets narrow.
    pub priority: u8,
    pub align: Align,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Cells between two columns.
const GAP: u16 = 2;
/// Cells before the first column: the cursor's bar.
const MARGIN: u16 = 2;

impl Column {
    pub const fn new(title: &'static str, width: u16, priority: u8) -> Self {
        Self { title, width, fills: false, priority, align: Align::Left }
    }

    pub const fn right(title: &'static str, width: u16, priority: u8) -> Self {
        Self { align: Align::Right, ..Self::new(title, width, priority) }
    }

    pub const fn fill(title: &'static str, least: u16) -> Self {
        Self { fills: true, ..Self::new(title, least, 0) }
    }
}

/// Where each column stands in `width` cells: offset and width, `None` for one that found no room.
/// The filling column never gets less than its least before others go.
pub fn place(columns: &[Column], total: u16) -> Vec<Option<(u16, u16)>> {
    let total = total.saturating_sub(MARGIN + 1);
    let mut shown = vec![true; columns.len()];
    let need = |shown: &[bool]| {
        let used = columns.iter().zip(shown).filter(|(_, s)| **s);
        used.fold(0_u16, |sum, (c, _)| sum.saturating_add(c.width + GAP)).saturating_sub(GAP)
    };
    while need(&shown) > total {
        let candidates = columns.iter().enumerate().zip(&shown);
        let last = candidates
            .filter(|((_, c), s)| **s && c.priority > 0)
            .max_by_key(|((i, c), _)| (c.priority, *i));
        let Some(((index, _), _)) = last else { break };
        if let Some(slot) = shown.get_mut(index) {
            *slot = false;
        }
    }
    let spare = total.saturating_sub(need(&shown));
    let fillers = columns.iter().zip(&shown).filter(|(c, s)| c.fills && **s).count();
    let share = spare / u16::try_from(fillers.max(1)).unwrap_or(1);
    let mut x = MARGIN;
    let end = MARGIN + total;
    let mut out = Vec::with_capacity(columns.len());
    for (column, shown) in columns.iter().zip(shown) {
        if !shown || x >= end {
            out.push(None);
            continue;
        }
        let wanted = if column.fills { column.width + share } else { column.width };
        let w = wanted.min(end - x);
        out.push(Some((x, w)));
        x += w + GAP;
    }
    out
}

/// A cursor that stays on its row, whatever arrives before or after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor<K> {
    /// What it stands on.
    pub at: Option<K>,
    index: usize,
    offset: usize,
    /// Whether `index` and `offset` were found for some rows already.
    settled: bool,
    /// The person put it where it is; before, it stays on the first row.
    aimed: bool,
}

impl<K> Default for Cursor<K> {
    fn default() -> Self {
        Self { at: None, index: 0, offset: 0, settled: false, aimed: false }
    }
}

impl<K: Clone + PartialEq> Cursor<K> {
    pub fn on(key: K) -> Self {
        Self { at: Some(key), aimed: true, ..Self::default() }
    }

    /// Whether the person put it where it is.
    pub fn is_aimed(&self) -> bool {
        self.aimed
    }

    /// Where it stands among the rows.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The first row in view.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Finds its row again after the rows changed: by what it stands on, otherwise the row that took
    /// its place. `key` is `None` for rows on which it cannot stand (headings). The row keeps its
    /// place on the screen where that is possible.
    pub fn settle(&mut self, len: usize, height: usize, key: impl Fn(usize) -> Option<K>) {
        let screen_row = self.index.saturating_sub(self.offset);
        if !self.aimed {
            (self.at, self.index, self.settled) = (None, 0, false);
        }
        let still = self.at.as_ref().and_then(|at| {
            // Most often nothing moved.
            let here = Some(self.index).filter(|i| key(*i).as_ref() == Some(at));
            here.or_else(|| (0..len).find(|i| key(*i).as_ref() == Some(at)))
        });
        let index = still.or_else(|| nearest(self.index.min(len.saturating_sub(1)), len, &key));
        if let Some(index) = index {
            if index != self.index && self.settled {
                self.offset = index.saturating_sub(screen_row);
            }
            self.index = index;
            self.at = key(index);
            self.settled = true;
        } else {
            (self.at, self.index) = (None, 0);
        }
        self.reveal(len, height);
    }

    /// Moves by `delta` rows, skipping headings.
    pub fn step(
        &mut self,
        delta: isize,
        len: usize,
        height: usize,
        key: impl Fn(usize) -> Option<K>,
    ) {
        if len == 0 {
            return;
        }
        self.aimed = true;
        let target = self.index.saturating_add_signed(delta).min(len - 1);
        let ahead = |from: usize| (from..len).find(|i| key(*i).is_some());
        let behind = |from: usize| (0..=from).rev().find(|i| key(*i).is_some());
        let index = if delta >= 0 {
            ahead(target).or_else(|| behind(target))
        } else {
            behind(target).or_else(|| ahead(target))
        };
        if let Some(index) = index {
            self.index = index;
            self.at = key(index);
        }
        self.reveal(len, height);
    }

    /// To the first (`false`) or the last row.
    pub fn jump(
        &mut self,
        last: bool,
        len: usize,
        height: usize,
        key: impl Fn(usize) -> Option<K>,
    ) {
        self.index = if last { len.saturating_sub(1) } else { 0 };
        self.step(0, len, height, key);
        if !last {
            self.offset = 0;
        }
    }

    /// The rows in view.
    pub fn window(&self, len: usize, height: usize) -> Range<usize> {
        let start = self.offset.min(len);
        start..len.min(start + height)
    }

    /// Scrolls as little as is needed, with the heading above the first row in view.
    fn reveal(&mut self, len: usize, height: usize) {
        let height = height.max(1);
        if self.index < self.offset {
            self.offset = self.index;
        }
        if self.index >= self.offset + height {
            self.offset = self.index + 1 - height;
        }
        self.offset = self.offset.min(len.saturating_sub(height));
        if self.index == 1 {
            self.offset = 0;
        }
        if height == 1 {
            self.offset = self.index;
        }
    }
}

fn nearest<K>(from: usize, len: usize, key: impl Fn(usize) -> Option<K>) -> Option<usize> {
    let ahead = (from..len).find(|i| key(*i).is_some());
    ahead.or_else(|| (0..from.min(len)).rev().find(|i| key(*i).is_some()))
}

/// How a table is drawn.
pub struct Table<'a> {
    pub columns: &'a [Column],
    /// Which column is sorted by, and whether from the greatest.
    pub sort: Option<(usize, bool)>,
    pub cursor: usize,
    pub focused: bool,
    /// Lines per row.
    pub lines: u16,
}

/// One row while it is drawn.
pub struct Row<'p, 'b> {
    pub paint: &'p mut Paint<'b>,
    places: &'p [Option<(u16, u16)>],
    columns: &'p [Column],
    /// The cells of the row, all its lines.
    pub area: Rect,
    pub selected: bool,
}

impl Table<'_> {
    /// How many rows fit in `height` lines below the heading.
    pub fn room(height: u16, lines: u16) -> usize {
        usize::from(height.saturating_sub(1) / lines.max(1))
    }

    /// The row of `window` on that cell, where the table fills `area` with `lines` for each row.
    pub fn at(area: Rect, window: Range<usize>, lines: u16, cell: Position) -> Option<usize> {
        let below = area.contains(cell).then(|| (cell.y - area.y).checked_sub(1)).flatten()?;
        let index = window.start + usize::from(below / lines.max(1));
        (index < window.end).then_some(index)
    }

    /// Draws the heading and the rows of `window`, each by `draw`.
    pub fn paint(
        &self,
        paint: &mut Paint<'_>,
        area: Rect,
        window: Range<usize>,
        mut draw: impl FnMut(usize, &mut Row<'_, '_>),
    ) {
        if area.is_empty() {
            return;
        }
        let places = place(self.columns, area.width);
        self.heading(paint, area, &places);
        let mut y = area.y + 1;
        for index in window {
            if y + self.lines > area.bottom() {
                break;
            }
            let selected = index == self.cursor;
            let line = Rect::new(area.x, y, area.width, self.lines);
            let mut row =
                Row { paint, places: &places, columns: self.columns, area: line, selected };
            draw(index, &mut row);
            if selected {
                let role = if self.focused { Role::Selection } else { Role::SelectionIdle };
                paint.select(line, role);
                for y in line.top()..line.bottom() {
                    let bar = paint.of(role).patch(paint.of(Role::Bar));
                    paint.cell(area.x, y, paint.theme.symbols.bar, bar);
                }
            }
            y += self.lines;
        }
    }

    fn heading(&self, paint: &mut Paint<'_>, area: Rect, places: &[Option<(u16, u16)>]) {
        let style = paint.of(Role::Heading);
        for (index, (column, place)) in self.columns.iter().zip(places).enumerate() {
            let Some((x, w)) = *place else { continue };
            let symbols = paint.theme.symbols;
            let arrow = match self.sort {
                Some((i, true)) if i == index => symbols.sort_down,
                Some((i, false)) if i == index => symbols.sort_up,
                _ => "",
            };
            let x = area.x + x;
            if arrow.is_empty() {
                match column.align {
                    Align::Left => paint.text(x, area.y, w, column.title, style),
                    Align::Right => paint.right(x, area.y, w, column.title, style),
                };
                continue;
            }
            let style = paint.of(Role::Accent).patch(style.fg(ratatui::style::Color::Reset));
            let style =
                paint.of(Role::Heading).patch(Style { fg: paint.of(Role::Accent).fg, ..style });
            let text = format!("{}{arrow}", column.title);
            match column.align {
                Align::Left => paint.text(x, area.y, w, &text, style),
                Align::Right => paint.right(x, area.y, w, &text, style),
            };
        }
    }
}

impl Row<'_, '_> {
    /// Where a column stands on the first line of the row, if it is shown.
    pub fn place(&self, column: usize) -> Option<Rect> {
        let (x, w) = self.places.get(column).copied().flatten()?;
        Some(Rect::new(self.area.x + x, self.area.y, w, 1))
    }

    /// Writes a cell, if its column is shown.
    pub fn cell(&mut self, column: usize, text: &str, style: Style) {
        let Some(at) = self.place(column) else { return };
        match self.columns.get(column).map(|c| c.align) {
            Some(Align::Right) => self.paint.right(at.x, at.y, at.width, text, style),
            _ => self.paint.text(at.x, at.y, at.width, text, style),
        };
    }

    /// Writes several pieces into a cell, from its left.
    pub fn spans(&mut self, column: usize, spans: &[(&str, Style)]) {
        if let Some(at) = self.place(column) {
            self.paint.spans(at.x, at.y, at.width, spans);
        }
    }

    /// A heading across all columns.
    pub fn across(&mut self, text: &str, style: Style) {
        let area = self.area;
        let w = area.width.saturating_sub(MARGIN);
        let used = self.paint.text(area.x + MARGIN - 1, area.y, w, text, style);
        debug_assert!(used <= width(text).max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COLUMNS: [Column; 4] = [
        Column::fill("service", 10),
        Column::new("state", 10, 1),
        Column::right("latency", 8, 2),
        Column::new("history", 10, 3),
    ];

    #[test]
    fn columns_go_by_priority_when_it_gets_narrow() {
        let shown = |w| place(&COLUMNS, w).iter().map(Option::is_some).collect::<Vec<_>>();
        assert_eq!(shown(60), [true, true, true, true]);
        assert_eq!(shown(42), [true, true, true, false]);
        assert_eq!(shown(30), [true, true, false, false]);
        assert_eq!(shown(12), [true, false, false, false]);
    }

    #[test]
    fn the_filling_column_takes_what_is_left() {
        assert_eq!(place(&COLUMNS, 80)[0], Some((2, 10 + 80 - 3 - 44)));
    }

    fn key(rows: &[u32]) -> impl Fn(usize) -> Option<u32> + '_ {
        |i| rows.get(i).copied().filter(|k| *k != 0)
    }

    #[test]
    fn the_cursor_stays_on_its_row_when_others_arrive_above() {
        let mut cursor = Cursor::on(3);
        cursor.settle(4, 3, key(&[1, 2, 3, 4]));
        assert_eq!((cursor.index(), cursor.offset()), (2, 0));
        cursor.settle(6, 3, key(&[8, 9, 1, 2, 3, 4]));
        assert_eq!((cursor.at, cursor.index()), (Some(3), 4));
        assert_eq!(cursor.index() - cursor.offset(), 2, "and keeps its place on the screen");
    }

    #[test]
    fn a_row_that_is_gone_leaves_the_cursor_at_its_place() {
        let mut cursor = Cursor::on(2);
        cursor.settle(3, 3, key(&[1, 2, 3]));
        cursor.settle(2, 3, key(&[1, 3]));
        assert_eq!(cursor.at, Some(3));
        cursor.settle(0, 3, key(&[]));
        assert_eq!(cursor.at, None);
    }

    #[test]
    fn the_cursor_steps_over_headings() {
        let rows = [0, 1, 0, 2];
        let mut cursor = Cursor::default();
        cursor.settle(4, 9, key(&rows));
        assert_eq!(cursor.at, Some(1));
        cursor.step(1, 4, 9, key(&rows));
        assert_eq!(cursor.at, Some(2));
        cursor.step(-1, 4, 9, key(&rows));
        assert_eq!(cursor.at, Some(1));
        cursor.step(-1, 4, 9, key(&rows));
        assert_eq!(cursor.at, Some(1), "nothing above the first row");
        cursor.jump(true, 4, 9, key(&rows));
        assert_eq!(cursor.at, Some(2));
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_in_view(
            rows in prop::collection::vec(0_u32..5, 0..30),
            moves in prop::collection::vec(-40_isize..40, 0..20),
            height in 1_usize..12,
        ) {
            let mut cursor = Cursor::default();
            cursor.settle(rows.len(), height, key(&rows));
            for delta in moves {
                cursor.step(delta, rows.len(), height, key(&rows));
                let window = cursor.window(rows.len(), height);
                prop_assert!(window.end <= rows.len());
                if cursor.at.is_some() {
                    prop_assert!(window.contains(&cursor.index()), "{window:?} {}", cursor.index());
                    prop_assert_eq!(cursor.at, key(&rows)(cursor.index()));
                }
            }
        }

        #[test]
        fn columns_never_overlap_or_leave_the_table(total in 0_u16..200) {
            let mut end = 0;
            for (x, w) in place(&COLUMNS, total).into_iter().flatten() {
                prop_assert!(x >= end && x + w <= total.max(MARGIN));
                end = x + w;
            }
        }
    }
}
