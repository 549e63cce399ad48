//! The queue and the full-screen incident: a key never reaches the wrong incident.

use atalaya::domain::command::Command;
use atalaya::domain::health::ServiceId;
use atalaya::domain::incident::lifecycle::{Action, Report};
use atalaya::domain::incident::views::{OwnChange, OwnViews};
use atalaya::domain::incident::{EventBody, Findings, IncidentId};
use atalaya::ui::screens::Place;
use atalaya::ui::terminal::{Depth, Glyphs, InputEvent, Mods, Mouse, MouseKind};
use atalaya::ui::{Cmd, Msg};
use insta::assert_snapshot;
use rstest::rstest;

use crate::noc::{ME, Noc, alert, styles};
use crate::support::{Bench, DEFAULT, world};

const WIDE: (u16, u16) = (160, 45);

fn on_row(noc: &Noc, id: u64) -> bool {
    noc.cursor_line().contains(&format!("INC-{id}"))
}

/// A critical alert on billing, which was well.
fn arrival(noc: &mut Noc) {
    let labels = "alertname=DiskFull service=billing severity=critical";
    let now = noc.now;
    noc.alerts("am", &[alert(labels, "/ on bill-1 is 99 % full", now)]);
}

#[test]
fn one_key_acknowledges_what_is_under_the_cursor_and_one_more_takes_it_back() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j");
    assert!(on_row(&noc, 2035), "{}", noc.cursor_line());
    noc.press("a");
    assert_eq!(noc.owner(2035).as_deref(), Some(ME));
    assert!(noc.footer().contains("INC-2035 acknowledged, with 2 that it affects"));
    assert!(noc.footer().contains("u undo (30 s)"), "{}", noc.footer());
    noc.press("u");
    assert_eq!((noc.word(2035), noc.owner(2035)), ("new", None));
    assert_eq!((noc.word(2036), noc.owner(2036)), ("new", None));
}

#[test]
fn undo_is_offered_for_thirty_seconds() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j a");
    noc.pass(31);
    noc.press("u");
    assert_eq!(noc.word(2035), "ack");
    assert!(noc.footer().contains("nothing of yours to undo"), "{}", noc.footer());
}

#[test]
fn acknowledging_what_is_already_yours_says_so_and_changes_nothing() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j a");
    let before = noc.log().len();
    noc.press("a");
    assert!(noc.footer().contains("INC-2035 is already yours"), "{}", noc.footer());
    assert_eq!(noc.log().len(), before);
}

#[test]
fn an_arrival_between_two_keys_does_not_change_what_the_second_one_hits() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j");
    arrival(&mut noc);
    noc.press("a");
    assert_eq!(noc.owner(2035).as_deref(), Some(ME));
    assert_eq!(noc.owner(2039), None);
}

#[test]
fn an_arrival_waits_above_until_the_person_goes_there() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j");
    arrival(&mut noc);
    assert!(noc.picture().contains("1 new ↑  P2"), "{}", noc.picture());
    assert!(!noc.picture().contains("INC-2039"));
    noc.press("k k");
    assert!(noc.picture().contains("INC-2039"), "{}", noc.picture());
}

#[test]
fn an_arrival_comes_in_until_the_cursor_was_moved_and_the_cursor_stays_on_its_incident() {
    let mut noc = Noc::busy(WIDE);
    noc.press("1");
    noc.pass(100);
    noc.press("2");
    let before = noc.cursor_line();
    noc.press("n Esc");
    arrival(&mut noc);
    assert!(noc.picture().contains("INC-2039"), "{}", noc.picture());
    assert_eq!(noc.cursor_line(), before);
}

#[test]
fn what_waits_says_in_the_footer_how_to_let_it_in_and_comes_in_when_the_tab_is_left() {
    let mut noc = Noc::busy(WIDE);
    assert!(!noc.footer().starts_with(" F follow"), "{}", noc.footer());
    noc.press("j n");
    noc.pass(50);
    arrival(&mut noc);
    noc.press("Esc");
    assert!(noc.picture().contains("1 new ↑  P2"), "{}", noc.picture());
    assert!(noc.footer().contains("a acknowledge   F follow"), "{}", noc.footer());
    noc.press("1 2");
    assert!(noc.picture().contains("INC-2039"), "{}", noc.picture());
}

#[test]
fn what_the_person_reports_is_in_the_queue_at_once() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j N Enter");
    noc.type_text("results are empty");
    noc.press("Enter Enter Enter Enter");
    assert!(noc.picture().contains("results are empty"), "{}", noc.picture());
    assert!(!noc.picture().contains("1 new"), "{}", noc.picture());
}

#[test]
fn following_lets_arrivals_in_and_the_cursor_stays_on_its_incident() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j j F");
    assert!(on_row(&noc, 2034), "{}", noc.cursor_line());
    arrival(&mut noc);
    assert!(noc.picture().contains("INC-2039"));
    assert!(on_row(&noc, 2034), "{}", noc.cursor_line());
}

