//! What people do to incidents: report, act, undo.

use std::sync::Arc;

use super::core::State;
use super::detection;
use super::draft::Draft;
use crate::domain::calendar;
use crate::domain::command::{Outcome, Verdict};
use crate::domain::incident::event::Opening;
use crate::domain::incident::lifecycle::{self, Action, Correction, Report, Target};
use crate::domain::incident::views::shared::{self, Judged};
use crate::domain::incident::{
    Absorbed, Actor, EventBody, Findings, Incident, IncidentId, IncidentState,
};
use crate::domain::log::Fact;
use crate::domain::matcher::Labels;
use crate::domain::paging::{self, reach::Desk};
use crate::domain::report::{self, HandoverId, Party};
use crate::domain::roster::book;
use crate::domain::text;
use crate::domain::time::{self, TimeStyle};
use crate::domain::upstream;
use crate::domain::upstream::actions::Done;

/// The longest name of a category or a code.
const MAX_CATEGORY: usize = 60;
/// The longest name of a person, and the longest title.
const MAX_NAME: usize = 100;
const MAX_TITLE: usize = 300;

/// A report by hand.
pub(super) fn report(draft: &mut Draft<'_>, actor: &Actor, report: &Report) {
    let refused =
        |why: &str| Outcome { id: None, verdict: Verdict::Refused { why: why.to_owned() } };
    let fitted = text::fitting("title", &report.title, MAX_TITLE).and_then(|title| {
        let category = text::fitting("category", &report.category, MAX_CATEGORY)?;
        Ok((title, category, text::fitting_text("text", &report.text, text::MAX_TEXT)?))
    });
    let (title, category, text) = match fitted {
        Ok(fitted) => fitted,
        Err(why) => return draft.answers.push(refused(&why)),
    };
    if title.is_empty() {
        draft.answers.push(refused("a report needs a title: what is wrong, in one line"));
        return;
    }
    let catalogue = &draft.state.sight.catalogue;
    let tier = match report.service.as_ref().map(|id| (id, catalogue.of(id))) {
        None => None,
        Some((_, Some(service))) => Some(service.tier),
        // Without a catalogue (the command line beside a console) the name is taken as it is.
        Some((_, None)) if catalogue.is_empty() => None,
        Some((id, None)) => {
            let why = format!("there is no service {id:?}", id = id.as_str());
            draft.answers.push(refused(&why));
            return;
        }
    };
    let impact = report.impact.unwrap_or_else(|| tier.unwrap_or(3).clamp(1, 3)).clamp(1, 3);
    let urgency = report.urgency.unwrap_or(2).clamp(1, 3);
    if let Err(why) = draft.state.plan.policy.known_category(&category) {
        draft.answers.push(refused(&why));
        return;
    }
    let is_told = !text.trim().is_empty();
    // Where the alerts of a source say what is the matter.
    let described = is_told.then(|| ("description".to_owned(), text.clone()));
    let opening = Opening {
        key: format!("operator/{}", draft.next_id()),
        title,
        service: report.service.clone(),
        source: Arc::from("operator"),
        category,
        impact,
        urgency,
        priority: draft.state.plan.policy.priority(impact, urgency),
        labels: Labels::new(),
        annotations: described.into_iter().collect(),
        started_at: draft.now,
        earlier: None,
        recurrence: 1,
    };
    let id = draft.open(actor, opening);
    if is_told {
        draft.push(actor, id, EventBody::Noted { text });
    }
    let said = format!("{id} reported");
    draft.answers.push(Outcome { id: Some(id), verdict: Verdict::Done { said, also: Vec::new() } });
}

/// A change of the roster.
pub(super) fn roster(draft: &mut Draft<'_>, actor: &Actor, command: &book::Command) {
    let State { book, plan, .. } = draft.state;
    let verdict =
        match book.judge(&plan.roster, actor, command, (draft.now, plan.policy.undo_window)) {
            Ok((change, said)) => {
                draft.push_other(actor, Fact::Roster(change));
                Verdict::Done { said, also: Vec::new() }
            }
            Err(why) => Verdict::Refused { why },
        };
    draft.answers.push(Outcome { id: None, verdict });
}

