//! All loaded incidents in the order of the queue, kept from one snapshot to the next.
//!
//! What a filter or a sort looks at lies in the rows themselves, so that a hundred thousand of them
//! can be searched while somebody types: no incident is dereferenced for state, priority, age,
//! service, owner or free text. A new snapshot costs what changed in it, and a nearly sorted sort.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;
use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use crate::domain::health::ServiceId;
use crate::domain::incident::query::{Flag, QueryContext, Subject, searchable};
pub use crate::domain::incident::views::{Column, Sort, SortKey};
use crate::domain::incident::{Incident, IncidentId, IncidentState};
use crate::domain::matcher::Labels;
use crate::domain::sla::incident::Summary;
use crate::domain::time::Instant;

/// One incident with what is looked at often.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: IncidentId,
    pub incident: Arc<Incident>,
    pub parent: Option<IncidentId>,
    /// It was in the list when that was last made; an arrival was not.
    pub shown: bool,
    /// Others are folded under it.
    pub is_cause: bool,
    /// Its keys are not made yet.
    fresh: bool,
    state: IncidentState,
    priority: u8,
    /// One bit for each [`Flag`] that does not depend on who asks.
    flags: u16,
    keys: Keys,
    opened_at: Instant,
    service: Option<ServiceId>,
    owner: Option<Arc<str>>,
    labels: Labels,
    group: bool,
    /// What its clocks come to, while it is open and something is promised for it.
    sla: Option<Box<Summary>>,
    /// Everything that free text looks into, in lower case.
    said: Box<str>,
}

/// The rows, sorted.
#[derive(Debug, Clone)]
pub struct Index {
    pub rows: Vec<Row>,
    /// Positions of the incidents that are folded under each cause, in the order of the queue.
    pub families: HashMap<IncidentId, Vec<u32>>,
    /// The cause of each folded incident.
    pub causes: HashMap<IncidentId, IncidentId>,
    /// What the rows were made from.
    made_from: OrdMap<IncidentId, Arc<Incident>>,
    sort: Sort,
    /// How many open ones sleep.
    pub snoozed: usize,
    /// Services, owners, sources and categories, each once.
    names: HashSet<Arc<str>>,
    ranks: Ranks,
}

/// The place of each name in the alphabet, so that sorting by names compares numbers.
#[derive(Debug, Clone, Default)]
struct Ranks {
    of: HashMap<Arc<str>, u64>,
    /// How many names there were.
    made_from: usize,
}

impl Subject for Row {
    fn incident(&self) -> &Incident {
        &self.incident
    }

    fn state(&self) -> IncidentState {
        self.state
    }

    fn priority(&self) -> u8 {
        self.priority
    }

    fn opened_at(&self) -> Instant {
        self.opened_at
    }

    fn service(&self) -> Option<&ServiceId> {
        self.service.as_ref()
    }

    fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn is_group(&self) -> bool {
        self.group
    }

    fn has(&self, flag: Flag, me: &str) -> bool {
        match flag {
            Flag::Mine => self.owner() == Some(me),
            _ => self.flags & (1 << flag as u16) != 0,
        }
    }

    fn left(&self, context: &QueryContext<'_>) -> Option<TimeDelta> {
        self.sla.as_ref()?.left(context.now)
    }

    fn is_breached(&self, context: &QueryContext<'_>) -> bool {
        match &self.sla {
            Some(sla) => sla.is_breached(context.now),
            None if self.state.is_open() => false,
            // Of what is over nobody asks often.
            None => self.incident.is_breached(context),
        }
    }

    fn says(&self, needle: &str) -> bool {
        self.said.contains(needle)
    }
}

impl Default for Index {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            families: HashMap::new(),
            causes: HashMap::new(),
            made_from: OrdMap::new(),
            snoozed: 0,
            sort: Sort::default(),
            names: HashSet::new(),
            ranks: Ranks::default(),
        }
    }
}

impl Index {
    /// Takes over what changed in `incidents`, and the order if it is another one.
    pub fn refresh(
        &mut self,
        incidents: &OrdMap<IncidentId, Arc<Incident>>,
        sort: &Sort,
        context: &QueryContext<'_>,
    ) {
        let teams = context.teams;
        let changed = self.take_changes(incidents, context);
        let mut resort = self.sort != *sort;
        if resort {
            self.sort = sort.clone();
        }
        if self.ranks.made_from != self.names.len() {
            self.ranks = Ranks::of(&self.names, teams);
            resort = true;
        }
        if resort || changed {
            let (sort, ranks) = (&self.sort, &self.ranks);
            for row in self.rows.iter_mut().filter(|row| resort || row.fresh) {
                row.keys = keys(row, sort, teams, ranks);
                row.fresh = false;
            }
            order(&mut self.rows, sort, teams, ranks);
            self.find_families();
            let sleeps = |row: &&Row| row.state.is_open() && row.has(Flag::Snoozed, "");
            self.snoozed = self.rows.iter().filter(sleeps).count();
        }
    }

