//! How the roster looks: the list of who is on call, the bars below it, and what to look at.

use std::borrow::Cow;

use chrono::TimeDelta;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::board::{AHEAD, BACK as LOOK_BACK, Row, lanes, local_time, people_lanes};
use super::gaps::told;
use super::{OnCall, Period, Stretch, View, stretches};
use crate::domain::observation::SourceState;
use crate::domain::roster::book::shown;
use crate::domain::roster::concerns::is_night;
use crate::domain::roster::escalation::Target;
use crate::domain::roster::load::Load;
use crate::domain::roster::{Origin, Person, PersonId, Schedule, Turns};
use crate::domain::text;
use crate::domain::time::{Instant, Interval, near, zone};
use crate::ui::screens::Ctx;
use crate::ui::theme::Role;
use crate::ui::widgets::gantt::Gantt;
use crate::ui::widgets::{Column, Paint, Table, split, width};

const COLUMNS: [Column; 7] = [
    Column::new("LEVEL", 10, 0),
    Column::new("SCHEDULE", 14, 5),
    Column::fill("ON CALL", 16),
    Column::new("THERE", 22, 3),
    Column::new("UNTIL", 20, 0),
    Column::new("REACH", 30, 4),
    Column::new("NEXT", 27, 2),
];

const LOAD: [Column; 7] = [
    Column::fill("PERSON", 12),
    Column::new("", 10, 4),
    Column::right("ON CALL", 7, 0),
    Column::right("NIGHTS", 6, 2),
    Column::right("WEEKENDS", 8, 3),
    Column::right("OUT OF HOURS", 12, 5),
    Column::right("PAGES", 5, 1),
];

/// Lines of the list of troubles and loads, with their frame.
const BELOW: u16 = 9;

impl OnCall {
    pub(super) fn view_roster(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        if self.board.rows.is_empty() {
            nobody(area, paint);
            return;
        }
        let rows = u16::try_from(self.board.rows.len()).unwrap_or(u16::MAX);
        let list = rows.saturating_add(3).min((area.height / 3).max(5)).min(area.height);
        let (list, rest) = split(area, list);
        self.view_now(ctx, list, paint);
        let below = if rest.height >= 12 + BELOW { BELOW } else { 0 };
        let (bars, below) = split(rest, rest.height - below);
        self.view_bars(ctx, bars, paint);
        if below.height > 2 {
            let half = below.width / 2;
            let left = Rect { width: half, ..below };
            self.view_troubles(ctx, left, paint);
            let right = Rect { x: below.x + half, width: below.width - half, ..below };
            self.view_load(ctx, right, paint);
        }
    }

    fn view_now(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let inner = paint.panel(area, &[("Now", paint.of(Role::Title))], true);
        let visible = usize::from(inner.height.saturating_sub(1));
        let first = (self.row + 1).saturating_sub(visible);
        let last = (first + visible).min(self.board.rows.len());
        let table =
            Table { columns: &COLUMNS, cursor: self.row, focused: true, sort: None, lines: 1 };
        table.paint(paint, inner, first..last, |index, line| {
            let Some(row) = self.board.rows.get(index) else { return };
            let cells = self.now(ctx, row);
            for (column, (text, role)) in cells.iter().enumerate() {
                let style = line.paint.of(*role);
                line.cell(column, text, style);
            }
        });
        if self.board.rows.len() > visible {
            let note = format!("{}–{}/{}", first + 1, last, self.board.rows.len());
            paint.note(area, &note, paint.of(Role::Muted));
        }
    }

