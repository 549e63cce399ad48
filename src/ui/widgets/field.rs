//! A line of text that is typed into.

use ratatui::layout::{Position, Rect};
use tui_input::{Input, InputRequest};

use super::paint::{Paint, width, wrap};
use crate::domain::text;
use crate::ui::terminal::{Key, KeyCode};
use crate::ui::theme::Role;

/// Longest text of a field, in characters.
pub const MAX_FIELD: usize = 2_000;

/// Most lines of a field whose text has line breaks.
const MAX_LINES: u16 = 10;

/// A text with a cursor in it.
#[derive(Debug, Clone, Default)]
pub struct Field {
    input: Input,
}

/// What a key did to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// The text is another one.
    Changed,
    /// The cursor moved, or nothing happened; the key is used up all the same.
    Same,
    /// `Enter`.
    Accept,
    /// `Esc`.
    Cancel,
    /// `Tab`, or its reverse.
    Next,
    Previous,
    /// For the list beside it, if there is one.
    Up,
    Down,
}

impl Field {
    pub fn with(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()) }
    }

    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The cursor, in characters from the start.
    pub fn cursor(&self) -> usize {
        self.input.cursor()
    }

    /// The same with the cursor at its start, which is then in view.
    pub fn from_start(&self) -> Self {
        Self { input: self.input.clone().with_cursor(0) }
    }

    pub fn clear(&mut self) {
        self.input.reset();
    }

    /// Replaces the text and puts the cursor at `cursor` characters.
    pub fn set(&mut self, text: &str, cursor: usize) {
        self.input = Input::new(text.to_owned()).with_cursor(cursor);
    }

    /// Takes a key. Every key is used up: typed text never becomes an action.
    pub fn key(&mut self, key: Key) -> Typed {
        use InputRequest as R;
        let request = match (key.code, key.mods.ctrl, key.mods.alt) {
            (KeyCode::Enter, false, false) => return Typed::Accept,
            (KeyCode::Esc, ..) => return Typed::Cancel,
            (KeyCode::Tab, ..) => return Typed::Next,
            (KeyCode::BackTab, ..) => return Typed::Previous,
            (KeyCode::Up, ..) | (KeyCode::Char('p'), true, _) => return Typed::Up,
            (KeyCode::Down, ..) | (KeyCode::Char('n'), true, _) => return Typed::Down,
            (KeyCode::Char(c), false, false) => {
                if self.text().chars().count() >= MAX_FIELD {
                    return Typed::Same;
                }
                R::InsertChar(c)
            }
            (KeyCode::Backspace, false, false) | (KeyCode::Char('h'), true, _) => R::DeletePrevChar,
            (KeyCode::Backspace, ..) | (KeyCode::Char('w'), true, _) => R::DeletePrevWord,
            (KeyCode::Delete, ..) => R::DeleteNextChar,
            (KeyCode::Left, true, _) | (KeyCode::Left | KeyCode::Char('b'), _, true) => {
                R::GoToPrevWord
            }
            (KeyCode::Right, true, _) | (KeyCode::Right | KeyCode::Char('f'), _, true) => {
                R::GoToNextWord
            }
            (KeyCode::Left, ..) => R::GoToPrevChar,
            (KeyCode::Right, ..) => R::GoToNextChar,
            (KeyCode::Home, ..) => R::GoToStart,
            (KeyCode::End, ..) | (KeyCode::Char('e'), true, _) => R::GoToEnd,
            (KeyCode::Char('u'), true, _) => R::DeleteFromStart,
            (KeyCode::Char('k'), true, _) => R::DeleteTillEnd,
            _ => return Typed::Same,
        };
        match self.input.handle(request) {
            Some(change) if change.value => Typed::Changed,
            _ => Typed::Same,
        }
    }

    /// Takes pasted text; line breaks become spaces.
    pub fn paste(&mut self, pasted: &str) -> Typed {
        let room = MAX_FIELD.saturating_sub(self.text().chars().count());
        for c in text::clean(pasted, room).chars() {
            self.input.handle(InputRequest::InsertChar(c));
        }
        Typed::Changed
    }

    /// How many lines it takes in `room` cells: several only where the text has line breaks.
    pub fn height(&self, room: u16) -> u16 {
        if !self.text().contains('\n') {
            return 1;
        }
        let lines = wrap(self.text(), room.saturating_sub(1)).len();
        u16::try_from(lines).unwrap_or(u16::MAX).min(MAX_LINES)
    }

    /// Draws the text, scrolled so that the cursor is in view; with `focus`, the terminal's cursor
    /// stands in it.
    pub fn paint(&self, paint: &mut Paint<'_>, area: Rect, focus: bool) {
        if area.is_empty() {
            return;
        }
        if self.text().contains('\n') {
            self.paint_lines(paint, area, focus);
            return;
        }
        paint.fill(Rect { height: 1, ..area }, Role::Field);
        let inside = usize::from(area.width.saturating_sub(1));
        let scroll = self.input.visual_scroll(inside);
        let shown = after(self.text(), scroll);
        let style = paint.of(Role::Field);
        paint.buf.set_stringn(area.x, area.y, shown, usize::from(area.width), style);
        if focus {
            let at = self.input.visual_cursor().saturating_sub(scroll).min(inside);
            let x = area.x + u16::try_from(at).unwrap_or(0);
            paint.cursor = Some(Position::new(x, area.y));
            paint.over(Rect::new(x, area.y, 0, 1), Role::Field);
        }
    }
}

