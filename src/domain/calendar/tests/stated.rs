//! What events of a calendar mean as windows, and that what is written is read as it was.

use proptest::prelude::*;
use rstest::rstest;

use super::super::exchange;
use super::super::stated::{Stated, Terms, stated};
use super::*;
use crate::domain::ical;
use crate::domain::matcher::Matchers;
use crate::domain::observation::SourceName;
use crate::domain::roster::stated::Callings;
use crate::domain::time::Rule;

fn source() -> SourceName {
    "cab".into()
}

fn terms() -> Terms {
    let mut terms = Terms::new(Kind::Maintenance);
    terms.scope.services = vec![ServiceId::new("checkout")];
    terms.name_service("Orders database", &ServiceId::new("db-main"));
    terms.name_service("db-main", &ServiceId::new("db-main"));
    terms.name_service("twin", &ServiceId::new("twin-1"));
    terms.name_service("twin", &ServiceId::new("twin-2"));
    terms
}

fn callings() -> Callings {
    let person = |id: &str, email: &str| {
        let person = Arc::unwrap_or_clone(super::person(id, id, &[]));
        Person { email: Some(email.into()), ..person }
    };
    Callings::new(
        &[person("ana", "ana@acme.example"), person("luis", "luis@acme.example")],
        &[].into(),
    )
}

/// Reads events that are written without what all have.
fn read(events: &str, terms: &Terms) -> Stated {
    let text = format!("BEGIN:VCALENDAR\n{events}\nEND:VCALENDAR\n");
    let calendar = ical::read(&text, Europe::Madrid);
    stated(&calendar, &source(), terms, &callings(), at("2026-11-24 12:00"))
}

fn event(lines: &str) -> String {
    format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT\n")
}

/// The only window, of a calendar without trouble.
fn only(lines: &str, terms: &Terms) -> Arc<Window> {
    let stated = read(&event(lines), terms);
    assert_eq!(stated.warnings, [""; 0]);
    let [window] = stated.windows.as_slice() else { panic!("{stated:?}") };
    Arc::clone(window)
}

/// Why the only event is no window.
fn trouble(lines: &str) -> String {
    let stated = read(&event(lines), &terms());
    assert_eq!(stated.windows, []);
    let [warning] = stated.warnings.as_slice() else { panic!("{stated:?}") };
    warning.clone()
}

/// `22:00 - 23:00` of each occurrence of the next two weeks that is not cancelled.
fn times(stated: &Stated) -> Vec<String> {
    let mut calendar = Calendar::default();
    calendar.set_imported(&source(), &stated.windows.clone().into(), at("2026-11-24 12:00"));
    let all = calendar
        .occurrences(between("2026-11-24 00:00", "2026-12-08 00:00"), at("2026-11-24 12:00"));
    let all = all.into_iter().filter(|one| one.status != Status::Cancelled);
    all.map(|one| shown(one.planned)).collect()
}

const TIMES: &str =
    "DTSTART;TZID=Europe/Madrid:20261125T220000\nDTEND;TZID=Europe/Madrid:20261126T000000";

#[test]
fn an_event_is_a_window_on_the_terms_of_its_source() {
    let window = only(&format!("UID:1@x\nSUMMARY:Patch\n{TIMES}"), &terms());
    assert_eq!(&*window.id.0, "cab#1@x");
    assert_eq!(window.id.calendar(), Some("cab"));
    assert_eq!((&*window.summary, window.kind), ("Patch", Kind::Maintenance));
    assert_eq!(window.scope.services, [ServiceId::new("checkout")]);
    assert!(window.mutes && window.sla_relevant && window.needs_approval());
    let own = Terms {
        mutes: Some(false),
        owner: Some("mia".into()),
        approver: Some("cab".into()),
        ..terms()
    };
    let window = only(&format!("UID:1@x\nSUMMARY:Patch\n{TIMES}"), &own);
    assert!(!window.mutes && window.owner == Some("mia".into()));
    assert_eq!(window.approver.as_deref(), Some("cab"));
}

