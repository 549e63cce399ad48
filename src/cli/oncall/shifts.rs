//! `atalaya oncall shifts`: who is on call when.

use serde::Serialize;

use super::{View, known_person, origin};
use crate::cli::args;
use crate::cli::incidents::utc;
use crate::cli::output::{self, Cell, Exit, Table, print};
use crate::cli::{Context, Failure};
use crate::config::Config;
use crate::domain::roster::{Schedule, Shift};
use crate::domain::text::duration;

#[derive(Serialize)]
struct Document {
    shifts: Vec<Fields>,
}

/// A shift as scripts read it, cut to what was asked for; documented, never renamed.
#[derive(Serialize)]
struct Fields {
    schedule: String,
    person: String,
    from: String,
    to: String,
    /// Its name; `null` where it is an override.
    layer: Option<String>,
    /// `OVR-3`, or `null`.
    r#override: Option<String>,
}

impl Fields {
    fn of(schedule: &Schedule, shift: &Shift) -> Self {
        let (layer, r#override) = origin(schedule, shift.origin);
        Self {
            schedule: schedule.id.to_string(),
            person: shift.person.to_string(),
            from: utc(shift.at.from),
            to: utc(shift.at.to),
            layer,
            r#override,
        }
    }
}

pub async fn run(context: &Context, config: &Config, args: &args::Shifts) -> Result<Exit, Failure> {
    let view = View::open(context, config, args.asked.schedule.as_deref()).await?;
    let whose = args.person.as_ref().map(|id| known_person(&view.roster, id)).transpose()?;
    let span = view.span(&args.asked)?;
    let finals = view.finals(span);
    let is_asked = |s: &&Shift| whose.as_ref().is_none_or(|whose| s.person == *whose);
    let of_each = finals.iter().flat_map(|(schedule, shifts)| {
        shifts.iter().filter(is_asked).map(move |shift| (&**schedule, shift))
    });
    let found: Vec<(&Schedule, &Shift)> = of_each.collect();
    if context.output.json {
        let shifts = found.iter().map(|(schedule, shift)| Fields::of(schedule, shift)).collect();
        output::document(&Document { shifts });
    } else if found.is_empty() {
        if !view.is_blank(context) {
            print("no shifts\n");
        }
    } else {
        let mut table = Table::new(&["SCHEDULE", "FROM", "TO", "LENGTH", "WHO", "BY"]);
        for (schedule, shift) in found {
            let (layer, by_override) = origin(schedule, shift.origin);
            table.row([
                Cell::text(&schedule.id),
                Cell::text(view.time(shift.at.from)),
                Cell::text(view.time(shift.at.to)),
                Cell::number(duration(shift.at.length())),
                Cell::text(view.roster.name(&shift.person)),
                Cell::text(by_override.or(layer).unwrap_or_default()),
            ]);
        }
        print(&table.render(context.output));
    }
    Ok(Exit::Fine)
}
