//! Who may do what to a window, and what it means.

use super::*;
use crate::domain::incident::Actor;
use crate::domain::matcher::Matchers;

const NOON: &str = "2026-11-24 12:00";

/// A change at 22:00 for two hours, planned at noon, as `WIN-1`.
fn planned() -> (Book, Key) {
    let mut book = Book::new(Vec::new());
    let mut change = window("", Kind::Upgrade, "2026-11-24 22:00", 2);
    change.summary = "Upgrade the database".into();
    change.change = Some("CHG-7".into());
    change.owner = Some("luis".into());
    change.approver = Some("change-manager".into());
    let items = ["backup is fresh", "replica follows"];
    change.checklist = items.map(|t| Item { text: t.into(), unit: None }).to_vec();
    book.add(change, NOON).unwrap();
    (book, key("WIN-1", "2026-11-24 22:00"))
}

fn approved() -> (Book, Key) {
    let (mut book, key) = planned();
    book.act("ana", &key, Action::Approve, "2026-11-24 13:00").unwrap();
    (book, key)
}

fn started() -> (Book, Key) {
    let (mut book, key) = approved();
    book.act("luis", &key, Action::Start, "2026-11-24 22:05").unwrap();
    (book, key)
}

#[test]
fn a_change_goes_from_planned_to_completed() {
    let (mut book, key) = planned();
    assert_eq!(book.status(&key, NOON), "planned");
    book.act("ana", &key, Action::Approve, "2026-11-24 13:00").unwrap();
    assert_eq!(book.status(&key, "2026-11-24 13:00"), "approved");
    book.act("luis", &key, Action::Start, "2026-11-24 22:05").unwrap();
    assert_eq!(book.status(&key, "2026-11-24 22:05"), "in_progress");
    book.act("luis", &key, finish(ClosureCode::Successful, ""), "2026-11-24 23:10").unwrap();
    let one = book.see(&key, "2026-11-24 23:10");
    assert_eq!(one.status, Status::Completed);
    assert_eq!(one.actual(), Some((at("2026-11-24 22:05"), Some(at("2026-11-24 23:10")))));
    assert_eq!(one.record().unwrap().finished.as_ref().unwrap().code, ClosureCode::Successful);
}

#[test]
fn approving_takes_the_role_and_says_who_has_it() {
    let (mut book, key) = planned();
    assert_eq!(
        book.act("luis", &key, Action::Approve, NOON),
        refused(
            "approving Upgrade the database (CHG-7) takes the role change-manager: ask Ana Ruiz"
        )
    );
    book.act("ana", &key, Action::Approve, "2026-11-24 13:00").unwrap();
    assert_eq!(
        book.act("ana", &key, Action::Approve, "2026-11-24 14:00"),
        refused("Upgrade the database (CHG-7) was approved by ana at 13:00:00; start it")
    );
}

#[test]
fn a_standard_change_needs_no_approval_and_runs_by_itself() {
    let mut book =
        Book::new(vec![standard(window("nightly", Kind::Backup, "2026-11-24 02:00", 1))]);
    let key = key("nightly", "2026-11-24 02:00");
    assert_eq!(
        book.act("ana", &key, Action::Approve, "2026-11-24 01:00"),
        refused("nightly is a standard change: approved beforehand; start it")
    );
    assert_eq!(book.status(&key, "2026-11-24 01:59"), "approved");
    assert_eq!(book.status(&key, "2026-11-24 02:00"), "in_progress");
    assert_eq!(book.status(&key, "2026-11-24 03:00"), "completed");
    // The closure code may come later; it was over when it was planned to be.
    book.act("luis", &key, finish(ClosureCode::Failed, "disk full"), "2026-11-24 09:00").unwrap();
    let one = book.see(&key, "2026-11-24 09:00");
    assert_eq!(one.actual(), Some((at("2026-11-24 02:00"), Some(at("2026-11-24 03:00")))));
}

