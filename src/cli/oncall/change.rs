//! The changes of who is on call: `override`, `take`, `swap`, `drop`. Each says first what speaks
//! against it, and is not made then, unless it is forced.

use std::sync::Arc;

use chrono::Utc;
use chrono_tz::Tz;
use serde::Serialize;

use super::{NO_SCHEDULE, imported, known_person, known_schedule};
use crate::cli::args;
use crate::cli::output::{self, Exit, complain, print};
use crate::cli::{Context, Failure, stored};
use crate::config::Config;
use crate::domain::command::{Command, Verdict};
use crate::domain::roster::book::{self, Wanted, What};
use crate::domain::roster::concerns::{Concern, concerns, concerns_of_drop};
use crate::domain::roster::exchange::{self, Desk, Hindrance, as_made};
use crate::domain::roster::{OverrideId, Roster, Schedule};
use crate::domain::text::suggest;
use crate::domain::time::{Instant, Interval};
use crate::engine::runtime;
use crate::store::Store;

#[derive(Serialize)]
struct Document {
    outcomes: [Answer; 1],
}

/// What became of a change; all of it was made, or nothing.
#[derive(Serialize)]
struct Answer {
    /// `done refused`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Those that were made, or taken away.
    overrides: Vec<String>,
    /// What speaks against it, also where it was forced.
    concerns: Vec<ConcernFields>,
}

#[derive(Serialize)]
struct ConcernFields {
    /// `booked rest absent uncovered unknown empty`.
    kind: &'static str,
    text: String,
}

/// A change with what speaks against it.
type Judged = (book::Command, Vec<Concern>);

pub async fn put(
    context: &Context,
    config: Config,
    args: &args::Override,
) -> Result<Exit, Failure> {
    let roster = Arc::clone(&config.plan.roster);
    let schedule = known_schedule(&roster, &args.schedule)?;
    let person = match args.person.as_str() {
        "nobody" => None,
        id => Some(known_person(&roster, id)?),
    };
    let at = Interval::new(args.from.at(schedule.zone), args.to.at(schedule.zone));
    if at.is_empty() {
        return Err(Failure::Usage("--from is not before --to".to_owned()));
    }
    let reason = args.why.reason.clone();
    let wanted = vec![Wanted { schedule: schedule.id.clone(), person, at, reason }];
    let work = |desk: Desk<'_>, _| Ok(set(desk, wanted, What::Override));
    change(context, config, schedule.zone, args.why.force, work).await
}

pub async fn take(context: &Context, config: Config, args: &args::Take) -> Result<Exit, Failure> {
    let roster = Arc::clone(&config.plan.roster);
    let schedule = match &args.schedule {
        Some(id) => known_schedule(&roster, id)?,
        None => only_schedule(&roster)?,
    };
    let person = match (&args.person, &config.person) {
        (Some(id), _) => known_person(&roster, id)?,
        (None, Some(own)) => own.clone(),
        (None, None) => {
            let why =
                "who takes it? say so with --person, or with person in [operator] of the config";
            return Err(Failure::Usage(why.to_owned()));
        }
    };
    let at = args.at.map(|t| t.at(schedule.zone));
    let work = |desk: Desk<'_>, now| {
        let at = at.unwrap_or(now);
        let wanted = exchange::take(desk, schedule, &person, at, &args.why.reason)?;
        Ok(set(desk, vec![wanted], What::Take))
    };
    change(context, config, schedule.zone, args.why.force, work).await
}

pub async fn swap(context: &Context, config: Config, args: &args::Swap) -> Result<Exit, Failure> {
    let roster = Arc::clone(&config.plan.roster);
    let schedule = known_schedule(&roster, &args.schedule)?;
    let instants = (args.a.at(schedule.zone), args.b.at(schedule.zone));
    let work = |desk: Desk<'_>, now| {
        let wanted = exchange::swap(desk, schedule, instants, now, &args.why.reason)?;
        Ok(set(desk, wanted, What::Swap))
    };
    change(context, config, schedule.zone, args.why.force, work).await
}

pub async fn take_away(
    context: &Context,
    config: Config,
    args: &args::OncallDrop,
) -> Result<Exit, Failure> {
    let zone = config.plan.site.zone;
    let work = |desk: Desk<'_>, now| {
        let against = concerns_of_drop(desk.roster, desk.overrides, desk.imported, &args.ids, now);
        Ok((book::Command::Drop { ids: args.ids.clone() }, against))
    };
    change(context, config, zone, args.force, work).await
}

fn set(desk: Desk<'_>, wanted: Vec<Wanted>, what: What) -> Judged {
    let made = as_made(&wanted, desk.overrides);
    let against = concerns(desk.roster, desk.overrides, desk.imported, &made);
    (book::Command::Set { wanted, what }, against)
}

fn only_schedule(roster: &Roster) -> Result<&Arc<Schedule>, Failure> {
    match roster.schedules.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::Usage(NO_SCHEDULE.to_owned())),
        several => {
            let ids: Vec<&str> = several.iter().map(|s| &*s.id).collect();
            let known = suggest("", &ids, "defined schedules");
            Err(Failure::Usage(format!("on which schedule? say so with --schedule; {known}")))
        }
    }
}

