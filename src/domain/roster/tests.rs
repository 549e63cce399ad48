//! Schedules as tables, and the laws that hold for all of them.

mod exchange;
mod stated;

use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta, Weekday};
use chrono_tz::{America, Europe, TZ_VARIANTS, Tz};
use proptest::prelude::*;

use super::concerns::{Concern, concerns};
use super::escalation::{Level, Target, reached};
use super::gaps::{Gap, Why, double_bookings, gaps};
use super::load::{fairness, load};
use super::model::*;
use super::now::{Standing, held, standing};
use super::shifts::{Imported, final_shifts, on_call_at};
use crate::domain::time::hours::Range;
use crate::domain::time::intervals::Intervals;
use crate::domain::time::{Instant, Interval, WeekHours, zone};

fn local(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
}

fn rotation(people: &[&str], start: &str, turn: Turn) -> Rotation {
    let people = people.iter().map(|p| PersonId::from(*p)).collect();
    Rotation { people, start: local(start), until: None, turn }
}

fn layer(rotation: Rotation, hours: Option<WeekHours>) -> Layer {
    Layer { name: "layer".into(), turns: Turns::Rotation(rotation), hours }
}

fn schedule(zone: Tz, layers: Vec<Layer>) -> Schedule {
    Schedule {
        id: "core".into(),
        name: "Core".into(),
        team: None,
        zone,
        layers,
        coverage: WeekHours::always(),
        rest: TimeDelta::hours(11),
    }
}

fn person(id: &str, zone: Tz) -> Arc<Person> {
    Arc::new(Person { zone, ..Person::new(id) })
}

fn roster(schedules: Vec<Schedule>, people: &[&str]) -> Roster {
    let people = people.iter().map(|id| (PersonId::from(*id), person(id, Europe::Berlin)));
    Roster {
        people: people.collect(),
        schedules: schedules.into_iter().map(Arc::new).collect(),
        policies: Vec::new(),
        otherwise: None,
    }
}

fn span(zone: Tz, from: &str, to: &str) -> Interval {
    Interval::new(zone::instant(local(from), zone), zone::instant(local(to), zone))
}

fn over(id: u64, person: Option<&str>, at: Interval) -> Override {
    Override {
        id: OverrideId(id),
        schedule: "core".into(),
        person: person.map(Into::into),
        from: at.from,
        to: at.to,
        reason: String::new(),
    }
}

fn shown(shifts: &[Shift], zone: Tz) -> Vec<String> {
    let time = |at: Instant| zone::local(at, zone).format("%d %H:%M").to_string();
    shifts.iter().map(|s| format!("{} {}-{}", s.person, time(s.at.from), time(s.at.to))).collect()
}

fn finals(schedule: &Schedule, overrides: &[Override], at: Interval) -> Vec<Shift> {
    final_shifts(schedule, overrides, &Imported::new(), at)
}

fn nights() -> WeekHours {
    let mut week = WeekHours::default();
    for day in [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri] {
        week.add(day, Range::parse("22:00-06:00").unwrap());
    }
    week
}

/// GoAlert, `schedule/rotation/rotation_test.go`: a daily hand-off at 02:30 in Chicago on the day
/// on which clocks go forward is at 03:00, on the next day at 02:30 again.
#[test]
fn a_hand_off_in_the_spring_gap_is_at_its_end_and_the_next_day_at_its_time_again() {
    let zone = America::Chicago;
    let daily = rotation(&["a", "b"], "2020-03-06 02:30", Turn::Days(1));
    let at = span(zone, "2020-03-07 12:00", "2020-03-09 12:00");
    let shifts = finals(&schedule(zone, vec![layer(daily, None)]), &[], at);
    let expect = ["b 07 12:00-08 03:00", "a 08 03:00-09 02:30", "b 09 02:30-09 12:00"];
    assert_eq!(shown(&shifts, zone), expect);
}

#[test]
fn hourly_turns_keep_elapsed_time_when_clocks_change() {
    let zone = Europe::Berlin;
    let turns = rotation(&["a", "b"], "2026-10-24 20:00", Turn::Hours(4));
    let at = span(zone, "2026-10-24 20:00", "2026-10-25 12:00");
    let shifts = finals(&schedule(zone, vec![layer(turns, None)]), &[], at);
    assert!(shifts.iter().take(4).all(|s| s.at.length() == TimeDelta::hours(4)));
    assert_eq!(shown(&shifts, zone)[1], "b 25 00:00-25 03:00");
}

