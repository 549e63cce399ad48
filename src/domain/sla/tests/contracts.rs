//! Contracts: which one governs, and what they give back.

use rstest::rstest;

use super::{at, calendar, office};
use std::sync::Arc;

use crate::domain::health::ServiceId;
use crate::domain::incident::Priority;
use crate::domain::metrics::{Rules, Value};
use crate::domain::sla::clock::Target;
use crate::domain::sla::contract::{
    Contract, Credits, Kind, Mark, Rounding, RoundingMode, ServiceLevels, Tier,
};
use crate::domain::sla::credits::Achieved;
use crate::domain::sla::{Exclusion, NoData, Ratio};
use crate::domain::time::Interval;
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

fn tiers() -> Credits {
    Credits {
        tiers: vec![
            Tier { below: 999_000, credit: 100_000 },
            Tier { below: 990_000, credit: 250_000 },
        ],
        cap: 200_000,
        minimum: 50_000,
    }
}

#[rstest]
// What is written, which tier: below what, not below what.
#[case(RoundingMode::None, 9_990_000, "99.9000", None, Some(999_000))]
#[case(RoundingMode::None, 9_989_999, "99.8999", Some(999_000), Some(990_000))]
#[case(RoundingMode::None, 9_900_000, "99.0000", Some(999_000), Some(990_000))]
#[case(RoundingMode::None, 9_899_999, "98.9999", Some(990_000), None)]
#[case(RoundingMode::HalfUp, 9_989_500, "99.90", None, Some(999_000))]
#[case(RoundingMode::HalfUp, 9_989_499, "99.89", Some(999_000), Some(990_000))]
#[case(RoundingMode::Down, 9_989_999, "99.89", Some(999_000), Some(990_000))]
#[case(RoundingMode::Down, 9_990_000, "99.90", None, Some(999_000))]
fn a_figure_falls_into_the_tier_that_its_rounding_says(
    #[case] mode: RoundingMode,
    #[case] of_ten_million: i64,
    #[case] written: &str,
    #[case] below: Option<u32>,
    #[case] least: Option<u32>,
) {
    let (rounding, credits) = (Rounding { decimals: 2, mode }, tiers());
    let achieved = Ratio::new(of_ten_million, 10_000_000).unwrap();
    assert_eq!(rounding.written(achieved), written);
    let band = credits.band(rounding.of(achieved));
    assert_eq!((band.tier.map(|t| t.below), band.least), (below, least));
}

#[test]
fn what_a_service_achieved_counts_planned_work_and_missing_data_as_its_contract_says() {
    use super::incidents::{contract, incident, levels};
    let always = calendar(office(Tz::UTC));
    // Ten days: two of planned work, with half a day of the outage in it, and a day before anything was known
    // or anybody watched. That nobody did for two hours of the outage takes nothing from it.
    let period = Interval::new(at("2026-11-01T00:00:00Z"), at("2026-11-11T00:00:00Z"));
    let mut down = incident("2026-11-05T00:00:00Z");
    down.standing.state = crate::domain::incident::IncidentState::Resolved;
    let (by, reason) = ("ana".to_owned(), String::new());
    let ending = crate::domain::incident::Ending {
        by,
        at: at("2026-11-06T00:00:00Z"),
        automatic: false,
        reason,
    };
    down.standing.resolved = Some(ending);
    let planned = Interval::new(at("2026-11-05T12:00:00Z"), at("2026-11-07T12:00:00Z"));
    let rules = || Rules {
        planned: [(ServiceId::new("checkout"), planned.into())].into(),
        known_from: Some(at("2026-11-01T12:00:00Z")),
        unwatched: [
            Interval::new(at("2026-11-01T06:00:00Z"), at("2026-11-02T00:00:00Z")),
            Interval::new(at("2026-11-05T06:00:00Z"), at("2026-11-05T08:00:00Z")),
        ]
        .into_iter()
        .collect(),
        ..Rules::default()
    };
    let of = |exclusion, no_data| {
        let credits = Some(tiers());
        let gold = Contract { exclusion, no_data, credits, ..contract("gold", &always) };
        let mut achieved = Achieved::new(period, rules(), at("2027-01-01T00:00:00Z"));
        achieved.add(&down);
        let lines = achieved.lines(&levels([gold]), Some("gold"), |_| true, []);
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!(line.incidents, [down.id]);
        assert_eq!(line.coverage().unwrap().percent(1), "90.0");
        (line.written().unwrap(), line.credit().unwrap())
    };
    // Up 6.5 days of 7; with the two planned ones 8.5 of 9; with the day that is not known as down of 8.
    assert_eq!(of(Exclusion::Remove, NoData::Remove), ("92.8571".to_owned(), 200_000));
    assert_eq!(of(Exclusion::Excuse, NoData::Remove), ("94.4444".to_owned(), 200_000));
    assert_eq!(of(Exclusion::Remove, NoData::Bad), ("81.2500".to_owned(), 200_000));
}

/// A month that was put in afterwards, into a store that knows its last hour.
#[test]
fn nothing_is_given_back_for_a_period_of_which_less_than_one_per_cent_is_known() {
    use super::incidents::{contract, incident, levels};
    let always = calendar(office(Tz::UTC));
    let period = Interval::new(at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
    let down = incident("2026-11-05T00:00:00Z");
    let line = |known_from, no_data| {
        let rules = Rules { known_from: Some(at(known_from)), ..Rules::default() };
        let mut metrics = crate::domain::metrics::Metrics::new(period, rules.clone(), period.to);
        metrics.add(&down);
        let lost = metrics.whole().value(crate::domain::metrics::Measure::Downtime);
        let mut achieved = Achieved::new(period, rules, period.to);
        achieved.add(&down);
        let gold = Contract { no_data, credits: Some(tiers()), ..contract("gold", &always) };
        let line = achieved.lines(&levels([gold]), None, |_| true, []).remove(0);
        assert_eq!(lost.and_then(Value::time), Some(line.of.down), "both say the same");
        (line.written(), line.band().is_some(), line.credit())
    };
    let nothing = (None, false, None);
    assert_eq!(line("2026-11-30T23:00:00Z", NoData::Remove), nothing);
    let all = (Some("0.0000".to_owned()), true, Some(200_000));
    assert_eq!(line("2026-11-30T12:00:00Z", NoData::Remove), all);
    assert_eq!(line("2026-11-30T23:00:00Z", NoData::Bad), all, "it was agreed so");
}

#[test]
fn a_contract_that_begins_within_the_period_is_measured_from_then_on() {
    use super::incidents::{contract, levels};
    let always = calendar(office(Tz::UTC));
    let mut gold = contract("gold", &always);
    gold.valid.from = at("2026-11-06T00:00:00Z");
    let other = Contract { credits: Some(tiers()), ..contract("default", &always) };
    let agreed = ServiceLevels { otherwise: Some(Arc::new(other)), ..levels([gold]) };
    let period = Interval::new(at("2026-11-01T00:00:00Z"), at("2026-11-11T00:00:00Z"));
    let achieved = Achieved::new(period, Rules::default(), at("2026-11-08T00:00:00Z"));
    let watched = [ServiceId::new("checkout"), ServiceId::new("mail")];
    let lines = achieved.lines(&agreed, None, |_| true, &watched);
    let said: Vec<_> =
        lines.iter().map(|l| (&*l.contract.id, l.service.as_str(), l.within.length())).collect();
    let days = TimeDelta::days;
    assert_eq!(said, [("gold", "checkout", days(2)), ("default", "mail", days(7))]);
    assert_eq!((lines[0].credit(), lines[1].credit()), (None, Some(0)));
}
