//! The words of `atalaya incident …`.

use chrono::TimeDelta;
use clap::{Args, Subcommand};

use super::page::patience;
use super::{Time, time, word};
use crate::domain::incident::lifecycle::Waited;
use crate::domain::incident::{HoldReason, IncidentId};
use crate::domain::text::parse_duration;

#[derive(Debug, Subcommand)]
pub enum Incident {
    /// Report one by hand; prints its id
    Report(Report),
    /// Acknowledge: I have it
    Ack(Ack),
    /// Take an acknowledgement back
    Unack(Ids),
    /// Give to somebody
    Assign(Assign),
    /// Say how urgent it is, and what it is about
    Classify(Classify),
    /// It waits for others
    Hold(Hold),
    /// It no longer waits
    Resume(Ids),
    /// Out of sight and unpaged for a while; the clocks run on
    Snooze(Snooze),
    /// In sight again
    Wake(Ids),
    /// Add a note
    Note(Note),
    /// It is the same trouble as another one
    Merge(Merge),
    /// It is not the same trouble after all
    Split(Reasoned),
    /// Page the next level of the policy that governs it, now
    Escalate(Escalate),
    /// It is over
    Resolve(Resolve),
    /// What those say for whom it was done
    Feedback(Feedback),
    /// Confirm that it is done with: wants category, code and cause, said now or before
    Close(Close),
    /// It is not over
    Reopen(Reasoned),
    /// A false alarm, or a duplicate
    Cancel(Reasoned),
    /// Put right what was recorded wrong about one that is closed
    Correct(Correct),
    /// Everything about one, with its timeline
    Show(Show),
}

#[derive(Debug, Args)]
pub struct Report {
    /// What is wrong, in a line
    #[arg(long, allow_hyphen_values = true)]
    pub title: String,
    /// The service that suffers
    #[arg(long, value_name = "ID")]
    pub service: Option<String>,
    /// More about it; becomes the first note
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub text: String,
    /// 1 (high) to 3 [default: by the tier of the service]
    #[arg(long, value_name = "1-3", value_parser = level())]
    pub impact: Option<u8>,
    /// 1 (high) to 3 [default: 2]
    #[arg(long, value_name = "1-3", value_parser = level())]
    pub urgency: Option<u8>,
    /// What it is about
    #[arg(long, default_value = "", hide_default_value = true)]
    pub category: String,
}

#[derive(Debug, Args)]
pub struct Ids {
    /// INC-12, or 12
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<IncidentId>,
}

#[derive(Debug, Args)]
pub struct Ack {
    /// INC-12, or 12
    #[arg(required = true, value_name = "ID", value_parser = id_before("--for 2h"))]
    pub ids: Vec<IncidentId>,
    /// For so long, instead of what the plan says; what is yours already is extended
    #[arg(long = "for", value_name = "DURATION", value_parser = length)]
    pub lasting: Option<TimeDelta>,
}

#[derive(Debug, Args)]
pub struct Assign {
    /// INC-12, or 12
    #[arg(required = true, value_name = "ID", value_parser = id_before("--to luis"))]
    pub ids: Vec<IncidentId>,
    /// To whom; `me` is the operator
    #[arg(long, value_name = "NAME", required_unless_present = "nobody")]
    pub to: Option<String>,
    /// Take it from whoever has it
    #[arg(long, conflicts_with = "to")]
    pub nobody: bool,
}

#[derive(Debug, Args)]
#[command(override_usage = "atalaya incident classify [OPTIONS] <ID>...")]
#[group(id = "class", required = true, multiple = true, args = ["impact", "urgency", "category"])]
pub struct Classify {
    /// INC-12, or 12
    #[arg(required = true, value_name = "ID", value_parser = id_before("--category network"))]
    pub ids: Vec<IncidentId>,
    /// How much is affected, 1 (high) to 3
    #[arg(long, value_name = "1-3", value_parser = level())]
    pub impact: Option<u8>,
    /// How soon it hurts, 1 (high) to 3
    #[arg(long, value_name = "1-3", value_parser = level())]
    pub urgency: Option<u8>,
    /// What it is about
    #[arg(long)]
    pub category: Option<String>,
}

#[derive(Debug, Args)]
pub struct Hold {
    /// INC-12, or 12
    #[arg(required = true, value_name = "ID", value_parser = id_before("--note '…'"))]
    pub ids: Vec<IncidentId>,
    /// For whom it waits: customer, supplier, change_window, other
    #[arg(long = "waits-for", value_name = "WHOM", value_parser = word(&HoldReason::WORDS), hide_possible_values = true, allow_hyphen_values = true)]
    pub reason: HoldReason,
    /// For what; a ticket number
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub note: String,
    /// It goes on by itself then: 4h, 14:00, or 2026-11-30 09:00 in the site's zone
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

#[derive(Debug, Args)]
pub struct Snooze {
    /// INC-12, or 12
    #[arg(required = true, value_name = "ID", value_parser = id_before("--until 14:00"))]
    pub ids: Vec<IncidentId>,
    /// 2h, 14:00, or 2026-11-30 09:00 in the site's zone; at most 7 days ahead
    #[arg(long, visible_alias = "for", value_name = "TIME")]
    pub until: String,
}

#[derive(Debug, Args)]
pub struct Note {
    /// INC-12, or 12
    #[arg(required = true, value_name = "ID", value_parser = id_before("--text '…'"))]
    pub ids: Vec<IncidentId>,
    /// The note; `-` reads it from standard input
    #[arg(long, short = 'm', allow_hyphen_values = true, allow_hyphen_values = true)]
    pub text: String,
}

#[derive(Debug, Args)]
pub struct Merge {
    /// INC-12, or 12
    #[arg(required = true, value_name = "ID", value_parser = id_before("--into INC-7"))]
    pub ids: Vec<IncidentId>,
    /// Which one they are part of
    #[arg(long, value_name = "ID")]
    pub into: IncidentId,
}

#[derive(Debug, Args)]
pub struct Found {
    /// How it ended: one of incidents.codes in the config
    #[arg(long, default_value = "", hide_default_value = true)]
    pub code: String,
    /// What was the matter, in a line
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub cause: String,
}

#[derive(Debug, Args)]
pub struct Escalate {
    /// INC-12, or 12
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<IncidentId>,
    /// That level instead of the next, from 1
    #[arg(long, value_name = "N")]
    pub level: Option<usize>,
    /// How long to wait until the pages have arrived; what has not by then, a console delivers
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = patience)]
    pub wait: TimeDelta,
}

