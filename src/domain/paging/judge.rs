//! What may be asked of paging: the only place where its events come from.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::model::{ChannelId, Delivery, Event, Page, PageId, Paged};
use super::pages::Pages;
use super::reach::{Desk, Reach, Whom, reach};
use crate::domain::command::Verdict;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::outbox::{self, MAX_WHY, SLACK, Standing, TRIES, next_try};
use crate::domain::roster::PersonId;
use crate::domain::text;
use crate::domain::time::Instant;

/// The longest text of a page, in characters: some of it is read on a phone.
const MAX_TEXT: usize = 500;
const MAX_SUBJECT: usize = 200;
/// The longest that is said of an incident beside it, in characters.
const MAX_DETAILS: usize = 1_000;
/// How many affected services are named.
const NAMED: usize = 5;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Page somebody.
    Page(Request),
    /// See whether pages to somebody arrive.
    Test { person: PersonId },
    /// Claim the next try on a channel.
    Begin { page: PageId, channel: ChannelId },
    /// Say what came of a try.
    End { page: PageId, channel: ChannelId, attempt: u32, ended: Ended },
}

/// A page before it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub whom: Whom,
    pub about: Option<IncidentId>,
    pub text: String,
    /// Who was named when it was confirmed; somebody else is not paged instead.
    pub confirmed: Option<Vec<PersonId>>,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Delivered {
        said: String,
    },
    Failed {
        why: String,
        /// It may have arrived all the same.
        unsure: bool,
        /// How long the other side asks to be left alone.
        wait: Option<TimeDelta>,
    },
}

/// Judges what is asked: the events, and what is said about it.
///
/// # Errors
/// It cannot be so; says the way out.
pub fn judge(
    pages: &Pages,
    desk: Desk<'_>,
    about: Option<&Incident>,
    command: &Command,
    now: Instant,
) -> Result<(Vec<Event>, String), Verdict> {
    let refused = |why: String| Verdict::Refused { why };
    match command {
        Command::Page(request) => page(pages, desk, about, request, now),
        Command::Test { person } => {
            let reach = reach(desk, &Whom::Person(person.clone()), None, now).map_err(refused)?;
            let subject = "test page: nothing is wrong".to_owned();
            paged(pages, desk, &reach, |paged| Paged {
                subject: subject.clone(),
                test: true,
                ..paged
            })
        }
        Command::Begin { page, channel } => {
            let delivery = delivery(pages, *page, channel).map_err(refused)?;
            let due = delivery.standing.due().filter(|due| *due <= now);
            if due.is_none() {
                return Err(Verdict::Already { why: format!("{page} by {channel} is not due") });
            }
            if delivery.attempts >= TRIES {
                return Err(refused(format!("{page} by {channel} was tried {TRIES} times")));
            }
            let Some(known) = desk.channels.iter().find(|c| c.id == *channel) else {
                return Err(refused(format!("this console has no channel {channel}")));
            };
            let (page, channel, attempt) = (*page, channel.clone(), delivery.attempts + 1);
            let until = now + known.timeout + SLACK;
            let said = format!("{page} by {channel}: try {attempt}");
            Ok((vec![Event::PageTryBegan { page, channel, attempt, until }], said))
        }
        Command::End { page, channel, attempt, ended } => {
            end(pages, (*page, channel, *attempt), ended, now)
        }
    }
}

/// What time brings about: what could not be delivered for too long, or began too often without an
/// end, is given up.
pub fn overdue(pages: &Pages, now: Instant) -> Vec<Event> {
    let mut given_up = Vec::new();
    for page in pages.open() {
        let open = page.deliveries.iter().filter(|d| d.standing.due().is_some_and(|at| at <= now));
        for delivery in open {
            let Some(why) = outbox::overdue(delivery.attempts, page.at, now) else { continue };
            let (page, channel) = (page.what.id, delivery.channel.clone());
            given_up.push(Event::PageGivenUp { page, channel, why });
        }
    }
    given_up
}

fn page(
    pages: &Pages,
    desk: Desk<'_>,
    about: Option<&Incident>,
    request: &Request,
    now: Instant,
) -> Result<(Vec<Event>, String), Verdict> {
    let refused = |why: String| Verdict::Refused { why };
    if let (Some(id), None) = (request.about, about) {
        return Err(refused(format!("there is no {id}")));
    }
    let reach = reach(desk, &request.whom, about.map(|i| i.priority), now).map_err(refused)?;
    if let Some(why) = surprise(&reach, request.confirmed.as_deref(), desk) {
        return Err(Verdict::Conflict { why });
    }
    let written = text::fitting_text("text", &request.text, MAX_TEXT).map_err(refused)?;
    let written = written.trim().to_owned();
    let subject = match about {
        Some(incident) => subject(incident),
        None if written.is_empty() => {
            return Err(refused("a page needs a text: what is wanted, in a line".to_owned()));
        }
        None => text::clean(written.lines().next().unwrap_or_default(), MAX_SUBJECT),
    };
    paged(pages, desk, &reach, |paged| Paged {
        incident: request.about,
        priority: about.map(|i| i.priority),
        subject: subject.clone(),
        text: written.clone(),
        details: about.map(details).unwrap_or_default(),
        ..paged
    })
}

