//! Where nobody is on call or somebody twice, all of it, and how the load is spread.

use ratatui::layout::Rect;

use super::OnCall;
use super::board::{AHEAD, Trouble};
use crate::domain::roster::book::shown;
use crate::domain::text;
use crate::ui::screens::{Ctx, Place, Step};
use crate::ui::theme::Role;
use crate::ui::widgets::{Column, Paint, Table, split};

const COLUMNS: [Column; 4] = [
    Column::fill("WHAT", 16),
    Column::new("WHEN", 28, 0),
    Column::right("LENGTH", 7, 1),
    Column::new("WHY", 33, 2),
];

/// What, when, how long and why, in words.
pub(super) fn told(ctx: &Ctx<'_>, trouble: &Trouble) -> [String; 4] {
    let roster = &ctx.world.plan.roster;
    let zone = |id: &str| roster.schedule(id).map_or(ctx.world.site.zone, |s| s.zone);
    let length = text::duration(trouble.at().length());
    match trouble {
        Trouble::Gap(id, gap) => {
            let what = format!("{id} gap {length}");
            [what, shown(gap.at, zone(id)), length, gap.why.text().to_owned()]
        }
        Trouble::Twice(booking) => {
            let [one, other] = &booking.schedules;
            let what = format!("{} twice", roster.name(&booking.person));
            [what, shown(booking.at, zone(one)), length, format!("{one} and {other}")]
        }
        Trouble::Away(away) => {
            let what = format!("{} away", roster.name(&away.person));
            let why = format!("on call on {}: {}", away.schedule, away.reason);
            [what, shown(away.at, zone(&away.schedule)), length, why]
        }
    }
}

impl OnCall {
    pub(super) fn view_gaps(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let (list, load) = if area.width >= 130 {
            let left = Rect { width: area.width * 3 / 5, ..area };
            (left, Rect { x: area.x + left.width, width: area.width - left.width, ..area })
        } else {
            split(area, area.height / 2)
        };
        self.view_all_gaps(ctx, list, paint);
        self.view_load(ctx, load, paint);
    }

    fn view_all_gaps(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let troubles = &self.board.troubles;
        let title = format!(
            "Gaps, double bookings, absences  {} in {} days",
            troubles.len(),
            AHEAD.num_days()
        );
        let inner = paint.panel(area, &[(&title, paint.of(Role::Title))], true);
        if troubles.is_empty() {
            let room = inner.width.saturating_sub(2);
            let said = "none: somebody is on call, and once";
            paint.put(inner.x + 1, inner.y, room, said, Role::Muted);
            return;
        }
        let visible = Table::room(inner.height, 1);
        let first = (self.gap + 1).saturating_sub(visible);
        let last = (first + visible).min(troubles.len());
        let table =
            Table { columns: &COLUMNS, cursor: self.gap, focused: true, sort: None, lines: 1 };
        table.paint(paint, inner, first..last, |index, line| {
            let Some(trouble) = troubles.get(index) else { return };
            let roles = [Role::Warning, Role::Text, Role::Text, Role::Muted];
            for (column, (text, role)) in told(ctx, trouble).iter().zip(roles).enumerate() {
                let style = line.paint.of(role);
                line.cell(column, text, style);
            }
        });
        if troubles.len() > visible {
            let note = format!("{}–{last}/{}", first + 1, troubles.len());
            paint.note(area, &note, paint.of(Role::Muted));
        }
    }

    /// To the schedule, at that time.
    pub(super) fn open_gap(&self) -> Vec<Step> {
        let Some(trouble) = self.board.troubles.get(self.gap) else { return Vec::new() };
        let schedule = match trouble {
            Trouble::Gap(id, _) => id.clone(),
            Trouble::Twice(booking) => booking.schedules[0].clone(),
            Trouble::Away(away) => away.schedule.clone(),
        };
        vec![Step::Go(Place::OnCallAt(schedule, trouble.at().from))]
    }
}
