//! What may be ordered: the only place where the events of orders come from.

use chrono::TimeDelta;

use super::model::{Call, Event, Order, OrderId, Ordered, UpstreamKind, Upstreams};
use super::orders::Orders;
use crate::domain::command::Verdict;
use crate::domain::incident::{Actor, Incident, IncidentId};
use crate::domain::matcher::Labels;
use crate::domain::observation::SourceName;
use crate::domain::outbox::{self, MAX_WHY, SLACK, Standing, TRIES, next_try};
use crate::domain::text;
use crate::domain::time::Instant;

/// The longest comment, in characters.
const MAX_COMMENT: usize = 300;
/// Most objects of one order.
const MAX_OBJECTS: usize = 200;
/// The longest that anything is muted.
const LONGEST: TimeDelta = TimeDelta::days(366);

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Order something.
    Order(Request),
    /// Take back the last own order of this session: what it made is taken away; what was not made
    /// yet, is not.
    UndoLast,
    /// Claim the next try.
    Begin { order: OrderId },
    /// Say what came of a try.
    End { order: OrderId, attempt: u32, ended: Ended },
}

/// An order before it is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub source: SourceName,
    pub about: Option<IncidentId>,
    pub call: Call,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Done {
        said: String,
        /// The id of the silence that it made or left.
        made: Option<String>,
    },
    Failed {
        why: String,
        /// How long the other side asks to be left alone.
        wait: Option<TimeDelta>,
        /// It will not get better by trying again.
        is_final: bool,
    },
}

/// Against what is judged.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    pub orders: &'a Orders,
    pub upstreams: &'a Upstreams,
    /// The incident that a request is about, where it is known.
    pub about: Option<&'a Incident>,
}

/// Judges what is asked: the events, and what is said about it.
///
/// # Errors
/// It cannot be so; says the way out.
pub fn judge(
    desk: Desk<'_>,
    actor: &Actor,
    command: &Command,
    now: Instant,
) -> Result<(Vec<Event>, String), Verdict> {
    let refused = |why: String| Verdict::Refused { why };
    match command {
        Command::Order(request) => order(desk, actor, request, now).map_err(refused),
        Command::UndoLast => undo(desk, actor, now).map_err(refused),
        Command::Begin { order } => {
            let known = known(desk.orders, *order).map_err(refused)?;
            let source = &known.what.source;
            let Some(upstream) = desk.upstreams.get(source) else {
                return Err(refused(format!("this console has no source {source}")));
            };
            if known.standing.due().is_none_or(|due| due > now) {
                return Err(Verdict::Already { why: format!("{order} is not due") });
            }
            if known.attempts >= TRIES {
                return Err(refused(format!("{order} was tried {TRIES} times")));
            }
            let (order, attempt) = (*order, known.attempts + 1);
            let until = now + upstream.timeout + SLACK;
            let said = format!("{order}: try {attempt}");
            Ok((vec![Event::OrderTryBegan { order, attempt, until }], said))
        }
        Command::End { order, attempt, ended } => end(desk.orders, *order, *attempt, ended, now),
    }
}

/// What time brings about: what could not be done for too long, or is of no use any more, is given
/// up.
pub fn overdue(orders: &Orders, now: Instant) -> Vec<Event> {
    let due = orders.open().filter(|o| o.standing.due().is_some_and(|at| at <= now));
    let given_up = due.filter_map(|o| {
        let over = o.what.call.until().is_some_and(|until| until <= now);
        let over = over.then(|| "its time was over before it could be done".to_owned());
        let why = over.or_else(|| outbox::overdue(o.attempts, o.at, now))?;
        Some(Event::OrderGivenUp { order: o.what.id, why })
    });
    given_up.collect()
}

fn order(
    desk: Desk<'_>,
    actor: &Actor,
    request: &Request,
    now: Instant,
) -> Result<(Vec<Event>, String), String> {
    let Request { source, about, call } = request;
    if let (Some(id), None) = (about, desk.about) {
        return Err(format!("there is no {id}"));
    }
    let Some(upstream) = desk.upstreams.get(source) else {
        return Err(unknown(source, desk.upstreams));
    };
    if upstream.kind != call.kind() {
        let (can, cannot) = match upstream.kind {
            UpstreamKind::Alertmanager => ("silences", "downtimes nor comments"),
            UpstreamKind::Icinga2 => ("downtimes and comments", "silences"),
            UpstreamKind::Told => ("what its actions say", "silences nor downtimes"),
        };
        return Err(format!("{source} takes {can}, not {cannot}"));
    }
    let call = checked(call, now)?;
    let what = Ordered {
        id: desk.orders.next(),
        source: source.clone(),
        incident: *about,
        author: text::clean(&actor.name, 80),
        call,
    };
    let event = Event::Ordered(what);
    let said = event.words();
    Ok((vec![event], said))
}

fn unknown(source: &str, upstreams: &Upstreams) -> String {
    let known: Vec<&str> = upstreams.keys().map(AsRef::as_ref).collect();
    if known.is_empty() {
        return "no source takes orders: it needs one of kind alertmanager or icinga2".to_owned();
    }
    let remedy = text::suggest(source, &known, "sources that do");
    format!("{:?} is no source that takes orders; {remedy}", text::clean(source, 80))
}

