//! Handovers and reports as they stand: which changes exist, when they are allowed, what they mean.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::document::{Block, Datum, Document, Fact, Section, Table};
use super::event::{Coverage, Event, HandoverId, Party, ReportId, ShiftKey, Turn, document_name};
use super::words::Word;
use crate::domain::command::Verdict;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::log::Recorded;
use crate::domain::text;
use crate::domain::time::Instant;

/// The largest document that is kept.
const LARGEST: usize = 4 * 1_024 * 1_024;

/// What a person, or the console itself, asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// `seen`: the version of the notes that were there; 0 for none.
    Note {
        shift: ShiftKey,
        notes: String,
        seen: u64,
    },
    NextStep {
        incident: IncidentId,
        text: String,
    },
    /// `force`: although somebody else than the outgoing person does it.
    Submit {
        turn: Box<Turn>,
        document: Box<Document>,
        force: bool,
    },
    /// `seen`: the version of the handover that was read. `takes`: the incidents that were named as going over;
    /// no other does. `force`: in spite of what speaks against it.
    Accept {
        id: HandoverId,
        seen: u64,
        takes: Vec<IncidentId>,
        document: Box<Document>,
        force: bool,
    },
    /// `over`: the report of which it is the next revision. `plan`: the `[[reports]]` that asks.
    /// `force`: beside another one of the same period and services.
    Issue {
        coverage: Box<Coverage>,
        over: Option<ReportId>,
        plan: String,
        document: Box<Document>,
        force: bool,
    },
    Sent {
        id: ReportId,
        revision: u32,
        to: String,
    },
}

/// A text, who wrote it and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    pub text: String,
    pub by: String,
    pub at: Instant,
    /// The position of the event that wrote it.
    pub version: u64,
}

/// Who signed, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    pub by: Party,
    pub at: Instant,
}

/// One handover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    pub id: HandoverId,
    pub turn: Turn,
    /// `None`: taken back by a change of what was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted: Option<Signed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Signed>,
    /// What went over by accepting it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<IncidentId>,
    /// The position of the last event that changed it.
    pub version: u64,
}

/// One report with its revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    pub id: ReportId,
    pub coverage: Coverage,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plan: String,
    /// From revision 1 on.
    pub revisions: Vec<Revision>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    pub by: String,
    pub at: Instant,
    /// The position of its event: what is corrected after it is not in it.
    pub position: u64,
    /// Where it arrived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<String>,
}

/// All of them. Documents are kept beside it, by their names, and read when they are looked at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reports {
    notes: BTreeMap<ShiftKey, Written>,
    steps: BTreeMap<IncidentId, Written>,
    handovers: BTreeMap<HandoverId, Arc<Handover>>,
    issued: BTreeMap<ReportId, Arc<Issued>>,
}

/// A part of it that is kept as a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Notes,
    NextStep,
    Handover,
    Report,
    Document,
}

impl Part {
    pub const ALL: [Self; 5] =
        [Self::Notes, Self::NextStep, Self::Handover, Self::Report, Self::Document];

    /// The kind of its records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notes => "handover_notes",
            Self::NextStep => "next_step",
            Self::Handover => "handover",
            Self::Report => "report",
            Self::Document => "document",
        }
    }
}

/// Who acts, and what can be seen meanwhile.
pub struct Desk<'a> {
    pub by: Party,
    pub now: Instant,
    /// Of the site, for times in answers.
    pub zone: Tz,
    /// The incidents that are open, for what is transferred.
    pub open: &'a [&'a Incident],
}

/// What a command means: the events, what is said, and which incidents go over to whoever acts.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub event: Event,
    pub said: String,
    pub transfers: Vec<IncidentId>,
}

impl Handover {
    pub fn is_open(&self) -> bool {
        self.submitted.is_some() && self.accepted.is_none()
    }

    /// What the outgoing side holds among these, in their order.
    pub fn holds(&self, open: &[&Incident]) -> Vec<IncidentId> {
        let submitter =
            self.submitted.as_ref().map(|s| &s.by).filter(|s| s.is(&self.turn.outgoing));
        let is_theirs = |name: &str| {
            self.turn.outgoing.is_called(name) || submitter.is_some_and(|s| s.is_called(name))
        };
        let held = |i: &&&Incident| {
            let standing = &i.standing;
            let owners =
                standing.assignee.iter().chain(standing.acknowledged.iter().map(|a| &a.by));
            i.is_open() && owners.into_iter().any(|owner| is_theirs(owner))
        };
        open.iter().filter(held).map(|i| i.id).collect()
    }

