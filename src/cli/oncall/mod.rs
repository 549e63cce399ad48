//! `atalaya oncall …`: who is on call and when, where nobody is, who carries how much; and the changes
//! that people make of it.

mod change;
mod export;
mod gaps;
mod load;
mod now;
mod overrides;
mod shifts;

use std::sync::Arc;

use chrono::{DurationRound, TimeDelta, Utc};
use chrono_tz::Tz;

use super::args::{Asked, Oncall, OncallCommand};
use super::output::{Exit, complain, print};
use super::sources::Fields;
use super::{Context, Failure, stored};
use crate::config::Config;
use crate::domain::observation::Fact;
use crate::domain::paging::Pages;
use crate::domain::roster::shifts::{Imported, final_shifts};
use crate::domain::roster::{Origin, Override, PersonId, Roster, Schedule, Shift, Turns};
use crate::domain::text::clean;
use crate::domain::text::suggest;
use crate::domain::time::{Instant, Interval};
use crate::sources::settings::SourceSettings;
use crate::sources::supervisor::poll_once;

/// What there is to say where the config has no schedule. A question has its answer then, with exit
/// code 0: there is nothing.
const NO_SCHEDULE: &str = "no schedule is defined; add [[people]] and [[schedules]] to the config, as \
    the commented example shows (`atalaya init --stdout` prints it)";

pub async fn run(context: &Context, args: Oncall) -> Result<Exit, Failure> {
    let Oncall { now, command } = args;
    if command.is_some() && (now.at.is_some() || now.schedule.is_some()) {
        let why = "--at and --schedule before the command belong to `atalaya oncall` alone; put them \
                   behind the command, or leave it out";
        return Err(Failure::Usage(why.to_owned()));
    }
    let config = context.config()?;
    match command {
        None => now::run(context, &config, &now).await,
        Some(OncallCommand::Shifts(args)) => shifts::run(context, &config, &args).await,
        Some(OncallCommand::Gaps(args)) => gaps::run(context, &config, &args).await,
        Some(OncallCommand::Load(args)) => load::run(context, &config, &args).await,
        Some(OncallCommand::Overrides(args)) => overrides::run(context, &config, &args).await,
        Some(OncallCommand::Override(args)) => change::put(context, config, &args).await,
        Some(OncallCommand::Take(args)) => change::take(context, config, &args).await,
        Some(OncallCommand::Swap(args)) => change::swap(context, config, &args).await,
        Some(OncallCommand::Drop(args)) => change::take_away(context, config, &args).await,
        Some(OncallCommand::Export(args)) => export::run(context, &config, &args).await,
    }
}

/// What a question is answered from.
struct View {
    roster: Arc<Roster>,
    overrides: Vec<Override>,
    imported: Imported,
    pages: Pages,
    /// Those that are asked about.
    schedules: Vec<Arc<Schedule>>,
    /// Of the times that are read and shown: the schedule's where it is one, else the site's.
    zone: Tz,
    now: Instant,
}

impl View {
    /// Of one schedule, or of all, with what calendars state.
    async fn open(
        context: &Context,
        config: &Config,
        schedule: Option<&str>,
    ) -> Result<Self, Failure> {
        let stored = Self::stored(context, config, schedule).await?;
        Ok(Self { imported: imported(config).await, ..stored })
    }

    /// The same without asking any calendar.
    async fn stored(
        context: &Context,
        config: &Config,
        schedule: Option<&str>,
    ) -> Result<Self, Failure> {
        let roster = Arc::clone(&config.plan.roster);
        let schedules = match schedule {
            Some(id) => vec![Arc::clone(known_schedule(&roster, id)?)],
            None => roster.schedules.clone(),
        };
        let zone = match schedules.as_slice() {
            [one] => one.zone,
            _ => config.plan.site.zone,
        };
        let store = stored::open_to_query(context, config).await?;
        let loaded = store.load().await;
        store.close().await;
        let loaded = loaded?;
        let (overrides, pages) = (loaded.book.overrides(), loaded.pages);
        let imported = Imported::new();
        Ok(Self { roster, overrides, imported, pages, schedules, zone, now: Utc::now() })
    }

