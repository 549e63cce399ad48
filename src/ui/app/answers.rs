//! What comes of a command that was sent: a line, an undo, a question.

use std::fmt::Write as _;

use super::update::{note_down, run, say};
use super::{Done, Model, Tab};
use crate::domain::calendar;
use crate::domain::command::{Outcome, Verdict};
use crate::domain::incident::lifecycle::Action as Does;
use crate::domain::report;
use crate::domain::roster::book;
use crate::domain::upstream::{self, Call};
use crate::engine::Command;
use crate::ui::cmd::Cmd;
use crate::ui::drafts::Kept;
use crate::ui::frame::{self, messages::Message};
use crate::ui::keymap::Action;
use crate::ui::overlay::{Confirm, Overlay};
use crate::ui::screens::{Step, Tone};

/// Said where a form that was refused does not lie open again.
pub(super) const KEPT: &str = "your text is kept for the next try";

/// The engine's answer becomes one line; what can be undone is remembered; what asks is asked.
pub(super) fn answered(
    model: &mut Model,
    command: &Command,
    outcomes: &[Outcome],
    cmds: &mut Vec<Cmd>,
) {
    if !model.waiting.is_empty() {
        model.waiting.remove(0);
    }
    let is_done = outcomes.iter().any(|o| o.verdict.is_done());
    let undo = undoing(command, outcomes);
    // What a store that is away refused can be tried again.
    if is_done && undo.is_none() {
        model.done.pop();
    }
    let acted = is_done && undo.is_some();
    if let Some(undo) = undo.filter(|_| is_done) {
        let window = model.undo_window();
        model.done.push(Done { undo, at: model.now, stays: stays(command) });
        model.done.retain(|d| model.now - d.at <= window);
    }
    let (tone, mut line, rest) = frame::toast::outcome(outcomes);
    match model.drafts.answered(command, outcomes.iter().all(|o| o.verdict.is_done()), !is_done) {
        Kept::Nothing => {}
        // With what was typed, and with what was said to it.
        Kept::Form(mut form) if model.overlays.is_empty() => {
            form.refuse(line.clone());
            model.overlays.push(Overlay::Form(*form));
        }
        Kept::Form(form) => {
            model.drafts.left(*form);
            let _ = write!(line, "; {KEPT}");
        }
        Kept::Texts => {
            let _ = write!(line, "; {KEPT}");
        }
    }
    if outcomes.len() > 1 && !rest.is_empty() {
        let key = model.prefs.settings.keymap.shown(Action::Messages, false);
        let tells = key.map(|key| format!("; {key} lists them")).unwrap_or_default();
        line.push_str(&tells);
    }
    say(model, tone, line);
    // The list is one key away: in the messages.
    for text in rest {
        note_down(model, Message { at: model.now, tone: Tone::Info, text });
    }
    if let Some(toast) = &mut model.toast {
        toast.own = true;
    }
    let window = model.undo_window();
    let undoable = acted && stays(command).is_none();
    if let Some(toast) = model.toast.as_mut().filter(|_| undoable) {
        toast.offer_undo(window, model.now, model.speed);
    }
    if let Some(confirm) = confirmation(command, outcomes) {
        model.overlays.push(Overlay::Confirm(confirm));
    }
    for tab in Tab::ALL {
        let steps = model.with(tab, |s, ctx| s.answered(command, outcomes, ctx));
        run(model, steps, cmds);
    }
}

/// What takes back what a command did; `None` for what takes back itself.
fn undoing(command: &Command, outcomes: &[Outcome]) -> Option<Command> {
    match command {
        Command::Undo { .. }
        | Command::Roster(book::Command::Undo)
        | Command::Upstream(upstream::Command::UndoLast)
        | Command::Calendar(calendar::Command::Undo { .. } | calendar::Command::UndoLast) => None,
        // Nothing takes it back; see `stays`.
        Command::Paging(_) | Command::Escalate(_) | Command::View(_) | Command::Reports(_) => {
            Some(command.clone())
        }
        // What somebody else changed since is refused, and nothing older taken back instead.
        Command::Calendar(command) => {
            let undo = match command.subject() {
                Some(of) => calendar::Command::Undo { of },
                None => calendar::Command::UndoLast,
            };
            Some(Command::Calendar(undo))
        }
        Command::Roster(_) => Some(Command::Roster(book::Command::Undo)),
        Command::Upstream(_) => Some(Command::Upstream(upstream::Command::UndoLast)),
        Command::Report(_) | Command::Act { .. } => {
            let done = outcomes.iter().filter(|o| o.verdict.is_done());
            Some(Command::Undo { targets: done.filter_map(|o| o.id).collect() })
        }
    }
}

/// Why what a command did cannot be taken back.
fn stays(command: &Command) -> Option<&'static str> {
    match command {
        Command::Act { action: Does::Note { .. }, .. } => Some("a note stays; add another one"),
        Command::Reports(report::Command::Note { .. } | report::Command::NextStep { .. }) => {
            Some("what was written is written over, not taken back")
        }
        Command::Reports(_) => Some("what was signed stays as it was signed"),
        Command::View(_) => Some("a shared view is not taken back: save or delete it again"),
        Command::Paging(_) | Command::Escalate(_) => {
            Some("page not recalled: whoever was paged has it, or will")
        }
        Command::Upstream(upstream::Command::Order(order)) => match order.call {
            Call::Silence { .. } | Call::Downtime { .. } => None,
            _ => Some("an order that is no silence stays; give another one"),
        },
        _ => None,
    }
}

/// The question behind outcomes that ask first, with the same command, forced, as its yes.
fn confirmation(command: &Command, outcomes: &[Outcome]) -> Option<Confirm> {
    let Command::Act { targets, action: Does::Resolve { reason, findings, .. } } = command else {
        return None;
    };
    let asking: Vec<_> =
        outcomes.iter().filter(|o| matches!(o.verdict, Verdict::Confirm { .. })).collect();
    if asking.is_empty() {
        return None;
    }
    let ids: Vec<_> = asking.iter().filter_map(|o| o.id).collect();
    let lines = asking.iter().take(8).map(|o| o.verdict.to_string());
    let more = asking.len().saturating_sub(8);
    let lines = lines.chain((more > 0).then(|| format!("and {more} more"))).collect();
    let again = Command::Act {
        targets: targets.iter().filter(|t| ids.contains(&t.id)).copied().collect(),
        action: Does::Resolve { reason: reason.clone(), findings: findings.clone(), force: true },
    };
    Some(Confirm::new(
        "Alerts still fire",
        lines,
        "resolve all the same",
        vec![Step::Do(Cmd::Ask(again))],
    ))
}
