//! What is known of one entry: beside the list in short, and full-screen with its checklist.

use chrono::{NaiveDate, TimeDelta};
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::board::{Board, Entry, HandOver, What};
use crate::domain::calendar::suppression::mutes;
use crate::domain::calendar::{
    Basis, FreezeException, Key, Kind, Occurrence, Source, Status, WindowId, inspections,
};
use crate::domain::observation::SourceState;
use crate::domain::roster::PersonId;
use crate::domain::roster::book::shown;
use crate::domain::text;
use crate::domain::time::{Instant, Interval, before, near, zone};
use crate::ui::screens::Ctx;
use crate::ui::theme::Role;
use crate::ui::widgets::paint::wrap;
use crate::ui::widgets::{Paint, width};

/// How many of the next occurrences are named.
const NEXT: usize = 4;

/// A fact: what it is about, and what it is.
struct Fact {
    label: &'static str,
    text: String,
    role: Role,
}

fn fact(label: &'static str, text: impl Into<String>, role: Role) -> Fact {
    Fact { label, text: text.into(), role }
}

/// The entry under the cursor in a panel.
pub(super) fn view_entry(
    ctx: &Ctx<'_>,
    board: &Board,
    (day, entry): (NaiveDate, Option<&Entry>),
    area: Rect,
    paint: &mut Paint<'_>,
) {
    let Some(entry) = entry else {
        let inner = paint.panel(area, &[("The day", paint.of(Role::Title))], false);
        let mut facts: Vec<Fact> =
            board.hand_overs(day).iter().map(|h| hand_over(ctx, h)).collect();
        facts.push(fact("", "N plans something for this day", Role::Muted));
        view_facts(&facts, inner, paint);
        return;
    };
    let mark = entry.mark(ctx.theme().symbols, ctx.now);
    let title = entry.title(&ctx.world.plan.roster);
    let sign = format!("{} ", mark.sign);
    let pieces: [(&str, Style); 2] =
        [(&sign, paint.of(mark.role)), (&title, paint.of(Role::Title))];
    let inner = paint.panel(area, &pieces, false);
    let facts = match &entry.what {
        What::Occurrence(one) => {
            let mut facts = against(ctx, board, &one.key);
            facts.extend(of_occurrence(ctx, one));
            facts
        }
        What::Expiry { day } => {
            let left = (*day - zone::local(ctx.now, ctx.world.site.zone).date()).num_days();
            let left = match left {
                0.. => {
                    format!("good for another {}", text::count(left.unsigned_abs() as usize, "day"))
                }
                _ => format!("expired {} ago", text::count(left.unsigned_abs() as usize, "day")),
            };
            vec![
                fact("last day", day.format("%a %-d %b %Y").to_string(), Role::Text),
                fact("", left, mark.role),
            ]
        }
    };
    view_facts(&facts, inner, paint);
}

fn hand_over(ctx: &Ctx<'_>, one: &HandOver) -> Fact {
    let roster = &ctx.world.plan.roster;
    let name =
        |id: &Option<PersonId>| id.as_ref().map_or("nobody", |id| roster.name(id)).to_owned();
    let schedule = roster.schedule(&one.schedule).map_or(&*one.schedule, |s| &s.name);
    let at = zone::local(one.at, ctx.world.site.zone).format("%H:%M");
    let said = format!("{at}  {schedule}: {} to {}", name(&one.from), name(&one.to));
    fact("", said, if one.to.is_none() { Role::Muted } else { Role::Text })
}

/// Draws facts below each other, as many as find room.
fn view_facts(facts: &[Fact], area: Rect, paint: &mut Paint<'_>) {
    let labels = facts.iter().map(|f| width(f.label)).max().unwrap_or(0);
    let (x, room) = (area.x + 1, area.width.saturating_sub(2));
    let cells = room.saturating_sub(labels + 2);
    let mut y = area.y;
    for fact in facts {
        if y < area.bottom() {
            paint.put(x, y, labels, fact.label, Role::Muted);
        }
        for line in wrap(&fact.text, cells) {
            if y < area.bottom() {
                paint.put(x + labels + 2, y, cells, &line, fact.role);
            }
            y = y.saturating_add(1);
        }
    }
}

/// What an occurrence collides with, the reasons that come first.
fn against(ctx: &Ctx<'_>, board: &Board, key: &Key) -> Vec<Fact> {
    let (roster, site) = (&ctx.world.plan.roster, ctx.world.site.zone);
    let line = |c: &crate::domain::calendar::conflicts::Conflict| {
        fact("collides", c.line(roster, site), Role::Warning)
    };
    board.against(key).iter().map(line).collect()
}

