//! Windows as the events of a calendar that other programs read.
//!
//! Times and texts are iCalendar's own, so that what is moved there has moved. What iCalendar has no
//! word for stands in properties of ours, by which [`stated`](super::stated) reads back what was
//! written: what mutes, the checklist, the way back.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;

use super::model::{Amendment, Basis, Length, Moved, Window};
use crate::domain::ical::{self, Event, Party, Status};
use crate::domain::time::Recurrence;

/// How the `UID` of a window ends that was written here.
pub const DOMAIN: &str = "@calendar.atalaya";

/// The names of properties of ours, see [`ical::OURS`].
pub(super) mod names {
    pub const KIND: &str = "KIND";
    pub const SITE: &str = "SITE";
    pub const SERVICE: &str = "SERVICE";
    pub const MATCH: &str = "MATCH";
    pub const CHANGE: &str = "CHANGE";
    pub const CHANGE_TYPE: &str = "CHANGE-TYPE";
    pub const OWNER: &str = "OWNER";
    pub const APPROVER: &str = "APPROVER";
    pub const FLEXIBLE: &str = "FLEXIBLE";
    pub const CHECK: &str = "CHECK";
    pub const BACK_OUT: &str = "BACK-OUT";
    pub const DECIDE_AFTER: &str = "DECIDE-AFTER";
    pub const MUTES: &str = "MUTES";
    pub const SLA_RELEVANT: &str = "SLA-RELEVANT";
    pub const INSPECTION: &str = "INSPECTION";
    pub const GRACE: &str = "GRACE";
}

/// A window with its rule; and beside it, under the same `UID`, the occurrences of `amended` that are
/// otherwise. `site`: whose it is, so that a site does not read back its own.
pub fn events(
    window: &Window,
    amended: &BTreeMap<NaiveDateTime, Amendment>,
    owner: Option<Party>,
    site: &str,
) -> Vec<Event> {
    let mut series = plain(window, owner);
    series.extra = extra(window, site);
    // What takes place once is simply otherwise: many programs show an exception from nothing as a
    // second event.
    let is_once = window.recurrence.rule.is_none() && window.recurrence.also.is_empty();
    if let (true, Some(amendment)) = (is_once, amended.get(&window.recurrence.start)) {
        series.sequence = 1;
        match amendment {
            Amendment::Moved(moved) => {
                series.when = Recurrence::once(moved.start, window.zone());
                series.length = length(moved.length.unwrap_or(window.length));
            }
            Amendment::Cancelled => series.status = Some(Status::Cancelled),
        }
        return vec![series];
    }
    let mut out = vec![series];
    for (original, amendment) in amended {
        let (moved, status) = match amendment {
            Amendment::Moved(moved) => (*moved, None),
            Amendment::Cancelled => {
                (Moved { start: *original, length: None }, Some(Status::Cancelled))
            }
        };
        let mut event = plain(window, out.first().and_then(|series| series.organizer.clone()));
        event.when = Recurrence::once(moved.start, window.zone());
        event.length = length(moved.length.unwrap_or(window.length));
        event.replaces = Some(*original);
        event.sequence = 1;
        event.status = status;
        out.push(event);
    }
    out
}

/// What any program understands of it.
fn plain(window: &Window, owner: Option<Party>) -> Event {
    let uid = format!("{}{DOMAIN}", window.id);
    let when = window.recurrence.clone();
    let mut event = Event::new(&uid, &window.title(), when, length(window.length));
    event.categories.push(window.kind.word().to_owned());
    event.description = window.scope.to_string();
    event.organizer = owner;
    event
}

fn extra(window: &Window, site: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut add = |name: &str, value: String| out.push((name.to_owned(), value));
    let truth = |flag: bool| if flag { "TRUE" } else { "FALSE" }.to_owned();
    add(names::KIND, window.kind.word().to_owned());
    add(names::SITE, site.to_owned());
    for service in &window.scope.services {
        add(names::SERVICE, service.to_string());
    }
    for matchers in &window.scope.matchers {
        add(names::MATCH, matchers.to_string());
    }
    add(names::MUTES, truth(window.mutes));
    add(names::SLA_RELEVANT, truth(window.sla_relevant));
    add(names::CHANGE_TYPE, window.change_type.word().to_owned());
    let texts = [
        (names::CHANGE, &window.change),
        (names::APPROVER, &window.approver),
        (names::BACK_OUT, &window.back_out.as_ref().map(|b| b.plan.clone())),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            add(name, text.to_string());
        }
    }
    if let Some(back_out) = &window.back_out {
        add(names::DECIDE_AFTER, ical::Length::seconds(back_out.decide_after).to_string());
    }
    if let Some(owner) = &window.owner {
        add(names::OWNER, owner.to_string());
    }
    if let Some(flexible) = window.flexible {
        add(names::FLEXIBLE, length(flexible).to_string());
    }
    for item in &window.checklist {
        add(names::CHECK, item.to_string());
    }
    if let Some(inspection) = &window.inspection {
        let basis = match inspection.basis {
            Basis::Scheduled => "SCHEDULED".to_owned(),
            Basis::Completed { months, days } => format!("COMPLETED P{months}M{days}D"),
        };
        add(names::INSPECTION, basis);
        add(names::GRACE, ical::Length::seconds(inspection.grace).to_string());
    }
    out
}

fn length(length: Length) -> ical::Length {
    ical::Length { days: length.days, seconds: length.seconds }
}
