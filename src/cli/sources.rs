//! `atalaya sources`: every source asked once: state, latency, version seen, items.

use std::fmt::Write as _;

use serde::Serialize;

use super::output::{self, Cell, Exit, Output, Table, print};
use super::{Context, Failure};
use crate::config::Config;
use crate::domain::health::State;
use crate::domain::observation::{Observation, SourceState, SourceStatus};
use crate::domain::text;
use crate::sources::supervisor::poll_once;

#[derive(Serialize)]
struct Document {
    sources: Vec<Fields>,
}

/// A source as scripts read it; documented, never renamed.
#[derive(Serialize)]
pub struct Fields {
    name: String,
    kind: String,
    /// `fresh late failing never`.
    state: &'static str,
    latency_ms: Option<u64>,
    items: usize,
    server: String,
    error: Option<String>,
    address: String,
    warnings: Vec<String>,
}

impl Fields {
    pub fn of(status: &SourceStatus) -> Self {
        let (state, error) = match &status.state {
            SourceState::Never => ("never", None),
            SourceState::Fresh => ("fresh", None),
            SourceState::Late => ("late", None),
            SourceState::Failing { error, .. } => ("failing", Some(error.clone())),
        };
        Self {
            name: status.name.to_string(),
            kind: status.kind.clone(),
            state,
            latency_ms: status.latency_ms,
            items: status.items,
            server: status.server.clone(),
            error,
            address: status.address.clone(),
            warnings: status.warnings.clone(),
        }
    }
}

impl Fields {
    /// Why something of it is missing, in a line: it did not answer, or what it warns of.
    pub fn complaint(self) -> String {
        let said = self.error.into_iter().chain(self.warnings).collect();
        let said = text::abridged(said, 3, "warnings");
        let why = if said.is_empty() { self.state.to_owned() } else { said.join("; ") };
        format!("source {}: {why}", self.name)
    }
}

/// Asks all sources of a config at the same time, once.
pub async fn poll(config: &Config) -> Vec<(SourceStatus, Option<Observation>)> {
    poll_once(config.sources.clone()).await
}

/// Whether the source did not answer.
pub fn failed(status: &SourceStatus) -> bool {
    status.state != SourceState::Fresh
}

pub async fn run(context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let answers = poll(&config).await;
    let statuses: Vec<&SourceStatus> = answers.iter().map(|(status, _)| status).collect();
    if context.output.json {
        let sources = statuses.iter().map(|s| Fields::of(s)).collect();
        output::document(&Document { sources });
    } else {
        print(&table(&statuses, context.output));
    }
    Ok(if statuses.iter().any(|s| failed(s)) { Exit::Unreachable } else { Exit::Fine })
}

/// One line each, warnings below.
pub fn table(statuses: &[&SourceStatus], output: Output) -> String {
    let mut table = Table::new(&["SOURCE", "KIND", "STATE", "LATENCY", "ITEMS", "WHAT"]);
    for status in statuses {
        let fields = Fields::of(status);
        let state = if fields.error.is_some() { State::Critical } else { State::Ok };
        let latency = fields.latency_ms.map_or("-".to_owned(), |ms| format!("{ms} ms"));
        let insecure = if status.insecure { " (certificate not verified)" } else { "" };
        table.row([
            Cell::text(fields.name),
            Cell::text(fields.kind),
            Cell::coloured(state, fields.state),
            Cell::number(latency),
            Cell::number(fields.items.to_string()),
            Cell::text(fields.error.unwrap_or(fields.server) + insecure),
        ]);
    }
    let mut out = table.render(output);
    for status in statuses {
        for warning in &status.warnings {
            let _ = writeln!(out, "{}: {warning}", status.name);
        }
    }
    out
}
