//! Objectives: how much of each budget is left, and how the one under the cursor burns down.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::TimeDelta;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::past::Complete;
use super::work::Done;
use super::{Pane, Sla};
use crate::domain::health::{Direction, Thresholds};
use crate::domain::slo::{
    Burn, MICRO, Objective, Point, Reading, Severity, Shown, SloId, Standing, Status, Unit, Window,
    percent,
};
use crate::domain::text;
use crate::domain::time::{Instant, Interval, near};
use crate::ui::keymap::Action;
use crate::ui::screens::Ctx;
use crate::ui::theme::{Role, Theme};
use crate::ui::widgets::chart::{Line, Mark};
use crate::ui::widgets::paint::wrap;
use crate::ui::widgets::{Chart, Column, Cursor, Paint, Table, split};

/// What time that does not count is called.
pub const EXCLUDED: &str = "excluded";

/// Cells of the bar of a budget.
const BAR: u16 = 6;
const COLUMNS: [Column; 7] = [
    Column::new("", 1, 0),
    Column::fill("OBJECTIVE", 20),
    Column::right("TARGET", 8, 1),
    Column::right("IS", 7, 0),
    Column::new("LEFT", 13, 0),
    Column::right("BURN", 6, 3),
    Column::right("SPENT", 8, 2),
];

/// Lines of facts below the chart, at most.
const FACTS: u16 = 12;

/// The objectives in the order in which they want attention: the worst first, then by what is left.
pub fn list<'a>(ctx: &'a Ctx<'_>) -> Vec<&'a Arc<Shown>> {
    let mut all: Vec<_> = ctx.world.objectives.iter().collect();
    let rank = |shown: &&Arc<Shown>| {
        let left = shown.status.budget.left_ppm().unwrap_or(i64::MAX);
        (std::cmp::Reverse(shown.status.standing()), left, shown.status.objective.id.clone())
    };
    all.sort_by_cached_key(rank);
    all
}

pub fn ids(ctx: &Ctx<'_>) -> Vec<SloId> {
    list(ctx).into_iter().map(|shown| shown.status.objective.id.clone()).collect()
}

/// The one under the cursor.
pub fn under<'a>(cursor: &Cursor<SloId>, ctx: &'a Ctx<'_>) -> Option<&'a Arc<Shown>> {
    of(ctx, cursor.at.as_ref()?)
}

pub fn of<'a>(ctx: &'a Ctx<'_>, id: &str) -> Option<&'a Arc<Shown>> {
    ctx.world.objectives.iter().find(|shown| *shown.status.objective.id == *id)
}

/// How many are spent, and how many burn too fast.
pub fn badge(ctx: &Ctx<'_>) -> Vec<(String, Role)> {
    let symbols = ctx.theme().symbols;
    let count = |of: &[Standing]| {
        ctx.world.objectives.iter().filter(|s| of.contains(&s.status.standing())).count()
    };
    let sign = |of: &[Standing], sign: &str, role| {
        Some(count(of)).filter(|n| *n > 0).map(|n| (format!("{sign}{n}"), role))
    };
    let burning = [Standing::Burning, Standing::BurningFast];
    let signs = [
        sign(&[Standing::Spent], symbols.critical, Role::Critical),
        sign(&burning, symbols.warning, Role::Warning),
    ];
    signs.into_iter().flatten().collect()
}

/// `checkout availability`, or its id where it has no name.
pub fn title(objective: &Objective) -> String {
    let name = if objective.name.is_empty() { &*objective.id } else { &objective.name };
    text::clean(name, 80)
}

/// `checkout availability: 99.913 % of 99.95 % over 30d, -74.1 % of the budget left`.
pub fn in_a_line(status: &Status) -> String {
    let objective = &status.objective;
    let name = title(objective);
    let is = status
        .sli_ppm()
        .map_or("unknown".to_owned(), |ppm| format!("{} %", percent(ppm.into(), 4)));
    let left = status
        .budget
        .left_ppm()
        .map_or("no".to_owned(), |ppm| format!("{} % of the", percent(ppm, 1)));
    let (target, window) = (objective.target, objective.window);
    format!("{name}: {is} of {target} over {window}, {left} budget left")
}

