//! What each message does to the console: pure, with effects as data.

use std::sync::Arc;

use ratatui::layout::Rect;

use super::answers::answered;
use super::input::{input_event, leave_form, not_now};
use super::pickers::{palette, themes};
use super::{MAX_MESSAGES, Model, Msg, Settings, Tab};
use crate::domain::incident::Incident;
use crate::domain::paging::{Pager, Progress};
use crate::domain::text;
use crate::domain::time::{Instant, TimeStyle};
use crate::engine::{Command, Snapshot};
use crate::ui::cmd::Cmd;
use crate::ui::frame::{self, messages::Message, toast::Toast};
use crate::ui::keymap::Action;
use crate::ui::overlay::{Confirm, Overlay};
use crate::ui::screens::silences::Inventory;
use crate::ui::screens::{Place, Step, Tone, paging};
use crate::ui::theme::Theme;
use crate::ui::widgets::Scroll;

/// Takes one message; returns what the world is asked for.
pub fn update(model: &mut Model, msg: Msg, now: Instant) -> Vec<Cmd> {
    model.now = now;
    let mut cmds = Vec::new();
    if model.toast.as_ref().is_some_and(|t| t.until <= now) {
        model.toast = None;
    }
    match msg {
        Msg::Tick => {
            for tab in [Tab::Incidents, Tab::OnCall, Tab::Calendar, Tab::Sla, Tab::Reports] {
                model.with(tab, |s, ctx| s.arrived(ctx));
            }
        }
        Msg::Input(input) => input_event(model, input, &mut cmds),
        Msg::World(world) => {
            let other = pager_news(&model.world.pager, &world.pager);
            model.world = world;
            model.arrived();
            match other {
                Some((Tone::News, text)) => news(model, text),
                Some((tone, text)) => say(model, tone, text),
                None => {}
            }
        }
        Msg::Answered { command, outcomes } => answered(model, &command, &outcomes, &mut cmds),
        Msg::Timeline { id, events } => {
            model.with(Tab::Incidents, |s, ctx| s.timeline(id, &events, ctx));
        }
        Msg::Loaded { id, result } => match result {
            Ok(()) => go(model, Place::Incident(id), &mut cmds),
            Err(why) => say(model, Tone::Bad, why),
        },
        Msg::Document { name, found } => {
            model.with(Tab::Reports, |s, ctx| s.document(&name, found, ctx));
        }
        Msg::Drafted(ask, made) => {
            let steps = model.with(Tab::Reports, |s, ctx| s.drafted(ask, made, ctx));
            run(model, steps, &mut cmds);
        }
        Msg::Range(ask, answer) => model.health.ranged(&ask, answer, now),
        Msg::Attained(period, result) => model.attained(period, result.map(|all| *all)),
        Msg::Troubles(service, since, result) => model.troubled(&service, since, result),
        Msg::Replanned => model.health.forget_ranges(),
        Msg::Views(own) => {
            model.queue.set_own(own.views);
            for why in own.wrong {
                say(model, Tone::Bad, why);
            }
        }
        Msg::Themed(Ok(theme)) => {
            model.prefs.theme = theme;
            model.arrived();
        }
        Msg::Themed(Err(why)) | Msg::Edited(Err(why)) => say(model, Tone::Bad, why),
        Msg::Edited(Ok(Some(text))) => {
            if let Some(Overlay::Form(form)) = model.overlays.last_mut() {
                form.edited(&text, now);
            }
        }
        Msg::Edited(Ok(None)) => {
            say(model, Tone::Info, "nothing was changed in the editor".to_owned());
        }
        Msg::Settings(settings) => reconfigured(model, *settings, &mut cmds),
        Msg::Config(Ok(said)) => {
            model.broken = None;
            say(model, Tone::Info, said);
        }
        Msg::Config(Err((brief, why))) => {
            model.broken = Some(brief);
            say(model, Tone::Bad, format!("config not reloaded, the old one stays: {why}"));
        }
        Msg::Say(tone, text) => say(model, tone, text),
        Msg::News(text) => news(model, text),
        Msg::Go(place) => go(model, place, &mut cmds),
        Msg::Notify(title, body) => cmds.push(Cmd::Notify(title, body)),
        Msg::Bell => cmds.push(Cmd::Bell),
    }
    let wanted = model.with(model.tab, |screen, ctx| screen.wants(ctx));
    cmds.extend(wanted);
    cmds
}

