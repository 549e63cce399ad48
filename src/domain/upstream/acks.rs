//! Acknowledgements as the systems have them that the alerts came from: while somebody has an
//! incident here, its alerts are acknowledged or silenced there.
//!
//! As with maintenance, nothing of what was made there is kept here: what is wanted follows from the
//! incidents, what is there says by its tag whose it is, and `mirror::plan` is the difference.

use chrono::{DateTime, TimeDelta};

use super::cover::spanning;
use crate::domain::calendar::mirror::{Mirrored, Owner};
use crate::domain::incident::{Incident, IncidentId, IncidentState};
use crate::domain::matcher::{Labels, Matchers};
use crate::domain::observation::SourceName;
use crate::domain::time::{Instant, Interval};

use super::model::object;

/// A silence lasts at least so long when it is looked at …
const LASTS: TimeDelta = TimeDelta::minutes(10);
/// … and its end is a multiple of this, so that it is renewed once in a while and not each time.
const STEP: TimeDelta = TimeDelta::minutes(5);

/// An incident that somebody has.
#[derive(Debug, Clone, PartialEq)]
pub struct Acknowledged {
    pub incident: IncidentId,
    pub title: String,
    pub by: String,
    pub at: Instant,
    /// Back to New then.
    pub until: Option<Instant>,
    /// Of all alerts that it has had: one that comes and goes changes nothing.
    pub all: Vec<Labels>,
    /// Of those that fire.
    pub firing: Vec<Labels>,
}

/// What of a source somebody has.
pub fn acknowledged<'a>(
    source: &SourceName,
    incidents: impl Iterator<Item = &'a Incident>,
) -> Vec<Acknowledged> {
    let of = |i: &Incident| {
        let held = matches!(i.state(), IncidentState::Acknowledged | IncidentState::OnHold);
        let known = i.standing.acknowledged.as_ref().filter(|_| held)?;
        let firing = i.alerts.values().filter(|a| a.cleared_at.is_none());
        Some(Acknowledged {
            incident: i.id,
            title: i.title.clone(),
            by: known.by.clone(),
            at: known.at,
            until: known.until,
            all: i.alerts.values().map(|a| a.labels.clone()).collect(),
            firing: firing.map(|a| a.labels.clone()).collect(),
        })
    };
    incidents.filter(|i| i.source == *source).filter_map(of).collect()
}

impl Acknowledged {
    fn title(&self) -> String {
        format!("acknowledged by {}: {}", self.by, self.title)
    }

    /// When a silence for it ends, as seen now; it is renewed while this lasts.
    fn silenced_until(&self, now: Instant) -> Instant {
        let step = STEP.num_seconds();
        let passed = now.timestamp().div_euclid(step) * step;
        let grid = DateTime::from_timestamp(passed, 0).unwrap_or(now) + STEP + LASTS;
        self.until.map_or(grid, |until| until.min(grid))
    }
}

/// A silence for each, and those for which none can be made.
pub fn silences(
    owner: &Owner,
    acknowledged: &[Acknowledged],
    now: Instant,
) -> (Vec<Mirrored<Matchers>>, Vec<IncidentId>) {
    let mut silences = Vec::new();
    let mut unsaid = Vec::new();
    for one in acknowledged.iter().filter(|a| !a.firing.is_empty()) {
        let Some(target) = spanning(&one.all.iter().collect::<Vec<_>>()) else {
            unsaid.push(one.incident);
            continue;
        };
        let at = Interval::new(one.at.min(now), one.silenced_until(now));
        let (tag, title) = (owner.tag_of(&one.incident), one.title().into());
        silences.push(Mirrored { tag, title, target, at });
    }
    silences.retain(|s| s.at.to > now);
    (silences, unsaid)
}

/// An acknowledgement that does not expire does so then.
pub fn never() -> Instant {
    DateTime::from_timestamp(4_102_444_800, 0).unwrap_or_default()
}

/// An acknowledgement for each object (`host`, `host!service`) whose alert fires. An object that
/// several incidents are about is acknowledged for the oldest.
pub fn objects(
    owner: &Owner,
    acknowledged: &[Acknowledged],
    now: Instant,
) -> Vec<Mirrored<String>> {
    let mut all: Vec<Mirrored<String>> = Vec::new();
    for one in acknowledged {
        let at = Interval::new(one.at.min(now), one.until.unwrap_or_else(never));
        for target in one.firing.iter().filter_map(object) {
            if at.to > now && !all.iter().any(|known| known.target == target) {
                let (tag, title) = (owner.tag_of(&one.incident), one.title().into());
                all.push(Mirrored { tag, title, target, at });
            }
        }
    }
    all
}
