//! Clocks of service levels: a word in the queue, a line each in the detail, and why they stand as they
//! do, line by line.
//!
//! ```text
//! ╭ Clocks of INC-2041 ─────────────────────────────────────────────────────────────╮
//! │ resolve  2h by ACME, gold (24x7)          due 15:58: 1h 55m left (4 %)          │
//! │   13:58:02  14:03:00     4m  counted  round the clock                           │
//! │   14:03:00  14:20:00    17m           on hold for the customer                  │
//! ╰──────────────────────────────────────────────────────────────────────── x closes ╯
//! ```

use chrono::TimeDelta;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::facts::{Eye, Fact};
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::sla::clock::Line;
use crate::domain::sla::contract::Kind;
use crate::domain::sla::incident::{PRESSING, Promise, Stand, Summary, first, promises};
use crate::domain::text::{clean, duration};
use crate::domain::time::{near, zone};
use crate::ui::screens::{Ctx, centred};
use crate::ui::theme::{Role, Theme};
use crate::ui::widgets::{Paint, Piece, Scroll, fit};

/// What the queue says: `resolve 1h 55m`, `paused`; without the name of the clock where it is narrow.
pub fn word(
    incident: &Incident,
    known: Option<&Summary>,
    eye: &Eye<'_>,
    narrow: bool,
) -> (String, Style) {
    let theme = eye.theme;
    let made;
    let summary = match known {
        Some(known) => known,
        None => {
            made = Summary::of(incident, &eye.world.plan.service_levels, eye.now);
            &made
        }
    };
    let named = |kind: Kind, text: &str| match narrow {
        true => text.to_owned(),
        false => format!("{} {text}", kind.word()),
    };
    let Some(next) = &summary.next else {
        return if !summary.is_promised {
            (theme.symbols.none.to_owned(), theme.of(Role::Muted))
        } else if summary.is_breached(eye.now) {
            (format!("{} missed", theme.symbols.critical), theme.of(Role::Muted))
        } else {
            (format!("{} met", theme.symbols.check), theme.of(Role::Ok))
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
fn says(promise: &Promise, eye: &Eye<'_>) -> (String, Style) {
    let symbols = eye.theme.symbols;
    let (clock, stand) = promise.stand(eye.now);
    let zone = promise.course.calendar.zone(eye.now);
    let due = clock.deadline.as_ref().map(|at| near(*at, eye.now, zone)).unwrap_or_default();
    let (elapsed, left) = (duration(clock.elapsed), clock.left.unwrap_or_default());
    let late = duration((-left).max(TimeDelta::zero()));
    let text = match &stand {
        Stand::Met => format!("{} met in {elapsed}", symbols.check),
        Stand::Missed => format!("{} missed: took {elapsed}, {late} late", symbols.critical),
        Stand::Breached => {
            let percent = clock.percent().unwrap_or(100);
            format!("{} was due {due}: {late} late ({percent} %)", symbols.critical)
        }
        Stand::Paused(why) => format!("paused, {why}: {} left", duration(left)),
        Stand::Running(percent) => format!("due {due}: {} left ({percent} %)", duration(left)),
        Stand::Never => clock.deadline.err().map(|never| never.to_string()).unwrap_or_default(),
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
        let (text, style) = says(promise, eye);
        let by = if several { format!(" by {}", promise.contract.name) } else { String::new() };
        let target = Piece::new(format!("{}{by}  ", promise.course.target), muted);
        Some(Fact { label: kind.word(), value: vec![target, Piece::new(text, style)] })
    };
    Kind::ALL.into_iter().filter_map(line).collect()
}

/// The lines of the explanation.
fn lines(id: IncidentId, eye: &Eye<'_>) -> Vec<Vec<Piece>> {
    let theme = eye.theme;
    let (strong, muted) = (theme.of(Role::Strong), theme.of(Role::Muted));
    let Some(incident) = eye.world.incidents.get(id) else { return Vec::new() };
    let mut lines = Vec::new();
    for promise in promises(incident, &eye.world.plan.service_levels) {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        let Promise { contract, kind, course } = &promise;
        let of = format!("  {} by {} ({})", course.target, contract.name, course.calendar.id);
        lines.push(vec![Piece::new(kind.word(), strong), Piece::new(of, muted)]);
        let (text, style) = says(&promise, eye);
        lines.push(vec![Piece::new(format!("  {text}"), style)]);
        lines.extend(course.ledger(eye.now).iter().map(|line| entry(line, &promise, eye)));
    }
    if lines.is_empty() {
        lines.push(vec![Piece::new("nothing is promised for it", muted)]);
    }
    lines
}

/// An interval: when, how long, and why it counts or does not.
fn entry(line: &Line, promise: &Promise, eye: &Eye<'_>) -> Vec<Piece> {
    let theme = eye.theme;
    let zone = promise.course.calendar.zone(eye.now);
    let today = zone::local(eye.now, zone).date();
    let local = |at| {
        let local = zone::local(at, zone);
        let form = if local.date() == today { "%H:%M:%S" } else { "%a %-d %b %H:%M:%S" };
        format!("{:>19}", local.format(form).to_string())
    };
    let (from, to, length) = (local(line.at.from), local(line.at.to), duration(line.at.length()));
    let (sign, role) =
        if line.counted { ("counted", Role::Text) } else { ("skipped", Role::Muted) };
    let times = format!("  {from} {to} {length:>8}  ");
    let why = clean(&line.why.to_string(), 120);
    vec![
        Piece::new(times, theme.of(Role::Muted)),
        Piece::new(format!("{sign}  {why}"), theme.of(role)),
    ]
}

/// The explanation of an incident's clocks, over everything else.
#[derive(Debug)]
pub struct Explained {
    pub id: IncidentId,
    pub at: Scroll,
}

impl Explained {
    fn area(screen: Rect, lines: usize) -> Rect {
        let height = u16::try_from(lines + 2).unwrap_or(u16::MAX).max(8);
        let height = height.min(screen.height.saturating_sub(2));
        centred(screen, screen.width.saturating_sub(4).clamp(40, 100), height)
    }

    /// How many lines there are, and how many are in view.
    pub fn extent(&self, ctx: &Ctx<'_>, screen: Rect) -> (usize, usize) {
        let lines = lines(self.id, &super::eye(ctx)).len();
        (lines, usize::from(Self::area(screen, lines).height.saturating_sub(2)))
    }

    pub fn view(&self, ctx: &Ctx<'_>, screen: Rect, paint: &mut Paint<'_>) {
        let lines = lines(self.id, &super::eye(ctx));
        let area = Self::area(screen, lines.len());
        paint.fill(area, Role::Overlay);
        let title = format!("Clocks of {}", self.id);
        let inner = paint.panel(area, &[(&title, paint.of(Role::Title))], true);
        let room = inner.width.saturating_sub(2);
        for (line, y) in lines.iter().skip(self.at.0).zip(inner.top()..inner.bottom()) {
            paint.pieces(inner.x + 1, y, room, line);
        }
        let (above, height) = (self.at.0, usize::from(inner.height));
        if lines.len() > height {
            let last = (above + height).min(lines.len());
            let note = format!("{}-{last}/{}", above + 1, lines.len());
            let note = fit(&note, room, paint.theme.symbols.ellipsis).into_owned();
            paint.note(area, &note, paint.of(Role::Muted));
        }
    }
}