/// A change of the calendar.
pub(super) fn calendar(draft: &mut Draft<'_>, actor: &Actor, command: &calendar::Command) {
    let State { calendar, plan, .. } = draft.state;
    let by = calendar::By {
        actor,
        person: plan.person.as_deref(),
        roster: &plan.roster,
        undo_window: plan.policy.undo_window,
    };
    let verdict = match calendar::lifecycle::judge(calendar, &neat(command), &by, draft.now) {
        Ok(events) => {
            // What spoke against it they have just read.
            let told =
                events.iter().filter(|e| !matches!(e, calendar::CalendarEvent::Forced { .. }));
            let said: Vec<String> = told.map(|e| calendar.said(e)).collect();
            for event in events {
                draft.push_other(actor, Fact::Calendar(event));
            }
            Verdict::Done { said: said.join("; "), also: Vec::new() }
        }
        Err(refused) => Verdict::Refused { why: refused.why },
    };
    draft.answers.push(Outcome { id: None, verdict });
}

/// A page, or what became of one.
pub(super) fn paging(draft: &mut Draft<'_>, actor: &Actor, command: &paging::Command) {
    let State { pages, plan, book, sight, .. } = draft.state;
    let desk = Desk {
        roster: &plan.roster,
        overrides: &book.overrides(),
        imported: &sight.imported,
        channels: &plan.channels,
    };
    let about = match command {
        paging::Command::Page(request) => request.about,
        _ => None,
    };
    let about = about.and_then(|id| draft.incident(id));
    let verdict = match paging::judge(pages, desk, about, command, draft.now) {
        Ok((events, said)) => {
            for event in events {
                draft.push_other(actor, Fact::Paging(event));
            }
            Verdict::Done { said, also: Vec::new() }
        }
        Err(verdict) => verdict,
    };
    draft.answers.push(Outcome { id: None, verdict });
}

/// An order, or what became of one.
pub(super) fn upstream(draft: &mut Draft<'_>, actor: &Actor, command: &upstream::Command) {
    let State { orders, plan, .. } = draft.state;
    let about = match command {
        upstream::Command::Order(request) => request.about,
        _ => None,
    };
    let about = about.and_then(|id| draft.incident(id));
    let desk = upstream::Desk { orders, upstreams: &plan.upstreams, about };
    let verdict = match upstream::judge(desk, actor, command, draft.now) {
        Ok((events, said)) => {
            for event in events {
                draft.push_other(actor, Fact::Upstream(event));
            }
            Verdict::Done { said, also: Vec::new() }
        }
        Err(verdict) => verdict,
    };
    draft.answers.push(Outcome { id: None, verdict });
}

/// A view for everybody.
pub(super) fn view(draft: &mut Draft<'_>, actor: &Actor, command: &shared::Command) {
    let verdict = match draft.state.views.judge(command) {
        Judged::Do { event, said } => {
            draft.push_other(actor, Fact::View(event));
            Verdict::Done { said, also: Vec::new() }
        }
        Judged::Already(why) => Verdict::Already { why },
        Judged::Refused(why) => Verdict::Refused { why },
        Judged::Conflict(why) => Verdict::Conflict { why },
    };
    draft.answers.push(Outcome { id: None, verdict });
}

/// A handover or a report.
pub(super) fn reports(draft: &mut Draft<'_>, actor: &Actor, command: &report::Command) {
    let State { reports, plan, live, .. } = draft.state;
    let open: Vec<&Incident> = match command {
        report::Command::Accept { .. } => {
            live.iter().filter_map(|id| draft.incident(*id)).filter(|i| i.is_open()).collect()
        }
        _ => Vec::new(),
    };
    let by = Party { name: actor.name.clone(), person: plan.person.clone() };
    let zone = plan.site.zone;
    let desk = report::book::Desk { by, now: draft.now, zone, open: &open };
    let verdict = match reports.judge(command, &desk) {
        Ok(judged) => {
            draft.push_other(actor, Fact::Report(judged.event));
            if let report::Command::Accept { id: handover, .. } = command {
                for id in &judged.transfers {
                    hand_to(draft, actor, *id, *handover);
                }
            }
            Verdict::Done { said: judged.said, also: judged.transfers }
        }
        Err(verdict) => verdict,
    };
    draft.answers.push(Outcome { id: None, verdict });
}

/// An incident goes over to whoever accepts a handover: what was acknowledged is so by them from now on, for
/// as long as the plan says. It belongs to no session, since accepting cannot be undone.
fn hand_to(draft: &mut Draft<'_>, actor: &Actor, id: IncidentId, handover: HandoverId) {
    let handover = Some(handover);
    let Some(incident) = draft.incident(id) else { return };
    let by = Actor { session: String::new(), ..actor.clone() };
    let snoozed = incident.standing.snoozed.as_ref().map(|s| s.until);
    if incident.state() == IncidentState::Acknowledged {
        let lasts = draft.state.plan.policy.ack_expiry(incident.priority);
        let until = lasts.and_then(|length| draft.now.checked_add_signed(length));
        draft.push(&by, id, EventBody::Acknowledged { until, handover });
        if let Some(until) = snoozed {
            draft.push(&by, id, EventBody::Snoozed { until });
        }
    } else {
        draft.push(&by, id, EventBody::Assigned { to: Some(actor.name.clone()), handover });
    }
}

