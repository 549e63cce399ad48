//! The list of services as a table or a tree.

use std::sync::Arc;

use chrono::TimeDelta;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::rows::{Row, Sort};
use super::{Health, View, inside, signals, tiles};
use crate::domain::health::rollup::ServiceHealth;
use crate::domain::health::signal::Track;
use crate::domain::health::{Dimension, State};
use crate::domain::text;
use crate::domain::time::TimeStyle;
use crate::ui::screens::Ctx;
use crate::ui::theme::Role;
use crate::ui::widgets::table::Row as Line;
use crate::ui::widgets::{Column, Paint, Table, width};

const HOUR: TimeDelta = TimeDelta::hours(1);

/// The columns of the overview; `state`: the cells of a state and its age.
fn overview(state: u16) -> Vec<Column> {
    vec![
        Column::fill("SERVICE", 17),
        Column::new("STATE", state, 1),
        Column::new("SIGNAL", 15, 3),
        Column::right("VALUE", 9, 0),
        Column::new("LAST HOUR", 12, 2),
        Column::right("INC", 3, 4),
    ]
}

/// Cells of a state and its age.
const STATE: u16 = 15;
/// Cells of a signal's name and value.
const SIGNAL: u16 = 22;
/// Cells of the last hour: least and most.
const SPARK: (u16, u16) = (10, 40);
/// Cells that names of services get before the last hour is drawn wider, with the gaps between columns.
const NAMES: u16 = 40;

/// The columns of one dimension in `room` cells: as many of its signals as there are (`signals`) and
/// as fit; the last hour takes what is left.
fn by_dimension(dimension: Dimension, signals: usize, state: u16, room: u16) -> Vec<Column> {
    let title = match dimension {
        Dimension::Performance => "PERFORMANCE",
        Dimension::Stability => "STABILITY",
        Dimension::Security => "SECURITY",
        Dimension::Availability => "AVAILABILITY",
    };
    let more = signals.clamp(1, 3) - 1;
    let used = NAMES + state + SIGNAL * u16::try_from(1 + more).unwrap_or(1);
    let spark = room.saturating_sub(used).clamp(SPARK.0, SPARK.1);
    let mut columns = vec![
        Column::fill("SERVICE", 17),
        Column::new("STATE", state, 1),
        Column::new(title, SIGNAL, 0),
        Column::new("LAST HOUR", spark, 2),
    ];
    columns.extend([3, 4].into_iter().take(more).map(|rank| Column::new("", SIGNAL, rank)));
    columns
}

/// Cells of the widest state and its age; of the instant at which it began, where those are shown.
fn state_cells(ctx: &Ctx<'_>) -> u16 {
    if ctx.prefs.settings.times == TimeStyle::Relative {
        return STATE;
    }
    let telling = ctx.world.health.services.iter().filter(|s| s.state != State::Ok);
    let cells = telling.map(|s| width(s.state.word()) + 1 + width(&ctx.time(s.since)));
    cells.max().unwrap_or(0).max(STATE)
}

impl Health {
    pub(super) fn view_list(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let health = &ctx.world.health;
        let title = self.title(ctx);
        let title: Vec<(&str, Style)> = title.iter().map(|(t, s)| (t.as_str(), *s)).collect();
        paint.panel(area, &title, true);
        let mut inner = inside(area);
        if let Some((field, _)) = &self.editing {
            let line = Rect { height: 1, ..inner };
            let used = paint.put(line.x + 1, line.y, 2, "/", Role::Key) + 2;
            let room =
                Rect { x: line.x + used, width: line.width.saturating_sub(used + 12), ..line };
            field.paint(paint, room, true);
            let found = self.rows.iter().filter(|r| r.index().is_some() && !r.is_repeated());
            let count = format!("{} of {}", found.count(), health.services.len());
            let style = paint.of(Role::Muted);
            paint.right(line.right().saturating_sub(12), line.y, 11, &count, style);
            inner = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
        }
        if self.rows.is_empty() {
            self.view_nothing(ctx, inner, paint);
            return;
        }
        match self.view {
            View::Tiles => {
                let grid = tiles::Grid::new(&self.rows, inner.width, inner.height);
                grid.view(ctx, &self.rows, self.cursor.index(), self.scrolled, inner, paint);
            }
            View::Table | View::Tree => self.view_rows(ctx, inner, paint),
        }
        self.notes(ctx, area, inner, paint);
    }

