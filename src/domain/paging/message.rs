//! What a page says, whichever way it goes.

use serde::Serialize;

use super::model::{Page, PageId};
use crate::domain::incident::{IncidentId, Priority};
use crate::domain::roster::{Person, PersonId};
use crate::domain::text;
use crate::domain::time::Instant;

/// A page on its way. As JSON it is what webhooks and programs get: fields may be added, none is
/// renamed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    pub version: u32,
    /// The name of the installation.
    pub site: String,
    pub page: PageName,
    /// The same for every try: what arrives twice can be told.
    pub key: String,
    pub channel: String,
    pub attempt: u32,
    /// A try before may have arrived although nobody knows.
    pub possibly_twice: bool,
    pub test: bool,
    pub at: Instant,
    pub by: String,
    pub target: String,
    pub person: Contact,
    pub incident: Option<IncidentId>,
    pub priority: Option<Priority>,
    pub subject: String,
    pub text: String,
    /// How much it affects, and what was reported; of a page about an incident.
    pub details: String,
    /// The command that opens what it is about.
    pub open: String,
}

/// `PAGE-7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageName(pub PageId);

impl Serialize for PageName {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// Who it is for, with what the plan says of them now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contact {
    pub id: PersonId,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub chat: Option<String>,
}

impl Message {
    /// The message of one try. `command` opens the console here; `possibly_twice` as it was known when the try was claimed.
    pub fn of(
        page: &Page,
        person: Option<&Person>,
        (site, command): (&str, &str),
        (channel, attempt, possibly_twice): (&str, u32, bool),
    ) -> Self {
        let what = &page.what;
        let own = |text: &Option<std::sync::Arc<str>>| text.as_ref().map(ToString::to_string);
        let contact = Contact {
            id: what.person.clone(),
            name: person.map_or(&*what.person, |p| &p.name).to_owned(),
            email: person.and_then(|p| own(&p.email)),
            phone: person.and_then(|p| own(&p.phone)),
            chat: person.and_then(|p| own(&p.chat)),
        };
        Self {
            version: 1,
            site: site.to_owned(),
            page: PageName(what.id),
            key: page.key(channel),
            channel: channel.to_owned(),
            attempt,
            possibly_twice,
            test: what.test,
            at: page.at,
            by: page.by.clone(),
            target: what.target.clone(),
            person: contact,
            incident: what.incident,
            priority: what.priority,
            subject: what.subject.clone(),
            text: what.text.clone(),
            details: what.details.clone(),
            open: what.incident.map_or(command.to_owned(), |id| format!("{command} {id}")),
        }
    }

    /// One line, as a mail's subject.
    pub fn headline(&self) -> String {
        let twice = if self.possibly_twice { " (possibly sent twice)" } else { "" };
        let site = if self.site.is_empty() { String::new() } else { format!("[{}] ", self.site) };
        text::clean(&format!("{site}{}{twice}", self.subject), 250)
    }

    /// The lines below it.
    pub fn body(&self) -> String {
        let mut lines = Vec::new();
        if !self.text.is_empty() && self.text != self.subject {
            lines.extend([self.text.clone(), String::new()]);
        }
        if !self.details.is_empty() {
            lines.extend([self.details.clone(), String::new()]);
        }
        let at = self.at.format("%Y-%m-%d %H:%M UTC");
        lines.push(format!("Paged by {} at {at} as {} ({}).", self.by, self.target, self.page.0));
        if self.possibly_twice {
            lines.push(
                "This may have reached you before: its first try had no known end.".to_owned(),
            );
        }
        if self.test {
            lines.push("This is a test; nothing has to be done.".to_owned());
        } else {
            lines.push(format!("Open it with: {}", self.open));
        }
        lines.join("\n")
    }
}
