//! The form in which something is planned or changed, and what it would mean, worked out with every
//! key: the next times, what it collides with, where it would not.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use chrono_tz::Tz;

use super::board::outlook;
use super::read::{At, Wrong, read, round_up};
use crate::domain::calendar::conflicts::{Conflict, Replaces};
use crate::domain::calendar::lifecycle::judge;
use crate::domain::calendar::slots::HORIZON;
use crate::domain::calendar::{
    Basis, By, Calendar, ChangeType, ClosureCode, Command as Ask, Kind, Length, Window,
};
use crate::domain::command::Command;
use crate::domain::health::ServiceId;
use crate::domain::incident::Actor;
use crate::domain::roster::book::shown;
use crate::domain::roster::{PersonId, Roster};
use crate::domain::text::{self, clean};
use crate::domain::time::{Instant, Interval, before, zone};
use crate::engine::outlook::Outlook;
use crate::ui::cmd::Cmd;
use crate::ui::overlay::{Confirm, Overlay};
use crate::ui::screens::{Ctx, Step};
use crate::ui::theme::Role;
use crate::ui::widgets::form::{Beside, Submit, Told};
use crate::ui::widgets::{Form, FormField};

/// How a local time is typed, with seconds where it has some.
pub(super) fn typed(local: NaiveDateTime) -> String {
    let form = if local.second() == 0 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
    local.format(form).to_string()
}

/// Typed as a start: the first time at which nothing is in the way.
pub(super) const FREE: &str = "free";
/// Whether something mutes, where nobody said.
pub(super) const BY_KIND: &str = "by kind";
/// How many of the next times are named.
const NEXT: usize = 10;
/// How many collisions are named before the rest is counted.
const NAMED: usize = 6;

/// What a plan is held against, taken when the form opened.
pub(super) struct Desk {
    pub(super) outlook: Outlook,
    pub(super) calendar: Arc<Calendar>,
    pub(super) roster: Arc<Roster>,
    pub(super) services: Vec<ServiceId>,
    /// The one that is changed; `None`: it is new.
    pub(super) present: Option<Window>,
    pub(super) actor: Actor,
    pub(super) person: Option<PersonId>,
    /// What the fields said when the form opened.
    pub(super) initial: Vec<String>,
    /// Where the log was.
    position: u64,
    /// Where the cursor stood.
    pub(super) day: NaiveDate,
    pub(super) undo_window: TimeDelta,
    /// In which a start is typed.
    pub(super) zone: Tz,
    pub(super) now: Instant,
}

/// The form for something new on a day, or for a change of what is there.
pub(super) fn form(ctx: &Ctx<'_>, present: Option<&Window>, day: NaiveDate) -> Vec<Step> {
    let within = Interval::new(ctx.now, before(ctx.now, -HORIZON));
    let mut desk = Desk {
        outlook: outlook(ctx.world, within, ctx.now),
        calendar: Arc::clone(&ctx.world.calendar.value),
        roster: Arc::clone(&ctx.world.plan.roster),
        services: services(ctx),
        present: present.cloned(),
        actor: Actor::person(&ctx.prefs.operator),
        person: ctx.prefs.person.clone(),
        initial: Vec::new(),
        position: ctx.world.calendar.position(),
        day,
        undo_window: ctx.world.plan.policy.undo_window,
        zone: present.map_or(ctx.world.site.zone, Window::zone),
        now: ctx.now,
    };
    let title = match present {
        // By its id: what was typed and refused finds its form again when somebody renamed it.
        Some(window) => format!("Change {}", window.id),
        None => "Plan something".to_owned(),
    };
    let fields = fields(&desk, day);
    desk.initial = fields.iter().map(|f| f.field.text().trim().to_owned()).collect();
    let desk = Arc::new(desk);
    let beside: Beside = {
        let desk = Arc::clone(&desk);
        Box::new(move |texts, _| told(&desk, texts))
    };
    let submit: Submit = Box::new(move |texts, _| send(&desk, texts));
    let form = Form::new(&title, "", fields, submit).beside(beside, ctx.now);
    vec![Step::Show(Box::new(Overlay::Form(form)))]
}

