//! Pages in an unkind world: receivers that hang, refuse, flood or lie, consoles that are killed
//! between what they store and what they send, and two at once.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use atalaya::config::{self, Surroundings};
use atalaya::domain::command::Command as Ask;
use atalaya::domain::incident::Actor;
use atalaya::domain::paging::message::{Contact, Message, PageName};
use atalaya::domain::paging::{self, Ended, PageId, Pages, Standing};
use atalaya::domain::time::Timescale;
use atalaya::engine::Plan;
use atalaya::engine::runtime::{self, Handle};
use atalaya::notify::channels::{ChannelSettings, Courier};
use atalaya::notify::pager;
use atalaya::store::{Location, Store};
use chrono::{TimeDelta, Utc};
use rstest::rstest;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(30);

/// What a config of these channels, and of Ana who is paged by all of them, means.
fn configured(channels: &str) -> (Plan, Vec<ChannelSettings>) {
    let text = format!(
        "{channels}\n[[people]]\nid = \"ana\"\nname = \"Ana Ruiz\"\nemail = \"ana@acme.example\"\n\
         page = [{}]\n",
        channels.lines().filter_map(|l| l.strip_prefix("id = ")).collect::<Vec<_>>().join(", ")
    );
    let config = config::of_text("c.toml", text, &Surroundings::of_process(), Utc::now());
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    (config.plan, config.channels)
}

fn message(channel: &str) -> Message {
    Message {
        version: 1,
        site: "acme".to_owned(),
        page: PageName(PageId(7)),
        key: "atalaya-page-7-1-x".to_owned(),
        channel: channel.to_owned(),
        attempt: 1,
        possibly_twice: false,
        test: false,
        at: Utc::now(),
        by: "eva".to_owned(),
        target: "core 1".to_owned(),
        person: Contact {
            id: "ana".into(),
            name: "Ana Ruiz".to_owned(),
            email: Some("ana@acme.example".to_owned()),
            phone: None,
            chat: None,
        },
        incident: None,
        priority: None,
        subject: "come".to_owned(),
        text: "come".to_owned(),
        details: String::new(),
        open: "atalaya".to_owned(),
    }
}

/// One try by the only channel; it must end soon.
async fn tried(channel: &str) -> Ended {
    let (_, channels) = configured(channel);
    let id = channels[0].id.to_string();
    let begun = Instant::now();
    let ended = Courier::new(&channels).carry(&message(&id)).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    ended
}

fn failure(ended: Ended) -> (String, bool, Option<i64>) {
    match ended {
        Ended::Failed { why, unsure, wait } => (why, unsure, wait.map(|w| w.num_seconds())),
        Ended::Delivered { said } => panic!("delivered: {said}"),
    }
}

/// A server that does the same with every connection.
async fn serve<F>(with: impl Fn(TcpStream) -> F + Send + 'static) -> (u16, JoinHandle<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(with(stream));
        }
    });
    (port, task)
}

fn hook(port: u16) -> String {
    format!(
        "[[notify.channels]]\nid = \"hook\"\nkind = \"webhook\"\ntimeout = \"1s\"\n\
         url = \"http://127.0.0.1:{port}/services/T0/hush\"\n"
    )
}

fn mail(port: u16, more: &str) -> String {
    format!(
        "[[notify.channels]]\nid = \"mail\"\nkind = \"mail\"\nhost = \"127.0.0.1\"\nport = {port}\n\
         from = \"NOC <noc@acme.example>\"\ntimeout = \"1s\"\n{more}\n"
    )
}

#[rstest]
#[case("HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nhush", "failed (500: hush)", None)]
#[case("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "does not exist (404)", None)]
#[case(
    "HTTP/1.1 429 Slow\r\nRetry-After: 45\r\nContent-Length: 0\r\n\r\n",
    "asks for patience (429)",
    Some(45)
)]
#[case(
    "HTTP/1.1 503 Slow\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n",
    "asks for patience (503)",
    Some(9)
)]
#[case("HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n", "set auth for this channel", None)]
#[tokio::test]
async fn a_webhook_that_refuses_says_why_and_not_its_own_address(
    #[case] answer: &'static str,
    #[case] expect: &str,
    #[case] wait: Option<i64>,
) {
    let (port, _server) = serve(move |mut stream| async move {
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await;
    let (why, unsure, asked) = failure(tried(&hook(port)).await);
    assert!(why.contains(expect), "{why}");
    assert!(!why.contains("T0"), "{why}");
    assert_eq!((unsure, asked), (false, wait));
}

#[tokio::test]
async fn a_webhook_that_hangs_or_floods_is_left_and_may_have_got_it() {
    let (port, _server) = serve(|mut stream| async move {
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        tokio::time::sleep(PATIENCE).await;
    })
    .await;
    let (why, unsure, _) = failure(tried(&hook(port)).await);
    assert_eq!((why.as_str(), unsure), ("no end within 1 s; timeout of the channel", true));
    let (port, _server) = serve(|mut stream| async move {
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b' '; 8_192]).await.is_ok() {}
    })
    .await;
    let (why, unsure, _) = failure(tried(&hook(port)).await);
    assert!(why.contains("answered with more than") && unsure, "{why}");
}

