//! What the keys of the On-call tab ask for: overrides, taken and swapped shifts, and the questions
//! before them. A change that something speaks against asks first, and says what.

use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::{OnCall, Stretch, stretches};
use crate::domain::command::Command;
use crate::domain::incident::Actor;
use crate::domain::roster::book::{self, Wanted, What, shown};
use crate::domain::roster::concerns::{Concern, concerns, concerns_of_drop};
use crate::domain::roster::exchange::{self, Desk, Hindrance, as_made};
use crate::domain::roster::{Origin, Override, PersonId, Roster};
use crate::domain::text;
use crate::domain::time::{Interval, Moment, zone};
use crate::ui::cmd::Cmd;
use crate::ui::overlay::{Confirm, Overlay};
use crate::ui::screens::{Ctx, Step, Tone};
use crate::ui::widgets::form::Submit;
use crate::ui::widgets::{Form, FormField, Item, Picker};

/// How a local time is typed.
const TIME: &str = "%Y-%m-%d %H:%M";
/// Nobody, on purpose.
const NOBODY: &str = "nobody";

/// `O`: somebody else for a stretch of time.
pub(super) fn override_form(screen: &OnCall, ctx: &Ctx<'_>) -> Vec<Step> {
    let (Some(schedule), Some(stretch)) = (screen.schedule(ctx), screen.stretch(ctx)) else {
        return say("choose a schedule first");
    };
    let roster = Arc::clone(&ctx.world.plan.roster);
    let at = left_of(&stretch, ctx);
    let local = |at| zone::local(at, schedule.zone).format(TIME).to_string();
    let people = roster.people.values().map(|p| p.name.to_string());
    let names: Vec<String> = people.chain([NOBODY.to_owned()]).collect();
    let instead = roster.people.values().find(|p| stretch.person() != Some(&p.id));
    let instead = instead.map_or(NOBODY, |p| &p.name);
    let zone_hint = format!("in {}, as {}", schedule.zone.name(), local(at.from));
    let fields = vec![
        FormField::choose("Who", instead, "up and down choose; a name or an id", names),
        FormField::new("From", &local(at.from), &zone_hint),
        FormField::new("To", &local(at.to), &zone_hint),
        FormField::new("Reason", "", "for those who wonder later"),
    ];
    let about = match stretch.person() {
        Some(person) => format!("now {}: {}", roster.name(person), shown(at, schedule.zone)),
        None => format!("nobody: {}", shown(at, schedule.zone)),
    };
    let overrides = ctx.world.book.overrides();
    let imported = Arc::clone(&ctx.world.imported.value);
    let (book, now) = (Arc::clone(&ctx.world.book.value), ctx.now);
    let actor = Actor::person(&ctx.prefs.operator);
    let title = format!("Override on {}", schedule.name);
    let schedule = schedule.clone();
    let submit: Submit = Box::new(move |texts, _| {
        let [who, from, to, reason] = texts else { return Ok(Vec::new()) };
        let person = find(&roster, who).map_err(|why| (0, why))?;
        let time = |text: &str, field| {
            let local = Moment::local(text);
            let local = local.ok_or((field, "a time is 2026-11-27 18:00".to_owned()))?;
            Ok::<_, (usize, String)>(zone::hand_off(local, schedule.zone))
        };
        let at = Interval::new(time(from, 1)?, time(to, 2)?);
        if at.is_empty() {
            return Err((2, "it ends before it begins".to_owned()));
        }
        let (id, reason) = (schedule.id.clone(), reason.clone());
        let wanted = vec![Wanted { schedule: id, person, at, reason }];
        // What cannot be is said here, not after a question.
        let set = book::Command::Set { wanted: wanted.clone(), what: What::Override };
        book.judge(&roster, &actor, &set, (now, TimeDelta::zero())).map_err(|why| (2, why))?;
        let desk = Desk { roster: &roster, overrides: &overrides, imported: &imported };
        // Whoever was faster is not overwritten unseen.
        Ok(ask(desk, wanted, What::Override, Some(book.last())))
    });
    vec![Step::Show(Box::new(Overlay::Form(Form::new(&title, &about, fields, submit))))]
}

/// `T`: the stretch under the cursor becomes the operator's own.
pub(super) fn take(screen: &OnCall, ctx: &Ctx<'_>) -> Vec<Step> {
    let (Some(schedule), Some(stretch)) = (screen.schedule(ctx), screen.stretch(ctx)) else {
        return say("choose a schedule first");
    };
    let Some(me) = &ctx.prefs.person else {
        return say("who are you? person = \"…\" in [operator] names one of [[people]]");
    };
    let overrides = ctx.world.book.overrides();
    let desk = desk(ctx, &overrides);
    let at = left_of(&stretch, ctx);
    let wanted = if stretch.person().is_some() {
        exchange::take(desk, schedule, me, at.from, "")
    } else {
        // A gap is nobody's to take from.
        let (id, person) = (schedule.id.clone(), Some(me.clone()));
        Ok(Wanted { schedule: id, person, at, reason: String::new() })
    };
    match wanted {
        Ok(wanted) => ask(desk, vec![wanted], What::Take, None),
        Err(Hindrance::Already(why) | Hindrance::Refused(why)) => say(&why),
    }
}