/// Those of the plan and those that sources declare.
fn services(ctx: &Ctx<'_>) -> Vec<ServiceId> {
    let mut all: Vec<ServiceId> = ctx.world.plan.services.iter().map(|s| s.id.clone()).collect();
    let declared = ctx.world.health.services.iter().map(|s| s.service.id.clone());
    all.extend(declared);
    all.sort_unstable();
    all.dedup();
    all
}

fn fields(desk: &Desk, day: NaiveDate) -> Vec<FormField> {
    let window = desk.present.as_ref();
    let zone = desk.zone;
    let text = |of: &dyn Fn(&Window) -> String| window.map(of).unwrap_or_default();
    let kinds = Kind::ALL.map(|k| k.word().replace('_', " ")).to_vec();
    let kind = window.map_or(Kind::Maintenance, |w| w.kind).word().replace('_', " ");
    let today = zone::local(desk.now, zone).date();
    let start = match window {
        Some(window) => typed(window.recurrence.start),
        None if day <= today => FREE.to_owned(),
        None => typed(day.and_time(NaiveTime::from_hms_opt(22, 0, 0).unwrap_or_default())),
    };
    let weekday = day.format("%a").to_string();
    let by_day = weekday.get(..2).unwrap_or("SA").to_uppercase();
    let rules = [
        String::new(),
        "FREQ=DAILY".to_owned(),
        format!("FREQ=WEEKLY;BYDAY={by_day}"),
        format!("FREQ=WEEKLY;INTERVAL=2;BYDAY={by_day}"),
        format!("FREQ=MONTHLY;BYDAY=1{by_day}"),
        "FREQ=MONTHLY;BYMONTHDAY=1".to_owned(),
        "FREQ=MONTHLY;INTERVAL=3".to_owned(),
        "after 90d".to_owned(),
    ];
    let names = desk.roster.people.values().map(|p| p.name.to_string());
    let names: Vec<String> = std::iter::once(String::new()).chain(names).collect();
    let owner = match window {
        Some(window) => window.owner.clone(),
        None => desk.person.clone(),
    };
    let owner = owner.map(|id| desk.roster.name(&id).to_owned()).unwrap_or_default();
    let mut roles: Vec<String> =
        desk.roster.people.values().flat_map(|p| p.roles.iter().map(ToString::to_string)).collect();
    roles.push(String::new());
    roles.sort_unstable();
    roles.dedup();
    let types = [ChangeType::Normal, ChangeType::Standard, ChangeType::Emergency];
    let types = types.map(|t| t.word().to_owned()).to_vec();
    let change_type = window.map_or(ChangeType::Normal, |w| w.change_type).word();
    let mutes = window.map_or(BY_KIND, |w| if w.mutes { "yes" } else { "no" });
    let yes_no = [BY_KIND, "yes", "no"].map(str::to_owned).to_vec();
    let turn = "up and down choose";
    let start_hint = format!("2026-11-28 22:00 in {}, 22:00 for that day, or {FREE}", zone.name());
    vec![
        FormField::choose("Kind", &kind, turn, kinds),
        FormField::new("What", &text(&|w| w.summary.to_string()), "in a few words"),
        FormField::new(
            "Services",
            &text(&|w| join(w.scope.services.iter())),
            "with commas between them",
        ),
        FormField::new(
            "Labels",
            &text(&|w| joined(&w.scope.matchers, " or ")),
            "alerts that it covers beside: job=\"batch\", severity!=\"page\"",
        ),
        FormField::new("Start", &start, &start_hint),
        FormField::new(
            "Length",
            &window.map_or_else(|| "2h".to_owned(), |w| w.length.to_string()),
            "90m, 2h; 3d ends at the same local time",
        ),
        FormField::choose(
            "Repeat",
            &text(&repeat),
            "nothing: once; an RRULE; after 90d: counted from the last one",
            rules.to_vec(),
        ),
        FormField::choose("Owner", &owner, turn, names),
        FormField::choose("Change", change_type, "standard: approved beforehand", types),
        FormField::new(
            "Number",
            &text(&|w| w.change.as_deref().unwrap_or_default().to_owned()),
            "of the change, as the customer calls it",
        ),
        FormField::choose(
            "Approved by",
            &text(&|w| w.approver.as_deref().unwrap_or_default().to_owned()),
            "a role; nothing: anybody may",
            roles,
        ),
        FormField::choose(
            "Mutes",
            mutes,
            "a change does, anything else does not; no: alerts page as ever",
            yes_no,
        ),
        FormField::new(
            "Back-out",
            &text(&|w| w.back_out.as_ref().map(|b| b.plan.to_string()).unwrap_or_default()),
            "how to go back",
        ),
        FormField::new(
            "Decide after",
            &text(&|w| {
                w.back_out
                    .as_ref()
                    .map(|b| Length { days: 0, seconds: b.decide_after }.to_string())
                    .unwrap_or_default()
            }),
            "from the start on, such as 80m: the latest time to go back",
        ),
        FormField::new(
            "Checklist",
            &text(&checklist),
            "with ; between items, a unit in brackets: disk free [%]; backup ok",
        ),
        FormField::new(
            "Flexible",
            &text(&|w| w.flexible.map(|l| l.to_string()).unwrap_or_default()),
            "begins when its target goes down, and lasts so long",
        ),
    ]
}

