//! The command line as people and scripts see it: help texts, JSON fields, exit codes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// A home of its own with a config that watches nothing but answers everything.
pub struct Home(TempDir);

/// One source that is this machine, without services of its own, so that the poll is quick.
const CONFIG: &str = r#"
[site]
name = "test"
timezone = "Europe/Madrid"
[operator]
name = "ana"
[[sources]]
name = "host"
kind = "host"
services = false
[[services]]
id = "checkout"
name = "Checkout"
tier = 1
team = "payments"
[[services.signals]]
name = "memory"
source = "host"
metric = "memory"
unit = "%"
crit = 101
"#;

impl Home {
    fn new() -> Self {
        Self::with(CONFIG)
    }

    pub fn with(config: &str) -> Self {
        let home = Self(TempDir::new().unwrap());
        fs::write(home.path("config.toml"), config).unwrap();
        home
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_atalaya"));
        command
            .env_clear()
            .env("HOME", self.0.path())
            .env("ATALAYA_CONFIG", self.path("config.toml"))
            .env("SSH_CONNECTION", "10.1.2.3 50123 10.0.0.1 22")
            .env("COLUMNS", "100")
            .args(arguments);
        command
    }

    /// Standard output of a command that must succeed.
    pub fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_slice(&self.run(arguments).stdout).unwrap()
    }
}

/// The names of an object's fields.
pub fn fields(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[track_caller]
fn has(value: &Value, wanted: &[&str]) {
    let missing: Vec<_> = wanted.iter().filter(|w| !fields(value).contains(*w)).collect();
    assert!(missing.is_empty(), "{missing:?} missing in {value:#}");
}

#[test]
fn every_help_text_is_as_documented() {
    let home = Home::new();
    let mut all = home.says(&["--help"]);
    let commands = [
        "init",
        "check",
        "health",
        "sources",
        "incidents",
        "incident",
        "oncall",
        "calendar",
        "page",
        "report",
        "silences",
        "silence",
        "sla",
        "audit",
        "export",
        "import",
        "keys",
        "themes",
        "completions",
        "man",
    ];
    for command in commands {
        let _ = writeln!(all, "\n──── {command}\n{}", home.says(&[command, "--help"]).trim_end());
    }
    for action in [
        "report", "ack", "unack", "assign", "classify", "hold", "resume", "snooze", "wake", "note",
        "merge", "split", "resolve", "feedback", "close", "reopen", "cancel", "correct", "show",
    ] {
        let help = home.says(&["incident", action, "--help"]);
        let _ = writeln!(all, "\n──── incident {action}\n{}", help.trim_end());
    }
    for action in
        ["shifts", "gaps", "load", "overrides", "override", "take", "swap", "drop", "export"]
    {
        let help = home.says(&["oncall", action, "--help"]);
        let _ = writeln!(all, "\n──── oncall {action}\n{}", help.trim_end());
    }
    let of_calendar = [
        "add",
        "approve",
        "start",
        "extend",
        "finish",
        "cancel",
        "conflicts",
        "next-slot",
        "export",
    ];
    for action in of_calendar {
        let help = home.says(&["calendar", action, "--help"]);
        let _ = writeln!(all, "\n──── calendar {action}\n{}", help.trim_end());
    }
    for action in ["add", "extend", "expire"] {
        let help = home.says(&["silence", action, "--help"]);
        let _ = writeln!(all, "\n──── silence {action}\n{}", help.trim_end());
    }
    for action in ["clock", "explain", "availability"] {
        let help = home.says(&["sla", action, "--help"]);
        let _ = writeln!(all, "\n──── sla {action}\n{}", help.trim_end());
    }
    golden("help", &all);
}

/// Compares with `cli/NAME.snap`.
pub fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("cli");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn an_incident_lives_from_report_to_close_by_command_line() {
    let home = Home::new();
    let report = ["incident", "report", "--title", "Mail is slow", "--service", "checkout"];
    assert_eq!(home.says(&report), "INC-1\n");
    assert!(home.says(&["incidents"]).contains("Mail is slow"));
    assert_eq!(home.says(&["incidents", "-service:checkout"]), "no incidents\n");
    assert!(home.says(&["incident", "ack", "INC-1"]).starts_with("INC-1  done  "));
    assert!(home.says(&["incident", "note", "1", "-m", "pool exhausted"]).contains("done"));
    assert!(home.says(&["incident", "assign", "1", "--to", "luis"]).contains("done"));
    assert!(home.says(&["incident", "resolve", "1", "--reason", "restarted"]).contains("done"));
    assert_eq!(home.says(&["incidents"]), "no incidents\n");

    let refused = home.run(&["incident", "ack", "1"]);
    assert_eq!(refused.status.code(), Some(1));
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.starts_with("INC-1  refused  ") && why.contains("resolved by ana"), "{why}");

    assert!(home.says(&["incident", "reopen", "1"]).contains("done"));
    assert!(home.says(&["incident", "resolve", "1"]).contains("done"));
    let refused = home.run(&["incident", "close", "1"]);
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("lacks a category and a code and a cause"), "{why}");
    let found = ["--code", "fixed", "--cause", "a full disk", "--category", "mail"];
    let close = [&["incident", "close", "1"], &found[..]].concat();
    assert!(home.says(&close).contains("done"));
    let shown = home.says(&["incident", "show", "1"]);
    for expected in ["Mail is slow", "closed", "pool exhausted", "restarted", "to luis"] {
        assert!(shown.contains(expected), "{expected} is missing in {shown}");
    }
}

