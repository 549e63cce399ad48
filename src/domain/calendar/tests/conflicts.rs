//! What collides with what, and where there is room.

use chrono::Weekday;
use proptest::prelude::*;

use super::super::collisions::collisions;
use super::super::conflicts::{Allowed, Proposal, Replaces, Trouble, World, conflicts};
use super::super::relations::Relations;
use super::super::slots::{next_free_slot, search};
use super::*;
use crate::domain::health::Service;
use crate::domain::incident::{IncidentId, Priority};
use crate::domain::time::WeekHours;
use crate::domain::time::hours::Range;

const NOON: &str = "2026-11-24 12:00";

/// Everything that a plan is held against.
struct Surroundings {
    book: Book,
    relations: Relations,
    allowed: BTreeMap<ServiceId, Allowed>,
    on_call: Vec<Interval>,
    on_call_needed: usize,
    troubles: BTreeMap<ServiceId, Vec<Trouble>>,
}

/// `shop` needs `checkout`, a part of `platform`, which needs `db`; `search` stands alone.
fn services() -> Relations {
    let service = |id: &str, parent: Option<&str>, needs: &[&str]| {
        let mut service = Service::new(id);
        service.parent = parent.map(ServiceId::new);
        service.depends_on = needs.iter().map(|n| ServiceId::new(n)).collect();
        Arc::new(service)
    };
    Relations::new(&[
        service("shop", None, &["checkout"]),
        service("checkout", Some("platform"), &["db"]),
        service("platform", None, &[]),
        service("db", None, &[]),
        service("search", None, &[]),
    ])
}

impl Surroundings {
    fn new(plan: Vec<Window>) -> Self {
        Self {
            book: Book::new(plan),
            relations: services(),
            allowed: BTreeMap::new(),
            on_call: Vec::new(),
            on_call_needed: 0,
            troubles: BTreeMap::new(),
        }
    }

    fn look<T>(&self, around: Interval, now: Instant, ask: impl FnOnce(&World) -> T) -> T {
        let occurrences = self.book.calendar.occurrences(around, now);
        ask(&World {
            occurrences: &occurrences,
            relations: &self.relations,
            allowed: &self.allowed,
            exceptions: self.book.calendar.exceptions(),
            roster: &self.book.roster,
            on_call: &self.on_call,
            on_call_needed: self.on_call_needed,
            troubles: &self.troubles,
            now,
        })
    }

    /// What speaks against a new window, each with its time.
    fn against(&self, window: &Window) -> Vec<String> {
        let at = window.planned(window.recurrence.start, window.length);
        let proposal = Proposal { window, at, replaces: Replaces::Nothing };
        let now = super::at(NOON);
        let found = self.look(at, now, |world| conflicts(&proposal, world));
        found.iter().map(|c| format!("{}: {}", shown(c.at), c.text(&self.book.roster))).collect()
    }

    fn slot(&self, window: &Window, after: &str) -> Option<String> {
        let after = super::at(after);
        let proposal = Proposal {
            window,
            at: window.planned(window.recurrence.start, window.length),
            replaces: Replaces::Nothing,
        };
        let found = self.look(search(after), after, |world| {
            next_free_slot(&proposal, window.length, after, world)
        });
        found.map(shown)
    }
}

fn on_service(id: &str, service: &str, kind: Kind, start: &str, hours: u32) -> Window {
    let mut window = window(id, kind, start, hours);
    window.scope.services = vec![ServiceId::new(service)];
    window
}

fn patch() -> Window {
    window("Patch", Kind::Update, "2026-11-25 22:00", 2)
}

#[test]
fn the_same_service_at_the_same_time_is_a_conflict_and_touching_is_not() {
    let world = Surroundings::new(vec![
        window("Earlier", Kind::Backup, "2026-11-25 20:00", 2),
        window("Other", Kind::Backup, "2026-11-25 23:00", 2),
    ]);
    assert_eq!(
        world.against(&patch()),
        ["25 23:00 - 26 00:00: checkout is already scheduled: Other"]
    );
}

