//! What the log makes beside incidents, as rows and back.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::StoreError;
use crate::domain::calendar::lifecycle::apply;
use crate::domain::calendar::{Calendar, CalendarEvent, Document, Part};
use crate::domain::incident::views::{Shared, SharedViews};
use crate::domain::log::{Entry, Recorded};
use crate::domain::paging::{Page, PageId, Pages};
use crate::domain::report::Reports;
use crate::domain::report::book::Part as ReportPart;
use crate::domain::roster::{Book, Change, Override, OverrideId};
use crate::domain::upstream::{Order, OrderId, Orders};

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
const PAGE: &str = "page";
const ORDER: &str = "order";
const VIEW: &str = "view";
/// What the calendar's are called; see [`Part::name`].
const WINDOW: &str = "window";
const CALENDAR: [&str; 3] = [WINDOW, "occurrence", "exceptions"];

/// What entries of the log make beside incidents, so far.
#[derive(Debug, Clone, Default)]
pub struct Made {
    pub book: Book,
    pub calendar: Calendar,
    pub pages: Pages,
    pub orders: Orders,
    /// Those that were touched, each with the last event that did.
    paged: BTreeMap<PageId, u64>,
    ordered: BTreeMap<OrderId, u64>,
    pub views: SharedViews,
    viewed: BTreeMap<String, u64>,
    pub reports: Reports,
    /// What was touched of them, with the last event that did, and the documents among it.
    reported: BTreeMap<(ReportPart, String), u64>,
    documents: BTreeMap<String, String>,
    changes: Vec<Recorded<Change>>,
    planned: Vec<Recorded<CalendarEvent>>,
}

impl Made {
    /// On what there is already.
    pub fn on(book: &Book, calendar: &Calendar, pages: &Pages, orders: &Orders) -> Self {
        let (book, calendar) = (book.clone(), calendar.clone());
        let (pages, orders) = (pages.clone(), orders.clone());
        Self { book, calendar, pages, orders, ..Self::default() }
    }

    /// On these views as well.
    pub fn with_views(self, views: &SharedViews) -> Self {
        Self { views: views.clone(), ..self }
    }

    /// On these handovers and reports as well.
    pub fn with_reports(self, reports: &Reports) -> Self {
        Self { reports: reports.clone(), ..self }
    }

    /// Folds one that is about no incident.
    pub fn fold(&mut self, entry: &Entry) {
        match entry {
            Entry::Incident(_) => {}
            Entry::Roster(change) => {
                self.book.apply(change);
                self.changes.push(change.clone());
            }
            Entry::Calendar(change) => {
                apply(&mut self.calendar, change);
                self.planned.push(change.clone());
            }
            Entry::Paging(event) => {
                let touched = self.pages.apply(event);
                self.paged.extend(touched.into_iter().map(|id| (id, event.position)));
            }
            Entry::Upstream(event) => {
                let touched = self.orders.apply(event);
                self.ordered.extend(touched.into_iter().map(|id| (id, event.position)));
            }
            Entry::View(event) => {
                self.views.apply(event);
                self.viewed.insert(event.body.name().to_owned(), event.position);
            }
            Entry::Report(event) => {
                let touched = self.reports.apply(event);
                self.reported.extend(touched.into_iter().map(|part| (part, event.position)));
                if let Some((name, document)) = event.body.document()
                    && let Ok(doc) = serde_json::to_string(document)
                {
                    self.documents.insert(name, doc);
                }
            }
        }
    }

    /// What those that were folded touched, as it is after them; each once, in order.
    pub fn records(&self) -> Vec<Record> {
        let mut records = of_roster(&self.book, &self.changes.iter().collect::<Vec<_>>());
        records.extend(of_calendar(&self.calendar, &self.planned.iter().collect::<Vec<_>>()));
        records.extend(self.paged.iter().map(|(id, version)| Record {
            kind: PAGE.to_owned(),
            id: id.0.to_string(),
            version: *version,
            doc: self.pages.get(*id).and_then(|page| serde_json::to_string(&**page).ok()),
        }));
        records.extend(self.ordered.iter().map(|(id, version)| Record {
            kind: ORDER.to_owned(),
            id: id.0.to_string(),
            version: *version,
            doc: self.orders.get(*id).and_then(|order| serde_json::to_string(&**order).ok()),
        }));
        records.extend(self.viewed.iter().map(|(name, version)| Record {
            kind: VIEW.to_owned(),
            id: name.clone(),
            version: *version,
            doc: self.views.get(name).and_then(|view| serde_json::to_string(view).ok()),
        }));
        records.extend(self.reported.iter().map(|((part, id), version)| Record {
            kind: part.name().to_owned(),
            id: id.clone(),
            version: *version,
            doc: match part {
                ReportPart::Document => self.documents.get(id).cloned(),
                part => self.reports.record(*part, id),
            },
        }));
        records.sort_by(|a, b| (&a.kind, &a.id).cmp(&(&b.kind, &b.id)));
        records
    }
}

