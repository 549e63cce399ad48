//! A line over time: dots of braille, thresholds, a time axis in the site's zone, a cursor that
//! reads values, and gaps where nothing was measured.
//!
//! ```text
//!   2 s ┤                  ⢀⡠⠒⠊⠉
//!   1 s ┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄⢠⠃┄┄┄┄┄ crit
//!   0 s ┤⣀⣀⡠⠤⠤⣀⡠⠤⠔⠁
//!        13:05    13:20    13:35
//! ```

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Datelike, TimeDelta, Timelike};
use chrono_tz::Tz;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::paint::{Paint, width};
use crate::domain::health::{Direction, Thresholds};
use crate::domain::text;
use crate::domain::time::Instant;
use crate::ui::theme::Role;

/// What is drawn.
pub struct Chart<'a> {
    /// Oldest first.
    pub points: &'a VecDeque<(Instant, f64)>,
    pub from: Instant,
    pub to: Instant,
    pub unit: &'a str,
    pub thresholds: &'a Thresholds,
    pub zone: Tz,
    /// Where the cursor stands.
    pub cursor: Option<Instant>,
    pub style: Style,
    /// Straight lines beside the measured one: what was planned, what is to be expected.
    pub lines: &'a [Line],
    /// What happened or will, on the time axis.
    pub marks: &'a [Mark],
}

/// A straight line from one point to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    pub from: (Instant, f64),
    pub to: (Instant, f64),
    pub style: Style,
}

/// A sign above the time axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    pub at: Instant,
    pub sign: &'static str,
    pub style: Style,
}

/// A gap is a pause of more than this many usual steps.
const GAP_STEPS: i64 = 4;
/// Cells of the widest label on the value axis.
const LABEL: u16 = 14;
/// From here on a value is written with an exponent.
const MANY_DIGITS: f64 = 1e9;
/// How much more than the values themselves a scale may hold.
const MOST_PADDED: f64 = 1.8;
/// Least cells for the labels.
const LEAST_LABEL: u16 = 5;

/// Values at the lower and the upper end, and where labels stand between.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<f64>,
}

