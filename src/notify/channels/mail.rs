//! A page by mail, over SMTP.
//!
//! The connection is ours: TLS is judged by the same authorities as everywhere else, and a server
//! that talks without end is cut off. What is said on it is lettre's. `STARTTLS` is therefore done
//! here, before lettre begins; the server's greeting is played to it again afterwards.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Encryption, Failure, Letter, Mail};
use crate::domain::paging::message::Message;
use crate::domain::text;
use crate::sources::settings::HttpSettings;
use crate::sources::{secret, tls};

/// The most that a server may say in one conversation, in bytes.
const MAX_SAID: usize = 64 * 1024;

/// A page.
pub(super) async fn send(mail: &Mail, message: &Message) -> Result<String, Failure> {
    deliver(mail, &compose(mail, message)?).await
}

/// A letter with its files.
pub(super) async fn post(mail: &Mail, letter: &Letter) -> Result<String, Failure> {
    deliver(mail, &write(mail, letter)?).await
}

async fn deliver(mail: &Mail, written: &lettre::Message) -> Result<String, Failure> {
    let login = match &mail.login {
        None => None,
        Some((user, password)) => {
            let password = secret::read(password).await?;
            Some(Credentials::new(user.clone(), password.expose_secret().to_owned()))
        }
    };
    let at = format!("{}:{}", mail.host, mail.port);
    let failed = |e: lettre::transport::smtp::Error| {
        Failure::sure(format!("{at}: {}", text::clean(&explained(&e), 250)))
    };
    let (stream, hello) = connect(mail, &at).await?;
    let mut smtp =
        AsyncSmtpConnection::connect_with_transport(stream, &hello).await.map_err(failed)?;
    if let Some(login) = &login {
        smtp.auth(&[Mechanism::Plain, Mechanism::Login], login).await.map_err(failed)?;
    }
    let sent = smtp.send(written.envelope(), &written.formatted()).await;
    let response = sent.map_err(|e| {
        // Where the server has answered, it is known what became of it.
        let unsure = !e.is_transient() && !e.is_permanent();
        Failure { unsure, ..failed(e) }
    })?;
    // It has it; how the conversation ends changes nothing.
    let _ = smtp.quit().await;
    let said: Vec<&str> = response.message().collect();
    Ok(text::clean(&said.join(" "), 150))
}

fn explained(e: &lettre::transport::smtp::Error) -> String {
    use std::error::Error;
    let inner = e.source().map(|s| format!(": {s}")).unwrap_or_default();
    let said = e.to_string();
    if said.contains(inner.trim_start_matches(": ")) { said } else { format!("{said}{inner}") }
}

/// The mail of a page. Its id is the same for every try: mailboxes that look at it show it once.
fn compose(mail: &Mail, message: &Message) -> Result<lettre::Message, Failure> {
    let Some(email) = &message.person.email else {
        let why = format!("{} has no e-mail address by now", message.person.name);
        return Err(Failure::sure(why));
    };
    let address = email.parse().map_err(|e| Failure::sure(format!("{email:?}: {e}")))?;
    let to = Mailbox::new(Some(message.person.name.clone()), address);
    let id = format!("<{}@{}>", message.key, mail.from.email.domain());
    let raw = |name: &'static str, value: &str| {
        HeaderName::new_from_ascii(name.to_owned())
            .map(|name| HeaderValue::new(name, value.to_owned()))
            .map_err(|e| Failure::sure(format!("{name} is no header: {e}")))
    };
    lettre::Message::builder()
        .from(mail.from.clone())
        .to(to)
        .subject(message.headline())
        .message_id(Some(id))
        // Nobody's absence answers it.
        .raw_header(raw("Auto-Submitted", "auto-generated")?)
        .raw_header(raw("Importance", "high")?)
        .header(ContentType::TEXT_PLAIN)
        .body(message.body())
        .map_err(|e| Failure::sure(format!("no mail can be made of it: {e}")))
}

/// A letter as a mail. Its id is the same for every try, as that of a page.
fn write(mail: &Mail, letter: &Letter) -> Result<lettre::Message, Failure> {
    let mut body = MultiPart::mixed().singlepart(SinglePart::plain(letter.text.clone()));
    for (name, kind, text) in &letter.files {
        let kind = ContentType::parse(kind).map_err(|e| Failure::sure(e.to_string()))?;
        body = body.singlepart(Attachment::new(name.clone()).body(text.clone(), kind));
    }
    let mut message = lettre::Message::builder()
        .from(mail.from.clone())
        .subject(text::clean(&letter.subject, 200))
        .message_id(Some(format!("<{}@{}>", letter.key, mail.from.email.domain())));
    for recipient in &letter.recipients {
        message = message.to(recipient.clone());
    }
    message.multipart(body).map_err(|e| Failure::sure(format!("no mail can be made of it: {e}")))
}