    /// The cells of one line.
    fn now(&self, ctx: &Ctx<'_>, row: &Row) -> [(String, Role); 7] {
        let roster = &ctx.world.plan.roster;
        let none = ctx.theme().symbols.none.to_owned();
        let level = match &row.level {
            Some((policy, number)) => format!("{policy} {number}"),
            None => none.clone(),
        };
        let level = (level, Role::Text);
        let of = row.schedule().map_or_else(|| none.clone(), ToString::to_string);
        let of = (of, Role::Muted);
        let person_cells = |person: Option<&Person>, name: &str| {
            let there = person.map(|p| local_time(p, ctx.now)).unwrap_or_default();
            let night = person.is_some_and(|p| is_night(ctx.now, p.zone));
            let role = if night { Role::Warning } else { Role::Muted };
            let ways = person.into_iter().flat_map(|p| [&p.phone, &p.chat, &p.email]).flatten();
            let ways: Vec<&str> = ways.map(AsRef::as_ref).take(2).collect();
            let dot = format!(" {} ", ctx.theme().symbols.dot);
            [(name.to_owned(), Role::Strong), (there, role), (ways.join(&dot), Role::Text)]
        };
        match &row.target {
            Target::Person(id) => {
                let person = roster.person(id).map(AsRef::as_ref);
                let [name, there, ways] = person_cells(person, roster.name(id));
                let always = ("always".to_owned(), Role::Muted);
                [level, of, name, there, always, ways, (none, Role::Faint)]
            }
            Target::Schedule(id) => {
                let standing = self.board.standings.get(id);
                let next =
                    standing.and_then(|s| s.next.as_ref()).map_or((none, Role::Faint), |h| {
                        let name = roster.name(&h.person);
                        let ends = standing.and_then(|s| s.on.as_ref()).map(|on| on.at.to);
                        // Between the two there may be nobody, on purpose.
                        let is_hole = ends.is_some_and(|to| to < h.at.from);
                        let hole = if is_hole { "nobody, " } else { "" };
                        let at = Self::moment(ctx, id, h.at.from);
                        (format!("{hole}{name} {at}"), Role::Text)
                    });
                let Some(on) = standing.and_then(|s| s.on.as_ref()) else {
                    let gap = standing.and_then(|s| s.gap.as_ref());
                    let gap = gap.filter(|g| g.at.contains(ctx.now));
                    let (said, role) = match gap {
                        Some(gap) => (format!("nobody: {}", gap.why.text()), Role::Warning),
                        None => ("nobody, as planned".to_owned(), Role::Muted),
                    };
                    let empty = || (String::new(), Role::Muted);
                    let until =
                        gap.map_or_else(empty, |g| (Self::until(ctx, id, g.at.to), Role::Warning));
                    return [level, of, (said, role), empty(), until, empty(), next];
                };
                let person = roster.person(&on.person).map(AsRef::as_ref);
                let [name, there, ways] = person_cells(person, roster.name(&on.person));
                let until = (Self::until(ctx, id, on.at.to), Role::Text);
                [level, of, name, there, until, ways, next]
            }
        }
    }

    /// `18:00 (3h 57m)`, in the schedule's zone.
    fn until(ctx: &Ctx<'_>, schedule: &str, at: Instant) -> String {
        if at - ctx.now > TimeDelta::days(30) {
            return "for a month and more".to_owned();
        }
        let left = text::duration(at - ctx.now);
        format!("{} ({left})", Self::moment(ctx, schedule, at))
    }

    /// `18:00`, with its day where it is another one; in the schedule's zone.
    fn moment(ctx: &Ctx<'_>, schedule: &str, at: Instant) -> String {
        let zone = ctx.world.plan.roster.schedule(schedule);
        let zone = zone.map_or(ctx.world.site.zone, |s| s.zone);
        near(at, ctx.now, zone)
    }

    fn view_bars(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let roster = &ctx.world.plan.roster;
        let (overrides, imported) = (ctx.world.book.overrides(), &ctx.world.imported);
        let schedule = self.schedule(ctx);
        let zone = schedule.map_or(ctx.world.site.zone, |s| s.zone);
        let span = self.period.around(self.at(ctx), zone);
        let people = self.view == View::People || schedule.is_none();
        let lanes = match schedule {
            Some(schedule) if !people => {
                let at = (Some(self.at(ctx)), ctx.now);
                lanes(roster, schedule, &overrides, imported, span, at)
            }
            _ => people_lanes(roster, &overrides, imported, span),
        };
        let first = zone::local(span.from, zone).date();
        let when = match self.period {
            Period::Week => first.format("week of %-d %b").to_string(),
            Period::TwoWeeks => first.format("two weeks from %-d %b").to_string(),
            Period::Month => first.format("%B %Y").to_string(),
        };
        let name = match schedule {
            Some(schedule) if !people => schedule.name.to_string(),
            _ => "Everybody".to_owned(),
        };
        let dot = format!(" {} ", ctx.theme().symbols.dot);
        let (title, muted) = (paint.of(Role::Title), paint.of(Role::Muted));
        let old = schedule.filter(|_| !people).and_then(|schedule| outdated(ctx, schedule));
        let old = old.map(|old| format!("{dot}{old}")).unwrap_or_default();
        let pieces: [(&str, Style); 6] = [
            (&name, title),
            (&dot, muted),
            (&when, paint.of(Role::Text)),
            (&dot, muted),
            (zone.name(), muted),
            (&old, paint.of(Role::Warning)),
        ];
        let inner = paint.panel(area, &pieces, true);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let labels = lanes.iter().map(|l| width(&l.label)).max().unwrap_or(0).clamp(6, 20);
        let gantt = Gantt { span, zone, lanes, labels, beside: false };
        let told = u16::from(!people) * 2;
        let (drawn, _) = split(inner, gantt.height().min(inner.height.saturating_sub(told)));
        gantt.paint(paint, drawn, ctx.now);
        if let Some(schedule) = schedule.filter(|_| !people) {
            let (_, rest) = split(inner, drawn.height + 1);
            self.view_coming(ctx, schedule, rest, paint);
        }
    }

