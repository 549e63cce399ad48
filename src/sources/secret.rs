//! Secrets, read when they are used: from a file, the environment or a program, never kept longer
//! than a request and never shown.

use std::time::Duration;

use secrecy::SecretString;
use tokio::process::Command;

use super::SourceError;
use super::settings::Secret;

/// How long a program that prints a secret may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest secret accepted, in bytes.
const MAX_SECRET: usize = 64 * 1024;

/// The secret itself: the first line of what its file, variable or program says.
pub async fn reveal(secret: &Secret) -> Result<SecretString, SourceError> {
    let misconfigured = |why: String| SourceError::Misconfigured(why);
    let text = match secret {
        Secret::Inline(secret) => return Ok(secret.clone()),
        Secret::File(path) => tokio::fs::read_to_string(path).await.map_err(|e| {
            misconfigured(format!("cannot read the secret file {}: {e}", path.display()))
        })?,
        Secret::Env(name) => std::env::var(name).map_err(|_| {
            misconfigured(format!("the secret's variable {name} is not set; export it first"))
        })?,
        Secret::Command(argv) => run(argv).await?,
    };
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() || line.len() > MAX_SECRET {
        return Err(misconfigured(format!("{} gives no secret", place(secret))));
    }
    Ok(SecretString::from(line))
}

/// Where the secret comes from, for messages.
fn place(secret: &Secret) -> String {
    match secret {
        Secret::Inline(_) => "the config".to_owned(),
        Secret::File(path) => format!("the file {}", path.display()),
        Secret::Env(name) => format!("the variable {name}"),
        Secret::Command(argv) => format!("the program {}", argv.first().map_or("", String::as_str)),
    }
}

async fn run(argv: &[String]) -> Result<String, SourceError> {
    let failed = |why: String| SourceError::Misconfigured(why);
    let Some((program, arguments)) = argv.split_first() else {
        return Err(failed("the command that prints a secret is empty".to_owned()));
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(COMMAND_TIMEOUT, command.output())
        .await
        .map_err(|_| failed(format!("{program} printed no secret within 10 s")))?
        .map_err(|e| failed(format!("cannot run {program} for a secret: {e}")))?;
    if !output.status.success() {
        return Err(failed(format!("{program} gave no secret: {}", output.status)));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| failed(format!("{program} printed a secret that is not text")))
}