fn join<T: ToString>(all: impl Iterator<Item = T>) -> String {
    all.map(|one| one.to_string()).collect::<Vec<_>>().join(", ")
}

fn joined<T: ToString>(all: &[T], between: &str) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

fn repeat(window: &Window) -> String {
    match (window.inspection.map(|i| i.basis), &window.recurrence.rule) {
        (Some(Basis::Completed { months: 0, days }), _) => format!("after {days}d"),
        (Some(Basis::Completed { months, days }), _) => format!("after {}d", months * 30 + days),
        (_, Some(rule)) => rule.to_string(),
        _ => String::new(),
    }
}

fn checklist(window: &Window) -> String {
    joined(&window.checklist, "; ")
}

/// What speaks against it.
fn against(desk: &Desk, window: &Window) -> Vec<Conflict> {
    let Some(present) = &desk.present else {
        return desk.outlook.against(window, Replaces::Nothing);
    };
    let mut found = desk.calendar.discarded(window, desk.now);
    found.extend(desk.outlook.against(window, Replaces::Series(&present.id)));
    found
}

fn command(desk: &Desk, window: Window) -> Ask {
    let window = Box::new(window);
    if desk.present.is_none() {
        return Ask::Add { window };
    }
    // Whoever changed it meanwhile is not overwritten unseen.
    let command = Box::new(Ask::Change { window });
    Ask::Seen { command, position: desk.position }
}

/// Why the calendar would refuse it.
fn refused(desk: &Desk, window: &Window) -> Option<String> {
    let by = By {
        actor: &desk.actor,
        person: desk.person.as_deref(),
        roster: &desk.roster,
        undo_window: desk.undo_window,
    };
    judge(&desk.calendar, &command(desk, window.clone()), &by, desk.now).err().map(|r| r.why)
}

/// It took place once and is over: it is not planned but declared.
fn is_past(desk: &Desk, window: &Window) -> bool {
    let once = window.recurrence.rule.is_none() && window.inspection.is_none();
    let at = window.planned(window.recurrence.start, window.length);
    desk.present.is_none() && once && at.to <= desk.now
}

