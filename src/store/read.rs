//! What is read: the incidents at start-up, the delta of the log, timelines and the audit trail.

use sqlx::{Any, Executor};

use super::codec::{EventRow, decode, instant, int, millis, natural, newer};
use super::records::{self, Made};
use super::{Record, Store, StoreError};
use crate::domain::calendar::Calendar;
use crate::domain::health::ServiceId;
use crate::domain::incident::lifecycle::fold;
use crate::domain::incident::views::SharedViews;
use crate::domain::incident::{Event, Incident, IncidentId, Priority};
use crate::domain::log::{EVENT_VERSION, Entry};
use crate::domain::paging::Pages;
use crate::domain::report::{Document, Reports};
use crate::domain::roster::Book;
use crate::domain::time::{Instant, Interval};
use crate::domain::upstream::Orders;

/// Where the log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The position of the last event; 0 if there is none.
    pub position: u64,
    /// When it happened.
    pub at: Instant,
}

/// A place in the order of the open incidents: the most urgent first, of those the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub priority: Priority,
    pub id: IncidentId,
}

/// What a console begins with, all of one moment.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub head: Head,
    /// The number of the next incident.
    pub next_id: u64,
    /// The open ones, in the order of their [`Place`].
    pub incidents: Vec<Incident>,
    /// The last of them, if there may be more; [`Store::open_after`] reads those.
    pub last: Option<Place>,
    /// The overrides of the roster.
    pub book: Book,
    /// The windows that were made here, and what became of all; without those of the plan.
    pub calendar: Calendar,
    /// Who was paged, and whether it arrived.
    pub pages: Pages,
    /// What was ordered of other systems, and whether it was done.
    pub orders: Orders,
    /// The views that everybody has.
    pub views: SharedViews,
    /// Handovers and reports, without their documents.
    pub reports: Reports,
}

/// Events and incidents read at a time, so that no answer is unbounded.
pub(super) const PAGE: i64 = 1_000;

const OPEN: &str = "SELECT id, doc FROM incidents \
    WHERE open_key IS NOT NULL AND (priority, id) > ($1, $2) ORDER BY priority, id LIMIT $3";
/// Resolved ones are all recent: they are still to be closed, or may reopen.
const RECENT: &str = "SELECT id, doc FROM incidents WHERE id < $2 AND (state = 'resolved' \
    OR (state IN ('closed', 'cancelled') AND updated_at >= $1)) ORDER BY id DESC LIMIT 1000";
const OF_SERVICE: &str = "SELECT id, doc FROM incidents WHERE id > $1 AND service = $2 \
    AND (updated_at >= $3 OR state IN ('new', 'acknowledged', 'on_hold')) ORDER BY id LIMIT 1000";
const ALL: &str = "SELECT id, doc FROM incidents WHERE id > $1 ORDER BY id LIMIT 1000";

/// Those that a stretch of time has to do with: opened before its end, and changed in it or later, or open.
const OVER: &str = "SELECT id, doc FROM incidents WHERE id > $1 AND opened_at < $3 \
    AND (updated_at >= $2 OR state IN ('new', 'acknowledged', 'on_hold')) ORDER BY id LIMIT 1000";
/// A kind of events between two positions; the pattern is what their bodies begin with.
const KIND: &str = "SELECT position, at, incident, writer, actor, body FROM events \
    WHERE position > $1 AND position <= $2 AND body LIKE $3 ORDER BY position LIMIT 1000";

const RECORDS: &str = "SELECT kind, id, version, doc FROM records ORDER BY kind, id";
/// What a start needs of them: documents are read when they are looked at.
const NEEDED: &str =
    "SELECT kind, id, version, doc FROM records WHERE kind <> 'document' ORDER BY kind, id";
const DOCUMENT: &str =
    "SELECT kind, id, version, doc FROM records WHERE kind = 'document' AND id = $1";
const PAGES: &str = "SELECT kind, id, version, doc FROM records WHERE kind = 'page' ORDER BY id";
const ORDERS: &str = "SELECT kind, id, version, doc FROM records WHERE kind = 'order' ORDER BY id";
const VIEWS: &str = "SELECT kind, id, version, doc FROM records WHERE kind = 'view' ORDER BY id";

