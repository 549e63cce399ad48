use super::*;

#[test]
fn a_budget_is_what_the_target_leaves_and_what_is_bad_consumes_it() {
    let half = up(30, &[(4_000, 300), (4_001, 300), (4_002, 300), (4_003, 300), (4_004, 96)]);
    let status = of(objective("99.9%", days(30)), &half, &Excluded::nothing());
    assert_eq!(status.budget.time, TimeDelta::seconds(2_592));
    assert_eq!(status.budget.left_ppm(), Some(500_000));
    assert_eq!(status.budget.time_left(), Some(TimeDelta::seconds(1_296)));
    assert_eq!(percent(status.sli_ppm().unwrap().into(), 4), "99.9500");
    assert_eq!((status.is_met(), status.standing()), (Some(true), Standing::Healthy));
    assert!(status.why.is_empty(), "{:?}", status.why);
    assert_eq!(status.burn_over("3d"), Some(0));
    assert_eq!(status.exhausted_at, None);
}

#[test]
fn what_burns_fast_pages_and_says_when_nothing_is_left() {
    // 5 % of the last six hours: 50 times as fast as allowed.
    let down: Vec<(i64, u16)> = (1..=72).map(|ago| (ago, 15)).collect();
    let status = of(objective("99.9%", days(30)), &up(30, &down), &Excluded::nothing());
    assert_eq!(status.burn_over("5m"), Some(50_000));
    assert_eq!(status.burn_over("6h"), Some(50_000));
    assert_eq!(status.burn_over("1d"), Some(12_500));
    assert_eq!(status.standing(), Standing::BurningFast);
    assert_eq!(status.firing().unwrap().rule.severity, Severity::Page);
    let left = status.budget.left_ppm().unwrap();
    assert_eq!(left, 583_333);
    let after = status.exhausted_at.unwrap() - status.as_of;
    assert_eq!(after.num_seconds(), 583_333 * 2_592_000 / 50_000_000);
}

#[test]
fn a_rule_fires_above_its_factor_and_not_at_it() {
    let at_factor = |extra: u16| {
        // 14.4 times 0.1 % of an hour are 51.84 s.
        let mut down: Vec<(i64, u16)> = (2..=12).map(|ago| (ago, 4)).collect();
        down.push((1, 300));
        down.retain(|(ago, _)| *ago > 2);
        down.push((1, 5));
        down.push((2, 51 - 5 - 40 + extra));
        of(objective("99.9%", days(30)), &up(30, &down), &Excluded::nothing())
    };
    let (below, above) = (at_factor(0), at_factor(1));
    assert_eq!(below.readings[0].long, Some(false));
    assert_eq!(above.readings[0].long, Some(true));
    assert!(above.readings[0].fires() && !above.readings[0].is_clear());
}

#[test]
fn an_alert_is_over_when_the_short_window_is_and_not_when_nothing_is_known_of_it() {
    let down: Vec<(i64, u16)> = (2..=13).map(|ago| (ago, 300)).collect();
    let status_over = of(objective("99.9%", days(30)), &up(30, &down), &Excluded::nothing());
    assert_eq!(status_over.readings[0].long, Some(true));
    assert!(status_over.readings[0].is_clear());
    // The source is down for half an hour.
    let mut blind = Series::default();
    for index in NOW - 1_000..NOW - 6 {
        blind.set(index, Bucket::of_time(0, 300));
    }
    let status_blind = of(objective("99.9%", days(30)), &blind, &Excluded::nothing());
    let first = status_blind.readings[0];
    assert_eq!((first.long, first.short), (Some(true), None));
    assert!(!first.fires() && !first.is_clear());
    assert!(status_blind.why.iter().any(|w| matches!(w, Why::Late(_))));
}

#[test]
fn a_spent_budget_says_when_it_was_spent() {
    let down: Vec<(i64, u16)> = (100..=110).map(|ago| (ago, 300)).collect();
    let status = of(objective("99.9%", days(30)), &up(30, &down), &Excluded::nothing());
    assert_eq!(status.standing(), Standing::Spent);
    // 2592 s: in the ninth of the eleven buckets.
    assert_eq!(status.exhausted_at, Some(begin(NOW - 110 + 9)));
    assert_eq!(status.budget.left_ppm(), Some(-273_149));
}