#[test]
fn a_row_that_was_acted_on_stays_under_the_cursor_until_it_moves() {
    let mut noc = Noc::busy(WIDE);
    noc.press("/ Ctrl-u");
    noc.type_text("state:new");
    noc.press("Enter g g");
    assert!(on_row(&noc, 2035), "{}", noc.cursor_line());
    noc.press("a");
    assert!(on_row(&noc, 2035), "{}", noc.cursor_line());
    noc.press("a");
    assert!(noc.footer().contains("already yours"), "the second key hit another one");
    noc.press("j");
    assert!(!noc.picture().lines().take(20).any(|l| l.contains("INC-2035")));
}

#[test]
fn the_queue_opens_on_what_is_most_urgent_until_the_cursor_was_put_somewhere() {
    let mut noc = Noc::quiet(WIDE);
    noc.press("1");
    let now = noc.now;
    let slow = alert("alertname=Slow service=search severity=warning", "slow", now);
    let down = alert("alertname=Down service=checkout severity=critical", "down", now);
    noc.alerts("prom-dc1", std::slice::from_ref(&slow));
    noc.alerts("prom-dc1", &[slow, down]);
    noc.press("2");
    assert!(noc.cursor_line().contains("checkout"), "{}", noc.cursor_line());
    noc.press("j 1 2");
    assert!(noc.cursor_line().contains("search"), "{}", noc.cursor_line());
}

#[test]
fn who_was_faster_is_told_with_the_time() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j");
    let reason = "restarted".to_owned();
    noc.act_unseen(
        "Luis Peña",
        2035,
        Action::Resolve { reason, findings: Findings::default(), force: true },
    );
    noc.press("a");
    let said = noc.footer();
    assert!(said.contains("resolved by Luis Peña at 14:03:27 while you looked"), "{said}");
}

#[test]
fn resolving_what_still_fires_asks_before_anything_is_sent() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j R");
    assert!(noc.picture().contains("Resolve INC-2035 all the same?"), "{}", noc.picture());
    assert_eq!(noc.word(2035), "new");
    noc.press("n");
    assert_eq!(noc.word(2035), "new");
    noc.press("R y");
    assert_eq!(noc.word(2035), "resolved");
}

#[test]
fn resolving_what_is_quiet_stamps_the_time_at_once() {
    let mut noc = Noc::busy(WIDE);
    noc.tell(Msg::Go(Place::Incident(IncidentId(2031))));
    noc.press("R");
    assert_eq!(noc.word(2031), "resolved");
    noc.press("u");
    assert_eq!(noc.word(2031), "ack");
}

#[test]
fn typed_text_is_never_an_action() {
    let mut noc = Noc::busy(WIDE);
    let before = noc.log().len();
    noc.press("g g j /");
    noc.type_text("aRUu q");
    noc.press("Enter");
    noc.press("Esc n");
    noc.type_text("aRUu q");
    noc.press("Esc");
    assert_eq!(noc.log().len(), before);
    assert_eq!(noc.asked, []);
}

#[test]
fn a_paste_outside_a_field_is_discarded() {
    let mut noc = Noc::busy(WIDE);
    let before = noc.log().len();
    noc.press("g g j");
    noc.tell(Msg::Input(InputEvent::Paste("aaaRRRy".to_owned())));
    assert_eq!(noc.log().len(), before);
    noc.press("/");
    noc.tell(Msg::Input(InputEvent::Paste("p:1\nx".to_owned())));
    assert!(noc.picture().contains("-is:snoozed p:1 x"), "{}", noc.picture());
}

#[test]
fn a_few_marked_are_acknowledged_at_once_and_what_was_refused_stays_marked() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g *");
    assert!(noc.picture().contains("◆ 5 marked"), "{}", noc.picture());
    noc.press("a");
    for id in [2033, 2034, 2035] {
        assert_eq!(noc.owner(id).as_deref(), Some(ME), "{id}");
    }
    assert_eq!(noc.owner(2031).as_deref(), Some("Luis Peña"));
    let said = noc.footer();
    assert!(said.contains("3 acknowledged, 1 so already, 1 refused"), "{said}");
    assert!(noc.picture().contains("◆ 1 marked"), "{}", noc.picture());
    noc.press("M");
    assert!(noc.picture().contains("INC-2031 is acknowledged by Luis Peña"), "{}", noc.picture());
}

#[test]
fn many_marked_are_asked_about_with_the_count_that_is_out_of_view() {
    let mut noc = Noc::many((120, 35), 40);
    let before = noc.log().len();
    noc.press("g g * a");
    assert!(noc.picture().contains("Acknowledge 40 incidents, 23 of them out of view?"));
    assert_snapshot!("many_marked_120x35", noc.picture());
    noc.press("n");
    assert_eq!(noc.log().len(), before);
    noc.press("a y");
    assert!(noc.footer().contains("40 acknowledged"), "{}", noc.footer());
    assert!(!noc.picture().contains("marked"));
}

