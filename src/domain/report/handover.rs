//! The handover of a turn: which turn it is, who goes, who comes, and the document that both sign.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::book::{Handover, Reports};
use super::document::{
    Block, Datum, Document, FORMAT, Fact, Item, KeyFigure, Kind, Section, Table, Text, records,
    window,
};
use super::event::{Party, ShiftKey, Turn};
use super::levels;
use super::words::Word;
use crate::domain::calendar::{Calendar, ClosureCode, Occurrence, Status};
use crate::domain::health::State;
use crate::domain::health::rollup::Health;
use crate::domain::incident::{Incident, IncidentId, IncidentState};
use crate::domain::metrics::restored;
use crate::domain::observation::{SourceName, SourceState, SourceStatus};
use crate::domain::paging::Pages;
use crate::domain::roster::gaps::gaps;
use crate::domain::roster::now::{Held, held};
use crate::domain::roster::shifts::{Imported, final_shifts};
use crate::domain::roster::{Override, PersonId, Roster, Schedule};
use crate::domain::sla::contract::ServiceLevels;
use crate::domain::slo::Status as Budget;
use crate::domain::time::{Instant, Interval, before};
use crate::domain::upstream::{SilenceState, Silences};

/// How long after its end a turn that nobody handed over is still the one to hand over.
const JUST_ENDED: TimeDelta = TimeDelta::hours(4);
/// How far turns are looked for.
const FAR: TimeDelta = TimeDelta::days(31);
/// An acknowledgement is forgotten when nothing was done about its incident for so long.
const FORGOTTEN: TimeDelta = TimeDelta::hours(2);
/// The next turn, as far as it is looked at where nobody comes or it is longer.
const NEXT: TimeDelta = TimeDelta::hours(24);

/// What the document is made of. What cannot be seen from here is `None`, and the document says so.
#[derive(Clone, Copy)]
pub struct World<'a> {
    pub site: &'a str,
    pub roster: &'a Roster,
    pub overrides: &'a [Override],
    pub imported: &'a Imported,
    /// At least those that are open or were touched in the turn.
    pub incidents: &'a [&'a Incident],
    pub calendar: &'a Calendar,
    pub pages: &'a Pages,
    pub reports: &'a Reports,
    pub health: Option<&'a Health>,
    pub silences: Option<&'a Silences>,
    /// What was promised for incidents.
    pub levels: &'a ServiceLevels,
    /// How the objectives stand, where that is known here.
    pub objectives: &'a [&'a Budget],
    pub sources: &'a [SourceStatus],
    /// Heartbeats that are silent: source, matchers, since.
    pub blind: &'a [(SourceName, String, Instant)],
    pub now: Instant,
}

