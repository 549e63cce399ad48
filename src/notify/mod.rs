//! The channels by which a person is told.
