//! A thread that waits by itself, for news and for instants.
//!
//! A runtime's timer wakes its thread twice for a wait of more than some milliseconds, and may wake
//! a second thread to take over; an idle console would do little else. A thread with one future to
//! run needs no more than to park until it is woken or the next instant has come.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

/// Runs a future on this thread until it is done. What it awaits may be woken from anywhere; its
/// instants come from the timer that it is given.
pub fn block_on<F: Future>(run: impl FnOnce(Timer) -> F) -> F::Output {
    let timer = Timer::default();
    let mut future = pin!(run(timer.clone()));
    let unpark = Arc::new(Unpark { thread: thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&unpark));
    let mut context = Context::from_waker(&waker);
    loop {
        timer.next.set(None);
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        unpark.wait(timer.next.get());
    }
}

/// Tells the instants for which a thread waits. It cannot leave its thread.
#[derive(Debug, Clone, Default)]
pub struct Timer {
    /// The earliest of the instants that were waited for when the future was last polled.
    next: Rc<Cell<Option<Instant>>>,
}

impl Timer {
    /// Completes at an instant. Only what is polled whenever its thread wakes is told in time: a
    /// branch of `select!` is, what keeps wakers of its own (as `FuturesUnordered`) is not.
    pub async fn until(self, at: Instant) {
        poll_fn(|_| {
            if at <= Instant::now() {
                return Poll::Ready(());
            }
            self.next.set(Some(self.next.get().map_or(at, |next| next.min(at))));
            Poll::Pending
        })
        .await;
    }
}

struct Unpark {
    thread: Thread,
    /// Parking has one token for the whole thread, which other code may take. This is ours.
    woken: AtomicBool,
}

impl Unpark {
    /// Waits until it is woken or the instant has come.
    fn wait(&self, until: Option<Instant>) {
        while !self.woken.swap(false, Ordering::Acquire) {
            let Some(until) = until else {
                thread::park();
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::park_timeout(left);
        }
    }
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::mpsc;

    #[test]
    fn the_earlier_of_two_instants_comes_first() {
        let first = block_on(|timer| async move {
            let now = Instant::now();
            tokio::select! {
                () = timer.clone().until(now + Duration::from_mins(1)) => "later",
                () = timer.until(now + Duration::from_millis(5)) => "sooner",
            }
        });
        assert_eq!(first, "sooner");
    }

    #[test]
    fn news_from_another_thread_comes_before_an_instant_that_is_far() {
        let (send, mut receive) = mpsc::channel(1);
        let sender = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            send.blocking_send(7).unwrap();
        });
        let got = block_on(|timer| async move {
            let far = Instant::now() + Duration::from_mins(1);
            tokio::select! {
                got = receive.recv() => got,
                () = timer.until(far) => None,
            }
        });
        sender.join().unwrap();
        assert_eq!(got, Some(7));
    }

    #[test]
    fn a_token_that_other_code_takes_loses_no_news() {
        let (send, mut receive) = mpsc::channel(1);
        let got = block_on(|_| async move {
            let mut pending = pin!(receive.recv());
            let mut polled = false;
            poll_fn(move |context| {
                let poll = pending.as_mut().poll(context);
                if !polled {
                    polled = true;
                    let send = send.clone();
                    thread::spawn(move || send.blocking_send(7)).join().unwrap().unwrap();
                    // As a blocking call inside a poll would.
                    thread::park();
                }
                poll
            })
            .await
        });
        assert_eq!(got, Some(7));
    }
}
