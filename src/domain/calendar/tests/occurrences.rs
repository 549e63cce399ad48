//! Which occurrences an interval has, and where they stand.

use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::domain::matcher::Labels;
use crate::domain::time::recurrence::Start;

#[test]
fn hours_elapse_and_days_end_at_the_same_local_time() {
    // Clocks go forward on 2026-03-29 at 02:00.
    let planned = |length: Length| {
        let start = local("2026-03-28 23:00");
        let start = Start { at: at("2026-03-28 23:00"), local: start };
        shown(Interval::new(start.at, length.after(start, Europe::Madrid)))
    };
    assert_eq!(planned(Length::hours(4)), "28 23:00 - 29 04:00");
    assert_eq!(planned(Length::days(1)), "28 23:00 - 29 23:00");
    assert_eq!(planned(Length { days: 1, seconds: 3_600 }), "28 23:00 - 30 00:00");
    assert_eq!(planned(Length::hours(24)), "28 23:00 - 30 00:00");
}

#[test]
fn what_began_before_the_interval_and_reaches_into_it_is_there() {
    let book = Book::new(vec![standard(window("long", Kind::Update, "2026-11-10 12:00", 48))]);
    let list = |from, to| book.list(from, to, "2026-11-01 00:00");
    let expect = ["10 12:00 - 12 12:00 approved"];
    assert_eq!(list("2026-11-12 11:00", "2026-11-13 00:00"), expect);
    assert_eq!(list("2026-11-12 12:00", "2026-11-13 00:00"), [""; 0]);
    assert_eq!(list("2026-11-09 00:00", "2026-11-10 12:00"), [""; 0]);
}

#[test]
fn amended_ones_stand_where_the_calendar_moved_them_and_cancelled_ones_say_so() {
    let mut weekly = standard(window("weekly", Kind::Update, "2026-11-03 22:00", 2));
    weekly.recurrence = on(&["2026-11-03 22:00", "2026-11-10 22:00", "2026-12-29 22:00"]);
    let moved = |start, length| Amendment::Moved(Moved { start: local(start), length });
    weekly.amended.insert(local("2026-11-03 22:00"), Amendment::Cancelled);
    weekly
        .amended
        .insert(local("2026-12-29 22:00"), moved("2026-11-18 08:00", Some(Length::minutes(30))));
    // No occurrence of the series: nothing to move.
    weekly.amended.insert(local("2026-11-04 22:00"), moved("2026-11-19 08:00", None));
    let mut book = Book::new(vec![weekly]);
    let list = |book: &Book| book.list("2026-11-01 00:00", "2026-12-01 00:00", "2026-11-01 00:00");
    assert_eq!(
        list(&book),
        [
            "03 22:00 - 04 00:00 cancelled",
            "10 22:00 - 11 00:00 approved",
            "18 08:00 - 18 08:30 approved"
        ]
    );
    assert_eq!(book.list("2026-12-01 00:00", "2027-01-01 00:00", "2026-11-01 00:00"), [""; 0]);
    // A person's move wins over the calendar's.
    let to = Action::Move { to: local("2026-11-20 08:00"), length: None };
    book.act("luis", &key("weekly", "2026-12-29 22:00"), to, "2026-11-01 00:00").unwrap();
    assert_eq!(list(&book)[2], "20 08:00 - 20 10:00 approved");
}

#[test]
fn what_overruns_reaches_to_now() {
    let mut book = Book::new(vec![standard(window("w", Kind::Update, "2026-11-10 22:00", 2))]);
    let key = key("w", "2026-11-10 22:00");
    book.act("luis", &key, Action::Start, "2026-11-10 22:00").unwrap();
    let on_the_12th = |book: &Book, now| {
        let found =
            book.calendar.occurrences(between("2026-11-12 00:00", "2026-11-13 00:00"), at(now));
        found.iter().map(|o| o.overrun).collect::<Vec<_>>()
    };
    assert_eq!(on_the_12th(&book, "2026-11-11 12:00"), [false; 0]);
    assert_eq!(on_the_12th(&book, "2026-11-12 12:00"), [true]);
    book.act("luis", &key, finish(ClosureCode::Successful, ""), "2026-11-12 12:00").unwrap();
    assert_eq!(on_the_12th(&book, "2026-11-20 12:00"), [false]);
}