    /// What speaks against this one accepting it.
    pub fn concerns(&self, by: &Party) -> Vec<String> {
        let mut concerns = Vec::new();
        let own = self.submitted.as_ref().is_some_and(|s| s.by.is(by)) || self.turn.outgoing.is(by);
        if own {
            concerns.push(format!("{} is your own handover", self.id));
        }
        match &self.turn.incoming {
            Some(incoming) if !incoming.is(by) && !own => {
                concerns.push(format!("{} is on call next, not you", incoming.name));
            }
            None => concerns.push("nobody is on call next".to_owned()),
            Some(_) => {}
        }
        concerns
    }
}

impl Reports {
    /// The notes of a turn so far.
    pub fn notes(&self, shift: &ShiftKey) -> Option<&Written> {
        self.notes.get(shift)
    }

    /// What is to be done next about an incident.
    pub fn step(&self, incident: IncidentId) -> Option<&Written> {
        self.steps.get(&incident)
    }

    /// The newest first.
    pub fn handovers(&self) -> impl Iterator<Item = &Arc<Handover>> {
        self.handovers.values().rev()
    }

    pub fn handover(&self, id: HandoverId) -> Option<&Arc<Handover>> {
        self.handovers.get(&id)
    }

    /// The handover of a turn, submitted or accepted.
    pub fn of_shift(&self, shift: &ShiftKey) -> Option<&Arc<Handover>> {
        self.handovers.values().rev().find(|h| h.turn.key == *shift)
    }

    /// The newest first.
    pub fn issued(&self) -> impl Iterator<Item = &Arc<Issued>> {
        self.issued.values().rev()
    }

    pub fn report(&self, id: ReportId) -> Option<&Arc<Issued>> {
        self.issued.get(&id)
    }

    /// What a `[[reports]]` issued for the period that begins then.
    pub fn of_plan(&self, plan: &str, from: Instant) -> Option<&Arc<Issued>> {
        self.issued.values().rev().find(|i| i.plan == plan && i.coverage.from == from)
    }

    /// What a command means as things stand.
    ///
    /// # Errors
    /// The verdict, where nothing is to be stored.
    pub fn judge(&self, command: &Command, desk: &Desk<'_>) -> Result<Judged, Verdict> {
        match command {
            Command::Note { shift, notes, seen } => {
                self.judge_notes(shift, notes, *seen, desk.zone)
            }
            Command::NextStep { incident, text } => self.judge_step(*incident, text),
            Command::Submit { turn, document, force } => {
                self.judge_submitting(turn, document, *force, desk)
            }
            Command::Accept { id, seen, takes, document, force } => {
                self.judge_accepting(*id, (*seen, takes, *force), document, desk)
            }
            Command::Issue { coverage, over, plan, document, force } => {
                self.judge_issuing(coverage, (*over, *force), plan, document)
            }
            Command::Sent { id, revision, to } => match self.report(*id) {
                Some(_) => Ok(only(
                    Event::ReportSent { id: *id, revision: *revision, to: to.clone() },
                    format!("{id} sent to {to}"),
                )),
                None => Err(Verdict::Refused { why: format!("there is no {id}") }),
            },
        }
    }

    fn judge_notes(
        &self,
        shift: &ShiftKey,
        notes: &str,
        seen: u64,
        zone: Tz,
    ) -> Result<Judged, Verdict> {
        if let Some(done) = self.of_shift(shift).filter(|h| h.accepted.is_some()) {
            return Err(over(done, zone));
        }
        let notes = text::clean_text(notes, text::MAX_TEXT).trim_end().to_owned();
        let there = self.notes.get(shift);
        if let Some(there) = there.filter(|there| there.version != seen && there.text != notes) {
            let why =
                format!("{} changed the notes meanwhile; look at them and write again", there.by);
            return Err(Verdict::Conflict { why });
        }
        if there.map_or("", |there| there.text.as_str()) == notes {
            return Err(Verdict::Already { why: "the notes are so already".to_owned() });
        }
        let again = self.of_shift(shift).filter(|h| h.is_open());
        let said = match again {
            Some(open) => {
                format!("notes kept; {} is a draft again, hand it over once more", open.id)
            }
            None => "notes kept".to_owned(),
        };
        Ok(only(Event::HandoverNoted { shift: shift.clone(), notes }, said))
    }

