//! What each message does to the console: pure, with effects as data.

use std::fmt::Write as _;
use std::sync::Arc;

use ratatui::layout::{Position, Rect};

use super::{Done, MAX_MESSAGES, Model, Msg, Settings, Tab};
use crate::domain::calendar;
use crate::domain::command::{Outcome, Verdict};
use crate::domain::incident::Incident;
use crate::domain::incident::lifecycle::Action as Does;
use crate::domain::paging::{Pager, Progress};
use crate::domain::report;
use crate::domain::roster::book;
use crate::domain::text;
use crate::domain::time::{Instant, TimeStyle};
use crate::domain::upstream::{self, Call};
use crate::engine::{Command, Snapshot};
use crate::ui::cmd::Cmd;
use crate::ui::drafts::Kept;
use crate::ui::frame::{self, messages::Message, toast::Toast};
use crate::ui::keymap::{Action, Context, Entry, Found, TABLE};
use crate::ui::overlay::{Confirm, Overlay};
use crate::ui::screens::silences::Inventory;
use crate::ui::screens::{Place, Step, Tone, paging};
use crate::ui::terminal::{InputEvent, Key, KeyCode, Mods, Mouse, MouseKind};
use crate::ui::theme::Theme;
use crate::ui::widgets::form::Filled;
use crate::ui::widgets::picker::Picked;
use crate::ui::widgets::{Form, Item, Picker, Scroll};

/// Said where a form that was refused does not lie open again.
const KEPT: &str = "your text is kept for the next try";

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

fn input_event(model: &mut Model, input: InputEvent, cmds: &mut Vec<Cmd>) {
    if matches!(input, InputEvent::Key(_) | InputEvent::Paste(_) | InputEvent::Mouse(_)) {
        model.drafts.touched();
        model.with(model.tab, |s, ctx| s.touched(ctx));
    }
    match input {
        InputEvent::Key(pressed) => key(model, pressed, cmds),
        // A paste outside a field is discarded: its letters must not act.
        InputEvent::Paste(text) => match model.overlays.last_mut() {
            Some(Overlay::Picker(picker)) => picker.paste(&text),
            Some(Overlay::Form(form)) => form.paste(&text, model.now),
            Some(_) => {}
            None => {
                let tab = model.tab;
                let typing = model.screen().typing();
                let steps = if typing {
                    model.with(tab, |s, ctx| s.pasted(&text, ctx))
                } else {
                    Vec::new()
                };
                run(model, steps, cmds);
            }
        },
        InputEvent::Resize(size) => {
            model.size = size;
            model.arrived();
        }
        InputEvent::Suspend => cmds.push(Cmd::Suspend),
        InputEvent::Continued => cmds.push(Cmd::TakeAgain),
        InputEvent::Leave(leave) => cmds.push(Cmd::Quit(leave.code())),
        InputEvent::Focus(focused) => model.focused = focused,
        InputEvent::Background(background) => {
            if model.prefs.follows {
                let name = Theme::default_name(model.prefs.depth, Some(background));
                if name != model.prefs.theme.name {
                    cmds.push(Cmd::Theme(name.to_owned()));
                }
            }
        }
        InputEvent::Mouse(mouse) => pointer(model, mouse, cmds),
    }
}

