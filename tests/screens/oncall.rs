//! The On-call tab: what keys do, and how it looks.

use std::sync::Arc;

use atalaya::domain::command::{Command, Outcome, Verdict};
use atalaya::domain::observation::SourceState;
use atalaya::domain::roster::book::{Command as Ask, What};
use atalaya::domain::roster::{Book, Duty, Override, OverrideId};
use atalaya::domain::time::Interval;
use atalaya::engine::Snapshot;
use atalaya::ui::{Cmd, Msg};
use chrono::TimeDelta;
use insta::assert_snapshot;
use rstest::rstest;

use crate::support::{
    ASCII, Bench, DEFAULT, Look, MONO, TEAM, now, part, source, staffed, staffed_by, world,
};

fn with(overrides: Vec<Override>) -> Snapshot {
    let mut world = staffed(world());
    world.book = part(Book::new(overrides, 0));
    world
}

fn over(id: u64, person: Option<&str>, from: i64, hours: i64) -> Override {
    let from = now() + TimeDelta::hours(from);
    Override {
        id: OverrideId(id),
        schedule: "core".into(),
        person: person.map(Into::into),
        from,
        to: from + TimeDelta::hours(hours),
        reason: "dentist".to_owned(),
    }
}

fn bench_of(world: Snapshot, size: (u16, u16), look: Look) -> Bench {
    let mut bench = Bench::new(world, size.0, size.1, look);
    bench.press("3");
    bench
}

fn bench(size: (u16, u16)) -> Bench {
    bench_of(with(vec![over(1, Some("mia"), 2, 3)]), size, DEFAULT)
}

/// What the person asked of the roster, be it in spite of something.
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
    let roster = |cmd| match cmd {
        Cmd::Ask(Command::Roster(ask)) => Some(bare(ask)),
        _ => None,
    };
    std::mem::take(&mut bench.cmds).into_iter().filter_map(roster).collect()
}

#[rstest]
#[case::small(80, 24)]
#[case::medium(120, 35)]
#[case::large(160, 45)]
#[case::tiny(1, 1)]
#[case::huge(500, 200)]
fn it_looks_right_at_every_size(#[case] width: u16, #[case] height: u16) {
    assert_snapshot!(format!("oncall-{width}x{height}"), bench((width, height)).text());
}

#[rstest]
#[case::default("default", DEFAULT)]
#[case::mono("mono", MONO)]
#[case::ascii("ascii", ASCII)]
fn it_looks_right_in_every_style(#[case] name: &str, #[case] look: Look) {
    let bench = bench_of(with(vec![over(1, Some("mia"), 2, 3)]), (120, 35), look);
    assert_snapshot!(format!("oncall-style-{name}"), bench.picture());
}

#[rstest]
#[case::people("people", "v")]
#[case::gaps("gaps", "v v")]
#[case::team("team", "S")]
#[case::two_weeks("two-weeks", "]")]
#[case::month("month", "] ]")]
#[case::later("later", "Right Right Right")]
#[case::network("network", "j")]
#[case::form("form", "O")]
fn each_way_to_look_at_it_has_its_picture(#[case] name: &str, #[case] keys: &str) {
    let mut bench = bench((160, 45));
    bench.press(keys);
    assert_snapshot!(format!("oncall-{name}"), bench.text());
}

#[test]
fn every_gap_is_reached_on_a_small_terminal_and_opens_its_schedule() {
    let mut bench = bench((80, 24));
    bench.press("v v");
    let text = bench.text();
    assert!(text.contains("Gaps, double bookings") && text.contains("Load, last"), "{text}");
    bench.press("G Enter");
    let text = bench.text();
    assert!(text.contains("network · week of") || text.contains("Network · week of"), "{text}");
}

#[test]
fn a_plan_without_schedules_says_how_to_get_them() {
    let bench = bench_of(world(), (100, 30), DEFAULT);
    assert!(bench.text().contains("[[people]] and [[schedules]]"), "{}", bench.text());
}