#[test]
fn views_are_listed_and_used_by_their_name() {
    let home = Home::new();
    let config = home.path(".config/atalaya");
    fs::create_dir_all(&config).unwrap();
    let own = "[[view]]\nname = \"mail\"\nquery = \"mail\"\nsort = \"-id\"\n\n[[view]]\nname = \"bad\"\n\
               query = \"stat:new\"\n";
    fs::write(config.join("views.toml"), own).unwrap();
    for title in ["Mail is slow", "Mail is down", "The door is open"] {
        home.says(&["incident", "report", "--title", title]);
    }
    let output = home.run(&["incidents", "--views"]);
    let (said, complaint) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(said.contains("forgotten acknowledgements") && said.contains("mail"), "{said}");
    assert!(complaint.contains("views.toml:6: its query is wrong"), "{complaint}");
    let found = home.says(&["incidents", "--view", "mail"]);
    let places = ["INC-2", "INC-1"].map(|id| found.find(id).unwrap());
    assert!(places[0] < places[1] && !found.contains("INC-3"), "{found}");
    let narrowed = home.says(&["incidents", "--view", "mail", "down"]);
    assert!(narrowed.contains("INC-2") && !narrowed.contains("INC-1"), "{narrowed}");
    home.says(&["incident", "cancel", "INC-3", "--reason", "a drill"]);
    assert!(home.says(&["incidents", "--view", "everything"]).contains("INC-3"));
    let unknown = home.run(&["incidents", "--view", "mial"]);
    assert_eq!(unknown.status.code(), Some(2));
    let why = String::from_utf8(unknown.stderr).unwrap();
    assert!(why.contains("there is no view \"mial\"; did you mean \"mail\"?"), "{why}");
    let json = home.json(&["incidents", "--views", "--json"]);
    has(&json["views"][11], &["whose", "by", "name", "query", "sort"]);
    assert_eq!(json["views"][11]["whose"], "yours");
}