fn key(model: &mut Model, pressed: Key, cmds: &mut Vec<Cmd>) {
    if frame::too_small(model.size) {
        if pressed == Key::char('q') || is_stop(model, pressed) {
            cmds.push(Cmd::Quit(0));
        }
        return;
    }
    if is_stop(model, pressed) {
        cmds.push(Cmd::Quit(130));
        return;
    }
    if matches!(model.overlays.last(), Some(Overlay::Welcome)) {
        model.overlays.pop();
        cmds.push(Cmd::Welcomed);
        // Keys that it advertises do what it says; those that only close it do nothing else.
        let closes = [KeyCode::Esc, KeyCode::Enter, KeyCode::Char(' '), KeyCode::Char('q')];
        if closes.contains(&pressed.code) {
            return;
        }
    }
    if model.typing() {
        typed(model, pressed, cmds);
        return;
    }
    if pressed.code == KeyCode::Esc && !model.pressed.is_empty() {
        model.pressed.clear();
        return;
    }
    model.pressed.push(pressed);
    let situation = model.situation();
    match model.prefs.settings.keymap.find(model.contexts(), &model.pressed, &situation) {
        Found::Prefix(_) => {}
        Found::Action(action) => {
            model.pressed.clear();
            act(model, action, cmds);
        }
        Found::NotNow(action) => {
            model.pressed.clear();
            not_now(model, action, cmds);
        }
        Found::Nothing => {
            let alone = std::mem::take(&mut model.pressed);
            // The key that opened an overlay closes it.
            let opened_by = model.overlays.last().and_then(Overlay::opened_by);
            let closes = opened_by
                .is_some_and(|action| model.prefs.settings.keymap.keys(action).contains(&alone));
            if closes {
                model.overlays.pop();
            } else if model.overlays.is_empty()
                && let Some(why) = elsewhere(model, &alone)
            {
                say(model, Tone::Info, why);
            }
        }
    }
}

/// The wheel moves as the arrow keys do; a click on a tab opens it, one on a screen is the screen's.
fn pointer(model: &mut Model, mouse: Mouse, cmds: &mut Vec<Cmd>) {
    if model.typing() || frame::too_small(model.size) {
        return;
    }
    let screen = Rect::from(((0, 0).into(), model.size));
    match mouse.kind {
        MouseKind::ScrollUp => act(model, Action::Up, cmds),
        MouseKind::ScrollDown => act(model, Action::Down, cmds),
        MouseKind::Down(0) if model.overlays.is_empty() => {
            let areas = frame::areas(screen, &model.world);
            if let Some(tab) = frame::tab_at(model, areas.tabs, mouse.x, mouse.y) {
                go(model, tab.place(), cmds);
            } else if areas.body.contains(Position::new(mouse.x, mouse.y)) {
                let at = Position::new(mouse.x - areas.body.x, mouse.y - areas.body.y);
                let steps = model.with(model.tab, |s, ctx| s.clicked(at, ctx));
                run(model, steps, cmds);
            }
        }
        _ => {}
    }
}

fn is_stop(model: &Model, pressed: Key) -> bool {
    pressed == Key::new(KeyCode::Char('c'), Mods::CTRL)
        || pressed.typed().is_none()
            && model.prefs.settings.keymap.keys(Action::Stop).contains(&vec![pressed])
}

/// Where a key that means nothing here has a meaning.
fn elsewhere(model: &Model, keys: &[Key]) -> Option<String> {
    let keymap = &model.prefs.settings.keymap;
    let bound = |e: &&Entry| keymap.keys(e.action).iter().any(|k| k == keys);
    let entry = TABLE.iter().find(bound)?;
    // An incident's own page is beside its queue, and so are the others.
    let beside = |context| match context {
        Context::Incident => entry.within.contains(&Context::Incidents),
        Context::Service => entry.within.contains(&Context::Health),
        Context::Window => entry.within.contains(&Context::Calendar),
        _ => false,
    };
    let places = entry.within.iter().filter(|c| !beside(**c)).filter_map(|context| match context {
        Context::Incident => Some("on an incident's own page"),
        Context::Incidents => Some("in the queue of incidents"),
        Context::Health => Some("on the Health tab"),
        Context::Service => Some("on a service's own page"),
        Context::OnCall => Some("on the On-call tab"),
        Context::Calendar => Some("on the Calendar tab"),
        Context::Sla => Some("on the SLA tab"),
        Context::Window => Some("on a window's own page"),
        Context::Silences => Some("in the list of silences"),
        Context::Reports => Some("on the Reports tab"),
        _ => None,
    });
    let places: Vec<&str> = places.collect();
    let (last, before) = places.split_last()?;
    let places = match before {
        [] => (*last).to_owned(),
        before => format!("{} and {last}", before.join(", ")),
    };
    Some(format!("{} works {places}", entry.hint))
}

