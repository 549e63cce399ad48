//! The service report of a period: gathered from one incident after another, then written down.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;

use super::document::{
    Block, Chart, Datum, Document, FORMAT, Fact, Form, KeyFigure, Kind, MOST_NAMED, Records,
    Section, Series, Table, Text, records, window,
};
use super::event::{Coverage, Scope};
use super::handover::{closure, windows};
use super::show::Style;
use super::words::{Locale, Word};
use crate::domain::calendar::{ClosureCode, Occurrence};
use crate::domain::health::{Dimension, Service, ServiceId, Signal};
use crate::domain::incident::{Event, EventBody, Incident, IncidentId, Priority};
use crate::domain::metrics::{
    Changes, Figure, Group, Measure, Measures, Metrics, Rules, Value, Why, changes, planned,
    restored,
};
use crate::domain::roster::load::Load;
use crate::domain::roster::{PersonId, Roster};
use crate::domain::time::{Instant, Interval, Intervals, before, zone};

/// What is gathered of incidents, for the period and the one before it.
pub struct Gathered {
    pub metrics: Metrics,
    pub before: Metrics,
    /// Opened by local day: P1 and P2, and the others.
    daily: BTreeMap<NaiveDate, [usize; 2]>,
    by_dimension: BTreeMap<Option<Dimension>, Vec<IncidentId>>,
    dimensions: BTreeMap<(ServiceId, String), Dimension>,
    services: Vec<ServiceId>,
    known_from: Option<Instant>,
    /// Those of the services that are asked about.
    asked: BTreeSet<IncidentId>,
    briefs: Briefs,
    zone: Tz,
}

/// What is said of incidents beside their names. A month may have 100,000 of them: nothing of one is an
/// allocation of its own, which would lie between those of the next ones and slow all of them down.
#[derive(Default)]
struct Briefs {
    all: Vec<Brief>,
    titles: String,
    services: BTreeSet<ServiceId>,
}

struct Brief {
    id: IncidentId,
    /// In `titles`.
    title: Range<usize>,
    priority: Priority,
    service: Option<ServiceId>,
    opened_at: Instant,
    resolved_at: Option<Instant>,
}

impl Briefs {
    fn add(&mut self, incident: &Incident) {
        let service = incident.service.as_ref().map(|service| {
            if !self.services.contains(service) {
                self.services.insert(service.clone());
            }
            self.services.get(service).unwrap_or(service).clone()
        });
        let start = self.titles.len();
        self.titles.push_str(&incident.title);
        self.all.push(Brief {
            id: incident.id,
            title: start..self.titles.len(),
            priority: incident.priority,
            service,
            opened_at: incident.opened_at,
            resolved_at: restored(incident),
        });
    }

    fn title(&self, brief: &Brief) -> &str {
        self.titles.get(brief.title.clone()).unwrap_or_default()
    }
}

/// What has to be known of services: whose they are, and of which dimension each signal is.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    pub teams: BTreeMap<ServiceId, Arc<str>>,
    pub dimensions: BTreeMap<(ServiceId, String), Dimension>,
    /// When nobody watched them.
    pub unwatched: Intervals,
}

impl Watched {
    pub fn of(services: &[Arc<Service>]) -> Self {
        let team = |s: &Arc<Service>| Some((s.id.clone(), Arc::from(s.team.as_deref()?)));
        let signals = services.iter().flat_map(|service| {
            let of = |s: &Signal| ((service.id.clone(), s.name.to_string()), s.dimension);
            service.signals.iter().map(of)
        });
        Self {
            teams: services.iter().filter_map(team).collect(),
            dimensions: signals.collect(),
            unwatched: Intervals::empty(),
        }
    }
}

/// What the report is made of beside incidents.
pub struct Facts<'a> {
    pub site: &'a str,
    pub zone: Tz,
    pub coverage: &'a Coverage,
    pub roster: &'a Roster,
    /// Those of the period and of the one before it.
    pub occurrences: &'a [Occurrence],
    /// Changes of priority in the period.
    pub reclassified: &'a [Event],
    pub load: &'a BTreeMap<PersonId, Load>,
    /// What each person was paged about, page by page; `None`: about no incident.
    pub pages: &'a BTreeMap<PersonId, Vec<Option<IncidentId>>>,
    /// Sections of whoever knows more: service levels, budgets.
    pub more: Vec<Section>,
    pub now: Instant,
}

