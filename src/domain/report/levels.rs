//! What reports say about service levels: what was promised and kept, error budgets, what is due next. A section
//! is there only where something was agreed.

use std::sync::Arc;

use chrono::TimeDelta;

use super::document::{Block, Datum, Records, Section, Table, Text, records};
use super::words::Word;
use crate::domain::health::ServiceId;
use crate::domain::incident::Incident;
use crate::domain::sla::attainment::Attainment;
use crate::domain::sla::clock::Target;
use crate::domain::sla::contract::{Band, Contract, Kind, Rounding, RoundingMode, ServiceLevels};
use crate::domain::sla::credits::Line;
use crate::domain::sla::incident::promises;
use crate::domain::sla::{Exclusion, NoData};
use crate::domain::slo::{self, Burn, Status};
use crate::domain::time::{Interval, before};

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
const CREDITS: [Word; 11] = [
    Word::Contract,
    Word::Service,
    Word::AvailabilityFigure,
    Word::Compared,
    Word::Tier,
    Word::TierGives,
    Word::Credit,
    Word::Downtime,
    Word::Presumed,
    Word::PlannedTime,
    Word::Covered,
];
const RULES: [Word; 7] = [
    Word::Contract,
    Word::PlannedDowntime,
    Word::NoDataTime,
    Word::RoundingRule,
    Word::Tiers,
    Word::Cap,
    Word::Minimum,
];
const DUE: [Word; 6] =
    [Word::Deadline, Word::Incident, Word::Priority, Word::Clock, Word::Title, Word::Owner];