/// Everything that is known of an occurrence.
fn of_occurrence(ctx: &Ctx<'_>, one: &Occurrence) -> Vec<Fact> {
    let window = &one.window;
    let (roster, zone) = (&ctx.world.plan.roster, window.zone());
    let mut facts = Vec::new();
    let long = text::duration(one.planned.length());
    let planned = format!("{} {} ({long})", shown(one.planned, zone), zone.name());
    facts.push(fact("planned", planned, Role::Text));
    if let Some((from, to)) = one.actual() {
        let actual = match to {
            Some(to) => shown(Interval::new(from, to), zone),
            None => format!("since {}", near(from, ctx.now, zone)),
        };
        facts.push(fact("actual", actual, Role::Text));
    }
    if one.overrun {
        let over = text::duration(ctx.now - one.end());
        let mutes = if window.is_muting() { "; it mutes no more" } else { "" };
        let said = format!("its end was {over} ago{mutes}. + extends, C closes");
        facts.push(fact("overrun", said, Role::Warning));
    }
    let asked = one.record().into_iter().flat_map(|r| &r.asked).max_by_key(|(_, due)| **due);
    if let Some((prompt, _)) = asked.filter(|_| one.status == Status::InProgress && !one.overrun) {
        facts.push(fact("asked", prompt.text("it"), Role::Warning));
    }
    facts.push(approval(ctx, one));
    let kind = window.kind.word().replace('_', " ");
    let change = window.change.as_ref().map_or_else(String::new, |n| format!(" {n}"));
    let what = if window.kind.is_change() {
        format!("{kind}, {} change{change}", window.change_type.word())
    } else {
        format!("{kind}{change}")
    };
    facts.push(fact("kind", what, Role::Text));
    if !window.scope.is_empty() {
        facts.push(fact("touches", window.scope.to_string(), Role::Text));
    }
    if let Some(owner) = one.responsible() {
        let person = roster.person(&owner);
        let way = person.and_then(|p| p.phone.as_ref().or(p.chat.as_ref()).or(p.email.as_ref()));
        let way = way.map_or_else(String::new, |way| format!("  {way}"));
        facts.push(fact("owner", format!("{}{way}", roster.name(&owner)), Role::Text));
    }
    facts.push(muting(one, ctx.now));
    facts.extend(recurrence(one, ctx.now));
    if window.kind == Kind::Inspection {
        let deadlines = inspections::deadlines(one);
        let missed = deadlines.missed;
        let said = format!(
            "due {}, missed after {}",
            near(deadlines.due, ctx.now, zone),
            near(missed, ctx.now, zone)
        );
        facts.push(fact("inspection", said, Role::Text));
    }
    if let Some(length) = window.flexible {
        let long = text::duration(length.at_most());
        let said = format!("begins when its target goes down, and lasts {long}");
        facts.push(fact("flexible", said, Role::Text));
    }
    if let Some((back_out, decide)) = window.back_out.as_ref().zip(one.decision()) {
        let soon = one.is_open() && one.status == Status::InProgress && decide > ctx.now;
        let role = if soon { Role::Warning } else { Role::Text };
        let said = format!("{}; to be decided by {}", back_out.plan, near(decide, ctx.now, zone));
        facts.push(fact("back-out", said, role));
    }
    if let Some(finish) = one.record().and_then(|r| r.finished.as_ref()) {
        let code = finish.code.word().replace('_', " ");
        let note = if finish.note.is_empty() { "" } else { ": " };
        let by = roster.name(&finish.by);
        let said = format!("{code}{note}{} ({by} {})", finish.note, near(finish.at, ctx.now, zone));
        facts.push(fact("closed", said, Role::Text));
    } else if one.status == Status::Completed && window.kind.is_change() {
        facts.push(fact("closed", "not yet: C says how it went", Role::Muted));
    }
    if let Some(stamp) = one.record().and_then(|r| r.cancelled.as_ref()) {
        let said = format!(
            "by {} {}: {}",
            roster.name(&stamp.by),
            near(stamp.at, ctx.now, zone),
            stamp.reason
        );
        facts.push(fact("cancelled", said, Role::Text));
    }
    facts.extend(exceptions(ctx, one));
    if !window.checklist.is_empty() {
        let done = one.record().map_or(0, |r| r.checks.len());
        let failed = inspections::failures(one).count();
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let said = format!("{done} of {} checked{failed}", window.checklist.len());
        facts.push(fact("checklist", said, Role::Text));
    }
    let version = ctx.world.calendar.window(&window.id);
    let from = match version.map(|v| v.source) {
        Some(Source::Plan) => format!("{}, from the service plan", window.id),
        Some(Source::Store) => format!("{}, planned here", window.id),
        Some(Source::Imported) => imported(ctx, &window.id),
        None => format!("{}, withdrawn", window.id),
    };
    facts.push(fact("window", from, Role::Muted));
    facts
}

