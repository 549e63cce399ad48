//! The words of `atalaya slo …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

#[derive(Debug, Args)]
pub struct Slo {
    #[command(flatten)]
    pub asked: Objectives,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Args)]
pub struct Objectives {
    /// Only these objectives
    #[arg(long = "id", value_name = "ID")]
    pub ids: Vec<String>,
    /// Only those of this service
    #[arg(long, value_name = "ID")]
    pub service: Option<String>,
    /// Only what is stored; ask no source
    #[arg(long)]
    pub offline: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// How fast the budgets go, and which rules fire; exit code 1 where one does
    Burn(Objectives),
    /// Turn definitions of OpenSLO, Sloth and Pyrra into [[slos]], on standard output
    Import(Import),
}

#[derive(Debug, Args)]
pub struct Import {
    /// YAML of OpenSLO v1, Sloth prometheus/v1 or Pyrra ServiceLevelObjective; `-` reads standard input
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// The source that is to be asked [default: the config's only one of kind prometheus]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
}
