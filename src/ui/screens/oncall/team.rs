//! The team: who can do what, who is the only one, what expires.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use ratatui::layout::Rect;

use super::OnCall;
use super::board::local_time;
use crate::domain::incident::Priority;
use crate::domain::roster::{Credential, Involvement, Person, Roster};
use crate::domain::time::zone;
use crate::ui::screens::{Ctx, paging};
use crate::ui::theme::Role;
use crate::ui::widgets::{Column, Paint, Table, split};

const COLUMNS: [Column; 5] = [
    Column::new("PERSON", 16, 0),
    Column::new("ROLES", 20, 3),
    Column::new("THERE", 18, 2),
    Column::new("ON CALL", 14, 0),
    Column::fill("SKILLS", 20),
];

/// A skill at this level or above counts as cover.
const ABLE: u8 = 3;
/// What expires within so many days is shown.
const SOON: u64 = 90;

/// How well a skill is covered.
#[derive(Debug, PartialEq, Eq)]
struct Cover {
    skill: Arc<str>,
    /// Who can do it without help.
    able: Vec<Arc<str>>,
    learning: usize,
}

/// The skills of the team, the thinnest covered first.
fn covers(roster: &Roster) -> Vec<Cover> {
    let mut by_skill: BTreeMap<&Arc<str>, Cover> = BTreeMap::new();
    for person in roster.people.values() {
        for (skill, level) in &person.skills {
            let cover = by_skill.entry(skill).or_insert_with(|| Cover {
                skill: skill.clone(),
                able: Vec::new(),
                learning: 0,
            });
            if *level >= ABLE {
                cover.able.push(person.name.clone());
            } else {
                cover.learning += 1;
            }
        }
    }
    let mut covers: Vec<Cover> = by_skill.into_values().collect();
    covers.sort_by_key(|c| c.able.len());
    covers
}

/// Certificates and trainings that have expired or will soon, by day.
fn expiries(roster: &Roster, today: NaiveDate) -> Vec<(NaiveDate, &Arc<Person>, &Credential)> {
    roster.expiring(..=today.checked_add_days(Days::new(SOON)).unwrap_or(today))
}

impl OnCall {
    pub(super) fn view_team(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let roster = &ctx.world.plan.roster;
        let wide = area.width >= 110;
        let side = if wide { area.width * 2 / 5 } else { 0 };
        let list = Rect { width: area.width - side, ..area };
        let rows = u16::try_from(roster.people.len()).unwrap_or(u16::MAX).saturating_add(3);
        let (list, below) = split(list, rows.min(area.height * 3 / 5).max(5));
        self.view_people(ctx, list, paint);
        if let Some(person) = roster.people.values().nth(self.person) {
            view_person(ctx, person, below, paint);
        }
        if wide {
            let side = Rect { x: area.x + area.width - side, width: side, ..area };
            let (upper, lower) = split(side, side.height / 2);
            view_covers(roster, upper, paint);
            view_expiries(ctx, lower, paint);
        }
    }

    fn view_people(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let roster = &ctx.world.plan.roster;
        let title = format!("Team  {}", roster.people.len());
        let inner = paint.panel(area, &[(&title, paint.of(Role::Title))], true);
        let on: BTreeSet<&str> = self
            .board
            .standings
            .values()
            .filter_map(|s| s.on.as_ref().map(|h| &*h.person))
            .collect();
        let visible = usize::from(inner.height.saturating_sub(1));
        let first = (self.person + 1).saturating_sub(visible);
        let last = (first + visible).min(roster.people.len());
        let table =
            Table { columns: &COLUMNS, cursor: self.person, focused: true, sort: None, lines: 1 };
        table.paint(paint, inner, first..last, |index, line| {
            let Some(person) = roster.people.values().nth(index) else { return };
            let away = person.absences.iter().find(|a| a.at.contains(ctx.now));
            let (duty, role) = match away {
                Some(away) => (format!("away: {}", away.reason), Role::Maintenance),
                None if on.contains(&*person.id) => ("on call".to_owned(), Role::Strong),
                None => (String::new(), Role::Muted),
            };
            let skills: Vec<String> =
                person.skills.iter().map(|(skill, level)| format!("{skill} {level}")).collect();
            let cells = [
                (person.name.to_string(), Role::Strong),
                (person.roles.join(", "), Role::Text),
                (local_time(person, ctx.now), Role::Muted),
                (duty, role),
                (skills.join("  "), Role::Text),
            ];
            for (column, (text, role)) in cells.iter().enumerate() {
                let style = line.paint.of(*role);
                line.cell(column, text, style);
            }
        });
    }
}

