//! PagerDuty: a schedule with four layers over a change of clocks, and what is odd.

use chrono_tz::Europe::Madrid;
use rstest::rstest;
use serde_json::{Value, json};

use super::super::pagerduty::{Documents, add};
use super::{at, file, list, loaded, local, said, shifts};
use crate::cli::init::rota::Rota;
use crate::domain::roster::escalation::Target;
use crate::domain::roster::{Turn, Turns};
use crate::domain::time::{Instant, Interval};

const USERS: &str = include_str!("../../../../../tests/fixtures/pagerduty/users.json");
const SCHEDULE: &str = include_str!("../../../../../tests/fixtures/pagerduty/schedule.json");
const OVERRIDES: &str = include_str!("../../../../../tests/fixtures/pagerduty/overrides.json");
const POLICIES: &str =
    include_str!("../../../../../tests/fixtures/pagerduty/escalation_policies.json");

fn now() -> Instant {
    at("2026-10-12T08:20:31Z")
}

/// For when the recorded schedule was rendered: on 25 October clocks go back.
fn rendered() -> Interval {
    Interval::new(at("2026-10-12T09:00:00Z"), at("2026-11-11T09:00:00Z"))
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn documents() -> Documents {
    Documents {
        users: list(&read(USERS), "users"),
        schedules: vec![(read(SCHEDULE)["schedule"].clone(), list(&read(OVERRIDES), "overrides"))],
        policies: list(&read(POLICIES), "escalation_policies"),
        rendered: Some(rendered()),
    }
}

fn imported(documents: Documents) -> Rota {
    let mut rota = Rota::default();
    add(&mut rota, documents, now());
    rota
}

/// A schedule of one layer with these fields.
fn one_layer(layer: &Value) -> Rota {
    let mut whole = json!({
        "name": "Layer 1",
        "start": "2026-01-05T09:00:00+01:00",
        "end": null,
        "rotation_virtual_start": "2026-01-05T09:00:00+01:00",
        "rotation_turn_length_seconds": 604_800,
        "users": [{"user": {"id": "A", "summary": "Ana"}}, {"user": {"id": "B", "summary": "Ben"}},
                  {"user": {"id": "C", "summary": "Cai"}}],
        "restrictions": [],
    });
    for (key, value) in layer.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let user = |id, name| json!({"id": id, "name": name});
    let schedule = json!({
        "id": "S", "name": "One", "time_zone": "Europe/Madrid", "schedule_layers": [whole],
    });
    imported(Documents {
        users: vec![user("A", "Ana"), user("B", "Ben"), user("C", "Cai")],
        schedules: vec![(schedule, Vec::new())],
        ..Documents::default()
    })
}

#[test]
fn the_shifts_of_the_written_config_are_those_that_pagerduty_renders_over_a_change_of_clocks() {
    let rota = imported(documents());
    let found = shifts(&rota, now(), "core-platform", rendered());
    let person = |id: &str| match id {
        "PANA01" => "ana.ruiz",
        "PBEN02" => "ben",
        "PCAR03" => "carla",
        "PDAN04" => "dana",
        other => panic!("{other}"),
    };
    let entries = &read(SCHEDULE)["schedule"]["final_schedule"]["rendered_schedule_entries"];
    let local = |v: &Value| {
        let at = at(v.as_str().unwrap());
        crate::domain::time::zone::local(at, Madrid).format("%m-%d %H:%M").to_string()
    };
    let expect: Vec<String> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            let id = e["user"]["id"].as_str().unwrap();
            format!("{} {} {}", person(id), local(&e["start"]), local(&e["end"]))
        })
        .collect();
    assert_eq!(expect.len(), 63);
    assert_eq!(found, expect);
    // By hand: on the night of the change the weekend's rotation has it, 9 h longer on the clock
    // and still until 19:00, then the week's own; hand-offs stay at 9:00 and 22:00.
    assert!(found.contains(&"carla 10-24 06:00 10-25 22:00".to_owned()), "{found:#?}");
    assert!(found.contains(&"ana.ruiz 10-26 09:00 10-26 22:00".to_owned()), "{found:#?}");
    assert!(found.contains(&"ben 10-20 12:00 10-20 18:00".to_owned()), "the override: {found:#?}");
    let proven = rota.schedules[0].proven.as_deref().unwrap();
    assert!(proven.starts_with("The same shifts as PagerDuty says, Mon 12 Oct 2026"), "{proven}");
}

