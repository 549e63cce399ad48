//! The config file as typed data.
