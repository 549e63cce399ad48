//! Bars over time: lanes below each other, days across, the present as a line.
//!
//! ```text
//!            Mon 23       Tue 24       Wed 25
//! final      ▌Ana━━━━━━━▌Luis━━━━━━░gap 2h░░▌Sam━━━━━
//! nights            ▌Luis━━            ▌Luis━━
//! ```

use chrono::{Datelike, Days, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use ratatui::layout::Rect;

use super::paint::{Paint, width};
use crate::domain::time::{Instant, Interval, zone};
use crate::ui::theme::Role;

/// Bars in lanes.
#[derive(Debug, Clone, PartialEq)]
pub struct Gantt {
    /// The time across.
    pub span: Interval,
    /// Whose days are marked.
    pub zone: Tz,
    pub lanes: Vec<Lane>,
    /// Cells of the names of lanes.
    pub labels: u16,
    /// A text that does not fit in its bar stands beside it, where there is room.
    pub beside: bool,
}

/// One line of bars, in order and without overlaps.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lane {
    pub label: String,
    pub bars: Vec<Bar>,
    /// The cursor may be in it.
    pub leads: bool,
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    pub at: Interval,
    pub text: String,
    pub look: Look,
    pub chosen: bool,
}

/// How a bar is filled: by signs, not by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Somebody has it, something takes place.
    Held,
    /// Something is missing.
    Missing,
    /// Somebody is away, something is frozen.
    Away,
    /// Waits for somebody to agree.
    Proposed,
    /// It is over.
    Past,
}

impl Gantt {
    /// The lines that it takes, with its two of days.
    pub fn height(&self) -> u16 {
        u16::try_from(self.lanes.len()).unwrap_or(u16::MAX).saturating_add(1)
    }

    /// Draws the days and as many lanes as find room.
    pub fn paint(&self, paint: &mut Paint<'_>, area: Rect, now: Instant) {
        let labels = self.labels.min(area.width / 3);
        let bars =
            Rect { x: area.x + labels + 1, width: area.width.saturating_sub(labels + 1), ..area };
        if bars.width < 8 || area.height < 2 {
            return;
        }
        // Under the bars: it shows where nobody's name would be cut.
        if let Some(x) = self.column(now, bars) {
            let drawn = u16::try_from(self.lanes.len()).unwrap_or(u16::MAX);
            let bottom = area.bottom().min((area.y + 1).saturating_add(drawn));
            let (mark, line) = (paint.theme.symbols.sort_down, paint.theme.symbols.line_v);
            let style = paint.of(Role::Accent);
            paint.cell(x, area.y, mark, style);
            for y in area.y + 1..bottom {
                paint.cell(x, y, line, style);
            }
        }
        // A date is worth more than the mark over it.
        self.days(paint, bars);
        for (lane, y) in self.lanes.iter().zip(area.y + 1..area.bottom()) {
            let role = if lane.leads { Role::Text } else { Role::Muted };
            paint.put(area.x, y, labels, &lane.label, role);
            let line = Rect { y, height: 1, ..bars };
            let nexts = lane.bars.iter().skip(1).map(Some).chain([None]);
            for (bar, next) in lane.bars.iter().zip(nexts) {
                let free = next.map_or(bars.width, |next| self.offset(next.at.from, bars.width));
                self.bar(paint, line, bar, bars.x + free);
            }
        }
    }

    /// The cell of an instant; `None` outside.
    fn column(&self, at: Instant, bars: Rect) -> Option<u16> {
        self.span.contains(at).then(|| bars.x + self.offset(at, bars.width))
    }

    /// Cells from the left, rounded down.
    fn offset(&self, at: Instant, cells: u16) -> u16 {
        let whole = self.span.length().num_seconds().max(1);
        let passed = (at - self.span.from).num_seconds().clamp(0, whole);
        u16::try_from(passed * i64::from(cells) / whole).unwrap_or(cells)
    }

    /// The days that begin in the span, as wide as there is room: `Mon 23`, `23`, or every seventh.
    fn days(&self, paint: &mut Paint<'_>, bars: Rect) {
        let first = zone::local(self.span.from, self.zone).date();
        let per_day = self.span.length().num_days().max(1);
        let room = i64::from(bars.width) / per_day;
        let name = |day: NaiveDate| {
            let month = day.day() == 1 || day == first;
            match (room, month) {
                (11.., true) => day.format("%a %-d %b").to_string(),
                (7.., _) => day.format("%a %-d").to_string(),
                (_, true) if room >= 6 => day.format("%-d %b").to_string(),
                (3.., _) => day.format("%-d").to_string(),
                _ if day.weekday() == chrono::Weekday::Mon => day.format("%-d").to_string(),
                _ => String::new(),
            }
        };
        let mut day = first;
        let end = self.span.to;
        loop {
            let begins = zone::midnight(day, self.zone);
            if begins >= end {
                break;
            }
            if let Some(x) = self.column(begins, bars) {
                let is_weekend =
                    matches!(day.weekday(), chrono::Weekday::Sat | chrono::Weekday::Sun);
                let role = if is_weekend { Role::Faint } else { Role::Heading };
                let left = bars.right().saturating_sub(x);
                paint.put(x, bars.y, left, &name(day), role);
            }
            let Some(next) = day.checked_add_days(Days::new(1)) else { break };
            day = next;
        }
    }

