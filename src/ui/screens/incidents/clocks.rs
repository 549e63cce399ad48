//! Clocks of service levels: a word in the queue, a line each in the detail, and why they stand as they
//! do, line by line.
//!
//! ```text
//! ╭ Clocks of INC-2041 ─────────────────────────────────────────────────────────────╮
//! │ resolve  2h by ACME, gold (24x7)                                                │
//! │   due 16:15: 1h 55m left (4 %)                                                  │
//! │   13:58:02  14:03:00       4m  counted  round the clock                         │
//! │   14:03:00  14:20:00      17m  skipped  on hold for the customer                │
//! ╰─────────────────────────────────────────────────────────────────────── 1-3/12 ──╯
//! ```

use chrono::TimeDelta;
use ratatui::style::Style;

use super::facts::{Eye, Fact};
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::sla::clock::{Course, Line};
use crate::domain::sla::contract::Kind;
use crate::domain::sla::incident::{
    PRESSING, Promise, Stand, Summary, first, in_maintenance, promises,
};
use crate::domain::text::{clean, duration};
use crate::domain::time::{Instant, near, zone};
use crate::ui::screens::Ctx;
use crate::ui::theme::{Role, Theme};
use crate::ui::widgets::{Piece, width};

/// What the queue says: `resolve 1h 55m`, `paused`; without the name of the clock where it is narrow.
pub fn word(
    incident: &Incident,
    known: Option<&Summary>,
    eye: &Eye<'_>,
    narrow: bool,
) -> (String, Style) {
    let theme = eye.theme;
    let made = match known {
        Some(_) => None,
        None => Some(Summary::of(incident, &eye.world.plan.service_levels, eye.now)),
    };
    let Some(summary) = known.or(made.as_ref()) else { return (String::new(), Style::new()) };
    let named = |kind: Kind, text: &str| {
        if narrow { text.to_owned() } else { format!("{} {text}", kind.word()) }
    };
    let Some(next) = &summary.next else {
        return if summary.is_promised && summary.is_breached(eye.now) {
            (format!("{} missed", theme.symbols.critical), theme.of(Role::Muted))
        } else if summary.is_promised {
            (format!("{} met", theme.symbols.check), theme.of(Role::Ok))
        } else {
            (theme.symbols.none.to_owned(), theme.of(Role::Muted))
        };
    };
    let kind = next.promise.kind;
    let (clock, stand) = next.promise.stand(eye.now);
    let left = clock.left.map(duration).unwrap_or_default();
    let text = match stand {
        Stand::Paused(_) => "paused".to_owned(),
        Stand::Never => theme.symbols.none.to_owned(),
        _ => left,
    };
    (named(kind, &text), style(theme, &stand))
}

fn style(theme: &Theme, stand: &Stand) -> Style {
    theme.of(match stand {
        Stand::Met => Role::Ok,
        Stand::Missed | Stand::Breached => Role::Critical,
        Stand::Paused(_) => Role::Maintenance,
        Stand::Running(percent) if *percent >= PRESSING => Role::Warning,
        Stand::Running(_) => Role::Text,
        Stand::Never => Role::Muted,
    })
}

/// How a promise stands, in words: `due 15:58: 1h 55m left (4 %)`.
fn says(promise: &Promise, incident: &Incident, eye: &Eye<'_>) -> (String, Style) {
    let symbols = eye.theme.symbols;
    let (clock, stand) = (promise.clock(eye.now), promise.stand_of(incident, eye.now));
    let updates = promise.late(incident, eye.now);
    if let Some((late, all)) = updates.filter(|_| promise.is_over()) {
        let text = match late {
            0 => format!("{} each of {all} in time", symbols.check),
            late => format!("{} {late} of {all} late", symbols.critical),
        };
        return (text, style(eye.theme, &stand));
    }
    let due = clock.deadline.as_ref().map(|at| near(*at, eye.now, eye.zone()));
    let due = due.unwrap_or_default();
    let (elapsed, left) = (duration(clock.elapsed), clock.left.unwrap_or_default());
    let late = match (-left).max(TimeDelta::zero()) {
        late if late.is_zero() => "no open time since".to_owned(),
        late => format!("{} late", duration(late)),
    };
    let text = match &stand {
        Stand::Met => format!("{} met in {elapsed}", symbols.check),
        Stand::Missed => format!("{} missed: took {elapsed}, {late}", symbols.critical),
        Stand::Breached => {
            let percent = clock.percent().unwrap_or(100);
            format!("{} was due {due}: {late} ({percent} %)", symbols.critical)
        }
        Stand::Paused(why) => format!("paused: {} left, {why}", duration(left)),
        Stand::Running(percent) => {
            let closed = if clock.running { "" } else { ", closed now" };
            format!("due {due}: {} left ({percent} %){closed}", duration(left))
        }
        Stand::Never => clock.deadline.err().map(|never| never.to_string()).unwrap_or_default(),
    };
    let text = match updates {
        Some((late, all)) if late > 0 => format!("{text}; {late} of {all} late"),
        _ => text,
    };
    (text, style(eye.theme, &stand))
}

