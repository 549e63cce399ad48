//! Sources and the store against the real thing: servers, programs and disks that the tests start by
//! themselves, on free ports or sockets. Where one is not installed its test prints `SKIPPED` and
//! why; under `CI=true` that is a failure.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

// The terminal tests use all of it.
#[allow(dead_code)]
#[path = "../pty/harness.rs"]
mod harness;

mod alertmanager;
mod calendar;
mod command;
mod document;
mod host;
mod icinga2;
mod init;
mod main_job;
mod mirror;
mod notify;
mod orders;
mod page;
mod postgres;
mod probe;
mod prometheus;
mod slo;
mod support;
mod upload;
