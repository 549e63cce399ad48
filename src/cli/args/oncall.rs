//! The words of `atalaya oncall …`.

use clap::{Args, Subcommand};

use super::{Into, Time, time};
use crate::domain::roster::OverrideId;

#[derive(Debug, Args)]
pub struct Oncall {
    #[command(flatten)]
    pub now: Now,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Args)]
pub struct Now {
    /// At another time: RFC 3339, or 2026-11-27 18:00 in the zone of the schedule, or of the site
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub at: Option<Time>,
    /// Only this schedule
    #[arg(long, value_name = "ID")]
    pub schedule: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Who is on call when
    Shifts(Shifts),
    /// When nobody is on call who should be, and who is so twice; exit code 1 where there are gaps
    Gaps(Asked),
    /// How much everybody carries, and how evenly
    Load(Asked),
    /// The overrides that are in force or still to come
    Overrides(Overrides),
    /// Put somebody, or nobody, over what the layers say
    Override(Override),
    /// Take over a shift from somebody who is busy
    Take(Take),
    /// Two people exchange their shifts
    Swap(Swap),
    /// Take overrides away again
    Drop(Drop),
    /// Write the shifts for other calendars
    Export(Export),
}

/// What a question is about.
#[derive(Debug, Args)]
pub struct Asked {
    /// From when: RFC 3339, or 2026-11-27 or 2026-11-27 18:00 in the zone of the schedule, or of the
    /// site [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Option<Time>,
    /// Until when, that instant not included; at most 366 days [default: 14 days]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<Time>,
    /// Only this schedule
    #[arg(long, value_name = "ID")]
    pub schedule: Option<String>,
}

#[derive(Debug, Args)]
pub struct Shifts {
    #[command(flatten)]
    pub asked: Asked,
    /// Only the shifts of this person
    #[arg(long, value_name = "ID")]
    pub person: Option<String>,
}

#[derive(Debug, Args)]
pub struct Overrides {
    /// Those that are over, too
    #[arg(long)]
    pub all: bool,
    /// Only those of this schedule
    #[arg(long, value_name = "ID")]
    pub schedule: Option<String>,
}

#[derive(Debug, Args)]
pub struct Override {
    /// On which schedule
    #[arg(long, value_name = "ID")]
    pub schedule: String,
    /// Who; `nobody` leaves it empty on purpose
    #[arg(long, value_name = "ID")]
    pub person: String,
    /// From when: RFC 3339, or 2026-11-27 18:00 in the zone of the schedule
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Time,
    /// Until when, that instant not included
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Time,
    #[command(flatten)]
    pub why: Why,
}

#[derive(Debug, Args)]
pub struct Take {
    /// On which schedule [default: the only one]
    #[arg(long, value_name = "ID")]
    pub schedule: Option<String>,
    /// From then on, until the shift ends that is on then [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub at: Option<Time>,
    /// Who takes it [default: operator.person in the config]
    #[arg(long, value_name = "ID")]
    pub person: Option<String>,
    #[command(flatten)]
    pub why: Why,
}

#[derive(Debug, Args)]
pub struct Swap {
    /// On which schedule
    #[arg(long, value_name = "ID")]
    pub schedule: String,
    /// The shift that is on then …
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub a: Time,
    /// … goes to whoever has the one that is on then, and the other way round
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub b: Time,
    #[command(flatten)]
    pub why: Why,
}

#[derive(Debug, Args)]
pub struct Why {
    /// Why; stands in the log
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub reason: String,
    /// Although somebody is booked twice, away or without rest, or nobody is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Drop {
    /// OVR-3, or 3; several go together or not at all
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<OverrideId>,
    /// Although who comes back is booked twice, away or without rest, or nobody is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Export {
    /// As iCalendar (RFC 5545), to standard output; shifts are whole, also at the ends
    #[arg(long, required = true)]
    pub ics: bool,
    #[command(flatten)]
    pub shifts: Shifts,
    #[command(flatten)]
    pub into: Into,
}
