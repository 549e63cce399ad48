//! The terminal: what it can tell us and what it can show.

mod key;

pub use key::{Background, InputEvent, Key, KeyCode, Leave, Mods, Mouse, MouseKind};

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Depth {
    Off,
    C8,
    C16,
    C256,
    #[default]
    All,
}

/// Which characters it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Glyphs {
    #[default]
    Unicode,
    Ascii,
}
