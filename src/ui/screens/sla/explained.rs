//! How the budget of an objective came about: what is asked, what was counted, and by which formula.

use super::objectives::{self, EXCLUDED};
use crate::domain::sla::{Exclusion, NoData};
use crate::domain::slo::{Burn, MICRO, Status, Unit, Window, percent};
use crate::domain::text::{clean, count, duration};
use crate::domain::time::zone;
use crate::ui::screens::Ctx;
use crate::ui::screens::explained::width;
use crate::ui::theme::Role;
use crate::ui::widgets::Piece;
use crate::ui::widgets::paint::wrap;

/// Cells of the names at the left.
const NAMES: usize = 12;

/// Line by line.
pub fn explained(ctx: &Ctx<'_>, id: &str) -> Vec<Vec<Piece>> {
    let Some(shown) = objectives::of(ctx, id) else {
        return vec![vec![Piece::new("it is in the plan no more", ctx.theme().of(Role::Muted))]];
    };
    let status = &shown.status;
    let (muted, plain) = (ctx.theme().of(Role::Muted), ctx.theme().of(Role::Text));
    let cells = width(ctx.body.width).saturating_sub(NAMES as u16);
    let mut lines = Vec::new();
    let mut line = |name: &str, text: String| {
        for (n, text) in wrap(&text, cells).into_iter().enumerate() {
            let name = if n == 0 { name } else { "" };
            lines.push(vec![Piece::new(format!("{name:<NAMES$}"), muted), Piece::new(text, plain)]);
        }
    };
    let objective = &status.objective;
    line("objective", format!("{}, of {}", objectives::title(objective), objective.service));
    line("promised", format!("{} good over {}", objective.target, over(status)));
    let source = objective.sli.source().map_or("this console", |s| s);
    line("measured", format!("{} as {source} has it", objective.sli.method()));
    for (name, query) in objective.sli.queries() {
        line(&format!("  {name}"), clean(query, 300));
    }
    let site = ctx.world.site.zone;
    let shown = |at| zone::local(at, site).format("%a %-d %b %Y %H:%M").to_string();
    let (from, to) = (shown(status.window.from), shown(status.as_of));
    line("counted", format!("from {from} to {to} {}", site.name()));
    counts(status, &mut line);
    let mode = match objective.exclusion {
        Exclusion::Remove => "remove: out of good and of all",
        Exclusion::Excuse => "excuse: counts as good",
    };
    let tally = &status.tally;
    let windows = count(status.excluded.len(), "window");
    line(EXCLUDED, format!("{windows}, {} ({mode})", seconds(tally.excluded)));
    let coverage = percent(status.coverage_ppm().into(), 4);
    let (seen, missing) = (seconds(tally.seen), seconds(tally.missing));
    let no_data = objective.no_data.word();
    line("coverage", format!("{coverage} %: {seen} known, {missing} not ({no_data})"));
    line(
        "burn",
        "error ratio / (1 - target); 1 spends the budget in exactly the window".to_owned(),
    );
    let rates = status.burn.iter().filter_map(|b| {
        let milli = b.milli?;
        Some(format!("{} {}", b.name, Burn::text(milli, 3)))
    });
    line("", rates.collect::<Vec<_>>().join("   "));
    for reading in &status.readings {
        let rule = &reading.rule;
        let factor = rule.factor_milli(status.window.length());
        let stands = if reading.fires() { "fires" } else { "does not fire" };
        line(
            rule.severity.word(),
            format!(
                "{} % of the budget in {}: above {} in {} and in {}: {stands}",
                percent(rule.budget_ppm.into(), 1),
                duration(rule.long),
                Burn::text(factor, 1),
                duration(rule.long),
                duration(rule.short),
            ),
        );
    }
    lines
}

fn over(status: &Status) -> String {
    match status.objective.window {
        Window::Rolling(_) => format!("the last {}", status.objective.window),
        Window::Calendar { zone, .. } => {
            format!("the {} in {}", status.objective.window, zone.name())
        }
    }
}

/// Good of all, and what that leaves of the budget.
fn counts(status: &Status, line: &mut impl FnMut(&str, String)) {
    let (tally, budget) = (&status.tally, &status.budget);
    let amount = |micro: u128| match budget.unit {
        Unit::Events => format!("{}.{:03}", micro / mega(), micro % mega() / 1_000),
        Unit::Seconds => {
            let whole = i64::try_from(micro / mega()).unwrap_or(i64::MAX);
            format!("{whole} s")
        }
    };
    let unit = budget.unit.word();
    let is = status
        .sli_ppm()
        .map_or("nothing counts".to_owned(), |ppm| format!("{} %", percent(ppm.into(), 4)));
    line(unit, format!("good {} of {} = {is}", amount(tally.good), amount(tally.total)));
    let Some(left) = budget.left_ppm() else { return };
    let about = if budget.is_estimated { "about " } else { "" };
    // What is unknown and left out has no part in it.
    let of = if tally.missing > 0 && status.objective.no_data == NoData::Remove {
        "what is known of the window, or still to come"
    } else {
        "the whole window"
    };
    line("budget", format!("(1 - target) of {of} = {about}{}", amount(budget.total)));
    line(
        "spent",
        format!("{} bad, so {} % of it is left", amount(budget.consumed), percent(left, 4)),
    );
}

fn mega() -> u128 {
    u128::from(MICRO)
}

fn seconds(seconds: i64) -> String {
    duration(chrono::TimeDelta::try_seconds(seconds).unwrap_or_default())
}