impl Chart<'_> {
    /// The point nearest to the cursor, not further than a gap.
    pub fn read(&self, at: Instant) -> Option<(Instant, f64)> {
        let after = self.points.partition_point(|p| p.0 < at);
        let near = [after.checked_sub(1), Some(after)].into_iter().flatten();
        let near = near.filter_map(|i| self.points.get(i));
        let best = near.min_by_key(|p| (p.0 - at).num_milliseconds().abs())?;
        let limit = usual_step(self.points) * i32::try_from(GAP_STEPS).unwrap_or(1);
        let cell = (self.to - self.from) / 60;
        ((best.0 - at).abs() <= limit.max(cell)).then_some(*best)
    }

    pub fn paint(&self, paint: &mut Paint<'_>, area: Rect) {
        if area.height < 3 || area.width < LABEL + 6 {
            return;
        }
        let Some(scale) = self.scale(area.height - 1) else {
            let text = "nothing measured in this range";
            let x = area.x + area.width.saturating_sub(width(text)) / 2;
            paint.put(x, area.y + area.height / 2, area.width, text, Role::Muted);
            return;
        };
        let labels = scale.ticks.iter().map(|t| width(&self.label(*t, &scale))).max();
        let labels = labels.unwrap_or(0).clamp(LEAST_LABEL, LABEL - 1) + 1;
        let plot = Rect {
            x: area.x + labels + 1,
            y: area.y,
            width: area.width - labels - 1,
            height: area.height - 1,
        };
        self.value_axis(paint, area.x, plot, &scale);
        self.thresholds(paint, plot, &scale);
        for line in self.lines {
            self.straight(paint, plot, &scale, line);
        }
        self.line(paint, plot, &scale);
        self.marks(paint, plot);
        self.names(paint, plot, &scale);
        self.time_axis(paint, plot);
        self.cursor(paint, plot);
    }

    fn seen(&self) -> impl Iterator<Item = &(Instant, f64)> {
        let first = self.points.partition_point(|p| p.0 < self.from);
        let last = self.points.partition_point(|p| p.0 <= self.to);
        self.points.range(first..last.max(first)).filter(|p| p.1.is_finite())
    }

    /// A scale with round ends that holds every value, and the thresholds that are not far off.
    pub fn scale(&self, rows: u16) -> Option<Scale> {
        let mut low = f64::MAX;
        let mut high = f64::MIN;
        for (_, v) in self.seen() {
            low = low.min(*v);
            high = high.max(*v);
        }
        if low > high {
            return None;
        }
        let is_share = self.unit == "%" || self.unit == "ratio";
        for (at, v) in self.lines.iter().flat_map(|line| [line.from, line.to]) {
            if v.is_finite() && (self.from..=self.to).contains(&at) {
                low = low.min(v);
                high = high.max(v);
            }
        }
        let reach = high.abs().max(low.abs()) * if is_share { 10.0 } else { 2.5 };
        for limit in [self.thresholds.warn, self.thresholds.crit].into_iter().flatten() {
            if limit.abs() <= reach {
                low = low.min(limit);
                high = high.max(limit);
            }
        }
        // Where high values are the trouble, noise must not look like it.
        let high_is_bad = self.thresholds.direction == Direction::Above
            && (self.thresholds.warn.is_some() || self.thresholds.crit.is_some());
        if low >= 0.0 && (high_is_bad || low < high * 0.75) {
            low = 0.0;
        }
        if high - low < f64::EPSILON * high.abs().max(1.0) {
            let pad = if high == 0.0 { 1.0 } else { high.abs() * 0.1 };
            high += pad;
            low = if low >= 0.0 { (low - pad).max(0.0) } else { low - pad };
        }
        let is_percent = self.unit == "%" && high <= 100.0 && low >= 0.0;
        let around = |steps: u16| {
            let step = round_step((high - low) / f64::from(steps), self.unit);
            (step, (low / step).floor() * step, (high / step).ceil() * step)
        };
        // Round ends must not make a line flat where there are few rows.
        let steps = (rows / 3).clamp(1, 5);
        let is_close = |(_, l, h): &(f64, f64, f64)| h - l <= (high - low) * MOST_PADDED;
        let (step, mut low, mut high) = (steps..=rows.clamp(steps, 8))
            .map(around)
            .find(is_close)
            .unwrap_or_else(|| around(steps));
        if is_percent {
            (low, high) = (low.max(0.0), high.min(100.0));
        }
        let count = ((high - low) / step).round().clamp(1.0, 12.0) as usize;
        let ticks = (0..=count).map(|i| (low + step * i as f64).min(high)).collect();
        Some(Scale { low, high, ticks })
    }

    fn value_axis(&self, paint: &mut Paint<'_>, x: u16, plot: Rect, scale: &Scale) {
        let axis = paint.of(Role::Axis);
        let (muted, symbols) = (paint.of(Role::Muted), paint.theme.symbols);
        for y in plot.top()..plot.bottom() {
            paint.cell(plot.x - 1, y, symbols.line_v, axis);
        }
        let mut last = None;
        for tick in &scale.ticks {
            let y = row_of(*tick, plot, scale);
            if last == Some(y) {
                continue;
            }
            last = Some(y);
            paint.cell(plot.x - 1, y, symbols.tick, axis);
            paint.right(x, y, plot.x - x - 2, &self.label(*tick, scale), muted);
        }
    }

    /// A value of the axis; with as many decimals as tell neighbours apart.
    fn label(&self, tick: f64, scale: &Scale) -> String {
        let usual = |v: &f64| text::value(*v, self.unit);
        let same = scale.ticks.iter().zip(scale.ticks.iter().skip(1));
        if same.into_iter().all(|(a, b)| usual(a) != usual(b)) {
            return usual(&tick);
        }
        let (factor, unit) = text::scale(scale.low.abs().max(scale.high.abs()), self.unit);
        if (tick * factor).abs() >= MANY_DIGITS {
            return format!("{:.3e} {unit}", tick * factor).trim_end().to_owned();
        }
        let step = (scale.high - scale.low) / (scale.ticks.len().max(2) - 1) as f64 * factor;
        let decimals = (-step.log10()).ceil().clamp(0.0, 6.0) as usize;
        format!("{:.decimals$} {unit}", tick * factor).trim_end().to_owned()
    }

    fn thresholds(&self, paint: &mut Paint<'_>, plot: Rect, scale: &Scale) {
        for (limit, role, _) in self.limits(scale) {
            let (y, style) = (row_of(limit, plot, scale), paint.of(role));
            for x in plot.left()..plot.right() {
                paint.cell(x, y, paint.theme.symbols.dashed, style);
            }
        }
    }

    /// The thresholds that lie on the scale.
    fn limits(&self, scale: &Scale) -> impl Iterator<Item = (f64, Role, &'static str)> {
        let both = [
            (self.thresholds.warn, Role::LineWarn, "warn"),
            (self.thresholds.crit, Role::LineCrit, "crit"),
        ];
        let (low, high) = (scale.low, scale.high);
        both.into_iter().filter_map(move |(limit, role, word)| {
            Some((limit.filter(|l| (low..=high).contains(l))?, role, word))
        })
    }

    /// The names of the thresholds at the left, where the past is: over the dashes, never over the
    /// line itself.
    fn names(&self, paint: &mut Paint<'_>, plot: Rect, scale: &Scale) {
        for (limit, role, word) in self.limits(scale).filter(|_| plot.width > 30) {
            let (y, x, w) = (row_of(limit, plot, scale), plot.x + 1, width(word) + 2);
            let dashed = paint.theme.symbols.dashed;
            let free =
                (x..x + w).all(|x| paint.buf.cell((x, y)).is_some_and(|c| c.symbol() == dashed));
            if free {
                paint.put(x, y, w, &format!(" {word} "), role);
            }
        }
    }

    /// The points, or where there are more than columns of dots one for each column: the one nearest
    /// to trouble (the highest, unless low values are the trouble), so that no peak is lost and noise
    /// stays a line.
    fn thinned(&self, columns: i64) -> Vec<(Instant, f64)> {
        if self.seen().count() as i64 <= columns {
            return self.seen().copied().collect();
        }
        let span = (self.to - self.from).num_milliseconds().max(1);
        let low = self.thresholds.direction == Direction::Below;
        let mut out: Vec<(i64, (Instant, f64))> = Vec::new();
        for (at, v) in self.seen() {
            let column = (*at - self.from).num_milliseconds() * columns / span;
            match out.last_mut() {
                Some((last, kept)) if *last == column => {
                    if (*v < kept.1) == low {
                        *kept = (*at, *v);
                    }
                }
                _ => out.push((column, (*at, *v))),
            }
        }
        // Where it stands now is no noise.
        let now = self.seen().last().map(|point| (columns, *point));
        let now = now.filter(|(_, point)| out.last().is_none_or(|(_, kept)| kept != point));
        out.into_iter().chain(now).map(|(_, point)| point).collect()
    }

    /// Rasterises the line at two by four dots a cell; in ASCII at one mark a cell.
    fn line(&self, paint: &mut Paint<'_>, plot: Rect, scale: &Scale) {
        let ascii = paint.theme.is_ascii();
        let (across, down) = if ascii { (1, 1) } else { (2, 4) };
        let (w, h) = (i64::from(plot.width) * across, i64::from(plot.height) * down);
        let mut dots = Dots::new(plot, across, down);
        let span = (self.to - self.from).num_milliseconds().max(1);
        let dot = |at: Instant, v: f64| {
            let x = (at - self.from).num_milliseconds() * (w - 1) / span;
            let share = (v - scale.low) / (scale.high - scale.low);
            let y = ((1.0 - share) * (h - 1) as f64).round();
            (x.clamp(0, w - 1), (y as i64).clamp(0, h - 1))
        };
        let gap = usual_step(self.points) * i32::try_from(GAP_STEPS).unwrap_or(1);
        let mut before: Option<(Instant, f64)> = None;
        for (at, v) in self.thinned(w) {
            let to = dot(at, v);
            // Thinned points may be further apart than measured ones.
            match before.filter(|b| at - b.0 <= gap.max((self.to - self.from) * 3 / w as i32)) {
                Some((at, v)) => dots.stroke(dot(at, v), to),
                None => dots.set(to.0, to.1),
            }
            before = Some((at, v));
        }
        dots.paint(paint, self.style, ascii);
    }

    /// One sign a cell, so that it is told from the dots of what was measured.
    fn straight(&self, paint: &mut Paint<'_>, plot: Rect, scale: &Scale, line: &Line) {
        let length = (line.to.0 - line.from.0).num_milliseconds();
        if length <= 0 || !(line.to.1 - line.from.1).is_finite() {
            return;
        }
        for x in plot.left()..plot.right() {
            let at = self.instant(plot, x);
            if at < line.from.0 || at > line.to.0 {
                continue;
            }
            let passed = (at - line.from.0).num_milliseconds() as f64 / length as f64;
            let v = line.from.1 + (line.to.1 - line.from.1) * passed;
            if (scale.low..=scale.high).contains(&v) {
                paint.cell(x, row_of(v, plot, scale), paint.theme.symbols.dashed, line.style);
            }
        }
    }

    /// The instant in the middle of a column.
    fn instant(&self, plot: Rect, x: u16) -> Instant {
        let span = (self.to - self.from).num_milliseconds();
        let (into, cells) = (i64::from(x - plot.x) * 2 + 1, i64::from(plot.width.max(1)) * 2);
        self.from + TimeDelta::milliseconds(span / cells * into)
    }

    /// The marks in the lowest row of the plot; what would hide another one stands above it, the last one lowest.
    fn marks(&self, paint: &mut Paint<'_>, plot: Rect) {
        let span = (self.to - self.from).num_milliseconds().max(1);
        let mut there: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for mark in self.marks.iter().rev().filter(|m| (self.from..=self.to).contains(&m.at)) {
            let along = (mark.at - self.from).num_milliseconds() * i64::from(plot.width - 1) / span;
            let x = plot.x + u16::try_from(along).unwrap_or(0);
            let signs = there.entry(x).or_default();
            let up = u16::try_from(signs.len()).unwrap_or(u16::MAX);
            if !signs.contains(&mark.sign) && up < plot.height {
                paint.cell(x, plot.bottom() - 1 - up, mark.sign, mark.style);
                signs.push(mark.sign);
            }
        }
    }

    fn time_axis(&self, paint: &mut Paint<'_>, plot: Rect) {
        let y = plot.bottom();
        let span = self.to - self.from;
        let marks = i64::from(plot.width / 12).max(1);
        let step = time_step(span / i32::try_from(marks).unwrap_or(1));
        let days = step >= TimeDelta::days(1);
        let mut next_free = plot.x;
        let local = |at: Instant| at.with_timezone(&self.zone);
        let mut at = first_mark(local(self.from), step);
        while at < self.to {
            let text = if days {
                local(at).format("%-d %b").to_string()
            } else if step < TimeDelta::minutes(1) {
                local(at).format("%H:%M:%S").to_string()
            } else if span > TimeDelta::hours(24) {
                local(at).format("%a %H:%M").to_string()
            } else {
                local(at).format("%H:%M").to_string()
            };
            let along = (at - self.from).num_milliseconds() * i64::from(plot.width);
            let x = plot.x + u16::try_from(along / span.num_milliseconds().max(1)).unwrap_or(0);
            let w = width(&text);
            let x = x.saturating_sub(w / 2).max(plot.x);
            if x >= next_free && x + w <= plot.right() {
                paint.put(x, y, w, &text, Role::Muted);
                next_free = x + w + 2;
            }
            at += step;
        }
    }

    fn cursor(&self, paint: &mut Paint<'_>, plot: Rect) {
        let Some(at) = self.cursor.filter(|at| (self.from..=self.to).contains(at)) else { return };
        let span = (self.to - self.from).num_milliseconds().max(1);
        let along = (at - self.from).num_milliseconds() * i64::from(plot.width - 1) / span;
        let x = plot.x + u16::try_from(along).unwrap_or(0);
        let style = paint.of(Role::ChartCursor);
        let blank = ["⠀", " ", paint.theme.symbols.dashed];
        for y in plot.top()..plot.bottom() {
            let Some(cell) = paint.buf.cell((x, y)) else { continue };
            if blank.contains(&cell.symbol()) {
                paint.cell(x, y, paint.theme.symbols.line_v, style);
            } else {
                paint.over(Rect::new(x, y, 1, 1), Role::ChartCursor);
            }
        }
    }
}

