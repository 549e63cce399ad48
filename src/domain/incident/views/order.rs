//! How the queue is laid out: by what it is sorted and grouped, and which columns it has. Written and
//! read as words, in files and in the log alike.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::incident::Incident;
use crate::domain::time::Instant;

/// The most keys that a sort has.
pub const MOST_KEYS: usize = 3;

/// What is known of an incident in a word: what the queue shows, and what it can be sorted by. The
/// order is the one in which they stand on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    Priority,
    Id,
    Age,
    State,
    Service,
    What,
    Who,
    Sla,
    Team,
    Source,
    Category,
    Alerts,
    Opened,
    Acknowledged,
    Waits,
    Since,
}

/// One column and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortKey {
    pub column: Column,
    /// Ascending means: most urgent, youngest, A before Z.
    pub descending: bool,
}

/// The order of the queue: the first key decides, the next ones where it is equal, the id last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Sort(pub Vec<SortKey>);

/// What the rows are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    #[default]
    None,
    Service,
    Team,
    Priority,
    Category,
    Owner,
    Source,
}

/// Which columns are shown. Which incident it is and what is the matter always are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeSet<Column>", into = "BTreeSet<Column>")]
pub struct Columns(BTreeSet<Column>);

impl Column {
    pub const ALL: [Self; 16] = [
        Self::Priority,
        Self::Id,
        Self::Age,
        Self::State,
        Self::Service,
        Self::What,
        Self::Who,
        Self::Sla,
        Self::Team,
        Self::Source,
        Self::Category,
        Self::Alerts,
        Self::Opened,
        Self::Acknowledged,
        Self::Waits,
        Self::Since,
    ];

    /// Those that are never taken away.
    pub const ALWAYS: [Self; 2] = [Self::Id, Self::What];

    pub fn word(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Id => "id",
            Self::Age => "age",
            Self::State => "state",
            Self::Service => "service",
            Self::What => "what",
            Self::Who => "who",
            Self::Sla => "sla",
            Self::Team => "team",
            Self::Source => "source",
            Self::Category => "category",
            Self::Alerts => "alerts",
            Self::Opened => "opened",
            Self::Acknowledged => "acknowledged",
            Self::Waits => "waits",
            Self::Since => "since",
        }
    }

    /// What it says, in a few words.
    pub fn help(self) -> &'static str {
        match self {
            Self::Priority => "how urgent it is",
            Self::Id => "which one it is",
            Self::Age => "how long it has been open",
            Self::State => "new, acknowledged, on hold and so on",
            Self::Service => "whose trouble it is",
            Self::What => "what is the matter",
            Self::Who => "who has it",
            Self::Sla => "time left of the clock that is due first",
            Self::Team => "the service's team",
            Self::Source => "which source detected it",
            Self::Category => "what it is about",
            Self::Alerts => "how many alerts it has",
            Self::Opened => "when it was opened",
            Self::Acknowledged => "when it was acknowledged",
            Self::Waits => "for whom it is on hold",
            Self::Since => "when the trouble itself began",
        }
    }

    /// What comes first when it ascends, and when it descends.
    pub fn ends(self) -> (&'static str, &'static str) {
        match self {
            Self::Priority => ("most urgent first", "least urgent first"),
            Self::Age => ("youngest first", "oldest first"),
            Self::State => ("new first", "ended first"),
            Self::Id => ("lowest first", "highest first"),
            Self::Alerts => ("fewest first", "most first"),
            Self::Sla => ("due first", "due last"),
            Self::Opened | Self::Acknowledged | Self::Since => ("earliest first", "latest first"),
            _ => ("A to Z", "Z to A"),
        }
    }
}

impl Default for Sort {
    fn default() -> Self {
        Self::ascending(&[Column::Priority, Column::Age])
    }
}

impl Sort {
    pub fn ascending(columns: &[Column]) -> Self {
        let key = |column: &Column| SortKey { column: *column, descending: false };
        Self(columns.iter().map(key).collect())
    }

    /// Sorts by `column` first and by what was first before next; by the same column again, the
    /// other way round.
    pub fn by(&self, column: Column) -> Self {
        let descending = self.0.first().is_some_and(|k| k.column == column && !k.descending);
        let mut keys = vec![SortKey { column, descending }];
        keys.extend(self.0.iter().copied().filter(|k| k.column != column).take(MOST_KEYS - 1));
        Self(keys)
    }
}