#[test]
fn to_excuse_and_to_remove_give_two_budgets_of_the_same_facts() {
    let down: Vec<(i64, u16)> = (289..=300).map(|ago| (ago, 300)).collect();
    let window = excluded(&[(300 * 300, 294 * 300)]);
    let figure = |exclusion| {
        let objective = Objective { exclusion, ..objective("99%", days(10)) };
        let status = of(objective, &up(10, &down), &window);
        let left = status.budget.left_ppm().unwrap();
        (percent(status.sli_ppm().unwrap().into(), 4), left, status.excluded.len())
    };
    // Of 864,000 s: 1800 s bad outside the window of 1800 s.
    assert_eq!(figure(Exclusion::Excuse), ("99.7916".to_owned(), 791_666, 1));
    assert_eq!(figure(Exclusion::Remove), ("99.7912".to_owned(), 791_231, 1));
}

#[test]
fn what_is_unknown_is_left_out_or_bad_as_it_was_agreed_and_shows_as_coverage() {
    let mut series = Series::default();
    for index in NOW - BUCKETS_A_DAY..NOW {
        series.set(index, Bucket::of_time(300, 0));
    }
    let figure = |no_data| {
        let objective = Objective { no_data, ..objective("99.9%", days(10)) };
        let status = of(objective, &series, &Excluded::nothing());
        (percent(status.sli_ppm().unwrap().into(), 2), status.coverage_ppm(), status.why)
    };
    let thin = vec![Why::Thin(100_000)];
    assert_eq!(figure(NoData::Remove), ("100.00".to_owned(), 100_000, thin.clone()));
    assert_eq!(figure(NoData::Bad), ("10.00".to_owned(), 100_000, thin));
}

#[test]
fn without_data_there_is_no_figure() {
    let status = of(objective("99.9%", days(30)), &Series::default(), &Excluded::nothing());
    assert_eq!((status.sli_ppm(), status.is_met()), (None, None));
    assert_eq!((status.standing(), status.budget.left_ppm()), (Standing::Unknown, None));
    assert_eq!(status.why, [Why::NoData { is_asked: false }]);
    assert!(status.burn.iter().all(|b| b.milli.is_none()));
    assert!(status.projection.is_none() && status.exhausted_at.is_none());
}

/// Known for so many of the last buckets, and down in all of them.
fn young(buckets: i64) -> Status {
    let mut series = Series::default();
    for index in NOW - buckets..NOW {
        series.set(index, Bucket::of_time(0, 300));
    }
    of(objective("99.5%", days(30)), &series, &Excluded::nothing())
}

#[test]
fn a_window_of_which_hardly_anything_is_known_has_no_figure() {
    // 1 % of 30 days are 86.4 buckets.
    let status = young(86);
    assert_eq!((status.sli_ppm(), status.is_met(), status.budget.left_ppm()), (None, None, None));
    assert_eq!(status.why, [Why::TooThin(9_953)]);
    assert!(status.why[0].to_string().contains("0.99 %"), "{}", status.why[0]);
    assert!(status.exhausted_at.is_none());
    let status = young(87);
    assert_eq!((status.sli_ppm(), status.is_met()), (Some(0), Some(false)));
    assert_eq!(status.standing(), Standing::Spent);
    // What is agreed to be bad is known.
    let objective = Objective { no_data: NoData::Bad, ..objective("99.5%", days(30)) };
    assert_eq!(of(objective, &up(0, &[(1, 0)]), &Excluded::nothing()).is_met(), Some(false));
}

#[test]
fn a_few_minutes_page_nobody_and_half_of_the_long_window_does() {
    let status = young(1);
    assert_eq!((status.standing(), status.burn_over("5m")), (Standing::Unknown, Some(200_000)));
    assert_eq!((status.burn_over("1h"), status.burn_over("3d")), (None, None));
    assert!(status.readings.iter().all(|r| r.long.is_none() && !r.is_clear()));
    assert!(young(5).firing().is_none());
    assert_eq!(young(6).firing().unwrap().rule.long, TimeDelta::hours(1));
}