/// Why those who are reached are not those who were named when it was confirmed.
pub fn surprise(reach: &Reach, confirmed: Option<&[PersonId]>, desk: Desk<'_>) -> Option<String> {
    if reach.routes.iter().map(|r| &r.person).eq(confirmed?) {
        return None;
    }
    let now: Vec<&str> = reach.routes.iter().map(|r| desk.roster.name(&r.person)).collect();
    let now = if now.is_empty() { "nobody".to_owned() } else { now.join(", ") };
    Some(format!("{} reaches {now} by now, which was not asked for; ask again", reach.target))
}

/// `P1 INC-2041 checkout: disk full`.
fn subject(incident: &Incident) -> String {
    let service = incident.service.as_ref().map(|s| format!(" {s}:")).unwrap_or_default();
    let subject = format!("{} {}{service} {}", incident.priority, incident.id, incident.title);
    text::clean(&subject, MAX_SUBJECT)
}

/// What whoever is woken would look up first.
fn details(incident: &Incident) -> String {
    let told = ["description", "summary", "message"]
        .iter()
        .find_map(|name| incident.annotations.get(*name).filter(|text| **text != incident.title));
    told.map(|text| text::clean_text(text, MAX_DETAILS)).unwrap_or_default()
}

/// Says in pages what folds under their incident: its services, one for each incident.
pub fn add_affected(pages: &mut [Paged], affected: &[String]) {
    if affected.is_empty() {
        return;
    }
    let services: BTreeSet<&str> = affected.iter().map(String::as_str).collect();
    let named = services.iter().copied().take(NAMED).collect::<Vec<_>>().join(", ");
    let more = if services.len() > NAMED { ", …" } else { "" };
    let line = format!("+{} affected: {named}{more}", affected.len());
    for page in pages {
        let details = [&line, page.details.as_str()].join("\n");
        details.trim_end().clone_into(&mut page.details);
    }
}

fn paged(
    pages: &Pages,
    desk: Desk<'_>,
    reach: &Reach,
    complete: impl Fn(Paged) -> Paged,
) -> Result<(Vec<Event>, String), Verdict> {
    if reach.routes.is_empty() {
        return Err(Verdict::Refused { why: reach.nobody() });
    }
    let paged: Vec<Paged> = routed(pages.next(), reach).map(complete).collect();
    let said = said(&paged, desk, reach);
    Ok((paged.into_iter().map(Event::Paged).collect(), said))
}

/// One page for each who is reached, numbered from `first` on; what it says is still missing.
fn routed(first: PageId, reach: &Reach) -> impl Iterator<Item = Paged> {
    reach.routes.iter().zip(first.0..).map(|(route, number)| Paged {
        id: PageId(number),
        person: route.person.clone(),
        target: reach.target.clone(),
        incident: None,
        priority: None,
        subject: String::new(),
        text: String::new(),
        details: String::new(),
        channels: route.channels.clone(),
        test: false,
    })
}

/// The pages about an incident to each who is reached, numbered from `first` on.
pub fn pages_about(first: PageId, reach: &Reach, incident: &Incident, text: &str) -> Vec<Paged> {
    let (subject, details) = (subject(incident), details(incident));
    let complete = |paged| Paged {
        incident: Some(incident.id),
        priority: Some(incident.priority),
        subject: subject.clone(),
        text: text.to_owned(),
        details: details.clone(),
        ..paged
    };
    routed(first, reach).map(complete).collect()
}

/// `PAGE-7: Ana Ruiz is paged by mail; not Mia: no channels`.
pub fn said(paged: &[Paged], desk: Desk<'_>, reach: &Reach) -> String {
    let line = |p: &Paged| {
        let by = p.channels.join(", ");
        format!("{}: {} is paged by {by}", p.id, desk.roster.name(&p.person))
    };
    let missed = reach.missed.iter().map(|why| format!("not {why}"));
    paged.iter().map(line).chain(missed).collect::<Vec<_>>().join("; ")
}

fn delivery<'a>(pages: &'a Pages, page: PageId, channel: &str) -> Result<&'a Delivery, String> {
    let page = pages.get(page).ok_or_else(|| format!("there is no {page}"))?;
    let none = || format!("{} does not go by {channel}", page.what.id);
    Page::delivery(page, channel).ok_or_else(none)
}

fn end(
    pages: &Pages,
    (page, channel, attempt): (PageId, &ChannelId, u32),
    ended: &Ended,
    now: Instant,
) -> Result<(Vec<Event>, String), Verdict> {
    let delivery = delivery(pages, page, channel).map_err(|why| Verdict::Refused { why })?;
    let already = |why: &str| Err(Verdict::Already { why: format!("{page} by {channel} {why}") });
    let channel = channel.clone();
    let event = match (ended, &delivery.standing) {
        (_, Standing::Delivered { .. }) => return already("has arrived"),
        // True, whoever has the claim by now.
        (Ended::Delivered { said }, _) => {
            let said = text::clean(said, MAX_WHY);
            Event::PageDelivered { page, channel, attempt, said }
        }
        (Ended::Failed { why, unsure, wait }, Standing::Trying { .. })
            if delivery.attempts == attempt =>
        {
            let why = text::clean(why, MAX_WHY);
            match next_try(attempt, *wait, now) {
                Some(next) => {
                    Event::PageFailed { page, channel, attempt, why, next, unsure: *unsure }
                }
                None => Event::PageGivenUp { page, channel, why: format!("{TRIES} tries: {why}") },
            }
        }
        (Ended::Failed { .. }, _) => return already("is somebody else's try by now"),
    };
    let said = event.words();
    Ok((vec![event], said))
}
