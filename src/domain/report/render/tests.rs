//! What leaves as a file.

use rstest::rstest;

use super::*;
use crate::domain::report::document::{
    Block, Chart, Datum, FORMAT, Fact, Form, Item, KeyFigure, Section, Series, Table, Text,
};

const HOSTILE: &str = "<script>alert(1)</script> & \"x\" | *y* [z](http://e)";

/// Two figures of the same records and one of others, with records that are not named.
fn counts() -> Table {
    let mut table = Table::new(
        Word::ByPriority,
        &[Word::Priority, Word::Opened, Word::ResolvedIn, Word::OpenAtEnd, Word::Mttr],
    );
    let some = || vec!["INC-2".to_owned(), "INC-3".to_owned()];
    table.figures(vec![
        (Datum::plain("P2"), Vec::new().into()),
        (Datum::Count(2), some().into()),
        (Datum::Count(2), some().into()),
        (Datum::Count(1), vec!["INC-9".to_owned()].into()),
        (Datum::None, Vec::new().into()),
    ]);
    if let Some(behind) = table.rows[0].behind.last_mut() {
        behind.left_out = 7;
    }
    table
}

fn document() -> Document {
    let at = "2026-11-23T14:03:00Z".parse().unwrap();
    let mut table = Table::new(Word::StillOpen, &[Word::Incident, Word::Title, Word::Took]);
    let cells = vec![Datum::plain("INC-7"), Datum::plain(HOSTILE), Datum::Length(5_400_000)];
    table.row(cells, vec!["INC-7".into()]);
    let cells = vec![Datum::plain("INC-8"), Datum::plain("=1+1"), Datum::None];
    table.row(cells, vec!["INC-8".into()]);
    let mut named = Table::new(Word::Records, &[Word::Incident, Word::Title]);
    for id in ["INC-2", "INC-3"] {
        named.row(vec![Datum::plain(id), Datum::plain(HOSTILE)], vec![id.into()]);
    }
    let figures = vec![
        KeyFigure {
            name: Word::AvailabilityFigure,
            value: Datum::Share { part: 714, whole: 720, decimals: 4 },
            before: Some(Datum::Share { part: 1, whole: 1, decimals: 4 }),
            n: 3,
            records: vec!["INC-1".into(), "INC-2".into(), "INC-3".into()],
            left_out: 0,
        },
        KeyFigure::new(Word::Mttr, Datum::None, 0, Vec::new()),
    ];
    let chart = Chart {
        title: Word::OpenedPerDay,
        form: Form::Bars,
        labels: vec![Datum::Day(at), Datum::plain("<b>")],
        series: vec![Series { name: Text::plain("P1"), values: vec![Some(3.0), None] }],
    };
    let list = vec![Item { text: Text::plain(HOSTILE), records: vec!["INC-9".into()] }];
    Document {
        format: FORMAT,
        kind: Kind::Service,
        number: "SR-2".into(),
        revision: Some(2),
        locale: None,
        site: "acme".into(),
        zone: "Europe/Madrid".into(),
        from: at,
        to: at,
        made_at: at,
        head: vec![Fact { label: Word::Site.into(), value: Datum::plain(HOSTILE) }],
        sections: vec![
            Section::new(Word::Summary, vec![Block::Figures(figures), Block::Chart(chart)]),
            Section::new(Word::StillOpen, vec![Block::Table(table), Block::List(list)]),
            Section::new(Word::IncidentsBy, vec![Block::Table(counts())]),
            Section::new(Word::Records, vec![Block::Table(named)]),
            Section::new(Word::Notes, vec![Block::Quote("- call the supplier\n@SUM(A1)".into())]),
        ],
    }
}

#[rstest]
#[case(Format::Markdown, Locale::English)]
#[case(Format::Markdown, Locale::Spanish)]
#[case(Format::Html, Locale::English)]
#[case(Format::Csv, Locale::Spanish)]
#[case(Format::Json, Locale::Spanish)]
fn a_document_in_every_format(#[case] format: Format, #[case] locale: Locale) {
    let name = format!("{}_{}", format.word(), locale.word());
    insta::assert_snapshot!(name, render(&document(), format, locale));
}

#[test]
fn html_has_nothing_of_what_was_typed_as_markup_and_loads_nothing() {
    let page = render(&document(), Format::Html, Locale::English);
    assert!(!page.contains("<script") && !page.contains("<b>"));
    assert_eq!(page.matches("href=").count(), page.matches("href=\"#").count());
    for remote in ["http://", "https://", "src=", "url(", "@import"] {
        let allowed = page.matches(remote).count();
        let typed = if remote == "http://" { HOSTILE.matches(remote).count() * 5 } else { 0 };
        assert!(allowed <= typed, "{remote}");
    }
}

