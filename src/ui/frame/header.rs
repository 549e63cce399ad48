//! The first lines: is anything burning, can what is shown be trusted, what time is it.
//!
//! Shortens by rank as the screen narrows; P1 and blindness never go.

use chrono::TimeDelta;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::incident::Priority;
use crate::domain::observation::{SourceState, SourceStatus};
use crate::domain::paging::Pager;
use crate::domain::text;
use crate::domain::time::zone;
use crate::engine::StoreState;
use crate::ui::app::{Model, Tab};
use crate::ui::screens::{Ctx, Screen};
use crate::ui::theme::Role;
use crate::ui::widgets::{Paint, width};

/// One thing in the header: pieces that stay together.
struct Piece {
    spans: Vec<(String, Style)>,
    /// 0 never goes; the highest goes first.
    rank: u8,
    /// Its last span is a detail, which goes before anything else of a rank below [`DETAIL`].
    detail: bool,
    right: bool,
    shown: bool,
}

/// Cells between two things.
const GAP: u16 = 3;
/// What is near enough for the header.
const DAY: TimeDelta = TimeDelta::days(1);
/// The rank of details.
const DETAIL: u8 = 6;

impl Piece {
    fn width(&self) -> u16 {
        self.spans.iter().map(|(t, _)| width(t)).sum()
    }
}

pub fn view(model: &Model, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
    paint.fill(area, Role::Header);
    let mut pieces = pieces(model, ctx);
    let room = area.width.saturating_sub(2);
    let need = |pieces: &[Piece]| {
        let shown = pieces.iter().filter(|p| p.shown);
        shown.fold(0, |sum, p| sum + p.width() + GAP).saturating_sub(GAP)
    };
    let mut gone = Vec::new();
    while need(&pieces) > room {
        let rank = |p: &Piece| if p.detail { p.rank.max(DETAIL) } else { p.rank };
        let shown = pieces.iter().enumerate().filter(|(_, p)| p.shown && rank(p) > 0);
        let last = shown.max_by_key(|(i, p)| (rank(p), *i)).map(|(i, _)| i);
        let Some((index, piece)) = last.and_then(|i| Some((i, pieces.get_mut(i)?))) else { break };
        if piece.detail && piece.rank < DETAIL {
            piece.spans.pop();
            piece.detail = false;
        } else {
            piece.shown = false;
            gone.push(index);
        }
    }
    // What is narrow may find room where something wide went after it.
    for index in gone.into_iter().rev() {
        let show = |pieces: &mut [Piece], shown| {
            if let Some(piece) = pieces.get_mut(index) {
                piece.shown = shown;
            }
        };
        show(&mut pieces, true);
        if need(&pieces) > room {
            show(&mut pieces, false);
        }
    }
    pieces.retain(|p| p.shown);
    let (mut left, mut right) = (area.x + 1, area.right().saturating_sub(1));
    for piece in pieces.iter().filter(|p| !p.right) {
        for (text, style) in &piece.spans {
            left += paint.text(left, area.y, right.saturating_sub(left), text, *style);
        }
        left += GAP;
    }
    for piece in pieces.iter().rev().filter(|p| p.right) {
        right = right.saturating_sub(piece.width());
        let mut x = right;
        for (text, style) in &piece.spans {
            x += paint.text(x, area.y, area.right() - x, text, *style);
        }
        right = right.saturating_sub(GAP);
    }
}

