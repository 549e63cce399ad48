//! Where the engine takes its time from.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as Moment};

use chrono::Utc;
use futures::future::LocalBoxFuture;
use tokio::sync::Semaphore;

use super::park::Timer;
use crate::domain::time::{Instant, Timescale};

/// A clock that ticks once a second.
pub trait Clock: Send + Sync + 'static {
    /// What time it is.
    fn now(&self) -> Instant;

    /// Completes at the next full second.
    fn tick(&self, timer: &Timer) -> LocalBoxFuture<'static, ()>;
}

/// This machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Utc::now()
    }

    fn tick(&self, timer: &Timer) -> LocalBoxFuture<'static, ()> {
        let past = u64::from(Utc::now().timestamp_subsec_millis()) % 1_000;
        in_a_while(timer, Duration::from_millis(1_000 - past))
    }
}

fn in_a_while(timer: &Timer, wait: Duration) -> LocalBoxFuture<'static, ()> {
    Box::pin(timer.clone().until(Moment::now() + wait))
}

/// A clock whose time is made up: for the demo. However fast it runs, it ticks no more than four times
/// a second.
#[derive(Debug, Clone, Copy)]
pub struct ScaledClock(pub Timescale);

/// The least time between two ticks of a [`ScaledClock`], on this machine.
const TICK: Duration = Duration::from_millis(250);

impl Clock for ScaledClock {
    fn now(&self) -> Instant {
        self.0.at(Utc::now())
    }

    fn tick(&self, timer: &Timer) -> LocalBoxFuture<'static, ()> {
        in_a_while(timer, self.until_tick(self.now()))
    }
}

impl ScaledClock {
    /// How long it is until the next tick, on this machine.
    fn until_tick(&self, now: Instant) -> Duration {
        let past = u64::from(now.timestamp_subsec_millis()) % 1_000;
        self.0.ours(Duration::from_millis(1_000 - past)).max(TICK)
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

    fn tick(&self, _: &Timer) -> LocalBoxFuture<'static, ()> {
        let ticks = Arc::clone(&self.ticks);
        Box::pin(async move {
            if let Ok(permit) = ticks.acquire_owned().await {
                permit.forget();
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_runs_fast_ticks_four_times_a_second_at_most() {
        let start: Instant = "2026-11-24T12:00:00.250Z".parse().unwrap();
        let wait = |speed| ScaledClock(Timescale::new(start, speed)).until_tick(start);
        assert_eq!(wait(1.0), Duration::from_millis(750));
        assert_eq!(wait(2.0), Duration::from_millis(375));
        assert_eq!(wait(300.0), Duration::from_millis(250));
        assert_eq!(wait(0.1), Duration::from_millis(7_500));
    }
}