#[test]
fn later_layers_win_and_overrides_win_over_them() {
    let zone = Europe::Berlin;
    let days = layer(rotation(&["ana"], "2026-11-02 09:00", Turn::Days(7)), None);
    let nights = layer(rotation(&["luis"], "2026-11-02 09:00", Turn::Days(7)), Some(nights()));
    let core = schedule(zone, vec![days, nights]);
    let at = span(zone, "2026-11-23 12:00", "2026-11-24 12:00");
    let plain = ["ana 23 12:00-23 22:00", "luis 23 22:00-24 06:00", "ana 24 06:00-24 12:00"];
    assert_eq!(shown(&finals(&core, &[], at), zone), plain);
    let overrides = [
        over(1, Some("mia"), span(zone, "2026-11-23 20:00", "2026-11-24 02:00")),
        over(2, None, span(zone, "2026-11-24 01:00", "2026-11-24 03:00")),
    ];
    let shifts = finals(&core, &overrides, at);
    let expect = [
        "ana 23 12:00-23 20:00",
        "mia 23 20:00-24 01:00",
        "luis 24 03:00-24 06:00",
        "ana 24 06:00-24 12:00",
    ];
    assert_eq!(shown(&shifts, zone), expect);
    assert_eq!(shifts[1].origin, Origin::Override(OverrideId(1)));
    assert_eq!(gaps(&core, &shifts, &overrides, &Imported::new(), at), [], "nobody was meant");
    let there = on_call_at(&core, &overrides, &Imported::new(), at.from).unwrap();
    assert_eq!((&*there.person, there.origin), ("ana", Origin::Layer(0)));
}

#[test]
fn gaps_say_why() {
    let zone = Europe::Berlin;
    let mut turns = rotation(&["ana"], "2026-11-23 10:00", Turn::Days(1));
    turns.until = Some(local("2026-11-25 10:00"));
    let core = schedule(zone, vec![layer(turns, Some(nights()))]);
    let at = span(zone, "2026-11-23 00:00", "2026-11-26 00:00");
    let found = gaps(&core, &finals(&core, &[], at), &[], &Imported::new(), at);
    let gap = |from, to, why| Gap { at: span(zone, from, to), why };
    let expect = [
        gap("2026-11-23 00:00", "2026-11-23 10:00", Why::NotBegun),
        gap("2026-11-23 10:00", "2026-11-23 22:00", Why::OutsideHours),
        gap("2026-11-24 06:00", "2026-11-24 22:00", Why::OutsideHours),
        gap("2026-11-25 06:00", "2026-11-25 10:00", Why::OutsideHours),
        gap("2026-11-25 10:00", "2026-11-26 00:00", Why::Ended),
    ];
    assert_eq!(found, expect);
    let covered = Schedule { coverage: nights(), ..core };
    let found = gaps(&covered, &finals(&covered, &[], at), &[], &Imported::new(), at);
    assert_eq!(found, [gap("2026-11-25 22:00", "2026-11-26 00:00", Why::Ended)]);
}

#[test]
fn an_imported_calendar_is_a_layer() {
    let zone = Europe::Berlin;
    let core = schedule(
        zone,
        vec![Layer { name: "ics".into(), turns: Turns::Calendar("dc1".into()), hours: None }],
    );
    let duty = |person: &str, from, to| Duty { person: person.into(), at: span(zone, from, to) };
    let duties = [
        duty("ana", "2026-11-23 08:00", "2026-11-23 20:00"),
        duty("luis", "2026-11-23 12:00", "2026-11-23 14:00"),
    ];
    let imported = Imported::from([("dc1".into(), Arc::from(duties))]);
    let at = span(zone, "2026-11-23 00:00", "2026-11-24 00:00");
    let shifts = final_shifts(&core, &[], &imported, at);
    let expect = ["ana 23 08:00-23 12:00", "luis 23 12:00-23 14:00", "ana 23 14:00-23 20:00"];
    assert_eq!(shown(&shifts, zone), expect);
    let why = |imported| -> Vec<Why> {
        gaps(&core, &shifts, &[], imported, at).iter().map(|g| g.why).collect()
    };
    assert_eq!(why(&imported), [Why::NotStated; 2]);
    assert_eq!(why(&Imported::new()), [Why::NotRead; 2]);
}

