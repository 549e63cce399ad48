use super::record::{Recorder, downtime, of_downtime};
use super::*;
use crate::domain::calendar::WindowId;
use crate::domain::incident::event::Opening;
use crate::domain::incident::lifecycle::fold;
use crate::domain::incident::{
    Actor, Event, EventBody, Incident, IncidentId, Maintained, Planned, Priority,
};
use crate::domain::matcher::Labels;
use crate::domain::time::Intervals;

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

#[test]
fn of_time_that_nobody_watched_only_what_was_down_is_known() {
    let mut series = Series::default();
    for (number, seen) in [(0, 20), (1, 300), (3, 120), (5, 300)] {
        series.set(NOW + number, Bucket::of_time(seen, 0));
    }
    let watched = Watched::new(series, Some(seconds(-1_000)));
    let down: Intervals = [(360, 420), (700, 730), (900, 1_100), (1_500, 1_800)]
        .into_iter()
        .map(|(from, to)| Interval::new(seconds(from), seconds(to)))
        .collect();
    let all: Series = {
        let mut all = Series::default();
        for (number, bucket) in
            of_downtime(&down, (NOW - 5, NOW + 6), |number| watched.seconds(number))
        {
            all.set(number, bucket);
        }
        all
    };
    let of = |number: i64| all.get(NOW + number);
    let up = Bucket::of_time;
    // Before it was first recorded it counts as watched, from the first event of the store on.
    assert_eq!([of(-5), of(-4), of(-3), of(0)], [None, None, Some(up(300, 0)), Some(up(300, 0))]);
    assert_eq!([of(1), of(2), of(4)], [Some(up(240, 60)), Some(up(0, 30)), None]);
    // It was down for longer than somebody watched: nothing is known to have been up.
    assert_eq!([of(3), of(5)], [Some(up(0, 200)), Some(up(0, 300))]);
    let objective = Arc::new(objective("99%", Window::Rolling(TimeDelta::hours(1))));
    let status = status(&objective, &all, &Excluded::nothing(), &[], begin(NOW + 6));
    assert_eq!(status.coverage_ppm(), (4 * 300 + 300 + 30 + 200 + 300) * 1_000_000 / 3_600);

    let gaps = watched.unwatched(Interval::new(begin(NOW - 5), begin(NOW + 6)));
    let gaps: Vec<(i64, i64)> = gaps
        .iter()
        .map(|gap| ((gap.from - begin(NOW)).num_seconds(), (gap.to - begin(NOW)).num_seconds()))
        .collect();
    assert_eq!(gaps, [(600, 900), (1_020, 1_500)]);
}

#[test]
fn a_store_in_which_nobody_recorded_that_they_watched_is_as_it_always_was() {
    let watched = Watched::new(Series::default(), Some(seconds(0)));
    assert_eq!([watched.seconds(NOW), watched.seconds(NOW + 1)], [0, 300]);
    let within = Interval::new(begin(NOW - 5), begin(NOW + 6));
    assert!(watched.unwatched(within).is_empty());
    assert_eq!(Watched::new(Series::default(), None).seconds(NOW), 0, "nothing ever happened");
    let mut series = Series::default();
    series.set(NOW, Bucket::of_time(40, 0));
    let calm = Watched::new(series, None);
    assert_eq!([calm.seconds(NOW), calm.seconds(NOW + 1)], [40, 0], "it was watched, and calm");
}

#[test]
fn a_process_that_goes_on_after_another_adds_to_what_that_saw() {
    let mut first = Recorder::default();
    let mut series = Series::default();
    let mut looks = |recorder: &mut Recorder, all: &[(i64, bool)]| {
        for (at, is_up) in all {
            for (index, bucket) in recorder.look(seconds(*at), Some(*is_up)) {
                series.set(index, bucket);
            }
        }
        series.get(NOW)
    };
    let stored = looks(&mut first, &[(0, false), (10, false), (30, true), (40, true)]);
    assert_eq!(stored, Some(Bucket::of_time(10, 30)));
    // Nobody looked for a minute; what was seen before is still there, and is gone on with.
    let mut second = Recorder::resuming(NOW, stored);
    assert_eq!(looks(&mut second, &[(100, true)]), stored);
    let then = looks(&mut second, &[(110, true), (130, false), (140, true)]);
    assert_eq!(then, Some(Bucket::of_time(40, 40)));
    // In another bucket there is nothing to go on with.
    let mut late = Recorder::resuming(NOW, stored);
    late.look(seconds(310), Some(true));
    assert_eq!(late.look(seconds(320), Some(true)), [(NOW + 1, Bucket::of_time(10, 0))]);
}

