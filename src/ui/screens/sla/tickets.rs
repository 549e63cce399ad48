//! Ticket clocks: what of a month was kept, what is due next, what was broken.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{Datelike, Months, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use ratatui::layout::Rect;

use super::records;
use crate::domain::incident::IncidentId;
use crate::domain::sla::attainment::{Attainment, Breach, Count, Line};
use crate::domain::sla::clock::Target;
use crate::domain::sla::contract::Kind;
use crate::domain::sla::credits;
use crate::domain::sla::due::DueNext;
use crate::domain::sla::incident::{Due, PRESSING};
use crate::domain::time::{Instant, Interval, near, zone};
use crate::domain::{slo, text};
use crate::ui::cmd::Cmd;
use crate::ui::overlay::Overlay;
use crate::ui::screens::{Ctx, Place, Step};
use crate::ui::theme::Role;
use crate::ui::widgets::{Column, Cursor, Item, Paint, Picker, Table, split};

/// How long counted figures count as current while incidents go on changing.
const CURRENT: TimeDelta = TimeDelta::seconds(10);
/// How many months the picker offers.
const MONTHS: u32 = 13;

const KEPT: [Column; 7] = [
    Column::new("", 3, 0),
    Column::new("CLOCK", 8, 0),
    Column::right("TARGET", 7, 3),
    Column::right("KEPT", 7, 0),
    Column::right("", 7, 0),
    Column::right("RUNNING", 7, 2),
    Column::fill("CONTRACT", 8),
];

const DUE: [Column; 6] = [
    Column::new("INCIDENT", 9, 0),
    Column::new("", 3, 1),
    Column::new("CLOCK", 8, 0),
    Column::right("LEFT", 9, 0),
    Column::new("SERVICE", 12, 2),
    Column { priority: 3, ..Column::fill("WHAT", 10) },
];

const BROKEN: [Column; 7] = [
    Column::new("INCIDENT", 9, 0),
    Column::new("", 3, 1),
    Column::new("CLOCK", 8, 0),
    Column::right("LATE BY", 9, 0),
    Column::new("DUE", 14, 3),
    Column::new("SERVICE", 12, 2),
    Column { priority: 4, ..Column::fill("CAUSE", 10) },
];

/// A month of the site's calendar.
pub type Month = NaiveDate;

/// The panes about tickets.
#[derive(Debug, Default)]
pub struct Tickets {
    /// Only this contract; `None`: all.
    contract: Option<Arc<str>>,
    /// Its first day; `None`: the present one, and it goes along.
    month: Option<Month>,
    counted: Option<Counted>,
    /// What was asked for and has not been answered.
    asked: Option<Interval>,
    line: Cursor<Line>,
    due: DueNext,
    next: Cursor<IncidentId>,
    breach: Cursor<(IncidentId, Kind, Arc<str>, Instant)>,
}

/// What was counted, and of which incidents.
#[derive(Debug)]
struct Counted {
    at: Instant,
    generation: u64,
    period: Interval,
    result: Result<Attainment, String>,
}

/// The month that an instant is in.
pub fn month_of(at: Instant, zone: Tz) -> Month {
    let day = zone::local(at, zone).date();
    day.with_day(1).unwrap_or(day)
}

/// From the first midnight of a month to that of the next.
pub fn span(month: Month, zone: Tz) -> Interval {
    let next = month.checked_add_months(Months::new(1)).unwrap_or(month);
    Interval::new(zone::midnight(month, zone), zone::midnight(next, zone))
}

/// How many lines say what was achieved.
const ACHIEVED: usize = 2;

/// `checkout 99.4649 % <99.9 %: credit 10 %`
fn in_a_line(line: &credits::Line) -> String {
    let ppm = |ppm: u32| {
        let text = slo::percent(i64::from(ppm), 4);
        format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
    };
    let service = &line.service;
    let Some(written) = line.written() else {
        let why = if line.is_thin() { "less than 1 % of it is known" } else { "no time counts" };
        return format!("{service}: no availability, {why}");
    };
    let mut said = format!("{service} {written} %");
    if let Some(band) = line.band() {
        said += &band.tier.map(|tier| format!(" <{}", ppm(tier.below))).unwrap_or_default();
        said += &band.least.map(|least| format!(" ≥{}", ppm(least))).unwrap_or_default();
    }
    let credit = line.credit().map(|credit| format!(": credit {}", ppm(credit)));
    said + &credit.unwrap_or_default()
}

