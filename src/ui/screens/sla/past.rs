//! The incidents behind objectives: those of a service are read from the store once, and what changes
//! of the loaded ones is taken over from then on.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::domain::health::ServiceId;
use crate::domain::slo::{Status, Trouble, Troubles};
use crate::domain::text;
use crate::domain::time::{Instant, Interval, before};
use crate::ui::cmd::Cmd;
use crate::ui::screens::Ctx;

/// When the store is asked again after it could not be read.
const AGAIN: TimeDelta = TimeDelta::seconds(30);
/// Burn rates reach so far back, whatever the window.
const LEAST: TimeDelta = TimeDelta::days(3);

/// What is known of the past of services.
#[derive(Debug, Default)]
pub struct Past {
    troubles: Troubles,
    /// Since when the store was read.
    read: BTreeMap<ServiceId, Instant>,
    /// What was asked for and has not been answered: one at a time.
    asked: Option<(ServiceId, Instant)>,
    /// The store could not be read.
    failed: Option<(Instant, String)>,
}

/// How complete what is shown is.
pub enum Complete<'a> {
    Yes,
    /// The store is being read.
    Soon,
    /// It could not be.
    No(&'a str),
}

impl Past {
    /// Makes what is known true again: cheap where nothing changed.
    pub fn refresh(&mut self, ctx: &Ctx<'_>) {
        self.troubles.refresh(&ctx.world.incidents.by_id);
    }

    /// Asks for what the window of an objective needs and is not known.
    pub fn wants(&mut self, status: &Status, now: Instant) -> Option<Cmd> {
        let service = &status.objective.service;
        self.troubles.follow(service);
        let waits = self.failed.as_ref().is_some_and(|(at, _)| now - *at < AGAIN);
        if self.asked.is_some() || waits || self.is_read(status) {
            return None;
        }
        let since = since(status);
        self.asked = Some((service.clone(), since));
        Some(Cmd::Troubles(service.clone(), since))
    }

    /// What was asked for is there.
    pub fn answered(
        &mut self,
        service: &ServiceId,
        since: Instant,
        result: Result<Vec<Trouble>, String>,
        now: Instant,
    ) {
        self.asked.take_if(|asked| *asked == (service.clone(), since));
        match result {
            Ok(found) => {
                self.troubles.take(service, found);
                self.read.insert(service.clone(), since);
                self.failed = None;
            }
            Err(why) => self.failed = Some((now, text::clean(&why, text::MAX_LINE))),
        }
    }

    /// Whether all incidents of the window are known.
    pub fn is_complete(&self, status: &Status) -> Complete<'_> {
        match &self.failed {
            _ if self.is_read(status) => Complete::Yes,
            Some((_, why)) => Complete::No(why),
            None => Complete::Soon,
        }
    }

    fn is_read(&self, status: &Status) -> bool {
        let read = self.read.get(&status.objective.service);
        read.is_some_and(|read| *read <= since(status))
    }

    /// The incidents that an objective has to do with in a stretch of time, the oldest first.
    pub fn within(
        &self,
        status: &Status,
        span: Interval,
        now: Instant,
    ) -> impl DoubleEndedIterator<Item = &Trouble> {
        let objective = &status.objective;
        let all = self.troubles.within(&objective.service, span, now);
        all.filter(|one| one.concerns(&objective.sli))
    }

    /// Those of its window so far.
    pub fn of_window(
        &self,
        status: &Status,
        now: Instant,
    ) -> impl DoubleEndedIterator<Item = &Trouble> {
        let window = status.window;
        self.within(status, Interval::new(window.from, status.as_of.max(window.from)), now)
    }
}

fn since(status: &Status) -> Instant {
    status.window.from.min(before(status.as_of, LEAST))
}