fn pieces(model: &Model, ctx: &Ctx<'_>) -> Vec<Piece> {
    let theme = ctx.theme();
    let of = |role| theme.of(role);
    let base = of(Role::Header);
    let site = &ctx.world.site;
    let piece = |rank, right, spans: Vec<(String, Style)>| Piece {
        spans,
        rank,
        right,
        detail: false,
        shown: true,
    };
    let mut out = vec![piece(
        7,
        false,
        vec![(format!("{} atalaya", theme.symbols.brand), base.patch(of(Role::Brand)))],
    )];
    if !site.name.is_empty() {
        // On which console one is, is asked at the worst hour.
        out.push(piece(
            4,
            false,
            vec![(text::clean(&site.name, 40), base.patch(of(Role::Strong)))],
        ));
    }
    for n in 1..=5_u8 {
        let count = ctx.world.incidents.open_by_priority.get(usize::from(n - 1)).copied();
        let count = count.unwrap_or(0);
        if n > 3 && count == 0 {
            continue;
        }
        let priority = Priority(n);
        let unread = ctx.world.incidents.unread.is_some_and(|from| from <= priority);
        let more = if unread { "+" } else { "" };
        let style = if count == 0 {
            base.patch(of(Role::Muted))
        } else {
            base.patch(theme.priority(priority))
        };
        let badge = if count == 0 {
            format!("{priority} 0{more}")
        } else {
            format!(" {priority} {count}{more} ")
        };
        let rank = match n {
            1 => 0,
            2 => 2,
            3 => 5,
            _ => 8,
        };
        out.push(piece(rank, false, vec![(badge, style)]));
    }
    let blind = &ctx.world.blind;
    if let Some((source, _, since)) = blind.iter().min_by_key(|(_, _, since)| *since) {
        let more = if blind.len() > 1 { format!(" +{}", blind.len() - 1) } else { String::new() };
        let text = format!(" BLIND {source} {}{more} ", ctx.age(*since));
        out.push(piece(0, false, vec![(text, of(Role::Banner))]));
    }
    if ctx.world.plan.pages() && ctx.world.pager == Pager::Nobody {
        out.push(piece(1, false, vec![("no pager".to_owned(), base.patch(of(Role::Warning)))]));
    }
    out.extend(on_call(model, ctx, base));
    if site.read_only {
        out.push(piece(2, true, vec![(" READ-ONLY ".to_owned(), of(Role::ReadOnly))]));
    }
    if site.demo {
        out.push(piece(1, true, vec![(" DEMO ".to_owned(), of(Role::Demo))]));
    }
    let warning = base.patch(of(Role::Warning));
    if let Some(brief) = &model.broken {
        let brief = text::clean(brief, 40);
        let (word, place) = brief.split_at(brief.find(':').unwrap_or(brief.len()));
        let spans = vec![(format!("config {word}"), warning), (place.to_owned(), warning)];
        out.push(Piece { detail: true, ..piece(1, true, spans) });
    }
    let mut unchecked = ctx.world.sources.iter().filter(|s| s.insecure);
    if let Some(first) = unchecked.next() {
        let more = match unchecked.count() {
            0 => String::new(),
            n => format!(" +{n}"),
        };
        let which = format!(": {}{more}", text::clean(&first.name, 16));
        let spans = vec![("TLS unchecked".to_owned(), warning), (which, warning)];
        out.push(Piece { detail: true, ..piece(1, true, spans) });
    }
    if matches!(ctx.world.store, StoreState::Memory) && !site.demo {
        out.push(piece(4, true, vec![("in memory only".to_owned(), warning)]));
    }
    if let Some(spans) = sources(ctx, base) {
        let fresh = ctx.world.sources.iter().all(|s| s.state == SourceState::Fresh);
        out.push(piece(if fresh { 3 } else { 1 }, true, spans));
    }
    out.push(clock(model, ctx, base));
    out
}

