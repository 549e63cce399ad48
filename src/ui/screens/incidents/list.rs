//! What the queue shows, as data: which lines, where the cursor is, what is marked, what waits.
//!
//! The rule of the house: **a key never reaches the wrong incident.** The cursor is bound to an
//! incident, not to a line. What arrives while somebody works in the list waits above it; the row
//! under the cursor stays until the cursor leaves it, whatever the filter says by then.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::TimeDelta;

use super::index::{Index, Row, Sort, SortKey};
use crate::domain::health::ServiceId;
use crate::domain::incident::lifecycle::Target;
use crate::domain::incident::query::{Flag, Query, QueryContext};
pub use crate::domain::incident::views::Group;
use crate::domain::incident::{Incident, IncidentId, Priority};
use crate::domain::time::Instant;
use crate::engine::snapshot::Incidents;

/// For so long after the last key arrivals wait, once somebody works in the list.
const ATTENTION: TimeDelta = TimeDelta::seconds(60);
/// How deep a cause of a cause of a cause is unfolded.
const MAX_DEPTH: u8 = 4;

/// The queue.
#[derive(Debug, Clone, Default)]
pub struct List {
    index: Index,
    lines: Vec<Line>,
    headers: Vec<Header>,
    query: Query,
    sort: Sort,
    group: Group,
    /// What the lines were made from.
    generation: Option<u64>,
    cursor: Option<IncidentId>,
    /// The line of the cursor.
    at: usize,
    /// The person put the cursor where it is.
    aimed: bool,
    /// The cursor's row is only there because the cursor is on it.
    sticky: bool,
    /// Causes whose affected incidents are shown.
    unfolded: HashSet<IncidentId>,
    /// Groups of which only the first incident is shown, by their headings.
    closed: HashSet<String>,
    marks: BTreeSet<IncidentId>,
    waiting: Waiting,
    following: bool,
    /// The last key in the queue since the person began to work in it.
    touched: Option<Instant>,
    /// What the person did something to: it does not wait when it arrives.
    own: HashSet<IncidentId>,
    /// The first line on the screen, and how many have room there.
    top: usize,
    page: usize,
}

/// One line of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// The beginning of a group: its place in the list of headers.
    Header(u32),
    /// An incident: its place in the index, and how deep it is folded.
    Incident { row: u32, depth: u8 },
}

/// The beginning of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    /// How many incidents are in the group; affected ones count with their cause.
    pub count: usize,
    /// How many of them are not shown, since it is folded.
    pub hidden: usize,
    /// The place of its first one in the index.
    first: u32,
}

/// Arrivals that are not shown yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    pub count: usize,
    /// The most urgent of them.
    pub worst: Option<Priority>,
}

/// Where the cursor goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// By so many lines.
    By(isize),
    First,
    Last,
}

/// Why the lines are made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The world changed: arrivals may have to wait, the row under the cursor stays.
    World,
    /// The person asked for another list: it shows what it finds.
    Person,
    /// The person let the waiting ones in or opened a fold: the row under the cursor stays.
    Opened,
}

impl List {
    /// A queue that shows what `query` finds.
    pub fn new(query: Query) -> Self {
        Self { query, ..Self::default() }
    }

    /// Takes over a new snapshot; cheap when nothing in it changed.
    pub fn sync(&mut self, generation: u64, incidents: &Incidents, context: &QueryContext<'_>) {
        let first = self.generation.is_none();
        if self.generation == Some(generation) && !self.must_look_again(context.now) {
            return;
        }
        self.generation = Some(generation);
        self.index.refresh(&incidents.by_id, &self.order(), context);
        self.rebuild(if first { Cause::Person } else { Cause::World }, context);
    }

    /// Teams or contracts changed: what depends on them is made again with the next snapshot.
    pub fn forget(&mut self) {
        self.index = Index::default();
        self.generation = None;
    }

    /// Shows what another query finds.
    pub fn set_query(&mut self, query: Query, context: &QueryContext<'_>) {
        if self.query != query {
            self.query = query;
            self.rebuild(Cause::Person, context);
        }
    }

