//! Which person an event means, and what becomes of the others.

use rstest::rstest;

use super::*;
use crate::domain::ical;
use crate::domain::roster::stated::{Callings, Stated, stated};

fn callings() -> Callings {
    let someone = |id: &str, name: &str, email: Option<&str>| Person {
        name: name.into(),
        email: email.map(Into::into),
        ..Person::clone(&person(id, Europe::Madrid))
    };
    let team = [
        someone("ana", "Ana Ruiz", Some("Ana@acme.example")),
        someone("luis", "Luis Peña", None),
        someone("tom-a", "Tom", None),
        someone("tom-b", "Tom", None),
    ];
    let named = [("A. Ruiz".to_owned(), "ana".into()), ("Boss".to_owned(), "luis".into())];
    Callings::new(&team, &named.into())
}

fn calendar(lines: &str) -> Stated {
    let lines = lines.replace('\n', "\r\n");
    let text = format!("BEGIN:VCALENDAR\r\n{lines}\r\nEND:VCALENDAR\r\n");
    let within = span(Tz::UTC, "2026-01-01 00:00", "2027-01-01 00:00");
    stated(&ical::read(&text, Europe::Madrid), &callings(), within)
}

fn event(lines: &str) -> Stated {
    calendar(&format!(
        "BEGIN:VEVENT\nUID:1\nDTSTART:20261124T080000Z\nDURATION:PT12H\n{lines}\nEND:VEVENT"
    ))
}

#[rstest]
#[case("ATTENDEE;CN=Somebody:mailto:ana@ACME.example\nSUMMARY:Luis Peña", "ana")]
#[case("ATTENDEE;CN=luis peña:mailto:l@home.example\nSUMMARY:Duty", "luis")]
#[case("ATTENDEE:mailto:x@acme.example\nSUMMARY:Ana Ruiz", "ana")]
#[case("ATTENDEE:mailto:ana@acme.example\nATTENDEE;CN=Luis Peña:mailto:l@x\nSUMMARY:luis", "luis")]
#[case("SUMMARY:ANA", "ana")]
#[case("SUMMARY:Ana  Ruiz on call", "ana")]
#[case("SUMMARY:Luis Peña is on-call for Core", "luis")]
#[case("SUMMARY:On Call - Luis Peña - Core", "luis")]
#[case("SUMMARY:Core: Ana Ruiz", "ana")]
#[case("SUMMARY:[L1] @luis", "luis")]
#[case("SUMMARY:Core (ana@acme.example)", "ana")]
#[case("SUMMARY:Primary: a. ruiz", "ana")]
#[case("SUMMARY:boss", "luis")]
fn an_event_means_whom_it_invites_or_else_whom_it_is_called_by(
    #[case] lines: &str,
    #[case] expect: &str,
) {
    let found = event(lines);
    assert_eq!(found.warnings, [""; 0]);
    let [duty] = found.duties.as_slice() else { panic!("{found:?}") };
    assert_eq!(&*duty.person, expect);
    assert_eq!(duty.at, span(Tz::UTC, "2026-11-24 08:00", "2026-11-24 20:00"));
}

#[rstest]
#[case::nobody("SUMMARY:Lunch with \"Ana\"", 0, "\"Lunch with 'Ana'\" means nobody of the team")]
#[case::two_of_a_name("SUMMARY:Tom", 0, "people = { \"Tom\" = \"…\" }")]
#[case::several("SUMMARY:Ana Ruiz\\, Luis Peña", 1, "means several people: the first counts")]
#[case::no_name("ATTENDEE:mailto:x@acme.example", 0, "\"x@acme.example\" means nobody")]
fn what_means_nobody_or_several_is_told(
    #[case] lines: &str,
    #[case] duties: usize,
    #[case] expect: &str,
) {
    let found = event(lines);
    assert_eq!(found.duties.len(), duties);
    let [warning] = found.warnings.as_slice() else { panic!("{found:?}") };
    assert!(warning.contains(expect), "{warning}");
}

#[test]
fn a_name_is_told_once_and_only_some_of_many() {
    let event = |n: i32, name: &str| {
        format!(
            "BEGIN:VEVENT\nUID:{n}\nDTSTART:20261124T080000Z\nDTEND:20261124T090000Z\n\
             RRULE:FREQ=DAILY;COUNT=9\nSUMMARY:{name}\nEND:VEVENT\n"
        )
    };
    let events = |count: i32| -> String {
        (0..count).map(|n| event(n, &format!("Room {}", n / 2))).collect()
    };
    assert_eq!(calendar(events(4).trim()).warnings.len(), 2);
    let many = calendar(events(40).trim());
    assert_eq!(many.warnings.len(), 6);
    assert_eq!(many.warnings[5], "and 15 more such names");
}

#[test]
fn a_hostile_calendar_is_bounded_and_says_so() {
    let dense = "BEGIN:VEVENT\nUID:1\nDTSTART:20200101T000000Z\nDURATION:P9D\n\
                 RRULE:FREQ=HOURLY;BYMINUTE=0,5,10,15,20,25,30,35,40,45,50,55\nSUMMARY:ana\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\n\
                 DTSTART:nonsense\nSUMMARY:luis\nEND:VEVENT";
    let found = calendar(dense);
    assert!(found.duties.len() <= 50_000);
    assert_eq!(found.warnings.len(), 2, "{:?}", found.warnings);
    assert!(found.warnings[0].contains("VEVENT \"luis\" is left out"), "{:?}", found.warnings);
    assert!(found.warnings[1].contains("the rest is left out"), "{:?}", found.warnings);
}

#[test]
fn of_very_many_at_once_the_last_begun_wins_without_delay() {
    let zone = Tz::UTC;
    let begin = zone::instant(local("2026-11-23 00:00"), zone);
    let person = |n: i64| if n % 2 == 0 { "ana" } else { "luis" };
    let duty = |n: i64| Duty {
        person: person(n).into(),
        at: Interval::new(begin + TimeDelta::seconds(n), begin + TimeDelta::days(30)),
    };
    let duties: Vec<Duty> = (0..50_000).map(duty).collect();
    let layer = Layer { name: "ics".into(), turns: Turns::Calendar("rota".into()), hours: None };
    let core = schedule(zone, vec![layer]);
    let imported = Imported::from([("rota".into(), Arc::from(duties))]);
    let at = span(zone, "2026-11-23 00:00", "2026-12-31 00:00");
    let shifts = final_shifts(&core, &[], &imported, at);
    assert_eq!(shifts.len(), 50_000);
    let last = shifts.last().unwrap();
    assert_eq!((&*last.person, last.at.to), ("luis", begin + TimeDelta::days(30)));
    let later = span(zone, "2026-11-25 00:00", "2026-11-26 00:00");
    assert_eq!(
        shown(&final_shifts(&core, &[], &imported, later), zone),
        ["luis 25 00:00-26 00:00"]
    );
}
