//! The Reports tab: what keys do, and how it looks.

use std::sync::Arc;

use atalaya::domain::command::Command;
use atalaya::domain::incident::{Actor, IncidentId};
use atalaya::domain::log::Recorded;
use atalaya::domain::report::event::{HandoverId, Party, ReportId, ShiftKey, Turn};
use atalaya::domain::report::{
    Command as Ask, Coverage, Document, Event, Reports, Scope, document,
};
use atalaya::engine::Snapshot;
use atalaya::ui::{Cmd, Msg};
use chrono::TimeDelta;
use insta::assert_snapshot;
use rstest::rstest;

use crate::support::{ASCII, Bench, DEFAULT, Look, MONO, now, part, staffed, world};

fn party(id: &str, name: &str) -> Party {
    Party { name: name.to_owned(), person: Some(id.into()) }
}

fn paper(kind: document::Kind) -> Document {
    Document {
        format: document::FORMAT,
        kind,
        number: "HO-1".to_owned(),
        revision: None,
        site: "acme-noc".to_owned(),
        zone: "Europe/Madrid".to_owned(),
        from: now() - TimeDelta::hours(20),
        to: now() - TimeDelta::hours(12),
        made_at: now() - TimeDelta::hours(12),
        head: Vec::new(),
        sections: Vec::new(),
    }
}

/// One that was accepted yesterday, and a report of October.
fn past() -> Vec<Event> {
    let turn = Turn {
        key: ShiftKey { schedule: "core".into(), from: now() - TimeDelta::hours(60) },
        to: now() - TimeDelta::hours(50),
        outgoing: party("luis", "Luis Peña"),
        incoming: Some(party("ana", "Ana Ruiz")),
    };
    let document = Box::new(paper(document::Kind::Handover));
    let coverage = Coverage {
        from: "2026-09-30T22:00:00Z".parse().unwrap(),
        to: "2026-10-31T23:00:00Z".parse().unwrap(),
        scope: Scope::All,
    };
    vec![
        Event::HandoverSubmitted {
            id: HandoverId(1),
            turn: Box::new(turn),
            by: party("luis", "Luis Peña"),
            document: document.clone(),
        },
        Event::HandoverAccepted {
            id: HandoverId(1),
            by: party("ana", "Ana Ruiz"),
            document,
            incidents: vec![IncidentId(2036)],
            despite: Vec::new(),
        },
        Event::ReportIssued {
            id: ReportId(1),
            revision: 1,
            coverage: Box::new(coverage),
            plan: String::new(),
            document: Box::new(paper(document::Kind::Service)),
        },
    ]
}

fn folded(events: Vec<Event>) -> Reports {
    let mut reports = Reports::default();
    for (position, body) in (1..).zip(events) {
        let actor = Actor::person("ana");
        reports.apply(&Recorded { position, at: now() - TimeDelta::hours(50), actor, body });
    }
    reports
}

fn with(mut events: Vec<Event>) -> Snapshot {
    let mut all = past();
    all.append(&mut events);
    let mut world = staffed(world());
    world.reports = part(folded(all));
    world
}

fn bench_of(world: Snapshot, size: (u16, u16), look: Look) -> Bench {
    let mut bench = Bench::new(world, size.0, size.1, look);
    bench.press("7");
    bench
}

fn bench(size: (u16, u16)) -> Bench {
    let step = Event::NextStepSet {
        incident: IncidentId(2041),
        text: "raise max_conn once more, then ask the database team".to_owned(),
    };
    bench_of(with(vec![step]), size, DEFAULT)
}

/// What was asked of the engine about reports.
fn asked(bench: &mut Bench) -> Vec<Ask> {
    let report = |cmd| match cmd {
        Cmd::Ask(Command::Reports(ask)) => Some(ask),
        _ => None,
    };
    std::mem::take(&mut bench.cmds).into_iter().filter_map(report).collect()
}

