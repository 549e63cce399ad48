//! `[[reports]]`: reports that are issued by themselves, and where they go.

use std::path::PathBuf;

use lettre::message::Mailbox;

use super::channel::Known;
use crate::config::names::Names;
use crate::config::reader::{Section, Text};
use crate::domain::health::{Service, ServiceId};
use crate::domain::paging::ChannelId;
use crate::domain::report::periodic::{Every, Periodic};
use crate::domain::report::{Format, Locale, Scope};
use crate::notify::channels::mailbox;

/// One report that is issued by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportPlan {
    pub what: Periodic,
    pub to: Destination,
}

/// Where it goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Destination {
    Folder(PathBuf),
    Mail { channel: ChannelId, recipients: Vec<Mailbox> },
}

/// The only kind there is so far.
const KINDS: [(&str, ()); 1] = [("service", ())];

pub fn reports(
    sections: Vec<Section<'_>>,
    channels: &Known<'_>,
    services: &[&Service],
    site: Locale,
) -> Vec<ReportPlan> {
    let (mut plans, mut ids) = (Vec::new(), Names::new("report", "reports"));
    for s in sections {
        let id = s.id("id = \"monthly\"");
        if let Some(id) = id {
            ids.give(s.report(), id);
        }
        if !s.has("kind") {
            s.missing("kind", "kind = \"service\"");
        }
        let kind = s.word("kind", &KINDS);
        if !s.has("every") {
            s.missing("every", "every = \"month\"");
        }
        let every = s.word("every", &Every::WORDS);
        let locale = s.word("locale", &Locale::WORDS).unwrap_or(site);
        let formats = formats(&s);
        let scope = scope(&s, services);
        let to =
            s.required_text("to", "to = \"/srv/reports\", or \"mail:\" with the id of a channel");
        let to = to.and_then(|to| destination(&s, to, channels));
        s.finish();
        if let (Some(id), Some(()), Some(every), Some(scope), Some(to)) =
            (id, kind, every, scope, to)
        {
            let what = Periodic { id: id.value.into(), every, scope, formats, locale };
            plans.push(ReportPlan { what, to });
        }
    }
    plans
}

fn formats(s: &Section<'_>) -> Vec<Format> {
    let mut list: Vec<Format> = Vec::new();
    for text in s.texts("formats").unwrap_or_default() {
        match Format::WORDS.iter().find(|(word, _)| *word == text.value) {
            Some((_, format)) if list.contains(format) => {}
            Some((_, format)) => list.push(*format),
            None => {
                let message = format!("{:?} is no format of a report", text.value);
                s.report().error(text.at, message, "md, html, csv, json");
            }
        }
    }
    if list.is_empty() { vec![Format::Html] } else { list }
}

/// Whose services: of one, of a team, of all.
fn scope(s: &Section<'_>, services: &[&Service]) -> Option<Scope> {
    let (service, team) = (s.filled("service"), s.filled("team"));
    match (service, team) {
        (Some(one), Some(_)) => {
            s.report().error(one.at, "a report is about one service or one team", "leave one out");
            None
        }
        (Some(id), None) if services.iter().any(|known| known.id.as_str() == id.value) => {
            Some(Scope::Service(ServiceId::new(id.value)))
        }
        (Some(id), None) => {
            let message = format!("there is no service {:?}", id.value);
            s.report().error(id.at, message, "give the id of one of [[services]]");
            None
        }
        (None, Some(team)) if services.iter().any(|s| s.team.as_deref() == Some(team.value)) => {
            Some(Scope::Team(team.value.to_owned()))
        }
        (None, Some(team)) => {
            let message = format!("no service is of team {:?}", team.value);
            s.report().error(team.at, message, "give the team of one of [[services]]");
            None
        }
        (None, None) => Some(Scope::All),
    }
}

fn destination(s: &Section<'_>, to: Text<'_>, channels: &Known<'_>) -> Option<Destination> {
    let recipients = s.texts("recipients");
    let Some(channel) = to.value.strip_prefix("mail:") else {
        if let Some(first) = recipients.as_ref().and_then(|r| r.first()) {
            let remedy = "leave them out, or send it by mail: to = \"mail:smtp\"";
            s.report().error(first.at, "a folder has no recipients", remedy);
        }
        return Some(Destination::Folder(s.path_of(to)));
    };
    if !channels.mails.contains(&channel) {
        let message = format!("{channel:?} is no channel that sends mail");
        let remedy = "give the id of one of [[notify.channels]] with kind = \"mail\"";
        s.report().error(to.at, message, remedy);
        return None;
    }
    let given = recipients.unwrap_or_default();
    if given.is_empty() {
        s.missing("recipients", "recipients = [\"service-managers@acme.example\"]");
        return None;
    }
    let mut list = Vec::new();
    for text in given {
        match mailbox(text.value) {
            Ok(mailbox) => list.push(mailbox),
            Err(why) => {
                let message = format!("{:?} is nobody to whom mail is sent: {why}", text.value);
                s.report().error(text.at, message, "write it as boss@acme.example");
            }
        }
    }
    Some(Destination::Mail { channel: channel.into(), recipients: list })
}
