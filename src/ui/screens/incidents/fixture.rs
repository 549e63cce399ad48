//! Incidents for the tests of this folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{TimeDelta, TimeZone, Utc};

use crate::domain::health::ServiceId;
use crate::domain::incident::{Actor, Incident, IncidentId, IncidentState, Priority, Standing};
use crate::domain::matcher::Labels;
use crate::domain::time::Instant;
use crate::engine::snapshot::Incidents;

/// Monday 23 November 2026, 14:03 UTC.
pub fn now() -> Instant {
    Utc.with_ymd_and_hms(2026, 11, 23, 14, 3, 0).unwrap()
}

/// A new incident of that priority on `checkout`, as many minutes old as its number.
pub fn incident(id: u64, priority: u8) -> Incident {
    Incident {
        id: IncidentId(id),
        key: format!("key-{id}"),
        version: id,
        title: format!("trouble {id}"),
        service: Some(ServiceId::new("checkout")),
        source: "prom-dc1".into(),
        reported_by: Actor::source("prom-dc1"),
        category: String::new(),
        impact: 2,
        urgency: 2,
        priority: Priority(priority),
        labels: Labels::new(),
        annotations: Labels::new(),
        alerts: BTreeMap::new(),
        opened_at: now() - TimeDelta::minutes(id as i64),
        started_at: now() - TimeDelta::minutes(id as i64),
        standing: Standing::default(),
        parent: None,
        earlier: None,
        recurrence: 1,
        clear_since: None,
        unverified_since: None,
        maintenance: None,
        maintained: Vec::new(),
        drill: None,
        updated_at: None,
        updates: Vec::new(),
        warned: Vec::new(),
        absorbed: Vec::new(),
        excluded: false,
        flapping_since: None,
        escalation: None,
        reopened_at: Vec::new(),
        last_change: None,
    }
}

/// The same in another state.
pub fn in_state(mut incident: Incident, state: IncidentState) -> Incident {
    incident.standing.state = state;
    incident.version += 1_000;
    incident
}

/// The same, folded under another.
pub fn under(mut incident: Incident, parent: u64) -> Incident {
    incident.parent = Some(IncidentId(parent));
    incident.version += 1_000;
    incident
}

/// The same, of another service.
pub fn of(mut incident: Incident, service: &str) -> Incident {
    incident.service = Some(ServiceId::new(service));
    incident
}

/// All of them as a snapshot has them.
pub fn all(list: impl IntoIterator<Item = Incident>) -> Incidents {
    let mut incidents = Incidents::default();
    for incident in list {
        if let Some(parent) = incident.parent {
            incidents.children.entry(parent).or_default().push(incident.id);
        }
        incidents.by_id.insert(incident.id, Arc::new(incident));
    }
    incidents
}
