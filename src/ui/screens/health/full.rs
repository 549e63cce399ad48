//! One service, full-screen: every signal as a chart, and beside them what belongs to it.
//!
//! ```text
//! ╭ checkout ✖ critical 5m ─────────────────────────╮╭ About ─────────────╮
//! │ p99 latency 2.13 s        │ errors 4.2 %         ││ incidents, causes,  │
//! │ chart                     │ chart                ││ dependencies, links,│
//! │ traffic 812 /s            │ availability 99.9 %  ││ sources             │
//! ╰─────────────────────────────────────────────────╯╰─────────────────────╯
//! ```
//! Where it is narrow, `Tab` goes from the charts to the rest and back.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Charts, detail, signals};
use crate::domain::health::ServiceId;
use crate::domain::health::rollup::ServiceHealth;
use crate::domain::incident::IncidentId;
use crate::domain::text;
use crate::ui::cmd::Cmd;
use crate::ui::keymap::Action;
use crate::ui::screens::{Ctx, Place, Step};
use crate::ui::theme::Role;
use crate::ui::widgets::paint::wrap;
use crate::ui::widgets::{Paint, Scroll, width};

/// Narrower than this, charts and the rest are two panes.
const BESIDE: u16 = 100;
/// The least width and the height of one chart.
const CHART: (u16, u16) = (38, 9);

/// The full screen of one service.
#[derive(Debug, Clone)]
pub struct Full {
    pub service: ServiceId,
    /// Which of the things that can be opened.
    cursor: usize,
    /// The first line of charts in view.
    charts: Scroll,
    /// The keys move in the facts, not in the charts.
    facts: bool,
}

/// Something in the facts that can be opened.
#[derive(Debug, Clone, PartialEq)]
enum Target {
    Incident(IncidentId),
    Service(ServiceId),
    Link(String),
    /// A runbook that is not an address.
    Name(String),
}

/// A line of the facts.
struct Line {
    spans: Vec<(String, Style)>,
    target: Option<Target>,
}

impl Full {
    pub fn new(service: &ServiceId) -> Self {
        Self { service: service.clone(), cursor: 0, charts: Scroll::default(), facts: true }
    }

    /// Whether the charts can be seen, and not the facts alone.
    pub fn shows_charts(&self, ctx: &Ctx<'_>) -> bool {
        split(Rect::new(0, 0, ctx.body.width, ctx.body.height), self.facts).0.is_some()
    }

    /// What `y` copies, if something in the facts is under the cursor.
    pub fn copied(&self, ctx: &Ctx<'_>) -> Option<String> {
        match self.target(ctx)? {
            Target::Link(url) => Some(url),
            Target::Name(name) => Some(name),
            Target::Incident(id) => Some(id.to_string()),
            Target::Service(_) => None,
        }
    }

    fn targets(&self, ctx: &Ctx<'_>) -> Vec<Target> {
        let health = ctx.world.health.get(&self.service);
        let lines = health.map(|h| facts(ctx, h, 60)).unwrap_or_default();
        lines.into_iter().filter_map(|l| l.target).collect()
    }

    fn target(&self, ctx: &Ctx<'_>) -> Option<Target> {
        self.targets(ctx).into_iter().nth(self.cursor)
    }

