//! Handovers and service reports, by command line: what is written, signed, refused and frozen. The turns lie
//! so far ahead that nothing else is on them.

use serde_json::Value;

use super::cli::{Home, fields};

fn config(operator: &str, person: &str) -> String {
    format!(
        r#"
[site]
name = "acme-noc"
timezone = "Europe/Madrid"
[operator]
name = "{operator}"
person = "{person}"
[[people]]
id = "ana"
name = "Ana Ruiz"
phone = "+34 600 555 101"
[[people]]
id = "luis"
name = "Luis Peña"
[[schedules]]
id = "core"
name = "Core operations"
[[schedules.layers]]
name = "days"
people = ["ana", "luis"]
start = "2026-01-01 00:00"
shift = "1d"
[[services]]
id = "checkout"
name = "Checkout"
tier = 1
team = "payments"
"#
    )
}

/// Two consoles on one store.
fn consoles() -> Home {
    let home = Home::with(&config("Ana Ruiz", "ana"));
    std::fs::write(home.path("luis.toml"), config("Luis Peña", "luis")).unwrap();
    home
}

/// A turn of Ana's, by an instant in it.
const ANAS: &str = "2098-05-01 12:00";

fn outcome(answer: &Value) -> (&str, &str) {
    let one = &answer["outcomes"][0];
    (one["outcome"].as_str().unwrap(), one["why"].as_str().unwrap_or_default())
}

#[test]
fn notes_and_next_steps_stand_in_the_draft() {
    let home = consoles();
    home.says(&["incident", "report", "--service", "checkout", "--title", "<b>slow</b> | =1+1"]);
    home.says(&["incident", "ack", "1"]);
    home.says(&["report", "handover", "note", "--at", ANAS, "call the supplier"]);
    home.says(&["report", "handover", "note", "--at", ANAS, "--append", "and then Eva"]);
    home.says(&["report", "handover", "next-step", "1", "watch the pool"]);
    let draft = home.says(&["report", "handover", "--at", ANAS]);
    for text in [
        "# Shift handover (draft)",
        "**Goes**: Ana Ruiz",
        "**Comes**: Luis Peña",
        "> call the supplier",
        "> and then Eva",
        "| watch the pool |",
        "&lt;b\\>slow&lt;/b\\> \\| =1+1",
    ] {
        assert!(draft.contains(text), "{text} is missing in:\n{draft}");
    }
    let early = home.run(&["report", "handover", "accept", "HO-1"]);
    assert_eq!(early.status.code(), Some(1), "nothing was handed over yet");
}

#[test]
fn a_handover_is_accepted_once_and_says_by_whom() {
    let home = consoles();
    let luis = home.path("luis.toml");
    let luis = luis.to_str().unwrap();
    home.says(&["incident", "report", "--service", "checkout", "--title", "slow"]);
    home.says(&["incident", "ack", "1"]);
    let submitted = home.json(&["--json", "report", "handover", "submit", "--at", ANAS]);
    assert_eq!(submitted["outcomes"][0]["id"], "HO-1");
    let own = home.json(&["--json", "report", "handover", "accept", "HO-1"]);
    assert_eq!(
        outcome(&own),
        ("refused", "HO-1 is your own handover; --force does it all the same")
    );
    let accepted = home.json(&["--config", luis, "--json", "report", "handover", "accept", "HO-1"]);
    assert_eq!(outcome(&accepted), ("done", ""));
    assert_eq!(accepted["outcomes"][0]["incidents"][0], "INC-1");
    let queue = home.json(&["--json", "incidents"]);
    assert_eq!(queue["incidents"][0]["assignee"], "Luis Peña");
    let again = home.run(&["report", "handover", "accept", "HO-1", "--force"]);
    assert_eq!(again.status.code(), Some(1));
    let why = String::from_utf8_lossy(&again.stderr).into_owned();
    let zone = if why.contains(" CET; ") { "CET" } else { "CEST" };
    assert!(
        why.contains("was accepted by Luis Peña on ") && why.contains("cannot be undone"),
        "{why}"
    );
    assert!(why.contains(&format!(" {zone}; that stands")), "{why}");
    let shown = home.says(&["incident", "show", "1"]);
    assert!(shown.contains("handed over by HO-1 to Luis Peña"), "{shown}");
    let list = home.json(&["--json", "report", "list"]);
    let handover = &list["handovers"][0];
    let wanted = [
        "id",
        "schedule",
        "from",
        "to",
        "outgoing",
        "incoming",
        "state",
        "submitted_by",
        "accepted_by",
        "accepted_at",
        "incidents",
    ];
    assert!(wanted.iter().all(|f| fields(handover).contains(f)), "{handover:#}");
    assert_eq!(handover["state"], "accepted");
    let kept = home.says(&["report", "show", "HO-1", "--locale", "es"]);
    assert!(kept.starts_with("# Relevo de turno HO-1"), "{kept}");
    assert!(
        kept.contains("**Entregado por**: Ana Ruiz")
            && kept.contains("**Aceptado por**: Luis Peña")
    );
    assert!(kept.contains("| INC-1 | slow | Ana Ruiz |"), "{kept}");
}

