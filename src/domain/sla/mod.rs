//! Service levels: what was agreed, and whether it is kept.

pub mod availability;
pub mod ratio;

pub use availability::{Availability, Exclusion, NoData, Observed, availability};
pub use ratio::Ratio;