#[test]
fn what_is_not_approved_cannot_start_and_neither_can_what_is_far_off() {
    let (mut book, key) = planned();
    assert_eq!(
        book.act("luis", &key, Action::Start, "2026-11-24 21:50"),
        refused(
            "Upgrade the database (CHG-7) is not approved; have it approved by a change-manager first"
        )
    );
    let (mut book, key) = approved();
    assert_eq!(
        book.act("luis", &key, Action::Start, "2026-11-24 20:00"),
        refused("Upgrade the database (CHG-7) is planned for 22:00:00; move it to begin now")
    );
    assert_eq!(
        book.act("luis", &key, Action::Start, "2026-11-25 00:00"),
        refused(
            "Upgrade the database (CHG-7) ended at 00:00:00; finish it with a closure code, or plan it anew"
        )
    );
}

#[test]
fn an_end_is_put_off_past_now_or_not_at_all() {
    let (mut book, key) = started();
    let extend = |minutes| Action::Extend { by: TimeDelta::minutes(minutes) };
    assert!(book.see(&key, "2026-11-25 00:20").overrun);
    assert_eq!(
        book.act("luis", &key, extend(20), "2026-11-25 00:20"),
        refused(
            "Upgrade the database (CHG-7) would still end before now; extend it by 21m or more"
        )
    );
    book.act("luis", &key, extend(60), "2026-11-25 00:20").unwrap();
    let one = book.see(&key, "2026-11-25 00:20");
    assert_eq!(shown(one.planned), "24 22:00 - 25 01:00");
    assert!(!one.overrun);
    assert!(book.act("luis", &key, extend(25 * 60), "2026-11-25 00:30").is_err());
}

#[test]
fn a_checklist_decides_how_it_may_be_closed() {
    let (mut book, key) = started();
    let check = |item, result| Action::Check { item, result, note: "lag 40 s".to_owned() };
    assert_eq!(
        book.act("luis", &key, check(2, CheckResult::Pass), "2026-11-24 22:10"),
        refused("Upgrade the database (CHG-7) has 2 items on its checklist, no number 3")
    );
    book.act("luis", &key, check(0, CheckResult::Pass), "2026-11-24 22:10").unwrap();
    book.act("luis", &key, check(1, CheckResult::Fail), "2026-11-24 22:11").unwrap();
    assert_eq!(
        book.act("luis", &key, finish(ClosureCode::Successful, ""), "2026-11-24 23:00"),
        refused("\"replica follows\" failed; close it with issues")
    );
    assert_eq!(
        book.act("luis", &key, finish(ClosureCode::WithIssues, " "), "2026-11-24 23:00"),
        refused("say why it did not go as planned")
    );
    let reason = "replica too far behind".to_owned();
    book.act("luis", &key, Action::BackOut { reason }, "2026-11-24 23:00").unwrap();
    let one = book.see(&key, "2026-11-24 23:00");
    assert_eq!(one.record().unwrap().finished.as_ref().unwrap().code, ClosureCode::BackedOut);
    assert_eq!(one.record().unwrap().check(1).unwrap().note, "lag 40 s");
}

#[test]
fn cancelling_wants_a_reason_and_ends_what_runs_by_itself() {
    let (mut book, key) = started();
    let cancel = |reason: &str| Action::Cancel { reason: reason.to_owned() };
    assert_eq!(
        book.act("luis", &key, cancel("too late"), "2026-11-24 22:10"),
        refused("Upgrade the database (CHG-7) is in progress; finish it or back it out")
    );
    let (mut book, key) = approved();
    assert_eq!(
        book.act("luis", &key, cancel(""), NOON),
        refused("say why Upgrade the database (CHG-7) is cancelled")
    );
    book.act("luis", &key, cancel("vendor is late"), "2026-11-24 22:30").unwrap();
    let one = book.see(&key, "2026-11-24 22:30");
    assert_eq!(one.status, Status::Cancelled);
    assert_eq!(one.effect().map(shown).as_deref(), Some("24 22:00 - 24 22:30"));
    assert_eq!(
        book.act("ana", &key, Action::Approve, "2026-11-24 23:00"),
        refused("Upgrade the database (CHG-7) was cancelled by luis at 22:30:00; plan it anew")
    );
}

