//! The sections of the file, one reader each.

pub mod console;
pub mod policy;
pub mod service;
pub mod site;
pub mod source;