impl World<'_> {
    /// The turn of a schedule to hand over at an instant: the one that runs, or the one that just ended, while
    /// nobody has accepted it. `None`: nobody is on call, and nobody was.
    pub fn turn(&self, schedule: &Schedule, at: Instant) -> Option<Turn> {
        let held = self.held(schedule, at);
        let ended = held.iter().rev().find(|h| h.at.to <= at && at - h.at.to < JUST_ENDED);
        let is_done = |h: &Held| {
            let key = ShiftKey { schedule: schedule.id.clone(), from: h.at.from };
            self.reports.of_shift(&key).is_some_and(|h| h.accepted.is_some())
        };
        let running = held.iter().find(|h| h.at.contains(at));
        let one = ended.filter(|h| !is_done(h)).or(running).or(ended)?;
        let next = held.iter().find(|h| h.at.from >= one.at.to);
        Some(Turn {
            key: ShiftKey { schedule: schedule.id.clone(), from: one.at.from },
            to: one.at.to,
            outgoing: self.party(&one.person),
            incoming: next.map(|h| self.party(&h.person)),
        })
    }

    fn held(&self, schedule: &Schedule, at: Instant) -> Vec<Held> {
        let span = Interval::new(before(at, FAR), before(at, -FAR));
        held(&final_shifts(schedule, self.overrides, self.imported, span))
    }

    fn party(&self, person: &PersonId) -> Party {
        Party { name: self.roster.name(person).to_owned(), person: Some(person.clone()) }
    }

    /// The document of a turn, as of now.
    pub fn document(&self, schedule: &Schedule, turn: &Turn) -> Document {
        let shift = Interval::new(turn.key.from, turn.to);
        let next = self.next(schedule, turn);
        let sections = vec![
            Some(self.state_now()),
            Some(self.notes(turn)),
            Some(self.still_open()),
            levels::due(&self.open(), self.levels, next),
            self.forgotten(),
            Some(Section::new(Word::NotOk, vec![self.health.map_or(unseen(), not_well)])),
            Some(self.opened(shift)),
            Some(self.acknowledged(shift)),
            Some(self.resolved(shift)),
            levels::objectives(self.objectives.iter().copied()),
            Some(self.quiet(next)),
            Some(self.changes(shift)),
            Some(self.pages(shift)),
            Some(self.on_call(schedule, turn, next)),
        ];
        let until = |at: Interval| {
            Datum::Text(Text::Said(Word::Until, vec![Datum::At(at.from), Datum::At(at.to)]))
        };
        let fact = |label: Word, value| Fact { label: label.into(), value };
        let head = vec![
            fact(Word::Site, Datum::plain(self.site)),
            fact(Word::Schedule, Datum::plain(&*schedule.name)),
            fact(Word::Shift, until(shift)),
            fact(Word::Outgoing, Datum::plain(&turn.outgoing.name)),
            fact(Word::Incoming, Self::incoming(turn)),
            fact(Word::MadeAt, Datum::At(self.now)),
            fact(Word::Zone, Datum::plain(schedule.zone.name())),
        ];
        Document {
            format: FORMAT,
            kind: Kind::Handover,
            number: String::new(),
            revision: None,
            locale: None,
            site: self.site.to_owned(),
            zone: schedule.zone.name().to_owned(),
            from: shift.from,
            to: shift.to,
            made_at: self.now,
            head,
            sections: sections.into_iter().flatten().collect(),
        }
    }

    fn incoming(turn: &Turn) -> Datum {
        match &turn.incoming {
            Some(party) => Datum::plain(&party.name),
            None => Datum::word(Word::Nobody),
        }
    }

    /// The turn after this one, or the day after it.
    fn next(&self, schedule: &Schedule, turn: &Turn) -> Interval {
        let from = turn.to.max(self.now);
        let held = self.held(schedule, from);
        let to = held.iter().find(|h| h.at.to > from).map(|h| h.at.to);
        let most = before(from, -NEXT);
        Interval::new(from, to.map_or(most, |to| to.min(most)))
    }

    fn open(&self) -> Vec<&Incident> {
        let mut open: Vec<&Incident> =
            self.incidents.iter().copied().filter(|i| i.is_open()).collect();
        open.sort_by_key(|i| (i.priority, i.id));
        open
    }

    fn state_now(&self) -> Section {
        let open = self.open();
        let unowned: Vec<_> = open.iter().filter(|i| i.owner().is_none()).map(|i| i.id).collect();
        let ids: Vec<_> = open.iter().map(|i| i.id).collect();
        let figure = |name, ids: &[IncidentId]| {
            KeyFigure::new(name, Datum::count(ids.len()), ids.len(), records(ids))
        };
        let mut blocks = vec![Block::Figures(vec![
            figure(Word::OpenNow, &ids),
            figure(Word::OpenUnowned, &unowned),
        ])];
        let mut blind: Vec<Item> = Vec::new();
        for (source, matchers, since) in self.blind {
            let with = vec![Datum::plain(&**source), Datum::plain(matchers), Datum::At(*since)];
            blind.push(Item { text: Text::Said(Word::SilentHeartbeat, with), records: Vec::new() });
        }
        for source in self.sources {
            if let SourceState::Failing { error, .. } = &source.state {
                let with = vec![Datum::plain(&*source.name), Datum::plain(error)];
                blind.push(Item {
                    text: Text::Said(Word::SourceFailing, with),
                    records: Vec::new(),
                });
            }
        }
        if !blind.is_empty() {
            blocks.push(Block::Text(Word::Blind.into()));
            blocks.push(Block::List(blind));
        } else if self.health.is_none() {
            blocks.push(Block::Text(Word::Blind.into()));
            blocks.push(unseen());
        }
        Section::new(Word::StateNow, blocks)
    }

    fn notes(&self, turn: &Turn) -> Section {
        let block = match self.reports.notes(&turn.key).filter(|n| !n.text.is_empty()) {
            Some(notes) => Block::Quote(notes.text.clone()),
            None => Block::Text(Word::Nothing.into()),
        };
        Section::new(Word::Notes, vec![block])
    }

    fn still_open(&self) -> Section {
        const COLUMNS: [Word; 7] = [
            Word::Incident,
            Word::Priority,
            Word::State,
            Word::Service,
            Word::Title,
            Word::Owner,
            Word::NextStep,
        ];
        let mut table = Table::new(Word::StillOpen, &COLUMNS);
        for i in self.open() {
            let step = self.reports.step(i.id);
            let cells = vec![
                Datum::plain(i.id.to_string()),
                Datum::plain(format!("P{}", i.priority.0)),
                state(i.state()),
                service(i),
                Datum::plain(&i.title),
                i.owner().map_or(Datum::word(Word::Nobody), Datum::plain),
                step.map_or(Datum::word(Word::StepMissing), |s| Datum::plain(&s.text)),
            ];
            table.row(cells, vec![i.id.to_string()]);
        }
        Section::new(Word::StillOpen, vec![Block::Table(table)])
    }

    fn forgotten(&self) -> Option<Section> {
        const COLUMNS: [Word; 5] =
            [Word::Incident, Word::Title, Word::Owner, Word::Since, Word::Expires];
        let mut table = Table::new(Word::Forgotten, &COLUMNS);
        for i in self.open() {
            let Some(ack) = &i.standing.acknowledged else { continue };
            let touched = i.last_change.as_ref().map_or(ack.at, |c| c.at.max(ack.at));
            if i.state() != IncidentState::Acknowledged || self.now - touched < FORGOTTEN {
                continue;
            }
            let cells = vec![
                Datum::plain(i.id.to_string()),
                Datum::plain(&i.title),
                Datum::plain(&ack.by),
                Datum::At(touched),
                ack.until.map_or(Datum::None, Datum::At),
            ];
            table.row(cells, vec![i.id.to_string()]);
        }
        if table.is_empty() {
            return None;
        }
        let means = Block::Text(Word::ForgottenMeans.into());
        Some(Section::new(Word::Forgotten, vec![means, Block::Table(table)]))
    }

    fn opened(&self, shift: Interval) -> Section {
        const COLUMNS: [Word; 6] =
            [Word::Incident, Word::Priority, Word::Service, Word::Title, Word::At, Word::State];
        let mut table = Table::new(Word::OpenedInShift, &COLUMNS);
        for i in self.incidents.iter().filter(|i| shift.contains(i.opened_at)) {
            let cells = vec![
                Datum::plain(i.id.to_string()),
                Datum::plain(format!("P{}", i.priority.0)),
                service(i),
                Datum::plain(&i.title),
                Datum::At(i.opened_at),
                state(i.state()),
            ];
            table.row(cells, vec![i.id.to_string()]);
        }
        Section::new(Word::OpenedInShift, vec![Block::Table(table)])
    }

    fn acknowledged(&self, shift: Interval) -> Section {
        const COLUMNS: [Word; 5] = [Word::Incident, Word::Title, Word::By, Word::At, Word::Took];
        let mut table = Table::new(Word::AckedInShift, &COLUMNS);
        for i in self.incidents {
            let Some(at) = i.standing.first_acknowledged_at.filter(|at| shift.contains(*at)) else {
                continue;
            };
            let by = i.standing.acknowledged.as_ref().map(|a| a.by.as_str()).or(i.owner());
            let cells = vec![
                Datum::plain(i.id.to_string()),
                Datum::plain(&i.title),
                Datum::maybe(by),
                Datum::At(at),
                Datum::Length((at - i.opened_at).num_milliseconds().max(0)),
            ];
            table.row(cells, vec![i.id.to_string()]);
        }
        Section::new(Word::AckedInShift, vec![Block::Table(table)])
    }

    fn resolved(&self, shift: Interval) -> Section {
        const COLUMNS: [Word; 5] = [Word::Incident, Word::Title, Word::By, Word::At, Word::Took];
        let mut table = Table::new(Word::ResolvedInShift, &COLUMNS);
        for i in self.incidents {
            let Some(at) = restored(i).filter(|at| shift.contains(*at)) else { continue };
            let by = i.standing.resolved.as_ref().map(|e| e.by.as_str());
            let cells = vec![
                Datum::plain(i.id.to_string()),
                Datum::plain(&i.title),
                Datum::maybe(by),
                Datum::At(at),
                Datum::Length((at - i.started_at).num_milliseconds().max(0)),
            ];
            table.row(cells, vec![i.id.to_string()]);
        }
        Section::new(Word::ResolvedInShift, vec![Block::Table(table)])
    }

    fn quiet(&self, next: Interval) -> Section {
        let silences = match self.silences {
            None => unseen(),
            Some(silences) => Block::Table(silenced(silences)),
        };
        let now = Interval::new(self.now, before(self.now, -TimeDelta::milliseconds(1)));
        let in_force = self.calendar.occurrences(now, self.now);
        let in_force: Vec<&Occurrence> = in_force
            .iter()
            .filter(|o| o.effect().is_some_and(|at| at.contains(self.now)))
            .collect();
        let keys: BTreeSet<_> = in_force.iter().map(|o| o.key.clone()).collect();
        let coming = self.calendar.occurrences(next, self.now);
        let coming: Vec<&Occurrence> =
            coming.iter().filter(|o| o.is_open() && !keys.contains(&o.key)).collect();
        let blocks = vec![
            silences,
            Block::Table(windows(Word::WindowsNow, &in_force)),
            Block::Table(windows(Word::WindowsNext, &coming)),
        ];
        Section::new(Word::Quiet, blocks)
    }

    fn changes(&self, shift: Interval) -> Section {
        let all = self.calendar.occurrences(shift, self.now);
        let ended = all.iter().filter(|o| {
            let record = o.record();
            let finished = record.and_then(|r| r.finished.as_ref()).map(|f| f.at);
            let cancelled = record.and_then(|r| r.cancelled.as_ref()).map(|c| c.at);
            finished.or(cancelled).is_some_and(|at| shift.contains(at))
        });
        let ended: Vec<&Occurrence> = ended.collect();
        let table = windows(Word::ChangesInShift, &ended);
        Section::new(Word::ChangesInShift, vec![Block::Table(table)])
    }

    fn pages(&self, shift: Interval) -> Section {
        let mut table = Table::new(Word::PagesInShift, &[Word::Person, Word::Pages]);
        for (person, n) in self.pages.received(shift) {
            table.row(vec![Datum::plain(self.roster.name(&person)), Datum::count(n)], Vec::new());
        }
        Section::new(Word::PagesInShift, vec![Block::Table(table)])
    }

    fn on_call(&self, schedule: &Schedule, turn: &Turn, next: Interval) -> Section {
        let mut table = Table::new(Word::OnCallLoad, &[Word::What, Word::Person, Word::Contact]);
        table.title = Word::Schedule;
        let parties =
            [(Word::Outgoing, Some(&turn.outgoing)), (Word::Incoming, turn.incoming.as_ref())];
        for (word, party) in parties {
            let Some(party) = party else { continue };
            let person = party.person.as_ref().and_then(|id| self.roster.person(id));
            let contact =
                person.and_then(|p| p.phone.as_ref().or(p.chat.as_ref()).or(p.email.as_ref()));
            let contact = contact.map(ToString::to_string);
            table.row(
                vec![Datum::word(word), Datum::plain(&party.name), Datum::maybe(contact)],
                Vec::new(),
            );
        }
        let shifts = final_shifts(schedule, self.overrides, self.imported, next);
        let mut missing = Table::new(Word::GapsNext, &[Word::From, Word::To, Word::Reason]);
        for gap in gaps(schedule, &shifts, self.overrides, self.imported, next) {
            let cells =
                vec![Datum::At(gap.at.from), Datum::At(gap.at.to), Datum::plain(gap.why.text())];
            missing.row(cells, Vec::new());
        }
        let mut blocks = vec![Block::Table(table)];
        if !missing.is_empty() {
            blocks.push(Block::Table(missing));
        }
        Section::new(Word::Schedule, blocks)
    }
}

