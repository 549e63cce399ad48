//! `atalaya audit`: the event log, who did what, when, from where.

use chrono_tz::Tz;
use serde::Serialize;
use serde_json::Value;

use super::args;
use super::incidents::utc;
use super::output::{self, Cell, Exit, Table, print};
use super::{Context, Failure, stored};
use crate::domain::incident::{Actor, Event};
use crate::ui::screens::incidents::timeline;

#[derive(Serialize)]
struct Document {
    events: Vec<Fields>,
}

#[derive(Serialize)]
struct Fields {
    position: u64,
    at: String,
    incident: String,
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
            let at = event.at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string();
            let text = words(event, zone).replace('\n', " ");
            table.row([
                Cell::text(at),
                Cell::text(event.incident.to_string()),
                Cell::text(event.body.kind()),
                Cell::text(event.actor.name.clone()),
                Cell::text(origin(&event.actor)),
                Cell::text(text),
            ]);
        }
        print(&table.render(context.output));
    }
    Ok(Exit::Fine)
}

fn fields(event: &Event, zone: Tz) -> Fields {
    Fields {
        position: event.position,
        at: utc(event.at),
        incident: event.incident.to_string(),
        kind: event.body.kind(),
        actor: event.actor.clone(),
        text: words(event, zone),
        data: serde_json::to_value(&event.body).unwrap_or_default(),
    }
}

fn words(event: &Event, zone: Tz) -> String {
    let entries = timeline::entries(std::slice::from_ref(event), None, zone);
    entries.into_iter().map(|e| e.text).collect()
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
