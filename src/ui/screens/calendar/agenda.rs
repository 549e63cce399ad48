//! The list of what is planned, day by day, and of what collides.

use chrono::{Datelike, NaiveDate};
use ratatui::layout::Rect;

use super::board::{Entry, Row, hours};
use super::{Calendar, Period, View, detail};
use crate::domain::roster::book::shown;
use crate::ui::screens::Ctx;
use crate::ui::theme::Role;
use crate::ui::widgets::{Column, Paint, Table, split};

const COLUMNS: [Column; 6] = [
    Column::new("WHEN", 12, 0),
    Column::fill("WHAT", 18),
    Column::new("TOUCHES", 20, 3),
    Column::new("OWNER", 12, 4),
    Column::new("COLLIDES", 8, 2),
    Column::new("STATUS", 13, 0),
];

/// What a narrow list has: one that stands beside the month.
const FEW: [Column; 4] = [
    Column::new("WHEN", 12, 0),
    Column::fill("WHAT", 12),
    Column::new("", 2, 0),
    Column::new("STATUS", 11, 1),
];

/// Lines of the collisions and the detail below a list, with their frame.
const BELOW: u16 = 11;

impl Calendar {
    pub(super) fn view_agenda(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let below = if area.height >= 10 + BELOW { BELOW } else { 0 };
        let (list, rest) = split(area, area.height - below);
        self.view_list(ctx, &self.when(ctx), list, paint);
        self.view_below(ctx, rest, paint);
    }

    /// The period in words.
    pub(super) fn when(&self, ctx: &Ctx<'_>) -> String {
        let (first, _) = self.days(ctx);
        match (self.view, self.period) {
            (View::Month, _) => self.day(ctx).format("%B %Y").to_string(),
            (_, Period::Week) => first.format("week of %-d %b %Y").to_string(),
            (_, Period::TwoWeeks) => first.format("two weeks from %-d %b %Y").to_string(),
            (_, Period::Month) => first.format("%B %Y").to_string(),
        }
    }

    /// What is under the cursor, and what collides in all of it.
    pub(super) fn view_below(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        if area.height < 3 {
            return;
        }
        let half = if area.width >= 100 { area.width / 2 } else { area.width };
        let left = Rect { width: half, ..area };
        detail::view_entry(ctx, &self.board, (self.day(ctx), self.entry(ctx)), left, paint);
        let right = Rect { x: area.x + half, width: area.width - half, ..area };
        if right.width > 2 {
            self.view_collisions(ctx, right, paint);
        }
    }

    pub(super) fn view_list(&self, ctx: &Ctx<'_>, title: &str, area: Rect, paint: &mut Paint<'_>) {
        let inner = paint.panel(area, &[(title, paint.of(Role::Title))], true);
        let (few, columns) = if area.width < 90 { (true, &FEW[..]) } else { (false, &COLUMNS[..]) };
        let visible = Table::room(inner.height, 1);
        let cursor = self.index(ctx);
        // A little of what is before stays in view, and the day's own line.
        let last = self.rows.len().saturating_sub(visible);
        let first = cursor.saturating_sub(visible / 4).min(last);
        let window = first..(first + visible).min(self.rows.len());
        let table = Table { columns, cursor, focused: true, sort: None, lines: 1 };
        table.paint(paint, inner, window.clone(), |index, line| match self.rows.get(index) {
            Some(Row::Day(day)) => {
                let (text, role) = self.heading(ctx, *day, index);
                let style = line.paint.of(role);
                line.across(&text, style);
            }
            Some(Row::Entry(index, day)) => {
                let Some(entry) = self.board.entries.get(*index) else { return };
                let cells = cells(ctx, entry, *day);
                let [when, what, touches, owner, collides, status] = cells;
                let all = [when, what, touches, owner, collides, status];
                let shown: Vec<(String, Role)> = if few {
                    let [when, what, _, _, (collides, role), status] = all;
                    let mark = if collides.is_empty() { "" } else { ctx.theme().symbols.warning };
                    vec![when, what, (mark.to_owned(), role), status]
                } else {
                    all.into()
                };
                for (column, (text, role)) in shown.iter().enumerate() {
                    let style = line.paint.of(*role);
                    line.cell(column, text, style);
                }
            }
            None => {}
        });
        if self.rows.len() > visible {
            let note = format!("{}–{}/{}", window.start + 1, window.end, self.rows.len());
            paint.note(area, &note, paint.of(Role::Muted));
        }
    }

