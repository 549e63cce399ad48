//! The filter bar: a query that filters while it is typed, its mistakes underlined with a hint, its
//! words completed.

use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::domain::incident::query::{Completion, Parsed, QueryError, Vocabulary, complete, parse};
use crate::ui::terminal::Key;
use crate::ui::theme::Role;
use crate::ui::widgets::{Field, Paint, Typed, width};

/// How many candidates are shown at a time.
const ROWS: usize = 8;

/// What can be written.
const HINT: &str =
    "state p service team assignee age acked held waits is label. …, or any text; - negates";

/// The text of the filter and what it means.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    text: String,
    parsed: Parsed,
    editor: Option<Editor>,
}

/// The filter while it is typed.
#[derive(Debug, Clone)]
struct Editor {
    field: Field,
    /// What it was before, for `Esc`.
    before: String,
    completion: Completion,
    chosen: Option<usize>,
}

/// What a key did to the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// It may mean something else now.
    Changed,
    Same,
    /// It is done with; the text stays.
    Closed,
}

impl Filter {
    pub fn new(text: &str) -> Self {
        let mut filter = Self::default();
        filter.set(text);
        filter
    }

    /// Replaces the text, as by a saved view.
    pub fn set(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.parsed = parse(text);
    }

    pub fn text(&self) -> &str {
        self.text.trim()
    }

    pub fn parsed(&self) -> &Parsed {
        &self.parsed
    }

    pub fn is_editing(&self) -> bool {
        self.editor.is_some()
    }

    /// Lines above the list: the field with its hint, or a mistake that is left in it.
    pub fn height(&self) -> u16 {
        match (&self.editor, self.parsed.errors.is_empty()) {
            (Some(_), _) => 2,
            (None, false) => 1,
            (None, true) => 0,
        }
    }

    /// Opens the bar with the cursor at the end of the text.
    pub fn edit(&mut self, vocabulary: &Vocabulary) {
        let mut text = self.text.trim_end().to_owned();
        if !text.is_empty() {
            text.push(' ');
        }
        let field = Field::with(&text);
        let before = std::mem::replace(&mut self.text, text);
        let mut editor = Editor { field, before, completion: Completion::default(), chosen: None };
        editor.complete(vocabulary);
        self.editor = Some(editor);
    }

    pub fn key(&mut self, key: Key, vocabulary: &Vocabulary) -> Edited {
        let Some(editor) = &mut self.editor else { return Edited::Closed };
        let last = editor.completion.candidates.len().checked_sub(1);
        match (editor.field.key(key), last) {
            (Typed::Changed, _) => {}
            (Typed::Down, Some(last)) => {
                editor.chosen =
                    Some(editor.chosen.map_or(0, |n| if n == last { 0 } else { n + 1 }));
                return Edited::Same;
            }
            (Typed::Up, Some(last)) => {
                let up = |n: usize| n.checked_sub(1).unwrap_or(last);
                editor.chosen = Some(editor.chosen.map_or(last, up));
                return Edited::Same;
            }
            (Typed::Next, Some(_)) => editor.take(editor.chosen.unwrap_or(0)),
            (Typed::Accept, Some(_)) if editor.chosen.is_some() => {
                editor.take(editor.chosen.unwrap_or(0));
            }
            (Typed::Accept, _) => {
                self.editor = None;
                self.text = self.text.trim().to_owned();
                self.parsed = parse(&self.text);
                return Edited::Closed;
            }
            (Typed::Cancel, _) if editor.chosen.is_some() => {
                editor.chosen = None;
                return Edited::Same;
            }
            (Typed::Cancel, _) => {
                let before = std::mem::take(&mut editor.before);
                self.editor = None;
                self.set(&before);
                return Edited::Changed;
            }
            (Typed::Same, _) => {
                editor.complete(vocabulary);
                return Edited::Same;
            }
            (Typed::Next | Typed::Previous | Typed::Up | Typed::Down, _) => return Edited::Same,
        }
        self.typed(vocabulary)
    }

    pub fn paste(&mut self, text: &str, vocabulary: &Vocabulary) -> Edited {
        if let Some(editor) = &mut self.editor {
            editor.field.paste(text);
        }
        self.typed(vocabulary)
    }

    fn typed(&mut self, vocabulary: &Vocabulary) -> Edited {
        if let Some(editor) = &mut self.editor {
            editor.complete(vocabulary);
            editor.field.text().clone_into(&mut self.text);
            self.parsed = parse(&self.text);
        }
        Edited::Changed
    }

    /// What is wrong, without the word that is only not finished: the one at the cursor, for which
    /// there are candidates.
    fn mistakes(&self) -> impl Iterator<Item = &QueryError> {
        let typed = self.editor.as_ref().filter(|e| !e.completion.candidates.is_empty());
        let at = typed.map(Editor::byte);
        let unfinished =
            move |e: &QueryError| at.is_some_and(|at| e.span.start < at && e.span.end == at);
        self.parsed.errors.iter().filter(move |e| !unfinished(e))
    }

