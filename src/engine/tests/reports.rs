//! Handovers: who may sign, when, and what goes over.

use super::*;
use crate::domain::incident::EventBody;
use crate::domain::log::Entry;
use crate::domain::report::document::{Document, FORMAT, Kind};
use crate::domain::report::event::{HandoverId, Party, ReportId, ShiftKey, Turn};
use crate::domain::report::{self, Coverage, Scope, Word};

fn document() -> Document {
    Document {
        format: FORMAT,
        kind: Kind::Handover,
        number: String::new(),
        revision: None,
        locale: None,
        site: "test".into(),
        zone: "UTC".into(),
        from: at(0),
        to: at(3_600),
        made_at: at(0),
        head: Vec::new(),
        sections: Vec::new(),
    }
}

fn party(name: &str) -> Party {
    Party { name: name.to_owned(), person: None }
}

fn turn() -> Turn {
    Turn {
        key: ShiftKey { schedule: "core".into(), from: at(-36_000) },
        to: at(3_600),
        outgoing: party("ana"),
        incoming: Some(party("luis")),
    }
}

fn ask(world: &mut World, who: &str, command: report::Command, seconds: i64) -> String {
    let answers = world.ask(who, Command::Reports(command), seconds);
    let verdict = &answers[0].verdict;
    format!("{}: {verdict}", verdict.word())
}

fn note(world: &mut World, who: &str, notes: &str, seen: u64, seconds: i64) -> String {
    let (shift, notes) = (turn().key, notes.to_owned());
    ask(world, who, report::Command::Note { shift, notes, seen }, seconds)
}

fn submit(world: &mut World, who: &str, force: bool, seconds: i64) -> String {
    let (turn, document) = (Box::new(turn()), Box::new(document()));
    ask(world, who, report::Command::Submit { turn, document, force }, seconds)
}

/// The roster stays as it is until the turn ends.
const ACCEPTED: &str =
    "done: HO-1 accepted; 2 incidents now yours; ana is paged until 24 Nov 15:00 UTC";

#[test]
fn a_turn_that_has_just_begun_is_handed_over_after_a_question() {
    let mut world = at_work();
    let mut turn = turn();
    turn.key.from = at(95);
    let mut submit = |force, seconds| {
        let (turn, document) = (Box::new(turn.clone()), Box::new(document()));
        ask(&mut world, "ana", report::Command::Submit { turn, document, force }, seconds)
    };
    let asked = submit(false, 100);
    assert!(asked.contains("the turn began 5s ago and runs until"), "{asked}");
    assert!(submit(true, 100).contains("HO-1 handed over"));
}

fn accept(world: &mut World, who: &str, seen: u64, force: bool, seconds: i64) -> String {
    let (id, document) = (HandoverId(1), Box::new(document()));
    let takes = vec![IncidentId(1), IncidentId(2)];
    ask(world, who, report::Command::Accept { id, seen, takes, document, force }, seconds)
}

fn version(world: &World) -> u64 {
    world.state.reports().handover(HandoverId(1)).unwrap().version
}

/// Three incidents: acknowledged by ana, assigned to ana, sam's.
fn at_work() -> World {
    let mut world = World::new(plan("db"));
    for title in ["db is slow", "disk is full", "mail is late"] {
        world.report("eva", title, 0);
    }
    world.act("ana", 1, Action::Acknowledge { lasting: Some(minutes(30)) }, 10);
    world.act("eva", 2, Action::Assign { to: Some("ana".into()) }, 10);
    world.act("sam", 3, ack(), 10);
    world
}

#[test]
fn accepting_takes_over_what_the_outgoing_person_holds_and_nothing_else() {
    let mut world = at_work();
    assert_eq!(
        submit(&mut world, "ana", false, 20),
        "done: HO-1 handed over; it waits for luis to accept it"
    );
    let seen = version(&world);
    assert_eq!(accept(&mut world, "luis", seen, false, 600), ACCEPTED);
    let first = world.incident(1).standing.acknowledged.clone().unwrap();
    assert_eq!((first.by.as_str(), first.at), ("luis", at(600)));
    assert_eq!(
        first.until,
        world.state.plan().policy.ack_expiry(world.incident(1).priority).map(|l| at(600) + l)
    );
    assert_eq!(
        world.incident(1).standing.first_acknowledged_at,
        Some(at(10)),
        "the response stays met"
    );
    assert_eq!(world.incident(2).owner(), Some("luis"));
    assert_eq!(world.state_of(2), IncidentState::New);
    for id in [1, 2] {
        let change = world.incident(id).last_change.clone().unwrap();
        assert_eq!((change.what.as_str(), change.by.as_str()), ("taken over with HO-1", "luis"));
    }
    assert_eq!(world.incident(3).owner(), Some("sam"));
}

