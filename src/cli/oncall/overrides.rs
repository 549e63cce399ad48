//! `atalaya oncall overrides`: those that are in force or still to come.

use serde::Serialize;

use super::View;
use crate::cli::args;
use crate::cli::incidents::utc;
use crate::cli::output::{self, Cell, Exit, Table, print};
use crate::cli::{Context, Failure};
use crate::config::Config;
use crate::domain::roster::Override;

#[derive(Serialize)]
struct Document {
    overrides: Vec<Fields>,
}

#[derive(Serialize)]
struct Fields {
    id: String,
    schedule: String,
    /// `null`: nobody, on purpose.
    person: Option<String>,
    from: String,
    to: String,
    reason: String,
}

pub async fn run(
    context: &Context,
    config: &Config,
    args: &args::Overrides,
) -> Result<Exit, Failure> {
    let view = View::stored(context, config, args.schedule.as_deref()).await?;
    // Without a schedule also those of one that the plan no longer has.
    let is_asked = |o: &&Override| {
        args.schedule.is_none() || view.schedules.iter().any(|s| s.id == o.schedule)
    };
    let is_left = |o: &&Override| args.all || o.to > view.now;
    let mut found: Vec<&Override> =
        view.overrides.iter().filter(is_asked).filter(is_left).collect();
    found.sort_by_key(|o| (o.from, o.id));
    if context.output.json {
        output::document(&Document { overrides: found.into_iter().map(fields).collect() });
    } else if found.is_empty() {
        if !view.is_blank(context) {
            print("no overrides\n");
        }
    } else {
        let mut table = Table::new(&["ID", "SCHEDULE", "FROM", "TO", "WHO", "WHY"]);
        for one in found {
            table.row([
                Cell::text(one.id.to_string()),
                Cell::text(&one.schedule),
                Cell::text(view.time(one.from)),
                Cell::text(view.time(one.to)),
                Cell::text(one.person.as_ref().map_or("nobody", |p| view.roster.name(p))),
                Cell::text(&one.reason),
            ]);
        }
        print(&table.render(context.output));
    }
    Ok(Exit::Fine)
}

fn fields(one: &Override) -> Fields {
    Fields {
        id: one.id.to_string(),
        schedule: one.schedule.to_string(),
        person: one.person.as_ref().map(ToString::to_string),
        from: utc(one.from),
        to: utc(one.to),
        reason: one.reason.clone(),
    }
}