/// The row of a value.
fn row_of(v: f64, plot: Rect, scale: &Scale) -> u16 {
    let share = ((v - scale.low) / (scale.high - scale.low)).clamp(0.0, 1.0);
    let down = ((1.0 - share) * f64::from(plot.height.saturating_sub(1))).round();
    plot.y + down as u16
}

/// The median distance between points, of a sample of them.
fn usual_step(points: &VecDeque<(Instant, f64)>) -> TimeDelta {
    let skip = (points.len() / 64).max(1);
    let pairs = points.iter().zip(points.iter().skip(1)).step_by(skip);
    let mut steps: Vec<i64> = pairs.map(|(a, b)| (b.0 - a.0).num_milliseconds()).collect();
    steps.sort_unstable();
    let median = steps.get(steps.len() / 2).copied().unwrap_or(60_000);
    TimeDelta::milliseconds(median.max(1))
}

/// 1, 2 or 5 times a power of ten (of 1024 for bytes; of minutes, hours and days for lengths of time
/// that are written so), at least `least`.
fn round_step(least: f64, unit: &str) -> f64 {
    let least = if least.is_finite() && least > 0.0 { least } else { 1.0 };
    let second = match unit {
        "s" => 1.0,
        "ms" => 1_000.0,
        _ => f64::INFINITY,
    };
    if least >= 30.0 * second {
        let steps = TIME_STEPS.into_iter().map(|s| s as f64 * second);
        let step = steps.skip_while(|s| *s < 60.0 * second).find(|s| *s >= least * 0.999);
        let day = 86_400.0 * second;
        return step.filter(|s| *s <= day).unwrap_or_else(|| round_step(least / day, "") * day);
    }
    let bytes = unit == "B" || unit == "B/s" || unit == "bytes";
    let scale = if bytes && least > 1.0 { 1024_f64.powf(least.log(1024.0).floor()) } else { 1.0 };
    let least = least / scale;
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0].into_iter().map(|m| m * power).find(|s| *s >= least * 0.999);
    step.unwrap_or(10.0 * power) * scale
}