#[test]
fn that_somebody_watches_is_kept_at_each_look_and_gone_on_with_after_a_restart() {
    let mut watching = Watching::default();
    assert_eq!(watching.look(seconds(10)), None);
    let kept = watching.look(seconds(40)).cloned().unwrap();
    assert_eq!(kept.get(NOW), Some(Bucket::of_time(30, 0)));
    let mut watching = Watching::resuming(NOW, kept.get(NOW));
    for at in (90..300).step_by(30) {
        watching.look(seconds(at));
    }
    let kept = watching.look(seconds(300)).cloned().unwrap();
    assert_eq!((kept.get(NOW), kept.get(NOW + 1)), (Some(Bucket::of_time(240, 0)), None));
    assert_eq!(
        watching.look(seconds(301)).map(|all| all.get(NOW)),
        Some(kept.get(NOW)),
        "once more"
    );
    watching.kept();
    let then = watching.look(seconds(330)).cloned().unwrap();
    assert_eq!((then.get(NOW), then.get(NOW + 1)), (None, Some(Bucket::of_time(30, 0))));
    // Asleep for two hours: it watched neither then nor in what of the bucket is left.
    watching.look(seconds(7_500));
    let after = watching.look(seconds(7_530)).cloned().unwrap();
    assert_eq!(
        [1, 2, 24, 25].map(|n| after.get(NOW + n)),
        [Some(Bucket::of_time(30, 0)), None, None, Some(Bucket::of_time(30, 0)),]
    );
}

#[test]
fn an_incident_is_down_from_its_beginning_but_for_what_was_planned_and_what_does_not_count() {
    let opening = Opening {
        key: "k".into(),
        title: "no orders".into(),
        service: Some(ServiceId::new("shop")),
        source: "prom".into(),
        category: String::new(),
        impact: 1,
        urgency: 1,
        priority: Priority(2),
        labels: Labels::new(),
        annotations: Labels::new(),
        started_at: seconds(100),
        earlier: None,
        recurrence: 1,
    };
    let event = Event {
        position: 1,
        at: seconds(160),
        actor: Actor::source("prom"),
        incident: IncidentId(7),
        body: EventBody::Opened(Box::new(opening)),
    };
    let incident = fold(None, &event).unwrap();
    let shop = ServiceId::new("shop");
    let down = |incident: &Incident, least: u8| -> Vec<(i64, i64)> {
        let since = |at: Instant| (at - seconds(0)).num_seconds();
        let down = downtime(incident, &shop, Priority(least), seconds(1_000));
        down.iter().map(|piece| (since(piece.from), since(piece.to))).collect()
    };
    assert_eq!(down(&incident, 2), [(100, 1_000)]);
    assert_eq!(down(&incident, 1), [], "not urgent enough");
    let drill = Some(WindowId("WIN-1".into()));
    assert_eq!(down(&Incident { drill, ..incident.clone() }, 2), []);
    // A window that names labels alone took it out of what is unplanned.
    let planned = Planned { title: String::new(), from: seconds(200), to: seconds(300) };
    let muted = Maintained {
        window: WindowId("WIN-2".into()),
        title: String::new(),
        since: seconds(900),
        sla_relevant: true,
    };
    let (maintained, maintenance) = (vec![planned], Some(muted));
    let muted = Incident { maintenance, maintained, ..incident };
    assert_eq!(down(&muted, 2), [(100, 200), (300, 900)]);
}
