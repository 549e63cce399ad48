//! The Calendar tab: what keys do, and how it looks.

use std::sync::Arc;

use atalaya::config;
use atalaya::domain::calendar::stated::{Terms, stated};
use atalaya::domain::calendar::{
    Action, By, Calendar, ChangeType, CheckResult, ClosureCode, Command as Ask, Key, Kind, Length,
    Status, lifecycle,
};
use atalaya::domain::command::{Command, Outcome, Verdict};
use atalaya::domain::ical;
use atalaya::domain::incident::Actor;
use atalaya::domain::log::Recorded;
use atalaya::domain::observation::{SourceState, SourceStatus};
use atalaya::domain::roster::stated::Callings;
use atalaya::domain::time::{Instant, Interval};
use atalaya::engine::{Plan, Snapshot};
use atalaya::ui::{Cmd, Msg};
use chrono::TimeDelta;
use insta::assert_snapshot;
use rstest::rstest;

use crate::support::{ASCII, Bench, DEFAULT, Look, MONO, TEAM, now, part, world};

/// What is planned around Monday 23 November 2026, 14:03 in Madrid.
const WINDOWS: &str = r#"
[[windows]]
id = "runners"
kind = "maintenance"
summary = "New build runners"
services = ["mail"]
start = "2026-11-23 13:30"
duration = "2h"
owner = "ana"
change = { number = "CHG-1", type = "standard" }
checklist = ["queue drained", "disk free [%]"]

[[windows]]
id = "kernel"
kind = "update"
summary = "Kernel of the orders database"
services = ["db-main"]
start = "2026-11-25 22:00"
duration = "2h"
owner = "luis"
approver = "shift lead"
change = { number = "CHG-2", type = "normal" }
back_out = { plan = "boot the kernel from before", decide_after = "80m" }

[[windows]]
id = "release"
kind = "update"
summary = "Orders 4.12"
services = ["db-main"]
start = "2026-11-25 23:00"
duration = "1h"

[[windows]]
id = "sale"
kind = "freeze"
summary = "No changes during the sale"
start = "2026-11-27 00:00"
duration = "3d"

[[windows]]
id = "firmware"
kind = "upgrade"
summary = "Firmware of the storage"
services = ["checkout"]
start = "2026-11-28 20:00"
duration = "4h"

[[windows]]
id = "backup"
kind = "backup"
summary = "Full backup"
services = ["reports"]
start = "2026-09-07 02:00"
duration = "3h"
rrule = "FREQ=WEEKLY"

[[windows]]
id = "access"
kind = "inspection"
summary = "Who has access"
services = ["billing"]
start = "2026-11-20 09:00"
duration = "4h"
rrule = "FREQ=MONTHLY"
grace = "5d"
owner = "mia"
checklist = ["accounts of those who left", "keys older than a year"]
"#;

/// Who does something about the calendar of a test.
struct Desk {
    calendar: Calendar,
    plan: Plan,
    position: u64,
}

impl Desk {
    fn new() -> Self {
        let around = config::Surroundings::of_process();
        let text = format!("{TEAM}\n{WINDOWS}");
        let plan = config::of_text("plan.toml", text, &around, now()).unwrap().plan;
        let mut calendar = Calendar::default();
        calendar.set_plan(&plan.windows, now() - TimeDelta::days(90));
        Self { calendar, plan, position: 0 }
    }

    fn does(mut self, command: Ask) -> Self {
        let actor = Actor { session: "test".to_owned(), ..Actor::person("ana") };
        let by = By {
            actor: &actor,
            person: Some("ana"),
            roster: &self.plan.roster,
            undo_window: TimeDelta::seconds(30),
        };
        for body in lifecycle::judge(&self.calendar, &command, &by, now()).unwrap() {
            self.position += 1;
            let event = Recorded { position: self.position, at: now(), actor: actor.clone(), body };
            lifecycle::apply(&mut self.calendar, &event);
        }
        self
    }

    fn key(&self, window: &str) -> Key {
        let span = Interval::new(now() - TimeDelta::days(5), now() + TimeDelta::days(20));
        let all = self.calendar.occurrences(span, now());
        all.into_iter().find(|o| &*o.key.window.0 == window).unwrap().key
    }