#[test]
fn moving_one_leaves_the_series_and_takes_the_approval() {
    let mut weekly = window("weekly", Kind::Update, "2026-11-03 22:00", 2);
    weekly.recurrence = on(&["2026-11-03 22:00", "2026-11-10 22:00", "2026-11-17 22:00"]);
    let mut book = Book::new(vec![weekly]);
    let second = key("weekly", "2026-11-10 22:00");
    book.act("ana", &second, Action::Approve, "2026-11-01 09:00").unwrap();
    let to = Action::Move { to: local("2026-11-12 20:00"), length: Some(Length::hours(1)) };
    book.act("luis", &second, to, "2026-11-02 09:00").unwrap();
    assert_eq!(
        book.list("2026-11-01 00:00", "2026-12-01 00:00", "2026-11-02 09:00"),
        [
            "03 22:00 - 04 00:00 planned",
            "12 20:00 - 12 21:00 planned",
            "17 22:00 - 18 00:00 planned"
        ]
    );
    let past = Action::Move { to: local("2026-11-01 20:00"), length: None };
    assert_eq!(
        book.act("luis", &second, past, "2026-11-02 09:00"),
        refused("weekly would be over already; declare it for the past if it took place")
    );
}

#[test]
fn an_own_action_is_taken_back_for_a_while_and_only_ones_own() {
    let (mut book, key) = approved();
    let undo = Command::Undo { of: Subject::Occurrence(key.clone()) };
    let later = "2026-11-24 13:01";
    assert_eq!(
        book.tell("luis", undo.clone(), "2026-11-24 13:00"),
        refused("the last change of WIN-1 is not yours: it was approved by ana; ask them")
    );
    assert_eq!(
        book.tell("ana", undo.clone(), later),
        refused("too late: WIN-1 was approved more than 30s ago; change it instead")
    );
    book.tell("ana", undo.clone(), "2026-11-24 13:00").unwrap();
    assert_eq!(book.status(&key, "2026-11-24 13:00"), "planned");
    assert_eq!(
        book.tell("ana", undo, "2026-11-24 13:00"),
        refused("nothing was done to WIN-1 that could be undone")
    );
}

#[test]
fn planning_withdrawing_and_changing_are_taken_back_too() {
    let (mut book, key) = approved();
    let id = WindowId::new("WIN-1");
    let undo = Command::Undo { of: Subject::Window(id.clone()) };
    let mut other = (*book.calendar.window(&id).unwrap().window).clone();
    other.recurrence = Recurrence::once(local("2026-11-25 22:00"), Europe::Madrid);
    let change = Command::Change { window: Box::new(other) };
    book.tell("luis", change, "2026-11-24 14:00").unwrap();
    assert!(book.calendar.occurrence(&key, at("2026-11-24 14:00")).is_none());
    book.tell("luis", undo.clone(), "2026-11-24 14:00").unwrap();
    assert_eq!(book.status(&key, "2026-11-24 14:00"), "approved", "with its approval");
    let withdraw = Command::Withdraw { window: id.clone(), reason: "not needed".to_owned() };
    book.tell("luis", withdraw.clone(), "2026-11-24 15:00").unwrap();
    assert!(book.calendar.window(&id).is_none());
    assert_eq!(
        book.tell("luis", withdraw, "2026-11-24 15:00"),
        refused("WIN-1 was withdrawn; plan it anew")
    );
    book.tell("luis", undo.clone(), "2026-11-24 15:00").unwrap();
    assert_eq!(book.status(&key, "2026-11-24 15:00"), "approved");

    let mut book = Book::new(Vec::new());
    book.add(window("", Kind::Update, "2026-11-24 22:00", 1), NOON).unwrap();
    book.tell("luis", undo, NOON).unwrap();
    assert_eq!(book.calendar.versions().count(), 0);
}

#[test]
fn a_change_holds_from_then_on_and_leaves_what_took_place() {
    let mut weekly = standard(window("", Kind::Update, "2026-11-03 22:00", 2));
    weekly.recurrence = on(&["2026-11-03 22:00", "2026-11-10 22:00", "2026-11-17 22:00"]);
    let mut book = Book::new(Vec::new());
    book.add(weekly.clone(), "2026-11-01 09:00").unwrap();
    weekly.id = WindowId::new("WIN-1");
    weekly.length = Length::hours(4);
    book.tell("luis", Command::Change { window: Box::new(weekly.clone()) }, "2026-11-11 09:00")
        .unwrap();
    assert_eq!(
        book.list("2026-11-01 00:00", "2026-12-01 00:00", "2026-11-11 09:00"),
        [
            "03 22:00 - 04 00:00 completed",
            "10 22:00 - 11 00:00 completed",
            "17 22:00 - 18 02:00 approved"
        ]
    );
    assert_eq!(
        book.tell("luis", Command::Change { window: Box::new(weekly) }, "2026-11-11 09:00"),
        refused("Patch is so already")
    );
}