#[rstest]
#[case("A", "Mia Zhou", "Assign 40 incidents to Mia Zhou, 23 of them out of view?")]
#[case("n", "pool raised", "Annotate 40 incidents, 23 of them out of view?")]
#[case(": c a n c e l Enter", "a drill", "Cancel 40 incidents, 23 of them out of view?")]
fn whatever_is_done_to_many_is_asked_about_before_it_is_sent(
    #[case] keys: &str,
    #[case] text: &str,
    #[case] question: &str,
) {
    let mut noc = Noc::many((120, 35), 40);
    let before = noc.log().len();
    noc.press("g g *");
    noc.press(keys);
    noc.type_text(text);
    noc.press("Enter");
    assert!(noc.picture().contains(question), "{}", noc.picture());
    assert_eq!(noc.log().len(), before);
    noc.press("y");
    assert_eq!(noc.log().len(), before + 40);
}

#[test]
fn marks_survive_a_filter_and_are_told_as_out_of_view() {
    let mut noc = Noc::many((120, 35), 12);
    noc.press("g g * /");
    noc.type_text("h0003");
    noc.press("Enter a");
    assert!(noc.picture().contains("Acknowledge 12 incidents, 11 of them out of view?"));
}

#[test]
fn ten_marked_are_not_asked_about() {
    let mut noc = Noc::many((120, 35), 10);
    noc.press("g g * a");
    assert!(noc.footer().contains("10 acknowledged"), "{}", noc.footer());
}

#[test]
fn the_filter_works_while_it_is_typed_and_escape_puts_the_old_one_back() {
    let mut noc = Noc::busy(WIDE);
    noc.press("/");
    noc.type_text("service:mai");
    assert!(noc.picture().contains("None of 8 incidents matches"), "{}", noc.picture());
    noc.press("Tab");
    assert!(noc.picture().contains("service:mail"));
    assert!(noc.picture().contains("1–1 of 1, 8 in all"), "{}", noc.picture());
    noc.press("Esc");
    assert!(noc.picture().contains("1–5 of 5, 8 in all"), "{}", noc.picture());
}

#[test]
fn a_wrong_term_is_underlined_and_explained_while_the_rest_filters() {
    let mut noc = Noc::busy((120, 35));
    noc.press("/");
    noc.type_text("prio:1 packet");
    assert!(noc.picture().contains("there is no term \"prio\""), "{}", noc.picture());
    assert!(noc.picture().contains("1–1 of 1"), "{}", noc.picture());
    assert_snapshot!("wrong_term_120x35", noc.picture());
    assert_snapshot!("wrong_term_120x35_styles", styles(&noc.draw()));
}

#[test]
fn folded_incidents_open_and_close_under_their_cause() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j");
    assert!(noc.cursor_line().contains("+2 affected"), "{}", noc.cursor_line());
    noc.press("l j");
    assert!(on_row(&noc, 2036), "{}", noc.cursor_line());
    noc.press("h");
    assert!(on_row(&noc, 2035), "{}", noc.cursor_line());
    assert!(!noc.picture().lines().take(20).any(|l| l.contains("INC-2036")));
}

#[test]
fn the_console_opens_on_the_incident_that_a_page_names() {
    let mut noc = Noc::busy(WIDE);
    noc.tell(Msg::Go(Place::Incident(IncidentId(2036))));
    assert!(noc.picture().contains("p99 latency above 1 s"), "{}", noc.picture());
    noc.press("a");
    assert_eq!(noc.owner(2036).as_deref(), Some(ME));
    noc.press("Esc");
    assert!(on_row(&noc, 2036), "{}", noc.cursor_line());
}

#[test]
fn the_cause_of_an_incident_is_two_keys_away_and_escape_leads_back() {
    let mut noc = Noc::busy(WIDE);
    noc.tell(Msg::Go(Place::Incident(IncidentId(2036))));
    noc.press("Enter Enter");
    assert!(noc.picture().contains("╭ INC-2035  db-main"), "{}", noc.picture());
    noc.press("a");
    assert_eq!(noc.owner(2035).as_deref(), Some(ME));
    noc.press("Esc");
    assert!(noc.picture().contains("╭ INC-2036  checkout"), "{}", noc.picture());
    noc.press("Esc");
    assert!(noc.picture().contains("╭ Queue"), "{}", noc.picture());
}

#[test]
fn an_incident_that_does_not_exist_is_said_so() {
    let mut noc = Noc::busy(WIDE);
    noc.tell(Msg::Go(Place::Incident(IncidentId(9))));
    assert!(noc.footer().contains("there is no INC-9"), "{}", noc.footer());
}

