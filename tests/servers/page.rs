//! Pages by the real thing: a mail server with and without encryption and passwords, webhooks over
//! HTTP, and a console in a terminal that delivers what another left behind.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use atalaya::domain::command::Command as Asked;
use atalaya::domain::incident::{Actor, IncidentId};
use atalaya::domain::report;
use atalaya::engine::Plan;
use atalaya::engine::runtime::{self, Clock, HandClock};
use atalaya::store::{Location, Store};
use serde_json::Value;
use tempfile::TempDir;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::harness::{Console, Start};
use super::support::free_port;

/// Debian's, which has Debian's modules.
const PYTHON: &str = "/usr/bin/python3";
const BINARY: &str = env!("CARGO_BIN_EXE_atalaya");

/// aiosmtpd, as `argv` says: port, folder for the mail, `none`, `starttls` or `tls`. Encrypted, it
/// takes mail of `noc` with the right password only.
const SERVER: &str = r#"
import ssl, sys, time
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

port, folder, encryption, certificates = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
count = 0

class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global count
        count += 1
        with open(f"{folder}/{count}.eml", "wb") as file:
            file.write(b"X-To: " + ",".join(envelope.rcpt_tos).encode() + b"\r\n" + envelope.content)
        return f"250 queued as {count}"

def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"noc" and data.password == b"hunter2"
    return AuthResult(success=good, handled=False)

context = None
if encryption != "none":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(f"{certificates}/good.pem", f"{certificates}/good.key")
login = dict(authenticator=authenticate, auth_required=True) if context else {}

class Own(Controller):
    def factory(self):
        if encryption == "starttls":
            return SMTP(self.handler, tls_context=context, require_starttls=True, **login)
        return SMTP(self.handler, auth_require_tls=False, **login)

own = Own(Handler(), hostname="127.0.0.1", port=port,
          ssl_context=context if encryption == "tls" else None)
own.start()
print("ready", flush=True)
time.sleep(600)
"#;

struct Mailbox {
    port: u16,
    dir: TempDir,
    child: Child,
}

impl Mailbox {
    /// `None`: it is not installed, which was said.
    fn start(encryption: &str) -> Option<Self> {
        let has = Command::new(PYTHON).args(["-c", "import aiosmtpd"]).output();
        if !has.is_ok_and(|output| output.status.success()) {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "python3-aiosmtpd is not installed"
            );
            println!("SKIPPED: python3-aiosmtpd is not installed");
            return None;
        }
        for _ in 0..3 {
            let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
            let mut child = Command::new(PYTHON)
                .args(["-c", SERVER, &port.to_string()])
                .arg(dir.path())
                .arg(encryption)
                .arg(certificates())
                .stdout(Stdio::piped())
                // What it says of broken handshakes is what the test is about.
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            if line == "ready\n" {
                return Some(Self { port, dir, child });
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("the mail server does not start");
    }

    fn mails(&self) -> Vec<String> {
        let files = fs::read_dir(self.dir.path()).unwrap().map(|f| f.unwrap().path());
        let mut mails: Vec<PathBuf> = files.filter(|f| f.extension().is_some()).collect();
        mails.sort();
        mails.iter().map(|f| fs::read_to_string(f).unwrap()).collect()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls")
}

/// A home with a config of these channels.
fn home(channels: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let ids: Vec<&str> = channels.lines().filter_map(|l| l.strip_prefix("id = ")).collect();
    let text = format!(
        "[site]\nname = \"acme\"\n{channels}\n[[people]]\nid = \"ana\"\nname = \"Ana Ruiz Peña\"\n\
         email = \"ana@acme.example\"\nphone = \"+34 600\"\npage = [{ids}]\n\
         [[people]]\nid = \"gone\"\nemail = \"nobody@acme.example\"\npage = [{ids}]\n\
         [[escalation]]\nid = \"core\"\nlevels = [{{ notify = [\"person:ana\"] }}]\n",
        ids = ids.join(", ")
    );
    let config = home.path().join(".config/atalaya");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), text).unwrap();
    home
}

