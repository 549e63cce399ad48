mod properties;

use chrono_tz::{America, Asia, Europe};
use rstest::rstest;

use super::*;
use crate::domain::time::Rule;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn time(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn year() -> Interval {
    Interval::new(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"))
}

/// A calendar with these lines between its own.
fn calendar(lines: &[&str]) -> Calendar {
    let text =
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}\r\nEND:VCALENDAR\r\n", lines.join("\r\n"));
    read(&text, Europe::Berlin)
}

/// One event with these lines.
fn event(lines: &[&str]) -> Calendar {
    calendar(&[&["BEGIN:VEVENT", "UID:1", "SUMMARY:Night shift"], lines, &["END:VEVENT"]].concat())
}

fn shown(calendar: &Calendar) -> Vec<String> {
    let hour = |at: Instant| at.format("%m-%dT%H:%M").to_string();
    let list = calendar.occurrences(year(), 1_000).list;
    list.iter()
        .map(|o| format!("{}/{} {}", hour(o.at.from), hour(o.at.to), o.event.summary))
        .collect()
}

fn problems(calendar: &Calendar) -> Vec<String> {
    calendar.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn an_event_has_its_texts_people_and_times() {
    let calendar = calendar(&[
        "X-WR-CALNAME:On call\\, all teams",
        "BEGIN:VEVENT",
        "UID:abc@example.org",
        "SUMMARY:Night \u{1b}[31mshift",
        "DESCRIPTION:Line one\\nline\\, two is fol",
        " ded",
        "LOCATION:Room 5",
        "STATUS:TENTATIVE",
        "CATEGORIES:on-call,team\\, night",
        "ORGANIZER;CN=\"Díaz, Ana\":MAILTO:ana@example.org",
        "ATTENDEE;PARTSTAT=ACCEPTED;CN=Luis:mailto:luis@example.org",
        "DTSTART;TZID=Europe/Berlin:20261124T220000",
        "DTEND;TZID=Europe/Berlin:20261125T060000",
        "BEGIN:VALARM",
        "TRIGGER:-PT15M",
        "SUMMARY:not this one",
        "END:VALARM",
        "END:VEVENT",
    ]);
    assert_eq!(problems(&calendar), [""; 0]);
    assert_eq!(calendar.name, "On call, all teams");
    let event = &calendar.events[0];
    assert_eq!(event.summary, "Night shift");
    assert_eq!(event.description, "Line one\nline, two is folded");
    assert_eq!(event.categories, ["on-call", "team, night"]);
    assert_eq!(event.organizer.as_ref().unwrap().name, "Díaz, Ana");
    assert_eq!(event.organizer.as_ref().unwrap().address, "ana@example.org");
    assert_eq!(event.attendees[0].address, "luis@example.org");
    assert_eq!(event.status, Some(Status::Tentative));
    assert_eq!(shown(&calendar), ["11-24T21:00/11-25T05:00 Night shift"]);
}

#[rstest]
#[case(&["DTSTART:20261124T090000Z", "DTEND:20261124T100000Z"], "11-24T09:00/11-24T10:00")]
#[case(&["DTSTART:20261124T090000", "DURATION:PT1H30M"], "11-24T08:00/11-24T09:30")]
#[case(&["DTSTART;TZID=America/New_York:20261124T090000"], "11-24T14:00/11-24T14:00")]
#[case(&["DTSTART;VALUE=DATE:20261124"], "11-23T23:00/11-24T23:00")]
#[case(&["DTSTART;VALUE=DATE:20261124", "DTEND;VALUE=DATE:20261126"], "11-23T23:00/11-25T23:00")]
#[case(&["DTSTART;VALUE=DATE:20261124", "DTEND;VALUE=DATE:20261124"], "11-23T23:00/11-24T23:00")]
#[case(&["DTSTART:20261124", "DURATION:P1W"], "11-23T23:00/11-30T23:00")]
// Days are those of the calendar: this one has 23 hours.
#[case(&["DTSTART;VALUE=DATE:20260329"], "03-28T23:00/03-29T22:00")]
#[case(&["DTSTART;TZID=Europe/Berlin:20260328T090000", "DURATION:P1D"], "03-28T08:00/03-29T07:00")]
#[case(&["DTSTART;TZID=Europe/Rome:20260328T090000", "DURATION:PT24H"], "03-28T08:00/03-29T08:00")]
fn times_are_days_local_utc_or_of_a_zone(#[case] lines: &[&str], #[case] expect: &str) {
    let calendar = event(lines);
    assert_eq!(problems(&calendar), [""; 0]);
    assert_eq!(shown(&calendar), [format!("{expect} Night shift")]);
}

#[rstest]
#[case(&[], 3, "it has no DTSTART")]
#[case(
    &["DTSTART:tomorrow"],
    6,
    "DTSTART: \"tomorrow\" is no day or time such as 20261124 or 20261124T090000"
)]
#[case(
    &["DTSTART;TZID=Mars/Olympus:20261124T090000"],
    6,
    "DTSTART: no zone \"Mars/Olympus\"; use a name such as Europe/Berlin"
)]
#[case(&["DTSTART:20261124T090000Z", "DTEND:20261124T080000Z"], 7, "DTEND: it is before DTSTART")]
#[case(
    &["DTSTART:20261124T090000Z", "DURATION:-PT1H"],
    7,
    "DURATION: it is no length from 0 to 100 years, such as PT8H"
)]
#[case(
    &["DTSTART:20261124T090000Z", "RRULE:FREQ=SECONDLY"],
    7,
    "RRULE: FREQ=SECONDLY: it is too often for a calendar; \
     use HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY"
)]
#[case(
    &["DTSTART:20261124T090000Z", "RRULE:FREQ=DAILY", "RRULE:FREQ=DAILY"],
    8,
    "RRULE: there are two of them"
)]
#[case(
    &["DTSTART:20261124T090000Z", "EXRULE:FREQ=DAILY"],
    7,
    "EXRULE: RFC 5545 has it no more; use EXDATE"
)]
#[case(&["DTSTART 20261124T090000Z"], 6, "\"DTSTART 20261124T090000Z\" is no NAME:VALUE")]
fn an_event_that_is_wrong_is_left_out_with_line_and_reason(
    #[case] lines: &[&str],
    #[case] line: usize,
    #[case] why: &str,
) {
    let calendar = event(lines);
    assert!(calendar.events.is_empty());
    let expect = format!("line {line}: VEVENT \"Night shift\" is left out: {why}");
    assert_eq!(problems(&calendar), [expect]);
}