fn sign(theme: &Theme, standing: Standing) -> (&'static str, Role) {
    match standing {
        Standing::Spent => (theme.symbols.critical, Role::Critical),
        Standing::BurningFast => (theme.symbols.warning, Role::Critical),
        Standing::Burning => (theme.symbols.warning, Role::Warning),
        Standing::Healthy => (theme.symbols.ok, Role::Ok),
        Standing::Unknown => (theme.symbols.unknown, Role::Unknown),
    }
}

fn of_left(left_ppm: Option<i64>) -> Role {
    match left_ppm {
        None => Role::Muted,
        Some(..=0) => Role::Critical,
        Some(1..=250_000) => Role::Warning,
        Some(_) => Role::Text,
    }
}

impl Sla {
    pub(super) fn view_objectives(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        if area.is_empty() {
            return;
        }
        let all = list(ctx);
        let focused = matches!(self.pane, Pane::Objectives);
        let inner = paint.panel(area, &[("Objectives", paint.of(Role::Title))], focused);
        if all.is_empty() {
            super::lines(paint, inner, NO_OBJECTIVES, Role::Muted);
            return;
        }
        let room = usize::from(inner.height.saturating_sub(1));
        let window = self.objective.window(all.len(), room);
        let cursor = self.objective.index();
        let table = Table { columns: &COLUMNS, cursor, focused, sort: None, lines: 1 };
        table.paint(paint, inner, window, |index, row| {
            let Some(shown) = all.get(index) else { return };
            let status = &shown.status;
            let (glyph, role) = sign(row.paint.theme, status.standing());
            row.cell(0, glyph, row.paint.of(role));
            row.cell(1, &title(&status.objective), row.paint.of(Role::Text));
            row.cell(2, &status.objective.target.to_string(), row.paint.of(Role::Muted));
            let none = row.paint.theme.symbols.none;
            let is = status.sli_ppm().map_or(none.to_owned(), |ppm| percent(ppm.into(), 3));
            let role = match status.is_met() {
                Some(false) => Role::Critical,
                Some(true) => Role::Text,
                None => Role::Muted,
            };
            row.cell(3, &is, row.paint.of(role));
            left(row, 4, status.budget.left_ppm());
            // Of the pace by which is projected when the budget is spent.
            let burn = status.projection.map(|pace| pace.milli);
            let role =
                if burn.is_some_and(|milli| milli > 1_000) { Role::Warning } else { Role::Muted };
            row.cell(
                5,
                &burn.map_or(none.to_owned(), |milli| Burn::text(milli, 1)),
                row.paint.of(role),
            );
            let (spent, role) = spent(ctx, status);
            row.cell(6, &spent, row.paint.of(role));
        });
        if all.len() > room {
            let note = format!("{}/{}", cursor + 1, all.len());
            paint.note(area, &note, paint.of(Role::Muted));
        }
    }

    pub(super) fn view_chart(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        if area.is_empty() {
            return;
        }
        let focused = self.pane == Pane::Chart;
        let Some(shown) = under(&self.objective, ctx) else {
            paint.panel(area, &[("Error budget", paint.of(Role::Title))], focused);
            return;
        };
        let (status, objective) = (&shown.status, &shown.status.objective);
        let over = match objective.window {
            Window::Rolling(_) => format!("the last {}", objective.window),
            Window::Calendar { .. } => format!("the {}", objective.window),
        };
        let dot = format!(" {} ", ctx.theme().symbols.dot);
        let promised = format!("{} over {over}", objective.target);
        let pieces = [
            (title(objective), paint.of(Role::Title)),
            (dot, paint.of(Role::Muted)),
            (promised, paint.of(Role::Text)),
        ];
        let pieces: Vec<(&str, Style)> = pieces.iter().map(|(t, s)| (t.as_str(), *s)).collect();
        let inner = paint.panel(area, &pieces, focused);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let mut facts = facts(ctx, status, self.work.of(status), inner.width);
        match self.past.is_complete(status) {
            Complete::Yes => {}
            Complete::Soon => paint.note(area, "reading incidents …", paint.of(Role::Muted)),
            Complete::No(why) => {
                let said = format!("incidents of long ago are missing: {why}");
                let lines = wrap(&said, inner.width).into_iter().map(|l| vec![(l, Role::Warning)]);
                facts.splice(1..1, lines);
            }
        }
        let needed = u16::try_from(facts.len()).unwrap_or(u16::MAX).min(FACTS);
        let needed = needed.min((inner.height * 2 / 5).max(4));
        let (chart, below) = split(inner, inner.height.saturating_sub(needed + 1));
        self.burn_down(ctx, shown, chart, paint);
        let below = Rect { y: below.y + 1, height: below.height.saturating_sub(1), ..below };
        for (line, y) in facts.iter().zip(below.top()..below.bottom()) {
            let spans: Vec<(&str, Style)> =
                line.iter().map(|(text, role)| (text.as_str(), paint.of(*role))).collect();
            paint.spans(below.x, y, below.width, &spans);
        }
        let cut = facts.len().saturating_sub(usize::from(below.height));
        if cut > 0 {
            let key = ctx.prefs.settings.keymap.shown(Action::Explain, false).unwrap_or_default();
            let note = format!("{} more: {key}", text::count(cut, "line"));
            paint.note(area, &note, paint.of(Role::Muted));
        }
    }

