//! Reports: shift handovers and service reports.
//!
//! A report is a [`document`] of sections, figures, tables and charts, in which every figure names the records
//! that it counts. [`render`] writes it in four formats and every language of [`words`].

pub mod book;
pub mod document;
pub mod event;
pub mod handover;
pub mod levels;
pub mod periodic;
pub mod render;
pub mod service;
pub mod show;
#[cfg(test)]
mod tests;
pub mod words;

pub use book::{Command, Handover, Issued, Reports};
pub use document::Document;
pub use event::{Coverage, Event, HandoverId, Party, ReportId, Scope, ShiftKey, Turn};
pub use render::{Format, render};
pub use words::{Locale, Word};