/// What a person types about the calendar, without what does not belong into a line.
fn neat(command: &calendar::Command) -> calendar::Command {
    use calendar::{Action, Command};
    let line = |t: &str| text::clean(t, text::MAX_LINE);
    let window = |w: &calendar::Window| {
        let summary = line(&w.summary).into();
        Box::new(calendar::Window { summary, ..w.clone() })
    };
    match command {
        Command::Add { window: w } => Command::Add { window: window(w) },
        Command::Change { window: w } => Command::Change { window: window(w) },
        Command::Withdraw { window, reason } => {
            Command::Withdraw { window: window.clone(), reason: line(reason) }
        }
        Command::Declare { window: w, code, reason } => {
            Command::Declare { window: window(w), code: *code, reason: line(reason) }
        }
        Command::Except { freeze, window, reason, expires } => {
            let (freeze, window) = (freeze.clone(), window.clone());
            Command::Except { freeze, window, reason: line(reason), expires: *expires }
        }
        Command::Act { key, action } => {
            let action = match action {
                Action::Finish { code, note } => Action::Finish { code: *code, note: line(note) },
                Action::BackOut { reason } => Action::BackOut { reason: line(reason) },
                Action::Cancel { reason } => Action::Cancel { reason: line(reason) },
                Action::Check { item, result, note } => {
                    Action::Check { item: *item, result: *result, note: line(note) }
                }
                other => other.clone(),
            };
            Command::Act { key: key.clone(), action }
        }
        Command::Despite { command, reasons } => {
            let command = Box::new(neat(command));
            Command::Despite { command, reasons: reasons.clone() }
        }
        Command::Seen { command, position } => {
            Command::Seen { command: Box::new(neat(command)), position: *position }
        }
        Command::Undo { .. } | Command::UndoLast => command.clone(),
    }
}

/// One action on one incident.
pub(super) fn act(draft: &mut Draft<'_>, actor: &Actor, target: Target, action: &Action) {
    let id = target.id;
    let verdict = match tidy(action) {
        Ok(action) => judge(draft, actor, target, &action),
        Err(why) => Verdict::Refused { why },
    };
    draft.answers.push(Outcome { id: Some(id), verdict });
}

/// What a person types is text from outside, too. What is too long is refused: a cut text would be kept
/// for good.
fn tidy(action: &Action) -> Result<Action, String> {
    let line = |what: &str, t: &str| text::fitting(what, t, text::MAX_LINE);
    let name = |what: &str, t: &str| text::fitting(what, t, MAX_NAME);
    let word = |what: &str, t: &str| text::fitting(what, t, MAX_CATEGORY);
    let category =
        |c: &Option<String>| c.as_ref().map(|category| word("category", category)).transpose();
    let found = |f: &Findings| {
        Ok::<_, String>(Findings { code: word("code", &f.code)?, cause: line("cause", &f.cause)? })
    };
    Ok(match action {
        Action::Note { text } => {
            let text = text::fitting_text("note", text, text::MAX_TEXT)?;
            Action::Note { text: text.trim().to_owned() }
        }
        Action::Assign { to } => {
            Action::Assign { to: to.as_ref().map(|t| name("name", t)).transpose()? }
        }
        Action::Resolve { reason, findings, force } => {
            let (reason, findings) = (line("reason", reason)?, found(findings)?);
            Action::Resolve { reason, findings, force: *force }
        }
        Action::Close { reason, findings, category } => Action::Close {
            reason: line("remark", reason)?,
            findings: found(findings)?,
            category: word("category", category)?,
        },
        Action::Hold { reason, note, until } => {
            Action::Hold { reason: *reason, note: line("note", note)?, until: *until }
        }
        Action::Classify { impact, urgency, category: new } => {
            Action::Classify { impact: *impact, urgency: *urgency, category: category(new)? }
        }
        Action::Rate { score, text, from } => {
            let (text, from) = (line("text", text)?, name("name", from)?);
            Action::Rate { score: *score, text, from }
        }
        Action::Split { reason } => Action::Split { reason: line("reason", reason)? },
        Action::Correct { correction, reason, agreed_with } => Action::Correct {
            correction: Box::new(Correction {
                category: category(&correction.category)?,
                findings: found(&correction.findings)?,
                ..(**correction).clone()
            }),
            reason: line("reason", reason)?,
            agreed_with: name("name of who agreed", agreed_with)?,
        },
        Action::Cancel { reason } => Action::Cancel { reason: line("reason", reason)? },
        Action::Reopen { reason } => Action::Reopen { reason: line("reason", reason)? },
        Action::Acknowledge { .. }
        | Action::Unacknowledge
        | Action::Resume
        | Action::Snooze { .. }
        | Action::Wake
        | Action::Merge { .. } => action.clone(),
    })
}

