//! The frame around the screens: header, footer, overlays, and what keys mean.

use std::sync::Arc;

use atalaya::domain::command::{Command, Outcome, Verdict};
use atalaya::domain::incident::lifecycle::{Action, Report, Target};
use atalaya::domain::incident::{Findings, IncidentId, Priority};
use atalaya::engine::StoreState;
use atalaya::ui::keymap::Keymap;
use atalaya::ui::overlay::Overlay;
use atalaya::ui::screens::Tone;
use atalaya::ui::terminal::{Background, InputEvent};
use atalaya::ui::{Cmd, Msg, Settings, Tab};
use chrono::TimeDelta;
use insta::assert_snapshot;
use rstest::rstest;

use crate::support::{Bench, DEFAULT, now, part, world};

fn bench() -> Bench {
    Bench::new(world(), 120, 35, DEFAULT)
}

fn line(bench: &Bench, n: usize) -> String {
    bench.text().lines().nth(n).unwrap_or_default().to_owned()
}

fn header(bench: &Bench) -> String {
    line(bench, 0)
}

fn footer(bench: &Bench) -> String {
    line(bench, 34)
}

fn acknowledge(id: u64) -> Command {
    let targets = vec![Target { id: IncidentId(id), seen: id }];
    Command::Act { targets, action: Action::Acknowledge { lasting: None } }
}

fn done(id: u64) -> Msg {
    let said = format!("INC-{id} acknowledged");
    let verdict = Verdict::Done { said, also: Vec::new() };
    let outcomes = vec![Outcome { id: Some(IncidentId(id)), verdict }];
    Msg::Answered { command: acknowledge(id), outcomes }
}

#[rstest]
#[case::help("help", "?")]
#[case::palette("palette", ":")]
#[case::palette_typed("palette-typed", ": m s g")]
#[case::sources("sources", "i")]
#[case::messages("messages", "t t M")]
#[case::follow("follow", "g")]
#[case::report("report", "N")]
fn each_overlay_has_its_picture(#[case] name: &str, #[case] keys: &str) {
    let mut bench = bench();
    bench.press(keys);
    assert_snapshot!(format!("frame-{name}"), bench.text());
}

#[rstest]
#[case::palette("palette", ":")]
#[case::sources("sources", "i")]
fn each_overlay_can_be_read_at_80x24(#[case] name: &str, #[case] keys: &str) {
    let mut bench = Bench::new(world(), 80, 24, DEFAULT);
    bench.press(keys);
    assert_snapshot!(format!("frame-{name}-80x24"), bench.text());
}

#[test]
fn the_welcome_has_its_picture_and_any_key_ends_it_without_acting() {
    let mut bench = bench();
    bench.model.overlays.push(Overlay::Welcome);
    assert_snapshot!("frame-welcome", bench.text());
    bench.press("q");
    assert_eq!(bench.cmds, [Cmd::Welcomed]);
    assert!(bench.model.overlays.is_empty());
}

#[rstest]
#[case(160)]
#[case(120)]
#[case(80)]
#[case(60)]
#[case(44)]
fn p1_and_blindness_never_leave_the_header(#[case] width: u16) {
    let mut world = world();
    world.blind = Arc::new(vec![("prom-dc1".into(), String::new(), now() - TimeDelta::hours(2))]);
    let bench = Bench::new(world, width, 24, DEFAULT);
    let header = line(&bench, 0);
    assert!(header.contains("P1 1") && header.contains("BLIND prom-dc1 2h"), "{header:?}");
}

#[test]
fn what_is_not_all_read_yet_is_counted_with_a_plus() {
    let mut world = world();
    Arc::make_mut(&mut world.incidents.value).unread = Some(Priority(3));
    let bench = Bench::new(world, 160, 24, DEFAULT);
    let header = line(&bench, 0);
    assert!(header.contains("P2 1  ") && header.contains("P3 1+"), "{header:?}");
    assert!(line(&bench, 1).contains("Incidents  3+"), "{:?}", line(&bench, 1));
}