#[test]
fn relatives_conflict_and_say_how_they_are_related() {
    let there = |id: &str, kind| on_service(id, id, kind, "2026-11-25 22:00", 1);
    let world = Surroundings::new(vec![
        there("db", Kind::Backup),
        there("platform", Kind::Update),
        there("search", Kind::Update),
        there("shop", Kind::Update),
    ]);
    assert_eq!(
        world.against(&patch()),
        [
            "25 22:00 - 25 23:00: db, which checkout depends on, is scheduled: db",
            "25 22:00 - 25 23:00: platform, which checkout is part of, is scheduled: platform",
            "25 22:00 - 25 23:00: shop, which depends on checkout, is scheduled: shop",
        ]
    );
    assert_eq!(
        world.against(&on_service("p", "platform", Kind::Drill, "2026-11-25 22:30", 1)),
        ["25 22:30 - 25 23:00: platform is already scheduled: platform"],
        "a drill meets what is on the platform itself"
    );
    let backup = window("Backup", Kind::Backup, "2026-11-25 22:00", 2);
    let related = world.against(&backup);
    assert!(!related.iter().any(|c| c.contains("db")), "two backups of relatives may meet");
    assert_eq!(related.len(), 2);
}

#[test]
fn outside_its_hours_a_service_may_not_be_worked_on() {
    let mut world = Surroundings::new(Vec::new());
    let mut hours = WeekHours::default();
    hours.add(Weekday::Wed, Range::parse("20:00-23:00").unwrap());
    let allowed = Allowed { hours, zone: Europe::Madrid };
    world.allowed.insert(ServiceId::new("checkout"), allowed);
    assert_eq!(
        world.against(&patch()),
        ["25 23:00 - 26 00:00: outside the hours in which checkout may be worked on"]
    );
    assert_eq!(world.slot(&patch(), NOON).as_deref(), Some("25 20:00 - 25 22:00"));
    let long = window("Long", Kind::Update, "2026-11-25 22:00", 4);
    assert_eq!(world.slot(&long, NOON), None, "it never fits");
}

#[test]
fn a_freeze_forbids_changes_unless_an_exception_lasts_long_enough() {
    let mut freeze = window("Black Friday", Kind::Freeze, "2026-11-25 00:00", 72);
    freeze.scope = Scope::default();
    let mut world = Surroundings::new(vec![freeze]);
    world.book.add(patch(), NOON).unwrap();
    let mut patch = patch();
    patch.id = WindowId::new("WIN-1");
    let without = "25 22:00 - 26 00:00: inside the freeze Black Friday, without an exception";
    let against = |world: &Surroundings| {
        let at = patch.planned(patch.recurrence.start, patch.length);
        let replaces = Replaces::Series(&patch.id);
        let proposal = Proposal { window: &patch, at, replaces };
        let found = world.look(at, super::at(NOON), |world| conflicts(&proposal, world));
        let text = |c: &super::super::conflicts::Conflict| c.text(&world.book.roster);
        found.iter().map(|c| format!("{}: {}", shown(c.at), text(c))).collect::<Vec<_>>()
    };
    assert_eq!(against(&world), [without]);
    let except = |expires: &str| Command::Except {
        freeze: WindowId::new("Black Friday"),
        window: WindowId::new("WIN-1"),
        reason: "a hole".to_owned(),
        expires: super::at(expires),
    };
    world.book.tell("ana", except("2026-11-25 23:00"), NOON).unwrap();
    assert_eq!(
        against(&world),
        ["25 23:00 - 26 00:00: inside the freeze Black Friday; the exception by Ana Ruiz expires \
          before it ends"]
    );
    world.book.tell("ana", except("2026-11-26 00:00"), NOON).unwrap();
    assert_eq!(against(&world), [""; 0]);
    let backup = window("Backup", Kind::Backup, "2026-11-26 12:00", 2);
    assert_eq!(world.against(&backup), [""; 0], "routine goes on");
}

#[test]
fn a_freeze_that_is_planned_over_changes_names_them() {
    let world = Surroundings::new(vec![patch()]);
    let mut freeze = window("Quiet days", Kind::Freeze, "2026-11-25 00:00", 48);
    freeze.scope = Scope::default();
    assert_eq!(
        world.against(&freeze),
        ["25 22:00 - 26 00:00: Patch lies inside this freeze, without an exception"]
    );
}

