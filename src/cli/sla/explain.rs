//! `atalaya sla explain INC-n`: the clocks of an incident, each with its ledger.

use std::fmt::Write as _;

use chrono::Utc;
use chrono_tz::Tz;
use serde::Serialize;

use super::{ClockFields, text};
use crate::cli::incidents::utc;
use crate::cli::output::{self, Exit, print};
use crate::cli::{Context, Failure, stored};
use crate::config::Config;
use crate::domain::incident::{Incident, IncidentId, IncidentState};
use crate::domain::sla::clock::Course;
use crate::domain::sla::contract::{Kind, ServiceLevels};
use crate::domain::sla::incident::{Promise, first, in_maintenance, promises};
use crate::domain::text::{clean, duration};
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
    /// Each one that was or is due, where updates were promised.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    updates: Vec<UpdateFields>,
    #[serde(flatten)]
    clock: ClockFields,
}

#[derive(Serialize)]
struct UpdateFields {
    start: String,
    deadline: Option<String>,
    /// When it came.
    done: Option<String>,
    /// Of the calendar's time; 0: in time, or not late yet.
    late_s: i64,
    breached: bool,
}

impl UpdateFields {
    fn of(course: &Course, now: Instant) -> Self {
        let clock = course.clock(now);
        let late = -clock.left.unwrap_or_default().num_seconds();
        Self {
            start: utc(course.start),
            deadline: clock.deadline.ok().map(utc),
            done: course.stop.map(utc),
            late_s: late.max(0),
            breached: clock.breached,
        }
    }
}

impl PromiseFields {
    fn of(promise: &Promise, incident: &Incident, now: Instant) -> Self {
        let Promise { contract, kind, course } = promise;
        let courses = if *kind == Kind::Update { promise.courses(incident) } else { Vec::new() };
        Self {
            contract: contract.id.to_string(),
            customer: contract.customer.clone(),
            kind: kind.word(),
            target: course.target.to_string(),
            calendar: course.calendar.id.to_string(),
            start: utc(course.start),
            stopped_at: course.stop.map(utc),
            percent: course.clock(now).percent(),
            updates: courses.iter().map(|course| UpdateFields::of(course, now)).collect(),
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
            clocks: promises.iter().map(|p| PromiseFields::of(p, &incident, now)).collect(),
            why_none,
        });
        return Ok(Exit::Fine);
    }
    let title = clean(&incident.title, 200);
    let mut out = format!("{id}  {}  {}  {title}\n", incident.priority, incident.state().word());
    for promise in &promises {
        let Promise { contract, kind, course } = promise;
        let zone = course.calendar.zone(now);
        let _ = writeln!(out, "\n{} ({})", kind.word(), contract.name);
        if let Some((late, all)) = promise.late(&incident, now) {
            let _ = writeln!(out, "  updates   {late} of {all} late");
            for course in promise.courses(&incident) {
                out += &update(&course, now, zone);
            }
        }
        // After the end of the incident no update is owed.
        if promise.is_owed() {
            out += &text(course, now, zone);
        }
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

/// One update: when it was due, when it came, and how late that was.
fn update(course: &Course, now: Instant, zone: Tz) -> String {
    let local = |at: Instant| at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M:%S").to_string();
    let clock = course.clock(now);
    let due = clock.deadline.as_ref().map_or("never".to_owned(), |at| local(*at));
    let done = course.stop.map_or("not yet".to_owned(), local);
    let late = if clock.breached {
        format!("  {} late", duration(-clock.left.unwrap_or_default()))
    } else {
        String::new()
    };
    format!("    due {due}  done {done}{late}\n")
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
