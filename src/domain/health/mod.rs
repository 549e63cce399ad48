//! Services, their signals, and how well they are.

pub mod catalogue;
pub mod dependencies;
mod model;
pub mod rollup;
pub mod signal;

pub use catalogue::Catalogue;
pub use model::*;
