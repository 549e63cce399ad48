//! A position in a text that is longer than its window.

use crate::ui::keymap::Action;

/// The first line in view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scroll(pub usize);

impl Scroll {
    /// Moves as an action says; whether it was a move at all. `len` lines, `height` in view.
    pub fn act(&mut self, action: Action, len: usize, height: usize) -> bool {
        let last = len.saturating_sub(height);
        let page = height.saturating_sub(1).max(1);
        self.0 = match action {
            Action::Down => self.0 + 1,
            Action::Up => self.0.saturating_sub(1),
            Action::PageDown => self.0 + page,
            Action::PageUp => self.0.saturating_sub(page),
            Action::HalfDown => self.0 + page.div_ceil(2),
            Action::HalfUp => self.0.saturating_sub(page.div_ceil(2)),
            Action::Top => 0,
            Action::Bottom => last,
            _ => return false,
        }
        .min(last);
        true
    }
}

/// By how many rows a move action moves, in a list with `height` rows in view; `None` if it is no
/// move by rows.
pub fn rows(action: Action, height: usize) -> Option<isize> {
    let page = isize::try_from(height.saturating_sub(1).max(1)).unwrap_or(1);
    Some(match action {
        Action::Down => 1,
        Action::Up => -1,
        Action::PageDown => page,
        Action::PageUp => -page,
        Action::HalfDown => (page + 1) / 2,
        Action::HalfUp => -(page + 1) / 2,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrolling_stays_within_the_text() {
        let mut at = Scroll::default();
        assert!(at.act(Action::Up, 50, 10));
        assert_eq!(at, Scroll(0));
        assert!(at.act(Action::Bottom, 50, 10) && at.act(Action::Down, 50, 10));
        assert_eq!(at, Scroll(40));
        assert!(!at.act(Action::Help, 50, 10));
        assert!(at.act(Action::Down, 5, 10));
        assert_eq!(at, Scroll(0), "a text that shrank");
    }
}
