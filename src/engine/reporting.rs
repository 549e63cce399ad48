//! Reports of what is stored: the incidents of a period are read a page at a time, and only theirs.

use chrono::TimeDelta;
use std::collections::BTreeSet;

use super::snapshot::{Plan, Snapshot};
use crate::domain::calendar::Calendar;
use crate::domain::health::{Service, ServiceId};
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::metrics::{Rules, planned, planned_by, restored};
use crate::domain::paging::Pages;
use crate::domain::report::document::window;
use crate::domain::report::event::document_name;
use crate::domain::report::levels;
use crate::domain::report::service::{self, Facts, Gathered, Watched, period_before};
use crate::domain::report::{Coverage, Document, Issued, Scope};
use crate::domain::roster::Override;
use crate::domain::roster::load::load;
use crate::domain::roster::shifts::{Imported, final_shifts};
use crate::domain::sla::attainment::{Attainment, DETECTED_WITHIN};
use crate::domain::sla::credits::Achieved;
use crate::domain::slo::{self, Excluded, Sli, Uptime};
use crate::domain::time::{Instant, Interval, before};
use crate::store::{Store, StoreError};

/// What is known beside incidents.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub plan: &'a Plan,
    /// With the windows of the plan and of other calendars.
    pub calendar: &'a Calendar,
    pub overrides: &'a [Override],
    pub imported: &'a Imported,
    pub pages: &'a Pages,
}

impl<'a> Known<'a> {
    /// As a snapshot has it.
    pub fn of(world: &'a Snapshot, overrides: &'a [Override]) -> Self {
        Self {
            plan: &world.plan,
            calendar: &world.calendar,
            overrides,
            imported: &world.imported,
            pages: &world.pages,
        }
    }
}

/// The services that a report is about; none: all.
///
/// # Errors
/// There is nothing of that name; names what there is.
pub fn services_of(plan: &Plan, scope: &Scope) -> Result<Vec<ServiceId>, String> {
    let of = |wanted: &dyn Fn(&Service) -> bool| -> Vec<ServiceId> {
        plan.services.iter().filter(|s| wanted(s)).map(|s| s.id.clone()).collect()
    };
    let (found, what, name) = match scope {
        Scope::All => return Ok(Vec::new()),
        Scope::Service(id) => (of(&|s| s.id == *id), "service", id.as_str()),
        Scope::Team(team) => {
            (of(&|s| s.team.as_ref() == Some(team)), "service of team", team.as_str())
        }
        Scope::Contract(name) => {
            let contract = plan.service_levels.contract(name);
            let services = contract.map(|c| c.services.iter().cloned().collect());
            (services.unwrap_or_default(), "contract with services", name.as_str())
        }
    };
    if found.is_empty() { Err(format!("there is no {what} {name:?}")) } else { Ok(found) }
}

/// What was kept of a period, and what services achieved by their contracts.
///
/// # Errors
/// The store cannot be read.
pub async fn attained(
    store: &Store,
    plan: &Plan,
    calendar: &Calendar,
    period: Interval,
    now: Instant,
) -> Result<Attainment, StoreError> {
    let levels = &plan.service_levels;
    let past = Interval::new(period.from, period.to.min(now).max(period.from));
    let rules = Rules {
        planned: planned(&calendar.occurrences(period, now)),
        known_from: Some(store.begun_at().await?.unwrap_or(now)),
        unwatched: store.watched().await?.unwatched(past),
        ..Rules::default()
    };
    let mut attainment = Attainment::new(period, now);
    let mut achieved = Achieved::new(period, rules, now);
    let add = |incident: Incident| {
        attainment.add(&incident, levels);
        achieved.add(&incident);
    };
    store.over(Interval::new(period.from, period.to + DETECTED_WITHIN), add).await?;
    let watched = plan.services.iter().map(|s| &s.id);
    attainment.achieved = achieved.lines(levels, None, |_| true, watched);
    Ok(attainment)
}

