//! Secrets of sources: where they come from, and the one header that they become.
//!
//! No secret is ever part of an error, a log line or a `Debug` text.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncReadExt;
use tokio::sync::Mutex;
use url::Url;

use super::SourceError;
use super::process_group::Group;
use super::settings::{Auth, Secret};
use crate::domain::text;

/// A secret longer than this is a mistake in the settings (a log file instead of a token).
const MAX_SECRET: u64 = 64 * 1024;
/// How long a program may take to print a secret.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// Who the client says it is. The secret is read at its first use and kept until a server refuses
/// it; then it is read once more.
#[derive(Debug)]
pub struct Credentials {
    auth: Auth,
    held: Mutex<Option<Credential>>,
}

/// The header that identifies the client; its value does not show in `Debug`.
#[derive(Debug, Clone, PartialEq)]
pub struct Credential {
    pub name: HeaderName,
    pub value: HeaderValue,
}

impl Credentials {
    pub fn new(auth: Auth) -> Self {
        Self { auth, held: Mutex::new(None) }
    }

    /// Whether any are configured.
    pub fn exist(&self) -> bool {
        !matches!(self.auth, Auth::None)
    }

    /// The header to send; `None` without credentials.
    pub async fn current(&self) -> Result<Option<Credential>, SourceError> {
        let mut held = self.held.lock().await;
        if held.is_none() {
            *held = credential(&self.auth).await?;
        }
        Ok(held.clone())
    }

    /// Reads the secret again after a server refused one. `None` when it is still the same, so that
    /// a wrong password is not tried twice.
    pub async fn renewed(&self, refused: &Credential) -> Result<Option<Credential>, SourceError> {
        let mut held = self.held.lock().await;
        if held.as_ref() == Some(refused) {
            *held = credential(&self.auth).await?;
        }
        Ok(held.clone().filter(|fresh| fresh != refused))
    }
}

/// The shortest secret that is looked for in what a server says: hiding `a` or `42` wherever it stands
/// would spoil the text and give it away.
const MIN_HIDDEN: usize = 4;

/// The secrets of one exchange, which are not repeated even where the server does so.
#[derive(Debug, Clone, Default)]
pub struct Hidden(Vec<SecretString>);

impl Hidden {
    /// Adds what a header gives away: its value, a token without the word before it, a password in
    /// plain.
    pub fn header(&mut self, value: &HeaderValue) {
        let value = String::from_utf8_lossy(value.as_bytes());
        if let Some((word, rest)) = value.split_once(' ') {
            let decoded = base64::engine::general_purpose::STANDARD.decode(rest).ok();
            if let Some(pair) = decoded.filter(|_| word == "Basic")
                && let Some((_, password)) = String::from_utf8_lossy(&pair).split_once(':')
            {
                self.add(password);
            }
            // `Token token=…`
            if let Some((_, token)) = rest.split_once('=') {
                self.add(token);
            }
            self.add(rest);
        } else {
            self.add(&value);
        }
    }

    /// Adds the password of an address and the header that it becomes.
    pub fn address(&mut self, url: &Url) {
        let Some(password) = url.password() else { return };
        let pair = SecretString::from(format!("{}:{}", plain(url.username()), plain(password)));
        self.add(password);
        self.add(&plain(password));
        self.add(&base64::engine::general_purpose::STANDARD.encode(pair.expose_secret()));
    }

    fn add(&mut self, secret: &str) {
        if secret.len() >= MIN_HIDDEN {
            self.0.push(SecretString::from(secret));
            // One that holds another goes first.
            self.0.sort_by_key(|s| std::cmp::Reverse(s.expose_secret().len()));
        }
    }

    /// A text with `***` in the place of every secret.
    pub fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, s| text.replace(s.expose_secret(), "***"))
    }
}

/// Percent-encoded text in plain.
fn plain(encoded: &str) -> String {
    // In forms these two mean something else.
    let encoded = encoded.replace('+', "%2B").replace('&', "%26");
    let mut pairs = url::form_urlencoded::parse(encoded.as_bytes());
    pairs.next().map(|pair| pair.0.into_owned()).unwrap_or_default()
}