impl Tickets {
    fn month(&self, ctx: &Ctx<'_>) -> Month {
        self.month.unwrap_or_else(|| month_of(ctx.now, ctx.world.site.zone))
    }

    fn period(&self, ctx: &Ctx<'_>) -> Interval {
        span(self.month(ctx), ctx.world.site.zone)
    }

    /// Another month or one contract only is shown.
    pub fn is_away(&self) -> bool {
        self.month.is_some() || self.contract.is_some()
    }

    pub fn present(&mut self) {
        (self.month, self.contract) = (None, None);
    }

    pub fn show(&mut self, contract: Option<Arc<str>>, month: Option<Month>) {
        (self.contract, self.month) = (contract, month);
    }

    pub fn turn(&mut self, ctx: &Ctx<'_>, forward: bool) {
        let (month, present) = (self.month(ctx), month_of(ctx.now, ctx.world.site.zone));
        let one = Months::new(1);
        let to =
            if forward { month.checked_add_months(one) } else { month.checked_sub_months(one) };
        if let Some(to) = to.filter(|to| *to <= present && to.year() >= 1970) {
            self.month = (to != present).then_some(to);
        }
    }

    /// Asks for the figures of the month, where they are none or old.
    pub fn wants(&mut self, ctx: &Ctx<'_>) -> Option<Cmd> {
        if ctx.world.plan.service_levels.is_empty() {
            return None;
        }
        let period = self.period(ctx);
        let is_current = |counted: &Counted| {
            counted.period == period
                && (counted.generation == ctx.world.incidents.generation
                    || ctx.now - counted.at < CURRENT)
        };
        if self.asked == Some(period) || self.counted.as_ref().is_some_and(is_current) {
            return None;
        }
        self.asked = Some(period);
        Some(Cmd::Attain(period))
    }

    /// What was asked for was counted.
    pub fn attained(
        &mut self,
        period: Interval,
        result: Result<Attainment, String>,
        ctx: &Ctx<'_>,
    ) {
        if self.asked == Some(period) {
            self.asked = None;
        }
        if period == self.period(ctx) {
            let generation = ctx.world.incidents.generation;
            self.counted = Some(Counted { at: ctx.now, generation, period, result });
        }
    }

    fn attainment(&self, ctx: &Ctx<'_>) -> Option<&Result<Attainment, String>> {
        let period = self.period(ctx);
        self.counted.as_ref().filter(|counted| counted.period == period).map(|c| &c.result)
    }

    fn is_shown(&self, contract: &Arc<str>) -> bool {
        self.contract.as_ref().is_none_or(|only| only == contract)
    }

    /// The figures of the month, those of one contract together.
    fn figures(&self, ctx: &Ctx<'_>) -> Vec<(&Line, &Count)> {
        let Some(Ok(all)) = self.attainment(ctx) else { return Vec::new() };
        all.lines.iter().filter(|(line, _)| self.is_shown(&line.contract)).collect()
    }

    /// What the services of the one contract that is shown achieved, in lines: at most two.
    pub fn achieved(&self, ctx: &Ctx<'_>) -> Vec<String> {
        let (Some(Ok(all)), Some(only)) = (self.attainment(ctx), &self.contract) else {
            return Vec::new();
        };
        let mut found: Vec<_> = all.achieved.iter().filter(|l| l.contract.id == *only).collect();
        // What gives most back first.
        found.sort_by_key(|line| Reverse(line.credit()));
        let more = found.len().saturating_sub(ACHIEVED);
        let mut lines: Vec<String> = found.into_iter().take(ACHIEVED).map(in_a_line).collect();
        if let Some(last) = lines.last_mut().filter(|_| more > 0) {
            let _ = write!(last, "; and {more} more");
        }
        lines
    }

    fn broken(&self, ctx: &Ctx<'_>) -> Vec<&Breach> {
        let Some(Ok(all)) = self.attainment(ctx) else { return Vec::new() };
        all.breaches.iter().rev().filter(|b| self.is_shown(&b.contract)).collect()
    }

    pub fn lines(&self, ctx: &Ctx<'_>) -> usize {
        self.figures(ctx).len()
    }

    pub fn breaches(&self, ctx: &Ctx<'_>) -> usize {
        self.broken(ctx).len()
    }