/// Where an imported one is from, and how old that is if the source answers no more.
fn imported(ctx: &Ctx<'_>, id: &WindowId) -> String {
    let status = ctx.world.sources.iter().find(|s| id.calendar() == Some(&*s.name));
    let old = status.filter(|s| s.state != SourceState::Fresh).and_then(|s| s.last_ok);
    let read = |at| format!(", as it was {}", near(at, ctx.now, ctx.world.site.zone));
    format!("{id}, from a calendar{}", old.map(read).unwrap_or_default())
}

fn approval(ctx: &Ctx<'_>, one: &Occurrence) -> Fact {
    let window = &one.window;
    if !window.needs_approval() {
        let why =
            if window.kind.is_change() { "standard change: beforehand" } else { "not needed" };
        return fact("approval", why, Role::Muted);
    }
    let zone = window.zone();
    let role = window
        .approver
        .as_ref()
        .map_or_else(String::new, |role| format!(" (takes the role {role})"));
    let stamp = one.record().and_then(|r| r.approved.as_ref());
    match (one.approved_since(), stamp) {
        (Some(_), Some(stamp)) => {
            let by = ctx.world.plan.roster.name(&stamp.by);
            fact("approval", format!("{by} {}", near(stamp.at, ctx.now, zone)), Role::Text)
        }
        (None, Some(_)) => fact(
            "approval",
            format!("of an earlier plan: Y approves it again{role}"),
            Role::Warning,
        ),
        _ if !one.is_open() => fact("approval", "never given", Role::Muted),
        _ => fact(
            "approval",
            format!("missing: Y approves it{role}; until then it mutes nothing"),
            Role::Warning,
        ),
    }
}

fn muting(one: &Occurrence, now: Instant) -> Fact {
    let zone = one.window.zone();
    if !one.window.is_muting() {
        let why = match one.window.kind {
            Kind::Drill => "no: a drill pages for real",
            Kind::Freeze => "no: a freeze is no work",
            _ => "no: alerts page as ever",
        };
        return fact("mutes", why, Role::Muted);
    }
    match mutes(one) {
        Some(at) if at.contains(now) => {
            let left = text::duration(at.to - now);
            fact(
                "mutes",
                format!("now, until {} ({left})", zone::local(at.to, zone).format("%H:%M")),
                Role::Maintenance,
            )
        }
        Some(at) => fact("mutes", shown(at, zone), Role::Text),
        None => fact("mutes", "nothing as it stands", Role::Muted),
    }
}

/// The rule in words, and when it takes place next.
fn recurrence(one: &Occurrence, now: Instant) -> Vec<Fact> {
    let window = &one.window;
    let mut facts = Vec::new();
    if let Some(Basis::Completed { months, days }) = window.inspection.map(|i| i.basis) {
        let months = (months > 0).then(|| text::count(months as usize, "month"));
        let days = (days > 0).then(|| text::count(days as usize, "day"));
        let after: Vec<String> = months.into_iter().chain(days).collect();
        let said = format!("{} after the last one was completed", after.join(" and "));
        facts.push(fact("recurs", said, Role::Text));
        return facts;
    }
    let Some(rule) = &window.recurrence.rule else { return facts };
    facts.push(fact("recurs", rule.words(), Role::Text));
    let next =
        window.recurrence.next(now.max(before(one.planned.from, -TimeDelta::seconds(1))), NEXT);
    let next: Vec<String> =
        next.iter().map(|s| s.local.format("%a %-d %b %H:%M").to_string()).collect();
    if !next.is_empty() {
        facts.push(fact("next", next.join(", "), Role::Muted));
    }
    facts
}

/// Of a freeze: what may be done in it all the same.
fn exceptions(ctx: &Ctx<'_>, one: &Occurrence) -> Vec<Fact> {
    let granted = ctx.world.calendar.exceptions().get(&one.window.id).into_iter().flatten();
    let all = granted.chain(&one.window.exceptions);
    let zone = one.window.zone();
    let said = |e: &FreezeException| {
        let title = ctx.world.calendar.window(&e.window);
        let title = title.map_or_else(|| e.window.to_string(), |v| v.window.title());
        let by = ctx.world.plan.roster.name(&e.approver);
        fact(
            "except",
            format!("{title} until {}, by {by}: {}", near(e.expires, ctx.now, zone), e.reason),
            Role::Text,
        )
    };
    all.map(said).collect()
}

/// What the clipboard gets.
pub(super) fn copied(ctx: &Ctx<'_>, one: &Occurrence) -> String {
    let facts = of_occurrence(ctx, one);
    let lines = facts.iter().map(|f| format!("{}: {}", f.label, f.text));
    std::iter::once(one.window.title()).chain(lines).collect::<Vec<_>>().join("\n")
}
