//! What reports say about service levels: what was promised and kept, error budgets, what is due next. A section
//! is there only where something was agreed.

use super::document::{Block, Datum, Section, Table, Text, records};
use super::words::Word;
use crate::domain::incident::Incident;
use crate::domain::sla::attainment::Attainment;
use crate::domain::sla::clock::Target;
use crate::domain::sla::contract::{Kind, ServiceLevels};
use crate::domain::sla::incident::promises;
use crate::domain::slo::{self, Burn, Status};
use crate::domain::time::Interval;

const ATTAINED: [Word; 8] = [
    Word::Contract,
    Word::Priority,
    Word::Clock,
    Word::Target,
    Word::Attained,
    Word::Met,
    Word::Missed,
    Word::Running,
];
const BREACHES: [Word; 7] = [
    Word::Incident,
    Word::Title,
    Word::Contract,
    Word::Clock,
    Word::Deadline,
    Word::Late,
    Word::Reason,
];
const STANDING: [Word; 8] = [
    Word::Objective,
    Word::Service,
    Word::Target,
    Word::Achieved,
    Word::BudgetLeft,
    Word::BurnHour,
    Word::BurnDay,
    Word::Covered,
];
const DUE: [Word; 6] =
    [Word::Deadline, Word::Incident, Word::Priority, Word::Clock, Word::Title, Word::Owner];

/// Which part of what was promised was kept, and what was not.
pub fn attained(all: &Attainment, levels: &ServiceLevels) -> Vec<Section> {
    if levels.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(Word::Attainment, &ATTAINED);
    let name = |id: &str| {
        let known = levels.contract(id);
        Datum::plain(known.map_or(id, |contract| contract.name.as_str()))
    };
    for (line, count) in &all.lines {
        let (met, missed) = (count.met.len() as u64, count.missed.len() as u64);
        let attained = match met + missed {
            0 => Datum::None,
            whole => Datum::Share { part: met, whole, decimals: 1 },
        };
        let cells = vec![
            name(&line.contract),
            Datum::plain(line.priority.to_string()),
            Datum::word(clock(line.kind)),
            target(count.target),
            attained,
            Datum::Count(met),
            Datum::Count(missed),
            Datum::count(count.running.len()),
        ];
        table.row(cells, records(&count.all()));
    }
    let mut breaches = Table::new(Word::Breaches, &BREACHES);
    for breach in &all.breaches {
        let id = breach.incident.to_string();
        let cells = vec![
            Datum::plain(&id),
            Datum::plain(&breach.title),
            name(&breach.contract),
            Datum::word(clock(breach.kind)),
            Datum::At(breach.deadline),
            Datum::Length(breach.late.num_milliseconds()),
            Datum::maybe(Some(&breach.cause).filter(|c| !c.is_empty())),
        ];
        breaches.row(cells, vec![id]);
    }
    let means = Block::Text(Word::AttainedMeans.into());
    vec![
        Section::new(Word::Attainment, vec![means, Block::Table(table)]),
        Section::new(Word::Breaches, vec![Block::Table(breaches)]),
    ]
}

/// How the objectives stand.
pub fn objectives<'a>(all: impl IntoIterator<Item = &'a Status>) -> Option<Section> {
    let mut table = Table::new(Word::Objectives, &STANDING);
    for status in all {
        let objective = &status.objective;
        let ppm = |ppm: i64, decimals| Datum::Percent(slo::percent(ppm, decimals));
        let burn = |name| {
            let milli = status.burn_over(name);
            milli.map_or(Datum::None, |milli| Datum::Decimal(Burn::text(milli, 1)))
        };
        let cells = vec![
            Datum::plain(&objective.name),
            Datum::plain(objective.service.as_str()),
            ppm(i64::from(objective.target.ppm()), 3),
            status.sli_ppm().map_or(Datum::None, |sli| ppm(i64::from(sli), 4)),
            status.budget.left_ppm().map_or(Datum::None, |left| ppm(left, 1)),
            burn("1h"),
            burn("1d"),
            ppm(i64::from(status.coverage_ppm()), 1),
        ];
        table.row(cells, vec![objective.id.to_string()]);
    }
    if table.is_empty() {
        return None;
    }
    let means = Block::Text(Word::ObjectivesMean.into());
    Some(Section::new(Word::Objectives, vec![means, Block::Table(table)]))
}

/// What is promised and due before the end of the next turn, what is due first on top; what is late already
/// with it.
pub fn due(open: &[&Incident], levels: &ServiceLevels, next: Interval) -> Option<Section> {
    if levels.is_empty() {
        return None;
    }
    let mut due: Vec<_> = open
        .iter()
        .flat_map(|incident| promises(incident, levels).into_iter().map(move |p| (*incident, p)))
        .filter(|(_, promise)| !promise.is_over() && promise.course.rest(next.from).is_none())
        .filter_map(|(incident, p)| Some((p.course.deadline(next.from).ok()?, incident, p)))
        .filter(|(deadline, ..)| *deadline < next.to)
        .collect();
    due.sort_by_key(|(deadline, incident, _)| (*deadline, incident.id));
    let mut table = Table::new(Word::DueNext, &DUE);
    for (deadline, incident, promise) in due {
        let cells = vec![
            Datum::At(deadline),
            Datum::plain(incident.id.to_string()),
            Datum::plain(incident.priority.to_string()),
            Datum::word(clock(promise.kind)),
            Datum::plain(&incident.title),
            incident.owner().map_or(Datum::word(Word::Nobody), Datum::plain),
        ];
        table.row(cells, vec![incident.id.to_string()]);
    }
    Some(Section::new(Word::DueNext, vec![Block::Table(table)]))
}

fn clock(kind: Kind) -> Word {
    match kind {
        Kind::Respond => Word::Respond,
        Kind::Resolve => Word::Resolve,
        Kind::Update => Word::Update,
    }
}

fn target(target: Target) -> Datum {
    match target {
        Target::Time(length) => Datum::Length(length.num_milliseconds()),
        Target::Days { count, .. } => {
            Datum::Text(Text::Said(Word::WorkingDays, vec![Datum::Count(u64::from(count))]))
        }
    }
}
