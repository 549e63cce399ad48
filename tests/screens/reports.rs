//! The Reports tab: what keys do, and how it looks.

use std::sync::Arc;

use atalaya::domain::command::{Command, Outcome};
use atalaya::domain::incident::{Actor, IncidentId};
use atalaya::domain::log::Recorded;
use atalaya::domain::report::event::{HandoverId, Party, ReportId, ShiftKey, Turn};
use atalaya::domain::report::{
    self, Command as Ask, Coverage, Document, Event, Reports, Scope, document,
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
        locale: None,
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

fn cmd(bench: &mut Bench, is: impl Fn(&Cmd) -> bool) -> Cmd {
    std::mem::take(&mut bench.cmds)
        .into_iter()
        .find(|c| is(c))
        .unwrap_or_else(|| panic!("it was asked for"))
}

/// A service report with one figure that counts two incidents.
fn report(value: u64) -> Document {
    use document::{Block, Datum, Fact, KeyFigure, Section};
    use report::Word;
    let ids = vec!["INC-2040".to_owned(), "INC-2041".to_owned()];
    let figures = vec![KeyFigure::new(Word::Opened, Datum::Count(value), 2, ids)];
    Document {
        number: String::new(),
        locale: Some(report::Locale::Spanish),
        made_at: now(),
        head: vec![Fact { label: Word::Site.into(), value: Datum::plain("acme-noc") }],
        sections: vec![Section::new(Word::Summary, vec![Block::Figures(figures)])],
        ..paper(document::Kind::Service)
    }
}

#[rstest]
#[case::the_snapshot_comes_first(false)]
#[case::the_answer_comes_first(true)]
fn a_report_is_made_shown_in_its_language_and_issued_after_a_question(#[case] answer_first: bool) {
    let mut bench = bench((120, 35));
    bench.press("N");
    assert_snapshot!("reports-make", bench.text());
    bench.press("Tab Tab Down Enter");
    let Cmd::Draft(ask) = cmd(&mut bench, |c| matches!(c, Cmd::Draft(_))) else { panic!() };
    assert_eq!((ask.locale, ask.over), (report::Locale::Spanish, None));
    assert_eq!(ask.coverage.scope, Scope::All);
    bench.tell(Msg::Drafted(ask, Ok(Box::new(report(7)))));
    let text = bench.text();
    assert!(
        text.contains("NOT ISSUED") && text.contains("Informe de servicio (borrador)"),
        "{text}"
    );
    bench.press("I");
    assert_snapshot!("reports-issue", bench.text());
    bench.press("y");
    let asked = asked(&mut bench);
    let [Ask::Issue { over: None, document, coverage, .. }] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!((**document).clone(), report(7), "what was looked at is what is frozen");
    let command = Command::Reports(asked[0].clone());
    let issued = Event::ReportIssued {
        id: ReportId(2),
        revision: 1,
        coverage: coverage.clone(),
        plan: String::new(),
        document: document.clone(),
    };
    let verdict =
        atalaya::domain::command::Verdict::Done { said: "SR-2 issued".into(), also: vec![] };
    let world = Msg::World(Arc::new(with(vec![issued])));
    let answer = Msg::Answered { command, outcomes: vec![Outcome { id: None, verdict }] };
    let mut news = [world, answer];
    if answer_first {
        news.reverse();
    }
    for msg in news {
        bench.tell(msg);
    }
    let text = bench.text();
    assert!(!text.contains("NOT ISSUED") && text.contains("SR-2"), "{text}");
    assert!(
        matches!(cmd(&mut bench, |c| matches!(c, Cmd::Document(_))), Cmd::Document(name) if name == "SR-2.1")
    );
}

#[test]
fn the_next_revision_is_looked_at_before_it_is_issued_and_says_how_much_differs() {
    use document::{Block, Datum, Section, Table};
    use report::Word;
    let mut bench = bench((120, 35));
    bench.press("G I");
    let Cmd::Draft(ask) = cmd(&mut bench, |c| matches!(c, Cmd::Draft(_))) else { panic!() };
    assert_eq!(ask.over, Some(ReportId(1)));
    let mut table = Table::new(Word::Differences, &[Word::What, Word::Was, Word::Is]);
    table.row(vec![Datum::word(Word::Opened), Datum::Count(7), Datum::Count(6)], Vec::new());
    let mut next = report(6);
    next.sections.insert(0, Section::new(Word::Differences, vec![Block::Table(table)]));
    bench.tell(Msg::Drafted(ask, Ok(Box::new(next))));
    assert!(bench.text().contains("Diferencias con la revisión anterior"), "{}", bench.text());
    bench.press("I");
    let text = bench.text();
    assert!(text.contains("Issue SR-1 again?") && text.contains("1 figure otherwise"), "{text}");
    bench.press("y");
    assert!(matches!(asked(&mut bench).as_slice(), [Ask::Issue { over: Some(ReportId(1)), .. }]));
}

#[test]
fn a_document_is_saved_in_a_format_and_a_language_of_choice() {
    let mut bench = bench((120, 35));
    bench.press("N Enter Enter Enter");
    let Cmd::Draft(ask) = cmd(&mut bench, |c| matches!(c, Cmd::Draft(_))) else { panic!() };
    bench.tell(Msg::Drafted(ask, Ok(Box::new(report(7)))));
    bench.press("P");
    assert_snapshot!("reports-save", bench.text());
    bench.press("Up Enter Up Enter Ctrl-u");
    bench.type_text("/tmp/november");
    bench.press("Enter");
    let Cmd::Save { path, text } = cmd(&mut bench, |c| matches!(c, Cmd::Save { .. })) else {
        panic!()
    };
    assert_eq!(path, "/tmp/november.md");
    assert!(text.starts_with("# Service report (draft)"), "{text}");
}

#[test]
fn the_records_of_a_figure_are_one_key_away() {
    let mut bench = bench((120, 35));
    bench.press("N Enter Enter Enter");
    let Cmd::Draft(ask) = cmd(&mut bench, |c| matches!(c, Cmd::Draft(_))) else { panic!() };
    bench.tell(Msg::Drafted(ask, Ok(Box::new(report(2)))));
    bench.press("Enter j j j Enter");
    let text = bench.text();
    assert!(text.contains("2 incidents") && text.contains("INC-2040"), "{text}");
}

#[test]
fn keys_that_mean_nothing_here_say_what_to_do_instead() {
    let mut bench = bench((120, 35));
    let mut says = |keys: &str, what: &str| {
        bench.press(keys);
        assert!(bench.text().contains(what), "{keys}: {}", bench.text());
    };
    says("Y", "nothing to accept yet: Luis Peña hands over first, with L");
    says("J", "go to the line of an incident first");
    says("I", "go to a report first; N makes one");
    says("G Y", "a report is not accepted; I issues it");
    says("L", "go to a turn under TURNS first");
}