const EVENT: &str = "SELECT position, at, incident, writer, actor, body FROM events \
    WHERE position > $1 ORDER BY position LIMIT 1000";
const TIMELINE: &str = "SELECT position, at, incident, writer, actor, body FROM events \
    WHERE incident = $1 AND position <= $2 ORDER BY position";

/// Whether a record is one of a kind.
type Is = fn(&Record) -> bool;

impl Store {
    /// The head, and all open incidents as they are there.
    pub async fn load(&self) -> Result<Loaded, StoreError> {
        self.load_most(i64::MAX).await
    }

    /// The head, and the most urgent of the open incidents: at most `most` of them.
    pub async fn load_urgent(&self, most: u16) -> Result<Loaded, StoreError> {
        self.load_most(most.into()).await
    }

    async fn load_most(&self, most: i64) -> Result<Loaded, StoreError> {
        let fail = |e| self.explain("be read", &e);
        let mut tx = self.pool.begin_with(self.location.begin_read()).await.map_err(fail)?;
        let head = head(&mut *tx).await.map_err(fail)?;
        let highest: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(id), 0) FROM incidents")
            .fetch_one(&mut *tx)
            .await
            .map_err(fail)?;
        let rows: Vec<(i64, String)> = open_ones(&mut *tx, None, most).await.map_err(fail)?;
        let records: Vec<RecordRow> =
            sqlx::query_as(NEEDED).fetch_all(&mut *tx).await.map_err(fail)?;
        drop(tx);
        let incidents = self.incidents_of(&rows).await?;
        let is_full = i64::try_from(rows.len()).is_ok_and(|read| read == most);
        let last = incidents.last().filter(|_| is_full).map(Place::of);
        let records: Vec<Record> = records.into_iter().map(record).collect();
        let book = records::book(self, &records)?;
        let calendar = records::calendar(self, &records)?;
        let pages = records::pages(self, &records)?;
        let orders = records::orders(self, &records)?;
        let views = records::views(self, &records)?;
        let reports = records::reports(self, &records)?;
        let next_id = natural(highest) + 1;
        Ok(Loaded { head, next_id, incidents, last, book, calendar, pages, orders, views, reports })
    }

    /// The open incidents after that place, as they are now; at most 1,000.
    pub async fn open_after(&self, place: Place) -> Result<Vec<Incident>, StoreError> {
        let rows = open_ones(&self.pool, Some(place), PAGE).await;
        self.incidents_of(&rows.map_err(|e| self.explain("be read", &e))?).await
    }

    /// The pages of the last months, and whatever of them is not settled.
    pub async fn pages(&self) -> Result<Pages, StoreError> {
        let rows: Vec<RecordRow> = sqlx::query_as(PAGES)
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.explain("be read", &e))?;
        records::pages(self, &rows.into_iter().map(record).collect::<Vec<_>>())
    }

    /// The orders of the last months, and whatever of them is not settled.
    pub async fn orders(&self) -> Result<Orders, StoreError> {
        let rows: Vec<RecordRow> = sqlx::query_as(ORDERS)
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.explain("be read", &e))?;
        records::orders(self, &rows.into_iter().map(record).collect::<Vec<_>>())
    }

    /// The views that everybody has.
    pub async fn views(&self) -> Result<SharedViews, StoreError> {
        let rows: Vec<RecordRow> = sqlx::query_as(VIEWS)
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.explain("be read", &e))?;
        records::views(self, &rows.into_iter().map(record).collect::<Vec<_>>())
    }

    /// A document that was frozen, by its name: `HO-3`, `SR-2.1`.
    pub async fn document(&self, name: &str) -> Result<Option<Document>, StoreError> {
        let rows: Vec<RecordRow> = sqlx::query_as(DOCUMENT)
            .bind(name)
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.explain("be read", &e))?;
        let Some(doc) = rows.into_iter().next().and_then(|(_, _, _, doc)| doc) else {
            return Ok(None);
        };
        serde_json::from_str(&doc).map(Some).map_err(|e| StoreError::Failed {
            store: self.to_string(),
            doing: "read a document",
            reason: format!("{name} makes no sense ({e})"),
            remedy: "a newer console may have written it; update this one".to_owned(),
        })
    }

    /// Where the log ends now.
    pub async fn head(&self) -> Result<Head, StoreError> {
        self.in_place(super::file::Identity::is_in_place)?;
        head(&self.pool).await.map_err(|e| self.explain("be read", &e))
    }

    /// Resolved incidents, and the ended ones that changed since `since`; newest first, at most
    /// 1,000 with ids below `before`.
    pub async fn recent(
        &self,
        since: Instant,
        before: Option<IncidentId>,
    ) -> Result<Vec<Incident>, StoreError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(RECENT)
            .bind(millis(since))
            .bind(before.map_or(i64::MAX, |id| int(id.0)))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.explain("be read", &e))?;
        self.incidents_of(&rows).await
    }

    /// Every incident with an id above `after`, oldest first, at most 1,000.
    pub async fn incidents(&self, after: Option<IncidentId>) -> Result<Vec<Incident>, StoreError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(ALL)
            .bind(after.map_or(0, |id| int(id.0)))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.explain("be read", &e))?;
        self.incidents_of(&rows).await
    }

    /// Hands every incident that a stretch of time has to do with to `each`, oldest first: those that were
    /// opened before its end, and are open or changed in it or later. A page at a time.
    pub async fn over(
        &self,
        span: Interval,
        mut each: impl FnMut(Incident) + Send,
    ) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let rows: Vec<(i64, String)> = sqlx::query_as(OVER)
                .bind(after)
                .bind(millis(span.from))
                .bind(millis(span.to))
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.explain("be read", &e))?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = *last;
            self.incidents_of(&rows).await?.into_iter().for_each(&mut each);
        }
    }

    /// When the first thing was recorded; `None`: nothing ever was.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn begun_at(&self) -> Result<Option<Instant>, StoreError> {
        let first: Option<i64> =
            sqlx::query_scalar("SELECT at FROM events ORDER BY position LIMIT 1")
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| self.explain("be read", &e))?;
        Ok(first.map(instant))
    }

    /// The events of incidents of one kind that happened in a stretch of time, oldest first.
    pub async fn events_of_kind(
        &self,
        kind: &str,
        span: Interval,
    ) -> Result<Vec<Event>, StoreError> {
        let (mut after, last) =
            (self.last_before(span.from).await?, self.last_before(span.to).await?);
        let mut found = Vec::new();
        loop {
            let rows: Vec<EventRow> = sqlx::query_as(KIND)
                .bind(int(after))
                .bind(int(last))
                .bind(format!("%\"kind\":\"{kind}\"%"))
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.explain("be read", &e))?;
            let Some(row) = rows.last() else { return Ok(found) };
            after = natural(row.0);
            for row in &rows {
                if let Entry::Incident(event) = decode(self, row)?
                    && event.body.kind() == kind
                {
                    found.push(event);
                }
            }
        }
    }

    /// Hands the incidents of a service to `each`, oldest first: those that are open, or changed since
    /// `since`. A page at a time.
    pub async fn of_service(
        &self,
        service: &ServiceId,
        since: Instant,
        mut each: impl FnMut(Incident) + Send,
    ) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let rows: Vec<(i64, String)> = sqlx::query_as(OF_SERVICE)
                .bind(after)
                .bind(service.as_str())
                .bind(millis(since))
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.explain("be read", &e))?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = *last;
            self.incidents_of(&rows).await?.into_iter().for_each(&mut each);
        }
    }

    /// One incident as it is now.
    pub async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, doc FROM incidents WHERE id = $1")
                .bind(int(id.0))
                .fetch_all(&self.pool)
                .await
                .map_err(|e| self.explain("be read", &e))?;
        Ok(self.incidents_of(&rows).await?.pop())
    }

    /// One incident as it was when the log ended at `position`.
    pub async fn incident_at(
        &self,
        id: IncidentId,
        position: u64,
    ) -> Result<Option<Incident>, StoreError> {
        match self.incident(id).await? {
            Some(incident) if incident.version > position => {
                Ok(replay(&self.events_of(id, position).await?))
            }
            now => Ok(now),
        }
    }

    /// The events of one incident, oldest first.
    pub async fn timeline(&self, id: IncidentId) -> Result<Vec<Event>, StoreError> {
        self.events_of(id, u64::MAX).await
    }

    /// At most 1,000 events after `position`.
    pub async fn events_after(&self, position: u64) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<EventRow> = sqlx::query_as(EVENT)
            .bind(int(position))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.explain("be read", &e))?;
        rows.iter().map(|row| decode(self, row)).collect()
    }

    /// The audit trail: hands every event with `from <= at < to` to `each`, in order.
    pub async fn audit(
        &self,
        from: Option<Instant>,
        to: Option<Instant>,
        mut each: impl FnMut(Entry) + Send,
    ) -> Result<(), StoreError> {
        let mut after = match from {
            Some(from) => self.last_before(from).await?,
            None => 0,
        };
        loop {
            let events = self.events_after(after).await?;
            let Some(last) = events.last() else { return Ok(()) };
            after = last.position();
            for event in events {
                if to.is_some_and(|to| event.at() >= to) {
                    return Ok(());
                }
                each(event);
            }
        }
    }

    /// A position after which everything happened at `from` or later. Times never go back along the
    /// log, so it is halved until found, without an index that every append would pay for.
    async fn last_before(&self, from: Instant) -> Result<u64, StoreError> {
        let (mut before, mut end) = (0, self.head().await?.position + 1);
        while end - before > 1 {
            let middle = before + (end - before) / 2;
            let next: Option<i64> = sqlx::query_scalar(
                "SELECT at FROM events WHERE position >= $1 ORDER BY position LIMIT 1",
            )
            .bind(int(middle))
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| self.explain("be read", &e))?;
            if next.is_some_and(|at| instant(at) < from) {
                before = middle;
            } else {
                end = middle;
            }
        }
        Ok(before)
    }

    /// Compares the incidents with what replaying the whole log gives; one line for each difference,
    /// none if all is well.
    pub async fn verify(&self) -> Result<Vec<String>, StoreError> {
        let mut replayed = std::collections::BTreeMap::new();
        let mut made = Made::default();
        let mut differences = Vec::new();
        let mut position = 0;
        loop {
            let events = self.events_after(position).await?;
            let Some(last) = events.last() else { break };
            let expected = position + events.len() as u64;
            if last.position() != expected {
                differences.push(format!("events are missing between {position} and {expected}"));
            }
            position = last.position();
            for entry in events {
                made.fold(&entry);
                if let Entry::Incident(event) = entry
                    && let Some(next) = fold(replayed.get(&event.incident), &event)
                {
                    replayed.insert(event.incident, next);
                }
            }
        }
        let head = self.head().await?.position;
        if head != position {
            differences.push(format!("the log ends at {position}, its head says {head}"));
        }
        let mut after = None;
        loop {
            let page = self.incidents(after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for stored in page {
                let id = stored.id;
                match replayed.remove(&id) {
                    Some(again) if again == stored => {}
                    Some(_) => differences.push(format!("{id} differs from what its events say")),
                    None => differences.push(format!("{id} has no events")),
                }
            }
        }
        differences.extend(replayed.keys().map(|id| format!("{id} has events but is missing")));
        let stored: Vec<RecordRow> = sqlx::query_as(RECORDS)
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.explain("be read", &e))?;
        // In our order, whatever the database's is.
        let mut stored: Vec<Record> = stored.into_iter().map(record).collect();
        stored.sort_by(|a, b| (&a.kind, &a.id).cmp(&(&b.kind, &b.id)));
        let made = made.records();
        let of = |records: &[Record], what: Is| {
            records.iter().filter(|r| what(r)).cloned().collect::<Vec<_>>()
        };
        let parts: [(&str, Is); 6] = [
            ("the roster differs from what its events say", records::is_of_roster),
            ("the pages differ from what their events say", records::is_of_page),
            ("the orders differ from what their events say", records::is_of_order),
            ("the views differ from what their events say", records::is_of_view),
            ("the reports differ from what their events say", records::is_of_report),
            ("the calendar differs from what its events say", |r| {
                let others = [
                    records::is_of_roster,
                    records::is_of_page,
                    records::is_of_order,
                    records::is_of_view,
                    records::is_of_report,
                ];
                others.iter().all(|is_of| !is_of(r))
            }),
        ];
        let differ = parts.into_iter().filter(|(_, what)| of(&stored, *what) != of(&made, *what));
        differences.extend(differ.map(|(said, _)| said.to_owned()));
        Ok(differences)
    }

    /// Why this console must not write: a newer one wrote events that it may not understand.
    pub(super) async fn newer_events(&self) -> Result<Option<String>, StoreError> {
        let (format, writer): (i64, String) =
            sqlx::query_as("SELECT format, writer FROM log WHERE id = 1")
                .fetch_one(&self.pool)
                .await
                .map_err(|e| self.explain("be read", &e))?;
        Ok((format > i64::from(EVENT_VERSION)).then(|| {
            let reason = format!("its events are of format {format}, known is {EVENT_VERSION}");
            newer(self, &writer, reason).to_string()
        }))
    }

    async fn events_of(&self, id: IncidentId, until: u64) -> Result<Vec<Event>, StoreError> {
        let rows: Vec<EventRow> = sqlx::query_as(TIMELINE)
            .bind(int(id.0))
            .bind(int(until))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.explain("be read", &e))?;
        let entries = rows.iter().map(|row| decode(self, row)).collect::<Result<Vec<_>, _>>()?;
        let of_incident = |entry| match entry {
            Entry::Incident(event) => Some(event),
            _ => None,
        };
        Ok(entries.into_iter().filter_map(of_incident).collect())
    }

    /// The documents as incidents; one that cannot be read is made again from its events.
    async fn incidents_of(&self, rows: &[(i64, String)]) -> Result<Vec<Incident>, StoreError> {
        let mut incidents = Vec::with_capacity(rows.len());
        for (id, doc) in rows {
            let id = IncidentId(natural(*id));
            match serde_json::from_str::<Incident>(doc) {
                Ok(incident) => incidents.push(incident),
                Err(e) => match replay(&self.timeline(id).await?) {
                    Some(incident) => {
                        tracing::warn!("{id} could not be read ({e}); made again from its events");
                        incidents.push(incident);
                    }
                    None => {
                        return Err(StoreError::Failed {
                            store: self.to_string(),
                            doing: "read an incident",
                            reason: format!("{id} makes no sense ({e}) and has no events"),
                            remedy: "restore a backup".to_owned(),
                        });
                    }
                },
            }
        }
        Ok(incidents)
    }
}

