//! One cause, one page: incidents of services that depend on a broken one fold under its incident.

use std::collections::BTreeMap;

use super::draft::Draft;
use crate::domain::health::dependencies::Broken;
use crate::domain::incident::{Actor, EventBody, Incident, IncidentId, IncidentState, Priority};

/// Folds and unfolds after a decision that opened or ended something, or that is the first since other
/// services are known. The deepest broken dependency
/// is the cause; of services that need each other, the one with the oldest incident. A cause stands on
/// top itself, and takes the priority of the worst that it affects, so that folding never hides how
/// urgent things are.
pub(super) fn fold(draft: &mut Draft<'_>) {
    if !draft.state.unsettled && !moved(draft) {
        return;
    }
    let catalogue = &draft.state.sight.catalogue;
    if draft.state.children.is_empty() && catalogue.dependencies.is_empty() {
        return;
    }
    let open = open_with_place(draft);
    let mut broken: Vec<Option<Broken<IncidentId>>> = vec![None; catalogue.len()];
    for (id, place) in &open {
        let Some(broken) = place.and_then(|place| broken.get_mut(place)) else { continue };
        let broken = broken.get_or_insert(Broken { order: *id, oldest: *id });
        let rank = |id: IncidentId| draft.incident(id).map(|i| (i.priority, i.id));
        if rank(*id) < rank(broken.order) {
            broken.order = *id;
        }
    }
    let causes = catalogue.dependencies.causes(&broken);
    let cause_of = |place: usize| {
        let cause = causes.get(place).copied().flatten()?;
        broken.get(cause)?.map(|b| b.order)
    };
    let mut wanted: Vec<(IncidentId, Option<IncidentId>)> = Vec::new();
    for (id, place) in &open {
        let cause = place.and_then(cause_of);
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
    let mut urgent: BTreeMap<IncidentId, (u8, u8, Priority)> = BTreeMap::new();
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
            draft.push(
                &system,
                id,
                EventBody::Reclassified { impact, urgency, priority, category: None },
            );
        }
    }
}

/// Whether it changes which services are broken, or ends what is folded.
fn moved(draft: &Draft<'_>) -> bool {
    draft.changed().any(|(id, after)| {
        let was_open = draft.state.incident(*id).map(|i| i.is_open());
        was_open != Some(after.is_open()) || is_ended_child(after)
    })
}

fn is_ended_child(incident: &Incident) -> bool {
    let ended = matches!(incident.state(), IncidentState::Closed | IncidentState::Cancelled);
    incident.parent.is_some() && ended
}

/// The open incidents that a service is named for, from the oldest on, with the service's place in the
/// catalogue.
fn open_with_place(draft: &Draft<'_>) -> BTreeMap<IncidentId, Option<usize>> {
    let catalogue = &draft.state.sight.catalogue;
    let ids = draft.state.live.iter().chain(draft.changed().map(|(id, _)| id));
    ids.filter_map(|id| {
        let incident = draft.incident(*id).filter(|i| i.is_open())?;
        Some((*id, catalogue.place(incident.service.as_ref()?)))
    })
    .collect()
}
