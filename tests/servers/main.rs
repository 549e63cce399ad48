//! Sources against the real thing: servers, programs and disks that the tests start by themselves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod command;
mod host;
mod probe;
