//! What people do about the calendar: plan, approve, start, extend, finish, cancel. What a plan
//! collides with is said first, and it is not made then, unless it is forced.

use chrono::TimeDelta;
use serde::Serialize;

use super::View;
use super::window::{added, changed, local};
use crate::cli::args::{
    CalendarAdd, CalendarCancel, CalendarChange, CalendarCheck, CalendarDoubtful, CalendarExcept,
    CalendarExtend, CalendarFinish, CalendarMove, CalendarWhich,
};
use crate::cli::incidents::utc;
use crate::cli::output::{self, Exit, complain, print};
use crate::cli::{Context, Failure, stored};
use crate::config::Config;
use crate::domain::calendar::conflicts::{Conflict, Proposal, Replaces, conflicts};
use crate::domain::calendar::lifecycle::judge;
use crate::domain::calendar::slots::HORIZON;
use crate::domain::calendar::{
    Action, By, CalendarEvent, CheckResult, Command as Ask, Occurrence, WindowId,
};
use crate::domain::command::{Command, Verdict};
use crate::domain::text::clean;
use crate::domain::text::suggest;
use crate::domain::time::{Instant, Interval, before, zone};
use crate::engine::runtime;
use crate::store::Store;

#[derive(Serialize)]
struct Document {
    outcomes: [Answer; 1],
}

/// What became of it.
#[derive(Serialize)]
struct Answer {
    /// `WIN-3`; `null` where nothing was planned.
    window: Option<String>,
    /// `done refused`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// What it collides with, also where it was forced.
    conflicts: Vec<ConflictFields>,
}

#[derive(Serialize)]
struct ConflictFields {
    from: String,
    to: String,
    why: String,
}

/// A change, and what it collides with.
type Judged = (Ask, Vec<Conflict>);

pub async fn add(context: &Context, config: Config, args: &CalendarAdd) -> Result<Exit, Failure> {
    let window = added(&config, args)?;
    change(context, config, args.force, |view| {
        if let (Some(code), Some(reason)) = (args.past, &args.reason) {
            let window = Box::new(window);
            let reason = reason.clone();
            return Ok((Ask::Declare { window, code, reason }, Vec::new()));
        }
        let ahead = Interval::new(view.now, before(view.now, -HORIZON * 2));
        let against = view.outlook(ahead).against(&window, Replaces::Nothing);
        Ok((Ask::Add { window: Box::new(window) }, against))
    })
    .await
}

pub async fn approve(
    context: &Context,
    config: Config,
    args: &CalendarDoubtful,
) -> Result<Exit, Failure> {
    act(context, config, &args.which, args.force, Action::Approve).await
}

pub async fn start(
    context: &Context,
    config: Config,
    args: &CalendarDoubtful,
) -> Result<Exit, Failure> {
    act(context, config, &args.which, args.force, Action::Start).await
}

pub async fn extend(
    context: &Context,
    config: Config,
    args: &CalendarExtend,
) -> Result<Exit, Failure> {
    change(context, config, args.force, |view| {
        let action = Action::Extend { by: args.by };
        let one = meant(view, &args.which, &action)?;
        let at = Interval::new(one.end(), before(one.end(), -args.by));
        let outlook = view.outlook(at);
        let proposal = Proposal { window: &one.window, at, replaces: Replaces::One(&one.key) };
        let against = conflicts(&proposal, &outlook.world());
        Ok((Ask::Act { key: one.key.clone(), action }, against))
    })
    .await
}

pub async fn finish(
    context: &Context,
    config: Config,
    args: &CalendarFinish,
) -> Result<Exit, Failure> {
    let action = Action::Finish { code: args.code, note: args.note.clone() };
    act(context, config, &args.which, true, action).await
}

pub async fn cancel(
    context: &Context,
    config: Config,
    args: &CalendarCancel,
) -> Result<Exit, Failure> {
    let reason = args.reason.clone();
    if args.series {
        return change(context, config, true, |view| {
            let window = known_window(view, &args.which.window)?;
            Ok((Ask::Withdraw { window, reason }, Vec::new()))
        })
        .await;
    }
    act(context, config, &args.which, true, Action::Cancel { reason }).await
}

pub async fn reschedule(
    context: &Context,
    config: Config,
    args: &CalendarMove,
) -> Result<Exit, Failure> {
    change(context, config, args.force, |view| {
        let one = meant(view, &args.which, &Action::Start)?;
        let to = local(args.to, one.window.zone())?;
        // What was put off or extended keeps the length that it has.
        let length = args.duration.or_else(|| one.record()?.moved?.length);
        let action = Action::Move { to, length };
        let at = one.window.planned(to, length.unwrap_or(one.window.length));
        let outlook = view.outlook(at);
        let proposal = Proposal { window: &one.window, at, replaces: Replaces::One(&one.key) };
        let against = conflicts(&proposal, &outlook.world());
        Ok((Ask::Act { key: one.key.clone(), action }, against))
    })
    .await
}

