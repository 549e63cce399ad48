use rstest::rstest;

use super::*;
use crate::domain::health::Direction;
use crate::domain::slo::intake::{Values, expand, questions, take};

const FROM: i64 = NOW - 12;

fn events(events: Events) -> Sli {
    Sli::Events { source: Arc::from("prom"), events }
}

fn good_total() -> Sli {
    events(Events::Good {
        good: "sum(increase(good[{{window}}]))".to_owned(),
        total: "sum(increase(all[{{window}}]))".to_owned(),
    })
}

/// A value for each step from `FROM` on; NaN is a value, too.
fn steps(step: i64, values: &[f64]) -> Values {
    values.iter().enumerate().map(|(i, v)| (FROM * BUCKET + (i as i64 + 1) * step, *v)).collect()
}

#[rstest]
#[case("up{job=\"a\"}", "up{job=\"a\"}")]
#[case("avg_over_time(up[{{window}}])", "avg_over_time(up[300s])")]
#[case(
    "sum(rate(a{b=\"]{{\"}[{{ window }}]))",
    "sum(((((a{b=\"]{{\"} - a{b=\"]{{\"} offset 300s >= 0) \
    and (resets(a{b=\"]{{\"}[600s]) == resets(a{b=\"]{{\"}[300s] offset 300s))) \
    or increase(a{b=\"]{{\"}[300s])) / 300))"
)]
#[case(
    "increase(a[{{window}}])",
    "(((a - a offset 300s >= 0) and (resets(a[600s]) == resets(a[300s] offset 300s))) or \
    increase(a[300s]))"
)]
// Comments are not asked, and what looks like one in a text is none.
#[case(
    "# don't [{{window}}]\nincrease(a{b=\"#\"} # it's}\n[{{window}}])",
    "\n(((a{b=\"#\"} - a{b=\"#\"} offset 300s >= 0) and (resets(a{b=\"#\"}[600s]) == \
    resets(a{b=\"#\"}[300s] offset 300s))) or increase(a{b=\"#\"}[300s]))"
)]
// Not the functions, or not on a plain counter: only the window is written in.
#[case("irate(a[{{window}}])", "irate(a[300s])")]
#[case("rate(a[5m])", "rate(a[5m])")]
#[case("rate(sum(a)[{{window}}:1m])", "rate(sum(a)[300s:1m])")]
#[case("rate(a[{{window}}] offset 5m)", "rate(a[300s] offset 5m)")]
#[case("label(x, \"rate(a[{{window}}])\")", "label(x, \"rate(a[300s])\")")]
#[case("{{windows}} {{", "{{windows}} {{")]
#[case("rate(a[{{window}}", "rate(a[300s")]
#[case("sum(rate('", "sum(rate('")]
fn queries_are_asked_as_differences_of_counters(#[case] query: &str, #[case] expect: &str) {
    assert_eq!(expand(query, 300), expect);
}

#[test]
fn events_are_counted_by_bucket_and_a_rate_is_per_second() {
    let sli = good_total();
    let taken =
        take(&sli, &[steps(300, &[9.0, 10.0]), steps(300, &[10.0, 10.0])], (FROM, NOW), false);
    let bucket =
        |good: u64, total: u64| Bucket { good: good * MICRO, total: total * MICRO, seen: 300 };
    assert_eq!(taken.buckets, [(FROM, bucket(9, 10)), (FROM + 1, bucket(10, 10))]);
    assert!(taken.why.is_empty());
    let per_second = events(Events::Bad {
        bad: "sum(rate(bad[{{window}}]))".to_owned(),
        total: "sum(rate(all[{{window}}]))".to_owned(),
    });
    let taken = take(&per_second, &[steps(300, &[0.5]), steps(300, &[2.0])], (FROM, NOW), false);
    assert_eq!(taken.buckets, [(FROM, bucket(450, 600))]);
}

#[test]
fn a_counter_s_difference_asks_for_resets_since_the_sample_before_the_step() {
    assert_eq!(
        expand("increase(a[{{window}}])", 60),
        "(((a - a offset 60s >= 0) and (resets(a[360s]) == resets(a[300s] offset 60s))) or \
         increase(a[60s]))"
    );
}