/// The stretch of the same length before a period. A month is compared with the month before it, whatever
/// their lengths.
pub fn period_before(period: Interval, zone: Tz) -> Interval {
    let (from, to) = (zone::local(period.from, zone), zone::local(period.to, zone));
    let months = |n: u32| from.checked_add_months(chrono::Months::new(n));
    for n in [1, 3, 12] {
        if months(n) == Some(to)
            && let Some(start) = from.checked_sub_months(chrono::Months::new(n))
        {
            return Interval::new(zone::instant(start, zone), period.from);
        }
    }
    // Local days, so that a week is a week over a change of clocks.
    let start = zone::instant(from - (to - from), zone);
    Interval::new(start.min(period.from), period.from)
}

impl Gathered {
    /// Nothing yet. `occurrences` are those of both periods, for what was planned to be down; `known_from`: when
    /// the first thing was recorded.
    pub fn new(
        period: Interval,
        zone: Tz,
        services: Vec<ServiceId>,
        watched: Watched,
        occurrences: &[Occurrence],
        known_from: Option<Instant>,
        now: Instant,
    ) -> Self {
        let planned = planned(occurrences);
        let Watched { teams, dimensions, unwatched } = watched;
        let services_of = services.clone();
        let rules =
            Rules { outage: None, teams, planned, services: services_of, known_from, unwatched };
        let earlier = period_before(period, zone);
        Self {
            metrics: Metrics::new(period, rules.clone(), now),
            before: Metrics::new(earlier, rules, now),
            daily: BTreeMap::new(),
            by_dimension: BTreeMap::new(),
            dimensions,
            services,
            known_from,
            asked: BTreeSet::new(),
            briefs: Briefs::default(),
            zone,
        }
    }

    /// The stretch of which incidents are needed.
    pub fn span(&self) -> Interval {
        Interval::new(self.before.period.from, self.metrics.period.to)
    }

    /// Counts an incident in.
    pub fn add(&mut self, incident: &Incident) {
        self.metrics.add(incident);
        self.before.add(incident);
        let asked = self.services.is_empty()
            || incident.service.as_ref().is_some_and(|s| self.services.contains(s));
        if asked {
            self.asked.insert(incident.id);
            self.briefs.add(incident);
        }
        let counts = asked && incident.standing.cancelled.is_none();
        if counts && self.metrics.period.contains(incident.opened_at) {
            let day = zone::local(incident.opened_at, self.zone).date();
            let [urgent, lesser] = self.daily.entry(day).or_default();
            *(if incident.priority.0 <= 2 { urgent } else { lesser }) += 1;
            let dimension = self.dimension(incident);
            self.by_dimension.entry(dimension).or_default().push(incident.id);
        }
    }

    /// Whether a page about that incident, or about none, belongs to the report.
    pub fn concerns(&self, incident: Option<IncidentId>) -> bool {
        self.services.is_empty() || incident.is_some_and(|id| self.asked.contains(&id))
    }

    /// The dimension of what an incident is about: of the signal that raised it, or what it names itself.
    fn dimension(&self, incident: &Incident) -> Option<Dimension> {
        let signal = incident.service.clone().zip(incident.labels.get("signal").cloned());
        let known = signal.and_then(|key| self.dimensions.get(&key).copied());
        known.or_else(|| named(incident))
    }

