//! A document as lines of a terminal.

use chrono::NaiveDateTime;

use crate::domain::calendar::{Key, WindowId};
use crate::domain::incident::IncidentId;
use crate::domain::report::Document;
use crate::domain::report::document::{Block, Chart, Datum, KeyFigure, Table, Text};
use crate::domain::report::show::Style;
use crate::domain::report::words::Word;
use crate::domain::slo::SloId;
use crate::ui::theme::Role;
use crate::ui::widgets::paint::wrap;
use crate::ui::widgets::{fit, width};

/// One line, in pieces, and what it is about, or counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    pub pieces: Vec<(String, Role)>,
    pub incidents: Vec<IncidentId>,
    pub windows: Vec<Key>,
    pub objective: Option<SloId>,
    /// Whether it has a figure.
    pub counts: bool,
}

impl Line {
    /// The one incident that it is about.
    pub fn incident(&self) -> Option<IncidentId> {
        match self.incidents.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }
}

/// The windows among records; see [`crate::domain::report::document::window`].
fn windows(records: &[String]) -> Vec<Key> {
    let read = |record: &String| {
        let (window, original) = record.split_once('@')?;
        let original = NaiveDateTime::parse_from_str(original, "%Y-%m-%dT%H:%M").ok()?;
        Some(Key { window: WindowId(window.into()), original })
    };
    records.iter().filter_map(read).collect()
}

/// The incidents among records.
fn incidents(records: &[String]) -> Vec<IncidentId> {
    records.iter().filter_map(|r| r.parse().ok()).collect()
}

/// Without words: what a line with these records leads to.
fn about(records: &[String], objective: Option<&String>, counts: bool) -> Line {
    let objective = objective.map(|id| SloId::from(id.as_str()));
    let (incidents, windows) = (incidents(records), windows(records));
    Line { pieces: Vec::new(), incidents, windows, objective, counts }
}

/// The tables whose rows are figures, also where those count nothing.
const COUNTED: [Word; 10] = [
    Word::RunningState,
    Word::AvailabilityOf,
    Word::ByPriority,
    Word::ByService,
    Word::ByTeam,
    Word::ByCause,
    Word::ChangesOf,
    Word::OnCallLoad,
    Word::Attainment,
    Word::ServiceCredits,
];

/// No column of a table is made narrower than this.
const NARROWEST: u16 = 6;
/// A column of texts that is narrower stands below instead.
const READABLE: u16 = 28;
const GAP: u16 = 2;

struct Page {
    lines: Vec<Line>,
    style: Style,
    wide: u16,
}

/// The lines of a document that is `wide` cells wide.
pub fn lines(document: &Document, style: Style, wide: u16) -> Vec<Line> {
    let mut page = Page { lines: Vec::new(), style, wide: wide.max(20) };
    let labels = document.head.iter().map(|f| width(&style.text(&f.label))).max().unwrap_or(0);
    for fact in &document.head {
        let label = padded(&style.text(&fact.label), labels);
        page.wrapped(&label, &style.datum(&fact.value), Role::Text);
    }
    for section in &document.sections {
        page.push(Vec::new());
        page.push(vec![(style.word(section.title).to_owned(), Role::Title)]);
        for block in &section.blocks {
            page.block(block, section.title);
        }
    }
    page.lines
}

fn padded(text: &str, to: u16) -> String {
    format!("{text}{}", " ".repeat(usize::from(to.saturating_sub(width(text)))))
}

impl Page {
    fn push(&mut self, pieces: Vec<(String, Role)>) {
        self.lines.push(Line { pieces, ..Line::default() });
    }

    fn push_about(&mut self, pieces: Vec<(String, Role)>, about: &Line) {
        self.lines.push(Line { pieces, ..about.clone() });
    }

    /// A text beside a label, in as many lines as it needs.
    fn wrapped(&mut self, label: &str, text: &str, role: Role) {
        let indent = if label.is_empty() { 0 } else { width(label) + GAP };
        for (at, part) in
            wrap(text, self.wide.saturating_sub(indent).max(10)).into_iter().enumerate()
        {
            let lead = if at == 0 { label.to_owned() } else { String::new() };
            let lead = padded(&lead, indent);
            self.push(vec![(lead, Role::Muted), (part, role)]);
        }
    }