    fn judge_step(&self, incident: IncidentId, step: &str) -> Result<Judged, Verdict> {
        let step = text::clean(step, text::MAX_LINE);
        let there = self.steps.get(&incident).map_or("", |s| s.text.as_str());
        if there == step {
            let why = format!("the next step of {incident} is so already");
            return Err(Verdict::Already { why });
        }
        let said = if step.is_empty() {
            format!("{incident} has no next step any more")
        } else {
            format!("next step of {incident} kept")
        };
        Ok(only(Event::NextStepSet { incident, text: step }, said))
    }

    fn judge_submitting(
        &self,
        turn: &Turn,
        document: &Document,
        force: bool,
        desk: &Desk<'_>,
    ) -> Result<Judged, Verdict> {
        let there = self.of_shift(&turn.key);
        if let Some(done) = there.filter(|h| h.accepted.is_some()) {
            return Err(over(done, desk.zone));
        }
        if let Some(open) = there.filter(|h| h.is_open() && h.turn == *turn) {
            let by = open.submitted.as_ref().map_or("", |s| s.by.name.as_str());
            let why = format!("{} was handed over by {by} and waits to be accepted", open.id);
            return Err(Verdict::Already { why });
        }
        let mut despite = Vec::new();
        if !turn.outgoing.is(&desk.by) {
            despite
                .push(format!("{} is on call, not you: hand over for them?", turn.outgoing.name));
        }
        if turn.is_early(desk.now) {
            let ran = text::duration(desk.now - turn.key.from);
            let until = turn.to.with_timezone(&desk.zone).format("%-d %b %H:%M %Z");
            despite.push(format!("the turn began {ran} ago and runs until {until}"));
        }
        if !despite.is_empty() && !force {
            return Err(Verdict::Confirm { why: despite.join("; ") });
        }
        let id = there.map_or_else(|| self.next_handover(), |h| h.id);
        let mut document = document.clone();
        document.number = id.to_string();
        sign(&mut document, Word::SubmittedBy, &desk.by, desk.now);
        let document = bounded(document)?;
        let event = Event::HandoverSubmitted {
            id,
            turn: Box::new(turn.clone()),
            by: desk.by.clone(),
            document,
        };
        let waits = turn.incoming.as_ref().map_or("whoever comes next", |p| p.name.as_str());
        Ok(only(event, format!("{id} handed over; it waits for {waits} to accept it")))
    }

    fn judge_accepting(
        &self,
        id: HandoverId,
        (seen, takes, force): (u64, &[IncidentId], bool),
        document: &Document,
        desk: &Desk<'_>,
    ) -> Result<Judged, Verdict> {
        let Some(known) = self.handover(id) else {
            return Err(Verdict::Refused { why: format!("there is no handover {id}") });
        };
        if known.accepted.is_some() {
            return Err(over(known, desk.zone));
        }
        let Some(submitted) = &known.submitted else {
            let why =
                format!("{id} is a draft again: {} hands it over first", known.turn.outgoing.name);
            return Err(Verdict::Refused { why });
        };
        if seen != 0 && seen != known.version {
            let why = format!("{id} was handed over anew by {}; read it again", submitted.by.name);
            return Err(Verdict::Conflict { why });
        }
        let despite = known.concerns(&desk.by);
        if !despite.is_empty() && !force {
            return Err(Verdict::Confirm { why: despite.join("; ") });
        }
        let incidents = known.holds(desk.open);
        let unnamed: Vec<String> =
            incidents.iter().filter(|i| !takes.contains(i)).map(ToString::to_string).collect();
        if !unnamed.is_empty() {
            let (outgoing, more) = (&known.turn.outgoing.name, unnamed.join(", "));
            let why =
                format!("{outgoing} holds {more} too by now; look at {id} and accept it again");
            return Err(Verdict::Conflict { why });
        }
        let mut document = document.clone();
        document.number = id.to_string();
        sign(&mut document, Word::SubmittedBy, &submitted.by, submitted.at);
        sign(&mut document, Word::AcceptedBy, &desk.by, desk.now);
        if !despite.is_empty() {
            let value = Datum::plain(despite.join("; "));
            document.head.push(Fact { label: Word::Despite.into(), value });
        }
        document.sections.push(transferred(&incidents, &known.turn, desk));
        let document = bounded(document)?;
        let (by, transfers) = (desk.by.clone(), incidents.clone());
        let mut said =
            format!("{id} accepted; {} now yours", text::count(incidents.len(), "incident"));
        if desk.now < known.turn.to {
            let until = known.turn.to.with_timezone(&desk.zone).format("%-d %b %H:%M %Z");
            said = format!("{said}; {} is paged until {until}", known.turn.outgoing.name);
        }
        let event = Event::HandoverAccepted { id, by, document, incidents, despite };
        Ok(Judged { event, said, transfers })
    }