    /// The report, a draft until it is issued.
    pub fn document(&self, facts: Facts<'_>) -> Document {
        let asked = Interval::new(facts.coverage.from, facts.coverage.to);
        let concern = |o: &&Occurrence| {
            self.services.is_empty()
                || o.window.scope.services.iter().any(|s| self.services.contains(s))
        };
        let concerned: Vec<&Occurrence> = facts.occurrences.iter().filter(concern).collect();
        let changed = changes(concerned.iter().copied(), asked);
        let changed_before = changes(concerned.iter().copied(), self.before.period);
        let mut sections = vec![
            self.summary(&changed, &changed_before, &facts),
            self.running(),
            self.availability(),
        ];
        sections.extend(facts.more.clone());
        sections.push(self.incidents());
        sections.push(changes_section(&changed, &concerned, asked));
        sections.push(load_section(&facts));
        sections.push(self.trend());
        sections.push(self.left_out());
        let ours = facts.reclassified.iter().filter(|e| self.concerns(Some(e.incident)));
        sections.push(reprioritised(ours));
        sections.push(definitions(&facts));
        sections.push(self.named(&sections));
        let until = Text::Said(Word::Until, vec![Datum::Day(asked.from), last_day(asked.to)]);
        let fact = |label: Word, value| Fact { label: label.into(), value };
        let head = vec![
            fact(Word::Site, Datum::plain(facts.site)),
            fact(Word::Period, Datum::Text(until)),
            fact(Word::Services, scope(&facts.coverage.scope)),
            fact(Word::MadeAt, Datum::At(facts.now)),
        ];
        let document = Document {
            format: FORMAT,
            kind: Kind::Service,
            number: String::new(),
            revision: None,
            locale: None,
            site: facts.site.to_owned(),
            zone: facts.zone.name().to_owned(),
            from: facts.coverage.from,
            to: facts.coverage.to,
            made_at: facts.now,
            head,
            sections,
        };
        document.named_within(MOST_NAMED)
    }

    /// Every incident that a figure counts, once.
    fn named(&self, sections: &[Section]) -> Section {
        const COLUMNS: [Word; 6] = [
            Word::Incident,
            Word::Priority,
            Word::Service,
            Word::Title,
            Word::OpenedAt,
            Word::ResolvedAt,
        ];
        let mut table = Table::new(Word::Records, &COLUMNS);
        let mut named: BTreeSet<IncidentId> = BTreeSet::new();
        for block in sections.iter().flat_map(|s| &s.blocks) {
            let records: Vec<&String> = match block {
                Block::Figures(all) => all.iter().flat_map(|f| &f.records).collect(),
                Block::Table(table) => table.rows.iter().flat_map(|r| &r.records).collect(),
                _ => continue,
            };
            named.extend(records.into_iter().filter_map(|r| r.parse::<IncidentId>().ok()));
        }
        let mut briefs: Vec<_> =
            self.briefs.all.iter().filter(|brief| named.contains(&brief.id)).collect();
        briefs.sort_unstable_by_key(|brief| brief.id);
        for brief in briefs {
            let id = brief.id;
            let cells = vec![
                Datum::plain(id.to_string()),
                Datum::plain(brief.priority.to_string()),
                Datum::maybe(brief.service.as_ref().map(ServiceId::as_str)),
                Datum::plain(self.briefs.title(brief)),
                Datum::At(brief.opened_at),
                brief.resolved_at.map_or(Datum::None, Datum::At),
            ];
            table.row(cells, vec![id.to_string()]);
        }
        Section::new(Word::Records, vec![Block::Table(table)])
    }

    fn summary(&self, changed: &Changes, before: &Changes, facts: &Facts<'_>) -> Section {
        let (now, then) = (self.metrics.whole(), self.before.whole());
        let figure =
            |measure| key_figure(word(measure), &now.get(measure), Some(&then.get(measure)));
        let mut figures: Vec<KeyFigure> = Measure::ALL.into_iter().map(figure).collect();
        figures.push(key_figure(Word::ChangeSuccess, &changed.success, Some(&before.success)));
        let pages: usize = facts.pages.values().map(Vec::len).sum();
        let about: BTreeSet<IncidentId> =
            facts.pages.values().flatten().copied().flatten().collect();
        let about: Records = about.iter().collect();
        figures.push(KeyFigure::new(Word::Pages, Datum::count(pages), pages, about));
        let until = self.metrics.period.to;
        let open = (until < facts.coverage.to)
            .then(|| Block::Text(Text::Said(Word::SoFar, vec![Datum::At(until)])));
        let is_cut = |m: &Metrics| m.known != m.period;
        let unknown = self.known_from.filter(|_| is_cut(&self.before) || is_cut(&self.metrics));
        let unknown =
            unknown.map(|at| Block::Text(Text::Said(Word::KnownFrom, vec![Datum::At(at)])));
        let unwatched = self.metrics.unwatched().num_milliseconds();
        let unwatched = (unwatched > 0)
            .then(|| Block::Text(Text::Said(Word::Unwatched, vec![Datum::Length(unwatched)])));
        let blocks = open
            .into_iter()
            .chain(unknown)
            .chain(unwatched)
            .chain([Block::Figures(figures)])
            .collect();
        Section::new(Word::Summary, blocks)
    }

