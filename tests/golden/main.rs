//! Published inputs and outputs, as data files; and the shape of the house.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod calendar;
mod cli;
mod clocks;
mod config;
mod metrics;
mod oncall;
mod page;
mod readme;
mod recurrence;
mod report;
mod rooms;
mod slo;