fn not_now(model: &mut Model, action: Action, cmds: &mut Vec<Cmd>) {
    let entry = action.entry();
    if action == Action::Back {
        return;
    }
    // The calendar knows why.
    let planned = [
        Action::Approve,
        Action::Start,
        Action::Extend,
        Action::Close,
        Action::Cancel,
        Action::Reschedule,
        Action::Except,
    ];
    let may = !(entry.writes && model.world.site.read_only);
    if may && planned.contains(&action) && model.situation().occurrence.is_some() {
        let steps = model.with(model.tab, |s, ctx| s.act(action, ctx));
        run(model, steps, cmds);
        return;
    }
    if let Some(why) = model.with(model.tab, |s, ctx| s.why_not(action, ctx)) {
        say(model, Tone::Info, why);
        return;
    }
    let hint = entry.hint_in(&model.situation());
    let why = match action {
        Action::Undo => "nothing of yours to undo".to_owned(),
        Action::OpenLink => "no link here".to_owned(),
        Action::Present => "this is the present".to_owned(),
        Action::Shorter | Action::Longer => "nothing with a range is in view here".to_owned(),
        _ => match model.situation().incident {
            Some(state) => format!("nothing to {hint}: it is {}", state.word()),
            None => format!("nothing to {hint} here"),
        },
    };
    say(model, Tone::Info, why);
}

/// Keys while a field has them.
fn typed(model: &mut Model, pressed: Key, cmds: &mut Vec<Cmd>) {
    match model.overlays.last_mut() {
        Some(Overlay::Picker(picker)) => match picker.key(pressed, model.now) {
            Picked::Open => {}
            Picked::Cancelled => {
                model.overlays.pop();
            }
            Picked::Chosen(steps) => {
                model.overlays.pop();
                run(model, steps, cmds);
            }
        },
        Some(Overlay::Form(form)) => match form.key(pressed, model.now) {
            Filled::Open => {}
            Filled::Cancelled => {
                if let Some(form) = leave_form(model).filter(Form::is_refused) {
                    model.drafts.left(form);
                    say(model, Tone::Info, KEPT.to_owned());
                }
            }
            Filled::Edit(text) => cmds.push(Cmd::Edit(text)),
            Filled::Sent(steps) => {
                // Under a question it stays: whoever says no goes on typing.
                let asks =
                    |s: &Step| matches!(s, Step::Show(o) if matches!(**o, Overlay::Confirm(_)));
                if !steps.iter().any(asks)
                    && let Some(form) = leave_form(model)
                {
                    model.drafts.sent(form, &steps);
                }
                run(model, steps, cmds);
            }
        },
        Some(_) => {}
        None => {
            let steps = model.with(model.tab, |s, ctx| s.typed(pressed, ctx));
            run(model, steps, cmds);
        }
    }
}

/// Takes the form away that lies on top.
fn leave_form(model: &mut Model) -> Option<Form> {
    model.overlays.pop_if(|o| matches!(o, Overlay::Form(_))).and_then(|overlay| match overlay {
        Overlay::Form(form) => Some(form),
        _ => None,
    })
}