#[rstest]
#[case("BEGIN:VALARM", "line 7: VALARM is left out: there is no END before line 8")]
#[case("END:VALARM", "line 7: END:VALARM is left out: it ends nothing")]
#[case(
    "RDATE;VALUE=PERIOD:20261125T090000Z/PT1H",
    "line 7: VEVENT \"Night shift\": RDATE: of its periods only the starts are used"
)]
#[case(
    "RECURRENCE-ID;RANGE=THISANDFUTURE:20261124T090000Z",
    "line 7: VEVENT \"Night shift\": RECURRENCE-ID: RANGE is not done; \
     it changes one occurrence alone"
)]
fn what_does_not_hinder_is_said_and_the_event_is_used(#[case] line: &str, #[case] expect: &str) {
    let calendar = event(&["DTSTART:20261124T090000Z", line]);
    assert_eq!(calendar.events.len(), 1);
    assert_eq!(problems(&calendar), [expect]);
}

#[test]
fn a_broken_event_takes_no_other_with_it() {
    let good = ["BEGIN:VEVENT", "UID:2", "SUMMARY:Good", "DTSTART:20261124T090000Z", "END:VEVENT"];
    let bad = ["BEGIN:VEVENT", "SUMMARY:Bad", "DTSTART:20261124T090000Z"];
    let calendar = calendar(&[&good[..], &bad, &good, &bad].concat());
    assert_eq!(calendar.events.len(), 2);
    let expect = [
        "line 8: VEVENT is left out: there is no END before line 11",
        "line 16: VEVENT is left out: there is no END before line 19",
    ];
    assert_eq!(problems(&calendar), expect);
}

