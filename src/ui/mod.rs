//! The full-screen console.
//!
//! [`app`] holds the model and its pure `update`; [`run`] joins it to a terminal and to the engine;
//! [`keymap`] is the one table of actions; [`theme`] gives colours their meaning; [`screens`] has
//! one folder per tab, built from [`widgets`].

pub mod keymap;
pub mod terminal;
pub mod theme;