/// The call with its texts tidied, if it makes sense.
fn checked(call: &Call, now: Instant) -> Result<Call, String> {
    let said = |comment: &str| {
        let comment = text::clean(comment, MAX_COMMENT);
        let none = "a comment is needed: why it is muted, for whoever finds it there";
        if comment.is_empty() { Err(none.to_owned()) } else { Ok(comment) }
    };
    let lasts = |until: Instant| match until {
        until if until <= now => Err("its end is over already".to_owned()),
        until if until - now > LONGEST => Err("nothing is muted for more than a year".to_owned()),
        until => Ok(until),
    };
    let known = |silence: &str| {
        if is_id(silence) { Ok(silence.to_owned()) } else { Err(no_silence(silence)) }
    };
    let these = |objects: &[String]| match objects.len() {
        0 => Err("it is about no host or service".to_owned()),
        n if n > MAX_OBJECTS => Err(format!("{n} objects are more than {MAX_OBJECTS} at a time")),
        _ => Ok(objects.iter().map(|o| text::clean(o, 300)).collect::<Vec<_>>()),
    };
    Ok(match call {
        Call::Silence { matchers, until, comment } => {
            if matchers.matches(&Labels::new()) {
                let why = "it would also fit alerts without labels, which Alertmanager takes from \
                           nobody; let a matcher name a label and its value";
                return Err(why.to_owned());
            }
            let (until, comment) = (lasts(*until)?, said(comment)?);
            Call::Silence { matchers: matchers.clone(), until, comment }
        }
        Call::Extend { silence, until } => {
            Call::Extend { silence: known(silence)?, until: lasts(*until)? }
        }
        Call::Expire { silence } => Call::Expire { silence: known(silence)? },
        Call::Downtime { objects, until, comment } => {
            let (objects, comment) = (these(objects)?, said(comment)?);
            Call::Downtime { objects, until: lasts(*until)?, comment }
        }
        Call::EndDowntime { key } => Call::EndDowntime { key: key.clone() },
        Call::Tell { .. } => return Err("it follows from an action on an incident".to_owned()),
        Call::Comment { objects, comment } => {
            Call::Comment { objects: these(objects)?, comment: said(comment)? }
        }
    })
}

fn no_silence(id: &str) -> String {
    format!("{:?} is not the id of a silence; atalaya silences lists them", text::clean(id, 80))
}

/// Whether it can be the id of a silence: one segment of a path, whatever the server.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn undo(desk: Desk<'_>, actor: &Actor, now: Instant) -> Result<(Vec<Event>, String), String> {
    let own = |o: &&std::sync::Arc<Order>| {
        o.by == actor.name && o.session == actor.session && !actor.session.is_empty()
    };
    let none = || "no order of this session is left to take back".to_owned();
    let last = desk.orders.iter().rev().find(own).ok_or_else(none)?;
    let (id, what) = (last.what.id, &last.what);
    let back = match (&last.standing, &what.call, &last.made) {
        (Standing::GivenUp { .. }, ..) => return Err(format!("{id} was not done")),
        (Standing::Waiting { .. }, ..) if last.attempts == 0 => {
            let why = format!("taken back by {}", actor.name);
            let said = format!("{id} taken back before it was sent");
            return Ok((vec![Event::OrderGivenUp { order: id, why }], said));
        }
        (Standing::Waiting { .. } | Standing::Trying { .. }, ..) => {
            return Err(format!("{id} is under way; take it back once it is done"));
        }
        (_, Call::Silence { .. }, Some(silence)) => Call::Expire { silence: silence.clone() },
        (_, Call::Downtime { .. }, _) => Call::EndDowntime { key: last.key() },
        _ => return Err(format!("{id} cannot be taken back: {}", what.call.words())),
    };
    let desk = Desk { about: None, ..desk };
    let request = Request { source: what.source.clone(), about: None, call: back };
    let (mut events, said) = order(desk, actor, &request, now)?;
    for event in &mut events {
        if let Event::Ordered(ordered) = event {
            ordered.incident = what.incident;
        }
    }
    Ok((events, said))
}

fn known(orders: &Orders, id: OrderId) -> Result<&Order, String> {
    orders.get(id).map(AsRef::as_ref).ok_or_else(|| format!("there is no {id}"))
}

fn end(
    orders: &Orders,
    order: OrderId,
    attempt: u32,
    ended: &Ended,
    now: Instant,
) -> Result<(Vec<Event>, String), Verdict> {
    let known = known(orders, order).map_err(|why| Verdict::Refused { why })?;
    let already = |why: &str| Err(Verdict::Already { why: format!("{order} {why}") });
    let event = match (ended, &known.standing) {
        (_, Standing::Delivered { .. }) => return already("is done"),
        // True, whoever has the claim by now.
        (Ended::Done { said, made }, _) => {
            let (said, made) = (text::clean(said, MAX_WHY), made.clone());
            Event::OrderDone { order, attempt, said, made }
        }
        (Ended::Failed { why, wait, is_final }, Standing::Trying { .. })
            if known.attempts == attempt =>
        {
            let why = text::clean(why, MAX_WHY);
            match next_try(attempt, *wait, now).filter(|_| !is_final) {
                Some(next) => Event::OrderFailed { order, attempt, why, next },
                None if *is_final => Event::OrderGivenUp { order, why },
                None => Event::OrderGivenUp { order, why: format!("{TRIES} tries: {why}") },
            }
        }
        (Ended::Failed { .. }, _) => return already("is somebody else's try by now"),
    };
    let said = event.words();
    Ok((vec![event], said))
}
