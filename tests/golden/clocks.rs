//! Clocks of service levels and availability: every case of `clocks.toml` and `availability.toml`, by the
//! plain functions and by the command line.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use atalaya::config::{Surroundings, of_text};
use atalaya::domain::sla::clock::{Course, Pause, Rest, Target};
use atalaya::domain::sla::contract::ServiceLevels;
use atalaya::domain::sla::hours::BusinessCalendar;
use atalaya::domain::sla::{Exclusion, NoData, Observed, availability};
use atalaya::domain::time::{Instant, Interval, Intervals, Moment};
use chrono::TimeDelta;
use serde::Deserialize;

use super::cli::Home;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clocks {
    calendars: Vec<toml::Value>,
    clock: Vec<ClockCase>,
    elapsed: Vec<Elapsed>,
    working_days: Vec<WorkingDays>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockCase {
    source: String,
    calendar: String,
    start: String,
    target: String,
    #[serde(default)]
    end_of_day: bool,
    #[serde(default)]
    pauses: Vec<String>,
    stop: Option<String>,
    now: Option<String>,
    deadline: Instant,
    elapsed_s: Option<i64>,
    left_s: Option<i64>,
    paused_s: Option<i64>,
    breached: Option<bool>,
    running: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Elapsed {
    source: String,
    calendar: String,
    from: String,
    to: String,
    seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkingDays {
    source: String,
    calendar: String,
    start: String,
    days: i32,
    expect: Instant,
}

fn data<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    toml::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// The config that has the calendars of the file.
fn config(clocks: &Clocks) -> String {
    let mut table = toml::Table::new();
    table.insert("calendars".into(), clocks.calendars.clone().into());
    format!("[site]\ntimezone = \"UTC\"\n{table}")
}

fn levels(clocks: &Clocks) -> Arc<ServiceLevels> {
    let now = "2026-11-23T00:00:00Z".parse().unwrap();
    let config = of_text("clocks.toml", config(clocks), &Surroundings::of_process(), now);
    config.unwrap_or_else(|e| panic!("{e}")).plan.service_levels
}

fn time(text: &str, calendar: &BusinessCalendar) -> Instant {
    let zone = calendar.editions()[0].zone;
    Moment::parse(text).unwrap_or_else(|| panic!("{text}")).begins(zone)
}

fn course(case: &ClockCase, calendar: &Arc<BusinessCalendar>) -> Course {
    let time = |text: &str| time(text, calendar);
    let target = match Target::parse(&case.target).unwrap() {
        Target::Days { count, .. } => Target::Days { count, to_close: case.end_of_day },
        target @ Target::Time(_) => target,
    };
    let pause = |text: &String| {
        let (from, to) = text.split_once("..").unwrap();
        Pause { from: time(from), to: Some(time(to)), why: Rest::Given }
    };
    Course {
        start: time(&case.start),
        target,
        calendar: Arc::clone(calendar),
        pauses: case.pauses.iter().map(pause).collect(),
        stop: case.stop.as_deref().map(time),
    }
}

#[test]
fn clocks_come_out_as_published_and_derived() {
    let clocks: Clocks = data("clocks.toml");
    assert!(clocks.clock.len() >= 40);
    let levels = levels(&clocks);
    for case in &clocks.clock {
        let calendar = &levels.calendars[&*case.calendar];
        let course = course(case, calendar);
        let now = case.now.as_deref().map_or(case.deadline, |now| time(now, calendar));
        let clock = course.clock(now);
        assert_eq!(clock.deadline, Ok(case.deadline), "{}", case.source);
        let check = |expect: Option<i64>, got: TimeDelta, what| {
            let expect = expect.unwrap_or(got.num_seconds());
            assert_eq!(got, TimeDelta::seconds(expect), "{what} of {}", case.source);
        };
        check(case.elapsed_s, clock.elapsed, "elapsed");
        check(case.left_s, clock.left.unwrap(), "left");
        check(case.paused_s, clock.paused, "paused");
        assert_eq!(clock.breached, case.breached.unwrap_or(false), "{}", case.source);
        assert_eq!(clock.running, case.running.unwrap_or(clock.running), "{}", case.source);
        let ledger = course.ledger(now);
        let counted = ledger.iter().filter(|l| l.counted);
        let counted = counted.fold(TimeDelta::zero(), |sum, l| sum + l.at.length());
        assert_eq!(counted, clock.elapsed, "the ledger of {}", case.source);
        let whole: Intervals = ledger.iter().map(|line| line.at).collect();
        let end = course.stop.map_or(now, |stop| stop.min(now));
        assert_eq!(whole, Interval::new(course.start, end).into(), "{}", case.source);
    }
    for case in &clocks.elapsed {
        let calendar = &levels.calendars[&*case.calendar];
        let within = Interval::new(time(&case.from, calendar), time(&case.to, calendar));
        let passed = calendar.passed(within);
        assert_eq!(passed, TimeDelta::seconds(case.seconds), "{}", case.source);
    }
    for case in &clocks.working_days {
        let calendar = &levels.calendars[&*case.calendar];
        let got = calendar.working_days(time(&case.start, calendar), case.days);
        assert_eq!(got, Ok(case.expect), "{}", case.source);
    }
}

#[test]
fn the_command_line_says_the_same_of_every_clock() {
    let clocks: Clocks = data("clocks.toml");
    let home = Home::with(&config(&clocks));
    let levels = levels(&clocks);
    for case in clocks.clock.iter().filter(|case| case.stop.is_none()) {
        let deadline = case.deadline.to_rfc3339();
        let now = case.now.as_deref().unwrap_or(&deadline);
        let mut line = vec!["sla", "clock", "--json", "--calendar", &case.calendar];
        line.extend(["--start", &case.start, "--target", &case.target, "--now", now]);
        line.extend(case.pauses.iter().flat_map(|pause| ["--pause", pause.as_str()]));
        if case.end_of_day {
            line.push("--end-of-day");
        }
        let document = home.json(&line);
        assert_eq!(document["version"], 1);
        let got: Instant = document["deadline"].as_str().unwrap().parse().unwrap();
        assert_eq!(got, case.deadline, "{}", case.source);
        let calendar = &levels.calendars[&*case.calendar];
        let at = case.now.as_deref().map_or(case.deadline, |now| time(now, calendar));
        let clock = course(case, calendar).clock(at);
        assert_eq!(document["elapsed_s"], clock.elapsed.num_seconds(), "{}", case.source);
        assert_eq!(document["left_s"], clock.left.unwrap().num_seconds(), "{}", case.source);
        assert_eq!(document["paused_s"], clock.paused.num_seconds(), "{}", case.source);
        assert_eq!(document["breached"], clock.breached, "{}", case.source);
        assert_eq!(document["running"], clock.running, "{}", case.source);
    }
}

#[test]
fn a_clock_that_has_not_begun_is_told_as_of_its_deadline() {
    let clocks: Clocks = data("clocks.toml");
    let home = Home::with(&config(&clocks));
    let line = ["sla", "clock", "--calendar", "glpi", "--start", "2099-06-09 08:46:12"];
    let document = home.json(&[&line[..], &["--target", "30m", "--json"]].concat());
    assert_eq!(document["left_s"], 0);
    let told = home.run(&[&line[..], &["--target", "5wd"]].concat());
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("deadline  Tue 2099-06-16 08:46:12 UTC"), "{told}");
    assert!(told.contains("open hours"), "{told}");
}

#[derive(Deserialize)]
struct Cases {
    case: Vec<AvailabilityCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AvailabilityCase {
    source: String,
    mode: String,
    no_data: Option<String>,
    to: Option<i64>,
    #[serde(default)]
    down: Vec<String>,
    #[serde(default)]
    excused: Vec<String>,
    #[serde(default)]
    unknown: Vec<String>,
    expect: Option<String>,
    up_s: Option<i64>,
    down_s: Option<i64>,
    presumed_s: Option<i64>,
    excluded_s: Option<i64>,
    unknown_s: Option<i64>,
}

#[test]
fn availability_comes_out_as_published_and_derived() {
    let home = Home::with("[site]\ntimezone = \"UTC\"\n");
    let second = |text: &str| Instant::from_timestamp(text.parse().unwrap(), 0).unwrap();
    let set = |list: &[String]| -> Intervals {
        let one = |text: &String| {
            let (from, to) = text.split_once("..").unwrap();
            Interval::new(second(from), second(to))
        };
        list.iter().map(one).collect()
    };
    let cases: Cases = data("availability.toml");
    assert!(cases.case.len() >= 12);
    for case in cases.case {
        let to = case.to.unwrap_or(2000).to_string();
        let observed = Observed {
            down: set(&case.down),
            excluded: set(&case.excused),
            unknown: set(&case.unknown),
        };
        let mode = Exclusion::parse(&case.mode).unwrap();
        let no_data = case.no_data.as_deref().unwrap_or("remove");
        let within = Interval::new(second("1000"), second(&to));
        let found = availability(within, &observed, mode, NoData::parse(no_data).unwrap());
        assert_eq!(found.ratio().map(|r| r.percent_down(4)), case.expect, "{}", case.source);

        let mut line = vec!["sla", "availability", "--from", "1000", "--to", &to, "--json"];
        line.extend(["--mode", &case.mode, "--no-data", no_data]);
        for (option, list) in
            [("--down", &case.down), ("--excused", &case.excused), ("--unknown", &case.unknown)]
        {
            line.extend(list.iter().flat_map(|at| [option, at.as_str()]));
        }
        let document = home.json(&line);
        assert_eq!(document["availability_pct"].as_str(), case.expect.as_deref());
        assert_eq!(document["mode"], case.mode.as_str());
        for (field, expect) in [
            ("up_s", case.up_s),
            ("down_s", case.down_s),
            ("presumed_s", case.presumed_s),
            ("excluded_s", case.excluded_s),
            ("unknown_s", case.unknown_s),
        ] {
            let got = document[field].as_i64().unwrap();
            assert_eq!(got, expect.unwrap_or(got), "{field} of {}", case.source);
        }
    }
}

const PROMISED: &str = r#"
[site]
name = "test"
timezone = "Europe/Madrid"
[operator]
name = "ana"
[[services]]
id = "checkout"
[sla]
name = "House rules"
targets = [
  { priority = 1, respond = "15m", resolve = "2h", update_every = "30m" },
  { priority = 3, resolve = "5wd" },
]
[[contracts]]
id = "acme"
name = "ACME, gold"
customer = "ACME Inc."
services = ["checkout"]
pause_on = ["customer"]
targets = [{ priority = 1, respond = "5m", resolve = "1h" }]
"#;

/// The names of the fields of a clock that scripts rely on.
const FIELDS: [&str; 7] =
    ["breached", "deadline", "elapsed_s", "ledger", "left_s", "paused_s", "running"];

#[test]
fn the_clocks_of_an_incident_are_in_the_queue_and_are_explained() {
    let home = Home::with(PROMISED);
    let line = ["incident", "report", "--title", "Cards are refused", "--service", "checkout"];
    home.says(&[&line[..], &["--impact", "1", "--urgency", "1"]].concat());
    home.says(&["incident", "ack", "INC-1"]);
    home.says(&["incident", "hold", "INC-1", "--waits-for", "customer"]);

    let document = home.json(&["incidents", "--json"]);
    let incident = &document["incidents"][0];
    for kind in ["respond", "resolve"] {
        let fields: Vec<&str> = super::cli::fields(&incident[kind]).into_iter().collect();
        assert_eq!(fields, FIELDS, "{incident:#}");
    }
    assert!(incident["update"].is_null(), "ACME was promised no updates");
    assert_eq!(incident["respond"]["breached"], false);
    let opened: Instant = incident["opened_at"].as_str().unwrap().parse().unwrap();
    let due: Instant = incident["respond"]["deadline"].as_str().unwrap().parse().unwrap();
    assert_eq!(due - opened, TimeDelta::minutes(5));
    assert_eq!(incident["resolve"]["running"], false);

    let explained = home.json(&["sla", "explain", "INC-1", "--json"]);
    assert_eq!((&explained["version"], &explained["id"]), (&1.into(), &"INC-1".into()));
    let resolve = &explained["clocks"][1];
    assert_eq!((&resolve["contract"], &resolve["kind"]), (&"acme".into(), &"resolve".into()));
    let ledger = resolve["ledger"].as_array().unwrap();
    assert_eq!(ledger.last().unwrap()["why"], "on hold for the customer", "{ledger:#?}");
    assert_eq!(ledger.last().unwrap()["counted"], false);
    let told = home.says(&["sla", "explain", "INC-1"]);
    assert!(told.contains("respond (ACME, gold)"), "{told}");
    assert!(told.contains("on hold for the customer"), "{told}");

    assert!(home.says(&["incidents", "sla<1h"]).contains("INC-1"));
    assert!(home.says(&["incidents", "sla<30m"]).contains("no incidents"));
    assert!(home.says(&["incidents", "is:breached"]).contains("no incidents"));
    assert!(home.says(&["incidents", "--view", "due next"]).contains("INC-1"));
}

#[test]
fn an_incident_without_clocks_says_why() {
    let home = Home::with(PROMISED);
    let why = |line: &[&str]| {
        home.says(line);
        home.json(&["sla", "explain", "INC-1", "--json"])["why_none"].as_str().unwrap().to_owned()
    };
    let report = ["incident", "report", "--title", "x", "--impact", "2", "--urgency", "3"];
    assert_eq!(why(&report), "its contract promises nothing for P4; add it to targets");
    let cancel = ["incident", "cancel", "INC-1", "--reason", "a false alarm"];
    assert_eq!(why(&cancel), "INC-1 was cancelled: it is outside of service levels");
    let unknown = home.run(&["sla", "explain", "INC-9"]);
    assert_eq!(unknown.status.code(), Some(1));
}

#[test]
fn what_cannot_be_is_said_with_the_exit_code_that_it_has() {
    let never = "[[calendars]]\nid = \"spring\"\nhours = { mon = [\"09:00-17:00\"] }\n\
                 valid_to = \"2026-03-01\"\n";
    let home = Home::with(never);
    let line = ["sla", "clock", "--start", "2026-02-20T09:00:00Z", "--json", "--target"];
    let asked = |calendar: &str, target: &str| {
        home.run(&[&line[..], &[target, "--calendar", calendar]].concat())
    };
    let found = asked("spring", "4h");
    assert_eq!(found.status.code(), Some(0), "{found:?}");
    let never = asked("spring", "90h");
    assert_eq!(never.status.code(), Some(1), "{never:?}");
    let document: serde_json::Value = serde_json::from_slice(&never.stdout).unwrap();
    assert!(document["deadline"].is_null() && document["left_s"].is_null(), "{document}");
    let why = String::from_utf8(never.stderr).unwrap();
    assert!(why.contains("calendar spring is open for only 8h of 3d 18h"), "{why}");
    let unknown = asked("sprnig", "4h");
    assert_eq!(unknown.status.code(), Some(2));
    let why = String::from_utf8(unknown.stderr).unwrap();
    assert!(why.contains("did you mean \"spring\"?"), "{why}");
    let backwards = home.run(&["sla", "availability", "--from", "2", "--to", "1"]);
    assert_eq!(backwards.status.code(), Some(2));
}