fn judge(draft: &mut Draft<'_>, actor: &Actor, target: Target, action: &Action) -> Verdict {
    let id = target.id;
    let Some(incident) = draft.incident(id) else {
        return Verdict::Refused { why: format!("there is no {id}") };
    };
    let policy = &draft.state.plan.policy;
    let merged_into = incident.standing.merged_into;
    let judged = lifecycle::judge(incident, target.seen, action, actor, policy, draft.now);
    if let (Ok(_), Action::Reopen { .. } | Action::Split { .. }) = (&judged, action)
        && let Some(why) = covered(draft, id)
    {
        return Verdict::Refused { why };
    }
    let events = match judged {
        Ok(events) => events,
        Err(verdict) => return verdict,
    };
    if let Err(verdict) = beside(draft, actor, incident, action) {
        return verdict;
    }
    let renewed = match events.as_slice() {
        [EventBody::AcknowledgementExtended { until }] => Some(*until),
        _ => None,
    };
    for body in events {
        draft.push(actor, id, body);
    }
    if let Some(until) = renewed {
        let until = time::show(until, draft.now, policy.zone, TimeStyle::Local);
        return Verdict::Already { why: format!("{id} is already yours, now until {until}") };
    }
    tell(draft, actor, id, action);
    let mut also = Vec::new();
    if let Action::Merge { into } = action {
        also.push(*into);
        unite(draft, actor, id, *into);
    }
    if let (Action::Split { .. }, Some(from)) = (action, merged_into) {
        also.push(from);
        draft.push(actor, from, EventBody::Released { id });
    }
    if let Action::Acknowledge { lasting } = action {
        for child in draft.children(id) {
            let new = draft.incident(child).is_some_and(|c| c.state() == IncidentState::New);
            if new {
                let until = draft
                    .incident(child)
                    .and_then(|c| lasting.or_else(|| policy.ack_expiry(c.priority)))
                    .map(|d| draft.now + d);
                draft.push(actor, child, EventBody::Acknowledged { until, handover: None });
                tell(draft, actor, child, action);
                also.push(child);
            }
        }
    }
    Verdict::Done { said: said(draft, id, action, also.len()), also }
}

/// What an action asks of others than its incident: the one that it is merged into, what was merged into
/// it, the role of who corrects.
fn beside(
    draft: &Draft<'_>,
    actor: &Actor,
    incident: &Incident,
    action: &Action,
) -> Result<(), Verdict> {
    let id = incident.id;
    let refused = |why: String| Err(Verdict::Refused { why });
    match action {
        Action::Merge { into } => match draft.incident(*into) {
            None => refused(format!("there is no {into}")),
            Some(other) if let Some(whole) = other.standing.merged_into => {
                let remedy =
                    if whole == id { "it is a part of it already" } else { "name that one" };
                refused(format!("{into} was merged into {whole}; {remedy}"))
            }
            Some(other) if !other.is_open() => {
                let state = other.state().short();
                refused(format!("{into} is {state}; merge into one that is open"))
            }
            Some(_) => Ok(()),
        },
        Action::Assign { to: Some(to) } => {
            let people = &draft.state.plan.roster.people;
            // One may take what is one's own business without standing in the plan.
            if people.is_empty() || people.contains_key(to.as_str()) || *to == actor.name {
                return Ok(());
            }
            let known: Vec<&str> = people.keys().map(|id| &**id).collect();
            let meant = text::suggest(to, &known, "the plan's people");
            refused(format!("there is nobody called {to:?} to assign {id} to; {meant}"))
        }
        Action::Resolve { force: false, .. } => match detection::still_firing(draft, incident) {
            0 => Ok(()),
            firing => Err(Verdict::Confirm {
                why: format!(
                    "{firing} alerts that were merged into it still fire; resolve {id} all the same?"
                ),
            }),
        },
        Action::Correct { .. } => {
            let plan = &draft.state.plan;
            let Some(role) = &plan.policy.process.correct else { return Ok(()) };
            let person = plan.person.as_ref().and_then(|p| plan.roster.person(p));
            match person {
                Some(person) if person.roles.iter().any(|r| **r == **role) => Ok(()),
                _ => refused(format!(
                    "corrections are for the role {role:?}, which {} has not",
                    actor.name
                )),
            }
        }
        _ => Ok(()),
    }
}