#[test]
fn the_written_file_is_as_a_person_would_write_it() {
    let text = file(&imported(documents()));
    let has = |part: &str| assert!(text.contains(part), "{part}\n{text}");
    has("[[people]]\nid = \"ana.ruiz\"\nname = \"Ana Ruiz\"\nemail = \"ana.ruiz@acme.example\"\n\
         phone = \"+34 600555101\"\ntimezone = \"Europe/Madrid\"\nteam = \"Platform\"\n");
    has("[[schedules]]\nid = \"core-platform\"\nname = \"Core: platform\"\nteam = \"Platform\"\n\
         timezone = \"Europe/Madrid\"\n\
         [[schedules.layers]]\nname = \"Layer 1\"\npeople = [\"ana.ruiz\", \"ben\", \"carla\"]\n\
         start = \"2026-01-05 09:00\"\nshift = \"1w\"\n\
         [[schedules.layers]]\nname = \"Layer 2\"\n");
    has("shift = \"1d\"\nhours = { mon = [\"22:00-06:00\"], tue = ");
    has("hours = { sat = [\"09:00-24:00\"], sun = [\"00:00-19:00\"] }\n");
    has("#   atalaya oncall override --force --schedule core-platform --person ben \
         --from 2026-10-20T10:00:00Z --to 2026-10-20T16:00:00Z\n");
    has("# Core\n");
    has("[[escalation]]\nid = \"core\"\nlevels = [\n  { notify = [\"schedule:core-platform\"], \
         timeout = \"25m\" },\n");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(!text.contains("\"eve\""), "whom nothing names is left out: {text}");
}

