//! A report as data: sections of figures, tables, charts and lists. It keeps words, numbers and instants
//! apart from how they are written, so that one that was frozen can be read in any language and format.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::words::{Locale, Word};
use crate::domain::calendar::Key;
use crate::domain::time::Instant;

/// The version of this form that is written and the newest that is read.
pub const FORMAT: u32 = 1;

/// How many records stand with one figure or row; how many there are is said beside them.
pub const MOST_RECORDS: usize = 1_000;

/// How many rows a table has at most; how many were left out it says.
pub const MOST_ROWS: usize = 1_000;

/// How many records a document names, each as often as a figure counts it.
pub const MOST_NAMED: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// [`FORMAT`]
    pub format: u32,
    pub kind: Kind,
    /// `HO-3`, `SR-2`; empty: a draft.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub number: String,
    /// From 1, of what can be issued again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// The language that it was issued in; one that says none is from before that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    pub site: String,
    /// IANA name of the zone in which its times are written.
    pub zone: String,
    pub from: Instant,
    pub to: Instant,
    pub made_at: Instant,
    /// What stands at its head: who, what for.
    pub head: Vec<Fact>,
    pub sections: Vec<Section>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Handover,
    Service,
}

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    pub label: Text,
    pub value: Datum,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// Its heading; its name for scripts is the word's.
    pub title: Word,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// One paragraph.
    Text(Text),
    /// As somebody wrote it, in lines.
    Quote(String),
    Figures(Vec<KeyFigure>),
    Table(Table),
    Chart(Chart),
    List(Vec<Item>),
}

/// A figure with what it counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyFigure {
    pub name: Word,
    pub value: Datum,
    /// In the period before, where that is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Datum>,
    /// Of how many records.
    pub n: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<String>,
    /// How many records there are beyond those.
    #[serde(default)]
    pub left_out: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub title: Word,
    pub columns: Vec<Word>,
    pub rows: Vec<Row>,
    /// How many rows there are beyond those.
    #[serde(default)]
    pub left_out: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// One for each column.
    pub cells: Vec<Datum>,
    /// What the row is about, or counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<String>,
    /// Behind single cells, where those are figures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<Behind>,
}

/// The records behind the figure in one column of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Behind {
    /// From 0.
    pub column: usize,
    pub records: Vec<String>,
    /// How many there are beyond those.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// A chart as its data: one value for each label and series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    pub title: Word,
    pub form: Form,
    pub labels: Vec<Datum>,
    pub series: Vec<Series>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    Bars,
    Line,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub name: Text,
    /// `None`: not known.
    pub values: Vec<Option<f64>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub text: Text,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<String>,
}

/// A text in words that are known in every language, or as somebody typed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Text {
    Word(Word),
    /// With what is filled in.
    Said(Word, Vec<Datum>),
    Plain(String),
}

/// A value, apart from how it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Datum {
    /// There is none.
    None,
    Count(u64),
    /// In milliseconds.
    Length(i64),
    /// `part` of `whole`, written with so many decimals of a percent.
    Share {
        part: u64,
        whole: u64,
        decimals: u8,
    },
    /// The mean of `n` scores.
    Score {
        sum: u64,
        n: u64,
    },
    /// A percentage with a point, as it was worked out; it may be negative.
    Percent(String),
    /// Another number with a point.
    Decimal(String),
    At(Instant),
    /// The day of an instant.
    Day(Instant),
    Text(Text),
}

impl Document {
    pub fn section(&self, title: Word) -> Option<&Section> {
        self.sections.iter().find(|s| s.title == title)
    }
}

impl Row {
    /// The records behind the figure of a column.
    pub fn behind(&self, column: usize) -> Option<&Behind> {
        self.behind.iter().find(|b| b.column == column)
    }
}

impl Document {
    /// The same with so few records named that it stays within what is kept; how many are left out stands
    /// with each figure.
    pub fn named_within(mut self, most: usize) -> Self {
        let mut each = MOST_RECORDS;
        while self.named() > most && each > 0 {
            each /= 2;
            self.keep(each);
        }
        self
    }

    fn named(&self) -> usize {
        let of = |block: &Block| match block {
            Block::Figures(all) => all.iter().map(|f| f.records.len()).sum(),
            Block::Table(table) => {
                let row = |r: &Row| {
                    r.records.len() + r.behind.iter().map(|b| b.records.len()).sum::<usize>()
                };
                table.rows.iter().map(row).sum()
            }
            _ => 0,
        };
        self.sections.iter().flat_map(|s| &s.blocks).map(of).sum()
    }

