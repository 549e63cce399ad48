//! The past of a signal, asked for when somebody looks at it: beside the polls, never in their way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Semaphore;

use super::http_client::Clients;
use super::settings::SourceSettings;
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

    /// As [`Self::past`], of each series that a query gives.
    fn several<'a>(
        &'a self,
        query: &'a str,
        stretch: Stretch,
    ) -> BoxFuture<'a, Result<Several, SourceError>> {
        Box::pin(async move {
            let points = self.past(query, stretch).await?;
            Ok(if points.is_empty() { Several::new() } else { vec![(BTreeMap::new(), points)] })
        })
    }

    /// Whether its queries are PromQL, so that several can be asked as one.
    fn is_promql(&self) -> bool {
        false
    }
}

/// Series with their labels.
pub type Several = Vec<(BTreeMap<String, String>, Points)>;

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

    /// As [`Self::past`], of each series that a query gives.
    ///
    /// # Errors
    /// It has one and gives no usable answer within its time-out.
    pub async fn several(
        &self,
        source: &str,
        query: &str,
        stretch: Stretch,
    ) -> Result<Option<Several>, SourceError> {
        let known = self.with(|all| all.get(source).cloned());
        let Some(Known { history, timeout }) = known else { return Ok(None) };
        let Ok(_slot) = self.slots.acquire().await else { return Ok(None) };
        match tokio::time::timeout(timeout, history.several(query, stretch)).await {
            Ok(series) => series.map(|mut series| {
                let plausible = |p: &(Instant, f64)| hygiene::is_plausible(p.0, stretch.to);
                for (_, points) in &mut series {
                    points.retain(plausible);
                }
                Some(series)
            }),
            Err(_) => Err(SourceError::TimedOut(timeout)),
        }
    }

    /// Whether a source that remembers is there.
    pub fn has(&self, source: &str) -> bool {
        self.with(|all| all.contains_key(source))
    }

    /// Whether a source's queries are PromQL; `None`: it has no past, or is not there.
    pub fn is_promql(&self, source: &str) -> Option<bool> {
        self.with(|all| all.get(source).map(|known| known.history.is_promql()))
    }

    /// Those of sources that nobody polls: for a single question.
    pub fn of(sources: &[SourceSettings]) -> Self {
        let (histories, clients) = (Self::default(), Clients::default());
        for source in sources {
            if let Some(history) = super::registry(source, false, &clients).history() {
                histories.insert(source.name.clone(), history, source.timeout);
            }
        }
        histories
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
