//! What may be done to one occurrence, and what it means.

use chrono::TimeDelta;

use super::super::event::CalendarEvent;
use super::super::model::{ChangeType, Kind, Moved};
use super::super::occurrence::{Occurrence, Status};
use super::super::record::{CheckResult, ClosureCode};
use super::windows::bounded;
use super::{Action, By, Judgement, Refused, reasoned, refuse};
use crate::domain::time::{Instant, TimeStyle, before, show};

/// How much earlier than planned something may be begun: an approval is for a time.
const EARLY: TimeDelta = TimeDelta::hours(1);

/// The most by which an end is put off in all: nobody approved more.
pub const LONGEST_EXTENSION: TimeDelta = TimeDelta::hours(24);

/// Judges one action on an occurrence as it is now.
pub(super) fn act(one: &Occurrence, action: &Action, by: &By, now: Instant) -> Judgement {
    let key = one.key.clone();
    let title = one.window.title();
    let event = match action {
        Action::Approve => {
            approvable(one, by, now)?;
            CalendarEvent::OccurrenceApproved { key, terms: Some(one.terms()) }
        }
        Action::Start => {
            startable(one, now)?;
            CalendarEvent::OccurrenceStarted { key }
        }
        Action::Trigger => {
            triggerable(one, now)?;
            CalendarEvent::OccurrenceStarted { key }
        }
        Action::Extend { by } => {
            CalendarEvent::OccurrenceExtended { key, seconds: extendable(one, *by, now)? }
        }
        Action::Finish { code, note } => {
            finishable(one, now)?;
            closable(one, *code, note)?;
            let (code, note) = (*code, note.clone());
            CalendarEvent::OccurrenceFinished { key, ended: ended(one, now), code, note }
        }
        Action::BackOut { reason } => {
            finishable(one, now)?;
            reasoned(reason, &format!("{title} is backed out"))?;
            let (code, note) = (ClosureCode::BackedOut, reason.clone());
            CalendarEvent::OccurrenceFinished { key, ended: ended(one, now), code, note }
        }
        Action::Cancel { reason } => {
            cancellable(one, now)?;
            reasoned(reason, &format!("{title} is cancelled"))?;
            CalendarEvent::OccurrenceCancelled { key, reason: reason.clone() }
        }
        Action::Move { to, length } => {
            let to = Moved { start: *to, length: *length };
            movable(one, to, now)?;
            CalendarEvent::OccurrenceMoved { key, to }
        }
        Action::Check { item, result, note } => {
            checkable(one, *item, *result, now)?;
            let (item, result, note) = (*item, *result, note.clone());
            CalendarEvent::OccurrenceChecked { key, item, result, note }
        }
        Action::Ask { prompt, due } => {
            CalendarEvent::OccurrenceAsked { key, prompt: *prompt, due: *due }
        }
    };
    Ok(vec![event])
}

fn approvable(one: &Occurrence, by: &By, now: Instant) -> Result<(), Refused> {
    still_open(one, now)?;
    let title = one.window.title();
    if !one.window.needs_approval() {
        let why = match one.window.change_type {
            ChangeType::Standard => "is a standard change: approved beforehand",
            _ => "needs no approval: it changes and mutes nothing",
        };
        return refuse(format!("{title} {why}; start it"));
    }
    let stamp = one.record().and_then(|r| r.approved.as_ref());
    if let (Some(stamp), Some(_)) = (stamp, one.approved_since()) {
        let at = clock(one, stamp.at, now);
        return refuse(format!("{title} was approved by {} at {at}; start it", stamp.by));
    }
    if now >= one.planned.to {
        let at = clock(one, one.planned.to, now);
        return refuse(format!(
            "{title} was to end at {at}; move it, or declare it for the past if it took place"
        ));
    }
    by.may(one.window.approver.as_deref(), &format!("approving {title}"))
}

fn startable(one: &Occurrence, now: Instant) -> Result<(), Refused> {
    still_open(one, now)?;
    let title = one.window.title();
    if one.window.kind == Kind::Freeze {
        return refuse(format!("{title} is a freeze: it begins by itself"));
    }
    if let Some(stamp) = one.record().and_then(|r| r.started.as_ref()) {
        let at = clock(one, stamp.at, now);
        return refuse(format!("{title} was started by {} at {at}; extend or finish it", stamp.by));
    }
    if one.approved_since().is_none() {
        let whom = one.window.approver.as_ref().map(|role| format!(" by a {role}"));
        let whom = whom.unwrap_or_default();
        return refuse(format!("{title} is not approved; have it approved{whom} first"));
    }
    if now < before(one.planned.from, EARLY) {
        let at = clock(one, one.planned.from, now);
        return refuse(format!("{title} is planned for {at}; move it to begin now"));
    }
    // An inspection may be late; a change may not begin when its time is over.
    if one.window.kind.runs_by_itself() && now >= one.planned.to {
        let at = clock(one, one.planned.to, now);
        return refuse(format!("{title} was to end at {at}; move it to begin now"));
    }
    Ok(())
}

fn triggerable(one: &Occurrence, now: Instant) -> Result<(), Refused> {
    if one.window.flexible.is_none() {
        return refuse(format!("{} is fixed: it begins as planned", one.window.title()));
    }
    startable(one, now)?;
    if now < one.planned.from {
        return refuse(format!("{} has not begun yet", one.window.title()));
    }
    Ok(())
}

