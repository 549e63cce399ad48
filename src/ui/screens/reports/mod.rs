//! The Reports tab: what is handed over now, what was, and the reports that were issued.
//!
//! ```text
//! ╭ Reports ──────────────────────────╮╭ Shift handover (draft) ────────────────╮
//! │ TURNS                              ││ Goes    Ana Ruiz                        │
//! │▌core    Ana Ruiz → Luis Peña 18:00 ││ Comes   Luis Peña                       │
//! │ HANDED OVER                        ││                                         │
//! │ HO-3    Sam Okafor → Ana Ruiz      ││ State now                               │
//! │ ISSUED                             ││ Open incidents   3                      │
//! │ SR-1    1 Nov – 30 Nov, all        ││ …                                       │
//! ╰────────────────────────────────────╯╰─────────────────────────────────────────╯
//! ```
//!
//! Enter reads a document over the whole width, line by line: on a line about an incident Enter opens that,
//! and `J` says its next step. Tab does the same beside the list. Below 120 columns the list stands alone.
//!
//! `N` makes the report of a period as a preview; `I` issues it, and makes the next revision of one that was issued.
//!
//! Of a turn that was handed over stands what was signed, not what would be written now, with what changed since.

mod forms;
mod issue;
mod page;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DurationRound, TimeDelta};
use ratatui::layout::Rect;

pub use self::forms::next_step;
use self::page::Line;
use super::{Ctx, Place, Screen, Step, Tone};
use crate::domain::command::{Command, Outcome};
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::report::event::document_name;
use crate::domain::report::handover::{self, World};
use crate::domain::report::render::{self, style, title};
use crate::domain::report::show::Style;
use crate::domain::report::{self, Document, Format, HandoverId, Issued, ReportId, Turn};
use crate::domain::slo::Status;
use crate::domain::time::{Instant, near};
use crate::ui::cmd::{Cmd, DraftAsk, Drafted};
use crate::ui::keymap::{Action, Context, Issuable, Situation};
use crate::ui::theme::Role;
use crate::ui::widgets::scroll::rows as rows_of;
use crate::ui::widgets::table::Cursor;
use crate::ui::widgets::{Paint, fit, width};

/// From so many columns on the document stands beside the list.
const WIDE: u16 = 120;
/// The list beside a document.
const LIST: u16 = 54;
/// How many frozen documents are kept.
const KEPT: usize = 8;

/// One row of the list.
#[derive(Debug, Clone, PartialEq)]
enum Row {
    Heading(&'static str),
    /// A turn that is to be handed over.
    Turn(Box<Turn>),
    /// One that was, and that nobody has accepted yet.
    Signed(Box<Turn>, HandoverId),
    Handover(HandoverId),
    /// A report that was made and is not issued.
    Preview,
    Report(ReportId, u32),
}

/// What a row is known by.
#[derive(Debug, Clone, PartialEq)]
enum Key {
    Turn(String),
    Preview,
    Document(String),
}

/// The draft of a turn as it was last written; of one that was signed, that with what changed since.
#[derive(Debug)]
struct Draft {
    of: Key,
    /// What it was made of: the minute, and the generations of what it shows.
    made: (Instant, [u64; 5]),
    document: Arc<Document>,
}

/// The tab.
#[derive(Debug, Default)]
pub struct Reports {
    rows: Vec<Row>,
    cursor: Cursor<Key>,
    draft: Option<Draft>,
    /// Documents that were read, each with the version of what it is of.
    frozen: BTreeMap<String, (u64, Result<Arc<Document>, String>)>,
    /// The report that was made last, until it is issued.
    preview: Option<(DraftAsk, Arc<Document>)>,
    issuing: Option<Issuing>,
    /// The document that was asked for.
    asked: Option<(String, u64)>,
    /// Reading: the line under the cursor.
    reading: Option<Cursor<usize>>,
    /// Over the whole width, not beside the list.
    full: bool,
    in_front: bool,
}

/// The preview is being issued: it gives way to the report once the engine has done it and the snapshot has it.
#[derive(Debug, Clone, Copy)]
struct Issuing {
    /// The next revision of that one, or a new one.
    over: Option<ReportId>,
    /// How many of those there were.
    before: usize,
    done: bool,
}

impl Row {
    fn key(&self) -> Option<Key> {
        match self {
            Self::Heading(_) => None,
            Self::Turn(turn) => Some(Key::Turn(turn.key.schedule.to_string())),
            Self::Preview => Some(Key::Preview),
            Self::Signed(_, id) | Self::Handover(id) => Some(Key::Document(id.to_string())),
            Self::Report(id, revision) => Some(Key::Document(document_name(*id, *revision))),
        }
    }
}

impl Reports {
    fn row(&self) -> Option<&Row> {
        self.rows.get(self.cursor.index())
    }