/// The service report of a period, as of `now`; a draft.
///
/// # Errors
/// The store cannot be read.
pub async fn service(
    store: &Store,
    known: Known<'_>,
    coverage: &Coverage,
    now: Instant,
) -> Result<Document, StoreError> {
    let Known { plan, calendar, overrides, imported, pages } = known;
    let zone = plan.site.zone;
    let period = Interval::new(coverage.from, coverage.to);
    let both = Interval::new(period_before(period, zone).from, period.to);
    let occurrences = calendar.occurrences(both, now);
    let services = services_of(plan, &coverage.scope).map_err(StoreError::Refused)?;
    let past = Interval::new(both.from, both.to.min(now).max(both.from));
    let unwatched = store.watched().await?.unwatched(past);
    let watched = Watched { unwatched, ..Watched::of(&plan.services) };
    let begun = Some(store.begun_at().await?.unwrap_or(now));
    let mut gathered =
        Gathered::new(period, zone, services.clone(), watched, &occurrences, begun, now);
    let agreed = &plan.service_levels;
    let mut attainment = Attainment::new(period, period.to.min(now));
    let mut achieved = Achieved::new(period, gathered.metrics.rules().clone(), now);
    let is_asked =
        |s: Option<&ServiceId>| services.is_empty() || s.is_some_and(|s| services.contains(s));
    // A clock that starts with the trouble may have begun before the incident was opened.
    let span = gathered.span();
    let span = Interval::new(span.from, period.to + DETECTED_WITHIN);
    let add = |incident: Incident| {
        gathered.add(&incident);
        if is_asked(incident.service.as_ref()) {
            attainment.add(&incident, agreed);
        }
        achieved.add(&incident);
    };
    store.over(span, add).await?;
    let only = match &coverage.scope {
        Scope::Contract(id) => Some(id.as_str()),
        _ => None,
    };
    let mut more = levels::attained(&attainment, agreed, only);
    let watched = plan.services.iter().map(|s| &s.id);
    let lines = achieved.lines(agreed, only, |s| is_asked(Some(s)), watched);
    more.extend(levels::credits(&lines, period, |service, within| {
        planned_by(&occurrences, service, within).map(window).collect()
    }));
    let stood = objectives(store, known, &services, period.to.min(now), now).await?;
    more.extend(levels::objectives(&stood));
    let reclassified = store.events_of_kind("reclassified", period).await?;
    let roster = &plan.roster;
    let past = Interval::new(period.from, period.to.min(now));
    let shifts: Vec<_> = roster
        .schedules
        .iter()
        .flat_map(|schedule| final_shifts(schedule, overrides, imported, past))
        .collect();
    let load = load(roster, &shifts);
    let mut received = pages.about_what(period);
    for about in received.values_mut() {
        about.retain(|incident| gathered.concerns(*incident));
    }
    Ok(gathered.document(Facts {
        site: &plan.site.name,
        zone,
        coverage,
        roster,
        occurrences: &occurrences,
        reclassified: &reclassified,
        load: &load,
        pages: &received,
        more,
        now,
    }))
}

/// How the objectives stood at an instant, by what is kept of them. One whose window is a period of the
/// calendar that ends right then is of that period, not of the one that begins.
///
/// # Errors
/// The store cannot be read.
pub async fn objectives(
    store: &Store,
    known: Known<'_>,
    services: &[ServiceId],
    at: Instant,
    now: Instant,
) -> Result<Vec<slo::Status>, StoreError> {
    let asked = known.plan.objectives.iter();
    let asked = asked.filter(|o| services.is_empty() || services.contains(&o.service));
    let mut stood = Vec::new();
    for objective in asked {
        let from = objective.window.ending(at).from.min(before(at, TimeDelta::days(3)));
        let first = slo::index(from);
        let series = match objective.sli {
            Sli::Uptime(Uptime::Incidents { least }) => {
                let span = (first, slo::index(at));
                store.uptime((&objective.service, least), span, now).await?
            }
            _ => store.rollups(&objective.kept_as(), first.div_euclid(slo::BUCKETS_A_DAY)).await?,
        };
        let occurrences = known.calendar.occurrences(Interval::new(from, at), now);
        let excluded = Excluded::of(&objective.service, &occurrences);
        stood.push(slo::closing(objective, &series, &excluded, at));
    }
    Ok(stood)
}

/// The next revision of a report as of `now`, with what differs from the last one standing first; in its language.
///
/// # Errors
/// The store cannot be read.
pub async fn revision(
    store: &Store,
    known: Known<'_>,
    issued: &Issued,
    now: Instant,
) -> Result<Document, StoreError> {
    let mut next = service(store, known, &issued.coverage, now).await?;
    let last = u32::try_from(issued.revisions.len()).unwrap_or(u32::MAX);
    if let Some(last) = store.document(&document_name(issued.id, last)).await? {
        next.sections.insert(0, service::differences(&last, &next));
        next.locale = last.locale;
    }
    Ok(next)
}

/// The incidents that a report covers and that were corrected after its newest revision: it says something
/// else by now, and is to be issued again.
///
/// # Errors
/// The store cannot be read.
pub async fn corrected(
    store: &Store,
    plan: &Plan,
    issued: &Issued,
    now: Instant,
) -> Result<Vec<IncidentId>, StoreError> {
    let Some(last) = issued.revisions.last() else { return Ok(Vec::new()) };
    let since = Interval::new(last.at, now + TimeDelta::milliseconds(1));
    let events = store.events_of_kind("corrected", since).await?;
    let later = events.iter().filter(|e| e.position > last.position).map(|e| e.incident);
    let services = services_of(plan, &issued.coverage.scope).unwrap_or_default();
    let period = Interval::new(issued.coverage.from, issued.coverage.to);
    let mut found = Vec::new();
    for id in later.collect::<BTreeSet<_>>() {
        let Some(incident) = store.incident(id).await? else { continue };
        let asked =
            services.is_empty() || incident.service.as_ref().is_some_and(|s| services.contains(s));
        let lasted = Interval::new(
            incident.started_at.min(incident.opened_at),
            restored(&incident).unwrap_or(now).max(incident.opened_at + TimeDelta::milliseconds(1)),
        );
        if asked && lasted.overlap(period).is_some() {
            found.push(id);
        }
    }
    Ok(found)
}