#[test]
fn a_file_that_is_cut_short_gives_what_it_has() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20261124T090000Z\nEND:VEVENT\n\
                BEGIN:VEVENT\nUID";
    let calendar = read(text, Tz::UTC);
    assert_eq!(calendar.events.len(), 1);
    let expect = [
        "line 1: VCALENDAR: the file ends inside it",
        "line 6: VEVENT is left out: the file ends inside it",
    ];
    assert_eq!(problems(&calendar), expect);
}

#[test]
fn what_is_no_calendar_is_one_problem() {
    let page = "<html>\n".repeat(1_000);
    let expect =
        "line 1: the file is left out: it does not begin with BEGIN:VCALENDAR; is it a calendar?";
    assert_eq!(problems(&read(&page, Tz::UTC)), [expect]);
    assert_eq!(read("", Tz::UTC).events, []);
}

#[test]
fn occurrences_are_moved_changed_cancelled_and_excepted() {
    let calendar = calendar(&[
        "BEGIN:VEVENT",
        "UID:1",
        "SUMMARY:Ana",
        "DTSTART;TZID=Europe/Berlin:20261123T090000",
        "DURATION:PT8H",
        "RRULE:FREQ=DAILY;COUNT=6",
        "EXDATE;TZID=Europe/Berlin:20261124T090000",
        "RDATE:20261130T080000Z",
        "END:VEVENT",
        // Moved to another day and person, named in UTC.
        "BEGIN:VEVENT",
        "UID:1",
        "RECURRENCE-ID:20261125T080000Z",
        "SUMMARY:Luis",
        "DTSTART;TZID=Europe/Berlin:20261125T100000",
        "DURATION:PT2H",
        "SEQUENCE:2",
        "END:VEVENT",
        // An older version of the same.
        "BEGIN:VEVENT",
        "UID:1",
        "RECURRENCE-ID;TZID=Europe/Berlin:20261125T090000",
        "SUMMARY:Eva",
        "DTSTART;TZID=Europe/Berlin:20261125T110000",
        "SEQUENCE:1",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "UID:1",
        "RECURRENCE-ID;TZID=Europe/Berlin:20261126T090000",
        "STATUS:CANCELLED",
        "END:VEVENT",
        // Another series: not concerned.
        "BEGIN:VEVENT",
        "UID:2",
        "SUMMARY:Eva",
        "DTSTART;TZID=Europe/Berlin:20261126T090000",
        "DURATION:PT1H",
        "END:VEVENT",
    ]);
    assert_eq!(problems(&calendar), [""; 0]);
    let expect = [
        "11-23T08:00/11-23T16:00 Ana",
        "11-25T09:00/11-25T11:00 Luis",
        "11-26T08:00/11-26T09:00 Eva",
        "11-27T08:00/11-27T16:00 Ana",
        "11-28T08:00/11-28T16:00 Ana",
        "11-30T08:00/11-30T16:00 Ana",
    ];
    assert_eq!(shown(&calendar), expect);
}

#[test]
fn what_began_before_the_interval_is_in_it_and_what_is_cut_is_said() {
    let calendar = event(&["DTSTART:20251230T090000Z", "DURATION:P3D", "RRULE:FREQ=WEEKLY"]);
    let found = calendar.occurrences(year(), 3);
    assert_eq!(found.list[0].at.from, at("2025-12-30T09:00:00Z"));
    assert_eq!((found.list.len(), found.is_complete), (3, false));
    let found = calendar.occurrences(year(), 53);
    assert_eq!((found.list.len(), found.is_complete), (53, true));
}

