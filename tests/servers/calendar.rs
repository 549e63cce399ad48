//! Calendars and other programs: a CalDAV server whose calendar is read, and an independent reader of
//! what is exported.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use atalaya::domain::calendar::stated::Terms;
use atalaya::domain::observation::{Fact, Observation};
use atalaya::domain::roster::stated::Callings;
use atalaya::domain::time::Instant;
use atalaya::sources::http_client::Clients;
use atalaya::sources::settings::{
    Auth, CalendarAt, HttpSettings, Ical, Kind, Meaning, Secret, SourceSettings,
};
use atalaya::sources::{Source, SourceError, registry};
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Server, installed, start};

/// Where Debian's Python, which has Debian's packages, is.
pub const PYTHON: &str = "/usr/bin/python3";

/// Who is on call around a change of clocks in Madrid, as long as nobody overrides it.
pub const CONFIG: &str = r#"
[site]
timezone = "Europe/Madrid"
[operator]
name = "ana"
[[people]]
id = "ana"
name = "Ana Ruiz, the \"first\"; of two"
email = "ana@acme.example"
[[people]]
id = "luis"
name = "Luis Peña y de la Cruz"
[[schedules]]
id = "core"
name = "Core: operations, everywhere; a name so long that lines are folded"
[[schedules.layers]]
name = "days"
people = ["ana", "luis"]
start = "2026-01-01 09:00"
shift = "1d"
"#;

/// A calendar as Thunderbird writes it, with a zone of its own and one moved occurrence.
const ROTA: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n\
    BEGIN:VTIMEZONE\r\nTZID:Here\r\nBEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\n\
    TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n\
    END:DAYLIGHT\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\n\
    TZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\n\
    END:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:week\r\nDTSTAMP:20261001T000000Z\r\n\
    DTSTART;TZID=Here:20261019T090000\r\nDTEND;TZID=Here:20261019T170000\r\n\
    RRULE:FREQ=WEEKLY;COUNT=3\r\nSUMMARY:On call\r\n\
    ATTENDEE;CN=Ana;PARTSTAT=ACCEPTED:mailto:ana@acme.example\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nUID:week\r\nDTSTAMP:20261001T000000Z\r\n\
    RECURRENCE-ID;TZID=Here:20261026T090000\r\nDTSTART;TZID=Here:20261027T100000\r\n\
    DTEND;TZID=Here:20261027T180000\r\nSUMMARY:On call: luis\r\nEND:VEVENT\r\n\
    END:VCALENDAR\r\n";

/// A home with that config.
pub struct Home(pub TempDir);

impl Home {
    pub fn new() -> Self {
        Self::of(CONFIG)
    }

    pub fn of(config: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::write(home.0.path().join("config.toml"), config).unwrap();
        home
    }

    /// `window summary from to status` of what is planned from 20 November to 20 December.
    pub fn planned(&self) -> Vec<String> {
        let span = ["--from", "2026-11-20", "--to", "2026-12-20"];
        let json = self.says(&[&["calendar", "--json"], &span[..]].concat());
        let json: Value = serde_json::from_str(&json).unwrap();
        let line = |o: &Value| {
            let fields = ["window", "summary", "from", "to", "status"];
            fields.map(|k| o[k].as_str().unwrap().to_owned()).join(" ")
        };
        json["occurrences"].as_array().unwrap().iter().map(line).collect()
    }