impl Field {
    fn paint_lines(&self, paint: &mut Paint<'_>, area: Rect, focus: bool) {
        paint.fill(area, Role::Field);
        let room = area.width.saturating_sub(1);
        let before: String = self.text().chars().take(self.cursor()).collect();
        let before = wrap(&before, room);
        let row = before.len().saturating_sub(1);
        let top = (row + 1).saturating_sub(usize::from(area.height));
        let style = paint.of(Role::Field);
        for (line, y) in wrap(self.text(), room).iter().skip(top).zip(area.top()..area.bottom()) {
            paint.text(area.x, y, room, line, style);
        }
        if focus {
            let x = area.x + before.last().map_or(0, |line| width(line)).min(room);
            let y = area.y + u16::try_from(row - top).unwrap_or(0);
            paint.cursor = Some(Position::new(x, y));
        }
    }
}

/// What is left of a text after its first `cells` cells.
fn after(text: &str, cells: usize) -> &str {
    use unicode_segmentation::UnicodeSegmentation;
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        if used >= cells {
            return text.get(at..).unwrap_or_default();
        }
        used += usize::from(width(grapheme));
    }
    if used >= cells && cells == 0 { text } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_in(field: &mut Field, keys: &str) {
        for key in keys.split_whitespace() {
            field.key(key.parse().unwrap());
        }
    }

    #[test]
    fn keys_edit_the_text() {
        let mut field = Field::default();
        type_in(&mut field, "d i s k Space f u l l Left Left Backspace Home X");
        assert_eq!(field.text(), "Xdisk fll");
        type_in(&mut field, "End Ctrl-w");
        assert_eq!(field.text(), "Xdisk ");
    }

    #[test]
    fn keys_that_are_actions_elsewhere_are_only_text_here() {
        let mut field = Field::default();
        type_in(&mut field, "q a R : ? / 1");
        assert_eq!(field.text(), "qaR:?/1");
    }

    #[test]
    fn a_text_of_several_lines_has_as_many_and_no_more_than_fit() {
        assert_eq!(Field::with("one long line of text").height(10), 1);
        assert_eq!(Field::with("one\ntwo").height(10), 2);
        assert_eq!(Field::with("line\n".repeat(50).as_str()).height(10), MAX_LINES);
    }

    #[test]
    fn a_paste_becomes_one_harmless_line() {
        let mut field = Field::default();
        field.paste("two\nlines\u{1b}[31m");
        assert_eq!(field.text(), "two lines");
    }
}
