//! Where the engine takes its time from.

use std::time::Duration;

use chrono::Utc;
use futures::future::BoxFuture;

use crate::domain::time::Instant;

/// A clock that ticks once a second.
pub trait Clock: Send + Sync + 'static {
    /// What time it is.
    fn now(&self) -> Instant;

    /// Completes at the next full second.
    fn tick(&self) -> BoxFuture<'static, ()>;
}

/// This machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Utc::now()
    }

    fn tick(&self) -> BoxFuture<'static, ()> {
        let past = u64::from(Utc::now().timestamp_subsec_millis()) % 1_000;
        Box::pin(tokio::time::sleep(Duration::from_millis(1_000 - past)))
    }
}