impl Place {
    pub fn of(incident: &Incident) -> Self {
        Self { priority: incident.priority, id: incident.id }
    }
}

async fn open_ones<'e, E>(
    executor: E,
    after: Option<Place>,
    most: i64,
) -> Result<Vec<(i64, String)>, sqlx::Error>
where
    E: Executor<'e, Database = Any>,
{
    let (priority, id) = after.map_or((0, 0), |p| (p.priority.0.into(), int(p.id.0)));
    sqlx::query_as(OPEN).bind::<i64>(priority).bind(id).bind(most).fetch_all(executor).await
}

/// `kind, id, version, doc`
type RecordRow = (String, String, i64, Option<String>);

fn record((kind, id, version, doc): RecordRow) -> Record {
    Record { kind, id, version: natural(version), doc }
}

/// What a row of events makes of an incident.
fn replay(events: &[Event]) -> Option<Incident> {
    events.iter().fold(None, |incident, event| fold(incident.as_ref(), event).or(incident))
}

async fn head<'e, E>(executor: E) -> Result<Head, sqlx::Error>
where
    E: Executor<'e, Database = Any>,
{
    let (position, at): (i64, i64) =
        sqlx::query_as("SELECT head, at FROM log WHERE id = 1").fetch_one(executor).await?;
    Ok(Head { position: natural(position), at: instant(at) })
}
