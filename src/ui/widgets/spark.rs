//! A line of history in one row of cells.

use std::collections::VecDeque;

use chrono::TimeDelta;
use ratatui::style::Style;

use super::paint::Paint;
use crate::domain::time::Instant;

/// The mean of the points in each of `cells` equal spans of `[from, to)`; `None` where there is none.
pub fn buckets(
    points: &VecDeque<(Instant, f64)>,
    from: Instant,
    to: Instant,
    cells: usize,
) -> Vec<Option<f64>> {
    let span = (to - from).num_milliseconds().max(1);
    let mut sums = vec![(0.0, 0_u32); cells];
    let first = points.partition_point(|p| p.0 < from);
    for (at, value) in points.range(first..).take_while(|p| p.0 < to) {
        let along = (*at - from).num_milliseconds();
        let index = i128::from(along) * cells as i128 / i128::from(span);
        let slot = usize::try_from(index).ok().and_then(|i| sums.get_mut(i));
        if let Some(slot) = slot.filter(|_| value.is_finite()) {
            slot.0 += value;
            slot.1 += 1;
        }
    }
    sums.into_iter().map(|(sum, n)| (n > 0).then(|| sum / f64::from(n))).collect()
}

/// What the lowest and the highest bar mean. Where there is a limit, bars show how near values come
/// to it; elsewhere a flat line stays in the lower half, whatever its height.
fn scale(values: &[Option<f64>], limit: Option<f64>) -> (f64, f64) {
    let known = || values.iter().flatten().copied();
    let (low, high) = (known().fold(f64::MAX, f64::min), known().fold(f64::MIN, f64::max));
    match limit {
        Some(limit) if limit > 0.0 && low >= 0.0 => (0.0, high.max(limit)),
        _ => {
            let span = (high - low).max(high.abs().max(low.abs()) * 0.2);
            (low - span * 0.3, low + span)
        }
    }
}

/// Draws the `span` before `now` in `cells` cells; cells without a value stay empty.
pub fn paint(
    paint: &mut Paint<'_>,
    (x, y, cells): (u16, u16, u16),
    points: &VecDeque<(Instant, f64)>,
    (now, span): (Instant, TimeDelta),
    limit: Option<f64>,
    style: Style,
) {
    // The newest value belongs into the last cell.
    let to = now + TimeDelta::milliseconds(1);
    let values = buckets(points, to - span, to, usize::from(cells));
    let (low, high) = scale(&values, limit);
    let range = high - low;
    let levels = &paint.theme.symbols.levels;
    for (value, x) in values.iter().zip(x..) {
        let Some(value) = value else { continue };
        let share = if range > 0.0 { (value - low) / range } else { 0.0 };
        // Never the full block: it would merge with the row above.
        let level = 1 + (share * 6.0).round().clamp(0.0, 6.0) as usize;
        paint.cell(x, y, levels.get(level).copied().unwrap_or(" "), style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone, Utc};

    #[test]
    fn a_limit_is_the_top_of_the_scale_unless_values_are_beyond_it() {
        assert_eq!(scale(&[Some(1.0), None, Some(2.0)], Some(10.0)), (0.0, 10.0));
        assert_eq!(scale(&[Some(30.0)], Some(10.0)), (0.0, 30.0));
    }

    #[test]
    fn a_flat_line_without_a_limit_is_low_whatever_its_height() {
        let (low, high) = scale(&[Some(100.0), Some(101.0)], None);
        let share = |v: f64| (v - low) / (high - low);
        assert!(share(100.0) > 0.1 && share(101.0) < 0.5);
    }

    #[test]
    fn spans_without_a_point_stay_empty() {
        let from = Utc.with_ymd_and_hms(2026, 11, 23, 12, 0, 0).unwrap();
        let at = |s| from + TimeDelta::seconds(s);
        let points = [(at(-1), 9.0), (at(0), 1.0), (at(5), 3.0), (at(35), 4.0), (at(40), 9.0)];
        let found = buckets(&points.into(), from, at(40), 4);
        assert_eq!(found, [Some(2.0), None, None, Some(4.0)]);
    }
}
