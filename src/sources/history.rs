//! The past of a signal, asked for when somebody looks at it: beside the polls, never in their way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Semaphore;

use super::{SourceError, hygiene};
use crate::domain::observation::SourceName;
use crate::domain::time::{Instant, Stretch};

/// How many are asked for at the same time.
const CONCURRENT: usize = 4;

/// Values, oldest first.
pub type Points = Vec<(Instant, f64)>;

/// A source that remembers.
pub trait History: Send + Sync {
    /// The values of a signal's `query` in that stretch.
    fn past<'a>(
        &'a self,
        query: &'a str,
        stretch: Stretch,
    ) -> BoxFuture<'a, Result<Points, SourceError>>;
}

/// The sources that remember, by name; cheap to clone, and always those that the supervisor runs.
#[derive(Clone)]
pub struct Histories {
    known: Arc<Mutex<BTreeMap<SourceName, Known>>>,
    slots: Arc<Semaphore>,
}

#[derive(Clone)]
struct Known {
    history: Arc<dyn History>,
    timeout: Duration,
}

impl Default for Histories {
    fn default() -> Self {
        let slots = Arc::new(Semaphore::new(CONCURRENT));
        Self { known: Arc::default(), slots }
    }
}

impl Histories {
    /// Asks a source for the past of a signal; `None` where it has none, or is not there.
    ///
    /// # Errors
    /// It has one and gives no usable answer within its time-out.
    pub async fn past(
        &self,
        source: &str,
        query: &str,
        stretch: Stretch,
    ) -> Result<Option<Points>, SourceError> {
        let known = self.with(|all| all.get(source).cloned());
        let Some(Known { history, timeout }) = known else { return Ok(None) };
        let Ok(_slot) = self.slots.acquire().await else { return Ok(None) };
        match tokio::time::timeout(timeout, history.past(query, stretch)).await {
            Ok(points) => points.map(|mut points| {
                points.retain(|p| hygiene::is_plausible(p.0, stretch.to));
                Some(points)
            }),
            Err(_) => Err(SourceError::TimedOut(timeout)),
        }
    }

    pub(super) fn insert(&self, name: SourceName, history: Arc<dyn History>, timeout: Duration) {
        self.with(|all| all.insert(name, Known { history, timeout }));
    }

    pub(super) fn remove(&self, name: &SourceName) {
        self.with(|all| all.remove(name));
    }

    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<SourceName, Known>) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
