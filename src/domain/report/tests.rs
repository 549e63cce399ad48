//! Which turn is handed over, what a period is compared with, what a revision says.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::book::{Command, Desk};
use super::document::{Block, Datum, KeyFigure, Section};
use super::event::{HandoverId, Party, ShiftKey};
use super::handover::World;
use super::service::{Facts, Gathered, Watched, differences, period_before};
use super::*;
use crate::domain::calendar::Calendar;
use crate::domain::incident::Actor;
use crate::domain::log::Recorded;
use crate::domain::matcher::Labels;
use crate::domain::paging::Pages;
use crate::domain::roster::shifts::Imported;
use crate::domain::roster::{Layer, Roster, Rotation, Schedule, Turn as Length, Turns};
use crate::domain::sla::contract::ServiceLevels;
use crate::domain::time::{Instant, Interval, WeekHours};

const MADRID: Tz = Tz::Europe__Madrid;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

/// Ana and Luis take turns of 12 hours, from 9 and from 21 in Madrid.
fn schedule() -> Schedule {
    let rotation = Rotation {
        people: vec!["ana".into(), "luis".into()],
        start: "2026-01-05T09:00:00".parse().unwrap(),
        turn: Length::Hours(12),
        until: None,
    };
    Schedule {
        id: "core".into(),
        name: "Core".into(),
        team: None,
        zone: MADRID,
        layers: vec![Layer { name: "days".into(), turns: Turns::Rotation(rotation), hours: None }],
        coverage: WeekHours::default(),
        rest: chrono::TimeDelta::zero(),
    }
}

/// The turn to hand over at an instant, by who goes.
fn goes(reports: &Reports, now: &str) -> (Option<String>, Option<ShiftKey>) {
    let (roster, calendar, pages) = (Roster::default(), Calendar::default(), Pages::default());
    let (imported, levels) = (Imported::new(), ServiceLevels::default());
    let world = World {
        site: "test",
        roster: &roster,
        overrides: &[],
        imported: &imported,
        incidents: &[],
        calendar: &calendar,
        pages: &pages,
        reports,
        health: None,
        silences: None,
        levels: &levels,
        objectives: &[],
        sources: &[],
        blind: &[],
        now: at(now),
    };
    let turn = world.turn(&schedule(), at(now));
    (turn.as_ref().map(|t| t.outgoing.name.clone()), turn.map(|t| t.key))
}

#[test]
fn the_turn_that_just_ended_is_handed_over_until_it_is_accepted_or_hours_old() {
    let mut reports = Reports::default();
    let (running, _) = goes(&reports, "2026-01-05T15:00:00Z");
    assert_eq!(running.as_deref(), Some("ana"), "hours after the one before");
    let (ended, key) = goes(&reports, "2026-01-05T20:30:00Z");
    assert_eq!(ended.as_deref(), Some("ana"), "it ended at 20:00, half an hour ago");
    let key = key.unwrap();
    let turn = Turn {
        key,
        to: at("2026-01-05T20:00:00Z"),
        outgoing: Party { name: "ana".into(), person: Some("ana".into()) },
        incoming: Some(Party { name: "luis".into(), person: Some("luis".into()) }),
    };
    let empty = empty_document();
    let submit = Event::HandoverSubmitted {
        id: HandoverId(1),
        turn: Box::new(turn),
        by: Party::default(),
        document: Box::new(empty.clone()),
    };
    let accept = Event::HandoverAccepted {
        id: HandoverId(1),
        by: Party::default(),
        document: Box::new(empty),
        incidents: Vec::new(),
        despite: Vec::new(),
    };
    for (position, body) in [(1, submit), (2, accept)] {
        let (at, actor) = (at("2026-01-05T20:20:00Z"), Actor::person("luis"));
        reports.apply(&Recorded { position, at, actor, body });
    }
    let (running, _) = goes(&reports, "2026-01-05T20:30:00Z");
    assert_eq!(running.as_deref(), Some("luis"), "ana's is accepted");
    let (none, _) = goes(&reports, "2026-01-01T00:00:00Z");
    assert_eq!(none, None, "nobody was on call yet");
}