/// `on call Ana Ruiz → Luis Peña 18:00`: the first level of the first policy; and the next gap of any
/// schedule, if it is near.
fn on_call(model: &Model, ctx: &Ctx<'_>, base: Style) -> Vec<Piece> {
    let theme = ctx.theme();
    let board = &model.oncall.board;
    let roster = &ctx.world.plan.roster;
    let mut out = Vec::new();
    let first = board.rows.iter().find_map(|row| row.schedule());
    let standing = first.and_then(|id| Some((roster.schedule(id)?, board.standings.get(id)?)));
    if let Some((schedule, standing)) = standing {
        let muted = base.patch(theme.of(Role::Muted));
        let name = |id: &str| text::clean(roster.name(id), 24);
        let mut spans = vec![("on call ".to_owned(), muted)];
        match &standing.on {
            Some(on) => spans.push((name(&on.person), base.patch(theme.of(Role::Strong)))),
            None => spans.push(("nobody".to_owned(), base.patch(theme.of(Role::Warning)))),
        }
        let near = standing.next.as_ref().filter(|next| next.at.from - ctx.now < DAY);
        let detail = near.is_some();
        if let Some(next) = near {
            let time = |at| zone::local(at, schedule.zone).format("%H:%M").to_string();
            let arrow = theme.symbols.arrow_right;
            // Between the two there may be nobody, on purpose.
            let hole = standing.on.as_ref().filter(|on| on.at.to < next.at.from);
            let hole = hole.map(|on| format!(" {arrow} nobody {}", time(on.at.to)));
            let then = format!(" {arrow} {} {}", name(&next.person), time(next.at.from));
            spans.push((format!("{}{then}", hole.unwrap_or_default()), muted));
        }
        out.push(Piece { spans, rank: 3, detail, right: false, shown: true });
    }
    let gaps = board.standings.iter().filter_map(|(id, s)| Some((id, s.gap.as_ref()?)));
    let soon = gaps.filter(|(_, gap)| gap.at.from - ctx.now < DAY);
    if let Some((id, gap)) = soon.min_by_key(|(_, gap)| gap.at) {
        let zone = roster.schedule(id).map_or(ctx.world.site.zone, |s| s.zone);
        let when = if gap.at.contains(ctx.now) {
            "now".to_owned()
        } else {
            zone::local(gap.at.from, zone).format("%a %H:%M").to_string()
        };
        let text = format!("gap {} {when}", text::clean(id, 16));
        let spans = vec![(text, base.patch(theme.of(Role::Warning)))];
        out.push(Piece { spans, rank: 4, detail: false, right: false, shown: true });
    }
    out
}

/// `sources 5/6 ◌ dc2 42s`: how many are fresh, and the worst with the time since its last answer.
fn sources(ctx: &Ctx<'_>, base: Style) -> Option<Vec<(String, Style)>> {
    let all = &ctx.world.sources;
    if all.is_empty() {
        return None;
    }
    let theme = ctx.theme();
    let fresh = all.iter().filter(|s| s.state == SourceState::Fresh).count();
    let count = format!("{fresh}/{}", all.len());
    let mut spans = vec![("sources ".to_owned(), base.patch(theme.of(Role::Muted)))];
    let worst = all.iter().filter(|s| s.state != SourceState::Fresh).max_by_key(|s| concern(s));
    let Some(worst) = worst else {
        spans.push((count, base.patch(theme.of(Role::Ok))));
        return Some(spans);
    };
    let (glyph, _, style) = theme.source(&worst.state);
    let age = worst.last_ok.map_or_else(|| "never".to_owned(), |at| ctx.age(at));
    spans.push((format!("{count} "), base.patch(style)));
    spans.push((format!("{glyph} {} {age}", text::clean(&worst.name, 16)), base.patch(style)));
    Some(spans)
}

fn concern(status: &SourceStatus) -> (u8, i64) {
    let level = match status.state {
        SourceState::Fresh => 0,
        SourceState::Late => 1,
        SourceState::Never => 2,
        SourceState::Failing { .. } => 3,
    };
    (level, status.last_ok.map_or(i64::MAX, |at| -at.timestamp()))
}

/// The time of the site.
fn clock(model: &Model, ctx: &Ctx<'_>, base: Style) -> Piece {
    let local = model.now.with_timezone(&ctx.world.site.zone);
    let time = if ctx.prefs.settings.reduce_motion { "%H:%M" } else { "%H:%M:%S" };
    let time = local.format(time).to_string();
    let zone = format!(" {}", local.format("%Z"));
    let spans = vec![
        (time, base.patch(ctx.theme().of(Role::Strong))),
        (zone, base.patch(ctx.theme().of(Role::Muted))),
    ];
    Piece { spans, rank: 1, right: true, detail: false, shown: true }
}

