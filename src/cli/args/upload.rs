//! The words of `--into`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use url::Url;

use crate::config::address;

/// Where an export goes.
#[derive(Debug, Args)]
pub struct Into {
    /// Into a CalDAV collection instead: an object for each event, of which only those change, and go,
    /// that were written from here
    #[arg(long, value_name = "URL", value_parser = url, value_hint = ValueHint::Url)]
    pub into: Option<Url>,
    /// Whose it is there
    #[arg(long, value_name = "NAME", requires = "into", requires = "password_file")]
    pub user: Option<String>,
    /// A file with the password
    #[arg(long, value_name = "FILE", requires = "user", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
}

fn url(text: &str) -> Result<Url, String> {
    address(text, &["https", "http"]).map_err(|(why, remedy)| format!("{why}: {remedy}"))
}
