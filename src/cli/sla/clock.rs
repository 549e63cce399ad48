//! `atalaya sla clock`: any clock, no incident needed.

use std::sync::Arc;

use chrono::Utc;

use super::{ClockFields, text};
use crate::cli::args::SlaClock;
use crate::cli::output::{self, Exit, complain, print};
use crate::cli::{Context, Failure};
use crate::config::Config;
use crate::domain::sla::clock::{Course, Pause, Rest, Target};
use crate::domain::sla::hours::BusinessCalendar;
use crate::domain::text::{clean, suggest};

pub fn run(context: &Context, config: &Config, args: &SlaClock) -> Result<Exit, Failure> {
    let calendar = calendar(config, &args.calendar)?;
    let target = match args.target {
        Target::Days { count, .. } => Target::Days { count, to_close: args.end_of_day },
        Target::Time(_) if args.end_of_day => {
            let why = "--end-of-day belongs to a target in working days, such as --target 5wd";
            return Err(Failure::Usage(why.to_owned()));
        }
        target @ Target::Time(_) => target,
    };
    let mut pauses = Vec::new();
    for pause in &args.pause {
        let (from, to) = (calendar.instant(pause.from), calendar.instant(pause.to));
        if to < from {
            let why = "a --pause ends before it begins; write it as FROM..TO";
            return Err(Failure::Usage(why.to_owned()));
        }
        pauses.push(Pause { from, to: Some(to), why: Rest::Given });
    }
    pauses.sort_by_key(|pause| pause.from);
    let start = calendar.instant(args.start);
    let given = args.now.map(|now| calendar.instant(now));
    let course = Course { start, target, calendar, pauses, stop: None };
    let now = given.unwrap_or_else(Utc::now);
    let deadline = course.deadline(now);
    let now = match &deadline {
        Ok(deadline) if args.now.is_none() && start > now => *deadline,
        _ => now,
    };
    if context.output.json {
        output::document(&ClockFields::of(&course, now));
    } else {
        print(&text(&course, now, course.calendar.zone(start)));
    }
    match deadline {
        Ok(_) => Ok(Exit::Fine),
        Err(never) => {
            complain(&never.to_string());
            Ok(Exit::Problems)
        }
    }
}

fn calendar(config: &Config, id: &str) -> Result<Arc<BusinessCalendar>, Failure> {
    let known = &config.plan.service_levels.calendars;
    known.get(id).cloned().ok_or_else(|| {
        let names: Vec<&str> = known.keys().map(|id| &**id).collect();
        let meant = suggest(id, &names, "defined calendars");
        Failure::Usage(format!("there is no calendar \"{}\"; {meant}", clean(id, 60)))
    })
}
