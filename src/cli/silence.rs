//! `atalaya silences` and `atalaya silence`: what is silenced upstream, and orders about it. An order
//! is stored before anything is sent: what is not done when this ends, the next console does.

use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use serde::Serialize;

use super::args::{Silence as Args, SilenceAdd, Silences as ListArgs};
use super::incidents::utc;
use super::orders;
use super::output::{self, Cell, Exit, Table, complain, print};
use super::sources::Fields as SourceFields;
use super::{Context, Failure, stored};
use crate::config::Config;
use crate::domain::command::{Command, Verdict};
use crate::domain::incident::Incident;
use crate::domain::matcher::{Labels, Matchers};
use crate::domain::observation::{Fact, SourceName};
use crate::domain::outbox::Standing;
use crate::domain::text::{self, clean, suggest};
use crate::domain::upstream::cover::{Cover, cover, cover_objects, objects, propose};
use crate::domain::upstream::silence::{Listed, find};
use crate::domain::upstream::{self, Call, Order, Request, Silence, Silences, UpstreamKind, named};
use crate::engine::runtime;
use crate::sources::settings::Kind;
use crate::sources::supervisor::poll_once;
use crate::store::Store;

/// What is said of each silence.
const COLUMNS: [&str; 9] =
    ["SILENCE", "SOURCE", "STATE", "ENDS", "IN", "ALERTS", "BY", "MATCHERS", "COMMENT"];
/// How many alerts a preview shows.
const SHOWN: usize = 10;

/// A silence as scripts read it; documented, never renamed.
#[derive(Serialize)]
struct SilenceFields<'a> {
    source: &'a str,
    #[serde(flatten)]
    silence: &'a Silence,
}

#[derive(Serialize)]
struct ListDocument<'a> {
    silences: Vec<SilenceFields<'a>>,
}

#[derive(Serialize)]
struct Document {
    outcomes: Vec<Answer>,
}

#[derive(Serialize)]
struct Answer {
    /// What was asked for: the id of a silence, or the matchers.
    id: String,
    /// `done refused conflict`; done is that the order is stored.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderFields>,
}

#[derive(Serialize)]
struct OrderFields {
    id: String,
    source: String,
    incident: Option<String>,
    what: String,
    /// `waiting trying delivered given_up`.
    state: &'static str,
    attempts: u32,
    /// The silence that it made or left.
    silence: Option<String>,
    /// When it is tried again.
    next_try: Option<String>,
    /// What came of it, or why the last try failed.
    said: Option<String>,
}

#[derive(Serialize)]
struct Preview {
    source: String,
    matches: String,
    alerts: usize,
    first: Vec<Labels>,
    incidents: Vec<Hit>,
}

#[derive(Serialize)]
struct Hit {
    id: String,
    alerts: usize,
}

pub async fn list(context: &Context, args: &ListArgs) -> Result<Exit, Failure> {
    let config = context.config()?;
    let only = args.source.as_deref();
    if let Some(name) = only {
        known_source(&config, name)?;
    }
    let (silences, all_seen) = seen(&config, only).await;
    let zone = config.plan.site.zone;
    let rows = || {
        let mut all: Vec<(&SourceName, &Silence)> = silences
            .iter()
            .flat_map(|(name, listed)| listed.silences.iter().map(move |s| (name, s)))
            .collect();
        all.sort_by_key(|(_, s)| s.ends_at);
        all
    };
    if context.output.json {
        let fields = rows().into_iter().map(|(source, silence)| SilenceFields { source, silence });
        output::document(&ListDocument { silences: fields.collect() });
    } else {
        let now = Utc::now();
        let mut table = Table::new(&COLUMNS);
        for (source, silence) in rows() {
            let ends = silence.ends_at.with_timezone(&zone).format("%Y-%m-%d %H:%M");
            table.row([
                Cell::text(silence.id.chars().take(8).collect::<String>()),
                Cell::text(&**source),
                Cell::text(silence.state.word()),
                Cell::text(ends.to_string()),
                Cell::number(text::duration((silence.ends_at - now).max(TimeDelta::zero()))),
                Cell::number(silence.matches.map_or("?".to_owned(), |n| n.to_string())),
                Cell::text(silence.created_by.clone()),
                Cell::text(silence.matchers.clone()),
                Cell::text(silence.comment.clone()),
            ]);
        }
        print(&table.render(context.output));
    }
    for (source, listed) in silences.iter().filter(|(_, listed)| listed.left_out > 0) {
        complain(&format!("{source}: {} more silences are not shown", listed.left_out));
    }
    Ok(if all_seen { Exit::Fine } else { Exit::Unreachable })
}

