use chrono_tz::{Africa, Europe, Pacific, TZ_VARIANTS, Tz};
use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn time(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn series(start: &str, zone: Tz, rule: &str) -> Recurrence {
    let rule = Some(Rule::parse(rule).unwrap());
    Recurrence { rule, ..Recurrence::once(time(start), zone) }
}

fn span(from: &str, to: &str) -> Interval {
    Interval::new(at(from), at(to))
}

fn shown(starts: &[Start]) -> Vec<String> {
    starts.iter().map(|s| s.at.format("%Y-%m-%dT%H:%MZ").to_string()).collect()
}

#[rstest]
#[case("FREQ=DAILY", "FREQ=DAILY")]
#[case(
    " rrule:freq=weekly;byday=su,tu;interval=2;wkst=su; ",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU"
)]
#[case("FREQ=MONTHLY;BYDAY=+1FR,-1MO,FR;COUNT=3", "FREQ=MONTHLY;COUNT=3;BYDAY=-1MO,FR,1FR")]
#[case(
    "FREQ=YEARLY;UNTIL=20261224;BYMONTHDAY=30,15,15,-1",
    "FREQ=YEARLY;UNTIL=20261224;BYMONTHDAY=-1,15,30"
)]
#[case("FREQ=DAILY;INTERVAL=1;WKST=MO", "FREQ=DAILY")]
fn rules_are_read_and_written(#[case] given: &str, #[case] expect: &str) {
    assert_eq!(Rule::parse(given).unwrap().to_string(), expect);
}

#[rstest]
#[case("", "FREQ: it is missing; begin with FREQ=DAILY, WEEKLY, MONTHLY, YEARLY or HOURLY")]
#[case(
    "FREQ=SECONDLY",
    "FREQ=SECONDLY: it is too often for a calendar; use HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY"
)]
#[case(
    "FREQ=FORTNIGHTLY",
    "FREQ=FORTNIGHTLY: no such frequency; use HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY"
)]
#[case("FREQ=DAILY;COUNT=0", "COUNT=0: it is no such number; use 1 to 4294967295")]
#[case("FREQ=DAILY;INTERVAL=65536", "INTERVAL=65536: it is no such number; use 1 to 65535")]
#[case("FREQ=DAILY;INTERVAL=+1", "INTERVAL=+1: it is no such number; use 1 to 65535")]
#[case(
    "FREQ=DAILY;COUNT=2;UNTIL=20261224",
    "COUNT: UNTIL says the end, too; leave one of them out"
)]
#[case(
    "FREQ=DAILY;UNTIL=tomorrow",
    "UNTIL=tomorrow: it is no day or time; use 20261224, 20261224T090000 or 20261224T080000Z"
)]
#[case("FREQ=DAILY;FREQ=DAILY", "FREQ=DAILY: it is there twice; leave one out")]
#[case("FREQ=DAILY;BYHOUR=24", "BYHOUR=24: \"24\" is none of its numbers; use 0 to 23")]
#[case(
    "FREQ=MONTHLY;BYMONTHDAY=0",
    "BYMONTHDAY=0: \"0\" is none of its numbers; use 1 to 31, or -31 to -1 from the end"
)]
#[case(
    "FREQ=MONTHLY;BYDAY=1XX",
    "BYDAY=1XX: \"XX\" is no weekday; use MO, TU, WE, TH, FR, SA or SU"
)]
#[case(
    "FREQ=MONTHLY;BYDAY=54MO",
    "BYDAY=54MO: \"54MO\" has no such number; use 1 to 53, or -53 to -1 from the end, as in 1FR or -1SU"
)]
#[case(
    "FREQ=WEEKLY;BYDAY=1MO",
    "BYDAY: weekdays are numbered in a month or a year; use FREQ=MONTHLY or YEARLY, or weekdays without number"
)]
#[case("FREQ=MONTHLY;BYWEEKNO=3", "BYWEEKNO: weeks are numbered in a year; use FREQ=YEARLY")]
#[case(
    "FREQ=DAILY;BYSETPOS=1",
    "BYSETPOS: it chooses among what another BY part names, and there is none; add one, as BYDAY=MO,TU,WE,TH,FR"
)]
#[case(
    "FREQ=DAILY;BYSECOND=0",
    "BYSECOND=0: every occurrence has the second of the first one; leave it out"
)]
#[case(
    "FREQ=DAILY;X-RATE=1",
    "X-RATE=1: RFC 5545 has no such part; use FREQ, INTERVAL, COUNT, UNTIL, WKST, BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY, BYDAY, BYHOUR, BYMINUTE or BYSETPOS"
)]
#[case("\u{1b}[31mDAILY", "DAILY: it has no value; write NAME=VALUE, as in FREQ=WEEKLY")]
fn what_is_no_rule_is_refused_with_reason_and_remedy(#[case] given: &str, #[case] expect: &str) {
    assert_eq!(Rule::parse(given).unwrap_err().to_string(), expect);
}

