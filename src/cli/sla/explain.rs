//! `atalaya sla explain INC-n`: the clocks of an incident, each with its ledger.

use std::fmt::Write as _;

use chrono::Utc;
use serde::Serialize;

use super::{ClockFields, text};
use crate::cli::incidents::utc;
use crate::cli::output::{self, Exit, print};
use crate::cli::{Context, Failure, stored};
use crate::config::Config;
use crate::domain::incident::{Incident, IncidentId, IncidentState};
use crate::domain::sla::contract::{Kind, ServiceLevels};
use crate::domain::sla::incident::{Promise, first, in_maintenance, promises};
use crate::domain::text::clean;
use crate::domain::time::Instant;

#[derive(Serialize)]
struct Document {
    id: String,
    /// Of several contracts the one that is due first.
    respond: Option<ClockFields>,
    resolve: Option<ClockFields>,
    update: Option<ClockFields>,
    /// Those of every contract.
    clocks: Vec<PromiseFields>,
    /// Why there are none.
    why_none: Option<String>,
}

#[derive(Serialize)]
struct PromiseFields {
    contract: String,
    customer: String,
    /// `respond resolve update`.
    kind: &'static str,
    target: String,
    calendar: String,
    start: String,
    /// When what it waits for happened.
    stopped_at: Option<String>,
    percent: Option<i64>,
    #[serde(flatten)]
    clock: ClockFields,
}

impl PromiseFields {
    fn of(promise: &Promise, now: Instant) -> Self {
        let Promise { contract, kind, course } = promise;
        Self {
            contract: contract.id.to_string(),
            customer: contract.customer.clone(),
            kind: kind.word(),
            target: course.target.to_string(),
            calendar: course.calendar.id.to_string(),
            start: utc(course.start),
            stopped_at: course.stop.map(utc),
            percent: course.clock(now).percent(),
            clock: ClockFields::of(course, now),
        }
    }
}

pub async fn run(context: &Context, config: &Config, id: IncidentId) -> Result<Exit, Failure> {
    let store = stored::open_to_query(context, config).await?;
    let found = store.incident(id).await;
    store.close().await;
    let Some(incident) = found? else {
        let why = format!("there is no {id}; `atalaya incidents state:any` lists all");
        return Err(Failure::Refused(why));
    };
    let (levels, now) = (&config.plan.service_levels, Utc::now());
    let promises = promises(&incident, levels);
    let why_none = promises.is_empty().then(|| none(&incident, levels));
    if context.output.json {
        let shown = |kind| first(&promises, kind, now).map(|p| ClockFields::of(&p.course, now));
        output::document(&Document {
            id: id.to_string(),
            respond: shown(Kind::Respond),
            resolve: shown(Kind::Resolve),
            update: shown(Kind::Update),
            clocks: promises.iter().map(|p| PromiseFields::of(p, now)).collect(),
            why_none,
        });
        return Ok(Exit::Fine);
    }
    let title = clean(&incident.title, 200);
    let mut out = format!("{id}  {}  {}  {title}\n", incident.priority, incident.state().word());
    for Promise { contract, kind, course } in &promises {
        let zone = course.calendar.zone(now);
        let _ = writeln!(out, "\n{} ({})", kind.word(), contract.name);
        out += &text(course, now, zone);
    }
    if let Some(how) = in_maintenance(&promises, &incident) {
        let _ = writeln!(out, "\n{how}");
    }
    if let Some(why) = why_none {
        let _ = writeln!(out, "{why}");
    }
    print(&out);
    Ok(Exit::Fine)
}

/// Why an incident has no clocks.
fn none(incident: &Incident, levels: &ServiceLevels) -> String {
    let id = incident.id;
    if incident.excluded {
        format!("{id} was left out of service levels by a correction")
    } else if let Some(drill) = &incident.drill {
        format!("{id} belongs to the drill {drill}: it is outside of service levels")
    } else if let Some(survivor) = incident.standing.merged_into {
        format!("{id} was merged into {survivor}; see that one's clocks")
    } else if incident.state() == IncidentState::Cancelled {
        format!("{id} was cancelled: it is outside of service levels")
    } else if levels.is_empty() {
        "the config has neither [sla] nor [[contracts]]; the commented example shows them \
         (`atalaya init --stdout` prints it)"
            .to_owned()
    } else if levels.governing(incident).is_empty() {
        let service = incident.service.as_ref().map_or("no service", |s| s.as_str());
        format!("no contract was valid for {service} when it began, and there is no [sla]")
    } else {
        let priority = incident.priority;
        format!("its contract promises nothing for {priority}; add it to targets")
    }
}