#[test]
fn categories_name_kinds_and_services_and_the_organizer_is_the_owner() {
    let lines = format!(
        "UID:1\nSUMMARY:x\nCATEGORIES:Restore test,ORDERS  Database,db-main,twin,holiday\n\
         ORGANIZER;CN=Somebody:mailto:Luis@acme.example\n{TIMES}"
    );
    let window = only(&lines, &terms());
    assert_eq!(window.kind, Kind::RestoreTest);
    assert_eq!(window.scope.services, [ServiceId::new("db-main")]);
    assert_eq!(window.owner, Some("luis".into()));
}

#[test]
fn only_the_source_says_that_no_approval_is_needed() {
    let claims = format!("UID:1\nSUMMARY:x\nX-ATALAYA-CHANGE-TYPE:standard\n{TIMES}");
    assert!(only(&claims, &terms()).needs_approval());
    let standard = Terms { change_type: ChangeType::Standard, ..terms() };
    assert!(!only(&claims, &standard).needs_approval());
    assert!(!only(&format!("UID:1\nSUMMARY:x\n{TIMES}"), &standard).needs_approval());
    let tentative = format!("UID:1\nSUMMARY:x\nSTATUS:TENTATIVE\n{TIMES}");
    assert!(only(&tentative, &standard).needs_approval());
    for beyond in ["CATEGORIES:db-main", "X-ATALAYA-KIND:update\nX-ATALAYA-MATCH:job=~\".+\""] {
        let more = format!("UID:1\nSUMMARY:x\n{beyond}\n{TIMES}");
        assert!(only(&more, &standard).needs_approval(), "{beyond}");
    }
    let silent = Terms { mutes: Some(false), ..standard };
    let mutes = format!("UID:1\nSUMMARY:x\nX-ATALAYA-MUTES:TRUE\n{TIMES}");
    assert!(only(&mutes, &silent).needs_approval());
    let approver = Terms { approver: Some("cab".into()), ..terms() };
    let weaker = format!("UID:1\nSUMMARY:x\nX-ATALAYA-APPROVER:anybody\n{TIMES}");
    assert_eq!(only(&weaker, &approver).approver.as_deref(), Some("cab"));
}

#[test]
fn a_series_has_its_exceptions_and_what_was_moved_and_called_off() {
    let series = event(&format!(
        "UID:1\nSUMMARY:x\n{TIMES}\nRRULE:FREQ=DAILY;COUNT=7\nEXDATE;TZID=Europe/Madrid:20261127T220000\n\
         RDATE;TZID=Europe/Madrid:20261205T010000"
    ));
    // In UTC: 28 November 22:00 in Madrid.
    let moved = event(
        "UID:1\nSUMMARY:x\nRECURRENCE-ID:20261128T210000Z\nDTSTART:20261128T220000Z\nDURATION:PT1H",
    );
    let called_off = event(
        "UID:1\nSUMMARY:x\nRECURRENCE-ID;TZID=Europe/Madrid:20261129T220000\nSTATUS:CANCELLED",
    );
    let retitled = event(
        "UID:1\nSUMMARY:another name\nRECURRENCE-ID;TZID=Europe/Madrid:20261130T220000\n\
         DTSTART;TZID=Europe/Madrid:20261130T220000\nDURATION:PT2H",
    );
    let stated = read(&[series, moved, called_off, retitled].concat(), &terms());
    assert_eq!(stated.warnings, [""; 0]);
    let expect = [
        "25 22:00 - 26 00:00",
        "26 22:00 - 27 00:00",
        "28 23:00 - 29 00:00",
        "30 22:00 - 01 00:00",
        "01 22:00 - 02 00:00",
        "05 01:00 - 05 03:00",
    ];
    assert_eq!(times(&stated), expect);
    assert_eq!(stated.windows[0].amended.len(), 2);
}

#[test]
fn days_are_whole_days_of_the_calendars_zone() {
    let days = "UID:1\nSUMMARY:x\nCATEGORIES:freeze\nDTSTART;VALUE=DATE:20261127\nDTEND;VALUE=DATE:20261130";
    let stated = read(&event(days), &terms());
    assert_eq!(times(&stated), ["27 00:00 - 30 00:00"]);
}

