//! The command line as data. The words here are an interface: scripts and fingers depend on them.

mod calendar;
mod incident;
mod oncall;
mod page;
mod report;
mod silence;
mod sla;
mod slo;
mod upload;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueHint};

use crate::config::{self, Colour, Glyphs};
use crate::domain::incident::IncidentId;
use crate::domain::text::{MAX_TEXT, clean_text, is_hostile};
pub use upload::Into;

pub use calendar::{
    Add as CalendarAdd, Calendar, Cancel as CalendarCancel, Change as CalendarChange,
    Check as CalendarCheck, Command as CalendarCommand, Doubtful as CalendarDoubtful,
    Except as CalendarExcept, Export as CalendarExport, Extend as CalendarExtend,
    Finish as CalendarFinish, Move as CalendarMove, NextSlot as CalendarNextSlot,
    Span as CalendarSpan, Which as CalendarWhich,
};
pub use incident::{Correct, Escalate, Found, Incident, Reasoned, Report, Show};
pub use oncall::{
    Asked, Command as OncallCommand, Drop as OncallDrop, Export as OncallExport, Now as OncallNow,
    Oncall, Override, Overrides, Shifts, Swap, Take,
};
pub use page::Page;
pub use report::{
    Handover as ReportHandover, HandoverCommand, Issue as ReportIssue, Month,
    Period as ReportPeriod, Report as Reports, Service as ReportService, Show as ReportShow, Week,
    Which as ReportWhich, Written as ReportWritten,
};
pub use silence::{
    Add as SilenceAdd, Expire as SilenceExpire, Extend as SilenceExtend, Silence, Silences,
};
pub use sla::{
    Availability as SlaAvailability, Between, Clock as SlaClock, Explain as SlaExplain, Point, Sla,
};
pub use slo::{Command as SloCommand, Import as SloImport, Objectives, Slo};

const EXIT_CODES: &str = "Exit codes: 0 fine; 1 refused, or problems were found; 2 wrong usage or \
    config; 3 something could not be reached. `health` follows the monitoring plug-ins: 0 ok or in \
    maintenance, 1 warning, 2 critical, 3 unknown.";

/// The operations console of an operation-and-maintenance service, in a terminal.
#[derive(Debug, Parser)]
#[command(name = "atalaya", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub console: Console,
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The config file [default: $ATALAYA_CONFIG, the user's, the system's; none: watch this host]
    #[arg(long, value_name = "FILE", global = true, value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// The store: a path, or sqlite:///path [default: atalaya.db in the XDG data folder]
    #[arg(long, value_name = "URL", global = true)]
    pub store: Option<String>,
    /// Print a JSON document with documented, versioned fields
    #[arg(long, global = true)]
    pub json: bool,
    /// auto (obeys NO_COLOR and COLORTERM), off, 8, 16, 256, all
    #[arg(
        long,
        visible_alias = "colour",
        value_name = "WHEN",
        global = true,
        value_parser = word(&config::COLOURS),
        hide_possible_values = true
    )]
    pub color: Option<Colour>,
}

/// Options of the console itself.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The console")]
pub struct Console {
    /// Open the console on this incident
    #[arg(value_name = "INCIDENT", value_parser = incident)]
    pub incident: Option<IncidentId>,
    /// A made-up world that lives and fails; keeps nothing
    #[arg(long)]
    pub demo: bool,
    /// The same seed makes the same demo
    #[arg(long, value_name = "N", requires = "demo", default_value_t = 1)]
    pub seed: u64,
    /// Made-up seconds per second, 0.1 to 1000
    #[arg(long, value_name = "X", requires = "demo", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// Look only: no action, no write to the store
    #[arg(long)]
    pub read_only: bool,
    /// The look; `atalaya themes` lists them
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Which characters are drawn: auto, unicode, ascii
    #[arg(long, value_name = "SET", value_parser = word(&config::GLYPHS), hide_possible_values = true)]
    pub glyphs: Option<Glyphs>,
    /// No seconds: nothing moves by itself more than once a minute
    #[arg(long)]
    pub reduce_motion: bool,
}