    /// The turn under the cursor, if nobody has accepted it yet.
    fn turn(&self) -> Option<&Turn> {
        match self.row()? {
            Row::Turn(turn) | Row::Signed(turn, _) => Some(turn),
            _ => None,
        }
    }

    /// The document under the cursor, where it is here already; or why it is not.
    fn shown(&self) -> Option<Result<&Arc<Document>, &str>> {
        let key = self.row()?.key()?;
        if let Some(draft) = self.draft.as_ref().filter(|d| d.of == key && self.turn().is_some()) {
            return Some(Ok(&draft.document));
        }
        let name = match key {
            Key::Preview => return self.preview.as_ref().map(|(_, document)| Ok(document)),
            Key::Document(name) => name,
            Key::Turn(_) => return None,
        };
        let (_, frozen) = self.frozen.get(&name)?;
        match frozen {
            // Not before it says what changed since.
            Ok(_) if self.turn().is_some() => None,
            frozen => Some(frozen.as_ref().map_err(String::as_str)),
        }
    }

    /// How the document under the cursor is written: in the language that it was issued in or is to be issued
    /// in; what is no report yet, in that of the site.
    fn style(document: &Document, ctx: &Ctx<'_>) -> Style {
        style(document, document.locale.unwrap_or(ctx.prefs.settings.locale))
    }

    /// Every turn that is to be handed over, then what was, then what was issued.
    fn list(&self, ctx: &Ctx<'_>) -> Vec<Row> {
        let reports = &ctx.world.reports;
        let overrides = ctx.world.book.overrides();
        let world = world(ctx, &overrides, &[], &[]);
        let mut rows = Vec::new();
        let mut pending: Vec<HandoverId> = Vec::new();
        let turns = ctx.world.plan.roster.schedules.iter().filter_map(|schedule| {
            let turn = world.turn(schedule, ctx.now)?;
            let known = reports.of_shift(&turn.key);
            pending.extend(known.filter(|h| h.accepted.is_none()).map(|h| h.id));
            match known {
                Some(h) if h.accepted.is_some() => None,
                Some(h) if h.is_open() => Some(Row::Signed(Box::new(turn), h.id)),
                _ => Some(Row::Turn(Box::new(turn))),
            }
        });
        let turns: Vec<Row> = turns.collect();
        let past = reports.handovers().filter(|h| !pending.contains(&h.id));
        let past: Vec<Row> = past.map(|h| Row::Handover(h.id)).collect();
        let issued: Vec<Row> = reports
            .issued()
            .map(|i| Row::Report(i.id, u32::try_from(i.revisions.len()).unwrap_or(1)))
            .collect();
        let preview = self.preview.iter().map(|_| Row::Preview).collect();
        let parts =
            [("TURNS", turns), ("NOT ISSUED", preview), ("HANDED OVER", past), ("ISSUED", issued)];
        for (heading, part) in parts {
            if !part.is_empty() {
                rows.push(Row::Heading(heading));
                rows.extend(part);
            }
        }
        rows
    }

