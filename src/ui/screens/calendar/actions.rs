//! What the keys of the Calendar ask for. What something speaks against asks first, and says what.

use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};

use super::Calendar;
use super::board::outlook;
use super::plan::{form, typed, unless};
use crate::domain::calendar::conflicts::{Conflict, Proposal, Reason, Replaces, conflicts};
use crate::domain::calendar::lifecycle::{LONGEST_EXTENSION, judge};
use crate::domain::calendar::{
    Action as Does, By, CheckResult, ClosureCode, Command as Ask, Key, Kind, Length, Occurrence,
    Source, WindowId, inspections,
};
use crate::domain::command::Command;
use crate::domain::incident::Actor;
use crate::domain::roster::book::shown;
use crate::domain::text::{self, clean};
use crate::domain::time::{Instant, Interval, Moment, before, zone};
use crate::engine::Snapshot;
use crate::ui::cmd::Cmd;
use crate::ui::keymap::Action;
use crate::ui::overlay::Overlay;
use crate::ui::screens::{Ctx, Step, Tone};
use crate::ui::theme::Role;
use crate::ui::widgets::form::{Beside, Submit, Told};
use crate::ui::widgets::picker::Free;
use crate::ui::widgets::{Form, FormField, Item, Picker};

/// By how much an end is put off, to choose from.
const LONGER: [(&str, i64); 5] = [("15m", 15), ("30m", 30), ("1h", 60), ("2h", 120), ("4h", 240)];

impl Calendar {
    /// An action that sends something.
    pub(super) fn ask(&self, action: Action, ctx: &Ctx<'_>) -> Vec<Step> {
        if action == Action::Report {
            return form(ctx, None, self.day(ctx));
        }
        let Some(one) = self.occurrence(ctx) else { return Vec::new() };
        if let Some(why) = hindrance(ctx, &one, action) {
            return vec![Step::Say(Tone::Bad, why)];
        }
        match action {
            Action::Approve => {
                doubtful(ctx, &one, Does::Approve, ("Approve it all the same?", "approve"))
            }
            Action::Start => doubtful(ctx, &one, Does::Start, ("Start it all the same?", "start")),
            Action::Extend => extend(ctx, &one),
            Action::Close => close(&one),
            Action::Cancel => cancel(ctx, &one),
            Action::Reschedule => reschedule(ctx, &one),
            Action::Change => change(ctx, &one),
            Action::Except => except(ctx, &one),
            _ => Vec::new(),
        }
    }

    /// After a change the cursor goes along with what was changed.
    pub(super) fn follow(&mut self, command: &Ask, ctx: &Ctx<'_>) {
        let zone_of = |key: &Key| ctx.world.calendar.window(&key.window).map(|v| v.window.zone());
        let (key, local, zone) = match command {
            Ask::Despite { command, .. } | Ask::Seen { command, .. } => {
                return self.follow(command, ctx);
            }
            Ask::Act { key, action: Does::Move { to, .. } } => (Some(key), *to, zone_of(key)),
            Ask::Add { window } => {
                self.sought = Some(window.clone());
                let next = window.recurrence.next(before(ctx.now, TimeDelta::days(1)), 1);
                let first = next.first().map_or(window.recurrence.start, |s| s.local);
                (None, first, Some(window.zone()))
            }
            Ask::Declare { window, .. } => {
                self.sought = Some(window.clone());
                (None, window.recurrence.start, Some(window.zone()))
            }
            _ => return,
        };
        let site = ctx.world.site.zone;
        let at = zone::instant(local, zone.unwrap_or(site));
        self.day = Some(zone::local(at, site).date());
        self.chosen = key.map(|key| super::board::Id::Occurrence(key.clone()));
        self.refresh(ctx);
    }
}

fn operator(ctx: &Ctx<'_>) -> Actor {
    Actor::person(&ctx.prefs.operator)
}