    /// What is left over the window, the even spending, the projection, and what happened.
    fn burn_down(&self, ctx: &Ctx<'_>, shown: &Shown, area: Rect, paint: &mut Paint<'_>) {
        let status = &shown.status;
        let Some(down) = shown.burn_down.as_ref().filter(|_| area.height >= 4) else {
            let why = status.why.first().map(ToString::to_string);
            let said = why.unwrap_or_else(|| "nothing is known of this window yet".to_owned());
            super::lines(paint, area, &said, Role::Muted);
            return;
        };
        let points: VecDeque<(Instant, f64)> = down.points.iter().map(value).collect();
        let straight = |[from, to]: &[Point; 2], role| Line {
            from: value(from),
            to: value(to),
            style: ctx.theme().of(role),
        };
        let (from, to) = (down.window.from, down.window.to);
        let nothing = [from, to].map(|at| Point { at, left_ppm: 0 });
        let mut lines = vec![straight(&nothing, Role::LineCrit), straight(&down.even, Role::Axis)];
        lines.extend(down.projection.iter().map(|p| straight(p, Role::LineWarn)));
        let marks = self.marks(ctx, status);
        // A projection leads beyond what a rolling window shows.
        let ahead = down.projection.map_or(down.window.to, |[_, to]| to.at);
        let most = down.window.to + down.window.length() / 4;
        let chart = Chart {
            points: &points,
            from: down.window.from,
            to: ahead.clamp(down.window.to, most),
            unit: "%",
            thresholds: &Thresholds { direction: Direction::Below, ..Thresholds::default() },
            zone: ctx.world.site.zone,
            cursor: self.at,
            style: ctx.theme().of(Role::Chart),
            lines: &lines,
            marks: &marks,
        };
        let said = match self.at {
            Some(at) => self.reading(ctx, status, &chart, at),
            None => legend(ctx.theme(), area.width),
        };
        let spans: Vec<(&str, Style)> = said.iter().map(|(t, r)| (&**t, paint.of(*r))).collect();
        paint.spans(area.x, area.y, area.width, &spans);
        chart.paint(paint, Rect { y: area.y + 1, height: area.height - 1, ..area });
    }

    /// What the cursor reads: `Sat 18:00  43.2 % left  INC-7 latency`.
    fn reading(
        &self,
        ctx: &Ctx<'_>,
        status: &Status,
        chart: &Chart<'_>,
        at: Instant,
    ) -> Vec<Piece> {
        let left = match chart.read(at) {
            _ if at > status.as_of => "to come".to_owned(),
            Some((_, left)) => format!("{left:.1} % left"),
            None => "nothing known".to_owned(),
        };
        vec![
            (format!("{}  ", near(at, ctx.now, ctx.world.site.zone)), Role::Accent),
            (format!("{left}  "), Role::Strong),
            (self.happened(ctx, status, at, chart.to - chart.from), Role::Text),
        ]
    }

    /// Deployments, other work and incidents of the service within the window; what comes last is on top.
    fn marks(&self, ctx: &Ctx<'_>, status: &Status) -> Vec<Mark> {
        let theme = ctx.theme();
        let excluded = status.excluded.iter().map(|(at, _)| Mark {
            at: at.from.max(status.window.from),
            sign: theme.symbols.maintenance,
            style: theme.of(Role::Maintenance),
        });
        let work = self.work.of(status).iter().map(|done| Mark {
            at: done.at.from.max(status.window.from),
            sign: done.sign(theme),
            style: theme.of(done.role()),
        });
        let incidents = self.past.of_window(status, ctx.now).map(|one| Mark {
            at: one.from.max(status.window.from),
            sign: theme.symbols.critical,
            style: theme.of(Role::Critical),
        });
        excluded.chain(work).chain(incidents).collect()
    }