    /// Writes the draft anew, where what it says may have changed.
    fn redraft(&mut self, ctx: &Ctx<'_>) {
        let Some(turn) = self.turn() else { return };
        let Some(of) = self.row().and_then(Row::key) else { return };
        let minute = ctx.now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(ctx.now);
        let world = ctx.world;
        let generations = [
            world.incidents.generation,
            world.health.generation,
            world.reports.generation,
            world.calendar.generation,
            world.book.generation,
        ];
        let made = (minute, generations);
        if self.draft.as_ref().is_some_and(|d| d.of == of && d.made == made) {
            return;
        }
        let document = match self.row() {
            Some(Row::Signed(_, id)) => self.signed(*id, ctx),
            _ => draft(ctx, turn),
        };
        self.draft = document.map(|document| Draft { of, made, document: Arc::new(document) });
    }

    /// What was signed with what changed since, once it was read.
    fn signed(&self, id: HandoverId, ctx: &Ctx<'_>) -> Option<Document> {
        let known = ctx.world.reports.handover(id)?;
        let (version, frozen) = self.frozen.get(&id.to_string())?;
        let document = frozen.as_ref().ok().filter(|_| *version == known.version)?;
        Some(handover::signed(document, known, &touched_since(ctx, known.turn.key.from)))
    }

    /// The lines of the document under the cursor.
    fn lines(&self, ctx: &Ctx<'_>, wide: u16) -> Vec<Line> {
        match self.shown() {
            Some(Ok(document)) => page::lines(document, Self::style(document, ctx), wide),
            _ => Vec::new(),
        }
    }

    fn page_width(&self, ctx: &Ctx<'_>) -> u16 {
        let list = if !self.full && ctx.body.width >= WIDE { LIST } else { 0 };
        ctx.body.width.saturating_sub(list + 4)
    }

    fn room(ctx: &Ctx<'_>) -> usize {
        usize::from(ctx.body.height.saturating_sub(2))
    }

    /// The incident of the line under the cursor.
    fn incident(&self, ctx: &Ctx<'_>) -> Option<IncidentId> {
        let at = self.reading.as_ref()?.index();
        self.lines(ctx, self.page_width(ctx)).get(at)?.incident()
    }

    fn read(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        let height = Self::room(ctx);
        let len = self.lines(ctx, self.page_width(ctx)).len();
        let Some(reading) = &mut self.reading else { return Vec::new() };
        let key = |i: usize| (i < len).then_some(i);
        match action {
            Action::Top => reading.jump(false, len, height, key),
            Action::Bottom => reading.jump(true, len, height, key),
            action => {
                if let Some(by) = rows_of(action, height) {
                    reading.step(by, len, height, key);
                }
            }
        }
        Vec::new()
    }

    /// To the turn to hand over, opened.
    fn hand_over(&mut self, ctx: &Ctx<'_>) -> Vec<Step> {
        let me = ctx.prefs.person.as_deref();
        let is_mine = |turn: &Turn| {
            let parties = [Some(&turn.outgoing), turn.incoming.as_ref()];
            parties
                .into_iter()
                .flatten()
                .any(|p| p.person.as_deref().is_some_and(|id| Some(id) == me))
        };
        let turns = || self.rows.iter().filter(|r| matches!(r, Row::Turn(_) | Row::Signed(..)));
        let mine =
            turns().find(|r| matches!(r, Row::Turn(turn) | Row::Signed(turn, _) if is_mine(turn)));
        let Some(key) = mine.or_else(|| turns().next()).and_then(Row::key) else {
            let why = "no turn is to be handed over: nobody is on call, or it is accepted already";
            return vec![Step::Say(Tone::Info, why.to_owned())];
        };
        self.cursor = Cursor::on(key);
        self.arrived(ctx);
        self.read_on(true);
        Vec::new()
    }

    /// Issues the preview; of one that was issued, makes its next revision to look at first.
    fn issue(&mut self, ctx: &Ctx<'_>) -> Vec<Step> {
        if let (Some(Row::Preview), Some((ask, document))) = (self.row(), &self.preview) {
            let steps = issue::issue(ask, document, ctx);
            let before = Self::count(ask.over, ctx);
            self.issuing = Some(Issuing { over: ask.over, before, done: false });
            return steps;
        }
        match (self.row(), &self.preview) {
            (Some(Row::Report(id, _)), _) => {
                let Some(issued) = ctx.world.reports.report(*id) else { return Vec::new() };
                let locale = match self.shown() {
                    Some(Ok(document)) => Self::style(document, ctx).locale,
                    _ => ctx.prefs.settings.locale,
                };
                issue::again(issued, locale, ctx)
            }
            _ => Vec::new(),
        }
    }

