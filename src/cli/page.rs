//! `atalaya page`: pages somebody, and waits until it has arrived. It is stored before anything is
//! sent: what has not arrived when this ends, the next console delivers.

use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use chrono::{TimeDelta, Utc};
use futures::future::join_all;
use serde::Serialize;

use super::incidents::utc;
use super::output::{self, Cell, Exit, Table, complain, print};
use super::{Context, Failure, args, oncall, stored};
use crate::config::Config;
use crate::domain::command::{Command, Outcome, Verdict};
use crate::domain::incident::Actor;
use crate::domain::paging::reach::Whom;
use crate::domain::paging::{self, Delivery, Due, Page, PageId, Pages, Request, Standing};
use crate::engine::{Plan, runtime};
use crate::notify::channels::Courier;
use crate::notify::pager::{self, Office};

/// How often is looked whether another console has delivered it.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Serialize)]
struct Document {
    outcomes: [Answer; 1],
}

#[derive(Serialize)]
struct Answer {
    /// `done refused conflict`; done is that the page is stored.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// One for each person.
    pages: Vec<PageFields>,
}

#[derive(Serialize)]
struct PageFields {
    id: String,
    person: String,
    target: String,
    incident: Option<String>,
    at: String,
    deliveries: Vec<DeliveryFields>,
}

#[derive(Serialize)]
struct DeliveryFields {
    channel: String,
    /// `waiting trying delivered given_up`.
    state: &'static str,
    attempts: u32,
    possibly_twice: bool,
    /// When it was delivered or given up.
    at: Option<String>,
    next_try: Option<String>,
    /// What the other side said, or why the last try failed.
    said: Option<String>,
}

/// The store, as the pager needs it.
#[derive(Clone)]
struct Counter {
    desk: runtime::Desk,
    plan: Arc<Plan>,
    actor: Actor,
}

impl Office for Counter {
    async fn ask(&self, command: paging::Command) -> Option<Outcome> {
        let asked = self.desk.ask(self.actor.clone(), Command::Paging(command)).await;
        asked.map_err(|e| tracing::warn!("{e}")).ok()?.pop()
    }

    async fn pages(&self) -> Arc<Pages> {
        self.desk.pages().await.unwrap_or_default()
    }

    fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan)
    }
}

pub async fn run(context: &Context, args: &args::Page) -> Result<Exit, Failure> {
    let config = context.config()?;
    let whom = match (&args.person, &args.schedule, &args.policy) {
        (Some(id), ..) => Whom::Person(id.as_str().into()),
        (_, Some(id), _) => Whom::Schedule(id.as_str().into()),
        (.., Some(id)) => Whom::Level(id.as_str().into(), args.level.unwrap_or(1)),
        (None, None, None) => return Err(Failure::Usage("who is to be paged?".to_owned())),
    };
    let asks_calendars = !matches!(whom, Whom::Person(_));
    let command = match (&whom, args.test) {
        (Whom::Person(person), true) => paging::Command::Test { person: person.clone() },
        _ => paging::Command::Page(Request {
            whom,
            about: args.incident,
            text: args.text.clone().unwrap_or_default(),
            confirmed: None,
        }),
    };
    let actor = stored::operator(context, &config);
    let store = stored::open(&config).await?;
    let outcome = async {
        let desk = runtime::Desk::open(config.plan.clone(), &store).await?;
        if asks_calendars {
            desk.know(oncall::imported(&config).await).await;
        }
        let before = desk.pages().await?.next();
        let answers = desk.ask(actor.clone(), Command::Paging(command)).await?;
        let verdict = answers.into_iter().next().map(|o| o.verdict);
        let pages = carry_out(&config, &actor, desk, before, args.wait).await?;
        Ok::<_, Failure>((verdict, pages))
    };
    let outcome = outcome.await;
    store.close().await;
    let (verdict, pages) = outcome?;
    tell(context, &config.plan, verdict.as_ref(), &pages);
    Ok(match verdict {
        Some(Verdict::Done { .. }) if pages.iter().all(|p| p.has_arrived()) => Exit::Fine,
        Some(Verdict::Done { .. }) => Exit::Unreachable,
        _ => Exit::Problems,
    })
}

