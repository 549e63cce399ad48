//! One incident, full-screen.
//!
//! ```text
//! ╭ INC-2041  checkout: p99 latency above 1 s ──────────── ‹Overview›  Alerts 12  Related 4  JSON ─╮
//! │ facts                                   │ timeline, newest at the end                          │
//! ╰─────────────────────────────────────────┴──────────────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::actions;
use super::facts::{self, Eye, Fact, state_style};
use super::similar;
use super::timeline::{Entry, Tone};
use super::trends;
use crate::domain::incident::similar::ending;
use crate::domain::incident::{AlertFact, Incident, IncidentId};
use crate::domain::observation::AlertStatus;
use crate::domain::text::{duration, is_web};
use crate::ui::theme::{Role, Theme};
use crate::ui::widgets::paint::wrap;
use crate::ui::widgets::{Paint, Piece, Scroll, fit, width};

/// From this width on facts and timeline stand side by side.
const SIDE_BY_SIDE: u16 = 110;

/// How many alerts the overview lists.
const BRIEF: usize = 50;
/// How many alerts the page of alerts lists: thousands are one trouble, and building their lines
/// would cost more than they tell.
const MOST: usize = 500;

/// One incident, full-screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Full {
    pub id: IncidentId,
    pub page: Page,
    pub scroll: Scroll,
    /// The cursor among the related ones.
    pub at: usize,
    /// Lines scrolled back from the newest entry of the timeline.
    pub back: usize,
}

/// What is shown of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Page {
    #[default]
    Overview,
    /// Only where it does not stand beside the facts.
    Timeline,
    Alerts,
    Related,
    Json,
}

/// One line with its pieces.
type Pieces = Vec<Piece>;

impl Full {
    pub fn of(id: IncidentId) -> Self {
        Self { id, page: Page::default(), scroll: Scroll::default(), at: 0, back: 0 }
    }

    /// Turns to the next page, or back.
    pub fn turn(&mut self, forward: bool, width: u16) {
        let pages = pages(width);
        let at = pages.iter().position(|p| *p == self.page).unwrap_or(0);
        let step = if forward { 1 } else { pages.len() - 1 };
        self.page = pages.get((at + step) % pages.len()).copied().unwrap_or_default();
        self.scroll = Scroll::default();
    }
}

impl Full {
    /// Whether the page scrolls its history: the arrows go back from the newest entry.
    pub fn is_history(&self, width: u16) -> bool {
        match self.page {
            Page::Timeline => true,
            Page::Overview => width >= SIDE_BY_SIDE,
            Page::Alerts | Page::Related | Page::Json => false,
        }
    }
}

/// The pages that exist at that width.
pub fn pages(width: u16) -> &'static [Page] {
    if width < SIDE_BY_SIDE {
        &[Page::Overview, Page::Timeline, Page::Alerts, Page::Related, Page::Json]
    } else {
        &[Page::Overview, Page::Alerts, Page::Related, Page::Json]
    }
}

/// How many lines the page has, and how many of them are in view.
pub fn extent(
    full: &Full,
    incident: &Incident,
    entries: &Shown<'_>,
    eye: &Eye<'_>,
    body: Rect,
) -> (usize, usize) {
    let inner = inside(body);
    let lines = match full.page {
        Page::Overview if inner.width < SIDE_BY_SIDE - 2 => {
            overview(incident, eye, inner.width).len()
        }
        Page::Overview => {
            let (_, right) = halves(inner);
            entries.lines(eye, right.width).len()
        }
        Page::Timeline => entries.lines(eye, inner.width).len(),
        Page::Alerts => alert_lines(incident, eye, inner.width).len(),
        Page::Related => related(incident, eye).len(),
        Page::Json => json(incident).lines().count(),
    };
    (lines, usize::from(inner.height))
}

fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    }
}

fn halves(inner: Rect) -> (Rect, Rect) {
    let left = (inner.width / 2).min(84);
    let right =
        Rect { x: inner.x + left + 2, width: inner.width.saturating_sub(left + 2), ..inner };
    (Rect { width: left, ..inner }, right)
}

