//! Paging by command line: what is said, the exit codes, the documents that scripts read.

use std::collections::BTreeSet;

use serde_json::Value;

use super::cli::{Home, fields};

/// Ana by a program that works, Luis by one that does not, Mia by none.
const CONFIG: &str = r#"
[site]
name = "test"
[operator]
name = "eva"

[[notify.channels]]
id = "sms"
kind = "command"
argv = ["/bin/sh", "-c", "cat > /dev/null; echo sent"]
[[notify.channels]]
id = "broken"
kind = "command"
argv = ["/bin/sh", "-c", "echo no signal >&2; exit 1"]

[[people]]
id = "ana"
name = "Ana Ruiz"
page = ["sms"]
[[people]]
id = "luis"
name = "Luis Peña"
page = ["broken"]
[[people]]
id = "mia"
name = "Mia Chen"

[[escalation]]
id = "core"
levels = [{ notify = ["person:ana", "person:mia"] }, { notify = ["person:mia"] }]
"#;

/// The exit code, standard output and standard error.
fn said(home: &Home, arguments: &[&str]) -> (i32, String, String) {
    let output = home.run(arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_page_to_a_level_says_who_has_it_and_who_was_not_reached() {
    let home = Home::with(CONFIG);
    let page = ["page", "--policy", "core", "--level", "1", "--text", "come"];
    let (code, out, err) = said(&home, &page);
    assert_eq!(
        out,
        "PAGE    TO        AS      BY   STATE      SAID\n\
         PAGE-1  Ana Ruiz  core 1  sms  delivered  sent\n"
    );
    assert_eq!(err, "not Mia Chen: no channels: page = [\"…\"] in [[people]] names them\n");
    assert_eq!(code, 0);
}

#[test]
fn what_does_not_arrive_is_exit_code_3_and_what_cannot_be_is_1() {
    let home = Home::with(CONFIG);
    let (code, out, err) =
        said(&home, &["page", "--person", "luis", "--text", "come", "--wait", "0s"]);
    assert_eq!(code, 3);
    assert!(out.contains("broken  waiting, next try "), "{out}");
    assert!(out.trim_end().ends_with("/bin/sh ended with exit status: 1: no signal"), "{out}");
    assert_eq!(err, "what has not arrived is tried again by the next console on this store\n");
    let refused = |arguments: &[&str]| {
        let (code, out, err) = said(&home, &[&["page"], arguments].concat());
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        err
    };
    assert_eq!(
        refused(&["--policy", "core", "--level", "2", "--text", "come"]),
        "-  refused  nobody can be paged: Mia Chen: no channels: page = [\"…\"] in \
         [[people]] names them\n"
    );
    assert_eq!(
        refused(&["--person", "zoe", "--text", "come"]),
        "-  refused  there is no person \"zoe\"; [[people]] has ana, luis, mia\n"
    );
    assert_eq!(
        refused(&["--person", "ana", "--incident", "INC-7"]),
        "-  refused  there is no INC-7\n"
    );
    for wrong in [
        &["page", "--person", "ana"][..],
        &["page", "--text", "come"],
        &["page", "--policy", "core", "--text", "come"],
        &["page", "--person", "ana", "--test", "--text", "come"],
    ] {
        assert_eq!(said(&home, wrong).0, 2, "{wrong:?}");
    }
}

#[test]
fn documents_have_the_documented_fields_and_the_timeline_has_the_page() {
    let home = Home::with(CONFIG);
    let is = |value: &Value, wanted: &[&str]| {
        assert_eq!(fields(value), wanted.iter().copied().collect::<BTreeSet<_>>(), "{value:#}");
    };
    home.says(&["incident", "report", "--title", "disk full"]);
    let page = ["page", "--person", "ana", "--incident", "INC-1", "--text", "look at it", "--json"];
    let document = home.json(&page);
    is(&document, &["version", "outcomes"]);
    is(&document["outcomes"][0], &["outcome", "pages"]);
    let page = &document["outcomes"][0]["pages"][0];
    is(page, &["id", "person", "target", "incident", "at", "deliveries"]);
    assert_eq!(
        (page["id"].as_str(), page["incident"].as_str(), page["target"].as_str()),
        (Some("PAGE-1"), Some("INC-1"), Some("person:ana"))
    );
    let delivery = &page["deliveries"][0];
    is(delivery, &["channel", "state", "attempts", "possibly_twice", "at", "next_try", "said"]);
    assert_eq!((&delivery["state"], &delivery["said"]), (&"delivered".into(), &"sent".into()));

    let test = home.json(&["page", "--person", "ana", "--test", "--json"]);
    assert_eq!(test["outcomes"][0]["outcome"], "done");
    let refused = home.json(&["page", "--person", "mia", "--test", "--json"]);
    is(&refused["outcomes"][0], &["outcome", "why", "pages"]);

    let show = home.json(&["incident", "show", "INC-1", "--json"]);
    let timeline = show["timeline"].as_array().unwrap();
    let told: Vec<(&str, &str)> = timeline
        .iter()
        .map(|e| (e["kind"].as_str().unwrap(), e["text"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told[1..],
        [
            ("paged", "Ana Ruiz (person:ana) by sms: look at it"),
            ("page_delivered", "Ana Ruiz by sms: sent")
        ]
    );
    assert!(home.says(&["incident", "show", "INC-1"]).contains("page arrived"));
    let audit = home.json(&["audit", "--json"]);
    let kinds: Vec<&str> =
        audit["events"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    let once = ["paged", "page_try_began", "page_delivered"];
    assert_eq!(kinds, [&["opened"][..], &once, &once].concat());
    assert_eq!(audit["events"][1]["incident"], "INC-1");
}

#[test]
fn an_incident_is_escalated_by_hand_level_by_level() {
    let governed = format!("{CONFIG}[incidents]\nescalation = \"core\"\n");
    let home =
        Home::with(&governed.replace("notify = [\"person:mia\"]", "notify = [\"person:luis\"]"));
    home.says(&["incident", "report", "--title", "disk full", "--impact", "1", "--urgency", "1"]);
    let (code, out, err) = said(&home, &["incident", "escalate", "1"]);
    assert_eq!(
        out,
        "INC-1  done  core level 1: PAGE-1: Ana Ruiz is paged by sms; not Mia Chen: no channels: \
         page = [\"…\"] in [[people]] names them\n"
    );
    assert_eq!((code, err.as_str()), (0, ""));
    let (code, out, err) = said(&home, &["incident", "escalate", "1", "--wait", "0s"]);
    assert_eq!(out, "INC-1  done  core level 2: PAGE-2: Luis Peña is paged by broken\n");
    assert_eq!(code, 3);
    assert_eq!(err, "PAGE-2 has not arrived; the next console on this store tries again\n");
    let (code, _, err) = said(&home, &["incident", "escalate", "1", "2", "--level", "7"]);
    assert_eq!(code, 1);
    assert_eq!(
        err,
        "INC-1  refused  core has no level 7, only 1 to 2\nINC-2  refused  there is no INC-2\n"
    );
    let shown = home.json(&["incident", "show", "1", "--json"]);
    let incident = &shown["incident"];
    let incident = if incident.is_null() { &shown } else { incident };
    assert_eq!(
        (&incident["escalation"]["level"], &incident["escalation"]["people"][0]),
        (&2.into(), &"luis".into())
    );
    let (_, out, _) = said(&home, &["incident", "show", "1"]);
    assert!(out.contains("core level 1 pages ana; not Mia Chen: no channels"), "{out}");
    let (_, out, _) = said(&home, &["incidents", "is:paging"]);
    assert!(out.contains("INC-1"), "{out}");
}

#[test]
fn check_says_for_which_services_nobody_is_paged() {
    let services = "[[services]]\nid = \"checkout\"\nescalation = \"core\"\n\
                    [[services]]\nid = \"mail\"\n[[services]]\nid = \"wiki\"\n";
    let home = Home::with(&format!("{CONFIG}{services}"));
    let (_, out, _) = said(&home, &["check", "--offline"]);
    let line = "paging   -    nobody is paged by itself for 2 services: mail, wiki; escalation = \"…\" \
                in [[services]] or in [incidents] names a policy\n";
    assert!(out.contains(line), "{out}");
    let document = home.json(&["check", "--offline", "--json"]);
    assert_eq!(document["unpaged_services"].as_array().map(Vec::len), Some(2));
    let home = Home::with(&format!("{CONFIG}{services}[incidents]\nescalation = \"core\"\n"));
    let (_, out, _) = said(&home, &["check", "--offline"]);
    assert!(!out.contains("nobody is paged"), "{out}");
}

#[test]
fn check_says_which_levels_cannot_reach_anybody_and_why() {
    let home = Home::with(CONFIG);
    let (_, out, _) = said(&home, &["check", "--offline"]);
    let line = "paging   -    core 2 reaches nobody: Mia Chen: no channels";
    assert!(out.contains(line) && !out.contains("core 1 reaches"), "{out}");
    let document = home.json(&["check", "--offline", "--json"]);
    assert_eq!(document["unreachable_levels"], serde_json::json!(["core 2"]));
}