    /// `free`: up to which cell nothing else stands, for a name that does not fit in its bar.
    fn bar(&self, paint: &mut Paint<'_>, line: Rect, bar: &Bar, free: u16) {
        let Some(at) = bar.at.overlap(self.span) else { return };
        let from = self.offset(at.from, line.width);
        // At least a cell: what is short still is.
        let to = self.offset(at.to, line.width).max(from + 1).min(line.width);
        let area = Rect { x: line.x + from, width: to.saturating_sub(from), ..line };
        if area.width == 0 {
            return;
        }
        let symbols = paint.theme.symbols;
        let (start, rest, role) = match bar.look {
            Look::Held => (symbols.span_start, symbols.span, Role::Chart),
            Look::Missing => (symbols.bar_empty, symbols.bar_empty, Role::Warning),
            Look::Away => (symbols.bar_away, symbols.bar_away, Role::Maintenance),
            Look::Proposed => (symbols.dashed, symbols.dashed, Role::Muted),
            Look::Past => (symbols.span_start, symbols.span, Role::Faint),
        };
        let style = paint.of(role);
        for x in area.left()..area.right() {
            paint.cell(x, area.y, if x == area.left() { start } else { rest }, style);
        }
        let role = match bar.look {
            Look::Held => Role::Strong,
            Look::Proposed => Role::Text,
            Look::Past => Role::Muted,
            Look::Missing | Look::Away => role,
        };
        let style = paint.of(role);
        let (inside, mut whole) = (area.width - 1, area);
        let beside = if self.beside { free.saturating_sub(area.right() + 1) } else { 0 };
        if width(&bar.text) > inside && beside > inside.max(3) {
            let room = beside.saturating_sub(1);
            let used = paint.text(area.right() + 1, area.y, room, &bar.text, style);
            whole.width = area.width + 1 + used;
        } else {
            paint.text(area.x + 1, area.y, inside, &named(&bar.text, inside), style);
        }
        if bar.chosen {
            paint.over(whole, Role::Selection);
        }
    }
}

/// As much of a name as finds room: the whole, the first word, the first letters of its words.
fn named(text: &str, cells: u16) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let letters: String = text.split(' ').filter_map(|word| word.chars().next()).take(2).collect();
    let fits = [text, first, &letters].into_iter().find(|t| width(t) <= cells);
    fits.unwrap_or_default().to_owned()
}

/// The Monday of the week that an instant is in, in a zone.
pub fn monday(at: Instant, zone: Tz) -> NaiveDate {
    let day = zone::local(at, zone).date();
    day - TimeDelta::days(i64::from(day.weekday().num_days_from_monday()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::terminal::{Depth, Glyphs};
    use crate::ui::theme::Theme;
    use ratatui::buffer::Buffer;

    fn drawn(gantt: &Gantt, cells: u16, now: &str) -> Vec<String> {
        let theme = Theme::built_in("mono", Depth::Off, Glyphs::Unicode);
        let area = Rect::new(0, 0, cells, gantt.height());
        let mut buf = Buffer::empty(area);
        gantt.paint(&mut Paint::new(&mut buf, &theme), area, now.parse().unwrap());
        let line = |y| (0..cells).map(|x| buf[(x, y)].symbol()).collect::<String>();
        (0..area.height).map(|y| line(y).trim_end().to_owned()).collect()
    }

    fn at(from: &str, to: &str) -> Interval {
        let instant = |t: &str| format!("2026-11-{t}:00Z").parse().unwrap();
        Interval::new(instant(from), instant(to))
    }

    fn bar(from: &str, to: &str, text: &str, look: Look) -> Bar {
        Bar { at: at(from, to), text: text.to_owned(), look, chosen: false }
    }

    #[test]
    fn bars_stand_under_their_days_and_the_present_is_a_line() {
        let bars = vec![
            bar("22T12:00", "23T12:00", "Ana Ruiz", Look::Held),
            bar("23T12:00", "24T18:00", "Luis Peña", Look::Held),
            bar("24T18:00", "25T00:00", "gap 6h", Look::Missing),
        ];
        let lane = Lane { label: "final".to_owned(), bars, leads: true };
        let gantt = Gantt {
            span: at("23T00:00", "26T00:00"),
            zone: Tz::UTC,
            lanes: vec![lane, Lane { label: "nights".to_owned(), ..Lane::default() }],
            labels: 8,
            beside: false,
        };
        let expect = [
            "         Mon 23 Nov   Tue 24       Wed 25",
            "final    ▌Ana━━▌Luis Peña━━━━━━░gap",
            "nights                   │",
        ];
        assert_eq!(drawn(&gantt, 48, "2026-11-24T06:00:00Z"), expect);
    }
}
