//! The list itself: one line for each incident, two where it is narrow.
//!
//! ```text
//!   PRI   ID        AGE    STATE  SERVICE   WHAT                                       WHO
//! ▌ ✖ P1  INC-2041   5m    ack    checkout  ▸ p99 latency above 1 s  12 alerts  +3 …   Ana Ruiz
//!   ▲ P2  INC-2040  12m    new    db-main   connections at 96 %                        —
//! ```

use std::collections::HashMap;

use chrono::TimeDelta;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::clocks;
use super::facts::{Eye, priority_sign, state_style};
use super::list::{Line, List};
use super::timeline::nth;
use crate::domain::health::ServiceId;
use crate::domain::incident::Incident;
use crate::domain::incident::views::{Column as By, Columns};
use crate::domain::observation::SourceState;
use crate::domain::paging::{Phase, Progress};
use crate::domain::sla::incident::Summary;
use crate::domain::text::duration;
use crate::domain::time::{Instant, TimeStyle, show};
use crate::ui::theme::Role;
use crate::ui::widgets::table::Row;
use crate::ui::widgets::{Column, Paint, Table, width};

/// Below this width an incident has two lines.
pub const WIDE: u16 = 100;

/// How many lines an incident takes at that width.
pub fn lines_each(width: u16) -> u16 {
    if width < WIDE { 2 } else { 1 }
}

/// How many rows of the list fit in an area.
pub fn room(area: Rect) -> usize {
    Table::room(area.height, lines_each(area.width))
}

/// The chosen columns with their widths. Those beyond the usual ones go first where it gets narrow.
fn columns(total: u16, widest_id: u16, style: TimeStyle, chosen: &Columns) -> Vec<Column> {
    let time = |ago: u16| if style == TimeStyle::Relative { ago } else { 13 };
    let narrow = total < WIDE;
    // What goes when a narrow list has no room, and where there is no more than the usual columns.
    let at = |column: By| match column {
        By::Priority => Column::new("PRI", 4, 0),
        By::Id => Column::new("ID", widest_id.max(8), 0),
        By::Age => Column::right("AGE", time(7), if narrow { 3 } else { 0 }),
        By::State => Column::new("STATE", 9, u8::from(narrow)),
        By::Service if narrow => Column::fill("SERVICE", 10),
        By::Service => Column::new("SERVICE", (total / 10).clamp(12, 22), 0),
        By::What if narrow && chosen.has(By::Service) => Column::new("", 0, 9),
        By::What if narrow => Column::fill("", 0),
        By::What => Column::fill("WHAT", 30),
        By::Who if narrow => Column::new("WHO", 16, 2),
        By::Who => Column::new("WHO", (total / 9).clamp(12, 20), 0),
        By::Sla if narrow => Column::new("SLA", 8, 2),
        By::Sla => Column::new("SLA", 15, 1),
        By::Team => Column::new("TEAM", 12, 4),
        By::Source => Column::new("SOURCE", 14, 5),
        By::Category => Column::new("CATEGORY", 12, 5),
        By::Alerts => Column::right("ALERTS", 6, 6),
        By::Opened => Column::right("OPENED", time(7), 6),
        By::Acknowledged => Column::right("ACKED", time(7), 4),
        By::Waits => Column::new("WAITS FOR", 15, 4),
        By::Since => Column::right("SINCE", time(7), 6),
    };
    chosen.iter().map(at).collect()
}

/// The chosen columns, without that of clocks where nothing is promised.
fn filled(chosen: &Columns, eye: &Eye<'_>) -> Columns {
    let mut columns = chosen.clone();
    if columns.has(By::Sla) && eye.world.plan.service_levels.is_empty() {
        columns.toggle(By::Sla);
    }
    columns
}

