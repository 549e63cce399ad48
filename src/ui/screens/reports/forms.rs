//! What is typed and signed on the Reports tab.

use chrono::TimeDelta;
use chrono_tz::Tz;

use crate::domain::command::Command;
use crate::domain::incident::Incident;
use crate::domain::report::{self, Coverage, Document, HandoverId, Party, Turn};
use crate::domain::text::{count, duration};
use crate::domain::time::{before, near, zone};
use crate::ui::cmd::Cmd;
use crate::ui::overlay::{Confirm, Overlay};
use crate::ui::screens::{Ctx, Step, Tone};
use crate::ui::widgets::form::Submit;
use crate::ui::widgets::{Form, FormField};

/// How many lines a question has about incidents.
const SHOWN: usize = 12;

fn ask(command: report::Command) -> Step {
    Step::Do(Cmd::Ask(Command::Reports(command)))
}

fn show(overlay: Overlay) -> Step {
    Step::Show(Box::new(overlay))
}

/// The notes of a turn, in a form or first in an editor.
pub fn notes(turn: &Turn, in_editor: bool, ctx: &Ctx<'_>) -> Vec<Step> {
    let there = ctx.world.reports.notes(&turn.key);
    let (text, seen) = there.map_or((String::new(), 0), |n| (n.text.clone(), n.version));
    let shift = turn.key.clone();
    let submit: Submit = Box::new(move |texts, _| {
        let notes = texts.first().cloned().unwrap_or_default();
        Ok(vec![ask(report::Command::Note { shift: shift.clone(), notes, seen })])
    });
    let about = format!("{}, handed over by {}", turn.key.schedule, turn.outgoing.name);
    let hint = "to whoever comes; they stand in the document";
    let mut field = FormField::new("Notes", &text, hint).kept();
    field.long = true;
    let form = Form::new("Notes to the next", &about, vec![field], submit);
    let mut steps = vec![show(Overlay::Form(form))];
    if in_editor {
        steps.push(Step::Do(Cmd::Edit(text)));
    }
    steps
}

/// What is to be done next about an incident, in a line.
pub fn next_step(incident: &Incident, ctx: &Ctx<'_>) -> Vec<Step> {
    let there = ctx.world.reports.step(incident.id).map(|s| s.text.clone()).unwrap_or_default();
    let id = incident.id;
    let submit: Submit = Box::new(move |texts, _| {
        let text = texts.first().cloned().unwrap_or_default();
        Ok(vec![ask(report::Command::NextStep { incident: id, text })])
    });
    let about = format!("{id} {}", incident.title);
    let hint = "in a line, for whoever has it next; empty: nothing is left to do";
    let field = FormField::new("Next step", &there, hint).kept();
    let title = format!("Next step of {id}");
    vec![show(Overlay::Form(Form::new(&title, &about, vec![field], submit)))]
}

/// Hands a turn over, after a look at what is missing.
pub fn submit(turn: &Turn, document: &Document, ctx: &Ctx<'_>) -> Vec<Step> {
    let me = me(ctx);
    let comes = turn.incoming.as_ref().map_or("whoever comes next", |p| p.name.as_str());
    let open: Vec<&Incident> = ctx
        .world
        .incidents
        .by_id
        .values()
        .map(AsRef::as_ref)
        .filter(|i: &&Incident| i.is_open())
        .collect();
    let missing = open.iter().filter(|i| ctx.world.reports.step(i.id).is_none()).count();
    let is_mine = turn.outgoing.is(&me);
    let asked = match &turn.incoming {
        Some(incoming) if incoming.is(&me) => "You are".to_owned(),
        _ => format!("{comes} is"),
    };
    let holds =
        if is_mine { "you hold".to_owned() } else { format!("{} holds", turn.outgoing.name) };
    let mut lines = vec![format!("{asked} asked to accept it; what {holds} goes over then.")];
    if turn.is_early(ctx.now) {
        lines.push(format!(
            "It began {} ago and runs until {}.",
            duration(ctx.now - turn.key.from),
            near(turn.to, ctx.now, ctx.world.site.zone)
        ));
    }
    lines.push(format!("{} open.", count(open.len(), "incident")));
    if missing > 0 {
        lines.push(format!(
            "{missing} of them have no next step; J on the line of an incident writes it."
        ));
    }
    if ctx.world.reports.notes(&turn.key).is_none_or(|n| n.text.is_empty()) {
        lines.push("No notes are written; n writes them.".to_owned());
    }
    if !is_mine {
        lines.push(format!("{} is on call, not you: you hand over for them.", turn.outgoing.name));
    }
    let command = report::Command::Submit {
        turn: Box::new(turn.clone()),
        document: Box::new(Document {
            locale: Some(ctx.prefs.settings.locale),
            ..document.clone()
        }),
        force: true,
    };
    let title = format!("Hand {} over to {comes}?", turn.key.schedule);
    vec![show(Overlay::Confirm(Confirm::new(&title, lines, "hand over", vec![ask(command)])))]
}

/// Accepts a handover, after saying what goes over and what speaks against it.
pub fn accept(id: HandoverId, signed: Option<Document>, ctx: &Ctx<'_>) -> Vec<Step> {
    let Some(known) = ctx.world.reports.handover(id) else { return Vec::new() };
    let Some(document) = signed else {
        let why = format!("{id} is not read yet; accept it once it is on the screen");
        return vec![Step::Say(Tone::Info, why)];
    };
    let open: Vec<&Incident> = ctx
        .world
        .incidents
        .by_id
        .values()
        .map(AsRef::as_ref)
        .filter(|i: &&Incident| i.is_open())
        .collect();
    let holds = known.holds(&open);
    let mut lines = known.concerns(&me(ctx));
    lines.push(match holds.len() {
        0 => format!("{} holds nothing that would go over.", known.turn.outgoing.name),
        n => format!("{} of {} yours from now on:", count(n, "incident"), known.turn.outgoing.name),
    });
    let named = open.iter().filter(|i| holds.contains(&i.id));
    lines.extend(named.take(SHOWN).map(|i| format!("  {} {} {}", i.id, i.priority, i.title)));
    if holds.len() > SHOWN {
        lines.push(format!("  and {} more", holds.len() - SHOWN));
    }
    if !holds.is_empty() {
        lines.push("Their acknowledgements run anew under your name.".to_owned());
    }
    if ctx.now < known.turn.to {
        lines.push(format!(
            "{} is on call and paged until {}: the schedule stays as it is.",
            known.turn.outgoing.name,
            near(known.turn.to, ctx.now, ctx.world.site.zone)
        ));
    }
    lines.push("This cannot be undone.".to_owned());
    let (seen, document) = (known.version, Box::new(document));
    let command = report::Command::Accept { id, seen, takes: holds, document, force: true };
    let title = format!("Accept {id} from {}?", known.turn.outgoing.name);
    vec![show(Overlay::Confirm(Confirm::new(&title, lines, "accept", vec![ask(command)])))]
}

fn me(ctx: &Ctx<'_>) -> Party {
    Party { name: ctx.prefs.operator.clone(), person: ctx.prefs.person.clone() }
}

/// `1 Nov – 30 Nov 2026`
pub fn days(coverage: &Coverage, site: Tz) -> String {
    let from = zone::local(coverage.from, site);
    let last = zone::local(before(coverage.to, TimeDelta::milliseconds(1)), site);
    format!("{} – {}", from.format("%-d %b"), last.format("%-d %b %Y"))
}
