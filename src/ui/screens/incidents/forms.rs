//! What the keys of an incident ask before a command goes out: forms and lists of choices. What can be
//! said with one key is in [`super::actions`].

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{Datelike, NaiveTime, TimeDelta};

use super::actions::{Aim, confirm, form, listed, with_reason};
use crate::domain::command::Command;
use crate::domain::health::ServiceId;
use crate::domain::incident::lifecycle::{Action as Deed, Correction, Report, Target, Waited};
use crate::domain::incident::policy::Policy;
use crate::domain::incident::{Findings, HoldReason, Incident, IncidentId, IncidentState};
use crate::domain::text::{self, nearest};
use crate::domain::time::{self, Instant, Moment, TimeStyle, zone};
use crate::engine::Snapshot;
use crate::ui::cmd::Cmd;
use crate::ui::overlay::Overlay;
use crate::ui::screens::{Ctx, Step, Tone};
use crate::ui::theme::Role;
use crate::ui::widgets::form::{Beside, Submit, Told};
use crate::ui::widgets::{Form, FormField, Item, Picker};

/// How many incidents a list offers to merge into.
const OFFERED: usize = 200;
/// When the working day begins, for what is put off until then.
const MORNING: u32 = 8;

/// A new incident, by hand. `service`: what is proposed.
pub fn report(ctx: &Ctx<'_>, service: &str) -> Vec<Step> {
    let services = ctx.world.health.services.iter().map(|s| s.service.id.to_string());
    let services: BTreeSet<String> = services.collect();
    let known = services.clone();
    let policy = policy(ctx.world);
    let categories = categories(ctx.world);
    let submit: Submit = Box::new(move |texts, _| {
        let [title, service, impact, urgency, category, text] = texts else {
            return Ok(Vec::new());
        };
        if title.is_empty() {
            return Err((0, "say in a few words what is wrong".to_owned()));
        }
        if !service.is_empty() && !known.contains(service) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let remedy = match nearest(service, &known) {
                Some(near) => format!("did you mean {near}?"),
                None => "Up and Down go through them".to_owned(),
            };
            return Err((1, format!("there is no service {service:?}; {remedy}")));
        }
        policy.known_category(category).map_err(|why| (4, why))?;
        let report = Report {
            service: (!service.is_empty()).then(|| ServiceId::new(service)),
            title: title.clone(),
            text: text.clone(),
            impact: level(impact).map_err(|why| (2, why))?,
            urgency: level(urgency).map_err(|why| (3, why))?,
            category: category.clone(),
        };
        Ok(vec![Step::Do(Cmd::Ask(Command::Report(report)))])
    });
    let fields = vec![
        FormField::new("Title", "", "what is wrong, in a few words"),
        FormField::choose(
            "Service",
            service,
            "whose service it is: Up and Down go through them; empty: unassigned",
            services.into_iter().collect(),
        ),
        FormField::choose("Impact", "", "1 high, 2 medium, 3 low; empty: by the tier", levels()),
        FormField::choose("Urgency", "", "1 high, 2 medium, 3 low; empty: medium", levels()),
        FormField::choose("Category", "", "what it is about; may stay empty", categories),
        FormField::long("Text", "what is known; may stay empty"),
    ];
    form("Report an incident", "", fields, submit)
}

/// Puts on hold, or on again where it waits already.
pub fn hold(aim: Aim, ctx: &Ctx<'_>) -> Vec<Step> {
    let known = aim.targets.iter().filter_map(|t| ctx.world.incidents.get(t.id));
    let mut known = known.peekable();
    if known.peek().is_some() && known.all(|i| i.state() == IncidentState::OnHold) {
        return aim.send(Deed::Resume, "resume", "", &listed(&aim, ctx.world));
    }
    let (title, about) = (format!("Hold {}", aim.named()), aim.about(ctx.world));
    let (listed, zone) = (listed(&aim, ctx.world), ctx.world.site.zone);
    let submit: Submit = Box::new(move |texts, now| {
        let [reason, note, until] = texts else { return Ok(Vec::new()) };
        let reason = waits_for(reason).map_err(|why| (0, why))?;
        let until = match until.as_str() {
            "" => None,
            text => Some(coming(text, now, zone).map_err(|why| (2, why))?),
        };
        Ok(aim.send(Deed::Hold { reason, note: note.clone(), until }, "hold", "", &listed))
    });
    let reasons = HoldReason::WORDS.map(|(word, _)| word.replace('_', " ")).to_vec();
    let fields = vec![
        FormField::choose(
            "Waits for",
            "customer",
            "customer, supplier, change window or other: contracts say whose time stops the clock",
            reasons,
        ),
        FormField::new("Note", "", "for what, a ticket number; may stay empty"),
        FormField::new(
            "Until",
            "",
            "4h, 14:00, 2026-11-30 09:00; empty: until somebody resumes it",
        ),
    ];
    form(&title, &about, fields, submit)
}

