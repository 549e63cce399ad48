//! `atalaya audit`: the event log, who did what, when, from where.

use chrono_tz::Tz;
use serde::Serialize;
use serde_json::Value;

use super::args;
use super::incidents::utc;
use super::output::{self, Cell, Exit, Table, print};
use super::{Context, Failure, stored};
use crate::domain::incident::Actor;
use crate::domain::log::Entry;
use crate::domain::paging;
use crate::domain::report;
use crate::domain::upstream;
use crate::ui::screens::incidents::timeline;

#[derive(Serialize)]
struct Document {
    events: Vec<Fields>,
}

#[derive(Serialize)]
struct Fields {
    position: u64,
    at: String,
    /// `None`: it is about none.
    incident: Option<String>,
    kind: &'static str,
    actor: Actor,
    text: String,
    data: Value,
}

pub async fn run(context: &Context, args: &args::Audit) -> Result<Exit, Failure> {
    let config = context.config()?;
    let zone = config.plan.site.zone;
    let (from, to) = (args.from.map(|t| t.at(zone)), args.to.map(|t| t.at(zone)));
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err(Failure::Usage("--from is not before --to".to_owned()));
    }
    let store = stored::open_to_query(context, &config).await?;
    let mut events = Vec::new();
    let read = store.audit(from, to, |event| events.push(event)).await;
    store.close().await;
    read?;
    if context.output.json {
        let events = events.iter().map(|e| fields(e, zone)).collect();
        output::document(&Document { events });
    } else {
        let mut table = Table::new(&["AT", "INCIDENT", "WHAT", "WHO", "FROM", "TEXT"]);
        for event in &events {
            let at = event.at().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string();
            let text = words(event, zone).replace('\n', " ");
            table.row([
                Cell::text(at),
                Cell::text(incident(event).unwrap_or_else(|| "—".to_owned())),
                Cell::text(event.kind()),
                Cell::text(event.actor().name.clone()),
                Cell::text(origin(event.actor())),
                Cell::text(text),
            ]);
        }
        print(&table.render(context.output));
    }
    Ok(Exit::Fine)
}

fn fields(event: &Entry, zone: Tz) -> Fields {
    Fields {
        position: event.position(),
        at: utc(event.at()),
        incident: incident(event),
        kind: event.kind(),
        actor: event.actor().clone(),
        text: words(event, zone),
        data: match event {
            Entry::Incident(e) => serde_json::to_value(&e.body),
            Entry::Roster(e) => serde_json::to_value(&e.body),
            Entry::Calendar(e) => serde_json::to_value(&e.body),
            Entry::Paging(e) => serde_json::to_value(&e.body),
            Entry::Upstream(e) => serde_json::to_value(&e.body),
            Entry::View(e) => serde_json::to_value(&e.body),
            Entry::Report(e) => serde_json::to_value(&e.body),
        }
        .unwrap_or_default(),
    }
}

fn incident(event: &Entry) -> Option<String> {
    let about = match event {
        Entry::Incident(e) => Some(e.incident),
        Entry::Paging(e) => match &e.body {
            paging::Event::Paged(paged) => paged.incident,
            _ => None,
        },
        Entry::Upstream(e) => match &e.body {
            upstream::Event::Ordered(ordered) => ordered.incident,
            _ => None,
        },
        Entry::Report(e) => match &e.body {
            report::Event::NextStepSet { incident, .. } => Some(*incident),
            _ => None,
        },
        Entry::Roster(_) | Entry::Calendar(_) | Entry::View(_) => None,
    };
    about.map(|id| id.to_string())
}

fn words(event: &Entry, zone: Tz) -> String {
    match event {
        Entry::Incident(e) => {
            let entries = timeline::entries(std::slice::from_ref(e), None, zone);
            entries.into_iter().map(|e| e.text).collect()
        }
        Entry::Roster(e) => e.body.words(zone),
        Entry::Calendar(e) => e.body.words(),
        Entry::Paging(e) => e.body.words(),
        Entry::Upstream(e) => e.body.words(),
        Entry::View(e) => e.body.words(),
        Entry::Report(e) => e.body.words(),
    }
}

/// `user@host`, and where an SSH session came from.
fn origin(actor: &Actor) -> String {
    let place = match (actor.user.is_empty(), actor.host.is_empty()) {
        (true, _) => actor.host.clone(),
        (false, true) => actor.user.clone(),
        (false, false) => format!("{}@{}", actor.user, actor.host),
    };
    if actor.ssh_from.is_empty() { place } else { format!("{place} from {}", actor.ssh_from) }
}
