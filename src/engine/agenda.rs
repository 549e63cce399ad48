//! When something is to be done about an incident next: nothing is searched.

use std::collections::{BTreeSet, HashMap};

use crate::domain::incident::IncidentId;
use crate::domain::time::Instant;

#[derive(Debug, Clone, Default)]
pub(super) struct Agenda {
    by_time: BTreeSet<(Instant, IncidentId)>,
    of: HashMap<IncidentId, Instant>,
}

impl Agenda {
    pub fn set(&mut self, id: IncidentId, due: Option<Instant>) {
        let before = match due {
            Some(due) => self.of.insert(id, due),
            None => self.of.remove(&id),
        };
        if before == due {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, id));
        }
        if let Some(due) = due {
            self.by_time.insert((due, id));
        }
    }

    pub fn until(&self, now: Instant) -> impl Iterator<Item = IncidentId> {
        self.by_time.iter().take_while(move |(at, _)| *at <= now).map(|(_, id)| *id)
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.of.len()
    }
}