    pub fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        let signals = ctx.world.health.get(&self.service).map_or(0, |h| h.signals.len());
        let (charts, _) = split(Rect::new(0, 0, ctx.body.width, ctx.body.height), self.facts);
        let (across, rows, room) = charts.map_or((1, 0, 1), |a| grid(a, signals));
        let lines = rows.div_ceil(across);
        match action {
            Action::NextPane | Action::PreviousPane => self.facts = !self.facts,
            Action::PageDown | Action::PageUp | Action::HalfDown | Action::HalfUp => {
                self.charts.act(action, lines, room);
            }
            // The keys move what has the focus, and nothing that is not seen.
            action if !self.facts => {
                self.charts.act(action, lines, room);
            }
            Action::Down => {
                let last = self.targets(ctx).len().saturating_sub(1);
                self.cursor = (self.cursor + 1).min(last);
            }
            Action::Up => self.cursor = self.cursor.saturating_sub(1),
            Action::Top => self.cursor = 0,
            Action::Bottom => self.cursor = self.targets(ctx).len().saturating_sub(1),
            Action::Open => {
                return match self.target(ctx) {
                    Some(Target::Incident(id)) => vec![Step::Go(Place::Incident(id))],
                    Some(Target::Service(id)) => vec![Step::Go(Place::Service(id))],
                    Some(Target::Link(url)) => vec![Step::Do(Cmd::OpenLink(url))],
                    Some(Target::Name(name)) => vec![Step::Do(Cmd::Copy(name))],
                    None => Vec::new(),
                };
            }
            _ => {}
        }
        Vec::new()
    }

    pub fn view(
        &self,
        ctx: &Ctx<'_>,
        health: &ServiceHealth,
        charts: &Charts,
        area: Rect,
        paint: &mut Paint<'_>,
    ) {
        let (left, right) = split(area, self.facts);
        if let Some(area) = left {
            self.view_charts(ctx, health, charts, area, paint);
        }
        if let Some(area) = right {
            let named = left.is_none();
            self.view_facts(ctx, health, named, area, paint);
        }
    }

    fn view_charts(
        &self,
        ctx: &Ctx<'_>,
        health: &ServiceHealth,
        charts: &Charts,
        area: Rect,
        paint: &mut Paint<'_>,
    ) {
        let title = detail::title(ctx, health);
        let title: Vec<(&str, Style)> = title.iter().map(|(t, s)| (t.as_str(), *s)).collect();
        let inner = paint.panel(area, &title, !self.facts);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let (across, count, room) = grid(area, health.signals.len());
        if count == 0 {
            paint.put(inner.x, inner.y, inner.width, "no signal is configured for it", Role::Muted);
            return;
        }
        let shown = count.div_ceil(across).min(room).max(1);
        let columns = u16::try_from(across).unwrap_or(1);
        let w = (inner.width + 4) / columns;
        let h = (inner.height + 1) / u16::try_from(shown).unwrap_or(1);
        let first = self.charts.0 * across;
        let tracks = health.signals.iter().skip(first).take(shown * across);
        for (n, track) in tracks.enumerate() {
            let (column, row) = (n % across, n / across);
            let x = inner.x + w * u16::try_from(column).unwrap_or(0);
            let y = inner.y + h * u16::try_from(row).unwrap_or(0);
            let cell = Rect::new(x, y, w.saturating_sub(4), h.saturating_sub(1).min(24));
            detail::chart(ctx, track, charts, cell.intersection(inner), paint);
        }
        let left = count.saturating_sub(shown * across);
        if left > 0 {
            let last = (first + shown * across).min(count);
            let note =
                format!("signals {}-{last}/{count} {} PgDn", first + 1, paint.theme.symbols.dot);
            paint.note(area, &note, paint.of(Role::Muted));
        }
    }

    fn view_facts(
        &self,
        ctx: &Ctx<'_>,
        health: &ServiceHealth,
        named: bool,
        area: Rect,
        paint: &mut Paint<'_>,
    ) {
        let title = if named {
            detail::title(ctx, health)
        } else {
            vec![("About".to_owned(), paint.of(Role::Title))]
        };
        let title: Vec<(&str, Style)> = title.iter().map(|(t, s)| (t.as_str(), *s)).collect();
        let inner = paint.panel(area, &title, self.facts);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let lines = facts(ctx, health, inner.width);
        let height = usize::from(inner.height);
        let targets = lines.iter().enumerate().filter(|(_, l)| l.target.is_some());
        let chosen = targets.filter(|_| self.facts).nth(self.cursor);
        let chosen = chosen.map(|(i, _)| i);
        let first = chosen.map_or(0, |i| (i + 2).saturating_sub(height));
        for ((index, line), y) in lines.iter().enumerate().skip(first).zip(inner.y..inner.bottom())
        {
            let spans: Vec<(&str, Style)> =
                line.spans.iter().map(|(t, s)| (t.as_str(), *s)).collect();
            paint.spans(inner.x, y, inner.width, &spans);
            let whole = Rect::new(inner.x - 1, y, inner.width + 2, 1);
            if let Some(Target::Link(url)) = &line.target {
                let cells = spans.iter().map(|(t, _)| width(t)).sum::<u16>().min(inner.width);
                paint.links.push((Rect::new(inner.x, y, cells, 1), url.clone()));
            }
            if Some(index) == chosen {
                paint.select(whole, Role::Selection);
                let bar = paint.of(Role::Selection).patch(paint.of(Role::Bar));
                paint.cell(whole.x, y, paint.theme.symbols.bar, bar);
            }
        }
        if lines.len() > height {
            let note =
                format!("{}-{}/{}", first + 1, (first + height).min(lines.len()), lines.len());
            paint.note(area, &note, paint.of(Role::Muted));
        } else if named {
            paint.note(area, "Tab charts", paint.of(Role::Muted));
        }
    }
}

