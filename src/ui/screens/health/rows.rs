//! Which rows the list of services has, in which order: filter, group, sort, tree. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::health::rollup::{Health, ServiceHealth};
use crate::domain::health::{ServiceId, State};

/// By what the rows are put together; `z` cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Group {
    #[default]
    Tier,
    Team,
    Dependency,
    None,
}

/// In which order within a group; `s` cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The most concerning first, then by name.
    #[default]
    Concern,
    Name,
    /// The latest change first.
    Since,
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    Heading {
        text: String,
        key: Key,
        /// Services by state, in the order of [`State::ALL`].
        counts: [usize; 5],
        folded: bool,
    },
    Service {
        /// Its place in [`Health::services`].
        index: usize,
        key: Key,
        /// The branches that lead to it: whether each is the last of its siblings.
        branches: Arc<[bool]>,
        /// How many lie folded under it.
        hidden: usize,
        /// It is repeated under the service that suffers from it.
        cause: bool,
    },
}

/// What a row stands for: stays the same when rows come and go.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    Group(String),
    Service {
        id: ServiceId,
        /// The row under which it hangs.
        under: Option<ServiceId>,
    },
}

/// How rows are made.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    pub group: Group,
    pub sort: Sort,
    pub tree: bool,
    pub filter: String,
    /// Folded in the tree.
    pub folded: BTreeSet<Key>,
}

impl Group {
    pub fn next(self) -> Self {
        match self {
            Self::Tier => Self::Team,
            Self::Team => Self::Dependency,
            Self::Dependency => Self::None,
            Self::None => Self::Tier,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Tier => "tier",
            Self::Team => "team",
            Self::Dependency => "dependency",
            Self::None => "none",
        }
    }
}

impl Sort {
    pub fn next(self) -> Self {
        match self {
            Self::Concern => Self::Name,
            Self::Name => Self::Since,
            Self::Since => Self::Concern,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Concern => "state",
            Self::Name => "name",
            Self::Since => "latest change",
        }
    }
}

impl Row {
    pub fn key(&self) -> &Key {
        match self {
            Self::Heading { key, .. } | Self::Service { key, .. } => key,
        }
    }

    /// It stands for a service that has another row.
    pub fn is_repeated(&self) -> bool {
        matches!(self, Self::Service { cause: true, key: Key::Service { under: Some(_), .. }, .. })
    }

    /// Its place in [`Health::services`], if it is a service.
    pub fn index(&self) -> Option<usize> {
        match self {
            Self::Service { index, .. } => Some(*index),
            Self::Heading { .. } => None,
        }
    }
}

impl Key {
    pub fn service(id: &ServiceId) -> Self {
        Self::Service { id: id.clone(), under: None }
    }

    pub fn id(&self) -> Option<&ServiceId> {
        match self {
            Self::Service { id, .. } => Some(id),
            Self::Group(_) => None,
        }
    }
}

/// All rows.
pub fn rows(health: &Health, shape: &Shape) -> Vec<Row> {
    let mut found: Vec<usize> = health
        .services
        .iter()
        .enumerate()
        .filter(|(_, s)| matches(s, &shape.filter))
        .map(|(i, _)| i)
        .collect();
    sort(health, shape.sort, &mut found);
    match shape.group {
        Group::Dependency => forest(health, shape, &found),
        Group::None if shape.tree => forest(health, shape, &found),
        Group::None => flat(health, &found),
        Group::Tier | Group::Team => grouped(health, shape, &found),
    }
}

fn sort(health: &Health, by: Sort, found: &mut [usize]) {
    let at = |i: &usize| health.services.get(*i);
    found.sort_by(|a, b| {
        let (Some(a), Some(b)) = (at(a), at(b)) else { return std::cmp::Ordering::Equal };
        let name = a.service.name.cmp(&b.service.name);
        match by {
            Sort::Name => name,
            Sort::Since => b.since.cmp(&a.since).then(name),
            Sort::Concern => b.state.cmp(&a.state).then(name),
        }
    });
}