/// What the texts mean.
fn told(desk: &Desk, texts: &[String]) -> Vec<Told> {
    let line = |text: String, role| Told { text, role, wrong: None };
    let window = match read(desk, texts) {
        Ok(window) => window,
        Err(wrong) => {
            let told = |(at, why): Wrong| {
                let label = at.label();
                Told {
                    text: format!("{label}: {why}"),
                    role: Role::Critical,
                    wrong: Some(at as usize),
                }
            };
            return wrong.into_iter().map(told).collect();
        }
    };
    let mut out = Vec::new();
    let first = window.planned(window.recurrence.start, window.length);
    let long = text::duration(first.length());
    let zone = window.zone();
    out.push(line(format!("{} {} ({long})", shown(first, zone), zone.name()), Role::Strong));
    let real = zone::local(first.from, zone);
    if real != window.recurrence.start {
        let typed = window.recurrence.start.format("%H:%M");
        let said = format!("clocks change: {typed} is {} that day", real.format("%H:%M"));
        out.push(line(said, Role::Warning));
    }
    recurring(desk, &window, &mut out);
    if is_past(desk, &window) {
        let said = "all of it is over: it is declared for the past, and asks how it went and why";
        out.push(line(said.to_owned(), Role::Warning));
        return out;
    }
    if let Some(why) = refused(desk, &window) {
        // A form that was just opened has nothing in it yet.
        let role = if window.summary.is_empty() { Role::Muted } else { Role::Warning };
        out.push(line(why, role));
    }
    let found = against(desk, &window);
    for conflict in found.iter().take(NAMED) {
        out.push(line(conflict.line(&desk.roster, desk.zone), Role::Warning));
    }
    if found.len() > NAMED {
        out.push(line(format!("and {} more collisions", found.len() - NAMED), Role::Warning));
    }
    if found.is_empty() {
        out.push(line(clear(desk, &window), Role::Ok));
    } else if found.iter().any(|c| c.reason.blocks())
        && let Some(free) =
            desk.outlook.next_free_slot(&window, window.length, round_up(first.from.max(desk.now)))
    {
        let said = format!("next free: {}; {FREE} as the start takes it", shown(free, desk.zone));
        out.push(line(said, Role::Accent));
    }
    let unknown = window
        .approver
        .as_ref()
        .filter(|role| !desk.roster.people.values().any(|person| person.roles.contains(role)));
    if let Some(role) = unknown {
        let said = format!("nobody in the plan has the role {role}: it could not be approved");
        out.push(line(said, Role::Warning));
    }
    let items = window.checklist.len();
    if items > 0 {
        out.push(line(format!("a checklist of {}", text::count(items, "item")), Role::Muted));
    }
    let terms = desk.present.as_ref().map(Window::terms);
    let said = if terms.is_some_and(|terms| terms == window.terms()) {
        "the same times and effects: approvals hold on".to_owned()
    } else {
        effect(&window)
    };
    out.push(line(said, Role::Muted));
    out
}

/// The rule in words, and the next times.
fn recurring(desk: &Desk, window: &Window, out: &mut Vec<Told>) {
    let line = |text: String, role| Told { text, role, wrong: None };
    if let Some(Basis::Completed { days, .. }) = window.inspection.map(|i| i.basis) {
        let said =
            format!("then {} after the last one was completed", text::count(days as usize, "day"));
        out.push(line(said, Role::Text));
        return;
    }
    let Some(rule) = &window.recurrence.rule else { return };
    out.push(line(rule.words(), Role::Text));
    let next = window.recurrence.next(desk.now, NEXT);
    let times: Vec<String> = next.iter().map(|s| dated(s.local, desk)).collect();
    let said = match times.len() {
        0 => "it never takes place".to_owned(),
        NEXT => format!("next {NEXT}: {}", times.join(", ")),
        n => format!("{n} to come: {}", times.join(", ")),
    };
    out.push(line(said, if times.is_empty() { Role::Warning } else { Role::Text }));
}

/// `Fri 27 Nov 22:00`, with its year where that is another one.
fn dated(local: NaiveDateTime, desk: &Desk) -> String {
    let year = zone::local(desk.now, desk.zone).year();
    let form = if local.year() == year { "%a %-d %b %H:%M" } else { "%a %-d %b %Y %H:%M" };
    local.format(form).to_string()
}

