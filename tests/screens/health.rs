//! The Health tab: what keys do, and how it looks.

use atalaya::domain::health::rollup::Health;
use atalaya::domain::health::{ServiceId, State};
use atalaya::engine::Snapshot;
use atalaya::ui::terminal::{InputEvent, Mods, Mouse, MouseKind};
use atalaya::ui::{Cmd, Msg, RangeAnswer};
use chrono::TimeDelta;
use insta::assert_snapshot;
use rstest::rstest;
use std::sync::Arc;

use crate::support::{ASCII, Bench, DEFAULT, Look, MONO, crowd, now, part, world};

const WIDE: (u16, u16) = (160, 45);

fn bench(size: (u16, u16)) -> Bench {
    Bench::new(world(), size.0, size.1, DEFAULT)
}

/// The line on which the cursor stands, by its bar.
fn cursor_line(bench: &Bench) -> String {
    let text = bench.text();
    let line = text.lines().find(|l| l.starts_with("│▌"));
    line.unwrap_or_default().chars().take(60).collect()
}

/// The same world, changed.
fn changed(change: impl FnOnce(&mut Health)) -> Msg {
    let mut world: Snapshot = world();
    let mut health = (*world.health.value).clone();
    change(&mut health);
    health.index =
        health.services.iter().enumerate().map(|(i, s)| (s.service.id.clone(), i)).collect();
    world.health = part(health);
    world.health.generation = 2;
    Msg::World(Arc::new(world))
}

#[rstest]
#[case::small(80, 24)]
#[case::medium(120, 35)]
#[case::large(160, 45)]
#[case::tiny(1, 1)]
#[case::huge(500, 200)]
fn it_looks_right_at_every_size(#[case] width: u16, #[case] height: u16) {
    let text = bench((width, height)).text();
    assert_snapshot!(format!("health-{width}x{height}"), text);
}

#[rstest]
#[case::default("default", DEFAULT)]
#[case::mono("mono", MONO)]
#[case::ascii("ascii", ASCII)]
fn it_looks_right_in_every_style(#[case] name: &str, #[case] look: Look) {
    let bench = Bench::new(world(), 120, 35, look);
    assert_snapshot!(format!("health-style-{name}"), bench.picture());
}

#[rstest]
#[case::tree("tree", "v")]
#[case::tiles("tiles", "v v")]
#[case::team("team", "z")]
#[case::dependency("dependency", "z z v")]
#[case::performance("performance", "d")]
#[case::stability("stability", "d d")]
#[case::filter("filter", "/ d b")]
#[case::cursor("chart-cursor", "Left Left Left Left Left Left")]
#[case::full("full", "Enter")]
fn each_way_to_look_at_it_has_its_picture(#[case] name: &str, #[case] keys: &str) {
    let mut bench = bench(WIDE);
    bench.press(keys);
    assert_snapshot!(format!("health-{name}"), bench.text());
}

#[rstest]
#[case::facts("Enter")]
#[case::charts("Enter Tab")]
fn one_service_in_a_small_terminal_has_two_panes(#[case] keys: &str) {
    let mut bench = bench((80, 24));
    bench.press(keys);
    let name = keys.replace(' ', "-").to_lowercase();
    assert_snapshot!(format!("health-small-{name}"), bench.text());
}

#[test]
fn in_ascii_nothing_else_is_drawn() {
    for keys in ["", "v", "v v", "Enter", "?", "i", "g", ":"] {
        let mut bench = Bench::new(world(), 160, 45, ASCII);
        bench.press(keys);
        let text = bench.text();
        // The name of a service may be in any script.
        let foreign = text.chars().find(|c| !c.is_ascii() && !"日本語サービス".contains(*c));
        assert_eq!(foreign, None, "after {keys:?}:\n{text}");
    }
}

