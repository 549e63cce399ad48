//! `atalaya oncall export --ics`: the shifts as a calendar that other programs read.

use super::{View, known_person, origin};
use crate::cli::args;
use crate::cli::output::{Exit, complain, print_as_is};
use crate::cli::{Context, Failure, upload};
use crate::config::Config;
use crate::domain::ical::{Calendar, Event, Length, Party};
use crate::domain::roster::now::FAR;
use crate::domain::roster::{PersonId, Schedule, Shift};
use crate::domain::time::{Interval, Recurrence, before};

pub async fn run(
    context: &Context,
    config: &Config,
    args: &args::OncallExport,
) -> Result<Exit, Failure> {
    let asked = &args.shifts.asked;
    let view = View::open(context, config, asked.schedule.as_deref()).await?;
    let whose = args.shifts.person.as_ref().map(|id| known_person(&view.roster, id)).transpose()?;
    let span = view.span(asked)?;
    if view.schedules.is_empty() {
        // What goes to standard output is a calendar, if an empty one.
        complain(super::NO_SCHEDULE);
    }
    let calendar = calendar(&view, span, whose.as_ref());
    if args.into.into.is_some() {
        let of = |name: &str, id: Option<&str>| id.map(|id| format!(" {name}={id}"));
        let schedule = of("schedule", asked.schedule.as_deref()).unwrap_or_default();
        let person = of("person", whose.as_deref()).unwrap_or_default();
        let what = &format!("shifts{schedule}{person}");
        let export =
            upload::Export { calendar: &calendar, what, within: Some(span), now: view.now };
        return upload::run(context, config, &args.into, export).await;
    }
    print_as_is(&calendar.write(view.now));
    Ok(Exit::Fine)
}

/// Every shift that lies in the span, wholly or in part, whole: the same shift is the same event,
/// whenever it is written.
fn calendar(view: &View, span: Interval, whose: Option<&PersonId>) -> Calendar {
    let name = match view.schedules.as_slice() {
        [one] => one.name.to_string(),
        _ => "On call".to_owned(),
    };
    let wide = Interval::new(before(span.from, FAR), before(span.to, -FAR));
    let mut calendar = Calendar::new(&name, view.zone);
    for (schedule, shifts) in view.finals(wide) {
        let asked = shifts.into_iter().filter(|s| whose.is_none_or(|whose| s.person == *whose));
        let inside = asked.filter(|s| s.at.overlap(span).is_some());
        calendar.events.extend(inside.map(|shift| event(view, &schedule, &shift, span, wide)));
    }
    calendar
}

fn event(view: &View, schedule: &Schedule, shift: &Shift, span: Interval, wide: Interval) -> Event {
    // One that lasts for more than a year has ends that would be others each day.
    let is_open = (shift.at.from == wide.from, shift.at.to == wide.to);
    let from = if is_open.0 { span.from } else { shift.at.from };
    let to = if is_open.1 { span.to } else { shift.at.to };
    let begins = if is_open.0 {
        "open".to_owned()
    } else {
        shift.at.from.format("%Y%m%dT%H%M%SZ").to_string()
    };
    // On a schedule, only one shift begins at a time: whoever takes it takes the event.
    let uid = format!("{}-{begins}@oncall.atalaya", schedule.id);
    let name = view.roster.name(&shift.person);
    let summary = format!("{}: {name}", schedule.name);
    let when = Recurrence::once(from.naive_utc(), chrono_tz::UTC);
    let seconds = u32::try_from((to - from).num_seconds()).unwrap_or_default();
    let mut event = Event::new(&uid, &summary, when, Length::seconds(seconds));
    let (layer, by_override) = origin(schedule, shift.origin);
    event.description = by_override.or(layer).unwrap_or_default();
    let email = view.roster.person(&shift.person).and_then(|p| p.email.as_deref());
    event
        .attendees
        .extend(email.map(|email| Party { name: name.to_owned(), address: email.to_owned() }));
    event
}