pub async fn change_window(
    context: &Context,
    config: Config,
    args: &CalendarChange,
) -> Result<Exit, Failure> {
    let known = config.clone();
    change(context, config, args.force, |view| {
        let id = known_window(view, &args.window)?;
        let present = view.calendar.window(&id).map(|v| v.window.clone());
        let present = present.ok_or_else(|| Failure::Refused(format!("{id} was withdrawn")))?;
        let window = changed(&known, &present, args)?;
        let ahead = Interval::new(view.now, before(view.now, -HORIZON * 2));
        let mut against = view.calendar.discarded(&window, view.now);
        against.extend(view.outlook(ahead).against(&window, Replaces::Series(&id)));
        // Two that change it at once do not overwrite each other unseen.
        let command = Box::new(Ask::Change { window: Box::new(window) });
        let position = view.calendar.position();
        Ok((Ask::Seen { command, position }, against))
    })
    .await
}

pub async fn check(
    context: &Context,
    config: Config,
    args: &CalendarCheck,
) -> Result<Exit, Failure> {
    let result = match args.value {
        Some(value) => CheckResult::Value { value },
        None if args.fail => CheckResult::Fail,
        None => CheckResult::Pass,
    };
    let (item, note) = (args.item.saturating_sub(1), clean(&args.note, 500));
    act(context, config, &args.which, true, Action::Check { item, result, note }).await
}

pub async fn except(
    context: &Context,
    config: Config,
    args: &CalendarExcept,
) -> Result<Exit, Failure> {
    change(context, config, true, |view| {
        let freeze = known_window(view, &args.freeze)?;
        let window = known_window(view, &args.window)?;
        let (reason, expires) = (clean(&args.reason, 500), args.until.begins(view.zone));
        Ok((Ask::Except { freeze, window, reason, expires }, Vec::new()))
    })
    .await
}

async fn act(
    context: &Context,
    config: Config,
    which: &CalendarWhich,
    force: bool,
    action: Action,
) -> Result<Exit, Failure> {
    change(context, config, force, |view| {
        let one = meant(view, which, &action)?;
        let doubtful = matches!(action, Action::Approve | Action::Start);
        let against =
            if doubtful { view.outlook(one.planned).against_one(&one) } else { Vec::new() };
        Ok((Ask::Act { key: one.key, action }, against))
    })
    .await
}

fn known_window(view: &View, id: &str) -> Result<WindowId, Failure> {
    let known = |id: &str| view.calendar.window(&WindowId::new(id)).map(|v| v.window.id.clone());
    known(id).or_else(|| known(&id.to_ascii_uppercase())).ok_or_else(|| {
        let all: Vec<&str> = view.calendar.windows().map(|v| &*v.window.id.0).collect();
        let remedy = match all.as_slice() {
            [] => "none is planned; `atalaya calendar add` plans one".to_owned(),
            all => suggest(id, all, "there are"),
        };
        Failure::Refused(format!("there is no window {:?}; {remedy}", clean(id, 80)))
    })
}

/// The occurrence that somebody means: the one that began then, else the one that is in progress,
/// else the next; to finish one also the last that ended by itself.
fn meant(view: &View, which: &CalendarWhich, action: &Action) -> Result<Occurrence, Failure> {
    let id = known_window(view, &which.window)?;
    let zone = view.calendar.window(&id).map_or(view.zone, |v| v.window.zone());
    let far = |sign| before(view.now, HORIZON * 5 * sign);
    let at = which.at.map(|at| at.begins(zone));
    let second = TimeDelta::seconds(1);
    let within =
        at.map_or(Interval::new(far(1), far(-1)), |at| Interval::new(at, before(at, -second)));
    let all = view.calendar.occurrences(within, view.now);
    let ours = || all.iter().filter(|one| one.key.window == id);
    if let Some(at) = at {
        let is_then = |one: &&Occurrence| {
            one.planned.from == at || zone::instant(one.key.original, zone) == at
        };
        return ours().find(is_then).cloned().ok_or_else(|| {
            let time = at.with_timezone(&zone).format("%Y-%m-%d %H:%M");
            Failure::Refused(format!(
                "{id} does not begin at {time}; `atalaya calendar` lists when it does"
            ))
        });
    }
    let is_under_way =
        |one: &&Occurrence| one.is_open() && (one.overrun || one.planned.contains(view.now));
    let next = || ours().find(|one| one.is_open() && one.planned.to > view.now);
    let last = || {
        let over = |one: &&Occurrence| !one.is_open() && one.planned.from <= view.now;
        ours().rfind(over)
    };
    let found = ours().find(is_under_way);
    // An inspection may be late: then it is the one that is meant.
    let late = || {
        let waits = |one: &&Occurrence| one.is_open() && one.planned.from <= view.now;
        ours().rfind(|one| waits(one) && !one.window.kind.runs_by_itself())
    };
    let found = found.or_else(late);
    let found = match action {
        Action::Finish { .. } => found.or_else(last).or_else(next),
        _ => found.or_else(next).or_else(last),
    };
    found.cloned().ok_or_else(|| {
        Failure::Refused(format!("{id} takes place no more; `atalaya calendar` lists what does"))
    })
}

