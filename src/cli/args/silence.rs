//! The words of `atalaya silences` and `atalaya silence`.

use chrono::TimeDelta;
use clap::{Args, Subcommand};

use super::incident;
use super::page::patience;
use crate::domain::incident::IncidentId;
use crate::domain::text::parse_duration;

#[derive(Debug, Args)]
pub struct Silences {
    /// Only those of this source
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Silence {
    /// Silence alerts upstream from now on; alerts of an Icinga get a downtime
    Add(Add),
    /// Put the end of a silence off
    Extend(Extend),
    /// End silences now
    Expire(Expire),
}

#[derive(Debug, Args)]
pub struct Add {
    /// Where [default: where the incident comes from, or the only source that takes silences]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Which alerts, such as 'service="checkout",severity!="page"' [default: what the alerts of the
    /// incident have in common]
    #[arg(long = "match", value_name = "MATCHERS", required_unless_present = "incident")]
    pub matchers: Option<String>,
    /// How long, such as 2h
    #[arg(long = "for", value_name = "TIME", default_value = "2h", value_parser = length)]
    pub length: TimeDelta,
    /// Why, for whoever finds it there [default: what the incident is called]
    #[arg(
        long,
        value_name = "TEXT",
        required_unless_present = "incident",
        allow_hyphen_values = true
    )]
    pub comment: Option<String>,
    /// Because of this incident
    #[arg(long, value_name = "INC-n", value_parser = incident)]
    pub incident: Option<IncidentId>,
    /// Only say what it would cover now
    #[arg(long)]
    pub preview: bool,
    #[command(flatten)]
    pub patience: Patience,
}

#[derive(Debug, Args)]
pub struct Extend {
    /// Its id, or how that begins
    #[arg(value_name = "ID")]
    pub id: String,
    /// By how much its end is put off, such as 1h
    #[arg(long = "for", value_name = "TIME", value_parser = length)]
    pub length: TimeDelta,
    #[command(flatten)]
    pub patience: Patience,
}

#[derive(Debug, Args)]
pub struct Expire {
    /// Their ids, or how those begin
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub patience: Patience,
}

#[derive(Debug, Clone, Copy, Args)]
pub struct Patience {
    /// How long to wait until it is done; what is not by then, a console does
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = patience)]
    pub wait: TimeDelta,
}

fn length(text: &str) -> Result<TimeDelta, String> {
    let length = parse_duration(text).filter(|l| *l > TimeDelta::zero());
    length.ok_or_else(|| "write it as 90m, 2h or 3d".to_owned())
}