    /// The stretch under the cursor, and those that follow it, a line for each.
    fn view_coming(&self, ctx: &Ctx<'_>, schedule: &Schedule, area: Rect, paint: &mut Paint<'_>) {
        let at = self.at(ctx);
        let stretches = stretches(ctx, schedule, at);
        let coming = stretches.iter().skip_while(|s| !s.at().contains(at));
        for (stretch, y) in coming.zip(area.top()..area.bottom()) {
            let line = Rect { x: area.x, y, width: area.width, height: 1 };
            Self::view_stretch(ctx, schedule, stretch, line, paint);
            if y == area.y {
                paint.select(line, Role::Selection);
            }
        }
    }

    /// The stretch under the cursor in one line.
    fn view_stretch(
        ctx: &Ctx<'_>,
        schedule: &Schedule,
        stretch: &Stretch,
        line: Rect,
        paint: &mut Paint<'_>,
    ) {
        let roster = &ctx.world.plan.roster;
        let at = stretch.at();
        let first = zone::local(at.from, schedule.zone).format("%a");
        let when = fill(&format!("{first} {}", shown(at, schedule.zone)), 31);
        let long = fill(&text::duration(at.length()), 6);
        let (strong, plain, muted) =
            (paint.of(Role::Strong), paint.of(Role::Text), paint.of(Role::Muted));
        match stretch {
            Stretch::Held(held) => {
                let why = match held.origin {
                    Origin::Override(id) => {
                        let reason = ctx.world.book.get(id).map_or("", |o| &o.reason);
                        let reason =
                            if reason.is_empty() { String::new() } else { format!(": {reason}") };
                        format!("{id}{reason}")
                    }
                    Origin::Layer(index) => {
                        let layer = schedule.layers.get(index).map_or("", |l| &l.name);
                        format!("layer {layer}")
                    }
                };
                let person = roster.person(&held.person);
                let there = person.filter(|p| p.zone != schedule.zone).map(|p| {
                    let city = p.zone.name().rsplit('/').next().unwrap_or_default();
                    format!("  there {} {city}", zone::local(at.from, p.zone).format("%H:%M"))
                });
                let away = person.into_iter().flat_map(|p| &p.absences);
                let away = away.filter(|a| a.at.overlap(at).is_some()).map(|a| &*a.reason).next();
                let away = away.map(|reason| format!("  away: {reason}")).unwrap_or_default();
                let name = fill(roster.name(&held.person), 17);
                let there = there.unwrap_or_default();
                let warning = paint.of(Role::Warning);
                let pieces: [(&str, Style); 6] = [
                    (&when, plain),
                    (&name, strong),
                    (&long, muted),
                    (&why, muted),
                    (&there, muted),
                    (&away, warning),
                ];
                paint.spans(line.x, line.y, line.width, &pieces);
            }
            Stretch::Gap(gap) => {
                let warning = paint.of(Role::Warning);
                let (name, why) = (fill("gap", 17), gap.why.text());
                let pieces = [(&*when, plain), (&*name, warning), (&*long, muted), (why, muted)];
                paint.spans(line.x, line.y, line.width, &pieces);
            }
            Stretch::Free(_) => {
                let name = fill("nobody, as planned", 17);
                let pieces = [(&*when, plain), (&*name, muted), (&*long, muted)];
                paint.spans(line.x, line.y, line.width, &pieces);
            }
        }
    }

    fn view_troubles(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let count = self.board.troubles.len();
        let days = AHEAD.num_days();
        let title = format!("Gaps, double bookings, absences  {count} in {days} days");
        let inner = paint.panel(area, &[(&title, paint.of(Role::Title))], false);
        let (x, room) = (inner.x + 1, inner.width.saturating_sub(2));
        if count == 0 {
            paint.put(x, inner.y, room, "none: somebody is on call, and once", Role::Muted);
            return;
        }
        if count > usize::from(inner.height) {
            let note = format!("1–{}/{count}, v shows all", inner.height);
            paint.note(area, &note, paint.of(Role::Muted));
        }
        for (trouble, y) in self.board.troubles.iter().zip(inner.y..inner.bottom()) {
            let [what, when, _, why] = told(ctx, trouble);
            let (when, why) = (format!("  {when}"), format!("  {why}"));
            let pieces = [
                (&*what, paint.of(Role::Warning)),
                (&*when, paint.of(Role::Text)),
                (&*why, paint.of(Role::Muted)),
            ];
            paint.spans(x, y, room, &pieces);
        }
    }