/// What an incident brings into the one that it is merged into, with all that was merged into it.
fn unite(draft: &mut Draft<'_>, actor: &Actor, id: IncidentId, into: IncidentId) {
    let Some(merged) = draft.incident(id) else { return };
    let (started_at, class) = (merged.started_at, merged.class());
    let absorbed = Box::new(Absorbed { id, started_at, class });
    draft.push(actor, into, EventBody::Absorbed(absorbed));
}

fn said(draft: &Draft<'_>, id: IncidentId, action: &Action, also: usize) -> String {
    let zone = draft.state.plan.policy.zone;
    let until = |until| format!(" until {}", time::show(until, draft.now, zone, TimeStyle::Local));
    let what = match action {
        Action::Acknowledge { lasting } => {
            let standing = draft.incident(id).map(|i| &i.standing);
            let end = standing.and_then(|s| s.acknowledged.as_ref()?.until);
            let end = end.filter(|_| lasting.is_some()).map(until).unwrap_or_default();
            let also = match also {
                0 => String::new(),
                also => format!(", with {also} that it affects"),
            };
            return format!("{id} acknowledged{end}{also}");
        }
        Action::Hold { reason, until: end, .. } => {
            return format!(
                "{id} waits for {}{}",
                reason.says(),
                end.map(until).unwrap_or_default()
            );
        }
        Action::Resume => "no longer on hold",
        Action::Snooze { until: end } => return format!("{id} snoozed{}", until(*end)),
        Action::Wake => "woken",
        Action::Classify { .. } => return classified(draft, id),
        Action::Rate { .. } => "rated",
        Action::Merge { into } => return format!("{id} merged into {into}"),
        Action::Split { .. } => "split off",
        Action::Correct { .. } => "corrected",
        Action::Unacknowledge => "new again",
        Action::Assign { to: Some(to) } => return format!("{id} assigned to {to}"),
        Action::Assign { to: None } => "assigned to nobody",
        Action::Note { .. } => "noted",
        Action::Resolve { .. } => "resolved",
        Action::Close { .. } => "closed",
        Action::Cancel { .. } => "cancelled",
        Action::Reopen { .. } => "reopened",
    };
    format!("{id} {what}")
}

/// What priority a classification made, where it made another one.
fn classified(draft: &Draft<'_>, id: IncidentId) -> String {
    let Some(incident) = draft.incident(id) else { return format!("{id} classified") };
    let before = incident.last_change.as_ref().and_then(|c| c.class.as_ref()).map(|c| c.priority);
    match (before, incident.priority) {
        (Some(before), now) if before != now => format!("{id} classified, {before} → {now}"),
        (_, now) => format!("{id} classified, {now}"),
    }
}

/// What an incident is now that the last action on it was taken back: "INC-7 on hold again".
fn restored(before: &Incident, after: &Incident, what: &str) -> String {
    let id = after.id;
    let standing = &after.standing;
    let state = match after.state() {
        IncidentState::OnHold => "on hold",
        state => state.word(),
    };
    let again = |what: &str| format!("{id} {what} again");
    match what {
        "classified" if before.priority != after.priority => again(&after.priority.to_string()),
        "classified" => format!("{id} classified as before"),
        "resumed" | "reopened" | "un-acknowledged" => again(state),
        "woken" => again("snoozed"),
        "put on hold" => format!("{id} no longer on hold"),
        _ => match (standing.merged_into, before.standing.merged_into) {
            (Some(into), None) => again(&format!("merged into {into}")),
            _ => format!("{id} no longer {what}"),
        },
    }
}

/// Another open incident with the same key, which forbids this one to be open as well.
fn covered(draft: &Draft<'_>, id: IncidentId) -> Option<String> {
    let key = &draft.incident(id)?.key;
    let other = draft.newest(key).filter(|o| o.id != id && o.is_open())?;
    Some(format!("{} already covers the same trouble; work on that one", other.id))
}

