//! `atalaya slo`: what was promised, what was good, what is left.

use super::{Document, Fields, Standings, colour};
use crate::cli::args::Objectives as Asked;
use crate::cli::output::{self, Cell, Exit, Table, print};
use crate::cli::{Context, Failure};
use crate::domain::slo::{Burn, Standing, Status, percent};
use crate::domain::text::duration;
use crate::domain::time::near;

pub async fn run(context: &Context, asked: &Asked) -> Result<Exit, Failure> {
    let standings = Standings::of(context, asked).await?;
    if context.output.json {
        output::document(&Document { slos: standings.all.iter().map(Fields::of).collect() });
        return Ok(Exit::Fine);
    }
    let mut table = Table::new(&[
        "OBJECTIVE",
        "SERVICE",
        "TARGET",
        "OVER",
        "GOOD",
        "LEFT",
        "OF",
        "BURN 1H",
        "STANDING",
        "UNTIL",
        "KNOWN",
    ]);
    for status in &standings.all {
        table.row(row(status, &standings));
    }
    print(&table.render(context.output));
    standings.explain();
    Ok(Exit::Fine)
}

fn row(status: &Status, standings: &Standings) -> Vec<Cell> {
    let objective = &status.objective;
    let none = || "-".to_owned();
    let standing = status.standing();
    let left = status.budget.left_ppm().map_or_else(none, |left| format!("{} %", percent(left, 1)));
    let until = match (status.exhausted_at, status.budget.left_ppm()) {
        (Some(at), Some(..=0)) => format!("since {}", near(at, standings.now, standings.zone)),
        (Some(at), _) => near(at, standings.now, standings.zone),
        (None, _) => none(),
    };
    let exclusion = if status.excluded.is_empty() {
        String::new()
    } else {
        format!(" {}", objective.exclusion.word())
    };
    vec![
        Cell::text(&*objective.id),
        Cell::text(objective.service.as_str()),
        Cell::number(objective.target.to_string()),
        Cell::text(objective.window.to_string()),
        Cell::number(
            status.sli_ppm().map_or_else(none, |ppm| format!("{} %", percent(ppm.into(), 4))),
        ),
        Cell::coloured(colour(standing), left),
        Cell::text(if standing == Standing::Unknown {
            none()
        } else {
            duration(status.budget.time)
        }),
        Cell::number(status.burn_over("1h").map_or_else(none, |milli| Burn::text(milli, 2))),
        Cell::coloured(colour(standing), standing.word()),
        Cell::text(until),
        Cell::text(format!("{} %{exclusion}", percent(status.coverage_ppm().into(), 1))),
    ]
}
