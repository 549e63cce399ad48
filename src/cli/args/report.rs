//! The words of `atalaya report`.

use std::path::PathBuf;
use std::str::FromStr;

use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueHint};

use super::{Time, incident, time, word};
use crate::domain::incident::IncidentId;
use crate::domain::report::{Format, HandoverId, Locale, ReportId, periodic};

#[derive(Debug, Subcommand)]
pub enum Report {
    /// The handover of a turn: its document, and what both sides do about it
    Handover(Handover),
    /// The service report of a period; a draft
    Service(Service),
    /// Freeze the report of a period under a number, or issue one again with its differences
    Issue(Issue),
    /// Handovers and issued reports, the newest first
    List,
    /// A frozen document: HO-3, SR-2, or SR-2.1 for its first revision
    Show(Show),
}

/// How a document is written.
#[derive(Debug, Clone, Args)]
pub struct Written {
    /// md, html, csv or json; --json is the last
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "md",
        value_parser = word(&Format::WORDS),
        hide_possible_values = true
    )]
    pub format: Format,
    /// en or es [default: that it was issued in, or that of the site]
    #[arg(long, value_name = "LANGUAGE", value_parser = word(&Locale::WORDS), hide_possible_values = true)]
    pub locale: Option<Locale>,
    /// Write it there instead of to standard output
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Handover {
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub written: Written,
    #[command(subcommand)]
    pub command: Option<HandoverCommand>,
}

/// Which turn.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// Of this schedule [default: the only one]
    #[arg(long, value_name = "ID")]
    pub schedule: Option<String>,
    /// The turn that runs then, or just ended [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub at: Option<Time>,
}

#[derive(Debug, Subcommand)]
pub enum HandoverCommand {
    /// Write the notes to the next
    Note {
        /// What they say now; `-` reads standard input
        #[arg(value_name = "TEXT")]
        text: String,
        #[command(flatten)]
        which: Which,
        /// Put it behind what is there instead of in its place
        #[arg(long)]
        append: bool,
    },
    /// Say what is to be done next about an incident
    NextStep {
        #[arg(value_name = "INC-n", value_parser = incident)]
        incident: IncidentId,
        /// Empty: nothing any more
        #[arg(value_name = "TEXT")]
        text: String,
    },
    /// Hand over: freezes the document under a number, for the next to accept
    Submit {
        #[command(flatten)]
        which: Which,
        /// Although you are not the one on call
        #[arg(long)]
        force: bool,
    },
    /// Accept: what the outgoing person holds is yours from then on; cannot be undone
    Accept {
        #[arg(value_name = "HO-n")]
        id: HandoverId,
        /// In spite of what speaks against it: your own, or somebody else is on call next
        #[arg(long)]
        force: bool,
    },
}

/// Of which period, and whose services.
#[derive(Debug, Clone, Args)]
pub struct Period {
    /// From when: 2026-11-01, or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time, requires = "to")]
    pub from: Option<Time>,
    /// Until when, that instant not included
    #[arg(long, value_name = "TIME", value_parser = time, requires = "from")]
    pub to: Option<Time>,
    /// A month of the site's zone, such as 2026-11
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["from", "to", "week"])]
    pub month: Option<Month>,
    /// An ISO week of the site's zone, such as 2026-W48
    #[arg(long, value_name = "WEEK", conflicts_with_all = ["from", "to"])]
    pub week: Option<Week>,
    /// Only this service
    #[arg(long, value_name = "ID", conflicts_with_all = ["team", "contract"])]
    pub service: Option<String>,
    /// Only the services of this team
    #[arg(long, value_name = "NAME", conflicts_with = "contract")]
    pub team: Option<String>,
    /// Only the services of this contract
    #[arg(long, value_name = "ID")]
    pub contract: Option<String>,
}

#[derive(Debug, Args)]
pub struct Service {
    #[command(flatten)]
    pub period: Period,
    #[command(flatten)]
    pub written: Written,
}

#[derive(Debug, Args)]
pub struct Issue {
    /// The next revision of this report
    #[arg(long, value_name = "SR-n", conflicts_with_all = ["from", "to", "month", "week", "service", "team", "contract"])]
    pub again: Option<ReportId>,
    /// Although one of that period and those services was issued already
    #[arg(long, conflicts_with = "again")]
    pub force: bool,
    #[command(flatten)]
    pub period: Period,
    /// In this language: en or es [default: that of the site, or of the revision before]
    #[arg(long, value_name = "LANGUAGE", value_parser = word(&Locale::WORDS), hide_possible_values = true)]
    pub locale: Option<Locale>,
}

#[derive(Debug, Args)]
pub struct Show {
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub written: Written,
}

/// `2026-11`, by its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month(pub NaiveDate);

/// `2026-W48`, by its Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Week(pub NaiveDate);

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        periodic::month(text).map(Self)
    }
}

impl FromStr for Week {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        periodic::week(text).map(Self)
    }
}