    /// How many revisions that report has, or how many reports there are.
    fn count(over: Option<ReportId>, ctx: &Ctx<'_>) -> usize {
        let reports = &ctx.world.reports;
        match over {
            Some(id) => reports.report(id).map_or(0, |i| i.revisions.len()),
            None => reports.issued().count(),
        }
    }

    /// Goes to what was just issued, once it is there.
    fn follow(&mut self, ctx: &Ctx<'_>) {
        let Some(Issuing { over, before, .. }) = self.issuing.filter(|i| i.done) else { return };
        let of = |i: &&Arc<Issued>| over.is_none_or(|id| i.id == id);
        if let Some(issued) = ctx.world.reports.issued().find(of)
            && Self::count(over, ctx) > before
        {
            let revision = u32::try_from(issued.revisions.len()).unwrap_or(1);
            self.cursor = Cursor::on(Key::Document(document_name(issued.id, revision)));
            (self.issuing, self.preview) = (None, None);
        }
    }

    /// The incidents of the line under the cursor.
    fn open_line(&mut self, ctx: &Ctx<'_>) -> Vec<Step> {
        let at = self.reading.as_ref().map(Cursor::index);
        let mut lines = self.lines(ctx, self.page_width(ctx));
        let line = at.filter(|at| *at < lines.len()).map(|at| lines.swap_remove(at));
        let (Some(line), Some(Ok(document))) = (line, self.shown()) else { return Vec::new() };
        match (&line.objective, line.incidents.as_slice(), line.windows.as_slice()) {
            (Some(id), ..) => vec![Step::Go(Place::Objective(id.clone()))],
            (None, [one], []) => vec![Step::Go(Place::Incident(*one))],
            (None, [], [one]) => vec![Step::Go(Place::Window(one.clone()))],
            (None, [], []) if line.counts => {
                vec![Step::Say(Tone::Info, "it counts nothing".to_owned())]
            }
            (None, [], []) => {
                self.full = true;
                Vec::new()
            }
            (None, incidents, windows) => {
                vec![issue::records(incidents, windows, document, Self::style(document, ctx), ctx)]
            }
        }
    }

    fn read_on(&mut self, full: bool) {
        self.full = full;
        self.reading.get_or_insert_default();
    }

    fn back(&mut self) {
        (self.reading, self.full) = (None, false);
    }

    fn view_list(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let inner =
            paint.panel(area, &[("Reports", paint.of(Role::Title))], self.reading.is_none());
        if self.rows.is_empty() {
            let text = "Nothing yet. A turn on call is handed over here: [[schedules]] in the config says \
                        who has one. N makes the service report of a period.";
            paint.wrapped(inner, text, paint.of(Role::Muted));
            return;
        }
        let window = self.cursor.window(self.rows.len(), usize::from(inner.height));
        for (y, at) in (inner.y..inner.bottom()).zip(window) {
            let Some(row) = self.rows.get(at) else { break };
            self.view_row(ctx, row, Rect { y, height: 1, ..inner }, paint);
            if at == self.cursor.index() {
                let line = Rect { y, height: 1, ..inner };
                paint.select(line, Role::Selection);
                let bar = paint.of(Role::Selection).patch(paint.of(Role::Bar));
                paint.cell(inner.x, y, paint.theme.symbols.bar, bar);
            }
        }
    }

