//! Calendars that state who is on call.

use chrono_tz::Europe::Madrid;

use super::super::calendar::add;
use super::{at, file, loaded, said};
use crate::cli::init::rota::Rota;
use crate::domain::roster::Turns;
use crate::sources::settings::{CalendarAt, Kind};

fn event(uid: u32, day: &str, title: &str, more: &str) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART:{day}T090000Z\r\nDTEND:{day}T210000Z\r\n\
         SUMMARY:{title}\r\n{more}END:VEVENT\r\n"
    )
}

fn imported(events: &[String]) -> Rota {
    let mut rota = Rota::beside(&["prometheus"]);
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Prometheus\r\n{}END:VCALENDAR\r\n",
        events.concat()
    );
    let at_ = CalendarAt::File("/srv/rota \"x\".ics".into());
    add(&mut rota, at_, &text, Madrid, at("2026-11-23T09:00:00Z"));
    rota
}

#[test]
fn a_calendar_becomes_a_source_a_schedule_and_the_people_who_are_invited() {
    let invited = "ATTENDEE;CN=Ana Ruiz:mailto:ana.ruiz@acme.example\r\n";
    let rota = imported(&[
        event(1, "20261124", "Core: Ana Ruiz", invited),
        event(2, "20261125", "Core: Ben Day", ""),
        event(3, "20261126", "Core: Cai Lu on call", ""),
        event(4, "20261127", "Core: Ben Day", ""),
    ]);
    let config = loaded(&rota, at("2026-11-23T09:00:00Z"));
    let [source] = config.sources.as_slice() else { panic!("{:?}", config.sources) };
    assert_eq!(&*source.name, "prometheus-2", "that name is one of another source");
    let Kind::Ical(ical) = &source.kind else { panic!() };
    assert_eq!(ical.from, CalendarAt::File("/srv/rota \"x\".ics".into()));
    let schedule = config.plan.roster.schedule("prometheus").unwrap();
    assert_eq!(schedule.layers[0].turns, Turns::Calendar("prometheus-2".into()));
    let people: Vec<(&str, &str)> =
        config.plan.roster.people.values().map(|p| (&*p.id, &*p.name)).collect();
    let expect = [("ana.ruiz", "Ana Ruiz"), ("ben-day", "Ben Day"), ("cai-lu", "Cai Lu")];
    assert_eq!(people, expect);
    assert!(
        file(&rota).contains("# as an event is called: correct it\n[[people]]\nid = \"ben-day\"")
    );
}

#[test]
fn a_calendar_of_nobody_says_what_is_missing() {
    let rota = imported(&[]);
    assert!(said(&rota).contains("its events name nobody: add [[people]]"), "{}", said(&rota));
    loaded(&rota, at("2026-11-23T09:00:00Z"));
}
