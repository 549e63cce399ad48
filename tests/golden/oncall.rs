//! Who is on call, by command line: what is asked, what is changed, what is refused. The times lie so
//! far ahead that they stay to come.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::cli::{Home, fields, golden};

/// Two schedules. In Madrid hands change at midnight; in Bogotá nobody is there in an hour of each
/// morning in which somebody should be.
const CONFIG: &str = r#"
[site]
name = "test"
timezone = "Europe/Madrid"
[operator]
name = "eva"
person = "eva"

[[people]]
id = "ana"
name = "Ana Ruiz"
email = "ana@acme.example"
phone = "+34 600 555 101"
[[people]]
id = "luis"
name = "Luis Peña"
chat = "@luis"
[[people]]
id = "mia"
name = "Mia Chen"
timezone = "Asia/Singapore"
absences = [{ from = "2098-05-01", to = "2098-05-03", reason = "course" }]
[[people]]
id = "eva"
name = "Eva Soto"
phone = "+34 600 555 103"
email = "eva@acme.example"
chat = "@eva"

[[schedules]]
id = "core"
name = "Core operations"
rest = "8h"
[[schedules.layers]]
name = "days"
people = ["ana", "luis"]
start = "2026-01-01 00:00"
shift = "1d"

[[schedules]]
id = "databases"
timezone = "America/Bogota"
rest = "0s"
[schedules.coverage]
mon = ["07:00-18:00"]
tue = ["07:00-18:00"]
[[schedules.layers]]
name = "office"
people = ["mia"]
start = "2026-01-01 00:00"
shift = "1w"
hours = { mon = ["08:00-18:00"], tue = ["08:00-18:00"] }

[[escalation]]
id = "core"
levels = [{ notify = ["schedule:core"] }, { notify = ["schedule:databases", "person:eva"], timeout = "15m" }]
repeat = 2
[[escalation]]
id = "data"
levels = [{ notify = ["schedule:databases"] }]
"#;

fn home() -> Home {
    Home::with(CONFIG)
}

/// `person from to layer override` of each final shift.
fn shifts(home: &Home, from: &str, to: &str) -> Vec<String> {
    let line = ["oncall", "shifts", "--json", "--schedule", "core", "--from", from, "--to", to];
    let document = home.json(&line);
    let text = |v: &Value| v.as_str().unwrap_or("-").replace(":00.000Z", "");
    let words = ["person", "from", "to", "layer", "override"];
    let shifts = document["shifts"].as_array().unwrap();
    shifts.iter().map(|s| words.map(|w| text(&s[w])).join(" ")).collect()
}