#[rstest]
#[case(
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;COUNT=4",
    "every second week on Tuesday and Sunday, 4 times"
)]
#[case(
    "FREQ=MONTHLY;BYDAY=1FR;UNTIL=20261224",
    "on the first Friday of every month until 24 Dec 2026"
)]
#[case("FREQ=DAILY", "every day")]
#[case("FREQ=DAILY;INTERVAL=12;COUNT=1", "every 12th day, once")]
#[case("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every week on Monday to Friday")]
#[case("FREQ=WEEKLY;INTERVAL=2;WKST=SU", "every second week (weeks begin on Sunday)")]
#[case("FREQ=MONTHLY;BYMONTHDAY=15,30", "on the 15th and 30th of every month")]
#[case("FREQ=MONTHLY;BYMONTHDAY=-1", "on the last day of every month")]
#[case("FREQ=MONTHLY;BYMONTHDAY=1,-1", "on the last and 1st day of every month")]
#[case("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "on the 13th that is a Friday of every month")]
#[case(
    "FREQ=MONTHLY;BYDAY=1SU,-1SU;INTERVAL=2",
    "on the last Sunday and the first Sunday of every second month"
)]
#[case(
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
    "on the second to last day from Monday to Friday of every month"
)]
#[case("FREQ=MONTHLY;BYDAY=TU,WE;BYSETPOS=3", "on the third Tuesday or Wednesday of every month")]
#[case("FREQ=MONTHLY;BYDAY=TU", "on every Tuesday of every month")]
#[case("FREQ=YEARLY;BYMONTH=6,7", "every year in June and July")]
#[case("FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "on every Thursday of March of every year")]
#[case("FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=4", "on the 4th of July of every year")]
#[case("FREQ=YEARLY;BYDAY=20MO", "on the 20th Monday of every year")]
#[case("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "on every Monday of week 20 of every year")]
#[case("FREQ=YEARLY;BYWEEKNO=-1", "every year in the last week")]
#[case(
    "FREQ=YEARLY;INTERVAL=3;BYYEARDAY=1,100,200",
    "on the 1st, 100th and 200th day of every third year"
)]
#[case("FREQ=YEARLY;BYMONTHDAY=13", "on the 13th of every month of every year")]
#[case("FREQ=DAILY;BYMONTH=1", "every day in January")]
#[case("FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0,30", "every day at 09:00, 09:30, 17:00 and 17:30")]
#[case("FREQ=HOURLY;BYHOUR=9,10,11", "every hour in the hours 09, 10 and 11")]
#[case(
    "FREQ=DAILY;BYHOUR=9,17;BYSETPOS=-1",
    "every day in the hours 09 and 17, only the last of these"
)]
#[case(
    "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z",
    "every third hour until 2 Sep 1997 17:00 UTC"
)]
fn rules_are_said_in_words(#[case] rule: &str, #[case] expect: &str) {
    assert_eq!(Rule::parse(rule).unwrap().words(), expect);
}

#[test]
fn an_occurrence_in_a_gap_moves_by_its_length_and_the_next_is_on_time() {
    let nightly = series("2022-03-26T02:05:12", Europe::Berlin, "FREQ=DAILY;COUNT=3");
    let expect = ["2022-03-26T01:05Z", "2022-03-27T01:05Z", "2022-03-28T00:05Z"];
    assert_eq!(shown(&nightly.next(at("2022-01-01T00:00:00Z"), 9)), expect);
}

