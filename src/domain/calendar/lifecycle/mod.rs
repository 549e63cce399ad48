//! The only place where the calendar changes: which commands exist, when they are allowed, and what
//! an event makes of it.
//!
//! ```text
//! planned ──approve──► approved ──start──► in progress ──finish, back out──► completed
//!    └────────cancel──────┴──────────────────► cancelled
//! ```
//! A standard change is approved beforehand. A fixed window that is approved is in progress at its
//! time by itself; starting it by hand says who works on it, and then somebody has to finish it.

mod apply;
mod judge;
mod windows;

use std::fmt;

use chrono::{NaiveDateTime, TimeDelta};

use super::model::{Key, Length, Window, WindowId};
use super::prompts::Prompt;
use super::record::{CheckResult, ClosureCode};
use super::state::{Calendar, Subject};
use crate::domain::incident::Actor;
use crate::domain::roster::Roster;
use crate::domain::time::Instant;

use super::event::CalendarEvent;
pub use apply::apply;
pub use judge::LONGEST_EXTENSION;
pub use windows::sound;

/// How many reasons against something are kept where it was done all the same.
const REASONS: usize = 12;

/// What a person, or the console itself, asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Plan something. Its id is given by the calendar.
    Add { window: Box<Window> },
    /// From now on the window of this id is so.
    Change { window: Box<Window> },
    /// It takes place no more.
    Withdraw { window: WindowId, reason: String },
    /// Something took place that nobody had planned here.
    Declare { window: Box<Window>, code: ClosureCode, reason: String },
    /// `window` may be worked on in spite of `freeze` until `expires`.
    Except { freeze: WindowId, window: WindowId, reason: String, expires: Instant },
    /// Something is done to one occurrence.
    Act { key: Key, action: Action },
    /// Do it although something speaks against it; what that is stays on record.
    Despite { command: Box<Command>, reasons: Vec<String> },
    /// Do it unless somebody changed what it is about after that position of the log: what the person
    /// had seen when they began to type.
    Seen { command: Box<Command>, position: u64 },
    /// Take back the last own change of this.
    Undo { of: Subject },
    /// Take back the last own change, whatever it was made to.
    UndoLast,
}

impl Command {
    /// What it is about; `None` for what is new, and where it is found out only then.
    pub fn subject(&self) -> Option<Subject> {
        match self {
            Self::Add { .. } | Self::Declare { .. } | Self::UndoLast => None,
            Self::Change { window } => Some(Subject::Window(window.id.clone())),
            Self::Withdraw { window, .. } => Some(Subject::Window(window.clone())),
            Self::Except { freeze, .. } => Some(Subject::Window(freeze.clone())),
            Self::Act { key, .. } => Some(Subject::Occurrence(key.clone())),
            Self::Undo { of } => Some(of.clone()),
            Self::Despite { command, .. } | Self::Seen { command, .. } => command.subject(),
        }
    }
}

/// What can be done to one occurrence.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Approve,
    Start,
    /// The target of a flexible one went down: it begins. The console's.
    Trigger,
    /// Its end is put off.
    Extend {
        by: TimeDelta,
    },
    Finish {
        code: ClosureCode,
        note: String,
    },
    BackOut {
        reason: String,
    },
    Cancel {
        reason: String,
    },
    /// To another local time in the window's zone; the series stays as it is.
    Move {
        to: NaiveDateTime,
        length: Option<Length>,
    },
    Check {
        item: u16,
        result: CheckResult,
        note: String,
    },
    /// Whoever is responsible was asked what was due at that instant. The console's.
    Ask {
        prompt: Prompt,
        due: Instant,
    },
}

/// Who asks, and what is known of them.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    pub actor: &'a Actor,
    /// The person of the roster that the operator is.
    pub person: Option<&'a str>,
    pub roster: &'a Roster,
    /// How long an own action can be undone.
    pub undo_window: TimeDelta,
}

/// Not allowed as things are; says the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

type Judgement = Result<Vec<CalendarEvent>, Refused>;