impl Cli {
    /// Reads the command line of this process; wrong usage ends it with exit code 2.
    pub fn of_process() -> Self {
        let line = queries_last(std::env::args_os().collect());
        Self::try_parse_from(&line).unwrap_or_else(|error| refuse(&error, &line))
    }
}

/// Help, the version or an error, and the end. An error repeats what was typed: where that would do
/// something to the terminal it is cleaned, at the price of the colours.
fn refuse(error: &clap::Error, line: &[OsString]) -> ! {
    let is_hostile = |word: &OsString| word.to_string_lossy().chars().any(is_hostile);
    if !error.use_stderr() || !line.iter().any(is_hostile) {
        error.exit();
    }
    eprint!("{}", clean_text(&error.render().to_string(), MAX_TEXT));
    std::process::exit(error.exit_code())
}

/// Negated terms of a query (`-service:mail`) look like options to clap: behind `--` they do not.
/// The command `incidents` has no short options but `-h`.
fn queries_last(line: Vec<OsString>) -> Vec<OsString> {
    let command = Cli::command();
    let is_command = |word: &OsString| command.get_subcommands().any(|c| *word == *c.get_name());
    let Some(at) = line.iter().position(is_command) else { return line };
    if line.get(at).is_none_or(|word| word != "incidents") || line.iter().any(|word| word == "--") {
        return line;
    }
    let negated = |(i, word): &(usize, OsString)| {
        let text = word.to_string_lossy();
        *i > at
            && text.len() > 1
            && text != "-h"
            && text.starts_with('-')
            && !text.starts_with("--")
    };
    let (terms, mut rest): (Vec<_>, Vec<_>) = line.into_iter().enumerate().partition(negated);
    if !terms.is_empty() {
        rest.push((0, "--".into()));
    }
    rest.into_iter().chain(terms).map(|(_, word)| word).collect()
}

impl Console {
    /// Whether anything was said that only the console understands.
    pub fn is_used(&self) -> bool {
        self.incident.is_some()
            || self.demo
            || self.read_only
            || self.reduce_motion
            || self.theme.is_some()
            || self.glyphs.is_some()
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a config: the commented example, or one filled from what other systems know
    Init(Init),
    /// Validate the config, then reach every source
    Check(Check),
    /// Poll every source once; a table of services
    Health,
    /// Poll every source once; a table of sources
    Sources,
    /// The queue: the incidents that a query finds
    Incidents(Incidents),
    /// Report an incident, act on some, show one
    #[command(subcommand)]
    Incident(Incident),
    /// Who is on call, when, and changes of it
    Oncall(Oncall),
    /// What is planned, what it collides with, and what is done about it
    Calendar(Calendar),
    /// Page somebody, by the channels that they asked for; exit code 3 where it has not arrived
    Page(Page),
    /// The console without a screen: polls, raises incidents and pages, until it is told to end
    Agent,
    /// Shift handovers and service reports, as Markdown, HTML, CSV or JSON
    #[command(subcommand)]
    Report(Reports),
    /// What is silenced upstream, what ends first before the others
    Silences(Silences),
    /// Silence alerts upstream, extend and expire silences; exit code 3 where it is not done yet
    #[command(subcommand)]
    Silence(Silence),
    /// Clocks of service levels: what they say, and why
    #[command(subcommand)]
    Sla(Sla),
    /// Objectives: what was good, what is left of the budgets, how fast they go
    Slo(Slo),
    /// The event log: who did what, when, from where
    Audit(Audit),
    /// Write everything that is stored as JSON lines
    Export(Export),
    /// Read an export into an empty store
    Import(Import),
    /// Every action with its keys
    Keys,
    /// The themes
    Themes,
    /// A completion script for a shell
    Completions(Completions),
    /// The manual page
    Man(Man),
}

#[derive(Debug, Args)]
pub struct Init {
    /// Fill it from this Prometheus: services from labels, thresholds from alert rules
    #[arg(long, value_name = "URL")]
    pub prometheus: Option<String>,
    /// The Alertmanager; several URLs are the members of one cluster
    #[arg(long, value_name = "URL")]
    pub alertmanager: Vec<String>,
    /// Take people, schedules and escalation policies from PagerDuty; the file holds a REST API key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub pagerduty_token_file: Option<PathBuf>,
    /// PagerDuty's API; https://api.eu.pagerduty.com for accounts in the EU
    #[arg(
        long,
        value_name = "URL",
        requires = "pagerduty_token_file",
        default_value = "https://api.pagerduty.com"
    )]
    pub pagerduty_url: String,
    /// Take them from Grafana OnCall; its API URL stands in its settings
    #[arg(long, value_name = "URL", requires = "grafana_oncall_token_file")]
    pub grafana_oncall_url: Option<String>,
    /// The file that holds an API key of OnCall
    #[arg(long, value_name = "FILE", requires = "grafana_oncall_url", value_hint = ValueHint::FilePath)]
    pub grafana_oncall_token_file: Option<PathBuf>,
    /// Read who is on call from this iCalendar
    #[arg(long, value_name = "FILE-OR-URL")]
    pub roster_ics: Vec<String>,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
    /// Print it instead of writing a file
    #[arg(long, conflicts_with_all = ["force", "output"])]
    pub stdout: bool,
    /// Write it there [default: --config, or the user's config file]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