#[test]
fn nothing_goes_over_that_was_not_named_when_it_was_read() {
    let mut world = at_work();
    submit(&mut world, "ana", false, 20);
    world.report("eva", "the queue is long", 25);
    world.act("ana", 4, ack(), 26);
    let said = accept(&mut world, "luis", 0, false, 30);
    assert_eq!(said, "conflict: ana holds INC-4 too by now; look at HO-1 and accept it again");
    assert_eq!((world.incident(1).owner(), world.incident(4).owner()), (Some("ana"), Some("ana")));
}

#[test]
fn a_snooze_goes_along_with_its_incident() {
    let mut world = at_work();
    world.act("ana", 1, Action::Snooze { until: at(7_200) }, 15);
    submit(&mut world, "ana", false, 20);
    accept(&mut world, "luis", 0, false, 600);
    assert_eq!(world.incident(1).standing.snoozed.as_ref().map(|s| s.until), Some(at(7_200)));
    assert_eq!(world.incident(1).owner(), Some("luis"));
}

#[test]
fn of_two_that_accept_one_wins_and_the_other_is_told_who() {
    let mut world = at_work();
    submit(&mut world, "ana", false, 20);
    let seen = version(&world);
    assert!(accept(&mut world, "luis", seen, false, 30).starts_with("done"));
    let said = accept(&mut world, "sam", seen, true, 31);
    assert!(
        said.starts_with("conflict: HO-1 was accepted by luis on 24 Nov 2025 14:00 UTC; "),
        "{said}"
    );
    assert!(said.ends_with("that stands, and cannot be undone"), "{said}");
}

#[test]
fn one_does_not_accept_ones_own_or_anothers_without_being_asked() {
    let mut world = at_work();
    submit(&mut world, "ana", false, 20);
    assert_eq!(accept(&mut world, "ana", 0, false, 30), "refused: HO-1 is your own handover");
    assert_eq!(accept(&mut world, "sam", 0, false, 30), "refused: luis is on call next, not you");
    assert_eq!(accept(&mut world, "sam", 0, true, 30), ACCEPTED);
}

#[test]
fn what_was_signed_is_void_when_its_notes_change() {
    let mut world = at_work();
    submit(&mut world, "ana", false, 20);
    let read = version(&world);
    let said = note(&mut world, "ana", "call the supplier", 0, 25);
    assert_eq!(said, "done: notes kept; HO-1 is a draft again, hand it over once more");
    let refused = accept(&mut world, "luis", read, false, 30);
    assert_eq!(refused, "refused: HO-1 is a draft again: ana hands it over first");
    submit(&mut world, "ana", false, 40);
    let conflict = accept(&mut world, "luis", read, false, 50);
    assert_eq!(conflict, "conflict: HO-1 was handed over anew by ana; read it again");
    let seen = version(&world);
    assert!(accept(&mut world, "luis", seen, false, 60).starts_with("done"));
    assert!(
        note(&mut world, "ana", "too late", 0, 70)
            .starts_with("conflict: HO-1 was accepted by luis")
    );
}

#[test]
fn notes_that_somebody_changed_meanwhile_are_not_written_over() {
    let mut world = at_work();
    note(&mut world, "ana", "one", 0, 1);
    let said = note(&mut world, "sam", "two", 0, 2);
    assert_eq!(said, "conflict: ana changed the notes meanwhile; look at them and write again");
    let seen = world.state.reports().notes(&turn().key).unwrap().version;
    assert_eq!(note(&mut world, "sam", "two", seen, 3), "done: notes kept");
}

#[test]
fn a_transfer_cannot_be_undone() {
    let mut world = at_work();
    submit(&mut world, "ana", false, 20);
    accept(&mut world, "luis", 0, false, 30);
    let said = world.undo("luis", 1, 35);
    assert!(said.contains("is not yours"), "{said}");
    assert_eq!(world.incident(1).owner(), Some("luis"));
}

#[test]
fn handing_over_for_somebody_else_asks_first() {
    let mut world = at_work();
    let said = submit(&mut world, "sam", false, 20);
    assert_eq!(said, "refused: ana is on call, not you: hand over for them?");
    assert!(submit(&mut world, "sam", true, 20).starts_with("done"));
    // What sam holds is not of this turn.
    assert_eq!(accept(&mut world, "luis", 0, false, 30), ACCEPTED);
}