#[test]
fn a_note_is_kept_in_the_timeline() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j n");
    noc.type_text("pool raised to 400");
    noc.press("Enter");
    let noted = EventBody::Noted { text: "pool raised to 400".to_owned() };
    assert_eq!(noc.log().last().map(|e| (e.incident, &e.body)), Some((IncidentId(2035), &noted)));
    assert!(noc.picture().contains("pool raised to 400"), "{}", noc.picture());
}

#[test]
fn a_note_is_written_in_an_editor_and_shown_with_all_its_lines() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j E");
    assert_eq!(noc.asked, [Cmd::Edit(String::new())]);
    noc.tell(Msg::Edited(Ok(Some("pool raised to 400\nby hand, on db-2\n".to_owned()))));
    assert_snapshot!("note_from_the_editor_160x45", noc.picture());
    noc.press("Enter");
    let text = "pool raised to 400\nby hand, on db-2".to_owned();
    assert_eq!(noc.log().last().map(|e| &e.body), Some(&EventBody::Noted { text }));
    let picture = noc.picture();
    assert!(picture.contains("  pool raised to 400 ") && picture.contains("  by hand, on db-2 "));
    noc.press("n");
    noc.type_text("also");
    noc.press("Ctrl-e");
    assert_eq!(noc.asked.last(), Some(&Cmd::Edit("also".to_owned())));
    noc.tell(Msg::Edited(Err("the editor \"ed\" cannot be started".to_owned())));
    assert!(noc.footer().contains("cannot be started"), "{}", noc.footer());
}

#[test]
fn an_incident_is_assigned_to_a_known_name_or_any_other() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j A");
    noc.type_text("sam");
    noc.press("Enter");
    assert_eq!(noc.owner(2035).as_deref(), Some("Sam Okafor"));
    noc.press("A");
    noc.type_text("Mia Zhou");
    noc.press("Enter");
    assert_eq!(noc.owner(2035).as_deref(), Some("Mia Zhou"));
}

#[test]
fn what_cannot_be_done_yet_says_what_comes_first_and_its_key() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j");
    let mut says = |keys: &str, what: &str| {
        noc.press(keys);
        assert!(noc.footer().contains(what), "{keys}: {}", noc.footer());
    };
    says("C", "INC-2035 is new; resolve it first: R");
    says("a C", "INC-2035 is acknowledged; resolve it first: R");
    says("f", "INC-2035 is acknowledged; resolve it first: R");
    says(": s p l i t Enter", "INC-2035 is no part of another one");
    says(": c o r r e c t Enter", "change it as it is: c; corrections come after the end");
    says("H Ctrl-s C", "INC-2035 is on hold; resolve it first: R");
}

#[test]
fn while_something_is_typed_nothing_offers_to_undo() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j a");
    assert!(noc.footer().contains("undo"), "{}", noc.footer());
    noc.press("n");
    assert!(!noc.footer().contains("undo"), "{}", noc.footer());
    noc.press("Esc");
    assert!(noc.footer().contains("undo"), "{}", noc.footer());
}

#[test]
fn an_incident_is_reported_by_hand() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g N");
    assert!(noc.picture().contains("Report an incident"), "{}", noc.picture());
    noc.type_text("results are empty");
    noc.press("Enter Ctrl-u");
    noc.type_text("serch");
    noc.press("Enter Enter Enter Enter Enter");
    assert!(noc.picture().contains("did you mean"), "{}", noc.picture());
    noc.press("Ctrl-u");
    noc.type_text("search");
    noc.press("Ctrl-s");
    assert!(noc.footer().contains("INC-2039 reported"), "{}", noc.footer());
    assert_eq!(noc.word(2039), "new");
}

#[test]
fn cancelling_wants_a_reason() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j j Enter D Enter");
    assert!(noc.picture().contains("say why"), "{}", noc.picture());
    assert_eq!(noc.word(2034), "new");
    noc.type_text("false alarm");
    noc.press("Enter");
    assert_eq!(noc.word(2034), "cancelled");
}

#[test]
fn a_resolved_incident_is_closed_or_brought_back_from_its_page() {
    let mut noc = Noc::busy(WIDE);
    noc.tell(Msg::Go(Place::Incident(IncidentId(2031))));
    noc.press("R B");
    noc.press("Enter");
    assert_eq!(noc.word(2031), "ack");
    noc.press("R C");
    noc.type_text("workaround");
    noc.press("Ctrl-s");
    assert!(noc.picture().contains("closing wants the cause"), "{}", noc.picture());
    noc.type_text("a slow disk");
    noc.press("Enter");
    noc.type_text("storage");
    assert_snapshot!("closing_160x45", noc.picture());
    noc.press("Ctrl-s");
    assert_eq!(noc.word(2031), "closed");
    assert_eq!(noc.incident(2031).standing.findings.cause, "a slow disk");
    noc.press("B");
    assert!(noc.footer().contains("report a new one"), "{}", noc.footer());
    noc.press("u");
    assert_eq!(noc.word(2031), "resolved");
}

