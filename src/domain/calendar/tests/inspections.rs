//! How inspections recur, stand and fail.

use super::super::inspections::{Standing, next_due, report, standing};
use super::*;

fn inspection(starts: &[&str], basis: Basis) -> Window {
    let mut window = window("ups", Kind::Inspection, starts[0], 8);
    window.summary = "UPS inspection".into();
    window.recurrence = on(starts);
    window.mutes = false;
    window.inspection = Some(Inspection { basis, grace: 2 * 86_400 });
    let item =
        |text: &str, unit: Option<&str>| Item { text: text.into(), unit: unit.map(Into::into) };
    window.checklist = vec![item("battery test", None), item("temperature", Some("°C"))];
    window
}

fn done(book: &mut Book, key: &Key, battery: CheckResult, now: &str) {
    book.act("luis", key, Action::Start, now).unwrap();
    let note = "cell 3 is swollen".to_owned();
    book.act("luis", key, Action::Check { item: 0, result: battery, note }, now).unwrap();
    let value = CheckResult::Value { value: 31.5 };
    book.act("luis", key, Action::Check { item: 1, result: value, note: String::new() }, now)
        .unwrap();
    let code = match battery {
        CheckResult::Fail => finish(ClosureCode::WithIssues, "battery"),
        _ => finish(ClosureCode::Successful, ""),
    };
    book.act("luis", key, code, now).unwrap();
}

fn stands(book: &Book, key: &Key, now: &str) -> &'static str {
    standing(&book.see(key, now), at(now)).word()
}

fn next(book: &Book, now: &str) -> String {
    let version = book.calendar.windows().next().unwrap();
    let at = next_due(version, book.calendar.records(), at(now)).unwrap();
    zone::local(at, Europe::Madrid).format("%Y-%m-%d %H:%M").to_string()
}

const QUARTERS: [&str; 3] = ["2026-02-02 08:00", "2026-05-04 08:00", "2026-08-03 08:00"];

#[test]
fn one_that_nobody_does_is_due_then_late_then_missed() {
    let mut book = Book::new(vec![inspection(&QUARTERS, Basis::Scheduled)]);
    let first = key("ups", QUARTERS[0]);
    assert_eq!(stands(&book, &first, "2026-02-02 07:59"), "upcoming");
    assert_eq!(stands(&book, &first, "2026-02-02 08:00"), "due");
    assert_eq!(stands(&book, &first, "2026-02-02 16:00"), "late");
    assert_eq!(stands(&book, &first, "2026-02-04 16:00"), "missed");
    assert_eq!(next(&book, "2026-02-04 16:00"), QUARTERS[1]);
    done(&mut book, &first, CheckResult::Pass, "2026-02-05 10:00");
    assert_eq!(stands(&book, &first, "2026-02-05 10:00"), "passed", "late, but done");
    // By schedule: whenever it was done.
    assert_eq!(next(&book, "2026-02-05 10:00"), QUARTERS[1]);
}

#[test]
fn by_completion_the_next_is_counted_from_the_last() {
    let basis = Basis::Completed { months: 3, days: 0 };
    let mut book = Book::new(vec![inspection(&QUARTERS[..1], basis)]);
    assert_eq!(next(&book, "2026-01-01 00:00"), "2026-02-02 08:00");
    assert_eq!(next(&book, "2026-03-01 00:00"), "2026-02-02 08:00", "still open");
    done(&mut book, &key("ups", QUARTERS[0]), CheckResult::Pass, "2026-03-10 17:30");
    assert_eq!(next(&book, "2026-03-11 00:00"), "2026-06-10 08:00");
    let second = key("ups", "2026-06-10 08:00");
    let skip = Action::Cancel { reason: "site is closed".to_owned() };
    book.act("luis", &second, skip, "2026-06-01 00:00").unwrap();
    assert_eq!(next(&book, "2026-06-01 00:00"), "2026-09-10 08:00");
    assert_eq!(
        book.list("2026-01-01 00:00", "2027-01-01 00:00", "2026-06-01 00:00"),
        [
            "02 08:00 - 02 16:00 completed",
            "10 08:00 - 10 16:00 cancelled",
            "10 08:00 - 10 16:00 approved"
        ]
    );
}

#[test]
fn a_failed_item_becomes_a_report() {
    let mut book = Book::new(vec![inspection(&QUARTERS, Basis::Scheduled)]);
    let first = key("ups", QUARTERS[0]);
    done(&mut book, &first, CheckResult::Fail, "2026-02-02 10:00");
    let one = book.see(&first, "2026-02-02 10:00");
    assert_eq!(standing(&one, at("2026-02-02 10:00")), Standing::Failed);
    let found = report(&one, 0).unwrap();
    assert_eq!(found.title, "Inspection failed: battery test");
    assert_eq!(
        found.text,
        "Failed at 2026-02-02 10:00 in UPS inspection, found by luis.\ncell 3 is swollen"
    );
    assert_eq!(found.service, Some(ServiceId::new("checkout")));
    assert_eq!(report(&one, 1), None);
}

#[test]
fn it_cannot_be_closed_before_everything_is_checked() {
    let mut book = Book::new(vec![inspection(&QUARTERS, Basis::Scheduled)]);
    let first = key("ups", QUARTERS[0]);
    book.act("luis", &first, Action::Start, "2026-02-02 10:00").unwrap();
    assert_eq!(
        book.act("luis", &first, finish(ClosureCode::Successful, ""), "2026-02-02 10:00"),
        refused("\"battery test\" is not checked; check it first")
    );
}
