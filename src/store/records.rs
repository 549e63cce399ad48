//! What the log makes beside incidents, as rows and back.

use super::StoreError;
use crate::domain::log::Recorded;
use crate::domain::roster::{Book, Change, Override, OverrideId};

/// Something that the log makes, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub kind: String,
    /// Unique among its kind.
    pub id: String,
    /// The position of the last event that changed it.
    pub version: u64,
    /// As JSON; `None` once it is gone.
    pub doc: Option<String>,
}

const OVERRIDE: &str = "override";

/// What these changes touched, as it is in the book after them; each once.
pub fn of_roster(book: &Book, changes: &[&Recorded<Change>]) -> Vec<Record> {
    let mut touched: Vec<(OverrideId, u64)> = changes
        .iter()
        .rev()
        .flat_map(|c| c.body.touches().into_iter().map(|id| (id, c.position)))
        .collect();
    touched.sort_by_key(|(id, _)| *id);
    // The newest change comes first among those of one id.
    touched.dedup_by_key(|(id, _)| *id);
    let record = |(id, version): (OverrideId, u64)| Record {
        kind: OVERRIDE.to_owned(),
        id: id.0.to_string(),
        version,
        doc: book.get(id).and_then(|one| serde_json::to_string(one).ok()),
    };
    touched.into_iter().map(record).collect()
}

/// The book that rows stand for.
///
/// # Errors
/// A row that makes no sense.
pub fn book(store: &dyn std::fmt::Display, records: &[Record]) -> Result<Book, StoreError> {
    let rows = records.iter().filter(|r| r.kind == OVERRIDE);
    let mut overrides = Vec::new();
    let mut last = 0;
    for row in rows {
        let id: u64 = row.id.parse().unwrap_or(0);
        last = last.max(id);
        let Some(doc) = &row.doc else { continue };
        let one: Override = serde_json::from_str(doc).map_err(|e| StoreError::Failed {
            store: store.to_string(),
            doing: "read an override",
            reason: format!("override {} makes no sense ({e})", row.id),
            remedy: "export what can be read and restore a backup".to_owned(),
        })?;
        overrides.push(one);
    }
    Ok(Book::new(overrides, last))
}
