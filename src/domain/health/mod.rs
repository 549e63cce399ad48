//! Services, their signals, and how well they are.

mod model;
pub mod rollup;
pub mod signal;

pub use model::*;