#[test]
fn what_was_raised_in_the_first_hour_can_end_in_it_but_not_by_a_source_that_goes_down() {
    let mut series = Series::default();
    for ago in 1..=12 {
        series.set(NOW - ago, Bucket::of_time(300, 0));
    }
    let well = of(objective("99.5%", days(30)), &series, &Excluded::nothing());
    assert!(well.readings.iter().all(Reading::is_clear), "{:?}", well.readings);
    // Bad, five minutes good, and then nothing is known: half an hour later only the good is in it.
    let mut series = Series::default();
    for ago in 7..=20 {
        series.set(NOW - ago, Bucket::of_time(0, 300));
    }
    series.set(NOW - 6, Bucket::of_time(300, 0));
    let blind = of(objective("99.5%", days(30)), &series, &Excluded::nothing());
    assert!(!blind.readings[1].is_clear(), "{:?}", blind.readings[1]);
}

#[test]
fn nothing_is_left_of_a_month_of_which_nothing_is_known() {
    let month = Window::Calendar { period: Period::Month, zone: chrono_tz::Tz::UTC };
    let status = of(objective("99.9%", month), &Series::default(), &Excluded::nothing());
    assert_eq!((status.standing(), status.budget.left_ppm()), (Standing::Unknown, None));
    assert_eq!(status.why, [Why::NoData { is_asked: false }]);
}

#[test]
fn a_target_of_all_leaves_no_budget_and_says_so() {
    let flawless = of(objective("100%", days(30)), &up(30, &[]), &Excluded::nothing());
    assert_eq!((flawless.is_met(), flawless.standing()), (Some(true), Standing::Healthy));
    let status = of(objective("100%", days(30)), &up(30, &[(7, 1)]), &Excluded::nothing());
    assert_eq!((status.is_met(), status.standing()), (Some(false), Standing::Spent));
    assert_eq!((status.budget.left_ppm(), status.burn_over("1h")), (None, None));
    assert_eq!(status.why, [Why::NoBudget]);
    assert!(status.why[0].to_string().contains("set one below"));
}

#[test]
fn a_month_that_is_over_is_told_with_its_last_bucket() {
    let window = Window::Calendar { period: Period::Month, zone: chrono_tz::Europe::Berlin };
    let end = at("2026-11-30T23:00:00Z");
    let mut series = Series::default();
    let (first, last) = (index(at("2026-10-31T23:00:00Z")), index(end));
    for index in first..last + 12 {
        let down = if index == last - 1 { 300 } else { 0 };
        series.set(index, Bucket::of_time(300 - down, down));
    }
    let objective = Arc::new(objective("99.9%", window));
    let month = closing(&objective, &series, &Excluded::nothing(), end);
    assert_eq!((month.window.to, month.as_of), (end, end));
    assert_eq!(month.tally.bad(), 300_000_000, "its last five minutes");
    assert_eq!((month.coverage_ppm(), month.tally.elapsed), (1_000_000, 30 * 86_400));
    let next = status(&objective, &series, &Excluded::nothing(), &[], end);
    assert_eq!(next.window.from, end, "for whoever looks on, December began");
    let so_far = at("2026-11-15T23:00:00Z");
    let half = closing(&objective, &series, &Excluded::nothing(), so_far);
    assert_eq!(half, status(&objective, &series, &Excluded::nothing(), &[], so_far));
}

