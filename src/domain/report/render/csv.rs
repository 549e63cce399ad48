//! One CSV (RFC 4180) of everything: a row for each value, under `section, key, value, unit, n, records`.

use std::fmt::Write as _;

use super::title;
use crate::domain::report::document::{Block, Datum, Document, KeyFigure, Table, Text};
use crate::domain::report::show::{Style, percent, quotient, rfc3339};
use crate::domain::report::words::Word;

/// Sections and figures are named in the language of the report; numbers are always written with a point,
/// times in seconds, instants as RFC 3339 in UTC. The key of a cell of a table is `table/row/column`, its row
/// counted from 1.
pub fn csv(document: &Document, style: Style) -> String {
    let mut out = Csv { out: String::new(), style };
    out.line(["section", "key", "value", "unit", "n", "records"].map(str::to_owned));
    let name = title(document, style);
    out.value("", "title", &Datum::plain(name), None, &[]);
    out.value("", "from", &Datum::At(document.from), None, &[]);
    out.value("", "to", &Datum::At(document.to), None, &[]);
    out.value("", "made_at", &Datum::At(document.made_at), None, &[]);
    for fact in &document.head {
        out.value("", &style.text(&fact.label), &fact.value, None, &[]);
    }
    for section in &document.sections {
        let heading = style.word(section.title);
        for block in &section.blocks {
            match block {
                Block::Text(text) => out.value(heading, "", &Datum::Text(text.clone()), None, &[]),
                Block::Quote(text) => out.value(heading, "", &Datum::plain(text), None, &[]),
                Block::Figures(figures) => figures.iter().for_each(|f| out.figure(heading, f)),
                Block::Table(table) => out.table(heading, table),
                Block::Chart(chart) => {
                    for series in &chart.series {
                        for (label, value) in chart.labels.iter().zip(&series.values) {
                            let key = [
                                style.word(chart.title),
                                &style.text(&series.name),
                                &style.datum(label),
                            ]
                            .join("/");
                            let value = value.map_or_else(String::new, |v| v.to_string());
                            out.raw(heading, &key, value, "", None, &[]);
                        }
                    }
                }
                Block::List(items) => {
                    for (at, item) in items.iter().enumerate() {
                        let value = Datum::Text(item.text.clone());
                        out.value(heading, &(at + 1).to_string(), &value, None, &item.records);
                    }
                }
            }
        }
    }
    out.out
}

struct Csv {
    out: String,
    style: Style,
}

impl Csv {
    fn figure(&mut self, section: &str, figure: &KeyFigure) {
        let name = self.style.word(figure.name);
        self.value(section, name, &figure.value, Some(figure.n), &figure.records);
        if let Some(before) = &figure.before {
            let key = format!("{name} ({})", self.style.word(Word::Before));
            self.value(section, &key, before, None, &[]);
        }
    }

    fn table(&mut self, section: &str, table: &Table) {
        let title = self.style.word(table.title);
        for (at, row) in table.rows.iter().enumerate() {
            for (place, (column, cell)) in table.columns.iter().zip(&row.cells).enumerate() {
                let key = format!("{title}/{}/{}", at + 1, self.style.word(*column));
                // A figure of many has its own.
                let of = match (row.behind(place), row.behind.is_empty()) {
                    (Some(behind), _) => &behind.records,
                    (None, true) => &row.records,
                    (None, false) => &Vec::new(),
                };
                self.value(section, &key, cell, None, of);
            }
        }
        if table.left_out > 0 {
            let said = Text::Said(Word::MoreRows, vec![Datum::count(table.left_out)]);
            self.value(section, title, &Datum::Text(said), None, &[]);
        }
    }

    fn value(&mut self, section: &str, key: &str, value: &Datum, n: Option<usize>, of: &[String]) {
        let (text, unit) = match value {
            Datum::None => (String::new(), ""),
            Datum::Count(n) => (n.to_string(), ""),
            Datum::Length(ms) => (seconds(*ms), "s"),
            Datum::Share { part, whole, .. } => (percent(*part, *whole, 4), "%"),
            Datum::Score { sum, n } => (quotient(u128::from(*sum), u128::from(*n), 2), ""),
            Datum::Percent(number) => (number.clone(), "%"),
            Datum::Decimal(number) => (number.clone(), ""),
            Datum::At(at) | Datum::Day(at) => (rfc3339(*at), ""),
            Datum::Text(text) => (harmless(&self.style.text(text)), ""),
        };
        self.raw(section, key, text, unit, n, of);
    }

    fn raw(
        &mut self,
        section: &str,
        key: &str,
        value: String,
        unit: &str,
        n: Option<usize>,
        of: &[String],
    ) {
        let n = n.map_or_else(String::new, |n| n.to_string());
        let records = harmless(&of.join(" "));
        self.line([harmless(section), harmless(key), value, unit.to_owned(), n, records]);
    }

    fn line(&mut self, cells: [String; 6]) {
        for (at, cell) in cells.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            if cell.contains(['"', ',', '\n', '\r']) {
                let _ = write!(self.out, "{comma}\"{}\"", cell.replace('"', "\"\""));
            } else {
                let _ = write!(self.out, "{comma}{cell}");
            }
        }
        self.out.push_str("\r\n");
    }
}

/// Milliseconds as seconds.
fn seconds(ms: i64) -> String {
    if ms % 1_000 == 0 { (ms / 1_000).to_string() } else { format!("{:.3}", ms as f64 / 1_000.0) }
}

/// A text that no spreadsheet takes for a formula: what begins like one gets an apostrophe before it, as
/// OWASP advises against CSV injection.
fn harmless(text: &str) -> String {
    let starts = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    let guarded = |part: &str| {
        let is_formula = part.trim_start_matches(' ').starts_with(starts);
        if is_formula { format!("'{part}") } else { part.to_owned() }
    };
    // Some countries separate by semicolons.
    text.split(';').map(guarded).collect::<Vec<_>>().join(";")
}
