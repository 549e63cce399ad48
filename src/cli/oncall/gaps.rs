//! `atalaya oncall gaps`: when nobody is on call who should be, and who is so twice.

use std::sync::Arc;

use serde::Serialize;

use super::View;
use crate::cli::args;
use crate::cli::incidents::utc;
use crate::cli::output::{self, Cell, Exit, Table, print};
use crate::cli::{Context, Failure};
use crate::config::Config;
use crate::domain::health::State;
use crate::domain::roster::gaps::{
    AwayOnCall, DoubleBooking, Gap, away_on_call, double_bookings, gaps,
};
use crate::domain::roster::shifts::final_shifts;
use crate::domain::roster::{Schedule, ScheduleId};
use crate::domain::text::duration;
use crate::domain::time::Interval;

#[derive(Serialize)]
struct Document {
    gaps: Vec<GapFields>,
    double_bookings: Vec<BookingFields>,
    /// Who is on call while away.
    absences: Vec<AwayFields>,
}

#[derive(Serialize)]
struct AwayFields {
    person: String,
    schedule: String,
    from: String,
    to: String,
    reason: String,
}

#[derive(Serialize)]
pub(super) struct GapFields {
    schedule: String,
    from: String,
    to: String,
    why: &'static str,
}

impl GapFields {
    pub(super) fn of(schedule: &Schedule, gap: &Gap) -> Self {
        Self {
            schedule: schedule.id.to_string(),
            from: utc(gap.at.from),
            to: utc(gap.at.to),
            why: gap.why.text(),
        }
    }
}

#[derive(Serialize)]
struct BookingFields {
    person: String,
    from: String,
    to: String,
    schedules: Vec<String>,
}

pub async fn run(context: &Context, config: &Config, args: &args::Asked) -> Result<Exit, Failure> {
    let view = View::open(context, config, args.schedule.as_deref()).await?;
    let span = view.span(args)?;
    let found = found(&view, span);
    let twice = twice(&view, span);
    let away = away_on_call(
        &view.roster,
        &view
            .finals(span)
            .into_iter()
            .map(|(s, shifts)| (s.id.clone(), shifts))
            .collect::<Vec<_>>(),
    );
    if context.output.json {
        output::document(&Document {
            gaps: found.iter().map(|(schedule, gap)| GapFields::of(schedule, gap)).collect(),
            double_bookings: twice.iter().map(fields).collect(),
            absences: away.iter().map(away_fields).collect(),
        });
    } else if !view.is_blank(context) {
        print(&text(context, &view, &found, (&twice, &away)));
    }
    let is_fine = found.is_empty() && away.is_empty();
    Ok(if is_fine { Exit::Fine } else { Exit::Problems })
}

/// The gaps of the schedules that are asked about.
fn found(view: &View, span: Interval) -> Vec<(Arc<Schedule>, Gap)> {
    let finals = view.finals(span).into_iter();
    let each = finals.flat_map(|(schedule, shifts)| {
        let gaps = gaps(&schedule, &shifts, &view.overrides, &view.imported, span);
        gaps.into_iter().map(move |gap| (Arc::clone(&schedule), gap))
    });
    each.collect()
}

/// Who is on call twice at once, in one of the schedules that are asked about at least.
fn twice(view: &View, span: Interval) -> Vec<DoubleBooking> {
    let shifts = |s: &Schedule| final_shifts(s, &view.overrides, &view.imported, span);
    let finals: Vec<_> = view.roster.schedules.iter().map(|s| (s.id.clone(), shifts(s))).collect();
    let is_asked = |id: &ScheduleId| view.schedules.iter().any(|s| s.id == *id);
    let mut found = double_bookings(&finals);
    found.retain(|b| b.schedules.iter().any(is_asked));
    found
}

fn away_fields(away: &AwayOnCall) -> AwayFields {
    AwayFields {
        person: away.person.to_string(),
        schedule: away.schedule.to_string(),
        from: utc(away.at.from),
        to: utc(away.at.to),
        reason: away.reason.to_string(),
    }
}

fn fields(booking: &DoubleBooking) -> BookingFields {
    BookingFields {
        person: booking.person.to_string(),
        from: utc(booking.at.from),
        to: utc(booking.at.to),
        schedules: booking.schedules.iter().map(ToString::to_string).collect(),
    }
}

fn text(
    context: &Context,
    view: &View,
    found: &[(Arc<Schedule>, Gap)],
    (twice, away): (&[DoubleBooking], &[AwayOnCall]),
) -> String {
    let mut out = String::new();
    if found.is_empty() {
        out += "no gaps\n";
    } else {
        let mut table = Table::new(&["GAP", "FROM", "TO", "LENGTH", "WHY"]);
        for (schedule, gap) in found {
            table.row([
                Cell::coloured(State::Critical, &schedule.id),
                Cell::text(view.time(gap.at.from)),
                Cell::text(view.time(gap.at.to)),
                Cell::number(duration(gap.at.length())),
                Cell::text(gap.why.text()),
            ]);
        }
        out += &table.render(context.output);
    }
    if !twice.is_empty() {
        let mut table = Table::new(&["TWICE", "FROM", "TO", "LENGTH", "ON"]);
        for booking in twice {
            table.row([
                Cell::coloured(State::Warning, view.roster.name(&booking.person)),
                Cell::text(view.time(booking.at.from)),
                Cell::text(view.time(booking.at.to)),
                Cell::number(duration(booking.at.length())),
                Cell::text(booking.schedules.join(", ")),
            ]);
        }
        out.push('\n');
        out += &table.render(context.output);
    }
    if !away.is_empty() {
        let mut table = Table::new(&["AWAY", "FROM", "TO", "LENGTH", "ON CALL ON", "WHY"]);
        for away in away {
            table.row([
                Cell::coloured(State::Warning, view.roster.name(&away.person)),
                Cell::text(view.time(away.at.from)),
                Cell::text(view.time(away.at.to)),
                Cell::number(duration(away.at.length())),
                Cell::text(&away.schedule),
                Cell::text(&away.reason),
            ]);
        }
        out.push('\n');
        out += &table.render(context.output);
    }
    out
}
