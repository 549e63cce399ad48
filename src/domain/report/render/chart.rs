//! A chart as SVG: sized by its view box, coloured by the style sheet of the page.

use std::fmt::Write as _;

use super::html::escape;
use crate::domain::report::document::{Chart, Form};
use crate::domain::report::show::Style;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 48.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 8.0;
/// The most labels under the axis; of more, every n-th is written.
const LABELS: usize = 10;

pub fn svg(chart: &Chart, style: Style) -> String {
    let title = escape(style.word(chart.title));
    let most = chart.series.iter().flat_map(|s| s.values.iter().flatten()).copied();
    let most = nice(most.filter(|v| v.is_finite()).fold(0.0, f64::max));
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>"
    );
    for part in 0..=2 {
        let value = most * f64::from(part) / 2.0;
        let y = y(value, most);
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            number(value)
        );
    }
    let n = chart.labels.len().max(1);
    let step = (WIDTH - LEFT) / n as f64;
    let every = n.div_ceil(LABELS);
    for (at, label) in chart.labels.iter().enumerate().filter(|(at, _)| at % every == 0) {
        let x = LEFT + step * (at as f64 + 0.5);
        let text = escape(&style.datum(label));
        let _ = write!(
            out,
            "<text class=\"axis\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
            HEIGHT - 6.0
        );
    }
    for (index, series) in chart.series.iter().enumerate() {
        let name = escape(&style.text(&series.name));
        let of = chart.series.len().max(1) as f64;
        match chart.form {
            Form::Bars => {
                let width = (step * 0.8 / of).max(1.0);
                for (at, value) in series.values.iter().enumerate() {
                    let Some(value) = value.filter(|v| v.is_finite()) else { continue };
                    let x = LEFT + step * (at as f64 + 0.1) + width * index as f64;
                    let top = y(value, most);
                    let height = (y(0.0, most) - top).max(0.0);
                    let label =
                        chart.labels.get(at).map(|l| escape(&style.datum(l))).unwrap_or_default();
                    let _ = write!(
                        out,
                        "<rect class=\"s{index}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" \
                         height=\"{height:.1}\"><title>{name} {label}: {}</title></rect>",
                        number(value)
                    );
                }
            }
            Form::Line => {
                let mut path = String::new();
                let mut pen = 'M';
                for (at, value) in series.values.iter().enumerate() {
                    let Some(value) = value.filter(|v| v.is_finite()) else {
                        // What is not known is a gap.
                        pen = 'M';
                        continue;
                    };
                    let x = LEFT + step * (at as f64 + 0.5);
                    let _ = write!(path, "{pen}{x:.1} {:.1}", y(value, most));
                    pen = 'L';
                }
                let _ = write!(
                    out,
                    "<path class=\"line s{index}\" d=\"{path}\"><title>{name}</title></path>"
                );
            }
        }
    }
    out.push_str("</svg>");
    out
}

fn y(value: f64, most: f64) -> f64 {
    let room = HEIGHT - BOTTOM - TOP;
    HEIGHT - BOTTOM - room * (value / most).clamp(0.0, 1.0)
}

/// The end of an axis: 1, 2 or 5 times a power of ten, and whole halves of small counts.
fn nice(most: f64) -> f64 {
    if most <= 2.0 {
        return 2.0;
    }
    let power = 10_f64.powf(most.log10().floor());
    [1.0, 2.0, 4.0, 5.0, 10.0]
        .into_iter()
        .map(|f| f * power)
        .find(|end| *end >= most)
        .unwrap_or(most)
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}
