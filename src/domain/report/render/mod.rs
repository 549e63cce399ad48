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

use super::document::{Document, Kind, Text};
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
        let with = [super::document::Datum::Count(u64::from(revision))];
        let revision = style.text(&Text::Said(Word::Revision, with.to_vec()));
        title = format!("{title}, {revision}");
    }
    title
}

/// `INC-1, INC-2 and 40 more`, where `beyond` are not among them.
fn records(all: &[String], beyond: usize, most: usize, style: Style) -> String {
    let shown = all.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    let more = beyond + all.len().saturating_sub(most);
    if more == 0 {
        return shown;
    }
    let more = style.said(Word::MoreRecords, &[super::document::Datum::count(more)]);
    format!("{shown} {more}")
}
