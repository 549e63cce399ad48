//! Drawing: text that fits its cells, panels, fills.

use std::borrow::Cow;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::ui::theme::{Role, Theme};

/// What a view draws with.
pub struct Paint<'a> {
    pub buf: &'a mut Buffer,
    pub theme: &'a Theme,
    /// Where the terminal's cursor is to stand; `None` hides it.
    pub cursor: Option<Position>,
    /// Cells that lead somewhere, for terminals that have links.
    pub links: Vec<(Rect, String)>,
}

/// A piece of a line, and where it leads, if it leads anywhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    pub text: String,
    pub style: Style,
    pub url: Option<Arc<str>>,
}

impl Piece {
    pub fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style, url: None }
    }

    pub fn link(text: impl Into<String>, style: Style, url: &str) -> Self {
        Self { url: Some(Arc::from(url)), ..Self::new(text, style) }
    }
}

/// The cells that a text takes; control characters take none.
pub fn width(text: &str) -> u16 {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return u16::try_from(text.len()).unwrap_or(u16::MAX);
    }
    let cells: usize = text.graphemes(true).map(cells).sum();
    u16::try_from(cells).unwrap_or(u16::MAX)
}

fn cells(grapheme: &str) -> usize {
    if grapheme.contains(char::is_control) { 0 } else { grapheme.width() }
}

/// `text` cut to at most `max` cells, by grapheme, with an ellipsis where something is left out.
pub fn fit<'a>(text: &'a str, max: u16, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= max {
        return Cow::Borrowed(text);
    }
    let room = usize::from(max).saturating_sub(1);
    let mut used = 0;
    let mut end = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        let w = cells(grapheme);
        if used + w > room {
            break;
        }
        used += w;
        end = at + grapheme.len();
    }
    if max == 0 {
        return Cow::Borrowed("");
    }
    let mut cut = text.get(..end).unwrap_or_default().trim_end().to_owned();
    cut.push_str(ellipsis);
    Cow::Owned(cut)
}

/// Without punctuation that the fonts of plain consoles lack; letters stay. No cell is won or lost.
fn plain(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() {
        return text;
    }
    let sign = |c| match c {
        '–' | '—' | '‐' | '‑' | '−' => '-',
        '‘' | '’' | '‚' => '\'',
        '“' | '”' | '„' => '"',
        '…' => '~',
        '→' => '>',
        '←' => '<',
        '•' => '*',
        other => other,
    };
    Cow::Owned(text.chars().map(sign).collect())
}

impl<'a> Paint<'a> {
    pub fn new(buf: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self { buf, theme, cursor: None, links: Vec::new() }
    }

    pub fn of(&self, role: Role) -> Style {
        self.theme.of(role)
    }

    /// Writes `text` into at most `max` cells from `(x, y)`, cut with an ellipsis; returns the cells
    /// that it took.
    pub fn text(&mut self, x: u16, y: u16, max: u16, text: &str, style: Style) -> u16 {
        let area = self.buf.area;
        if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() {
            return 0;
        }
        let max = max.min(area.right() - x);
        let text = fit(text, max, self.theme.symbols.ellipsis);
        let text = if self.theme.symbols.ascii { plain(text) } else { text };
        let (end, _) = self.buf.set_stringn(x, y, &text, usize::from(max), style);
        end - x
    }

    /// As [`Paint::text`], in the style of a role.
    pub fn put(&mut self, x: u16, y: u16, max: u16, text: &str, role: Role) -> u16 {
        self.text(x, y, max, text, self.theme.of(role))
    }

    /// Writes `text` so that it ends at the right end of the `max` cells from `x`.
    pub fn right(&mut self, x: u16, y: u16, max: u16, text: &str, style: Style) -> u16 {
        let w = width(text).min(max);
        self.text(x + max - w, y, w, text, style)
    }

    /// Pieces of text one after the other in at most `max` cells; returns the cells taken.
    pub fn spans(&mut self, x: u16, y: u16, max: u16, spans: &[(&str, Style)]) -> u16 {
        let mut used = 0;
        for (text, style) in spans {
            if used >= max {
                break;
            }
            used += self.text(x + used, y, max - used, text, *style);
        }
        used
    }

