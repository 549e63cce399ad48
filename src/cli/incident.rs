//! `atalaya incident …`: the same commands that the keys send, several ids at a time, an outcome for
//! each.

use std::collections::BTreeSet;
use std::io::Read as _;

use chrono::{TimeDelta, Utc};
use serde::Serialize;

use super::args::{
    Correct, Escalate as EscalateArgs, Found, Incident as Args, Reasoned, Report as ReportArgs,
};
use super::output::{self, Exit, complain, print};
use super::{Context, Failure, oncall, orders, page, show, stored};
use crate::config::Config;
use crate::domain::command::{Command, Outcome, Verdict};
use crate::domain::health::ServiceId;
use crate::domain::incident::lifecycle::{Action, Correction, Report, Target};
use crate::domain::incident::{Actor, Findings, IncidentId};
use crate::domain::outbox::Standing;
use crate::domain::paging::escalate::Request;
use crate::domain::text::suggest;
use crate::domain::text::{MAX_LINE, MAX_TEXT, clean, clean_text};
use crate::domain::time::{self, Instant};
use crate::engine::runtime;
use crate::sources::settings::{Kind, SourceSettings};
use crate::store::Store;

/// How long is waited for sources that are told of it.
const TELL_WITHIN: TimeDelta = TimeDelta::seconds(5);

#[derive(Serialize)]
struct Document {
    outcomes: Vec<OutcomeFields>,
}

#[derive(Serialize)]
struct OutcomeFields {
    /// `null` only for a report that was refused.
    id: Option<String>,
    /// `done refused conflict`.
    outcome: &'static str,
    why: String,
    /// Incidents that went along, such as the folded ones.
    also: Vec<String>,
}

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let config = context.config()?;
    let reported = matches!(args, Args::Report(_));
    let command = match args {
        Args::Escalate(args) => return escalate(context, &config, &args).await,
        Args::Show(args) => return show::run(context, &config, args.id).await,
        Args::Report(args) => Command::Report(report(args, &config)?),
        Args::Ack(args) => act(&args.ids, Action::Acknowledge { lasting: args.lasting }),
        Args::Unack(ids) => act(&ids.ids, Action::Unacknowledge),
        Args::Assign(args) => {
            let to = args.to.map(|to| if to == "me" { config.operator.clone() } else { to });
            act(&args.ids, Action::Assign { to })
        }
        Args::Classify(args) => {
            let category = args.category;
            let (impact, urgency) = (args.impact, args.urgency);
            act(&args.ids, Action::Classify { impact, urgency, category })
        }
        Args::Hold(args) => {
            let until = args.until.map(|text| coming(&text, &config)).transpose()?;
            let (reason, note) = (args.reason, args.note);
            act(&args.ids, Action::Hold { reason, note, until })
        }
        Args::Resume(ids) => act(&ids.ids, Action::Resume),
        Args::Snooze(args) => {
            act(&args.ids, Action::Snooze { until: coming(&args.until, &config)? })
        }
        Args::Wake(ids) => act(&ids.ids, Action::Wake),
        Args::Merge(args) => act(&args.ids, Action::Merge { into: args.into }),
        Args::Split(args) => {
            let (ids, reason) = reasoned(args);
            act(&ids, Action::Split { reason })
        }
        Args::Feedback(args) => {
            let (text, from) = (args.text, args.from);
            act(&args.ids, Action::Rate { score: args.score, text, from })
        }
        Args::Correct(args) => correct(args, &config)?,
        Args::Note(args) => act(&args.ids, Action::Note { text: note(&args.text)? }),
        Args::Resolve(args) => {
            let (ids, reason) = reasoned(args.reasoned);
            let (findings, force) = (found(args.found), args.force);
            act(&ids, Action::Resolve { reason, findings, force })
        }
        Args::Close(args) => {
            let (ids, reason) = reasoned(args.reasoned);
            let (findings, category) = (found(args.found), args.category);
            act(&ids, Action::Close { reason, findings, category })
        }
        Args::Reopen(args) => {
            let (ids, reason) = reasoned(args);
            act(&ids, Action::Reopen { reason })
        }
        Args::Cancel(args) => {
            let (ids, reason) = reasoned(args);
            if reason.trim().is_empty() {
                let why = "cancel keeps the reason; give it with --reason 'a false alarm'";
                return Err(Failure::Usage(why.to_owned()));
            }
            act(&ids, Action::Cancel { reason })
        }
    };
    let store = stored::open(&config).await?;
    let actor = stored::operator(context, &config);
    if config.plan.upstreams.values().any(|u| !u.actions.is_empty()) {
        let done = telling(context, &config, &store, actor, (command, reported)).await;
        store.close().await;
        return done;
    }
    let outcomes = runtime::once(config.plan, &store, actor, command).await;
    store.close().await;
    Ok(answer(context, &outcomes?, reported))
}

