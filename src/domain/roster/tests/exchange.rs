//! Shifts that change hands, and overrides that go again.

use super::*;
use crate::domain::roster::book::{self, Wanted};
use crate::domain::roster::concerns::concerns_of_drop;
use crate::domain::roster::exchange::{Desk, Hindrance, as_made, swap, take};
use crate::domain::roster::gaps::away_on_call;
use crate::domain::roster::now::{Whole, whole};

/// Ana and Luis by turns, from midnight to midnight in Madrid.
fn daily() -> Schedule {
    let turns = rotation(&["ana", "luis"], "2026-10-01 00:00", Turn::Days(1));
    schedule(Europe::Madrid, vec![layer(turns, None)])
}

fn team(schedules: Vec<Schedule>) -> Roster {
    roster(schedules, &["ana", "luis", "eva"])
}

fn madrid(text: &str) -> Instant {
    zone::instant(local(text), Europe::Madrid)
}

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

/// Who has which UTC stretch.
fn utc(wanted: &[Wanted]) -> Vec<String> {
    let time = |at: Instant| at.format("%m-%dT%H:%M").to_string();
    let who = |w: &Wanted| w.person.as_deref().unwrap_or("nobody").to_owned();
    wanted.iter().map(|w| format!("{} {}/{}", who(w), time(w.at.from), time(w.at.to))).collect()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Hindrance>) -> String {
    match result.unwrap_err() {
        Hindrance::Refused(why) => why,
        Hindrance::Already(why) => panic!("already: {why}"),
    }
}

const NONE: &Imported = &Imported::new();

#[test]
fn the_days_on_which_clocks_change_are_swapped_whole() {
    let (schedule, now) = (daily(), madrid("2026-10-20 12:00"));
    let roster = team(vec![schedule.clone()]);
    let desk = Desk { roster: &roster, overrides: &[], imported: NONE };
    // Back on 25 October: that day has 25 hours.
    let days = (madrid("2026-10-25 00:00"), madrid("2026-10-26 00:00"));
    let wanted = swap(desk, &schedule, days, now, "").unwrap();
    let expect = ["luis 10-24T22:00/10-25T23:00", "ana 10-25T23:00/10-26T23:00"];
    assert_eq!(utc(&wanted), expect);
    // Forward on 28 March: that one has 23.
    let days = (madrid("2027-03-28 00:00"), madrid("2027-03-29 00:00"));
    let wanted = swap(desk, &schedule, days, now, "").unwrap();
    let expect = ["luis 03-27T23:00/03-28T22:00", "ana 03-28T22:00/03-29T22:00"];
    assert_eq!(utc(&wanted), expect);

    let overrides = as_made(&wanted, &[]);
    let span = Interval::new(madrid("2027-03-27 00:00"), madrid("2027-03-31 00:00"));
    let held = held(&finals(&schedule, &overrides, span));
    let who: Vec<_> = held.iter().map(|h| (&*h.person, h.at.length().num_hours())).collect();
    assert_eq!(who, [("luis", 24 + 23), ("ana", 48)]);
}

#[test]
fn of_a_shift_that_runs_only_what_is_left_is_swapped() {
    let (schedule, now) = (daily(), madrid("2026-10-20 12:00"));
    let roster = team(vec![schedule.clone()]);
    let desk = Desk { roster: &roster, overrides: &[], imported: NONE };
    let wanted = swap(desk, &schedule, (now, madrid("2026-10-21 06:00")), now, "").unwrap();
    let expect = ["ana 10-20T10:00/10-20T22:00", "luis 10-20T22:00/10-21T22:00"];
    assert_eq!(utc(&wanted), expect);
}

#[test]
fn what_cannot_be_swapped_says_why() {
    let (schedule, now) = (daily(), madrid("2026-10-20 12:00"));
    let roster = team(vec![schedule.clone()]);
    let desk = Desk { roster: &roster, overrides: &[], imported: NONE };
    let swap = |a, b| refusal(swap(desk, &schedule, (madrid(a), madrid(b)), now, ""));
    let both = swap("2026-10-21 00:00", "2026-10-23 00:00");
    assert_eq!(both, "ana has both shifts; name instants of two people");
    let over = swap("2026-10-18 00:00", "2026-10-21 00:00");
    assert!(over.starts_with("the shift of luis was over at 19 Oct 00:00"), "{over}");
    let nobody = swap("2026-09-18 00:00", "2026-10-21 00:00");
    assert!(nobody.starts_with("nobody is on call on Core at 18 Sep 00:00"), "{nobody}");
}