/// What the sources that take silences have, each asked once, and whether all of them answered. Of one
/// that does not, why goes to standard error.
async fn seen(config: &Config, only: Option<&str>) -> (Silences, bool) {
    let asked = config.sources.iter().filter(|s| {
        matches!(s.kind, Kind::Alertmanager(_)) && only.is_none_or(|only| *s.name == *only)
    });
    let mut silences = Silences::new();
    let mut all_seen = true;
    for (status, observation) in poll_once(asked.cloned().collect()).await {
        let warned = observation.as_ref().map(|o| o.warnings.join("; ")).unwrap_or_default();
        let mut facts = observation.into_iter().flat_map(|o| o.facts);
        let listed: Option<Listed> = facts.find_map(|fact| match fact {
            Fact::Silences(listed) => Some(listed),
            _ => None,
        });
        if let Some(listed) = listed {
            silences.insert(status.name.clone(), listed);
        } else {
            all_seen = false;
            // Of one that answers otherwise, what it warns of is why.
            complain(&match warned.as_str() {
                "" => SourceFields::of(&status).complaint(),
                warned => format!("source {}: {}", status.name, clean(warned, 500)),
            });
        }
    }
    (silences, all_seen)
}

fn known_source(config: &Config, name: &str) -> Result<SourceName, Failure> {
    let takes = || config.plan.upstreams.iter().filter(|(_, u)| u.kind != UpstreamKind::Told);
    if let Some((name, _)) = takes().find(|(known, _)| ***known == *name) {
        return Ok(name.clone());
    }
    let known: Vec<&str> = takes().map(|(name, _)| name.as_ref()).collect();
    let remedy = match known.as_slice() {
        [] => "it needs a source of kind alertmanager or icinga2 in the config".to_owned(),
        known => suggest(name, known, "sources that take silences or downtimes"),
    };
    Err(Failure::Usage(format!("{:?} takes no silences; {remedy}", clean(name, 80))))
}

/// One thing that is asked for: what it is called, and the order, or why there can be none.
type Asked = (String, Result<Request, String>);

pub async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    let config = context.config()?;
    let store = stored::open(&config).await?;
    let outcome = async {
        let (asked, wait) = match args {
            Args::Add(args) => match add(context, &config, &store, &args).await? {
                Some(asked) => (vec![asked], args.patience.wait),
                None => return Ok(Exit::Fine),
            },
            Args::Extend(args) => {
                let (silences, _) = seen(&config, None).await;
                let call = |s: &Silence| Call::Extend {
                    silence: s.id.clone(),
                    until: s.ends_at + args.length,
                };
                (vec![about(&silences, &args.id, call)], args.patience.wait)
            }
            Args::Expire(args) => {
                let (silences, _) = seen(&config, None).await;
                let call = |s: &Silence| Call::Expire { silence: s.id.clone() };
                let asked = args.ids.iter().map(|id| about(&silences, id, call)).collect();
                (asked, args.patience.wait)
            }
        };
        order(context, &config, &store, asked, wait).await
    };
    let outcome = outcome.await;
    store.close().await;
    outcome
}

/// An order about a silence that is there.
fn about(silences: &Silences, id: &str, call: impl Fn(&Silence) -> Call) -> Asked {
    let request = find(silences, id).map(|(source, silence)| Request {
        source: source.clone(),
        about: None,
        call: call(silence),
    });
    (clean(id, 80), request)
}