#[test]
fn who_is_on_call_twice_is_found() {
    let zone = Europe::Berlin;
    let shift = |person: &str, from, to| Shift {
        person: person.into(),
        at: span(zone, from, to),
        origin: Origin::Layer(0),
    };
    let finals = [
        ("core".into(), vec![shift("ana", "2026-11-23 08:00", "2026-11-23 20:00")]),
        (
            "db".into(),
            vec![
                shift("ana", "2026-11-23 18:00", "2026-11-24 02:00"),
                shift("luis", "2026-11-24 02:00", "2026-11-24 08:00"),
            ],
        ),
    ];
    let found = double_bookings(&finals);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].at, span(zone, "2026-11-23 18:00", "2026-11-23 20:00"));
    assert_eq!(found[0].schedules, ["core".into(), "db".into()]);
}

#[test]
fn nights_and_weekends_are_those_of_the_person() {
    let zone = Europe::Berlin;
    let core = schedule(
        zone,
        vec![layer(rotation(&["ana", "kim"], "2026-11-20 20:00", Turn::Hours(36)), None)],
    );
    let at = span(zone, "2026-11-20 20:00", "2026-11-23 20:00");
    let mut team = roster(vec![core.clone()], &["ana"]);
    team.people.insert("kim".into(), person("kim", chrono_tz::Asia::Tokyo));
    let loads = load(&team, &finals(&core, &[], at));
    // Fri 20:00 to Sun 08:00 in Berlin; Sun 16:00 to Tue 04:00 in Tokyo.
    let (ana, kim) = (&loads["ana"], &loads["kim"]);
    assert_eq!((ana.nights, ana.weekends, ana.on_call), (2, 1, TimeDelta::hours(36)));
    assert_eq!((kim.nights, kim.weekends, kim.on_call), (2, 1, TimeDelta::hours(36)));
    assert_eq!(ana.out_of_hours, TimeDelta::hours(36));
    assert_eq!(kim.out_of_hours, TimeDelta::hours(26));
}

#[test]
fn fairness_is_one_where_all_carry_the_same() {
    assert_eq!(fairness([5.0, 5.0, 5.0]), Some(1.0));
    assert_eq!(fairness([10.0, 0.0]), Some(0.5));
    assert_eq!(fairness([0.0, 0.0]), None);
}

#[test]
fn what_speaks_against_a_change_is_named() {
    let zone = Europe::Berlin;
    let core = schedule(
        zone,
        vec![layer(rotation(&["ana", "luis"], "2026-11-23 08:00", Turn::Hours(12)), None)],
    );
    let db = Schedule {
        id: "db".into(),
        ..schedule(zone, vec![layer(rotation(&["mia"], "2026-11-23 08:00", Turn::Days(7)), None)])
    };
    let mut team = roster(vec![core, db], &["ana", "luis", "mia"]);
    let mut away = Person::clone(&team.people["luis"]);
    let leave = span(zone, "2026-11-24 00:00", "2026-11-26 00:00");
    away.absences = vec![Absence { at: leave, reason: "leave".into() }];
    team.people.insert("luis".into(), Arc::new(away));
    let ask = |person: Option<&str>, from, to| {
        concerns(&team, &[], &Imported::new(), &[over(9, person, span(zone, from, to))])
    };
    let tight = ask(Some("ana"), "2026-11-23 23:00", "2026-11-24 01:00");
    assert_eq!(tight.len(), 2, "before it three hours of rest, after it seven: {tight:?}");
    assert!(matches!(&tight[0], Concern::Rest { left, .. } if *left == TimeDelta::hours(3)));
    let away = ask(Some("luis"), "2026-11-24 12:00", "2026-11-24 14:00");
    assert!(matches!(&away[0], Concern::Absent { reason, .. } if reason == "leave"), "{away:?}");
    let booked = ask(Some("mia"), "2026-11-24 12:00", "2026-11-24 14:00");
    assert!(matches!(&booked[0], Concern::Booked { schedule, .. } if &**schedule == "db"));
    let nobody = ask(None, "2026-11-24 12:00", "2026-11-24 14:00");
    assert!(matches!(&nobody[0], Concern::Uncovered { .. }));
    assert!(matches!(
        &ask(Some("zoe"), "2026-11-24 12:00", "2026-11-24 14:00")[0],
        Concern::Unknown { .. }
    ));
    assert_eq!(ask(Some("ana"), "2026-11-24 12:00", "2026-11-24 12:00"), [Concern::Empty]);
}

