//! A list to choose one from, narrowed by typing.

use std::fmt;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::layout::Rect;

use super::field::{Field, Typed};
use super::paint::{Paint, width};
use crate::domain::time::Instant;
use crate::ui::screens::Step;
use crate::ui::terminal::Key;
use crate::ui::theme::Role;

/// Something that can be chosen.
#[derive(Debug)]
pub struct Item {
    pub label: String,
    /// Beside it, dimmed: a key, an explanation.
    pub detail: String,
    /// What happens then.
    pub then: Vec<Step>,
}

/// What to do with a text that is not in the list, at the instant that is now.
pub type Free = Box<dyn Fn(&str, Instant) -> Vec<Step> + Send + Sync>;

/// A list to choose one from.
pub struct Picker {
    pub title: String,
    pub field: Field,
    items: Vec<Item>,
    /// What matches, best first: index and the matching characters of the label.
    matches: Vec<(usize, Vec<u32>)>,
    cursor: usize,
    free: Option<Free>,
    /// Texts that mean themselves, also where something in the list matches them.
    literal: Option<fn(&str) -> bool>,
    /// What can be typed, shown as long as nothing is.
    hint: &'static str,
}

/// What became of a picker.
#[derive(Debug)]
pub enum Picked {
    Open,
    Cancelled,
    Chosen(Vec<Step>),
}

impl fmt::Debug for Picker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picker")
            .field("title", &self.title)
            .field("items", &self.items)
            .finish_non_exhaustive()
    }
}

impl Picker {
    pub fn new(title: &str, items: Vec<Item>) -> Self {
        let mut picker = Self {
            title: title.to_owned(),
            field: Field::default(),
            items,
            matches: Vec::new(),
            cursor: 0,
            free: None,
            literal: None,
            hint: "",
        };
        picker.search();
        picker
    }

    /// Accepts what is typed, too, where nothing matches it.
    pub fn or_typed(mut self, free: Free) -> Self {
        self.free = Some(free);
        self
    }

    /// As [`Self::or_typed`]; of such a text not even what matches it in the list is meant, and an item
    /// that is called so means what typing it would.
    pub fn literally(mut self, literal: fn(&str) -> bool) -> Self {
        self.literal = Some(literal);
        self
    }

