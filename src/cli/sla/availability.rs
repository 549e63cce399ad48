//! `atalaya sla availability`: the arithmetic of availability on given intervals.

use serde::Serialize;

use crate::cli::args::{Between, Point, SlaAvailability};
use crate::cli::output::{self, Exit, complain, print};
use crate::cli::{Context, Failure};
use crate::config::Config;
use crate::domain::sla::{Observed, availability};
use crate::domain::text::duration;
use crate::domain::time::{Interval, Intervals, zone};

#[derive(Serialize)]
struct Document {
    /// Four decimals; `null`: no time counts.
    availability_pct: Option<String>,
    up_s: i64,
    down_s: i64,
    /// Unknown, and counted as down.
    presumed_s: i64,
    excluded_s: i64,
    unknown_s: i64,
    mode: &'static str,
    no_data: &'static str,
}

pub fn run(context: &Context, config: &Config, args: &SlaAvailability) -> Result<Exit, Failure> {
    let zone = config.plan.site.zone;
    let within = Interval::new(args.from.at(zone), args.to.at(zone));
    if within.is_empty() {
        return Err(Failure::Usage("--from is not before --to".to_owned()));
    }
    let set = |list: &[Between<Point>]| -> Result<Intervals, Failure> {
        let one = |b: &Between<Point>| {
            let at = Interval::new(b.from.at(zone), b.to.at(zone));
            let why = "an interval ends before it begins; write it as FROM..TO";
            if at.to < at.from {
                return Err(Failure::Usage(why.to_owned()));
            }
            if at.is_empty() {
                let when = zone::local(at.from, zone).format("%F %H:%M:%S");
                complain(&format!(
                    "an interval that was given is empty, and counts for nothing: it begins and ends \
                     at {when} in {} (a local time that clocks skip moves to after the gap)",
                    zone.name()
                ));
            }
            Ok(at)
        };
        list.iter().map(one).collect()
    };
    let observed = Observed {
        down: set(&args.down)?,
        excluded: set(&args.excused)?,
        unknown: set(&args.unknown)?,
    };
    let found = availability(within, &observed, args.mode, args.no_data);
    let percent = found.ratio().map(|ratio| ratio.percent_down(4));
    if context.output.json {
        output::document(&Document {
            availability_pct: percent,
            up_s: found.up.num_seconds(),
            down_s: found.down.num_seconds(),
            presumed_s: found.presumed.num_seconds(),
            excluded_s: found.excluded.num_seconds(),
            unknown_s: found.unknown.num_seconds(),
            mode: found.mode.word(),
            no_data: args.no_data.word(),
        });
        return Ok(Exit::Fine);
    }
    let figure = percent.map_or("no time counts".to_owned(), |p| format!("{p} %"));
    print(&format!(
        "availability  {figure}  ({}; unknown: {})\nup {}  down {}  excluded {}  unknown {}\n",
        found.mode.word(),
        args.no_data.word(),
        duration(found.up),
        duration(found.down),
        duration(found.excluded),
        duration(found.unknown),
    ));
    Ok(Exit::Fine)
}