/// Whom it waits for: a word, or as much of it as no other one begins with.
fn waits_for(text: &str) -> Result<HoldReason, String> {
    let begun = text.to_lowercase().replace(' ', "_");
    let mut begins = HoldReason::WORDS.iter().filter(|(word, _)| word.starts_with(&begun));
    let one = begins.next().filter(|_| !begun.is_empty() && begins.next().is_none());
    let known = "customer, supplier, change window or other";
    one.map(|(_, reason)| *reason).ok_or_else(|| format!("one of {known}, not {text:?}"))
}

/// Out of sight for a while: from a list, or typed; or in sight again.
pub fn snooze(aim: &Aim, ctx: &Ctx<'_>) -> Vec<Step> {
    let mut items = Vec::new();
    let known = aim.targets.iter().filter_map(|t| ctx.world.incidents.get(t.id));
    if known.into_iter().any(|i| i.is_snoozed()) {
        items.push(Item {
            label: "wake".to_owned(),
            detail: "in sight again, now".to_owned(),
            then: aim.send(Deed::Wake, "wake", "", &listed(aim, ctx.world)),
        });
    }
    let title = format!("Snooze {}: the clocks run on", aim.named());
    let deed = |until, _| (Deed::Snooze { until }, "snooze");
    for_a_while(aim, &title, items, deed, ctx)
}

/// For how long to acknowledge.
pub fn acknowledge(aim: &Aim, ctx: &Ctx<'_>) -> Vec<Step> {
    let title = format!("Acknowledge {} for", aim.named());
    let deed = |until: Instant, now: Instant| {
        let lasting = Some(until.signed_duration_since(now));
        (Deed::Acknowledge { lasting }, "acknowledge")
    };
    for_a_while(aim, &title, Vec::new(), deed, ctx)
}

