//! The real binary in a real pseudo-terminal: that it gives the terminal back as it found it,
//! whatever ends it, and never types what nobody typed.
//!
//! All that these tests rely on: the full screen shows `atalaya`, `q` quits with 0, `?` changes
//! something on the screen.

// The harness is test code throughout; clippy only recognises the test functions.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod harness;

mod endings;
mod hang_up;
mod input;
mod jobs;
mod layer;
mod measure;
mod output;
mod pager;
