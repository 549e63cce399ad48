//! Where the data comes from, and whether it still comes.

use chrono::TimeDelta;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::observation::{SourceState, SourceStatus};
use crate::domain::paging::Pager;
use crate::domain::text;
use crate::ui::screens::{Ctx, centred};
use crate::ui::theme::Role;
use crate::ui::widgets::paint::wrap;
use crate::ui::widgets::{Align, Column, Paint, Scroll, fit, table, width as cells_of};

/// One line: pieces at cells from the left.
type Line = Vec<(u16, String, Style)>;

fn area(screen: Rect, lines: usize) -> Rect {
    let height = u16::try_from(lines + 3).unwrap_or(u16::MAX).max(8);
    let height = height.min(screen.height.saturating_sub(2));
    centred(screen, screen.width.saturating_sub(4).clamp(40, 124), height)
}

/// How many lines are in view.
pub fn room(screen: Rect, lines: usize) -> usize {
    usize::from(area(screen, lines).height.saturating_sub(3))
}

/// All but the address fit at 80 cells; that has a line of its own then.
const COLUMNS: [Column; 8] = [
    Column::fill("SOURCE", 15),
    Column::new("STATE", 7, 0),
    Column::new("KIND", 12, 2),
    Column::right("LAST", 7, 0),
    Column::right("TOOK", 7, 3),
    Column::right("EVERY", 6, 4),
    Column::right("ITEMS", 5, 5),
    Column { priority: 9, ..Column::fill("ADDRESS", 28) },
];

/// Where the text of what is wrong with a source stands.
const INDENT: u16 = 13;

/// The cells of a line.
fn cells(screen_width: u16) -> u16 {
    area(Rect::new(0, 0, screen_width, 40), 0).width.saturating_sub(2)
}

/// The columns that find room, with a text for each.
fn row(texts: [(String, Style); 8], width: u16, ellipsis: &str) -> Line {
    let cell = |((column, place), (text, style)): ((&Column, Option<(u16, u16)>), _)| {
        let (x, room) = place?;
        let text: String = text;
        let text = fit(&text, room, ellipsis).into_owned();
        let pad = if column.align == Align::Right { room - cells_of(&text).min(room) } else { 0 };
        Some((x + pad, text, style))
    };
    let places = COLUMNS.iter().zip(table::place(&COLUMNS, width));
    places.zip(texts).filter_map(cell).collect()
}

/// One or more lines per source: how it is, and what is wrong with it.
pub fn lines(ctx: &Ctx<'_>, screen_width: u16) -> Vec<Line> {
    let width = cells(screen_width);
    let mut sources: Vec<&SourceStatus> = ctx.world.sources.iter().collect();
    sources.sort_by_key(|s| s.state == SourceState::Fresh);
    let mut lines: Vec<Line> = sources.into_iter().flat_map(|s| source(ctx, s, width)).collect();
    if ctx.world.plan.pages() {
        let theme = ctx.theme();
        let (text, role) = match &ctx.world.pager {
            Pager::Unknown => return lines,
            Pager::Nobody => {
                ("nobody: an agent or a console that writes would".to_owned(), Role::Warning)
            }
            Pager::Here { .. } => ("this console".to_owned(), Role::Text),
            Pager::Other(name) => (name.clone(), Role::Text),
        };
        if lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(Vec::new());
        }
        let name = (0, "pager".to_owned(), theme.of(Role::Muted));
        lines.push(vec![name, (INDENT, text, theme.of(role))]);
    }
    lines
}