/// Which part of what was promised was kept, and what was not. `only`: by that contract, where a report is of one.
pub fn attained(all: &Attainment, levels: &ServiceLevels, only: Option<&str>) -> Vec<Section> {
    if levels.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(Word::Attainment, &ATTAINED);
    let name = |id: &str| {
        let known = levels.contract(id);
        Datum::plain(known.map_or(id, |contract| contract.name.as_str()))
    };
    let is_asked = |contract: &str| only.is_none_or(|id| id == contract);
    for (line, count) in all.lines.iter().filter(|(line, _)| is_asked(&line.contract)) {
        let (met, missed) = (count.met.len() as u64, count.missed.len() as u64);
        let attained = match met + missed {
            0 => Datum::None,
            whole => Datum::Share { part: met, whole, decimals: 1 },
        };
        let known = [&count.met[..], &count.missed].concat();
        table.figures(vec![
            (name(&line.contract), Records::default()),
            (Datum::plain(line.priority.to_string()), Records::default()),
            (Datum::word(clock(line.kind)), Records::default()),
            (target(count.target), Records::default()),
            (attained, records(&known)),
            (Datum::Count(met), records(&count.met)),
            (Datum::Count(missed), records(&count.missed)),
            (Datum::count(count.running.len()), records(&count.running)),
        ]);
    }
    let mut breaches = Table::new(Word::Breaches, &BREACHES);
    for breach in all.breaches.iter().filter(|b| is_asked(&b.contract)) {
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

/// What each service achieved by its contracts and what is given back, with the rules that make it so.
///
/// `planned`: the windows that were planned downtime of a service.
pub fn credits(
    lines: &[Line],
    period: Interval,
    planned: impl Fn(&ServiceId, Interval) -> Vec<String>,
) -> Option<Section> {
    if lines.is_empty() {
        return None;
    }
    let mut table = Table::new(Word::ServiceCredits, &CREDITS);
    let mut rules = Table::new(Word::CreditRules, &RULES);
    let mut told: Vec<&Arc<Contract>> = Vec::new();
    for line in lines {
        let contract = &line.contract;
        let part = (line.within.from > period.from || contract.valid.to < period.to)
            .then_some(line.within);
        if !told.iter().any(|c| Arc::ptr_eq(c, contract)) {
            told.push(contract);
            let mut cells = vec![named(contract, part)];
            cells.extend(rules_of(contract));
            rules.row(cells, Vec::new());
        }
        let band = line.band();
        let tier = match (&contract.credits, band) {
            (None, _) => Datum::word(Word::NoTier),
            (_, None) if line.is_thin() => Datum::word(Word::TooThin),
            (_, None) => Datum::None,
            (_, Some(band)) => within(band),
        };
        let gives = band.map(|band| band.tier.map_or(0, |tier| tier.credit));
        let (none, outages) = (Records::default, records(&line.incidents));
        let availability =
            line.achieved().map_or(Datum::None, |r| Datum::Percent(r.percent_down(4)));
        table.figures(vec![
            (named(contract, part), none()),
            (Datum::plain(line.service.as_str()), none()),
            (availability, outages.clone()),
            (line.written().map_or(Datum::None, Datum::Percent), none()),
            (tier, none()),
            (gives.map_or(Datum::None, ppm), none()),
            (line.credit().map_or(Datum::None, ppm), outages.clone()),
            (Datum::Length(line.of.down.num_milliseconds()), outages),
            (Datum::Length(line.of.presumed.num_milliseconds()), none()),
            (
                Datum::Length(line.of.excluded.num_milliseconds()),
                planned(&line.service, line.within).into(),
            ),
            (line.coverage().map_or(Datum::None, |r| Datum::Percent(r.percent_down(1))), none()),
        ]);
    }
    let means = Block::Text(Word::CreditsMean.into());
    Some(Section::new(Word::ServiceCredits, vec![means, Block::Table(table), Block::Table(rules)]))
}

/// A contract by its name; with the part of the period in which it was valid.
fn named(contract: &Contract, part: Option<Interval>) -> Datum {
    let name = Datum::plain(&contract.name);
    let Some(part) = part else { return name };
    let last = before(part.to, TimeDelta::milliseconds(1));
    Datum::Text(Text::Said(Word::ValidFor, vec![name, Datum::Day(part.from), Datum::Day(last)]))
}

/// `<99.9 % and ≥99 %`
fn within(band: Band) -> Datum {
    let said = |word, of: &[u32]| Text::Said(word, of.iter().map(|n| ppm(*n)).collect());
    Datum::Text(match (band.tier, band.least) {
        (Some(tier), Some(least)) => said(Word::Between, &[tier.below, least]),
        (Some(tier), None) => said(Word::Below, &[tier.below]),
        (None, Some(least)) => said(Word::AtLeast, &[least]),
        (None, None) => Word::NoTier.into(),
    })
}

fn rules_of(contract: &Contract) -> [Datum; 6] {
    let Rounding { decimals, mode } = contract.rounding;
    let decimals = vec![Datum::Count(u64::from(decimals))];
    let credits = contract.credits.as_ref();
    let tiers = credits.into_iter().flat_map(|c| &c.tiers);
    let tiers = tiers.map(|t| Text::Said(Word::Gives, vec![ppm(t.below), ppm(t.credit)]));
    let tiers = tiers
        .reduce(|all, next| Text::Said(Word::Joined, vec![Datum::Text(all), Datum::Text(next)]));
    [
        Datum::word(match contract.exclusion {
            Exclusion::Remove => Word::Removed,
            Exclusion::Excuse => Word::Excused,
        }),
        Datum::word(match contract.no_data {
            NoData::Remove => Word::NoDataRemoved,
            NoData::Bad => Word::NoDataBad,
        }),
        Datum::Text(match mode {
            RoundingMode::None => Word::RoundNone.into(),
            RoundingMode::HalfUp => Text::Said(Word::RoundHalfUp, decimals),
            RoundingMode::Down => Text::Said(Word::RoundDown, decimals),
        }),
        tiers.map_or(Datum::word(Word::NoTier), Datum::Text),
        credits.map_or(Datum::None, |c| ppm(c.cap)),
        credits.map_or(Datum::None, |c| ppm(c.minimum)),
    ]
}

/// Parts per million as a percentage, with no more decimals than it has.
fn ppm(ppm: u32) -> Datum {
    let text = slo::percent(i64::from(ppm), 4);
    Datum::Percent(text.trim_end_matches('0').trim_end_matches('.').to_owned())
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
        Target::Days { count: 1, .. } => Datum::word(Word::WorkingDay),
        Target::Days { count, .. } => {
            Datum::Text(Text::Said(Word::WorkingDays, vec![Datum::Count(u64::from(count))]))
        }
    }
}
