//! What may be asked of paging: the only place where its events come from.

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
    if let Some(confirmed) = &request.confirmed
        && !reach.routes.iter().map(|r| &r.person).eq(confirmed)
    {
        let now: Vec<&str> = reach.routes.iter().map(|r| desk.roster.name(&r.person)).collect();
        let now = if now.is_empty() { "nobody".to_owned() } else { now.join(", ") };
        let why =
            format!("{} reaches {now} by now, which was not asked for; ask again", reach.target);
        return Err(Verdict::Conflict { why });
    }
    let written = text::clean_text(&request.text, MAX_TEXT).trim().to_owned();
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
        ..paged
    })
}

/// `P1 INC-2041 checkout: disk full`.
fn subject(incident: &Incident) -> String {
    let service = incident.service.as_ref().map(|s| format!(" {s}:")).unwrap_or_default();
    let subject = format!("{} {}{service} {}", incident.priority, incident.id, incident.title);
    text::clean(&subject, MAX_SUBJECT)
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
    let mut events = Vec::new();
    let mut said = Vec::new();
    for (route, number) in reach.routes.iter().zip(pages.next().0..) {
        let id = PageId(number);
        let by = route.channels.join(", ");
        said.push(format!("{id}: {} is paged by {by}", desk.roster.name(&route.person)));
        events.push(Event::Paged(complete(Paged {
            id,
            person: route.person.clone(),
            target: reach.target.clone(),
            incident: None,
            priority: None,
            subject: String::new(),
            text: String::new(),
            channels: route.channels.clone(),
            test: false,
        })));
    }
    said.extend(reach.missed.iter().map(|why| format!("not {why}")));
    Ok((events, said.join("; ")))
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