/// Whether charts and facts take turns, for want of room.
pub fn take_turns(ctx: &Ctx<'_>) -> bool {
    ctx.body.width < BESIDE
}

/// Where the charts and the facts stand.
fn split(area: Rect, facts: bool) -> (Option<Rect>, Option<Rect>) {
    if area.width >= BESIDE {
        let right = (area.width / 3).clamp(38, 70);
        let left = Rect { width: area.width - right, ..area };
        let right = Rect { x: area.x + left.width, width: right, ..area };
        return (Some(left), Some(right));
    }
    if facts { (None, Some(area)) } else { (Some(area), None) }
}

/// How many charts beside each other, how many in all, and how many lines of them fit.
fn grid(area: Rect, signals: usize) -> (usize, usize, usize) {
    let inner = area.width.saturating_sub(4);
    let across = usize::from((inner / CHART.0).max(1)).min(signals.max(1)).min(3);
    // Two by two looks better than three and one.
    let across = if signals == 4 { across.min(2) } else { across };
    let room = usize::from(area.height.saturating_sub(2) / CHART.1).max(1);
    (across, signals, room)
}

/// Everything that belongs to the service, by headings.
fn facts(ctx: &Ctx<'_>, health: &ServiceHealth, room: u16) -> Vec<Line> {
    let theme = ctx.theme();
    let (muted, plain, heading) =
        (theme.of(Role::Muted), theme.of(Role::Text), theme.of(Role::Heading));
    let mut out: Vec<Line> = Vec::new();
    let text = |spans: Vec<(String, Style)>| Line { spans, target: None };
    let title = |out: &mut Vec<Line>, name: &str| {
        if !out.is_empty() {
            out.push(Line { spans: Vec::new(), target: None });
        }
        out.push(Line { spans: vec![(name.to_owned(), heading)], target: None });
    };
    if !health.reason.is_empty() {
        title(&mut out, "Why");
        for line in wrap(&text::clean(&health.reason, 400), room) {
            out.push(text(vec![(line, theme.state(health.state))]));
        }
    }
    let service_line = |id: &ServiceId, note: &str| {
        let known = ctx.world.health.get(id);
        let (glyph, style, word, age) = known.map_or(
            (theme.symbols.unknown, theme.of(Role::Unknown), "not watched", String::new()),
            |s| (theme.glyph(s.state), theme.state(s.state), s.state.word(), ctx.time(s.since)),
        );
        let name = known.map_or(id.as_str(), |s| s.service.name.as_str()).to_owned();
        let spans = vec![
            (format!("{glyph} "), style),
            (format!("{name}  "), plain),
            (format!("{word} {age}"), muted),
            (note.to_owned(), theme.of(Role::Accent)),
        ];
        Line { spans, target: known.map(|_| Target::Service(id.clone())) }
    };
    if let Some(cause) = &health.impacted_by {
        title(&mut out, "Likely cause");
        out.push(service_line(cause, ""));
    }
    let id = &health.service.id;
    let others = || ctx.world.health.services.iter().filter(|s| s.service.id != *id);
    if health.likely_cause {
        title(&mut out, "Likely cause of");
        for s in others().filter(|s| s.impacted_by.as_ref() == Some(id)) {
            out.push(service_line(&s.service.id, ""));
        }
    }
    title(&mut out, "Open incidents");
    for id in &health.incidents {
        let Some(incident) = ctx.world.incidents.get(*id) else { continue };
        let who = incident.standing.assignee.as_deref().unwrap_or(theme.symbols.none);
        let state = incident.state().short();
        let spans = vec![
            (format!(" {} ", incident.priority), theme.priority(incident.priority)),
            (format!(" {id} "), theme.of(Role::Strong)),
            (format!("{state} {who} {}", ctx.time(incident.opened_at)), muted),
        ];
        out.push(Line { spans, target: Some(Target::Incident(*id)) });
        for line in wrap(&text::clean(&incident.title, 200), room.saturating_sub(5)) {
            out.push(text(vec![(format!("     {line}"), plain)]));
        }
    }
    if health.incidents.is_empty() {
        out.push(text(vec![("none".to_owned(), muted)]));
    }
    let service = &health.service;
    if !service.depends_on.is_empty() {
        title(&mut out, "Depends on");
        out.extend(service.depends_on.iter().map(|d| service_line(d, "")));
    }
    let mut needed = others().filter(|s| s.service.depends_on.contains(id)).peekable();
    if needed.peek().is_some() {
        title(&mut out, "Needed by");
        out.extend(needed.map(|s| service_line(&s.service.id, "")));
    }
    let mut parts = others().filter(|s| s.service.parent.as_ref() == Some(id)).peekable();
    if parts.peek().is_some() {
        title(&mut out, "Consists of");
        out.extend(parts.map(|s| service_line(&s.service.id, "")));
    }
    if !service.runbooks.is_empty() || !service.links.is_empty() {
        title(&mut out, "Runbooks and links");
        let runbooks = service.runbooks.iter().map(|r| ("runbook", r));
        let links = service.links.iter().map(|(name, url)| (name.as_str(), url));
        for (name, url) in runbooks.chain(links) {
            let is_web = url.starts_with("http://") || url.starts_with("https://");
            let spans = vec![
                (format!("{name:10} "), muted),
                (text::clean(url, 300), theme.of(if is_web { Role::Link } else { Role::Text })),
            ];
            let target = if is_web { Target::Link(url.clone()) } else { Target::Name(url.clone()) };
            out.push(Line { spans, target: Some(target) });
        }
    }
    title(&mut out, "Where it belongs");
    let team = service.team.as_deref().unwrap_or("no team");
    out.push(text(vec![(format!("tier {} {} {team}", service.tier, theme.symbols.dot), plain)]));
    title(&mut out, "Sources");
    let mut names: Vec<&str> = health.signals.iter().map(|t| &*t.spec.source).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let status = ctx.world.sources.iter().find(|s| &*s.name == name);
        let seen = health.signals.iter().filter(|t| &*t.spec.source == name);
        let seen = seen.filter_map(|t| t.observed_at).max();
        let seen = seen.map_or("never".to_owned(), |at| format!("{} ago", ctx.age(at)));
        let (glyph, word, style) = status
            .map_or((theme.symbols.unknown, "unknown", theme.of(Role::Unknown)), |s| {
                theme.source(&s.state)
            });
        out.push(text(vec![
            (format!("{glyph} "), style),
            (format!("{name}  "), plain),
            (format!("{word}, last value {seen}"), muted),
        ]));
    }
    let old = health.signals.iter().filter_map(|t| Some((t, signals::stale(ctx, t)?)));
    for (track, age) in old {
        let line = format!("{}: {} old", track.spec.name, text::duration(age));
        out.push(text(vec![(line, theme.of(Role::Unknown))]));
    }
    out
}