    /// `Services 41 · 1 critical · 2 warning · 36 ok`.
    fn title(&self, ctx: &Ctx<'_>) -> Vec<(String, Style)> {
        let theme = ctx.theme();
        let health = &ctx.world.health;
        let mut out = vec![
            ("Services ".to_owned(), theme.of(Role::Title)),
            (health.services.len().to_string(), theme.of(Role::Text)),
        ];
        let dot = format!(" {} ", theme.symbols.dot);
        for state in State::ALL {
            let count = health.count(state);
            if count > 0 {
                out.push((dot.clone(), theme.of(Role::Muted)));
                out.push((format!("{count} {}", state.word()), theme.state(state)));
            }
        }
        if self.editing.is_none() && !self.shape.filter.is_empty() {
            let symbols = theme.symbols;
            let text =
                format!("  {}{}{}", symbols.quote_left, self.shape.filter, symbols.quote_right);
            out.push((text, theme.of(Role::Accent)));
        }
        out
    }

    fn view_nothing(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let (first, second) = if !self.shape.filter.is_empty() {
            ("no service matches the filter", "Esc clears it")
        } else if ctx.world.sources.is_empty() {
            ("nothing is watched yet", "atalaya init writes a configuration")
        } else {
            ("waiting for the first answers", "i shows how the sources are")
        };
        let y = area.y + area.height / 3;
        for (text, role, y) in [(first, Role::Text, y), (second, Role::Muted, y + 1)] {
            let x = area.x + area.width.saturating_sub(width(text)) / 2;
            paint.put(x, y, area.width, text, role);
        }
    }

    /// Where in the list we are, and how it is arranged, in the lower border.
    fn notes(&self, ctx: &Ctx<'_>, area: Rect, inner: Rect, paint: &mut Paint<'_>) {
        let muted = paint.of(Role::Muted);
        if self.view == View::Tiles {
            let name = self
                .selected(ctx)
                .map(|s| format!("{} {} {}", s.service.name, s.state.word(), ctx.age(s.since)));
            paint.note(area, &name.unwrap_or_default(), muted);
            return;
        }
        let window = self.cursor.window(self.rows.len(), Table::room(inner.height, 1));
        let one = |r: &&Row| r.index().is_some() && !r.is_repeated();
        let count = |rows: &[Row]| rows.iter().filter(one).count();
        let before = count(self.rows.get(..window.start).unwrap_or_default());
        let shown = count(self.rows.get(window).unwrap_or_default());
        let total = count(&self.rows);
        let position = if shown < total {
            format!("{}-{}/{total}", before + 1, before + shown)
        } else {
            format!("{total}/{total}")
        };
        let how = format!(
            "{} by {} {} {position}",
            match self.view {
                View::Tree => "tree",
                _ => "table",
            },
            self.shape.group.word(),
            paint.theme.symbols.dot,
        );
        paint.note(area, &how, muted);
    }

