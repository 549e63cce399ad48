//! JSON for scripts. The names of sections, figures and columns are the same in every language; what people
//! read stands beside them.

use serde_json::{Map, Value, json};

use super::title;
use crate::domain::report::document::{Block, Datum, Document, Fact, KeyFigure, Table, Text};
use crate::domain::report::show::{Style, percent, quotient, rfc3339};
use crate::domain::report::words::Word;

/// The version of the form below.
const VERSION: u32 = 1;

/// A document as JSON, for whoever puts it into a greater one.
pub struct Labelled(pub Value);

pub fn json(document: &Document, style: Style) -> String {
    let value = Labelled::of(document, style).0;
    serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
}

impl Labelled {
    /// `{version, kind, number, revision, title, locale, from, to, made_at, head, sections: [{name, title,
    /// blocks}]}`; a value is `{kind, value, text}`: counts and seconds are numbers, percentages and scores
    /// strings, instants RFC 3339 in UTC. A figure in a table has its `records` as well.
    pub fn of(document: &Document, style: Style) -> Self {
        let sections: Vec<Value> = document
            .sections
            .iter()
            .map(|section| {
                let blocks: Vec<Value> = section.blocks.iter().map(|b| block(b, style)).collect();
                let title = style.word(section.title);
                json!({ "name": name(section.title), "title": title, "blocks": blocks })
            })
            .collect();
        Self(json!({
            "version": VERSION,
            "kind": document.kind,
            "number": (!document.number.is_empty()).then_some(&document.number),
            "revision": document.revision,
            "title": title(document, style),
            "locale": style.locale.word(),
            "site": document.site,
            "timezone": document.zone,
            "from": rfc3339(document.from),
            "to": rfc3339(document.to),
            "made_at": rfc3339(document.made_at),
            "head": document.head.iter().map(|f| fact(f, style)).collect::<Vec<_>>(),
            "sections": sections,
        }))
    }
}

fn fact(fact: &Fact, style: Style) -> Value {
    let name = match &fact.label {
        Text::Word(word) | Text::Said(word, _) => name(*word),
        Text::Plain(text) => Value::from(text.clone()),
    };
    json!({ "name": name, "label": style.text(&fact.label), "value": value(&fact.value, style) })
}

/// The name of a word, as it is stored.
fn name(word: Word) -> Value {
    serde_json::to_value(word).unwrap_or_default()
}

fn block(block: &Block, style: Style) -> Value {
    match block {
        Block::Text(text) => json!({ "text": style.text(text) }),
        Block::Quote(text) => json!({ "quote": text }),
        Block::Figures(figures) => {
            json!({ "figures": figures.iter().map(|f| figure(f, style)).collect::<Vec<_>>() })
        }
        Block::Table(one) => json!({ "table": table(one, style) }),
        Block::Chart(chart) => {
            let series = chart
                .series
                .iter()
                .map(|s| json!({ "label": style.text(&s.name), "values": s.values }));
            json!({ "chart": {
                "name": name(chart.title),
                "title": style.word(chart.title),
                "form": chart.form,
                "labels": chart.labels.iter().map(|l| value(l, style)).collect::<Vec<_>>(),
                "series": series.collect::<Vec<_>>(),
            } })
        }
        Block::List(items) => {
            let items =
                items.iter().map(|i| json!({ "text": style.text(&i.text), "records": i.records }));
            json!({ "list": items.collect::<Vec<_>>() })
        }
    }
}

fn figure(figure: &KeyFigure, style: Style) -> Value {
    json!({
        "name": name(figure.name),
        "label": style.word(figure.name),
        "value": value(&figure.value, style),
        "before": figure.before.as_ref().map(|b| value(b, style)),
        "n": figure.n,
        "records": figure.records,
        "left_out": figure.left_out,
    })
}

fn table(table: &Table, style: Style) -> Value {
    let columns =
        table.columns.iter().map(|c| json!({ "name": name(*c), "label": style.word(*c) }));
    let rows = table.rows.iter().map(|row| {
        let cell = |(column, cell): (usize, &Datum)| {
            let mut value = value(cell, style);
            if let (Some(fields), Some(behind)) = (value.as_object_mut(), row.behind(column)) {
                fields.insert("records".to_owned(), json!(behind.records));
                fields.insert("left_out".to_owned(), json!(behind.left_out));
            }
            value
        };
        let cells = row.cells.iter().enumerate().map(cell).collect::<Vec<_>>();
        json!({ "cells": cells, "records": row.records })
    });
    json!({
        "name": name(table.title),
        "title": style.word(table.title),
        "columns": columns.collect::<Vec<_>>(),
        "rows": rows.collect::<Vec<_>>(),
        "left_out": table.left_out,
    })
}

fn value(datum: &Datum, style: Style) -> Value {
    let (kind, value) = match datum {
        Datum::None => return Value::Null,
        Datum::Count(n) => ("count", json!(n)),
        Datum::Length(ms) if ms % 1_000 == 0 => ("seconds", json!(ms / 1_000)),
        Datum::Length(ms) => ("seconds", json!(*ms as f64 / 1_000.0)),
        Datum::Share { part, whole, .. } => ("percent", json!(percent(*part, *whole, 4))),
        Datum::Score { sum, n } => ("score", json!(quotient(u128::from(*sum), u128::from(*n), 2))),
        Datum::Percent(number) => ("percent", json!(number)),
        Datum::Decimal(number) => ("number", json!(number)),
        Datum::At(at) => ("instant", json!(rfc3339(*at))),
        Datum::Day(at) => ("day", json!(rfc3339(*at))),
        Datum::Text(Text::Word(word)) => ("word", name(*word)),
        Datum::Text(text) => ("text", json!(style.text(text))),
    };
    let fields = [("kind", json!(kind)), ("value", value), ("text", json!(style.datum(datum)))];
    Value::Object(fields.map(|(k, v)| (k.to_owned(), v)).into_iter().collect::<Map<_, _>>())
}
