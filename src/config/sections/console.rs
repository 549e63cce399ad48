//! `[ui]` and `[notify]`: how this console looks and how it calls.

use std::collections::BTreeMap;
use std::time::Duration;

use super::channel::Known as Channels;
use crate::config::reader::Section;
use crate::config::tree::Value;
use crate::config::{Colour, Glyphs, NotifySettings, Switch, UiSettings, Vocabulary};
use crate::domain::incident::Priority;
use crate::domain::text::suggest;
use crate::domain::time::TimeStyle;
use crate::notify::channels::ChannelSettings;

/// The words of `colour`, as on the command line.
pub const COLOURS: [(&str, Colour); 6] = [
    ("auto", Colour::Auto),
    ("off", Colour::Off),
    ("8", Colour::Eight),
    ("16", Colour::Sixteen),
    ("256", Colour::TwoFiftySix),
    ("all", Colour::All),
];

/// The words of `glyphs`.
pub const GLYPHS: [(&str, Glyphs); 3] =
    [("auto", Glyphs::Auto), ("unicode", Glyphs::Unicode), ("ascii", Glyphs::Ascii)];

/// `[ui]`.
pub fn ui(section: Option<Section<'_>>, vocabulary: &Vocabulary) -> UiSettings {
    let mut ui = UiSettings::default();
    let Some(s) = section else { return ui };
    if let Some(theme) = s.filled("theme") {
        known(&s, "theme", theme.value, theme.at, &vocabulary.themes);
        ui.theme = Some(theme.value.to_owned());
    }
    ui.colour = s.word("colour", &COLOURS).or(s.word("color", &COLOURS)).unwrap_or_default();
    ui.glyphs = s.word("glyphs", &GLYPHS).unwrap_or_default();
    ui.mouse = s.flag("mouse").unwrap_or(ui.mouse);
    ui.reduce_motion = s.flag("reduce_motion").unwrap_or(ui.reduce_motion);
    let times =
        [("relative", TimeStyle::Relative), ("local", TimeStyle::Local), ("utc", TimeStyle::Utc)];
    ui.times = s.word("times", &times).unwrap_or_default();
    let wait = s.integer("escape_ms", 0..=2_000);
    ui.escape = wait.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
    if let Some(tabs) = s.texts("tabs") {
        for tab in tabs {
            known(&s, "tab", tab.value, tab.at, &vocabulary.tabs);
            if ui.tabs.iter().any(|t| t == tab.value) {
                s.report().error(tab.at, format!("tab \"{}\" is there twice", tab.value), "");
            }
            ui.tabs.push(tab.value.to_owned());
        }
    }
    ui.keys = keys(&s, vocabulary);
    s.finish();
    ui
}

/// `keys = { acknowledge = "a", filter = ["/", "f"] }`. An empty list unbinds.
fn keys(s: &Section<'_>, vocabulary: &Vocabulary) -> BTreeMap<String, Vec<String>> {
    let mut keys = BTreeMap::new();
    let Some(node) = s.node("keys") else { return keys };
    let Value::Table(table) = &node.value else {
        let remedy = "write it as keys = { acknowledge = \"a\" }";
        s.report().error(node.at.0, format!("ui.keys is {}", node.value.what()), remedy);
        return keys;
    };
    for entry in &table.0 {
        known(s, "action", &entry.key, entry.at.0, &vocabulary.actions);
        let list = match &entry.node.value {
            Value::List(list) => list.as_slice(),
            _ => std::slice::from_ref(&entry.node),
        };
        let mut bound = Vec::new();
        for item in list {
            let Value::Text(key) = &item.value else {
                let message = format!("the key of {} is {}", entry.key, item.value.what());
                s.report().error(
                    item.at.0,
                    message,
                    "write keys as texts: \"a\" or [\"a\", \"g a\"]",
                );
                continue;
            };
            bound.push(key.clone());
        }
        keys.insert(entry.key.clone(), bound);
    }
    for (action, why) in (vocabulary.check_keys)(&keys) {
        // An unknown action was reported above.
        if let Some(entry) = table.get(&action).filter(|e| vocabulary.actions.contains(&e.key)) {
            s.report().error(entry.node.at.0, why, "");
        }
    }
    keys
}

fn known(
    s: &Section<'_>,
    what: &str,
    word: &str,
    at: crate::config::problem::Place,
    list: &[String],
) {
    if !list.is_empty() && !list.iter().any(|k| k == word) {
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        s.report().error(at, format!("unknown {what} \"{word}\""), suggest(word, &list, "known"));
    }
}

/// `[notify]`.
pub fn notify(
    section: Option<Section<'_>>,
) -> (NotifySettings, Vec<ChannelSettings>, Channels<'_>) {
    let mut notify = NotifySettings::default();
    let Some(s) = section else { return (notify, Vec::new(), Channels::default()) };
    notify.desktop = switch(&s, "desktop");
    notify.terminal = switch(&s, "terminal");
    notify.bell = s.flag("bell").unwrap_or(notify.bell);
    if let Some(p) = s.integer("min_priority", 1..=5) {
        notify.min_priority = Priority(p as u8);
    }
    let (channels, known) = super::channel::channels(s.sections("channels"));
    s.finish();
    (notify, channels, known)
}

/// `true`, `false` or `"auto"`.
fn switch(s: &Section<'_>, key: &'static str) -> Switch {
    let Some(node) = s.node(key) else { return Switch::Auto };
    match &node.value {
        Value::Bool(true) => Switch::On,
        Value::Bool(false) => Switch::Off,
        Value::Text(t) if t == "auto" => Switch::Auto,
        _ => {
            let message = format!("{}.{key} cannot be that", s.name);
            s.report().error(node.at.0, message, "it takes true, false or \"auto\"");
            Switch::Auto
        }
    }
}
