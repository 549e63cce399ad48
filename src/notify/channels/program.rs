//! A page by a program: JSON on its standard input, delivered if it ends well. No shell; a process
//! group of its own, which ends with the try.

use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::Failure;
use crate::domain::paging::message::Message;
use crate::domain::text;
use crate::sources::process_group::Group;
use crate::sources::settings::Command;

/// How much of what it says is kept, in bytes: its last line is wanted.
const KEPT: usize = 4 * 1024;
/// Where programs are found when the console itself has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

pub(super) async fn send(command: &Command, message: &Message) -> Result<String, Failure> {
    let Some((program, arguments)) = command.argv.split_first() else {
        return Err(Failure::sure("argv is empty; say which program to run"));
    };
    let shown = text::clean(program, 100);
    let inherited =
        |name: &str, otherwise: &str| std::env::var_os(name).unwrap_or_else(|| otherwise.into());
    let mut prepared = tokio::process::Command::new(program);
    prepared
        .args(arguments)
        .env_clear()
        .env("PATH", inherited("PATH", DEFAULT_PATH))
        .env("LANG", inherited("LANG", "C.UTF-8"))
        .envs(&command.env)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(directory) = &command.directory {
        prepared.current_dir(directory);
    }
    let started = prepared.spawn();
    let mut child =
        started.map_err(|e| Failure::sure(format!("{shown} cannot be run: {e}; look at argv")))?;
    let group = Group::led_by(&child);
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(Failure::sure(format!("{shown} cannot be talked to")));
    };
    let mut json = serde_json::to_vec(message).unwrap_or_default();
    json.push(b'\n');
    let write = async move {
        // One that does not read what it is given may still do its work.
        let _ = stdin.write_all(&json).await;
        drop(stdin);
    };
    let ending = async {
        let status = child.wait().await;
        // What it left behind would keep the pipes open.
        drop(group);
        status
    };
    let (status, said, complaint, ()) =
        tokio::join!(ending, last_line(stdout), last_line(stderr), write);
    let status = status.map_err(|e| Failure::unsure(format!("{shown}: {e}")))?;
    match (status.success(), complaint.is_empty()) {
        (true, _) => Ok(said),
        (false, true) => Err(Failure::sure(format!("{shown} ended with {status}"))),
        (false, false) => Err(Failure::sure(format!("{shown} ended with {status}: {complaint}"))),
    }
}

/// Reads to the end, keeps the end, and gives its last line.
async fn last_line(mut from: impl AsyncRead + Unpin) -> String {
    let mut kept: Vec<u8> = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(n) = from.read(&mut chunk).await {
        if n == 0 {
            break;
        }
        kept.extend_from_slice(chunk.get(..n).unwrap_or_default());
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }
    let said = String::from_utf8_lossy(&kept);
    let lines = said.lines().map(|line| text::clean(line, 200));
    lines.rev().find(|line| !line.is_empty()).unwrap_or_default()
}