/// Standard error and exit code of what does not succeed.
fn fails(home: &Home, line: &[&str]) -> (i32, String) {
    let output = home.run(line);
    assert!(!output.status.success(), "{line:?}: {output:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_people_read_is_as_documented() {
    let home = home();
    let over = ["oncall", "override", "--schedule", "core", "--person", "eva"];
    let noon = ["--from", "2098-03-31 12:00", "--to", "2098-03-31 20:00", "--reason", "dentist"];
    home.says(&[&over[..], &noon].concat());
    let span = ["--from", "2098-03-29", "--to", "2098-04-02"];
    let mut all = String::new();
    for line in [
        &["oncall", "--at", "2098-03-31 17:30"][..],
        &["oncall", "--at", "2098-03-30 12:00", "--schedule", "databases"],
        &[&["oncall", "shifts"], &span[..]].concat(),
        &[&["oncall", "shifts", "--schedule", "databases", "--person", "mia"], &span[..]].concat(),
        &[&["oncall", "gaps"], &span[..]].concat(),
        &[&["oncall", "load"], &span[..]].concat(),
        &["oncall", "overrides"],
    ] {
        let output = home.run(line);
        let said = String::from_utf8(output.stdout).unwrap();
        let _ = writeln!(all, "──── {}\n{said}", line.join(" "));
    }
    golden("oncall", &all);
}

#[test]
fn an_override_is_made_seen_and_dropped() {
    let home = home();
    let before = ["luis 2098-05-01T22:00 2098-05-02T22:00 days -"];
    let day = ("2098-05-02", "2098-05-03");
    assert_eq!(shifts(&home, day.0, day.1), before);

    let over = ["oncall", "override", "--schedule", "core", "--person", "eva", "--json"];
    let night = ["--from", "2098-05-02 20:00", "--to", "2098-05-02T20:00:00Z"];
    let made = home.json(&[&over[..], &night].concat());
    let said = "Eva Soto on Core operations 02 May 20:00 – 22:00";
    let outcome = json!({"outcome": "done", "said": said, "overrides": ["OVR-1"], "concerns": []});
    assert_eq!(made, json!({"version": 1, "outcomes": [outcome]}));
    let with = [
        "luis 2098-05-01T22:00 2098-05-02T18:00 days -",
        "eva 2098-05-02T18:00 2098-05-02T20:00 - OVR-1",
        "luis 2098-05-02T20:00 2098-05-02T22:00 days -",
    ];
    assert_eq!(shifts(&home, day.0, day.1), with);
    let at = home.json(&["oncall", "--json", "--at", "2098-05-02 21:00"]);
    let core = &at["schedules"][0];
    assert_eq!((&core["person"], &core["override"]), (&"eva".into(), &"OVR-1".into()));
    assert_eq!((&core["layer"], &core["next"]["person"]), (&Value::Null, &"luis".into()));

    let listed = home.json(&["oncall", "overrides", "--json"]);
    let listed = listed["overrides"].as_array().unwrap();
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &"OVR-1".into()));
    let dropped = home.says(&["oncall", "drop", "ovr-1"]);
    assert_eq!(dropped, "OVR-1  done  OVR-1 dropped: core 02 May 20:00 – 22:00\n");
    assert_eq!(shifts(&home, day.0, day.1), before);
    assert_eq!(home.says(&["oncall", "overrides", "--all"]), "no overrides\n");
    let (code, said) = fails(&home, &["oncall", "drop", "OVR-1"]);
    assert_eq!(
        (code, said.as_str()),
        (1, "-  refused  there is no OVR-1; it may have been dropped already\n")
    );
    let log = home.says(&["audit"]);
    assert!(log.contains("overrides_set") && log.contains("overrides_dropped"), "{log}");
}

#[test]
fn the_days_on_which_clocks_change_are_swapped_whole() {
    let home = home();
    let swap = |a: &str, b: &str| {
        home.json(&["oncall", "swap", "--json", "--schedule", "core", "--a", a, "--b", b])
    };
    // Forward on 30 March, at 02:00; back on 26 October, at 03:00.
    let made = swap("2098-03-30 00:00", "2098-03-31 00:00");
    assert_eq!(made["outcomes"][0]["overrides"], json!(["OVR-1", "OVR-2"]), "{made:#}");
    let expect = [
        "luis 2098-03-29T23:00 2098-03-30T22:00 - OVR-1",
        "ana 2098-03-30T22:00 2098-03-31T22:00 - OVR-2",
    ];
    assert_eq!(shifts(&home, "2098-03-30", "2098-04-01"), expect);
    swap("2098-10-26 02:30", "2098-10-27 00:00");
    let expect = [
        "luis 2098-10-25T22:00 2098-10-26T23:00 - OVR-3",
        "ana 2098-10-26T23:00 2098-10-27T23:00 - OVR-4",
    ];
    assert_eq!(shifts(&home, "2098-10-26", "2098-10-28"), expect);
    // Whoever swaps again has it as it was.
    swap("2098-10-26 02:30", "2098-10-27 00:00");
    let expect = [
        "ana 2098-10-25T22:00 2098-10-26T23:00 - OVR-5",
        "luis 2098-10-26T23:00 2098-10-27T23:00 - OVR-6",
    ];
    assert_eq!(shifts(&home, "2098-10-26", "2098-10-28"), expect);
    let dropped = home.json(&["oncall", "drop", "--json", "3", "4", "5", "6"]);
    assert_eq!(dropped["outcomes"][0]["overrides"].as_array().unwrap().len(), 4);
}

