//! How the signals of the service went around the beginning of an incident.

use std::sync::Arc;

use chrono::TimeDelta;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::facts::Eye;
use crate::domain::health::signal::Track;
use crate::domain::incident::Incident;
use crate::domain::text;
use crate::domain::time::Instant;
use crate::ui::screens::health::signals;
use crate::ui::theme::Role;
use crate::ui::widgets::{Chart, Paint};

/// So much is shown, and so much of it lies after the beginning, once that is past.
const SPAN: TimeDelta = TimeDelta::minutes(60);
const AFTER: TimeDelta = TimeDelta::minutes(40);
/// Lines of a chart with its heading: with fewer there are fewer charts, more are not needed.
const USUAL: u16 = 11;
/// A single one is still of use with so many.
const LEAST: u16 = 4;
const MOST: u16 = 15;

/// Draws as many charts as there is room for, one below the other, the worst signal first.
pub fn paint(incident: &Incident, eye: &Eye<'_>, paint: &mut Paint<'_>, area: Rect) {
    let to = (incident.opened_at + AFTER).min(eye.now);
    let to = signals::aligned(to, SPAN, area.width.saturating_mul(2));
    let tracks = tracks(incident, eye, to);
    let room = usize::from(area.height / (USUAL + 1));
    let room = room.max(usize::from(area.height > LEAST));
    let count = u16::try_from(tracks.len().min(room)).unwrap_or(0);
    let Some(each) = area.height.checked_div(count) else { return };
    let height = each.saturating_sub(1).min(MOST);
    for (track, n) in tracks.into_iter().zip(0..count) {
        let y = area.y + n * (height + 1) + 1;
        let width = area.width.saturating_sub(1);
        one(incident, track, to, eye, paint, Rect { y, width, height, ..area });
    }
}

/// The signals of its service that were measured then: those that are wrong come first.
fn tracks<'a>(incident: &Incident, eye: &Eye<'a>, to: Instant) -> Vec<&'a Arc<Track>> {
    let service = incident.service.as_ref().and_then(|id| eye.world.health.get(id));
    let signals = service.map_or(&[] as &[_], |health| health.signals.as_slice());
    let seen = |track: &&Arc<Track>| track.points.iter().any(|(at, _)| *at > to - SPAN && *at < to);
    let mut tracks: Vec<&Arc<Track>> = signals.iter().filter(seen).collect();
    tracks.sort_by_key(|track| std::cmp::Reverse(track.state.is_red().then_some(track.state)));
    tracks
}

/// `p99 latency  1.2 s when it opened, 2.1 s now`, and the line with a mark where it opened.
fn one(
    incident: &Incident,
    track: &Track,
    to: Instant,
    eye: &Eye<'_>,
    paint: &mut Paint<'_>,
    area: Rect,
) {
    let theme = eye.theme;
    let muted = theme.of(Role::Muted);
    let unit = &track.spec.unit;
    let chart = Chart {
        points: &track.points,
        from: to - SPAN,
        to,
        unit,
        thresholds: &track.spec.thresholds,
        zone: eye.zone(),
        cursor: Some(incident.opened_at),
        style: theme.of(Role::Chart),
        lines: &[],
        marks: &[],
    };
    let mut heading: Vec<(String, Style)> =
        vec![(track.spec.name.to_string(), theme.of(Role::Heading))];
    if let Some((_, then)) = chart.read(incident.opened_at) {
        let text = format!("  {} ", text::value(then, unit));
        heading.push((text, theme.of(Role::ChartCursor)));
        heading.push((format!("at {}", eye.clock(incident.opened_at)), muted));
    }
    if let Some(now) = track.last() {
        let red = track.state.is_red();
        let style = if red { theme.state(track.state) } else { theme.of(Role::Text) };
        heading.push((format!("  {} ", text::value(now, unit)), style));
        heading.push(("now".to_owned(), muted));
    }
    let pieces: Vec<(&str, Style)> = heading.iter().map(|(t, s)| (t.as_str(), *s)).collect();
    paint.spans(area.x, area.y, area.width, &pieces);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    chart.paint(paint, body);
}