#[test]
fn a_shift_is_taken_from_then_until_somebody_else_has_it() {
    let schedule = daily();
    let roster = team(vec![schedule.clone()]);
    // Luis has the end of Ana's day already: her shift ends where his begins.
    let luis = Interval::new(madrid("2026-10-21 20:00"), madrid("2026-10-22 00:00"));
    let overrides = [over(1, Some("luis"), luis)];
    let desk = Desk { roster: &roster, overrides: &overrides, imported: NONE };
    let take = |who: &str, when| take(desk, &schedule, &who.into(), madrid(when), "");
    let wanted = take("eva", "2026-10-21 14:00").unwrap();
    assert_eq!(utc(&[wanted]), ["eva 10-21T12:00/10-21T18:00"]);
    let wanted = take("eva", "2026-10-21 21:00").unwrap();
    assert_eq!(utc(&[wanted]), ["eva 10-21T19:00/10-22T22:00"], "with the day of his own after it");
    let Err(Hindrance::Already(why)) = take("ana", "2026-10-21 14:00") else { panic!("taken") };
    assert_eq!(why, "ana has Core until 21 Oct 20:00");
}

#[test]
fn a_shift_without_an_end_is_taken_by_an_override_with_one() {
    let turns = rotation(&["ana"], "2020-10-01 00:00", Turn::Days(7));
    let schedule = schedule(Europe::Madrid, vec![layer(turns, None)]);
    let now = madrid("2026-10-20 12:00");
    let on = whole(&schedule, &[], NONE, now);
    assert_eq!(on, Some(Whole { person: "ana".into(), from: None, to: None }));
    let roster = team(vec![schedule.clone()]);
    let desk = Desk { roster: &roster, overrides: &[], imported: NONE };
    let why = refusal(take(desk, &schedule, &"eva".into(), now, ""));
    assert!(why.contains("does not end within 366 days"), "{why}");
}

#[test]
fn a_stretch_is_whole_however_long_it_is() {
    let turns = rotation(&["ana", "luis"], "2026-01-01 00:00", Turn::Days(60));
    let schedule = schedule(Europe::Madrid, vec![layer(turns, None)]);
    let on = whole(&schedule, &[], NONE, madrid("2026-01-30 00:00")).unwrap();
    assert_eq!(
        (on.from, on.to),
        (Some(at("2025-12-31T23:00:00Z")), Some(madrid("2026-03-02 00:00")))
    );
    assert_eq!(whole(&schedule, &[], NONE, madrid("2025-12-31 23:59")), None);
    assert_eq!(whole(&schedule, &[], NONE, Instant::MIN_UTC), None, "nothing overflows");
}

#[test]
fn dropping_an_override_is_thought_over_for_who_comes_back() {
    // Eva is over Ana's day; Ana is away then and on call elsewhere.
    let (core, mut other) = (daily(), daily());
    other.id = "other".into();
    other.name = "Other".into();
    let mut roster = team(vec![core, other]);
    let day = span(Europe::Madrid, "2026-10-21 00:00", "2026-10-22 00:00");
    let mut away = Person::clone(&person("ana", Europe::Madrid));
    away.absences = vec![Absence { at: day, reason: "course".into() }];
    roster.people.insert("ana".into(), Arc::new(away));
    let overrides = [over(3, Some("eva"), day)];
    let dropped = |now| concerns_of_drop(&roster, &overrides, NONE, &[OverrideId(3)], madrid(now));
    let words = |now| -> Vec<String> {
        dropped(now).iter().map(|c| c.words(&roster, Europe::Madrid)).collect()
    };
    let expect = [
        "ana is away 21 Oct 00:00 – 22 Oct 00:00: course",
        "ana would be on call on Other, too, 21 Oct 00:00 – 22 Oct 00:00",
    ];
    assert_eq!(words("2026-10-20 00:00"), expect);
    // What is over does not come back.
    assert_eq!(words("2026-10-21 18:00")[0], "ana is away 21 Oct 18:00 – 22 Oct 00:00: course");
    assert_eq!(words("2026-10-22 00:00"), [""; 0]);
}