    pub fn step_line(&mut self, ctx: &Ctx<'_>, by: isize, room: usize) {
        let keys: Vec<Line> = self.figures(ctx).into_iter().map(|(line, _)| line.clone()).collect();
        self.line.step(by, keys.len(), room, |i| keys.get(i).cloned());
    }

    pub fn step_due(&mut self, by: isize, room: usize) {
        let Self { next, due, .. } = self;
        let due = due.list();
        next.step(by, due.len(), room, |i| due.get(i).map(|(id, _)| *id));
    }

    pub fn step_breach(&mut self, ctx: &Ctx<'_>, by: isize, room: usize) {
        let keys: Vec<_> = self.broken(ctx).into_iter().map(key).collect();
        self.breach.step(by, keys.len(), room, |i| keys.get(i).cloned());
    }

    pub fn refresh(&mut self, ctx: &Ctx<'_>, (kept, due): (usize, usize), breaches: usize) {
        let lines: Vec<Line> = self.figures(ctx).into_iter().map(|(l, _)| l.clone()).collect();
        self.line.settle(lines.len(), kept, |i| lines.get(i).cloned());
        let broken: Vec<_> = self.broken(ctx).into_iter().map(key).collect();
        self.breach.settle(broken.len(), breaches, |i| broken.get(i).cloned());
        let Self { next, due: known, contract, .. } = self;
        let levels = &ctx.world.plan.service_levels;
        known.refresh(&ctx.world.incidents.by_id, levels, contract.as_ref(), ctx.now);
        let list = known.list();
        next.settle(list.len(), due, |i| list.get(i).map(|(id, _)| *id));
    }

    pub fn due_incident(&self) -> Option<IncidentId> {
        self.next.at
    }

    pub fn breach_incident(&self, ctx: &Ctx<'_>) -> Option<IncidentId> {
        self.breach.at.as_ref().filter(|_| self.breaches(ctx) > 0).map(|(id, ..)| *id)
    }

    /// The incidents behind the figure under the cursor.
    pub fn open_line(&self, ctx: &Ctx<'_>) -> Vec<Step> {
        let figures = self.figures(ctx);
        let Some((line, count)) = figures.iter().find(|(l, _)| self.line.at.as_ref() == Some(l))
        else {
            return Vec::new();
        };
        records::of_line(ctx, line, count)
    }

    /// The figure under the cursor in a line.
    pub fn line_text(&self, ctx: &Ctx<'_>) -> Option<String> {
        let figures = self.figures(ctx);
        let (line, count) = figures.iter().find(|(l, _)| self.line.at.as_ref() == Some(l))?;
        let (met, all) = (count.met.len(), count.met.len() + count.missed.len());
        let (month, target) = (self.month(ctx).format("%B %Y"), count.target);
        let Line { contract, priority, kind } = line;
        Some(format!("{contract} {priority} {} {target}: {met} of {all} in {month}", kind.word()))
    }

    pub fn pick_contract(&self, ctx: &Ctx<'_>) -> Vec<Step> {
        let levels = &ctx.world.plan.service_levels;
        let month = self.month;
        let item = |label: String, detail: String, contract: Option<Arc<str>>| Item {
            label,
            detail,
            then: vec![Step::Go(Place::Kept { contract, month })],
        };
        let mut items = vec![item("all contracts".to_owned(), String::new(), None)];
        // One that was written again is one contract.
        let mut known: Vec<&Arc<str>> = Vec::new();
        for contract in levels.contracts.iter().chain(&levels.otherwise) {
            if known.contains(&&contract.id) {
                continue;
            }
            known.push(&contract.id);
            let id = Some(contract.id.clone());
            items.push(item(contract.name.clone(), contract.customer.clone(), id));
        }
        vec![Step::Show(Box::new(Overlay::Picker(Picker::new("Contract", items))))]
    }

    pub fn pick_month(&self, ctx: &Ctx<'_>) -> Vec<Step> {
        let present = month_of(ctx.now, ctx.world.site.zone);
        let months = (0..MONTHS).filter_map(|back| present.checked_sub_months(Months::new(back)));
        let item = |month: Month| Item {
            label: month.format("%B %Y").to_string(),
            detail: if month == present { "so far".to_owned() } else { String::new() },
            then: vec![Step::Go(Place::Kept {
                contract: self.contract.clone(),
                month: (month != present).then_some(month),
            })],
        };
        let picker = Picker::new("Month", months.map(item).collect());
        vec![Step::Show(Box::new(Overlay::Picker(picker)))]
    }

