//! One service beside the list: why it is as it is, the chart of a signal, all signals, incidents,
//! facts.

use chrono::TimeDelta;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Charts, signals};
use crate::domain::health::rollup::ServiceHealth;
use crate::domain::health::signal::Track;
use crate::domain::text;
use crate::ui::screens::Ctx;
use crate::ui::theme::Role;
use crate::ui::widgets::{Chart, Paint, width};

/// From this width on the chart stands beside the rest.
const BESIDE: u16 = 110;
/// Lines of the chart: least and most.
const CHART: (u16, u16) = (5, 24);

/// `checkout ✖ critical 5m`.
pub fn title(ctx: &Ctx<'_>, health: &ServiceHealth) -> Vec<(String, Style)> {
    let theme = ctx.theme();
    let state = theme.state(health.state);
    let word = health.state.word();
    vec![
        (health.service.name.clone(), theme.of(Role::Title)),
        ("  ".to_owned(), theme.of(Role::Muted)),
        (format!("{} {word}", theme.glyph(health.state)), state),
        (" ".to_owned(), theme.of(Role::Muted)),
        (ctx.time(health.since), theme.of(Role::Muted)),
    ]
}

pub fn view(
    ctx: &Ctx<'_>,
    health: &ServiceHealth,
    charts: &Charts,
    area: Rect,
    paint: &mut Paint<'_>,
) {
    let title = title(ctx, health);
    let title: Vec<(&str, Style)> = title.iter().map(|(t, s)| (t.as_str(), *s)).collect();
    let inner = paint.panel(area, &title, false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    if inner.width >= BESIDE {
        // Wide and low: the chart at the left, the rest at the right.
        let left = Rect { width: inner.width * 3 / 5 - 2, ..inner };
        let right =
            Rect { x: inner.x + left.width + 3, width: inner.width - left.width - 3, ..inner };
        if let Some(track) = signals::chosen(health, charts.signal.as_ref()) {
            chart(ctx, track, charts, left, paint);
        }
        column(ctx, health, charts, false, right, paint);
    } else {
        column(ctx, health, charts, true, inner, paint);
    }
}

/// Everything one below the other, with or without the chart.
fn column(
    ctx: &Ctx<'_>,
    health: &ServiceHealth,
    charts: &Charts,
    with_chart: bool,
    inner: Rect,
    paint: &mut Paint<'_>,
) {
    let mut y = inner.y;
    let line = |y: u16| Rect { y, height: 1, ..inner }.intersection(inner);
    y += why(ctx, health, inner, paint);
    let chosen = signals::chosen(health, charts.signal.as_ref());
    let below = below(ctx, health, inner.width);
    if let Some(track) = chosen.filter(|_| with_chart) {
        let rest = u16::try_from(below.len() + health.signals.len()).unwrap_or(u16::MAX);
        let free = inner.bottom().saturating_sub(y + 3);
        let height = free.saturating_sub(rest).clamp(CHART.0, CHART.1).min(free);
        chart(ctx, track, charts, Rect { y, height: height + 1, ..inner }, paint);
        y += height + 2;
    }
    for track in &health.signals {
        if y >= inner.bottom() {
            return;
        }
        let is_chosen = chosen.is_some_and(|c| c.spec.name == track.spec.name);
        signal(ctx, track, is_chosen && health.signals.len() > 1, line(y), paint);
        y += 1;
    }
    y += 1;
    for spans in below {
        let spans: Vec<(&str, Style)> = spans.iter().map(|(t, s)| (t.as_str(), *s)).collect();
        if y < inner.bottom() {
            paint.spans(inner.x, y, inner.width, &spans);
        }
        y += 1;
    }
}

/// Likely cause, or reason; returns the lines that it took.
pub fn why(ctx: &Ctx<'_>, health: &ServiceHealth, area: Rect, paint: &mut Paint<'_>) -> u16 {
    let theme = paint.theme;
    let (muted, strong) = (theme.of(Role::Muted), theme.of(Role::Strong));
    let mut y = area.y;
    if !health.reason.is_empty() && y < area.bottom() {
        let reason = text::clean(&health.reason, 200);
        paint.text(area.x, y, area.width, &reason, theme.state(health.state));
        y += 1;
    }
    let cause = health.impacted_by.as_ref().and_then(|id| ctx.world.health.get(id));
    if let Some(cause) = cause.filter(|_| y < area.bottom()) {
        let state = format!("{} {}", theme.glyph(cause.state), cause.state.word());
        let age = ctx.time(cause.since);
        paint.spans(
            area.x,
            y,
            area.width,
            &[
                ("likely cause ", muted),
                (&cause.service.name, strong),
                ("  ", muted),
                (&state, theme.state(cause.state)),
                (" ", muted),
                (&age, muted),
            ],
        );
        y += 1;
    }
    if health.likely_cause && y < area.bottom() {
        let id = &health.service.id;
        let impacted = ctx.world.health.services.iter();
        let impacted = impacted.filter(|s| s.impacted_by.as_ref() == Some(id));
        let names: Vec<&str> = impacted.map(|s| s.service.name.as_str()).collect();
        let names = names.join(", ");
        paint.spans(area.x, y, area.width, &[("likely cause of ", muted), (&names, strong)]);
        y += 1;
    }
    if y > area.y { y - area.y + 1 } else { 0 }
}

/// The chart of one signal, below a line that says what it is: name, value or what the cursor
/// reads, thresholds, range.
pub fn chart(ctx: &Ctx<'_>, track: &Track, charts: &Charts, area: Rect, paint: &mut Paint<'_>) {
    if area.is_empty() {
        return;
    }
    let theme = paint.theme;
    let muted = theme.of(Role::Muted);
    let span = charts.range.span();
    let to = signals::aligned(ctx.now, span, area.width.saturating_mul(2));
    let told = charts.ranges.points(track, span, ctx.now);
    let chart = Chart {
        points: told.as_ref().unwrap_or(&track.points),
        from: to - span,
        to,
        unit: &track.spec.unit,
        thresholds: &track.spec.thresholds,
        zone: ctx.world.site.zone,
        cursor: charts.cursor.map(|at| at.max(to - span)),
        style: theme.of(Role::Chart),
        lines: &[],
        marks: &[],
    };
    let used = range(ctx, track, charts, area, paint);
    let room = area.width.saturating_sub(used + 2);
    let unit = &track.spec.unit;
    let mut spans: Vec<(String, Style)> =
        vec![(format!("{}  ", track.spec.name), theme.of(Role::Heading))];
    match chart.cursor {
        Some(at) => {
            let local = at.with_timezone(&ctx.world.site.zone);
            spans.push((local.format("%H:%M:%S  ").to_string(), theme.of(Role::Accent)));
            let value = chart.read(at).map(|(_, v)| text::value(v, unit));
            let value = value.unwrap_or_else(|| "nothing measured".to_owned());
            spans.push((value, theme.of(Role::ChartCursor)));
        }
        None => spans.push((signals::value(ctx, track), signals::style(ctx, track))),
    }
    let limits = &track.spec.thresholds;
    for (word, limit, role) in
        [("warn", limits.warn, Role::Warning), ("crit", limits.crit, Role::Critical)]
    {
        let Some(limit) = limit else { continue };
        let used: u16 = spans.iter().map(|(t, _)| width(t)).sum();
        if used + 8 + width(&text::value(limit, unit)) <= room {
            spans.push((format!("   {word} "), muted));
            spans.push((
                text::value(limit, unit),
                Style { add_modifier: muted.add_modifier, ..theme.of(role) },
            ));
        }
    }
    let spans: Vec<(&str, Style)> = spans.iter().map(|(t, s)| (t.as_str(), *s)).collect();
    paint.spans(area.x, area.y, room, &spans);
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    chart.paint(paint, body);
}

/// How far back the chart looks, and what keeps it from that; returns the cells that it took.
fn range(ctx: &Ctx<'_>, track: &Track, charts: &Charts, area: Rect, paint: &mut Paint<'_>) -> u16 {
    let (word, span) = (charts.range.word(), charts.range.span());
    let kept = ctx.world.plan.history;
    // The name and the value come first.
    let named = width(&track.spec.name) + width(&signals::value(ctx, track)) + 5;
    let fits = |text: &String| named + width(text) <= area.width;
    let (text, role) = match charts.ranges.note(track, span, kept, ctx.now) {
        None => (word, Role::Muted),
        Some((note, false)) => {
            let whole = Some(format!("{word}, {note}")).filter(fits);
            (whole.unwrap_or(word), Role::Muted)
        }
        Some((why, true)) => {
            let room = usize::from(area.width * 2 / 3);
            (text::clean(&format!("{word}: {why}"), room), Role::Unknown)
        }
    };
    paint.right(area.x, area.y, area.width, &text, paint.of(role));
    width(&text)
}

/// One signal in one line: sign, name, value, the last hour, its age if it is old.
pub fn signal(ctx: &Ctx<'_>, track: &Track, chosen: bool, area: Rect, paint: &mut Paint<'_>) {
    if area.is_empty() {
        return;
    }
    let theme = paint.theme;
    let state = signals::state(ctx, track);
    paint.text(area.x, area.y, 1, theme.glyph(state), theme.state(state));
    let name_width = (area.width * 2 / 5).clamp(10, 26);
    let role = if chosen { Role::Accent } else { Role::Text };
    paint.put(area.x + 2, area.y, name_width.saturating_sub(1), &track.spec.name, role);
    let x = area.x + 2 + name_width;
    let value = signals::value(ctx, track);
    paint.right(x, area.y, 10, &value, signals::style(ctx, track));
    let x = x + 12;
    let room = area.right().saturating_sub(x);
    let note = match signals::stale(ctx, track) {
        Some(age) => format!("{} old", text::duration(age)),
        None if track.flapping => "flapping".to_owned(),
        None => String::new(),
    };
    let reserve = if note.is_empty() { 0 } else { width(&note) + 1 };
    let cells = room.saturating_sub(reserve).min(40);
    if cells >= 4 {
        signals::spark(ctx, track, (x, area.y, cells), TimeDelta::hours(1), paint);
    }
    paint.right(x, area.y, room, &note, theme.of(Role::Unknown));
}

/// A line in pieces.
type Line = Vec<(String, Style)>;

/// What stands below the signals: incidents, what it depends on, where it belongs.
fn below(ctx: &Ctx<'_>, health: &ServiceHealth, _width: u16) -> Vec<Line> {
    let theme = ctx.theme();
    let (muted, plain) = (theme.of(Role::Muted), theme.of(Role::Text));
    let mut out: Vec<Line> = Vec::new();
    for id in health.incidents.iter().take(4) {
        let Some(incident) = ctx.world.incidents.get(*id) else { continue };
        let who = incident.standing.assignee.as_deref().unwrap_or(theme.symbols.none);
        let priority = format!(" {} ", incident.priority);
        out.push(vec![
            (priority, theme.priority(incident.priority)),
            (format!(" {id} "), theme.of(Role::Strong)),
            (format!("{} {} ", incident.state().short(), who), muted),
            (format!("{}  ", ctx.time(incident.opened_at)), muted),
            (text::clean(&incident.title, 120), plain),
        ]);
    }
    let more = health.incidents.len().saturating_sub(4);
    if more > 0 {
        out.push(vec![(format!("and {more} more incidents"), muted)]);
    }
    if !out.is_empty() {
        out.push(Vec::new());
    }
    let service = &health.service;
    let tier = Some(format!("tier {}", service.tier));
    // As long as values keep coming, their age is no news.
    let seen = health.observed_at.map(|at| {
        if health.stale { format!("seen {} ago", ctx.age(at)) } else { "live".to_owned() }
    });
    let facts: Vec<String> = [tier, service.team.clone(), seen].into_iter().flatten().collect();
    out.push(vec![(facts.join(&format!(" {} ", theme.symbols.dot)), muted)]);
    if !service.depends_on.is_empty() {
        let mut line = vec![("depends on ".to_owned(), muted)];
        for id in &service.depends_on {
            let known = ctx.world.health.get(id);
            let (sign, style) = known
                .map_or((theme.symbols.unknown, theme.of(Role::Unknown)), |s| {
                    (theme.glyph(s.state), theme.state(s.state))
                });
            line.push((sign.to_owned(), style));
            line.push((" ".to_owned(), plain));
            let name = known.map_or(id.as_str(), |s| s.service.name.as_str());
            line.push((format!("{name}  "), plain));
        }
        out.push(line);
    }
    let links: Vec<String> = super::links(health).into_iter().map(|(name, _)| name).collect();
    if !links.is_empty() {
        let key =
            ctx.prefs.settings.keymap.shown(crate::ui::keymap::Action::OpenLink, theme.is_ascii());
        out.push(vec![
            (format!("{} ", links.join(", ")), plain),
            (key.unwrap_or_default(), theme.of(Role::Key)),
        ]);
    }
    out
}