/// Who asks, as the calendar judges it.
fn by<'a>(ctx: &Ctx<'a>, actor: &'a Actor) -> By<'a> {
    let undo_window = ctx.world.plan.policy.undo_window;
    By { actor, person: ctx.prefs.person.as_deref(), roster: &ctx.world.plan.roster, undo_window }
}

fn act(key: &Key, action: Does) -> Step {
    Step::Do(Cmd::Ask(Command::Calendar(Ask::Act { key: key.clone(), action })))
}

fn say(text: &str) -> Vec<Step> {
    vec![Step::Say(Tone::Info, text.to_owned())]
}

fn show(form: Form) -> Vec<Step> {
    vec![Step::Show(Box::new(Overlay::Form(form)))]
}

/// Approves or starts, after a question where something speaks against it.
fn doubtful(ctx: &Ctx<'_>, one: &Occurrence, does: Does, question: (&str, &str)) -> Vec<Step> {
    let ask = Ask::Act { key: one.key.clone(), action: does };
    let found = outlook(ctx.world, one.planned, ctx.now).against_one(one);
    let roster = &ctx.world.plan.roster;
    unless(&found, roster, one.window.zone(), question, ask)
}

/// Why an action cannot be, before anything is asked for it.
fn hindrance(ctx: &Ctx<'_>, one: &Occurrence, action: Action) -> Option<String> {
    let reason = || "-".to_owned();
    let does = match action {
        Action::Approve => Does::Approve,
        Action::Start => Does::Start,
        // All that is left of what an end may be put off by.
        Action::Extend => {
            let extended = TimeDelta::seconds(one.record().map_or(0, |r| i64::from(r.extended)));
            let left = LONGEST_EXTENSION - extended;
            Does::Extend { by: left.max(TimeDelta::minutes(1)) }
        }
        Action::Close => Does::BackOut { reason: reason() },
        Action::Cancel => Does::Cancel { reason: reason() },
        Action::Reschedule => {
            let far = zone::local(before(ctx.now, TimeDelta::days(-30)), one.window.zone());
            Does::Move { to: far, length: None }
        }
        _ => return None,
    };
    let ask = Ask::Act { key: one.key.clone(), action: does };
    judge(&ctx.world.calendar, &ask, &by(ctx, &operator(ctx)), ctx.now).err().map(|r| r.why)
}

/// Puts the end off, after a question where it would run into something.
fn extend(ctx: &Ctx<'_>, one: &Occurrence) -> Vec<Step> {
    let zone = one.window.zone();
    let world = Arc::new(Place { world: ctx.world.clone(), one: one.clone(), now: ctx.now });
    let item = |(label, minutes): (&str, i64)| {
        let by = TimeDelta::minutes(minutes);
        let to = zone::local(before(one.end(), -by), zone).format("%H:%M");
        let (label, detail) = (label.to_owned(), format!("until {to}"));
        Item { label, detail, then: world.longer(by) }
    };
    let items = LONGER.map(item).into();
    let typed: Free = Box::new(move |text, _| match text::parse_duration(text) {
        Some(by) => world.longer(by),
        None => say("a length is 45m or 1h30m"),
    });
    let title = format!("Extend {} by", one.window.title());
    let picker = Picker::new(&title, items).or_typed(typed);
    vec![Step::Show(Box::new(Overlay::Picker(picker)))]
}

/// A closure code by its word.
pub(super) fn code(text: &str) -> Result<ClosureCode, String> {
    let word = text.to_lowercase().replace([' ', '-'], "_");
    let found = ClosureCode::ALL.into_iter().find(|c| c.word() == word);
    found.ok_or_else(|| "successful, with issues, backed out or failed".to_owned())
}

