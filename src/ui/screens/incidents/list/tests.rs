use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::domain::health::{Service, State as Health};
use crate::domain::incident::IncidentState;
use crate::domain::incident::query::parse;
use crate::domain::incident::views::Column;
use crate::domain::observation::{Fact, Observation, StateReading};
use crate::domain::sla::contract::ServiceLevels;
use crate::engine::core::{self, Input, State};
use crate::engine::publish::Publisher;
use crate::engine::{Plan, StoreState};
use crate::ui::screens::incidents::fixture::{all, in_state, incident, now, of, under};

/// A queue with its world: `show` is a new snapshot, the rest are keys.
struct Desk {
    queue: List,
    incidents: Incidents,
    generation: u64,
    now: Instant,
    teams: HashMap<ServiceId, String>,
}

impl Desk {
    fn new(query: &str, incidents: impl IntoIterator<Item = Incident>) -> Self {
        let teams = [("mail", "core"), ("checkout", "payments"), ("db", "core")];
        let mut desk = Self {
            queue: List::new(parse(query).query),
            incidents: Incidents::default(),
            generation: 0,
            now: now(),
            teams: teams.map(|(s, t)| (ServiceId::new(s), t.to_owned())).into(),
        };
        desk.show(incidents);
        desk
    }

    fn show(&mut self, incidents: impl IntoIterator<Item = Incident>) {
        self.take(all(incidents));
    }

    fn take(&mut self, incidents: Incidents) {
        self.incidents = incidents;
        self.generation += 1;
        let levels = ServiceLevels::default();
        let (now, teams) = (self.now, &self.teams);
        let context = QueryContext { now, me: "ana", teams, levels: &levels };
        self.queue.sync(self.generation, &self.incidents, &context);
    }