#[test]
fn the_cursor_stays_on_its_service_when_another_becomes_critical() {
    let mut bench = bench(WIDE);
    bench.press("j j j");
    let before = cursor_line(&bench);
    assert!(before.contains("login"), "{before}");
    bench.tell(changed(|health| {
        for service in &mut health.services {
            if service.service.id.as_str() == "search" {
                let mut worse = (**service).clone();
                worse.state = State::Critical;
                *service = Arc::new(worse);
            }
        }
    }));
    assert_eq!(cursor_line(&bench), before);
}

#[test]
fn a_service_that_is_gone_leaves_its_full_screen() {
    let mut bench = bench(WIDE);
    bench.press("Enter");
    assert!(bench.text().contains("Open incidents"));
    bench.tell(changed(|health| health.services.retain(|s| s.service.id.as_str() != "checkout")));
    assert!(bench.text().contains("Services 13"));
}

#[test]
fn typing_a_filter_never_acts_and_escape_gives_the_old_one_back() {
    let mut bench = bench(WIDE);
    bench.press("/").type_text("q1vz?");
    assert!(bench.text().contains("no service matches the filter"));
    assert_eq!(bench.cmds, []);
    bench.press("Esc");
    assert!(bench.text().contains("checkout") && !bench.text().contains('‹'));
    bench.press("/").type_text("state:crit").press("Enter");
    assert!(bench.text().contains("‹state:crit›"));
    bench.press("Esc");
    assert!(!bench.text().contains('‹'), "Esc clears it in the list, too");
}

#[test]
fn nothing_is_green_when_nothing_fresh_is_known() {
    let mut blind = world();
    let mut health = (*blind.health.value).clone();
    for service in &mut health.services {
        let mut unknown = (**service).clone();
        unknown.state = State::Unknown;
        unknown.stale = true;
        *service = Arc::new(unknown);
    }
    blind.health = part(health);
    blind.blind = Arc::new(vec![("prom-dc1".into(), String::new(), now())]);
    let mut bench = Bench::new(blind, 160, 45, DEFAULT);
    bench.wait(3_600);
    let (buf, _) = bench.draw();
    let green = bench.model.prefs.theme.of(atalaya::ui::theme::Role::Ok).fg;
    let list = buf.area.rows().skip(4).flat_map(ratatui::layout::Rect::positions);
    let found = list.filter(|at| at.x < 90 && Some(buf[*at].fg) == green).count();
    assert_eq!(found, 0);
    assert!(bench.text().contains("BLIND prom-dc1 1h"));
}

#[test]
fn old_values_say_how_old_they_are() {
    let mut bench = bench(WIDE);
    bench.wait(600);
    assert!(bench.text().contains("10m old"), "{}", bench.text());
}

#[test]
fn the_chart_cursor_reads_a_value_and_escape_takes_it_away_first() {
    let mut bench = bench(WIDE);
    bench.press("Left");
    assert!(bench.text().contains("14:02:27"), "{}", bench.text());
    bench.press("Esc");
    assert!(!bench.text().contains("14:02:27"));
    bench.press("Esc Esc Esc");
    assert_eq!(bench.cmds, [], "Esc never quits");
}

#[test]
fn ranges_go_from_a_quarter_of_an_hour_to_thirty_days() {
    let mut bench = bench(WIDE);
    bench.press("[ [ [ [");
    assert!(bench.text().contains(" 15m "), "{}", bench.text());
    bench.press(&"] ".repeat(12));
    assert!(bench.text().contains(" 30d, loading"));
}

/// A week on the chart of the first service, once that was answered.
fn week(answer: RangeAnswer) -> Bench {
    let mut bench = bench(WIDE);
    bench.press("] ] ] ] ]");
    let Some(Cmd::Range(ask)) = bench.cmds.last().cloned() else { panic!("{:?}", bench.cmds) };
    assert_eq!((&*ask.source, ask.stretch.to - ask.stretch.from), ("prom-dc1", WEEK));
    bench.tell(Msg::Range(ask, answer));
    bench
}