#[test]
fn another_plan_has_to_be_approved_anew_and_other_words_do_not() {
    let (mut book, key) = approved();
    let mut other = (*book.calendar.window(&key.window).unwrap().window).clone();
    other.summary = "Upgrade PostgreSQL".into();
    let change = |window: &Window| Command::Change { window: Box::new(window.clone()) };
    book.tell("luis", change(&other), "2026-11-24 14:00").unwrap();
    assert_eq!(book.status(&key, "2026-11-24 14:00"), "approved");
    other.length = Length::hours(5);
    book.tell("luis", change(&other), "2026-11-24 15:00").unwrap();
    assert_eq!(book.status(&key, "2026-11-24 15:00"), "planned");
}

#[test]
fn what_the_plan_says_is_changed_in_the_plan() {
    let mut book = Book::new(vec![window("weekly", Kind::Update, "2026-11-24 22:00", 2)]);
    let withdraw =
        Command::Withdraw { window: WindowId::new("weekly"), reason: "because".to_owned() };
    assert_eq!(
        book.tell("luis", withdraw, NOON),
        refused(
            "weekly is in the service plan; change [[windows]] there, or move or cancel single \
             occurrences here"
        )
    );
}

#[test]
fn the_plans_windows_change_from_the_instant_of_the_new_plan() {
    let nights = ["2026-11-10 02:00", "2026-11-20 02:00"];
    let mut nightly = standard(window("nightly", Kind::Backup, nights[0], 1));
    nightly.recurrence = on(&nights);
    let mut book = Book::new(vec![nightly.clone()]);
    nightly.length = Length::hours(2);
    book.calendar.set_plan(&[Arc::new(nightly)], at("2026-11-15 12:00"));
    let list = |book: &Book| book.list("2026-11-01 00:00", "2026-12-01 00:00", "2026-11-15 12:00");
    let expect = ["10 02:00 - 10 03:00 completed", "20 02:00 - 20 04:00 approved"];
    assert_eq!(list(&book), expect);
    book.calendar.set_plan(&[], at("2026-11-16 12:00"));
    assert_eq!(list(&book), expect[..1]);
}

#[test]
fn whoever_was_faster_is_not_overwritten_unseen() {
    let (mut book, key) = planned();
    let seen = book.calendar.position();
    book.act("ana", &key, Action::Move { to: local("2026-11-25 22:00"), length: None }, NOON)
        .unwrap();
    let to = local("2026-11-26 22:00");
    let act = Command::Act { key: key.clone(), action: Action::Move { to, length: None } };
    let late = |position| Command::Seen { command: Box::new(act.clone()), position };
    assert_eq!(
        book.tell("luis", late(seen), NOON),
        refused("WIN-1 was moved by ana at 12:00 while you looked; look at it again")
    );
    book.tell("luis", late(book.calendar.position()), NOON).unwrap();
}

#[test]
fn what_a_change_of_a_series_would_lose_is_told() {
    let mut book = Book::new(Vec::new());
    let mut weekly = window("", Kind::Maintenance, "2026-11-24 22:00", 2);
    weekly.recurrence.rule = Some(crate::domain::time::Rule::parse("FREQ=WEEKLY").unwrap());
    book.add(weekly, NOON).unwrap();
    let at = |day: &str| key("WIN-1", &format!("2026-{day} 22:00"));
    let off = Action::Cancel { reason: "holiday".to_owned() };
    book.act("luis", &at("12-01"), off, NOON).unwrap();
    book.act(
        "luis",
        &at("12-08"),
        Action::Move { to: local("2026-12-09 22:00"), length: None },
        NOON,
    )
    .unwrap();
    book.act("ana", &at("12-15"), Action::Approve, NOON).unwrap();
    let lost = |change: &dyn Fn(&mut Window)| -> Vec<String> {
        let mut changed = Window::clone(&book.calendar.window(&at("12-01").window).unwrap().window);
        change(&mut changed);
        let lost = book.calendar.discarded(&changed, super::at(NOON));
        lost.iter().map(|c| c.text(&book.roster)).collect()
    };
    assert_eq!(lost(&|w| w.summary = "Other words".into()), [""; 0]);
    let approval = "it was approved, and that is lost with the change";
    assert_eq!(lost(&|w| w.length = Length::hours(3)), [approval]);
    assert_eq!(
        lost(&|w| w.recurrence.start = local("2026-11-24 23:00")),
        [
            "it was cancelled, and that is lost with the change",
            "it was moved, and that is lost with the change",
            approval,
        ]
    );
}