    fn judge_issuing(
        &self,
        coverage: &Coverage,
        (again, force): (Option<ReportId>, bool),
        plan: &str,
        document: &Document,
    ) -> Result<Judged, Verdict> {
        let same = || self.issued().find(|i| i.coverage == *coverage);
        if plan.is_empty()
            && again.is_none()
            && !force
            && let Some(known) = same()
        {
            let why = format!("{} is of that period and those services already", known.id);
            return Err(Verdict::Confirm { why });
        }
        if !plan.is_empty()
            && again.is_none()
            && let Some(known) = self.of_plan(plan, coverage.from)
        {
            let why = format!("{} was issued for that period already", known.id);
            return Err(Verdict::Already { why });
        }
        let (id, revision) = match again {
            None => (self.next_report(), 1),
            Some(id) => match self.report(id) {
                Some(known) if known.coverage == *coverage => {
                    (id, u32::try_from(known.revisions.len()).unwrap_or(u32::MAX).saturating_add(1))
                }
                Some(_) => {
                    let why = format!("{id} covers another period or other services");
                    return Err(Verdict::Refused { why });
                }
                None => return Err(Verdict::Refused { why: format!("there is no report {id}") }),
            },
        };
        let mut document = document.clone();
        document.number = id.to_string();
        document.revision = Some(revision);
        let document = bounded(document)?;
        let (coverage, plan) = (Box::new(coverage.clone()), plan.to_owned());
        let said = match revision {
            1 => format!("{id} issued"),
            n => format!("{id} issued again, revision {n}"),
        };
        Ok(only(Event::ReportIssued { id, revision, coverage, plan, document }, said))
    }

    fn next_handover(&self) -> HandoverId {
        HandoverId(self.handovers.keys().next_back().map_or(1, |id| id.0 + 1))
    }

    fn next_report(&self) -> ReportId {
        ReportId(self.issued.keys().next_back().map_or(1, |id| id.0 + 1))
    }

    /// Folds one event; returns the records that it touches.
    pub fn apply(&mut self, event: &Recorded<Event>) -> Vec<(Part, String)> {
        let (by, at, version) = (event.actor.name.clone(), event.at, event.position);
        let written = |text: &str| Written { text: text.to_owned(), by: by.clone(), at, version };
        let mut touched = Vec::new();
        match &event.body {
            Event::HandoverNoted { shift, notes } => {
                self.notes.insert(shift.clone(), written(notes));
                touched.push((Part::Notes, shift.to_string()));
                touched.extend(self.reopen(shift, version));
            }
            Event::NextStepSet { incident, text } => {
                if text.is_empty() {
                    self.steps.remove(incident);
                } else {
                    self.steps.insert(*incident, written(text));
                }
                touched.push((Part::NextStep, incident.to_string()));
            }
            Event::HandoverSubmitted { id, turn, by, .. } => {
                let handover = Handover {
                    id: *id,
                    turn: (**turn).clone(),
                    submitted: Some(Signed { by: by.clone(), at }),
                    accepted: None,
                    incidents: Vec::new(),
                    version,
                };
                self.handovers.insert(*id, Arc::new(handover));
                touched.push((Part::Handover, id.to_string()));
                touched.push((Part::Document, id.to_string()));
            }
            Event::HandoverAccepted { id, by, incidents, .. } => {
                if let Some(known) = self.handovers.get_mut(id) {
                    let known = Arc::make_mut(known);
                    known.accepted = Some(Signed { by: by.clone(), at });
                    known.incidents.clone_from(incidents);
                    known.version = version;
                }
                touched.push((Part::Handover, id.to_string()));
                touched.push((Part::Document, id.to_string()));
            }
            Event::ReportIssued { id, revision, coverage, plan, .. } => {
                let new = || Issued {
                    id: *id,
                    coverage: (**coverage).clone(),
                    plan: plan.clone(),
                    revisions: Vec::new(),
                };
                let issued = self.issued.entry(*id).or_insert_with(|| Arc::new(new()));
                let revision_of = Revision { by, at, position: version, sent: Vec::new() };
                Arc::make_mut(issued).revisions.push(revision_of);
                touched.push((Part::Report, id.to_string()));
                touched.push((Part::Document, document_name(*id, *revision)));
            }
            Event::ReportSent { id, revision, to } => {
                let at = usize::try_from(revision.saturating_sub(1)).unwrap_or(usize::MAX);
                let issued = self.issued.get_mut(id).map(Arc::make_mut);
                if let Some(revision) = issued.and_then(|i| i.revisions.get_mut(at)) {
                    revision.sent.push(to.clone());
                }
                touched.push((Part::Report, id.to_string()));
            }
        }
        touched
    }