const TIME_STEPS: [i64; 17] = [
    5, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
    172_800, 432_000,
];

fn time_step(least: TimeDelta) -> TimeDelta {
    let least = least.num_seconds();
    let step = TIME_STEPS.into_iter().find(|s| *s >= least).unwrap_or(864_000);
    TimeDelta::seconds(step)
}

/// The first instant from `from` on that is round in its own zone.
fn first_mark(from: DateTime<Tz>, step: TimeDelta) -> Instant {
    let second = i64::from(from.num_seconds_from_midnight());
    let step_s = step.num_seconds().max(1);
    let day = i64::from(from.num_days_from_ce()) * 86_400;
    let into = if step_s >= 86_400 { (day + second) % step_s } else { second % step_s };
    let first = from.to_utc() - TimeDelta::milliseconds(i64::from(from.timestamp_subsec_millis()));
    first + TimeDelta::seconds(if into == 0 { 0 } else { step_s - into })
}

/// A raster of dots over cells.
struct Dots {
    area: Rect,
    across: i64,
    down: i64,
    cells: Vec<u8>,
}

impl Dots {
    fn new(area: Rect, across: i64, down: i64) -> Self {
        let cells = vec![0; usize::from(area.width) * usize::from(area.height)];
        Self { area, across, down, cells }
    }