#[test]
fn taking_a_shift_asks_for_what_is_left_of_it() {
    let mut bench = bench_of(with(Vec::new()), (120, 35), DEFAULT);
    let text = bench.text();
    assert!(text.contains("Luis Peña"), "{text}");
    bench.press("T");
    if bench.cmds.is_empty() {
        bench.press("y");
    }
    let asked = asked(&mut bench);
    let [Ask::Set { wanted, what: What::Take }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(wanted[0].person.as_deref(), Some("ana"));
    assert_eq!(wanted[0].at.from, now(), "nobody takes over what is past");
}

#[test]
fn a_change_that_something_speaks_against_asks_first_and_says_what() {
    let mut bench = bench_of(with(Vec::new()), (120, 35), DEFAULT);
    bench.press("O");
    // Who: nobody.
    bench.press("Up Enter Enter Enter Enter");
    let text = bench.text();
    assert!(asked(&mut bench).is_empty(), "{text}");
    assert!(text.contains("Do it all the same?"), "{text}");
    assert!(text.contains("nobody would be on call on Core"), "{text}");
    bench.press("n");
    assert_eq!(asked(&mut bench), []);
}

#[test]
fn swapping_exchanges_two_stretches_in_one_change() {
    let mut bench = bench_of(with(Vec::new()), (120, 35), DEFAULT);
    bench.press("Right W Enter");
    if bench.text().contains("Do it all the same?") {
        bench.press("y");
    }
    let asked = asked(&mut bench);
    let [Ask::Set { wanted, what: What::Swap }] = asked.as_slice() else { panic!("{asked:?}") };
    let [one, other] = wanted.as_slice() else { panic!("{wanted:?}") };
    assert_ne!(one.person, other.person);
    assert_ne!(one.at, other.at);
}

#[test]
fn an_override_is_cancelled_where_the_cursor_is_and_can_be_undone() {
    let mut bench = bench_of(with(vec![over(7, Some("mia"), -1, 3)]), (120, 35), DEFAULT);
    bench.press("D");
    if bench.text().contains("Do it all the same?") {
        bench.press("y");
    }
    let ask = asked(&mut bench);
    assert_eq!(ask, [Ask::Drop { ids: vec![OverrideId(7)] }]);
    let said = "OVR-7 dropped: core".to_owned();
    bench.tell(Msg::Answered {
        command: Command::Roster(ask[0].clone()),
        outcomes: vec![Outcome { id: None, verdict: Verdict::Done { said, also: Vec::new() } }],
    });
    assert!(bench.text().contains("OVR-7 dropped: core"), "{}", bench.text());
    assert!(bench.text().contains("undo"), "{}", bench.text());
    bench.press("u");
    assert_eq!(asked(&mut bench), [Ask::Undo]);
}

#[test]
fn where_no_override_is_there_is_nothing_to_cancel() {
    let mut bench = bench_of(with(Vec::new()), (120, 35), DEFAULT);
    bench.press("D");
    assert!(bench.text().contains("no override here"), "{}", bench.text());
    assert_eq!(asked(&mut bench), []);
}

#[test]
fn a_read_only_console_changes_no_roster() {
    let mut world = with(Vec::new());
    let site = Arc::make_mut(&mut world.site);
    site.read_only = true;
    let mut bench = bench_of(world, (120, 35), DEFAULT);
    for keys in ["T", "O", "W", "D"] {
        bench.press(keys);
        assert!(bench.cmds.is_empty(), "{keys}: {:?}", bench.cmds);
        assert!(bench.model.overlays.is_empty(), "{keys}");
    }
}

#[test]
fn the_header_says_who_has_it_on_every_tab() {
    let mut bench = Bench::new(with(Vec::new()), 160, 45, DEFAULT);
    let first = |bench: &Bench| bench.text().lines().next().unwrap_or_default().to_owned();
    assert!(first(&bench).contains("on call Luis Peña"), "{}", first(&bench));
    bench.press("2");
    assert!(first(&bench).contains("on call Luis Peña"), "{}", first(&bench));
}

#[test]
fn the_cursor_goes_along_with_time_until_it_is_moved_and_back_by_a_key() {
    let mut bench = bench((160, 45));
    assert!(bench.model.situation().root);
    bench.press("Right Right");
    assert!(!bench.model.situation().root, "q leaves the place first");
    bench.press(".");
    assert!(bench.model.situation().root);
}

/// The world with a layer of Core that a calendar states.
fn imported(stated: Option<Vec<Duty>>, state: SourceState, seconds: i64) -> Snapshot {
    let text = TEAM.replace(
        "\n[[schedules]]\nid = \"network\"",
        "\n[[schedules.layers]]\nname = \"rota\"\nsource = \"rota\"\n\n[[schedules]]\nid = \"network\"",
    ) + "[[sources]]\nname = \"rota\"\nkind = \"ical\"\nfile = \"rota.ics\"\n";
    let mut world = staffed_by(world(), &text);
    let mut status = source("rota", "ical", state, seconds);
    status.last_ok = status.last_ok.filter(|_| stated.is_some());
    world.sources = part(vec![status]);
    let stated = stated.map(|duties| ("rota".into(), Arc::from(duties)));
    world.imported = part(stated.into_iter().collect());
    world
}

fn duty(person: &str, from: i64, hours: i64) -> Duty {
    let from = now() + TimeDelta::hours(from);
    Duty { person: person.into(), at: Interval::new(from, from + TimeDelta::hours(hours)) }
}

#[test]
fn a_layer_that_a_calendar_states_is_shown_and_kept_while_its_source_fails() {
    let stated = || Some(vec![duty("mia", -1, 12), duty("luis", 48, 8)]);
    let bench = bench_of(imported(stated(), SourceState::Fresh, 4), (160, 45), DEFAULT);
    assert_snapshot!("oncall-imported", bench.text());
    let failing = SourceState::Failing {
        since: now() - TimeDelta::minutes(30),
        error: "https://calendar.example failed (500): look at the server's log".to_owned(),
        next_try: now() + TimeDelta::seconds(12),
    };
    let bench = bench_of(imported(stated(), failing, 1_860), (160, 45), DEFAULT);
    let text = bench.text();
    assert!(text.contains("Mia Chen") && text.contains("rota as it was 31m ago"), "{text}");
    let bench = bench_of(imported(None, SourceState::Never, 0), (160, 45), DEFAULT);
    let text = bench.text();
    assert!(text.contains("rota has not been read"), "{text}");
}

#[test]
fn new_shifts_of_a_calendar_are_shown_at_once() {
    let fresh = || SourceState::Fresh;
    let mut bench =
        bench_of(imported(Some(vec![duty("mia", -1, 12)]), fresh(), 4), (160, 45), DEFAULT);
    assert!(bench.text().contains("Mia Chen"));
    let mut next = imported(Some(vec![duty("ana", -1, 12)]), fresh(), 4);
    next.plan = Arc::clone(&bench.model.world.plan);
    next.imported.generation = 2;
    bench.tell(Msg::World(Arc::new(next)));
    let text = bench.text();
    let first = text.lines().find(|l| l.contains("core 1")).unwrap_or_default();
    assert!(first.contains("Ana Ruiz"), "{text}");
}

#[test]
fn an_incident_is_assigned_to_whoever_is_on_call_first() {
    let mut bench = Bench::new(with(Vec::new()), 120, 35, DEFAULT);
    bench.press("2 A");
    let text = bench.text();
    let line = |name: &str| text.lines().position(|l| l.contains(name)).unwrap_or(usize::MAX);
    assert!(line("Luis Peña, on call: core") < line("Mia Chen, on call: network"), "{text}");
    bench.press("Down Enter");
    let sent = bench.cmds.iter().any(|cmd| format!("{cmd:?}").contains("to: Some(\"luis\")"));
    assert!(sent, "{:?}", bench.cmds);
}

#[test]
fn what_cannot_be_is_said_in_the_form_and_not_after_a_question() {
    let mut bench = bench_of(with(Vec::new()), (120, 35), DEFAULT);
    bench.press("O Enter Ctrl-u");
    bench.type_text("2026-11-01 10:00");
    bench.press("Enter Ctrl-u");
    bench.type_text("2026-11-02 10:00");
    bench.press("Enter Enter");
    let text = bench.text();
    assert!(text.contains("that time is over"), "{text}");
    assert!(!text.contains("Do it all the same?"), "{text}");
    assert_eq!(asked(&mut bench), []);
}

#[test]
fn nobody_on_purpose_is_no_one_who_goes_on() {
    let bench = Bench::new(with(vec![over(1, None, 2, 3)]), 160, 45, DEFAULT);
    let text = bench.text();
    let first = text.lines().next().unwrap_or_default();
    assert!(first.contains("on call Luis Peña → nobody 16:03 → Luis Peña 19:03"), "{first}");
}

#[test]
fn esc_leads_out_of_the_team_and_q_does_not_quit_from_there() {
    let mut bench = bench((120, 35));
    bench.press("Enter");
    assert!(bench.text().contains("Expires within 90 days"), "{}", bench.text());
    assert!(!bench.model.situation().root);
    bench.press("Esc");
    assert!(bench.text().contains("week of 23 Nov"), "{}", bench.text());
    assert!(bench.model.situation().root);
}
