//! What may be planned, changed, withdrawn and declared.

use std::sync::Arc;

use chrono::TimeDelta;

use super::super::event::CalendarEvent;
use super::super::model::{Basis, FreezeException, Kind, Length, Scope, Window, WindowId};
use super::super::record::ClosureCode;
use super::super::state::{Calendar, Source, Version, ahead, reach};
use super::{By, Judgement, Refused, reasoned, refuse};
use crate::domain::time::{Instant, Interval, before};

/// The longest that one occurrence may take, in days: whoever wants more wants no window.
const LONGEST: u32 = 366;
/// The most days after which an inspection is due again.
const RARELY: u32 = 3_660;

pub(super) fn add(calendar: &Calendar, window: &Window, by: &By, now: Instant) -> Judgement {
    sound(window)?;
    by.knows(window)?;
    to_come(window, now)?;
    let window = Box::new(Window { id: next_id(calendar), ..window.clone() });
    Ok(vec![CalendarEvent::WindowAdded { window }])
}

pub(super) fn change(calendar: &Calendar, window: &Window, by: &By, now: Instant) -> Judgement {
    let present = own(calendar, &window.id)?;
    sound(window)?;
    by.knows(window)?;
    if *present.window == *window {
        return refuse(format!("{} is so already", window.title()));
    }
    to_come(window, now)?;
    Ok(vec![CalendarEvent::WindowChanged { window: Box::new(window.clone()) }])
}

pub(super) fn withdraw(
    calendar: &Calendar,
    window: &WindowId,
    reason: &str,
    now: Instant,
) -> Judgement {
    let present = own(calendar, window)?;
    let title = present.window.title();
    reasoned(reason, &format!("{title} is withdrawn"))?;
    let recent = Interval::new(before(now, reach(&present.window)), now);
    let around = calendar.occurrences(recent, now);
    if around.iter().any(|o| o.key.window == *window && o.is_open() && o.is_by_hand()) {
        return refuse(format!("{title} is in progress; finish it or back it out first"));
    }
    Ok(vec![CalendarEvent::WindowWithdrawn { window: window.clone(), reason: reason.to_owned() }])
}

pub(super) fn declare(
    calendar: &Calendar,
    window: &Window,
    code: ClosureCode,
    reason: &str,
    by: &By,
    now: Instant,
) -> Judgement {
    sound(window)?;
    by.knows(window)?;
    reasoned(reason, "it is declared afterwards, and with whom that was agreed")?;
    by.may(window.approver.as_deref(), &format!("declaring {}", window.title()))?;
    let all = Interval::new(Instant::MIN_UTC, Instant::MAX_UTC);
    let [start] = &*window.recurrence.between(all, 2) else {
        return refuse("only what took place once can be declared; give it no rule");
    };
    if window.length.after(*start, window.zone()) > now {
        return refuse(format!("{} is not over yet; plan it instead", window.title()));
    }
    let window = Box::new(Window { id: next_id(calendar), ..window.clone() });
    Ok(vec![CalendarEvent::WindowDeclared { window, code, reason: reason.to_owned() }])
}

pub(super) fn except(
    calendar: &Calendar,
    freeze: &WindowId,
    window: &WindowId,
    reason: &str,
    expires: Instant,
    by: &By,
    now: Instant,
) -> Judgement {
    let frozen = present(calendar, freeze)?;
    let title = frozen.window.title();
    if frozen.window.kind != Kind::Freeze {
        return refuse(format!("{title} is no freeze; name the freeze that is in the way"));
    }
    let excepted = present(calendar, window)?;
    if !excepted.window.kind.is_change() {
        let title = excepted.window.title();
        return refuse(format!("{title} is no change; a freeze does not forbid it"));
    }
    reasoned(reason, &format!("{} may not wait", excepted.window.title()))?;
    if expires >= ahead(now).to {
        return refuse("that exception would last more than ten years; give it an earlier end");
    }
    if expires <= now {
        return refuse("that exception would have expired already; give it a later end");
    }
    by.may(frozen.window.approver.as_deref(), &format!("an exception from {title}"))?;
    let approver = Arc::from(by.person.unwrap_or(&by.actor.name));
    let (window, reason) = (window.clone(), Arc::from(reason));
    let exception = FreezeException { window, approver, reason, expires };
    Ok(vec![CalendarEvent::FreezeExceptionAdded { freeze: freeze.clone(), exception }])
}

