//! atalaya: the operations console of an operation-and-maintenance service, in a terminal.
//!
//! The rooms, and the one direction in which they may be entered:
//!
//! ```text
//! main ─► cli ─► ui, engine, sources, store, notify, config ─► domain
//! ```
//!
//! * [`domain`]: plain data and plain functions; `now` is an argument, nothing here does I/O.
//! * [`engine`]: the pure core (`decide`, `evolve`, `react`), the runtime that feeds it and carries
//!   its effects out, and the snapshots that everyone else reads.
//! * [`sources`]: one file per upstream, and the supervisor that polls them all.
//! * [`store`]: the event log and its projections, on SQLite or PostgreSQL.
//! * [`notify`]: the channels by which a person is told.
//! * [`config`]: the file as typed data, with errors that point at the place.
//! * [`ui`]: the full-screen console.
//! * [`cli`]: the subcommands.

pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod notify;
pub mod sources;
pub mod store;
pub mod ui;