    /// `November 2026 · ACME`.
    fn scope(&self, ctx: &Ctx<'_>) -> String {
        let month = self.month(ctx).format("%B %Y").to_string();
        let levels = &ctx.world.plan.service_levels;
        match self.contract.as_ref().and_then(|id| levels.contract(id)) {
            Some(contract) => format!("{month} {} {}", ctx.theme().symbols.dot, contract.name),
            None => month,
        }
    }

    pub fn view_kept(&self, ctx: &Ctx<'_>, area: Rect, focused: bool, paint: &mut Paint<'_>) {
        if area.is_empty() {
            return;
        }
        let title = format!("Kept in {}", self.scope(ctx));
        let inner = paint.panel(area, &[(&title, paint.of(Role::Title))], focused);
        let achieved = self.achieved(ctx);
        let below = u16::try_from(achieved.len()).unwrap_or(0).min(inner.height.saturating_sub(2));
        let (inner, below) = split(inner, inner.height - below);
        for (line, y) in achieved.iter().zip(below.top()..below.bottom()) {
            paint.put(below.x + 1, y, below.width.saturating_sub(2), line, Role::Text);
        }
        let figures = self.figures(ctx);
        if figures.is_empty() {
            let (said, role) = match self.attainment(ctx) {
                _ if ctx.world.plan.service_levels.is_empty() => {
                    (NOTHING_AGREED.to_owned(), Role::Muted)
                }
                None => ("counting …".to_owned(), Role::Muted),
                Some(Err(why)) => (why.clone(), Role::Warning),
                Some(Ok(_)) => ("no clock began in this month".to_owned(), Role::Muted),
            };
            super::lines(paint, inner, &said, role);
            return;
        }
        let room = usize::from(inner.height.saturating_sub(1));
        let window = self.line.window(figures.len(), room);
        let cursor = if focused { self.line.index() } else { usize::MAX };
        let table = Table { columns: &KEPT, cursor, focused, sort: None, lines: 1 };
        let levels = &ctx.world.plan.service_levels;
        table.paint(paint, inner, window, |index, row| {
            let Some((line, count)) = figures.get(index) else { return };
            let priority = row.paint.theme.priority(line.priority);
            row.cell(0, &line.priority.to_string(), priority);
            let (plain, muted) = (row.paint.of(Role::Text), row.paint.of(Role::Muted));
            row.cell(1, line.kind.word(), plain);
            row.cell(2, &short(count.target), muted);
            let known = count.met.len() + count.missed.len();
            let kept = format!("{}/{known}", count.met.len());
            let none = row.paint.theme.symbols.none;
            row.cell(3, if known > 0 { &kept } else { none }, plain);
            let (text, role) = match count.ratio() {
                Some(ratio) if count.missed.is_empty() => (ratio.percent_down(1), Role::Ok),
                Some(ratio) => (ratio.percent_down(1), Role::Warning),
                None => (String::new(), Role::Muted),
            };
            let text = if text.is_empty() { text } else { format!("{text} %") };
            row.cell(4, &text, row.paint.of(role));
            let running = count.running.len();
            row.cell(5, &if running > 0 { running.to_string() } else { String::new() }, muted);
            let name = levels.contract(&line.contract).map_or(&*line.contract, |c| &c.name);
            row.cell(6, name, muted);
        });
        if figures.len() > room {
            let note = format!("{} of {}", room, figures.len());
            paint.note(area, &note, paint.of(Role::Muted));
        }
    }

