//! Laws that hold for any calendar in any zone.

use chrono::{TimeDelta, Weekday};
use chrono_tz::TZ_VARIANTS;
use proptest::prelude::*;

use super::{day, holidays};
use crate::domain::sla::clock::{Course, Pause, Rest, Target};
use crate::domain::sla::hours::{ALWAYS, BusinessCalendar, Edition};
use crate::domain::time::hours::Range;
use crate::domain::time::{Instant, Interval, Intervals, WeekHours};

const DAYS: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

/// Any hours, also none and overlapping ones, with up to three ranges a day.
fn calendars() -> impl Strategy<Value = std::sync::Arc<BusinessCalendar>> {
    let ranges = prop::collection::vec((0..7_usize, 0..1_440_u16, 0..=1_440_u16), 0..14);
    let closed = prop::collection::btree_set(0..400_u64, 0..40);
    (0..TZ_VARIANTS.len(), ranges, closed).prop_map(|(zone, ranges, closed)| {
        let mut hours = WeekHours::default();
        for (on, from, to) in ranges {
            if let Some(range) = Range::new(from, to) {
                hours.add(DAYS[on], range);
            }
        }
        let closed = closed.into_iter().map(|n| day("2026-01-01") + chrono::Days::new(n));
        let holidays = holidays(closed, "");
        let edition = Edition { zone: TZ_VARIANTS[zone], hours, holidays, valid: ALWAYS };
        std::sync::Arc::new(BusinessCalendar::new("any", vec![edition]))
    })
}

fn instants() -> impl Strategy<Value = Instant> {
    // 2026 and 2027.
    (1_767_225_600_i64..1_830_297_600).prop_map(|s| Instant::from_timestamp(s, 0).unwrap())
}

fn pauses() -> impl Strategy<Value = Vec<Pause>> {
    let one = (instants(), 0_i64..10 * 86_400).prop_map(|(from, length)| Pause {
        from,
        to: Some(from + TimeDelta::seconds(length)),
        why: Rest::Given,
    });
    prop::collection::vec(one, 0..5)
}

fn targets() -> impl Strategy<Value = Target> {
    let days = (1..30_u32, any::<bool>());
    prop_oneof![
        (1_i64..20 * 86_400).prop_map(|s| Target::Time(TimeDelta::seconds(s))),
        days.prop_map(|(count, to_close)| Target::Days { count, to_close }),
    ]
}

fn sorted(mut pauses: Vec<Pause>) -> Vec<Pause> {
    pauses.sort_by_key(|pause| pause.from);
    pauses
}