impl Init {
    /// Nothing is named from which the config could be filled.
    pub fn is_plain(&self) -> bool {
        self.prometheus.is_none()
            && self.alertmanager.is_empty()
            && self.pagerduty_token_file.is_none()
            && self.grafana_oncall_url.is_none()
            && self.roster_ics.is_empty()
    }
}

#[derive(Debug, Args)]
pub struct Check {
    /// Only the file; reach nothing
    #[arg(long)]
    pub offline: bool,
}

#[derive(Debug, Args)]
pub struct Incidents {
    /// As in the console: state:new,ack p:1..2 service:pay* age>10m "disk full". Without a state: term
    /// the open ones
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    /// What that view finds, in its order: one that is built in, one of yours, one that is shared.
    /// QUERY narrows it
    #[arg(long, value_name = "NAME")]
    pub view: Option<String>,
    /// List the views instead
    #[arg(long, conflicts_with_all = ["query", "view"])]
    pub views: bool,
}

#[derive(Debug, Args)]
pub struct Audit {
    /// From when: RFC 3339, or 2026-11-23 or 2026-11-23 14:00 in the site's zone
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Option<Time>,
    /// Until when, that instant not included
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<Time>,
}

#[derive(Debug, Args)]
pub struct Export {
    /// Write it there instead of to standard output
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Import {
    /// The file; `-` reads standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct Completions {
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct Man {
    /// Write one page for every command into this folder
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
}

/// An instant as written: with its zone, or in the site's.
pub use crate::domain::time::Moment as Time;

fn time(text: &str) -> Result<Time, String> {
    let form = || "write it as 2026-11-23T14:00:00Z, 2026-11-23 14:00 or 2026-11-23".to_owned();
    Time::parse(text).ok_or_else(form)
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|s| (0.1..=1000.0).contains(s));
    speed.ok_or_else(|| "it takes a number from 0.1 to 1000".to_owned())
}

/// An incident, or a hint for who mistyped a command.
fn incident(text: &str) -> Result<IncidentId, String> {
    text.parse().map_err(|why: String| {
        let commands: Vec<String> =
            Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
        let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
        format!("{why}; {}", crate::domain::text::suggest(text, &commands, "commands"))
    })
}

/// Reads one of a table of words.
fn word<T: Copy + Send + Sync + 'static>(
    table: &'static [(&'static str, T)],
) -> impl clap::builder::TypedValueParser<Value = T> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(table.iter().map(|(word, _)| *word)).try_map(move |text| {
        let found = table.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        found.ok_or("unknown word")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[rstest]
    #[case(&["atalaya", "INC-12"])]
    #[case(&["atalaya", "--demo", "--seed", "7", "--speed", "60"])]
    #[case(&["atalaya", "--colour", "16", "health", "--json"])]
    #[case(&["atalaya", "health", "--color", "off", "--store", "/tmp/x.db"])]
    #[case(&["atalaya", "incidents", "state:new", "p:1..2", "disk full"])]
    #[case(&["atalaya", "incident", "ack", "INC-1", "2", "inc-3"])]
    #[case(&["atalaya", "incident", "assign", "1", "--nobody"])]
    #[case(&["atalaya", "--config", "/x.toml", "check", "--offline"])]
    #[case(&["atalaya", "oncall", "--json", "shifts", "--from", "2026-11-23", "--to", "2026-12-23"])]
    #[case(&["atalaya", "oncall", "drop", "OVR-3", "ovr-4", "5"])]
    #[case(&["atalaya", "calendar", "--json", "--from", "2026-11-23", "--to", "2026-12-23"])]
    #[case(&["atalaya", "calendar", "finish", "WIN-3", "--code", "backed_out"])]
    #[case(&["atalaya", "calendar", "export", "--ics"])]
    #[case(&["atalaya", "sla", "clock", "--calendar", "office", "--start", "2026-11-23 09:30", "--target", "5wd", "--pause", "2026-11-23 10:00..2026-11-23T11:00:00Z", "--end-of-day", "--json"])]
    #[case(&["atalaya", "sla", "explain", "INC-12"])]
    #[case(&["atalaya", "sla", "availability", "--from", "1000", "--to", "2000", "--down", "1100..1200", "--excused", "1150..1300", "--unknown", "1900..2000", "--mode", "excuse"])]
    #[case(&["atalaya", "oncall", "export", "--ics", "--schedule", "core"])]
    fn what_5b_fixes_is_read(#[case] line: &[&str]) {
        Cli::try_parse_from(line).unwrap_or_else(|e| panic!("{e}"));
    }

    #[rstest]
    #[case(&["atalaya", "helth"], "did you mean \"health\"?")]
    #[case(&["atalaya", "--seed", "7"], "--demo")]
    #[case(&["atalaya", "incident", "ack"], "<ID>")]
    #[case(&["atalaya", "audit", "--from", "yesterday"], "2026-11-23 14:00")]
    #[case(&["atalaya", "audit", "--from", "+262142-12-31"], "2026-11-23 14:00")]
    #[case(&["atalaya", "oncall", "drop", "INC-3"], "write it as OVR-3")]
    #[case(&["atalaya", "oncall", "override", "--schedule", "core"], "--person <ID>")]
    #[case(&["atalaya", "calendar", "extend", "WIN-3", "--by", "soon"], "30m, 2h or 1d")]
    #[case(&["atalaya", "sla", "clock", "--calendar", "x", "--start", "2026-11-23", "--target", "0wd"], "5wd for working days")]
    #[case(&["atalaya", "sla", "availability", "--from", "1", "--to", "2", "--down", "1-2"], "FROM..TO")]
    fn wrong_usage_says_what_is_right(#[case] line: &[&str], #[case] expect: &str) {
        let error = Cli::try_parse_from(line).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(expect), "{error}");
    }

    #[test]
    fn a_query_may_negate_and_options_may_follow_it() {
        let line = ["atalaya", "incidents", "-service:mail", "p:1", "--json"];
        let line = queries_last(line.map(OsString::from).to_vec());
        let cli = Cli::try_parse_from(line).unwrap();
        let Some(Command::Incidents(args)) = cli.command else { panic!("another command") };
        assert_eq!(
            (args.query, cli.global.json),
            (vec!["p:1".into(), "-service:mail".into()], true)
        );
    }

    #[test]
    fn a_local_time_in_the_spring_gap_is_the_first_instant_after_it() {
        let zone = chrono_tz::Europe::Madrid;
        let at = |text| time(text).unwrap().at(zone).to_rfc3339();
        assert_eq!(at("2026-03-29 02:30"), "2026-03-29T01:00:00+00:00");
        assert_eq!(at("2026-10-25 02:30"), "2026-10-25T00:30:00+00:00");
        assert_eq!(at("2026-11-23"), "2026-11-22T23:00:00+00:00");
    }
}