const WEEK: TimeDelta = TimeDelta::days(7);

#[test]
fn a_range_that_memory_covers_is_asked_of_nobody() {
    let mut bench = bench(WIDE);
    bench.press("] ] [ [ [ [").wait(3_600);
    assert_eq!(bench.cmds, []);
}

#[test]
fn a_longer_range_is_asked_for_once_and_the_chart_says_that_it_is_loading() {
    let mut bench = bench(WIDE);
    bench.press("] ] ] ] ]");
    assert!(bench.text().contains("7d, loading"), "{}", bench.text());
    let asked = bench.cmds.len();
    bench.press("j k").wait(5);
    let spans = |c: &Cmd| match c {
        Cmd::Range(ask) => ask.stretch.to - ask.stretch.from,
        other => panic!("{other:?}"),
    };
    let weeks = bench.cmds.iter().skip(asked).filter(|c| spans(c) == WEEK).count();
    assert_eq!(weeks, 1, "that of the other service: {:?}", bench.cmds);
}

#[test]
fn a_longer_range_is_drawn_over_its_whole_width() {
    let points = (0..300).map(|n| {
        let at = now() - WEEK + WEEK / 300 * n;
        (at, 0.6 + 0.5 * (f64::from(n) / 20.0).sin())
    });
    let mut bench = week(Ok(Some(points.collect())));
    assert_snapshot!("health-week", bench.text());
    let asked = bench.cmds.len();
    bench.wait(1_200);
    assert_eq!(bench.cmds.len(), asked, "it is new enough for half an hour");
    bench.wait(3_600);
    assert_eq!(bench.cmds.len(), asked + 1, "and asked for again after that");
}

#[test]
fn a_source_without_a_past_and_one_that_fails_are_said_in_the_chart() {
    let bench = week(Ok(None));
    assert!(bench.text().contains("7d, history holds 6h"), "{}", bench.text());
    let mut bench = week(Err("prom-dc1 refuses connections".to_owned()));
    assert!(bench.text().contains("7d: prom-dc1 refuses connections"), "{}", bench.text());
    bench.wait(31);
    assert!(
        matches!(bench.cmds.last(), Some(Cmd::Range(ask)) if ask.stretch.to - ask.stretch.from == WEEK)
    );
}

#[test]
fn another_plan_makes_ranges_be_asked_for_anew() {
    let mut bench = week(Ok(None));
    let before = bench.cmds.len();
    bench.tell(Msg::Replanned);
    assert_eq!(bench.cmds.len(), before + 1);
}

#[test]
fn q_leaves_the_full_screen_and_quits_only_from_the_root() {
    let mut bench = bench(WIDE);
    bench.press("Enter q");
    assert_eq!(bench.cmds, []);
    bench.press("q");
    assert_eq!(bench.cmds, [Cmd::Quit(0)]);
}

#[test]
fn one_of_several_links_is_chosen_by_name() {
    let mut bench = bench(WIDE);
    bench.press("o");
    assert!(bench.text().contains("Open a link of checkout"));
    bench.type_text("dash").press("Enter");
    assert_eq!(bench.cmds, [Cmd::OpenLink("https://grafana.example/d/checkout".to_owned())]);
}

#[test]
fn copying_a_service_gives_one_line_for_a_ticket() {
    let mut bench = bench(WIDE);
    bench.press("y");
    let Some(Cmd::Copy(text)) = bench.cmds.first() else { panic!("{:?}", bench.cmds) };
    assert!(
        text.starts_with("checkout critical since 2026-11-23 13:58 CET: p99 latency"),
        "{text}"
    );
}

#[test]
fn the_full_screen_leads_to_incidents_dependencies_and_links() {
    let mut bench = bench(WIDE);
    bench.press("Enter j Enter");
    assert!(bench.text().contains("INC-2041"), "the incident, in its own tab");
    bench.press("1 Enter Enter");
    assert!(bench.text().contains(" db-main  ▲ warning"), "{}", bench.text());
}

