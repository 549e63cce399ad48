//! What was done to the service of an objective within its window: deployments and other planned work, by
//! the calendar. It is looked for when the calendar changes, and every few minutes.

use chrono::{DurationRound, TimeDelta};

use crate::domain::calendar::{Key, Kind, Occurrence, Status as State};
use crate::domain::matcher::Labels;
use crate::domain::slo::{SloId, Status};
use crate::domain::text;
use crate::domain::time::{Instant, Interval};
use crate::ui::screens::Ctx;
use crate::ui::theme::{Role, Theme};

/// How long what was found is good for.
const FRESH: TimeDelta = TimeDelta::minutes(5);

/// One piece of work, as it took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    pub key: Key,
    pub at: Interval,
    pub what: String,
    /// An update or an upgrade: other software than before.
    pub is_deployment: bool,
    /// Its time is taken out of the budget, or counts as good.
    pub is_excluded: bool,
}

/// The work of one objective.
#[derive(Debug, Default)]
pub struct Work {
    /// Of which objective, which calendar and when.
    of: Option<(SloId, u64, Instant)>,
    done: Vec<Done>,
}

impl Work {
    /// Makes what is known true again; cheap where nothing changed.
    pub fn refresh(&mut self, status: &Status, ctx: &Ctx<'_>) {
        let calendar = &ctx.world.calendar;
        let at = status.as_of.duration_trunc(FRESH).unwrap_or(status.as_of);
        let of = (status.objective.id.clone(), calendar.generation, at);
        if self.of.as_ref() == Some(&of) {
            return;
        }
        let window = Interval::new(status.window.from, status.as_of.max(status.window.from));
        let service = Some(&status.objective.service);
        let found = calendar.value.touching((service, &Labels::new()), window, ctx.now);
        self.done = found.iter().filter_map(|one| done(one, status, ctx.now)).collect();
        self.done.sort_by_key(|done| (done.at.from, done.at.to));
        self.of = Some(of);
    }

    /// That of an objective, the oldest first; none before it was looked for.
    pub fn of<'a>(&'a self, status: &Status) -> &'a [Done] {
        let is_its = self.of.as_ref().is_some_and(|(id, ..)| *id == status.objective.id);
        if is_its { &self.done } else { &[] }
    }
}

/// What took place of it within the window; `None`: nothing did.
fn done(one: &Occurrence, status: &Status, now: Instant) -> Option<Done> {
    let kind = one.window.kind;
    if !kind.touches_services() {
        return None;
    }
    let actual = one.actual().map(|(from, to)| Interval::new(from, to.unwrap_or(now).max(from)));
    let planned = || one.effect().filter(|_| one.status != State::Cancelled);
    let at = actual.or_else(planned)?;
    if at.from >= status.as_of || at.to <= status.window.from {
        return None;
    }
    let what = text::clean(&one.window.title(), 100);
    let is_excluded = status
        .excluded
        .iter()
        .any(|(excluded, title)| excluded.overlap(at).is_some() && *title == one.window.title());
    let is_deployment = matches!(kind, Kind::Update | Kind::Upgrade);
    Some(Done { key: one.key.clone(), at, what, is_deployment, is_excluded })
}

impl Done {
    pub fn sign(&self, theme: &Theme) -> &'static str {
        if self.is_deployment { theme.symbols.deployment } else { theme.symbols.maintenance }
    }

    pub fn role(&self) -> Role {
        if self.is_deployment { Role::Accent } else { Role::Maintenance }
    }

    /// `excluded: Change the disks`, `deployed: Release 2.4`.
    pub fn words(&self) -> String {
        let deployed = if self.is_deployment { "deployed" } else { "work" };
        let word = if self.is_excluded { super::objectives::EXCLUDED } else { deployed };
        format!("{word}: {}", self.what)
    }
}
