//! The pieces that screens are built from. Each draws into the buffer directly and only what is in
//! view; text is cut by grapheme.

pub mod chart;
pub mod field;
pub mod form;
pub mod gantt;
pub mod paint;
pub mod picker;
pub mod scroll;
pub mod spark;
pub mod table;

pub use chart::Chart;
pub use field::{Field, Typed};
pub use form::{Form, FormField};
pub use paint::{Paint, Piece, fit, split, width};
pub use picker::{Item, Picker};
pub use scroll::Scroll;
pub use table::{Align, Column, Cursor, Table};