/// Does it, and tells the sources that want to know. What could not be told yet the next console tells:
/// the exit code says so.
async fn telling(
    context: &Context,
    config: &Config,
    store: &Store,
    actor: Actor,
    (command, reported): (Command, bool),
) -> Result<Exit, Failure> {
    let desk = runtime::Desk::open(config.plan.clone(), store).await?;
    let before = desk.orders().await?.next();
    let outcomes = desk.ask(actor.clone(), command).await?;
    let orders = desk.orders().await?;
    let ours = orders.iter().filter(|o| o.what.id >= before && o.session == actor.session);
    let ids: Vec<_> = ours.map(|o| o.what.id).collect();
    let orders = orders::settle(config, &actor, desk, &ids, TELL_WITHIN).await?;
    let exit = answer(context, &outcomes, reported);
    let untold = ids.iter().filter_map(|id| orders.get(*id));
    let untold: Vec<_> =
        untold.filter(|o| !matches!(o.standing, Standing::Delivered { .. })).collect();
    for order in &untold {
        let (source, what) = (&order.what.source, order.what.call.words());
        complain(&format!("{source} is not told ({what}): {}", order.stands()));
    }
    Ok(if untold.is_empty() || exit != Exit::Fine { exit } else { Exit::Unreachable })
}

/// The next level of each, one after the other: each is paged as the roster is now.
async fn escalate(
    context: &Context,
    config: &Config,
    args: &EscalateArgs,
) -> Result<Exit, Failure> {
    let store = stored::open(config).await?;
    let actor = stored::operator(context, config);
    let work = async {
        let desk = runtime::Desk::open(config.plan.clone(), &store).await?;
        desk.know(oncall::imported(config).await).await;
        let before = desk.pages().await?.next();
        let mut outcomes = Vec::new();
        let mut taken = BTreeSet::new();
        for incident in args.ids.iter().copied().filter(|id| taken.insert(*id)) {
            let request = Request { incident, level: args.level, confirmed: None };
            outcomes.extend(desk.ask(actor.clone(), Command::Escalate(request)).await?);
        }
        let pages = page::carry_out(config, &actor, desk, before, args.wait).await?;
        Ok::<_, Failure>((outcomes, pages))
    };
    let done = work.await;
    store.close().await;
    let (outcomes, pages) = done?;
    let exit = answer(context, &outcomes, false);
    let missing: Vec<String> =
        pages.iter().filter(|p| !p.has_arrived()).map(|p| p.what.id.to_string()).collect();
    if missing.is_empty() || exit != Exit::Fine {
        return Ok(exit);
    }
    let missing = missing.join(", ");
    complain(&format!("{missing} has not arrived; the next console on this store tries again"));
    Ok(Exit::Unreachable)
}

fn answer(context: &Context, outcomes: &[Outcome], reported: bool) -> Exit {
    if context.output.json {
        output::document(&Document { outcomes: outcomes.iter().map(fields).collect() });
    } else {
        told(outcomes, reported);
    }
    let done = |o: &Outcome| matches!(o.verdict, Verdict::Done { .. } | Verdict::Already { .. });
    if outcomes.iter().all(done) { Exit::Fine } else { Exit::Problems }
}

/// One action on each id once; nothing was seen on a screen, so each is judged as it is now.
fn act(ids: &[IncidentId], action: Action) -> Command {
    let mut taken = BTreeSet::new();
    let once = ids.iter().filter(|id| taken.insert(**id));
    Command::Act { targets: once.map(|id| Target { id: *id, seen: 0 }).collect(), action }
}

fn reasoned(args: Reasoned) -> (Vec<IncidentId>, String) {
    (args.ids, args.reason)
}

fn found(args: Found) -> Findings {
    Findings { code: args.code, cause: args.cause }
}

/// A time to come, in the site's zone.
fn coming(text: &str, config: &Config) -> Result<Instant, Failure> {
    let zone = config.plan.site.zone;
    time::coming(text, Utc::now(), zone).ok_or_else(|| {
        let text = clean(text, 80);
        let why = format!("{text:?} is no time to come; write 2h, 14:00 or 2026-11-30 09:00");
        Failure::Usage(why)
    })
}