    fn block(&mut self, block: &Block, section: Word) {
        match block {
            Block::Text(text) => {
                let role =
                    if *text == Text::Word(Word::Nothing) { Role::Muted } else { Role::Text };
                let text = self.style.text(text);
                self.wrapped("", &text, role);
            }
            Block::Quote(text) => {
                for line in text.lines() {
                    let parts = wrap(line, self.wide.saturating_sub(2));
                    let blank = parts.is_empty();
                    for part in parts {
                        self.push(vec![("│ ".to_owned(), Role::Accent), (part, Role::Strong)]);
                    }
                    if blank {
                        self.push(vec![("│".to_owned(), Role::Accent)]);
                    }
                }
            }
            Block::Figures(figures) => self.figures(figures),
            Block::Table(table) => self.table(table, section),
            Block::Chart(chart) => self.chart(chart),
            Block::List(items) => {
                for item in items {
                    let text = self.style.text(&item.text);
                    self.wrapped("·", &text, Role::Text);
                }
            }
        }
    }

    fn figures(&mut self, figures: &[KeyFigure]) {
        let style = self.style;
        let names = figures.iter().map(|f| width(style.word(f.name))).max().unwrap_or(0);
        let values = figures.iter().map(|f| width(&style.datum(&f.value))).max().unwrap_or(0);
        for figure in figures {
            let value = style.datum(&figure.value);
            let lead = " ".repeat(usize::from(values.saturating_sub(width(&value))));
            let before = figure.before.as_ref().map_or_else(String::new, |b| {
                format!("  ({} {})", style.word(Word::Before).to_lowercase(), style.datum(b))
            });
            let pieces = vec![
                (format!("{}  {lead}", padded(style.word(figure.name), names)), Role::Muted),
                (value, Role::Strong),
                (before, Role::Muted),
                (format!("  n {}", style.count(figure.n as u64)), Role::Faint),
            ];
            self.push_about(pieces, &about(&figure.records, None, true));
        }
    }

    fn table(&mut self, table: &Table, section: Word) {
        let style = self.style;
        if table.title != section {
            self.push(vec![(style.word(table.title).to_owned(), Role::Heading)]);
        }
        if table.rows.is_empty() {
            self.push(vec![(style.word(Word::Nothing).to_owned(), Role::Muted)]);
            return;
        }
        let heads: Vec<String> = table.columns.iter().map(|c| style.word(*c).to_owned()).collect();
        let rows: Vec<Vec<String>> =
            table.rows.iter().map(|r| r.cells.iter().map(|c| style.datum(c)).collect()).collect();
        let widths: Vec<u16> = heads
            .iter()
            .enumerate()
            .map(|(at, head)| {
                let cells = rows.iter().filter_map(|r| r.get(at)).map(|c| width(c));
                cells.fold(width(head), u16::max)
            })
            .collect();
        let (shown, below) = fitted(&widths, self.wide);
        // As many lines as the longest cell needs in its column.
        let in_lines = |cells: &[String], role: Role| -> Vec<Vec<(String, Role)>> {
            let parts = shown.iter().map(|(at, room)| {
                let cell = cells.get(*at).map_or("", String::as_str);
                if width(cell) <= *room { vec![cell.to_owned()] } else { wrap(cell, *room) }
            });
            let parts: Vec<Vec<String>> = parts.collect();
            let height = parts.iter().map(Vec::len).max().unwrap_or(1).max(1);
            let line = |at: usize| {
                let piece = |(part, (_, room)): (&Vec<String>, &(usize, u16))| {
                    let text = part.get(at).map_or("", String::as_str);
                    (padded(&fit(text, *room, "…"), room + GAP), role)
                };
                let mut pieces: Vec<(String, Role)> = parts.iter().zip(&shown).map(piece).collect();
                // Blanks beyond the edge would be cut, and an ellipsis would say so.
                if let Some((last, _)) = pieces.last_mut() {
                    last.truncate(last.trim_end().len());
                }
                pieces
            };
            (0..height).map(line).collect()
        };
        for pieces in in_lines(&heads, Role::Heading) {
            self.push(pieces);
        }
        for (row, cells) in table.rows.iter().zip(&rows) {
            let objective = row.records.first().filter(|_| table.title == Word::Objectives);
            let counts = !row.behind.is_empty() || COUNTED.contains(&table.title);
            let about = about(&row.records, objective, counts);
            for mut pieces in in_lines(cells, Role::Text) {
                if let Some(first) = pieces.first_mut() {
                    first.1 = Role::Strong;
                }
                self.push_about(pieces, &about);
            }
            // What did not fit stands below, whole.
            for at in &below {
                let (Some(head), Some(cell)) = (heads.get(*at), cells.get(*at)) else { continue };
                let from = self.lines.len();
                self.wrapped(&format!("   {head}"), cell, Role::Text);
                for line in self.lines.iter_mut().skip(from) {
                    *line = Line { pieces: std::mem::take(&mut line.pieces), ..about.clone() };
                }
            }
        }
        if table.left_out > 0 {
            let more = style.said(Word::MoreRows, &[Datum::count(table.left_out)]);
            self.push(vec![(more, Role::Muted)]);
        }
    }

