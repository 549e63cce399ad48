//! Which services hang together: what a work on one of them does to others.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::domain::health::{Service, ServiceId};

/// What another service is to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// The one is part of it, directly or not.
    Parent,
    /// It is part of the one.
    Child,
    /// The one needs it, directly or not.
    Dependency,
    /// It needs the one.
    Dependent,
}

/// The services of a plan by what binds them.
#[derive(Debug, Clone, Default)]
pub struct Relations {
    /// In the order of [`Relation`]'s variants: the next services in that direction.
    edges: Edges,
}

type Edges = [HashMap<ServiceId, Vec<ServiceId>>; 4];

fn join(edges: &mut HashMap<ServiceId, Vec<ServiceId>>, from: &ServiceId, to: &ServiceId) {
    edges.entry(from.clone()).or_default().push(to.clone());
}

/// A service's relatives. Where one is so in two ways, the first of [`Relation`]'s order.
pub type Relatives = HashMap<ServiceId, Relation>;

const ORDER: [Relation; 4] =
    [Relation::Parent, Relation::Child, Relation::Dependency, Relation::Dependent];

impl Relations {
    pub fn new<'a>(services: impl IntoIterator<Item = &'a Arc<Service>>) -> Self {
        let mut edges = Edges::default();
        let [parents, children, dependencies, dependents] = &mut edges;
        for service in services {
            if let Some(parent) = &service.parent {
                join(parents, &service.id, parent);
                join(children, parent, &service.id);
            }
            for dependency in &service.depends_on {
                join(dependencies, &service.id, dependency);
                join(dependents, dependency, &service.id);
            }
        }
        Self { edges }
    }

    /// All relatives of a service, each followed in its one direction to the end; itself never.
    pub fn of(&self, service: &ServiceId) -> Relatives {
        let mut out = Relatives::new();
        for (relation, edges) in ORDER.into_iter().zip(&self.edges) {
            let mut seen = HashSet::from([service]);
            let mut next = VecDeque::from([service]);
            while let Some(one) = next.pop_front() {
                for further in edges.get(one).into_iter().flatten() {
                    if seen.insert(further) {
                        out.entry(further.clone()).or_insert(relation);
                        next.push_back(further);
                    }
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(id: &str, parent: Option<&str>, depends_on: &[&str]) -> Arc<Service> {
        let mut service = Service::new(id);
        service.parent = parent.map(ServiceId::new);
        service.depends_on = depends_on.iter().map(|d| ServiceId::new(d)).collect();
        Arc::new(service)
    }

    #[test]
    fn relatives_are_followed_to_the_end_and_through_circles() {
        let plan = [
            service("shop", None, &["checkout"]),
            service("checkout", Some("platform"), &["db"]),
            service("db", None, &["disk"]),
            service("disk", None, &["db"]),
            service("checkout-ui", Some("checkout"), &[]),
        ];
        let relations = Relations::new(&plan);
        let mut found: Vec<_> = relations.of(&ServiceId::new("checkout")).into_iter().collect();
        found.sort();
        let expect = [
            ("checkout-ui", Relation::Child),
            ("db", Relation::Dependency),
            ("disk", Relation::Dependency),
            ("platform", Relation::Parent),
            ("shop", Relation::Dependent),
        ];
        assert_eq!(found, expect.map(|(id, relation)| (ServiceId::new(id), relation)));
    }
}
