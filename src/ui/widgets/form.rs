//! A few fields to fill in, checked before they are sent.

use std::fmt;

use ratatui::layout::Rect;

use super::field::{Field, MAX_FIELD, Typed};
use super::paint::{Paint, width, wrap};
use crate::domain::time::Instant;
use crate::ui::screens::{Step, centred};
use crate::ui::terminal::{Key, KeyCode, Mods};
use crate::ui::theme::Role;

/// Writes the text of a long field in an editor.
const EDITOR: Key = Key { code: KeyCode::Char('e'), mods: Mods::CTRL };
/// Sends a long form from any of its fields.
const SEND: Key = Key { code: KeyCode::Char('s'), mods: Mods::CTRL };

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
    /// What stood in it at first.
    proposed: String,
    /// That still stands in it: the first letter that is typed replaces it.
    fresh: bool,
}

/// Reads the texts of the fields, at the instant that is now; `Err` names the field that is wrong and
/// why. What is left is checked by it as well, so it is called more often than the form is sent.
pub type Submit =
    Box<dyn Fn(&[String], Instant) -> Result<Vec<Step>, (usize, String)> + Send + Sync>;

/// A line beside the fields while they are typed into: what they mean, or what is wrong with one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub text: String,
    pub role: Role,
    /// The field that it is wrong about.
    pub wrong: Option<usize>,
}

/// Says what the texts of the fields mean. Called after every key that changes one.
pub type Beside = Box<dyn Fn(&[String], Instant) -> Vec<Told> + Send + Sync>;

/// From so many cells on what is told stands beside the fields, else below them.
const WIDE: u16 = 124;
/// The least lines for it below the fields.
const BELOW: u16 = 4;