    fn act(self, window: &str, action: Action) -> Self {
        let key = self.key(window);
        self.does(Ask::Act { key, action })
    }

    /// With what a calendar of others states.
    fn imports(mut self, text: &str) -> Self {
        let terms = Terms { change_type: ChangeType::Standard, ..Terms::new(Kind::Update) };
        let terms = Terms { owner: Some("luis".into()), ..terms };
        let calendar = ical::read(text, chrono_tz::Europe::Madrid);
        let found = stated(&calendar, &"cab".into(), &terms, &Callings::default(), now());
        assert_eq!(found.warnings, [""; 0]);
        self.calendar.set_imported(&"cab".into(), &found.windows.into(), now());
        self
    }

    fn world(self) -> Snapshot {
        Snapshot { plan: Arc::new(self.plan), calendar: part(self.calendar), ..world() }
    }
}

fn bench_of(world: Snapshot, size: (u16, u16), look: Look) -> Bench {
    let mut bench = Bench::new(world, size.0, size.1, look);
    bench.press("4");
    bench
}

fn bench(size: (u16, u16)) -> Bench {
    bench_of(Desk::new().world(), size, DEFAULT)
}

/// What the person asked of the calendar, be it in spite of something.
fn asked(bench: &mut Bench) -> Vec<Ask> {
    fn bare(ask: Ask) -> Ask {
        match ask {
            Ask::Despite { command, reasons } => {
                assert!(!reasons.is_empty());
                bare(*command)
            }
            Ask::Seen { command, .. } => bare(*command),
            ask => ask,
        }
    }
    let calendar = |cmd| match cmd {
        Cmd::Ask(Command::Calendar(ask)) => Some(bare(ask)),
        _ => None,
    };
    std::mem::take(&mut bench.cmds).into_iter().filter_map(calendar).collect()
}

/// The same with what it is wrapped in.
fn asked_whole(bench: &mut Bench) -> Vec<Ask> {
    let calendar = |cmd| match cmd {
        Cmd::Ask(Command::Calendar(ask)) => Some(ask),
        _ => None,
    };
    std::mem::take(&mut bench.cmds).into_iter().filter_map(calendar).collect()
}

/// The only thing that was asked, and of which window.
fn act_of(bench: &mut Bench) -> (String, Action) {
    let asked = asked(bench);
    let [Ask::Act { key, action }] = asked.as_slice() else { panic!("{asked:?}") };
    (key.window.to_string(), action.clone())
}

#[rstest]
#[case::small(80, 24)]
#[case::medium(120, 35)]
#[case::large(160, 45)]
#[case::tiny(1, 1)]
#[case::huge(500, 200)]
fn it_looks_right_at_every_size(#[case] width: u16, #[case] height: u16) {
    assert_snapshot!(format!("calendar-{width}x{height}"), bench((width, height)).text());
}

#[rstest]
#[case::default("default", DEFAULT)]
#[case::mono("mono", MONO)]
#[case::ascii("ascii", ASCII)]
fn it_looks_right_in_every_style(#[case] name: &str, #[case] look: Look) {
    let bench = bench_of(Desk::new().world(), (120, 35), look);
    assert_snapshot!(format!("calendar-style-{name}"), bench.picture());
}

#[rstest]
#[case::timeline("timeline", "v")]
#[case::two_weeks("two-weeks", "v ]")]
#[case::agenda("agenda", "v v")]
#[case::next_month("next-month", "PageDown")]
#[case::empty_day("empty-day", "l")]
#[case::page("page", "Enter")]
#[case::form("form", "N")]
#[case::close("close", "C")]
#[case::extend("extend", "+")]
fn each_way_to_look_at_it_has_its_picture(#[case] name: &str, #[case] keys: &str) {
    let mut bench = bench((160, 45));
    bench.press(keys);
    assert_snapshot!(format!("calendar-{name}"), bench.text());
}