#[test]
fn what_is_called_off_is_no_window_and_one_that_takes_place_once_says_so() {
    let off = format!("UID:1\nSUMMARY:x\nSTATUS:CANCELLED\n{TIMES}");
    let window = only(&off, &terms());
    assert_eq!(window.amended, [(local("2026-11-25 22:00"), Amendment::Cancelled)].into());
    assert_eq!(read(&event(&format!("{off}\nRRULE:FREQ=DAILY")), &terms()), Stated::default());
}

#[test]
fn those_that_leave_people_free_are_left_out_where_the_source_says_so() {
    let free = format!("UID:1\nSUMMARY:x\nTRANSP:TRANSPARENT\n{TIMES}");
    only(&free, &terms());
    let busy = Terms { transparent: false, ..terms() };
    assert_eq!(read(&event(&free), &busy), Stated::default());
}

#[test]
fn one_of_a_series_that_is_not_shown_is_a_window_of_its_own() {
    let window =
        only(&format!("UID:1\nSUMMARY:x\nRECURRENCE-ID:20261125T100000Z\n{TIMES}"), &terms());
    assert_eq!(&*window.id.0, "cab#1/20261125T110000");
}

#[test]
fn of_two_with_one_uid_the_newer_counts_and_it_is_said() {
    let one = |sequence: u32, summary: &str| {
        event(&format!("UID:1\nSEQUENCE:{sequence}\nSUMMARY:{summary}\n{TIMES}"))
    };
    let stated = read(&[one(2, "new"), one(1, "old")].concat(), &terms());
    assert_eq!(&*stated.windows[0].summary, "new");
    assert!(stated.warnings[0].contains("same UID"), "{:?}", stated.warnings);
}

#[rstest]
#[case::no_time("UID:1\nSUMMARY:x\nDTSTART:20261125T220000Z", "it would take no time")]
#[case::no_name("UID:1\nDTSTART:20261125T220000Z\nDURATION:PT1H", "the summary is empty")]
#[case::century("UID:1\nSUMMARY:x\nDTSTART:20261125T220000Z\nDURATION:P36000D", "at most 366 days")]
#[case::no_rule(
    "UID:1\nSUMMARY:x\nDTSTART:20261125T220000Z\nDURATION:PT1H\nRRULE:FREQ=SECONDLY",
    "SECONDLY"
)]
#[case::no_zone(
    "UID:1\nSUMMARY:x\nDTSTART;TZID=Mars/Base:20261125T220000\nDURATION:PT1H",
    "Mars/Base"
)]
#[case::bad_match(
    "UID:1\nSUMMARY:x\nX-ATALAYA-KIND:update\nX-ATALAYA-MATCH:=\nDTSTART:20261125T220000Z\nDURATION:PT1H",
    "X-ATALAYA-MATCH"
)]
fn what_is_no_window_is_left_out_and_says_why(#[case] lines: &str, #[case] expect: &str) {
    let said = trouble(lines);
    assert!(said.contains(expect) && said.contains("left out"), "{said}");
}

#[test]
fn what_touches_nothing_says_what_would_help() {
    let nothing = Terms::new(Kind::Update);
    let stated = read(&event(&format!("UID:1\nSUMMARY:x\n{TIMES}")), &nothing);
    assert_eq!(stated.windows, []);
    assert!(stated.warnings[0].contains("name the services"), "{:?}", stated.warnings);
}

#[test]
fn a_hostile_calendar_is_bounded_and_explained() {
    let many: String = (0..3_000).map(|n| event(&format!("UID:{n}\nSUMMARY:x\n{TIMES}"))).collect();
    let stated = read(&many, &terms());
    assert_eq!(stated.windows.len(), 2_000);
    assert!(stated.warnings[0].contains("more than 2000 events"), "{:?}", stated.warnings);

    let hourly: String = (0..1_000)
        .map(|n| event(&format!("UID:{n}\nSUMMARY:x\n{TIMES}\nRRULE:FREQ=HOURLY;COUNT=1000000000")))
        .collect();
    let stated = read(&hourly, &terms());
    assert!((1..100).contains(&stated.windows.len()), "{}", stated.windows.len());
    assert!(stated.warnings[0].contains("together take too long"), "{:?}", stated.warnings);
    assert!(stated.warnings.last().unwrap().contains("more such events"), "{:?}", stated.warnings);

    let never: String = (0..50)
        .map(|n| event(&format!("UID:{n}\nSUMMARY:x\nDTSTART:00010101T000000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")))
        .collect();
    assert_eq!(read(&never, &terms()).windows, []);
}