    /// The mistake to explain: the one at the cursor, otherwise the first.
    fn complaint(&self) -> Option<String> {
        let at = self.editor.as_ref().map_or(0, Editor::byte);
        let here = |e: &&QueryError| e.span.start <= at && at <= e.span.end;
        self.mistakes().find(here).or(self.mistakes().next()).map(ToString::to_string)
    }

    /// Whether something is wrong with it.
    pub fn is_wrong(&self) -> bool {
        self.mistakes().next().is_some()
    }

    /// Draws the bar at the top of `area`, and the candidates over what lies below it.
    pub fn paint(&self, paint: &mut Paint<'_>, area: Rect) {
        let Some(editor) = &self.editor else {
            if let Some(why) = self.complaint() {
                let sign = paint.theme.symbols.critical;
                let text = format!("{sign} {why}");
                paint.put(area.x + 1, area.y, area.width.saturating_sub(2), &text, Role::Critical);
            }
            return;
        };
        let used = paint.put(area.x + 1, area.y, 2, "/ ", Role::Accent);
        let field = Rect {
            x: area.x + 1 + used,
            width: area.width.saturating_sub(used + 2),
            height: 1,
            ..area
        };
        editor.field.paint(paint, field, true);
        self.underline(editor, paint, field);
        let below = Rect { y: area.y + 1, height: 1, ..field };
        if let Some(why) = self.complaint() {
            paint.put(below.x, below.y, below.width, &why, Role::Critical);
        } else {
            paint.put(below.x, below.y, below.width, HINT, Role::Muted);
        }
        editor.paint_candidates(paint, field, area);
    }

    fn underline(&self, editor: &Editor, paint: &mut Paint<'_>, field: Rect) {
        let style =
            paint.of(Role::FieldError).patch(Style::new().add_modifier(Modifier::UNDERLINED));
        let text = editor.field.text();
        let scroll = editor.scroll(field.width);
        for error in self.mistakes() {
            let start = text.get(..error.span.start).map_or(0, width);
            let end = text.get(..error.span.end).map_or(0, width).max(start + 1);
            let start = start.saturating_sub(scroll).min(field.width);
            let end = end.saturating_sub(scroll).min(field.width);
            let wrong = Rect::new(field.x + start, field.y, end - start, 1);
            paint.buf.set_style(wrong.intersection(paint.buf.area), style);
        }
    }
}

impl Editor {
    /// The cursor in bytes.
    fn byte(&self) -> usize {
        let text = self.field.text();
        text.char_indices().nth(self.field.cursor()).map_or(text.len(), |(at, _)| at)
    }

    fn complete(&mut self, vocabulary: &Vocabulary) {
        self.completion = complete(self.field.text(), self.byte(), vocabulary);
        self.chosen = None;
    }

    /// Writes a candidate into the text.
    fn take(&mut self, candidate: usize) {
        let Some(candidate) = self.completion.candidates.get(candidate) else { return };
        let text = self.field.text();
        let before = text.get(..self.completion.span.start).unwrap_or_default();
        let after = text.get(self.completion.span.end..).unwrap_or_default();
        let cursor = before.chars().count() + candidate.text.chars().count();
        let whole = format!("{before}{}{after}", candidate.text);
        self.field.set(&whole, cursor);
    }

    /// How many cells the field is scrolled by, as the field itself does it.
    fn scroll(&self, field_width: u16) -> u16 {
        let before = self.field.text().get(..self.byte()).map_or(0, width);
        (before + 1).saturating_sub(field_width.saturating_sub(1))
    }

    fn paint_candidates(&self, paint: &mut Paint<'_>, field: Rect, area: Rect) {
        let candidates = &self.completion.candidates;
        let wanted = candidates.len().min(ROWS);
        let rows = wanted.min(usize::from(area.height.saturating_sub(4)));
        if rows == 0 {
            return;
        }
        let first = self.chosen.map_or(0, |n| (n + 1).saturating_sub(rows));
        let words = candidates.iter().map(|c| width(&c.text)).max().unwrap_or(0).min(30);
        let helps = candidates.iter().map(|c| width(&c.help)).max().unwrap_or(0);
        let w = (words + 2 + helps + 3).clamp(16, 64).min(field.width);
        let start = self.field.text().get(..self.completion.span.start).map_or(0, width);
        let x = (field.x + start.saturating_sub(self.scroll(field.width)))
            .saturating_sub(1)
            .min(field.right().saturating_sub(w));
        let frame = Rect::new(x.saturating_sub(1), area.y + 2, w + 2, rows as u16 + 2);
        paint.fill(frame, Role::Overlay);
        let popup = paint.panel(frame, &[], true);
        for ((n, candidate), y) in
            candidates.iter().enumerate().skip(first).take(rows).zip(popup.top()..)
        {
            paint.put(x + 1, y, words, &candidate.text, Role::Text);
            let help = x + 3 + words;
            paint.put(help, y, popup.right().saturating_sub(help), &candidate.help, Role::Muted);
            if Some(n) == self.chosen {
                paint.over(Rect::new(popup.x, y, popup.width, 1), Role::Selection);
            }
        }
    }
}