/// A console that starts does not know what the plan was when it was approved: the approval does.
#[test]
fn an_approval_does_not_hold_for_other_terms_after_a_restart_either() {
    let mut patch = window("patch", Kind::Maintenance, "2026-11-24 22:00", 2);
    let mut book = Book::new(vec![patch.clone()]);
    let key = key("patch", "2026-11-24 22:00");
    book.act("ana", &key, Action::Approve, NOON).unwrap();
    let status = |calendar: Calendar| calendar.occurrence(&key, at(NOON)).unwrap().status.word();
    assert_eq!(status(book.replayed(vec![patch.clone()])), "approved");
    patch.summary = "Patch it well".into();
    assert_eq!(status(book.replayed(vec![patch.clone()])), "approved", "a word is no term");
    patch.length = Length::hours(8);
    assert_eq!(status(book.replayed(vec![patch])), "planned");
}

#[test]
fn what_took_place_unplanned_is_declared_with_who_and_why() {
    let mut book = Book::new(Vec::new());
    let done = window("", Kind::Maintenance, "2026-11-23 22:00", 2);
    let declare = |window: &Window, reason: &str| Command::Declare {
        window: Box::new(window.clone()),
        code: ClosureCode::Successful,
        reason: reason.to_owned(),
    };
    assert_eq!(
        book.tell("luis", declare(&done, ""), NOON),
        refused("say why it is declared afterwards, and with whom that was agreed")
    );
    book.tell("luis", declare(&done, "agreed with Ana"), NOON).unwrap();
    let one = book.see(&key("WIN-1", "2026-11-23 22:00"), NOON);
    assert_eq!(one.status, Status::Completed);
    assert_eq!(one.effect().map(shown).as_deref(), Some("23 22:00 - 24 00:00"));
    let said = one.record().unwrap().declared.clone().unwrap();
    assert_eq!((&*said.by, &*said.reason, said.at), ("luis", "agreed with Ana", at(NOON)));
    let now = window("Patch", Kind::Maintenance, "2026-11-24 11:00", 2);
    assert_eq!(
        book.tell("luis", declare(&now, "agreed"), NOON),
        refused("Patch is not over yet; plan it instead")
    );
}

/// What makes a window impossible.
type Spoil<'a> = &'a dyn Fn(&mut Window);

#[test]
fn a_window_that_cannot_be_is_refused_with_what_is_missing() {
    let mut book = Book::new(Vec::new());
    let good = window("Patch", Kind::Update, "2026-11-24 22:00", 2);
    let mut refusal = |change: Spoil| {
        let mut bad = good.clone();
        change(&mut bad);
        book.add(bad, NOON).unwrap_err()
    };
    let cases: [(&str, Spoil); 8] = [
        ("the summary is empty", &|w| w.summary = " ".into()),
        ("it would take no time", &|w| w.length = Length::default()),
        ("at most 366 days", &|w| w.length = Length::days(400)),
        ("name the services or the labels", &|w| w.scope = Scope::default()),
        ("would touch everything", &|w| w.scope.matchers = vec![Matchers::default()]),
        ("nobody in the plan is called eva", &|w| w.owner = Some("eva".into())),
        ("all of it lies in the past", &|w| w.recurrence.start = local("2026-11-23 22:00")),
        ("has to come before the end", &|w| {
            w.back_out = Some(BackOut { plan: "snapshot".into(), decide_after: 7_200 });
        }),
    ];
    for (expect, change) in cases {
        let why = refusal(change);
        assert!(why.contains(expect), "{why}");
    }
    book.add(good, NOON).unwrap();
}