    /// What happened around the cursor of the chart.
    fn happened(&self, ctx: &Ctx<'_>, status: &Status, at: Instant, across: TimeDelta) -> String {
        let near = across / 80;
        let around = Interval::new(at - near, at + near);
        let mut began = self.past.within(status, around, ctx.now).rev();
        if let Some(one) = began.find(|one| around.contains(one.from)) {
            return format!("{} {}", one.id, text::clean(&one.title, 60));
        }
        let near = |done: &&Done| done.at.overlap(around).is_some();
        let work: Vec<&Done> = self.work.of(status).iter().filter(near).collect();
        let deployed = work.iter().find(|done| done.is_deployment).or(work.last());
        if let Some(done) = deployed {
            return done.words();
        }
        let excluded = status.excluded.iter().find(|(at, _)| at.overlap(around).is_some());
        excluded.map(|(_, what)| format!("{EXCLUDED}: {what}")).unwrap_or_default()
    }
}

/// What the lines and signs of the chart are, as far as there is room.
fn legend(theme: &Theme, width: u16) -> Vec<Piece> {
    let symbols = theme.symbols;
    let mut said = vec![
        ("budget left  ".to_owned(), Role::Muted),
        (format!("{0}{0} even spending  ", symbols.dashed), Role::Axis),
        (format!("{0}{0} at this pace  ", symbols.dashed), Role::LineWarn),
    ];
    if width >= 76 {
        let [incident, work, deployed] =
            [symbols.critical, symbols.maintenance, symbols.deployment];
        let signs = format!("{incident} incident {work} work {deployed} deployed");
        said.push((signs, Role::Muted));
    }
    said
}

/// Where nothing was promised.
const NO_OBJECTIVES: &str = "no objectives: [[slos]] in the config say what is to be good, and how \
                             much of it. \"atalaya slo import\" reads those of OpenSLO, Sloth and Pyrra";

fn value(point: &Point) -> (Instant, f64) {
    (point.at, point.left_ppm as f64 * 100.0 / MICRO as f64)
}

/// The bar and the percentage of what is left.
fn left(row: &mut crate::ui::widgets::table::Row<'_, '_>, column: usize, left_ppm: Option<i64>) {
    let Some(place) = row.place(column) else { return };
    let style = row.paint.of(of_left(left_ppm));
    let symbols = row.paint.theme.symbols;
    let Some(ppm) = left_ppm else {
        row.paint.text(place.x, place.y, place.width, symbols.none, style);
        return;
    };
    let full = (ppm.clamp(0, MICRO as i64) * i64::from(BAR) + MICRO as i64 / 2) / MICRO as i64;
    for cell in 0..BAR {
        let sign = if i64::from(cell) < full { symbols.bar_full } else { symbols.bar_empty };
        row.paint.cell(place.x + cell, place.y, sign, style);
    }
    let text = format!("{} %", percent(ppm.max(-9_990_000), 0));
    row.paint.right(place.x + BAR, place.y, place.width - BAR, &text, style);
}

/// When the budget was spent, or will be.
fn spent(ctx: &Ctx<'_>, status: &Status) -> (String, Role) {
    match status.exhausted_at {
        Some(at) if at <= status.as_of => (format!("{} ago", about(ctx.now - at)), Role::Critical),
        Some(at) => (format!("in {}", about(at - ctx.now)), Role::Warning),
        None => (ctx.theme().symbols.none.to_owned(), Role::Muted),
    }
}

/// As one number: `12d`, `5h`.
fn about(length: TimeDelta) -> String {
    match length.num_days() {
        0 if length.num_hours() > 0 => format!("{}h", length.num_hours()),
        0 => text::duration(length),
        days => format!("{days}d"),
    }
}

type Piece = (String, Role);

