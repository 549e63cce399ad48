//! A few fields to fill in, checked before they are sent.

use std::fmt;

use ratatui::layout::Rect;

use super::field::{Field, Typed};
use super::paint::{Paint, width, wrap};
use crate::ui::screens::{Step, centred};
use crate::ui::terminal::{Key, KeyCode, Mods};
use crate::ui::theme::Role;

/// Writes the text of a long field in an editor.
const EDITOR: Key = Key { code: KeyCode::Char('e'), mods: Mods::CTRL };

/// One field.
#[derive(Debug, Clone, Default)]
pub struct FormField {
    pub label: String,
    pub field: Field,
    /// Shown below the fields while this one is typed into.
    pub hint: String,
    /// What can stand here, if it is one of a few; `↑` and `↓` go through them.
    pub choices: Vec<String>,
    /// It may have several lines, and be written in an editor.
    pub long: bool,
}

/// Reads the texts of the fields; `Err` names the field that is wrong and why.
pub type Submit = Box<dyn Fn(&[String]) -> Result<Vec<Step>, (usize, String)> + Send + Sync>;

/// A few fields to fill in.
pub struct Form {
    pub title: String,
    /// What it is about, above the fields.
    pub about: String,
    pub fields: Vec<FormField>,
    focus: usize,
    error: Option<(usize, String)>,
    submit: Submit,
}

/// What became of a form.
#[derive(Debug)]
pub enum Filled {
    Open,
    Cancelled,
    /// The text so far is to be changed in an editor; see [`Form::edited`].
    Edit(String),
    /// Whether anything was typed that would be lost.
    Sent(Vec<Step>),
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("title", &self.title)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

impl FormField {
    pub fn new(label: &str, text: &str, hint: &str) -> Self {
        Self {
            label: label.to_owned(),
            field: Field::with(text),
            hint: hint.to_owned(),
            choices: Vec::new(),
            long: false,
        }
    }

    /// One for a text that may be long.
    pub fn long(label: &str, hint: &str) -> Self {
        Self { long: true, ..Self::new(label, "", hint) }
    }

    pub fn choose(label: &str, text: &str, hint: &str, choices: Vec<String>) -> Self {
        Self { choices, ..Self::new(label, text, hint) }
    }

    fn turn(&mut self, forward: bool) {
        let len = self.choices.len();
        if len == 0 {
            return;
        }
        let at = self.choices.iter().position(|c| c == self.field.text());
        let next = match (at, forward) {
            (Some(i), true) => (i + 1) % len,
            (Some(i), false) => (i + len - 1) % len,
            (None, true) => 0,
            (None, false) => len - 1,
        };
        if let Some(choice) = self.choices.get(next) {
            self.field = Field::with(choice);
        }
    }
}

impl Form {
    pub fn new(title: &str, about: &str, fields: Vec<FormField>, submit: Submit) -> Self {
        Self {
            title: title.to_owned(),
            about: about.to_owned(),
            fields,
            focus: 0,
            error: None,
            submit,
        }
    }

    /// Whether something was typed that closing it would lose.
    pub fn is_draft(&self) -> bool {
        self.fields.iter().any(|f| f.choices.is_empty() && !f.field.text().trim().is_empty())
    }

    pub fn key(&mut self, key: Key) -> Filled {
        let len = self.fields.len().max(1);
        let Some(field) = self.fields.get_mut(self.focus) else { return Filled::Cancelled };
        if field.long && key == EDITOR {
            return Filled::Edit(field.field.text().to_owned());
        }
        match field.field.key(key) {
            Typed::Changed => {
                if self.error.as_ref().is_some_and(|(i, _)| *i == self.focus) {
                    self.error = None;
                }
            }
            Typed::Same => {}
            Typed::Cancel => return Filled::Cancelled,
            Typed::Next => self.focus = (self.focus + 1) % len,
            Typed::Previous => self.focus = (self.focus + len - 1) % len,
            Typed::Down if field.choices.is_empty() => self.focus = (self.focus + 1).min(len - 1),
            Typed::Up if field.choices.is_empty() => self.focus = self.focus.saturating_sub(1),
            Typed::Down => field.turn(true),
            Typed::Up => field.turn(false),
            Typed::Accept if self.focus + 1 < len => self.focus += 1,
            Typed::Accept => {
                let texts: Vec<String> =
                    self.fields.iter().map(|f| f.field.text().trim().to_owned()).collect();
                match (self.submit)(&texts) {
                    Ok(steps) => return Filled::Sent(steps),
                    Err((index, why)) => {
                        self.focus = index.min(len - 1);
                        self.error = Some((self.focus, why));
                    }
                }
            }
        }
        Filled::Open
    }

    pub fn paste(&mut self, text: &str) {
        if let Some(field) = self.fields.get_mut(self.focus) {
            field.field.paste(text);
        }
    }

    /// Label and text of each field.
    pub fn texts(&self) -> Vec<(String, String)> {
        self.fields.iter().map(|f| (f.label.clone(), f.field.text().to_owned())).collect()
    }