#[test]
fn an_incident_is_put_on_hold_with_a_reason_and_goes_on_by_the_same_key() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j H");
    noc.type_text("supplier");
    noc.press("Enter");
    noc.type_text("ticket 8812");
    noc.press("Enter");
    noc.type_text("yesterday");
    noc.press("Enter");
    assert!(noc.picture().contains("no time to come"), "{}", noc.picture());
    noc.press("Ctrl-u");
    noc.type_text("4h");
    assert_snapshot!("hold_160x45", noc.picture());
    noc.press("Enter");
    assert_eq!(noc.word(2035), "hold");
    assert!(noc.picture().contains("waits for a supplier"), "{}", noc.picture());
    noc.press("H");
    assert_ne!(noc.word(2035), "hold");
}

#[test]
fn a_snooze_is_chosen_or_typed_and_told_where_the_incident_is_shown() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j Z");
    assert_snapshot!("snooze_160x45", noc.picture());
    noc.type_text("45m");
    noc.press("Enter");
    assert!(noc.incident(2035).is_snoozed());
    assert!(noc.picture().contains("for another 45m"), "{}", noc.picture());
    noc.press("Z Enter");
    assert!(!noc.incident(2035).is_snoozed(), "the first choice wakes what is snoozed");
}

#[test]
fn an_acknowledgement_lasts_as_long_as_was_chosen() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j :");
    noc.type_text("acknowledge for");
    noc.press("Enter");
    assert!(noc.picture().contains("Acknowledge INC-2035 for"), "{}", noc.picture());
    noc.type_text("3h");
    noc.press("Enter");
    let standing = &noc.incident(2035).standing;
    let acknowledged = standing.acknowledged.as_ref().unwrap();
    assert_eq!(acknowledged.until, Some(acknowledged.at + chrono::TimeDelta::hours(3)));
}

#[test]
fn classifying_says_what_priority_it_makes_before_it_is_sent() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j");
    let before = noc.incident(2035).priority;
    noc.press("c");
    noc.type_text("3");
    noc.press("Enter");
    noc.type_text("3");
    assert!(noc.picture().contains(&format!("{before} → P5")), "{}", noc.picture());
    noc.press("Ctrl-s");
    assert_eq!(noc.incident(2035).priority.0, 5);
    noc.press("u");
    assert_eq!(noc.incident(2035).priority, before);
}

#[test]
fn a_merge_shows_what_it_makes_and_is_undone_with_one_key() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j :");
    noc.type_text("merge");
    noc.press("Enter");
    noc.type_text("INC-2034");
    noc.press("Enter");
    assert_snapshot!("merge_160x45", noc.picture());
    noc.press("y");
    assert_eq!(noc.word(2035), "cancelled");
    assert_eq!(noc.incident(2034).absorbed.len(), 1);
    noc.press("u");
    assert_ne!(noc.word(2035), "cancelled");
    assert!(noc.incident(2034).absorbed.is_empty());
}

#[rstest]
#[case("y Enter", Cmd::Copy("INC-2035".to_owned()))]
#[case("y c o m m a n d Enter", Cmd::Copy("atalaya INC-2035".to_owned()))]
#[case("o g r a p h Enter", Cmd::OpenLink("https://prom.example/graph?g0.expr=TooManyConnections".to_owned()))]
fn what_is_under_the_cursor_can_be_copied_and_opened(#[case] keys: &str, #[case] expect: Cmd) {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j");
    noc.press(keys);
    assert_eq!(noc.asked, [expect]);
}

#[rstest]
#[case::panel("")]
#[case::page("Enter")]
fn what_looks_like_a_link_is_one_and_runbooks_of_alerts_are_shown(#[case] keys: &str) {
    let mut noc = Noc::busy(WIDE);
    let mut full = alert("alertname=DiskFull service=billing severity=critical", "full", noc.now);
    let runbook = "https://wiki.example/disk-full";
    full.annotations = [("runbook_url", runbook), ("runbook", "call the data centre")]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
    noc.alerts("am", &[full]);
    noc.press("/");
    noc.type_text(" service:billing");
    noc.press("Enter");
    noc.press(keys);
    let picture = noc.picture();
    assert!(picture.contains("runbook  call the data centre"), "{picture}");
    let links = noc.links();
    let leads = |text: &str, to: &str| links.contains(&(text.to_owned(), to.to_owned()));
    assert!(leads(runbook, runbook), "{links:?}\n{picture}");
    assert!(leads("graph of DiskFull", "https://prom.example/graph?g0.expr=DiskFull"), "{links:?}");
    noc.press("o r u n b o o k Enter");
    assert_eq!(noc.asked, [Cmd::OpenLink(runbook.to_owned())]);
}