#[tokio::test]
async fn a_page_is_not_posted_to_another_server_than_the_configured_one() {
    let (port, _server) = serve(|mut stream| async move {
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await;
        let answer =
            "HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n";
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await;
    let (why, ..) = failure(tried(&hook(port)).await);
    assert!(why.contains("nothing is posted there"), "{why}");
}

#[tokio::test]
async fn a_mail_server_that_hangs_talks_without_end_or_lies_is_left() {
    let (port, _server) = serve(|stream| async move {
        tokio::time::sleep(PATIENCE).await;
        drop(stream);
    })
    .await;
    for encryption in ["none", "starttls", "tls"] {
        let more = format!("encryption = \"{encryption}\"");
        let (why, unsure, _) = failure(tried(&mail(port, &more)).await);
        assert_eq!((why.as_str(), unsure), ("no end within 1 s; timeout of the channel", true));
    }
    let (port, _server) =
        serve(|mut stream| async move { while stream.write_all(&[b'2'; 8_192]).await.is_ok() {} })
            .await;
    for (encryption, expect) in
        [("none", "talks without end"), ("starttls", "talks without end"), ("tls", "no TLS")]
    {
        let more = format!("encryption = \"{encryption}\"");
        let (why, ..) = failure(tried(&mail(port, &more)).await);
        assert!(why.contains(expect), "{encryption}: {why}");
    }
    let (port, _server) = serve(|mut stream| async move {
        let _ = stream.write_all(b"421 \x1b[31mtoo busy\x07\r\n").await;
    })
    .await;
    let (why, unsure, _) = failure(tried(&mail(port, "encryption = \"none\"")).await);
    assert!(why.contains("too busy") && !why.contains('\x1b') && !unsure, "{why:?}");
}

/// Speaks as much SMTP as it takes, and writes down what it hears; `answer` may say something else.
async fn smtp(
    stream: TcpStream,
    heard: mpsc::UnboundedSender<String>,
    answer: fn(&str) -> Option<&'static str>,
) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let _ = write.write_all(b"220 here\r\n").await;
    let mut is_mail = false;
    while let Ok(Some(line)) = lines.next_line().await {
        if is_mail && line != "." {
            continue;
        }
        is_mail = line == "DATA";
        let said = answer(&line).unwrap_or(match line.get(..4) {
            Some("EHLO") => "250-here\r\n250 AUTH PLAIN\r\n",
            Some("DATA") => "354 go on\r\n",
            _ => "250 fine\r\n",
        });
        let _ = heard.send(line);
        if said.is_empty() || write.write_all(said.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_password_is_not_sent_where_encryption_is_not_offered() {
    let (heard, mut lines) = mpsc::unbounded_channel();
    let (port, _server) = serve(move |stream| smtp(stream, heard.clone(), |_| None)).await;
    let more = "user = \"noc\"\npassword = \"hunter2\"";
    let (why, unsure, _) = failure(tried(&mail(port, more)).await);
    assert!(why.contains("offers no STARTTLS"), "{why}");
    assert!(!unsure);
    lines.close();
    while let Some(line) = lines.recv().await {
        assert!(line.starts_with("EHLO"), "{line}");
    }
}

#[tokio::test]
async fn what_broke_off_in_the_middle_of_the_mail_may_have_arrived_and_what_was_refused_has_not() {
    let broke: fn(&str) -> Option<&'static str> = |line| (line == ".").then_some("");
    let refused: fn(&str) -> Option<&'static str> =
        |line| line.starts_with("RCPT").then_some("550 no such user\r\n");
    for (answer, expect, may) in [(broke, "127.0.0.1", true), (refused, "no such user", false)] {
        let (heard, _lines) = mpsc::unbounded_channel();
        let (port, _server) = serve(move |stream| smtp(stream, heard.clone(), answer)).await;
        let (why, unsure, _) = failure(tried(&mail(port, "encryption = \"none\"")).await);
        assert!(why.contains(expect), "{why}");
        assert_eq!(unsure, may, "{why}");
    }
}

#[tokio::test]
async fn a_program_that_hangs_fails_or_is_not_there_says_so() {
    let program = |argv: &str| {
        format!(
            "[[notify.channels]]\nid = \"sms\"\nkind = \"command\"\ntimeout = \"1s\"\nargv = {argv}\n"
        )
    };
    let (why, unsure, _) = failure(tried(&program(r#"["/bin/sleep", "60"]"#)).await);
    assert_eq!((why.as_str(), unsure), ("no end within 1 s; timeout of the channel", true));
    let argv = r#"["/bin/sh", "-c", "echo modem is gone >&2; exit 3"]"#;
    let (why, unsure, _) = failure(tried(&program(argv)).await);
    assert_eq!((why.as_str(), unsure), ("/bin/sh ended with exit status: 3: modem is gone", false));
    let (why, ..) = failure(tried(&program(r#"["/no/such/program"]"#)).await);
    assert!(why.starts_with("/no/such/program cannot be run"), "{why}");
    let argv = r#"["/bin/sh", "-c", "yes & exec yes >&2"]"#;
    let (why, ..) = failure(tried(&program(argv)).await);
    assert_eq!(why, "no end within 1 s; timeout of the channel");
}

/// A program that writes each page down, at `place`.
fn writer(place: &Path) -> String {
    let place = place.display();
    format!(
        "[[notify.channels]]\nid = \"sms\"\nkind = \"command\"\ntimeout = \"1s\"\n\
         argv = [\"/bin/sh\", \"-c\", \"cat >> {place}\"]\n"
    )
}

/// A console without a screen, on a store.
async fn console(store: &Path, channels: &str, read_only: bool) -> (Handle, JoinHandle<()>) {
    let (mut plan, channels) = configured(channels);
    plan.site.read_only = read_only;
    let store = Store::open(&Location::File(store.into()), read_only).await.unwrap();
    let (effects, _) = mpsc::channel(1);
    let handle = runtime::start(plan, store, effects).await.unwrap();
    let (_, courier) = watch::channel(Courier::new(&channels));
    let actor = Actor::person("eva");
    let paging = pager::run(handle.clone(), actor, courier, Timescale::REAL);
    (handle, tokio::spawn(paging))
}

async fn until(console: &Handle, what: &str, shows: impl Fn(&Pages) -> bool) -> Arc<Pages> {
    let mut watching = console.watch();
    let seen = watching.wait_for(|s| shows(&s.pages));
    let seen = tokio::time::timeout(PATIENCE, seen).await;
    let seen = seen.unwrap_or_else(|_| panic!("{what}: {:?}", console.snapshot().pages.value));
    Arc::clone(&seen.unwrap().pages.value)
}

fn page_ana() -> Ask {
    Ask::Paging(paging::Command::Page(paging::Request {
        whom: paging::reach::Whom::Person("ana".into()),
        about: None,
        text: "come".to_owned(),
        confirmed: None,
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_and_not_sent_when_the_console_was_killed_the_next_one_sends() {
    let dir = tempfile::tempdir().unwrap();
    let (store, begun) = (dir.path().join("a.db"), dir.path().join("begun"));
    let hanging = format!(
        "[[notify.channels]]\nid = \"sms\"\nkind = \"command\"\ntimeout = \"1s\"\n\
         argv = [\"/bin/sh\", \"-c\", \"touch {}; exec sleep 60\"]\n\
         [[people]]\nid = \"ana\"\npage = [\"sms\"]\n",
        begun.display()
    );
    let file = dir.path().join("c.toml");
    fs::write(&file, hanging).unwrap();
    let mut killed = Command::new(env!("CARGO_BIN_EXE_atalaya"))
        .arg("--config")
        .arg(&file)
        .arg("--store")
        .arg(&store)
        .args(["page", "--person", "ana", "--text", "come"])
        .env("HOME", dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !begun.exists() {
        assert!(started.elapsed() < PATIENCE, "the program was never run");
        std::thread::sleep(Duration::from_millis(5));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();

    let sent = dir.path().join("sent");
    let (handle, _paging) = console(&store, &writer(&sent), false).await;
    let pages = until(&handle, "delivered", |p| p.iter().any(|p| p.has_arrived())).await;
    let page = pages.get(PageId(1)).unwrap();
    assert_eq!((page.deliveries[0].attempts, page.deliveries[0].unsure), (2, true));
    let sent = fs::read_to_string(&sent).unwrap();
    let sent: serde_json::Value = serde_json::from_str(sent.trim()).unwrap();
    assert_eq!(sent["possibly_twice"], true);
    assert_eq!(sent["key"], page.key("sms"));
    assert_eq!(sent["open"], "atalaya");
    handle.stop().await;
    let store = Store::open(&Location::File(store), true).await.unwrap();
    assert_eq!(store.verify().await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_consoles_on_one_store_one_sends_and_both_know() {
    let dir = tempfile::tempdir().unwrap();
    let (store, sent) = (dir.path().join("a.db"), dir.path().join("sent"));
    let (one, _first) = console(&store, &writer(&sent), false).await;
    let (other, _second) = console(&store, &writer(&sent), false).await;
    for n in 1..=10 {
        let asked = if n % 2 == 0 { &one } else { &other };
        let answers = asked.ask(Actor::person("eva"), page_ana()).await;
        assert!(answers[0].verdict.is_done(), "{:?}", answers[0]);
    }
    for console in [&one, &other] {
        until(console, "all", |p| p.iter().filter(|p| p.has_arrived()).count() == 10).await;
    }
    let sent = fs::read_to_string(&sent).unwrap();
    let mut keys: Vec<String> = sent
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["key"].to_string())
        .collect();
    assert_eq!(keys.len(), 10, "each once");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 10);
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_only_reads_or_has_no_such_channel_sends_nothing_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, sent) = (dir.path().join("a.db"), dir.path().join("sent"));
    // Nothing carries it out yet: the console goes before it can.
    let (first, paging) = console(&store, &writer(&sent), false).await;
    paging.abort();
    first.ask(Actor::person("eva"), page_ana()).await;
    first.stop().await;
    assert!(!sent.exists());
    let (reader, _paging) = console(&store, &writer(&sent), true).await;
    let other = writer(&sent).replace("\"sms\"", "\"other\"");
    let (without, _others) = console(&store, &other, false).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!sent.exists());
    let pages = Arc::clone(&without.snapshot().pages.value);
    let standing = &pages.get(PageId(1)).unwrap().deliveries[0].standing;
    assert!(matches!(standing, Standing::Waiting { .. }), "{standing:?}");
    reader.stop().await;
    without.stop().await;
    let (last, _paging) = console(&store, &writer(&sent), false).await;
    until(&last, "delivered", |p| p.iter().any(|p| p.has_arrived())).await;
    last.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_demo_it_is_told_as_if() {
    let (plan, _) = configured(&writer(Path::new("/nowhere")));
    let store = Store::memory().await.unwrap();
    let (effects, _) = mpsc::channel(1);
    let handle = runtime::start(plan, store, effects).await.unwrap();
    let (_keep, courier) = watch::channel(Courier::AsIf);
    let run = pager::run(handle.clone(), Actor::person("eva"), courier, Timescale::REAL);
    let _paging = tokio::spawn(run);
    handle.ask(Actor::person("eva"), page_ana()).await;
    let pages = until(&handle, "told", |p| p.iter().any(|p| p.has_arrived())).await;
    let Standing::Delivered { said, .. } = &pages.get(PageId(1)).unwrap().deliveries[0].standing
    else {
        panic!()
    };
    assert_eq!(said, "as if: nothing was sent");
    handle.stop().await;
}

/// A receiver that refuses twice is asked again, later each time, and then has it: once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_tried_again_at_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let (store, count) = (dir.path().join("a.db"), dir.path().join("count"));
    let channel = format!(
        "[[notify.channels]]\nid = \"sms\"\nkind = \"command\"\ntimeout = \"1s\"\n\
         argv = [\"/bin/sh\", \"-c\", \"echo x >> {0}; test $(wc -l < {0}) -ge 2\"]\n",
        count.display()
    );
    let (handle, _paging) = console(&store, &channel, false).await;
    handle.ask(Actor::person("eva"), page_ana()).await;
    let pages =
        until(&handle, "failed", |p| p.iter().any(|p| !p.deliveries[0].failed.is_empty())).await;
    let delivery = &pages.get(PageId(1)).unwrap().deliveries[0];
    let wait = delivery.standing.due().unwrap() - delivery.failed[0].at;
    assert!(wait >= TimeDelta::seconds(9) && wait <= TimeDelta::milliseconds(10_050), "{wait}");
    until(&handle, "delivered", |p| p.iter().any(|p| p.has_arrived())).await;
    assert_eq!(fs::read_to_string(&count).unwrap().lines().count(), 2);
    handle.stop().await;
}