/// A few fields to fill in.
pub struct Form {
    pub title: String,
    /// What it is about, above the fields.
    pub about: String,
    pub fields: Vec<FormField>,
    focus: usize,
    /// What is wrong, and with which field; none: with all of it, as whoever was asked said.
    error: Option<(Option<usize>, String)>,
    /// How many of the fields, from the first on, are checked: those that were left.
    left: usize,
    submit: Submit,
    beside: Option<Beside>,
    told: Vec<Told>,
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
            proposed: text.to_owned(),
            fresh: true,
        }
    }

    /// One for a text that may be long.
    pub fn long(label: &str, hint: &str) -> Self {
        Self { long: true, ..Self::new(label, "", hint) }
    }

    /// The same, to be gone on with: the first letter does not replace what stands in it.
    pub fn kept(self) -> Self {
        Self { fresh: false, ..self }
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
            left: 0,
            submit,
            beside: None,
            told: Vec::new(),
        }
    }

    /// With lines beside the fields that say what they mean.
    pub fn beside(mut self, beside: Beside, now: Instant) -> Self {
        self.beside = Some(beside);
        self.tell(now);
        self
    }

    fn tell(&mut self, now: Instant) {
        if let Some(beside) = &self.beside {
            self.told = beside(&self.trimmed(), now);
        }
    }

    /// Checks what was left already; a text that is being typed may be half a word.
    fn check(&mut self, typing: bool, now: Instant) {
        let said = self.told.iter().any(|told| told.wrong.is_some());
        let wrong = (self.submit)(&self.trimmed(), now).err().filter(|_| !said);
        let wrong = wrong.filter(|(i, _)| *i < self.left && !(typing && *i == self.focus));
        self.error = wrong.map(|(i, why)| (Some(i), why));
    }

    /// Whoever was asked refused it.
    pub fn refuse(&mut self, why: String) {
        self.error = Some((None, why));
    }

    /// Whether a refusal stands in it.
    pub fn is_refused(&self) -> bool {
        matches!(self.error, Some((None, _)))
    }

    fn trimmed(&self) -> Vec<String> {
        self.fields.iter().map(|f| f.field.text().trim().to_owned()).collect()
    }

    /// Whether something was typed that closing it would lose.
    pub fn is_draft(&self) -> bool {
        self.fields.iter().any(|f| f.choices.is_empty() && !f.field.text().trim().is_empty())
    }

    pub fn key(&mut self, key: Key, now: Instant) -> Filled {
        let before = self.trimmed();
        let filled = self.take(key, now);
        if before != self.trimmed() {
            self.changed(now);
        }
        filled
    }

    fn take(&mut self, key: Key, now: Instant) -> Filled {
        let len = self.fields.len().max(1);
        let Some(field) = self.fields.get_mut(self.focus) else { return Filled::Cancelled };
        if field.long && key == EDITOR {
            return Filled::Edit(field.field.text().to_owned());
        }
        if key == SEND {
            return self.send(now);
        }
        if field.fresh && key.typed().is_some() {
            field.field = Field::default();
        }
        field.fresh &= matches!(
            key.code,
            KeyCode::Enter | KeyCode::Tab | KeyCode::BackTab | KeyCode::Up | KeyCode::Down
        );
        let focus = self.focus;
        match field.field.key(key) {
            Typed::Changed | Typed::Same => {}
            Typed::Cancel => return Filled::Cancelled,
            Typed::Next => self.focus = (self.focus + 1) % len,
            Typed::Previous => self.focus = (self.focus + len - 1) % len,
            Typed::Down if field.choices.is_empty() => self.focus = (self.focus + 1).min(len - 1),
            Typed::Up if field.choices.is_empty() => self.focus = self.focus.saturating_sub(1),
            Typed::Down => field.turn(true),
            Typed::Up => field.turn(false),
            Typed::Accept if self.focus + 1 < len => self.focus += 1,
            Typed::Accept => return self.send(now),
        }
        if self.focus != focus {
            self.left = self.left.max(self.focus);
            self.check(false, now);
        }
        Filled::Open
    }

    fn send(&mut self, now: Instant) -> Filled {
        match (self.submit)(&self.trimmed(), now) {
            Ok(steps) => Filled::Sent(steps),
            Err((index, why)) => {
                self.left = self.fields.len();
                self.focus = index.min(self.left.saturating_sub(1));
                self.error = Some((Some(self.focus), why));
                Filled::Open
            }
        }
    }

    pub fn paste(&mut self, text: &str, now: Instant) {
        if let Some(field) = self.fields.get_mut(self.focus) {
            if std::mem::take(&mut field.fresh) {
                field.field = Field::default();
            }
            field.field.paste(text);
        }
        self.changed(now);
    }

    /// A text is another one now.
    fn changed(&mut self, now: Instant) {
        self.tell(now);
        if self.error.is_some() {
            self.check(true, now);
        }
    }

    /// Label and text of each field that says something else than when the form opened: what stood
    /// there may be old when it opens again.
    pub fn texts(&self) -> Vec<(String, String)> {
        let typed = self.fields.iter().filter(|f| f.field.text() != f.proposed);
        typed.map(|f| (f.label.clone(), f.field.text().to_owned())).collect()
    }

    /// Puts texts into the fields of the same labels.
    pub fn restore(&mut self, texts: &[(String, String)], now: Instant) {
        for field in &mut self.fields {
            if let Some((_, text)) = texts.iter().find(|(label, _)| *label == field.label) {
                (field.field, field.fresh) = (Field::with(text), false);
            }
        }
        self.changed(now);
    }

    /// The text of the field that is typed into.
    pub fn text(&self) -> &str {
        self.fields.get(self.focus).map_or("", |field| field.field.text())
    }

    /// Takes over what an editor made of the text.
    pub fn edited(&mut self, text: &str, now: Instant) {
        if let Some(field) = self.fields.get_mut(self.focus) {
            (field.field, field.fresh) = (Field::with(text.trim_end()), false);
        }
        self.changed(now);
    }

    pub fn paint(&self, paint: &mut Paint<'_>, screen: Rect) {
        let tells = self.beside.is_some();
        let wide = tells && screen.width >= WIDE;
        let side = if wide { (screen.width - 70).min(64) } else { 0 };
        let w = if wide { 70 } else { screen.width.min(76) };
        let about =
            if self.about.is_empty() { Vec::new() } else { wrap(&self.about, w - 4.min(w)) };
        let labels = self.fields.iter().map(|f| width(&f.label)).max().unwrap_or(0);
        let labels = labels.min(w.saturating_sub(4) / 3);
        let cells = w.saturating_sub(4 + labels + 2);
        let heights: Vec<u16> = self.fields.iter().map(|f| f.field.height(cells)).collect();
        let above = u16::try_from(about.len()).unwrap_or(0) + u16::from(!about.is_empty());
        let notice = self.notice(w.saturating_sub(4));
        let noticed = u16::try_from(notice.len()).unwrap_or(u16::MAX);
        // The frame, what is above, a blank line, what is wrong and the hint.
        let own = above.saturating_add(4).saturating_add(noticed);
        let fields = heights.iter().copied().fold(0, u16::saturating_add);
        let whole = own.saturating_add(fields);
        let told = self.told_lines(if wide { side } else { w });
        let lines = u16::try_from(told.len()).unwrap_or(u16::MAX);
        let below = if tells && !wide {
            lines.max(BELOW).min(screen.height.saturating_sub(whole).max(BELOW))
        } else {
            0
        };
        let height = whole.saturating_add(below);
        let height = if wide { height.max(lines.saturating_add(2)) } else { height };
        let all = centred(screen, w + side, height);
        paint.fill(all, Role::Overlay);
        let area = Rect { width: w.min(all.width), ..all };
        let inner = paint.panel(area, &[(&self.title, paint.of(Role::Title))], true);
        let (x, room) = (inner.x + 1, inner.width.saturating_sub(2));
        for (line, y) in about.iter().zip(inner.y..inner.bottom()) {
            paint.put(x, y, room, line, Role::Muted);
        }
        let left = inner.height.saturating_sub(own - 2 + below);
        let rows = Rect { y: inner.y + above, height: left, ..inner }.intersection(inner);
        let hidden = self.paint_fields(paint, rows, (labels, cells), &heights);
        if hidden > 0 && rows.bottom() < inner.bottom() {
            let more = format!("{hidden} more, Tab leads on");
            paint.right(x, rows.bottom(), room, &more, paint.of(Role::Faint));
        }
        let y = rows.bottom() + 1;
        for ((line, role), y) in notice.iter().zip(y..inner.bottom()) {
            paint.put(x, y, room, line, *role);
        }
        let y = y.saturating_add(noticed).saturating_add(1);
        let under = Rect { x, y, width: room, height: inner.bottom().saturating_sub(y) };
        let beside = if wide {
            let area = Rect { x: all.x + w, width: all.width.saturating_sub(w), ..all };
            let inner = paint.panel(area, &[("What it means", paint.of(Role::Title))], false);
            Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
        } else {
            under
        };
        for ((text, role), y) in told.iter().zip(beside.y..beside.bottom()) {
            paint.put(beside.x, y, beside.width, text, *role);
        }
        let enter = if self.focus + 1 == self.fields.len() { "Enter sends" } else { "Enter next" };
        let long = self.fields.get(self.focus).is_some_and(|f| f.long);
        let editor = format!("{EDITOR} editor");
        let sends = (self.focus + 1 < self.fields.len()).then_some("Ctrl-s sends");
        let parts = [Some(enter), sends, long.then_some(editor.as_str()), Some("Esc leaves")];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        let note = parts.join(&format!(" {} ", paint.theme.symbols.dot));
        paint.note(area, &note, paint.of(Role::Muted));
    }

    /// What is wrong, and how the field that is typed into is filled in.
    fn notice(&self, room: u16) -> Vec<(String, Role)> {
        let hint = self.fields.get(self.focus).map_or("", |f| &f.hint);
        let field = self.fields.get(self.focus);
        let hint = match field.map(|f| (f.field.text().chars().count() >= MAX_FIELD, f.long)) {
            Some((true, long)) => {
                let more = if long { format!("; {EDITOR} writes more") } else { String::new() };
                (format!("it is full: {MAX_FIELD} characters are the most{more}"), Role::Warning)
            }
            _ => (hint.to_owned(), Role::Muted),
        };
        let Some((at, why)) = &self.error else { return vec![hint] };
        let other = at.filter(|at| *at != self.focus).and_then(|at| self.fields.get(at));
        let said = other.map_or_else(|| why.clone(), |field| format!("{}: {why}", field.label));
        let wrong = wrap(&said, room).into_iter().map(|line| (line, Role::Critical));
        // Of the field with the focus the reason says what the hint would.
        wrong.chain((*at != Some(self.focus)).then_some(hint)).collect()
    }

    /// What is told, in lines that find room in a panel of that width.
    fn told_lines(&self, panel: u16) -> Vec<(String, Role)> {
        let room = panel.saturating_sub(4);
        let lines = |told: &Told| {
            let role = told.role;
            wrap(&told.text, room).into_iter().map(move |line| (line, role)).collect::<Vec<_>>()
        };
        self.told.iter().flat_map(lines).collect()
    }

    /// As many fields as find room, that of the focus among them; returns how many do not.
    fn paint_fields(
        &self,
        paint: &mut Paint<'_>,
        area: Rect,
        (labels, cells): (u16, u16),
        heights: &[u16],
    ) -> usize {
        let until_focus = |first: usize| -> u16 {
            heights.iter().take(self.focus + 1).skip(first).copied().fold(0, u16::saturating_add)
        };
        let first = (0..=self.focus).find(|n| until_focus(*n) <= area.height);
        let first = first.unwrap_or(self.focus);
        let x = area.x + 1;
        let (mut y, mut drawn) = (area.y, 0);
        for ((i, field), height) in self.fields.iter().enumerate().zip(heights).skip(first) {
            if y.saturating_add(*height) > area.bottom() && i != self.focus {
                break;
            }
            let focus = i == self.focus;
            let refused = self.error.as_ref().is_some_and(|(wrong, _)| *wrong == Some(i));
            let wrong = self.told.iter().any(|told| told.wrong == Some(i));
            let role = match (focus, wrong) {
                (_, true) => Role::Warning,
                (true, _) => Role::Accent,
                _ => Role::Muted,
            };
            paint.put(x, y, labels, &field.label, role);
            let at = Rect::new(x + labels + 2, y, cells, *height).intersection(area);
            // Until it is edited it is read from its start.
            let untouched = field.fresh || !focus && field.field.text() == field.proposed;
            if untouched && width(field.field.text()) > cells && *height == 1 {
                field.field.from_start().paint(paint, at, focus);
            } else {
                field.field.paint(paint, at, focus);
            }
            if focus && field.fresh && !field.field.text().is_empty() {
                let proposed = width(field.field.text()).min(at.width);
                paint.over(Rect { width: proposed, ..at }, Role::Selection);
            }
            // While it is typed into it may be half a word.
            if refused || wrong && !focus {
                paint.over(at, Role::FieldError);
            }
            y = y.saturating_add(*height);
            drawn += 1;
        }
        self.fields.len() - drawn
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
        let submit: Submit = Box::new(|texts, _| match texts {
            [title, _] if title.is_empty() => Err((0, "a title is needed".to_owned())),
            _ => Ok(Vec::new()),
        });
        Form::new("Report", "", fields, submit)
    }

    fn now() -> Instant {
        "2026-11-27T13:00:00Z".parse().unwrap()
    }

    fn press(form: &mut Form, keys: &str) -> Filled {
        keys.split_whitespace().fold(Filled::Open, |_, k| form.key(k.parse().unwrap(), now()))
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
    fn what_is_wrong_is_said_when_its_field_is_left_and_gone_when_another_mends_it() {
        let fields = ["From", "To", "Why"].map(|label| FormField::new(label, "", "")).to_vec();
        let submit: Submit = Box::new(|texts, _| match texts {
            [from, to, _] if from > to => Err((1, "it ends before it begins".to_owned())),
            [_, _, why] if why.is_empty() => Err((2, "say why".to_owned())),
            _ => Ok(Vec::new()),
        });
        let mut form = Form::new("Hold", "", fields, submit);
        press(&mut form, "3 Tab 2");
        assert_eq!(form.error, None, "it is still typed");
        press(&mut form, "Tab");
        assert_eq!(form.error, Some((Some(1), "it ends before it begins".to_owned())));
        assert_eq!(form.notice(60)[0].0, "To: it ends before it begins");
        press(&mut form, "Up Up Backspace 1");
        assert_eq!(form.error, None);
    }

    #[test]
    fn a_refusal_stands_in_the_form_until_it_changes() {
        let mut form = form();
        press(&mut form, "x Enter Enter");
        form.refuse("INC-7 is closed".to_owned());
        assert!(form.is_refused());
        assert_eq!(form.fields[0].field.text(), "x");
        press(&mut form, "Up Down");
        assert!(!form.is_refused());
    }

    #[test]
    fn a_field_that_takes_no_more_says_so() {
        let mut form = form();
        form.paste(&"x".repeat(3_000), now());
        assert!(form.notice(76)[0].0.starts_with("it is full: 2000 characters"));
    }

    #[test]
    fn a_length_counts_from_when_the_form_is_sent() {
        let submit: Submit = Box::new(|_, now| Err((0, now.format("%H:%M").to_string())));
        let mut form = Form::new("Hold", "", vec![FormField::new("For", "2h", "")], submit);
        let later = now() + chrono::TimeDelta::minutes(7);
        form.key("Enter".parse().unwrap(), later);
        assert_eq!(form.error, Some((Some(0), "13:07".to_owned())));
    }

    #[test]
    fn only_a_long_field_is_written_in_an_editor_and_takes_what_it_made() {
        let mut form = form();
        assert!(matches!(press(&mut form, "a Ctrl-e"), Filled::Open));
        form.fields.push(FormField::long("Text", ""));
        assert!(matches!(press(&mut form, "Tab Tab x Ctrl-e"), Filled::Edit(text) if text == "x"));
        form.edited("x\ny\n", now());
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