    pub fn says(&self, arguments: &[&str]) -> String {
        let output = self.runs(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Brings an export to a collection of ana.
    pub fn brings(&self, what: &str, server: &Server, arguments: &[&str]) -> Output {
        let password = self.0.path().join("password");
        fs::write(&password, "hunter2\n").unwrap();
        let url = format!("{}/ana/plan", server.url);
        let into = ["--into", &url, "--user", "ana", "--password-file", password.to_str().unwrap()];
        self.runs(&[&[what, "export", "--ics"], &into[..], arguments].concat())
    }

    fn runs(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_atalaya"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.0.path())
            .env("ATALAYA_CONFIG", self.0.path().join("config.toml"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The shifts of a span as a calendar, and each as `person from to`.
    fn exported(&self, from: &str, to: &str) -> (String, Vec<String>) {
        let span = ["--from", from, "--to", to];
        let calendar = self.says(&[&["oncall", "export", "--ics"], &span[..]].concat());
        let json = self.says(&[&["oncall", "shifts", "--json"], &span[..]].concat());
        let json: Value = serde_json::from_str(&json).unwrap();
        let text = |v: &Value| v.as_str().unwrap().replace(".000Z", "Z");
        let line = |s: &Value| ["person", "from", "to"].map(|k| text(&s[k])).join(" ");
        (calendar, json["shifts"].as_array().unwrap().iter().map(line).collect())
    }
}

/// A calendar server with an account for ana.
pub fn radicale() -> Server {
    start("radicale", "", "/.web/", |port, dir| {
        fs::write(dir.join("users"), "ana:hunter2\n").unwrap();
        let options = [
            "-C",
            "",
            "--server-hosts",
            &format!("127.0.0.1:{port}"),
            "--storage-filesystem-folder",
            "data",
            "--auth-type",
            "htpasswd",
            "--auth-htpasswd-filename",
            "users",
            "--auth-htpasswd-encryption",
            "plain",
            "--logging-level",
            "info",
        ];
        options.map(str::to_owned).to_vec()
    })
}

/// Makes the whole calendar of ana what this text says.
fn put(server: &Server, calendar: &str) {
    put_as(server, "rota", calendar);
}

fn put_as(server: &Server, name: &str, calendar: &str) {
    let answer = send(server, "PUT", &format!("{name}/"), calendar);
    assert!(answer.starts_with("HTTP/1.0 201"), "{answer}");
}

/// Does something to what ana has there.
pub fn send(server: &Server, method: &str, path: &str, calendar: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let length = calendar.len();
    // ana:hunter2
    let head = format!(
        "{method} /ana/{path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Basic YW5hOmh1bnRlcjI=\r\n\
         Content-Type: text/calendar; charset=utf-8\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(calendar.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn source(server: &Server, password: &str, collection: bool) -> Box<dyn Source> {
    source_of(server, password, collection, None)
}

fn source_of(
    server: &Server,
    password: &str,
    collection: bool,
    windows: Option<Box<Terms>>,
) -> Box<dyn Source> {
    let named: BTreeMap<_, _> = [
        ("ana@acme.example".to_owned(), "ana".into()),
        ("luis".to_owned(), "luis".into()),
        ("Luis Peña y de la Cruz".to_owned(), "luis".into()),
    ]
    .into();
    let url = format!("{}/ana/rota/", server.url).parse().unwrap();
    let from = if collection { CalendarAt::Collection(url) } else { CalendarAt::Web(url) };
    let callings = Callings::new([], &named);
    let kind = Kind::Ical(Ical {
        from,
        zone: chrono_tz::Europe::Madrid,
        meaning: Meaning { people: named, callings, windows },
    });
    let password = Secret::Inline(password.to_owned().into());
    let auth = Auth::Basic { user: "ana".to_owned(), password };
    let settings = SourceSettings {
        name: "rota".into(),
        interval: Duration::from_mins(5),
        timeout: Duration::from_secs(10),
        max_body: 8 * 1024 * 1024,
        http: HttpSettings { auth, ..HttpSettings::default() },
        kind,
        asks: Vec::new(),
    };
    registry(&settings, false, &Clients::default())
}

/// `person from to` of each shift.
fn shifts(seen: Result<Observation, SourceError>) -> Vec<String> {
    let seen = seen.unwrap();
    assert_eq!(seen.warnings, [""; 0]);
    let [Fact::Shifts(duties)] = seen.facts.as_slice() else { panic!("{seen:?}") };
    let time = |at: Instant| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    duties.iter().map(|d| format!("{} {} {}", d.person, time(d.at.from), time(d.at.to))).collect()
}

fn now() -> Instant {
    "2026-10-20T12:00:00Z".parse().unwrap()
}

#[rstest]
#[case::as_a_feed(false)]
#[case::as_a_collection(true)]
#[tokio::test]
async fn the_calendar_of_a_caldav_server_is_read_and_read_again_when_it_changed(
    #[case] collection: bool,
) {
    if !installed(&["radicale"]) {
        return;
    }
    let server = radicale();
    put(&server, ROTA);
    let mut reader = source(&server, "hunter2", collection);
    let expect = [
        "ana 2026-10-19T07:00:00Z 2026-10-19T15:00:00Z",
        "luis 2026-10-27T09:00:00Z 2026-10-27T17:00:00Z",
        "ana 2026-11-02T08:00:00Z 2026-11-02T16:00:00Z",
    ];
    assert_eq!(shifts(reader.poll(now()).await), expect);
    let same = [reader.poll(now()).await, reader.poll(now()).await].map(|seen| {
        let facts = seen.unwrap().facts;
        let [Fact::Shifts(duties)] = facts.as_slice() else { panic!("{facts:?}") };
        Arc::clone(duties)
    });
    assert!(Arc::ptr_eq(&same[0], &same[1]));
    put(&server, &ROTA.replace("COUNT=3", "COUNT=2"));
    assert_eq!(shifts(reader.poll(now()).await), expect[..2]);
    let refused = source(&server, "wrong", collection).poll(now()).await.unwrap_err();
    assert!(matches!(refused, SourceError::Denied(_)), "{refused:?}");
}

#[tokio::test]
async fn of_a_collection_that_tells_what_changed_only_that_is_asked_for() {
    if !installed(&["radicale"]) {
        return;
    }
    let server = radicale();
    put(&server, ROTA);
    let mut reader = source(&server, "hunter2", true);
    let one = |day: &str, who: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:a\r\n\
             DTSTAMP:20261001T000000Z\r\nDTSTART:{day}T090000Z\r\nDURATION:PT1H\r\nSUMMARY:{who}\r\n\
             END:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    };
    let did = |method: &str, path: &str, calendar: &str| {
        let answer = send(&server, method, path, calendar);
        assert!(answer.starts_with("HTTP/1.0 20"), "{answer}");
    };
    // How often it was asked what changed, and how often for events.
    let asked = || {
        let log = server.log();
        ["0", "1"].map(|depth| {
            let said = format!("REPORT request for '/ana/rota/' with depth '{depth}'");
            log.matches(&said).count()
        })
    };
    let count = async |reader: &mut Box<dyn Source>| shifts(reader.poll(now()).await).len();
    assert_eq!((count(&mut reader).await, asked()), (3, [0, 1]));
    did("PUT", "rota/a%20b.ics", &one("20261110", "luis"));
    assert_eq!((count(&mut reader).await, asked()), (4, [1, 2]));
    did("PUT", "rota/a%20b.ics", &one("20261111", "ana@acme.example"));
    let seen = shifts(reader.poll(now()).await);
    assert_eq!(seen[3], "ana 2026-11-11T09:00:00Z 2026-11-11T10:00:00Z");
    assert_eq!(asked(), [2, 3]);
    did("DELETE", "rota/a%20b.ics", "");
    assert_eq!((count(&mut reader).await, asked()), (3, [3, 3]), "nothing is to be fetched");
    // The collection is another now, and knows nothing of what it told before.
    put(&server, &ROTA.replace("COUNT=3", "COUNT=2"));
    assert_eq!((count(&mut reader).await, asked()), (2, [4, 4]));
    assert!(server.log().contains("invalid sync token"), "{}", server.log());
}

#[tokio::test]
async fn shifts_that_are_exported_come_back_from_a_caldav_server_as_they_were() {
    if !installed(&["radicale"]) {
        return;
    }
    let home = Home::new();
    let (calendar, expect) = home.exported("2026-10-22 09:00", "2026-11-01 09:00");
    assert_eq!(expect.len(), 10);
    let server = radicale();
    put(&server, &calendar);
    for collection in [false, true] {
        assert_eq!(shifts(source(&server, "hunter2", collection).poll(now()).await), expect);
    }
}

/// Whether the other reader is there.
pub fn reads_calendars() -> bool {
    let reads = Command::new(PYTHON).args(["-c", "import icalendar"]).output();
    let reads = reads.is_ok_and(|output| output.status.success());
    if !reads {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "python3-icalendar is not installed");
        println!("SKIPPED: python3-icalendar is not installed");
    }
    reads
}

#[test]
fn another_reader_accepts_what_is_exported_and_reads_the_same() {
    if !reads_calendars() {
        return;
    }
    let home = Home::new();
    let (calendar, shifts) = home.exported("2026-10-22 09:00", "2026-11-01 09:00");
    let file = home.0.path().join("shifts.ics");
    fs::write(&file, &calendar).unwrap();
    let script = r#"
import sys, icalendar
with open(sys.argv[1], "rb") as file:
    calendar = icalendar.Calendar.from_ical(file.read())
assert calendar["VERSION"] == "2.0" and calendar["PRODID"], calendar
assert not calendar.errors, calendar.errors
time = lambda event, key: event[key].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
uids = set()
for event in calendar.walk("VEVENT"):
    assert not event.errors, event.errors
    assert event["DTSTAMP"].dt and event["UID"] not in uids
    uids.add(event["UID"])
    print(event["SUMMARY"], event.get("ATTENDEE", "-"), time(event, "DTSTART"), time(event, "DTEND"), sep="|")
"#;
    let output = Command::new(PYTHON)
        .args(["-c", script])
        .arg(&file)
        .env("PYTHONIOENCODING", "utf-8")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}\n{calendar}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let schedule = "Core: operations, everywhere; a name so long that lines are folded";
    let expect: Vec<String> = shifts
        .iter()
        .map(|shift| {
            let (name, email) = if shift.starts_with("ana ") {
                ("Ana Ruiz, the \"first\"; of two", "mailto:ana@acme.example")
            } else {
                ("Luis Peña y de la Cruz", "-")
            };
            let times: Vec<&str> = shift.split(' ').skip(1).collect();
            format!("{schedule}: {name}|{email}|{}", times.join("|"))
        })
        .collect();
    assert_eq!(said.lines().collect::<Vec<_>>(), expect);
}

/// What is planned far enough ahead not to have begun.
pub const PLANNED: &str = r#"
[site]
name = "acme"
timezone = "Europe/Madrid"
[operator]
name = "ana"
[[people]]
id = "ana"
name = "Ana Ruiz, the \"first\"; of two"
email = "ana@acme.example"
[[services]]
id = "db"
[[windows]]
id = "patch-db"
kind = "update"
summary = "Kernels, firmware; and everything else that takes longer than a line is wide in a calendar"
services = ["db"]
match = ['job=~"db-.*",env="a, b"']
start = "2026-11-28 22:00"
duration = "2h"
rrule = "FREQ=WEEKLY"
exdates = ["2026-12-12"]
owner = "ana"
change = { number = "CHG-7" }
checklist = ["disk free [%]", "replica; in step"]
back_out = { plan = "restore, then wait", decide_after = "90m" }
[[windows]]
id = "sale"
kind = "freeze"
summary = "Sale"
start = "2026-11-30 00:00"
timezone = "America/New_York"
duration = "3d"
"#;

pub fn planned() -> Home {
    let home = Home::of(PLANNED);
    let moved = ["--at", "2026-12-05 22:00", "--to", "2026-12-06 20:00", "--duration", "3h"];
    home.says(&[&["calendar", "move", "patch-db", "--force"], &moved[..]].concat());
    home.says(&["calendar", "cancel", "patch-db", "--at", "2026-12-19 22:00", "--reason", "no"]);
    home
}

#[test]
fn windows_come_back_from_a_caldav_server_as_they_were_and_are_approved_there() {
    if !installed(&["radicale"]) {
        return;
    }
    let home = planned();
    let server = radicale();
    put_as(&server, "plan", &home.says(&["calendar", "export", "--ics"]));
    let expect: Vec<String> = home.planned().iter().map(|line| format!("cab#{line}")).collect();
    assert_eq!(expect.len(), 4, "{expect:?}");
    for collection in [false, true] {
        let there = Home::of(&format!(
            "[site]\nname = \"other\"\n[operator]\nname = \"luis\"\n[[services]]\nid = \"db\"\n\
             [[sources]]\nname = \"cab\"\nkind = \"ical\"\nurl = \"{}/ana/plan/\"\n\
             collection = {collection}\nwindows = {{}}\n\
             auth = {{ basic = {{ user = \"ana\", password_command = [\"echo\", \"hunter2\"] }} }}\n",
            server.url
        ));
        assert_eq!(there.planned(), expect);
        let said = there.says(&[
            "calendar",
            "approve",
            "cab#patch-db",
            "--at",
            "2026-12-06 20:00",
            "--force",
        ]);
        assert!(said.contains("approved"), "{said}");
        let approved: Vec<_> =
            there.planned().into_iter().filter(|line| line.ends_with(" approved")).collect();
        let [freeze, moved] = approved.as_slice() else { panic!("{approved:?}") };
        assert!(freeze.contains("Sale") && moved.contains("2026-12-06T19:00"), "{approved:?}");
        // Whose it is does not get it twice.
        let config = fs::read_to_string(there.0.path().join("config.toml")).unwrap();
        let own = Home::of(&config.replace("\"other\"", "\"acme\""));
        assert_eq!(own.planned(), [""; 0]);
    }
}

#[test]
fn another_reader_accepts_the_windows_that_are_exported() {
    if !reads_calendars() {
        return;
    }
    let home = planned();
    let calendar = home.says(&["calendar", "export", "--ics"]);
    let file = home.0.path().join("windows.ics");
    fs::write(&file, &calendar).unwrap();
    let script = r#"
import sys, icalendar
with open(sys.argv[1], "rb") as file:
    calendar = icalendar.Calendar.from_ical(file.read())
assert not calendar.errors, calendar.errors
for event in calendar.walk("VEVENT"):
    assert not event.errors, event.errors
    instance = event.get("RECURRENCE-ID")
    print(event["UID"], event.get("X-ATALAYA-CHECK", "-"), event.get("STATUS", "-"),
          event["DTSTART"].dt.isoformat(), instance.dt.isoformat() if instance else "-", sep="|")
"#;
    let output = Command::new(PYTHON)
        .args(["-c", script])
        .arg(&file)
        .env("PYTHONIOENCODING", "utf-8")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}\n{calendar}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 4, "{said}");
    assert!(
        lines[0].contains("disk free [%]") && lines[0].ends_with("|2026-11-28T22:00:00+01:00|-")
    );
    let moved = "|-|2026-12-06T20:00:00+01:00|2026-12-05T22:00:00+01:00";
    assert!(lines[1].ends_with(moved), "{said}");
    assert!(lines[2].contains("|CANCELLED|"), "{said}");
    assert!(lines[3].ends_with("|2026-11-30T00:00:00-05:00|-"), "{said}");
}