#[test]
fn the_header_names_the_worst_source_with_its_age() {
    assert!(line(&bench(), 0).contains("sources 3/4 ✖ dc2 57s"));
}

#[test]
fn a_failing_store_stays_on_the_screen() {
    let mut world = world();
    let why = "no space left on device".to_owned();
    world.store = StoreState::Failing { since: now() - TimeDelta::seconds(90), why };
    let mut bench = Bench::new(world, 120, 35, DEFAULT);
    bench.press("2 1 ?");
    let banner = line(&bench, 2);
    assert!(banner.contains("STORE FAILING 1m: no space left on device"), "{banner}");
}

#[test]
fn the_tick_of_the_clock_changes_only_a_few_cells() {
    let mut bench = bench();
    let before = bench.draw().0;
    bench.wait(1);
    let after = bench.draw().0;
    let changed: Vec<_> = before.diff(&after);
    // The clock's last digit and the age of the failing source.
    assert!(changed.len() <= 8, "{} cells: {:?}", changed.len(), changed);
}

#[test]
fn escape_never_quits_however_often_it_is_pressed() {
    for keys in ["", "2", "Enter", "?", ":", "/", "i", "g", "N"] {
        let mut bench = bench();
        bench.press(keys).press("Esc Esc Esc Esc Esc");
        assert!(!bench.cmds.iter().any(|c| matches!(c, Cmd::Quit(_))), "after {keys:?}");
        assert!(bench.model.overlays.is_empty());
    }
}