/// Services one below the other; the likely cause hangs under the first that suffers from it: moved
/// there where both are in the group, repeated where it is in another.
fn flat(health: &Health, found: &[usize]) -> Vec<Row> {
    let cause_of = |index: &usize| {
        let cause = health.services.get(*index)?.impacted_by.as_ref()?;
        health.index.get(cause).copied()
    };
    let causes: HashSet<usize> = found.iter().filter_map(cause_of).collect();
    let own: HashSet<usize> = found.iter().copied().filter(|i| causes.contains(i)).collect();
    let mut shown = HashSet::new();
    let mut rows = Vec::with_capacity(found.len());
    for index in found.iter().filter(|i| !own.contains(i)) {
        let Some(service) = health.services.get(*index) else { continue };
        rows.push(plain(*index, service));
        let Some(cause) = cause_of(index).filter(|c| shown.insert(*c)) else { continue };
        let Some(cause_health) = health.services.get(cause) else { continue };
        let under = (!own.contains(&cause)).then(|| service.service.id.clone());
        let key = Key::Service { id: cause_health.service.id.clone(), under };
        rows.push(Row::Service {
            index: cause,
            key,
            branches: Arc::default(),
            hidden: 0,
            cause: true,
        });
    }
    // A cause that itself is impacted would otherwise hang under nobody.
    for index in found.iter().filter(|i| own.contains(i) && !shown.contains(i)) {
        if let Some(service) = health.services.get(*index) {
            rows.push(plain(*index, service));
        }
    }
    rows
}

fn plain(index: usize, service: &ServiceHealth) -> Row {
    let key = Key::service(&service.service.id);
    Row::Service { index, key, branches: Arc::default(), hidden: 0, cause: false }
}

fn grouped(health: &Health, shape: &Shape, found: &[usize]) -> Vec<Row> {
    let mut groups: BTreeMap<(bool, String), Vec<usize>> = BTreeMap::new();
    for index in found {
        let Some(s) = health.services.get(*index) else { continue };
        let name = match (shape.group, &s.service.team) {
            (Group::Team, Some(team)) => (false, team.clone()),
            (Group::Team, None) => (true, "no team".to_owned()),
            _ => (false, format!("Tier {}", s.service.tier)),
        };
        groups.entry(name).or_default().push(*index);
    }
    let mut rows = Vec::new();
    for ((_, text), members) in groups {
        let key = Key::Group(text.clone());
        let folded = shape.tree && shape.folded.contains(&key);
        rows.push(Row::Heading { counts: counts(health, &members), text, key, folded });
        if folded {
            continue;
        }
        if shape.tree {
            rows.extend(forest(health, shape, &members));
        } else {
            rows.extend(flat(health, &members));
        }
    }
    rows
}

fn counts(health: &Health, members: &[usize]) -> [usize; 5] {
    State::ALL.map(|state| {
        members
            .iter()
            .filter(|i| health.services.get(**i).is_some_and(|s| s.state == state))
            .count()
    })
}

/// Services as a tree: below each one what it consists of and what it depends on. A service that
/// several depend on is opened out at its first place only.
fn forest(health: &Health, shape: &Shape, found: &[usize]) -> Vec<Row> {
    let chosen: HashSet<usize> = found.iter().copied().collect();
    let rank: HashMap<usize, usize> = found.iter().enumerate().map(|(n, i)| (*i, n)).collect();
    let mut below: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut has_parent: HashSet<usize> = HashSet::new();
    for index in found {
        let Some(s) = health.services.get(*index) else { continue };
        let parent = s.service.parent.as_ref().and_then(|p| health.index.get(p)).copied();
        if let Some(parent) = parent.filter(|p| chosen.contains(p) && p != index) {
            below.entry(parent).or_default().push(*index);
            has_parent.insert(*index);
        }
        for needed in s.service.depends_on.iter().filter_map(|d| health.index.get(d)) {
            if chosen.contains(needed) && needed != index {
                below.entry(*index).or_default().push(*needed);
                has_parent.insert(*needed);
            }
        }
    }
    for list in below.values_mut() {
        list.sort_by_key(|i| rank.get(i).copied());
        list.dedup();
    }
    let mut tree = Tree { health, shape, below: &below, open: HashSet::new(), rows: Vec::new() };
    for root in found.iter().filter(|i| !has_parent.contains(i)) {
        tree.add(*root);
    }
    // What only hangs in a circle has no root; it must not be lost.
    for index in found {
        if !tree.open.contains(index) {
            tree.add(*index);
        }
    }
    tree.rows
}

