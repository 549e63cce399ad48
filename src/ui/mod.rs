//! The full-screen console.

pub mod terminal;