/// Connected, encrypted as it should be, and how we call ourselves there.
async fn connect(mail: &Mail, at: &str) -> Result<(Box<dyn AsyncTokioStream>, ClientId), Failure> {
    let unreachable = |e: io::Error| Failure::sure(format!("{at} cannot be reached: {e}"));
    let tcp = TcpStream::connect((mail.host.trim_matches(['[', ']']), mail.port));
    let mut tcp = tcp.await.map_err(unreachable)?;
    let peer = tcp.peer_addr().map_err(unreachable)?;
    let hello = match tcp.local_addr().map_err(unreachable)?.ip() {
        IpAddr::V4(ip) => ClientId::Ipv4(ip),
        IpAddr::V6(ip) => ClientId::Ipv6(ip),
    };
    let greeting = match mail.encryption {
        Encryption::None => {
            return Ok((Box::new(Wire::new(tcp, peer, Vec::new())), hello));
        }
        Encryption::Tls => Vec::new(),
        Encryption::StartTls => start_tls(&mut tcp, &hello, at).await?,
    };
    let settings = HttpSettings { ca_file: mail.ca_file.clone(), ..HttpSettings::default() };
    let config = tokio::task::spawn_blocking(move || tls::client_config(&settings)).await;
    let config = config.map_err(|e| Failure::sure(e.to_string()))??;
    let name = ServerName::try_from(mail.host.trim_matches(['[', ']']).to_owned())
        .map_err(|_| Failure::sure(format!("{} is no name of a server", mail.host)))?;
    let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|e| {
        let inner = e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let why = inner.map_or_else(|| e.to_string(), tls::explain);
        Failure::sure(format!("{at}: no TLS: {why}"))
    })?;
    Ok((Box::new(Wire::new(tls, peer, greeting)), hello))
}

/// Up to the point where TLS begins (RFC 3207); returns the greeting. Nothing that a stranger may
/// have put behind the last answer in the open is taken over.
async fn start_tls(tcp: &mut TcpStream, hello: &ClientId, at: &str) -> Result<Vec<u8>, Failure> {
    let broken = |e: io::Error| Failure::sure(format!("{at}: {e}"));
    let (greeting, _) = answer(tcp, 220, at).await?;
    tcp.write_all(format!("EHLO {hello}\r\n").as_bytes()).await.map_err(broken)?;
    let (_, offers) = answer(tcp, 250, at).await?;
    let offers_tls = offers.lines().any(|l| l.get(4..).is_some_and(|w| w.trim() == "STARTTLS"));
    if !offers_tls {
        let why = format!("{at} offers no STARTTLS; use encryption = \"tls\", or another port");
        return Err(Failure::sure(why));
    }
    tcp.write_all(b"STARTTLS\r\n").await.map_err(broken)?;
    answer(tcp, 220, at).await?;
    Ok(greeting)
}

/// One answer, of several lines where the fourth character is a hyphen.
async fn answer(tcp: &mut TcpStream, wanted: u16, at: &str) -> Result<(Vec<u8>, String), Failure> {
    let mut all: Vec<u8> = Vec::new();
    let mut line = 0;
    loop {
        let byte = tcp.read_u8().await;
        let byte = byte.map_err(|e| Failure::sure(format!("{at} broke off: {e}")))?;
        all.push(byte);
        if all.len() > MAX_SAID {
            return Err(Failure::sure(format!("{at} talks without end; is it a mail server?")));
        }
        if byte != b'\n' {
            continue;
        }
        if all.get(line + 3) != Some(&b'-') {
            break;
        }
        line = all.len();
    }
    let text = String::from_utf8_lossy(&all).to_uppercase();
    if text.get(..3) == Some(&wanted.to_string()) {
        return Ok((all, text));
    }
    let said = text::clean(String::from_utf8_lossy(&all).trim(), 150);
    Err(Failure::sure(format!("{at} answered {said:?} instead of {wanted}")))
}

/// A connection that says its first words again, and of which only so much is read.
struct Wire<S> {
    inner: S,
    peer: SocketAddr,
    first: Vec<u8>,
    left: usize,
}

impl<S> Wire<S> {
    fn new(inner: S, peer: SocketAddr, first: Vec<u8>) -> Self {
        Self { inner, peer, first, left: MAX_SAID }
    }
}

impl<S> fmt::Debug for Wire<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let n = self.first.len().min(buffer.remaining());
            let again: Vec<u8> = self.first.drain(..n).collect();
            buffer.put_slice(&again);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        let n = buffer.filled().len() - before;
        match self.left.checked_sub(n) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Err(io::Error::other("the server talks without end"))),
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> AsyncTokioStream for Wire<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