#[test]
fn what_lies_years_away_is_left_out_without_a_word() {
    let past = "UID:1\nSUMMARY:x\nDTSTART:20200101T000000Z\nDURATION:PT1H";
    assert_eq!(read(&event(past), &terms()), Stated::default());
}

#[test]
fn a_site_does_not_read_back_what_it_wrote_itself() {
    let one = window("patch", Kind::Update, "2026-11-25 22:00", 2);
    let mut calendar = ical::Calendar::new("", Europe::Madrid);
    calendar.events = exchange::events(&one, &one.amended, None, "acme");
    let read = |site: &str| {
        let terms = Terms { site: site.to_owned(), ..terms() };
        stated(&calendar, &source(), &terms, &callings(), at("2026-11-24 12:00")).windows.len()
    };
    assert_eq!((read("acme"), read("other")), (0, 1));
}

fn any_text(most: usize) -> impl Strategy<Value = Arc<str>> {
    "[a-zé (),;:\\\\\"]{0,20}[a-z]"
        .prop_map(move |t| crate::domain::text::clean(t.trim(), most).into())
}

fn any_length() -> impl Strategy<Value = Length> {
    (0_u32..4, 1_u32..90_000).prop_map(|(days, seconds)| Length { days, seconds })
}

fn any_time() -> impl Strategy<Value = NaiveDateTime> {
    (0_i64..600_000).prop_map(|n| local("2026-06-01 00:00") + TimeDelta::minutes(n))
}

fn any_recurrence() -> impl Strategy<Value = Recurrence> {
    let rules = [
        "FREQ=DAILY",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU",
        "FREQ=MONTHLY;UNTIL=20271224;BYDAY=-1FR",
    ];
    let zones = [Europe::Madrid, Tz::UTC, chrono_tz::America::New_York, chrono_tz::Asia::Kathmandu];
    let lists = (prop::collection::vec(any_time(), 0..4), prop::collection::vec(any_time(), 0..3));
    let rule = prop::option::of(prop::sample::select(rules.to_vec()));
    (any_time(), prop::sample::select(zones.to_vec()), rule, lists).prop_map(
        |(start, zone, rule, (also, except))| {
            // One that takes place once takes place.
            let except = except.into_iter().filter(|at| *at != start).collect();
            let rule = rule.map(|rule| Rule::parse(rule).unwrap());
            Recurrence { start, zone, rule, also, except }
        },
    )
}

fn any_amended() -> impl Strategy<Value = BTreeMap<NaiveDateTime, Amendment>> {
    let moved = (any_time(), prop::option::of(any_length()))
        .prop_map(|(start, length)| Amendment::Moved(Moved { start, length }));
    let any = prop_oneof![moved, Just(Amendment::Cancelled)];
    prop::collection::btree_map(any_time(), any, 0..3)
}