    fn view_rows(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let state = state_cells(ctx);
        let columns = match self.columns {
            None => overview(state),
            Some(dimension) => {
                let own = |t: &&Arc<Track>| t.spec.dimension == dimension;
                let services = ctx.world.health.services.iter();
                let most = services.map(|s| s.signals.iter().filter(own).count()).max();
                by_dimension(dimension, most.unwrap_or(0), state, area.width)
            }
        };
        let sort = match self.shape.sort {
            Sort::Name => (0, false),
            Sort::Concern | Sort::Since => (1, true),
        };
        let table = Table {
            columns: &columns,
            sort: Some(sort),
            cursor: self.cursor.index(),
            focused: true,
            lines: 1,
        };
        let window = self.cursor.window(self.rows.len(), Table::room(area.height, 1));
        table.paint(paint, area, window, |index, line| match self.rows.get(index) {
            Some(Row::Heading { text, counts, folded, .. }) => {
                self.heading(ctx, line, text, *counts, *folded);
            }
            Some(row @ Row::Service { index, .. }) => {
                if let Some(service) = ctx.world.health.services.get(*index) {
                    self.service(ctx, line, row, service);
                }
            }
            None => {}
        });
    }

    fn heading(
        &self,
        _: &Ctx<'_>,
        line: &mut Line<'_, '_>,
        text: &str,
        counts: [usize; 5],
        folded: bool,
    ) {
        let area = line.area;
        let paint = &mut *line.paint;
        let symbols = paint.theme.symbols;
        let mut x = area.x + 1;
        if self.view == View::Tree {
            let sign = if folded { symbols.folded } else { symbols.unfolded };
            x += paint.put(x + 1, area.y, 1, sign, Role::Muted) + 2;
        }
        x += paint.put(x, area.y, area.width, text, Role::Heading) + 2;
        for (state, count) in State::ALL.into_iter().zip(counts) {
            let shown = count > 0 && (state != State::Ok || folded);
            if shown {
                let text = format!("{}{count}", paint.theme.glyph(state));
                let style = paint.theme.state(state);
                x += paint.text(x, area.y, area.right().saturating_sub(x), &text, style) + 1;
            }
        }
        let style = paint.of(Role::Faint);
        for x in x + 1..area.right().saturating_sub(1) {
            paint.cell(x, area.y, symbols.line_h, style);
        }
    }

    fn service(&self, ctx: &Ctx<'_>, line: &mut Line<'_, '_>, row: &Row, health: &ServiceHealth) {
        let Row::Service { branches, hidden, cause, .. } = row else { return };
        self.name(ctx, line, health, branches, *hidden, *cause);
        let theme = ctx.theme();
        let state = theme.state(health.state);
        let word = health.state.word();
        let age = ctx.time(health.since);
        // Two units where they fit, one where they do not.
        let fits = ctx.prefs.settings.times != TimeStyle::Relative
            || line.place(1).is_none_or(|at| width(word) + 1 + width(&age) <= at.width);
        let age = if fits { &age } else { age.split(' ').next().unwrap_or_default() };
        if health.state == State::Ok {
            // What is well needs no attention, and no colour beyond its sign.
            line.spans(1, &[(word, theme.of(Role::Muted))]);
        } else {
            line.spans(
                1,
                &[(word, state), (" ", theme.of(Role::Muted)), (age, theme.of(Role::Muted))],
            );
        }
        match self.columns {
            None => Self::overview(ctx, line, health),
            Some(dimension) => dimension_cells(ctx, line, health, dimension),
        }
    }