fn close(one: &Occurrence) -> Vec<Step> {
    let failed = inspections::failures(one).next().is_some();
    let codes = ClosureCode::ALL.map(|c| c.word().replace('_', " ")).to_vec();
    let likely = if failed { ClosureCode::WithIssues } else { ClosureCode::Successful };
    let likely = likely.word().replace('_', " ");
    let fields = vec![
        FormField::choose("How it went", &likely, "up and down choose", codes),
        FormField::new("Note", "", "what there is to know about it; needed if it did not go well"),
    ];
    let open = one.window.checklist.len() - one.record().map_or(0, |r| r.checks.len());
    let about = match open {
        0 => String::new(),
        n => format!("{} of the checklist not checked.", text::count(n, "item")),
    };
    let key = one.key.clone();
    let submit: Submit = Box::new(move |texts, _| {
        let [word, note] = texts else { return Ok(Vec::new()) };
        let code = code(word).map_err(|why| (0, why))?;
        if code != ClosureCode::Successful && note.is_empty() {
            return Err((1, "say what happened".to_owned()));
        }
        Ok(vec![act(&key, Does::Finish { code, note: clean(note, 500) })])
    });
    show(Form::new(&format!("Close {}", one.window.title()), &about, fields, submit))
}

fn cancel(ctx: &Ctx<'_>, one: &Occurrence) -> Vec<Step> {
    let recurs = one.window.recurrence.rule.is_some() || one.window.inspection.is_some();
    let version = ctx.world.calendar.window(&one.key.window);
    let own = version.is_some_and(|v| v.source == Source::Store);
    let mut fields = vec![FormField::new("Reason", "", "for those who counted on it")];
    if recurs && own {
        let all = ["this one", "all of it"].map(str::to_owned).to_vec();
        fields.push(FormField::choose(
            "Which",
            "this one",
            "all of it: it takes place no more",
            all,
        ));
    }
    let key = one.key.clone();
    let submit: Submit = Box::new(move |texts, _| {
        let reason = texts.first().map_or("", String::as_str);
        if reason.is_empty() {
            return Err((0, "say why".to_owned()));
        }
        let reason = clean(reason, 500);
        match texts.get(1).map(String::as_str) {
            None | Some("this one") => Ok(vec![act(&key, Does::Cancel { reason })]),
            Some("all of it") => {
                let ask = Ask::Withdraw { window: key.window.clone(), reason };
                Ok(vec![Step::Do(Cmd::Ask(Command::Calendar(ask)))])
            }
            Some(_) => Err((1, "this one, or all of it".to_owned())),
        }
    });
    let about = shown(one.planned, one.window.zone());
    show(Form::new(&format!("Cancel {}", one.window.title()), &about, fields, submit))
}

fn reschedule(ctx: &Ctx<'_>, one: &Occurrence) -> Vec<Step> {
    let zone = one.window.zone();
    let start = typed(zone::local(one.planned.from, zone));
    let hint = format!("in {}", zone.name());
    let length = one.record().and_then(|r| r.moved?.length).unwrap_or(one.window.length);
    let fields = vec![
        FormField::new("Start", &start, &hint),
        FormField::new("Length", &length.to_string(), "90m, 2h, 3d"),
    ];
    let place = Place { world: ctx.world.clone(), one: one.clone(), now: ctx.now };
    let original = one.key.original.format("%-d %b %H:%M");
    let title = format!("Move {} of {original}", one.key.window);
    let approved = one.window.needs_approval() && one.approved_since().is_some();
    let about = if approved { "It is to be approved again then." } else { "" };
    let place = Arc::new(place);
    let beside: Beside = {
        let place = Arc::clone(&place);
        Box::new(move |texts, _| place.told(texts))
    };
    let submit: Submit = Box::new(move |texts, _| {
        let (to, length) = Place::read(texts)?;
        let found = place.against(to, length);
        let Place { world, one, .. } = &*place;
        let action = Does::Move { to, length: Some(length) };
        let command = Box::new(Ask::Act { key: one.key.clone(), action });
        // Whoever moved it meanwhile is not overwritten unseen.
        let ask = Ask::Seen { command, position: world.calendar.position() };
        let (roster, zone) = (&world.plan.roster, one.window.zone());
        Ok(unless(&found, roster, zone, ("Move it all the same?", "move it"), ask))
    });
    show(Form::new(&title, about, fields, submit).beside(beside, ctx.now))
}

/// Where an occurrence is about to be put.
struct Place {
    world: Snapshot,
    one: Occurrence,
    now: Instant,
}