#[test]
fn a_month_in_its_zone_has_its_own_budget_and_an_end() {
    let zone = chrono_tz::Europe::Berlin;
    let window = Window::Calendar { period: Period::Month, zone };
    // Noon of the 16th of November: half of 30 days less an hour of midnight's offset.
    let now = at("2026-11-15T23:00:00Z");
    let mut series = Series::default();
    for index in index(at("2026-10-31T23:00:00Z"))..index(now) {
        let down = if index >= super::super::index(now) - 72 { 3 } else { 0 };
        series.set(index, Bucket::of_time(300 - down, down));
    }
    let status =
        status(&Arc::new(objective("99.9%", window)), &series, &Excluded::nothing(), &[], now);
    assert_eq!(status.window.from, at("2026-10-31T23:00:00Z"));
    assert_eq!(status.window.to, at("2026-11-30T23:00:00Z"));
    assert_eq!(status.budget.time, TimeDelta::seconds(2_592));
    assert_eq!(status.budget.left_ppm(), Some(916_666));
    // Ten times as fast as evenly, for the other half: 5 budgets more.
    let projection = status.projection.unwrap();
    assert_eq!((projection.milli, projection.over), (10_000, TimeDelta::hours(6)));
    assert_eq!(projection.end_left_ppm, Some(-4_083_334));
    let after = status.exhausted_at.unwrap() - now;
    assert_eq!(after.num_seconds(), 916_666 * 2_592_000 / 10_000_000);
}

#[test]
fn periods_of_the_calendar_begin_at_local_midnight() {
    let zone = chrono_tz::America::New_York;
    for (period, from, to) in [
        (Period::Week, "2026-03-02T05:00:00Z", "2026-03-09T04:00:00Z"),
        (Period::Month, "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z"),
        (Period::Quarter, "2026-01-01T05:00:00Z", "2026-04-01T04:00:00Z"),
        (Period::Year, "2026-01-01T05:00:00Z", "2027-01-01T05:00:00Z"),
    ] {
        // The day on which clocks go forward.
        let window = Window::Calendar { period, zone }.around(at("2026-03-08T12:00:00Z"));
        assert_eq!((window.from, window.to), (at(from), at(to)), "{period:?}");
    }
}

#[test]
fn data_that_is_a_little_late_is_not_missing() {
    let mut series = Series::default();
    for index in NOW - 288..NOW - 2 {
        series.set(index, Bucket::of_time(300, 0));
    }
    let status = of(objective("99%", days(1)), &series, &Excluded::nothing());
    assert_eq!(status.as_of, begin(NOW - 2));
    assert!(!status.why.iter().any(|w| matches!(w, Why::Late(_))));
}

#[test]
fn a_burn_down_goes_from_all_to_what_is_left() {
    let down: Vec<(i64, u16)> = (1..=72).map(|ago| (ago, 15)).collect();
    let series = up(30, &down);
    let status = of(objective("99.9%", days(30)), &series, &Excluded::nothing());
    let chart = burn_down(&status, &series, &Excluded::nothing(), 121).unwrap();
    assert_eq!(chart.points.len(), 121);
    assert_eq!(chart.points[0], Point { at: status.window.from, left_ppm: 1_000_000 });
    assert_eq!(chart.points[119].left_ppm, 1_000_000);
    assert_eq!(chart.points[120], Point { at: status.as_of, left_ppm: 583_333 });
    assert!(chart.points.is_sorted_by(|a, b| a.left_ppm >= b.left_ppm && a.at < b.at));
    let [from, to] = chart.projection.unwrap();
    assert_eq!((from.at, Some(to.at), to.left_ppm), (status.as_of, status.exhausted_at, 0));
    assert_eq!(chart.even[1], Point { at: status.window.to, left_ppm: 0 });
    let none = of(objective("100%", days(30)), &series, &Excluded::nothing());
    assert_eq!(burn_down(&none, &series, &Excluded::nothing(), 100), None);
}

#[test]
fn targets_are_read_exactly_or_not_at_all() {
    let ppm = |text: &str| Target::parse(text).map(Target::ppm);
    assert_eq!(ppm("99.95%"), Some(999_500));
    assert_eq!(ppm("99.9999 %"), Some(999_999));
    assert_eq!(ppm("999500ppm"), Some(999_500));
    assert_eq!(ppm("100%"), Some(1_000_000));
    for wrong in ["100.0001%", "0%", "99.99999%", "99,5%", "99.5", "-1%", "%", "", "1e2%", "0ppm"] {
        assert_eq!(ppm(wrong), None, "{wrong}");
    }
    assert_eq!(Target::parse("99.50%").unwrap().to_string(), "99.5 %");
    assert_eq!(Target::ALL.to_string(), "100 %");
}
