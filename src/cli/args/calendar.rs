//! The words of `atalaya calendar …`.

use chrono::TimeDelta;
use clap::{Args, Subcommand};

use super::{Time, time, word};
use crate::domain::calendar::{ChangeType, ClosureCode, Kind, Length};
use crate::domain::matcher::Matchers;
use crate::domain::text::parse_duration;

const KINDS: [(&str, Kind); 9] = [
    ("maintenance", Kind::Maintenance),
    ("update", Kind::Update),
    ("upgrade", Kind::Upgrade),
    ("backup", Kind::Backup),
    ("restore_test", Kind::RestoreTest),
    ("inspection", Kind::Inspection),
    ("drill", Kind::Drill),
    ("training", Kind::Training),
    ("freeze", Kind::Freeze),
];
const TYPES: [(&str, ChangeType); 3] = [
    ("standard", ChangeType::Standard),
    ("normal", ChangeType::Normal),
    ("emergency", ChangeType::Emergency),
];
const CODES: [(&str, ClosureCode); 4] = [
    ("successful", ClosureCode::Successful),
    ("with_issues", ClosureCode::WithIssues),
    ("backed_out", ClosureCode::BackedOut),
    ("failed", ClosureCode::Failed),
];

#[derive(Debug, Args)]
pub struct Calendar {
    #[command(flatten)]
    pub asked: Span,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What a question is about.
#[derive(Debug, Args)]
pub struct Span {
    /// From when: RFC 3339, or 2026-11-27 or 2026-11-27 18:00 in the site's zone [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Option<Time>,
    /// Until when, that instant not included; at most 366 days [default: 14 days]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<Time>,
    /// Only what touches this service
    #[arg(long, value_name = "ID")]
    pub service: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plan something; exit code 1, and nothing planned, where it collides
    Add(Box<Add>),
    /// Approve an occurrence: only then it mutes
    Approve(Doubtful),
    /// Say that the work begins
    Start(Doubtful),
    /// Put the end of what is in progress off
    Extend(Extend),
    /// Say that the work is over, and how it went
    Finish(Finish),
    /// Take an occurrence off the calendar, or all of a window
    Cancel(Cancel),
    /// What collides, each with its reason; exit code 1 where something does
    Conflicts(Span),
    /// The first time at which something would collide with nothing
    NextSlot(NextSlot),
    /// Write the windows for other calendars
    Export(Export),
}

#[derive(Debug, Args)]
pub struct Add {
    /// What it is
    #[arg(long, value_parser = word(&KINDS))]
    pub kind: Kind,
    /// What is done, in a few words
    #[arg(long, value_name = "TEXT")]
    pub summary: String,
    /// A service that it touches; again for another
    #[arg(long, value_name = "ID")]
    pub service: Vec<String>,
    /// Alerts that it touches, by their labels, as in match of [[services]]
    #[arg(long = "match", value_name = "MATCHERS", value_parser = matchers)]
    pub matchers: Vec<Matchers>,
    /// When it begins first: RFC 3339, or 2026-11-28 22:00 in its zone
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub start: Time,
    /// How long it takes: 30m, 2h; days (1d) end at the same local time
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub duration: Length,
    /// The zone of its local times [default: site.timezone]
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<chrono_tz::Tz>,
    /// How it recurs, as in RFC 5545: FREQ=MONTHLY;BYDAY=-1SA
    #[arg(long, value_name = "RULE")]
    pub rrule: Option<String>,
    /// It begins when its target goes down between start and end, and lasts this long
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub flexible: Option<Length>,
    /// Who answers for it: an id of [[people]]
    #[arg(long, value_name = "ID")]
    pub owner: Option<String>,
    /// The number of the change
    #[arg(long, value_name = "NUMBER")]
    pub change: Option<String>,
    /// A standard change is approved beforehand
    #[arg(long = "type", default_value = "normal", value_parser = word(&TYPES))]
    pub change_type: ChangeType,
    /// The role that may approve it [default: anybody]
    #[arg(long, value_name = "ROLE")]
    pub approver: Option<String>,
    /// A line of its checklist, a unit in brackets where a value is to be noted: "disk free [%]"; again
    /// for the next
    #[arg(long, value_name = "TEXT")]
    pub checklist: Vec<String>,
    /// How to go back
    #[arg(long, value_name = "TEXT", requires = "decide_after")]
    pub back_out: Option<String>,
    /// How long after the start that is decided at the latest
    #[arg(long, value_name = "LENGTH", value_parser = length, requires = "back_out")]
    pub decide_after: Option<Length>,
    /// Its alerts page nobody [default: for a change]
    #[arg(long, conflicts_with = "no_mutes")]
    pub mutes: bool,
    /// Its alerts page all the same
    #[arg(long)]
    pub no_mutes: bool,
    /// It took place already: how it went; needs --reason
    #[arg(long, value_name = "CODE", value_parser = word(&CODES), requires = "reason")]
    pub past: Option<ClosureCode>,
    /// Why it is declared afterwards, and with whom that was agreed
    #[arg(long, value_name = "TEXT", requires = "past")]
    pub reason: Option<String>,
    /// Although it collides
    #[arg(long)]
    pub force: bool,
}

/// Which occurrence.
#[derive(Debug, Args)]
pub struct Which {
    /// WIN-3, or the id of a window in the config
    #[arg(value_name = "WINDOW")]
    pub window: String,
    /// The occurrence that was planned to begin then [default: the one in progress, else the next]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub at: Option<Time>,
}

#[derive(Debug, Args)]
pub struct Doubtful {
    #[command(flatten)]
    pub which: Which,
    /// Although it collides
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Extend {
    #[command(flatten)]
    pub which: Which,
    /// By how much, up to 24h
    #[arg(long, value_name = "LENGTH", value_parser = duration)]
    pub by: TimeDelta,
}

#[derive(Debug, Args)]
pub struct Finish {
    #[command(flatten)]
    pub which: Which,
    /// How it went
    #[arg(long, default_value = "successful", value_parser = word(&CODES))]
    pub code: ClosureCode,
    /// What is to be said about it
    #[arg(long, default_value = "", hide_default_value = true)]
    pub note: String,
}

#[derive(Debug, Args)]
pub struct Cancel {
    #[command(flatten)]
    pub which: Which,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// All that is still to come of the window
    #[arg(long, conflicts_with = "at")]
    pub series: bool,
}

#[derive(Debug, Args)]
pub struct NextSlot {
    /// A service that is touched; again for another
    #[arg(long, value_name = "ID", required = true)]
    pub service: Vec<String>,
    /// How long it takes: 30m, 2h, 1d
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub duration: Length,
    /// Not before [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub after: Option<Time>,
    /// What it is
    #[arg(long, default_value = "maintenance", value_parser = word(&KINDS))]
    pub kind: Kind,
    /// Who does it: an id of [[people]]
    #[arg(long, value_name = "ID")]
    pub owner: Option<String>,
}

#[derive(Debug, Args)]
pub struct Export {
    /// As iCalendar (RFC 5545), to standard output; windows with their rules, what became of single
    /// occurrences beside them
    #[arg(long, required = true)]
    pub ics: bool,
    /// Only what touches this service
    #[arg(long, value_name = "ID")]
    pub service: Option<String>,
}

fn duration(text: &str) -> Result<TimeDelta, String> {
    let length = parse_duration(text).filter(|l| *l > TimeDelta::zero());
    length.ok_or_else(|| "write it as 90s, 30m, 2h or 1d".to_owned())
}

fn length(text: &str) -> Result<Length, String> {
    let length = Length::parse(text).filter(|l| !l.is_zero());
    length.ok_or_else(|| "write it as 90s, 30m, 2h or 1d".to_owned())
}

fn matchers(text: &str) -> Result<Matchers, String> {
    Matchers::parse(text).map_err(|e| e.reason)
}
