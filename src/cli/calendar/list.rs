//! `atalaya calendar`: what takes place.

use serde::Serialize;

use super::{View, known_service, touches};
use crate::cli::args::CalendarSpan;
use crate::cli::incidents::utc;
use crate::cli::output::{self, Cell, Exit, Table, print};
use crate::cli::{Context, Failure};
use crate::config::Config;
use crate::domain::calendar::Occurrence;
use crate::domain::calendar::suppression::mutes;
use crate::domain::time::Instant;

#[derive(Serialize)]
struct Document {
    occurrences: Vec<Fields>,
}

/// One occurrence as scripts read it; documented, never renamed.
#[derive(Serialize)]
struct Fields {
    window: String,
    kind: &'static str,
    summary: String,
    from: String,
    to: String,
    /// `planned approved in_progress completed cancelled`.
    status: &'static str,
    /// Somebody began it, its time is over, and nobody has finished it.
    overrun: bool,
    /// The same in the words of the screens: `to approve`, `due`, `with issues`, …
    stands: &'static str,
    services: Vec<String>,
    matchers: Vec<String>,
    /// Whether its alerts page nobody while it is in force.
    mutes: bool,
    /// When it was, is or will be in force; `null` where it is not approved.
    in_force: Option<[String; 2]>,
    owner: Option<String>,
    change: Option<String>,
}

impl Fields {
    fn of(one: &Occurrence, now: Instant) -> Self {
        let window = &one.window;
        Self {
            window: window.id.to_string(),
            kind: window.kind.word(),
            summary: window.summary.to_string(),
            from: utc(one.planned.from),
            to: utc(one.planned.to),
            status: one.status.word(),
            overrun: one.overrun,
            stands: one.stands(now),
            services: window.scope.services.iter().map(ToString::to_string).collect(),
            matchers: window.scope.matchers.iter().map(ToString::to_string).collect(),
            mutes: window.is_muting(),
            in_force: mutes(one).map(|at| [utc(at.from), utc(at.to)]),
            owner: window.owner.as_ref().map(ToString::to_string),
            change: window.change.as_ref().map(ToString::to_string),
        }
    }
}

pub async fn run(context: &Context, config: &Config, args: &CalendarSpan) -> Result<Exit, Failure> {
    let service = args.service.as_ref().map(|s| known_service(&config.plan, s)).transpose()?;
    let view = View::open(context, config).await?;
    let all = view.calendar.occurrences(view.span(args)?, view.now);
    let found: Vec<_> = all.iter().filter(|one| touches(one, service.as_ref())).collect();
    if context.output.json {
        output::document(&Document {
            occurrences: found.into_iter().map(|one| Fields::of(one, view.now)).collect(),
        });
    } else if found.is_empty() {
        print("nothing is planned\n");
    } else {
        let mut table = Table::new(&["WINDOW", "FROM", "TO", "STATUS", "KIND", "WHAT", "TOUCHES"]);
        for one in found {
            table.row([
                Cell::text(one.key.window.to_string()),
                Cell::text(view.time(one.planned.from)),
                Cell::text(view.time(one.planned.to)),
                Cell::text(one.stands(view.now)),
                Cell::text(one.window.kind.word().replace('_', " ")),
                Cell::text(one.window.title()),
                Cell::text(one.window.scope.to_string()),
            ]);
        }
        print(&table.render(context.output));
    }
    Ok(Exit::Fine)
}
