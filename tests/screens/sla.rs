//! The SLA tab: what keys do, and how it looks.

use std::sync::Arc;

use atalaya::config;
use atalaya::domain::health::ServiceId;
use atalaya::domain::sla::attainment::Attainment;
use atalaya::domain::sla::{Exclusion, NoData};
use atalaya::domain::slo::{
    self, BUCKET, Bucket, Excluded, Objective, Series, Shown, Sli, Target, Uptime, Window,
    burn_down, default_rules, index,
};
use atalaya::domain::time::Interval;
use atalaya::engine::{Plan, Snapshot};
use atalaya::ui::{Cmd, Msg};
use chrono::TimeDelta;
use insta::assert_snapshot;
use rstest::rstest;

use crate::support::{ASCII, Bench, DEFAULT, Look, MONO, now, part, world};

const AGREED: &str = r#"
[site]
timezone = "Europe/Madrid"

[[calendars]]
id = "office"
timezone = "Europe/Madrid"
hours = { mon = ["09:00-18:00"], tue = ["09:00-18:00"], wed = ["09:00-18:00"] }

[sla]
name = "All customers"
calendar = "24x7"
[[sla.targets]]
priority = 1
respond = "15m"
resolve = "2h"
[[sla.targets]]
priority = 2
respond = "30m"
resolve = "4h"
[[sla.targets]]
priority = 3
respond = "2h"
resolve = "1d"
calendar = "office"
"#;

/// An objective of a service that was down in these minutes before now, for so long.
fn objective(id: &str, service: &str, target: &str, down: &[(i64, i64)]) -> Arc<Shown> {
    let objective = Arc::new(Objective {
        id: id.into(),
        name: format!("{service} availability"),
        service: ServiceId::new(service),
        target: Target::parse(target).unwrap(),
        window: Window::Rolling(TimeDelta::days(30)),
        sli: Sli::Uptime(Uptime::Service),
        exclusion: Exclusion::default(),
        no_data: NoData::default(),
        rules: default_rules(),
    });
    let mut series = Series::default();
    let (first, last) = (index(now() - TimeDelta::days(30)), index(now()));
    for number in first..last {
        let minutes = (last - number) * BUCKET / 60;
        let is_down = down.iter().any(|(ago, long)| (*ago - long..*ago).contains(&minutes));
        let bucket = if is_down { Bucket::of_time(0, 300) } else { Bucket::of_time(300, 0) };
        series.set(number, bucket);
    }
    let planned = Interval::new(now() - TimeDelta::days(9), now() - TimeDelta::hours(214));
    let excluded = Excluded::new(vec![(planned, "kernel update".to_owned())]);
    let status = slo::status(&objective, &series, &excluded, &[], now());
    let burn_down = burn_down(&status, &series, &excluded, 200);
    Arc::new(Shown { status, burn_down })
}

fn agreed() -> Snapshot {
    let mut world = world();
    let around = config::Surroundings::of_process();
    let plan = config::of_text("agreed.toml", AGREED.to_owned(), &around, now()).unwrap().plan;
    let service_levels = plan.service_levels;
    world.plan = Arc::new(Plan { service_levels, site: plan.site, ..Plan::empty() });
    world.objectives = part(vec![
        objective("mail-up", "mail", "99.5%", &[(600, 15)]),
        objective("search-up", "search", "99.9%", &[(11_000, 30)]),
        objective("checkout-up", "checkout", "99.95%", &[(20_000, 15), (45, 45)]),
    ]);
    world
}

/// Answers what was asked for with what the world's incidents come to.
fn counted(bench: &mut Bench) {
    let asked: Vec<Interval> = bench
        .cmds
        .drain(..)
        .filter_map(|cmd| if let Cmd::Attain(period) = cmd { Some(period) } else { None })
        .collect();
    for period in asked {
        let world = bench.model.world.clone();
        let mut counted = Attainment::new(period, now());
        for incident in world.incidents.by_id.values() {
            counted.add(incident, &world.plan.service_levels);
        }
        bench.tell(Msg::Attained(period, Ok(Box::new(counted))));
    }
}

fn bench_of(world: Snapshot, size: (u16, u16), look: Look) -> Bench {
    let mut bench = Bench::new(world, size.0, size.1, look);
    bench.press("5");
    counted(&mut bench);
    bench
}

fn bench(size: (u16, u16)) -> Bench {
    bench_of(agreed(), size, DEFAULT)
}