    /// A chart as bars that lie, a line for each label.
    fn chart(&mut self, chart: &Chart) {
        let style = self.style;
        let labels: Vec<String> = chart.labels.iter().map(|l| style.datum(l)).collect();
        let room = labels.iter().map(|l| width(l)).max().unwrap_or(0);
        let total = |at: usize| -> f64 {
            chart.series.iter().filter_map(|s| s.values.get(at).copied().flatten()).sum()
        };
        let most = (0..labels.len()).map(total).fold(1.0, f64::max);
        let bars = f64::from(self.wide.saturating_sub(room + 10).clamp(10, 60));
        for (at, label) in labels.iter().enumerate() {
            let mut pieces = vec![(format!("{}  ", padded(label, room)), Role::Muted)];
            for (series, role) in
                chart.series.iter().zip([Role::Critical, Role::Chart, Role::Spark])
            {
                let value = series.values.get(at).copied().flatten().unwrap_or(0.0);
                let cells = (value / most * bars).round().clamp(0.0, 200.0) as usize;
                let cells = if value > 0.0 { cells.max(1) } else { 0 };
                pieces.push(("▆".repeat(cells), role));
            }
            pieces.push((format!(" {}", total(at)), Role::Text));
            self.push(pieces);
        }
    }
}

/// The columns that fit beside each other with their widths, and those that do not. The widest are made
/// narrower first, as far as a text can still be read in them, then taken out; the first one never is taken out.
fn fitted(widths: &[u16], wide: u16) -> (Vec<(usize, u16)>, Vec<usize>) {
    let mut shown: Vec<(usize, u16)> = widths.iter().copied().enumerate().collect();
    let mut below = Vec::new();
    let needed = |shown: &[(usize, u16)]| -> u16 {
        shown
            .iter()
            .map(|(_, w)| w.saturating_add(GAP))
            .fold(0, u16::saturating_add)
            .saturating_sub(GAP)
    };
    while needed(&shown) > wide && shown.len() > 1 {
        let excess = needed(&shown) - wide;
        // Of two that are as wide, the later one.
        if let Some((_, room)) =
            shown.iter_mut().max_by_key(|(_, w)| *w).filter(|(_, w)| *w > READABLE)
        {
            *room = room.saturating_sub(excess).max(READABLE);
            continue;
        }
        let widest = shown.iter().enumerate().skip(1).max_by_key(|(_, (_, w))| *w).map(|(i, _)| i);
        let Some(widest) = widest else { break };
        below.push(shown.remove(widest).0);
    }
    if needed(&shown) > wide
        && let Some(first) = shown.first_mut()
    {
        first.1 = wide.max(NARROWEST);
    }
    below.sort_unstable();
    (shown, below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_give_way_until_the_rest_fits() {
        assert_eq!(fitted(&[6, 20, 10], 80), (vec![(0, 6), (1, 20), (2, 10)], vec![]));
        assert_eq!(fitted(&[6, 60, 10], 60), (vec![(0, 6), (1, 40), (2, 10)], vec![]));
        assert_eq!(fitted(&[6, 60, 10, 40], 60), (vec![(0, 6), (1, 28), (2, 10)], vec![3]));
        assert_eq!(fitted(&[6, 60, 10, 40], 30), (vec![(0, 6), (2, 10)], vec![1, 3]));
        assert_eq!(fitted(&[100], 30), (vec![(0, 30)], vec![]));
        assert_eq!(fitted(&[80, 10, 10], 74), (vec![(0, 50), (1, 10), (2, 10)], vec![]));
    }
}