fn next_id(calendar: &Calendar) -> WindowId {
    WindowId::new(&format!("WIN-{}", calendar.numbered + 1))
}

fn present<'a>(calendar: &'a Calendar, id: &WindowId) -> Result<&'a Version, Refused> {
    match calendar.window(id) {
        Some(version) => Ok(version),
        None if calendar.windows.contains_key(id) => {
            refuse(format!("{id} was withdrawn; plan it anew"))
        }
        None => refuse(format!("there is no window {id}; `atalaya calendar` lists them")),
    }
}

/// A window that people may change here.
fn own<'a>(calendar: &'a Calendar, id: &WindowId) -> Result<&'a Version, Refused> {
    let version = present(calendar, id)?;
    let title = version.window.title();
    let place = match version.source {
        Source::Store => return Ok(version),
        Source::Plan => "the service plan; change [[windows]] there".to_owned(),
        Source::Imported => {
            let source = version.window.id.calendar().unwrap_or_default();
            format!("the calendar of the source {source}; change it there")
        }
    };
    refuse(format!("{title} is in {place}, or move or cancel single occurrences here"))
}

/// Whether one occurrence may take so long.
pub(super) fn bounded(length: Length) -> Result<(), Refused> {
    if length.nominal() > TimeDelta::days(i64::from(LONGEST)) {
        return refuse(format!("at most {LONGEST} days at once; let it recur instead"));
    }
    Ok(())
}

/// Whether it can take place at all.
///
/// # Errors
/// Says what is missing.
pub fn sound(window: &Window) -> Result<(), Refused> {
    if window.summary.trim().is_empty() {
        return refuse("say in a few words what is done: the summary is empty");
    }
    if window.length.is_zero() {
        return refuse("give it a length, such as 2h: it would take no time");
    }
    for length in [Some(window.length), window.flexible].into_iter().flatten() {
        bounded(length)?;
    }
    if let Some(inspection) = window.inspection {
        let after = match inspection.basis {
            Basis::Completed { months, days } => u64::from(months) * 31 + u64::from(days),
            Basis::Scheduled => 0,
        };
        let grace = u64::from(inspection.grace) / 86_400;
        if after > u64::from(RARELY) || grace > u64::from(LONGEST) {
            return refuse(format!(
                "an inspection is due again within {RARELY} days, and late for at most {LONGEST}"
            ));
        }
    }
    if window.flexible.is_some_and(Length::is_zero) {
        return refuse("say how long it lasts once its target is down, such as 30m");
    }
    let Scope { services, matchers } = &window.scope;
    if window.kind.touches_services() && services.is_empty() && matchers.is_empty() {
        return refuse("name the services or the labels that it touches");
    }
    if matchers.iter().any(crate::domain::matcher::Matchers::is_empty) {
        return refuse("a matcher without a condition would touch everything; name a label");
    }
    if let Some(back_out) = &window.back_out
        && i64::from(back_out.decide_after) >= window.length.nominal().num_seconds()
    {
        return refuse("the latest decision to back out has to come before the end");
    }
    if window.checklist.len() > usize::from(u16::MAX) {
        return refuse("that checklist is too long; split it");
    }
    if window.kind == Kind::Inspection && window.inspection.is_none() {
        return refuse("say whether it is counted from its schedule or from its last completion");
    }
    Ok(())
}

/// Whether anything of it is still to come.
fn to_come(window: &Window, now: Instant) -> Result<(), Refused> {
    let first = crate::domain::time::zone::instant(window.recurrence.start, window.zone());
    if first >= ahead(now).to {
        return refuse("that is more than ten years ahead; plan it when it is nearer");
    }
    let from = before(now, reach(window));
    let starts = window.recurrence.between(Interval::new(from, ahead(now).to), 64);
    let moved = |local| window.amended.contains_key(local);
    if starts.iter().any(|s| moved(&s.local) || window.length.after(*s, window.zone()) > now) {
        return Ok(());
    }
    refuse("all of it lies in the past; declare it for the past, with who and why")
}