    /// Sign, branches of the tree, name, and whether it is the cause of something.
    fn name(
        &self,
        ctx: &Ctx<'_>,
        line: &mut Line<'_, '_>,
        health: &ServiceHealth,
        branches: &[bool],
        hidden: usize,
        cause: bool,
    ) {
        let theme = ctx.theme();
        let symbols = theme.symbols;
        let muted = theme.of(Role::Muted);
        let mut lead = String::new();
        for (n, last) in branches.iter().enumerate() {
            let own = n + 1 == branches.len();
            lead.push_str(match (own, last) {
                (true, true) => symbols.tree_last,
                (true, false) => symbols.tree_child,
                (false, true) => "  ",
                (false, false) => symbols.tree_line,
            });
        }
        if cause {
            lead = format!("  {} ", symbols.hook);
        }
        let glyph = theme.glyph(health.state);
        let name =
            if health.state.is_red() { theme.of(Role::Strong) } else { theme.of(Role::Text) };
        let name =
            if health.stale && !health.state.is_red() { theme.of(Role::Stale) } else { name };
        let blamed = || {
            let name = ctx.world.health.get(health.impacted_by.as_ref()?)?.service.name.clone();
            Some(format!("  {} {name}", symbols.hook))
        };
        let worst = signals::worst(health.signals.iter());
        let unseen = line.place(2).is_none() && worst.is_none_or(|t| t.state != health.state);
        let more = match hidden {
            0 if unseen && health.state.is_red() && self.columns.is_none() => {
                format!("  {}", text::clean(&health.reason, 200))
            }
            0 if cause || health.likely_cause => "  likely cause".to_owned(),
            0 => blamed().unwrap_or_default(),
            n => format!("  {}{n}", symbols.folded),
        };
        let faint = theme.of(Role::Faint);
        line.spans(
            0,
            &[
                (glyph, theme.state(health.state)),
                (" ", muted),
                (&lead, faint),
                (&health.service.name, name),
                (&more, muted),
            ],
        );
    }

    fn overview(ctx: &Ctx<'_>, line: &mut Line<'_, '_>, health: &ServiceHealth) {
        let theme = ctx.theme();
        let worst = signals::worst(health.signals.iter());
        let by_itself = worst.is_some_and(|t| t.state == health.state);
        if health.state.is_red() && !by_itself {
            // It is what it consists of, or an alert, that makes it so: its own values say nothing.
            if let (Some(at), Some(end)) = (line.place(2), line.place(3)) {
                let room = end.right() - at.x;
                let reason = text::clean(&health.reason, 200);
                line.paint.put(at.x, at.y, room, &reason, Role::Muted);
            }
            if let Some(track) = worst {
                spark(ctx, line, 4, track);
            }
        } else if let Some(track) = worst {
            let muted = theme.of(Role::Muted);
            match signals::stale(ctx, track) {
                Some(age) => {
                    let old = format!("{} old", text::duration(age));
                    line.spans(2, &[(&old, theme.of(Role::Unknown))]);
                }
                None => line.cell(2, &track.spec.name, muted),
            }
            line.cell(3, &signals::value(ctx, track), signals::style(ctx, track));
            spark(ctx, line, 4, track);
        } else {
            line.cell(3, theme.symbols.none, theme.of(Role::Faint));
        }
        if let Some(first) = health.incidents.first() {
            let incident = ctx.world.incidents.get(*first);
            let style = incident.map_or(theme.of(Role::Text), |i| theme.urgency(i.priority));
            line.cell(5, &health.incidents.len().to_string(), style);
        }
    }
}

fn dimension_cells(
    ctx: &Ctx<'_>,
    line: &mut Line<'_, '_>,
    health: &ServiceHealth,
    dimension: Dimension,
) {
    let mut tracks: Vec<_> =
        health.signals.iter().filter(|t| t.spec.dimension == dimension).collect();
    tracks.sort_by_key(|t| std::cmp::Reverse(t.state));
    let Some(first) = tracks.first() else {
        line.cell(2, ctx.theme().symbols.none, ctx.theme().of(Role::Faint));
        return;
    };
    spark(ctx, line, 3, first);
    for (track, column) in tracks.iter().zip([2, 4, 5]) {
        let Some(at) = line.place(column) else { continue };
        let value = signals::value(ctx, track);
        let used = width(&value).min(at.width);
        let style = signals::style(ctx, track);
        line.paint.right(at.x, at.y, at.width, &value, style);
        let room = at.width.saturating_sub(used + 1);
        line.paint.put(at.x, at.y, room, &track.spec.name, Role::Muted);
    }
}

fn spark(ctx: &Ctx<'_>, line: &mut Line<'_, '_>, column: usize, track: &Track) {
    if let Some(at) = line.place(column) {
        signals::spark(ctx, track, (at.x, at.y, at.width), HOUR, line.paint);
    }
}