impl Place {
    fn read(texts: &[String]) -> Result<(NaiveDateTime, Length), (usize, String)> {
        let [start, length] = texts else { return Err((0, String::new())) };
        let to = Moment::local(start).ok_or((0, "a time is 2026-11-28 22:00".to_owned()))?;
        let length = Length::parse(length).filter(|l| !l.is_zero());
        Ok((to, length.ok_or((1, "a length is 90m, 2h or 3d".to_owned()))?))
    }

    /// Its end put off by so much.
    fn longer(&self, by: TimeDelta) -> Vec<Step> {
        let end = self.one.end();
        let found = self.over(Interval::new(end, before(end, -by)));
        let ask = Ask::Act { key: self.one.key.clone(), action: Does::Extend { by } };
        let (roster, zone) = (&self.world.plan.roster, self.one.window.zone());
        unless(&found, roster, zone, ("Extend it all the same?", "extend it"), ask)
    }

    fn against(&self, to: NaiveDateTime, length: Length) -> Vec<Conflict> {
        self.over(self.one.window.planned(to, length))
    }

    fn over(&self, at: Interval) -> Vec<Conflict> {
        let outlook = outlook(&self.world, at, self.now);
        let replaces = Replaces::One(&self.one.key);
        let proposal = Proposal { window: &self.one.window, at, replaces };
        conflicts(&proposal, &outlook.world())
    }

    /// What a time that is being typed would mean.
    fn told(&self, texts: &[String]) -> Vec<Told> {
        let (to, length) = match Self::read(texts) {
            Ok(read) => read,
            Err((field, text)) => {
                return vec![Told { text, role: Role::Critical, wrong: Some(field) }];
            }
        };
        let line = |text, role| Told { text, role, wrong: None };
        let zone = self.one.window.zone();
        let mut out = vec![line(shown(self.one.window.planned(to, length), zone), Role::Strong)];
        let found = self.against(to, length);
        let roster = &self.world.plan.roster;
        out.extend(found.iter().map(|c| line(c.line(roster, zone), Role::Warning)));
        if found.is_empty() {
            out.push(line("collides with nothing".to_owned(), Role::Ok));
        }
        out
    }
}

fn change(ctx: &Ctx<'_>, one: &Occurrence) -> Vec<Step> {
    match ctx.world.calendar.window(&one.key.window) {
        Some(version) if version.source == Source::Store => {
            let day = zone::local(one.planned.from, one.window.zone()).date();
            form(ctx, Some(&version.window), day)
        }
        Some(version) if version.source == Source::Imported => {
            let source = one.key.window.calendar().unwrap_or_default();
            let said =
                format!("it is in the calendar of {source}: change it there, or w moves this one");
            say(&said)
        }
        Some(_) => say("it is in the service plan: change [[windows]] there, or w moves this one"),
        None => say("it was withdrawn; N plans it anew"),
    }
}

/// Lets a change be made in spite of the freeze that is in its way.
fn except(ctx: &Ctx<'_>, one: &Occurrence) -> Vec<Step> {
    let found = outlook(ctx.world, one.planned, ctx.now).against_one(one);
    let freeze = found.iter().find_map(|c| match &c.reason {
        Reason::Frozen { freeze, .. } => Some((freeze.key.window.clone(), freeze.title.clone())),
        _ => None,
    });
    let Some((freeze, frozen)) = freeze else {
        let said = match one.window.kind {
            Kind::Freeze => "choose the work that may be done in it, and press X there",
            _ => "no freeze is in its way",
        };
        return say(said);
    };
    let zone = one.window.zone();
    let until = typed(zone::local(one.planned.to, zone));
    let fields = vec![
        FormField::new("Reason", "", "why it may not wait"),
        FormField::new("Until", &until, "the work has to be over by then"),
    ];
    let window: WindowId = one.key.window.clone();
    let submit: Submit = Box::new(move |texts, _| {
        let [reason, until] = texts else { return Ok(Vec::new()) };
        if reason.is_empty() {
            return Err((0, "say why it may not wait".to_owned()));
        }
        let until = Moment::local(until).ok_or((1, "a time is 2026-11-28 23:30".to_owned()))?;
        let (freeze, window) = (freeze.clone(), window.clone());
        let expires = zone::instant(until, zone);
        let ask = Ask::Except { freeze, window, reason: clean(reason, 500), expires };
        Ok(vec![Step::Do(Cmd::Ask(Command::Calendar(ask)))])
    });
    let about = format!("{} in spite of {frozen}", one.window.title());
    show(Form::new("Exception from a freeze", &about, fields, submit))
}

