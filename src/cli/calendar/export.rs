//! `atalaya calendar export --ics`: the windows as a calendar that other programs read.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;

use super::{View, known_service};
use crate::cli::args::CalendarExport;
use crate::cli::output::{Exit, print_as_is};
use crate::cli::{Context, Failure, upload};
use crate::config::Config;
use crate::domain::calendar::{Amendment, Key, Moved, Occurrence, Source, Version, exchange};
use crate::domain::health::ServiceId;
use crate::domain::ical::{self, Party};

pub async fn run(
    context: &Context,
    config: &Config,
    args: &CalendarExport,
) -> Result<Exit, Failure> {
    let service = args.service.as_ref().map(|s| known_service(&config.plan, s)).transpose()?;
    let view = View::own(context, config).await?;
    let calendar = calendar(&view, service.as_ref());
    if args.into.into.is_some() {
        let selection = service.map(|s| format!(" service={s}")).unwrap_or_default();
        let what = &format!("windows{selection}");
        let export = upload::Export { calendar: &calendar, what, within: None, now: view.now };
        return upload::run(context, config, &args.into, export).await;
    }
    print_as_is(&calendar.write(view.now));
    Ok(Exit::Fine)
}

/// Every window that is in force with its rule; and beside it, under the same UID, what became of
/// single occurrences.
fn calendar(view: &View, service: Option<&ServiceId>) -> ical::Calendar {
    let mut calendar = ical::Calendar::new("Maintenance", view.zone);
    let asked = |v: &&Version| service.is_none_or(|s| v.window.scope.services.contains(s));
    // Those of a calendar of others are there already.
    let ours = view.calendar.windows().filter(|v| v.source != Source::Imported);
    for version in ours.filter(asked) {
        let window = &version.window;
        let owner = window.owner.as_ref().and_then(|o| view.plan.roster.person(o));
        let owner = owner.and_then(|person| {
            let address = person.email.as_deref()?.to_owned();
            Some(Party { name: person.name.to_string(), address })
        });
        let site = &view.plan.site.name;
        calendar.events.extend(exchange::events(window, &amended(view, version), owner, site));
    }
    calendar
}

/// The occurrences that are otherwise than the rule says: moved, extended, called off.
fn amended(view: &View, version: &Version) -> BTreeMap<NaiveDateTime, Amendment> {
    let window = &version.window;
    let mut out = window.amended.clone();
    let records = view.calendar.records().of(&window.id);
    let recorded = records.into_iter().flat_map(|h| h.iter().map(|(original, _)| original));
    let originals: BTreeSet<_> = recorded.chain(window.amended.keys().copied()).collect();
    for original in originals {
        let key = Key::new(&window.id, original);
        let one = view.calendar.occurrence(&key, view.now);
        let Some(record) = one.as_ref().and_then(Occurrence::record) else { continue };
        let before = match out.get(&original) {
            Some(Amendment::Moved(moved)) => Some(*moved),
            _ => None,
        };
        let moved = record.moved.or(before);
        if record.cancelled.is_some() {
            out.insert(original, Amendment::Cancelled);
        } else if record.moved.is_some() || record.extended > 0 {
            let Moved { start, length } = moved.unwrap_or(Moved { start: original, length: None });
            let mut length = length.unwrap_or(window.length);
            length.seconds = length.seconds.saturating_add(record.extended);
            out.insert(original, Amendment::Moved(Moved { start, length: Some(length) }));
        }
    }
    out
}