#[test]
fn a_midnight_that_does_not_exist_is_not_lost() {
    let daily = series("2024-04-25T00:00:00", Africa::Cairo, "FREQ=DAILY;COUNT=3");
    let expect = ["2024-04-24T22:00Z", "2024-04-25T22:00Z", "2024-04-26T21:00Z"];
    assert_eq!(shown(&daily.next(at("2024-01-01T00:00:00Z"), 9)), expect);
    let samoa = series("2011-12-28T12:00:00", Pacific::Apia, "FREQ=DAILY;COUNT=4");
    // The 30th never was; what should be then moves to the 31st, where one is already.
    assert_eq!(samoa.next(at("2011-01-01T00:00:00Z"), 9).len(), 3);
}

#[test]
fn two_that_become_the_same_instant_are_one() {
    let hourly = series("2026-03-29T00:30:00", Europe::Berlin, "FREQ=HOURLY;COUNT=5");
    let expect =
        ["2026-03-28T23:30Z", "2026-03-29T00:30Z", "2026-03-29T01:30Z", "2026-03-29T02:30Z"];
    assert_eq!(shown(&hourly.next(at("2026-01-01T00:00:00Z"), 9)), expect);
}

#[test]
fn exceptions_and_further_dates() {
    let mut daily = series("2026-11-23T09:00:00", Europe::Berlin, "FREQ=DAILY;COUNT=3");
    daily.except = vec![time("2026-11-24T09:00:00"), time("2026-11-24T10:00:00")];
    daily.also = vec![time("2026-11-23T15:00:00"), time("2026-11-25T09:00:00")];
    let expect = ["2026-11-23T08:00Z", "2026-11-23T14:00Z", "2026-11-25T08:00Z"];
    assert_eq!(shown(&daily.next(at("2026-01-01T00:00:00Z"), 9)), expect);
    let once = Recurrence::once(time("2026-11-23T09:00:00"), Europe::Berlin);
    assert_eq!(shown(&once.next(at("2026-01-01T00:00:00Z"), 9)), ["2026-11-23T08:00Z"]);
    assert!(once.next(at("2026-11-23T08:00:00Z"), 9).is_empty());
}

#[test]
fn the_start_is_the_first_of_the_count_whether_or_not_the_rule_has_it() {
    let odd = series("2026-11-24T09:00:00", Europe::Berlin, "FREQ=WEEKLY;BYDAY=MO;COUNT=2");
    assert_eq!(
        shown(&odd.next(at("2026-01-01T00:00:00Z"), 9)),
        ["2026-11-24T08:00Z", "2026-11-30T08:00Z"]
    );
}

#[rstest]
#[case("FREQ=DAILY;UNTIL=20261125", 3)]
#[case("FREQ=DAILY;UNTIL=20261125T090000", 3)]
#[case("FREQ=DAILY;UNTIL=20261125T085959", 2)]
#[case("FREQ=DAILY;UNTIL=20261125T080000Z", 3)]
#[case("FREQ=DAILY;UNTIL=20261125T075959Z", 2)]
#[case("FREQ=DAILY;UNTIL=20200101", 1)]
fn until_is_the_last_in_days_local_time_or_utc(#[case] rule: &str, #[case] expect: usize) {
    let daily = series("2026-11-23T09:00:00", Europe::Berlin, rule);
    assert_eq!(daily.next(at("2026-01-01T00:00:00Z"), 9).len(), expect);
}

#[rstest]
#[case("FREQ=DAILY;COUNT=1000000000", 31, 100)]
#[case("FREQ=WEEKLY;COUNT=1000000000;BYDAY=MO,FR", 9, 100)]
#[case("FREQ=HOURLY;COUNT=1000000000", 744, 1_000)]
#[case("FREQ=HOURLY", 744, 1_000)]
#[case("FREQ=DAILY", 31, 100)]
#[case("FREQ=MONTHLY;COUNT=1000000000", 1, 20_000)]
#[case(
    "FREQ=YEARLY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYYEARDAY=190",
    24,
    200
)]
#[case("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", 0, 100)]
fn a_month_far_from_the_start_takes_few_steps(
    #[case] rule: &str,
    #[case] expect: usize,
    #[case] most: u32,
) {
    let old = series("1000-01-01T09:00:00", Tz::UTC, rule);
    let found = old.search(span("2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z"), 1_000, STEPS);
    assert_eq!(found.starts.len(), expect);
    assert!(found.is_complete && found.steps <= most, "{} steps", found.steps);
}

