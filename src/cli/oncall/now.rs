//! `atalaya oncall`: who has it, who is next, where the next gap is, whom an escalation reaches.

use std::fmt::Write as _;

use serde::Serialize;

use super::gaps::GapFields;
use super::{View, origin, time};
use crate::cli::args::OncallNow;
use crate::cli::incidents::utc;
use crate::cli::output::{self, Exit, Output, print};
use crate::cli::{Context, Failure};
use crate::config::Config;
use crate::domain::health::State;
use crate::domain::roster::concerns::is_night;
use crate::domain::roster::escalation::{Escalation, Reached, Target, reached};
use crate::domain::roster::gaps::Gap;
use crate::domain::roster::now::{Standing, Whole, standing, whole};
use crate::domain::roster::{Origin, Person, PersonId, Schedule};
use crate::domain::text::duration;
use crate::domain::time::Instant;

#[derive(Serialize)]
struct Document {
    at: String,
    schedules: Vec<ScheduleFields>,
    policies: Vec<PolicyFields>,
}

/// How a schedule stands. Who is on call is `null` where nobody is, an instant where it is more than
/// a year away.
#[derive(Serialize)]
struct ScheduleFields {
    schedule: String,
    person: Option<String>,
    name: Option<String>,
    from: Option<String>,
    to: Option<String>,
    layer: Option<String>,
    r#override: Option<String>,
    /// Where the person lives, and whether it is night (22:00–07:00) there.
    timezone: Option<String>,
    night: Option<bool>,
    contacts: Option<Contacts>,
    next: Option<NextFields>,
    gap: Option<GapFields>,
}

#[derive(Serialize)]
struct Contacts {
    phone: Option<String>,
    email: Option<String>,
    chat: Option<String>,
}

#[derive(Serialize)]
struct NextFields {
    person: String,
    name: String,
    from: String,
    to: Option<String>,
}

#[derive(Serialize)]
struct PolicyFields {
    policy: String,
    repeat: u32,
    levels: Vec<LevelFields>,
}

#[derive(Serialize)]
struct LevelFields {
    timeout_s: i64,
    reaches: Vec<ReachedFields>,
    /// Schedules on which nobody is on call.
    empty: Vec<String>,
}

#[derive(Serialize)]
struct ReachedFields {
    person: String,
    name: String,
}

/// One schedule at an instant.
struct Seen<'a> {
    schedule: &'a Schedule,
    on: Option<(Whole, Origin)>,
    next: Option<Whole>,
    gap: Option<Gap>,
}

impl<'a> Seen<'a> {
    fn of(view: &View, schedule: &'a Schedule, at: Instant) -> Self {
        let whole = |at| whole(schedule, &view.overrides, &view.imported, at);
        let Standing { on, next, gap } = standing(schedule, &view.overrides, &view.imported, at);
        Self {
            schedule,
            on: on.and_then(|on| Some((whole(at)?, on.origin))),
            next: next.and_then(|next| whole(next.at.from)),
            gap,
        }
    }
}

pub async fn run(context: &Context, config: &Config, args: &OncallNow) -> Result<Exit, Failure> {
    let view = View::open(context, config, args.schedule.as_deref()).await?;
    let at = args.at.map_or(view.now, |t| t.at(view.zone));
    let seen: Vec<Seen> = view.schedules.iter().map(|s| Seen::of(&view, s, at)).collect();
    let policies: Vec<&Escalation> = policies(&view, args.schedule.is_some()).collect();
    if context.output.json {
        output::document(&Document {
            at: utc(at),
            schedules: seen.iter().map(|s| fields(&view, s, at)).collect(),
            policies: policies.iter().map(|p| policy_fields(&view, p, at)).collect(),
        });
    } else if !view.is_blank(context) {
        let schedules = seen.iter().map(|s| text(&view, s, at, context.output));
        let policies = policies.iter().map(|p| policy_text(&view, p, at, context.output));
        print(&schedules.chain(policies).collect::<Vec<_>>().join("\n"));
    }
    Ok(Exit::Fine)
}

/// All of them, or those that count on a schedule that is asked about.
fn policies(view: &View, only: bool) -> impl Iterator<Item = &Escalation> {
    let is_asked = |target: &Target| match target {
        Target::Schedule(id) => view.schedules.iter().any(|s| s.id == *id),
        Target::Person(_) => false,
    };
    let policies = view.roster.policies.iter().map(|p| &**p);
    policies.filter(move |p| !only || p.levels.iter().any(|l| l.notify.iter().any(is_asked)))
}