/// Where the document is made apart from what watches.
fn unseen() -> Block {
    Block::Text(Word::NotSeen.into())
}

/// A handover as it was signed, with what changed after that first.
pub fn signed(document: &Document, handover: &Handover, incidents: &[&Incident]) -> Document {
    let mut document = document.clone();
    document.sections.retain(|s| s.title != Word::SinceSigned);
    document.sections.splice(0..0, since(handover, incidents));
    document
}

/// What was opened or changed after the outgoing side signed.
fn since(handover: &Handover, incidents: &[&Incident]) -> Option<Section> {
    const COLUMNS: [Word; 5] =
        [Word::Incident, Word::Priority, Word::State, Word::Title, Word::Owner];
    let signed = handover.submitted.as_ref()?;
    let mut table = Table::new(Word::SinceSigned, &COLUMNS);
    let is_later = |i: &&&Incident| {
        i.opened_at > signed.at || i.last_change.as_ref().is_some_and(|c| c.at > signed.at)
    };
    for i in incidents.iter().filter(is_later) {
        let cells = vec![
            Datum::plain(i.id.to_string()),
            Datum::plain(format!("P{}", i.priority.0)),
            state(i.state()),
            Datum::plain(&i.title),
            i.owner().map_or(Datum::word(Word::Nobody), Datum::plain),
        ];
        table.row(cells, vec![i.id.to_string()]);
    }
    if table.is_empty() {
        return None;
    }
    let means = Text::Said(Word::SinceMeans, vec![Datum::plain(&signed.by.name)]);
    Some(Section::new(Word::SinceSigned, vec![Block::Text(means), Block::Table(table)]))
}