#[rstest]
#[case("# don't count retries\nsum(rate(bad[{{window}}]))", true)]
#[case("sum(deriv(bad[{{window}}]))", true)]
#[case("sum(irate (bad[{{window}}]))", true)]
#[case("sum(idelta(bad[{{window}}]))", false)]
#[case("sum by (rate) (increase(bad[{{window}}]))", false)]
#[case("bad{job=\"rate(\"} # rate(x)", false)]
fn a_pair_of_which_one_alone_is_per_second_is_not_counted(
    #[case] bad: &str,
    #[case] is_per_second: bool,
) {
    let of = |total: &str| events(Events::Bad { bad: bad.to_owned(), total: total.to_owned() });
    let answers = [steps(300, &[1.0]), steps(300, &[4.0])];
    let (rate, count) = ("sum(rate(all[{{window}}]))", "sum(increase(all[{{window}}]))");
    let (alike, other) = if is_per_second { (rate, count) } else { (count, rate) };
    let taken = take(&of(alike), &answers, (FROM, FROM + 1), false);
    let amount = if is_per_second { 300 } else { 1 };
    assert_eq!(taken.buckets[0].1.bad(), amount * MICRO, "{bad}");
    let taken = take(&of(other), &answers, (FROM, FROM + 1), false);
    assert!(taken.buckets.is_empty());
    let said = taken.why[0].to_string();
    let key = if is_per_second { "bad" } else { "total" };
    assert!(said.starts_with(&format!("{key} gave values per second")), "{said}");
}

#[test]
fn no_bad_ones_is_good_and_no_good_ones_is_good_only_if_there_never_were() {
    let bad = events(Events::Bad { bad: "b".to_owned(), total: "t".to_owned() });
    let taken = take(&bad, &[Values::new(), steps(300, &[4.0])], (FROM, NOW), false);
    assert_eq!(taken.buckets[0].1.bad(), 0);
    let answers = [Values::new(), steps(300, &[4.0])];
    let never = take(&good_total(), &answers, (FROM, NOW), false);
    assert!(never.buckets.is_empty());
    assert!(never.why[0].to_string().contains("check its labels"), "{}", never.why[0]);
    let outage = take(&good_total(), &answers, (FROM, NOW), true);
    assert_eq!(outage.buckets[0].1.bad(), 4 * MICRO);
}

#[rstest]
#[case(f64::NAN, 10.0, "good gave NaN")]
#[case(f64::INFINITY, 10.0, "good gave an infinite value")]
#[case(-1.0, 10.0, "good gave a negative value")]
#[case(12.0, 10.0, "good gave more than total")]
#[case(1.0, f64::NAN, "total gave NaN")]
#[case(1.0, 1e30, "total gave a number that is too large")]
fn what_is_no_amount_is_unknown_and_explained(
    #[case] good: f64,
    #[case] total: f64,
    #[case] why: &str,
) {
    let answers = [steps(300, &[good]), steps(300, &[total])];
    let taken = take(&good_total(), &answers, (FROM, NOW), false);
    assert!(taken.buckets.is_empty());
    let said = taken.why[0].to_string();
    assert!(said.starts_with(why) && said.contains("counts as unknown"), "{said}");
}

#[test]
fn a_little_more_good_than_total_is_a_matter_of_rounding() {
    let answers = [steps(300, &[1000.5]), steps(300, &[1000.0])];
    let taken = take(&good_total(), &answers, (FROM, NOW), false);
    assert_eq!(taken.buckets[0].1.bad(), 0);
    assert!(taken.why.is_empty());
}