/// Judges a command against the calendar as it is: the events that it means, or why not.
pub fn judge(calendar: &Calendar, command: &Command, by: &By, now: Instant) -> Judgement {
    match command {
        Command::Add { window } => windows::add(calendar, window, by, now),
        Command::Change { window } => windows::change(calendar, window, by, now),
        Command::Withdraw { window, reason } => windows::withdraw(calendar, window, reason, now),
        Command::Declare { window, code, reason } => {
            windows::declare(calendar, window, *code, reason, by, now)
        }
        Command::Except { freeze, window, reason, expires } => {
            windows::except(calendar, freeze, window, reason, *expires, by, now)
        }
        Command::Act { key, action } => match calendar.occurrence(key, now) {
            Some(one) => judge::act(&one, action, by, now),
            None => refuse(format!(
                "{} has no occurrence that was planned for {}; `atalaya calendar` lists them",
                key.window,
                key.original.format("%d %b %Y %H:%M")
            )),
        },
        Command::Despite { command, reasons } => {
            let mut events = judge(calendar, command, by, now)?;
            if let Some(window) = events.first().map(|event| event.window().clone()) {
                events.push(CalendarEvent::Forced { window, reasons: neat(reasons) });
            }
            Ok(events)
        }
        Command::Seen { command, position } => {
            unchanged(calendar, command, *position, now)?;
            judge(calendar, command, by, now)
        }
        Command::Undo { of } => undo(calendar, of, by, now),
        Command::UndoLast => match calendar.last_own(&by.actor.session) {
            Some(of) => undo(calendar, of, by, now),
            None => refuse("you have changed nothing of the calendar that could be undone"),
        },
    }
}

/// Whether the last change of something can be taken back by this actor.
fn undo(calendar: &Calendar, of: &Subject, by: &By, now: Instant) -> Judgement {
    let title = match of {
        Subject::Window(id) => id,
        Subject::Occurrence(key) => &key.window,
    };
    let Some(change) = calendar.last_change(of) else {
        return refuse(format!("nothing was done to {title} that could be undone"));
    };
    if change.session.is_empty() || change.session != by.actor.session {
        let (what, whom) = (&change.what, &change.by);
        return refuse(format!(
            "the last change of {title} is not yours: it was {what} by {whom}; ask them"
        ));
    }
    if now - change.at > by.undo_window {
        let window = crate::domain::text::duration(by.undo_window);
        return refuse(format!(
            "too late: {title} was {} more than {window} ago; change it instead",
            change.what
        ));
    }
    Ok(vec![change.compensation.clone()])
}

/// Refused where somebody was faster; says who, what and when.
fn unchanged(
    calendar: &Calendar,
    command: &Command,
    seen: u64,
    now: Instant,
) -> Result<(), Refused> {
    let Some(subject) = command.subject() else { return Ok(()) };
    let Some(change) = calendar.last_change(&subject).filter(|c| c.position > seen) else {
        return Ok(());
    };
    let id = match &subject {
        Subject::Window(id) => id,
        Subject::Occurrence(key) => &key.window,
    };
    let zone = calendar.window(id).map_or(chrono_tz::Tz::UTC, |v| v.window.zone());
    let at = crate::domain::time::near(change.at, now, zone);
    let (what, whom) = (&change.what, &change.by);
    refuse(format!("{id} was {what} by {whom} at {at} while you looked; look at it again"))
}

/// As much of the reasons as the record is worth.
fn neat(reasons: &[String]) -> Vec<String> {
    let line = |reason: &String| crate::domain::text::clean(reason, 300);
    let more = reasons.len().saturating_sub(REASONS);
    let more = (more > 0).then(|| format!("and {more} more"));
    reasons.iter().take(REASONS).map(line).chain(more).collect()
}

fn refuse<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { why: why.into() })
}

/// Refused unless there is a word of reason.
fn reasoned(reason: &str, what: &str) -> Result<(), Refused> {
    if reason.trim().is_empty() { refuse(format!("say why {what}")) } else { Ok(()) }
}

impl By<'_> {
    /// Refused unless they have the role; says who has it.
    fn may(&self, role: Option<&str>, what: &str) -> Result<(), Refused> {
        let Some(role) = role else { return Ok(()) };
        let has =
            |person: &crate::domain::roster::Person| person.roles.iter().any(|r| &**r == role);
        if self.person.and_then(|id| self.roster.person(id)).is_some_and(|p| has(p)) {
            return Ok(());
        }
        let able: Vec<_> =
            self.roster.people.values().filter(|p| has(p)).map(|p| &*p.name).collect();
        let ask = match &*able {
            [] => {
                "nobody in the plan has that role; give it to somebody under [[people]]".to_owned()
            }
            names => format!("ask {}", names.join(" or ")),
        };
        refuse(format!("{what} takes the role {role}: {ask}"))
    }

    /// Refused where the plan does not know that owner.
    fn knows(&self, window: &Window) -> Result<(), Refused> {
        match &window.owner {
            Some(owner) if self.roster.person(owner).is_none() => refuse(format!(
                "nobody in the plan is called {owner}; name a person of [[people]] as owner"
            )),
            _ => Ok(()),
        }
    }
}
