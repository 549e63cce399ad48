//! `atalaya slo burn`: how fast budgets go, over several times, and which rules fire.

use super::{Document, Fields, Standings, colour};
use crate::cli::args::Objectives as Asked;
use crate::cli::output::{self, Cell, Exit, Table, print};
use crate::cli::{Context, Failure};
use crate::domain::health::State;
use crate::domain::slo::{Burn, Reading, Severity, Status, percent};
use crate::domain::text::duration;
use crate::domain::time::near;

pub async fn run(context: &Context, asked: &Asked) -> Result<Exit, Failure> {
    let standings = Standings::of(context, asked).await?;
    let fires = standings.all.iter().any(|s| s.firing().is_some());
    let exit = if fires { Exit::Problems } else { Exit::Fine };
    if context.output.json {
        output::document(&Document { slos: standings.all.iter().map(Fields::of).collect() });
        return Ok(exit);
    }
    let headings =
        &["OBJECTIVE", "5M", "30M", "1H", "2H", "6H", "1D", "3D", "LEFT", "AT THIS PACE", "FIRES"];
    let mut table = Table::new(headings);
    for status in &standings.all {
        table.row(row(status, &standings));
    }
    print(&table.render(context.output));
    standings.explain();
    Ok(exit)
}

fn row(status: &Status, standings: &Standings) -> Vec<Cell> {
    let none = || "-".to_owned();
    let rate = |milli: Option<i64>| milli.map_or_else(none, |milli| Burn::text(milli, 2));
    let left = status.budget.left_ppm().map_or_else(none, |left| format!("{} %", percent(left, 1)));
    let pace = match (status.exhausted_at, status.projection.and_then(|p| p.end_left_ppm)) {
        (Some(at), _) => format!("spent {}", near(at, standings.now, standings.zone)),
        (None, Some(left)) => format!("{} % left at the end", percent(left, 1)),
        (None, None) if status.projection.is_some() => "it lasts".to_owned(),
        (None, None) => none(),
    };
    let mut cells = vec![Cell::text(&*status.objective.id)];
    cells.extend(status.burn.iter().map(|b| Cell::number(rate(b.milli))));
    cells.push(Cell::coloured(colour(status.standing()), left));
    cells.push(Cell::text(pace));
    cells.push(match status.firing() {
        Some(reading) => {
            let state = match reading.rule.severity {
                Severity::Page => State::Critical,
                Severity::Ticket => State::Warning,
            };
            Cell::coloured(state, fires(reading, status))
        }
        None => Cell::text("-"),
    });
    cells
}

/// `page: above 14.40 for 1h and 5m`.
fn fires(reading: &Reading, status: &Status) -> String {
    let rule = &reading.rule;
    let factor = Burn::text(rule.factor_milli(status.objective.window.length()), 2);
    let (long, short) = (duration(rule.long), duration(rule.short));
    format!("{}: above {factor} for {long} and {short}", rule.severity.word())
}