/// Draws the page.
pub fn paint(
    full: &Full,
    incident: &Incident,
    entries: &Shown<'_>,
    eye: &Eye<'_>,
    paint: &mut Paint<'_>,
    area: Rect,
) {
    let theme = eye.theme;
    let heading = incident.service.as_ref().map_or("unassigned", |s| s.as_str());
    let id = incident.id.to_string();
    let tabs = tabs(full, incident, eye, area.width);
    let tabs_width: u16 = tabs.iter().map(|(t, _)| width(t)).sum();
    let room = area.width.saturating_sub(tabs_width + width(&id) + 14);
    let heading = fit(heading, room, theme.symbols.ellipsis).into_owned();
    let title = [
        (id.as_str(), theme.priority(incident.priority)),
        ("  ", Style::new()),
        (heading.as_str(), theme.of(Role::Title)),
    ];
    paint.panel(area, &title, true);
    let borrowed: Vec<(&str, Style)> = tabs.iter().map(|(t, s)| (t.as_str(), *s)).collect();
    paint.top_note(area, &borrowed);
    let inner = inside(area);
    let skip = full.scroll.0;
    match full.page {
        Page::Overview => {
            if inner.width < SIDE_BY_SIDE - 2 {
                let lines = overview(incident, eye, inner.width);
                draw(&lines, paint, inner, skip);
                trends::paint(incident, eye, paint, below(inner, lines.len()));
            } else {
                let (left, right) = halves(inner);
                let lines = overview(incident, eye, left.width);
                draw(&lines, paint, left, skip);
                trends::paint(incident, eye, paint, below(left, lines.len()));
                let hidden = lines.len().saturating_sub(usize::from(left.height));
                if hidden > 0 {
                    let at = left.bottom();
                    let text = format!(" {} {hidden} more ", theme.symbols.arrow_down);
                    paint.put(left.x, at, left.width, &text, Role::Muted);
                }
                let x = right.x.saturating_sub(2);
                for y in inner.top()..inner.bottom() {
                    paint.cell(x, y, theme.symbols.line_v, theme.of(Role::Border));
                }
                entries.paint(eye, paint, right, full.back);
            }
        }
        Page::Timeline => entries.paint(eye, paint, inner, full.back),
        Page::Alerts => draw(&alert_lines(incident, eye, inner.width), paint, inner, skip),
        Page::Related => paint_related(full, incident, eye, paint, inner),
        Page::Json => {
            let text = theme.of(Role::Text);
            for (line, y) in json(incident).lines().skip(skip).zip(inner.top()..inner.bottom()) {
                paint.text(inner.x, y, inner.width, line, text);
            }
        }
    }
    let (lines, height) = extent(full, incident, entries, eye, area);
    if lines > height && !full.is_history(area.width) {
        let last = (skip + height).min(lines);
        paint.note(area, &format!("{}–{last}/{lines}", skip + 1), theme.of(Role::Muted));
    }
}

/// What is left of an area below so many lines.
fn below(area: Rect, lines: usize) -> Rect {
    let used = u16::try_from(lines).unwrap_or(u16::MAX).min(area.height);
    Rect { y: area.y + used, height: area.height - used, ..area }
}

fn draw(lines: &[Pieces], paint: &mut Paint<'_>, area: Rect, skip: usize) {
    for (line, y) in lines.iter().skip(skip).zip(area.top()..area.bottom()) {
        paint.pieces(area.x, y, area.width, line);
    }
}

fn tabs(full: &Full, incident: &Incident, eye: &Eye<'_>, width: u16) -> Vec<(String, Style)> {
    let theme = eye.theme;
    let related = relatives(incident, eye).len();
    let mut pieces = Vec::new();
    for page in pages(width) {
        let name = match page {
            Page::Overview => "Overview".to_owned(),
            Page::Timeline => "Timeline".to_owned(),
            Page::Alerts => format!("Alerts {}", incident.alerts.len()),
            Page::Related => format!("Related {related}"),
            Page::Json => "JSON".to_owned(),
        };
        if !pieces.is_empty() {
            pieces.push(("  ".to_owned(), theme.of(Role::Muted)));
        }
        if *page == full.page {
            let symbols = theme.symbols;
            let name = format!("{}{name}{}", symbols.quote_left, symbols.quote_right);
            pieces.push((name, theme.of(Role::Accent)));
        } else {
            pieces.push((name, theme.of(Role::Muted)));
        }
    }
    pieces
}