#[rstest]
#[case::one_line_each(WIDE)]
#[case::two_lines_each((80, 24))]
fn a_click_moves_the_cursor_and_one_on_its_row_opens_it(#[case] size: (u16, u16)) {
    let mut noc = Noc::busy(size);
    noc.press("2 g g");
    let y = noc.picture().lines().position(|l| l.contains("INC-2034")).unwrap() as u16;
    let click = Mouse { kind: MouseKind::Down(0), x: 20, y, mods: Mods::NONE };
    noc.tell(Msg::Input(InputEvent::Mouse(click)));
    assert!(on_row(&noc, 2034), "{}", noc.picture());
    noc.tell(Msg::Input(InputEvent::Mouse(click)));
    assert!(noc.picture().contains("╭ INC-2034"), "{}", noc.picture());
}

#[test]
fn sorting_keeps_the_cursor_on_its_incident() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j s s e r v Enter");
    assert!(noc.picture().contains("sort service, priority"), "{}", noc.picture());
    assert!(on_row(&noc, 2035), "{}", noc.cursor_line());
    noc.press("s s e r v Enter");
    assert!(noc.picture().contains("sort -service, priority"), "{}", noc.picture());
}

#[test]
fn a_saved_view_is_one_list_away_and_escape_leads_back() {
    let mut noc = Noc::busy(WIDE);
    noc.press("v m i n e Enter");
    assert!(noc.picture().contains("‹mine›"), "{}", noc.picture());
    assert!(noc.picture().contains("1–1 of 1"), "{}", noc.picture());
    noc.press("Esc");
    assert!(noc.picture().contains("1–5 of 5"), "{}", noc.picture());
}

#[test]
fn what_is_snoozed_leaves_the_queue_and_is_counted_there_until_its_view_shows_it() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j j Z Enter k");
    assert!(!noc.picture().lines().take(20).any(|l| l.contains("INC-2034")), "{}", noc.picture());
    assert!(noc.picture().contains("1 snoozed"), "{}", noc.picture());
    noc.press("v s n o o z Enter");
    assert!(noc.cursor_line().contains("INC-2034"), "{}", noc.picture());
    assert!(noc.picture().contains("‹snoozed›"), "{}", noc.picture());
}

#[test]
fn a_view_brings_its_own_order_and_escape_gives_back_the_one_before() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g s s e r v Enter v f o r g o t Enter");
    assert!(noc.picture().contains("sort acknowledged, priority"), "{}", noc.picture());
    assert!(noc.picture().contains("None of 8 incidents matches"), "{}", noc.picture());
    noc.press("Esc");
    assert!(noc.picture().contains("sort service, priority"), "{}", noc.picture());
    assert!(!noc.picture().contains("ACKED"), "{}", noc.picture());
}

#[test]
fn any_set_of_columns_can_be_chosen() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g d");
    assert_snapshot!("columns_picker_160x45", noc.picture());
    noc.press("w a i t s Enter a c k n Enter w h o Enter Esc");
    assert!(noc.picture().contains("WAITS FOR"), "{}", noc.picture());
    assert!(noc.picture().contains("ACKED") && !noc.picture().contains("WHO"));
    assert_snapshot!("columns_chosen_160x45", noc.picture());
}

#[test]
fn what_is_shown_is_saved_under_a_name_for_everybody_and_written_over_only_when_asked() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g z s s e r v Enter : s a v e space v i e w Enter");
    noc.type_text("by service");
    noc.press("Enter");
    noc.type_text("everybody");
    noc.press("Enter");
    assert!(noc.footer().contains("view \"by service\" saved for everybody"), "{}", noc.footer());
    assert!(noc.picture().contains("‹by service›"), "{}", noc.picture());
    noc.press("Esc / Ctrl-u");
    noc.type_text("p:1");
    noc.press("Enter v");
    assert_snapshot!("view_picker_160x45", noc.picture());
    noc.press("b y space Enter");
    assert!(noc.picture().contains("by service  ‹by service›"), "{}", noc.picture());
    // The same name again asks first.
    noc.press("/ Ctrl-u");
    noc.type_text("p:1..2");
    noc.press("Enter : s a v e space v i e w Enter Enter Enter");
    assert!(noc.picture().contains("shared a view \"by service\""), "{}", noc.picture());
    assert_snapshot!("view_over_160x45", noc.picture());
    noc.press("y");
    assert!(noc.footer().contains("saved for everybody"), "{}", noc.footer());
    noc.press(": d e l e t e space v i e w Enter Enter y");
    assert!(noc.footer().contains("view \"by service\" deleted for everybody"), "{}", noc.footer());
    noc.press("u");
    assert!(noc.footer().contains("is not taken back"), "{}", noc.footer());
}