    fn view_row(&self, ctx: &Ctx<'_>, row: &Row, area: Rect, paint: &mut Paint<'_>) {
        let (x, y, room) = (area.x + 1, area.y, area.width.saturating_sub(2));
        let zone = ctx.world.site.zone;
        let arrow = paint.theme.symbols.arrow_right;
        let (name, text, state, role) = match row {
            Row::Heading(text) => {
                paint.put(x, y, room, text, Role::Heading);
                return;
            }
            Row::Turn(turn) | Row::Signed(turn, _) => {
                let comes = turn.incoming.as_ref().map_or("nobody", |p| p.name.as_str());
                let text = format!("{} {arrow} {comes}", turn.outgoing.name);
                let (state, role) = match row {
                    Row::Signed(_, id) => (format!("{id} to accept"), Role::Warning),
                    _ => (near(turn.to, ctx.now, zone), Role::Muted),
                };
                (turn.key.schedule.to_string(), text, state, role)
            }
            Row::Handover(id) => {
                let Some(h) = ctx.world.reports.handover(*id) else { return };
                let by = h.accepted.as_ref().map(|s| s.by.shown(&ctx.world.plan.roster));
                let by = by.or(h.turn.incoming.as_ref().map(|p| p.name.as_str()));
                let text = format!("{} {arrow} {}", h.turn.outgoing.name, by.unwrap_or("nobody"));
                let (state, role) = match (&h.accepted, &h.submitted) {
                    (Some(_), _) => (near(h.turn.to, ctx.now, zone), Role::Muted),
                    (None, Some(_)) => ("to accept".to_owned(), Role::Warning),
                    (None, None) => ("draft again".to_owned(), Role::Muted),
                };
                (id.to_string(), text, state, role)
            }
            Row::Preview => {
                let Some((ask, _)) = &self.preview else { return };
                let name = ask.over.map_or("preview".to_owned(), |id| id.to_string());
                let text = format!("{}, {}", forms::days(&ask.coverage, zone), ask.coverage.scope);
                (name, text, "to issue".to_owned(), Role::Warning)
            }
            Row::Report(id, revision) => {
                let Some(issued) = ctx.world.reports.report(*id) else { return };
                let text =
                    format!("{}, {}", forms::days(&issued.coverage, zone), issued.coverage.scope);
                let state = if *revision > 1 { format!("rev. {revision}") } else { String::new() };
                (id.to_string(), text, state, Role::Muted)
            }
        };
        let name_room = 10.min(room);
        let state_room = width(&state).min(room.saturating_sub(name_room));
        let name =
            fit(&name, name_room.saturating_sub(1), paint.theme.symbols.ellipsis).into_owned();
        paint.put(x, y, name_room, &name, Role::Strong);
        let middle = room.saturating_sub(name_room + state_room + 1);
        paint.put(x + name_room, y, middle, &text, Role::Text);
        let style = paint.of(role);
        paint.right(x + name_room, y, room - name_room, &state, style);
    }

    fn view_page(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let focused = self.reading.is_some();
        let heading = match self.shown() {
            Some(Ok(document)) => title(document, Self::style(document, ctx)),
            _ => "Document".to_owned(),
        };
        let inner = paint.panel(area, &[(&heading, paint.of(Role::Title))], focused);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        match self.shown() {
            Some(Err(why)) => {
                paint.wrapped(inner, why, paint.of(Role::Critical));
                return;
            }
            None => {
                let text = if self.row().is_some() { "reading it …" } else { "" };
                paint.wrapped(inner, text, paint.of(Role::Muted));
                return;
            }
            Some(Ok(_)) => {}
        }
        let lines = self.lines(ctx, inner.width);
        let height = usize::from(inner.height);
        let window = match &self.reading {
            Some(cursor) => cursor.window(lines.len(), height),
            None => 0..lines.len().min(height),
        };
        let note = format!("{}–{}/{}", window.start + 1, window.end, lines.len());
        for (y, at) in (inner.y..inner.bottom()).zip(window) {
            let Some(line) = lines.get(at) else { break };
            let pieces: Vec<_> =
                line.pieces.iter().map(|(text, role)| (text.as_str(), paint.of(*role))).collect();
            paint.spans(inner.x, y, inner.width, &pieces);
            if self.reading.as_ref().is_some_and(|cursor| cursor.index() == at) {
                let whole = Rect { x: inner.x - 1, y, width: inner.width + 2, height: 1 };
                paint.select(whole, Role::Selection);
                let bar = paint.of(Role::Selection).patch(paint.of(Role::Bar));
                paint.cell(whole.x, y, paint.theme.symbols.bar, bar);
            }
        }
        let muted = paint.of(Role::Muted);
        paint.note(area, &note, muted);
    }
}

impl Screen for Reports {
    fn contexts(&self) -> &'static [Context] {
        &[Context::Reports, Context::List, Context::Console, Context::Always]
    }

