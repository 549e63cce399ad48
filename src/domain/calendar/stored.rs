//! How the parts of a window that are not ours are written in events, and what of a calendar is kept
//! beside them: a start reads that instead of the whole log.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::Part;
use super::model::{FreezeException, Key, Window, WindowId};
use super::record::Record;
use super::state::{Calendar, Source, Version};
use crate::domain::time::{Instant, Interval};

/// A part of the calendar, as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Document {
    Window { versions: Vec<StoredVersion> },
    Occurrence { key: Key, record: Box<Record> },
    Exceptions { freeze: WindowId, exceptions: Vec<FreezeException> },
}

/// A version of a window; `None`: since ever, or for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredVersion {
    window: Arc<Window>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Instant>,
}

impl StoredVersion {
    fn of(version: &Version) -> Self {
        let unless = |at: Instant, end: Instant| (at != end).then_some(at);
        Self {
            window: version.window.clone(),
            from: unless(version.starts.from, Instant::MIN_UTC),
            to: unless(version.starts.to, Instant::MAX_UTC),
            since: unless(version.since, Instant::MIN_UTC),
        }
    }

    fn version(self) -> Version {
        let from = self.from.unwrap_or(Instant::MIN_UTC);
        let starts = Interval::new(from, self.to.unwrap_or(Instant::MAX_UTC));
        let since = self.since.unwrap_or(Instant::MIN_UTC);
        Version { window: self.window, source: Source::Store, starts, since }
    }
}

impl Part {
    /// What it is called where it is kept: its kind, and its name among its kind.
    pub fn name(&self) -> (&'static str, String) {
        match self {
            Self::Window(id) => ("window", id.to_string()),
            Self::Occurrence(key) => {
                ("occurrence", format!("{} {}", key.window, key.original.format("%FT%T")))
            }
            Self::Exceptions(freeze) => ("exceptions", freeze.to_string()),
        }
    }
}

impl Calendar {
    /// A part as it is kept; `None`: it is no more.
    pub fn document(&self, part: &Part) -> Option<Document> {
        match part {
            Part::Window(id) => {
                let own = self.windows.get(id)?.iter().filter(|v| v.source == Source::Store);
                let versions: Vec<_> = own.map(StoredVersion::of).collect();
                (!versions.is_empty()).then_some(Document::Window { versions })
            }
            Part::Occurrence(key) => {
                let record = Box::new((**self.records.get(key)?).clone());
                Some(Document::Occurrence { key: key.clone(), record })
            }
            Part::Exceptions(freeze) => {
                let exceptions = self.exceptions.get(freeze).filter(|e| !e.is_empty())?.clone();
                Some(Document::Exceptions { freeze: freeze.clone(), exceptions })
            }
        }
    }

    /// The calendar that documents stand for, without its plan. `names`: those of all windows that
    /// were ever added, so that no number is given twice.
    pub fn restored<'a>(
        documents: impl IntoIterator<Item = Document>,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut calendar = Self::default();
        for document in documents {
            match document {
                Document::Window { versions } => {
                    let versions: Vec<_> =
                        versions.into_iter().map(StoredVersion::version).collect();
                    if let Some(id) = versions.first().map(|v| v.window.id.clone()) {
                        calendar.windows.insert(id, versions);
                    }
                }
                Document::Occurrence { key, record } => calendar.records.set(&key, Some(*record)),
                Document::Exceptions { freeze, exceptions } => {
                    calendar.exceptions.insert(freeze, exceptions);
                }
            }
        }
        let numbers = names.into_iter().filter_map(super::model::number);
        calendar.numbered = numbers.max().unwrap_or(0);
        calendar
    }
}

/// A recurrence in the words of iCalendar.
pub(super) mod recurrence {
    use chrono::NaiveDateTime;
    use chrono_tz::Tz;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::domain::time::{Recurrence, Rule};

    #[derive(Serialize, Deserialize)]
    struct Stored {
        dtstart: NaiveDateTime,
        tzid: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rrule: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rdate: Vec<NaiveDateTime>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exdate: Vec<NaiveDateTime>,
    }

    pub fn serialize<S: Serializer>(value: &Recurrence, to: S) -> Result<S::Ok, S::Error> {
        let stored = Stored {
            dtstart: value.start,
            tzid: value.zone.name().to_owned(),
            rrule: value.rule.as_ref().map(ToString::to_string),
            rdate: value.also.clone(),
            exdate: value.except.clone(),
        };
        stored.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Recurrence, D::Error> {
        let stored = Stored::deserialize(from)?;
        let zone: Tz = stored.tzid.parse().map_err(de::Error::custom)?;
        let mut recurrence = Recurrence::once(stored.dtstart, zone);
        let rule = stored.rrule.map(|text| Rule::parse(&text)).transpose();
        recurrence.rule = rule.map_err(de::Error::custom)?;
        recurrence.also = stored.rdate;
        recurrence.except = stored.exdate;
        Ok(recurrence)
    }
}