    /// The row of that incident. Linear: for single look-ups.
    pub fn position(&self, id: IncidentId) -> Option<usize> {
        self.rows.iter().position(|row| row.id == id)
    }

    /// Whether anything changed.
    fn take_changes(
        &mut self,
        incidents: &OrdMap<IncidentId, Arc<Incident>>,
        context: &QueryContext<'_>,
    ) -> bool {
        let mut changed: HashMap<IncidentId, Option<&Arc<Incident>>> = HashMap::new();
        for item in self.made_from.diff(incidents) {
            match item {
                DiffItem::Add(id, incident) | DiffItem::Update { new: (id, incident), .. } => {
                    changed.insert(*id, Some(incident));
                }
                DiffItem::Remove(id, _) => {
                    changed.insert(*id, None);
                }
            }
        }
        if changed.is_empty() {
            return false;
        }
        let names = &mut self.names;
        self.rows.retain_mut(|row| match changed.remove(&row.id) {
            None => true,
            Some(None) => false,
            Some(Some(incident)) => {
                *row = Row { shown: row.shown, ..Row::new(incident, names, context) };
                true
            }
        });
        let fresh = changed.into_values().flatten();
        self.rows.extend(fresh.map(|incident| Row::new(incident, names, context)));
        self.made_from = incidents.clone();
        true
    }

    fn find_families(&mut self) {
        self.families.clear();
        self.causes.clear();
        for (position, row) in self.rows.iter().enumerate() {
            if let Some(parent) = row.parent {
                self.families.entry(parent).or_default().push(position as u32);
                self.causes.insert(row.id, parent);
            }
        }
        for row in &mut self.rows {
            row.is_cause = !self.families.is_empty() && self.families.contains_key(&row.id);
        }
    }
}

impl Row {
    fn new(
        incident: &Arc<Incident>,
        names: &mut HashSet<Arc<str>>,
        context: &QueryContext<'_>,
    ) -> Self {
        let mut said = String::new();
        searchable(incident, |text| {
            said.extend(text.chars().flat_map(char::to_lowercase));
            said.push('\n');
        });
        let mut once = |name: &str| {
            names.get(name).cloned().unwrap_or_else(|| {
                let name: Arc<str> = Arc::from(name);
                names.insert(name.clone());
                name
            })
        };
        once(&incident.source);
        if !incident.category.is_empty() {
            once(&incident.category);
        }
        let owner = incident.owner().map(&mut once);
        let service = incident.service.as_ref().map(|s| ServiceId(once(s.as_str())));
        let fixed = Flag::ALL.into_iter().filter(|flag| *flag != Flag::Mine);
        let held = fixed.filter(|flag| flag.holds(incident, ""));
        Self {
            id: incident.id,
            parent: incident.parent.filter(|parent| *parent != incident.id),
            shown: false,
            is_cause: false,
            fresh: true,
            state: incident.state(),
            priority: incident.priority.0,
            flags: held.fold(0, |bits, flag| bits | 1 << flag as u16),
            keys: Keys::default(),
            opened_at: incident.opened_at,
            service,
            owner,
            labels: incident.labels.clone(),
            group: incident.alerts.len() > 1,
            sla: summary(incident, context),
            said: said.into(),
            incident: incident.clone(),
        }
    }

    /// The title in lower case.
    fn title(&self) -> &str {
        self.said.split('\n').next().unwrap_or_default()
    }

    /// What its clocks come to, while it is open and something is promised for it.
    pub fn sla(&self) -> Option<&Summary> {
        self.sla.as_deref()
    }

    /// The team of its service.
    pub fn team<'a>(&self, teams: &'a HashMap<ServiceId, String>) -> Option<&'a str> {
        self.service.as_ref().and_then(|s| teams.get(s)).map(String::as_str)
    }
}

/// What the clocks of an open one come to.
fn summary(incident: &Incident, context: &QueryContext<'_>) -> Option<Box<Summary>> {
    if !incident.is_open() || context.levels.is_empty() {
        return None;
    }
    let summary = Summary::of(incident, context.levels, context.now);
    summary.is_promised.then(|| Box::new(summary))
}

impl Ranks {
    fn of(names: &HashSet<Arc<str>>, teams: &HashMap<ServiceId, String>) -> Self {
        let teams = teams.values().map(|team| Arc::from(team.as_str()));
        let all = names.iter().cloned().chain(teams);
        let mut sorted: Vec<(String, Arc<str>)> =
            all.map(|name| (name.to_lowercase(), name)).collect();
        sorted.sort_unstable();
        let mut of = HashMap::with_capacity(sorted.len());
        let mut rank = 0;
        let mut before: Option<&str> = None;
        for (lower, name) in &sorted {
            rank += u64::from(before != Some(lower));
            before = Some(lower);
            of.insert(name.clone(), rank);
        }
        Self { of, made_from: names.len() }
    }

