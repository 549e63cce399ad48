//! A document as a file: Markdown, HTML, CSV, JSON. Plain functions; what somebody typed is escaped where
//! it goes out, by the rules of each format.

mod chart;
mod csv;
mod html;
mod json;
mod markdown;
#[cfg(test)]
mod tests;

pub use csv::csv;
pub use html::html;
pub use json::{Labelled, json};
pub use markdown::markdown;

use super::document::{Datum, Document, Kind, Row, Table, Text};
use super::show::Style;
use super::words::{Locale, Word};

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    Markdown,
    Html,
    Csv,
    Json,
}

impl Format {
    /// By its word on the command line, which also ends the name of its file.
    pub const WORDS: [(&str, Self); 4] =
        [("md", Self::Markdown), ("html", Self::Html), ("csv", Self::Csv), ("json", Self::Json)];

    pub fn word(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

/// How a document is written in a language: its own zone, UTC where that is not known here.
pub fn style(document: &Document, locale: Locale) -> Style {
    Style { locale, zone: document.zone.parse().unwrap_or(chrono_tz::UTC) }
}

/// The document in a format and a language.
pub fn render(document: &Document, format: Format, locale: Locale) -> String {
    let style = style(document, locale);
    match format {
        Format::Markdown => markdown(document, style),
        Format::Html => html(document, style),
        Format::Csv => csv(document, style),
        Format::Json => json(document, style),
    }
}

/// `Service report SR-2, revision 2`
pub fn title(document: &Document, style: Style) -> String {
    let mut title = style
        .word(match document.kind {
            Kind::Handover => Word::Handover,
            Kind::Service => Word::ServiceReport,
        })
        .to_owned();
    if document.number.is_empty() {
        title = format!("{title} ({})", style.word(Word::Draft));
    } else {
        title = format!("{title} {}", document.number);
    }
    if let Some(revision) = document.revision.filter(|r| *r > 1) {
        let with = [Datum::Count(u64::from(revision))];
        let revision = style.text(&Text::Said(Word::Revision, with.to_vec()));
        title = format!("{title}, {revision}");
    }
    title
}

/// `INC-1, INC-2 and 40 more that are not named here`
fn records(all: &[String], beyond: usize, style: Style) -> String {
    let mut parts = vec![all.join(", ")];
    if beyond > 0 {
        parts.push(style.said(Word::MoreUnnamed, &[Datum::count(beyond)]));
    }
    parts.join(" ")
}

/// The records behind figures that name them nowhere else: those of a row's cells, columns with the same ones
/// together; and those of a key figure of which there are more than `few`.
struct List<'a> {
    /// The table, or the section of the key figure.
    of: Word,
    /// The row and the columns of it, or the key figure.
    name: String,
    /// Where it is linked from: the row of the table and its columns.
    columns: Vec<usize>,
    records: &'a [String],
    left_out: usize,
}

impl List<'_> {
    /// `By priority: P2, Opened (12)`
    fn heading(&self, style: Style) -> String {
        let n = self.records.len() + self.left_out;
        format!("{}: {} ({})", style.word(self.of), self.name, style.count(n as u64))
    }
}

/// The lists of one row.
fn lists<'a>(table: &'a Table, row: &'a Row, style: Style) -> Vec<List<'a>> {
    let mut lists: Vec<List<'a>> = Vec::new();
    for behind in &row.behind {
        let same =
            lists.iter_mut().find(|l| l.records == behind.records && l.left_out == behind.left_out);
        if let Some(list) = same {
            list.columns.push(behind.column);
            continue;
        }
        lists.push(List {
            of: table.title,
            name: String::new(),
            columns: vec![behind.column],
            records: &behind.records,
            left_out: behind.left_out,
        });
    }
    // What a row is called: all before its first figure.
    let first = row.behind.iter().map(|b| b.column).min().unwrap_or(0);
    let called = row.cells.iter().take(first).map(|c| style.datum(c)).collect::<Vec<_>>();
    for list in &mut lists {
        let columns = list.columns.iter().filter_map(|at| table.columns.get(*at));
        let columns = columns.map(|c| style.word(*c).to_owned());
        list.name = called.iter().cloned().chain(columns).collect::<Vec<_>>().join(", ");
    }
    lists
}
