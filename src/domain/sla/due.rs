//! What is due of all that is open, kept from one state of the incidents to the next: a change costs what
//! changed, and a nearly sorted sort.

use std::collections::HashMap;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::contract::ServiceLevels;
use super::incident::{Due, promises};
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::time::Instant;

/// The clock of each open incident that is due first, the first one first.
#[derive(Debug, Clone, Default)]
pub struct DueNext {
    list: Vec<(IncidentId, Due)>,
    /// What it was made from.
    incidents: OrdMap<IncidentId, Arc<Incident>>,
    levels: Option<Arc<ServiceLevels>>,
    only: Option<Arc<str>>,
}

impl DueNext {
    /// Takes over what changed; everything where something else was agreed, or another contract is asked for.
    pub fn refresh(
        &mut self,
        incidents: &OrdMap<IncidentId, Arc<Incident>>,
        levels: &Arc<ServiceLevels>,
        only: Option<&Arc<str>>,
        now: Instant,
    ) {
        let is_same = self.levels.as_ref().is_some_and(|known| Arc::ptr_eq(known, levels));
        if !is_same || self.only.as_ref() != only {
            *self =
                Self { levels: Some(Arc::clone(levels)), only: only.cloned(), ..Self::default() };
        }
        if levels.is_empty() || self.incidents.ptr_eq(incidents) {
            return;
        }
        let mut changed: HashMap<IncidentId, Option<Due>> = HashMap::new();
        for item in self.incidents.diff(incidents) {
            let (id, due) = match item {
                DiffItem::Add(id, incident) | DiffItem::Update { new: (id, incident), .. } => {
                    (*id, due(incident, levels, only, now))
                }
                DiffItem::Remove(id, _) => (*id, None),
            };
            changed.insert(id, due);
        }
        self.incidents = incidents.clone();
        if changed.is_empty() {
            return;
        }
        self.list.retain(|(id, _)| !changed.contains_key(id));
        self.list.extend(changed.into_iter().filter_map(|(id, due)| Some((id, due?))));
        // What rests is due no sooner than what runs.
        self.list.sort_by_key(|(id, due)| (due.deadline.unwrap_or(Instant::MAX_UTC), *id));
    }

    pub fn list(&self) -> &[(IncidentId, Due)] {
        &self.list
    }
}

fn due(
    incident: &Incident,
    levels: &ServiceLevels,
    only: Option<&Arc<str>>,
    now: Instant,
) -> Option<Due> {
    if !incident.is_open() {
        return None;
    }
    let mut all = promises(incident, levels);
    all.retain(|promise| only.is_none_or(|only| *only == promise.contract.id));
    Due::first(&all, now)
}