    pub fn view_due(&self, ctx: &Ctx<'_>, area: Rect, focused: bool, paint: &mut Paint<'_>) {
        if area.is_empty() {
            return;
        }
        let inner = paint.panel(area, &[("Due next", paint.of(Role::Title))], focused);
        let all = self.due.list();
        if all.is_empty() {
            let said = if ctx.world.plan.service_levels.is_empty() {
                NOTHING_AGREED
            } else {
                "nothing that is open waits for a clock"
            };
            super::lines(paint, inner, said, Role::Muted);
            return;
        }
        let room = usize::from(inner.height.saturating_sub(1));
        let window = self.next.window(all.len(), room);
        let cursor = if focused { self.next.index() } else { usize::MAX };
        let table = Table { columns: &DUE, cursor, focused, sort: None, lines: 1 };
        table.paint(paint, inner, window, |index, row| {
            let Some((id, due)) = all.get(index) else { return };
            let Some(incident) = ctx.world.incidents.get(*id) else { return };
            row.cell(0, &id.to_string(), row.paint.of(Role::Strong));
            let priority = row.paint.theme.priority(incident.priority);
            row.cell(1, &incident.priority.to_string(), priority);
            row.cell(2, due.promise.kind.word(), row.paint.of(Role::Text));
            let (text, role) = left(due, ctx.now);
            row.cell(3, &text, row.paint.of(role));
            let service = incident.service.as_ref().map_or("", |s| s.as_str());
            row.cell(4, service, row.paint.of(Role::Muted));
            row.cell(5, &incident.title, row.paint.of(Role::Muted));
        });
        if all.len() > room {
            let note = format!("{} of {}", room.min(all.len()), all.len());
            paint.note(area, &note, paint.of(Role::Muted));
        }
    }

    pub fn view_breaches(&self, ctx: &Ctx<'_>, area: Rect, focused: bool, paint: &mut Paint<'_>) {
        if area.is_empty() {
            return;
        }
        let title = format!("Broken in {}", self.scope(ctx));
        let inner = paint.panel(area, &[(&title, paint.of(Role::Title))], focused);
        let broken = self.broken(ctx);
        if broken.is_empty() {
            if let Some(Ok(_)) = self.attainment(ctx) {
                super::lines(paint, inner, "nothing", Role::Ok);
            }
            return;
        }
        let room = usize::from(inner.height.saturating_sub(1));
        let window = self.breach.window(broken.len(), room);
        let cursor = if focused { self.breach.index() } else { usize::MAX };
        let table = Table { columns: &BROKEN, cursor, focused, sort: None, lines: 1 };
        table.paint(paint, inner, window, |index, row| {
            let Some(breach) = broken.get(index) else { return };
            row.cell(0, &breach.incident.to_string(), row.paint.of(Role::Strong));
            let priority = row.paint.theme.priority(breach.priority);
            row.cell(1, &breach.priority.to_string(), priority);
            row.cell(2, breach.kind.word(), row.paint.of(Role::Text));
            let role = if breach.is_over { Role::Warning } else { Role::Critical };
            row.cell(3, &text::duration(breach.late), row.paint.of(role));
            let due = near(breach.deadline, ctx.now, ctx.world.site.zone);
            row.cell(4, &due, row.paint.of(Role::Muted));
            let service = breach.service.as_ref().map_or("", |s| s.as_str());
            row.cell(5, service, row.paint.of(Role::Muted));
            let cause = if breach.cause.is_empty() { &breach.title } else { &breach.cause };
            row.cell(6, cause, row.paint.of(Role::Text));
        });
        if broken.len() > room {
            let note = format!("{} of {}", room.min(broken.len()), broken.len());
            paint.note(area, &note, paint.of(Role::Muted));
        }
    }
}

/// Where nothing says what is to be kept.
const NOTHING_AGREED: &str = "nothing was agreed: [sla] and [[contracts]] in the config say for which \
                              services, in what time and by whose calendar";

fn key(breach: &Breach) -> (IncidentId, Kind, Arc<str>, Instant) {
    (breach.incident, breach.kind, breach.contract.clone(), breach.deadline)
}

/// A target in a few cells: `2wd` also where that is until the close of the day.
fn short(target: Target) -> String {
    match target {
        Target::Time(length) => text::duration(length),
        Target::Days { count, .. } => format!("{count}wd"),
    }
}

/// What is left of a clock, and how pressing that is.
fn left(due: &Due, now: Instant) -> (String, Role) {
    match due.left(now) {
        None => ("never".to_owned(), Role::Muted),
        Some(left) if left < TimeDelta::zero() => {
            (format!("-{}", text::duration(-left)), Role::Critical)
        }
        Some(left) if due.deadline.is_none() => {
            (format!("({})", text::duration(left)), Role::Muted)
        }
        Some(left) => {
            let clock = due.promise.clock(now);
            let pressing = clock.percent().is_some_and(|p| p >= PRESSING);
            (text::duration(left), if pressing { Role::Warning } else { Role::Text })
        }
    }
}