/// What ends after a while or in the morning: those are offered, anything else can be typed. `deed` makes
/// the action of its end and of the present.
fn for_a_while(
    aim: &Aim,
    title: &str,
    mut items: Vec<Item>,
    deed: fn(Instant, Instant) -> (Deed, &'static str),
    ctx: &Ctx<'_>,
) -> Vec<Step> {
    let (now, zone) = (ctx.now, ctx.world.site.zone);
    let (aim, listed) = (aim.clone(), listed(aim, ctx.world));
    let send = move |until, now| {
        let (deed, verb) = deed(until, now);
        aim.send(deed, verb, "", &listed)
    };
    let shown = |until| time::show(until, now, zone, TimeStyle::Local);
    let minutes = [15, 30, 60, 120, 240, 480].map(TimeDelta::minutes);
    items.extend(minutes.into_iter().map(|length| Item {
        label: text::duration(length),
        detail: format!("until about {}", shown(now + length)),
        // What is typed means the same; both count from when they are sent.
        then: Vec::new(),
    }));
    for (label, until) in mornings(now, zone) {
        let detail = format!("until {}", shown(until));
        items.push(Item { label, detail, then: send(until, now) });
    }
    let typed = Box::new(move |text: &str, now: Instant| match coming(text, now, zone) {
        Ok(until) => send(until, now),
        Err(why) => vec![Step::Say(Tone::Bad, why)],
    });
    let hint = "or type: 45m, 14:00, 2026-11-30 09:00";
    let picker = Picker::new(title, items).or_typed(typed).hinting(hint);
    let is_length = |text: &str| text::parse_duration(text).is_some();
    vec![Step::Show(Box::new(Overlay::Picker(picker.literally(is_length))))]
}

/// Tomorrow morning, and Monday's where that is another.
fn mornings(now: Instant, zone: chrono_tz::Tz) -> Vec<(String, Instant)> {
    let today = zone::local(now, zone).date();
    let monday = 7 - today.weekday().num_days_from_monday();
    let days = [("tomorrow morning", 1), ("Monday morning", monday)];
    let eight = NaiveTime::from_hms_opt(MORNING, 0, 0).unwrap_or_default();
    let at = |days: u32| {
        let day = today.checked_add_days(chrono::Days::new(u64::from(days)))?;
        Some(Moment::Local(day.and_time(eight)).begins(zone))
    };
    let all = days.into_iter().filter(|(name, n)| *name == "tomorrow morning" || *n > 1);
    all.filter_map(|(name, n)| Some((name.to_owned(), at(n)?))).collect()
}

/// Impact, urgency and category; says beside it what priority that makes.
pub fn classify(aim: Aim, ctx: &Ctx<'_>) -> Vec<Step> {
    let (title, about) = (format!("Classify {}", aim.named()), aim.about(ctx.world));
    let one = sole(&aim, ctx.world);
    let policy = policy(ctx.world);
    let listed = listed(&aim, ctx.world);
    let text = |of: fn(&Incident) -> String| one.as_deref().map(of).unwrap_or_default();
    let fields = vec![
        FormField::choose(
            "Impact",
            &text(|i| leveled(i.impact)),
            "how much is affected: 1 high, 2 medium, 3 low; empty: as it is",
            levels(),
        ),
        FormField::choose(
            "Urgency",
            &text(|i| leveled(i.urgency)),
            "how soon it hurts: 1 high, 2 medium, 3 low; empty: as it is",
            levels(),
        ),
        FormField::choose(
            "Category",
            &text(|i| i.category.clone()),
            "what it is about; empty: as it is",
            categories(ctx.world),
        ),
    ];
    let beside: Beside = {
        let (policy, one) = (policy.clone(), one.clone());
        Box::new(move |texts, _| {
            let [impact, urgency, _] = texts else { return Vec::new() };
            let line = |text, role| vec![Told { text, role, wrong: None }];
            let (Ok(impact), Ok(urgency)) = (level(impact), level(urgency)) else {
                return Vec::new();
            };
            let Some(one) = &one else {
                return match (impact, urgency) {
                    (Some(i), Some(u)) => {
                        line(format!("→ {}", policy.priority(i, u)), Role::Strong)
                    }
                    _ => Vec::new(),
                };
            };
            let (impact, urgency) = (impact.unwrap_or(one.impact), urgency.unwrap_or(one.urgency));
            let new = policy.priority(impact, urgency);
            if new == one.priority {
                line(format!("→ {new}, as it is"), Role::Muted)
            } else {
                line(format!("{} → {new}", one.priority), Role::Strong)
            }
        })
    };
    let submit: Submit = Box::new(move |texts, _| {
        let [impact, urgency, category] = texts else { return Ok(Vec::new()) };
        policy.known_category(category).map_err(|why| (2, why))?;
        let deed = Deed::Classify {
            impact: level(impact).map_err(|why| (0, why))?,
            urgency: level(urgency).map_err(|why| (1, why))?,
            category: (!category.is_empty()).then(|| category.clone()),
        };
        Ok(aim.send(deed, "classify", "", &listed))
    });
    vec![Step::Show(Box::new(Overlay::Form(
        Form::new(&title, &about, fields, submit).beside(beside, ctx.now),
    )))]
}

/// Closing: how it ended, what was the matter, what it was about; what is known stands there.
pub fn close(aim: Aim, ctx: &Ctx<'_>) -> Vec<Step> {
    let (title, about) = (format!("Close {}", aim.named()), aim.about(ctx.world));
    let one = sole(&aim, ctx.world);
    let policy = policy(ctx.world);
    let listed = listed(&aim, ctx.world);
    let text = |of: fn(&Incident) -> &str| one.as_deref().map_or("", of);
    let by_itself = one.as_ref().is_some_and(|i| {
        i.standing.resolved.as_ref().is_some_and(|r| r.automatic)
            && policy.known_code("recovered").is_ok()
    });
    let code = match text(|i| &i.standing.findings.code) {
        "" if by_itself => "recovered",
        code => code,
    };
    let fields = vec![
        FormField::choose("Code", code, "how it ended: Up and Down choose", policy.codes.clone()),
        FormField::new(
            "Cause",
            text(|i| &i.standing.findings.cause),
            "what was the matter, in a line",
        ),
        FormField::choose(
            "Category",
            text(|i| &i.category),
            "what it was about",
            categories(ctx.world),
        ),
        FormField::new("Remark", "", "may stay empty"),
        FormField::choose(
            "Feedback",
            "",
            "1 (bad) to 5 (good), if somebody said; or empty",
            scores(),
        ),
        FormField::new("Said by", "", "who gave the feedback, and what they said; may stay empty"),
    ];
    let submit: Submit = Box::new(move |texts, _| {
        let [code, cause, category, reason, score, said] = texts else { return Ok(Vec::new()) };
        policy.known_code(code).map_err(|why| (0, why))?;
        policy.known_category(category).map_err(|why| (2, why))?;
        let lacks = |text: &String, of: fn(&Incident) -> &str| {
            text.is_empty() && one.as_deref().is_some_and(|i| of(i).is_empty())
        };
        if lacks(code, |i| &i.standing.findings.code) {
            return Err((0, "closing wants a code: Up and Down go through them".to_owned()));
        }
        if lacks(cause, |i| &i.standing.findings.cause) {
            return Err((1, "closing wants the cause, in a line".to_owned()));
        }
        if lacks(category, |i| &i.category) {
            return Err((2, "closing wants the category".to_owned()));
        }
        let mut steps = Vec::new();
        if !score.is_empty() {
            let score = rating(score).map_err(|why| (4, why))?;
            let deed = Deed::Rate { score, text: String::new(), from: said.clone() };
            steps.push(Step::Do(Cmd::Ask(aim.command(deed))));
        } else if !said.is_empty() {
            return Err((4, "what score is that? 1 (bad) to 5 (good)".to_owned()));
        }
        let findings = Findings { code: code.clone(), cause: cause.clone() };
        let (reason, category) = (reason.clone(), category.clone());
        let deed = Deed::Close { reason, findings, category };
        steps.extend(aim.send(deed, "close", "", &listed));
        Ok(steps)
    });
    form(&title, &about, fields, submit)
}

/// What those say for whom it was done.
pub fn rate(aim: Aim, ctx: &Ctx<'_>) -> Vec<Step> {
    let (title, about) = (format!("Feedback on {}", aim.named()), aim.about(ctx.world));
    let listed = listed(&aim, ctx.world);
    let submit: Submit = Box::new(move |texts, _| {
        let [score, text, from] = texts else { return Ok(Vec::new()) };
        let score = rating(score).map_err(|why| (0, why))?;
        let deed = Deed::Rate { score, text: text.clone(), from: from.clone() };
        Ok(aim.send(deed, "rate", "", &listed))
    });
    let fields = vec![
        FormField::choose("Score", "", "1 (bad) to 5 (good)", scores()),
        FormField::new("Text", "", "what they said; may stay empty"),
        FormField::new("From", "", "who says so; may stay empty"),
    ];
    form(&title, &about, fields, submit)
}

/// Into which one: a list of those that are open, the same service's first, or a number.
pub fn merge(aim: &Aim, ctx: &Ctx<'_>) -> Vec<Step> {
    let world = ctx.world;
    let own: BTreeSet<IncidentId> = aim.targets.iter().map(|t| t.id).collect();
    let service = sole(aim, world).and_then(|i| i.service.clone());
    let open = world.incidents.by_id.values().rev().filter(|i| i.is_open());
    // Of several that are marked, one may be what the others are merged into.
    let mut offered: Vec<&Arc<Incident>> =
        open.filter(|i| own.len() > 1 || !own.contains(&i.id)).take(OFFERED).collect();
    offered.sort_by_key(|i| {
        let near = own.contains(&i.id) || (service.is_some() && i.service == service);
        (!near, i.priority, i.id)
    });
    let items = offered.into_iter().map(|into| Item {
        label: format!("{} {}", into.id, into.title),
        detail: {
            let service = into.service.as_ref().map_or("unassigned", |s| s.as_str());
            let snoozed = if into.is_snoozed() { ", snoozed" } else { "" };
            format!("{service}{snoozed}")
        },
        then: preview(aim, into, world),
    });
    let (all, incidents) = (aim.clone(), world.incidents.value.clone());
    let world_of = world.clone();
    let typed = Box::new(move |text: &str, _: Instant| {
        let found = text.parse().ok().and_then(|id: IncidentId| incidents.get(id));
        match found {
            Some(into) => preview(&all, into, &world_of),
            None => vec![Step::Say(Tone::Bad, format!("there is no incident {text:?}"))],
        }
    });
    let title = format!("Merge {} into", aim.named());
    let picker = Picker::new(&title, items.collect()).or_typed(typed);
    vec![Step::Show(Box::new(Overlay::Picker(picker)))]
}

/// What a merge would make of them, before it is one.
fn preview(aim: &Aim, into: &Incident, world: &Snapshot) -> Vec<Step> {
    let merged: Vec<_> = aim.targets.iter().filter(|t| t.id != into.id).copied().collect();
    let parts: Vec<&Arc<Incident>> =
        merged.iter().filter_map(|t| world.incidents.get(t.id)).collect();
    let priority = parts.iter().map(|i| i.priority).min().unwrap_or(into.priority);
    let started = parts.iter().map(|i| i.started_at).min().unwrap_or(into.started_at);
    let alerts: usize = parts.iter().map(|i| i.firing()).sum::<usize>() + into.firing();
    let shown =
        time::show(started.min(into.started_at), world.at, world.site.zone, TimeStyle::Local);
    let mut lines = vec![
        format!("{} {}", into.id, into.title),
        format!(
            "will be {}, since {shown}, with {alerts} alerts that fire",
            priority.min(into.priority)
        ),
        String::new(),
    ];
    lines.extend(parts.iter().take(8).map(|i| format!("{} {} {}", i.priority, i.id, i.title)));
    if parts.len() > 8 {
        lines.push(format!("and {} more", parts.len() - 8));
    }
    let aim = Aim { targets: merged, out_of_view: aim.out_of_view };
    let title = format!("Merge {} into {}?", aim.named(), into.id);
    let yes = vec![Step::Do(Cmd::Ask(aim.command(Deed::Merge { into: into.id })))];
    confirm(&title, lines, "merge", yes)
}

/// Splits off what was merged; of a survivor, asks which one.
pub fn split(aim: &Aim, ctx: &Ctx<'_>) -> Vec<Step> {
    let of = |aim: Aim| {
        let hint = "why it is something else; may stay empty";
        with_reason(aim, "split off", hint, false, ctx, |reason| Deed::Split { reason })
    };
    let Some(survivor) = sole(aim, ctx.world).filter(|i| i.standing.merged_into.is_none()) else {
        return of(aim.clone());
    };
    let items = survivor.absorbed.iter().map(|part| {
        let known = ctx.world.incidents.get(part.id);
        let seen = known.map_or(0, |i| i.version);
        let targets = vec![Target { id: part.id, seen }];
        Item {
            label: part.id.to_string(),
            detail: known.map(|i| i.title.clone()).unwrap_or_default(),
            then: of(Aim { targets, out_of_view: 0 }),
        }
    });
    let title = format!("Split off {}", survivor.id);
    vec![Step::Show(Box::new(Overlay::Picker(Picker::new(&title, items.collect()))))]
}

/// What was recorded wrong about one that is over.
pub fn correct(aim: Aim, ctx: &Ctx<'_>) -> Vec<Step> {
    let Some(one) = sole(&aim, ctx.world) else {
        let why = "a correction is about one incident: take the marks away";
        return vec![Step::Say(Tone::Info, why.to_owned())];
    };
    let zone = ctx.world.site.zone;
    let typed = |at: Instant| zone::local(at, zone).format("%Y-%m-%d %H:%M:%S").to_string();
    let standing = &one.standing;
    let at = |at: Option<Instant>| at.map(typed).unwrap_or_default();
    let before = [
        at(Some(one.started_at)),
        at(standing.first_acknowledged_at),
        at(standing.resolved.as_ref().map(|r| r.at)),
        leveled(one.impact),
        leveled(one.urgency),
        one.category.clone(),
        standing.findings.code.clone(),
        standing.findings.cause.clone(),
        if one.excluded { "left out" } else { "counted" }.to_owned(),
    ];
    let policy = policy(ctx.world);
    let reasons = HoldReason::WORDS.map(|(word, _)| word.replace('_', " "));
    let reasons = std::iter::once(String::new()).chain(reasons).collect();
    let place = |label: &str, i: usize, hint: &str| {
        FormField::new(label, before.get(i).map_or("", String::as_str), hint)
    };
    let choose = |label: &str, i: usize, hint: &str, choices| {
        FormField::choose(label, before.get(i).map_or("", String::as_str), hint, choices)
    };
    let fields = vec![
        place("Began", 0, "when the trouble began, as 2026-11-23 14:00"),
        place("Acknowledged", 1, "when somebody first had it, as 2026-11-23 14:00"),
        place("Restored", 2, "when the service worked again, as 2026-11-23 14:00"),
        choose("Impact", 3, "1 high, 2 medium, 3 low", levels()),
        choose("Urgency", 4, "1 high, 2 medium, 3 low", levels()),
        choose("Category", 5, "what it was about", categories(ctx.world)),
        choose("Code", 6, "how it ended", policy.codes.clone()),
        place("Cause", 7, "what was the matter"),
        choose(
            "Service level",
            8,
            "counted, or left out of it",
            vec!["counted".to_owned(), "left out".to_owned()],
        ),
        FormField::choose(
            "Waited for",
            "",
            "a time on hold that nobody recorded; or empty",
            reasons,
        ),
        FormField::new("Waited from", "", "2026-11-23 14:00"),
        FormField::new("Waited to", "", "2026-11-23 16:30"),
        FormField::new("Reason", "", "why it is corrected"),
        FormField::new("Agreed with", "", "with whom that was agreed"),
    ];
    let title = format!("Correct {}", aim.named());
    let about = format!("{}; times of {}", aim.about(ctx.world), zone.name());
    let submit: Submit = Box::new(move |texts, now| {
        let text = |i: usize| texts.get(i).map_or("", String::as_str);
        let differs = |i: usize| before.get(i).is_some_and(|b| b != text(i)) && !text(i).is_empty();
        let moment = |i: usize| match text(i) {
            text if Moment::parse(text).is_none() => {
                Err((i, "write it as 2026-11-23 14:00".to_owned()))
            }
            text => match Moment::parse(text).map(|m| m.begins(zone)) {
                Some(at) if at > now => Err((i, "that is still to come".to_owned())),
                at => Ok(at),
            },
        };
        let changed = |i: usize| if differs(i) { moment(i) } else { Ok(None) };
        let level = |i: usize| {
            if differs(i) { level(text(i)).map_err(|why| (i, why)) } else { Ok(None) }
        };
        let word = |i: usize| if differs(i) { text(i).to_owned() } else { String::new() };
        let hold = match text(9) {
            "" => None,
            word => {
                let reason = waits_for(word).map_err(|why| (9, why))?;
                let missing = |i: usize| (i, "write it as 2026-11-23 14:00".to_owned());
                let from = moment(10)?.ok_or_else(|| missing(10))?;
                let to = moment(11)?.ok_or_else(|| missing(11))?;
                Some(Waited { reason, from, to })
            }
        };
        policy.known_category(text(5)).map_err(|why| (5, why))?;
        policy.known_code(text(6)).map_err(|why| (6, why))?;
        let correction = Correction {
            started_at: changed(0)?,
            acknowledged_at: changed(1)?,
            resolved_at: changed(2)?,
            impact: level(3)?,
            urgency: level(4)?,
            priority: None,
            category: differs(5).then(|| text(5).to_owned()),
            findings: Findings { code: word(6), cause: word(7) },
            hold,
            excluded: differs(8).then(|| text(8) == "left out"),
        };
        if text(12).is_empty() {
            return Err((12, "say why it is corrected: the reason is kept".to_owned()));
        }
        if text(13).is_empty() {
            return Err((13, "say with whom it was agreed".to_owned()));
        }
        let (reason, agreed_with) = (text(12).to_owned(), text(13).to_owned());
        let correction = Box::new(correction);
        let deed = Deed::Correct { correction, reason, agreed_with };
        Ok(vec![Step::Do(Cmd::Ask(aim.command(deed)))])
    });
    form(&title, &about, fields, submit)
}

/// A time to come, as a person writes it: a length from now, a time of day, or a date with one.
pub fn coming(text: &str, now: Instant, zone: chrono_tz::Tz) -> Result<Instant, String> {
    time::coming(text, now, zone)
        .ok_or_else(|| format!("{text:?} is no time to come; write 2h, 14:00 or 2026-11-30 09:00"))
}

const LEVELS: [&str; 4] = ["", "1 high", "2 medium", "3 low"];

fn levels() -> Vec<String> {
    LEVELS.map(str::to_owned).to_vec()
}

fn leveled(n: u8) -> String {
    LEVELS.get(usize::from(n)).copied().unwrap_or_default().to_owned()
}

fn level(text: &str) -> Result<Option<u8>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    one_of(&LEVELS, text).map(Some).ok_or_else(|| "1 high, 2 medium or 3 low".to_owned())
}

