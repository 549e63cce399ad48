//! Where the data comes from, and whether it still comes.

use chrono::TimeDelta;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::observation::{SourceState, SourceStatus};
use crate::domain::text;
use crate::ui::screens::{Ctx, centred};
use crate::ui::theme::Role;
use crate::ui::widgets::paint::wrap;
use crate::ui::widgets::{Paint, Scroll};

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

const STATE: u16 = 20;
const KIND: u16 = 32;
const LAST: u16 = 46;
const TOOK: u16 = 58;
const EVERY: u16 = 68;
const ITEMS: u16 = 76;
const ADDRESS: u16 = 86;

/// Two or more lines per source: how it is, and what is wrong with it.
pub fn lines(ctx: &Ctx<'_>, screen_width: u16) -> Vec<Line> {
    let width = area(Rect::new(0, 0, screen_width, 40), 0).width.saturating_sub(4);
    let mut sources: Vec<&SourceStatus> = ctx.world.sources.iter().collect();
    sources.sort_by_key(|s| s.state == SourceState::Fresh);
    sources.into_iter().flat_map(|s| source(ctx, s, width)).collect()
}

fn source(ctx: &Ctx<'_>, s: &SourceStatus, width: u16) -> Vec<Line> {
    let theme = ctx.theme();
    let (muted, plain) = (theme.of(Role::Muted), theme.of(Role::Text));
    let (glyph, word, style) = theme.source(&s.state);
    let last = s.last_ok.map_or_else(|| theme.symbols.none.to_owned(), |at| ctx.age(at));
    let took = s.latency_ms.map_or_else(|| theme.symbols.none.to_owned(), |ms| format!("{ms} ms"));
    let name = text::clean(&s.name, 17);
    let every = text::duration(TimeDelta::seconds(i64::try_from(s.interval_s).unwrap_or(0)));
    let mut lines = vec![vec![
        (0, format!("{glyph} {name}"), style),
        (STATE, word.to_owned(), style),
        (KIND, s.kind.clone(), muted),
        (LAST, format!("{last:>7}"), plain),
        (TOOK, format!("{took:>8}"), plain),
        (EVERY, format!("{every:>6}"), muted),
        (ITEMS, format!("{:>7}", s.items), plain),
        (ADDRESS, text::clean(&s.address, 60), muted),
    ]];
    let mut more = |prefix: &str, text: &str, style: Style| {
        let indent = 2;
        for (i, line) in wrap(text, width.saturating_sub(indent + 9)).into_iter().enumerate() {
            let mut pieces = vec![(indent + 9, line, style)];
            if i == 0 {
                pieces.insert(0, (indent, prefix.to_owned(), muted));
            }
            lines.push(pieces);
        }
    };
    if let SourceState::Failing { since, error, next_try } = &s.state {
        more("error", error, theme.of(Role::Critical));
        let left = (*next_try - ctx.now).max(chrono::TimeDelta::zero());
        let text =
            format!("failing since {}, next try in {}", ctx.time(*since), text::duration(left));
        more("", &text, muted);
    }
    for warning in &s.warnings {
        more("warning", warning, theme.of(Role::Warning));
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
    if lines.len() > 1 {
        lines.push(Vec::new());
    }
    lines
}

pub fn view(ctx: &Ctx<'_>, at: Scroll, screen: Rect, paint: &mut Paint<'_>) {
    let lines = lines(ctx, screen.width);
    let area = area(screen, lines.len());
    paint.fill(area, Role::Overlay);
    let inner = paint.panel(area, &[("Sources", paint.of(Role::Title))], true);
    let (x, right) = (inner.x + 1, inner.right().saturating_sub(1));
    let titles = [
        (0, "SOURCE"),
        (STATE, "STATE"),
        (KIND, "KIND"),
        (LAST, "   LAST"),
        (TOOK, "    TOOK"),
        (EVERY, " EVERY"),
        (ITEMS, "  ITEMS"),
        (ADDRESS, "ADDRESS"),
    ];
    for (column, title) in titles {
        paint.put(x + column, inner.y, right.saturating_sub(x + column), title, Role::Heading);
    }
    if lines.is_empty() {
        let text = "no source is configured; atalaya init writes a configuration";
        paint.put(x, inner.y + 2, inner.width, text, Role::Muted);
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
