//! A page as a POST of JSON: the whole of it, or as the incoming webhooks of Slack and Mattermost
//! want it.

use reqwest::header::{HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use super::{Address, Failure, Format, Webhook};
use crate::domain::paging::message::Message;
use crate::sources::SourceError;
use crate::sources::http_client::{Clients, Http, Request};
use crate::sources::secret;
use crate::sources::settings::HttpSettings;

/// Nobody needs more to say that it has arrived.
const MAX_ANSWER: usize = 64 * 1024;
/// By this a receiver tells what it has got already.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

pub(super) async fn send(
    webhook: &Webhook,
    clients: &Clients,
    message: &Message,
) -> Result<String, Failure> {
    let url = address(&webhook.url).await?;
    let mut request = Request::post_json(url.clone(), &payload(webhook.format, message));
    let key = HeaderValue::from_str(&message.key);
    request.headers.insert(KEY, key.map_err(|_| Failure::sure("its key is no header"))?);
    let http = Http::with(&webhook.http, MAX_ANSWER, clients);
    let hide = |said: &str| hidden(said, &url);
    let answer = match http.send(&request).await {
        Ok(answer) => answer,
        // It has answered, and nobody knows what.
        Err(e @ SourceError::BadAnswer(_)) => {
            return Err(Failure::unsure(e.reworded(hide).to_string()));
        }
        Err(e) => return Err(e.reworded(hide).into()),
    };
    match answer.checked() {
        Ok(answer) => Ok(format!("{} {}", answer.status.as_u16(), origin(&url))),
        Err(e) => Err(e.reworded(hide).into()),
    }
}

pub(super) async fn ping(
    url: &Address,
    http: &HttpSettings,
    clients: &Clients,
) -> Result<(), Failure> {
    let url = address(url).await?;
    let answer = Http::with(http, MAX_ANSWER, clients).get(url.clone()).await;
    let hide = |said: &str| hidden(said, &url).replace("this channel", "dead_mans_switch");
    let answer = answer.and_then(|answer| answer.checked().map(drop));
    answer.map_err(|e| e.reworded(hide).into())
}

async fn address(address: &Address) -> Result<Url, Failure> {
    match address {
        Address::Plain(url) => Ok(url.clone()),
        Address::Secret(kept) => {
            let text = secret::read(kept).await?;
            let url = Url::parse(text.expose_secret()).ok();
            let url = url.filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
            url.ok_or_else(|| Failure::sure("what is kept as its url is no http or https address"))
        }
    }
}

fn origin(url: &Url) -> String {
    let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

/// Without the path and the query, which open the door to whoever knows them.
fn hidden(said: &str, url: &Url) -> String {
    let secrets = [url.path().trim_end_matches('/'), url.query().unwrap_or_default()];
    let said = secrets.into_iter().filter(|s| s.len() > 1).fold(said.to_owned(), |said, secret| {
        said.replace(secret, if secret.starts_with('/') { "/…" } else { "…" })
    });
    said.replace("this source", "this channel")
}

fn payload(format: Format, message: &Message) -> Value {
    match format {
        Format::Json => serde_json::to_value(message).unwrap_or_default(),
        Format::Slack => json!({ "text": slack(&written(message, "*")) }),
        Format::Mattermost => json!({ "text": mattermost(&written(message, "**")) }),
    }
}

fn written(message: &Message, bold: &str) -> String {
    let who = &message.person.name;
    format!("{bold}{}{bold}\n{who}: {}", message.headline(), message.body())
}

/// Slack's three characters; so nothing in a title mentions the whole channel.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Mattermost mentions whatever follows an `@`; behind a character without width it does not.
fn mattermost(text: &str) -> String {
    text.replace('@', "@\u{200b}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_title_calls_a_whole_channel() {
        assert_eq!(slack("<!channel> a & b"), "&lt;!channel&gt; a &amp; b");
        assert_eq!(mattermost("@all"), "@\u{200b}all");
    }

    #[test]
    fn the_path_of_a_webhook_is_not_repeated() {
        let url: Url = "https://hooks.example/services/T0/B0/secret?t=key".parse().unwrap();
        let said = "https://hooks.example/services/T0/B0/secret failed (500: t=key)";
        assert_eq!(hidden(said, &url), "https://hooks.example/… failed (500: …)");
        let bare: Url = "https://hooks.example/".parse().unwrap();
        assert_eq!(hidden("https://hooks.example failed", &bare), "https://hooks.example failed");
    }
}
