//! Grafana OnCall: shifts of every kind, and escalation chains.

use rstest::rstest;
use serde_json::{Value, json};

use super::super::grafana::{Documents, add};
use super::{at, file, loaded, said, shifts};
use crate::cli::init::rota::Rota;
use crate::domain::roster::Turns;
use crate::domain::roster::escalation::Target;
use crate::domain::time::{Instant, Interval};
use crate::sources::settings::Kind;

fn now() -> Instant {
    at("2026-10-12T08:20:31Z")
}

fn users() -> Vec<Value> {
    let user = |(id, name)| {
        json!({"id": id, "username": name, "email": format!("{name}@a.example"),
                                   "slack": [], "timezone": "Europe/Madrid"})
    };
    [("UA", "ana"), ("UB", "ben"), ("UC", "cai")].map(user).to_vec()
}

/// A schedule in Madrid of these shifts, to each of which the usual fields are added.
fn documents(list: &[Value]) -> Documents {
    let shift = |(n, given): (usize, &Value)| {
        let mut shift = json!({
            "id": format!("O{n}"), "name": format!("shift {n}"), "type": "rolling_users",
            "team_id": null, "time_zone": null, "level": 1, "start": "2026-01-05T09:00:00",
            "rotation_start": "2026-01-05T09:00:00", "duration": 604_800, "frequency": "weekly",
            "interval": 1, "until": null, "week_start": "MO", "by_day": null, "by_month": null,
            "by_monthday": null, "rolling_users": [["UA"], ["UB"], ["UC"]],
            "start_rotation_from_user_index": 0,
        });
        for (key, value) in given.as_object().unwrap() {
            shift[key] = value.clone();
        }
        shift
    };
    let shifts: Vec<Value> = list.iter().enumerate().map(shift).collect();
    let ids: Vec<Value> = shifts.iter().map(|s| s["id"].clone()).collect();
    let schedule = json!({"id": "S1", "name": "Core", "type": "web", "time_zone": "Europe/Madrid",
                          "shifts": ids, "ical_url_overrides": null, "on_call_now": ["UA"]});
    Documents { users: users(), schedules: vec![(schedule, None)], shifts, ..Documents::default() }
}

fn imported(documents: Documents) -> Rota {
    let mut rota = Rota::default();
    add(&mut rota, documents, now());
    rota
}

fn of(list: &[Value]) -> Rota {
    imported(documents(list))
}

fn on_call(list: &[Value], from: &str, to: &str) -> Vec<String> {
    shifts(&of(list), now(), "core", Interval::new(at(from), at(to)))
}

#[test]
fn whole_weeks_follow_each_other_from_the_named_user_on_over_a_change_of_clocks() {
    let found = on_call(
        &[json!({"start_rotation_from_user_index": 1})],
        "2026-10-19T07:00:00Z",
        "2026-11-09T08:00:00Z",
    );
    // The week of 19 October is the 41st after the first, Ben's: 41 % 3 = 2, Ana's.
    let expect = [
        "ana 10-19 09:00 10-26 09:00",
        "ben 10-26 09:00 11-02 09:00",
        "cai 11-02 09:00 11-09 09:00",
    ];
    assert_eq!(found, expect);
}

#[test]
fn days_of_the_week_are_one_turn_and_a_night_on_sunday_belongs_to_it() {
    // From Wednesday 7 January on, at night; the week begins on Monday.
    let nights = json!({"start": "2026-01-07T22:00:00", "duration": 28_800,
                        "by_day": ["WE", "SU", "MO"]});
    let found = on_call(&[nights], "2026-10-19T12:00:00Z", "2026-10-28T12:00:00Z");
    // 19 October is in the 41st week after that of 5 January: Cai's, and 26 October Ana's.
    let expect = [
        "cai 10-19 22:00 10-20 06:00",
        "cai 10-21 22:00 10-22 06:00",
        "cai 10-25 22:00 10-26 06:00",
        "ana 10-26 22:00 10-27 06:00",
    ];
    assert_eq!(found[..4], expect, "{found:?}");
}