    fn with(&mut self, act: impl FnOnce(&mut List, &Incidents, &QueryContext<'_>)) {
        let levels = ServiceLevels::default();
        let (now, teams) = (self.now, &self.teams);
        let context = QueryContext { now, me: "ana", teams, levels: &levels };
        self.queue.touch(self.now);
        act(&mut self.queue, &self.incidents, &context);
    }

    fn go(&mut self, to: Move) {
        self.with(|queue, _, context| queue.go(to, context));
    }

    /// The lines as text: `>` is the cursor, two spaces a fold.
    fn lines(&self) -> Vec<String> {
        let line = |(n, line): (usize, &Line)| match line {
            Line::Header(h) => {
                let header = self.queue.header(*h).unwrap();
                format!("[{} {}]", header.name, header.count)
            }
            Line::Incident { row, depth } => {
                let id = self.queue.row(*row).unwrap().id.0;
                let cursor = if n == self.queue.cursor_line() { ">" } else { "" };
                format!("{cursor}{}{id}", "  ".repeat(usize::from(*depth)))
            }
        };
        self.queue.lines().iter().enumerate().map(line).collect()
    }
}

#[test]
fn the_most_urgent_is_first_and_the_youngest_among_equals() {
    let desk = Desk::new("", [incident(1, 3), incident(2, 1), incident(3, 1), incident(4, 2)]);
    assert_eq!(desk.lines(), [">2", "3", "4", "1"]);
}

#[test]
fn an_arrival_is_shown_at_once_while_nobody_works_in_the_queue_and_the_cursor_stays() {
    let mut desk = Desk::new("", [incident(1, 3), incident(2, 3)]);
    desk.show([incident(1, 3), incident(2, 3), incident(3, 1)]);
    assert_eq!(desk.lines(), ["3", ">1", "2"]);
}

#[test]
fn an_arrival_comes_in_under_other_keys_while_the_cursor_was_not_moved_and_the_cursor_stays() {
    let mut desk = Desk::new("", [incident(1, 3), incident(2, 3)]);
    desk.with(|queue, _, context| queue.enter(context));
    desk.with(|_, _, _| {});
    desk.show([incident(1, 3), incident(2, 3), incident(3, 1)]);
    assert_eq!(desk.lines(), ["3", ">1", "2"]);
    assert_eq!(desk.queue.waiting(), Waiting::default());
    desk.with(|queue, _, context| queue.toggle_mark(context));
    desk.show([incident(1, 3), incident(2, 3), incident(3, 1), incident(4, 1)]);
    assert_eq!(desk.lines(), ["3", "1", ">2"], "a mark is under way");
    desk.queue.leave();
    desk.with(|queue, _, context| queue.enter(context));
    desk.show([incident(1, 3), incident(2, 3), incident(3, 1), incident(4, 1)]);
    assert_eq!(desk.lines(), ["3", "4", "1", ">2"], "it begins anew with each visit");
}

#[test]
fn an_arrival_waits_while_somebody_works_in_the_queue() {
    let mut desk = Desk::new("", [incident(1, 3), incident(2, 3)]);
    desk.go(Move::By(1));
    desk.show([incident(1, 3), incident(2, 3), incident(3, 1), incident(4, 2)]);
    assert_eq!(desk.lines(), ["1", ">2"]);
    assert_eq!(desk.queue.waiting(), Waiting { count: 2, worst: Some(Priority(1)) });
}

#[test]
fn what_waits_comes_in_when_the_cursor_leaves_the_top() {
    let mut desk = Desk::new("", [incident(1, 3), incident(2, 3)]);
    desk.go(Move::By(1));
    desk.show([incident(1, 3), incident(2, 3), incident(3, 1)]);
    desk.go(Move::By(-1));
    assert_eq!(desk.lines(), [">1", "2"]);
    desk.go(Move::By(-1));
    assert_eq!(desk.lines(), [">3", "1", "2"]);
    assert_eq!(desk.queue.waiting(), Waiting::default());
}

#[test]
fn what_waits_comes_in_after_a_minute_without_a_key_and_the_cursor_stays() {
    let mut desk = Desk::new("", [incident(1, 3)]);
    desk.go(Move::First);
    desk.show([incident(1, 3), incident(3, 1)]);
    assert_eq!(desk.queue.next_change(desk.now), Some(desk.now + ATTENTION));
    desk.now += ATTENTION;
    desk.show([incident(1, 3), incident(3, 1)]);
    assert_eq!(desk.lines(), ["3", ">1"]);
}

#[test]
fn an_arrival_is_in_sight_on_a_screen_that_nobody_works_at() {
    let list = |ids: std::ops::Range<u64>| ids.map(|id| incident(id, 3)).collect::<Vec<_>>();
    let mut desk = Desk::new("", list(10..60));
    desk.queue.scroll(10);
    desk.show(list(8..60));
    assert_eq!(desk.queue.cursor(), Some(IncidentId(10)));
    assert_eq!(desk.queue.window(10), 0..10);
}

#[test]
fn what_the_person_did_something_to_does_not_wait_whichever_comes_first() {
    let mut desk = Desk::new("", [incident(1, 3)]);
    desk.go(Move::First);
    desk.with(|queue, _, context| queue.admit(vec![IncidentId(2)], context));
    desk.show([incident(1, 3), incident(2, 1), incident(3, 1)]);
    assert_eq!(desk.lines(), ["2", ">1"]);
    desk.with(|queue, _, context| queue.admit(vec![IncidentId(3)], context));
    assert_eq!(desk.lines(), ["2", "3", ">1"]);
    assert_eq!(desk.queue.waiting(), Waiting::default());
}

#[test]
fn following_shows_arrivals_at_once() {
    let mut desk = Desk::new("", [incident(1, 3)]);
    desk.with(|queue, _, context| queue.set_following(true, context));
    desk.go(Move::First);
    desk.show([incident(1, 3), incident(3, 1)]);
    assert_eq!(desk.lines(), ["3", ">1"]);
}

#[test]
fn an_incident_that_comes_back_waits_like_a_new_one() {
    let closed = in_state(incident(3, 1), IncidentState::Resolved);
    let mut desk = Desk::new("state:new", [incident(1, 3), closed]);
    desk.go(Move::First);
    desk.show([incident(1, 3), incident(3, 1)]);
    assert_eq!(desk.lines(), [">1"]);
    assert_eq!(desk.queue.waiting().count, 1);
}

#[test]
fn a_new_filter_shows_everything_that_it_finds() {
    let mut desk = Desk::new("p:3", [incident(1, 3), incident(2, 3)]);
    desk.go(Move::By(1));
    desk.show([incident(1, 3), incident(2, 3), incident(3, 3)]);
    assert_eq!(desk.queue.waiting().count, 1);
    desk.with(|queue, _, context| queue.set_query(parse("p:1..3").query, context));
    assert_eq!(desk.lines(), ["1", ">2", "3"]);
}

#[test]
fn a_row_that_was_acted_on_stays_under_the_cursor_until_it_moves() {
    let mut desk = Desk::new("state:new", [incident(1, 3), incident(2, 3), incident(3, 3)]);
    desk.go(Move::By(1));
    let acked = || in_state(incident(2, 3), IncidentState::Acknowledged);
    desk.show([incident(1, 3), acked(), incident(3, 3)]);
    assert_eq!(desk.lines(), ["1", ">2", "3"]);
    assert!(desk.queue.is_sticky());
    desk.show([incident(1, 3), acked(), incident(3, 3), incident(4, 5)]);
    assert_eq!(desk.lines(), ["1", ">2", "3"]);
    desk.go(Move::By(1));
    assert_eq!(desk.lines(), ["1", ">3"]);
    assert!(!desk.queue.is_sticky());
}

#[test]
fn a_row_under_the_cursor_that_is_folded_away_by_others_stays_until_the_cursor_moves() {
    let mut desk = Desk::new("", [incident(1, 1), incident(2, 3), incident(3, 3)]);
    desk.go(Move::By(1));
    desk.show([incident(1, 1), under(incident(2, 3), 1), incident(3, 3)]);
    assert_eq!(desk.lines(), ["1", ">2", "3"]);
    desk.go(Move::By(1));
    assert_eq!(desk.lines(), ["1", ">3"]);
}

#[test]
fn nothing_is_folded_under_a_cause_that_still_waits() {
    let mut desk = Desk::new("", [incident(2, 3), incident(3, 3)]);
    desk.go(Move::First);
    desk.show([incident(1, 1), incident(2, 3), under(incident(3, 3), 1)]);
    assert_eq!(desk.lines(), [">2", "3"]);
    desk.go(Move::By(-1));
    assert_eq!(desk.lines(), [">1", "2"]);
}

#[test]
fn the_next_row_gets_the_cursor_when_its_incident_is_unloaded() {
    let mut desk = Desk::new("", [incident(1, 3), incident(2, 3), incident(3, 3)]);
    desk.go(Move::By(1));
    desk.show([incident(1, 3), incident(3, 3)]);
    assert_eq!(desk.lines(), ["1", ">3"]);
}

#[test]
fn a_filter_that_finds_nothing_leaves_no_cursor_and_the_next_one_starts_at_the_top() {
    let mut desk = Desk::new("", [incident(1, 3), incident(2, 3)]);
    desk.with(|queue, _, context| queue.set_query(parse("nothing").query, context));
    assert_eq!(desk.queue.cursor(), None);
    desk.with(|queue, incidents, _| assert_eq!(queue.targets(incidents), []));
    desk.with(|queue, _, context| queue.set_query(parse("trouble").query, context));
    assert_eq!(desk.lines(), [">1", "2"]);
}

#[test]
fn affected_incidents_fold_under_their_cause_and_open_on_demand() {
    let list =
        || [incident(1, 1), under(incident(2, 2), 1), under(incident(3, 3), 1), incident(4, 4)];
    let mut desk = Desk::new("", list());
    assert_eq!(desk.lines(), [">1", "4"]);
    assert_eq!(desk.queue.affected(IncidentId(1)), 2);
    desk.with(|queue, _, context| assert!(queue.unfold(context)));
    assert_eq!(desk.lines(), [">1", "  2", "  3", "4"]);
    desk.go(Move::By(2));
    desk.with(|queue, _, context| assert!(queue.fold(context)));
    assert_eq!(desk.lines(), [">1", "4"]);
}

#[rstest]
#[case("is:folded", &[">2"])]
#[case("trouble", &[">1"])]
#[case("\"trouble 2\"", &[">2"])]
fn an_affected_incident_stands_alone_where_its_cause_is_not_in_the_list(
    #[case] query: &str,
    #[case] expect: &[&str],
) {
    let desk = Desk::new(query, [incident(1, 1), under(incident(2, 2), 1)]);
    assert_eq!(desk.lines(), expect);
}

#[test]
fn a_circle_of_causes_hides_nobody() {
    let desk = Desk::new(
        "",
        [under(incident(1, 1), 2), under(incident(2, 2), 1), under(incident(3, 3), 3)],
    );
    assert_eq!(desk.lines(), [">1", "2", "3"]);
}

#[test]
fn going_to_an_affected_incident_opens_its_cause() {
    let mut desk = Desk::new("", [incident(1, 1), under(incident(2, 2), 1), incident(4, 4)]);
    desk.with(|queue, _, context| assert!(queue.go_to(IncidentId(2), context)));
    assert_eq!(desk.lines(), ["1", ">  2", "4"]);
    desk.with(|queue, _, context| assert!(!queue.go_to(IncidentId(9), context)));
    assert_eq!(desk.queue.cursor(), Some(IncidentId(2)));
}

#[test]
fn groups_have_headers_with_counts_and_the_cursor_skips_them() {
    let list = [
        of(incident(1, 3), "mail"),
        of(incident(2, 1), "db"),
        incident(3, 2),
        of(incident(4, 2), "x"),
    ];
    let mut desk = Desk::new("", list);
    desk.with(|queue, incidents, context| queue.set_group(Group::Team, incidents, context));
    assert_eq!(desk.lines(), ["[core 2]", ">2", "1", "[payments 1]", "3", "[no team 1]", "4"]);
    desk.go(Move::By(2));
    assert_eq!(desk.lines()[4], ">3");
    desk.go(Move::By(-1));
    assert_eq!(desk.lines()[2], ">1");
    desk.go(Move::First);
    assert_eq!(desk.lines()[1], ">2");
    desk.with(|queue, incidents, context| queue.set_group(Group::Service, incidents, context));
    assert_eq!(desk.lines(), ["[checkout 1]", "3", "[db 1]", ">2", "[mail 1]", "1", "[x 1]", "4"]);
}

#[test]
fn a_folded_group_keeps_its_first_incident_and_the_one_under_the_cursor() {
    let list = || {
        vec![
            of(incident(1, 3), "mail"),
            of(incident(2, 1), "mail"),
            of(incident(3, 2), "mail"),
            incident(4, 2),
        ]
    };
    let mut desk = Desk::new("", list());
    desk.with(|queue, incidents, context| queue.set_group(Group::Service, incidents, context));
    assert_eq!(desk.lines(), ["[checkout 1]", "4", "[mail 3]", ">2", "3", "1"]);
    desk.go(Move::Last);
    desk.with(|queue, _, context| assert!(queue.fold(context)));
    assert_eq!(desk.lines(), ["[checkout 1]", "4", "[mail 3]", ">2"]);
    assert_eq!(desk.queue.hidden(), 2);
    desk.with(|queue, _, context| assert!(!queue.fold(context)));
    // What becomes more urgent comes first, and the row under the cursor stays.
    let mut world = list();
    world[2] = of(incident(3, 1), "mail");
    world[1] = of(incident(2, 2), "mail");
    for incident in &mut world {
        incident.version += 1;
    }
    desk.show(world);
    assert_eq!(desk.lines(), ["[checkout 1]", "4", "[mail 3]", "3", ">2"]);
    desk.with(|queue, _, context| assert!(queue.unfold(context)));
    assert_eq!(desk.lines(), ["[checkout 1]", "4", "[mail 3]", "3", ">2", "1"]);
}

#[test]
fn going_to_an_incident_in_a_folded_group_opens_it() {
    let mut desk = Desk::new("", [of(incident(1, 1), "mail"), of(incident(2, 3), "mail")]);
    desk.with(|queue, incidents, context| queue.set_group(Group::Service, incidents, context));
    desk.with(|queue, _, context| assert!(queue.fold(context)));
    assert_eq!(desk.lines(), ["[mail 2]", ">1"]);
    desk.with(|queue, _, context| assert!(queue.go_to(IncidentId(2), context)));
    assert_eq!(desk.lines(), ["[mail 2]", "1", ">2"]);
}

#[test]
fn rows_are_grouped_by_priority_cause_owner_and_source() {
    let given = |id, category: &str, owner: Option<&str>| {
        let mut made = incident(id, id as u8);
        made.category = category.to_owned();
        made.standing.assignee = owner.map(str::to_owned);
        made
    };
    let list =
        [given(1, "network", Some("luis")), given(2, "", None), given(3, "disk", Some("ana"))];
    let mut desk = Desk::new("", list);
    for (group, expect) in [
        (Group::Priority, ["[P1 1]", ">1", "[P2 1]", "2", "[P3 1]", "3"].as_slice()),
        (Group::Category, &["[disk 1]", "3", "[network 1]", ">1", "[no category 1]", "2"]),
        (Group::Owner, &["[ana 1]", "3", "[luis 1]", ">1", "[nobody 1]", "2"]),
        (Group::Source, &["[prom-dc1 3]", ">1", "2", "3"]),
    ] {
        desk.with(|queue, incidents, context| queue.set_group(group, incidents, context));
        assert_eq!(desk.lines(), expect, "{group:?}");
    }
}

#[test]
fn what_sleeps_is_counted_where_the_list_leaves_it_out() {
    let mut asleep = incident(2, 1);
    let until = now() + TimeDelta::hours(1);
    asleep.standing.snoozed =
        Some(crate::domain::incident::Snooze { by: "ana".into(), at: now(), until });
    let mut desk = Desk::new("state:new -is:snoozed", [incident(1, 3), asleep]);
    assert_eq!((desk.lines(), desk.queue.asleep()), (vec![">1".to_owned()], 1));
    desk.with(|queue, _, context| queue.set_query(parse("state:new").query, context));
    assert_eq!(desk.queue.asleep(), 0);
}

#[test]
fn the_oldest_acknowledgement_comes_first_and_what_has_none_last() {
    let acked = |id, minutes| {
        let mut made = in_state(incident(id, 3), IncidentState::Acknowledged);
        let at = now() - TimeDelta::minutes(minutes);
        made.standing.acknowledged = Some(crate::domain::incident::Acknowledgement {
            by: "ana".into(),
            at,
            until: None,
            warns_at: None,
        });
        made
    };
    let mut desk = Desk::new("", [incident(1, 1), acked(2, 10), acked(3, 500)]);
    let sort = Sort::ascending(&[Column::Acknowledged]);
    desk.with(|queue, incidents, context| queue.set_sort(sort, incidents, context));
    assert_eq!(desk.lines(), ["3", "2", ">1"]);
}

#[rstest]
#[case(Column::Priority, [2, 3, 1, 4], [1, 4, 3, 2])]
#[case(Column::Age, [1, 2, 3, 4], [4, 3, 2, 1])]
#[case(Column::Service, [2, 3, 1, 4], [4, 1, 3, 2])]
#[case(Column::Team, [1, 2, 3, 4], [3, 4, 1, 2])]
#[case(Column::Id, [1, 2, 3, 4], [4, 3, 2, 1])]
#[case(Column::What, [2, 4, 3, 1], [1, 3, 4, 2])]
fn every_column_sorts_both_ways(
    #[case] column: Column,
    #[case] up: [u64; 4],
    #[case] down: [u64; 4],
) {
    let titled = |mut i: Incident, title: &str| {
        title.clone_into(&mut i.title);
        i
    };
    let mut desk = Desk::new(
        "",
        [
            titled(of(incident(1, 3), "mail"), "the last of all"),
            titled(of(incident(2, 1), "db"), "a b"),
            titled(of(incident(3, 2), "DB-replica"), "disk fuller"),
            titled(of(incident(4, 3), "mail2"), "Disk full"),
        ],
    );
    for (descending, expect) in [(false, up), (true, down)] {
        let sort = Sort(vec![SortKey { column, descending }]);
        desk.with(|queue, incidents, context| queue.set_sort(sort, incidents, context));
        let ids: Vec<String> =
            desk.lines().iter().map(|l| l.trim_start_matches('>').to_owned()).collect();
        assert_eq!(ids, expect.map(|id| id.to_string()), "{column:?} {descending}");
    }
}

#[test]
fn a_column_chosen_twice_turns_round_and_the_one_before_decides_among_equals() {
    let sort = Sort::default().by(Column::Service);
    assert_eq!(sort.to_string(), "service, priority, age");
    assert_eq!(sort.by(Column::Service).to_string(), "-service, priority, age");
    assert_eq!(sort.by(Column::Priority).to_string(), "priority, service, age");
}

#[test]
fn marks_are_what_a_key_acts_on_wherever_they_are() {
    let mut desk = Desk::new("", [incident(1, 1), incident(2, 2), incident(3, 3)]);
    desk.with(|queue, incidents, _| {
        assert_eq!(queue.targets(incidents), [Target { id: IncidentId(1), seen: 1 }]);
    });
    desk.with(|queue, _, context| queue.toggle_mark(context));
    desk.with(|queue, _, context| queue.toggle_mark(context));
    assert_eq!(desk.lines(), ["1", "2", ">3"]);
    desk.with(|queue, _, context| queue.set_query(parse("p:3").query, context));
    desk.with(|queue, incidents, _| {
        let ids: Vec<u64> = queue.targets(incidents).iter().map(|t| t.id.0).collect();
        assert_eq!(ids, [1, 2]);
        assert_eq!(queue.marked_out_of(0..queue.lines().len()), 2);
    });
}

#[test]
fn the_star_marks_all_that_are_shown_and_then_none() {
    let mut desk = Desk::new("p:1..2", [incident(1, 1), incident(2, 2), incident(3, 3)]);
    desk.with(|queue, _, _| queue.toggle_all());
    assert_eq!(desk.queue.marks().iter().map(|id| id.0).collect::<Vec<_>>(), [1, 2]);
    desk.with(|queue, _, _| queue.toggle_all());
    assert!(desk.queue.marks().is_empty());
}

#[test]
fn the_row_under_the_cursor_keeps_its_place_on_the_screen() {
    let list = |ids: std::ops::Range<u64>| ids.map(|id| incident(id, 3)).collect::<Vec<_>>();
    let mut desk = Desk::new("", list(10..60));
    desk.queue.scroll(10);
    desk.go(Move::By(25));
    assert_eq!(desk.queue.window(10), 16..26);
    desk.now += ATTENTION * 2;
    desk.show(list(1..60));
    assert_eq!(desk.queue.cursor(), Some(IncidentId(35)));
    assert_eq!(desk.queue.window(10), 25..35);
}

#[test]
fn scrolling_keeps_the_cursor_in_sight() {
    let mut desk = Desk::new("", (1..=50).map(|id| incident(id, 3)));
    desk.queue.scroll(10);
    desk.go(Move::Last);
    assert_eq!(desk.queue.window(10), 40..50);
    desk.go(Move::By(-5));
    assert_eq!(desk.queue.window(10), 40..50);
    desk.go(Move::By(-10));
    assert_eq!(desk.queue.window(10), 34..44);
    assert_eq!(desk.queue.window(0), 34..35);
}

/// What a console holds whose services need each other as `edges` say, after alerts of one service
/// after the other fired, were taken away, and fired again.
fn of_services(edges: &[(usize, usize)], alerts: &[(usize, bool)]) -> Vec<Incidents> {
    let id = |n: usize| format!("s{n}");
    let mut plan = Plan::empty();
    for n in 0..8 {
        let needs = edges.iter().filter(|e| e.0 == n).map(|e| ServiceId::new(&id(e.1)));
        let needs = needs.collect();
        plan.services.push(Arc::new(Service { depends_on: needs, ..Service::new(&id(n)) }));
    }
    let mut state = State::new(Arc::new(plan), Vec::new(), 1, 0, now());
    let mut publisher = Publisher::default();
    let mut seen = Vec::new();
    for ((service, is_down), minute) in alerts.iter().zip(0..) {
        let reading = StateReading {
            service: ServiceId::new(&id(*service)),
            signal: "up".into(),
            state: if *is_down { Health::Critical } else { Health::Ok },
            message: "connection refused".to_owned(),
            at: now(),
        };
        let observation = Observation {
            source: "probe".into(),
            at: now(),
            server: String::new(),
            facts: vec![Fact::States(vec![reading])],
            warnings: Vec::new(),
        };
        let now = now() + TimeDelta::minutes(minute);
        state.sense(&observation, now);
        for input in [Input::Observed(observation), Input::Tick] {
            for new in core::decide(&state, &input, now).events {
                let position = state.position() + 1;
                core::evolve(&mut state, &new.placed(position, now));
            }
        }
        let snapshot = publisher.publish(&mut state, &StoreState::Ready, now);
        seen.extend(snapshot.map(|s| (*s.incidents.value).clone()));
    }
    seen
}

/// A world in which incidents come, change, fold and go.
fn worlds() -> impl Strategy<Value = Vec<Vec<Incident>>> {
    let one = (1_u64..12, 1_u8..4, 0_usize..4, proptest::option::of(1_u64..12));
    let world = proptest::collection::vec(one, 0..12).prop_map(|list| {
        let made = list.into_iter().map(|(id, priority, state, parent)| {
            let mut made = in_state(incident(id, priority), IncidentState::ALL[state]);
            made.parent = parent.map(IncidentId);
            (id, made)
        });
        made.collect::<std::collections::BTreeMap<_, _>>().into_values().collect::<Vec<_>>()
    });
    proptest::collection::vec(world, 1..8)
}

proptest! {
    #[test]
    fn as_many_rows_are_in_the_queue_as_the_header_counts_however_services_need_each_other(
        edges in proptest::collection::vec((0_usize..8, 0_usize..8), 0..20),
        alerts in proptest::collection::vec((0_usize..8, proptest::bool::weighted(0.7)), 1..20),
    ) {
        for incidents in of_services(&edges, &alerts) {
            let mut desk = Desk::new("state:new,ack", []);
            desk.take(incidents);
            prop_assert_eq!(desk.queue.lines().len(), desk.incidents.open());
        }
    }

    #[test]
    fn no_arrival_and_no_change_ever_moves_the_cursor_to_another_incident(
        worlds in worlds(),
        start in 0_isize..10,
        query in "(state:new|p:1\\.\\.2|-is:folded|)",
    ) {
        let mut desk = Desk::new(&query, worlds[0].clone());
        desk.go(Move::By(start));
        for world in &worlds {
            let cursor = desk.queue.cursor();
            desk.show(world.clone());
            if let Some(id) = cursor.filter(|id| desk.incidents.by_id.contains_key(id)) {
                prop_assert_eq!(desk.queue.cursor(), Some(id));
            }
            desk.now += TimeDelta::seconds(25);
        }
    }

    #[test]
    fn every_incident_that_matches_is_in_the_list_or_waits_or_is_folded(
        worlds in worlds(),
        touched in any::<bool>(),
    ) {
        let mut desk = Desk::new("state:new,ack", worlds[0].clone());
        if touched {
            desk.go(Move::First);
        }
        for world in &worlds {
            desk.show(world.clone());
            desk.with(|queue, _, context| queue.let_in(context));
            let shown: Vec<u64> = desk.queue.lines().iter().filter_map(|line| match line {
                Line::Incident { row, .. } => desk.queue.row(*row).map(|r| r.id.0),
                Line::Header(_) => None,
            }).collect();
            let unique: HashSet<_> = shown.iter().collect();
            prop_assert_eq!(unique.len(), shown.len(), "twice in the list: {:?}", shown);
            for incident in world.iter().filter(|i| matches!(i.state(), IncidentState::New | IncidentState::Acknowledged)) {
                let parent_matches = incident.parent.and_then(|p| desk.incidents.get(p)).is_some_and(|p| {
                    p.id != incident.id && (desk.queue.cursor() == Some(p.id)
                        || matches!(p.state(), IncidentState::New | IncidentState::Acknowledged))
                });
                prop_assert!(shown.contains(&incident.id.0) || parent_matches, "{} is lost", incident.id);
            }
        }
    }
}
