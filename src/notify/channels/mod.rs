//! The ways by which somebody is paged: each takes a [`Message`] and says delivered, or why not.
//!
//! Nothing here decides: who is paged, by what and how often is `domain::paging`'s. A try ends within
//! its channel's time-out, reads no more of an answer than it needs, and repeats no secret.

mod mail;
mod program;
mod webhook;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use lettre::message::Mailbox;
use url::Url;

use crate::domain::paging::message::Message;
use crate::domain::paging::{Channel, ChannelId, ChannelKind, Ended};
use crate::domain::text;
use crate::sources::SourceError;
use crate::sources::http_client::Clients;
use crate::sources::settings::{Command, HttpSettings, Secret};

/// One `[[notify.channels]]`.
#[derive(Debug, Clone)]
pub struct ChannelSettings {
    pub id: ChannelId,
    /// Of one try.
    pub timeout: Duration,
    pub way: Way,
    /// A number that changes with the settings.
    pub digest: u64,
}

#[derive(Debug, Clone)]
pub enum Way {
    Webhook(Webhook),
    Mail(Mail),
    /// The page as JSON on its standard input.
    Command(Command),
}

#[derive(Debug, Clone)]
pub struct Webhook {
    pub url: Address,
    pub format: Format,
    pub http: HttpSettings,
}

/// Where a webhook is. Of many the address is all the credentials that there are.
#[derive(Debug, Clone)]
pub enum Address {
    Plain(Url),
    Secret(Secret),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// The whole [`Message`].
    #[default]
    Json,
    Slack,
    Mattermost,
}

#[derive(Debug, Clone)]
pub struct Mail {
    pub host: String,
    pub port: u16,
    pub encryption: Encryption,
    pub from: Mailbox,
    pub login: Option<(String, Secret)>,
    /// PEM file with further certificate authorities.
    pub ca_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// Begins in the open and must become encrypted.
    #[default]
    StartTls,
    Tls,
    None,
}

impl Encryption {
    /// The usual port: submission, submission over TLS, a relay on this machine.
    pub fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// A sender of mail: `noc@acme.example`, or with a name before it in angle brackets.
///
/// # Errors
/// What is wrong with it.
pub fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|e: lettre::address::AddressError| e.to_string())
}

impl ChannelSettings {
    /// What has to be known of it for deciding.
    pub fn as_known(&self) -> Channel {
        let kind = match &self.way {
            Way::Webhook(_) => ChannelKind::Webhook,
            Way::Mail(_) => ChannelKind::Mail,
            Way::Command(_) => ChannelKind::Command,
        };
        let timeout = TimeDelta::from_std(self.timeout).unwrap_or(TimeDelta::MAX);
        Channel { id: Arc::clone(&self.id), kind, timeout }
    }
}

/// A GET that only says that somebody is there.
///
/// # Errors
/// Why it did not arrive, without repeating a secret.
pub async fn ping(
    url: &Address,
    http: &HttpSettings,
    clients: &Clients,
    timeout: Duration,
) -> Result<(), String> {
    let asked = tokio::time::timeout(timeout, webhook::ping(url, http, clients)).await;
    let outcome = asked.unwrap_or_else(|_| {
        Err(Failure::sure(format!("no answer within {} s", timeout.as_secs())))
    });
    outcome.map_err(|failure| text::clean(&failure.why, text::MAX_LINE))
}

/// Why a try failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    why: String,
    /// It may have arrived all the same.
    unsure: bool,
    /// How long the other side asks to be left alone.
    wait: Option<Duration>,
}

impl Failure {
    fn sure(why: impl Into<String>) -> Self {
        Self { why: why.into(), unsure: false, wait: None }
    }

    fn unsure(why: impl Into<String>) -> Self {
        Self { why: why.into(), unsure: true, wait: None }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let why = error.to_string();
        match error {
            SourceError::Busy { retry_after, .. } => Self { wait: retry_after, ..Self::sure(why) },
            SourceError::TimedOut(_) => Self::unsure(why),
            _ => Self::sure(why),
        }
    }
}

/// A mail that is no page: a report with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The same for every try.
    pub key: String,
    pub recipients: Vec<Mailbox>,
    pub subject: String,
    pub text: String,
    /// Name, type and content of each.
    pub files: Vec<(String, &'static str, String)>,
}

/// Carries pages out; cheap to clone.
#[derive(Debug, Clone)]
pub enum Courier {
    /// By these channels.
    Real { channels: Arc<[ChannelSettings]>, clients: Clients },
    /// Nothing leaves this machine: it is told as if.
    AsIf,
}

impl Courier {
    pub fn new(channels: &[ChannelSettings]) -> Self {
        Self::Real { channels: channels.into(), clients: Clients::default() }
    }

    /// One try to send a letter by a channel of mail; says what the server said.
    ///
    /// # Errors
    /// Why it was not sent, without repeating a secret.
    pub async fn post(&self, channel: &str, letter: &Letter) -> Result<String, String> {
        let Self::Real { channels, .. } = self else {
            return Ok("as if: nothing was sent".to_owned());
        };
        let channel = channels.iter().find(|c| &*c.id == channel);
        let Some(ChannelSettings { way: Way::Mail(mail), timeout, .. }) = channel else {
            return Err("this console has no such channel any more".to_owned());
        };
        let outcome = tokio::time::timeout(*timeout, mail::post(mail, letter)).await;
        let outcome = outcome.unwrap_or_else(|_| {
            Err(Failure::unsure(format!("no end within {} s", timeout.as_secs())))
        });
        outcome.map_err(|failure| text::clean(&failure.why, text::MAX_LINE))
    }

    /// One try. It ends, whatever the other side does.
    pub async fn carry(&self, message: &Message) -> Ended {
        let (channels, clients) = match self {
            Self::AsIf => return Ended::Delivered { said: "as if: nothing was sent".to_owned() },
            Self::Real { channels, clients } => (channels, clients),
        };
        let Some(channel) = channels.iter().find(|c| *c.id == *message.channel) else {
            let why = format!("this console has no channel {} any more", message.channel);
            return ended(Err(Failure::sure(why)));
        };
        let attempt = async {
            match &channel.way {
                Way::Webhook(webhook) => webhook::send(webhook, clients, message).await,
                Way::Mail(mail) => mail::send(mail, message).await,
                Way::Command(command) => program::send(command, message).await,
            }
        };
        let outcome = tokio::time::timeout(channel.timeout, attempt).await;
        ended(outcome.unwrap_or_else(|_| {
            let seconds = channel.timeout.as_secs();
            Err(Failure::unsure(format!("no end within {seconds} s; timeout of the channel")))
        }))
    }
}

fn ended(outcome: Result<String, Failure>) -> Ended {
    match outcome {
        Ok(said) => Ended::Delivered { said: text::clean(&said, 200) },
        Err(Failure { why, unsure, wait }) => {
            let wait = wait.and_then(|w| TimeDelta::from_std(w).ok());
            Ended::Failed { why: text::clean(&why, text::MAX_LINE), unsure, wait }
        }
    }
}
