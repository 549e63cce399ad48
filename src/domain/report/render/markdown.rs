//! Markdown, as GitHub and CommonMark with tables read it.

use std::fmt::Write as _;

use super::{lists, records, title};
use crate::domain::report::document::{Block, Chart, Datum, Document, KeyFigure, Table};
use crate::domain::report::show::Style;
use crate::domain::report::words::Word;

/// How many records stand beside a figure.
const SHOWN: usize = 20;

pub fn markdown(document: &Document, style: Style) -> String {
    let mut out = format!("# {}\n\n", escape(&title(document, style)));
    for fact in &document.head {
        let (label, value) = (style.text(&fact.label), style.datum(&fact.value));
        let _ = writeln!(out, "- **{}**: {}", escape(&label), escape(&value));
    }
    for section in &document.sections {
        let _ = write!(out, "\n## {}\n", escape(style.word(section.title)));
        for block in &section.blocks {
            out.push('\n');
            match block {
                Block::Text(text) => {
                    let _ = writeln!(out, "{}", escape(&style.text(text)));
                }
                Block::Quote(text) => {
                    for line in text.lines() {
                        let _ = writeln!(out, "> {}  ", escape(line));
                    }
                }
                Block::Figures(figures) => figures_table(&mut out, figures, style),
                Block::Table(one) => {
                    heading_of(&mut out, one.title, section.title, style);
                    table(&mut out, one, style);
                }
                Block::Chart(one) => {
                    heading_of(&mut out, one.title, section.title, style);
                    chart(&mut out, one, style);
                }
                Block::List(items) => {
                    for item in items {
                        let _ = write!(out, "- {}", escape(&style.text(&item.text)));
                        if !item.records.is_empty() {
                            let all = records(&item.records, 0, style);
                            let _ = write!(out, " ({})", escape(&all));
                        }
                        out.push('\n');
                    }
                }
            }
        }
    }
    counted(&mut out, document, style);
    out
}

/// What the figures count, where it does not stand beside them.
fn counted(out: &mut String, document: &Document, style: Style) {
    let mut lines = Vec::new();
    for section in &document.sections {
        for block in &section.blocks {
            match block {
                Block::Figures(all) => {
                    for figure in all.iter().filter(|f| f.records.len() > SHOWN) {
                        let name = style.word(figure.name);
                        let of = records(&figure.records, figure.left_out, style);
                        lines.push((format!("{}: {name}", style.word(section.title)), of));
                    }
                }
                Block::Table(table) => {
                    for list in table.rows.iter().flat_map(|row| lists(table, row, style)) {
                        let of = records(list.records, list.left_out, style);
                        lines.push((list.heading(style), of));
                    }
                }
                _ => {}
            }
        }
    }
    if lines.is_empty() {
        return;
    }
    let _ = write!(out, "\n## {}\n\n", escape(style.word(Word::CountedBy)));
    for (name, of) in lines {
        let _ = writeln!(out, "- **{}**: {}", escape(&name), escape(&of));
    }
}

fn figures_table(out: &mut String, figures: &[KeyFigure], style: Style) {
    let compared = figures.iter().any(|f| f.before.is_some());
    let mut head = vec![Word::Figure, Word::Value];
    head.extend(compared.then_some(Word::Before));
    head.extend([Word::Count, Word::Records]);
    heading(out, &head, style);
    for figure in figures {
        let mut cells = vec![style.word(figure.name).to_owned(), style.datum(&figure.value)];
        if compared {
            cells.push(figure.before.as_ref().map_or_else(String::new, |b| style.datum(b)));
        }
        cells.push(style.count(figure.n as u64));
        cells.push(match figure.records.get(..SHOWN) {
            Some(first) if figure.records.len() > SHOWN => {
                let more = Datum::count(figure.records.len() - SHOWN + figure.left_out);
                format!("{} {}", first.join(", "), style.said(Word::MoreListed, &[more]))
            }
            _ => records(&figure.records, figure.left_out, style),
        });
        row(out, &cells);
    }
}

/// A heading of its own, where it says another thing than the section's.
fn heading_of(out: &mut String, title: Word, section: Word, style: Style) {
    if title != section {
        let _ = write!(out, "### {}\n\n", escape(style.word(title)));
    }
}

fn table(out: &mut String, table: &Table, style: Style) {
    if table.rows.is_empty() {
        let _ = writeln!(out, "{}", escape(style.word(Word::Nothing)));
        return;
    }
    heading(out, &table.columns, style);
    for one in &table.rows {
        row(out, &one.cells.iter().map(|cell| style.datum(cell)).collect::<Vec<_>>());
    }
    if table.left_out > 0 {
        let more = style.said(Word::MoreRows, &[Datum::count(table.left_out)]);
        let _ = write!(out, "\n{}\n", escape(&more));
    }
}

/// A chart is its values here.
fn chart(out: &mut String, chart: &Chart, style: Style) {
    let mut cells = vec![String::new()];
    cells.extend(chart.series.iter().map(|s| style.text(&s.name)));
    row(out, &cells);
    let _ = writeln!(out, "|{}", " --- |".repeat(cells.len()));
    for (at, label) in chart.labels.iter().enumerate() {
        let mut cells = vec![style.datum(label)];
        cells.extend(chart.series.iter().map(|series| {
            let value = series.values.get(at).copied().flatten();
            value.map_or_else(|| "—".to_owned(), |v| v.to_string())
        }));
        row(out, &cells);
    }
}

fn heading(out: &mut String, words: &[Word], style: Style) {
    row(out, &words.iter().map(|w| style.word(*w).to_owned()).collect::<Vec<_>>());
    let _ = writeln!(out, "|{}", " --- |".repeat(words.len()));
}

fn row(out: &mut String, cells: &[String]) {
    out.push('|');
    for cell in cells {
        let _ = write!(out, " {} |", escape(cell));
    }
    out.push('\n');
}

/// In one line, with nothing that Markdown or HTML would take for its own.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '>' | '#' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