#[test]
fn a_form_of_many_fields_and_what_it_means_have_room_on_a_small_terminal() {
    let mut bench = bench((80, 24));
    bench.press("N Tab");
    assert_snapshot!("calendar-form-80x24", bench.text());
    bench.press("BackTab BackTab");
    let text = bench.text();
    assert!(text.contains("Flexible") && !text.contains("Kind "), "{text}");
}

#[test]
fn a_calendar_without_anything_says_how_to_plan() {
    let bench = bench_of(world(), (120, 35), DEFAULT);
    let text = bench.text();
    assert!(text.contains("nothing planned") && text.contains("N plans something"), "{text}");
}

#[test]
fn the_cursor_begins_on_what_is_under_way_and_stays_on_it_whatever_is_planned() {
    let mut bench = bench((160, 45));
    assert!(bench.text().contains("CHG-1"), "{}", bench.text());
    bench.press("j");
    let on =
        |bench: &Bench| bench.model.calendar.key(&bench.model.ctx()).map(|k| k.window.to_string());
    assert_eq!(on(&bench).as_deref(), Some("kernel"));
    let mut world = Desk::new().act("release", Action::Cancel { reason: "no".into() }).world();
    world.calendar.generation = 2;
    bench.tell(Msg::World(Arc::new(world)));
    assert_eq!(on(&bench).as_deref(), Some("kernel"));
    // What is moved in sight takes the cursor along, what is moved out of sight leaves it on nothing:
    // a key never reaches another one.
    let moved = |to: &str| {
        let to = to.parse().unwrap();
        Desk::new().act("kernel", Action::Move { to, length: None }).world()
    };
    let mut world = moved("2026-11-26T10:00:00");
    world.calendar.generation = 3;
    bench.tell(Msg::World(Arc::new(world)));
    assert_eq!(on(&bench).as_deref(), Some("kernel"));
    let mut world = moved("2027-02-01T10:00:00");
    world.calendar.generation = 4;
    bench.tell(Msg::World(Arc::new(world)));
    assert_eq!(on(&bench), None, "{}", bench.text());
}

#[test]
fn no_time_that_can_be_typed_is_too_far_away() {
    let mut bench = bench((160, 45));
    bench.press("N Tab Tab Tab Tab").type_text("+262142-12-31 23:00");
    assert!(bench.text().contains("a time is 2026-11-28 22:00"), "{}", bench.text());
    bench.press("Ctrl-u").type_text("9999-12-31 23:00");
    let _ = bench.text();
    bench.press("Esc l l w").type_text("+262142-12-31 23:59");
    assert!(bench.text().contains("a time is 2026-11-28 22:00"), "{}", bench.text());
}

#[test]
fn what_cannot_be_says_why_by_its_key() {
    let mut bench = bench((160, 45));
    bench.press("l l >");
    assert!(bench.text().contains("is not approved; have it approved"), "{}", bench.text());
    bench.press("+");
    assert!(bench.text().contains("is not in progress; start it"), "{}", bench.text());
}

#[test]
fn days_and_months_are_turned_and_esc_leads_back_to_today() {
    let mut bench = bench((160, 45));
    bench.press("PageDown");
    assert!(bench.text().contains("December 2026"), "{}", bench.text());
    bench.press("h h");
    assert!(bench.text().contains("Mon 21 Dec"), "{}", bench.text());
    bench.press("Esc");
    assert!(bench.text().contains("November 2026"), "{}", bench.text());
}

#[test]
fn approving_what_collides_asks_first_and_names_the_reason() {
    let mut bench = bench((160, 45));
    bench.press("l l Y");
    let text = bench.text();
    assert!(text.contains("Approve it all the same?"), "{text}");
    assert!(text.contains("db-main is already scheduled: Orders"), "{text}");
    assert_eq!(asked(&mut bench), []);
    bench.press("y");
    assert_eq!(act_of(&mut bench), ("kernel".to_owned(), Action::Approve));
}