#[test]
fn the_whole_process_goes_by_command_line() {
    let home = Home::new();
    let done = |line: &[&str]| {
        let said = home.says(&[&["incident"], line].concat());
        assert!(said.contains("  done  "), "{line:?}: {said}");
    };
    home.says(&["incident", "report", "--title", "mail is slow", "--category", "mail"]);
    home.says(&["incident", "report", "--title", "no mail at all"]);
    done(&["ack", "1", "--for", "2h"]);
    done(&["classify", "1", "2", "--impact", "1", "--urgency", "2"]);
    done(&["snooze", "2", "--for", "1h"]);
    done(&["wake", "2"]);
    done(&["hold", "1", "--waits-for", "supplier", "--note", "ticket 8812", "--until", "4h"]);
    done(&["resume", "1"]);
    done(&["merge", "2", "--into", "INC-1"]);
    done(&["split", "2", "--reason", "another server"]);
    done(&["merge", "2", "--into", "INC-1"]);
    done(&["resolve", "1", "--code", "fixed", "--cause", "queue was full"]);
    done(&["feedback", "1", "--score", "4", "--from", "the shop", "--text", "quick"]);
    done(&["close", "1"]);
    let why = ["--reason", "it was their fault", "--agreed-with", "the shop"];
    done(&[&["correct", "1", "--exclude"], &why[..]].concat());

    let shown: Value =
        serde_json::from_str(&home.says(&["incident", "show", "1", "--json"])).unwrap();
    assert_eq!(shown["state"], "closed");
    assert_eq!((&shown["code"], &shown["cause"]), (&"fixed".into(), &"queue was full".into()));
    assert_eq!(shown["merged"], serde_json::json!(["INC-2"]));
    assert_eq!(shown["holds"][0]["waits_for"], "supplier");
    assert_eq!(shown["feedback"]["score"], 4);
    assert_eq!(shown["excluded"], true);
    let steps: Vec<_> =
        shown["process"].as_array().unwrap().iter().map(|s| s["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["report", "classify", "process", "feedback", "close"]);
    let kinds: Vec<_> =
        shown["timeline"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    for kind in ["held", "resumed", "absorbed", "released", "rated", "corrected", "reclassified"] {
        assert!(kinds.contains(&kind), "{kind} is missing in {kinds:?}");
    }
    let merged: Value =
        serde_json::from_str(&home.says(&["incident", "show", "2", "--json"])).unwrap();
    assert_eq!((&merged["state"], &merged["merged_into"]), (&"cancelled".into(), &"INC-1".into()));

    // What was exported and read into an empty store is the same, word for word.
    let all = home.says(&["export"]);
    let other = Home::new();
    std::fs::write(other.path("all.jsonl"), &all).unwrap();
    other.says(&["import", other.path("all.jsonl").to_str().unwrap()]);
    assert_eq!(other.says(&["export"]), all);
}

#[test]
fn each_id_has_its_own_outcome_and_one_refusal_is_exit_1() {
    let home = Home::new();
    home.says(&["incident", "report", "--title", "one"]);
    let output = home.run(&["incident", "ack", "1", "INC-7", "1", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let outcomes = document["outcomes"].as_array().unwrap();
    let pairs: Vec<_> = outcomes
        .iter()
        .map(|o| (o["id"].as_str().unwrap(), o["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(pairs, [("INC-1", "done"), ("INC-7", "refused")]);
    assert!(outcomes[1]["why"].as_str().unwrap().contains("no INC-7"));
}

#[test]
fn json_documents_have_the_documented_fields() {
    let home = Home::new();
    home.says(&["incident", "report", "--title", "one", "--service", "checkout"]);
    let incidents = home.json(&["incidents", "--json"]);
    let incident_fields = [
        "id",
        "state",
        "priority",
        "impact",
        "urgency",
        "service",
        "title",
        "assignee",
        "opened_at",
        "acknowledged_at",
        "resolved_at",
        "source",
        "alerts",
        "snoozed_until",
        "respond",
        "resolve",
    ];
    assert_eq!(incidents["version"], 1);
    has(&incidents["incidents"][0], &incident_fields);
    assert_eq!(incidents["incidents"][0]["state"], "new");
    let opened = incidents["incidents"][0]["opened_at"].as_str().unwrap();
    assert!(opened.ends_with('Z') && opened.len() == 24, "{opened}");

    let shown = home.json(&["incident", "show", "1", "--json"]);
    has(&shown, &incident_fields);
    has(&shown["timeline"][0], &["at", "kind", "actor", "text", "data"]);
    assert_eq!((&shown["version"], &shown["timeline"][0]["actor"]), (&1.into(), &"ana".into()));

    let audit = home.json(&["audit", "--json"]);
    has(&audit["events"][0], &["position", "at", "incident", "kind", "actor", "text", "data"]);
    assert_eq!(audit["events"][0]["actor"]["ssh_from"], "10.1.2.3");

    let sources = home.json(&["sources", "--json"]);
    let wanted = ["name", "kind", "state", "latency_ms", "items", "server", "error"];
    has(&sources["sources"][0], &wanted);
    assert_eq!(sources["sources"][0]["state"], "fresh");

    let health = home.json(&["health", "--json"]);
    has(&health, &["version", "observed_at", "services"]);
    has(&health["services"][0], &["id", "name", "state", "since", "signals"]);
    let wanted = ["name", "dimension", "value", "unit", "state", "observed_at", "stale"];
    has(&health["services"][0]["signals"][0], &wanted);

    let check = home.json(&["check", "--json"]);
    has(&check, &["version", "files", "problems", "sources", "unassigned_alerts"]);
    has(&home.json(&["themes", "--json"])["themes"][0], &["name", "about"]);
    has(&home.json(&["keys", "--json"])["actions"][0], &["name", "keys", "help"]);
}

#[test]
fn health_follows_the_convention_of_monitoring_plug_ins() {
    let home = Home::new();
    assert_eq!(home.run(&["health"]).status.code(), Some(0));
    for (limit, code) in [("crit = 0.001", 2), ("warn = 0.001", 1)] {
        let config = CONFIG.replace("crit = 101", &format!("{limit}\nfor = \"2m\""));
        fs::write(home.path("config.toml"), config).unwrap();
        let output = home.run(&["health"]);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
    // What is in an approved window that is in force is in maintenance, as in the console.
    let day = (chrono::Utc::now() - chrono::TimeDelta::days(1)).format("%F").to_string();
    let window = format!(
        "[[windows]]\nid = \"swap\"\nkind = \"maintenance\"\nsummary = \"Swap the disks\"\n\
         change = {{ number = \"CHG-1\", type = \"standard\" }}\n\
         services = [\"checkout\"]\nstart = \"{day} 00:00\"\nduration = \"3d\"\n"
    );
    let config = CONFIG.replace("crit = 101", "crit = 0.001") + &window;
    fs::write(home.path("config.toml"), config).unwrap();
    let output = home.run(&["health"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("maintenance") && said.contains("Swap the disks"), "{said}");
    let nobody = "[[sources]]\nname = \"p\"\nkind = \"prometheus\"\nurl = \"http://127.0.0.1:1\"\n";
    fs::write(home.path("config.toml"), nobody).unwrap();
    let output = home.run(&["health"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("source p: "));
    assert_eq!(home.run(&["sources"]).status.code(), Some(3));
    assert_eq!(home.run(&["check"]).status.code(), Some(3));
}

#[test]
fn a_config_that_cannot_be_used_is_exit_2_with_the_place() {
    let home = Home::new();
    fs::write(home.path("config.toml"), "[ui]\nkeys = { acknowlege = \"a\" }\n").unwrap();
    for command in [&["check", "--offline"][..], &["incidents"], &["health"], &["keys"]] {
        let output = home.run(command);
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("config.toml:2:10  unknown action"), "{said}");
        assert!(said.contains("did you mean \"acknowledge\"?"), "{said}");
    }
    let document = home.json(&["check", "--json"]);
    assert_eq!(document["problems"][0]["place"]["line"], 2);
}

#[test]
fn a_key_that_means_two_things_is_an_error_in_the_config() {
    let home = Home::new();
    fs::write(home.path("config.toml"), "[ui]\nkeys = { resolve = \"a\" }\n").unwrap();
    let said = String::from_utf8(home.run(&["check", "--offline"]).stderr).unwrap();
    assert!(said.contains("config.toml:2:20  ") && said.contains("already the key of"), "{said}");
}

#[test]
fn what_was_exported_imports_into_an_empty_store_and_only_there() {
    let home = Home::new();
    home.says(&["incident", "report", "--title", "one"]);
    home.says(&["incident", "ack", "1"]);
    let file = home.path("export.jsonl");
    let file = file.to_str().unwrap();
    home.says(&["export", "--output", file]);
    assert_eq!(home.says(&["export"]), fs::read_to_string(file).unwrap());
    let other = home.path("other.db");
    let other = other.to_str().unwrap();
    home.says(&["--store", other, "import", file]);
    assert_eq!(home.says(&["--store", other, "export"]), fs::read_to_string(file).unwrap());
    let again = home.run(&["--store", other, "import", file]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
}

#[test]
fn init_writes_the_example_once_and_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let path = home.path("new/config.toml");
    let target = path.to_str().unwrap();
    home.says(&["init", "--output", target]);
    assert_eq!(fs::read_to_string(&path).unwrap(), atalaya::config::EXAMPLE);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    home.says(&["--config", target, "check"]);

    fs::write(&path, "# mine\n").unwrap();
    let refused = home.run(&["init", "--output", target]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n");
    home.says(&["init", "--output", target, "--force"]);
    assert_eq!(home.says(&["init", "--stdout"]), fs::read_to_string(&path).unwrap());
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside");
}

#[test]
fn reading_commands_make_no_store() {
    let home = Home::new();
    home.says(&["incidents"]);
    home.says(&["audit"]);
    let data = home.path(".local/share/atalaya");
    assert!(!data.exists());
}

#[test]
fn a_store_that_was_named_and_is_not_there_is_said_and_not_made() {
    let home = Home::new();
    let file = home.path("typo/x.db");
    let store = file.to_str().unwrap();
    let check = |arguments: &[&str]| {
        let output = home.run(arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(store) && said.contains("correct --store"), "{said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    };
    for command in [&["incidents"][..], &["incident", "show", "INC-1"], &["audit"], &["export"]] {
        check(&[&["--store", store], command].concat());
    }
    fs::write(home.path("config.toml"), format!("{CONFIG}\n[store]\nurl = \"{store}\"\n")).unwrap();
    check(&["incidents"]);
    assert!(!file.parent().unwrap().exists());
}

#[test]
fn completions_and_manual_are_made_for_every_shell() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(home.says(&["completions", shell]).contains("atalaya"), "{shell}");
    }
    assert!(home.says(&["man"]).contains(".TH atalaya 1"));
    let folder = home.path("man");
    home.says(&["man", "--output", folder.to_str().unwrap()]);
    assert!(folder.join("atalaya-incident-ack.1").exists());
}

#[test]
fn options_of_the_console_are_refused_beside_a_command() {
    let home = Home::new();
    for line in [
        &["--demo", "health"][..],
        &["INC-1", "check"],
        &["helth"],
        &["--store", "postgres://db/x", "incidents"],
    ] {
        let output = home.run(line);
        assert_eq!(output.status.code(), Some(2), "{line:?}: {output:?}");
    }
}

#[test]
fn no_name_from_the_environment_reaches_a_terminal_raw() {
    let home = Home::new();
    fs::write(home.path("config.toml"), CONFIG.replace("[operator]\nname = \"ana\"", "")).unwrap();
    let hostile = "an\u{1b}[2Ja\u{1b}]0;owned\u{7}\n\u{202e}x\u{9b}5m";
    let run = |arguments: &[&str]| {
        let output = home.command(arguments).env("USER", hostile).output().unwrap();
        let text = [output.stdout, output.stderr].map(|b| String::from_utf8(b).unwrap()).concat();
        assert!(!text.contains(|c: char| c != '\n' && c.is_control()), "{arguments:?}: {text:?}");
        assert!(!text.contains('\u{202e}'), "{arguments:?}: {text:?}");
        text
    };
    run(&["incident", "report", "--title", "one"]);
    run(&["incident", "assign", "1", "--to", "me"]);
    assert!(run(&["incidents"]).contains("ana x"), "cleaned where it came in");
    for command in [&["incident", "show", "1"][..], &["audit"], &["export"]] {
        assert!(run(command).contains("ana x"), "{command:?}");
    }
    let path = "/nowhere/\u{1b}[31mx\u{9b}2J\u{202e}";
    run(&["--store", path, "incidents"]);
    run(&["--store", &format!("mysql://{path}"), "incidents"]);
    run(&["--config", path, "check"]);
    run(&["import", path]);
    run(&["export", "--output", path]);
    run(&["incidents", &format!("nosuch:{path}")]);
}

#[test]
fn a_secret_from_a_pipe_that_nobody_writes_to_holds_no_command_up() {
    let home = Home::new();
    let pipe = home.path("token");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let source = format!(
        "[[sources]]\nname = \"p\"\nkind = \"prometheus\"\nurl = \"http://127.0.0.1:1\"\n\
         timeout = \"1s\"\nauth = {{ bearer_file = {pipe:?} }}\n"
    );
    fs::write(home.path("config.toml"), source).unwrap();
    let limit = std::time::Duration::from_secs(30);
    let output = home.command(&["sources"]).timeout(limit).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

#[test]
fn an_export_writes_to_devices_and_pipes_and_replaces_files_alone() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let home = Home::new();
    home.says(&["incident", "report", "--title", "one"]);
    let full = home.run(&["export", "--output", "/dev/full"]);
    assert_eq!(full.status.code(), Some(1), "{full:?}");
    assert!(fs::metadata("/dev/full").unwrap().file_type().is_char_device());
    assert_eq!(home.says(&["export", "--output", "/dev/stdout"]), home.says(&["export"]));
    home.says(&["export", "--output", "/dev/null"]);
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());

    let (link, file) = (home.path("link.jsonl"), home.path("file.jsonl"));
    fs::write(&file, "old").unwrap();
    symlink(&file, &link).unwrap();
    home.says(&["export", "--output", link.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&file).unwrap(), home.says(&["export"]));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let folder = home.run(&["export", "--output", home.path("").to_str().unwrap()]);
    assert_eq!(folder.status.code(), Some(1), "{folder:?}");
}

#[test]
fn output_that_cannot_be_written_is_exit_1_and_a_reader_that_left_is_none() {
    let home = Home::new();
    home.says(&["incident", "report", "--title", "one"]);
    for command in [&["incidents"][..], &["incidents", "--json"], &["audit"], &["export"], &["man"]]
    {
        let start = |out: std::process::Stdio| {
            let command = home.command(command);
            let mut process = std::process::Command::new(command.get_program());
            process.args(command.get_args()).env_clear();
            for (name, value) in command.get_envs() {
                if let Some(value) = value {
                    process.env(name, value);
                }
            }
            process.stdout(out).stderr(std::process::Stdio::piped()).spawn().unwrap()
        };
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = start(full.into()).wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains("No space left"), "{command:?}: {said}");

        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = start(writer.into()).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{command:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{command:?}: {output:?}");
    }
}

#[test]
fn a_store_file_without_anything_in_it_is_an_empty_store() {
    let home = Home::new();
    let file = home.path("empty.db");
    fs::write(&file, "").unwrap();
    let store = file.to_str().unwrap();
    assert_eq!(home.says(&["--store", store, "incidents"]), "no incidents\n");
    assert_eq!(fs::metadata(&file).unwrap().len(), 0, "reading changes nothing");
}

#[test]
fn a_text_without_its_option_is_told_where_it_goes() {
    let home = Home::new();
    for (line, hint) in [
        (["note", "INC-3", "looking into it"], "--text"),
        (["assign", "INC-3", "bob"], "--to"),
        (["close", "INC-3", "was a test"], "--reason"),
    ] {
        let output = home.run(&[&["incident"], &line[..]].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        let last = format!("goes into {hint}");
        assert!(said.contains("is not an incident") && said.contains(&last), "{said}");
    }
}