    /// What was signed is void once it is another text.
    fn reopen(&mut self, shift: &ShiftKey, version: u64) -> Option<(Part, String)> {
        let open = self.handovers.values_mut().find(|h| h.turn.key == *shift && h.is_open())?;
        let open = Arc::make_mut(open);
        (open.submitted, open.version) = (None, version);
        Some((Part::Handover, open.id.to_string()))
    }

    /// A record of it, as JSON; `None` once it is gone. Documents are not among them.
    pub fn record(&self, part: Part, id: &str) -> Option<String> {
        match part {
            Part::Notes => {
                let found = self.notes.iter().find(|(shift, _)| shift.to_string() == id)?;
                serde_json::to_string(&found).ok()
            }
            Part::NextStep => {
                let incident: IncidentId = id.parse().ok()?;
                serde_json::to_string(&(incident, self.steps.get(&incident)?)).ok()
            }
            Part::Handover => serde_json::to_string(&**self.handover(id.parse().ok()?)?).ok(),
            Part::Report => serde_json::to_string(&**self.report(id.parse().ok()?)?).ok(),
            Part::Document => None,
        }
    }

    /// Takes a record in, as [`Self::record`] wrote it.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn restore(&mut self, part: Part, doc: &str) -> Result<(), serde_json::Error> {
        match part {
            Part::Notes => {
                let (shift, notes) = serde_json::from_str(doc)?;
                self.notes.insert(shift, notes);
            }
            Part::NextStep => {
                let (incident, step) = serde_json::from_str(doc)?;
                self.steps.insert(incident, step);
            }
            Part::Handover => {
                let one: Handover = serde_json::from_str(doc)?;
                self.handovers.insert(one.id, Arc::new(one));
            }
            Part::Report => {
                let one: Issued = serde_json::from_str(doc)?;
                self.issued.insert(one.id, Arc::new(one));
            }
            Part::Document => {}
        }
        Ok(())
    }
}

fn only(event: Event, said: String) -> Judged {
    Judged { event, said, transfers: Vec::new() }
}

/// What is accepted stays as it was signed.
fn over(done: &Handover, zone: Tz) -> Verdict {
    let (by, at) = match &done.accepted {
        Some(signed) => {
            let at = signed.at.with_timezone(&zone).format("%-d %b %Y %H:%M %Z");
            (signed.by.name.as_str(), at.to_string())
        }
        None => ("", String::new()),
    };
    let why =
        format!("{} was accepted by {by} on {at}; that stands, and cannot be undone", done.id);
    Verdict::Conflict { why }
}

fn sign(document: &mut Document, label: Word, by: &Party, at: Instant) {
    let with = vec![Datum::plain(&by.name), Datum::At(at)];
    let value = Datum::Text(super::document::Text::Said(Word::NotesBy, with));
    document.head.retain(|fact| fact.label != label.into());
    document.head.push(Fact { label: label.into(), value });
}

/// What goes over, as a section of the document.
fn transferred(incidents: &[IncidentId], turn: &Turn, desk: &Desk<'_>) -> Section {
    let mut table = Table::new(Word::Transferred, &[Word::Incident, Word::Title, Word::Was]);
    for incident in desk.open.iter().filter(|i| incidents.contains(&i.id)) {
        let cells = vec![
            Datum::plain(incident.id.to_string()),
            Datum::plain(&incident.title),
            Datum::maybe(incident.owner()),
        ];
        table.row(cells, vec![incident.id.to_string()]);
    }
    let with = vec![Datum::plain(&desk.by.name), Datum::At(desk.now)];
    let means = super::document::Text::Said(Word::TransferMeans, with);
    let with = vec![Datum::plain(&turn.outgoing.name), Datum::At(turn.to)];
    let paged = super::document::Text::Said(Word::StillPaged, with);
    let paged = (desk.now < turn.to).then_some(Block::Text(paged));
    let blocks = [Block::Text(means)].into_iter().chain(paged).chain([Block::Table(table)]);
    Section::new(Word::Transferred, blocks.collect())
}

fn bounded(document: Document) -> Result<Box<Document>, Verdict> {
    let size = serde_json::to_string(&document).map_or(usize::MAX, |text| text.len());
    if size > LARGEST {
        let why =
            "the report is larger than 4 MiB; ask for a shorter period, or for fewer services";
        return Err(Verdict::Refused { why: why.to_owned() });
    }
    Ok(Box::new(document))
}