#[derive(Debug, Args)]
pub struct Resolve {
    #[command(flatten)]
    pub reasoned: Reasoned,
    #[command(flatten)]
    pub found: Found,
    /// Although its alerts still fire
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Close {
    #[command(flatten)]
    pub reasoned: Reasoned,
    #[command(flatten)]
    pub found: Found,
    /// What it was about
    #[arg(long, default_value = "", hide_default_value = true)]
    pub category: String,
}

#[derive(Debug, Args)]
pub struct Feedback {
    /// INC-12, or 12
    #[arg(required = true, value_name = "ID", value_parser = id_before("--text '…'"))]
    pub ids: Vec<IncidentId>,
    /// 1 (bad) to 5 (good)
    #[arg(long, value_name = "1-5", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub score: u8,
    /// What they said
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub text: String,
    /// Who says so
    #[arg(long, default_value = "", hide_default_value = true)]
    pub from: String,
}

#[derive(Debug, Args)]
pub struct Reasoned {
    /// INC-12, or 12
    #[arg(required = true, value_name = "ID", value_parser = id_before("--reason '…'"))]
    pub ids: Vec<IncidentId>,
    /// Why; stands on the timeline
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub reason: String,
}

#[derive(Debug, Args)]
pub struct Correct {
    /// INC-12, or 12
    #[arg(value_name = "ID")]
    pub id: IncidentId,
    /// When the trouble began: RFC 3339, or 2026-11-23 14:00 in the site's zone
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub began: Option<Time>,
    /// When somebody first had it
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub acknowledged: Option<Time>,
    /// When the service worked again
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub restored: Option<Time>,
    /// 1 (high) to 3; the priority follows
    #[arg(long, value_name = "1-3", value_parser = level())]
    pub impact: Option<u8>,
    /// 1 (high) to 3
    #[arg(long, value_name = "1-3", value_parser = level())]
    pub urgency: Option<u8>,
    /// What it was about
    #[arg(long)]
    pub category: Option<String>,
    #[command(flatten)]
    pub found: Found,
    /// A time on hold that nobody recorded: customer 2026-11-23T14:00..2026-11-23T16:30
    #[arg(long, value_name = "WHOM", num_args = 2, value_names = ["WHOM", "FROM..TO"])]
    pub hold: Option<Vec<String>>,
    /// Leave it out of service levels
    #[arg(long)]
    pub exclude: bool,
    /// Count it for service levels again
    #[arg(long, conflicts_with = "exclude")]
    pub include: bool,
    /// Why it is corrected
    #[arg(long, allow_hyphen_values = true)]
    pub reason: String,
    /// With whom that was agreed
    #[arg(long, value_name = "WHO", allow_hyphen_values = true)]
    pub agreed_with: String,
}

#[derive(Debug, Args)]
pub struct Show {
    /// INC-12, or 12
    #[arg(value_name = "ID")]
    pub id: IncidentId,
}

impl Correct {
    /// The time on hold, in a zone where it names none.
    ///
    /// # Errors
    /// It is written otherwise.
    pub fn waited(&self, zone: chrono_tz::Tz) -> Result<Option<Waited>, String> {
        let Some(words) = &self.hold else { return Ok(None) };
        let [whom, span] = words.as_slice() else { return Ok(None) };
        let reason = HoldReason::parse(whom)
            .ok_or("--hold takes customer, supplier, change_window or other first".to_owned())?;
        let ends = span.split_once("..").and_then(|(from, to)| {
            Some((Time::parse(from)?.begins(zone), Time::parse(to)?.begins(zone)))
        });
        let form = "--hold takes a time as 2026-11-23T14:00..2026-11-23T16:30";
        let (from, to) = ends.ok_or(form.to_owned())?;
        Ok(Some(Waited { reason, from, to }))
    }
}

fn level() -> clap::builder::RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=3)
}

fn length(text: &str) -> Result<TimeDelta, String> {
    let positive = parse_duration(text).filter(|d| *d > TimeDelta::zero());
    positive.ok_or_else(|| "write it as 90s, 15m, 2h or 1d".to_owned())
}

/// An incident, or a hint for who forgot the option that the word belongs to.
fn id_before(option: &'static str) -> impl Fn(&str) -> Result<IncidentId, String> + Clone {
    move |text| {
        text.parse().map_err(|why: String| format!("{why}; what is no id goes into {option}"))
    }
}