#[test]
fn work_under_way_is_extended_and_closed_by_keys() {
    let mut bench = bench((160, 45));
    bench.press("+ Down Enter");
    let by = TimeDelta::minutes(30);
    assert_eq!(act_of(&mut bench), ("runners".to_owned(), Action::Extend { by }));
    bench.press("C Enter Enter");
    let done = Action::Finish { code: ClosureCode::Successful, note: String::new() };
    assert_eq!(act_of(&mut bench), ("runners".to_owned(), done));
    bench.press("C Up Enter Enter");
    assert!(bench.text().contains("say what happened"), "{}", bench.text());
    bench.press("d i s k Enter");
    let failed = Action::Finish { code: ClosureCode::Failed, note: "disk".to_owned() };
    assert_eq!(act_of(&mut bench), ("runners".to_owned(), failed));
}

#[test]
fn what_runs_by_itself_is_taken_on_by_its_key_and_extended_more_than_once() {
    let mut bench = bench((160, 45));
    bench.press(">");
    assert_eq!(act_of(&mut bench), ("runners".to_owned(), Action::Start));
    let by = TimeDelta::minutes(30);
    let world = Desk::new().act("runners", Action::Extend { by }).world();
    let mut bench = bench_of(world, (160, 45), DEFAULT);
    bench.press("+ Down Enter");
    assert_eq!(act_of(&mut bench), ("runners".to_owned(), Action::Extend { by }));
    let by = TimeDelta::hours(24);
    let world = Desk::new().act("runners", Action::Extend { by }).world();
    let mut bench = bench_of(world, (160, 45), DEFAULT);
    bench.press("+");
    assert!(bench.text().contains("24 h is all; plan another"), "{}", bench.text());
}

#[test]
fn a_form_that_was_refused_brings_back_what_was_typed_and_nothing_older() {
    let mut bench = bench((160, 45));
    bench.press("l l w").type_text("2026-12-10 10:00").press("Ctrl-s");
    let [command] = asked_whole(&mut bench).try_into().unwrap();
    let verdict = Verdict::Refused { why: "moved while you looked".to_owned() };
    let outcomes = vec![Outcome { id: None, verdict }];
    bench.tell(Msg::Answered { command: Command::Calendar(command), outcomes });
    // Meanwhile it is longer.
    let to = "2026-11-25T22:00:00".parse().unwrap();
    let longer = Action::Move { to, length: Some(Length::hours(5)) };
    let mut world = Desk::new().act("kernel", longer).world();
    world.calendar.generation = 2;
    bench.tell(Msg::World(Arc::new(world)));
    bench.press("Esc w");
    let text = bench.text();
    assert!(text.contains("Start   2026-12-10 10:00"), "{text}");
    assert!(text.contains("Length  5h"), "{text}");
}

#[test]
fn cancelling_needs_a_reason() {
    let mut bench = bench((160, 45));
    bench.press("l l D Enter");
    assert!(bench.text().contains("say why"), "{}", bench.text());
    bench.press("n o Enter");
    let reason = "no".to_owned();
    assert_eq!(act_of(&mut bench), ("kernel".to_owned(), Action::Cancel { reason }));
}

#[test]
fn moving_into_a_freeze_asks_first() {
    let mut bench = bench((160, 45));
    bench.press("l l w");
    bench.type_text("2026-11-28 10:00").press("Enter Enter");
    let text = bench.text();
    assert!(text.contains("inside the freeze No changes during the sale"), "{text}");
    // Who says no goes on typing.
    bench.press("n");
    assert!(bench.text().contains("2026-11-28 10:00"), "{}", bench.text());
    bench.press("Enter y");
    let (window, action) = act_of(&mut bench);
    let Action::Move { to, .. } = action else { panic!("{action:?}") };
    assert_eq!((window.as_str(), to.to_string().as_str()), ("kernel", "2026-11-28 10:00:00"));
    assert!(!bench.text().contains("2026-11-28 10:00:00"), "the form is gone");
}