    fn running(&self) -> Section {
        let mut table = Table::new(Word::RunningState, &[Word::Dimension, Word::Opened]);
        let dimensions = [
            (Some(Dimension::Performance), Word::Performance),
            (Some(Dimension::Stability), Word::Stability),
            (Some(Dimension::Security), Word::Security),
            (Some(Dimension::Availability), Word::Availability),
            (None, Word::OtherDimension),
        ];
        for (dimension, word) in dimensions {
            let of = self.by_dimension.get(&dimension).map(Vec::as_slice).unwrap_or_default();
            // As with every count: of what is not known there is none.
            let is_unknown = of.is_empty() && self.metrics.known.is_empty();
            let count = if is_unknown { Datum::None } else { Datum::count(of.len()) };
            table.figures(vec![(Datum::word(word), Records::default()), (count, records(of))]);
        }
        let means = Block::Text(Word::RunningMeans.into());
        Section::new(Word::RunningState, vec![means, Block::Table(table)])
    }

    fn availability(&self) -> Section {
        const COLUMNS: [Word; 7] = [
            Word::Service,
            Word::AvailabilityFigure,
            Word::Covered,
            Word::Before,
            Word::CoverageBefore,
            Word::Downtime,
            Word::Mtbf,
        ];
        let mut table = Table::new(Word::AvailabilityOf, &COLUMNS);
        let then = self.before.by_service();
        for group in self.metrics.by_service() {
            let Some(service) = &group.of else { continue };
            let earlier = then.iter().find(|g| g.of == group.of).map(|g| &g.measures);
            let before = |measure| counted(&earlier.map(|m| m.get(measure)).unwrap_or_default());
            let of = |measure| counted(&group.measures.get(measure));
            table.figures(vec![
                (Datum::plain(service.as_str()), Records::default()),
                of(Measure::Availability),
                of(Measure::Coverage),
                before(Measure::Availability),
                before(Measure::Coverage),
                of(Measure::Downtime),
                of(Measure::BetweenFailures),
            ]);
        }
        Section::new(Word::AvailabilityOf, vec![Block::Table(table)])
    }

    fn incidents(&self) -> Section {
        let priority = |g: &Group<_>| {
            let crate::domain::incident::Priority(n) = g.of;
            Datum::plain(format!("P{n}"))
        };
        let service = |g: &Group<Option<ServiceId>>| match &g.of {
            Some(id) => Datum::plain(id.as_str()),
            None => Datum::word(Word::Unassigned),
        };
        let team = |g: &Group<Option<Arc<str>>>| match &g.of {
            Some(team) => Datum::plain(&**team),
            None => Datum::word(Word::NoTeam),
        };
        let cause = |g: &Group<String>| match g.of.as_str() {
            "" => Datum::word(Word::NotKnown),
            code => Datum::plain(code.replace('_', " ")),
        };
        let metrics = &self.metrics;
        let blocks = vec![
            grouped(Word::ByPriority, Word::Priority, &metrics.by_priority(), priority),
            grouped(Word::ByService, Word::Service, &metrics.by_service(), service),
            grouped(Word::ByTeam, Word::Team, &metrics.by_team(), team),
            grouped(Word::ByCause, Word::Cause, &metrics.by_cause(), cause),
        ];
        Section::new(Word::IncidentsBy, blocks)
    }