/// Tells the source of an incident of what was done here, where it wants to know.
fn tell(draft: &mut Draft<'_>, actor: &Actor, id: IncidentId, action: &Action) {
    let comment = match action {
        Action::Note { text } => text.clone(),
        Action::Hold { note, .. } => note.clone(),
        Action::Resolve { reason, .. }
        | Action::Close { reason, .. }
        | Action::Cancel { reason, .. }
        | Action::Reopen { reason, .. } => reason.clone(),
        _ => String::new(),
    };
    let to = match action {
        Action::Assign { to: Some(to) } => to.as_str(),
        _ => "",
    };
    let until = match action {
        Action::Snooze { until } => Some(*until),
        Action::Hold { until, .. } => *until,
        _ => None,
    };
    let roster = Arc::clone(&draft.state.plan.roster);
    let email = roster.person(to).and_then(|p| p.email.as_deref()).unwrap_or_default();
    let (action, by) = (action.word(), actor.name.as_str());
    tell_of(draft, actor, id, &Done { action, comment: &comment, by, to, email, until });
}

fn tell_of(draft: &mut Draft<'_>, actor: &Actor, id: IncidentId, done: &Done<'_>) {
    let upstreams = &draft.state.plan.upstreams;
    let next = draft.next_order();
    let Some(incident) = draft.incident(id) else { return };
    for ordered in upstream::actions::ordered(upstreams, incident, done, next) {
        draft.push_other(actor, Fact::Upstream(upstream::Event::Ordered(ordered)));
    }
}

/// The same of an acknowledgement that was undone.
fn take_back(draft: &mut Draft<'_>, actor: &Actor, before: &Incident) {
    let is_new = draft.incident(before.id).is_some_and(|i| i.state() == IncidentState::New);
    if is_new && before.state() == IncidentState::Acknowledged {
        let by = actor.name.as_str();
        let done = Done { action: "unacknowledge", by, ..Done::default() };
        tell_of(draft, actor, before.id, &done);
    }
}

/// The last own action on one incident, taken back.
pub(super) fn undo(draft: &mut Draft<'_>, actor: &Actor, id: IncidentId) {
    let verdict = match draft.incident(id).cloned() {
        None => Verdict::Refused { why: format!("there is no {id}") },
        Some(incident) => undo_one(draft, actor, &incident),
    };
    draft.answers.push(Outcome { id: Some(id), verdict });
}

fn undo_one(draft: &mut Draft<'_>, actor: &Actor, incident: &Incident) -> Verdict {
    let policy = &draft.state.plan.policy;
    let id = incident.id;
    let body = match lifecycle::judge_undo(incident, actor, policy, draft.now) {
        Ok(body) => body,
        Err(verdict) => return verdict,
    };
    let opens = matches!(&body, EventBody::Undone { standing, .. } if standing.state.is_open());
    if opens
        && !incident.is_open()
        && let Some(why) = covered(draft, id)
    {
        return Verdict::Refused { why };
    }
    let EventBody::Undone { what, .. } = &body else {
        return Verdict::Refused { why: format!("nothing to undo on {id}") };
    };
    let what = what.clone();
    let still = match &body {
        EventBody::Undone { standing, .. } => standing.merged_into,
        _ => None,
    };
    let was = incident.standing.merged_into;
    draft.push(actor, id, body);
    take_back(draft, actor, incident);
    if let Some(from) = was.filter(|_| was != still) {
        draft.push(actor, from, EventBody::Released { id });
    }
    if let Some(into) = still.filter(|_| was != still) {
        unite(draft, actor, id, into);
    }
    let mut also = Vec::new();
    let change = incident.last_change.as_ref();
    for child in draft.children(id) {
        // What the acknowledgement of the cause took along goes back with it.
        let together = draft.incident(child).filter(|c| {
            c.last_change.as_ref().is_some_and(|own| {
                change.is_some_and(|of| {
                    own.at == of.at && own.session == of.session && own.what == of.what
                })
            })
        });
        if let Some(body) = together
            .map(|c| lifecycle::judge_undo(c, actor, policy, draft.now))
            .and_then(Result::ok)
        {
            let before = draft.incident(child).cloned();
            draft.push(actor, child, body);
            if let Some(before) = before {
                take_back(draft, actor, &before);
            }
            also.push(child);
        }
    }
    let said = match draft.incident(id) {
        Some(after) => restored(incident, after, &what),
        None => format!("{id} no longer {what}"),
    };
    Verdict::Done { said, also }
}