fn clear(desk: &Desk, window: &Window) -> String {
    let until = before(desk.now, -HORIZON).with_timezone(&desk.zone).format("%-d %b %Y");
    let first = window.planned(window.recurrence.start, window.length);
    match first.from > before(desk.now, -HORIZON) {
        true => format!("begins after {until}: collisions are looked for until then"),
        false if window.recurrence.rule.is_some() => format!("collides with nothing until {until}"),
        false => "collides with nothing".to_owned(),
    }
}

fn effect(window: &Window) -> String {
    let role = window.approver.as_ref().map_or_else(|| "somebody".to_owned(), |r| format!("a {r}"));
    match (window.needs_approval(), window.is_muting()) {
        (true, true) => format!("mutes once {role} has approved it"),
        (true, false) => format!("to be approved by {role}; alerts page as ever"),
        (false, true) => "mutes at its time, without an approval".to_owned(),
        (false, false) => "alerts page as ever".to_owned(),
    }
}

/// What `Enter` in the last field asks for.
fn send(desk: &Desk, texts: &[String]) -> Result<Vec<Step>, (usize, String)> {
    let first = |mut wrong: Vec<Wrong>| {
        let (at, why) = wrong.remove(0);
        (at as usize, why)
    };
    let window = read(desk, texts).map_err(first)?;
    if is_past(desk, &window) {
        return Ok(declaration(window));
    }
    if let Some(why) = refused(desk, &window) {
        let at = if window.summary.is_empty() {
            At::What
        } else if window.scope.is_empty() && window.kind.touches_services() {
            At::Services
        } else {
            At::Start
        };
        return Err((at as usize, why));
    }
    let found = against(desk, &window);
    let question = ("Plan it all the same?", "plan it");
    Ok(unless(&found, &desk.roster, desk.zone, question, command(desk, window)))
}

/// A command, after a question where something speaks against it; what that is goes along.
pub(super) fn unless(
    found: &[Conflict],
    roster: &Roster,
    zone: Tz,
    (title, verb): (&str, &str),
    command: Ask,
) -> Vec<Step> {
    let step = |command| Step::Do(Cmd::Ask(Command::Calendar(command)));
    if found.is_empty() {
        return vec![step(command)];
    }
    let reasons: Vec<String> = found.iter().map(|c| c.line(roster, zone)).collect();
    let mut lines: Vec<String> = reasons.iter().take(2 * NAMED).cloned().collect();
    if found.len() > lines.len() {
        lines.push(format!("and {} more", found.len() - lines.len()));
    }
    let yes = vec![step(Ask::Despite { command: Box::new(command), reasons })];
    vec![Step::Show(Box::new(Overlay::Confirm(Confirm::new(title, lines, verb, yes))))]
}

/// Something that took place and was not planned here: how it went, and why it is told only now.
fn declaration(window: Window) -> Vec<Step> {
    let codes = ClosureCode::ALL.map(|c| c.word().replace('_', " ")).to_vec();
    let fields = vec![
        FormField::choose("How it went", "successful", "up and down choose", codes),
        FormField::new("Reason", "", "why it was not planned here, and with whom that is agreed"),
    ];
    let about = format!("{} is over: declare it for the past.", window.title());
    let submit: Submit = Box::new(move |texts, _| {
        let [code, reason] = texts else { return Ok(Vec::new()) };
        let code = super::actions::code(code).map_err(|why| (0, why))?;
        if reason.is_empty() {
            return Err((1, "say why, and with whom that is agreed".to_owned()));
        }
        let (window, reason) = (Box::new(window.clone()), clean(reason, 500));
        let ask = Ask::Declare { window, code, reason };
        Ok(vec![Step::Do(Cmd::Ask(Command::Calendar(ask)))])
    });
    vec![Step::Show(Box::new(Overlay::Form(Form::new("Declare", &about, fields, submit))))]
}