/// Works a change out on the roster as it is now, makes it, and says what became of it; times in a
/// zone.
async fn change(
    context: &Context,
    config: Config,
    zone: Tz,
    force: bool,
    work: impl FnOnce(Desk<'_>, Instant) -> Result<Judged, Hindrance>,
) -> Result<Exit, Failure> {
    let store = stored::open(&config).await?;
    let outcome = attempt(context, config, &store, zone, force, work).await;
    store.close().await;
    let outcome = outcome?;
    let is_done = outcome.why.is_none();
    if context.output.json {
        output::document(&Document { outcomes: [outcome] });
    } else {
        tell(&outcome);
    }
    Ok(if is_done { Exit::Fine } else { Exit::Problems })
}

async fn attempt(
    context: &Context,
    config: Config,
    store: &Store,
    zone: Tz,
    force: bool,
    work: impl FnOnce(Desk<'_>, Instant) -> Result<Judged, Hindrance>,
) -> Result<Answer, Failure> {
    let loaded = store.load().await?;
    let (roster, overrides) = (Arc::clone(&config.plan.roster), loaded.book.overrides());
    let imported = imported(&config).await;
    let desk = Desk { roster: &roster, overrides: &overrides, imported: &imported };
    let (command, against) = match work(desk, Utc::now()) {
        Ok(judged) => judged,
        Err(Hindrance::Already(said)) => return Ok(Answer::done(said)),
        Err(Hindrance::Refused(why)) => return Ok(Answer::refused(why)),
    };
    let actor = stored::operator(context, &config);
    // What cannot be is said before what could be forced.
    let window = config.plan.policy.undo_window;
    if let Err(why) = loaded.book.judge(&roster, &actor, &command, (Utc::now(), window)) {
        return Ok(Answer::refused(why));
    }
    let fields = |c: &Concern| ConcernFields { kind: c.kind(), text: c.words(&roster, zone) };
    let concerns: Vec<ConcernFields> = against.iter().map(fields).collect();
    if !concerns.is_empty() && !force {
        let texts: Vec<&str> = concerns.iter().map(|c| c.text.as_str()).collect();
        let why = format!("{}; --force does it all the same", texts.join("; "));
        return Ok(Answer { concerns, ..Answer::refused(why) });
    }
    let command = if concerns.is_empty() {
        command
    } else {
        let reasons = concerns.iter().map(|c| c.text.clone()).collect();
        book::Command::Despite { command: Box::new(command), reasons }
    };
    let session = actor.session.clone();
    let answers = runtime::once(config.plan, store, actor, Command::Roster(command)).await?;
    let outcome = match answers.into_iter().next().map(|answer| answer.verdict) {
        Some(Verdict::Done { said, .. }) => {
            let touched = touched(store, loaded.head.position, &session).await?;
            let overrides = touched.iter().map(OverrideId::to_string).collect();
            Answer { overrides, ..Answer::done(said) }
        }
        Some(Verdict::Already { why }) => Answer::done(why),
        Some(other) => Answer::refused(other.to_string()),
        None => Answer::refused("the engine gave no answer".to_owned()),
    };
    // Of one that was refused all the same, concerns would say the wrong thing.
    let concerns = if outcome.why.is_none() { concerns } else { Vec::new() };
    Ok(Answer { concerns, ..outcome })
}

/// The overrides that a session touched after a position of the log.
async fn touched(store: &Store, mut after: u64, session: &str) -> Result<Vec<OverrideId>, Failure> {
    let mut touched = Vec::new();
    loop {
        let page = store.events_after(after).await?;
        let Some(last) = page.last() else { return Ok(touched) };
        after = last.position();
        let changes = page.iter().filter_map(|e| e.roster()).filter(|c| c.actor.session == session);
        touched.extend(changes.flat_map(|c| c.body.touches()));
    }
}

impl Answer {
    fn done(said: String) -> Self {
        Self {
            outcome: "done",
            said: Some(said),
            why: None,
            overrides: Vec::new(),
            concerns: Vec::new(),
        }
    }

    fn refused(why: String) -> Self {
        Self { outcome: "refused", said: None, why: Some(why), ..Self::done(String::new()) }
    }
}

/// What was done to standard output; to standard error what was not, and why, and what was forced
/// aside.
fn tell(outcome: &Answer) {
    match (&outcome.said, &outcome.why) {
        (Some(said), _) => {
            let ids = outcome.overrides.join(", ");
            let ids = if ids.is_empty() { "-" } else { &ids };
            print(&format!("{ids}  done  {said}\n"));
            for concern in &outcome.concerns {
                complain(&format!("{ids}  forced  {}", concern.text));
            }
        }
        (None, why) if outcome.concerns.is_empty() => {
            complain(&format!("-  refused  {}", why.as_deref().unwrap_or_default()));
        }
        _ => {
            for concern in &outcome.concerns {
                complain(&format!("-  refused  {}", concern.text));
            }
            complain("--force does it all the same");
        }
    }
}