/// The tabs with their counts.
pub fn tabs(model: &Model, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
    let mut x = area.x + 1;
    for (tab, name, screen) in all_tabs(model, ctx, area) {
        let active = tab == model.tab;
        let style = paint.of(if active { Role::TabActive } else { Role::Tab });
        let room = |x: u16| area.right().saturating_sub(x);
        x += paint.text(x, area.y, room(x), &format!(" {name} "), style);
        for (text, role) in screen.badge(ctx) {
            x += paint.text(x, area.y, room(x), &format!(" {text}"), paint.of(role));
        }
        x += 2;
    }
}

/// Those of the line, and the one that is shown although it is not among them. Where the line is too narrow
/// for all names, the last ones are their keys alone; the one that is open keeps its name.
fn all_tabs<'a>(
    model: &'a Model,
    ctx: &Ctx<'_>,
    area: Rect,
) -> Vec<(Tab, &'static str, &'a dyn Screen)> {
    let line = model.prefs.settings.tabs.iter().copied();
    let hidden = Some(model.tab).filter(|tab| !model.prefs.settings.tabs.contains(tab));
    let mut all: Vec<_> =
        line.chain(hidden).map(|tab| (tab, tab.label(), model.screen_of(tab))).collect();
    let counts = |screen: &dyn Screen| -> u16 {
        screen.badge(ctx).iter().map(|(text, _)| width(text) + 1).sum()
    };
    let widths = all.iter().map(|(_, name, screen)| width(name) + 4 + counts(*screen));
    // After the last one there is no gap, before the first a cell.
    let mut over = widths.sum::<u16>().saturating_sub(1).saturating_sub(area.width);
    for (tab, name, _) in all.iter_mut().rev().filter(|(tab, ..)| *tab != model.tab) {
        let key = tab.label().split(' ').next().unwrap_or(name);
        if over > 0 {
            over = over.saturating_sub(width(name) - width(key));
            *name = key;
        }
    }
    all
}

/// The tab whose label and counts cover a cell.
pub fn tab_at(model: &Model, area: Rect, x: u16, y: u16) -> Option<Tab> {
    let ctx = model.ctx();
    let mut left = area.x + 1;
    for (tab, name, screen) in all_tabs(model, &ctx, area) {
        let counts: u16 = screen.badge(&ctx).iter().map(|(text, _)| width(text) + 1).sum();
        let right = left + width(name) + 2 + counts;
        if y == area.y && (left..right).contains(&x) {
            return Some(tab);
        }
        left = right + 2;
    }
    None
}

/// A store that is in trouble says so until it is not.
pub fn banner(ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
    if area.is_empty() {
        return;
    }
    let (role, text) = match &ctx.world.store {
        StoreState::Failing { since, why } => {
            let since = ctx.age(*since);
            let said =
                |why: &str| format!(" STORE FAILING {since}: {why}; nothing can be acknowledged");
            // Where there is no room for all of it, the reason counts, not which store it is.
            let whole = said(why);
            let short = why.split_once(": ").map(|(_, reason)| said(reason));
            let narrow = width(&whole) + 1 > area.width;
            (Role::Banner, short.filter(|_| narrow).unwrap_or(whole))
        }
        StoreState::ReadOnly { why } if !ctx.world.site.read_only => {
            (Role::ReadOnly, format!(" STORE READ-ONLY: {why}"))
        }
        StoreState::Ready | StoreState::Memory | StoreState::ReadOnly { .. } => {
            (Role::Banner, format!(" STORE: {}", ctx.world.notices.join("; ")))
        }
    };
    paint.fill(area, role);
    let text = text::clean(&text, 400);
    paint.put(area.x, area.y, area.width, &format!(" {text}"), role);
}
