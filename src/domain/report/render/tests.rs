//! What leaves as a file.

use rstest::rstest;

use super::*;
use crate::domain::report::document::{
    Block, Chart, Datum, FORMAT, Fact, Form, Item, KeyFigure, Section, Series, Table, Text,
};

const HOSTILE: &str = "<script>alert(1)</script> & \"x\" | *y* [z](http://e)";

fn document() -> Document {
    let at = "2026-11-23T14:03:00Z".parse().unwrap();
    let mut table = Table::new(Word::StillOpen, &[Word::Incident, Word::Title, Word::Took]);
    let cells = vec![Datum::plain("INC-7"), Datum::plain(HOSTILE), Datum::Length(5_400_000)];
    table.row(cells, vec!["INC-7".into()]);
    let cells = vec![Datum::plain("INC-8"), Datum::plain("=1+1"), Datum::None];
    table.row(cells, vec!["INC-8".into()]);
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
        site: "acme".into(),
        zone: "Europe/Madrid".into(),
        from: at,
        to: at,
        made_at: at,
        head: vec![Fact { label: Word::Site.into(), value: Datum::plain(HOSTILE) }],
        sections: vec![
            Section::new(Word::Summary, vec![Block::Figures(figures), Block::Chart(chart)]),
            Section::new(Word::StillOpen, vec![Block::Table(table), Block::List(list)]),
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
    for remote in ["http://", "https://", "src=", "href=", "url(", "@import"] {
        let allowed = page.matches(remote).count();
        let typed = if remote == "http://" { HOSTILE.matches(remote).count() * 3 } else { 0 };
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
    assert!(text.contains("'=1+1") && text.contains("99.1667,%,3,INC-1 INC-2 INC-3"), "{text}");
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
    assert_eq!(figure(&english)["value"]["value"], "99.1667");
    assert_eq!(figure(&spanish)["value"]["text"], "99,1667 %");
}

#[test]
fn what_was_frozen_is_read_again_as_it_was() {
    let frozen = serde_json::to_string(&document()).unwrap();
    assert_eq!(serde_json::from_str::<Document>(&frozen).unwrap(), document());
}