#[test]
fn people_targets_and_loops_of_a_policy_are_carried_over_and_the_rest_is_said() {
    let rota = imported(documents());
    let config = loaded(&rota, now());
    let [policy] = config.plan.roster.policies.as_slice() else { panic!() };
    let targets: Vec<&Target> = policy.levels.iter().flat_map(|l| &l.notify).collect();
    let expect = ["schedule:core-platform", "person:ana.ruiz", "person:gil-gone"];
    assert_eq!(targets, expect.map(|t| Target::parse(t).unwrap()).iter().collect::<Vec<_>>());
    // The rule that notifies nobody here is waited for all the same: 10 and 15 minutes.
    let waits: Vec<i64> = policy.levels.iter().map(|l| l.timeout.num_minutes()).collect();
    assert_eq!((waits, policy.repeat), (vec![25, 30], 2));
    let said = said(&rota);
    for part in [
        "escalation Core: rule 2 notifies the team \"Platform\"",
        "escalation Core: rule 3 notifies the schedule \"Elsewhere\"",
        "escalation Core: rule 3 notifies one after the other",
        "person dana: unknown time zone \"Middle-earth\"",
        "person gil-gone: is named in a schedule or policy, but is no user",
        "schedule Core: platform: 1 override to come",
        "1 other user: on no schedule and in no policy",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn the_order_of_the_layers_is_the_one_that_gives_the_shifts_which_the_server_renders() {
    let mut turned = documents();
    let layers = turned.schedules[0].0["schedule_layers"].as_array_mut().unwrap();
    layers.reverse();
    let names = |rota: &Rota| -> Vec<String> {
        rota.schedules[0].layers.iter().map(|l| l.name.clone()).collect()
    };
    let (usual, turned) = (imported(documents()), imported(turned));
    assert_eq!(names(&usual), ["Layer 1", "Layer 2", "Layer 3"]);
    assert_eq!(names(&turned), names(&usual));
}

#[test]
fn what_differs_from_the_rendered_shifts_is_said_with_how_much_and_when() {
    let mut other = documents();
    other.schedules[0].1.clear();
    let said = said(&imported(other));
    let expect = "not the same as PagerDuty says for 6h of Mon 12 Oct 2026 11:00 to Wed 11 Nov 2026 \
                  10:00, first on Tue 20 Oct 2026 12:00 until Tue 20 Oct 2026 18:00";
    assert!(said.contains(expect), "{said}");
    assert!(said.contains("the iCalendar feed that PagerDuty has of it"), "{said}");
}

#[rstest]
#[case(3_600, Some(Turn::Hours(1)), "1h")]
#[case(43_200, Some(Turn::Hours(12)), "12h")]
#[case(86_400, Some(Turn::Days(1)), "1d")]
#[case(259_200, Some(Turn::Days(3)), "3d")]
#[case(1_209_600, Some(Turn::Days(14)), "2w")]
#[case(5_400, None, "its turns last 1h 30m; here they last whole hours")]
#[case(0, None, "its turns last 0s")]
fn a_turn_is_whole_hours_days_or_weeks(
    #[case] seconds: i64,
    #[case] expect: Option<Turn>,
    #[case] shown: &str,
) {
    let rota = one_layer(&json!({"rotation_turn_length_seconds": seconds}));
    let Some(expect) = expect else {
        assert!(said(&rota).contains(shown), "{}", said(&rota));
        assert!(said(&rota).contains("layer Layer 1 is left out"));
        return;
    };
    let Turns::Rotation(rotation) = &rota.schedules[0].layers[0].turns else { panic!() };
    assert_eq!(rotation.turn, expect);
    assert!(file(&rota).contains(&format!("shift = \"{shown}\"")));
    loaded(&rota, now());
}

#[test]
fn a_layer_that_is_still_to_begin_begins_when_it_does_with_whoever_has_it_then() {
    // From Monday 9:00: Ana, Ben, Cai. On Wednesday 14 October it is the 41st week: Ben's.
    let start = json!({"start": "2026-10-14T15:00:00+02:00"});
    let within = Interval::new(at("2026-10-12T09:00:00Z"), at("2026-11-03T09:00:00Z"));
    let expect = [
        "ben 10-14 15:00 10-19 09:00",
        "cai 10-19 09:00 10-26 09:00",
        "ana 10-26 09:00 11-02 09:00",
        "ben 11-02 09:00 11-03 10:00",
    ];
    assert_eq!(shifts(&one_layer(&start), now(), "one", within), expect);
    // At a hand-off it is one layer.
    let start = json!({"start": "2026-10-19T09:00:00+02:00"});
    let rota = one_layer(&start);
    assert_eq!(rota.schedules[0].layers.len(), 1);
    assert_eq!(shifts(&rota, now(), "one", within), expect[1..]);
}

#[test]
fn hours_of_several_ranges_a_day_and_over_midnight_are_those_of_the_layer() {
    let restriction = |kind: &str, day: Value, at: &str, hours: u32| {
        json!({"type": kind, "start_day_of_week": day, "start_time_of_day": at,
               "duration_seconds": hours * 3_600})
    };
    let split = json!({"restrictions": [
        restriction("daily_restriction", Value::Null, "09:00:00", 4),
        restriction("daily_restriction", Value::Null, "15:00:00", 4),
        restriction("weekly_restriction", json!(5), "22:00:00", 10),
    ]});
    let text = file(&one_layer(&split));
    assert!(text.contains("fri = [\"09:00-13:00\", \"15:00-19:00\", \"22:00-08:00\"]"), "{text}");
    let within = Interval::new(at("2026-10-16T04:00:00Z"), at("2026-10-17T09:00:00Z"));
    let expect = [
        "ben 10-16 09:00 10-16 13:00",
        "ben 10-16 15:00 10-16 19:00",
        "ben 10-16 22:00 10-17 08:00",
        "ben 10-17 09:00 10-17 11:00",
    ];
    assert_eq!(shifts(&one_layer(&split), now(), "one", within), expect);
    let odd = json!({"restrictions": [restriction("weekly_restriction", json!(9), "09:00:00", 4)]});
    assert!(said(&one_layer(&odd)).contains("of type \"weekly_restriction\" on day 9"));
}

#[test]
fn hours_that_are_not_covered_are_no_gap() {
    let office = json!({"restrictions": [{"type": "weekly_restriction", "start_day_of_week": 1,
        "start_time_of_day": "08:00:00", "duration_seconds": 36_000}]});
    let text = file(&one_layer(&office));
    assert!(
        text.contains("coverage = { mon = [\"08:00-18:00\"] }\n[[schedules.layers]]"),
        "{text}"
    );
}

#[test]
fn nothing_that_a_server_sends_leaves_its_place() {
    let hostile = "x\"\n[[people]]\nid = \"evil\"\r\n# \u{202e}\u{1b}]0;t\u{7}'''\\";
    let user =
        |id: &str| json!({"id": id, "name": hostile, "email": "a b@c", "time_zone": hostile});
    let layer = |name: &str| {
        json!({"name": name, "start": "2026-01-05T09:00:00Z", "users": [{"user": {"id": "A"}}],
               "rotation_virtual_start": "2026-01-05T09:00:00Z",
               "rotation_turn_length_seconds": 86_400})
    };
    let schedule = json!({
        "id": "S", "name": hostile, "time_zone": "UTC", "teams": [{"summary": hostile}],
        "schedule_layers": [layer(hostile), layer(hostile), {"name": hostile}],
    });
    let rule = json!({"escalation_delay_in_minutes": 100_000, "targets": [
        {"id": "S", "type": "schedule_reference"}, {"id": "x", "type": hostile, "summary": hostile}]});
    let rota = imported(Documents {
        users: vec![user("A"), user("B"), json!("no user"), json!({"id": 7})],
        schedules: vec![(schedule, vec![json!({"start": "never"})]), (json!({}), Vec::new())],
        policies: vec![
            json!({"name": hostile, "num_loops": 4_000_000, "escalation_rules": [rule]}),
        ],
        rendered: None,
    });
    let config = loaded(&rota, now());
    assert_eq!(config.plan.roster.people.len(), 1, "{}", file(&rota));
    assert!(config.plan.roster.person("evil").is_none());
    let (text, said) = (file(&rota), said(&rota));
    assert!(!text.chars().any(|c| c != '\n' && crate::domain::text::is_hostile(c)), "{text}");
    for part in ["2 users: the answer is not understood", "1 override: ", "level 1 waits"] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn ids_do_not_depend_on_the_order_of_the_answer() {
    let user = |id: &str, mail: &str| json!({"id": id, "name": "Ana", "email": mail});
    let users = [user("P2", "ana@b.example"), user("P1", "ana@a.example")];
    let layer = json!({"start": "2026-01-05T09:00:00Z", "rotation_turn_length_seconds": 86_400,
        "users": [{"user": {"id": "P2"}}, {"user": {"id": "P1"}}]});
    let schedule =
        json!({"id": "S", "name": "Ñandú", "time_zone": "UTC", "schedule_layers": [layer]});
    for users in [users.to_vec(), users.iter().rev().cloned().collect()] {
        let schedules = vec![(schedule.clone(), Vec::new())];
        let rota = imported(Documents { users, schedules, ..Documents::default() });
        let Turns::Rotation(rotation) = &rota.schedules[0].layers[0].turns else { panic!() };
        assert_eq!(rotation.people.iter().map(|p| &**p).collect::<Vec<_>>(), ["ana-2", "ana"]);
        assert_eq!((&*rota.schedules[0].id, rotation.start), ("nandu", local("2026-01-05 09:00")));
    }
}

/// Schedules at random, with the shifts from 12 October to 16 November 2026 that an independent
/// program finds by asking each quarter of an hour who has it.
const SCHEDULES: &str = include_str!("../../../../../tests/fixtures/pagerduty/schedules.json");

#[test]
fn layers_of_every_kind_give_the_shifts_that_they_mean() {
    for mut case in read(SCHEDULES).as_array().unwrap().clone() {
        let entry = |line: &Value| {
            let words: Vec<&str> = line.as_str().unwrap().split(' ').collect();
            let [who, from, to] = words[..] else { panic!("{line}") };
            json!({"start": from, "end": to, "user": {"id": who, "summary": who}})
        };
        let entries: Vec<Value> = case["final"].as_array().unwrap().iter().map(entry).collect();
        case["schedule"]["final_schedule"] = json!({"rendered_schedule_entries": entries});
        let rota = imported(Documents {
            schedules: vec![(case["schedule"].clone(), Vec::new())],
            rendered: Some(Interval::new(at("2026-10-12T09:00:00Z"), at("2026-11-16T09:00:00Z"))),
            ..Documents::default()
        });
        assert!(rota.schedules[0].proven.is_some(), "{}\n{}", said(&rota), case["schedule"]);
    }
}

#[test]
fn what_is_more_than_any_rota_has_is_cut_and_said() {
    let layer = json!({"name": "L", "start": "2026-01-05T09:00:00Z", "users": [{"user": {"id": "A"}}],
        "rotation_turn_length_seconds": 86_400});
    let mut crowded = layer.clone();
    crowded["users"] = vec![json!({"user": {"id": "A"}}); 1_001].into();
    let mut layers = vec![layer; 60];
    layers[0] = crowded;
    let schedule = json!({"id": "S", "name": "Big", "time_zone": "UTC", "schedule_layers": layers});
    let over = json!({"start": "2026-12-05T09:00:00Z", "end": "2026-12-05T10:00:00Z",
        "user": {"id": "A"}});
    let rule = json!({"escalation_delay_in_minutes": 5,
        "targets": [{"id": "A", "type": "user_reference"}]});
    let rota = imported(Documents {
        users: vec![json!({"id": "A", "name": "Ana"})],
        schedules: vec![(schedule, vec![over; 600])],
        policies: vec![json!({"name": "P", "escalation_rules": vec![rule; 60]})],
        rendered: None,
    });
    loaded(&rota, now());
    let counts = (
        rota.schedules[0].layers.len(),
        rota.schedules[0].overrides.len(),
        rota.policies[0].escalation.levels.len(),
    );
    assert_eq!(counts, (49, 500, 50));
    let said = said(&rota);
    for part in [
        "of its 60 layers, the first 50",
        "it has more than 1000 turns",
        "of 600 overrides to come, the first 500",
        "all but the first 50 of its rules",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}