/// The services that are not well, the worst first.
fn not_well(health: &Health) -> Block {
    let mut bad: Vec<_> =
        health.services.iter().filter(|s| !matches!(s.state, State::Ok)).collect();
    if bad.is_empty() {
        return Block::Text(Word::AllOk.into());
    }
    bad.sort_by_key(|s| std::cmp::Reverse(s.state));
    let mut table =
        Table::new(Word::NotOk, &[Word::Service, Word::State, Word::Since, Word::Reason]);
    for one in bad {
        let cells = vec![
            Datum::plain(&one.service.name),
            Datum::word(health_word(one.state)),
            Datum::At(one.since),
            Datum::plain(&one.reason),
        ];
        table.row(cells, records(&one.incidents).named);
    }
    Block::Table(table)
}

fn silenced(silences: &Silences) -> Table {
    const COLUMNS: [Word; 5] = [Word::Source, Word::Matches, Word::By, Word::To, Word::Comment];
    let mut table = Table::new(Word::SilencesNow, &COLUMNS);
    for (source, listed) in silences {
        for one in listed.silences.iter().filter(|s| s.state == SilenceState::Active) {
            let cells = vec![
                Datum::plain(&**source),
                Datum::plain(&one.matchers),
                Datum::plain(&one.created_by),
                Datum::At(one.ends_at),
                Datum::plain(&one.comment),
            ];
            table.row(cells, Vec::new());
        }
    }
    table
}

