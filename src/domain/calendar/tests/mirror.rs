//! What is made elsewhere of what mutes here.

use proptest::prelude::*;

use super::super::mirror::{Change, Mirrored, Owner, Upstream, desired, due, plan};
use super::*;

fn owner() -> Owner {
    Owner::new("ACME: NOC", "a")
}

fn wanted(window: &str, target: &'static str, from: &str, to: &str) -> Mirrored<&'static str> {
    let tag = owner().tag(&key(window, "2026-11-24 22:00"));
    Mirrored { tag, title: "Patch".into(), target, at: between(from, to) }
}

fn present(id: &str, of: &Mirrored<&'static str>) -> Upstream<&'static str> {
    Upstream { id: id.to_owned(), tag: of.tag.clone(), target: of.target, at: of.at }
}

/// The changes as text: `+` made, `~` adjusted, `-` removed.
fn planned(
    wanted: &[Mirrored<&'static str>],
    there: &[Upstream<&'static str>],
    now: &str,
) -> Vec<String> {
    let line = |change: Change<&'static str>| match change {
        Change::Create(to) => format!("+ {} {}", to.target, shown(to.at)),
        Change::Adjust { id, to } => format!("~ {id} {}", shown(to.at)),
        Change::Remove(one) => format!("- {}", one.id),
    };
    plan(wanted, there, at(now)).into_iter().map(line).collect()
}

#[test]
fn a_tag_is_found_again_in_the_comment_and_no_other_sites_is_taken_for_it() {
    let tag = owner().tag(&key("patch: db", "2026-11-24 22:00"));
    assert_eq!(tag.to_string(), "atalaya ACME%3A%20NOC@e40c292c patch%3A%20db 20261124T220000");
    assert_eq!(tag.window(), "patch%3A%20db");
    let want = Mirrored {
        tag: tag.clone(),
        title: "Patch: the \u{1b}[2Jdatabases".into(),
        target: (),
        at: between("2026-11-24 22:00", "2026-11-25 00:00"),
    };
    assert_eq!(want.comment(), format!("{tag}: Patch: the databases"));
    assert_eq!(owner().tag_in(&want.comment()), Some(tag.clone()));
    assert_eq!(owner().tag_in(&tag.to_string()), Some(tag.clone()));
    for other in ["ACME", "ACME: NOC 2", "acme: noc", ""] {
        assert_eq!(Owner::new(other, "a").tag_in(&want.comment()), None, "{other}");
    }
    assert_eq!(Owner::new("ACME: NOC", "b").tag_in(&want.comment()), None, "another store");
    for foreign in [
        "",
        "atalaya",
        "atalaya ACME%3A%20NOC@e40c292c",
        "atalaya ACME%3A%20NOC@e40c292c WIN-1",
        "atalaya ACME%3A%20NOC@e40c292c WIN-1 tomorrow: x",
        "atalaya ACME%3A%20NOC@e40c292c WIN-1 20261124T220000 x: y",
        "atalaya ACME%3A%20NOC@e40c292c  20261124T220000: x",
        "see atalaya ACME%3A%20NOC@e40c292c WIN-1 20261124T220000: x",
    ] {
        assert_eq!(owner().tag_in(foreign), None, "{foreign}");
    }
}

#[test]
fn what_is_approved_is_due_a_quarter_of_an_hour_ahead_and_until_it_ends() {
    let mut book = Book::new(vec![window("w", Kind::Update, "2026-11-24 22:00", 2)]);
    let key = key("w", "2026-11-24 22:00");
    let count = |book: &Book, now: &str| due(&book.calendar, at(now)).len();
    assert_eq!(count(&book, "2026-11-24 22:10"), 0, "it is not approved");
    book.act("ana", &key, Action::Approve, "2026-11-24 12:00").unwrap();
    let found =
        ["21:44", "21:46", "22:00", "23:59"].map(|t| count(&book, &format!("2026-11-24 {t}")));
    assert_eq!(found, [0, 1, 1, 1]);
    assert_eq!(count(&book, "2026-11-25 00:00"), 0);
    let all = desired(&owner(), &due(&book.calendar, at("2026-11-24 22:00")), |one| {
        one.window.scope.services.clone()
    });
    let [one] = &all[..] else { panic!("{all:?}") };
    assert_eq!(
        (one.target.as_str(), shown(one.at)),
        ("checkout", "24 22:00 - 25 00:00".to_owned())
    );
    assert!(one.comment().ends_with("w 20261124T220000: w"), "{}", one.comment());
    // Extended, it is so too; finished, no more.
    book.act("luis", &key, Action::Start, "2026-11-24 22:00").unwrap();
    let more = Action::Extend { by: TimeDelta::hours(1) };
    book.act("luis", &key, more, "2026-11-24 23:50").unwrap();
    assert_eq!(count(&book, "2026-11-25 00:30"), 1);
    book.act("luis", &key, finish(ClosureCode::Successful, ""), "2026-11-25 00:31").unwrap();
    assert_eq!(count(&book, "2026-11-25 00:31"), 0);
}

#[test]
fn what_is_missing_is_made_what_is_surplus_goes_and_what_fits_stays() {
    let (from, to) = ("2026-11-24 22:00", "2026-11-25 00:00");
    let (a, b) = (wanted("w", "a", from, to), wanted("w", "b", from, to));
    let both = [a.clone(), b.clone()];
    assert_eq!(
        planned(&both, &[], "2026-11-24 21:50"),
        ["+ a 24 22:00 - 25 00:00", "+ b 24 22:00 - 25 00:00"]
    );
    let there = [present("1", &a), present("2", &b)];
    assert_eq!(planned(&both, &there, "2026-11-24 21:50"), [""; 0]);
    assert_eq!(planned(&[b], &there, "2026-11-24 22:50"), ["- 1"]);
    assert_eq!(planned(&[], &there, "2026-11-24 22:50"), ["- 1", "- 2"]);
    // What is over went by itself.
    assert_eq!(planned(&[], &there, "2026-11-25 00:00"), [""; 0]);
}

#[test]
fn an_end_that_moves_is_followed_and_a_beginning_only_before_it() {
    let now = "2026-11-24 22:30";
    let there = present("1", &wanted("w", "a", "2026-11-24 22:00", "2026-11-25 00:00"));
    let longer = wanted("w", "a", "2026-11-24 22:00", "2026-11-25 01:00");
    assert_eq!(planned(&[longer], std::slice::from_ref(&there), now), ["~ 1 24 22:00 - 25 01:00"]);
    // It was begun by hand before: the silence is from when the server heard of it.
    let earlier = wanted("w", "a", "2026-11-24 21:40", "2026-11-25 00:00");
    assert_eq!(planned(std::slice::from_ref(&earlier), std::slice::from_ref(&there), now), [""; 0]);
    assert_eq!(
        planned(&[earlier], std::slice::from_ref(&there), "2026-11-24 21:41"),
        ["~ 1 24 21:40 - 25 00:00"]
    );
    // Put off while it was in force: until then nothing is muted.
    let later = wanted("w", "a", "2026-11-24 22:40", "2026-11-25 00:40");
    assert_eq!(planned(&[later], &[there], now), ["~ 1 24 22:40 - 25 00:40"]);
}

#[test]
fn of_two_for_the_same_the_one_that_fits_stays_and_everybody_takes_the_same() {
    let now = "2026-11-24 22:30";
    let want = [wanted("w", "a", "2026-11-24 22:00", "2026-11-25 00:00")];
    let old = wanted("w", "a", "2026-11-24 22:00", "2026-11-24 23:00");
    let mut there = vec![present("1", &old), present("3", &want[0]), present("2", &want[0])];
    for _ in 0..3 {
        there.rotate_left(1);
        let mut changes = planned(&want, &there, now);
        changes.sort();
        assert_eq!(changes, ["- 1", "- 3"], "{there:?}");
    }
}

/// A server that takes a beginning in the past as now.
fn carry_out(
    there: &mut Vec<Upstream<&'static str>>,
    changes: Vec<Change<&'static str>>,
    now: Instant,
    number: &mut u32,
) {
    for change in changes {
        match change {
            Change::Create(to) => {
                *number += 1;
                let mut one = present(&number.to_string(), &to);
                one.at.from = one.at.from.max(now);
                there.push(one);
            }
            Change::Adjust { id, to } => {
                let one = there.iter_mut().find(|one| one.id == id).unwrap();
                one.at = to.at;
            }
            Change::Remove(gone) => there.retain(|one| one.id != gone.id),
        }
    }
}

prop_compose! {
    fn any_wanted()(
        window in prop::sample::select(vec!["v", "w"]),
        target in prop::sample::select(vec!["a", "b", "c"]),
        from in -30_i64..15,
        length in 31_i64..90,
    ) -> Mirrored<&'static str> {
        let now = at("2026-11-24 22:00");
        let from = now + TimeDelta::minutes(from);
        let mut one = wanted(window, target, "2026-11-24 22:00", "2026-11-24 23:00");
        one.at = Interval::new(from, from + TimeDelta::minutes(length));
        one
    }
}

proptest! {
    #[test]
    fn whatever_is_there_one_pass_makes_it_right_and_the_next_changes_nothing(
        wants in prop::collection::vec(any_wanted(), 0..6),
        others in prop::collection::vec(any_wanted(), 0..8),
    ) {
        let now = at("2026-11-24 22:00");
        // The last word on each counts, as in a calendar.
        let wants: BTreeMap<_, _> =
            wants.into_iter().map(|w| ((w.tag.clone(), w.target), w)).collect();
        let wants: Vec<_> = wants.into_values().collect();
        let mut number = 100;
        let mut there: Vec<_> =
            others.iter().enumerate().map(|(n, of)| present(&n.to_string(), of)).collect();
        let changes = plan(&wants, &there, now);
        carry_out(&mut there, changes, now, &mut number);
        prop_assert_eq!(plan(&wants, &there, now), vec![]);
        prop_assert_eq!(there.len(), wants.len());
        for want in &wants {
            let one = there.iter().find(|o| o.tag == want.tag && o.target == want.target);
            let one = one.unwrap();
            prop_assert_eq!(one.at.to, want.at.to);
            let from = one.at.from;
            prop_assert!(from == want.at.from || from.max(want.at.from) <= now);
        }
    }
}
