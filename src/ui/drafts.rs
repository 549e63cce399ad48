//! What was typed into forms and not stored: it stands in the form again when that is opened next.

use super::cmd::Cmd;
use super::overlay::Overlay;
use super::screens::Step;
use super::widgets::Form;
use crate::engine::Command;

/// How many are kept.
const MOST: usize = 20;

/// The texts of forms that were sent.
#[derive(Debug, Default)]
pub struct Drafts(Vec<Draft>);

#[derive(Debug)]
struct Draft {
    /// The form, by its title.
    title: String,
    /// Label and text of each field.
    texts: Vec<(String, String)>,
    command: Command,
    refused: bool,
}

impl Drafts {
    /// A form was sent, and asks for `steps`: its texts are kept until there is an answer.
    pub fn sent(&mut self, form: &Form, steps: &[Step]) {
        let Some(command) = asked(steps) else { return };
        self.0.retain(|draft| draft.title != form.title);
        let (title, texts) = (form.title.clone(), form.texts());
        self.0.push(Draft { title, texts, command: command.clone(), refused: false });
        let surplus = self.0.len().saturating_sub(MOST);
        self.0.drain(..surplus);
    }

    /// What was sent is stored, or was refused: whether a text is kept because of that.
    pub fn answered(&mut self, command: &Command, stored: bool) -> bool {
        if stored {
            self.0.retain(|draft| draft.command != *command);
        }
        let sent = self.0.iter_mut().find(|draft| draft.command == *command);
        sent.map(|draft| draft.refused = true).is_some()
    }

    /// Puts into a form what was refused when it was sent the last time.
    pub fn restore(&self, form: &mut Form) {
        let draft = self.0.iter().find(|draft| draft.refused && draft.title == form.title);
        if let Some(draft) = draft {
            form.restore(&draft.texts);
        }
    }
}

/// What is asked of the engine, be it after a question.
fn asked(steps: &[Step]) -> Option<&Command> {
    steps.iter().find_map(|step| match step {
        Step::Do(Cmd::Ask(command)) => Some(command),
        Step::Show(overlay) => match &**overlay {
            Overlay::Confirm(confirm) => asked(&confirm.yes),
            _ => None,
        },
        _ => None,
    })
}
