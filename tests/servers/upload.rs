//! What is exported and brought to a CalDAV server: only what is ours changes there, and others read it.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::calendar::{CONFIG, Home, PLANNED, PYTHON, planned, radicale, reads_calendars, send};
use crate::support::{Server, installed};

/// What was said about an export, and how it ended.
fn told(output: &Output, server: &Server) -> (String, Option<i32>) {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8(said).unwrap();
    (said.replace(&server.url, "").trim().to_owned(), output.status.code())
}

#[test]
fn an_export_is_brought_to_a_caldav_server_and_touches_only_what_is_ours() {
    if !installed(&["radicale"]) {
        return;
    }
    let (home, server) = (planned(), radicale());
    let bring = |arguments: &[&str]| told(&home.brings("calendar", &server, arguments), &server);
    let (said, code) = bring(&[]);
    assert!(said.contains("/ana/plan does not exist (404): make that calendar first"), "{said}");
    assert_eq!(code, Some(3));
    let made = send(&server, "MKCALENDAR", "plan/", "");
    assert!(made.starts_with("HTTP/1.0 201"), "{made}");
    let theirs = |uid: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
             DTSTAMP:20261001T000000Z\r\nDTSTART:20261130T090000Z\r\nDURATION:PT1H\r\n\
             SUMMARY:Theirs\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
    };
    for (name, uid) in [("theirs.ics", "theirs"), ("odd.ics", "sale@calendar.atalaya")] {
        let put = send(&server, "PUT", &format!("plan/{name}"), &theirs(uid));
        assert!(put.starts_with("HTTP/1.0 201"), "{put}");
    }
    let (said, code) = bring(&[]);
    let expect = "/ana/plan: 1 object created, 0 replaced, 0 removed, 0 as they were\n\
                  sale@calendar.atalaya is there already and was not written from here";
    assert!(said.starts_with(expect), "{said}");
    assert_eq!(code, Some(1));
    send(&server, "DELETE", "plan/odd.ics", "");
    let done = |numbers: [u32; 4]| {
        let [created, replaced, removed, same] = numbers;
        let objects = if created == 1 { "object" } else { "objects" };
        let said = format!(
            "/ana/plan: {created} {objects} created, {replaced} replaced, {removed} removed, {same} as they were"
        );
        (said, Some(0))
    };
    assert_eq!(bring(&[]), done([1, 0, 0, 1]));
    assert_eq!(bring(&[]), done([0, 0, 0, 2]));
    // Another site reads the same from it, and what is not ours beside it.
    let config = format!(
        "[site]\nname = \"other\"\n[[services]]\nid = \"db\"\n[[sources]]\nname = \"cab\"\n\
         kind = \"ical\"\nurl = \"{}/ana/plan/\"\ncollection = true\n\
         windows = {{ services = [\"db\"] }}\n\
         auth = {{ basic = {{ user = \"ana\", password_command = [\"echo\", \"hunter2\"] }} }}\n",
        server.url
    );
    let there = Home::of(&config);
    let ours = || home.planned().into_iter().map(|line| format!("cab#{line}"));
    let read = || there.planned().into_iter().filter(|line| !line.contains("Theirs"));
    assert_eq!(read().collect::<Vec<_>>(), ours().collect::<Vec<_>>());
    // What somebody moved there is put back, what is planned no more goes, and what was added comes.
    let object = send(&server, "GET", "plan/sale@calendar.atalaya.ics", "");
    let (_, text) = object.split_once("\r\n\r\n").unwrap();
    assert!(text.contains("DTSTART;TZID=America/New_York:20261130T000000"), "{text}");
    let moved = text.replace("20261130T000000", "20261201T000000");
    let put = send(&server, "PUT", "plan/sale@calendar.atalaya.ics", &moved);
    assert!(put.starts_with("HTTP/1.0 20"), "{put}");
    assert_eq!(bring(&[]), done([0, 1, 0, 1]));
    let config = home.0.path().join("config.toml");
    let (kept, _) = PLANNED.split_once("[[windows]]\nid = \"sale\"").unwrap();
    fs::write(&config, kept).unwrap();
    let add = ["--kind", "training", "--summary", "Drill", "--start", "2026-12-01 10:00"];
    home.says(&[&["calendar", "add", "--duration", "1h", "--force"], &add[..]].concat());
    assert_eq!(bring(&[]), done([1, 0, 1, 1]));
    // An export of a part removes nothing that it leaves out.
    assert_eq!(bring(&["--service", "db"]), done([0, 1, 0, 0]));
    assert!(send(&server, "GET", "plan/theirs.ics", "").starts_with("HTTP/1.0 200"));
    assert_eq!(read().collect::<Vec<_>>(), ours().collect::<Vec<_>>());
}

#[test]
fn shifts_are_brought_to_a_caldav_server_for_another_reader() {
    if !installed(&["radicale"]) || !reads_calendars() {
        return;
    }
    let (home, server) = (Home::new(), radicale());
    send(&server, "MKCALENDAR", "plan/", "");
    let bring = |from: &str, to: &str| {
        let output = home.brings("oncall", &server, &["--from", from, "--to", to, "--json"]);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["troubles"], serde_json::json!([]), "{json}");
        ["created", "replaced", "removed", "unchanged"].map(|key| json[key].as_u64().unwrap())
    };
    assert_eq!(bring("2026-10-22 09:00", "2026-11-01 09:00"), [10, 0, 0, 0]);
    assert_eq!(bring("2026-10-25 09:00", "2026-11-04 09:00"), [3, 0, 0, 7], "the past stays");
    let config = CONFIG.replace("shift = \"1d\"", "shift = \"2d\"");
    fs::write(home.0.path().join("config.toml"), config).unwrap();
    // From the one that began on 24 October on, every other one is as long as two.
    assert_eq!(bring("2026-10-25 09:00", "2026-11-04 09:00"), [0, 6, 5, 0]);
    let all = send(&server, "GET", "plan/", "");
    let (_, calendar) = all.split_once("\r\n\r\n").unwrap();
    let file = home.0.path().join("shifts.ics");
    fs::write(&file, calendar).unwrap();
    let script = "import sys, icalendar\n\
                  calendar = icalendar.Calendar.from_ical(open(sys.argv[1], 'rb').read())\n\
                  assert not calendar.errors\n\
                  print(len([e for e in calendar.walk('VEVENT') if not e.errors]))";
    let output = Command::new(PYTHON).args(["-c", script]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let count: u64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    assert_eq!(count, 13 - 5);
}
