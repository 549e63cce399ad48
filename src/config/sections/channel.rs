//! `[[notify.channels]]`: the ways by which people are paged.

use chrono::TimeDelta;

use super::source::{PASSWORD, WEB, argv, http, one_way, secret, secret_elsewhere};
use crate::config::names::Names;
use crate::config::reader::Section;
use crate::domain::paging::ChannelKind;
use crate::notify::channels::{
    Address, ChannelSettings, Encryption, Format, Mail, Way, Webhook, mailbox,
};
use crate::sources::settings::Command;

/// The longest that one try may take, unless set otherwise.
const TIMEOUT: TimeDelta = TimeDelta::seconds(10);
/// The same of mail: some servers let strangers wait on purpose.
const MAIL_TIMEOUT: TimeDelta = TimeDelta::seconds(20);
/// The keys by which an address that is itself a secret may be given.
const URL: [&str; 4] = ["url", "url_file", "url_env", "url_command"];

const ENCRYPTIONS: [(&str, Encryption); 3] =
    [("starttls", Encryption::StartTls), ("tls", Encryption::Tls), ("none", Encryption::None)];
const FORMATS: [(&str, Format); 3] =
    [("json", Format::Json), ("slack", Format::Slack), ("mattermost", Format::Mattermost)];

/// Which channels there are, for those who name them.
pub struct Known<'a> {
    pub names: Names<'a>,
    /// Those for which a person needs an e-mail address.
    pub mails: Vec<&'a str>,
}

impl Default for Known<'_> {
    fn default() -> Self {
        Self { names: Names::new("channel", "channels"), mails: Vec::new() }
    }
}

/// All of them. Those with errors in them are left out, but their names are known.
pub fn channels(sections: Vec<Section<'_>>) -> (Vec<ChannelSettings>, Known<'_>) {
    let (mut list, mut known) = (Vec::new(), Known::default());
    for s in sections {
        let id = s.id("id = \"ops-hook\"");
        if let Some(id) = id {
            known.names.give(s.report(), id);
        }
        if !s.has("kind") {
            s.missing("kind", "kind = \"webhook\"");
        }
        let Some(kind) = s.word("kind", &ChannelKind::WORDS) else { continue };
        if let (ChannelKind::Mail, Some(id)) = (kind, id) {
            known.mails.push(id.value);
        }
        let timeout = s.duration("timeout", TimeDelta::seconds(1)..=TimeDelta::minutes(2));
        let way = match kind {
            ChannelKind::Webhook => webhook(&s).map(Way::Webhook),
            ChannelKind::Mail => mail(&s).map(Way::Mail),
            ChannelKind::Command => command(&s).map(Way::Command),
        };
        let otherwise = if kind == ChannelKind::Mail { MAIL_TIMEOUT } else { TIMEOUT };
        let timeout = timeout.unwrap_or(otherwise).to_std().unwrap_or_default();
        let digest = s.digest();
        s.finish();
        if let (Some(id), Some(way)) = (id, way) {
            list.push(ChannelSettings { id: id.value.into(), timeout, way, digest });
        }
    }
    (list, known)
}

fn webhook(s: &Section<'_>) -> Option<Webhook> {
    let format = s.word("format", &FORMATS).unwrap_or_default();
    let http = http(s);
    let url = address(s, "url = \"https://chat.example/hooks/ops\" (or url_file)");
    if let (true, Some(at)) = (http.insecure_skip_verify, s.key_place("insecure_skip_verify")) {
        let message = "a page is not sent to whoever happens to answer";
        s.report().error(
            at,
            message,
            "name their authority instead: auth = { ca_file = \"ca.pem\" }",
        );
    }
    Some(Webhook { url: url?, format, http })
}

/// An address that may be a secret; it has to be there, as in the example.
pub fn address(s: &Section<'_>, example: &str) -> Option<Address> {
    one_way(s, URL);
    let [plain, file, env, program] = URL;
    let hidden = secret_elsewhere(s, [file, env, program]).map(Address::Secret);
    let url = s.url(plain, &WEB).map(Address::Plain).or(hidden);
    if !URL.iter().any(|key| s.has(key)) {
        s.missing(plain, example);
    }
    url
}

fn mail(s: &Section<'_>) -> Option<Mail> {
    let host = s.required_text("host", "host = \"smtp.acme.example\"");
    let encryption = s.word("encryption", &ENCRYPTIONS).unwrap_or_default();
    if let (Encryption::None, Some(host)) = (encryption, host)
        && !is_loopback(host.value)
    {
        let at = s.node("encryption").map_or(s.at, |node| node.at.0);
        let message = format!("mail to {} would travel in the open", host.value);
        let remedy = "use \"starttls\" or \"tls\"; \"none\" is for this machine only";
        s.report().error(at, message, remedy);
    }
    let port = s.integer("port", 1..=65_535).map(|n| n as u16);
    let from = s.required_text("from", "from = \"NOC <noc@acme.example>\"");
    let from = from.and_then(|text| match mailbox(text.value) {
        Ok(from) => Some(from),
        Err(why) => {
            let message = format!("{:?} is no sender of mail: {why}", text.value);
            s.report().error(text.at, message, "write it as \"NOC <noc@acme.example>\"");
            None
        }
    });
    let user = s.filled("user").map(|t| t.value.to_owned());
    let password = secret(s, PASSWORD);
    let login = match (user, password) {
        (Some(user), Some(password)) => Some((user, password)),
        (None, None) => None,
        (Some(_), None) => {
            s.missing("password_file", "password_file = \"/run/secrets/smtp\"");
            None
        }
        (None, Some(_)) => {
            s.missing("user", "user = \"noc\"");
            None
        }
    };
    let ca_file = s.path("ca_file");
    let port = port.unwrap_or(encryption.port());
    Some(Mail { host: host?.value.to_owned(), port, encryption, from: from?, login, ca_file })
}

fn command(s: &Section<'_>) -> Option<Command> {
    let env = s.pairs("env");
    let env = env.into_iter().map(|(k, v)| (k.to_owned(), v.value.to_owned())).collect();
    let directory = s.path("directory");
    if !s.has("argv") {
        s.missing("argv", "argv = [\"/usr/local/bin/send-sms\", \"--urgent\"]");
    }
    Some(Command { argv: argv(s, "argv")?, env, directory })
}

/// This machine, by name or address.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|a| a.is_loopback())
}