    /// Shows the same in another order.
    pub fn set_sort(&mut self, sort: Sort, incidents: &Incidents, context: &QueryContext<'_>) {
        self.sort = sort;
        self.reorder(incidents, context);
    }

    /// Groups by the next thing.
    pub fn set_group(&mut self, group: Group, incidents: &Incidents, context: &QueryContext<'_>) {
        if self.group != group {
            self.closed.clear();
        }
        self.group = group;
        self.reorder(incidents, context);
    }

    /// Shows what another query finds, laid out in another way.
    pub fn show(
        &mut self,
        query: Query,
        sort: Sort,
        group: Group,
        incidents: &Incidents,
        context: &QueryContext<'_>,
    ) {
        let again = self.query != query || self.sort != sort || self.group != group;
        if self.group != group {
            self.closed.clear();
        }
        (self.query, self.sort, self.group) = (query, sort, group);
        self.index.refresh(&incidents.by_id, &self.order(), context);
        if again {
            self.rebuild(Cause::Person, context);
        }
    }

    fn reorder(&mut self, incidents: &Incidents, context: &QueryContext<'_>) {
        self.index.refresh(&incidents.by_id, &self.order(), context);
        self.rebuild(Cause::Opened, context);
    }

    /// Shows arrivals at once from now on, or lets them wait again.
    pub fn set_following(&mut self, following: bool, context: &QueryContext<'_>) {
        self.following = following;
        if following {
            self.rebuild(Cause::Opened, context);
        }
    }

    /// Shows what waits. The cursor stays where it is.
    pub fn let_in(&mut self, context: &QueryContext<'_>) {
        if self.waiting.count > 0 {
            self.rebuild(Cause::Opened, context);
        }
    }

    /// Shows these at once, now or when they arrive: the person did something to them.
    pub fn admit(&mut self, ids: Vec<IncidentId>, context: &QueryContext<'_>) {
        self.own.extend(ids);
        if self.waiting.count > 0 {
            self.rebuild(Cause::World, context);
        }
    }

    /// The person works in the list: moves in it, marks, filters. Arrivals wait from now on.
    pub fn work(&mut self, now: Instant) {
        self.touched = Some(now);
    }

    /// Any other key: whoever works in the list still does. Where nobody has begun to, arrivals come
    /// in; the cursor stays on its incident all the same.
    pub fn touch(&mut self, now: Instant) {
        self.touched = self.touched.map(|_| now);
    }

    /// The person looks elsewhere: arrivals need not wait.
    pub fn leave(&mut self) {
        self.touched = None;
    }