#[test]
fn a_level_reaches_each_person_once_and_names_empty_schedules() {
    let zone = Europe::Berlin;
    let core =
        schedule(zone, vec![layer(rotation(&["ana"], "2026-11-23 08:00", Turn::Days(7)), None)]);
    let team = roster(vec![core], &["ana", "luis"]);
    let targets = ["schedule:core", "person:ana", "person:luis", "schedule:none"];
    let notify = targets.map(|t| Target::parse(t).unwrap()).to_vec();
    let level = Level { notify, timeout: TimeDelta::minutes(10) };
    let at = zone::instant(local("2026-11-24 12:00"), zone);
    let found = reached(&level, &team, &[], &Imported::new(), at);
    let people: Vec<&str> = found.people.iter().map(|(p, _)| &**p).collect();
    assert_eq!(people, ["ana", "luis"]);
    assert_eq!(found.empty, ["none".into()]);
    assert_eq!(Target::parse("team:core"), None);
    assert_eq!(Target::parse("person:"), None);
}

#[test]
fn a_schedule_says_who_has_it_who_is_next_and_where_the_gap_is() {
    let zone = Europe::Berlin;
    let days = layer(rotation(&["ana", "luis"], "2026-11-02 09:00", Turn::Days(7)), None);
    let core = schedule(zone, vec![days]);
    let over = [
        over(1, Some("ana"), span(zone, "2026-11-24 12:00", "2026-11-24 14:00")),
        over(2, None, span(zone, "2026-11-28 00:00", "2026-11-28 06:00")),
    ];
    let look = |at| standing(&core, &over, &Imported::new(), zone::instant(local(at), zone));
    let Standing { on, next, gap } = look("2026-11-24 13:00");
    let (on, next) = (on.unwrap(), next.unwrap());
    assert_eq!((&*on.person, on.origin), ("ana", Origin::Override(OverrideId(1))));
    assert_eq!(on.at, span(zone, "2026-11-24 12:00", "2026-11-24 14:00"));
    assert_eq!((&*next.person, next.at.from), ("luis", on.at.to));
    assert_eq!(gap, None, "nobody was meant");
    assert_eq!(look("2026-11-28 01:00").on, None);
    let early = look("2026-10-20 00:00").gap.unwrap();
    assert_eq!(
        (early.why, early.at.to),
        (Why::NotBegun, zone::hand_off(local("2026-11-02 09:00"), zone))
    );
}

fn any_layer() -> impl Strategy<Value = Layer> {
    let people = prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 0..4);
    let turn = prop_oneof![(0_u32..50).prop_map(Turn::Hours), (0_u32..9).prop_map(Turn::Days)];
    let hours =
        prop::option::of(prop::collection::vec((0_u16..7, 0_u16..1_440, 1_u16..=1_440), 0..6));
    (people, turn, hours, 0_i64..40_000).prop_map(|(people, turn, hours, start)| {
        let hours = hours.map(|ranges| {
            let mut week = WeekHours::default();
            for (day, from, to) in ranges {
                if let Some(range) = Range::new(from, to) {
                    week.add(Weekday::try_from(day as u8).unwrap(), range);
                }
            }
            week
        });
        let start = local("2026-01-01 00:00") + TimeDelta::minutes(start);
        let start = start.format("%Y-%m-%d %H:%M").to_string();
        layer(rotation(&people, &start, turn), hours)
    })
}