#[test]
fn an_owner_has_two_hands_and_holidays() {
    let owned = |mut window: Window, owner: &str| {
        window.owner = Some(owner.into());
        window
    };
    let training = window("Training", Kind::Training, "2026-11-25 22:30", 1);
    let nightly = on_service("Nightly", "search", Kind::Backup, "2026-11-25 22:00", 1);
    let world = Surroundings::new(vec![owned(training, "luis"), owned(nightly, "luis")]);
    assert_eq!(
        world.against(&owned(patch(), "luis")),
        ["25 22:30 - 25 23:30: Luis Peña has Training at the same time"]
    );
    let christmas = window("Patch", Kind::Update, "2026-12-23 23:00", 2);
    assert_eq!(
        world.against(&owned(christmas, "luis")),
        ["24 00:00 - 24 01:00: Luis Peña is away: holidays"]
    );
    assert_eq!(
        world.against(&owned(patch(), "eva")),
        ["25 22:00 - 26 00:00: nobody in the plan is called eva"]
    );
}

#[test]
fn enough_people_have_to_be_on_call() {
    let mut world = Surroundings::new(Vec::new());
    world.on_call_needed = 2;
    world.on_call = vec![
        between("2026-11-25 12:00", "2026-11-25 23:00"),
        between("2026-11-25 22:30", "2026-11-25 23:30"),
    ];
    assert_eq!(
        world.against(&patch()),
        [
            "25 22:00 - 25 22:30: 1 on call, where 2 are needed",
            "25 23:00 - 25 23:30: 1 on call, where 2 are needed",
            "25 23:30 - 26 00:00: 0 on call, where 2 are needed",
        ]
    );
}

#[test]
fn what_is_wrong_on_the_day_asks_for_go_or_no_go() {
    let mut world = Surroundings::new(Vec::new());
    let incident = Trouble::Incident { id: IncidentId(7), priority: Priority(1) };
    let budget = Trouble::BudgetSpent { slo: "availability".into() };
    world.troubles.insert(ServiceId::new("checkout"), vec![incident, budget]);
    let today = window("Patch", Kind::Update, "2026-11-24 22:00", 2);
    assert_eq!(
        world.against(&today),
        [
            "24 22:00 - 25 00:00: INC-7 (P1) is open on checkout: go, or no-go?",
            "24 22:00 - 25 00:00: the error budget availability of checkout is spent: go, or no-go?",
        ]
    );
    assert_eq!(world.against(&patch()), [""; 0], "not a day before");
    assert_eq!(world.slot(&today, NOON).as_deref(), Some("24 12:00 - 24 14:00"));
}

#[test]
fn what_was_called_off_or_is_over_is_not_in_the_way() {
    let mut world = Surroundings::new(vec![window("Other", Kind::Update, "2026-11-25 22:00", 2)]);
    let other = key("Other", "2026-11-25 22:00");
    assert_eq!(world.against(&patch()).len(), 1);
    let cancel = Action::Cancel { reason: "vendor".to_owned() };
    world.book.act("luis", &other, cancel, NOON).unwrap();
    assert_eq!(world.against(&patch()), [""; 0]);
}

#[test]
fn a_free_slot_begins_where_the_last_obstacle_ends() {
    let mut freeze = window("Freeze", Kind::Freeze, "2026-11-25 00:00", 48);
    freeze.scope = Scope::default();
    let world = Surroundings::new(vec![
        window("Backup", Kind::Backup, "2026-11-24 10:00", 6),
        on_service("Index", "db", Kind::Backup, "2026-11-24 15:00", 8),
        freeze,
        window("After", Kind::Update, "2026-11-27 01:00", 3),
    ]);
    // 23:00 is free for an hour only, and so is midnight on the 27th.
    assert_eq!(world.slot(&patch(), NOON).as_deref(), Some("27 04:00 - 27 06:00"));
    let short = window("Short", Kind::Update, "2026-11-25 22:00", 1);
    assert_eq!(world.slot(&short, NOON).as_deref(), Some("24 23:00 - 25 00:00"));
    assert_eq!(world.slot(&short, "2026-11-24 23:30").as_deref(), Some("27 00:00 - 27 01:00"));
}