#[test]
fn a_view_of_ones_own_is_kept_outside_and_listed_once_it_was_read() {
    let mut noc = Noc::busy((80, 24));
    noc.press(": s a v e space v i e w Enter");
    noc.type_text("desk");
    assert_snapshot!("save_view_80x24", noc.picture());
    noc.press("Enter Enter");
    let kept = noc.asked.iter().find_map(|cmd| match cmd {
        Cmd::OwnView(OwnChange::Save(view)) => Some(view.clone()),
        _ => None,
    });
    let kept = kept.unwrap();
    assert_eq!(kept.sort.as_ref().unwrap().to_string(), "priority, age");
    let wrong = vec!["views.toml:9: a view needs a name; correct it".to_owned()];
    noc.tell(Msg::Views(OwnViews { views: vec![kept], wrong }));
    assert!(noc.footer().contains("views.toml:9"), "{}", noc.footer());
    noc.press("v");
    assert!(noc.picture().contains("desk"), "{}", noc.picture());
    assert_snapshot!("view_picker_80x24", noc.picture());
}

#[test]
fn a_view_without_a_name_or_with_the_name_of_another_is_not_saved() {
    let mut noc = Noc::busy(WIDE);
    noc.press(": s a v e space v i e w Enter Enter Enter");
    assert!(noc.picture().contains("a view needs a name"), "{}", noc.picture());
    noc.type_text("open");
    noc.press("Enter Enter");
    assert!(noc.picture().contains("every console has"), "{}", noc.picture());
}

#[test]
fn the_past_that_is_like_an_incident_is_told_and_can_be_opened() {
    let mut noc = Noc::busy(WIDE);
    let report = |noc: &mut Noc, title: &str| {
        let report = Report {
            service: Some(ServiceId::new("mail")),
            title: title.to_owned(),
            text: String::new(),
            impact: None,
            urgency: None,
            category: String::new(),
        };
        let outcomes = noc.ask(ME, Command::Report(report));
        assert!(outcomes[0].verdict.is_done(), "{}", outcomes[0].verdict);
    };
    report(&mut noc, "queue of the relay grows");
    noc.pass(600);
    let cause = "a full disk".to_owned();
    let findings = Findings { code: "fixed".to_owned(), cause };
    noc.act(ME, 2039, Action::Resolve { reason: String::new(), findings, force: true });
    noc.pass(3_600);
    report(&mut noc, "the relay's queue grows again");
    noc.tell(Msg::Go(Place::Incident(IncidentId(2040))));
    assert!(noc.picture().contains("took 10m  fixed: a full disk"), "{}", noc.picture());
    assert_snapshot!("similar_160x45", noc.picture());
    noc.press("l l Enter");
    assert!(noc.picture().contains("╭ INC-2039"), "{}", noc.picture());
}

#[test]
fn a_group_folds_to_its_first_incident() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g z z z z z");
    assert!(noc.picture().contains("by owner"), "{}", noc.picture());
    noc.press("G h");
    assert!(noc.picture().contains("folded"), "{}", noc.picture());
    assert_snapshot!("folded_by_owner_160x45", noc.picture());
    noc.press("l");
    assert!(!noc.picture().contains("folded"), "{}", noc.picture());
}

#[test]
fn rows_are_grouped_by_service_and_team() {
    let mut noc = Noc::busy((120, 35));
    noc.press("g g z z");
    assert_snapshot!("grouped_by_team_120x35", noc.picture());
}

#[test]
fn an_empty_queue_never_claims_that_all_is_well_while_a_source_is_away() {
    let mut noc = Noc::quiet((120, 35));
    assert!(noc.picture().contains("Nothing is open."));
    noc.sources(&[("prom-dc1", atalaya::domain::observation::SourceState::Late)]);
    let picture = noc.picture();
    assert!(!picture.contains("Nothing is open."), "{picture}");
    assert!(picture.contains("prom-dc1 does not answer: there may be more."), "{picture}");
}

#[test]
fn the_history_of_another_incident_is_never_shown() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j");
    let other = noc.log().iter().filter(|e| e.incident == IncidentId(2038)).cloned().collect();
    noc.tell(Msg::Timeline { id: IncidentId(2038), events: Ok(other) });
    assert!(!noc.picture().contains("pool exhausted"), "{}", noc.picture());
    noc.tell(Msg::Timeline { id: IncidentId(2035), events: Err("the store is busy".to_owned()) });
    assert!(noc.picture().contains("the history cannot be read: the store is busy"));
}

#[test]
fn times_are_written_as_the_person_chose() {
    let mut noc = Noc::busy((120, 35));
    noc.press("g g t");
    assert!(noc.cursor_line().contains("13:58:02"), "{}", noc.cursor_line());
    noc.press("t");
    assert!(noc.cursor_line().contains("12:58:02Z"), "{}", noc.cursor_line());
}