#[rstest]
// Never.
#[case("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")]
#[case("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30")]
#[case("FREQ=YEARLY;BYMONTHDAY=1;BYHOUR=3;BYSETPOS=366")]
// Counted one by one for a thousand years.
#[case("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=1000000000")]
#[case("FREQ=HOURLY;BYHOUR=1,2;COUNT=4000000000")]
fn a_search_that_leads_nowhere_ends_and_says_so(#[case] rule: &str) {
    let endless = series("1000-01-01T09:00:00", Tz::UTC, rule);
    let from = Interval::new(at("2026-07-01T00:00:00Z"), Instant::MAX_UTC);
    let found = endless.search(from, 3, STEPS);
    assert!(found.starts.is_empty(), "{found:?}");
    assert!(!found.is_complete && found.steps <= STEPS, "{found:?}");
}

#[test]
fn the_ends_of_the_calendar_are_no_traps() {
    let always = Interval::new(Instant::MIN_UTC, Instant::MAX_UTC);
    for start in [
        NaiveDateTime::MIN,
        NaiveDateTime::MAX,
        time("0000-01-01T00:00:00"),
        time("9999-12-31T23:59:59"),
    ] {
        for zone in [Pacific::Apia, Pacific::Pago_Pago, Tz::UTC] {
            for rule in [
                "FREQ=YEARLY",
                "FREQ=HOURLY;INTERVAL=65535",
                "FREQ=WEEKLY;UNTIL=99991231",
                "FREQ=DAILY;UNTIL=00000101",
            ] {
                let rule = Some(Rule::parse(rule).unwrap());
                let series = Recurrence { rule, ..Recurrence::once(start, zone) };
                series.between(always, 10);
                series.next(Instant::MAX_UTC, 3);
            }
        }
    }
}

fn numbers(range: std::ops::RangeInclusive<i16>) -> impl Strategy<Value = String> {
    prop::collection::btree_set(range.prop_filter("0", |n| *n != 0), 1..4)
        .prop_map(|set| set.iter().map(i16::to_string).collect::<Vec<_>>().join(","))
}

fn weekdays(numbered: bool) -> impl Strategy<Value = String> {
    let day = prop::sample::select(vec!["MO", "TU", "WE", "TH", "FR", "SA", "SU"]);
    let number =
        prop::sample::select(if numbered { vec!["", "1", "2", "-1", "5"] } else { vec![""] });
    let day = (number, day).prop_map(|(number, day)| format!("{number}{day}"));
    prop::collection::vec(day, 1..4).prop_map(|days| days.join(","))
}