/// Ticks an item of the checklist off.
pub(super) fn pass(one: &Occurrence, item: u16) -> Vec<Step> {
    let needs = one.window.checklist.get(usize::from(item)).is_some_and(|i| i.unit.is_some());
    if needs {
        return check_form(one, item);
    }
    let does = Does::Check { item, result: CheckResult::Pass, note: String::new() };
    vec![act(&one.key, does)]
}

/// What an item came to: pass, fail, a value, a note.
pub(super) fn check_form(one: &Occurrence, item: u16) -> Vec<Step> {
    let Some(asked) = one.window.checklist.get(usize::from(item)) else {
        return say("it has no checklist");
    };
    let words = ["pass", "fail"].map(str::to_owned).to_vec();
    let mut fields = vec![FormField::choose("Result", "pass", "up and down choose", words)];
    let unit = asked.unit.clone();
    if let Some(unit) = &unit {
        fields.insert(0, FormField::new("Value", "", &format!("a number of {unit}")));
    }
    fields.push(FormField::new("Note", "", "what was seen"));
    let key = one.key.clone();
    let submit: Submit = Box::new(move |texts, _| {
        let (value, result, note) = match texts {
            [value, result, note] => (Some(value), result, note),
            [result, note] => (None, result, note),
            _ => return Ok(Vec::new()),
        };
        let number = value.filter(|v| !v.is_empty()).map(|v| v.replace(',', ".").parse::<f64>());
        let number = number.transpose().ok().flatten().filter(|v| v.is_finite());
        if value.is_some_and(|v| !v.is_empty()) && number.is_none() {
            return Err((0, "that is no number; write it as a note".to_owned()));
        }
        let at = usize::from(value.is_some());
        let (result, note) = match (result.as_str(), number, &unit) {
            ("fail", Some(value), Some(unit)) => {
                (CheckResult::Fail, format!("{value} {unit} {note}").trim_end().to_owned())
            }
            ("fail", ..) => (CheckResult::Fail, note.clone()),
            ("pass", Some(value), _) => (CheckResult::Value { value }, note.clone()),
            ("pass", None, Some(_)) => return Err((0, "note the value".to_owned())),
            ("pass", ..) => (CheckResult::Pass, note.clone()),
            _ => return Err((at, "pass or fail".to_owned())),
        };
        Ok(vec![act(&key, Does::Check { item, result, note: clean(&note, 500) })])
    });
    show(Form::new(&asked.text, &one.window.title(), fields, submit))
}

/// A failed item becomes an incident.
pub(super) fn incident_of(ctx: &Ctx<'_>, one: &Occurrence, item: u16) -> Vec<Step> {
    let report = inspections::report(one, item);
    let checked = one.record().and_then(|r| r.check(item)).map(|check| check.at);
    let known = report.as_ref().zip(checked).and_then(|(report, at)| {
        let mut all = ctx.world.incidents.by_id.values();
        all.find(|i| i.title == report.title && i.opened_at >= at).map(|i| i.id)
    });
    if let Some(id) = known {
        return vec![
            Step::Say(Tone::Info, format!("it is {id} already")),
            Step::Go(super::Place::Incident(id)),
        ];
    }
    match report {
        Some(report) => vec![Step::Do(Cmd::Ask(Command::Report(report)))],
        None => say("only a failed item becomes an incident; Enter says that it failed"),
    }
}
