//! What was typed into forms and not stored: it stands in the form again when that is opened next.

use super::cmd::Cmd;
use super::screens::Step;
use super::widgets::Form;
use crate::domain::time::Instant;
use crate::engine::Command;

/// How many are kept.
const MOST: usize = 20;

/// Forms that were sent, or refused and left.
#[derive(Debug, Default)]
pub struct Drafts(Vec<Draft>);

#[derive(Debug)]
struct Draft {
    form: Form,
    /// What it asked for; none where that was refused and the form left.
    command: Option<Command>,
    refused: bool,
    /// No key was pressed since it was sent.
    untouched: bool,
}

/// What an answer means for the form that asked.
#[derive(Debug)]
pub enum Kept {
    /// No form asked, or all of it is stored.
    Nothing,
    /// The form can lie open again: nobody went on to something else.
    Form(Box<Form>),
    /// Its texts stand in it when it is opened next.
    Texts,
}

impl Drafts {
    /// A form was sent, and asks for `steps`: it is kept until there is an answer.
    pub fn sent(&mut self, form: Form, steps: &[Step]) {
        if let Some(command) = asked(steps) {
            self.keep(Draft {
                form,
                command: Some(command.clone()),
                refused: false,
                untouched: true,
            });
        }
    }

    /// A form that was refused is left without sending it again.
    pub fn left(&mut self, form: Form) {
        self.keep(Draft { form, command: None, refused: true, untouched: false });
    }

    fn keep(&mut self, draft: Draft) {
        self.0.retain(|other| other.form.title != draft.form.title);
        self.0.push(draft);
        let surplus = self.0.len().saturating_sub(MOST);
        self.0.drain(..surplus);
    }

    /// A key was pressed: what is refused now must not come between.
    pub fn touched(&mut self) {
        for draft in &mut self.0 {
            draft.untouched = false;
        }
    }

    /// What was sent is stored (all of it, or none of it), or was refused.
    pub fn answered(&mut self, command: &Command, all: bool, none: bool) -> Kept {
        let Some(at) = self.0.iter().position(|d| d.command.as_ref() == Some(command)) else {
            return Kept::Nothing;
        };
        if all {
            self.0.remove(at);
            return Kept::Nothing;
        }
        match self.0.get_mut(at) {
            Some(draft) if none && draft.untouched => Kept::Form(Box::new(self.0.remove(at).form)),
            Some(draft) => {
                draft.refused = true;
                Kept::Texts
            }
            None => Kept::Nothing,
        }
    }

    /// Puts into a form what was refused when it was sent the last time.
    pub fn restore(&self, form: &mut Form, now: Instant) {
        let draft = self.0.iter().find(|draft| draft.refused && draft.form.title == form.title);
        if let Some(draft) = draft {
            form.restore(&draft.form.texts(), now);
        }
    }
}

/// What is asked of the engine: the last of it, which the form is about.
fn asked(steps: &[Step]) -> Option<&Command> {
    steps.iter().rev().find_map(|step| match step {
        Step::Do(Cmd::Ask(command)) => Some(command),
        _ => None,
    })
}