/// What is to be silenced; nothing where only a preview was wanted.
async fn add(
    context: &Context,
    config: &Config,
    store: &Store,
    args: &SilenceAdd,
) -> Result<Option<Asked>, Failure> {
    let incident = match args.incident {
        Some(id) => match store.incident(id).await? {
            Some(incident) => Some(incident),
            None => return Err(Failure::Refused(format!("there is no {id}"))),
        },
        None => None,
    };
    let takes: Vec<&SourceName> = config
        .plan
        .upstreams
        .iter()
        .filter(|(_, u)| u.kind == UpstreamKind::Alertmanager)
        .map(|(name, _)| name)
        .collect();
    let source = match (&args.source, &incident, takes.as_slice()) {
        (Some(name), ..) => known_source(config, name)?,
        (None, Some(incident), _) => known_source(config, &incident.source)?,
        (None, None, [one]) => (*one).clone(),
        _ => return Err(Failure::Usage("where? name the source with --source".to_owned())),
    };
    let proposed = incident.as_ref().map(|i| format!("{}: {}", i.id, i.title));
    let comment = args.comment.clone().or(proposed).unwrap_or_default();
    let until = Utc::now() + args.length;
    let kind = config.plan.upstreams.get(&source).map(|u| u.kind);
    let (name, call) = match (kind, &incident) {
        (Some(UpstreamKind::Icinga2), Some(incident)) => {
            let objects = objects(incident);
            (named(&objects), Call::Downtime { objects, until, comment })
        }
        (Some(UpstreamKind::Icinga2), None) => {
            let why = format!("{source} is an Icinga: name the incident with --incident");
            return Err(Failure::Usage(why));
        }
        _ => {
            let given = args.matchers.as_deref().map(Matchers::parse).transpose();
            let given = given.map_err(|e| Failure::Usage(format!("--match: {e}")))?;
            let matchers = given.or_else(|| incident.as_ref().map(propose)).unwrap_or_default();
            (matchers.to_string(), Call::Silence { matchers, until, comment })
        }
    };
    if args.preview {
        let open = store.load().await?.incidents;
        preview(context, &source, &name, &covered(&source, &call, &open));
        return Ok(None);
    }
    let request = Request { source, about: args.incident, call };
    Ok(Some((clean(&name, 300), Ok(request))))
}

fn covered(source: &SourceName, call: &Call, open: &[Incident]) -> Cover {
    match call {
        Call::Silence { matchers, .. } => cover(source, matchers, open.iter(), SHOWN),
        Call::Downtime { objects, .. } => cover_objects(source, objects, open.iter(), SHOWN),
        _ => Cover::default(),
    }
}

fn preview(context: &Context, source: &str, name: &str, cover: &Cover) {
    if context.output.json {
        let hit = |(id, alerts): (&crate::domain::incident::IncidentId, &usize)| Hit {
            id: id.to_string(),
            alerts: *alerts,
        };
        output::document(&Preview {
            source: source.to_owned(),
            matches: name.to_owned(),
            alerts: cover.alerts,
            first: cover.first.clone(),
            incidents: cover.incidents.iter().map(hit).collect(),
        });
        return;
    }
    let mut out = format!("{name} on {source}: {}\n", text::count(cover.alerts, "alert"));
    for (id, alerts) in &cover.incidents {
        let _ = writeln!(out, "{id}  {}", text::count(*alerts, "alert"));
    }
    for labels in &cover.first {
        let pairs: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v:?}")).collect();
        let _ = writeln!(out, "  {}", pairs.join(" "));
    }
    print(&out);
}