#[test]
fn a_report_is_frozen_and_its_next_revision_says_what_differs() {
    let home = consoles();
    home.says(&["incident", "report", "--service", "checkout", "--title", "slow", "--impact", "1"]);
    let period = ["--from", "2026-01-01", "--to", "2027-01-01"];
    let issue = |more: &[&str]| {
        let line = [&["--json", "report", "issue"], more].concat();
        home.json(&line)
    };
    assert_eq!(issue(&period)["outcomes"][0]["id"], "SR-1");
    let twice = home.run(&[&["report", "issue"][..], &period].concat());
    assert_eq!(twice.status.code(), Some(1), "the same is not issued twice unasked");
    let said = String::from_utf8(twice.stderr).unwrap();
    assert!(said.contains("SR-1 is of that period") && said.contains("--again"), "{said}");
    let frozen = home.says(&["report", "show", "SR-1"]);
    home.says(&["incident", "cancel", "1", "--reason", "a false alarm"]);
    assert_eq!(home.says(&["report", "show", "SR-1"]), frozen, "what is issued stays as it is");
    assert_eq!(
        home.json(&["--json", "report", "list"])["reports"][0]["corrected"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    assert_eq!(issue(&["--again", "SR-1"])["outcomes"][0]["id"], "SR-1");
    let second = home.says(&["report", "show", "SR-1"]);
    assert!(second.starts_with("# Service report SR-1, revision 2"), "{second}");
    assert!(second.contains("| Summary, Opened, Value | 1 | 0 |"), "{second}");
    assert!(second.contains("| INC-1 | slow | cancelled: a false alarm |"), "{second}");
    assert_eq!(home.says(&["report", "show", "SR-1.1"]), frozen);
}

#[test]
fn a_report_of_a_week_is_written_in_four_formats_and_for_one_team() {
    let home = consoles();
    let of =
        |format: &str| home.says(&["report", "service", "--week", "2026-W05", "--format", format]);
    assert!(of("md").contains("**Period**: 26 Jan 2026 – 1 Feb 2026"));
    assert!(of("html").starts_with("<!DOCTYPE html>") && of("html").contains("<svg"));
    assert!(of("csv").starts_with("section,key,value,unit,n,records"));
    let json: Value = serde_json::from_str(&of("json")).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(
        (&json["from"], &json["to"]),
        (&"2026-01-25T23:00:00Z".into(), &"2026-02-01T23:00:00Z".into())
    );
    assert_eq!(json["sections"][0]["name"], "summary");
    home.says(&["report", "service", "--month", "2026-01", "--team", "payments"]);
    let wrong = home.run(&["report", "service", "--month", "2026-01", "--team", "nobody"]);
    assert_eq!(wrong.status.code(), Some(2));
    let file = home.path("report.html");
    let name = file.to_str().unwrap();
    let none =
        home.says(&["report", "service", "--month", "2026-01", "--format", "html", "-o", name]);
    assert_eq!(none, "");
    assert!(std::fs::read_to_string(&file).unwrap().ends_with("</html>\n"));
}

const GOLD: &str = r#"
[[contracts]]
id = "gold"
name = "ACME gold"
services = ["checkout"]
exclusion = "excuse"
no_data = "bad"
rounding = { decimals = 3, mode = "down" }
targets = [{ priority = 1, respond = "15m" }]
credits = { cap = "20%", minimum = "5%", tiers = [{ below = "99.9%", credit = "10%" }, { below = "99.0%", credit = "25%" }] }
"#;

const SILVER: &str = r#"
[[contracts]]
id = "silver"
name = "ACME silver"
services = ["checkout"]
targets = [{ priority = 1, respond = "2h" }]
"#;

/// Of what nothing is known, which counts as down here, so that the figure is exact.
#[test]
fn a_report_of_a_contract_says_what_is_given_back_and_by_which_rules() {
    let home = Home::with(&format!("{}{GOLD}{SILVER}", config("Ana Ruiz", "ana")));
    let of = |more: &[&str]| {
        let line = ["report", "service", "--month", "2026-01", "--contract", "gold"];
        // A number and its sign stay in one line.
        home.says(&[&line, more].concat()).replace('\u{a0}', " ")
    };
    let english = of(&[]);
    for line in [
        "## Service credits",
        "| ACME gold | checkout | 0.0000 % | 0.000 % | &lt;99 % | 25 % | 20 % | 0s | 31d | 0s | 0.0 % |",
        "| ACME gold | counts as available (excuse) | counts as down | cut off to 3 decimals, then compared \
         | &lt;99.9 %: 10 %; &lt;99 %: 25 % | 20 % | 5 % |",
    ] {
        assert!(english.contains(line), "{line} is missing in:\n{english}");
    }
    let spanish = of(&["--locale", "es"]);
    assert!(
        spanish.contains("| ACME gold | checkout | 0,0000 % | 0,000 % | &lt;99 % | 25 % | 20 % |")
    );
    assert!(spanish.contains("truncado a 3 decimales, después se compara"), "{spanish}");
    let csv = of(&["--format", "csv"]);
    for line in [
        "Service credits,Service credits/1/Credit,20,%,,",
        "Service credits,Service credits/1/Tier gives,25,%,,",
    ] {
        assert!(csv.contains(line), "{line} is missing in:\n{csv}");
    }
    let page = of(&["--format", "html"]);
    assert!(page.contains("<h2>Service credits</h2>") && page.contains("<td>&lt;99 %</td>"));
    let json: Value = serde_json::from_str(&of(&["--format", "json"])).unwrap();
    let sections = json["sections"].as_array().unwrap();
    let credits = sections.iter().find(|s| s["name"] == "service_credits").unwrap();
    let cells = &credits["blocks"][1]["table"]["rows"][0]["cells"];
    assert_eq!((&cells[6]["value"], &cells[6]["kind"]), (&"20".into(), &"percent".into()));
    // Another contract of the same service is none of this one's.
    home.says(&["incident", "report", "--service", "checkout", "--title", "slow", "--impact", "1"]);
    home.says(&["incident", "classify", "1", "--impact", "1", "--urgency", "1"]);
    let this = |more: &[&str]| {
        let line = ["report", "service", "--from", "2026-01-01", "--to", "2027-01-01"];
        home.says(&[&line, more].concat())
    };
    let (gold, both) = (this(&["--contract", "gold"]), this(&["--service", "checkout"]));
    assert!(both.contains("| ACME silver | P1 | respond |"), "{both}");
    assert!(gold.contains("| ACME gold | P1 | respond |") && !gold.contains("silver"), "{gold}");
    for text in [&gold, &both] {
        assert!(text.contains("## Reprioritised\n\n| Incident |"), "{text}");
    }
    let all = home.says(&["report", "service", "--month", "2026-01"]);
    assert!(all.contains("## Service credits"), "not only where the contract is asked for");
}
