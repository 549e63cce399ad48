//! A window as it is given on the command line.

use chrono::{NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use super::known_service;
use crate::cli::Failure;
use crate::cli::args::{CalendarAdd, CalendarChange, Time};
use crate::config::Config;
use crate::domain::calendar::{BackOut, Basis, Inspection, Item, Kind, Window};
use crate::domain::text::clean;
use crate::domain::time::{Recurrence, Rule, zone};

pub(super) fn added(config: &Config, args: &CalendarAdd) -> Result<Window, Failure> {
    let zone = args.timezone.unwrap_or(config.plan.site.zone);
    let services = args.service.iter().map(|s| known_service(&config.plan, s));
    let services = services.collect::<Result<Vec<_>, _>>()?;
    let mut recurrence = Recurrence::once(local(args.start, zone)?, zone);
    if let Some(text) = &args.rrule {
        recurrence.rule = rule(text)?;
    }
    recurrence.also = args.rdate.iter().map(|at| local(*at, zone)).collect::<Result<_, _>>()?;
    recurrence.except = args.exdate.iter().map(|at| local(*at, zone)).collect::<Result<_, _>>()?;
    let mut window = Window::new("", args.kind, recurrence, args.duration);
    window.summary = clean(&args.summary, 200).into();
    window.scope.services = services;
    window.scope.matchers.clone_from(&args.matchers);
    window.flexible = args.flexible;
    window.owner = args.owner.as_deref().map(Into::into);
    window.change = args.change.as_deref().map(|n| clean(n, 60).into());
    window.change_type = args.change_type;
    window.approver = args.approver.as_deref().map(|r| clean(r, 60).into());
    window.checklist = args.checklist.iter().map(|item| Item::parse(item)).collect();
    window.back_out = args.back_out.as_ref().zip(args.decide_after).map(|(plan, after)| {
        let decide_after = u32::try_from(after.at_most().num_seconds()).unwrap_or(u32::MAX);
        BackOut { plan: clean(plan, 500).into(), decide_after }
    });
    window.mutes = args.mutes || (args.kind.is_change() && !args.no_mutes);
    window.sla_relevant = args.kind.is_change();
    let is_inspection = args.kind == Kind::Inspection;
    if !is_inspection && (args.after_completion.is_some() || args.grace.is_some()) {
        let why = "--after-completion and --grace belong to --kind inspection";
        return Err(Failure::Usage(why.to_owned()));
    }
    let basis =
        args.after_completion.map_or(Basis::Scheduled, |days| Basis::Completed { months: 0, days });
    let grace = args.grace.map_or(0, |g| u32::try_from(g.num_seconds()).unwrap_or(u32::MAX));
    window.inspection = is_inspection.then_some(Inspection { basis, grace });
    Ok(window)
}

/// The window as it is now, with what is named in `args` changed.
pub(super) fn changed(
    config: &Config,
    present: &Window,
    args: &CalendarChange,
) -> Result<Window, Failure> {
    let zone = present.zone();
    let mut window = present.clone();
    if let Some(kind) = args.kind {
        window.kind = kind;
        let inspection = Inspection { basis: Basis::Scheduled, grace: 0 };
        window.inspection =
            (kind == Kind::Inspection).then(|| window.inspection.unwrap_or(inspection));
    }
    if let Some(summary) = &args.summary {
        window.summary = clean(summary, 200).into();
    }
    if !args.service.is_empty() || !args.matchers.is_empty() {
        let services = args.service.iter().map(|s| known_service(&config.plan, s));
        window.scope.services = services.collect::<Result<_, _>>()?;
        window.scope.matchers.clone_from(&args.matchers);
    }
    if let Some(start) = args.start {
        window.recurrence.start = local(start, zone)?;
    }
    window.length = args.duration.unwrap_or(window.length);
    if let Some(text) = &args.rrule {
        window.recurrence.rule = rule(text)?;
    }
    let unless_empty = |text: &String, most| (!text.is_empty()).then(|| clean(text, most).into());
    if let Some(owner) = &args.owner {
        window.owner = unless_empty(owner, 60);
    }
    if let Some(number) = &args.change {
        window.change = unless_empty(number, 60);
    }
    window.change_type = args.change_type.unwrap_or(window.change_type);
    if let Some(role) = &args.approver {
        window.approver = unless_empty(role, 60);
    }
    if !args.checklist.is_empty() {
        window.checklist = args.checklist.iter().map(|item| Item::parse(item)).collect();
    }
    window.mutes = (window.mutes || args.mutes) && !args.no_mutes;
    Ok(window)
}

fn rule(text: &str) -> Result<Option<Rule>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let rule = Rule::parse(text);
    Ok(Some(rule.map_err(|e| Failure::Usage(format!("--rrule cannot be read: {e}")))?))
}

pub(super) fn local(time: Time, zone: Tz) -> Result<NaiveDateTime, Failure> {
    match time {
        Time::Local(local) => Ok(local),
        Time::Day(day) => Ok(day.and_time(NaiveTime::MIN)),
        Time::Instant(at) => {
            let local = zone::local(at, zone);
            if zone::instant(local, zone) == at {
                return Ok(local);
            }
            // The second time that clocks show it: a window is local, and means the first.
            Err(Failure::Usage(format!(
                "{} is the second {} of that day in {}, and a window begins at the first; choose \
                 another time, or --timezone UTC",
                at.format("%FT%TZ"),
                local.format("%H:%M"),
                zone.name()
            )))
        }
    }
}