/// A line for each clock; of several contracts the one that is due first, with its name.
pub fn facts(incident: &Incident, eye: &Eye<'_>) -> Vec<Fact> {
    let promises = promises(incident, &eye.world.plan.service_levels);
    let several = promises.iter().any(|p| promises.iter().any(|q| p.contract != q.contract));
    let muted = eye.theme.of(Role::Muted);
    let line = |kind: Kind| {
        let promise = first(&promises, kind, eye.now)?;
        let (text, style) = says(promise, incident, eye);
        let by = if several { format!(" by {}", promise.contract.name) } else { String::new() };
        let target = Piece::new(format!("{}{by}  ", promise.course.target), muted);
        Some(Fact { label: kind.word(), value: vec![target, Piece::new(text, style)] })
    };
    Kind::ALL.into_iter().filter_map(line).collect()
}

/// Why they stand as they do, line by line.
pub fn explained(ctx: &Ctx<'_>, id: IncidentId) -> Vec<Vec<Piece>> {
    let eye = &super::eye(ctx);
    let theme = eye.theme;
    let (strong, muted) = (theme.of(Role::Strong), theme.of(Role::Muted));
    let Some(incident) = eye.world.incidents.get(id) else { return Vec::new() };
    let mut lines = Vec::new();
    let promises = promises(incident, &eye.world.plan.service_levels);
    for promise in &promises {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        let Promise { contract, kind, course } = promise;
        let of = format!("  {} by {} ({})", course.target, contract.name, course.calendar.id);
        lines.push(vec![Piece::new(kind.word(), strong), Piece::new(of, muted)]);
        let (text, style) = says(promise, incident, eye);
        lines.push(vec![Piece::new(format!("  {text}"), style)]);
        let courses = if *kind == Kind::Update { promise.courses(incident) } else { Vec::new() };
        lines.extend(courses.iter().map(|course| update(course, eye)));
        if !promise.is_owed() {
            continue;
        }
        let ledger = course.ledger(eye.now);
        let times: Vec<_> =
            ledger.iter().map(|l| [l.at.from, l.at.to].map(|at| local(at, eye))).collect();
        let widest = times.iter().flatten().map(|text| width(text)).max().unwrap_or(0);
        lines
            .extend(ledger.iter().zip(&times).map(|(line, times)| entry(line, times, widest, eye)));
    }
    if let Some(how) = in_maintenance(&promises, incident) {
        lines.extend([Vec::new(), vec![Piece::new(how, muted)]]);
    }
    if lines.is_empty() {
        lines.push(vec![Piece::new("nothing is promised for it", muted)]);
    }
    lines
}

/// One update: when it was due, when it came, and how late that was.
fn update(course: &Course, eye: &Eye<'_>) -> Vec<Piece> {
    let clock = course.clock(eye.now);
    let due = clock.deadline.as_ref().map_or("never".to_owned(), |at| local(*at, eye));
    let done = course.stop.map_or("not yet".to_owned(), |at| local(at, eye));
    let late = -clock.left.unwrap_or_default();
    let (said, role) = match (clock.breached, course.stop) {
        (true, _) => (format!("{} late", duration(late)), Role::Critical),
        (false, Some(_)) => ("in time".to_owned(), Role::Text),
        (false, None) => (String::new(), Role::Text),
    };
    let muted = eye.theme.of(Role::Muted);
    let times = Piece::new(format!("  due {due}  done {done}  "), muted);
    vec![times, Piece::new(said, eye.theme.of(role))]
}

/// An instant in the site's zone, with its day where that is not today.
fn local(at: Instant, eye: &Eye<'_>) -> String {
    let (local, today) = (zone::local(at, eye.zone()), zone::local(eye.now, eye.zone()).date());
    let form = if local.date() == today { "%H:%M:%S" } else { "%a %-d %b %H:%M:%S" };
    local.format(form).to_string()
}

/// An interval: when, how long, and why it counts or does not.
fn entry(line: &Line, times: &[String; 2], widest: u16, eye: &Eye<'_>) -> Vec<Piece> {
    let theme = eye.theme;
    let [from, to] = times;
    let length = duration(line.at.length());
    let (sign, role) =
        if line.counted { ("counted", Role::Text) } else { ("skipped", Role::Muted) };
    let widest = usize::from(widest);
    let times = format!("  {from:>widest$}  {to:>widest$}  {length:>7}  ");
    let why = clean(&line.why.to_string(), 120);
    vec![
        Piece::new(times, theme.of(Role::Muted)),
        Piece::new(format!("{sign}  {why}"), theme.of(role)),
    ]
}