fn fields(view: &View, seen: &Seen<'_>, at: Instant) -> ScheduleFields {
    let text = |text: &Option<std::sync::Arc<str>>| text.as_ref().map(ToString::to_string);
    let name = |id: &PersonId| view.roster.name(id).to_owned();
    let on = seen.on.as_ref();
    let person = on.and_then(|(on, _)| view.roster.person(&on.person));
    let (layer, r#override) = on.map(|(_, why)| origin(seen.schedule, *why)).unwrap_or_default();
    ScheduleFields {
        schedule: seen.schedule.id.to_string(),
        person: on.map(|(on, _)| on.person.to_string()),
        name: on.map(|(on, _)| name(&on.person)),
        from: on.and_then(|(on, _)| on.from).map(utc),
        to: on.and_then(|(on, _)| on.to).map(utc),
        layer,
        r#override,
        timezone: person.map(|p| p.zone.name().to_owned()),
        night: person.map(|p| is_night(at, p.zone)),
        contacts: person.map(|p| Contacts {
            phone: text(&p.phone),
            email: text(&p.email),
            chat: text(&p.chat),
        }),
        next: seen.next.as_ref().and_then(|next| {
            Some(NextFields {
                person: next.person.to_string(),
                name: name(&next.person),
                from: utc(next.from?),
                to: next.to.map(utc),
            })
        }),
        gap: seen.gap.as_ref().map(|gap| GapFields::of(seen.schedule, gap)),
    }
}

fn policy_fields(view: &View, policy: &Escalation, at: Instant) -> PolicyFields {
    let levels = policy.levels.iter().map(|level| {
        let now = reached(level, &view.roster, &view.overrides, &view.imported, at);
        LevelFields {
            timeout_s: level.timeout.num_seconds(),
            reaches: now
                .people
                .iter()
                .map(|(person, _)| ReachedFields {
                    person: person.to_string(),
                    name: view.roster.name(person).to_owned(),
                })
                .collect(),
            empty: now.empty.iter().map(ToString::to_string).collect(),
        }
    });
    let levels = levels.collect();
    PolicyFields { policy: policy.id.to_string(), repeat: policy.repeat, levels }
}

/// `Core operations (core)`; the id only where the name is another.
fn title(schedule: &Schedule) -> String {
    let (id, name) = (&schedule.id, &schedule.name);
    if id == name { id.to_string() } else { format!("{name} ({id})") }
}

fn text(view: &View, seen: &Seen<'_>, at: Instant, output: Output) -> String {
    let mut out = format!("{}\n", title(seen.schedule));
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(out, "  {name:<9} {value}");
    };
    match &seen.on {
        None => fact("on call", &output.state(State::Critical, "nobody")),
        Some((on, why)) => {
            let (layer, by_override) = origin(seen.schedule, *why);
            let by = by_override.or(layer).map(|by| format!("  ({by})")).unwrap_or_default();
            fact("on call", &format!("{}{by}", view.roster.name(&on.person)));
            fact("since", &on.from.map_or("more than a year".to_owned(), |t| view.time(t)));
            fact("until", &on.to.map_or("more than a year ahead".to_owned(), |t| view.time(t)));
            if let Some(person) = view.roster.person(&on.person) {
                fact("there", &there(person, at, output));
                let ways = [&person.phone, &person.email, &person.chat];
                let ways: Vec<&str> = ways.into_iter().flatten().map(|way| &**way).collect();
                if !ways.is_empty() {
                    fact("contact", &ways.join("  "));
                }
            }
        }
    }
    let next = seen.next.as_ref().and_then(|next| {
        Some(format!("{}  from {}", view.roster.name(&next.person), view.time(next.from?)))
    });
    fact("next", next.as_deref().unwrap_or("nobody else within 31 days"));
    match &seen.gap {
        None => fact("gap", "none within 31 days"),
        Some(gap) => {
            let from = if gap.at.from <= at { "now".to_owned() } else { view.time(gap.at.from) };
            let gap = format!("{from} – {}: {}", view.time(gap.at.to), gap.why.text());
            fact("gap", &output.state(State::Warning, &gap));
        }
    }
    out
}

/// The time where a person lives, and whether it is night there.
fn there(person: &Person, at: Instant, output: Output) -> String {
    let local = time(at, person.zone);
    let night = if is_night(at, person.zone) {
        format!(", {}", output.state(State::Warning, "night"))
    } else {
        String::new()
    };
    format!("{local} ({}){night}", person.zone.name())
}

fn policy_text(view: &View, policy: &Escalation, at: Instant, output: Output) -> String {
    let again = match policy.repeat {
        0 => String::new(),
        1 => ", once again".to_owned(),
        n => format!(", {n} times again"),
    };
    let mut out = format!("escalation {}{again}\n", policy.id);
    for (number, level) in (1..).zip(&policy.levels) {
        let now = reached(level, &view.roster, &view.overrides, &view.imported, at);
        let wait = duration(level.timeout);
        let _ = writeln!(out, "  level {number}   {}  ({wait})", level_text(view, &now, output));
    }
    out
}

/// Who a level reaches, with the schedule by which it does, and which reach nobody.
fn level_text(view: &View, now: &Reached, output: Output) -> String {
    let people = now.people.iter().map(|(person, _)| view.roster.name(person).to_owned());
    let empty =
        now.empty.iter().map(|id| output.state(State::Critical, &format!("nobody on {id}")));
    let all: Vec<String> = people.chain(empty).collect();
    if all.is_empty() { "nobody".to_owned() } else { all.join(", ") }
}