#[test]
fn tiles_show_a_thousand_services_and_arrows_move_on_them() {
    let mut bench = Bench::new(crowd(1_000), 160, 45, DEFAULT);
    bench.press("v v");
    let before = bench.text();
    bench.press("Down Right Right");
    assert_ne!(bench.text(), before);
    bench.press("G");
    assert!(bench.text().contains("service-0999"), "{}", bench.text());
}

#[test]
fn every_size_can_be_drawn_after_every_key() {
    let keys = ["", "v", "v v", "Enter", "?", "i", "M", ":", "/", "o", "N", "g", "z z z", "d"];
    for size in [(1, 1), (3, 2), (44, 10), (45, 11), (60, 12), (80, 24), (111, 34), (300, 100)] {
        for keys in keys {
            let mut bench = bench(size);
            bench.press(keys).draw();
            bench.resize(size.1, size.0).draw();
        }
    }
}

#[rstest]
#[case::table("2 1")]
#[case::tiles("v v")]
fn a_click_moves_the_cursor_and_one_on_its_row_opens_it(#[case] keys: &str) {
    let mut bench = bench((120, 35));
    bench.press(keys);
    let text = bench.text();
    let (y, line) = text.lines().enumerate().find(|(_, l)| l.contains("mail")).unwrap();
    let x = line.chars().take_while(|c| *c != 'm').count();
    let kind = MouseKind::Down(0);
    let click = Mouse { kind, x: x as u16, y: y as u16, mods: Mods::NONE };
    bench.tell(Msg::Input(InputEvent::Mouse(click)));
    let is_open = |bench: &Bench| bench.text().lines().any(|l| l.starts_with("╭ mail"));
    assert!(!is_open(&bench), "{}", bench.text());
    bench.tell(Msg::Input(InputEvent::Mouse(click)));
    assert!(is_open(&bench), "{}", bench.text());
}

#[test]
fn tab_gives_the_focus_to_the_pane_that_the_keys_then_move() {
    let mut bench = bench(WIDE);
    bench.press("Enter");
    let facts = bench.text();
    bench.press("Tab");
    bench.press("G Enter");
    assert_eq!(bench.cmds, [], "a list that has not the focus opens nothing");
    bench.press("Tab");
    assert_eq!(bench.text(), facts);
}

#[test]
fn esc_goes_back_along_the_services_that_led_here() {
    let mut bench = bench(WIDE);
    bench.tell(Msg::Go(atalaya::ui::screens::Place::Service(ServiceId::new("checkout"))));
    bench.tell(Msg::Go(atalaya::ui::screens::Place::Service(ServiceId::new("db-main"))));
    let title = |bench: &Bench| bench.text().lines().nth(2).unwrap_or_default().to_owned();
    let there = title(&bench);
    bench.press("Esc");
    assert_ne!(title(&bench), there);
    assert!(title(&bench).to_lowercase().contains("checkout"), "{}", title(&bench));
    bench.press("Esc");
    assert!(title(&bench).contains("Services"), "{}", title(&bench));
}

#[test]
fn an_instant_is_written_whole_whatever_the_state() {
    for size in [(80, 24), (120, 35), WIDE] {
        let mut bench = bench(size);
        bench.press("t t");
        let text = bench.text();
        let row = text.lines().find(|l| l.contains("critical 1")).unwrap();
        assert!(row.contains("Z "), "{row}");
    }
}

#[test]
fn the_tree_begins_with_the_cursor_on_a_service() {
    let mut bench = bench((120, 35));
    bench.press("v");
    assert!(bench.text().contains("tree by"), "{}", bench.text());
    assert!(
        bench.model.situation().row && cursor_line(&bench).contains('●')
            || cursor_line(&bench).contains('✖'),
        "{}",
        cursor_line(&bench)
    );
}