impl Sort {
    /// The order of two incidents; `team` is the one of their service, `due` when their clocks run out.
    /// What has no value comes last.
    pub fn compare(
        &self,
        a: &Incident,
        b: &Incident,
        team: &impl Fn(&Incident) -> Option<String>,
        due: &impl Fn(&Incident) -> Option<Instant>,
    ) -> Ordering {
        let some = |text: Option<String>| {
            let text = text.filter(|text| !text.is_empty()).map(|text| text.to_lowercase());
            (text.is_none(), text)
        };
        let at = |at: Option<Instant>| (at.is_none(), at);
        let text = |column: Column, i: &Incident| match column {
            Column::Service => i.service.as_ref().map(ToString::to_string),
            Column::Team => team(i),
            Column::Source => Some(i.source.to_string()),
            Column::Category => Some(i.category.clone()),
            Column::Who => i.owner().map(str::to_owned),
            _ => Some(i.title.clone()),
        };
        let waits = |i: &Incident| {
            let reason = i.standing.hold().map(|hold| hold.reason as u8);
            (reason.is_none(), reason)
        };
        let by = |column: Column| match column {
            Column::Priority => a.priority.cmp(&b.priority),
            Column::Id => a.id.cmp(&b.id),
            Column::Age => b.opened_at.cmp(&a.opened_at),
            Column::Opened => a.opened_at.cmp(&b.opened_at),
            Column::State => a.state().cmp(&b.state()),
            Column::Alerts => a.alerts.len().cmp(&b.alerts.len()),
            Column::Acknowledged => at(a.acked_at()).cmp(&at(b.acked_at())),
            Column::Since => a.started_at.cmp(&b.started_at),
            Column::Waits => waits(a).cmp(&waits(b)),
            Column::Sla => at(due(a)).cmp(&at(due(b))),
            Column::Service
            | Column::Team
            | Column::Source
            | Column::Category
            | Column::Who
            | Column::What => some(text(column, a)).cmp(&some(text(column, b))),
        };
        let keys = self.0.iter().map(|key| {
            let order = by(key.column);
            if key.descending { order.reverse() } else { order }
        });
        keys.fold(Ordering::Equal, Ordering::then).then(a.id.cmp(&b.id))
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, key) in self.0.iter().enumerate() {
            let gap = if n == 0 { "" } else { ", " };
            let sign = if key.descending { "-" } else { "" };
            write!(f, "{gap}{sign}{}", key.column.word())?;
        }
        Ok(())
    }
}

impl FromStr for Sort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut keys: Vec<SortKey> = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (descending, name) = match word.strip_prefix('-') {
                Some(name) => (true, name.trim()),
                None => (false, word),
            };
            let Some(column) = Column::ALL.into_iter().find(|c| c.word() == name) else {
                let known = Column::ALL.map(Column::word).join(", ");
                return Err(format!("nothing is sorted by {name:?}; known: {known}"));
            };
            if keys.iter().all(|k| k.column != column) && keys.len() < MOST_KEYS {
                keys.push(SortKey { column, descending });
            }
        }
        if keys.is_empty() { Ok(Self::default()) } else { Ok(Self(keys)) }
    }
}

impl TryFrom<String> for Sort {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Sort> for String {
    fn from(sort: Sort) -> Self {
        sort.to_string()
    }
}

impl Group {
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Service,
        Self::Team,
        Self::Priority,
        Self::Category,
        Self::Owner,
        Self::Source,
    ];

    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|group| *group == self).unwrap_or(0);
        Self::ALL.get(at + 1).copied().unwrap_or_default()
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Service => "service",
            Self::Team => "team",
            Self::Priority => "priority",
            Self::Category => "category",
            Self::Owner => "owner",
            Self::Source => "source",
        }
    }

    /// What the rows are sorted by before anything else.
    pub fn column(self) -> Option<Column> {
        match self {
            Self::None => None,
            Self::Service => Some(Column::Service),
            Self::Team => Some(Column::Team),
            Self::Priority => Some(Column::Priority),
            Self::Category => Some(Column::Category),
            Self::Owner => Some(Column::Who),
            Self::Source => Some(Column::Source),
        }
    }

    /// The heading under which an incident stands; `team` is the one of its service.
    pub fn heading(self, incident: &Incident, team: Option<&str>) -> String {
        let or = |name: &str, otherwise: &str| {
            if name.is_empty() { otherwise.to_owned() } else { name.to_owned() }
        };
        match self {
            Self::None => String::new(),
            Self::Service => or(incident.service.as_ref().map_or("", |s| s.as_str()), "unassigned"),
            Self::Team => or(team.unwrap_or_default(), "no team"),
            Self::Priority => incident.priority.to_string(),
            Self::Category => or(&incident.category, "no category"),
            Self::Owner => or(incident.owner().unwrap_or_default(), "nobody"),
            Self::Source => incident.source.to_string(),
        }
    }
}

impl Default for Columns {
    fn default() -> Self {
        use Column::{Age, Id, Priority, Service, Sla, State, What, Who};
        Self([Priority, Id, Age, State, Service, What, Who, Sla].into())
    }
}

impl From<BTreeSet<Column>> for Columns {
    fn from(mut columns: BTreeSet<Column>) -> Self {
        columns.extend(Column::ALWAYS);
        Self(columns)
    }
}

impl From<Columns> for BTreeSet<Column> {
    fn from(columns: Columns) -> Self {
        columns.0
    }
}

impl Columns {
    pub fn has(&self, column: Column) -> bool {
        self.0.contains(&column)
    }

    /// In the order in which they stand.
    pub fn iter(&self) -> impl Iterator<Item = Column> + '_ {
        self.0.iter().copied()
    }

    /// With that one if it was without, without it if it was with; `false` for those that stay.
    pub fn toggle(&mut self, column: Column) -> bool {
        if Column::ALWAYS.contains(&column) {
            return false;
        }
        if !self.0.remove(&column) {
            self.0.insert(column);
        }
        true
    }
}
