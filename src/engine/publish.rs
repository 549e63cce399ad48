//! From the state to the snapshot that everyone reads: only what changed is made anew.

use std::collections::HashMap;
use std::sync::Arc;

use super::core::{Changes, State};
use super::sight::Sight;
use super::snapshot::{Incidents, Part, Snapshot, StoreState};
use crate::domain::health::ServiceId;
use crate::domain::health::rollup::{self, Facts, Health};
use crate::domain::incident::Incident;
use crate::domain::observation::SourceState;
use crate::domain::paging::Pages;
use crate::domain::time::Instant;

/// Keeps the last snapshot, to say whether the next one differs.
#[derive(Debug, Default)]
pub struct Publisher {
    /// What happened to the store when it was opened.
    pub notices: Arc<[String]>,
    /// What is paged although it cannot be stored.
    pub unstored: Option<Arc<Pages>>,
    last: Option<Arc<Snapshot>>,
    /// When a value that is fresh now will be stale: health changes by itself then.
    next_stale: Option<Instant>,
}

impl Publisher {
    pub fn new(notices: Arc<[String]>) -> Self {
        Self { notices, ..Self::default() }
    }

    /// A snapshot, if anything that can be seen has changed since the last one.
    pub fn publish(
        &mut self,
        state: &mut State,
        store: &StoreState,
        now: Instant,
    ) -> Option<Arc<Snapshot>> {
        state.attend(now);
        let blind = blind(state, now);
        if self.next_stale.is_some_and(|at| at <= now) {
            state.changes.health = true;
        }
        let changes = std::mem::take(&mut state.changes);
        let same = self.last.as_ref().is_some_and(|l| l.store == *store && *l.blind == blind);
        let beyond = self.last.as_ref().and_then(|l| l.unstored.as_ref().map(Arc::as_ptr));
        let same = same && beyond == self.unstored.as_ref().map(Arc::as_ptr);
        if same && !changes.any() {
            return None;
        }
        let last = self.last.as_deref();
        let incidents = match last {
            Some(last) if !changes.incidents => last.incidents.clone(),
            last => next(last.map(|l| &l.incidents), incidents(state)),
        };
        let health = match last {
            Some(last) if !changes.health && *last.blind == blind => last.health.clone(),
            last => {
                let empty = Health::default();
                let before = last.map_or(&empty, |l| &*l.health.value);
                let health = health(state, before, blind.is_empty(), now);
                self.next_stale = next_stale(state, now);
                next(last.map(|l| &l.health), health)
            }
        };
        let sources = match last {
            Some(last) if !changes.sources => last.sources.clone(),
            last => next(last.map(|l| &l.sources), state.sight.sources.clone()),
        };
        let book = match last {
            Some(last) if !changes.roster => last.book.clone(),
            last => Part {
                generation: last.map_or(1, |l| l.book.generation + 1),
                value: Arc::clone(&state.book),
            },
        };
        let calendar = match last {
            Some(last) if !changes.calendar => last.calendar.clone(),
            last => Part {
                generation: last.map_or(1, |l| l.calendar.generation + 1),
                value: Arc::clone(&state.calendar),
            },
        };
        let pages = match last {
            Some(last) if !changes.pages => last.pages.clone(),
            last => Part {
                generation: last.map_or(1, |l| l.pages.generation + 1),
                value: Arc::clone(&state.pages),
            },
        };
        let orders = match last {
            Some(last) if !changes.orders => last.orders.clone(),
            last => Part {
                generation: last.map_or(1, |l| l.orders.generation + 1),
                value: Arc::clone(&state.orders),
            },
        };
        let silences = match last {
            Some(last) if !changes.silences => last.silences.clone(),
            last => Part {
                generation: last.map_or(1, |l| l.silences.generation + 1),
                value: Arc::clone(&state.sight.silences),
            },
        };
        let views = match last {
            Some(last) if !changes.views => last.views.clone(),
            last => Part {
                generation: last.map_or(1, |l| l.views.generation + 1),
                value: Arc::clone(&state.views),
            },
        };
        let reports = match last {
            Some(last) if !changes.reports => last.reports.clone(),
            last => Part {
                generation: last.map_or(1, |l| l.reports.generation + 1),
                value: Arc::clone(&state.reports),
            },
        };
        let imported = match last {
            Some(last) if !changes.imported => last.imported.clone(),
            last => Part {
                generation: last.map_or(1, |l| l.imported.generation + 1),
                value: Arc::clone(&state.sight.imported),
            },
        };
        let objectives = match last {
            Some(last) if !changes.objectives => last.objectives.clone(),
            last => next(last.map(|l| &l.objectives), state.shown_objectives()),
        };
        let snapshot = Arc::new(Snapshot {
            at: now,
            started_at: state.started_at,
            site: Arc::new(state.plan.site.clone()),
            plan: Arc::clone(&state.plan),
            health,
            incidents,
            sources,
            book,
            calendar,
            pages,
            orders,
            silences,
            views,
            reports,
            objectives,
            imported,
            pager: state.pager.clone(),
            unstored: self.unstored.clone(),
            store: store.clone(),
            blind: Arc::new(blind),
            notices: Arc::clone(&self.notices),
        });
        self.last = Some(snapshot.clone());
        Some(snapshot)
    }
}

