//! What the terminal can tell us: keys, pastes, and everything else that arrives while we draw.

use std::fmt;
use std::str::FromStr;

use ratatui::layout::Size;

/// A key with its modifiers.
///
/// A character carries its own Shift (`U`, never Shift-`u`); with Ctrl, letters are lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub code: KeyCode,
    pub mods: Mods,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyCode {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Insert,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    /// Function key, from 1.
    F(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Mods {
    pub ctrl: bool,
    pub alt: bool,
    pub shift: bool,
}

/// What the app receives, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputEvent {
    Key(Key),
    /// Pasted text: no control characters but `\n`, at most [`super::MAX_PASTE`] characters.
    Paste(String),
    /// Only after [`super::Tui::set_mouse`].
    Mouse(Mouse),
    /// The terminal window got or lost the focus, where the terminal tells.
    Focus(bool),
    /// The new size in cells, at least 1×1. [`super::Tui::draw`] already knows it.
    Resize(Size),
    /// The terminal's background turned out, or changed, to be that.
    Background(Background),
    /// Ctrl-Z or SIGTSTP: call [`super::Tui::suspend`].
    Suspend,
    /// Continued after a stop from outside: call [`super::Tui::take_again`], then draw.
    Continued,
    /// Leave now, with that exit code. Whoever does not is ended after half a second.
    Leave(Leave),
}

/// Why the program has to end without being asked by `q`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The terminal is gone, or SIGHUP.
    HangUp,
    /// Ctrl-C or SIGINT.
    Interrupt,
    /// SIGQUIT.
    Quit,
    /// SIGTERM.
    Terminate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    Dark,
    Light,
}

/// A mouse report; cells count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mouse {
    pub kind: MouseKind,
    pub x: u16,
    pub y: u16,
    pub mods: Mods,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseKind {
    /// 0 left, 1 middle, 2 right.
    Down(u8),
    Up(u8),
    Drag(u8),
    ScrollUp,
    ScrollDown,
}

impl Leave {
    /// The exit code: 128 + the signal's number, as a shell reports it.
    pub fn code(self) -> u8 {
        match self {
            Self::HangUp => 129,
            Self::Interrupt => 130,
            Self::Quit => 131,
            Self::Terminate => 143,
        }
    }
}

impl Mods {
    pub const NONE: Self = Self { ctrl: false, alt: false, shift: false };
    pub const CTRL: Self = Self { ctrl: true, alt: false, shift: false };
    pub const ALT: Self = Self { ctrl: false, alt: true, shift: false };
}

impl Key {
    /// A key as it is kept: see the rules at [`Key`].
    pub fn new(code: KeyCode, mods: Mods) -> Self {
        match code {
            KeyCode::Char(c) => {
                let c = match (mods.ctrl, mods.shift) {
                    (true, _) => c.to_ascii_lowercase(),
                    (false, true) => c.to_ascii_uppercase(),
                    (false, false) => c,
                };
                Self { code: KeyCode::Char(c), mods: Mods { shift: false, ..mods } }
            }
            KeyCode::Tab if mods.shift => {
                Self { code: KeyCode::BackTab, mods: Mods { shift: false, ..mods } }
            }
            KeyCode::BackTab => Self { code, mods: Mods { shift: false, ..mods } },
            _ => Self { code, mods },
        }
    }

    /// A key without modifiers.
    pub fn plain(code: KeyCode) -> Self {
        Self { code, mods: Mods::NONE }
    }

    /// A typed character.
    pub fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// The character that it types into a field, if it types one.
    pub fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.mods.ctrl && !self.mods.alt => Some(c),
            _ => None,
        }
    }
}

const NAMES: [(&str, KeyCode); 15] = [
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("BackTab", KeyCode::BackTab),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Insert", KeyCode::Insert),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PageUp", KeyCode::PageUp),
    ("PageDown", KeyCode::PageDown),
];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in
            [(self.mods.ctrl, "Ctrl-"), (self.mods.alt, "Alt-"), (self.mods.shift, "Shift-")]
        {
            if held {
                f.write_str(name)?;
            }
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            code => {
                let name = NAMES.iter().find(|(_, c)| *c == code).map(|(name, _)| *name);
                f.write_str(name.unwrap_or("?"))
            }
        }
    }
}

impl FromStr for Key {
    type Err = String;

    /// `a`, `U`, `Space`, `Enter`, `F1`, `Ctrl-d`, `Alt-x`, `Shift-Up`; names in any case.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} is not a key; write it as a, U, Space, Enter, PageUp, F1 or Ctrl-d")
        };
        let mut rest = text;
        let mut mods = Mods::NONE;
        while let Some((prefix, tail)) = rest.split_once('-').filter(|(_, tail)| !tail.is_empty()) {
            match prefix.to_ascii_lowercase().as_str() {
                "ctrl" => mods.ctrl = true,
                "alt" => mods.alt = true,
                "shift" => mods.shift = true,
                _ => return Err(wrong()),
            }
            rest = tail;
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() => KeyCode::Char(c),
            _ if rest.eq_ignore_ascii_case("space") => KeyCode::Char(' '),
            (Some('F' | 'f'), Some('0'..='9')) => {
                let n = rest.get(1..).and_then(|n| n.parse().ok()).filter(|n| (1..=24).contains(n));
                KeyCode::F(n.ok_or_else(wrong)?)
            }
            _ => {
                let named = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(rest));
                named.map(|(_, code)| *code).ok_or_else(wrong)?
            }
        };
        Ok(Self::new(code, mods))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a")]
    #[case("U")]
    #[case("-")]
    #[case("Space")]
    #[case("Enter")]
    #[case("F12")]
    #[case("Ctrl-d")]
    #[case("Ctrl--")]
    #[case("Alt-x")]
    #[case("Shift-Up")]
    #[case("BackTab")]
    #[case("Ctrl-Alt-Delete")]
    fn a_key_reads_as_it_is_written(#[case] text: &str) {
        assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
    }

    #[rstest]
    #[case("Shift-u", "U")]
    #[case("Shift-Tab", "BackTab")]
    #[case("ctrl-D", "Ctrl-d")]
    #[case("pageup", "PageUp")]
    fn different_spellings_are_one_key(#[case] given: &str, #[case] expect: &str) {
        assert_eq!(given.parse::<Key>().unwrap().to_string(), expect);
    }

    #[rstest]
    #[case("")]
    #[case("Hyper-x")]
    #[case("F0")]
    #[case("F99")]
    #[case("Ctrl-")]
    #[case("\u{1b}")]
    fn what_is_no_key_is_refused_with_examples(#[case] text: &str) {
        assert!(text.parse::<Key>().unwrap_err().contains("write it as"));
    }
}