    fn situation(&self, ctx: &Ctx<'_>) -> Situation {
        let turn = self.turn();
        let open = match self.row() {
            Some(Row::Signed(..)) => true,
            Some(Row::Handover(id)) => ctx.world.reports.handover(*id).is_some_and(|h| h.is_open()),
            _ => false,
        };
        let incident = self.incident(ctx).and_then(|id| ctx.world.incidents.get(id));
        Situation {
            row: match self.reading {
                Some(_) => true,
                None => self.row().and_then(Row::key).is_some(),
            },
            turn: turn.is_some(),
            acceptable: open,
            signs: true,
            issuable: match self.row() {
                Some(Row::Preview) => Some(Issuable::New),
                Some(Row::Report(..)) => Some(Issuable::Again),
                _ => None,
            },
            paper: matches!(self.shown(), Some(Ok(_))),
            incident: incident.map(|i| i.state()),
            root: self.reading.is_none(),
            leavable: self.reading.is_some(),
            ..Situation::default()
        }
    }

    fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        match action {
            Action::Back => self.back(),
            Action::NextPane | Action::PreviousPane => match self.reading {
                None => self.read_on(ctx.body.width < WIDE),
                Some(_) => self.back(),
            },
            Action::Handover => return self.hand_over(ctx),
            Action::Note | Action::EditNote => {
                let Some(turn) = self.turn() else { return Vec::new() };
                return forms::notes(turn, action == Action::EditNote, ctx);
            }
            Action::NextStep => {
                let incident = self.incident(ctx).and_then(|id| ctx.world.incidents.get(id));
                return incident.map(|i| next_step(i, ctx)).unwrap_or_default();
            }
            Action::HandOver => {
                let (Some(Row::Turn(turn)), Some(Ok(document))) = (self.row(), self.shown()) else {
                    return Vec::new();
                };
                return forms::submit(turn, document, ctx);
            }
            Action::Approve => {
                let id = match self.row() {
                    Some(Row::Signed(_, id) | Row::Handover(id)) => *id,
                    _ => return Vec::new(),
                };
                return forms::accept(id, self.signed(id, ctx), ctx);
            }
            Action::Copy => {
                let Some(Ok(document)) = self.shown() else { return Vec::new() };
                let style = Self::style(document, ctx);
                let text = render::render(document, Format::Markdown, style.locale);
                return vec![Step::Do(Cmd::CopyAs(text, title(document, style)))];
            }
            Action::Report => return issue::make(ctx),
            Action::Issue => return self.issue(ctx),
            Action::Export => {
                let Some(Ok(document)) = self.shown() else { return Vec::new() };
                let (locale, site) = (Self::style(document, ctx).locale, ctx.world.site.zone);
                return issue::export(document, locale, &issue::file_name(document, site));
            }
            Action::Open if self.reading.is_some() => return self.open_line(ctx),
            Action::Open => self.read_on(true),
            action if self.reading.is_some() => return self.read(action, ctx),
            action => {
                let (len, height) = (self.rows.len(), Self::room(ctx));
                let rows = std::mem::take(&mut self.rows);
                let key = |i: usize| rows.get(i).and_then(Row::key);
                match action {
                    Action::Top => self.cursor.jump(false, len, height, key),
                    Action::Bottom => self.cursor.jump(true, len, height, key),
                    action => {
                        if let Some(by) = rows_of(action, height) {
                            self.cursor.step(by, len, height, key);
                        }
                    }
                }
                self.rows = rows;
                self.redraft(ctx);
            }
        }
        Vec::new()
    }

    fn arrived(&mut self, ctx: &Ctx<'_>) {
        if !self.in_front {
            return;
        }
        self.follow(ctx);
        self.rows = self.list(ctx);
        let rows = std::mem::take(&mut self.rows);
        self.cursor.settle(rows.len(), Self::room(ctx), |i| rows.get(i).and_then(Row::key));
        self.rows = rows;
        self.redraft(ctx);
        let len = self.lines(ctx, self.page_width(ctx)).len();
        if let Some(reading) = &mut self.reading {
            reading.settle(len, Self::room(ctx), |i| (i < len).then_some(i));
        }
    }

    fn entered(&mut self, ctx: &Ctx<'_>) -> Vec<Step> {
        self.in_front = true;
        self.arrived(ctx);
        Vec::new()
    }

    fn left(&mut self, _ctx: &Ctx<'_>) {
        self.in_front = false;
    }

    fn go(&mut self, place: &Place, ctx: &Ctx<'_>) -> Vec<Step> {
        match place {
            Place::Handover => self.hand_over(ctx),
            Place::MakeReport => issue::make(ctx),
            _ => Vec::new(),
        }
    }

    fn drafted(&mut self, ask: DraftAsk, made: Drafted, ctx: &Ctx<'_>) -> Vec<Step> {
        let document = match made {
            Ok(document) => document,
            Err(why) => return vec![Step::Say(Tone::Bad, format!("no report: {why}"))],
        };
        self.preview = Some((ask, Arc::from(document)));
        (self.cursor, self.reading) = (Cursor::on(Key::Preview), None);
        self.arrived(ctx);
        if ctx.body.width < WIDE {
            self.read_on(true);
        }
        let keys = &ctx.prefs.settings.keymap;
        let key = keys.shown(Action::Issue, false).unwrap_or_default();
        let said = if ctx.world.site.read_only {
            "a preview: this console is read-only and issues nothing".to_owned()
        } else {
            format!("a preview: nothing is issued yet; {key} issues it")
        };
        vec![Step::Say(Tone::Good, said)]
    }

    fn answered(&mut self, command: &Command, outcomes: &[Outcome], ctx: &Ctx<'_>) -> Vec<Step> {
        let Command::Reports(report::Command::Issue { over, coverage, .. }) = command else {
            return Vec::new();
        };
        let ours = self
            .preview
            .as_ref()
            .is_some_and(|(ask, _)| ask.over == *over && ask.coverage == **coverage);
        if let Some(issuing) = self.issuing.as_mut().filter(|_| ours) {
            issuing.done = outcomes.iter().any(|o| o.verdict.is_done());
            self.arrived(ctx);
        }
        Vec::new()
    }

    fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        let key = |action| ctx.prefs.settings.keymap.shown(action, false).unwrap_or_default();
        let why = match (action, self.row()) {
            (Action::Approve, Some(Row::Turn(turn))) => format!(
                "nothing to accept yet: {} hands over first, with {}",
                turn.outgoing.name,
                key(Action::HandOver)
            ),
            (Action::Approve, Some(Row::Handover(id))) => {
                let accepted = ctx.world.reports.handover(*id)?.accepted.as_ref()?;
                format!("{id} is accepted already, by {}", accepted.by.name)
            }
            (Action::Approve, Some(Row::Preview | Row::Report(..))) => format!(
                "a report is not accepted; {} issues it. What is to be accepted stands under TURNS",
                key(Action::Issue)
            ),
            (Action::Approve, _) => {
                "nothing to accept: what is to be accepted stands under TURNS".to_owned()
            }
            (Action::HandOver, Some(Row::Signed(_, id))) => format!(
                "{id} is handed over; {} accepts it, {} changes the notes and makes it a draft again",
                key(Action::Approve),
                key(Action::Note)
            ),
            (Action::HandOver | Action::Note | Action::EditNote, _) => format!(
                "go to a turn under TURNS first; `:` {} does",
                Action::Handover.entry().name
            ),
            (Action::NextStep, _) if self.reading.is_some() => {
                "this line is of no open incident; go to one that is still open".to_owned()
            }
            (Action::NextStep, _) => format!(
                "go to the line of an incident first: {} reads the document",
                key(Action::NextPane)
            ),
            (Action::Issue, _) => format!(
                "go to a report first; {} makes one of a month, a week or other days",
                key(Action::Report)
            ),
            (Action::Copy | Action::Export | Action::Open, None) => {
                format!("nothing is here yet; {} makes the report of a period", key(Action::Report))
            }
            (Action::Copy | Action::Export, _) => {
                "go to a document that is on the screen".to_owned()
            }
            _ => return None,
        };
        Some(why)
    }

    fn wants(&mut self, ctx: &Ctx<'_>) -> Option<Cmd> {
        let row = self.row()?;
        let Key::Document(name) = row.key()? else { return None };
        // A handover that is accepted has another document than the one that was handed over.
        let version = match row {
            Row::Signed(_, id) | Row::Handover(id) => {
                ctx.world.reports.handover(*id).map_or(0, |h| h.version)
            }
            _ => 0,
        };
        let asked = Some((name.clone(), version));
        if self.frozen.get(&name).is_some_and(|(v, _)| *v == version) || self.asked == asked {
            return None;
        }
        self.asked = asked;
        Some(Cmd::Document(name))
    }

    fn document(&mut self, name: &str, answer: Result<Option<Document>, String>, ctx: &Ctx<'_>) {
        let Some((_, version)) = self.asked.take_if(|(asked, _)| asked == name) else { return };
        while self.frozen.len() >= KEPT {
            self.frozen.pop_first();
        }
        let answer =
            answer.and_then(|found| found.ok_or_else(|| format!("{name} is not in the store")));
        self.frozen.insert(name.to_owned(), (version, answer.map(Arc::new)));
        self.redraft(ctx);
    }

    fn badge(&self, ctx: &Ctx<'_>) -> Vec<(String, Role)> {
        let waiting = ctx.world.reports.handovers().take(20).filter(|h| h.is_open()).count();
        if waiting > 0 { vec![(waiting.to_string(), Role::Warning)] } else { Vec::new() }
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        if self.reading.is_some() && (self.full || area.width < WIDE) {
            self.view_page(ctx, area, paint);
        } else if area.width >= WIDE {
            let list = Rect { width: LIST, ..area };
            let page = Rect { x: area.x + LIST, width: area.width - LIST, ..area };
            self.view_list(ctx, list, paint);
            self.view_page(ctx, page, paint);
        } else {
            self.view_list(ctx, area, paint);
        }
    }
}