/// Rules that are allowed, of every frequency and with every part.
fn any_rule() -> impl Strategy<Value = Rule> {
    let freq = prop::sample::select(vec!["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]);
    let end = prop_oneof![
        Just(String::new()),
        (1_u32..40).prop_map(|n| format!(";COUNT={n}")),
        (1_i64..2_000).prop_map(|n| {
            let day = time("2026-01-01T00:00:00").date() + TimeDelta::days(n);
            format!(";UNTIL={}", Stamp::Date(day))
        }),
        (1_i64..2_000_000).prop_map(|n| {
            let at = time("2026-01-01T00:00:00") + TimeDelta::minutes(n);
            format!(";UNTIL={}", Stamp::Utc(at))
        }),
    ];
    let maybe = |name: &'static str, list: BoxedStrategy<String>| {
        prop::option::weighted(0.25, list)
            .prop_map(move |l| l.map_or(String::new(), |l| format!(";{name}={l}")))
    };
    let dates = (
        maybe("BYMONTH", numbers(1..=12).boxed()),
        maybe("BYMONTHDAY", numbers(-31..=31).boxed()),
        maybe("BYDAY", weekdays(true).boxed()),
        maybe("BYDAY", weekdays(false).boxed()),
        maybe("BYYEARDAY", numbers(-366..=366).boxed()),
        maybe("BYWEEKNO", numbers(-53..=53).boxed()),
    );
    let times = (
        maybe("BYHOUR", numbers(1..=23).boxed()),
        maybe("BYMINUTE", numbers(1..=59).boxed()),
        maybe("BYSETPOS", numbers(-5..=5).boxed()),
        maybe("WKST", prop::sample::select(vec!["SU", "SA", "TH"]).prop_map(str::to_owned).boxed()),
    );
    (freq, 1_u16..5, end, dates, times).prop_filter_map("RFC 5545", |(freq, n, end, d, t)| {
        let days = match freq {
            "MONTHLY" => d.1 + &d.2,
            "YEARLY" if d.5.is_empty() => d.1 + &d.2 + &d.4,
            "YEARLY" => d.3 + &d.5,
            "WEEKLY" => d.3,
            _ => d.1 + &d.3,
        };
        let rest = format!("{}{}{}{}{}", d.0, t.0, t.1, t.2, t.3);
        Rule::parse(&format!("FREQ={freq};INTERVAL={n}{end}{days}{rest}")).ok()
    })
}

fn any_series() -> impl Strategy<Value = Recurrence> {
    let start =
        (0_i64..600 * 1_440).prop_map(|n| time("2026-01-01T00:00:00") + TimeDelta::minutes(n));
    let some = prop::collection::vec(start.clone(), 0..4);
    let zone = (0..TZ_VARIANTS.len()).prop_map(|n| TZ_VARIANTS[n]);
    (start, zone, prop::option::weighted(0.9, any_rule()), some.clone(), some).prop_map(
        |(start, zone, rule, also, except)| Recurrence { start, zone, rule, also, except },
    )
}

proptest! {
    #[test]
    fn what_a_rule_prints_it_is_read_from(rule in any_rule()) {
        prop_assert_eq!(Rule::parse(&rule.to_string()), Ok(rule.clone()));
        prop_assert!(!rule.words().contains("  "));
    }

    #[test]
    fn what_is_no_rule_does_no_harm(text in "(FREQ=|;|,|=|BYDAY=|-|[0-9]{1,9}|MO|UNTIL=|\\PC){0,12}") {
        if let Ok(rule) = Rule::parse(&text) {
            prop_assert_eq!(Rule::parse(&rule.to_string()), Ok(rule));
        }
    }

    #[test]
    fn the_starts_of_two_halves_are_those_of_the_whole(
        series in any_series(),
        from in 0_i64..400 * 86_400,
        first in 0_i64..200 * 86_400,
        second in 0_i64..200 * 86_400,
    ) {
        let begin = at("2026-01-01T00:00:00Z") + TimeDelta::seconds(from);
        let middle = begin + TimeDelta::seconds(first);
        let end = middle + TimeDelta::seconds(second);
        let between = |from, to| series.between(Interval::new(from, to), usize::MAX);
        let whole = between(begin, end);
        let mut halves = between(begin, middle);
        halves.extend(between(middle, end));
        prop_assert_eq!(&whole, &halves);
        prop_assert!(whole.is_sorted_by(|a, b| a.at < b.at));
        prop_assert!(whole.iter().all(|s| begin <= s.at && s.at < end));
        // The first few are the first few.
        let few = series.between(Interval::new(begin, end), 3);
        prop_assert_eq!(&few, &whole[..whole.len().min(3)]);
    }

    #[test]
    fn jumping_near_the_interval_finds_what_walking_from_the_start_does(
        series in any_series(),
        from in 0_i64..3_000,
    ) {
        let begin = at("2026-01-01T00:00:00Z") + TimeDelta::days(from);
        let end = begin + TimeDelta::days(40);
        let all = series.search(Interval::new(Instant::MIN_UTC, end), usize::MAX, 1_000_000);
        let late: Vec<Start> = all.starts.into_iter().filter(|s| s.at >= begin).collect();
        prop_assert_eq!(series.between(Interval::new(begin, end), usize::MAX), late);
    }
}
