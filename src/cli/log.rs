//! The log: a file a day in the XDG state folder, a week of them, never the screen.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{Builder, Rotation};
use tracing_subscriber::EnvFilter;

/// The variable that says what is logged, as in `info,atalaya::sources=debug`.
pub const VARIABLE: &str = "ATALAYA_LOG";

/// Starts logging into `folder`; what is still in memory is written when the guard is dropped. A
/// folder that cannot be written is no reason not to start: then there is no log.
pub fn start(folder: &Path) -> Option<WorkerGuard> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).ok()?;
    let file = Builder::new()
        .rotation(Rotation::DAILY)
        .filename_prefix("atalaya")
        .filename_suffix("log")
        .max_log_files(7)
        .build(folder)
        .ok()?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .with_env_filter(filter)
        .try_init()
        .ok()?;
    Some(guard)
}