/// One person: how to reach them, what they may and can do.
fn view_person(ctx: &Ctx<'_>, person: &Person, area: Rect, paint: &mut Paint<'_>) {
    let inner = paint.panel(area, &[(&person.name, paint.of(Role::Title))], false);
    let none = paint.theme.symbols.none.to_owned();
    let or_none = |text: String| if text.is_empty() { none.clone() } else { text };
    let ways = [&person.phone, &person.email, &person.chat];
    let ways: Vec<&str> = ways.into_iter().flatten().map(AsRef::as_ref).collect();
    let steps = |letter: Involvement| {
        let of = person.responsibilities.iter().filter(|(_, i)| **i == letter);
        of.map(|(step, _)| step.to_string()).collect::<Vec<_>>().join(", ")
    };
    let skills: Vec<String> =
        person.skills.iter().map(|(skill, level)| format!("{skill} {level}/5")).collect();
    let good = |list: &[Credential]| {
        let one = |c: &Credential| match c.expires {
            Some(day) => format!("{} until {}", c.name, day.format("%-d %b %Y")),
            None => c.name.to_string(),
        };
        list.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let away: Vec<String> = person
        .absences
        .iter()
        .filter(|a| a.at.to > ctx.now)
        .map(|a| {
            let day = |at| zone::local(at, person.zone).format("%-d %b").to_string();
            format!("{} {} – {}", a.reason, day(a.at.from), day(a.at.to))
        })
        .collect();
    let mut last = paging::last_pages(&person.id, &ctx.world.pages, 5, ctx).into_iter();
    let lines = [
        ("reach", or_none(ways.join("  "))),
        ("zone", format!("{}, {}", person.zone.name(), local_time(person, ctx.now))),
        ("team", or_none(person.team.as_deref().unwrap_or_default().to_owned())),
        ("responsible", or_none(steps(Involvement::Responsible))),
        ("accountable", or_none(steps(Involvement::Accountable))),
        ("consulted", or_none(steps(Involvement::Consulted))),
        ("informed", or_none(steps(Involvement::Informed))),
        ("skills", or_none(skills.join("  "))),
        ("certificates", or_none(good(&person.certificates))),
        ("trainings", or_none(good(&person.trainings))),
        ("away", or_none(away.join("; "))),
        ("paged by", or_none(paged_by(person))),
        ("last pages", or_none(last.next().unwrap_or_default())),
    ];
    let (x, room) = (inner.x + 1, inner.width.saturating_sub(2));
    let lines = lines.into_iter().chain(last.map(|page| ("", page)));
    for ((label, text), y) in lines.zip(inner.y..inner.bottom()) {
        paint.put(x, y, 13, label, Role::Muted);
        paint.put(x + 14, y, room.saturating_sub(14), &text, Role::Text);
    }
}

/// `mail, ops-hook, from P3 up, quiet hours`.
fn paged_by(person: &Person) -> String {
    let wishes = &person.wishes;
    let mut parts: Vec<String> = wishes.channels.iter().map(ToString::to_string).collect();
    if !parts.is_empty() && wishes.min_priority < Priority(5) {
        parts.push(format!("{} and up", wishes.min_priority));
    }
    if !parts.is_empty() && !wishes.quiet.is_empty() {
        parts.push("but for quiet hours".to_owned());
    }
    parts.join(", ")
}

fn view_covers(roster: &Roster, area: Rect, paint: &mut Paint<'_>) {
    let title = format!("Skills  who can do it alone (level {ABLE} and up)");
    let inner = paint.panel(area, &[(&title, paint.of(Role::Title))], false);
    let (x, room) = (inner.x + 1, inner.width.saturating_sub(2));
    for (cover, y) in covers(roster).iter().zip(inner.y..inner.bottom()) {
        let (text, role) = match cover.able.as_slice() {
            [] => ("nobody".to_owned(), Role::Critical),
            [one] => (format!("only {one}"), Role::Warning),
            many => (format!("{}  {}", many.len(), many.join(", ")), Role::Text),
        };
        let learning = match cover.learning {
            0 => String::new(),
            n => format!("  {n} learning"),
        };
        paint.put(x, y, 18, &cover.skill, Role::Text);
        let pieces = [(&*text, paint.of(role)), (&*learning, paint.of(Role::Muted))];
        paint.spans(x + 19, y, room.saturating_sub(19), &pieces);
    }
}

fn view_expiries(ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
    let title = format!("Expires within {SOON} days");
    let inner = paint.panel(area, &[(&title, paint.of(Role::Title))], false);
    let (x, room) = (inner.x + 1, inner.width.saturating_sub(2));
    let today = zone::local(ctx.now, ctx.world.site.zone).date();
    let found = expiries(&ctx.world.plan.roster, today);
    if found.is_empty() {
        paint.put(x, inner.y, room, "nothing", Role::Muted);
    }
    for ((day, person, credential), y) in found.iter().zip(inner.y..inner.bottom()) {
        let days = (*day - today).num_days();
        let (left, role) = match days {
            ..0 => (format!("expired {} d ago", -days), Role::Critical),
            0..30 => (format!("in {days} d"), Role::Warning),
            _ => (format!("in {days} d"), Role::Text),
        };
        paint.put(x, y, 11, &day.format("%-d %b %Y").to_string(), Role::Muted);
        paint.put(x + 12, y, 16, &left, role);
        let what = format!("{}  {}", person.name, credential.name);
        paint.put(x + 29, y, room.saturating_sub(29), &what, Role::Text);
    }
}