#[test]
fn more_bad_than_there_was_is_all_bad_and_told() {
    let bad = Events::Bad { bad: "b".to_owned(), total: "t".to_owned() };
    let answers = [steps(300, &[12.0]), steps(300, &[10.0])];
    let taken = take(&events(bad.clone()), &answers, (FROM, FROM + 1), false);
    assert_eq!(taken.buckets, [(FROM, Bucket { good: 0, total: 10 * MICRO, seen: 300 })]);
    assert_eq!(
        taken.why[0].to_string(),
        "bad gave more than there was, which counts as all bad; check that it is a part of the whole"
    );
    let sli = Sli::Slices {
        source: Arc::from("prom"),
        length: TimeDelta::minutes(5),
        judge: Judge::Events { events: bad, at_least: Target::parse("90%").unwrap() },
    };
    let taken = take(&sli, &answers, (FROM, FROM + 1), false);
    assert_eq!(taken.buckets, [(FROM, Bucket::of_time(0, 300))]);
}

#[test]
fn a_recorded_error_ratio_is_weighed_by_time() {
    let sli = events(Events::ErrorRatio("slo:sli_error:ratio_rate5m".to_owned()));
    let taken = take(&sli, &[steps(300, &[0.25, 1.5, f64::NAN])], (FROM, NOW), false);
    // What is more than all of it is all of it; what is no number is not known.
    let buckets = [(FROM, Bucket::of_time(225, 75)), (FROM + 1, Bucket::of_time(0, 300))];
    assert_eq!(taken.buckets, buckets);
    assert_eq!(taken.why.len(), 2);
    assert_eq!(sli.unit(), Unit::Seconds);
}

#[test]
fn slices_are_good_or_bad_as_a_whole() {
    let judge = Judge::Events {
        events: Events::Good { good: "g".to_owned(), total: "t".to_owned() },
        at_least: Target::parse("90%").unwrap(),
    };
    let sli = Sli::Slices {
        source: Arc::from("prom"),
        length: TimeDelta::minutes(1),
        judge: judge.clone(),
    };
    assert_eq!(questions(&sli)[0].step, 60);
    // Good, exactly good, bad, without events, unknown.
    let good = steps(60, &[10.0, 9.0, 8.9, 0.0]);
    let total = steps(60, &[10.0, 10.0, 10.0, 0.0]);
    let taken = take(&sli, &[good, total], (FROM, FROM + 1), false);
    assert_eq!(taken.buckets, [(FROM, Bucket::of_time(180, 60))]);
    // One of a quarter of an hour is three buckets.
    let sli = Sli::Slices { source: Arc::from("prom"), length: TimeDelta::minutes(15), judge };
    let taken = take(&sli, &[steps(900, &[1.0]), steps(900, &[10.0])], (FROM, FROM + 6), false);
    let bad = Bucket::of_time(0, 300);
    assert_eq!(taken.buckets, [(FROM, bad), (FROM + 1, bad), (FROM + 2, bad)]);
}

#[test]
fn a_slice_by_a_value_is_good_up_to_its_limit() {
    let judge = |good| Judge::Value { query: "q".to_owned(), limit: 0.3, good };
    for (direction, up) in [(Direction::Below, 120), (Direction::Above, 60)] {
        let sli = Sli::Slices {
            source: Arc::from("prom"),
            length: TimeDelta::minutes(1),
            judge: judge(direction),
        };
        let values = if direction == Direction::Below { [0.3, 0.1, 0.4] } else { [0.2, 0.4, 0.1] };
        let taken = take(&sli, &[steps(60, &values)], (FROM, FROM + 1), false);
        assert_eq!(taken.buckets, [(FROM, Bucket::of_time(up, 180 - up))]);
    }
}

#[test]
fn up_is_looked_at_each_minute_or_as_a_part_of_the_bucket() {
    let query = |query: &str| {
        Sli::Uptime(Uptime::Query { source: Arc::from("prom"), query: query.to_owned() })
    };
    let plain = query("probe_success");
    let taken = take(&plain, &[steps(60, &[1.0, 1.0, 0.0, 1.0])], (FROM, FROM + 1), false);
    assert_eq!(taken.buckets, [(FROM, Bucket::of_time(180, 60))]);
    let part = query("avg_over_time(probe_success[{{window}}])");
    assert_eq!(questions(&part)[0].step, 300);
    let taken = take(&part, &[steps(300, &[0.75])], (FROM, FROM + 1), false);
    assert_eq!(taken.buckets, [(FROM, Bucket::of_time(225, 75))]);
}