    /// The stretch that a question is about: from now on, if it does not say; two weeks.
    fn span(&self, asked: &Asked) -> Result<Interval, Failure> {
        let now = self.now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(self.now);
        super::span::of(asked.from, asked.to, self.zone, now)
    }

    /// The final shifts of each schedule that is asked about.
    fn finals(&self, within: Interval) -> Vec<(Arc<Schedule>, Vec<Shift>)> {
        let shifts = |s: &Schedule| final_shifts(s, &self.overrides, &self.imported, within);
        self.schedules.iter().map(|s| (Arc::clone(s), shifts(s))).collect()
    }

    /// Whether there is nothing to ask about, which is said where people read.
    fn is_blank(&self, context: &Context) -> bool {
        let blank = self.schedules.is_empty();
        if blank && !context.output.json {
            print(&format!("{NO_SCHEDULE}\n"));
        }
        blank
    }

    fn time(&self, at: Instant) -> String {
        time(at, self.zone)
    }
}

/// `Mon 2026-11-23 09:00 CET`.
fn time(at: Instant, zone: Tz) -> String {
    at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M %Z").to_string()
}

/// What the calendars state that layers are read from, each asked once. Of one that does not answer,
/// why, and whose shifts are missing, goes to standard error.
pub(super) async fn imported(config: &Config) -> Imported {
    let layers = config.plan.roster.schedules.iter().flat_map(|schedule| {
        schedule.layers.iter().filter_map(move |layer| match &layer.turns {
            Turns::Calendar(source) => Some((source, layer, schedule)),
            Turns::Rotation(_) => None,
        })
    });
    let layers: Vec<_> = layers.collect();
    let is_read = |s: &&SourceSettings| layers.iter().any(|(source, ..)| **source == s.name);
    let sources = config.sources.iter().filter(is_read).cloned().collect();
    let mut imported = Imported::new();
    for (status, observation) in poll_once(sources).await {
        let facts = observation.into_iter().flat_map(|o| o.facts);
        let shifts = facts.filter_map(|fact| match fact {
            Fact::Shifts(duties) => Some((status.name.clone(), duties)),
            _ => None,
        });
        imported.extend(shifts);
        if !imported.contains_key(&status.name) {
            let of = layers.iter().filter(|(source, ..)| **source == status.name);
            let of: Vec<String> = of
                .map(|(_, layer, schedule)| format!("layer \"{}\" of {}", layer.name, schedule.id))
                .collect();
            let why = Fields::of(&status).complaint();
            complain(&format!("{why}; the shifts of {} are missing", of.join(", ")));
        }
    }
    imported
}

fn known_schedule<'a>(roster: &'a Roster, id: &str) -> Result<&'a Arc<Schedule>, Failure> {
    roster.schedule(id).ok_or_else(|| {
        let known: Vec<&str> = roster.schedules.iter().map(|s| &*s.id).collect();
        let remedy = match known.as_slice() {
            [] => NO_SCHEDULE.to_owned(),
            known => suggest(id, known, "defined schedules"),
        };
        Failure::Usage(format!("unknown schedule {:?}; {remedy}", clean(id, 80)))
    })
}

fn known_person(roster: &Roster, id: &str) -> Result<PersonId, Failure> {
    roster.person(id).map(|p| p.id.clone()).ok_or_else(|| {
        let known: Vec<&str> = roster.people.keys().map(|id| &**id).collect();
        let remedy = match known.as_slice() {
            [] => "nobody is defined; add [[people]] to the config".to_owned(),
            known => suggest(id, known, "defined people"),
        };
        Failure::Usage(format!("unknown person {:?}; {remedy}", clean(id, 80)))
    })
}

/// Why it is that person: the name of the layer, or the override.
fn origin(schedule: &Schedule, origin: Origin) -> (Option<String>, Option<String>) {
    match origin {
        Origin::Layer(index) => (schedule.layers.get(index).map(|l| l.name.to_string()), None),
        Origin::Override(id) => (None, Some(id.to_string())),
    }
}
