//! The full-screen console.

pub mod screens;