    /// `Sat 28 Nov`, and whether it is today or has nothing.
    fn heading(&self, ctx: &Ctx<'_>, day: NaiveDate, index: usize) -> (String, Role) {
        let today = Self::today(ctx);
        let form = if day.year() == today.year() { "%a %-d %b" } else { "%a %-d %b %Y" };
        let mut text = day.format(form).to_string();
        match (day - today).num_days() {
            0 => text.push_str("  today"),
            1 => text.push_str("  tomorrow"),
            _ => {}
        }
        if !matches!(self.rows.get(index + 1), Some(Row::Entry(..))) {
            text.push_str("  nothing planned");
        }
        let turns = self.board.hand_overs(day).len();
        if turns > 0 {
            let said = crate::domain::text::count(turns, "hand-over");
            text = format!("{text}  {} {said}", ctx.theme().symbols.arrow_right);
        }
        (text, if day == today { Role::Accent } else { Role::Heading })
    }

    pub(super) fn view_collisions(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let all: Vec<_> = self.board.collisions().collect();
        let count = if all.is_empty() { String::new() } else { format!("  {}", all.len()) };
        let title = [("Collisions", paint.of(Role::Title)), (&*count, paint.of(Role::Warning))];
        let inner = paint.panel(area, &title, false);
        let (x, room) = (inner.x + 1, inner.width.saturating_sub(2));
        if all.is_empty() {
            paint.put(x, inner.y, room, "nothing collides", Role::Muted);
            return;
        }
        let roster = &ctx.world.plan.roster;
        let site = ctx.world.site.zone;
        // From the present on: what is past is not to be helped.
        let ahead = all.iter().position(|(_, c)| c.at.to > ctx.now).unwrap_or(0);
        // A reason has a line of its own where all find room so.
        let lines: usize = if (all.len() - ahead) * 2 <= usize::from(inner.height) { 2 } else { 1 };
        for ((entry, conflict), y) in
            all.iter().skip(ahead).zip((inner.y..inner.bottom()).step_by(lines))
        {
            let when = format!("{}  ", shown(conflict.at, site));
            let what = format!("{}: ", entry.title(roster));
            let reason = conflict.text(roster);
            let (muted, warning) = (paint.of(Role::Muted), paint.of(Role::Warning));
            let pieces = [(&*when, muted), (&*what, paint.of(Role::Text)), (&*reason, warning)];
            if lines == 1 {
                paint.spans(x, y, room, &pieces);
            } else {
                paint.spans(x, y, room, pieces.get(..2).unwrap_or_default());
                paint.text(x + 2, y + 1, room.saturating_sub(2), &reason, warning);
            }
        }
        let shown = all.len().saturating_sub(ahead);
        if shown * lines > usize::from(inner.height) {
            let note = format!("{} of {shown}", inner.height);
            paint.note(area, &note, paint.of(Role::Muted));
        }
    }
}

/// The cells of a line, in the order of the columns.
fn cells(ctx: &Ctx<'_>, entry: &Entry, day: NaiveDate) -> [(String, Role); 6] {
    let roster = &ctx.world.plan.roster;
    let mark = entry.mark(ctx.theme().symbols, ctx.now);
    let when = hours(entry, day, ctx.world.site.zone);
    let quiet = matches!(mark.role, Role::Muted | Role::Faint);
    let what = if quiet { mark.role } else { Role::Text };
    let owner = entry.occurrence().and_then(|one| one.window.owner.clone());
    let owner = owner.map(|id| roster.name(&id).to_owned()).unwrap_or_default();
    let collides = match entry.conflicts {
        0 => String::new(),
        n => format!("{} {n}", ctx.theme().symbols.warning),
    };
    [
        (when, Role::Muted),
        (format!("{} {}", mark.sign, entry.title(roster)), what),
        (entry.touches(), Role::Muted),
        (owner, Role::Muted),
        (collides, Role::Warning),
        (mark.word.to_owned(), mark.role),
    ]
}
