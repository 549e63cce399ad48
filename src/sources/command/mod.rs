//! A program that prints JSON: the plug-in protocol.
//!
//! One process a poll, without a shell, with a cleared environment, in a process group of its own.
//! When the poll ends, in whatever way, the whole group is killed: a plug-in leaves nothing behind but
//! what it moved to a session of its own.

mod answer;

use std::io;
use std::process::Stdio;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::process_group::Group;
use super::settings::{self, Ask, SourceSettings};
use super::{Source, SourceError, hygiene};
use crate::domain::observation::{Observation, SourceName};
use crate::domain::text::clean;
use crate::domain::time::Instant;

/// How much of standard error is kept to find its last line, in bytes.
const STDERR_TAIL: usize = 8 * 1024;
/// Where programs are found when the console itself has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program that is run for each poll.
pub struct CommandSource {
    name: SourceName,
    settings: settings::Command,
    /// Most that it may print, in bytes.
    cap: usize,
    asks: Vec<Ask>,
}

impl CommandSource {
    pub fn new(source: &SourceSettings, settings: &settings::Command) -> Self {
        Self {
            name: Arc::clone(&source.name),
            settings: settings.clone(),
            cap: source.max_body,
            asks: source.asks.clone(),
        }
    }

    async fn run(&self, now: Instant) -> Result<Observation, SourceError> {
        let (mut child, group) = self.start()?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(SourceError::BadAnswer("its output cannot be read".to_owned()));
        };
        let mut printed = Vec::new();
        let mut complaint = Vec::new();
        // Once it has ended, what it started ends too: a child that was left behind would keep
        // the pipes open.
        let ending = async {
            let status = child.wait().await;
            drop(group);
            status
        };
        let (status, (), ()) = tokio::try_join!(
            ending,
            head(stdout, &mut printed, self.cap),
            tail(stderr, &mut complaint),
        )
        .map_err(|e| match e.kind() {
            io::ErrorKind::FileTooLarge => SourceError::BadAnswer(format!(
                "it printed more than {} bytes; print less, or raise max_body of this source",
                self.cap
            )),
            _ => SourceError::BadAnswer(format!("its output cannot be read: {e}")),
        })?;
        if !status.success() {
            let program = clean(&self.program(), 100);
            let why = last_line(&complaint);
            return Err(SourceError::BadAnswer(if why.is_empty() {
                format!("{program} ended with {status} and said nothing on standard error")
            } else {
                format!("{program} ended with {status}: {why}")
            }));
        }
        hygiene::mend_surrogates(&mut printed);
        answer::read(&self.name, &printed, &self.asks, now)
    }

    fn program(&self) -> String {
        self.settings.argv.first().cloned().unwrap_or_default()
    }

    fn start(&self) -> Result<(Child, Group), SourceError> {
        let Some((program, arguments)) = self.settings.argv.split_first() else {
            let why = "argv is empty; say which program to run";
            return Err(SourceError::Misconfigured(why.to_owned()));
        };
        let mut command = Command::new(program);
        let inherited = |name: &str, otherwise: &str| {
            std::env::var_os(name).unwrap_or_else(|| otherwise.into())
        };
        command
            .args(arguments)
            .env_clear()
            .env("PATH", inherited("PATH", DEFAULT_PATH))
            .env("LANG", inherited("LANG", "C.UTF-8"))
            .envs(&self.settings.env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(directory) = &self.settings.directory {
            command.current_dir(directory);
        }
        let child = command.spawn().map_err(|e| self.cannot_start(&e))?;
        let group = Group::led_by(&child);
        Ok((child, group))
    }

    fn cannot_start(&self, e: &io::Error) -> SourceError {
        let program = clean(&self.program(), 200);
        let missing = self.settings.directory.as_ref().filter(|d| !d.is_dir());
        SourceError::Misconfigured(match (missing, e.kind()) {
            (Some(directory), _) => {
                format!("{program} cannot be run in {}: no such directory", directory.display())
            }
            (None, io::ErrorKind::NotFound) => {
                format!("{program} was not found; give its full path, or install it in PATH")
            }
            (None, io::ErrorKind::PermissionDenied) => {
                format!("{program} cannot be run: permission denied; is it executable?")
            }
            _ => format!("{program} cannot be run: {e}"),
        })
    }
}

impl Source for CommandSource {
    fn poll(&mut self, now: Instant) -> BoxFuture<'_, Result<Observation, SourceError>> {
        Box::pin(self.run(now))
    }
}

/// Reads everything, or fails with `FileTooLarge` if it is more than `cap` bytes.
async fn head(from: impl AsyncRead + Unpin, into: &mut Vec<u8>, cap: usize) -> io::Result<()> {
    from.take(cap as u64 + 1).read_to_end(into).await?;
    if into.len() > cap { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(()) }
}

/// Reads everything and keeps the end of it.
async fn tail(mut from: impl AsyncRead + Unpin, into: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 4096];
    loop {
        let n = from.read(&mut chunk).await?;
        if n == 0 {
            return Ok(());
        }
        into.extend_from_slice(chunk.get(..n).unwrap_or_default());
        let surplus = into.len().saturating_sub(STDERR_TAIL);
        into.drain(..surplus);
    }
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(|line| clean(line, 300));
    lines.rev().find(|line| !line.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(b"", "")]
    #[case(b"one\ntwo\n\n", "two")]
    #[case(b"\x1b[31mred\x1b[0m\n \n", "red")]
    #[case(b"\xff\xfe", "\u{fffd}\u{fffd}")]
    fn the_last_line_that_says_something_counts(#[case] given: &[u8], #[case] expect: &str) {
        assert_eq!(last_line(given), expect);
    }

    #[tokio::test]
    async fn only_the_end_of_standard_error_is_kept() {
        let long = vec![b'x'; 3 * STDERR_TAIL];
        let mut kept = Vec::new();
        tail(long.as_slice(), &mut kept).await.unwrap();
        assert_eq!(kept.len(), STDERR_TAIL);
    }

    #[rstest]
    #[case(4, true)]
    #[case(3, false)]
    #[tokio::test]
    async fn more_than_the_cap_is_noticed(#[case] cap: usize, #[case] fits: bool) {
        let mut read = Vec::new();
        assert_eq!(head(b"abcd".as_slice(), &mut read, cap).await.is_ok(), fits);
        assert!(read.len() <= cap + 1);
    }
}
