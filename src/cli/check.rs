//! `atalaya check`: everything that is wrong with the config, then every source reached and timed.

use serde::Serialize;

use super::args;
use super::output::{Exit, complain};
use super::{Context, Failure};
use crate::config::{self, Problem, Problems};

#[derive(Serialize)]
struct Document<'a> {
    files: Vec<String>,
    problems: &'a [Problem],
    services: usize,
    signals: usize,
}

pub async fn run(context: &Context, args: &args::Check) -> Result<Exit, Failure> {
    let _ = args;
    let (config, problems) = match config::load(&context.around) {
        Ok(config) => {
            let warnings = config.warnings.clone();
            (Some(config), warnings)
        }
        Err(problems) => (None, problems),
    };
    let files: Vec<String> =
        config.iter().flat_map(|c| &c.files).map(|f| f.display().to_string()).collect();
    let services = config.as_ref().map_or(0, |c| c.plan.services.len());
    let signals = config.iter().flat_map(|c| &c.plan.services).map(|s| s.signals.len()).sum();
    if context.output.json {
        context.output.document(&Document { files, problems: &problems.0, services, signals });
    } else {
        if !problems.0.is_empty() {
            complain(&problems.to_string());
        }
        context.output.print(&summary(&files, &problems, services, signals));
    }
    Ok(if config.is_some() { Exit::Fine } else { Exit::Usage })
}

fn summary(files: &[String], problems: &Problems, services: usize, signals: usize) -> String {
    let errors = problems.errors();
    if errors > 0 {
        let s = if errors == 1 { "" } else { "s" };
        return format!("{errors} error{s}; this config cannot be used\n");
    }
    let from = match files {
        [] => "no config file: this host is watched".to_owned(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} included", rest.len()),
    };
    format!("config   ok   {from}: {services} services, {signals} signals\n")
}
