//! The full-screen console.
//!
//! [`app`] holds the model and its pure `update`; [`run`] joins it to a terminal and to the engine;
//! [`keymap`] is the one table of actions; [`theme`] gives colours their meaning; [`screens`] has
//! one folder per tab, built from [`widgets`].

pub mod app;
pub mod cmd;
mod drafts;
pub mod frame;
pub mod keymap;
pub mod overlay;
pub mod run;
pub mod screens;
pub mod terminal;
pub mod theme;
pub mod widgets;

pub use app::{Model, Msg, Prefs, Settings, Tab, update};
pub use cmd::{Cmd, RangeAnswer, RangeAsk};
pub use run::{Outside, Pending, run};
