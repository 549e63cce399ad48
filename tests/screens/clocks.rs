//! Clocks of service levels in the queue, in the detail, and explained.

use std::sync::Arc;

use atalaya::config;
use atalaya::domain::incident::{Hold, HoldReason, Incident, IncidentId, IncidentState};
use atalaya::engine::{Plan, Snapshot};
use chrono::TimeDelta;
use insta::assert_snapshot;
use rstest::rstest;

use crate::support::{ASCII, Bench, DEFAULT, Look, MONO, incident, now, world};

/// Two contracts for one service; a calendar that is closed now.
const AGREED: &str = r#"
[site]
timezone = "Europe/Madrid"
[[calendars]]
id = "mornings"
timezone = "Europe/Madrid"
hours = { mon = ["08:00-12:00"], tue = ["08:00-12:00"] }
holidays = [{ date = "2026-11-24", name = "Local holiday" }]
[sla]
name = "House rules"
targets = [
  { priority = 1, respond = "15m", resolve = "2h", update_every = "30m" },
  { priority = 2, respond = "9m", resolve = "4h" },
  { priority = 3, respond = "2h", resolve = "5wd", calendar = "mornings" },
]
[[contracts]]
id = "acme"
name = "ACME, gold"
services = ["checkout"]
targets = [{ priority = 1, respond = "1m", resolve = "1h" }]
"#;

/// The world's three, and one that waits for the customer.
fn agreed() -> Snapshot {
    let mut world = world();
    let around = config::Surroundings::of_process();
    let plan = config::of_text("agreed.toml", AGREED.to_owned(), &around, now()).unwrap().plan;
    let service_levels = plan.service_levels;
    world.plan = Arc::new(Plan { service_levels, site: plan.site, ..Plan::empty() });
    let mut waits = incident(2039, 2, "mail", "certificate of a relay is refused", 200);
    waits.standing.first_acknowledged_at = Some(now() - TimeDelta::minutes(195));
    waits.standing.state = IncidentState::OnHold;
    waits.standing.holds = vec![Hold {
        reason: HoldReason::Customer,
        note: String::new(),
        by: "ana".to_owned(),
        from: now() - TimeDelta::minutes(60),
        until: None,
        to: None,
    }];
    with(&mut world, waits);
    world
}

fn with(world: &mut Snapshot, incident: Incident) {
    let mut incidents = (*world.incidents.value).clone();
    incidents.by_id.insert(incident.id, Arc::new(incident));
    world.incidents.value = Arc::new(incidents);
    world.incidents.generation += 1;
}

fn queue(size: (u16, u16), look: Look) -> Bench {
    let mut bench = Bench::new(agreed(), size.0, size.1, look);
    bench.press("2");
    bench
}

/// The ids in the order of the queue.
fn order(bench: &Bench) -> Vec<u64> {
    let rows = bench.text();
    let ids = rows.lines().filter_map(|line| line.split("INC-").nth(1));
    let id = |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
    let mut seen = Vec::new();
    for id in ids.filter_map(id) {
        if !seen.contains(&id) {
            seen.push(id);
        }
    }
    seen
}

#[rstest]
#[case("160x45", (160, 45), DEFAULT)]
#[case("120x35_mono", (120, 35), MONO)]
#[case("80x24", (80, 24), DEFAULT)]
#[case("80x24_ascii", (80, 24), ASCII)]
fn the_queue_shows_what_is_left(#[case] name: &str, #[case] size: (u16, u16), #[case] look: Look) {
    assert_snapshot!(format!("clocks_queue_{name}"), queue(size, look).picture());
}

#[rstest]
#[case("160x45", (160, 45), "x")]
#[case("80x24_scrolled", (80, 24), "x j j j")]
#[case("80x24_closed_hours", (80, 24), "G x")]
fn x_explains_every_second(#[case] name: &str, #[case] size: (u16, u16), #[case] keys: &str) {
    let mut bench = queue(size, DEFAULT);
    bench.press(keys);
    assert_snapshot!(format!("clocks_explained_{name}"), bench.picture());
    bench.press("x");
    assert!(!bench.text().contains("Clocks of"), "the key that opened it closes it");
}

#[test]
fn it_is_explained_full_screen_too_and_moves_on_with_time() {
    let mut bench = queue((120, 35), DEFAULT);
    bench.press("enter x");
    assert!(bench.text().contains("Clocks of INC-2041"), "{}", bench.text());
    assert!(bench.text().contains("due 14:58: 55m left (8 %)"), "{}", bench.text());
    bench.wait(120);
    assert!(bench.text().contains("due 14:58: 53m left (11 %)"), "{}", bench.text());
}

#[test]
fn what_is_due_first_stands_first_where_that_is_asked_for() {
    let mut bench = queue((160, 24), DEFAULT);
    assert_eq!(order(&bench), [2041, 2040, 2039, 2036]);
    bench.press("v").type_text("due next").press("enter");
    // INC-2040 has two minutes to respond; what waits comes last.
    assert_eq!(order(&bench), [2040, 2041, 2036, 2039], "{}", bench.text());
}

#[rstest]
#[case("sla<15m", &[2040])]
#[case("sla<1h", &[2041, 2040])]
#[case("is:breached", &[2041])] // its response took 2m, and ACME was promised 1m
#[case("-is:breached p:2", &[2040, 2039])]
fn the_filter_finds_by_what_is_left(#[case] query: &str, #[case] expect: &[u64]) {
    let mut bench = queue((160, 24), DEFAULT);
    bench.press("/ ctrl-u").type_text(query).press("enter");
    assert_eq!(order(&bench), expect, "{}", bench.text());
}

#[test]
fn what_runs_out_while_somebody_looks_is_found_then() {
    let mut bench = queue((160, 24), DEFAULT);
    bench.press("/ ctrl-u").type_text("is:breached p:2").press("enter");
    assert_eq!(order(&bench), [] as [u64; 0], "{}", bench.text());
    bench.wait(121);
    assert_eq!(order(&bench), [2040], "{}", bench.text());
}

#[test]
fn without_a_contract_there_is_no_column_and_nothing_to_explain() {
    let mut bench = Bench::new(world(), 160, 45, DEFAULT);
    bench.press("2");
    let text = bench.text();
    let headings = text.lines().find(|line| line.contains("WHO")).unwrap();
    assert!(!headings.contains("SLA"), "{text}");
    bench.press("x");
    assert!(!bench.text().contains("Clocks of"));
    let id = IncidentId(2041);
    assert!(bench.model.world.incidents.get(id).is_some());
}