fn correct(args: Correct, config: &Config) -> Result<Command, Failure> {
    let zone = config.plan.site.zone;
    let hold = args.waited(zone).map_err(Failure::Usage)?;
    let at = |t: Option<super::args::Time>| t.map(|t| t.begins(zone));
    let excluded = (args.exclude || args.include).then_some(args.exclude);
    let correction = Correction {
        started_at: at(args.began),
        acknowledged_at: at(args.acknowledged),
        resolved_at: at(args.restored),
        impact: args.impact,
        urgency: args.urgency,
        priority: None,
        category: args.category,
        findings: found(args.found),
        hold,
        excluded,
    };
    let (reason, agreed_with) = (args.reason, args.agreed_with);
    let action = Action::Correct { correction: Box::new(correction), reason, agreed_with };
    Ok(act(&[args.id], action))
}

fn report(args: ReportArgs, config: &Config) -> Result<Report, Failure> {
    if clean(&args.title, MAX_LINE).is_empty() {
        return Err(Failure::Usage("--title is empty; say in a line what is wrong".to_owned()));
    }
    let service = args.service.map(|id| known_service(&id, config)).transpose()?;
    Ok(Report {
        service,
        title: args.title,
        text: args.text,
        impact: args.impact,
        urgency: args.urgency,
        category: args.category,
    })
}

/// A service of the plan. Where a source may declare services of its own, any id is taken.
fn known_service(id: &str, config: &Config) -> Result<ServiceId, Failure> {
    let known: Vec<&str> = config.plan.services.iter().map(|s| s.id.as_str()).collect();
    let declares = |s: &SourceSettings| match &s.kind {
        Kind::Host(host) => host.services,
        Kind::Command(_) => true,
        _ => false,
    };
    if known.contains(&id) || config.sources.iter().any(declares) {
        return Ok(ServiceId::new(&clean(id, 80)));
    }
    let remedy = suggest(id, &known, "defined services");
    Err(Failure::Usage(format!("unknown service {:?}; {remedy}", clean(id, 80))))
}

/// The text of a note; `-` is standard input.
fn note(text: &str) -> Result<String, Failure> {
    let mut read = String::new();
    let text = if text == "-" {
        // Enough to see that it is too long.
        let limit = MAX_TEXT as u64 * 4 + 4;
        std::io::stdin()
            .take(limit)
            .read_to_string(&mut read)
            .map_err(|e| Failure::Usage(format!("the note cannot be read: {e}")))?;
        &read
    } else {
        text
    };
    if clean_text(text, MAX_TEXT).trim().is_empty() {
        return Err(Failure::Usage("the note is empty; nothing was stored".to_owned()));
    }
    Ok(text.to_owned())
}

fn fields(outcome: &Outcome) -> OutcomeFields {
    let also = match &outcome.verdict {
        Verdict::Done { also, .. } => also.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    OutcomeFields {
        id: outcome.id.map(|id| id.to_string()),
        outcome: outcome.verdict.word(),
        why: why(&outcome.verdict),
        also,
    }
}

/// The reason, without the question that a screen would ask: here an option is the answer.
fn why(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Confirm { why } => {
            let reason = why.rsplit_once("; ").filter(|(_, question)| question.ends_with('?'));
            let reason = reason.map_or(why.as_str(), |(reason, _)| reason);
            format!("{reason}; --force does it all the same")
        }
        other => other.to_string(),
    }
}

/// A line for each: what was done to standard output, what was not to standard error. A report
/// prints its id alone, for scripts.
fn told(outcomes: &[Outcome], reported: bool) {
    for outcome in outcomes {
        let id = outcome.id.map_or("-".to_owned(), |id: IncidentId| id.to_string());
        match &outcome.verdict {
            Verdict::Done { .. } if reported => print(&format!("{id}\n")),
            Verdict::Done { .. } | Verdict::Already { .. } => {
                print(&format!("{id}  done  {}\n", outcome.verdict));
            }
            Verdict::Confirm { .. } => {
                complain(&format!("{id}  refused  {}", why(&outcome.verdict)));
            }
            other => complain(&format!("{id}  {}  {other}", other.word())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_asks_nothing() {
        let why_asked = "2 of its alerts still fire; resolve INC-3 all the same?".to_owned();
        let said = why(&Verdict::Confirm { why: why_asked });
        assert_eq!(said, "2 of its alerts still fire; --force does it all the same");
    }
}