/// Does an action of the table.
fn act(model: &mut Model, action: Action, cmds: &mut Vec<Cmd>) {
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
            match done.stays {
                Some(why) => {
                    model.done.pop();
                    say(model, Tone::Info, why.to_owned());
                }
                None => send(model, done.undo, cmds),
            }
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

fn run(model: &mut Model, steps: Vec<Step>, cmds: &mut Vec<Cmd>) {
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

fn go(model: &mut Model, place: Place, cmds: &mut Vec<Cmd>) {
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
fn say(model: &mut Model, tone: Tone, text: String) {
    let message = Message { at: model.now, tone, text: text.clone() };
    let repeated = model.messages.back().is_some_and(|m| m.text == text);
    if !repeated {
        note_down(model, message);
    }
    model.toast = Some(Toast::new(tone, text, model.now, model.speed));
}

/// Adds to the messages; a cursor among them stays on its message.
fn note_down(model: &mut Model, message: Message) {
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
    let own = model.toast.take().filter(|t| t.undo_until.is_some());
    say(model, Tone::News, text);
    if own.is_some() {
        model.toast = own;
    }
}

/// The engine's answer becomes one line; what can be undone is remembered; what asks is asked.
fn answered(model: &mut Model, command: &Command, outcomes: &[Outcome], cmds: &mut Vec<Cmd>) {
    if !model.waiting.is_empty() {
        model.waiting.remove(0);
    }
    let is_done = outcomes.iter().any(|o| o.verdict.is_done());
    let undo = undoing(command, outcomes);
    // What a store that is away refused can be tried again.
    if is_done && undo.is_none() {
        model.done.pop();
    }
    let acted = is_done && undo.is_some();
    if let Some(undo) = undo.filter(|_| is_done) {
        let window = model.undo_window();
        model.done.push(Done { undo, at: model.now, stays: stays(command) });
        model.done.retain(|d| model.now - d.at <= window);
    }
    let (tone, mut line, rest) = frame::toast::outcome(outcomes);
    match model.drafts.answered(command, outcomes.iter().all(|o| o.verdict.is_done()), !is_done) {
        Kept::Nothing => {}
        // With what was typed, and with what was said to it.
        Kept::Form(mut form) if model.overlays.is_empty() => {
            form.refuse(line.clone());
            model.overlays.push(Overlay::Form(*form));
        }
        Kept::Form(form) => {
            model.drafts.left(*form);
            let _ = write!(line, "; {KEPT}");
        }
        Kept::Texts => {
            let _ = write!(line, "; {KEPT}");
        }
    }
    if outcomes.len() > 1 && !rest.is_empty() {
        let key = model.prefs.settings.keymap.shown(Action::Messages, false);
        let tells = key.map(|key| format!("; {key} lists them")).unwrap_or_default();
        line.push_str(&tells);
    }
    say(model, tone, line);
    // The list is one key away: in the messages.
    for text in rest {
        note_down(model, Message { at: model.now, tone: Tone::Info, text });
    }
    let window = model.undo_window();
    let undoable = acted && stays(command).is_none();
    if let Some(toast) = model.toast.as_mut().filter(|_| undoable) {
        toast.offer_undo(window, model.now, model.speed);
    }
    if let Some(confirm) = confirmation(command, outcomes) {
        model.overlays.push(Overlay::Confirm(confirm));
    }
    for tab in Tab::ALL {
        let steps = model.with(tab, |s, ctx| s.answered(command, outcomes, ctx));
        run(model, steps, cmds);
    }
}

/// What takes back what a command did; `None` for what takes back itself.
fn undoing(command: &Command, outcomes: &[Outcome]) -> Option<Command> {
    match command {
        Command::Undo { .. }
        | Command::Roster(book::Command::Undo)
        | Command::Upstream(upstream::Command::UndoLast)
        | Command::Calendar(calendar::Command::Undo { .. } | calendar::Command::UndoLast) => None,
        // Nothing takes it back; see `stays`.
        Command::Paging(_) | Command::Escalate(_) | Command::View(_) | Command::Reports(_) => {
            Some(command.clone())
        }
        // What somebody else changed since is refused, and nothing older taken back instead.
        Command::Calendar(command) => {
            let undo = match command.subject() {
                Some(of) => calendar::Command::Undo { of },
                None => calendar::Command::UndoLast,
            };
            Some(Command::Calendar(undo))
        }
        Command::Roster(_) => Some(Command::Roster(book::Command::Undo)),
        Command::Upstream(_) => Some(Command::Upstream(upstream::Command::UndoLast)),
        Command::Report(_) | Command::Act { .. } => {
            let done = outcomes.iter().filter(|o| o.verdict.is_done());
            Some(Command::Undo { targets: done.filter_map(|o| o.id).collect() })
        }
    }
}

/// Why what a command did cannot be taken back.
fn stays(command: &Command) -> Option<&'static str> {
    match command {
        Command::Act { action: Does::Note { .. }, .. } => Some("a note stays; add another one"),
        Command::Reports(report::Command::Note { .. } | report::Command::NextStep { .. }) => {
            Some("what was written is written over, not taken back")
        }
        Command::Reports(_) => Some("what was signed stays as it was signed"),
        Command::View(_) => Some("a shared view is not taken back: save or delete it again"),
        Command::Paging(_) | Command::Escalate(_) => {
            Some("page not recalled: whoever was paged has it, or will")
        }
        Command::Upstream(upstream::Command::Order(order)) => match order.call {
            Call::Silence { .. } | Call::Downtime { .. } => None,
            _ => Some("an order that is no silence stays; give another one"),
        },
        _ => None,
    }
}

/// The question behind outcomes that ask first, with the same command, forced, as its yes.
fn confirmation(command: &Command, outcomes: &[Outcome]) -> Option<Confirm> {
    let Command::Act { targets, action: Does::Resolve { reason, findings, .. } } = command else {
        return None;
    };
    let asking: Vec<_> =
        outcomes.iter().filter(|o| matches!(o.verdict, Verdict::Confirm { .. })).collect();
    if asking.is_empty() {
        return None;
    }
    let ids: Vec<_> = asking.iter().filter_map(|o| o.id).collect();
    let lines = asking.iter().take(8).map(|o| o.verdict.to_string());
    let more = asking.len().saturating_sub(8);
    let lines = lines.chain((more > 0).then(|| format!("and {more} more"))).collect();
    let again = Command::Act {
        targets: targets.iter().filter(|t| ids.contains(&t.id)).copied().collect(),
        action: Does::Resolve { reason: reason.clone(), findings: findings.clone(), force: true },
    };
    Some(Confirm::new(
        "Alerts still fire",
        lines,
        "resolve all the same",
        vec![Step::Do(Cmd::Ask(again))],
    ))
}

/// Every action that has a meaning here, by name.
fn palette(model: &Model) -> Picker {
    let situation = model.situation();
    let contexts = model.screen().contexts();
    let ascii = model.prefs.theme.is_ascii();
    let hidden = [Action::Palette, Action::Up, Action::Down, Action::Left, Action::Right];
    let mut entries: Vec<_> = TABLE
        .iter()
        .filter(|e| {
            e.within.iter().any(|c| {
                contexts.contains(c)
                    || *c == Context::Incident && contexts.contains(&Context::Incidents)
            })
        })
        .filter(|e| !hidden.contains(&e.action))
        .filter(|e| !(e.writes && situation.read_only))
        .collect();
    entries.sort_by_key(|e| !(e.when)(&situation));
    let items = entries.into_iter().map(|e| {
        // A key that has no meaning here is not shown; by its name the action works all the same.
        let works = e.within.iter().any(|c| contexts.contains(c));
        let key = model.prefs.settings.keymap.shown(e.action, ascii).filter(|_| works);
        let key = key.unwrap_or_default();
        Item {
            label: e.name.replace('_', " "),
            detail: format!("{key:5} {}", e.help_in(contexts)),
            then: vec![Step::Act(e.action)],
        }
    });
    Picker::new("Command", items.collect())
}

fn themes(model: &Model) -> Picker {
    let items = model.prefs.themes.iter().map(|name| Item {
        label: name.clone(),
        detail: if *name == model.prefs.theme.name { "now".to_owned() } else { String::new() },
        then: vec![
            Step::Do(Cmd::Theme(name.clone())),
            Step::Say(Tone::Info, format!("theme {name}")),
        ],
    });
    let now = model.prefs.themes.iter().position(|n| *n == model.prefs.theme.name);
    Picker::new("Theme", items.collect()).at(now.unwrap_or(0))
}
