//! What a key, the mouse and a paste do: to a form, an overlay, or by the table of keys.

use ratatui::layout::{Position, Rect};

use super::Model;
use super::answers::KEPT;
use super::update::{act, go, run, say};
use crate::ui::cmd::Cmd;
use crate::ui::frame::{self};
use crate::ui::keymap::{Action, Context, Entry, Found, TABLE};
use crate::ui::overlay::Overlay;
use crate::ui::screens::{Step, Tone};
use crate::ui::terminal::{InputEvent, Key, KeyCode, Mods, Mouse, MouseKind};
use crate::ui::theme::Theme;
use crate::ui::widgets::Form;
use crate::ui::widgets::form::Filled;
use crate::ui::widgets::picker::Picked;

pub(super) fn input_event(model: &mut Model, input: InputEvent, cmds: &mut Vec<Cmd>) {
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

pub(super) fn not_now(model: &mut Model, action: Action, cmds: &mut Vec<Cmd>) {
    let entry = action.entry();
    if action == Action::Back {
        return;
    }
    if action == Action::Undo
        && let Some(why) = model.undoable().and_then(|done| done.stays)
    {
        model.done.pop();
        say(model, Tone::Info, why.to_owned());
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
            Some(state) => {
                format!("nothing to {hint}: it is {}", state.word().replace('_', " "))
            }
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
pub(super) fn leave_form(model: &mut Model) -> Option<Form> {
    model.overlays.pop_if(|o| matches!(o, Overlay::Form(_))).and_then(|overlay| match overlay {
        Overlay::Form(form) => Some(form),
        _ => None,
    })
}