fn any_window() -> impl Strategy<Value = Window> {
    let kind = prop::sample::select(vec![
        Kind::Update,
        Kind::Backup,
        Kind::Drill,
        Kind::Training,
        Kind::Freeze,
        Kind::Inspection,
    ]);
    let service = prop::sample::select(vec!["shop", "checkout", "platform", "db", "search"]);
    let owner = prop::sample::select(vec![None, Some("ana"), Some("luis"), Some("eva")]);
    (kind, service, owner, 0_i64..200, 1_u32..20, any::<bool>()).prop_map(
        |(kind, service, owner, from, hours, all)| {
            let mut window = on_service("w", service, kind, "2026-12-20 00:00", hours);
            window.recurrence.start += TimeDelta::hours(from);
            window.owner = owner.map(Into::into);
            if kind == Kind::Freeze && all {
                window.scope = Scope::default();
            }
            window
        },
    )
}

fn any_world() -> impl Strategy<Value = Surroundings> {
    prop::collection::vec(any_window(), 0..25).prop_map(|windows| {
        let named = windows.into_iter().enumerate().map(|(i, mut window)| {
            window.id = WindowId::new(&format!("w{i}"));
            window
        });
        let mut world = Surroundings::new(named.collect());
        let mut hours = WeekHours::default();
        for day in [Weekday::Tue, Weekday::Wed, Weekday::Fri, Weekday::Sat] {
            hours.add(day, Range::parse("20:00-08:00").unwrap());
        }
        world.allowed.insert(ServiceId::new("db"), Allowed { hours, zone: Europe::Madrid });
        world.on_call_needed = 1;
        world.on_call = vec![between("2026-12-20 00:00", "2026-12-25 12:00")];
        world
    })
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.book.calendar.windows().map(|v| &v.window)).finish()
    }
}

proptest! {
    /// The sweep finds what asking for each occurrence finds.
    #[test]
    fn the_sweep_and_the_single_question_agree(world in any_world()) {
        let around = between("2026-12-19 00:00", "2027-01-02 00:00");
        let now = at("2026-12-01 00:00");
        world.look(around, now, |world| {
            let mut swept = collisions(world);
            let mut asked: Vec<_> = world.occurrences.iter().flat_map(|one| {
                let found = conflicts(&Proposal::of(one), world);
                found.into_iter().map(|conflict| (one.key.clone(), conflict))
            }).collect();
            let order = |(key, c): &(Key, super::super::conflicts::Conflict)| {
                (key.clone(), c.at, format!("{:?}", c.reason))
            };
            swept.sort_by_key(order);
            asked.sort_by_key(order);
            assert_eq!(swept, asked);
        });
    }

    /// A slot is free, and no whole hour before it is.
    #[test]
    fn a_slot_is_the_first_that_is_free(world in any_world(), window in any_window()) {
        let after = at("2026-12-20 00:00");
        let mut window = window;
        window.id = WindowId::new("new");
        world.look(search(after), after, |world| {
            let is_free = |from: Instant| {
                let at = Interval::new(from, from + TimeDelta::seconds(window.length.seconds.into()));
                let proposal = Proposal { window: &window, at, replaces: Replaces::Nothing };
                conflicts(&proposal, world).iter().all(|c| !c.reason.blocks())
            };
            let proposal = Proposal {
                window: &window,
                at: Interval::new(after, after),
                replaces: Replaces::Nothing,
            };
            let slot = next_free_slot(&proposal, window.length, after, world);
            let end = slot.map_or(after + TimeDelta::hours(400), |s| s.from);
            if let Some(slot) = slot {
                assert!(is_free(slot.from), "{slot:?}");
            }
            let mut hour = after;
            while hour < end {
                assert!(!is_free(hour), "{hour} is free before {slot:?}");
                hour += TimeDelta::hours(1);
            }
        });
    }
}