    /// When the lines change by themselves: waiting rows come in.
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let release = self.touched.map(|at| at + ATTENTION).filter(|at| *at > now);
        let release = release.filter(|_| self.waiting.count > 0);
        let aging = self.query.depends_on_time().then(|| now + TimeDelta::seconds(5));
        release.into_iter().chain(aging).min()
    }

    fn must_look_again(&self, now: Instant) -> bool {
        self.query.depends_on_time() || (self.waiting.count > 0 && !self.holds(now))
    }

    fn holds(&self, now: Instant) -> bool {
        !self.following && self.is_attended(now)
    }

    /// Whether somebody may be about to press a key here.
    fn is_attended(&self, now: Instant) -> bool {
        self.touched.is_some_and(|at| now.signed_duration_since(at) < ATTENTION)
    }

    /// The order of the rows: the group first.
    fn order(&self) -> Sort {
        let mut sort = self.sort.clone();
        if let Some(column) = self.group.column() {
            sort.0.insert(0, SortKey { column, descending: false });
        }
        sort
    }

    /// Makes the lines from the rows.
    fn rebuild(&mut self, cause: Cause, context: &QueryContext<'_>) {
        let kept = self.cursor.filter(|_| cause != Cause::Person);
        let holding = cause == Cause::World && kept.is_some() && self.holds(context.now);
        let matches: Vec<bool> =
            self.index.rows.iter().map(|row| self.query.matches(row, context)).collect();
        let mut own = std::mem::take(&mut self.own);
        let waits =
            |row: &Row| holding && !row.shown && kept != Some(row.id) && !own.contains(&row.id);
        let listed = |row: &Row, matches: bool| {
            row.is_cause && (kept == Some(row.id) || matches && !waits(row))
        };
        let causes: HashSet<IncidentId> = self
            .index
            .rows
            .iter()
            .zip(&matches)
            .filter(|(row, matches)| listed(row, **matches))
            .map(|(row, _)| row.id)
            .collect();
        let tree = Tree { causes, unfolded: &self.unfolded, cause_of: &self.index.causes };

        self.waiting = Waiting::default();
        self.sticky = false;
        let mut tops = Vec::new();
        for ((row, matches), position) in self.index.rows.iter_mut().zip(&matches).zip(0_u32..) {
            let stays = kept == Some(row.id);
            let (folded, visible) = tree.place(row);
            if folded {
                row.shown = *matches;
            } else if *matches && waits(row) {
                self.waiting.add(row.incident.priority);
                continue;
            } else {
                row.shown = *matches || stays;
            }
            let forced = stays && if folded { !visible } else { !*matches };
            self.sticky |= forced;
            if forced || (*matches && !folded) {
                tops.push(position);
            }
        }

        let mut lines =
            Lines { list: self, matches: &matches, made: Vec::new(), headers: Vec::new() };
        for position in tops {
            if lines.header(position, context.teams) {
                lines.incident(position, 0);
            }
        }
        let (lines, headers) = (lines.made, lines.headers);
        let was = self.at;
        self.lines = lines;
        self.headers = headers;
        let found = self.cursor.and_then(|id| self.line_of(id));
        let lost = if cause == Cause::Person { 0 } else { was };
        self.put(found.unwrap_or(lost), 1);
        // The row under the cursor keeps its line on the screen, but for a screen that nobody works
        // at and that shows the top: there the newest must not pile up out of sight.
        if self.top > 0 || self.is_attended(context.now) {
            self.top = (self.at + self.top).saturating_sub(was);
        }
        if !own.is_empty() {
            self.index.rows.iter().filter(|row| row.shown).for_each(|row| {
                own.remove(&row.id);
            });
        }
        self.own = own;
    }

    /// Puts the cursor on `line`, or on the next incident from there in the direction of `way`.
    fn put(&mut self, line: usize, way: isize) {
        let last = self.lines.len().saturating_sub(1);
        let line = line.min(last);
        let is_incident = |n: &usize| self.row_at(*n).is_some();
        let down = || (line..=last).find(is_incident);
        let up = || (0..=line).rev().find(is_incident);
        let found = if way < 0 { up().or_else(down) } else { down().or_else(up) };
        self.at = found.unwrap_or(0);
        self.cursor = self.row_at(self.at).map(|row| row.id);
    }

    fn line_of(&self, id: IncidentId) -> Option<usize> {
        (0..self.lines.len()).find(|n| self.row_at(*n).is_some_and(|row| row.id == id))
    }

    fn row_at(&self, line: usize) -> Option<&Row> {
        match self.lines.get(line)? {
            Line::Header(_) => None,
            Line::Incident { row, .. } => self.row(*row),
        }
    }

    /// The person comes to the list: the cursor is on the most urgent row, unless it was put
    /// somewhere before.
    pub fn enter(&mut self, context: &QueryContext<'_>) {
        if !self.aimed {
            self.let_in(context);
            self.put(0, 1);
            self.scroll(self.page);
        }
    }

    /// Moves the cursor; at an edge, what waits comes in first.
    pub fn go(&mut self, to: Move, context: &QueryContext<'_>) {
        self.work(context.now);
        let at_edge = match to {
            Move::By(n) => (n < 0 && self.is_first()) || (n > 0 && self.at + 1 >= self.lines.len()),
            Move::First | Move::Last => true,
        };
        if at_edge {
            self.let_in(context);
        }
        match to {
            Move::By(n) => self.put(self.at.saturating_add_signed(n), n),
            Move::First => self.put(0, 1),
            Move::Last => self.put(usize::MAX, -1),
        }
        self.after_move(context);
    }

    /// Puts the cursor on the incident in that line, if one is there.
    pub fn point(&mut self, line: usize, context: &QueryContext<'_>) {
        self.work(context.now);
        if line != self.at && self.row_at(line).is_some() {
            self.put(line, 1);
            self.after_move(context);
        }
    }

    /// Puts the cursor on that incident, unfolding its cause. `false` where the list does not have it.
    pub fn go_to(&mut self, id: IncidentId, context: &QueryContext<'_>) -> bool {
        let mut cause = self.index.causes.get(&id);
        for _ in 0..MAX_DEPTH {
            let Some(above) = cause else { break };
            self.unfolded.insert(*above);
            cause = self.index.causes.get(above);
        }
        self.rebuild(Cause::Opened, context);
        if self.line_of(id).is_none() && !self.closed.is_empty() {
            // It may be in a folded group.
            self.closed.clear();
            self.rebuild(Cause::Opened, context);
        }
        let Some(line) = self.line_of(id) else { return false };
        self.put(line, 1);
        self.after_move(context);
        true
    }

    fn after_move(&mut self, context: &QueryContext<'_>) {
        self.aimed = true;
        if self.sticky {
            self.rebuild(Cause::World, context);
        }
        self.scroll(self.page);
    }

    fn is_first(&self) -> bool {
        !self.lines.iter().take(self.at).any(|line| matches!(line, Line::Incident { .. }))
    }

    /// The heading above the cursor.
    fn group_of_cursor(&self) -> Option<&Header> {
        let mut above = self.lines.get(..=self.at)?.iter().rev();
        above.find_map(|line| if let Line::Header(n) = line { self.header(*n) } else { None })
    }

    /// Whether that heading's group is folded.
    pub fn is_closed(&self, header: &Header) -> bool {
        self.closed.contains(&header.name)
    }

    /// Shows the whole group of the cursor, or what is folded under its incident; `false` where there
    /// is nothing more.
    pub fn unfold(&mut self, context: &QueryContext<'_>) -> bool {
        let group = self.group_of_cursor().map(|header| header.name.clone());
        if group.is_some_and(|name| self.closed.remove(&name)) {
            self.rebuild(Cause::World, context);
            return true;
        }
        let Some(id) = self.cursor.filter(|id| self.affected(*id) > 0) else { return false };
        let opened = self.unfolded.insert(id);
        if opened {
            self.rebuild(Cause::World, context);
        }
        opened
    }

    /// Folds what is under the cursor's incident; from an affected one, goes to its cause and folds
    /// that. Where nothing is open, folds the group, and goes to its first incident.
    pub fn fold(&mut self, context: &QueryContext<'_>) -> bool {
        let Some(id) = self.cursor else { return false };
        let open = |id: &IncidentId| self.unfolded.contains(id);
        let under = self.index.causes.get(&id).copied().filter(open);
        let Some(target) = Some(id).filter(open).or(under) else { return self.close(context) };
        self.unfolded.remove(&target);
        if let Some(line) = self.line_of(target) {
            self.put(line, 1);
        }
        self.rebuild(Cause::World, context);
        true
    }

    fn close(&mut self, context: &QueryContext<'_>) -> bool {
        let Some(header) = self.group_of_cursor() else { return false };
        let first = self.row(header.first).map(|row| row.id);
        let (name, several) = (header.name.clone(), header.count > 1);
        if !several || !self.closed.insert(name) {
            return false;
        }
        if let Some(line) = first.and_then(|id| self.line_of(id)) {
            self.put(line, 1);
        }
        self.rebuild(Cause::World, context);
        true
    }

    /// How many open incidents are folded under that one.
    pub fn affected(&self, id: IncidentId) -> usize {
        let rows = self.index.families.get(&id).map_or(&[] as &[u32], Vec::as_slice);
        rows.iter().filter(|row| self.row(**row).is_some_and(|r| r.incident.is_open())).count()
    }

    pub fn is_unfolded(&self, id: IncidentId) -> bool {
        self.unfolded.contains(&id)
    }

    /// Marks the incident under the cursor, or takes its mark away, and goes on to the next.
    pub fn toggle_mark(&mut self, context: &QueryContext<'_>) {
        let Some(id) = self.cursor else { return };
        if !self.marks.remove(&id) {
            self.marks.insert(id);
        }
        if self.at + 1 < self.lines.len() {
            self.go(Move::By(1), context);
        }
    }

    /// Marks all that are shown; where all are, takes their marks away.
    pub fn toggle_all(&mut self) {
        let shown: Vec<IncidentId> =
            (0..self.lines.len()).filter_map(|n| self.row_at(n)).map(|row| row.id).collect();
        if shown.iter().all(|id| self.marks.contains(id)) {
            for id in &shown {
                self.marks.remove(id);
            }
        } else {
            self.marks.extend(shown);
        }
    }

    pub fn clear_marks(&mut self) {
        self.marks.clear();
    }

    pub fn unmark(&mut self, id: IncidentId) {
        self.marks.remove(&id);
    }

    /// The incidents in these lines.
    pub fn ids(&self, lines: std::ops::Range<usize>) -> impl Iterator<Item = IncidentId> + '_ {
        lines.filter_map(|n| self.row_at(n)).map(|row| row.id)
    }

    pub fn marks(&self) -> &BTreeSet<IncidentId> {
        &self.marks
    }

    pub fn is_marked(&self, id: IncidentId) -> bool {
        self.marks.contains(&id)
    }

    /// What a key acts on: all marked, otherwise the incident under the cursor, as they were seen.
    pub fn targets(&self, incidents: &Incidents) -> Vec<Target> {
        let ids: Vec<IncidentId> = if self.marks.is_empty() {
            self.cursor.into_iter().collect()
        } else {
            self.marks.iter().copied().collect()
        };
        ids.into_iter()
            .filter_map(|id| incidents.get(id))
            .map(|incident| Target { id: incident.id, seen: incident.version })
            .collect()
    }

    /// How many of the marked ones are not among `lines` of the list.
    pub fn marked_out_of(&self, lines: std::ops::Range<usize>) -> usize {
        let seen = lines.filter_map(|n| self.row_at(n)).filter(|row| self.is_marked(row.id));
        self.marks.len().saturating_sub(seen.count())
    }

    pub fn cursor(&self) -> Option<IncidentId> {
        self.cursor
    }

    /// The incident under the cursor, as it was when the lines were made.
    pub fn selected(&self) -> Option<&Incident> {
        self.row_at(self.at).map(|row| &*row.incident)
    }

    /// The line of the cursor.
    pub fn cursor_line(&self) -> usize {
        self.at
    }

    /// The row under the cursor no longer belongs to the list; it goes when the cursor does.
    pub fn is_sticky(&self) -> bool {
        self.sticky
    }

    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub fn row(&self, row: u32) -> Option<&Row> {
        self.index.rows.get(row as usize)
    }

    pub fn header(&self, header: u32) -> Option<&Header> {
        self.headers.get(header as usize)
    }

    /// How many incidents are shown, and how many are loaded.
    pub fn counts(&self) -> (usize, usize) {
        (self.lines.len() - self.headers.len(), self.index.rows.len())
    }

    /// How many are in folded groups, out of sight.
    pub fn hidden(&self) -> usize {
        self.headers.iter().map(|header| header.hidden).sum()
    }

    /// How many open ones sleep, where the list does not show them.
    pub fn asleep(&self) -> usize {
        if self.query.shuts_out(Flag::Snoozed) { self.index.snoozed } else { 0 }
    }

    /// How many incidents stand above that line.
    pub fn incidents_before(&self, line: usize) -> usize {
        let headers = if self.headers.is_empty() {
            0
        } else {
            let above = self.lines.iter().take(line);
            above.filter(|line| matches!(line, Line::Header(_))).count()
        };
        line.saturating_sub(headers)
    }

    pub fn waiting(&self) -> Waiting {
        self.waiting
    }

    pub fn is_following(&self) -> bool {
        self.following
    }

    pub fn query(&self) -> &Query {
        &self.query
    }

    pub fn sort(&self) -> &Sort {
        &self.sort
    }

    pub fn group(&self) -> Group {
        self.group
    }

    /// The list has room for so many lines now: the cursor is among them.
    pub fn scroll(&mut self, page: usize) {
        self.page = page;
        self.top = self.window(page).start;
    }

    /// Which lines are on the screen where `page` fit.
    pub fn window(&self, page: usize) -> std::ops::Range<usize> {
        let page = page.max(1);
        let most = self.lines.len().saturating_sub(page);
        let top = self.top.min(most).min(self.at);
        let top = top.max((self.at + 1).saturating_sub(page));
        top..(top + page).min(self.lines.len())
    }
}