fn source(ctx: &Ctx<'_>, s: &SourceStatus, width: u16) -> Vec<Line> {
    let theme = ctx.theme();
    let (muted, plain) = (theme.of(Role::Muted), theme.of(Role::Text));
    let (glyph, word, style) = theme.source(&s.state);
    let last = s.last_ok.map_or_else(|| theme.symbols.none.to_owned(), |at| ctx.age(at));
    let took = s.latency_ms.map_or_else(|| theme.symbols.none.to_owned(), |ms| format!("{ms} ms"));
    let name = text::clean(&s.name, 60);
    let address = text::clean(&s.address, 200);
    let every = text::duration(TimeDelta::seconds(i64::try_from(s.interval_s).unwrap_or(0)));
    let texts = [
        (format!("{glyph} {name}"), style),
        (word.to_owned(), style),
        (s.kind.clone(), muted),
        (last.clone(), plain),
        (took, plain),
        (every, muted),
        (s.items.to_string(), plain),
        (address.clone(), muted),
    ];
    let first = row(texts, width, theme.symbols.ellipsis);
    let told = first.iter().any(|(_, text, _)| *text == address);
    let mut lines = vec![first];
    let mut more = |prefix: &str, text: &str, style: Style| {
        for (i, line) in wrap(text, width.saturating_sub(INDENT + 1)).into_iter().enumerate() {
            let mut pieces = vec![(INDENT, line, style)];
            if i == 0 {
                pieces.insert(0, (INDENT - 9, prefix.to_owned(), muted));
            }
            lines.push(pieces);
        }
    };
    let repeated =
        matches!(&s.state, SourceState::Failing { error, .. } if error.contains(&address));
    if !told && !repeated && !address.is_empty() {
        more("at", &address, muted);
    }
    if let SourceState::Failing { since, error, next_try } = &s.state {
        more("error", error, theme.of(Role::Critical));
        let left = (*next_try - ctx.now).max(chrono::TimeDelta::zero());
        let text =
            format!("failing since {}, next try in {}", ctx.time(*since), text::duration(left));
        more("", &text, muted);
    }
    // What is known of a source that does not answer is what it said when it last did.
    let answers = matches!(s.state, SourceState::Fresh | SourceState::Late);
    for warning in &s.warnings {
        if answers {
            more("warning", warning, theme.of(Role::Warning));
        } else {
            more("earlier", &format!("{last}: {warning}"), muted);
        }
    }
    if s.insecure {
        more("warning", "its certificate is not checked", theme.of(Role::Warning));
    }
    if let Some((_, matchers, since)) =
        ctx.world.blind.iter().find(|(source, ..)| *source == s.name)
    {
        let text = format!("heartbeat {matchers} is silent since {}", ctx.time(*since));
        more("blind", &text, theme.of(Role::Critical));
    }
    if !s.server.is_empty() {
        more("server", &text::clean(&s.server, 80), muted);
    }
    if lines.len() > 1 + usize::from(!told && !repeated) {
        lines.push(Vec::new());
    }
    lines
}

pub fn view(ctx: &Ctx<'_>, at: Scroll, screen: Rect, paint: &mut Paint<'_>) {
    let lines = lines(ctx, screen.width);
    let area = area(screen, lines.len());
    paint.fill(area, Role::Overlay);
    let inner = paint.panel(area, &[("Sources", paint.of(Role::Title))], true);
    let (x, right) = (inner.x, inner.right().saturating_sub(1));
    let heading = paint.of(Role::Heading);
    let titles = COLUMNS.map(|column| (column.title.to_owned(), heading));
    for (column, title, style) in row(titles, cells(screen.width), paint.theme.symbols.ellipsis) {
        paint.text(x + column, inner.y, right.saturating_sub(x + column), &title, style);
    }
    if lines.is_empty() {
        let text = "no source is configured; atalaya init writes a configuration";
        paint.wrapped(
            Rect::new(x + 2, inner.y + 2, inner.width.saturating_sub(4), 2),
            text,
            paint.of(Role::Muted),
        );
    }
    for (line, y) in lines.iter().skip(at.0).zip(inner.y + 1..inner.bottom()) {
        for (i, (column, text, style)) in line.iter().enumerate() {
            let next = line.get(i + 1).map_or(right, |(next, ..)| (x + next - 1).min(right));
            paint.text(x + column, y, next.saturating_sub(x + column), text, *style);
        }
    }
    let room = usize::from(area.height.saturating_sub(3));
    if lines.len() > room {
        let note = format!("{}-{}/{}", at.0 + 1, (at.0 + room).min(lines.len()), lines.len());
        paint.note(area, &note, paint.of(Role::Muted));
    }
}