/// `W`: exchanges the stretch under the cursor for one of somebody else.
pub(super) fn swap(screen: &OnCall, ctx: &Ctx<'_>) -> Vec<Step> {
    let (Some(schedule), Some(stretch)) = (screen.schedule(ctx), screen.stretch(ctx)) else {
        return say("choose a schedule first");
    };
    let Some(one) = stretch.person().cloned() else {
        return say("nobody has it: an override gives it to somebody");
    };
    let roster = &ctx.world.plan.roster;
    let overrides = ctx.world.book.overrides();
    let desk = desk(ctx, &overrides);
    let ours = left_of(&stretch, ctx);
    let others = stretches(ctx, schedule, ctx.now).into_iter().filter(|s| {
        s.at().to > ctx.now && s.person().is_some_and(|p| *p != one) && s.at() != stretch.at()
    });
    let item = |other: Stretch| {
        let theirs = left_of(&other, ctx);
        let with = other.person()?;
        let both = (stretch.at().from, other.at().from);
        let wanted = exchange::swap(desk, schedule, both, ctx.now, "").ok()?;
        Some(Item {
            label: format!("{}  {}", roster.name(with), shown(theirs, schedule.zone)),
            detail: text::duration(theirs.length()),
            then: ask(desk, wanted, What::Swap, None),
        })
    };
    let items: Vec<Item> = others.filter_map(item).take(50).collect();
    if items.is_empty() {
        return say("nobody else has a shift to swap with in the next two months");
    }
    let title = format!("Swap {} {} with", roster.name(&one), shown(ours, schedule.zone));
    vec![Step::Show(Box::new(Overlay::Picker(Picker::new(&title, items))))]
}

/// `D`: takes away the override under the cursor.
pub(super) fn drop_override(screen: &OnCall, ctx: &Ctx<'_>) -> Vec<Step> {
    let Some(schedule) = screen.schedule(ctx) else { return say("choose a schedule first") };
    let at = screen.at(ctx);
    // Of several the one that wins.
    let overrides = ctx.world.book.overrides();
    let here = overrides.iter().rev().find(|o| o.schedule == schedule.id && o.at().contains(at));
    let held = match screen.stretch(ctx) {
        Some(Stretch::Held(held)) => match held.origin {
            Origin::Override(id) => Some(id),
            Origin::Layer(_) => None,
        },
        _ => None,
    };
    let Some(id) = here.map(|o| o.id).or(held) else { return say("no override here") };
    let roster = &ctx.world.plan.roster;
    let against = concerns_of_drop(roster, &overrides, &ctx.world.imported, &[id], ctx.now);
    let command = book::Command::Drop { ids: vec![id] };
    confirmed(roster, schedule.zone, &against, command)
}

/// What is left of a stretch: nobody takes over what is past.
fn left_of(stretch: &Stretch, ctx: &Ctx<'_>) -> Interval {
    let at = stretch.at();
    Interval::new(at.from.max(ctx.now.min(at.to)), at.to)
}

/// Asks for it, after a question where something speaks against it.
fn ask(desk: Desk<'_>, wanted: Vec<Wanted>, what: What, seen: Option<u64>) -> Vec<Step> {
    let Desk { roster, overrides, imported } = desk;
    let made = as_made(&wanted, overrides);
    let against = concerns(roster, overrides, imported, &made);
    let schedule = wanted.first().and_then(|w| roster.schedule(&w.schedule));
    let zone = schedule.map_or(Tz::UTC, |s| s.zone);
    let command = book::Command::Set { wanted, what };
    let command = match seen {
        Some(last) => book::Command::Seen { command: Box::new(command), last },
        None => command,
    };
    confirmed(roster, zone, &against, command)
}

/// The command, after a question where something speaks against it.
fn confirmed(roster: &Roster, zone: Tz, against: &[Concern], command: book::Command) -> Vec<Step> {
    let step = |command| vec![Step::Do(Cmd::Ask(Command::Roster(command)))];
    if against.is_empty() {
        return step(command);
    }
    let reasons: Vec<String> = against.iter().map(|c| c.words(roster, zone)).collect();
    let forced = book::Command::Despite { command: Box::new(command), reasons: reasons.clone() };
    let confirm = Confirm::new("Do it all the same?", reasons, "do it", step(forced));
    vec![Step::Show(Box::new(Overlay::Confirm(confirm)))]
}

fn desk<'a>(ctx: &Ctx<'a>, overrides: &'a [Override]) -> Desk<'a> {
    Desk { roster: &ctx.world.plan.roster, overrides, imported: &ctx.world.imported }
}

/// A person by name or id; `None`: nobody.
fn find(roster: &Roster, text: &str) -> Result<Option<PersonId>, String> {
    if text.eq_ignore_ascii_case(NOBODY) {
        return Ok(None);
    }
    let same = |a: &str| a.to_lowercase() == text.to_lowercase();
    let found = roster.people.values().find(|p| same(&p.id) || same(&p.name));
    let first = || {
        let mut begins = roster.people.values().filter(|p| {
            !text.is_empty() && p.name.to_lowercase().starts_with(&text.to_lowercase())
        });
        begins.next().filter(|_| begins.next().is_none())
    };
    match found.or_else(first) {
        Some(person) => Ok(Some(person.id.clone())),
        None => Err(format!("nobody of the team is called {text:?}; or \"{NOBODY}\"")),
    }
}

fn say(text: &str) -> Vec<Step> {
    vec![Step::Say(Tone::Info, text.to_owned())]
}