#[test]
fn a_shift_is_taken_by_the_operator_until_its_end() {
    let home = home();
    let (code, said) = fails(&home, &["oncall", "take"]);
    assert_eq!(code, 2);
    assert!(said.contains("--schedule; defined schedules: core, databases"), "{said}");
    let line = ["oncall", "take", "--schedule", "core", "--at", "2098-05-02 14:00"];
    let said = home.says(&line);
    assert_eq!(said, "OVR-1  done  Eva Soto on Core operations 02 May 14:00 – 03 May 00:00\n");
    assert_eq!(home.says(&line), "-  done  Eva Soto has Core operations until 03 May 00:00\n");
    let log = home.says(&["audit"]);
    assert!(log.contains("took OVR-1 core eva"), "{log}");
    // The one that runs now.
    assert!(home.says(&["oncall", "take", "--schedule", "core"]).starts_with("OVR-2  done  "));
    assert!(home.says(&["oncall", "--schedule", "core"]).contains("Eva Soto  (OVR-2)"));

    let (code, said) =
        fails(&home, &["oncall", "take", "--schedule", "databases", "--at", "2098-05-04 08:00"]);
    assert_eq!(code, 1);
    assert!(said.contains("nobody is on call on databases at 04 May 08:00"), "{said}");
    let home = Home::with(&CONFIG.replace("person = \"eva\"", ""));
    let (code, said) = fails(&home, &line);
    assert!(code == 2 && said.contains("--person") && said.contains("[operator]"), "{said}");
}