/// Draws the rows that are in view.
pub fn paint(
    list: &List,
    teams: &HashMap<ServiceId, String>,
    eye: &Eye<'_>,
    chosen: &Columns,
    paint: &mut Paint<'_>,
    area: Rect,
    focused: bool,
) {
    let chosen = &filled(chosen, eye);
    let lines = lines_each(area.width);
    let window = list.window(room(area));
    let shown = list.lines().get(window.clone()).unwrap_or_default();
    let ids = shown.iter().filter_map(|line| match line {
        Line::Incident { row, .. } => list.row(*row).map(|row| width(&row.id.to_string())),
        Line::Header(_) => None,
    });
    let columns = columns(area.width, ids.max().unwrap_or(0), eye.style, chosen);
    let sorted = list.sort().0.first().and_then(|key| {
        chosen.iter().position(|column| column == key.column).map(|n| (n, key.descending))
    });
    let table =
        Table { columns: &columns, sort: sorted, cursor: list.cursor_line(), focused, lines };
    table.paint(paint, area, window, |n, cells| match list.lines().get(n) {
        Some(Line::Header(header)) => {
            let Some(header) = list.header(*header) else { return };
            let style = cells.paint.of(Role::Heading);
            let folded = format!("{} ", cells.paint.theme.symbols.folded);
            let sign = if list.is_closed(header) { folded.as_str() } else { "" };
            cells.across(&format!("{sign}{}  {}", header.name, header.count), style);
        }
        Some(Line::Incident { row, depth }) => {
            let Some(row) = list.row(*row) else { return };
            let seen = Seen {
                marked: list.is_marked(row.id),
                leaving: cells.selected && list.is_sticky(),
                depth: *depth,
                affected: if row.is_cause { list.affected(row.id) } else { 0 },
                unfolded: list.is_unfolded(row.id),
                team: row.team(teams).unwrap_or(""),
                sla: row.sla(),
                narrow: area.width < WIDE,
                columns: chosen,
            };
            draw(&row.incident, &seen, eye, cells);
        }
        None => {}
    });
}

/// How one row stands in the list.
struct Seen<'a> {
    marked: bool,
    /// It no longer belongs to the list and goes when the cursor does.
    leaving: bool,
    depth: u8,
    affected: usize,
    unfolded: bool,
    team: &'a str,
    /// What its clocks come to, where that is known.
    sla: Option<&'a Summary>,
    narrow: bool,
    columns: &'a Columns,
}

fn draw(incident: &Incident, seen: &Seen<'_>, eye: &Eye<'_>, cells: &mut Row<'_, '_>) {
    let theme = eye.theme;
    let symbols = theme.symbols;
    let over = !incident.is_open() || seen.leaving;
    let text = theme.of(if over { Role::Muted } else { Role::Text });
    let muted = theme.of(Role::Muted);
    if seen.marked {
        let area = cells.area;
        cells.paint.over(area, Role::Mark);
        cells.paint.cell(area.x + 1, area.y, symbols.mark, theme.of(Role::Mark));
    }
    let priority = if over { muted } else { theme.priority(incident.priority) };
    // A filled sign would lose its ground to the cursor's, and be dark on dark.
    let filled = cells.selected && priority.bg.is_some();
    let priority = if filled { Style { fg: priority.bg, bg: None, ..priority } } else { priority };
    for (n, column) in seen.columns.iter().enumerate() {
        let (word, style) = match column {
            By::Priority => {
                let sign = priority_sign(theme, incident.priority);
                (format!("{sign} {}", incident.priority), priority)
            }
            By::What => continue,
            _ => word(incident, column, seen, eye, text),
        };
        cells.cell(n, &word, style);
    }
    let place = |cells: &Row<'_, '_>, wanted: By| {
        let n = seen.columns.iter().position(|column| column == wanted);
        n.and_then(|n| cells.place(n))
    };
    let what = if cells.area.height > 1 {
        let area = cells.area;
        let start = place(cells, By::Id).map_or(area.x + 2, |place| place.x);
        let end = area.right().saturating_sub(1);
        Some(Rect::new(start, area.y + 1, end.saturating_sub(start), 1))
    } else {
        place(cells, By::What)
    };
    if let Some(place) = what {
        draw_what(incident, seen, eye, cells.paint, place, text);
    }
}

/// What stands in a column.
fn word(
    incident: &Incident,
    column: By,
    seen: &Seen<'_>,
    eye: &Eye<'_>,
    text: Style,
) -> (String, Style) {
    let theme = eye.theme;
    let muted = theme.of(Role::Muted);
    let none = || (theme.symbols.none.to_owned(), muted);
    let ago = |at: Instant| match eye.style {
        TimeStyle::Relative => duration(eye.now.signed_duration_since(at)),
        style => show(at, eye.now, eye.zone(), style),
    };
    match column {
        By::Priority | By::What => (String::new(), text),
        By::Id => (incident.id.to_string(), text),
        By::Age => (ago(incident.opened_at), text),
        By::State => (incident.state().short().to_owned(), state_style(theme, incident.state())),
        By::Service => match &incident.service {
            Some(service) => (service.to_string(), text),
            None => ("unassigned".to_owned(), theme.of(Role::Warning)),
        },
        By::Who => incident.owner().map_or_else(none, |owner| (owner.to_owned(), text)),
        By::Sla => clocks::word(incident, seen.sla, eye, seen.narrow),
        By::Team => (seen.team.to_owned(), muted),
        By::Source => (incident.source.to_string(), muted),
        By::Category if incident.category.is_empty() => none(),
        By::Category => (incident.category.clone(), muted),
        By::Alerts => (incident.alerts.len().to_string(), muted),
        By::Opened => (ago(incident.opened_at), muted),
        By::Acknowledged => incident.acked_at().map_or_else(none, |at| (ago(at), text)),
        By::Waits => {
            let hold = incident.standing.hold();
            hold.map_or_else(none, |hold| (hold.reason.says().to_owned(), text))
        }
        By::Since => (ago(incident.started_at), muted),
    }
}

