//! All services that are known, and how they hang together.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use super::dependencies::Dependencies;
use super::model::{Service, ServiceId};

/// The services in their order. What follows from them is made once and kept as long as they stay the
/// same.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    services: Vec<Arc<Service>>,
    places: BTreeMap<ServiceId, usize>,
    /// By place: the place of what it is a part of.
    pub parents: Vec<Option<usize>>,
    pub dependencies: Dependencies,
}

impl Catalogue {
    /// Of two services with one id the first counts.
    pub fn new(services: impl IntoIterator<Item = Arc<Service>>) -> Self {
        let mut places = BTreeMap::new();
        let mut known: Vec<Arc<Service>> = Vec::new();
        for service in services {
            places.entry(service.id.clone()).or_insert_with(|| {
                known.push(service);
                known.len() - 1
            });
        }
        let place = |id: &ServiceId| places.get(id).copied();
        let parents = known.iter().map(|s| s.parent.as_ref().and_then(place)).collect();
        let needs = |s: &Arc<Service>| s.depends_on.iter().filter_map(place).collect();
        let needs: Vec<Vec<usize>> = known.iter().map(needs).collect();
        let dependencies = Dependencies::new(&needs);
        Self { services: known, places, parents, dependencies }
    }

    /// Where the service of that id stands.
    pub fn place(&self, id: &ServiceId) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// The service of that id.
    pub fn of(&self, id: &ServiceId) -> Option<&Arc<Service>> {
        self.services.get(self.place(id)?)
    }

    pub fn places(&self) -> &BTreeMap<ServiceId, usize> {
        &self.places
    }
}

impl Deref for Catalogue {
    type Target = [Arc<Service>];

    fn deref(&self) -> &[Arc<Service>] {
        &self.services
    }
}