async fn credential(auth: &Auth) -> Result<Option<Credential>, SourceError> {
    let (name, text) = match auth {
        Auth::None => return Ok(None),
        Auth::Basic { user, password } => {
            let pair =
                SecretString::from(format!("{user}:{}", read(password).await?.expose_secret()));
            let code = base64::engine::general_purpose::STANDARD.encode(pair.expose_secret());
            (AUTHORIZATION, SecretString::from(format!("Basic {code}")))
        }
        Auth::Bearer(token) => {
            let token = read(token).await?;
            (AUTHORIZATION, SecretString::from(format!("Bearer {}", token.expose_secret())))
        }
        Auth::Token(token) => {
            let token = read(token).await?;
            (AUTHORIZATION, SecretString::from(format!("Token token={}", token.expose_secret())))
        }
        Auth::Header { name, value } => {
            let header = HeaderName::try_from(name.as_str()).map_err(|_| {
                SourceError::Misconfigured(format!("{name:?} is not a name of an HTTP header"))
            })?;
            (header, read(value).await?)
        }
    };
    let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| {
        SourceError::Misconfigured(
            "the secret has characters that cannot be sent in an HTTP header: look at its source"
                .to_owned(),
        )
    })?;
    value.set_sensitive(true);
    Ok(Some(Credential { name, value }))
}

/// Reads a secret where it is kept; of a file or a program's output the first line counts.
pub async fn read(secret: &Secret) -> Result<SecretString, SourceError> {
    match secret {
        Secret::Inline(text) => Ok(text.clone()),
        Secret::Env(name) => std::env::var(name).map(SecretString::from).map_err(|_| {
            SourceError::Misconfigured(format!(
                "the environment variable {name} with the secret is not set: export it"
            ))
        }),
        Secret::File(path) => from_file(path).await,
        Secret::Command(argv) => from_command(argv).await,
    }
}

async fn from_file(path: &Path) -> Result<SecretString, SourceError> {
    let wrong = |reason: &str| {
        SourceError::Misconfigured(format!(
            "the secret file {}: {reason}; correct the file or its path",
            path.display()
        ))
    };
    let file = tokio::fs::File::open(path).await.map_err(|e| wrong(&reason_of(&e)))?;
    let mut content = Vec::new();
    file.take(MAX_SECRET + 1).read_to_end(&mut content).await.map_err(|e| wrong(&reason_of(&e)))?;
    first_line(&content).map_err(wrong)
}

async fn from_command(argv: &[String]) -> Result<SecretString, SourceError> {
    let (program, arguments) = argv.split_first().ok_or_else(|| {
        SourceError::Misconfigured("the command for the secret is empty: name a program".to_owned())
    })?;
    let wrong = |reason: &str| {
        SourceError::Misconfigured(format!(
            "the command {program:?} for the secret {reason}; try it in a shell"
        ))
    };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| wrong(&format!("does not start: {}", reason_of(&e))))?;
    let group = Group::led_by(&child);
    let stdout = child.stdout.take();
    // Once it has ended, what it started ends too: a child that was left behind would keep the
    // pipe open.
    let ending = async {
        let status = child.wait().await;
        drop(group);
        status
    };
    let reading = async {
        let mut content = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(MAX_SECRET + 1).read_to_end(&mut content).await?;
        }
        Ok(content)
    };
    let run = async { tokio::try_join!(ending, reading) };
    let (status, content) = tokio::time::timeout(COMMAND_TIMEOUT, run)
        .await
        .map_err(|_| wrong(&format!("did not end within {} s", COMMAND_TIMEOUT.as_secs())))?
        .map_err(|e| wrong(&format!("failed: {}", reason_of(&e))))?;
    if !status.success() {
        return Err(wrong(&format!("failed ({status})")));
    }
    first_line(&content).map_err(wrong)
}

fn first_line(content: &[u8]) -> Result<SecretString, &'static str> {
    if content.len() as u64 > MAX_SECRET {
        return Err("is larger than 64 KiB");
    }
    let content = std::str::from_utf8(content).map_err(|_| "is not text")?;
    match content.lines().next().map(str::trim) {
        None | Some("") => Err("has an empty first line"),
        Some(line) => Ok(SecretString::from(line)),
    }
}