#[test]
fn a_start_on_a_day_that_is_none_of_its_own_is_the_first_of_its_days_after_it() {
    // Thursday 8 October; Mondays only: Ana has the 12th.
    let mondays = json!({"start": "2026-10-08T09:00:00", "rotation_start": "2026-10-08T09:00:00",
                         "duration": 3_600, "by_day": ["MO"]});
    let found = on_call(&[mondays], "2026-10-08T00:00:00Z", "2026-10-20T12:00:00Z");
    assert_eq!(found, ["ana 10-12 09:00 10-12 10:00", "ben 10-19 09:00 10-19 10:00"]);
}

#[test]
fn a_turn_that_passes_on_with_each_selected_day_is_a_layer_for_each_of_them() {
    // Wednesdays and Fridays, three people: each next day the next of them.
    let days = json!({"start": "2026-10-07T09:00:00", "rotation_start": "2026-10-07T09:00:00",
                      "duration": 28_800, "frequency": "daily", "by_day": ["WE", "FR"]});
    let found = on_call(&[days], "2026-10-07T00:00:00Z", "2026-10-24T00:00:00Z");
    let expect = [
        "ana 10-07 09:00 10-07 17:00",
        "ben 10-09 09:00 10-09 17:00",
        "cai 10-14 09:00 10-14 17:00",
        "ana 10-16 09:00 10-16 17:00",
        "ben 10-21 09:00 10-21 17:00",
        "cai 10-23 09:00 10-23 17:00",
    ];
    assert_eq!(found, expect);
}

#[test]
fn hours_of_every_day_and_turns_of_hours_are_carried_over() {
    let days = json!({"frequency": "daily", "duration": 36_000});
    let found = on_call(&[days], "2026-10-19T00:00:00Z", "2026-10-20T00:00:00Z");
    assert_eq!(found.len(), 1);
    assert!(found[0].ends_with("10-19 09:00 10-19 19:00"), "{found:?}");
    let halves = json!({"frequency": "hourly", "interval": 12, "duration": 43_200});
    let Turns::Rotation(rotation) = &of(&[halves]).schedules[0].layers[0].turns else { panic!() };
    assert_eq!(rotation.turn, crate::domain::roster::Turn::Hours(12));
}

#[test]
fn a_higher_level_wins_whatever_the_order_and_an_equal_one_is_said() {
    let list = [
        json!({"level": 2, "rolling_users": [["UC"]], "frequency": "daily", "duration": 3_600}),
        json!({"level": 1, "rolling_users": [["UA"]]}),
        json!({"level": 1, "rolling_users": [["UB"]], "frequency": "daily", "duration": 7_200}),
    ];
    let found = on_call(&list, "2026-10-19T07:00:00Z", "2026-10-19T10:00:00Z");
    let expect = [
        "cai 10-19 09:00 10-19 10:00",
        "ben 10-19 10:00 10-19 11:00",
        "ana 10-19 11:00 10-19 12:00",
    ];
    assert_eq!(found, expect);
    let said = said(&of(&list));
    assert_eq!(said.matches("on the same level as").count(), 1, "{said}");
    assert!(
        said.contains("layer shift 2: on the same level as shift 1, both on call there"),
        "{said}"
    );
}

