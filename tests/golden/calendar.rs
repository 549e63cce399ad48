//! The calendar by command line: what is planned, what it collides with, what is refused. The times
//! are counted from today, as nobody plans for ever.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::cli::{Home, fields};

/// A backup each night, a freeze, and something that is always in progress.
const CONFIG: &str = r#"
[site]
name = "test"
timezone = "UTC"
[operator]
name = "ana"
person = "ana"
[[people]]
id = "ana"
name = "Ana Ruiz"
email = "ana@acme.example"
[[services]]
id = "db"
[[services]]
id = "web"
depends_on = ["db"]
[[services]]
id = "lab"
[[windows]]
id = "nightly"
kind = "backup"
summary = "Nightly backup"
services = ["db"]
start = "DAY 03:00"
duration = "1h"
rrule = "FREQ=DAILY;COUNT=10"
owner = "ana"
[[windows]]
kind = "freeze"
summary = "Year's end"
start = "2026-01-01 00:00"
duration = "1d"
[[windows]]
id = "long"
kind = "maintenance"
summary = "Move the racks"
services = ["lab"]
start = "2026-01-01 00:00"
duration = "1d"
rrule = "FREQ=DAILY"
change = { number = "CHG-7", type = "normal" }
"#;

fn home() -> Home {
    Home::with(&CONFIG.replace("DAY", &day(30)))
}

/// So many days from now, when nothing but the backup and the racks is planned.
fn day(n: i64) -> String {
    (Utc::now() + TimeDelta::days(n)).format("%F").to_string()
}

/// A time on that day.
fn on(time: &str) -> String {
    format!("{} {time}", day(33))
}

