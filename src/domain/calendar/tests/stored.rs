//! The stored form of events: what is written once is read for ever.

use serde_json::{Value, json};

use super::super::prompts::Prompt;
use super::*;
use crate::domain::matcher::Matchers;

fn full_window() -> Window {
    let mut window = window("WIN-1", Kind::RestoreTest, "2026-11-24 22:00", 2);
    window.summary = "Restore test".into();
    window.recurrence.also = vec![local("2026-12-01 22:00")];
    window.recurrence.except = vec![local("2026-11-24 22:00")];
    window.scope.matchers = vec![Matchers::parse(r#"rack=~"r[78]""#).unwrap()];
    window.flexible = Some(Length::minutes(30));
    window.amended.insert(local("2026-12-01 22:00"), Amendment::Cancelled);
    window.change = Some("CHG-7".into());
    window.owner = Some("luis".into());
    window.checklist = vec![Item { text: "rows".into(), unit: Some("rows/s".into()) }];
    window.back_out = Some(BackOut { plan: "drop it".into(), decide_after: 600 });
    window
}

#[test]
fn a_window_is_stored_in_these_words() {
    let event = CalendarEvent::WindowAdded { window: Box::new(full_window()) };
    let expect = json!({
        "kind": "window_added",
        "window": {
            "id": "WIN-1",
            "kind": "restore_test",
            "summary": "Restore test",
            "scope": { "services": ["checkout"], "matchers": ["rack=~\"r[78]\""] },
            "recurrence": {
                "dtstart": "2026-11-24T22:00:00",
                "tzid": "Europe/Madrid",
                "rdate": ["2026-12-01T22:00:00"],
                "exdate": ["2026-11-24T22:00:00"],
            },
            "length": { "seconds": 7200 },
            "flexible": { "seconds": 1800 },
            "amended": { "2026-12-01T22:00:00": "cancelled" },
            "change": "CHG-7",
            "change_type": "normal",
            "owner": "luis",
            "checklist": [{ "text": "rows", "unit": "rows/s" }],
            "back_out": { "plan": "drop it", "decide_after": 600 },
            "mutes": true,
            "sla_relevant": true,
        },
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), expect);
    assert_eq!(serde_json::from_value::<CalendarEvent>(expect).unwrap(), event);
}

#[test]
fn every_kind_of_event_comes_back_as_it_was_written() {
    let key = key("WIN-1", "2026-11-24 22:00");
    let window = || Box::new(full_window());
    let id = || key.window.clone();
    let exception = FreezeException {
        window: id(),
        approver: "ana".into(),
        reason: "a hole".into(),
        expires: at("2026-11-24 23:00"),
    };
    let record = Record {
        moved: Some(Moved { start: local("2026-11-25 22:00"), length: Some(Length::days(1)) }),
        started: Some(Stamp {
            by: "luis".into(),
            at: at("2026-11-25 22:00"),
            automatic: false,
            reason: String::new(),
        }),
        checks: vec![Check {
            item: 0,
            result: CheckResult::Value { value: 4.5 },
            note: "slow".into(),
            by: "luis".into(),
            at: at("2026-11-25 22:10"),
        }],
        asked: [(Prompt::EndsSoon, at("2026-11-25 23:50"))].into(),
        ..Record::default()
    };
    let reason = || "because".to_owned();
    let key = || key.clone();
    let (code, at) = (ClosureCode::BackedOut, at("2026-11-24 23:00"));
    let moved = Moved { start: local("2026-11-25 22:00"), length: None };
    let fail = CheckResult::Fail;
    let events = [
        CalendarEvent::WindowAdded { window: window() },
        CalendarEvent::WindowChanged { window: window() },
        CalendarEvent::WindowWithdrawn { window: id(), reason: reason() },
        CalendarEvent::WindowDeclared { window: window(), code, reason: reason() },
        CalendarEvent::WindowRestored { window: id(), what: "changed".into() },
        CalendarEvent::FreezeExceptionAdded { freeze: id(), exception: exception.clone() },
        CalendarEvent::FreezeExceptionWithdrawn { freeze: id(), exception },
        CalendarEvent::OccurrenceApproved { key: key(), terms: Some("update".to_owned()) },
        CalendarEvent::OccurrenceStarted { key: key() },
        CalendarEvent::OccurrenceExtended { key: key(), seconds: 1_800 },
        CalendarEvent::OccurrenceFinished { key: key(), ended: at, code, note: reason() },
        CalendarEvent::OccurrenceCancelled { key: key(), reason: reason() },
        CalendarEvent::OccurrenceMoved { key: key(), to: moved },
        CalendarEvent::OccurrenceChecked { key: key(), item: 1, result: fail, note: reason() },
        CalendarEvent::OccurrenceAsked { key: key(), prompt: Prompt::Overrun, due: at },
        CalendarEvent::OccurrenceUndone {
            key: key(),
            what: "moved".into(),
            record: Some(Box::new(record)),
        },
    ];
    for event in events {
        let text = serde_json::to_string(&event).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["kind"], event.kind());
        assert_eq!(event.window().0.as_ref(), "WIN-1");
        assert_eq!(serde_json::from_str::<CalendarEvent>(&text).unwrap(), event, "{text}");
    }
}

#[test]
fn an_occurrences_event_is_flat() {
    let event = CalendarEvent::OccurrenceChecked {
        key: key("WIN-1", "2026-11-24 22:00"),
        item: 1,
        result: CheckResult::Value { value: 31.5 },
        note: String::new(),
    };
    let expect = json!({
        "kind": "occurrence_checked",
        "window": "WIN-1",
        "original": "2026-11-24T22:00:00",
        "item": 1,
        "result": "value",
        "value": 31.5,
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), expect);
}

#[test]
fn a_matcher_or_a_zone_that_cannot_be_read_is_an_error() {
    let mut value = serde_json::to_value(full_window()).unwrap();
    value["recurrence"]["tzid"] = json!("Europe/Atlantis");
    assert!(serde_json::from_value::<Window>(value.clone()).is_err());
    value["recurrence"]["tzid"] = json!("Europe/Madrid");
    value["scope"]["matchers"] = json!(["rack"]);
    assert!(serde_json::from_value::<Window>(value).is_err());
}