/// Does an action of the table.
pub(super) fn act(model: &mut Model, action: Action, cmds: &mut Vec<Cmd>) {
    let entry = action.entry();
    if entry.writes && model.world.site.read_only {
        say(model, Tone::Bad, format!("read-only: {} is not sent", entry.hint));
        return;
    }
    if !model.overlays.is_empty() {
        act_on_overlay(model, action, cmds);
        return;
    }
    match action {
        Action::GoHealth => go(model, Place::Health, cmds),
        Action::GoIncidents => go(model, Place::Incidents, cmds),
        Action::GoOnCall => go(model, Place::OnCall, cmds),
        Action::GoCalendar => go(model, Place::Calendar, cmds),
        Action::GoSla => go(model, Place::Sla, cmds),
        Action::GoReports => go(model, Place::Reports, cmds),
        Action::Handover => go(model, Place::Handover, cmds),
        Action::MakeReport => go(model, Place::MakeReport, cmds),
        Action::Help => {
            let contexts = model.screen().contexts();
            model.overlays.push(Overlay::Help(contexts, Scroll::default()));
        }
        Action::Messages => model.overlays.push(Overlay::Messages(Scroll::default())),
        Action::Sources => model.overlays.push(Overlay::Sources(Scroll::default())),
        Action::ListSilences => model.overlays.push(Overlay::Silences(Inventory::default())),
        Action::Welcome => model.overlays.push(Overlay::Welcome),
        Action::Palette => model.overlays.push(Overlay::Picker(palette(model))),
        Action::Theme => model.overlays.push(Overlay::Picker(themes(model))),
        Action::TimeStyle => {
            let times = model.prefs.settings.times.next();
            model.prefs.settings.times = times;
            let word = match times {
                TimeStyle::Relative => "times as ages",
                TimeStyle::Local => "times of the site's zone",
                TimeStyle::Utc => "times in UTC",
            };
            say(model, Tone::Info, word.to_owned());
            model.arrived();
        }
        Action::Refresh => {
            say(model, Tone::Info, "asking every source".to_owned());
            cmds.push(Cmd::Refresh);
        }
        Action::Mouse => {
            let mouse = !model.prefs.settings.mouse;
            model.prefs.settings.mouse = mouse;
            cmds.push(Cmd::Mouse(mouse));
            let said = if mouse { "the mouse is on" } else { "the mouse is off" };
            say(model, Tone::Info, said.to_owned());
        }
        Action::TestPage => {
            let steps = paging::test(&model.ctx());
            run(model, steps, cmds);
        }
        Action::Redraw => cmds.push(Cmd::Redraw),
        Action::Suspend => cmds.push(Cmd::Suspend),
        Action::Stop => cmds.push(Cmd::Quit(130)),
        Action::Quit if model.situation().root => quit(model, cmds),
        Action::Undo => {
            let Some(done) = model.undoable().cloned() else { return };
            send(model, done.undo, cmds);
        }
        // `q` anywhere but at the root leaves, as `Esc` does.
        Action::Quit => screen_act(model, Action::Back, cmds),
        action => screen_act(model, action, cmds),
    }
}

fn screen_act(model: &mut Model, action: Action, cmds: &mut Vec<Cmd>) {
    let steps = model.with(model.tab, |s, ctx| s.act(action, ctx));
    run(model, steps, cmds);
}

