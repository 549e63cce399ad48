//! The month as a grid of days, with the list beside it.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use ratatui::layout::Rect;

use super::board::Entry;
use super::{Calendar, detail};
use crate::domain::time::zone;
use crate::ui::screens::Ctx;
use crate::ui::theme::Role;
use crate::ui::widgets::{Paint, split};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A cell that is at least so wide has words in it.
const WORDS: u16 = 11;
/// And one that is so wide has times.
const TIMES: u16 = 20;

impl Calendar {
    pub(super) fn view_month(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        // Words in the days where there is room; else the list has it.
        let wide = area.width >= 130;
        let grid = if wide { area.width * 11 / 20 } else { (area.width * 9 / 20).min(46) };
        let left = Rect { width: grid, ..area };
        let right = Rect { x: area.x + grid, width: area.width - grid, ..area };
        let weeks = self.weeks(ctx);
        let least = u16::try_from(weeks).unwrap_or(6) * 3 + 3;
        let low = if wide { area.height } else { least.min(area.height) };
        let (month, below) = split(left, low);
        self.view_grid(ctx, weeks, month, paint);
        if below.height >= 4 {
            self.view_collisions(ctx, below, paint);
        }
        let about = if right.height >= 24 { right.height * 2 / 5 } else { 0 };
        let (list, about) = split(right, right.height - about);
        self.view_list(ctx, "Agenda", list, paint);
        if about.height >= 3 {
            detail::view_entry(ctx, &self.board, (self.day(ctx), self.entry(ctx)), about, paint);
        }
    }

    /// How many weeks touch the month.
    fn weeks(&self, ctx: &Ctx<'_>) -> usize {
        let (first, _) = self.days(ctx);
        let day = self.day(ctx);
        let week = |n: u64| first.checked_add_days(Days::new(7 * n)).unwrap_or(first);
        let touches = |n: &u64| {
            let monday = week(*n);
            let sunday = monday.checked_add_days(Days::new(6)).unwrap_or(monday);
            [monday, sunday].iter().any(|d| (d.year(), d.month()) == (day.year(), day.month()))
        };
        (0..6).filter(touches).count()
    }

    fn view_grid(&self, ctx: &Ctx<'_>, weeks: usize, area: Rect, paint: &mut Paint<'_>) {
        let title = self.day(ctx).format("%B %Y").to_string();
        let zone = format!("  {}", ctx.world.site.zone.name());
        let title = [(&*title, paint.of(Role::Title)), (&*zone, paint.of(Role::Muted))];
        let inner = paint.panel(area, &title, false);
        let (width, lines) = (inner.width / 7, inner.height.saturating_sub(1));
        let weeks = u16::try_from(weeks).unwrap_or(6).max(1);
        if width < 3 || lines < weeks {
            return;
        }
        let height = lines / weeks;
        for (name, x) in DAYS.iter().zip((inner.x..).step_by(usize::from(width))) {
            let weekend = matches!(*name, "Sat" | "Sun");
            let role = if weekend { Role::Faint } else { Role::Heading };
            paint.put(x + 1, inner.y, width - 1, name, role);
        }
        let (first, _) = self.days(ctx);
        for (n, day) in (0..weeks * 7).zip(first.iter_days()) {
            let cell = Rect {
                x: inner.x + (n % 7) * width,
                y: inner.y + 1 + (n / 7) * height,
                width: width.min(inner.right() - inner.x),
                height,
            };
            self.view_day(ctx, day, cell, paint);
        }
    }

    fn view_day(&self, ctx: &Ctx<'_>, day: NaiveDate, cell: Rect, paint: &mut Paint<'_>) {
        let (chosen, today) = (self.day(ctx), Self::today(ctx));
        let outside = day.month() != chosen.month();
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        let role = match () {
            () if day == today => Role::Accent,
            () if outside || weekend => Role::Faint,
            () => Role::Text,
        };
        let number = if day.day() == 1 && cell.width >= 7 {
            day.format("%-d %b").to_string()
        } else {
            day.day().to_string()
        };
        let on: Vec<&Entry> = self.board.on(day).collect();
        let room = cell.width - 1;
        let used = paint.put(cell.x + 1, cell.y, room, &number, role);
        if day == today {
            paint.put(cell.x + 2 + used, cell.y, room.saturating_sub(used + 1), "today", role);
        }
        let lines = cell.height.saturating_sub(1);
        if cell.width >= WORDS && lines > 0 {
            let fits = usize::from(lines);
            let shown = if on.len() > fits { fits - 1 } else { on.len() };
            for (entry, y) in on.iter().take(shown).zip(cell.y + 1..cell.bottom()) {
                view_brief(ctx, entry, day, (cell.x + 1, y, room), paint);
            }
            if on.len() > shown {
                let more = format!("+{} more", on.len() - shown);
                paint.put(cell.x + 1, cell.bottom() - 1, room, &more, Role::Muted);
            }
        } else {
            view_signs(ctx, &on, cell, paint);
        }
        if day == chosen {
            paint.select(Rect { x: cell.x, width: cell.width, ..cell }, Role::Selection);
        }
    }
}

/// `22:00 Kernel`, in one line of a day.
fn view_brief(
    ctx: &Ctx<'_>,
    entry: &Entry,
    day: NaiveDate,
    (x, y, room): (u16, u16, u16),
    paint: &mut Paint<'_>,
) {
    let mark = entry.mark(ctx.theme().symbols, ctx.now);
    let begins = zone::local(entry.at.from, ctx.world.site.zone);
    let is_whole = entry.at.length().num_hours() >= 23;
    let time = match () {
        () if begins.date() != day || is_whole || room < TIMES => String::new(),
        () => begins.format("%H:%M ").to_string(),
    };
    let sign = if entry.conflicts > 0 { ctx.theme().symbols.warning } else { mark.sign };
    let role = if entry.conflicts > 0 { Role::Warning } else { mark.role };
    let sign = format!("{sign} ");
    let title = entry.title(&ctx.world.plan.roster);
    let text = if role == Role::Warning { Role::Text } else { mark.role };
    let pieces =
        [(&*sign, paint.of(role)), (&*time, paint.of(Role::Muted)), (&*title, paint.of(text))];
    paint.spans(x, y, room, &pieces);
}

/// Where there is no room for words: a sign for each, collisions first.
fn view_signs(ctx: &Ctx<'_>, on: &[&Entry], cell: Rect, paint: &mut Paint<'_>) {
    let symbols = ctx.theme().symbols;
    let mut signs: Vec<(&str, Role)> = on
        .iter()
        .map(|e| {
            let mark = e.mark(symbols, ctx.now);
            if e.conflicts > 0 { (symbols.warning, Role::Warning) } else { (mark.sign, mark.role) }
        })
        .collect();
    signs.sort_by_key(|(_, role)| *role != Role::Warning);
    signs.dedup();
    // Below the number where there is a line for it, beside it otherwise.
    let (x, y) = if cell.height > 1 { (cell.x + 1, cell.y + 1) } else { (cell.x + 4, cell.y) };
    for ((sign, role), x) in signs.iter().zip(x..cell.right()) {
        paint.put(x, y, 1, sign, *role);
    }
}