#[rstest]
#[case("Europe/Berlin", &[], Some(Europe::Berlin))]
#[case("europe/berlin", &[], Some(Europe::Berlin))]
#[case("/mozilla.org/20050126_1/America/Argentina/Ushuaia", &[], Some(America::Argentina::Ushuaia))]
#[case("W. Europe Standard Time", &[], Some(Europe::Berlin))]
#[case("Berlin here", &["X-LIC-LOCATION:Europe/Berlin"], Some(Europe::Berlin))]
#[case(
    "India",
    &["BEGIN:STANDARD", "DTSTART:16010101T000000", "TZOFFSETFROM:+0530", "TZOFFSETTO:+0530", "END:STANDARD"],
    Some(Asia::Calcutta)
)]
#[case(
    "Nowhere",
    &["BEGIN:STANDARD", "DTSTART:16010101T000000", "TZOFFSETFROM:+0123", "TZOFFSETTO:+0123", "END:STANDARD"],
    None
)]
#[case("Nothing", &[], None)]
fn zones_are_found_by_name_or_by_their_clocks(
    #[case] id: &str,
    #[case] lines: &[&str],
    #[case] expect: Option<Tz>,
) {
    let id_line = format!("TZID:{id}");
    let start = format!("DTSTART;TZID=\"{id}\":20260701T090000");
    let zone = [&["BEGIN:VTIMEZONE", &id_line], lines, &["END:VTIMEZONE"]].concat();
    let event = ["BEGIN:VEVENT", "UID:1", &start, "END:VEVENT"];
    let calendar = calendar(&[&zone[..], &event].concat());
    let now = |zone: Tz| zone::instant(time("2026-07-01T09:00:00"), zone);
    let found = calendar.events.first().map(|e| e.when.zone);
    assert_eq!(found.map(now), expect.map(now), "{:?}", problems(&calendar));
}

#[test]
fn the_rules_of_a_zone_without_a_name_are_followed() {
    let calendar = calendar(&[
        "BEGIN:VTIMEZONE",
        "TZID:Customized Time Zone",
        "BEGIN:STANDARD",
        "DTSTART:16010101T030000",
        "TZOFFSETFROM:+0200",
        "TZOFFSETTO:+0100",
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
        "END:STANDARD",
        "BEGIN:DAYLIGHT",
        "DTSTART:16010101T020000",
        "TZOFFSETFROM:+0100",
        "TZOFFSETTO:+0200",
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
        "END:DAYLIGHT",
        "END:VTIMEZONE",
        "BEGIN:VEVENT",
        "SUMMARY:x",
        "DTSTART;TZID=Customized Time Zone:20260101T090000",
        "RRULE:FREQ=MONTHLY;INTERVAL=6;COUNT=2",
        "END:VEVENT",
    ]);
    assert_eq!(problems(&calendar), [""; 0]);
    assert_eq!(shown(&calendar), ["01-01T08:00/01-01T08:00 x", "07-01T07:00/07-01T07:00 x"]);
}

fn series(zone: Tz, rule: &str) -> Recurrence {
    let rule = Some(Rule::parse(rule).unwrap());
    Recurrence { rule, ..Recurrence::once(time("2026-11-23T09:00:00"), zone) }
}

#[test]
fn a_calendar_is_written_as_others_read_it() {
    let mut calendar = Calendar::new("On call", Europe::Berlin);
    let mut weekly =
        Event::new("a@atalaya", "Ana", series(Europe::Berlin, "FREQ=WEEKLY"), Length::days(7));
    weekly.when.except.push(time("2026-12-21T09:00:00"));
    weekly
        .attendees
        .push(Party { name: "Ana \"A\" Díaz".to_owned(), address: "ana@example.org".to_owned() });
    let mut moved = Event::new(
        "a@atalaya",
        "Luis; swapped, for once",
        Recurrence::once(time("2026-12-01T09:00:00"), Europe::Berlin),
        Length::days(6),
    );
    moved.replaces = Some(time("2026-11-30T09:00:00"));
    let once = Event::new(
        "b@atalaya",
        "Review",
        Recurrence::once(time("2026-11-23T14:00:00"), Tz::UTC),
        Length::seconds(3_600),
    );
    let mut holiday = Event::new(
        "c@atalaya",
        "Christmas",
        Recurrence::once(time("2026-12-25T00:00:00"), Europe::Berlin),
        Length::days(2),
    );
    holiday.all_day = true;
    holiday.status = Some(Status::Confirmed);
    calendar.events = vec![weekly, moved, once, holiday];
    let written = calendar.write(at("2026-11-20T12:00:00Z"));
    let events = written.split_once("END:VTIMEZONE\r\n").unwrap().1.replace("\r\n", "\n");
    let expect = "\
BEGIN:VEVENT
UID:a@atalaya
DTSTAMP:20261120T120000Z
DTSTART;TZID=Europe/Berlin:20261123T090000
DURATION:P7D
RRULE:FREQ=WEEKLY
EXDATE;TZID=Europe/Berlin:20261221T090000
SUMMARY:Ana
ATTENDEE;CN=\"Ana ^'A^' Díaz\":mailto:ana@example.org
END:VEVENT
BEGIN:VEVENT
UID:a@atalaya
DTSTAMP:20261120T120000Z
RECURRENCE-ID;TZID=Europe/Berlin:20261130T090000
DTSTART;TZID=Europe/Berlin:20261201T090000
DURATION:P6D
SUMMARY:Luis\\; swapped\\, for once
END:VEVENT
BEGIN:VEVENT
UID:b@atalaya
DTSTAMP:20261120T120000Z
DTSTART:20261123T140000Z
DTEND:20261123T150000Z
SUMMARY:Review
END:VEVENT
BEGIN:VEVENT
UID:c@atalaya
DTSTAMP:20261120T120000Z
DTSTART;VALUE=DATE:20261225
DTEND;VALUE=DATE:20261227
SUMMARY:Christmas
STATUS:CONFIRMED
END:VEVENT
END:VCALENDAR
";
    assert_eq!(events, expect);
    assert!(
        written.contains("TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\n"),
        "{written}"
    );
    assert!(
        written.contains("BEGIN:DAYLIGHT\r\nDTSTART:20260329T020000\r\nRDATE:20270328T020000,")
    );
    assert_eq!(read(&written, Tz::UTC), calendar);
}