impl Changes {
    pub(super) const ALL: Self = Self {
        incidents: true,
        health: true,
        sources: true,
        roster: true,
        calendar: true,
        pages: true,
        orders: true,
        silences: true,
        views: true,
        reports: true,
        imported: true,
        objectives: true,
    };

    fn any(self) -> bool {
        self.incidents
            || self.health
            || self.sources
            || self.roster
            || self.calendar
            || self.pages
            || self.orders
            || self.silences
            || self.views
            || self.reports
            || self.imported
            || self.objectives
    }
}

impl Default for Changes {
    /// Nothing changed.
    fn default() -> Self {
        Self {
            incidents: false,
            health: false,
            sources: false,
            roster: false,
            calendar: false,
            pages: false,
            orders: false,
            silences: false,
            views: false,
            reports: false,
            imported: false,
            objectives: false,
        }
    }
}

fn next<T>(before: Option<&Part<T>>, value: T) -> Part<T> {
    let generation = before.map_or(1, |b| b.generation + 1);
    Part { generation, value: Arc::new(value) }
}

type Blind = Vec<(Arc<str>, String, Instant)>;

fn blind(state: &State, now: Instant) -> Blind {
    let grace = state.plan.policy.heartbeat_grace;
    state.sight.silent(grace, now).map(|(s, m, since)| (s.clone(), m.clone(), since)).collect()
}

fn incidents(state: &State) -> Incidents {
    let mut open_by_priority = [0_usize; 5];
    for incident in open(state).filter(|i| i.parent.is_none()) {
        let at = usize::from(incident.priority.0.clamp(1, 5) - 1);
        if let Some(count) = open_by_priority.get_mut(at) {
            *count += 1;
        }
    }
    let children = state
        .children
        .iter()
        .filter(|(_, c)| !c.is_empty())
        .map(|(id, c)| (*id, c.iter().copied().collect()))
        .collect();
    Incidents {
        by_id: state.incidents.clone(),
        open_by_priority,
        children,
        unread: state.unread,
        complete: state.complete,
    }
}

fn open(state: &State) -> impl Iterator<Item = &Arc<Incident>> {
    state.live.iter().filter_map(|id| state.incidents.get(id)).filter(|i| i.is_open())
}

fn health(state: &State, before: &Health, seeing: bool, now: Instant) -> Health {
    let mut by_service: HashMap<ServiceId, Vec<Arc<Incident>>> = HashMap::new();
    for incident in open(state) {
        if let Some(service) = &incident.service {
            by_service.entry(service.clone()).or_default().push(incident.clone());
        }
    }
    for list in by_service.values_mut() {
        list.sort_by_key(|i| (i.priority, i.id));
    }
    let stale_after = |source: &str| Sight::stale_after(&state.plan, source);
    let facts = Facts {
        catalogue: &state.sight.catalogue,
        tracks: &state.sight.tracks,
        incidents: &by_service,
        stale_after: &stale_after,
        alerts_seen: alerts_seen(state, seeing),
        maintained: &|service| state.maintenance.of_service(service).map(|o| o.window.title()),
    };
    rollup::roll_up(&facts, before, now)
}

/// Whether the sources that pass on alerts can be seen, all of them.
fn alerts_seen(state: &State, seeing: bool) -> Option<bool> {
    let origins = state.sight.alerts.values().flat_map(|a| &a.origins);
    let beating = state.plan.heartbeats.iter().map(|h| &h.0);
    let expected = state.sight.alerts.keys().chain(origins).chain(beating);
    let mut any = false;
    let mut all = seeing;
    for name in expected {
        any = true;
        all &= state
            .sight
            .sources
            .iter()
            .find(|s| s.name == *name)
            .is_none_or(|s| s.state == SourceState::Fresh);
    }
    any.then_some(all)
}

/// The next instant after `now` at which a fresh value becomes stale.
fn next_stale(state: &State, now: Instant) -> Option<Instant> {
    let second = chrono::TimeDelta::seconds(1);
    let tracks = state.sight.tracks.values().flatten();
    tracks
        .filter_map(|t| Some(t.observed_at? + Sight::stale_after(&state.plan, &t.spec.source)))
        .filter(|at| *at >= now)
        .map(|at| at + second)
        .min()
}