    fn trend(&self) -> Section {
        let period = self.metrics.period;
        let last = before(period.to, TimeDelta::milliseconds(1)).max(period.from);
        let (first, last) = (zone::local(period.from, self.zone), zone::local(last, self.zone));
        let days: Vec<NaiveDate> =
            first.date().iter_days().take_while(|d| *d <= last.date()).take(400).collect();
        let count = |at: usize| {
            let of = |day| self.daily.get(day).and_then(|counts| counts.get(at)).copied();
            days.iter().map(|day| Some(of(day).unwrap_or(0) as f64)).collect()
        };
        let midnight = |day: &NaiveDate| {
            Datum::Day(zone::instant(day.and_time(chrono::NaiveTime::MIN), self.zone))
        };
        let chart = Chart {
            title: Word::OpenedPerDay,
            form: Form::Bars,
            labels: days.iter().map(midnight).collect(),
            series: vec![
                Series { name: Word::Urgent.into(), values: count(0) },
                Series { name: Word::Lesser.into(), values: count(1) },
            ],
        };
        Section::new(Word::Trend, vec![Block::Chart(chart)])
    }

    fn left_out(&self) -> Section {
        let mut table = Table::new(Word::NotCounted, &[Word::Incident, Word::Title, Word::Reason]);
        for one in self.metrics.left_out() {
            let why = match one.why {
                Why::Merged(into) => {
                    Text::Said(Word::MergedInto, vec![Datum::plain(into.to_string())])
                }
                Why::Cancelled => Text::Said(Word::CancelledBy, vec![Datum::plain(&one.reason)]),
                Why::Excluded => Word::ExcludedBy.into(),
                Why::Drill => Word::ADrill.into(),
                Why::AcknowledgedBefore => Word::AckBefore.into(),
                Why::BeganAfter => Word::StartAfter.into(),
            };
            let id = one.id.to_string();
            let cells = vec![Datum::plain(&id), Datum::plain(&one.title), Datum::Text(why)];
            table.row(cells, vec![id]);
        }
        Section::new(Word::NotCounted, vec![Block::Table(table)])
    }
}

/// The dimension that an incident itself names, by a label or by its category.
fn named(incident: &Incident) -> Option<Dimension> {
    let said = incident.labels.get("dimension").map_or(incident.category.as_str(), String::as_str);
    match said.to_ascii_lowercase().as_str() {
        "performance" | "latency" => Some(Dimension::Performance),
        "stability" => Some(Dimension::Stability),
        "security" => Some(Dimension::Security),
        "availability" => Some(Dimension::Availability),
        _ => None,
    }
}

fn word(measure: Measure) -> Word {
    match measure {
        Measure::Opened => Word::Opened,
        Measure::Resolved => Word::ResolvedIn,
        Measure::Open => Word::OpenAtEnd,
        Measure::Detect => Word::Mttd,
        Measure::Acknowledge => Word::Mtta,
        Measure::Restore => Word::Mttr,
        Measure::BetweenFailures => Word::Mtbf,
        Measure::Downtime => Word::Downtime,
        Measure::Availability => Word::AvailabilityFigure,
        Measure::Coverage => Word::Covered,
        Measure::Recurrence => Word::Recurrence,
        Measure::Satisfaction => Word::Satisfaction,
    }
}

fn key_figure(name: Word, figure: &Figure, before: Option<&Figure>) -> KeyFigure {
    let of = records(&figure.incidents).and(figure.windows.iter().map(window).collect());
    let before = before.map(|b| datum(b.value));
    KeyFigure { before, ..KeyFigure::new(name, datum(figure.value), figure.n, of) }
}

/// A figure of a table with the records behind it.
fn counted(figure: &Figure) -> (Datum, Records) {
    (datum(figure.value), records(&figure.incidents))
}

/// A value of the metrics as one of a report. Shares of time have four decimals, those of counts one.
fn datum(value: Option<Value>) -> Datum {
    match value {
        None => Datum::None,
        Some(Value::Count(n)) => Datum::Count(n),
        Some(Value::Share { part, whole }) => {
            let decimals = if whole > 100_000 { 4 } else { 1 };
            Datum::Share { part, whole, decimals }
        }
        Some(Value::Score { sum, n }) => Datum::Score { sum, n },
        Some(value @ (Value::Time(_) | Value::Mean { .. })) => {
            value.time().map_or(Datum::None, |t| Datum::Length(t.num_milliseconds()))
        }
    }
}