#[test]
fn the_owner_is_asked_in_time_and_once() {
    let mut change = standard(window("w", Kind::Upgrade, "2026-11-10 22:00", 2));
    change.owner = Some("luis".into());
    change.back_out = Some(BackOut { plan: "snapshot".into(), decide_after: 4_500 });
    let mut book = Book::new(vec![change]);
    let key = key("w", "2026-11-10 22:00");
    let due = |book: &Book, now: &str| -> Vec<String> {
        let around = between("2026-11-01 00:00", "2026-12-01 00:00");
        let due = prompts::due(&book.calendar.occurrences(around, at(now)), at(now));
        let time = |at| zone::local(at, Europe::Madrid).format("%H:%M").to_string();
        due.iter().map(|d| format!("{} {:?} {}", time(d.at), d.prompt, d.whom)).collect()
    };
    let by_itself = ["23:15 BackOutDecision luis", "23:50 EndsSoon luis"];
    assert_eq!(due(&book, "2026-11-09 12:00"), by_itself, "known long before");
    book.act("luis", &key, Action::Start, "2026-11-10 22:00").unwrap();
    let all = [by_itself[0], by_itself[1], "00:00 Overrun luis"];
    assert_eq!(due(&book, "2026-11-10 22:00"), all);
    let ask = |prompt, due| Action::Ask { prompt, due: at(due) };
    let decision = ask(prompts::Prompt::BackOutDecision, "2026-11-10 23:15");
    book.console(&key, decision, "2026-11-10 23:15").unwrap();
    let soon = ask(prompts::Prompt::EndsSoon, "2026-11-10 23:50");
    book.console(&key, soon, "2026-11-10 23:50").unwrap();
    assert_eq!(due(&book, "2026-11-10 23:50"), ["00:00 Overrun luis"]);
    book.act("luis", &key, Action::Extend { by: TimeDelta::hours(1) }, "2026-11-10 23:55").unwrap();
    assert_eq!(due(&book, "2026-11-10 23:55"), ["00:50 EndsSoon luis", "01:00 Overrun luis"]);
    assert_eq!(due(&book, "2026-11-11 01:30"), ["01:00 Overrun luis"], "too late for the other");
    book.act("luis", &key, finish(ClosureCode::Successful, ""), "2026-11-11 01:30").unwrap();
    assert_eq!(due(&book, "2026-11-11 01:30"), [""; 0]);
}

fn hours(from: i64, length: u32) -> Window {
    let start = local("2026-01-01 00:00") + TimeDelta::hours(from);
    let mut window =
        Window::new("w", Kind::Update, Recurrence::once(start, Tz::UTC), Length::hours(length));
    window.change_type = ChangeType::Standard;
    window
}

proptest! {
    /// Asking for two halves finds what asking for the whole finds.
    #[test]
    fn an_interval_has_what_its_halves_have(
        windows in prop::collection::vec((0_i64..200, 1_u32..40, prop::option::of(-100_i64..300)), 0..20),
        (from, middle, to) in (0_i64..70, 70_i64..140, 140_i64..220),
    ) {
        let versions: Vec<_> = windows.iter().enumerate().map(|(i, (from, length, moved))| {
            let mut window = hours(*from, *length);
            window.id = WindowId::new(&i.to_string());
            if let Some(to) = moved {
                let start = local("2026-01-01 00:00") + TimeDelta::hours(*to);
                let moved = Amendment::Moved(Moved { start, length: None });
                window.amended.insert(window.recurrence.start, moved);
            }
            Version::planned(Arc::new(window))
        }).collect();
        let hour = |h| local("2026-01-01 00:00").and_utc() + TimeDelta::hours(h);
        let (records, now) = (Records::default(), hour(100));
        let find = |from, to| {
            let found = occurrences(&versions, &records, Interval::new(hour(from), hour(to)), now);
            found.into_iter().map(|o| (o.planned, o.key)).collect::<std::collections::BTreeSet<_>>()
        };
        let whole = find(from, to);
        let halves: std::collections::BTreeSet<_> =
            find(from, middle).union(&find(middle, to)).cloned().collect();
        prop_assert_eq!(&whole, &halves);
        for (planned, _) in &whole {
            prop_assert!(planned.overlap(Interval::new(hour(from), hour(to))).is_some());
        }
        let expect = versions.iter().filter(|v| {
            let w = &v.window;
            let start = match w.amended.values().next() {
                Some(Amendment::Moved(moved)) => moved.start,
                _ => w.recurrence.start,
            };
            w.planned(start, w.length).overlap(Interval::new(hour(from), hour(to))).is_some()
        });
        prop_assert_eq!(whole.len(), expect.count());
    }
}

proptest! {
    #[test]
    fn a_length_reads_as_it_is_written(days in 0_u32..400, seconds in 0_u32..400_000) {
        for length in [Length::days(days), Length { days: 0, seconds }] {
            prop_assume!(!length.is_zero());
            prop_assert_eq!(Length::parse(&length.to_string()), Some(length));
        }
    }
}

#[test]
fn what_touches_a_service_is_found_without_looking_at_the_rest() {
    let mut mail = standard(window("mail", Kind::Update, "2026-11-10 12:00", 2));
    mail.scope.services = vec![ServiceId::new("mail")];
    let db = standard(window("db", Kind::Update, "2026-11-10 13:00", 2));
    let book = Book::new(vec![mail, db]);
    let within = between("2026-11-10 00:00", "2026-11-11 00:00");
    let of = |service: &str| {
        let (service, labels) = (ServiceId::new(service), Labels::new());
        let now = at("2026-11-09 00:00");
        let found = book.calendar.touching((Some(&service), &labels), within, now);
        found.into_iter().map(|one| one.key.window.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of("mail"), ["mail"]);
    assert_eq!(of("nothing"), [""; 0]);
}