/// Something was recorded three weeks ago: of what lies before there are no reports.
async fn is_in_use(home: &TempDir) {
    let folder = home.path().join(".local/share/atalaya");
    fs::create_dir_all(&folder).unwrap();
    let store = Location::File(folder.join("atalaya.db"));
    let store = Store::open(&store, false).await.unwrap();
    let clock: Arc<dyn Clock> = HandClock::at(chrono::Utc::now() - chrono::TimeDelta::days(21));
    let (effects, _told) = tokio::sync::mpsc::channel(100);
    let handle = runtime::start_with(Plan::empty(), store, effects, clock).await.unwrap();
    let step = report::Command::NextStep { incident: IncidentId(1), text: "look".to_owned() };
    let answers = handle.ask(Actor::person("eva"), Asked::Reports(step)).await;
    assert!(answers[0].verdict.is_done(), "{answers:?}");
    handle.stop().await;
}

/// What `atalaya` makes of it: the exit code and its JSON.
async fn atalaya(home: &TempDir, arguments: &[&str]) -> (i32, Value) {
    let mut command = tokio::process::Command::new(BINARY);
    command.args(arguments).arg("--json").env_clear().env("HOME", home.path());
    let output = command.env("PATH", std::env::var_os("PATH").unwrap()).output().await.unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
        panic!(
            "{e}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (output.status.code().unwrap(), json)
}

fn first(json: &Value) -> &Value {
    &json["outcomes"][0]["pages"][0]["deliveries"][0]
}

fn mail(server: &Mailbox, host: &str, more: &str) -> String {
    format!(
        "[[notify.channels]]\nid = \"mail\"\nkind = \"mail\"\nhost = \"{host}\"\nport = {}\n\
         from = \"NOC Málaga <noc@acme.example>\"\ntimeout = \"5s\"\n{more}\n",
        server.port
    )
}

#[tokio::test]
async fn a_report_that_is_due_arrives_by_mail_with_its_files() {
    let Some(server) = Mailbox::start("none") else { return };
    // The space keeps it from being taken for the id of a channel.
    let reports = "[[reports]]\n id = \"weekly\"\nkind = \"service\"\nevery = \"week\"\n\
                   to = \"mail:mail\"\nrecipients = [\"Service <boss@acme.example>\"]\n\
                   formats = [\"html\", \"csv\"]\nlocale = \"es\"";
    let channels = mail(&server, "127.0.0.1", "encryption = \"none\"") + reports;
    let home = home(&channels);
    is_in_use(&home).await;
    let mut command = Command::new(BINARY);
    command.arg("agent").env_clear().env("HOME", home.path());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut agent = command.spawn().unwrap();
    let begun = std::time::Instant::now();
    while server.mails().is_empty() && begun.elapsed().as_secs() < 30 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // Once: another look changes nothing.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    agent.kill().unwrap();
    agent.wait().unwrap();
    let mails = server.mails();
    let [mail] = mails.as_slice() else { panic!("{} mails", mails.len()) };
    assert!(mail.starts_with("X-To: boss@acme.example\r\n"), "{mail}");
    assert!(mail.contains("Subject: acme: Informe de servicio SR-1"), "{mail}");
    assert!(mail.contains("Message-ID: <SR-1.1."), "{mail}");
    for file in ["weekly-", ".html\"", ".csv\"", "multipart/mixed", "text/csv"] {
        assert!(mail.contains(file), "{file} is missing in {mail}");
    }
}

#[tokio::test]
async fn a_mail_arrives_with_the_command_that_opens_its_incident() {
    let Some(server) = Mailbox::start("none") else { return };
    let home = home(&mail(&server, "127.0.0.1", "encryption = \"none\""));
    let report = ["incident", "report", "--title", "disco lleno en Ñuñoa 🔥", "--urgency", "1"];
    atalaya(&home, &report).await;
    let page = [
        "page",
        "--policy",
        "core",
        "--level",
        "1",
        "--incident",
        "INC-1",
        "--text",
        "ven, por favor",
    ];
    let (code, json) = atalaya(&home, &page).await;
    assert_eq!((code, &first(&json)["state"]), (0, &Value::from("delivered")), "{json}");
    assert_eq!(first(&json)["said"], "queued as 1");
    let mails = server.mails();
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert!(mail.starts_with("X-To: ana@acme.example\r\n"), "{mail}");
    assert!(mail.contains("Message-ID: <atalaya-page-1-"), "{mail}");
    assert!(mail.contains("Auto-Submitted: auto-generated"), "{mail}");
    let script = "import sys, email, email.policy\n\
        m = email.message_from_file(open(sys.argv[1], newline=''), policy=email.policy.default)\n\
        print(m['subject']); print(m['from']); print(m['to']); print(m.get_content())";
    let output = Command::new(PYTHON)
        .args(["-c", script])
        .arg(server.dir.path().join("1.eml"))
        .env("PYTHONIOENCODING", "utf-8")
        .output()
        .unwrap();
    let read = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = read.lines().collect();
    assert!(lines[0].starts_with("[acme] P"), "{read}");
    assert!(lines[0].ends_with("INC-1 disco lleno en Ñuñoa 🔥"), "{read}");
    assert!(lines[1].contains("Málaga") && lines[2].contains("Peña"), "{read}");
    assert_eq!(lines[3], "ven, por favor");
    assert!(read.contains("Open it with: atalaya INC-1"), "{read}");
}

#[tokio::test]
async fn a_mail_is_encrypted_and_its_sender_known_by_a_password() {
    for encryption in ["starttls", "tls"] {
        let Some(server) = Mailbox::start(encryption) else { return };
        let (ca, password) = (certificates().join("ca.pem"), server.dir.path().join("password"));
        fs::write(&password, "hunter2\n").unwrap();
        let with = |ca: &str, password: &str| {
            format!("encryption = \"{encryption}\"\nuser = \"noc\"\n{password}\n{ca}")
        };
        let ca = format!("ca_file = \"{}\"", ca.display());
        let right = format!("password_file = \"{}\"", password.display());
        let page = ["page", "--person", "ana", "--text", "come", "--wait", "0s"];

        let good = home(&mail(&server, "localhost", &with(&ca, &right)));
        let (code, json) = atalaya(&good, &page).await;
        assert_eq!((code, &first(&json)["state"]), (0, &Value::from("delivered")), "{json}");
        assert_eq!(server.mails().len(), 1);

        let wrong = home(&mail(&server, "localhost", &with(&ca, "password = \"hunter3\"")));
        let (code, json) = atalaya(&wrong, &page).await;
        assert_eq!((code, &first(&json)["state"]), (3, &Value::from("waiting")), "{json}");
        let said = first(&json)["said"].as_str().unwrap();
        assert!(said.contains("535") && !said.contains("hunter"), "{said}");

        let strange = home(&mail(&server, "localhost", &with("", &right)));
        let (code, json) = atalaya(&strange, &page).await;
        assert_eq!(code, 3, "{json}");
        let said = first(&json)["said"].as_str().unwrap();
        assert!(said.contains("no TLS"), "{said}");
        assert_eq!(server.mails().len(), 1);
    }
}

#[tokio::test]
async fn an_address_that_the_server_does_not_know_is_its_own_words() {
    let Some(server) = Mailbox::start("none") else { return };
    let home = home(&mail(&server, "127.0.0.1", "encryption = \"none\""));
    let page = ["page", "--person", "gone", "--text", "come", "--wait", "0s"];
    let (code, json) = atalaya(&home, &page).await;
    assert_eq!(code, 3);
    assert!(first(&json)["said"].as_str().unwrap().contains("no such user here"), "{json}");
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_webhook_gets_the_whole_page_and_the_same_key_each_time() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/hooks/1"))
        .and(header("x-api-key", "hunter2"))
        .respond_with(ResponseTemplate::new(500))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/hooks/1"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let home = home(&format!(
        "[[notify.channels]]\nid = \"hook\"\nkind = \"webhook\"\nurl = \"{}/hooks/1\"\n\
         auth = {{ header = {{ name = \"X-Api-Key\", value = \"hunter2\" }} }}\n",
        server.uri()
    ));
    let (code, json) =
        atalaya(&home, &["page", "--person", "ana", "--text", "<!channel> come", "--wait", "20s"])
            .await;
    assert_eq!((code, &first(&json)["attempts"]), (0, &Value::from(2)), "{json}");
    let requests = server.received_requests().await.unwrap();
    let keys: Vec<_> =
        requests.iter().map(|r| r.headers["idempotency-key"].to_str().unwrap()).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
    let body: Value = requests[1].body_json().unwrap();
    assert_eq!((&body["page"], &body["attempt"]), (&Value::from("PAGE-1"), &Value::from(2)));
    assert_eq!(body["person"]["phone"], "+34 600");
    assert_eq!(body["text"], "<!channel> come");
    assert_eq!(body["key"], keys[0]);
}

