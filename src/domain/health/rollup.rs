//! From signals and incidents to the state of services, and from dependencies to the likely cause.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::model::{Service, ServiceId, State};
use super::signal::Track;
use crate::domain::incident::IncidentId;
use crate::domain::time::Instant;

/// One service as the screens show it.
#[derive(Debug, Clone)]
pub struct ServiceHealth {
    pub service: Arc<Service>,
    pub state: State,
    pub since: Instant,
    pub signals: Vec<Arc<Track>>,
    /// Open incidents of it, most urgent first.
    pub incidents: Vec<IncidentId>,
    /// Why it is in this state, in a few words: the worst signal, incident or child.
    pub reason: String,
    /// The deepest red service that it depends on.
    pub impacted_by: Option<ServiceId>,
    /// It is red, nothing below it is, and others suffer from it.
    pub likely_cause: bool,
    /// The newest value of any of its signals.
    pub observed_at: Option<Instant>,
    /// Some of its sources cannot be reached, or its values are old.
    pub stale: bool,
}

/// All services, in the order of the plan.
#[derive(Debug, Clone, Default)]
pub struct Health {
    pub services: Vec<Arc<ServiceHealth>>,
    pub index: BTreeMap<ServiceId, usize>,
}

impl Health {
    pub fn get(&self, id: &ServiceId) -> Option<&Arc<ServiceHealth>> {
        self.index.get(id).and_then(|i| self.services.get(*i))
    }

    /// How many services are in `state`.
    pub fn count(&self, state: State) -> usize {
        self.services.iter().filter(|s| s.state == state).count()
    }
}