    /// What has no name comes last.
    fn get(&self, name: Option<&str>) -> u64 {
        name.and_then(|name| self.of.get(name)).copied().unwrap_or(u64::MAX)
    }
}

type Teams = HashMap<ServiceId, String>;

/// What is compared first of a row: the numbers of its first columns. Those of a title are how it begins,
/// eight bytes each.
type Keys = [u64; KEYS];
const KEYS: usize = 4;
/// How many of them a title takes.
const OF_A_TITLE: usize = 3;

/// A row on its way to another place; much smaller than the row.
struct Ticket {
    keys: Keys,
    id: u64,
    row: u32,
}

/// Puts the rows in order by their keys; what those leave equal, by all of the columns.
fn order(rows: &mut Vec<Row>, sort: &Sort, teams: &Teams, ranks: &Ranks) {
    let mut tickets: Vec<Ticket> = rows
        .iter()
        .zip(0..)
        .map(|(row, at)| Ticket { keys: row.keys, id: row.id.0, row: at })
        .collect();
    let is_whole = sort.0.iter().copied().map(width).sum::<usize>() <= KEYS
        && !sort.0.iter().any(|key| key.column == Column::What);
    let row = |ticket: &Ticket| rows.get(ticket.row as usize);
    let rest = |a: &Ticket, b: &Ticket| match (row(a), row(b)) {
        (Some(a), Some(b)) if !is_whole => compare(a, b, sort, teams, ranks),
        _ => Ordering::Equal,
    };
    // Nearly sorted as a rule, which this sort takes advantage of.
    tickets.sort_by(|a, b| a.keys.cmp(&b.keys).then_with(|| rest(a, b)).then(a.id.cmp(&b.id)));
    let mut taken: Vec<Option<Row>> = std::mem::take(rows).into_iter().map(Some).collect();
    let take = |ticket: Ticket| taken.get_mut(ticket.row as usize).and_then(Option::take);
    *rows = tickets.into_iter().filter_map(take).collect();
}

/// How many numbers a column takes.
fn width(key: SortKey) -> usize {
    if key.column == Column::What { OF_A_TITLE } else { 1 }
}

fn keys(row: &Row, sort: &Sort, teams: &Teams, ranks: &Ranks) -> Keys {
    let mut keys = Keys::default();
    let mut free = keys.iter_mut();
    for key in &sort.0 {
        for part in 0..width(*key) {
            let Some(to) = free.next() else { return keys };
            let number = number(row, key.column, part, teams, ranks);
            *to = if key.descending { !number } else { number };
        }
    }
    keys
}

/// A number in the order of the column; of a title the `part`th eight bytes.
fn number(row: &Row, column: Column, part: usize, teams: &Teams, ranks: &Ranks) -> u64 {
    match column {
        Column::Priority => u64::from(row.priority),
        Column::State => row.state as u64,
        Column::Id => row.id.0,
        Column::Age => u64::MAX.wrapping_sub(instant(Some(row.opened_at))),
        Column::Service => ranks.get(row.service.as_ref().map(ServiceId::as_str)),
        Column::Team => ranks.get(row.team(teams)),
        Column::Who => ranks.get(row.owner.as_deref()),
        Column::Source => ranks.get(Some(&row.incident.source)),
        Column::Category => ranks.get(Some(&row.incident.category)),
        Column::Alerts => row.incident.alerts.len() as u64,
        Column::Opened => instant(Some(row.opened_at)),
        Column::Acknowledged => instant(row.acked_at()),
        Column::Waits => row.incident.standing.hold().map_or(u64::MAX, |hold| hold.reason as u64),
        Column::Since => instant(Some(row.incident.started_at)),
        Column::Sla => instant(row.sla().and_then(Summary::due_at)),
        Column::What => {
            let mut bytes = [0_u8; 8];
            for (to, from) in bytes.iter_mut().zip(row.title().bytes().skip(part * 8)) {
                *to = from;
            }
            u64::from_be_bytes(bytes)
        }
    }
}

/// The earliest first; what has no such instant comes last.
fn instant(at: Option<Instant>) -> u64 {
    at.map_or(u64::MAX, |at| (at.timestamp_millis() as u64) ^ (1 << 63))
}

/// By all of the columns, for what has equal [`Keys`].
fn compare(a: &Row, b: &Row, sort: &Sort, teams: &Teams, ranks: &Ranks) -> Ordering {
    let by = |key: &SortKey| {
        let order = match key.column {
            Column::What => a.title().cmp(b.title()),
            column => number(a, column, 0, teams, ranks).cmp(&number(b, column, 0, teams, ranks)),
        };
        if key.descending { order.reverse() } else { order }
    };
    sort.0.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
