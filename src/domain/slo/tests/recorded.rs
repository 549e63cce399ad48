use super::record::Recorder;
use super::*;

fn seconds(n: i64) -> Instant {
    begin(NOW) + TimeDelta::seconds(n)
}

/// What all looks made of each bucket.
fn recorded(looks: &[(i64, Option<bool>)]) -> Series {
    let mut recorder = Recorder::default();
    let mut series = Series::default();
    for (at, is_up) in looks {
        for (index, bucket) in recorder.look(seconds(*at), *is_up) {
            series.set(index, bucket);
        }
    }
    series
}

#[test]
fn what_was_seen_at_a_look_lasts_until_the_next() {
    let looks: Vec<(i64, Option<bool>)> =
        (0..=60).map(|i| (i * 10, Some(!(10..20).contains(&i)))).collect();
    let series = recorded(&looks);
    assert_eq!(series.get(NOW), Some(Bucket::of_time(200, 100)));
    assert_eq!(series.get(NOW + 1), Some(Bucket::of_time(300, 0)));
    assert_eq!(series.get(NOW + 2), None);
}

#[test]
fn what_nobody_looked_at_is_unknown() {
    let series = recorded(&[
        (0, Some(true)),
        (30, Some(true)),
        (200, Some(false)),
        (230, None),
        (290, None),
    ]);
    assert_eq!(series.get(NOW), Some(Bucket::of_time(30, 30)));
    let slept =
        recorded(&[(0, Some(true)), (10, Some(true)), (3_000, Some(true)), (3_010, Some(true))]);
    assert_eq!(slept.get(NOW), Some(Bucket::of_time(10, 0)));
    assert_eq!(slept.get(NOW + 1), None);
    assert_eq!(slept.get(NOW + 10), Some(Bucket::of_time(10, 0)));
}

#[test]
fn a_clock_that_goes_back_adds_nothing_twice() {
    let series = recorded(&[(0, Some(true)), (50, Some(true)), (20, Some(true)), (40, Some(true))]);
    assert_eq!(series.get(NOW), Some(Bucket::of_time(50, 0)));
}