#[test]
fn control_c_ends_it_from_everywhere() {
    for keys in ["", "?", ":", "/", "N", "g"] {
        let mut bench = bench();
        bench.press(keys).press("Ctrl-c");
        assert_eq!(bench.cmds.last(), Some(&Cmd::Quit(130)), "after {keys:?}");
    }
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_obeys_q() {
    let mut bench = Bench::new(world(), 43, 9, DEFAULT);
    let text = bench.text();
    assert!(text.contains("43x9 is too small") && text.contains("needs 44x10"), "{text}");
    bench.press("? a 2 j");
    assert!(bench.model.overlays.is_empty() && bench.cmds.is_empty());
    bench.press("q");
    assert_eq!(bench.cmds, [Cmd::Quit(0)]);
}

#[test]
fn a_paste_outside_a_field_is_discarded() {
    let mut bench = bench();
    bench.tell(Msg::Input(InputEvent::Paste("q2?:R".to_owned())));
    assert_eq!(bench.cmds, []);
    assert!(bench.model.overlays.is_empty());
}

#[test]
fn a_paste_into_a_field_is_text() {
    let mut bench = bench();
    bench.press(":").tell(Msg::Input(InputEvent::Paste("mess\nages".to_owned())));
    assert!(bench.text().contains("mess ages"), "{}", bench.text());
}

#[test]
fn a_sequence_shows_what_may_follow_and_escape_gives_it_up() {
    let mut bench = bench();
    bench.press("g");
    assert!(footer(&bench).contains("i Incidents"), "{}", footer(&bench));
    bench.press("Esc");
    assert!(footer(&bench).contains("filter"));
    bench.press("g i");
    assert_eq!(bench.model.tab, atalaya::ui::app::Tab::Incidents);
}

#[test]
fn a_key_with_nothing_to_act_on_says_so() {
    let mut bench = bench();
    bench.press("u");
    assert!(footer(&bench).contains("nothing of yours to undo"));
}

#[test]
fn what_was_done_is_said_first_and_the_way_back_second_counting_down() {
    let mut bench = bench();
    bench.tell(done(2040));
    assert!(
        footer(&bench).contains("✓ INC-2040 acknowledged · u undo (30 s)"),
        "{}",
        footer(&bench)
    );
    bench.wait(2);
    assert!(footer(&bench).contains("u undo (28 s)"), "{}", footer(&bench));
    bench.press("u");
    let undo = Command::Undo { targets: vec![IncidentId(2040)] };
    assert_eq!(bench.cmds, [Cmd::Ask(undo)]);
}

#[test]
fn after_thirty_seconds_there_is_nothing_to_undo() {
    let mut bench = bench();
    bench.tell(done(2040)).wait(31).press("u");
    assert_eq!(bench.cmds, []);
}

#[test]
fn what_was_said_can_be_read_again() {
    let mut bench = bench();
    bench.tell(done(2040)).wait(60);
    assert!(!bench.text().contains("INC-2040 acknowledged"));
    bench.press("M");
    assert!(bench.text().contains("14:03:27  ✓ INC-2040 acknowledged"), "{}", bench.text());
}

#[test]
fn a_long_message_is_shown_whole_in_the_messages_and_copied_from_there() {
    let mut bench = Bench::new(world(), 80, 24, DEFAULT);
    let long = format!("the store cannot be written: {}the end", "disk full, ".repeat(20));
    bench.tell(Msg::Say(Tone::Bad, "short".to_owned()));
    bench.tell(Msg::Say(Tone::Bad, long.clone()));
    let text = bench.text();
    let said: Vec<&str> = text.trim_end().lines().rev().take(2).collect();
    assert!(said[1].contains("✖ the store cannot") && said[0].contains("disk full"), "{text}");
    bench.press("M");
    assert!(bench.text().contains("the end") && bench.text().contains("short"), "{}", bench.text());
    bench.press("y");
    assert_eq!(bench.cmds, [Cmd::Copy(long)]);
    bench.cmds.clear();
    bench.tell(Msg::Say(Tone::Info, "arrives meanwhile".to_owned()));
    bench.press("j Enter");
    assert_eq!(bench.cmds, [Cmd::Copy("short".to_owned())], "the cursor stays on its message");
}

#[test]
fn the_narrow_page_of_a_service_says_how_to_reach_its_other_pane_and_how_to_leave() {
    let mut bench = Bench::new(world(), 80, 24, DEFAULT);
    bench.press("Enter");
    let hints = line(&bench, 23);
    assert!(hints.contains("Tab pane") && hints.contains("Esc back"), "{hints}");
    assert!(!hints.contains("shorter"), "{hints}");
    bench.press("Tab");
    assert!(line(&bench, 23).contains("Tab pane") && bench.model.situation().chart);
}

#[test]
fn a_note_that_could_not_be_stored_stands_in_the_form_again() {
    let mut bench = bench();
    bench.press("2 n");
    bench.type_text("pool exhausted");
    bench.press("Enter");
    let [.., Cmd::Ask(command)] = bench.cmds.as_slice() else { panic!("{:?}", bench.cmds) };
    let command = command.clone();
    let Command::Act { targets, .. } = &command else { panic!("{command:?}") };
    let answer = |verdict| vec![Outcome { id: Some(targets[0].id), verdict }];
    let why = "the store cannot be written: the disk is full".to_owned();
    let refused = answer(Verdict::Refused { why });
    bench.tell(Msg::Answered { command: command.clone(), outcomes: refused });
    let text = bench.text();
    assert!(text.contains("pool exhausted") && text.contains("is full"), "{text}");
    bench.press("Esc");
    assert!(bench.text().contains("your text is kept"), "{}", bench.text());
    bench.press("n");
    assert!(bench.text().contains("pool exhausted"), "{}", bench.text());
    bench.cmds.clear();
    bench.press("Esc E");
    assert_eq!(bench.cmds, [Cmd::Edit("pool exhausted".to_owned())]);
    bench.press("Enter");
    let said = "INC-1 annotated".to_owned();
    let done = answer(Verdict::Done { said, also: Vec::new() });
    bench.tell(Msg::Answered { command, outcomes: done });
    bench.press("n");
    assert!(!bench.text().contains("pool exhausted"), "{}", bench.text());
}

#[test]
fn a_refusal_does_not_open_the_form_under_the_keys_of_whoever_went_on() {
    let mut bench = bench();
    bench.press("2 n");
    bench.type_text("pool exhausted");
    bench.press("Enter");
    let [.., Cmd::Ask(command)] = bench.cmds.as_slice() else { panic!("{:?}", bench.cmds) };
    let command = command.clone();
    bench.press("j");
    let verdict = Verdict::Refused { why: "INC-1 is closed".to_owned() };
    bench.tell(Msg::Answered { command, outcomes: vec![Outcome { id: None, verdict }] });
    assert!(bench.text().contains("is closed; your text is kept"), "{}", bench.text());
    assert!(!bench.text().contains("pool exhausted"), "{}", bench.text());
}

#[test]
fn a_console_that_was_started_read_only_has_a_badge_and_no_line_for_it() {
    let mut world = world();
    let why = "this console was started with --read-only".to_owned();
    world.store = StoreState::ReadOnly { why };
    let shown = Bench::new(world.clone(), 120, 35, DEFAULT).text();
    assert!(
        shown.contains("STORE READ-ONLY: this console"),
        "another reason has its line: {shown}"
    );
    let mut site = (*world.site).clone();
    site.read_only = true;
    world.site = Arc::new(site);
    let bench = Bench::new(world, 120, 35, DEFAULT);
    assert!(header(&bench).contains("READ-ONLY"), "{}", header(&bench));
    assert!(!bench.text().contains("STORE READ-ONLY"), "{}", bench.text());
}

#[test]
fn warnings_of_a_source_that_is_down_are_told_as_old() {
    let mut world = world();
    let mut sources = world.sources.to_vec();
    for source in &mut sources {
        source.warnings = vec!["a query gives no number".to_owned()];
    }
    world.sources = part(sources);
    let mut bench = Bench::new(world, 120, 35, DEFAULT);
    bench.press("i");
    let text = bench.text();
    assert!(text.contains("warning  a query gives no number"), "{text}");
    assert!(text.contains("earlier  57s: a query gives no number"), "{text}");
}

#[test]
fn the_palette_shows_no_key_that_has_no_meaning_here() {
    let mut bench = bench();
    bench.press("2 :");
    bench.type_text("cancel");
    let text = bench.text();
    let line = text.lines().find(|l| l.contains("a false alarm")).unwrap();
    assert!(!line.contains(" D "), "{line}");
    bench.press("Enter");
    assert!(bench.text().contains("Reason"), "by its name it works: {}", bench.text());
}

#[test]
fn resolving_what_still_fires_asks_and_yes_forces_it() {
    let mut bench = bench();
    let targets = vec![Target { id: IncidentId(2040), seen: 7 }];
    let action =
        Action::Resolve { reason: "fixed".to_owned(), findings: Findings::default(), force: false };
    let verdict = Verdict::Confirm { why: "2 of its alerts still fire".to_owned() };
    let outcomes = vec![Outcome { id: Some(IncidentId(2040)), verdict }];
    bench.tell(Msg::Answered {
        command: Command::Act { targets: targets.clone(), action },
        outcomes,
    });
    assert!(bench.text().contains("2 of its alerts still fire"));
    bench.press("y");
    let action =
        Action::Resolve { reason: "fixed".to_owned(), findings: Findings::default(), force: true };
    assert_eq!(bench.cmds, [Cmd::Ask(Command::Act { targets, action })]);
}

#[test]
fn a_read_only_console_sends_nothing_that_changes_anything() {
    let mut world = world();
    let mut site = (*world.site).clone();
    site.read_only = true;
    world.site = Arc::new(site);
    let mut bench = Bench::new(world, 120, 35, DEFAULT);
    bench.press("2 a U R n A D N Space 1 N");
    assert!(!bench.cmds.iter().any(|c| matches!(c, Cmd::Ask(_))), "{:?}", bench.cmds);
    assert!(bench.model.overlays.is_empty());
    assert!(line(&bench, 0).contains("READ-ONLY"));
}

#[test]
fn leaving_while_something_is_not_stored_yet_asks() {
    let mut bench = bench();
    bench.press("N").type_text("printer on fire").press("Ctrl-s");
    assert!(matches!(bench.cmds.as_slice(), [Cmd::Ask(Command::Report(_))]), "{:?}", bench.cmds);
    bench.press("q");
    assert!(bench.text().contains("not confirmed as stored yet"));
    bench.press("n q y");
    assert_eq!(bench.cmds.last(), Some(&Cmd::Quit(0)));
}

#[test]
fn a_command_that_takes_long_says_that_it_is_waited_for() {
    let mut bench = bench();
    bench.press("N").type_text("printer").press("Ctrl-s");
    bench.wait(1);
    assert!(footer(&bench).contains("storing"), "{}", footer(&bench));
}

#[test]
fn the_key_that_opened_an_overlay_closes_it() {
    for key in ["?", "i", "M"] {
        let mut bench = bench();
        bench.press(key);
        assert_eq!(bench.model.overlays.len(), 1, "{key}");
        bench.press(key);
        assert!(bench.model.overlays.is_empty(), "{key}");
    }
}

#[test]
fn the_palette_finds_an_action_by_some_of_its_letters() {
    let mut bench = bench();
    bench.press(":").type_text("srcs").press("Enter");
    assert!(matches!(bench.model.overlays.last(), Some(Overlay::Sources(_))));
}

#[test]
fn every_action_that_works_here_is_in_the_help_or_the_palette() {
    let mut bench = Bench::new(world(), 160, 100, DEFAULT);
    bench.press("?");
    let help = bench.text();
    for entry in atalaya::ui::keymap::TABLE {
        let here = entry.within.iter().any(|c| bench.model.screen().contexts().contains(c));
        if here && !entry.keys.is_empty() {
            assert!(help.contains(entry.help), "{} is not in the help", entry.name);
        }
    }
}

#[test]
fn own_keys_are_what_the_footer_and_the_help_show() {
    let mut bench = bench();
    let changes = [("filter".to_owned(), vec!["K".to_owned()])].into();
    bench.model.prefs.settings.keymap = atalaya::ui::keymap::Keymap::with(&changes).0;
    assert!(footer(&bench).contains("K filter"), "{}", footer(&bench));
    bench.press("K");
    assert!(bench.model.typing());
}

#[test]
fn the_theme_follows_the_background_until_somebody_chooses_one() {
    let mut bench = bench();
    bench.tell(Msg::Input(InputEvent::Background(Background::Light)));
    assert_eq!(bench.cmds, [Cmd::Theme("atalaya-light".to_owned())]);
    bench.cmds.clear();
    bench.press(":").type_text("theme").press("Enter").type_text("nord").press("Enter");
    assert_eq!(bench.cmds, [Cmd::Theme("nord".to_owned())]);
    bench.cmds.clear();
    bench.tell(Msg::Input(InputEvent::Background(Background::Light)));
    assert_eq!(bench.cmds, []);
}

#[test]
fn a_config_that_is_read_again_changes_keys_theme_mouse_and_tabs_at_once() {
    let mut bench = bench();
    let keys = [("filter".to_owned(), vec!["K".to_owned()])].into();
    let settings = Settings {
        theme: Some("nord".to_owned()),
        keymap: Keymap::with(&keys).0,
        mouse: true,
        tabs: vec![Tab::Incidents],
        ..Settings::default()
    };
    bench.tell(Msg::Settings(Box::new(settings.clone())));
    assert_eq!(bench.cmds, [Cmd::Theme("nord".to_owned()), Cmd::Mouse(true)]);
    assert!(footer(&bench).contains("K filter"), "{}", footer(&bench));
    let tabs = bench.text().lines().nth(1).unwrap().to_owned();
    let at = |tab: Tab| tabs.find(tab.label()).unwrap();
    assert!(at(Tab::Incidents) < at(Tab::Health), "the tab that is open stays in the line: {tabs}");
    bench.cmds.clear();
    bench.tell(Msg::Settings(Box::new(settings)));
    assert_eq!(bench.cmds, [], "what did not change is left alone");
}

#[test]
fn a_broken_config_stays_in_the_header_until_a_good_one_is_loaded() {
    let mut bench = bench();
    let why = "/etc/atalaya/config.toml:12:3 unknown key".to_owned();
    bench.tell(Msg::Config(Err(("broken: config.toml:12".to_owned(), why))));
    bench.wait(600);
    assert!(header(&bench).contains("config broken: config.toml:12"), "{}", header(&bench));
    bench.tell(Msg::Config(Err(("gone".to_owned(), "it is gone".to_owned()))));
    assert!(header(&bench).contains("config gone "), "{}", header(&bench));
    bench.tell(Msg::Config(Ok("config reloaded".to_owned())));
    assert!(!header(&bench).contains("config"), "{}", header(&bench));
}

#[rstest]
#[case(&[0], "TLS unchecked: prom-dc1 ")]
#[case(&[0, 1], "TLS unchecked: prom-dc1 +1 ")]
fn certificates_that_are_not_checked_are_told_in_the_header(
    #[case] insecure: &[usize],
    #[case] expect: &str,
) {
    let mut world = world();
    let mut sources = world.sources.to_vec();
    for i in insecure {
        sources[*i].insecure = true;
    }
    world.sources = part(sources);
    let mut bench = Bench::new(world, 160, 24, DEFAULT);
    assert!(header(&bench).contains(expect), "{}", header(&bench));
    let why = "unknown key".to_owned();
    bench.resize(80, 24).tell(Msg::Config(Err(("broken: config.toml:12".to_owned(), why))));
    for part in ["P1 1", "config broken", "TLS unchecked", "3/4 ✖ dc2"] {
        assert!(header(&bench).contains(part), "{part} is not in {}", header(&bench));
    }
}

#[test]
fn reduced_motion_shows_no_seconds_and_sleeps_until_the_minute() {
    let mut bench = bench();
    bench.model.prefs.settings.reduce_motion = true;
    let header = bench.text().lines().next().unwrap().to_owned();
    assert!(header.contains("14:03 CET") && !header.contains("14:03:"), "{header}");
    let next = bench.model.next_change();
    assert_eq!(next.format("%S").to_string(), "00");
    assert!(next > now() && next - now() <= TimeDelta::minutes(1));
}

fn outcomes(said: &[&str]) -> Vec<Outcome> {
    let outcome = |said: &&str| {
        let verdict = Verdict::Done { said: (*said).to_owned(), also: Vec::new() };
        Outcome { id: Some(IncidentId(1)), verdict }
    };
    said.iter().map(outcome).collect()
}

#[test]
fn the_toast_of_many_says_what_was_done_to_them() {
    let mut bench = bench();
    let command = acknowledge(1);
    let outcomes = outcomes(&["INC-1 no longer acknowledged", "INC-2 no longer acknowledged"]);
    bench.tell(Msg::Answered { command, outcomes });
    assert!(footer(&bench).contains("2 no longer acknowledged"), "{}", footer(&bench));
}

#[test]
fn undo_after_a_note_says_that_it_stays_and_then_reaches_what_was_before() {
    let mut bench = bench();
    bench.tell(done(1));
    let action = Action::Note { text: "hello".to_owned() };
    let command = Command::Act { targets: vec![Target { id: IncidentId(1), seen: 1 }], action };
    bench.tell(Msg::Answered { command, outcomes: outcomes(&["INC-1 noted"]) });
    bench.cmds.clear();
    bench.press("u");
    assert!(footer(&bench).contains("a note stays"), "{}", footer(&bench));
    assert_eq!(bench.cmds, []);
    bench.press("u");
    assert_eq!(bench.cmds, [Cmd::Ask(Command::Undo { targets: vec![IncidentId(1)] })]);
}

#[test]
fn a_report_by_hand_can_be_taken_back() {
    let mut bench = bench();
    let command = Command::Report(Report { title: "smoke".to_owned(), ..Report::default() });
    bench.tell(Msg::Answered { command, outcomes: outcomes(&["INC-1 reported"]) });
    bench.cmds.clear();
    bench.press("u");
    assert_eq!(bench.cmds, [Cmd::Ask(Command::Undo { targets: vec![IncidentId(1)] })]);
}

#[test]
fn news_is_told_but_never_over_the_offer_to_undo() {
    let mut bench = bench();
    bench.tell(Msg::News("P1 checkout  INC-9: down".to_owned()));
    assert!(footer(&bench).contains("INC-9: down"), "{}", footer(&bench));
    bench.tell(done(1));
    bench.tell(Msg::News("P1 search  INC-10: slow".to_owned()));
    assert!(footer(&bench).contains("INC-1 acknowledged"), "{}", footer(&bench));
    bench.press("M");
    assert!(bench.text().contains("INC-10: slow"));
    // What came of an own action is read first also where nothing takes it back.
    bench.press("Esc");
    bench.tell(Msg::Answered {
        command: Command::Undo { targets: vec![IncidentId(1)] },
        outcomes: outcomes(&["INC-1 no longer acknowledged"]),
    });
    bench.tell(Msg::News("P1 search  INC-11: slow".to_owned()));
    assert!(footer(&bench).contains("INC-1 no longer acknowledged"), "{}", footer(&bench));
}

#[test]
fn a_narrow_banner_says_the_reason_before_the_path() {
    let mut world = world();
    let why =
        "the store /home/ana/.local/share/atalaya/atalaya.db could not be used: its file is gone; \
               put it back"
            .to_owned();
    world.store = StoreState::Failing { since: now(), why };
    let bench = Bench::new(world, 80, 24, DEFAULT);
    assert!(line(&bench, 2).contains("its file is gone"), "{}", line(&bench, 2));
}

#[test]
fn a_store_that_was_moved_aside_is_said_for_as_long_as_the_console_is_open() {
    let mut world = world();
    world.notices = ["the store was damaged and moved to x.damaged".to_owned()].into();
    let bench = Bench::new(world, 120, 35, DEFAULT);
    assert!(line(&bench, 2).contains("moved to x.damaged"), "{}", line(&bench, 2));
}

#[test]
fn a_key_of_another_place_says_where_it_works() {
    let mut bench = bench();
    bench.press("a");
    assert!(footer(&bench).contains("acknowledge works in the queue"), "{}", footer(&bench));
    bench.press("2 D");
    assert!(footer(&bench).contains("cancel works on an incident's own page"));
}

#[test]
fn the_welcome_goes_with_any_key_and_the_keys_that_it_names_work_at_once() {
    let mut bench = bench();
    bench.model.overlays.push(Overlay::Welcome);
    bench.press("?");
    assert_eq!(bench.cmds, [Cmd::Welcomed]);
    assert!(matches!(bench.model.overlays.as_slice(), [Overlay::Help(..)]));
    bench.model.overlays = vec![Overlay::Welcome];
    bench.press("q");
    assert!(bench.model.overlays.is_empty());
    assert!(!bench.cmds.contains(&Cmd::Quit(0)));
}

#[test]
fn the_same_thing_said_twice_is_one_message() {
    let mut bench = bench();
    for _ in 0..5 {
        bench.tell(Msg::Say(Tone::Info, "no bus".to_owned()));
    }
    assert_eq!(bench.model.messages.len(), 1);
}
