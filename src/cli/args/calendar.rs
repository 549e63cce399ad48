//! The words of `atalaya calendar …`.

use chrono::TimeDelta;
use clap::{Args, Subcommand};

use super::{Into, Time, time, word};
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
    /// Put one occurrence at another time; it is to be approved again then
    Move(Move),
    /// Change a window that was planned here, from now on
    Change(Box<Change>),
    /// Note what an item of a checklist came to
    Check(Check),
    /// Let work be done in spite of a freeze
    Except(Except),
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
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
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
    /// A further time; again for another
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub rdate: Vec<Time>,
    /// A time at which it does not take place; again for another
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub exdate: Vec<Time>,
    /// An inspection: so many days after the last one was done it is due again, as in 90d
    #[arg(long, value_name = "LENGTH", value_parser = days, conflicts_with = "rrule")]
    pub after_completion: Option<u32>,
    /// An inspection: so long it is late, then missed
    #[arg(long, value_name = "LENGTH", value_parser = duration)]
    pub grace: Option<TimeDelta>,
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
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub checklist: Vec<String>,
    /// How to go back
    #[arg(long, value_name = "TEXT", requires = "decide_after", allow_hyphen_values = true)]
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
    #[arg(long, value_name = "TEXT", requires = "past", allow_hyphen_values = true)]
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
    /// Although it would run into something
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Finish {
    #[command(flatten)]
    pub which: Which,
    /// How it went
    #[arg(long, default_value = "successful", value_parser = word(&CODES))]
    pub code: ClosureCode,
    /// What is to be said about it
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub note: String,
}

#[derive(Debug, Args)]
pub struct Cancel {
    #[command(flatten)]
    pub which: Which,
    /// Why
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub reason: String,
    /// All that is still to come of the window
    #[arg(long, conflicts_with = "at")]
    pub series: bool,
}

#[derive(Debug, Args)]
pub struct Move {
    #[command(flatten)]
    pub which: Which,
    /// When it begins then: RFC 3339, or 2026-11-28 22:00 in its zone
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Time,
    /// How long it takes then [default: as long as before]
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub duration: Option<Length>,
    /// Although it collides there
    #[arg(long)]
    pub force: bool,
}

/// What is not named stays as it is.
#[derive(Debug, Args)]
pub struct Change {
    /// WIN-3
    #[arg(value_name = "WINDOW")]
    pub window: String,
    /// What it is
    #[arg(long, value_parser = word(&KINDS))]
    pub kind: Option<Kind>,
    /// What is done, in a few words
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub summary: Option<String>,
    /// A service that it touches, instead of those of before; again for another
    #[arg(long, value_name = "ID")]
    pub service: Vec<String>,
    /// Alerts that it touches, by their labels, instead of those of before
    #[arg(long = "match", value_name = "MATCHERS", value_parser = matchers)]
    pub matchers: Vec<Matchers>,
    /// When it begins first: RFC 3339, or 2026-11-28 22:00 in its zone
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub start: Option<Time>,
    /// How long it takes
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub duration: Option<Length>,
    /// How it recurs, as in RFC 5545; empty: once
    #[arg(long, value_name = "RULE")]
    pub rrule: Option<String>,
    /// Who answers for it: an id of [[people]]; empty: nobody
    #[arg(long, value_name = "ID")]
    pub owner: Option<String>,
    /// The number of the change
    #[arg(long, value_name = "NUMBER")]
    pub change: Option<String>,
    /// A standard change is approved beforehand
    #[arg(long = "type", value_parser = word(&TYPES))]
    pub change_type: Option<ChangeType>,
    /// The role that may approve it; empty: anybody
    #[arg(long, value_name = "ROLE")]
    pub approver: Option<String>,
    /// A line of its checklist, instead of those of before; again for the next
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub checklist: Vec<String>,
    /// A further time, instead of those of before; again for another
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub rdate: Vec<Time>,
    /// A time at which it does not take place, instead of those of before; again for another
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub exdate: Vec<Time>,
    /// How to go back
    #[arg(long, value_name = "TEXT", requires = "decide_after", allow_hyphen_values = true)]
    pub back_out: Option<String>,
    /// How long after the start that is decided at the latest
    #[arg(long, value_name = "LENGTH", value_parser = length, requires = "back_out")]
    pub decide_after: Option<Length>,
    /// It begins when its target goes down between start and end, and lasts this long
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub flexible: Option<Length>,
    /// An inspection: so long it is late, then missed
    #[arg(long, value_name = "LENGTH", value_parser = duration)]
    pub grace: Option<TimeDelta>,
    /// Its alerts page nobody
    #[arg(long, conflicts_with = "no_mutes")]
    pub mutes: bool,
    /// Its alerts page all the same
    #[arg(long)]
    pub no_mutes: bool,
    /// Although it collides
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("result").required(true))]
pub struct Check {
    #[command(flatten)]
    pub which: Which,
    /// Which item: 1 is the first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub item: u16,
    /// It is in order
    #[arg(long, group = "result")]
    pub pass: bool,
    /// It is not
    #[arg(long, group = "result")]
    pub fail: bool,
    /// What was measured, in the item's unit
    #[arg(long, value_name = "NUMBER", group = "result", allow_negative_numbers = true)]
    pub value: Option<f64>,
    /// What was seen
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub note: String,
}

#[derive(Debug, Args)]
pub struct Except {
    /// The freeze
    #[arg(value_name = "FREEZE")]
    pub freeze: String,
    /// The work that may be done: WIN-3, or the id of a window in the config
    #[arg(value_name = "WINDOW")]
    pub window: String,
    /// Why it may not wait
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub reason: String,
    /// The work has to be over by then
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Time,
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
    #[command(flatten)]
    pub into: Into,
}

fn duration(text: &str) -> Result<TimeDelta, String> {
    let length = parse_duration(text).filter(|l| *l > TimeDelta::zero());
    length.ok_or_else(|| "write it as 90s, 30m, 2h or 1d".to_owned())
}

fn length(text: &str) -> Result<Length, String> {
    let length = Length::parse(text).filter(|l| !l.is_zero());
    length.ok_or_else(|| "write it as 90s, 30m, 2h or 1d".to_owned())
}

/// Whole days.
fn days(text: &str) -> Result<u32, String> {
    let days = parse_duration(text).map(|l| l.num_days()).filter(|days| *days > 0);
    let days = days.and_then(|days| u32::try_from(days).ok());
    days.ok_or_else(|| "write it in whole days, as 90d".to_owned())
}

fn matchers(text: &str) -> Result<Matchers, String> {
    Matchers::parse(text).map_err(|e| e.reason)
}