#[test]
fn the_zone_that_is_written_is_found_by_its_clocks_alone() {
    for zone in [
        Europe::Berlin,
        America::New_York,
        chrono_tz::Africa::Casablanca,
        chrono_tz::Australia::Lord_Howe,
    ] {
        let mut calendar = Calendar::new("", zone);
        calendar.events.push(Event::new(
            "1",
            "x",
            series(zone, "FREQ=HOURLY;INTERVAL=5;COUNT=2000"),
            Length::default(),
        ));
        let nameless = calendar.write(at("2026-11-20T12:00:00Z")).replace(zone.name(), "Ours");
        let read = read(&nameless, Tz::UTC);
        assert_eq!(problems(&read), [""; 0], "{nameless}");
        let starts = |c: &Calendar| c.events[0].when.next(at("2026-01-01T00:00:00Z"), 2_000);
        assert_eq!(starts(&read), starts(&calendar), "{zone}");
    }
}

#[test]
fn hostile_calendars_end_soon_and_harm_nothing() {
    let repeat = |text: &str| text.repeat((4 << 20) / text.len());
    let event = "BEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART:10000101T090000\n\
                 RRULE:FREQ=DAILY;BYDAY=MO;COUNT=4000000000\nEND:VEVENT\n";
    let zone = "BEGIN:VTIMEZONE\nTZID:a\nBEGIN:STANDARD\nDTSTART:16010101T000000\n\
                TZOFFSETFROM:+0123\nTZOFFSETTO:+0124\nRRULE:FREQ=HOURLY\nEND:STANDARD\n\
                END:VTIMEZONE\n";
    let bodies = [
        repeat("BEGIN:VEVENT\n"),
        repeat("BEGIN:A\n"),
        repeat("END:A\n"),
        repeat(event),
        repeat(zone),
        format!("BEGIN:VEVENT\nDTSTART:20260101\nRDATE:{}\nEND:VEVENT\n", repeat("20260101,")),
        format!("BEGIN:VEVENT\nDTSTART:20260101\n{}END:VEVENT\n", repeat("EXDATE:20260101\n")),
        format!("BEGIN:VEVENT\nDTSTART:20260101\nSUMMARY:{}\nEND:VEVENT\n", repeat("\u{1b}]")),
        format!("BEGIN:VEVENT\nDTSTART:20260101\nATTENDEE{}:x\nEND:VEVENT\n", repeat(";A=B")),
        repeat(" \n \t\n"),
        repeat("\r\r\n"),
    ];
    for body in bodies {
        let begun = std::time::Instant::now();
        let calendar = read(&format!("BEGIN:VCALENDAR\n{body}END:VCALENDAR\n"), Europe::Berlin);
        calendar.occurrences(year(), 1_000);
        assert!(calendar.problems.len() <= 101);
        let start = &body[..body.floor_char_boundary(60)];
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(30),
            "{start}: {:?}",
            begun.elapsed()
        );
    }
}