    pub(super) fn view_load(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let fair =
            self.board.fairness.map(|f| format!("  evenness {f:.2} of 1")).unwrap_or_default();
        let pieces =
            [("Load, last 30 days", paint.of(Role::Title)), (&*fair, paint.of(Role::Text))];
        let inner = paint.panel(area, &pieces, false);
        let pages = ctx.world.pages.received(Interval::new(ctx.now - LOOK_BACK, ctx.now));
        let mut loads: Vec<(&PersonId, Cow<'_, Load>)> =
            self.board.loads.iter().map(|(p, load)| (p, Cow::Borrowed(load))).collect();
        // Who was paged and not on call carried that.
        let others = pages.keys().filter(|p| self.board.loads.iter().all(|(known, _)| known != *p));
        loads.extend(others.map(|p| (p, Cow::Owned(Load::default()))));
        if loads.is_empty() {
            let room = inner.width.saturating_sub(2);
            paint.put(inner.x + 1, inner.y, room, "nobody was on call", Role::Muted);
            return;
        }
        let table =
            Table { columns: &LOAD, cursor: usize::MAX, focused: false, sort: None, lines: 1 };
        let most = self.board.loads.first().map_or(1, |(_, l)| l.on_call.num_minutes()).max(1);
        let full = paint.theme.symbols.bar_full;
        table.paint(paint, inner, 0..loads.len(), |index, line| {
            let Some((person, load)) = loads.get(index) else { return };
            let paged = pages.get(*person).copied().unwrap_or(0);
            let cells = (load.on_call.num_minutes() * 10 / most).clamp(0, 10);
            let cells = [
                (ctx.world.plan.roster.name(person).to_owned(), Role::Text),
                (full.repeat(usize::try_from(cells).unwrap_or(0)), Role::Spark),
                (format!("{} h", load.on_call.num_hours()), Role::Text),
                (load.nights.to_string(), Role::Text),
                (load.weekends.to_string(), Role::Text),
                (format!("{} h", load.out_of_hours.num_hours()), Role::Muted),
                (paged.to_string(), if paged > 0 { Role::Text } else { Role::Faint }),
            ];
            for (column, (text, role)) in cells.iter().enumerate() {
                let style = line.paint.of(*role);
                line.cell(column, text, style);
            }
        });
    }
}

/// A calendar of a schedule that is not read at the moment, and how old what is shown of it is.
fn outdated(ctx: &Ctx<'_>, schedule: &Schedule) -> Option<String> {
    let calendars = schedule.layers.iter().filter_map(|layer| match &layer.turns {
        Turns::Calendar(source) => Some(source),
        Turns::Rotation(_) => None,
    });
    let mut outdated = calendars.filter_map(|name| {
        let status = ctx.world.sources.iter().find(|s| s.name == *name)?;
        let is_fresh = status.state == SourceState::Fresh;
        (!is_fresh).then(|| match status.last_ok {
            Some(at) => format!("{name} as it was {} ago", text::duration(ctx.now - at)),
            None => format!("{name} has not been read"),
        })
    });
    outdated.next()
}

/// A text with blanks up to so many cells, and two more.
fn fill(text: &str, cells: u16) -> String {
    let blanks = cells.saturating_sub(width(text)) + 2;
    format!("{text}{}", " ".repeat(usize::from(blanks)))
}

/// What a plan without schedules says.
fn nobody(area: Rect, paint: &mut Paint<'_>) {
    let inner = paint.panel(area, &[("On-call", paint.of(Role::Title))], true);
    let y = inner.y + inner.height / 3;
    let lines = [
        ("the plan has no schedules yet", Role::Text),
        (
            "[[people]] and [[schedules]] in the config make them; config.example.toml has a team",
            Role::Muted,
        ),
    ];
    for ((text, role), y) in lines.into_iter().zip(y..inner.bottom()) {
        let x = inner.x + inner.width.saturating_sub(width(text)) / 2;
        paint.put(x, y, inner.width, text, role);
    }
}