/// Which of the choices is meant, each a number with a word or without: by all of it, by the number or by
/// the beginning of the word.
fn one_of(choices: &[&str], text: &str) -> Option<u8> {
    let text = text.to_lowercase();
    let means = |choice: &str| {
        let (number, word) = choice.split_once(' ').unwrap_or((choice, ""));
        choice == text || number == text || (!word.is_empty() && word.starts_with(&text))
    };
    let at = choices.iter().position(|choice| !choice.is_empty() && means(choice))?;
    u8::try_from(at).ok()
}

const SCORES: [&str; 6] = ["", "1 bad", "2", "3", "4", "5 good"];

fn scores() -> Vec<String> {
    SCORES.map(str::to_owned).to_vec()
}

fn rating(text: &str) -> Result<u8, String> {
    let score = one_of(&SCORES, text).filter(|_| !text.is_empty());
    score.ok_or_else(|| format!("a score is 1 (bad) to 5 (good), not {text:?}"))
}

fn policy(world: &Snapshot) -> Arc<Policy> {
    Arc::new(world.plan.policy.clone())
}

/// The plan's, or those that were used.
fn categories(world: &Snapshot) -> Vec<String> {
    let planned = &world.plan.policy.categories;
    if !planned.is_empty() {
        return planned.clone();
    }
    let recent = world.incidents.by_id.values().rev().take(2_000);
    let used = recent.map(|i| i.category.clone()).filter(|c| !c.is_empty());
    let rules = world.plan.policy.rules.iter().filter_map(|r| r.category.clone());
    used.chain(rules).collect::<BTreeSet<String>>().into_iter().collect()
}

