//! The SLA tab: what keys do, and how it looks.

use std::sync::Arc;

use atalaya::config;
use atalaya::domain::calendar::Calendar;
use atalaya::domain::health::ServiceId;
use atalaya::domain::incident::{Ending, Incident, IncidentState};
use atalaya::domain::sla::attainment::Attainment;
use atalaya::domain::sla::{Exclusion, NoData};
use atalaya::domain::slo::{
    self, BUCKET, Bucket, Excluded, Objective, Series, Shown, Sli, Target, Trouble, Uptime, Window,
    begin, burn_down, default_rules, index,
};
use atalaya::domain::time::{Instant, Interval};
use atalaya::engine::snapshot::Incidents;
use atalaya::engine::{Plan, Snapshot};
use atalaya::ui::{Cmd, Msg};
use chrono::TimeDelta;
use insta::assert_snapshot;
use rstest::rstest;

use crate::support::{ASCII, Bench, DEFAULT, Look, MONO, incident, now, part, world};

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
    Arc::new(Shown { status, burn_down, series, excluded: Arc::new(excluded) })
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

/// The end of the last bucket that is measured.
fn now_in_buckets() -> Instant {
    begin(index(now()))
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

/// What is asked of the store about the past of services.
fn asked(bench: &mut Bench) -> Vec<(ServiceId, Instant)> {
    let asked = |cmd| match cmd {
        Cmd::Troubles(service, since) => Some((service, since)),
        _ => None,
    };
    bench.cmds.drain(..).filter_map(asked).collect()
}

/// Answers that with these incidents, as far as they are of the service.
fn read(bench: &mut Bench, stored: &[Incident]) {
    for (service, since) in asked(bench) {
        let found = stored.iter().filter_map(|i| Trouble::of(i, &service)).collect();
        bench.tell(Msg::Troubles(service, since, Ok(found)));
    }
}

/// One of checkout that began 20 days ago and lasted an hour: it is not loaded any more.
fn of_long_ago() -> Incident {
    let mut old = incident(1203, 1, "checkout", "no orders went through", 20 * 1_440);
    let ended = Ending {
        by: "ana".to_owned(),
        at: old.started_at + TimeDelta::hours(1),
        automatic: false,
        reason: String::new(),
    };
    old.standing.state = IncidentState::Closed;
    old.standing.resolved = Some(ended);
    old
}

fn bench_of(world: Snapshot, size: (u16, u16), look: Look) -> Bench {
    let mut bench = Bench::new(world, size.0, size.1, look);
    bench.press("5");
    counted(&mut bench);
    read(&mut bench, &[]);
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

/// Work on checkout that took place, by a plan.
fn with_work(mut world: Snapshot) -> Snapshot {
    let text = r#"
        [site]
        timezone = "Europe/Madrid"
        [[services]]
        id = "checkout"
        [[windows]]
        id = "release"
        kind = "update"
        summary = "Checkout 7.4"
        services = ["checkout"]
        start = "2026-11-10 09:00"
        duration = "30m"
        sla_relevant = false
        change = { number = "CHG-41", type = "standard" }
        [[windows]]
        id = "reindex"
        kind = "maintenance"
        summary = "Rebuild the index"
        services = ["checkout"]
        start = "2026-11-16 09:00"
        duration = "2h"
        sla_relevant = false
        change = { number = "CHG-42", type = "standard" }
        [[windows]]
        id = "not-yet"
        kind = "upgrade"
        summary = "Checkout 8"
        services = ["checkout"]
        start = "2026-12-01 09:00"
        duration = "2h"
        change = { number = "CHG-43", type = "standard" }
    "#;
    let around = config::Surroundings::of_process();
    let plan = config::of_text("work.toml", text.to_owned(), &around, now()).unwrap().plan;
    let mut calendar = Calendar::default();
    calendar.set_plan(&plan.windows, now());
    world.calendar = part(calendar);
    world
}

#[test]
fn deployments_and_other_work_are_marked_told_by_the_cursor_and_among_the_records() {
    let mut bench = bench_of(with_work(agreed()), (160, 45), DEFAULT);
    bench.press("g g");
    let text = bench.text();
    assert!(text.contains("checkout availability"), "{text}");
    let signs = |sign: &str| bench.text().matches(sign).count();
    // Once in the legend, once in the chart, once in the list below it.
    assert_eq!((signs("⇧"), signs("deployed: Checkout 7.4 (CHG-41)")), (3, 1), "{text}");
    assert!(text.contains("work: Rebuild the index (CHG-42)"), "{text}");
    assert!(!text.contains("Checkout 8"), "it is to come: {text}");
    let mut read = bench_of(with_work(agreed()), (160, 45), DEFAULT);
    read.press("tab");
    let found = (0..60).any(|_| {
        read.press("h");
        read.text().contains("% left  deployed: Checkout 7.4")
    });
    assert!(found, "{}", read.text());
    bench.press("enter");
    bench.type_text("deployed");
    assert!(bench.text().contains("deployed: Checkout 7.4 (CHG-41)"), "{}", bench.text());
    bench.press("enter");
    assert_eq!(bench.model.tab, atalaya::ui::app::Tab::Calendar);
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
fn a_key_with_nothing_to_act_on_says_what_to_do_instead() {
    let mut bench = bench((160, 45));
    bench.press("tab tab x");
    let text = bench.text();
    assert!(text.contains("lists the incidents of this figure; x explains"), "{text}");
    bench.press("h");
    counted(&mut bench);
    bench.press("tab tab enter");
    let text = bench.text();
    assert!(text.contains("nothing was broken in this month; `:` month chooses another"), "{text}");
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

#[test]
fn an_incident_of_long_ago_is_read_from_the_store_marked_and_listed() {
    let mut bench = Bench::new(agreed(), 160, 45, DEFAULT);
    bench.press("5");
    counted(&mut bench);
    assert!(bench.text().contains("reading incidents"), "{}", bench.text());
    bench.press("enter");
    assert!(bench.text().contains("incidents of long ago are being read"), "{}", bench.text());
    bench.press("esc");
    let count = |text: &str| text.matches('✖').count();
    let before = count(&bench.text());
    let wanted = asked(&mut bench);
    let [(service, since)] = &wanted[..] else { panic!("asked once: {wanted:?}") };
    assert_eq!((service.as_str(), *since), ("checkout", now_in_buckets() - TimeDelta::days(30)));
    let found = Trouble::of(&of_long_ago(), service).into_iter().collect();
    bench.tell(Msg::Troubles(service.clone(), *since, Ok(found)));
    let text = bench.text();
    assert!(!text.contains("reading incidents"), "{text}");
    assert_eq!(count(&text), before + 1, "a mark of its own: {text}");
    // From the present back to where it began: the cursor crosses 30 days in 60 steps.
    bench.press("tab");
    for _ in 0..40 {
        bench.press("h");
    }
    assert!(bench.text().contains("INC-1203 no orders went through"), "{}", bench.text());
    bench.press("enter");
    let text = bench.text();
    assert!(text.contains("INC-2041") && text.contains("INC-1203"), "{text}");
    // Nothing is asked again while the window only moves on.
    bench.press("esc");
    bench.wait(60);
    assert!(asked(&mut bench).is_empty());
}

#[test]
fn what_changes_of_a_loaded_incident_replaces_what_the_store_had() {
    let mut bench = bench((160, 45));
    let world = bench.model.world.clone();
    let change = |incident: Incident| {
        let mut world = Snapshot::clone(&world);
        let mut incidents = Incidents::clone(&world.incidents);
        incidents.by_id.insert(incident.id, Arc::new(incident));
        world.incidents = part(incidents);
        Msg::World(Arc::new(world))
    };
    bench.tell(change(Incident { title: "it came back".to_owned(), ..of_long_ago() }));
    bench.press("enter");
    assert!(bench.text().contains("INC-1203 it came back"), "{}", bench.text());
    bench.press("esc");
    // Of another service by now.
    let other = Some(ServiceId::new("mail"));
    bench.tell(change(Incident { service: other, ..of_long_ago() }));
    bench.press("enter");
    assert!(!bench.text().contains("INC-1203"), "{}", bench.text());
}

#[test]
fn a_past_that_cannot_be_read_says_so_and_is_asked_for_again() {
    let mut bench = Bench::new(agreed(), 160, 45, DEFAULT);
    bench.press("5");
    counted(&mut bench);
    for (service, since) in asked(&mut bench) {
        bench.tell(Msg::Troubles(service, since, Err("the disk is gone".to_owned())));
    }
    let said = "incidents of long ago are missing: the disk is gone";
    assert!(bench.text().contains(said), "{}", bench.text());
    assert!(asked(&mut bench).is_empty(), "not at once");
    bench.wait(31);
    read(&mut bench, &[of_long_ago()]);
    assert!(!bench.text().contains(said), "{}", bench.text());
    // Another objective has another service.
    bench.press("j");
    assert_eq!(asked(&mut bench)[0].0.as_str(), "search");
}

#[test]
fn a_burn_rate_opens_the_buckets_and_the_incidents_that_it_was_worked_out_from() {
    let mut bench = bench((160, 45));
    bench.press("enter");
    bench.type_text("burn 1h");
    bench.press("enter");
    assert_snapshot!("sla_burn_1h", bench.text());
    // A bucket leads to its place in the chart.
    bench.type_text("13:20");
    bench.press("enter");
    assert!(bench.text().contains("13:20"), "{}", bench.text());
    bench.press("enter");
    bench.type_text("good over");
    bench.press("enter");
    let text = bench.text();
    assert!(text.contains("23h 45m of 1d good") || text.contains("of 1d good"), "days: {text}");
}