struct Tree<'a> {
    health: &'a Health,
    shape: &'a Shape,
    below: &'a HashMap<usize, Vec<usize>>,
    /// Those that have their place already.
    open: HashSet<usize>,
    rows: Vec<Row>,
}

/// A row that is to be added.
struct Hanging {
    index: usize,
    under: Option<ServiceId>,
    branches: Arc<[bool]>,
}

/// Without recursion, since a source may declare a chain of thousands.
impl<'a> Tree<'a> {
    fn add(&mut self, root: usize) {
        let mut left = vec![Hanging { index: root, under: None, branches: Arc::default() }];
        while let Some(Hanging { index, under, branches }) = left.pop() {
            let Some(service) = self.health.services.get(index) else { continue };
            let id = &service.service.id;
            let key = Key::Service { id: id.clone(), under };
            let again = !self.open.insert(index);
            let children = if again { &[] } else { self.children(index) };
            let folded = self.shape.tree && self.shape.folded.contains(&key);
            let hidden = if folded { self.mark_hidden(children) } else { 0 };
            let row = Row::Service { index, key, branches: branches.clone(), hidden, cause: false };
            self.rows.push(row);
            let Some((last, others)) = children.split_last().filter(|_| !folded) else { continue };
            // Siblings share their branches: there may be very many.
            let hang = |child: &usize, branches: &Arc<[bool]>| Hanging {
                index: *child,
                under: Some(id.clone()),
                branches: branches.clone(),
            };
            let below = |last| branches.iter().copied().chain([last]).collect();
            left.push(hang(last, &below(true)));
            let branches = below(false);
            left.extend(others.iter().rev().map(|child| hang(child, &branches)));
        }
    }

    fn children(&self, index: usize) -> &'a [usize] {
        self.below.get(&index).map_or(&[], Vec::as_slice)
    }

    /// What lies under a folded row counts as placed; returns how many that are.
    fn mark_hidden(&mut self, children: &[usize]) -> usize {
        let mut count = 0;
        let mut left = children.to_vec();
        while let Some(child) = left.pop() {
            count += 1;
            if self.open.insert(child) {
                left.extend(self.children(child));
            }
        }
        count
    }
}

/// Whether a service is meant by a filter: every word must be found in its name, id, team, state or
/// tier; `-word` must not; `state:` `team:` `tier:` look only there; `is:stale` too.
pub fn matches(service: &ServiceHealth, filter: &str) -> bool {
    filter.split_whitespace().all(|word| match word.strip_prefix('-') {
        Some("") => true,
        Some(word) => !has(service, word),
        None => has(service, word),
    })
}

