//! How the objectives stand: worked out from what was measured, at most once a minute each, and raised
//! as incidents while a budget goes too fast.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;

use super::core::State;
use super::detection;
use super::draft::Draft;
use crate::domain::calendar::Calendar;
use crate::domain::health::ServiceId;
use crate::domain::incident::{EventBody, IncidentId};
use crate::domain::matcher::Labels;
use crate::domain::observation::{Alert, AlertStatus, SourceName};
use crate::domain::slo::{
    ALERT, Burn, Excluded, Objective, Series, Shown, SloId, Status, Why, burn_down, index, percent,
    status,
};
use crate::domain::text;
use crate::domain::time::{Instant, Interval, before};

/// How long what was worked out stands.
const EVERY: TimeDelta = TimeDelta::minutes(1);
/// How finely a burn-down is drawn.
const POINTS: usize = 241;

/// What was measured of an objective: all that its window needs.
#[derive(Debug, Clone)]
pub struct Measured {
    pub objective: SloId,
    /// What was measured, by [`crate::domain::slo::Sli::digest`]; of another it is not taken.
    pub digest: u64,
    pub series: Series,
    /// What there is to know about it.
    pub notes: Vec<Why>,
}

/// Everything that is known of the objectives of the plan.
#[derive(Debug, Clone, Default)]
pub(super) struct Objectives {
    known: BTreeMap<SloId, Known>,
    /// What a service had planned, as of a position of the calendar and a bucket.
    excluded: BTreeMap<ServiceId, Planned>,
}

#[derive(Debug, Clone)]
struct Known {
    objective: Arc<Objective>,
    digest: u64,
    series: Series,
    notes: Vec<Why>,
    /// Something else was measured since it was worked out.
    is_new: bool,
    stands: Option<Stands>,
}

#[derive(Debug, Clone)]
struct Stands {
    at: Instant,
    calendar: Arc<Calendar>,
    shown: Arc<Shown>,
}

#[derive(Debug, Clone)]
struct Planned {
    calendar: Arc<Calendar>,
    bucket: i64,
    from: Instant,
    excluded: Arc<Excluded>,
}

impl Objectives {
    /// Takes over the objectives of a plan; what was measured of those that stay is kept.
    pub fn replan(&mut self, plan: &[Arc<Objective>]) {
        let mut before = std::mem::take(&mut self.known);
        self.known = plan
            .iter()
            .map(|objective| {
                let digest = objective.sli.digest(&objective.service);
                let kept = before.remove(&objective.id).filter(|known| known.digest == digest);
                let known = match kept {
                    Some(known) if known.objective == *objective => known,
                    Some(known) => {
                        Known { objective: objective.clone(), stands: None, is_new: true, ..known }
                    }
                    None => Known {
                        objective: objective.clone(),
                        digest,
                        series: Series::default(),
                        notes: Vec::new(),
                        is_new: true,
                        stands: None,
                    },
                };
                (objective.id.clone(), known)
            })
            .collect();
        self.excluded.clear();
    }

    /// Takes over what was measured.
    pub fn take(&mut self, measured: Measured) {
        let Some(known) = self.known.get_mut(&measured.objective) else { return };
        if known.digest != measured.digest {
            return;
        }
        known.is_new |= known.series != measured.series || known.notes != measured.notes;
        known.series = measured.series;
        known.notes = measured.notes;
    }

    /// Works out anew what is due; whether anything is another one now.
    pub fn work_out(&mut self, calendar: &Arc<Calendar>, now: Instant) -> bool {
        let mut changed = false;
        for known in self.known.values_mut() {
            if !known.is_due(calendar, now) {
                continue;
            }
            let Known { objective, series, notes, .. } = known;
            let from = objective.window.around(now).from.min(before(now, TimeDelta::days(3)));
            let planned = self.excluded.get(&objective.service);
            let fits = |p: &&Planned| {
                Arc::ptr_eq(&p.calendar, calendar) && p.bucket == index(now) && p.from <= from
            };
            let excluded = if let Some(planned) = planned.filter(fits) {
                Arc::clone(&planned.excluded)
            } else {
                let planned = Planned::of(&objective.service, calendar, from, now);
                let excluded = Arc::clone(&planned.excluded);
                self.excluded.insert(objective.service.clone(), planned);
                excluded
            };
            let status = status(objective, series, &excluded, notes, now);
            let burn_down = burn_down(&status, series, &excluded, POINTS);
            let shown = Shown { status, burn_down, series: series.clone(), excluded };
            let before = known.stands.replace(Stands {
                at: now,
                calendar: Arc::clone(calendar),
                shown: Arc::new(shown),
            });
            known.is_new = false;
            let stands = known.stands.as_ref();
            let is_same = before.is_some_and(|b| stands.is_some_and(|s| b.shown == s.shown));
            changed |= !is_same;
        }
        changed
    }
}

