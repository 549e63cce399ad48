//! Where the engine takes its time from.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::Utc;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;

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

/// A clock that stands still until it is told that a second has passed: for tests.
#[derive(Debug)]
pub struct HandClock {
    now: Mutex<Instant>,
    ticks: Arc<Semaphore>,
}

impl HandClock {
    /// It starts at `now`.
    pub fn at(now: Instant) -> Arc<Self> {
        Arc::new(Self { now: Mutex::new(now), ticks: Arc::new(Semaphore::new(0)) })
    }

    /// One second passes, and there is one tick.
    pub fn second(&self) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) += Duration::from_secs(1);
        self.ticks.add_permits(1);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) -> BoxFuture<'static, ()> {
        let ticks = Arc::clone(&self.ticks);
        Box::pin(async move {
            if let Ok(permit) = ticks.acquire_owned().await {
                permit.forget();
            }
        })
    }
}