fn act_on_overlay(model: &mut Model, action: Action, cmds: &mut Vec<Cmd>) {
    match action {
        Action::Back | Action::Quit | Action::No => {
            model.overlays.pop();
        }
        Action::Yes => {
            if let Some(Overlay::Confirm(confirm)) = model.overlays.pop() {
                // The form that asked.
                if let Some(form) = leave_form(model) {
                    model.drafts.sent(form, &confirm.yes);
                }
                run(model, confirm.yes, cmds);
            }
        }
        Action::Redraw => cmds.push(Cmd::Redraw),
        Action::Suspend => cmds.push(Cmd::Suspend),
        action if matches!(model.overlays.last(), Some(Overlay::Silences(_))) => {
            let Some(Overlay::Silences(mut inventory)) = model.overlays.pop() else { return };
            let screen = Rect::from(((0, 0).into(), model.size));
            let screen = frame::areas(screen, &model.world).body;
            let steps = inventory.act(action, &model.ctx(), screen);
            model.overlays.push(Overlay::Silences(inventory));
            run(model, steps, cmds);
        }
        Action::Open | Action::Copy => {
            if let Some(Overlay::Messages(at)) = model.overlays.last() {
                let chosen = frame::messages::chosen(&model.messages, *at);
                cmds.extend(chosen.map(|message| Cmd::Copy(message.text.clone())));
            }
        }
        action => {
            if let Some(mut overlay) = model.overlays.pop() {
                let screen = Rect::from(((0, 0).into(), model.size));
                overlay.scroll(action, model, frame::areas(screen, &model.world).body);
                model.overlays.push(overlay);
            }
        }
    }
}

/// That the pager is in other hands, or in none. Who has it when a console opens is no news.
fn pager_news(before: &Pager, now: &Pager) -> Option<(Tone, String)> {
    let here = |pager: &Pager| matches!(pager, Pager::Here { .. });
    let was = match before {
        Pager::Unknown => return None,
        Pager::Nobody => "nobody did",
        Pager::Here { .. } => "this console did",
        Pager::Other(name) => &format!("{name} did"),
    };
    match now {
        now if now == before || here(now) && here(before) => None,
        Pager::Unknown => None,
        Pager::Nobody => Some((Tone::Bad, format!("nobody pages now; {was} until now"))),
        Pager::Here { .. } => Some((Tone::News, format!("this console pages now; {was} before"))),
        Pager::Other(name) => Some((Tone::News, format!("{name} pages now; {was} before"))),
    }
}

fn quit(model: &mut Model, cmds: &mut Vec<Cmd>) {
    let mut lines = Vec::new();
    if !model.waiting.is_empty() {
        lines.push(format!("{} sent, not confirmed as stored yet.", model.waiting.len()));
    }
    lines.extend(unattended(&model.world));
    if lines.is_empty() {
        cmds.push(Cmd::Quit(0));
        return;
    }
    let confirm = Confirm::new("Quit now?", lines, "quit", vec![Step::Do(Cmd::Quit(0))]);
    model.overlays.push(Overlay::Confirm(confirm));
}

/// What nobody is paged for any more when this console is left: it is the one that pages, and no
/// other is there.
fn unattended(world: &Snapshot) -> Option<String> {
    if world.site.demo || world.pager != (Pager::Here { alone: true }) {
        return None;
    }
    let pages = |i: &Arc<Incident>| i.escalation.as_ref().is_some_and(Progress::is_under_way);
    match world.incidents.by_id.values().filter(|i| i.is_open() && pages(i)).count() {
        0 => None,
        1 => Some("One incident pages on, and nobody else would page for it.".to_owned()),
        n => Some(format!("{n} incidents page on, and nobody else would page for them.")),
    }
}

pub(super) fn run(model: &mut Model, steps: Vec<Step>, cmds: &mut Vec<Cmd>) {
    for step in steps {
        match step {
            Step::Do(Cmd::Ask(command)) => send(model, command, cmds),
            Step::Do(Cmd::Theme(name)) => {
                model.prefs.follows = false;
                cmds.push(Cmd::Theme(name));
            }
            // What stands in the form already is edited on.
            Step::Do(Cmd::Edit(text)) => cmds.push(Cmd::Edit(match model.overlays.last() {
                Some(Overlay::Form(form)) => form.text().to_owned(),
                _ => text,
            })),
            Step::Do(cmd) => cmds.push(cmd),
            Step::Act(action) => {
                let entry = action.entry();
                if (entry.when)(&model.situation()) {
                    act(model, action, cmds);
                } else {
                    not_now(model, action, cmds);
                }
            }
            Step::Show(mut overlay) => {
                if let Overlay::Form(form) = &mut *overlay {
                    model.drafts.restore(form, model.now);
                }
                model.overlays.push(*overlay);
            }
            Step::Go(place) => go(model, place, cmds),
            Step::Say(tone, text) => say(model, tone, text),
        }
    }
}