fn has(health: &ServiceHealth, word: &str) -> bool {
    let word = word.to_lowercase();
    let service = &health.service;
    let team = service.team.as_deref().unwrap_or_default().to_lowercase();
    let any =
        |list: &str, test: &dyn Fn(&str) -> bool| list.split(',').any(|w| !w.is_empty() && test(w));
    match word.split_once(':') {
        Some((_, "")) => true,
        Some(("state", list)) => any(list, &|w| health.state.word().starts_with(w)),
        Some(("team", list)) => any(list, &|w| team.contains(w)),
        Some(("tier", list)) => any(list, &|w| service.tier.to_string() == w),
        Some(("is", "stale")) => health.stale,
        Some(("is", "cause")) => health.likely_cause,
        _ => {
            service.name.to_lowercase().contains(&word)
                || service.id.as_str().contains(&word)
                || team.contains(&word)
                || health.state.word().starts_with(&word)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::health::Service;
    use chrono::{TimeDelta, TimeZone, Utc};
    use proptest::prelude::*;
    use rstest::rstest;

    fn service(id: &str, state: State, depends_on: &[&str]) -> ServiceHealth {
        let now = Utc.with_ymd_and_hms(2026, 11, 23, 14, 0, 0).unwrap();
        let mut service = Service::new(id);
        service.depends_on = depends_on.iter().map(|d| ServiceId::new(d)).collect();
        service.team = Some("core".to_owned());
        ServiceHealth {
            service: Arc::new(service),
            state,
            since: now - TimeDelta::minutes(id.len() as i64),
            signals: Vec::new(),
            incidents: Vec::new(),
            reason: String::new(),
            impacted_by: None,
            likely_cause: false,
            observed_at: None,
            stale: state == State::Unknown,
        }
    }

    fn health(list: Vec<ServiceHealth>) -> Health {
        let index = list.iter().enumerate().map(|(i, s)| (s.service.id.clone(), i)).collect();
        let services = list.into_iter().map(Arc::new).collect();
        Health { services, index, ..Health::default() }
    }

    fn names(health: &Health, rows: &[Row]) -> Vec<String> {
        rows.iter()
            .map(|row| match row {
                Row::Heading { text, .. } => format!("[{text}]"),
                Row::Service { index, branches, .. } => {
                    format!("{}{}", "-".repeat(branches.len()), health.services[*index].service.id)
                }
            })
            .collect()
    }

    fn shop() -> Health {
        health(vec![
            service("web", State::Critical, &["db", "cache"]),
            service("api", State::Ok, &["db"]),
            service("db", State::Warning, &[]),
            service("cache", State::Ok, &[]),
            service("wiki", State::Unknown, &[]),
        ])
    }

    #[test]
    fn the_most_concerning_comes_first() {
        let shape = Shape { group: Group::None, ..Shape::default() };
        let health = shop();
        assert_eq!(names(&health, &rows(&health, &shape)), ["web", "db", "wiki", "api", "cache"]);
    }

    #[test]
    fn the_cause_hangs_under_the_first_that_suffers_from_it() {
        let mut list = vec![
            service("api", State::Critical, &["db"]),
            service("web", State::Critical, &["db"]),
            service("db", State::Warning, &[]),
        ];
        list[0].impacted_by = Some(ServiceId::new("db"));
        list[1].impacted_by = Some(ServiceId::new("db"));
        let health = health(list);
        let shape = Shape { group: Group::None, ..Shape::default() };
        assert_eq!(names(&health, &rows(&health, &shape)), ["api", "db", "web"]);
    }

    #[test]
    fn a_cause_in_another_group_is_repeated_and_the_cursor_can_tell_them_apart() {
        let mut list =
            vec![service("web", State::Critical, &["db"]), service("db", State::Warning, &[])];
        list[0].impacted_by = Some(ServiceId::new("db"));
        let mut other = (*list[1].service).clone();
        other.tier = 4;
        list[1].service = Arc::new(other);
        let health = health(list);
        let rows = rows(&health, &Shape::default());
        assert_eq!(names(&health, &rows), ["[Tier 3]", "web", "db", "[Tier 4]", "db"]);
        assert_ne!(rows[2].key(), rows[4].key());
    }

    #[test]
    fn the_tree_shows_what_depends_on_what_and_opens_each_once() {
        let shape = Shape { group: Group::Dependency, tree: true, ..Shape::default() };
        let health = shop();
        assert_eq!(
            names(&health, &rows(&health, &shape)),
            ["web", "-db", "-cache", "wiki", "api", "-db"]
        );
    }

    #[test]
    fn folding_hides_what_lies_below_and_counts_it() {
        let folded = BTreeSet::from([Key::service(&ServiceId::new("web"))]);
        let shape = Shape { group: Group::Dependency, tree: true, folded, ..Shape::default() };
        let health = shop();
        let rows = rows(&health, &shape);
        assert!(matches!(rows[0], Row::Service { hidden: 2, .. }));
        assert_eq!(names(&health, &rows), ["web", "wiki", "api", "-db"]);
    }

    #[test]
    fn services_in_a_circle_are_not_lost() {
        let health = health(vec![service("a", State::Ok, &["b"]), service("b", State::Ok, &["a"])]);
        let shape = Shape { group: Group::Dependency, tree: true, ..Shape::default() };
        assert_eq!(names(&health, &rows(&health, &shape)), ["a", "-b", "--a"]);
    }

    #[rstest]
    #[case::a_chain(|n: usize| (n + 1..2_000).take(1).collect(), 2_000)]
    #[case::a_ring(|n: usize| vec![(n + 1) % 2_000], 2_001)]
    #[case::dense(|n: usize| (n + 1..2_000).take(64).collect(), 64 * 2_000 - 64 * 65 / 2 + 1)]
    fn a_tree_of_thousands_exhausts_neither_stack_nor_memory(
        #[case] needs: impl Fn(usize) -> Vec<usize>,
        #[case] count: usize,
    ) {
        let ids: Vec<String> = (0..2_000).map(|n| format!("s{n}")).collect();
        let list = (0..2_000).map(|n| {
            let needs: Vec<&str> = needs(n).into_iter().map(|n| ids[n].as_str()).collect();
            service(&ids[n], State::Ok, &needs)
        });
        let health = health(list.collect());
        let shape = Shape { group: Group::Dependency, tree: true, ..Shape::default() };
        assert_eq!(rows(&health, &shape).len(), count);
        let folded = BTreeSet::from([Key::service(&ServiceId::new("s0"))]);
        let rows = rows(&health, &Shape { folded, ..shape });
        assert!(matches!(rows[..], [Row::Service { hidden, .. }] if hidden + 1 == count));
    }

    #[rstest]
    #[case("", 5)]
    #[case("w", 3)] // web, wiki, and everything in state warning
    #[case("state:crit", 1)]
    #[case("state:crit,warn", 2)]
    #[case("-state:ok", 3)]
    #[case("team:core w -wiki", 2)]
    #[case("is:stale", 1)]
    #[case("tier:1", 0)]
    #[case("state:", 5)]
    fn the_filter_looks_at_name_state_team_and_tier(#[case] filter: &str, #[case] count: usize) {
        let health = shop();
        assert_eq!(health.services.iter().filter(|s| matches(s, filter)).count(), count);
    }

    proptest! {
        #[test]
        fn every_service_has_a_row_and_every_key_is_its_own(
            edges in prop::collection::vec((0_usize..8, 0_usize..8), 0..20), by in 0_usize..4, tree: bool,
        ) {
            let ids: Vec<String> = (0..8).map(|i| format!("s{i}")).collect();
            let list = ids.iter().enumerate().map(|(i, id)| {
                let needs: Vec<&str> = edges.iter().filter(|e| e.0 == i).map(|e| ids[e.1].as_str()).collect();
                service(id, State::Ok, &needs)
            });
            let health = health(list.collect());
            let group = [Group::Tier, Group::Team, Group::Dependency, Group::None][by];
            let rows = rows(&health, &Shape { group, tree, ..Shape::default() });
            let shown: HashSet<usize> = rows.iter().filter_map(Row::index).collect();
            prop_assert_eq!(shown.len(), 8);
            let keys: HashSet<&Key> = rows.iter().map(Row::key).collect();
            prop_assert_eq!(keys.len(), rows.len());
        }
    }
}