/// Stores the orders, carries them out, and says what came of each.
async fn order(
    context: &Context,
    config: &Config,
    store: &Store,
    asked: Vec<Asked>,
    wait: TimeDelta,
) -> Result<Exit, Failure> {
    let desk = runtime::Desk::open(config.plan.clone(), store).await?;
    let actor = stored::operator(context, config);
    let mut ordered = Vec::new();
    for (name, request) in asked {
        let (verdict, id) = match request {
            Err(why) => (Verdict::Refused { why }, None),
            Ok(request) => {
                let next = desk.orders().await?.next();
                let command = Command::Upstream(upstream::Command::Order(request));
                let answers = desk.ask(actor.clone(), command).await?;
                let refused = || Verdict::Refused { why: "nothing was answered".to_owned() };
                let verdict = answers.into_iter().next().map_or_else(refused, |o| o.verdict);
                // Another console may have given an order in between.
                let orders = desk.orders().await?;
                let ours = |o: &&Arc<Order>| o.what.id >= next && o.session == actor.session;
                let id = orders.iter().rev().find(ours).map(|o| o.what.id);
                (verdict, id)
            }
        };
        ordered.push((name, id.filter(|_| verdict.is_done()), verdict));
    }
    let ids: Vec<_> = ordered.iter().filter_map(|(_, id, _)| *id).collect();
    let orders = orders::settle(config, &actor, desk, &ids, wait).await?;
    let ordered: Vec<(String, Option<Arc<Order>>, Verdict)> = ordered
        .into_iter()
        .map(|(name, id, verdict)| (name, id.and_then(|id| orders.get(id).cloned()), verdict))
        .collect();
    tell(context, &ordered);
    let is = |what: fn(&Standing) -> bool| {
        move |o: &(String, Option<Arc<Order>>, Verdict)| {
            o.1.as_ref().is_some_and(|o| what(&o.standing))
        }
    };
    let done = is(|s| matches!(s, Standing::Delivered { .. }));
    let given_up = is(|s| matches!(s, Standing::GivenUp { .. }));
    Ok(if ordered.iter().all(done) {
        Exit::Fine
    } else if ordered.iter().any(|o| o.1.is_none() || given_up(o)) {
        Exit::Problems
    } else {
        Exit::Unreachable
    })
}

fn tell(context: &Context, ordered: &[(String, Option<Arc<Order>>, Verdict)]) {
    if context.output.json {
        let answer = |(id, order, verdict): &(String, Option<Arc<Order>>, Verdict)| Answer {
            id: id.clone(),
            outcome: verdict.word(),
            why: Some(verdict).filter(|v| !v.is_done()).map(ToString::to_string),
            order: order.as_deref().map(fields),
        };
        output::document(&Document { outcomes: ordered.iter().map(answer).collect() });
        return;
    }
    let mut waits = false;
    for (name, order, verdict) in ordered {
        let Some(order) = order else {
            complain(&format!("{name}  {}  {verdict}", verdict.word()));
            continue;
        };
        let line = format!("{name}  {}  {}", order.what.id, order.stands());
        match order.standing {
            Standing::Delivered { .. } => print(&format!("{line}\n")),
            Standing::GivenUp { .. } => complain(&line),
            Standing::Waiting { .. } | Standing::Trying { .. } => {
                waits = true;
                complain(&line);
            }
        }
    }
    if waits {
        complain("what is not done is tried again by the next console on this store");
    }
}

fn fields(order: &Order) -> OrderFields {
    let next = order.standing.due();
    let said = match &order.standing {
        Standing::Delivered { said, .. } => Some(said.clone()).filter(|s| !s.is_empty()),
        Standing::GivenUp { why, .. } => Some(why.clone()),
        Standing::Waiting { .. } | Standing::Trying { .. } => {
            order.failed.last().map(|t| t.why.clone())
        }
    };
    OrderFields {
        id: order.what.id.to_string(),
        source: order.what.source.to_string(),
        incident: order.what.incident.map(|i| i.to_string()),
        what: order.what.call.words(),
        state: order.standing.word(),
        attempts: order.attempts,
        silence: order.made.clone(),
        next_try: next.map(utc),
        said,
    }
}