/// The title, cut so that its tags stay in view.
fn draw_what(
    incident: &Incident,
    seen: &Seen<'_>,
    eye: &Eye<'_>,
    paint: &mut Paint<'_>,
    place: Rect,
    text: Style,
) {
    let theme = eye.theme;
    let symbols = theme.symbols;
    let mut lead = "  ".repeat(usize::from(seen.depth.saturating_sub(1)));
    if seen.depth > 0 {
        lead.push_str(symbols.hook);
        lead.push(' ');
    }
    if seen.affected > 0 {
        lead.push_str(if seen.unfolded { symbols.unfolded } else { symbols.folded });
        lead.push(' ');
    }
    let tags = tags(incident, seen, eye);
    let tags_width: u16 = tags.iter().map(|(tag, _)| width(tag) + 2).sum();
    let tags_width = tags_width.min(place.width / 2);
    let mut x = place.x + paint.text(place.x, place.y, place.width, &lead, theme.of(Role::Muted));
    let room = place.right().saturating_sub(x).saturating_sub(tags_width);
    x += paint.text(x, place.y, room, &incident.title, text);
    for (tag, style) in tags {
        let room = place.right().saturating_sub(x + 2);
        if room < 3 {
            break;
        }
        x += 2 + paint.text(x + 2, place.y, room, &tag, style);
    }
}

/// What else there is to know at a glance, the most important first.
fn tags(incident: &Incident, seen: &Seen<'_>, eye: &Eye<'_>) -> Vec<(String, Style)> {
    let theme = eye.theme;
    let symbols = theme.symbols;
    let muted = theme.of(Role::Muted);
    let mut tags = Vec::new();
    if let Some(since) = incident.unverified_since {
        let ago = duration(eye.now.signed_duration_since(since));
        tags.push((format!("{} unverified {ago}", symbols.unknown), theme.of(Role::Unknown)));
    } else if incident.is_open() && is_blind(incident, eye) {
        tags.push((format!("{} source away", symbols.unknown), theme.of(Role::Unknown)));
    }
    if seen.affected > 0 {
        tags.push((format!("+{} affected", seen.affected), theme.of(Role::Accent)));
    }
    if let (0, Some(cause)) = (seen.depth, incident.parent) {
        tags.push((format!("{} {cause}", symbols.hook), muted));
    }
    if incident.maintenance.is_some() {
        let text = format!("{} maintenance", symbols.maintenance);
        tags.push((text, theme.of(Role::Maintenance)));
    }
    let exhausted = |e: &Progress| e.phase == Phase::Exhausted;
    if incident.escalation.as_ref().is_some_and(exhausted) && incident.is_open() {
        tags.push(("nobody came".to_owned(), theme.of(Role::Critical)));
    }
    if incident.is_snoozed() {
        tags.push(("snoozed".to_owned(), theme.of(Role::Maintenance)));
    }
    if incident.flapping_since.is_some() {
        tags.push(("flapping".to_owned(), theme.of(Role::Warning)));
    }
    if incident.is_silenced() {
        tags.push(("silenced".to_owned(), muted));
    }
    if let Some(since) = incident.clear_since.filter(|_| incident.is_open()) {
        let policy = &eye.world.plan.policy;
        let flapping = incident.flapping_since.is_some();
        let wait = if flapping { policy.flap_peace } else { policy.resolve_after };
        let left = duration((since + wait - eye.now).max(TimeDelta::zero()));
        let text = format!("{} clear, resolves in {left}", symbols.check);
        tags.push((text, theme.of(Role::Ok)));
    }
    if incident.alerts.len() > 1 {
        tags.push((format!("{} alerts", incident.alerts.len()), muted));
    }
    if incident.recurrence > 1 {
        tags.push((nth(incident.recurrence), muted));
    }
    tags
}

/// Whether the source that would tell of a change cannot be asked.
fn is_blind(incident: &Incident, eye: &Eye<'_>) -> bool {
    let source = eye.world.sources.iter().find(|source| source.name == incident.source);
    source.is_some_and(|source| matches!(source.state, SourceState::Failing { .. }))
}
