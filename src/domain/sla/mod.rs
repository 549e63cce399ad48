//! Service levels: what was agreed, and whether it is kept.

pub mod attainment;
pub mod availability;
pub mod clock;
pub mod contract;
pub mod credits;
pub mod due;
pub mod hours;
pub mod incident;
pub mod marks;
pub mod ratio;
#[cfg(test)]
mod tests;

pub use availability::{Availability, Exclusion, NoData, Observed, availability};
pub use ratio::{LEAST_KNOWN, Ratio, WHOLE_PPM};
