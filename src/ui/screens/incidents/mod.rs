//! The incident queue.
#[cfg(test)]
mod fixture;
pub mod index;
pub mod list;