#[test]
fn what_a_form_means_is_said_with_every_key() {
    let mut bench = bench((160, 45));
    bench.press("N Tab");
    bench.type_text("Patch").press("Tab").type_text("nowhere").press("Tab Tab");
    let text = bench.text();
    assert!(text.contains("no service is called nowhere"), "{text}");
    bench.press("BackTab BackTab").press("Ctrl-u").type_text("db-main").press("Tab Tab");
    bench.type_text("2026-11-25 22:30").press("Tab").type_text("3h").press("Tab");
    let text = bench.text();
    assert!(text.contains("Kernel of the orders database (CHG-2)  "), "{text}");
    assert!(text.contains("next free: "), "{text}");
    bench.type_text("FREQ=WEEKLY;BYDAY=WE");
    let text = bench.text();
    assert!(text.contains("every week on Wednesday"), "{text}");
    assert!(text.contains("next 10: Wed 25 Nov 22:30, Wed 2 Dec"), "{text}");
    bench.press("Ctrl-s");
    assert!(bench.text().contains("Plan it all the same?"), "{}", bench.text());
    bench.press("y");
    let asked = asked(&mut bench);
    let [Ask::Add { window }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((&*window.summary, window.length), ("Patch", Length::hours(3)));
    assert_eq!(window.recurrence.rule.as_ref().unwrap().to_string(), "FREQ=WEEKLY;BYDAY=WE");
    assert_eq!(window.owner.as_deref(), Some("ana"), "who plans it owns it");
}

#[test]
fn free_is_the_first_time_without_a_collision() {
    let mut bench = bench((160, 45));
    bench.press("l l N Tab");
    bench.type_text("Patch").press("Tab").type_text("db-main").press("Tab Tab");
    bench.type_text("free").press("Tab").type_text("54h").press("Ctrl-s");
    // What is wrong with the service now blocks no time to come.
    assert!(bench.text().contains("go, or no-go?"), "{}", bench.text());
    bench.press("y");
    let asked = asked(&mut bench);
    let [Ask::Add { window }] = asked.as_slice() else { panic!("{asked:?}") };
    // Who plans it works on the runners until then; on Wednesday evening others are in the way.
    assert_eq!(window.recurrence.start.to_string(), "2026-11-23 15:30:00");
}

#[test]
fn what_is_over_is_declared_and_not_planned() {
    let mut bench = bench((160, 45));
    bench.press("N Tab");
    bench.type_text("Restart").press("Tab").type_text("mail").press("Tab Tab");
    bench.type_text("2026-11-22 03:00");
    assert!(bench.text().contains("declared for the past"), "{}", bench.text());
    bench.press("Ctrl-s Enter");
    bench.type_text("an outage, agreed with ana").press("Enter");
    let asked = asked(&mut bench);
    let [Ask::Declare { code, reason, .. }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((*code, reason.as_str()), (ClosureCode::Successful, "an outage, agreed with ana"));
}

#[test]
fn an_inspection_is_ticked_off_and_what_failed_becomes_an_incident_by_one_key() {
    let world = Desk::new().act("access", Action::Start).world();
    let mut bench = bench_of(world, (160, 45), DEFAULT);
    bench.press("j Enter");
    let text = bench.text();
    assert!(text.contains("Checklist  0/2") && text.contains("keys older"), "{text}");
    bench.press("space");
    let pass = Action::Check { item: 0, result: CheckResult::Pass, note: String::new() };
    assert_eq!(act_of(&mut bench), ("access".to_owned(), pass));
    bench.press("j Enter Down Enter").type_text("three of them, since the summer").press("Enter");
    let note = "three of them, since the summer".to_owned();
    let fail = Action::Check { item: 1, result: CheckResult::Fail, note: note.clone() };
    assert_eq!(act_of(&mut bench), ("access".to_owned(), fail.clone()));
    bench.press("N");
    assert!(bench.text().contains("only a failed item becomes an incident"), "{}", bench.text());

    let mut world = Desk::new().act("access", Action::Start).act("access", fail).world();
    world.calendar.generation = 2;
    bench.tell(Msg::World(Arc::new(world)));
    assert_snapshot!("calendar-inspection", bench.text());
    bench.press("N");
    let reports: Vec<_> = std::mem::take(&mut bench.cmds)
        .into_iter()
        .filter_map(|cmd| match cmd {
            Cmd::Ask(Command::Report(report)) => Some(report),
            _ => None,
        })
        .collect();
    assert_eq!(reports[0].title, "Inspection failed: keys older than a year");
    assert!(reports[0].text.contains(&note), "{}", reports[0].text);
}

#[test]
fn a_value_is_noted_with_its_unit() {
    let mut bench = bench((160, 45));
    bench.press("Enter j space").type_text("x").press("Enter Enter Enter");
    assert!(bench.text().contains("that is no number"), "{}", bench.text());
    bench.press("Ctrl-u").type_text("42").press("Enter Enter Enter");
    let value = CheckResult::Value { value: 42.0 };
    let check = Action::Check { item: 1, result: value, note: String::new() };
    assert_eq!(act_of(&mut bench), ("runners".to_owned(), check));
}

#[test]
fn an_exception_from_the_freeze_that_is_in_the_way_is_asked_for_by_key() {
    let mut bench = bench((160, 45));
    bench.press("l l l l l j X");
    let text = bench.text();
    assert!(text.contains("in spite of No changes during the sale"), "{text}");
    bench.type_text("a disk fails").press("Enter Enter");
    let asked = asked(&mut bench);
    let [Ask::Except { freeze, window, reason, .. }] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!((&*freeze.0, &*window.0, reason.as_str()), ("sale", "firmware", "a disk fails"));
}

#[test]
fn a_window_of_the_service_plan_is_changed_there_and_one_of_here_by_key() {
    let mut bench = bench((160, 45));
    bench.press("l l =");
    assert!(bench.text().contains("change [[windows]] there"), "{}", bench.text());

    let start =
        (now() + TimeDelta::hours(1)).with_timezone(&chrono_tz::Europe::Madrid).naive_local();
    let once = atalaya::domain::time::Recurrence::once(start, chrono_tz::Europe::Madrid);
    let mut window =
        atalaya::domain::calendar::Window::new("", Kind::Maintenance, once, Length::hours(1));
    window.summary = "Patch".into();
    window.scope.services = vec![atalaya::domain::health::ServiceId::new("mail")];
    let world = Desk::new().does(Ask::Add { window: Box::new(window) }).world();
    let mut bench = bench_of(world, (160, 45), DEFAULT);
    bench.press("j = Tab").type_text("Patch it").press("Ctrl-s");
    if bench.text().contains("all the same?") {
        bench.press("y");
    }
    let asked = asked(&mut bench);
    let [Ask::Change { window }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((&*window.id.0, &*window.summary), ("WIN-1", "Patch it"));
}

#[test]
fn a_change_leaves_alone_what_nobody_touched() {
    let start = "2026-12-05T22:00:30".parse().unwrap();
    let once = atalaya::domain::time::Recurrence::once(start, chrono_tz::Europe::Madrid);
    let mut window =
        atalaya::domain::calendar::Window::new("", Kind::Maintenance, once, Length::hours(1));
    window.summary = "Patch".into();
    let matchers = atalaya::domain::matcher::Matchers::parse(r#"team="a or b""#).unwrap();
    window.scope.matchers = vec![matchers];
    let item = |text: &str| atalaya::domain::calendar::Item { text: text.into(), unit: None };
    window.checklist = vec![item("a; b"), item("c")];
    let before = window.clone();
    let world = Desk::new().does(Ask::Add { window: Box::new(window) }).world();
    let mut bench = bench_of(world, (160, 45), DEFAULT);
    bench.press("PageDown h h h h h h h h h h h h h h h h h h");
    assert!(bench.text().contains("Sat 5 Dec"), "{}", bench.text());
    bench.press("= Tab").type_text("Patch it").press("Ctrl-s");
    if bench.text().contains("all the same?") {
        bench.press("y");
    }
    let asked = asked(&mut bench);
    let [Ask::Change { window }] = asked.as_slice() else { panic!("{asked:?} {}", bench.text()) };
    let expect = atalaya::domain::calendar::Window {
        summary: "Patch it".into(),
        id: window.id.clone(),
        ..before
    };
    assert_eq!(**window, expect);
}

#[test]
fn undo_takes_back_the_last_change_of_the_calendar() {
    let mut bench = bench((160, 45));
    bench.press("+ Enter");
    let [command] = asked(&mut bench).try_into().unwrap();
    let verdict = Verdict::Done { said: "extended".to_owned(), also: Vec::new() };
    let outcomes = vec![Outcome { id: None, verdict }];
    bench.tell(Msg::Answered { command: Command::Calendar(command), outcomes });
    bench.press("u");
    let of = atalaya::domain::calendar::Subject::Occurrence(Desk::new().key("runners"));
    assert_eq!(asked(&mut bench), [Ask::Undo { of }], "of this, and of nothing older");
}

#[test]
fn the_tab_counts_what_is_under_way_and_warns_of_what_should_be_over() {
    let bench = bench((160, 45));
    assert!(bench.text().contains("4 Calendar  ⚒1"), "{}", bench.text());
    let mut bench = bench_of(Desk::new().act("runners", Action::Start).world(), (160, 45), DEFAULT);
    bench.wait(2 * 3_600);
    let text = bench.text();
    assert!(text.contains("⚒1 !1") && text.contains("overrun"), "{text}");
}

#[test]
fn in_the_timeline_the_arrows_go_along_a_lane_and_to_the_next_one() {
    let mut bench = bench((160, 45));
    bench.press("v");
    let on =
        |bench: &Bench| bench.model.calendar.key(&bench.model.ctx()).map(|k| k.window.to_string());
    assert_eq!(on(&bench).as_deref(), Some("runners"));
    let mut lanes = Vec::new();
    for _ in 0..6 {
        lanes.extend(on(&bench));
        bench.press("k");
    }
    assert_eq!(lanes, ["runners", "release", "kernel", "firmware", "sale", "sale"]);
    bench.press("l");
    assert!(bench.text().contains("week of 30 Nov"), "{}", bench.text());
}

#[test]
fn nothing_can_be_sent_by_a_console_that_only_reads() {
    let mut world = Desk::new().world();
    let site = atalaya::engine::Site { read_only: true, ..(*world.site).clone() };
    world.site = Arc::new(site);
    let mut bench = bench_of(world, (160, 45), DEFAULT);
    bench.press("C N Y D +");
    assert_eq!(asked(&mut bench), []);
    assert!(bench.text().contains("read-only"), "{}", bench.text());
}

/// The state of a window as it is shown at an instant.
#[rstest]
#[case::to_approve("kernel", 0, Status::Planned)]
#[case::under_way("runners", 0, Status::InProgress)]
#[case::over("runners", 3, Status::Completed)]
fn a_window_is_as_the_clock_says(#[case] window: &str, #[case] hours: i64, #[case] is: Status) {
    let desk = Desk::new();
    let at: Instant = now() + TimeDelta::hours(hours);
    let key = desk.key(window);
    assert_eq!(desk.calendar.occurrence(&key, at).unwrap().status, is);
}

/// What the change board of the customer keeps.
const BOARD: &str = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:4711@board.example\r\n\
    SUMMARY:Switches in room 2\r\nDTSTART;TZID=Europe/Madrid:20261124T210000\r\nDURATION:PT2H\r\n\
    X-ATALAYA-KIND:update\r\nX-ATALAYA-SERVICE:checkout\r\nX-ATALAYA-CHANGE-TYPE:standard\r\n\
    X-ATALAYA-CHANGE:CAB-9\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

#[test]
fn what_a_calendar_of_others_states_is_there_with_its_age_and_is_changed_there() {
    let mut world = Desk::new().imports(BOARD).world();
    let failing = SourceState::Failing {
        since: now() - TimeDelta::minutes(50),
        error: "connection refused".to_owned(),
        next_try: now(),
    };
    let status = SourceStatus {
        name: "cab".into(),
        state: failing,
        last_ok: Some(now() - TimeDelta::hours(1)),
        ..world.sources[0].clone()
    };
    world.sources = part(vec![status]);
    let mut bench = bench_of(world, (160, 45), DEFAULT);
    bench.press("l");
    assert_snapshot!("calendar-imported", bench.text());
    bench.press("=");
    let said = "it is in the calendar of cab: change it there, or w moves this one";
    assert!(bench.text().contains(said), "{}", bench.text());
}