    fn keep(&mut self, each: usize) {
        let cut = |records: &mut Vec<String>, left_out: &mut usize| {
            *left_out += records.len().saturating_sub(each);
            records.truncate(each);
        };
        for block in self.sections.iter_mut().flat_map(|s| &mut s.blocks) {
            match block {
                Block::Figures(all) => {
                    for f in all {
                        cut(&mut f.records, &mut f.left_out);
                    }
                }
                Block::Table(table) => {
                    for row in table.rows.iter_mut().filter(|r| !r.behind.is_empty()) {
                        row.records.truncate(each);
                        for b in &mut row.behind {
                            cut(&mut b.records, &mut b.left_out);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

impl Section {
    pub fn new(title: Word, blocks: Vec<Block>) -> Self {
        Self { title, blocks }
    }
}

impl Table {
    pub fn new(title: Word, columns: &[Word]) -> Self {
        Self { title, columns: columns.to_vec(), rows: Vec::new(), left_out: 0 }
    }

    /// Adds a row about these, or counts it where the table is full.
    pub fn row(&mut self, cells: Vec<Datum>, records: Vec<String>) {
        self.push(Row { cells, records, behind: Vec::new() });
    }

    /// Adds a row of figures, each with the records behind it; what has none is its name.
    pub fn figures(&mut self, cells: Vec<(Datum, Records)>) {
        let mut row = Row { cells: Vec::new(), records: Vec::new(), behind: Vec::new() };
        for (column, (cell, Records { named: records, left_out })) in cells.into_iter().enumerate()
        {
            row.cells.push(cell);
            if records.is_empty() {
                continue;
            }
            let named: BTreeSet<&String> = row.records.iter().collect();
            let more = records.iter().filter(|r| !named.contains(r)).cloned().collect::<Vec<_>>();
            row.records.extend(more);
            row.behind.push(Behind { column, records, left_out });
        }
        row.records.truncate(MOST_RECORDS);
        self.push(row);
    }

    fn push(&mut self, row: Row) {
        if self.rows.len() < MOST_ROWS {
            self.rows.push(row);
        } else {
            self.left_out += 1;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Text {
    pub fn plain(text: impl Into<String>) -> Self {
        Self::Plain(text.into())
    }
}

impl Datum {
    pub fn word(word: Word) -> Self {
        Self::Text(Text::Word(word))
    }

    pub fn plain(text: impl Into<String>) -> Self {
        Self::Text(Text::Plain(text.into()))
    }

    /// A text that may be missing.
    pub fn maybe(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::None, Self::plain)
    }

    pub fn count(n: usize) -> Self {
        Self::Count(n as u64)
    }
}

impl From<Word> for Text {
    fn from(word: Word) -> Self {
        Self::Word(word)
    }
}

impl KeyFigure {
    /// A figure that is not compared. Of many records the first are kept by name.
    pub fn new(name: Word, value: Datum, n: usize, records: impl Into<Records>) -> Self {
        let Records { named: records, left_out } = records.into();
        Self { name, value, before: None, n, records, left_out }
    }
}

/// The records behind a figure: of many the first [`MOST_RECORDS`] by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Records {
    pub named: Vec<String>,
    pub left_out: usize,
}

/// As they are called.
pub fn records<T: Display>(all: &[T]) -> Records {
    all.iter().collect()
}

impl<T: ToString> FromIterator<T> for Records {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let mut all = all.into_iter();
        // What is only counted needs no text.
        let named = all.by_ref().take(MOST_RECORDS).map(|record| record.to_string()).collect();
        Self { named, left_out: all.count() }
    }
}

impl From<Vec<String>> for Records {
    fn from(all: Vec<String>) -> Self {
        all.into_iter().collect()
    }
}

impl Records {
    /// These, and then those.
    pub fn and(mut self, those: Self) -> Self {
        let room = MOST_RECORDS.saturating_sub(self.named.len());
        self.left_out += those.left_out + those.named.len().saturating_sub(room);
        self.named.extend(those.named.into_iter().take(room));
        self
    }
}

/// One taking place of a window, as a record is called: `WIN-3@2026-11-24T22:00`, local time of the window.
pub fn window(key: &Key) -> String {
    format!("{}@{}", key.window, key.original.format("%Y-%m-%dT%H:%M"))
}