fn grouped<K>(
    title: Word,
    of: Word,
    groups: &[Group<K>],
    name: impl Fn(&Group<K>) -> Datum,
) -> Block {
    const MEASURES: [Measure; 6] = [
        Measure::Opened,
        Measure::Resolved,
        Measure::Open,
        Measure::Acknowledge,
        Measure::Restore,
        Measure::Downtime,
    ];
    let columns: Vec<Word> = std::iter::once(of).chain(MEASURES.map(word)).collect();
    let mut table = Table::new(title, &columns);
    for group in groups {
        let measures: &Measures = &group.measures;
        let values = MEASURES.map(|m| counted(&measures.get(m)));
        table.figures(std::iter::once((name(group), Records::default())).chain(values).collect());
    }
    Block::Table(table)
}

fn changes_section(changed: &Changes, all: &[&Occurrence], period: Interval) -> Section {
    let mut codes = Table::new(Word::ChangesOf, &[Word::Outcome, Word::Count]);
    for code in ClosureCode::ALL {
        let keys = changed.by_code.get(&code).map(Vec::as_slice).unwrap_or_default();
        let names: Vec<String> = keys.iter().map(window).collect();
        codes.figures(vec![
            (Datum::word(closure(code)), Records::default()),
            (Datum::count(keys.len()), names.into()),
        ]);
    }
    let touched = |o: &&&Occurrence| o.planned.overlap(period).is_some();
    let touched: Vec<&Occurrence> = all.iter().filter(touched).copied().collect();
    let table = windows(Word::WindowsOf, &touched);
    Section::new(Word::ChangesOf, vec![Block::Table(codes), Block::Table(table)])
}

fn load_section(facts: &Facts<'_>) -> Section {
    const COLUMNS: [Word; 7] = [
        Word::Person,
        Word::Hours,
        Word::OutOfHours,
        Word::Nights,
        Word::Weekends,
        Word::Shifts,
        Word::Pages,
    ];
    let mut table = Table::new(Word::OnCallLoad, &COLUMNS);
    for (person, load) in facts.load {
        let about = facts.pages.get(person).into_iter().flatten().copied().flatten();
        let about: Vec<IncidentId> = about.collect::<BTreeSet<_>>().into_iter().collect();
        table.figures(vec![
            (Datum::plain(facts.roster.name(person)), Records::default()),
            (Datum::Length(load.on_call.num_milliseconds()), Records::default()),
            (Datum::Length(load.out_of_hours.num_milliseconds()), Records::default()),
            (Datum::count(load.nights), Records::default()),
            (Datum::count(load.weekends), Records::default()),
            (Datum::count(load.shifts), Records::default()),
            (Datum::count(facts.pages.get(person).map_or(0, Vec::len)), records(&about)),
        ]);
    }
    Section::new(Word::OnCallLoad, vec![Block::Table(table)])
}

fn reprioritised<'a>(events: impl Iterator<Item = &'a Event>) -> Section {
    const COLUMNS: [Word; 4] = [Word::Incident, Word::ReclassifiedTo, Word::At, Word::By];
    let mut table = Table::new(Word::Reprioritised, &COLUMNS);
    for event in events {
        let EventBody::Reclassified { priority, .. } = &event.body else { continue };
        let id = event.incident.to_string();
        let cells = vec![
            Datum::plain(&id),
            Datum::plain(format!("P{}", priority.0)),
            Datum::At(event.at),
            Datum::plain(&event.actor.name),
        ];
        table.row(cells, vec![id]);
    }
    Section::new(Word::Reprioritised, vec![Block::Table(table)])
}

fn definitions(facts: &Facts<'_>) -> Section {
    let outage = Text::Said(Word::DefOutage, vec![Datum::Count(2)]);
    let version = chrono_tz::IANA_TZDB_VERSION;
    let zones =
        Text::Said(Word::DefZones, vec![Datum::plain(facts.zone.name()), Datum::plain(version)]);
    let words = [
        Word::DefDetect,
        Word::DefAcknowledge,
        Word::DefRestore,
        Word::DefBetween,
        Word::DefAvailability,
        Word::DefChanges,
        Word::DefCounts,
        Word::DefTime,
    ];
    let texts = words.map(Text::Word).into_iter().chain([outage, zones]);
    let items = texts.map(|text| super::document::Item { text, records: Vec::new() });
    Section::new(Word::Definitions, vec![Block::List(items.collect())])
}