#[test]
fn a_single_event_is_a_layer_until_it_is_over_and_an_override_a_command() {
    let single = json!({"type": "single_event", "users": ["UB"], "rolling_users": null, "level": 2,
        "frequency": null, "start": "2026-10-24T20:00:00", "duration": 43_200});
    let over = json!({"type": "override", "users": ["UC"], "rolling_users": [["UC"]], "level": 99,
        "frequency": null, "start": "2026-10-25T02:00:00", "duration": 3_600, "time_zone": "UTC"});
    let past = json!({"type": "single_event", "users": ["UB"], "start": "2026-09-24T20:00:00",
        "duration": 43_200});
    let gone = json!({"until": "2026-09-01T00:00:00"});
    let rota = of(&[single, over, past, gone]);
    assert_eq!(rota.schedules[0].layers.len(), 1, "{rota:?}");
    let command = "atalaya oncall override --force --schedule core --person cai \
                   --from 2026-10-25T02:00:00Z --to 2026-10-25T03:00:00Z";
    assert_eq!(rota.commands(), [command]);
    let all = Interval::new(at("2026-10-12T09:00:00Z"), at("2026-11-11T09:00:00Z"));
    // Twelve hours that pass, in the night in which clocks go back.
    let expect = [
        "ben 10-24 20:00 10-25 03:00",
        "cai 10-25 03:00 10-25 04:00",
        "ben 10-25 04:00 10-25 07:00",
    ];
    assert_eq!(shifts(&rota, now(), "core", all), expect);
}

#[rstest]
#[case(json!({"frequency": "monthly"}), "it recurs monthly")]
#[case(json!({"by_monthday": [1]}), "it recurs by month")]
#[case(json!({"interval": 2, "duration": 86_400}), "an interval of 2 and does not last all of it")]
#[case(json!({"frequency": "daily", "duration": 100_000}), "its shifts last into each other")]
#[case(json!({"by_day": ["XX"]}), "it recurs on \"XX\"")]
#[case(json!({"rolling_users": [["UA"], []]}), "it has turns of nobody")]
#[case(json!({"start": null}), "it has no start")]
#[case(json!({"duration": 0}), "it lasts no time")]
fn what_layers_cannot_say_is_left_out_with_the_reason(#[case] shift: Value, #[case] why: &str) {
    let said = said(&of(&[shift]));
    assert!(said.contains("shift shift 0 is left out") && said.contains(why), "{said}");
}

#[test]
fn several_at_once_and_another_zone_are_said() {
    let two = json!({"rolling_users": [["UA", "UB"], ["UC"]]});
    let (paris, tokyo) = (json!({"time_zone": "Europe/Paris"}), json!({"time_zone": "Asia/Tokyo"}));
    let said = said(&of(&[two, paris, tokyo]));
    assert!(said.contains("layer shift 0: ana is on call there together with ben"), "{said}");
    assert!(said.contains("layer shift 2: its times are those of Asia/Tokyo there"), "{said}");
    let rota = of(&[json!({"time_zone": "UTC"})]);
    assert_eq!(rota.schedules[0].zone, chrono_tz::UTC, "where all agree, it is their zone");
}

#[test]
fn a_schedule_from_a_calendar_is_a_source_and_its_overrides_another() {
    let mut documents = documents(&[]);
    documents.schedules[0].0["ical_url_primary"] = "https://cal.example/primary.ics".into();
    documents.schedules[0].0["ical_url_overrides"] = "https://cal.example/over.ics".into();
    let rota = imported(documents);
    let config = loaded(&rota, now());
    let sources: Vec<(&str, bool)> =
        config.sources.iter().map(|s| (&*s.name, matches!(s.kind, Kind::Ical(_)))).collect();
    assert_eq!(sources, [("core-calendar", true), ("core-overrides", true)]);
    let layers: Vec<Turns> =
        config.plan.roster.schedules[0].layers.iter().map(|l| l.turns.clone()).collect();
    assert_eq!(
        layers,
        [Turns::Calendar("core-calendar".into()), Turns::Calendar("core-overrides".into())]
    );
    let mut odd = self::documents(&[]);
    odd.schedules[0].0["ical_url_primary"] = "file:///etc/passwd".into();
    assert!(said(&imported(odd)).contains("its calendar cannot be read"));
}

