//! The words of `atalaya page`.

use chrono::TimeDelta;
use clap::{ArgGroup, Args};

use super::incident;
use crate::domain::incident::IncidentId;
use crate::domain::text::parse_duration;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["person", "schedule", "policy"])))]
pub struct Page {
    /// This person
    #[arg(long, value_name = "ID")]
    pub person: Option<String>,
    /// Whoever is on call on this schedule
    #[arg(long, value_name = "ID")]
    pub schedule: Option<String>,
    /// Everybody whom a level of this escalation policy reaches now
    #[arg(long, value_name = "ID", requires = "level")]
    pub policy: Option<String>,
    /// Which level, from 1
    #[arg(long, value_name = "N", requires = "policy")]
    pub level: Option<usize>,
    /// About this incident
    #[arg(long, value_name = "INC-n", value_parser = incident)]
    pub incident: Option<IncidentId>,
    /// What is wanted of them; may be left out with --incident
    #[arg(long, value_name = "TEXT", required_unless_present_any = ["incident", "test"])]
    pub text: Option<String>,
    /// Only see whether pages to this person arrive
    #[arg(long, requires = "person", conflicts_with_all = ["incident", "text"])]
    pub test: bool,
    /// How long to wait until it has arrived; what has not by then, a console delivers
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = patience)]
    pub wait: TimeDelta,
}

/// At most ten minutes.
pub(super) fn patience(text: &str) -> Result<TimeDelta, String> {
    let wait = parse_duration(text).ok_or("write it as 30s or 2m")?;
    if wait > TimeDelta::minutes(10) { Err("at most 10m".to_owned()) } else { Ok(wait) }
}