    /// Puts texts into the fields of the same labels.
    pub fn restore(&mut self, texts: &[(String, String)]) {
        for field in &mut self.fields {
            if let Some((_, text)) = texts.iter().find(|(label, _)| *label == field.label) {
                field.field = Field::with(text);
            }
        }
    }

    /// The text of the field that is typed into.
    pub fn text(&self) -> &str {
        self.fields.get(self.focus).map_or("", |field| field.field.text())
    }

    /// Takes over what an editor made of the text.
    pub fn edited(&mut self, text: &str) {
        if let Some(field) = self.fields.get_mut(self.focus) {
            field.field = Field::with(text.trim_end());
        }
    }

    pub fn paint(&self, paint: &mut Paint<'_>, screen: Rect) {
        let w = screen.width.min(76);
        let about =
            if self.about.is_empty() { Vec::new() } else { wrap(&self.about, w - 4.min(w)) };
        let gap = u16::from(!about.is_empty());
        let labels = self.fields.iter().map(|f| width(&f.label)).max().unwrap_or(0);
        let labels = labels.min(w.saturating_sub(4) / 3);
        let cells = w.saturating_sub(4 + labels + 2);
        let heights = self.fields.iter().map(|f| f.field.height(cells));
        let lines = heights.fold(u16::try_from(about.len()).unwrap_or(0), u16::saturating_add);
        let area = centred(screen, w, lines.saturating_add(5 + gap));
        paint.fill(area, Role::Overlay);
        let inner = paint.panel(area, &[(&self.title, paint.of(Role::Title))], true);
        let (x, room) = (inner.x + 1, inner.width.saturating_sub(2));
        let mut y = inner.y;
        for line in &about {
            paint.put(x, y, room, line, Role::Muted);
            y += 1;
        }
        y += gap;
        for (i, field) in self.fields.iter().enumerate() {
            let focus = i == self.focus;
            let role = if focus { Role::Accent } else { Role::Muted };
            paint.put(x, y, labels, &field.label, role);
            let at = Rect::new(x + labels + 2, y, cells, field.field.height(cells));
            if y < inner.bottom() {
                field.field.paint(paint, at.intersection(inner), focus);
            }
            if self.error.as_ref().is_some_and(|(wrong, _)| *wrong == i) {
                paint.over(at, Role::FieldError);
            }
            y += at.height;
        }
        y += 1;
        let hint = self.fields.get(self.focus).map_or("", |f| &f.hint);
        match &self.error {
            Some((_, why)) => paint.put(x, y, room, why, Role::Critical),
            None => paint.put(x, y, room, hint, Role::Muted),
        };
        let enter = if self.focus + 1 == self.fields.len() { "Enter sends" } else { "Enter next" };
        let long = self.fields.get(self.focus).is_some_and(|f| f.long);
        let editor = format!("{EDITOR} editor");
        let parts = [Some(enter), long.then_some(editor.as_str()), Some("Esc leaves")];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        let note = parts.join(&format!(" {} ", paint.theme.symbols.dot));
        paint.note(area, &note, paint.of(Role::Muted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        let fields = vec![
            FormField::new("Title", "", "what is wrong"),
            FormField::choose("Impact", "2", "", ["1", "2", "3"].map(str::to_owned).to_vec()),
        ];
        let submit: Submit = Box::new(|texts| match texts {
            [title, _] if title.is_empty() => Err((0, "a title is needed".to_owned())),
            _ => Ok(Vec::new()),
        });
        Form::new("Report", "", fields, submit)
    }

    fn press(form: &mut Form, keys: &str) -> Filled {
        keys.split_whitespace().fold(Filled::Open, |_, k| form.key(k.parse().unwrap()))
    }

    #[test]
    fn a_wrong_field_gets_the_focus_and_the_reason_until_it_changes() {
        let mut form = form();
        assert!(matches!(press(&mut form, "Enter Enter"), Filled::Open));
        assert_eq!((form.focus, form.error.is_some()), (0, true));
        press(&mut form, "x");
        assert_eq!(form.error, None);
        assert!(matches!(press(&mut form, "Enter Enter"), Filled::Sent(_)));
    }

    #[test]
    fn only_a_long_field_is_written_in_an_editor_and_takes_what_it_made() {
        let mut form = form();
        assert!(matches!(press(&mut form, "a Ctrl-e"), Filled::Open));
        form.fields.push(FormField::long("Text", ""));
        assert!(matches!(press(&mut form, "Tab Tab x Ctrl-e"), Filled::Edit(text) if text == "x"));
        form.edited("x\ny\n");
        assert_eq!(form.fields[2].field.text(), "x\ny");
    }

    #[test]
    fn arrows_go_through_the_choices() {
        let mut form = form();
        press(&mut form, "Tab Down");
        assert_eq!(form.fields[1].field.text(), "3");
        press(&mut form, "Down");
        assert_eq!(form.fields[1].field.text(), "1");
    }
}