#[rstest]
#[case("160x45", (160, 45))]
#[case("120x35", (120, 35))]
#[case("80x24", (80, 24))]
#[case("44x10", (44, 10))]
#[case("1x1", (1, 1))]
fn the_queue_at_every_size(#[case] name: &str, #[case] size: (u16, u16)) {
    let mut noc = Noc::busy(size);
    noc.press("g g j l Space");
    assert_snapshot!(format!("queue_{name}"), noc.picture());
}

#[rstest]
#[case("dark", "atalaya-dark", Depth::All, Glyphs::Unicode)]
#[case("terminal_16", "terminal", Depth::Ansi16, Glyphs::Unicode)]
#[case("mono", "mono", Depth::Off, Glyphs::Unicode)]
#[case("ascii", "mono", Depth::Off, Glyphs::Ascii)]
fn the_queue_in_every_depth(
    #[case] name: &str,
    #[case] theme: &str,
    #[case] depth: Depth,
    #[case] glyphs: Glyphs,
) {
    let mut noc = Noc::busy((120, 35)).with_theme(theme, depth, glyphs);
    noc.press("g g j l Space");
    let buf = noc.draw();
    assert_snapshot!(
        format!("queue_120x35_{name}"),
        format!("{}\n{}", crate::noc::text(&buf), styles(&buf))
    );
}

#[test]
fn only_ascii_is_drawn_where_only_ascii_can_be() {
    let mut noc = Noc::busy((120, 35)).with_theme("mono", Depth::Off, Glyphs::Ascii);
    for keys in ["g g j l Space", "Enter", "Tab", "Tab", "Esc /", "Esc z", "s"] {
        noc.press(keys);
        let picture = noc.picture();
        let foreign: Vec<char> = picture.chars().filter(|c| !c.is_ascii()).collect();
        let data = ['á', 'ñ'];
        assert!(foreign.iter().all(|c| data.contains(c)), "after {keys}: {foreign:?}\n{picture}");
    }
}

#[rstest]
#[case("160x45", (160, 45))]
#[case("80x24", (80, 24))]
fn one_incident_fills_the_screen(#[case] name: &str, #[case] size: (u16, u16)) {
    let mut noc = Noc::busy(size);
    noc.tell(Msg::Go(Place::Incident(IncidentId(2036))));
    let mut pages = noc.picture();
    let turns = if size.0 > 110 { 3 } else { 4 };
    for _ in 0..turns {
        noc.press("Tab");
        pages.push_str(&noc.picture());
    }
    assert_snapshot!(format!("incident_{name}"), pages);
}

#[test]
fn where_there_is_room_the_page_shows_how_the_worst_signals_went_when_it_opened() {
    let mut bench = Bench::new(world(), 160, 45, DEFAULT);
    bench.tell(Msg::Go(Place::Incident(IncidentId(2041))));
    assert_snapshot!("incident_with_charts_160x45", bench.text());
    for size in [(160, 24), (100, 30), (80, 24)] {
        let mut narrow = Bench::new(world(), size.0, size.1, DEFAULT);
        narrow.tell(Msg::Go(Place::Incident(IncidentId(2041))));
        assert!(narrow.text().contains("p99 latency  281 ms at"), "{}", narrow.text());
    }
    let mut low = Bench::new(world(), 160, 16, DEFAULT);
    low.tell(Msg::Go(Place::Incident(IncidentId(2041))));
    assert!(!low.text().contains(" now "), "{}", low.text());
}

#[test]
fn what_is_marked_out_of_sight_is_named_before_anything_happens_to_it() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j Space");
    let marked = noc.word(2035);
    noc.press("/ Ctrl-u");
    noc.type_text("id:2031");
    noc.press("Enter a");
    assert_eq!(noc.word(2035), marked, "nothing happens yet");
    let picture = noc.picture();
    assert!(picture.contains("out of view") && picture.contains("INC-2035"), "{picture}");
    noc.press("y");
    assert_eq!(noc.word(2035), "ack");
}

#[test]
fn a_length_that_is_typed_is_meant_as_it_is_typed() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j Z");
    noc.type_text("3m");
    noc.press("Enter");
    assert!(noc.picture().contains("for another 3m"), "{}", noc.picture());
}

#[test]
fn a_survivor_offers_what_can_be_split_off() {
    let mut noc = Noc::busy(WIDE);
    noc.press("g g j :");
    noc.type_text("merge");
    noc.press("Enter");
    noc.type_text("INC-2034");
    noc.press("Enter y");
    noc.tell(Msg::Go(Place::Incident(IncidentId(2034))));
    noc.press(":");
    noc.type_text("split");
    noc.press("Enter");
    assert!(noc.picture().contains("Split off INC-2034"), "{}", noc.picture());
    noc.press("Enter Enter");
    assert_ne!(noc.word(2035), "cancelled");
}