#[test]
fn dropping_who_fills_a_gap_leaves_it_uncovered() {
    let turns = rotation(&["ana", "luis"], "2026-10-01 00:00", Turn::Days(1));
    let core = schedule(Europe::Madrid, vec![layer(turns, Some(nights()))]);
    let roster = team(vec![core]);
    let noon = span(Europe::Madrid, "2026-10-21 12:00", "2026-10-21 14:00");
    let overrides = [over(3, Some("eva"), noon)];
    let now = madrid("2026-10-20 00:00");
    let against = concerns_of_drop(&roster, &overrides, NONE, &[OverrideId(3)], now);
    assert_eq!(against, [Concern::Uncovered { schedule: "core".into(), at: noon }]);
    assert_eq!(against[0].kind(), "uncovered");
    // Where it was meant to be empty, it was so before.
    let overrides = [over(3, None, noon)];
    let against = concerns_of_drop(&roster, &overrides, NONE, &[OverrideId(3)], now);
    assert_eq!(against.len(), 1, "nobody on purpose was no gap: {against:?}");
}

#[test]
fn who_is_on_call_in_an_absence_is_found_whatever_made_them_so() {
    let core = daily();
    let mut roster = team(vec![core.clone()]);
    let away = span(Europe::Madrid, "2026-10-21 12:00", "2026-10-24 00:00");
    let mut ana = Person::clone(&person("ana", Europe::Madrid));
    ana.absences = vec![Absence { at: away, reason: "holidays".into() }];
    roster.people.insert("ana".into(), Arc::new(ana));
    let week = span(Europe::Madrid, "2026-10-19 00:00", "2026-10-26 00:00");
    let found = |overrides: &[Override]| -> Vec<String> {
        let finals = vec![(core.id.clone(), final_shifts(&core, overrides, NONE, week))];
        let all = away_on_call(&roster, &finals);
        all.iter().map(|a| format!("{} {}", a.person, book::shown(a.at, Europe::Madrid))).collect()
    };
    assert_eq!(found(&[]), ["ana 21 Oct 12:00 – 22 Oct 00:00", "ana 23 Oct 00:00 – 24 Oct 00:00"]);
    let taken = [over(1, Some("eva"), away)];
    assert_eq!(found(&taken), [""; 0], "somebody else does it");
}

#[test]
fn a_short_rest_of_the_rota_itself_does_not_keep_an_override() {
    // Every shift ends when the next one of the same person begins.
    let turns = rotation(&["ana"], "2026-10-01 00:00", Turn::Days(1));
    let mut core = schedule(Europe::Madrid, vec![layer(turns, Some(nights()))]);
    core.rest = TimeDelta::hours(20);
    let roster = team(vec![core]);
    let night = span(Europe::Madrid, "2026-10-21 22:00", "2026-10-22 06:00");
    let overrides = [over(3, Some("eva"), night)];
    let now = madrid("2026-10-20 00:00");
    assert_eq!(concerns_of_drop(&roster, &overrides, NONE, &[OverrideId(3)], now), []);
    // Without it, giving her that night by an override would say so.
    let again = [over(4, Some("ana"), night)];
    let against = concerns(&roster, &overrides, NONE, &again);
    assert!(against.iter().any(|c| matches!(c, Concern::Rest { .. })), "{against:?}");
}

#[test]
fn an_override_is_read_as_it_is_written() {
    assert_eq!("OVR-3".parse(), Ok(OverrideId(3)));
    assert_eq!("ovr-12".parse(), Ok(OverrideId(12)));
    assert_eq!("7".parse(), Ok(OverrideId(7)));
    for wrong in ["", "OVR-", "OVR-0", "INC-3", "+3", "OVR--3"] {
        assert!(wrong.parse::<OverrideId>().is_err(), "{wrong}");
    }
}