/// The document of a turn as the snapshot has it.
fn draft(ctx: &Ctx<'_>, turn: &Turn) -> Option<Document> {
    let schedule = ctx.world.plan.roster.schedule(&turn.key.schedule)?;
    let incidents = touched_since(ctx, turn.key.from);
    let overrides = ctx.world.book.overrides();
    let objectives: Vec<&Status> = ctx.world.objectives.iter().map(|shown| &shown.status).collect();
    Some(world(ctx, &overrides, &incidents, &objectives).document(schedule, turn))
}

/// The incidents that are open, or that something was done about since.
fn touched_since<'a>(ctx: &Ctx<'a>, since: Instant) -> Vec<&'a Incident> {
    let touched = |i: &&Incident| {
        let ended = crate::domain::metrics::restored(i).is_some_and(|at| at >= since);
        let changed = i.last_change.as_ref().is_some_and(|c| c.at >= since);
        i.is_open() || i.opened_at >= since || ended || changed
    };
    ctx.world.incidents.by_id.values().map(AsRef::as_ref).filter(touched).collect()
}

fn world<'a>(
    ctx: &Ctx<'a>,
    overrides: &'a [crate::domain::roster::Override],
    incidents: &'a [&'a Incident],
    objectives: &'a [&'a Status],
) -> World<'a> {
    let world = ctx.world;
    World {
        site: &world.site.name,
        roster: &world.plan.roster,
        overrides,
        imported: &world.imported,
        incidents,
        calendar: &world.calendar,
        pages: &world.pages,
        reports: &world.reports,
        health: Some(&world.health),
        silences: Some(&world.silences),
        levels: &world.plan.service_levels,
        objectives,
        sources: &world.sources,
        blind: &world.blind,
        now: ctx.now,
    }
}
