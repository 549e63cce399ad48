//! `atalaya calendar …`: what is planned, what it collides with, and what people do about it.

mod change;
mod conflicts;
mod export;
mod list;
mod window;

use std::sync::Arc;

use chrono::{DurationRound, TimeDelta, Utc};
use chrono_tz::Tz;

use super::args::{Calendar as Args, CalendarCommand, CalendarSpan};
use super::output::{Exit, complain};
use super::sources::Fields;
use super::{Context, Failure, stored};
use crate::config::Config;
use crate::domain::calendar::{Calendar, Occurrence, Windows};
use crate::domain::health::ServiceId;
use crate::domain::incident::Incident;
use crate::domain::observation::{Fact, SourceName};
use crate::domain::roster::shifts::Imported;
use crate::domain::roster::{Override, Turns};
use crate::domain::text::clean;
use crate::domain::text::suggest;
use crate::domain::time::{Instant, Interval};
use crate::engine::Plan;
use crate::engine::outlook::{Known, Outlook};
use crate::sources::settings::SourceSettings;
use crate::sources::supervisor::poll_once;
use crate::store::{Loaded, Store};

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let Args { asked, command } = args;
    if command.is_some() && (asked.from.is_some() || asked.to.is_some() || asked.service.is_some())
    {
        let why = "--from, --to and --service before the command belong to `atalaya calendar` alone; \
                   put them behind the command, or leave it out";
        return Err(Failure::Usage(why.to_owned()));
    }
    let config = context.config()?;
    match command {
        None => list::run(context, &config, &asked).await,
        Some(CalendarCommand::Add(args)) => Box::pin(change::add(context, config, &args)).await,
        Some(CalendarCommand::Approve(args)) => change::approve(context, config, &args).await,
        Some(CalendarCommand::Start(args)) => change::start(context, config, &args).await,
        Some(CalendarCommand::Extend(args)) => change::extend(context, config, &args).await,
        Some(CalendarCommand::Finish(args)) => change::finish(context, config, &args).await,
        Some(CalendarCommand::Cancel(args)) => change::cancel(context, config, &args).await,
        Some(CalendarCommand::Move(args)) => change::reschedule(context, config, &args).await,
        Some(CalendarCommand::Change(args)) => {
            Box::pin(change::change_window(context, config, &args)).await
        }
        Some(CalendarCommand::Check(args)) => change::check(context, config, &args).await,
        Some(CalendarCommand::Except(args)) => change::except(context, config, &args).await,
        Some(CalendarCommand::Conflicts(args)) => conflicts::run(context, &config, &args).await,
        Some(CalendarCommand::NextSlot(args)) => conflicts::slot(context, &config, &args).await,
        Some(CalendarCommand::Export(args)) => export::run(context, &config, &args).await,
    }
}

/// What a question is answered from.
struct View {
    plan: Arc<Plan>,
    calendar: Calendar,
    incidents: Vec<Incident>,
    overrides: Vec<Override>,
    zone: Tz,
    now: Instant,
}

impl View {
    async fn open(context: &Context, config: &Config) -> Result<Self, Failure> {
        let (calendars, own) = tokio::join!(read(config), Self::own(context, config));
        Ok(own?.with(calendars))
    }

    /// Without what calendars of others state.
    async fn own(context: &Context, config: &Config) -> Result<Self, Failure> {
        let store = stored::open_to_query(context, config).await?;
        let loaded = store.load().await;
        store.close().await;
        Ok(Self::of(config, loaded?))
    }

    async fn of_store(config: &Config, store: &Store) -> Result<Self, Failure> {
        let (calendars, loaded) = tokio::join!(read(config), store.load());
        Ok(Self::of(config, loaded?).with(calendars))
    }

    fn of(config: &Config, loaded: Loaded) -> Self {
        let now = Utc::now();
        let mut calendar = loaded.calendar;
        calendar.set_plan(&config.plan.windows, now);
        let (mut plan, zone) = (config.plan.clone(), config.plan.site.zone);
        // Who is on call by a calendar only a console knows that reads it: nobody counts wrongly.
        let layers = plan.roster.schedules.iter().flat_map(|s| &s.layers);
        if layers.into_iter().any(|layer| matches!(layer.turns, Turns::Calendar(_))) {
            plan.on_call_needed = 0;
        }
        let plan = Arc::new(plan);
        let overrides = loaded.book.overrides();
        Self { plan, calendar, incidents: loaded.incidents, overrides, zone, now }
    }

    /// With what calendars of others state; the plan has it for whoever makes an engine of it.
    fn with(mut self, calendars: Vec<(SourceName, Windows)>) -> Self {
        for (source, windows) in calendars {
            self.calendar.set_imported(&source, &windows, self.now);
            Arc::make_mut(&mut self.plan).calendars.insert(source, Some(windows));
        }
        self
    }

    fn outlook(&self, within: Interval) -> Outlook {
        let plan = Arc::clone(&self.plan);
        let known = Known {
            services: self.plan.services.iter().collect(),
            incidents: self.incidents.iter().collect(),
            overrides: &self.overrides,
            imported: &Imported::new(),
        };
        Outlook::new(plan, &self.calendar, &known, within, self.now)
    }

    /// The stretch that a question is about: from now on, if it does not say; two weeks.
    fn span(&self, asked: &CalendarSpan) -> Result<Interval, Failure> {
        let now = self.now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(self.now);
        super::span::of(asked.from, asked.to, self.zone, now)
    }

    fn time(&self, at: Instant) -> String {
        at.with_timezone(&self.zone).format("%a %Y-%m-%d %H:%M %Z").to_string()
    }
}

/// What the store has with what the plan and, unless they are not to be asked, the calendars of others
/// state.
pub(super) async fn whole(
    config: &Config,
    mut calendar: Calendar,
    offline: bool,
    now: Instant,
) -> Calendar {
    calendar.set_plan(&config.plan.windows, now);
    let stated = if offline { Vec::new() } else { read(config).await };
    for (source, windows) in stated {
        calendar.set_imported(&source, &windows, now);
    }
    calendar
}

/// What the calendars of others state, each asked once. Of one that does not answer, why goes to
/// standard error.
pub(super) async fn read(config: &Config) -> Vec<(SourceName, Windows)> {
    let is_one = |s: &&SourceSettings| s.kind.states_windows();
    let sources = config.sources.iter().filter(is_one).cloned().collect();
    let mut out = Vec::new();
    for (status, observation) in poll_once(sources).await {
        let facts = observation.into_iter().flat_map(|o| o.facts);
        let windows = facts.into_iter().find_map(|fact| match fact {
            Fact::Windows(windows) => Some(windows),
            _ => None,
        });
        if let Some(windows) = windows {
            out.push((status.name.clone(), windows));
        } else {
            let why = Fields::of(&status).complaint();
            complain(&format!("{why}; its windows are missing"));
        }
    }
    out
}

/// A service of the plan. Sources declare others; what is asked about is taken as it is where the
/// plan has none.
fn known_service(plan: &Plan, id: &str) -> Result<ServiceId, Failure> {
    let service = ServiceId::new(id);
    if plan.services.is_empty() || plan.service(&service).is_some() {
        return Ok(service);
    }
    let known: Vec<&str> = plan.services.iter().map(|s| s.id.as_str()).collect();
    let remedy = suggest(id, &known, "defined services");
    Err(Failure::Usage(format!("unknown service {:?}; {remedy}", clean(id, 80))))
}

fn touches(one: &Occurrence, service: Option<&ServiceId>) -> bool {
    service.is_none_or(|s| one.window.scope.services.contains(s))
}