#[test]
fn csv_is_read_back_as_six_columns_and_begins_no_formula() {
    let text = render(&document(), Format::Csv, Locale::English);
    let mut rows = 0;
    for record in records_of(&text) {
        assert_eq!(record.len(), 6, "{record:?}");
        for cell in &record {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t']), "{cell}");
        }
        rows += 1;
    }
    assert!(rows > 10);
    assert!(text.contains("'=1+1") && text.contains("99.1666,%,3,INC-1 INC-2 INC-3"), "{text}");
}

/// A small reader of RFC 4180, as a spreadsheet is one.
fn records_of(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell, mut quoted) =
        (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            c => cell.push(c),
        }
    }
    records
}

#[test]
fn json_says_its_version_and_names_that_no_language_changes() {
    let of = |locale| -> serde_json::Value {
        serde_json::from_str(&render(&document(), Format::Json, locale)).unwrap()
    };
    let (english, spanish) = (of(Locale::English), of(Locale::Spanish));
    assert_eq!(english["version"], 1);
    let figure = |v: &serde_json::Value| v["sections"][0]["blocks"][0]["figures"][0].clone();
    assert_eq!(figure(&english)["name"], figure(&spanish)["name"]);
    assert_eq!(figure(&english)["value"]["value"], "99.1666");
    assert_eq!(figure(&spanish)["value"]["text"], "99,1666\u{a0}%");
}

#[test]
fn what_was_frozen_is_read_again_as_it_was() {
    let frozen = serde_json::to_string(&document()).unwrap();
    assert_eq!(serde_json::from_str::<Document>(&frozen).unwrap(), document());
}

#[test]
fn every_figure_of_a_table_leads_to_its_records_and_every_record_to_its_line() {
    let page = render(&document(), Format::Html, Locale::English);
    for line in [
        "<td>P2</td><td class=\"n\"><a href=\"#c1\">2</a></td><td class=\"n\"><a href=\"#c1\">2</a></td>\
         <td class=\"n\"><a href=\"#c2\">1</a></td><td>—</td>",
        "<p id=\"c1\"><strong>By priority: P2, Opened, Resolved (2)</strong>: <a href=\"#INC-2\">INC-2</a>, \
         <a href=\"#INC-3\">INC-3</a></p>",
        "<p id=\"c2\"><strong>By priority: P2, Open at the end (8)</strong>: INC-9 and 7 more that are not named here</p>",
        "<tr id=\"INC-2\">",
    ] {
        assert!(page.contains(line), "{line} is missing in:\n{page}");
    }
    let targets: Vec<&str> =
        page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(targets.len() > 5);
    for target in targets {
        assert!(page.contains(&format!("id=\"{target}\"")), "{target} leads nowhere");
    }
    let text = render(&document(), Format::Markdown, Locale::English);
    assert!(text.contains("- **By priority: P2, Opened, Resolved (2)**: INC-2, INC-3\n"), "{text}");
}

#[test]
fn a_list_is_cut_only_where_all_of_it_stands_in_the_same_document() {
    let mut long = document();
    let all: Vec<String> = (1..=23).map(|n| format!("INC-{n}")).collect();
    let figure = KeyFigure::new(Word::Opened, Datum::Count(23), 23, all.clone());
    long.sections.insert(0, Section::new(Word::Summary, vec![Block::Figures(vec![figure])]));
    let text = render(&long, Format::Markdown, Locale::English);
    assert!(text.contains("INC-20 and 3 more, listed below |"), "{text}");
    assert!(text.contains(&format!("- **Summary: Opened**: {}\n", all.join(", "))), "{text}");
    let page = render(&long, Format::Html, Locale::English);
    assert!(page.contains("<summary>INC-1, INC-2, INC-3 and 20 more</summary>"));
    assert!(page.contains("INC-22, INC-23</details>"), "{page}");
}

#[test]
fn so_many_records_that_the_document_would_be_too_large_are_counted_instead() {
    let mut large = document();
    let all: Vec<String> = (0..400).map(|n| format!("INC-{n}")).collect();
    let mut table = Table::new(Word::ByService, &[Word::Service, Word::Opened]);
    for service in ["a", "b", "c"] {
        let cells = vec![
            (Datum::plain(service), Vec::new().into()),
            (Datum::Count(400), all.clone().into()),
        ];
        table.figures(cells);
    }
    large.sections = vec![Section::new(Word::IncidentsBy, vec![Block::Table(table)])];
    let kept = large.clone().named_within(2_400);
    assert_eq!(kept, large);
    let cut = large.named_within(1_500);
    let Block::Table(table) = &cut.sections[0].blocks[0] else { panic!() };
    let behind = table.rows[0].behind(1).unwrap();
    assert_eq!((behind.records.len(), behind.left_out), (250, 150));
}