#[test]
fn the_document_that_is_kept_names_both_and_what_went_over() {
    let mut world = at_work();
    submit(&mut world, "ana", false, 20);
    let (document, command) = (Box::new(document()), HandoverId(1));
    let input = Input::Asked {
        actor: Actor::person("luis"),
        command: Command::Reports(report::Command::Accept {
            id: command,
            seen: 0,
            takes: vec![IncidentId(1), IncidentId(2)],
            document,
            force: false,
        }),
    };
    let decision = core::decide(&world.state, &input, at(30));
    let entries = decision.events.into_iter().map(|e| e.placed(1, at(30)));
    let kept = entries.filter_map(|e| match e {
        Entry::Report(e) => e.body.document().map(|(name, d)| (name, d.clone())),
        _ => None,
    });
    let kept: Vec<_> = kept.collect();
    let [(name, document)] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((name.as_str(), document.number.as_str()), ("HO-1", "HO-1"));
    let text = report::render(document, report::Format::Markdown, report::Locale::English);
    assert!(
        text.contains("**Handed over by**: ana") && text.contains("**Accepted by**: luis"),
        "{text}"
    );
    assert!(document.section(Word::Transferred).is_some());
    assert!(text.contains("| INC-1 | db is slow | ana |"), "{text}");
}

#[test]
fn a_report_of_a_plan_is_issued_once_for_its_period_and_again_as_the_next_revision() {
    let mut world = World::new(plan("db"));
    let coverage = Coverage { from: at(0), to: at(86_400), scope: Scope::All };
    let issue = |over, plan: &str| report::Command::Issue {
        coverage: Box::new(coverage.clone()),
        over,
        plan: plan.to_owned(),
        document: Box::new(document()),
        force: false,
    };
    assert_eq!(ask(&mut world, "atalaya", issue(None, "weekly"), 1), "done: SR-1 issued");
    let said = ask(&mut world, "atalaya", issue(None, "weekly"), 2);
    assert_eq!(said, "done: SR-1 was issued for that period already");
    let said = ask(&mut world, "ana", issue(Some(ReportId(1)), ""), 3);
    assert_eq!(said, "done: SR-1 issued again, revision 2");
    let asked = ask(&mut world, "ana", issue(None, ""), 4);
    assert!(asked.ends_with("SR-1 is of that period and those services already"), "{asked}");
    let beside = report::Command::Issue {
        coverage: Box::new(coverage.clone()),
        over: None,
        plan: String::new(),
        document: Box::new(document()),
        force: true,
    };
    assert_eq!(ask(&mut world, "ana", beside, 4), "done: SR-2 issued");
    assert_eq!(world.state.reports().report(ReportId(1)).unwrap().revisions.len(), 2);
    assert!(ask(&mut world, "ana", issue(Some(ReportId(9)), ""), 5).starts_with("refused"));
}

#[test]
fn the_next_step_of_an_incident_is_kept_and_taken_out() {
    let mut world = at_work();
    let step =
        |text: &str| report::Command::NextStep { incident: IncidentId(1), text: text.into() };
    assert_eq!(ask(&mut world, "ana", step("watch\nthe pool"), 1), "done: next step of INC-1 kept");
    assert_eq!(world.state.reports().step(IncidentId(1)).unwrap().text, "watch the pool");
    assert!(ask(&mut world, "ana", step("watch the pool"), 2).contains("is so already"));
    assert_eq!(ask(&mut world, "ana", step(""), 3), "done: INC-1 has no next step any more");
    assert!(world.state.reports().step(IncidentId(1)).is_none());
}

#[test]
fn events_and_documents_from_before_format_5_are_read() {
    let read = |text: &str| serde_json::from_str::<EventBody>(text).unwrap();
    let assigned = EventBody::Assigned { to: Some("luis".into()), handover: None };
    assert_eq!(read(r#"{"kind":"assigned","v":4,"to":"luis"}"#), assigned);
    let acknowledged = EventBody::Acknowledged { until: None, handover: None };
    assert_eq!(read(r#"{"kind":"acknowledged","v":4,"until":null}"#), acknowledged);
    assert!(!serde_json::to_string(&assigned).unwrap().contains("handover"));
    let mut old = serde_json::to_value(document()).unwrap();
    old.as_object_mut().unwrap().remove("locale");
    assert_eq!(serde_json::from_value::<Document>(old).unwrap(), document());
}