    fn set(&mut self, x: i64, y: i64) {
        /// The bit of a dot within a braille character, by column and row.
        const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
        let index = (y / self.down) * i64::from(self.area.width) + x / self.across;
        let column = usize::try_from(x % self.across).unwrap_or(0);
        let row = usize::try_from(y % self.down).unwrap_or(0);
        let bit = BITS.get(column).and_then(|c| c.get(row)).copied().unwrap_or(1);
        let cell = usize::try_from(index).ok().and_then(|i| self.cells.get_mut(i));
        if let Some(cell) = cell {
            *cell |= bit;
        }
    }

    /// A straight line without holes.
    fn stroke(&mut self, (x0, y0): (i64, i64), (x1, y1): (i64, i64)) {
        let (dx, dy) = (x1 - x0, y1 - y0);
        let steps = dx.abs().max(dy.abs()).max(1);
        for i in 0..=steps {
            self.set(x0 + dx * i / steps, y0 + dy * i / steps);
        }
    }

    fn paint(&self, paint: &mut Paint<'_>, style: Style, ascii: bool) {
        for (position, bits) in self.area.positions().zip(&self.cells) {
            if *bits == 0 {
                continue;
            }
            if ascii {
                paint.cell(position.x, position.y, "*", style);
                continue;
            }
            let sign = char::from_u32(0x2800 + u32::from(*bits)).unwrap_or('•');
            paint.cell(position.x, position.y, sign.encode_utf8(&mut [0; 4]), style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::terminal::{Depth, Glyphs};
    use crate::ui::theme::Theme;
    use chrono::{TimeZone, Utc};
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use rstest::rstest;

    #[rstest]
    #[case(45.0, "s", 60.0)]
    #[case(3_000.0, "s", 3_600.0)]
    #[case(20_000.0, "s", 21_600.0)]
    #[case(57.8 * 86_400.0, "s", 100.0 * 86_400.0)]
    #[case(41.0 * 86_400.0, "s", 50.0 * 86_400.0)]
    #[case(3e6, "ms", 3.6e6)]
    #[case(45.0, "", 50.0)]
    fn steps_of_long_times_are_round_minutes_hours_and_days(
        #[case] least: f64,
        #[case] unit: &str,
        #[case] expect: f64,
    ) {
        assert_eq!(round_step(least, unit), expect);
    }

    #[rstest]
    #[case("", 1e308)]
    #[case("s", 1e308)]
    #[case("B", -1e308)]
    #[case("%", 1e300)]
    fn no_label_of_the_axis_has_a_hundred_digits(#[case] unit: &str, #[case] value: f64) {
        let points: VecDeque<_> =
            (0..60).map(|m| (start() + TimeDelta::minutes(m), value)).collect();
        let thresholds = Thresholds::default();
        let chart = Chart { unit, ..chart(&points, &thresholds) };
        let scale = chart.scale(12).unwrap();
        for tick in &scale.ticks {
            let label = chart.label(*tick, &scale);
            assert!(label.len() <= 14, "{label}");
        }
    }

    fn start() -> Instant {
        Utc.with_ymd_and_hms(2026, 11, 23, 12, 7, 0).unwrap()
    }

    fn chart<'a>(points: &'a VecDeque<(Instant, f64)>, thresholds: &'a Thresholds) -> Chart<'a> {
        Chart {
            points,
            from: start(),
            to: start() + TimeDelta::hours(1),
            unit: "s",
            thresholds,
            zone: Tz::Europe__Madrid,
            cursor: None,
            style: Style::new(),
            lines: &[],
            marks: &[],
        }
    }

    fn drawn(chart: &Chart<'_>, w: u16, h: u16) -> Vec<String> {
        let theme = Theme::built_in("mono", Depth::Off, Glyphs::Ascii);
        let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
        chart.paint(&mut Paint::new(&mut buf, &theme), Rect::new(0, 0, w, h));
        buf.content()
            .chunks(usize::from(w))
            .map(|row| {
                row.iter()
                    .map(ratatui::buffer::Cell::symbol)
                    .collect::<String>()
                    .trim_end()
                    .to_owned()
            })
            .collect()
    }

    #[test]
    fn a_rising_line_is_drawn_with_its_thresholds_and_axes() {
        let points = (0..=60).map(|m| (start() + TimeDelta::minutes(m), m as f64 / 30.0)).collect();
        let thresholds = Thresholds { crit: Some(1.0), ..Thresholds::default() };
        let lines = drawn(&chart(&points, &thresholds), 50, 7);
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn straight_lines_and_marks_lie_beside_what_was_measured() {
        let points = (0..=30).map(|m| (start() + TimeDelta::minutes(m), 100.0 - m as f64 * 4.0));
        let points: VecDeque<_> = points.collect();
        let thresholds = Thresholds::default();
        let end = start() + TimeDelta::hours(1);
        let line = |from, to| Line { from, to, style: Style::new() };
        let lines = [
            line((start(), 100.0), (end, 0.0)),
            line((start() + TimeDelta::minutes(30), -20.0), (end, -140.0)),
        ];
        let mark = |minute, sign| Mark {
            at: start() + TimeDelta::minutes(minute),
            sign,
            style: Style::new(),
        };
        let marks = [mark(15, "x"), mark(40, "d"), mark(40, "d"), mark(40, "i")];
        let chart =
            Chart { unit: "%", lines: &lines, marks: &marks, ..chart(&points, &thresholds) };
        insta::assert_snapshot!(drawn(&chart, 50, 12).join("\n"));
    }

    #[test]
    fn a_pause_in_the_measurements_stays_a_gap() {
        let points: VecDeque<_> = (0..=60)
            .filter(|m| !(20..40).contains(m))
            .map(|m| (start() + TimeDelta::minutes(m), 1.0))
            .collect();
        let thresholds = Thresholds::default();
        let lines = drawn(&chart(&points, &thresholds), 71, 4);
        let row = lines.iter().find(|l| l.contains('*')).unwrap();
        let hole = row.trim_start_matches(|c| c != '*').trim_end().matches(' ').count();
        assert!((17..=22).contains(&hole), "{row:?}");
    }

    #[test]
    fn the_line_ends_where_it_stands_now() {
        let mut points: VecDeque<_> =
            (0..=3_600).map(|s| (start() + TimeDelta::seconds(s), 1.0)).collect();
        points[3_600].1 = -9.0;
        let thresholds = Thresholds::default();
        let thinned = chart(&points, &thresholds).thinned(100);
        assert_eq!(thinned.last(), points.back());
    }

    #[test]
    fn no_peak_is_lost_however_many_points_there_are() {
        let mut points: VecDeque<_> =
            (0..3_600).map(|s| (start() + TimeDelta::seconds(s), 1.0)).collect();
        points[1_234].1 = 9.0;
        let thresholds = Thresholds::default();
        let thinned = chart(&points, &thresholds).thinned(100);
        assert!(thinned.len() <= 101, "{}", thinned.len());
        assert!(thinned.iter().any(|p| p.1 == 9.0));
    }

    #[test]
    fn labels_of_neighbours_differ() {
        let points =
            (0..60).map(|m| (start() + TimeDelta::minutes(m), 99.90 + m as f64 / 900.0)).collect();
        let thresholds = Thresholds::default();
        let chart = Chart { unit: "%", ..chart(&points, &thresholds) };
        let scale = chart.scale(20).unwrap();
        let labels: Vec<_> = scale.ticks.iter().map(|t| chart.label(*t, &scale)).collect();
        let mut unique = labels.clone();
        unique.dedup();
        assert_eq!(labels, unique);
    }

    #[rstest]
    #[case(65_536.0)]
    #[case(1_024.0)]
    fn labels_of_large_numbers_that_hardly_differ_keep_their_unit(#[case] step: f64) {
        let points = (0..60)
            .map(|m| (start() + TimeDelta::minutes(m), 24_400_000_000.0 + m as f64 * step))
            .collect();
        let thresholds = Thresholds::default();
        let chart = Chart { unit: "B", ..chart(&points, &thresholds) };
        let scale = chart.scale(20).unwrap();
        for tick in &scale.ticks {
            let label = chart.label(*tick, &scale);
            assert!(label.ends_with(" GiB") && width(&label) < LABEL, "{label}");
        }
    }

    #[test]
    fn the_cursor_reads_the_nearest_value_but_not_across_a_gap() {
        let points: VecDeque<_> = [0, 1, 2, 3, 40]
            .iter()
            .map(|m| (start() + TimeDelta::minutes(*m), f64::from(*m as i32)))
            .collect();
        let thresholds = Thresholds::default();
        let chart = chart(&points, &thresholds);
        let read = |m| chart.read(start() + TimeDelta::minutes(m)).map(|p| p.1);
        assert_eq!((read(2), read(20), read(39)), (Some(2.0), None, Some(40.0)));
    }

    #[rstest]
    #[case(0.3, "s", 0.5)]
    #[case(21.0, "", 25.0)]
    #[case(3_000.0, "B", 5.0 * 1024.0)]
    #[case(0.0, "s", 1.0)]
    fn steps_are_round(#[case] least: f64, #[case] unit: &str, #[case] expect: f64) {
        assert!((round_step(least, unit) - expect).abs() < 1e-9);
    }

    #[test]
    fn marks_are_round_in_the_zone_of_the_site() {
        let zone: Tz = Tz::Asia__Kolkata;
        let mark = first_mark(start().with_timezone(&zone), TimeDelta::hours(1));
        assert_eq!(mark.with_timezone(&zone).format("%H:%M:%S").to_string(), "18:00:00");
    }

    proptest! {
        #[test]
        fn any_values_are_drawn_inside_the_area(
            values in prop::collection::vec(any::<f64>(), 0..50),
            w in 0_u16..80, h in 0_u16..20, cursor in 0_i64..70,
        ) {
            let points = values.iter().enumerate()
                .map(|(i, v)| (start() + TimeDelta::minutes(i as i64), *v)).collect();
            let thresholds = Thresholds { warn: Some(3.0), crit: Some(-4.0), ..Thresholds::default() };
            let mut chart = chart(&points, &thresholds);
            chart.cursor = Some(start() + TimeDelta::minutes(cursor));
            drawn(&chart, w.max(1), h.max(1));
        }
    }
}