fn extendable(one: &Occurrence, by: TimeDelta, now: Instant) -> Result<u32, Refused> {
    still_open(one, now)?;
    let title = one.window.title();
    if one.status != Status::InProgress {
        return refuse(format!("{title} is not in progress; start it, or move it"));
    }
    if by <= TimeDelta::zero() || by > LONGEST_EXTENSION {
        return refuse(
            "extend it by more than nothing and by at most 24 h; beyond it, plan another",
        );
    }
    let before_now = one.record().map_or(0, |r| r.extended);
    if TimeDelta::seconds(i64::from(before_now)) + by > LONGEST_EXTENSION {
        let put_off = crate::domain::text::duration(TimeDelta::seconds(i64::from(before_now)));
        return refuse(format!(
            "{title} was put off by {put_off} already, and 24 h is all; plan another"
        ));
    }
    let short = now - one.end();
    if by <= short {
        let least = crate::domain::text::duration(short + TimeDelta::minutes(1));
        return refuse(format!("{title} would still end before now; extend it by {least} or more"));
    }
    Ok(by.num_seconds() as u32)
}

fn finishable(one: &Occurrence, now: Instant) -> Result<(), Refused> {
    let title = one.window.title();
    // What ended by itself can still be given a closure code, once.
    let unclosed =
        one.status == Status::Completed && one.record().is_none_or(|r| r.finished.is_none());
    if one.status == Status::InProgress || unclosed {
        return Ok(());
    }
    still_open(one, now)?;
    refuse(match one.status {
        Status::Planned => format!("{title} is not approved; cancel it, or have it approved first"),
        _ => format!("{title} has not begun; start it, or cancel it"),
    })
}

/// When what is finished now was over: what nobody began by hand ends as planned at the latest.
fn ended(one: &Occurrence, now: Instant) -> Instant {
    if one.is_by_hand() { now } else { now.min(one.end()) }
}

/// Whether a closure code goes with its checklist.
fn closable(one: &Occurrence, code: ClosureCode, note: &str) -> Result<(), Refused> {
    if code != ClosureCode::Successful {
        return reasoned(note, "it did not go as planned");
    }
    let items = one.window.checklist.iter().zip(0_u16..);
    let is_inspection = one.window.kind == Kind::Inspection;
    for (item, index) in items {
        match one.record().and_then(|r| r.check(index)).map(|c| c.result) {
            Some(CheckResult::Fail) => {
                return refuse(format!("\"{}\" failed; close it with issues", item.text));
            }
            None if is_inspection => {
                return refuse(format!("\"{}\" is not checked; check it first", item.text));
            }
            _ => {}
        }
    }
    Ok(())
}

fn cancellable(one: &Occurrence, now: Instant) -> Result<(), Refused> {
    still_open(one, now)?;
    if one.is_by_hand() {
        let title = one.window.title();
        return refuse(format!("{title} is in progress; finish it or back it out"));
    }
    Ok(())
}

fn movable(one: &Occurrence, to: Moved, now: Instant) -> Result<(), Refused> {
    still_open(one, now)?;
    let title = one.window.title();
    if one.status == Status::InProgress {
        return refuse(format!("{title} is in progress; extend it, or finish it"));
    }
    let length = to.length.unwrap_or(one.window.length);
    if length.is_zero() {
        return refuse(format!("{title} would take no time; give it a length"));
    }
    bounded(length)?;
    if one.window.planned(to.start, length).to <= now {
        return refuse(format!(
            "{title} would be over already; declare it for the past if it took place"
        ));
    }
    Ok(())
}

fn checkable(
    one: &Occurrence,
    item: u16,
    result: CheckResult,
    now: Instant,
) -> Result<(), Refused> {
    still_open(one, now)?;
    let title = one.window.title();
    let count = one.window.checklist.len();
    if usize::from(item) >= count {
        return refuse(format!(
            "{title} has {count} items on its checklist, no number {}",
            item + 1
        ));
    }
    if one.status != Status::InProgress {
        return refuse(format!("{title} is not in progress; start it first"));
    }
    let has_unit =
        one.window.checklist.get(usize::from(item)).is_some_and(|asked| asked.unit.is_some());
    if matches!(result, CheckResult::Value { .. }) && !has_unit {
        return refuse("that item asks for no value: it passes or fails");
    }
    if matches!(result, CheckResult::Value { value } if !value.is_finite()) {
        return refuse("that is no number; note it as text");
    }
    Ok(())
}

/// Refused where it is over, with who ended it and when.
fn still_open(one: &Occurrence, now: Instant) -> Result<(), Refused> {
    let title = one.window.title();
    let record = one.record();
    let cancelled = record.and_then(|r| r.cancelled.as_ref());
    let finished = record.and_then(|r| r.finished.as_ref());
    refuse(match (one.status, cancelled, finished) {
        (Status::Cancelled, Some(stamp), _) => {
            let at = clock(one, stamp.at, now);
            format!("{title} was cancelled by {} at {at}; plan it anew", stamp.by)
        }
        (Status::Cancelled, None, _) => {
            format!("{title} does not take place then, by its plan; plan another")
        }
        (Status::Completed, _, Some(finish)) => {
            let at = clock(one, finish.at, now);
            format!("{title} was finished by {} at {at}; plan it anew", finish.by)
        }
        (Status::Completed, _, None) => {
            let at = clock(one, one.end(), now);
            format!("{title} ended at {at}; finish it with a closure code, or plan it anew")
        }
        _ => return Ok(()),
    })
}

/// A time as people of the window's zone read it.
fn clock(one: &Occurrence, at: Instant, now: Instant) -> String {
    show(at, now, one.window.zone(), TimeStyle::Local)
}