#[test]
fn what_speaks_against_a_change_is_said_and_can_be_forced() {
    let home = home();
    let put = |person: &str, from: &str, to: &str, more: &[&str]| {
        let line = [
            "oncall",
            "override",
            "--schedule",
            "core",
            "--person",
            person,
            "--from",
            from,
            "--to",
            to,
        ];
        home.run(&[&line[..], more].concat())
    };
    // 5 May 2098 is a Monday: Mia is on call in Bogotá from 15:00 of Madrid on.
    let output = put("mia", "2098-05-05 12:00", "2098-05-05 20:00", &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    let booked = "Mia Chen would be on call on databases, too, 05 May 15:00 – 20:00";
    assert_eq!(said, format!("-  refused  {booked}\n--force does it all the same\n"));
    let output = put("mia", "2098-05-02 12:00", "2098-05-02 20:00", &["--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let outcome = &document["outcomes"][0];
    assert_eq!((output.status.code(), &outcome["outcome"]), (Some(1), &"refused".into()));
    assert_eq!(outcome["concerns"][0]["kind"], "absent");
    assert!(outcome["why"].as_str().unwrap().ends_with(": course; --force does it all the same"));
    assert_eq!(outcome["overrides"], json!([]));
    let output = put("luis", "2098-05-03 02:00", "2098-05-03 03:00", &["--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["outcomes"][0]["concerns"][0]["kind"], "rest", "{document:#}");
    let output = put("nobody", "2098-05-03 12:00", "2098-05-03 13:00", &["--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["outcomes"][0]["concerns"][0]["kind"], "uncovered", "{document:#}");
    assert_eq!(home.says(&["oncall", "overrides"]), "no overrides\n");

    let output = put("mia", "2098-05-05 12:00", "2098-05-05 20:00", &["--force"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        String::from_utf8(output.stderr).unwrap().contains(&format!("OVR-1  forced  {booked}"))
    );
    let span = ["--json", "--from", "2098-05-05", "--to", "2098-05-06"];
    let found = home.json(&[&["oncall", "gaps"], &span[..]].concat());
    let twice = &found["double_bookings"];
    let expect = json!([{"person": "mia", "from": "2098-05-05T13:00:00.000Z",
        "to": "2098-05-05T18:00:00.000Z", "schedules": ["core", "databases"]}]);
    assert_eq!(*twice, expect);
    // What is over is no use.
    let output = put("ana", "2020-05-05 12:00", "2020-05-05 20:00", &["--force"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("that time is over"));
    let audit = home.says(&["audit"]);
    assert!(audit.contains("in spite of: "), "what was forced stays on record: {audit}");
}

#[test]
fn what_cannot_be_is_said_before_what_could_be_forced() {
    let home = home();
    let past = "oncall override --schedule core --person nobody --from 2026-01-02 --to 2026-01-03";
    for line in [past.to_owned(), format!("{past} --force")] {
        let (code, said) = fails(&home, &line.split(' ').collect::<Vec<_>>());
        assert_eq!(code, 1);
        assert!(said.contains("that time is over"), "{said}");
        assert!(!said.contains("--force"), "{said}");
    }
    let (code, said) = fails(&home, &["oncall", "drop", "OVR-99", "--force"]);
    assert_eq!(code, 1);
    assert!(said.contains("there is no OVR-99"), "{said}");
}

#[test]
fn shifts_are_written_for_other_calendars_as_the_same_events_each_time() {
    let home = home();
    let written = |from: &str, to: &str| {
        let line = ["oncall", "export", "--ics", "--schedule", "core", "--from", from, "--to", to];
        home.says(&line).replace("\r\n ", "")
    };
    let events = |text: &str| -> Vec<String> {
        let kept = ["UID", "DTSTART", "DTEND", "SUMMARY", "ATTENDEE"];
        let lines = text.split("\r\n").filter(|l| kept.iter().any(|k| l.starts_with(k)));
        lines.map(str::to_owned).collect()
    };
    let days = written("2098-03-30", "2098-04-01");
    assert!(days.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"), "{days}");
    assert!(days.contains("X-WR-CALNAME:Core operations\r\n"), "{days}");
    let expect = [
        "UID:core-20980329T230000Z@oncall.atalaya",
        "DTSTART:20980329T230000Z",
        "DTEND:20980330T220000Z",
        "SUMMARY:Core operations: Ana Ruiz",
        "ATTENDEE;CN=\"Ana Ruiz\":mailto:ana@acme.example",
        "UID:core-20980330T220000Z@oncall.atalaya",
        "DTSTART:20980330T220000Z",
        "DTEND:20980331T220000Z",
        "SUMMARY:Core operations: Luis Peña",
    ];
    assert_eq!(events(&days), expect);
    assert_eq!(events(&written("2098-03-30 08:00", "2098-03-31 20:00")), expect);
    // Whoever takes a whole shift takes its event.
    home.says(&["oncall", "swap", "--schedule", "core", "--a", "2098-03-30", "--b", "2098-03-31"]);
    let swapped = events(&written("2098-03-30", "2098-03-31"));
    assert_eq!(
        (&swapped[0], swapped[3].as_str()),
        (&expect[0].to_owned(), "SUMMARY:Core operations: Luis Peña")
    );
    let none = Home::with("");
    assert!(none.says(&["oncall", "export", "--ics"]).ends_with("END:VCALENDAR\r\n"));
}

#[test]
fn gaps_are_exit_1_and_none_exit_0() {
    let home = home();
    let gaps = |schedule: &str| {
        let output = home.run(&[
            "oncall",
            "gaps",
            "--json",
            "--schedule",
            schedule,
            "--from",
            "2098-05-05",
            "--to",
            "2098-05-06",
        ]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), document)
    };
    let (code, document) = gaps("databases");
    let expect = json!([{"schedule": "databases", "from": "2098-05-05T12:00:00.000Z",
        "to": "2098-05-05T13:00:00.000Z", "why": "outside the hours of every layer"}]);
    assert_eq!((code, &document["gaps"]), (1, &expect));
    let none = json!({"version": 1, "gaps": [], "double_bookings": [], "absences": []});
    assert_eq!(gaps("core"), (0, none));
}

#[test]
fn json_documents_have_the_documented_fields() {
    let home = home();
    let is = |value: &Value, wanted: &[&str]| {
        assert_eq!(fields(value), wanted.iter().copied().collect::<BTreeSet<_>>(), "{value:#}");
    };
    let now = home.json(&["oncall", "--json", "--at", "2098-05-05T12:30:00Z"]);
    is(&now, &["version", "at", "schedules", "policies"]);
    assert_eq!(now["at"], "2098-05-05T12:30:00.000Z");
    let [core, databases] = now["schedules"].as_array().unwrap().as_slice() else { panic!() };
    let wanted = [
        "schedule", "person", "name", "from", "to", "layer", "override", "timezone", "night",
        "contacts", "next", "gap",
    ];
    is(core, &wanted);
    is(databases, &wanted);
    is(&core["contacts"], &["phone", "email", "chat"]);
    is(&core["next"], &["person", "name", "from", "to"]);
    is(&databases["gap"], &["schedule", "from", "to", "why"]);
    assert_eq!((&databases["person"], &databases["from"]), (&Value::Null, &Value::Null));
    assert_eq!(databases["next"]["person"], "mia");
    is(&now["policies"][0], &["policy", "repeat", "levels"]);
    is(&now["policies"][0]["levels"][1], &["timeout_s", "reaches", "empty"]);
    assert_eq!(now["policies"][0]["levels"][1]["empty"], json!(["databases"]));
    assert_eq!(now["policies"][0]["levels"][1]["reaches"][0]["person"], "eva");

    let shifts = home.json(&["oncall", "shifts", "--json", "--person", "luis"]);
    is(&shifts, &["version", "shifts"]);
    let wanted = ["schedule", "person", "from", "to", "layer", "override"];
    is(&shifts["shifts"][0], &wanted);
    let count = shifts["shifts"].as_array().unwrap().len();
    assert!((7..=8).contains(&count), "two weeks: {count}");
    let load = home.json(&["oncall", "load", "--json"]);
    is(&load, &["version", "from", "to", "people", "fairness"]);
    let wanted =
        ["person", "name", "hours", "out_of_hours", "nights", "weekends", "shifts", "pages"];
    is(&load["people"][0], &wanted);
    is(&load["fairness"], &["hours", "out_of_hours", "nights", "weekends"]);
}

#[test]
fn wrong_names_and_spans_are_exit_2_with_what_is_right() {
    let home = home();
    for (line, expect) in [
        (&["oncall", "--schedule", "cor"][..], "did you mean \"core\"?"),
        (&["oncall", "shifts", "--schedule", "cor"], "did you mean \"core\"?"),
        (&["oncall", "shifts", "--person", "anna"], "did you mean \"ana\"?"),
        (&["oncall", "take", "--schedule", "core", "--person", "lius"], "did you mean \"luis\"?"),
        (
            &["oncall", "shifts", "--from", "2098-01-01", "--to", "2099-01-03"],
            "give --to \"2099-01-02 00:00\"",
        ),
        (
            &["oncall", "gaps", "--from", "2098-01-02", "--to", "2098-01-01"],
            "--from is not before --to",
        ),
        (&["oncall", "--schedule", "core", "shifts"], "put them behind the command"),
    ] {
        let (code, said) = fails(&home, line);
        assert_eq!(code, 2, "{line:?}: {said}");
        assert!(said.contains(expect), "{line:?}: {said}");
    }
    let data = home.path(".local/share/atalaya");
    assert!(!data.exists(), "questions and wrong words make no store");
    home.says(&["oncall", "shifts", "--from", "2098-01-01", "--to", "2099-01-02"]);
    // Times that no calendar has overflow nothing.
    for far in ["9999-12-31", "0001-01-01"] {
        home.says(&["oncall", "--at", far]);
    }
}

#[test]
fn without_a_schedule_questions_have_an_empty_answer_and_changes_the_remedy() {
    let home = Home::with("");
    for line in [&["oncall"][..], &["oncall", "shifts"], &["oncall", "gaps"], &["oncall", "load"]] {
        let said = home.says(line);
        assert!(said.contains("add [[people]] and [[schedules]]"), "{line:?}: {said}");
        assert!(fields(&home.json(&[line, &["--json"]].concat())).contains("version"));
    }
    assert_eq!(home.json(&["oncall", "gaps", "--json"])["gaps"], json!([]));
    for line in [
        &["oncall", "take"][..],
        &["oncall", "--schedule", "core"],
        &["oncall", "swap", "--schedule", "core", "--a", "2098-01-01", "--b", "2098-01-02"],
    ] {
        let (code, said) = fails(&home, line);
        assert!(code == 2 && said.contains("add [[people]] and [[schedules]]"), "{line:?}: {said}");
    }
}

/// A layer that a file states. Its shifts are worked out around today only, so they lie there.
const IMPORTED: &str = r#"
[site]
timezone = "Europe/Madrid"
[operator]
name = "eva"
[[sources]]
name = "rota"
kind = "ical"
file = "rota.ics"
people = { "Boss" = "luis" }
[[people]]
id = "ana"
name = "Ana Ruiz"
email = "ana@acme.example"
[[people]]
id = "luis"
name = "Luis Peña"
[[schedules]]
id = "core"
[[schedules.layers]]
name = "calendar"
source = "rota"
"#;

fn rota(home: &Home) -> Vec<chrono::NaiveDate> {
    let today = chrono::Utc::now().date_naive();
    let days: Vec<_> = (0..5).map(|n| today + chrono::TimeDelta::days(n)).collect();
    let event = |n: usize, lines: &str| {
        let (from, to) = (days[n].format("%Y%m%d"), days[n + 1].format("%Y%m%d"));
        format!(
            "BEGIN:VEVENT\r\nUID:{n}\r\nDTSTART:{from}T000000Z\r\nDTEND:{to}T000000Z\r\n{lines}\r\n\
             END:VEVENT\r\n"
        )
    };
    let events = event(0, "SUMMARY:Duty\r\nATTENDEE;CN=A:mailto:ana@acme.example")
        + &event(1, "SUMMARY:On call: boss")
        + &event(2, "SUMMARY:Holiday");
    let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n");
    std::fs::write(home.path("rota.ics"), text).unwrap();
    days
}

#[test]
fn a_layer_is_read_from_a_calendar_before_a_question_is_answered() {
    let home = Home::with(IMPORTED);
    let days = rota(&home);
    let midnight = |n: usize| format!("{}T00:00:00Z", days[n]);
    let expect = [
        format!("ana {0}T00:00 {1}T00:00 calendar -", days[0], days[1]),
        format!("luis {0}T00:00 {1}T00:00 calendar -", days[1], days[2]),
    ];
    assert_eq!(shifts(&home, &midnight(0), &midnight(4)), expect);
    assert!(home.says(&["oncall"]).contains("on call   Ana Ruiz  (calendar)"));
    let gaps = ["oncall", "gaps", "--json", "--from", &midnight(2), "--to", &midnight(3)];
    assert_eq!(home.json(&gaps)["gaps"][0]["why"], "the imported calendar states nobody");
    // Who takes a shift takes it from whom the calendar says.
    let over = ["oncall", "take", "--person", "luis", "--at", &midnight(0), "--force"];
    assert!(home.says(&over).contains("OVR-1  done"));

    let sources = home.json(&["sources", "--json"]);
    let source = &sources["sources"][0];
    assert_eq!((&source["kind"], &source["items"]), (&"ical".into(), &2.into()));
    let warning = source["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("\"Holiday\" means nobody of the team"), "{warning}");
    assert_eq!(home.run(&["check"]).status.code(), Some(1));
}

#[test]
fn a_calendar_that_does_not_answer_is_told_and_the_rest_answered() {
    let home = Home::with(IMPORTED);
    let output = home.run(&["oncall", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let expect = "source rota: ";
    assert!(said.starts_with(expect) && said.lines().count() == 1, "{said}");
    let missing = "; the shifts of layer \"calendar\" of core are missing";
    assert!(said.contains("No such file") && said.contains(missing), "{said}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let core = &document["schedules"][0];
    assert_eq!(core["person"], Value::Null);
    assert_eq!(core["gap"]["why"], "the imported calendar has not been read");
    // What is stored is told without asking it.
    assert!(home.run(&["oncall", "overrides"]).stderr.is_empty());
}