fn json(incident: &Incident) -> String {
    serde_json::to_string_pretty(incident).unwrap_or_default()
}

/// What it is, then its alerts.
fn overview(incident: &Incident, eye: &Eye<'_>, width: u16) -> Vec<Pieces> {
    let title = wrap(&incident.title, width);
    let strong = eye.theme.of(Role::Strong);
    let mut lines: Vec<Pieces> =
        title.into_iter().map(|line| vec![Piece::new(line, strong)]).collect();
    lines.extend(facts::lines(&facts::of(incident, eye), eye.theme, width));
    if !incident.alerts.is_empty() {
        lines.push(Vec::new());
        lines.extend(alerts_in_brief(incident, eye, width));
    }
    lines
}

/// Each alert of the group in a line, with the labels in which it differs from the others.
fn alerts_in_brief(incident: &Incident, eye: &Eye<'_>, width: u16) -> Vec<Pieces> {
    let (text, muted) = (eye.theme.of(Role::Text), eye.theme.of(Role::Muted));
    let mut lines = Vec::new();
    for alert in sorted(incident).into_iter().take(BRIEF) {
        let mut line = alert_line(alert, eye);
        let own = alert.labels.iter().filter(|(key, value)| {
            *key != "alertname" && incident.labels.get(*key) != Some(*value)
        });
        let own: Vec<String> = own.map(|(key, value)| format!("{key}={value:?}")).collect();
        if !own.is_empty() {
            line.push(Piece::new(format!("  {}", own.join("  ")), text));
        }
        lines.push(line);
        let words = alert.annotations.iter().filter(|(key, value)| {
            let told = **value == incident.title || actions::is_runbook(key);
            !told && incident.annotations.get(*key) != Some(*value)
        });
        for (key, value) in words {
            for part in wrap(&format!("{key}: {value}"), width.saturating_sub(2)) {
                lines.push(vec![Piece::new("  ", muted), Piece::new(part, muted)]);
            }
        }
    }
    lines.extend(more(incident.alerts.len(), BRIEF, muted));
    lines
}

/// Says how many are left out.
fn more(all: usize, shown: usize, style: Style) -> Option<Pieces> {
    (all > shown).then(|| vec![Piece::new(format!("and {} more", all - shown), style)])
}

/// Those that fire first, the oldest first.
fn sorted(incident: &Incident) -> Vec<&AlertFact> {
    let mut alerts: Vec<&AlertFact> = incident.alerts.values().collect();
    alerts.sort_by_key(|alert| (alert.cleared_at.is_some(), alert.since));
    alerts
}

fn alert_line(alert: &AlertFact, eye: &Eye<'_>) -> Pieces {
    let theme = eye.theme;
    let muted = theme.of(Role::Muted);
    let (sign, word, style) = match (&alert.cleared_at, &alert.status) {
        (Some(_), _) => (theme.symbols.ok, "cleared", theme.of(Role::Ok)),
        (None, AlertStatus::Active) => (theme.symbols.critical, "firing", theme.of(Role::Critical)),
        (None, AlertStatus::Silenced { .. }) => (theme.symbols.unknown, "silenced", muted),
        (None, AlertStatus::Inhibited { .. }) => (theme.symbols.unknown, "inhibited", muted),
    };
    let name = alert.labels.get("alertname").map_or("alert", String::as_str);
    let lasted = alert.cleared_at.unwrap_or(eye.now).signed_duration_since(alert.since);
    vec![
        Piece::new(format!("{sign} "), style),
        Piece::new(format!("{name}  "), theme.of(Role::Strong)),
        Piece::new(format!("{word} {}", duration(lasted)), style),
        Piece::new(format!("  since {}", eye.clock(alert.since)), muted),
    ]
}