/// The day before an end that is a midnight; as people say until when.
fn last_day(to: Instant) -> Datum {
    Datum::Day(before(to, TimeDelta::milliseconds(1)))
}

fn scope(scope: &Scope) -> Datum {
    match scope {
        Scope::All => Datum::word(Word::All),
        Scope::Service(id) => Datum::plain(id.as_str()),
        Scope::Team(name) => {
            Datum::Text(Text::Said(Word::Pair, vec![Datum::word(Word::Team), Datum::plain(name)]))
        }
        Scope::Contract(name) => Datum::Text(Text::Said(
            Word::Pair,
            vec![Datum::word(Word::Contract), Datum::plain(name)],
        )),
    }
}

/// What a revision says otherwise than the one before it, as a section to stand first; as far as it is
/// written: milliseconds are no difference.
pub fn differences(old: &Document, new: &Document) -> Section {
    let style = Style { locale: Locale::English, zone: Tz::UTC };
    let (was, is) = (values(old), values(new));
    let mut table = Table::new(Word::Differences, &[Word::What, Word::Was, Word::Is]);
    let keys = was.iter().map(|(key, _)| key);
    let added = is.iter().map(|(key, _)| key).filter(|key| !was.iter().any(|(k, _)| k == *key));
    for key in keys.chain(added) {
        let of = |all: &[(Vec<Datum>, Datum)]| {
            all.iter().find(|(k, _)| k == key).map_or(Datum::None, |(_, value)| value.clone())
        };
        let (was, is) = (of(&was), of(&is));
        if style.datum(&was) != style.datum(&is) {
            let what = Datum::Text(Text::Said(Word::Path, key.clone()));
            table.row(vec![what, was, is], Vec::new());
        }
    }
    let block = if table.is_empty() {
        Block::Text(Word::NoDifferences.into())
    } else {
        Block::Table(table)
    };
    Section::new(Word::Differences, vec![block])
}

/// By which columns one row of a table is known from the others.
fn identity(table: Word) -> &'static [usize] {
    match table {
        Word::ServiceCredits => &[0, 1],
        Word::Attainment => &[0, 1, 2],
        // Incident, contract, clock, deadline.
        Word::Breaches => &[0, 2, 3, 4],
        _ => &[0],
    }
}

/// Every value of a document with where it stands: section, row or figure, column. What says how it was made
/// is left out.
fn values(document: &Document) -> Vec<(Vec<Datum>, Datum)> {
    let told =
        |s: &&Section| !matches!(s.title, Word::Definitions | Word::Differences | Word::Records);
    let mut out = Vec::new();
    for section in document.sections.iter().filter(told) {
        for block in &section.blocks {
            match block {
                Block::Figures(figures) => {
                    for figure in figures {
                        let key = |last| {
                            vec![
                                Datum::word(section.title),
                                Datum::word(figure.name),
                                Datum::word(last),
                            ]
                        };
                        out.push((key(Word::Value), figure.value.clone()));
                        out.push((key(Word::Count), Datum::count(figure.n)));
                    }
                }
                Block::Table(table) => {
                    let identity = identity(table.title);
                    for row in &table.rows {
                        let names = identity.iter().filter_map(|at| row.cells.get(*at)).cloned();
                        let name = names.reduce(|all, next| {
                            Datum::Text(Text::Said(Word::Both, vec![all, next]))
                        });
                        let Some(name) = name else { continue };
                        let cells = row.cells.iter().zip(&table.columns).enumerate();
                        let cells = cells.filter(|(at, _)| !identity.contains(at));
                        out.extend(cells.map(|(_, (cell, column))| {
                            let key =
                                vec![Datum::word(table.title), name.clone(), Datum::word(*column)];
                            (key, cell.clone())
                        }));
                    }
                }
                _ => {}
            }
        }
    }
    out
}