/// Windows as both kinds of reports list them.
pub(super) fn windows(title: Word, all: &[&Occurrence]) -> Table {
    const COLUMNS: [Word; 6] =
        [Word::Window, Word::Kind, Word::Title, Word::From, Word::To, Word::Outcome];
    let mut table = Table::new(title, &COLUMNS);
    for one in all {
        let actual = one.actual();
        let from = actual.map_or(one.planned.from, |(from, _)| from);
        let to = actual.and_then(|(_, to)| to).unwrap_or_else(|| one.end());
        let cells = vec![
            Datum::plain(one.key.window.to_string()),
            Datum::plain(one.window.kind.word().replace('_', " ")),
            Datum::plain(one.window.title()),
            Datum::At(from),
            Datum::At(to),
            Datum::word(outcome(one)),
        ];
        table.row(cells, vec![window(&one.key)]);
    }
    table
}

fn outcome(one: &Occurrence) -> Word {
    match one.record().and_then(|r| r.finished.as_ref()) {
        Some(finished) => closure(finished.code),
        None => match one.status {
            Status::Planned => Word::Planned,
            Status::Approved => Word::Approved,
            Status::InProgress => Word::InProgress,
            Status::Completed => Word::Completed,
            Status::Cancelled => Word::Cancelled,
        },
    }
}

pub(super) fn closure(code: ClosureCode) -> Word {
    match code {
        ClosureCode::Successful => Word::Successful,
        ClosureCode::WithIssues => Word::WithIssues,
        ClosureCode::BackedOut => Word::BackedOut,
        ClosureCode::Failed => Word::Failed,
    }
}

pub(super) fn health_word(state: State) -> Word {
    match state {
        State::Ok => Word::Ok,
        State::Warning => Word::Warning,
        State::Critical => Word::Critical,
        State::Unknown => Word::Unknown,
        State::Maintenance => Word::Maintenance,
    }
}

pub(super) fn state(state: IncidentState) -> Datum {
    Datum::word(match state {
        IncidentState::New => Word::New,
        IncidentState::Acknowledged => Word::Acknowledged,
        IncidentState::OnHold => Word::OnHold,
        IncidentState::Resolved => Word::Resolved,
        IncidentState::Closed => Word::Closed,
        IncidentState::Cancelled => Word::Cancelled,
    })
}

fn service(incident: &Incident) -> Datum {
    match &incident.service {
        Some(service) => Datum::plain(service.as_str()),
        None => Datum::word(Word::Unassigned),
    }
}