impl Known {
    fn is_due(&self, calendar: &Arc<Calendar>, now: Instant) -> bool {
        let Some(stands) = &self.stands else { return true };
        // As long as nothing is known, the first that is measured is waited for.
        let is_blank = stands.shown.status.tally.seen == 0;
        let is_recent = (now - stands.at).abs() < EVERY && !(is_blank && self.is_new);
        let is_other = self.is_new
            || index(now) != index(stands.at)
            || !Arc::ptr_eq(&stands.calendar, calendar);
        is_other && !is_recent
    }
}

impl Planned {
    fn of(service: &ServiceId, calendar: &Arc<Calendar>, from: Instant, now: Instant) -> Self {
        let within = Interval::new(from, now);
        let excluded = Arc::new(Excluded::planned(service, calendar, within, now));
        Self { calendar: Arc::clone(calendar), bucket: index(now), from, excluded }
    }
}

impl State {
    /// Takes over what was measured of an objective.
    pub fn measure(&mut self, measured: Measured) {
        self.objectives.take(measured);
    }

    /// As snapshots have them, in the order of the plan.
    pub(super) fn shown_objectives(&self) -> Vec<Arc<Shown>> {
        let known = self.plan.objectives.iter().filter_map(|o| self.objectives.known.get(&o.id));
        known.filter_map(|known| known.stands.as_ref().map(|s| Arc::clone(&s.shown))).collect()
    }

    /// Works out how the objectives stand, where that is due. Call it before a tick is decided.
    pub fn weigh(&mut self, now: Instant) {
        self.changes.objectives |= self.objectives.work_out(&self.calendar, now);
    }
}

/// Raises what burns, and clears what is proven not to any more.
pub(super) fn tick(draft: &mut Draft<'_>, own: &SourceName) {
    let state = draft.state;
    for known in state.objectives.known.values() {
        let Some(stands) = &known.stands else { continue };
        let status = &stands.shown.status;
        let fingerprint = format!("{ALERT}{}", status.objective.id);
        let held = draft.held(own, &fingerprint).map(|i| (i.id, i.priority));
        match (status.firing().is_some(), held) {
            (true, None) => detection::firing(draft, own, &alert(status, fingerprint)),
            (true, Some((id, _))) => {
                detection::worsens(draft, own, id, &alert(status, fingerprint));
            }
            (false, Some((id, _))) if is_over(status) => clear(draft, id, fingerprint),
            (false, _) => {}
        }
    }
    // An objective that was taken out holds nothing any more.
    let gone: Vec<(IncidentId, String)> = state
        .by_alert
        .get(own)
        .into_iter()
        .flatten()
        .filter(|(f, _)| {
            f.strip_prefix(ALERT).is_some_and(|id| !state.objectives.known.contains_key(id))
        })
        .map(|(f, id)| (*id, f.clone()))
        .collect();
    for (id, fingerprint) in gone {
        clear(draft, id, fingerprint);
    }
}

/// Each rule is above no more by its short window; a window of which nothing is known proves nothing.
fn is_over(status: &Status) -> bool {
    status.readings.iter().all(|r| r.is_clear() || r.long == Some(false))
}

fn clear(draft: &mut Draft<'_>, id: IncidentId, fingerprint: String) {
    let actor = crate::domain::incident::Actor::system();
    draft.push(&actor, id, EventBody::AlertCleared { fingerprint });
}

fn alert(status: &Status, fingerprint: String) -> Alert {
    let objective = &status.objective;
    let severity = status.firing().map_or("ticket", |r| r.rule.severity.word());
    let labels: Labels =
        [("slo", &*objective.id), ("service", objective.service.as_str()), ("severity", severity)]
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
    let annotations = [("summary".to_owned(), summary(status))].into_iter().collect();
    Alert {
        fingerprint,
        labels,
        annotations,
        starts_at: status.as_of,
        status: AlertStatus::Active,
        generator_url: None,
        service: Some(objective.service.clone()),
    }
}

/// `checkout-availability burns its error budget 14.4 times too fast (1h); 61 % left, until Sat 18:00`.
fn summary(status: &Status) -> String {
    let objective = &status.objective;
    let name = if objective.name.is_empty() { &*objective.id } else { objective.name.as_str() };
    let Some(reading) = status.firing() else { return name.to_owned() };
    let long = reading.rule.long;
    let named = crate::domain::slo::BURN_OVER.iter().find(|(_, over)| *over == long);
    let over = named.map_or_else(|| text::duration(long), |(name, _)| (*name).to_owned());
    let rate = status.burn_over(&over);
    let fast = match rate {
        Some(milli) => format!("{} times as fast as it lasts", Burn::text(milli, 1)),
        None => "too fast".to_owned(),
    };
    let left = status.budget.left_ppm().map_or_else(String::new, |left| match left {
        ..=0 => "; nothing is left".to_owned(),
        left => format!("; {} % left", percent(left, 0)),
    });
    text::clean(&format!("{name} burns its error budget {fast} ({over}){left}"), 300)
}