/// Carries out what this process has stored since that number, until it has arrived or the time is
/// over; returns what became of it.
pub(super) async fn carry_out(
    config: &Config,
    actor: &Actor,
    desk: runtime::Desk,
    since: PageId,
    wait: TimeDelta,
) -> Result<Vec<Arc<Page>>, Failure> {
    let session = actor.session.clone();
    let ours = move |page: &Page| page.what.id >= since && page.session == session;
    let (plan, actor) = (Arc::new(config.plan.clone()), pager::in_the_name_of(actor));
    let office = Counter { desk, plan, actor };
    deliver(&office, &Courier::new(&config.channels), &ours, wait).await;
    let pages = office.desk.pages().await?;
    Ok(pages.iter().filter(|p| ours(p)).cloned().collect())
}

/// Tries what is due until all has arrived, or the time is over. A console beside this one may be
/// faster.
async fn deliver(
    office: &Counter,
    courier: &Courier,
    ours: &impl Fn(&Page) -> bool,
    wait: TimeDelta,
) {
    let until = Moment::now() + wait.to_std().unwrap_or_default();
    loop {
        let (pages, now) = (office.pages().await, Utc::now());
        let is_ours = |due: &Due| pages.get(due.page).is_some_and(|p| ours(p));
        let open: Vec<Due> = pages.due().into_iter().filter(is_ours).collect();
        if open.is_empty() {
            return;
        }
        let due: Vec<&Due> = open.iter().filter(|due| due.at <= now).collect();
        let tried = join_all(
            due.iter().map(|due| pager::attempt(office, courier, due.page, due.channel.clone())),
        )
        .await;
        if !tried.contains(&true) {
            if Moment::now() >= until {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn tell(context: &Context, plan: &Plan, verdict: Option<&Verdict>, pages: &[Arc<Page>]) {
    let why = verdict.filter(|v| !v.is_done()).map(ToString::to_string);
    if context.output.json {
        let outcome = verdict.map_or("refused", Verdict::word);
        let pages = pages.iter().map(|p| fields(p)).collect();
        output::document(&Document { outcomes: [Answer { outcome, why, pages }] });
        return;
    }
    if let Some(why) = why {
        complain(&format!("-  refused  {why}"));
        return;
    }
    let zone = plan.site.zone;
    let clock = |at: crate::domain::time::Instant| at.with_timezone(&zone).format("%H:%M:%S");
    let mut table = Table::new(&["PAGE", "TO", "AS", "BY", "STATE", "SAID"]);
    for page in pages {
        for delivery in &page.deliveries {
            let state = match &delivery.standing {
                Standing::Waiting { at } => format!("waiting, next try {}", clock(*at)),
                Standing::Trying { .. } => "trying".to_owned(),
                Standing::Delivered { .. } => "delivered".to_owned(),
                Standing::GivenUp { .. } => "given up".to_owned(),
            };
            table.row([
                Cell::text(page.what.id.to_string()),
                Cell::text(plan.roster.name(&page.what.person)),
                Cell::text(page.what.target.clone()),
                Cell::text(&*delivery.channel),
                Cell::text(state),
                Cell::text(said(delivery).unwrap_or_default()),
            ]);
        }
    }
    print(&table.render(context.output));
    // What was left out is part of what was said.
    let said = verdict.map(ToString::to_string).unwrap_or_default();
    for missed in said.split("; ").filter(|part| part.starts_with("not ")) {
        complain(missed);
    }
    if pages.iter().any(|p| !p.is_settled()) {
        complain("what has not arrived is tried again by the next console on this store");
    }
}

fn said(delivery: &Delivery) -> Option<String> {
    match &delivery.standing {
        Standing::Delivered { said, .. } => Some(said.clone()).filter(|s| !s.is_empty()),
        Standing::GivenUp { why, .. } => Some(why.clone()),
        Standing::Waiting { .. } | Standing::Trying { .. } => {
            delivery.failed.last().map(|t| t.why.clone())
        }
    }
}

fn fields(page: &Page) -> PageFields {
    let delivery = |d: &Delivery| {
        let (at, next) = match &d.standing {
            Standing::Delivered { at, .. } | Standing::GivenUp { at, .. } => (Some(*at), None),
            Standing::Waiting { at } | Standing::Trying { until: at } => (None, Some(*at)),
        };
        DeliveryFields {
            channel: d.channel.to_string(),
            state: d.standing.word(),
            attempts: d.attempts,
            possibly_twice: d.unsure,
            at: at.map(utc),
            next_try: next.map(utc),
            said: said(d),
        }
    };
    PageFields {
        id: page.what.id.to_string(),
        person: page.what.person.to_string(),
        target: page.what.target.clone(),
        incident: page.what.incident.map(|i| i.to_string()),
        at: utc(page.at),
        deliveries: page.deliveries.iter().map(delivery).collect(),
    }
}