#[test]
fn a_freeze_exception_takes_the_role_a_reason_and_an_end() {
    let mut freeze = window("black friday", Kind::Freeze, "2026-11-27 00:00", 24);
    freeze.approver = Some("change-manager".into());
    let (mut book, key) = (Book::new(vec![freeze]), key("WIN-1", "2026-11-27 10:00"));
    book.add(window("Patch", Kind::Update, "2026-11-27 10:00", 1), NOON).unwrap();
    let except = |reason: &str| Command::Except {
        freeze: WindowId::new("black friday"),
        window: key.window.clone(),
        reason: reason.to_owned(),
        expires: at("2026-11-27 12:00"),
    };
    assert_eq!(book.tell("ana", except(""), NOON), refused("say why Patch may not wait"));
    assert_eq!(
        book.tell("luis", except("a hole"), NOON),
        refused("an exception from black friday takes the role change-manager: ask Ana Ruiz")
    );
    book.tell("ana", except("a hole"), NOON).unwrap();
    let granted = |book: &Book| book.calendar.exceptions()[&WindowId::new("black friday")].len();
    assert_eq!(granted(&book), 1);
    let undo = Command::Undo { of: Subject::Window(WindowId::new("black friday")) };
    book.tell("ana", undo, NOON).unwrap();
    assert_eq!(granted(&book), 0);
}

#[test]
fn an_occurrence_that_does_not_exist_is_said_so() {
    let (mut book, _) = planned();
    assert_eq!(
        book.act("ana", &key("WIN-1", "2026-11-25 22:00"), Action::Approve, NOON),
        refused(
            "WIN-1 has no occurrence that was planned for 25 Nov 2026 22:00; `atalaya calendar` \
             lists them"
        )
    );
}

#[test]
fn the_log_alone_gives_the_same_calendar() {
    let (mut book, key) = started();
    let note = String::new;
    let value = CheckResult::Value { value: 3.5 };
    let measured = Action::Check { item: 0, result: value, note: note() };
    assert_eq!(
        book.act("luis", &key, measured, "2026-11-24 22:10"),
        refused("that item asks for no value: it passes or fails")
    );
    let check = Action::Check { item: 0, result: CheckResult::Pass, note: note() };
    book.act("luis", &key, check, "2026-11-24 22:10").unwrap();
    book.act("luis", &key, Action::Extend { by: TimeDelta::hours(1) }, "2026-11-24 23:55").unwrap();
    book.act("luis", &key, finish(ClosureCode::Successful, ""), "2026-11-25 00:30").unwrap();
    let again = book.replayed(Vec::new());
    assert_eq!(again.windows, book.calendar.windows);
    assert_eq!(again.records, book.calendar.records);
    assert_eq!(again.changes, book.calendar.changes);
    assert_eq!(again.numbered, 1);
}

#[test]
fn the_console_begins_a_flexible_one_when_its_target_goes_down() {
    let mut flexible = standard(window("", Kind::Maintenance, "2026-11-24 22:00", 4));
    flexible.summary = "Move the rack".into();
    flexible.flexible = Some(Length::minutes(30));
    let mut book = Book::new(Vec::new());
    book.add(flexible, NOON).unwrap();
    let key = key("WIN-1", "2026-11-24 22:00");
    let early = book.console(&key, Action::Trigger, "2026-11-24 21:59");
    assert_eq!(early, refused("Move the rack has not begun yet"));
    assert_eq!(book.see(&key, "2026-11-24 23:00").effect(), None);
    book.console(&key, Action::Trigger, "2026-11-25 01:45").unwrap();
    let one = book.see(&key, "2026-11-25 01:50");
    assert_eq!(one.status, Status::InProgress);
    // As in Icinga, it lasts its time although the window ends before.
    assert_eq!(one.effect().map(shown).as_deref(), Some("25 01:45 - 25 02:15"));
    assert_eq!(book.status(&key, "2026-11-25 02:15"), "completed");
    assert_eq!(book.log.last().unwrap().actor, Actor::system());
    let days_later = book.list("2026-11-26 00:00", "2026-11-30 00:00", "2026-11-29 00:00");
    assert_eq!(days_later, [""; 0], "it is over, although nobody finished it");
}