/// Each alert of the group with its labels and annotations; those that fire first.
fn alert_lines(incident: &Incident, eye: &Eye<'_>, width: u16) -> Vec<Pieces> {
    let theme = eye.theme;
    let (text, muted) = (theme.of(Role::Text), theme.of(Role::Muted));
    let mut lines = Vec::new();
    if incident.alerts.is_empty() {
        let words = "No alert belongs to it: it was reported by hand.";
        lines.push(vec![Piece::new(words, muted)]);
    }
    for alert in sorted(incident).into_iter().take(MOST) {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        lines.push(alert_line(alert, eye));
        if let AlertStatus::Silenced { by } | AlertStatus::Inhibited { by } = &alert.status {
            lines.push(vec![Piece::new(format!("  by {}", by.join(", ")), muted)]);
        }
        let labels: Vec<String> = alert
            .labels
            .iter()
            .filter(|(key, _)| *key != "alertname")
            .map(|(key, value)| format!("{key}={value:?}"))
            .collect();
        for line in wrap(&labels.join("  "), width.saturating_sub(2)) {
            lines.push(vec![Piece::new("  ", muted), Piece::new(line, muted)]);
        }
        for (key, value) in &alert.annotations {
            let label = format!("{key}: ");
            let room = width.saturating_sub(2);
            for line in wrap(&format!("{label}{value}"), room) {
                let piece = Piece::new(line, text);
                let url = is_web(value).then(|| value.as_str().into());
                lines.push(vec![Piece::new("  ", text), Piece { url, ..piece }]);
            }
        }
        if let Some(url) = &alert.generator_url {
            lines.push(vec![Piece::new("  ", muted), linked(url, theme)]);
        }
    }
    lines.extend(more(incident.alerts.len(), MOST, muted));
    lines
}

/// An address; one that no browser opens stays text.
fn linked(url: &str, theme: &Theme) -> Piece {
    if is_web(url) {
        Piece::link(url, theme.of(Role::Link), url)
    } else {
        Piece::new(url, theme.of(Role::Muted))
    }
}

/// Its cause, what it affects, the ones before it, and those that are like it; each with how it is
/// related.
fn relatives(incident: &Incident, eye: &Eye<'_>) -> Vec<(&'static str, IncidentId)> {
    let world = &eye.world.incidents;
    let mut found = Vec::new();
    found.extend(incident.parent.map(|id| ("cause", id)));
    let affected = world.children.get(&incident.id);
    found.extend(affected.into_iter().flatten().map(|id| ("affects", *id)));
    let mut earlier = incident.earlier;
    for _ in 0..10 {
        let Some(id) = earlier else { break };
        found.push(("earlier", id));
        earlier = world.get(id).and_then(|incident| incident.earlier).filter(|next| *next < id);
    }
    let named: Vec<IncidentId> = found.iter().map(|(_, id)| *id).collect();
    found.extend(similar::ids(incident, eye, &named).into_iter().map(|id| ("similar", id)));
    found
}

/// The one under the cursor of the related ones.
pub fn related_at(full: &Full, incident: &Incident, eye: &Eye<'_>) -> Option<IncidentId> {
    let list = relatives(incident, eye);
    list.get(full.at.min(list.len().saturating_sub(1))).map(|(_, id)| *id)
}

fn paint_related(
    full: &Full,
    incident: &Incident,
    eye: &Eye<'_>,
    paint: &mut Paint<'_>,
    area: Rect,
) {
    let facts = related(incident, eye);
    let count = relatives(incident, eye).len();
    let at = full.at.min(count.saturating_sub(1));
    let skip = (at + 1).saturating_sub(usize::from(area.height));
    facts::paint(&facts, paint, area, skip);
    if count > 0 {
        let y = area.y + (at - skip) as u16;
        let line = Rect::new(area.x.saturating_sub(1), y, area.width + 2, 1);
        paint.over(line, Role::Selection);
        let bar = paint.of(Role::Selection).patch(paint.of(Role::Bar));
        paint.cell(line.x, y, eye.theme.symbols.bar, bar);
    }
}