fn empty_document() -> Document {
    Document {
        format: document::FORMAT,
        kind: document::Kind::Service,
        number: String::new(),
        revision: None,
        locale: None,
        site: "test".into(),
        zone: "Europe/Madrid".into(),
        from: at("2026-10-31T23:00:00Z"),
        to: at("2026-11-30T23:00:00Z"),
        made_at: at("2026-12-01T08:00:00Z"),
        head: Vec::new(),
        sections: Vec::new(),
    }
}

#[test]
fn a_month_is_compared_with_the_month_before_and_a_week_with_the_week_before() {
    let november = Interval::new(at("2026-10-31T23:00:00Z"), at("2026-11-30T23:00:00Z"));
    let before = period_before(november, MADRID);
    assert_eq!(before, Interval::new(at("2026-09-30T22:00:00Z"), at("2026-10-31T23:00:00Z")));
    // The week in which clocks go back has an hour more than the one before.
    let week = Interval::new(at("2026-10-18T22:00:00Z"), at("2026-10-25T23:00:00Z"));
    let before = period_before(week, MADRID);
    assert_eq!(before, Interval::new(at("2026-10-11T22:00:00Z"), at("2026-10-18T22:00:00Z")));
}

#[test]
fn a_revision_names_what_it_says_otherwise_and_nothing_else() {
    let with = |n: u64, ms: i64| {
        let figures = vec![
            KeyFigure::new(Word::Opened, Datum::Count(n), n as usize, Vec::new()),
            KeyFigure::new(Word::Mttr, Datum::Length(ms), 3, Vec::new()),
        ];
        let section = Section::new(Word::Summary, vec![Block::Figures(figures)]);
        Document { sections: vec![section], ..empty_document() }
    };
    let told = |old: &Document, new: &Document| {
        let sections = vec![differences(old, new)];
        let next = Document { sections, ..empty_document() };
        render(&next, Format::Markdown, Locale::English)
    };
    let text = told(&with(3, 5_000), &with(2, 5_400));
    assert!(text.contains("| Summary, Opened, Value | 3 | 2 |"), "{text}");
    assert!(!text.contains("MTTR"), "less than what is written is no difference: {text}");
    assert!(told(&with(3, 1), &with(3, 1)).contains("None of its figures changed."));
}

#[test]
fn a_report_of_nothing_has_no_figure_that_was_made_up_in_either_language() {
    let period = Interval::new(at("2026-10-31T23:00:00Z"), at("2026-11-30T23:00:00Z"));
    let coverage = Coverage { from: period.from, to: period.to, scope: Scope::All };
    let now = at("2026-12-01T08:00:00Z");
    let gathered = Gathered::new(period, MADRID, Vec::new(), Watched::default(), &[], None, now);
    let (roster, none) = (Roster::default(), BTreeMap::new());
    let document = gathered.document(Facts {
        site: "test",
        zone: MADRID,
        coverage: &coverage,
        roster: &roster,
        occurrences: &[],
        reclassified: &[],
        load: &BTreeMap::new(),
        pages: &none,
        more: Vec::new(),
        now,
    });
    for locale in [Locale::English, Locale::Spanish] {
        let text = render(&document, Format::Markdown, locale);
        let mttr = Word::Mttr.text(locale);
        assert!(text.contains(&format!("| {mttr} | — | — | 0 |")), "{text}");
        assert!(!text.contains(['{', '}']), "a place was not filled: {text}");
    }
    let text = render(&document, Format::Markdown, Locale::English);
    assert!(text.contains("| Availability | 100.0000\u{a0}% | 100.0000\u{a0}% | 0 |"), "{text}");
    assert!(document.section(Word::Attainment).is_none(), "nothing was agreed");
}

/// The report of November, with what was recorded from then on.
fn november(known_from: &str, pages: &[Option<u64>]) -> Document {
    november_of(known_from, pages, Watched::default())
}

fn november_of(known_from: &str, pages: &[Option<u64>], watched: Watched) -> Document {
    let period = Interval::new(at("2026-10-31T23:00:00Z"), at("2026-11-30T23:00:00Z"));
    let coverage = Coverage { from: period.from, to: period.to, scope: Scope::All };
    let now = at("2026-12-01T08:00:00Z");
    let known = Some(at(known_from));
    let gathered = Gathered::new(period, MADRID, Vec::new(), watched, &[], known, now);
    let about = pages.iter().map(|id| id.map(crate::domain::incident::IncidentId)).collect();
    gathered.document(Facts {
        site: "test",
        zone: MADRID,
        coverage: &coverage,
        roster: &Roster::default(),
        occurrences: &[],
        reclassified: &[],
        load: &BTreeMap::new(),
        pages: &BTreeMap::from([("ana".into(), about)]),
        more: Vec::new(),
        now,
    })
}

