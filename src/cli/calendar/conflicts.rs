//! `atalaya calendar conflicts` and `next-slot`: what collides, and where something would not.

use serde::Serialize;

use super::{View, known_service, touches};
use crate::cli::args::{CalendarNextSlot, CalendarSpan};
use crate::cli::incidents::utc;
use crate::cli::output::{self, Cell, Exit, Table, complain, print};
use crate::cli::{Context, Failure};
use crate::config::Config;
use crate::domain::calendar::Window;
use crate::domain::calendar::conflicts::Replaces;
use crate::domain::calendar::slots::{HORIZON, search};
use crate::domain::time::{Recurrence, zone};

#[derive(Serialize)]
struct Document {
    conflicts: Vec<Fields>,
}

#[derive(Serialize)]
struct Fields {
    window: String,
    /// When the occurrence that it is about was planned to begin, in its zone.
    occurrence: String,
    from: String,
    to: String,
    why: String,
    /// Whether a free slot keeps clear of it.
    blocks: bool,
}

#[derive(Serialize)]
struct Slot {
    /// `null`: there is none within 90 days.
    slot: Option<Ends>,
}

#[derive(Serialize)]
struct Ends {
    from: String,
    to: String,
}

pub async fn run(context: &Context, config: &Config, args: &CalendarSpan) -> Result<Exit, Failure> {
    let service = args.service.as_ref().map(|s| known_service(&config.plan, s)).transpose()?;
    let view = View::open(context, config).await?;
    let outlook = view.outlook(view.span(args)?);
    let is_asked = |key: &_| {
        let one = outlook.occurrences.iter().find(|one| one.key == *key);
        one.is_some_and(|one| touches(one, service.as_ref()))
    };
    let found = outlook.collisions().into_iter().filter(|(key, _)| is_asked(key));
    let found: Vec<_> = found.collect();
    let exit = if found.is_empty() { Exit::Fine } else { Exit::Problems };
    let roster = &view.plan.roster;
    if context.output.json {
        let fields = found.iter().map(|(key, conflict)| Fields {
            window: key.window.to_string(),
            occurrence: key.original.format("%FT%T").to_string(),
            from: utc(conflict.at.from),
            to: utc(conflict.at.to),
            why: conflict.text(roster),
            blocks: conflict.reason.blocks(),
        });
        output::document(&Document { conflicts: fields.collect() });
    } else if found.is_empty() {
        print("nothing collides\n");
    } else {
        let mut table = Table::new(&["WINDOW", "FROM", "TO", "WHY"]);
        for (key, conflict) in found {
            table.row([
                Cell::text(key.window.to_string()),
                Cell::text(view.time(conflict.at.from)),
                Cell::text(view.time(conflict.at.to)),
                Cell::text(conflict.text(roster)),
            ]);
        }
        print(&table.render(context.output));
    }
    Ok(exit)
}

pub async fn slot(
    context: &Context,
    config: &Config,
    args: &CalendarNextSlot,
) -> Result<Exit, Failure> {
    let services = args.service.iter().map(|s| known_service(&config.plan, s));
    let services = services.collect::<Result<Vec<_>, _>>()?;
    let view = View::open(context, config).await?;
    let after = args.after.map_or(view.now, |t| t.begins(view.zone)).max(view.now);
    let once = Recurrence::once(zone::local(after, view.zone), view.zone);
    let mut window = Window::new("", args.kind, once, args.duration);
    window.scope.services = services;
    window.owner = args.owner.as_deref().map(Into::into);
    let outlook = view.outlook(search(after));
    let found = outlook.next_free_slot(&window, args.duration, after);
    if let Some(at) = found {
        // An incident that is open now blocks no time to come, but is to be thought of.
        window.recurrence = Recurrence::once(zone::local(at.from, view.zone), view.zone);
        for conflict in outlook.against(&window, Replaces::Nothing) {
            complain(&conflict.text(&view.plan.roster));
        }
    }
    if context.output.json {
        let slot = found.map(|at| Ends { from: utc(at.from), to: utc(at.to) });
        output::document(&Slot { slot });
    } else if let Some(at) = found {
        print(&format!("{} – {}\n", view.time(at.from), view.time(at.to)));
    } else {
        print(&format!("no free time within {} days\n", HORIZON.num_days()));
    }
    Ok(if found.is_some() { Exit::Fine } else { Exit::Problems })
}