impl Waiting {
    fn add(&mut self, priority: Priority) {
        self.count += 1;
        self.worst = Some(self.worst.map_or(priority, |worst| worst.min(priority)));
    }
}

/// Who is folded under whom.
struct Tree<'a> {
    /// Causes that are in the list.
    causes: HashSet<IncidentId>,
    unfolded: &'a HashSet<IncidentId>,
    cause_of: &'a HashMap<IncidentId, IncidentId>,
}

impl Tree<'_> {
    /// Whether a row is folded under another, and whether it can be seen there. A circle of causes
    /// folds nobody.
    fn place(&self, row: &Row) -> (bool, bool) {
        let mut cause = row.parent.filter(|id| self.causes.contains(id));
        let folded = cause.is_some();
        let mut visible = true;
        for _ in 0..MAX_DEPTH {
            let Some(id) = cause else { return (folded, visible) };
            visible &= self.unfolded.contains(&id);
            cause = self.cause_of.get(&id).copied().filter(|id| self.causes.contains(id));
        }
        (false, false)
    }
}

/// The lines while they are made.
struct Lines<'a> {
    list: &'a List,
    matches: &'a [bool],
    made: Vec<Line>,
    headers: Vec<Header>,
}

impl Lines<'_> {
    /// Whether the row is shown: of a folded group only the first one is, and the one that the cursor
    /// is on.
    fn header(&mut self, position: u32, teams: &HashMap<ServiceId, String>) -> bool {
        if self.list.group == Group::None {
            return true;
        }
        let Some(row) = self.list.row(position) else { return true };
        let name = self.list.group.heading(&row.incident, row.team(teams));
        if let Some(last) = self.headers.last_mut().filter(|last| last.name == name) {
            last.count += 1;
            let hides = self.list.closed.contains(&name) && self.list.cursor != Some(row.id);
            last.hidden += usize::from(hides);
            return !hides;
        }
        self.made.push(Line::Header(self.headers.len() as u32));
        self.headers.push(Header { name, count: 1, hidden: 0, first: position });
        true
    }

    fn incident(&mut self, position: u32, depth: u8) {
        self.made.push(Line::Incident { row: position, depth });
        let Some(row) = self.list.row(position).filter(|row| row.is_cause) else { return };
        if depth >= MAX_DEPTH || !self.list.unfolded.contains(&row.id) {
            return;
        }
        let family = self.list.index.families.get(&row.id);
        for affected in family.into_iter().flatten() {
            let matches = self.matches.get(*affected as usize).copied().unwrap_or(false);
            let wanted =
                |row: &Row| matches || row.incident.is_open() || self.list.cursor == Some(row.id);
            if self.list.row(*affected).is_some_and(wanted) {
                self.incident(*affected, depth + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests;