#[rstest]
#[case("160x45", (160, 45), DEFAULT)]
#[case("120x35_mono", (120, 35), MONO)]
#[case("120x35_ascii", (120, 35), ASCII)]
#[case("80x24", (80, 24), DEFAULT)]
fn the_tab_at_each_size(#[case] name: &str, #[case] size: (u16, u16), #[case] look: Look) {
    assert_snapshot!(format!("sla_{name}"), bench_of(agreed(), size, look).picture());
}

#[rstest]
#[case("chart", "tab")]
#[case("kept", "tab tab")]
#[case("due", "tab tab tab")]
#[case("breaches", "tab tab tab tab")]
fn a_narrow_screen_shows_a_pane_at_a_time(#[case] pane: &str, #[case] keys: &str) {
    let mut bench = bench((80, 24));
    bench.press(keys);
    assert_snapshot!(format!("sla_80x24_{pane}"), bench.text());
}

#[test]
fn the_worst_objective_comes_first_and_counts_on_the_tab() {
    let text = bench((160, 45)).text();
    let at = |name: &str| text.find(name).unwrap();
    assert!(at("✖  checkout avail") < at("●  search avail"));
    assert!(at("●  search avail") < at("●  mail avail"));
    assert!(text.contains("5 SLA  ✖1"), "{text}");
}

#[test]
fn the_cursor_reads_what_was_left_and_what_happened() {
    let mut bench = bench((160, 45));
    bench.press("tab h h");
    let text = bench.text();
    assert!(text.contains("% left"), "{text}");
    bench.press("esc");
    assert!(bench.text().contains("even spending"));
}

#[test]
fn a_figure_opens_the_incidents_that_it_counts() {
    let mut bench = bench((160, 45));
    bench.press("tab tab enter");
    let text = bench.text();
    assert!(text.contains("P1 respond"), "{text}");
    assert!(text.contains("INC-"), "{text}");
    bench.press("enter");
    assert_eq!(bench.model.tab, atalaya::ui::app::Tab::Incidents);
}

#[test]
fn a_month_before_is_asked_for_and_shown() {
    let mut bench = bench((160, 45));
    bench.press("tab tab h");
    counted(&mut bench);
    assert!(bench.text().contains("Kept in October 2026"), "{}", bench.text());
    bench.press("l l");
    counted(&mut bench);
    assert!(bench.text().contains("Kept in November 2026"), "no further than the present");
}

#[test]
fn an_answer_about_a_month_that_is_left_is_not_shown() {
    let mut bench = bench((160, 45));
    bench.press("tab tab h");
    let asked = bench.cmds.drain(..).find_map(|cmd| match cmd {
        Cmd::Attain(period) => Some(period),
        _ => None,
    });
    bench.press("l");
    bench.tell(Msg::Attained(asked.unwrap(), Err("out of time".to_owned())));
    assert!(!bench.text().contains("out of time"), "{}", bench.text());
}

#[test]
fn without_anything_agreed_it_says_what_to_write() {
    let mut bench = Bench::new(world(), 160, 45, DEFAULT);
    bench.press("5");
    let text = bench.text();
    assert!(text.contains("[[slos]]") && text.contains("[[contracts]]"), "{text}");
    assert!(bench.cmds.iter().all(|cmd| !matches!(cmd, Cmd::Attain(_))));
}

#[test]
fn what_can_not_be_counted_says_why() {
    let mut bench = Bench::new(agreed(), 160, 45, DEFAULT);
    bench.press("5");
    let period = bench.cmds.iter().find_map(|cmd| match cmd {
        Cmd::Attain(period) => Some(*period),
        _ => None,
    });
    bench.tell(Msg::Attained(period.unwrap(), Err("the store could not be read".to_owned())));
    assert!(bench.text().contains("the store could not be read"), "{}", bench.text());
}

#[test]
fn a_budget_is_explained_down_to_its_formula() {
    let mut bench = bench((160, 45));
    bench.press("x");
    assert_snapshot!("sla_explained", bench.text());
    bench.press("x");
    assert!(!bench.text().contains("error ratio"), "the same key closes it");
}

#[test]
fn the_clocks_of_what_is_due_are_explained() {
    let mut bench = bench((160, 45));
    bench.press("tab tab tab x");
    assert!(bench.text().contains("Clocks of INC-2036"), "{}", bench.text());
}