fn related(incident: &Incident, eye: &Eye<'_>) -> Vec<Fact> {
    let theme = eye.theme;
    let muted = theme.of(Role::Muted);
    let relatives = relatives(incident, eye);
    if relatives.is_empty() {
        let value = vec![Piece::new("No other incident belongs to it.", muted)];
        return vec![Fact { label: "", value }];
    }
    let mut last = "";
    relatives
        .into_iter()
        .map(|(how, id)| {
            let label = if how == last { " " } else { how };
            last = how;
            let Some(other) = eye.world.incidents.get(id) else {
                let value = vec![Piece::new(format!("{id}  no longer loaded"), muted)];
                return Fact { label, value };
            };
            let service = other.service.as_ref().map_or("unassigned", |s| s.as_str());
            let age = duration(eye.now.signed_duration_since(other.opened_at));
            let value = vec![
                Piece::new(format!("{} ", other.priority), theme.priority(other.priority)),
                Piece::new(format!("{id:<9} "), theme.of(Role::Text)),
                Piece::new(
                    format!("{:<9} ", other.state().short()),
                    state_style(theme, other.state()),
                ),
                Piece::new(format!("{age:>7}  "), muted),
                Piece::new(format!("{service}  {}", other.title), theme.of(Role::Text)),
                Piece::new(format!("  {}", ending(other)), muted),
            ];
            Fact { label, value }
        })
        .collect()
}

/// The timeline as it can be shown.
#[derive(Debug, Clone, Copy)]
pub enum Shown<'a> {
    Loading,
    Failed(&'a str),
    Entries(&'a [Entry]),
}

impl Shown<'_> {
    /// All lines, oldest first.
    pub fn lines(&self, eye: &Eye<'_>, total: u16) -> Vec<Pieces> {
        self.last_lines(eye, total, usize::MAX)
    }

    /// The lines of the newest `most` entries, oldest first.
    fn last_lines(&self, eye: &Eye<'_>, total: u16, most: usize) -> Vec<Pieces> {
        let theme = eye.theme;
        let muted = theme.of(Role::Muted);
        let entries = match self {
            Self::Loading => return vec![vec![Piece::new("reading the history", muted)]],
            Self::Failed(why) => {
                let text = format!("the history cannot be read: {why}");
                return vec![vec![Piece::new(text, theme.of(Role::Critical))]];
            }
            Self::Entries(entries) => {
                entries.get(entries.len().saturating_sub(most)..).unwrap_or_default()
            }
        };
        let words = entries.iter().map(|e| width(e.word)).max().unwrap_or(0);
        let who = entries.iter().map(|e| width(&e.who)).max().unwrap_or(0).min(total / 6);
        let times = entries.iter().map(|e| width(&eye.clock(e.at))).max().unwrap_or(8);
        let start = times + 2 + words + 2 + if who > 0 { who + 2 } else { 0 };
        let room = total.saturating_sub(start).max(16);
        let mut lines = Vec::new();
        for entry in entries {
            let text = facts::plain(theme, &entry.text);
            for (n, text) in wrap(&text, room).into_iter().enumerate() {
                let text = Piece::new(text, text_style(entry, theme));
                if n > 0 {
                    lines.push(vec![Piece::new(" ".repeat(usize::from(start)), muted), text]);
                    continue;
                }
                let name = fit(&entry.who, who, theme.symbols.ellipsis);
                let pad =
                    usize::from(who.saturating_sub(width(&name)) + if who > 0 { 2 } else { 0 });
                let at = format!("{:>1$}  ", eye.clock(entry.at), usize::from(times));
                let word = format!("{:<1$}  ", entry.word, usize::from(words));
                lines.push(vec![
                    Piece::new(at, muted),
                    Piece::new(word, word_style(entry, theme)),
                    Piece::new(format!("{name}{}", " ".repeat(pad)), theme.of(Role::Text)),
                    text,
                ]);
            }
        }
        lines
    }

    /// Draws the newest lines that fit, `back` lines before the last one.
    pub fn paint(&self, eye: &Eye<'_>, paint: &mut Paint<'_>, area: Rect, back: usize) {
        let height = usize::from(area.height);
        // Every entry has a line at least: no more of them are needed.
        let lines = self.last_lines(eye, area.width, height.saturating_add(back));
        let top = lines.len().saturating_sub(height);
        let top = top.saturating_sub(back.min(top));
        draw(&lines, paint, area, top);
    }
}

fn word_style(entry: &Entry, theme: &Theme) -> Style {
    match entry.tone {
        Tone::State(state) => theme.state(state),
        Tone::Human => theme.of(Role::Accent),
        Tone::Plain => theme.of(Role::Muted),
    }
}

fn text_style(entry: &Entry, theme: &Theme) -> Style {
    theme.of(match entry.word {
        "note" => Role::Strong,
        _ => Role::Text,
    })
}
