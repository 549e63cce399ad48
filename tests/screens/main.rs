//! The screens before the real core: what keys do, and how it looks.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod calendar;
mod clocks;
mod frame;
mod health;
mod incidents;
mod noc;
mod oncall;
mod paging;
mod reports;
mod run;
mod silences;
mod sla;
mod support;