/// Windows as they can be planned.
fn any_window() -> impl Strategy<Value = Window> {
    let kinds = (prop::sample::select(Kind::ALL.to_vec()), any::<(bool, bool)>());
    let types = [ChangeType::Standard, ChangeType::Normal, ChangeType::Emergency];
    let change = (prop::option::of(any_text(60)), prop::sample::select(types.to_vec()));
    let people = (
        prop::option::of(prop::sample::select(vec!["ana", "luis"])),
        prop::option::of(any_text(60)),
    );
    let item = (any_text(200), prop::option::of("[a-z%]{1,5}"));
    let item = item.prop_map(|(text, unit)| Item { text, unit: unit.map(Into::into) });
    let work = (
        prop::collection::vec(item, 0..4),
        prop::option::of((any_text(500), 60_u32..3_000)),
        prop::option::of(any_length()),
        prop::option::of((0_u32..12, 1_u32..90, 0_u32..900_000)),
    );
    let scope = (prop::collection::vec("[a-z.:/-]{1,20}", 1..3), any::<bool>());
    let when = (any_recurrence(), any_length(), any_amended());
    (any_text(200), kinds, scope, change, people, work, when).prop_map(
        |(
            summary,
            (kind, (mutes, sla)),
            (services, by_label),
            (change, change_type),
            people,
            work,
            when,
        )| {
            let (recurrence, mut length, amended) = when;
            length.days += 1;
            let mut window = Window::new("patch-db", kind, recurrence, length);
            window.amended = amended;
            window.summary = summary;
            (window.mutes, window.sla_relevant) = (mutes, sla);
            window.scope.services = services.iter().map(|id| ServiceId::new(id)).collect();
            if by_label {
                let text = "job=~\"db-.*\",env=\"a \\\"b\\\", c\"";
                window.scope.matchers = vec![Matchers::parse(text).unwrap()];
            }
            (window.change, window.change_type) = (change, change_type);
            (window.owner, window.approver) = (people.0.map(Into::into), people.1);
            let (checklist, back_out, flexible, inspection) = work;
            (window.checklist, window.flexible) = (checklist, flexible);
            window.back_out = back_out.map(|(plan, decide_after)| BackOut { plan, decide_after });
            window.inspection = (kind == Kind::Inspection).then_some(match inspection {
                Some((months, days, grace)) => {
                    Inspection { basis: Basis::Completed { months, days }, grace }
                }
                None => Inspection { basis: Basis::Scheduled, grace: 0 },
            });
            window
        },
    )
}

/// Without what says the same in another way: a length that is the window's own, a move to where it
/// is anyway.
fn plainly(window: &Window) -> Window {
    let mut window = window.clone();
    for amendment in window.amended.values_mut() {
        if let Amendment::Moved(moved) = amendment {
            moved.length = moved.length.filter(|l| *l != window.length);
        }
    }
    let moves = |original: &NaiveDateTime, a: &Amendment| !matches!(a, Amendment::Moved(Moved { start, length: None }) if start == original);
    window.amended.retain(|original, a| moves(original, a));
    // What takes place once is written where it was moved to.
    if let Some(Amendment::Moved(moved)) = alone(&window) {
        window.recurrence.start = moved.start;
        window.length = moved.length.unwrap_or(window.length);
        window.amended.clear();
    }
    window
}

/// How the only occurrence of a window that takes place once is amended.
fn alone(window: &Window) -> Option<Amendment> {
    let is_once = window.recurrence.rule.is_none() && window.recurrence.also.is_empty();
    window.amended.get(&window.recurrence.start).copied().filter(|_| is_once)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_window_that_is_written_is_read_as_it_was(window in any_window()) {
        let mut calendar = ical::Calendar::new("Maintenance", Europe::Madrid);
        calendar.events = exchange::events(&window, &window.amended, None, "acme");
        let text = calendar.write(at("2026-11-24 12:00"));
        let again = ical::read(&text, Tz::UTC);
        let terms = Terms { change_type: ChangeType::Standard, ..Terms::new(Kind::Training) };
        let stated = stated(&again, &source(), &terms, &callings(), at("2026-11-24 12:00"));
        prop_assert_eq!(&stated.warnings, &[""; 0], "{}", text);
        if alone(&window) == Some(Amendment::Cancelled) {
            prop_assert!(stated.windows.is_empty(), "{text}");
            return Ok(());
        }
        let expect = Window { id: WindowId::imported("cab", "patch-db"), ..plainly(&window) };
        let [read] = stated.windows.as_slice() else { panic!("{text}") };
        prop_assert_eq!(&**read, &expect, "{}", text);
    }

    #[test]
    fn no_calendar_is_a_trap(
        lines in prop::collection::vec(
            "(BEGIN:|END:|VEVENT|DTSTART|DTEND|RRULE|X-ATALAYA-|KIND|UID|SUMMARY|[:;=,]|20261124|T090000Z|FREQ=DAILY|P1D|\\PC){0,6}",
            0..30,
        ),
    ) {
        read(&lines.join("\n"), &terms());
    }
}
