//! One folder per tab.

pub mod incidents;