#[test]
fn a_period_before_anything_was_recorded_has_no_availability_and_says_why() {
    let told = |from| render(&november(from, &[]), Format::Markdown, Locale::English);
    let text = told("2026-11-28T10:00:00Z");
    assert!(text.contains("| Availability | 100.0000\u{a0}% | — | 0 |"), "{text}");
    assert!(text.contains("Nothing is known before 28 Nov 2026 11:00"), "{text}");
    assert!(told("2026-12-01T07:00:00Z").contains("| Availability | — | — | 0 |"));
    assert!(!told("2026-09-01T00:00:00Z").contains("Nothing is known before"));
}

#[test]
fn how_long_nobody_watched_is_said_and_of_no_figure() {
    let told = |from: &str, to: &str, locale| {
        let unwatched = [Interval::new(at(from), at(to))].into_iter().collect();
        let watched = Watched { unwatched, ..Watched::default() };
        render(&november_of("2026-09-01T00:00:00Z", &[], watched), Format::Markdown, locale)
    };
    let some = told("2026-11-03T10:00:00Z", "2026-11-03T16:30:00Z", Locale::English);
    assert!(some.contains("Nobody watched for 6h 30m of the period"), "{some}");
    assert!(some.contains("| Availability | 100.0000\u{a0}% | 100.0000\u{a0}% | 0 |"), "{some}");
    let all = told("2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z", Locale::Spanish);
    assert!(all.contains("Nadie vigiló durante 30d"), "{all}");
    assert!(all.contains("| Disponibilidad | — | 100,0000\u{a0}% | 0 |"), "{all}");
    let before = told("2026-10-03T10:00:00Z", "2026-10-03T16:30:00Z", Locale::English);
    assert!(!before.contains("Nobody watched"), "{before}");
}

#[test]
fn pages_name_what_they_were_about() {
    let all = november("2026-09-01T00:00:00Z", &[Some(7), None, Some(7), Some(3)]);
    let text = render(&all, Format::Csv, Locale::English);
    let line = text.lines().find(|l| l.contains("INC-3")).unwrap_or_default();
    assert!(line.contains('4') && line.contains("INC-7"), "{text}");
}

#[test]
fn what_changed_after_a_signature_stands_first_and_the_rest_as_it_was_signed() {
    let turn = Turn {
        key: ShiftKey { schedule: "core".into(), from: at("2026-01-05T08:00:00Z") },
        to: at("2026-01-05T20:00:00Z"),
        outgoing: Party { name: "ana".into(), person: None },
        incoming: None,
    };
    let by = Party { name: "ana".into(), person: None };
    let signed = super::book::Signed { by, at: at("2026-01-05T19:00:00Z") };
    let known = super::book::Handover {
        id: HandoverId(1),
        turn,
        submitted: Some(signed),
        accepted: None,
        incidents: Vec::new(),
        version: 1,
    };
    let notes = Section::new(Word::Notes, vec![Block::Quote("as signed".into())]);
    let paper = Document { sections: vec![notes], ..empty_document() };
    let (early, late) = (incident(1, "2026-01-05T18:59:00Z"), incident(2, "2026-01-05T19:01:00Z"));
    let shown = handover::signed(&paper, &known, &[&early, &late]);
    let text = render(&shown, Format::Markdown, Locale::English);
    assert!(text.contains("INC-2") && !text.contains("INC-1"), "{text}");
    assert_eq!(shown.sections.last(), paper.sections.last());
    assert_eq!(handover::signed(&shown, &known, &[&early]), paper, "it is never there twice");
}

