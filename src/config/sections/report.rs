//! `[[reports]]`: reports that are issued by themselves, and where they go.

use std::path::PathBuf;

use lettre::message::Mailbox;

use super::channel;
use crate::config::names::Names;
use crate::config::reader::{Section, Text};
use crate::domain::health::{Service, ServiceId};
use crate::domain::paging::ChannelId;
use crate::domain::report::periodic::{Every, Periodic};
use crate::domain::report::{Format, Locale, Scope};
use crate::domain::sla::contract::ServiceLevels;
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

/// What a report may name.
pub struct Known<'a> {
    pub channels: &'a channel::Known<'a>,
    pub services: &'a [&'a Service],
    pub levels: &'a ServiceLevels,
    /// Of the site.
    pub locale: Locale,
}

pub fn reports(sections: Vec<Section<'_>>, known: &Known<'_>) -> Vec<ReportPlan> {
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
        let locale = s.word("locale", &Locale::WORDS).unwrap_or(known.locale);
        let formats = formats(&s);
        let scope = scope(&s, known);
        let to =
            s.required_text("to", "to = \"/srv/reports\", or \"mail:\" with the id of a channel");
        let to = to.and_then(|to| destination(&s, to, known.channels));
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

/// Whose services: of one, of a team, of a contract, or all.
fn scope(s: &Section<'_>, known: &Known<'_>) -> Option<Scope> {
    let (service, team, contract) = (s.filled("service"), s.filled("team"), s.filled("contract"));
    let given: Vec<Text<'_>> = [service, team, contract].into_iter().flatten().collect();
    let [one] = given.as_slice() else {
        if let Some(second) = given.get(1) {
            let message = "a report is about one service, one team or one contract";
            s.report().error(second.at, message, "leave all but one of them out");
            return None;
        }
        return Some(Scope::All);
    };
    let of_service = |id: Text<'_>| Scope::Service(ServiceId::new(id.value));
    let (scope, is_known, what) = if let Some(id) = service {
        let is_known = known.services.iter().any(|s| s.id.as_str() == id.value);
        (of_service(id), is_known, "a service of [[services]]")
    } else if let Some(team) = team {
        let is_known = known.services.iter().any(|s| s.team.as_deref() == Some(team.value));
        (Scope::Team(team.value.to_owned()), is_known, "the team of a service of [[services]]")
    } else {
        let contract = known.levels.contract(one.value).filter(|c| !c.services.is_empty());
        let scope = Scope::Contract(one.value.to_owned());
        (scope, contract.is_some(), "one of [[contracts]] with its services")
    };
    if !is_known {
        let message = format!("there is no {:?}", one.value);
        s.report().error(one.at, &message, format!("name {what}"));
        return None;
    }
    Some(scope)
}

fn destination(
    s: &Section<'_>,
    to: Text<'_>,
    channels: &channel::Known<'_>,
) -> Option<Destination> {
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