/// The turn that the console hands over.
fn turn(bench: &mut Bench) -> Turn {
    bench.press("L y");
    match asked(bench).as_slice() {
        [Ask::Submit { turn, .. }] => (**turn).clone(),
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case::small(80, 24)]
#[case::medium(120, 35)]
#[case::large(160, 45)]
#[case::tiny(1, 1)]
#[case::huge(500, 200)]
fn it_looks_right_at_every_size(#[case] width: u16, #[case] height: u16) {
    assert_snapshot!(format!("reports-{width}x{height}"), bench((width, height)).text());
}

#[rstest]
#[case::default("default", DEFAULT)]
#[case::mono("mono", MONO)]
#[case::ascii("ascii", ASCII)]
fn it_looks_right_in_every_style(#[case] name: &str, #[case] look: Look) {
    let bench = bench_of(with(Vec::new()), (120, 35), look);
    assert_snapshot!(format!("reports-style-{name}"), bench.picture());
}

#[rstest]
#[case::small("80x24", (80, 24))]
#[case::large("160x45", (160, 45))]
fn a_document_is_read_over_the_whole_width(#[case] name: &str, #[case] size: (u16, u16)) {
    let mut bench = bench(size);
    bench.press("Enter");
    assert_snapshot!(format!("reports-read-{name}"), bench.text());
    bench.press("G");
    assert_snapshot!(format!("reports-read-end-{name}"), bench.text());
    bench.press("Esc");
    assert!(bench.text().contains("TURNS"));
}

#[test]
fn the_palette_opens_the_turn_that_runs() {
    let mut bench = Bench::new(with(Vec::new()), 120, 35, DEFAULT);
    bench.press(":");
    bench.type_text("handover");
    bench.press("Enter");
    let text = bench.text();
    assert!(text.contains("Shift handover (draft)") && text.contains("State now"), "{text}");
}

#[test]
fn notes_are_gone_on_with_and_say_which_version_was_seen() {
    let mut bench = bench((120, 35));
    let turn = turn(&mut bench);
    let noted = Event::HandoverNoted { shift: turn.key, notes: "call".to_owned() };
    bench.tell(Msg::World(Arc::new(with(vec![noted]))));
    bench.press("n");
    bench.type_text(" the supplier");
    assert_snapshot!("reports-notes", bench.text());
    bench.press("Ctrl-s");
    let asked = asked(&mut bench);
    let [Ask::Note { notes, seen, .. }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((notes.as_str(), *seen), ("call the supplier", 4));
}

#[test]
fn the_line_of_an_incident_opens_it_and_takes_its_next_step() {
    let mut bench = bench((160, 45));
    bench.press("Enter");
    let mut steps = 0;
    while !bench.text().lines().any(|l| l.contains("2040") && l.contains("db-main")) && steps < 60 {
        bench.press("j");
        steps += 1;
    }
    // Down to the first line on which there is a next step to write.
    let mut found = false;
    for _ in 0..60 {
        bench.press("J");
        if bench.text().contains("Next step of INC-") {
            found = true;
            break;
        }
        bench.press("j");
    }
    assert!(found, "{}", bench.text());
    bench.press("Ctrl-u");
    bench.type_text("!");
    bench.press("Enter");
    let asked = asked(&mut bench);
    let [Ask::NextStep { incident, .. }] = asked.as_slice() else { panic!("{asked:?}") };
    let opened = *incident;
    bench.press("Enter");
    let text = bench.text();
    assert!(text.contains(&opened.to_string()) && !text.contains("Shift handover"), "{text}");
}

#[test]
fn handing_over_names_what_is_missing_and_accepting_what_goes_over() {
    let mut bench = bench((120, 35));
    bench.press("L");
    assert_snapshot!("reports-hand-over", bench.text());
    bench.press("y");
    let asked_for = asked(&mut bench);
    let [Ask::Submit { turn, document, force: true }] = asked_for.as_slice() else {
        panic!("{asked_for:?}")
    };
    let submitted = Event::HandoverSubmitted {
        id: HandoverId(2),
        turn: turn.clone(),
        by: turn.outgoing.clone(),
        document: document.clone(),
    };
    bench.tell(Msg::World(Arc::new(with(vec![submitted]))));
    assert!(bench.text().contains("HO-2 to accept"), "{}", bench.text());
    bench.press("Y");
    assert!(bench.text().contains("HO-2 is not read yet"), "{}", bench.text());
    let mut paper = (**document).clone();
    paper.number = "HO-2".to_owned();
    bench.tell(Msg::Document { name: "HO-2".to_owned(), found: Ok(Some(paper)) });
    let text = bench.text();
    assert!(text.contains("Shift handover HO-2") && text.contains("Since the signature"), "{text}");
    bench.press("Y");
    assert_snapshot!("reports-accept", bench.text());
    bench.press("y");
    let asked_for = asked(&mut bench);
    let [Ask::Accept { id, seen, takes, force: true, .. }] = asked_for.as_slice() else {
        panic!("{asked_for:?}")
    };
    assert_eq!((*id, *seen), (HandoverId(2), 4));
    assert!(takes.is_empty(), "nothing was named: {takes:?}");
}

#[test]
fn tab_reads_the_document_beside_the_list_and_enter_takes_the_whole_width() {
    let mut bench = bench((160, 45));
    let first = bench.text();
    bench.press("Tab");
    bench.press("Ctrl-d");
    bench.press("Ctrl-d");
    let beside = bench.text();
    assert!(beside.contains("TURNS") && beside != first, "{beside}");
    bench.press("Tab");
    bench.press("Enter");
    assert!(!bench.text().contains("TURNS"));
    bench.press("Esc");
    assert!(bench.text().contains("TURNS"));
}

#[test]
fn a_frozen_document_is_asked_for_once_and_shown() {
    let mut bench = bench((160, 45));
    bench.press("G");
    let wanted = |bench: &mut Bench| -> Vec<String> {
        let name = |cmd| match cmd {
            Cmd::Document(name) => Some(name),
            _ => None,
        };
        std::mem::take(&mut bench.cmds).into_iter().filter_map(name).collect()
    };
    assert_eq!(wanted(&mut bench), ["SR-1.1"]);
    bench.wait(1);
    assert!(wanted(&mut bench).is_empty());
    let mut document = paper(document::Kind::Service);
    document.number = "SR-1".to_owned();
    let found = Ok(Some(document));
    bench.tell(Msg::Document { name: "SR-1.1".to_owned(), found });
    assert!(bench.text().contains("Service report SR-1"), "{}", bench.text());
    bench.press("k");
    assert_eq!(wanted(&mut bench), ["HO-1"]);
    bench
        .tell(Msg::Document { name: "HO-1".to_owned(), found: Err("the disk is away".to_owned()) });
    assert!(bench.text().contains("the disk is away"));
}