    /// Says what can be typed, as long as nothing is.
    pub fn hinting(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// Puts the cursor on the item at `index`.
    pub fn at(mut self, index: usize) -> Self {
        self.cursor = index.min(self.matches.len().saturating_sub(1));
        self
    }

    pub fn key(&mut self, key: Key, now: Instant) -> Picked {
        match self.field.key(key) {
            Typed::Changed => self.search(),
            Typed::Down | Typed::Next => {
                self.cursor = (self.cursor + 1) % self.matches.len().max(1);
            }
            Typed::Up | Typed::Previous => {
                let len = self.matches.len().max(1);
                self.cursor = (self.cursor + len - 1) % len;
            }
            Typed::Same => {}
            Typed::Cancel => return Picked::Cancelled,
            Typed::Accept => {
                let text = self.field.text().trim();
                let is_literal = self.literal.is_some_and(|is| is(text));
                let index = self.matches.get(self.cursor).map(|(i, _)| *i);
                let index = index.filter(|_| !is_literal);
                let chosen = index.and_then(|i| self.items.get_mut(i));
                return match (chosen, &self.free) {
                    (Some(item), Some(free)) if self.literal.is_some_and(|is| is(&item.label)) => {
                        Picked::Chosen(free(&item.label, now))
                    }
                    (Some(item), _) => Picked::Chosen(std::mem::take(&mut item.then)),
                    (None, Some(free)) if !self.field.text().trim().is_empty() => {
                        Picked::Chosen(free(self.field.text().trim(), now))
                    }
                    _ => Picked::Open,
                };
            }
        }
        Picked::Open
    }

    pub fn paste(&mut self, text: &str) {
        self.field.paste(text);
        self.search();
    }

    fn search(&mut self) {
        self.cursor = 0;
        let text = self.field.text();
        if text.is_empty() {
            self.matches = (0..self.items.len()).map(|i| (i, Vec::new())).collect();
            return;
        }
        let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut found: Vec<(u32, usize, Vec<u32>)> = Vec::new();
        for (i, item) in self.items.iter().enumerate() {
            let mut hits = Vec::new();
            let label = Utf32Str::new(&item.label, &mut buffer);
            // A hit in the label counts more than one in its explanation.
            let score = pattern.indices(label, &mut matcher, &mut hits).map(|s| s + 1_000);
            let score = score.or_else(|| {
                hits.clear();
                pattern.score(Utf32Str::new(&item.detail, &mut buffer), &mut matcher)
            });
            if let Some(score) = score {
                hits.sort_unstable();
                hits.dedup();
                found.push((score, i, hits));
            }
        }
        found.sort_by_key(|(score, i, _)| (std::cmp::Reverse(*score), *i));
        self.matches = found.into_iter().map(|(_, i, hits)| (i, hits)).collect();
    }

    /// The area that it wants within `screen`.
    pub fn area(&self, screen: Rect) -> Rect {
        let widest = |text: fn(&Item) -> &str| self.items.iter().map(|i| width(text(i))).max();
        let (label, detail) = (widest(|i| &i.label), widest(|i| &i.detail));
        // Both columns, the gap between them, the air around them, the border.
        let w = (label.unwrap_or(0).saturating_add(detail.unwrap_or(0)).saturating_add(7))
            .clamp(44, 84);
        let h = u16::try_from(self.items.len()).unwrap_or(u16::MAX).saturating_add(4).clamp(6, 20);
        super::super::screens::centred(screen, w, h)
    }

    pub fn paint(&self, paint: &mut Paint<'_>, screen: Rect) {
        let area = self.area(screen);
        paint.fill(area, Role::Overlay);
        let title = [(self.title.as_str(), paint.of(Role::Title))];
        let inner = paint.panel(area, &title, true);
        let field =
            Rect { height: 1, x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        self.field.paint(paint, field, true);
        if self.field.text().is_empty() {
            let room = field.width.saturating_sub(2);
            let style = paint.of(Role::Field).patch(paint.of(Role::Faint));
            paint.text(field.x + 2, field.y, room, self.hint, style);
        }
        let rows = usize::from(inner.height.saturating_sub(2));
        let first = self.cursor.saturating_sub(rows.saturating_sub(1));
        let shown = self.matches.iter().enumerate().skip(first).take(rows);
        let label_width = self
            .items
            .iter()
            .map(|i| width(&i.label))
            .max()
            .unwrap_or(0)
            .min(inner.width.saturating_sub(6));
        for ((index, (item, hits)), y) in shown.zip(inner.y + 2..) {
            let Some(item) = self.items.get(*item) else { continue };
            let line = Rect::new(inner.x, y, inner.width, 1);
            if hits.is_empty() {
                paint.put(inner.x + 2, y, label_width, &item.label, Role::Text);
            } else {
                highlight(paint, inner.x + 2, y, label_width, &item.label, hits);
            }
            let x = inner.x + 4 + label_width;
            let rest = inner.right().saturating_sub(x + 1);
            paint.put(x, y, rest, &item.detail, Role::Muted);
            if index == self.cursor {
                paint.select(line, Role::Selection);
                paint.cell(inner.x, y, paint.theme.symbols.bar, paint.of(Role::Bar));
            }
        }
        if self.matches.is_empty() {
            let text =
                if self.free.is_some() { "Enter takes what is typed" } else { "nothing matches" };
            paint.put(inner.x + 2, inner.y + 2, inner.width.saturating_sub(3), text, Role::Muted);
        }
        let note = format!("{}/{}", self.matches.len(), self.items.len());
        paint.note(area, &note, paint.of(Role::Muted));
    }
}

fn highlight(paint: &mut Paint<'_>, x: u16, y: u16, max: u16, label: &str, hits: &[u32]) {
    let mut used = 0;
    for (i, c) in label.chars().enumerate() {
        let hit = u32::try_from(i).is_ok_and(|i| hits.binary_search(&i).is_ok());
        let role = if hit { Role::Found } else { Role::Text };
        if used >= max {
            break;
        }
        used += paint.put(x + used, y, max - used, c.encode_utf8(&mut [0; 4]), role);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::screens::Place;
    use crate::ui::terminal::KeyCode;

    fn now() -> Instant {
        "2026-11-27T13:00:00Z".parse().unwrap()
    }

    fn items() -> Vec<Item> {
        ["acknowledge", "assign", "messages"]
            .iter()
            .map(|l| Item {
                label: (*l).to_owned(),
                detail: String::new(),
                then: vec![Step::Go(Place::Health)],
            })
            .collect()
    }

    fn press(picker: &mut Picker, keys: &str) -> Picked {
        keys.split_whitespace().fold(Picked::Open, |_, k| picker.key(k.parse().unwrap(), now()))
    }

    #[test]
    fn typing_narrows_the_list_by_letters_in_order() {
        let mut picker = Picker::new("do", items());
        press(&mut picker, "m s g");
        let shown: Vec<_> = picker.matches.iter().map(|(i, _)| *i).collect();
        assert_eq!(shown, [2]);
        assert!(matches!(press(&mut picker, "Enter"), Picked::Chosen(steps) if steps.len() == 1));
    }

    #[test]
    fn what_is_not_in_the_list_is_taken_only_where_that_is_allowed() {
        let mut strict = Picker::new("to", items());
        assert!(matches!(press(&mut strict, "z z Enter"), Picked::Open));
        let mut free = Picker::new("to", items()).or_typed(Box::new(|_, _| Vec::new()));
        assert!(matches!(press(&mut free, "z z Enter"), Picked::Chosen(_)));
        assert!(matches!(free.key(Key::plain(KeyCode::Esc), now()), Picked::Cancelled));
    }
}
