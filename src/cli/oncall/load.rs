//! `atalaya oncall load`: how much everybody carries, and how evenly.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::TimeDelta;
use serde::Serialize;

use super::View;
use crate::cli::args;
use crate::cli::incidents::utc;
use crate::cli::output::{self, Cell, Exit, Table, print};
use crate::cli::{Context, Failure};
use crate::config::Config;
use crate::domain::roster::load::{Load, fairness, load};
use crate::domain::roster::{PersonId, Schedule, Turns};

#[derive(Serialize)]
struct Document {
    from: String,
    to: String,
    people: Vec<Fields>,
    fairness: Fairness,
}

#[derive(Serialize)]
struct Fields {
    person: String,
    name: String,
    hours: f64,
    out_of_hours: f64,
    nights: usize,
    weekends: usize,
    shifts: usize,
    /// That arrived; for whatever they were paged.
    pages: usize,
}

/// Jain's index of each; `null` where nobody has any.
#[derive(Serialize)]
struct Fairness {
    hours: Option<f64>,
    out_of_hours: Option<f64>,
    nights: Option<f64>,
    weekends: Option<f64>,
}

impl Fairness {
    fn of(loads: &BTreeMap<PersonId, Load>) -> Self {
        let of =
            |share: fn(&Load) -> f64| fairness(loads.values().map(share)).map(|f| round(f, 1e3));
        Self {
            hours: of(|l| hours(l.on_call)),
            out_of_hours: of(|l| hours(l.out_of_hours)),
            nights: of(|l| l.nights as f64),
            weekends: of(|l| l.weekends as f64),
        }
    }
}

pub async fn run(context: &Context, config: &Config, args: &args::Asked) -> Result<Exit, Failure> {
    let view = View::open(context, config, args.schedule.as_deref()).await?;
    let span = view.span(args)?;
    let finals = view.finals(span);
    let mut loads = load(&view.roster, finals.iter().flat_map(|(_, shifts)| shifts));
    // Who takes turns and had none carries nothing, which counts.
    for member in view.schedules.iter().flat_map(|s| members(s)) {
        loads.entry(member.clone()).or_default();
    }
    let fairness = Fairness::of(&loads);
    let pages = view.pages.received(span);
    if context.output.json {
        let people = loads.iter().map(|(person, load)| Fields {
            person: person.to_string(),
            name: view.roster.name(person).to_owned(),
            hours: round(hours(load.on_call), 1e2),
            out_of_hours: round(hours(load.out_of_hours), 1e2),
            nights: load.nights,
            weekends: load.weekends,
            shifts: load.shifts,
            pages: pages.get(person).copied().unwrap_or(0),
        });
        let (from, to) = (utc(span.from), utc(span.to));
        output::document(&Document { from, to, people: people.collect(), fairness });
    } else if !view.is_blank(context) {
        let (from, to) = (view.time(span.from), view.time(span.to));
        let table = table(&view, &loads, &pages).render(context.output);
        print(&format!("{from} – {to}\n\n{table}\n{}", meaning(&fairness, loads.len())));
    }
    Ok(Exit::Fine)
}

fn members(schedule: &Schedule) -> impl Iterator<Item = &PersonId> {
    schedule.layers.iter().flat_map(|layer| match &layer.turns {
        Turns::Rotation(rotation) => rotation.people.as_slice(),
        Turns::Calendar(_) => &[],
    })
}

fn table(
    view: &View,
    loads: &BTreeMap<PersonId, Load>,
    pages: &BTreeMap<PersonId, usize>,
) -> Table {
    const HEADINGS: [&str; 7] =
        ["WHO", "HOURS", "OUT OF HOURS", "NIGHTS", "WEEKENDS", "SHIFTS", "PAGES"];
    let mut table = Table::new(&HEADINGS);
    let mut heaviest: Vec<_> = loads.iter().collect();
    heaviest.sort_by_key(|(_, load)| std::cmp::Reverse(load.on_call));
    for (person, load) in heaviest {
        table.row([
            Cell::text(view.roster.name(person)),
            Cell::number(format!("{:.1}", hours(load.on_call))),
            Cell::number(format!("{:.1}", hours(load.out_of_hours))),
            Cell::number(load.nights.to_string()),
            Cell::number(load.weekends.to_string()),
            Cell::number(load.shifts.to_string()),
            Cell::number(pages.get(person).copied().unwrap_or(0).to_string()),
        ]);
    }
    table
}

/// The figures with what they mean.
fn meaning(fairness: &Fairness, people: usize) -> String {
    let mut out = "Fairness".to_owned();
    for (what, figure) in [
        ("hours", fairness.hours),
        ("out of hours", fairness.out_of_hours),
        ("nights", fairness.nights),
        ("weekends", fairness.weekends),
    ] {
        let figure = figure.map_or_else(|| "-".to_owned(), |f| format!("{f:.2}"));
        let _ = write!(out, "  {what} {figure}");
    }
    let least = 1.0 / (people.max(1) as f64);
    let _ = write!(
        out,
        "\nJain's index: 1 where all carry the same, {least:.2} where one of these {people} carries \
         all.\nOut of hours is outside Monday to Friday 08:00–18:00, a night 00:00–06:00, both where \
         the person lives.\n"
    );
    out
}

fn hours(length: TimeDelta) -> f64 {
    length.num_seconds() as f64 / 3_600.0
}

fn round(figure: f64, steps: f64) -> f64 {
    (figure * steps).round() / steps
}
