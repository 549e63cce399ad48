//! `atalaya calendar export --ics`: the windows as a calendar that other programs read.

use super::{View, known_service};
use crate::cli::args::CalendarExport;
use crate::cli::output::{Exit, print_as_is};
use crate::cli::{Context, Failure};
use crate::config::Config;
use crate::domain::calendar::{Amendment, Key, Length, Moved, Version};
use crate::domain::health::ServiceId;
use crate::domain::ical::{self, Event, Party, Status};
use crate::domain::time::Recurrence;

pub async fn run(
    context: &Context,
    config: &Config,
    args: &CalendarExport,
) -> Result<Exit, Failure> {
    let service = args.service.as_ref().map(|s| known_service(&config.plan, s)).transpose()?;
    let view = View::open(context, config).await?;
    print_as_is(&calendar(&view, service.as_ref()).write(view.now));
    Ok(Exit::Fine)
}

/// Every window that is in force with its rule; and beside it, under the same UID, what became of
/// single occurrences.
fn calendar(view: &View, service: Option<&ServiceId>) -> ical::Calendar {
    let mut calendar = ical::Calendar::new("Maintenance", view.zone);
    let asked = |v: &&Version| service.is_none_or(|s| v.window.scope.services.contains(s));
    for version in view.calendar.windows().filter(asked) {
        calendar.events.push(series(view, version));
        calendar.events.extend(exceptions(view, version));
    }
    calendar
}

fn series(view: &View, version: &Version) -> Event {
    let window = &version.window;
    let uid = format!("{}@calendar.atalaya", window.id);
    let length = length(window.length);
    let mut event = Event::new(&uid, &window.title(), window.recurrence.clone(), length);
    event.categories.push(window.kind.word().to_owned());
    let touched = window.scope.services.iter().map(ToString::to_string);
    let touched = touched.chain(window.scope.matchers.iter().map(ToString::to_string));
    event.description = touched.collect::<Vec<_>>().join(", ");
    let owner = window.owner.as_ref().and_then(|o| view.plan.roster.person(o));
    event.organizer = owner.and_then(|person| {
        let address = person.email.as_deref()?.to_owned();
        Some(Party { name: person.name.to_string(), address })
    });
    event
}

/// The occurrences that are otherwise than the rule says: moved, extended, called off.
fn exceptions(view: &View, version: &Version) -> Vec<Event> {
    let window = &version.window;
    let mut out = Vec::new();
    let records = view.calendar.records().of(&window.id);
    let recorded = records.into_iter().flat_map(|h| h.iter().map(|(original, _)| original));
    let mut originals: Vec<_> = recorded.chain(window.amended.keys().copied()).collect();
    originals.sort_unstable();
    originals.dedup();
    for original in originals {
        let key = Key::new(&window.id, original);
        let Some(one) = view.calendar.occurrence(&key, view.now) else { continue };
        let record = one.record().cloned().unwrap_or_default();
        let amended = window.amended.get(&original);
        let cancelled = record.cancelled.is_some() || matches!(amended, Some(Amendment::Cancelled));
        let moved = record.moved.or(match amended {
            Some(Amendment::Moved(moved)) => Some(*moved),
            _ => None,
        });
        if !cancelled && moved.is_none() && record.extended == 0 {
            continue;
        }
        let Moved { start, length: long } =
            moved.unwrap_or(Moved { start: original, length: None });
        let mut long = long.unwrap_or(window.length);
        long.seconds = long.seconds.saturating_add(record.extended);
        let mut event = series(view, version);
        event.when = Recurrence::once(start, window.zone());
        event.length = length(long);
        event.replaces = Some(original);
        event.sequence = 1;
        event.status = cancelled.then_some(Status::Cancelled);
        out.push(event);
    }
    out
}

fn length(length: Length) -> ical::Length {
    ical::Length { days: length.days, seconds: length.seconds }
}
