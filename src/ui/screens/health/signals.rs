//! How signals are shown: which one stands for a service, its value, its age, its line.

use std::sync::Arc;

use chrono::{DurationRound, TimeDelta};
use ratatui::style::Style;

use crate::domain::health::rollup::ServiceHealth;
use crate::domain::health::signal::{Track, classify};
use crate::domain::health::{Direction, SignalName, State};
use crate::domain::text;
use crate::domain::time::Instant;
use crate::ui::screens::Ctx;
use crate::ui::theme::Role;

/// The signal that stands for a service: the chosen one, otherwise the worst, the first of equals.
pub fn chosen<'a>(health: &'a ServiceHealth, name: Option<&SignalName>) -> Option<&'a Arc<Track>> {
    let by_name = name.and_then(|n| health.signals.iter().find(|t| t.spec.name == *n));
    by_name.or_else(|| worst(health.signals.iter()))
}

/// The worst of some signals, the first of equals; one that has values before one that has none.
pub fn worst<'a>(signals: impl Iterator<Item = &'a Arc<Track>>) -> Option<&'a Arc<Track>> {
    let rank = |t: &Track| (t.state.is_red().then_some(t.state), t.last().is_some());
    signals.fold(None, |best, t| match best {
        Some(b) if rank(b) >= rank(t) => Some(b),
        _ => Some(t),
    })
}

/// How old the newest value is, if it is older than the source's three intervals.
pub fn stale(ctx: &Ctx<'_>, track: &Track) -> Option<TimeDelta> {
    let at = track.observed_at?;
    let age = ctx.now - at;
    let source = ctx.world.sources.iter().find(|s| s.name == track.spec.source);
    let seconds = source.map_or(60, |s| s.interval_s.saturating_mul(3).clamp(3, 864_000));
    (age > TimeDelta::seconds(i64::try_from(seconds).unwrap_or(60))).then_some(age)
}

/// The newest value with its unit, or what the source said, or a dash.
pub fn value(ctx: &Ctx<'_>, track: &Track) -> String {
    match track.last() {
        Some(value) => text::value(value, &track.spec.unit),
        None if !track.message.is_empty() => text::clean(&track.message, 40),
        None if track.observed_at.is_some() => track.state.word().to_owned(),
        None => ctx.theme().symbols.none.to_owned(),
    }
}

/// The look of a value: the colour of the trouble that it is in, be it not for long enough yet to be
/// the signal's state; dimmed where it is old.
pub fn style(ctx: &Ctx<'_>, track: &Track) -> Style {
    let theme = ctx.theme();
    if stale(ctx, track).is_some() || track.observed_at.is_none() {
        theme.of(Role::Stale)
    } else {
        let level = track.last().map(|v| classify(&track.spec.thresholds, v, track.state));
        let level = level.unwrap_or(track.state).max(track.state);
        if level.is_red() { theme.state(level) } else { theme.of(Role::Text) }
    }
}

/// The state of a signal as it can be shown: an old *ok* is unknown.
pub fn state(ctx: &Ctx<'_>, track: &Track) -> State {
    if track.state == State::Ok && stale(ctx, track).is_some() {
        State::Unknown
    } else {
        track.state
    }
}

/// The end of a span that moves on only by whole steps, so that a picture of the past changes when
/// it moves by a cell, and not every second.
pub fn aligned(now: Instant, span: TimeDelta, steps: u16) -> Instant {
    let step = span / i32::from(steps.max(1));
    now.duration_trunc(step).map_or(now, |at| at + step)
}

/// The last hour of a signal in `cells` cells.
pub fn spark(
    ctx: &Ctx<'_>,
    track: &Track,
    at: (u16, u16, u16),
    span: TimeDelta,
    paint: &mut crate::ui::widgets::Paint<'_>,
) {
    let style = match stale(ctx, track) {
        Some(_) => paint.of(Role::Stale),
        None if track.state.is_red() => paint.theme.state(track.state),
        None => paint.of(Role::Spark),
    };
    // The colour only: emphasis would distort the bars.
    let style = Style { fg: style.fg, ..Style::new() };
    let end = aligned(ctx.now, span, at.2);
    let limits = &track.spec.thresholds;
    let limit = limits.crit.or(limits.warn).filter(|_| limits.direction == Direction::Above);
    crate::ui::widgets::spark::paint(paint, at, &track.points, (end, span), limit, style);
}