/// The exit code of a command that fails, and what it says.
fn fails(home: &Home, line: &[&str]) -> (i32, String) {
    let output = home.run(line);
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

/// A command with what is asked about: that day.
fn span(line: &[&str]) -> Vec<String> {
    let span = ["--from".to_owned(), day(33), "--to".to_owned(), day(34)];
    line.iter().map(|w| (*w).to_owned()).chain(span).collect()
}

fn words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

fn occurrences(home: &Home) -> Vec<String> {
    let answer = home.json(&words(&span(&["calendar", "--json"])));
    let one = |o: &Value| {
        let text = |key: &str| {
            let text = o[key].as_str().unwrap_or_default();
            text.strip_prefix(&day(33)).unwrap_or(text).to_owned()
        };
        format!("{} {} {} {}", text("window"), text("from"), text("to"), text("status"))
    };
    let all = answer["occurrences"].as_array().unwrap().iter();
    all.filter(|o| o["window"] != "long").map(one).collect()
}

const ADD: [&str; 10] = [
    "calendar",
    "add",
    "--kind",
    "update",
    "--service",
    "db",
    "--duration",
    "2h",
    "--summary",
    "Kernels",
];

#[test]
fn what_is_planned_is_listed_with_the_documented_fields() {
    let home = home();
    assert_eq!(occurrences(&home), ["nightly T03:00:00.000Z T04:00:00.000Z approved"]);
    let answer = home.json(&words(&span(&["calendar", "--json", "--service", "db"])));
    let wanted = ["window", "kind", "summary", "from", "to", "status", "services", "mutes"];
    let one = &answer["occurrences"][0];
    assert!(wanted.iter().all(|w| fields(one).contains(w)), "{one:#}");
    assert_eq!(answer["version"], json!(1));
    let none = home.says(&["calendar", "--from", "2020-01-05", "--to", "2020-01-06"]);
    assert_eq!(none, "nothing is planned\n");
    let of_lab = home.says(&words(&span(&["calendar", "--service", "lab"])));
    assert!(of_lab.contains("Move the racks (CHG-7)") && !of_lab.contains("backup"), "{of_lab}");
}

#[test]
fn a_window_is_planned_approved_and_called_off() {
    let home = home();
    let (start, at) = (on("10:00"), on("10:00"));
    let said = home.says(&[&ADD[..], &["--start", &start, "--force"]].concat());
    assert_eq!(said, "WIN-1  done  WIN-1 planned: update Kernels\n");
    let listed = |status: &str| format!("WIN-1 T10:00:00.000Z T12:00:00.000Z {status}");
    assert_eq!(occurrences(&home)[1], listed("planned"));
    home.says(&["calendar", "approve", "win-1", "--at", &at, "--force"]);
    assert_eq!(occurrences(&home)[1], listed("approved"));
    let (code, said) = fails(&home, &["calendar", "start", "WIN-1", "--force"]);
    assert!(code == 1 && said.contains("is planned for"), "{said}");
    let answer =
        home.json(&["calendar", "cancel", "WIN-1", "--reason", "rain", "--json", "--at", &at]);
    let outcome = &answer["outcomes"][0];
    assert_eq!((&outcome["outcome"], &outcome["window"]), (&json!("done"), &json!("WIN-1")));
    assert_eq!(occurrences(&home)[1], listed("cancelled"));
    let (code, said) = fails(&home, &["calendar", "approve", "WIN-1", "--at", &at, "--force"]);
    assert!(code == 1 && said.contains("was cancelled by ana"), "{said}");
    let audit = home.says(&["audit"]);
    assert!(audit.contains("10:00 cancelled: rain"), "{audit}");
}

#[test]
fn what_is_under_way_is_started_extended_and_finished() {
    let home = home();
    let (code, said) = fails(&home, &["calendar", "start", "long", "--force"]);
    assert!(code == 1 && said.contains("is not approved"), "{said}");
    home.says(&["calendar", "approve", "long", "--force"]);
    home.says(&["calendar", "start", "long", "--force"]);
    // It takes all day, every day: it would run into itself.
    let (code, said) = fails(&home, &["calendar", "extend", "long", "--by", "30m"]);
    assert!(code == 1 && said.contains("lab is already scheduled"), "{said}");
    home.says(&["calendar", "extend", "long", "--by", "30m", "--force"]);
    let said =
        home.says(&["calendar", "finish", "long", "--code", "with_issues", "--note", "dust"]);
    assert!(said.contains("finished, with issues: dust"), "{said}");
}

#[test]
fn what_collides_is_refused_unless_it_is_forced() {
    let home = home();
    let start = on("02:30");
    let add = [&ADD[..], &["--start", &start]].concat();
    let (code, said) = fails(&home, &add);
    assert!(code == 1 && said.contains("Nightly backup"), "{said}");
    assert!(said.contains("--force does it all the same"), "{said}");
    assert_eq!(occurrences(&home).len(), 1, "nothing was planned");
    let said = home.says(&[&add[..], &["--force"]].concat());
    assert_eq!(said, "WIN-1  done  WIN-1 planned: update Kernels\n");
    let audit = home.says(&["audit"]);
    assert!(audit.contains("WIN-1 in spite of: "), "what was forced stays on record: {audit}");
    let conflicts = span(&["calendar", "conflicts", "--json", "--service", "db"]);
    let output = home.run(&words(&conflicts));
    assert_eq!(output.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = answer["conflicts"].as_array().unwrap();
    let whys: Vec<&str> = all.iter().map(|c| c["why"].as_str().unwrap()).collect();
    assert!(whys.iter().any(|w| w.contains("Nightly backup")), "{whys:?}");
    let (code, said) = fails(&home, &["calendar", "approve", "WIN-1"]);
    assert!(code == 1 && said.contains("refused"), "{said}");
}

#[test]
fn one_occurrence_is_moved_and_all_of_a_window_changed() {
    let home = home();
    let (start, at, into, to) = (on("10:00"), on("10:00"), on("03:30"), on("14:00"));
    home.says(&[&ADD[..], &["--start", &start, "--force"]].concat());
    let line = ["calendar", "move", "WIN-1", "--at", &at, "--to", &into];
    let (code, said) = fails(&home, &line);
    assert!(code == 1 && said.contains("Nightly backup"), "{said}");
    home.says(&["calendar", "move", "WIN-1", "--at", &at, "--to", &to, "--duration", "1h"]);
    assert_eq!(occurrences(&home)[1], "WIN-1 T14:00:00.000Z T15:00:00.000Z planned");
    let line = ["calendar", "change", "WIN-1", "--summary", "Kernels and more", "--owner", "ana"];
    let said = home.says(&[&line[..], &["--force"]].concat());
    assert!(said.contains("changed: update Kernels and more"), "{said}");
    let (code, said) = fails(&home, &["calendar", "change", "nightly", "--summary", "x"]);
    assert!(code == 1 && said.contains("change [[windows]] there"), "{said}");
}

#[test]
fn an_inspection_is_planned_by_its_last_completion_and_its_items_are_checked() {
    let home = home();
    let start = (Utc::now() - TimeDelta::minutes(10)).format("%Y-%m-%d %H:%M").to_string();
    let line = ["calendar", "add", "--kind", "inspection", "--service", "lab", "--duration", "2h"];
    let more = ["--summary", "Look", "--start", &start, "--after-completion", "30d", "--grace"];
    let items = ["7d", "--checklist", "doors", "--checklist", "heat [C]", "--force"];
    home.says(&[&line[..], &more, &items].concat());
    home.says(&["calendar", "start", "WIN-1", "--force"]);
    let check = ["calendar", "check", "WIN-1", "--item"];
    home.says(&[&check[..], &["1", "--fail", "--note", "one stands open"]].concat());
    let said = home.says(&[&check[..], &["2", "--value", "-3.5"]].concat());
    assert!(said.contains("item 2 noted -3.5"), "{said}");
    let (code, said) = fails(&home, &[&check[..], &["3", "--pass"]].concat());
    assert!(code == 1 && said.contains("has 2 items"), "{said}");
    let (code, said) = fails(&home, &[&check[..], &["1", "--pass", "--fail"]].concat());
    assert!(code == 2 && said.contains("cannot be used with"), "{said}");
    let (code, said) = fails(&home, &["calendar", "finish", "WIN-1"]);
    assert!(code == 1 && said.contains("close it with issues"), "{said}");
    home.says(&["calendar", "finish", "WIN-1", "--code", "with_issues", "--note", "doors"]);
    let (from, to) = (day(28), day(32));
    let answer = home.json(&["calendar", "--json", "--from", &from, "--to", &to]);
    let all = answer["occurrences"].as_array().unwrap();
    assert!(all.iter().any(|o| o["window"] == "WIN-1"), "thirty days later: {answer}");
}

#[test]
fn work_in_a_freeze_takes_an_exception() {
    let home = home();
    let (start, until) = (on("10:00"), on("13:00"));
    let freeze = ["calendar", "add", "--kind", "freeze", "--summary", "Sale", "--duration", "1d"];
    home.says(&[&freeze[..], &["--start", &on("00:00"), "--force"]].concat());
    let (code, said) = fails(&home, &[&ADD[..], &["--start", &start]].concat());
    assert!(code == 1 && said.contains("inside the freeze Sale"), "{said}");
    home.says(&[&ADD[..], &["--start", &start, "--force"]].concat());
    let line = ["calendar", "except", "WIN-1", "WIN-2", "--reason", "a disk fails", "--until"];
    home.says(&[&line[..], &[&until]].concat());
    home.says(&["calendar", "approve", "WIN-2"]);
    let (code, said) = fails(
        &home,
        &["calendar", "except", "nightly", "WIN-2", "--reason", "x", "--until", &until],
    );
    assert!(code == 1 && said.contains("is no freeze"), "{said}");
}

#[test]
fn a_change_while_too_few_are_on_call_collides() {
    let team = r#"
[calendar]
on_call_needed = 1
[[schedules]]
id = "days"
[[schedules.layers]]
name = "days"
people = ["ana"]
start = "2026-01-05 08:00"
shift = "7d"
hours = { mon = ["08:00-18:00"], tue = ["08:00-18:00"], wed = ["08:00-18:00"], thu = ["08:00-18:00"], fri = ["08:00-18:00"], sat = ["08:00-18:00"], sun = ["08:00-18:00"] }
"#;
    let home = Home::with(&format!("{}{team}", CONFIG.replace("DAY", &day(30))));
    home.says(&[&ADD[..], &["--start", &on("10:00")]].concat());
    let (code, said) = fails(&home, &[&ADD[..], &["--start", &on("17:00")]].concat());
    assert!(code == 1 && said.contains("0 on call, where 1 are needed"), "{said}");
    assert!(said.contains("18:00 – 19:00"), "only where nobody is: {said}");
}

#[test]
fn times_that_clocks_skip_or_show_twice_are_what_they_are_called() {
    let home = Home::with(&CONFIG.replace("DAY", &day(30)).replace("\"UTC\"", "\"Europe/Madrid\""));
    let add = |start: &str| {
        let line = ["calendar", "add", "--kind", "training", "--summary", "T", "--duration", "1h"];
        home.run(&[&line[..], &["--start", start]].concat())
    };
    assert!(add("2027-03-28 02:30").status.success());
    home.says(&["calendar", "cancel", "WIN-1", "--reason", "x", "--at", "2027-03-28 02:30"]);
    let second = add("2027-10-31T01:30:00Z");
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(said.contains("is the second 02:30 of that day in Europe/Madrid"), "{said}");
    let (code, said) = fails(&home, &["calendar", "cancel", "WIN-9", "--reason", "x"]);
    assert!(code == 1 && said.contains("there is no window"), "{said}");
    let output = home.run(&["calendar", "cancel", "WIN-9", "--reason", "x", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["outcomes"][0]["outcome"], json!("refused"), "{answer}");
}

#[test]
fn the_next_free_slot_keeps_clear_of_what_is_planned() {
    let home = home();
    let after = on("02:30");
    let line = ["calendar", "next-slot", "--service", "db", "--duration", "2h", "--kind", "drill"];
    let answer = home.json(&[&line[..], &["--json", "--after", &after]].concat());
    let from = answer["slot"]["from"].as_str();
    assert_eq!(from, Some(format!("{}T04:00:00.000Z", day(33)).as_str()), "{answer}");
}

#[test]
fn the_export_is_a_calendar_with_rules_and_exceptions() {
    let home = home();
    let at = on("03:00");
    home.says(&["calendar", "cancel", "nightly", "--reason", "no tape", "--at", &at]);
    let ics = home.says(&["calendar", "export", "--ics", "--service", "db"]);
    for wanted in [
        "BEGIN:VCALENDAR",
        "UID:nightly@calendar.atalaya",
        "RRULE:FREQ=DAILY;COUNT=10",
        "RECURRENCE-ID",
        "STATUS:CANCELLED",
        "END:VCALENDAR",
    ] {
        assert!(ics.contains(wanted), "{wanted} is missing:\n{ics}");
    }
    assert!(!ics.contains("racks"), "{ics}");
}

#[test]
fn wrong_names_say_what_is_right() {
    let home = home();
    let (late, early) = (on("04:00"), on("10:00"));
    for (line, code, expect) in [
        (&["calendar", "--service", "dbb"][..], 2, "did you mean \"db\"?"),
        (&["calendar", "start", "nigthly"], 1, "did you mean \"nightly\"?"),
        (&["calendar", "--service", "db", "conflicts"], 2, "put them behind the command"),
        (&["calendar", "approve", "nightly", "--at", &late], 1, "does not begin at"),
        (&["calendar", "cancel", "nightly", "--series", "--reason", "x"], 1, "change [[windows]]"),
    ] {
        let (found, said) = fails(&home, line);
        assert_eq!(found, code, "{line:?}: {said}");
        assert!(said.contains(expect), "{line:?}: {said}");
    }
    let rule = ["--start", &early, "--rrule", "FREQ=SECONDLY"];
    let (code, said) = fails(&home, &[&ADD[..], &rule].concat());
    assert!(code == 2 && said.contains("--rrule cannot be read"), "{said}");
    let (code, said) = fails(&home, &[&ADD[..], &["--start", "2098-01-01 10:00"]].concat());
    assert!(code == 1 && said.contains("more than ten years ahead"), "{said}");
}