#[test]
fn a_chain_becomes_levels_that_end_at_each_wait() {
    let step = |position: u32, mut step: Value| {
        step["position"] = position.into();
        step["escalation_chain_id"] = "F1".into();
        step
    };
    let mut documents = documents(&[json!({})]);
    documents.chains =
        vec![json!({"id": "F1", "name": "Default"}), json!({"id": "F2", "name": "None"})];
    documents.policies = vec![
        step(4, json!({"type": "notify_persons", "persons_to_notify": ["UB", "UC"]})),
        step(
            0,
            json!({"type": "notify_on_call_from_schedule", "notify_on_call_from_schedule": "S1"}),
        ),
        step(1, json!({"type": "wait", "duration": 300})),
        step(2, json!({"type": "trigger_webhook", "action_to_trigger": "W"})),
        step(3, json!({"type": "wait", "duration": 900.0})),
        step(5, json!({"type": "repeat_escalation"})),
    ];
    let rota = imported(documents);
    let config = loaded(&rota, now());
    let [policy] = config.plan.roster.policies.as_slice() else { panic!() };
    let levels: Vec<(i64, usize)> =
        policy.levels.iter().map(|l| (l.timeout.num_minutes(), l.notify.len())).collect();
    assert_eq!((levels, policy.repeat, &*policy.id), (vec![(20, 1), (5, 2)], 5, "default"));
    assert_eq!(policy.levels[0].notify, [Target::Schedule("core".into())]);
    let said = said(&rota);
    assert!(said.contains("escalation Default: step 3 is \"trigger_webhook\""), "{said}");
    assert!(said.contains("escalation None: left out: it notifies nobody"), "{said}");
}

#[test]
fn the_final_shifts_of_the_server_prove_what_was_made() {
    let shift = |who: &str, from: &str, to: &str| {
        json!({"user_pk": who, "user_email": "", "user_username": "", "shift_start": from,
               "shift_end": to})
    };
    let mut same = documents(&[json!({})]);
    let within = Interval::new(at("2026-10-19T00:00:00Z"), at("2026-11-01T00:00:00Z"));
    // Madrid is two hours ahead until the 25th, then one. The week of 12 October is Ben's.
    let list = vec![
        shift("UB", "2026-10-12T07:00:00Z", "2026-10-19T07:00:00Z"),
        shift("UC", "2026-10-19T07:00:00Z", "2026-10-26T08:00:00Z"),
        shift("UA", "2026-10-26T08:00:00Z", "2026-11-02T08:00:00Z"),
    ];
    same.schedules[0].1 = Some(list.clone());
    same.rendered = Some(within);
    let rota = imported(same);
    assert!(file(&rota).contains("# The same shifts as Grafana OnCall says, "), "{}", file(&rota));
    let mut other = documents(&[json!({"start_rotation_from_user_index": 1})]);
    (other.schedules[0].1, other.rendered) = (Some(list), Some(within));
    assert!(said(&imported(other)).contains("not the same as Grafana OnCall says for 13d of"));
}

/// Rotations of every kind, with the shifts from 19 October to 16 November 2026 that an independent
/// program gives, which follows OnCall's own source and expands the rules with dateutil.
const ROTATIONS: &str = include_str!("../../../../../tests/fixtures/grafana/rotations.json");

#[test]
fn rotations_of_every_kind_give_the_shifts_that_oncall_gives() {
    let cases: Value = serde_json::from_str(ROTATIONS).unwrap();
    for case in cases.as_array().unwrap() {
        let mut documents = documents(&[case["shift"].clone()]);
        let shift = |line: &Value| {
            let words: Vec<&str> = line.as_str().unwrap().split(' ').collect();
            let [who, from, to] = words[..] else { panic!("{line}") };
            json!({"user_pk": who, "shift_start": format!("{from}:00Z"),
                   "shift_end": format!("{to}:00Z")})
        };
        documents.schedules[0].1 =
            Some(case["final"].as_array().unwrap().iter().map(shift).collect());
        let within = Interval::new(at("2026-10-19T00:00:00Z"), at("2026-11-16T00:00:00Z"));
        documents.rendered = Some(within);
        let rota = imported(documents);
        let proven = rota.schedules[0].proven.is_some();
        assert!(proven && !file(&rota).contains("left out"), "{}\n{}", said(&rota), case["shift"]);
    }
}