fn any_override(id: u64) -> impl Strategy<Value = Override> {
    let person = prop::option::of(prop::sample::select(vec!["a", "b", "z"]));
    (person, 0_i64..90_000, -50_i64..5_000).prop_map(move |(person, from, length)| {
        let from = "2026-01-01T00:00:00Z".parse::<Instant>().unwrap() + TimeDelta::minutes(from);
        over(id, person, Interval::new(from, from + TimeDelta::minutes(length)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Final shifts and what is left partition time, whatever the interval is cut into.
    #[test]
    fn final_shifts_partition_time(
        layers in prop::collection::vec(any_layer(), 0..5),
        overrides in prop::collection::vec(any_override(0), 0..6),
        zone in 0..TZ_VARIANTS.len(),
        cut in 1_i64..60 * 24 * 60,
    ) {
        let zone = TZ_VARIANTS[zone];
        let numbered = overrides.into_iter().zip(1..);
        let overrides: Vec<_> =
            numbered.map(|(o, id)| Override { id: OverrideId(id), ..o }).collect();
        let schedule = schedule(zone, layers);
        let from: Instant = "2026-01-05T00:00:00Z".parse().unwrap();
        let whole = Interval::new(from, from + TimeDelta::days(60));
        let middle = from + TimeDelta::minutes(cut);
        let shifts = finals(&schedule, &overrides, whole);
        for pair in shifts.windows(2) {
            prop_assert!(pair[0].at.to <= pair[1].at.from);
        }
        for shift in &shifts {
            prop_assert!(!shift.at.is_empty());
            prop_assert!(shift.at.overlap(whole) == Some(shift.at));
        }
        let covered: Intervals = shifts.iter().map(|s| s.at).collect();
        let nobody: Intervals = overrides.iter().filter(|o| o.person.is_none()).map(Override::at).collect();
        let gaps = gaps(&schedule, &shifts, &overrides, &Imported::new(), whole);
        let gaps: Intervals = gaps.iter().map(|g| g.at).collect();
        prop_assert!(gaps.intersection(&covered).is_empty());
        prop_assert_eq!(gaps.union(&covered).union(&nobody.within(whole)), Intervals::from(whole));
        // Two halves say what the whole says.
        let mut halves = finals(&schedule, &overrides, Interval::new(from, middle));
        halves.extend(finals(&schedule, &overrides, Interval::new(middle, whole.to)));
        let who = |shifts: &[Shift]| -> Vec<_> {
            held(shifts).into_iter().map(|h| (h.person, h.at)).collect()
        };
        prop_assert_eq!(who(&halves), who(&shifts));
    }

    /// In any zone and any year: one hand-off follows the other without a gap or an overlap, and
    /// local turns hand over at their time of day wherever that time exists.
    #[test]
    fn no_change_of_clocks_makes_a_gap_or_an_overlap(
        zone in 0..TZ_VARIANTS.len(),
        day in 0_i64..67 * 365,
        minute in 0_i64..1_440,
        turn in prop_oneof![
            Just(Turn::Days(1)), Just(Turn::Days(7)), Just(Turn::Hours(1)), Just(Turn::Hours(12)),
        ],
    ) {
        let zone = TZ_VARIANTS[zone];
        let start = local("1970-01-01 00:00") + TimeDelta::minutes(day * 1_440 + minute);
        let turns = Rotation { people: vec!["a".into(), "b".into()], start, until: None, turn };
        let schedule = schedule(zone, vec![layer(turns, None)]);
        let from = zone::hand_off(start, zone);
        let at = Interval::new(from, from + TimeDelta::days(200));
        let shifts = finals(&schedule, &[], at);
        prop_assert_eq!(shifts[0].at.from, at.from);
        prop_assert_eq!(shifts.last().unwrap().at.to, at.to);
        for pair in shifts.windows(2) {
            prop_assert_eq!(pair[0].at.to, pair[1].at.from);
            prop_assert_ne!(&pair[0].person, &pair[1].person);
            let handed = zone::local(pair[1].at.from, zone);
            if let Turn::Days(_) = turn {
                let meant = handed.date().and_time(start.time());
                prop_assert_eq!(zone::hand_off(meant, zone), pair[1].at.from);
            }
        }
    }
}

#[test]
fn the_length_of_a_turn_is_a_number_with_a_unit() {
    let read = [
        ("12h", Some(Turn::Hours(12))),
        ("7d", Some(Turn::Days(7))),
        ("2w", Some(Turn::Days(14))),
        ("24h", Some(Turn::Hours(24))),
        ("90m", None),
        ("1d12h", None),
        ("d", None),
        ("", None),
        ("5é", None),
        ("999999999w", None),
    ];
    for (text, expect) in read {
        assert_eq!(Turn::parse(text), expect, "{text}");
    }
}

#[test]
fn a_certificate_is_good_on_its_last_day() {
    let day = |text: &str| text.parse().unwrap();
    let mut card = Credential { name: "RHCE".into(), expires: Some(day("2026-11-24")) };
    assert_eq!(card.days_left(day("2026-11-24")), Some(0));
    assert_eq!(card.days_left(day("2026-11-25")), Some(-1));
    card.expires = None;
    assert_eq!(card.days_left(day("2026-11-24")), None);
}