fn incident(id: u64, opened: &str) -> crate::domain::incident::Incident {
    let opening = crate::domain::incident::event::Opening {
        key: format!("key-{id}"),
        title: format!("trouble {id}"),
        service: None,
        source: "prom".into(),
        category: String::new(),
        impact: 1,
        urgency: 1,
        priority: crate::domain::incident::Priority(1),
        labels: Labels::new(),
        annotations: Labels::new(),
        started_at: at(opened),
        earlier: None,
        recurrence: 1,
    };
    let event = crate::domain::incident::Event {
        position: 1,
        at: at(opened),
        actor: Actor::source("prom"),
        incident: crate::domain::incident::IncidentId(id),
        body: crate::domain::incident::EventBody::Opened(Box::new(opening)),
    };
    crate::domain::incident::lifecycle::fold(None, &event).unwrap()
}

#[test]
fn a_document_that_is_too_large_is_refused() {
    let mut large = empty_document();
    large.sections = vec![Section::new(Word::Notes, vec![Block::Quote("x".repeat(5_000_000))])];
    let coverage = Coverage { from: large.from, to: large.to, scope: Scope::All };
    let command = Command::Issue {
        coverage: Box::new(coverage),
        over: None,
        plan: String::new(),
        document: Box::new(large),
        force: false,
    };
    let desk =
        Desk { by: Party::default(), now: at("2026-12-01T08:00:00Z"), zone: MADRID, open: &[] };
    let refused = Reports::default().judge(&command, &desk).unwrap_err();
    assert!(refused.to_string().contains("larger than 4 MiB"), "{refused}");
}

#[test]
fn a_revision_compares_a_row_with_the_same_row_and_not_with_another_of_its_contract() {
    let with = |checkout: &str, mail: &str| {
        let columns = [Word::Contract, Word::Service, Word::Compared];
        let mut table = document::Table::new(Word::ServiceCredits, &columns);
        for (service, figure) in [("checkout", checkout), ("mail", mail)] {
            let cells =
                vec![Datum::plain("gold"), Datum::plain(service), Datum::Percent(figure.into())];
            table.row(cells, Vec::new());
        }
        let section = Section::new(Word::ServiceCredits, vec![Block::Table(table)]);
        Document { sections: vec![section], ..empty_document() }
    };
    let sections = vec![differences(&with("99.9", "98.0"), &with("99.9", "97.0"))];
    let next = Document { sections, ..empty_document() };
    let text = render(&next, Format::Markdown, Locale::English);
    assert!(
        text.contains("| Service credits, gold, mail, Compared as | 98.0\u{a0}% | 97.0\u{a0}% |"),
        "{text}"
    );
    assert_eq!(text.matches("gold").count(), 1, "{text}");
}

/// The figures of a table and of the summary lead to the incidents that they count, which stand once below.
#[test]
fn what_a_report_counts_is_named_once_with_what_it_was() {
    let period = Interval::new(at("2026-10-31T23:00:00Z"), at("2026-11-30T23:00:00Z"));
    let coverage = Coverage { from: period.from, to: period.to, scope: Scope::All };
    let now = at("2026-12-01T08:00:00Z");
    let mut gathered =
        Gathered::new(period, MADRID, Vec::new(), Watched::default(), &[], None, now);
    for (id, opened) in
        [(7, "2026-11-02T10:00:00Z"), (8, "2026-11-03T10:00:00Z"), (6, "2026-12-01T01:00:00Z")]
    {
        gathered.add(&incident(id, opened));
    }
    let moved = |id, at_: &str| crate::domain::incident::Event {
        position: 9,
        at: at(at_),
        actor: Actor::person("ana"),
        incident: crate::domain::incident::IncidentId(id),
        body: crate::domain::incident::EventBody::Reclassified {
            impact: 1,
            urgency: 1,
            priority: crate::domain::incident::Priority(1),
            category: None,
        },
    };
    let reclassified = [moved(7, "2026-11-04T10:00:00Z")];
    let document = gathered.document(Facts {
        site: "test",
        zone: MADRID,
        coverage: &coverage,
        roster: &Roster::default(),
        occurrences: &[],
        reclassified: &reclassified,
        load: &BTreeMap::new(),
        pages: &BTreeMap::new(),
        more: Vec::new(),
        now,
    });
    let text = render(&document, Format::Markdown, Locale::English);
    for line in [
        "| INC-7 | P1 | — | trouble 7 | 2 Nov 2026 11:00 | — |",
        "- **By priority: P1, Opened, Open at the end (2)**: INC-7, INC-8",
        "| INC-7 | P1 | 4 Nov 2026 11:00 | ana |",
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
    assert!(!text.contains("INC-6"), "it was opened after the period");
}
