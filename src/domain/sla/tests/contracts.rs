//! Contracts: which one governs, and what they give back.

use rstest::rstest;

use super::{at, calendar, office};
use crate::domain::incident::Priority;
use crate::domain::sla::Ratio;
use crate::domain::sla::clock::Target;
use crate::domain::sla::contract::{Credits, Kind, Mark, Tier};
use chrono::TimeDelta;
use chrono_tz::Tz;

#[rstest]
#[case(999_000, 0)] // 99.9 itself is kept
#[case(998_999, 100_000)] // below 99.9, not below 99.0
#[case(990_000, 100_000)]
#[case(989_999, 250_000)]
#[case(949_999, 300_000)] // 50 %, and no more than the cap
fn a_boundary_of_a_credit_is_exact(#[case] achieved_ppm: i64, #[case] credit: u32) {
    let credits = Credits {
        tiers: vec![
            Tier { below: 999_000, credit: 100_000 },
            Tier { below: 990_000, credit: 250_000 },
            Tier { below: 950_000, credit: 500_000 },
        ],
        cap: 300_000,
        minimum: 50_000,
    };
    assert_eq!(credits.of(Ratio::new(achieved_ppm, 1_000_000).unwrap()), credit);
    assert_eq!(credits.bounded(49_999), 0);
    assert_eq!(credits.bounded(50_000), 50_000);
}

#[rstest]
#[case("30m", Some("30m"))]
#[case("5wd", Some("5wd"))]
#[case("5 wd", Some("5wd"))]
#[case("1h30m", Some("1h 30m"))]
#[case("0m", None)]
#[case("0wd", None)]
#[case("9999999wd", None)]
#[case("-5wd", None)]
#[case("wd", None)]
#[case("soon", None)]
fn targets_are_read(#[case] text: &str, #[case] expect: Option<&str>) {
    assert_eq!(Target::parse(text).map(|t| t.to_string()).as_deref(), expect);
}

#[rstest]
#[case("75%", Some("75%"))]
#[case("-15m", Some("-15m"))]
#[case("+1h", Some("+1h"))]
#[case("15m", None)]
#[case("0%", None)]
#[case("7.5%", None)]
#[case("-", None)]
fn marks_are_read(#[case] text: &str, #[case] expect: Option<&str>) {
    assert_eq!(Mark::parse(text).map(|m| m.to_string()).as_deref(), expect);
}

#[test]
fn a_contract_governs_what_began_while_it_was_valid() {
    use super::incidents::{contract, incident, levels};
    let office = calendar(office(Tz::UTC));
    let mut old = contract("old", &office);
    old.valid.to = at("2026-07-01T00:00:00Z");
    let mut new = contract("new", &office);
    new.valid.from = at("2026-07-01T00:00:00Z");
    let mut levels = levels([old, new]);
    let governs = |levels: &crate::domain::sla::contract::ServiceLevels, opened| {
        let incident = incident(opened);
        levels.governing(&incident).iter().map(|c| c.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(governs(&levels, "2026-06-30T23:59:59Z"), ["old"]);
    assert_eq!(governs(&levels, "2026-07-01T00:00:00Z"), ["new"]);
    levels.contracts.truncate(1);
    levels.otherwise = Some(std::sync::Arc::new(contract("default", &office)));
    assert_eq!(governs(&levels, "2026-07-01T00:00:00Z"), ["default"]);
}

#[test]
fn of_two_contracts_the_clock_that_is_due_first_is_shown() {
    use super::incidents::{contract, incident, levels};
    use crate::domain::sla::incident::{first, promises};
    let office = calendar(office(Tz::UTC));
    let (slow, mut fast) = (contract("slow", &office), contract("fast", &office));
    let targets = fast.targets.get_mut(&Priority(2)).unwrap();
    targets.resolve = Some(Target::Time(TimeDelta::hours(1)));
    let levels = levels([slow, fast]);
    let promises = promises(&incident("2026-11-23T10:00:00Z"), &levels);
    assert_eq!(promises.len(), 6);
    let shown = first(&promises, Kind::Resolve, at("2026-11-23T10:00:00Z")).unwrap();
    assert_eq!(&*shown.contract.id, "fast");
}