#[tokio::test]
async fn chats_get_a_text_that_calls_nobody_else_from_an_address_that_is_a_secret() {
    for (format, expect) in
        [("slack", "&lt;!channel&gt; @all"), ("mattermost", "<!channel> @\u{200b}all")]
    {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(200).set_body_string("ok"))
            .mount(&server)
            .await;
        let kept = tempfile::tempdir().unwrap();
        let file = kept.path().join("hook");
        fs::write(&file, format!("{}/services/T0/B0/hush\n", server.uri())).unwrap();
        let home = home(&format!(
            "[[notify.channels]]\nid = \"hook\"\nkind = \"webhook\"\nformat = \"{format}\"\n\
             url_file = \"{}\"\n",
            file.display()
        ));
        let (code, json) =
            atalaya(&home, &["page", "--person", "ana", "--text", "<!channel> @all"]).await;
        assert_eq!(code, 0, "{json}");
        assert!(!json.to_string().contains("hush"), "{json}");
        let requests = server.received_requests().await.unwrap();
        assert_eq!(requests[0].url.path(), "/services/T0/B0/hush");
        let body: Value = requests[0].body_json().unwrap();
        let text = body["text"].as_str().unwrap();
        assert!(text.contains(expect) && text.contains("Ana Ruiz"), "{text}");
        assert_eq!(body.as_object().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_delivers_what_another_left_behind_and_pages_by_key() {
    let sent = tempfile::tempdir().unwrap();
    let (gate, file) = (sent.path().join("gate"), sent.path().join("sent"));
    let home = home(&format!(
        "[[notify.channels]]\nid = \"sms\"\nkind = \"command\"\ntimeout = \"2s\"\n\
         argv = [\"/bin/sh\", \"-c\", \"test -e {} && cat >> {}\"]\n",
        gate.display(),
        file.display()
    ));
    let (code, json) =
        atalaya(&home, &["page", "--person", "ana", "--text", "come", "--wait", "0s"]).await;
    assert_eq!((code, &first(&json)["state"]), (3, &Value::from("waiting")), "{json}");
    fs::write(&gate, "").unwrap();

    let mut console =
        Console::with(&Start { home: Some(home.path()), size: (120, 35), ..Start::default() });
    console.wait_until_open();
    console.wait_for("PAGE-1 to Ana Ruiz Peña: delivered by sms");
    console.send("3");
    console.wait_for("ON CALL");
    console.send("p");
    console.wait_for("what is wanted of them");
    console.send("to the bridge\r");
    console.wait_for("A page cannot be recalled.");
    console.wait_for("Ana Ruiz Peña  by sms");
    console.send("y");
    console.wait_for("PAGE-2 to Ana Ruiz Peña: delivered by sms");
    // What cannot be taken back says so.
    console.send("u");
    console.wait_for("page not recalled");
    console.send("q");
    console.wait_for_end();
    let sent = fs::read_to_string(&file).unwrap();
    let texts: Vec<String> = sent
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(texts, ["come", "to the bridge"]);
}

#[test]
fn the_demo_tells_a_page_as_if_and_sends_nothing() {
    let mut console = Console::with(&Start {
        shell: Some("exec \"$ATALAYA\" --demo --seed 1"),
        size: (140, 40),
        ..Start::default()
    });
    console.wait_until_open();
    console.send("3");
    console.wait_for("ON CALL");
    console.send("p");
    console.wait_for("what is wanted of them");
    console.send("to the bridge\r");
    console.wait_for("nothing is sent, it is told as if");
    console.send("y");
    // In the messages, since other news may take its place in the last line.
    console.send("M");
    console.wait_for("(as if: nothing was sent)");
    console.send("qq");
    console.wait_for_end();
}

/// Level 1 reaches nobody, level 2 somebody by mail; a webhook is for what a service names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_pages_by_the_policies_with_level_and_command() {
    let Some(mailbox) = Mailbox::start("none") else { return };
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let home = tempfile::tempdir().unwrap();
    let text = format!(
        "[site]\nname = \"acme\"\n[incidents]\nescalation = \"rest\"\n\
         [[sources]]\nname = \"host\"\nkind = \"host\"\nservices = false\n\
         [[services]]\nid = \"shop\"\ntier = 1\nteam = \"web\"\n{}\
         [[notify.channels]]\nid = \"hook\"\nkind = \"webhook\"\nurl = \"{}/hooks/1\"\n\
         [[people]]\nid = \"ana\"\nemail = \"ana@acme.example\"\npage = [\"mail\"]\n\
         [[people]]\nid = \"luis\"\npage = [\"hook\"]\n[[people]]\nid = \"mia\"\n\
         [[escalation]]\nid = \"rest\"\n\
         levels = [{{ notify = [\"person:mia\"] }}, {{ notify = [\"person:ana\"] }}]\n\
         [[escalation]]\nid = \"web\"\nteams = [\"web\"]\n\
         levels = [{{ notify = [\"person:luis\"] }}]\n",
        mail(&mailbox, "127.0.0.1", "encryption = \"none\""),
        server.uri()
    );
    let config = home.path().join(".config/atalaya");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), text).unwrap();
    let mut agent = Command::new(BINARY);
    agent.arg("agent").env_clear().env("HOME", home.path()).stderr(Stdio::null());
    let mut agent = Ended(agent.spawn().unwrap());

    let report = ["incident", "report", "--urgency", "1", "--impact", "1", "--title"];
    atalaya(&home, &[&report[..], &["disk full"]].concat()).await;
    atalaya(&home, &[&report[..], &["shop is down", "--service", "shop"]].concat()).await;
    for _ in 0..400 {
        let posted = server.received_requests().await.unwrap().len();
        if mailbox.mails().len() + posted >= 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let mails = mailbox.mails();
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert!(mail.starts_with("X-To: ana@acme.example\r\n"), "{mail}");
    assert!(mail.contains("rest level 2") && mail.contains("atalaya INC-1"), "{mail}");
    let requests = server.received_requests().await.unwrap();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    let body: Value = request.body_json().unwrap();
    assert_eq!((&body["target"], &body["text"]), (&"web 1".into(), &"web level 1".into()));
    assert_eq!((&body["open"], &body["by"]), (&"atalaya INC-2".into(), &"atalaya".into()));
    let (code, json) = atalaya(&home, &["incident", "ack", "1", "2"]).await;
    assert_eq!(code, 0, "{json}");
    let (_, json) = atalaya(&home, &["incidents", "is:paging"]).await;
    assert_eq!(json["incidents"].as_array().map(Vec::len), Some(0), "{json}");
    agent.0.kill().unwrap();
}

/// A process that does not outlive its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