proptest! {
    #[test]
    fn as_much_has_passed_at_the_deadline_as_was_asked_for(
        calendar in calendars(), start in instants(), seconds in 1_i64..40 * 86_400,
    ) {
        let length = TimeDelta::seconds(seconds);
        if let Ok(end) = calendar.after(start, length) {
            prop_assert_eq!(calendar.passed(Interval::new(start, end)), length);
            // It is the first such instant.
            let before = Interval::new(start, end - TimeDelta::seconds(1));
            prop_assert!(calendar.passed(before) < length);
            let back = calendar.back(end, length).unwrap();
            prop_assert!(back >= start);
            prop_assert_eq!(calendar.passed(Interval::new(back, end)), length);
        }
    }

    #[test]
    fn what_passed_is_the_length_of_what_was_open(
        calendar in calendars(), a in instants(), b in instants(),
    ) {
        let within = Interval::new(a.min(b), a.max(b));
        let open = calendar.open(within);
        prop_assert_eq!(calendar.passed(within), open.length());
        let closed: Intervals = calendar.closed(within).into_iter().map(|(at, _)| at).collect();
        prop_assert_eq!(closed, open.missing(within));
        prop_assert_eq!(calendar.is_open(a), calendar.open(Interval::new(a, a + TimeDelta::seconds(1))).contains(a));
    }

    #[test]
    fn elapsed_of_the_deadline_is_the_target(
        calendar in calendars(), start in instants(), seconds in 1_i64..20 * 86_400,
        pauses in pauses(),
    ) {
        let target = Target::Time(TimeDelta::seconds(seconds));
        let course = Course { start, target, calendar, pauses: sorted(pauses), stop: None };
        if let Ok(deadline) = course.deadline(start) {
            let clock = course.clock(deadline);
            prop_assert_eq!(clock.elapsed, TimeDelta::seconds(seconds));
            prop_assert_eq!(clock.left, Some(TimeDelta::zero()));
            prop_assert!(!clock.breached);
            prop_assert!(course.clock(deadline + TimeDelta::seconds(1)).breached);
        }
    }

    #[test]
    fn time_only_adds(
        calendar in calendars(), start in instants(), target in targets(), pauses in pauses(),
        a in instants(), b in instants(),
    ) {
        let course = Course { start, target, calendar, pauses: sorted(pauses), stop: None };
        let (early, late) = (course.clock(a.min(b)), course.clock(a.max(b)));
        prop_assert!(early.elapsed <= late.elapsed);
        prop_assert!(early.paused <= late.paused);
        prop_assert!(early.left >= late.left);
        prop_assert!(late.breached || !early.breached);
        prop_assert_eq!(early.deadline, late.deadline);
    }

    #[test]
    fn a_hold_that_lasts_moves_the_deadline_and_takes_nothing(
        calendar in calendars(), start in instants(), target in targets(),
        held in 0_i64..86_400, later in 0_i64..86_400,
    ) {
        let from = start + TimeDelta::seconds(held);
        let pauses = vec![Pause { from, to: None, why: Rest::Given }];
        let course = Course { start, target, calendar, pauses, stop: None };
        let (early, late) = (course.clock(from), course.clock(from + TimeDelta::seconds(later)));
        prop_assert_eq!(early.elapsed, late.elapsed);
        if let (Ok(early), Ok(late)) = (&early.deadline, &late.deadline) {
            prop_assert!(early <= late);
        }
    }

    #[test]
    fn the_order_and_the_overlap_of_pauses_make_no_difference(
        calendar in calendars(), start in instants(), target in targets(), pauses in pauses(),
        now in instants(),
    ) {
        let sets: Intervals = pauses.iter().map(|p| Interval::new(p.from, p.to.unwrap())).collect();
        let one = |at: Interval| Pause { from: at.from, to: Some(at.to), why: Rest::Given };
        let union = Course {
            start, target, calendar, pauses: sets.iter().map(one).collect(), stop: None,
        };
        let mut reversed = pauses.clone();
        reversed.reverse();
        for pauses in [pauses, reversed] {
            let course = Course { pauses, ..union.clone() };
            prop_assert_eq!(course.clock(now), union.clock(now));
        }
    }

    #[test]
    fn a_ledger_has_no_gap_and_counts_what_elapsed(
        calendar in calendars(), start in instants(), target in targets(), pauses in pauses(),
        now in instants(), stop in prop::option::of(instants()),
    ) {
        let course = Course { start, target, calendar, pauses: sorted(pauses), stop };
        let ledger = course.ledger(now);
        let whole: Intervals = ledger.iter().map(|line| line.at).collect();
        let end = stop.map_or(now, |stop| stop.min(now));
        let (from, to) = (start.min(end), start.max(end));
        prop_assert_eq!(whole, Interval::new(from, to).into());
        let total = ledger.iter().fold(TimeDelta::zero(), |sum, line| sum + line.at.length());
        prop_assert_eq!(total, to - from);
        let counted = ledger.iter().filter(|line| line.counted);
        let counted = counted.fold(TimeDelta::zero(), |sum, line| sum + line.at.length());
        prop_assert_eq!(counted, course.clock(now).elapsed);
    }

    #[test]
    fn marks_come_in_their_order(
        calendar in calendars(), start in instants(), target in targets(), pauses in pauses(),
    ) {
        let course = Course { start, target, calendar, pauses: sorted(pauses), stop: None };
        let at = [25, 50, 75, 100].map(|percent| course.at_percent(percent, start));
        if let Ok(marks) = at.into_iter().collect::<Result<Vec<_>, _>>() {
            prop_assert!(marks.is_sorted(), "{:?}", marks);
            let quarter = course.at_offset(-TimeDelta::minutes(15), start).unwrap();
            prop_assert!(start <= quarter && quarter <= marks[3]);
        }
    }

    #[test]
    fn no_time_is_too_strange(
        calendar in calendars(), start in any::<i32>(), length in any::<i32>(),
        target in targets(),
    ) {
        let start = Instant::from_timestamp(i64::from(start) * 60, 0).unwrap();
        let now = start + TimeDelta::minutes(i64::from(length));
        let course = Course { start, target, calendar, pauses: Vec::new(), stop: None };
        let _ = course.clock(now);
        let _ = course.calendar.passed(Interval::new(start.min(now), start.max(now)));
    }
}