/// What these events touched, as it is in the calendar after them; each once.
pub fn of_calendar(calendar: &Calendar, events: &[&Recorded<CalendarEvent>]) -> Vec<Record> {
    let touched = events.iter().flat_map(|e| e.body.touches().into_iter().map(|t| (t, e.position)));
    // The last position of each stays.
    let newest: BTreeMap<Part, u64> = touched.collect();
    let record = |(part, version): (Part, u64)| {
        let (kind, id) = part.name();
        let doc = calendar.document(&part).and_then(|d| serde_json::to_string(&d).ok());
        Record { kind: kind.to_owned(), id, version, doc }
    };
    newest.into_iter().map(record).collect()
}

/// The calendar that rows stand for, without its plan.
///
/// # Errors
/// A row that makes no sense.
pub fn calendar(store: &dyn std::fmt::Display, records: &[Record]) -> Result<Calendar, StoreError> {
    let rows = records.iter().filter(|r| CALENDAR.contains(&r.kind.as_str()));
    let read = |row: &Record| {
        let doc = row.doc.as_deref().map(serde_json::from_str::<Document>);
        doc.transpose().map_err(|e| StoreError::Failed {
            store: store.to_string(),
            doing: "read the calendar",
            reason: format!("the {} {} makes no sense ({e})", row.kind, row.id),
            remedy: "export what can be read and restore a backup".to_owned(),
        })
    };
    let documents = rows.filter_map(|row| read(row).transpose());
    let documents = documents.collect::<Result<Vec<_>, _>>()?;
    let names = records.iter().filter(|r| r.kind == WINDOW).map(|r| r.id.as_str());
    Ok(Calendar::restored(documents, names))
}

/// Whether it is one of the roster's.
pub(super) fn is_of_roster(record: &Record) -> bool {
    record.kind == OVERRIDE
}

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

/// Whether it is one of a page.
pub(super) fn is_of_page(record: &Record) -> bool {
    record.kind == PAGE
}

/// Whether it is one of an order.
pub(super) fn is_of_order(record: &Record) -> bool {
    record.kind == ORDER
}

/// The pages that rows stand for.
///
/// # Errors
/// A row that makes no sense.
pub fn pages(store: &dyn std::fmt::Display, records: &[Record]) -> Result<Pages, StoreError> {
    let (pages, last) = numbered::<Page>(store, records, PAGE, is_of_page)?;
    Ok(Pages::restored(pages, last))
}

/// The orders that rows stand for.
///
/// # Errors
/// A row that makes no sense.
pub fn orders(store: &dyn std::fmt::Display, records: &[Record]) -> Result<Orders, StoreError> {
    let (orders, last) = numbered::<Order>(store, records, ORDER, is_of_order)?;
    Ok(Orders::restored(orders, last))
}

/// Those of one kind, and the highest number that was given.
fn numbered<T: DeserializeOwned>(
    store: &dyn std::fmt::Display,
    records: &[Record],
    kind: &str,
    is_one: impl Fn(&Record) -> bool,
) -> Result<(Vec<T>, u64), StoreError> {
    let rows = || records.iter().filter(|r| is_one(r));
    let read = |row: &Record| {
        let one = row.doc.as_deref().map(serde_json::from_str::<T>);
        one.transpose().map_err(|e| StoreError::Failed {
            store: store.to_string(),
            doing: "read what went out",
            reason: format!("{kind} {} makes no sense ({e})", row.id),
            remedy: "export what can be read and restore a backup".to_owned(),
        })
    };
    let all = rows().filter_map(|row| read(row).transpose()).collect::<Result<_, _>>()?;
    let last = rows().filter_map(|r| r.id.parse().ok()).max().unwrap_or(0);
    Ok((all, last))
}

/// Whether it is one of a view.
pub(super) fn is_of_view(record: &Record) -> bool {
    record.kind == VIEW
}

/// The views that rows stand for.
///
/// # Errors
/// A row that makes no sense.
pub fn views(store: &dyn std::fmt::Display, records: &[Record]) -> Result<SharedViews, StoreError> {
    let read = |row: &Record| {
        let view = row.doc.as_deref().map(serde_json::from_str::<Shared>);
        view.transpose().map_err(|e| StoreError::Failed {
            store: store.to_string(),
            doing: "read a view",
            reason: format!("the view {:?} makes no sense ({e})", row.id),
            remedy: "export what can be read and restore a backup".to_owned(),
        })
    };
    let rows = records.iter().filter(|r| is_of_view(r));
    let views: Vec<Shared> =
        rows.filter_map(|row| read(row).transpose()).collect::<Result<_, _>>()?;
    Ok(SharedViews::restored(views))
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

/// Whether it is one of a handover or a report.
pub(super) fn is_of_report(record: &Record) -> bool {
    ReportPart::ALL.iter().any(|part| part.name() == record.kind)
}

/// The handovers and reports that rows stand for, without their documents.
///
/// # Errors
/// A row that makes no sense.
pub fn reports(store: &dyn std::fmt::Display, records: &[Record]) -> Result<Reports, StoreError> {
    let mut reports = Reports::default();
    for part in ReportPart::ALL {
        for row in records.iter().filter(|r| r.kind == part.name()) {
            let Some(doc) = &row.doc else { continue };
            reports.restore(part, doc).map_err(|e| StoreError::Failed {
                store: store.to_string(),
                doing: "read the reports",
                reason: format!("the {} {} makes no sense ({e})", row.kind, row.id),
                remedy: "export what can be read and restore a backup".to_owned(),
            })?;
        }
    }
    Ok(reports)
}