/// Sends a command to the engine, unless this console may not.
fn send(model: &mut Model, command: Command, cmds: &mut Vec<Cmd>) {
    if model.world.site.read_only {
        say(model, Tone::Bad, "read-only: nothing is sent".to_owned());
        return;
    }
    model.waiting.push((model.now, doing(&command)));
    cmds.push(Cmd::Ask(command));
}

/// What is being stored, where that may take a while: a bulk is one command, done as a whole.
fn doing(command: &Command) -> String {
    match command {
        Command::Act { targets, action } if targets.len() > 1 => {
            format!("storing: {} {}", action.word(), text::count(targets.len(), "incident"))
        }
        Command::Undo { targets } if targets.len() > 1 => {
            format!("storing: undo of {}", text::count(targets.len(), "incident"))
        }
        _ => "storing".to_owned(),
    }
}

/// Puts a config that was read again in force, as far as it changed.
fn reconfigured(model: &mut Model, settings: Settings, cmds: &mut Vec<Cmd>) {
    let old = std::mem::replace(&mut model.prefs.settings, settings);
    let new = &model.prefs.settings;
    if new.theme != old.theme {
        model.prefs.follows = new.theme.is_none();
        let default = Theme::default_name(model.prefs.depth, None);
        cmds.push(Cmd::Theme(new.theme.clone().unwrap_or_else(|| default.to_owned())));
    }
    if new.mouse != old.mouse {
        cmds.push(Cmd::Mouse(new.mouse));
    }
    // Keys that were pressed meant something in the keymap that is gone.
    model.pressed.clear();
    model.arrived();
}

pub(super) fn go(model: &mut Model, place: Place, cmds: &mut Vec<Cmd>) {
    let tab = match place {
        Place::Health | Place::Service(_) => Tab::Health,
        Place::Incidents
        | Place::Incident(_)
        | Place::Query(_)
        | Place::Sorted(_)
        | Place::View(_)
        | Place::Column(_) => Tab::Incidents,
        Place::OnCall | Place::OnCallAt(..) => Tab::OnCall,
        Place::Calendar | Place::Window(_) => Tab::Calendar,
        Place::Sla
        | Place::Objective(_)
        | Place::ObjectiveAt(..)
        | Place::Measured(..)
        | Place::Kept { .. } => Tab::Sla,
        Place::Reports | Place::Handover | Place::MakeReport => Tab::Reports,
    };
    let mut steps = Vec::new();
    if tab != model.tab {
        model.with(model.tab, |s, ctx| s.left(ctx));
        model.tab = tab;
        steps = model.with(tab, |s, ctx| s.entered(ctx));
    }
    steps.extend(model.with(tab, |s, ctx| s.go(&place, ctx)));
    run(model, steps, cmds);
}

/// Says something: as a toast, and in the messages.
pub(super) fn say(model: &mut Model, tone: Tone, text: String) {
    let message = Message { at: model.now, tone, text: text.clone() };
    let repeated = model.messages.back().is_some_and(|m| m.text == text);
    if !repeated {
        note_down(model, message);
    }
    model.toast = Some(Toast::new(tone, text, model.now, model.speed));
}

/// Adds to the messages; a cursor among them stays on its message.
pub(super) fn note_down(model: &mut Model, message: Message) {
    model.messages.push_back(message);
    while model.messages.len() > MAX_MESSAGES {
        model.messages.pop_front();
    }
    let last = model.messages.len() - 1;
    for overlay in &mut model.overlays {
        if let Overlay::Messages(at) = overlay {
            at.0 = (at.0 + 1).min(last);
        }
    }
}

/// Tells what happened, unless the outcome of an own action is still being read.
fn news(model: &mut Model, text: String) {
    let own = model.toast.take().filter(|t| t.own);
    say(model, Tone::News, text);
    if own.is_some() {
        model.toast = own;
    }
}