/// The incident, where it is about one.
fn sole(aim: &Aim, world: &Snapshot) -> Option<Arc<Incident>> {
    match aim.targets.as_slice() {
        [one] => world.incidents.get(one.id).cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_one_of_five_and_nothing_that_only_begins_so() {
        for (text, score) in
            [("1", 1), ("1 bad", 1), ("4", 4), ("5", 5), ("5 good", 5), ("Good", 5)]
        {
            assert_eq!(rating(text), Ok(score), "{text}");
        }
        for text in ["", "0", "6", "45", "5fixed", "-1", "goods", "4.5"] {
            assert!(rating(text).is_err(), "{text}");
        }
    }

    #[test]
    fn whom_it_waits_for_is_known_by_its_first_letters() {
        for (text, reason) in [
            ("supplier", HoldReason::Supplier),
            ("Sup", HoldReason::Supplier),
            ("cu", HoldReason::Customer),
            ("change window", HoldReason::ChangeWindow),
            ("change_w", HoldReason::ChangeWindow),
        ] {
            assert_eq!(waits_for(text), Ok(reason), "{text}");
        }
        assert!(waits_for("c").is_err() && waits_for("").is_err() && waits_for("vendor").is_err());
    }

    #[test]
    fn a_level_is_a_number_or_its_word() {
        for (text, level) in [("1", 1), ("h", 1), ("medium", 2), ("3 low", 3)] {
            assert_eq!(super::level(text), Ok(Some(level)), "{text}");
        }
        assert_eq!(super::level(""), Ok(None));
        assert!(super::level("12").is_err() && super::level("hog").is_err());
    }
}