/// Works a change out on the calendar as it is now, makes it, and says what became of it.
async fn change(
    context: &Context,
    config: Config,
    force: bool,
    work: impl FnOnce(&View) -> Result<Judged, Failure>,
) -> Result<Exit, Failure> {
    let store = stored::open(&config).await?;
    let outcome = attempt(context, config, &store, force, work).await;
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
    force: bool,
    work: impl FnOnce(&View) -> Result<Judged, Failure>,
) -> Result<Answer, Failure> {
    let view = View::of_store(&config, store).await?;
    let (command, against) = match work(&view) {
        // A refusal is an answer, also for scripts.
        Err(Failure::Refused(why)) => return Ok(Answer::refused(why)),
        other => other?,
    };
    let actor = stored::operator(context, &config);
    let by = By {
        actor: &actor,
        person: view.plan.person.as_deref(),
        roster: &view.plan.roster,
        undo_window: view.plan.policy.undo_window,
    };
    // What cannot be is said before what could be forced.
    if let Err(refused) = judge(&view.calendar, &command, &by, view.now) {
        return Ok(Answer::refused(refused.why));
    }
    let conflicts: Vec<ConflictFields> = against
        .iter()
        .map(|c| ConflictFields {
            from: utc(c.at.from),
            to: utc(c.at.to),
            why: format!("{}: {}", view.span_of(c.at), c.text(&view.plan.roster)),
        })
        .collect();
    if !conflicts.is_empty() && !force {
        let texts: Vec<&str> = conflicts.iter().map(|c| c.why.as_str()).collect();
        let why = format!("{}; --force does it all the same", texts.join("; "));
        return Ok(Answer { conflicts, ..Answer::refused(why) });
    }
    let command = if conflicts.is_empty() {
        command
    } else {
        let reasons = conflicts.iter().map(|c| c.why.clone()).collect();
        Ask::Despite { command: Box::new(command), reasons }
    };
    let position = store.head().await?.position;
    let session = actor.session.clone();
    let answers =
        runtime::once((*view.plan).clone(), store, actor, Command::Calendar(command)).await?;
    let outcome = match answers.into_iter().next().map(|answer| answer.verdict) {
        Some(Verdict::Done { said, .. }) => {
            let window = touched(store, position, &session).await?;
            Answer { window, outcome: "done", said: Some(said), ..Answer::refused(String::new()) }
        }
        Some(other) => Answer::refused(other.to_string()),
        None => Answer::refused("the engine gave no answer".to_owned()),
    };
    let why = outcome.why.filter(|_| outcome.outcome != "done");
    // Of one that was refused all the same, conflicts would say the wrong thing.
    let conflicts = if why.is_none() { conflicts } else { Vec::new() };
    Ok(Answer { why, conflicts, ..outcome })
}

/// The window that a session changed after a position of the log.
async fn touched(store: &Store, after: u64, session: &str) -> Result<Option<String>, Failure> {
    let page = store.events_after(after).await?;
    let own = page.iter().filter_map(|e| e.calendar()).find(|c| c.actor.session == session);
    Ok(own.map(|c| CalendarEvent::window(&c.body).to_string()))
}

impl Answer {
    fn refused(why: String) -> Self {
        Self { window: None, outcome: "refused", said: None, why: Some(why), conflicts: Vec::new() }
    }
}

impl View {
    /// `Sat 2026-11-28 22:00 – 23:00`
    fn span_of(&self, at: Interval) -> String {
        let local = |at: Instant| at.with_timezone(&self.zone);
        let (from, to) = (local(at.from), local(at.to));
        let same = from.date_naive() == to.date_naive();
        let end = to.format(if same { "%H:%M" } else { "%a %Y-%m-%d %H:%M" });
        format!("{} – {end}", from.format("%a %Y-%m-%d %H:%M"))
    }
}

/// What was done to standard output; to standard error what was not, and why, and what was forced
/// aside.
fn tell(outcome: &Answer) {
    let id = outcome.window.as_deref().unwrap_or("-");
    match (&outcome.said, &outcome.why) {
        (Some(said), None) => {
            print(&format!("{id}  done  {said}\n"));
            for conflict in &outcome.conflicts {
                complain(&format!("{id}  forced  {}", conflict.why));
            }
        }
        (_, why) if outcome.conflicts.is_empty() => {
            complain(&format!("-  refused  {}", why.as_deref().unwrap_or_default()));
        }
        _ => {
            for conflict in &outcome.conflicts {
                complain(&format!("-  refused  {}", conflict.why));
            }
            complain("--force does it all the same");
        }
    }
}