/// What is known of an objective, line by line.
fn facts(ctx: &Ctx<'_>, status: &Status, work: &[Done], cells: u16) -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    let muted = |text: &str| (text.to_owned(), Role::Muted);
    let mut burn = vec![muted("burn ")];
    for one in &status.burn {
        let milli = one.milli;
        let role = if milli.is_some_and(|m| m > 1_000) { Role::Warning } else { Role::Text };
        let said = milli.map_or(ctx.theme().symbols.none.to_owned(), |m| Burn::text(m, 1));
        burn.push(muted(&format!(" {} ", one.name)));
        burn.push((said, role));
    }
    lines.push(burn);
    lines.push(budget(status));
    lines.extend(pace(ctx, status));
    for severity in [Severity::Page, Severity::Ticket] {
        let fires = |r: &&Reading| r.fires() && r.rule.severity == severity;
        let rules = status.readings.iter().filter(fires).map(|r| {
            let budget = percent(r.rule.budget_ppm.into(), 0);
            format!("{budget} % of it in {}", text::duration(r.rule.long))
        });
        let rules: Vec<String> = rules.collect();
        if !rules.is_empty() {
            let role = if severity == Severity::Page { Role::Critical } else { Role::Warning };
            let word = format!("{}: ", severity.word());
            lines.push(vec![(word, role), (rules.join(", "), Role::Text)]);
        }
    }
    let mode = status.objective.exclusion.word();
    let length: TimeDelta = status.excluded.iter().map(|(at, _)| at.length()).sum();
    let coverage = percent(status.coverage_ppm().into(), 1);
    let excluded = match status.excluded.len() {
        0 => format!("nothing excluded ({mode})"),
        n => format!("excluded {}, {} ({mode})", text::count(n, "window"), text::duration(length)),
    };
    lines.push(vec![
        muted(&excluded),
        muted(&format!(" {} coverage ", ctx.theme().symbols.dot)),
        (
            format!("{coverage} %"),
            if status.coverage_ppm() < 950_000 { Role::Warning } else { Role::Muted },
        ),
    ]);
    let source = status.objective.sli.source().map_or("this console", |s| s);
    let method = status.objective.sli.method();
    lines.push(vec![muted(&format!("{method}, as {source} has it"))]);
    for why in &status.why {
        let said = why.to_string();
        lines.extend(wrap(&said, cells).into_iter().map(|l| vec![(l.clone(), Role::Warning)]));
    }
    let line = |sign: &str, role, at: &Interval, said: String| {
        let when = near(at.from, ctx.now, ctx.world.site.zone);
        let when = muted(&format!("{when}, {}  ", text::duration(at.length())));
        vec![(format!("{sign} "), role), when, (said, Role::Text)]
    };
    let sign = ctx.theme().symbols.maintenance;
    for (at, what) in status.excluded.iter().rev() {
        lines.push(line(sign, Role::Maintenance, at, text::clean(what, 100)));
    }
    for done in work.iter().rev().filter(|done| !done.is_excluded) {
        lines.push(line(done.sign(ctx.theme()), done.role(), &done.at, done.words()));
    }
    lines
}

fn budget(status: &Status) -> Vec<Piece> {
    let budget = &status.budget;
    let Some(left_ppm) = budget.left_ppm() else {
        return vec![("no budget".to_owned(), Role::Muted)];
    };
    let role = of_left(Some(left_ppm));
    let whole = text::duration(budget.time);
    let left = budget.time_left().map_or(String::new(), signed);
    let mut pieces = vec![
        (format!("budget {whole}  left "), Role::Muted),
        (format!("{left} ({} %)", percent(left_ppm, 1)), role),
    ];
    if budget.unit == Unit::Events {
        let total = budget.total / u128::from(MICRO);
        let about = if budget.is_estimated { "about " } else { "" };
        let left = budget.left();
        pieces.push((format!("  {left} of {about}{total} bad events"), Role::Muted));
    }
    pieces
}

/// What comes of it at the present pace.
fn pace(ctx: &Ctx<'_>, status: &Status) -> Option<Vec<Piece>> {
    let pace = status.projection?;
    let over = text::duration(pace.over);
    let zone = ctx.world.site.zone;
    let said = match (status.exhausted_at, pace.end_left_ppm) {
        (Some(at), _) if at <= status.as_of => {
            format!("spent since {}", near(at, ctx.now, zone))
        }
        (Some(at), _) => {
            format!("at the pace of the last {over} spent by {}", near(at, ctx.now, zone))
        }
        (None, Some(left)) => {
            format!("at the pace of the last {over} {} % left at the end", percent(left, 1))
        }
        (None, None) => format!("at the pace of the last {over} it lasts"),
    };
    Some(vec![(said, Role::Text)])
}

fn signed(length: TimeDelta) -> String {
    if length < TimeDelta::zero() {
        format!("-{}", text::duration(-length))
    } else {
        text::duration(length)
    }
}
