//! One cause, one page: incidents of services that depend on a broken one fold under its incident.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::draft::Draft;
use crate::domain::health::{Service, ServiceId};
use crate::domain::incident::{Actor, EventBody, Incident, IncidentId, IncidentState};

/// Folds and unfolds after a decision that opened or ended something. The deepest broken dependency
/// is the cause; a cause takes the priority of the worst that it affects, so that folding never
/// hides how urgent things are.
pub(super) fn fold(draft: &mut Draft<'_>) {
    let moved = draft.changed().any(|(id, after)| {
        let before = draft.state.incident(*id).map(|i| i.state());
        before != Some(after.state())
    });
    if !moved {
        return;
    }
    let catalogue = &draft.state.sight.catalogue;
    if draft.state.children.is_empty() && catalogue.iter().all(|s| s.depends_on.is_empty()) {
        return;
    }
    let services: HashMap<&ServiceId, &Arc<Service>> =
        catalogue.iter().map(|s| (&s.id, s)).collect();
    let open = open_with_service(draft);
    let mut broken: HashMap<ServiceId, IncidentId> = HashMap::new();
    for (id, service) in &open {
        let worst = broken.entry(service.clone()).or_insert(*id);
        let rank = |id: IncidentId| draft.incident(id).map(|i| (i.priority, i.id));
        if rank(*id) < rank(*worst) {
            *worst = *id;
        }
    }
    let causes: HashMap<&ServiceId, Option<IncidentId>> =
        broken.keys().map(|s| (s, deepest(s, &services, &broken))).collect();
    let cause_of = |service: &ServiceId| causes.get(service).copied().flatten();
    let mut wanted: Vec<(IncidentId, Option<IncidentId>)> = Vec::new();
    for (id, service) in &open {
        // In a ring of services each would be the other's cause: there the oldest stays on top.
        let stands = |cause: &IncidentId| {
            let back = open.get(cause).and_then(cause_of);
            cause != id && (back.is_none() || cause < id)
        };
        let cause = cause_of(service).filter(stands);
        if draft.incident(*id).is_some_and(|i| i.parent != cause) {
            wanted.push((*id, cause));
        }
    }
    let ended = draft.changed().filter(|(_, i)| is_ended_child(i)).map(|(id, _)| *id);
    let ended: Vec<IncidentId> = ended.collect();
    let system = Actor::system();
    for id in ended {
        draft.push(&system, id, EventBody::Unfolded);
    }
    let mut urgent: BTreeMap<IncidentId, (u8, u8, crate::domain::incident::Priority)> =
        BTreeMap::new();
    for (id, cause) in wanted {
        match cause {
            Some(under) => {
                draft.push(&system, id, EventBody::Folded { under });
                if let Some(child) = draft.incident(id) {
                    let class = (child.impact, child.urgency, child.priority);
                    let worst = urgent.entry(under).or_insert(class);
                    if class.2 < worst.2 {
                        *worst = class;
                    }
                }
            }
            None => draft.push(&system, id, EventBody::Unfolded),
        }
    }
    for (id, (impact, urgency, priority)) in urgent {
        if draft.incident(id).is_some_and(|i| i.priority > priority) {
            draft.push(&system, id, EventBody::Reclassified { impact, urgency, priority });
        }
    }
}

fn is_ended_child(incident: &Incident) -> bool {
    let ended = matches!(incident.state(), IncidentState::Closed | IncidentState::Cancelled);
    incident.parent.is_some() && ended
}

fn open_with_service(draft: &Draft<'_>) -> BTreeMap<IncidentId, ServiceId> {
    let ids = draft.state.live.iter().chain(draft.changed().map(|(id, _)| id));
    ids.filter_map(|id| {
        let incident = draft.incident(*id).filter(|i| i.is_open())?;
        Some((*id, incident.service.clone()?))
    })
    .collect()
}

/// The incident of the deepest broken service that `service` depends on, directly or not; ties go
/// to the first in the order of ids. Cycles are walked once.
fn deepest(
    service: &ServiceId,
    services: &HashMap<&ServiceId, &Arc<Service>>,
    broken: &HashMap<ServiceId, IncidentId>,
) -> Option<IncidentId> {
    let mut best: Option<(usize, IncidentId)> = None;
    let mut seen: HashSet<&ServiceId> = HashSet::from([service]);
    let mut level: Vec<&ServiceId> = depends_on(service, services);
    let mut depth = 1;
    while !level.is_empty() {
        let mut next = Vec::new();
        for id in level {
            if !seen.insert(id) {
                continue;
            }
            if let Some(incident) = broken.get(id) {
                let better = best.is_none_or(|(d, i)| depth > d || (depth == d && *incident < i));
                if better {
                    best = Some((depth, *incident));
                }
            }
            next.extend(depends_on(id, services));
        }
        level = next;
        depth += 1;
    }
    best.map(|b| b.1)
}

fn depends_on<'a>(
    id: &ServiceId,
    services: &HashMap<&ServiceId, &'a Arc<Service>>,
) -> Vec<&'a ServiceId> {
    services.get(id).map(|s| s.depends_on.iter().collect()).unwrap_or_default()
}