    /// As [`Paint::spans`]; pieces that lead somewhere become links.
    pub fn pieces(&mut self, x: u16, y: u16, max: u16, pieces: &[Piece]) -> u16 {
        let mut used = 0;
        for piece in pieces {
            if used >= max {
                break;
            }
            let cells = self.text(x + used, y, max - used, &piece.text, piece.style);
            if let Some(url) = &piece.url {
                self.links.push((Rect::new(x + used, y, cells, 1), url.to_string()));
            }
            used += cells;
        }
        used
    }

    /// Empties an area and gives it the look of a role, over that of plain text.
    pub fn fill(&mut self, area: Rect, role: Role) {
        let area = area.intersection(self.buf.area);
        let style = self.theme.of(Role::Base).patch(self.theme.of(role));
        for y in area.top()..area.bottom() {
            // Half of a wide character would be left beside it.
            let before = area.left().checked_sub(1).and_then(|x| self.buf.cell_mut((x, y)));
            if let Some(cell) = before.filter(|cell| width(cell.symbol()) > 1) {
                cell.set_symbol(" ");
            }
        }
        for y in area.rows() {
            for at in y.positions() {
                if let Some(cell) = self.buf.cell_mut(at) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
    }

    /// Lays a role over what stands in an area: a selection, a highlight.
    pub fn over(&mut self, area: Rect, role: Role) {
        let area = area.intersection(self.buf.area);
        self.buf.set_style(area, self.theme.of(role));
    }

    /// Lays a selection over an area; badges, which have a background of their own, keep it.
    pub fn select(&mut self, area: Rect, role: Role) {
        let style = self.theme.of(role);
        let plain =
            [self.theme.of(Role::Base).bg, self.theme.of(Role::Overlay).bg, Some(Color::Reset)];
        for at in area.intersection(self.buf.area).positions() {
            if let Some(cell) = self.buf.cell_mut(at)
                && plain.contains(&Some(cell.bg))
            {
                cell.set_style(style);
            }
        }
    }

    /// A frame with a title; returns what is inside. An area that is too small for one has none.
    pub fn panel(&mut self, area: Rect, title: &[(&str, Style)], focused: bool) -> Rect {
        let area = area.intersection(self.buf.area);
        if area.width < 3 || area.height < 3 {
            return area;
        }
        let style = self.theme.of(if focused { Role::BorderFocus } else { Role::Border });
        let set = self.theme.symbols.border;
        let (left, right) = (area.left(), area.right() - 1);
        let (top, bottom) = (area.top(), area.bottom() - 1);
        for x in left + 1..right {
            self.cell(x, top, set.horizontal_top, style);
            self.cell(x, bottom, set.horizontal_bottom, style);
        }
        for y in top + 1..bottom {
            self.cell(left, y, set.vertical_left, style);
            self.cell(right, y, set.vertical_right, style);
        }
        self.cell(left, top, set.top_left, style);
        self.cell(right, top, set.top_right, style);
        self.cell(left, bottom, set.bottom_left, style);
        self.cell(right, bottom, set.bottom_right, style);
        if !title.is_empty() && area.width > 6 {
            let wanted: u16 = title.iter().map(|(t, _)| width(t)).sum();
            self.blank(left + 1, top, wanted.saturating_add(2).min(area.width - 3));
            self.spans(left + 2, top, area.width - 4, title);
        }
        Rect::new(left + 1, top + 1, area.width - 2, area.height - 2)
    }

    /// A note in the lower border of a panel, at its right end.
    pub fn note(&mut self, panel: Rect, text: &str, style: Style) {
        let w = width(text);
        if panel.height < 3 || panel.width < w + 6 {
            return;
        }
        let x = panel.right() - w - 4;
        let y = panel.bottom() - 1;
        self.blank(x, y, w + 2);
        self.text(x + 1, y, w, text, style);
    }

    /// Makes room in a border: its signs and its emphasis go, the background stays.
    fn blank(&mut self, x: u16, y: u16, cells: u16) {
        for x in x..x.saturating_add(cells) {
            if let Some(cell) = self.buf.cell_mut((x, y)) {
                cell.set_symbol(" ");
                cell.modifier = Modifier::empty();
            }
        }
    }

    /// A note in the upper border of a panel, at its right end.
    pub fn top_note(&mut self, panel: Rect, spans: &[(&str, Style)]) {
        let w: u16 = spans.iter().map(|(t, _)| width(t)).sum();
        if panel.height < 3 || w == 0 || panel.width < w + 8 {
            return;
        }
        let x = panel.right() - w - 3;
        self.blank(x - 1, panel.top(), w + 2);
        self.spans(x, panel.top(), w, spans);
    }

    /// One sign in one cell.
    pub fn cell(&mut self, x: u16, y: u16, sign: &str, style: Style) {
        if let Some(cell) = self.buf.cell_mut((x, y)) {
            cell.set_symbol(sign).set_style(style);
        }
    }

    /// Wraps `text` at words into lines of at most `max` cells and draws those that fit `area`;
    /// returns how many there were.
    pub fn wrapped(&mut self, area: Rect, text: &str, style: Style) -> u16 {
        let lines = wrap(text, area.width);
        for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
            self.text(area.x, y, area.width, line, style);
        }
        u16::try_from(lines.len()).unwrap_or(u16::MAX)
    }
}

/// Lines of at most `max` cells, broken at spaces where there are any, and at line breaks.
pub fn wrap(text: &str, max: u16) -> Vec<String> {
    let max = max.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split_inclusive(' ') {
            let bare = width(word.trim_end());
            if used > 0 && used + bare > max {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
                used = 0;
            }
            if bare <= max {
                line.push_str(word);
                used += width(word);
                continue;
            }
            for grapheme in word.graphemes(true) {
                let w = width(grapheme);
                if used + w > max && used > 0 {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push_str(grapheme);
                used += w;
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The upper `height` lines of an area and the rest.
pub fn split(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let lower = Rect { y: area.y + height, height: area.height - height, ..area };
    (Rect { height, ..area }, lower)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::terminal::{Depth, Glyphs};
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("checkout", 8, "checkout")]
    #[case("checkout", 5, "chec…")]
    #[case("two words", 5, "two…")]
    #[case("日本語サービス", 6, "日本…")]
    #[case("日本語", 5, "日本…")]
    #[case("日本語", 6, "日本語")]
    #[case("e\u{301}te\u{301}", 3, "e\u{301}te\u{301}")]
    #[case("e\u{301}te\u{301}s", 3, "e\u{301}t…")]
    #[case("👩\u{200d}🔧 ok", 3, "👩\u{200d}🔧…")]
    #[case("abc", 1, "…")]
    #[case("abc", 0, "")]
    fn text_is_cut_between_graphemes(#[case] text: &str, #[case] max: u16, #[case] expect: &str) {
        assert_eq!(fit(text, max, "…"), expect);
    }

    #[rstest]
    #[case("one two three", 7, &["one two", "three"])]
    #[case("unbreakable", 4, &["unbr", "eaka", "ble"])]
    #[case("a\nb", 9, &["a", "b"])]
    #[case("", 9, &[""])]
    fn long_text_wraps_at_words(#[case] text: &str, #[case] max: u16, #[case] expect: &[&str]) {
        assert_eq!(wrap(text, max), expect);
    }

    proptest! {
        #[test]
        fn a_cut_text_never_takes_more_than_it_may(text in "\\PC*", max in 0_u16..40) {
            prop_assert!(width(&fit(&text, max, "…")) <= max);
        }

        #[test]
        fn wrapped_lines_never_take_more_than_they_may(text in "[a-z 日é\n]*", max in 2_u16..20) {
            prop_assert!(wrap(&text, max).iter().all(|l| width(l) <= max));
        }

        #[test]
        fn drawing_anything_anywhere_never_panics(
            text in "\\PC*", x in 0_u16..50, y in 0_u16..20, max in 0_u16..60, w in 0_u16..60, h in 0_u16..30,
        ) {
            let theme = Theme::built_in("mono", Depth::Off, Glyphs::Unicode);
            let mut buf = Buffer::empty(Rect::new(0, 0, 40, 10));
            let mut paint = Paint::new(&mut buf, &theme);
            paint.text(x, y, max, &text, Style::new());
            paint.right(x, y, max, &text, Style::new());
            let area = Rect::new(x, y, w, h);
            let inner = paint.panel(area, &[(&text, Style::new())], true);
            paint.note(area, &text, Style::new());
            paint.top_note(area, &[(&text, Style::new())]);
            paint.wrapped(inner, &text, Style::new());
            paint.fill(area, Role::Overlay);
            paint.over(area, Role::Selection);
        }
    }
}
