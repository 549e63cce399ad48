//! Lists of the console itself: every action by its name, the themes.

use super::Model;
use crate::ui::cmd::Cmd;
use crate::ui::keymap::{Action, Context, TABLE};
use crate::ui::screens::{Step, Tone};
use crate::ui::widgets::{Item, Picker};

/// Every action that has a meaning here, by name.
pub(super) fn palette(model: &Model) -> Picker {
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

pub(super) fn themes(model: &Model) -> Picker {
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
