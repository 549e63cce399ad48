//! What happens when the world is unkind: killed processes, full disks, damaged files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod agent;
mod calendar;
mod contract;
mod import;
mod kill;
mod mirror;
mod objectives;
mod orders;
mod page;
mod pagerduty;
mod store;
mod upstream;
