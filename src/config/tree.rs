//! TOML as plain data in which every key and value knows its place, so that files can be merged and
//! errors point at the right line.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Report};

/// A value and where it stands. No `Debug`: it may hold secrets.
#[derive(Clone, Hash)]
pub struct Node {
    pub at: At,
    pub value: Value,
}

/// A place that does not take part in comparisons: moving a table is not a change of it.
#[derive(Clone, Copy)]
pub struct At(pub Place);

impl std::hash::Hash for At {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

#[derive(Clone, Hash)]
pub enum Value {
    Text(String),
    Integer(i64),
    /// As written, for equality.
    Float(String),
    Bool(bool),
    Date(String),
    List(Vec<Node>),
    Table(Table),
}

/// Entries in the order of the file.
#[derive(Clone, Hash, Default)]
pub struct Table(pub Vec<Entry>);

#[derive(Clone, Hash)]
pub struct Entry {
    pub key: String,
    pub at: At,
    pub node: Node,
}

impl Table {
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|e| e.key == key)
    }
}

impl Value {
    /// What it is, in a sentence.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Reads file number `file` of the report; what is not TOML is reported, the rest is used.
pub fn parse(report: &Report, file: usize) -> Table {
    let Some(source) = report.files().get(file) else { return Table::default() };
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().replace('\n', ", ");
        report.error(Place { file, start: span.start, end: span.end }, message, "");
    }
    take_table(report, file, table.get_ref())
}

fn take_table(report: &Report, file: usize, table: &DeTable<'_>) -> Table {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            at: place(file, key.span()),
            node: take(report, file, value),
        })
        .collect();
    entries.sort_by_key(|e| e.at.0.start);
    Table(entries)
}

fn take(report: &Report, file: usize, value: &Spanned<DeValue<'_>>) -> Node {
    let at = place(file, value.span());
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(n) => {
            let number = i64::from_str_radix(n.as_str(), n.radix()).ok();
            if number.is_none() {
                report.error(at.0, "this number is too large", "");
            }
            Value::Integer(number.unwrap_or_default())
        }
        DeValue::Float(n) => Value::Float(n.as_str().to_owned()),
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Datetime(d) => Value::Date(d.to_string()),
        DeValue::Array(list) => Value::List(list.iter().map(|v| take(report, file, v)).collect()),
        DeValue::Table(table) => Value::Table(take_table(report, file, table)),
    };
    Node { at, value }
}

fn place(file: usize, span: std::ops::Range<usize>) -> At {
    At(Place { file, start: span.start, end: span.end })
}

/// Joins a further file into what is there: lists are appended, tables merged key by key; anything
/// else that stands in both is a clash.
pub fn merge(report: &Report, into: &mut Table, from: Table) {
    if into.0.is_empty() {
        *into = from;
        return;
    }
    for entry in from.0 {
        let Some(present) = into.0.iter_mut().find(|e| e.key == entry.key) else {
            into.0.push(entry);
            continue;
        };
        match (&mut present.node.value, entry.node.value) {
            (Value::List(a), Value::List(b)) => a.extend(b),
            (Value::Table(a), Value::Table(b)) => merge(report, a, b),
            _ => report.clash(
                entry.at.0,
                present.at.0,
                format!("\"{}\" is set in two files", entry.key),
                "keep one of them",
            ),
        }
    }
}
