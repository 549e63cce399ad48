//! The terminal: taken over, drawn on, listened to, and put back, whatever happens.
//!
//! ```text
//!  tty ──bytes──► input (thread: poll, signals) ──InputEvent──► the app
//!   ▲               └ parser, capabilities                        │
//!   └─one write a frame── surface ◄── ratatui ◄── Tui::draw ──────┘
//! ```
//!
//! [`Terminal::take_over`] gives a [`Tui`] to draw with and a channel of [`InputEvent`]s;
//! [`Terminal::headless`] gives the same without a terminal. Modes and termios are held by one
//! `Session`, which restores them exactly once: when the `Tui` is dropped, from the panic hook, or
//! from the watchdog that ends a program which does not answer [`InputEvent::Leave`].

mod capabilities;
mod clipboard;
mod colour;
mod headless;
mod input;
mod key;
mod links;
mod parser;
pub mod sequence;
mod session;
mod surface;
mod terminfo;
mod tui;

pub use capabilities::{Capabilities, Glyphs, Multiplexer, NotifyBy};
pub use colour::Depth;
pub use headless::Headless;
pub use key::{Background, InputEvent, Key, KeyCode, Leave, Mods, Mouse, MouseKind};
pub use links::Links;
pub use parser::MAX_PASTE;
pub use tui::{Options, Terminal, Tui};