fn reason_of(error: &std::io::Error) -> String {
    text::clean(&error.to_string(), 200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn argv(script: &str) -> Secret {
        Secret::Command(vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()])
    }

    #[tokio::test]
    async fn the_first_line_of_a_file_or_a_command_is_the_secret() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "from-file \nsecond line").unwrap();
        let secret = read(&Secret::File(file.path().to_owned())).await.unwrap();
        assert_eq!(secret.expose_secret(), "from-file");
        let secret = read(&argv("echo from-command; echo noise")).await.unwrap();
        assert_eq!(secret.expose_secret(), "from-command");
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_read_says_where_it_should_be() {
        let missing = read(&Secret::File("/nonexistent/token".into())).await.unwrap_err();
        assert!(missing.to_string().contains("/nonexistent/token"), "{missing}");
        let unset = read(&Secret::Env("ATALAYA_NO_SUCH_VARIABLE".to_owned())).await.unwrap_err();
        assert!(unset.to_string().contains("ATALAYA_NO_SUCH_VARIABLE"), "{unset}");
        let failed = read(&argv("echo hidden; exit 3")).await.unwrap_err();
        assert!(failed.to_string().contains("exit status: 3"), "{failed}");
        assert!(!failed.to_string().contains("hidden"), "{failed}");
    }

    #[tokio::test]
    async fn basic_credentials_become_one_header_that_hides_its_value() {
        let password = Secret::Inline(SecretString::from("secret"));
        let auth = Auth::Basic { user: "lab".to_owned(), password };
        let credentials = Credentials::new(auth);
        let credential = credentials.current().await.unwrap().unwrap();
        assert_eq!(credential.value.to_str().unwrap(), "Basic bGFiOnNlY3JldA==");
        let shown = format!("{credentials:?} {credential:?}");
        assert!(!shown.contains("secret\"") && !shown.contains("bGFi"), "{shown}");
    }

    #[tokio::test]
    async fn what_a_command_for_a_secret_leaves_behind_ends_with_it() {
        // It would keep the pipe open until the time-out.
        let begun = std::time::Instant::now();
        let secret = read(&argv("sleep 60 & echo token $!")).await.unwrap();
        assert!(begun.elapsed() < COMMAND_TIMEOUT);
        let (_, pid) = secret.expose_secret().split_once(' ').unwrap();
        let is_running = || {
            // A process that has ended and is not fetched yet is a zombie.
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !stat.is_empty() && !stat.contains(") Z ")
        };
        while is_running() && begun.elapsed() < COMMAND_TIMEOUT {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(!is_running());
    }

    #[test]
    fn no_form_of_a_secret_is_repeated() {
        let mut hidden = Hidden::default();
        hidden.header(&HeaderValue::from_static("Basic bGFiOmh1bnRlcjI="));
        hidden.header(&HeaderValue::from_static("Bearer SECRET123"));
        hidden.header(&HeaderValue::from_static("key-456"));
        hidden.header(&HeaderValue::from_static("Token token=PD-789"));
        hidden.header(&HeaderValue::from_static("no"));
        hidden.address(&"http://ana:p%40ss+&-789@h/".parse().unwrap());
        let said = "Basic bGFiOmh1bnRlcjI= hunter2 Bearer SECRET123 key-456 no p@ss+&-789 p%40ss+&-789 \
                    YW5hOnBAc3MrJi03ODk= PD-789";
        assert_eq!(hidden.hide(said), "Basic *** *** Bearer *** *** no *** *** *** ***");
        assert!(!format!("{hidden:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn a_refused_secret_is_read_again_and_offered_only_if_it_changed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "old").unwrap();
        let credentials = Credentials::new(Auth::Bearer(Secret::File(file.path().to_owned())));
        let old = credentials.current().await.unwrap().unwrap();
        assert_eq!(credentials.renewed(&old).await.unwrap(), None);
        std::fs::write(file.path(), "new").unwrap();
        assert_eq!(credentials.current().await.unwrap().as_ref(), Some(&old));
        let new = credentials.renewed(&old).await.unwrap().unwrap();
        assert_eq!(new.value, "Bearer new");
        assert_eq!(credentials.current().await.unwrap(), Some(new));
    }
}
