//! The sections of the file, one reader each.

pub mod agent;
pub mod channel;
pub mod console;
pub mod contract;
pub mod escalation;
pub mod hours;
pub mod person;
pub mod policy;
pub mod report;
pub mod schedule;
pub mod service;
pub mod site;
pub mod slo;
pub mod source;
pub mod window;
